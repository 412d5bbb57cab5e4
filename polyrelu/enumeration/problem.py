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
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .. import lp
from ..exact import IntRow, dot, floats, integer_point
from ..network import ReluNetwork
from ..polytope import HPolytope
from .cutting import HEADER, VERTICES, Floats, Ints, Problem, Words

LIMB = 30


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
    entries, size_bits = _integer_network(net, rows)
    limb_ptr, limbs, negative = _limbs(entries)
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


def _integer_network(net: ReluNetwork, walls: Sequence[IntRow]) -> tuple[list[int], Floats]:
    """Return weights, biases and walls as integers, and for every row a bound on log2 of its entries."""
    weights: list[int] = []
    biases: list[int] = []
    scales, largest = [1], [1]
    bits: list[float] = []
    for layer in net.relu_layers:
        scale = math.lcm(layer.bias.den, *(block.den * scales[k] for k, block in layer.blocks.items()))
        sizes = [0] * layer.size
        for k, block in sorted(layer.blocks.items()):
            factor = scale // (block.den * scales[k])
            for i, row in enumerate(block.integers()):
                scaled = [v * factor for v in row]
                weights += scaled
                # entry c of an input row is one weight; of any other one a sum over the neurons that it reads
                sizes[i] += (max(map(abs, scaled), default=0) if k == 0 else sum(map(abs, scaled))) * largest[k]
        factor = scale // layer.bias.den
        shift = [row[0] * factor for row in layer.bias.integers()]
        biases += shift
        sizes = [size + abs(v) for size, v in zip(sizes, shift, strict=True)]
        scales.append(scale)
        largest.append(max(sizes, default=0))
        bits += [float(size.bit_length()) for size in sizes]
    flat = [v for row in walls for v in row]
    bits += [float(max(v.bit_length() for v in row)) for row in walls]
    return [*weights, *biases, *flat], np.array(bits)


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


def _limbs(entries: Iterable[int]) -> tuple[Ints, Ints, npt.NDArray[np.uint8]]:
    """Write integers as limbs of 30 bits, lowest first; zero has none."""
    ptr, limbs, negative = [0], [], []
    mask = (1 << LIMB) - 1
    for value in entries:
        negative.append(value < 0)
        value = abs(value)
        while value:
            limbs.append(value & mask)
            value >>= LIMB
        ptr.append(len(limbs))
    return np.array(ptr, dtype=np.int64), np.array(limbs, dtype=np.int64), np.array(negative, dtype=np.uint8)


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
