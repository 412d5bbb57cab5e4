"""Networks: evaluation, patterns, affine maps, crossing, restriction, and every refusal."""

from __future__ import annotations

import pickle
from fractions import Fraction as F

import networks
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu import DomainError, InputError, ModelError, ReluNetwork
from polyrelu.enumeration.bfs import start_pattern
from polyrelu.exact import RationalMatrix
from polyrelu.network import Layer

TENT = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])  # 2 relu(x) - 4 relu(x - 1/2)


def exact_values(net, x):
    """Evaluate all hidden pre-activations and the outputs at a point, without affine forms."""
    exact = oracle.ExactNetwork(net)
    blocks, zs, y = [list(x)], [], []
    for weights, bias in exact.layers:
        y = list(bias)
        for k, matrix in weights.items():
            y = [v + sum(w * a for w, a in zip(row, blocks[k], strict=True)) for v, row in zip(y, matrix, strict=True)]
        zs += y
        blocks.append([max(v, F(0)) for v in y])
    return zs[: exact.neurons], blocks[-1] if exact.output_relu else y


def points(d, denominator=2):
    return st.lists(st.integers(-6, 6).map(lambda v: F(v, denominator)), min_size=d, max_size=d)


networks_and_points = strategies.networks(max_neurons=6).flatmap(
    lambda net: st.tuples(st.just(net), st.lists(points(net.input_dim), min_size=1, max_size=3))
)


# -- evaluation -----------------------------------------------------------------------
@given(networks_and_points)
def test_values_and_patterns_at_points(case):
    """Half-integer points of integer networks lie on kinks all the time; a bit is 1 iff z > 0."""
    net, xs = case
    zs, ys = zip(*(exact_values(net, x) for x in xs), strict=True)
    arrays = np.array(xs, dtype=object)
    floats = arrays.astype(float)

    assert net(arrays).tolist() == [list(y) for y in ys]
    assert net.preactivations(arrays).tolist() == [list(z) for z in zs]
    patterns = [[int(v > 0) for v in z] for z in zs]
    assert net.pattern(arrays).tolist() == patterns
    # small dyadic numbers: floats are exact here
    assert net(floats).tolist() == [list(map(float, y)) for y in ys]
    assert net.preactivations(floats).tolist() == [list(map(float, z)) for z in zs]
    assert net.pattern(floats).tolist() == patterns
    assert net.pattern(floats[0]).tolist() == patterns[0]  # one point, one row
    assert net(arrays[0]).tolist() == list(ys[0])
    assert net.preactivations(arrays[0]).shape == (net.neurons,)


@pytest.mark.parametrize(
    "x",
    [[3, 0], [F(3), F(0)], ["3", "0"], [3.0, 0.0], np.array([3, 0], dtype=np.float32), np.array([3, 0]), (3, 0.0)],
    ids=["int", "Fraction", "text", "float", "float32", "int64", "mixed"],
)
def test_one_point_of_every_kind_of_number(x):
    net = ReluNetwork([[[1, 1], [1, -1]], [["1/3", "0.5"]]], [[-3, 0], [0]])

    assert net.pattern(x).tolist() == [0, 1]  # z = 0 and 3
    assert [F(v) for v in net.preactivations(x)] == [0, 3]
    assert [F(v) for v in net(x)] == [F(3, 2)]


@given(st.integers(0, 2**32 - 1))
def test_patterns_of_float_points_are_exact(seed):
    """Points that floats put on a kink, and one unit in the last place beside it."""
    rng = np.random.default_rng(seed)
    net = networks.he_network((3, 5, 5, 1), seed)
    x = rng.normal(size=(2, 3))
    form = net.layers[0].blocks[0].to_float()[0][0]
    bias = net.layers[0].bias.to_float()[0][0, 0]
    x[1, 2] = -(form[:2] @ x[1, :2] + bias) / form[2]
    x = np.vstack([x, np.nextafter(x[1], np.inf)])

    expected = [[int(v > 0) for v in exact_values(net, [F(c) for c in p])[0]] for p in x]
    assert net.pattern(x).tolist() == expected


@given(st.integers(0, 2**32 - 1), st.sampled_from([(5e-324, 1e300), (1e-300, 1e290), (1e200, 1e200), (1.0, 1e-310)]))
def test_patterns_where_floats_underflow_and_overflow(seed, sizes):
    """Found by attack: an error bound that lost a subnormal input before a weight of 1e300 multiplied it."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 8, 3) * sizes[0]
    w = rng.normal(size=3) * sizes[1]
    with np.errstate(all="ignore"):
        last = -(w[:2] @ (x[:2] / x[2]))
    if np.isfinite(last):
        w[2] = last  # now w @ x is zero up to rounding
    net = ReluNetwork([[w], [[1]]], [[0], [0]])

    assert net.pattern(x)[0] == int(sum(F(a) * F(b) for a, b in zip(w, x, strict=True)) > 0)


def test_weights_that_round_to_zero_still_decide():
    # 1e-330 is no float: rounded to 0 it would leave -1e-31, while 1e-330 * 1e300 = 1e-30
    net = ReluNetwork([[[F(1, 10**330)]], [[1]]], [["-1e-31"], [0]])

    assert net.pattern([1e300]).tolist() == [1]
    assert net.pattern([1e298]).tolist() == [0]


def test_integers_beside_floats_are_not_rounded():
    net = ReluNetwork([[[1, 0]], [[1]]], [[-(2**60)], [0]])

    assert net.pattern([2**60 + 1, 0.5]).tolist() == [1]
    assert net.pattern([2**60, 0.5]).tolist() == [0]


def test_long_doubles_are_not_rounded():
    net = ReluNetwork([[[1]], [[1]]], [[-1], [0]])

    assert net.pattern(np.array([1], dtype=np.longdouble) + np.finfo(np.longdouble).eps).tolist() == [1]


def test_large_float_points_stay_floats():
    assert TENT([1e300]).dtype == np.float64


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1, 2], r"points have shape \(2,\); this network takes \(1,\) or \(k, 1\)"),
        ([[[1]]], r"points have shape \(1, 1, 1\)"),
        (3, r"points have shape \(\)"),
        ([[1], [1, 2]], "points have different lengths"),
        ([np.nan], "point 0 has nan at coordinate 0; every coordinate must be finite"),
        ([[0.0], [np.inf]], "point 1 has inf at coordinate 0"),
        (["x"], "write a decimal"),
        ([None], "of type NoneType"),
    ],
)
def test_points_that_do_not_fit(x, message):
    for method in (TENT, TENT.preactivations, TENT.pattern):
        with pytest.raises(InputError, match=message):
            method(x)


# -- affine forms and maps ------------------------------------------------------------
@given(strategies.networks(max_neurons=6), st.data())
def test_forms_and_maps_of_any_pattern(net, data):
    """Patterns without a region have affine forms as well."""
    bits = data.draw(st.lists(st.integers(0, 1), min_size=net.neurons, max_size=net.neurons))
    exact = oracle.ExactNetwork(net)
    forms = [form for layer in list(net.layer_forms(bits))[: len(net.widths)] for form in layer.fractions().tolist()]

    assert [tuple(form) for form in forms] == exact.neuron_forms(tuple(bits))
    assert net.neuron_rows(bits) == [oracle.integer_row(form) for form in exact.neuron_forms(tuple(bits))]
    assert tuple(map(tuple, net.affine_map(bits).forms.fractions().tolist())) == exact.affine_map(tuple(bits))


def test_affine_maps_compare_and_evaluate_exactly():
    f = ReluNetwork([[[F(1, 3), 1]]], [["0.1"]]).affine_map([])

    assert f([F(1, 2), 0]) == (F(1, 6) + F(1, 10),)
    assert f == ReluNetwork([[["1/3", 1]]], [[F(1, 10)]]).affine_map("")
    assert f != ReluNetwork([[[1 / 3, 1]]], [[F(1, 10)]]).affine_map("")
    assert (f.A.tolist(), f.b.tolist()) == ([[1 / 3, 1.0]], [0.1])
    assert len({f, ReluNetwork([[["1/3", 1]]], [[F(1, 10)]]).affine_map("")}) == 1
    with pytest.raises(InputError, match="x has 1 coordinates; this map takes 2"):
        f([1])


@pytest.mark.parametrize("pattern", ["1", "101", "1x", [0, 2], [0.5, 1], [[1]], [None, 1], ""])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(InputError, match="a pattern of this network is 2 bits of 0 or 1; got"):
        TENT.affine_map(pattern)


def test_patterns_may_be_bits_booleans_or_text():
    for pattern in ("10", [1, 0], (True, False), np.array([1, 0]), np.array([1.0, 0.0]), np.array([True, False])):
        assert TENT.neuron_rows(pattern) == [(1, 0), (2, -1)]


# -- shape ----------------------------------------------------------------------------
def test_shape_and_names():
    net = networks.he_network((2, 3, 4, 1))

    assert (net.input_dim, net.output_dim, net.neurons, net.widths) == (2, 1, 7, (3, 4))
    assert [net.neuron_name(j) for j in (0, 2, 3, 6)] == ["layer1[0]", "layer1[2]", "layer2[0]", "layer2[3]"]
    assert repr(net) == "<ReluNetwork 2-3-4-1, 7 neurons>"
    with pytest.raises(InputError, match="neuron 7 does not exist; this network has 7"):
        net.neuron_name(7)


def test_a_relu_behind_the_last_layer_cuts_and_clips():
    plain = ReluNetwork([[[1]], [[1]]], [[0], [-1]])
    clipped = ReluNetwork([[[1]], [[1]]], [[0], [-1]], output_relu=True)

    assert (plain.neurons, clipped.neurons) == (1, 2)
    assert repr(clipped) == "<ReluNetwork 1-1-1, 2 neurons, ReLU output>"
    assert (plain([0.5]).tolist(), clipped([0.5]).tolist(), clipped([F(3)]).tolist()) == ([-0.5], [0.0], [2])
    assert clipped.pattern([[F(1, 2)], [2]]).tolist() == [[1, 0], [1, 1]]
    assert clipped.affine_map("10").A.tolist() == [[0.0]]
    assert clipped.affine_map("11").b.tolist() == [-1.0]
    assert clipped != plain


def test_wide_layers_read_the_input_and_all_earlier_layers():
    # z1 = x, z2 = a1 - 2 x, y = x + 10 a1 + 100 a2; also as Layer objects with absent blocks
    net = ReluNetwork([[[1]], [[-2, 1]], [[1, 10, 100]]], [[0], [0], [0]])

    assert net([3]).tolist() == [33]
    assert net([-3]).tolist() == [-3 + 600]
    assert net.neuron_rows("10") == [(1, 0), (-1, 0)]
    blocks = [{0: [[1]]}, {0: [[-2]], 1: [[1]]}, {0: [[1]], 1: [[10]], 2: [[100]]}]
    zero = RationalMatrix.zeros(1, 1)
    layers = [Layer({k: RationalMatrix.of(w) for k, w in b.items()}, zero) for b in blocks]
    assert ReluNetwork.from_layers(layers, 1) == net
    assert hash(ReluNetwork.from_layers(layers, 1)) == hash(net)


def test_zero_blocks_and_absent_blocks_are_the_same_network():
    a = ReluNetwork([[[1]], [[0, 1]]], [[0], [0]])
    b = ReluNetwork([[[1]], [[1]]], [[0], [0]])

    assert a == b and hash(a) == hash(b)
    assert a != 1


@given(strategies.networks(max_neurons=5))
def test_networks_pickle(net):
    assert pickle.loads(pickle.dumps(net)) == net


@pytest.mark.parametrize("kind", [list, np.float32, np.float64, np.int64, F, str])
def test_the_same_network_from_every_kind_of_number(kind):
    def convert(a):
        if kind in (F, str):
            return [convert(v) for v in a] if isinstance(a, list) else kind(a)
        return a if kind is list else np.array(a, dtype=kind)

    weights, biases = [[[1, -2], [3, 0]], [[1, 1]]], [[0, -1], [2]]
    net = ReluNetwork([convert(w) for w in weights], [convert(b) for b in biases])

    assert net == ReluNetwork(weights, biases)
    assert len(pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]))) == 4


@pytest.mark.parametrize(
    ("weights", "biases", "message"),
    [
        ([[[1]]], [[0], [0]], "1 weight matrices but 2 biases; give one of each per layer"),
        ([], [], "a network needs at least one layer; give weights and biases"),
        ([[[np.nan]]], [[0]], r"weights\[0\]\[0, 0\] is nan; every number must be finite"),
        ([[[1]], [[1.0], [np.inf]]], [[0], [0, 0]], r"weights\[1\]\[1, 0\] is inf"),
        ([[[1]]], [[-np.inf]], r"biases\[0\]\[0, 0\] is -inf"),
        ([[[1, 2]], [[1, 2]]], [[0], [0]], r"weights\[1\] has 2 columns; expected 1, the width before it, or 3"),
        ([[[1], [2]]], [[0]], r"weights\[0\] has 2 rows but biases\[0\] has 1 entries"),
        ([[1, 2]], [[0]], r"weights\[0\] has 1 dimension\(s\)"),
        ([[[1, 2], [3]]], [[0, 0]], r"weights\[0\] has rows of different lengths"),
        ([[[1]]], [[[0]]], r"biases\[0\] has shape \(1, 1\); a vector"),
        ([[[1]]], [0], r"biases\[0\] has shape \(\)"),
        ([[["a"]]], [[0]], r"weights\[0\]\[0, 0\] is 'a'; write a decimal"),
        ([[[None]]], [[0]], r"weights\[0\]\[0, 0\] is of type NoneType"),
        ([np.zeros((0, 2))], [[]], "layer 0 has no neurons; remove it or give it rows"),
        ([np.zeros((1, 0))], [[0]], "the first weight matrix has no columns; a network needs at least one input"),
        ([[[1j]]], [[0]], r"weights\[0\]\[0, 0\] is of type complex"),
    ],
)
def test_networks_that_are_not_well_formed(weights, biases, message):
    with pytest.raises(ModelError, match=message):
        ReluNetwork(weights, biases)


def test_layers_that_read_what_is_not_there():
    one = RationalMatrix.of([[1]])
    with pytest.raises(ModelError, match=r"layer 0 reads block 1 with a matrix of shape \(1, 1\)"):
        ReluNetwork.from_layers([Layer({1: one}, one)], 1)
    with pytest.raises(ModelError, match=r"layer 0 reads block 0 with a matrix of shape \(1, 1\)"):
        ReluNetwork.from_layers([Layer({0: one}, one)], 2)


# -- crossing -------------------------------------------------------------------------
@settings(max_examples=30)
@given(strategies.networks_in_boxes(max_neurons=6))
def test_crossing_every_facet_leads_to_the_neighbour(case):
    """The germ rule, with neurons that vanish, against patterns read at points (the oracle's adjacency)."""
    net, box = case
    walls = oracle.domain_walls(box)
    regions = oracle.all_regions(net, walls)
    edges = oracle.adjacency(net, walls, regions)
    found = set()
    for s in regions:
        for row, (vanishing, wall) in oracle.facets(net, walls, s).items():
            if not wall:
                outward = [-v for v in row[:-1]]
                found.add(frozenset((s, tuple(map(int, net.cross(s, vanishing, outward))))))

    assert found == set(edges)


def test_deeper_neurons_may_flip_stay_or_vanish():
    # x > 0 | x < 0; layer 2 sees relu(x): one neuron copies it, one its negative, one is 1 + relu(x)
    net = ReluNetwork([[[1]], [[1], [-1], [1]], [[1, 1, 1]]], [[0], [0, 0, 1], [0]])

    assert net.cross("0001", [0, 1, 2], [1]).tolist() == [1, 1, 0, 1]
    assert net.cross("1101", [0, 1, 2], [-1]).tolist() == [0, 0, 0, 1]


def test_crossing_leaves_its_argument_alone():
    before = np.array([0, 0], dtype=np.uint8)
    TENT.cross(before, [0], [1])

    assert before.tolist() == [0, 0]


# -- starting -------------------------------------------------------------------------
@given(strategies.networks_in_boxes(max_neurons=6), st.data())
@settings(max_examples=60)
def test_the_start_pattern_is_a_region_that_holds_the_start(case, data):
    net, box = case
    domain = pr.Box(*box)
    x = [data.draw(st.integers(2 * a, 2 * b).map(lambda v: F(v, 2))) for a, b in zip(*box, strict=True)]
    s = tuple(map(int, start_pattern(net, domain, x)))
    rows = oracle.ExactNetwork(net).region_rows(s)

    assert s in oracle.all_regions(net, oracle.domain_walls(box))
    assert all(oracle.value(row, x) >= 0 for row in rows)


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        ([2], DomainError, "the start point lies outside the domain; choose one inside or a larger domain"),
        ([F(10**9 + 1, 10**9)], DomainError, "outside the domain"),
        ([0, 0], InputError, "start has 2 coordinates; this network has 1 inputs"),
        ([np.nan], InputError, r"start\[0\] is nan"),
    ],
)
def test_starts_that_cannot_be(start, error, message):
    with pytest.raises(error, match=message):
        pr.enumerate_regions(TENT, pr.Box([0], [1]), start=start)


# -- restriction ----------------------------------------------------------------------
@given(strategies.networks(d=3, max_neurons=6), st.data())
def test_restriction_is_exact_composition(net, data):
    k = data.draw(st.integers(1, 3))
    number = st.fractions(min_value=-2, max_value=2, max_denominator=5)
    origin = data.draw(st.lists(number, min_size=3, max_size=3))
    directions = data.draw(st.lists(st.lists(number, min_size=3, max_size=3), min_size=k, max_size=k))
    t = data.draw(points(k))
    x = [o + sum(a * v[c] for a, v in zip(t, directions, strict=True)) for c, o in enumerate(origin)]
    part = net.restrict(origin, directions)

    assert (part.input_dim, part.widths, part.output_relu) == (k, net.widths, net.output_relu)
    assert part(np.array([t], dtype=object)).tolist() == net(np.array([x], dtype=object)).tolist()
    assert part.preactivations(np.array([t], dtype=object)).tolist() == [exact_values(net, x)[0]]


def test_restriction_of_floats_does_not_round():
    net = ReluNetwork([[[0.1, 0.2]], [[1]]], [[0.3], [0]])
    part = net.restrict([0.7, 0.7], [["1/3", 1]])

    assert part.layers[0].blocks[0].fractions()[0, 0] == F(0.1) / 3 + F(0.2)
    assert part.layers[0].bias.fractions()[0, 0] == F(0.3) + F(0.7) * (F(0.1) + F(0.2))


@pytest.mark.parametrize(
    ("origin", "directions", "message"),
    [
        ([0], [[1, 0]], "origin has 1 coordinates; this network has 2 inputs"),
        ([0, 0], [[1]], r"directions have shape \(1, 1\); expected \(k, 2\) with k at least 1"),
        ([0, 0], np.zeros((0, 2)), r"directions have shape \(0, 2\)"),
        ([0, 0], [1, 0], r"directions has 1 dimension\(s\)"),
        ([0, np.nan], [[1, 0]], r"origin\[1\] is nan"),
    ],
)
def test_restrictions_that_do_not_fit(origin, directions, message):
    with pytest.raises(InputError, match=message):
        networks.coordinate(2).restrict(origin, directions)


# -- the float copy for the kernels ---------------------------------------------------
def test_packed_networks_say_which_layers_were_rounded():
    net = ReluNetwork([[[0.5]], [["1/3"]], [[1]]], [[1], [0], [0]])
    packed = net.packed

    assert packed.inexact.tolist() == [0.0, 1.0]  # the affine last layer takes no part
    assert packed.weights.tolist() == [0.5, 1 / 3]
    assert packed.layer_neuron.tolist() == [0, 1, 2]
    assert packed.block.tolist() == [[0, -1, 1, 0, -1, 1], [1, 0, 1, 1, -1, 1]]


def test_weights_beyond_the_floats_are_refused_where_floats_are_needed():
    net = ReluNetwork([[[10**400]], [[1]]], [[0], [0]])

    assert net([F(1)]).tolist() == [10**400]
    with pytest.raises(InputError, match=r"beyond 1.8e308, the range of double precision; rescale"):
        pr.enumerate_regions(net, pr.Box([-1], [1]))
