"""Pictures of the plane: regions, bent hyperplanes, the adjacency graph.

Exactness: *float*. A picture decides nothing: which regions and facets there are comes from the exact enumeration.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .axes import (
    MANY,
    chosen_axes,
    domain_polygon,
    draw_domain,
    layer_legend,
    line_widths,
    name_axes,
    set_axes,
    stroke,
)
from .colors import INK, layer_colors
from .complex import RegionComplex
from .drawing import Drawing, draw_polygons, each_facet_once, facet_layers, need_inputs
from .errors import InputError
from .fills import Fill, Output, check_color, chosen_output, fill_regions, number_scale, pixels
from .function_plots import plot_function

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_bent_hyperplanes", "plot_graph", "plot_regions"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Pixels along the longer side of the image of an output, and points that are evaluated at once.
FINE, BLOCK = 600, 16_384


def plot_regions(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    color: Any = "affine",
    output: Any = 0,
    edges: bool = True,
    legend: bool = True,
    window: Sequence[float] | None = None,
    rasterized: bool | None = None,
    inputs: Sequence[str] | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the regions of a 2-input network, filled, under the bent hyperplanes in the colors of their layers.

    A facet where neurons of several layers vanish has the color of the first of them. A network with one input is
    drawn by :func:`plot_function`.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with two inputs.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new pyplot figure.
    color : {"affine", "pattern", "linear", "output", "gradient", None}, LinearRegions or sequence of R numbers
        ``"affine"``: by the gradient of one output, so that regions with equal affine maps look alike.
        ``"pattern"``: like a map, neighbors differently. ``"linear"``: a map of the open linear regions; for
        another definition give ``cx.linear_regions(definition)`` itself. ``"output"``: by the value of one output, at
        every point. ``"gradient"``: by the length of its gradient. One number per region: by these numbers. None: no
        fill.
    output : int or sequence of m numbers
        The output of ``"affine"``, ``"output"`` and ``"gradient"``, or one coefficient per output.
    edges : bool
        Draw the bent hyperplanes. Lines get thinner as regions get more.
    legend : bool
        Name the layers, and explain the fill.
    window : (xmin, xmax, ymin, ymax), optional
        What to show; see :func:`polyrelu.drawing.region_polygons`.
    rasterized : bool, optional
        Embed fill and lines as an image in vector formats. Default: for 12 000 regions or more.
    inputs : sequence of str, optional
        Names of the axes, one per input; by default x0 and x1.
    label : str, optional
        Title of the color bar.

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
    if cx.network.input_dim == 1:
        return plot_function(
            cx, ax, color=color, output=output, edges=edges, legend=legend, window=window, rasterized=rasterized,
            inputs=inputs, label=label,
        )  # fmt: skip
    need_inputs(cx.network.input_dim, (1, 2))
    color, chosen = check_color(cx, color), chosen_output(cx, output)
    view, ax = draw_polygons(cx, window), chosen_axes(ax)
    raster = len(cx) >= MANY if rasterized is None else rasterized
    if isinstance(color, str) and color == "output":
        fill: Fill | None = _shade_output(cx, ax, view, chosen, label)
    elif color is not None:
        fill = _fill_polygons(cx, ax, view, color, chosen, raster, label)
    else:
        fill = None
    if edges:
        _draw_lines(cx, ax, view, raster, legend)
    draw_domain(cx, ax, view.window)
    set_axes(ax, view.window)
    name_axes(ax, inputs, 2)
    if legend and fill is not None:
        fill.explain(ax)
    plain: Axes = ax
    return plain


def _fill_polygons(
    cx: RegionComplex, ax: Any, view: Drawing, color: Any, output: Output, raster: bool, label: str | None,
    strength: float = 1.0,
) -> Fill:  # fmt: skip
    from matplotlib.collections import PolyCollection

    fill = fill_regions(cx, color, output, output.of(view.maps), cx.interior_points, view.areas(), label)
    shown = np.flatnonzero(np.diff(view.ptr))
    polygons = [view.vertices[view.ptr[i] : view.ptr[i + 1]] for i in shown]
    colors = 1.0 - strength * (1.0 - fill.colors[shown, :3])
    # a hairline in the color of the fill hides the seams between polygons
    ax.add_collection(
        PolyCollection(
            polygons, facecolors=colors, edgecolors="face", linewidths=0.25, zorder=1, rasterized=raster
        ),
        autolim=False,
    )
    return fill


def _shade_output(cx: RegionComplex, ax: Any, view: Drawing, output: Output, label: str | None) -> Fill:
    """Draw one output as an image, inside the regions that were found."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    window = view.window
    columns, rows = pixels(window, FINE)
    x = window[0] + (np.arange(columns) + 0.5) * ((window[1] - window[0]) / columns)
    y = window[2] + (np.arange(rows) + 0.5) * ((window[3] - window[2]) / rows)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    values = np.concatenate([cx.network(grid[k : k + BLOCK]) @ output.weights for k in range(0, len(grid), BLOCK)])
    forms = output.of(view.maps)[view.regions]
    shades = number_scale((forms[:, :2] * view.vertices).sum(axis=1) + forms[:, 2], signed=True)
    image = ax.imshow(
        values.reshape(rows, columns), extent=window, origin="lower", interpolation="bilinear", cmap=shades.cmap,
        norm=shades.norm, zorder=1, aspect="auto",
    )  # fmt: skip
    if cx.complete:
        outlines = [domain_polygon(cx, window)[0]]
    else:
        outlines = [view.vertices[a:b] for a, b in zip(view.ptr[:-1], view.ptr[1:], strict=True) if b > a]
    closed = [np.vstack([p, p[:1]]) for p in outlines]
    codes = [[Outline.MOVETO, *[Outline.LINETO] * (len(p) - 2), Outline.CLOSEPOLY] for p in closed]
    image.set_clip_path(PathPatch(Outline(np.vstack(closed), np.concatenate(codes)), transform=ax.transData))
    return Fill(np.zeros((0, 4)), f"${output.name}$" if label is None else label, None, shades)


def _draw_lines(
    cx: RegionComplex, ax: Any, view: Drawing, raster: bool, legend: bool, only: npt.NDArray[np.bool_] | None = None,
    thicker: float = 1.0,
) -> None:  # fmt: skip
    """Draw the bent hyperplanes, by layer, the first on top; ``only`` some neurons."""
    layers = len(cx.network.widths)
    colors = layer_colors(layers)
    widths = thicker * line_widths(layers, int(np.count_nonzero(np.diff(view.ptr))))
    once = each_facet_once(cx, view.labels, view.regions)
    layer = facet_layers(cx, only)[view.labels[once]]
    segments = view.edges()[once]
    for number in reversed(range(layers)):
        stroke(ax, segments[layer == number], colors[number], widths[number], 3.0 - number / layers, raster)
    if legend and layers:
        layer_legend(ax, cx, "line", colors, np.maximum(widths, 1.2))


def plot_bent_hyperplanes(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    neurons: Iterable[int] | None = None,
    legend: bool = True,
    window: Sequence[float] | None = None,
    rasterized: bool | None = None,
    inputs: Sequence[str] | None = None,
) -> Axes:
    """Draw the bent hyperplanes of a 2-input network in the colors of their layers, on white.

    Where neurons of several layers vanish, the first of them gives the color. Where a neuron is zero on a whole
    region, the rim of the region is drawn.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with two inputs.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new pyplot figure.
    neurons : iterable of int, optional
        Draw these neurons' bent hyperplanes in color, and the others as thin grey lines. Default: all in color.
    legend, window, rasterized, inputs
        As for :func:`plot_regions`.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Another number of inputs, a neuron that does not exist.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]]), Box([-1, -1], [1, 1]))
    >>> ax = plot_bent_hyperplanes(cx, Figure().subplots(), neurons=[1])
    >>> [patch.get_path().vertices.shape for patch in ax.patches]  # two facets of each neuron
    [(8, 2), (4, 2)]
    """
    need_inputs(cx.network.input_dim, (2,))
    only = None if neurons is None else _chosen_neurons(cx, neurons)
    view, ax = draw_polygons(cx, window), chosen_axes(ax)
    raster = len(cx) >= MANY if rasterized is None else rasterized
    if only is not None:
        segments = view.edges()[each_facet_once(cx, view.labels, view.regions)]
        stroke(ax, segments, "#c9c9cf", 0.5 * line_widths(1, len(cx))[0], 1.0, raster)
    _draw_lines(cx, ax, view, raster, legend, only)
    draw_domain(cx, ax, view.window)
    set_axes(ax, view.window)
    name_axes(ax, inputs, 2)
    plain: Axes = ax
    return plain


def _chosen_neurons(cx: RegionComplex, neurons: Iterable[int]) -> npt.NDArray[np.bool_]:
    only = np.zeros(cx.network.neurons, dtype=bool)
    for neuron in neurons:
        try:
            number = operator.index(neuron)
        except TypeError:
            raise InputError(f"neurons holds {neuron!r}; give numbers of neurons") from None
        if not 0 <= number < len(only):
            raise InputError(f"neurons holds {number}; this network has neurons 0 to {len(only) - 1}")
        only[number] = True
    return only


def plot_graph(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    color: Any = "pattern",
    output: Any = 0,
    legend: bool = True,
    window: Sequence[float] | None = None,
    rasterized: bool | None = None,
    inputs: Sequence[str] | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the adjacency graph of a 2-input network over its regions, without crossings.

    A node stands in the middle of its region. An edge goes through the middle of the shared facet, in the color of the
    layer of the neurons that change there: it stays inside its two regions, which are convex.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with two inputs.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new pyplot figure.
    color, output, legend, window, rasterized, inputs, label
        The regions beneath; as for :func:`plot_regions`.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Another number of inputs, an unknown color or output.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*. Regions outside the window, or thinner than the rounding of floats, have no node.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 0]], [[1]]], [[0], [0]]), Box([-1, -1], [1, 1]))
    >>> ax = plot_graph(cx, Figure().subplots())
    >>> ax.patches[-1].get_path().vertices.tolist()  # from node to node through the facet
    [[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0]]
    """
    need_inputs(cx.network.input_dim, (2,))
    color, chosen = check_color(cx, color), chosen_output(cx, output)
    view, ax = draw_polygons(cx, window), chosen_axes(ax)
    raster = len(cx) >= MANY if rasterized is None else rasterized
    fill = None
    if color is not None:
        fill = _fill_polygons(cx, ax, view, color, chosen, raster, label, strength=0.55)
    layers = len(cx.network.widths)
    colors, widths = layer_colors(layers), line_widths(layers, len(cx))
    once = each_facet_once(cx, view.labels, view.regions)
    stroke(ax, view.edges()[once], "white", 0.7 * widths[0] if layers else 1.0, 2.0, raster)
    centers = view.centers()
    other = cx.facet_neighbor[view.labels[once]]
    seen = (other >= 0) & (np.diff(view.ptr)[other] > 0)
    once, other = once[seen], other[seen]
    middle = view.edges()[once].mean(axis=1)
    paths = np.stack([centers[view.regions[once]], middle, centers[other]], axis=1)
    layer = facet_layers(cx)[view.labels[once]]
    for number in reversed(range(layers)):
        stroke(ax, paths[layer == number], colors[number], 0.8 * widths[number], 3.0 - number / layers, raster)
    shown = np.flatnonzero(np.diff(view.ptr))
    size = float(np.clip(16.0 / max(len(shown), 1) ** 0.32, 0.5, 7.0))
    ax.plot(
        *centers[shown].T, "o", color=INK, markersize=size, markeredgecolor="white", markeredgewidth=size / 8,
        zorder=3.5, rasterized=raster,
    )  # fmt: skip
    draw_domain(cx, ax, view.window)
    set_axes(ax, view.window)
    name_axes(ax, inputs, 2)
    if legend:
        if layers:
            layer_legend(ax, cx, "line", colors, np.maximum(widths, 1.2))
        if fill is not None:
            fill.explain(ax)
    plain: Axes = ax
    return plain
