"""Level sets and decision boundaries: known shapes, every region cut by itself, chains, meshes, files."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction as F
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, he_network, max_chain
from strategies import networks_in_boxes

import polyrelu as pr


def complex_of(net, lo, hi):
    return pr.enumerate_regions(net, pr.Box(lo, hi), progress=False)


def absolute_sum(d):
    """Return |x_1| + .. + |x_d|."""
    rows = [[s * int(i == k) for i in range(d)] for k in range(d) for s in (1, -1)]
    return build([(rows, [0] * 2 * d), ([[1] * 2 * d], [0])])


def shape(vertices):
    """Name a polytope by its vertices."""
    return frozenset(map(tuple, vertices.tolist()))


# -- known shapes ---------------------------------------------------------------------
def test_a_diamond():
    b = complex_of(absolute_sum(2), [-2, -2], [2, 2]).level_set(0, 1)
    (ring,) = b.polylines()

    assert (len(b), b.full, ring.closed, len(ring.points)) == (4, [], True, 5)
    assert {tuple(p) for p in ring.points.tolist()} == {(1, 0), (0, 1), (-1, 0), (0, -1)}
    # larger values on the left: clockwise around 0
    assert sum(p[0] * q[1] - p[1] * q[0] for p, q in pairwise(ring.points)) == -4
    assert b.length.squares == (F(2),) * 4
    assert abs(float(b.length) - 4 * math.sqrt(2)) <= b.length.error + 1e-15
    assert all(len(p.regions) == 1 and p.crossing and not p.wall for p in b.pieces)


def test_an_octahedron():
    b = complex_of(absolute_sum(3), [-2] * 3, [2] * 3).level_set(0, 1)
    mesh = b.mesh()

    assert (len(b), mesh.vertices.shape, mesh.triangles.shape) == (8, (6, 3), (8, 3))
    assert mesh.boundary_edges().shape == (0, 2)
    assert set(b.area.squares) == {F(3, 4)}
    # counterclockwise from outside: the volume by the divergence theorem is positive
    corners = mesh.vertices[mesh.triangles].astype(float)
    assert sum(np.linalg.det(c) for c in corners) / 6 == pytest.approx(4 / 3)


def test_points_on_a_line_and_pieces_in_four_dimensions():
    b = complex_of(absolute_sum(1), [-2], [3]).level_set(0, F(1, 3))
    assert sorted(p.vertices.tolist()[0][0] for p in b.pieces) == [F(-1, 3), F(1, 3)]
    assert float(b.measure) == 2

    b = complex_of(absolute_sum(4), [-2] * 4, [2] * 4).level_set(0, 1)
    assert (len(b), set(b.measure.squares)) == (16, {F(4, 36)})  # simplices of volume sqrt(4) / 3!
    assert all(len(p.vertices) == 4 and p.polytope.dimension() == 3 for p in b.pieces)


def test_max_of_two_against_the_diagonal():
    net = pr.ReluNetwork([[[1, 0], [0, 1], [-1, 0], [0, -1]], [[1, 0, -1, 0], [0, 1, 0, -1]]], [[0] * 4, [0, 0]])
    cx = complex_of(net, [-1, -2], [3, 2])
    (chain,) = cx.decision_boundary(0, 1).polylines()

    assert [tuple(p) for p in chain.points.tolist()] in ([(-1, -1), (0, 0), (2, 2)], [(2, 2), (0, 0), (-1, -1)])
    assert cx.decision_boundary(1, 0).length.squares == cx.decision_boundary(0, 1).length.squares
    assert [p.classes for p in cx.class_boundary().pieces] == [((0,), (1,))] * 2
    assert cx.class_boundary("argmin").pieces[0].classes == ((0,), (1,))


def test_a_facet_shared_by_two_regions_is_one_piece():
    net = build([([[1, 1], [-1, -1], [1, -1]], [0, 0, 0]), ([[1, -1, 0]], [0])])  # x + y, kink on its zero set
    b = complex_of(net, [-1, -1], [1, 1]).level_set()

    assert [len(p.regions) for p in b.pieces] == [2, 2]
    assert {shape(p.vertices) for p in b.pieces} == {
        frozenset({(F(-1), F(1)), (F(0), F(0))}), frozenset({(F(0), F(0)), (F(1), F(-1))})
    }  # fmt: skip


def test_touching_and_walls():
    net = build([([[1, 0], [-1, 0]], [0, 0]), ([[1, 1]], [0])])  # |x|
    (piece,) = complex_of(net, [-1, 0], [1, 1]).level_set().pieces
    assert (piece.crossing, piece.wall, piece.regions) == (False, False, (0, 1))

    (piece,) = complex_of(net, [0, 0], [1, 1]).level_set().pieces
    assert (piece.crossing, piece.wall, len(piece.regions)) == (False, True, 1)

    b = complex_of(absolute_sum(2), [-1, -1], [1, 1]).level_set()  # a single point has no piece
    assert (b.pieces, b.full, b.polylines(), float(b.length)) == ([], [], [], 0.0)


def test_full_regions():
    net = build([([[1, 0], [0, 1]], [0, 0]), ([[1, 0]], [0])])  # relu(x), zero on two of four regions
    b = complex_of(net, [-1, -1], [1, 1]).level_set()
    assert (b.pieces, b.full) == ([], [0, 1])

    zero = complex_of(build([([[1, 0], [0, 1]], [0, 0]), ([[0, 0]], [5])]), [-1, -1], [1, 1])
    assert (zero.level_set(0, 5).full, zero.level_set(0, 5).pieces, zero.level_set().full) == ([0, 1, 2, 3], [], [])
    twice = complex_of(build([([[1, 1]], [0]), ([[1], [1]], [0, 0])]), [-1, -1], [1, 1])
    assert twice.decision_boundary(0, 1).full == [0, 1]
    assert twice.class_boundary().full == [0, 1]


def test_a_network_without_hidden_layer_and_one_with_an_output_relu():
    b = complex_of(build([([[1, 2]], [-1])]), [-1, -1], [1, 1]).level_set(0, "1/2")
    assert [shape(p.vertices) for p in b.pieces] == [frozenset({(F(-1, 2), F(1)), (F(1), F(1, 4))})]

    net = pr.ReluNetwork([[[1, 0]], [[1]]], [[0], [-1]], output_relu=True)  # relu(relu(x) - 1)
    cx = complex_of(net, [-1, 0], [3, 1])
    assert [p.vertices[0, 0] for p in cx.level_set(0, F(1, 2)).pieces] == [F(3, 2)]
    assert len(cx.level_set().full) == 2


# -- against cutting every region by itself -------------------------------------------
@settings(max_examples=18)
@given(networks_in_boxes(max_neurons=5), st.sampled_from([F(0), F(1), F(-1, 2)]))
def test_pieces_against_every_region(case, value):
    net, (lo, hi) = case
    cx = complex_of(net, lo, hi)
    d, expected, full = net.input_dim, set(), []
    for region in cx:
        *a, c = region.affine_map.forms.fractions()[0].tolist()
        if not any(a) and c == value:
            full.append(region.index)
        rows = [[-v for v in row[:-1]] for row in region.polytope.rows] + [a, [-v for v in a]]
        b = [row[-1] for row in region.polytope.rows] + [value - c, c - value]
        cut = pr.HPolytope(np.array(rows, dtype=object).reshape(-1, d), b)
        if cut.dimension() == d - 1:
            expected.add(shape(cut.vertices()))
    inside = {s for s in expected for i in full if all(cx[i].contains(v) for v in s)}

    b = cx.level_set(0, value)
    found = [shape(p.vertices) for p in b.pieces]
    assert b.full == full
    assert len(set(found)) == len(found)
    assert set(found) == expected - inside
    for piece in b.pieces:
        assert shape(piece.polytope.vertices()) == shape(piece.vertices)
        assert all(cx[i].contains(v) for i in piece.regions for v in piece.vertices.tolist())
        assert [v for v in net(piece.vertices)[:, 0]] == [value] * len(piece.vertices)


@settings(max_examples=18)
@given(networks_in_boxes(d=2, max_neurons=6))
def test_polylines_use_every_segment_once(case):
    net, (lo, hi) = case
    b = complex_of(net, lo, hi).level_set(0, F(1, 2))
    chains = b.polylines()
    ends = Counter(tuple(v) for p in b.pieces for v in p.vertices.tolist())

    steps = [frozenset(map(tuple, pair)) for c in chains for pair in pairwise(c.points.tolist())]
    assert sorted(map(sorted, steps)) == sorted(sorted(shape(p.vertices)) for p in b.pieces)
    for chain in chains:
        assert all(ends[tuple(v)] == 2 for v in chain.points[1:-1].tolist())
        assert chain.closed == (tuple(chain.points[0]) == tuple(chain.points[-1]))
        assert chain.closed or ends[tuple(chain.points[0])] != 2


def check_watertight(cx, mesh):
    """Assert that every edge inside the domain belongs to an even number of triangles."""
    pairs = Counter(tuple(sorted((t[k], t[k - 1]))) for t in mesh.triangles.tolist() for k in range(3))
    for (i, j), count in pairs.items():
        p, q = mesh.vertices[i], mesh.vertices[j]
        on_wall = any(p[k] == q[k] == bound[k] for k in range(3) for bound in (cx.domain.lower, cx.domain.upper))
        assert on_wall or count % 2 == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_meshes_of_random_networks_are_watertight(seed):
    cx = complex_of(he_network((3, 8, 8, 1), seed), [-1] * 3, [1] * 3)
    middle = sum(cx.range(), F(0)) / 2
    mesh = cx.level_set(0, middle).mesh()

    assert len(mesh.triangles) > 0
    check_watertight(cx, mesh)
    assert [tuple(v) for v in mesh.vertices.tolist()] == sorted({tuple(v) for v in mesh.vertices.tolist()})
    assert (cx.network(mesh.vertices)[:, 0] == middle).all()
    # no vertex lies inside an edge: there are no T-junctions
    edges = {tuple(sorted((t[k], t[k - 1]))) for t in mesh.triangles.tolist() for k in range(3)}
    points = mesh.vertices.astype(float)
    for i, j in edges:
        u, w = points[j] - points[i], points - points[i]
        t = w @ u / (u @ u)
        near = (np.linalg.norm(w - t[:, None] * u, axis=1) < 1e-12) & (t > 1e-9) & (t < 1 - 1e-9)
        assert not near.any()


@settings(max_examples=18)
@given(networks_in_boxes(d=3, max_neurons=4))
def test_meshes_of_degenerate_networks_are_watertight(case):
    net, (lo, hi) = case
    cx = complex_of(net, lo, hi)
    b = cx.level_set(0, F(1, 3))
    crossing = [p for p in b.pieces if p.crossing]
    if not b.full:
        check_watertight(cx, type(b)(cx, b.refined, crossing, b.solid).mesh())


@settings(max_examples=18)
@given(networks_in_boxes(max_neurons=4), st.sampled_from(["argmax", "argmin"]))
def test_boundaries_of_classes(case, classes):
    net, (lo, hi) = case
    cx, best = complex_of(net, lo, hi), max if classes == "argmax" else min
    shares, b = cx.class_shares(classes), cx.class_boundary(classes)

    assert all(len(w) == 1 for p in b.pieces for w in p.classes) or b.full
    for piece in b.pieces:
        values = net(np.array([np.sum(piece.vertices, axis=0) / len(piece.vertices)], dtype=object))[0].tolist()
        tied = {k for k, v in enumerate(values) if v == best(values)}
        assert set(piece.classes[0]) | set(piece.classes[1]) <= tied
        assert all(shares[w if len(w) > 1 else w[0]] > 0 for w in piece.classes)
    assert (sum(v > 0 for v in shares.values()) > 1) == bool(b.pieces)


# -- files ----------------------------------------------------------------------------
def test_obj_and_ply(tmp_path):
    b = complex_of(absolute_sum(3), [-2] * 3, [2] * 3).level_set(0, 1)
    b.save(tmp_path / "x.obj")
    lines = (tmp_path / "x.obj").read_text().splitlines()
    vertices = [tuple(map(float, line.split()[1:])) for line in lines if line.startswith("v ")]
    faces = [tuple(int(v) - 1 for v in line.split()[1:]) for line in lines if line.startswith("f ")]
    mesh = b.mesh()
    assert vertices == [tuple(map(float, v)) for v in mesh.vertices.tolist()]
    assert faces == [tuple(t) for t in mesh.triangles.tolist()]

    b.save(tmp_path / "x.ply")
    text = (tmp_path / "x.ply").read_text()
    head, body = text.split("end_header\n")
    assert head.startswith("ply\nformat ascii 1.0\nelement vertex 6\n") and "element face 8\n" in head
    assert body.splitlines()[:6] == [" ".join(map(repr, map(float, v))) for v in mesh.vertices.tolist()]
    assert body.splitlines()[6:] == [f"3 {a} {b} {c}" for a, b, c in mesh.triangles.tolist()]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.obj", "x.ply"]


def test_lines_in_files(tmp_path):
    b = complex_of(absolute_sum(2), [-2, -2], [2, 2]).level_set(0, 1)
    b.save(tmp_path / "x.obj")
    lines = (tmp_path / "x.obj").read_text().splitlines()
    assert [line[0] for line in lines] == ["#", *"vvvv", *"llll"] and lines[1] == "v -1.0 0.0 0.0"
    b.save(tmp_path / "x.ply")
    assert "element edge 4\nproperty int vertex1\n" in (tmp_path / "x.ply").read_text()


def test_an_empty_boundary_is_written(tmp_path):
    for d in (2, 3):
        complex_of(absolute_sum(d), [-1] * d, [1] * d).level_set(0, 9).save(tmp_path / "x.obj")
        assert (tmp_path / "x.obj").read_text() == "# polyrelu\n"


# -- pictures -------------------------------------------------------------------------
def test_pictures_of_classes_and_boundaries():
    figure = pytest.importorskip("matplotlib.figure")
    net = pr.ReluNetwork([[[1, 0]], [[1], [0], [-1]]], [[0], [0, 0, 0]])
    cx = complex_of(net, [-1, -1], [2, 2])
    ax = cx.plot_classes(figure.Figure().subplots(), labels=["a", "b", "c"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "a = b = c"]
    assert len(ax.collections[0].get_paths()) == 2
    ax = complex_of(absolute_sum(2), [-2, -2], [2, 2]).level_set(0, 1).plot(figure.Figure().subplots())
    assert [len(s) for s in ax.collections[0].get_segments()] == [5]
    space = figure.Figure().subplots(subplot_kw={"projection": "3d"})
    complex_of(absolute_sum(3), [-2] * 3, [2] * 3).level_set(0, 1).plot(space)
    assert len(space.collections) == 1 and space.get_zlim() == (-2, 2)
    with pytest.raises(pr.InputError, match="2 labels for 3 outputs"):
        cx.plot_classes(labels=["a", "b"])
    with pytest.raises(pr.InputError, match="drawn for 2 or 3 inputs"):
        complex_of(absolute_sum(1), [-2], [2]).level_set(0, 1).plot()


# -- bad input ------------------------------------------------------------------------
def test_bad_input(tmp_path):
    cx = complex_of(absolute_sum(2), [-1, -1], [1, 1])
    b = cx.level_set(0, F(1, 2))
    with pytest.raises(pr.ModelError, match="a boundary is saved as .obj, .ply"):
        b.save(tmp_path / "x.stl")
    with pytest.raises(pr.ModelError, match="its directory does not exist"):
        b.save(tmp_path / "no" / "x.obj")
    for ask in (b.mesh, lambda: b.area):
        with pytest.raises(pr.InputError, match="needs 3 inputs and the network has 2"):
            ask()
    with pytest.raises(pr.InputError, match="output is 1; this network has outputs 0 to 0"):
        cx.decision_boundary(0, 1)
    with pytest.raises(pr.InputError, match="outputs 0 and 0 are the same"):
        cx.decision_boundary(0, 0)
    with pytest.raises(pr.InputError, match="needs 3 inputs"):
        complex_of(absolute_sum(4), [-1] * 4, [1] * 4).level_set(0, 1).save(tmp_path / "x.obj")
    part = pr.enumerate_regions(absolute_sum(2), pr.Box([-1, -1], [1, 1]), limit=2, progress=False)
    with pytest.raises(pr.InputError, match="incomplete, so a level set would be as well"):
        part.level_set()
    whole = pr.enumerate_regions(max_chain(2), None, progress=False)
    with pytest.raises(pr.DomainError, match="unbounded"):
        whole.level_set()


def test_a_length_beyond_floats_is_infinite():
    huge = 10**400
    net = pr.ReluNetwork([[[1, 0], [-1, 0]], [[1, -1]]], [[0, 0], [0]])
    length = complex_of(net, [-huge] * 2, [huge] * 2).level_set(0, 0).length
    assert (float(length), length.error) == (float("inf"), float("inf")) and "inf" in repr(length)
