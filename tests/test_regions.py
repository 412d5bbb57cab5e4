"""Regions, facets and adjacency against the oracle, closed forms, and the other paths through the code."""

from __future__ import annotations

import math
from fractions import Fraction as F

import networks
import networkx
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import DEGENERATE, KNOWN, KNOWN_LARGE, cube

import polyrelu as pr
from polyrelu import kernels, lp
from polyrelu.enumeration import bfs


def domain_of(spec, d):
    """Turn the oracle's way to write a domain (None, a box (lo, hi), a list of walls) into polyrelu's."""
    if spec is None:
        return None
    if isinstance(spec, list):
        return pr.HPolytope(np.array([a for a, _ in spec], dtype=object).reshape(-1, d), [b for _, b in spec])
    return pr.Box(*spec)


def bits(pattern):
    return tuple(int(b) for b in pattern)


def assert_agrees(net, spec):
    """Compare patterns, interior points, facets and labelled adjacency with the oracle; return the complex."""
    walls = [wall for wall in oracle.domain_walls(spec) if any(wall[0]) or wall[1]]  # not 0 <= 0
    truth = oracle.all_regions(net, walls)
    cx = enumerate_all(net, spec)
    other = pr.enumerate_regions(net, domain_of(spec, net.input_dim), progress=False)  # the other engine, where it can
    assert arrays(other) == arrays(cx)

    assert cx.complete and cx.exact
    assert [bits(s) for s in cx.patterns] == sorted(truth)
    exact = oracle.ExactNetwork(net)
    for region in cx:
        s = bits(region.pattern)
        rows = exact.region_rows(s)
        inside = [row for row in rows + oracle.wall_rows(walls) if any(row)]
        assert all(oracle.value(row, region.interior_point) > 0 for row in inside)
        zero = [j for j, row in enumerate(rows) if not any(row)]
        facets = zip(region.polytope.rows, region.facets, strict=True)
        found = {row: (tuple(sorted((*f.neurons, *zero))), f.wall is not None) for row, f in facets}
        assert found == oracle.facets(net, walls, s)
        for row, facet in zip(region.polytope.rows, region.facets, strict=True):
            assert facet.wall is None or cx.domain.rows[facet.wall] == row
    assert edges_of(cx) == oracle.adjacency(net, walls, truth)
    return cx


def edges_of(cx):
    return {frozenset((bits(cx.patterns[i]), bits(cx.patterns[j]))): cx.flipped(i, j) for i, j in cx.edges.tolist()}


def arrays(cx, interior=True):
    """Return everything that a complex holds, as bytes where it is an array."""
    names = ["packed", "facet_ptr", "facet_neighbor", "row_ptr", "facet_row"] + ["interior_points"] * interior
    return {name: getattr(cx, name).tobytes() for name in names} | ({"exact": cx.exact_points} if interior else {})


def enumerate_all(net, spec, **options):
    return pr.enumerate_regions(net, domain_of(spec, net.input_dim), "bfs", progress=False, **options)


# -- against the oracle ---------------------------------------------------------------
@pytest.mark.parametrize(("d", "count"), [(1, 20), (2, 20), (3, 7)])
def test_random_networks_in_boxes_agree_with_the_oracle(d, count):
    @settings(max_examples=count)
    @given(strategies.networks_in_boxes(d, max_neurons=8))
    def check(case):
        assert_agrees(*case)

    check()


@given(strategies.networks(max_neurons=6))
@settings(max_examples=30)
def test_random_networks_on_all_of_space_agree_with_the_oracle(net):
    assert_agrees(net, None)


@st.composite
def networks_on_systems(draw):
    net = draw(strategies.networks(max_neurons=5))
    return net, draw(strategies.systems(d=net.input_dim, max_rows=5))


@given(networks_on_systems())
@settings(max_examples=40)
def test_random_networks_on_polytopes_agree_with_the_oracle(case):
    """Bounded and unbounded domains with duplicate and redundant rows; flat and empty ones are refused."""
    net, system = case
    walls = list(zip(system.A, system.b, strict=True))
    rows = [row for row in oracle.wall_rows(walls) if any(row)]
    if oracle.interior_point(rows, system.d) is not None:
        assert_agrees(net, walls)
    else:
        kind = "empty" if oracle.feasible_point(rows, system.d) is None else "flat"
        with pytest.raises(pr.DomainError, match=f"the domain is {kind}"):
            pr.enumerate_regions(net, pr.HPolytope(system.A, system.b))


@pytest.mark.parametrize("case", DEGENERATE, ids=lambda case: case.name)
def test_awkward_networks_agree_with_the_oracle(case):
    assert len(assert_agrees(case.net, case.domain)) == case.count


# -- known counts ---------------------------------------------------------------------
# those that take less than about a second each; benchmarks/ground_truth.py counts all of them
LARGE = {"zigzags_2d(2) in a box"}


@pytest.mark.parametrize(
    "known", [k for k in KNOWN if k.count <= 200] + [k for k in KNOWN_LARGE if k.name in LARGE], ids=lambda k: k.name
)
def test_known_counts(known):
    cx = enumerate_all(known.make(), known.domain)

    assert len(cx) == known.count
    assert cx.complete and cx.exact
    assert networkx.is_connected(cx.graph)


@pytest.mark.parametrize("variant", ["duplicate_neurons", "mirror_neurons", "scale_neurons", "add_constant_neurons"])
@pytest.mark.parametrize("known", [k for k in KNOWN if k.name in ("nazari() in a box", "tents(2, 2)", "folds_2d(1)")])
def test_variants_of_neurons_keep_the_regions(variant, known):
    net = getattr(networks, variant)(known.make())

    assert len(enumerate_all(net, known.domain)) == known.count


# -- graph, maps, volumes -------------------------------------------------------------
def assert_consistent(cx):
    """Check the graph and everything that regions say of themselves, exactly."""
    net, domain, graph = cx.network, cx.domain, cx.graph
    assert networkx.is_connected(graph)
    assert list(graph.nodes) == list(range(len(cx)))
    assert sorted(map(tuple, map(sorted, graph.edges))) == list(map(tuple, cx.edges.tolist()))
    for i, region in enumerate(cx):
        assert graph.nodes[i]["pattern"] == "".join(map(str, region.pattern.tolist()))
        assert graph.nodes[i]["interior_point"] == region.interior_point
        assert net.pattern(np.array([region.interior_point], dtype=object))[0].tolist() == region.pattern.tolist()
        assert domain.contains(region.interior_point, strict=True)
        assert sorted(graph[i]) == region.neighbors
        vertices = [tuple(v) for v in region.vertices]
        f = region.affine_map
        for v in vertices:
            assert region.contains(v) and domain.contains(v)
            assert f(v) == tuple(net(np.array([v], dtype=object))[0])
        for facet, row in zip(region.facets, region.polytope.rows, strict=True):
            on = [v for v in vertices if not oracle.value(row, v)]
            if domain.is_bounded():
                assert dimension_of(on) == net.input_dim - 1
            beyond = region.pattern_beyond(facet)
            if facet.wall is not None:
                assert beyond is None and facet.neighbor is None
                continue
            other = cx[facet.neighbor]
            assert beyond.tolist() == other.pattern.tolist()
            assert [g for g in other.facets if g.neighbor == i] != []  # found from the other side as well
            changed = tuple(np.flatnonzero(region.pattern != other.pattern).tolist())
            assert graph.edges[i, facet.neighbor]["neurons"] == cx.flipped(i, facet.neighbor) == changed != ()
            assert cx.adjacency[i, facet.neighbor] == len(changed)
            assert all(f(v) == other.affine_map(v) and other.contains(v) for v in on)
    assert cx.adjacency.has_sorted_indices and (cx.adjacency != cx.adjacency.T).nnz == 0
    if domain.is_bounded():
        assert sum(region.volume for region in cx) == domain.volume()


def dimension_of(points):
    """Return the dimension of the affine hull of points."""
    return oracle.rank([[a - b for a, b in zip(p, points[0], strict=True)] for p in points]) if points else -1


@given(strategies.networks_in_boxes(max_neurons=6))
@settings(max_examples=30)
def test_graph_maps_and_volumes_of_random_networks(case):
    net, box = case
    assert_consistent(enumerate_all(net, box))


@pytest.mark.parametrize(
    ("make", "spec"),
    [
        (networks.nazari, None),
        (networks.stargalla, cube(2, -1, 1)),
        (networks.hamming_trap, None),
        (networks.tent_and_absolute_value, cube(2, -2, 2)),
        (lambda: networks.tents(2, 2), cube(2, 0, 1)),
        (lambda: networks.zigzags_2d(1), cube(2, 0, 1)),
        (lambda: networks.max_chain(4), cube(4, -1, 1)),
        (lambda: networks.he_network((2, 6, 5, 1)), cube(2, -1, 1)),
        (lambda: networks.he_network((3, 4, 4, 1)), cube(3, -1, 1)),
        (lambda: networks.he_network((2, 6, 6, 1)), None),
        (lambda: networks.he_network((2, 6, 6, 1)), [((1, 1), 2), ((1, 1), 2), ((2, 2), 5), ((-1, 0), 1)]),
        (lambda: networks.coordinate(3), [((1, 1, 1), 1), ((-1, 0, 0), 0), ((0, -1, 0), 0), ((0, 0, -1), 0)]),
    ],
    ids=lambda v: "" if callable(v) else str(v),
)
def test_graph_maps_and_volumes_of_known_networks(make, spec):
    assert_consistent(enumerate_all(make(), spec))


def test_facets_name_neurons_and_walls():
    # x < 0 and x > 0, two copies; a kink on the wall x = 1, one that vanishes on x < 0
    net = networks.read([([[1, 0], [2, 0], [1, 0], [0, 1]], [0, 0, -1, 0]), ([[1, 0, 0, 0]], [0])])
    cx = enumerate_all(net, ((-1, 0), (1, 1)))
    left, right = cx

    assert cx.patterns.tolist() == [[0, 0, 0, 1, 0], [1, 1, 0, 1, 1]]
    assert [(f.neurons, f.wall, f.neighbor) for f in left.facets] == [
        ((0, 1), None, 1),
        ((3,), 1, None),  # the kink y = 0 on the wall y >= 0
        ((), 0, None),
        ((), 3, None),
    ]
    assert [f.neurons for f in right.facets] == [(0, 1, 4), (2,), (3,), ()]
    assert left.polytope.names == ("layer1[0] = layer1[1]", "x1 >= 0 = layer1[3]", "x0 >= -1", "x1 <= 1")
    assert cx.flipped(0, 1) == (0, 1, 4)
    assert repr(left) == "<ActivationRegion 0: 00010, 4 facets>"
    assert repr(cx) == "<RegionComplex of 2 activation regions in R^2>"


# -- as a sequence --------------------------------------------------------------------
def test_regions_are_found_by_number_pattern_and_point():
    cx = enumerate_all(networks.coordinate(2), cube(2, -1, 1))

    assert [cx[-1].index, cx[3].index, len(list(cx))] == [3, 3, 4]
    assert (cx.index("10"), cx.index([0, 1])) == (2, 1)
    assert cx.locate([F(1, 3), -1]) == 2
    assert cx.locate([0, 0]) == 0  # its own pattern
    assert cx.locate([2, 0]) is None
    with pytest.raises(IndexError, match="region 4 does not exist; there are 4"):
        cx[4]
    with pytest.raises(pr.InputError, match="x has 1 coordinates; expected 2"):
        cx[0].contains([1])
    one = enumerate_all(networks.lines((1, 0, 2)), cube(2, -1, 1))  # x <= 2 everywhere
    assert (len(one), one.index("1"), one.locate([0, 0])) == (1, None, 0)


def test_a_point_whose_own_pattern_is_no_region_is_located_in_a_neighbour():
    # relu(x) and relu(-x): at 0 the pattern is 00, a single point
    cx = enumerate_all(networks.lines((1, 0), (-1, 0)), cube(1, -1, 1))

    assert cx.index("00") is None
    assert cx.locate([0]) == 0


# -- limit, start, Ctrl-C -------------------------------------------------------------
def test_a_limit_returns_the_regions_nearest_in_the_graph():
    net, spec = networks.he_network((2, 8, 8, 1), seed=3), cube(2, -1, 1)
    whole = enumerate_all(net, spec)
    start = whole.locate([0, 0])
    distance = networkx.single_source_shortest_path_length(whole.graph, start)
    before = set()
    for limit in range(1, len(whole) + 1):
        cx = enumerate_all(net, spec, limit=limit)
        found = {bits(s) for s in cx.patterns}
        assert len(cx) == limit and before < found  # one more each time, none taken back
        reached = [distance[whole.index(s)] for s in found]
        rest = [distance[i] for i in range(len(whole)) if bits(whole.patterns[i]) not in found]
        assert max(reached) <= min(rest, default=len(whole))
        assert cx.complete == (limit == len(whole))
        assert repr(cx).endswith("in R^2>" if cx.complete else "in R^2, incomplete>")
        before = found
    assert arrays(cx) == arrays(whole)
    assert enumerate_all(net, spec, limit=10**9).complete


def test_unexplored_neighbours_are_marked_and_still_known():
    net, spec = networks.he_network((2, 8, 8, 1), seed=3), cube(2, -1, 1)
    whole = enumerate_all(net, spec)
    cx = enumerate_all(net, spec, limit=5)
    open_facets = 0
    for region in cx:
        same = whole[whole.index(region.pattern)]
        assert arrays_of_region(region) == arrays_of_region(same)
        for facet, full in zip(region.facets, same.facets, strict=True):
            beyond = region.pattern_beyond(facet)
            assert (beyond is None) == (full.wall is not None)
            if beyond is not None:
                assert beyond.tolist() == whole[full.neighbor].pattern.tolist()
                assert (facet.neighbor is None) == (cx.index(beyond) is None)
                open_facets += facet.neighbor is None
    assert (cx.facet_neighbor == -2).sum() == open_facets > 0


def arrays_of_region(region):
    return [(f.neurons, f.wall) for f in region.facets], region.interior_point, region.polytope


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3"])
def test_limits_that_cannot_be(limit):
    with pytest.raises(pr.InputError, match="give a whole number from 1 up, or None"):
        pr.enumerate_regions(networks.coordinate(1), limit=limit)


@pytest.mark.parametrize(
    ("start", "patterns"),
    [
        ([F(1, 2), F(1, 2)], {"11"}),
        ([0, F(1, 2)], {"01", "11"}),  # on a kink
        ([0, 0], {"00", "01", "10", "11"}),  # on a crossing
        ([1, 1], {"11"}),  # a corner
        ([-1, 0], {"00", "01"}),  # a kink on a wall
        (["-1/3", "1e-300"], {"01"}),
        ([0.0, -5e-324], {"00", "10"}),  # the least float below 0
    ],
)
def test_the_search_begins_where_it_is_told(start, patterns):
    cx = enumerate_all(networks.coordinate(2), cube(2, -1, 1), start=start, limit=1)

    assert cx.graph.nodes[0]["pattern"] in patterns
    assert len(enumerate_all(networks.coordinate(2), cube(2, -1, 1), start=start)) == 4


@pytest.mark.parametrize("start", [[F(10**30 + 1, 10**30), 0], [0, 2], [-1, -1.0000000000000002]])
def test_starts_outside_are_refused(start):
    with pytest.raises(pr.DomainError, match="the start point lies outside the domain"):
        enumerate_all(networks.coordinate(2), cube(2, -1, 1), start=start)


@pytest.mark.parametrize(
    ("net", "domain", "error", "message"),
    [
        (networks.coordinate(2), pr.Box([0], [1]), pr.DomainError, "the domain has dimension 1 but the network has 2 inputs"),
        (networks.coordinate(1), pr.Box([0], [0]), pr.DomainError, r"flat \(dimension 0 in R\^1\): x0 >= 0, x0 <= 0 hold with equality"),
        (networks.coordinate(1), pr.HPolytope([[1], [-1]], [0, -1]), pr.DomainError, "the domain is empty: these rows contradict each other: row 0, row 1"),
        (networks.coordinate(1), ([0], [1]), pr.InputError, "domain is of type tuple; give a Box, an HPolytope or None"),
        ("model.onnx", None, pr.InputError, "net is of type str; give a ReluNetwork"),
    ],
)  # fmt: skip
def test_networks_and_domains_that_do_not_serve(net, domain, error, message):
    with pytest.raises(error, match=message):
        pr.enumerate_regions(net, domain)


def test_unknown_methods_are_refused():
    with pytest.raises(pr.InputError, match="method is 'dfs'; choose one of"):
        pr.enumerate_regions(networks.coordinate(1), method="dfs")


@pytest.mark.parametrize(
    ("make", "spec"),
    [
        (lambda: networks.he_network((2, 8, 8, 1), seed=1), cube(2, -1, 1)),
        (lambda: networks.folds_2d(1), None),
        (lambda: networks.he_network((3, 5, 5, 1), seed=1), cube(3, -1, 1)),
    ],
    ids=["generic", "degenerate", "3-D"],
)
def test_the_result_does_not_depend_on_the_way_it_was_found(make, spec, monkeypatch):
    net = make()
    d = net.input_dim
    expected = arrays(enumerate_all(net, spec))
    for start in ([0] * d, [1] * d, [-1] + [0] * (d - 1)):
        assert arrays(enumerate_all(net, spec, start=start)) == expected
    for batch in (1, 7):
        monkeypatch.setattr(bfs, "BATCH", batch)
        assert arrays(enumerate_all(net, spec)) == expected


class CtrlC:
    """Call a function a few times, then press Ctrl-C instead, or at its end."""

    def __init__(self, function, calls, late=False):
        self.function, self.calls, self.late = function, calls, late

    def __get__(self, instance, owner):
        return lambda *arguments: self(instance, *arguments)

    def __call__(self, *arguments):
        self.calls -= 1
        if self.calls < 0 and not self.late:
            raise KeyboardInterrupt
        result = self.function(*arguments)
        if self.calls < 0:
            raise KeyboardInterrupt
        return result


@pytest.mark.parametrize("batches", [0, 1, 3])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("where", ["explore", "_extend", "update"])
def test_ctrl_c_returns_what_was_found(where, batches, late, monkeypatch):
    """Wherever the signal arrives, finished batches are kept, unfinished ones dropped, and nothing is called complete."""
    net, spec = networks.he_network((2, 8, 8, 1), seed=3), cube(2, -1, 1)
    monkeypatch.setattr(bfs, "BATCH", 4)
    monkeypatch.setattr(bfs, "PATIENCE", np.inf)  # batches double up to 4, however slow the machine
    owner = {"explore": bfs.Explorer, "_extend": bfs, "update": bfs.Progress}[where]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, where, CtrlC(getattr(owner, where), batches, late))
        cx = enumerate_all(net, spec)
    finished = batches + (where == "update")
    queue = [1, 2, 4, 4][:finished]

    assert not cx.complete
    assert len(cx) == sum(queue)
    if finished:
        assert arrays(cx) == arrays(enumerate_all(net, spec, limit=sum(queue)))
    else:
        assert list(cx) == [] and cx.edges.shape == (0, 2) and cx.adjacency.shape == (0, 0)


# -- the other paths through the code -------------------------------------------------
def leave_everything_to_integers(self, patterns):
    """Replace Explorer._classify: floats decide nothing."""
    count, d = len(patterns), self.net.input_dim
    status = np.full((count, self.net.neurons + len(self.walls)), kernels.UNDECIDED, dtype=np.uint8)
    return status, np.full((count, d), np.nan), np.full(count, kernels.PARTIAL, dtype=np.uint8)


paths = pytest.mark.parametrize(
    ("make", "spec"),
    [
        *((lambda s=s: networks.he_network((2, 5, 5, 1), seed=s), cube(2, -1, 1)) for s in range(2)),
        (lambda: networks.he_network((3, 4, 3, 1)), cube(3, -1, 1)),
        (lambda: networks.he_network((2, 5, 5, 1), seed=7), None),
        (lambda: networks.he_network((3, 6, 1), seed=7), [((1, 1, 1), 1), ((1, 0, 0), 1), ((1, 0, 0), 1)]),
        (networks.tent_and_absolute_value, cube(2, -2, 2)),
        (lambda: networks.montufar((2,), 2), None),
    ],
)


@paths
def test_integers_alone_give_the_same(make, spec, monkeypatch):
    net = make()
    usual = enumerate_all(net, spec)
    monkeypatch.setattr(bfs.Explorer, "_classify", leave_everything_to_integers)
    cx = enumerate_all(net, spec)

    assert arrays(cx, interior=False) == arrays(usual, interior=False)
    assert cx.settled_exactly == len(cx)


@paths
def test_the_path_for_many_dimensions_gives_the_same(make, spec, monkeypatch):
    net = make()
    usual = enumerate_all(net, spec)
    monkeypatch.setattr(lp, "SMALL_DIMENSION", 0)
    cx = enumerate_all(net, spec)

    assert arrays(cx, interior=False) == arrays(usual, interior=False)
    if spec is not None and usual.domain.is_bounded():
        # not everything was left to integers, or this would test nothing
        assert cx.settled_exactly < len(cx) or usual.settled_exactly == len(cx)


@given(strategies.networks_in_boxes(max_neurons=6))
@settings(max_examples=20)
def test_random_networks_agree_with_the_oracle_on_the_path_for_many_dimensions(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lp, "SMALL_DIMENSION", 0)
        assert_agrees(*case)


@pytest.mark.parametrize(("d", "spec"), [(17, None), (33, None), (8, "simplex"), (5, "box")])
def test_many_inputs_and_few_neurons_agree_with_the_oracle(d, spec):
    """The oracle's simplex method is slow in many dimensions; the next test has a box in 33."""
    net = networks.he_network((d, 3, 2, 1), seed=d)
    ones = [((-1,) * d, 1), *((tuple(int(i == k) for i in range(d)), 1) for k in range(d))]
    cx = assert_agrees(net, {None: None, "box": cube(d, -1, 1), "simplex": ones}[spec])

    assert networkx.is_connected(cx.graph)


def test_more_inputs_than_the_walk_is_made_for(monkeypatch):
    net = networks.he_network((lp.SMALL_DIMENSION + 1, 2, 1, 1))
    spec = cube(net.input_dim, -1, 1)
    usual = enumerate_all(net, spec)
    monkeypatch.setattr(bfs.Explorer, "_classify", leave_everything_to_integers)

    assert usual.settled_exactly == 0  # HiGHS proposed, error bounds proved
    assert arrays(enumerate_all(net, spec), interior=False) == arrays(usual, interior=False)


# -- places without floats ------------------------------------------------------------
def test_a_region_between_neighbouring_floats_has_an_exact_point():
    left = 0.5
    right = math.nextafter(left, 1)
    cx = enumerate_all(networks.lines((1, left), (1, right)), cube(1, 0, 1))

    assert len(cx) == 3
    assert list(cx.exact_points) == [1]
    assert F(left) < cx.interior_point(1)[0] < F(right)
    assert cx[1].volume == F(right) - F(left)
    assert_consistent(cx)


@pytest.mark.parametrize(
    ("net", "spec", "count"),
    [
        (networks.lines((1e-200, 1e200)), None, 2),  # a kink at 1e400
        (networks.lines((1e-200, 1e200), (1, 0)), None, 3),
        (networks.lines((1e-200, 1e200), (1, 0)), ((0,), (10**401,)), 2),
        (networks.lines((1e200, 1e-200), (1, 0)), ((-1,), (1,)), 3),  # at 1e-400
        (networks.lines((1e200, 1e-200), (1, 0)), (("-1e-401",), ("1e-399",)), 3),
        (networks.lines((1, 0, 1e308), (0, 1, -1e308), (1, 1, 0)), None, 6),  # three lines through (1e308, -1e308)
        (networks.lines((1, 0, 1e308), (0, 1, -1e308), (1, 1, 1e292)), None, 7),  # a unit in the last place beside it
        (networks.lines((5e-324, 0, 5e-324), (0, 5e-324, 1e308)), None, 4),
    ],
)
def test_kinks_beyond_the_range_of_floats(net, spec, count):
    cx = assert_agrees(net, spec)

    assert len(cx) == count
    assert_consistent(cx)


def test_subnormal_and_huge_layers_agree_with_the_oracle():
    """Layer 1 is subnormal, layer 2 scales it up by 1e300 and nearly cancels: error bounds may not underflow."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        first = rng.integers(-7, 8, (3, 2)) * 5e-324
        second = rng.normal(size=(2, 3)) * 1e300
        assert_agrees(networks.read([(first.tolist(), [0, 5e-324, 0]), (second.tolist(), [0, 1e-24])]), cube(2, -1, 1))


# -- real networks --------------------------------------------------------------------
PROPERTY_3 = (
    ("-0.303531156", "-0.009549297", "0.493380324", "0.3", "0.3"),
    ("-0.298552812", "0.009549297", "0.5", "0.5", "0.5"),
)


def load(shared_data, name):
    pytest.importorskip("onnx")
    return pr.load(next((shared_data).glob(f"*/*{name}*.onnx")))


def test_a_tll_network(shared_data):
    net = load(shared_data, "instance_0_0")
    cx = enumerate_all(net, cube(2, -2, 2))
    cut = pr.enumerate_regions(net, cx.domain, "subdivision", progress=False)

    assert len(cx) == 433
    assert arrays(cut, interior=False) == arrays(cx, interior=False)
    assert networkx.is_connected(cx.graph)
    assert sum(region.volume for region in cut) == 16


def test_acas_xu_over_the_box_of_property_3(shared_data):
    cx = enumerate_all(load(shared_data, "1_7_batch"), PROPERTY_3)

    assert len(cx) == 502
    assert networkx.is_connected(cx.graph)


def test_a_slice_of_acas_xu(shared_data):
    net = load(shared_data, "1_1_batch").restrict([0] * 5, np.eye(2, 5, dtype=int))
    cx = enumerate_all(net, cube(2, "-1/8", "1/8"))

    assert len(cx) == pr.count_regions(net, pr.Box([F(-1, 8)] * 2, [F(1, 8)] * 2), progress=False)
    assert networkx.is_connected(cx.graph)
    assert pr.count_regions(net, pr.Box([F(-1, 2)] * 2, [F(1, 2)] * 2), progress=False) == 51005


# -- many inputs ----------------------------------------------------------------------
@pytest.mark.parametrize("sizes", [(64, 32, 32, 10), (400, 32, 32, 10)], ids=["digits", "images"])
def test_the_region_around_a_point_of_many_inputs(sizes):
    """A region and the neighbour across its first facet, without enumerating anything else."""
    net, d = networks.he_network(sizes, seed=1), sizes[0]
    x = np.random.default_rng(1).uniform(0, 1, d)
    cx = enumerate_all(net, cube(d, 0, 1), start=x, limit=2)
    region = cx[cx.index(net.pattern(x))]
    other = cx[1 - region.index]

    assert region.contains(x) and not cx.complete
    neurons = [f for f in region.facets if f.wall is None]
    for facet in neurons:
        # generic weights: one neuron flips
        changed = np.flatnonzero(region.pattern_beyond(facet) != region.pattern)
        assert tuple(changed.tolist()) == facet.neurons and len(facet.neurons) == 1
    assert cx.edges.tolist() == [[0, 1]]
    assert [f.neurons for f in region.facets if f.neighbor == other.index] == [neurons[0].neurons] == [cx.flipped(0, 1)]
    assert [f.neurons for f in other.facets if f.neighbor == region.index] == [neurons[0].neurons]
    assert cx.settled_exactly == 0  # error bounds proved every decision
    assert net.pattern(np.array([other.interior_point], dtype=object))[0].tolist() == other.pattern.tolist()
