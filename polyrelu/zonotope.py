"""Zonotopes: vertices, facets, volume, membership, and the networks whose linear regions they are.

Legend: ``b_1 .. b_m`` are the generators, rows of an (m, n) matrix; ``c`` is the center;
``Z = {c + sum_i lambda_i b_i : -1 <= lambda_i <= 1}``; ``h(r) = max {<r, x> : x in Z} = <r, c> + sum_i |<r, b_i>|``
is the support function. A *sign vector* says for every generator with which sign it enters a vertex.

The vertices are the linear regions of h: on the region of sign vector s, h is the linear map with gradient
``c + sum_i s_i b_i``. So they are found by enumerating the arrangement of the planes ``<r, b_i> = 0``.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import lp
from .errors import InputError
from .exact import IntRow, Point, RationalMatrix, integer_matrix, integer_point, nullspace, point, primitive
from .network import Layer, ReluNetwork
from .polytope import Box, HPolytope

if TYPE_CHECKING:
    from .complex import RegionComplex

Signs = npt.NDArray[np.int8]


class Zonotope:
    """The set ``{center + sum_i lambda_i b_i : -1 <= lambda_i <= 1}``.

    Parameters
    ----------
    generators : array_like of shape (m, n)
        One generator b_i per row; floats are taken as exact dyadic numbers. They may be zero, parallel or repeated,
        and m = 0 with shape (0, n) is a single point.
    center : array_like of shape (n,), optional
        The origin by default.

    Raises
    ------
    InputError
        Shapes that do not fit, NaN or infinity.

    Notes
    -----
    Exactness: *exact*. Immutable; vertices and facets are cached.

    References
    ----------
    G. M. Ziegler, Lectures on Polytopes, 1995 (section 7.3). Arora, Basu, Mianjy and Mukherjee 2018 (definition 6 and
    theorem 3.6).

    Examples
    --------
    The hexagon of (1, 0), (0, 1) and (1, 1):

    >>> Z = Zonotope([[1, 0], [0, 1], [1, 1]])
    >>> len(Z.vertices()), len(Z.facets()), Z.volume()
    (6, 6, Fraction(12, 1))
    """

    def __init__(self, generators: Any, center: Iterable[Any] | None = None):
        self._G = RationalMatrix.of(generators, "generators")
        m, n = self._G.shape
        if n < 1:
            raise InputError("generators have no coordinates; give shape (m, n), or (0, n) for a single point")
        self.center: Point = (Fraction(0),) * n if center is None else point(center, "center")
        if len(self.center) != n:
            raise InputError(f"center has {len(self.center)} coordinates; the generators have {n}")

    # -- shape ------------------------------------------------------------------------
    @property
    def n(self) -> int:
        """Number of coordinates."""
        return self._G.shape[1]

    @property
    def m(self) -> int:
        """Number of generators."""
        return self._G.shape[0]

    @functools.cached_property
    def generators(self) -> list[Point]:
        """The generators, one tuple of Fractions each."""
        return [tuple(row) for row in self._G.fractions().tolist()]

    @functools.cached_property
    def dimension(self) -> int:
        """Dimension of the zonotope: the rank of its generators."""
        return self._G.rank()

    def __repr__(self) -> str:
        return f"<Zonotope of {self.m} generators in R^{self.n}>"

    def __eq__(self, other: object) -> bool:
        """Tell whether two zonotopes are the same set."""
        if not isinstance(other, Zonotope):
            return NotImplemented
        return self.center == other.center and set(self._classes) == set(other._classes)

    def __hash__(self) -> int:
        return hash((self.center, frozenset(self._classes)))

    @functools.cached_property
    def _classes(self) -> list[Point]:
        """One generator per direction, the sum of all parallel ones, its first nonzero coordinate positive."""
        sums: dict[IntRow, Fraction] = {}
        for b in self.generators:
            numerators, den = integer_point(b)
            direction = primitive(numerators)
            lead = next((v for v in direction if v), 0)
            if lead:
                length = Fraction(next(a for a in numerators if a), lead * den)
                direction = direction if lead > 0 else tuple(-v for v in direction)
                sums[direction] = sums.get(direction, Fraction(0)) + length
        return [tuple(length * v for v in direction) for direction, length in sorted(sums.items())]

    def in_general_position(self) -> bool:
        """Tell whether every min(m, n) generators are linearly independent, that is, (b_1 .. b_m) lies in S(n, m).

        Then there are as many vertices as there can be, :func:`most_vertices`; for n >= 2 only then (in R^1 a single
        generator other than 0 makes two vertices). Cost: C(m, n) determinants.

        References
        ----------
        Arora, Basu, Mianjy and Mukherjee 2018 (definition 7).

        Examples
        --------
        >>> Zonotope([[1, 0], [0, 1], [1, 1]]).in_general_position()
        True
        >>> Zonotope([[1, 0], [0, 1], [2, 0]]).in_general_position()
        False
        """
        size = min(self.m, self.n)
        return all(self._G.rows(rows).rank() == size for rows in combinations(range(self.m), size))

    # -- vertices and linear regions ----------------------------------------------------
    @functools.cached_property
    def arrangement(self) -> RegionComplex:
        """The regions of the planes ``<r, b_i> = 0`` in a box around 0, one per vertex.

        Coordinates that add nothing to the rank of the generators are left out: the sign vectors stay the same.
        """
        from .enumeration import AUTO_DIMENSION, enumerate_regions

        keep: list[int] = []
        for k in range(self.n):
            if self._G.columns([*keep, k]).rank() > len(keep):
                keep.append(k)
        keep = keep or [0]
        m = max(1, self.m)
        rows = self._G.columns(keep) if self.m else RationalMatrix.zeros(1, 1)
        hinge = Layer({0: rows}, RationalMatrix.zeros(m, 1))
        total = Layer({1: RationalMatrix.of(np.ones((1, m), dtype=np.int64))}, RationalMatrix.zeros(1, 1))
        net = ReluNetwork.from_layers([hinge, total], len(keep))
        d = len(keep)
        # every chamber of a central arrangement touches 0, so any box around 0 meets them all
        box = Box([-1] * d, [1] * d) if d <= AUTO_DIMENSION else None
        return enumerate_regions(net, box, progress=False)

    @functools.cached_property
    def sign_vectors(self) -> Signs:
        """The sign of every generator in every vertex, shape (V, m): 1, -1, or 0 for a zero generator.

        In the order of the regions of :attr:`arrangement`, which is that of :meth:`vertices`.
        """
        live = np.array([any(b) for b in self.generators], dtype=np.int8).reshape(self.m)
        bits = self.arrangement.patterns[:, : self.m].astype(np.int8)
        signs: Signs = (2 * bits - 1) * live
        return signs

    @functools.cached_property
    def _vertices(self) -> list[Point]:
        if not self.m:
            return [self.center]
        shifted = RationalMatrix.of(self.sign_vectors.astype(np.int64)) @ self._G
        return [
            tuple(c + Fraction(v, shifted.den) for c, v in zip(self.center, row, strict=True))
            for row in shifted.integers()
        ]

    def vertices(self) -> npt.NDArray[np.object_]:
        """Return the vertices as Fractions, shape (V, n), in the order of :attr:`sign_vectors`.

        Vertex i is the gradient of the support function on region i of :attr:`arrangement`.

        Notes
        -----
        Exactness: *exact*. Cost: one enumeration of V regions; at most ``2 sum_{i<n} C(m-1, i)``, not 2^m.

        References
        ----------
        Arora, Basu, Mianjy and Mukherjee 2018 (theorem 3.6; its count lacks the factor 2).

        Examples
        --------
        Two generators and a third parallel to the first: a parallelogram.

        >>> Z = Zonotope([[1, 0], [0, 1], [2, 0]])
        >>> Z.vertices().astype(int).tolist(), Z.sign_vectors.tolist()[0]
        ([[-3, -1], [-3, 1], [3, -1], [3, 1]], [-1, -1, -1])
        """
        out = np.empty((len(self._vertices), self.n), dtype=object)
        out[:] = self._vertices
        return out

    def network(self) -> ReluNetwork:
        """Return the network of size 2m that computes the support function, ``<r, c> + sum_i |<r, b_i>|``.

        Nodes are ``relu(<r, b_i>)`` and ``relu(-<r, b_i>)``; a center other than 0 is read by the output directly.

        References
        ----------
        Arora, Basu, Mianjy and Mukherjee 2018 (lemma 3.7).

        Examples
        --------
        >>> Zonotope([[1, 0], [1, 1]], [3, 0]).network()([2, -5]).tolist()
        [Fraction(11, 1)]
        """
        if not self.m:
            linear = Layer({0: RationalMatrix.of(np.array([self.center], dtype=object))}, RationalMatrix.zeros(1, 1))
            return ReluNetwork.from_layers([linear], self.n)
        pairs = RationalMatrix.vstack(self._G, -self._G).rows([k for i in range(self.m) for k in (i, self.m + i)])
        ones = RationalMatrix.of(np.ones((1, 2 * self.m), dtype=np.int64))
        blocks = {1: ones}
        if any(self.center):
            blocks[0] = RationalMatrix.of(np.array([self.center], dtype=object))
        layers = [
            Layer({0: pairs}, RationalMatrix.zeros(2 * self.m, 1)),
            Layer(blocks, RationalMatrix.zeros(1, 1)),
        ]
        return ReluNetwork.from_layers(layers, self.n)

    def vertex_of_region(self, pattern: Any) -> int:
        """Return the vertex that is the gradient on a region of :meth:`network`, given its pattern.

        Examples
        --------
        >>> Z = Zonotope([[1, 0], [0, 1]])
        >>> i = Z.vertex_of_region("1001")
        >>> Z.vertices()[i].astype(int).tolist(), Z.network().affine_map("1001").A.tolist()
        ([1, -1], [[1.0, -1.0]])
        """
        if not self.m:
            return 0
        bits = self.network().as_pattern(pattern)
        found = self.arrangement.index(bits[::2])
        pairs = zip(bits[::2], bits[1::2], self.generators, strict=True)
        if found is None or any(plus == minus and any(b) for plus, minus, b in pairs):
            raise InputError(f"{pattern!r} is no region of the support function; take patterns from an enumeration")
        return found

    # -- support ----------------------------------------------------------------------
    def _products(self, direction: Iterable[Any]) -> tuple[Point, list[Fraction]]:
        r = point(direction, "direction")
        if len(r) != self.n:
            raise InputError(f"direction has {len(r)} coordinates; this zonotope lies in R^{self.n}")
        column = self._G @ RationalMatrix.of([[v] for v in r])
        return r, [Fraction(v, column.den) for (v,) in column.integers()]

    def support_function(self, direction: Iterable[Any]) -> Fraction:
        """Return ``max {<direction, x> : x in Z}``, exactly.

        Examples
        --------
        >>> Zonotope([[1, 0], [1, 1]], [3, 0]).support_function([2, -5])
        Fraction(11, 1)
        """
        r, products = self._products(direction)
        return sum((a * b for a, b in zip(r, self.center, strict=True)), Fraction(0)) + sum(map(abs, products))

    def support_vector(self, direction: Iterable[Any]) -> Point:
        """Return a vertex where the maximum of ``<direction, x>`` is attained.

        Of the vertices of that face, the last one in lexicographic order.

        Examples
        --------
        >>> [int(v) for v in Zonotope([[1, 0], [0, 1]]).support_vector([1, 0])]
        [1, 1]
        """
        _, products = self._products(direction)
        total = list(self.center)
        for b, p in zip(self.generators, products, strict=True):
            # a tie is broken by the first nonzero coordinate: the direction (r, then e_1, e_2, ..) is generic
            positive = (p or next((v for v in b if v), 0)) > 0
            total = [a + v if positive else a - v for a, v in zip(total, b, strict=True)]
        return tuple(total)

    def face(self, direction: Iterable[Any]) -> Zonotope:
        """Return the face where ``<direction, x>`` is largest: a zonotope of the generators orthogonal to it.

        Examples
        --------
        >>> Zonotope([[1, 0], [0, 1]]).face([1, 0])
        <Zonotope of 1 generators in R^2>
        """
        _, products = self._products(direction)
        total = list(self.center)
        for b, p in zip(self.generators, products, strict=True):
            if p:
                total = [a + v if p > 0 else a - v for a, v in zip(total, b, strict=True)]
        return self._of(self._G.rows([i for i, p in enumerate(products) if not p]), tuple(total))

    # -- facets -----------------------------------------------------------------------
    @functools.cached_property
    def _facets(self) -> list[tuple[IntRow, Fraction]]:
        basis, rows = self._row_space
        r = len(basis)
        normals: set[IntRow] = set()
        for chosen in combinations(rows, r - 1) if r else ():
            kernel = nullspace(chosen, r)
            if len(kernel) == 1:
                columns = zip(*basis, strict=True)
                normal = primitive([sum(y * b for y, b in zip(kernel[0], column, strict=True)) for column in columns])
                normals |= {normal, tuple(-v for v in normal)}
        return [(normal, self.support_function(normal)) for normal in sorted(normals)]

    @functools.cached_property
    def _row_space(self) -> tuple[list[IntRow], list[IntRow]]:
        """An integer basis of the span of the generators, and the products of one generator per direction with it."""
        basis: list[IntRow] = []
        for b in self._classes:
            row = primitive(integer_point(b)[0])
            if integer_matrix([*basis, row], self.n).rank() > len(basis):
                basis.append(row)
        directions = [primitive(integer_point(b)[0]) for b in self._classes]
        return basis, [tuple(sum(x * y for x, y in zip(a, b, strict=True)) for b in basis) for a in directions]

    def facets(self) -> list[tuple[IntRow, Fraction]]:
        """Return the facets as pairs (normal, offset): ``<normal, x> <= offset`` holds on Z and is tight on a facet.

        Normals are primitive integer vectors in the span of the generators, sorted, with their opposites.

        Notes
        -----
        Exactness: *exact*. Cost: one nullspace for each of the C(m', r - 1) choices among m' different
        directions, r being the dimension. A flat zonotope has facets relative to its affine hull.

        Examples
        --------
        >>> Zonotope([[2, 0], [0, 1]]).facets()[0]
        ((-1, 0), Fraction(2, 1))
        """
        return list(self._facets)

    def polytope(self) -> HPolytope:
        """Return the zonotope as an H-polytope: its facets, and two opposite rows for each equation of a flat one.

        Examples
        --------
        >>> P = Zonotope([[1, 1], [2, 2]]).polytope()
        >>> len(P), P.dimension()
        (4, 1)
        """
        rows = [(tuple(map(Fraction, normal)), offset) for normal, offset in self._facets]
        for normal in nullspace([*self._row_space[0]], self.n):
            offset = sum((a * c for a, c in zip(normal, self.center, strict=True)), Fraction(0))
            rows += [(tuple(map(Fraction, normal)), offset), (tuple(Fraction(-a) for a in normal), -offset)]
        A = np.array([a for a, _ in rows], dtype=object).reshape(len(rows), self.n)
        return HPolytope(A, np.array([b for _, b in rows], dtype=object))

    # -- membership -------------------------------------------------------------------
    def coefficients(self, x: Iterable[Any]) -> Point | None:
        """Return lambda with ``x = center + sum_i lambda_i b_i`` and all ``|lambda_i| <= 1``, or None if x is outside.

        The point is as deep in the cube as it can be: all ``|lambda_i| < 1`` iff x lies in the relative interior.

        Notes
        -----
        Exactness: *exact*, by one exact linear program in the m - rank free coefficients.

        Examples
        --------
        >>> Zonotope([[1, 0], [1, 0]]).coefficients([1, 0])
        (Fraction(1, 2), Fraction(1, 2))
        """
        target = point(x, "x")
        if len(target) != self.n:
            raise InputError(f"x has {len(target)} coordinates; this zonotope lies in R^{self.n}")
        difference = [a - c for a, c in zip(target, self.center, strict=True)]
        # (lambda, 1) in the kernel of [G^T | center - x]
        column = RationalMatrix.of([[-v] for v in difference])
        kernel = nullspace(self._G.transpose().hstack(column).integers(), self.m + 1)
        particular = next((row for row in kernel if row[-1]), None)
        if particular is None:
            return None
        base = [Fraction(v, particular[-1]) for v in particular[:-1]]
        free = [row[:-1] for row in kernel if row is not particular]  # in echelon form, their last entry is 0
        if not free:
            return tuple(base) if all(abs(v) <= 1 for v in base) else None
        rows = []
        for i, v in enumerate(base):
            steps = [Fraction(row[i]) for row in free]
            rows += [integer_point([*steps, 1 + v])[0], integer_point([*(-s for s in steps), 1 - v])[0]]
        inner = lp.deepest_point([tuple(row) for row in rows], len(free))
        if inner.depth < 0:
            return None
        return tuple(v + sum(t * row[i] for t, row in zip(inner.point, free, strict=True)) for i, v in enumerate(base))

    def contains(self, x: Iterable[Any], strict: bool = False) -> bool:
        """Decide whether a point lies in the zonotope, or (strict) in its interior.

        Examples
        --------
        >>> Z = Zonotope([[1, 0], [0, 1]])
        >>> Z.contains([1, 0]), Z.contains([1, 0], strict=True), Z.contains([1, "1/3"]), Z.contains([1.5, 0])
        (True, False, True, False)
        """
        found = self.coefficients(x)
        if found is None or not strict:
            return found is not None
        return self.dimension == self.n and all(abs(v) < 1 for v in found)

    # -- volume -----------------------------------------------------------------------
    def volume(self) -> Fraction:
        """Return the volume, ``2^n sum |det(b_i : i in I)|`` over all n-subsets I of the generators; 0 if flat.

        References
        ----------
        G. C. Shephard, Combinatorial properties of associated zonotopes, 1974 (equation 57).

        Examples
        --------
        >>> Zonotope([[1, 0], [0, 1]]).volume(), Zonotope([[1, 1], [2, 2]]).volume()
        (Fraction(4, 1), Fraction(0, 1))
        """
        if self.dimension < self.n:
            return Fraction(0)
        # parallel generators first become one, so that no determinant is zero for that reason
        matrix = RationalMatrix.of(np.array(self._classes, dtype=object))
        rows = combinations(range(len(self._classes)), self.n)
        total = sum((abs(matrix.rows(chosen).det()) for chosen in rows), Fraction(0))
        return Fraction(2) ** self.n * total

    # -- other zonotopes --------------------------------------------------------------
    @classmethod
    def _of(cls, generators: RationalMatrix, center: Point) -> Zonotope:
        self = cls.__new__(cls)
        self._G, self.center = generators, center
        return self

    def minkowski_sum(self, other: Zonotope) -> Zonotope:
        """Return ``{x + y : x in self, y in other}``: all generators together.

        Examples
        --------
        >>> len(Zonotope([[1, 0]]).minkowski_sum(Zonotope([[0, 1]])).vertices())
        4
        """
        if not isinstance(other, Zonotope):
            raise InputError(f"{other!r} is no zonotope; give a Zonotope")
        if other.n != self.n:
            raise InputError(f"the zonotopes lie in R^{self.n} and R^{other.n}; a sum needs one space")
        center = tuple(a + b for a, b in zip(self.center, other.center, strict=True))
        return self._of(RationalMatrix.vstack(self._G, other._G), center)

    def affine_image(self, M: Any, t: Iterable[Any] | None = None) -> Zonotope:
        """Return ``{M x + t : x in Z}``; M has shape (k, n).

        Examples
        --------
        >>> Zonotope([[1, 0], [0, 1]]).affine_image([[1, 1]], [5]).vertices().astype(int).tolist()
        [[3], [7]]
        """
        matrix = RationalMatrix.of(M, "M")
        if matrix.shape[1] != self.n or matrix.shape[0] < 1:
            raise InputError(f"M has shape {matrix.shape}; expected (k, {self.n})")
        k = matrix.shape[0]
        shift = (Fraction(0),) * k if t is None else point(t, "t")
        if len(shift) != k:
            raise InputError(f"t has {len(shift)} coordinates; M has {k} rows")
        moved = (matrix @ RationalMatrix.of([[v] for v in self.center])).fractions()[:, 0]
        return self._of(self._G @ matrix.transpose(), tuple(a + b for a, b in zip(moved, shift, strict=True)))

    def projection(self, coordinates: Sequence[int]) -> Zonotope:
        """Return the projection onto the given coordinates, in the given order.

        Examples
        --------
        >>> Zonotope([[1, 2, 3]]).projection([2, 0]).generators
        [(Fraction(3, 1), Fraction(1, 1))]
        """
        try:
            keep = [operator.index(c) for c in coordinates]
        except TypeError as error:
            raise InputError(f"coordinates are {coordinates!r}; give a list of whole numbers") from error
        if not keep or len(set(keep)) != len(keep) or not all(0 <= c < self.n for c in keep):
            raise InputError(f"coordinates are {keep}; name distinct ones from 0 to {self.n - 1}")
        return self._of(self._G.columns(keep), tuple(self.center[c] for c in keep))


def most_vertices(n: int, m: int) -> int:
    """Return ``2 sum_{i<n} C(m-1, i)``, the largest number of vertices of a zonotope of m generators in R^n.

    Equal to the number of regions of m generic planes through 0, and attained if the generators are
    :meth:`in general position <Zonotope.in_general_position>`; for n >= 2 only then. 1 for m = 0.

    References
    ----------
    T. Zaslavsky, Facing up to Arrangements, 1975. Arora, Basu, Mianjy and Mukherjee 2018, theorem 3.6, has half of it.

    Examples
    --------
    >>> [most_vertices(3, m) for m in range(1, 7)]
    [2, 4, 8, 14, 22, 32]
    """
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in (n, m)) or n < 1 or m < 0:
        raise InputError(f"n = {n} and m = {m}; give whole numbers, n from 1 and m from 0 up")
    return 2 * sum(comb(m - 1, i) for i in range(n)) if m else 1


def zonotopes_of(net: ReluNetwork) -> tuple[Zonotope, Zonotope]:
    """Return zonotopes P and N in R^(n+1) with ``net(x) = h_P(x, 1) - h_N(x, 1)`` for one hidden layer and one output.

    A node ``u relu(g(x))`` is ``u (g(x) + |g(x)|) / 2``: u > 0 gives P the generator ``u g / 2``, u < 0 gives N
    ``-u g / 2``, and the linear halves with the output's own weights make the center of P. Every linear
    region of the network lies in that of a vertex of P + N.

    Parameters
    ----------
    net : ReluNetwork
        One hidden layer, one output without ReLU; the output may read the input as well.

    Raises
    ------
    InputError
        Any other shape.

    Examples
    --------
    relu(x) - relu(x - 1):

    >>> P, N = zonotopes_of(ReluNetwork([[[1], [1]], [[1, -1]]], [[0, -1], [0]]))
    >>> P.generators, N.generators, P.center
    ([(Fraction(1, 2), Fraction(0, 1))], [(Fraction(1, 2), Fraction(-1, 2))], (Fraction(0, 1), Fraction(1, 2)))
    """
    if len(net.layers) != 2 or net.output_relu or net.output_dim != 1:
        raise InputError(f"{net!r} is not one hidden layer with one affine output; take such a network")
    hidden, last = net.layers
    d = net.input_dim
    rows = hidden.blocks.get(0, RationalMatrix.zeros(hidden.size, d)).hstack(hidden.bias).fractions()
    outer = last.blocks.get(1, RationalMatrix.zeros(1, hidden.size)).fractions()[0]
    center = [*last.blocks.get(0, RationalMatrix.zeros(1, d)).fractions()[0], last.bias.fractions()[0, 0]]
    parts: tuple[list[list[Fraction]], list[list[Fraction]]] = ([], [])
    for u, row in zip(outer, rows, strict=True):
        half = [u * v / 2 for v in row]
        center = [a + b for a, b in zip(center, half, strict=True)]
        if u:
            parts[u < 0].append([v if u > 0 else -v for v in half])
    P, N = (np.array(part, dtype=object).reshape(len(part), d + 1) for part in parts)
    return Zonotope(P, center), Zonotope(N)


def generic_generators(n: int, m: int) -> list[list[int]]:
    """Return (1, t, .., t^(n-1)) for t = 1 .. m: any n of them are independent (Vandermonde).

    Examples
    --------
    >>> generic_generators(3, 2)
    [[1, 1, 1], [1, 2, 4]]
    """
    if not all(isinstance(v, int) and not isinstance(v, bool) and v >= 1 for v in (n, m)):
        raise InputError(f"n = {n} and m = {m}; give whole numbers from 1 up")
    return [[t**j for j in range(n)] for t in range(1, m + 1)]
