"""Branch and bound over partial dichotomies: its arrays, a good first fit, and the loop around the kernel.

A branch has decided the side of the first points for every neuron: level k of the cell tree, the number of positive
neurons, and one cell for each neuron, in order among neurons of equal sign (they are interchangeable). Its bound is
the best fit of the decided labels by the cones of its cells plus a bound on the others. Its children decide one point
more. The branches that are finished cover every choice of signs and dichotomies exactly once: their choices add up to
``sum_p C(T + p - 1, p) C(T + w - p - 1, w - p)`` for T dichotomies and w neurons.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import CertificationError
from ..exact import floats, nearest_floats
from . import fit_kernels
from .convex_fit import ConeFit, Loss, fit_cone_exactly
from .dichotomies import CellTree
from .fit_kernels import CUT, Problem, fit_cone

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Branches that one task looks at before it reports.
BUDGET = 20_000
# First branches that are made at a time: many dimensions have more than fit into memory.
ROOTS = 4096


class FitStatus(NamedTuple):
    """What a progress callback is told.

    Attributes
    ----------
    branches : int
        Looked at so far.
    fraction : float
        Share of all choices of signs and dichotomies that is finished (for display).
    value : float
        Mean loss of the best network so far.
    seconds : float
        Since the search began.
    """

    branches: int
    fraction: float
    value: float
    seconds: float


@dataclass
class Level:
    """Cells of the search that have decided the same points.

    ``rays`` and ``children`` list their extreme rays and their cells on the next level; ``bends`` says behind which
    point a neuron bends (0: nowhere yet, or data that are not on a line); ``final`` names the cells of the tree, on the
    last level alone.
    """

    decided: int
    rays: list[tuple[int, ...]]
    children: list[tuple[int, ...]]
    bends: list[int]
    final: list[int] = field(default_factory=list)


@dataclass
class Task:
    """One data set, loss and width, exactly and as arrays.

    Attributes
    ----------
    tree : CellTree
    labels : list of Fraction
        In the order of the rows: all labels of the first point of the tree, then of the second, and so on.
    power : Fraction
        What the labels were divided by, a power of two.
    unit : Fraction
        Exact sum of losses = unit * the kernel's sum.
    levels : list of Level
        Of the search; the last one has the cells of the last level of the tree.
    offsets : list of int
        Number of the first cell of every level.
    """

    tree: CellTree
    labels: list[Fraction]
    loss: Loss
    width: int
    power: Fraction
    unit: Fraction
    problem: Problem
    levels: list[Level]
    offsets: list[int]

    @classmethod
    def of(cls, tree: CellTree, y: Sequence[Fraction], loss: Loss, width: int) -> Task:
        """Build the arrays of a search."""
        labels = [y[j] for copies in tree.order for j in copies]
        point = [k for k, copies in enumerate(tree.order) for _ in copies]
        top = max(abs(v) for v in labels)
        # a power of two near the largest label: scaling is exact
        power = Fraction(2) ** (top.numerator.bit_length() - top.denominator.bit_length() + 1 if top else 0)
        if loss.name == "hinge":
            power = Fraction(1)  # its labels are -1 and 1
        scaled = [v / power for v in labels]
        kappa, unit = loss.kappa, power**2 if loss.kappa else power
        if loss.name == "huber":
            # No optimum is worse than p = 0, of loss n / 2 at most: an error beyond 2n does not occur, so that a larger
            # delta changes nothing. With a small one slopes count in units of delta.
            edge = min(loss.delta / power, Fraction(2 * len(labels)))
            kappa = min(edge, Fraction(1))
            unit *= kappa
            # rounded towards zero: a smaller box is still a proof
            side = float(nearest_floats([edge / kappa], -1)[0])
            lo, hi = np.full(len(labels), -side), np.full(len(labels), side)
        else:
            boxes = [loss.box(v) for v in scaled]
            lo = np.array([-np.inf if low is None else float(low) for low, _ in boxes])
            hi = np.array([np.inf if high is None else float(high) for _, high in boxes])
        values, kinds = _values(tree, point)
        levels = _levels(tree)
        offsets = [0, *np.cumsum([len(level.rays) for level in levels]).tolist()]
        flat = [rays for level in levels for rays in level.rays]
        child = np.full((len(flat), 2), -1, dtype=np.int64)
        leaves = np.ones(len(flat), dtype=np.int64)
        for level in range(len(levels) - 2, -1, -1):
            for i, links in enumerate(levels[level].children):
                numbers = [offsets[level + 1] + c for c in links]
                child[offsets[level] + i, : len(numbers)] = numbers
                leaves[offsets[level] + i] = leaves[numbers].sum()
        problem = Problem(
            values=values,
            kinds=kinds[[level.decided - tree.r for level in levels]],
            y=np.array([float(v) for v in scaled]),
            lo=lo,
            hi=hi,
            kappa=float(nearest_floats([kappa], 1)[0]),  # more curvature, less loss
            point=np.array(point, dtype=np.int64),
            rows=np.array([sum(p < level.decided for p in point) for level in levels], dtype=np.int64),
            ray_ptr=np.array([0, *np.cumsum([len(rays) for rays in flat])], dtype=np.int64),
            ray=np.array([ray for rays in flat for ray in rays], dtype=np.int64),
            child=child,
            leaves=leaves,
            bend=np.array([bend for level in levels for bend in level.bends], dtype=np.int64),
            piece=np.zeros((0, 0)),
            tail=np.zeros((0, 0, 0)),
            rest=np.zeros((0, 0)),
            floor=np.zeros((0, 0)),
            rank=tree.r,
        )
        bounds = _remaining(tree, problem, width)
        rows = [level.decided - tree.r for level in levels]
        arrays: dict[str, Any] = {name: b if name == "piece" else b[rows] for name, b in bounds.items()}
        problem = problem._replace(**arrays)
        return cls(tree, labels, loss, width, power, unit, problem, levels, offsets)

    @property
    def choices(self) -> int:
        """Number of choices of signs and dichotomies, equal neurons taken once."""
        return count_choices(self.tree.cells, self.width)

    def roots(self) -> Iterator[Ints]:
        """Yield the branches that have decided the first points alone, some at a time."""
        cells, w = range(len(self.levels[0].rays)), self.width
        pick = itertools.combinations_with_replacement
        nodes = ((0, p, *a, *b) for p in range(w + 1) for a in pick(cells, p) for b in pick(cells, w - p))
        while some := list(itertools.islice(nodes, ROOTS)):
            yield np.array(some, dtype=np.int64)

    def top(self) -> Ints:
        """Return the branches that have decided nothing but the signs: everything."""
        return np.array([[-1, p] + [0] * self.width for p in range(self.width + 1)], dtype=np.int64)

    def leaf(self, plus: int, cells: Sequence[int]) -> list[int]:
        """Return the branch of final cells given by their numbers on the last level."""
        first, others = sorted(cells[:plus]), sorted(cells[plus:])
        return [len(self.levels) - 1, plus, *(self.offsets[-2] + c for c in [*first, *others])]

    def generators(self, node: Sequence[int]) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
        """Return the generators of one branch on the decided rows, in integers, and their names (neuron, ray)."""
        k = int(self.problem.rows[node[0]])
        names: list[tuple[int, int]] = []
        V: list[tuple[int, ...]] = []
        for neuron, cell in enumerate(node[2:]):
            for ray in self.problem.ray[self.problem.ray_ptr[cell] : self.problem.ray_ptr[cell + 1]].tolist():
                relu = self.tree.values(ray)
                column = tuple(relu[p] if neuron < node[1] else -relu[p] for p in self.problem.point[:k].tolist())
                if any(column) and column not in V:
                    names.append((neuron, ray))
                    V.append(column)
        return V, names

    def solve_exactly(self, node: Sequence[int]) -> tuple[ConeFit, list[tuple[int, int]]]:
        """Return the exact optimum of one branch and its generators as (neuron, ray)."""
        V, names = self.generators(node)
        k = int(self.problem.rows[node[0]])
        return fit_cone_exactly(V, self.labels[:k], self.loss, self._hint(V, k)), names

    def covered_by(self, nodes: Sequence[Sequence[int]]) -> bool:
        """Prove that branches leave no choice out and have none in common.

        In the tree of branches none of them lies below another, and the choices below them, counted anew, add up to
        the closed formula.
        """
        above: dict[int, int] = {}
        below = dict.fromkeys(range(self.offsets[-2], self.offsets[-1]), 1)
        for level in range(len(self.levels) - 2, -1, -1):
            first, start = self.offsets[level : level + 2]
            for i, links in enumerate(self.levels[level].children):
                if any(start + c in above for c in links):
                    return False
                above |= dict.fromkeys((start + c for c in links), first + i)
                below[first + i] = sum(below[start + c] for c in links)
        chosen = {tuple(node) for node in nodes}
        whole = len(self.levels[-1].final) == self.tree.cells == len(set(self.levels[-1].final))
        if len(chosen) < len(nodes) or not whole or len(above) != self.offsets[-1] - self.offsets[1]:
            return False
        total = 0
        for level, plus, *cells in chosen:
            groups = cells[:plus], cells[plus:]
            if level < 0:
                total += math.prod(math.comb(self.tree.cells + len(group) - 1, len(group)) for group in groups)
                continue
            if any(not self.offsets[level] <= c < self.offsets[level + 1] for c in cells):
                return False
            if any(list(group) != sorted(group) for group in groups):
                return False
            total += math.prod(
                math.comb(below[c] + group.count(c) - 1, group.count(c)) for group in groups for c in set(group)
            )
            while level >= 0:
                level -= 1
                cells = [above[c] for c in cells] if level >= 0 else [0] * self.width
                if (level, plus, *cells) in chosen:
                    return False
        return total == self.choices

    def _hint(self, V: Sequence[Sequence[int]], k: int) -> list[Fraction]:
        if not V:
            return []
        tops = [max(abs(v) for v in column) for column in V]
        A = np.array([[float(Fraction(v, top)) for v in column] for column, top in zip(V, tops, strict=True)])
        weight, q, p = np.empty(len(V)), np.empty(k), self.problem
        none = np.zeros(len(V), dtype=np.int64)
        fit_cone(A, len(V), k, p.y, p.lo, p.hi, p.kappa, none, 0, math.inf, True, weight, q)
        # labels and generators had been scaled
        return [
            Fraction(w) * self.power / top if math.isfinite(w) else Fraction(0)
            for w, top in zip(weight.tolist(), tops, strict=True)
        ]


def count_choices(cells: int, width: int) -> int:
    """Return the number of choices of signs and dichotomies, neurons of equal sign interchangeable.

    Examples
    --------
    Two neurons, both positive, both negative, or one of each:

    >>> count_choices(4, 2) == 10 + 10 + 4 * 4
    True
    """
    return sum(math.comb(cells + p - 1, p) * math.comb(cells + width - p - 1, width - p) for p in range(width + 1))


class ExactBounds:
    """The bounds of branches once more in rationals, by exact fits that prove themselves; slow.

    The relaxations are those of the kernel (:func:`_remaining`): the decided rows by the cones of the branch and every
    other point by itself, or data on a line piece by piece. No float takes part.
    """

    def __init__(self, task: Task):
        self.task = task
        point = task.problem.point.tolist()
        self._rows = [[j for j, p in enumerate(point) if p == k] for k in range(len(task.tree.rows))]
        self._found: dict[tuple[Any, ...], Fraction] = {}

    def reaches(self, node: Sequence[int], goal: Fraction) -> bool:
        """Tell whether the loss of every network in a branch is proved to be at least a goal."""
        level, plus, *cells = node
        if goal <= 0:
            return True
        if level < 0:
            return False
        bends = [int(self.task.problem.bend[c]) for c in cells]
        if self.task.tree.r == 2 and self._in_pieces(self.task.levels[level].decided, bends) >= goal:
            return True
        side = 2 if plus == len(cells) else 0 if plus == 0 else 1
        rest = self._undecided(self.task.levels[level].decided, bends.count(0), side)
        return rest >= goal or self.task.solve_exactly(node)[0].value + rest >= goal

    def _fit(self, first: int, last: int, columns: Sequence[Sequence[int]]) -> Fraction:
        """Return the least loss of points by a cone; a column has one integer for every point."""
        rows = [j for p in range(first, last) for j in self._rows[p]]
        copies = [p for p in range(last - first) for _ in self._rows[first + p]]
        V = [tuple(column[p] for p in copies) for column in columns]
        y = [self.task.labels[j] for j in rows]
        return fit_cone_exactly(V, y, self.task.loss).value

    def _memo(self, key: tuple[Any, ...], compute: Callable[[], Fraction]) -> Fraction:
        if key not in self._found:
            self._found[key] = compute()
        return self._found[key]

    def _alone(self, p: int, side: int) -> Fraction:
        columns = ([[-1]], [[1], [-1]], [[1]])[side]
        return self._memo(("alone", p, side), lambda: self._fit(p, p + 1, columns))

    def _piece(self, i: int, j: int) -> Fraction:
        line = [*zip(*self.task.tree.rows[i:j], strict=True)]
        return self._memo(("piece", i, j), lambda: self._fit(i, j, [*line, *([-v for v in c] for c in line)]))

    def _rest(self, i: int, free: int) -> Fraction:
        """Bound the points from i on, if so many bends are among them."""
        end = len(self._rows)
        if i == end:
            return Fraction(0)
        if not free:
            return self._piece(i, end)
        ends = range(i + 1, end + 1)
        return self._memo(("rest", i, free), lambda: min(self._piece(i, j) + self._rest(j, free - 1) for j in ends))

    def _undecided(self, decided: int, free: int, side: int) -> Fraction:
        left = range(decided, len(self._rows))
        bounds = [sum((self._alone(p, side) for p in left), Fraction(0))]
        if self.task.tree.r == 2:
            bounds.append(self._rest(decided, free))
        return max(bounds)

    def _in_pieces(self, decided: int, bends: Sequence[int]) -> Fraction:
        """Bound the whole loss on a line, given behind which points the neurons bend."""
        cuts = sorted({0, *bends})
        total = sum((self._piece(i, j) for i, j in zip(cuts, cuts[1:], strict=False)), Fraction(0))
        last, free, end = cuts[-1], bends.count(0), len(self._rows)
        tails = [self._piece(last, end)]
        if free:
            tails += [self._piece(last, j) + self._rest(j, free - 1) for j in range(decided, end)]
        return total + min(tails)


def _values(tree: CellTree, point: Sequence[int]) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Return the relus of all rays on the rows, at most 1, and the exact classes of their prefixes."""
    values = np.zeros((len(tree.rays), len(point)))
    kinds = np.full((len(tree.levels), len(tree.rays)), -1, dtype=np.int32)
    names: list[dict[tuple[int, ...], int]] = [{} for _ in tree.levels]
    for ray in range(len(tree.rays)):
        relu = tree.values(ray)
        top = max(relu)
        if top:
            values[ray] = [relu[p] / top for p in point]  # int / int rounds correctly
        divisor = math.gcd(*relu[: tree.r])
        for level in range(len(tree.levels)):
            size = tree.r + level
            divisor = math.gcd(divisor, relu[size - 1])
            if divisor:
                prefix = tuple(v // divisor for v in relu[:size])
                kinds[level, ray] = names[level].setdefault(prefix, len(names[level]))
    return values, kinds


def _levels(tree: CellTree) -> list[Level]:
    """Return the levels of the search.

    Those of the tree, unless the data lie on a line: there a relu and its mirror image bend between the same two points
    and differ by an affine function, and a branch decides between them last of all. Its cell until then is the hull of
    both cones, which has the rays of both. Cells are numbered so that the children of one come before those of the
    next.
    """
    exact = [Level(tree.r + k, cells, [], [0] * len(cells)) for k, cells in enumerate(tree.levels)]
    for level, links in zip(exact, tree.children, strict=False):
        level.children += links
    exact[-1].final += range(tree.cells)
    if tree.r != 2:
        return exact
    levels = []
    groups: dict[int, list[int]] = {}
    for k, cells in enumerate(tree.levels):
        decided = 2 + k
        groups = {bend: [] for bend in (0, *range(decided - 1, 0, -1))}
        for i, rays in enumerate(cells):
            inner = [sum(column) for column in zip(*(tree.rays[ray] for ray in rays), strict=True)]
            sides = [sum(a * b for a, b in zip(row, inner, strict=True)) > 0 for row in tree.rows[:decided]]
            groups[next((p for p, side in enumerate(sides) if side != sides[0]), 0)].append(i)
        hulls = [tuple(sorted({ray for i in group for ray in cells[i]})) for group in groups.values()]
        links = [(0, 1), *((i + 1,) for i in range(1, len(groups)))]
        levels.append(Level(decided, hulls, links, list(groups)))
    levels[-1].children[:] = [(2 * i, 2 * i + 1) for i in range(len(groups))]
    final = [i for group in groups.values() for i in group]
    bends = [bend for bend in groups for _ in range(2)]
    levels.append(Level(len(tree.rows), [tree.levels[-1][i] for i in final], [], bends, final))
    return levels


def _remaining(tree: CellTree, problem: Problem, width: int) -> dict[str, Floats]:
    """Bound the loss of the undecided rows for every level, from below.

    On a line, what follows the decided points is a function of at most q + 1 affine pieces if q neurons may still bend:
    the best such function that need not be continuous is found by dynamic programming over the pieces. Elsewhere every
    point is fitted by itself. If all neurons have one sign so have all predictions.
    """
    starts = [int(np.searchsorted(problem.point, p)) for p in range(len(tree.rows) + 1)]
    points = len(tree.rows)

    def bound(first: int, last: int, table: list[list[float]], lines: bool) -> float:
        rows = slice(starts[first], starts[last])
        A = np.array(table)
        m, k = A.shape
        both = np.array([1, 2] * (m // 2) if lines else [0] * m, dtype=np.int64)
        low: float
        low, _ = fit_cone(
            A, m, k, problem.y[rows], problem.lo[rows], problem.hi[rows], problem.kappa, both, m // 2, math.inf, True,
            np.empty(m), np.empty(k),
        )  # fmt: skip
        return max(low, 0.0)

    down = 1 - 2.0**-50
    alone = np.zeros((points + 1, 3))
    for p in range(points - 1, -1, -1):
        ones = [1.0] * (starts[p + 1] - starts[p])
        minus = [-v for v in ones]
        for c, table in enumerate(([minus], [ones, minus], [ones])):
            alone[p, c] = (alone[p + 1, c] + bound(p, p + 1, table, c == 1)) * down
    rest = np.zeros((points + 1, width + 1))
    rest[:, :] = alone[:, 1:2]
    found: dict[str, Floats] = {}
    if tree.r == 2:
        place = [Fraction(row[0], row[1]) for row in tree.rows]
        piece = np.zeros((points, points + 1))
        for i in range(points):
            for j in range(i + 1, points + 1):
                if j == i + 1:
                    piece[i, j] = bound(i, j, [[s] * (starts[j] - starts[i]) for s in (1.0, -1.0)], True)
                    continue
                range_ = place[j - 1] - place[i]
                shares = [(place[p] - place[i]) / range_ for p in problem.point[starts[i] : starts[j]]]
                right = [float(v) for v in shares]
                left = [float(1 - v) for v in shares]
                piece[i, j] = bound(i, j, [right, [-v for v in right], left, [-v for v in left]], True)
        for i in range(points - 1, -1, -1):
            rest[i, 0] = piece[i, points]
            for q in range(1, width + 1):
                rest[i, q] = min((piece[i, j] + rest[j, q - 1]) * down for j in range(i + 1, points + 1))
        decided = range(2, points + 1)
        tail = np.array([[[piece[i, points]] * (width + 1) for i in range(points)] for _ in decided])
        for level, count in enumerate(decided):
            for i in range(count):
                for q in range(1, width + 1):
                    ends = [(piece[i, j] + rest[j, q - 1]) * down for j in range(count, points)]
                    tail[level, i, q] = min([piece[i, points], *ends])
        found |= {"piece": piece, "tail": tail}
    return found | {"rest": rest[tree.r :].copy(), "floor": alone[tree.r :].copy()}


def first_fit(task: Task, starts: int, seed: int = 0) -> list[int]:
    """Return a good branch: from random ones, let one neuron cross one point or turn round while that helps."""
    tree, w = task.tree, task.width
    patterns = [tree.patterns[i] for i in task.levels[-1].final]
    number = {pattern: i for i, pattern in enumerate(patterns)}
    near = [
        [number[pattern ^ 1 << k] for k in range(len(tree.rows)) if pattern ^ 1 << k in number]
        + [number[pattern ^ (1 << len(tree.rows)) - 1]]
        for pattern in patterns
    ]
    rng = np.random.default_rng(seed)
    best, winner = math.inf, task.leaf(0, [0] * w)
    for _ in range(starts):
        plus = int(rng.integers(0, w + 1))
        cells = rng.integers(0, tree.cells, size=w).tolist()
        value = math.inf
        while True:
            moves = [(plus, cells)] if value == math.inf else []
            for i in range(w):
                moves += [(plus, [*cells[:i], c, *cells[i + 1 :]]) for c in near[cells[i]]]
            _, high = fit_kernels.solve_all(task.problem, np.array([task.leaf(p, c) for p, c in moves], dtype=np.int64))
            pick = int(np.argmin(high))
            if not high[pick] < value:
                break
            value, (plus, cells) = float(high[pick]), moves[pick]
        if value < best:
            best, winner = value, task.leaf(plus, cells)
    return winner


class Closed(NamedTuple):
    """Finished branches, their proved bounds in kernel units, and whether these cut them off."""

    nodes: Ints
    bounds: Floats
    cut: npt.NDArray[np.bool_]


@dataclass
class Outcome:
    """What the search found; losses are exact sums, not means."""

    node: list[int]
    fit: ConeFit
    names: list[tuple[int, int]]
    lower: Fraction
    least: Fraction | None = None  # of all bounds of branches, and of the optima of those solved at the end
    branches: int = 0
    cut: int = 0
    solved: int = 0
    covered: int = 0
    closed: list[Closed] | None = None


def run_task(problem: Problem, stack: Ints, best: float, keep: float) -> Any:
    """Run the kernel once; a function of its own so that process pools find it."""
    return fit_kernels.search(Problem(*problem), stack, best, keep, BUDGET)


def branch_and_bound(
    task: Task,
    gap: Fraction,
    start: list[int],
    executor: Executor | None,
    workers: int,
    report: Callable[[FitStatus], object] | None,
    record: bool,
) -> Outcome:
    """Search every choice of signs and dichotomies; see :func:`polyrelu.theory.training.fit_globally`."""
    began = time.perf_counter()
    fit, names = task.solve_exactly(start)
    out = Outcome(start, fit, names, fit.value, closed=[] if record else None)
    # the product of two floats at least 2^-1020, and with this surplus, is not below (1 - gap) times the best loss
    surplus = max((1 - gap) * (1 + Fraction(1, 2**51)), Fraction(1, 2**20))
    keep = float(nearest_floats([min(surplus, Fraction(1))], 1)[0])
    roots = task.roots()
    queue: list[Ints] = []
    running: set[Future[Any]] = set()
    left_open: list[tuple[float, list[int]]] = []
    lowest = math.inf

    def take() -> Ints | None:
        return queue.pop() if queue else next(roots, None)

    def tell() -> None:
        if report is not None:
            value = float(floats([out.fit.value / len(task.labels)])[0])
            report(FitStatus(out.branches, out.covered / task.choices, value, time.perf_counter() - began))

    def best() -> float:
        return float(nearest_floats([max(out.fit.value / task.unit, Fraction(1, 2**1000))], 1)[0])

    def improve(node: list[int]) -> Fraction:
        fit, names = task.solve_exactly(node)
        out.solved += 1
        if fit.value < out.fit.value:
            out.node, out.fit, out.names = node, fit, names
        return fit.value

    # no loss is negative: a fit without loss ends the search
    while out.fit.value:
        if executor is None:
            part = take()
            if part is None:
                break
            results = [run_task(task.problem, part, best(), keep)]
        else:
            while len(running) < workers and (part := take()) is not None:
                running.add(executor.submit(run_task, task.problem, part, best(), keep))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            results = [future.result() for future in done]
        for left, closed, ended, bound, _, covers, _, found, better, seen in results:
            out.branches += int(seen)
            out.covered += int(covers.sum())
            is_cut = ended == CUT
            out.cut += int(is_cut.sum())
            if is_cut.any():
                lowest = min(lowest, float(bound[is_cut].min()))
            left_open += [(float(b), node) for b, node in zip(bound[~is_cut], closed[~is_cut].tolist(), strict=True)]
            if out.closed is not None:
                out.closed.append(Closed(closed, bound, is_cut))
            if better:
                improve(found.tolist())
            if len(left):
                # deal out a stack while workers would be idle: shallow branches to both halves
                share = executor is not None and len(left) > 1 and len(queue) < workers
                queue += [left[0::2].copy(), left[1::2].copy()] if share else [left]
        tell()
    if not out.fit.value:
        wait([future for future in running if not future.cancel()])
        # everything is cut off by the bound 0, whatever had been looked at
        everything = task.top()
        out.branches += len(everything)
        out.cut, out.covered, left_open = len(everything), task.choices, []
        if out.closed is not None:
            out.closed = [Closed(everything, np.zeros(len(everything)), np.ones(len(everything), dtype=bool))]
        lowest = 0.0
        tell()
    if (out.covered - task.choices) % 2**64:
        raise CertificationError(f"the branches cover {out.covered} choices of {task.choices}; please report it")
    # single choices that no float bound settles: those that the best fit already excludes need nothing more
    values = []
    for low, node in sorted(left_open):
        if low >= keep * best():
            lowest = min(lowest, low)
        else:
            values.append(improve(node))
    if lowest < math.inf:
        values.append(Fraction(lowest) * task.unit)
    out.least = min(values, default=None)
    out.lower = min([out.fit.value, *values])
    return out
