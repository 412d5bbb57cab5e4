"""Numbers at the ends of binary64: what overflows or underflows is decided exactly, never believed."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import oracle
import pytest

import polyrelu as pr
from polyrelu import kernels, lp


def agrees(net: pr.ReluNetwork, lo: list, hi: list, **options) -> None:
    walls = oracle.box_walls(lo, hi)
    cx = pr.enumerate_regions(net, pr.Box(lo, hi), **options)

    assert {tuple(p) for p in cx.patterns.tolist()} == set(oracle.all_regions(net, walls))
    for region in cx:
        assert len(region.facets) == len(oracle.facets(net, walls, tuple(region.pattern.tolist())))


def test_a_partial_sum_that_overflows_certifies_nothing():
    # 1.5e300 * 1e8 + 1.5e300 * 1e8 is infinite before the other three products bring it below zero; every
    # single product is finite, and so is the error bound
    G = np.array([[1.5e300, 1.5e300, -1.5e300, -1.5e300, -1.5e300, 0.0]])
    value, bound = kernels.certified_value(G, np.zeros((1, 6)), 0, np.full(5, 1e8))

    assert not value > bound

    g, side = 2.0**510.6, 2.0**513
    net = pr.ReluNetwork([[[g, g, -g, -g]], [[1]]], [[-0.35 * g * side], [0]])
    agrees(net, [side] * 4, [1.2 * side] * 4)


def test_a_form_that_overflows_is_not_a_constant_one():
    # the second layer's bias term is 1.5e308 * (-1 - 1 + 1 + 1) = 0, infinite on the way
    weights = [[[0], [0], [0], [0], [1]], [[-1.5e308, -1.5e308, 1.5e308, 1.5e308, 1.0]], [[1]]]
    net = pr.ReluNetwork(weights, [[1, 1, 1, 1, 0], [0], [0]])
    agrees(net, [-1], [1], start=[-0.5])


def test_a_pattern_whose_sum_overflows_block_by_block():
    # w + w - w - w - w, added skip block by skip block
    w = 1.7e308
    net = pr.ReluNetwork([[[0]], [[0, 0]], [[0, 0, 0]], [[w, -w, -w, -w]], [[1]]], [[1], [1], [1], [w], [0]])

    assert net.pattern([1.0]).tolist() == net.pattern([1]).tolist() == [1, 1, 1, 0]


def test_a_subnormal_rounding_bound_before_a_huge_weight():
    # kappa * |g| is below 2**-1074 and would vanish before 1e300 multiplies it
    a = [6.4360220644e-313, 4.81964495046e-312, 3.78012578664e-312]
    w = [8.105635215163123e300, 6.300778813605004e300, -9.413528414262948e300]
    net = pr.ReluNetwork([[[v] for v in a], [w], [[1]]], [[0, 0, 0], [5.44214860495581e93], [0]])
    agrees(net, [2**400], [2**401], start=[F(6, 5) * 2**400])


def test_a_weight_that_rounds_to_zero_counts():
    net = pr.ReluNetwork([[[F(1, 10**330), -1e-31]], [[1]]], [[0], [0]])

    # 1e300 / 1e330 - 1e-31 > 0 although 1e-330 is no float
    assert net.pattern([1e300, 1.0]).tolist() == [1]


def test_an_output_layer_beyond_floats_does_not_disturb_the_pattern():
    net = pr.ReluNetwork([[[1]], [[10**400]]], [[0], [0]])

    assert net.pattern([0.5]).tolist() == [1]
    assert len(pr.enumerate_regions(net, pr.Box([-1], [1]))) == 2
    with pytest.raises(pr.InputError, match="beyond 1.8e308"):
        net([0.5])


def test_numbers_of_thousands_of_digits(tmp_path):
    tiny = pr.Box(["-1e-5000"], ["1e-5000"])  # Python's own str(int) stops at 4300 digits
    net = pr.ReluNetwork([[[1]], [[1]]], [[0], [0]])
    cx = pr.enumerate_regions(net, tiny)
    cx.save(tmp_path / "tiny.npz")

    assert tiny.names == ("x0 >= about -1e-5000", "x0 <= about 1e-5000")
    assert len(cx) == 2
    assert pr.RegionComplex.load(tmp_path / "tiny.npz").domain == tiny
    with pytest.raises(pr.DomainError, match="about 1e-5000; swap"):
        pr.Box(["2e-5000"], ["1e-5000"])


def test_interior_points_of_thin_sets_have_about_as_many_bits_as_needed():
    (point,) = [lp.interior_point([(1, -1), (-10**300, 10**300 + 1)], 1)]  # 1 < x < 1 + 1e-300

    assert 1 < point[0] < 1 + F(1, 10**300)
    assert point[0].denominator.bit_length() < 1005  # 10**300 has 997 bits
