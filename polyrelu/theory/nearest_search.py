"""Best-first search over activation regions for the point nearest to x where something happens.

Two things are looked for: a facet across which the gradient jumps, and a point where a *goal*, an affine function of
the outputs that is negative at x, becomes nonnegative. The queue holds regions, rows of regions (facets to look at or
to cross) and goals of regions, by certified lower bounds of their distance from x; the bound is refined when an entry
comes up for the first time, and the exact answer is computed only for what may be the nearest.

Why nothing is missed: every region that comes nearer to x than r meets the open ball of radius r. The segment from a
point near x to a generic point of it in the ball crosses facets alone, one after the other, each at a distance below r
and from its inner side, whose affine form is nonnegative at x. So it is enough to cross such rows, nearest first.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import lp
from ..enumeration.bfs import start_pattern
from ..errors import CertificationError
from ..exact import UNDERFLOW, IntRow, Point, floats, primitive
from ..network import Layer, Pattern, ReluNetwork
from ..polytope import HPolytope
from .lines import outputs_depend
from .nearest_point import ExactRows, Optimum
from .nearest_proposal import Fit, FloatRows, distance_bounds, dual_norm, size

Mask = npt.NDArray[np.bool_]
# Bytes of affine forms kept in memory; forgotten ones are computed again.
MEMORY = 1 << 28
REGION, ROW, GOAL = range(3)


@dataclass(frozen=True)
class Nearest:
    """The nearest point of a set and what is known of its distance.

    Attributes
    ----------
    lower, upper : float
        Certified bounds of the distance: no point of the set is nearer than ``lower``, ``point`` is as near as
        ``upper``. ``math.inf`` for both if the set is empty.
    power : Fraction, float or None
        The exact distance, its square for the norm 2; ``math.inf`` if the set is empty; None if it is not known.
    point : tuple of Fractions or None
        A point of the set; the nearest one if ``power`` is known.
    neurons : tuple of int
        For jumps of the gradient: the neurons that switch across the facet that holds the point.
    classes : tuple of int
        For decision boundaries of several outputs: the outputs that are largest at the point.
    regions : int
        Number of activation regions searched.
    """

    lower: float
    upper: float
    power: Fraction | float | None
    point: Point | None
    neurons: tuple[int, ...]
    classes: tuple[int, ...]
    regions: int

    @property
    def complete(self) -> bool:
        """True if the distance is exact."""
        return self.power is not None


class _Region:
    """One activation region: its rows in floats, then the walls, then the goals; exact rows on demand."""

    def __init__(self, search: Search, bits: Pattern):
        from .. import kernels

        self.search, self.bits = search, bits
        net, d, N = search.net, search.net.input_dim, search.N
        self.signed = np.concatenate([bits, np.ones(search.goals, dtype=np.uint8)])
        G, E = np.empty((net.neurons, d + 1)), np.empty((net.neurons, d + 1))
        if net.neurons:
            with np.errstate(all="ignore"):
                kernels.affine_forms(net.packed, d, self.signed, G, E, 0)
        G[:N][bits == 0] *= -1
        murky = ~np.isfinite(G).all(axis=1) | ~np.isfinite(E).all(axis=1)
        flat, known = (np.abs(G) <= E)[:, :-1].all(axis=1), ~E[:, :-1].any(axis=1)
        # slopes that may vanish; no slopes, and a constant that may
        murky |= flat & (~known | ((np.abs(G) <= E)[:, -1] & E[:, -1].astype(bool)))
        self._exact: list[IntRow] | None = None
        if murky.any():
            exact = lp.float_rows(self.rows)
            G[murky], E[murky] = exact[0][: len(G)][murky], exact[1][: len(G)][murky]
        # neurons that vanish on the whole region
        self.zero = [i for i in range(N) if not (G[i].any() or E[i].any())]
        # goals come last, so that rows and walls have the same numbers whatever is looked for
        G, E = np.vstack([G[:N], search.walls[0], G[N:]]), np.vstack([E[:N], search.walls[1], E[N:]])
        self.floats = FloatRows(G, E, search.x_float, search.norm)
        self.use = np.ones(len(G), dtype=bool)
        self.use[self.zero] = False
        # rows without slopes hold everywhere
        self.use[(G[:, :-1] == 0).all(axis=1) & (E[:, :-1] == 0).all(axis=1)] = False
        self.use[N + len(search.wall_rows) :] = False

    @property
    def rows(self) -> list[IntRow]:
        """The exact rows of the neurons, then of the goals."""
        if self._exact is None:
            self._exact = self.search.net.region_rows(self.signed)
        return self._exact

    def fit(self, row: int, fit: Fit | None) -> Fit:
        """Propose the nearest point of a facet (a row with equality), or of the region where a goal is reached."""
        use, equality = self.use.copy(), row if row < self.search.N else -1
        use[row] = True
        return self.floats.nearest(use, equality) if fit is None else self.floats.refine(fit, use, equality)

    def exact(self, row: int) -> ExactRows:
        """Return the exact problem of :meth:`fit`; other goals are rows 0."""
        N, rows = self.search.N, self.rows
        walls = len(self.search.wall_rows)
        empty = (0,) * len(rows[0])
        goals = [g if k == row - N - walls else empty for k, g in enumerate(rows[N:])]
        return ExactRows([*rows[:N], *self.search.wall_rows, *goals], self.search.x)

    def cross(self, row: int, fit: Fit) -> Pattern | None:
        """Return the pattern across a row, None if it is no facet or on a wall."""
        if not self.zero and self.floats.proves_facet(row, fit, self.use):
            across = self.bits.copy()
            across[row] ^= 1
            return across
        problem, N = self.exact(row), self.search.N
        found = problem.nearest(row, 2, fit)
        if found is None:
            return None
        same = primitive(self.rows[row])
        value = problem.at(found.point)
        here = [j for j, v in enumerate(value) if v == 0 and any(problem.rows[j][:-1])]
        group = [j for j in here if problem.rows[j] == same]
        if any(j >= N for j in group):
            return None
        # a facet iff some direction from here leaves across this row alone
        cone = [(*problem.rows[j][:-1], 0) for j in here if j not in group]
        leave = (*(-v for v in same[:-1]), -1)
        if ExactRows([*cone, leave], (Fraction(0),) * len(self.search.x)).nearest() is None:
            return None
        return self.search.hidden.cross(self.bits, [*group, *self.zero], [-v for v in same[:-1]])


class Search:
    """One search from one point.

    Parameters
    ----------
    net : ReluNetwork
    domain : HPolytope
        Full-dimensional; it holds x.
    x : tuple of d Fractions
    norm : {1, 2, inf}
    goals : Layer, optional
        Behind the hidden layers of ``net``: functions that are negative at x, and the set is where one of them is not.
        Without goals it is the set where the gradient jumps.
    limit : int, optional
        Regions to be searched at most.

    Examples
    --------
    The nearest kink of relu(x) + relu(y - 2) from (1, 1/2):

    >>> from polyrelu import Box
    >>> net = ReluNetwork([[[1, 0], [0, 1]], [[1, 1]]], [[0, -2], [0]])
    >>> found = Search(net, Box([-4, -4], [4, 4]), (Fraction(1), Fraction(1, 2)), 2).run()
    >>> found.power, found.neurons, found.regions
    (Fraction(1, 1), (0,), 1)
    """

    def __init__(
        self, net: ReluNetwork, domain: HPolytope, x: Point, norm: float, goals: Layer | None = None,
        limit: int | None = None,
    ):  # fmt: skip
        self.hidden, self.domain, self.x, self.norm, self.limit = net, domain, x, norm, limit
        self.N = net.neurons
        self.goals = 0 if goals is None else goals.size
        self.net = net
        if goals is not None:
            self.net = ReluNetwork.from_layers([*net.relu_layers, goals], net.input_dim, output_relu=True)
        self.x_float = floats(x)
        walls = [group[0] for group in domain.facets()] if len(domain) else []
        self.wall_rows: list[IntRow] = [domain.rows[i] for i in walls]
        table, exact = domain.exact.to_float()
        table = np.hstack([-table[walls, :-1], table[walls, -1:]])
        self.walls = table, np.zeros_like(table) if exact else 2.0**-52 * np.abs(table) + UNDERFLOW
        self.queue: list[tuple[float, int, int, bytes, int, Fit | None]] = []
        self.order = itertools.count()
        self.known: set[bytes] = set()
        self.cache: OrderedDict[bytes, _Region] = OrderedDict()
        self.room = 2 + MEMORY // (32 * (self.net.neurons + len(self.wall_rows) + 1) * (net.input_dim + 1))
        self.upper = math.inf
        self.power: Fraction | float = math.inf
        self.best: Optimum | None = None
        self.neurons: tuple[int, ...] = ()
        # what is not proved to be farther although it is settled
        self.floor = math.inf
        self.regions = 0

    def run(self) -> Nearest:
        """Search until nothing nearer can be left, or to the limit."""
        z = self.hidden.preactivations(np.array(self.x, dtype=object))
        bits = (z > 0).astype(np.uint8) if all(z) else start_pattern(self.hidden, self.domain, self.x)
        self._push(0.0, REGION, bits.tobytes())
        while self.queue and self.queue[0][0] < self.upper:
            lower, _, kind, key, row, fit = self.queue[0]
            if kind == REGION and self.limit is not None and self.regions >= self.limit:
                break
            heapq.heappop(self.queue)
            if kind == REGION:
                self._open(key, lower)
                continue
            region = self._region(key)
            # what is only crossed keeps its first bound: a linear program costs more than some regions too many
            if fit is None or not (fit.final or (self.goals and kind == ROW)):
                fit = region.fit(row, fit)
                self._push(max(lower, fit.lower), kind, key, row, fit)
            elif kind == GOAL:
                self._offer(region.exact(row).nearest(-1, self.norm, fit), ())
            else:
                self._look(region, row, fit, lower)
        left = min(self.queue[0][0] if self.queue else math.inf, self.floor)
        return self._result(left)

    def reach(self, power: Fraction, point: Point) -> None:
        """Take note of a point of the set or beyond its boundary: nothing farther is searched."""
        self._offer(Optimum(Fraction(0), power, point), (), proved=False)

    def _push(self, lower: float, kind: int, key: bytes, row: int = -1, fit: Fit | None = None) -> None:
        if lower < self.upper:
            heapq.heappush(self.queue, (lower, next(self.order), kind, key, row, fit))
        if kind == REGION:
            self.known.add(key)

    def _region(self, key: bytes) -> _Region:
        if key not in self.cache:
            self.cache[key] = _Region(self, np.frombuffer(key, dtype=np.uint8))
            if len(self.cache) > self.room:
                self.cache.popitem(last=False)
        self.cache.move_to_end(key)
        return self.cache[key]

    def _open(self, key: bytes, lower: float) -> None:
        """Queue the rows and goals of a region."""
        region = self._region(key)
        self.regions += 1
        rows = region.floats
        for i in np.flatnonzero((region.use & (rows.value + rows.error >= 0))[: self.N]).tolist():
            self._push(max(lower, float(rows.hyperplanes[i])), ROW, key, i)
        first = self.N + len(self.wall_rows)
        for j in range(first, first + self.goals):
            # a form that is positive at x, continued from here, says nothing about the way
            far = float(rows.hyperplanes[j]) if rows.value[j] < 0 else 0.0
            self._push(max(lower, far), GOAL, key, j)

    def _look(self, region: _Region, row: int, fit: Fit, lower: float) -> None:
        """Take a facet for the answer if the gradient jumps there, and cross it if not."""
        across = region.cross(row, fit)
        if across is None:
            return
        changed = np.flatnonzero(across != region.bits)
        if not self.goals and self._jumps(region.bits, across, changed.tolist()):
            found = region.exact(row).nearest(row, self.norm, fit)
            if found is None:
                raise CertificationError(f"a facet of pattern {region.bits.tolist()} is empty")
            self._offer(found, tuple(changed.tolist()))
        elif across.tobytes() not in self.known:
            self._push(lower, REGION, across.tobytes())

    def _jumps(self, bits: Pattern, across: Pattern, changed: Sequence[int]) -> bool:
        if len(changed) == 1:
            return bool(outputs_depend(self.hidden, bits[None], np.array(changed, dtype=np.int64))[0])
        slopes = range(self.hidden.input_dim)
        one, other = (self.hidden.affine_map(b).forms.columns(slopes) for b in (bits, across))
        return one != other

    def _offer(self, found: Optimum | None, neurons: tuple[int, ...], proved: bool = True) -> None:
        if found is None:
            return
        if proved and found.lower < found.power:
            self.floor = min(self.floor, distance_bounds(found.lower, self.norm)[0])
        if found.power < self.power or (proved and found.power == self.power and found.lower == found.power):
            self.power, self.best, self.neurons = found.power, found, neurons
            self.upper = distance_bounds(found.power, self.norm)[1]

    def _result(self, left: float) -> Nearest:
        if self.best is None:
            nowhere = left == math.inf
            return Nearest(left, math.inf, math.inf if nowhere else None, None, (), (), self.regions)
        low, high = distance_bounds(self.best.power, self.norm)
        settled = left >= high and self.best.lower == self.best.power
        return Nearest(
            low if settled else min(left, low), high, self.best.power if settled else None, self.best.point,
            self.neurons, (), self.regions,
        )  # fmt: skip


def reach_goal(search: Search, steps: int = 40) -> None:
    """Look in floats for a point where a goal is reached, straight ahead, and halve the way to it.

    Only a point that is proved to be one counts.
    """
    from .. import kernels

    net, d, N = search.net, search.hidden.input_dim, search.N
    lo, hi = search.domain.outer_floats()
    G, E = np.empty((net.neurons, d + 1)), np.empty((net.neurons, d + 1))
    start = search.x_float
    y = start.copy()

    def reached(p: npt.NDArray[np.float64]) -> bool:
        return bool((net.preactivations(p)[N:] >= 0).any())

    with np.errstate(all="ignore"):
        for _ in range(steps):
            kernels.affine_forms(net.packed, d, net.pattern(y), G, E, 0)
            goals = G[N:]
            dual = np.linalg.norm(goals[:, :-1], dual_norm(search.norm), axis=1)
            value = goals[:, :-1] @ y + goals[:, -1]
            far = np.where(dual > 0, -value / dual, np.inf)
            j = int(np.argmin(far))
            if not far[j] < np.inf:
                return
            y = np.clip(y + 1.125 * far[j] * _steepest(goals[j, :-1], search.norm), lo, hi)
            if not np.isfinite(y).all():
                return
            if reached(y):
                break
        else:
            return
        near, far_end = 0.0, 1.0
        for _ in range(steps):
            middle = (near + far_end) / 2
            near, far_end = (near, middle) if reached(start + middle * (y - start)) else (middle, far_end)
    for factor in (far_end * (1 + 2.0**-30), 1.0):
        point = tuple(Fraction(v) for v in (start + factor * (y - start)).tolist())
        values = net.preactivations(np.array(point, dtype=object))[N:]
        if search.domain.contains(point) and max(values) >= 0:
            search.reach(Fraction(size([a - b for a, b in zip(point, search.x, strict=True)], search.norm)), point)
            return


def _steepest(gradient: Any, norm: float) -> npt.NDArray[np.float64]:
    """Return the direction of length one in which a linear function grows fastest."""
    if norm == 2:
        return np.asarray(gradient / np.linalg.norm(gradient))
    if norm == 1:
        unit = np.zeros(len(gradient))
        i = int(np.argmax(np.abs(gradient)))
        unit[i] = np.sign(gradient[i])
        return unit
    return np.asarray(np.sign(gradient), dtype=np.float64)
