"""One network over one bounded domain as plain arrays: what every task of the subdivision reads.

:class:`~polyrelu.enumeration.cutting.Problem` holds the network twice. Rounded to floats with error bounds, for the
signs that floats can prove; and as a network of integers for all others: layer l is multiplied by a positive
integer S_l, so that with the integers ``W'`` and ``b'`` every affine form is an integer row,
``S_l z_l = sum_k W'_lk (S_k a_k) + b'_l``, of the same sign as z_l everywhere.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import lp
from ..exact import IntRow, RationalMatrix, dot, floats, integer_point, odd_parts
from ..network import ReluNetwork
from ..polytope import HPolytope
from .cutting import HEADER, VERTICES, Floats, Ints, Problem, Words

LIMB = 30
# How many limbs each number has, all limbs, and the signs.
Limbs = tuple[Ints, Ints, npt.NDArray[Any]]


class Stack(NamedTuple):
    """Cells that wait to be cut, as :func:`polyrelu.enumeration.cutting.subdivide` reads and returns them.

    ``bits`` is the pattern of the path to the last frame (plus 2 where a form is identically zero); every frame
    overwrites what follows its own place on it.
    """

    bits: npt.NDArray[np.uint8]
    words: int
    starts: Ints
    ints: Ints
    floats: Floats
    masks: Words

    def frames(self) -> list[tuple[Ints, Floats, Words]]:
        """Return every frame's integers, vertices (n, d + 2) and masks (n + 1, words)."""
        ends = [*self.starts[1:].tolist(), [len(self.ints), len(self.floats), len(self.masks)]]
        out = []
        for (a, b, m), (e, f, n) in zip(self.starts.tolist(), ends, strict=True):
            count = int(self.ints[a + VERTICES])
            out.append((self.ints[a:e], self.floats[b:f].reshape(count, -1), self.masks[m:n].reshape(count + 1, -1)))
        return out

    def rebuilt(self, frames: Sequence[tuple[Ints, Floats, Words]], words: int) -> Stack:
        """Return a stack of some frames, with room for 64 * words constraints per cell."""
        starts: list[Ints] = []
        ints: list[Ints] = []
        floats: list[Floats] = []
        masks: list[Words] = []
        at = np.zeros(3, dtype=np.int64)
        old, more = 64 * self.words, words - self.words
        for integers, vertices, bits in frames:
            starts.append(at.copy())
            cut = HEADER + old
            ints.append(np.concatenate([integers[:cut], np.zeros(64 * more, np.int64), integers[cut:]]))
            floats.append(vertices.ravel())
            masks.append(np.hstack([bits, np.zeros((len(bits), more), np.uint64)]).ravel())
            at += [len(ints[-1]), len(floats[-1]), len(masks[-1])]
        return Stack(
            self.bits,
            words,
            np.array(starts, dtype=np.int64).reshape(-1, 3),
            np.concatenate([self.ints[:0], *ints]),
            np.concatenate([self.floats[:0], *floats]),
            np.concatenate([self.masks[:0], *masks]),
        )

    def split(self, parts: int) -> list[Stack]:
        """Deal the frames out to at most ``parts`` stacks: the lowest ones are the largest cells."""
        frames = self.frames()
        return [self.rebuilt(frames[k::parts], self.words) for k in range(min(parts, len(frames)))]

    def volume(self) -> float:
        """Return the volume of all cells, in floats: for progress, and nothing else."""
        total = 0.0
        for _, vertices, _ in self.frames():
            d = vertices.shape[1] - 2
            if d == 1:
                total += float(np.ptp(vertices[:, 0]))
                continue
            from scipy.spatial import ConvexHull, QhullError

            with contextlib.suppress(QhullError, ValueError):  # a cell too flat for floats has no volume worth showing
                total += float(ConvexHull(vertices[:, :d]).volume)
        return total


def build_problem(net: ReluNetwork, domain: HPolytope) -> tuple[Problem, Stack, list[int]]:
    """Return the arrays, a stack with the domain as its only cell, and the domain's row number of every wall."""
    packed = net.packed
    numbers = [group[0] for group in domain.facets()]
    rows = [domain.rows[i] for i in numbers]
    walls, entry_error = lp.float_rows(rows)
    lower, upper = domain.outer_floats()
    reach = np.append(np.maximum(np.abs(lower), np.abs(upper)), 1.0)
    wall_error = (entry_error * reach).sum(axis=1) * (1 + 2.0**-40)
    (limb_ptr, limbs, negative), size_bits = _integer_network(net, rows)
    d = domain.d
    most = (d + 1) * (float(size_bits.max(initial=0.0)) + math.log2(d + 1) + 1)
    problem = Problem(
        packed.layer_neuron,
        packed.layer_block,
        packed.block,
        _columns(net),
        packed.bias,
        packed.inexact,
        walls,
        wall_error,
        np.stack([lower, upper]),
        limb_ptr,
        limbs,
        negative,
        size_bits,
        *_reading(net, limb_ptr),
        np.array(primes_below(1 << LIMB, max(8, math.ceil((most + 4) / (LIMB - 1))))),
    )
    return problem, _root(net, domain, rows), numbers


def _columns(net: ReluNetwork) -> Floats:
    packed = net.packed
    out = np.empty_like(packed.weights)
    for layer, _, width, offset in packed.block.tolist():
        n = int(packed.layer_neuron[layer + 1] - packed.layer_neuron[layer])
        block = packed.weights[offset : offset + n * width].reshape(n, width)
        out[offset : offset + n * width] = block.T.ravel()
    return out


def _integer_network(net: ReluNetwork, walls: Sequence[IntRow]) -> tuple[Limbs, Floats]:
    """Return weights, biases and walls as integers, and for every row a bound on log2 of its entries."""
    weights, biases = [], []
    scales, largest = [1], [1]
    bits: list[float] = []
    for layer in net.relu_layers:
        scale = math.lcm(layer.bias.den, *(block.den * scales[k] for k, block in layer.blocks.items()))
        sizes = [0] * layer.size
        for k, block in sorted(layer.blocks.items()):
            factor = scale // (block.den * scales[k])
            weights.append(_matrix_limbs(block, factor))
            # entry c of an input row is one weight; of any other one a sum over the neurons that it reads
            for i, size in enumerate(_row_sizes(block, factor, k > 0)):
                sizes[i] += size * largest[k]
        factor = scale // layer.bias.den
        biases.append(_matrix_limbs(layer.bias, factor))
        sizes = [a + b for a, b in zip(sizes, _row_sizes(layer.bias, factor, False), strict=True)]
        scales.append(scale)
        largest.append(max(sizes, default=0))
        bits += [float(size.bit_length()) for size in sizes]
    bits += [float(max(v.bit_length() for v in row)) for row in walls]
    parts = [*weights, *biases, _limbs([v for row in walls for v in row])]
    count, limbs, negative = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return (np.concatenate([[0], np.cumsum(count)]).astype(np.int64), limbs, negative.astype(np.uint8)), np.array(bits)


def _row_sizes(block: RationalMatrix, factor: int, total: bool) -> list[int]:
    """Return for each row a bound on ``factor`` times the sum of its numerators' sizes, or on the largest one."""
    given = block.given_floats
    if given is not None:
        # a sum of n nonnegative floats, in any order, is off by less than n roundings
        up = Fraction(1) + Fraction(given.shape[1] + 4, 2**52)
        tops = np.abs(given).sum(axis=1) if total else np.abs(given).max(axis=1, initial=0.0)
        if np.isfinite(tops).all():
            return [math.ceil(Fraction(v) * up * block.den * factor) for v in tops.tolist()]
    take = sum if total else max
    return [take([abs(v) for v in row] or [0]) * factor for row in block.integers()]


def _matrix_limbs(block: RationalMatrix, factor: int) -> Limbs:
    """Write the numerators of a matrix, times a factor, as limbs; those of floats all at once."""
    given = block.given_floats
    if given is None or factor & (factor - 1):
        return _limbs([v * factor for row in block.integers() for v in row])
    mantissa, exponent = odd_parts(given.ravel())
    size = np.abs(mantissa).astype(np.uint64)
    shift = np.where(mantissa != 0, exponent + (block.den * factor).bit_length() - 1, 0)
    length = np.where(mantissa != 0, shift + np.frexp(size.astype(np.float64))[1], 0)
    count = -(-length // LIMB)
    table = np.zeros((len(size), int(count.max(initial=0))), dtype=np.int64)
    mask = np.uint64((1 << LIMB) - 1)
    for k in range(table.shape[1]):
        skip = LIMB * k - shift  # bits of the mantissa below limb k, or zeros in front of it
        part = np.where(
            skip >= 0, size >> np.clip(skip, 0, 63).astype(np.uint64), size << np.clip(-skip, 0, 63).astype(np.uint64)
        )
        table[:, k] = np.where(skip > -LIMB, part & mask, 0)
    return count, table[np.arange(table.shape[1]) < count[:, None]], mantissa < 0


def _reading(net: ReluNetwork, limb_ptr: Ints) -> tuple[Ints, Ints, Ints]:
    """Return row pointers, entries and sources of all weights that are not zero, neuron by neuron."""
    neurons, entries, sources = [], [], []
    for layer, source, width, offset in net.packed.block.tolist():
        first, last = net.packed.layer_neuron[layer : layer + 2].tolist()
        at = offset + np.arange((last - first) * width)
        at = at[limb_ptr[at + 1] > limb_ptr[at]]
        column = (at - offset) % width
        neurons.append(first + (at - offset) // width)
        entries.append(at)
        sources.append(source + column if source >= 0 else -1 - column)
    empty = np.zeros(0, dtype=np.int64)
    neuron = np.concatenate([empty, *neurons])
    order = np.argsort(neuron, kind="stable")
    ptr = np.searchsorted(neuron[order], np.arange(net.neurons + 1))
    return ptr.astype(np.int64), np.concatenate([empty, *entries])[order], np.concatenate([empty, *sources])[order]


def _limbs(entries: Sequence[int]) -> Limbs:
    """Write integers as limbs of 30 bits, lowest first: how many each has (zero has none), all of them, the signs."""
    count: list[int] = []
    limbs: list[int] = []
    mask = (1 << LIMB) - 1
    for entry in entries:
        before, value = len(limbs), abs(entry)
        while value:
            limbs.append(value & mask)
            value >>= LIMB
        count.append(len(limbs) - before)
    negative = np.array([v < 0 for v in entries], dtype=bool)
    return np.array(count, dtype=np.int64), np.array(limbs, dtype=np.int64), negative


@functools.cache
def primes_below(top: int, count: int) -> list[int]:
    """Return the largest primes below ``top`` (at least 2**20), in descending order.

    Examples
    --------
    >>> primes_below(1 << 30, 2)
    [1073741789, 1073741783]
    """
    root = math.isqrt(top) + 1
    small = np.ones(root, dtype=bool)
    small[:2] = False
    for k in range(2, math.isqrt(root) + 1):
        small[k * k :: k] = False
    found: list[int] = []
    while len(found) < count:
        low = top - max(4096, 32 * count)
        window = np.ones(top - low, dtype=bool)
        for prime in np.flatnonzero(small).tolist():
            window[-low % prime :: prime] = False
        found += (low + np.flatnonzero(window)[::-1]).tolist()
        top = low
    return found[:count]


def _root(net: ReluNetwork, domain: HPolytope, rows: Sequence[IntRow]) -> Stack:
    d, N = domain.d, net.neurons
    words = (len(rows) + 24) // 64 + 1
    vertices = domain.vertices()
    table = np.empty((len(vertices), d + 2))
    masks = np.zeros((len(vertices) + 1, words), dtype=np.uint64)
    for s in range(len(rows)):
        masks[0, s // 64] |= np.uint64(1 << (s % 64))
    for v, vertex in enumerate(vertices):
        table[v, :d] = floats(vertex)
        off = max(abs(x - type(x)(y)) for x, y in zip(vertex, table[v, :d].tolist(), strict=True))
        table[v, d] = np.nextafter(float(off), np.inf) if off else 0.0
        table[v, d + 1] = 1.0
        numerators, den = integer_point(vertex)
        for s, row in enumerate(rows):
            if dot(row, numerators, den) == 0:
                masks[v + 1, s // 64] |= np.uint64(1 << (s % 64))
    slots = np.zeros(64 * words, dtype=np.int64)
    slots[: len(rows)] = N + np.arange(len(rows))
    header = [0, len(vertices), -1, -1, 0]
    ints = np.concatenate([header, slots]).astype(np.int64)
    bits = np.zeros(N, dtype=np.uint8)
    return Stack(bits, words, np.zeros((1, 3), dtype=np.int64), ints, table.ravel(), masks.ravel())
