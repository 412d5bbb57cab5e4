"""Keras 3 models: Sequential and Functional, nested, with the layers of docs/models.md.

The model's graph of layers is walked in its own order and carried out on exact values. Convolutions and pooling work
channels first here; a layer with channels last is given its input transposed, and its output is transposed back.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..exact import fraction
from ..network import ReluNetwork
from . import activations, arithmetic, windows
from .activations import refuse
from .files import existing_file, located, one_line, require
from .lowering import Array, Lowering, Value
from .operators import global_average_pool, global_max_pool, identity


def from_keras(model: Any) -> ReluNetwork:
    """Read a Keras 3 model.

    Parameters
    ----------
    model : keras.Sequential or keras.Model
        Built (Sequential) or functional, with one input and one output, on any backend; see docs/models.md for
        the layers. It is read as at inference: ``Dropout`` is the identity and batch normalization uses its
        moving averages.

    Returns
    -------
    ReluNetwork
        From the flattened input to the flattened output, in Keras's order of entries. Neurons are named after the
        layer that computes their pre-activation (``conv2d[3,4,5]``). A softmax or sigmoid at the very end is left
        out, as :attr:`ReluNetwork.notes` then says.

    Raises
    ------
    UnsupportedOperator
        A layer or an activation that is not piecewise linear or has no reader; the message names it.
    ModelError
        A model without layers or with several inputs, an input size that is None, weights that are not finite.
    MissingDependency
        Keras 3 is not installed.

    Notes
    -----
    Exactness: *exact*, but for batch normalization and ``Normalization``, whose irrational scales are rounded to the
    nearest binary64 number. Keras itself rounds after every operation; this is the network that it rounds.
    """
    keras = require("keras", "keras")
    if not isinstance(model, keras.Model):
        kind = type(model).__name__
        raise ModelError(f"{kind} is no Keras model; give a keras.Sequential or a functional keras.Model")
    graph = _graph(model)
    for kind, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if len(tensors) != 1:
            raise ModelError(f"the model has {len(tensors)} {kind}; it must have exactly one")
    shape = graph.inputs[0].shape[1:]
    if None in shape:
        raise ModelError(f"the input has shape {tuple(shape)}; build the model with fixed sizes")
    builder = Lowering(math.prod(shape))
    x: Value = builder.input((1, *shape))
    return builder.finish(_Walk(keras, builder).model(graph, [x], "")[0])


def load_keras(path: str | os.PathLike[str]) -> ReluNetwork:
    """Read a ``.keras`` file; see :func:`from_keras`. Code in the file (Lambda layers) is never run."""
    with located(path):
        file = existing_file(path)
        keras = require("keras", "keras")
        try:
            model = keras.saving.load_model(file, compile=False, safe_mode=True)
        except Exception as error:  # zip, JSON, HDF5 and configurations: all their own types
            raise ModelError(f"this is not a readable Keras model ({one_line(error)}); save it again") from None
        return from_keras(model)


def _graph(model: Any) -> Any:
    """Return the functional model that a model is, or has inside."""
    graph = getattr(model, "_functional", None) if type(model).__name__ == "Sequential" else model
    if graph is None:
        raise ModelError("the Sequential model is not built; begin it with keras.Input, or call build(input_shape)")
    if not hasattr(graph, "_nodes_by_depth"):
        raise UnsupportedOperator(
            f"{type(model).__name__} has a call method of its own; give a Sequential or functional model, or export it"
        )
    return graph


class _Walk:
    """One pass over a functional model's nodes, and over those of the models inside."""

    def __init__(self, keras: Any, net: Lowering):
        self.keras, self.net = keras, net

    def model(self, graph: Any, inputs: Sequence[Value], prefix: str) -> list[Value]:
        values = {id(t): x for t, x in zip(graph.inputs, inputs, strict=True)}

        def fill(arguments: Any) -> Any:
            if isinstance(arguments, list | tuple):
                return [fill(a) for a in arguments]
            if isinstance(arguments, dict):
                return {key: fill(a) for key, a in arguments.items()}
            return values[id(arguments)] if isinstance(arguments, self.keras.KerasTensor) else arguments

        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for node in graph._nodes_by_depth[depth]:
                if node.is_input or all(id(t) in values for t in node.outputs):
                    continue
                result = self.operation(node.operation, fill(node.arguments.args), fill(node.arguments.kwargs), prefix)
                values |= {id(t): x for t, x in zip(node.outputs, result, strict=True)}
        return [values[id(t)] for t in graph.outputs]

    def operation(self, op: Any, inputs: list[Any], given: dict[str, Any], prefix: str) -> list[Value]:
        name, kind = prefix + op.name, type(op).__name__
        label = f"{name} ({kind})"
        if isinstance(op, self.keras.Model):
            with located(label):
                graph = _graph(op)
                _plain_call(inputs, given)
            return self.model(graph, inputs[0] if isinstance(inputs[0], list) else inputs[:1], f"{name}.")
        with located(label):
            if not type(op).__module__.startswith("keras."):
                raise UnsupportedOperator("has a call method of its own; build it from Keras's own layers, or export")
            if not isinstance(op, self.keras.layers.Layer):
                if kind not in OPERATIONS:
                    refuse(kind, ", ".join([*LAYERS, *OPERATIONS]))
                return [self.net.step(label, name, OPERATIONS[kind], op, *inputs, **given)]
            if kind not in LAYERS:
                refuse(kind, ", ".join(LAYERS))
            if getattr(op, "quantization_mode", None):
                refuse("quantized weights", "")
            _plain_call(inputs, given)
        result = self.net.step(label, name, LAYERS[kind], inputs[0], op)
        return [self.activation(result, op, label, name)]

    def activation(self, x: Value, layer: Any, label: str, name: str) -> Value:
        """Apply the activation that a layer carries."""
        function = getattr(layer, "activation", None)
        if function is None:
            return x
        if isinstance(function, self.keras.layers.Layer):
            return self.operation(function, [x], {}, f"{name}.")[0]
        called = getattr(function, "__name__", type(function).__name__)
        with located(label):
            if called not in ACTIVATIONS or function is not self.keras.activations.get(called):
                refuse(called, ", ".join(ACTIVATIONS))
        result: Value = self.net.step(label, name, ACTIVATIONS[called], x)
        return result


def _plain_call(inputs: Sequence[Any], given: dict[str, Any]) -> None:
    """Refuse a layer that is called with more than its input: with training=True, or a mask."""
    named = {**{f"argument {i}": value for i, value in enumerate(inputs[1:], 2)}, **given}
    for key, value in named.items():
        if value is not None and value is not False:
            what = f"{key}={value}" if value is True else key
            raise UnsupportedOperator(
                f"is called with {what}, so that it is not what it is at inference; call it with its input alone"
            )


# -- activations ----------------------------------------------------------------------
def _relu6(net: Lowering, x: Value) -> Value:
    return activations.clip(net, x, 0, 6)


def _leaky_relu(net: Lowering, x: Value) -> Value:
    return activations.leaky_relu(net, x, 0.2)  # Keras's default


def _hard_tanh(net: Lowering, x: Value) -> Value:
    return activations.clip(net, x, -1, 1)


ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "hard_sigmoid": activations.hard_sigmoid,
    "hard_tanh": _hard_tanh,
    "leaky_relu": _leaky_relu,
    "linear": identity,
    "log_softmax": activations.drop,
    "relu": activations.relu,
    "relu6": _relu6,
    "sigmoid": activations.drop,
    "soft_shrink": activations.soft_shrink,
    "softmax": activations.drop,
}


# -- layers: of a value and the layer -------------------------------------------------
def _weights(variable: Any, what: str) -> Array:
    """Return a variable's numbers, exactly; None stays None."""
    keras = require("keras", "keras")
    array = np.asarray(keras.ops.convert_to_numpy(variable))
    if array.dtype.kind not in "fiu":  # bfloat16, a type outside numpy
        array = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32")))
    if not np.isfinite(array).all():
        raise ModelError(f"{what} has an entry that is not finite; every number must be")
    return array


def _bias(layer: Any) -> Array | None:
    return None if layer.bias is None else _weights(layer.bias, "bias")


def _unchanged(net: Lowering, x: Value, layer: Any) -> Value:
    return x


def _channels_first(function: Callable[..., Value]) -> Callable[..., Value]:
    """Return the function of a layer that works channels first, for layers that say where their channels are."""

    def moved(net: Lowering, x: Value, layer: Any) -> Value:
        if layer.data_format == "channels_first":
            return function(net, x, layer)
        rank = len(x.shape)
        y = function(net, arithmetic.transpose(net, x, [0, rank - 1, *range(1, rank - 1)]), layer)
        return arithmetic.transpose(net, y, [0, *range(2, rank), 1]) if len(y.shape) == rank else y

    return moved


def _dense(net: Lowering, x: Value, layer: Any) -> Value:
    return arithmetic.linear(net, x, _weights(layer.kernel, "kernel").T, _bias(layer))


def _filters(kernel: Array) -> Array:
    """Return a kernel (*size, in, out) as (out, in, *size)."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def _conv(net: Lowering, x: Value, layer: Any) -> Value:
    kernel = _filters(_weights(layer.kernel, "kernel"))
    padding: Any = layer.padding
    if padding == "causal":
        padding = [((kernel.shape[2] - 1) * layer.dilation_rate[0], 0)]
    return windows.conv(net, x, kernel, _bias(layer), layer.strides, padding, layer.dilation_rate, layer.groups)


def _depthwise(kernel: Array) -> Array:
    """Return a kernel (*size, in, multiplier) as that of a convolution in as many groups as inputs."""
    moved = np.moveaxis(kernel, (-2, -1), (0, 1))
    return moved.reshape(-1, 1, *moved.shape[2:])


def _depthwise_conv(net: Lowering, x: Value, layer: Any) -> Value:
    kernel = _depthwise(_weights(layer.kernel, "kernel"))
    return windows.conv(
        net, x, kernel, _bias(layer), layer.strides, layer.padding, layer.dilation_rate, x.shape[1]
    )


def _separable_conv(net: Lowering, x: Value, layer: Any) -> Value:
    depth = _depthwise(_weights(layer.depthwise_kernel, "depthwise_kernel"))
    y = windows.conv(net, x, depth, None, layer.strides, layer.padding, layer.dilation_rate, x.shape[1])
    return windows.conv(net, y, _filters(_weights(layer.pointwise_kernel, "pointwise_kernel")), _bias(layer))


def _conv_transpose(net: Lowering, x: Value, layer: Any) -> Value:
    if getattr(layer, "output_padding", None) is not None:
        raise UnsupportedOperator("has an output_padding, which has no exact reader; crop or pad in a layer of its own")
    kernel = _filters(_weights(layer.kernel, "kernel"))  # (*size, out, in) as (in, out, *size)
    pads, more = [], []
    for k, step, gap in zip(kernel.shape[2:], layer.strides, layer.dilation_rate, strict=True):
        over = gap * (k - 1) + 1 - step
        cut = max(0, over) if layer.padding == "same" else 0
        pads.append((cut // 2, cut - cut // 2))
        more.append(max(0, -over))
    return windows.conv_transpose(net, x, kernel, _bias(layer), layer.strides, pads, more, 1, layer.dilation_rate)


def _max_pool(net: Lowering, x: Value, layer: Any) -> Value:
    return windows.max_pool(net, x, layer.pool_size, layer.strides, layer.padding)


def _average_pool(net: Lowering, x: Value, layer: Any) -> Value:
    pads = windows.paddings(layer.padding, x.shape[2:], layer.pool_size, layer.strides, [1] * (len(x.shape) - 2))
    if require("keras", "keras").config.backend() == "torch" and any(before != after for before, after in pads):
        raise UnsupportedOperator(
            "averages with padding='same' that is uneven, which Keras on torch fills with copies of the edge and "
            "elsewhere leaves out; pad evenly, or use another backend"
        )
    return windows.average_pool(net, x, layer.pool_size, layer.strides, layer.padding)


def _global(function: Callable[..., Value]) -> Callable[..., Value]:
    def pooled(net: Lowering, x: Value, layer: Any) -> Value:
        y = function(net, x)
        return y if layer.keepdims else y.reshape(x.shape[:2])

    return _channels_first(pooled)


def _batch_norm(net: Lowering, x: Value, layer: Any) -> Value:
    gamma = _weights(layer.gamma, "gamma") if layer.scale else None
    beta = _weights(layer.beta, "beta") if layer.center else None
    mean, variance = _weights(layer.moving_mean, "moving_mean"), _weights(layer.moving_variance, "moving_variance")
    stabilizer = layer.get_config()["epsilon"]
    return arithmetic.batch_norm(net, x, mean, variance, gamma, beta, stabilizer, layer.axis)


def _normalization(net: Lowering, x: Value, layer: Any) -> Value:
    if layer.invert or layer.mean is None:
        raise UnsupportedOperator("inverts, or has not seen data; adapt it first, and do not invert")
    mean, variance = _weights(layer.mean, "mean"), _weights(layer.variance, "variance")
    least = fraction(vars(require("keras", "keras").config)["epsilon"]())
    one = arithmetic.rationals(variance, "variance")
    scale = [arithmetic.root_quotient(fraction(1), max(v, least * least)) for v in one.ravel()]
    return arithmetic.multiply(net, arithmetic.subtract(net, x, mean), np.array(scale).reshape(variance.shape))


def _relu(net: Lowering, x: Value, layer: Any) -> Value:
    if layer.threshold:
        raise UnsupportedOperator(f"jumps at its threshold {layer.threshold}; only the threshold 0 is continuous")
    return activations.bounded_relu(net, x, layer.negative_slope or 0, layer.max_value)


def _leaky(net: Lowering, x: Value, layer: Any) -> Value:
    return activations.leaky_relu(net, x, layer.negative_slope)


def _prelu(net: Lowering, x: Value, layer: Any) -> Value:
    return activations.prelu(net, x, _weights(layer.alpha, "alpha"))


def _drop(net: Lowering, x: Value, layer: Any) -> Value:
    return activations.drop(net, x)


def _rescaling(net: Lowering, x: Value, layer: Any) -> Value:
    return arithmetic.add(net, arithmetic.multiply(net, x, np.asarray(layer.scale)), np.asarray(layer.offset))


def _flatten(net: Lowering, x: Value, layer: Any) -> Value:
    if layer.data_format == "channels_first" and len(x.shape) > 2:
        x = arithmetic.transpose(net, x, [0, *range(2, len(x.shape)), 1])
    return x.reshape((1, math.prod(x.shape)))


def _reshape(net: Lowering, x: Value, layer: Any) -> Value:
    return arithmetic.reshape(net, x, (1, *layer.target_shape))


def _permute(net: Lowering, x: Value, layer: Any) -> Value:
    return arithmetic.transpose(net, x, [0, *layer.dims])


def _padded(sign: int, attribute: str) -> Callable[..., Value]:
    def padded(net: Lowering, x: Value, layer: Any) -> Value:
        given = getattr(layer, attribute)
        pairs = [given] if isinstance(given[0], int) else given  # 1-D layers have one pair
        return arithmetic.pad(net, x, [(0, 0), (0, 0), *((sign * a, sign * b) for a, b in pairs)])

    def one_axis(net: Lowering, x: Value, layer: Any) -> Value:
        if hasattr(layer, "data_format"):
            return _channels_first(padded)(net, x, layer)
        moved = padded(net, arithmetic.transpose(net, x, [0, 2, 1]), layer)
        return arithmetic.transpose(net, moved, [0, 2, 1])

    return one_axis


def _merged(function: Callable[..., Value]) -> Callable[..., Value]:
    def merge(net: Lowering, values: list[Value], layer: Any) -> Value:
        return function(net, values)

    return merge


def _subtracted(net: Lowering, values: list[Value], layer: Any) -> Value:
    return arithmetic.subtract(net, *values)


def _concatenated(net: Lowering, values: list[Value], layer: Any) -> Value:
    return arithmetic.concat(net, values, layer.axis)


LAYERS: dict[str, Callable[..., Any]] = {
    "Activation": _unchanged,
    "Add": _merged(arithmetic.total),
    "Average": _merged(arithmetic.average),
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenated,
    "Dense": _dense,
    "Flatten": _flatten,
    "LeakyReLU": _leaky,
    "Maximum": _merged(activations.maximum),
    "Minimum": _merged(activations.minimum),
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Permute": _permute,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "Softmax": _drop,
    "Subtract": _subtracted,
}
for _dimension in ("1D", "2D", "3D"):
    LAYERS[f"AveragePooling{_dimension}"] = _channels_first(_average_pool)
    LAYERS[f"Conv{_dimension}"] = _channels_first(_conv)
    LAYERS[f"Conv{_dimension}Transpose"] = _channels_first(_conv_transpose)
    LAYERS[f"Cropping{_dimension}"] = _padded(-1, "cropping")
    LAYERS[f"DepthwiseConv{_dimension}"] = _channels_first(_depthwise_conv)
    LAYERS[f"GlobalAveragePooling{_dimension}"] = _global(global_average_pool)
    LAYERS[f"GlobalMaxPooling{_dimension}"] = _global(global_max_pool)
    LAYERS[f"MaxPooling{_dimension}"] = _channels_first(_max_pool)
    LAYERS[f"SeparableConv{_dimension}"] = _channels_first(_separable_conv)
    LAYERS[f"SpatialDropout{_dimension}"] = _unchanged
    LAYERS[f"ZeroPadding{_dimension}"] = _padded(1, "padding")
for _noise in ("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"):
    LAYERS[_noise] = _unchanged


# -- operations between layers: of the operation and its inputs -----------------------
def _operation(function: Callable[..., Value], count: int) -> Callable[..., Value]:
    def applied(net: Lowering, op: Any, *inputs: Any) -> Value:
        if len(inputs) != count:
            raise UnsupportedOperator("has arguments without exact reader; use a layer instead")
        return function(net, *(np.asarray(x) if isinstance(x, int | float) else x for x in inputs))

    return applied


def _pairwise(function: Callable[..., Value]) -> Callable[..., Value]:
    return _operation(lambda net, x, y: function(net, [x, y]), 2)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Absolute": _operation(activations.absolute, 1),
    "Add": _operation(arithmetic.add, 2),
    "Divide": _operation(arithmetic.divide, 2),
    "Maximum": _pairwise(activations.maximum),
    "Minimum": _pairwise(activations.minimum),
    "Multiply": _operation(arithmetic.multiply, 2),
    "Negative": _operation(arithmetic.negate, 1),
    "Relu": _operation(activations.relu, 1),
    "Relu6": _operation(_relu6, 1),
    "Sigmoid": _operation(activations.drop, 1),
    "Softmax": _operation(activations.drop, 1),
    "Subtract": _operation(arithmetic.subtract, 2),
    "TrueDivide": _operation(arithmetic.divide, 2),
}
