"""Slices and neighborhoods that people ask for: through data points, random, principal components, coordinates, balls.

A slice is an affine subspace ``t -> origin + t @ directions`` with a domain for t. Everything about it is a rational
number that is stored: floats are taken exactly, and what would be irrational (lengths, orthonormal directions) is
rounded once, *before* anything is decided. So a plane through three points holds them exactly, and its directions are
orthonormal up to rounding.

References
----------
B. Hanin and D. Rolnick, Complexity of Linear Regions in Deep Networks, 2019 (planes through three data points).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .exact import Point, dyadic_near, fraction, point
from .network import ReluNetwork
from .polytope import Box, HPolytope

__all__ = [
    "Slice",
    "ball_around",
    "box_around",
    "coordinates",
    "line_through",
    "principal_plane",
    "random_plane",
    "through_points",
]

# Bits of a rounded square root: more than a float has, so that floats made of it are rounded well.
BITS = 64
# A ball of the 1-norm has 2^d facets.
MOST_SIDES = 10
# Coefficients below this may lose digits as floats.
TINY = 2.0**-900


@dataclass(frozen=True)
class Slice:
    """An affine subspace of the inputs, ``t -> origin + t @ directions``, with a domain for t.

    Attributes
    ----------
    origin : tuple of d Fractions
    directions : tuple of k points of d Fractions
    domain : Box or None
        A domain in the k coordinates t; None leaves it to the caller.
    labels : tuple of k str
        Names of the coordinates, for axes.
    points : tuple of points of k Fractions
        Coordinates of the points that the slice was made from.

    Examples
    --------
    >>> piece = line_through([0, 0], [2, 4])
    >>> piece.restrict(ReluNetwork([[[1, 1]]], [[0]]))([0.5])
    array([3.])
    >>> piece.lift([Fraction(1, 2)])
    (Fraction(1, 1), Fraction(2, 1))
    """

    origin: Point
    directions: tuple[Point, ...]
    domain: Box | None
    labels: tuple[str, ...]
    points: tuple[Point, ...] = ()

    def restrict(self, net: ReluNetwork) -> ReluNetwork:
        """Return the network on the slice, with one input per coordinate, composed exactly."""
        return net.restrict(self.origin, self.directions)

    def lift(self, t: Iterable[Any]) -> Point:
        """Return the input that has the given coordinates, exactly."""
        values = point(t, "t")
        if len(values) != len(self.directions):
            raise InputError(f"t has {len(values)} coordinates; this slice has {len(self.directions)}")
        return tuple(
            o + sum((v * d[i] for v, d in zip(values, self.directions, strict=True)), Fraction(0))
            for i, o in enumerate(self.origin)
        )


# -- exact points, rounded frames -----------------------------------------------------
def _points(**named: Any) -> list[Point]:
    """Read points of one dimension; names are for messages."""
    found = {}
    for name, value in named.items():
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise InputError(f"{name} is of type {type(value).__name__}; give a point, one number per input")
        values = value.ravel() if isinstance(value, np.ndarray) else value
        found[name] = point(values, name)
    first = next(iter(found))
    for name, value in found.items():
        if len(value) != len(found[first]):
            raise InputError(f"{first} has {len(found[first])} coordinates but {name} has {len(value)}")
    return list(found.values())


def _minus(x: Point, y: Point) -> Point:
    return tuple(a - b for a, b in zip(x, y, strict=True))


def _times(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum(map(operator.mul, x, y), Fraction(0))


def _combination(weights: Sequence[Fraction], vectors: Sequence[Point]) -> Point:
    return tuple(_times(weights, column) for column in zip(*vectors, strict=True))


def _root(square: Fraction) -> Fraction:
    """Return the square root of a positive rational, rounded down to 64 bits; exact for small squares."""
    shift = BITS + max(square.denominator.bit_length() - square.numerator.bit_length(), 0) // 2 + 1
    return Fraction(math.isqrt((square.numerator << 2 * shift) // square.denominator), 1 << shift)


def _rounded(value: Fraction) -> Fraction:
    """Round a positive number up to 24 bits, so that it is short."""
    scale = Fraction(2) ** (24 - (value.numerator.bit_length() - value.denominator.bit_length()))
    return Fraction(math.ceil(value * scale)) / scale


def _near(value: Fraction) -> Fraction:
    """Round a coefficient to a float, which has few digits; one that is no float stays as it is."""
    try:
        rounded = float(value)
    except OverflowError:
        return value
    return Fraction(rounded) if abs(rounded) > TINY else value


def _frame(vectors: Sequence[Point]) -> list[list[Fraction]]:
    """Return rows of coefficients that make independent vectors orthonormal up to rounding (Gram-Schmidt, triangular).

    Products are exact. Coefficients are rounded at last, so that the vectors they make have few digits, and the more
    finely the closer the vectors are to being dependent.
    """
    exact: list[tuple[list[Fraction], Point]] = []
    rows = []
    for k, v in enumerate(vectors):
        row, rest = [Fraction(i == k) for i in range(len(vectors))], v
        for earlier, base in exact:
            share = _times(v, base) / _times(base, base)
            row = [a - share * b for a, b in zip(row, earlier, strict=True)]
            rest = _minus(rest, tuple(share * x for x in base))
        exact.append((row, rest))
        square = _times(rest, rest)
        scale = _near(_root(1 / square))
        # errors of |v| 2^-bits are small beside |rest|
        bits = [BITS + max(_magnitude(_times(w, w)) - _magnitude(square), 0) // 2 for w in vectors]
        rows.append([scale * dyadic_near([a], b)[0] for a, b in zip(row, bits, strict=True)])
    return rows


def _magnitude(value: Fraction) -> int:
    return value.numerator.bit_length() - value.denominator.bit_length()


# -- slices ---------------------------------------------------------------------------
def line_through(x: Iterable[Any], y: Iterable[Any]) -> Slice:
    """Return the line through two points: t = 0 is x and t = 1 is y.

    Parameters
    ----------
    x, y : sequence of d numbers
        Taken exactly; arrays of any shape are flattened.

    Returns
    -------
    Slice
        Over the segment, [0, 1].

    Raises
    ------
    InputError
        The points are equal or have different numbers of coordinates.

    Notes
    -----
    Exactness: *exact*. :func:`polyrelu.regions_on_segment` lists the breakpoints on it.

    Examples
    --------
    >>> line_through([0, 1], [2, 1]).directions
    ((Fraction(2, 1), Fraction(0, 1)),)
    """
    a, b = _points(x=x, y=y)
    if a == b:
        raise InputError("x and y are the same point; a line needs two")
    return Slice(a, (_minus(b, a),), Box([0], [1]), ("$t$",), ((Fraction(0),), (Fraction(1),)))


def through_points(a: Iterable[Any], b: Iterable[Any], c: Iterable[Any], margin: Any = "5/4") -> Slice:
    """Return the plane through three points, over a square around their circumscribed circle.

    Parameters
    ----------
    a, b, c : sequence of d numbers
        Taken exactly; arrays of any shape are flattened.
    margin : number
        The square has half the side ``margin`` times the radius of the circle.

    Returns
    -------
    Slice
        The origin is the center of the circle up to rounding, and the directions are orthonormal up to rounding, the
        first along b - a; both lie in the plane exactly. ``points`` are the exact coordinates of a, b and c: ``lift``
        gives them back.

    Raises
    ------
    InputError
        The points lie on a line, have different numbers of coordinates, or the margin is not positive.

    Notes
    -----
    Exactness: the plane and the coordinates are *exact*. Lengths in it are those of the input space up to rounding.
    For coordinates (0, 0), (1, 0), (0, 1) take ``net.restrict(a, [b - a, c - a])`` instead.

    References
    ----------
    Hanin & Rolnick 2019, section 1 and figure 1: the plane through three training images, margin 5/4.

    Examples
    --------
    >>> plane = through_points([0, 0, 0], [4, 0, 0], [0, 0, 2])
    >>> [float(v) for v in plane.origin], [[float(v) for v in p] for p in plane.points]
    ([2.0, 0.0, 1.0], [[-2.0, -1.0], [2.0, -1.0], [-2.0, 1.0]])
    """
    first, second, third = _points(a=a, b=b, c=c)
    factor = fraction(margin, "margin")
    if factor <= 0:
        raise InputError(f"margin is {margin}; give a positive number")
    u, v = _minus(second, first), _minus(third, first)
    uu, uv, vv = _times(u, u), _times(u, v), _times(v, v)
    det = uu * vv - uv * uv
    if not det:
        raise InputError("a, b and c lie on a line; take line_through, or three points that span a plane")
    # the center a + s u + r v has equal distances: s uu + r uv = uu / 2 and s uv + r vv = vv / 2
    s, r = _near(vv * (uu - uv) / (2 * det)), _near(uu * (vv - uv) / (2 * det))
    center = tuple(o + w for o, w in zip(first, _combination((s, r), (u, v)), strict=True))
    (p, _), (q, w) = _frame((u, v))
    # a u + b v = t_0 (p u) + t_1 (q u + w v)
    known = []
    for alpha, beta in ((-s, -r), (1 - s, -r), (-s, 1 - r)):
        t1 = beta / w
        known.append(((alpha - q * t1) / p, t1))
    radius = s * s * uu + 2 * s * r * uv + r * r * vv
    half = _rounded(factor * _root(radius))
    frame = (tuple(p * x for x in u), _combination((q, w), (u, v)))
    return Slice(center, frame, Box([-half] * 2, [half] * 2), ("$t_0$", "$t_1$"), tuple(known))


def random_plane(
    dim: int, seed: int | np.random.Generator = 0, center: Iterable[Any] | None = None, *, radius: Any = 1, k: int = 2
) -> Slice:
    """Return a plane in a random direction, uniform over all directions, over a square.

    Parameters
    ----------
    dim : int
        The number of inputs.
    seed : int or numpy Generator
        Of the normal random numbers that span it.
    center : sequence of dim numbers, optional
        The origin of the slice, in the middle of the square; zero by default.
    radius : number
        Half the side of the square.
    k : int
        The dimension of the slice: 1 a line, 2 a plane, 3 a space.

    Returns
    -------
    Slice
        Directions are floats, orthonormal up to rounding.

    Raises
    ------
    InputError
        Sizes that do not fit, a radius that is not positive.

    Notes
    -----
    Exactness: the directions are random floats, taken as they are; everything after that is *exact*.

    Examples
    --------
    >>> plane = random_plane(784, seed=1)
    >>> round(sum(float(v) ** 2 for v in plane.directions[0]), 12), plane.domain.lower
    (1.0, (Fraction(-1, 1), Fraction(-1, 1)))
    """
    dim, k = _whole(dim, "dim"), _whole(k, "k")
    if k > dim:
        raise InputError(f"k is {k}; a slice of {dim} inputs has at most {dim} dimensions")
    origin = _origin(center, dim)
    normal = np.random.default_rng(seed).standard_normal((k, dim))
    directions = _orthonormal(normal)
    half = _positive(radius, "radius")
    labels = tuple(f"$t_{{{i}}}$" for i in range(k)) if k > 1 else ("$t$",)
    return Slice(origin, directions, Box([-half] * k, [half] * k), labels, ((Fraction(0),) * k,))


def principal_plane(data: npt.ArrayLike, center: Iterable[Any] | None = None, *, k: int = 2) -> Slice:
    """Return the plane of the first principal components of a data set, over a box that holds its projections.

    Parameters
    ----------
    data : array_like of shape (n, d)
        Rows are points; axes after the first are flattened.
    center : sequence of d numbers, optional
        The origin of the slice; by default the mean of the data, rounded to floats.
    k : int
        How many components.

    Returns
    -------
    Slice
        Directions are floats, orthonormal up to rounding, the largest entry of each positive. ``points`` are the
        orthogonal projections of the data, rounded to floats; the data themselves need not lie in the plane.

    Raises
    ------
    InputError
        No such array, or data that vary in fewer than k directions.

    Notes
    -----
    Exactness: the components are *float*, taken as they are; everything after that is *exact*.

    Examples
    --------
    >>> plane = principal_plane([[0, 0, 0], [4, 0, 0], [0, 2, 0], [4, 2, 0]])
    >>> [[float(v) for v in d] for d in plane.directions], [float(v) for v in plane.origin]
    ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [2.0, 1.0, 0.0])
    """
    k = _whole(k, "k")
    try:
        rows = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("data is no array of numbers; give one row per point") from None
    if rows.ndim < 2 or len(rows) < 2 or not np.isfinite(rows).all():
        raise InputError(f"data has shape {rows.shape}; give at least two rows of finite numbers")
    rows = rows.reshape(len(rows), -1)
    mean = rows.mean(axis=0)
    spread = rows - mean
    values, vectors = np.linalg.eigh(spread.T @ spread)
    # what rounding leaves of zero is not a direction (the rule of numpy.linalg.matrix_rank)
    rank = int(np.count_nonzero(values > values[-1] * len(values) * 2.0**-52))
    if rank < k:
        raise InputError(f"the data vary in {rank} directions and k is {k}; give more points, or a smaller k")
    top = vectors[:, ::-1][:, :k].T
    largest = np.take_along_axis(top, np.abs(top).argmax(axis=1)[:, None], axis=1)
    directions = _orthonormal(top * np.where(largest < 0, -1.0, 1.0))
    origin = point(mean) if center is None else _origin(center, rows.shape[1])
    frame = np.array([[float(v) for v in d] for d in directions])
    seen = (rows - np.array([float(v) for v in origin])) @ frame.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    room = (high - low).max() / 8
    labels = tuple(f"component {i + 1}" for i in range(k))
    return Slice(origin, directions, Box(low - room, high + room), labels, tuple(point(row) for row in seen))


def coordinates(free: Sequence[int], at: Iterable[Any], domain: Box | None = None) -> Slice:
    """Return the slice where some inputs vary and the others stay as they are at a point.

    Parameters
    ----------
    free : sequence of int
        The inputs that vary, in the order of the slice's coordinates.
    at : sequence of d numbers
        The values of the others; those of the free ones are where the point is marked.
    domain : Box, optional
        Over the free inputs.

    Returns
    -------
    Slice
        Its coordinates are the inputs themselves: the origin is 0 in every free input.

    Raises
    ------
    InputError
        An input that does not exist, or twice the same, or none.

    Notes
    -----
    Exactness: *exact*.

    Examples
    --------
    >>> part = coordinates([2, 0], [5, 6, 7])
    >>> part.origin == (0, 6, 0), part.labels, part.points
    (True, ('$x_{2}$', '$x_{0}$'), ((Fraction(7, 1), Fraction(5, 1)),))
    """
    (base,) = _points(at=at)
    chosen = [operator.index(i) for i in free]
    for i in chosen:
        if not 0 <= i < len(base):
            raise InputError(f"free names input {i}; the point has inputs 0 to {len(base) - 1}")
    if not chosen or len(set(chosen)) != len(chosen):
        raise InputError("free names an input twice, or none; name each input that varies once")
    if domain is not None and domain.d != len(chosen):
        raise InputError(f"the domain has {domain.d} dimensions; there are {len(chosen)} free inputs")
    origin = tuple(Fraction(0) if i in chosen else v for i, v in enumerate(base))
    directions = tuple(tuple(Fraction(i == k) for i in range(len(base))) for k in chosen)
    labels = tuple(f"$x_{{{k}}}$" for k in chosen)
    return Slice(origin, directions, domain, labels, (tuple(base[k] for k in chosen),))


# -- neighborhoods in full dimension --------------------------------------------------
def box_around(x: Iterable[Any], radius: Any) -> Box:
    """Return the box of points whose coordinates differ from those of x by at most a radius.

    Parameters
    ----------
    x : sequence of d numbers
        Taken exactly; arrays of any shape are flattened.
    radius : number, or sequence of d numbers
        One for all coordinates, or one for each.

    Raises
    ------
    InputError
        A radius that is not positive, or another number of them.

    Notes
    -----
    Exactness: *exact*. In many dimensions explore it with ``enumerate_regions(net, box, start=x, limit=...)``.

    Examples
    --------
    >>> box_around([0.5, 1], "1/4").upper
    (Fraction(3, 4), Fraction(5, 4))
    """
    (middle,) = _points(x=x)
    if isinstance(radius, str) or not isinstance(radius, Iterable):
        radii = [_positive(radius, "radius")] * len(middle)
    else:
        radii = [_positive(r, f"radius[{i}]") for i, r in enumerate(radius)]
    if len(radii) != len(middle):
        raise InputError(f"radius has {len(radii)} numbers; x has {len(middle)} coordinates")
    low = [v - r for v, r in zip(middle, radii, strict=True)]
    return Box(low, [v + r for v, r in zip(middle, radii, strict=True)])


def ball_around(x: Iterable[Any], radius: Any, norm: Any = math.inf) -> HPolytope:
    """Return the ball around a point by the maximum norm or by the sum norm.

    Parameters
    ----------
    x : sequence of d numbers
        Taken exactly; arrays of any shape are flattened.
    radius : number
    norm : inf, "inf" or 1
        inf: a Box. 1: the cross-polytope, with 2^d facets, in at most 10 dimensions.

    Raises
    ------
    InputError
        Another norm (a Euclidean ball is no polytope), a radius that is not positive, too many dimensions for norm 1.

    Notes
    -----
    Exactness: *exact*.

    Examples
    --------
    >>> diamond = ball_around([0, 0], 2, norm=1)
    >>> len(diamond), diamond.volume()
    (4, Fraction(8, 1))
    """
    if norm in (math.inf, "inf"):
        return box_around(x, _positive(radius, "radius"))
    if norm in (2, "2"):
        raise InputError("a ball of norm 2 is no polytope; take norm='inf', the box around it, and a smaller radius")
    if norm not in (1, "1"):
        raise InputError(f"norm is {norm!r}; choose 'inf' or 1")
    (middle,) = _points(x=x)
    d, half = len(middle), _positive(radius, "radius")
    if d > MOST_SIDES:
        raise InputError(f"a ball of norm 1 in {d} dimensions has 2^{d} facets; take norm='inf', or a slice")
    signs = np.array([[1 - 2 * (n >> i & 1) for i in range(d)] for n in range(2**d)])
    return HPolytope(signs, [half + _times([Fraction(v) for v in row], middle) for row in signs.tolist()])


# -- arguments ------------------------------------------------------------------------
def _orthonormal(vectors: npt.NDArray[np.float64]) -> tuple[Point, ...]:
    """Return float directions, orthonormal up to rounding, that span what vectors span."""
    exact = [point(v) for v in vectors]
    made = [_combination(row, exact) for row in _frame(exact)]
    return tuple(tuple(Fraction(float(v)) for v in row) for row in made)


def _origin(center: Iterable[Any] | None, d: int) -> Point:
    if center is None:
        return (Fraction(0),) * d
    (origin,) = _points(center=center)
    if len(origin) != d:
        raise InputError(f"center has {len(origin)} coordinates; there are {d} inputs")
    return origin


def _positive(value: Any, what: str) -> Fraction:
    number = fraction(value, what)
    if number <= 0:
        raise InputError(f"{what} is {value}; give a positive number")
    return number


def _whole(value: Any, what: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise InputError(f"{what} is {value!r}; give a whole number from 1 up")
    return number
