"""Where the error bounds of the subdivision are tried at their edge: each test names the flaw that it once found."""

from __future__ import annotations

from fractions import Fraction as F

import networks
import numpy as np
import pytest

import polyrelu as pr
from polyrelu.enumeration.problem import build_problem
from polyrelu.enumeration.subdivision import Search, run_task

ARRAYS = ["packed", "facet_ptr", "facet_neighbor", "row_ptr", "facet_row"]


def both(net, domain):
    """Return the number of regions, the same by both engines."""
    cut = pr.enumerate_regions(net, domain, "subdivision", progress=False, workers=1)
    walked = pr.enumerate_regions(net, domain, "bfs", progress=False)
    for name in ARRAYS:
        assert np.array_equal(getattr(cut, name), getattr(walked, name)), name
    return len(cut)


@pytest.mark.parametrize(("weight", "share", "count"), [(3.3e-162, 0.9999, 1), (1.7e-161, 1.0001, 2)])
def test_an_underflow_in_a_coefficient_counts_as_often_as_the_input_is_long(weight, share, count):
    far = 0.5e150
    bias = -float(F(1e-160) * F(weight) * F(far))
    net = pr.ReluNetwork([[[1e-160]], [[weight]], [[1]]], [[0.0], [bias], [0]])

    assert both(net, pr.Box([0.1e150], [far * share])) == count


@pytest.mark.parametrize("seed", range(3))
def test_a_rounding_bound_does_not_vanish_before_a_huge_weight(seed):
    rng = np.random.default_rng(seed)
    counts = set()
    for _ in range(15):
        m1, m2 = (int(v) for v in rng.integers(10**10, 10**11, 2))
        g1, g2 = m1 * 2.0**-1074, m2 * 2.0**-1074
        wa = float(2.0**900 * rng.uniform(1, 2))
        wb = float(F(wa) * m1 / m2)
        left = F(wa) * F(g1) - F(wb) * F(g2)
        net = pr.ReluNetwork(
            [[[g1], [g2]], [[wa, -wb]], [[1]]], [[0.0, 0.0], [-float(left) * float(rng.choice([0.5, 2.0]))], [0]]
        )
        counts.add(both(net, pr.Box([2.0**-20], [1])))
        if left:  # the same for the inputs themselves: a tiny box before huge weights
            g = float(rng.uniform(1, 2))
            w = float(2.0**990 * rng.uniform(1, 2))
            c = float(F(w) * F(g))
            hi = 2.0**-1040
            bias = -float((F(w) * F(g) - F(c)) * F(hi)) * float(rng.choice([0.5, 2.0]))
            counts.add(both(pr.ReluNetwork([[[g]], [[-c, w]], [[0, 0, 1]]], [[0.0], [bias], [0]]), pr.Box([0], [hi])))
    assert counts == {1, 2}


def test_a_vertex_that_overflowed_does_not_shrink_the_box_around_its_cell():
    """numba's min() drops NaN: inf - inf left the vertex out."""
    rng = np.random.default_rng(1)
    for _ in range(15):
        k = int(rng.integers(2, 5))
        normal = rng.uniform(-0.2, 0.2, 2)  # kinks that differ in their last bits
        rows = [normal * (1 + rng.integers(-3, 4, 2) * 2.0**-52) for _ in range(k)] + list(rng.uniform(-0.2, 0.2, (2, 2)))
        biases = rng.choice([0.0, 1e290, 1e292, -1e291, 1e307], k + 2)
        net = pr.ReluNetwork(
            [rows, rng.uniform(-0.05, 0.05, (4, k + 2)), np.ones((1, 4))], [biases, rng.choice([0.0, 1e306, -1e307], 4), [0]]
        )
        both(net, pr.Box([-1.7e308] * 2, [1.7e308] * 2))


CASES = [
    # a neuron that is identically zero on a region and active beyond its facet; the zero is known two layers earlier
    pr.ReluNetwork([[[1], [-1]], [[1, 0], [0, 1]], [[0, 4], [0, -4]], [[1, 1]]], [[0, 0], [0, 0], [-1, 2], [0]]),
    networks.max_four(),
    networks.tents(3, 2),
    networks.he_network((3, 6, 5, 1)),
    networks.he_network((2, 8, 8, 8, 1), seed=1),
]


@pytest.mark.parametrize("net", CASES, ids=lambda net: "-".join(map(str, (net.input_dim, *net.widths))))
@pytest.mark.parametrize("budget", [1, 7, 150])
def test_a_task_may_stop_anywhere_and_be_split_anyhow(net, budget):
    """What a stack does not carry is lost when it is resumed: identically zero neurons once were."""
    d = net.input_dim
    domain = pr.Box([-1] * d, [1] * d)
    search = Search(net, domain, listing=True, workers=1, progress=False)
    problem, root, _ = build_problem(net, domain)
    rng = np.random.default_rng(budget)
    stacks, tasks = [root], 0
    while stacks:
        outcome = run_task(problem, stacks.pop(int(rng.integers(len(stacks)))), budget, True)
        tasks += 1
        search.totals.tally += outcome.tally
        search.totals.segments.append(outcome.regions)
        if outcome.rest is not None:
            stacks += outcome.rest.split(int(rng.integers(1, 4)))
    cut = pr.RegionComplex.from_search(net, domain, search.found(), complete=True, method="subdivision", seconds=0.0)
    walked = pr.enumerate_regions(net, domain, "bfs", progress=False)

    assert tasks > 1
    for name in ARRAYS:
        assert np.array_equal(getattr(cut, name), getattr(walked, name)), name


def test_every_task_gets_on_however_small_its_budget():
    """Summing the layers again, when a stack is resumed, once spent the budget before any cell was cut."""
    net = networks.he_network((2, 60, 60, 60, 1))
    problem, stack, _ = build_problem(net, pr.Box([-1, -1], [1, 1]))
    for _ in range(50):
        outcome = run_task(problem, stack, 1, False)
        assert outcome.tally[0] > 0
        stack = outcome.rest
