"""The independent checker: it proves what a file of regions says, with Python's integers and nothing else.

No engine, no linear program and no float decides here. :mod:`polyrelu.proof_file` reads the file and says what was
proved; ``docs/proofs.md`` says what every array holds. A referee reads these two modules, and trusts nothing else.

**The claims.** A network with N hidden neurons, a domain D = {x : every wall >= 0} and R patterns, sorted and
distinct. Claimed: these are the patterns of all activation regions of D; each region has exactly the listed
facets, across each of which lies the listed region or the listed wall; each affine map is the listed one.

**The proof: a tree of cuts.** Sorted patterns form a binary tree over the neurons in layer order. A node holds a
set of patterns with a common prefix and a cell C, given by rows g >= 0: at the root the walls. The checker keeps

    (*)  C = {x in D : z_j(x) >= 0 if bit j of the prefix is 1, z_j(x) <= 0 if it is 0, for every neuron j of it},

and on such a cell relu(z_j) is z_j or 0 by its bit, so that the next layer's z_k are affine forms on C, which the
checker composes exactly. For neuron k of the node one of three things happens:

* *cut*: the listed patterns have both bits. The children are C with the row z_k >= 0 and C with -z_k >= 0;
* *claim*: they have one bit b, and multipliers prove z_k >= 0 (b = 1) or z_k <= 0 (b = 0) on C. Nothing changes;
* *open*: one bit, no proof. C gets the row, and the other side is left out. Such a file may not say "complete".

Rows may be dropped from a cell when multipliers prove them from the others; then C is the same set.

**Multipliers** for "f >= 0 on C": natural numbers q_0 > 0, q_1, .. such that r = q_0 f - sum_j q_j g_j is nonnegative
at every point of a box B that holds C. Then q_0 f >= r >= 0 on C. Such a box is itself proved, side by side, in this
way; a side that is not taken over from the box before needs r > 0, so that C lies in the interior of B. This makes it
sound to drop a row that was needed to prove the box: with K the set of the rows left, a convex set, K and B have C in
common; C is closed in K, and open in K because it lies in the interior of B, and it holds a point of a region, which
every leaf evaluates. So K = C.

**Theorem.** Let every leaf hold one pattern s and a point p with g(p) > 0 for all rows of its cell C_s; let no
neuron with bit 1 be the zero form on its cell. Then C_s is full-dimensional and is the closure of
{x in D : pattern(x) = s} up to a set of measure zero: in its interior z_j > 0 for bit 1 (a nonzero form that is
nonnegative), and z_j <= 0 for bit 0. If nothing is open, the cells of the leaves cover D, because a cut covers
its cell and a claim keeps it. A pattern that is not listed then has no interior point: near it, in some C_s, bit j
of s is 1 where z_j <= 0 in an open set, hence z_j = 0 there, which was excluded, or 0 where z_j > 0, against (*).

**Facets.** The rows left at a leaf must be the listed facets. A point q of the hyperplane h = 0 where every other row
is positive proves that h is a facet, and the same q in both cells, with rows h and -h, that the regions are
adjacent. Across a facet lies one region only (docs/proofs.md), so the list of facets and adjacencies is complete as
well. A neuron vanishes on a facet iff its form is a multiple of the facet's row; its claim then has r = 0 somewhere in
the box, so only such claims are compared with the rows.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import operator
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

OPEN = 65535  # the size of a claim that is not made
WALL, BEYOND = -1, -2

Form = tuple[int, ...]  # (g_1, .., g_d, g_0): a positive multiple of the affine form g_1 x_1 + .. + g_d x_d + g_0
Place = tuple[tuple[int, ...], int]  # a rational point: numerators and one positive denominator


class Refuted(Exception):
    """A claim of the file is false or not proved; the regions named are worth a closer look."""

    def __init__(self, message: str, regions: Sequence[int] = ()):
        super().__init__(message)
        self.regions = regions


class Row(NamedTuple):
    """A row of a cell: an affine form that is nonnegative there, and the neurons and the wall that vanish with it."""

    form: Form
    names: frozenset[int]


class Box(NamedTuple):
    """A box with sides lower / 2**bits and upper / 2**bits; None where there is none."""

    lower: tuple[int | None, ...]
    upper: tuple[int | None, ...]
    bits: int


# -- the network ----------------------------------------------------------------------
def parse(text: str | bytes) -> Any:
    """Read JSON in which no key stands twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) != len(pairs):
            raise ValueError("a JSON key stands twice")
        return content

    # int() alone stops at 4300 digits
    return json.loads(text, parse_int=lambda digits: int(Decimal(digits)), object_pairs_hook=unique)


def number(value: Any) -> Fraction:
    """Read a JSON number (a float is the binary fraction that it is) or a text ``"p"`` or ``"p/q"``, exactly."""
    if isinstance(value, str):
        parts = re.fullmatch(r"(-?[0-9]+)(?:/([0-9]+))?", value)
        if parts is None:
            raise ValueError(f"{value[:40]!r} is no exact number")
        return Fraction(int(Decimal(parts[1])), int(Decimal(parts[2] or "1")))
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return Fraction(value)


def weight_rows(table: Any) -> list[list[Fraction]]:
    """Read a weight matrix: its rows, or the entries of a sparse one, of which those at one place are added."""
    if not isinstance(table, dict):
        return [[number(v) for v in row] for row in table]
    m, n = table["shape"]
    rows = [[Fraction(0)] * n for _ in range(m)]
    for i, j, v in zip(table["rows"], table["columns"], table["values"], strict=True):
        if type(i) is not int or type(j) is not int or i < 0 or j < 0:
            raise ValueError("an entry of a sparse layer has no place")
        rows[i][j] += number(v)
    return rows


def truth(value: Any) -> bool:
    """Read true or false and nothing else."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def rational_point(values: Sequence[Any]) -> Place:
    """Return a point over one denominator."""
    exact = [number(v) for v in values]
    den = math.lcm(*(v.denominator for v in exact))
    return tuple(v.numerator * (den // v.denominator) for v in exact), den


class Network:
    """The network of the file, W0, b0, .., in integers: values of layer l are multiplied by ``scale[l]``.

    ``base[l]`` holds the forms that layer l + 1 reads from the input, ``weights[l][k]`` its rows on hidden layer k + 1.
    """

    def __init__(self, text: str):
        content = parse(text)
        self.output_relu = truth(content["output_relu"])
        depth = sum(key.startswith("W") for key in content)
        self.tables = tables = [weight_rows(content[f"W{index}"]) for index in range(depth)]
        self.biases = biases = [[number(v) for v in content[f"b{index}"]] for index in range(depth)]
        self.d = len(tables[0][0])
        sizes, self.scale = [self.d], [1]
        self.base: list[list[Form]] = []
        self.weights: list[dict[int, list[tuple[int, ...]]]] = []
        for table, bias in zip(tables, biases, strict=True):
            if len({len(row) for row in table}) != 1 or len(bias) != len(table):
                raise ValueError("a layer is not rectangular")
            columns = len(table[0])
            if columns not in (sizes[-1], sum(sizes)):
                raise ValueError(f"a layer reads {columns} values")
            first = 0 if columns == sum(sizes) else len(sizes) - 1
            # the value that column c reads is an integer over source[c]
            source = [self.scale[k] for k in range(first, len(sizes)) for _ in range(sizes[k])]
            dens = [v.denominator * s for row in table for v, s in zip(row, source, strict=True)]
            scale = math.lcm(*(v.denominator for v in bias), *dens)
            rows = [[int(v * scale / s) for v, s in zip(row, source, strict=True)] for row in table]
            offset, blocks = 0, {}
            for k in range(first, len(sizes)):
                blocks[k] = [tuple(row[offset : offset + sizes[k]]) for row in rows]
                offset += sizes[k]
            inputs = blocks.pop(0, [(0,) * self.d for _ in rows])
            self.base.append([(*row, int(b * scale)) for row, b in zip(inputs, bias, strict=True)])
            self.weights.append({k - 1: block for k, block in blocks.items()})
            sizes.append(len(table))
            self.scale.append(scale)
        self.widths = sizes[1:] if self.output_relu else sizes[1:-1]
        self.starts = [0, *itertools.accumulate(self.widths)]
        self.neurons = self.starts[-1]

    def forms(self, layer: int, blocks: Sequence[tuple[Sequence[int], list[Form], list[Form]]]) -> list[Form]:
        """Compose the forms of one layer; ``blocks[k]``: bits, the forms of the active neurons by column, all forms."""
        out = self.base[layer]
        for k, matrix in self.weights[layer].items():
            bits, columns, _ = blocks[k]
            if columns:
                picked = [tuple(itertools.compress(row, bits)) for row in matrix]
                out = [
                    tuple([b + sum(map(operator.mul, w, column)) for b, column in zip(form, columns, strict=True)])
                    for form, w in zip(out, picked, strict=True)
                ]
        return out

    def name(self, neuron: int) -> str:
        """Return ``layerL[i]``, or the wall's number."""
        if neuron >= self.neurons:
            return f"wall {neuron - self.neurons}"
        layer = next(k for k, start in enumerate(self.starts[1:]) if neuron < start)
        return f"neuron layer{layer + 1}[{neuron - self.starts[layer]}]"


# -- affine forms ---------------------------------------------------------------------
def shown(span: range) -> str:
    """Name regions in a message."""
    return f"region {span.start}" if len(span) == 1 else f"regions {span.start} to {span.stop - 1}"


def value(form: Form, x: Place) -> int:
    """Return the form at a point, times the point's denominator."""
    total: int = sum(map(operator.mul, form, x[0])) + form[-1] * x[1]
    return total


def negative(form: Form) -> Form:
    """Return -form."""
    return tuple([-v for v in form])


def primitive(form: Form) -> Form:
    """Return the form divided by the gcd of its entries."""
    divisor = math.gcd(*form) or 1
    return tuple([v // divisor for v in form])


def parallel(f: Form, g: Form) -> int:
    """Return 1 if f is a positive multiple of g, -1 if a negative one, else 0 (also if one of them is zero)."""
    place = next((c for c, v in enumerate(g) if v), None)
    if place is None or not f[place]:
        return 0
    if any(a * g[place] != b * f[place] for a, b in zip(f, g, strict=True)):
        return 0
    return 1 if (f[place] > 0) == (g[place] > 0) else -1


def minimum(form: Form, box: Box) -> int | None:
    """Return the minimum of a form over a box, times 2**bits; None if there is none."""
    total = form[-1] << box.bits
    for g, low, high in zip(form[:-1], box.lower, box.upper, strict=True):
        if g:
            side = low if g > 0 else high
            if side is None:
                return None
            total += g * side
    return total


def side_form(side: int, end: float, d: int) -> Form:
    """Return x_c - end for side c < d of a box, end - x_c for side d + c, up to a factor."""
    numerator, den = end.as_integer_ratio()
    sign = 1 if side < d else -1
    return (*(sign * den if c == side % d else 0 for c in range(d)), -sign * numerator)


def shorten(v: Fraction) -> str:
    """Write a number for a person."""
    if max(abs(v.numerator), v.denominator) < 10**20:
        return str(v)
    return f"about {float(v)!r}" if abs(v) < 10**300 else "a number beyond 1e300"


def inside(
    net: Network, walls: Sequence[Form], i: int, x: Place, blocks: Sequence[tuple[Sequence[int], Any, list[Form]]]
) -> None:
    """Evaluate all walls and all neurons at the point of a region: it is strictly inside, or refuted by name."""
    for w, wall in enumerate(walls):
        slack = value(wall, x)
        # a wall without a normal is a constant: zero is no wall, a negative one leaves no point
        if slack < 0 or (slack == 0 and any(wall[:-1])):
            raise Refuted(f"region {i}: its interior point is not strictly inside wall {w} of the domain", (i,))
    for layer, (bits, _, forms) in enumerate(blocks):
        for k, (bit, form) in enumerate(zip(bits, forms, strict=True), net.starts[layer]):
            z = value(form, x)
            # z = 0 proves bit 0 only if z is zero on the whole region
            if bit != (z > 0) or (z == 0 and any(form)):
                size = shorten(Fraction(z, x[1] * net.scale[layer + 1]))
                state = f"is {bit} in the pattern but z = {size} at its interior point"
                raise Refuted(f"region {i}: {net.name(k)} {state}", (i,))


# -- the proof ------------------------------------------------------------------------
class Checker:
    """One file under proof. :class:`polyrelu.certificates.Prover` walks the same tree to make the proof."""

    def __init__(self, network: Network, walls: list[Form], content: Mapping[str, Any]):
        self.network, self.walls = network, walls
        self.content = content
        self.patterns: list[int] = content["patterns"]
        self.points: list[Place] = content["points"]
        self.complete: bool = content["complete"]
        self.streams = {key: iter(content[key]) for key in ("claim_size", "drop_count", "drop_row", "cell_box")}
        self.terms = iter(zip(content["term_row"], content["term_value"], content["term_shift"], strict=True))
        self.cells: list[list[Form]] = []
        self.cuts = self.claims = self.open = self.facets = self.adjacencies = 0

    # -- what the file contributes
    def next(self, stream: str) -> Any:
        """Return the next entry of an array of the proof."""
        try:
            return next(self.streams[stream])
        except StopIteration:
            raise Refuted(f"the proof ends too early: {stream} is too short") from None

    def multipliers(self, form: Form, rows: list[Row], box: Box, span: range) -> list[int] | None:
        """Read q_0, q_1, .. of one claim: [1] if all others are zero, None if the claim is not made."""
        size = self.next("claim_size")
        if size == 0:
            return [1]
        if size == OPEN:
            return None
        q = [0] * (len(rows) + 1)
        for row, digits, shift in itertools.islice(self.terms, size):
            if row >= len(q):
                raise Refuted(f"the proof names row {row} of a cell that has {len(rows)}", span)
            q[row] += digits << shift
        return q

    def read_box(self, rows: list[Row], box: Box, span: range) -> Sequence[float]:
        """Read the sides of a cell's box, lower ones first."""
        sides: Sequence[float] = self.next("cell_box")
        return sides

    def dropped(self, rows: list[Row], box: Box, span: range) -> Iterator[int]:
        """Yield the places of the rows to drop; each counts the rows that are left."""
        for _ in range(self.next("drop_count")):
            yield self.next("drop_row")

    def witness(self, facet: int, i: int, place: int, j: int) -> Place:
        """Return the stored target that shows a facet of region i."""
        points: list[Place] = self.content["facet_point"]
        if facet >= len(points):
            raise Refuted("the proof ends too early: facet_point is too short")
        return points[facet]

    def contradiction(self, system: list[Row], chosen: Sequence[int], box: Box, span: range) -> list[int] | None:
        """Read the multipliers that refute a disjunct: of the rows of a cell, and of -c for each chosen constraint."""
        return self.multipliers((0,) * (self.network.d + 1), system, box, span)

    # -- claims
    def claim(self, row: Row, rows: list[Row], box: Box, span: range, *, strict: bool = False) -> bool:
        """Prove a form nonnegative (positive) on a cell, and give its names to a row that it is a multiple of."""
        q = self.multipliers(row.form, rows, box, span)
        if q is None:
            return False
        slack = self.slack(row.form, rows, box, q)
        if slack is None or slack < 0 or (strict and slack == 0):
            what = self.names(row.names) or "a side of their box"
            raise Refuted(f"{shown(span)}: the multipliers do not prove the sign of {what}", span)
        self.claims += 1
        if slack == 0 and row.names:
            for k, other in enumerate(rows):
                if parallel(row.form, other.form) > 0:
                    names = sorted(row.names | other.names)
                    walls = [v for v in names if v >= self.network.neurons][:1]  # a facet names one wall
                    rows[k] = Row(other.form, frozenset([v for v in names if v < self.network.neurons] + walls))
        return True

    def slack(self, form: Form, rows: list[Row], box: Box, q: list[int]) -> int | None:
        """Return a multiple of the minimum of r = q_0 form - sum q_j row_j over the box."""
        if len(q) > 1:
            if q[0] <= 0:
                return None
            rest = [q[0] * v for v in form]
            for factor, row in zip(q[1:], rows, strict=True):
                if factor:
                    rest = [a - factor * b for a, b in zip(rest, row.form, strict=True)]
            form = tuple(rest)
        return minimum(form, box)

    def drop(self, rows: list[Row], box: Box, span: range) -> list[Row]:
        """Leave out rows that the others imply."""
        rows = list(rows)
        for place in self.dropped(rows, box, span):
            if place >= len(rows):
                raise Refuted(f"the proof drops row {place} of a cell that has {len(rows)}", span)
            row = rows.pop(place)
            if not self.claim(row, rows, box, span):
                raise Refuted(f"{shown(span)}: a row is dropped without a proof", span)
        return rows

    def tighten(self, rows: list[Row], box: Box, span: range) -> Box:
        """Prove the box of a cell by its rows and the box before."""
        d, ends = self.network.d, self.read_box(rows, box, span)
        before = [None if v is None else Fraction(v, 1 << box.bits) for v in (*box.lower, *box.upper)]
        if len(ends) != 2 * d:
            raise Refuted(f"a box of {len(ends)} sides is none of R^{d}")
        for side, (end, old) in enumerate(zip(ends, before, strict=True)):
            if not math.isfinite(end):
                continue
            row = Row(side_form(side, end, d), frozenset())
            if not self.claim(row, rows, box, span, strict=old is None or Fraction(end) != old):
                raise Refuted(f"{shown(span)}: a side of their box is not proved", span)
        ratios = [end.as_integer_ratio() if math.isfinite(end) else None for end in ends]
        den = max((r[1] for r in ratios if r), default=1)  # all are powers of two
        sides = tuple(r and r[0] * (den // r[1]) for r in ratios)
        return Box(sides[:d], sides[d:], den.bit_length() - 1)

    # -- the tree
    def walk(self) -> None:
        """Walk the tree of cuts and prove every node."""
        net, d = self.network, self.network.d
        box = Box((None,) * d, (None,) * d, 0)
        rows = [Row(form, frozenset([net.neurons + w])) for w, form in enumerate(self.walls)]
        stack: list[tuple[Any, ...]] = [(range(len(self.patterns)), 0, None, [], rows, box, [])]
        while stack:
            span, layer, todo, forms, rows, box, blocks = stack.pop()
            rows = self.drop(rows, box, span)
            while True:
                if todo is None and layer == len(net.widths):
                    self.leaf(span, rows, box, blocks)
                    break
                if todo is None:
                    box = self.tighten(rows, box, span)
                    forms = net.forms(layer, blocks)
                    todo = self.settle(layer, forms, rows, box, span)
                if not todo:
                    bits = self.bits(span.start, layer)
                    active = list(itertools.compress(forms, bits))
                    blocks = [*blocks, (bits, list(zip(*active, strict=True)), forms)]
                    layer, todo = layer + 1, None
                    continue
                neuron, form = net.starts[layer] + todo[0], forms[todo[0]]
                todo = todo[1:]
                low, high = self.bit(span[0], neuron), self.bit(span[-1], neuron)
                signed = Row(form if high else negative(form), frozenset([neuron]))
                if low != high:
                    shift = net.neurons - 1 - neuron
                    first = self.patterns[span[-1]] >> shift << shift  # no pattern here with bit 1 is smaller
                    middle = bisect_left(self.patterns, first, span.start, span.stop)
                    lower = Row(negative(form), signed.names)
                    stack.append((range(middle, span.stop), layer, todo, forms, [*rows, signed], box, blocks))
                    stack.append((range(span.start, middle), layer, todo, forms, [*rows, lower], box, blocks))
                    self.cuts += 1
                    break
                if not self.stays(signed, high, rows, box, span):
                    if self.complete:
                        other = f"nothing proves that no region with {1 - high} is missing"
                        raise Refuted(f"{shown(span)}: {net.name(neuron)} is {high} in all of them, {other}", span)
                    self.open += 1
                    stack.append((span, layer, todo, forms, [*rows, signed], box, blocks))
                    break

    def stays(self, row: Row, bit: int, rows: list[Row], box: Box, span: range) -> bool:
        """Prove that a neuron keeps the sign of its bit on a cell, if the proof says so."""
        if bit and not any(row.form):
            name = self.network.name(min(row.names))
            raise Refuted(f"region {span.start}: {name} is 1 in the pattern but identically zero on the region", span)
        return self.claim(row, rows, box, span)

    def settle(self, layer: int, forms: list[Form], rows: list[Row], box: Box, span: range) -> list[int]:
        """Prove the signs of a layer's neurons that have one bit in all patterns here; return the others."""
        start, shift = self.network.starts[layer], self.network.neurons - self.network.starts[layer + 1]
        every = functools.reduce(operator.and_, self.patterns[span.start : span.stop]) >> shift
        some = functools.reduce(operator.or_, self.patterns[span.start : span.stop]) >> shift
        todo = []
        for i, form in enumerate(forms):
            bit = 1 << (len(forms) - 1 - i)
            if every & bit:
                row = Row(form, frozenset([start + i]))
            elif some & bit:
                todo.append(i)
                continue
            else:
                row = Row(negative(form), frozenset([start + i]))
            if not self.stays(row, int(bool(every & bit)), rows, box, span):
                todo.append(i)
        return todo

    def bit(self, region: int, neuron: int) -> int:
        """Return one bit of a pattern."""
        return self.patterns[region] >> (self.network.neurons - 1 - neuron) & 1

    def bits(self, region: int, layer: int) -> list[int]:
        """Return the bits of one layer."""
        return [self.bit(region, k) for k in range(self.network.starts[layer], self.network.starts[layer + 1])]

    # -- a region
    def leaf(self, span: range, rows: list[Row], box: Box, blocks: list[Any]) -> None:
        """Check one region: its point, its facets and its affine map."""
        i, net, content = span.start, self.network, self.content
        inside(net, self.walls, i, self.points[i], blocks)
        for row in rows:
            if value(row.form, self.points[i]) <= 0:
                raise Refuted(f"region {i}: its interior point is on the wrong side of {self.names(row.names)}", span)
        cell = sorted((tuple(sorted(row.names)), row.form) for row in rows)
        found = [names for names, _ in cell]
        ptr, row_ptr, neighbors = content["facet_ptr"], content["row_ptr"], content["facet_neighbor"]
        facets = range(ptr[i], ptr[i + 1])
        listed = [content["facet_row"][row_ptr[f] : row_ptr[f + 1]] for f in facets]
        if listed != found:
            missing, false = [v for v in found if v not in listed], [v for v in listed if v not in found]
            if missing:
                raise Refuted(f"region {i} has a facet on {self.names(missing[0])} that is not listed so", span)
            state = f"has no facet on {self.names(false[0])}" if false else "has facets listed twice or out of order"
            raise Refuted(f"region {i} {state}", span)
        for place, (f, names) in enumerate(zip(facets, listed, strict=True)):
            wall = any(v >= net.neurons for v in names)
            known = neighbors[f] in range(len(self.patterns)) or (neighbors[f] == BEYOND and not self.complete)
            if (neighbors[f] != WALL) if wall else not known:
                state = "lies no listed region" if neighbors[f] == BEYOND else f"cannot lie region {neighbors[f]}"
                raise Refuted(f"region {i}: across {self.where(i, place)} {state}", span)
        self.cells.append([form for _, form in cell])
        if net.output_relu:
            bits, columns, _ = blocks[-1]
            active = zip(*columns, strict=True)
            outputs = [next(active) if bit else (0,) * (net.d + 1) for bit in bits]
        else:
            outputs = net.forms(len(net.widths), blocks)
        self.affine_map(i, outputs, net.scale[-1])
        for number in range(len(content["disjuncts"])):
            self.refute(number, rows, box, outputs, span)

    def refute(self, number: int, rows: list[Row], box: Box, outputs: list[Form], span: range) -> None:
        """Prove that a disjunct of the property holds nowhere on a cell."""
        net, chosen = self.network, self.content["disjuncts"][number]
        values = []
        for k in chosen:
            linear, weights, constant = self.content["constraints"][k]  # of inputs, of outputs
            form = [net.scale[-1] * v for v in (*linear, constant)]
            for weight, output in zip(weights, outputs, strict=True):
                form = [a + weight * b for a, b in zip(form, output, strict=True)]
            values.append(Row(negative(tuple(form)), frozenset()))
        system = [*rows, *values]
        q = self.contradiction(system, chosen, box, span)
        slack = None if q is None else self.slack((0,) * (net.d + 1), system, box, q)
        used = itertools.compress(chosen, q[len(rows) + 1 :]) if q else ()
        if slack is None or slack < 0 or (slack == 0 and not any(self.content["strict"][k] for k in used)):
            raise Refuted(f"{shown(span)}: nothing proves that disjunct {number} of the property holds nowhere", span)

    def affine_map(self, i: int, forms: list[Form], scale: int) -> None:
        """Compare the listed affine map of a region with the composed one."""
        entries, den = self.content["maps"](i)
        flat = [v for form in forms for v in form]
        if len(entries) != len(flat) or any(a * scale != b * den for a, b in zip(entries, flat, strict=True)):
            raise Refuted(f"region {i}: its affine map is not the listed one", (i,))

    # -- facets
    def meet(self) -> None:
        """Prove every facet by a point, and every adjacency from both sides."""
        ptr, neighbors = self.content["facet_ptr"], self.content["facet_neighbor"]
        pairs = {(i, neighbors[f]) for i in range(len(self.cells)) for f in range(ptr[i], ptr[i + 1])}
        single = next(((i, j) for i, j in sorted(pairs) if j >= 0 and (j, i) not in pairs), None)
        if single:
            raise Refuted(f"region {single[1]} is a neighbor of {single[0]}, but not the other way around", single)
        beyond: dict[Form, list[tuple[int, int, Place]]] = {}
        for i, cell in enumerate(self.cells):
            for place, h in enumerate(cell):
                j = neighbors[ptr[i] + place]
                if 0 <= j < i:
                    continue
                target = self.witness(self.facets, i, place, j)
                self.facets += 1
                others = [form for k, form in enumerate(cell) if k != place]
                if j >= 0:
                    back = [k for k, f in enumerate(range(ptr[j], ptr[j + 1])) if neighbors[f] == i]
                    opposite = len(back) == 1 and parallel(self.cells[j][back[0]], h) < 0
                    others += [form for k, form in enumerate(self.cells[j]) if k not in back]
                if (j >= 0 and not opposite) or not all(v > 0 for v in self.along(i, h, target, others)):
                    across = f"to region {j}" if j >= 0 else "on the wall" if j == WALL else "to no listed region"
                    message = f"region {i}: its facet on {self.where(i, place)} {across} is not proved"
                    raise Refuted(message, (i, max(j, i)))
                if j == BEYOND:
                    beyond.setdefault(primitive(h), []).append((i, place, target))
        # a facet to no listed region must not lie in a listed one
        for h, found in beyond.items():
            for i, place, target in found:
                for j, _, _ in beyond.get(negative(h), []):
                    if all(v >= 0 for v in self.along(i, h, target, self.cells[j])):
                        where = self.where(i, place)
                        raise Refuted(f"regions {i} and {j} share the facet on {where}, which is not listed")
        self.adjacencies = sum(i < j for i, j in pairs)

    def along(self, i: int, h: Form, target: Place, forms: list[Form]) -> Iterator[int]:
        """Yield the signs of forms where the way from the point p of region i to the target c meets h = 0.

        There, a form g is a positive multiple of g(c) h(p) - g(p) h(c).
        """
        p = self.points[i]
        at_p, at_c = value(h, p), value(h, target)
        if at_c * p[1] >= at_p * target[1]:
            yield -1  # it does not meet
        for g in forms:
            yield value(g, target) * at_p - value(g, p) * at_c

    def where(self, i: int, place: int) -> str:
        """Name the neurons and the wall that vanish on a facet."""
        f = self.content["facet_ptr"][i] + place
        return self.names(self.content["facet_row"][slice(*self.content["row_ptr"][f : f + 2])])

    def names(self, rows: Iterable[int]) -> str:
        """Name the neurons and walls of rows."""
        return " and ".join(map(self.network.name, sorted(rows)))

    def finish(self) -> None:
        """Refuse a proof with parts that nobody needed."""
        rest = [key for key, stream in self.streams.items() if next(stream, None) is not None]
        if rest or next(self.terms, None) is not None or self.facets != len(self.content["facet_point"]):
            raise Refuted("the proof holds more than the regions need")
