"""Convolutions and pooling as sparse matrices and trees of maxima; channels first, the batch on axis 0.

A *window* is the set of input places that one output sees, -1 for a place in the padding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..sparse import SparseMatrix
from .activations import tree_of_maxima
from .arithmetic import add, constant, divide, sized
from .lowering import Array, Lowering, Shape, Tensor, Value, lift

Ints = npt.NDArray[np.int64]
Pairs = Sequence[tuple[int, int]]


def conv(
    net: Lowering, x: Value, weight: Value, bias: Value | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Value:
    """Convolve over any number of spatial axes (a cross-correlation, as every framework says).

    Parameters
    ----------
    net : Lowering
    x : Tensor of shape (N, C, *spatial)
    weight : constant of shape (M, C / groups, *kernel)
    bias : constant of shape (M,), optional
    stride, dilation : int, or one per axis
    padding : int, one per axis, one pair (before, after) per axis, "same" (upper), "same_lower" or "valid"
    groups : int
    """
    kernel = constant(weight, "weight")
    batch, channels, spatial = _spatial(x, kernel)
    out, inner = kernel.shape[:2]
    if groups < 1 or out % groups or inner * groups != channels:
        raise ModelError(f"a weight of shape {kernel.shape} in {groups} groups meets {channels} channels")
    steps, gaps = per_axis(stride, len(spatial), "stride"), per_axis(dilation, len(spatial), "dilation")
    pads = paddings(padding, spatial, kernel.shape[2:], steps, gaps)
    window, shape, _ = windows(spatial, kernel.shape[2:], steps, pads, gaps)
    places, area = window.shape[0], math.prod(spatial)
    sized((batch, *kernel.shape, places))  # as many weights has the matrix
    # rows (n, m, o), columns (n, c, s), one entry for every (n, m, o, c, k)
    n, m, o, c = np.ogrid[:batch, :out, :places, :inner]
    rows = ((n * out + m) * places + o)[..., None]
    first = (n * channels + m // (out // groups) * inner + c) * area
    columns = first[..., None] + window[:, None, :]
    values = kernel.reshape(out, 1, inner, -1)
    size = (batch * out * places, lift(x).size)
    result = _apply(x, size, (rows, columns, values), window[:, None, :] >= 0, (batch, out, *shape))
    return result if bias is None else add(net, result, _channels(bias, out, len(spatial)))


def conv_transpose(
    net: Lowering, x: Value, weight: Value, bias: Value | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Value:
    """Apply the transpose of a convolution; weight has shape (C, M / groups, *kernel).

    ``padding`` is an int, one per axis or one pair per axis: what is cut off before and after.
    """
    kernel = constant(weight, "weight")
    batch, channels, spatial = _spatial(x, kernel)
    inner = kernel.shape[1]
    out = inner * groups
    if groups < 1 or kernel.shape[0] != channels or channels % groups:
        raise ModelError(f"a weight of shape {kernel.shape} in {groups} groups meets {channels} channels")
    rank = len(spatial)
    steps, gaps = per_axis(stride, rank, "stride"), per_axis(dilation, rank, "dilation")
    more, pads = per_axis(output_padding, rank, "output padding"), pairs(padding, rank)
    shape = [
        (s - 1) * step + gap * (k - 1) + 1 + extra - a - b
        for s, step, gap, k, extra, (a, b) in zip(spatial, steps, gaps, kernel.shape[2:], more, pads, strict=True)
    ]
    _positive(shape, spatial)
    sized((batch, out, *shape))
    # the window of an input place holds the outputs that it reaches
    window = _places(shape, spatial, kernel.shape[2:], steps, [a for a, _ in pads], gaps)[0]
    area, places = math.prod(spatial), math.prod(shape)
    sized((batch, *kernel.shape, area))
    # rows (n, m, o), columns (n, c, s), one entry for every (n, c, s, m within the group, k)
    n, c, s, m = np.ogrid[:batch, :channels, :area, :inner]
    first = (n * out + c // (channels // groups) * inner + m) * places
    rows = first[..., None] + window[:, None, :]
    columns = ((n * channels + c) * area + s)[..., None]
    values = kernel.reshape(channels, 1, inner, -1)
    size = (batch * out * places, lift(x).size)
    result = _apply(x, size, (rows, columns, values), window[:, None, :] >= 0, (batch, out, *shape))
    return result if bias is None else add(net, result, _channels(bias, out, rank))


def max_pool(
    net: Lowering, x: Value, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False,
) -> Value:
    """Take the largest entry of every window, as a tree of ``max(a, b) = b + relu(a - b)``; padding never wins.

    Examples
    --------
    >>> net = Lowering(4)
    >>> net.finish(max_pool(net, net.input((1, 1, 4)), 2)).widths
    (2,)
    """
    tensor, (batch, channels, spatial), sizes, steps = _pooled(x, kernel, stride)
    gaps = per_axis(dilation, len(spatial), "dilation")
    pads = paddings(padding, spatial, sizes, steps, gaps)
    window, shape, _ = windows(spatial, sizes, steps, pads, gaps, ceil_mode)
    if (window < 0).all(axis=1).any():
        raise ModelError("a window lies in the padding alone, so its maximum is minus infinity; pad less")
    first = np.arange(batch * channels)[:, None, None] * math.prod(spatial)
    candidates = np.where(window >= 0, first + window, -1).reshape(-1, window.shape[1]).T
    return tree_of_maxima(net, tensor, candidates, (batch, channels, *shape))


def average_pool(
    net: Lowering, x: Value, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, count_include_pad: bool = False, divisor: int | None = None,
) -> Value:
    """Average every window, the padding counted or not; ``divisor`` replaces the count."""
    tensor, (batch, channels, spatial), sizes, steps = _pooled(x, kernel, stride)
    gaps = per_axis(dilation, len(spatial), "dilation")
    pads = paddings(padding, spatial, sizes, steps, gaps)
    window, shape, inside = windows(spatial, sizes, steps, pads, gaps, ceil_mode)
    counts = (inside if count_include_pad else window >= 0).sum(axis=1)
    if not counts.all() or divisor == 0:
        raise ModelError("a window has no entry to average; pad less")
    places, area, lines = window.shape[0], math.prod(spatial), batch * channels
    line = np.arange(lines)[:, None, None]
    rows = line * places + np.arange(places)[:, None]
    values = np.array([Fraction(1, divisor or int(count)) for count in counts], dtype=object)[:, None]
    size = (lines * places, tensor.size)
    return _apply(tensor, size, (rows, line * area + window, values), window >= 0, (batch, channels, *shape))


def adaptive_average_pool(net: Lowering, x: Value, size: Any) -> Value:
    """Average windows chosen so that the output has the given size; None keeps an axis."""
    tensor, window, shape = _adaptive(x, size)
    present = window >= 0
    rows = np.broadcast_to(np.arange(len(window))[:, None], window.shape)[present]
    ones = np.ones(len(rows), dtype=np.int64)
    sums = tensor.affine(SparseMatrix.of_entries((len(window), tensor.size), rows, window[present], ones))
    return divide(net, sums.reshape(shape), present.sum(axis=1).reshape(shape))


def adaptive_max_pool(net: Lowering, x: Value, size: Any) -> Value:
    """Take the largest entries of windows chosen so that the output has the given size; None keeps an axis."""
    tensor, window, shape = _adaptive(x, size)
    return tree_of_maxima(net, tensor, window.T, shape)


def _adaptive(x: Value, size: Any) -> tuple[Tensor, Ints, Shape]:
    """Return the tensor, for every output the places of its window, filled up with -1, and the output's shape."""
    tensor = lift(x)
    spatial = tensor.shape[2:]
    wanted = [size] * len(spatial) if size is None or isinstance(size, int) else list(size)
    if len(wanted) != len(spatial) or not spatial:
        raise ModelError(f"an output size of {size} does not fit shape {tensor.shape}")
    outs = [n if w is None else int(w) for n, w in zip(spatial, wanted, strict=True)]
    _positive(outs, spatial)
    axes = [
        [list(range(o * n // m, -(-(o + 1) * n // m))) for o in range(m)] for n, m in zip(spatial, outs, strict=True)
    ]
    numbers = tensor.numbers.reshape(-1, *spatial)
    found = [line[np.ix_(*parts)].ravel() for line in numbers for parts in itertools.product(*axes)]
    window = np.full((len(found), max(len(v) for v in found)), -1, dtype=np.int64)
    for row, places in zip(window, found, strict=True):
        row[: len(places)] = places
    return tensor, window, (*tensor.shape[:2], *outs)


# -- windows --------------------------------------------------------------------------
def windows(
    spatial: Shape, kernel: Sequence[int], stride: Sequence[int], pads: Pairs, dilation: Sequence[int],
    ceil_mode: bool = False,
) -> tuple[Ints, Shape, npt.NDArray[np.bool_]]:
    """Return every output's window, the shape of the outputs, and what lies in the input or in its padding.

    Examples
    --------
    >>> windows((3,), (2,), (2,), [(1, 0)], (1,))[0].tolist()
    [[-1, 0], [1, 2]]
    """
    shape = []
    for n, k, step, (a, b), gap in zip(spatial, kernel, stride, pads, dilation, strict=True):
        room = n + a + b - gap * (k - 1) - 1
        out = room // step + 1
        # a last window that is not whole counts, unless it starts in the padding behind
        if ceil_mode and room % step and out * step < n + a:
            out += 1
        shape.append(out if room >= 0 or ceil_mode else 0)
    _positive(shape, spatial)
    places, inside = _places(spatial, shape, kernel, stride, [a for a, _ in pads], dilation, pads)
    return places, tuple(shape), inside


def _places(
    spatial: Sequence[int], shape: Sequence[int], kernel: Sequence[int], stride: Sequence[int], before: Sequence[int],
    dilation: Sequence[int], pads: Pairs | None = None,
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return ``o * stride - before + k * dilation`` for all outputs o and offsets k, as numbers of places or -1."""
    rank = len(spatial)
    flat = np.zeros((1,) * (2 * rank), dtype=np.int64)
    valid = np.ones((1,) * (2 * rank), dtype=bool)
    inside = valid
    for axis, (n, o, k) in enumerate(zip(spatial, shape, kernel, strict=True)):
        at = np.arange(o)[:, None] * stride[axis] - before[axis] + np.arange(k) * dilation[axis]
        form = [1] * (2 * rank)
        form[axis], form[rank + axis] = o, k
        at = at.reshape(form)
        flat = flat * n + at
        valid = valid & (at >= 0) & (at < n)
        if pads is not None:
            inside = inside & (at < n + pads[axis][1])
    cells = (math.prod(shape), math.prod(kernel))
    inside = np.broadcast_to(inside, valid.shape).reshape(cells)
    return np.where(valid, flat, -1).reshape(cells), inside


def per_axis(value: Any, rank: int, what: str) -> list[int]:
    """Return one whole number per axis."""
    numbers = [value] * rank if isinstance(value, int | np.integer) else list(value)
    if len(numbers) == 1:
        numbers *= rank
    if len(numbers) != rank or any(n < (what != "output padding") for n in numbers):
        raise ModelError(f"{what} is {value}; give one positive whole number, or one for each of {rank} axes")
    return [int(n) for n in numbers]


def pairs(value: Any, rank: int) -> list[tuple[int, int]]:
    """Return one pair (before, after) per axis."""
    given = [value] * rank if isinstance(value, int | np.integer) else list(value)
    if len(given) == 1:
        given *= rank
    both = [(p, p) if isinstance(p, int | np.integer) else tuple(p) for p in given]
    if len(both) != rank or any(len(p) != 2 for p in both):
        raise ModelError(f"padding is {value}; give a number, one per axis, or one pair per axis for {rank} axes")
    return [(int(a), int(b)) for a, b in both]


def paddings(
    value: Any, spatial: Shape, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the padding per axis; "same" gives ceil(n / stride) outputs, the odd one after ("same_lower": before)."""
    if not isinstance(value, str):
        return pairs(value, len(spatial))
    if value == "valid":
        return [(0, 0)] * len(spatial)
    if value not in ("same", "same_lower"):
        raise ModelError(f"padding is {value!r}; give 'same', 'same_lower', 'valid' or numbers")
    result = []
    for n, k, step, gap in zip(spatial, kernel, stride, dilation, strict=True):
        rest = max(0, (-(-n // step) - 1) * step + gap * (k - 1) + 1 - n)
        less, more = rest // 2, rest - rest // 2
        result.append((less, more) if value == "same" else (more, less))
    return result


def _positive(shape: Sequence[int], spatial: Sequence[int]) -> None:
    if not shape or min(shape) < 1:
        raise ModelError(f"an input of size {tuple(spatial)} gives an output of size {tuple(shape)}; it is too small")


def _spatial(x: Value, kernel: Array) -> tuple[int, int, Shape]:
    if kernel.ndim < 3 or len(x.shape) != kernel.ndim:
        raise ModelError(f"a weight of shape {kernel.shape} meets an input of shape {x.shape} (batch, channels, ..)")
    return x.shape[0], x.shape[1], x.shape[2:]


def _pooled(x: Value, kernel: Any, stride: Any) -> tuple[Tensor, tuple[int, int, Shape], list[int], list[int]]:
    if len(x.shape) < 3:
        raise ModelError(f"pooling meets an input of shape {x.shape}; it needs (batch, channels, ..)")
    rank = len(x.shape) - 2
    sizes = per_axis(kernel, rank, "kernel size")
    steps = sizes if stride is None else per_axis(stride, rank, "stride")
    return lift(x), (x.shape[0], x.shape[1], x.shape[2:]), sizes, steps


def _channels(bias: Value, out: int, rank: int) -> Array:
    values = constant(bias, "bias")
    if values.shape != (out,):
        raise ModelError(f"a bias of shape {values.shape} meets {out} channels")
    return values.reshape(1, out, *(1,) * rank)


def _apply(x: Value, size: tuple[int, int], parts: Sequence[Array], present: Array, shape: Shape) -> Tensor:
    """Apply the sparse matrix of the entries that are present, given as arrays that broadcast together."""
    sized(shape)
    rows, columns, values, kept = np.broadcast_arrays(*parts, present)
    matrix = SparseMatrix.of_entries(size, rows[kept], columns[kept], values[kept], "weight")
    return lift(x).affine(matrix).reshape(shape)
