"""Exact numbers: floats as dyadic rationals, integer matrices over one denominator.

A binary64 number *is* a rational ``m * 2**e``. Nothing here rounds, except
:meth:`RationalMatrix.to_float`, which rounds to nearest and says whether it had to.

Layers, bottom up:

* :func:`fraction` turns one number of any accepted kind into a ``Fraction``;
* :class:`RationalMatrix` is an integer matrix over one positive denominator. Products and sums never
  reduce: a common factor costs a few bits, a gcd per entry costs more than the product itself;
* :func:`primitive`, :func:`dot`, :func:`nullspace` work on rows of Python integers.

python-flint does the integer linear algebra and stays inside this module: its types compare
oddly with ``Fraction``, refuse floats and do not pickle.

References
----------
N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, section 3.1 (gamma_n).
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat

from .errors import InputError

IntRow = tuple[int, ...]
Point = tuple[Fraction, ...]

# Half an ulp of 1.0, the unit roundoff u of binary64: |fl(x op y) - (x op y)| <= u |x op y|.
UNIT_ROUNDOFF = 2.0**-53
# More than the absolute error of any single product that underflows (2**-1075), so that a count of
# operations times this number covers every underflow.
UNDERFLOW = 2.0**-1022
# Text like 1e999999999 would fill the memory with digits.
MAX_EXPONENT = 100_000

_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?(\s*/\s*\d+)?\s*")


def fraction(value: Any, what: str = "number") -> Fraction:
    """Return a number as the exact rational that it is.

    Parameters
    ----------
    value : int, float, numpy scalar, Fraction, Decimal, flint number or str
        A float is the binary64 (or binary32) number that it is; a string is an exact
        decimal (``"0.1"``, ``"-1e-3"``) or a quotient ``"p/q"``.
    what : str
        What the number is, for the error message.

    Returns
    -------
    Fraction
        Exact.

    Raises
    ------
    InputError
        For NaN, infinity, complex numbers and text that is no number.

    Examples
    --------
    >>> fraction(0.5), fraction("0.1"), fraction("-1/3")
    (Fraction(1, 2), Fraction(1, 10), Fraction(-1, 3))
    >>> fraction(0.1) == fraction("0.1")
    False
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return Fraction(int(value))
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            raise InputError(f"{what} is {float(value)}; every number must be finite")
        return Fraction(*value.as_integer_ratio())
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise InputError(f"{what} is {value}; every number must be finite")
        return Fraction(value)
    if isinstance(value, fmpz):
        return Fraction(int(value))
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, str):
        # Fraction() alone would also take "1_000" and non-ASCII digits; text files never mean those.
        if _NUMBER.fullmatch(value) and value.isascii():
            # Decimal, because int() and Fraction() stop at 4300 digits
            numerator, _, denominator = value.partition("/")
            try:
                top, bottom = Decimal(numerator.strip()), Decimal(denominator.strip() or 1)
            except InvalidOperation:
                top, bottom = Decimal("inf"), Decimal(1)
            exponent = top.as_tuple().exponent
            if not isinstance(exponent, int) or abs(exponent) > MAX_EXPONENT:
                raise InputError(f"{what} is {value!r}; exponents go up to {MAX_EXPONENT}")
            if bottom:
                return Fraction(top) / Fraction(bottom)
        raise InputError(f"{what} is {value!r}; write a decimal like 0.25 or -1e-3, or a quotient like 1/3")
    if isinstance(value, numbers.Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return fraction(value[()], what)
    raise InputError(f"{what} is of type {type(value).__name__}; give an int, float, Fraction or a string like '1/3'")


def text(value: Fraction) -> str:
    """Write a rational as ``"p"`` or ``"p/q"``, at any length; :func:`fraction` reads it back.

    Examples
    --------
    >>> text(Fraction(-1, 3)), text(Fraction(2))
    ('-1/3', '2')
    """
    # Decimal, because str(int) stops at 4300 digits
    top, bottom = f"{Decimal(value.numerator):f}", f"{Decimal(value.denominator):f}"
    return top if bottom == "1" else f"{top}/{bottom}"


def short_text(value: Fraction) -> str:
    """Write a rational for a person: exactly if that is short, else its size.

    Examples
    --------
    >>> short_text(Fraction(1, 3)), short_text(Fraction(1, 3**300))
    ('1/3', 'about 7.305e-144')
    """
    exact = text(value)
    if len(exact) <= 40:
        return exact
    return f"about {Context(prec=4).divide(Decimal(value.numerator), Decimal(value.denominator)).normalize():e}"


def as_array(values: Any) -> npt.NDArray[Any]:
    """Return numbers as an array without rounding any of them.

    ``np.asarray`` alone makes text of ``["1/3", 0.5]`` and rounds the integers of ``[2**60 + 1, 0.5]``
    and of ``[2**63, -1]`` to floats.

    Examples
    --------
    >>> as_array([2**60 + 1, 0.5]).tolist() == [2**60 + 1, 0.5]
    True
    """
    if isinstance(values, np.ndarray):
        return values
    array = np.asarray(values)
    # an integer that was rounded has become a float of at least 2**53
    if array.dtype.kind in "US" or (array.dtype.kind == "f" and np.any(np.abs(array) >= 2.0**53)):
        exact = np.asarray(values, dtype=object)
        if not all(isinstance(v, float) for v in exact.flat):
            return exact
    return array


def point(values: Iterable[Any], what: str = "point") -> Point:
    """Return the coordinates of a point as a tuple of Fractions.

    Examples
    --------
    >>> point([0.5, 1])
    (Fraction(1, 2), Fraction(1, 1))
    """
    return tuple(fraction(v, f"{what}[{i}]") for i, v in enumerate(values))


def integer_point(x: Sequence[Fraction]) -> tuple[list[int], int]:
    """Return numerators over the least common denominator of a rational point.

    Examples
    --------
    >>> integer_point([Fraction(1, 2), Fraction(1, 3)])
    ([3, 2], 6)
    """
    den = math.lcm(*(v.denominator for v in x)) if len(x) else 1
    return [v.numerator * (den // v.denominator) for v in x], den


def primitive(row: Sequence[int]) -> IntRow:
    """Divide an integer row by the gcd of its entries; directions are kept.

    Two rows are positive multiples of each other iff their primitive rows are equal.

    Examples
    --------
    >>> primitive([4, -6, 0])
    (2, -3, 0)
    """
    g = math.gcd(*row)
    return tuple(row) if g <= 1 else tuple(v // g for v in row)


def dot(row: Sequence[int], numerators: Sequence[int], den: int) -> int:
    """Return ``den * (row[:-1] @ x + row[-1])`` for ``x = numerators / den``: the sign of an affine form at x."""
    return sum(a * v for a, v in zip(row, numerators, strict=False)) + row[-1] * den


def odd_parts(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Write finite floats as an odd integer times a power of two; zero is 0 times 1.

    Examples
    --------
    >>> [part.tolist() for part in odd_parts(np.array([0.75, -8.0, 0.0]))]
    [[3, -1, 0], [-2, 3, 0]]
    """
    mantissa, exponent = np.frexp(values)
    integers = np.ldexp(mantissa, 53).astype(np.int64)
    exponents = exponent.astype(np.int64) - 53
    nonzero = integers != 0
    lowest = integers & -integers  # the lowest set bit is a power of two, so frexp reads its exponent exactly
    trailing = np.frexp(lowest.astype(np.float64))[1] - 1
    integers = np.where(nonzero, integers >> np.where(nonzero, trailing, 0), 0)
    return integers, np.where(nonzero, exponents + trailing, 0)


class RationalMatrix:
    """An exact rational matrix: integer numerators over one positive denominator.

    Build it with :meth:`of`. Immutable, picklable, compared by value.

    Examples
    --------
    >>> M = RationalMatrix.of([[0.5, 1], [0, 3]])
    >>> M.den, M.fractions()[0, 0]
    (2, Fraction(1, 2))
    >>> (M @ M).to_float()[0].tolist()
    [[0.25, 3.5], [0.0, 9.0]]
    """

    __slots__ = ("_floats", "_num", "den")

    def __init__(self, num: fmpz_mat, den: int = 1, floats: npt.NDArray[np.float64] | None = None):
        self._num = num
        self.den = den
        # the same numbers as floats, if the matrix was made from them: reading them again costs nothing
        self._floats = floats

    # -- construction -----------------------------------------------------------------
    @classmethod
    def of(cls, values: Any, what: str = "matrix") -> RationalMatrix:
        """Take a 2-D array of numbers exactly; every kind that :func:`fraction` takes may be mixed."""
        if isinstance(values, RationalMatrix):
            return values
        try:
            array = as_array(values)
        except ValueError:
            raise InputError(f"{what} has rows of different lengths; give a rectangular array of numbers") from None
        if array.ndim != 2:
            raise InputError(f"{what} has {array.ndim} dimension(s); a matrix of 2 is needed")
        m, n = array.shape
        if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
            return cls._of_floats(array.astype(np.float64), what)
        if array.dtype.kind in "iub":
            return cls(fmpz_mat(m, n, [int(v) for v in array.ravel().tolist()]))
        entries = [fraction(v, f"{what}[{i // n}, {i % n}]") for i, v in enumerate(array.ravel())]
        den = math.lcm(*(v.denominator for v in entries)) if entries else 1
        return cls(fmpz_mat(m, n, [v.numerator * (den // v.denominator) for v in entries]), den)

    @classmethod
    def _of_floats(cls, array: npt.NDArray[np.float64], what: str) -> RationalMatrix:
        m, n = array.shape
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            i, j = (int(v) for v in bad[0])
            raise InputError(f"{what}[{i}, {j}] is {array[i, j]}; every number must be finite")
        integers, exponents = odd_parts(array.ravel())
        base = int(exponents.min(initial=0))
        shifts = np.where(integers != 0, exponents - base, 0)
        values = [v << s for v, s in zip(integers.tolist(), shifts.tolist(), strict=True)]
        return cls(fmpz_mat(m, n, values), 1 << -base, array + 0.0)  # without negative zeros

    @classmethod
    def zeros(cls, m: int, n: int) -> RationalMatrix:
        """Return the zero matrix of shape (m, n)."""
        return cls(fmpz_mat(m, n))

    @classmethod
    def identity(cls, n: int) -> RationalMatrix:
        """Return the identity matrix of order n."""
        return cls.of(np.eye(n, dtype=np.int64))

    # -- reading ----------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._num.nrows(), self._num.ncols()

    @property
    def given_floats(self) -> npt.NDArray[np.float64] | None:
        """The floats that the matrix was made from, with the same values; None if it was made otherwise."""
        return self._floats

    def integers(self) -> list[list[int]]:
        """Return the numerators, row by row, as Python integers."""
        m, n = self.shape
        flat = [int(v) for v in self._num.entries()] if m and n else []
        return [flat[i * n : (i + 1) * n] for i in range(m)]

    def integer_row(self, i: int) -> IntRow:
        """Return the numerators of row i."""
        return tuple(int(self._num[i, j]) for j in range(self._num.ncols()))

    def fractions(self) -> npt.NDArray[np.object_]:
        """Return the entries as an object array of Fractions."""
        out = np.empty(self.shape, dtype=object)
        for i, row in enumerate(self.integers()):
            for j, v in enumerate(row):
                out[i, j] = Fraction(v, self.den)
        return out

    def to_float(self) -> tuple[npt.NDArray[np.float64], bool]:
        """Round every entry to the nearest binary64 number.

        Returns
        -------
        array : ndarray of shape (m, n)
            |array - exact| <= 2**-53 |array| + 2**-1074 in every entry.
        exact : bool
            True if no entry had to be rounded.

        Raises
        ------
        InputError
            If an entry is beyond the range of binary64.
        """
        if self._floats is not None:
            return self._floats.copy(), True
        out = np.zeros(self.shape)
        exact = True
        for i, row in enumerate(self.integers()):
            for j, v in enumerate(row):
                if v == 0:
                    continue
                try:
                    f = v / self.den  # int / int is correctly rounded
                except OverflowError:
                    raise InputError("a number is beyond 1.8e308, the range of double precision; rescale") from None
                out[i, j] = f
                if exact:
                    p, q = f.as_integer_ratio()
                    exact = p * self.den == v * q
        return out, exact

    def dense(self) -> RationalMatrix:
        """Return the matrix itself."""
        return self

    def row_sums(self) -> list[int]:
        """Return for every row the sum of its numerators' sizes."""
        return [sum(map(abs, row)) for row in self.integers()]

    def operator(self) -> tuple[npt.NDArray[np.float64], bool]:
        """Return :meth:`to_float`: what float passes multiply by, sparse for a sparse matrix."""
        return self.to_float()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RationalMatrix):
            return NotImplemented
        if self.shape != other.shape:
            return False
        return bool(self._num * other.den == other._num * self.den)

    def __hash__(self) -> int:
        return hash((self.shape, tuple(self.fractions().ravel())))

    def __repr__(self) -> str:
        return f"RationalMatrix({self.to_float()[0].tolist()!r})"

    def __reduce__(self) -> Any:
        if self._floats is not None:
            return RationalMatrix.of, (self._floats,)
        return _rebuild, (self.shape, [int(v) for v in self._num.entries()], self.den)

    @property
    def is_zero(self) -> bool:
        """True if every entry is zero."""
        return bool(self._num.is_zero())

    # -- arithmetic -------------------------------------------------------------------
    def __matmul__(self, other: RationalMatrix) -> RationalMatrix:
        if not isinstance(other, RationalMatrix):
            return NotImplemented  # a sparse matrix knows how
        return RationalMatrix(self._num * other._num, self.den * other.den)

    def __add__(self, other: RationalMatrix) -> RationalMatrix:
        if not isinstance(other, RationalMatrix):
            return NotImplemented
        if self.den == other.den:
            return RationalMatrix(self._num + other._num, self.den)
        den = math.lcm(self.den, other.den)
        return RationalMatrix(self._num * (den // self.den) + other._num * (den // other.den), den)

    def __neg__(self) -> RationalMatrix:
        return RationalMatrix(-self._num, self.den)

    def __sub__(self, other: RationalMatrix) -> RationalMatrix:
        return self + -other

    def scale(self, factor: Fraction) -> RationalMatrix:
        """Multiply by a rational number."""
        return RationalMatrix(self._num * factor.numerator, self.den * factor.denominator)

    def transpose(self) -> RationalMatrix:
        """Return the transpose."""
        return RationalMatrix(self._num.transpose(), self.den)

    def rows(self, keep: Sequence[int]) -> RationalMatrix:
        """Return the matrix of the given rows, in the given order."""
        n = self.shape[1]
        table = self._num.table()
        return RationalMatrix(fmpz_mat(len(keep), n, [v for i in keep for v in table[i]]), self.den)

    def columns(self, keep: Sequence[int]) -> RationalMatrix:
        """Return the matrix of the given columns, in the given order."""
        table = self._num.table()
        return RationalMatrix(fmpz_mat(self.shape[0], len(keep), [row[j] for row in table for j in keep]), self.den)

    def masked(self, mask: Sequence[int] | npt.NDArray[Any]) -> RationalMatrix:
        """Return the matrix with the rows whose mask is false set to zero (a ReLU on affine forms)."""
        m, n = self.shape
        num = fmpz_mat(self._num)
        for i in range(m):
            if not mask[i]:
                for j in range(n):
                    num[i, j] = 0
        return RationalMatrix(num, self.den)

    def hstack(self, other: RationalMatrix) -> RationalMatrix:
        """Put another matrix to the right of this one."""
        den = math.lcm(self.den, other.den)
        left, right = self._num * (den // self.den), other._num * (den // other.den)
        m, n = self.shape
        entries = [v for a, b in zip(left.table(), right.table(), strict=True) for v in (*a, *b)]
        return RationalMatrix(fmpz_mat(m, n + other.shape[1], entries), den)

    @staticmethod
    def vstack(top: RationalMatrix, bottom: RationalMatrix) -> RationalMatrix:
        """Put one matrix on top of another."""
        den = math.lcm(top.den, bottom.den)
        entries = [*(top._num * (den // top.den)).entries(), *(bottom._num * (den // bottom.den)).entries()]
        return RationalMatrix(fmpz_mat(top.shape[0] + bottom.shape[0], top.shape[1], entries), den)

    def solve(self, rhs: RationalMatrix) -> RationalMatrix | None:
        """Return the exact X with ``self @ X == rhs`` for a square matrix, or None if it is singular."""
        try:
            num, den = self._num.solve(rhs._num).numer_denom()
        except ZeroDivisionError:
            return None
        return RationalMatrix(num * self.den, int(den) * rhs.den)

    def rank(self) -> int:
        """Return the exact rank."""
        m, n = self.shape
        return int(self._num.rank()) if m and n else 0

    def det(self) -> Fraction:
        """Return the exact determinant of a square matrix."""
        return Fraction(int(self._num.det()), self.den ** self.shape[0])


def _rebuild(shape: tuple[int, int], entries: list[int], den: int) -> RationalMatrix:
    return RationalMatrix(fmpz_mat(*shape, entries), den)


def rational_sum(values: Iterable[Fraction]) -> Fraction:
    """Add rationals, neighbors first: sums of huge numbers stay cheap, and denominators that cancel do so early.

    Examples
    --------
    >>> rational_sum([Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)])
    Fraction(1, 1)
    """
    terms = [fmpq(v.numerator, v.denominator) for v in values] or [fmpq(0)]
    while len(terms) > 1:
        odd = terms[len(terms) & ~1 :]
        terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)] + odd
    reduced: Any = _Reduced(int(terms[0].p), int(terms[0].q))
    return Fraction(reduced)


class _Reduced(NamedTuple):
    """A quotient without common factors, which Fraction takes as it is: its own gcd is slow for millions of digits."""

    numerator: int
    denominator: int


numbers.Rational.register(_Reduced)


# -- on rows of Python integers -------------------------------------------------------
def integer_matrix(rows: Sequence[Sequence[int]], width: int) -> RationalMatrix:
    """Pack integer rows of the given width into a matrix of denominator 1."""
    return RationalMatrix(fmpz_mat(len(rows), width, [v for row in rows for v in row]))


def integer_column(values: Sequence[int]) -> RationalMatrix:
    """Pack integers into a matrix of one column."""
    return RationalMatrix(fmpz_mat(len(values), 1, list(values)))


def nullspace(rows: Sequence[Sequence[int]], width: int) -> list[IntRow]:
    """Return an integer basis of {v : rows @ v = 0}, in reduced echelon form.

    Examples
    --------
    >>> nullspace([(1, 1, 0)], 3)
    [(-1, 1, 0), (0, 0, 1)]
    """
    if not rows:
        return [tuple(int(i == k) for i in range(width)) for k in range(width)]
    reduced, r = fmpq_mat(fmpz_mat(len(rows), width, [v for row in rows for v in row])).rref()
    table = [[Fraction(int(v.p), int(v.q)) for v in row] for row in reduced.table()[:r]]
    pivots = [next(j for j, v in enumerate(row) if v) for row in table]
    basis = []
    for free in (j for j in range(width) if j not in pivots):
        vector = [Fraction(int(j == free)) for j in range(width)]
        for row, pivot in zip(table, pivots, strict=True):
            vector[pivot] = -row[free]
        basis.append(primitive(integer_point(vector)[0]))
    return basis


def dyadic_near(x: Sequence[Fraction], bits: int) -> Point:
    """Round every coordinate to the nearest multiple of ``2**-bits`` (bits may be negative).

    Examples
    --------
    >>> dyadic_near([Fraction(1, 3)], 4)
    (Fraction(5, 16),)
    """
    scale = Fraction(2) ** bits
    return tuple(round(v * scale) / scale for v in x)


def floats(x: Sequence[Fraction]) -> npt.NDArray[np.float64]:
    """Round a rational point to the nearest floats; beyond 1.8e308 they are infinite."""
    return np.array([_float(v) for v in x], dtype=np.float64)


def _float(v: Fraction) -> float:
    try:
        return float(v)
    except OverflowError:
        return math.inf if v > 0 else -math.inf


def nearest_floats(values: Sequence[Fraction], direction: int) -> npt.NDArray[np.float64]:
    """Round rationals to floats, down (-1) or up (+1): never on the wrong side of the exact value.

    Examples
    --------
    >>> Fraction(nearest_floats([Fraction(1, 10)], -1)[0]) <= Fraction(1, 10)
    True
    """
    out = floats(values)
    for i, v in enumerate(values):
        if math.isinf(out[i]):
            wrong = (out[i] > 0) != (direction > 0)
        else:
            wrong = (Fraction(out[i]) - v) * direction < 0
        if wrong:
            out[i] = np.nextafter(out[i], direction * np.inf)
    return out
