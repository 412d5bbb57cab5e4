"""The oracle against closed forms, against brute force, and against other methods."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import combinations, product

import networks
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from networks import DEGENERATE, KNOWN, KNOWN_LINEAR, cube

few = settings(max_examples=25, deadline=None)


def fourier_motzkin(rows, d):
    """Decide whether g(x) > 0 for all rows has a solution, by eliminating one variable after another."""
    rows = set(rows)
    for k in range(d):
        up = [row for row in rows if row[k] > 0]
        down = [row for row in rows if row[k] < 0]
        rows = {row for row in rows if not row[k]}
        for p in up:
            rows |= {oracle.integer_row(F(p[k] * w - q[k] * v) for v, w in zip(p, q, strict=True)) for q in down}
    return all(row[-1] > 0 for row in rows)


def truth(known):
    return oracle.all_regions(known.make(), oracle.domain_walls(known.domain))


# -- the LP ---------------------------------------------------------------------------
@given(strategies.systems(max_rows=6))
@settings(max_examples=100, deadline=None)
def test_interior_point_agrees_with_fourier_motzkin(system):
    rows = oracle.wall_rows(zip(system.A, system.b, strict=True))
    x = oracle.interior_point(rows, system.d)

    assert (x is not None) == fourier_motzkin(rows, system.d)
    assert x is None or all(oracle.value(row, x) > 0 for row in rows)


@pytest.mark.parametrize(
    ("rows", "d", "dimension"),
    [
        ([], 2, 2),
        ([(1, 0)], 1, 1),
        ([(1, -1), (-1, 0)], 1, -1),  # x >= 1, x <= 0
        ([(1, -1), (-1, 1)], 1, 0),
        ([(0, 0, -1)], 2, -1),
        ([(0, 0, 0)], 2, 2),
        ([(1, 1, 0), (-1, -1, 0)], 2, 1),
        ([(1, 0, 0), (0, 1, 0), (-1, -1, 0)], 2, 0),  # no two rows are opposite, yet only 0 is left
        ([(1, 0, 0, 0), (0, 1, 0, 0), (-1, -1, 0, 0), (0, 0, 1, 0)], 3, 1),
    ],
)
def test_dimension(rows, d, dimension):
    assert oracle.dimension(rows, d) == dimension
    assert (oracle.interior_point(rows, d) is not None) == (dimension == d and all(map(any, rows)))


def test_feasible_point_survives_a_cycling_example():
    # Beale's degenerate tableau cycles under the largest-coefficient rule; here as a system with its optimum 1/20
    rows = [(F(-1, 4), 60, F(1, 25), -9, 0), (F(-1, 2), 90, F(1, 50), -3, 0), (0, 0, -1, 0, 1)]
    rows += [tuple(int(i == k) for i in range(5)) for k in range(4)]
    objective = (F(3, 4), -150, F(1, 50), -6)
    best = [*map(oracle.integer_row, [*rows, (*objective, F(-1, 20))])]
    better = [*map(oracle.integer_row, [*rows, (*objective, F(-1, 20) - F(1, 10**9))])]

    assert oracle.feasible_point(best, 4) == (F(1, 25), 0, 1, 0)
    assert oracle.feasible_point(better, 4) is None


# -- regions --------------------------------------------------------------------------
@pytest.mark.parametrize("known", [k for k in KNOWN if k.count <= 70 and k.make().neurons <= 14], ids=lambda k: k.name)
def test_known_counts(known):
    assert len(truth(known)) == known.count


@pytest.mark.parametrize("case", DEGENERATE, ids=lambda case: case.name)
def test_degenerate_counts(case):
    assert len(oracle.all_regions(case.net, oracle.domain_walls(case.domain))) == case.count


@given(strategies.networks_in_boxes(max_neurons=6))
@few
def test_pruned_search_and_adjacency_agree_with_brute_force(case):
    net, box = case
    walls = oracle.domain_walls(box)
    regions = oracle.all_regions(net, walls)

    assert regions.keys() == oracle.all_regions_bruteforce(net, walls).keys()
    if len(regions) <= 16:
        assert oracle.adjacency(net, walls, regions) == oracle.adjacency_bruteforce(net, walls, regions)


@given(strategies.networks(max_neurons=5))
@few
def test_the_same_on_the_whole_space(net):
    regions = oracle.all_regions(net, [])

    assert regions.keys() == oracle.all_regions_bruteforce(net, []).keys()
    if len(regions) <= 16:
        assert oracle.adjacency(net, [], regions) == oracle.adjacency_bruteforce(net, [], regions)


@given(strategies.networks_in_boxes(max_neurons=6))
@few
def test_points_carry_their_patterns_and_maps(case):
    """Evaluate at the points, and at points of a grid, without any affine form."""
    net, box = case
    exact = oracle.ExactNetwork(net)
    regions = oracle.all_regions(net, oracle.domain_walls(box))
    for s, x in regions.items():
        z, y = forward(exact, x)
        assert tuple(int(v > 0) for v in z) == s
        assert [oracle.value(form, x) for form in exact.affine_map(s)] == y
    for x in product(*(grid(a, b) for a, b in zip(*box, strict=True))):
        z, _ = forward(exact, x)
        assert not all(z) or tuple(int(v > 0) for v in z) in regions


def grid(a, b):
    return [a + F((b - a) * k, 11) for k in range(1, 11, 3)]


def forward(exact, x):
    """Evaluate a network at a point: all hidden pre-activations and the outputs."""
    blocks, zs, y = [list(x)], [], []
    for weights, bias in exact.layers:
        y = list(bias)
        for k, matrix in weights.items():
            y = [v + sum(w * a for w, a in zip(row, blocks[k], strict=True)) for v, row in zip(y, matrix, strict=True)]
        zs += y
        blocks.append([max(v, F(0)) for v in y])
    return zs[: exact.neurons], blocks[-1] if exact.output_relu else y


def test_flat_and_empty_domains_have_no_region():
    net = networks.coordinate(2)

    assert oracle.all_regions(net, [((1, 0), 0), ((-1, 0), 0)]) == {}
    assert oracle.all_regions(net, [((1, 0), 0), ((-1, 0), -1)]) == {}


# -- facets and adjacency -------------------------------------------------------------
def test_the_smallest_trap_has_five_intervals_in_a_row():
    net = networks.hamming_trap()
    regions = oracle.all_regions(net, [])
    edges = oracle.adjacency(net, [], regions)
    row = sorted(regions, key=regions.get)

    assert row == [(0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 1, 0), (1, 1, 1)]
    assert edges == {frozenset(pair): oracle.differing(*pair) for pair in zip(row, row[1:], strict=False)}


def test_coincident_kinks_flip_together():
    net = networks.duplicate_neurons(networks.coordinate(1))
    edges = oracle.adjacency(net, [], oracle.all_regions(net, []))

    assert edges == {frozenset({(0, 0), (1, 1)}): (0, 1)}


def test_a_facet_must_meet_the_domain():
    # the lines x + y = 2 and x - y = 2 cross in (2, 0): in the box they cut off two corners that share nothing
    net = networks.lines((1, 1, 2), (1, -1, 2))
    walls = oracle.box_walls((0, -2), (2, 2))
    regions = oracle.all_regions(net, walls)

    assert sorted(regions) == [(0, 0), (0, 1), (1, 0)]
    assert len(oracle.adjacency(net, walls, regions)) == 2


def test_facets_of_a_square_cell():
    net = networks.lines((1, 0, 0), (2, 0, 0), (0, 1, 1), (1, 1, 5))
    found = oracle.facets(net, oracle.box_walls((-1, -1), (1, 1)), (1, 1, 0, 0))

    assert found == {
        (-1, 0, 1): ((), True),
        (0, -1, 1): ((2,), True),  # a kink on a wall
        (0, 1, 1): ((), True),
        (1, 0, 0): ((0, 1), False),
    }


@pytest.mark.parametrize("m", [2, 4, 6])
def test_edges_of_generic_lines(m):
    # every one of m lines is cut into m pieces by the others, and every piece is a facet of two cells
    net = networks.generic_affine(m, 2)
    regions = oracle.all_regions(net, [])

    assert len(oracle.adjacency(net, [], regions)) == m * m


@pytest.mark.parametrize("n", [3, 4])
def test_the_braid_arrangement_is_the_cayley_graph(n):
    net = networks.braid(n)
    regions = oracle.all_regions(net, [])
    edges = oracle.adjacency(net, [], regions)

    assert len(edges) == len(regions) * (n - 1) // 2
    assert all(len(neurons) == 1 for neurons in edges.values())


# -- linear regions -------------------------------------------------------------------
@pytest.mark.parametrize("known", KNOWN_LINEAR, ids=lambda k: k.name)
def test_known_linear_regions(known):
    net, walls = known.make(), oracle.domain_walls(known.domain)
    regions = oracle.all_regions(net, walls)
    edges = oracle.adjacency(net, walls, regions)

    assert oracle.linear_regions_open(net, regions, edges) == known.open
    assert oracle.linear_regions_affine(net, regions) == known.affine
    if len(regions) <= 16:  # the closed definition intersects all pairs
        assert oracle.linear_regions_closed(net, walls, regions) == known.closed


# -- networks -------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ["duplicate_neurons", "mirror_neurons", "scale_neurons", "add_constant_neurons"])
@given(case=strategies.networks_in_boxes(max_neurons=4))
@settings(max_examples=15, deadline=None)
def test_variants_keep_function_and_regions(variant, case):
    net, box = case
    walls = oracle.domain_walls(box)
    other = getattr(networks, variant)(net)
    points = [list(x) for x in oracle.all_regions(net, walls).values()]

    assert len(oracle.all_regions(other, walls)) == len(points)
    assert [list(y) for y in other(points)] == [list(y) for y in net(points)]


def test_max_four_is_the_maximum():
    net = networks.max_four()

    assert [layer.size for layer in net.layers] == [10, 11, 1]
    assert all(net(x)[0] == max(0, *x) for x in product((-3, -1, 0, 2), repeat=4))


def test_chains_of_comparators_compute_the_maximum():
    net = networks.max_plus_conic()
    forms = [(2, 0, 1), (0, 2, 1), (1, 1, 2), (1, 0, 2), (0, 1, 2), (0, 0, 2)]

    for x in product(range(-3, 4), repeat=2):
        assert net(x)[0] == max(oracle.value(form, x) for form in forms)


def test_sawtooths_are_onto():
    for p in (2, 3, 4):
        net = networks.build(networks.sawtooth(p, 2))
        assert [net([F(k, 2)])[0] for k in range(p + 1)] == [k % 2 for k in range(p + 1)]
    assert [networks.zigzags(1)([F(k, 6)])[0] for k in (0, 1, 2, 4, 6)] == [0, 1, 0, 1, 0]


def test_generic_boxes_hold_all_vertices():
    for m, d in ((6, 2), (5, 3)):
        net = networks.generic_affine(m, d)
        lo, hi = networks.generic_box(m, d)
        rows = oracle.ExactNetwork(net).layers[0]
        for x in vertices(rows[0][0], [-b for b in rows[1]], d):
            assert all(a < v < b for a, v, b in zip(lo, x, hi, strict=True))


def vertices(normals, offsets, d):
    """Return the points of all d-subsets of hyperplanes, by the oracle's own LP."""
    for chosen in combinations(range(len(normals)), d):
        rows = [oracle.integer_row((*normals[i], -offsets[i])) for i in chosen]
        assert oracle.rank(row[:-1] for row in rows) == d
        yield oracle.feasible_point(rows + [oracle.negative(row) for row in rows], d)


def test_he_network_draws_weights_before_biases():
    net = networks.he_network((2, 3, 1), seed=5)
    rng = np.random.default_rng(5)
    first = rng.normal(0, 1.0, (3, 2))  # sqrt(2 / 2)
    bias = rng.normal(0, 0.1, 3)

    assert net.layers[0].blocks[0].to_float()[0].tolist() == first.tolist()
    assert net.layers[0].bias.to_float()[0][:, 0].tolist() == bias.tolist()
    assert net.layers[1].blocks[1].to_float()[0].tolist() == rng.normal(0, np.sqrt(2 / 3), (1, 3)).tolist()


def test_boxes_of_the_tables_are_full_dimensional():
    for known in KNOWN:
        assert known.domain is None or all(a < b for a, b in zip(*known.domain, strict=True))
    assert cube(2, -1, 1) == ((-1, -1), (1, 1))
