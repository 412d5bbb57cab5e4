"""Piecewise-linear functions as networks of few hidden layers: maxima, signed sums of maxima, one variable, approximation."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction as F

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import networks as small_networks

import polyrelu as pr
from polyrelu.linear import choose_outputs
from polyrelu.theory.approximation import _root_above as root_above
from polyrelu.theory.approximation import approximate
from polyrelu.theory.circuits import Circuit, Value
from polyrelu.theory.maxima import (
    computes_maximum,
    largest_maximum,
    maximum,
    maximum_layers,
    tree_layers,
)
from polyrelu.theory.piecewise import DifferenceOfMaxima, MaxMin, Triangulation, at, grid_triangulation
from polyrelu.theory.representation import maximum_network, represent, signed_maxima, univariate
from polyrelu.theory.univariate import MinimalNetwork, Univariate, minimal_network, paper_network


def exact(net, x):
    return net(np.array([list(x)], dtype=object))[0].tolist()


def integer_points(d, count, seed=0, size=9):
    rng = random.Random(seed)
    return [tuple(F(rng.randint(-size, size)) for _ in range(d)) for _ in range(count)]


# -- maxima ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("n", "layers", "zero", "widths"),
    [
        (1, None, False, ()),
        (1, None, True, (1,)),
        (2, None, False, (3,)),
        (2, None, True, (3, 1)),
        (3, None, False, (5, 3)),
        (4, None, False, (6, 3)),
        (5, 3, False, (8, 5, 3)),
        (5, None, False, (12, 11)),  # theory.md C.5: 5-12-11-1
        (4, 2, True, (10, 11)),  # and 4-10-11-1 with x5 = 0
        (6, None, False, (21, 467)),  # 465 maxima in the second layer, and two neurons for what is linear
        (5, 2, True, (19, 467)),
    ],
)
def test_maximum_networks_are_proved_and_have_these_widths(n, layers, zero, widths):
    net = maximum_network(n, layers, zero)

    assert net.widths == widths
    assert all(set(layer.blocks) <= {k} for k, layer in enumerate(net.layers))  # no skip connections
    assert all(layer.bias.is_zero for layer in net.layers)
    assert computes_maximum(net, zero)


def test_max_of_five_in_two_layers_equals_the_tree_on_all_of_space_by_enumeration():
    chain = networks.max_of_affine([[0] * 5, *([int(i == k) for k in range(5)] for i in range(4))])

    assert pr.equal(maximum_network(4, 2, zero=True), chain, pr.Box([-1] * 4, [1] * 4))


def test_max_of_five_has_dyadic_weights():
    net = maximum_network(5)

    for layer in net.layers:
        for matrix in layer.blocks.values():
            assert all(v.denominator & (v.denominator - 1) == 0 for v in matrix.fractions().ravel())


def test_no_positive_combination_suffices():
    """For n >= 5 some coefficient of the second layer is negative (theory.md C.5)."""
    for n in (5, 6):
        assert min(maximum_network(n).layers[-1].blocks[2].fractions().ravel()[:-2]) < 0


@pytest.mark.parametrize("n", [7, 9, 11, 12, 13])
def test_larger_maxima_at_points(n):
    if n in (11, 12):  # pairs, then the maximum of six
        assert [largest_maximum(k) for k in (2, 3)] == [6, 12]
    net = maximum_network(n)

    assert len(net.widths) == maximum_layers(n) <= tree_layers(n)
    for x in integer_points(n, 4, seed=n):
        assert exact(net, x) == [max(x)]
    for i, j in itertools.combinations(range(n), 2):  # ties and single peaks
        x = [F(k in (i, j)) for k in range(n)]
        x[i] += j % 2
        assert exact(net, x) == [max(x)]


@pytest.mark.parametrize("net", [
    maximum_network(3, zero=True),
    pr.ReluNetwork([[[1, 0, 0]]], [[0]]),
    pr.ReluNetwork([[[-1, 1, 0], [0, 0, 1], [0, 0, -1]], [[1, 1, -1]]], [[0, 0, 1], [0]]),
])
def test_networks_that_are_no_maximum_are_told_apart(net):
    assert not computes_maximum(net)


def test_a_wrong_weight_in_the_second_layer_is_noticed():
    good = maximum_network(6)
    weights = [layer.blocks[k].fractions() for k, layer in enumerate(good.layers)]
    weights[2][0, 100] += F(1, 10**9)
    bad = pr.ReluNetwork(weights, [[0] * len(w) for w in weights])
    from polyrelu.theory.maxima import _cones_prove

    assert not _cones_prove(bad, False)  # of the good one it is proved above


def test_too_few_layers_are_refused():
    with pytest.raises(pr.InputError, match=r"maximum of 7 numbers in 2 hidden layers is not known here; allow 3"):
        maximum_network(7, 2)
    with pytest.raises(pr.InputError, match="layers is -1; give a whole number from 0 up"):
        maximum_network(2, -1)
    with pytest.raises(pr.InputError, match="n is 0; give a whole number from 1 up"):
        maximum_network(0)
    with pytest.raises(pr.InputError, match="2 outputs"):
        computes_maximum(pr.ReluNetwork([[[1, 0], [0, 1]]], [[0, 0]]))


# -- circuits -------------------------------------------------------------------------
def test_equal_and_mirrored_neurons_are_made_once():
    c = Circuit(2)
    z = c.affine([2, -4, 6])
    a, b, mirrored = c.relu(z), c.relu(z * F(1, 2)), c.relu(z * -3)

    assert [len(block) for block in c.neurons] == [0, 1]
    assert a.terms == {(1, 0): 2} and b.terms == {(1, 0): 1}
    assert mirrored.key() == (c.relu(z) * 3 - z * 3).key()
    assert c.relu(Value({}, F(-5))).key() == Value({}).key()


@settings(max_examples=25)
@given(st.data())
def test_circuits_and_their_networks_are_the_same_function(data):
    """Random expressions of several levels, with skips, constants and repeated values."""
    d = data.draw(st.integers(1, 3))
    c = Circuit(d)
    number = st.integers(-2, 2).map(F)
    points = integer_points(d, 6)
    made = [(c.input(k), [x[k] for x in points]) for k in range(d)]
    for _ in range(data.draw(st.integers(1, 6))):
        chosen = data.draw(st.lists(st.sampled_from(range(len(made))), min_size=1, max_size=3))
        factors = [data.draw(number) for _ in chosen]
        constant = data.draw(number)
        value, values = Value({}, constant), [constant] * len(points)
        for i, factor in zip(chosen, factors, strict=True):
            value = value + made[i][0] * factor
            values = [a + factor * b for a, b in zip(values, made[i][1], strict=True)]
        made.append((c.relu(value), [max(v, F(0)) for v in values]))
    outputs = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=2))
    net = c.network([value for value, _ in outputs])

    assert len(net.relu_layers) == max(value.level for value, _ in outputs)
    for k, x in enumerate(points):
        assert exact(net, x) == [values[k] for _, values in outputs]


def test_circuits_refuse_bad_input():
    with pytest.raises(pr.InputError, match="input_dim is 0; give a whole number from 1 up"):
        Circuit(0)
    with pytest.raises(pr.InputError, match="a form has 2 entries; expected 3"):
        Circuit(2).affine([1, 2])
    with pytest.raises(pr.InputError, match="maximum of no values"):
        maximum(Circuit(1), [], 1)


# -- signed sums of maxima ------------------------------------------------------------
@settings(max_examples=35)
@given(st.data())
def test_signed_maxima_add_up_to_the_maximum(data):
    d = data.draw(st.integers(1, 4))
    entry = st.integers(-2, 2)
    rows = data.draw(st.lists(st.lists(entry, min_size=d + 1, max_size=d + 1), min_size=1, max_size=9))
    terms = signed_maxima(rows)

    assert max(len(term.forms) for term in terms) <= d + 1
    assert {form for term in terms for form in term.forms} <= {tuple(map(F, row)) for row in rows}
    for x in integer_points(d, 12):
        parts = [term.sign * max(at(form, x) for form in term.forms) for term in terms]
        assert sum(parts) == max(at([*map(F, row)], x) for row in rows)


def test_signed_maxima_of_flat_and_redundant_forms():
    # x, 2x, 3x + 1 in the plane: the coefficients lie on a line, and 2x is largest at no point alone
    terms = signed_maxima([[1, 0, 0], [2, 0, 0], [3, 0, 1], [1, 0, -5]])

    assert [(t.sign, [tuple(map(int, f)) for f in t.forms]) for t in terms] == [(1, [(1, 0, 0), (3, 0, 1)])]
    assert len(signed_maxima([[1, 1, 0], [1, 1, 7]])) == 1


def test_a_square_of_coefficients_is_cut_in_two():
    """|x| + |y|: one cell with four corners; two triangles minus the diagonal."""
    terms = signed_maxima([[a, b, 0] for a in (-1, 1) for b in (-1, 1)])

    assert sorted((t.sign, len(t.forms)) for t in terms) == [(-1, 2), (1, 3), (1, 3)]


# -- representation -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("net", "layers", "pieces"),
    [
        (pr.ReluNetwork([[[1, 2]]], [[3]]), 0, 1),
        (pr.ReluNetwork([[[1, 1]], [[0]]], [[0], [5]]), 0, 1),  # a dead neuron
        (networks.stargalla(), 2, None),
        (networks.tent_and_absolute_value(), 2, None),
        (networks.nazari(), 2, None),
        (networks.max_chain(3), 2, 3),
    ],
)
def test_known_networks(net, layers, pieces):
    r = represent(net)

    assert r.hidden_layers <= layers and len(r.network.relu_layers) == r.hidden_layers
    assert all(r.proof) and (pieces is None or r.pieces == pieces)
    assert all(set(layer.blocks) <= {k} for k, layer in enumerate(r.network.layers))


@settings(max_examples=8)
@given(small_networks(d=2, max_neurons=4))
def test_networks_on_the_plane_need_two_layers_only(net):
    r = represent(net)

    assert r.hidden_layers <= 2 and r.network.output_dim == net.output_dim
    assert all(r.proof)


@settings(max_examples=5)
@given(small_networks(d=3, max_neurons=3, max_outputs=1))
def test_networks_in_space(net):
    box = pr.Box([-2] * 3, [2] * 3)
    r = represent(net, box)

    assert r.hidden_layers <= 2 and all(r.proof)


@settings(max_examples=15)
@given(small_networks(d=1, max_neurons=4))
def test_networks_on_the_line_become_their_smallest_network(net):
    net = choose_outputs(net, 0)
    r = represent(net)
    p = r.pieces

    assert r.hidden_layers <= 1 and all(r.proof)
    assert r.size in ((0, 2) if p == 1 else (p - 1, p))
    assert p == len(pr.enumerate_regions(net).linear_regions("open"))


@settings(max_examples=6)
@given(st.data())
def test_lattice_forms(data):
    d = data.draw(st.integers(1, 2))
    row = st.lists(st.integers(-2, 2), min_size=d + 1, max_size=d + 1)
    f = MaxMin(data.draw(st.lists(st.lists(row, min_size=1, max_size=3), min_size=1, max_size=3)))
    r = represent(f)

    assert r.hidden_layers <= d and all(r.proof)
    for x in integer_points(d, 8):
        values = [min(at(form, x) for form in group) for group in f.groups]
        assert exact(r.network, x) == [f(x)] == [max(values)]


@settings(max_examples=10)
@given(st.data())
def test_differences_of_maxima(data):
    d = data.draw(st.integers(1, 3))
    row = st.lists(st.integers(-2, 2), min_size=d + 1, max_size=d + 1)
    plus, minus = (data.draw(st.lists(row, min_size=1, max_size=5)) for _ in range(2))
    f = DifferenceOfMaxima(plus, minus)
    r = represent(f, pr.Box([-3] * d, [3] * d))

    assert r.hidden_layers <= min(d, 2) and all(r.proof)
    for x in integer_points(d, 8):
        want = max(at([*map(F, v)], x) for v in plus) - max(at([*map(F, v)], x) for v in minus)
        assert f(x) == want
        assert d == 1 or exact(r.network, x) == [want]  # in one variable on the domain alone


FIVE = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, -1], [0, 0, 0, 1, 0], [-1, -1, -1, -1, 0]]


def test_functions_of_four_variables_in_two_layers_where_the_paper_takes_three():
    f = DifferenceOfMaxima(FIVE, [[1, 1, 0, 0, 0], [0, 0, 1, -1, 0], [0] * 5])
    box = pr.Box([-2] * 4, [2] * 4)
    two, three = represent(f, box), represent(f, box, layers=3)

    assert (two.hidden_layers, three.hidden_layers) == (2, 3)
    assert all(two.proof) and all(three.proof)
    assert pr.equal(two.network, three.network, box)


def test_functions_of_five_variables_in_two_layers():
    rows = [[int(i == k) for i in range(5)] + [0] for k in range(5)] + [[-1] * 5 + [0]]
    f = DifferenceOfMaxima(rows, [[1, -1, 1, -1, 1, 2], [0] * 6])
    r = represent(f, prove=False)

    assert r.hidden_layers == 2
    for x in integer_points(5, 6):
        assert exact(r.network, x) == [f(x)]
    # its maximum of six is the maximum network behind an affine map, which is proved above


def test_too_few_layers_for_the_dimension():
    with pytest.raises(pr.InputError, match=r"1 hidden layers for functions of 2 variables .* allow 2 \(the paper allows 2\)"):
        represent(DifferenceOfMaxima([[1, 0, 0]], [[0, 0, 0]]), layers=1)
    with pytest.raises(pr.InputError, match="f is of type int"):
        represent(3)
    for layers in (2.5, "2", True):
        with pytest.raises(pr.InputError, match=f"layers is {layers!r}; give a whole number"):
            represent(DifferenceOfMaxima([[1, 0]], [[0, 0]]), layers=layers)
    with pytest.raises(pr.InputError, match="brings its own domain"):
        represent(grid_triangulation([0], [1], 1, lambda x: 0), pr.Box([0], [1]))


# -- triangulations -------------------------------------------------------------------
def random_triangulation(d, count, seed):
    """Return a Delaunay triangulation of random grid points and the corners of a cube, made exact by its combinatorics."""
    spatial = pytest.importorskip("scipy.spatial")
    rng = random.Random(seed)
    corners = list(itertools.product((0, 8), repeat=d))
    points = sorted({*corners, *(tuple(rng.randint(1, 7) for _ in range(d)) for _ in range(count))})
    cells = spatial.Delaunay(np.array(points, dtype=float), qhull_options="QJ" if d > 1 else "").simplices.tolist()
    return points, cells, [rng.randint(-3, 3) for _ in points]


@pytest.mark.parametrize(("d", "count", "seed"), [*((2, 4, seed) for seed in range(3)), (3, 1, 1)])
def test_random_triangulations(d, count, seed):
    points, cells, values = random_triangulation(d, count, seed)
    flat = [c for c in cells if np.linalg.matrix_rank([[*points[i], 1] for i in c]) < d + 1]
    try:
        f = Triangulation(points, [c for c in cells if c not in flat], values)
    except pr.InputError:  # joggled cells of cospherical points need not be a triangulation
        pytest.skip("no triangulation")
    r = represent(f)

    assert r.hidden_layers <= 2
    assert len(r.proof) == len(f) and all(r.proof)
    for p, v in zip(points, values, strict=True):
        assert exact(r.network, [*map(F, p)]) == [v] == [f(p)]
    # linear on every simplex, seen from the other side: at centers
    for simplex in f.simplices:
        center = [F(sum(points[i][j] for i in simplex), d + 1) for j in range(d)]
        assert exact(r.network, center) == [F(sum(values[i] for i in simplex), d + 1)]


def test_values_on_a_line():
    f = Triangulation([[3], [0], [1], [2]], [[1, 2], [2, 3], [3, 0]], [5, 0, 1, 2])
    r = represent(f)

    assert univariate(f).breakpoints == (2,)  # no kink at 1
    assert r.size == 2 and all(r.proof) and f([F(5, 2)]) == F(7, 2)


@pytest.mark.parametrize(
    ("vertices", "simplices", "message"),
    [
        ([[0, 0], [1, 0], [2, 0]], [[0, 1, 2]], "is flat"),
        ([[0, 0], [2, 0], [0, 2], [1, 1]], [[0, 1, 2]], "vertex 3 belongs to no simplex"),
        ([[0, 0], [2, 0], [0, 2], [2, 2], [1, 1]], [[0, 1, 2], [1, 3, 4], [3, 2, 4]], "neither shared"),  # hanging vertex
        ([[0, 0], [2, 0], [0, 2], [-2, -2]], [[0, 1, 2], [0, 2, 3]], "neither shared"),  # not convex
        ([[0, 0], [2, 0], [0, 2], [1, 1]], [[0, 1, 2], [0, 1, 3]], "neither shared|overlap"),
        ([[0], [1]], [[0, 1], [1, 0]], "overlap"),
        ([[0], [1]], [[0, 2]], "expected 2 vertex numbers from 0 to 1"),
        ([[0], [1]], [[0, 1, 1]], "expected 2 vertex numbers"),
    ],
)
def test_what_is_no_triangulation_is_refused(vertices, simplices, message):
    with pytest.raises(pr.InputError, match=message):
        Triangulation(vertices, simplices, [0] * len(vertices))


def test_points_outside_and_wrong_numbers_of_values():
    f = Triangulation([[0], [1]], [[0, 1]], [0, 1])
    with pytest.raises(pr.InputError, match="outside the triangulated polytope"):
        f([2])
    with pytest.raises(pr.InputError, match="2 vertices but 1 values"):
        Triangulation([[0], [1]], [[0, 1]], [0])
    assert f.boundary() == [(-1, 1), (1, 0)]


def test_two_turns_around_a_point_cover_it_twice():
    """Every facet is in order, but the disk is covered twice: a fan of eight triangles that goes around two times."""
    ring = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    vertices = [(0, 0), *ring, *ring]
    simplices = [(0, 1 + k, 1 + (k + 1) % 8) for k in range(8)]
    with pytest.raises(pr.InputError, match="simplices 0 and 4 overlap"):
        Triangulation(vertices, simplices, [0] * 9)


# -- one variable ---------------------------------------------------------------------
def brute_force_size(f):
    """Return the least number of nodes by trying all ways in which p - 1 nodes could open."""
    if f.pieces == 1:
        return 2 if f.left[0] else 0
    for sides in itertools.product((0, 1), repeat=f.pieces - 1):
        if sum(d for d, side in zip(f.jumps, sides, strict=True) if side) == f.right_slope:
            return f.pieces - 1
    return f.pieces


@settings(max_examples=30)
@given(st.integers(-3, 3), st.integers(-2, 2), st.lists(st.sampled_from([-3, -2, -1, 1, 2, 3]), max_size=6))
def test_the_smallest_network_of_one_variable(slope, constant, jumps):
    f = Univariate((F(slope), F(constant)), tuple(F(k * k) for k in range(len(jumps))), tuple(map(F, jumps)))
    m = minimal_network(f)

    assert m.nodes == brute_force_size(f) == m.network.neurons
    assert m.minimal and m.check()
    for x in (-2, 0, F(1, 2), 1, 3, 5, 30):
        assert exact(m.network, [F(x)]) == [f(x)]
    if jumps:
        paper = paper_network(f)
        assert m.nodes <= paper.neurons <= f.pieces  # the paper's bound holds, and is not always reached
        assert pr.equal(paper, m.network)
        if not f.right_slope or not f.left[0]:
            assert paper.neurons == f.pieces - 1  # Corollary A.1


def test_a_function_for_which_the_paper_takes_one_node_too_many():
    f = Univariate.through([0, 1], [0, 1], -1, 2)

    assert paper_network(f).neurons == f.pieces == 3
    assert minimal_network(f).nodes == 2


def test_a_line_needs_two_nodes():
    """Theorem 2.2 says p = 1 for f(x) = x; relu(w x + b) bends or is constant, so 2 are needed."""
    m = minimal_network(Univariate((F(1), F(0)), (), ()))

    assert m.nodes == 2 and m.check() and pr.equal(m.network, pr.ReluNetwork([[[1]]], [[0]]))
    with pytest.raises(pr.InputError, match="a line has no breakpoint"):
        paper_network(m.function)


def test_a_false_proof_is_refused():
    f = Univariate.through([0, 1], [0, 1], -2, 2)  # jumps 3, 1 and right slope 2: no subset
    m = minimal_network(f)
    assert m.subset is None and m.nodes == 3 and m.check()
    assert not MinimalNetwork(f, m.network, 3, 2, None, ((F(0),), (F(0), F(1)))).check()
    assert not MinimalNetwork(f, m.network, 2, 2, (0,), None).check()
    # a network of another function, of too many nodes, with a hidden layer more
    other = minimal_network(Univariate.through([0, 1], [0, 1], -2, 3)).network
    spare = pr.ReluNetwork([[[1], [-1], [1], [0]], [[2, 2, 1, 0]]], [[0, 0, -1, 0], [0]])
    deep = pr.ReluNetwork([[[1], [-1], [1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 2, 1]]], [[0, 0, -1], [0] * 3, [0]])
    for network in (other, spare, deep):
        assert not MinimalNetwork(f, network, 3, 2, None, m.sums).check()
    with pytest.raises(pr.InputError, match="must ascend strictly"):
        Univariate.through([1, 0], [0, 0], 0, 0)


@pytest.mark.parametrize(
    ("breakpoints", "jumps"),
    [((0, 0), (1, -1)), ((1, 0), (1, 1)), ((0, 1), (1, 0)), ((0, 1), (1,))],
)
def test_functions_whose_pieces_would_be_counted_wrongly_are_refused(breakpoints, jumps):
    # two jumps at one place made two nodes of the zero function, "proved" minimal
    with pytest.raises(pr.InputError, match="must ascend strictly, with one jump each that is not 0"):
        Univariate((0, 0), breakpoints, jumps)
    with pytest.raises(pr.InputError, match="left has 1 numbers"):
        Univariate((0,), (), ())


@pytest.mark.parametrize(
    ("f", "domain", "nodes"),
    [
        (pr.ReluNetwork([[[1]], [[1]]], [[0], [0]]), pr.Box([0], [1]), 1),  # a line there
        (pr.ReluNetwork([[[1]], [[1]]], [[0], [0]]), pr.Box([-2], [-1]), 0),
        (pr.ReluNetwork([[[3]]], [[1]]), pr.Box([-2], [-1]), 1),
        (pr.ReluNetwork([[[3]]], [[1]]), pr.HPolytope([[1]], [5]), 1),
        (pr.ReluNetwork([[[3]]], [[1]]), pr.HPolytope([[-1]], [5]), 1),
        (pr.ReluNetwork([[[3]]], [[1]]), None, 2),
        (Triangulation([[0], [1], [2]], [[0, 1], [1, 2]], [0, 2, 4]), None, 1),
        (Triangulation([[0], [1], [2]], [[0, 1], [1, 2]], [0, 2, 3]), None, 2),  # jump -1, slopes 2 and 1: no sum
        (Triangulation([[0], [1], [2]], [[0, 1], [1, 2]], [2, 0, 0]), None, 1),
    ],
)
def test_one_variable_on_a_domain_takes_what_the_domain_needs(f, domain, nodes):
    r = represent(f, domain)

    assert r.size == nodes and all(r.proof)


@settings(max_examples=40)
@given(st.data())
def test_the_smallest_network_on_an_interval(data):
    jumps = data.draw(st.lists(st.sampled_from([-2, -1, 1, 2]), max_size=4))
    f = Univariate((data.draw(st.integers(-2, 2)), 1), range(len(jumps)), jumps)
    low, size = data.draw(st.none() | st.integers(-1, 4)), data.draw(st.integers(1, 3))
    high = data.draw(st.none() | st.just((low or 0) + size))
    m = minimal_network(f, (low, high))

    assert m.minimal and m.check() and m.nodes == m.network.neurons
    assert m.function.breakpoints == tuple(a for a in f.breakpoints if (low is None or a > low) and (high is None or a < high))
    for x in (-3, -1, F(-1, 2), 0, F(1, 2), 1, F(7, 3), 5):
        if (low is None or x >= low) and (high is None or x <= high):
            assert exact(m.network, [F(x)]) == [f(x)] == [m.function(x)]
    with pytest.raises(pr.InputError, match="has no interior"):
        minimal_network(f, (1, 1))


def test_many_breakpoints():
    """Powers of three have 2^24 different sums; the halves have 2^12 each."""
    f = Univariate((F(-1, 2), F(0)), tuple(map(F, range(24))), tuple(F(3) ** k for k in range(24)))
    m = minimal_network(f)

    assert m.nodes == 24 + 1 and m.minimal and [len(s) for s in m.sums] == [2**12, 2**12] and m.check()


# -- approximation --------------------------------------------------------------------
def test_the_parabola_with_a_bound_on_its_curvature():
    """x^2 with n pieces has the largest error 1/(4 n^2), and the integral of the gap is 1/(6 n^2)."""
    a = approximate(lambda x: x[0] ** 2, pr.Box([0], [1]), F(1, 100), curvature=2)
    b = approximate(lambda x: x[0] ** 2, pr.Box([0], [1]), F(1, 100), convex=True)

    assert (a.cells, a.power, a.certified, a.estimate) == (5, F(1, 100), True, 0.01)
    assert (b.cells, b.power) == (8, 2 * F(1, 4 * 64))  # twice the gap at the center
    assert a.bound == 0.01 and all(a.representation.proof)
    assert a.representation.size in (a.cells - 1, a.cells)


def test_norms_on_the_parabola():
    for q in (1, 2):
        a = approximate(lambda x: x[0] ** 2, pr.Box([0], [2]), F(1, 10), q, convex=True)
        n = a.cells
        gap, h = F(1, n * n), F(2, n)  # gap h^2/4 at the center of each of n pieces
        true = {1: F(4, 6) * h**3 * n / 4, 2: h**5 * n / 30}[q]
        assert a.power == n * h * gap * (2 * gap) ** (q - 1) >= true
        assert a.certified and F(a.bound) ** q >= a.power and a.bound <= 0.1


def test_a_lipschitz_function_of_two_variables():
    a = approximate(lambda x: abs(x[0] - F(1, 3)) + max(x[1], -x[0]), pr.Box([-1, -1], [1, 1]), 1, lipschitz=[2, 1])

    assert a.cells == 3 and a.power == 1 and a.certified and a.representation.hidden_layers == 2
    assert a.estimate <= a.bound and all(a.representation.proof)


def test_a_float_function_has_an_estimate_only():
    a = approximate(lambda x: math.sin(float(x[0])), pr.Box([0], [3]), F(1, 50), q=2)

    assert a.power is a.bound is None and not a.certified and 0 < a.estimate <= 0.02
    assert all(a.representation.proof)


def test_approximation_refuses_bad_input():
    box = pr.Box([0], [1])
    with pytest.raises(pr.InputError, match="not convex: at .* above a chord"):
        approximate(lambda x: -(x[0] ** 2), box, F(1, 10), convex=True)
    with pytest.raises(pr.InputError, match="limit is 10; allow a larger error"):
        approximate(lambda x: x[0], box, F(1, 1000), lipschitz=1, limit=10)
    for bad in ({"error": 0}, {"q": 0}, {"q": True}, {"lipschitz": [1, 1]}, {"limit": "10"}, {"box": [0, 1]}, {"f": 3}):
        with pytest.raises(pr.InputError):
            approximate(**{"f": lambda x: x[0], "box": box, "error": 1} | bad)
    # it was certified, with a negative bound
    with pytest.raises(pr.InputError, match="curvature is -2; give a nonnegative bound"):
        approximate(lambda x: x[0] ** 2, box, F(1, 1000), curvature=-2)


@pytest.mark.parametrize(("scale", "q"), [(1, 200), (10**30, 20)])
def test_roots_of_powers_beyond_the_floats(scale, q):
    # the power underflowed, so that the search for its root began at 0; or overflowed
    a = approximate(lambda x: scale * x[0] ** 2, pr.Box([0], [1]), F(scale, 10), q, curvature=2 * scale)
    b = approximate(lambda x: scale * x[0] ** 2, pr.Box([0], [1]), F(scale, 10), q)

    assert a.cells == 2 and a.power == F(scale, 16) ** q
    assert F(a.bound) == F(scale, 16) or F(a.bound) > F(scale, 16) > F(math.nextafter(a.bound, 0))
    assert 0.9 * scale / 16 < b.estimate <= a.bound


@given(st.integers(1, 10**40), st.integers(1, 10**40), st.integers(1, 30))
def test_roots_are_at_least_the_root(n, d, q):
    root = root_above(F(n, d), q)

    assert root**q >= F(n, d) > (root * (1 - F(1, 2**63))) ** q
    assert root_above(F(n, 8) ** q, q) >= F(n, 8)
