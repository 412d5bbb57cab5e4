"""Pictures of the function: the graph of a 1-input network with its breakpoints, the surface of a 2-input network.

Exactness: *float*; breakpoints come from exact facets, the surface has exact vertices; both are rounded to be drawn.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .axes import MANY, chosen_axes, layer_legend, name_axes, plain_frame, same_length, shaded, solid_frame
from .cells import as_point, cells
from .colors import INK, PAPER, layer_colors
from .complex import BEYOND, RegionComplex
from .drawing import checked_window, facet_layers, facet_rows, need_inputs
from .errors import DomainError
from .exact import RationalMatrix, floats
from .fills import check_color, chosen_output, fill_regions
from .refine import functional

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_function", "plot_surface"]

Floats = npt.NDArray[np.float64]


def _interval(cx: RegionComplex, rows: Floats, window: Sequence[float] | None) -> tuple[float, float]:
    if window is not None:
        lo, hi = checked_window(window, 1)
        return lo, hi
    low, high = (float(v[0]) for v in cx.domain.outer_floats())
    if not (np.isfinite(low) and np.isfinite(high)):
        # show all kinks, and as much again on each open side
        ends = [*(-rows[:, 1] * rows[:, 0]), *(v for v in (low, high) if np.isfinite(v))]
        first, last = (min(ends), max(ends)) if ends else (0.0, 0.0)
        reach = (last - first) / 2 or 1.0
        low = low if np.isfinite(low) else first - reach
        high = high if np.isfinite(high) else last + reach
    return low, high


def plot_function(
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
    """Draw the graph of a 1-input network with its breakpoints.

    The graphs of all outputs are drawn, the chosen one dark; its breakpoints are marked in the color of their layer,
    over bands in the colors of the regions.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with one input.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new pyplot figure.
    color : {"affine", "pattern", "linear", "output", "gradient", None}, LinearRegions or sequence of R numbers
        The bands; see :func:`polyrelu.plotting.plot_regions`. ``"affine"``: by the slope.
    output : int or sequence of m numbers
        The output that is drawn dark, or one coefficient per output: then that combination alone is drawn.
    edges : bool
        Mark the breakpoints.
    legend : bool
        Name the layers.
    window : (xmin, xmax), optional
        What to show. Default: the domain; where it is infinite, all breakpoints and half of their spread beyond.
    rasterized : bool, optional
        Embed bands, graphs and marks as an image in vector formats. Default: for 12 000 regions or more.
    inputs : sequence of str, optional
        The name of the axis.
    label : str, optional
        Title of the color bar.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        More than one input, an unknown color or output.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*.

    Examples
    --------
    The absolute value:

    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1], [-1]], [[1, 1]]], [[0, 0], [0]]), Box([-1], [1]))
    >>> plot_function(cx, Figure().subplots()).lines[0].get_xydata().tolist()
    [[-1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    """
    need_inputs(cx.network.input_dim, (1,))
    color, chosen = check_color(cx, color), chosen_output(cx, output)
    rows, maps = facet_rows(cx)
    view = _interval(cx, rows, window)
    ax = chosen_axes(ax)
    from matplotlib.collections import PolyCollection

    left, right = np.full(len(cx), view[0]), np.full(len(cx), view[1])
    region = np.repeat(np.arange(len(cx)), np.diff(cx.facet_ptr))
    ends = 0.0 - rows[:, 1] * rows[:, 0]  # rows are normalised: the slope is 1 or -1
    np.maximum.at(left, region[rows[:, 0] > 0], ends[rows[:, 0] > 0])
    np.minimum.at(right, region[rows[:, 0] < 0], ends[rows[:, 0] < 0])
    order = np.argsort(left, kind="stable")
    order = order[left[order] < right[order]]
    form = chosen.of(maps)
    raster = len(cx) >= MANY if rasterized is None else rasterized
    if color is not None:
        middle = ((left + right) / 2)[:, None]
        fill = fill_regions(cx, color, chosen, form, middle, right - left, label)
        corners = np.zeros((len(order), 4, 2))
        corners[:, :2, 0], corners[:, 2:, 0], corners[:, 1:3, 1] = left[order, None], right[order, None], 1.0
        bands = PolyCollection(
            list(corners), facecolors=fill.colors[order], alpha=0.55, linewidths=0, zorder=0, rasterized=raster,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip
        ax.add_collection(bands, autolim=False)
        if legend and fill.shades is not None:
            fill.explain(ax)
    x = np.concatenate([left[order], right[order[-1:]]])
    drawn = maps if chosen.index is not None else form[:, :, None]
    values = drawn[order, 0] * left[order, None] + drawn[order, 1]
    end = drawn[order[-1:], 0] * right[order[-1:], None] + drawn[order[-1:], 1]
    y = np.concatenate([values, end])
    for k in range(y.shape[1]):
        dark = k == chosen.index or y.shape[1] == 1
        ax.plot(
            x, y[:, k], color=INK, linewidth=1.5 if dark else 0.8, alpha=1.0 if dark else 0.35,
            zorder=3 if dark else 2, solid_joinstyle="round",
            rasterized=raster,
        )  # fmt: skip
    layers = len(cx.network.widths)
    colors = layer_colors(layers)
    if edges and layers:
        facet = np.flatnonzero((cx.facet_neighbor >= 0) | (cx.facet_neighbor == BEYOND))
        at, layer = ends[facet], facet_layers(cx)[facet]
        inside = (at >= view[0]) & (at <= view[1])
        height = form[region[facet], 0] * at + form[region[facet], 1]
        size = float(np.clip(9.0 / max(len(order), 1) ** 0.25, 2.0, 6.0))
        for number in reversed(range(layers)):
            mark = np.flatnonzero(inside & (layer == number))
            mark = mark[np.unique(at[mark], return_index=True)[1]]
            ax.plot(
                at[mark], height[mark], "o", color=colors[number], markersize=size, markeredgecolor="white",
                markeredgewidth=size / 8, zorder=5 - number / layers, clip_on=False,
                rasterized=raster,
            )  # fmt: skip
        if legend:
            layer_legend(ax, cx, "marker", colors, np.ones(layers))
    ax.set_xlim(view)
    name_axes(ax, ["$x$"] if inputs is None else inputs, 1)
    variable = ax.get_xlabel()
    argument = f"({variable[1:-1]})" if len(variable) > 2 and variable[0] == variable[-1] == "$" else ""
    ax.set_ylabel(f"${chosen.name}{argument}$", rotation=0, ha="right", va="center")
    plain_frame(ax)
    plain: Axes = ax
    return plain


def plot_surface(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    color: Any = "affine",
    output: Any = 0,
    edges: bool = True,
    legend: bool = True,
    inputs: Sequence[str] | None = None,
    label: str | None = None,
    rasterized: bool | None = None,
    view: tuple[float, float] = (32.0, -62.0),
) -> Axes:
    """Draw the graph of a 2-input network as a surface in space: one shaded polygon per region, creases between them.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with two inputs over a bounded domain.
    ax : matplotlib Axes, optional
        With three dimensions; by default on a new pyplot figure.
    color : {"affine", "pattern", "linear", "output", "gradient", None}, LinearRegions or sequence of R numbers
        The polygons; see :func:`polyrelu.plotting.plot_regions`. None: all alike.
    output : int or sequence of m numbers
        The output whose graph is drawn, or one coefficient per output.
    edges : bool
        Draw the edges of the polygons.
    legend : bool
        Explain the colors.
    inputs : sequence of str, optional
        Names of the two axes.
    label : str, optional
        Title of the color bar.
    rasterized : bool, optional
        Embed the surface as an image in vector formats. Default: for 12 000 regions or more.
    view : (float, float)
        Elevation and azimuth of the eye, in degrees.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Another number of inputs, an unknown color or output, flat axes.
    DomainError
        An unbounded domain.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*, of vertices and values that are computed exactly and then rounded once.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([-1, -1], [1, 1]))
    >>> ax = plot_surface(cx, Figure().add_subplot(projection="3d"))
    >>> [float(z) for z in ax.get_zlim()]
    [0.0, 2.0]
    """
    need_inputs(cx.network.input_dim, (2,))
    color, chosen = check_color(cx, color), chosen_output(cx, output)
    if not cx.domain.is_bounded():
        raise DomainError("the surface over an unbounded domain has no end; enumerate over a Box")
    space = chosen_axes(ax, solid=True)
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]

    weights = RationalMatrix.of([functional(cx.network, output)])
    polygons, forms = [], np.zeros((len(cx), 3))
    for cell in cells(cx):
        form = weights @ cell.outputs
        (row,) = form.integers()
        forms[cell.region] = form.to_float()[0][0]
        heights = (Fraction(sum(map(operator.mul, row, c)), form.den * c[2]) for c in cell.corners)
        polygons.append(np.array([floats((*as_point(c), z)) for c, z in zip(cell.corners, heights, strict=True)]))
    points = np.array([p[:, :2].mean(axis=0) for p in polygons])
    areas = np.array([_area(p) for p in polygons])
    normals = np.column_stack([-forms[:, :2], np.ones(len(cx))])
    lower, upper = np.vstack(polygons).min(axis=0), np.vstack(polygons).max(axis=0)
    extent = upper - lower
    if extent[2] == 0:
        lower[2], upper[2] = lower[2] - 1, upper[2] + 1
    fill = None if color is None else fill_regions(cx, color, chosen, forms, points, areas, label)
    # slopes are seen in the units of the box that is drawn
    aspect = np.array([extent[0], extent[1], 0.62 * max(extent[0], extent[1])])
    normals = normals / (aspect / (upper - lower))
    colors = shaded(np.tile(to_rgb(PAPER), (len(cx), 1)) if fill is None else fill.colors, normals)
    width = float(np.clip(3.0 / max(len(cx), 1) ** 0.3, 0.15, 0.7))
    surface = Poly3DCollection(
        same_length(polygons), facecolors=colors, edgecolors=INK if edges else "face",
        linewidths=width if edges else 0.2, joinstyle="round",
        rasterized=len(cx) >= MANY if rasterized is None else rasterized,
    )  # fmt: skip
    space.add_collection3d(surface, autolim=False)
    solid_frame(space, lower, upper, aspect)
    name_axes(space, inputs, 2)
    space.set_zlabel(f"${chosen.name}$")
    space.view_init(*view)
    if legend and fill is not None:
        fill.explain(space)
    plain: Axes = space
    return plain


def _area(polygon: Floats) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
