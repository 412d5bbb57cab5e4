"""The maximum of many affine functions as a signed sum of maxima of few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from ..double_description import cone_generators, triangulate
from ..exact import RationalMatrix
from .piecewise import Form, read_forms


@dataclass(frozen=True)
class SignedMaximum:
    """The term ``sign * max(forms)``."""

    sign: int
    forms: tuple[Form, ...]


def signed_maxima(forms: Iterable[Iterable[Any]]) -> list[SignedMaximum]:
    """Write the maximum of affine forms as a signed sum of maxima of at most n + 1 of them, n <= d.

    The forms ``a_i.x + b_i`` are points (a_i, b_i). The upper hull of these points, seen from above, is a subdivision
    of the convex hull of the a_i, of dimension n; it is cut into simplices. Then the maximum is the sum over all
    faces F of this triangulation that are not in the boundary of ``(-1)^(n - dim F) max_{i in F} (a_i.x + b_i)``.

    Parameters
    ----------
    forms : array_like of shape (k, d + 1)
        Rows ``(g_1, .., g_d, g_0)``.

    Returns
    -------
    list of SignedMaximum
        Sorted by the numbers of their forms.

    Notes
    -----
    Exactness: *exact*. The support function of a union that is convex is a valuation; Euler's relation for the faces
    inside a ball. Forms that are nowhere the only largest are left out.

    References
    ----------
    S. Wang, X. Sun, Generalization of hinging hyperplanes, 2005, Theorem 1, for a convex function; the formula is
    derived here.

    Examples
    --------
    In one variable max(l1, l2, l3) = max(l1, l2) + max(l2, l3) - l2:

    >>> for term in signed_maxima([[-1, 0], [0, 1], [1, 0]]):
    ...     print(term.sign, [tuple(map(int, form)) for form in term.forms])
    1 [(-1, 0), (0, 1)]
    -1 [(0, 1)]
    1 [(0, 1), (1, 0)]
    """
    rows = read_forms(forms, "forms")
    axes = _independent_columns([[a - b for a, b in zip(row[:-1], rows[0], strict=False)] for row in rows[1:]])
    n = len(axes)
    if not n:
        return [SignedMaximum(1, (max(rows, key=lambda row: row[-1]),))]
    # the cone over the epigraph {(x, t) : t >= a_i.x + b_i}: its vertices are the cells of the subdivision
    matrix = RationalMatrix.of([[*(-row[k] for k in axes), 1, -row[-1]] for row in rows])
    cone, _ = cone_generators([*map(tuple, matrix.integers()), (*[0] * (n + 1), 1)], n + 2)
    on = [sum(1 << g for g, (_, zeros) in enumerate(cone) if zeros >> i & 1) for i in range(len(rows))]
    kept = [i for i, mine in enumerate(on) if not any(mine != other and mine & other == mine for other in on)]
    keep = sum(1 << i for i in kept)
    cells = [zeros & keep for y, zeros in cone if y[-1]]
    walls = [zeros & keep for y, zeros in cone if not y[-1]]
    faces: set[tuple[int, ...]] = set()
    for cell in cells:
        for simplex in _simplices(cell, [*cells, *walls], n):
            for size in range(1, n + 2):
                faces.update(combinations(simplex, size))
    inside = []
    for face in sorted(faces):
        bits = sum(1 << i for i in face)
        if not any(bits & wall == bits for wall in walls):
            inside.append(SignedMaximum((-1) ** (n + 1 - len(face)), tuple(rows[i] for i in face)))
    return inside


def _simplices(cell: int, others: Sequence[int], n: int) -> list[tuple[int, ...]]:
    """Cut one cell, given as a bitset of its points, into simplices; equal faces are cut equally."""
    points = [i for i in range(cell.bit_length()) if cell >> i & 1]
    if len(points) == n + 1:
        return [tuple(points)]
    common = {cell & other for other in others if other != cell}
    facets = [c for c in common if c and not any(c != other and c & other == c for other in common)]
    local = triangulate([sum(1 << f for f, facet in enumerate(facets) if facet >> i & 1) for i in points])
    return [tuple(points[v] for v in simplex) for simplex in local]


def _independent_columns(rows: Sequence[Sequence[Fraction]]) -> list[int]:
    """Return the first columns that span the column space."""
    chosen: list[int] = []
    for k in range(len(rows[0]) if rows else 0):
        if RationalMatrix.of([[row[j] for j in (*chosen, k)] for row in rows]).rank() > len(chosen):
            chosen.append(k)
    return chosen
