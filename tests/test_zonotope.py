"""Zonotopes: closed forms, brute force over all signs, cdd, and the bridge to linear regions."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import combinations, permutations, product
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import difference, resonance

import polyrelu as pr
from polyrelu.exact import integer_matrix
from polyrelu.zonotope import Zonotope, generic_generators, most_vertices, zonotopes_of


def points(array):
    return [tuple(row) for row in array.tolist()]


@st.composite
def zonotopes(draw, max_n=3, max_m=5):
    """Draw integer zonotopes: zero, parallel, repeated and opposite generators are common."""
    n = draw(st.integers(1, max_n))
    row = st.lists(st.integers(-2, 2), min_size=n, max_size=n)
    generators = draw(st.lists(row, max_size=max_m))
    center = draw(st.lists(st.integers(-2, 2), min_size=n, max_size=n))
    return Zonotope(np.array(generators, dtype=int).reshape(len(generators), n), center)


def all_sums(Z):
    """Return center + sum s_i b_i for all 2^m sign vectors."""
    return {
        tuple(c + sum(s * b[k] for s, b in zip(signs, Z.generators, strict=True)) for k, c in enumerate(Z.center))
        for signs in product((1, -1), repeat=Z.m)
    }


def value(a, x):
    return sum(u * v for u, v in zip(a, x, strict=True))


# -- closed forms ---------------------------------------------------------------------
@pytest.mark.parametrize("n", [2, 3, 4])
def test_permutohedron(n):
    Z = Zonotope([[F(v, 2) for v in difference(n, i, j)] for i, j in combinations(range(n), 2)])
    expected = {tuple(F(n - 1, 2) - v for v in order) for order in permutations(range(n))}

    assert set(points(Z.vertices())) == expected
    assert (Z.dimension, len(Z.facets()), Z.volume()) == (n - 1, 2**n - 2, 0)
    # one unit cell for every spanning tree of the complete graph, once a coordinate is dropped
    assert Z.projection(range(n - 1)).volume() == n ** (n - 2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_type_b(n):
    pairs = [difference(n, i, j, s) for i, j in combinations(range(n), 2) for s in (1, -1)]
    Z = Zonotope(pairs + np.eye(n, dtype=int).tolist())

    assert len(Z.vertices()) == 2**n * factorial(n)
    # a facet for every nonempty set of signed coordinates
    assert len(Z.facets()) == 3**n - 1


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_cube(n):
    Z = Zonotope(np.eye(n, dtype=int))

    assert sorted(points(Z.vertices())) == sorted(product((-1, 1), repeat=n))
    assert (len(Z.facets()), Z.volume()) == (2 * n, 2**n)
    assert Z.polytope().volume() == 2**n


@pytest.mark.parametrize(("n", "m"), [(1, 3), (2, 1), (2, 7), (3, 2), (3, 6), (4, 6)])
def test_generic_zonotopes(n, m):
    Z = Zonotope(generic_generators(n, m))

    assert Z.in_general_position()
    assert len(Z.vertices()) == most_vertices(n, m) == 2 * sum(comb(m - 1, i) for i in range(n))
    assert len(Z.facets()) == (2 * comb(m, n - 1) if m >= n else 2 * m)
    dets = [integer_matrix(rows, n).det() for rows in combinations(generic_generators(n, m), n)]
    assert Z.volume() == 2**n * sum(map(abs, dets))


@pytest.mark.parametrize("n", [2, 3])
def test_resonance_zonotope_has_the_chambers_of_its_arrangement(n):
    normals = [row for row in product((0, 1), repeat=n) if any(row)]

    assert len(Zonotope(normals).vertices()) == pr.count_regions(resonance(n)) == {2: 6, 3: 32}[n]


# -- against all sign vectors, and every answer against the others ---------------------
@given(zonotopes())
@settings(max_examples=25)
def test_random_zonotopes(Z):
    vertices, sums = points(Z.vertices()), all_sums(Z)
    # a sum of signed generators is a vertex iff some direction, perturbed generically, is maximal there
    corners = {Z.support_vector(r) for r in product(range(-3, 4), repeat=Z.n) if any(r)} or {Z.center}

    assert len(set(vertices)) == len(vertices) and set(vertices) <= sums and corners <= set(vertices)
    signs = Z.sign_vectors.tolist()
    for v, s in zip(vertices, signs, strict=True):
        assert v == tuple(c + value(s, [b[k] for b in Z.generators]) for k, c in enumerate(Z.center))
        assert [a == 0 for a in s] == [not any(b) for b in Z.generators]
    P = Z.polytope()
    assert sorted(points(P.vertices())) == sorted(vertices)
    assert (P.dimension(), P.volume()) == (Z.dimension, Z.volume())
    assert len(P.irredundant()) == len(P)
    for x in sums:
        assert Z.contains(x) and P.contains(x)
    net = Z.network()
    assert net.widths == ((2 * Z.m,) if Z.m else ())
    for r in [(1,) * Z.n, (2, -1, 3)[: Z.n], (0, 1, 0)[: Z.n]]:
        h = Z.support_function(r)
        assert h == max(value(r, x) for x in sums) == value(r, Z.support_vector(r)) == net(list(r))[0]
        assert set(points(Z.face(r).vertices())) == {v for v in vertices if value(r, v) == h}


@given(zonotopes(max_m=4), st.lists(st.fractions(-4, 4, max_denominator=3), min_size=3, max_size=3))
@settings(max_examples=30)
def test_membership(Z, x):
    x = x[: Z.n]
    inside, P = Z.contains(x), Z.polytope()

    assert inside == P.contains(x)
    assert Z.contains(x, strict=True) == (Z.dimension == Z.n and P.contains(x, strict=True))
    found = Z.coefficients(x)
    if inside:
        assert all(abs(v) <= 1 for v in found)
        assert list(x) == [c + value(found, [b[k] for b in Z.generators]) for k, c in enumerate(Z.center)]


@given(zonotopes(max_n=2, max_m=4), zonotopes(max_n=2, max_m=3))
@settings(max_examples=30)
def test_sums_and_images(Z, Y):
    if Z.n == Y.n:
        S = Z.minkowski_sum(Y)
        assert S == Y.minkowski_sum(Z) and hash(S) == hash(Y.minkowski_sum(Z))
        for r in product((-2, 1, 3), repeat=Z.n):
            assert S.support_function(r) == Z.support_function(r) + Y.support_function(r)
    image = Z.affine_image([[2] * Z.n, [1] + [0] * (Z.n - 1)], [1, -1])
    moved = {(2 * sum(x) + 1, x[0] - 1) for x in all_sums(Z)}
    assert set(points(image.vertices())) <= moved and all(image.contains(x) for x in moved)
    assert set(points(Z.projection([0]).vertices())) == {(min(v),) for v in [[x[0] for x in all_sums(Z)]]} | {
        (max(x[0] for x in all_sums(Z)),)
    }


def test_zonotopes_against_cdd():
    cdd = pytest.importorskip("cdd")
    pytest.importorskip("cdd.gmp")
    for Z in (
        Zonotope(generic_generators(3, 6), [F(1, 3), 0, 2]),
        Zonotope([[1, 0, 1], [0, 1, 1], [1, 1, 2], [0, 0, 1]]),
        Zonotope([[1, 0, 1], [0, 1, 1], [1, 1, 2]]),  # flat
    ):
        table = [[F(1), *x] for x in all_sums(Z)]
        matrix = cdd.gmp.matrix_from_array(table, rep_type=cdd.RepType.GENERATOR)
        redundant = cdd.gmp.redundant_rows(matrix)
        assert set(points(Z.vertices())) == {tuple(row[1:]) for i, row in enumerate(table) if i not in redundant}
        faces = cdd.gmp.copy_inequalities(cdd.gmp.polyhedron_from_matrix(matrix))
        assert len(Z.facets()) == len(faces.array) - len(faces.lin_set)
        assert Z.n - Z.dimension == len(faces.lin_set)


# -- degenerate -----------------------------------------------------------------------
def test_points_and_segments():
    dot = Zonotope(np.zeros((0, 2)), [1, 2])
    same = Zonotope([[0, 0], [0, 0]], [1, 2])
    segment = Zonotope([[1, 1], [0, 0], [-2, -2]])

    for Z in (dot, same):
        assert points(Z.vertices()) == [(1, 2)]
        assert (Z.dimension, Z.volume(), Z.facets()) == (0, 0, [])
        assert Z.contains([1, 2]) and not Z.contains([1, 2], strict=True) and not Z.contains([1, 3])
    assert dot == same and dot.network()([3, 4])[0] == 11
    assert sorted(points(segment.vertices())) == [(-3, -3), (3, 3)]
    assert [n for n, _ in segment.facets()] == [(-1, -1), (1, 1)]
    assert segment == Zonotope([[3, 3]]) != Zonotope([[3, 2]])
    assert not segment.in_general_position() and Zonotope([[1, 1]]).in_general_position()
    assert dot.vertex_of_region("") == 0


def test_flat_zonotopes_of_many_coordinates_use_few():
    rows = [[1, t, t * t, 1 + t, 5 * t, t - 1, 2 * t * t, 0, 7] for t in range(6)]
    Z = Zonotope(rows)

    assert (Z.dimension, Z.arrangement.network.input_dim) == (3, 3)
    assert len(Z.vertices()) == most_vertices(3, 6) == 32


def test_what_cannot_be():
    Z = Zonotope([[1, 0], [0, 1]])
    with pytest.raises(pr.InputError, match="generators have no coordinates"):
        Zonotope(np.zeros((2, 0)))
    with pytest.raises(pr.InputError, match="center has 3 coordinates; the generators have 2"):
        Zonotope([[1, 0]], [0, 0, 0])
    with pytest.raises(pr.InputError, match="direction has 1 coordinates; this zonotope lies in R\\^2"):
        Z.support_function([1])
    with pytest.raises(pr.InputError, match="a sum needs one space"):
        Z.minkowski_sum(Zonotope([[1]]))
    with pytest.raises(pr.InputError, match="'1111' is no region"):
        Z.vertex_of_region("1111")
    with pytest.raises(pr.InputError, match="name distinct ones from 0 to 1"):
        Z.projection([0, 0])


# -- vertices and linear regions ------------------------------------------------------
@given(zonotopes(max_n=2, max_m=4))
@settings(max_examples=30)
def test_linear_regions_are_vertices(Z):
    net = Z.network()
    cx = pr.enumerate_regions(net, pr.Box([-1] * Z.n, [1] * Z.n), progress=False)
    vertices = points(Z.vertices())
    named = [Z.vertex_of_region(region.pattern) for region in cx]

    assert sorted(named) == list(range(len(vertices)))
    assert cx.linear_regions().count == len(vertices)
    for i, region in zip(named, cx, strict=True):
        assert tuple(region.affine_map.forms.fractions()[0]) == (*vertices[i], 0)


def homogeneous(net):
    """Return the rows (w, b) of the hidden layer."""
    block, bias = net.layers[0].blocks.get(0), net.layers[0].bias.fractions().tolist()
    rows = [[0] * net.input_dim] * len(bias) if block is None else block.fractions().tolist()
    return [[*w, b] for w, (b,) in zip(rows, bias, strict=True)]


def one_layer(case):
    rows, outer, end = case
    return pr.ReluNetwork([[row[:2] for row in rows], [outer[: len(rows)]]], [[row[2] for row in rows], [end]])


@given(
    st.tuples(
        st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=5),
        st.lists(st.integers(-2, 2), min_size=5, max_size=5),
        st.integers(-2, 2),
    ).map(one_layer)
)
@settings(max_examples=30)
def test_one_layer_is_a_difference_of_support_functions(net):
    P, N = zonotopes_of(net)
    for x in product((-2, F(1, 3), 1), repeat=2):
        lifted = (*x, 1)
        assert net(list(x))[0] == P.support_function(lifted) - N.support_function(lifted)
    # homogenised with the plane at infinity, every region of the plane appears twice, as a cone and its opposite
    outer = net.layers[1].blocks.get(1)
    rows = [v for u, v in zip(outer.fractions()[0] if outer else [], homogeneous(net), strict=False) if u]
    lines = pr.ReluNetwork([[v[:2] for v in rows] or [[0, 0]], [[1] * max(1, len(rows))]], [[v[2] for v in rows] or [0], [0]])
    both = P.minkowski_sum(N).minkowski_sum(Zonotope([[0, 0, 1]]))
    assert len(both.vertices()) == 2 * pr.count_regions(lines, None, progress=False)


def test_two_vertices_in_one_dimension_take_one_generator():
    """In general position is enough for most_vertices; for n = 1 it is not necessary."""
    Z = Zonotope([[1], [0]])
    assert len(Z.vertices()) == most_vertices(1, 2) == 2 and not Z.in_general_position()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda Z: Z.projection(0), "coordinates are 0; give a list of whole numbers"),
        (lambda Z: Z.projection([0.5]), "coordinates are \\[0.5\\]; give a list of whole numbers"),
        (lambda Z: Z.projection([0, 0]), "name distinct ones from 0 to 1"),
        (lambda Z: Z.minkowski_sum(3), "3 is no zonotope; give a Zonotope"),
        (lambda Z: most_vertices(2, -3), "n = 2 and m = -3; give whole numbers"),
        (lambda Z: generic_generators(2, 1.5), "n = 2 and m = 1.5; give whole numbers"),
    ],
)
def test_arguments_of_a_wrong_kind(call, message):
    with pytest.raises(pr.InputError, match=message):
        call(Zonotope([[1, 0], [0, 1]]))


def test_many_generators_do_not_mean_two_to_the_many():
    Z = Zonotope(generic_generators(3, 40))

    assert len(Z.vertices()) == most_vertices(3, 40) == 2 * (1 + 39 + 741)
