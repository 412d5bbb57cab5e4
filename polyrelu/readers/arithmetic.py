"""Affine operators and operators on shapes, as every reader and every architecture file calls them.

An operator is a function of a :class:`~polyrelu.readers.lowering.Lowering`, of tensors or constants, and of attributes.
What two constants make is a constant again: whole numbers stay whole, all others become Fractions, so nothing is
rounded. Axes count as in numpy, the batch dimension being axis 0.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError, UnsupportedOperator
from ..exact import fraction
from ..sparse import SparseMatrix
from .lowering import MAX_INPUTS, Array, Lowering, Shape, Tensor, Value, exact_matrix, lift

# names of attributes in frameworks that mean something else in this library, and those that stand for them
FOREIGN = {"epsilon": "stabilizer", "eps": "stabilizer"}


# -- constants ------------------------------------------------------------------------
def is_computed(value: object) -> bool:
    """Return whether a value depends on the network's input."""
    return isinstance(value, Tensor) and bool(value.blocks)


def constant(value: Any, what: str) -> Array:
    """Return a value that must not depend on the input as an array."""
    if isinstance(value, Tensor):
        if value.blocks:
            raise UnsupportedOperator(f"{what} is computed from the input; export the model with a constant")
        return value.bias.fractions().reshape(value.shape)
    if isinstance(value, Fraction):
        return np.array(value, dtype=object)
    return np.asarray(value)


def rationals(values: Any, what: str) -> npt.NDArray[np.object_]:
    """Return numbers as an object array of Fractions of the same shape."""
    array = constant(values, what)
    out = np.empty(array.size, dtype=object)
    out[:] = [fraction(v, what) for v in array.ravel()]
    return out.reshape(array.shape)


def fold(function: Callable[[Any, Any], Any], x: Any, y: Any) -> Array:
    """Return a function of two constants, exactly.

    Examples
    --------
    >>> fold(operator.add, np.array([1, 2]), np.array(0.5)).tolist()
    [Fraction(3, 2), Fraction(5, 2)]
    """
    left, right = np.asarray(x), np.asarray(y)
    if left.dtype.kind in "iub" and right.dtype.kind in "iub":
        whole = np.asarray(function(left.astype(object), right.astype(object)))
        small = all(abs(int(v)) < 2**63 for v in whole.ravel())
        return whole.astype(np.int64) if small else whole
    return np.asarray(function(rationals(left, "constant"), rationals(right, "constant")), dtype=object)


# -- sums and products ----------------------------------------------------------------
def add(net: Lowering, x: Value, y: Value) -> Value:
    """Add with numpy's broadcasting."""
    shape = broadcast_shape(x.shape, y.shape)
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return lift(x).broadcast(shape).add(lift(y).broadcast(shape))
    return fold(operator.add, x, y)


def negate(net: Lowering, x: Value) -> Value:
    """Change the sign."""
    return x.scale(Fraction(-1)) if isinstance(x, Tensor) else fold(operator.mul, x, np.array(-1))


def subtract(net: Lowering, x: Value, y: Value) -> Value:
    """Subtract with numpy's broadcasting."""
    return add(net, x, negate(net, y))


def multiply(net: Lowering, x: Value, y: Value) -> Value:
    """Multiply by constants, with numpy's broadcasting."""
    shape = broadcast_shape(x.shape, y.shape)
    if is_computed(x) and is_computed(y):
        raise UnsupportedOperator(
            "the product of two computed values is not piecewise linear; one factor must be a constant"
        )
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        return fold(operator.mul, x, y)
    tensor, factor = (x, y) if is_computed(x) or not isinstance(y, Tensor) else (y, x)
    values, full = constant(factor, "a factor"), lift(tensor).broadcast(shape)
    if values.size == 1:
        return full.scale(fraction(values.ravel()[0], "a factor"))
    return scaled(full, np.broadcast_to(values, shape))


def scaled(x: Tensor, factors: Array) -> Tensor:
    """Multiply every entry of a tensor by its own factor."""
    places = np.arange(x.size)
    return x.affine(SparseMatrix.of_entries((x.size, x.size), places, places, factors.ravel(), "factor")).reshape(
        x.shape
    )


def divide(net: Lowering, x: Value, y: Value) -> Value:
    """Divide by constants; the quotients are rationals."""
    if is_computed(y):
        raise UnsupportedOperator("a quotient by a computed value is not piecewise linear; divide by constants")
    divisors = rationals(y, "a divisor")
    if not all(divisors.ravel()):
        raise ModelError("a divisor is 0; the model is damaged or was never trained")
    inverse = np.empty(divisors.size, dtype=object)
    inverse[:] = [1 / v for v in divisors.ravel()]
    return multiply(net, x, inverse.reshape(divisors.shape))


def total(net: Lowering, values: Sequence[Value]) -> Value:
    """Add any number of values."""
    if not values:
        raise ModelError("there is nothing to add; give at least one value")
    result = values[0]
    for value in values[1:]:
        result = add(net, result, value)
    return result


def average(net: Lowering, values: Sequence[Value]) -> Value:
    """Return the mean of any number of values."""
    return divide(net, total(net, values), np.array(len(values)))


def matmul(net: Lowering, x: Value, y: Value) -> Value:
    """Multiply matrices as numpy does; one of them must be constant."""
    # a vector on the left is a row, on the right a column
    left = (1, *x.shape) if len(x.shape) == 1 else x.shape
    right = (*y.shape, 1) if len(y.shape) == 1 else y.shape
    if not left or not right or left[-1] != right[-2]:
        raise ModelError(f"shapes {x.shape} and {y.shape} do not multiply")
    if is_computed(x) and is_computed(y):
        raise UnsupportedOperator(
            "the product of two computed values is not piecewise linear; one factor must be a constant"
        )
    batch = broadcast_shape(left[:-2], right[:-2])
    m, inner, n = left[-2], left[-1], right[-1]
    shape = (*batch, *(left[-2:-1] if len(x.shape) > 1 else ()), *(right[-1:] if len(y.shape) > 1 else ()))
    on_left = is_computed(x) or not is_computed(y)
    tensor = lift(x if on_left else y).reshape(left if on_left else right)
    weights = constant(y if on_left else x, "a factor").reshape(right if on_left else left)
    if math.prod(batch) == 1 and (m if on_left else n) == 1:
        matrix = weights.reshape(right[-2:]).T if on_left else weights.reshape(left[-2:])
        return tensor.affine(exact_matrix(np.ascontiguousarray(matrix), "weight")).reshape(shape)
    full = (*batch, m, n, inner)
    if on_left:
        sources = np.broadcast_to(tensor.numbers, (*batch, m, inner))[..., :, None, :]
        factors = np.broadcast_to(weights, (*batch, inner, n)).swapaxes(-1, -2)[..., None, :, :]
    else:
        sources = np.broadcast_to(tensor.numbers, (*batch, inner, n)).swapaxes(-1, -2)[..., None, :, :]
        factors = np.broadcast_to(weights, (*batch, m, inner))[..., :, None, :]
    size = math.prod(batch) * m * n
    rows = np.repeat(np.arange(size), inner)
    columns, values = np.broadcast_to(sources, full), np.broadcast_to(factors, full).ravel()
    return tensor.affine(SparseMatrix.of_entries((size, tensor.size), rows, columns, values, "weight")).reshape(shape)


def linear(net: Lowering, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """Apply ``weight @ v + bias`` to every vector v along the last axis; weight has shape (out, in)."""
    matrix = constant(weight, "weight")
    if matrix.ndim != 2 or not x.shape or x.shape[-1] != matrix.shape[1]:
        size = x.shape[-1] if x.shape else 1
        raise ModelError(f"takes {matrix.shape[-1]} inputs but gets {size}; the layers do not chain")
    product = matmul(net, x, matrix.T)
    return product if bias is None else add(net, product, bias)


def batch_norm(
    net: Lowering, x: Value, mean: Value, variance: Value, scale: Value | None = None, bias: Value | None = None,
    stabilizer: Any = 0, axis: int = 1,
) -> Value:
    """Return ``(x - mean) * s + bias`` along an axis.

    s is the binary64 number nearest to ``scale / sqrt(variance + stabilizer)``. Frameworks call the stabilizer epsilon,
    see :data:`FOREIGN`.
    """
    v = rationals(variance, "variance")
    gains = np.full(v.shape, Fraction(1)) if scale is None else rationals(scale, "scale")
    shift = np.full(v.shape, Fraction(0)) if bias is None else rationals(bias, "bias")
    center = rationals(mean, "mean")
    shape = [1] * len(x.shape)
    shape[_axis(axis, len(x.shape))] = channels = x.shape[axis]
    if not v.shape == gains.shape == shift.shape == center.shape == (channels,):
        raise ModelError(f"{v.size} variances and {center.size} means meet {channels} channels; they do not chain")
    least = fraction(stabilizer, "epsilon")
    factors = np.array([root_quotient(g, w + least) for g, w in zip(gains, v, strict=True)], dtype=np.float64)
    moved = shift - center * rationals(factors, "factor")
    return add(net, multiply(net, x, factors.reshape(shape)), moved.reshape(shape))


def root_quotient(gain: Fraction, variance: Fraction) -> float:
    """Return the binary64 number nearest to ``gain / sqrt(variance)``.

    Notes
    -----
    Exactness: *exact* before the one rounding. In units of 2**-1075 every midpoint of neighboring binary64 numbers is a
    whole number. The integer square root n is the root itself, or the root lies strictly between n and n + 1 and
    rounds as n + 1/2 does.

    Examples
    --------
    >>> root_quotient(Fraction(3), Fraction(4)), root_quotient(Fraction(-1), Fraction(2)) == -(0.5**0.5)
    (1.5, True)
    """
    if variance <= 0:
        raise ModelError("a variance plus epsilon is not positive; the model is damaged or was never trained")
    square = gain * gain / variance
    if not square:
        return 0.0
    power = square.numerator << 2 * 1075
    n = math.isqrt(power // square.denominator)
    between = n * n * square.denominator != power
    try:
        root = (2 * n + between) / (1 << 1076)  # int / int is correctly rounded
    except OverflowError:
        raise ModelError("scale / sqrt(variance + epsilon) is beyond 1.8e308, the range of double precision") from None
    return root if gain > 0 else -root


# -- shapes ---------------------------------------------------------------------------
def broadcast_shape(left: Shape, right: Shape) -> Shape:
    """Return the shape that numpy's broadcasting gives, at any size."""
    rank = max(len(left), len(right))
    pairs = [((1,) * (rank - len(s)) + tuple(s)) for s in (left, right)]
    if any(a != b and 1 not in (a, b) for a, b in zip(*pairs, strict=True)):
        raise ModelError(f"shapes {left} and {right} do not broadcast")
    return sized([b if a == 1 else a for a, b in zip(*pairs, strict=True)])


def sized(shape: Sequence[int]) -> Shape:
    """Return a shape, refusing one that no memory holds."""
    if math.prod(shape) > MAX_INPUTS:
        raise ModelError(f"a tensor of shape {tuple(shape)} has too many entries; at most {MAX_INPUTS} can be read")
    return tuple(int(n) for n in shape)


def rearrange(x: Value, function: Callable[[Array], Array]) -> Value:
    """Apply a function that only moves, drops or repeats entries (-1: a zero)."""
    return x.take(function(x.numbers)) if isinstance(x, Tensor) else function(x)


def reshape(net: Lowering, x: Value, shape: Any) -> Value:
    """Give a shape; one size may be -1."""
    sizes = [int(n) for n in shape]
    rest = math.prod(n for n in sizes if n != -1)
    size = math.prod(x.shape)
    if -1 in sizes and rest > 0 and sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = size // rest
    if min(sizes, default=1) < 1 or math.prod(sizes) != size:
        raise ModelError(f"shape {x.shape} cannot be reshaped to {sizes} (batch dimensions count as 1)")
    return x.reshape(tuple(sizes))


def flatten(net: Lowering, x: Value, start: int = 1, end: int = -1) -> Value:
    """Join the axes from start to end."""
    if not x.shape:
        return x.reshape((1,))
    first, last = _axis(start, len(x.shape)), _axis(end, len(x.shape))
    return x.reshape((*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


def transpose(net: Lowering, x: Value, axes: Sequence[int] | None = None) -> Value:
    """Permute the axes; without ``axes``, reverse them."""
    order = list(range(len(x.shape)))[::-1] if axes is None else [_axis(a, len(x.shape)) for a in axes]
    if sorted(order) != list(range(len(x.shape))):
        raise ModelError(f"axes {order} are no permutation of the axes of shape {x.shape}")
    return rearrange(x, lambda a: a.transpose(order))


def squeeze(net: Lowering, x: Value, axes: Sequence[int] | None = None) -> Value:
    """Drop axes of size 1; without ``axes``, all of them."""
    rank = len(x.shape)
    gone = [i for i, n in enumerate(x.shape) if n == 1] if axes is None else [_axis(a, rank) for a in axes]
    if any(x.shape[a] != 1 for a in gone):
        raise ModelError(f"axes {gone} of shape {x.shape} are not all of size 1")
    return x.reshape(tuple(n for i, n in enumerate(x.shape) if i not in gone))


def unsqueeze(net: Lowering, x: Value, axes: Sequence[int]) -> Value:
    """Insert axes of size 1 at places of the result."""
    rank = len(x.shape) + len(axes)
    new, rest = {_axis(a, rank) for a in axes}, iter(x.shape)
    return x.reshape(tuple(1 if i in new else next(rest) for i in range(rank)))


def expand(net: Lowering, x: Value, shape: Any) -> Value:
    """Repeat entries along axes of size 1 until the shape is reached."""
    full = broadcast_shape(x.shape, tuple(int(n) for n in shape))
    return rearrange(x, lambda a: np.broadcast_to(a, full))


def take_slice(net: Lowering, x: Value, index: Any) -> Value:
    """Return ``x[index]`` for an index of numpy's basic or integer kind."""
    try:
        return rearrange(x, lambda a: a[index])
    except IndexError as error:
        raise ModelError(f"shape {x.shape} cannot be indexed so: {error}") from None


def gather(net: Lowering, x: Value, indices: Value, axis: int = 0) -> Value:
    """Return the entries with the given numbers along an axis."""
    places = constant(indices, "the index")
    along = _axis(axis, len(x.shape))
    if places.dtype.kind not in "iu" or not (
        np.all(places >= -x.shape[along]) and np.all(places < x.shape[along])
    ):
        raise ModelError(f"an index is not a whole number below {x.shape[along]}, the size of axis {along}")
    return rearrange(x, lambda a: np.take(a, places, axis=along))


def split(net: Lowering, x: Value, sizes: Sequence[int], axis: int = 0) -> list[Value]:
    """Cut an axis into parts of the given sizes."""
    along = _axis(axis, len(x.shape))
    if sum(sizes) != x.shape[along] or min(sizes, default=0) < 0:
        raise ModelError(f"parts of {list(sizes)} do not make up the {x.shape[along]} of axis {along}")
    ends = np.cumsum(sizes).tolist()
    places = [(slice(None),) * along + (slice(end - n, end),) for n, end in zip(sizes, ends, strict=True)]
    return [take_slice(net, x, place) for place in places]


def concat(net: Lowering, values: Sequence[Value], axis: int = 1) -> Value:
    """Put values one after another along an axis."""
    if not values:
        raise ModelError("there is nothing to join; give at least one value")
    along = _axis(axis, len(values[0].shape))
    shapes = [value.shape for value in values]
    if any(s[:along] + s[along + 1 :] != shapes[0][:along] + shapes[0][along + 1 :] for s in shapes):
        raise ModelError(f"shapes {', '.join(str(s) for s in shapes)} cannot be joined along axis {along}")
    constants = [value for value in values if not isinstance(value, Tensor)]
    if len(constants) == len(values):
        return np.concatenate(constants, axis=along)
    tensors = [lift(value) for value in values]
    offset = np.cumsum([0, *(t.size for t in tensors)])
    place = np.concatenate([t.numbers + start for t, start in zip(tensors, offset, strict=False)], axis=along)
    parts = [
        t.take(np.where((place >= start) & (place < start + t.size), place - start, -1))
        for t, start in zip(tensors, offset, strict=False)
    ]
    result = parts[0]
    for part in parts[1:]:
        result = result.add(part)
    return result


def pad(net: Lowering, x: Value, widths: Sequence[tuple[int, int]], mode: str = "constant", value: Any = 0) -> Value:
    """Pad every axis before and after; negative widths crop.

    ``mode`` is "constant", or one of numpy's "reflect", "edge", "symmetric" and "wrap".
    """
    if len(widths) != len(x.shape):
        raise ModelError(f"{len(widths)} pairs of widths meet shape {x.shape}; give one pair per axis")
    sized([n + max(a, 0) + max(b, 0) for n, (a, b) in zip(x.shape, widths, strict=True)])
    crop = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, widths, strict=True))
    around = [(max(a, 0), max(b, 0)) for a, b in widths]
    kept = rearrange(x, lambda a: a[crop])
    if mode != "constant":
        around_it: Callable[..., Array] = np.pad
        return rearrange(kept, lambda a: around_it(a, around, mode=mode))
    out = lift(kept)
    index = np.pad(out.numbers, around, constant_values=-1)
    filler = fraction(constant(value, "the padding value")[()], "the padding value")
    result = out.take(index)
    return add(net, result, fold(operator.mul, index < 0, np.array(filler, dtype=object))) if filler else result


def reduce_sum(net: Lowering, x: Value, axes: Sequence[int] | None = None, keepdims: bool = True) -> Value:
    """Add along axes; without ``axes``, along all."""
    along = reduced_axes(x.shape, axes)
    shape = tuple(1 if i in along else n for i, n in enumerate(x.shape))
    tensor = lift(x)
    rows = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), x.shape).ravel()
    ones = np.ones(tensor.size, dtype=np.int64)
    result = tensor.affine(SparseMatrix.of_entries((math.prod(shape), tensor.size), rows, tensor.numbers.ravel(), ones))
    return result.reshape(reduced_shape(x.shape, along, keepdims))


def reduce_mean(net: Lowering, x: Value, axes: Sequence[int] | None = None, keepdims: bool = True) -> Value:
    """Average along axes; without ``axes``, along all."""
    count = math.prod(x.shape[a] for a in reduced_axes(x.shape, axes))
    return divide(net, reduce_sum(net, x, axes, keepdims), np.array(count))


def reduced_axes(shape: Shape, axes: Sequence[int] | None) -> list[int]:
    """Return the axes of a reduction, counted from the front."""
    return list(range(len(shape))) if axes is None else sorted({_axis(a, len(shape)) for a in axes})


def reduced_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """Return the shape after a reduction."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ModelError(f"axis {axis} does not exist among {rank} axes")
    return int(axis) % rank


