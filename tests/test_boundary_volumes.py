"""Volumes of boundaries: networks with known answers, random lines, the co-area formula against closed forms."""

from __future__ import annotations

import math
from fractions import Fraction as F

import numpy as np
import pytest
from networks import he_network

import polyrelu as pr
from polyrelu.theory.boundary import boundary_volumes, crofton_estimate
from polyrelu.theory.expected import coarea_estimate, first_layer_breakpoints, next_layer_density
from polyrelu.theory.lines import regions_on_segment
from polyrelu.theory.random_networks import random_network


def volumes(net, half=1, **options):
    cube = pr.Box([-half] * net.input_dim, [half] * net.input_dim)
    found = boundary_volumes(pr.enumerate_regions(net, cube, progress=False), **options)
    return [sorted(part.squares) for part in found]


def planes(rows, shifts, out=None):
    return pr.ReluNetwork([rows, [out or [1] * len(rows)]], [shifts, [0]])


def total(squares):
    """Return the sum of square roots that are rational."""
    roots = [F(math.isqrt(s.numerator), math.isqrt(s.denominator)) for s in squares]
    assert all(r * r == s for r, s in zip(roots, squares, strict=True))
    return sum(roots, F(0))


def test_a_grid():
    net = planes([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], [0, F(-1, 2), 0, F(1, 3), F(-1, 3)])
    lines, points = volumes(net)
    assert (total(lines), total(points)) == (2 * 2 + 3 * 2, 6)


def test_three_planes_in_a_cube():
    areas, lengths, points = volumes(planes(np.eye(3, dtype=int).tolist(), [0, 0, 0]))
    assert (total(areas), total(lengths), total(points)) == (12, 6, 1)


def test_one_neuron_across():
    assert volumes(planes([[1, 1]], [0])) == [[8], []]
    areas, lengths, points = volumes(planes([[1, 1, 0]], [0]))
    assert (areas, lengths, points) == ([32], [], [])  # 2 by sqrt(8)


def test_a_hat_bends_in_a_square():
    """relu(1 - |x| - |y|): a diamond around two axes that end on it; only the diamond and the axes inside it bend f."""
    hat = pr.ReluNetwork([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[-1] * 4], [[1]]], [[0] * 4, [1], [0]])
    lines, points = volumes(hat, 2)
    assert (sum(math.sqrt(s) for s in lines), len(points)) == (pytest.approx(8 + 4 * math.sqrt(2)), 5)
    lines, points = volumes(hat, 2, gradient=True)
    assert (sum(math.sqrt(s) for s in lines), len(points)) == (pytest.approx(4 + 4 * math.sqrt(2)), 5)


def test_a_line_that_another_one_crosses_stays_straight_for_the_gradient():
    """The neuron with weight zero cuts regions and bends nothing: no crossing is left."""
    net = planes([[1, 0], [0, 1]], [0, 0], [1, 0])
    assert [total(part) for part in volumes(net)] == [4, 1]
    assert [total(part) for part in volumes(net, gradient=True)] == [2, 0]


def test_an_edge_that_runs_straight_through_a_point_is_no_corner():
    """Two planes meet in an axis; a third one without weight would make a corner on it."""
    net = planes(np.eye(3, dtype=int).tolist(), [0, 0, 0], [1, 1, 0])
    assert [total(part) for part in volumes(net, gradient=True)] == [8, 2, 0]


def test_in_one_dimension_points_are_counted():
    net = he_network((1, 6, 6, 1), seed=2)
    (points,) = volumes(net)
    assert len(points) == len(regions_on_segment(net, [-1], [1])) - 1


@pytest.mark.parametrize("seed", range(4))
def test_random_lines_agree_with_the_exact_volume(seed):
    d = 2 + seed % 2
    net, cube = he_network((d, 5, 5, 1), seed=seed), pr.Box([-1] * d, [1] * d)
    cx = pr.enumerate_regions(net, cube, progress=False)
    for gradient in (False, True):
        exact = float(boundary_volumes(cx, gradient=gradient)[0])
        found = crofton_estimate(net, cube, gradient=gradient, samples=60, seed=seed)
        # the seed is fixed, so this is no matter of chance
        assert abs(found.mean - exact) < 4 * found.standard_error and found.standard_error < 0.3 * exact


# -- expectations ---------------------------------------------------------------------
def test_the_first_layer_has_one_kink_for_every_neuron():
    assert first_layer_breakpoints(-math.inf, math.inf, 2, 0.5) == 1
    step = [next_layer_density([x], [1], 2, 0.5) for x in np.linspace(-1, 1.5, 20001)]
    assert np.trapezoid(step, dx=2.5 / 20000) == pytest.approx(first_layer_breakpoints(-1, 1.5, 2, 0.5), rel=1e-8)


@pytest.mark.parametrize(("good", "expected", "error"), [(False, 5.388, 0.016), (True, 4.601, 0.017)])
def test_the_coarea_formula_counts_breakpoints(good, expected, error):
    """Networks 1-3-3-3-1, bias sd 0.5, on [-1, 1.5]: the mean numbers that were measured independently."""
    found = coarea_estimate((1, 3, 3, 3, 1), pr.Box([-1], [1.5]), good=good, bias_sd=0.5, samples=1200)
    assert abs(found.mean - expected) < 3 * math.hypot(found.standard_error, error) and found.standard_error < 0.2


def test_exact_counts_agree_with_the_coarea_formula():
    """The mean of exact counts over random networks, and of crossings in the plane, against the formula."""
    counts = []
    for seed in range(30):
        net = random_network((2, 3, 3, 1), biases=0.5, seed=seed)
        parts = boundary_volumes(pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]), progress=False))
        counts.append([float(part) for part in parts])
    mean, error = np.mean(counts, axis=0), np.std(counts, axis=0, ddof=1) / math.sqrt(len(counts))
    for k in (1, 2):
        found = coarea_estimate((2, 3, 3, 1), pr.Box([-1, -1], [1, 1]), k, bias_sd=0.5, samples=400)
        assert abs(found.mean - mean[k - 1]) < 3 * math.hypot(found.standard_error, error[k - 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coarea_estimate((2, 3, 1), pr.Box([-1, -1], [1, 1]), 3), "k is 3; a boundary in 2 inputs"),
        (lambda: coarea_estimate((3, 99, 99, 1), pr.Box([-1] * 3, [1] * 3), 3), "are too many; take a smaller network"),
        (lambda: coarea_estimate((2, 3, 1), pr.Box([-1, -1], [1, 1]), bias_sd=0), "a positive number"),
        (lambda: crofton_estimate(he_network((2, 3, 1)), pr.HPolytope([[1, 0]], [0])), "the domain is unbounded"),
        (
            lambda: boundary_volumes(
                pr.enumerate_regions(he_network((2, 9, 1)), pr.Box([-1, -1], [1, 1]), limit=2, progress=False)
            ),
            "the enumeration is incomplete",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(pr.PolyreluError, match=message):
        call()
