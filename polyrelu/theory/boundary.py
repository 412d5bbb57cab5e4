"""How large the boundaries between regions are: exact volumes of their strata, and random lines in any dimension.

B_1 is where the boundary is a piece of a hyperplane, B_2 where two such pieces meet at an angle, and so on: with the
points of B_1, .., B_{k-1} taken away, B_k is what is left that near each of its points is a (d - k)-dimensional plane.
The boundary may be that of all activation regions, or only where the gradient jumps.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019 (the sets B_{N,k}).
L. A. Santalo, Integral geometry and geometric probability, 1976 (Crofton's formula).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..complex import RegionComplex
from ..errors import DomainError, InputError
from ..exact import IntRow, Point, dot, integer_point, nullspace, primitive
from ..faces import Faces
from ..network import ReluNetwork
from ..polytope import HPolytope
from ..spectral import RootSum
from .expected import Estimate

Mask = npt.NDArray[np.bool_]


def boundary_volumes(cx: RegionComplex, *, gradient: bool = False) -> tuple[RootSum, ...]:
    """Return the (d - k)-dimensional volumes of the strata B_k of the boundary between regions, k = 1 .. d.

    Parameters
    ----------
    cx : RegionComplex
        Complete, over a bounded domain, of a network with at most three inputs. What lies on a wall is left out.
    gradient : bool
        Only where the gradient of some output jumps; by default the boundaries of all activation regions.

    Returns
    -------
    tuple of d RootSum
        Exact sums of square roots of rationals: areas, lengths, at last a number of points.

    Raises
    ------
    InputError
        More than three inputs, or an incomplete complex.
    DomainError
        An unbounded domain.

    Notes
    -----
    Exactness: *exact*.

    Examples
    --------
    The two axes in a square: length 4, and one crossing. With weights that cancel, nothing jumps:

    >>> from polyrelu import Box, enumerate_regions
    >>> cross = enumerate_regions(ReluNetwork([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]]), Box([-1, -1], [1, 1]))
    >>> [float(v) for v in boundary_volumes(cross)]
    [4.0, 1.0]
    >>> plain = enumerate_regions(ReluNetwork([[[1, 0], [-1, 0]], [[1, -1]]], [[0, 0], [0]]), Box([-1, -1], [1, 1]))
    >>> [[float(v) for v in boundary_volumes(plain, gradient=jumps)] for jumps in (False, True)]
    [[2.0, 0.0], [0.0, 0.0]]
    """
    if not cx.complete:
        raise InputError("the enumeration is incomplete, and so would be the boundary; enumerate without a limit")
    faces = Faces(cx, ())
    d = cx.network.input_dim
    points = [tuple(row) for row in faces.vertices.tolist()]
    inner = _inside(cx.domain, points, faces)
    facets = inner[d - 1].copy()
    if gradient:
        facets &= _jumps(cx, faces)
    strata = _strata(points, faces, facets, inner)
    out = []
    for k in range(1, d + 1):
        chosen = np.flatnonzero(strata[d - k]).tolist()
        out.append(RootSum(tuple(_squared_volume([points[v] for v in faces.faces[d - k][i]], d - k) for i in chosen)))
    return tuple(out)


def _inside(domain: HPolytope, points: Sequence[Point], faces: Faces) -> list[Mask]:
    """Tell for every face whether it lies on no wall of the domain."""
    homogeneous = [integer_point(p) for p in points]
    on = []
    for row in domain.rows:
        if any(row[:-1]):
            on.append(np.array([dot(row, numerators, den) == 0 for numerators, den in homogeneous]))
    return [np.array([not any(wall[list(f)].all() for wall in on) for f in part], dtype=bool) for part in faces.faces]


def _jumps(cx: RegionComplex, faces: Faces) -> Mask:
    """Tell across which facets the affine map changes; the function is continuous, so then its gradient does."""
    d = cx.network.input_dim
    sides: list[list[int]] = [[] for _ in faces.faces[d - 1]]
    for i, part in enumerate(faces.facets[d]):
        for f in part:
            sides[f].append(i)
    maps = [region.affine_map for region in cx]
    return np.array([len(pair) == 2 and maps[pair[0]] != maps[pair[1]] for pair in sides], dtype=bool)


def _strata(points: Sequence[Point], faces: Faces, facets: Mask, inner: Sequence[Mask]) -> list[Mask]:
    """Return for every dimension the faces of which the stratum of that dimension consists."""
    d = len(faces.faces) - 1
    strata = [np.zeros(n, dtype=bool) for n in faces.f_vector]
    strata[d - 1] = facets
    for dim in range(d - 2, -1, -1):
        # of the larger strata, the faces that hold this one; it belongs to one of them that is flat here
        around: list[list[tuple[int, int]]] = [[] for _ in faces.faces[dim]]
        for larger in range(dim + 1, d):
            for i in np.flatnonzero(strata[larger]).tolist():
                for f in _subfaces(faces, larger, i, dim):
                    around[f].append((larger, i))
        for f in np.flatnonzero(inner[dim]).tolist():
            strata[dim][f] = bool(around[f]) and not _is_flat(points, faces, around[f], d)
    return strata


def _subfaces(faces: Faces, dim: int, i: int, wanted: int) -> set[int]:
    found = {i}
    for k in range(dim, wanted, -1):
        found = {f for face in found for f in faces.facets[k][face]}
    return found


def _is_flat(points: Sequence[Point], faces: Faces, around: Sequence[tuple[int, int]], d: int) -> bool:
    """Tell whether, the largest strata taken away one after another, a plane is met: all faces span the same one."""
    for dim in range(d - 1, 0, -1):
        spans = {_plane([points[v] for v in faces.faces[dim][i]]) for larger, i in around if larger == dim}
        if len(spans) == 1:
            return True
    return False


def _plane(vertices: Sequence[Point]) -> frozenset[IntRow]:
    """Return the affine hull of points, as a canonical basis of the forms that vanish on it."""
    d = len(vertices[0])
    rows = [primitive([*numerators, den]) for numerators, den in map(integer_point, vertices)]
    return frozenset(nullspace(rows, d + 1))


def _squared_volume(vertices: Sequence[Point], dim: int) -> Fraction:
    """Return the square of the volume of a polytope of dimension 0, 1 or 2."""
    if dim == 0:
        return Fraction(1)
    base = vertices[0]
    arms = [[a - b for a, b in zip(v, base, strict=True)] for v in vertices[1:]]
    if dim == 1:
        return sum((x * x for x in arms[0]), Fraction(0))
    if len(base) == 2:
        return _hull_area([(v[0], v[1]) for v in vertices]) ** 2
    normal = next(n for arm in arms[1:] if any(n := _cross(arms[0], arm)))
    k = max(range(3), key=lambda c: abs(normal[c]))
    shadow = [(v[(k + 1) % 3], v[(k + 2) % 3]) for v in vertices]
    return _hull_area(shadow) ** 2 * sum((x * x for x in normal), Fraction(0)) / normal[k] ** 2


def _cross(u: Sequence[Fraction], v: Sequence[Fraction]) -> list[Fraction]:
    return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]


def _hull_area(points: Sequence[tuple[Fraction, Fraction]]) -> Fraction:
    """Return the area of the convex hull: all points are its corners, sorted by the monotone chain."""
    order = sorted(points)

    def chain(path: Sequence[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
        out: list[tuple[Fraction, Fraction]] = []
        for p in path:
            while len(out) > 1 and (
                (out[-1][0] - out[-2][0]) * (p[1] - out[-2][1]) <= (out[-1][1] - out[-2][1]) * (p[0] - out[-2][0])
            ):
                out.pop()
            out.append(p)
        return out[:-1]

    corners = chain(order) + chain(order[::-1])
    sides = zip(corners, corners[1:] + corners[:1], strict=True)
    return sum((p[0] * q[1] - p[1] * q[0] for p, q in sides), Fraction(0)) / 2


def crofton_estimate(
    net: ReluNetwork, domain: HPolytope, *, gradient: bool = False, samples: int = 1000, seed: int = 0
) -> Estimate:
    """Estimate the (d - 1)-dimensional volume of the boundary between regions by exact counts on random lines.

    A line through a ball of radius R that holds the domain, in a random direction, meets the boundary on average
    ``volume E|u . n| / (kappa R^(d-1))`` times, with kappa the volume of the (d - 1)-dimensional unit ball.

    Parameters
    ----------
    net : ReluNetwork
        Of any number of inputs.
    domain : HPolytope
        Bounded.
    gradient : bool
        Count jumps of the gradient only.
    samples, seed : int
        Number of lines.

    Returns
    -------
    Estimate

    Raises
    ------
    DomainError
        An unbounded domain.

    Notes
    -----
    Exactness: *float*, with a standard error; each count is exact. In many inputs hardly any line meets the box; use
    :func:`polyrelu.theory.volume_bounds.boundary_density` there.
    """
    from .lines import regions_on_segment

    low, high = domain.outer_floats()
    if not np.isfinite([low, high]).all():
        raise DomainError("the domain is unbounded and so may be the boundary; give a Box")
    d = net.input_dim
    center, radius = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    rng = np.random.default_rng(seed)
    counts = np.zeros(samples)
    for n in range(samples):
        u = rng.normal(size=d)
        u /= np.linalg.norm(u)
        offset = rng.normal(size=d)
        offset -= (offset @ u) * u
        if d > 1:
            offset *= radius * rng.random() ** (1 / (d - 1)) / np.linalg.norm(offset)
        ends = _clip(domain, center + offset, u, radius)
        if ends is not None:
            line = regions_on_segment(net, *ends, workers=1)
            counts[n] = line.gradient_jumps.sum() if gradient else len(line) - 1
    # E|u . n| for a random unit vector, and the volume of the unit ball of one dimension less
    mean_cosine = math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d + 1) / 2))
    ball = math.pi ** ((d - 1) / 2) / math.gamma((d + 1) / 2)
    factor = ball * radius ** (d - 1) / mean_cosine
    return Estimate(factor * float(counts.mean()), factor * float(counts.std(ddof=1)) / math.sqrt(samples), samples)


def _clip(
    domain: HPolytope, point: npt.NDArray[np.float64], u: npt.NDArray[np.float64], reach: float
) -> tuple[list[float], list[float]] | None:
    """Return the ends of a line inside the domain, in floats: a sample needs no more."""
    A, b = domain.A, domain.b
    first, last = -2 * reach, 2 * reach
    for slope, room in zip(A @ u, b - A @ point, strict=True):
        if slope > 0:
            last = min(last, room / slope)
        elif slope < 0:
            first = max(first, room / slope)
        elif room < 0:
            return None
    if not first < last:
        return None
    return (point + first * u).tolist(), (point + last * u).tolist()
