"""Piecewise-linear expressions that become a network without skip connections.

A *value* is an affine combination of inputs and of neurons that were made before. Its *level* is the number of hidden
layers that it needs: 0 for an affine function of the input, 1 + the level of z for relu(z).

Equal neurons are made once. relu(c z) with c > 0 is c relu(z), and relu(-z) is relu(z) - z: neither needs a new neuron.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..errors import InputError
from ..exact import point, primitive
from ..network import ReluNetwork
from .bounds import whole

Name = tuple[int, int]  # (block, index): block 0 is the input, block k the neurons of hidden layer k
Vector = dict[Name, Fraction]


class Value:
    """An affine combination of inputs and neurons: ``sum terms[name] * name + constant``."""

    __slots__ = ("constant", "terms")

    def __init__(self, terms: Mapping[Name, Fraction], constant: Fraction = Fraction(0)):
        self.terms = {name: c for name, c in terms.items() if c}
        self.constant = constant

    @property
    def level(self) -> int:
        """Number of hidden layers that the value needs."""
        return max((block for block, _ in self.terms), default=0)

    def __add__(self, other: Value) -> Value:
        return Value(_add(self.terms, other.terms, Fraction(1)), self.constant + other.constant)

    def __sub__(self, other: Value) -> Value:
        return Value(_add(self.terms, other.terms, Fraction(-1)), self.constant - other.constant)

    def __mul__(self, factor: int | Fraction) -> Value:
        return Value({name: c * factor for name, c in self.terms.items()}, self.constant * factor)

    __rmul__ = __mul__

    def key(self) -> tuple[tuple[tuple[Name, Fraction], ...], Fraction]:
        """Return what identifies the combination."""
        return tuple(sorted(self.terms.items())), self.constant


class Circuit:
    """A collection of neurons that grows layer by layer, and the network of it.

    Parameters
    ----------
    input_dim : int
        Number of inputs d.

    Examples
    --------
    The maximum of two numbers, ``x + relu(y - x)``; x passes the hidden layer as relu(y - x), relu(x - y) and
    two neurons more:

    >>> c = Circuit(2)
    >>> net = c.network([c.maximum([c.input(0), c.input(1)])])
    >>> net.widths, net([[3, -5]]).tolist()
    ((3,), [[Fraction(3, 1)]])
    """

    def __init__(self, input_dim: int):
        self.input_dim = whole(input_dim, "input_dim", 1)
        self.neurons: list[list[Value]] = [[]]  # neurons[k][i] is the pre-activation of (k, i); block 0 is the input
        self._known: dict[tuple[tuple[Any, ...], ...], tuple[Name, int]] = {}

    def input(self, k: int) -> Value:
        """Return input k."""
        return Value({(0, k): Fraction(1)})

    def affine(self, form: Iterable[Any]) -> Value:
        """Return the affine form ``(g_1, .., g_d, g_0)`` of the input."""
        row = point(form, "form")
        if len(row) != self.input_dim + 1:
            raise InputError(f"a form has {len(row)} entries; expected {self.input_dim + 1}: (g_1, .., g_d, g_0)")
        return Value({(0, k): c for k, c in enumerate(row[:-1])}, row[-1])

    def relu(self, z: Value) -> Value:
        """Return the positive part of a value."""
        if not z.terms:
            return Value({}, max(z.constant, Fraction(0)))
        names = sorted(z.terms)
        entries = [*(z.terms[name] for name in names), z.constant]
        den = math.lcm(*(v.denominator for v in entries))
        row = primitive([int(v * den) for v in entries])
        sign = 1 if row[0] > 0 else -1
        key = (tuple(names), tuple(sign * v for v in row))
        size = entries[0] / row[0]  # positive: z is ``size`` times the primitive row
        if key not in self._known:
            level = z.level + 1
            while len(self.neurons) <= level:
                self.neurons.append([])
            self._known[key] = ((level, len(self.neurons[level])), sign)
            own = Value({name: Fraction(v) for name, v in zip(names, row[:-1], strict=True)}, Fraction(row[-1]))
            self.neurons[level].append(own)
        name, stored = self._known[key]
        neuron = Value({name: size})
        return neuron if stored == sign else neuron + z

    def maximum(self, values: Iterable[Value]) -> Value:
        """Return the maximum of values by a tree: the two of lowest level are compared first.

        Values of level 0 need ceil(log2 m) hidden layers.
        """
        heap = [(value.level, i, value) for i, value in enumerate({v.key(): v for v in values}.values())]
        if not heap:
            raise InputError("the maximum of no values is asked for; give at least one")
        heapq.heapify(heap)
        count = len(heap)
        while len(heap) > 1:
            (_, _, a), (_, _, b) = heapq.heappop(heap), heapq.heappop(heap)
            if not b.terms:  # max(x, 0) is one neuron, and x need not be carried along
                a, b = b, a
            larger = a + self.relu(b - a)
            heapq.heappush(heap, (larger.level, count, larger))
            count += 1
        return heap[0][2]

    # -- the network ------------------------------------------------------------------
    def network(self, outputs: Sequence[Value]) -> ReluNetwork:
        """Return the network with these outputs; every layer reads the layer before it and no other.

        Neurons that no output needs are left out. What a layer has to pass on is a space of functions of the layer
        before it. One more neuron suffices for the pre-activation z of a neuron, ``z = relu(z) - relu(-z)``, and for an
        activation, which is not negative; any other function takes two.
        """
        depth = max((value.level for value in outputs), default=0)
        used: list[set[int]] = [set() for _ in range(depth + 1)]
        for value in outputs:
            _mark(value, used)
        for k in range(depth, 0, -1):
            for i in sorted(used[k]):
                _mark(self.neurons[k][i], used)
        own = [sorted(indices) for indices in used]
        carried: list[list[tuple[Value, str]]] = [[] for _ in range(depth + 1)]
        wanted = list(outputs)
        for k in range(depth, 0, -1):
            mine = [self.neurons[k][i] for i in own[k]]
            carried[k] = _carriers([Value(_below(value, k)) for value in wanted], mine)
            wanted = [*mine, *(value for value, _ in carried[k])]

        weights, biases = [], []
        read = _Reader(self.input_dim)
        for k in range(1, depth + 1):
            mine = [self.neurons[k][i] for i in own[k]]
            rows = list(mine)
            for value, kind in carried[k]:
                if kind != "reverse":
                    rows.append(value)
                if kind != "activation":
                    rows.append(value * -1)
            table = [read(row) for row in rows]
            weights.append([row for row, _ in table])
            biases.append([c for _, c in table])
            read = _Reader.after(k, own[k], mine, carried[k], len(rows))
        table = [read(value) for value in outputs]
        return ReluNetwork([*weights, [row for row, _ in table]], [*biases, [c for _, c in table]])


def _mark(value: Value, used: list[set[int]]) -> None:
    for block, i in value.terms:
        used[block].add(i)


def _below(value: Value, k: int) -> Vector:
    return {name: c for name, c in value.terms.items() if name[0] < k}


def _add(a: Mapping[Name, Fraction], b: Mapping[Name, Fraction], factor: Fraction) -> Vector:
    total = dict(a)
    for name, c in b.items():
        c = total.get(name, Fraction(0)) + factor * c
        if c:
            total[name] = c
        else:
            total.pop(name, None)
    return total


class _Span:
    """The span of sparse vectors, and coordinates in it with respect to the vectors that were inserted."""

    def __init__(self) -> None:
        self.rows: dict[Name, tuple[Vector, dict[int, Fraction]]] = {}  # pivot: (vector, its coordinates)

    def _reduce(self, vector: Mapping[Name, Fraction]) -> tuple[Vector, dict[int, Fraction]]:
        rest, coordinates = dict(vector), dict[int, Fraction]()
        # a pivot is the greatest name of its row, so that going downwards never brings one back; neurons come after
        # inputs and occur in fewer vectors, most of which are told apart here at once
        while pivots := [name for name in rest if name in self.rows]:
            name = max(pivots)
            row, parts = self.rows[name]
            factor = rest[name] / row[name]
            rest = _add(rest, row, -factor)
            for i, c in parts.items():
                coordinates[i] = coordinates.get(i, Fraction(0)) + factor * c
        return rest, coordinates

    def insert(self, vector: Mapping[Name, Fraction], number: int) -> bool:
        """Add a vector if it is independent of the others, and tell whether it was."""
        rest, coordinates = self._reduce(vector)
        if not rest:
            return False
        parts = {i: -c for i, c in coordinates.items()}
        parts[number] = Fraction(1)
        self.rows[max(rest)] = (rest, parts)
        return True

    def coordinates(self, vector: Mapping[Name, Fraction]) -> dict[int, Fraction] | None:
        """Return coordinates with respect to the inserted vectors, by their numbers; None outside the span."""
        rest, coordinates = self._reduce(vector)
        return None if rest else coordinates


def _carriers(wanted: Sequence[Value], own: Sequence[Value]) -> list[tuple[Value, str]]:
    """Choose functions of earlier blocks that span the wanted ones, each with the way in which it is passed on.

    ``reverse``: the pre-activation of an own neuron, one neuron more; ``activation``: one neuron; ``pair``: two.
    """
    space = _Span()
    for value in wanted:
        space.insert(value.terms, 0)
    if not space.rows:
        return []
    support = sorted({name for value in wanted for name in value.terms})
    units = [Value({name: Fraction(1)}) for name in support]
    candidates = [(z, "reverse") for z in own]
    candidates += [(unit, "activation") for unit, (block, _) in zip(units, support, strict=True) if block]
    candidates += [(unit, "pair") for unit, (block, _) in zip(units, support, strict=True) if not block]
    candidates += [(value, "pair") for value in wanted]
    basis, chosen = _Span(), list[tuple[Value, str]]()
    for value, kind in candidates:
        if len(chosen) == len(space.rows):
            break
        if space.coordinates(value.terms) is not None and basis.insert(value.terms, len(chosen)):
            chosen.append((value, kind))
    cost = sum(2 if kind == "pair" else 1 for _, kind in chosen)
    if support[0][0] and len(support) < cost:
        return [(unit, "activation") for unit in units]
    return chosen


class _Reader:
    """Writes values as rows over the last layer that was built."""

    def __init__(self, width: int):
        self.width = width
        self.columns: dict[Name, int] = {(0, k): k for k in range(width)}
        self.span = _Span()
        self.carried: list[tuple[Value, dict[int, Fraction]]] = []

    @classmethod
    def after(
        cls, k: int, own: Sequence[int], z: Sequence[Value], carried: Sequence[tuple[Value, str]], width: int
    ) -> _Reader:
        """Return the reader of hidden layer k: own neurons first, then the carriers."""
        self = cls(0)
        self.width = width
        self.columns = {(k, i): column for column, i in enumerate(own)}
        number = {value.key(): column for column, value in enumerate(z)}
        column = len(own)
        one = Fraction(1)
        for value, kind in carried:
            self.span.insert(value.terms, len(self.carried))
            if kind == "reverse":
                row = {number[value.key()]: one, column: -one}
            elif kind == "activation":
                row = {column: one}
            else:
                row = {column: one, column + 1: -one}
            column += 2 if kind == "pair" else 1
            self.carried.append((value, row))
        return self

    def __call__(self, value: Value) -> tuple[list[Fraction], Fraction]:
        row, constant = [Fraction(0)] * self.width, value.constant
        earlier: Vector = {}
        for name, c in value.terms.items():
            if name in self.columns:
                row[self.columns[name]] += c
            else:
                earlier[name] = c
        coordinates = self.span.coordinates(earlier) if earlier else {}
        assert coordinates is not None
        for i, c in coordinates.items():
            carrier, columns = self.carried[i]
            constant -= c * carrier.constant
            for column, v in columns.items():
                row[column] += c * v
        return row, constant
