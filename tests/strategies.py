"""Hypothesis strategies: small networks, boxes and H-polytopes, of integers so that coincidences are common."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st

from polyrelu.network import ReluNetwork

T = TypeVar("T")

INTEGERS = [Fraction(v) for v in (0, 1, -1, 2, -2)]
HALVES = [Fraction(v, 2) for v in (0, 2, -2, 4, -4, 1, -1, 3, -3)]


class System(NamedTuple):
    """The polyhedron {x : A x <= b} with integer rows; ``A`` may have no rows."""

    A: list[list[int]]
    b: list[int]
    d: int


def choices(draw: st.DrawFn, count: int, values: Sequence[T]) -> list[T]:
    """Draw a list of ``count`` values, which shrink to the first one; faster than a strategy of lists."""
    index = st.integers(0, len(values) - 1)
    return [values[k] for k in draw(st.tuples(*[index] * count))]


@st.composite
def networks(
    draw: st.DrawFn, d: int | None = None, max_neurons: int = 6, max_layers: int = 3, max_outputs: int = 2
) -> ReluNetwork:
    """Draw a network with d inputs (1 to 3 if None) and 1 to max_neurons hidden neurons.

    Among integer weights of this size zero rows, parallel rows and neurons that are constant or vanish on a
    region are frequent; exact copies of rows are added on purpose. Some networks read all earlier
    layers (skip connections), some have a ReLU behind the last layer, which then counts as hidden.
    """
    dim = draw(st.integers(1, 3)) if d is None else d
    # shrinks to few neurons, yet draws many more often than few
    budget = draw(st.sampled_from([*range(1, max_neurons + 1), *range((max_neurons + 1) // 2, max_neurons + 1)]))
    depth = draw(st.integers(1, min(max_layers, budget)))
    cuts = draw(st.sampled_from(list(combinations(range(1, budget), depth - 1))))
    widths = [b - a for a, b in zip([0, *cuts], [*cuts, budget], strict=True)]
    output_relu = depth > 1 and draw(st.booleans())  # the last group of neurons is then the output layer
    sizes = [dim, *widths] if output_relu else [dim, *widths, draw(st.integers(1, max_outputs))]
    skips = draw(st.booleans())
    numbers = HALVES if draw(st.booleans()) else INTEGERS
    weights: list[list[list[Fraction]]] = []
    biases: list[list[Fraction]] = []
    for layer, size in enumerate(sizes[1:]):
        columns = sum(sizes[: layer + 1]) if skips else sizes[layer]
        flat = choices(draw, size * (columns + 1), numbers)
        rows = [flat[k * columns : (k + 1) * columns] for k in range(size)]
        bias = flat[size * columns :]
        if size > 1 and draw(st.integers(0, 3)) == 0:  # a copy, a mirror image or a multiple of another neuron
            source, target = draw(st.sampled_from(list(permutations(range(size), 2))))
            factor = draw(st.sampled_from([1, -1, 2]))
            rows[target] = [factor * v for v in rows[source]]
            bias[target] = factor * bias[source]
        weights.append(rows)
        biases.append(bias)
    return ReluNetwork(weights, biases, output_relu=output_relu)


@st.composite
def boxes(draw: st.DrawFn, d: int, radius: int = 3) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw a full-dimensional box (lo, hi) with integer bounds, most often around 0, where small networks bend."""
    lo = choices(draw, d, range(0, -radius - 1, -1))
    hi = choices(draw, d, range(1, radius + 1))
    shift = draw(st.sampled_from([0, 0, 0, 1, -2]))
    return tuple(v + shift for v in lo), tuple(v + shift for v in hi)


@st.composite
def networks_in_boxes(draw: st.DrawFn, d: int | None = None, max_neurons: int = 6) -> tuple[ReluNetwork, tuple]:
    """Draw a network and a box of its input dimension."""
    net = draw(networks(d, max_neurons))
    return net, draw(boxes(net.input_dim))


@st.composite
def systems(draw: st.DrawFn, d: int | None = None, max_rows: int = 8, bounded: bool | None = None) -> System:
    """Draw {x : A x <= b} with integer rows, anything from empty over flat to unbounded.

    Random rows as they come, zero rows included; then perhaps copies and multiples of rows (redundant or
    coincident), an opposite row (flat, or empty), and a box around all (if ``bounded`` is not False).
    """
    dim = draw(st.integers(1, 3)) if d is None else d
    row = st.tuples(st.lists(st.integers(-2, 2), min_size=dim, max_size=dim), st.integers(-3, 3))
    rows = draw(st.lists(row, min_size=0, max_size=max_rows))
    if rows:
        for kind in draw(st.lists(st.sampled_from(["copy", "double", "weaker", "equality", "opposite"]), max_size=2)):
            a, b = draw(st.sampled_from(rows))
            flipped = [-v for v in a]
            rows.append(
                {
                    "copy": (a, b),
                    "double": ([2 * v for v in a], 2 * b),
                    "weaker": (a, b + 1),
                    "equality": (flipped, -b),
                    "opposite": (flipped, draw(st.integers(-b - 1, -b + 1))),
                }[kind]
            )
        if draw(st.integers(0, 3)) == 0:  # flat, unless it was empty
            a, b = draw(st.sampled_from(rows))
            rows.append(([-v for v in a], -b))
    if draw(st.booleans()) if bounded is None else bounded:
        lo, hi = draw(boxes(dim))
        for k in range(dim):
            unit = [int(i == k) for i in range(dim)]
            rows += [(unit, hi[k]), ([-v for v in unit], -lo[k])]
    rows = draw(st.permutations(rows))
    return System([a for a, _ in rows], [b for _, b in rows], dim)
