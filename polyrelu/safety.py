"""What a proof of ``unsat`` states: the regions of the inputs, and a property that holds at no point of them.

It is a file of regions like any other (:mod:`polyrelu.storage`) with the property in it; :mod:`polyrelu.proof` says
what its multipliers prove.

References
----------
T. S. Motzkin, Beitraege zur Theorie der linearen Ungleichungen, 1936 (the transposition theorem).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from .constraints import coordinate_bounds
from .errors import InputError
from .exact import IntRow, Point, text
from .network import ReluNetwork
from .polytope import Box
from .vnnlib import Constraint, Property


class Statement(NamedTuple):
    """The domain of a proof and the property that holds nowhere on it.

    Attributes
    ----------
    origin : Point
        The values of the inputs that are fixed; 0 for the others.
    directions : list of integer d-tuples
        The unit vectors of the inputs that are free.
    domain : Box
        The free inputs that some disjunct admits.
    goal : dict
        JSON: ``text``, the VNN-LIB text; ``free``, the inputs of the network in the file; ``fixed``, the values of all
        others; ``constraints``, each ``x . t + y . Y + constant <= 0`` (``< 0`` if ``strict``) with the free inputs t
        and the outputs Y; ``disjuncts``, numbers of constraints.
    """

    origin: Point
    directions: list[IntRow]
    domain: Box
    goal: dict[str, Any]

    def restrict(self, net: ReluNetwork) -> ReluNetwork:
        """Return the network of the free inputs.

        Raises
        ------
        InputError
            The property has another number of inputs or outputs than the network.
        """
        check_sizes(net, len(self.origin), self.goal["outputs"])
        return net if len(self.directions) == len(self.origin) else net.restrict(self.origin, self.directions)


def check_sizes(net: ReluNetwork, inputs: int, outputs: int) -> None:
    """Refuse a property that declares other variables than the network has."""
    for what, a, b in (("inputs", inputs, net.input_dim), ("outputs", outputs, net.output_dim)):
        if a != b:
            raise InputError(f"the property declares {a} {what} and the network has {b}; they must agree")


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


def state(wanted: Property) -> Statement:
    """Return what a proof of a property states.

    Inputs with equal bounds are fixed; the first input stays free in any case, on a box one longer.

    Raises
    ------
    InputError
        As :func:`common_box`.
    """
    low, high = common_box(wanted)
    free = [i for i in range(wanted.inputs) if low[i] < high[i]]
    if not free:
        free, high = [0], [low[0] + 1, *high[1:]]
    origin = tuple(Fraction(0) if i in free else v for i, v in enumerate(low))
    directions = [tuple(int(i == k) for i in range(wanted.inputs)) for k in free]
    disjuncts = wanted.disjuncts()
    numbers = {c: k for k, c in enumerate(dict.fromkeys(c for part in disjuncts for c in part))}
    goal = {
        "text": wanted.text,
        "free": free,
        "fixed": {str(i): text(v) for i, v in enumerate(low) if i not in free},
        "outputs": wanted.outputs,
        "constraints": [_behind(c, origin, directions, wanted.outputs) for c in numbers],
        "disjuncts": [[numbers[c] for c in part] for part in disjuncts],
    }
    return Statement(origin, directions, Box([low[i] for i in free], [high[i] for i in free]), goal)


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
