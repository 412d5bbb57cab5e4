"""Global training: dichotomies against Cover's count, bounds against exact optima, the search against all programs."""

from __future__ import annotations

import itertools
import math
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu import InputError
from polyrelu.theory import convex_fit, fit_kernels, fit_search
from polyrelu.theory.convex_fit import LOSSES, Loss, fit_cone_exactly
from polyrelu.theory.dichotomies import CellTree, cover_number, dichotomies, read_points
from polyrelu.theory.training import fit_globally, plain_algorithm

LINE = [[0], [1], [2], [4]]
PLANE = [[0, 0], [3, 1], [1, 4], [-2, 2], [5, -3]]
CORNERS = [[0, 0], [1, 0], [0, 1], [1, 1]]
# points of the plane on a line, a point twice, one point alone, integer points of space
DEGENERATE = [[[0, 0], [1, 1], [2, 2], [5, 5]], [[0, 0], [0, 0], [1, 0], [0, 1]], [[2, 3], [2, 3]], [[1, 1, 0], [0, 0, 1]]]


def data(seed, D, n, hinge=False):
    """Return small integer points with coincidences, and labels that may contradict each other."""
    rng = random.Random(seed)
    X = [[rng.randint(-2, 2) for _ in range(n)] for _ in range(D)]
    return X, [rng.choice([-1, 1]) if hinge else rng.randint(-3, 3) for _ in range(D)]


# -- dichotomies ----------------------------------------------------------------------
@pytest.mark.parametrize(("D", "n"), [(1, 1), (2, 1), (7, 1), (3, 2), (4, 2), (9, 2), (30, 2), (6, 3), (9, 3)])
def test_points_in_general_position_have_covers_number_of_dichotomies(D, n):
    rng = np.random.default_rng(D)
    X = rng.integers(-(10**6), 10**6, size=(D, n))

    assert len(dichotomies(X)) == CellTree.of(read_points(X)).cells == cover_number(D, n)


@pytest.mark.parametrize("X", [LINE, PLANE, CORNERS, *DEGENERATE, *(data(s, 7, 2)[0] for s in range(4))])
def test_the_tree_and_the_engine_agree(X):
    tree = CellTree.of(read_points(X))

    assert tree.bits(len(X)).tolist() == dichotomies(X).tolist()
    # a cell's rays see no decided point on the wrong side
    for pattern, rays in zip(tree.patterns, tree.levels[-1], strict=True):
        for ray, (k, row) in itertools.product(rays, enumerate(tree.rows)):
            value = sum(a * b for a, b in zip(row, tree.rays[ray], strict=True))
            assert value >= 0 if pattern >> k & 1 else value <= 0


def test_the_corners_of_a_square_have_all_dichotomies_but_the_two_diagonals():
    assert len(dichotomies(CORNERS)) == 14 == 2**4 - 2


def test_collinear_points_of_the_plane_have_those_of_the_line():
    assert len(dichotomies(DEGENERATE[0])) == cover_number(4, 1) == 8


# -- one convex problem ---------------------------------------------------------------
@settings(max_examples=40)
@given(st.data())
@pytest.mark.parametrize("name", LOSSES)
def test_exact_fits_prove_themselves(name, data):
    k, m = data.draw(st.integers(1, 5)), data.draw(st.integers(0, 4))
    V = data.draw(st.lists(st.tuples(*[st.integers(-2, 2)] * k), min_size=m, max_size=m))
    if V and data.draw(st.booleans()):
        V.append(tuple(-v for v in V[0]))
    label = st.sampled_from([-1, 1]) if name == "hinge" else st.integers(-4, 4)
    y = [Fraction(v) for v in data.draw(st.lists(label, min_size=k, max_size=k))]
    loss = Loss.of(name, "3/2")
    fit = fit_cone_exactly(V, y, loss)

    assert fit.check(V, y, loss)
    # any guess leads to the same optimum
    hint = data.draw(st.lists(st.floats(0, 2), min_size=len(V), max_size=len(V)))
    assert fit_cone_exactly(V, y, loss, hint).value == fit.value


def test_a_wrong_fit_does_not_prove_itself():
    fit = fit_cone_exactly([(1, 1)], [Fraction(1), Fraction(3)], Loss("squared"))
    worse = convex_fit.ConeFit((Fraction(1),), (Fraction(1),) * 2, Fraction(4), fit.dual)

    assert fit.check([(1, 1)], [Fraction(1), Fraction(3)], Loss("squared"))
    assert not worse.check([(1, 1)], [Fraction(1), Fraction(3)], Loss("squared"))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("D", "n", "w", "seed"), [(5, 1, 2, 0), (5, 2, 1, 1), (4, 2, 2, 2), (6, 1, 1, 3)])
def test_float_bounds_enclose_the_exact_optimum_of_every_choice(name, D, n, w, seed):
    X, y = data(seed, D, n, name == "hinge")
    tree = CellTree.of(read_points(X))
    task = fit_search.Task.of(tree, [Fraction(v) for v in y], Loss(name), w)
    leaves = [
        task.leaf(p, [*a, *b])
        for p in range(w + 1)
        for a in itertools.combinations_with_replacement(range(tree.cells), p)
        for b in itertools.combinations_with_replacement(range(tree.cells), w - p)
    ]
    assert len(leaves) == task.choices
    leaves = leaves[:: max(1, len(leaves) // 40)]
    lower, upper = fit_kernels.solve_all(task.problem, np.array(leaves))
    for leaf, low, high in zip(leaves, lower.tolist(), upper.tolist(), strict=True):
        exact = task.solve_exactly(leaf)[0].value / task.unit
        assert Fraction(low) <= exact <= Fraction(high)


# -- the search -----------------------------------------------------------------------
CASES = [(5, 1, 2), (4, 2, 1), (6, 1, 2), (4, 2, 2), (5, 3, 1), (4, 1, 3)]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("D", "n", "w"), CASES)
def test_the_search_finds_the_optimum_of_the_plain_algorithm(name, D, n, w):
    X, y = data(D + n, D, n, name == "hinge")
    plain = plain_algorithm(X, y, w, name) if w < 3 else None
    exact = fit_globally(X, y, w, name, gap=0, starts=3)
    close = fit_globally(X, y, w, name, starts=1)

    assert exact.exact and exact.lower == exact.value
    assert plain is None or (plain.value == exact.value and plain.branches == (2 * plain.dichotomies) ** w)
    assert close.lower <= exact.value <= close.value
    assert (1 - close.gap) * close.value <= close.lower
    for fit in (exact, close):
        assert fit.check() and fit.covered == fit.choices
        assert fit.dichotomies == len(dichotomies(X))


@pytest.mark.parametrize("X", DEGENERATE)
@pytest.mark.parametrize("name", LOSSES)
def test_degenerate_data_with_contradictory_labels(X, name):
    y = [(-1) ** j for j in range(len(X))]
    fit = fit_globally(X, y, 1, name, gap=0)

    assert fit.check() and fit.value == plain_algorithm(X, y, 1, name).value


def test_contradictory_labels_cost_what_they_must():
    # one point with labels 0 and 2, one with 5: nothing does better than the mean
    assert fit_globally([1, 1, 3], [0, 2, 5], 2, gap=0).value == Fraction(2, 3)
    assert fit_globally([1, 1, 3], [0, 2, 5], 2, "absolute", gap=0).value == Fraction(2, 3)


@pytest.mark.parametrize(("y", "w", "value"), [
    ([2, 1, 0, 1, 2], 1, None),
    ([2, 1, 0, 1, 2], 2, 0),  # |x|
    ([-2, -1, 0, 1, 2], 1, None),  # x alone needs two neurons
    ([-2, -1, 0, 1, 2], 2, 0),
    ([1, 2, 3, 4, 5], 1, 0),  # x + 3 is positive on the data: one neuron, all points active
    ([0, 1, 0, 1, 0], 2, None),
    ([0, 1, 0, 1, 0], 3, None),  # three bends would do, but with free outer slopes
    ([0, 1, 0, 1, 0], 4, 0),
])  # fmt: skip
def test_which_functions_a_width_can_fit(y, w, value):
    fit = fit_globally([-2, -1, 0, 1, 2], y, w, "absolute", gap=0)

    assert (fit.value == 0) == (value == 0)
    assert fit.check()


def test_exclusive_or_needs_two_neurons():
    # relu(x1 - x2) misses one corner
    assert fit_globally(CORNERS, [0, 1, 1, 0], 1, "absolute", gap=0).value == Fraction(1, 4)
    # |x1 - x2|
    assert fit_globally(CORNERS, [0, 1, 1, 0], 2, gap=0).value == 0


@pytest.mark.parametrize("name", LOSSES)
def test_threads_find_the_same_optimum(name):
    X, y = data(5, 7, 1, name == "hinge")
    alone = fit_globally(X, y, 2, name, gap=0)
    with ThreadPoolExecutor(2) as pool:
        together = fit_globally(X, y, 2, name, gap=0, executor=pool)

    assert alone.value == together.value and together.check()


def test_the_branches_that_are_kept_bound_their_choices():
    X, y = data(8, 5, 1)
    fit = fit_globally(X, y, 2, gap=0, record=True)
    branches = fit.closed_branches()
    assert len(branches) == fit.cut
    tree = CellTree.of(read_points(X))
    task = fit_search.Task.of(tree, [Fraction(v) for v in y], Loss("squared"), 2)
    first = task.offsets[-2]
    checked = 0
    for branch in branches:
        assert branch.bound >= fit.value
        p = branch.signs.count(1)
        for cells in itertools.product(range(tree.cells), repeat=2):
            bits = []
            for c in cells:
                pattern = tree.patterns[task.levels[-1].final[c]]
                side = {j: pattern >> k & 1 for k, copies in enumerate(tree.order) for j in copies}
                bits.append(tuple(side[j] for j in branch.decided))
            flips = [tuple(1 - b for b in row) for row in branch.bits]
            if all(b == a or (branch.either and b == f) for b, a, f in zip(bits, branch.bits, flips, strict=True)):
                exact = task.solve_exactly([task.problem.rows.size - 1, p, *(first + c for c in cells)])[0].value
                assert branch.bound <= exact / len(y)
                checked += 1
    assert checked >= fit.choices - fit.solved


def test_nobody_does_better_than_the_optimum():
    X, y = data(3, 8, 2)
    fit = fit_globally(X, y, 2)
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(2000, 2, 2)), rng.normal(size=(2000, 2))
    hidden = np.maximum(np.einsum("kij,dj->kdi", A, np.array(X)) + b[:, None], 0)
    # for random hidden layers the best output layer of any sign
    losses = []
    for layer in hidden:
        weights = np.linalg.lstsq(layer, np.array(y), rcond=None)[0]
        losses.append(float(np.mean((layer @ weights - y) ** 2)))

    assert min(losses) > fit.lower


@pytest.mark.parametrize("scale", [Fraction(10) ** 400, Fraction(1, 10**400), Fraction(1, 3)])
@pytest.mark.parametrize("name", ["squared", "absolute"])
def test_labels_and_points_of_any_size(scale, name):
    X, y = data(2, 5, 2)
    plain = fit_globally(X, y, 1, name, gap=0)
    scaled = fit_globally([[v / scale for v in x] for x in X], [v * scale for v in y], 1, name, gap=0)

    assert scaled.value == plain.value * (scale**2 if name == "squared" else scale)
    assert scaled.check()


@pytest.mark.parametrize("size", [10**11, 10**400], ids=["1e11", "1e400"])
def test_labels_far_larger_than_the_bend_of_the_huber_loss(size):
    # slopes that count in units of the labels vanish in floats: the first fit found no branch at all
    fit = fit_globally([0, 1, 2, 3, 4], [size, 0, 2 * size, 0, size], 1, "huber")

    assert fit.check() and fit.value == Fraction(3 * size, 5) - Fraction(7, 20)
    assert round(fit.cross_check() / float(fit.value), 6) == 1 if size < 10**300 else math.isnan(fit.cross_check())


@pytest.mark.parametrize("delta", [Fraction(1, 10**400), Fraction(1, 10**12), Fraction(1, 3), 10**30, 10**400])
def test_bends_of_the_huber_loss_of_any_size(delta):
    X, y = [0, 1, 2, 3, 4], [1, 0, 2, 0, 1]
    fit = fit_globally(X, y, 1, "huber", delta=delta, gap=0, starts=1)

    assert fit.check() and fit.value == plain_algorithm(X, y, 1, "huber", delta=delta).value
    if delta > 5:  # half of the squared loss
        assert fit.value == fit_globally(X, y, 1, gap=0).value / 2
    # cvxpy once got 1e30 and failed on 1e400
    assert abs(fit.cross_check() - float(fit.value)) <= 1e-6 * min(1, float(delta if delta < 1 else 1))


def test_cvxpy_on_labels_that_differ_too_much_for_floats():
    fit = fit_globally([0, 1, 2, 3], [Fraction(1, 10**100), 10**100, 1, -(10**100)], 1)

    # the solver failed on the squares of these; what it gets now are labels of size 1
    assert round(fit.cross_check() / float(fit.value), 6) == 1
    # points that coincide in floats, labels that fit no float
    assert math.isnan(fit_globally([0, Fraction(1, 10**30), 1], [1, 0, 2], 1).cross_check())
    assert math.isnan(fit_globally([1, 1], [10**400, 0], 1).cross_check())


def test_progress_of_losses_beyond_the_floats():
    seen = []
    fit_globally([1, 1], [10**400, 0], 1, progress=seen.append)

    assert seen[-1].value == math.inf


# -- the proof ------------------------------------------------------------------------
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("D", "n", "w", "gap"), [(5, 1, 2, 0), (6, 2, 1, 0), (5, 3, 1, Fraction(1, 2))])
def test_every_bound_of_a_recorded_search_is_proved_again(name, D, n, w, gap):
    X, y = data(D + 3, D, n, name == "hinge")
    fit = fit_globally(X, y, w, name, gap=gap, record=True, starts=3)

    assert fit.check() and len(fit.closed_branches()) == fit.cut


@pytest.mark.parametrize("gap", [Fraction(1, 10**30), Fraction(99, 100), 1 - Fraction(1, 10**400)])
def test_no_rounding_takes_more_than_the_gap(gap):
    for seed in range(3):
        fit = fit_globally(*data(seed, 7, 2), 1, gap=gap, starts=1)

        assert fit.lower >= (1 - gap) * fit.value and fit.check()


@pytest.fixture(scope="module")
def recorded():
    return fit_globally(*data(3, 9, 2), 1, gap=Fraction(1, 4), record=True)


def test_a_forged_fit_does_not_pass(recorded):
    fit = recorded
    assert fit.check() and fit.lower < fit.value
    winner = fit._fit
    for forged in (
        replace(fit, lower=fit.value, exact=True),
        replace(fit, lower=fit.lower / 2),
        replace(fit, exact=True),
        replace(fit, gap=Fraction(0)),
        replace(fit, value=fit.value / 2),
        replace(fit, _fit=replace(winner, dual=(Fraction(99),) * 9)),
        replace(fit, _fit=replace(winner, dual=(Fraction(99),) * 3)),
        replace(fit, _fit=replace(winner, weights=winner.weights[1:])),
        replace(fit, signs=tuple(-s for s in fit.signs)),
        replace(fit, bits=tuple(tuple(1 - b for b in row) for row in fit.bits)),
        replace(fit, choices=fit.choices + 1, covered=fit.covered + 1),
        replace(fit, dichotomies=fit.dichotomies - 2),
        replace(fit, network=fit_globally(*data(2, 9, 2), 1).network),
    ):
        assert not forged.check()


def test_a_forged_record_does_not_pass(recorded):
    first, *others = recorded._closed
    bounds = first.bounds.copy()
    bounds[first.cut.argmax()] += 1
    parent = first.nodes[:1].copy()
    parent[0] = [-1, parent[0, 1], 0]
    for forged in (
        first._replace(bounds=bounds),  # a bound that is not true
        fit_search.Closed(*(a[1:] for a in first)),  # a branch is missing
        fit_search.Closed(*(np.concatenate([a, a[:1]]) for a in first)),  # one is there twice
        fit_search.Closed(np.concatenate([first.nodes[1:], parent]), first.bounds, first.cut),  # one below another
    ):
        assert not replace(recorded, _closed=[forged, *others]).check()


def test_the_search_ends_at_a_fit_without_loss():
    # nine independent points: every choice is a first branch, and any labels can be fitted
    rng = random.Random(0)
    X = [[rng.randint(-9, 9) for _ in range(8)] for _ in range(9)]
    y = [rng.randint(-3, 3) for _ in X]
    with ThreadPoolExecutor(2) as pool:
        fits = [fit_globally(X, y, 3, starts=3, record=True), fit_globally(X, y, 3, starts=3, executor=pool)]
    for fit in fits:
        assert fit.exact and fit.value == 0 and fit.branches < 100_000 and fit.check()
    assert fits[0].choices == fits[0].covered > 10**8
    assert [branch.bits for branch in fits[0].closed_branches()] == [((), (), ())] * 4


def test_first_branches_are_made_some_at_a_time():
    X, y = data(4, 6, 4)
    task = fit_search.Task.of(CellTree.of(read_points(X)), [Fraction(v) for v in y], Loss("squared"), 12)
    some = next(task.roots())  # of 10^19

    assert len(some) == fit_search.ROOTS and len({tuple(node) for node in some.tolist()}) == len(some)


def test_too_many_dichotomies_are_refused_before_they_fill_the_memory():
    with pytest.raises(InputError, match=r"26 of the 30 data points in 25 dimensions have 67108864 dichotomies"):
        fit_globally(np.random.default_rng(0).integers(-9, 9, size=(30, 25)), [1] * 30, 1)
    with pytest.raises(InputError, match=r"dichotomies, too many to search; take fewer points, dimensions or neurons"):
        fit_globally(range(60), [0] * 60, 20)


def test_cvxpy_agrees_on_the_winner():
    for name in LOSSES:
        X, y = data(6, 6, 2, name == "hinge")
        fit = fit_globally(X, y, 1, name)
        assert round(fit.cross_check() - float(fit.value), 5) == 0


def test_progress_is_told_to_a_function():
    seen = []
    fit = fit_globally(*data(1, 6, 2), 2, progress=seen.append)

    assert seen[-1].fraction == 1.0 and seen[-1].branches == fit.branches


@pytest.mark.parametrize(("change", "message"), [
    ({"width": 0}, "width is 0; give a whole number"),
    ({"width": 64}, "width is 64; the search takes at most 20 neurons, and as many as there are different"),
    ({"loss": "cubic"}, "loss is 'cubic'; choose one of squared, absolute, hinge, huber"),
    ({"loss": "hinge", "y": [1, 2, -1]}, r"y\[1\] is 2; the hinge loss takes labels -1 and 1"),
    ({"y": [1, 2]}, r"y has shape \(2,\); give one number for each of the 3 data points"),
    ({"X": [[1], [2, 3], [1]]}, "X has rows of different lengths"),
    ({"X": []}, r"X has shape \(0, 1\); give at least one data point"),
    ({"y": [1, float("nan"), 2]}, r"y\[1\] is nan; every number must be finite"),
    ({"loss": "huber", "delta": 0}, "delta is 0; the Huber loss needs a positive one"),
    ({"gap": 1}, "gap is 1; give a share of the optimum from 0"),
    ({"starts": 0}, "starts is 0; give a whole number from 1 up"),
    ({"executor": 2}, "executor is of type int; give a concurrent.futures.Executor"),
])  # fmt: skip
def test_bad_input_is_named(change, message):
    given_ = {"X": [1, 2, 3], "y": [1, 2, 3], "width": 1} | change
    with pytest.raises(InputError, match=message):
        fit_globally(given_.pop("X"), given_.pop("y"), given_.pop("width"), **given_)


def test_the_plain_algorithm_says_when_it_is_too_much():
    with pytest.raises(InputError, match="the plain algorithm needs 3041536 convex programs here"):
        plain_algorithm(np.random.default_rng(0).integers(-999, 999, size=(30, 2)), [0] * 30, 2)


def test_branches_that_were_not_kept():
    with pytest.raises(InputError, match="call fit_globally with record=True"):
        fit_globally([1, 2], [0, 1], 1).closed_branches()
