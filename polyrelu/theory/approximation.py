"""Approximation of a function on a box by a network of few hidden layers (Arora et al. 2018, Theorem 2.3).

The function is interpolated on a grid of simplices, and the interpolant becomes a network, exactly. What is known about
the error in between depends on what is known about the function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from ..errors import InputError
from ..exact import Point, floats, fraction, nearest_floats, point
from ..polytope import Box
from .piecewise import Triangulation, at, grid_triangulation
from .representation import Representation, represent

Gaps = list[tuple[Point, Fraction]]


@dataclass(frozen=True)
class Approximation:
    """A network near a given function on a box.

    Attributes
    ----------
    representation : Representation
        The network and what it took; it equals the interpolant exactly.
    interpolant : Triangulation
    cells : int
        Grid cells along every axis.
    q : int or None
        The norm; None for the largest error.
    power : Fraction or None
        An upper bound on ``integral |f - g|^q`` over the box (on ``sup |f - g|`` if q is None), *exact*, if
        what was said about the function is true; None if nothing was said.
    bound : float or None
        An upper bound on the error itself: the q-th root of ``power``, rounded upwards (``inf`` beyond the floats).
    certified : bool
        True if the bound, and not the estimate alone, is at most the error asked for.
    estimate : float
        The error as seen at the centers of simplices and of edges (q = None) or by the midpoint rule; *float*.
    """

    representation: Representation
    interpolant: Triangulation
    cells: int
    q: int | None
    power: Fraction | None
    bound: float | None
    certified: bool
    estimate: float


def approximate(
    f: Callable[[Point], Any],
    box: Box,
    error: Any,
    q: int | None = None,
    *,
    lipschitz: Any = None,
    curvature: Any = None,
    convex: bool = False,
    layers: int | None = None,
    limit: int = 2000,
    prove: bool = True,
) -> Approximation:
    """Approximate a function on a box to a given error in the L^q norm by a network of few hidden layers.

    Parameters
    ----------
    f : callable
        Takes a point, a tuple of d Fractions, and returns a number, which is taken as the exact value of f there.
    box : Box
    error : number
        Positive.
    q : int, optional
        At least 1; None is the supremum.
    lipschitz : number or sequence of d numbers, optional
        ``|f(x) - f(y)| <= sum_k L_k |x_k - y_k|`` on the box; one number stands for all coordinates. A Lipschitz
        constant for the Euclidean or the largest-coordinate norm serves.
    curvature : number, optional
        The gradient of f is Lipschitz with this constant (Euclidean norm): a bound on the second derivatives; not
        negative.
    convex : bool
        f is convex on the box. Then its values at the centers of the simplices bound the error.
    layers : int, optional
        As in :func:`polyrelu.theory.representation.represent`.
    limit : int
        Simplices allowed.
    prove : bool
        Prove that the network equals the interpolant.

    Returns
    -------
    Approximation
        With a certified error if ``lipschitz``, ``curvature`` or ``convex`` is given, else with an estimate.

    Raises
    ------
    InputError
        More simplices than the limit would be needed; a value that contradicts convexity; a negative constant.

    Notes
    -----
    With grid steps h_k the interpolant g satisfies, at every point of the box, ``|f - g| <= sum_k L_k h_k / 2`` and
    ``|f - g| <= M sum_k h_k^2 / 8``. If f is convex, g - f is concave and nonnegative on a simplex S, with
    the value e at its center: then it is at most (d + 1) e, and its mean over S at most e. The paper claims
    density for q = infinity too; that is true of continuous functions, not of all of L^infinity.

    References
    ----------
    Arora et al. 2018, Theorem 2.3.

    Examples
    --------
    x^2 on [0, 1] to 1/100: five pieces, since 2 / (8 * 5^2) = 1/100, and each node is needed:

    >>> a = approximate(lambda x: x[0] ** 2, Box([0], [1]), Fraction(1, 100), curvature=2)
    >>> a.cells, a.power, a.certified, a.representation.network.widths
    (5, Fraction(1, 100), True, (5,))
    """
    if not callable(f):
        raise InputError(f"f is of type {type(f).__name__}; give a function of a point")
    if not isinstance(box, Box):
        raise InputError(f"box is of type {type(box).__name__}; give a Box")
    goal = fraction(error, "error")
    if goal <= 0:
        raise InputError(f"error is {goal}; give a positive number")
    if q is not None and (not isinstance(q, int) or isinstance(q, bool) or q < 1):
        raise InputError(f"q is {q!r}; give an integer from 1 on, or None for the supremum")
    if not isinstance(limit, int) or limit < 1:
        raise InputError(f"limit is {limit!r}; give a number of simplices from 1 up")
    lower, upper = (point(side) for side in box.bounding_box())
    width = [b - a for a, b in zip(lower, upper, strict=True)]
    d, volume = len(width), math.prod(width, start=Fraction(1))
    slopes = None if lipschitz is None else _slopes(lipschitz, d)
    second = None if curvature is None else fraction(curvature, "curvature")
    if second is not None and second < 0:
        raise InputError(f"curvature is {second}; give a nonnegative bound on the second derivatives")
    known = slopes is not None or second is not None

    def power(largest: Fraction) -> Fraction:
        return largest if q is None else largest**q * volume

    def before(cells: int) -> Fraction:
        """Return the bound that needs no value of f."""
        bounds = []
        if slopes is not None:
            bounds.append(sum((c * w for c, w in zip(slopes, width, strict=True)), Fraction(0)) / (2 * cells))
        if second is not None:
            bounds.append(second * sum(w * w for w in width) / (8 * cells * cells))
        return power(min(bounds))

    wanted = goal if q is None else goal**q
    cells = 1
    while True:
        if math.factorial(d) * cells**d > limit:
            raise InputError(
                f"{cells} grid cells along every axis would make {math.factorial(d) * cells**d} simplices "
                f"and the limit is {limit}; allow a larger error or limit"
            )
        if known and not convex and before(cells) > wanted:
            cells += 1
            continue
        g = grid_triangulation(lower, upper, cells, f)
        best = [before(cells)] if known else []
        gaps = _gaps(f, g)
        if convex:
            best.append(_convex_bound(g, gaps, q, volume / len(g)))
        estimate = _estimate(f, g, gaps, q, volume / len(g))
        if min(best) <= wanted if best else estimate <= goal:
            break
        cells *= 2
    found = min(best) if best else None
    return Approximation(
        represent(g, layers=layers, prove=prove), g, cells, q, found,
        None if found is None else float(nearest_floats([_root_above(found, q or 1)], 1)[0]), found is not None,
        float(floats([estimate])[0]),
    )  # fmt: skip


def _slopes(lipschitz: Any, d: int) -> Sequence[Fraction]:
    several = isinstance(lipschitz, Iterable) and not isinstance(lipschitz, str)
    values = point(lipschitz if several else [lipschitz] * d, "lipschitz")
    if len(values) != d or min(values) < 0:
        raise InputError(f"lipschitz is {lipschitz!r}; give one nonnegative number or {d}, one per coordinate")
    return values


def _gaps(f: Callable[[Point], Any], g: Triangulation) -> Gaps:
    """Return the center of every simplex, and g - f there."""
    found = []
    for simplex, form in zip(g.simplices, g.forms, strict=True):
        center = _mean([g.vertices[i] for i in simplex])
        found.append((center, at(form, center) - fraction(f(center), "the value of f")))
    return found


def _convex_bound(g: Triangulation, gaps: Gaps, q: int | None, volume: Fraction) -> Fraction:
    for center, gap in gaps:
        if gap < 0:
            raise InputError(f"f is not convex: at {tuple(map(str, center))} it lies above a chord")
    if q is None:
        return (g.d + 1) * max(gap for _, gap in gaps)
    return sum((gap**q for _, gap in gaps), Fraction(0)) * Fraction(g.d + 1) ** (q - 1) * volume


def _estimate(f: Callable[[Point], Any], g: Triangulation, gaps: Gaps, q: int | None, volume: Fraction) -> Fraction:
    largest = max(abs(gap) for _, gap in gaps)
    if q is not None:
        # shares of the largest gap: their powers neither overflow nor all vanish
        total = math.fsum(float(abs(gap) / largest) ** q for _, gap in gaps) if largest else 0.0
        return largest * _root_above(Fraction(total) * volume, q)
    for i, j in {tuple(sorted(pair)) for simplex in g.simplices for pair in combinations(simplex, 2)}:
        middle = _mean([g.vertices[i], g.vertices[j]])
        gap = (g.values[i] + g.values[j]) / 2 - fraction(f(middle), "the value of f")
        largest = max(largest, abs(gap))
    return largest


def _mean(points: Sequence[Point]) -> Point:
    return tuple(sum(column, Fraction(0)) / len(points) for column in zip(*points, strict=True))


def _root_above(power: Fraction, q: int) -> Fraction:
    """Return a rational that is at least the q-th root, and above it by a share of less than 2^-63.

    Examples
    --------
    >>> _root_above(Fraction(9, 4), 2), _root_above(Fraction(0), 3)
    (Fraction(3, 2), Fraction(0, 1))
    """
    if q == 1 or not power:
        return power
    # the root lies between 2^(e - 2) and 2^(e + 2): in units of 2^(e - 66) it has 64 to 68 bits
    e = (power.numerator.bit_length() - power.denominator.bit_length()) // q
    unit = Fraction(2) ** (e - 66)
    goal = power / unit**q
    low, high = 0, 1 << 68  # low^q < goal <= high^q
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle**q >= goal else (middle, high)
    return high * unit
