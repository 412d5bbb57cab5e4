"""Square roots of rationals and largest singular values, between certified bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .exact import nearest_floats

# Bits of a sum of square roots: more than a float holds, so that rounding to one costs nothing more.
BITS = 80


def sqrt_floats(square: Fraction) -> tuple[float, float]:
    """Return two floats, equal or neighbors, with the square root of a rational between them.

    Examples
    --------
    >>> sqrt_floats(Fraction(9, 4)), sqrt_floats(Fraction(2))
    ((1.5, 1.5), (1.414213562373095, 1.4142135623730951))
    """
    low, high, shift = _root(square)
    ends = (Fraction(v) * Fraction(2) ** -shift for v in (low, high))
    return float(nearest_floats([next(ends)], -1)[0]), float(nearest_floats([next(ends)], +1)[0])


def _root(square: Fraction) -> tuple[int, int, int]:
    """Return integers low, high and a shift s with ``low <= 2**s sqrt(square) <= high`` and high - low at most 1."""
    shift = BITS - (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    scaled = square * Fraction(4) ** shift
    low = math.isqrt(scaled.numerator // scaled.denominator)
    return low, low + (low * low != scaled), shift


@dataclass(frozen=True)
class RootSum:
    """A sum of square roots of rationals: lengths and areas.

    Attributes
    ----------
    squares : tuple of Fraction
        The exact number is the sum of their square roots.

    Examples
    --------
    >>> total = RootSum((Fraction(1, 4), Fraction(1, 4)))
    >>> float(total), total.error
    (1.0, 0.0)
    """

    squares: tuple[Fraction, ...]

    def bounds(self) -> tuple[Fraction, Fraction]:
        """Return rationals below and above the exact sum."""
        lower, upper = Fraction(0), Fraction(0)
        for square in self.squares:
            low, high, shift = _root(square)
            # dyadic numbers: sums have few digits
            lower += low * Fraction(2) ** -shift
            upper += high * Fraction(2) ** -shift
        return lower, upper

    def __float__(self) -> float:
        lower, upper = self.bounds()
        try:
            return float((lower + upper) / 2)
        except OverflowError:
            return math.inf

    @property
    def error(self) -> float:
        """A bound on the distance between ``float(self)`` and the exact sum."""
        lower, upper = self.bounds()
        if math.isinf(float(self)):
            return math.inf
        middle = Fraction(float(self))
        return float(nearest_floats([max(upper - middle, middle - lower)], +1)[0])

    def __repr__(self) -> str:
        return f"<RootSum of {len(self.squares)} terms, {float(self)!r} within {self.error:.1e}>"


Matrix = Sequence[Sequence[int]]


def largest_squared_norm(matrices: Iterable[tuple[Matrix, int]]) -> tuple[Fraction, Fraction, int]:
    """Return bounds of the largest squared spectral norm of matrices, given as integers over a denominator.

    Returns
    -------
    lower, upper : Fraction
        Equal if the matrix has one row or one column; else they differ by a factor of 1 + 2**-40 or less.
    index : int
        The matrix of the lower bound.

    Notes
    -----
    Exactness: *certified*. Floats propose a vector v and a number t: v's Rayleigh quotient is a lower bound, and t an
    upper one if ``t - A^T A`` is positive definite, which exact elimination decides.

    Examples
    --------
    >>> largest_squared_norm([([[3, 4]], 1), ([[1, 0]], 2)])
    (Fraction(25, 1), Fraction(25, 1), 0)
    """
    lower, upper, index = Fraction(0), Fraction(0), 0
    for i, (rows, den) in enumerate(matrices):
        gram = _gram(rows)
        trace = sum(gram[k][k] for k in range(len(gram)))
        if trace <= upper * den * den or _below(gram, upper * den * den):
            continue
        if len(gram) == 1:
            low = high = Fraction(trace, den * den)
        else:
            low, high = (v / (den * den) for v in _largest_eigenvalue(gram))
        if low > lower:
            lower, index = low, i
        upper = max(upper, high)
    return lower, upper, index


def _gram(rows: Matrix) -> list[list[int]]:
    """Return the smaller of A A^T and A^T A, which have the same largest eigenvalue."""
    lines = list(rows) if len(rows) <= len(rows[0]) else list(zip(*rows, strict=True))
    return [[sum(a * b for a, b in zip(u, v, strict=True)) for v in lines] for u in lines]


def _below(gram: Matrix, bound: Fraction) -> bool:
    """Tell whether ``bound - gram`` is positive definite, by elimination without fractions (Bareiss)."""
    p, q, n = bound.numerator, bound.denominator, len(gram)
    m = [[p * (i == j) - q * gram[i][j] for j in range(n)] for i in range(n)]
    before = 1
    for k in range(n):
        if m[k][k] <= 0:
            return False
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) // before
        before = m[k][k]
    return True


def _largest_eigenvalue(gram: Matrix) -> tuple[Fraction, Fraction]:
    """Return bounds of the largest eigenvalue of a positive semidefinite integer matrix that is not zero."""
    top = max(row[k] for k, row in enumerate(gram))
    scaled = np.array([[v / top for v in row] for row in gram])
    vector = [Fraction(v) for v in np.linalg.eigh(scaled)[1][:, -1].tolist()]
    product = [sum((Fraction(a) * v for a, v in zip(row, vector, strict=True)), Fraction(0)) for row in gram]
    quotient = sum((a * v for a, v in zip(product, vector, strict=True)), Fraction(0)) / sum(v * v for v in vector)
    # fewer digits, rounded down
    shift = BITS - (quotient.numerator.bit_length() - quotient.denominator.bit_length())
    low = Fraction(math.floor(quotient * Fraction(2) ** shift)) / Fraction(2) ** shift
    for bits in range(64, -64, -4):
        high = low * (1 + Fraction(1, 2) ** bits) if bits > 0 else low * (1 << -bits) * 2
        if _below(gram, high):
            return low, high
    return low, Fraction(sum(gram[k][k] for k in range(len(gram))))
