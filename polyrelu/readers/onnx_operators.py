"""The operators of ONNX in terms of :mod:`~polyrelu.readers.operators`, attributes and inputs of every opset from 7.

Every function has the operator's inputs as positional and its attributes as keyword parameters; the reader takes from
the signature what it may pass. What newer opsets made an input may still come as an attribute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..exact import fraction
from . import activations, arithmetic, windows
from .arithmetic import constant, fold, rearrange
from .lowering import Array, Lowering, Tensor, Value, lift
from .operators import global_average_pool, global_max_pool, identity

_SAME = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


def _integers(value: Value | None, given: Any, what: str) -> list[int] | None:
    """Return whole numbers that came as an input or as an attribute."""
    if value is None:
        return None if given is None else [int(n) for n in given]
    if isinstance(value, Tensor) and value.blocks:
        raise UnsupportedOperator(f"{what} is computed from the input; export with a fixed one")
    array = constant(value, what)
    if array.dtype.kind not in "iu":
        raise ModelError(f"{what} has element type {array.dtype}; the graph is malformed")
    return [int(n) for n in array.ravel()]


# defaults of attributes are binary32 numbers
_DEFAULTS = {text: fraction(np.float32(text)) for text in ("1e-5", "0.01", "0.2", "0.5")}


# -- sums and products ----------------------------------------------------------------
def _add(net: Lowering, x: Value, y: Value, *, broadcast: int = 0) -> Value:
    return arithmetic.add(net, x, y)


def _subtract(net: Lowering, x: Value, y: Value, *, broadcast: int = 0) -> Value:
    return arithmetic.subtract(net, x, y)


def _multiply(net: Lowering, x: Value, y: Value, *, broadcast: int = 0) -> Value:
    return arithmetic.multiply(net, x, y)


def _divide(net: Lowering, x: Value, y: Value, *, broadcast: int = 0) -> Value:
    if not isinstance(x, Tensor) and not isinstance(y, Tensor) and x.dtype.kind in "iu" and y.dtype.kind in "iu":
        if y.all():  # sizes of tensors are divided towards zero
            return fold(np.frompyfunc(lambda a, b: abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1), 2, 1), x, y)
    return arithmetic.divide(net, x, y)


def _sum(net: Lowering, *values: Value) -> Value:
    return arithmetic.total(net, values)


def _mean(net: Lowering, *values: Value) -> Value:
    return arithmetic.average(net, values)


def _max(net: Lowering, *values: Value) -> Value:
    return activations.maximum(net, values)


def _min(net: Lowering, *values: Value) -> Value:
    return activations.minimum(net, values)


def _gemm(
    net: Lowering, a: Value, b: Value, c: Value | None = None, *, alpha: Any = 1, beta: Any = 1, transA: int = 0,
    transB: int = 0, broadcast: int = 0,
) -> Value:
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise ModelError(f"shapes {a.shape} and {b.shape}; Gemm multiplies two matrices")
    a = arithmetic.transpose(net, a) if transA else a
    b = arithmetic.transpose(net, b) if transB else b
    product = lift(arithmetic.matmul(net, a, b)).scale(fraction(alpha, "alpha"))
    if c is None:
        return product
    if arithmetic.broadcast_shape(c.shape, product.shape) != product.shape:
        raise ModelError(f"C of shape {c.shape} does not broadcast to {product.shape}")
    return arithmetic.add(net, product, lift(c).scale(fraction(beta, "beta")))


def _batch_norm(
    net: Lowering, x: Value, scale: Value, bias: Value, mean: Value, variance: Value, *,
    stabilizer: Any = _DEFAULTS["1e-5"], momentum: Any = None, training_mode: int = 0, spatial: int = 1,
    is_test: int = 1,
) -> Value:
    if training_mode or not spatial or not is_test:
        raise UnsupportedOperator("normalizes by statistics of the batch; export the model in evaluation mode")
    return arithmetic.batch_norm(net, x, mean, variance, scale, bias, stabilizer)


# -- activations ----------------------------------------------------------------------
def _leaky_relu(net: Lowering, x: Value, *, alpha: Any = _DEFAULTS["0.01"]) -> Value:
    return activations.leaky_relu(net, x, alpha)


def _clip(net: Lowering, x: Value, low: Value | None = None, high: Value | None = None, *, min: Any = None,
          max: Any = None) -> Value:
    return activations.clip(net, x, min if low is None else low, max if high is None else high)


def _hard_sigmoid(net: Lowering, x: Value, *, alpha: Any = _DEFAULTS["0.2"], beta: Any = _DEFAULTS["0.5"]) -> Value:
    return activations.hard_sigmoid(net, x, alpha, beta)


def _shrink(net: Lowering, x: Value, *, bias: Any = 0, lambd: Any = _DEFAULTS["0.5"]) -> Value:
    if bias != lambd:
        raise UnsupportedOperator(f"Shrink with bias {bias} and lambd {lambd} jumps; it is continuous where both agree")
    return activations.soft_shrink(net, x, lambd)


def _drop(net: Lowering, x: Value, *, axis: int = -1) -> Value:
    return activations.drop(net, x)


def _dropout(
    net: Lowering, x: Value, rate: Value | None = None, training: Value | None = None, *, ratio: Any = None,
    seed: int = 0, is_test: int = 1,
) -> Value:
    if not is_test or (training is not None and constant(training, "training_mode").any()):
        raise UnsupportedOperator("is in training mode; export the model in evaluation mode")
    return x


# -- convolutions and pooling ---------------------------------------------------------
def _padding(auto_pad: str, pads: Sequence[int] | None, ceil_mode: int = 0) -> Any:
    if ceil_mode and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedOperator(f"has both auto_pad {auto_pad} and ceil_mode, on which runtimes differ; export pads")
    if auto_pad in _SAME:
        return _SAME[auto_pad]
    return 0 if pads is None else list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))


def _conv(
    net: Lowering, x: Value, w: Value, b: Value | None = None, *, auto_pad: str = "NOTSET", dilations: Any = 1,
    group: int = 1, kernel_shape: Any = None, pads: Any = None, strides: Any = 1,
) -> Value:
    return windows.conv(net, x, w, b, strides, _padding(auto_pad, pads), dilations, group)


def _conv_transpose(
    net: Lowering, x: Value, w: Value, b: Value | None = None, *, auto_pad: str = "NOTSET", dilations: Any = 1,
    group: int = 1, kernel_shape: Any = None, output_padding: Any = 0, output_shape: Any = None, pads: Any = None,
    strides: Any = 1,
) -> Value:
    rank = len(x.shape) - 2
    steps, gaps = windows.per_axis(strides, rank, "strides"), windows.per_axis(dilations, rank, "dilations")
    padding = _padding("NOTSET", pads)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER") and output_shape is None:
        output_shape = [n * step for n, step in zip(x.shape[2:], steps, strict=True)]
    if output_shape is not None:
        more = windows.per_axis(output_padding, rank, "output padding")
        padding = []
        for n, step, k, gap, extra, out in zip(x.shape[2:], steps, w.shape[2:], gaps, more, output_shape, strict=True):
            whole = step * (n - 1) + extra + (k - 1) * gap + 1 - int(out)
            half = whole // 2
            padding.append((half, whole - half) if auto_pad == "SAME_UPPER" else (whole - half, half))
    return windows.conv_transpose(net, x, w, b, steps, padding, output_padding, group, gaps)


def _max_pool(
    net: Lowering, x: Value, *, kernel_shape: Any, auto_pad: str = "NOTSET", ceil_mode: int = 0, dilations: Any = 1,
    pads: Any = None, storage_order: int = 0, strides: Any = 1,
) -> Value:
    padding = _padding(auto_pad, pads, ceil_mode)
    return windows.max_pool(net, x, kernel_shape, strides, padding, dilations, bool(ceil_mode))


def _average_pool(
    net: Lowering, x: Value, *, kernel_shape: Any, auto_pad: str = "NOTSET", ceil_mode: int = 0,
    count_include_pad: int = 0, dilations: Any = 1, pads: Any = None, strides: Any = 1,
) -> Value:
    padding = _padding(auto_pad, pads, ceil_mode)
    return windows.average_pool(
        net, x, kernel_shape, strides, padding, dilations, bool(ceil_mode), bool(count_include_pad)
    )


# -- reductions -----------------------------------------------------------------------
def _reduction(function: Callable[..., Value]) -> Callable[..., Value]:
    def reduce(
        net: Lowering, x: Value, at: Value | None = None, *, axes: Any = None, keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Value:
        along = _integers(at, axes, "the list of axes")
        if not along and noop_with_empty_axes:
            return x
        return function(net, x, along or None, bool(keepdims))

    return reduce


# -- shapes ---------------------------------------------------------------------------
def _flatten(net: Lowering, x: Value, *, axis: int = 1) -> Value:
    rank = len(x.shape)
    if not -rank <= axis <= rank:
        raise ModelError(f"axis {axis} does not exist in shape {x.shape}")
    axis += rank if axis < 0 else 0
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _reshape(net: Lowering, x: Value, target: Value | None = None, *, allowzero: int = 0, shape: Any = ()) -> Value:
    sizes = _integers(target, shape, "the new shape") or []
    for axis, n in enumerate(sizes):
        if n == 0 and not allowzero and axis < len(x.shape):
            sizes[axis] = x.shape[axis]
    return arithmetic.reshape(net, x, sizes)


def _transpose(net: Lowering, x: Value, *, perm: Any = None) -> Value:
    return arithmetic.transpose(net, x, perm)


def _squeeze(net: Lowering, x: Value, at: Value | None = None, *, axes: Any = None) -> Value:
    return arithmetic.squeeze(net, x, _integers(at, axes, "the list of axes"))


def _unsqueeze(net: Lowering, x: Value, at: Value | None = None, *, axes: Any = ()) -> Value:
    return arithmetic.unsqueeze(net, x, _integers(at, axes, "the list of axes") or [])


def _expand(net: Lowering, x: Value, target: Value) -> Value:
    return arithmetic.expand(net, x, _integers(target, None, "the new shape"))


def _tile(net: Lowering, x: Value, repeats: Value) -> Value:
    times = _integers(repeats, None, "the repeats") or []
    arithmetic.sized([n * k for n, k in zip(x.shape, times, strict=False)])
    return rearrange(x, lambda a: np.tile(a, times))


def _concat(net: Lowering, *values: Value, axis: int) -> Value:
    return arithmetic.concat(net, values, axis)


def _split(
    net: Lowering, x: Value, at: Value | None = None, *, axis: int = 0, split: Any = None, num_outputs: int = 0,
    outputs: int = 0,
) -> list[Value]:
    sizes = _integers(at, split, "the sizes of the parts")
    if sizes is None:
        n, parts = x.shape[axis], num_outputs or outputs
        most = -(-n // parts)
        sizes = [min(most, max(0, n - i * most)) for i in range(parts)]
    return arithmetic.split(net, x, sizes, axis)


def _slice(
    net: Lowering, x: Value, first: Value | None = None, last: Value | None = None, at: Value | None = None,
    by: Value | None = None, *, starts: Any = (), ends: Any = (), axes: Any = None,
) -> Value:
    begin, end = _integers(first, starts, "starts") or [], _integers(last, ends, "ends") or []
    along = _integers(at, axes, "the list of axes")
    steps = _integers(by, None, "steps") or [1] * len(begin)
    index = [slice(None)] * len(x.shape)
    for axis, a, b, step in zip(range(len(begin)) if along is None else along, begin, end, steps, strict=True):
        if not -len(x.shape) <= axis < len(x.shape):
            raise ModelError(f"axis {axis} does not exist in shape {x.shape}")
        # an end before the first entry, from which a negative step comes, is no end for Python
        index[axis] = slice(a, None if step < 0 and b < -x.shape[axis] else b, step)
    return arithmetic.take_slice(net, x, tuple(index))


def _gather(net: Lowering, x: Value, indices: Value, *, axis: int = 0) -> Value:
    return arithmetic.gather(net, x, indices, axis)


def _pad(
    net: Lowering, x: Value, at: Value | None = None, filler: Value | None = None, along: Value | None = None, *,
    pads: Any = (), paddings: Any = None, mode: str = "constant", value: Any = 0,
) -> Value:
    widths = _integers(at, pads if paddings is None else paddings, "the padding") or []
    rank, half = len(x.shape), len(widths) // 2
    axes = _integers(along, None, "the list of axes")
    full = [(0, 0)] * rank
    pairs = zip(widths[:half], widths[half:], strict=True)
    for axis, pair in zip(range(rank) if axes is None else axes, pairs, strict=True):
        full[axis] = pair
    return arithmetic.pad(net, x, full, mode, value if filler is None else filler)


# -- constants ------------------------------------------------------------------------
def _constant(
    net: Lowering, *, value: Any = None, value_float: Any = None, value_floats: Any = None, value_int: Any = None,
    value_ints: Any = None,
) -> Array:
    given = [v for v in (value, value_float, value_floats, value_int, value_ints) if v is not None]
    if len(given) != 1:
        raise ModelError(f"{len(given)} values; a Constant has exactly one")
    return np.asarray(given[0])


def _cast(net: Lowering, x: Value, *, to: int, saturate: int = 1, round_mode: str = "up") -> Value:
    from onnx import helper

    kind = np.dtype(helper.tensor_dtype_to_np_dtype(to))
    floating = kind.kind == "f" or kind.name == "bfloat16"
    if arithmetic.is_computed(x):
        if not floating:
            raise UnsupportedOperator(f"rounds computed values to {kind.name}, which jumps; export without it")
        return x  # what a runtime rounds there is no part of the network
    cast = constant(x, "x").astype(kind)
    return cast.astype(np.float64) if kind.name == "bfloat16" else cast


def _shape(net: Lowering, x: Value, *, start: int = 0, end: int | None = None) -> Array:
    return np.array(x.shape, dtype=np.int64)[start:end]


def _size(net: Lowering, x: Value) -> Array:
    return np.array(math.prod(x.shape))


def _constant_of_shape(net: Lowering, shape: Value, *, value: Array | None = None) -> Array:
    sizes = arithmetic.sized(_integers(shape, None, "the shape") or [])
    return np.full(sizes, np.float32(0) if value is None else value.ravel()[0])


def _range(net: Lowering, start: Value, limit: Value, delta: Value) -> Array:
    return np.arange(*(constant(v, "the range").item() for v in (start, limit, delta)))


def _equal(net: Lowering, x: Value, y: Value) -> Array:
    for value in (x, y):
        if arithmetic.is_computed(value):
            activations.refuse("Equal", "")
    return np.asarray(constant(x, "x") == constant(y, "y"))


def _where(net: Lowering, condition: Value, x: Value, y: Value) -> Value:
    if arithmetic.is_computed(condition):
        activations.refuse("Where", "")
    chosen = constant(condition, "the condition").astype(bool)
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        return np.where(chosen, x, y)
    mask = chosen.astype(np.int64)
    return arithmetic.add(net, arithmetic.multiply(net, mask, x), arithmetic.multiply(net, 1 - mask, y))


# the operators that exporters use; QuantizeLinear and the like are refused by name
OPERATORS: dict[str, Callable[..., Any]] = {
    "Abs": activations.absolute,
    "Add": _add,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Div": _divide,
    "Dropout": _dropout,
    "Equal": _equal,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "HardSigmoid": _hard_sigmoid,
    "Identity": identity,
    "LeakyRelu": _leaky_relu,
    "LogSoftmax": _drop,
    "MatMul": arithmetic.matmul,
    "Max": _max,
    "MaxPool": _max_pool,
    "Mean": _mean,
    "Min": _min,
    "Mul": _multiply,
    "Neg": arithmetic.negate,
    "PRelu": activations.prelu,
    "Pad": _pad,
    "Range": _range,
    "ReduceMax": _reduction(activations.reduce_max),
    "ReduceMean": _reduction(arithmetic.reduce_mean),
    "ReduceMin": _reduction(activations.reduce_min),
    "ReduceSum": _reduction(arithmetic.reduce_sum),
    "Relu": activations.relu,
    "Reshape": _reshape,
    "Shape": _shape,
    "Shrink": _shrink,
    "Sigmoid": _drop,
    "Size": _size,
    "Slice": _slice,
    "Softmax": _drop,
    "Split": _split,
    "Squeeze": _squeeze,
    "Sub": _subtract,
    "Sum": _sum,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
