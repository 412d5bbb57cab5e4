"""Vertices, rays and lines of a polyhedron by the exact double description method, and a triangulation.

Legend: a *generator* is an integer vector of a cone ``{y : h @ y >= 0 for all rows h}``; ``zeros`` is the bitset
of rows that vanish on it. A polyhedron ``{x : g(x) >= 0}`` is the slice t = 1 of the cone of (x, t).

References
----------
T. S. Motzkin et al., The double description method, 1953.
K. Fukuda and A. Prodon, Double description method revisited, 1996 (Proposition 7: adjacency).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .exact import IntRow, Point, integer_matrix, primitive


def cone_generators(rows: Sequence[IntRow], n: int) -> tuple[list[tuple[IntRow, int]], list[IntRow]]:
    """Return the extreme rays (with the bitset of rows that vanish on each) and a basis of the lines of a cone.

    Parameters
    ----------
    rows : sequence of integer n-tuples
        The cone is ``{y in R^n : h @ y >= 0 for every row h}``; no row at all gives n lines.

    Examples
    --------
    >>> cone_generators([(1, 0), (0, 1)], 2)
    ([((1, 0), 2), ((0, 1), 1)], [])
    """
    lines: list[IntRow] = [tuple(int(i == k) for i in range(n)) for k in range(n)]
    rays: list[tuple[IntRow, int]] = []
    for index, h in enumerate(rows):
        bit = 1 << index
        pivot = next((v for v in lines if _dot(h, v)), None)
        if pivot is not None:
            # the cone contains a whole line across this row: half of it becomes a ray
            size = _dot(h, pivot)
            up = pivot if size > 0 else tuple(-v for v in pivot)
            size = abs(size)
            lines = [_slide(v, size, _dot(h, v), up) for v in lines if v is not pivot]
            rays = [(_slide(v, size, _dot(h, v), up), zeros | bit) for v, zeros in rays]
            rays.append((up, bit - 1))
            continue
        values = [_dot(h, v) for v, _ in rays]
        positive = [(r, v) for r, v in zip(rays, values, strict=True) if v > 0]
        negative = [(r, v) for r, v in zip(rays, values, strict=True) if v < 0]
        kept = [(r[0], r[1] | (bit if v == 0 else 0)) for r, v in zip(rays, values, strict=True) if v >= 0]
        need = n - len(lines) - 2
        for (a, za), va in positive:
            for (b, zb), vb in negative:
                common = za & zb
                if common.bit_count() < need:
                    continue
                # adjacent iff no third ray vanishes wherever both do
                if sum((common & zeros) == common for _, zeros in rays) == 2:
                    new = primitive([va * y - vb * x for x, y in zip(a, b, strict=True)])
                    kept.append((new, common | bit))
        rays = kept
    return rays, lines


def _dot(h: Sequence[int], v: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(h, v, strict=True))


def _slide(v: IntRow, size: int, value: int, up: IntRow) -> IntRow:
    """Move v along the line ``up`` until the row vanishes on it."""
    return primitive([size * a - value * b for a, b in zip(v, up, strict=True)])


@dataclass(frozen=True)
class Generators:
    """``{x}`` = convex hull of ``vertices`` + cone of ``rays`` + span of ``lines``, all exact.

    ``incidence[i]`` is the bitset of rows that vanish at vertex i. Vertices are sorted.
    """

    vertices: list[Point]
    incidence: list[int]
    rays: list[IntRow]
    lines: list[IntRow]


def generators(rows: Sequence[IntRow], d: int) -> Generators:
    """Return vertices, rays and lines of ``{x : g(x) >= 0}``.

    With lines there is no vertex in the strict sense; ``vertices`` then holds one point of each minimal face.

    Examples
    --------
    >>> g = generators([(1, 0, 0), (0, 1, 0), (-1, -1, 1)], 2)
    >>> [tuple(map(int, v)) for v in g.vertices]
    [(0, 0), (0, 1), (1, 0)]
    """
    found, lines = cone_generators([*rows, (*([0] * d), 1)], d + 1)
    vertices = sorted((tuple(Fraction(v, y[d]) for v in y[:d]), zeros) for y, zeros in found if y[d])
    return Generators(
        [v for v, _ in vertices],
        [zeros for _, zeros in vertices],
        sorted(y[:d] for y, _ in found if not y[d]),
        sorted(y[:d] for y in lines),
    )


def triangulate(incidence: Sequence[int]) -> list[tuple[int, ...]]:
    """Triangulate a polytope from its vertex-row incidences alone (pulling the first vertex of every face).

    Returns
    -------
    list of tuples of vertex indices
        Simplices with disjoint interiors that cover the polytope.

    Examples
    --------
    The square with rows 0..3 and vertices in cyclic order:

    >>> triangulate([0b0011, 0b0110, 0b1100, 0b1001])
    [(0, 1, 2), (0, 2, 3)]
    """
    count = max((z.bit_length() for z in incidence), default=0)
    rows = [sum(1 << v for v, z in enumerate(incidence) if z >> r & 1) for r in range(count)]
    memo: dict[int, list[tuple[int, ...]]] = {}

    def faces(face: int) -> list[int]:
        """Return the facets of a face: maximal proper intersections with rows."""
        cuts = {face & r for r in rows if face & r != face and face & r}
        return sorted(c for c in cuts if not any(c != other and c & other == c for other in cuts))

    def pull(face: int) -> list[tuple[int, ...]]:
        if face not in memo:
            apex = (face & -face).bit_length() - 1
            if face == 1 << apex:
                memo[face] = [(apex,)]
            else:
                memo[face] = [(apex, *rest) for sub in faces(face) if not sub >> apex & 1 for rest in pull(sub)]
        return memo[face]

    return sorted(pull((1 << len(incidence)) - 1)) if incidence else []


def simplex_volume(corners: Sequence[Point]) -> Fraction:
    """Return the exact volume of a d-simplex given by d + 1 points.

    Examples
    --------
    >>> simplex_volume([(Fraction(0), Fraction(0)), (Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))])
    Fraction(1, 2)
    """
    d = len(corners) - 1
    den = math.lcm(*(v.denominator for corner in corners for v in corner))
    base = [int(v * den) for v in corners[0]]
    edges = [[int(v * den) - w for v, w in zip(corner, base, strict=True)] for corner in corners[1:]]
    scale: int = den**d * math.factorial(d)
    return abs(integer_matrix(edges, d).det()) / scale
