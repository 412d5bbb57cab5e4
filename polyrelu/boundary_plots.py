"""Pictures of classes and boundaries: regions by winning output, polylines, triangle meshes.

Exactness: *float*; the pieces and their classes are exact, what is drawn is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .axes import (
    MANY,
    chosen_axes,
    draw_domain,
    name_axes,
    plain_frame,
    set_axes,
    shaded,
    side_legend,
    solid_frame,
    stroke,
)
from .boundary import Boundary
from .colors import INK
from .complex import RegionComplex
from .drawing import draw_polygons, each_facet_once, need_inputs
from .errors import InputError
from .refine import tournament

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_boundary", "plot_classes"]

# Fills for classes, found by a search: any two of them differ clearly, however color-blind the reader. Ties are dark.
FILLS = ("#f7e8a1", "#84adeb", "#bd9033", "#bdfbff", "#5585bb", "#ffafc0", "#bcbd66", "#9ad5ff", "#917e72", "#9a9ca7")
TIE = "#3f3f48"


def plot_classes(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    classes: str = "argmax",
    labels: Sequence[str] | None = None,
    legend: bool = True,
    window: Sequence[float] | None = None,
    rasterized: bool | None = None,
    inputs: Sequence[str] | None = None,
) -> Axes:
    """Fill the domain of a 2-input network by the output that is largest (smallest).

    Parameters
    ----------
    cx : RegionComplex
        Complete, of a network with two inputs.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new pyplot figure.
    classes : {"argmax", "argmin"}
    labels : sequence of m strings, optional
        Names of the outputs in the legend.
    legend, window, rasterized, inputs
        As for :func:`polyrelu.plotting.plot_regions`.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Another number of inputs or labels, an incomplete complex.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*; regions are cut where the winner changes, and winners are named, exactly.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 0], [0, 1]]], [[0, 0]]), Box([0, 0], [1, 1]))
    >>> ax = plot_classes(cx, Figure().subplots(), labels=["left", "right"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['left', 'right']
    """
    need_inputs(cx.network.input_dim, (2,))
    m = cx.network.output_dim
    if labels is not None and len(labels) != m:
        raise InputError(f"{len(labels)} labels for {m} outputs; give one per output")
    names = [f"output {k}" for k in range(m)] if labels is None else list(labels)
    refined, winners = tournament(cx, classes)
    view, ax = draw_polygons(refined, window), chosen_axes(ax)
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    shown = np.flatnonzero(np.diff(view.ptr))
    polygons = [view.vertices[view.ptr[i] : view.ptr[i + 1]] for i in shown]
    many = len(refined) >= MANY if rasterized is None else rasterized
    ax.add_collection(
        PolyCollection(
            polygons, facecolors=[_color(winners[i]) for i in shown], edgecolors="face", linewidths=0.6,
            rasterized=many, zorder=1,
        ),
        autolim=False,
    )  # fmt: skip
    once = each_facet_once(refined, view.labels, view.regions)
    sides = zip(view.regions[once].tolist(), refined.facet_neighbor[view.labels[once]].tolist(), strict=True)
    changes = np.array([winners[i] != winners[j] for i, j in sides], dtype=bool)
    stroke(ax, view.edges()[once][changes], INK, 0.8 if len(refined) < MANY else 0.4, 3.0, many)
    draw_domain(cx, ax, view.window)
    set_axes(ax, view.window)
    name_axes(ax, inputs, 2)
    if legend:
        side_legend(
            ax,
            [
                Patch(facecolor=_color(w), edgecolor=INK, linewidth=0.4, label=" = ".join(names[k] for k in w))
                for w in sorted(set(winners))
            ],
        )
    plain: Axes = ax
    return plain


def _color(winners: Sequence[int]) -> str:
    return FILLS[winners[0] % len(FILLS)] if len(winners) == 1 else TIE


def plot_boundary(
    boundary: Boundary,
    ax: Axes | None = None,
    *,
    color: Any = None,
    linewidth: float = 1.4,
    inputs: Sequence[str] | None = None,
) -> Axes:
    """Draw the polylines (two inputs) or the triangle mesh (three) of a boundary.

    Parameters
    ----------
    boundary : Boundary
        Of a network with two or three inputs. Drawn on axes that show something already, such as regions, it
        leaves their limits alone.
    ax : matplotlib Axes, optional
        Where to draw, with three dimensions for meshes; by default on a new pyplot figure.
    color, linewidth
        Of the lines or triangles.
    inputs : sequence of str, optional
        Names of the axes.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Another number of inputs, or axes of another dimension.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*, of exact pieces.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 0]]], [[0]]), Box([-1, -1], [1, 1]))
    >>> plot_boundary(cx.level_set(), Figure().subplots()).collections[0].get_segments()[0].tolist()
    [[0.0, 1.0], [0.0, -1.0]]
    """
    d = boundary.complex.network.input_dim
    if d not in (2, 3):
        raise InputError(f"boundaries are drawn for 2 or 3 inputs and the network has {d}; restrict it to a slice")
    plain: Axes = (_draw_chains if d == 2 else _draw_mesh)(boundary, ax, color, linewidth, inputs)
    return plain


def _draw_chains(boundary: Boundary, ax: Any, color: Any, linewidth: float, inputs: Sequence[str] | None) -> Any:
    ax = chosen_axes(ax)
    from matplotlib.collections import LineCollection

    fresh = not ax.has_data()
    chains = [chain.points.astype(np.float64) for chain in boundary.polylines()]
    lines = LineCollection(
        chains, colors=color or INK, linewidths=linewidth, capstyle="round", joinstyle="round", zorder=5
    )
    ax.add_collection(lines, autolim=fresh)
    if fresh:
        lo, hi = boundary.complex.domain.outer_floats()
        window = (lo[0], hi[0], lo[1], hi[1])
        if np.isfinite(window).all():
            draw_domain(boundary.complex, ax, window)
            set_axes(ax, window)
        else:
            ax.autoscale_view()
            ax.set_aspect("equal")
            plain_frame(ax)
        name_axes(ax, inputs, 2)
    return ax


def _draw_mesh(boundary: Boundary, ax: Any, color: Any, linewidth: float, inputs: Sequence[str] | None) -> Any:
    space = chosen_axes(ax, solid=True)
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]

    mesh = boundary.mesh()
    corners = mesh.vertices.astype(np.float64)[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals[normals[:, 2] < 0] *= -1  # both sides are seen: light them alike
    colors = shaded(np.tile(to_rgb(color or "#8fbcdb"), (len(corners), 1)), normals)
    # an edge in the color of the face hides the seams between triangles
    space.add_collection3d(
        Poly3DCollection(
            corners, facecolors=colors, edgecolors=colors, linewidths=0.2, rasterized=len(corners) >= MANY
        ),
        autolim=False,
    )
    lo, hi = boundary.complex.domain.outer_floats()
    if not (np.isfinite(lo).all() and np.isfinite(hi).all()):
        lo, hi = corners.reshape(-1, 3).min(axis=0), corners.reshape(-1, 3).max(axis=0)
    solid_frame(space, lo, hi, hi - lo)
    name_axes(space, inputs, 3)
    return space
