"""Exact measures of a region complex: volumes, extrema, integrals, Lipschitz constants, shares of classes.

Everything is computed from the exact vertices and affine maps of the regions (:mod:`polyrelu.cells`), which are kept
for further questions. All measures need a bounded domain, except extrema, Lipschitz constants and stable neurons.
Volumes, extrema and integrals of an incomplete complex are those of the explored part; the others are refused.

Legend: ``output`` is the number of one output, or a sequence of rational coefficients for a linear combination of all
of them.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .cells import Cell, Corner, PrefixForms, as_point, cells
from .complex import RegionComplex
from .double_description import triangulate
from .errors import CertificationError, DomainError, InputError
from .exact import IntRow, Point, RationalMatrix, fraction, integer_matrix, integer_point, rational_sum, short_text
from .refine import functional, tournament

# Regions whose vertices are kept, some kilobytes each; those of larger complexes are computed again when needed.
KEEP = 200_000


def all_cells(cx: RegionComplex) -> Sequence[Cell] | Iterator[Cell]:
    """Return the exact cells of all regions; kept on the complex if there are not too many."""
    if len(cx) > KEEP:
        return cells(cx)
    if cx._cells is None:
        cx._cells = list(cells(cx))
    return cx._cells


# -- volume ---------------------------------------------------------------------------
def cell_volume(cell: Cell) -> Fraction:
    """Return the exact volume of a bounded cell."""
    return sum((_simplex(cell, s) for s in cell.simplices()), Fraction(0))


def _simplex(cell: Cell, numbers: Sequence[int]) -> Fraction:
    corners = [cell.corners[k] for k in numbers]
    return Fraction(abs(_determinant(corners)), math.prod(c[-1] for c in corners) * math.factorial(len(corners) - 1))


def _determinant(rows: Sequence[Sequence[int]]) -> int:
    if len(rows) == 3:
        (a, b, c), (d, e, f), (g, h, i) = rows
        return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return int(integer_matrix(rows, len(rows)).det())


def volumes(cx: RegionComplex) -> list[Fraction]:
    """Return the exact volume (length, area) of every region; see :meth:`RegionComplex.volumes`."""
    if cx._volumes is None:
        cx._volumes = [cell_volume(cell) for cell in all_cells(cx)]
        if cx.complete and rational_sum(cx._volumes) != cx.domain.volume():
            raise CertificationError("the volumes of the regions do not sum to the volume of the domain")
    return list(cx._volumes)


class Histogram(NamedTuple):
    """Counts of regions by volume.

    Attributes
    ----------
    counts : list of int
        ``counts[k]`` regions have a volume in ``[edges[k], edges[k + 1])``; the last bin holds its upper edge too.
    edges : list of Fraction
    """

    counts: list[int]
    edges: list[Fraction]


def volume_histogram(cx: RegionComplex, bins: Any = None) -> Histogram:
    """Count regions by volume, with exact comparisons; see :meth:`RegionComplex.volume_histogram`."""
    sizes = sorted(volumes(cx))
    if bins is None:
        low = _power_below(sizes[0])
        edges = [low, 2 * low]
        while edges[-1] <= sizes[-1]:
            edges.append(2 * edges[-1])
    elif isinstance(bins, int | np.integer):
        bins = int(bins)
        if bins < 1:
            raise InputError(f"bins is {bins}; give a number of bins, 1 or more, or increasing edges")
        edges = [sizes[-1] * k / bins for k in range(bins + 1)]
    else:
        if not isinstance(bins, Iterable):
            raise InputError(f"bins is {bins!r}; give a whole number of bins, or increasing edges")
        edges = [fraction(v, f"bins[{k}]") for k, v in enumerate(bins)]
        if len(edges) < 2 or any(a >= b for a, b in zip(edges, edges[1:], strict=False)):
            raise InputError("bins must be a number of bins or at least two increasing edges")
    below = [bisect.bisect_left(sizes, e) for e in edges[:-1]] + [bisect.bisect_right(sizes, edges[-1])]
    return Histogram([b - a for a, b in zip(below, below[1:], strict=False)], edges)


def _power_below(value: Fraction) -> Fraction:
    """Return the largest power of two that is not above a positive number."""
    power = Fraction(2) ** (value.numerator.bit_length() - value.denominator.bit_length())
    return power if power <= value else power / 2


# -- extrema --------------------------------------------------------------------------
class Extremum(NamedTuple):
    """The exact maximum or minimum of an output.

    Attributes
    ----------
    value : Fraction, or inf or -inf
    point : tuple of Fraction
        Where the value is attained; for an infinite value, where the ray starts.
    ray : tuple of int or None
        For an infinite value: the direction from ``point``, inside the domain, along which it is approached.
    region : int
        A region that holds the point (and the ray).
    """

    value: Fraction | float
    point: Point
    ray: IntRow | None
    region: int


def maximum(cx: RegionComplex, output: Any = 0, sign: int = 1) -> Extremum:
    """Return the exact maximum of an output (the minimum for sign -1); see :meth:`RegionComplex.maximum`."""
    weights = [sign * v for v in functional(cx.network, output)]
    numbers, scale = integer_point(weights)
    best: tuple[int, int, int, Corner] | None = None
    for cell in all_cells(cx):
        form, den = _combine(cell.outputs, numbers)
        for ray in [*cell.rays, *cell.lines, *([-v for v in line] for line in cell.lines)]:
            if sum(a * v for a, v in zip(form, ray, strict=False)) > 0:
                start = as_point(cell.corners[0])
                return Extremum(sign * math.inf, start, tuple(ray), cell.region)
        for corner in cell.corners:
            top, bottom = sum(a * v for a, v in zip(form, corner, strict=True)), den * corner[-1]
            if best is None or top * best[1] > best[0] * bottom:
                best = top, bottom, cell.region, corner
    assert best is not None
    top, bottom, region, corner = best
    return Extremum(Fraction(sign * top, bottom * scale), as_point(corner), None, region)


def _combine(outputs: RationalMatrix, weights: Sequence[int]) -> tuple[list[int], int]:
    """Return an integer combination of output forms as an integer row over a denominator."""
    row = integer_matrix([weights], len(weights)) @ outputs
    return row.integers()[0], row.den


# -- integrals ------------------------------------------------------------------------
class Enclosure(NamedTuple):
    """Two rationals with a number between them."""

    lower: Fraction
    upper: Fraction

    def __float__(self) -> float:
        return float((self.lower + self.upper) / 2)


def integral(cx: RegionComplex, output: Any = 0, bits: int | None = None) -> Fraction | Enclosure:
    """Return the integral of an output over the domain; see :meth:`RegionComplex.integral`."""
    bits = _checked_bits(bits)
    numbers, scale = integer_point(functional(cx.network, output))
    terms = (_moment(cell, numbers, scale) for cell in all_cells(cx))
    if bits is None:
        return rational_sum(terms)
    rounded = [(term.numerator << bits) // term.denominator for term in terms]
    return Enclosure(Fraction(sum(rounded), 1 << bits), Fraction(sum(rounded) + len(rounded), 1 << bits))


def _moment(cell: Cell, weights: Sequence[int], scale: int) -> Fraction:
    """Integrate an affine function over one cell: volume times the mean of the values at the vertices of a simplex."""
    form, den = _combine(cell.outputs, weights)
    values = [
        Fraction(sum(a * v for a, v in zip(form, corner, strict=True)), den * scale * corner[-1])
        for corner in cell.corners
    ]
    parts = (_simplex(cell, s) * sum(values[k] for k in s) / len(s) for s in cell.simplices())
    return sum(parts, Fraction(0))


def mean(cx: RegionComplex, output: Any = 0, bits: int | None = None) -> Fraction | Enclosure:
    """Return the mean of an output over the domain; see :meth:`RegionComplex.mean`."""
    whole = cx.domain.volume() if cx.complete else rational_sum(volumes(cx))
    total = integral(cx, output, bits)
    if isinstance(total, Enclosure):
        return Enclosure(total.lower / whole, total.upper / whole)
    return total / whole


def _need_all(cx: RegionComplex) -> None:
    if not cx.complete:
        raise InputError("regions are missing, so this says nothing about the domain; enumerate without a limit")


def _checked_bits(bits: Any) -> int | None:
    if bits is not None and (not isinstance(bits, int) or isinstance(bits, bool) or bits < 0):
        raise InputError(f"bits is {bits!r}; give a whole number of binary places, or None for an exact integral")
    return bits


# -- Lipschitz constants --------------------------------------------------------------
class Lipschitz(NamedTuple):
    """A Lipschitz constant, or two bounds of one.

    Attributes
    ----------
    lower, upper : float
        Bounds, rounded outwards; equal only if the constant is a float.
    squared : Enclosure
        Bounds of the square; equal where the square is rational (always for norms 1 and inf, and for norm 2 with one
        output or one input).
    value : Fraction or None
        The constant itself, for norms 1 and inf.
    region : int
        A region where the operator norm of the Jacobian is largest (to the width of the bounds).
    """

    lower: float
    upper: float
    squared: Enclosure
    value: Fraction | None
    region: int


def lipschitz(cx: RegionComplex, norm: Any = 2) -> Lipschitz:
    """Return the Lipschitz constant of the network; see :meth:`RegionComplex.lipschitz`."""
    from .spectral import largest_squared_norm, sqrt_floats

    if not isinstance(norm, int | float) or norm not in (1, 2, math.inf):
        raise InputError(f"norm is {norm!r}; choose 1, 2 or math.inf")
    _need_all(cx)
    if norm == 2:
        low, high, region = largest_squared_norm(_jacobians(cx))
        return Lipschitz(sqrt_floats(low)[0], sqrt_floats(high)[1], Enclosure(low, high), None, region)
    best, region = Fraction(-1), 0
    for i, (rows, den) in enumerate(_jacobians(cx)):
        lines = rows if norm == math.inf else zip(*rows, strict=True)
        top = max(sum(map(abs, line)) for line in lines)
        if top * best.denominator > best.numerator * den:
            best, region = Fraction(top, den), i
    square = best * best
    return Lipschitz(sqrt_floats(square)[0], sqrt_floats(square)[1], Enclosure(square, square), best, region)


def _jacobians(cx: RegionComplex) -> Iterator[tuple[list[list[int]], int]]:
    """Yield the Jacobian of every region as integers over a denominator."""
    maps: Iterator[RationalMatrix]
    if cx._cells is not None:
        maps = (cell.outputs for cell in cx._cells)
    else:
        forms = PrefixForms(cx.network)
        maps = (forms.outputs() for bits in cx.patterns if forms.on(bits) is not None)
    for outputs in maps:
        yield [row[:-1] for row in outputs.integers()], outputs.den


# -- classes --------------------------------------------------------------------------
class ClassShares(dict[int | tuple[int, ...], Fraction]):
    """Shares of the domain by class: a dict that prints rationals of many digits in short."""

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key}: {short_text(value)}" for key, value in self.items()) + "}"


def class_shares(cx: RegionComplex, classes: str = "argmax") -> ClassShares:
    """Return the share of the domain where every output wins; see :meth:`RegionComplex.class_shares`."""
    whole = cx.domain.volume()
    refined, winners = tournament(cx, classes)
    sizes = _union_volumes(refined, winners)
    if rational_sum(sizes.values()) != whole:
        raise CertificationError("the volumes of the classes do not sum to the volume of the domain")
    shares = ClassShares({k: sizes.pop((k,), Fraction(0)) / whole for k in range(cx.network.output_dim)})
    shares.update({key: sizes[key] / whole for key in sorted(sizes)})
    return shares


def _union_volumes(cx: RegionComplex, labels: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Fraction]:
    """Return the volume of the union of all regions with one label, for every label.

    Every facet of the union, with a fixed apex, spans simplices; with the sign of the side of the apex their volumes
    sum to that of the union (divergence theorem). So vertices are needed along the boundary of a union alone.
    """
    rim: dict[int, list[int]] = {}
    for i, label in enumerate(labels):
        first = int(cx.facet_ptr[i])
        across = cx.facet_neighbor[first : int(cx.facet_ptr[i + 1])].tolist()
        facets = [k for k, j in enumerate(across) if j < 0 or labels[j] != label]
        if facets:
            rim[i] = facets
    apex: Corner | None = None
    terms: dict[tuple[int, ...], list[Fraction]] = {label: [] for label in labels}
    for cell in cells(cx, rim):
        if not cell.bounded:
            raise DomainError("the domain is unbounded, so shares of it have no meaning; enumerate over a Box")
        apex = apex or cell.corners[0]
        for facet in rim[cell.region]:
            side = sum(a * v for a, v in zip(cell.rows[facet], apex, strict=True))
            if side:
                on = [k for k, zeros in enumerate(cell.incidence) if zeros >> facet & 1]
                for simplex in triangulate([cell.incidence[k] for k in on]):
                    corners = [apex, *(cell.corners[on[k]] for k in simplex)]
                    size = abs(_determinant(corners)) * (1 if side > 0 else -1)
                    bottom = math.prod(c[-1] for c in corners) * math.factorial(len(corners) - 1)
                    terms[labels[cell.region]].append(Fraction(size, bottom))
    return {label: rational_sum(parts) for label, parts in terms.items()}


class StableNeurons(NamedTuple):
    """Neurons that never switch on the domain.

    Attributes
    ----------
    active : list of int
        z >= 0 everywhere, and z > 0 inside every region.
    inactive : list of int
        z <= 0 everywhere.
    """

    active: list[int]
    inactive: list[int]


def stable_neurons(cx: RegionComplex) -> StableNeurons:
    """Return the neurons that never switch; see :meth:`RegionComplex.stable_neurons`."""
    _need_all(cx)
    share = cx.patterns.sum(axis=0, dtype=int).tolist()
    return StableNeurons([k for k, n in enumerate(share) if n == len(cx)], [k for k, n in enumerate(share) if not n])
