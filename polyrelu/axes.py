"""What all pictures share: axes, frames, legends, lines by layer, walls of the domain.

Exactness: *float*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import lp
from .colors import INK, RING, disc
from .complex import RegionComplex
from .drawing import clip
from .errors import InputError
from .readers.files import require

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# From here on fills and lines are embedded as an image in .svg and .pdf, whose text stays text.
MANY = 12_000
# Segments of one stroked path; Agg refuses paths with very many cells.
CHUNK = 2_000


def chosen_axes(ax: Any, solid: bool = False) -> Any:
    """Return the axes to draw on, by default on a new pyplot figure; refuse flat axes for what has three dimensions."""
    require("matplotlib.figure", "plot")
    if ax is None:
        from matplotlib import pyplot

        kind = {"projection": "3d"} if solid else {}
        return pyplot.subplots(layout="constrained", subplot_kw=kind)[1]
    if hasattr(ax, "get_zlim") != solid:
        raise InputError(
            "this picture needs axes with three dimensions; make them with figure.add_subplot(projection='3d')"
            if solid
            else "this picture is flat and these axes have three dimensions; give plain axes"
        )
    return ax


def line_widths(layers: int, regions: int) -> Floats:
    """Return line widths in points: thinner for many regions, and for deeper layers."""
    base = float(np.clip(5.0 / max(regions, 1) ** 0.28, 0.22, 1.9))
    return base * np.linspace(1.0, 0.72 if layers > 1 else 1.0, layers)


def stroke(ax: Any, segments: Floats, color: Any, width: float, zorder: float, raster: bool) -> None:
    """Draw polylines (S, k, 2) as few compound paths: a fraction of the size of one element per segment."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    one = [Outline.MOVETO] + [Outline.LINETO] * (segments.shape[1] - 1)
    for start in range(0, len(segments), CHUNK):
        part = segments[start : start + CHUNK]
        codes = np.tile(np.array(one, dtype=np.uint8), len(part))
        path = PathPatch(
            Outline(part.reshape(-1, 2), codes), fill=False, edgecolor=color, linewidth=width, zorder=zorder,
            capstyle="round", joinstyle="round", rasterized=raster,
        )  # fmt: skip
        ax.add_artist(path)
        path.set_clip_path(ax.patch)


def domain_polygon(cx: RegionComplex, window: tuple[float, ...]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the domain, as far as it is in the window, and which of its edges are walls."""
    rows = lp.float_rows(cx.domain.rows)[0] if len(cx.domain) else np.zeros((0, 3))
    vertices, labels, _ = clip(rows, np.array([0, len(rows)]), np.array(window))
    return vertices, labels >= 0


def draw_domain(cx: RegionComplex, ax: Any, window: tuple[float, ...]) -> None:
    """Draw the domain's walls, as far as they are in the window."""
    vertices, is_wall = domain_polygon(cx, window)
    walls = np.stack([vertices, np.roll(vertices, -1, axis=0)], axis=1)[is_wall]
    for wall in walls:
        ax.plot(*wall.T, color=INK, linewidth=1.1, solid_capstyle="round", zorder=4)[0].set_clip_on(False)


def set_axes(ax: Any, window: tuple[float, ...]) -> None:
    """Show a window of the plane, true to scale unless it is long and thin."""
    ax.set_xlim(window[0], window[1])
    ax.set_ylim(window[2], window[3])
    width, height = window[1] - window[0], window[3] - window[2]
    ax.set_aspect("equal" if height < 2.5 * width and width < 2.5 * height else "auto")
    plain_frame(ax)


def plain_frame(ax: Any) -> None:
    """Draw a light frame, with ticks and labels in ink."""
    for spine in ax.spines.values():
        spine.set(color=INK, linewidth=0.4, alpha=0.5)
    ax.tick_params(length=3, width=0.6, color=INK, labelcolor=INK, labelsize="small")


def name_axes(ax: Any, inputs: Sequence[str] | None, d: int) -> None:
    """Name the axes of the inputs."""
    names = [f"$x_{{{k}}}$" for k in range(d)] if inputs is None else list(inputs)
    if len(names) != d:
        raise InputError(f"inputs has {len(names)} names; give one for each of the {d} inputs")
    ax.set_xlabel(names[0])
    if d == 2 and not hasattr(ax, "get_zlim"):
        # short names stand upright
        short = len(names[1]) < 12
        ax.set_ylabel(names[1], **({"rotation": 0, "ha": "right", "va": "center"} if short else {}))
    elif d > 1:
        ax.set_ylabel(names[1])
    if d == 3:
        ax.set_zlabel(names[2])


def solid_frame(ax: Any, lower: Floats, upper: Floats, aspect: Floats) -> None:
    """Show a box of space, with quiet panes."""
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.line.set(color=INK, linewidth=0.5)
        axis._axinfo["grid"].update(color="#d9d9de", linewidth=0.4)
        axis.set_tick_params(labelsize="x-small", labelcolor=INK, color=INK, pad=0)
        axis.labelpad = -2
    limits = [(float(lo), float(hi)) for lo, hi in zip(lower, upper, strict=True)]
    ax.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    ax.locator_params(nbins=4)
    ax.set_box_aspect(aspect)


def layer_legend(ax: Any, cx: RegionComplex, kind: str, colors: Floats, widths: Floats) -> None:
    """Name the layers beside the upper right corner."""
    from matplotlib.lines import Line2D

    style: dict[str, Any] = {} if kind == "line" else {"marker": "o", "linestyle": "none", "markersize": 5}
    handles = [
        Line2D([], [], color=c, linewidth=w, label=f"layer {k}, {n} neuron{'s' if n > 1 else ''}", **style)
        for k, (c, w, n) in enumerate(zip(colors, widths, cx.network.widths, strict=True), 1)
    ]
    side_legend(ax, handles)


def side_legend(ax: Any, handles: list[Any]) -> None:
    """Put a legend without a frame beside the upper right corner."""
    box = ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, frameon=False,
        fontsize="small", labelcolor=INK, handlelength=1.4,
    )  # fmt: skip
    box.set_zorder(5)


def beside(ax: Any, width: float, height: float, share: float) -> Any:
    """Return inset axes beside the lower right corner, of a size in inches, at most a share of the height.

    Sizes in inches let texts fit; layout engines make room for them.
    """
    from matplotlib.transforms import Bbox

    def locate(key: Any, renderer: Any) -> Any:
        dpi = ax.figure.dpi
        tall = min(height * dpi, share * ax.bbox.height)
        wide = width * dpi if width < height else tall * width / height
        corner = Bbox.from_bounds(ax.bbox.x1 + 0.34 * dpi, ax.bbox.y0 + 0.2 * dpi, wide, tall)
        return corner.transformed(ax.figure.transSubfigure.inverted())

    key = ax.inset_axes((1.1, 0.0, 0.2, 0.2))
    key.set_axes_locator(locate)
    return key


def disc_legend(ax: Any, scale: float, name: str) -> None:
    """Show what the colors mean: gradients as points of a disc."""
    from matplotlib.patches import Circle

    key = beside(ax, 0.85, 0.85, 0.3)
    grid = np.linspace(-1.0, 1.0, 181)
    u = np.stack(np.meshgrid(grid, grid), axis=-1)
    image = key.imshow(disc(u), extent=(-1, 1, -1, 1), origin="lower", interpolation="bilinear")
    rim = Circle((0, 0), 1, fill=False, edgecolor=INK, linewidth=0.6, clip_on=False)
    key.add_patch(rim)
    image.set_clip_path(rim)
    key.add_patch(Circle((0, 0), RING, fill=False, edgecolor=INK, linewidth=0.4, linestyle=(0, (3, 3))))
    key.plot([0], [0], "o", color=INK, markersize=1.5)
    key.text(0, -1.12, f"dashed: length {scale:.2g}", fontsize="x-small", color=INK, ha="center", va="top")
    key.set_title(rf"gradient $\nabla {name}$", fontsize="small", color=INK, pad=4)
    key.set_aspect("equal")
    key.axis("off")


def color_bar(ax: Any, shades: Any, label: str) -> None:
    """Show which number has which color."""
    key = beside(ax, 0.11, 1.7, 0.5)
    bar = ax.figure.colorbar(shades, cax=key)
    bar.outline.set(edgecolor=INK, linewidth=0.4)
    bar.ax.tick_params(length=2, width=0.5, color=INK, labelcolor=INK, labelsize="x-small")
    bar.ax.locator_params(nbins=5)
    key.set_title(label, fontsize="small", color=INK, pad=5, loc="left")


def shaded(colors: Floats, normals: Floats) -> Floats:
    """Return colors (k, 3 or 4) of planes with the given normals in the light of a lamp at the upper left."""
    lamp = np.array([-0.42, -0.55, 0.72])
    length = np.sqrt((normals**2).sum(axis=1))
    light = normals @ lamp / np.where(length > 0, length, 1.0)
    lit: Floats = np.clip(colors[:, :3] * (0.84 + 0.2 * light)[:, None], 0.0, 1.0)
    return lit


def same_length(polygons: list[Floats]) -> Floats:
    """Return polygons in space with one number of vertices, some of them repeated: shape (P, k, 3).

    Matplotlib fills the ends of shorter polygons with NaN, and their outlines stay open. Repetitions are spread out,
    since it sorts by the mean of the vertices.
    """
    most = max(map(len, polygons))
    return np.stack([p[np.arange(most) * len(p) // most] for p in polygons])
