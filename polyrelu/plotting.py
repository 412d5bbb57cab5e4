"""Pictures of region complexes, by kind, on axes and in files.

Exactness: *float*. A picture decides nothing. The facets come from the exact enumeration, their lines
are rounded, and a vertex is wrong by a few units in the last place of the window.

Every ``plot_*`` takes and returns an Axes. All colors survive color blindness (see ``colors``).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .boundary_plots import plot_boundary, plot_classes
from .colors import INK
from .complex import RegionComplex
from .drawing import region_polygons
from .errors import InputError, ModelError, suggestion
from .fills import check_mode
from .function_plots import plot_function, plot_surface
from .network import ReluNetwork
from .readers.files import atomic_write, located, require, writable_file
from .refine import functional
from .region_plots import plot_bent_hyperplanes, plot_graph, plot_regions
from .solid_plots import plot_regions_3d

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "check_kind",
    "check_picture",
    "plot",
    "plot_bent_hyperplanes",
    "plot_boundary",
    "plot_classes",
    "plot_function",
    "plot_graph",
    "plot_regions",
    "plot_regions_3d",
    "plot_surface",
    "region_polygons",
    "save_picture",
]

SUFFIXES = (".pdf", ".png", ".svg")


def _plot_winners(cx: RegionComplex, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw where the largest output changes, or for one output where it is zero."""
    boundary = cx.class_boundary() if cx.network.output_dim > 1 else cx.level_set(0, 0)
    return plot_boundary(boundary, ax, **options)


class Kind(NamedTuple):
    """A kind of picture: its drawer, the numbers of inputs that it has, the axes' dimension, what it shows."""

    draw: Callable[..., Axes]
    inputs: tuple[int, ...]
    solid: tuple[int, ...]
    shows: str


# The first kind for a number of inputs is the one that is drawn if none is asked for.
KINDS = {
    "function": Kind(plot_function, (1,), (), "the graph with its breakpoints"),
    "regions": Kind(plot_regions, (2,), (), "the regions, filled, under the bent hyperplanes"),
    "bent_hyperplanes": Kind(plot_bent_hyperplanes, (2,), (), "the bent hyperplanes by layer"),
    "graph": Kind(plot_graph, (2,), (), "the adjacency graph over the regions"),
    "surface": Kind(plot_surface, (2,), (2,), "the graph of an output as a surface"),
    "regions_3d": Kind(plot_regions_3d, (3,), (3,), "the regions as solids, moved apart"),
    "classes": Kind(plot_classes, (2,), (), "the plane by the largest output"),
    "boundary": Kind(_plot_winners, (2, 3), (3,), "where the largest output changes; one output: where it is 0"),
}


def check_kind(kind: str | None, input_dim: int) -> str:
    """Return the kind of picture for a network, the usual one if none is asked for.

    Parameters
    ----------
    kind : str or None
    input_dim : int
        The number of inputs of the network.

    Raises
    ------
    InputError
        An unknown kind, or one that does not draw so many inputs; the message lists those that do.

    Examples
    --------
    >>> check_kind(None, 2), check_kind("surface", 2)
    ('regions', 'surface')
    """
    fitting = [name for name, entry in KINDS.items() if input_dim in entry.inputs]
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind is {kind!r}{suggestion(kind, KINDS)}; choose {', '.join(map(repr, KINDS))}")
    have = f"the network has {input_dim} input{'s' if input_dim > 1 else ''}"
    if not fitting:
        raise InputError(
            f"{have} and pictures need 1, 2 or 3; enumerate a slice: net.restrict(origin, directions) "
            "with two directions"
        )
    if kind is None:
        return fitting[0]
    if kind not in fitting:
        need = " or ".join(map(str, KINDS[kind].inputs))
        raise InputError(f"{have} and kind {kind!r} draws {need}; choose {', '.join(map(repr, fitting))}")
    return kind


def plot(
    cx: RegionComplex, ax: Axes | None = None, *, kind: str | None = None, points: Any = None, **options: Any
) -> Axes:
    """Draw a region complex.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with one, two or three inputs.
    ax : matplotlib Axes, optional
        Where to draw, with three dimensions for ``"surface"``, ``"regions_3d"`` and the boundary of three inputs; by
        default on a new pyplot figure.
    kind : str, optional
        One input: ``"function"``. Two: ``"regions"`` (default), ``"bent_hyperplanes"``, ``"graph"``, ``"surface"``,
        ``"classes"``, ``"boundary"``. Three: ``"regions_3d"`` (default), ``"boundary"``.
    points : array_like of shape (k, 2), optional
        Points to mark on a flat picture of two inputs, such as those that span a slice.
    **options
        Of the function that draws this kind, ``plot_<kind>``.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        An unknown kind or option, or a kind that does not draw so many inputs; the message says what does.
    MissingDependency
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([-1, -1], [1, 1]))
    >>> ax = plot(cx, Figure().subplots(), kind="graph", points=[[0, 0]])
    """
    name = check_kind(kind, cx.network.input_dim)
    marks = _check_options(cx.network, name, points, options)
    ax = KINDS[name].draw(cx, ax, **options)
    if marks is not None:
        ax.plot(
            *marks.T, "o", color="white", markersize=5, markeredgecolor=INK, markeredgewidth=1.1, zorder=6,
            clip_on=False,
        )  # fmt: skip
    return ax


def _check_options(
    net: ReluNetwork, kind: str, points: Any, options: dict[str, Any]
) -> npt.NDArray[np.float64] | None:
    """Refuse options that a kind does not have, before any work, and return the points to mark."""
    d = net.input_dim
    draw = plot_boundary if kind == "boundary" else KINDS[kind].draw
    known = [name for name, p in inspect.signature(draw).parameters.items() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise InputError(
                f"kind {kind!r} has no option {option!r}{suggestion(option, known)}; it has {', '.join(known)}"
            )
    if kind != "boundary" and isinstance(options.get("color"), str):
        check_mode(options["color"], d)
    if "output" in options:
        functional(net, options["output"])
    if points is None:
        return None
    if d != 2 or d in KINDS[kind].solid:
        raise InputError(f"points are marked on flat pictures of two inputs, and kind {kind!r} is none here")
    try:
        return np.array([[float(v) for v in p] for p in points]).reshape(-1, 2)
    except (TypeError, ValueError):
        raise InputError("points is no list of pairs of numbers; give an array of shape (k, 2)") from None


# -- files ----------------------------------------------------------------------------
def check_picture(
    path: str | os.PathLike[str], net: ReluNetwork | None = None, kind: str | None = None, points: Any = None,
    **options: Any,
) -> Path:  # fmt: skip
    """Return the path of a picture, refused before any work if it cannot be drawn or written.

    Parameters
    ----------
    path : path-like
        With suffix ``.png``, ``.svg`` or ``.pdf``, in a directory that exists.
    net : ReluNetwork, optional
        The network to draw.
    kind, points, **options
        How; see :func:`plot`.

    Raises
    ------
    InputError
        Another suffix, no such directory, a kind that does not draw so many inputs, an option that it does not have.
    MissingDependency
        matplotlib is not installed.
    """
    try:
        with located(path):
            file = writable_file(path, SUFFIXES, "a picture")
    except ModelError as error:
        raise InputError(str(error)) from None
    if net is not None:
        _check_options(net, check_kind(kind, net.input_dim), points, options)
    require("matplotlib.figure", "plot")
    return file


def save_picture(
    cx: RegionComplex,
    path: str | os.PathLike[str],
    *,
    kind: str | None = None,
    size: tuple[float, float] = (6.4, 4.8),
    dpi: float = 250,
    **options: Any,
) -> None:
    """Write a picture of the regions to a file.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with one, two or three inputs.
    path : path-like
        With suffix ``.png``, ``.svg`` or ``.pdf``.
    kind : str, optional
        The kind of picture; see :func:`plot`.
    size : (float, float)
        Width and height in inches, before empty margins are trimmed.
    dpi : float
        Pixels per inch of a ``.png`` and of images inside the others.
    **options
        See :func:`plot` and the function that draws this kind.

    Raises
    ------
    InputError
        Another suffix, a directory that cannot be written, or what :func:`plot` refuses.
    MissingDependency
        matplotlib is not installed.

    Notes
    -----
    Exactness: *float*. The file appears when it is complete; a failure leaves what was there before. Neither
    pyplot nor a window system is used, and the same picture gives the same bytes.
    """
    d = cx.network.input_dim
    file = check_picture(path, cx.network, kind, **options)
    suffix = file.suffix.lower()
    matplotlib = require("matplotlib", "plot")
    figures = require("matplotlib.figure", "plot")
    # dates and versions would make every file differ
    metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    with matplotlib.rc_context({"svg.hashsalt": "polyrelu"}):
        figure = figures.Figure(figsize=size, layout="constrained")
        solid = d in KINDS[check_kind(kind, d)].solid
        plot(cx, figure.add_subplot(projection="3d" if solid else None), kind=kind, **options)
        try:
            with atomic_write(file) as stream:
                figure.savefig(
                    stream, format=suffix[1:], dpi=dpi, metadata=metadata, bbox_inches="tight", pad_inches=0.06
                )
        except ModelError as error:
            raise InputError(f"{file}: {error}") from None
