"""Facets of one region in many dimensions: HiGHS proposes, the same error bounds prove.

The counterpart of :func:`polyrelu.kernels.classify` where a dense d x d inverse per pivot is too dear. The states
of the rows and what they prove are the same; only where the proposals come from differs. HiGHS is asked
for vertices and multipliers and never believed.

Legend: ``a_i = g_i / |g_i|`` is a unit row, ``y`` a point relative to the center, ``s_i`` the distance from the
center to the hyperplane of row i.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import kernels
from .kernels import DECIDED, FACET, PARTIAL, REDUNDANT, TINY, UNDECIDED, UNKNOWN, ZERO, U

Floats = npt.NDArray[np.float64]


@np.errstate(all="ignore")  # NaN and infinity fail every comparison that certifies
def classify(
    G: Floats, E: Floats, lo: Floats, hi: Floats, start: Floats
) -> tuple[npt.NDArray[np.uint8], Floats, int]:
    """Sort the rows of a full-dimensional region into facets and redundant rows, with proof or not at all.

    Parameters and results as for :func:`polyrelu.lp.classify`.
    """
    m, d = G.shape[0], len(lo)
    status = np.zeros(m, dtype=np.uint8)
    bounded = bool(np.isfinite(lo).all() and np.isfinite(hi).all())
    norm = np.sqrt((G[:, :d] ** 2).sum(axis=1))
    zero = np.all((G[:, :d] == 0) & (E[:, :d] == 0), axis=1)
    flat = np.all(np.abs(G[:, :d]) <= E[:, :d], axis=1)
    for i in range(m):
        if zero[i] and G[i, d] == 0 and E[i, d] == 0:
            status[i] = ZERO
        elif (zero[i] and G[i, d] > E[i, d]) or (bounded and kernels.minimum_over_box(G, E, i, lo, hi) > 0):
            status[i] = REDUNDANT
        elif flat[i] or not TINY < norm[i] < np.inf:
            status[i] = UNDECIDED
    live = np.flatnonzero(status == UNKNOWN)
    murky = bool((status == UNDECIDED).any())
    a = G[live, :d] / norm[live, None]
    center = _center(a, (G[live, :d] @ start + G[live, d]) / norm[live], start, 1.0 if not bounded else np.inf)
    values = [kernels.certified_value(G, E, i, center) for i in live]
    if murky or not all(value > bound for value, bound in values):
        status[live] = UNDECIDED
        return status, center, PARTIAL
    if len(live):
        _find_facets(G, E, lo, hi, a, np.array([v for v, _ in values]) / norm[live], norm, live, status, center)
    return status, center, PARTIAL if (status == UNDECIDED).any() else DECIDED


def _center(a: Floats, s: Floats, start: Floats, cap: float) -> Floats:
    """Propose a point deep inside: maximise r <= cap with a_i y + s_i >= r, rounded to few bits."""
    d = len(start)
    model = _Model(np.hstack([a, -np.ones((len(a), 1))]), -s)
    cost = np.zeros(d + 1)
    cost[d] = -1.0
    model.solver.changeColBounds(d, -np.inf, cap)
    y = model.minimize(cost)
    if y is None:
        return start
    center = start + y[:d]
    radius = float((a @ y[:d] + s).min(initial=cap))
    if not 0 < radius < np.inf:
        return start
    grid = 2.0 ** np.floor(np.log2(radius / (4.0 * np.sqrt(d))))
    rounded: Floats = np.rint(center / grid) * grid
    return rounded


class _Model:
    """A HiGHS model ``rows @ y >= lower`` with free columns, kept warm between objectives."""

    def __init__(self, rows: Floats, lower: Floats):
        import highspy

        m, n = rows.shape
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = n, m
        lp.col_cost_ = np.zeros(n)
        lp.col_lower_, lp.col_upper_ = np.full(n, -highspy.kHighsInf), np.full(n, highspy.kHighsInf)
        lp.row_lower_, lp.row_upper_ = lower.astype(np.float64), np.full(m, highspy.kHighsInf)
        nonzero = rows != 0
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(nonzero.sum(axis=1))]).astype(np.int32)
        lp.a_matrix_.index_ = np.nonzero(nonzero)[1].astype(np.int32)
        lp.a_matrix_.value_ = rows[nonzero]
        self.n, self.lower = n, lower
        self.solver: Any = highspy.Highs()
        self.solver.setOptionValue("output_flag", False)
        self.solver.setOptionValue("threads", 1)
        self.solver.setOptionValue("presolve", "off")
        self.solver.setOptionValue("simplex_strategy", 4)  # primal: the last vertex stays feasible
        self.solver.passModel(lp)
        self.optimal = highspy.HighsModelStatus.kOptimal
        self.columns = np.arange(n, dtype=np.int32)

    def relax(self, row: int, by: float) -> None:
        """Move one row outwards (0 puts it back)."""
        self.solver.changeRowBounds(row, float(self.lower[row] - by), np.inf)

    def minimize(self, cost: Floats) -> Floats | None:
        """Return a minimiser, or None if HiGHS does not end with one."""
        self.solver.changeColsCost(self.n, self.columns, cost)
        self.solver.run()
        if self.solver.getModelStatus() != self.optimal:
            return None
        return np.asarray(self.solver.getSolution().col_value)

    def multipliers(self) -> Floats:
        """Return the row multipliers of the last minimum."""
        return np.asarray(self.solver.getSolution().row_dual)


def _find_facets(
    G: Floats, E: Floats, lo: Floats, hi: Floats, a: Floats, s: Floats, norm: Floats,
    live: npt.NDArray[np.int64], status: npt.NDArray[np.uint8], center: Floats,
) -> None:  # fmt: skip
    status[live[_near_facets(G[live], E[live], a, s, center)]] = FACET
    unknown = [p for p in np.argsort(s, kind="stable") if status[live[p]] == UNKNOWN]
    if not unknown:
        return
    model = _Model(a, -s)
    radius = float(s.min())
    for p in unknown:
        i = int(live[p])
        model.relax(int(p), s[p] + radius)
        y = model.minimize(a[p])
        multipliers = model.multipliers() if y is not None else None
        model.relax(int(p), 0.0)
        status[i] = UNDECIDED
        if y is None or multipliers is None:
            continue
        if a[p] @ y >= -s[p]:
            used = np.flatnonzero((multipliers > 0) & (np.arange(len(live)) != p))
            weight = multipliers[used] * norm[i] / norm[live[used]]
            if kernels.implied_over_box(G, E, i, live[used], weight, lo, hi):
                status[i] = REDUNDANT
            continue
        # the segment from the center to y meets row p at t < 1; beyond it the other rows are still positive
        t = s[p] / -(a[p] @ y)
        others = status[live] != REDUNDANT
        if _witnesses(G[live[others]], E[live[others]], (center + 0.5 * (1 + t) * y)[None])[others[:p].sum(), 0]:
            status[i] = FACET


def _witnesses(G: Floats, E: Floats, points: Floats) -> npt.NDArray[np.bool_]:
    """Return the matrix W with W[i, k] true iff point k provably violates row i and satisfies all others strictly."""
    d = points.shape[1]
    kappa = (d + 3) * U * (1 + 2.0**-20)
    size = np.abs(points).T
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        bound = E[:, :d] @ size + kappa * (np.abs(G[:, :d]) @ size) + (E[:, d] + kappa * np.abs(G[:, d]))[:, None]
        bound = bound * (1 + (2 * d + 16) * 2.0**-52) + (2 * d + 4) * TINY
        values = G[:, :d] @ points.T + G[:, d:]
    bound[~np.isfinite(values)] = np.inf  # a sum may overflow although its bound does not
    inside, outside = values > bound, -values > bound
    alone: npt.NDArray[np.bool_] = outside & (inside.sum(axis=0) == len(G) - 1)
    return alone


def _near_facets(G: Floats, E: Floats, a: Floats, s: Floats, center: Floats) -> npt.NDArray[np.int64]:
    """Find and prove the facets that have a point near the center beyond them; all the others are left open.

    For each row, an active-set search for the point nearest to the center that violates this row by a
    margin and satisfies all others by a margin. It works on the Gram matrix, so that its cost hardly depends on d.
    """
    gram = a @ a.T
    margin = 2.0**-6 * float(s.min())
    chosen, points = [], []
    for p in range(len(a)):
        y = _nearest_beyond(gram, a, s, p, margin)
        if y is not None:
            chosen.append(p)
            points.append(center + y)
    if not chosen:
        return np.zeros(0, dtype=np.int64)
    proved = _witnesses(G, E, np.array(points))
    return np.array([p for k, p in enumerate(chosen) if proved[p, k]], dtype=np.int64)


def _nearest_beyond(gram: Floats, a: Floats, s: Floats, p: int, margin: float) -> Floats | None:
    """Propose the shortest y with a_p y <= -s_p - margin and a_j y >= -s_j + margin for every other row j."""
    need = margin - s
    need[p] = s[p] + margin
    sign = np.ones(len(s))
    sign[p] = -1.0
    active = [p]
    for _ in range(40):
        while True:
            signed = gram[np.ix_(active, active)] * np.outer(sign[active], sign[active])
            try:
                weight = np.linalg.solve(signed, need[active])
            except np.linalg.LinAlgError:
                return None
            if not (weight[1:] < 0).any():
                break
            active = [j for j, w in zip(active, weight, strict=True) if w >= 0 or j == p]
        if not weight[0] > 0:
            return None
        value = sign * (gram[:, active] @ (sign[active] * weight))
        short = need - value
        short[active] = -np.inf
        worst = np.argsort(short)[-16:]
        new = [int(j) for j in worst if short[j] > 0]
        if not new:
            y: Floats = (sign[active] * weight) @ a[active]
            return y
        active += new
    return None
