"""Which sets of data points one hyperplane can cut off, and the cones of neurons that cut them off.

A neuron ``relu(a . x + b)`` sees D data points through the signs of ``a . x_j + b``. In the space of ``(a, b)`` every
point is a hyperplane through the origin, and the strict dichotomies of the data are the activation regions of that
central arrangement: of a network with D neurons and n + 1 inputs.

Legend: ``xt_j = (x_j, 1)``; a *cell* is the closed cone of all (a, b) with one dichotomy; its *rays* are its extreme
rays as primitive integer vectors. Every relu of a cell is, on the data, a nonnegative combination of the relus of its
rays, because inside one cell the relu at a data point is linear in (a, b).

References
----------
T. M. Cover, Geometrical and statistical properties of systems of linear inequalities, 1965 (the count).
R. Arora, A. Basu, P. Mianjy, A. Mukherjee, Understanding deep neural networks with rectified linear units, 2018,
theorem 4.1 and algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CertificationError, InputError
from ..exact import IntRow, Point, as_array, fraction, integer_matrix, point, primitive


def cover_number(points: int, n: int) -> int:
    """Return Cover's count: the strict dichotomies of points in general position in R^n.

    ``2 * sum_{i=0}^{n} C(points - 1, i)``; other data have fewer.

    Parameters
    ----------
    points : int
        Number of points, from 1 up.
    n : int
        Dimension, from 1 up.

    Returns
    -------
    int

    Notes
    -----
    Exactness: *exact*. Theorem 4.1 of Arora et al. speaks of 2 C(D, n) partitions, which is too few for small D: four
    points of the plane have 14 dichotomies, not 12.

    References
    ----------
    Cover 1965, theorem 1.

    Examples
    --------
    >>> cover_number(4, 2), cover_number(30, 2), cover_number(60, 1)
    (14, 872, 120)
    """
    if points < 1 or n < 1:
        raise InputError(f"points is {points} and n is {n}; both start at 1")
    return 2 * sum(math.comb(points - 1, i) for i in range(n + 1))


def read_points(X: Any) -> list[Point]:
    """Return data points as exact rationals; a flat list is one number per point.

    Examples
    --------
    >>> read_points([[0, 0.5]])
    [(Fraction(0, 1), Fraction(1, 2))]
    """
    try:
        array = as_array(X)
    except ValueError:
        raise InputError("X has rows of different lengths; give one row of n numbers per data point") from None
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"X has shape {array.shape}; give at least one data point, one row of n numbers each")
    return [point(row, f"X[{j}]") for j, row in enumerate(array.tolist())]


def dichotomies(X: Any) -> npt.NDArray[np.uint8]:
    """Return every strict dichotomy of the data by a hyperplane.

    A dichotomy is the vector of bits ``[a . x_j + b > 0]`` of some (a, b) with no ``a . x_j + b`` equal to zero. Points
    that coincide have equal bits; the empty and the full set are among them.

    Parameters
    ----------
    X : array_like of shape (D, n) or (D,)
        Data points, taken exactly; duplicates and points on one line are welcome.

    Returns
    -------
    ndarray of uint8, shape (T, D)
        Sorted; :func:`cover_number` many if the points are in general position.

    Raises
    ------
    InputError
        X is no table of numbers.

    Notes
    -----
    Exactness: *exact*. They are the activation regions of the network with D neurons ``(x_j, 1)`` without bias.

    Examples
    --------
    Three points on a line are cut in six ways; the middle one is never alone:

    >>> dichotomies([[0], [1], [2]]).tolist()
    [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    from ..enumeration import enumerate_regions
    from ..network import ReluNetwork
    from ..polytope import Box

    points = read_points(X)
    table, _, _ = independent_columns(points)
    r = len(table[0])
    # columns of at most 1: the parameters of a neuron are scaled, whatever the size of the data
    tops = [max(abs(row[c]) for row in table) or 1 for c in range(r)]
    rows = [[Fraction(v, top) for v, top in zip(row, tops, strict=True)] for row in table]
    net = ReluNetwork([rows, [[1] * len(rows)]], [[0] * len(rows), [0]])
    return enumerate_regions(net, Box([-1] * r, [1] * r), progress=False).patterns


def independent_columns(points: Sequence[Point]) -> tuple[list[IntRow], tuple[int, ...], int]:
    """Return the rows ``den * xt_j`` in as few columns as they need, those columns, and ``den``.

    The values of a neuron on data that lie in a subspace depend on few of its parameters; the others may be zero. The
    last column, the bias, is always kept.

    Examples
    --------
    Points on the diagonal of the plane need one coordinate and the bias:

    >>> independent_columns([(Fraction(1), Fraction(1)), (Fraction(1, 2), Fraction(1, 2))])
    ([(2, 2), (1, 2)], (0, 2), 2)
    """
    n = len(points[0])
    den = math.lcm(*(v.denominator for x in points for v in x))
    rows = [(*(int(v * den) for v in x), den) for x in points]
    kept = [n]
    for column in range(n):
        trial = [*kept, column]
        if integer_matrix([[row[c] for c in trial] for row in rows], len(trial)).rank() == len(trial):
            kept = trial
    columns = tuple(sorted(kept))
    return [tuple(row[c] for c in columns) for row in rows], columns, den


# More rays than this, counted with every cell of a level that has them, are not kept in memory (about 1 GB).
MOST_RAYS = 4_000_000


@dataclass
class CellTree:
    """The dichotomies of ever more points: cells of the first k points, and how point k + 1 cuts them.

    Attributes
    ----------
    rows : list of tuple of int
        The distinct points as ``xt`` over a common denominator; the first ``r`` of them are independent.
    order : list of list of int
        The given points that are point k of ``rows``.
    columns, den
        Of :func:`independent_columns`.
    rays : list of tuple of int
        Extreme rays of all levels.
    levels : list
        Entry k: the cells of the first ``r + k`` points as tuples of ray numbers.
    children : list
        Entry k: for every cell of level k the numbers of its cells in level k + 1, one or two of them.
    patterns : list of int
        Dichotomies of the last level as bit sets over ``rows`` (bit k for point k).

    Examples
    --------
    >>> tree = CellTree.of(read_points([0, 1, 2]))
    >>> [len(cells) for cells in tree.levels], len(tree.rays)
    ([4, 6], 6)
    """

    rows: list[IntRow]
    order: list[list[int]]
    columns: tuple[int, ...]
    den: int
    rays: list[IntRow] = field(default_factory=list)
    levels: list[list[tuple[int, ...]]] = field(default_factory=list)
    children: list[list[tuple[int, ...]]] = field(default_factory=list)
    patterns: list[int] = field(default_factory=list)

    @property
    def r(self) -> int:
        """Rank of the data with the bias: n + 1 unless they lie in a subspace."""
        return len(self.columns)

    @property
    def cells(self) -> int:
        """Number of strict dichotomies."""
        return len(self.levels[-1])

    @classmethod
    def of(cls, points: Sequence[Point], most: int | None = None) -> CellTree:
        """Build the tree by double description, one point after the other; more than ``most`` cells are refused."""
        table, columns, den = independent_columns(points)
        copies: dict[IntRow, list[int]] = {}
        for j, row in enumerate(table):
            copies.setdefault(row, []).append(j)
        rows = _ordered(list(copies), len(columns))
        tree = cls(rows, [copies[row] for row in rows], columns, den)
        tree._grow(most)
        return tree

    def _grow(self, most: int | None) -> None:
        r = self.r
        self._limit(r, 1 << r, r << r, most)
        numbers: dict[IntRow, int] = {}

        def number(ray: IntRow) -> int:
            if ray not in numbers:
                numbers[ray] = len(self.rays)
                self.rays.append(ray)
            return numbers[ray]

        # the first r points: their hyperplanes cut the space into simplicial cones, spanned by the dual basis
        inverse = integer_matrix(self.rows[:r], r).solve(integer_matrix(_identity(r), r))
        if inverse is None:
            raise CertificationError("the first points are not independent, although they were chosen so")
        dual = [primitive(row) for row in zip(*inverse.integers(), strict=True)]
        cells: list[tuple[int, dict[int, int]]] = []  # (pattern, ray number -> points that vanish on it, as bits)
        everything = (1 << r) - 1
        for pattern in range(1 << r):
            signed = [tuple(v if pattern >> i & 1 else -v for v in dual[i]) for i in range(r)]
            cells.append((pattern, {number(ray): everything & ~(1 << i) for i, ray in enumerate(signed)}))
        self.levels.append([tuple(tight) for _, tight in cells])
        for k in range(r, len(self.rows)):
            row = self.rows[k]
            after: list[tuple[int, dict[int, int]]] = []
            links: list[tuple[int, ...]] = []
            value = [sum(a * v for a, v in zip(row, ray, strict=True)) for ray in self.rays]
            size = 0
            for pattern, tight in cells:
                size += len(tight)
                self._limit(k, len(after), size, most)
                above = [i for i in tight if value[i] > 0]
                below = [i for i in tight if value[i] < 0]
                for i in tight:
                    if value[i] == 0:
                        tight[i] |= 1 << k
                links.append(tuple(range(len(after), len(after) + (2 if above and below else 1))))
                if not (above and below):
                    after.append((pattern | (1 << k if above else 0), tight))
                    continue
                cut = {i: t for i, t in tight.items() if value[i] == 0}
                for i in above:
                    for j in below:
                        both = tight[i] & tight[j]
                        # two rays span a 2-face iff no third ray lies on all that vanishes on both
                        if both.bit_count() >= r - 2 and not any(
                            both & ~t == 0 for h, t in tight.items() if h not in (i, j)
                        ):
                            a, b = self.rays[i], self.rays[j]
                            new = number(
                                primitive([value[i] * q - value[j] * p for p, q in zip(a, b, strict=True)])
                            )  # value 0 at the new point
                            cut[new] = both | 1 << k
                after.append((pattern, {**{i: tight[i] for i in below}, **cut}))
                after.append((pattern | 1 << k, {**{i: tight[i] for i in above}, **cut}))
            cells = after
            self.levels.append([tuple(tight) for _, tight in cells])
            self.children.append(links)
        self.patterns = [pattern for pattern, _ in cells]

    def _limit(self, points: int, cells: int, size: int, most: int | None) -> None:
        if size > MOST_RAYS or (most is not None and cells > most):
            raise InputError(
                f"{points} of the {len(self.rows)} data points in {self.r - 1} dimensions have {cells} dichotomies, "
                "too many to search; take fewer points, dimensions or neurons"
            )

    def values(self, ray: int) -> list[int]:
        """Return the relu of a ray on the distinct points, as integers in one arbitrary unit."""
        return [max(0, sum(a * v for a, v in zip(row, self.rays[ray], strict=True))) for row in self.rows]

    def bits(self, points: int) -> npt.NDArray[np.uint8]:
        """Return the dichotomies over all given points in the given order, sorted: shape (T, points)."""
        table = np.zeros((len(self.patterns), points), dtype=np.uint8)
        for i, pattern in enumerate(self.patterns):
            for k, copies in enumerate(self.order):
                table[i, copies] = pattern >> k & 1
        return table[np.lexsort(table.T[::-1])]

    def neuron(self, ray: IntRow, factor: Fraction, n: int) -> tuple[Fraction, ...]:
        """Return the (a, b) in R^(n+1) of a multiple of a ray: zeros where the data need no coordinate."""
        full = [Fraction(0)] * (n + 1)
        for column, v in zip(self.columns, ray, strict=True):
            full[column] = factor * v
        return tuple(full)


def _identity(r: int) -> list[list[int]]:
    return [[int(i == j) for j in range(r)] for i in range(r)]


def _ordered(rows: list[IntRow], r: int) -> list[IntRow]:
    """Order distinct points: along the line if they lie on one, else far ones first; the first r are independent."""
    if r <= 2:
        return sorted(rows)
    # any order is right; far points first make the first cuts matter
    tops = [max(1, *(abs(row[c]) for row in rows)) for c in range(r)]
    spread = np.array([[v / top for v, top in zip(row, tops, strict=True)] for row in rows])
    spread = (spread - spread.mean(axis=0)) / np.maximum(spread.std(axis=0), 2.0**-1000)
    near = ((spread**2).sum(axis=1)).tolist()
    chosen: list[int] = []
    left = list(range(len(rows)))
    while left:
        ranked = sorted(left, key=lambda j: (-near[j], j))
        rank = len(chosen)
        pick = next(
            j for j in ranked if rank >= r or integer_matrix([rows[i] for i in [*chosen, j]], r).rank() == rank + 1
        )
        chosen.append(pick)
        left.remove(pick)
        away = ((spread - spread[pick]) ** 2).sum(axis=1)
        near = [min(v, float(d)) if len(chosen) > 1 else float(d) for v, d in zip(near, away, strict=True)]
    return [rows[j] for j in chosen]


def read_labels(y: Any, points: int) -> list[Fraction]:
    """Return the labels as exact rationals, one per data point.

    Examples
    --------
    >>> read_labels([1, "1/3"], 2)
    [Fraction(1, 1), Fraction(1, 3)]
    """
    array = as_array(y)
    if array.ndim != 1 or len(array) != points:
        raise InputError(f"y has shape {array.shape}; give one number for each of the {points} data points")
    return [fraction(v, f"y[{j}]") for j, v in enumerate(array.tolist())]
