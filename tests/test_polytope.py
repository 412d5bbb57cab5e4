"""Polytopes: ordinary, unbounded, empty, flat and duplicate-row inputs, against closed forms, cddlib and scipy."""

from __future__ import annotations

import math
import sys
from fractions import Fraction as F
from itertools import combinations, permutations, product

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import given, settings

import polyrelu as pr
from polyrelu import double_description
from polyrelu.exact import fraction

SQUARE = pr.Box([0, 0], [1, 1])
TRIANGLE = pr.HPolytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
QUADRANT = pr.HPolytope([[-1, 0], [0, -1]], [0, 0])
STRIP = pr.HPolytope([[0, 1], [0, -1]], [1, 1])
PLANE = pr.HPolytope(np.zeros((0, 2)), [])
EMPTY = pr.HPolytope([[1, 0], [-1, 0], [0, 1]], [0, -1, 7], ["left", "right", "far"])
SEGMENT = pr.HPolytope([[1, 1], [-1, -1], [1, 0], [-1, 0]], [0, 0, 1, 1])  # (1, -1) to (-1, 1)
POINT = pr.Box([2, "1/3"], [2, "1/3"])
DOUBLED = pr.HPolytope([[-1, 0], [0, -1], [1, 1], [2, 2], [-3, 0], [1, 1]], [0, 0, 1, 2, 0, 5])


def points(P: pr.HPolytope) -> list[tuple[F, ...]]:
    return [tuple(v) for v in P.vertices()]


@pytest.mark.parametrize(
    ("P", "dimension", "bounded", "facets", "equalities", "vertices", "volume"),
    [
        (SQUARE, 2, True, [(0,), (1,), (2,), (3,)], [], [(0, 0), (0, 1), (1, 0), (1, 1)], 1),
        (TRIANGLE, 2, True, [(0,), (1,), (2,)], [], [(0, 0), (0, 1), (1, 0)], F(1, 2)),
        # rows 2 and 3 are one facet, row 4 doubles row 0, row 5 is redundant
        (DOUBLED, 2, True, [(0, 4), (1,), (2, 3)], [], [(0, 0), (0, 1), (1, 0)], F(1, 2)),
        (QUADRANT, 2, False, [(0,), (1,)], [], [(0, 0)], None),
        (STRIP, 2, False, [(0,), (1,)], [], [], None),
        (PLANE, 2, False, [], [], [], None),
        (EMPTY, -1, True, [], [0, 1], [], 0),
        (SEGMENT, 1, True, [(2,), (3,)], [0, 1], [(-1, 1), (1, -1)], 0),
        (POINT, 0, True, [], [0, 1, 2, 3], [(2, F(1, 3))], 0),
    ],
    ids=["square", "triangle", "doubled", "quadrant", "strip", "plane", "empty", "segment", "point"],
)
def test_every_kind_of_input(P, dimension, bounded, facets, equalities, vertices, volume):
    assert P.dimension() == dimension
    assert P.is_empty() == (dimension < 0)
    assert P.is_bounded() == bounded
    assert P.facets() == facets
    assert P.implicit_equalities() == equalities
    assert points(P) == vertices
    assert P.vertices().shape == (len(vertices), 2)
    if volume is None:
        with pytest.raises(pr.DomainError, match="unbounded, so it has no volume; intersect it with a Box"):
            P.volume()
    else:
        assert P.volume() == volume
    slim = P.irredundant()
    assert len(slim) == len(facets) + len(equalities)
    assert (slim.dimension(), points(slim)) == (dimension, vertices)


def test_empty_polytopes_name_the_rows_that_contradict():
    for question in (
        EMPTY.interior_point,
        EMPTY.chebyshev_center,
        lambda: EMPTY.support_function([1, 0]),
        lambda: EMPTY.nearest_point([0, 0]),
        lambda: EMPTY.sample(1),
    ):
        with pytest.raises(pr.DomainError, match="is empty.* contradict each other: left, right"):
            question()


def test_interior_points_are_relative_to_the_affine_hull():
    assert TRIANGLE.contains(TRIANGLE.interior_point(), strict=True)
    x, y = SEGMENT.interior_point()
    assert x + y == 0 and -1 < x < 1
    assert POINT.interior_point() == (2, F(1, 3))


def test_support():
    assert TRIANGLE.support_function([2, 1]) == 2
    assert TRIANGLE.support_vector([2, 1]) == (1, 0)
    assert QUADRANT.support_function([-1, -2]) == 0
    assert QUADRANT.support_function([0, 1]) == math.inf
    assert SEGMENT.support_function(["1/3", 0]) == F(1, 3)
    with pytest.raises(pr.DomainError, match="unbounded in this direction"):
        QUADRANT.support_vector([0, 1])
    with pytest.raises(pr.InputError, match="3 coordinates; expected 2"):
        SQUARE.support_function([1, 2, 3])


def test_bounding_box():
    assert TRIANGLE.bounding_box() == ((0, 0), (1, 1))
    assert QUADRANT.bounding_box() == ((0, 0), (math.inf, math.inf))
    assert PLANE.bounding_box() == ((-math.inf,) * 2, (math.inf,) * 2)
    thirds = pr.Box(["-1/3"], ["1/3"])
    lo, hi = thirds.outer_floats()
    assert F(lo[0]) <= F(-1, 3) and F(hi[0]) >= F(1, 3) and hi[0] == np.nextafter(1 / 3, 1)


def test_membership_is_exact():
    assert TRIANGLE.contains([F(1, 3), F(2, 3)])
    assert not TRIANGLE.contains([F(1, 3), F(2, 3)], strict=True)
    assert not TRIANGLE.contains([F(1, 3), F(2, 3) + F(1, 10**30)])
    # 0.1 + 0.9 is 1 in floats, but the two doubles sum to more than 1
    assert TRIANGLE.contains(np.array([[0.1, 0.9], [0.5, 0.5]])).tolist() == [F(0.1) + F(0.9) <= 1, True]
    with pytest.raises(pr.InputError, match=r"shape \(3,\); expected \(2,\)"):
        SQUARE.contains([1, 2, 3])


def test_chebyshev_center():
    center, radius = pr.Box([0, 0], [2, 4]).chebyshev_center()
    assert center[0] == 1 and 0.999 < radius <= 1
    center, radius = TRIANGLE.chebyshev_center()
    exact = 1 - math.sqrt(0.5)  # the incircle of the right triangle with legs 1
    assert radius <= exact and math.isclose(radius, exact, rel_tol=1e-12)
    _, radius = STRIP.chebyshev_center()
    assert 0.999 < radius <= 1
    for P in (QUADRANT, PLANE):
        with pytest.raises(pr.DomainError, match="balls of any size"):
            P.chebyshev_center()
    with pytest.raises(pr.DomainError, match="flat"):
        SEGMENT.chebyshev_center()


def test_the_inscribed_ball_is_certified():
    rng = np.random.default_rng(5)
    for _ in range(20):
        P = pr.HPolytope(np.vstack([rng.normal(size=(6, 3)), np.eye(3), -np.eye(3)]), [1.0] * 12)
        center, radius = P.chebyshev_center()
        for row in P.rows:  # distance^2 = g(x)^2 / |g|^2 >= radius^2, in rationals
            value = sum(F(a) * F(x) for a, x in zip(row, center.tolist(), strict=False)) + row[-1]
            assert value > 0 and value**2 >= F(radius) ** 2 * sum(a * a for a in row[:-1])


@pytest.mark.parametrize(
    ("norm", "expected"), [(1, 3.0), (2, math.sqrt(4.5)), (math.inf, 1.5)], ids=["1", "2", "infinity"]
)
def test_distance(norm, expected):
    # from (2, 2) to x + y <= 1: the excess is 3
    assert math.isclose(TRIANGLE.distance([2, 2], norm), expected, rel_tol=1e-6)
    assert TRIANGLE.distance(["1/3", "2/3"], norm) == 0.0  # on the boundary, decided exactly


def test_nearest_point():
    assert np.allclose(TRIANGLE.nearest_point([2, 2]), [0.5, 0.5], atol=1e-6)
    assert np.allclose(PLANE.nearest_point([3, 4]), [3, 4])
    with pytest.raises(pr.InputError, match="choose 1, 2 or math.inf"):
        TRIANGLE.nearest_point([2, 2], norm=3)
    with pytest.raises(pr.InputError, match="expected 2"):
        TRIANGLE.nearest_point([2])


def test_random_points_are_inside():
    x = TRIANGLE.sample(50, seed=1)

    assert x.shape == (50, 2)
    assert TRIANGLE.contains(x, strict=True).all()
    assert np.array_equal(x, TRIANGLE.sample(50, seed=1))
    assert TRIANGLE.sample(0).shape == (0, 2)
    with pytest.raises(pr.DomainError, match="unbounded"):
        QUADRANT.sample(1)
    with pytest.raises(pr.DomainError, match="flat"):
        SEGMENT.sample(1)


def test_intersection_and_preimage():
    both = SQUARE.intersection(pr.HPolytope([[1, 1]], ["1/2"], ["cut"]))
    assert both.volume() == F(1, 8) and both.names[-1] == "cut"
    assert EMPTY.intersection(SQUARE).is_empty()
    # {y : (y, 1 - y) in the triangle} is the whole edge
    assert TRIANGLE.affine_preimage([[1], [-1]], [0, 1]).bounding_box() == ((0,), (1,))
    with pytest.raises(pr.InputError, match="dimensions 2 and 1"):
        SQUARE.intersection(pr.Box([0], [1]))
    with pytest.raises(pr.InputError, match=r"M has shape \(1, 2\); expected \(2, k\)"):
        SQUARE.affine_preimage([[1, 2]])
    with pytest.raises(pr.InputError, match="t has 1 entries; expected 2"):
        SQUARE.affine_preimage([[1], [1]], [0])


def test_invertible_images_need_no_cddlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "cdd", None)
    image = TRIANGLE.affine_image([[1, 1], [0, 2]], ["1/2", 0])

    assert points(image) == [(F(1, 2), 0), (F(3, 2), 0), (F(3, 2), 2)]
    assert image.volume() == F(1, 2) * 2  # |det| = 2


def test_images_sums_and_projections(tmp_path):
    pytest.importorskip("cdd")
    # the trap of pypoman: {x + y = 0} must stay an equality, or the segment comes back as a triangle
    assert points(SEGMENT.affine_image([[1, 0], [0, 1], [0, 0]])) == [(-1, 1, 0), (1, -1, 0)]
    cube = pr.Box([0, 0, 0], [1, 1, 1])
    hexagon = cube.affine_image([[1, 0, 1], [0, 1, 1]])
    assert points(hexagon) == [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 2)]
    assert cube.projection([2, 0]).bounding_box() == ((0, 0), (1, 1))
    assert points(TRIANGLE.minkowski_sum(SQUARE)) == [(0, 0), (0, 2), (1, 2), (2, 0), (2, 1)]
    assert TRIANGLE.minkowski_sum(EMPTY).is_empty()
    wedge = QUADRANT.minkowski_sum(pr.Box([3, 4], [5, 6]))
    assert points(wedge) == [(3, 4)] and not wedge.is_bounded()
    assert STRIP.projection([1]).bounding_box() == ((-1,), (1,))
    assert STRIP.projection([0]).facets() == []
    assert points(POINT.projection([1])) == [(F(1, 3),)]
    for bad in ([], [0, 0], [2], [-1]):
        with pytest.raises(pr.InputError, match="name distinct ones from 0 to 1"):
            SQUARE.projection(bad)
    with pytest.raises(pr.InputError, match="cannot be added"):
        SQUARE.minkowski_sum(cube)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: SQUARE.projection([0]),
        lambda: SQUARE.minkowski_sum(SQUARE),
        lambda: SQUARE.affine_image([[1, 1]]),
        lambda: EMPTY.projection([0]),
    ],
    ids=["projection", "sum", "image", "empty"],
)
def test_without_cddlib_the_error_gives_the_commands(monkeypatch, ask):
    monkeypatch.setitem(sys.modules, "cdd", None)
    with pytest.raises(pr.MissingDependency, match="apt-get install libcdd-dev libgmp-dev .*brew .*conda install"):
        ask()


def test_bad_arguments():
    with pytest.raises(pr.InputError, match="2 rows but b has 1 entries"):
        pr.HPolytope([[1], [2]], [1])
    with pytest.raises(pr.InputError, match=r"A\[0, 1\] is nan"):
        pr.HPolytope([[1, math.nan]], [1])
    with pytest.raises(pr.InputError, match=r"b\[0, 0\] is inf|b.* is inf"):
        pr.HPolytope([[1, 2]], [math.inf])
    with pytest.raises(pr.InputError, match="no columns"):
        pr.HPolytope(np.zeros((1, 0)), [1])
    with pytest.raises(pr.InputError, match="1 names for 2 rows"):
        pr.HPolytope([[1], [2]], [1, 2], ["one"])
    with pytest.raises(pr.DomainError, match=r"lower\[1\] = 2 > upper\[1\] = 1; swap them"):
        pr.Box([0, 2], [1, 1])
    with pytest.raises(pr.InputError, match="lower has 1 coordinates but upper has 2"):
        pr.Box([0], [1, 1])
    with pytest.raises(pr.InputError, match="one number per coordinate|one lower and one upper"):
        pr.Box(-1, 1)


@pytest.mark.parametrize("number", [int, F, np.float32, np.float64, str], ids=lambda t: t.__name__)
def test_one_number_type_loop(number):
    """The same tetrahedron in every number type: x, y, z >= 0 and x + 2 y + 4 z <= 4."""
    A = [[number(v) for v in row] for row in ([-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 2, 4])]
    P = pr.HPolytope(A, [number(v) for v in (0, 0, 0, 4)])

    assert points(P) == [(0, 0, 0), (0, 0, 1), (0, 2, 0), (4, 0, 0)]
    assert P.volume() == F(4 * 2 * 1, 6)
    assert P == pr.HPolytope([[-1, 0, 0], [0, -1, 0], [0, 0, -1], ["1/4", "1/2", 1]], [0, 0, 0, 1])


# -- closed forms ---------------------------------------------------------------------
@pytest.mark.parametrize("d", range(1, 6))
def test_cube_simplex_and_cross_polytope(d):
    cube = pr.Box([-1] * d, [1] * d)
    assert len(points(cube)) == 2**d and cube.volume() == 2**d

    simplex = pr.HPolytope([*(-np.eye(d, dtype=int)), [1] * d], [0] * d + [1])
    assert len(points(simplex)) == d + 1 and simplex.volume() == F(1, math.factorial(d))

    cross = pr.HPolytope(list(product([-1, 1], repeat=d)), [1] * 2**d)
    assert len(points(cross)) == 2 * d and cross.volume() == F(2**d, math.factorial(d))
    assert len(cross.facets()) == 2**d


@pytest.mark.parametrize("n", [2, 3, 4])
def test_permutohedron(n):
    """Its vertices are the permutations of 1..n; it lies flat in the hyperplane of the sum."""
    rows, offsets = [], []
    for size in range(1, n):
        for subset in combinations(range(n), size):
            rows.append([-int(i in subset) for i in range(n)])
            offsets.append(-sum(range(1, size + 1)))
    total = n * (n + 1) // 2
    P = pr.HPolytope([*rows, [1] * n, [-1] * n], [*offsets, total, -total])

    assert P.dimension() == n - 1
    assert points(P) == sorted(permutations(range(1, n + 1)))
    assert len(P.facets()) == 2**n - 2
    assert P.implicit_equalities() == [len(rows), len(rows) + 1]


def test_volume_does_not_depend_on_where_the_rounding_would_be():
    # a square of side 1e-30 at 1e30, where floats see nothing
    tiny = pr.Box([10**30] * 2, [10**30 + F(1, 10**30)] * 2)

    assert tiny.volume() == F(1, 10**60)
    assert tiny.contains(tiny.interior_point(), strict=True)


# -- against other programs -----------------------------------------------------------
def test_volume_and_vertices_against_scipy():
    from scipy.spatial import ConvexHull, HalfspaceIntersection

    rng = np.random.default_rng(3)
    for d in (2, 3, 4):
        A = np.vstack([rng.normal(size=(5, d)), np.eye(d), -np.eye(d)])
        b = np.ones(len(A))
        P = pr.HPolytope(A, b)
        hull = ConvexHull(HalfspaceIntersection(np.hstack([A, -b[:, None]]), np.zeros(d)).intersections)

        assert len(points(P)) == len(hull.vertices)
        assert math.isclose(float(P.volume()), hull.volume, rel_tol=1e-9)


def cdd_vertices(system: strategies.System) -> tuple[list, bool]:
    """Return the vertices of {A x <= b} by cdd.gmp, and whether it is a bounded set."""
    cdd = pytest.importorskip("cdd")
    pytest.importorskip("cdd.gmp")
    table = [[F(b), *(-F(v) for v in a)] for a, b in zip(system.A, system.b, strict=True)]
    table.append([F(1)] + [F(0)] * system.d)
    matrix = cdd.gmp.matrix_from_array(table, rep_type=cdd.RepType.INEQUALITY)
    generators = cdd.gmp.copy_generators(cdd.gmp.polyhedron_from_matrix(matrix))
    rows = [tuple(F(v) for v in row) for row in generators.array]
    bounded = all(row[0] == 1 for row in rows)
    return sorted(row[1:] for row in rows if row[0] == 1), bounded


@settings(max_examples=150)
@given(strategies.systems())
def test_random_systems_against_the_oracle_and_cddlib(system):
    P = pr.HPolytope(np.array(system.A, dtype=object).reshape(len(system.A), system.d), system.b)
    rows = oracle.wall_rows([(tuple(a), b) for a, b in zip(system.A, system.b, strict=True)])
    dimension = oracle.dimension(rows, system.d)
    vertices, bounded = cdd_vertices(system)

    assert P.dimension() == dimension
    assert P.is_bounded() == bounded
    if bounded:
        assert points(P) == vertices
    slim = P.irredundant()
    assert slim.dimension() == dimension
    if dimension >= 0:
        assert P.contains(P.interior_point())
        # the slim set is the same set: every dropped row still holds on it, and nothing can be dropped again
        for row in P.rows:
            assert slim.support_function([-v for v in row[:-1]]) <= row[-1]
        assert len(slim.irredundant()) == len(slim)
        facets = P.facets()
        flat = set(P.implicit_equalities())
        for group in facets:
            face = P.intersection(pr.HPolytope([[-v for v in P.exact.fractions()[group[0]][:-1]]],
                                               [-P.exact.fractions()[group[0]][-1]]))
            assert face.dimension() == dimension - 1
            assert not flat & set(group)


@settings(max_examples=60)
@given(strategies.systems(bounded=True))
def test_triangulations_cover_exactly(system):
    """Volume by pulling simplices equals volume by slicing at a random hyperplane into two."""
    P = pr.HPolytope(system.A, system.b)
    cut = [1, -2, 3][: system.d]
    low = P.intersection(pr.HPolytope([cut], ["1/7"]))
    high = P.intersection(pr.HPolytope([[-v for v in cut]], ["-1/7"]))

    assert low.volume() + high.volume() == P.volume()


def test_generators_of_a_cone_with_lines():
    # x >= 0 in the plane: one line (0, 1), one point on it, one ray
    g = double_description.generators([(1, 0, 0)], 2)

    assert (g.lines, g.rays) == ([(0, 1)], [(1, 0)])
    assert fraction(g.vertices[0][0]) == 0
