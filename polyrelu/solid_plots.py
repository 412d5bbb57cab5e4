"""Pictures of space: the regions of a 3-input network as solids, moved apart.

Exactness: *float*, of vertices that are computed exactly and then rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .axes import MANY, chosen_axes, name_axes, same_length, shaded, solid_frame
from .cells import Cell, as_point, cells
from .colors import INK, PAPER
from .complex import RegionComplex
from .drawing import facet_rows, need_inputs
from .errors import DomainError, InputError
from .exact import floats
from .fills import check_color, chosen_output, fill_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_regions_3d"]

Floats = npt.NDArray[np.float64]


def plot_regions_3d(
    cx: RegionComplex,
    ax: Axes | None = None,
    *,
    color: Any = "pattern",
    output: Any = 0,
    explode: float = 0.3,
    edges: bool = True,
    legend: bool = True,
    inputs: Sequence[str] | None = None,
    label: str | None = None,
    rasterized: bool | None = None,
    view: tuple[float, float] = (22.0, -58.0),
) -> Axes:
    """Draw the regions of a 3-input network as solids, moved away from the middle of the domain.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with three inputs over a bounded domain.
    ax : matplotlib Axes, optional
        With three dimensions; by default on a new pyplot figure.
    color : {"pattern", "linear", "output", "gradient", None}, LinearRegions or sequence of R numbers
        As for :func:`polyrelu.plotting.plot_regions`; ``"output"`` is taken in the middle of the region.
    output : int or sequence of m numbers
        The output of ``"output"`` and ``"gradient"``, or one coefficient per output.
    explode : float
        A region is moved by so many times the way from the middle of the domain to its own. 0 draws the surface of
        the domain alone.
    edges : bool
        Draw the edges of the solids.
    legend : bool
        Explain colors that stand for numbers.
    inputs : sequence of str, optional
        Names of the three axes.
    label : str, optional
        Title of the color bar.
    rasterized : bool, optional
        Embed the solids as an image in vector formats. Default: for 12 000 faces or more.
    view : (float, float)
        Elevation and azimuth of the eye, in degrees.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Another number of inputs, an unknown color or output, a negative ``explode``, flat axes.
    DomainError
        An unbounded domain.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*. Matplotlib sorts faces by their distance and not by who hides whom: from some sides a long
    face may be drawn over a small one that is nearer.

    Examples
    --------
    A plane cuts a cube into two solids of six faces each:

    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 0, 0]], [[1]]], [[0], [0]]), Box([-1] * 3, [1] * 3))
    >>> ax = plot_regions_3d(cx, Figure().add_subplot(projection="3d"))
    >>> len(ax.collections[0].get_facecolor())
    12
    """
    need_inputs(cx.network.input_dim, (3,))
    color, chosen = check_color(cx, color), chosen_output(cx, output)
    if not 0 <= explode < float("inf"):
        raise InputError(f"explode is {explode}; give a number from 0 up")
    if not cx.domain.is_bounded():
        raise DomainError("the domain is unbounded, and so are solids in it; enumerate over a Box")
    space = chosen_axes(ax, solid=True)
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]

    lower, upper = cx.domain.outer_floats()
    faces: list[Floats] = []
    owner: list[int] = []
    normals: list[Floats] = []
    centers = np.zeros((len(cx), 3))
    for cell in cells(cx):
        i = cell.region
        points = np.array([floats(as_point(c)) for c in cell.corners])
        centers[i] = points.mean(axis=0)
        outer = cx.facet_neighbor[cx.facet_ptr[i] : cx.facet_ptr[i + 1]] < 0
        for f in range(len(cell.rows)):
            if explode > 0 or outer[f]:
                normal = -_direction(cell, f)
                faces.append(points[_around(cell, f, points, normal)])
                owner.append(i)
                normals.append(normal)
    shift = explode * (centers - (lower + upper) / 2)
    faces = [face + shift[i] for face, i in zip(faces, owner, strict=True)]
    _, maps = facet_rows(cx)
    if color is None:
        colors = np.tile(to_rgb(PAPER), (len(cx), 1))
    else:
        fill = fill_regions(cx, color, chosen, chosen.of(maps), centers, np.ones(len(cx)), label)
        colors = fill.colors
        if legend:
            fill.explain(space)
    width = float(np.clip(3.0 / max(len(cx), 1) ** 0.3, 0.15, 0.8))
    solids = Poly3DCollection(
        same_length(faces), facecolors=shaded(colors[owner], np.array(normals)), edgecolors=INK if edges else "face",
        linewidths=width if edges else 0.2, joinstyle="round",
        rasterized=len(faces) >= MANY if rasterized is None else rasterized,
    )  # fmt: skip
    space.add_collection3d(solids, autolim=False)
    every = np.vstack(faces)
    solid_frame(space, every.min(axis=0), every.max(axis=0), every.max(axis=0) - every.min(axis=0))
    name_axes(space, inputs, 3)
    space.view_init(*view)
    plain: Axes = space
    return plain


def _direction(cell: Cell, f: int) -> Floats:
    """Return the inward unit normal of a facet, in floats."""
    g = cell.rows[f][:3]
    shift = max(max(abs(v).bit_length() for v in g) - 900, 0)
    normal = np.array([float(v >> shift) for v in g])
    normal /= np.abs(normal).max()
    unit: Floats = normal / np.sqrt((normal**2).sum())
    return unit


def _around(cell: Cell, f: int, points: Floats, normal: Floats) -> list[int]:
    """Return the corners of a facet in order around it."""
    corners = [k for k, zeros in enumerate(cell.incidence) if zeros >> f & 1]
    spread = points[corners] - points[corners].mean(axis=0)
    first = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    second = np.cross(normal, first)
    angles = np.arctan2(spread @ second, spread @ first)
    return [corners[k] for k in np.argsort(angles)]
