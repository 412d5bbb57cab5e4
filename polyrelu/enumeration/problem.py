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
from ..sparse import SparseMatrix
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
    (limb_ptr, limbs, negative), size_bits, bases, first_bias = _integer_network(net, rows)
    d = domain.d
    most = (d + 1) * (float(size_bits.max(initial=0.0)) + math.log2(d + 1) + 1)
    problem = Problem(
        packed.layer_neuron,
        packed.layer_block,
        *_transposed(net),
        packed.bias,
        packed.inexact,
        walls,
        wall_error,
        np.stack([lower, upper]),
        limb_ptr,
        limbs,
        negative,
        first_bias,
        size_bits,
        *_reading(net, limb_ptr, bases),
        np.array(primes_below(1 << LIMB, max(8, math.ceil((most + 4) / (LIMB - 1))))),
    )
    return problem, _root(net, domain, rows), numbers


def _transposed(net: ReluNetwork) -> tuple[Ints, Floats, Ints, Ints, int]:
    """Return the block table, and the weights column by column with the pointers and rows of sparse blocks.

    The last number is that of all activations that layers with sparse blocks keep.
    """
    packed = net.packed
    block, columns = np.hstack([packed.block, np.full((len(packed.block), 1), -1)]), np.empty_like(packed.weights)
    sparse = np.isin(block[:, 0], block[block[:, 4] >= 0, 0])
    block[sparse, 6] = np.cumsum(block[sparse, 2]) - block[sparse, 2]
    copies = int(block[sparse, 2].sum())
    pointers, rows = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    place = entries = 0
    for q, (layer, _, width, offset, old, *_) in enumerate(block.tolist()):
        n = int(packed.layer_neuron[layer + 1] - packed.layer_neuron[layer])
        if old < 0:
            here = slice(offset, offset + n * width)
            columns[here] = packed.weights[here].reshape(n, width).T.ravel()
            continue
        ptr = packed.sparse_ptr[old : old + n + 1]
        column = packed.sparse_index[ptr[0] : ptr[-1]]
        order = np.argsort(column, kind="stable")
        columns[offset : offset + len(order)] = packed.weights[offset + order]
        pointers.append(entries + np.searchsorted(column[order], np.arange(width + 1)))
        rows.append(np.repeat(np.arange(n), np.diff(ptr))[order])
        block[q, 4] = place
        place, entries = place + width + 1, entries + len(order)
    return block, columns, np.concatenate(pointers).astype(np.int64), np.concatenate(rows).astype(np.int64), copies


def _integer_network(net: ReluNetwork, walls: Sequence[IntRow]) -> tuple[Limbs, Floats, list[int], int]:
    """Return weights, biases and walls as integers, and for every row a bound on log2 of its entries.

    Behind them stand the number of every block's first entry, and that of the first bias.
    """
    weights, biases, bases = [], [], [0]
    scales, largest = [1], [1]
    bits: list[float] = []
    for layer in net.relu_layers:
        scale = math.lcm(layer.bias.den, *(block.den * scales[k] for k, block in layer.blocks.items()))
        sizes = [0] * layer.size
        for k, block in sorted(layer.blocks.items()):
            factor = scale // (block.den * scales[k])
            values = block.pool if isinstance(block, SparseMatrix) else block
            weights.append(_matrix_limbs(values, factor))
            bases.append(bases[-1] + values.shape[0] * values.shape[1])
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
    numbers = np.concatenate([[0], np.cumsum(count)]).astype(np.int64), limbs, negative.astype(np.uint8)
    return numbers, np.array(bits), bases, bases[-1]


def _row_sizes(block: RationalMatrix | SparseMatrix, factor: int, total: bool) -> list[int]:
    """Return for each row a bound on ``factor`` times the sum of its numerators' sizes, or on the largest one."""
    if isinstance(block, SparseMatrix):
        # in floats, each off by half a unit in the last place and the sums by less than a rounding per entry
        given = abs(block.operator()[0])
        up = Fraction(1) + Fraction(block.longest + 8, 2**52)
        tops = given.sum(axis=1) if total else given.max(axis=1).toarray().ravel()
        if np.isfinite(tops).all():
            least = block.longest * Fraction(2) ** -1074
            return [math.ceil((Fraction(v) * up + least) * block.den * factor) for v in tops.tolist()]
        return [v * factor for v in block.row_sums()]
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


def _reading(net: ReluNetwork, limb_ptr: Ints, bases: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Return row pointers, entries and sources of all weights that are not zero, neuron by neuron."""
    neurons, entries, sources = [], [], []
    blocks = iter(zip(net.packed.block.tolist(), bases, strict=False))
    for layer in net.relu_layers:
        for _, matrix in sorted(layer.blocks.items()):
            (index, source, width, *_), base = next(blocks)
            first, last = net.packed.layer_neuron[index : index + 2].tolist()
            if isinstance(matrix, SparseMatrix):
                row, column, at = matrix.entry_rows, matrix.indices, base + matrix.code
            else:
                at = base + np.arange((last - first) * width)
                at = at[limb_ptr[at + 1] > limb_ptr[at]]
                row, column = np.divmod(at - base, width)
            neurons.append(first + row)
            entries.append(at)
            sources.append(source + column if source >= 0 else -1 - column)
    empty = np.zeros(0, dtype=np.int64)
    neuron, entry, origin = (np.concatenate([empty, *parts]) for parts in (neurons, entries, sources))
    if (neuron[1:] < neuron[:-1]).any():  # layers that read several blocks
        order = np.argsort(neuron, kind="stable")
        neuron, entry, origin = neuron[order], entry[order], origin[order]
    return np.searchsorted(neuron, np.arange(net.neurons + 1)).astype(np.int64), entry, origin


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
