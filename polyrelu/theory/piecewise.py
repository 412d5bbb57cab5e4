"""Piecewise-linear functions R^d -> R as data: values on a triangulation, max-min, difference of convex maxima.

Legend: an affine form is a row ``(g_1, .., g_d, g_0)`` of Fractions and stands for ``g_1 x_1 + .. + g_d x_d + g_0``.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from ..errors import InputError
from ..exact import IntRow, Point, RationalMatrix, fraction, point, primitive
from ..network import ReluNetwork
from .circuits import Circuit

Form = tuple[Fraction, ...]


def at(form: Sequence[Fraction], x: Sequence[Fraction]) -> Fraction:
    """Return the value of an affine form at a point.

    Examples
    --------
    >>> at((2, 0, 1), (3, 5))
    Fraction(7, 1)
    """
    return Fraction(sum(g * v for g, v in zip(form, x, strict=False)) + form[-1])


def read_forms(rows: Iterable[Iterable[Any]], what: str) -> tuple[Form, ...]:
    """Return distinct affine forms of one length, in the order given."""
    forms = tuple(dict.fromkeys(point(row, f"{what}[{i}]") for i, row in enumerate(rows)))
    if not forms:
        raise InputError(f"{what} has no affine form; give at least one row (g_1, .., g_d, g_0)")
    if len({len(form) for form in forms}) > 1 or len(forms[0]) < 2:
        raise InputError(f"{what} must be rows (g_1, .., g_d, g_0) of one length, at least 2")
    return forms


class MaxMin:
    """The lattice form ``f(x) = max_j min_{i in group j} l_i(x)``.

    Parameters
    ----------
    groups : sequence of array_like of shape (k_j, d + 1)
        Affine forms ``(g_1, .., g_d, g_0)``.

    Examples
    --------
    The tent max(0, min(x, 2 - x)):

    >>> tent = MaxMin([[[0, 0]], [[1, 0], [-1, 2]]])
    >>> [int(tent([x])) for x in (-1, 1, 2)]
    [0, 1, 0]
    """

    def __init__(self, groups: Sequence[Iterable[Iterable[Any]]]):
        self.groups = tuple(read_forms(group, f"groups[{j}]") for j, group in enumerate(groups))
        if len({len(group[0]) for group in self.groups}) != 1:
            raise InputError("groups must be one or more lists of affine forms (g_1, .., g_d, g_0) of one length")
        self.d = len(self.groups[0][0]) - 1

    def __call__(self, x: Iterable[Any]) -> Fraction:
        """Evaluate exactly at one point."""
        p = point(x, "x")
        return max(min(at(form, p) for form in group) for group in self.groups)

    def network(self) -> ReluNetwork:
        """Return the network that follows the formula: trees of minima, then a tree of maxima."""
        c = Circuit(self.d)
        low = [c.maximum([c.affine(form) * -1 for form in group]) * -1 for group in self.groups]
        return c.network([c.maximum(low)])


class DifferenceOfMaxima:
    """The function ``f(x) = max_i p_i(x) - max_j n_j(x)``, a difference of two convex ones.

    Parameters
    ----------
    plus, minus : array_like of shape (k, d + 1)
        Affine forms ``(g_1, .., g_d, g_0)``.

    Examples
    --------
    >>> tent = DifferenceOfMaxima([[0, 0], [1, 0]], [[0, 0], [2, -2]])
    >>> [int(tent([x])) for x in (-1, 1, 2)]
    [0, 1, 0]
    """

    def __init__(self, plus: Iterable[Iterable[Any]], minus: Iterable[Iterable[Any]]):
        self.plus, self.minus = read_forms(plus, "plus"), read_forms(minus, "minus")
        if len(self.plus[0]) != len(self.minus[0]):
            raise InputError(f"plus has rows of {len(self.plus[0])} entries and minus of {len(self.minus[0])}")
        self.d = len(self.plus[0]) - 1

    def __call__(self, x: Iterable[Any]) -> Fraction:
        """Evaluate exactly at one point."""
        p = point(x, "x")
        return max(at(form, p) for form in self.plus) - max(at(form, p) for form in self.minus)

    def network(self) -> ReluNetwork:
        """Return the network that follows the formula: the difference of two trees of maxima."""
        c = Circuit(self.d)
        return c.network([c.maximum(map(c.affine, self.plus)) - c.maximum(map(c.affine, self.minus))])


class Triangulation:
    """A piecewise-linear function given by its values at the vertices of a triangulation of a convex polytope.

    Parameters
    ----------
    vertices : array_like of shape (k, d)
    simplices : array_like of int, shape (t, d + 1)
        Vertex numbers of every simplex.
    values : array_like of shape (k,)

    Attributes
    ----------
    forms : list of tuples
        The affine form of the function on every simplex.
    sides : list of lists of tuples
        For every simplex its d + 1 barycentric coordinates as affine forms: nonnegative on the simplex.

    Raises
    ------
    InputError
        Flat simplices, simplices that overlap or do not meet in whole faces, a union that is not convex, vertices
        that no simplex uses.

    Notes
    -----
    Exactness: *exact*. Every facet belongs to one simplex and has all vertices on one side, or to two on different
    sides; then every point is covered equally often, and one point inside the first simplex is covered once.

    Examples
    --------
    >>> hat = Triangulation([[0], [1], [2]], [[0, 1], [1, 2]], [0, 1, 0])
    >>> hat([Fraction(1, 2)]), len(hat)
    (Fraction(1, 2), 2)
    """

    def __init__(self, vertices: Any, simplices: Any, values: Any):
        self.vertices = tuple(point(v, f"vertices[{i}]") for i, v in enumerate(vertices))
        if len({len(v) for v in self.vertices}) != 1 or not self.vertices[0]:
            raise InputError("vertices must be one or more points of one dimension, at least 1; shape (k, d)")
        self.d = len(self.vertices[0])
        self.values = tuple(fraction(v, f"values[{i}]") for i, v in enumerate(values))
        if len(self.values) != len(self.vertices):
            raise InputError(f"{len(self.vertices)} vertices but {len(self.values)} values; give one per vertex")
        try:
            self.simplices = tuple(tuple(operator.index(i) for i in simplex) for simplex in simplices)
        except TypeError as error:
            raise InputError("simplices must be rows of vertex numbers, whole numbers; shape (t, d + 1)") from error
        self.forms: list[Form] = []
        self.sides: list[list[Form]] = []
        for k, simplex in enumerate(self.simplices):
            if len(simplex) != self.d + 1 or not all(0 <= i < len(self.vertices) for i in simplex):
                raise InputError(
                    f"simplices[{k}] is {simplex}; expected {self.d + 1} vertex numbers "
                    f"from 0 to {len(self.vertices) - 1}"
                )
            corners = RationalMatrix.of([[*self.vertices[i], 1] for i in simplex])
            inverse = corners.solve(RationalMatrix.identity(self.d + 1))
            if inverse is None:
                raise InputError(f"simplices[{k}] with vertices {simplex} is flat; remove it")
            self.sides.append([tuple(row) for row in inverse.transpose().fractions().tolist()])
            form = inverse @ RationalMatrix.of([[self.values[i]] for i in simplex])
            self.forms.append(tuple(Fraction(v) for (v,) in form.fractions().tolist()))
        self._check()

    def __len__(self) -> int:
        return len(self.simplices)

    def _facets(self) -> dict[tuple[int, ...], list[tuple[int, int]]]:
        """Return for every facet the simplices that have it, each with the number of its opposite corner."""
        found: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for k, simplex in enumerate(self.simplices):
            for i in range(self.d + 1):
                found.setdefault(tuple(sorted(simplex[:i] + simplex[i + 1 :])), []).append((k, i))
        return found

    def _check(self) -> None:
        unused = set(range(len(self.vertices))) - {i for simplex in self.simplices for i in simplex}
        if unused:
            raise InputError(f"vertex {min(unused)} belongs to no simplex; remove it or triangulate again")
        for facet, owners in self._facets().items():
            k, i = owners[0]
            side = self.sides[k][i]
            if len(owners) == 1 and any(at(side, v) < 0 for v in self.vertices):
                raise InputError(
                    f"the facet {facet} of simplices[{k}] is neither shared with another simplex nor on the boundary "
                    "of the convex hull; the simplices must cover a convex polytope and meet in whole faces"
                )
            if len(owners) > 2 or (
                len(owners) == 2 and at(side, self.vertices[self.simplices[owners[1][0]][owners[1][1]]]) >= 0
            ):
                named = ", ".join(str(k) for k, _ in owners)
                raise InputError(f"the simplices {named} overlap beside their common facet {facet}")
        corners = [self.vertices[i] for i in self.simplices[0]]
        center = tuple(sum((v[j] for v in corners), Fraction(0)) / (self.d + 1) for j in range(self.d))
        for k, sides in enumerate(self.sides[1:], 1):
            if all(at(side, center) >= 0 for side in sides):
                raise InputError(f"simplices 0 and {k} overlap at {tuple(map(str, center))}")

    def __call__(self, x: Iterable[Any]) -> Fraction:
        """Evaluate exactly at one point of the triangulated polytope."""
        p = point(x, "x")
        for form, sides in zip(self.forms, self.sides, strict=True):
            if all(at(side, p) >= 0 for side in sides):
                return at(form, p)
        raise InputError(f"the point {tuple(map(str, p))} is outside the triangulated polytope")

    def rows(self, k: int) -> list[IntRow]:
        """Return simplex k as integer rows ``g >= 0``."""
        return [primitive(row) for side in self.sides[k] for row in RationalMatrix.of([side]).integers()]

    def boundary(self) -> list[IntRow]:
        """Return the rows ``g >= 0`` of the facets of the polytope; coplanar facets give one row."""
        sides = {self.sides[k][i] for (k, i), *others in self._facets().values() if not others}
        return sorted({primitive(RationalMatrix.of([side]).integer_row(0)) for side in sides})

    def kinks(self) -> list[Kink]:
        """Return the kinks across the facets inside."""
        found = []
        for (k, i), *others in self._facets().values():
            for j, _ in others:
                kink = Kink.between(self.forms[k], self.forms[j], self.vertices[self.simplices[k][i]])
                found += [kink] if kink is not None else []
        return found


class Kink(tuple[IntRow, Fraction]):
    """A hyperplane across which two affine pieces meet, and the jump t: ``t |row| / 2`` bends as much.

    ``row`` is a primitive integer form whose first nonzero entry is positive; the jump is positive where the
    function is convex.
    """

    __slots__ = ()

    @property
    def row(self) -> IntRow:
        """The hyperplane ``row = 0``."""
        return self[0]

    @property
    def jump(self) -> Fraction:
        """The coefficient t: the pieces differ by ``t * row``."""
        return self[1]

    @classmethod
    def between(cls, form: Form, other: Form, x: Point) -> Kink | None:
        """Return the kink between two pieces that share a facet, x on the side of the first; None if they agree."""
        gap = tuple(a - b for a, b in zip(form, other, strict=True))
        if not any(gap):
            return None
        row = primitive(RationalMatrix.of([gap]).integer_row(0))
        if next(v for v in row if v) < 0:
            row = tuple(-v for v in row)
        size = next(abs(a / b) for a, b in zip(gap, row, strict=True) if b)
        return cls((row, size if at(gap, x) > 0 else -size))


def grid_triangulation(
    lower: Iterable[Any], upper: Iterable[Any], cells: int | Sequence[int], f: Callable[[Point], Any]
) -> Triangulation:
    """Return the interpolant of a function on a grid: every cell is cut into d! simplices by the orders of coordinates.

    Parameters
    ----------
    lower, upper : sequence of d numbers
        The box.
    cells : int or sequence of d ints
        Number of grid cells along each axis.
    f : callable
        Takes a point of d Fractions; what it returns is taken exactly.

    References
    ----------
    H. W. Kuhn, Some combinatorial lemmas in topology, 1960.

    Examples
    --------
    >>> f = grid_triangulation([0, 0], [1, 1], 2, lambda x: x[0] * x[1])
    >>> len(f), f([Fraction(3, 4), Fraction(1, 4)])
    (8, Fraction(1, 4))
    """
    lo, hi = point(lower, "lower"), point(upper, "upper")
    counts = [cells] * len(lo) if isinstance(cells, int) else list(cells)
    if len(lo) != len(hi) or len(counts) != len(lo) or any(a >= b for a, b in zip(lo, hi, strict=True)):
        raise InputError("lower, upper and cells must have one length d, and lower < upper in every coordinate")
    if min(counts) < 1:
        raise InputError(f"cells is {cells!r}; every axis needs at least one cell")
    nodes = list(itertools.product(*(range(n + 1) for n in counts)))
    number = {node: i for i, node in enumerate(nodes)}
    vertices = [
        tuple(a + (b - a) * k / n for a, b, k, n in zip(lo, hi, node, counts, strict=True)) for node in nodes
    ]
    simplices = []
    for corner in itertools.product(*(range(n) for n in counts)):
        for order in itertools.permutations(range(len(lo))):
            node, simplex = list(corner), [number[corner]]
            for axis in order:
                node[axis] += 1
                simplex.append(number[tuple(node)])
            simplices.append(simplex)
    return Triangulation(vertices, simplices, [f(v) for v in vertices])
