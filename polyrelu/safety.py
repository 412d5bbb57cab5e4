"""The proof of ``unsat``: the regions of the inputs, and on each of them multipliers that refute every disjunct.

It is a file of regions like any other (:mod:`polyrelu.storage`) with the property in it; :mod:`polyrelu.proof` says
what the multipliers prove.

References
----------
T. S. Motzkin, Beitraege zur Theorie der linearen Ungleichungen, 1936 (the transposition theorem).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .constraints import coordinate_bounds
from .errors import InputError
from .exact import IntRow, Point, text
from .network import ReluNetwork
from .polytope import Box
from .readers.files import located, writable_file
from .vnnlib import Constraint, Property


def check_target(path: str | os.PathLike[str], wanted: Property) -> None:
    """Refuse, before any work, a file that cannot be written and a property whose proof has no form here."""
    with located(path):
        writable_file(path, (".npz",), "a proof")
    common_box(wanted)


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
    """Write the proof that no input is unsafe: the regions on the common box of all disjuncts, and the property.

    Inputs with equal bounds are fixed: the network of the file has the free ones (the first input stays free in any
    case, on a box one longer). ``goal`` in the file is JSON: ``text``, the VNN-LIB text; ``fixed``, the values of all
    inputs that are not ``free``; ``constraints``, each ``x . t + y . Y + constant <= 0`` (``< 0`` if ``strict``) with
    the free inputs t and the outputs Y; ``disjuncts``, numbers of constraints.

    Raises
    ------
    InputError
        As :func:`check_target`.
    CertificationError
        Some input is unsafe.
    """
    from .enumeration import enumerate_regions
    from .storage import save_complex

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
    goal = {
        "text": wanted.text,
        "free": free,
        "fixed": {str(i): text(v) for i, v in enumerate(low) if i not in free},
        "constraints": [_behind(c, origin, directions, wanted.outputs) for c in numbers],
        "disjuncts": [[numbers[c] for c in part] for part in disjuncts],
    }
    save_complex(cx, path, True, goal)


def _behind(c: Constraint, origin: Point, directions: Sequence[IntRow], outputs: int) -> dict[str, Any]:
    """Return a constraint in the inputs t, X = origin + t @ directions, and the outputs."""
    inputs, weights = dict(c.x), dict(c.y)
    constant = sum((a * origin[i] for i, a in inputs.items()), -c.bound)
    linear = [sum((a * row[i] for i, a in inputs.items()), Fraction(0)) for row in directions]
    return {
        "x": [text(v) for v in linear],
        "y": [text(weights.get(j, Fraction(0))) for j in range(outputs)],
        "constant": text(constant),
        "strict": c.strict,
    }
