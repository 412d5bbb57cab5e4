"""Exact matrices with few entries: convolutions, pooling and padding, which would fill the memory as dense matrices.

A convolution repeats a few weights many thousand times, so the entries are numbers into a *pool* of distinct rationals:
``indices[indptr[i] : indptr[i + 1]]`` are the columns of row i, ascending, ``code`` the places of their values in the
pool, which holds no zero.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .exact import RationalMatrix, integer_matrix

Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

# Entries beyond which a dense copy is refused: it would take gigabytes of integers.
MAX_DENSE = 2**27


class SparseMatrix:
    """An exact rational matrix that stores its nonzero entries alone.

    Build it with :meth:`of_entries` or :meth:`selection`. Immutable, picklable. Products and sums with
    :class:`~polyrelu.exact.RationalMatrix` are dense, those of two sparse matrices sparse.

    Attributes
    ----------
    shape : (int, int)
    indptr, indices, code : ndarrays of int64
        See the module.
    pool : RationalMatrix of shape (k, 1)
        The distinct values.

    Notes
    -----
    Exactness: *exact*; :meth:`operator` alone rounds, and says whether it had to.

    Examples
    --------
    The convolution of three entries with the kernel (1, -2):

    >>> C = SparseMatrix.of_entries((2, 3), [0, 0, 1, 1], [0, 1, 1, 2], [1, -2, 1, -2])
    >>> C.nnz, C.pool.shape
    (4, (2, 1))
    >>> (C @ RationalMatrix.of([[1], [1], ["1/2"]])).fractions().ravel().tolist()
    [Fraction(-1, 1), Fraction(0, 1)]
    """

    __slots__ = ("__dict__", "code", "indices", "indptr", "pool", "shape")

    def __init__(self, shape: tuple[int, int], indptr: Ints, indices: Ints, code: Ints, pool: RationalMatrix):
        self.shape, self.indptr, self.indices, self.code, self.pool = shape, indptr, indices, code, pool

    # -- construction -----------------------------------------------------------------
    @classmethod
    def of_entries(
        cls, shape: tuple[int, int], rows: Any, cols: Any, values: Any, what: str = "matrix"
    ) -> SparseMatrix:
        """Take entries exactly; values at equal positions are added, zeros dropped.

        Parameters
        ----------
        shape : (int, int)
        rows, cols : array_like of int, shape (k,)
        values : array_like of numbers, shape (k,)
            Of every kind that :func:`polyrelu.exact.fraction` takes.
        what : str
            What the matrix is, for error messages.

        Raises
        ------
        InputError
            Arrays of different lengths, positions outside the shape, values that are no finite numbers.
        """
        at = [np.asarray(part, dtype=np.int64).ravel() for part in (rows, cols)]
        given = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
        given = given.ravel()
        if not len(at[0]) == len(at[1]) == len(given):
            raise InputError(f"{what} has {len(at[0])} rows, {len(at[1])} columns and {len(given)} values; one of each")
        for name, index, size in zip(("row", "column"), at, shape, strict=True):
            if len(index) and not 0 <= index.min() <= index.max() < size:
                raise InputError(f"{what} has an entry in {name} {index.min()} or {index.max()} of {size}")
        distinct, code = _distinct(given)
        return cls._sorted(shape, at[0], at[1], code, RationalMatrix.of(distinct.reshape(-1, 1), what))

    @classmethod
    def selection(cls, index: Any, columns: int) -> SparseMatrix:
        """Return the matrix whose row i has a single 1, in column ``index[i]``; -1 leaves the row empty.

        Examples
        --------
        >>> SparseMatrix.selection([2, -1], 3).fractions().tolist() == [[0, 0, 1], [0, 0, 0]]
        True
        """
        chosen = np.asarray(index, dtype=np.int64).ravel()
        rows = np.flatnonzero(chosen >= 0)
        return cls.of_entries((len(chosen), columns), rows, chosen[rows], np.ones(len(rows), dtype=np.int64))

    @classmethod
    def _sorted(cls, shape: tuple[int, int], rows: Ints, cols: Ints, code: Ints, pool: RationalMatrix) -> SparseMatrix:
        """Sort entries, add those at equal positions, drop zeros."""
        order = np.lexsort((cols, rows))
        rows, cols, code = rows[order], cols[order], code[order]
        again = (rows[1:] == rows[:-1]) & (cols[1:] == cols[:-1])
        if again.any():
            starts = np.flatnonzero(np.concatenate([[True], ~again]))
            numbers = _column(pool)[code]
            sums = np.add.reduceat(numbers, starts)
            rows, cols = rows[starts], cols[starts]
            distinct, code = _distinct(sums)
            pool = RationalMatrix.of(distinct.reshape(-1, 1)).scale(Fraction(1, pool.den))
        numbers = _column(pool)
        keep = (numbers != 0)[code] if len(code) else np.zeros(0, dtype=bool)
        used = np.zeros(len(numbers), dtype=bool)
        used[code[keep]] = True
        rows, cols, code = rows[keep], cols[keep], (np.cumsum(used) - 1)[code[keep]]
        if not used.all():
            pool = pool.rows(np.flatnonzero(used).tolist())
        indptr = np.searchsorted(rows, np.arange(shape[0] + 1)).astype(np.int64)
        return cls(shape, indptr, cols.astype(np.int64), code.astype(np.int64), pool)

    # -- reading ----------------------------------------------------------------------
    @property
    def nnz(self) -> int:
        """Number of entries that are not zero."""
        return len(self.indices)

    @property
    def is_zero(self) -> bool:
        """True if every entry is zero."""
        return not self.nnz

    @property
    def den(self) -> int:
        """A common denominator of all entries."""
        return self.pool.den

    @property
    def given_floats(self) -> None:
        """A sparse matrix keeps no array of floats; see :attr:`polyrelu.exact.RationalMatrix.given_floats`."""
        return None

    @property
    def entry_rows(self) -> Ints:
        """The row of every entry."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    @property
    def longest(self) -> int:
        """The largest number of entries in a row."""
        return int(np.diff(self.indptr).max(initial=0))

    @functools.cached_property
    def _csr(self) -> tuple[Any, bool]:
        from scipy.sparse import csr_array

        values, exact = self.pool.to_float()
        entries = (values.ravel()[self.code], self.indices, self.indptr)
        return csr_array(entries, shape=self.shape), exact

    def operator(self) -> tuple[Any, bool]:
        """Return the matrix as a ``scipy.sparse.csr_array`` of nearest floats, and whether none had to be rounded."""
        return self._csr

    def dense(self) -> RationalMatrix:
        """Return the same matrix with its zeros.

        Raises
        ------
        InputError
            If that would take gigabytes.
        """
        self._check_size()
        entries = np.zeros(self.shape, dtype=object)
        entries[self.entry_rows, self.indices] = _column(self.pool)[self.code]
        return integer_matrix(entries.tolist(), self.shape[1]).scale(Fraction(1, self.pool.den))

    def _check_size(self) -> None:
        if self.shape[0] * self.shape[1] > MAX_DENSE:
            raise InputError(
                f"a convolution of {self.shape[1]} entries to {self.shape[0]} is too large to be written out as a "
                "dense matrix; take a slice of the input, and count or enumerate there"
            )

    def integers(self) -> list[list[int]]:
        """Return the numerators over :attr:`den`, row by row, with the zeros."""
        return self.dense().integers()

    def fractions(self) -> Objects:
        """Return the entries as an object array of Fractions, with the zeros."""
        return self.dense().fractions()

    def to_float(self) -> tuple[npt.NDArray[np.float64], bool]:
        """Round every entry to the nearest binary64 number; see :meth:`polyrelu.exact.RationalMatrix.to_float`."""
        self._check_size()
        values, exact = self._csr
        return values.toarray(), exact

    def row_sums(self) -> list[int]:
        """Return for every row the sum of its numerators' sizes."""
        sizes = np.abs(_column(self.pool))[self.code]
        totals = np.concatenate([np.zeros(1, dtype=object), np.add.accumulate(sizes)]) if len(sizes) else [0]
        bounds = zip(self.indptr[:-1].tolist(), self.indptr[1:].tolist(), strict=True)
        return [int(totals[b] - totals[a]) for a, b in bounds]

    def __repr__(self) -> str:
        return f"<SparseMatrix of shape {self.shape}, {self.nnz} entries, {self.pool.shape[0]} values>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RationalMatrix):
            return self.shape == other.shape and self.dense() == other
        if not isinstance(other, SparseMatrix):
            return NotImplemented
        return self.shape == other.shape and (self + -other).is_zero

    def __hash__(self) -> int:
        return hash(self.dense())

    def __reduce__(self) -> Any:
        return SparseMatrix, (self.shape, self.indptr, self.indices, self.code, self.pool)

    # -- arithmetic -------------------------------------------------------------------
    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, SparseMatrix):
            return self._times_sparse(other)
        if not isinstance(other, RationalMatrix):
            return NotImplemented
        table = np.array(other.integers(), dtype=object).reshape(other.shape)
        out = np.zeros((self.shape[0], other.shape[1]), dtype=object)
        filled = np.flatnonzero(np.diff(self.indptr))
        if len(filled) and other.shape[1]:
            numbers = _column(self.pool)[self.code]
            for c in range(other.shape[1]):
                out[filled, c] = np.add.reduceat(numbers * table[self.indices, c], self.indptr[filled])
        return integer_matrix(out.tolist(), other.shape[1]).scale(Fraction(1, self.pool.den * other.den))

    def __rmatmul__(self, other: RationalMatrix) -> RationalMatrix:
        product: RationalMatrix = self.transpose() @ other.transpose()
        return product.transpose()

    def _times_sparse(self, other: SparseMatrix) -> SparseMatrix:
        first, length = other.indptr[self.indices], np.diff(other.indptr)[self.indices]
        ends = np.cumsum(length)
        # entry q of self meets a whole row of other
        at = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - length, length) + np.repeat(first, length)
        pair = np.repeat(self.code, length) * other.pool.shape[0] + other.code[at]
        pairs, code = np.unique(pair, return_inverse=True)
        left, right = _column(self.pool), _column(other.pool)
        products = left[pairs // max(1, other.pool.shape[0])] * right[pairs % max(1, other.pool.shape[0])]
        distinct, again = _distinct(products)
        pool = RationalMatrix.of(distinct.reshape(-1, 1)).scale(Fraction(1, self.pool.den * other.pool.den))
        rows, cols = np.repeat(self.entry_rows, length), other.indices[at]
        return SparseMatrix._sorted((self.shape[0], other.shape[1]), rows, cols, again[code], pool)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, RationalMatrix):
            return self.dense() + other
        if not isinstance(other, SparseMatrix):
            return NotImplemented
        den = math.lcm(self.pool.den, other.pool.den)
        numbers = [_column(p) * (den // p.den) for p in (self.pool, other.pool)]
        distinct, code = _distinct(np.concatenate(numbers))
        codes = np.concatenate([code[self.code], code[len(numbers[0]) + other.code]])
        rows, cols = np.concatenate([self.entry_rows, other.entry_rows]), np.concatenate([self.indices, other.indices])
        pool = RationalMatrix.of(distinct.reshape(-1, 1)).scale(Fraction(1, den))
        return SparseMatrix._sorted(self.shape, rows, cols, codes, pool)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __neg__(self) -> SparseMatrix:
        return SparseMatrix(self.shape, self.indptr, self.indices, self.code, -self.pool)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def scale(self, factor: Fraction) -> SparseMatrix:
        """Multiply by a rational number."""
        if factor == 0:
            return SparseMatrix.of_entries(self.shape, [], [], [])
        return SparseMatrix(self.shape, self.indptr, self.indices, self.code, self.pool.scale(factor))

    def transpose(self) -> SparseMatrix:
        """Return the transpose."""
        return SparseMatrix._sorted(self.shape[::-1], self.indices, self.entry_rows, self.code, self.pool)

    def rows(self, keep: Sequence[int]) -> SparseMatrix:
        """Return the matrix of the given rows, in the given order."""
        return SparseMatrix.selection(keep, self.shape[0])._times_sparse(self)

    def columns(self, keep: Sequence[int]) -> SparseMatrix:
        """Return the matrix of the given columns, in the given order."""
        return self._times_sparse(SparseMatrix.selection(keep, self.shape[1]).transpose())

    def masked(self, mask: Sequence[int] | npt.NDArray[Any]) -> SparseMatrix:
        """Return the matrix with the rows whose mask is false set to zero."""
        keep = np.asarray(mask, dtype=bool)[self.entry_rows]
        rows, cols, code = self.entry_rows[keep], self.indices[keep], self.code[keep]
        return SparseMatrix._sorted(self.shape, rows, cols, code, self.pool)


def _column(pool: RationalMatrix) -> Objects:
    """Return the numerators of the pool as an object array."""
    out = np.empty(pool.shape[0], dtype=object)
    out[:] = [row[0] for row in pool.integers()]
    return out


def _distinct(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Ints]:
    """Return the distinct values, in the order of first sight or sorted, and each value's number."""
    if values.dtype.kind in "fiub":
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return values, np.arange(len(values))  # refused with its place later
        distinct, code = np.unique(values, return_inverse=True)
        return distinct, code.reshape(-1).astype(np.int64)
    seen: dict[Any, int] = {}
    code = np.fromiter((seen.setdefault(v, len(seen)) for v in values.tolist()), dtype=np.int64, count=len(values))
    distinct = np.empty(len(seen), dtype=object)
    distinct[:] = list(seen)
    return distinct, code
