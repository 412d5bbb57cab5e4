"""Exact vertices and output maps of many regions at once: what measures, boundaries and faces are made of.

Legend: a *corner* is a vertex in homogeneous integers ``(x_1, .., x_d, w)`` without common factor, w > 0: it stands for
the point ``x / w``, and equal points are equal tuples. ``incidence`` is the bitset of facets that hold it.

Regions are sorted by pattern, so consecutive regions share the affine forms of their first layers. These are composed
once for every prefix of patterns, which takes less than half of the work of composing every region afresh.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .complex import RegionComplex
from .double_description import cone_generators, triangulate
from .errors import DomainError
from .exact import IntRow, Point, RationalMatrix, primitive
from .network import Pattern, ReluNetwork

Corner = tuple[int, ...]


def as_point(corner: Corner) -> Point:
    """Return a corner as Fractions.

    Examples
    --------
    >>> as_point((1, 4, 2))
    (Fraction(1, 2), Fraction(2, 1))
    """
    return tuple(Fraction(v, corner[-1]) for v in corner[:-1])


class PrefixForms:
    """The exact affine forms of every layer on one pattern after another; layers before the first change are kept.

    ``bits`` is the last pattern.

    Examples
    --------
    >>> net = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
    >>> PrefixForms(net).on(np.array([1, 1], dtype=np.uint8))[-1].fractions().tolist()
    [[Fraction(-2, 1), Fraction(2, 1)]]
    """

    def __init__(self, net: ReluNetwork):
        self.net = net
        self._start = np.concatenate([[0], np.cumsum([layer.size for layer in net.layers])])
        zero, d = RationalMatrix.zeros, net.input_dim
        self._base = [layer.blocks.get(0, zero(layer.size, d)).dense().hstack(layer.bias) for layer in net.layers]
        self.bits: Pattern | None = None
        self._forms: list[RationalMatrix] = []
        self._blocks: list[RationalMatrix] = []

    def on(self, bits: Pattern) -> list[RationalMatrix]:
        """Return the forms of all layers, shape (n_l, d + 1) each; those of a last layer with a ReLU are masked."""
        layers = self.net.layers
        first = 0
        if self.bits is not None:
            changed = np.flatnonzero(bits != self.bits)
            if not len(changed):
                return self._forms
            first = int(np.searchsorted(self._start, changed[0], side="right")) - 1
        # the forms of the first changed layer are still right, its activations are not
        keep = first + 1 if self.bits is not None else 0
        forms, blocks = self._forms[:keep], self._blocks[:first]
        for index in range(first, len(layers)):
            if index >= keep:
                total = self._base[index]
                for k, weight in layers[index].blocks.items():
                    if k:
                        total = total + weight @ blocks[k - 1]
                forms.append(total)
            if self._start[index] < len(bits):
                blocks.append(forms[index].masked(bits[self._start[index] : self._start[index + 1]].tolist()))
        self.bits, self._forms, self._blocks = bits, forms, blocks
        return forms

    def outputs(self) -> RationalMatrix:
        """Return the output map ``[A | b]`` on the last pattern."""
        return self._blocks[-1] if self.net.output_relu else self._forms[-1]

    def row(self, neuron: int) -> IntRow:
        """Return the form of one neuron on the last pattern, up to a positive factor."""
        layer = int(np.searchsorted(self._start, neuron, side="right")) - 1
        return primitive(self._forms[layer].integer_row(neuron - int(self._start[layer])))


class Cell(NamedTuple):
    """One region with its exact vertices.

    Attributes
    ----------
    region : int
        Its number.
    rows : list of integer tuples
        One affine form per facet, nonnegative on the region, in the order of the facets.
    corners : list of integer tuples
        The vertices; in the plane counterclockwise. With lines there is no vertex: one point per minimal face.
    incidence : list of int
        For every corner the bitset of facets that hold it.
    rays, lines : lists of integer tuples
        Directions of an unbounded region.
    outputs : RationalMatrix
        The output map on the region, shape (m, d + 1).
    """

    region: int
    rows: list[IntRow]
    corners: list[Corner]
    incidence: list[int]
    rays: list[IntRow]
    lines: list[IntRow]
    outputs: RationalMatrix

    @property
    def bounded(self) -> bool:
        """True if the region is bounded."""
        return not self.rays and not self.lines

    def simplices(self) -> list[tuple[int, ...]]:
        """Return simplices, as numbers of corners, with disjoint interiors that cover a bounded region."""
        if not self.bounded:
            raise DomainError(
                f"region {self.region} is unbounded, so it has no volume; enumerate over a bounded domain such as a Box"
            )
        if len(self.rows[0]) == 3:  # the corners of a polygon are in order
            return [(0, k, k + 1) for k in range(1, len(self.corners) - 1)]
        return triangulate(self.incidence)


def cells(
    cx: RegionComplex, regions: Iterable[int] | None = None, forms: PrefixForms | None = None
) -> Iterator[Cell]:
    """Compute the exact vertices and the output map of every region, one region after the other.

    Parameters
    ----------
    cx : RegionComplex
    regions : iterable of int, optional
        Which regions; all if None. They come in ascending order.
    forms : PrefixForms, optional
        Moved along: while a cell is looked at, these are the forms on its region.

    Yields
    ------
    Cell

    Notes
    -----
    Exactness: *exact*. In the plane vertices are intersections of facets that follow each other by direction; floats
    propose that order and exact cross products prove it. Elsewhere the double description method is used.

    Examples
    --------
    >>> from polyrelu import Box, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([0, -1], [1, 0]))
    >>> [cell.corners for cell in cells(cx)]
    [[(0, -1, 1), (1, -1, 1), (0, 0, 1)], [(0, 0, 1), (1, -1, 1), (1, 0, 1)]]
    """
    net, d, N = cx.network, cx.network.input_dim, cx.network.neurons
    walls = cx.domain.rows
    forms = forms or PrefixForms(net)
    last = cx.facet_row[cx.row_ptr[1:] - 1]
    chosen = np.where(last >= N, last, cx.facet_row[cx.row_ptr[:-1]]).tolist()  # walls have few digits
    pointer = cx.facet_ptr.tolist()
    for i in range(len(cx)) if regions is None else sorted(set(regions)):
        bits = cx.patterns[i]
        forms.on(bits)
        rows: list[IntRow] = []
        for r in chosen[pointer[i] : pointer[i + 1]]:
            if r >= N:
                rows.append(walls[r - N])
            else:
                row = forms.row(r)
                rows.append(row if bits[r] else tuple(-v for v in row))
        corners, incidence, rays, lines = (_polygon(rows) if d == 2 else None) or _generators(rows, d)
        yield Cell(i, rows, corners, incidence, rays, lines, forms.outputs())


Vertices = tuple[list[Corner], list[int], list[IntRow], list[IntRow]]


def _polygon(rows: Sequence[IntRow]) -> Vertices | None:
    """Intersect facets that follow each other; None if the region is unbounded."""
    if len(rows) < 3:
        return None
    angles = [_angle(-row[0], -row[1]) for row in rows]
    order = sorted(range(len(rows)), key=angles.__getitem__)
    # floats may mistake the order of directions that are almost equal
    return _chain(rows, order) or _chain(rows, sorted(order, key=functools.cmp_to_key(_turn(rows))))


def _turn(rows: Sequence[IntRow]) -> Callable[[int, int], int]:
    """Compare directions of outward normals, from -pi to pi, exactly."""

    def upper(x: int, y: int) -> bool:
        return y > 0 or (y == 0 and x < 0)

    def compare(i: int, j: int) -> int:
        (a, b), (c, d) = (-rows[i][0], -rows[i][1]), (-rows[j][0], -rows[j][1])
        left = a * d - b * c
        return upper(a, b) - upper(c, d) or (left < 0) - (left > 0)

    return compare


def _chain(rows: Sequence[IntRow], order: Sequence[int]) -> Vertices | None:
    corners, incidence = [], []
    for k, i in enumerate(order):
        j = order[k - 1]
        (a, b, c), (e, f, g) = rows[j], rows[i]
        w = a * f - e * b
        # outward normals that turn left at every step, once around, bound a polygon; all rows are facets
        if w <= 0:
            return None
        corners.append(primitive((b * g - f * c, c * e - g * a, w)))
        incidence.append(1 << i | 1 << j)
    return corners, incidence, [], []


def _angle(x: int, y: int) -> float:
    """Return the direction of an integer vector, in (-pi, pi], to a few units in the last place."""
    shift = max(x.bit_length(), y.bit_length()) - 64
    return math.atan2(y >> shift, x >> shift) if shift > 0 else math.atan2(y, x)


def _generators(rows: Sequence[IntRow], d: int) -> Vertices:
    facets = (1 << len(rows)) - 1
    found, lines = cone_generators([*rows, (*([0] * d), 1)], d + 1)
    vertices = sorted(((y, zeros & facets) for y, zeros in found if y[d]), key=lambda v: as_point(v[0]))
    rays = sorted(y[:d] for y, _ in found if not y[d])
    return [y for y, _ in vertices], [z for _, z in vertices], rays, sorted(y[:d] for y in lines)
