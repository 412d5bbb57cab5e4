"""Volumes, extrema, integrals, Lipschitz constants, shares of classes: closed forms, and a second computation."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, he_network, max_chain, tents
from strategies import networks, networks_in_boxes

import polyrelu as pr
from polyrelu.exact import rational_sum
from polyrelu.spectral import RootSum, largest_squared_norm, sqrt_floats


def complex_of(net, lo, hi):
    return pr.enumerate_regions(net, pr.Box(lo, hi), progress=False)


def absolute_sum(d):
    """Return |x_1| + .. + |x_d|."""
    rows = [[s * int(i == k) for i in range(d)] for k in range(d) for s in (1, -1)]
    return build([(rows, [0] * 2 * d), ([[1] * 2 * d], [0])])


MAX = max_chain(2)
# median = x + y + z - (max(x, y) + relu(z - max)) - (min(x, y) - relu(min - z)); max + min of two is x + y
MEDIAN = pr.ReluNetwork(
    [
        [[-1, 1, 0], [1, -1, 0]],
        [[-1, 0, 1, -1, 0], [1, 0, -1, 0, -1]],
        [[0, 0, 1, 0, 0, -1, 1]],
    ],
    [[0, 0], [0, 0], [0]],
)
# relu(1 - |x| - |y|)
HAT = build([([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4), ([[-1] * 4], [1]), ([[1]], [0])])


# -- closed forms ---------------------------------------------------------------------
def test_max_of_two():
    cx = complex_of(MAX, [0, 0], [1, 2])

    assert cx.volumes() == [F(1, 2), F(3, 2)]
    assert (cx.integral(), cx.mean()) == (F(13, 6), F(13, 12))  # y, and (x - y)^2 / 2 more below the diagonal
    assert cx.maximum() == (F(2), cx.maximum().point, None, cx.maximum().region)
    assert cx.maximum().point[1] == 2
    assert cx.minimum()[:2] == (F(0), (F(0), F(0)))
    assert [cx.lipschitz(n).value for n in (1, math.inf)] == [1, 1]
    assert cx.lipschitz(2).squared == (1, 1)
    assert (cx.lipschitz(2).lower, cx.lipschitz(2).upper) == (1.0, 1.0)


def test_sum_of_absolute_values():
    cx = complex_of(absolute_sum(3), [-1] * 3, [1] * 3)

    assert cx.volumes() == [F(1)] * 8
    assert (cx.integral(), cx.range()) == (F(12), (F(0), F(3)))
    assert cx.minimum().point == (0, 0, 0)
    lips = [cx.lipschitz(norm) for norm in (1, 2, math.inf)]
    assert [(c.value, c.squared.lower, c.squared.upper) for c in lips] == [(1, 1, 1), (None, 3, 3), (3, 9, 9)]
    assert lips[1].lower < lips[1].upper == math.nextafter(lips[1].lower, 2) and lips[1].lower**2 <= 3


def test_median_of_three():
    points = np.array(list(itertools.product([F(0), F(1, 3), F(1, 2), F(1)], repeat=3)), dtype=object)
    assert MEDIAN(points)[:, 0].tolist() == [sorted(p)[1] for p in points.tolist()]
    cx = complex_of(MEDIAN, [0] * 3, [1] * 3)

    assert sum(cx.volumes()) == 1
    assert (cx.mean(), cx.range()) == (F(1, 2), (F(0), F(1)))
    assert cx.lipschitz(math.inf).value == 1


@pytest.mark.parametrize("k", [1, 3, 6])
def test_tents(k):
    cx = complex_of(tents(k), [0], [1])

    assert cx.volumes() == [F(1, 2**k)] * 2**k
    assert (cx.mean(), cx.range()) == (F(1, 2), (F(0), F(1)))
    assert cx.maximum().point[0].denominator == 2**k
    assert cx.lipschitz(1).value == cx.lipschitz(math.inf).value == 2**k
    assert cx.lipschitz(2).squared.lower == cx.lipschitz(2).squared.upper == 4**k


def test_hat():
    cx = complex_of(HAT, [-2, -2], [2, 2])

    assert cx.integral() == F(2, 3)  # a pyramid over a square of area 2
    assert cx.maximum()[:2] == (F(1), (F(0), F(0)))
    assert sorted(cx.volumes()) == [F(1, 2)] * 4 + [F(7, 2)] * 4


def test_linear_combinations_of_outputs():
    net = pr.ReluNetwork([[[1], [-1]], [[1, 0], [0, 1]]], [[0, 0], [0, F(1, 3)]])
    cx = complex_of(net, [-1], [2])

    assert cx.range([1, -1]) == (F(-4, 3), F(5, 3))
    assert cx.integral([1, -1]) == F(2) - F(1, 2) - 1
    assert cx.integral(["1/2", 0]) == 1


# -- unbounded domains ----------------------------------------------------------------
def test_an_unbounded_output_has_a_ray():
    cx = pr.enumerate_regions(MAX, None, progress=False)
    top = cx.maximum()

    assert top.value == math.inf and cx.range() == (-math.inf, math.inf)
    assert top.ray is not None
    values = [MAX(np.array([[p + t * v for p, v in zip(top.point, top.ray, strict=True)]], dtype=object))[0, 0] for t in (0, 1, 2)]
    assert values[2] - values[1] == values[1] - values[0] > 0
    assert cx[top.region].contains([p + 10 * v for p, v in zip(top.point, top.ray, strict=True)])


def test_a_bounded_output_of_an_unbounded_domain():
    minus = build([([[1, 0], [-1, 0]], [0, 0]), ([[-1, -1]], [5])])  # 5 - |x|, constant along y
    cx = pr.enumerate_regions(minus, None, progress=False)

    assert cx.maximum().value == 5 and cx.maximum().point[0] == 0
    assert cx.minimum().value == -math.inf
    affine = pr.enumerate_regions(build([([[0, 0]], [7])]), None, progress=False)
    assert affine.range() == (7, 7)
    line = pr.enumerate_regions(build([([[0, -2]], [7])]), None, progress=False)
    assert line.maximum().value == math.inf and line.maximum().ray == (0, -1)


def test_an_unbounded_domain_has_no_volume():
    cx = pr.enumerate_regions(MAX, None, progress=False)
    for ask in (cx.volumes, cx.integral, cx.mean, cx.class_shares):
        with pytest.raises(pr.DomainError, match="unbounded"):
            ask()


# -- a second computation -------------------------------------------------------------
def moment(vertices, form):
    """Integrate an affine function over the convex hull of points by decomposing it with scipy."""
    from scipy.spatial import Delaunay

    points = np.array(vertices, dtype=float)
    total = 0.0
    for simplex in Delaunay(points).simplices:
        corners = points[simplex]
        size = abs(np.linalg.det(corners[1:] - corners[0])) / math.factorial(points.shape[1])
        total += size * (corners @ form[:-1] + form[-1]).mean()
    return total


@pytest.mark.parametrize("sizes", [(2, 8, 8, 2), (3, 5, 5, 2), (4, 5, 2)])
def test_qhull_agrees(sizes):
    from scipy.spatial import ConvexHull

    d = sizes[0]
    cx = complex_of(he_network(sizes, 3), [-1] * d, [1] * d)
    hulls = [ConvexHull(np.array(region.vertices, dtype=float), qhull_options="QJ").volume for region in cx]

    assert sum(cx.volumes()) == 2**d
    assert np.allclose(np.array(cx.volumes(), dtype=float), hulls, rtol=1e-9, atol=1e-9)
    if d < 4:
        forms = [region.affine_map.forms.to_float()[0][1] for region in cx]
        assert float(cx.integral(1)) == pytest.approx(
            sum(moment(r.vertices, form) for r, form in zip(cx, forms, strict=True)), rel=1e-7
        )
    assert cx.volumes() == [region.volume for region in cx]


@settings(max_examples=20)
@given(networks_in_boxes(max_neurons=5))
def test_extrema_and_lipschitz_constants_against_every_region(case):
    net, (lo, hi) = case
    cx = complex_of(net, lo, hi)

    assert cx.volumes() == [region.volume for region in cx]
    for output in range(net.output_dim):
        values = [v for region in cx for v in net(region.vertices)[:, output]]
        assert cx.range(output) == (min(values), max(values))
        assert net(np.array([cx.maximum(output).point], dtype=object))[0, output] == max(values)
    maps = [region.affine_map.forms.fractions()[:, :-1] for region in cx]
    assert cx.lipschitz(math.inf).value == max(abs(A).sum(axis=1).max() for A in maps)
    assert cx.lipschitz(1).value == max(abs(A).sum(axis=0).max() for A in maps)
    spectral = cx.lipschitz(2)
    largest = max(np.linalg.norm(A.astype(float), 2) for A in maps)
    assert spectral.lower <= largest * (1 + 1e-12) and largest <= spectral.upper * (1 + 1e-12)
    assert spectral.upper <= spectral.lower * (1 + 1e-11)


@settings(max_examples=20)
@given(networks_in_boxes(d=2, max_neurons=5))
def test_integrals_by_greens_theorem(case):
    net, (lo, hi) = case
    cx, total = complex_of(net, lo, hi), F(0)
    for region in cx:
        a, b, c = region.affine_map.forms.fractions()[0]
        mid = region.interior_point
        ring = sorted(region.vertices.tolist(), key=lambda v: math.atan2(v[1] - mid[1], v[0] - mid[0]))
        for (x, y), (u, v) in zip(ring, ring[1:] + ring[:1], strict=True):
            cross = x * v - u * y
            total += cross * (a * (x + u) / 6 + b * (y + v) / 6 + c / 2)

    assert cx.integral() == total
    assert cx.mean() == total / cx.domain.volume()
    bounds = cx.integral(bits=20)
    assert bounds.lower <= total <= bounds.upper == bounds.lower + F(len(cx), 2**20)
    assert cx.mean(bits=20).lower <= cx.mean() <= cx.mean(bits=20).upper


@settings(max_examples=20)
@given(networks(max_neurons=4, max_outputs=4), st.sampled_from(["argmax", "argmin"]))
def test_shares_of_classes_against_cutting_every_region(net, classes):
    d, sign = net.input_dim, 1 if classes == "argmax" else -1
    cx = complex_of(net, [-2] * d, [3] * d)
    expected = {}
    for region in cx:
        forms = region.affine_map.forms.fractions()
        groups = {}  # outputs that agree on the region
        for k, form in enumerate(forms.tolist()):
            groups.setdefault(tuple(form), []).append(k)
        for form, group in groups.items():
            rows = [[sign * (v - u) for u, v in zip(form, other, strict=True)] for other in groups]
            A = [*([-v for v in r[:-1]] for r in region.polytope.rows), *(r[:-1] for r in rows)]
            b = [*(r[-1] for r in region.polytope.rows), *(-r[-1] for r in rows)]
            size = pr.HPolytope(np.array(A, dtype=object).reshape(-1, d), b).volume()
            key = tuple(group) if len(group) > 1 else group[0]
            expected[key] = expected.get(key, 0) + size / 5**d

    shares = cx.class_shares(classes)
    assert {k: v for k, v in shares.items() if v} == {k: v for k, v in expected.items() if v}
    assert set(range(net.output_dim)) <= set(shares)
    assert sum(shares.values()) == 1


def test_a_tie_has_a_share_of_its_own():
    net = pr.ReluNetwork([[[1]], [[1], [0], [-1]]], [[0], [0, 0, 0]])  # relu(x), 0, -relu(x)
    cx = complex_of(net, [-1], [2])

    assert cx.class_shares() == {0: F(2, 3), 1: 0, 2: 0, (0, 1, 2): F(1, 3)}
    assert repr(cx.class_shares("argmin")) == "{0: 0, 1: 0, 2: 2/3, (0, 1, 2): 1/3}"


# -- triangulations -------------------------------------------------------------------
def test_triangulations():
    cube = pr.Box([0] * 3, [1] * 3)
    corners = cube.vertices()
    sizes = [abs(np.linalg.det((corners[list(s[1:])] - corners[s[0]]).astype(float))) / 6 for s in cube.triangulation()]
    assert len(sizes) == 6 and sum(sizes) == pytest.approx(1)
    flat = pr.HPolytope([[1, 1], [-1, -1], [1, 0], [-1, 0]], [1, -1, 2, 0])  # from (0, 1) to (2, -1)
    assert (flat.vertices().tolist(), flat.triangulation()) == ([[0, 1], [2, -1]], [(0, 1)])
    assert pr.Box([1], [1]).triangulation() == [(0,)]
    assert pr.HPolytope([[1], [-1]], [0, -1]).triangulation() == []
    with pytest.raises(pr.DomainError, match="unbounded"):
        pr.HPolytope([[1]], [0]).triangulation()


# -- histogram, stable neurons, bad input ---------------------------------------------
def test_histogram():
    cx = complex_of(HAT, [-2, -2], [2, 2])

    assert cx.volume_histogram().edges == [F(1, 2), F(1), F(2), F(4)]
    assert cx.volume_histogram().counts == [4, 0, 4]
    assert cx.volume_histogram(2) == ([4, 4], [0, F(7, 4), F(7, 2)])
    assert cx.volume_histogram(["1/2", "7/2"]).counts == [8]
    assert cx.volume_histogram(["1/4", "1/2", 3]).counts == [0, 4]
    for bins in (0, [1], [2, 1]):
        with pytest.raises(pr.InputError, match="bins"):
            cx.volume_histogram(bins)


def test_stable_neurons():
    first, second = [[1, 0], [0, 0], [0, 0], [1, 1]], [[1, 0, 0, 0], [0, 0, 1, 1]]
    net = pr.ReluNetwork([first, second, [[1, 1]]], [[0, 1, -1, 2], [1, 0], [0]])

    assert complex_of(net, [-1, -1], [1, 1]).stable_neurons() == ([1, 3, 4, 5], [2])


@pytest.mark.parametrize("output", [2, -1, "0", [1], 0.5, None])
def test_outputs_that_do_not_exist(output):
    cx = complex_of(pr.ReluNetwork([[[1], [2]]], [[0, 0]]), [0], [1])
    with pytest.raises(pr.InputError, match="output"):
        cx.maximum(output)


def test_other_bad_input():
    cx = complex_of(HAT, [-2, -2], [2, 2])
    with pytest.raises(pr.InputError, match="norm is 3; choose 1, 2 or math.inf"):
        cx.lipschitz(3)
    with pytest.raises(pr.InputError, match="choose 'argmax' or 'argmin'"):
        cx.class_shares("max")
    part = pr.enumerate_regions(HAT, pr.Box([-2, -2], [2, 2]), limit=3, progress=False)
    assert len(part.volumes()) == 3 and part.mean() == part.integral() / sum(part.volumes())
    with pytest.raises(pr.InputError, match="the enumeration is incomplete"):
        part.class_shares()


# -- numbers --------------------------------------------------------------------------
@settings(max_examples=25)
@given(st.lists(st.fractions(max_denominator=1000), max_size=9))
def test_sums_of_rationals(values):
    assert rational_sum(values) == sum(values, F(0))


@settings(max_examples=30)
@given(st.lists(st.fractions(min_value=0), min_size=1, max_size=5))
def test_sums_of_roots(squares):
    total = RootSum(tuple(squares))
    lower, upper = total.bounds()

    assert lower <= upper and F(float(total)) - F(total.error) <= lower and upper <= F(float(total)) + F(total.error)
    for square in squares:
        low, high = map(F, sqrt_floats(square))
        assert low**2 <= square <= high**2 and float(high) <= math.nextafter(float(low), math.inf)
    assert RootSum((F(1, 4), F(9))).bounds() == (F(7, 2), F(7, 2))


@given(st.lists(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=3, max_size=4), min_size=1))
def test_spectral_norms(stack):
    stack = [rows + [[0] * 3] * (4 - len(rows)) for rows in stack]
    lower, upper, index = largest_squared_norm((rows, 3) for rows in stack)
    exact = [np.linalg.norm(np.array(rows), 2) ** 2 / 9 for rows in stack]

    assert float(lower) <= max(exact) * (1 + 1e-12) + 1e-300 and max(exact) <= float(upper) * (1 + 1e-12)
    assert upper <= lower * (1 + F(1, 2**40))
    assert exact[index] == pytest.approx(max(exact), rel=1e-9)


# -- real data ------------------------------------------------------------------------
def test_an_acas_slice(shared_data):
    net = pr.load(shared_data / "acasxu" / "ACASXU_run2a_1_1_batch_2000.onnx")
    rows = [[int(i == k) for i in range(5)] for k in (0, 1)]
    part = net.restrict([0] * 5, rows)
    cx = complex_of(part, [-F(1, 16)] * 2, [F(1, 16)] * 2)

    assert rational_sum(cx.volumes()) == F(1, 64)
    assert rational_sum(cx.class_shares("argmin").values()) == 1
    low, high = cx.range(0)
    assert part(np.array([cx.maximum(0).point], dtype=object))[0, 0] == high > low


def test_answers_about_the_whole_domain_need_all_regions():
    """One region out of three says nothing about the others: both neurons switch beyond it."""
    net = pr.ReluNetwork([[[1], [1]], [[1, 1]]], [[0, F(-1, 2)], [0]])
    cx = pr.enumerate_regions(net, pr.Box([-1], [1]), limit=1, progress=False)
    for question in (cx.stable_neurons, cx.lipschitz):
        with pytest.raises(pr.InputError, match="regions are missing"):
            question()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda cx: cx.lipschitz("a"), "norm is 'a'; choose 1, 2 or math.inf"),
        (lambda cx: cx.integral(bits=-1), "bits is -1; give a whole number"),
        (lambda cx: cx.mean(bits="a"), "bits is 'a'; give a whole number"),
        (lambda cx: cx.volume_histogram(2.5), "bins is 2.5; give a whole number of bins"),
        (lambda cx: cx.decision_boundary(0, 1.9), "1.9 is not the number of an output; give two of 0 to 1"),
        (lambda cx: cx.decision_boundary(0, "a"), "'a' is not the number of an output"),
    ],
)
def test_questions_that_make_no_sense(question, message):
    cx = pr.enumerate_regions(pr.ReluNetwork([[[1]], [[1], [2]]], [[0], [0, 0]]), pr.Box([-1], [1]), progress=False)
    with pytest.raises(pr.InputError, match=message):
        question(cx)
