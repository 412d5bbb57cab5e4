"""Linear regions by every definition: known numbers, an independent second computation, bad input, the docs."""

from __future__ import annotations

import doctest
import json
import re
from fractions import Fraction as F
from itertools import combinations
from pathlib import Path

import matplotlib
import networks
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from networks import KNOWN_LINEAR, build, he_network
from strategies import networks as any_networks
from strategies import networks_in_boxes

import polyrelu as pr
from polyrelu import colors, residues
from polyrelu.__main__ import main
from polyrelu.errors import InputError
from polyrelu.linear import DEFINITIONS, choose_outputs
from polyrelu.residues import equal_maps, first_come

matplotlib.use("Agg")

SQUARE = pr.Box([-1, -1], [1, 1])


def parts(regions):
    """Return the partition of the activation regions as a set of sets of indices."""
    return {frozenset(members.tolist()) for members in regions}


# -- known numbers --------------------------------------------------------------------
@pytest.mark.parametrize("known", KNOWN_LINEAR, ids=lambda known: known.name)
def test_known_numbers(known):
    cx = pr.enumerate_regions(known.make(), None if known.domain is None else pr.Box(*known.domain))
    found = {name: cx.linear_regions(name) for name in DEFINITIONS}

    assert (found["open"].count, found["closed"].count, found["affine"].count) == known[3:]
    assert found["activation"].count == len(cx)
    assert known.open <= found["convex"].lower <= found["convex"].upper <= len(cx)


def test_six_definitions_of_one_network():
    # (R1, .., R6) = (7, 5, 4, 3, 3, 3) in theory.md, C.4, for max(-y, min(0, -x)); R1 counts lower dimensions too
    cx = pr.enumerate_regions(networks.stargalla())

    assert [cx.linear_regions(name).count for name in ("activation", "convex", "open", "closed", "affine")] == [
        5, 4, 3, 3, 3,
    ]  # fmt: skip


def touching(cx, regions):
    """Join open regions of equal maps that touch in a point: too few joins for "closed"."""
    found = [regions.members(k) for k in range(len(regions))]

    def meet(a, b):
        rows = [[*cx[int(i)].polytope.rows, *cx[int(j)].polytope.rows] for i in found[a] for j in found[b]]
        return any(oracle.feasible_point(r, 2) is not None for r in rows)

    pairs = [
        (a, b) for a, b in combinations(range(len(found)), 2) if regions.maps[a] == regions.maps[b] and meet(a, b)
    ]
    return oracle.components(range(len(found)), pairs)


def test_closed_regions_reach_through_others_where_touching_cells_do_not():
    cx = pr.enumerate_regions(networks.tent_and_absolute_value())
    regions = cx.linear_regions()

    assert (regions.count, cx.linear_regions("closed").count, cx.linear_regions("affine").count) == (8, 5, 5)
    assert len(touching(cx, regions)) == 6


def test_convex_regions_need_more_cells_than_open_ones_even_if_all_of_these_are_convex():
    # f = relu(relu(y) - |x|) - relu(y): 0 below; above, -|x| in the middle and -y at both sides of it. The half plane
    # below is one open region, with four others across its only facet
    net = build([([[0, 1], [1, 0], [-1, 0]], [0, 0, 0]), ([[1, -1, -1], [1, 0, 0]], [0, 0]), ([[1, -1]], [0])])
    cx = pr.enumerate_regions(net, SQUARE)
    regions = cx.linear_regions("convex")

    assert cx.linear_regions().count == 5
    assert cx.linear_regions("affine").count == 4
    assert (regions.lower, regions.upper) == (6, 6)


def test_the_outside_of_a_hill_is_one_open_region_and_four_convex_ones():
    hill = build([([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4), ([[-1, -1, -1, -1]], [1]), ([[1]], [0])])
    regions = pr.enumerate_regions(hill, pr.Box([-2, -2], [2, 2])).linear_regions("convex")

    # relu(1 - |x| - |y|) is affine on four triangles and outside of them; the lower bound knows of two cells there
    assert (regions.lower, regions.upper, regions.count, regions.exact) == (6, 8, None, False)
    assert repr(regions) == (
        "<8 linear regions (convex, at least 6 and at most 8 in the domain) of 8 activation regions>"
    )


def test_coarsening_removes_whole_lines():
    # |x| with kinks at x = 1, y = 0 and y = -1 that cancel out: no facet can go alone, but a line can
    first = [[1, 0], [-1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]]
    net = build([(first, [0, 0, -1, -1, 0, 0, 1, 1]), ([[1, 1, 1, -1, 1, -1, 1, -1]], [0])])
    regions = pr.enumerate_regions(net, pr.Box([-2, -2], [2, 2])).linear_regions("convex")

    # 3 intervals of x times 3 of y
    assert (len(regions.labels), regions.lower, regions.upper) == (9, 2, 2)


# -- against an independent computation -----------------------------------------------
def brute_force(cx, domain):
    """Return the partitions for "open", "closed" and "affine" by Fractions and the oracle's linear programs."""
    net = cx.network
    exact = oracle.ExactNetwork(net)
    walls = oracle.domain_walls(domain)
    patterns = [tuple(row) for row in cx.patterns.tolist()]
    maps = [exact.affine_map(s) for s in patterns]
    rows = [exact.region_rows(s) + oracle.wall_rows(walls) for s in patterns]
    cells = range(len(patterns))
    affine = {frozenset(i for i in cells if maps[i] == g) for g in maps}
    facets = [
        (i, j)
        for i, j in combinations(cells, 2)
        if maps[i] == maps[j] and oracle.dimension(rows[i] + rows[j], exact.d) == exact.d - 1
    ]
    closed = set()
    for g in set(maps):
        pieces = {}
        for i in cells:
            gaps = [oracle.integer_row(a - b for a, b in zip(u, v, strict=True)) for u, v in zip(maps[i], g, strict=True)]
            piece = [*rows[i], *gaps, *map(oracle.negative, gaps)]
            if oracle.feasible_point(piece, exact.d) is not None:
                pieces[i] = piece
        meet = [(i, j) for i, j in combinations(pieces, 2) if oracle.feasible_point(pieces[i] + pieces[j], exact.d)]
        for component in oracle.components(pieces, meet):
            closed.add(frozenset(i for i in component if maps[i] == g))
    return {
        "activation": {frozenset([i]) for i in cells},
        "open": set(map(frozenset, oracle.components(cells, facets))),
        "closed": closed - {frozenset()},
        "affine": affine,
    }


@settings(max_examples=25)
@given(networks_in_boxes(max_neurons=5))
def test_partitions_agree_with_brute_force(case):
    net, (lo, hi) = case
    cx = pr.enumerate_regions(net, pr.Box(lo, hi), workers=1)

    expected = brute_force(cx, (lo, hi))

    found = {name: cx.linear_regions(name) for name in DEFINITIONS}
    for name, partition in expected.items():
        assert parts(found[name]) == partition, name
        assert found[name].exact and found[name].count == len(partition)
    order = [found[name].upper for name in ("activation", "convex", "open", "closed", "affine")]
    assert order == sorted(order, reverse=True)
    assert found["open"].count <= found["convex"].lower <= found["convex"].upper


@settings(max_examples=15)
@given(any_networks(d=2, max_neurons=4))
def test_partitions_agree_with_brute_force_on_the_plane(net):
    cx = pr.enumerate_regions(net)
    for name, partition in brute_force(cx, None).items():
        assert parts(cx.linear_regions(name)) == partition, name


# -- convex parts, by areas -----------------------------------------------------------
def hull(points):
    """Return the corners of the convex hull of rational points of the plane, counterclockwise (Andrew's chain)."""

    def half(sequence):
        out = []
        for p in sequence:
            while len(out) > 1 and turn(out[-2], out[-1], p) <= 0:
                out.pop()
            out.append(p)
        return out[:-1]

    ordered = sorted(set(points))
    return half(ordered) + half(reversed(ordered))


def turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def area(polygon):
    return sum((a[0] * b[1] - a[1] * b[0] for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True)), F(0)) / 2


def is_convex_union(cells):
    """Tell whether polygons with disjoint interiors have a convex union: its hull has their area."""
    return area(hull([p for cell in cells for p in cell])) == sum(map(area, cells))


def corners(cx):
    return [hull([tuple(v) for v in region.vertices.tolist()]) for region in cx]


def assert_complex(polygons, corner_points):
    """Assert that polygons that tile a box meet face to face: no corner of one inside an edge of another."""
    for polygon in polygons:
        for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            for p in corner_points:
                inside = turn(a, b, p) == 0 and min(a, b) < p < max(a, b)
                assert not inside, f"{p} lies inside the edge from {a} to {b}"


@settings(max_examples=30)
@given(networks_in_boxes(d=2, max_neurons=6))
def test_convex_parts_are_a_complex(case):
    net, (lo, hi) = case
    cx = pr.enumerate_regions(net, pr.Box(lo, hi), workers=1)
    regions, labels = cx.linear_regions("convex"), cx.linear_regions("open").labels
    cells = corners(cx)
    polygons = []
    for members in regions:
        assert len(set(labels[members].tolist())) == 1
        part = [cells[i] for i in members]
        assert is_convex_union(part)
        polygons.append(hull([p for cell in part for p in cell]))
    assert_complex(polygons, {p for polygon in polygons for p in polygon})
    nonconvex = sum(
        not is_convex_union([cells[i] for i in np.flatnonzero(labels == k)]) for k in range(int(labels.max()) + 1)
    )
    assert int(labels.max()) + 1 + nonconvex <= regions.lower <= regions.upper == len(regions)


# -- equality of maps -----------------------------------------------------------------
@settings(max_examples=25)
@given(any_networks(max_neurons=8), st.integers(0, 2**32 - 1))
def test_classes_are_those_of_the_exact_maps(net, seed):
    # any bits will do, those that no point has as well
    bits = np.random.default_rng(seed).integers(0, 2, (30, net.neurons), dtype=np.uint8)
    numbers = {}
    expected = [numbers.setdefault(net.affine_map(row).forms, len(numbers)) for row in bits]

    assert equal_maps(net, np.packbits(bits, axis=1)).tolist() == expected


def test_maps_that_differ_in_the_last_place_are_told_apart():
    tiny = F(1, 10**50)
    net = pr.ReluNetwork([[[1], [1]], [[1, tiny]]], [[0, 0], [0]])
    packed = np.packbits([[1, 0], [1, 1], [0, 1], [1, 0]], axis=1)

    assert equal_maps(net, packed).tolist() == [0, 1, 2, 0]


def test_maps_equal_modulo_the_first_primes_are_told_apart_by_the_proof():
    # the two maps differ by the product of all primes of the sieve: only the proof sees it
    net = pr.ReluNetwork([[[1], [1]], [[1, 0]]], [[0, 0], [0]])
    generator = residues._primes(net)
    product = 1
    while product.bit_length() <= residues.SIEVE_BITS + 25:
        product *= next(generator)
    net = pr.ReluNetwork([[[1], [1]], [[1, product]]], [[0, 0], [0]])

    assert equal_maps(net, np.packbits([[1, 0], [1, 1], [1, 0]], axis=1)).tolist() == [0, 1, 0]


def test_primes_that_divide_a_denominator_are_skipped():
    plain = pr.ReluNetwork([[[1]], [[1]]], [[0], [0]])
    p = next(residues._primes(plain))
    net = pr.ReluNetwork([[[F(1, p)]], [[p]]], [[0], [0]])

    assert next(residues._primes(net)) < p
    assert equal_maps(net, np.packbits([[0], [1], [1]], axis=1)).tolist() == [0, 1, 1]


@settings(max_examples=20)
@given(any_networks(max_neurons=6))
def test_the_height_bounds_every_difference(net):
    d, height = net.input_dim, residues._height(net)
    den = 1
    for layer in net.layers:
        den *= int(np.lcm.reduce([m.den for m in (layer.bias, *layer.blocks.values())]))
    values = set()
    for k in range(min(2**net.neurons, 64)):
        g = net.affine_map([k >> j & 1 for j in range(net.neurons)])
        values |= {v * den for i in range(d + 1) for v in g([int(i == j) for j in range(d)])}

    assert all(v.denominator == 1 for v in values)
    assert max(map(abs, values)) * 2 <= height  # so that no difference of two of them is larger


def test_first_come():
    assert first_come(np.array([], dtype=int)).tolist() == []
    assert first_come(np.array([3, 1, 3, 0])).tolist() == [0, 1, 0, 2]


# -- the result -----------------------------------------------------------------------
def test_members_labels_maps_and_graph():
    # |x| in the plane, with a kink of y that does not show: four activation regions, two linear ones
    net = build([([[1, 0], [-1, 0], [0, 1], [0, 1]], [0] * 4), ([[1, 1, 1, -1]], [0])])
    cx = pr.enumerate_regions(net, SQUARE)
    regions = cx.linear_regions()

    assert cx.patterns.tolist() == [[0, 1, 0, 0], [0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 1, 1]]
    assert regions.labels.tolist() == [0, 0, 1, 1]
    assert [members.tolist() for members in regions] == [[0, 1], [2, 3]] == [m.tolist() for m in map(regions.members, (0, 1))]
    assert [(g.A.tolist(), g.b.tolist()) for g in regions.maps] == [([[-1, 0]], [0]), ([[1, 0]], [0])]
    assert dict(regions.graph.nodes(data="size")) == {0: 2, 1: 2}
    assert list(regions.graph.edges(data="facets")) == [(0, 1, 2)]
    assert (len(regions), regions.count, regions.lower, regions.upper, regions.exact) == (2, 2, 2, 2, True)
    assert repr(regions) == "<2 linear regions (open) of 4 activation regions>"
    with pytest.raises(IndexError, match="linear region 2 does not exist; there are 2"):
        regions.members(2)


def test_one_region():
    for name in DEFINITIONS:
        regions = pr.enumerate_regions(pr.ReluNetwork([[[1, 2]]], [[3]])).linear_regions(name)
        assert (len(regions), regions.count, regions.labels.tolist()) == (1, 1, [0])
        assert list(regions.graph.edges) == []


def test_a_generic_network_computes_no_exact_map(monkeypatch):
    cx = pr.enumerate_regions(he_network((2, 16, 16, 1), bias_sd=0.5), SQUARE)
    dead = int((~cx.patterns[:, 16:].any(axis=1)).sum())
    monkeypatch.setattr(pr.ReluNetwork, "layer_forms", None)

    assert dead <= 1 and cx.linear_regions().count == cx.linear_regions("affine").count == len(cx)


def test_a_dead_output_makes_one_region():
    net = he_network((2, 8, 8, 1))
    layers = [*net.layers[:-1], type(net.layers[0])({}, net.layers[-1].bias)]
    cx = pr.enumerate_regions(pr.ReluNetwork.from_layers(layers, 2), SQUARE)

    assert [cx.linear_regions(name).count for name in ("convex", "open", "closed", "affine")] == [1] * 4


def test_an_incomplete_complex_has_lower_bounds_only():
    net = networks.telgarsky(3)
    cx = pr.enumerate_regions(net, limit=6)

    assert not cx.complete
    for name in DEFINITIONS:
        regions = cx.linear_regions(name)
        maps = len({region.affine_map.forms for region in cx})
        assert (regions.lower, regions.upper, regions.count) == (6 if name == "activation" else maps, None, None)
        assert not regions.exact and "at least" in repr(regions)


def test_the_result_does_not_depend_on_the_engine():
    net = networks.zigzags_2d(1)
    box = pr.Box([0, 0], [1, 1])
    walk, cut = (pr.enumerate_regions(net, box, method=m) for m in ("bfs", "subdivision"))
    for name in DEFINITIONS:
        assert walk.linear_regions(name).labels.tolist() == cut.linear_regions(name).labels.tolist()


# -- outputs --------------------------------------------------------------------------
def test_outputs_are_chosen_and_combined():
    # f = (|x|, x + |y|): the first has 2 linear regions, the second 2, both together 4; f_0 + 2 f_1 has 4
    net = build([([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4), ([[1, 1, 0, 0], [1, -1, 1, 1]], [0, 0])])
    cx = pr.enumerate_regions(net, SQUARE)

    assert cx.linear_regions().count == 4
    assert cx.linear_regions(outputs=0).count == cx.linear_regions(outputs=[1]).count == 2
    assert parts(cx.linear_regions(outputs=0)) != parts(cx.linear_regions(outputs=1))
    assert cx.linear_regions(outputs=[0, 1]).count == cx.linear_regions(outputs=[[1, F(1, 3)]]).count == 4
    assert cx.linear_regions(outputs=[[0, 0]]).count == 1
    assert cx.linear_regions(outputs=[[2, 0]]).maps[0].A.tolist() == [[-2, 0]]


def test_outputs_behind_a_relu_are_combined_behind_it():
    net = pr.ReluNetwork([[[1], [-1]]], [[0, 0]], output_relu=True)
    cx = pr.enumerate_regions(net)

    assert [cx.linear_regions(outputs=o).count for o in (None, 0, 1, [[1, -1]], [[1, 1]])] == [2, 2, 2, 1, 2]
    assert choose_outputs(net, [[1, -1]])([F(-3)]).tolist() == [-3]


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (2, "outputs is 2; this network has outputs 0 to 1: name some of them, or give rows of 2 weights"),
        (-1, "outputs is -1; this network has outputs 0 to 1"),
        (0.5, "outputs is 0.5; this network"),
        ([], r"outputs is \[\]; this network"),
        ([[1, 2, 3]], r"outputs has shape \(1, 3\); expected \(k, 2\)"),
        ([[1], [1, 2]], "outputs has rows of different lengths"),
        ([[float("nan"), 0]], r"outputs\[0, 0\] is nan"),
    ],
)
def test_bad_outputs(outputs, message):
    cx = pr.enumerate_regions(pr.ReluNetwork([[[1]], [[1], [2]]], [[0], [0, 0]]))
    with pytest.raises(InputError, match=message):
        cx.linear_regions(outputs=outputs)


def test_unknown_definition():
    cx = pr.enumerate_regions(pr.ReluNetwork([[[1]]], [[0]]))
    with pytest.raises(InputError, match="definition is 'closd'; choose one of 'open', 'closed', 'affine', 'convex'"):
        cx.linear_regions("closd")


# -- real networks, the command line, pictures, the docs ------------------------------
def test_tll_network(shared_data):
    net = pr.load(sorted((shared_data / "tll").glob("*.onnx"))[1])
    cx = pr.enumerate_regions(net, pr.Box([-2, -2], [2, 2]))

    assert len(cx) == 798
    assert [cx.linear_regions(name).count for name in ("open", "closed", "affine")] == [11, 9, 7]


def test_acas_xu_slice(shared_data):
    net = pr.load(shared_data / "acasxu" / "ACASXU_run2a_1_1_batch_2000.onnx")
    plane = net.restrict([0] * 5, [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    box = pr.Box([-F(1, 8)] * 2, [F(1, 8)] * 2)
    cx = pr.enumerate_regions(plane, box)
    exact = {region.affine_map.forms for region in map(cx.__getitem__, range(0, len(cx), 97))}

    assert len(exact) == len(range(0, len(cx), 97))
    assert cx.linear_regions().count == cx.linear_regions("affine").count == len(cx)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.json"
    pr.save(networks.tent_and_absolute_value(), path)
    return str(path)


@pytest.mark.parametrize(("words", "definition", "count"), [((), "open", 8), (("closed",), "closed", 5)])
def test_count_linear_json(capsys, model, words, definition, count):
    assert main(["count", model, "--linear", *words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)

    assert (result["activation_regions"], result["linear_regions"]) == (12, count)
    assert (result["linear_definition"], result["linear_bounds"]) == (definition, [count, count])
    assert (result["exact"], result["complete"]) == (True, True)


def test_count_linear_for_people(capsys, model):
    def said(*words):
        assert main(["count", model, "--linear", *words]) == 0
        return capsys.readouterr().out

    assert "12 activation regions (all, exactly)" in said()
    assert "\n8 linear regions (open), " in said()
    assert "\n10 linear regions (convex), " in said("convex")
    assert "linear regions (closed, among those explored; at least " in said("closed", "--limit", "6")
    with pytest.raises(SystemExit) as error:
        main(["count", model, "--linear", "round"])
    assert error.value.code == 2 and "invalid choice: 'round'" in capsys.readouterr().err


def test_pictures_color_linear_regions():
    cx = pr.enumerate_regions(networks.tent_and_absolute_value(), pr.Box([-2, -2], [2, 2]))
    for name in DEFINITIONS:
        regions = cx.linear_regions(name)
        ax = cx.plot(Figure().subplots(), color=regions)
        fills = [tuple(color) for color in ax.collections[0].get_facecolor()]
        of = [{fills[i] for i in members} for members in regions]

        assert all(len(colors) == 1 for colors in of)
        assert all(of[i] != of[j] for i, j in regions.graph.edges)
    same = [cx.plot(Figure().subplots(), color=c).collections[0] for c in ("linear", cx.linear_regions())]
    assert np.array_equal(*(collection.get_facecolor() for collection in same))
    other = pr.enumerate_regions(cx.network, cx.domain)
    with pytest.raises(InputError, match="color holds the linear regions of another complex"):
        other.plot(Figure().subplots(), color=cx.linear_regions())
    line = pr.enumerate_regions(networks.telgarsky(2), pr.Box([0], [1]))
    assert line.plot(Figure().subplots(), color="linear").get_xlim() == (0, 1)


def test_many_colors():
    # a star of affine regions that all touch each other: more colors than a planar map needs
    cx = pr.enumerate_regions(networks.coordinate(3), pr.Box([-1] * 3, [1] * 3))
    labels = np.arange(len(cx))
    everyone = np.array(list(combinations(range(len(cx)), 2)))
    fake = type("Fake", (), {"edges": everyone, "__len__": lambda self: len(labels)})()

    assert len(set(map(tuple, colors.map_colors(fake, labels)))) == 8


DOCS = Path(__file__).resolve().parents[1] / "docs" / "linear_regions.md"


def test_docs(tmp_path, monkeypatch):
    names = {}
    runner = doctest.DocTestRunner()
    test = doctest.DocTestParser().get_doctest(DOCS.read_text(), names, "docs", str(DOCS), 0)
    assert runner.run(test, clear_globs=False) == (0, 11)

    (drawing,) = re.findall(r"```python\n(# draws.*?)```", DOCS.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(drawing, test.globs)
    assert Path("linear_regions.png").stat().st_size > 10_000
    assert (DOCS.parent / "linear_regions.png").exists()
