"""The truth about small networks, by methods too simple to be wrong.

Nothing of polyrelu takes part except the exact weights of a :class:`ReluNetwork`: the linear algebra,
the LP and the enumeration below are independent of the library and use Python integers and Fractions.

Legend: a *row* ``(g_1, .., g_d, g_0)`` is an affine form ``g(x) = g_1 x_1 + .. + g_d x_d + g_0``, and
as a constraint it means ``g(x) >= 0`` (closed) or ``g(x) > 0`` (strict). A *wall* ``(a, b)`` means
``a . x <= b``. A *domain* is None (all of R^d), a box ``(lo, hi)`` of two points, or a list of walls.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from polyrelu.network import ReluNetwork

Row = tuple[int, ...]
Form = tuple[Fraction, ...]
Point = tuple[Fraction, ...]
Pattern = tuple[int, ...]
Wall = tuple[Sequence[Any], Any]
Edges = dict[frozenset[Pattern], tuple[int, ...]]


# -- domains --------------------------------------------------------------------------
def box_walls(lo: Sequence[Any], hi: Sequence[Any]) -> list[Wall]:
    """Return the walls of a box; first the d upper ones, then the d lower ones."""
    unit = [tuple(int(i == k) for i in range(len(lo))) for k in range(len(lo))]
    upper = [(e, Fraction(b)) for e, b in zip(unit, hi, strict=True)]
    return upper + [(tuple(-v for v in e), -Fraction(b)) for e, b in zip(unit, lo, strict=True)]


def domain_walls(domain: Any) -> list[Wall]:
    """Return the walls of a domain: None, a box ``(lo, hi)``, or a list of walls."""
    if domain is None:
        return []
    return list(domain) if isinstance(domain, list) else box_walls(*domain)


def wall_rows(walls: Iterable[Wall]) -> list[Row]:
    """Turn ``a . x <= b`` into rows ``b - a . x >= 0``."""
    return [integer_row((*(-Fraction(v) for v in a), Fraction(b))) for a, b in walls]


def integer_row(form: Iterable[Fraction]) -> Row:
    """Return the smallest positive integer multiple of a form: equal rows are equal half-spaces."""
    values = tuple(form)
    den = math.lcm(*(v.denominator for v in values))
    row = [int(v * den) for v in values]
    divisor = math.gcd(*row) or 1
    return tuple(v // divisor for v in row)


def value(row: Sequence[Any], x: Sequence[Fraction]) -> Fraction:
    """Evaluate an affine form at a point."""
    return sum((g * v for g, v in zip(row, x, strict=False)), Fraction(row[-1]))


def negative(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(-v for v in row)


# -- linear programming ---------------------------------------------------------------
def feasible_point(rows: Sequence[Row], d: int) -> Point | None:
    """Return a point with g(x) >= 0 for every row, or None if there is none.

    The simplex method on a dictionary ``den * basic = T @ nonbasic + constant`` of integers. Nonbasic
    variables are zero. A violated slack leaves; a nonbasic variable that can raise it enters, the
    coordinates (which have no sign) as well as other slacks. If nothing can raise it, its row reads
    ``slack = -(nonnegative) - positive``, a proof that there is no solution. Least index first in both
    choices (Bland's rule), hence no cycle. A coordinate that has entered never leaves.
    """
    columns = list(range(d))  # variables 0 .. d-1 are the coordinates, d + i is the slack of row i
    basic = [d + i for i in range(len(rows))]
    table = [list(row) for row in rows]
    den = 1
    while True:
        violated = [(v, r) for r, v in enumerate(basic) if v >= d and table[r][-1] < 0]
        if not violated:
            break
        _, r = min(violated)
        pivot_row = table[r]
        entering = [(v, j) for j, v in enumerate(columns) if pivot_row[j] > 0 or (v < d and pivot_row[j])]
        if not entering:
            return None
        _, j = min(entering)
        pivot, sign = pivot_row[j], 1 if pivot_row[j] > 0 else -1
        for i, row in enumerate(table):
            if i != r:
                factor = row[j]
                # integer pivoting: every entry is a minor of the input, so the division leaves no rest
                new = [sign * (v * pivot - factor * p) // den for v, p in zip(row, pivot_row, strict=True)]
                new[j] = sign * factor
                table[i] = new
        table[r] = [-sign * p for p in pivot_row]
        table[r][j] = sign * den
        den = abs(pivot)
        basic[r], columns[j] = columns[j], basic[r]
    x = [Fraction(0)] * d
    for v, row in zip(basic, table, strict=True):
        if v < d:
            x[v] = Fraction(row[-1], den)
    assert all(value(row, x) >= 0 for row in rows)
    return tuple(x)


def interior_point(rows: Sequence[Row], d: int) -> Point | None:
    """Return a point with g(x) > 0 for every row, or None if there is none.

    Homogenised: x = y / t with ``g_1 y_1 + .. + g_d y_d + g_0 t > 0`` and ``t > 0``. Solutions may be scaled
    up, so that "> 0" may be written ">= 1": a closed system.
    """
    cone = [(*row, -1) for row in rows] + [(0,) * d + (1, -1)]
    y = feasible_point(cone, d + 1)
    if y is None:
        return None
    x = tuple(v / y[-1] for v in y[:-1])
    assert all(value(row, x) > 0 for row in rows)
    return x


def restrict(rows: Iterable[Row], plane: Row) -> list[Row]:
    """Write rows in coordinates of the hyperplane ``plane = 0``: eliminate its first variable.

    Rows that vanish on the hyperplane are left out.
    """
    p = next(i for i, v in enumerate(plane[:-1]) if v)
    scale, sign = abs(plane[p]), 1 if plane[p] > 0 else -1
    out = []
    for row in rows:
        new = [v * scale - sign * row[p] * h for v, h in zip(row, plane, strict=True)]
        if any(new):
            out.append(tuple(new[:p] + new[p + 1 :]))
    return out


def rank(rows: Iterable[Sequence[Any]]) -> int:
    """Rank by Gaussian elimination in Fractions."""
    rest = [[Fraction(v) for v in row] for row in rows]
    count = 0
    while rest:
        row = rest.pop()
        p = next((i for i, v in enumerate(row) if v), None)
        if p is not None:
            count += 1
            rest = [[v - other[p] / row[p] * w for v, w in zip(other, row, strict=True)] for other in rest]
    return count


def dimension(rows: Sequence[Row], d: int) -> int:
    """Dimension of the polyhedron {x : g(x) >= 0 for every row}; -1 if it is empty.

    d minus the rank of its implicit equalities: the rows that are positive nowhere on it. Whether row k
    is positive somewhere is one homogenised LP: all rows >= 0, t >= 1, row k >= 1.
    """
    if feasible_point(rows, d) is None:
        return -1
    cone = [(*row, 0) for row in rows] + [(0,) * d + (1, -1)]
    equalities = [row for row in set(rows) if feasible_point([*cone, (*row, -1)], d + 1) is None]
    return d - rank(row[:-1] for row in equalities)


# -- networks -------------------------------------------------------------------------
class ExactNetwork:
    """The weights of a network as Fractions, and its affine forms on a pattern."""

    def __init__(self, net: ReluNetwork):
        self.d = net.input_dim
        self.output_relu = net.output_relu
        self.layers = [
            ({k: w.fractions().tolist() for k, w in layer.blocks.items()}, layer.bias.fractions()[:, 0].tolist())
            for layer in net.layers
        ]
        hidden = self.layers if net.output_relu else self.layers[:-1]
        self.widths = [len(bias) for _, bias in hidden]
        self.neurons = sum(self.widths)

    def inputs(self) -> list[list[Form]]:
        """Return block 0: the coordinates as affine forms."""
        return [[tuple(Fraction(i == k) for i in range(self.d + 1)) for k in range(self.d)]]

    def forms(self, layer: int, blocks: list[list[Form]]) -> list[Form]:
        """Return the pre-activations of one layer as affine forms, given all earlier activations."""
        weights, bias = self.layers[layer]
        out = []
        for i, b in enumerate(bias):
            total = [Fraction(0)] * self.d + [b]
            for k, matrix in weights.items():
                for w, form in zip(matrix[i], blocks[k], strict=True):
                    if w:
                        total = [t + w * v for t, v in zip(total, form, strict=True)]
            out.append(tuple(total))
        return out

    def relu(self, forms: list[Form], bits: Sequence[int]) -> list[Form]:
        """Return the activations where the neurons have the given bits."""
        zero = (Fraction(0),) * (self.d + 1)
        return [form if bit else zero for form, bit in zip(forms, bits, strict=True)]

    def neuron_forms(self, pattern: Pattern) -> list[Form]:
        """Return all pre-activations on a pattern."""
        blocks, out = self.inputs(), []
        for layer, width in enumerate(self.widths):
            forms = self.forms(layer, blocks)
            blocks.append(self.relu(forms, pattern[len(out) : len(out) + width]))
            out += forms
        return out

    def affine_map(self, pattern: Pattern) -> tuple[Form, ...]:
        """Return the map of the network on a pattern, one form per output."""
        blocks, offset = self.inputs(), 0
        for layer, width in enumerate(self.widths):
            blocks.append(self.relu(self.forms(layer, blocks), pattern[offset : offset + width]))
            offset += width
        return tuple(blocks[-1] if self.output_relu else self.forms(len(self.layers) - 1, blocks))

    def region_rows(self, pattern: Pattern) -> list[Row]:
        """Return the rows of {x : pattern(x) = s} up to its boundary, one per neuron.

        Bit 1 asks for z > 0, bit 0 for z <= 0. A form that is identically zero gives the zero row, which
        allows bit 0 (0 >= 0 everywhere) and excludes bit 1: the caller has to look.
        """
        forms = self.neuron_forms(pattern)
        return [integer_row(f if bit else negative(f)) for f, bit in zip(forms, pattern, strict=True)]


def all_regions(net: ReluNetwork, walls: Sequence[Wall]) -> dict[Pattern, Point]:
    """Return every activation region of a domain with a point in its interior.

    A pattern s is a region iff {x in domain : pattern(x) = s} has interior points. Depth first over the
    neurons, in layer order; a prefix of bits survives iff the cell it defines has an interior point. On
    such a cell a neuron has one affine form: if the form is identically zero the bit is 0; otherwise
    bit 1 asks for a point with z > 0 and bit 0 for one with z < 0.
    """
    exact = ExactNetwork(net)
    found: dict[Pattern, Point] = {}

    def descend(layer: int, blocks: list[list[Form]], bits: Pattern, rows: list[Row], x: Point) -> None:
        if layer == len(exact.widths):
            found[bits] = x
            return
        forms = exact.forms(layer, blocks)
        for layer_bits, more_rows, y in split(forms, (), rows, x):
            descend(layer + 1, [*blocks, exact.relu(forms, layer_bits)], bits + layer_bits, more_rows, y)

    def split(
        forms: list[Form], bits: Pattern, rows: list[Row], x: Point
    ) -> Iterator[tuple[Pattern, list[Row], Point]]:
        if len(bits) == len(forms):
            yield bits, rows, x
            return
        row = integer_row(forms[len(bits)])
        if not any(row):
            yield from split(forms, (*bits, 0), rows, x)
            return
        for bit, side in ((0, negative(row)), (1, row)):
            y = x if value(side, x) > 0 else interior_point([*rows, side], exact.d)
            if y is not None:
                yield from split(forms, (*bits, bit), [*rows, side], y)

    rows = wall_rows(walls)
    start = interior_point(rows, exact.d)
    if start is not None:
        descend(0, exact.inputs(), (), rows, start)
    return found


def all_regions_bruteforce(net: ReluNetwork, walls: Sequence[Wall]) -> dict[Pattern, Point]:
    """Return the same as :func:`all_regions`: every one of the 2^N patterns, one LP each."""
    exact = ExactNetwork(net)
    found = {}
    for pattern in product((0, 1), repeat=exact.neurons):
        rows = exact.region_rows(pattern)
        if any(bit and not any(row) for row, bit in zip(rows, pattern, strict=True)):
            continue  # z = 0 everywhere is not z > 0
        x = interior_point(wall_rows(walls) + [row for row in rows if any(row)], exact.d)
        if x is not None:
            found[pattern] = x
    return found


# -- facets and adjacency -------------------------------------------------------------
def facets(net: ReluNetwork, walls: Sequence[Wall], pattern: Pattern) -> dict[Row, tuple[tuple[int, ...], bool]]:
    """Return the facets of one region: {inward row: (neurons that vanish on it, whether it is a wall)}.

    A hyperplane of a row carries a facet iff some point on it satisfies all rows of other hyperplanes
    strictly. Neurons that are zero on the whole region are listed with every facet.
    """
    exact = ExactNetwork(net)
    neuron_rows = exact.region_rows(pattern)
    walls_ = wall_rows(walls)
    rows = [row for row in {*neuron_rows, *walls_} if any(row[:-1])]
    out = {}
    for plane in rows:
        if interior_point(restrict(rows, plane), exact.d - 1) is not None:
            vanishing = (i for i, row in enumerate(neuron_rows) if row in (plane, negative(plane)) or not any(row))
            out[plane] = (tuple(vanishing), plane in walls_)
    return dict(sorted(out.items()))


def adjacency(net: ReluNetwork, walls: Sequence[Wall], regions: Iterable[Pattern]) -> Edges:
    """Return all pairs of regions that share a facet, with the neurons whose bits differ.

    Two regions are adjacent iff their closed intersection has dimension d - 1. Their interiors are
    disjoint, so the intersection then lies in a hyperplane that carries a facet of each, one on either side;
    and it has dimension d - 1 iff some point of that hyperplane satisfies all other rows of both strictly.
    """
    d = net.input_dim
    rows = {s: list(facets(net, walls, s)) for s in regions}
    behind = defaultdict(list)
    for s, planes in rows.items():
        for plane in planes:
            behind[negative(plane)].append(s)
    edges = {}
    for s, planes in rows.items():
        for plane in planes:
            for t in behind.get(plane, ()):
                # each pair and hyperplane is met from both sides
                if s < t and interior_point(restrict([*rows[s], *rows[t]], plane), d - 1) is not None:
                    edges[frozenset((s, t))] = differing(s, t)
    return edges


def adjacency_bruteforce(net: ReluNetwork, walls: Sequence[Wall], regions: Iterable[Pattern]) -> Edges:
    """Return the same as :func:`adjacency`, by the dimension of the intersection of every pair."""
    exact = ExactNetwork(net)
    rows = {s: [row for row in {*exact.region_rows(s), *wall_rows(walls)} if any(row)] for s in regions}
    return {
        frozenset((s, t)): differing(s, t)
        for s, t in combinations(rows, 2)
        if dimension(rows[s] + rows[t], exact.d) == exact.d - 1
    }


def differing(s: Pattern, t: Pattern) -> tuple[int, ...]:
    return tuple(i for i, (a, b) in enumerate(zip(s, t, strict=True)) if a != b)


# -- linear regions -------------------------------------------------------------------
def linear_regions_affine(net: ReluNetwork, regions: Iterable[Pattern]) -> int:
    """Return the number of distinct exact affine maps of the output."""
    exact = ExactNetwork(net)
    return len({exact.affine_map(s) for s in regions})


def linear_regions_open(net: ReluNetwork, regions: Iterable[Pattern], edges: Iterable[frozenset[Pattern]]) -> int:
    """Return the number of maximal open connected sets on which the output is one affine map."""
    exact = ExactNetwork(net)
    maps = {s: exact.affine_map(s) for s in regions}
    return len(components(maps, ((s, t) for s, t in edges if maps[s] == maps[t])))


def linear_regions_closed(net: ReluNetwork, walls: Sequence[Wall], regions: Iterable[Pattern]) -> int:
    """Return the number of maximal closed connected sets with interior on which the output is one affine map.

    For a map g, the closed set {f = g} is the union of the convex pieces {x in region : f(x) = g(x)}, so
    that its components are those of the graph of pieces that meet. Pieces of lower dimension take part; a
    component counts if one of its pieces is a whole region.
    """
    exact = ExactNetwork(net)
    maps = {s: exact.affine_map(s) for s in regions}
    rows = {s: exact.region_rows(s) + wall_rows(walls) for s in maps}
    count = 0
    for g in set(maps.values()):
        pieces = {}
        for s, f in maps.items():
            gaps = [integer_row(a - b for a, b in zip(u, v, strict=True)) for u, v in zip(f, g, strict=True)]
            piece = [*rows[s], *gaps, *map(negative, gaps)]
            if feasible_point(piece, exact.d) is not None:
                pieces[s] = piece
        meet = (
            (s, t) for s, t in combinations(pieces, 2) if feasible_point(pieces[s] + pieces[t], exact.d) is not None
        )
        count += sum(any(maps[s] == g for s in part) for part in components(pieces, meet))
    return count


def components(nodes: Iterable[Pattern], pairs: Iterable[tuple[Pattern, Pattern]]) -> list[set[Pattern]]:
    """Return the connected components of a graph."""
    part = {s: {s} for s in nodes}
    for s, t in pairs:
        if part[s] is not part[t]:
            part[s] |= part[t]
            for u in part[t]:
                part[u] = part[s]
    return list({id(p): p for p in part.values()}.values())
