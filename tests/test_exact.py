"""Exact numbers and matrices: every accepted kind, every refusal, and the linear algebra against Fractions."""

from __future__ import annotations

import math
import pickle
from decimal import Decimal
from fractions import Fraction as F

import flint
import numpy as np
import oracle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyrelu import InputError, exact
from polyrelu.exact import RationalMatrix

small = st.integers(-4, 4)
rationals = st.fractions(min_value=-5, max_value=5, max_denominator=6)
anyfloats = st.floats(allow_nan=False, allow_infinity=False)


def matrices(rows, columns, entries=small):
    return st.lists(st.lists(entries, min_size=columns, max_size=columns), min_size=rows, max_size=rows)


# -- numbers --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, F(3)),
        (True, F(1)),
        (np.int64(-7), F(-7)),
        (np.uint64(2**64 - 1), F(2**64 - 1)),
        (0.1, F(3602879701896397, 2**55)),  # the binary64 number nearest to 0.1
        (np.float32(0.1), F(13421773, 2**27)),  # and the binary32 number
        (np.float16(0.1), F(819, 2**13)),
        (5e-324, F(1, 2**1074)),
        (np.longdouble(1) / 3, F(*(np.longdouble(1) / 3).as_integer_ratio())),
        (F(1, 3), F(1, 3)),
        (Decimal("-0.1"), F(-1, 10)),
        (flint.fmpz(5), F(5)),
        (flint.fmpq(1, 3), F(1, 3)),
        (np.array(0.5), F(1, 2)),
        ("0.1", F(1, 10)),
        ("-1e-3", F(-1, 1000)),
        ("+.5", F(1, 2)),
        ("2.", F(2)),
        (" -1/3 ", F(-1, 3)),
        ("1.5e2/3", F(50)),
        ("1e400", F(10**400)),  # beyond the range of floats
        ("0." + "0" * 5000 + "1", F(1, 10**5001)),  # beyond Python's limit of digits in int()
    ],
)
def test_every_kind_of_number_is_exact(value, expected):
    found = exact.fraction(value)

    assert type(found) is F
    assert found == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "w is nan; every number must be finite"),
        (np.float32(math.inf), "w is inf; every number must be finite"),
        (Decimal("NaN"), "w is NaN; every number must be finite"),
        (1j, "w is of type complex; give an int, float, Fraction or a string"),
        (None, "w is of type NoneType"),
        ([1], "w is of type list"),
        ("", "write a decimal like 0.25"),
        ("1_000", "write a decimal"),
        ("١", "write a decimal"),  # a digit, though not an ASCII one
        ("nan", "write a decimal"),
        ("inf", "write a decimal"),
        ("0x10", "write a decimal"),
        ("1/0", "write a decimal"),
        ("1/2/3", "write a decimal"),
        ("1e999999999", "exponents go up to 100000"),
        ("1e9999999999999999999999", "exponents go up to 100000"),
    ],
)
def test_what_is_no_number_is_refused(value, message):
    with pytest.raises(InputError, match=message):
        exact.fraction(value, "w")


@given(anyfloats)
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
def test_floats_survive_the_way_to_fractions_and_back(x):
    assert float(exact.fraction(x)) == x
    assert exact.fraction(repr(x)) == F(Decimal(repr(x)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2**60 + 1, 0.5], [F(2**60 + 1), F(1, 2)]),
        ([2**63, -1], [F(2**63), F(-1)]),
        ([10**400, 0.5], [F(10**400), F(1, 2)]),
        (["1/3", 0.5], [F(1, 3), F(1, 2)]),
        ([F(1, 3), 2], [F(1, 3), F(2)]),
        ([1e300, 0.5], [F(1e300), F(1, 2)]),
    ],
)
def test_as_array_rounds_nothing(values, expected):
    assert [exact.fraction(v) for v in exact.as_array(values)] == expected


def test_as_array_keeps_floats_as_floats():
    assert exact.as_array([1e300, 0.5]).dtype == np.float64


# -- points and rows ------------------------------------------------------------------
def test_points_name_the_coordinate_that_is_wrong():
    assert exact.point([0.5, "1/3"], "x") == (F(1, 2), F(1, 3))
    with pytest.raises(InputError, match=r"x\[1\] is nan"):
        exact.point([0, math.nan], "x")


@given(st.lists(rationals, max_size=4))
def test_integer_points_have_the_least_denominator(x):
    numerators, den = exact.integer_point(x)

    assert [F(v, den) for v in numerators] == x
    assert math.gcd(den, *numerators) == 1


@given(st.lists(small, min_size=1, max_size=4), st.integers(1, 5))
def test_primitive_rows_are_equal_iff_they_are_positive_multiples(row, factor):
    scaled = [factor * v for v in row]
    flipped = [-v for v in row]

    assert exact.primitive(scaled) == exact.primitive(row)
    assert (exact.primitive(flipped) == exact.primitive(row)) == (not any(row))
    assert math.gcd(*exact.primitive(row)) in (0, 1)


@given(st.lists(small, min_size=3, max_size=3), st.lists(rationals, min_size=2, max_size=2))
def test_dot_has_the_sign_of_the_form(row, x):
    numerators, den = exact.integer_point(x)

    assert F(exact.dot(row, numerators, den), den) == oracle.value(row, x)


# -- matrices -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [
        [[1, -2], [3, 4]],
        [[F(1), F(-2)], [F(3), F(4)]],
        np.array([[1, -2], [3, 4]], dtype=np.float32),
        np.array([[1, -2], [3, 4]], dtype=np.float64),
        np.array([[1, -2], [3, 4]], dtype=np.int8),
        [["1", "-2"], ["3", "4.0"]],
        [[1, "-2"], [F(3), 4.0]],
        RationalMatrix.of([[1, -2], [3, 4]]),
    ],
    ids=["int", "Fraction", "float32", "float64", "int8", "text", "mixed", "matrix"],
)
def test_one_matrix_from_every_kind_of_number(values):
    M = RationalMatrix.of(values)

    assert M.shape == (2, 2)
    assert M.fractions().tolist() == [[1, -2], [3, 4]]
    assert M == RationalMatrix.of([[1, -2], [3, 4]])
    assert hash(M) == hash(RationalMatrix.of([[1, -2], [3, 4]]))
    assert (M @ M).fractions().tolist() == [[-5, -10], [15, 10]]
    assert M.det() == 10


@given(matrices(2, 3, anyfloats))
@example([[5e-324, 1.7976931348623157e308, 0.0], [-0.0, 1.5, 3.0]])
@example([[2.0**-1074 * 3, 2.0**-1022, 2.0**53], [2.0**53 - 1, 2.0**-53, -(2.0**1023)]])
def test_floats_are_taken_as_they_are(values):
    array, is_exact = RationalMatrix.of(values).to_float()

    assert RationalMatrix.of(values).fractions().tolist() == [[F(v) for v in row] for row in values]
    assert is_exact
    assert array.tolist() == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], r"M has 1 dimension\(s\); a matrix of 2 is needed"),
        ([[[1]]], r"M has 3 dimension"),
        ([[1, 2], [3]], "M has rows of different lengths; give a rectangular array"),
        ([[1.0, math.nan]], r"M\[0, 1\] is nan"),
        (np.array([[1.0], [math.inf]], dtype=np.float32), r"M\[1, 0\] is inf"),
        ([[1, None]], r"M\[0, 1\] is of type NoneType"),
        ([["1", "x"]], r"M\[0, 1\] is 'x'; write a decimal"),
    ],
)
def test_what_is_no_matrix_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        RationalMatrix.of(values, "M")


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_matrices_without_entries(shape):
    M = RationalMatrix.of(np.zeros(shape))

    assert M.shape == shape
    assert M.is_zero and M.rank() == 0
    assert M.to_float()[0].shape == shape
    assert M.transpose().shape == shape[::-1]
    assert M.fractions().shape == shape
    assert len(M.integers()) == shape[0]


@pytest.mark.parametrize(
    ("value", "rounded", "is_exact"),
    [
        (F(1, 3), 1 / 3, False),
        (F(1, 4), 0.25, True),
        (F(2**53 + 1), 2.0**53, False),
        (F(1, 10**400), 0.0, False),
        (F(1, 2**1074), 5e-324, True),
    ],
)
def test_rounding_to_floats_says_whether_it_rounded(value, rounded, is_exact):
    array, found = RationalMatrix.of([[value]]).to_float()

    assert (array[0, 0], found) == (rounded, is_exact)


def test_numbers_beyond_the_floats_do_not_become_floats():
    with pytest.raises(InputError, match="beyond 1.8e308, the range of double precision; rescale"):
        RationalMatrix.of([[10**400]]).to_float()


@given(matrices(2, 3, rationals), matrices(2, 3, rationals), matrices(3, 2, rationals), rationals)
@settings(max_examples=50)
def test_arithmetic_agrees_with_fractions(a, b, c, factor):
    A, B, C = (RationalMatrix.of(m) for m in (a, b, c))

    assert (A + B).fractions().tolist() == [
        [x + y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)
    ]
    assert A - B == A + -B
    assert (A @ C).fractions().tolist() == [
        [sum(x * y for x, y in zip(r, s, strict=True)) for s in zip(*c, strict=True)] for r in a
    ]
    assert A.scale(factor).fractions().tolist() == [[factor * x for x in row] for row in a]
    assert A.transpose().transpose() == A
    assert A.hstack(B).fractions().tolist() == [r + s for r, s in zip(a, b, strict=True)]
    assert RationalMatrix.vstack(A, B).fractions().tolist() == a + b
    assert A.rows([1, 0, 1]).fractions().tolist() == [a[1], a[0], a[1]]
    assert A.columns([2, 0]).fractions().tolist() == [[r[2], r[0]] for r in a]
    assert A.masked([0, 1]).fractions().tolist() == [[0, 0, 0], a[1]]
    assert (A == B) == (a == b)
    assert pickle.loads(pickle.dumps(A)) == A
    assert RationalMatrix.zeros(2, 2) @ A == RationalMatrix.zeros(2, 3)
    assert RationalMatrix.identity(2) @ A == A


def test_equal_values_over_different_denominators_are_equal():
    half = RationalMatrix.of([[0.5]])
    product = RationalMatrix.of([[F(1, 6)]]).scale(F(3))

    assert product.den != half.den  # products never reduce
    assert product == half and hash(product) == hash(half)
    assert half != RationalMatrix.of([[0.5, 0]]) and half != 0.5


# -- linear algebra -------------------------------------------------------------------
@given(matrices(3, 3), matrices(3, 1, rationals))
def test_solve_or_singular(a, b):
    A, rhs = RationalMatrix.of(a), RationalMatrix.of(b)
    x = A.solve(rhs)

    assert (x is None) == (A.det() == 0) == (oracle.rank(a) < 3)
    assert x is None or A @ x == rhs


@given(st.integers(0, 4).flatmap(lambda m: matrices(m, 3)))
def test_rank_and_nullspace(rows):
    basis = exact.nullspace(rows, 3)

    assert exact.integer_matrix(rows, 3).rank() == oracle.rank(rows) == 3 - len(basis)
    assert all(sum(a * b for a, b in zip(row, v, strict=True)) == 0 for row in rows for v in basis)
    assert oracle.rank(basis) == len(basis)
    assert all(math.gcd(*v) == 1 for v in basis)


# -- rounding points ------------------------------------------------------------------
@given(st.lists(rationals, max_size=3), st.integers(-3, 60))
def test_dyadic_points_are_near(x, bits):
    grid = F(2) ** -bits

    for near, v in zip(exact.dyadic_near(x, bits), x, strict=True):
        assert (near / grid).denominator == 1
        assert abs(near - v) <= grid / 2


@pytest.mark.parametrize("sign", [1, -1])
def test_points_beyond_the_floats_are_infinite(sign):
    huge = sign * F(10) ** 400

    assert exact.floats([huge]).tolist() == [sign * math.inf]
    assert exact.nearest_floats([huge], sign).tolist() == [sign * math.inf]
    # towards zero the largest float is on the right side
    assert exact.nearest_floats([huge], -sign).tolist() == [sign * 1.7976931348623157e308]


@given(st.fractions() | anyfloats.map(F))
@example(F(1, 10**400))
@example(F(-1, 10**400))
def test_directed_rounding_is_on_the_right_side(x):
    down, up = exact.nearest_floats([x], -1)[0], exact.nearest_floats([x], +1)[0]

    assert F(down) <= x <= F(up)
    assert up in (down, math.nextafter(down, math.inf))
