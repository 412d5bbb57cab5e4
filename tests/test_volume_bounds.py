"""The constants of the volume theorem against closed forms and random networks; densities against exact volumes."""

from __future__ import annotations

import doctest
import math
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu.theory.boundary import boundary_volumes
from polyrelu.theory.expected import coarea_estimate
from polyrelu.theory.random_networks import LAWS, random_network
from polyrelu.theory.volume_bounds import (
    VARIANCES,
    bias_constant,
    boundary_density,
    gradient_moment,
    pattern_density_bound,
    volume_bound,
)

WIDTHS = st.lists(st.integers(1, 40), min_size=1, max_size=5)


# -- constants ------------------------------------------------------------------------
@settings(max_examples=40)
@given(st.integers(1, 40), WIDTHS)
def test_moments_of_gradients_in_closed_form(d, widths):
    """He weights: 2 for the square; for the fourth and sixth powers products over the layers, from those of a normal law.

    S is a sum of n terms c g^2, with c a coin and g normal: E S^2 = 3n/2 + n(n-1)/4, and
    E S^3 = 15n/2 + 3 * n(n-1)/2 * 3/2 + n(n-1)(n-2)/8.
    """
    sizes = (d, *widths, 1)
    for layer in range(1, len(widths) + 1):
        inner = widths[: layer - 1]
        assert gradient_moment(sizes, layer, 2) == pytest.approx(2, rel=1e-12)
        fourth = 4 * (1 + F(2, d)) * math.prod(1 + F(5, n) for n in inner)
        assert gradient_moment(sizes, layer, 4) == pytest.approx(float(fourth), rel=1e-12)
        sixth = 8 * (1 + F(2, d)) * (1 + F(4, d)) * math.prod(
            F(8, n**3) * (F(15 * n, 2) + F(9 * n * (n - 1), 4) + F(n * (n - 1) * (n - 2), 8)) for n in inner
        )
        assert gradient_moment(sizes, layer, 6) == pytest.approx(float(sixth), rel=1e-12)
        # the root of the k-th moment grows with k
        roots = [gradient_moment(sizes, layer, k) ** (1 / k) for k in (1, 2, 3, 4)]
        assert all(a <= b * (1 + 1e-12) for a, b in zip(roots, roots[1:], strict=False))


@pytest.mark.parametrize(("weights", "bias"), [("he", 0.01), ("lecun", 1), ("glorot", 0.3)])
def test_moments_of_gradients_of_random_networks(weights, bias):
    """The same at every point, whatever the biases: 2000 networks, the third layer, backwards by the chain rule."""
    sizes, rng = (3, 5, 4, 2, 1), np.random.default_rng(0)
    x = np.array([0.3, -2, 0.5])
    squares = np.empty(2000)
    for n in range(len(squares)):
        a, slope = x, np.eye(3)
        for fan_in, size in zip(sizes[:3], sizes[1:4], strict=True):
            w, b = LAWS[weights](rng, (size, fan_in)), rng.normal(0, bias, size)
            gradient = w @ slope
            z = w @ a + b
            a, slope = np.maximum(z, 0), gradient * (z > 0)[:, None]
        squares[n] = gradient[0] @ gradient[0]
    for power in (1, 2, 3):
        found = squares ** (power / 2)
        expected = gradient_moment(sizes, 3, power, weights)
        assert abs(found.mean() - expected) < 4.5 * found.std(ddof=1) / math.sqrt(len(found))


def test_variances_are_those_of_the_laws():
    for name, variance in VARIANCES.items():
        drawn = LAWS[name](np.random.default_rng(0), (200, 300))
        assert drawn.var() == pytest.approx(variance(300, 200), rel=0.03)


def test_constants_of_biases():
    for scale in (0.001, 1, 30):
        grid = np.linspace(-scale, scale, 101)
        density = np.exp(-((grid / scale) ** 2) / 2) / (scale * math.sqrt(2 * math.pi))
        assert bias_constant("normal", scale) == pytest.approx(density.max(), rel=1e-12)
        assert bias_constant("uniform", scale) == 1 / (2 * scale)


# -- the theorem ----------------------------------------------------------------------
@settings(max_examples=40)
@given(st.integers(1, 4), WIDTHS, st.data())
def test_the_sharper_bound_is_a_symmetric_polynomial(d, widths, data):
    k = data.draw(st.integers(1, min(d, 3)))
    found = volume_bound((d, *widths, 1), k, bias_scale=0.5)
    numbers = [
        found.c_bias * gradient_moment((d, *widths, 1), layer + 1, k) ** (1 / k)
        for layer, width in enumerate(widths)
        for _ in range(width)
    ]
    power = [sum(v**j for v in numbers) for j in range(k + 1)]  # Newton's identities
    e = [1.0]
    for j in range(1, k + 1):
        e.append(sum((-1) ** (i - 1) * e[j - i] * power[i] for i in range(1, j + 1)) / j)
    assert found.sharper == pytest.approx(e[k], rel=1e-6, abs=1e-6 * power[1] ** k)
    assert found.sharper <= found.bound / 2**k * (1 + 1e-12)
    assert found.bound == pytest.approx((2 * found.c_grad * found.c_bias) ** k * math.comb(sum(widths), k), rel=1e-12)


@pytest.mark.parametrize(
    ("sizes", "k", "weights"),
    [((1, 4, 4, 1), 1, "lecun"), ((2, 4, 4, 1), 1, "he"), ((2, 3, 3, 1), 2, "glorot"), ((3, 3, 1), 3, "he")],
)
def test_the_bound_holds_for_the_formula(sizes, k, weights):
    """Near the origin, where kinks are dense, and in a larger box."""
    bound = volume_bound(sizes, k, weights=weights, bias_scale=0.5)
    d = sizes[0]
    for radius in (F(1, 2**20), 1):
        found = coarea_estimate(
            sizes, pr.Box([-radius] * d, [radius] * d), k, weights=weights, bias_sd=0.5, samples=100, seed=1
        )
        volume = (2 * float(radius)) ** d
        assert found.mean / volume <= bound.sharper + 4 * found.standard_error / volume
        assert bound.sharper <= bound.bound / 2**k * (1 + 1e-12)


def test_the_bound_is_attained_at_the_origin_of_one_layer():
    for d in (1, 4):
        bound = volume_bound((d, 6, 1), bias_scale=0.5)
        tiny = F(1, 2**20)
        found = coarea_estimate((d, 6, 1), pr.Box([-tiny] * d, [tiny] * d), bias_sd=0.5, samples=600)
        volume = (2 * float(tiny)) ** d
        assert abs(found.mean / volume - bound.sharper) < 4 * found.standard_error / volume


def test_the_bound_holds_for_exact_volumes():
    """Two inputs, 10 networks: lengths and crossings in a square, enumerated and measured exactly."""
    sizes = (2, 3, 2, 1)
    box = pr.Box([-1, -1], [1, 1])
    volumes = np.array([
        [float(v) for v in boundary_volumes(pr.enumerate_regions(random_network(sizes, biases=0.5, seed=s), box, workers=1, progress=False))]
        for s in range(10)
    ]) / 4  # fmt: skip
    for k in (1, 2):
        bound = volume_bound(sizes, k, bias_scale=0.5)
        mean, error = volumes[:, k - 1].mean(), volumes[:, k - 1].std(ddof=1) / math.sqrt(10)
        formula = coarea_estimate(sizes, box, k, bias_sd=0.5, samples=400)
        assert abs(mean - formula.mean / 4) < 4 * math.hypot(error, formula.standard_error / 4)
        assert mean + 4 * error < bound.sharper < bound.bound


# -- densities ------------------------------------------------------------------------
def test_densities_agree_with_exact_volumes():
    net = random_network((2, 3, 3, 1), biases=0.5, seed=1)
    box = pr.Box([-1, F(-1, 2)], [1, F(3, 2)])
    cx = pr.enumerate_regions(net, box, workers=1, progress=False)
    found = boundary_density(net, box, samples=120)
    for gradient, estimate in zip((False, True), found, strict=True):
        exact = float(boundary_volumes(cx, gradient=gradient)[0]) / 4
        assert abs(estimate.mean - exact) < 4.5 * estimate.standard_error
    assert found.gradient.mean <= found.activation.mean


def test_density_of_parallel_hyperplanes_in_many_inputs():
    """x_1 = 1/16, .., 15/16 in the cube of 30 inputs: area 15, by chords that all meet the cube."""
    d = 30
    rows, shifts = [[1] + [0] * (d - 1)] * 15, [F(-i, 16) for i in range(1, 16)]
    cube = pr.Box([0] * d, [1] * d)
    found = boundary_density(pr.ReluNetwork([rows, [[1] * 15]], [shifts, [0]]), cube, samples=100)
    assert found.activation == found.gradient
    assert abs(found.activation.mean - 15) < 4 * found.activation.standard_error < 12
    twin = pr.ReluNetwork([rows + rows, [[1] * 15 + [-1] * 15]], [shifts + shifts, [0]])
    assert boundary_density(twin, cube, samples=20).gradient.mean == 0


# -- patterns -------------------------------------------------------------------------
def test_pattern_density():
    assert pattern_density_bound(96, 2, 1) == 96**2 / 2
    assert pattern_density_bound(3, 5, 7) == 8
    assert pattern_density_bound(5, 5, 2) == pytest.approx(10**5 / 120, rel=1e-12)
    assert pattern_density_bound(1000, 784, 1) == math.inf  # 10^425


def test_beyond_floats():
    found = volume_bound((784, 500, 500, 10), 300, bias_scale=0.001)
    assert found.bound == found.sharper == math.inf and 1.4 < found.c_grad < 3
    assert gradient_moment((784, 500, 1), 1, 2000) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: volume_bound((2, 1)), r"sizes are \(2, 1\); give whole numbers from 1 up: inputs, hidden layers"),
        (lambda: volume_bound((2, 3, 1), 3), "k is 3; a boundary in 2 inputs has codimension 1 to 2"),
        (lambda: volume_bound((2, 3, 1), weights="orthogonal"), "weights is 'orthogonal'; the constants are known for he"),
        (lambda: volume_bound((2, 3, 1), biases="cauchy"), "the law of biases is 'cauchy'; choose normal or uniform"),
        (lambda: volume_bound((2, 3, 1), bias_scale=0), "the scale of biases is 0; give a positive number"),
        (lambda: gradient_moment((2, 3, 1), 2, 1), "layer is 2; the hidden layers are 1 to 1"),
        (lambda: gradient_moment((2, 3, 1), 1, 0), "power is 0; give a positive number"),
        (lambda: pattern_density_bound(0, 2, 1), "0 neurons, 2 inputs, constant 1; give positive numbers"),
        (lambda: boundary_density(random_network((2, 3, 1)), pr.Box([0], [1])), "1|2"),
        (lambda: boundary_density(random_network((1, 3, 1)), pr.HPolytope([[1], [-1]], [1, 1])), "is no Box; give one"),
        (lambda: boundary_density(random_network((1, 3, 1)), pr.Box([0], [1]), samples=1), "samples is 1; a standard"),
    ],
)
def test_errors_of_bounds(call, message):
    with pytest.raises(pr.InputError, match=message):
        call()


def test_the_page_says_what_holds():
    page = Path(__file__).resolve().parents[1] / "docs" / "hanin_rolnick.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert failed == 0 and tried > 1
