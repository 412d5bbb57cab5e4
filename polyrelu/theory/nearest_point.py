"""The point of a polyhedron nearest to a given one in the norms 1, 2 and inf, exactly.

The norm 2 by the dual active-set method of :mod:`polyrelu.theory.nearest_proposal` in rational arithmetic, from
proposed rows if their multipliers allow it. The norms 1 and inf by the basis that floats propose, in small square
systems, or by an exact linear program in few dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .. import lp
from ..exact import IntRow, Point, RationalMatrix, floats, integer_column, integer_matrix, integer_point
from .nearest_proposal import SMALL, Fit, active_set, dual_norm, size


class Optimum(NamedTuple):
    """The nearest point of a set.

    Attributes
    ----------
    lower, power : Fraction
        Bounds on the :func:`size` of the way from x to the set; equal if the point is proved to be nearest.
    point : tuple of Fractions
        A point of the set, at ``power``.
    """

    lower: Fraction
    power: Fraction
    point: Point


class ExactRows:
    """Rows of integers and a rational point: the exact counterpart of ``FloatRows``.

    Parameters
    ----------
    rows : sequence of (d + 1)-tuples of int
    x : tuple of d Fractions

    Examples
    --------
    From the origin to the triangle with the corners (1, 1), (2, 1), (1, 2), and to its long edge:

    >>> triangle = ExactRows([(1, 0, -1), (0, 1, -1), (-1, -1, 3)], (Fraction(0), Fraction(0)))
    >>> triangle.nearest().power, triangle.nearest(equality=2).power
    (Fraction(2, 1), Fraction(9, 2))
    >>> triangle.nearest(norm=1).power
    Fraction(2, 1)
    """

    def __init__(self, rows: Sequence[IntRow], x: Point):
        self.rows, self.x, self.d = list(rows), x, len(x)
        self.matrix = integer_matrix(self.rows, self.d + 1)
        self.value = self.at(x)
        self._products: dict[tuple[int, int], int] = {}
        # to compare rows of different lengths
        self._scale = [max(map(abs, row[:-1]), default=0) or 1 for row in self.rows]
        # walls of a box have one slope
        self._single: dict[int, int] = {}

    def at(self, y: Sequence[Fraction]) -> list[Fraction]:
        """Return all rows at a point."""
        numerators, den = integer_point(y)
        return [Fraction(v, den) for (v,) in (self.matrix @ integer_column((*numerators, den))).integers()]

    def _combination(self, rows: Sequence[int], weights: Sequence[Fraction]) -> list[Fraction]:
        if not rows:
            return [Fraction(0)] * self.d
        numerators, den = integer_point(weights)
        table = integer_matrix([self.rows[k][:-1] for k in rows], self.d)
        total = integer_matrix([numerators], len(rows)) @ table
        return [Fraction(v, den) for v in total.integers()[0]]

    def entry(self, i: int, j: int) -> int:
        """Return the product of the linear parts of two rows."""
        key = (i, j) if i < j else (j, i)
        if key not in self._products:
            a, b = self.rows[i], self.rows[j]
            one = max(self._only_slope(i), self._only_slope(j))
            if one >= 0:
                self._products[key] = a[one] * b[one]
            else:
                self._products[key] = sum(v * w for v, w in zip(a[:-1], b[:-1], strict=True))
        return self._products[key]

    def _only_slope(self, i: int) -> int:
        """Return the coordinate that a row depends on, -1 if there are several."""
        if i not in self._single:
            slopes = [k for k, v in enumerate(self.rows[i][:-1]) if v]
            self._single[i] = slopes[0] if len(slopes) == 1 else -1
        return self._single[i]

    def _solve(self, active: Sequence[int], right: Sequence[Any]) -> list[Fraction] | None:
        if not active:
            return []
        gram = integer_matrix([[self.entry(i, j) for j in active] for i in active], len(active))
        return _column(gram, right)

    def solve(self, active: list[int], j: int) -> list[Fraction]:
        """Return the combination of active rows nearest to row j."""
        found = self._solve(active, [self.entry(k, j) for k in active])
        assert found is not None  # active rows are independent
        return found

    def positive(self, value: Fraction) -> bool:
        """Tell whether a number is positive."""
        return value > 0

    def violated(self, active: list[int], weights: list[Fraction]) -> tuple[int, Fraction] | None:
        """Return the row violated most, and its value; None if all rows hold."""
        value = self.at([a + b for a, b in zip(self.x, self._combination(active, weights), strict=True)])
        bad = [j for j, v in enumerate(value) if v < 0]
        if not bad:
            return None
        j = min(bad, key=lambda k: value[k] / self._scale[k])
        return j, value[j]

    def nearest(self, equality: int = -1, norm: float = 2, fit: Fit | None = None) -> Optimum | None:
        """Return the point nearest to x, or None if there is no point; one row may hold with equality.

        A proposal that is right saves the search, and no other does harm. In the norms 1 and inf, in more than 32
        dimensions, only a proposal that is right is proved; otherwise ``lower`` may stay below ``power``.
        """
        start = [equality] if equality >= 0 else []
        weights = self._solve(start, [-self.value[k] for k in start])
        if weights is None:  # a row without slopes
            if self.value[equality]:
                return None
            start, weights = [], []
        if fit is not None:
            proposed = [k for k in fit.rows if k != equality]
            better = self._solve([*start, *proposed], [-self.value[k] for k in (*start, *proposed)])
            if better is not None and all(w >= 0 for w in better[len(start) :]):
                start, weights = [*start, *proposed], better
        active = active_set(self, start, weights, equality)
        if not active.feasible:
            return None
        u = self._combination(active.rows, active.weights)
        lower = self._bound(active.rows, active.weights, norm)
        best = Optimum(lower, Fraction(size(u, norm)), tuple(a + b for a, b in zip(self.x, u, strict=True)))
        if best.lower == best.power:
            return best
        if fit is not None:
            best = self._improve(best, fit, equality, norm)
        if best.lower < best.power and self.d <= lp.SMALL_DIMENSION:
            return self._linear_program(best, equality, norm)
        return best

    def _bound(self, rows: Sequence[int], weights: Sequence[Fraction], norm: float) -> Fraction:
        """Return what multipliers prove of the size of the way to the set."""
        reach = -sum((w * self.value[k] for k, w in zip(rows, weights, strict=True)), Fraction(0))
        if reach <= 0:
            return Fraction(0)
        length = Fraction(size(self._combination(rows, weights), dual_norm(norm)))
        return reach * reach / length if norm == 2 else reach / length

    def _improve(self, best: Optimum, fit: Fit, equality: int, norm: float) -> Optimum:
        """Solve the proposed basis of a linear program: as many unknowns as active rows."""
        top = float(np.abs(fit.weights).max(initial=0.0))
        pairs = [(k, w) for k, w in zip(fit.rows, fit.weights.tolist(), strict=True) if abs(w) > SMALL * top]
        rows = [k for k, _ in pairs]
        lengths = [math.sqrt(float(v)) if (v := Fraction(self.entry(k, k), self._scale[k] ** 2)) else 1.0 for k in rows]
        weights = [Fraction(w / n) / self._scale[k] for (k, w), n in zip(pairs, lengths, strict=True)]
        best = best._replace(lower=max(best.lower, self._bound(rows, weights, norm)))
        if not rows:
            return best
        w = floats(self._combination(rows, weights))
        w /= np.abs(w).max() or 1.0
        u, zero = fit.u, np.abs(w) <= SMALL
        sign = [int(v) for v in np.where(w == 0, np.sign(u), np.sign(w))]
        reach = np.abs(u)
        table = [self.rows[k][:-1] for k in rows]
        if norm == 1:
            moved = np.lexsort([-np.abs(w), -reach])[: len(rows)].tolist()
            left = [[row[i] for i in moved] for row in table]
        else:
            moved = np.lexsort([reach, ~zero])[: len(rows) - 1].tolist()
            rest = sorted(set(range(self.d)) - set(moved))
            left = [[*(row[i] for i in moved), sum(row[i] * sign[i] for i in rest)] for row in table]
        if len(left[0]) != len(rows):
            return best
        square = integer_matrix(left, len(rows))
        steps = _column(square, [-self.value[k] for k in rows])
        right = [sign[i] for i in moved] if norm == 1 else [0] * len(moved) + [1]
        multipliers = _column(square.transpose(), right)
        if steps is None or multipliers is None:
            return best
        way = [Fraction(0)] * self.d
        if norm == math.inf:
            way = [s * steps[-1] for s in sign]
        for i, v in zip(moved, steps, strict=False):
            way[i] = v
        y = tuple(a + b for a, b in zip(self.x, way, strict=True))
        value = self.at(y)
        power = Fraction(size(way, norm))
        if power < best.power and all(v >= 0 for v in value) and (equality < 0 or not value[equality]):
            best = best._replace(power=power, point=y)
        if all(m >= 0 or k == equality for k, m in zip(rows, multipliers, strict=True)):
            best = best._replace(lower=max(best.lower, self._bound(rows, multipliers, norm)))
        return best

    def _linear_program(self, best: Optimum, equality: int, norm: float) -> Optimum:
        """Minimize the norm by an exact linear program: in (y, t), or in (y, t_1 .. t_d) for the norm 1."""
        d, extra = self.d, self.d if norm == 1 else 1
        numerators, den = integer_point(self.x)
        rows = [(*row[:-1], *([0] * extra), row[-1]) for row in self.rows]
        if equality >= 0:
            rows.append(tuple(-v for v in rows[equality]))
        for i in range(d):
            for s in (1, -1):
                line = [0] * (d + extra + 1)
                line[i], line[d + (i if norm == 1 else 0)], line[-1] = s * den, den, -s * numerators[i]
                rows.append(tuple(line))
        far = [abs(a - b) for a, b in zip(best.point, self.x, strict=True)]
        start = (*best.point, *(far if norm == 1 else [best.power]))
        solution = lp.maximize([0] * d + [-1] * extra, rows, start)
        assert solution.value is not None and solution.point is not None
        return Optimum(-solution.value, -solution.value, solution.point[:d])


def _column(matrix: RationalMatrix, right: Sequence[Any]) -> list[Fraction] | None:
    """Solve a square system; None if it is singular."""
    numerators, den = integer_point([Fraction(v) for v in right])
    found = matrix.solve(integer_column(numerators))
    return None if found is None else [Fraction(v, found.den * den) for (v,) in found.integers()]
