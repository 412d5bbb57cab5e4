"""Branch and bound over partial dichotomies: its arrays, a good first fit, and the loop around the kernel.

A branch has decided the side of the first points for every neuron: level k of the cell tree, the number of positive
neurons, and one cell for each neuron, in order among neurons of equal sign (they are interchangeable). Its bound is
the best fit of the decided labels by the cones of its cells plus a bound on the others. Its children decide one point
more. The branches that are finished cover every choice of signs and dichotomies exactly once: their choices add up to
``sum_p C(T + p - 1, p) C(T + w - p - 1, w - p)`` for T dichotomies and w neurons.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import CertificationError
from ..exact import nearest_floats
from . import fit_kernels
from .convex_fit import ConeFit, Loss, fit_cone_exactly
from .dichotomies import CellTree
from .fit_kernels import CUT, Problem, fit_cone

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Branches that one task looks at before it reports.
BUDGET = 20_000


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
        boxes = [loss.box(v) for v in scaled]
        if loss.name == "huber":
            # rounded towards zero: a smaller box is still a proof
            edge = float(nearest_floats([loss.delta / power], -1)[0])
            lo, hi = np.full(len(labels), -edge), np.full(len(labels), edge)
        else:
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
            kappa=float(loss.kappa),
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
        return cls(tree, labels, loss, width, power, problem, levels, offsets)

    @property
    def unit(self) -> Fraction:
        """Exact sum of losses = unit * the kernel's sum."""
        return self.power**2 if self.loss.kappa else self.power

    @property
    def choices(self) -> int:
        """Number of choices of signs and dichotomies, equal neurons taken once."""
        T, w = self.tree.cells, self.width
        return sum(math.comb(T + p - 1, p) * math.comb(T + w - p - 1, w - p) for p in range(w + 1))

    def roots(self) -> Ints:
        """Return the branches that have decided the first points alone."""
        cells, w = len(self.levels[0].rays), self.width
        table = []

        def multisets(size: int, least: int = 0) -> list[list[int]]:
            if size == 0:
                return [[]]
            return [[first, *others] for first in range(least, cells) for others in multisets(size - 1, first)]

        for p in range(w + 1):
            table += [[0, p, *a, *b] for a in multisets(p) for b in multisets(w - p)]
        return np.array(table, dtype=np.int64)

    def leaf(self, plus: int, cells: Sequence[int]) -> list[int]:
        """Return the branch of final cells given by their numbers on the last level."""
        first, others = sorted(cells[:plus]), sorted(cells[plus:])
        return [len(self.levels) - 1, plus, *(self.offsets[-2] + c for c in [*first, *others])]

    def solve_exactly(self, node: Sequence[int]) -> tuple[ConeFit, list[tuple[int, int]]]:
        """Return the exact optimum of one branch and its generators as (neuron, ray)."""
        k = int(self.problem.rows[node[0]])
        names = []
        V = []
        for neuron, cell in enumerate(node[2:]):
            for ray in self.problem.ray[self.problem.ray_ptr[cell] : self.problem.ray_ptr[cell + 1]].tolist():
                relu = self.tree.values(ray)
                column = tuple(relu[p] if neuron < node[1] else -relu[p] for p in self.problem.point[:k].tolist())
                if any(column) and column not in V:
                    names.append((neuron, ray))
                    V.append(column)
        return fit_cone_exactly(V, self.labels[:k], self.loss, self._hint(V, k)), names

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
    best, winner = math.inf, [0]
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


@dataclass
class Outcome:
    """What the search found; losses are exact sums, not means."""

    node: list[int]
    fit: ConeFit
    names: list[tuple[int, int]]
    lower: Fraction
    branches: int = 0
    cut: int = 0
    solved: int = 0
    covered: int = 0
    closed: list[tuple[Ints, Floats]] = field(default_factory=list)


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
    out = Outcome(start, fit, names, fit.value)
    keep = float(nearest_floats([1 - gap], -1)[0]) if gap else 1.0
    queue = [task.roots()]
    running: set[Future[Any]] = set()
    left_open: list[tuple[float, list[int]]] = []
    lowest = math.inf

    def best() -> float:
        return float(nearest_floats([out.fit.value / task.unit], 1)[0])

    def improve(node: list[int]) -> Fraction:
        fit, names = task.solve_exactly(node)
        out.solved += 1
        if fit.value < out.fit.value:
            out.node, out.fit, out.names = node, fit, names
        return fit.value

    while queue or running:
        if executor is None:
            results = [run_task(task.problem, queue.pop(), best(), keep)]
        else:
            while queue and len(running) < workers:
                running.add(executor.submit(run_task, task.problem, queue.pop(), best(), keep))
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
            if record:
                out.closed.append((closed, np.where(is_cut, bound, -1.0)))
            if better:
                improve(found.tolist())
            if len(left):
                # deal out a stack while workers would be idle: shallow branches to both halves
                share = executor is not None and len(left) > 1 and len(queue) < workers
                queue += [left[0::2].copy(), left[1::2].copy()] if share else [left]
        if report is not None:
            share_done = out.covered / task.choices
            value = float(out.fit.value) / len(task.labels)
            report(FitStatus(out.branches, share_done, value, time.perf_counter() - began))
    if (out.covered - task.choices) % 2**64:
        raise CertificationError(f"the branches cover {out.covered} choices of {task.choices}; please report it")
    # single choices that no float bound settles: those that the best fit already excludes need nothing more
    values = []
    for low, node in sorted(left_open):
        if low >= keep * best():
            lowest = min(lowest, low)
        else:
            values.append(improve(node))
    bounds = [out.fit.value, *values]
    if lowest < math.inf:
        bounds.append(Fraction(lowest) * task.unit)
    out.lower = min(bounds)
    return out
