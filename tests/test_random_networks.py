"""Laws of random networks, and activations with any number of breakpoints against their definition."""

from __future__ import annotations

from fractions import Fraction as F

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu.theory.lines import regions_on_segment
from polyrelu.theory.random_networks import (
    ACTIVATIONS,
    LAWS,
    Activation,
    random_activation,
    random_network,
    with_activation,
)

numbers = st.integers(-3, 3)


def test_he_networks_are_those_of_the_benchmarks():
    assert random_network((2, 5, 4, 1), seed=3) == networks.he_network((2, 5, 4, 1), seed=3)


@pytest.mark.parametrize(("law", "variance"), [("he", 2 / 300), ("lecun", 1 / 300), ("glorot", 2 / 700)])
def test_variances(law, variance):
    w = LAWS[law](np.random.default_rng(0), (400, 300))
    # 120 000 squares of normal numbers: their mean is off by more than 5 standard errors with probability 6e-7
    assert abs(np.mean(w**2) / variance - 1) < 5 * np.sqrt(2 / w.size)
    assert abs(np.mean(w)) < 5 * np.sqrt(variance / w.size)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5)])
def test_orthogonal_matrices(shape):
    w = LAWS["orthogonal"](np.random.default_rng(1), shape)
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    assert np.allclose(gram, 2 * np.eye(min(shape)), atol=1e-12)


def test_laws_of_ones_own():
    net = random_network((2, 3, 1), lambda rng, shape: np.ones(shape, int), lambda rng, shape: [F(1, 3)] * shape[0])
    assert net([F(1), F(2)]).tolist() == [3 * (3 + F(1, 3)) + F(1, 3)]


@st.composite
def activations(draw):
    at = draw(st.lists(numbers, min_size=1, max_size=3, unique=True))
    jumps = draw(st.lists(numbers.filter(bool), min_size=len(at), max_size=len(at)))
    return Activation.of(draw(numbers), draw(numbers), sorted(at), jumps)


@settings(max_examples=60)
@given(st.data(), activations())
def test_the_lowered_network_computes_the_activation(data, sigma):
    sizes = (2, *data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)), 2)
    table = [data.draw(st.lists(numbers, min_size=(n + 1) * m, max_size=(n + 1) * m)) for n, m in zip(sizes, sizes[1:], strict=False)]
    pairs = [np.array(t, dtype=object).reshape(-1, n + 1) for t, n in zip(table, sizes, strict=False)]
    net = with_activation([p[:, :-1] for p in pairs], [p[:, -1] for p in pairs], sigma)
    x = [F(data.draw(numbers), 2) for _ in range(2)]
    h = np.array(x, dtype=object)
    for k, p in enumerate(pairs):
        h = p[:, :-1] @ h + p[:, -1]
        if k < len(pairs) - 1:
            h = np.array([sigma(v) for v in h], dtype=object)

    assert net.neurons == len(sigma.breakpoints) * sum(sizes[1:-1])
    assert net(np.array(x, dtype=object)).tolist() == h.tolist()


@pytest.mark.parametrize(("name", "points"), [("leaky_relu", 1), ("absolute", 1), ("hard_tanh", 2)])
def test_one_layer_on_a_line_has_a_breakpoint_for_every_kink(name, points):
    """Over a segment that is long enough every neuron passes all breakpoints of its activation."""
    net = random_network((1, 12, 1), activation=name, seed=2)
    line = regions_on_segment(net, [-(10**6)], [10**6])
    assert line.activation_regions == line.slope_regions == 1 + 12 * points


def test_drawn_activations_are_zero_at_zero():
    for T in (1, 2, 7):
        sigma = random_activation(T, seed=T)
        assert (len(sigma.breakpoints), sigma(0)) == (T, 0)
    assert [ACTIVATIONS["leaky_relu"](v) for v in (-100, 3)] == [-1, 3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_network((2,)), "give at least two whole numbers"),
        (lambda: random_network((2, 0, 1)), "give at least two whole numbers"),
        (lambda: random_network((2, 3, 1), "kaiming"), "weights is 'kaiming'; choose one of he, lecun"),
        (lambda: random_network((2, 3, 1), activation="tanh"), "activation is 'tanh'; choose one of relu"),
        (lambda: random_network((2, 3, 1), lambda rng, shape: np.ones(3)), r"returned shape \(3,\); expected \(3, 2\)"),
        (lambda: Activation.of(0, 0, [1, 1], [1, 1]), "breakpoints must ascend"),
        (lambda: Activation.of(0, 0, [1, 2], [1]), "2 breakpoints and 1 jumps"),
        (lambda: random_activation(0), "breakpoints is 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(pr.InputError, match=message):
        call()
