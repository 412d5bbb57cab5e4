"""Global training: dichotomies against Cover's count, bounds against exact optima, the search against all programs."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
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
@settings(max_examples=60)
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
    assert (1 - Fraction(1, 2**19)) * close.value <= close.lower
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
