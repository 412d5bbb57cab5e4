"""The point of a polyhedron nearest to a given one in the norms 1, 2 and inf: proposals in floats, certified bounds.

Legend: the polyhedron is ``{y : g_j(y) >= 0}``, one row perhaps with equality; ``u = y - x``; ``s_j = g_j(x)`` and
``a_j`` is the linear part of row j, so the rows read ``a_j @ u >= -s_j``. Multipliers y_j >= 0 (of any sign for the
equality) prove ``|u| >= -sum y_j s_j / |sum y_j a_j|`` with the dual norm below: one bound for all three norms,
rigorous for whatever multipliers floats propose. If no u exists, multipliers drive it beyond every number.

The norm 2 is a dual active-set method. In exact arithmetic the objective grows with every change of the set, so that
it ends, with the optimum or with a proof that there is no point; in floats it proposes the set. The norms 1 and inf are
linear programs whose optimal basis, from HiGHS, has as many unknowns as there are active rows, in any dimension.

References
----------
D. Goldfarb and A. Idnani, A numerically stable dual method for solving strictly convex quadratic programs, 1983.
A. Neumaier and O. Shcherbina, Safe bounds in linear and mixed-integer linear programming, 2004.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..exact import UNDERFLOW, UNIT_ROUNDOFF, nearest_floats

Floats = npt.NDArray[np.float64]
# The norm of a gradient that goes with each norm of points.
DUAL = {1: math.inf, 2: 2, math.inf: 1}
# What floats take for zero when they propose; no answer depends on it.
SMALL = 2.0**-36
LARGEST = float(np.finfo(np.float64).max)


def dual_norm(norm: float) -> float:
    """Return the dual of a norm: 1 and inf are each other's, 2 is its own.

    Raises
    ------
    InputError
        Another norm.

    Examples
    --------
    >>> dual_norm(1), dual_norm(2)
    (inf, 2)
    """
    if not isinstance(norm, int | float) or isinstance(norm, bool) or norm not in DUAL:
        raise InputError(f"norm is {norm!r}; choose 1, 2 or math.inf")
    return DUAL[norm]


def size(u: Sequence[Any], norm: float) -> Any:
    """Return the norm of an exact vector; its square for the norm 2.

    Examples
    --------
    >>> [size([3, -4], p) for p in (1, 2, math.inf)]
    [7, 25, 4]
    """
    if norm == 2:
        return sum(v * v for v in u)
    return sum(map(abs, u)) if norm == 1 else max(map(abs, u))


def distance_bounds(power: Fraction, norm: float) -> tuple[float, float]:
    """Return the nearest floats below and above a distance given as a :func:`size`.

    Examples
    --------
    >>> distance_bounds(Fraction(1, 4), 2), distance_bounds(Fraction(1, 4), 1)
    ((0.5, 0.5), (0.25, 0.25))
    """
    low = high = power
    if norm == 2:
        # 128 bits of the root
        shift = max(0, 128 - (power.numerator.bit_length() - power.denominator.bit_length()) // 2)
        square = (power.numerator << 2 * shift) // power.denominator
        root = math.isqrt(square)
        whole = root * root * power.denominator == power.numerator << 2 * shift
        low, high = Fraction(root, 1 << shift), Fraction(root + (not whole), 1 << shift)
    return float(nearest_floats([low], -1)[0]), float(nearest_floats([high], +1)[0])


# -- the dual active-set method, in floats or exactly ------------------------------------
class Program(Protocol):
    """What the method asks of the rows; :class:`FloatRows` has the answers in floats, ``ExactRows`` exactly."""

    def violated(self, active: list[int], weights: list[Any]) -> tuple[int, Any] | None:
        """Return the row violated most, and its value; None if all rows hold."""

    def entry(self, i: int, j: int) -> Any:
        """Return the product of the linear parts of two rows."""

    def solve(self, active: list[int], j: int) -> list[Any]:
        """Return the combination of active rows nearest to row j."""

    def positive(self, value: Any) -> bool:
        """Tell whether a number is positive."""


class Active(NamedTuple):
    """Active rows with their multipliers; without a point (``feasible`` False) they prove that there is none."""

    rows: list[int]
    weights: list[Any]
    feasible: bool


def active_set(program: Program, rows: list[int], weights: list[Any], equality: int, steps: int = -1) -> Active:
    """Go on from rows with nonnegative multipliers that are optimal for these rows alone."""
    rows, weights = list(rows), list(weights)
    while steps and (worst := program.violated(rows, weights)) is not None:
        j, value = worst
        weight = 0 * value
        while steps:
            steps -= 1
            turn = program.solve(rows, j)
            square = program.entry(j, j) - sum(r * program.entry(k, j) for r, k in zip(turn, rows, strict=True))
            free = program.positive(square)
            drops = [
                (weights[k] / turn[k], k) for k in range(len(rows)) if rows[k] != equality and program.positive(turn[k])
            ]
            if not drops and not free:
                return Active([*rows, j], [*(-r for r in turn), 1 + 0 * value], False)
            first, out = min(drops, default=(None, -1))
            full = free and (first is None or -value <= first * square)
            step = -value / square if full else first
            weights = [w - step * r for w, r in zip(weights, turn, strict=True)]
            weight += step
            if full:
                rows.append(j)
                weights.append(weight)
                break
            if free:
                value += step * square
            del rows[out], weights[out]
    return Active(rows, weights, True)


# -- floats ---------------------------------------------------------------------------
class Fit(NamedTuple):
    """A proposal in floats.

    Attributes
    ----------
    rows : list of int
        The active rows.
    weights : ndarray
        Their multipliers, of the rows divided by their length.
    u : ndarray
        From x to the nearest point.
    lower : float
        Certified: no point of the set is nearer.
    final : bool
        False if :meth:`FloatRows.refine` may improve it.
    """

    rows: list[int]
    weights: Floats
    u: Floats
    lower: float
    final: bool


class FloatRows:
    """Rows as floats with error bounds, and a point: proposals, and bounds that hold for the true rows.

    Parameters
    ----------
    G, E : ndarray of shape (n, d + 1)
        Affine forms, and bounds on the errors of their entries.
    x : ndarray of shape (d,)
        A point, rounded to nearest.
    norm : {1, 2, inf}
    """

    def __init__(self, G: Floats, E: Floats, x: Floats, norm: float):
        self.G, self.E, self.x, self.norm, self.d = G, E, x, norm, len(x)
        self.dual = dual_norm(norm)
        length = _lengths(G[:, :-1], 2)
        self.live = (length > 0) & np.isfinite(length)
        self.length = np.where(self.live, length, 1.0)
        self.unit = G[:, :-1] / self.length[:, None]
        self.value, self.error = self.values(x)
        self.blur = _lengths(E[:, :-1], 2) / self.length
        self._columns: dict[int, Floats] = {}
        self._use = self.live

    @np.errstate(all="ignore")
    def values(self, y: Floats) -> tuple[Floats, Floats]:
        """Return all rows at a point, divided by their lengths, and bounds on the errors."""
        at, n = np.append(y, 1.0), np.abs(np.append(y, 1.0))
        bound = (self.E @ n + (self.d + 6) * UNIT_ROUNDOFF * (np.abs(self.G) @ n)) * (1 + 2.0**-20)
        bound = bound + UNDERFLOW * (np.abs(self.G).sum(axis=1) + n.sum() + self.d + 4)
        value, error = self.G @ at / self.length, bound / self.length * (1 + 2.0**-20)
        error[~np.isfinite(value)] = np.inf
        return value, error + 4 * UNIT_ROUNDOFF * np.abs(value)

    @functools.cached_property
    @np.errstate(all="ignore")
    def hyperplanes(self) -> Floats:
        """For each row a bound on the distance from x to its hyperplane: none is nearer. 0 if nothing is known."""
        norms = _lengths(self.G[:, :-1], self.dual) + _lengths(self.E[:, :-1], self.dual) + UNDERFLOW
        reach = (np.abs(self.value) - self.error) * self.length / norms * (1 - 2.0**-40)
        return np.where(reach > 0, np.minimum(reach, LARGEST), 0.0)

    @np.errstate(all="ignore")
    def bound(self, rows: Sequence[int], weights: Floats) -> float:
        """Return a distance that every point of the set has at least, proved by multipliers: any that are given."""
        if not len(rows):
            return 0.0
        pick, y = list(rows), weights / self.length[list(rows)]
        k = len(pick)
        slack, grow = (k + self.d + 8) * 2.0**-52, 1 + 2.0**-40
        value, error = self.value[pick] * self.length[pick], self.error[pick] * self.length[pick]
        reach = -(y @ value) - (np.abs(y) @ (error + slack * np.abs(value))) * grow - UNDERFLOW
        spread = np.abs(y) @ (self.E[pick, :-1] + slack * np.abs(self.G[pick, :-1]))
        length = float(_lengths(np.array([y @ self.G[pick, :-1], spread]), self.dual).sum()) * grow
        if not (reach > 0 and np.isfinite(reach) and np.isfinite(length)):
            return 0.0
        return min(float(reach / (length + UNDERFLOW) * (1 - 2.0**-40)), LARGEST)

    # the program of the norm 2
    def _column(self, j: int) -> Floats:
        if j not in self._columns:
            self._columns[j] = self.unit @ self.unit[j]
        return self._columns[j]

    def entry(self, i: int, j: int) -> float:
        """Return the product of two unit rows."""
        return float(self._column(i)[j])

    def solve(self, active: list[int], j: int) -> list[float]:
        """Return the combination of active rows nearest to row j."""
        if not active:
            return []
        gram = np.array([self._column(k)[active] for k in active])
        try:
            found = np.linalg.solve(gram, self._column(j)[active])
        except np.linalg.LinAlgError:
            found = np.linalg.lstsq(gram, self._column(j)[active], rcond=SMALL)[0]
        return [float(v) for v in found]

    def positive(self, value: float) -> bool:
        """Tell whether a number is worth to be taken for positive."""
        return value > SMALL

    def violated(self, active: list[int], weights: list[float]) -> tuple[int, float] | None:
        """Return the row violated most, and its value; None if all rows hold."""
        value = self.value + sum((w * self._column(k) for w, k in zip(weights, active, strict=True)), np.zeros(1))
        short = np.where(self._use, value + SMALL * (np.abs(self.value) + sum(map(abs, weights))), 1.0)
        short[active] = 1.0
        j = int(np.argmin(short))
        return (j, float(value[j])) if short[j] < 0 else None

    def nearest(self, use: npt.NDArray[np.bool_], equality: int = -1) -> Fit:
        """Propose the point of the set nearest to x, using some of the rows, one of them perhaps with equality.

        In the norms 1 and inf the point nearest in the norm 2, with a bound that is true and not yet the best.
        """
        self._use = use & self.live
        start, weights = ([equality], [-float(self.value[equality])]) if equality >= 0 else ([], [])
        active = active_set(self, start, weights, equality, steps=20 + 4 * len(self.value))
        rows = active.rows
        y = np.array(active.weights, dtype=np.float64)
        keep = (np.array(rows, dtype=np.int64) == equality) | (y >= 0)
        lower = self.bound(rows, np.where(keep, y, 0.0))
        return Fit(rows, y, y @ self.unit[rows], lower, self.norm == 2 or not active.feasible or not rows)

    def refine(self, fit: Fit, use: npt.NDArray[np.bool_], equality: int = -1) -> Fit:
        """Propose the nearest point in the norm 1 or inf by linear programs with more and more rows."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_array, eye_array, hstack, vstack

        self._use = use & self.live
        d, rows, fit = self.d, list(fit.rows), fit._replace(final=True)
        for _ in range(40):
            a, b = self.unit[rows], -self.value[rows]
            bounds: Any
            if self.norm == 1:  # u = p - n
                cost, lines, limits, bounds = np.ones(2 * d), csr_array(np.hstack([-a, a])), -b, (0, None)
            else:
                eye, one = eye_array(d, format="csr"), np.ones((d, 1))
                cost, bounds = np.append(np.zeros(d), 1.0), (None, None)
                lines = vstack([hstack([csr_array(-a), csr_array((len(rows), 1))]), hstack([eye, -one]),
                                hstack([-eye, -one])], format="csr")  # fmt: skip
                limits = np.concatenate([-b, np.zeros(2 * d)])
            exact = np.array([r == equality for r in rows] + [False] * (len(limits) - len(rows)))
            done = linprog(cost, lines[~exact], limits[~exact], lines[exact] if exact.any() else None,
                           limits[exact] if exact.any() else None, bounds, method="highs")  # fmt: skip
            if done.status != 0:
                return fit
            u = done.x[:d] - done.x[d:] if self.norm == 1 else done.x[:d]
            y = np.zeros(len(limits))
            y[~exact] = np.maximum(-done.ineqlin.marginals, 0.0)
            if exact.any():
                y[exact] = -done.eqlin.marginals
            y = y[: len(rows)]
            lower = self.bound(rows, y)
            if lower > fit.lower or not done.fun > 0:
                fit = Fit(rows, y, u, lower, True)
            value = self.value + self.unit @ u
            short = np.where(self._use, value + SMALL * (np.abs(self.value) + np.abs(u).sum()), 1.0)
            short[rows] = 1.0
            new = [int(j) for j in np.argsort(short)[:8] if short[j] < 0]
            if not new:
                return Fit(rows, y, u, fit.lower, True)
            rows = rows + new
        return fit

    @np.errstate(all="ignore")
    def proves_facet(self, i: int, fit: Fit, use: npt.NDArray[np.bool_]) -> bool:
        """Tell whether floats prove that row i, and no other one, vanishes on a facet of the set.

        Rows that are independent vanish together at a point near y; where all others are positive there, some
        direction makes all of them positive but row i.
        """
        y = self.x + fit.u
        value, error = self.values(y)
        near = use & self.live & (value - error <= SMALL * (1 + np.abs(fit.u).sum()))
        near[[r for r in fit.rows if use[r]]] = True
        near[i] = True
        rows = np.flatnonzero(near)
        if len(rows) > self.d or not (self.blur[rows] < 2.0**-30).all():
            return False
        least = float(np.linalg.eigvalsh(self.unit[rows] @ self.unit[rows].T)[0])
        if not least > 2.0**-16:
            return False
        # to the point where they vanish: a quarter of the square covers errors of the rows and of eigenvalues
        shift = math.sqrt(float(((np.abs(value[rows]) + error[rows]) ** 2).sum()) / (least / 4))
        others = use & ~near
        clear = self.live[others] & (value[others] - error[others] > 2 * shift)
        return math.isfinite(shift) and bool(clear.all())


def _lengths(rows: Floats, norm: float) -> Floats:
    """Return the norms of rows; squares neither overflow nor underflow."""
    top = np.abs(rows).max(axis=1, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    found: Floats = np.linalg.norm(rows / scale[:, None], norm, axis=1) * scale
    return found
