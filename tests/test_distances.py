"""Distances: to the boundary of a region, to jumps of the gradient, to decision boundaries.

Exact ones against brute force over all regions of a complex, floats against exact ones, proposals against proofs.
"""

from __future__ import annotations

import doctest
import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import he_network
from strategies import boxes, systems
from strategies import networks as small_networks

import polyrelu as pr
from polyrelu.cells import as_point, cells
from polyrelu.examples import example_path
from polyrelu.lp import float_rows
from polyrelu.theory.distances import (
    boundary_distances,
    decision_distance,
    decision_distances,
    discontinuity_distance,
    discontinuity_distances,
    exact_boundary_distance,
)
from polyrelu.theory.lines import regions_on_segment
from polyrelu.theory.nearest_point import ExactRows
from polyrelu.theory.nearest_proposal import FloatRows, distance_bounds, size

NORMS = (1, 2, math.inf)


@settings(max_examples=40)
@given(small_networks(max_neurons=6), st.lists(st.integers(-6, 6), min_size=3, max_size=3))
def test_floats_agree_with_exact_distances(net, numbers):
    x = [F(v, 4) for v in numbers[: net.input_dim]]
    if len(x) < net.input_dim:
        return
    for norm in NORMS:
        exact = exact_boundary_distance(net, x, norm)
        found = boundary_distances(net, [[float(v) for v in x]], norm)
        power = found.values[0] ** 2 if norm == 2 else found.values[0]
        assert power == pytest.approx(float(exact.power), rel=1e-12)
        assert (found.neurons[0] == -1) == (exact.neuron == -1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("norm", NORMS)
def test_no_nearer_point_has_another_pattern(seed, norm):
    """Towards the responsible kink the pattern changes just beyond the distance, and nowhere before it."""
    net = he_network((3, 8, 8, 1), seed=seed)
    x = [F(v) for v in np.random.default_rng(seed).normal(size=3).tolist()]
    power, neuron = exact_boundary_distance(net, x, norm)
    row = net.neuron_rows(net.pattern(np.array(x, dtype=object)))[neuron]
    z = sum((a * v for a, v in zip(row, x, strict=False)), F(row[-1]))
    slopes = np.array(row[:-1], dtype=object)
    if norm == 2:
        step = slopes
    elif norm == 1:  # along the coordinate with the largest slope
        step = np.array([a if abs(a) == max(map(abs, slopes)) else 0 for a in slopes], dtype=object)
    else:
        step = np.sign(slopes.astype(float)).astype(int).astype(object)
    step = step * (-z / (step @ slopes))  # to the kink
    length = sum(v * v for v in step) if norm == 2 else sum(map(abs, step)) if norm == 1 else max(map(abs, step))
    line = regions_on_segment(net, x, [a + 2 * b for a, b in zip(x, step, strict=True)])

    assert length == power
    assert line.breakpoints[0] == F(1, 2) and neuron in line.neurons[0]


def test_constants_are_infinitely_far():
    net = pr.ReluNetwork([[[0, 0]], [[1]]], [[1], [0]])
    assert exact_boundary_distance(net, [0, 0]) == (math.inf, -1)
    assert boundary_distances(net, [[0.0, 0.0]]).values.tolist() == [math.inf]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: boundary_distances(net, [0.0, 0.0]), r"points have shape \(2,\); expected \(k, 2\)"),
        (lambda net: boundary_distances(net, [[0.0, 0.0]], 3), "norm is 3; choose 1, 2 or math.inf"),
        (lambda net: exact_boundary_distance(net, [0]), "x has 1 coordinates"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(pr.InputError, match=message):
        call(he_network((2, 3, 1)))


# -- brute force in the plane and on a line -----------------------------------------------
def segment_distance(x, a, b, norm):
    """Return the size of the way from x to a segment: a convex function of one parameter, least at a kink."""
    u, v = [p - q for p, q in zip(a, x, strict=True)], [q - p for p, q in zip(a, b, strict=True)]
    times = {F(0), F(1)}
    if norm == 2:
        square = sum(c * c for c in v)
        times |= {-sum(p * q for p, q in zip(u, v, strict=True)) / square} if square else set()
    else:
        forms = list(zip(u, v, strict=True))
        forms += [(p + s * r, q + s * w) for (p, q), (r, w) in itertools.combinations(forms, 2) for s in (1, -1)]
        times |= {-p / q for p, q in forms if q}
    return min(size([p + t * q for p, q in zip(u, v, strict=True)], norm) for t in times if 0 <= t <= 1)


def polygon_distance(x, polygon, norm):
    """Return the size of the way from x to the rim of a polygon, given by its vertices in order."""
    sides = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return min((segment_distance(x, a, b, norm) for a, b in sides), default=math.inf)


def clip(polygon, form):
    """Cut a polygon with an affine form >= 0; what is left may be an edge or a vertex."""
    out = []
    for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        p, q = (sum(c * v for c, v in zip(form, y, strict=False)) + form[-1] for y in (a, b))
        if p >= 0:
            out.append(a)
        if p * q < 0:
            out.append(tuple(u + (v - u) * p / (p - q) for u, v in zip(a, b, strict=True)))
    return out


def jump_distance(cx, x, norm):
    """Return the size of the way from x to the facets between regions with different Jacobians."""
    found, slopes = list(cells(cx)), range(cx.network.input_dim)
    best = math.inf
    for i, j in cx.edges.tolist():
        if found[i].outputs.columns(slopes) != found[j].outputs.columns(slopes):
            shared = [as_point(c) for c in found[i].corners if c in found[j].corners]
            best = min(best, polygon_distance(x, shared, norm))
    return best


def tie_distance(cx, x, norm, level):
    """Return the size of the way from x to the points where two outputs are largest, or one is at the level."""
    best = math.inf
    for cell in cells(cx):
        forms = cell.outputs.fractions().tolist()
        if len(forms) == 1:
            pairs = [([*forms[0][:-1], forms[0][-1] - level], [])]
        else:
            pairs = [
                ([p - q for p, q in zip(f, g, strict=True)],
                 [[p - q for p, q in zip(f, h, strict=True)] for h in forms if h is not f and h is not g])
                for f, g in itertools.combinations(forms, 2)
            ]  # fmt: skip
        for tie, above in pairs:
            polygon = [as_point(c) for c in cell.corners]
            for form in (tie, [-v for v in tie], *above):
                polygon = clip(polygon, form)
            best = min(best, polygon_distance(x, polygon, norm))
    return best


@settings(max_examples=15)
@given(st.data())
def test_nearest_points_agree_with_brute_force(data):
    d = data.draw(st.sampled_from([1, 2, 2]))
    net = data.draw(small_networks(d, 6, max_outputs=3))
    lo, hi = data.draw(boxes(d))
    box = pr.Box(lo, hi)
    x = tuple(a + F(data.draw(st.integers(0, 8)), 8) * (b - a) for a, b in zip(lo, hi, strict=True))
    norm = data.draw(st.sampled_from(NORMS))
    level = data.draw(st.integers(-2, 2)) if net.output_dim == 1 else 0
    cx = pr.enumerate_regions(net, box, progress=False)

    jump = discontinuity_distance(net, x, norm, domain=box)
    tie = decision_distance(net, x, norm, domain=box, level=level)

    assert jump.power == jump_distance(cx, x, norm)
    values = sorted(net(np.array(x, dtype=object)).tolist())
    here = values[-2:] == values[-1:] * 2 if len(values) > 1 else values[0] == level
    assert tie.power == (0 if here else tie_distance(cx, x, norm, level))
    for found in (jump, tie):
        assert found.complete
        if found.point is None:
            assert found.lower == found.upper == found.power == math.inf
        else:
            assert box.contains(found.point)
            assert size([a - b for a, b in zip(found.point, x, strict=True)], norm) == found.power
            assert (found.lower, found.upper) == distance_bounds(found.power, norm)
    if tie.point is not None:
        there = net(np.array(tie.point, dtype=object)).tolist()
        winners = tuple(k for k, v in enumerate(there) if v == max(there))
        assert tie.classes == winners and len(winners) > 1 if len(there) > 1 else there == [level]
    if jump.point is not None:
        # the neurons named vanish there
        z = net.preactivations(np.array(jump.point, dtype=object))
        assert jump.neurons and not any(z[list(jump.neurons)])


# -- in more dimensions -----------------------------------------------------------------
@pytest.mark.parametrize("norm", NORMS)
def test_decisions_agree_with_cvxpy_on_every_region(norm):
    net = he_network((3, 5, 2), seed=3)
    x = [0.5, -0.25, 1.0]
    found = decision_distance(net, x, norm)
    ((sign, other),) = [(1, -1)] if net(x)[0] < net(x)[1] else [(-1, 1)]

    best = math.inf
    for region in pr.enumerate_regions(net, None, progress=False):
        a, b = region.affine_map.forms.fractions().tolist()
        goal = [sign * p + other * q for p, q in zip(a, b, strict=True)]
        where = region.polytope.intersection(pr.HPolytope([[-v for v in goal[:-1]]], [goal[-1]]))
        if not where.is_empty():
            best = min(best, where.distance(x, norm))
    assert found.complete and found.upper == pytest.approx(best, rel=2.0**-12)


@pytest.mark.parametrize("norm", NORMS)
def test_digits(norm):
    """In 64 inputs: the gradient is one inside the ball, and another behind the point."""
    net = pr.load(example_path("digits"))
    x = np.load(example_path("digits_sample"))["images"][3] / 16
    found = discontinuity_distance(net, x, norm)

    assert found.complete and found.lower <= found.upper == np.nextafter(found.lower, math.inf)
    exact = [F(v) for v in x.tolist()]
    behind = [a + F(1025, 1024) * (b - a) for a, b in zip(exact, found.point, strict=True)]
    here, there = (net.pattern(np.array(p, dtype=object)) for p in (exact, behind))
    assert net.affine_map(here).forms.columns(range(64)) != net.affine_map(there).forms.columns(range(64))
    assert tuple(np.flatnonzero(here != there)) == found.neurons
    # no neuron is nearer that counts
    assert found.power == exact_boundary_distance(net, x, norm).power
    rng = np.random.default_rng(0)
    ways = rng.normal(size=(200, 64))
    inside = x + ways / np.linalg.norm(ways, norm, axis=1)[:, None] * found.lower * (1 - 2.0**-20)
    assert (net.pattern(inside) == here).all()


@pytest.mark.parametrize("norm", NORMS)
def test_a_limit_leaves_certified_bounds(norm):
    net = he_network((6, 12, 12, 3), seed=1)
    x = np.random.default_rng(0).normal(size=6)
    full = decision_distance(net, x, norm)
    assert full.complete and full.regions > 4
    last = 0.0
    for limit in (1, 2, 4):
        found = decision_distance(net, x, norm, limit=limit)
        assert not found.complete and found.power is None and found.regions == limit
        assert last <= found.lower <= full.lower <= full.upper <= found.upper < math.inf
        last = found.lower
        y = np.array(found.point, dtype=object)
        assert distance_bounds(size((y - [F(v) for v in x.tolist()]).tolist(), norm), norm)[1] == found.upper
        there = net(y)
        assert max(there) > there[np.argmax(net(x))] or len(found.classes) > 1


# -- closed forms and awkward cases -----------------------------------------------------
TENT = pr.ReluNetwork([[[1], [1]], [[2, -4]]], [[0, F(-1, 2)], [0]])


@pytest.mark.parametrize(("x", "power", "neurons"), [(-2, 2, (0,)), (F(1, 8), F(1, 8), (0,)), (3, F(5, 2), (1,)), (0, 0, (0,))])
@pytest.mark.parametrize("norm", NORMS)
def test_tent(x, power, neurons, norm):
    found = discontinuity_distance(TENT, [x], norm)
    assert (found.power, found.neurons) == (power**2 if norm == 2 else power, neurons)


def test_the_search_goes_through_kinks_that_no_output_sees():
    # kinks at x = 1 (output weight 0), x = 2 (behind a dead neuron), x = 3
    net = pr.ReluNetwork([[[1], [1], [1]], [[0, -1, 0], [0, 0, 1]], [[5, 1]]], [[-1, -2, -3], [-1, 0], [0]])
    found = discontinuity_distance(net, [0])
    assert exact_boundary_distance(net, [0], 1).power == 1
    assert (found.power, found.point, found.regions) == (9, (3,), 3)
    assert set(found.neurons) == {2, 4}
    # from the kink that does not count
    assert discontinuity_distance(net, [1], 1).power == 2


def test_kinks_that_cancel_are_no_discontinuity():
    # relu(x) - relu(-x) = x, and all of it twice
    net = pr.ReluNetwork([[[1, 0], [-1, 0], [2, 0]], [[1, -1, 0]]], [[0, 0, 0], [0]])
    found = discontinuity_distance(net, [1, 5])
    assert (found.power, found.point, found.lower, found.complete) == (math.inf, None, math.inf, True)
    assert found.regions == 2
    linear = pr.ReluNetwork([[[1, 2]]], [[3]])
    assert discontinuity_distance(linear, [0, 0]).power == math.inf
    assert decision_distance(linear, [0, 0]).power == F(9, 5)


def test_facets_on_walls_do_not_count():
    net = pr.ReluNetwork([[[1]], [[1]]], [[0], [0]])
    assert discontinuity_distance(net, [F(1, 2)]).power == F(1, 4)
    assert discontinuity_distance(net, [F(1, 2)], domain=pr.Box([0], [1])).power == math.inf
    # a level is looked for on walls as well
    assert decision_distance(net, [F(1, 2)], domain=pr.Box([0], [1])).power == F(1, 4)


def test_many_facets_through_one_point():
    """All kinks of a network without biases pass through 0, where the Jacobian takes many values."""
    weights = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, -1, 1)]
    net = pr.ReluNetwork([weights, [[1] * 5, [1, -1, 1, -1, 1]], [[1, 1]]], [[0] * 5, [0, 0], [0]])
    for norm in NORMS:
        assert discontinuity_distance(net, [0, 0, 0], norm).power == 0
    found = decision_distance(net, [1, 2, 3], level=-1)  # f >= 0: all regions are searched in vain
    assert (found.power, found.regions) == (math.inf, pr.count_regions(net))
    # from the point that all regions share: f = 1 is nearest where f grows fastest on the whole cone
    found = decision_distance(net, [0, 0, 0], math.inf, level=1)
    assert found.complete and net(np.array(found.point, dtype=object)).tolist() == [1]
    corners = itertools.product((-1, 0, 1), repeat=3)
    assert found.power <= min(F(1, int(v)) for v in (net(np.array(c))[0] for c in corners) if v > 0)


def test_ties_on_whole_regions():
    # relu(x) and relu(x) + relu(y): equal where y <= 0
    net = pr.ReluNetwork([[[1, 0], [0, 1]], [[1, 0], [1, 1]]], [[0, 0], [0, 0]])
    assert decision_distance(net, [1, 2], 1).power == 2
    found = decision_distance(net, [1, -2], 1)
    assert (found.power, found.point, found.classes) == (0, (1, -2), (0, 1))


# -- many points ------------------------------------------------------------------------
def test_batches_are_the_single_calls_in_order():
    net, rng = he_network((3, 6, 5, 2), seed=2), np.random.default_rng(1)
    points = rng.normal(size=(4, 3))
    single = [discontinuity_distance(net, x, 1) for x in points]
    assert discontinuity_distances(net, points, 1) == single
    with ThreadPoolExecutor(2) as pool:
        assert discontinuity_distances(net, points.tolist(), 1, executor=pool) == single
        box = pr.Box([-3] * 3, [3] * 3)
        found = decision_distances(net, points, domain=box, executor=pool)
    assert found == [decision_distance(net, x, domain=box) for x in points]


# -- nearest points of polyhedra --------------------------------------------------------
@settings(max_examples=40)
@given(systems(), st.lists(st.integers(-8, 8), min_size=3, max_size=3), st.booleans())
def test_exact_nearest_points(system, numbers, proposed):
    """Empty or not as the polytope says; all three norms proved by multipliers and a point; facets as they are."""
    P = pr.HPolytope(np.array(system.A, dtype=object).reshape(-1, system.d), system.b)
    x = tuple(F(v, 2) for v in numbers[: system.d])
    rows = ExactRows(P.rows, x)
    for norm in NORMS:
        fit = None
        if proposed and P.rows:
            table = FloatRows(*float_rows(P.rows), np.array([float(v) for v in x]), norm)
            use = np.array([any(row[:-1]) for row in P.rows])
            fit = table.nearest(use)
            if not fit.final:
                fit = table.refine(fit, use)
        found = rows.nearest(norm=norm, fit=fit)
        assert (found is None) == P.is_empty()
        if found is not None:
            assert found.lower == found.power == size([a - b for a, b in zip(found.point, x, strict=True)], norm)
            assert P.contains(found.point)
            if fit is not None:
                assert fit.lower <= distance_bounds(found.power, norm)[1]
        if norm == 2 and found is not None:  # the angle at the nearest point is not acute
            way = [a - b for a, b in zip(found.point, x, strict=True)]
            low = P.support_function([-v for v in way])
            assert -low == sum((a * b for a, b in zip(way, found.point, strict=True)), F(0))


@settings(max_examples=25)
@given(systems(bounded=True), st.lists(st.integers(-8, 8), min_size=3, max_size=3), st.lists(st.integers(-4, 9), min_size=20, max_size=20))
def test_whatever_multipliers_prove_is_true(system, numbers, weights):
    P = pr.HPolytope(np.array(system.A, dtype=object).reshape(-1, system.d), system.b)
    assume(not P.is_empty())
    x = [F(v, 3) for v in numbers[: system.d]]
    for norm in NORMS:
        table = FloatRows(*float_rows(P.rows), np.array([float(v) for v in x]), norm)
        y = np.maximum(np.resize(np.array(weights, dtype=float), len(P)), 0)
        exact = ExactRows(P.rows, tuple(x)).nearest(norm=norm)
        assert table.bound(range(len(P)), y) <= distance_bounds(exact.power, norm)[1]


@settings(max_examples=25)
@given(systems(bounded=True), st.lists(st.integers(-8, 8), min_size=3, max_size=3))
def test_facets_proved_in_floats_are_facets(system, numbers):
    P = pr.HPolytope(np.array(system.A, dtype=object).reshape(-1, system.d), system.b)
    assume(P.dimension() == system.d)
    table = FloatRows(*float_rows(P.rows), np.array(numbers[: system.d], dtype=float), 2)
    use = np.array([any(row[:-1]) for row in P.rows])
    alone = {group[0] for group in P.facets() if len(group) == 1}
    proved = {i for i in np.flatnonzero(use).tolist() if table.proves_facet(i, table.nearest(use, i), use)}
    assert proved <= alone


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("exponent", [-560, -300, 300])
def test_bounds_hold_for_tiny_and_huge_rows(norm, exponent):
    """Squares of such numbers are beyond the range of floats."""
    scale, base = F(2) ** exponent, {1: F(1, 4), 2: F(1, 25), math.inf: F(1, 7)}[norm]
    net = pr.ReluNetwork([[[3 * scale, 4 * scale]], [[1]]], [[-1], [0]])
    power = base / (scale**2 if norm == 2 else scale)
    table = FloatRows(np.array([[3.0 * float(scale), 4.0 * float(scale), -1.0]]), np.zeros((1, 3)), np.zeros(2), norm)
    low = 0.99 * distance_bounds(power, norm)[0]
    assert low < table.hyperplanes[0] <= distance_bounds(power, norm)[1]
    assert low < table.bound([0], np.ones(1)) <= distance_bounds(power, norm)[1]
    found = discontinuity_distance(net, [0, 0], norm)
    assert found.power == power and (found.lower, found.upper) == distance_bounds(power, norm)


def test_simple_facets_are_proved_in_floats():
    box = pr.Box([0, 0, 0], [1, 2, 3])
    table = FloatRows(*float_rows(box.rows), np.array([5.0, 5.0, 5.0]), 2)
    use = np.ones(6, dtype=bool)
    assert all(table.proves_facet(i, table.nearest(use, i), use) for i in range(6))


@pytest.mark.parametrize("norm", NORMS)
def test_proposals_are_proved_in_many_dimensions(norm):
    """In 40 dimensions no exact linear program is tried: the proposed basis must be right, and is proved."""
    rng = np.random.default_rng(5)
    A = rng.integers(-9, 10, size=(30, 40))
    P = pr.HPolytope(A, rng.integers(-60, -20, size=30))
    x = (F(0),) * 40
    table = FloatRows(*float_rows(P.rows), np.zeros(40), norm)
    use = np.ones(30, dtype=bool)
    fit = table.nearest(use)
    fit = fit if fit.final else table.refine(fit, use)
    found = ExactRows(P.rows, x).nearest(norm=norm, fit=fit)
    low, high = distance_bounds(found.power, norm)

    assert found.lower == found.power and P.contains(found.point)
    assert fit.lower <= high and fit.lower == pytest.approx(high, rel=2.0**-30)
    assert P.distance(x, norm) == pytest.approx(high, rel=2.0**-12)
    if norm != 2:  # without a proposal: bounds, and they hold
        rough = ExactRows(P.rows, x).nearest(norm=norm)
        assert rough.lower <= found.power <= rough.power and rough.lower < rough.power


@given(st.fractions(min_value=0, max_value=10**6) | st.integers(0, 10**40).map(lambda v: F(v, 10**20)))
def test_bounds_of_roots_are_next_to_each_other(power):
    low, high = distance_bounds(power, 2)
    assert F(low) ** 2 <= power <= F(high) ** 2
    assert high in (low, np.nextafter(low, math.inf))


# -- bad input --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: discontinuity_distance(net, [0]), pr.InputError, "x has 1 coordinates; this network has 2 inputs"),
        (lambda net: discontinuity_distance(net, [0, 0], 3), pr.InputError, "norm is 3; choose 1, 2 or math.inf"),
        (lambda net: decision_distance(net, [0, 0], limit=0), pr.InputError, "limit is 0; search one region at least"),
        (lambda net: decision_distance(net, [2, 0], domain=pr.Box([0, 0], [1, 1])), pr.DomainError, "x lies outside of the domain"),
        (lambda net: decision_distance(net, [0, 0], level=1), pr.InputError, "level is 1; the boundary between 2 outputs has no level"),
        (lambda net: decision_distances(net, np.zeros(2)), pr.InputError, r"points have shape \(2,\); expected \(k, 2\)"),
        (lambda net: decision_distances(net, [[0, 0], [1]]), pr.InputError, "points have different lengths"),
        (lambda net: discontinuity_distances(net, [[0, 0]], domain=pr.Box([0], [1])), pr.DomainError, "the domain has dimension 1"),
    ],
)  # fmt: skip
def test_bad_input_of_searches(call, error, message):
    with pytest.raises(error, match=message):
        call(he_network((2, 3, 2)))


def test_the_docs_hold():
    failed, tried = doctest.testfile(str(Path(__file__).parents[1] / "docs" / "distances.md"), module_relative=False)
    assert failed == 0 and tried > 8
