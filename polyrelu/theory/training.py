"""Training one hidden layer to the global optimum of the empirical loss.

The network is ``f(x) = sum_i s_i relu(a_i . x + b_i)`` with w neurons, signs ``s_i`` of -1 or 1, no output bias: every
network of one hidden layer and width w without output bias has this form. Once every neuron's dichotomy of the data and
sign are chosen the empirical loss is convex (:mod:`polyrelu.theory.dichotomies`), so that finitely many convex problems
contain the optimum. :func:`plain_algorithm` solves them all, as the paper does; :func:`fit_globally` cuts off most of
them by bounds and gets the same.

References
----------
R. Arora, A. Basu, P. Mianjy, A. Mukherjee, Understanding deep neural networks with rectified linear units, ICLR 2018,
theorem 4.1 and algorithm 1.
"""

from __future__ import annotations

import bisect
import itertools
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..exact import Point, floats, fraction
from ..network import ReluNetwork
from .convex_fit import ConeFit, Loss, solve_by_cvxpy
from .dichotomies import CellTree, dichotomies, read_labels, read_points

if TYPE_CHECKING:
    from .fit_search import Closed, FitStatus, Task

# The default gap, relative to the best loss.
GAP = Fraction(1, 2**20)
# A branch divides into up to 2^w others.
MOST_NEURONS = 20


class Branch(NamedTuple):
    """One branch that was cut off: no network in it has a mean loss below ``bound``.

    Attributes
    ----------
    signs : tuple of int
        -1 or 1 for every neuron.
    decided : tuple of int
        The data points whose side is decided.
    bits : tuple of tuple of int
        For every neuron, the side of each decided point.
    either : bool
        True if for every neuron the opposite sides are in the branch as well (data on a line).
    bound : Fraction
        Proved.
    """

    signs: tuple[int, ...]
    decided: tuple[int, ...]
    bits: tuple[tuple[int, ...], ...]
    either: bool
    bound: Fraction


@dataclass(frozen=True)
class GlobalFit:
    """A network of least empirical loss, and what proves it.

    Attributes
    ----------
    network : ReluNetwork
        Exact parameters; its mean loss is exactly ``value``.
    value : Fraction
        Mean loss of the network: an upper bound on the optimum.
    lower : Fraction
        Proved lower bound on the mean loss of every network of this width; equal to ``value`` if ``exact``.
    exact : bool
        True if the network is proved optimal without any gap.
    gap : Fraction
        What was asked for: ``lower >= (1 - gap) * value``.
    predictions : tuple of Fraction
        Of the network, at the data points in the given order.
    signs : tuple of int
        -1 or 1 for every neuron.
    bits : tuple of tuple of int
        Dichotomy of every neuron over the data points; where its pre-activation is zero either bit is right.
    dichotomies : int
        Number T of strict dichotomies of the data.
    choices : int
        Choices of signs and dichotomies, neurons of equal sign interchangeable.
    covered : int
        Choices below the branches that were finished; equal to ``choices``: nothing was left out.
    branches, cut, solved : int
        Branches looked at, cut off by a proved bound, and convex problems solved exactly because no bound settled them.
        A fit without loss cuts off the ``w + 1`` branches that have decided only how many signs are positive.
    seconds : float
        Of the search.
    """

    network: ReluNetwork
    value: Fraction
    lower: Fraction
    exact: bool
    gap: Fraction
    predictions: tuple[Fraction, ...]
    signs: tuple[int, ...]
    bits: tuple[tuple[int, ...], ...]
    dichotomies: int
    choices: int
    covered: int
    branches: int
    cut: int
    solved: int
    seconds: float
    _task: Task = field(repr=False, compare=False)
    _fit: ConeFit = field(repr=False, compare=False)
    _node: list[int] = field(repr=False, compare=False)
    _least: Fraction | None = field(repr=False, compare=False)
    _closed: list[Closed] | None = field(repr=False, compare=False)
    _points: list[Point] = field(repr=False, compare=False)

    def cross_check(self) -> float:
        """Solve the convex program of the winning dichotomies again with cvxpy.

        Returns
        -------
        float
            Mean loss as the solver reports it; a second opinion that decides nothing. Its error is relative to the
            largest label, not to the loss; nan where floats cannot tell: the solver gives up, data points coincide in
            floats, or the loss is beyond their range.

        Notes
        -----
        Exactness: *float*. Labels are divided by the largest, and the data moved and scaled into [-1, 1].
        """
        task = self._task
        order = [j for copies in task.tree.order for j in copies]
        labels = [0.0] * len(order)
        for j, label in zip(order, task.problem.y.tolist(), strict=True):
            labels[j] = label
        columns = []
        for column in zip(*self._points, strict=True):
            middle, half = (max(column) + min(column)) / 2, (max(column) - min(column)) / 2
            columns.append([float((v - middle) / (half or 1)) for v in column])
        rows = [[*x, 1.0] for x in zip(*columns, strict=True)]
        if len(set(map(tuple, rows))) < len(task.tree.rows):
            return math.nan
        loss = task.loss
        if loss.name == "huber":
            loss = Loss("huber", min(loss.delta / task.power, Fraction(2 * len(labels))))
        value = solve_by_cvxpy(rows, labels, self.signs, self.bits, loss)
        if not math.isfinite(value):
            return math.nan
        mean = float(floats([Fraction(value) * task.unit])[0])
        return mean if math.isfinite(mean) else math.nan

    def closed_branches(self) -> list[Branch]:
        """Return every branch that was cut off, with its bound (``fit_globally(.., record=True)``).

        :meth:`check` proves every bound again, and that the branches and the single choices that were solved exactly
        leave no choice out.

        Returns
        -------
        list of Branch
            Single choices that were solved exactly instead are not among them. After a fit without loss these are
            the branches that have decided no point, with the bound 0.
        """
        if self._closed is None:
            raise InputError("the branches were not kept; call fit_globally with record=True")
        tree, task = self._task.tree, self._task
        scale = task.unit / len(task.labels)
        sides: dict[int, list[int]] = {}
        found = []
        for nodes, bounds, cut in self._closed:
            for node, bound in zip(nodes[cut].tolist(), bounds[cut].tolist(), strict=True):
                signs = tuple(1 if i < node[1] else -1 for i in range(task.width))
                if node[0] < 0:
                    found.append(Branch(signs, (), ((),) * task.width, False, Fraction(bound) * scale))
                    continue
                level = task.levels[node[0]]
                either = tree.r == 2 and node[0] < len(task.levels) - 1
                for cell in node[2:]:
                    if cell in sides:
                        continue
                    i = cell - task.offsets[node[0]]
                    if either:
                        sides[cell] = [int(0 < level.bends[i] <= p) for p in range(level.decided)]
                    else:
                        inner = [sum(column) for column in zip(*(tree.rays[ray] for ray in level.rays[i]), strict=True)]
                        values = (sum(a * b for a, b in zip(row, inner, strict=True)) for row in tree.rows)
                        sides[cell] = [int(v > 0) for v in values][: level.decided]
                groups = tree.order[: level.decided]
                spread = [[b for b, group in zip(sides[c], groups, strict=True) for _ in group] for c in node[2:]]
                decided = tuple(j for group in groups for j in group)
                found.append(Branch(signs, decided, tuple(map(tuple, spread)), either, Fraction(bound) * scale))
        return found

    def check(self) -> bool:
        """Go through the proof again with Fractions.

        Always: the network's loss, evaluated exactly, is ``value``, and its neurons have these signs and dichotomies;
        the winner's convex problem, its generators computed anew, has a dual point of the same value; the tree of
        dichotomies has exactly those that :func:`~polyrelu.theory.dichotomies` enumerates; ``lower`` is the least of
        ``value``, all bounds and all optima that were found instead, at least ``(1 - gap) * value``, and ``exact`` says
        whether it is ``value``; as many choices are covered as there are.

        With ``record=True`` also, so that nothing rests on floats: every bound of a branch, by rational fits that carry
        dual points; that no branch lies in another and their choices, counted anew, are all; and ``lower``.

        Returns
        -------
        bool

        Notes
        -----
        Exactness: *exact*. Cost with ``record=True``: up to one rational fit per branch, some milliseconds each.
        """
        from .fit_search import ExactBounds, count_choices

        task, D, w = self._task, len(self._points), self._task.width
        order = [j for copies in task.tree.order for j in copies]
        # the winner, from above
        net = self.network
        if (net.input_dim, net.output_dim, net.widths) != (len(self._points[0]), 1, (w,)):
            return False
        if set(net.layers[-1].blocks) != {1} or not net.layers[-1].bias.is_zero:
            return False
        outputs, sides = [], []
        for x in self._points:
            at = np.array(x, dtype=object)
            outputs.append(net.affine_map(net.pattern(at))(x)[0])
            sides.append(net.preactivations(at))
        loss = sum((task.loss(outputs[j], y) for j, y in zip(order, task.labels, strict=True)), Fraction(0))
        if tuple(outputs) != self.predictions or loss != self.value * D:
            return False
        last = net.layers[-1].blocks[1].fractions()[0].tolist()
        if last != list(self.signs) or any(
            (z < 0) if self.bits[i][j] else (z > 0) for j in range(D) for i, z in enumerate(sides[j])
        ):
            return False
        # and from below
        V, _ = task.generators(self._node)
        winner = self._fit
        if not winner.check(V, task.labels, task.loss) or winner.value != loss:
            return False
        # all others
        T = task.tree.cells
        found = dichotomies(self._points)
        if not np.array_equal(task.tree.bits(D), found) or not len(found) == T == self.dichotomies:
            return False
        if not self.covered == self.choices == count_choices(T, w):
            return False
        lower = loss if self._least is None else min(loss, self._least)
        if self.lower * D != lower or self.exact != (self.lower == self.value) or lower < (1 - self.gap) * loss:
            return False
        if self._closed is None:
            return True
        bounds = ExactBounds(task)
        nodes = [node for closed in self._closed for node in closed.nodes.tolist()]
        goals = [
            max(Fraction(bound) * task.unit, lower) if cut else lower
            for closed in self._closed
            for bound, cut in zip(closed.bounds.tolist(), closed.cut.tolist(), strict=True)
        ]
        return task.covered_by(nodes) and all(map(bounds.reaches, nodes, goals))


def fit_globally(
    X: Any,
    y: Any,
    width: int,
    loss: str = "squared",
    *,
    delta: Any = 1,
    gap: Any = GAP,
    starts: int = 100,
    record: bool = False,
    progress: bool | Callable[[FitStatus], object] = True,
    workers: int | None = None,
    executor: Executor | None = None,
) -> GlobalFit:
    """Train one hidden layer to the global optimum.

    Minimises ``(1/D) sum_j loss(sum_i s_i relu(a_i . x_j + b_i), y_j)`` over all signs ``s_i`` and all (a_i, b_i).

    Parameters
    ----------
    X : array_like of shape (D, n) or (D,)
        Data points, taken exactly; duplicates and points on one line are welcome.
    y : array_like of shape (D,)
        Labels, taken exactly; -1 and 1 for the hinge loss.
    width : int
        Number w of neurons, from 1 to 20; as many as there are different points do as well as more.
    loss : {"squared", "absolute", "hinge", "huber"}
        ``"huber"``: half the square up to ``delta``, linear beyond.
    delta : number
        Bend of the Huber loss.
    gap : number
        A branch is cut off when its proved bound is at least ``(1 - gap)`` times the best loss; 0 asks for the exact
        optimum, and solves every near tie in rationals.
    starts : int
        Local searches for a good first network.
    record : bool
        Keep every branch that was finished, for :meth:`GlobalFit.closed_branches` and a full :meth:`GlobalFit.check`.
    progress : bool or callable
        True shows a bar if stderr is a terminal; a function is called with a ``FitStatus`` twice a second or so.
    workers : int, optional
        Tasks that run at once on the executor; 2 if None.
    executor : concurrent.futures.Executor, optional
        Threads (the kernels release the GIL), a process pool, or a Dask cluster.

    Returns
    -------
    GlobalFit

    Raises
    ------
    InputError
        Shapes that do not fit, labels that a loss does not take, a width below 1 or above 20, a gap outside [0, 1),
        data with too many dichotomies.
    CertificationError
        Two exact results contradict each other; nothing is returned.

    Notes
    -----
    Exactness: ``value``, ``network`` and ``predictions`` are *exact*; ``lower`` is *certified*: every bound is a dual
    point whose inequalities are proved with rounding bounds (weak duality), and near ties that it cannot settle are
    solved in rationals. With ``gap=0`` they are equal and both exact.
    Data on a line (n = 1) are decided from left to right, with a dynamic program as a bound on the rest; elsewhere far
    points are decided first. Cost: some 10 to 50 microseconds a branch; the number of branches grows like
    ``D^(n w)`` at worst, as in theorem 4.1.

    References
    ----------
    Arora, Basu, Mianjy, Mukherjee 2018, theorem 4.1. Its variant for n = 1 fits functions of w affine pieces, which is
    another class: f has up to w + 1 pieces, and its two outermost slopes are not free.

    Examples
    --------
    Two neurons fit the absolute value exactly, one cannot:

    >>> fit_globally([-1, 0, 1], [1, 0, 1], width=2, gap=0).value
    Fraction(0, 1)
    >>> one = fit_globally([-1, 0, 1], [1, 0, 1], width=1, gap=0)
    >>> one.value, one.lower, one.predictions
    (Fraction(2, 9), Fraction(2, 9), (Fraction(2, 3), Fraction(2, 3), Fraction(2, 3)))
    """
    points, tree, task = _read(X, y, width, loss, delta)
    share = fraction(gap, "gap")
    if not 0 <= share < 1:
        raise InputError(f"gap is {share}; give a share of the optimum from 0 (exact) to below 1")
    if executor is not None and not isinstance(executor, Executor):
        raise InputError(f"executor is of type {type(executor).__name__}; give a concurrent.futures.Executor")
    for name, count in (("starts", starts), ("workers", 2 if workers is None else workers)):
        if not isinstance(count, int) or count < 1:
            raise InputError(f"{name} is {count}; give a whole number from 1 up")
    from . import fit_search

    began = time.perf_counter()
    start = fit_search.first_fit(task, starts)
    with _Bar(progress) as bar:
        out = fit_search.branch_and_bound(task, share, start, executor, workers or 2, bar.report, record)
    return _result(points, task, out, share, time.perf_counter() - began)


def plain_algorithm(X: Any, y: Any, width: int, loss: str = "squared", *, delta: Any = 1) -> GlobalFit:
    """Train one hidden layer by the paper's algorithm as it is printed: one convex program for every choice.

    All ``2^w T^w`` choices of signs and strict dichotomies are solved, T dichotomies each; the minimum is taken over
    all of them (the printed pseudo-code assigns it inside the loop over the signs).

    Parameters
    ----------
    X, y, width, loss, delta
        As for :func:`fit_globally`.

    Returns
    -------
    GlobalFit
        ``exact`` is True; ``branches`` is the number of programs.

    Raises
    ------
    InputError
        As for :func:`fit_globally`, and for more than a million programs.

    Notes
    -----
    Exactness: *exact*. A certified bound settles most programs; those within its reach of the best are solved in
    rationals.

    References
    ----------
    Arora, Basu, Mianjy, Mukherjee 2018, algorithm 1.

    Examples
    --------
    >>> fit = plain_algorithm([-1, 0, 1], [1, 0, 1], width=1)
    >>> fit.branches, fit.value
    (12, Fraction(2, 9))
    """
    points, tree, task = _read(X, y, width, loss, delta)
    T = tree.cells
    programs = (2 * T) ** width
    if programs > 1_000_000:
        raise InputError(f"the plain algorithm needs {programs} convex programs here; fit_globally needs few of them")
    from . import fit_kernels, fit_search

    began = time.perf_counter()
    level = len(task.levels) - 1
    first = task.offsets[level]
    nodes = []
    for signs in itertools.product((1, -1), repeat=width):
        for cells in itertools.product(range(T), repeat=width):
            # the solver wants positive neurons first
            ranked = sorted(zip(signs, cells, strict=True), key=lambda pair: -pair[0])
            nodes.append([level, signs.count(1), *(first + c for _, c in ranked)])
    lower, upper = fit_kernels.solve_all(task.problem, np.array(nodes, dtype=np.int64))
    fit, names = task.solve_exactly(nodes[int(np.argmin(upper))])
    out = fit_search.Outcome(nodes[int(np.argmin(upper))], fit, names, fit.value, branches=programs, solved=1)
    seen = set()
    for e in np.argsort(lower).tolist():
        key = (nodes[e][1], *sorted(nodes[e][2 : 2 + nodes[e][1]]), *sorted(nodes[e][2 + nodes[e][1] :]))
        if Fraction(float(lower[e])) * task.unit >= out.fit.value:
            break
        if key not in seen:
            seen.add(key)
            fit, names = task.solve_exactly(nodes[e])
            out.solved += 1
            if fit.value < out.fit.value:
                out.node, out.fit, out.names = nodes[e], fit, names
    out.lower, out.least, out.cut = out.fit.value, out.fit.value, programs - out.solved
    out.covered = task.choices
    return _result(points, task, out, Fraction(0), time.perf_counter() - began)


def _read(X: Any, y: Any, width: Any, loss: str, delta: Any) -> tuple[list[Point], CellTree, Task]:
    points = read_points(X)
    labels = read_labels(y, len(points))
    kind = Loss.of(loss, delta)
    if not isinstance(width, int | np.integer) or isinstance(width, bool) or width < 1:
        raise InputError(f"width is {width}; give a whole number of neurons from 1 up")
    if width > MOST_NEURONS:
        raise InputError(
            f"width is {width}; the search takes at most {MOST_NEURONS} neurons, and as many as there are different "
            "data points do as well as more"
        )
    if kind.name == "hinge":
        for j, label in enumerate(labels):
            if abs(label) != 1:
                raise InputError(f"y[{j}] is {label}; the hinge loss takes labels -1 and 1")
    from .fit_search import Task, count_choices

    # the largest number of dichotomies whose choices fit into the kernel's integers
    most = bisect.bisect_left(range(2**62), 2**62, key=lambda cells: count_choices(cells, int(width))) - 1
    tree = CellTree.of(points, most)
    return points, tree, Task.of(tree, labels, kind, int(width))


def _result(points: list[Point], task: Task, out: Any, gap: Fraction, seconds: float) -> GlobalFit:
    tree, w = task.tree, task.width
    n, D = len(points[0]), len(points)
    parameters = [[Fraction(0)] * (n + 1) for _ in range(w)]
    for weight, (neuron, ray) in zip(out.fit.weights, out.names, strict=True):
        # generators count in units of 1 / den
        part = tree.neuron(tree.rays[ray], weight * tree.den, n)
        parameters[neuron] = [a + b for a, b in zip(parameters[neuron], part, strict=True)]
    signs = tuple(1 if i < out.node[1] else -1 for i in range(w))
    network = ReluNetwork([[p[:-1] for p in parameters], [list(signs)]], [[p[-1] for p in parameters], [0]])
    first = task.offsets[-2]
    bits = [[0] * D for _ in range(w)]
    predictions = [Fraction(0)] * D
    rows = iter(out.fit.predictions)
    for k, copies in enumerate(tree.order):
        for j in copies:
            predictions[j] = next(rows)
            for i in range(w):
                bits[i][j] = tree.patterns[task.levels[-1].final[out.node[2 + i] - first]] >> k & 1
    return GlobalFit(
        network=network,
        value=out.fit.value / D,
        lower=out.lower / D,
        exact=out.lower == out.fit.value,
        gap=gap,
        predictions=tuple(predictions),
        signs=signs,
        bits=tuple(map(tuple, bits)),
        dichotomies=tree.cells,
        choices=task.choices,
        covered=out.covered,
        branches=out.branches,
        cut=out.cut,
        solved=out.solved,
        seconds=seconds,
        _task=task,
        _fit=out.fit,
        _node=out.node,
        _least=out.least,
        _closed=out.closed,
        _points=points,
    )


class _Bar:
    """A progress bar on a terminal, a callback for programs, silence elsewhere."""

    def __init__(self, wanted: bool | Callable[[FitStatus], object]):
        import sys

        self._bar: Any = None
        self.report: Callable[[FitStatus], object] | None = wanted if callable(wanted) else None
        if wanted and self.report is None and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=100, dynamic_ncols=True, leave=False, bar_format="{l_bar}{bar}{elapsed}{postfix}")
            self.report = self._show

    def _show(self, status: FitStatus) -> None:
        self._bar.set_postfix_str(f", {status.branches} branches, loss {status.value:.6g}", refresh=False)
        self._bar.update(100 * status.fraction - self._bar.n)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
