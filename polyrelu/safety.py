"""The proof of ``unsat``: every region, and multipliers that show each of them safe.

On a region every constraint of a disjunct is an affine form ``c_k(x) <= 0`` (or ``< 0``), and every neuron j gives one
``g_j(x) >= 0``: its pre-activation where its bit is 1, the negative where it is 0. Multipliers ``y, z >= 0`` make
``s = sum y_j g_j - sum z_k c_k``, which is nonnegative wherever the disjunct holds in the region, and positive if some
z_k of a strict constraint is positive. So the disjunct holds nowhere in the region if the maximum of s over the
domain's box is negative, or zero with such a z_k. Any nonnegative numbers serve: mostly floats, taken as the dyadic
rationals that they are.

References
----------
A. Neumaier and O. Shcherbina, Safe bounds in linear and mixed-integer linear programming, 2004.
T. S. Motzkin, Beitraege zur Theorie der linearen Ungleichungen, 1936 (the transposition theorem).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import lp
from .complex import RegionComplex
from .constraints import constraint_layer, coordinate_bounds
from .enumeration import enumerate_regions
from .errors import CertificationError, InputError
from .exact import UNDERFLOW, UNIT_ROUNDOFF, IntRow, RationalMatrix, primitive, text
from .network import Layer, ReluNetwork
from .polytope import Box
from .readers.files import atomic_write, located, writable_file
from .stream import with_outputs
from .vnnlib import Constraint, Property

Floats = npt.NDArray[np.float64]


def check_target(path: str | os.PathLike[str], wanted: Property) -> None:
    """Refuse, before any work, a file that cannot be written and a property whose proof has no form here."""
    with located(path):
        writable_file(path, (".npz",), "a proof")
    common_box(wanted)


def goal_file(path: str | os.PathLike[str]) -> Path:
    """Return the file of the multipliers beside the file of the regions: ``x.npz`` and ``x-goal.npz``."""
    file = Path(path)
    return file.with_name(f"{file.stem}-goal{file.suffix}")


def common_box(wanted: Property) -> tuple[list[Fraction], list[Fraction]]:
    """Return a box that holds the inputs of every disjunct whose bounds do not contradict each other.

    Raises
    ------
    InputError
        A disjunct without constraints ``X_i <= number`` and ``X_i >= number`` for every input.
    """
    low: list[Fraction] = []
    high: list[Fraction] = []
    for disjunct in wanted.disjuncts():
        bounds = coordinate_bounds(disjunct, wanted.inputs)
        lower, upper = ([v for v in side if v is not None] for side in bounds)
        if not len(lower) == len(upper) == wanted.inputs:
            raise InputError("a proof needs a lower and an upper number for every input in every disjunct; add them")
        if any(a > b for a, b in zip(lower, upper, strict=True)):
            continue
        low = [min(a, b) for a, b in zip(low or lower, lower, strict=True)]
        high = [max(a, b) for a, b in zip(high or upper, upper, strict=True)]
    nowhere = [Fraction(0)] * wanted.inputs  # no input at all: any box will do
    return low or nowhere, high or nowhere


def save_proof(net: ReluNetwork, wanted: Property, path: str | os.PathLike[str]) -> None:
    """Write the proof that no input is unsafe: the regions to ``x.npz``, the multipliers to ``x-goal.npz``.

    The regions are those of the network on the common box of all disjuncts. Inputs with equal bounds are fixed: the
    network of the file has the free ones (the first input stays free in any case, on a box one longer).

    The second file holds, besides :func:`unsat_certificate`:

    * ``goal_property``: the VNN-LIB text as bytes;
    * ``goal_claim``: JSON with ``lower``, ``upper`` (the box of all inputs), ``free`` (input numbers of the network's
      inputs), ``constraints`` (``x``, ``y``: [index, number]; ``bound``; ``strict``) and ``disjuncts`` (numbers of
      constraints).

    Raises
    ------
    InputError
        As :func:`check_target`.
    CertificationError
        Some input is unsafe.
    """
    low, high = common_box(wanted)
    free = [i for i in range(net.input_dim) if low[i] < high[i]]
    if not free:
        free, high = [0], [low[0] + 1, *high[1:]]
    origin = tuple(Fraction(0) if i in free else v for i, v in enumerate(low))
    directions = [tuple(int(i == k) for i in range(net.input_dim)) for k in free]
    small = net if len(free) == net.input_dim else net.restrict(origin, directions)
    cx = enumerate_regions(small, Box([low[i] for i in free], [high[i] for i in free]), progress=False)
    disjuncts = wanted.disjuncts()
    numbers = {c: k for k, c in enumerate(dict.fromkeys(c for part in disjuncts for c in part))}
    layer = constraint_layer(small, list(numbers), origin, directions)
    chosen = [tuple(numbers[c] for c in part) for part in disjuncts]
    arrays = unsat_certificate(cx, layer, [c.strict for c in numbers], chosen)
    claim = {
        "lower": [text(v) for v in low],
        "upper": [text(v) for v in high],
        "free": free,
        "constraints": [_as_json(c) for c in numbers],
        "disjuncts": chosen,
    }
    arrays["goal_property"] = np.frombuffer(wanted.text.encode(), np.uint8)
    arrays["goal_claim"] = np.frombuffer(json.dumps(claim).encode(), np.uint8)
    cx.save(path)
    with located(goal_file(path)), atomic_write(goal_file(path)) as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def _as_json(c: Constraint) -> dict[str, Any]:
    parts = {name: [[i, text(v)] for i, v in part] for name, part in (("x", c.x), ("y", c.y))}
    return {**parts, "bound": text(c.bound), "strict": c.strict}


def unsat_certificate(
    cx: RegionComplex, constraints: Layer, strict: Sequence[bool], disjuncts: Sequence[Sequence[int]]
) -> dict[str, npt.NDArray[Any]]:
    """Return multipliers that show every region of a complex over a box safe.

    Parameters
    ----------
    cx : RegionComplex
        Complete, over a :class:`Box`.
    constraints : Layer
        K values behind the hidden layers of ``cx.network``; a constraint holds where its value is <= 0.
    strict : sequence of K bool
        Constraints that hold only where the value is < 0.
    disjuncts : sequence of D sequences of int
        Conjunctions of constraints.

    Returns
    -------
    dict of arrays
        ``goal_ptr``, int64 of shape (R D + 1,): entries ``goal_ptr[D i + q] .. goal_ptr[D i + q + 1] - 1`` prove that
        disjunct q holds nowhere in region i. ``goal_row``, int64: neuron j, or N + k for constraint k.
        ``goal_weight``, float64: the multipliers. ``goal_exact``: JSON as bytes, {entry: "p/q"}, for multipliers that
        are no floats.

    Raises
    ------
    CertificationError
        Some disjunct holds somewhere.

    Notes
    -----
    Exactness: *certified*. A linear program in floats (the smallest t with c_k <= t on the region for all k) proposes,
    rigorous error bounds prove; else an exact program does both.
    """
    if not isinstance(cx.domain, Box) or not cx.complete:
        raise InputError("a certificate needs a complete complex over a Box; enumerate the regions of one")
    sizes: list[int] = [0]
    rows: list[int] = []
    weights: list[float] = []
    exact: dict[str, str] = {}
    for prover in _provers(cx, constraints, strict) if disjuncts else ():
        for disjunct in disjuncts:
            found = prover.multipliers(disjunct)
            for row, weight in found.items():
                if isinstance(weight, Fraction):
                    exact[str(len(rows))] = text(weight)
                rows.append(row)
                weights.append(float(weight))
            sizes.append(len(rows))
    return {
        "goal_ptr": np.array(sizes, dtype=np.int64),
        "goal_row": np.array(rows, dtype=np.int64),
        "goal_weight": np.array(weights, dtype=np.float64),
        "goal_exact": np.frombuffer(json.dumps(exact).encode(), np.uint8),
    }


def _provers(cx: RegionComplex, constraints: Layer, strict: Sequence[bool]) -> Iterator[_Prover]:
    prover = _Prover(cx, constraints, strict)
    for i in range(len(cx)):
        prover.load(i)
        yield prover


class _Region(NamedTuple):
    """The rows of one region: neurons of its facets, the float forms of everything, an interior point."""

    number: int
    neurons: list[int]
    G: Floats
    E: Floats
    center: Floats


class _Prover:
    def __init__(self, cx: RegionComplex, constraints: Layer, strict: Sequence[bool]):
        self.cx, self.strict = cx, strict
        self.wide = with_outputs(cx.network, constraints)
        self.N, self.K, self.d = cx.network.neurons, len(strict), cx.domain.d
        assert isinstance(cx.domain, Box)
        self.lower, self.upper = cx.domain.lower, cx.domain.upper
        self.lo, self.hi = cx.domain.outer_floats()
        self.reach = np.append(np.maximum(np.abs(self.lo), np.abs(self.hi)), 1.0)
        eye = np.eye(self.d)
        self.walls = np.vstack([np.column_stack([eye, -self.lo]), np.column_stack([-eye, self.hi])])
        first = cx.facet_row[cx.row_ptr[:-1]]
        self.facet = np.where(first < self.N, first, -1)

    def load(self, i: int) -> None:
        """Take region i in floats: rows of G are ``g_j >= 0`` and ``-c_k >= 0``."""
        from . import kernels

        cx = self.cx
        bits = np.concatenate([cx.patterns[i], np.zeros(self.K, dtype=np.uint8)])
        G, E = np.empty((self.N + self.K, self.d + 1)), np.empty((self.N + self.K, self.d + 1))
        kernels.affine_forms(self.wide.packed, self.d, bits, G, E)
        G[bits == 0] *= -1
        neurons = [r for r in self.facet[cx.facet_ptr[i] : cx.facet_ptr[i + 1]].tolist() if r >= 0]
        self.region = _Region(i, neurons, G, E, cx.interior_points[i])

    def multipliers(self, disjunct: Sequence[int]) -> dict[int, float | Fraction]:
        """Return row -> multiplier for one disjunct on the loaded region."""
        rows = np.array([*self.region.neurons, *(self.N + k for k in disjunct)], dtype=np.int64)
        with np.errstate(all="ignore"):
            proposed = self._propose(rows, len(self.region.neurons))
            if proposed is not None and self._proved(rows, proposed):
                used = np.flatnonzero(proposed > 0).tolist()
                return {int(rows[u]): float(proposed[u]) for u in used}
        return self._exactly(disjunct)

    def _propose(self, rows: npt.NDArray[np.int64], neurons: int) -> Floats | None:
        """Minimise t with c_k(x) <= t |c_k| on the region; return its multipliers, the largest of them 1."""
        from . import kernels

        G, d = np.vstack([self.region.G[rows], self.walls]), self.d
        limited = np.zeros(len(G))
        limited[neurons : len(rows)] = 1.0
        norm = np.sqrt((G[:, :d] ** 2).sum(axis=1))
        norm[norm == 0] = 1.0
        value = (G[:, :d] @ self.region.center + G[:, d]) / norm
        top = max((-value[neurons : len(rows)]).max(initial=0.0), 0.0)
        slack = np.maximum(value + limited * top, 0.0)
        # y = (x - center, top - t): raise the last one
        table = np.column_stack([-G[:, :d] / norm[:, None], limited])
        if not np.isfinite(table).all() or not np.isfinite(slack).all():
            return None
        y, basis, inv = np.empty(d + 1), np.empty(d + 1, dtype=np.int64), np.empty((d + 1, d + 1))
        mult, state = np.empty(d + 1), np.empty(len(G))
        objective = np.append(np.zeros(d), 1.0)
        kernels.restart(slack, len(G), state, y, basis, inv)
        kernels.walk(table, len(G), state, objective, y, basis, inv, mult, np.empty(d + 1), np.empty(len(G)))
        weight = np.zeros(len(G))
        weight[basis[basis >= 0]] = np.maximum(mult[basis >= 0], 0.0)
        weight = weight[: len(rows)] / norm[: len(rows)]
        largest = weight.max(initial=0.0)
        return weight / largest if 0 < largest < np.inf else None

    def _proved(self, rows: npt.NDArray[np.int64], weight: Floats) -> bool:
        """Tell whether float error bounds show that s is negative on the box."""
        used = weight > 0
        G, E, w = self.region.G[rows[used]], self.region.E[rows[used]], weight[used]
        s = w @ G
        highest = np.where(s[:-1] > 0, s[:-1] * self.hi, s[:-1] * self.lo).sum() + s[-1]
        kappa = 2 * (len(w) + self.d + 8) * UNIT_ROUNDOFF
        error = ((kappa * (w @ np.abs(G)) + w @ E) @ self.reach) * (1 + 2.0**-20)
        error += (len(w) + self.d + 8) * UNDERFLOW * (1.0 + self.reach.sum())
        return bool(highest + error < 0)

    # -- exactly ----------------------------------------------------------------------
    def _exactly(self, disjunct: Sequence[int]) -> dict[int, float | Fraction]:
        """Solve the program in integers; floats are kept where they prove it as well."""
        cx, d = self.cx, self.d
        bits = np.concatenate([cx.patterns[self.region.number], np.zeros(self.K, dtype=np.uint8)])
        forms: dict[int, list[Fraction]] = {}
        start = 0
        wanted = [*self.region.neurons, *(self.N + k for k in disjunct)]
        for layer in self.wide.layer_forms(bits):
            inside = [r for r in wanted if start <= r < start + layer.shape[0]]
            for r, row in zip(inside, layer.rows([r - start for r in inside]).fractions(), strict=True):
                forms[r] = [v if bits[r] else -v for v in row]
            start += layer.shape[0]
        rows = {r: _primitive(forms[r]) for r in wanted}
        names = [*rows, *(-1 - k for k in range(2 * d))]
        table = [*rows.values(), *self.cx.domain.rows]
        tight = [self.N + k for k in disjunct if self.strict[k]]
        found = _farkas(table, [names.index(r) for r in tight], d)
        # a primitive row is a positive multiple of its form
        exact = {names[i]: y * _ratio(table[i], forms[names[i]]) for i, y in found.items() if y and names[i] >= 0}
        largest = max(exact.values(), default=Fraction(1))
        exact = {r: y / largest for r, y in exact.items()}
        near = {r: float(y) for r, y in exact.items()}
        if self._exact_proof({r: Fraction(y) for r, y in near.items() if y}, forms, tight):
            return {r: y for r, y in near.items() if y}
        if not self._exact_proof(exact, forms, tight):
            raise CertificationError(f"multipliers for region {self.region.number} do not prove what they should")
        return dict(exact)

    def _exact_proof(
        self, weights: dict[int, Fraction], forms: dict[int, list[Fraction]], tight: Sequence[int]
    ) -> bool:
        s = [sum((y * forms[r][c] for r, y in weights.items()), Fraction(0)) for c in range(self.d + 1)]
        highest = s[-1] + sum(max(v * a, v * b) for v, a, b in zip(s, self.lower, self.upper, strict=False))
        return highest < 0 or (highest == 0 and any(weights.get(r, 0) > 0 for r in tight))


def _farkas(rows: Sequence[IntRow], strict: Sequence[int], d: int) -> dict[int, Fraction]:
    """Return y >= 0 with ``sum y_i g_i`` a negative constant, or zero with some y_i > 0 for a strict row.

    They prove that no point has all rows nonnegative and the strict ones positive (Motzkin).
    """
    deepest = lp.deepest_point(rows, d)
    if deepest.depth < 0:
        return deepest.multipliers
    lifted = [(*row[:d], -int(i in strict), row[d]) for i, row in enumerate(rows)] + [(*([0] * d), -1, 1)]
    solution = lp.maximize([*([0] * d), 1], lifted, (*deepest.point, Fraction(0)))
    if not strict or solution.value != 0:
        raise CertificationError("a region that was decided to be safe holds an unsafe point")
    return {i: y for i, y in solution.multipliers.items() if i < len(rows)}


def _primitive(form: Sequence[Fraction]) -> IntRow:
    (row,) = RationalMatrix.of([list(form)]).integers()
    return primitive(row)


def _ratio(row: IntRow, form: Sequence[Fraction]) -> Fraction:
    return next((Fraction(a) / v for a, v in zip(row, form, strict=True) if v), Fraction(1))
