"""All faces with signs, Euler's relation, Betti numbers: closed forms, and ranks over GF(2)."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import arrangement, build, cube_planes, max_chain, tents
from strategies import networks_in_boxes

import polyrelu as pr
from polyrelu.faces import Faces, betti_numbers
from polyrelu.refine import Neuron, functional, refine


def complex_of(net, lo, hi):
    return pr.enumerate_regions(net, pr.Box(lo, hi), progress=False)


def absolute_rows(d):
    return [[s * int(i == k) for i in range(d)] for k in range(d) for s in (1, -1)]


def rank(columns):
    """Return the rank over GF(2) of columns given as bitsets."""
    pivots = {}
    for column in columns:
        while column:
            top = column.bit_length()
            if top not in pivots:
                pivots[top] = column
                break
            column ^= pivots[top]
    return len(pivots)


def homology(faces, members):
    """Return Betti numbers from ranks of boundary matrices over GF(2)."""
    d = len(faces.faces) - 1
    ranks = [0] + [
        rank(sum(1 << f for f in faces.facets[k][i]) for i in np.flatnonzero(members[k]).tolist())
        for k in range(1, d + 1)
    ] + [0]  # fmt: skip
    return tuple(int(members[k].sum()) - ranks[k] - ranks[k + 1] for k in range(d + 1))


# -- f-vectors ------------------------------------------------------------------------
def test_grids():
    assert complex_of(cube_planes(), [-2] * 3, [2] * 3).faces().f_vector == (64, 144, 108, 27)
    grid = arrangement([[1, 0], [1, 0], [0, 1]], [0, 1, 0])
    assert complex_of(grid, [-2, -2], [2, 2]).faces().f_vector == (12, 17, 6)
    for k in (1, 4):
        assert complex_of(tents(k), [0], [1]).faces().f_vector == (2**k + 1, 2**k)
    single = complex_of(build([([[1, 1, 1]], [0])]), [0] * 3, [1] * 3).faces()
    assert (single.f_vector, single.euler_characteristic) == ((8, 12, 6, 1), 1)


def test_planes_through_a_point():
    # three coordinate planes in a cube: 3^3 points of the grid with steps 1, as for each face of dimension k
    cx = complex_of(arrangement(np.eye(3, dtype=int).tolist()), [-1] * 3, [1] * 3)
    faces = cx.faces()

    assert faces.f_vector == (27, 54, 36, 8)
    center = faces.vertices.tolist().index([0, 0, 0])
    assert faces.signs[0][center].tolist() == [0, 0, 0]
    assert sorted(np.abs(faces.signs[2]).sum(axis=1).tolist()) == [2] * 12 + [3] * 24
    assert faces.signs[3].tolist() == (2 * cx.patterns.astype(int) - 1).tolist()


def test_a_domain_that_is_no_box():
    triangle = pr.HPolytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    cx = pr.enumerate_regions(arrangement([[1, -1]]), triangle, progress=False)
    assert cx.faces().f_vector == (4, 5, 2)


@settings(max_examples=30)
@given(networks_in_boxes(max_neurons=5))
def test_signs_are_those_of_exact_evaluation(case):
    net, (lo, hi) = case
    faces = complex_of(net, lo, hi).faces()

    assert faces.euler_characteristic == 1
    for k, part in enumerate(faces.faces):
        centers = np.array([np.sum(faces.vertices[list(f)], axis=0) / len(f) for f in part], dtype=object)
        assert (faces.signs[k] == np.sign(net.preactivations(centers)).astype(int)).all()
        assert len(set(part)) == len(part)
    d = net.input_dim
    for k in range(1, d + 1):
        assert all(set().union(*(faces.faces[k - 1][f] for f in fs)) == set(v)
                   for v, fs in zip(faces.faces[k], faces.facets[k], strict=True))  # fmt: skip


@settings(max_examples=15)
@given(networks_in_boxes(d=3, max_neurons=4))
def test_boundaries_have_no_boundary(case):
    net, (lo, hi) = case
    faces = complex_of(net, lo, hi).faces()
    for k in (2, 3):
        for fs in faces.facets[k]:
            total = 0
            for f in fs:
                for e in faces.facets[k - 1][f]:
                    total ^= 1 << e
            assert total == 0


# -- Betti numbers --------------------------------------------------------------------
def test_an_annulus():
    # | |x| + |y| - 2 | <= 1/2
    net = build([(absolute_rows(2), [0] * 4), ([[1] * 4, [-1] * 4], [-2, 2]), ([[1, 1]], [0])])
    cx = complex_of(net, [-3, -3], [3, 3])

    assert cx.betti_numbers(0, F(1, 2)) == (1, 1)
    assert cx.betti_numbers(0, F(1, 2), "level") == (2, 2)
    assert cx.betti_numbers(0, F(1, 2), "superlevel") == (2, 1)
    assert cx.betti_numbers(0, 0) == (1, 1)  # a circle, touched from both sides
    assert cx.betti_numbers(0, -1) == (0, 0)
    assert cx.betti_numbers(0, 100) == (1, 0)


def test_a_shell():
    net = build([(absolute_rows(3), [0] * 6), ([[1] * 6, [-1] * 6], [-2, 2]), ([[1, 1]], [0])])
    cx = complex_of(net, [-3] * 3, [3] * 3)

    assert cx.betti_numbers(0, F(1, 2)) == (1, 0, 1)
    assert cx.betti_numbers(0, F(1, 2), "level") == (2, 0, 2)
    # the center, and the cube's frame: twelve thick edges between eight corners
    assert cx.betti_numbers(0, 2, "superlevel") == (2, 5, 0)


def test_a_torus():
    # | |x| + |y| - 2 | + |z| <= 1/2
    first = absolute_rows(3)
    second = [[1, 1, 1, 1, 0, 0], [-1, -1, -1, -1, 0, 0], [0, 0, 0, 0, 1, 1]]
    net = build([(first, [0] * 6), (second, [-2, 2, 0]), ([[1, 1, 1]], [0])])
    cx = complex_of(net, [-3, -3, -1], [3, 3, 1])

    assert cx.betti_numbers(0, F(1, 2)) == (1, 1, 0)
    assert cx.betti_numbers(0, F(1, 2), "level") == (1, 2, 1)
    mesh = cx.level_set(0, F(1, 2)).mesh()
    edges = {tuple(sorted((t[k], t[k - 1]))) for t in mesh.triangles.tolist() for k in range(3)}
    assert len(mesh.vertices) - len(edges) + len(mesh.triangles) == 0
    assert len(mesh.boundary_edges()) == 0


def test_single_points_count():
    net = build([(absolute_rows(2), [0] * 4), ([[1] * 4], [0])])
    cx = complex_of(net, [-1, -1], [1, 1])

    assert cx.betti_numbers() == cx.betti_numbers(0, 0, "level") == (1, 0)
    assert cx.betti_numbers(0, 2, "superlevel") == (4, 0)
    line = complex_of(tents(3), [0], [1])
    assert (line.betti_numbers(), line.betti_numbers(0, F(1, 2)), line.betti_numbers(0, 1, "level")) == ((5,), (5,), (4,))


def affine(rows, shift):
    return pr.ReluNetwork([rows], [shift])


def test_boundaries_of_three_and_more_classes():
    # the diagonals' four quarters; a fifth class that is always 1/2 puts a square island into their center
    quarters, zero = [[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0]
    cross = complex_of(affine(quarters, [0] * 4), [-1, -1], [1, 1])
    assert (len(cross.class_boundary()), cross.class_boundary().betti_numbers()) == (4, (1, 0))
    island = complex_of(affine([*quarters, zero], [0] * 4 + [F(1, 2)]), [-1, -1], [1, 1]).class_boundary()
    assert (len(island), island.betti_numbers()) == (10, (1, 1))  # x and -x are compared first: two sides in halves
    # in three dimensions a cube, and twelve walls out to the edges of the domain: seven rooms
    sides = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1], [0, 0, 0]]
    room = complex_of(affine(sides, [0] * 6 + [F(1, 2)]), [-1] * 3, [1] * 3).class_boundary()
    assert room.betti_numbers() == (1, 0, 1)
    assert abs(float(room.area) - (6 + 9 * 2**0.5)) <= room.area.error + 1e-13  # a cube of side 1, twelve trapezoids
    # 0, x and 2 x - 1: two points between three intervals; a tie of full dimension is solid
    line = complex_of(affine([[0], [1], [2]], [0, 0, -1]), [-1], [2])
    assert line.class_boundary().betti_numbers() == (2,)
    pair = pr.ReluNetwork([[[1, 0], [0, 1]], [[1, 0], [0, 1]]], [[0, 0], [0, 0]])
    solid = complex_of(pair, [-1, -1], [1, 1]).class_boundary()
    assert (solid.full, solid.betti_numbers(), solid.solid.sum()) == ([0], (1, 0), 1)


def test_a_boundary_of_two_classes_is_a_level_set():
    net = build([(absolute_rows(2), [0] * 4), ([[1] * 4, [-1] * 4], [-2, 2]), ([[1, 1], [0, 0]], [0, F(1, 2)])])
    cx = complex_of(net, [-3, -3], [3, 3])
    assert cx.class_boundary().betti_numbers() == cx.decision_boundary(0, 1).betti_numbers() == (2, 2)
    assert cx.betti_numbers((1, -1), 0, "level") == (2, 2)


@settings(max_examples=18)
@given(networks_in_boxes(max_neurons=5), st.sampled_from([F(0), F(1), F(-1, 2)]))
def test_betti_numbers_of_pieces_are_those_of_the_level_set_without_touching_points(case, value):
    net, (lo, hi) = case
    cx = complex_of(net, lo, hi)
    level = cx.level_set(0, value)
    faces = Faces(level.refined)
    d, N = net.input_dim, net.neurons
    members = [s[:, N] == 0 for s in faces.signs]
    held = [np.zeros(n, bool) for n in faces.f_vector]
    for k in (d, d - 1):  # every facet and region on the level, with its faces
        held[k] |= members[k]
    for k in range(d, 0, -1):
        for i in np.flatnonzero(held[k]):
            held[k - 1][list(faces.facets[k][i])] = True
    assert (*level.betti_numbers(), 0) == homology(faces, held)


@settings(max_examples=18)
@given(networks_in_boxes(max_neurons=5), st.sampled_from([F(0), F(1), F(-1, 2)]))
def test_betti_numbers_against_ranks(case, value):
    net, (lo, hi) = case
    cx = complex_of(net, lo, hi)
    N = net.neurons
    faces = Faces(refine(cx, [Neuron(functional(net, 0), -value)], "a test"))
    signs = [s[:, N] for s in faces.signs]

    for part, members in {
        "sublevel": [s <= 0 for s in signs],
        "level": [s == 0 for s in signs],
        "superlevel": [s >= 0 for s in signs],
    }.items():
        assert (*betti_numbers(cx, 0, value, part), 0) == homology(faces, members)


# -- bad input ------------------------------------------------------------------------
def test_bad_input():
    cx = complex_of(max_chain(2), [-1, -1], [1, 1])
    with pytest.raises(pr.InputError, match="choose 'sublevel', 'level' or 'superlevel'"):
        cx.betti_numbers(part="below")
    part = pr.enumerate_regions(max_chain(2), pr.Box([-1, -1], [1, 1]), limit=1, progress=False).faces()
    assert part.f_vector == (3, 3, 1)
    with pytest.raises(pr.InputError, match="the enumeration is incomplete"):
        part.betti_numbers([np.ones(n, bool) for n in part.f_vector])
    with pytest.raises(pr.InputError, match="members have shapes"):
        cx.faces().betti_numbers([np.ones(1, bool)] * 3)
    with pytest.raises(pr.InputError, match="face 0 of dimension 1 is a member, but not all of its facets are"):
        v, e, r = cx.faces().f_vector
        cx.faces().betti_numbers([np.zeros(v, bool), np.ones(e, bool), np.zeros(r, bool)])
    with pytest.raises(pr.DomainError, match="unbounded"):
        pr.enumerate_regions(max_chain(2), None, progress=False).faces()
    with pytest.raises(pr.InputError, match="up to 3 inputs and the network has 4"):
        complex_of(max_chain(4), [0] * 4, [1] * 4).faces()
