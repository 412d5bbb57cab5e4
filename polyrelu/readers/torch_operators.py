"""The modules, functions and methods of torch in terms of :mod:`~polyrelu.readers.operators`.

Every function has torch's parameter names: a module's attributes of these names are passed, and a call's arguments as
they are. Numbers, tensors and parameters arrive as exact values; sizes stay what they are.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..exact import fraction
from . import activations, arithmetic, windows
from .arithmetic import constant, rearrange
from .lowering import Lowering, Tensor, Value

# stands for the places of maxima, which no operator takes
PLACES = object()

_MODES = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _value(x: Any) -> Any:
    return x if isinstance(x, Tensor | np.ndarray) else np.asarray(x)


def _sizes(given: tuple[Any, ...]) -> list[int]:
    """Return sizes that were passed one by one or as a sequence."""
    return [int(n) for n in (given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given)]


def _axes(dim: Any) -> list[int] | None:
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        return None
    return [dim] if isinstance(dim, int) else list(dim)


def _floating(*kinds: Any) -> None:
    """Refuse to convert to a dtype, or to that of a constant, that rounds to whole numbers."""
    for kind in kinds:
        whole = isinstance(kind, np.ndarray) and kind.dtype.kind in "biu"
        if whole or str(kind).startswith(("torch.int", "torch.uint", "torch.bool", "torch.quint", "torch.qint")):
            raise UnsupportedOperator("rounds to whole numbers, which jumps; use floats")


def _identity(net: Lowering, input: Value, *args: Any, **given: Any) -> Value:
    _floating(*args, *given.values())
    return input


def _dropout(
    net: Lowering, input: Value, p: Any = Fraction(1, 2), training: bool = True, inplace: bool = False,
    train: bool | None = None,
) -> Value:
    if (training if train is None else train) and p:
        raise UnsupportedOperator("drops entries at random, in evaluation too; pass training=self.training")
    return input


# -- activations ----------------------------------------------------------------------
def _relu(net: Lowering, input: Value, inplace: bool = False) -> Value:
    return activations.relu(net, input)


def _leaky_relu(net: Lowering, input: Value, negative_slope: Any = float("0.01"), inplace: bool = False) -> Value:
    return activations.leaky_relu(net, input, negative_slope)


def _prelu(net: Lowering, input: Value, weight: Value) -> Value:
    slopes = constant(weight, "weight").ravel()
    return activations.prelu(net, input, slopes.reshape(-1, *(1,) * max(0, len(input.shape) - 2)))


def _relu6(net: Lowering, input: Value, inplace: bool = False) -> Value:
    return activations.clip(net, input, 0, 6)


def _hardtanh(net: Lowering, input: Value, min_val: Any = -1, max_val: Any = 1, inplace: bool = False) -> Value:
    return activations.clip(net, input, min_val, max_val)


def _hardsigmoid(net: Lowering, input: Value, inplace: bool = False) -> Value:
    return activations.hard_sigmoid(net, input)


def _softshrink(net: Lowering, input: Value, lambd: Any = Fraction(1, 2)) -> Value:
    return activations.soft_shrink(net, input, lambd)


def _threshold(net: Lowering, input: Value, threshold: Any, value: Any, inplace: bool = False) -> Value:
    if fraction(threshold) != fraction(value):
        raise UnsupportedOperator(f"jumps from {value} to {threshold}; it is continuous where both agree")
    return activations.clip(net, input, threshold)


def _clamp(net: Lowering, input: Value, min: Any = None, max: Any = None) -> Value:
    if isinstance(min, Tensor | np.ndarray) or isinstance(max, Tensor | np.ndarray):
        low = input if min is None else activations.maximum(net, [input, _value(min)])
        return low if max is None else activations.minimum(net, [low, _value(max)])
    return activations.clip(net, input, min, max)


def _clamp_min(net: Lowering, input: Value, min: Any) -> Value:
    return _clamp(net, input, min)


def _clamp_max(net: Lowering, input: Value, max: Any) -> Value:
    return _clamp(net, input, None, max)


def _drop(net: Lowering, input: Value, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Value:
    return activations.drop(net, input)


# -- sums, products, maxima -----------------------------------------------------------
def _add(net: Lowering, input: Any, other: Any, alpha: Any = 1) -> Value:
    y = _value(other) if alpha == 1 else arithmetic.multiply(net, _value(other), _value(alpha))
    return arithmetic.add(net, _value(input), y)


def _sub(net: Lowering, input: Any, other: Any, alpha: Any = 1) -> Value:
    return _add(net, input, arithmetic.negate(net, _value(other)), alpha)


def _rsub(net: Lowering, input: Any, other: Any, alpha: Any = 1) -> Value:
    return _sub(net, other, input, alpha)


def _mul(net: Lowering, input: Any, other: Any) -> Value:
    return arithmetic.multiply(net, _value(input), _value(other))


def _div(net: Lowering, input: Any, other: Any, rounding_mode: str | None = None) -> Value:
    if rounding_mode is not None:
        raise UnsupportedOperator(f"rounds ({rounding_mode}), which jumps; divide without rounding")
    return arithmetic.divide(net, _value(input), _value(other))


def _matmul(net: Lowering, input: Any, other: Any) -> Value:
    return arithmetic.matmul(net, _value(input), _value(other))


def _linear(net: Lowering, input: Value, weight: Value, bias: Value | None = None) -> Value:
    return arithmetic.linear(net, input, weight, bias)


def _maximum(net: Lowering, input: Any, other: Any) -> Value:
    return activations.maximum(net, [_value(input), _value(other)])


def _minimum(net: Lowering, input: Any, other: Any) -> Value:
    return activations.minimum(net, [_value(input), _value(other)])


def _extreme(reduce: Callable[..., Value], pair: Callable[..., Value]) -> Callable[..., Any]:
    def either(net: Lowering, input: Value, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
        if other is not None or isinstance(dim, Tensor | np.ndarray):
            return pair(net, input, dim if other is None else other)
        if dim is None:
            return reduce(net, input, None, False)
        return (reduce(net, input, [dim], keepdim), PLACES)

    return either


def _reduction(reduce: Callable[..., Value]) -> Callable[..., Value]:
    def along(net: Lowering, input: Value, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
        _floating(dtype)
        return reduce(net, input, _axes(dim), keepdim)

    return along


def _batch_norm(
    net: Lowering, input: Value, running_mean: Value | None, running_var: Value | None, weight: Value | None = None,
    bias: Value | None = None, training: bool = False, momentum: Any = None,
    stabilizer: Any = float("1e-5"),  # torch's own default, a part of the function that it computes
) -> Value:
    if training:
        raise UnsupportedOperator("normalizes by the batch, in evaluation too; pass training=self.training")
    if running_mean is None or running_var is None:
        raise UnsupportedOperator("keeps no running statistics, so it normalizes by those of the batch; track them")
    return arithmetic.batch_norm(net, input, running_mean, running_var, weight, bias, stabilizer)


# -- convolutions and pooling ---------------------------------------------------------
def _conv(
    net: Lowering, input: Value, weight: Value, bias: Value | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1, padding_mode: str = "zeros",
) -> Value:
    if padding_mode != "zeros" and padding != "valid":
        spatial, kernel = input.shape[2:], weight.shape[2:]
        steps, gaps = (windows.per_axis(v, len(spatial), "stride or dilation") for v in (stride, dilation))
        widths = [(0, 0), (0, 0), *windows.paddings(padding, spatial, kernel, steps, gaps)]
        input, padding = arithmetic.pad(net, input, widths, _MODES[padding_mode]), 0
    return windows.conv(net, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(
    net: Lowering, input: Value, weight: Value, bias: Value | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Value:
    return windows.conv_transpose(net, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _max_pool(
    net: Lowering, input: Value, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Value:
    if return_indices:
        raise UnsupportedOperator("returns the places of its maxima, which jump; set return_indices=False")
    return windows.max_pool(net, input, kernel_size, stride or None, padding, dilation, ceil_mode)


def _avg_pool(
    net: Lowering, input: Value, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Value:
    return windows.average_pool(
        net, input, kernel_size, stride or None, padding, 1, ceil_mode, count_include_pad, divisor_override
    )


def _adaptive_avg_pool(net: Lowering, input: Value, output_size: Any) -> Value:
    return windows.adaptive_average_pool(net, input, output_size)


def _adaptive_max_pool(net: Lowering, input: Value, output_size: Any, return_indices: bool = False) -> Value:
    if return_indices:
        raise UnsupportedOperator("returns the places of its maxima, which jump; set return_indices=False")
    return windows.adaptive_max_pool(net, input, output_size)


def _pad(net: Lowering, input: Value, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Value:
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]  # torch begins with the last axis
    widths = [(0, 0)] * (len(input.shape) - len(pairs)) + pairs
    return arithmetic.pad(net, input, widths, _MODES.get(mode, mode), 0 if value is None else value)


def _padding_module(mode: str) -> Callable[..., Value]:
    def padded(net: Lowering, input: Value, padding: Sequence[int], value: Any = None) -> Value:
        return _pad(net, input, padding, mode, value)

    return padded


# -- shapes ---------------------------------------------------------------------------
def _flatten(net: Lowering, input: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    return arithmetic.flatten(net, input, start_dim, end_dim)


def _unflatten(net: Lowering, input: Value, dim: int, unflattened_size: Sequence[int]) -> Value:
    axis = dim % len(input.shape)
    sizes = list(unflattened_size)
    if -1 in sizes:
        known = math.prod(n for n in sizes if n != -1)
        sizes[sizes.index(-1)] = input.shape[axis] // known if known else 0
    return arithmetic.reshape(net, input, (*input.shape[:axis], *sizes, *input.shape[axis + 1 :]))


def _reshape(net: Lowering, input: Value, *shape: Any) -> Value:
    return arithmetic.reshape(net, input, _sizes(shape))


def _permute(net: Lowering, input: Value, *dims: Any) -> Value:
    return arithmetic.transpose(net, input, _sizes(dims))


def _transpose(net: Lowering, input: Value, dim0: int = 0, dim1: int = 1) -> Value:
    order = list(range(len(input.shape)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return arithmetic.transpose(net, input, order)


def _squeeze(net: Lowering, input: Value, dim: Any = None) -> Value:
    axes = _axes(dim)
    # torch leaves an axis that cannot be dropped
    return arithmetic.squeeze(net, input, None if axes is None else [a for a in axes if input.shape[a] == 1])


def _unsqueeze(net: Lowering, input: Value, dim: int) -> Value:
    return arithmetic.unsqueeze(net, input, [dim])


def _expand(net: Lowering, input: Value, *sizes: Any) -> Value:
    wanted = _sizes(sizes)
    own = [1] * (len(wanted) - len(input.shape)) + list(input.shape)
    return arithmetic.expand(net, input, [n if w == -1 else w for n, w in zip(own, wanted, strict=True)])


def _repeat(net: Lowering, input: Value, *repeats: Any) -> Value:
    times = _sizes(repeats)
    arithmetic.sized([math.prod(times), math.prod(input.shape)])
    return rearrange(input, lambda a: np.tile(a, times))


def _cat(net: Lowering, tensors: Sequence[Value], dim: int = 0, axis: int | None = None) -> Value:
    return arithmetic.concat(net, tensors, dim if axis is None else axis)


def _stack(net: Lowering, tensors: Sequence[Value], dim: int = 0) -> Value:
    return arithmetic.concat(net, [arithmetic.unsqueeze(net, t, [dim]) for t in tensors], dim)


def _split(net: Lowering, tensor: Value, split_size_or_sections: Any, dim: int = 0) -> list[Value]:
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        n = tensor.shape[dim]
        sizes = [min(sizes, n - start) for start in range(0, n, sizes)]
    return arithmetic.split(net, tensor, sizes, dim)


def _chunk(net: Lowering, input: Value, chunks: int, dim: int = 0) -> list[Value]:
    return _split(net, input, -(-input.shape[dim] // chunks), dim)


def _getitem(net: Lowering, input: Any, index: Any) -> Any:
    if not isinstance(input, Tensor | np.ndarray):
        return input[index]
    places = index if isinstance(index, tuple) else (index,)
    # torch takes bytes for a mask, numpy for numbers of entries
    masks = [v.astype(bool) if isinstance(v, np.ndarray) and v.dtype == np.uint8 else v for v in places]
    return arithmetic.take_slice(net, input, tuple(masks))


def _getattr(net: Lowering, input: Any, name: str) -> Any:
    if isinstance(input, Tensor | np.ndarray):
        if name == "shape":
            return tuple(input.shape)
        if name == "ndim":
            return len(input.shape)
        if name == "T":
            return arithmetic.transpose(net, input)
        raise UnsupportedOperator(f"reads the attribute {name!r} of a computed value; only shape, ndim and T are known")
    if isinstance(input, tuple) and name in ("values", "indices"):  # what max along an axis returns
        return input[name == "indices"]
    return getattr(input, name)


def _size(net: Lowering, input: Value, dim: int | None = None) -> Any:
    return tuple(input.shape) if dim is None else input.shape[dim]


def _dim(net: Lowering, input: Value) -> int:
    return len(input.shape)


def _numel(net: Lowering, input: Value) -> int:
    return math.prod(input.shape)


# functions and methods, by name
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": activations.absolute,
    "absolute": activations.absolute,
    "adaptive_avg_pool": _adaptive_avg_pool,
    "adaptive_max_pool": _adaptive_max_pool,
    "add": _add,
    "amax": _reduction(activations.reduce_max),
    "amin": _reduction(activations.reduce_min),
    "avg_pool": _avg_pool,
    "batch_norm": _batch_norm,
    "cat": _cat,
    "chunk": _chunk,
    "clamp": _clamp,
    "clamp_max": _clamp_max,
    "clamp_min": _clamp_min,
    "clip": _clamp,
    "clone": _identity,
    "concat": _cat,
    "contiguous": _identity,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "detach": _identity,
    "dim": _dim,
    "div": _div,
    "divide": _div,
    "double": _identity,
    "dropout": _dropout,
    "expand": _expand,
    "flatten": _flatten,
    "float": _identity,
    "getattr": _getattr,
    "getitem": _getitem,
    "hardsigmoid": _hardsigmoid,
    "hardtanh": _hardtanh,
    "iadd": _add,
    "idiv": _div,
    "imul": _mul,
    "isub": _sub,
    "itruediv": _div,
    "leaky_relu": _leaky_relu,
    "linear": _linear,
    "log_softmax": _drop,
    "matmul": _matmul,
    "max": _extreme(activations.reduce_max, _maximum),
    "max_pool": _max_pool,
    "maximum": _maximum,
    "mean": _reduction(arithmetic.reduce_mean),
    "min": _extreme(activations.reduce_min, _minimum),
    "minimum": _minimum,
    "mm": _matmul,
    "mul": _mul,
    "multiply": _mul,
    "neg": arithmetic.negate,
    "numel": _numel,
    "pad": _pad,
    "permute": _permute,
    "prelu": _prelu,
    "relu": _relu,
    "relu6": _relu6,
    "repeat": _repeat,
    "reshape": _reshape,
    "rsub": _rsub,
    "sigmoid": _drop,
    "size": _size,
    "softmax": _drop,
    "softshrink": _softshrink,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "sub": _sub,
    "subtract": _sub,
    "sum": _reduction(arithmetic.reduce_sum),
    "t": _transpose,
    "threshold": _threshold,
    "to": _identity,
    "transpose": _transpose,
    "truediv": _div,
    "true_divide": _div,
    "unflatten": _unflatten,
    "unsqueeze": _unsqueeze,
    "view": _reshape,
}

# modules, by the name of their class without its dimension
MODULES: dict[str, Callable[..., Any]] = {
    "AdaptiveAvgPool": _adaptive_avg_pool,
    "AdaptiveMaxPool": _adaptive_max_pool,
    "AlphaDropout": _identity,
    "AvgPool": _avg_pool,
    "BatchNorm": _batch_norm,
    "CircularPad": _padding_module("circular"),
    "ConstantPad": _padding_module("constant"),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Dropout": _identity,
    "FeatureAlphaDropout": _identity,
    "Flatten": _flatten,
    "Hardsigmoid": _hardsigmoid,
    "Hardtanh": _hardtanh,
    "Identity": _identity,
    "LeakyReLU": _leaky_relu,
    "Linear": _linear,
    "LogSoftmax": _drop,
    "MaxPool": _max_pool,
    "PReLU": _prelu,
    "ReLU": _relu,
    "ReLU6": _relu6,
    "ReflectionPad": _padding_module("reflect"),
    "ReplicationPad": _padding_module("replicate"),
    "Sigmoid": _drop,
    "Softmax": _drop,
    "Softshrink": _softshrink,
    "Threshold": _threshold,
    "Unflatten": _unflatten,
    "ZeroPad": _padding_module("constant"),
}

# what changes its first argument: the operators of Python, and the methods that they call
IN_PLACE = {"iadd", "idiv", "imul", "isub", "itruediv"}

# what may share its storage with its first argument, so that a change in place changes both
VIEWS = {"chunk", "contiguous", "detach", "dropout", "expand", "flatten", "float", "double", "getitem", "permute"}
VIEWS |= {"reshape", "split", "squeeze", "t", "to", "transpose", "unflatten", "unsqueeze", "view"}
VIEWS |= {"AlphaDropout", "Dropout", "FeatureAlphaDropout", "Flatten", "Identity", "Unflatten", "getattr"}

# what returns its first argument itself
SAME = {"AlphaDropout", "Dropout", "FeatureAlphaDropout", "Identity", "detach", "dropout"}

_POOLS = {"adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "max_pool"}
_POOLS |= {"AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "MaxPool"}


def dimension(name: str) -> tuple[str, int]:
    """Return a name without its dimension, and the dimension, 0 if it has none.

    Examples
    --------
    >>> dimension("MaxPool2d"), dimension("relu6")
    (('MaxPool', 2), ('relu6', 0))
    """
    found = re.search(r"([1-3])d$", name)
    return (name[:-2], int(found[1])) if found else (name, 0)


def ranked(operator: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return an operator that holds its input to the number of axes that the dimension in its name stands for.

    torch pools an input of one axis less as one without a batch: its first axis is that of the channels.
    """
    plain, rank = dimension(name)
    ranks = [rank + 1, rank + 2] if plain in _POOLS or name == "BatchNorm1d" else [rank + 2]
    if not rank or plain not in _POOLS | {"BatchNorm"}:
        return operator

    @functools.wraps(operator)
    def held(net: Lowering, input: Value, *args: Any, **given: Any) -> Any:
        axes = len(input.shape)
        if axes not in ranks:
            raise ModelError(
                f"meets an input of shape {input.shape}; it takes {' or '.join(map(str, ranks))} axes, the batch being "
                "the first: give the channels in input_shape"
            )
        if axes == rank + 2 or plain == "BatchNorm":
            return operator(net, input, *args, **given)
        return arithmetic.squeeze(net, operator(net, arithmetic.unsqueeze(net, input, [0]), *args, **given), [0])

    return held
