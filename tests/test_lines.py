"""Regions along segments and lines: brute force in rational arithmetic, coincident kinks, segments inside a kink."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction as F

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import networks as small_networks

import polyrelu as pr
from polyrelu.exact import RationalMatrix
from polyrelu.theory.lines import outputs_depend, regions_on_line, regions_on_segment, regions_on_segments


def brute_force(net, x, y):
    """Return breakpoints, patterns between them, and the Jacobians there: every zero of every layer, one after another."""
    x, y = np.array(x, dtype=object), np.array(y, dtype=object)

    def bits(t):
        return tuple(int(v > 0) for v in net.preactivations(x + t * (y - x)))

    cuts = [F(0), F(1)]
    start = 0
    for width in net.widths:
        new = set(cuts)
        for a, b in zip(cuts, cuts[1:], strict=False):
            # between cuts the layer is affine: two values give its line
            p, q = a + (b - a) / 3, a + 2 * (b - a) / 3
            u, v = (net.preactivations(x + t * (y - x))[start : start + width] for t in (p, q))
            for f, g in zip(u, v, strict=True):
                if f != g and a < (zero := p - f * (q - p) / (g - f)) < b:
                    new.add(zero)
        cuts = sorted(new)
        start += width
    pieces = [(bits((a + b) / 2), a, b) for a, b in zip(cuts, cuts[1:], strict=False)]
    kept = [pieces[0][0]]
    at = []
    for pattern, a, _ in pieces[1:]:
        if pattern != kept[-1]:
            kept.append(pattern)
            at.append(a)
    return at, kept


points = st.lists(st.integers(-3, 3), min_size=3, max_size=3)


@settings(max_examples=100)
@given(small_networks(max_neurons=6), points, points)
def test_segments_against_brute_force(net, x, y):
    x, y = x[: net.input_dim] + [0] * (net.input_dim - 3), y[: net.input_dim] + [0] * (net.input_dim - 3)
    if x == y:
        return
    line = regions_on_segment(net, x, y, workers=1)
    at, patterns = brute_force(net, x, y)

    assert line.breakpoints == at
    assert [tuple(row) for row in line.patterns.tolist()] == patterns
    assert all(a < t < b for a, t, b in zip(line.interior_points, at, line.interior_points[1:], strict=False))
    maps = [net.affine_map(p) for p in patterns]
    d = net.input_dim
    jacobians = [m.forms.columns(range(d)) for m in maps]
    way = RationalMatrix.of([[b - a] for a, b in zip(x, y, strict=True)])
    slopes = [J @ way for J in jacobians]
    for jumps, found, regions in (
        (jacobians, line.gradient_jumps, line.gradient_regions),
        (slopes, line.slope_jumps, line.slope_regions),
    ):
        assert found.tolist() == [a != b for a, b in zip(jumps, jumps[1:], strict=False)]
        assert regions == 1 + sum(found)


@settings(max_examples=50)
@given(small_networks(max_neurons=6), points, points)
def test_a_line_holds_all_its_segments(net, x, way):
    x, way = x[: net.input_dim], way[: net.input_dim]
    if not any(way) or len(x) < net.input_dim:
        return
    line = regions_on_line(net, x, way)
    far = max(map(abs, line.breakpoints), default=F(0)) + 1
    ends = [[a + t * v for a, v in zip(x, way, strict=True)] for t in (-far, far)]
    part = regions_on_segment(net, *ends, workers=1)

    assert [2 * far * t - far for t in part.breakpoints] == line.breakpoints
    assert part.patterns.tolist() == line.patterns.tolist() and part.neurons == line.neurons


def test_a_segment_inside_a_kink():
    """On x = 0 the first neuron vanishes throughout: it is inactive, and the line sees the second neuron alone."""
    net = pr.ReluNetwork([[[1, 0], [1, 1]], [[1, 1]]], [[0, 0], [0]])
    line = regions_on_segment(net, [0, -1], [0, 2])

    assert line.patterns.tolist() == [[0, 0], [0, 1]]
    assert (line.breakpoints, line.neurons) == ([F(1, 3)], [(1,)])


def test_coincident_kinks_that_cancel():
    """relu(x) - relu(-x) = x: both neurons switch at 0, nothing jumps; with the same sign both jump."""
    for sign, regions in ((-1, 1), (1, 2)):
        net = pr.ReluNetwork([[[1], [-1]], [[1, sign]]], [[0, 0], [0]])
        line = regions_on_segment(net, [-1], [1])
        assert (line.activation_regions, line.gradient_regions, line.slope_regions) == (2, regions, regions)
        assert line.neurons == [(0, 1)]


def test_a_neuron_that_reaches_no_output():
    """Its kink is a boundary of activation regions and no jump: the weight behind it is zero, or nothing is open."""
    for last, shift in (([[0, 1]], 0), ([[1, 1]], 0)):
        net = pr.ReluNetwork([[[1], [2]], last, [[1]]], [[0, -1], [-9 if last == [[1, 1]] else shift], [0]])
        line = regions_on_segment(net, [-1], [1])
        assert line.neurons[0] == (0,) and not line.gradient_jumps[0]


def test_weights_that_vanish_in_floats_are_paths():
    tiny = F(1, 2**1200)
    net = pr.ReluNetwork([[[1]], [[tiny]], [[1]]], [[0], [1], [0]])
    assert outputs_depend(net, np.array([[1, 1]], dtype=np.uint8), np.array([0])).tolist() == [True]
    assert regions_on_segment(net, [-1], [1]).gradient_regions == 2


def test_many_segments_in_parallel():
    net = networks.he_network((4, 16, 16, 1), seed=1)
    rng = np.random.default_rng(0)
    starts, ends = rng.normal(size=(2, 6, 4))
    with ProcessPoolExecutor(2) as pool:
        both = [regions_on_segments(net, starts, ends), regions_on_segments(net, starts, ends, executor=pool)]
    assert [line.breakpoints for line in both[0]] == [line.breakpoints for line in both[1]]
    assert sum(map(len, both[0])) > 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: regions_on_segment(net, [0], [1]), "x has 1 coordinates; this network has 2 inputs"),
        (lambda net: regions_on_segment(net, [0, 1], [0, "1"]), "the same point"),
        (lambda net: regions_on_line(net, [0, 1], [0, 0]), "the direction is zero"),
        (lambda net: regions_on_segments(net, [[0, 1]], []), "1 starts and 0 ends"),
        (lambda net: regions_on_segment(net, [0, 1], [1, 1]).breakpoint(5), "breakpoint 5 does not exist"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(pr.InputError, match=message):
        call(networks.he_network((2, 3, 1)))


def test_a_whole_line_is_searched_as_far_as_anything_bends():
    """Behind a kink at 0 another one waits at 10^9 or 10^-9, and a third at -10^30: no interval is long enough at first."""
    net = pr.ReluNetwork(
        [[[1], [-1]], [[F(1, 10**9), 0], [10**9, 0], [0, F(1, 10**30)]], [[1, 1, 1]]], [[0, 0], [-1, -1, -1], [0]]
    )
    line = regions_on_line(net, [0], [1])

    assert line.breakpoints == [-(10**30), 0, F(1, 10**9), 10**9]
    assert regions_on_line(net, [5], [F(-1, 3)]).breakpoints == [3 * (5 - b) for b in reversed(line.breakpoints)]


def test_lines_on_which_nothing_switches():
    net = pr.ReluNetwork([[[1, 0], [0, 0]], [[1, 1]]], [[-1, 2], [0]])

    assert len(regions_on_line(net, [3, 0], [0, 1])) == len(regions_on_line(net, [1, 0], [0, 1])) == 1
    assert regions_on_line(net, [0, 0], [1, 0]).breakpoints == [1]
