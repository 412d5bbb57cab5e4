"""Comparing networks: equal functions written differently, differences of one unit in the last place, exact norms."""

from __future__ import annotations

import math
from fractions import Fraction as F

import networks
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import boxes
from strategies import networks as small_networks

import polyrelu as pr


def ulp(net: pr.ReluNetwork, layer: int, i: int, j: int) -> pr.ReluNetwork:
    """Return the network with one weight changed by one unit in the last place."""
    weights = [layer_.blocks[k].to_float()[0].copy() for k, layer_ in enumerate(net.layers)]
    biases = [layer_.bias.to_float()[0].ravel() for layer_ in net.layers]
    weights[layer][i, j] = np.nextafter(weights[layer][i, j], np.inf)
    return pr.ReluNetwork(weights, biases)


def assert_witness(f, g, answer, domain=None):
    assert not answer
    x = np.array(answer.witness, dtype=object)
    assert tuple(f(x)) == answer.first
    assert tuple(g(x)) == answer.second
    assert answer.first != answer.second
    assert domain is None or domain.contains(answer.witness)


# max(x, y) = x + relu(y - x) = y + relu(x - y), without skips
MAX = pr.ReluNetwork([[[-1, 1], [1, 0], [-1, 0]], [[1, 1, -1]]], [[0, 0, 0], [0]])
MAX_TOO = pr.ReluNetwork([[[1, -1], [0, 1], [0, -1]], [[1, 1, -1]]], [[0, 0, 0], [0]])
# |x| + |y| = x + y + relu(-2x) + relu(-2y)
TAXI = pr.ReluNetwork([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]], [[0] * 4, [0]])
TAXI_TOO = pr.ReluNetwork([[[0, -2], [-2, 0], [1, 1], [-1, -1]], [[1, 1, 1, -1]]], [[0] * 4, [0]])


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (MAX, MAX_TOO),
        (MAX, networks.max_chain(2)),
        (TAXI, TAXI_TOO),
        (networks.tents(3), networks.duplicate_neurons(networks.tents(3))),
        (networks.tents(3), networks.mirror_neurons(networks.tents(3))),
        (networks.tents(3), networks.scale_neurons(networks.tents(3))),
        (networks.tents(3), networks.add_constant_neurons(networks.tents(3))),
        (networks.max_four(), networks.max_of_affine([[0] * 5, *([int(i == k) for k in range(5)] for i in range(4))])),
        (networks.tent_and_absolute_value(), networks.tent_and_absolute_value()),
    ],
)
def test_equal_functions_on_all_of_space_and_in_a_box(f, g):
    d = f.input_dim

    assert pr.equal(f, g)
    assert pr.equal(f, g, pr.Box([-1] * d, [2] * d))
    assert pr.distance(f, g, pr.Box([-1] * d, [2] * d)) == 0
    assert pr.distance(f, g) == 0


def test_tents_composed_are_a_sawtooth_in_the_unit_interval_alone():
    # tent(tent(x)) has kinks at 1/4, 1/2, 3/4 in [0, 1]: a network with one hidden layer
    deep = networks.build(networks.compose(*[[([[1], [1]], [0, F(-1, 2)]), ([[2, -4]], [0])]] * 2))
    flat = pr.ReluNetwork([[[1]] * 4, [[4, -8, 8, -8]]], [[0, F(-1, 4), F(-1, 2), F(-3, 4)], [0]])

    assert pr.equal(deep, flat, pr.Box([0], [1]))
    beyond = pr.equal(deep, flat, pr.Box([0], [2]))
    assert_witness(deep, flat, beyond)
    assert beyond.witness[0] > 1


def test_permuted_neurons_of_a_float_network():
    f = networks.he_network((2, 8, 8, 2), seed=1)
    w = [layer.blocks[k].to_float()[0] for k, layer in enumerate(f.layers)]
    b = [layer.bias.to_float()[0].ravel() for layer in f.layers]
    first, second = np.random.default_rng(0).permutation(8), np.random.default_rng(1).permutation(8)
    g = pr.ReluNetwork([w[0][first], w[1][second][:, first], w[2][:, second]], [b[0][first], b[1][second], b[2]])

    assert pr.equal(f, g)
    assert pr.equal(f, g, pr.Box([-1, -1], [1, 1]))


@pytest.mark.parametrize(("layer", "i", "j"), [(0, 3, 1), (1, 5, 2), (2, 1, 3)])
def test_one_unit_in_the_last_place(layer, i, j):
    f = networks.he_network((2, 8, 8, 2), seed=1)
    g = ulp(f, layer, i, j)
    box = pr.Box([-1, -1], [1, 1])

    assert_witness(f, g, pr.equal(f, g, box), box)
    assert_witness(f, g, pr.equal(f, g))


def test_a_weight_behind_a_dead_neuron_makes_no_difference():
    f = networks.he_network((2, 8, 8, 2), seed=1)
    g = ulp(f, 2, 1, 4)

    # neuron 4 of the second layer is dead on the whole plane, which no sample of points shows
    assert not pr.enumerate_regions(f).patterns[:, 8 + 4].any()
    assert f != g
    assert pr.equal(f, g)
    assert pr.equal(f, g, pr.Box([-1, -1], [1, 1]))


def test_a_difference_on_a_tiny_interval_alone():
    tiny = F(1, 2**60)
    # a hat of height 2^-60 and width 2^-59 at 1/3, beside a network with many regions
    hat = [[1], [1], [1]], [tiny - F(1, 3), -F(1, 3), -tiny - F(1, 3)]
    tents = networks.tents(4).layers
    whole = pr.ReluNetwork(
        [[*tents[0].blocks[0].fractions().tolist(), *hat[0]]], [[*tents[0].bias.fractions()[:, 0], *hat[1]]]
    )
    width = tents[0].size
    f = pr.ReluNetwork.from_layers([*whole.layers, *_wide(tents[1:], 3, [0, 0, 0])], 1)
    g = pr.ReluNetwork.from_layers([*whole.layers, *_wide(tents[1:], 3, [1, -2, 1])], 1)

    answer = pr.equal(f, g, pr.Box([0], [1]))
    assert width == 2
    assert_witness(f, g, answer)
    assert abs(answer.witness[0] - F(1, 3)) < tiny
    assert pr.distance(f, g, pr.Box([0], [1])) == tiny
    assert pr.distance(f, g, pr.Box([0], [1]), "L1") == tiny * tiny


def _wide(layers, extra, weights):
    """Let layers ignore ``extra`` more neurons of the first one, but add them with weights to the output."""
    from polyrelu.exact import RationalMatrix
    from polyrelu.network import Layer

    out = []
    for k, layer in enumerate(layers):
        blocks = dict(layer.blocks)
        last = k == len(layers) - 1
        row = RationalMatrix.of([weights if last else [0] * extra] * layer.size)
        if 1 in blocks:
            blocks[1] = blocks[1].hstack(row)
        else:
            blocks[1] = RationalMatrix.zeros(layer.size, 2).hstack(row)
        out.append(Layer(blocks, layer.bias))
    return out


def test_outputs_with_a_relu_and_networks_without_neurons():
    relu = pr.ReluNetwork([[[1]]], [[0]], output_relu=True)
    same = pr.ReluNetwork([[[2]], [["1/2"]]], [[0], [0]])
    identity = pr.ReluNetwork([[[1]]], [[0]])

    assert pr.equal(relu, same)
    assert_witness(relu, identity, pr.equal(relu, identity))
    assert pr.equal(relu, identity, pr.Box([0], [5]))
    assert pr.equal(identity, identity)
    assert pr.distance(relu, identity, pr.Box([-3], [5])) == 3


# -- norms ----------------------------------------------------------------------------
def test_known_norms():
    # tent with height 1 on [0, 1]: integral 1/2, integral of the square 1/3
    tent, zero = networks.tents(1), pr.ReluNetwork([[[0]]], [[0]])
    unit = pr.Box([0], [1])

    assert pr.distance(tent, zero, unit, "L1") == F(1, 2)
    assert pr.distance(tent, zero, unit, "L2").square == F(1, 3)
    assert pr.distance(tent, zero, unit, "sup") == 1
    # x - 1/3 changes sign inside one region: 1/18 + 4/18
    shifted = pr.ReluNetwork([[[1]]], [["-1/3"]])
    assert pr.distance(shifted, zero, unit, "L1") == F(5, 18)


def test_norms_of_several_outputs():
    f = pr.ReluNetwork([[[1, 0], [0, 3]]], [[0, 0]])
    zero = pr.ReluNetwork([[[0, 0], [0, 0]]], [[0, 0]])
    square = pr.Box([0, 0], [1, 1])

    assert pr.distance(f, zero, square, "sup") == 3  # the maximum over outputs
    assert pr.distance(f, zero, square, "L1") == F(1, 2) + F(3, 2)  # the sum
    assert pr.distance(f, zero, square, "L2").square == F(1, 3) + F(9, 3)


def test_unbounded_domains():
    parallel = pr.ReluNetwork([[[1, 2]]], [[0]]), pr.ReluNetwork([[[1, 2]]], [[F(1, 3)]])

    assert pr.distance(*parallel) == F(1, 3)
    assert pr.distance(MAX, TAXI) == math.inf
    strip = pr.HPolytope([[1, -1], [-1, 1]], [1, 1])
    # max(x, y) - x on |x - y| <= 1
    assert pr.distance(MAX, pr.ReluNetwork([[[1, 0]]], [[0]]), strip) == 1
    with pytest.raises(pr.DomainError, match="L1 needs a bounded one"):
        pr.distance(*parallel, norm="L1")


def test_what_cannot_be_compared():
    one, two = networks.tents(1), MAX

    with pytest.raises(pr.InputError, match="f has 1 inputs and g has 2"):
        pr.equal(one, two)
    with pytest.raises(pr.InputError, match="f has 1 outputs and g has 2"):
        pr.distance(MAX, pr.ReluNetwork([[[1, 1], [1, 2]]], [[0, 0]]))
    with pytest.raises(pr.InputError, match="choose one of L1, L2, sup"):
        pr.distance(one, one, norm="l1")
    with pytest.raises(pr.InputError, match="g is of type int"):
        pr.equal(one, 3)
    with pytest.raises(pr.DomainError, match="flat"):
        pr.equal(MAX, MAX, pr.Box([0, 0], [1, 0]))


@pytest.mark.parametrize("square", [F(2), F(1, 3), F(10**40 + 1), F(3, 10**50), F(49, 4), F(7**200, 3**200)])
def test_square_roots_are_certified(square):
    from polyrelu.compare import SquareRoot

    root = SquareRoot.of(square)
    low, high = F(root.value) - F(root.error), F(root.value) + F(root.error)
    assert low**2 <= square <= high**2
    assert root.error <= math.ulp(root.value)
    assert (root.error == 0) == (F(root.value) ** 2 == square)
    assert float(root) == root.value


@st.composite
def pairs(draw):
    """Two networks of as many outputs, and a box; half the time one is the other in disguise."""
    f = draw(small_networks(d=draw(st.integers(1, 2)), max_neurons=4))
    disguise = draw(st.sampled_from([None, networks.duplicate_neurons, networks.mirror_neurons, networks.scale_neurons]))
    g = draw(small_networks(d=f.input_dim, max_neurons=3)) if disguise is None else disguise(f)
    return f, g, draw(boxes(f.input_dim))


def simple_difference(f, g, box):
    """Yield (rows, forms of f - g) of the common refinement, by pairs of regions of the oracle."""
    walls = oracle.box_walls(*box)
    a, b = oracle.ExactNetwork(f), oracle.ExactNetwork(g)
    for s in oracle.all_regions(f, walls):
        for t in oracle.all_regions(g, walls):
            rows = [row for row in a.region_rows(s) + b.region_rows(t) + oracle.wall_rows(walls) if any(row)]
            if oracle.interior_point(rows, f.input_dim) is not None:
                gaps = [
                    tuple(x - y for x, y in zip(p, q, strict=True))
                    for p, q in zip(a.affine_map(s), b.affine_map(t), strict=True)
                ]
                yield rows, gaps


@settings(max_examples=35)
@given(pairs())
def test_against_pairs_of_regions(problem):
    f, g, box = problem
    if f.output_dim != g.output_dim:
        return
    domain = pr.Box(*box)
    pieces = list(simple_difference(f, g, box))
    same = all(not any(gap) for _, gaps in pieces for gap in gaps)

    answer = pr.equal(f, g, domain)
    assert bool(answer) == same
    if not same:
        assert_witness(f, g, answer, domain)
    # a piece's extreme values are at its vertices, here those of an independent H-polytope
    largest, l1, l2 = F(0), F(0), F(0)
    for rows, gaps in pieces:
        for gap in gaps:
            polytope = pr.HPolytope.from_rows(rows, f.input_dim)
            largest = max([largest, *(abs(oracle.value(gap, v)) for v in polytope.vertices())])
            for sign in (1, -1):
                half = oracle.integer_row(sign * v for v in gap)
                part = pr.HPolytope.from_rows([*rows, half], f.input_dim)
                if any(gap):
                    l1 += sign * simple_integral(part, gap, 1)
                    l2 += simple_integral(part, gap, 2)
    assert pr.distance(f, g, domain, "sup") == largest
    assert pr.distance(f, g, domain, "L1") == l1
    assert pr.distance(f, g, domain, "L2").square == l2


def simple_integral(polytope: pr.HPolytope, form, power: int) -> F:
    """Integrate form^power over a polytope in d = 1, 2 by Simpson's rule on triangles around one vertex."""
    if polytope.dimension() < polytope.d:
        return F(0)
    v = [tuple(p) for p in polytope.vertices()]
    if polytope.d == 1:
        a, b = v
        middle = (a[0] + b[0]) / 2
        values = [oracle.value(form, (x,)) ** power for x in (a[0], middle, b[0])]
        return (b[0] - a[0]) * (values[0] + 4 * values[1] + values[2]) / 6
    inner = tuple(sum(p[k] for p in v) / len(v) for k in (0, 1))
    corners = sorted(v, key=lambda p: math.atan2(p[1] - inner[1], p[0] - inner[0]))
    total = F(0)
    for p, q in zip(corners, [*corners[1:], corners[0]], strict=True):
        area = abs((p[0] - inner[0]) * (q[1] - inner[1]) - (p[1] - inner[1]) * (q[0] - inner[0])) / 2
        middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in ((p, q), (q, inner), (inner, p))]
        # the mean over a triangle of a polynomial of degree two is that of its values at the middles of the sides
        total += area * sum(oracle.value(form, m) ** power for m in middles) / 3
    return total
