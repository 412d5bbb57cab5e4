"""The unsafe set of a property as polytopes of inputs and affine constraints behind a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from . import lp
from .errors import InputError
from .exact import IntRow, Point, RationalMatrix, nullspace, primitive
from .network import Layer, ReluNetwork
from .polytope import Box, HPolytope
from .vnnlib import Constraint, Property


class InputSet(NamedTuple):
    """Disjuncts that bound the inputs alike, on the affine hull ``origin + t @ directions`` of their input set.

    Attributes
    ----------
    net : ReluNetwork
        The network in the coordinates t.
    domain : HPolytope or None
        The inputs, full-dimensional in t; None if there is but one point, ``origin``.
    origin : Point
    directions : list of integer d-tuples
    constraints : Layer
        Every constraint as ``value <= 0``, the values as an affine layer behind all hidden neurons of ``net``.
    strict : list of bool
        For every constraint: ``< 0``.
    disjuncts : list of tuple of int
        Numbers of constraints.
    """

    net: ReluNetwork
    domain: HPolytope | None
    origin: Point
    directions: list[IntRow]
    constraints: Layer
    strict: list[bool]
    disjuncts: list[tuple[int, ...]]

    def lift(self, t: Sequence[Fraction]) -> Point:
        """Return the input at the coordinates t."""
        return tuple(
            o + sum((a * v[c] for a, v in zip(t, self.directions, strict=True)), Fraction(0))
            for c, o in enumerate(self.origin)
        )


def input_sets(net: ReluNetwork, wanted: Property) -> list[InputSet]:
    """Sort the disjuncts of a property by the inputs that they admit; those that admit none are left out.

    Strict constraints on inputs bound the closed set, and stay among the constraints of the disjunct.

    Raises
    ------
    InputError
        A disjunct leaves an input without a bound.
    """
    groups: dict[frozenset[Constraint], list[tuple[Constraint, ...]]] = {}
    for disjunct in wanted.disjuncts():
        inputs = frozenset(Constraint(c.x, (), c.bound) for c in disjunct if not c.y)
        groups.setdefault(inputs, []).append(tuple(c for c in disjunct if c.y or c.strict))
    found = []
    for inputs, disjuncts in groups.items():
        hull = _affine_hull(sorted(inputs, key=lambda c: (c.x, c.bound)), net.input_dim)
        if hull is None:
            continue
        origin, directions, domain = hull
        small = net.restrict(origin, directions) if directions else net
        numbers = {c: k for k, c in enumerate(dict.fromkeys(c for part in disjuncts for c in part))}
        layer = constraint_layer(small, list(numbers), origin, directions)
        chosen = list(dict.fromkeys(tuple(numbers[c] for c in part) for part in disjuncts))
        strict = [c.strict for c in numbers]
        found.append(InputSet(small, domain, origin, directions, layer, strict, chosen))
    return found


def _affine_hull(inputs: Sequence[Constraint], d: int) -> tuple[Point, list[IntRow], HPolytope | None] | None:
    """Return origin, directions and the set in their coordinates; None for an empty set."""
    lower, upper = coordinate_bounds(inputs, d)
    low, high = [v for v in lower if v is not None], [v for v in upper if v is not None]
    boxed = len(low) == len(high) == d
    units = [tuple(int(i == k) for i in range(d)) for k in range(d)]
    if boxed:
        if any(a > b for a, b in zip(low, high, strict=True)):
            return None
        if all(len(c.x) == 1 for c in inputs):
            free = [i for i in range(d) if low[i] < high[i]]
            origin = tuple(Fraction(0) if i in free else low[i] for i in range(d))
            domain = Box([low[i] for i in free], [high[i] for i in free]) if free else None
            return origin, [units[i] for i in free], domain
    rows = [[dict(c.x).get(i, Fraction(0)) for i in range(d)] for c in inputs]
    P = HPolytope(np.array(rows, dtype=object).reshape(len(rows), d), [c.bound for c in inputs])
    if P.is_empty():
        return None
    if not boxed:
        for bounds, side in zip(P.bounding_box(), (("lower", ">="), ("upper", "<=")), strict=True):
            for i, v in enumerate(bounds):
                if isinstance(v, float):
                    raise InputError(f"input X_{i} has no {side[0]} bound; add (assert ({side[1]} X_{i} ..))")
    flat = P.implicit_equalities()
    if not flat:
        return (Fraction(0),) * d, units, P
    directions = nullspace([P.rows[i][:-1] for i in flat], d)
    base = P.interior_point()
    if not directions:
        return base, [], None
    inside = P.affine_preimage(RationalMatrix.of(directions).transpose(), base)
    return base, directions, HPolytope.from_rows([r for r in inside.rows if any(r[:-1])], len(directions))


def coordinate_bounds(inputs: Iterable[Constraint], d: int) -> tuple[list[Fraction | None], list[Fraction | None]]:
    """Return the bounds that constraints of a single input give; None where there is none."""
    lower: list[Fraction | None] = [None] * d
    upper: list[Fraction | None] = [None] * d
    for c in inputs:
        if len(c.x) == 1 and not c.y:
            ((i, a),) = c.x
            v, old = c.bound / a, (upper if a > 0 else lower)[i]
            if a > 0:
                upper[i] = v if old is None else min(v, old)
            else:
                lower[i] = v if old is None else max(v, old)
    return lower, upper


def constraint_layer(
    net: ReluNetwork, constraints: Sequence[Constraint], origin: Point, directions: Sequence[IntRow]
) -> Layer:
    """Return the values ``sum a_i X_i + sum c_j Y_j - bound`` as an affine layer behind the hidden layers of a network.

    ``X = origin + t @ directions`` for the inputs t of the network.
    """
    K, d, m = len(constraints), len(origin), net.output_dim
    table = np.full((K, d + m + 1), Fraction(0), dtype=object)
    for k, c in enumerate(constraints):
        for i, v in c.x:
            table[k, i] = v
        for j, v in c.y:
            table[k, d + j] = v
        table[k, -1] = -c.bound
    whole = RationalMatrix.of(table)
    A, C, shift = (whole.columns(part) for part in (range(d), range(d, d + m), [d + m]))
    output = net.output_layer(C)
    blocks = dict(output.blocks)
    bias = output.bias + shift + A @ RationalMatrix.of([[v] for v in origin])
    if directions:
        linear = A @ RationalMatrix.of(directions).transpose()
        blocks[0] = blocks[0] + linear if 0 in blocks else linear
    return Layer(blocks, bias)


def constraint_rows(
    values: RationalMatrix, disjunct: Sequence[int], strict: Mapping[int, bool]
) -> tuple[list[IntRow], list[IntRow]]:
    """Return the constraints of one disjunct as integer rows, ``>= 0`` and ``> 0``, from their values ``<= 0``."""
    table = values.rows(list(disjunct)).integers()
    rows = [primitive([-v for v in row]) for row in table]
    closed = [row for row, k in zip(rows, disjunct, strict=True) if not strict[k]]
    return closed, [row for row, k in zip(rows, disjunct, strict=True) if strict[k]]


def feasible_point(closed: Sequence[IntRow], strict: Sequence[IntRow], d: int) -> Point | None:
    """Return a point where all closed rows are nonnegative and all strict ones positive, or None if there is none.

    Examples
    --------
    >>> feasible_point([(1, 0), (-1, 0)], [], 1), feasible_point([(1, 0)], [(-1, 0)], 1)
    ((Fraction(0, 1),), None)
    """
    if not all(map(any, strict)):
        return None  # 0 > 0
    inner = lp.interior_point([*closed, *strict], d)
    if inner is not None:
        return inner
    deepest = lp.deepest_point([*closed, *strict], d)
    if deepest.depth < 0:
        return None
    if not strict:
        return deepest.point
    # as far as possible inside the strict rows: maximise s <= 1 with g(x) >= s for each of them
    lifted = [(*row[:d], 0, row[d]) for row in closed] + [(*row[:d], -1, row[d]) for row in strict]
    lifted.append((*([0] * d), -1, 1))
    solution = lp.maximize([*([0] * d), 1], lifted, (*deepest.point, Fraction(0)))
    assert solution.value is not None and solution.point is not None
    return solution.point[:d] if solution.value > 0 else None
