"""The regions of a network along a segment or a line, all breakpoints exact.

A network restricted to a line is a network of one input, and the engines count its regions like those of any other.
A breakpoint is the zero of the first neuron that switches there: a quotient of two integers. Whether the gradient jumps
at it is a matter of the layers behind: where a single neuron switches, it does iff the derivative of some output by
that neuron's activation is not zero.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import PrefixForms
from ..complex import RegionComplex
from ..enumeration import enumerate_regions
from ..errors import InputError
from ..exact import UNDERFLOW, UNIT_ROUNDOFF, Point, RationalMatrix, point
from ..network import ReluNetwork
from ..polytope import Box
from ..sparse import SparseMatrix

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Derivatives that are propagated at once.
VALUES = 2**22


class LineRegions:
    """The activation regions along ``x(t) = origin + t * direction``, in the order of t.

    Attributes
    ----------
    network : ReluNetwork
    origin, direction : tuples of d Fractions
    complex : RegionComplex
        The regions of the network restricted to the line, in the order of their patterns. Those of a whole line stand
        in an interval beyond which no neuron switches.
    order : ndarray of int
        Their numbers along the line.
    patterns : ndarray of uint8, shape (regions, N)
        Along the line. A neuron that is zero on a whole piece is inactive there.
    """

    def __init__(self, net: ReluNetwork, origin: Point, direction: Point, cx: RegionComplex):
        self.network, self.origin, self.direction, self.complex = net, origin, direction, cx
        self._forms = PrefixForms(cx.network)
        self.order: Ints = _along_the_line(cx, self._forms)
        self.patterns = cx.patterns[self.order]

    def __len__(self) -> int:
        return len(self.order)

    def __repr__(self) -> str:
        return f"<LineRegions: {len(self)} activation regions of {self.network!r}>"

    @property
    def activation_regions(self) -> int:
        """Number of activation regions along the line."""
        return len(self)

    @property
    def interior_points(self) -> list[Fraction]:
        """One t strictly inside each region: consecutive ones enclose a breakpoint."""
        cx, given = self.complex, self.complex.interior_points[:, 0].tolist()
        return [cx.exact_points[i][0] if i in cx.exact_points else Fraction(given[i]) for i in self.order.tolist()]

    @functools.cached_property
    def neurons(self) -> list[tuple[int, ...]]:
        """For each breakpoint the neurons whose bit differs on its two sides."""
        changes = self.patterns[1:] != self.patterns[:-1]
        return [tuple(np.flatnonzero(row).tolist()) for row in changes]

    def breakpoint(self, i: int) -> Fraction:
        """Return breakpoint i, between regions i and i + 1: the exact t."""
        count = len(self) - 1
        if not 0 <= i < count:
            raise InputError(f"breakpoint {i} does not exist; there are {count}, counted from 0")
        # bits before the first neuron that switches are the same on both sides, and so is its form
        self._forms.on(self.patterns[i])
        slope, shift = self._forms.row(self.neurons[i][0])
        return Fraction(-shift, slope)

    @functools.cached_property
    def breakpoints(self) -> list[Fraction]:
        """All breakpoints, ascending: the exact t where the activation pattern changes."""
        found: dict[int, Fraction] = {}
        for i in np.lexsort(self.patterns[:-1].T[::-1]).tolist():  # patterns that begin alike share their forms
            found[i] = self.breakpoint(i)
        return [found[i] for i in range(len(self) - 1)]

    # -- jumps ------------------------------------------------------------------------
    @functools.cached_property
    def gradient_jumps(self) -> Mask:
        """Tell for each breakpoint whether the full gradient (the Jacobian in all inputs) jumps there.

        A neuron that is zero on a whole piece counts as inactive there, as everywhere.
        """
        jumps, d = self._single_jumps.copy(), self.network.input_dim
        for i in self._several:
            one, other = (self.network.affine_map(bits).forms.columns(range(d)) for bits in self.patterns[i : i + 2])
            jumps[i] = one != other
        return jumps

    @functools.cached_property
    def slope_jumps(self) -> Mask:
        """Tell for each breakpoint whether the slope of some output along the line jumps there."""
        jumps = self._single_jumps.copy()
        for i in self._several:
            slopes = []
            for bits in self.patterns[i : i + 2]:
                self._forms.on(bits)
                slopes.append(self._forms.outputs().columns([0]))
            jumps[i] = slopes[0] != slopes[1]
        return jumps

    @property
    def gradient_regions(self) -> int:
        """Number of pieces between jumps of the full gradient."""
        return 1 + int(self.gradient_jumps.sum())

    @property
    def slope_regions(self) -> int:
        """Number of pieces between jumps of the slope along the line."""
        return 1 + int(self.slope_jumps.sum())

    @property
    def _several(self) -> list[int]:
        return [i for i, neurons in enumerate(self.neurons) if len(neurons) > 1]

    @functools.cached_property
    def _single_jumps(self) -> Mask:
        """Tell where a single neuron switches and some output depends on it behind; False at other breakpoints.

        Its own form is the same on both sides and its slope is not zero, so the Jacobian and the slope change by the
        derivative of the outputs by its activation, times that form.
        """
        jumps = np.zeros(max(0, len(self) - 1), dtype=bool)
        single = [i for i, neurons in enumerate(self.neurons) if len(neurons) == 1]
        chosen = np.array([self.neurons[i][0] for i in single], dtype=np.int64)
        step = max(64, VALUES // max(layer.size for layer in self.network.layers))
        for start in range(0, len(single), step):
            part = single[start : start + step]
            jumps[part] = outputs_depend(self.network, self.patterns[part], chosen[start : start + step])
        return jumps


def regions_on_segment(
    net: ReluNetwork, x: Iterable[Any], y: Iterable[Any], *, workers: int | None = None
) -> LineRegions:
    """Return the regions of a network along the segment from x to y: ``x + t (y - x)`` for t from 0 to 1.

    Parameters
    ----------
    net : ReluNetwork
        Of any number of inputs.
    x, y : sequence of d numbers
        Different points, taken exactly.
    workers : int, optional
        Threads; all processors by default.

    Returns
    -------
    LineRegions

    Raises
    ------
    InputError
        Points of another length, or equal ones.

    Notes
    -----
    Exactness: *exact*. The network is restricted to the segment exactly, and the subdivision of
    :func:`polyrelu.enumerate_regions` decides every sign and with it the order and the number of breakpoints,
    coincident ones included; a neuron that vanishes along a piece is inactive there. Breakpoints are computed on
    demand.

    Examples
    --------
    A tent of two kinks, and relu(x + y) - relu(x - y) along y = 0, where only the full gradient jumps:

    >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    >>> line = regions_on_segment(tent, [-1], [1])
    >>> line.activation_regions, line.breakpoints, line.neurons
    (3, [Fraction(1, 2), Fraction(3, 4)], [(0,), (1,)])
    >>> pair = ReluNetwork([[[1, 1], [1, -1]], [[1, -1]]], [[0, 0], [0]])
    >>> line = regions_on_segment(pair, [-1, 0], [1, 0])
    >>> line.activation_regions, line.gradient_regions, line.slope_regions
    (2, 2, 1)
    """
    start, end = _points(net, x, y, ("x", "y"))
    direction = tuple(b - a for a, b in zip(start, end, strict=True))
    if not any(direction):
        raise InputError("x and y are the same point; a segment needs two")
    cx = enumerate_regions(net.restrict(start, [direction]), Box([0], [1]), workers=workers, progress=False)
    return _along(net, start, direction, cx)


def regions_on_line(net: ReluNetwork, origin: Iterable[Any], direction: Iterable[Any]) -> LineRegions:
    """Return the regions of a network along the whole line ``origin + t direction``, t any real number.

    Parameters
    ----------
    net : ReluNetwork
        Of any number of inputs.
    origin, direction : sequence of d numbers
        Taken exactly; the direction is not zero.

    Returns
    -------
    LineRegions

    Raises
    ------
    InputError
        Another length, or a direction that is zero.

    Notes
    -----
    Exactness: *exact*. An interval is searched like a segment; where a neuron would switch beyond it, by the exact
    slopes on its outermost regions, a longer one is.

    Examples
    --------
    >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    >>> regions_on_line(tent, [1], [3]).breakpoints
    [Fraction(-1, 3), Fraction(-1, 6)]
    """
    start, way = _points(net, origin, direction, ("origin", "direction"))
    if not any(way):
        raise InputError("the direction is zero; give a vector along the line")
    line = net.restrict(start, [way])
    forms, reach = PrefixForms(line), _first_reach(line)
    while True:
        found = _along(net, start, way, enumerate_regions(line, Box([-reach], [reach]), progress=False))
        if all(_keeps(forms, found.patterns[end], sign) for end, sign in ((0, -1), (-1, 1))):
            return found
        reach = 2**16 * reach**2


def regions_on_segments(
    net: ReluNetwork, starts: Sequence[Any], ends: Sequence[Any], *, executor: Executor | None = None
) -> list[LineRegions]:
    """Return :func:`regions_on_segment` for many pairs of points, in order; an executor runs them in parallel.

    Examples
    --------
    >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    >>> [len(line) for line in regions_on_segments(tent, [[-1], [0], [1]], [[1], [1], [2]])]
    [3, 2, 1]
    """
    if len(starts) != len(ends):
        raise InputError(f"{len(starts)} starts and {len(ends)} ends; give one end for every start")
    if executor is None:
        return [regions_on_segment(net, x, y) for x, y in zip(starts, ends, strict=True)]
    work = functools.partial(regions_on_segment, net, workers=1)
    return list(executor.map(work, starts, ends))


def _points(net: ReluNetwork, a: Iterable[Any], b: Iterable[Any], names: tuple[str, str]) -> tuple[Point, Point]:
    given = point(a, names[0]), point(b, names[1])
    for name, x in zip(names, given, strict=True):
        if len(x) != net.input_dim:
            raise InputError(f"{name} has {len(x)} coordinates; this network has {net.input_dim} inputs")
    return given


def _along(net: ReluNetwork, origin: Point, direction: Point, cx: RegionComplex) -> LineRegions:
    if not cx.complete:
        raise KeyboardInterrupt  # Ctrl-C ends an enumeration early, and nothing else does
    return LineRegions(net, origin, direction, cx)


def _along_the_line(cx: RegionComplex, forms: PrefixForms) -> Ints:
    """Return the regions of a network of one input from left to right: each one's facets are its ends."""
    if len(cx) == 1:
        return np.zeros(1, dtype=np.int64)
    near: list[list[int]] = [[] for _ in range(len(cx))]
    region = np.repeat(np.arange(len(cx)), np.diff(cx.facet_ptr))
    for i, j in zip(region.tolist(), cx.facet_neighbor.tolist(), strict=True):
        if j >= 0:
            near[i].append(j)
    now = min(i for i, others in enumerate(near) if len(others) == 1)
    order, before = [now], -1
    while len(order) < len(cx):
        before, now = now, next(j for j in near[now] if j != before)
        order.append(now)
    bits, after = cx.patterns[order[0]], cx.patterns[order[1]]
    forms.on(bits)
    first = int(np.flatnonzero(bits != after)[0])
    # the form of the neuron that switches is positive where its bit is 1: the first region lies left of its zero or
    # right of it
    leftmost = (forms.row(first)[0] > 0) != (bits[first] == 1)
    return np.array(order if leftmost else order[::-1], dtype=np.int64)


def _first_reach(line: ReluNetwork) -> int:
    """Return a power of two beyond most breakpoints of the first layer."""
    slope, shift = (line.layers[0].blocks[0] if 0 in line.layers[0].blocks else None), line.layers[0].bias
    if slope is None:
        return 1
    pairs = zip(slope.integers(), shift.integers(), strict=True)
    ends = [abs(Fraction(c * slope.den, g * shift.den)) for (g,), (c,) in pairs if g]
    return 4 << math.ceil(max(ends, default=0)).bit_length()


def _keeps(forms: PrefixForms, bits: npt.NDArray[np.uint8], sign: int) -> bool:
    """Tell whether no neuron switches any more beyond a region, to the right (1) or to the left (-1)."""
    start = 0
    for layer, table in zip(forms.net.relu_layers, forms.on(bits), strict=False):
        for bit, (slope, _) in zip(bits[start : start + layer.size].tolist(), table.integers(), strict=True):
            if slope and (slope * sign > 0) != (bit == 1):
                return False
        start += layer.size
    return True


def outputs_depend(net: ReluNetwork, patterns: npt.NDArray[np.uint8], neurons: Ints) -> Mask:
    """Tell whether some output depends on a neuron's activation, on patterns in which all neurons behind are set.

    The derivatives are propagated in floats with error bounds, all at once; where they do not clear their bounds,
    paths are followed and, if there are any, integers decide.

    Examples
    --------
    The activation counts in two ways that cancel:

    >>> net = ReluNetwork([[[1]], [[1], [1]], [[1, -1]]], [[0], [1, 1], [0]])
    >>> outputs_depend(net, np.array([[1, 1, 1], [1, 1, 0]], dtype=np.uint8), np.array([0, 0])).tolist()
    [False, True]
    """
    starts = np.concatenate([[0], np.cumsum(net.widths)]).astype(np.int64)
    home = np.searchsorted(starts, neurons, side="right") - 1
    sparse = any(isinstance(block, SparseMatrix) for layer in net.layers for block in layer.blocks.values())
    propagate = _propagate_sparsely if sparse else _propagate
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        answer, reached = propagate(net, patterns, neurons, home, starts)
    for i in np.flatnonzero(~answer & reached).tolist():
        answer[i] = _depends(net, patterns[i], int(neurons[i]), starts)
    return answer


def _propagate(
    net: ReluNetwork, patterns: npt.NDArray[np.uint8], neurons: Ints, home: Ints, starts: Ints
) -> tuple[Mask, Mask]:
    """Return where some output's derivative is proved not to be zero, and where a path leads to some output."""
    count = len(neurons)
    values: list[Any] = [np.zeros((net.input_dim, count))]
    errors: list[Any] = [np.zeros((net.input_dim, count))]
    paths: list[Any] = [np.zeros((net.input_dim, count), dtype=bool)]
    for index, layer in enumerate(net.layers):
        z, bound = np.zeros((layer.size, count)), np.zeros((layer.size, count))
        open_paths = np.zeros((layer.size, count), dtype=bool)
        terms = 1 + sum(w.shape[1] for w in layer.blocks.values())
        kappa = (terms + 3) * UNIT_ROUNDOFF * (1 + 2.0**-20)
        for k, matrix in layer.blocks.items():
            if k == 0:
                continue
            w, exact = matrix.to_float()
            size, weight = np.abs(values[k]), np.abs(w)
            z += w @ values[k]
            bound += weight @ errors[k] * (1 + 2.0**-52) + kappa * (weight @ size)
            bound += UNDERFLOW * (size + errors[k]).sum(axis=0)
            kept = w != 0 if exact else matrix.fractions() != 0  # a rounded entry may have vanished
            open_paths |= (np.asarray(kept, dtype=np.float64) @ paths[k]) > 0
        bound = bound * (1 + (terms + 8) * 2.0**-52) + (terms + 2) * UNDERFLOW
        bound[~np.isfinite(z)] = np.inf
        if index < len(net.widths):
            own = np.flatnonzero(home == index)
            closed = patterns[:, starts[index] : starts[index + 1]].T == 0
            for table in (z, bound, open_paths):
                table[closed] = 0
            z[:, own], bound[:, own], open_paths[:, own] = 0.0, 0.0, False
            z[neurons[own] - starts[index], own] = 1.0
            open_paths[neurons[own] - starts[index], own] = True
        values.append(z)
        errors.append(bound)
        paths.append(open_paths)
    return (np.abs(values[-1]) > errors[-1]).any(axis=0), paths[-1].any(axis=0)


def _propagate_sparsely(
    net: ReluNetwork, patterns: npt.NDArray[np.uint8], neurons: Ints, home: Ints, starts: Ints
) -> tuple[Mask, Mask]:
    """Do the same where layers are sparse, and so are the derivatives.

    What underflows may leave no entry, so it counts apart: ``lost`` bounds it, for all entries of a column.
    """
    from scipy.sparse import csr_array

    def empty(size: int) -> Any:
        return csr_array((size, len(neurons)))

    blocks: list[tuple[Any, Any, Any, Any]] = [(empty(net.input_dim),) * 3 + (np.zeros(len(neurons)),)]
    for index, layer in enumerate(net.layers):
        z, bound, open_paths, lost = empty(layer.size), empty(layer.size), empty(layer.size), np.zeros(len(neurons))
        terms = 1 + sum(w.shape[1] for w in layer.blocks.values())
        kappa = (terms + 3) * UNIT_ROUNDOFF * (1 + 2.0**-20)
        for k, matrix in layer.blocks.items():
            if k == 0:
                continue
            w, _ = matrix.operator()
            if not isinstance(matrix, SparseMatrix):
                entries = (w != 0) if matrix.operator()[1] else (matrix.fractions() != 0)
                rows, cols = np.nonzero(entries)
                w = csr_array((w[rows, cols], (rows, cols)), shape=w.shape)
            value, error, paths, before = blocks[k]
            size, weight, ones = abs(value), abs(w), w.copy()
            ones.data[:] = 1.0  # an entry is not zero, though its float may be
            z = z + w @ value
            bound = bound + (weight @ error) * (1 + 2.0**-52) + (weight @ size) * kappa
            open_paths = open_paths + ones @ paths
            total = np.asarray((size + error).sum(axis=0)).ravel() + len(starts) * before
            lost += UNDERFLOW * total + before * (float(weight.sum(axis=1).max()) * (1 + terms * 2.0**-52))
        bound = bound * (1 + (terms + 8) * 2.0**-52)
        lost = lost * (1 + 2.0**-40) + (terms + 2) * UNDERFLOW
        own = np.zeros(0, dtype=np.int64)
        if index < len(net.widths):
            own = np.flatnonzero(home == index)
            for table in (z, bound, open_paths):
                row, column = np.repeat(np.arange(layer.size), np.diff(table.indptr)), table.indices
                table.data *= (patterns[column, starts[index] + row] == 1) & (home[column] != index)
                table.eliminate_zeros()
            lost[own] = 0.0
            unit = csr_array((np.ones(len(own)), (neurons[own] - starts[index], own)), shape=z.shape)
            z, open_paths = z + unit, open_paths + unit
        open_paths.data[:] = 1.0
        blocks.append((z, bound, open_paths, lost))
    value, error, paths, lost = blocks[-1]
    size = np.abs(value.toarray())
    clear = np.isfinite(size) & (size > error.toarray() * (1 + 2.0**-40) + lost)
    return clear.any(axis=0), np.asarray(paths.sum(axis=0)).ravel() > 0


def _depends(net: ReluNetwork, bits: npt.NDArray[np.uint8], neuron: int, starts: Ints) -> bool:
    """Propagate the derivative by one neuron's activation exactly."""
    blocks = [RationalMatrix.zeros(net.input_dim, 1)]
    for index, layer in enumerate(net.layers):
        z = RationalMatrix.zeros(layer.size, 1)
        if index < len(net.widths) and starts[index] <= neuron < starts[index + 1]:
            z = RationalMatrix.of([[int(j == neuron)] for j in range(starts[index], starts[index + 1])])
        else:
            for k, weight in layer.blocks.items():
                z = z + weight @ blocks[k]
            if index < len(net.widths):
                z = z.masked(bits[starts[index] : starts[index + 1]].tolist())
        blocks.append(z)
    return not blocks[-1].is_zero
