"""Make the proof of a complex: the prover walks the tree of :mod:`polyrelu.proof` and finds what the checker asks for.

Floats propose multipliers (a linear program on the few rows of a cell), rounded to few bits; the checker's own integer
arithmetic accepts them or not. Where nothing is to spare (a bent hyperplane through a vertex, an unbounded cell) the
multipliers are exact rationals: those of a basis that floats propose, or of the exact simplex.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from . import kernels, lp
from .complex import RegionComplex
from .errors import CertificationError
from .exact import Point, floats, integer_column, integer_matrix, point, text
from .proof import (
    OPEN,
    Box,
    Checker,
    Form,
    Network,
    Place,
    Refuted,
    Row,
    minimum,
    negative,
    rational_point,
    side_form,
    value,
)
from .proof_file import PROOF

Terms = list[tuple[int, int, int]]  # (place, value, shift): place 0 is the form, place k + 1 row k
LIMB = 62
# bits of a proposed multiplier: few first, because they make small files
BITS = (24, 50)


def make_proof(
    cx: RegionComplex, network: Network, walls: list[Form], goal: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays of a proof and its exact numbers for the file's ``meta``.

    ``goal`` holds the property as :class:`polyrelu.proof.Checker` reads it: ``constraints``, ``strict``, ``disjuncts``.

    Raises
    ------
    CertificationError
        If the complex cannot be proved: it is wrong.
    """
    prover = Prover(cx, network, walls, goal)
    try:
        prover.walk()
        prover.meet()
    except Refuted as error:
        raise CertificationError(f"the complex cannot be proved: {error}") from None
    return prover.arrays()


class Prover(Checker):
    """A checker that finds the multipliers, boxes and witnesses that it asks for, and keeps them."""

    def __init__(self, cx: RegionComplex, network: Network, walls: list[Form], goal: Mapping[str, Any]):
        spare = -network.neurons % 8
        points = [rational_point(cx.interior_point(i)) for i in range(len(cx))]
        content: dict[str, Any] = {
            "patterns": [int.from_bytes(row.tobytes(), "big") >> spare for row in cx.packed],
            "points": points,
            "complete": cx.complete,
            "facet_ptr": cx.facet_ptr.tolist(),
            "facet_neighbor": cx.facet_neighbor.tolist(),
            "row_ptr": cx.row_ptr.tolist(),
            "facet_row": tuple(cx.facet_row.tolist()),
        }
        super().__init__(network, walls, content | dict(goal) | {key: () for key in PROOF})
        self.start = [cx.interior_point(i) for i in range(len(cx))]
        self.out: dict[str, list[Any]] = {key: [] for key in PROOF}
        self.maps: dict[Form, int] = {}
        self.exact_points: dict[int, list[str]] = {}
        self.ready: dict[Form, Terms] = {}
        self.frame: Frame | None = None
        self.against: dict[Form, Place] = {}  # a point where a form that was tried is negative

    # -- multipliers
    def multipliers(self, form: Form, rows: list[Row], box: Box, span: range) -> list[int] | None:
        """Find the multipliers of a claim, write them down, and hand them over."""
        low = minimum(form, box)
        terms: Terms | None = []
        if low is None or low < 0:
            terms = self.ready.pop(form, None) or self.find(form, rows, box, span)
        if terms is None:
            self.out["claim_size"].append(OPEN)
            return None
        self.keep(terms)
        return fold(terms, len(rows)) if terms else [1]

    def keep(self, terms: Terms) -> None:
        """Write the multipliers of one claim down."""
        self.out["claim_size"].append(len(terms))
        for place, digits, shift in terms:
            self.out["term_row"].append(place)
            self.out["term_value"].append(digits)
            self.out["term_shift"].append(shift)

    def contradiction(self, system: list[Row], chosen: Sequence[int], box: Box, span: range) -> list[int] | None:
        """Find multipliers that refute a disjunct: of one constraint alone if that will do, else of all together."""
        count = len(system) - len(chosen)
        rows = system[:count]
        terms = None
        for place in range(count, len(system)):
            form = negative(system[place].form)
            alone = self.above_zero(form, rows, box, span)
            if alone is not None:
                terms = [(0, 1, 0)] + [(k or place + 1, v, shift) for k, v, shift in alone]
                break
        if terms is None:
            strict = [count + n for n, k in enumerate(chosen) if self.content["strict"][k]]
            y = farkas([row.form for row in system], strict, self.network.d)
            den = math.lcm(*(v.denominator for v in y.values()))
            terms = exact_terms(1, {i: v.numerator * (den // v.denominator) for i, v in y.items()})
        self.keep(terms)
        return fold(terms, len(system))

    def above_zero(self, form: Form, rows: list[Row], box: Box, span: range) -> Terms | None:
        """Return multipliers that prove a form positive on a cell, place 0 being its own; None if floats find none."""
        low = minimum(form, box)
        if low is not None and low > 0:
            return [(0, 1, 0)]
        forms = [row.form for row in rows]
        if not any(form[:-1]) or not forms:
            return None
        if self.frame is None or self.frame.forms != forms:
            self.frame = Frame(forms, floats(self.start[span.start]))
        code, _, basis, weights = self.frame.minimize(form)
        for bits in BITS if code == kernels.OPTIMAL else ():
            near = rounded(form, forms, basis, weights, bits)
            low = self.slack(form, rows, box, fold(near, len(rows))) if near else None
            if low is not None and low > 0:
                return near
        return None

    def find(self, form: Form, rows: list[Row], box: Box, span: range) -> Terms | None:
        """Return terms that prove a form nonnegative on a cell, or None if it is not."""
        forms = [row.form for row in rows]
        if form in self.against and refutes(self.against[form], form, forms):
            return None
        if any(form[:-1]) and forms:
            if self.frame is None or self.frame.forms != forms:
                self.frame = Frame(forms, floats(self.start[span.start]))
            code, y, basis, weights = self.frame.minimize(form)
            if code == kernels.OPTIMAL:
                for bits in BITS:
                    near = rounded(form, forms, basis, weights, bits)
                    low = self.slack(form, rows, box, fold(near, len(rows))) if near else None
                    if low is not None and low >= 0:
                        return near
                # a point of the cell just short of the minimizer where the form is negative needs no linear program
                x = rational_point((self.frame.x + (1 - 2.0**-16) * (y - self.frame.x)).tolist())
                if refutes(x, form, forms):
                    self.against[form] = x
                    return None
                terms = solved(form, forms, basis)
                if terms is not None:
                    return terms
        return self.find_exactly(form, rows, span)

    def find_exactly(self, form: Form, rows: list[Row], span: range) -> Terms | None:
        """Return exact multipliers, or None if the form is negative somewhere on the cell."""
        solution = lp.maximize(negative(form[:-1]), [row.form for row in rows], self.start[span.start])
        if solution.value is None or form[-1] < solution.value:
            return None
        y = {i: v for i, v in solution.multipliers.items() if v}
        den = math.lcm(*(v.denominator for v in y.values()))
        return exact_terms(den, {i: v.numerator * (den // v.denominator) for i, v in y.items()})

    # -- boxes
    def read_box(self, rows: list[Row], box: Box, span: range) -> Sequence[float]:
        """Find the box of a cell, a little wider than it is; sides that are not proved stay as they were."""
        d = self.network.d
        old = [math.inf if v is None else v / (1 << box.bits) for v in (*box.lower, *box.upper)]
        old[:d] = [-v if v == math.inf else v for v in old[:d]]
        sides = list(old)
        forms = [row.form for row in rows]
        if forms:
            if self.frame is None or self.frame.forms != forms:
                self.frame = Frame(forms, floats(self.start[span.start]))
            ends = []
            for side in range(2 * d):
                unit = [0] * (d + 1)
                unit[side % d] = 1 if side < d else -1
                code, y, _, _ = self.frame.minimize(tuple(unit))
                ends.append(float(y[side % d]) if code == kernels.OPTIMAL else math.inf)
            for side in range(2 * d):
                c, outward = side % d, -1 if side < d else 1
                width = ends[c + d] - ends[c]
                if not (math.isfinite(ends[side]) and width > 0):
                    continue
                if not math.isfinite(width):
                    width = abs(ends[side]) or 1.0
                grid = math.ldexp(1.0, max(math.frexp(width)[1] - 10, -1000))
                wanted = outward * math.ceil(outward * ends[side] / grid + 1) * grid
                # a side that hardly moves is not worth its multipliers
                if math.isfinite(wanted) and (old[side] - wanted) * outward > 0.125 * width:
                    form = side_form(side, wanted, d)
                    terms = self.find(form, rows, box, span)
                    if terms is not None and (self.slack(form, rows, box, fold(terms, len(rows))) or 0) > 0:
                        sides[side] = wanted
                        self.ready[form] = terms
        self.out["cell_box"].append(sides)
        return sides

    def tighten(self, rows: list[Row], box: Box, span: range) -> Box:
        """Prove the box of a cell; what was found ahead is used up."""
        box = super().tighten(rows, box, span)
        self.ready.clear()
        return box

    # -- rows
    def dropped(self, rows: list[Row], box: Box, span: range) -> Iterator[int]:
        """Find the rows that carry no facet of any region here and that the others imply."""
        ptr, row_ptr = self.content["facet_ptr"], self.content["row_ptr"]
        used = set(self.content["facet_row"][row_ptr[ptr[span.start]] : row_ptr[ptr[span.stop]]])
        count = 0
        for place in range(len(rows) - 1, -1, -1):
            row = rows[place]
            if used.isdisjoint(row.names):
                low = minimum(row.form, box)
                if low is None or low < 0:
                    terms = self.find(row.form, rows[:place] + rows[place + 1 :], box, span)
                    if terms is None:
                        continue
                    self.ready = {row.form: terms}
                count += 1
                self.out["drop_row"].append(place)
                yield place
        self.out["drop_count"].append(count)

    # -- regions and facets
    def affine_map(self, i: int, forms: list[Form], scale: int) -> None:
        """Keep the affine map of a region, each map once."""
        flat = tuple(itertools.chain.from_iterable(forms))
        self.out["map_index"].append(self.maps.setdefault(flat, len(self.maps)))

    def witness(self, facet: int, i: int, place: int, j: int) -> Place:
        """Find a point beyond a facet such that the way there crosses nothing else."""
        h = self.cells[i][place]
        others = [form for form in self.cells[i] if form is not h]
        unit, distance, _ = float_form(h)
        x = floats(self.start[i])
        mirrored = (x - (float(unit @ x) + distance) * 1.0625 * unit).tolist()
        for target in ([self.start[j]] if j >= 0 else []) + ([point(mirrored)] if np.isfinite(mirrored).all() else []):
            if all(v > 0 for v in self.along(i, h, rational_point(target), others)):
                return self._keep(facet, target)
        inner = lp.deepest_point([*others, negative(h)], self.network.d).point
        near = floats(inner)
        if np.isfinite(near).all() and all(v > 0 for v in self.along(i, h, rational_point(near.tolist()), others)):
            inner = point(near.tolist())
        return self._keep(facet, inner)

    def _keep(self, facet: int, x: Point) -> Place:
        near = floats(x).tolist()
        if not all(math.isfinite(v) and Fraction(v) == w for v, w in zip(near, x, strict=True)):
            self.exact_points[facet] = [text(v) for v in x]
            near = [0.0] * len(near)
        self.out["facet_point"].append(near)
        return rational_point(x)

    # -- the file
    def arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return everything found as arrays, and what belongs into ``meta``."""
        entries = [v for flat in self.maps for v in flat]
        den = self.network.scale[-1]
        divisor = math.gcd(den, *entries)
        entries = [v // divisor for v in entries]
        width = max(v.bit_length() for v in entries) // 8 + 1
        data = b"".join(v.to_bytes(width, "little", signed=True) for v in entries)
        d = self.network.d
        out: dict[str, Any] = {}
        for key, (dtype, ndim) in PROOF.items():
            if key == "map_entry":
                out[key] = np.frombuffer(data, dtype=dtype).reshape(len(entries), width)
            else:
                columns = 2 * d if key == "cell_box" else d
                out[key] = np.array(self.out[key], dtype=dtype).reshape((-1, columns) if ndim == 2 else -1)
        meta = {
            "map_denominator": text(Fraction(den // divisor)),
            "exact_facet_points": {str(k): v for k, v in self.exact_points.items()},
        }
        return out, meta


def farkas(rows: Sequence[Form], strict: Sequence[int], d: int) -> dict[int, Fraction]:
    """Return y >= 0 with ``sum y_i g_i`` a negative constant, or zero with some y_i > 0 for a strict row.

    They prove that no point has all rows nonnegative and the strict ones positive (Motzkin).
    """
    deepest = lp.deepest_point(rows, d)
    if deepest.depth < 0:
        return {i: v for i, v in deepest.multipliers.items() if v}
    lifted = [(*row[:d], -int(i in strict), row[d]) for i, row in enumerate(rows)] + [(*([0] * d), -1, 1)]
    solution = lp.maximize([*([0] * d), 1], lifted, (*deepest.point, Fraction(0)))
    if not strict or solution.value != 0:
        raise CertificationError("the property holds at a point of the domain, so there is no proof against it")
    return {i: v for i, v in solution.multipliers.items() if v and i < len(rows)}


# -- floats that propose ---------------------------------------------------------------
Floats = npt.NDArray[np.float64]


@functools.lru_cache(maxsize=1 << 14)
def float_form(form: Form) -> tuple[Floats, float, tuple[float, int]]:
    """Return a form as (unit normal, distance, (norm, bits)): it is norm * 2**bits times normal @ x + distance."""
    bits = max(v.bit_length() for v in form[:-1])
    linear = np.array([v / (1 << bits) for v in form[:-1]])
    norm = float(np.sqrt(linear @ linear))
    try:
        constant = form[-1] / (1 << bits)
    except OverflowError:
        constant = math.inf
    return linear / norm, constant / norm, (norm, bits)


class Frame:
    """The rows of a cell in floats around a point inside: ready for many linear programs."""

    def __init__(self, forms: list[Form], x: Floats):
        self.forms, self.x = forms, x
        self.live = [k for k, form in enumerate(forms) if any(form[:-1])]
        units = [float_form(forms[k]) for k in self.live]
        d = len(x)
        self.N = np.zeros((len(units), d))
        s = np.zeros(len(units))
        for k, (unit, distance, _) in enumerate(units):
            self.N[k] = -unit
            s[k] = unit @ x + distance
        self.s = np.maximum(s, 0.0)
        self.usable = bool(np.isfinite(self.s).all())
        self.slack, self.step = np.empty(len(units)), np.empty(len(units))
        self.y, self.mult, self.ray = np.empty(d), np.empty(d), np.empty(d)
        self.basis, self.inv = np.empty(d, dtype=np.int64), np.empty((d, d))

    def minimize(self, form: Form) -> tuple[int, Floats, list[int], list[float]]:
        """Return code, minimizer, and the rows and weights of a basis that shows the minimum of a form."""
        if not self.usable:
            return kernels.STOPPED, self.x, [], []
        count = len(self.live)
        kernels.restart(self.s, count, self.slack, self.y, self.basis, self.inv)
        c = -float_form(form)[0]
        code = kernels.walk(
            self.N, count, self.slack, c, self.y, self.basis, self.inv, self.mult, self.ray, self.step
        )
        chosen = [k for k in range(len(self.x)) if self.basis[k] >= 0]
        rows = [self.live[self.basis[k]] for k in chosen]
        return int(code), self.x + self.y, rows, [float(self.mult[k]) for k in chosen]


def rounded(form: Form, forms: list[Form], rows: list[int], weights: list[float], bits: int) -> Terms:
    """Turn weights of unit normals into terms for integer forms, each of so many bits."""
    norm, size = float_form(form)[2]
    scaled = []
    for k, weight in zip(rows, weights, strict=True):
        other, other_size = float_form(forms[k])[2]
        scaled.append((k, max(weight, 0.0) * norm / other, size - other_size))
    top = max((v for _, v, _ in scaled), default=1.0)
    if not 0 < top < math.inf:
        return []
    point = bits - math.frexp(top)[1]
    terms = [(0, 1, point)] + [(k + 1, round(math.ldexp(v, point)), shift) for k, v, shift in scaled]
    terms = [(k, v >> zeros(v), shift + zeros(v)) for k, v, shift in terms if v]
    lowest = min(shift for _, _, shift in terms)
    return [(k, v, shift - lowest) for k, v, shift in terms]


def solved(form: Form, forms: list[Form], basis: list[int]) -> Terms | None:
    """Return the exact multipliers of a basis, or None if they do not prove the form nonnegative."""
    d = len(form) - 1
    if len(basis) < d:
        return None
    matrix = integer_matrix([forms[k][:-1] for k in basis], d).transpose()
    found = matrix.solve(integer_column(form[:-1]))
    if found is None:
        return None
    sign = 1 if found.den > 0 else -1
    y = {k: sign * v for k, (v,) in zip(basis, found.integers(), strict=True) if v}
    den = sign * found.den
    if min(y.values(), default=0) < 0 or den * form[-1] < sum(v * forms[k][-1] for k, v in y.items()):
        return None
    return exact_terms(den, y)


def exact_terms(den: int, y: dict[int, int]) -> Terms:
    """Return the terms of the multipliers y / den."""
    divisor = math.gcd(den, *y.values())
    return limbs(0, den // divisor) + [term for k, v in y.items() for term in limbs(k + 1, v // divisor)]


def zeros(v: int) -> int:
    """Return the number of trailing zero bits."""
    return (v & -v).bit_length() - 1


def limbs(place: int, v: int) -> Terms:
    """Write a natural number as terms that fit."""
    out = []
    shift = 0
    while v:
        skip = zeros(v)
        v, shift = v >> skip, shift + skip
        out.append((place, v & ((1 << LIMB) - 1), shift))
        v, shift = v >> LIMB, shift + LIMB
    return out


def refutes(x: Place, form: Form, rows: list[Form]) -> bool:
    """Tell whether a form is negative at a point of a cell."""
    return value(form, x) < 0 and all(value(row, x) >= 0 for row in rows)


def fold(terms: Terms, rows: int) -> list[int]:
    """Return q_0, q_1, .. of terms, as the checker reads them."""
    q = [0] * (rows + 1)
    for place, v, shift in terms:
        q[place] += v << shift
    return q

