"""Pictures of classes and boundaries: regions by winning output, polylines, triangle meshes.

Exactness: *float*; the pieces and their classes are exact, what is drawn is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .boundary import Boundary
from .complex import RegionComplex
from .errors import InputError
from .readers.files import require
from .refine import tournament

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Light fills for classes (after P. Tol's "light" scheme), grey for ties, and ink for lines.
FILLS = ("#dfe6ee", "#f4b183", "#8fbcdb", "#e07b6f", "#4f86b4", "#a9c77f", "#cdb4db", "#f1dd8e", "#7fc4b5", "#d9a5b3")
TIE, INK = "#8a8a93", "#2b2b33"


def plot_classes(
    cx: RegionComplex, ax: Axes | None = None, *, classes: str = "argmax", labels: Sequence[str] | None = None
) -> Axes:
    """Fill the domain by the output that is largest (smallest); see :meth:`RegionComplex.plot_classes`."""
    from .plotting import MANY, region_polygons

    m = cx.network.output_dim
    if labels is not None and len(labels) != m:
        raise InputError(f"{len(labels)} labels for {m} outputs; give one per output")
    names = [f"output {k}" for k in range(m)] if labels is None else list(labels)
    refined, winners = tournament(cx, classes)
    polygons = region_polygons(refined)
    require("matplotlib.figure", "plot")
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    ax = _axes(ax, None)
    colors = [FILLS[w[0] % len(FILLS)] if len(w) == 1 else TIE for w in winners]
    many = len(polygons) >= MANY
    ax.add_collection(
        PolyCollection(polygons, facecolors=colors, edgecolors="face", linewidths=0.3, rasterized=many)
    )
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.margins(0)
    ax.set(xlabel="$x_0$", ylabel="$x_1$")
    seen = sorted(set(winners))
    handles = [
        Patch(facecolor=FILLS[w[0] % len(FILLS)] if len(w) == 1 else TIE, edgecolor=INK, linewidth=0.4,
              label=" = ".join(names[k] for k in w))
        for w in seen
    ]  # fmt: skip
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
    return ax


def plot_boundary(boundary: Boundary, ax: Axes | None = None, *, color: Any = None, linewidth: float = 1.0) -> Axes:
    """Draw the polylines or the triangle mesh of a boundary; see :meth:`Boundary.plot`."""
    d = boundary.complex.network.input_dim
    if d not in (2, 3):
        raise InputError(f"boundaries are drawn for 2 or 3 inputs and the network has {d}; restrict it to a slice")
    require("matplotlib.figure", "plot")
    if d == 2:
        from matplotlib.collections import LineCollection

        ax = _axes(ax, None)
        chains = [chain.points.astype(np.float64) for chain in boundary.polylines()]
        ax.add_collection(
            LineCollection(chains, colors=color or INK, linewidths=linewidth, capstyle="round", joinstyle="round")
        )
        ax.autoscale_view()
        ax.set_aspect("equal")
        ax.set(xlabel="$x_0$", ylabel="$x_1$")
        return ax
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]

    space: Any = _axes(ax, "3d")
    mesh = boundary.mesh()
    points = mesh.vertices.astype(np.float64)
    triangles = Poly3DCollection(points[mesh.triangles], facecolors=color or "#8fbcdb", shade=True, antialiased=False)
    space.add_collection3d(triangles)
    lo, hi = boundary.complex.domain.outer_floats()
    space.set(xlim=(lo[0], hi[0]), ylim=(lo[1], hi[1]), zlim=(lo[2], hi[2]))
    space.set(xlabel="$x_0$", ylabel="$x_1$", zlabel="$x_2$")
    space.set_box_aspect(hi - lo)
    space.locator_params(nbins=5)
    plain: Axes = space
    return plain


def _axes(ax: Axes | None, projection: str | None) -> Any:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained", subplot_kw={"projection": projection})[1]
