"""Distances to the boundary of a region: exact against the region's own rows, floats against exact."""

from __future__ import annotations

import math
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import he_network
from strategies import networks as small_networks

import polyrelu as pr
from polyrelu.theory.distances import boundary_distances, exact_boundary_distance
from polyrelu.theory.lines import regions_on_segment

NORMS = (1, 2, math.inf)


@settings(max_examples=60)
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
