"""Polytopes in H-representation, ``{x : A x <= b}``, with exact answers.

Legend: ``A`` holds the facet normals, shape (m, d), and ``b`` the offsets; a *row* is one inequality, numbered as
given; ``d`` is the dimension of the space. Inside, row i is the affine form ``b_i - A_i x >= 0`` over integers.

What the special inputs do, throughout:

* *empty*: ``is_empty()`` is True, ``dimension()`` is -1, no facets, no vertices, volume 0; whatever needs a point
  raises :class:`DomainError`;
* *flat* (dimension below d): answers are those of the set inside its affine hull; volume 0;
* *unbounded*: exact where the answer exists (facets, vertices, interior points), ``inf`` for support and
  bounding box, :class:`DomainError` for volume, sampling and Chebyshev center;
* *duplicate rows* (positive multiples of one another) form one facet that names all of them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from . import double_description, lp
from .errors import DomainError, InputError
from .exact import (
    IntRow,
    Point,
    RationalMatrix,
    dot,
    floats,
    integer_point,
    nearest_floats,
    nullspace,
    point,
    primitive,
    short_text,
)


class HPolytope:
    """The polyhedron ``{x in R^d : A x <= b}``.

    Parameters
    ----------
    A : array_like of shape (m, d)
        Facet normals, one per row; floats are taken as exact dyadic numbers, Fractions and "p/q" as they are.
        m = 0 with shape (0, d) is all of R^d.
    b : array_like of shape (m,)
        Offsets.
    names : sequence of m strings, optional
        What each row is, for messages and regions (a neuron, a wall).

    Raises
    ------
    InputError
        Shapes that do not fit, NaN or infinity.

    Notes
    -----
    Exactness: *exact* unless a method says otherwise. Immutable; answers are cached.

    Examples
    --------
    The triangle x >= 0, y >= 0, x + y <= 1 with a redundant fourth row:

    >>> P = HPolytope([[-1, 0], [0, -1], [1, 1], [1, 0]], [0, 0, 1, 2])
    >>> P.facets(), P.volume()
    ([(0,), (1,), (2,)], Fraction(1, 2))
    """

    def __init__(self, A: Any, b: Any, names: Sequence[str] | None = None):
        matrix = RationalMatrix.of(A, "A")
        vector = b if isinstance(b, np.ndarray) else np.array(b, dtype=object)
        if vector.ndim != 1:
            raise InputError(f"b has shape {vector.shape}; a vector with one entry per row of A is needed")
        offsets = RationalMatrix.of(vector.reshape(-1, 1), "b")
        if offsets.shape[0] != matrix.shape[0]:
            raise InputError(f"A has {matrix.shape[0]} rows but b has {offsets.shape[0]} entries; give one per row")
        if matrix.shape[1] < 1:
            raise InputError("A has no columns; a polytope needs at least one dimension (use shape (0, d) for R^d)")
        self._setup(matrix.hstack(offsets), names)

    def _setup(self, Ab: RationalMatrix, names: Sequence[str] | None) -> None:
        self.exact = Ab
        self.d = Ab.shape[1] - 1
        if names is not None and len(names) != Ab.shape[0]:
            raise InputError(f"{len(names)} names for {Ab.shape[0]} rows; give one per row or none")
        self.names = tuple(names) if names is not None else tuple(f"row {i}" for i in range(Ab.shape[0]))

    @classmethod
    def from_rows(cls, rows: Sequence[IntRow], d: int, names: Sequence[str] | None = None) -> HPolytope:
        """Build ``{x : g(x) >= 0}`` from integer affine forms ``(g_1, .., g_d, g_0)``."""
        self = HPolytope.__new__(HPolytope)
        table = np.array([[*(-v for v in row[:d]), row[d]] for row in rows], dtype=object).reshape(len(rows), d + 1)
        self._setup(RationalMatrix.of(table), names)
        return self

    @property
    def A(self) -> npt.NDArray[np.float64]:
        """Facet normals rounded to nearest, shape (m, d)."""
        return self.exact.to_float()[0][:, :-1]

    @property
    def b(self) -> npt.NDArray[np.float64]:
        """Offsets rounded to nearest, shape (m,)."""
        return self.exact.to_float()[0][:, -1]

    @functools.cached_property
    def rows(self) -> list[IntRow]:
        """Every inequality as a primitive integer form ``g >= 0``."""
        return [primitive([*(-v for v in row[:-1]), row[-1]]) for row in self.exact.integers()]

    def __len__(self) -> int:
        return self.exact.shape[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in R^{self.d}, {len(self)} rows>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HPolytope):
            return NotImplemented
        return self.d == other.d and self.rows == other.rows

    def __hash__(self) -> int:
        return hash((self.d, tuple(self.rows)))

    # -- dimension --------------------------------------------------------------------
    @functools.cached_property
    def _hull(self) -> _Hull | None:
        return self._find_hull()

    def _find_hull(self) -> _Hull | None:
        if self.d > lp.SMALL_DIMENSION:
            # an exact linear program is dear here; a float point strictly inside answers the question as well
            center = self._classified[1]
            if np.isfinite(center).all() and lp.interior_point(self.rows, self.d, point(center), search=False):
                return _whole_space(self.rows, self.d)
        return _affine_hull(self.rows, self.d)

    @functools.cached_property
    def _classified(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
        """What floats prove of the rows of a full-dimensional set, and their proposal of a center."""
        return _classify(self.rows, self.d, *self._float_bounds())

    def _float_bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        infinite = np.full(self.d, np.inf)
        return self.outer_floats() if self.d > lp.SMALL_DIMENSION else (-infinite, infinite)

    def is_empty(self) -> bool:
        """Tell whether no point satisfies all rows.

        Examples
        --------
        >>> HPolytope([[1], [-1]], [0, -1]).is_empty()
        True
        """
        return self._hull is None

    def dimension(self) -> int:
        """Return the dimension of the set; -1 if it is empty.

        Examples
        --------
        >>> HPolytope([[1, 0], [-1, 0]], [0, 0]).dimension()
        1
        """
        return -1 if self._hull is None else len(self._hull.basis)

    def is_bounded(self) -> bool:
        """Tell whether the set is bounded (the empty set is)."""
        if self._hull is None:
            return True
        directions = _affine_hull([(*row[: self.d], 0) for row in self.rows], self.d)
        return directions is not None and not directions.basis

    def implicit_equalities(self) -> list[int]:
        """Return the rows that hold with equality everywhere; for an empty set, rows that prove emptiness.

        Examples
        --------
        >>> HPolytope([[1, 0], [-1, 0], [0, 1]], [0, 0, 5]).implicit_equalities()
        [0, 1]
        """
        if self._hull is None:
            return sorted(_emptiness(self.rows, self.d))
        return self._hull.equalities

    def _need_point(self, what: str) -> _Hull:
        if self._hull is None:
            rows = ", ".join(self.names[i] for i in sorted(_emptiness(self.rows, self.d)))
            raise DomainError(f"the polytope is empty, so it has no {what}: these rows contradict each other: {rows}")
        return self._hull

    def _need_bounded(self, what: str) -> None:
        if not self.is_bounded():
            raise _unbounded(what)

    # -- facets -----------------------------------------------------------------------
    @functools.cached_property
    def _facets(self) -> lp.Facets | None:
        return self._find_facets()

    def _find_facets(self) -> lp.Facets | None:
        """Find the facets of the set inside its affine hull, in the hull's coordinates."""
        if self._hull is None or not self._hull.basis:
            return None
        rows, k = self._hull.rows, len(self._hull.basis)
        infinite = np.full(k, np.inf)
        status, center = self._classified if self._hull.whole else _classify(rows, k, -infinite, infinite)
        guess = [Fraction(v) for v in center] if np.isfinite(center).all() else None
        return lp.settle(rows, k, status, guess)

    def facets(self) -> list[tuple[int, ...]]:
        """Return the facets: for each one all rows that vanish on it, sorted.

        Facets are faces of dimension one less than the set itself; rows named in none of them are
        redundant, except implicit equalities of a flat set.

        Examples
        --------
        >>> HPolytope([[1], [2], [-1]], [1, 2, 0]).facets()
        [(0, 1), (2,)]
        """
        return [] if self._facets is None else list(self._facets.groups)

    def irredundant(self) -> HPolytope:
        """Return the same set with one row per facet (and, if it is flat, its implicit equalities).

        An empty set keeps the rows that prove it empty.
        """
        keep = sorted({*(group[0] for group in self.facets()), *self.implicit_equalities()})
        result = HPolytope.__new__(HPolytope)
        result._setup(self.exact.rows(keep), [self.names[i] for i in keep])
        return result

    def interior_point(self) -> Point:
        """Return a rational point of the relative interior, with few digits.

        Raises
        ------
        DomainError
            If the set is empty.

        Examples
        --------
        >>> P = HPolytope([[1], [-1]], [1, 0]); 0 < P.interior_point()[0] < 1
        True
        """
        hull = self._need_point("interior point")
        return hull.origin if self._facets is None else hull.lift(self._facets.interior)

    # -- points -----------------------------------------------------------------------
    def contains(self, x: Any, strict: bool = False) -> Any:
        """Tell whether points satisfy every row, decided exactly.

        Parameters
        ----------
        x : array_like of shape (d,) or (k, d)
        strict : bool
            Ask for strict inequalities (in all rows but 0 <= 0): the interior, if the set is full-dimensional.

        Returns
        -------
        bool or ndarray of bool, shape (k,)
        """
        array = np.asarray(x, dtype=object) if not isinstance(x, np.ndarray) else x
        if array.shape[-1:] != (self.d,) or array.ndim not in (1, 2):
            raise InputError(f"points have shape {array.shape}; expected ({self.d},) or (k, {self.d})")
        result = []
        for p in np.atleast_2d(array):
            numerators, den = integer_point(point(p))
            if strict:
                result.append(all(dot(row, numerators, den) > 0 for row in self.rows if any(row)))
            else:
                result.append(all(dot(row, numerators, den) >= 0 for row in self.rows))
        return result[0] if array.ndim == 1 else np.array(result, dtype=bool)

    def support_function(self, direction: Iterable[Any]) -> Fraction | float:
        """Return the supremum of ``direction @ x`` over the set: a Fraction, or ``math.inf``.

        Examples
        --------
        >>> Box([0, 0], [1, 2]).support_function([1, 1])
        Fraction(3, 1)
        """
        value = self._support(direction).value
        return math.inf if value is None else value

    def support_vector(self, direction: Iterable[Any]) -> Point:
        """Return a point of the set where ``direction @ x`` is largest.

        Raises
        ------
        DomainError
            If the set is empty or unbounded in that direction.
        """
        solution = self._support(direction)
        if solution.status == "unbounded":
            raise DomainError("the polytope is unbounded in this direction; no support vector exists")
        assert solution.point is not None
        return solution.point

    def _support(self, direction: Iterable[Any]) -> lp.Solution:
        c = point(direction, "direction")
        if len(c) != self.d:
            raise InputError(f"direction has {len(c)} coordinates; expected {self.d}")
        self._need_point("support")
        return lp.maximize(c, self.rows, self.interior_point())

    def bounding_box(self) -> tuple[tuple[Fraction | float, ...], tuple[Fraction | float, ...]]:
        """Return the exact lower and upper bounds of every coordinate (infinite where unbounded).

        Examples
        --------
        >>> HPolytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1]).bounding_box()[1]
        (Fraction(1, 1), Fraction(1, 1))
        """
        if not self.rows:
            return (-math.inf,) * self.d, (math.inf,) * self.d
        units = [[int(i == k) for i in range(self.d)] for k in range(self.d)]
        lower = tuple(-self.support_function([-v for v in e]) for e in units)
        return lower, tuple(self.support_function(e) for e in units)

    def outer_floats(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return a box that holds the set, in floats rounded outwards.

        The bounding box up to 32 dimensions; beyond, where that would take two exact linear programs per
        coordinate, the bounds that rows of a single coordinate give.
        """
        lower, upper = self.bounding_box() if self.d <= lp.SMALL_DIMENSION else self._coordinate_bounds()
        lo = np.array([v if isinstance(v, float) else nearest_floats([v], -1)[0] for v in lower])
        hi = np.array([v if isinstance(v, float) else nearest_floats([v], +1)[0] for v in upper])
        return lo, hi

    def _coordinate_bounds(self) -> tuple[tuple[Fraction | float, ...], tuple[Fraction | float, ...]]:
        lower: list[Fraction | float] = [-math.inf] * self.d
        upper: list[Fraction | float] = [math.inf] * self.d
        for *normal, offset in self.rows:
            used = [k for k, v in enumerate(normal) if v]
            if len(used) == 1:
                bound = Fraction(-offset, normal[used[0]])
                if normal[used[0]] > 0:
                    lower[used[0]] = max(lower[used[0]], bound)
                else:
                    upper[used[0]] = min(upper[used[0]], bound)
        return tuple(lower), tuple(upper)

    def chebyshev_center(self) -> tuple[npt.NDArray[np.float64], float]:
        """Return the center and radius of a largest inscribed ball.

        Returns
        -------
        center : ndarray of shape (d,)
            Exactness: *float*; the maximum is approached to rounding.
        radius : float
            Exactness: *certified*: the ball of this radius around exactly this center lies in the set. Same unit as the
            coordinates.

        Raises
        ------
        DomainError
            If the set is empty, flat, or holds balls of any size.

        Examples
        --------
        >>> center, radius = Box([0, 0], [2, 4]).chebyshev_center()
        >>> bool(center[0] == 1), bool(0.999 < radius <= 1)
        (True, True)
        """
        self._need_point("Chebyshev center")
        if self.dimension() < self.d:
            raise DomainError("the polytope is flat: no ball of positive radius fits; use interior_point()")
        units = [row for row in self.rows if any(row[: self.d])]
        if lp.interior_point([(*row[: self.d], 0) for row in units], self.d) is not None:
            # every ball can be pushed along this direction and grow
            raise DomainError("balls of any size fit into the polytope; it has no Chebyshev center")
        inner = floats(self.interior_point())
        from . import kernels

        G, _ = lp.float_rows(units)
        with np.errstate(over="ignore", under="ignore"):
            norm = np.sqrt((G[:, :-1] ** 2).sum(axis=1))
        center = np.empty(self.d)
        kernels.find_center(G, norm, np.ones(len(G), dtype=np.uint8), inner, np.inf, center)
        for candidate in (center, inner):
            if np.isfinite(candidate).all() and self.contains(candidate, strict=True):
                return candidate, min(_distance_below(row, point(candidate)) for row in units)
        raise DomainError("no float point lies in the interior of the polytope; use interior_point()")

    def nearest_point(self, x: Iterable[Any], norm: float = 2) -> npt.NDArray[np.float64]:
        """Return a point of the set nearest to x in the 1, 2 or infinity norm.

        Exactness: *float* (cvxpy).

        Raises
        ------
        DomainError
            If the set is empty.
        """
        if norm not in (1, 2, math.inf):
            raise InputError(f"norm is {norm!r}; choose 1, 2 or math.inf")
        self._need_point("nearest point")
        target = floats(point(x))
        if target.shape != (self.d,):
            raise InputError(f"x has {len(target)} coordinates; expected {self.d}")
        import cvxpy

        y = cvxpy.Variable(self.d)
        G = lp.float_rows(self.rows)[0]
        constraints = [G[:, :-1] @ y + G[:, -1] >= 0] if len(G) else []
        gap = cvxpy.norm(y - target, "inf" if norm == math.inf else norm)
        problem = cvxpy.Problem(cvxpy.Minimize(gap), constraints)
        problem.solve()
        if y.value is None:
            raise DomainError(f"cvxpy found no nearest point (status {problem.status}); rescale the polytope")
        return np.asarray(y.value, dtype=np.float64)

    def distance(self, x: Iterable[Any], norm: float = 2) -> float:
        """Return the distance from x to the set in the 1, 2 or infinity norm; exactly 0 inside.

        Exactness: *float* (cvxpy); whether it is zero is decided exactly.
        """
        p = point(x)
        if self.contains(p):
            return 0.0
        return float(np.linalg.norm(self.nearest_point(p, norm) - floats(p), norm))

    def sample(self, k: int, seed: int | np.random.Generator = 0) -> npt.NDArray[np.float64]:
        """Return k random points of the interior, shape (k, d), by hit-and-run from an interior point.

        Points are floats; that each one is strictly inside is decided exactly. The law tends to the uniform one.

        Raises
        ------
        DomainError
            If the set is empty, flat or unbounded.
        """
        if k < 0:
            raise InputError(f"k is {k}; give the number of points, 0 or more")
        self._need_point("interior point")
        self._need_bounded("uniform law")
        if self.dimension() < self.d:
            raise DomainError("the polytope is flat: it has no interior to sample from")
        rng = np.random.default_rng(seed)
        G, _ = lp.float_rows(self.rows)
        x = floats(self.interior_point())
        if not self.contains(x, strict=True):
            raise DomainError("the polytope is too thin to hold a float point; use interior_point()")
        out: list[npt.NDArray[np.float64]] = []
        while len(out) < k:
            for _ in range(4 * self.d):
                v = rng.normal(size=self.d)
                slope, value = G[:, :-1] @ v, G[:, :-1] @ x + G[:, -1]
                with np.errstate(all="ignore"):
                    t = -value / slope
                    first, last = t[slope > 0].max(initial=-np.inf), t[slope < 0].min(initial=np.inf)
                    where = rng.random()
                    candidate = x + ((1 - where) * first + where * last) * v
                if np.isfinite(candidate).all() and self.contains(candidate, strict=True):
                    x = candidate
            out.append(x)
        return np.array(out).reshape(k, self.d)

    # -- vertices ---------------------------------------------------------------------
    @functools.cached_property
    def _generators(self) -> double_description.Generators | None:
        """Vertices, rays and lines inside the affine hull, from the facets alone."""
        if self._hull is None or not self._hull.basis:
            return None
        assert self._facets is not None
        rows = [self._hull.rows[group[0]] for group in self._facets.groups]
        return double_description.generators(rows, len(self._hull.basis))

    def vertices(self) -> npt.NDArray[np.object_]:
        """Return the vertices as Fractions, shape (v, d), sorted; shape (0, d) if there are none.

        Computed by the double description method on integers.

        Examples
        --------
        >>> HPolytope([[-1, 0], [0, -1], [2, 3]], [0, 0, 1]).vertices().tolist()[1]
        [Fraction(0, 1), Fraction(1, 3)]
        """
        if self._hull is None:
            points: list[Point] = []
        elif self._generators is None:
            points = [self._hull.origin]
        elif self._generators.lines:
            points = []
        else:
            points = sorted(self._hull.lift(v) for v in self._generators.vertices)
        out = np.empty((len(points), self.d), dtype=object)
        for i, p in enumerate(points):
            out[i] = p
        return out

    def triangulation(self) -> list[tuple[int, ...]]:
        """Return simplices with disjoint interiors that cover the set, as numbers of :meth:`vertices`.

        Simplices of the set's own dimension, without new vertices; none for the empty set. Faces of simplices meet in
        common faces. Their number grows with the factorial of the dimension.

        Raises
        ------
        DomainError
            If the set is unbounded.

        Examples
        --------
        >>> Box([0, 0], [1, 1]).triangulation()
        [(0, 1, 3), (0, 2, 3)]
        """
        if self._hull is None:
            return []
        if self._generators is None:
            return [(0,)]
        if self._generators.rays or self._generators.lines:
            raise _unbounded("triangulation")
        # vertices are sorted in the coordinates of the hull, and the answer counts them in those of the space
        lifted = [self._hull.lift(v) for v in self._generators.vertices]
        rank = {v: k for k, v in enumerate(sorted(range(len(lifted)), key=lifted.__getitem__))}
        simplices = double_description.triangulate(self._generators.incidence)
        return sorted(tuple(sorted(rank[v] for v in simplex)) for simplex in simplices)

    def volume(self) -> Fraction:
        """Return the exact volume (length, area): 0 for a flat or empty set.

        From a triangulation by vertices, whose size grows with the factorial of the dimension: seconds in seven
        dimensions, out of reach in ten.

        Raises
        ------
        DomainError
            If the set is unbounded and full-dimensional.

        Examples
        --------
        >>> Box([0, 0], ["1/3", 2]).volume()
        Fraction(2, 3)
        """
        if self._hull is None or len(self._hull.basis) < self.d:
            return Fraction(0)
        assert self._generators is not None
        if self._generators.rays or self._generators.lines:
            raise _unbounded("volume")
        v = self._generators.vertices
        return sum((double_description.simplex_volume([v[i] for i in s]) for s in self.triangulation()), Fraction(0))

    # -- operations -------------------------------------------------------------------
    def intersection(self, other: HPolytope) -> HPolytope:
        """Return the set of points in both; rows are those of self, then those of other."""
        if other.d != self.d:
            raise InputError(f"polytopes of dimensions {self.d} and {other.d} cannot be intersected")
        result = HPolytope.__new__(HPolytope)
        result._setup(RationalMatrix.vstack(self.exact, other.exact), (*self.names, *other.names))
        return result

    def affine_preimage(self, M: Any, t: Iterable[Any] | None = None) -> HPolytope:
        """Return ``{y : M y + t in self}``; M has shape (d, k).

        Examples
        --------
        >>> Box([0], [1]).affine_preimage([[2]], [-1]).bounding_box()
        ((Fraction(1, 2),), (Fraction(1, 1),))
        """
        matrix, shift = self._map(M, t, rows=self.d)
        A, b = self.exact.columns(range(self.d)), self.exact.columns([self.d])
        result = HPolytope.__new__(HPolytope)
        result._setup((A @ matrix).hstack(b - A @ shift), self.names)
        return result

    def affine_image(self, M: Any, t: Iterable[Any] | None = None) -> HPolytope:
        """Return ``{M x + t : x in self}``; M has shape (k, d).

        An invertible M keeps the rows; any other goes through vertices and ``cdd.gmp``.

        Raises
        ------
        MissingDependency
            If M is not invertible and pycddlib is not installed.

        Examples
        --------
        >>> Box([0], [1]).affine_image([[-2]], [1]).bounding_box()
        ((Fraction(-1, 1),), (Fraction(1, 1),))
        """
        matrix, shift = self._map(M, t, columns=self.d)
        if matrix.shape[0] == self.d:
            inverse = matrix.solve(RationalMatrix.identity(self.d))
            if inverse is not None:
                A, b = self.exact.columns(range(self.d)), self.exact.columns([self.d])
                result = HPolytope.__new__(HPolytope)
                result._setup((A @ inverse).hstack(b + A @ inverse @ shift), self.names)
                return result
        from .cdd_bridge import hull, load_cdd

        k = matrix.shape[0]
        load_cdd()
        if self._hull is None:
            return HPolytope(np.zeros((1, k)), [-1], ["empty"])
        vertices, rays, lines = self._v_representation()
        rows = matrix.fractions()
        offset = [Fraction(row[0]) for row in shift.fractions()]

        def image(v: Sequence[Fraction | int]) -> Point:
            return tuple(sum((a * x for a, x in zip(row, v, strict=True)), Fraction(0)) for row in rows)

        points = [tuple(a + s for a, s in zip(image(v), offset, strict=True)) for v in vertices]
        directions = [[integer_direction for v in part if any(integer_direction := _integers(image(v)))]
                      for part in (rays, lines)]
        return HPolytope.from_rows(hull(points, directions[0], directions[1], k), k)

    def projection(self, coordinates: Sequence[int]) -> HPolytope:
        """Return the projection onto the given coordinates, in the given order (through ``cdd.gmp``).

        Raises
        ------
        InputError
            A coordinate that does not exist or is named twice.
        MissingDependency
            If pycddlib is not installed.
        """
        keep = [int(c) for c in coordinates]
        if not keep or len(set(keep)) != len(keep) or not all(0 <= c < self.d for c in keep):
            raise InputError(f"coordinates are {list(coordinates)}; name distinct ones from 0 to {self.d - 1}")
        return self.affine_image([[int(i == c) for i in range(self.d)] for c in keep])

    def minkowski_sum(self, other: HPolytope) -> HPolytope:
        """Return ``{x + y : x in self, y in other}`` (through ``cdd.gmp``).

        Raises
        ------
        MissingDependency
            If pycddlib is not installed.
        """
        if other.d != self.d:
            raise InputError(f"polytopes of dimensions {self.d} and {other.d} cannot be added")
        d, zero = self.d, RationalMatrix.zeros
        A, b = self.exact.columns(range(d)), self.exact.columns([d])
        C, e = other.exact.columns(range(d)), other.exact.columns([d])
        product = HPolytope.__new__(HPolytope)
        top = A.hstack(zero(len(self), d)).hstack(b)
        bottom = zero(len(other), d).hstack(C).hstack(e)
        product._setup(RationalMatrix.vstack(top, bottom), (*self.names, *other.names))
        return product.affine_image([[int(i == k or i == k + d) for i in range(2 * d)] for k in range(d)])

    def _v_representation(self) -> tuple[list[Point], list[IntRow], list[IntRow]]:
        hull = self._need_point("vertices")
        if self._generators is None:
            return [hull.origin], [], []
        g = self._generators
        return [hull.lift(v) for v in g.vertices], [hull.turn(r) for r in g.rays], [hull.turn(v) for v in g.lines]

    def _map(
        self, M: Any, t: Iterable[Any] | None, rows: int | None = None, columns: int | None = None
    ) -> tuple[RationalMatrix, RationalMatrix]:
        matrix = RationalMatrix.of(M, "M")
        if (rows is not None and matrix.shape[0] != rows) or (columns is not None and matrix.shape[1] != columns):
            wanted = f"({rows}, k)" if rows is not None else f"(k, {columns})"
            raise InputError(f"M has shape {matrix.shape}; expected {wanted}")
        shift = point(t, "t") if t is not None else (Fraction(0),) * matrix.shape[0]
        if len(shift) != matrix.shape[0]:
            raise InputError(f"t has {len(shift)} entries; expected {matrix.shape[0]}")
        return matrix, RationalMatrix.of(np.array(shift, dtype=object).reshape(-1, 1))


class Box(HPolytope):
    """The box ``{x : lower <= x <= upper}``.

    Rows 0 .. d-1 are the lower walls, rows d .. 2d-1 the upper ones.

    Parameters
    ----------
    lower, upper : sequence of d numbers
        Finite, lower <= upper (equal makes a flat box, which is no domain).

    Examples
    --------
    >>> Box([0, 0], [1, 1]).names[2]
    'x0 <= 1'
    """

    def __init__(self, lower: Iterable[Any], upper: Iterable[Any]):
        try:
            lower, upper = list(lower), list(upper)
        except TypeError:
            raise InputError("give one lower and one upper number per coordinate: Box([-1, -1], [1, 1])") from None
        self.lower, self.upper = point(lower, "lower"), point(upper, "upper")
        if len(self.lower) != len(self.upper):
            raise InputError(f"lower has {len(self.lower)} coordinates but upper has {len(self.upper)}")
        for k, (lo, hi) in enumerate(zip(self.lower, self.upper, strict=True)):
            if lo > hi:
                bounds = f"lower[{k}] = {short_text(lo)} > upper[{k}] = {short_text(hi)}"
                raise DomainError(f"the box is empty: {bounds}; swap them")
        d = len(self.lower)
        eye = np.eye(d, dtype=np.int64)
        names = [f"x{k} >= {short_text(v)}" for k, v in enumerate(self.lower)]
        names += [f"x{k} <= {short_text(v)}" for k, v in enumerate(self.upper)]
        super().__init__(np.vstack([-eye, eye]), [*(-v for v in self.lower), *self.upper], names)

    def _find_hull(self) -> _Hull | None:
        if any(lo == hi for lo, hi in zip(self.lower, self.upper, strict=True)):
            return super()._find_hull()
        return _whole_space(self.rows, self.d)

    def _find_facets(self) -> lp.Facets | None:
        if self.dimension() < self.d:
            return super()._find_facets()
        center = tuple((lo + hi) / 2 for lo, hi in zip(self.lower, self.upper, strict=True))
        return lp.Facets(center, [(i,) for i in range(2 * self.d)], [])

    def bounding_box(self) -> tuple[tuple[Fraction | float, ...], tuple[Fraction | float, ...]]:
        """Return lower and upper."""
        return self.lower, self.upper

    def is_bounded(self) -> bool:
        """Return True: every box is bounded."""
        return True

    def vertices(self) -> npt.NDArray[np.object_]:
        """Return the corners as Fractions, shape (v, d), sorted: 2**d of them if the box is full-dimensional."""
        sides = [sorted({lo, hi}) for lo, hi in zip(self.lower, self.upper, strict=True)]
        out = np.empty((math.prod(map(len, sides)), self.d), dtype=object)
        for i, corner in enumerate(itertools.product(*sides)):
            out[i] = corner
        return out

    def volume(self) -> Fraction:
        """Return the exact product of the sides."""
        return math.prod((hi - lo for lo, hi in zip(self.lower, self.upper, strict=True)), start=Fraction(1))


# -- the affine hull ------------------------------------------------------------------
@dataclass(frozen=True)
class _Hull:
    """The affine hull ``origin + t @ basis`` of a nonempty set, and the set in the coordinates t.

    ``rows[i]`` is row i in t; it is zero iff row i is an implicit equality (or constant). ``whole`` marks the
    hull of a full-dimensional set, where t is x itself.
    """

    origin: Point
    basis: list[IntRow]
    rows: list[IntRow]
    equalities: list[int]
    whole: bool = False

    def lift(self, t: Sequence[Fraction]) -> Point:
        if self.whole:
            return tuple(t)
        return tuple(
            o + sum((a * v[c] for a, v in zip(t, self.basis, strict=True)), Fraction(0))
            for c, o in enumerate(self.origin)
        )

    def turn(self, direction: Sequence[int]) -> IntRow:
        return tuple(
            sum(a * v[c] for a, v in zip(direction, self.basis, strict=True)) for c in range(len(self.origin))
        )


def _whole_space(rows: Sequence[IntRow], d: int) -> _Hull:
    identity = [tuple(int(i == k) for i in range(d)) for k in range(d)]
    return _Hull((Fraction(0),) * d, identity, list(rows), [], whole=True)


def _affine_hull(rows: Sequence[IntRow], d: int) -> _Hull | None:
    """Find the affine hull of ``{x : g(x) >= 0}``: substitute rows proved to be zero until an interior exists."""
    whole = _whole_space(rows, d)
    origin, basis, current = whole.origin, whole.basis, whole.rows
    while True:
        if any(row[-1] < 0 and not any(row[:-1]) for row in current):
            return None
        live = [i for i, row in enumerate(current) if any(row[:-1])]
        inner = lp.deepest_point([current[i] for i in live], len(basis))
        if inner.depth < 0:
            return None
        if inner.depth > 0 and len(basis) == d:
            return whole
        if inner.depth > 0:
            break
        flat = _Hull(origin, basis, [], [])
        origin = flat.lift(inner.point)
        normals = [current[live[i]][:-1] for i in inner.multipliers]
        basis = [flat.turn(v) for v in nullspace(normals, len(basis))]
        current = [_substitute(row, origin, basis) for row in rows]
    return _Hull(origin, basis, current, [i for i, row in enumerate(current) if not any(row) and any(rows[i])])


def _substitute(row: IntRow, origin: Point, basis: Sequence[IntRow]) -> IntRow:
    numerators, den = integer_point(origin)
    linear = [sum(a * v for a, v in zip(row, direction, strict=False)) * den for direction in basis]
    return primitive([*linear, dot(row, numerators, den)])


def _emptiness(rows: Sequence[IntRow], d: int) -> set[int]:
    return {i for i, y in lp.deepest_point(rows, d).multipliers.items() if y}


def _classify(
    rows: Sequence[IntRow], k: int, lo: npt.NDArray[np.float64], hi: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Sort rows in k coordinates by floats, starting at the middle of the box [lo, hi] or at 0."""
    G, E = lp.float_rows(rows) if len(rows) else (np.zeros((0, k + 1)), np.zeros((0, k + 1)))
    with np.errstate(invalid="ignore", over="ignore"):
        middle = 0.5 * lo + 0.5 * hi
    start = np.where(np.isfinite(middle), middle, 0.0)
    status, center, _ = lp.classify(G, E, lo, hi, start)
    return status, center


def _integers(v: Sequence[Fraction]) -> IntRow:
    return primitive(integer_point(v)[0])


def _unbounded(what: str) -> DomainError:
    return DomainError(f"the polytope is unbounded, so it has no {what}; intersect it with a Box first")


def _distance_below(row: IntRow, x: Point) -> float:
    """Return a float not above the exact distance g(x) / |g| from x to a row's hyperplane."""
    numerators, den = integer_point(x)
    # |g| from above, to 64 bits behind the point
    squared = sum(v * v for v in row[:-1]) << 128
    root = math.isqrt(squared)
    root += root * root < squared
    return float(nearest_floats([Fraction(dot(row, numerators, den) << 64, den * root)], -1)[0])


def as_domain(domain: HPolytope | None, d: int) -> HPolytope:
    """Return the domain of an enumeration: full-dimensional, in R^d; None is all of R^d.

    Raises
    ------
    DomainError
        If the domain has another dimension, is empty, or is flat; the message names the rows that make it so.
    """
    if domain is None:
        return HPolytope(np.zeros((0, d)), [])
    if not isinstance(domain, HPolytope):
        raise InputError(f"domain is of type {type(domain).__name__}; give a Box, an HPolytope or None for R^{d}")
    if domain.d != d:
        raise DomainError(f"the domain has dimension {domain.d} but the network has {d} inputs; give a domain in R^{d}")
    if domain.is_empty():
        rows = ", ".join(domain.names[i] for i in domain.implicit_equalities())
        raise DomainError(f"the domain is empty: these rows contradict each other: {rows}")
    if domain.dimension() < d:
        rows = ", ".join(domain.names[i] for i in domain.implicit_equalities())
        raise DomainError(
            f"the domain is flat (dimension {domain.dimension()} in R^{d}): {rows} hold with equality; "
            "use net.restrict(origin, directions) for a slice"
        )
    return domain

