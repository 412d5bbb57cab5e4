"""Regions as shapes for an interactive page: strips, polygons or polyhedra with floats for corners.

Exactness: *float*; which sides and corners coincide is taken from the exact facets.

Legend: a shape is made of flat polygons, each a cycle of numbers of corners. With one or two inputs polygon i is region
i, and every side lies on a facet. With three inputs a polygon is a facet, which two regions share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..complex import RegionComplex
from ..drawing import Floats, Ints, checked_window, clip, default_window, facet_rows
from ..errors import DomainError

# The window is cut a little larger than shown, so that walls on its rim are the sides of regions.
MARGIN = 2.0**-16


class Shapes(NamedTuple):
    """What a page draws.

    Attributes
    ----------
    corners : ndarray, shape (V, 2) or (V, 3)
        Shared by all regions that meet there.
    cycle, pointer : ndarrays of int
        Polygon k has the corners ``cycle[pointer[k] : pointer[k + 1]]``.
    side : ndarray of int
        The facet that the side behind every corner of a cycle lies on, or -1 at the rim of the window; empty with
        three inputs.
    facet_polygon : ndarray of int, shape (F,)
        The polygon of every facet, or -1; empty unless there are three inputs.
    maps : ndarray, shape (R, d + 1, m)
        Output maps.
    volumes : ndarray, shape (R,)
        Lengths, areas or volumes; NaN where the window cuts a region off, or floats are too coarse to draw it.
    """

    corners: Floats
    cycle: Ints
    pointer: Ints
    side: Ints
    facet_polygon: Ints
    maps: Floats
    volumes: Floats


def shapes(cx: RegionComplex, window: Sequence[float] | None = None) -> Shapes:
    """Return the shapes of all regions of a network with one, two or three inputs.

    Raises
    ------
    InputError
        A window that is not increasing.
    DomainError
        Three inputs and an unbounded domain.

    Examples
    --------
    >>> from polyrelu import Box, ReluNetwork, enumerate_regions
    >>> net = ReluNetwork([[[1, 1]], [[1]]], [[0], [0]])
    >>> found = shapes(enumerate_regions(net, Box([0, -1], [1, 0])))
    >>> found.corners.tolist(), found.cycle.reshape(2, 3).tolist(), found.volumes.tolist()
    ([[1.0, -1.0], [0.0, 0.0], [0.0, -1.0], [1.0, 0.0]], [[0, 1, 2], [1, 0, 3]], [0.5, 0.5])
    """
    rows, maps = facet_rows(cx)
    return (_strips, _polygons, _solids)[cx.network.input_dim - 1](cx, rows, maps, window)


def _region_of_facet(cx: RegionComplex) -> Ints:
    return np.repeat(np.arange(len(cx)), np.diff(cx.facet_ptr))


def _padded(window: Sequence[float]) -> Floats:
    low, high = np.array(window[0::2]), np.array(window[1::2])
    margin = (high - low) * MARGIN
    return np.stack([low - margin, high + margin], axis=1).ravel()


def _polygons(cx: RegionComplex, rows: Floats, maps: Floats, window: Sequence[float] | None) -> Shapes:
    seen = default_window(cx, rows) if window is None else checked_window(window, 2)
    vertices, side, pointer = clip(rows, cx.facet_ptr, _padded(seen))
    count = np.diff(pointer)
    region = np.repeat(np.arange(len(cx)), count)
    after = np.arange(1, len(side) + 1)
    after[pointer[1:][count > 0] - 1] = pointer[:-1][count > 0]
    inner = cx.interior_points[region]
    p, q = vertices - inner, vertices[after] - inner
    area = np.bincount(region, p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0], minlength=len(cx)) / 2
    area[region[side < 0]] = area[count == 0] = np.nan
    corner = _joined(cx, side, after)
    first = np.unique(corner, return_index=True)[1]
    empty = np.zeros(0, dtype=np.int64)
    return Shapes(vertices[first], corner, pointer, side, empty, maps, area)


def _joined(cx: RegionComplex, side: Ints, after: Ints) -> Ints:
    """Return equal numbers for the corners that two regions share: the ends of a facet, seen from both sides."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    # where a facet is a side; one that appears twice, or not at all, joins nothing
    place = np.full(len(cx.facet_neighbor), -1, dtype=np.int64)
    on = np.flatnonzero(side >= 0)
    place[side[on]] = on
    place[np.bincount(side[on], minlength=len(place)) != 1] = -1
    facet = np.flatnonzero(cx.facet_neighbor >= 0)
    here, there = _region_of_facet(cx)[facet], cx.facet_neighbor[facet]
    forth = np.argsort(here * len(cx) + there)
    back = np.argsort(there * len(cx) + here)
    a, b = place[facet[forth]], place[facet[back]]
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    pairs = np.concatenate([a, after[a]]), np.concatenate([after[b], b])
    links = coo_matrix((np.ones(len(pairs[0]), dtype=np.int8), pairs), shape=(len(side), len(side)))
    corner: Ints = connected_components(links, directed=False)[1].astype(np.int64)
    # numbered by first appearance
    first, inverse = np.unique(corner, return_index=True, return_inverse=True)[1:]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _strips(cx: RegionComplex, rows: Floats, maps: Floats, window: Sequence[float] | None) -> Shapes:
    """Draw every interval as a strip as high as all graphs together."""
    region, ends = _region_of_facet(cx), -rows[:, 1] * rows[:, 0]  # rows are normalized: the slope is 1 or -1
    left, right = np.full(len(cx), -np.inf), np.full(len(cx), np.inf)
    at = np.full((len(cx), 2), -1, dtype=np.int64)
    for column, bound, chosen in ((0, left, rows[:, 0] > 0), (1, right, rows[:, 0] < 0)):
        bound[region[chosen]] = ends[chosen]
        at[region[chosen], column] = np.flatnonzero(chosen)
    volumes = np.where(np.isfinite(left) & np.isfinite(right), right - left, np.nan)
    if window is None:
        low, high = (float(v[0]) for v in cx.domain.outer_floats())
        finite = ends[np.isfinite(ends)]
        first, last = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
        reach = (last - first) / 2 or 1.0
        low, high = low if np.isfinite(low) else first - reach, high if np.isfinite(high) else last + reach
    else:
        low, high = checked_window(window, 1)
    side = np.stack([np.full(len(cx), -1), at[:, 1], np.full(len(cx), -1), at[:, 0]], axis=1)
    side[right > high, 1] = -1
    side[left < low, 3] = -1
    volumes[(left < low) | (right > high)] = np.nan
    left, right = np.clip(left, low, high), np.clip(right, low, high)
    heights = np.stack([maps[:, 0] * x[:, None] + maps[:, 1] for x in (left, right)])
    heights = heights[:, left < right]
    bottom, top = float(heights.min(initial=0.0)), float(heights.max(initial=0.0))
    space = (top - bottom) / 12 or 1.0
    bottom, top = bottom - space, top + space
    rim = ((left, bottom), (right, bottom), (right, top), (left, top))
    corners = np.stack([np.stack([x, np.full(len(cx), y)], axis=1) for x, y in rim], axis=1)
    shown = left < right
    pointer = np.concatenate([[0], np.cumsum(4 * shown)])
    points, corner = np.unique(corners[shown].reshape(-1, 2), axis=0, return_inverse=True)
    empty = np.zeros(0, dtype=np.int64)
    return Shapes(points, corner.ravel(), pointer, side[shown].ravel(), empty, maps, volumes)


def need_bounded(bounded: bool) -> None:
    """Refuse an unbounded domain of three inputs."""
    if not bounded:
        raise DomainError("the domain is unbounded, and polyhedra are drawn inside bounded domains; give a Box")


def _solids(cx: RegionComplex, rows: Floats, maps: Floats, window: Sequence[float] | None) -> Shapes:
    """Draw every facet once: in its plane, the other facets of its region are lines that cut its polygon out."""
    need_bounded(cx.domain.is_bounded())
    lo, hi = cx.domain.outer_floats()
    region = _region_of_facet(cx)
    drawn = (cx.facet_neighbor < 0) | (region < cx.facet_neighbor)
    steepest = np.abs(rows[:, :3]).argmax(axis=1)
    facet_polygon = np.full(len(rows), -1, dtype=np.int64)
    parts: list[Floats] = []
    counts: list[Ints] = []
    total = 0
    for axis in range(3):
        chosen = np.flatnonzero(drawn & (steepest == axis))
        others = [k for k in range(4) if k != axis]
        size = np.diff(cx.facet_ptr)[region[chosen]]
        owner = np.repeat(np.arange(len(chosen)), size)
        start = np.cumsum(size) - size
        other = np.arange(len(owner)) - start[owner] + cx.facet_ptr[region[chosen]][owner]
        owner, other = owner[other != chosen[owner]], other[other != chosen[owner]]
        plane = rows[chosen] / rows[chosen, axis][:, None]
        lines = rows[other][:, others] - rows[other, axis][:, None] * plane[owner][:, others]
        pointer = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(chosen)))])
        flat, _, ends = clip(lines, pointer, _padded([v for k in others[:2] for v in (lo[k], hi[k])]))
        count = np.diff(ends)
        on = np.repeat(np.arange(len(chosen)), count)
        points = np.empty((len(flat), 3))
        points[:, others[:2]] = flat
        points[:, axis] = -(flat * plane[on][:, others[:2]]).sum(axis=1) - plane[on, 3]
        seen_here = count > 0
        facet_polygon[chosen[seen_here]] = total + np.arange(seen_here.sum())
        total += int(seen_here.sum())
        parts.append(points)
        counts.append(count[seen_here])
    corners = np.concatenate(parts)
    pointer = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    facet_polygon = _both_sides(cx, region, facet_polygon)
    volumes = _solid_volumes(cx, rows, corners, pointer, facet_polygon, region)
    empty = np.zeros(0, dtype=np.int64)
    return Shapes(corners, np.arange(len(corners)), pointer, empty, facet_polygon, maps, volumes)


def _both_sides(cx: RegionComplex, region: Ints, facet_polygon: Ints) -> Ints:
    """Give the polygon of a facet to its other side as well."""
    inside = np.flatnonzero(cx.facet_neighbor >= 0)
    here, there = region[inside], cx.facet_neighbor[inside]
    forth, back = np.argsort(here * len(cx) + there), np.argsort(there * len(cx) + here)
    out = facet_polygon.copy()
    out[inside[forth]] = np.maximum(facet_polygon[inside[forth]], facet_polygon[inside[back]])
    return out


def _solid_volumes(
    cx: RegionComplex, rows: Floats, corners: Floats, pointer: Ints, facet_polygon: Ints, region: Ints
) -> Floats:
    """Sum the pyramids over the facets, with the interior point at the top."""
    count = np.diff(pointer)
    polygon = np.repeat(np.arange(len(count)), count)
    first = corners[pointer[:-1]][polygon]
    after = np.minimum(np.arange(1, len(corners) + 1), len(corners) - 1)
    after[pointer[1:] - 1] = pointer[:-1]
    doubled = np.cross(corners - first, corners[after] - first)
    area = np.stack([np.bincount(polygon, doubled[:, k], minlength=len(count)) for k in range(3)], axis=1)
    area = np.sqrt((area**2).sum(axis=1)) / 2
    height = (rows[:, :3] * cx.interior_points[region]).sum(axis=1) + rows[:, 3]
    share = np.where(facet_polygon >= 0, area[facet_polygon] * height / 3, 0.0)
    return np.asarray(np.bincount(region, share, minlength=len(cx)), dtype=np.float64)
