"""Level sets and decision boundaries as exact polytopes of dimension d - 1: points, polylines, triangle meshes.

The regions are cut along the level by an appended neuron (:mod:`polyrelu.refine`); the level set is then a union of
facets of a polyhedral complex. Its pieces therefore meet in common faces: end points of segments and edges of polygons
are shared exactly, and no vertex of one piece lies inside an edge of another.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .cells import Cell, Corner, as_point, cells
from .complex import RegionComplex
from .double_description import simplex_volume, triangulate
from .errors import DomainError, InputError
from .exact import IntRow, fraction
from .meshes import SUFFIXES, Mesh, Polyline, obj_text, ply_text, point_array
from .polytope import HPolytope
from .readers.files import atomic_write, located, writable_file
from .refine import Neuron, functional, refine, tournament, vanishing
from .spectral import RootSum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Piece:
    """One polytope of dimension d - 1: a facet of a refined region.

    Attributes
    ----------
    regions : tuple of int
        The regions of the complex that hold the piece: one that it crosses, or the two that share it as a facet.
    normal : tuple of d + 1 ints
        The affine form that vanishes on the piece; where the function changes sign, it grows to the positive side.
    crossing : bool
        True if the function changes sign here, False if it only touches the level; for boundaries of classes
        always True. On a wall of the domain: False.
    wall : bool
        True if the piece lies on a wall of the domain.
    classes : tuple of two tuples of int
        For boundaries of classes: the winners on the negative and on the positive side of the normal. Else empty.
    """

    regions: tuple[int, ...]
    normal: IntRow
    crossing: bool
    wall: bool
    classes: tuple[tuple[int, ...], ...]
    corners: tuple[Corner, ...] = field(repr=False)
    simplices: tuple[tuple[int, ...], ...] = field(repr=False)
    rows: tuple[IntRow, ...] = field(repr=False)

    @property
    def vertices(self) -> npt.NDArray[np.object_]:
        """The vertices as Fractions, shape (v, d).

        Two inputs: the two end points, the positive side of the normal on the left. Three inputs: a polygon,
        counterclockwise for whom the normal points at.
        """
        return point_array([as_point(c) for c in self.corners], len(self.normal) - 1)

    @property
    def polytope(self) -> HPolytope:
        """The piece as an H-polytope: the rows of the refined region and the normal, negated, as an equality."""
        return HPolytope.from_rows([*self.rows, tuple(-v for v in self.normal)], len(self.normal) - 1)

    @functools.cached_property
    def squared_measure(self) -> Fraction:
        """The square of the length (two inputs) or area (three), rational; 1 for a point."""
        n = self.normal[:-1]
        # the shadow along one axis is |n_k| / |n| times as large, and its volume is rational
        k = max(range(len(n)), key=lambda c: abs(n[c]))
        points = [as_point(c) for c in self.corners]
        shadow = [p[:k] + p[k + 1 :] for p in points]
        if len(n) == 1:
            return Fraction(1)
        size = sum((simplex_volume([shadow[v] for v in s]) for s in self.simplices), Fraction(0))
        return size * size * sum(v * v for v in n) / (n[k] * n[k])


class Boundary:
    """A level set, or the boundary between classes, as a list of pieces of dimension d - 1.

    Attributes
    ----------
    complex : RegionComplex
    pieces : list of Piece
        Every piece once, also where two regions share it.
    full : list of int
        Regions on which the function is identically the value (of a boundary of classes: that hold points of a tie).
        Such points belong to the boundary; the facets of their region are not listed as pieces.
    refined : RegionComplex
        The complex cut along the boundary: pieces are facets of its regions.
    solid : ndarray of bool
        The regions of ``refined`` that belong to the boundary with all their points.

    Notes
    -----
    Exactness: *exact*. Parts of the level set of dimension below d - 1, such as a minimum at a point, have no piece.
    """

    def __init__(self, cx: RegionComplex, refined: RegionComplex, pieces: list[Piece], solid: Mask):
        self.complex, self.refined, self.pieces, self.solid = cx, refined, pieces, solid
        N = cx.network.neurons
        held = {cx.index(bits[:N]) for bits in refined.patterns[solid]}
        self.full = sorted(k for k in held if k is not None)

    def __len__(self) -> int:
        return len(self.pieces)

    def __repr__(self) -> str:
        return f"<Boundary of {len(self.pieces)} pieces in R^{self.complex.network.input_dim}, {len(self.full)} full>"

    # -- size -------------------------------------------------------------------------
    @functools.cached_property
    def measure(self) -> RootSum:
        """The sum of the (d - 1)-dimensional volumes of all pieces; ``float()`` of it has the error ``.error``."""
        return RootSum(tuple(piece.squared_measure for piece in self.pieces))

    @property
    def length(self) -> RootSum:
        """Total length (two inputs)."""
        self._need(2, "a length")
        return self.measure

    @property
    def area(self) -> RootSum:
        """Total area (three inputs)."""
        self._need(3, "an area")
        return self.measure

    def _need(self, d: int, what: str) -> None:
        if self.complex.network.input_dim != d:
            raise InputError(
                f"{what} needs {d} inputs and the network has {self.complex.network.input_dim}; use .measure or "
                ".pieces, or a slice: net.restrict(origin, directions)"
            )

    # -- shape ------------------------------------------------------------------------
    def betti_numbers(self) -> tuple[int, ...]:
        """Return the Betti numbers b_0 .. b_{d-1} of the union of all pieces and solid regions, in up to 3 dimensions.

        Components, holes and, in three dimensions, cavities.

        Notes
        -----
        Exactness: *exact*. Points and edges where the function touches the level are no pieces and do not count here;
        :meth:`RegionComplex.betti_numbers` counts the whole level set.

        Examples
        --------
        The largest of x, y and 0 changes on three rays from the origin: a tree.

        >>> from polyrelu import Box, ReluNetwork, enumerate_regions
        >>> net = ReluNetwork([[[1, 0], [0, 1], [0, 0]]], [[0, 0, 0]])
        >>> rays = enumerate_regions(net, Box([-1, -1], [1, 1])).class_boundary()
        >>> len(rays), rays.betti_numbers()
        (3, (1, 0))
        """
        from .faces import boundary_betti_numbers

        return boundary_betti_numbers(self)

    def polylines(self) -> list[Polyline]:
        """Chain the segments of a boundary in the plane at equal end points.

        Chains end on the walls, where the level set ends, and at points where other than two segments meet.

        Returns
        -------
        list of Polyline
            Open chains first; larger values of the function are on the left wherever segments are oriented.
        """
        self._need(2, "a polyline")
        at: dict[Corner, list[int]] = {}
        for k, piece in enumerate(self.pieces):
            for corner in piece.corners:
                at.setdefault(corner, []).append(k)
        used = [False] * len(self.pieces)
        chains: list[Polyline] = []

        def follow(corner: Corner, k: int) -> list[Corner]:
            chain = [corner]
            while not used[k]:
                used[k] = True
                p, q = self.pieces[k].corners
                chain.append(q if p == chain[-1] else p)
                near = at[chain[-1]]
                if len(near) != 2:
                    break
                k = near[0] + near[1] - k
            return chain

        # from starts of segments first, so that chains run along their orientation
        sides = [(side, k) for side in (0, 1) for k in range(len(self.pieces))]
        ends = [(side, k) for side, k in sides if len(at[self.pieces[k].corners[side]]) != 2]
        for side, k in ends + sides:
            if not used[k]:
                chain = follow(self.pieces[k].corners[side], k)
                chains.append(Polyline(point_array([as_point(c) for c in chain], 2), chain[0] == chain[-1]))
        return chains

    def mesh(self) -> Mesh:
        """Return a boundary in three dimensions as triangles that share their vertices.

        Triangles meet along whole edges. An edge of a single triangle lies on a wall of the domain, on a full
        region, or where the level set itself ends (the function touches the level without crossing it).
        """
        self._need(3, "a mesh")
        points = {corner: as_point(corner) for piece in self.pieces for corner in piece.corners}
        number = {corner: k for k, corner in enumerate(sorted(points, key=points.__getitem__))}
        triangles = [
            (number[piece.corners[0]], number[piece.corners[k]], number[piece.corners[k + 1]])
            for piece in self.pieces
            for k in range(1, len(piece.corners) - 1)
        ]
        return Mesh(
            point_array([points[c] for c in number], 3), np.array(triangles, dtype=np.int64).reshape(len(triangles), 3)
        )

    def plot(self, ax: Axes | None = None, *, color: Any = None, linewidth: float = 1.0) -> Axes:
        """Draw polylines (two inputs) or the triangle mesh (three) with matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw, with a 3-D projection for meshes; by default on a new pyplot figure.
        color, linewidth
            Of the lines or triangles.
        """
        from .boundary_plots import plot_boundary

        return plot_boundary(self, ax, color=color, linewidth=linewidth)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write polylines (two inputs, z = 0) or the triangle mesh (three) as ``.obj`` or ``.ply`` text, in one step.

        Vertices are rounded to the nearest floats and written with all their digits.

        Raises
        ------
        ModelError
            Another suffix, or a directory that cannot be written.
        InputError
            Other than two or three inputs.
        """
        if self.complex.network.input_dim == 2:
            corners = sorted({c for piece in self.pieces for c in piece.corners}, key=as_point)
            number = {corner: k for k, corner in enumerate(corners)}
            vertices = point_array([(*as_point(c), Fraction(0)) for c in corners], 3)
            faces = np.array([[number[c] for c in piece.corners] for piece in self.pieces], dtype=np.int64)
        else:
            vertices, faces = self.mesh()
        with located(path):
            file = writable_file(path, SUFFIXES, "a boundary")
            text = (obj_text if file.suffix.lower() == ".obj" else ply_text)(vertices, faces)
            with atomic_write(file) as stream:
                stream.write(text.encode())


# -- finding the pieces ---------------------------------------------------------------
def level_set(cx: RegionComplex, output: Any = 0, value: Any = 0) -> Boundary:
    """Return ``{x : output(x) = value}``; see :meth:`RegionComplex.level_set`."""
    _need_bounded(cx)
    N = cx.network.neurons
    neuron = Neuron(functional(cx.network, output), -fraction(value, "value"))
    refined = refine(cx, [neuron], "a level set")
    zero = vanishing(refined, N)
    above = refined.patterns[:, N] == 1
    facets = np.searchsorted(refined.row_ptr, np.flatnonzero(refined.facet_row == N), side="right") - 1
    region = np.searchsorted(refined.facet_ptr, facets, side="right") - 1
    across = refined.facet_neighbor[facets]
    wall = across < 0
    crossing = ~wall & (above[region] != above[across])
    # once per pair, from the upper side if there is one; none that bound a full region
    keep = wall | (~zero[across] & np.where(crossing, above[region], region < across))
    pieces = _pieces(cx, refined, facets[keep], region[keep], crossing[keep], None)
    return Boundary(cx, refined, pieces, zero)


def decision_boundary(cx: RegionComplex, i: int, j: int) -> Boundary:
    """Return where two outputs are equal; see :meth:`RegionComplex.decision_boundary`."""
    for k in (i, j):
        if not isinstance(k, int | np.integer) or isinstance(k, bool):
            raise InputError(f"{k!r} is not the number of an output; give two of 0 to {cx.network.output_dim - 1}")
    a, b = functional(cx.network, int(i)), functional(cx.network, int(j))
    if a == b:
        raise InputError(f"outputs {i} and {j} are the same; give two different ones")
    return level_set(cx, [u - v for u, v in zip(a, b, strict=True)])


def class_boundary(cx: RegionComplex, classes: str = "argmax") -> Boundary:
    """Return where the winning output changes; see :meth:`RegionComplex.class_boundary`."""
    _need_bounded(cx)
    refined, winners = tournament(cx, classes)
    names = {label: k for k, label in enumerate(sorted(set(winners)))}
    label = np.array([names[w] for w in winners])
    region = np.repeat(np.arange(len(refined)), np.diff(refined.facet_ptr))
    across = refined.facet_neighbor
    facets = np.flatnonzero((across >= 0) & (label[region] > label[across]))
    pieces = _pieces(cx, refined, facets, region[facets], np.ones(len(facets), dtype=bool), winners)
    return Boundary(cx, refined, pieces, np.array([len(w) > 1 for w in winners]))


def _need_bounded(cx: RegionComplex) -> None:
    if not cx.domain.is_bounded():
        raise DomainError("the domain is unbounded and so may be the boundary; enumerate over a bounded domain: Box")


def _pieces(
    cx: RegionComplex,
    refined: RegionComplex,
    facets: npt.NDArray[np.int64],
    region: npt.NDArray[np.int64],
    crossing: npt.NDArray[np.bool_],
    winners: Sequence[tuple[int, ...]] | None,
) -> list[Piece]:
    wanted: dict[int, list[tuple[int, bool]]] = {}
    for f, i, c in zip(facets.tolist(), region.tolist(), crossing.tolist(), strict=True):
        wanted.setdefault(i, []).append((f, c))
    N, out = cx.network.neurons, []
    for cell in cells(refined, wanted):
        for f, crosses in wanted[cell.region]:
            k = f - int(refined.facet_ptr[cell.region])
            j = int(refined.facet_neighbor[f])
            sides = [cell.region] if j < 0 else [j, cell.region]
            held = {cx.index(refined.patterns[i, :N]) for i in sides}
            classes = tuple(winners[i] for i in sides) if winners is not None else ()
            corners, simplices = _facet(cell, k)
            regions = tuple(sorted(i for i in held if i is not None))
            rows = tuple(cell.rows)
            out.append(Piece(regions, cell.rows[k], crosses, j < 0, classes, corners, simplices, rows))
    return out


def _facet(cell: Cell, facet: int) -> tuple[tuple[Corner, ...], tuple[tuple[int, ...], ...]]:
    """Return the corners of one facet, in order up to three dimensions, and a triangulation by their numbers."""
    on = [k for k, zeros in enumerate(cell.incidence) if zeros >> facet & 1]
    d = len(cell.rows[0]) - 1
    if d == 2:
        # the polygon runs counterclockwise, its inside (the positive side) on the left
        first, last = on
        order = [first, last] if last == first + 1 else [last, first]
    elif d == 3:
        order = _cycle(cell, facet, on)
    else:
        order = on
    simplices = triangulate([cell.incidence[k] for k in order])
    return tuple(cell.corners[k] for k in order), tuple(simplices)


def _cycle(cell: Cell, facet: int, on: Iterable[int]) -> list[int]:
    """Order the corners of a polygonal facet, counterclockwise seen from the positive side."""
    on = list(on)
    near: dict[int, list[int]] = {k: [] for k in on}
    for other in range(len(cell.rows)):
        edge = [k for k in on if cell.incidence[k] >> other & 1]
        if other != facet and len(edge) == 2:
            near[edge[0]].append(edge[1])
            near[edge[1]].append(edge[0])
    order = [on[0], near[on[0]][0]]
    while len(order) < len(on):
        a, b = near[order[-1]]
        order.append(b if a == order[-2] else a)
    p, q, r = (as_point(cell.corners[k]) for k in order[:3])
    u, v = [b - a for a, b in zip(p, q, strict=True)], [b - a for a, b in zip(p, r, strict=True)]
    cross = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    left = sum(a * b for a, b in zip(cross, cell.rows[facet], strict=False)) > 0
    return order if left else [order[0], *reversed(order[1:])]
