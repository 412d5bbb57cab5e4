"""Pictures of region complexes: the regions of a 2-input network, the graph of a 1-input network.

Exactness: *float*. A picture decides nothing. The facets come from the exact enumeration, their lines
are rounded, and a vertex is wrong by a few units in the last place of the window.

Legend: a *row* is an affine form ``(g_1, .., g_d, g_0)``, nonnegative on its region. A *window* is
``(xmin, xmax, ymin, ymax)``, or ``(xmin, xmax)`` for one input. ``u`` is a gradient pressed into the unit disc.

Colors. ``"affine"`` shows the gradient of one output as a point of a tilted disc in the OKLab color space: its
first coordinate runs from blue to yellow, its second from dark to light, so that both survive color
blindness; regions where the output is constant are light grey. ``"pattern"`` colors the regions like the
countries of a map, neighbors differently, ``"linear"`` the linear regions likewise. Bent hyperplanes go from
indigo (first layer) to orange (last).

References
----------
B. Ottosson, *A perceptual color space for image processing* (OKLab), 2020.
D. W. Matula and L. L. Beck, Smallest-last ordering and clustering and graph coloring algorithms, 1983.
I. E. Sutherland and G. W. Hodgman, Reentrant polygon clipping, 1974.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import lp
from .complex import BEYOND, RegionComplex
from .errors import InputError, ModelError
from .exact import UNIT_ROUNDOFF
from .kernels import njit
from .linear import LinearRegions
from .network import ReluNetwork
from .readers.files import atomic_write, located, require, writable_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["check_picture", "plot_regions", "region_polygons", "save_picture"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SUFFIXES = (".pdf", ".png", ".svg")
COLORS = ("affine", "pattern", "linear")

# Regions whose float rows are built at once: large enough for BLAS, small enough for the cache.
BATCH = 1024
# A float form that is not this much larger than its error is not drawn: facets are taken from exact integers
# instead, a gradient counts as zero.
TRUSTED = 2.0**12
# From here on fills and lines are embedded as an image in .svg and .pdf, whose text stays text.
MANY = 12_000
# Segments of one stroked path; Agg refuses paths with very many cells.
CHUNK = 2_000

# u = g / sqrt(scale**2 + |g|**2) puts a gradient of length ``scale`` at this radius of the color disc.
RING = 0.5**0.5

# Lines whose directions differ by less meet too far away to be shown, if it is not rounding that makes them meet.
PARALLEL = 2.0**-16
# Vertices closer than this fraction of the picture's scale are one vertex, computed from several regions.
ONE_POINT = 2.0**-24

INK = "#2b2b33"
# Six light colors of different lightness, for maps (after P. Tol's "light" scheme, muted).
MAP = ("#dbe5f1", "#f2dfc4", "#b9d3c8", "#e9c3bd", "#b7bfdb", "#f5f1da")


# -- floats ---------------------------------------------------------------------------
class _Forms:
    """Affine forms of many patterns at once, in floats: one product of stacked matrices per layer.

    Beside each form runs an estimate of the rounding error of its linear part, so that forms of which nothing is
    left but rounding are noticed.
    """

    def __init__(self, net: ReluNetwork):
        self.net = net
        self.layers = [
            ({k: w.to_float()[0].T.copy() for k, w in layer.blocks.items()}, layer.bias.to_float()[0].ravel())
            for layer in net.layers
        ]

    def __call__(self, patterns: npt.NDArray[np.uint8]) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the forms of the hidden neurons (B, d + 1, N) and of the outputs (B, d + 1, m), each with errors."""
        count, d, N = len(patterns), self.net.input_dim, self.net.neurons
        hidden, hidden_error = np.zeros((count, d + 1, N)), np.zeros((count, N))
        blocks: list[tuple[Floats, Floats, Floats]] = []
        z, error = hidden, hidden_error
        offset = 0
        for weights, bias in self.layers:
            z, error = np.zeros((count, d + 1, len(bias))), np.zeros((count, len(bias)))
            z[:, d] = bias
            for k, w in weights.items():
                if k == 0:  # block 0 is the identity: its products are the weights
                    z[:, :d] += w
                    error += UNIT_ROUNDOFF * np.abs(w).max(axis=0)
                else:
                    form, size, carried = blocks[k - 1]
                    z += form @ w
                    error += (carried + UNIT_ROUNDOFF * size) @ np.abs(w)
            if offset < N:
                here = slice(offset, offset + len(bias))
                hidden[..., here], hidden_error[:, here] = z, error
                # what the next layers read; also what a last layer with a ReLU puts out
                z, error = z * patterns[:, None, here], error * patterns[:, here]
                offset += len(bias)
            blocks.append((z, np.abs(z[:, :d]).max(axis=1), error))
        return hidden, hidden_error, z, error


def _facet_rows(cx: RegionComplex) -> tuple[Floats, Floats]:
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
    forms = _Forms(net)
    for start in range(0, len(cx), BATCH):
        stop = min(start + BATCH, len(cx))
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
def _clip(rows: Floats, ptr: Ints, window: Floats) -> tuple[Floats, Ints, Ints]:
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
class _Drawing:
    """What a picture of a 2-input network needs, in floats.

    ``vertices[ptr[i] : ptr[i + 1]]`` is the polygon of region i; ``labels`` names the facet of the edge that starts at
    a vertex, or -1; ``maps`` are the output maps (R, 3, m).
    """

    window: tuple[float, ...]
    vertices: Floats
    labels: Ints
    ptr: Ints
    maps: Floats

    def edges(self, region: Ints) -> Floats:
        """Return the edges that start at every vertex as segments (V, 2, 2), given the region of every vertex."""
        end = np.arange(1, len(self.vertices) + 1)
        last = end == self.ptr[region + 1]
        end[last] = self.ptr[region[last]]
        return np.stack([self.vertices, self.vertices[end]], axis=1)


def _drawing(cx: RegionComplex, window: Sequence[float] | None) -> _Drawing:
    rows, maps = _facet_rows(cx)
    seen = _window(cx, rows) if window is None else _checked_window(window, 2)
    vertices, labels, ptr = _clip(rows, cx.facet_ptr, np.array(seen))
    return _Drawing(seen, vertices, labels, ptr, maps)


def _checked_window(window: Sequence[float], d: int) -> tuple[float, ...]:
    values = tuple(float(v) for v in window)
    low, high = values[0::2], values[1::2]
    if len(values) != 2 * d or not np.isfinite(values).all() or any(a >= b for a, b in zip(low, high, strict=True)):
        wanted = "(xmin, xmax, ymin, ymax)" if d == 2 else "(xmin, xmax)"
        raise InputError(f"window is {tuple(window)}; give {wanted}, finite and increasing")
    return values


def _window(cx: RegionComplex, rows: Floats) -> tuple[float, ...]:
    """Return the bounding box of the domain; where it is infinite, that of the vertices without outliers, enlarged."""
    lo, hi = cx.domain.outer_floats()
    if not (np.isfinite(lo).all() and np.isfinite(hi).all()):
        reach = float(np.abs(cx.interior_points).max()) + float(np.abs(rows[:, 2]).max(initial=0.0)) or 1.0
        far = np.array([-1.0, 1.0, -1.0, 1.0]) * reach * 2.0**16
        vertices, labels, ptr = _clip(rows, cx.facet_ptr, far)
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
    _need_inputs(cx.network.input_dim, (2,))
    picture = _drawing(cx, window)
    return [picture.vertices[a:b] for a, b in zip(picture.ptr[:-1], picture.ptr[1:], strict=True)]


def _need_inputs(d: int, allowed: tuple[int, ...]) -> None:
    if d not in allowed:
        raise InputError(
            f"the network has {d} input{'s' if d > 1 else ''} and this picture needs {' or '.join(map(str, allowed))}; "
            "enumerate a slice: net.restrict(origin, directions) with two directions"
            if d > 2
            else f"polygons need two inputs and the network has {d}; use plot_regions, which draws its graph"
        )


# -- colors ---------------------------------------------------------------------------
def _oklab(L: Any, a: Any, b: Any) -> Floats:
    """Return sRGB in [0, 1] of OKLab coordinates; the last axis is red, green, blue."""
    lms = np.stack(
        [
            L + 0.3963377774 * a + 0.2158037573 * b,
            L - 0.1055613458 * a - 0.0638541728 * b,
            L - 0.0894841775 * a - 1.2914855480 * b,
        ],
        axis=-1,
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(lms**3 @ to_rgb.T, 0.0, 1.0)
    rgb: Floats = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb


def _disc(u: Floats) -> Floats:
    """Return the color of points of the unit disc, shape (.., 2): blue to yellow, dark to light."""
    return _oklab(0.88 + 0.1 * u[..., 1], -0.035 * u[..., 1], 0.1 * u[..., 0])


def _gradient_colors(gradients: Floats, areas: Floats) -> tuple[Floats, float]:
    """Return a color per gradient (R, 2), and the length that is drawn at radius ``RING`` of the disc."""
    length = np.sqrt((gradients**2).sum(axis=1))
    order = np.argsort(length)
    order = order[length[order] > 0]
    weight = np.cumsum(areas[order])
    # half of the area that is not flat has a shorter gradient than this
    scale = float(length[order[np.searchsorted(weight, weight[-1] / 2)]]) if len(order) else 1.0
    return _disc(gradients / np.hypot(scale, length)[:, None]), scale


def _map_colors(cx: RegionComplex, labels: Ints | None = None) -> Floats:
    """Return a color per region, or per linear region given by labels, different across every shared facet.

    A planar graph has a node with at most five neighbors; taking such nodes away one after the other and
    coloring them in the opposite order needs at most six colors. Linear regions that are not connected may need more.
    """
    if labels is None:
        labels = np.arange(len(cx))
    count = int(labels.max()) + 1
    pairs = labels[cx.edges].reshape(-1, 2)
    pairs = np.unique(np.vstack([pairs, pairs[:, ::-1]])[np.tile(pairs[:, 0] != pairs[:, 1], 2)], axis=0)
    indptr, indices = np.searchsorted(pairs[:, 0], np.arange(count + 1)).tolist(), pairs[:, 1].tolist()
    degree = [indptr[i + 1] - indptr[i] for i in range(count)]
    buckets: list[list[int]] = [[] for _ in range(max(degree, default=0) + 1)]
    for i in reversed(range(count)):
        buckets[degree[i]].append(i)
    removed = [False] * count
    order: list[int] = []
    low = 0
    while len(order) < count:
        while not buckets[low]:
            low += 1
        i = buckets[low].pop()
        if removed[i] or degree[i] != low:
            continue
        removed[i] = True
        order.append(i)
        for j in indices[indptr[i] : indptr[i + 1]]:
            if not removed[j]:
                degree[j] -= 1
                buckets[degree[j]].append(j)
        low = max(low - 1, 0)
    color = [-1] * count
    used = [0] * len(MAP)
    for i in reversed(order):
        taken = {color[j] for j in indices[indptr[i] : indptr[i + 1]]}
        # the rarest of the free colors, so that all of them are seen
        color[i] = min((c for c in range(len(used)) if c not in taken), key=lambda c: used[c], default=len(used))
        used += [0] * (color[i] == len(used))
        used[color[i]] += 1
    table = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in MAP])
    angle = np.arange(len(used) - len(MAP)) * np.pi * (3 - 5**0.5)
    more = _disc(0.9 * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    colors: Floats = np.vstack([table, more])[np.array(color)[labels]]
    return colors


def _layer_colors(layers: int) -> Floats:
    """Return one line color per layer, from indigo to orange, ever lighter."""
    t = np.linspace(0.0, 1.0, layers) if layers > 1 else np.zeros(layers)
    hue = np.radians(272.0 + 133.0 * t)  # blue, purple, red, orange
    chroma = 0.13 + 0.05 * np.sin(np.pi * t / 2)
    return _oklab(0.30 + 0.38 * t, chroma * np.cos(hue), chroma * np.sin(hue))


# -- pictures -------------------------------------------------------------------------
def plot_regions(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    color: str | LinearRegions | None = "affine",
    output: int = 0,
    edges: bool = True,
    legend: bool = True,
    window: Sequence[float] | None = None,
    rasterized: bool | None = None,
    inputs: Sequence[str] | None = None,
) -> Axes:
    """Draw the regions of a 2-input network, or the graph of a 1-input network.

    Two inputs: every region is filled, and the bent hyperplanes are drawn over the fill in the color of their layer. A
    facet where neurons of several layers vanish has the color of the first of them. One input: the graphs of all
    outputs, with the breakpoints of the chosen one marked in the colors of their layers.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with one or two inputs.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new pyplot figure.
    color : {"affine", "pattern", "linear", None} or LinearRegions
        ``"affine"``: by the gradient of one output, so that regions with equal affine maps look alike.
        ``"pattern"``: like a map, neighbors differently. ``"linear"``: a map of the open linear regions; for
        another definition give ``cx.linear_regions(definition)`` itself. None: no fill.
    output : int
        The output whose gradient gives the fill (``"affine"``) or whose graph is drawn dark (one input).
    edges : bool
        Draw the bent hyperplanes. Lines get thinner as regions get more.
    legend : bool
        Name the layers, and show the disc of gradient colors.
    window : (xmin, xmax, ymin, ymax) or (xmin, xmax), optional
        What to show; see :func:`region_polygons`.
    rasterized : bool, optional
        Embed fill and lines as an image in vector formats. Default: for 12 000 regions or more.
    inputs : sequence of str, optional
        Names of the axes, one per input; by default x0 and x1.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Three or more inputs (restrict to a slice), an unknown color or output.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*. 51 005 regions of a slice of ACAS Xu (300 neurons) take about 2 s, and as long to render.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([-1, -1], [1, 1]))
    >>> ax = plot_regions(cx, Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['layer 1, 1 neuron']
    """
    _need_inputs(cx.network.input_dim, (1, 2))
    if isinstance(color, LinearRegions):
        if color.complex is not cx:
            raise InputError("color holds the linear regions of another complex; give those of this one")
    elif color is not None and color not in COLORS:
        raise InputError(
            f"color is {color!r}; choose 'affine', 'pattern', 'linear' or None, or give cx.linear_regions(definition)"
        )
    if not 0 <= output < cx.network.output_dim:
        raise InputError(f"output is {output}; this network has outputs 0 to {cx.network.output_dim - 1}")
    require("matplotlib.figure", "plot")
    if cx.network.input_dim == 1:
        drawer: Any = _draw_graph
        view: Any = _interval(cx, window)
    else:
        drawer, view = _draw_regions, _drawing(cx, window)
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.subplots(layout="constrained")[1]
    if color == "linear":
        color = cx.linear_regions()
    drawer(cx, ax, view, color, output, edges, legend, len(cx) >= MANY if rasterized is None else rasterized)
    if inputs is not None:
        ax.set_xlabel(inputs[0])
        if cx.network.input_dim == 2:
            ax.set_ylabel(inputs[1], rotation=0, ha="right", va="center")
    return ax


def _draw_regions(
    cx: RegionComplex,
    ax: Any,
    view: _Drawing,
    color: str | LinearRegions | None,
    output: int,
    edges: bool,
    legend: bool,
    raster: bool,
) -> None:
    from matplotlib.collections import PolyCollection

    counts = np.diff(view.ptr)
    region = np.repeat(np.arange(len(cx)), counts)
    shown = np.flatnonzero(counts)
    segments = view.edges(region)
    scale = 1.0
    if color is not None:
        if color == "affine":
            p, q = segments[:, 0], segments[:, 1]
            areas = np.bincount(region, (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]) / 2, minlength=len(cx))
            fills, scale = _gradient_colors(view.maps[:, :2, output], np.maximum(areas, 0.0))
        else:
            fills = _map_colors(cx, color.labels if isinstance(color, LinearRegions) else None)
        polygons = [view.vertices[view.ptr[i] : view.ptr[i + 1]] for i in shown]
        # a hairline in the color of the fill hides the seams between polygons
        ax.add_collection(
            PolyCollection(
                polygons, facecolors=fills[shown], edgecolors="face", linewidths=0.25, zorder=1, rasterized=raster
            ),
            autolim=False,
        )
    layers = len(cx.network.widths)
    colors, widths = _layer_colors(layers), _line_widths(layers, len(shown))
    if edges:
        layer = _facet_layers(cx)
        once = _each_facet_once(cx, view.labels, region)
        lines, of = segments[once], layer[view.labels[once]]
        for number in reversed(range(layers)):  # the first layer on top
            _stroke(ax, lines[of == number], colors[number], widths[number], 3.0 - number / layers, raster)
    _draw_domain(cx, ax, view.window)
    _set_axes(ax, view.window)
    if legend:
        if edges and layers:
            _layer_legend(ax, cx, "line", colors, np.maximum(widths, 1.2))
        if color == "affine":
            _disc_legend(ax, scale, output, cx.network.output_dim)


def _facet_layers(cx: RegionComplex) -> Ints:
    """Return the layer, from 0, of the first neuron that vanishes on every facet; walls have the last layer or more."""
    first = cx.facet_row[cx.row_ptr[:-1]]
    layers: Ints = np.asarray(np.searchsorted(np.cumsum(cx.network.widths), first, side="right"), dtype=np.int64)
    return layers


def _each_facet_once(cx: RegionComplex, labels: Ints, region: Ints) -> Ints:
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


def _line_widths(layers: int, regions: int) -> Floats:
    """Return line widths in points: thinner for many regions, and for deeper layers."""
    base = float(np.clip(5.0 / max(regions, 1) ** 0.28, 0.22, 1.9))
    return base * np.linspace(1.0, 0.72 if layers > 1 else 1.0, layers)


def _stroke(ax: Any, segments: Floats, color: Any, width: float, zorder: float, raster: bool) -> None:
    """Draw segments as few compound paths: a fraction of the size of one element per segment."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    for start in range(0, len(segments), CHUNK):
        part = segments[start : start + CHUNK]
        codes = np.tile(np.array([Outline.MOVETO, Outline.LINETO], dtype=np.uint8), len(part))
        path = PathPatch(
            Outline(part.reshape(-1, 2), codes), fill=False, edgecolor=color, linewidth=width, zorder=zorder,
            capstyle="round", joinstyle="round", rasterized=raster,
        )  # fmt: skip
        ax.add_artist(path)
        path.set_clip_path(ax.patch)


def _draw_domain(cx: RegionComplex, ax: Any, window: tuple[float, ...]) -> None:
    """Draw the domain's walls, as far as they are in the window."""
    rows = lp.float_rows(cx.domain.rows)[0] if len(cx.domain) else np.zeros((0, 3))
    vertices, labels, _ = _clip(rows, np.array([0, len(rows)]), np.array(window))
    walls = np.stack([vertices, np.roll(vertices, -1, axis=0)], axis=1)[labels >= 0]
    lines = [ax.plot(*wall.T, color=INK, linewidth=1.1, solid_capstyle="round", zorder=4)[0] for wall in walls]
    for line in lines:
        line.set_clip_on(False)


def _set_axes(ax: Any, window: tuple[float, ...]) -> None:
    ax.set_xlim(window[0], window[1])
    ax.set_ylim(window[2], window[3])
    width, height = window[1] - window[0], window[3] - window[2]
    ax.set_aspect("equal" if height < 2.5 * width and width < 2.5 * height else "auto")
    ax.set_xlabel("$x_0$")
    ax.set_ylabel("$x_1$", rotation=0, ha="right", va="center")
    _plain_frame(ax)


def _plain_frame(ax: Any) -> None:
    for spine in ax.spines.values():
        spine.set(color=INK, linewidth=0.4, alpha=0.5)
    ax.tick_params(length=3, width=0.6, color=INK, labelcolor=INK, labelsize="small")


def _layer_legend(ax: Any, cx: RegionComplex, kind: str, colors: Floats, widths: Floats) -> None:
    from matplotlib.lines import Line2D

    style: dict[str, Any] = {} if kind == "line" else {"marker": "o", "linestyle": "none", "markersize": 5}
    handles = [
        Line2D([], [], color=c, linewidth=w, label=f"layer {k}, {n} neuron{'s' if n > 1 else ''}", **style)
        for k, (c, w, n) in enumerate(zip(colors, widths, cx.network.widths, strict=True), 1)
    ]
    box = ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, frameon=False,
        fontsize="small", labelcolor=INK, handlelength=1.4,
    )  # fmt: skip
    box.set_zorder(5)


def _output_name(output: int, outputs: int) -> str:
    return f"f_{{{output}}}" if outputs > 1 else "f"


def _disc_legend(ax: Any, scale: float, output: int, outputs: int) -> None:
    """Show what the colors mean: gradients as points of a disc."""
    from matplotlib.patches import Circle
    from matplotlib.transforms import Bbox

    def locate(key: Any, renderer: Any) -> Any:
        """Put the disc beside the lower right corner: its size is in inches, so that its text fits."""
        dpi = ax.figure.dpi
        size = min(0.85 * dpi, 0.3 * ax.bbox.height)
        corner = Bbox.from_bounds(ax.bbox.x1 + 0.34 * dpi, ax.bbox.y0 + 0.2 * dpi, size, size)
        return corner.transformed(ax.figure.transSubfigure.inverted())

    key = ax.inset_axes((1.1, 0.0, 0.2, 0.2))
    key.set_axes_locator(locate)
    grid = np.linspace(-1.0, 1.0, 181)
    u = np.stack(np.meshgrid(grid, grid), axis=-1)
    image = key.imshow(_disc(u), extent=(-1, 1, -1, 1), origin="lower", interpolation="bilinear")
    rim = Circle((0, 0), 1, fill=False, edgecolor=INK, linewidth=0.6, clip_on=False)
    key.add_patch(rim)
    image.set_clip_path(rim)
    key.add_patch(Circle((0, 0), RING, fill=False, edgecolor=INK, linewidth=0.4, linestyle=(0, (3, 3))))
    key.plot([0], [0], "o", color=INK, markersize=1.5)
    name = _output_name(output, outputs)
    key.text(0, -1.12, f"dashed: length {scale:.2g}", fontsize="x-small", color=INK, ha="center", va="top")
    key.set_title(rf"gradient $\nabla {name}$", fontsize="small", color=INK, pad=4)
    key.set_aspect("equal")
    key.axis("off")


# -- one input ------------------------------------------------------------------------
def _interval(cx: RegionComplex, window: Sequence[float] | None) -> tuple[float, float]:
    if window is not None:
        lo, hi = _checked_window(window, 1)
        return lo, hi
    low, high = (float(v[0]) for v in cx.domain.outer_floats())
    if not (np.isfinite(low) and np.isfinite(high)):
        # show all kinks, and as much again on each open side
        rows, _ = _facet_rows(cx)
        ends = [*(-rows[:, 1] * rows[:, 0]), *(v for v in (low, high) if np.isfinite(v))]
        first, last = (min(ends), max(ends)) if ends else (0.0, 0.0)
        reach = (last - first) / 2 or 1.0
        low = low if np.isfinite(low) else first - reach
        high = high if np.isfinite(high) else last + reach
    return low, high


def _draw_graph(
    cx: RegionComplex,
    ax: Any,
    view: tuple[float, float],
    color: str | LinearRegions | None,
    output: int,
    edges: bool,
    legend: bool,
    raster: bool,
) -> None:
    rows, maps = _facet_rows(cx)
    left, right = np.full(len(cx), view[0]), np.full(len(cx), view[1])
    region = np.repeat(np.arange(len(cx)), np.diff(cx.facet_ptr))
    ends = -rows[:, 1] * rows[:, 0]  # rows are normalised: the slope is 1 or -1
    np.maximum.at(left, region[rows[:, 0] > 0], ends[rows[:, 0] > 0])
    np.minimum.at(right, region[rows[:, 0] < 0], ends[rows[:, 0] < 0])
    order = np.argsort(left, kind="stable")
    order = order[left[order] < right[order]]
    if color is not None:
        if color == "affine":
            slopes = np.stack([maps[:, 0, output], np.zeros(len(cx))], axis=1)
            fills, _ = _gradient_colors(slopes, right - left)
        else:
            fills = _map_colors(cx, color.labels if isinstance(color, LinearRegions) else None)
        for i in order:
            ax.axvspan(left[i], right[i], color=fills[i], alpha=0.55, linewidth=0, zorder=0, rasterized=raster)
    x = np.concatenate([left[order], right[order[-1:]]])
    values = maps[order, 0] * left[order, None] + maps[order, 1]
    end = maps[order[-1:], 0] * right[order[-1:], None] + maps[order[-1:], 1]
    y = np.concatenate([values, end])
    for k in range(y.shape[1]):
        chosen = k == output
        ax.plot(
            x, y[:, k], color=INK, linewidth=1.5 if chosen else 0.8, alpha=1.0 if chosen else 0.35,
            zorder=3 if chosen else 2, solid_joinstyle="round",
        )  # fmt: skip
    layers = len(cx.network.widths)
    colors = _layer_colors(layers)
    if edges and layers:
        facet = np.flatnonzero((cx.facet_neighbor >= 0) | (cx.facet_neighbor == BEYOND))
        at, layer = ends[facet], _facet_layers(cx)[facet]
        inside = (at >= view[0]) & (at <= view[1])
        height = maps[region[facet], 0, output] * at + maps[region[facet], 1, output]
        size = float(np.clip(9.0 / max(len(order), 1) ** 0.25, 2.0, 6.0))
        for number in reversed(range(layers)):
            mark = np.flatnonzero(inside & (layer == number))
            mark = mark[np.unique(at[mark], return_index=True)[1]]
            ax.plot(
                at[mark], height[mark], "o", color=colors[number], markersize=size, markeredgecolor="white",
                markeredgewidth=size / 8, zorder=5 - number / layers, clip_on=False,
            )  # fmt: skip
        if legend:
            _layer_legend(ax, cx, "marker", colors, np.ones(layers))
    ax.set_xlim(view)
    ax.set_xlabel("$x$")
    ax.set_ylabel(f"${_output_name(output, y.shape[1])}(x)$", rotation=0, ha="right", va="center")
    _plain_frame(ax)


# -- files ----------------------------------------------------------------------------
def check_picture(path: str | os.PathLike[str], input_dim: int | None = None) -> Path:
    """Return the path of a picture, refused before any work if it cannot be drawn or written.

    Parameters
    ----------
    path : path-like
        With suffix ``.png``, ``.svg`` or ``.pdf``, in a directory that exists.
    input_dim : int, optional
        The number of inputs of the network to draw.

    Raises
    ------
    InputError
        Another suffix, no such directory, a number of inputs that has no picture.
    MissingDependency
        matplotlib is not installed.
    """
    try:
        with located(path):
            file = writable_file(path, SUFFIXES, "a picture")
    except ModelError as error:
        raise InputError(str(error)) from None
    if input_dim is not None:
        _need_inputs(input_dim, (1, 2))
    require("matplotlib.figure", "plot")
    return file


def save_picture(
    cx: RegionComplex,
    path: str | os.PathLike[str],
    *,
    size: tuple[float, float] = (6.4, 4.8),
    dpi: float = 250,
    **options: Any,
) -> None:
    """Write a picture of the regions to a file.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with one or two inputs.
    path : path-like
        With suffix ``.png``, ``.svg`` or ``.pdf``.
    size : (float, float)
        Width and height in inches, before empty margins are trimmed.
    dpi : float
        Pixels per inch of a ``.png`` and of images inside the others.
    **options
        See :func:`plot_regions`.

    Raises
    ------
    InputError
        Another suffix, a directory that cannot be written, or what :func:`plot_regions` refuses.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*. The file appears when it is complete; a failure leaves what was there before. Neither
    pyplot nor a window system is used, and the same picture gives the same bytes.
    """
    file = check_picture(path, cx.network.input_dim)
    suffix = file.suffix.lower()
    matplotlib = require("matplotlib", "plot")
    figures = require("matplotlib.figure", "plot")
    # dates and versions would make every file differ
    metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    with matplotlib.rc_context({"svg.hashsalt": "polyrelu"}):
        figure = figures.Figure(figsize=size, layout="constrained")
        plot_regions(cx, figure.subplots(), **options)
        try:
            with atomic_write(file) as stream:
                figure.savefig(
                    stream, format=suffix[1:], dpi=dpi, metadata=metadata, bbox_inches="tight", pad_inches=0.06
                )
        except ModelError as error:
            raise InputError(f"{file}: {error}") from None
