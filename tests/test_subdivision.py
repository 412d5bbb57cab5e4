"""Subdivision against the oracle, breadth-first search and closed forms; its error bounds against Fractions.

Legend: *in slices* means that a task ends after little work, so that what is left is split, handed on and taken up again
many times, as it happens in long runs.
"""

from __future__ import annotations

import inspect
import math
import random
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction as F

import networks
import networkx
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import DEGENERATE, KNOWN, cube
from test_regions import arrays, bits, domain_of, edges_of, load

import polyrelu as pr
from polyrelu.enumeration import cutting, problem, subdivision
from polyrelu.enumeration.problem import build_problem, primes_below
from polyrelu.exact import RationalMatrix

BOXED = [(k.name, k.make, k.domain, k.count) for k in KNOWN if k.domain is not None]
AWKWARD = [(k.name, lambda k=k: k.net, k.domain, k.count) for k in DEGENERATE]
SLICE = 300


def enumerate_all(net, spec, method="subdivision", **options):
    return pr.enumerate_regions(net, domain_of(spec, net.input_dim), method, progress=False, **options)


def count_all(net, spec, **options):
    return pr.count_regions(net, domain_of(spec, net.input_dim), "subdivision", progress=False, **options)


def in_slices(function, *arguments, budget=SLICE, **options):
    """Call a function with tasks that end after a little work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subdivision, "FIRST_BUDGET", budget)
        patch.setattr(subdivision, "THREAD_SECONDS", 0.0)
        patch.setattr(subdivision, "EXECUTOR_SECONDS", 0.0)
        return function(*arguments, **options)


def assert_same(net, spec, interior=True):
    """Compare subdivision, whole and in slices, and the count, with breadth-first search; return the complex."""
    truth = enumerate_all(net, spec, "bfs")
    cx = enumerate_all(net, spec, workers=1)

    assert cx.complete and cx.exact and cx.method == "subdivision"
    assert arrays(cx, interior) == arrays(truth, interior)
    assert count_all(net, spec, workers=1) == len(truth)
    return cx


def assert_agrees(net, spec):
    """Compare patterns, facets and labelled adjacency with the oracle."""
    walls = oracle.domain_walls(spec)
    truth = oracle.all_regions(net, walls)
    cx = enumerate_all(net, spec)
    exact = oracle.ExactNetwork(net)

    assert [bits(s) for s in cx.patterns] == sorted(truth)
    for region in cx:
        zero = [j for j, row in enumerate(exact.region_rows(bits(region.pattern))) if not any(row)]
        facets = zip(region.polytope.rows, region.facets, strict=True)
        found = {row: (tuple(sorted((*f.neurons, *zero))), f.wall is not None) for row, f in facets}
        assert found == oracle.facets(net, walls, bits(region.pattern))
    assert edges_of(cx) == oracle.adjacency(net, walls, truth)


# -- known counts ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "spec", "count"), [k[1:] for k in BOXED + AWKWARD], ids=[k[0] for k in BOXED + AWKWARD]
)
def test_known_networks_are_counted_and_equal_breadth_first_search(make, spec, count):
    """In slices as well: a neuron that is zero on a whole region must be known to the task that goes on inside it."""
    net = make()
    n = count_all(net, spec, workers=1)

    assert n == count == (n.by_layer[-1] if net.widths else 1)
    assert n.complete and n.exact and n.method == "subdivision"
    assert in_slices(count_all, net, spec, workers=1) == count
    if count <= 60:  # the other engine takes its time
        interior = count <= 20  # they follow from the rest
        truth = arrays(enumerate_all(net, spec, "bfs"), interior)
        assert arrays(enumerate_all(net, spec, workers=1), interior) == truth
        assert arrays(in_slices(enumerate_all, net, spec, workers=1), interior) == truth


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("d", range(1, 8))
def test_random_float_networks_of_one_to_seven_inputs(d, seed):
    net = networks.he_network((d, 5, 4, 1), seed=seed)
    cx = assert_same(net, cube(d, -1, 1))

    assert cx.settled_exactly == 0  # error bounds proved every sign
    assert networkx.is_connected(cx.graph)


@pytest.mark.parametrize("variant", ["duplicate_neurons", "mirror_neurons", "scale_neurons", "add_constant_neurons"])
@pytest.mark.parametrize("sizes", [(2, 5, 5, 1), (3, 4, 3, 1), (4, 3, 3, 1)], ids=str)
def test_variants_of_neurons_keep_the_regions(variant, sizes):
    """Coincident rows stand together in facets, and rows that vanish nowhere or everywhere do no harm."""
    net, spec = networks.he_network(sizes, seed=2), cube(sizes[0], -1, 1)
    cx = assert_same(getattr(networks, variant)(net), spec, interior=False)

    assert len(cx) == count_all(net, spec)
    if variant in ("duplicate_neurons", "mirror_neurons"):
        assert {len(f.neurons) for region in cx for f in region.facets if f.wall is None} == {2}


# -- random networks ------------------------------------------------------------------
@st.composite
def networks_in_polytopes(draw, dims=(1, 2, 3), max_neurons=6):
    """Draw a network and a bounded full-dimensional polytope with duplicate and redundant rows."""
    net = draw(strategies.networks(draw(st.sampled_from(dims)), max_neurons))
    system = draw(strategies.systems(d=net.input_dim, max_rows=5, bounded=True))
    return net, list(zip(system.A, system.b, strict=True))


def compare(net, spec):
    truth = enumerate_all(net, spec, "bfs")
    assert arrays(enumerate_all(net, spec, workers=1), interior=False) == arrays(truth, interior=False)
    assert count_all(net, spec, workers=1) == len(truth)  # the last layer is counted in another way than it is listed
    return truth


@pytest.mark.parametrize(("d", "count"), [(1, 50), (2, 80), (3, 60), (4, 25)])
def test_random_networks_equal_breadth_first_search(d, count):
    @settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])
    @given(strategies.networks_in_boxes(d, max_neurons=8))
    def check(case):
        compare(*case)

    check()


@pytest.mark.parametrize(("d", "count"), [(1, 30), (2, 70), (3, 70), (4, 40)])
def test_random_networks_in_slices_equal_breadth_first_search(d, count):
    """As above, every task of several; coincidences and neurons that vanish on regions are frequent."""

    @settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])
    @given(strategies.networks_in_boxes(d, max_neurons=9))
    def check(case):
        truth = enumerate_all(*case, "bfs")
        cx = in_slices(enumerate_all, *case, workers=1, budget=60)
        assert arrays(cx, interior=False) == arrays(truth, interior=False)

    check()


@given(networks_in_polytopes())
@settings(max_examples=80)
def test_random_networks_on_polytopes_equal_breadth_first_search(case):
    """Flat and empty domains are refused in the same words."""
    net, walls = case
    rows = [row for row in oracle.wall_rows(walls) if any(row)]
    if oracle.interior_point(rows, net.input_dim) is not None:
        compare(net, walls)
    else:
        with pytest.raises(pr.DomainError, match="the domain is (empty|flat)"):
            enumerate_all(net, walls)


@pytest.mark.parametrize(("d", "count"), [(1, 20), (2, 35), (3, 20), (4, 3)])
def test_random_networks_agree_with_the_oracle(d, count):
    @settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])
    @given(strategies.networks_in_boxes(d, max_neurons=6))
    def check(case):
        assert_agrees(*case)

    check()


@given(strategies.networks_in_boxes(max_neurons=8))
@settings(max_examples=60)
def test_random_networks_are_counted_layer_by_layer(case):
    """The entries of by_layer are the counts of the networks that end after each layer."""
    net, spec = case
    n = count_all(net, spec, workers=1)

    assert len(n.by_layer) == len(net.widths)
    assert n.by_layer == tuple(len(enumerate_all(cut, spec, "bfs")) for cut in cut_off(net))
    assert n == n.by_layer[-1]


def cut_off(net):
    """Yield the networks of the first 1, 2, .. hidden layers."""
    for k in range(1, len(net.relu_layers) + 1):
        yield pr.ReluNetwork.from_layers(net.layers[:k], net.input_dim, output_relu=True)


def test_counts_by_layer_of_a_float_network():
    net, spec = networks.he_network((3, 8, 8, 8, 2), seed=5), cube(3, -1, 1)

    assert count_all(net, spec).by_layer == tuple(count_all(cut, spec) for cut in cut_off(net))
    assert in_slices(count_all, net, spec).by_layer == count_all(net, spec).by_layer


# -- skip connections, outputs with a ReLU, nothing to cut ----------------------------
def skipping(d, widths, seed, output_relu):
    """Return a float network in which every layer reads the input and all layers before it."""
    rng = np.random.default_rng(seed)
    sizes = [d, *widths]
    weights = [rng.normal(size=(n, sum(sizes[:k]))) / np.sqrt(sum(sizes[:k])) for k, n in enumerate(sizes[1:], 1)]
    return pr.ReluNetwork(weights, [rng.normal(0, 0.1, n) for n in widths], output_relu=output_relu)


@pytest.mark.parametrize("output_relu", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_skip_connections_and_a_relu_behind_the_last_layer(seed, output_relu):
    net, spec = skipping(2, (6, 5, 4, 3), seed, output_relu), cube(2, -1, 1)
    cx = assert_same(net, spec, interior=False)

    assert arrays(in_slices(enumerate_all, net, spec), interior=False) == arrays(cx, interior=False)
    assert count_all(net, spec).by_layer == tuple(len(enumerate_all(cut, spec, "bfs")) for cut in cut_off(net))


def test_layers_that_read_nothing_or_not_the_layer_before():
    """Blocks may be absent: layer 2 reads the input alone, layer 3 nothing, layer 4 layers 1 and 2."""
    net = pr.ReluNetwork(
        [
            [[1, 1], [1, -1]],
            [[1, 2, 0, 0], [2, -1, 0, 0]],
            [[0] * 6, [0] * 6],
            [[0, 0, 1, 1, -1, 0, 0, 0], [0, 0, 1, -1, 1, -1, 0, 0]],
            [[0] * 8 + [1, 1]],
        ],
        [[0, 0], [0, F(1, 2)], [1, -1], [F(-1, 2), 0], [0]],
    )
    assert [sorted(layer.blocks) for layer in net.layers[1:4]] == [[0], [], [1, 2]]
    cx = assert_same(net, cube(2, -1, 1))

    assert arrays(in_slices(enumerate_all, net, cube(2, -1, 1), budget=60)) == arrays(cx)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_network_without_hidden_neurons_has_one_region(d):
    net = networks.build(networks.affine([[1] * d], [3]))
    cx = assert_same(net, cube(d, -1, 1))
    n = count_all(net, cube(d, -1, 1))

    assert (len(cx), cx.patterns.shape, len(cx[0].facets)) == (1, (1, 0), 2 * d)
    assert (n, n.by_layer, n.complete) == (1, (), True)


def test_dead_layers_end_nothing():
    """All of layer 2 is inactive, so layer 3 is constant, and layer 4 cuts again through a skip connection."""
    net = pr.ReluNetwork(
        [[[1, 0], [0, 1]], [[0, 0, -1, -1]], [[0] * 4 + [1]], [[1, 1, 0, 0, 0, 0]], [[1]]],
        [[0, 0], [-1], [2], [0], [0]],
    )
    assert_agrees(net, cube(2, -1, 1))

    assert count_all(net, cube(2, -1, 1)).by_layer == (4, 4, 4, 6)
    assert_same(net, cube(2, -1, 1))


# -- the germ rule --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("layers", "spec"),
    [
        ([([[1, 0], [-1, 0]], [0, 0]), ([[1, 1], [1, -1]], [0, 0]), ([[1, -1], [1, 1]], [0, 0])], cube(2, -1, 1)),
        ([([[1, 0], [1, 0], [0, 1]], [0, 0, 0]), ([[1, 1, -1], [2, -2, 0]], [0, 0]), ([[1, 1]], [0])], cube(2, -1, 1)),
        ([([[1, 1, 0], [0, 1, 1]], [0, 0]), ([[1, 0], [0, 1], [1, -1]], [0] * 3), ([[1, 0, -1]], [0])], cube(3, -1, 1)),
        ([([[1]], [0]), ([[1]], [0]), ([[1]], [0]), ([[-1]], [0])], cube(1, -1, 1)),
    ],
)
def test_neurons_that_are_zero_on_a_region_may_become_active_across_a_facet(layers, spec):
    """Every facet of every region: the neighbour is the one that ReluNetwork.cross names, zero neurons included."""
    net = networks.read(layers)
    assert_agrees(net, spec)
    cx = enumerate_all(net, spec)
    woken = 0
    for region in cx:
        rows = net.neuron_rows(region.pattern)
        zero = [j for j, row in enumerate(rows) if not any(row)]
        for facet, row in zip(region.facets, region.polytope.rows, strict=True):
            if facet.wall is None:
                beyond = net.cross(region.pattern, [*facet.neurons, *zero], [-v for v in row[:-1]])
                assert cx[facet.neighbor].pattern.tolist() == beyond.tolist()
                woken += int(beyond[zero].sum())
    assert woken > 0


@given(strategies.networks_in_boxes(max_neurons=8))
@settings(max_examples=60)
def test_facets_are_crossed_as_the_network_crosses_them(case):
    """cutting.cross_facets, from residues, against ReluNetwork.cross, from FLINT, at every facet of every region."""
    net, spec = case
    cx = enumerate_all(net, spec)
    problem, _, _ = build_problem(net, domain_of(spec, net.input_dim))
    regions, vanishing, expected = [], [], []
    for i, region in enumerate(cx):
        zero = [j for j, row in enumerate(net.neuron_rows(region.pattern)) if not any(row)]
        for facet, row in zip(region.facets, region.polytope.rows, strict=True):
            if facet.wall is None:
                regions.append(i)
                vanishing.append([*sorted([*facet.neurons, *zero]), facet.neurons[0]])
                expected.append(net.cross(region.pattern, vanishing[-1], [-v for v in row[:-1]]).tolist())
    out = np.zeros((len(regions), cx.packed.shape[1]), dtype=np.uint8)
    start = np.concatenate([[0], np.cumsum([len(rows) for rows in vanishing])]).astype(np.int64)
    flat = np.array([row for rows in vanishing for row in rows], dtype=np.int64)
    cutting.cross_facets(problem, cx.packed, np.array(regions, dtype=np.int64), start, flat, out)

    assert np.unpackbits(out, axis=1, count=net.neurons).tolist() == expected


# -- adversarial floats ---------------------------------------------------------------
def pencil(n, d, ulps=1):
    """Return n hyperplanes, each ``ulps`` floats from the last one."""
    rows, c = [], 0.5
    for _ in range(n):
        rows.append((*[1.0] * d, c))
        for _ in range(ulps):
            c = math.nextafter(c, 1)
    return networks.lines(*rows)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_kinks_one_unit_in_the_last_place_apart(d):
    cx = assert_same(pencil(4, d), cube(d, 0, 1))

    assert len(cx) == 5
    assert list(cx.exact_points) or d > 1


@pytest.mark.parametrize("seed", range(4))
def test_subnormal_and_huge_layers(seed):
    """Layer 1 is subnormal, layer 2 scales it up by 1e300 and nearly cancels: error bounds may not underflow."""
    rng = np.random.default_rng(seed)
    first = rng.integers(-7, 8, (3, 2)) * 5e-324
    second = rng.normal(size=(2, 3)) * 1e300
    net = networks.read([(first.tolist(), [0, 5e-324, 0]), (second.tolist(), [0, 1e-24])])

    assert_agrees(net, cube(2, -1, 1))
    assert_same(net, cube(2, -1, 1))


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_weights_of_any_scale_give_the_same_regions(scale):
    rng = np.random.default_rng(3)
    first, second = rng.integers(-9, 10, (4, 2)), rng.integers(-9, 10, (3, 4))
    bias = rng.integers(-3, 4, 4)
    plain = networks.read([(first.tolist(), bias.tolist()), (second.tolist(), [1, -2, 3])])
    size = F(scale)
    scaled = networks.read(
        [((first * size).tolist(), (bias * size).tolist()), (second.tolist(), [v * size for v in (1, -2, 3)])]
    )

    expected = arrays(enumerate_all(plain, cube(2, -1, 1)), interior=False)

    assert arrays(assert_same(scaled, cube(2, -1, 1)), interior=False) == expected


@pytest.mark.parametrize("seed", range(2))
def test_weights_that_floats_cannot_hold(seed):
    """Fractions of large denominators are rounded in the kernels, whose bounds have to know it."""
    rng = random.Random(seed)

    def number():
        return F(rng.randint(-(10**40), 10**40), 3**80 + rng.randint(0, 10**30))

    layers = [
        ([[number() for _ in range(w)] for _ in range(n)], [number() / 4 for _ in range(n)])
        for w, n in ((2, 4), (4, 3))
    ]
    net = networks.read(layers)
    assert net.packed.inexact.tolist() == [1.0, 1.0]
    assert_agrees(net, cube(2, -1, 1))

    assert_same(net, cube(2, -1, 1))


def test_coincidences_of_fractions_are_seen_behind_their_rounding():
    """Seven kinks x + k y = k/3 meet in (0, 1/3), which is no float, and a second layer passes through it as well."""
    lines = [((1, k), F(-k, 3)) for k in range(-3, 4)]
    first = ([a for a, _ in lines], [b for _, b in lines])
    net = networks.read([first, ([[1, 0, 0, 0, 0, 0, -1], [F(1, 7)] * 7], [0, 0])])
    assert_agrees(net, cube(2, -1, 1))

    assert assert_same(net, cube(2, -1, 1)).settled_exactly > 0


@pytest.mark.parametrize(
    ("net", "spec", "count"),
    [
        (networks.lines((1e200, 1e-200), (1, 0)), ((-1,), (1,)), 3),  # a kink at 1e-400
        (networks.lines((1e200, 1e-200), (1, 0)), (("-1e-401",), ("1e-399",)), 3),
        (networks.lines((1, 0, 1e308), (0, 1, -1e308), (1, 1, 0)), cube(2, -1.7e308, 1.7e308), 6),
        (networks.lines((1, 0, 1e308), (0, 1, -1e308), (1, 1, 1e292)), cube(2, -1.7e308, 1.7e308), 7),
        (networks.lines((5e-324, 0, 5e-324), (0, 5e-324, 1e308)), cube(2, -1.7e308, 1.7e308), 2),
        # vertices that overflow and cannot be solved: a box around them has no side that can be trusted
        (
            networks.lines((2e18, 5e18, 0), (-2e13, -1e12, 0), (-6e-7, -8e-6, -3e302), (-9e14, -1e15, 0)),
            cube(2, -1.7e308, 1.7e308),
            10,
        ),
    ],
)
def test_kinks_and_boxes_at_the_end_of_the_range_of_floats(net, spec, count):
    assert_agrees(net, spec)

    assert len(assert_same(net, spec)) == count


def test_domains_beyond_the_range_of_floats_are_left_to_breadth_first_search():
    net, box = networks.lines((1e-200, 1e200), (1, 0)), pr.Box([0], [10**401])

    assert enumerate_all(net, ((0,), (10**401,)), "auto").method == "bfs"
    assert pr.count_regions(net, box, progress=False) == 2
    with pytest.raises(pr.DomainError, match=r"subdivision needs a bounded domain \(within 1.8e308\); give a Box, or"):
        pr.count_regions(net, box, "subdivision")


# -- many walls, many neurons in one place --------------------------------------------
def polygon(m):
    """Return m walls around the unit circle, with integer normals."""
    angles = [2 * math.pi * k / m for k in range(m)]
    return [((round(10**6 * math.cos(a)), round(10**6 * math.sin(a))), 10**6) for a in angles]


@pytest.mark.parametrize("m", [40, 64, 65, 150])
def test_polygons_with_more_walls_than_a_word_has_bits(m):
    walls = polygon(m)
    net = networks.he_network((2, 5, 4, 1), seed=1)
    cx = assert_same(net, walls, interior=False)

    assert len(cx.domain.facets()) == m
    assert {f.wall for region in cx for f in region.facets} == {None, *range(m)}


def crowd(n):
    """Return n copies of x and of -y, and the diagonal: all vanish at 0, most on one of two lines."""
    return networks.lines(*[(k, 0, 0) for k in range(1, n + 1)], *[(0, -k, 0) for k in range(1, n + 1)], (1, 1, 0))


@pytest.mark.parametrize("n", [10, 40, 90])
def test_more_coincident_neurons_than_a_word_has_bits(n, monkeypatch):
    """The kernel says CROWDED, and is called again with twice the words."""
    codes = []

    def listen(*arguments):
        result = cutting.subdivide(*arguments)
        codes.append(result[0])
        return result

    monkeypatch.setattr(subdivision, "subdivide", listen)
    cx = assert_same(crowd(n), cube(2, -1, 1))

    assert len(cx) == 6
    assert max(len(f.neurons) for region in cx for f in region.facets) == n
    assert (cutting.CROWDED in codes) == (n > 10)


def test_a_crowd_in_slices():
    """What is left of a crowded stack keeps its words."""
    first = networks.hinges([(1, 0)] * 50 + [(0, 1)] * 50, [0] * 100)
    net, deep = networks.build(first), networks.read([first[0], ([[1] * 50 + [-1] * 50], [F(-1, 2)])])

    for case in (net, deep):
        truth = enumerate_all(case, cube(2, -1, 1), "bfs")
        assert arrays(in_slices(enumerate_all, case, cube(2, -1, 1))) == arrays(truth)


def test_many_kinks_touch_a_cell_and_hold_no_facet():
    """Lines through the corners and edges of the cube fill the slots; they are dropped when slots run out."""
    rows = [(a, b, c, a + b + c) for a in range(1, 6) for b in range(1, 6) for c in range(1, 6)]
    net = networks.lines(*rows, (1, 0, 0, 0), (0, 1, 0, 0))

    assert len(assert_same(net, cube(3, -1, 1))) == 4


# -- real networks --------------------------------------------------------------------
def test_tll_networks(shared_data):
    """test_regions.py enumerates the first one by both engines."""
    assert count_all(load(shared_data, "instance_0_0"), cube(2, -2, 2)) == 433
    assert count_all(load(shared_data, "instance_0_1"), cube(2, -2, 2)) == 798


@pytest.mark.parametrize(("name", "side"), [("1_7_batch", "1/100"), ("1_1_batch", "1/500"), ("2_3_batch", "1/200")])
def test_acas_xu_over_a_small_box(shared_data, name, side):
    net = load(shared_data, name)
    center = [F(v) for v in ("-0.3", "0", "0.49", "0.4", "0.4")]
    spec = tuple(v - F(side) for v in center), tuple(v + F(side) for v in center)
    cx = assert_same(net, spec, interior=False)

    assert len(cx) > 1 and networkx.is_connected(cx.graph)


def test_acas_xu_over_the_box_of_property_3(shared_data):
    lower = ("-0.303531156", "-0.009549297", "0.493380324", "0.3", "0.3")
    upper = ("-0.298552812", "0.009549297", "0.5", "0.5", "0.5")
    n = count_all(load(shared_data, "1_7_batch"), (lower, upper))

    assert (n, len(n.by_layer), n.exact_signs) == (502, 6, 0)


# -- refused --------------------------------------------------------------------------
@pytest.mark.parametrize("spec", [None, [((1, 0), 1), ((0, 1), 1), ((-1, -1), 1), ((0, -1), 1)][:2]])
@pytest.mark.parametrize("function", [pr.enumerate_regions, pr.count_regions])
def test_unbounded_domains_are_refused(function, spec):
    with pytest.raises(pr.DomainError, match="subdivision needs a bounded domain .*; give a Box, or method=.bfs"):
        function(networks.coordinate(2), domain_of(spec, 2), "subdivision")


@pytest.mark.parametrize("options", [{"limit": 3}, {"start": [0, 0]}, {"start": [0, 0], "limit": 3}])
def test_start_and_limit_belong_to_the_breadth_first_search(options):
    with pytest.raises(
        pr.InputError, match='start and limit belong to the breadth-first search; drop them, or method="bfs"'
    ):
        enumerate_all(networks.coordinate(2), cube(2, -1, 1), **options)


@pytest.mark.parametrize("name", ["limit", "workers"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_numbers_that_cannot_be(name, value):
    with pytest.raises(pr.InputError, match=f"{name} is {value}; give a whole number from 1 up, or None"):
        pr.count_regions(networks.coordinate(1), pr.Box([-1], [1]), **{name: value})


class Client:
    """Looks like a Dask client: has submit(), is no Executor."""

    def submit(self, *arguments):
        raise AssertionError("never called")


@pytest.mark.parametrize("executor", [4, "threads", Client()])
@pytest.mark.parametrize("method", ["auto", "bfs", "subdivision"])
def test_what_is_no_executor_is_refused(method, executor):
    hint = r" \(for a Dask client: client.get_executor\(\)\)" if isinstance(executor, Client) else ""
    with pytest.raises(pr.InputError, match=f"executor is of type .*; give a concurrent.futures.Executor{hint}"):
        pr.count_regions(networks.coordinate(1), pr.Box([-1], [1]), method, executor=executor)


@pytest.mark.parametrize(
    ("spec", "method"), [(cube(1, -1, 1), "bfs"), (None, "bfs"), (None, "auto"), (cube(10, 0, 1), "auto")]
)
@pytest.mark.parametrize("name", ["executor", "checkpoint"])
def test_breadth_first_search_has_neither_executor_nor_checkpoint(name, spec, method, tmp_path):
    d = 10 if spec == cube(10, 0, 1) else 1
    with ThreadPoolExecutor(1) as pool:
        value = pool if name == "executor" else tmp_path / "never"
        for function, most in ((pr.enumerate_regions, 7), (pr.count_regions, 9)):
            why = f"it needs a bounded domain of at most {most} inputs" if method == "auto" else "this is a breadth-first"
            with pytest.raises(pr.InputError, match=rf"{name} belongs to the subdivision \({why}"):
                function(networks.coordinate(d), domain_of(spec, d), method, **{name: value})
    assert not (tmp_path / "never").exists()


def test_the_automatic_choice():
    """Subdivision in few inputs and bounded domains; start, limit and unbounded domains want the other engine."""
    seven, eight, nine, ten = (networks.he_network((d, 2, 1)) for d in (7, 8, 9, 10))

    assert enumerate_all(seven, cube(7, -1, 1), "auto").method == "subdivision"
    assert enumerate_all(eight, cube(8, -1, 1), "auto").method == "bfs"
    assert enumerate_all(seven, cube(7, -1, 1), "auto", limit=1).method == "bfs"
    assert enumerate_all(seven, cube(7, -1, 1), "auto", start=[0] * 7).method == "bfs"
    assert enumerate_all(networks.coordinate(2), None, "auto").method == "bfs"
    assert pr.count_regions(seven, pr.Box(*cube(7, -1, 1)), limit=1, progress=False).method == "subdivision"
    assert pr.count_regions(networks.coordinate(2), progress=False).by_layer is None
    for d, net, method in ((9, nine, "subdivision"), (10, ten, "bfs")):
        assert pr.count_regions(net, pr.Box(*cube(d, -1, 1)), progress=False).method == method


def test_a_limit_ends_the_count():
    net, spec = networks.he_network((3, 16, 16, 1)), cube(3, -1, 1)
    whole = count_all(net, spec)
    for limit in (1, 10, whole - 1):
        for n in (in_slices(count_all, net, spec, limit=limit, workers=1), count_all(net, spec, limit=limit)):
            assert (n, n.complete, n.exact, n.by_layer) == (limit, False, True, None)
    for limit in (whole, whole + 1):
        n = in_slices(count_all, net, spec, limit=limit, workers=1)
        assert (n, n.complete, n.by_layer) == (whole, True, whole.by_layer)


@pytest.mark.parametrize("spec", [cube(2, -1, 1)])
def test_a_limit_of_one_region_for_a_network_that_has_one(spec):
    n = count_all(networks.build(networks.affine([[1, 2]], [3])), spec, limit=1)

    assert (n, n.complete, n.by_layer) == (1, True, ())


# -- tasks ----------------------------------------------------------------------------
def test_a_task_makes_progress_however_small_its_budget():
    """Bringing the forms of a stack up to date costs something, and must not eat the whole budget every time."""
    net = networks.he_network((3, 8, 8, 8, 1))
    problem, stack, _ = build_problem(net, pr.Box(*cube(3, -1, 1)))
    regions = 0
    for _ in range(10**4):
        outcome = subdivision.run_task(problem, stack, 1, False)
        regions += int(outcome.tally[-1])
        if outcome.rest is None:
            break
        assert [part.tobytes() for part in outcome.rest[2:]] != [part.tobytes() for part in stack[2:]]
        stack = outcome.rest

    assert regions == count_all(net, cube(3, -1, 1))


@pytest.mark.parametrize("parts", [1, 2, 3, 50])
def test_split_stacks_hold_the_same_regions(parts):
    """A stack is dealt out, every part is worked off on its own; nothing is lost or found twice."""
    net = networks.tents(2, 2)
    problem, root, _ = build_problem(net, pr.Box([-1, -1], [2, 2]))
    outcome = subdivision.run_task(problem, root, SLICE, False)
    stacks = outcome.rest.split(parts)

    assert len(stacks) == min(parts, len(outcome.rest.starts))
    assert sorted(v.tobytes() for s in stacks for v in frames(s)) == sorted(v.tobytes() for v in frames(outcome.rest))
    tallies = [subdivision.run_task(problem, stack, 10**9, False).tally for stack in stacks]
    assert sum(int(t[-1]) for t in tallies) + outcome.tally[-1] == len(enumerate_all(net, cube(2, -1, 2), "bfs"))


def frames(stack):
    return [np.concatenate([vertices.ravel(), integers]) for integers, vertices, _ in stack.frames()]


def test_a_stack_with_more_words_means_the_same():
    net = networks.he_network((3, 8, 8, 1))
    problem, root, _ = build_problem(net, pr.Box(*cube(3, -1, 1)))
    rest = subdivision.run_task(problem, root, 2000, True).rest
    wide = rest.rebuilt(rest.frames(), 3 * rest.words)
    one, other = (subdivision.run_task(problem, stack, 10**9, True) for stack in (rest, wide))

    assert [a.tobytes() for a in one.regions] == [b.tobytes() for b in other.regions]
    assert one.tally.tolist() == other.tally.tolist()


def test_volumes_of_stacks():
    """For display alone, but a square and its parts have volumes that floats hold."""
    for d, size in ((1, 3.0), (2, 9.0)):
        _, root, _ = build_problem(networks.coordinate(d), pr.Box([-1] * d, [2] * d))
        assert root.volume() == size
    _, root, _ = build_problem(networks.coordinate(3), pr.Box([-1] * 3, [2] * 3))
    assert f"{root.volume():.9f}" == "27.000000000"

    net = networks.tents(2, 2)
    problem, root, _ = build_problem(net, pr.Box([0, 0], [1, 1]))
    rest = subdivision.run_task(problem, root, SLICE, False).rest
    assert 0.0 < rest.volume() < root.volume() == 1.0
    assert sum(stack.volume() for stack in rest.split(3)) == rest.volume()  # cells of dyadic sides


# -- kernels: residues ----------------------------------------------------------------
def test_primes_are_the_largest_below():
    """Against trial division; windows of the sieve meet without a gap."""

    def naive(top, count):
        found, n = [], top - 1
        while len(found) < count:
            if all(n % k for k in range(2, math.isqrt(n) + 1)):
                found.append(n)
            n -= 1
        return found

    for top in (1 << 20, (1 << 20) + 7, 1048583, 1048584):
        assert primes_below(top, 700) == naive(top, 700)
    assert primes_below(1 << 30, 30) == naive(1 << 30, 30)
    many = primes_below(1 << 30, 3000)
    assert len(set(many)) == 3000 and many == sorted(many, reverse=True) and many[-1] > 1 << 29


def determinant(rows):
    """Return the determinant of a matrix of integers, by elimination in Fractions."""
    rest, result = [[F(v) for v in row] for row in rows], F(1)
    for c in range(len(rest)):
        place = next((r for r in range(c, len(rest)) if rest[r][c]), None)
        if place is None:
            return 0
        if place != c:
            rest[c], rest[place] = rest[place], rest[c]
            result = -result
        result *= rest[c][c]
        for r in range(c + 1, len(rest)):
            f = rest[r][c] / rest[c][c]
            rest[r] = [a - f * b for a, b in zip(rest[r], rest[c], strict=True)]
    return int(result)


@pytest.mark.parametrize("n", range(1, 9))
def test_determinants_modulo_primes(n):
    """Random matrices, singular ones, and some with zeros where the elimination looks for its pivot."""
    rng = random.Random(n)
    for turn in range(60):
        prime = rng.choice(primes_below(1 << 30, 20))
        size = rng.choice([1, 5, 2**29])
        rows = [[rng.randint(-size, size) for _ in range(n)] for _ in range(n)]
        if turn % 3 == 1 and n > 1:
            a, b = rng.sample(range(n), 2)
            rows[a] = [3 * v for v in rows[b]]
        if turn % 3 == 2:
            rows[rng.randrange(n)][0] = rows[0][0] = 0
        truth = determinant(rows)
        A = np.array([[v % prime for v in row] for row in rows], dtype=np.int64)

        assert cutting._determinant(A.copy(), n, prime, False) == truth % prime
        assert (cutting._determinant(A.copy(), n, prime, True) == 0) == (truth % prime == 0)


def test_determinants_that_a_prime_divides():
    """Zero modulo one prime, and no zero."""
    p, q = primes_below(1 << 30, 2)
    A = np.array([[p, 0], [0, 1]], dtype=np.int64)

    assert cutting._determinant(A % p, 2, p, True) == 0 == cutting._determinant(A % p, 2, p, False)
    assert cutting._determinant(A % q, 2, q, True) != 0 and cutting._determinant(A % q, 2, q, False) == p % q


@pytest.mark.parametrize("count", [1, 2, 3, 8, 40])
def test_signs_of_residues(count):
    primes = primes_below(1 << 30, count)
    product = math.prod(primes)
    rng = random.Random(count)
    largest = (product - 1) // 4
    numbers = [0, 1, -1, 2, -2, largest, -largest, largest - 1, 1 - largest]
    numbers += [rng.randint(-largest, largest) >> rng.randrange(product.bit_length()) for _ in range(300)]
    numbers += [s * p * k for p in primes for s in (1, -1) for k in (1, 2) if p * k < largest]
    for number in numbers:
        digits = np.array([number % p for p in primes], dtype=np.int64)
        assert cutting._residue_sign(digits, count, np.array(primes)) == (number > 0) - (number < 0)


@pytest.mark.parametrize("bits", [0.0, 0.5, 26.0, 26.5, 29.0, 1000.0, 12345.6])
def test_enough_primes_for_a_bound(bits):
    count = cutting._primes_for(bits)

    assert math.prod(primes_below(1 << 30, count)).bit_length() > bits + 2
    assert 29 * (count - 1) < bits + 3


@given(strategies.networks_in_boxes(max_neurons=6), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_integer_rows_are_multiples_of_the_forms(case, rng):
    """Residues of every row on some patterns, one after another in one workspace, against the exact forms."""
    net, spec = case
    domain = pr.Box(*spec)
    problem, _, _ = build_problem(net, domain)
    w = cutting._workspace(problem, np.zeros(net.neurons, dtype=np.uint8))
    primes = [int(p) for p in problem.primes]
    for _ in range(4):
        pattern = np.array([rng.randrange(2) for _ in range(net.neurons)], dtype=np.uint8)
        w.bits[0] = pattern
        w.state[cutting.VERSION, : len(net.widths)] += 1
        order = list(range(net.neurons + len(problem.walls)))
        rng.shuffle(order)
        rows = exact_rows(net, domain, problem, pattern)
        for j in order:
            count = rng.randint(1, len(primes))
            cutting._need_rows(problem, w, j, count)
            for m in range(count):
                # a positive multiple, the same for all entries: cross products vanish
                got = w.residue[m, j].tolist()
                assert all(
                    (a * f - b * e) % primes[m] == 0
                    for a, e in zip(got, rows[j], strict=True)
                    for b, f in zip(got, rows[j], strict=True)
                )
                assert any(got) == any(rows[j])


def exact_rows(net, domain, problem, pattern):
    """Return integer multiples of all rows: neurons, then the facets of the domain."""
    return [*net.neuron_rows(pattern), *(domain.rows[group[0]] for group in domain.facets())]


# -- kernels: error bounds ------------------------------------------------------------
def call(kernel, *workspaces, **given):
    """Call a kernel with the arguments that are given, and scratch of any name from a workspace."""
    names = inspect.signature(kernel.py_func).parameters
    return kernel(
        *(given[n] if n in given else next(getattr(w, n) for w in workspaces if hasattr(w, n)) for n in names)
    )


def sums(problem, w, layers):
    for layer in range(layers):
        call(cutting._sum_layer, w, problem, layer=layer)


@pytest.mark.parametrize("kind", ["floats", "fractions", "integers", "tiny"])
@pytest.mark.parametrize("skips", [False, True])
def test_error_bounds_of_forms_hold_after_many_updates(kind, skips):
    """Walk at random through patterns; forms are updated by differences, and ERR bounds them over the whole box."""
    rng = random.Random(f"{kind} {skips}")

    def number():
        return {
            "floats": lambda: rng.gauss(0, 1),
            "fractions": lambda: F(rng.randint(-99, 99), rng.choice([3, 7, 10**30 + 1])),
            "integers": lambda: rng.randint(-3, 3),
            "tiny": lambda: rng.gauss(0, 1) * 10.0 ** rng.choice([-320, -300, -160, 0]),
        }[kind]()

    sizes = [2, 7, 6, 5, 4]
    wide = [sum(sizes[:k]) if skips else sizes[k - 1] for k in range(1, 5)]
    net = pr.ReluNetwork(
        [[[number() for _ in range(w)] for _ in range(n)] for w, n in zip(wide, sizes[1:], strict=True)],
        [[number() for _ in range(n)] for n in sizes[1:]],
        output_relu=True,
    )
    box = pr.Box(["-1", "1/3"], ["2", "3/2"])
    problem, _, _ = build_problem(net, box)
    pattern = np.zeros(net.neurons, dtype=np.uint8)
    w = cutting._workspace(problem, pattern)
    d, updates, wholes = 2, 0, 0
    for step in range(72):
        for _ in range(rng.choice([1, 1, 1, 2, 12])):
            pattern[rng.randrange(net.neurons)] ^= 1
        w.bits[0] = pattern
        before = w.state[cutting.FLIPS].copy()
        sums(problem, w, 4)
        updates += int((w.state[cutting.FLIPS] > before).sum())
        wholes += int((w.state[cutting.FLIPS] == 0).sum())
        if step % 9:
            continue
        forms = [F(v) for matrix in net.layer_forms(pattern) for row in matrix.fractions() for v in row]
        forms = [forms[k : k + 3] for k in range(0, len(forms), 3)]
        for i, form in enumerate(forms):
            computed = [F(v) for v in w.G[: d + 1, i].tolist()]
            error, size = F(float(w.G[d + cutting.ERR, i])), F(float(w.G[d + cutting.SIZE, i]))
            for x in box.vertices():
                assert abs(oracle.value(computed, x) - oracle.value(form, x)) <= error
                assert abs(oracle.value(computed, x)) <= size
    assert updates > 30 and wholes > 30


def rows_near_singular(rng, d, closeness):
    """Return d rows of floats: random, or combinations of one another up to a relative difference."""
    rows = [[rng.gauss(0, 1) for _ in range(d + 1)] for _ in range(d)]
    if closeness is not None and d > 1:
        for k in range(1, d):
            f = rng.gauss(0, 1)
            rows[k] = [f * a + closeness * b for a, b in zip(rows[0], rows[k], strict=True)]
    return rows


def exact_vertex(rows):
    """Solve d rows in Fractions; None if they are dependent."""
    d = len(rows)
    table = [[F(v) for v in row] for row in rows]
    for c in range(d):
        place = next((r for r in range(c, d) if table[r][c]), None)
        if place is None:
            return None
        table[c], table[place] = table[place], table[c]
        table[c] = [v / table[c][c] for v in table[c]]
        for r in range(d):
            if r != c:
                table[r] = [a - table[r][c] * b for a, b in zip(table[r], table[c], strict=True)]
    return [-row[-1] for row in table]


@pytest.mark.parametrize("closeness", [None, 1e-3, 1e-8, 1e-12, 1e-15])
@pytest.mark.parametrize("d", [1, 2, 3, 5, 7])
def test_radii_of_solved_vertices_hold(d, closeness):
    """The true vertex of d rows, and of d among more, is within the radius in every coordinate."""
    rng = random.Random(f"{d} {closeness}")
    certified = 0
    for _ in range(20):
        rows = rows_near_singular(rng, d, closeness)
        vertex = exact_vertex(rows)
        if vertex is None:
            continue
        net = networks.read([([row[:-1] for row in rows], [row[-1] for row in rows])])
        far = max(1, math.ceil(max(map(abs, vertex))))
        problem, _, _ = build_problem(net, pr.Box([-far] * d, [far] * d))
        w = cutting._workspace(problem, np.zeros(net.neurons, dtype=np.uint8))
        sums(problem, w, 1)
        for i in range(d):
            cutting._list_row(w.G, w.F, d, i)
        V = np.zeros((1, d + 2))
        V[0, d] = np.inf
        call(
            cutting._solve, w, V=V, v=0, rows=np.arange(d, dtype=np.int64), count=d, swapped=np.empty(d, dtype=np.int64)
        )
        if V[0, d] < np.inf:
            certified += 1
            assert all(abs(F(x) - y) <= F(float(V[0, d])) for x, y in zip(V[0, :d].tolist(), vertex, strict=True))
    assert certified > 15 or (closeness or 1) < 1e-11


@pytest.mark.parametrize("seed", range(10))
def test_radii_hold_for_rounded_rows_and_more_rows_than_inputs(seed):
    """Rows of Fractions through one point that is no float: ERR enters the radius, d of the rows are chosen."""
    rng = random.Random(seed)
    d = rng.choice([2, 3, 4])
    vertex = [F(rng.randint(-20, 20), 21) for _ in range(d)]
    normals = [[F(rng.randint(-50, 50), rng.choice([3, 7, 11])) for _ in range(d)] for _ in range(d + 3)]
    if oracle.rank(normals) < d:
        return
    net = networks.read([(normals, [-sum(a * v for a, v in zip(row, vertex, strict=True)) for row in normals])])
    problem, _, _ = build_problem(net, pr.Box([-1] * d, [1] * d))
    w = cutting._workspace(problem, np.zeros(net.neurons, dtype=np.uint8))
    sums(problem, w, 1)
    for i in range(d + 3):
        cutting._list_row(w.G, w.F, d, i)
    V = np.zeros((1, d + 2))
    rows = np.arange(64, dtype=np.int64)
    call(cutting._solve, w, V=V, v=0, rows=rows, count=d + 3, swapped=np.empty(64, dtype=np.int64))

    assert V[0, d] < np.inf
    assert all(abs(F(x) - y) <= F(float(V[0, d])) for x, y in zip(V[0, :d].tolist(), vertex, strict=True))


@pytest.mark.parametrize("budget", [60, 500, 3000])
def test_radii_of_the_vertices_of_waiting_cells_hold(budget):
    """Stop in the middle: every vertex of every cell that is left lies within its radius of an exact one."""
    net, d = networks.he_network((3, 8, 6, 1), seed=4), 3
    problem, root, _ = build_problem(net, pr.Box(*cube(d, -1, 1)))
    rest = subdivision.run_task(problem, root, budget, False).rest
    if rest is None:
        return
    rows_of = {}
    for integers, vertices, masks in rest.frames():
        if integers[cutting.LAYER] > 0:
            continue  # the pattern of the frame is only known while the search is there
        for v, vertex in enumerate(vertices):
            slots = [s for s in range(64 * rest.words) if int(masks[v + 1, s // 64]) >> (s % 64) & 1]
            ids = [int(integers[cutting.HEADER + s]) for s in slots]
            key = tuple(sorted(ids))
            if key not in rows_of:
                forms = exact_rows(net, pr.Box(*cube(d, -1, 1)), problem, np.zeros(net.neurons, dtype=np.uint8))
                rows_of[key] = exact_vertex([forms[i] for i in ids][:d])
            if rows_of[key] is not None and vertex[d] < np.inf:
                assert all(
                    abs(F(x) - y) <= F(float(vertex[d])) for x, y in zip(vertex[:d].tolist(), rows_of[key], strict=True)
                )
    assert rows_of


# -- the integer network --------------------------------------------------------------
@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, -0.0, 5e-324, 1.5, -(2.0**60)])),
        min_size=6, max_size=6,
    ),
    st.integers(0, 70),
)  # fmt: skip
def test_limbs_of_floats_are_those_of_their_integers(values, power):
    """Floats are written as limbs all at once; row sizes are bounds, and no wider than a few units in the last place."""
    block = RationalMatrix.of(np.array(values).reshape(2, 3))
    same = RationalMatrix.of([[F(v) for v in row] for row in np.array(values).reshape(2, 3).tolist()])
    assert block.given_floats is not None and same.given_floats is None
    factor = block.den // same.den * 2**power
    for fast, slow in zip(
        problem._matrix_limbs(block, 2**power), problem._matrix_limbs(same, factor), strict=True
    ):
        assert fast.tolist() == slow.tolist()
    for total in (False, True):
        exact = problem._row_sizes(same, factor, total)
        bound = problem._row_sizes(block, 2**power, total)
        if np.isfinite(np.abs(block.given_floats).sum(axis=1)).all():
            assert all(a <= b <= a + a // 2**48 + 1 for a, b in zip(exact, bound, strict=True))
        else:
            assert exact == bound
