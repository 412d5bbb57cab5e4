"""Polytopes: every method on ordinary, unbounded, empty, flat and duplicate-row inputs, from two sides each."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction as F
from itertools import combinations, permutations

import numpy as np
import oracle
import pytest
import strategies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_lp import facets_of

from polyrelu import Box, DomainError, HPolytope, InputError, MissingDependency, double_description
from polyrelu.exact import RationalMatrix, integer_point, primitive
from polyrelu.polytope import as_domain

# The triangle x >= 0, y >= 0, x + y <= 1 ...
TRIANGLE = HPolytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
# ... with a copy, a multiple, and two redundant rows, one of which touches it
REPEATED = HPolytope([[-1, 0], [1, 1], [0, -1], [2, 2], [1, 0], [-3, 0], [1, 1]], [0, 1, 0, 2, 1, 0, 5])
# A segment in the plane: x + y = 1, 0 <= x <= 1
SEGMENT = HPolytope([[1, 1], [-1, -1], [-1, 0], [1, 0]], [1, -1, 0, 1])
POINT = HPolytope([[1, 0], [0, 1], [-1, -1]], [0, 0, 0])
EMPTY = HPolytope([[1, 0], [-1, 0], [0, 1]], [0, -1, 1])
WEDGE = HPolytope([[-1, 0], [0, -1]], [0, 0])  # the first quadrant
STRIP = HPolytope([[1, 0], [-1, 0]], [1, 0])  # 0 <= x <= 1
PLANE = HPolytope(np.zeros((0, 2)), [])
LINE = HPolytope([[1, 0], [-1, 0]], [0, 0])  # x = 0
ALL = {
    "triangle": TRIANGLE, "repeated": REPEATED, "segment": SEGMENT, "point": POINT, "empty": EMPTY, "wedge": WEDGE,
    "strip": STRIP, "plane": PLANE, "line": LINE,
}  # fmt: skip
INF = math.inf


def system_polytope(system):
    return HPolytope(np.array(system.A, dtype=object).reshape(-1, system.d), system.b)


def rows_of(system):
    return oracle.wall_rows(zip(system.A, system.b, strict=True))


def points(array):
    return [tuple(p) for p in array.tolist()]


# -- one table of answers -------------------------------------------------------------
TABLE = {
    # dimension, bounded, implicit equalities, facets, vertices, volume, bounding box
    "triangle": (2, True, [], [(0,), (1,), (2,)], [(0, 0), (0, 1), (1, 0)], F(1, 2), ((0, 0), (1, 1))),
    "repeated": (2, True, [], [(0, 5), (1, 3), (2,)], [(0, 0), (0, 1), (1, 0)], F(1, 2), ((0, 0), (1, 1))),
    "segment": (1, True, [0, 1], [(2,), (3,)], [(0, 1), (1, 0)], 0, ((0, 0), (1, 1))),
    "point": (0, True, [0, 1, 2], [], [(0, 0)], 0, ((0, 0), (0, 0))),
    "empty": (-1, True, [0, 1], [], [], 0, None),
    "wedge": (2, False, [], [(0,), (1,)], [(0, 0)], None, ((0, 0), (INF, INF))),
    "strip": (2, False, [], [(0,), (1,)], [], None, ((0, -INF), (1, INF))),
    "plane": (2, False, [], [], [], None, ((-INF, -INF), (INF, INF))),
    "line": (1, False, [0, 1], [], [], 0, ((0, -INF), (0, INF))),
}


@pytest.mark.parametrize("name", TABLE)
def test_ordinary_and_degenerate_sets(name):
    P = ALL[name]
    dimension, bounded, equalities, facets, vertices, volume, box = TABLE[name]

    assert P.dimension() == dimension
    assert P.is_empty() == (dimension == -1)
    assert P.is_bounded() == bounded
    assert P.implicit_equalities() == equalities
    assert P.facets() == facets
    assert points(P.vertices()) == vertices and P.vertices().shape == (len(vertices), 2)
    if volume is None:
        with pytest.raises(
            DomainError, match="the polytope is unbounded, so it has no volume; intersect it with a Box"
        ):
            P.volume()
    else:
        assert P.volume() == volume
    if box is None:
        with pytest.raises(
            DomainError, match="the polytope is empty, so it has no support: these rows contradict each"
        ):
            P.bounding_box()
    else:
        assert P.bounding_box() == box
    Q = P.irredundant()
    assert len(Q) == len(equalities) + len(facets)
    assert (Q.dimension(), Q.is_bounded(), points(Q.vertices())) == (dimension, bounded, vertices)
    assert [len(group) for group in Q.facets()] == [1] * len(facets)


@pytest.mark.parametrize("name", TABLE)
def test_interior_points(name):
    P = ALL[name]
    if P.is_empty():
        with pytest.raises(DomainError, match="the polytope is empty, so it has no interior point: .*: row 0, row 1"):
            P.interior_point()
        return
    x = P.interior_point()
    equalities = P.implicit_equalities()
    assert all((oracle.value(row, x) > 0) == (i not in equalities) for i, row in enumerate(P.rows))


CENTERS = {"triangle", "repeated"}


@pytest.mark.parametrize("name", TABLE)
def test_chebyshev_center_and_samples(name):
    P = ALL[name]
    if name in CENTERS:
        center, radius = P.chebyshev_center()
        # the incircle of the right triangle with legs 1: radius (2 - sqrt 2) / 2
        assert abs(radius - (2 - math.sqrt(2)) / 2) < 2.0**-50
        assert np.abs(center - radius).max() < 2.0**-50
        sample = P.sample(20, seed=3)
        assert sample.shape == (20, 2) and P.contains(sample, strict=True).all()
        assert (P.sample(20, seed=3) == sample).all() and len(np.unique(sample, axis=0)) == 20
        return
    kind = {"empty": "empty", "segment": "flat", "point": "flat", "line": "flat"}.get(name, "balls of any size")
    if name == "strip":  # unbounded, yet no ball is larger than the strip is wide
        center, radius = P.chebyshev_center()
        assert (center[0], radius) == (0.5, 0.5)
    else:
        with pytest.raises(DomainError, match=kind):
            P.chebyshev_center()
    with pytest.raises(DomainError, match="empty|flat|unbounded"):
        P.sample(1)


@pytest.mark.parametrize("name", TABLE)
def test_membership(name):
    P = ALL[name]
    inside = {
        "triangle": 3,
        "repeated": 3,
        "segment": 0,
        "point": 0,
        "empty": 0,
        "wedge": 3,
        "strip": 3,
        "plane": 3,
        "line": 0,
    }
    xs = [[F(1, 3), F(1, 3)], ["1/4", 0.25], [1e-9, 1e-9]]

    assert P.contains(xs, strict=True).tolist() == [k < inside[name] for k in range(3)]
    assert P.contains(xs[0], strict=True) is (inside[name] > 0)
    closed = [P.contains(x) for x in ([0, 0], [1, 0], [0, 1], [F(-1, 10**40), 0])]
    assert (
        closed
        == {
            "triangle": [True, True, True, False],
            "repeated": [True, True, True, False],
            "segment": [False, True, True, False],
            "point": [True, False, False, False],
            "empty": [False] * 4,
            "wedge": [True, True, True, False],
            "strip": [True, True, True, False],
            "plane": [True] * 4,
            "line": [True, False, True, False],
        }[name]
    )


@pytest.mark.parametrize(
    ("name", "direction", "value"),
    [
        ("triangle", [1, 2], 2),
        ("triangle", ["1/3", 0], F(1, 3)),
        ("triangle", [-1, -1], 0),
        ("triangle", [0, 0], 0),
        ("segment", [1, -1], 1),
        ("point", [5, 7], 0),
        ("wedge", [-1, -2], 0),
        ("wedge", [-1, 1], INF),
        ("strip", [1, 0], 1),
        ("strip", [0, 1], INF),
        ("plane", [0, 0], 0),
        ("plane", [1, 0], INF),
        ("line", [5, 0], 0),
    ],
)
def test_support(name, direction, value):
    P = ALL[name]

    assert P.support_function(direction) == value
    if value == INF:
        with pytest.raises(DomainError, match="unbounded in this direction; no support vector exists"):
            P.support_vector(direction)
    else:
        x = P.support_vector(direction)
        assert P.contains(x) and oracle.value((*map(F, direction), 0), x) == value
    with pytest.raises(InputError, match="direction has 1 coordinates; expected 2"):
        P.support_function([1])


def test_empty_sets_have_no_support():
    with pytest.raises(DomainError, match="the polytope is empty, so it has no support"):
        EMPTY.support_function([1, 0])


@pytest.mark.parametrize(("norm", "distance"), [(1, 1.0), (2, math.sqrt(0.5)), (INF, 0.5)])
def test_nearest_points_and_distances(norm, distance):
    # from (1, 1) to the triangle's edge x + y = 1
    assert abs(TRIANGLE.distance([1, 1], norm) - distance) < 2.0**-16
    nearest = TRIANGLE.nearest_point([1, 1], norm)
    assert abs(np.linalg.norm(nearest - 1, norm) - distance) < 2.0**-16
    assert abs(SEGMENT.distance([1, 1], norm) - distance) < 2.0**-16
    assert abs(PLANE.nearest_point([3, 4], norm) - [3, 4]).max() < 2.0**-16
    # inside, the distance is exactly 0
    assert TRIANGLE.distance([F(1, 3), F(1, 3)], norm) == TRIANGLE.distance([0, 0], norm) == 0.0


def test_nearest_points_that_do_not_exist():
    with pytest.raises(DomainError, match="the polytope is empty, so it has no nearest point"):
        EMPTY.nearest_point([0, 0])
    with pytest.raises(InputError, match="norm is 3; choose 1, 2 or math.inf"):
        TRIANGLE.nearest_point([0, 0], norm=3)
    with pytest.raises(InputError, match="x has 1 coordinates; expected 2"):
        TRIANGLE.nearest_point([0])


# -- one body, every kind of number ---------------------------------------------------
def as_text(a):
    return [as_text(v) for v in a] if isinstance(a, list) else str(a)


def as_fractions(a):
    return [as_fractions(v) for v in a] if isinstance(a, list) else F(a)


@pytest.mark.parametrize(
    "kind", [list, as_fractions, np.float32, np.float64, np.int64, as_text], ids=["int", "Fraction", "float32", "float64", "int64", "text"]
)  # fmt: skip
def test_the_same_answers_for_every_kind_of_number(kind):
    def convert(a):
        return kind(a) if kind in (list, as_fractions, as_text) else np.array(a, dtype=kind)

    # a pentagon with a redundant row: the square [0, 2]^2 without the corner x + y > 3
    A, b = [[-1, 0], [0, -1], [1, 0], [0, 1], [1, 1], [1, 1]], [0, 0, 2, 2, 3, 4]
    P = HPolytope(convert(A), convert(b))

    assert P == HPolytope(A, b) and hash(P) == hash(HPolytope(A, b))
    assert P.facets() == [(i,) for i in range(5)]
    assert points(P.vertices()) == [(0, 0), (0, 2), (1, 2), (2, 0), (2, 1)]
    assert all(type(v) is F for v in P.vertices().ravel())
    assert P.volume() == F(7, 2)
    assert P.support_function(convert([1, 2])) == 5
    assert P.contains(convert([[1, 2], [2, 2]])).tolist() == [True, False]
    assert P.A.dtype == np.float64 and P.A.tolist() == A and P.b.tolist() == b
    assert P.affine_preimage(convert([[2, 0], [0, 2]]), convert([0, 0])).volume() == F(7, 8)
    assert Box(convert([0, 0]), convert([2, 2])).volume() == 4


def test_numbers_are_taken_exactly():
    # one unit in the last place decides whether (0.1 + 0.2, 0) is inside
    assert HPolytope([[1.0]], [0.3]).contains([0.1 + 0.2]) is False
    assert HPolytope([["1"]], ["0.3"]).contains([F("0.1") + F("0.2")]) is True
    assert HPolytope([[0.1], [-0.1]], [0.3, -0.3]).vertices().tolist() == [[F(0.3) / F(0.1)]]
    assert HPolytope([[1], [-1]], ["1e-400", 0]).volume() == F(1, 10**400)
    assert HPolytope([[1], [-1]], [10**400, -(10**400) + 1]).volume() == 1
    assert HPolytope([[1], [-1]], [-(10**400), 0]).is_empty()


# -- shapes and refusals --------------------------------------------------------------
@pytest.mark.parametrize(
    ("A", "b", "message"),
    [
        ([[1, 2]], [1, 2], "A has 1 rows but b has 2 entries; give one per row"),
        ([1, 2], [1], r"A has 1 dimension\(s\)"),
        ([[1, 2], [3]], [1, 1], "A has rows of different lengths"),
        ([[1]], 1, r"b has shape \(\); a vector with one entry per row of A is needed"),
        ([[1]], [[1]], r"b has shape \(1, 1\)"),
        ([[math.nan]], [1], r"A\[0, 0\] is nan"),
        ([[1]], [math.inf], r"b\[0, 0\] is inf"),
        ([["x"]], [1], r"A\[0, 0\] is 'x'; write a decimal"),
        (
            np.zeros((1, 0)),
            [1],
            r"A has no columns; a polytope needs at least one dimension \(use shape \(0, d\) for R\^d\)",
        ),
    ],
)
def test_systems_that_do_not_fit(A, b, message):
    with pytest.raises(InputError, match=message):
        HPolytope(A, b)


def test_names_go_with_their_rows():
    P = HPolytope([[1], [2], [-1]], [1, 5, 0], names=["a", "b", "c"])

    assert P.irredundant().names == ("a", "c")
    assert P.intersection(Box([0], [2])).names == ("a", "b", "c", "x0 >= 0", "x0 <= 2")
    assert HPolytope([[1]], [1]).names == ("row 0",)
    with pytest.raises(InputError, match="2 names for 1 rows; give one per row or none"):
        HPolytope([[1]], [1], names=["a", "b"])
    with pytest.raises(DomainError, match="these rows contradict each other: low, high"):
        HPolytope([[1], [1], [-1]], [0, 7, -1], names=["low", "other", "high"]).interior_point()


def test_representation_and_equality():
    assert repr(TRIANGLE) == "<HPolytope in R^2, 3 rows>" and repr(Box([0], [1])) == "<Box in R^1, 2 rows>"
    assert HPolytope([[2, 0]], [4]) == HPolytope([[1, 0]], [2]) != HPolytope([[1]], [2])
    assert HPolytope([[1, 0]], [2]) != HPolytope([[-1, 0]], [2]) and TRIANGLE != 3
    assert len(TRIANGLE) == 3
    assert HPolytope.from_rows(TRIANGLE.rows, 2) == TRIANGLE


@pytest.mark.parametrize("x", [[1], [[1, 2, 3]], 0, [[[1, 2]]]])
def test_points_that_do_not_fit(x):
    with pytest.raises(InputError, match=r"points have shape .*; expected \(2,\) or \(k, 2\)"):
        TRIANGLE.contains(x)


def test_a_row_that_says_nothing_is_strict_nowhere():
    """Found by attack: 0 <= 0 was asked to hold strictly, so that such a set had no interior."""
    P = HPolytope([[0], [1], [-1]], [0, 1, 0])

    assert P.contains([F(1, 2)], strict=True) and not P.contains([1], strict=True)
    assert P.chebyshev_center()[1] == 0.5
    assert P.sample(3).shape == (3, 1)


def test_no_points_at_all():
    assert TRIANGLE.contains(np.zeros((0, 2))).shape == (0,)


# -- boxes ----------------------------------------------------------------------------
def test_boxes():
    B = Box([0, "-1/2"], [1, 0.5])

    assert B.names == ("x0 >= 0", "x1 >= -1/2", "x0 <= 1", "x1 <= 1/2")
    assert B == HPolytope([[-1, 0], [0, -1], [1, 0], [0, 1]], [0, "1/2", 1, "1/2"])
    assert (B.dimension(), B.volume(), B.interior_point()) == (2, 1, (F(1, 2), 0))
    assert B.bounding_box() == ((0, F(-1, 2)), (1, F(1, 2)))
    assert B.facets() == [(0,), (1,), (2,), (3,)]
    assert [v.tolist() for v in B.outer_floats()] == [[0, -0.5], [1, 0.5]]
    assert len(Box([0] * 8, [1] * 8).vertices()) == 256


def test_flat_boxes():
    B = Box([0, 1, 0], [1, 1, 2])

    assert (B.dimension(), B.volume(), B.implicit_equalities()) == (2, 0, [1, 4])
    assert B.facets() == [(0,), (2,), (3,), (5,)]
    assert points(B.vertices()) == [(0, 1, 0), (0, 1, 2), (1, 1, 0), (1, 1, 2)]
    assert Box([3], [3]).interior_point() == (3,)
    assert B.is_bounded() and not B.is_empty()


@pytest.mark.parametrize(
    ("lower", "upper", "error", "message"),
    [
        ([1, 0], [0, 0], DomainError, r"the box is empty: lower\[0\] = 1 > upper\[0\] = 0; swap them"),
        ([0], [1, 1], InputError, "lower has 1 coordinates but upper has 2"),
        (0, 1, InputError, r"give one lower and one upper number per coordinate: Box\(\[-1, -1\], \[1, 1\]\)"),
        ([-math.inf], [1], InputError, r"lower\[0\] is -inf; every number must be finite"),
        ([0], [math.nan], InputError, r"upper\[0\] is nan"),
        ([], [], InputError, "at least one dimension"),
        ("0", "x", InputError, r"upper\[0\] is 'x'"),
    ],
)
def test_boxes_that_cannot_be(lower, upper, error, message):
    with pytest.raises(error, match=message):
        Box(lower, upper)


def test_bounding_boxes_in_floats_are_rounded_outwards():
    lo, hi = HPolytope([[3], [-3]], [1, 1]).outer_floats()
    assert F(lo[0]) < F(-1, 3) < F(1, 3) < F(hi[0])
    assert (hi[0], lo[0]) == (-lo[0], math.nextafter(-1 / 3, -1))
    lo, hi = Box([-(10**400)], ["1e-400"]).outer_floats()
    assert (lo[0], hi[0]) == (-INF, 5e-324)


def test_domains():
    assert as_domain(None, 3).d == 3 and len(as_domain(None, 3)) == 0
    assert as_domain(TRIANGLE, 2) is TRIANGLE
    with pytest.raises(DomainError, match="the domain has dimension 2 but the network has 3 inputs; give a domain in"):
        as_domain(TRIANGLE, 3)
    with pytest.raises(DomainError, match="the domain is empty: these rows contradict each other: row 0, row 1"):
        as_domain(EMPTY, 2)
    with pytest.raises(
        DomainError, match=r"flat \(dimension 1 in R\^2\): row 0, row 1 hold with equality; use net.restrict"
    ):
        as_domain(SEGMENT, 2)
    with pytest.raises(InputError, match="domain is of type list; give a Box, an HPolytope or None"):
        as_domain([0, 1], 1)


@pytest.mark.parametrize(
    "question",
    [
        EMPTY.interior_point,
        EMPTY.chebyshev_center,
        lambda: EMPTY.support_function([1, 0]),
        lambda: EMPTY.nearest_point([0, 0]),
        lambda: EMPTY.sample(1),
    ],
)
def test_empty_sets_name_the_rows_that_contradict_each_other(question):
    with pytest.raises(
        DomainError, match="the polytope is empty, so it has no .*: .* contradict each other: row 0, row 1$"
    ):
        question()


def test_samples_of_no_points():
    assert TRIANGLE.sample(0).shape == (0, 2)
    with pytest.raises(InputError, match="k is -1; give the number of points, 0 or more"):
        TRIANGLE.sample(-1)


# -- Chebyshev centers at the edge of floats ------------------------------------------
@pytest.mark.parametrize("size", [1e-300, 1e-30, 1.0, 1e18, 1e30, 1e200])
def test_balls_of_any_size_are_found(size):
    """Found by attack: a radius beyond 2**59 was taken for infinite."""
    center, radius = Box([-size, -size], [size, size]).chebyshev_center()

    assert center.tolist() == [0, 0]
    assert F(radius) <= F(size) <= F(math.nextafter(radius, INF))


@given(strategies.systems(bounded=True))
@settings(max_examples=40)
def test_chebyshev_balls_lie_inside_and_are_largest(system):
    optimize = pytest.importorskip("scipy.optimize")
    P = system_polytope(system)
    assume(P.dimension() == system.d)
    center, radius = P.chebyshev_center()
    c = [F(v) for v in center]
    A = np.array([a for a in system.A if any(a)], dtype=float)
    b = np.array([v for a, v in zip(system.A, system.b, strict=True) if any(a)], dtype=float)
    norms = np.linalg.norm(A, axis=1)
    result = optimize.linprog([0] * system.d + [-1], A_ub=np.hstack([A, norms[:, None]]), b_ub=b, bounds=(None, None))

    # certified: the squared distance to every hyperplane is at least radius^2
    for a, v in zip(system.A, system.b, strict=True):
        gap = v - sum(x * y for x, y in zip(a, c, strict=True))
        assert gap > 0 or not any(a)
        assert not any(a) or gap**2 >= F(radius) ** 2 * sum(x * x for x in a)
    assert abs(radius + result.fun) < 2.0**-30


def test_slivers_without_a_float_inside():
    low = 1.0
    P = HPolytope([[1], [-1]], [math.nextafter(low, 2), -low])

    assert low < P.interior_point()[0] < math.nextafter(low, 2)
    with pytest.raises(DomainError, match="no float point lies in the interior of the polytope; use interior_point"):
        P.chebyshev_center()
    with pytest.raises(DomainError, match="too thin to hold a float point"):
        P.sample(1)


@pytest.mark.parametrize("size", [1e-300, 1e300, 1.7e308])
def test_samples_of_boxes_at_the_edge_of_floats(size):
    B = Box([-size, -size], [size, size])
    sample = B.sample(5, seed=0)

    assert B.contains(sample, strict=True).all()
    assert len(np.unique(sample, axis=0)) == 5


def test_samples_are_spread_evenly():
    # a quarter of the triangle lies below x + y = 1/2; the standard deviation of 600 independent points is 11
    sample = TRIANGLE.sample(600, seed=1)

    assert abs((sample.sum(axis=1) < 0.5).sum() - 150) < 55


# -- random systems against the oracle ------------------------------------------------
@given(strategies.systems())
@settings(max_examples=100)
def test_emptiness_dimension_and_facets_agree_with_the_oracle(system):
    P, rows, d = system_polytope(system), rows_of(system), system.d
    dimension = oracle.dimension(rows, d)

    assert P.dimension() == dimension
    assert P.is_empty() == (oracle.feasible_point(rows, d) is None)
    if dimension >= 0:
        nowhere_positive = [
            i for i, row in enumerate(rows)
            if any(row) and oracle.feasible_point([(*r, 0) for r in rows] + [(0,) * d + (1, -1), (*row, -1)], d + 1) is None
        ]  # fmt: skip
        assert P.implicit_equalities() == nowhere_positive
        x = P.interior_point()
        values = [oracle.value(row, x) for row in rows]
        assert all((v > 0) == (i not in nowhere_positive and any(rows[i])) for i, v in enumerate(values))
    else:
        blamed = [rows[i] for i in P.implicit_equalities()]
        assert oracle.feasible_point(blamed, d) is None  # the rows named do contradict each other
    if dimension == d:
        assert P.facets() == facets_of(rows, d)


@given(strategies.systems())
@settings(max_examples=50)
def test_facets_have_one_dimension_less(system):
    """Flat sets as well: facets are those inside the affine hull."""
    P = system_polytope(system)
    for group in P.facets():
        for row in (P.rows[i] for i in group):
            face = P.intersection(HPolytope.from_rows([tuple(-v for v in row)], P.d))
            assert face.dimension() == P.dimension() - 1
        assert not set(group) & set(P.implicit_equalities())


@given(strategies.systems(max_rows=6))
@settings(max_examples=50)
def test_irredundant_rows_describe_the_same_set(system):
    P = system_polytope(system)
    Q = P.irredundant()
    assert len(Q) <= len(P)
    assert Q.dimension() == P.dimension()
    for a, b in ((P, Q), (Q, P)):
        # every row of one is implied by the other: its maximum there is below the offset
        for row in a.rows:
            assert b.is_empty() or b.support_function([-v for v in row[:-1]]) <= row[-1]
    if P.dimension() == P.d:
        # and none of them is implied by the rest
        for i in range(len(Q)):
            rest = HPolytope.from_rows([row for k, row in enumerate(Q.rows) if k != i], Q.d)
            assert rest.support_function([-v for v in Q.rows[i][:-1]]) > Q.rows[i][-1]


# -- against cdd ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def cdd():
    pytest.importorskip("cdd.gmp", reason="pycddlib with cdd.gmp is not installed; see the README")
    import cdd

    return cdd


def cdd_matrix(cdd, P):
    # the row 0 <= 1 comes first: where every offset is zero cdd leaves out the apex of the cone
    table = [[F(1)] + [F(0)] * P.d] + [[F(row[-1]), *map(F, row[:-1])] for row in P.rows]
    return cdd.gmp.matrix_from_array(table, rep_type=cdd.RepType.INEQUALITY)


def cdd_generators(cdd, P):
    """Return the sorted vertices, and whether there is a ray or a line, by the second opinion."""
    matrix = cdd.gmp.copy_generators(cdd.gmp.polyhedron_from_matrix(cdd_matrix(cdd, P)))
    lines = [row for i, row in enumerate(matrix.array) if i in matrix.lin_set]
    vertices = [
        tuple(F(v) / F(row[0]) for v in row[1:])
        for i, row in enumerate(matrix.array)
        if i not in matrix.lin_set and row[0]
    ]
    rays = [row for i, row in enumerate(matrix.array) if i not in matrix.lin_set and not row[0]]
    return [] if lines else sorted(vertices), bool(rays or lines)


@given(strategies.systems())
@settings(max_examples=100)
def test_vertices_boundedness_and_redundancy_agree_with_cdd(cdd, system):
    P = system_polytope(system)
    vertices, unbounded = cdd_generators(cdd, P)

    assert points(P.vertices()) == vertices
    assert P.is_empty() or P.is_bounded() == (not unbounded)
    if P.dimension() == P.d and len(P):
        matrix = cdd_matrix(cdd, P)
        cdd.gmp.matrix_canonicalize(matrix)
        irredundant = {primitive(integer_point([F(v) for v in (*a, b)])[0]) for b, *a in matrix.array if any(a)}
        assert {P.rows[group[0]] for group in P.facets()} == irredundant


@given(strategies.systems(d=3, bounded=True), st.permutations(range(3)), st.integers(1, 2))
@settings(max_examples=40)
def test_projections_agree_with_cdd(cdd, system, order, k):
    """The projection of a polytope is the hull of its projected vertices; cdd projects by elimination."""
    P = system_polytope(system)
    keep = order[:k]
    Q = P.projection(keep)
    if P.is_empty():
        assert Q.is_empty() and Q.d == k
        return
    rest = [c for c in range(3) if c not in keep]
    matrix = cdd.gmp.matrix_from_array(
        [[F(row[-1]), *[F(row[c]) for c in (*keep, *rest)]] for row in P.rows], rep_type=cdd.RepType.INEQUALITY
    )
    eliminated = cdd.gmp.block_elimination(matrix, set(range(k + 1, 4)))
    table = [[F(v) for v in row[: k + 1]] for row in eliminated.array]
    other = HPolytope([[-v for v in row[1:]] for row in table], [row[0] for row in table])

    assert points(Q.vertices()) == points(other.vertices())
    assert Q.dimension() == other.dimension()
    for x in P.vertices():
        assert Q.contains([x[c] for c in keep])


@given(strategies.systems(d=2, bounded=True, max_rows=4), strategies.systems(d=2, bounded=True, max_rows=4))
@settings(max_examples=35)
def test_minkowski_sums_have_the_sum_of_supports(cdd, first, second):
    P, Q = system_polytope(first), system_polytope(second)
    S = P.minkowski_sum(Q)

    assert S.is_empty() == (P.is_empty() or Q.is_empty())
    if not S.is_empty():
        for direction in [row[:-1] for row in (*S.rows, *P.rows, *Q.rows)] + [(1, 2), (-3, 1)]:
            assert S.support_function(direction) == P.support_function(direction) + Q.support_function(direction)
        # its vertices are sums of vertices, one of each for every direction in which it is the only maximiser
        assert set(points(S.vertices())) <= {
            tuple(a + b for a, b in zip(p, q, strict=True)) for p in P.vertices() for q in Q.vertices()
        }


@pytest.mark.parametrize(
    ("M", "vertices"),
    [
        ([[1, 1]], [(0,), (1,)]),  # a sum
        ([[1, 0], [1, 0], [0, 1]], [(0, 0, 0), (0, 0, 1), (1, 1, 0)]),  # a triangle in space
        ([[0, 0]], [(0,)]),
        ([[1, 1], [1, 1]], [(0, 0), (1, 1)]),  # singular
        ([["1/2", 0], [0, 3]], [(0, 0), (0, 3), (F(1, 2), 0)]),
    ],
)
def test_images_of_a_triangle(cdd, M, vertices):
    k = len(M)
    shift = list(range(1, k + 1))
    image = TRIANGLE.affine_image(M, shift)

    assert points(image.vertices()) == [tuple(v + s for v, s in zip(p, shift, strict=True)) for p in vertices]
    assert points(TRIANGLE.affine_image(M).vertices()) == vertices
    assert EMPTY.affine_image(M).is_empty() and EMPTY.affine_image(M).d == k


def test_equalities_stay_equalities_in_images(cdd):
    """A trap of pypoman, where the segment from (0, 1) to (1, 0) comes back as a triangle."""
    assert points(SEGMENT.affine_image([[1, 0], [0, 1], [0, 0]]).vertices()) == [(0, 1, 0), (1, 0, 0)]
    hexagon = Box([0] * 3, [1] * 3).affine_image([[1, 0, 1], [0, 1, 1]])
    assert points(hexagon.vertices()) == [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 2)]
    assert points(TRIANGLE.minkowski_sum(Box([0, 0], [1, 1])).vertices()) == [(0, 0), (0, 2), (1, 2), (2, 0), (2, 1)]


def test_images_and_sums_of_unbounded_sets(cdd):
    assert WEDGE.projection([1]).bounding_box() == ((0,), (INF,))
    assert PLANE.projection([0]).bounding_box() == ((-INF,), (INF,)) and len(PLANE.projection([0])) == 0
    assert LINE.projection([0]).dimension() == 0 and LINE.projection([1]).bounding_box() == ((-INF,), (INF,))
    assert STRIP.affine_image([[1, 1]]).bounding_box() == ((-INF,), (INF,))
    assert STRIP.affine_image([[1, 0]]).bounding_box() == ((0,), (1,))
    assert set(WEDGE.minkowski_sum(TRIANGLE).rows) == set(WEDGE.rows)
    assert SEGMENT.minkowski_sum(HPolytope([[1, -1], [-1, 1], [1, 0], [-1, 0]], [0, 0, 1, 0])).volume() == 2
    assert POINT.minkowski_sum(TRIANGLE).volume() == F(1, 2)
    assert TRIANGLE.minkowski_sum(EMPTY).is_empty()


def test_volumes_agree_with_convex_hulls():
    spatial = pytest.importorskip("scipy.spatial")
    rng = np.random.default_rng(0)
    for d in (2, 3, 4):
        for _ in range(5):
            A = rng.integers(-9, 10, (6, d)) / 4
            P = HPolytope(A, [1] * 6).intersection(Box([-2] * d, [2] * d))
            hull = spatial.ConvexHull(P.vertices().astype(float))
            assert abs(float(P.volume()) / hull.volume - 1) < 2.0**-30


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5])
def test_volumes_in_closed_form(d):
    ones = np.ones((1, d), dtype=int)
    unit = np.eye(d, dtype=int)
    simplex = HPolytope(np.vstack([-unit, ones]), [0] * d + [1])
    signs = np.array(np.meshgrid(*[[1, -1]] * d)).reshape(d, -1).T
    cross = HPolytope(signs, [1] * 2**d)
    order = HPolytope(
        [[1] + [0] * (d - 1), [0] * (d - 1) + [-1], *(unit[i + 1] - unit[i] for i in range(d - 1))], [1] + [0] * d
    )

    assert simplex.volume() == F(1, math.factorial(d))
    assert cross.volume() == F(2**d, math.factorial(d)) and len(cross.vertices()) == 2 * d
    assert Box([F(-1, 3)] * d, [1] * d).volume() == F(4, 3) ** d
    assert order.volume() == F(1, math.factorial(d))  # 1 >= x_1 >= .. >= x_d >= 0


@pytest.mark.parametrize("n", [2, 3, 4])
def test_permutohedra(n):
    """The vertices are the permutations of 1 .. n, flat in the hyperplane of their sum."""
    subsets = [s for size in range(1, n) for s in combinations(range(n), size)]
    rows = [[-int(i in s) for i in range(n)] for s in subsets]
    least = [-sum(range(1, len(s) + 1)) for s in subsets]
    total = n * (n + 1) // 2
    P = HPolytope([*rows, [1] * n, [-1] * n], [*least, total, -total])

    assert P.dimension() == n - 1 and P.volume() == 0
    assert points(P.vertices()) == sorted(permutations(range(1, n + 1)))
    assert len(P.facets()) == 2**n - 2
    assert P.implicit_equalities() == [len(rows), len(rows) + 1]


@given(strategies.systems(bounded=True))
@settings(max_examples=60)
def test_the_volumes_of_two_slices_add_up(system):
    P, cut = system_polytope(system), [1, -2, 3][: system.d]
    low = P.intersection(HPolytope([cut], ["1/7"]))
    high = P.intersection(HPolytope([[-v for v in cut]], ["-1/7"]))

    assert low.volume() + high.volume() == P.volume()


def test_volumes_where_floats_see_nothing():
    # a square of side 1e-30 at 1e30
    tiny = Box([10**30] * 2, [10**30 + F(1, 10**30)] * 2).intersection(HPolytope([[1, 1]], [3 * 10**30]))

    assert tiny.volume() == F(1, 10**60) and tiny.facets() == [(0,), (1,), (2,), (3,)]
    assert tiny.contains(tiny.interior_point(), strict=True)


def test_generators_of_a_set_with_lines():
    # x >= 0 in the plane: a line (0, 1), a point on it, a ray
    g = double_description.generators([(1, 0, 0)], 2)

    assert (g.lines, g.rays) == ([(0, 1)], [(1, 0)])
    assert g.vertices[0][0] == 0


# -- operations without cdd -----------------------------------------------------------
@given(strategies.systems(d=2), strategies.systems(d=2), st.lists(st.integers(-2, 2), min_size=2, max_size=2))
@settings(max_examples=60)
def test_intersections_hold_the_points_of_both(first, second, x):
    P, Q = system_polytope(first), system_polytope(second)
    both = P.intersection(Q)

    assert both.contains(x) == (P.contains(x) and Q.contains(x))
    assert both.rows == P.rows + Q.rows


@given(
    strategies.systems(d=2),
    st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=2, max_size=2),
    st.lists(st.integers(-2, 2), min_size=2, max_size=2),
    st.lists(st.integers(-2, 2), min_size=3, max_size=3),
)
@settings(max_examples=50)
def test_preimages_hold_the_points_that_are_mapped_into_the_set(system, M, t, y):
    P = system_polytope(system)
    x = [sum(a * v for a, v in zip(row, y, strict=True)) + s for row, s in zip(M, t, strict=True)]

    assert P.affine_preimage(M, t).contains(y) == P.contains(x)
    assert P.affine_preimage(M, t).d == 3


@given(
    strategies.systems(d=2),
    st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=2, max_size=2),
    st.lists(st.integers(-2, 2), min_size=2, max_size=2),
)
@settings(max_examples=50)
def test_invertible_images_go_there_and_back(system, M, t):
    matrix = RationalMatrix.of(M)
    assume(matrix.det())
    P = system_polytope(system)
    image = P.affine_image(M, t)

    assert image.affine_preimage(M, t) == P
    assert image.names == P.names
    if P.dimension() == 2 and P.is_bounded():
        assert image.volume() == abs(matrix.det()) * P.volume()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TRIANGLE.affine_image([[1, 2, 3]]), r"M has shape \(1, 3\); expected \(k, 2\)"),
        (lambda: TRIANGLE.affine_preimage([[1, 2]]), r"M has shape \(1, 2\); expected \(2, k\)"),
        (lambda: TRIANGLE.affine_image([[1, 2]], [1, 2]), "t has 2 entries; expected 1"),
        (lambda: TRIANGLE.projection([0, 0]), r"coordinates are \[0, 0\]; name distinct ones from 0 to 1"),
        (lambda: TRIANGLE.projection([2]), "name distinct ones from 0 to 1"),
        (lambda: TRIANGLE.projection([]), "name distinct ones from 0 to 1"),
        (lambda: TRIANGLE.intersection(Box([0], [1])), "polytopes of dimensions 2 and 1 cannot be intersected"),
        (lambda: TRIANGLE.minkowski_sum(Box([0], [1])), "polytopes of dimensions 2 and 1 cannot be added"),
    ],
)
def test_operations_that_do_not_fit(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("call", [lambda: TRIANGLE.projection([0]), lambda: TRIANGLE.minkowski_sum(TRIANGLE)])
def test_a_missing_cdd_says_how_to_install_it(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "cdd", None)
    with pytest.raises(MissingDependency) as caught:
        call()

    text = str(caught.value)
    assert "apt-get install libcdd-dev libgmp-dev" in text
    assert "brew install cddlib gmp" in text
    assert "conda install -c conda-forge cddlib gmp" in text
    assert "pip install 'polyrelu[cdd]'" in text
    assert "\n" not in text
    assert isinstance(caught.value, ImportError)


def test_what_needs_no_cdd_does_not_load_it():
    code = "import sys; from polyrelu import Box; Box([0, 0], [1, 1]).affine_image([[2, 1], [0, 1]]).volume(); print('cdd' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


# -- many dimensions ------------------------------------------------------------------
@pytest.mark.parametrize("d", [15, 30])
def test_facets_of_polytopes_in_many_dimensions(d):
    rng = np.random.default_rng(d)
    unit = np.eye(d, dtype=int)
    # the simplex, a copy of its first row, and rows that only its corners reach or that nothing reaches
    A = np.vstack([-unit, np.ones((1, d), dtype=int), -3 * unit[:1], unit, rng.integers(0, 2, (3, d))])
    P = HPolytope(A, [0] * d + [1, 0] + [1] * d + [2] * 3)

    assert P.facets() == [(0, d + 1), *((i,) for i in range(1, d + 1))]
    assert P.is_bounded() and P.dimension() == d
    assert len(P.vertices()) == d + 1


def test_all_of_a_space_of_many_dimensions():
    P = HPolytope(np.zeros((0, 784)), [])

    assert P.bounding_box() == ((-INF,) * 784, (INF,) * 784)
    assert P.interior_point() == (0,) * 784
    assert P.facets() == [] and not P.is_bounded()
