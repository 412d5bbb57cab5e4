"""One small linear program: floats propose a basis, exact arithmetic certifies it or decides by itself.

Rows are affine forms ``g = (g_1 .. g_d, g_0)`` of integers and the feasible set is ``{x : g(x) >= 0 for all
rows}``; :mod:`polyrelu.polytope` turns ``A x <= b`` into such rows. Three steps, from cheap to dear:

1. a numba walk along the edges (:func:`polyrelu.kernels.walk`), or HiGHS in many dimensions, proposes;
2. the proposal is certified: by float error bounds where they clear, else by solving its basis exactly;
3. what is left is decided by an exact simplex walk with Bland's rule, which cannot cycle.

Every answer carries its witness or its multipliers, and :meth:`Solution.check` re-proves it with
``Fraction`` arithmetic alone.

References
----------
R. G. Bland, New finite pivoting rules for the simplex method, 1977.
K. L. Clarkson, More output-sensitive geometric algorithms, 1994 (redundancy).
A. Neumaier and O. Shcherbina, Safe bounds in linear and mixed-integer linear programming, 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .errors import CertificationError
from .exact import (
    IntRow,
    Point,
    RationalMatrix,
    dot,
    dyadic_near,
    floats,
    integer_column,
    integer_matrix,
    integer_point,
    primitive,
)

Floats = npt.NDArray[np.float64]

# Above this dimension the dense walk costs more than a call of HiGHS (see benchmarks/lp_dimension.py).
SMALL_DIMENSION = 32


@dataclass(frozen=True)
class Solution:
    """The certified answer of ``maximize objective @ x subject to g(x) >= 0``.

    Attributes
    ----------
    status : str
        ``"optimal"``, ``"unbounded"`` or ``"infeasible"``.
    value : Fraction or None
        The maximum.
    point : tuple of Fraction or None
        The maximiser; for ``"unbounded"`` a feasible point.
    ray : tuple of Fraction or None
        For ``"unbounded"``: a direction along which every row stays nonnegative and the objective grows.
    multipliers : dict of int to Fraction
        Row index -> y >= 0. Optimal: ``objective @ x = value - sum y_i g_i(x)`` for all x. Infeasible:
        ``sum y_i g_i`` is a negative constant (Farkas).
    """

    status: str
    value: Fraction | None = None
    point: Point | None = None
    ray: Point | None = None
    multipliers: dict[int, Fraction] = field(default_factory=dict)

    def check(self, objective: Sequence[Fraction | int], rows: Sequence[IntRow]) -> bool:
        """Re-prove the answer from its witness and multipliers, with Fractions alone."""
        d = len(objective)
        combined = [sum((y * rows[i][c] for i, y in self.multipliers.items()), Fraction(0)) for c in range(d + 1)]
        if any(y < 0 for y in self.multipliers.values()):
            return False
        if self.status == "infeasible":
            return not any(combined[:d]) and combined[d] < 0
        assert self.point is not None
        feasible = all(_value(row, self.point) >= 0 for row in rows)
        if self.status == "unbounded":
            assert self.ray is not None
            grows = sum(c * v for c, v in zip(objective, self.ray, strict=True)) > 0
            return feasible and grows and all(_value((*row[:d], 0), self.ray) >= 0 for row in rows)
        reached = sum(c * v for c, v in zip(objective, self.point, strict=True)) == self.value
        proved = all(combined[c] == -objective[c] for c in range(d)) and combined[d] == self.value
        return feasible and reached and proved


def _value(row: Sequence[int], x: Sequence[Fraction]) -> Fraction:
    return sum((a * v for a, v in zip(row, x, strict=False)), Fraction(row[-1]))


def maximize(objective: Sequence[Fraction | int], rows: Sequence[IntRow], start: Point | None = None) -> Solution:
    """Maximise a linear function over ``{x : g(x) >= 0 for every row}``, exactly.

    Parameters
    ----------
    objective : sequence of d rationals
    rows : sequence of (d + 1)-tuples of int
        Affine forms; none at all means R^d.
    start : tuple of d Fractions, optional
        A feasible point, trusted to be one; found by a first linear program if absent.

    Returns
    -------
    Solution
        Exact, with witness and multipliers.

    Examples
    --------
    The triangle x >= 0, y >= 0, x + y <= 1:

    >>> s = maximize([1, 2], [(1, 0, 0), (0, 1, 0), (-1, -1, 1)])
    >>> s.value, s.point, s.multipliers
    (Fraction(2, 1), (Fraction(0, 1), Fraction(1, 1)), {0: Fraction(1, 1), 2: Fraction(2, 1)})
    """
    c, scale = integer_point([Fraction(v) for v in objective])
    if start is None:
        inner = deepest_point(rows, len(c))
        if inner.depth < 0:
            return Solution("infeasible", multipliers=inner.multipliers)
        start = inner.point
    solution = _Walk(rows, c, start).run()
    if scale == 1:
        return solution
    return Solution(
        solution.status,
        None if solution.value is None else solution.value / scale,
        solution.point,
        solution.ray,
        {i: y / scale for i, y in solution.multipliers.items()},
    )


@dataclass(frozen=True)
class Deepest:
    """A point that lies as deep as possible in a polyhedron, with proof.

    ``depth`` is the maximum of t <= 1 with ``g(x) >= t |g|_1`` for all rows (|g|_1: sum of the absolute linear
    coefficients, at least 1). Positive: ``point`` is interior. Zero: the set is flat and the rows in
    ``multipliers`` vanish on all of it. Negative: the set is empty and ``multipliers`` prove it.
    """

    depth: Fraction
    point: Point
    multipliers: dict[int, Fraction]


def deepest_point(rows: Sequence[IntRow], d: int) -> Deepest:
    """Find a point deep inside ``{x : g(x) >= 0}``, or prove that the set is flat or empty.

    Examples
    --------
    >>> deepest_point([(1, 0), (-1, 1)], 1).point
    (Fraction(1, 2),)
    >>> deepest_point([(1, 0), (-1, 0)], 1).depth, deepest_point([(1, 0), (-1, -1)], 1).depth < 0
    (Fraction(0, 1), True)
    """
    used = [k for k in range(d) if any(row[k] for row in rows)]
    if len(used) < d:  # the others are free: they stay at 0
        inner = deepest_point([(*(row[k] for k in used), row[d]) for row in rows], len(used))
        found = dict(zip(used, inner.point, strict=True))
        return Deepest(inner.depth, tuple(found.get(k, Fraction(0)) for k in range(d)), inner.multipliers)
    weights = [max(1, sum(abs(v) for v in row[:d])) for row in rows]
    lifted = [(*row[:d], -w, row[d]) for row, w in zip(rows, weights, strict=True)]
    lifted.append((*([0] * d), -1, 1))
    # x = 0 with t small enough is always feasible
    depth = min([Fraction(1), *(Fraction(row[d], w) for row, w in zip(rows, weights, strict=True))])
    start = (*([Fraction(0)] * d), depth)
    solution = _Walk(lifted, [0] * d + [1], start).run()
    assert solution.value is not None and solution.point is not None
    multipliers = {i: y for i, y in solution.multipliers.items() if i < len(rows)}
    return Deepest(solution.value, solution.point[:d], multipliers if solution.value <= 0 else {})


class _Walk:
    """The exact simplex walk over bases; places that are not yet a row fix a coordinate of the start."""

    def __init__(self, rows: Sequence[IntRow], objective: Sequence[int], start: Point):
        self.rows, self.c, self.start, self.d = rows, objective, start, len(objective)
        self.all = integer_matrix(rows, self.d + 1)

    def run(self) -> Solution:
        """Certify the float proposal, or walk exactly from it or from the start."""
        proposed = self._propose()
        if proposed is not None:
            self.basis = proposed
            try:
                if self._locate() and min(self.values, default=0) >= 0:
                    return self._walk()
            except ZeroDivisionError:
                pass
        self.basis = [-1] * self.d
        self._locate()
        if min(self.values, default=0) < 0:
            raise CertificationError("the start of an exact linear program is not feasible")
        return self._walk()

    def _propose(self) -> list[int] | None:
        """Run the float walk from the start and return its basis; None if it ends nowhere."""
        from . import kernels

        d = self.d
        if not self.rows or d > 4 * SMALL_DIMENSION:
            return None
        G = float_rows(self.rows)[0]
        x0 = floats(self.start)
        norm = np.sqrt((G[:, :d] ** 2).sum(axis=1))
        live = np.flatnonzero(norm > 0)
        with np.errstate(over="ignore", invalid="ignore"):
            s = (G[live, :d] @ x0 + G[live, d]) / norm[live]
        if not len(live) or not np.isfinite(s).all():
            return None
        N = -G[live, :d] / norm[live, None]
        slack, y = np.empty(len(live)), np.empty(d)
        basis, inv = np.empty(d, dtype=np.int64), np.empty((d, d))
        kernels.restart(np.maximum(s, 0.0), len(live), slack, y, basis, inv)
        size = max(abs(v) for v in self.c) or 1
        c = np.array([v / size for v in self.c])
        kernels.walk(N, len(live), slack, c, y, basis, inv, np.empty(d), np.empty(d), np.empty(len(live)))
        return [int(live[k]) if k >= 0 else -1 for k in basis]

    def _locate(self) -> bool:
        """Solve the basis: the point x, the inverse B, and every row's value at x. False if it is singular."""
        d = self.d
        matrix, rhs = [], []
        for place, k in enumerate(self.basis):
            if k >= 0:
                matrix.append(list(self.rows[k][:d]))
                rhs.append([Fraction(-self.rows[k][d])])
            else:
                matrix.append([int(r == place) for r in range(d)])
                rhs.append([self.start[place]])
        inverse = integer_matrix(matrix, d).solve(RationalMatrix.identity(d))
        if inverse is None:
            return False
        x = inverse @ RationalMatrix.of(np.array(rhs, dtype=object).reshape(d, 1))
        self.B = inverse.integers()
        self.B_den = inverse.den
        numerators = [row[0] for row in x.integers()]
        sign = 1 if x.den > 0 else -1
        self.x = [sign * v for v in numerators], sign * x.den
        column = integer_column((*self.x[0], self.x[1]))
        self.values = [row[0] for row in (self.all @ column).integers()] if self.rows else []
        return True

    def _walk(self) -> Solution:
        d, rows = self.d, self.rows
        while True:
            numerators, den = self.x
            x = tuple(Fraction(v, den) for v in numerators)
            # objective = sum_k y_k g_k (or coordinate k): increasing g_k by one gains y_k
            sign = 1 if self.B_den > 0 else -1
            gain = [sign * sum(self.c[r] * self.B[r][k] for r in range(d)) for k in range(d)]
            free = [k for k in range(d) if self.basis[k] < 0 and gain[k]]
            rising = [k for k in range(d) if self.basis[k] >= 0 and gain[k] > 0]
            if not free and not rising:
                value = Fraction(sum(a * v for a, v in zip(self.c, numerators, strict=True)), den)
                y = {self.basis[k]: Fraction(-gain[k], abs(self.B_den)) for k in range(d) if gain[k]}
                return Solution("optimal", value, x, multipliers=y)
            place = free[0] if free else min(rising, key=lambda k: self.basis[k])
            turn = sign * (1 if gain[place] > 0 else -1)
            ray = [turn * self.B[r][place] for r in range(d)]
            column = integer_column((*ray, 0))
            slopes = [row[0] for row in (self.all @ column).integers()] if rows else []
            enter, best = -1, Fraction(0)
            for i, slope in enumerate(slopes):
                if slope < 0:
                    length = Fraction(self.values[i], -slope)
                    if enter < 0 or length < best:  # ties go to the smallest index: Bland's rule
                        enter, best = i, length
            if enter < 0:
                return Solution("unbounded", None, x, tuple(Fraction(v) for v in ray))
            self.basis[place] = enter
            if not self._locate():
                raise CertificationError("an exact pivot led to a singular basis")


# -- facets ---------------------------------------------------------------------------
def float_rows(rows: Sequence[IntRow]) -> tuple[Floats, Floats]:
    """Return integer rows as floats of size at most 1, and a bound on the rounding of every entry.

    Each row is divided by a power of two above its largest entry; int / int division rounds correctly, so
    that an entry below 2**53 is exact and any other wrong by at most 2**-53 of itself, unless it is
    smaller than 2**-1000 of the largest one.
    """
    if not len(rows):
        return np.zeros((0, 1)), np.zeros((0, 1))
    G, E = np.zeros((len(rows), len(rows[0]))), np.zeros((len(rows), len(rows[0])))
    for i, row in enumerate(rows):
        bits = max(v.bit_length() for v in row)
        top = 1 << bits
        for c, v in enumerate(row):
            G[i, c] = v / top
            if v.bit_length() > 53 or bits > 1000:
                E[i, c] = max(abs(G[i, c]) * 2.0**-52, 2.0**-1000)
    return G, E


def classify(
    G: Floats, E: Floats, lo: Floats, hi: Floats, start: Floats
) -> tuple[npt.NDArray[np.uint8], Floats, int]:
    """Sort the rows of a region into facets and redundant rows by floats, as far as error bounds prove it.

    The states are those of :func:`polyrelu.kernels.classify`; what is UNDECIDED is for :func:`settle`.
    """
    from . import kernels

    status = np.zeros(len(G), dtype=np.uint8)
    center = np.zeros(len(lo))
    if len(lo) > SMALL_DIMENSION:
        from .highdim import classify as classify_many

        return classify_many(G, E, lo, hi, start)
    code = kernels.classify(G, E, lo, hi, start, status, center)
    return status, center, int(code)


@dataclass(frozen=True)
class Facets:
    """The exact facets of a full-dimensional region.

    Attributes
    ----------
    interior : tuple of Fraction
        A point where every row that is not identically zero is positive.
    groups : list of tuple of int
        One entry per facet: all rows that vanish on it, in order. Sorted by first row.
    zero : list of int
        Rows that are identically zero.
    """

    interior: Point
    groups: list[tuple[int, ...]]
    zero: list[int]


def interior_point(
    rows: Sequence[IntRow], d: int, guess: Sequence[Fraction] | None = None, search: bool = True
) -> Point | None:
    """Return a short rational point with every nonzero row positive, or None if there is none.

    ``guess`` is returned as it is when it is such a point. Without ``search`` no other one is tried.
    """
    rows = [row for row in rows if any(row)]
    if guess is not None and _strict(rows, guess):
        return tuple(guess)
    if not search:
        return None
    inner = deepest_point(list(dict.fromkeys(rows)), d)
    if inner.depth <= 0:
        return None
    # Few bits make every later exact check cheap. A cube of half side depth fits around the point, so that
    # rounding to 2**-bits < depth stays inside; try a little coarser first.
    bits = max(0, inner.depth.denominator.bit_length() - inner.depth.numerator.bit_length() - 8)
    while True:
        short = dyadic_near(inner.point, bits)
        if _strict(rows, short):
            return short
        bits += 4


def _strict(rows: Sequence[IntRow], x: Sequence[Fraction]) -> bool:
    numerators, den = integer_point(x)
    return all(dot(row, numerators, den) > 0 for row in rows)


def settle(
    rows: Sequence[IntRow],
    d: int,
    status: npt.NDArray[np.uint8] | None = None,
    center: Sequence[Fraction] | None = None,
) -> Facets | None:
    """Find the facets of ``{x : g(x) >= 0}`` exactly, starting from what floats have proved.

    Rows that are positive multiples of each other are grouped first: they would hide each other. A group
    is a facet iff some point satisfies every other group and violates it (a linear program from an
    interior point, which ends at the first such vertex).

    Parameters
    ----------
    rows : sequence of primitive integer rows
    d : int
        Dimension.
    status : ndarray of uint8, optional
        States from :func:`classify`; all UNDECIDED if absent.
    center : sequence of Fraction, optional
        A guess for the interior point.

    Returns
    -------
    Facets or None
        None if the set has no interior point.
    """
    from . import kernels

    if status is None:
        status = np.full(len(rows), kernels.UNDECIDED, dtype=np.uint8)
    interior = interior_point(rows, d, center)
    if interior is None:
        return None
    zero = [i for i, row in enumerate(rows) if not any(row)]
    groups: dict[IntRow, list[int]] = {}
    for i, row in enumerate(rows):
        if status[i] != kernels.REDUNDANT and any(row[:d]):
            groups.setdefault(primitive(row), []).append(i)
    keys = list(groups)
    decided = [any(status[i] == kernels.FACET for i in groups[key]) for key in keys]
    keep = [True] * len(keys)
    for q, key in enumerate(keys):
        if decided[q]:
            continue
        others = [k for p, k in enumerate(keys) if keep[p] and p != q]
        # g_q >= -1 keeps the program bounded
        relaxed = (*key[:d], key[d] + 1)
        solution = maximize([-v for v in key[:d]], [*others, relaxed], interior)
        assert solution.value is not None
        keep[q] = solution.value > key[d]
    found = [tuple(groups[key]) for q, key in enumerate(keys) if keep[q]]
    return Facets(interior, sorted(found), zero)
