"""Polygons for drawing: the regions of a 2-input network in floats, cut out of a window.

Exactness: *float*. A picture decides nothing. The facets come from the exact enumeration, their lines
are rounded, and a vertex is wrong by a few units in the last place of the window.

Legend: a *row* is an affine form ``(g_1, .., g_d, g_0)``, nonnegative on its region. A *window* is
``(xmin, xmax, ymin, ymax)``, or ``(xmin, xmax)`` for one input.

References
----------
I. E. Sutherland and G. W. Hodgman, Reentrant polygon clipping, 1974.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import lp
from .complex import BEYOND, RegionComplex
from .errors import InputError
from .exact import UNIT_ROUNDOFF
from .kernels import njit
from .network import ReluNetwork

__all__ = ["region_polygons"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Regions whose float rows are built at once: large enough for BLAS, small enough for the cache.
BATCH = 1024
# And no more than so many numbers of one kind.
ENTRIES = 2**24
# A float form that is not this much larger than its error is not drawn: facets are taken from exact integers
# instead, a gradient counts as zero.
TRUSTED = 2.0**12
# Lines whose directions differ by less meet too far away to be shown, if it is not rounding that makes them meet.
PARALLEL = 2.0**-16
# Vertices closer than this fraction of the picture's scale are one vertex, computed from several regions.
ONE_POINT = 2.0**-24
# What draws a network of so many inputs.
DRAWN = {1: "take plot_function", 2: "take plot_regions or plot_surface"}


class Forms:
    """Affine forms of many patterns at once, in floats: one product of stacked matrices per layer.

    Beside each form runs an estimate of the rounding error of its linear part, so that forms of which nothing is
    left but rounding are noticed.
    """

    def __init__(self, net: ReluNetwork):
        self.net = net
        self.layers = [
            ({k: w.operator()[0].T.copy() for k, w in layer.blocks.items()}, layer.bias.to_float()[0].ravel())
            for layer in net.layers
        ]
        self.batch = max(16, min(BATCH, ENTRIES // max(1, net.neurons)))

    def __call__(self, patterns: npt.NDArray[np.uint8]) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the forms of the hidden neurons (B, d + 1, N) and of the outputs (B, d + 1, m), each with errors."""
        count, d, N = len(patterns), self.net.input_dim, self.net.neurons
        hidden, hidden_error = np.zeros((count, d + 1, N)), np.zeros((count, N))
        blocks: list[tuple[Floats, Floats, Floats]] = []
        z, error = hidden, hidden_error
        offset = 0
        new = np.zeros(count, dtype=bool)
        new[:1] = True
        for weights, bias in self.layers:
            # neighbors in the list share their first layers, and so these forms
            chosen, number = np.flatnonzero(new), np.cumsum(new) - 1
            z, error = np.zeros((len(chosen), d + 1, len(bias))), np.zeros((len(chosen), len(bias)))
            z[:, d] = bias
            for k, w in weights.items():
                if k == 0:  # block 0 is the identity: its products are the weights
                    w = w if isinstance(w, np.ndarray) else w.toarray()
                    z[:, :d] += w
                    error += UNIT_ROUNDOFF * np.abs(w).max(axis=0)
                else:
                    form, size, carried = (table[chosen] for table in blocks[k - 1])
                    z += np.asarray(form.reshape(-1, form.shape[2]) @ w).reshape(z.shape)
                    error += (carried + UNIT_ROUNDOFF * size) @ abs(w)
            z, error = z[number], error[number]
            if offset < N:
                here = slice(offset, offset + len(bias))
                hidden[..., here], hidden_error[:, here] = z, error
                new[1:] |= (patterns[1:, here] != patterns[:-1, here]).any(axis=1)
                # what the next layers read; also what a last layer with a ReLU puts out
                z, error = z * patterns[:, None, here], error * patterns[:, here]
                offset += len(bias)
            blocks.append((z, np.abs(z[:, :d]).max(axis=1), error))
        return hidden, hidden_error, z, error


def facet_rows(cx: RegionComplex) -> tuple[Floats, Floats]:
    """Return one float row per facet (F, d + 1), nonnegative on its region, and the output maps (R, d + 1, m)."""
    net, d, N = cx.network, cx.network.input_dim, cx.network.neurons
    walls = lp.float_rows(cx.domain.rows)[0] if len(cx.domain) else np.zeros((0, d + 1))
    # a facet on a wall is drawn from the wall, which comes last in its rows
    first, last = cx.facet_row[cx.row_ptr[:-1]], cx.facet_row[cx.row_ptr[1:] - 1]
    chosen = np.where(last >= N, last, first)
    region = np.repeat(np.arange(len(cx)), np.diff(cx.facet_ptr))
    rows = np.zeros((len(chosen), d + 1))
    rows[chosen >= N] = walls[chosen[chosen >= N] - N]
    maps = np.zeros((len(cx), d + 1, net.output_dim))
    doubtful = np.zeros(len(cx), dtype=bool)
    doubtful[list(cx.exact_points)] = True
    forms = Forms(net)
    for start in range(0, len(cx), forms.batch):
        stop = min(start + forms.batch, len(cx))
        patterns = cx.patterns[start:stop]
        hidden, error, maps[start:stop], map_error = forms(patterns)
        noise = np.abs(maps[start:stop, :d]).max(axis=1) <= TRUSTED * map_error
        maps[start:stop, :d] *= ~noise[:, None]
        facets = np.arange(cx.facet_ptr[start], cx.facet_ptr[stop])
        facets = facets[chosen[facets] < N]
        neuron, local = chosen[facets], region[facets] - start
        rows[facets] = hidden[local, :, neuron] * np.where(patterns[local, neuron] == 1, 1.0, -1.0)[:, None]
        lost = np.abs(rows[facets, :d]).max(axis=1, initial=0.0) <= TRUSTED * error[local, neuron]
        doubtful[region[facets[lost]]] = True
    slack = (rows[:, :d] * cx.interior_points[region]).sum(axis=1) + rows[:, d]
    doubtful[region[~(slack > 0)]] = True
    for i in np.flatnonzero(doubtful):
        exact = cx[int(i)].polytope.rows
        if exact:
            rows[cx.facet_ptr[i] : cx.facet_ptr[i + 1]] = lp.float_rows(exact)[0]
        maps[i] = cx[int(i)].affine_map.forms.to_float()[0].T
    norm = np.sqrt((rows[:, :d] ** 2).sum(axis=1, keepdims=True))
    return rows / np.where(norm > 0, norm, 1.0), maps


@njit
def clip(rows: Floats, ptr: Ints, window: Floats) -> tuple[Floats, Ints, Ints]:
    """Cut the window by the rows of each region; exactness: *float*.

    Returns vertices (V, 2) counterclockwise, the facet that the edge from a vertex to the next one lies on
    (-1 for the rim of the window), and index pointers (R + 1). A crossing lies between two vertices that are
    kept or dropped by the sign of the same number, so no near-parallel lines are ever intersected.
    """
    regions = len(ptr) - 1
    vertices = np.empty((len(rows) + 4 * regions, 2))
    labels = np.empty(len(vertices), dtype=np.int64)
    first = np.zeros(regions + 1, dtype=np.int64)
    most = 8
    for r in range(regions):
        most = max(most, ptr[r + 1] - ptr[r] + 8)
    x, y = np.empty((2, most)), np.empty((2, most))
    label = np.empty((2, most), dtype=np.int64)
    s = np.empty(most)
    total = 0
    for r in range(regions):
        now = 0
        for k in range(4):
            x[0, k] = window[0] if k == 0 or k == 3 else window[1]
            y[0, k] = window[2] if k < 2 else window[3]
            label[0, k] = -1
        size = 4
        for f in range(ptr[r], ptr[r + 1]):
            for k in range(size):
                s[k] = rows[f, 0] * x[now, k] + rows[f, 1] * y[now, k] + rows[f, 2]
            new, count = 1 - now, 0
            for k in range(size):
                after = k + 1 if k + 1 < size else 0
                leaves, enters = s[k] >= 0.0 and s[after] < 0.0, s[k] < 0.0 and s[after] > 0.0
                if s[k] >= 0.0:
                    x[new, count], y[new, count] = x[now, k], y[now, k]
                    on_line = s[k] == 0.0 and s[after] <= 0.0
                    label[new, count] = f if on_line else label[now, k]
                    count += 1
                if (leaves and s[k] > 0.0) or enters:
                    t = s[k] / (s[k] - s[after])
                    x[new, count] = x[now, k] + t * (x[now, after] - x[now, k])
                    y[new, count] = y[now, k] + t * (y[now, after] - y[now, k])
                    label[new, count] = f if leaves else label[now, k]
                    count += 1
            now, size = new, count
        if size >= 3:
            for k in range(size):
                vertices[total, 0], vertices[total, 1] = x[now, k], y[now, k]
                labels[total] = label[now, k]
                total += 1
        first[r + 1] = total
    return vertices[:total], labels[:total], first


@dataclass(frozen=True)
class Drawing:
    """What a picture of a 2-input network needs, in floats.

    ``vertices[ptr[i] : ptr[i + 1]]`` is the polygon of region i; ``labels`` names the facet of the edge that starts at
    a vertex, or -1; ``regions`` is the region of every vertex; ``maps`` are the output maps (R, 3, m).
    """

    window: tuple[float, ...]
    vertices: Floats
    labels: Ints
    ptr: Ints
    maps: Floats

    @functools.cached_property
    def regions(self) -> Ints:
        """The region of every vertex."""
        return np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))

    def edges(self) -> Floats:
        """Return the edges that start at every vertex as segments (V, 2, 2)."""
        end = np.arange(1, len(self.vertices) + 1)
        last = end == self.ptr[self.regions + 1]
        end[last] = self.ptr[self.regions[last]]
        return np.stack([self.vertices, self.vertices[end]], axis=1)

    def areas(self) -> Floats:
        """Return the area of every polygon."""
        p, q = self.edges().transpose(1, 0, 2)
        parts = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]) / 2
        return np.bincount(self.regions, parts, minlength=len(self.ptr) - 1).astype(np.float64)

    def centers(self) -> Floats:
        """Return the mean of the vertices of every polygon, which is inside it; NaN where there is none."""
        count = np.diff(self.ptr)
        sums = np.stack([np.bincount(self.regions, v, minlength=len(count)) for v in self.vertices.T], axis=1)
        with np.errstate(invalid="ignore"):
            means: Floats = sums / count[:, None]
        return means


def draw_polygons(cx: RegionComplex, window: Sequence[float] | None = None) -> Drawing:
    """Cut all regions of a 2-input network out of a window."""
    rows, maps = facet_rows(cx)
    seen = default_window(cx, rows) if window is None else checked_window(window, 2)
    vertices, labels, ptr = clip(rows, cx.facet_ptr, np.array(seen))
    return Drawing(seen, vertices, labels, ptr, maps)


def checked_window(window: Sequence[float], d: int) -> tuple[float, ...]:
    """Return a window as floats; refuse one that is not finite and increasing."""
    values = tuple(float(v) for v in window)
    low, high = values[0::2], values[1::2]
    if len(values) != 2 * d or not np.isfinite(values).all() or any(a >= b for a, b in zip(low, high, strict=True)):
        wanted = "(xmin, xmax, ymin, ymax)" if d == 2 else "(xmin, xmax)"
        raise InputError(f"window is {tuple(window)}; give {wanted}, finite and increasing")
    return values


def default_window(cx: RegionComplex, rows: Floats) -> tuple[float, ...]:
    """Return the bounding box of the domain; where it is infinite, that of the vertices without outliers, enlarged."""
    lo, hi = cx.domain.outer_floats()
    if not (np.isfinite(lo).all() and np.isfinite(hi).all()):
        reach = float(np.abs(cx.interior_points).max()) + float(np.abs(rows[:, 2]).max(initial=0.0)) or 1.0
        far = np.array([-1.0, 1.0, -1.0, 1.0]) * reach * 2.0**16
        vertices, labels, ptr = clip(rows, cx.facet_ptr, far)
        before = np.arange(len(labels)) - 1
        before[ptr[:-1][np.diff(ptr) > 0]] = ptr[1:][np.diff(ptr) > 0] - 1
        corner = np.flatnonzero((labels >= 0) & (labels[before] >= 0))
        here, there = rows[labels[corner]], rows[labels[before[corner]]]
        turn = np.abs(here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0])
        points = vertices[corner[turn > PARALLEL]]
        if not len(points):  # parallel lines, or none: the feet of perpendiculars, or the interior points
            inner = cx.interior_points[np.repeat(np.arange(len(cx)), np.diff(cx.facet_ptr))]
            feet = inner - ((rows[:, :2] * inner).sum(axis=1) + rows[:, 2])[:, None] * rows[:, :2]
            points = feet if len(feet) else cx.interior_points
        low, high = np.quantile(points, 0.1, axis=0), np.quantile(points, 0.9, axis=0)
        spread = high - low
        low, high = np.maximum(points.min(axis=0), low - spread), np.minimum(points.max(axis=0), high + spread)
        spread = high - low
        spread = np.where(spread > reach * ONE_POINT, spread, max(spread.max(), reach / 8))
        lo, hi = np.where(np.isfinite(lo), lo, low - spread / 4), np.where(np.isfinite(hi), hi, high + spread / 4)
    return float(lo[0]), float(hi[0]), float(lo[1]), float(hi[1])


def region_polygons(cx: RegionComplex, window: Sequence[float] | None = None) -> list[Floats]:
    """Return the regions of a 2-input network as polygons.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with two inputs.
    window : (xmin, xmax, ymin, ymax), optional
        Polygons are cut to this rectangle. Default: the bounding box of the domain; where that is infinite, a
        box around the vertices (without far outliers) with a margin.

    Returns
    -------
    list of ndarray, shape (k, 2)
        Vertices of every region, counterclockwise, in the order of the regions. Shape (0, 2) for a region outside
        the window, or thinner than the rounding of floats.

    Raises
    ------
    InputError
        Another number of inputs, or a window that is not an increasing pair per axis.

    Notes
    -----
    Exactness: *float*. The window is cut by the facets of the region, one after the other, at a cost of some
    microseconds a region. For exact vertices use ``cx[i].vertices``.

    Examples
    --------
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([0, -1], [1, 0]))
    >>> region_polygons(cx)[1].tolist()
    [[1.0, -1.0], [1.0, 0.0], [0.0, 0.0]]
    """
    need_inputs(cx.network.input_dim, (2,))
    picture = draw_polygons(cx, window)
    return [picture.vertices[a:b] for a, b in zip(picture.ptr[:-1], picture.ptr[1:], strict=True)]


def facet_layers(cx: RegionComplex, only: npt.NDArray[np.bool_] | None = None) -> Ints:
    """Return the layer, from 0, of the first neuron that vanishes on every facet; walls have the last layer or more.

    With ``only`` some neurons (N,), the others count as walls.
    """
    N = cx.network.neurons
    first = cx.facet_row[cx.row_ptr[:-1]]
    if only is not None:
        rows = np.where(np.append(only, False)[np.minimum(cx.facet_row, N)], cx.facet_row, N)
        first = np.minimum.reduceat(rows, cx.row_ptr[:-1]) if len(rows) else rows
    layers: Ints = np.asarray(np.searchsorted(np.cumsum(cx.network.widths), first, side="right"), dtype=np.int64)
    return layers


def each_facet_once(cx: RegionComplex, labels: Ints, region: Ints) -> Ints:
    """Return the edges, by first vertex, that lie on a facet inside the domain, one for both of its sides."""
    edge = np.flatnonzero(labels >= 0)
    other = cx.facet_neighbor[labels[edge]]
    edge, other = edge[(other >= 0) | (other == BEYOND)], other[(other >= 0) | (other == BEYOND)]
    here, count = region[edge], len(cx)
    pair = np.minimum(here, other) * count + np.maximum(here, other)
    # an unexplored region has no number: each facet towards it stands for itself
    pair = np.where(other == BEYOND, count * count + labels[edge], pair)
    chosen: Ints = edge[np.unique(pair, return_index=True)[1]]
    return chosen


def need_inputs(d: int, allowed: tuple[int, ...]) -> None:
    """Refuse a network with another number of inputs, and say what to take instead."""
    if d in allowed:
        return
    have = f"the network has {d} input{'s' if d > 1 else ''} and this picture needs {' or '.join(map(str, allowed))}"
    if d > max(allowed):
        words = {1: "one direction", 2: "two directions", 3: "three directions"}[max(allowed)]
        raise InputError(f"{have}; enumerate a slice: net.restrict(origin, directions) with {words}")
    raise InputError(f"{have}; {DRAWN[d]}")
