"""Which activation regions have the same affine map: residues modulo primes, and when they prove equality.

A pattern makes the network affine, with rational coefficients. Modulo a prime p that divides no denominator these
are residues, and so are the values at an integer point. Different residues prove different maps. Equal residues
prove nothing at first, but two values whose difference, times a common denominator, is an integer below a bound H
are equal as soon as their residues agree modulo primes whose product exceeds H (the Chinese remainder theorem).
An affine map is known from its values at the points 0, e_1, .., e_d.

So maps are compared by forward passes of small integers, many patterns at once, in matrix products of floats
in which nothing is rounded: all partial sums are integers below 2**53. No rational map is ever computed.

Legend: ``p`` a prime, ``bits`` patterns of shape (k, N), ``labels`` the class of every pattern.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .exact import RationalMatrix
from .network import ReluNetwork
from .sparse import SparseMatrix

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Rows of one pass: large enough for BLAS, small enough for the cache.
BATCH = 1024
# Products of up to this many multiplications run in one thread of OpenBLAS. Its threads wait for each other in a
# spin, and on a busy machine that was ten times slower than one thread.
ONE_THREAD = 2**18
# Residues at random points that come before the proof: 64 bits tell all maps apart that are not equal on purpose.
SIEVE_BITS = 64


def equal_maps(net: ReluNetwork, packed: npt.NDArray[np.uint8]) -> Ints:
    """Sort patterns into classes of equal affine maps.

    Parameters
    ----------
    net : ReluNetwork
    packed : ndarray of uint8, shape (R, ceil(N / 8))
        Packed patterns, as in :class:`polyrelu.RegionComplex`.

    Returns
    -------
    ndarray of int64, shape (R,)
        Patterns have the same number iff the network has the same affine map on them. Classes are numbered by
        their first pattern.

    Notes
    -----
    Exactness: *exact*. Random points first, which only tell maps apart (a pattern that is alone in its class is
    finished), then the proof of equality for those that are left. Cost: a forward pass of the network per pattern,
    prime and point; where all maps differ two or three of them, and in the proof d + 1 for about every 23 bits
    of the product of all layers' denominators and norms.

    Examples
    --------
    relu(x) - relu(x) is zero on both sides of its kink:

    >>> net = ReluNetwork([[[1], [1]], [[1, -1]]], [[0, 0], [0]])
    >>> equal_maps(net, np.packbits([[0, 0], [1, 1]], axis=1)).tolist()
    [0, 0]
    """
    labels = np.zeros(len(packed), dtype=np.int64)
    primes = _primes(net)
    rng = np.random.default_rng(0)
    known_bits = 0.0
    while known_bits < SIEVE_BITS and len(shared := _shared(labels)):
        modular = _ModularNetwork(net, next(primes))
        points = rng.integers(modular.p, size=(1, net.input_dim))
        mix = rng.integers(modular.p, size=net.output_dim)
        # products stay below 2**53
        residues = (modular.values(packed[shared], points)[:, 0] * mix % modular.p).sum(axis=1) % modular.p
        labels = _refine(labels, shared, residues[:, None])
        known_bits += math.log2(modular.p)
    height = _height(net)
    corners = np.vstack([np.zeros((1, net.input_dim), dtype=np.int64), np.eye(net.input_dim, dtype=np.int64)])
    product = 1
    while product <= height and len(shared := _shared(labels)):
        modular = _ModularNetwork(net, next(primes))
        values = modular.values(packed[shared], corners)
        labels = _refine(labels, shared, values.reshape(len(shared), -1))
        product *= modular.p
    return first_come(labels)


def first_come(labels: npt.NDArray[np.integer]) -> Ints:
    """Renumber classes in the order of their first members.

    Examples
    --------
    >>> first_come(np.array([7, 7, 2, 7, 5])).tolist()
    [0, 0, 1, 0, 2]
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _shared(labels: Ints) -> Ints:
    """Return the patterns that are not alone in their class."""
    sizes = np.bincount(labels)
    return np.flatnonzero(sizes[labels] > 1)


def _refine(labels: Ints, members: Ints, residues: Ints) -> Ints:
    """Split the classes of some patterns by their residues, one row per pattern."""
    table = np.hstack([labels[members, None], residues])
    _, first, split = np.unique(labels[members], return_index=True, return_inverse=True)
    if np.array_equal(residues, residues[first[split]]):
        return labels
    out = labels.copy()
    out[members] = labels.max() + 1 + np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
    return np.unique(out, return_inverse=True)[1].astype(np.int64)


# -- one prime ------------------------------------------------------------------------
class _ModularNetwork:
    """The network over the integers modulo p, as centered residues |r| <= p / 2 in floats."""

    def __init__(self, net: ReluNetwork, p: int):
        self.net, self.p = net, p
        self.layers = []
        for layer in net.layers:
            weights = {k: self._operator(w) for k, w in layer.blocks.items()}
            self.layers.append((weights, self._reduce(layer.bias.integers(), layer.bias.den)[:, 0]))

    def _operator(self, matrix: RationalMatrix | SparseMatrix) -> Any:
        """Return the residues of the transpose, in floats; sparse if the matrix is."""
        if isinstance(matrix, SparseMatrix):
            from scipy.sparse import csr_array

            values = self._reduce(matrix.pool.integers(), matrix.den).reshape(-1)[matrix.code]
            return csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape).T.tocsr()
        return self._reduce(matrix.integers(), matrix.den).T.copy()

    def _reduce(self, numerators: list[list[int]], den: int) -> Floats:
        scale = pow(den, -1, self.p)
        return self._center(np.array([[v % self.p * scale % self.p for v in row] for row in numerators], dtype=float))

    def _center(self, z: Floats) -> Floats:
        """Reduce integers below 2**52 in place, to at most p / 2 + 1 in size: the quotient is rounded."""
        quotient = z * (1.0 / self.p)
        np.rint(quotient, out=quotient)
        quotient *= self.p
        z -= quotient
        return z

    def values(self, packed: npt.NDArray[np.uint8], points: Ints) -> Ints:
        """Return the outputs on every pattern at integer points in 0 .. p - 1, shape (k, points, m)."""
        out = np.empty((len(packed), len(points), self.net.output_dim), dtype=np.int64)
        start = self._center(points.astype(np.float64))
        step = max(1, BATCH // len(points))
        for begin in range(0, len(packed), step):
            part = packed[begin : begin + step]
            z = self._pass(np.unpackbits(part, axis=1)[:, : self.net.neurons], start)
            out[begin : begin + step] = z.transpose(1, 0, 2).astype(np.int64) % self.p
        return out

    def _pass(self, bits: npt.NDArray[np.uint8], points: Floats) -> Floats:
        """Return the outputs of a forward pass with given bits, shape (points, k, m)."""
        blocks: list[Floats] = []
        offset = 0
        for index, (weights, bias) in enumerate(self.layers):
            z = np.empty((len(points), len(bits), len(bias)))
            z[:] = bias
            for k, w in weights.items():
                z += (points @ w)[:, None, :] if k == 0 else _product(blocks[k - 1], w)
            self._center(z)
            if index < len(self.net.relu_layers):
                z *= bits[:, offset : offset + len(bias)]
                offset += len(bias)
            blocks.append(z)
        return blocks[-1]


def _product(block: Floats, w: Any) -> Floats:
    """Return ``block @ w``, block of shape (points, k, n), a few rows at a time."""
    rows = block.reshape(-1, block.shape[2])
    if not isinstance(w, np.ndarray):
        return np.asarray(rows @ w).reshape(*block.shape[:2], w.shape[1])
    step = max(16, ONE_THREAD // w.size)
    whole = len(rows) // step * step
    out = np.empty((len(rows), w.shape[1]))
    np.matmul(rows[:whole].reshape(-1, step, w.shape[0]), w, out=out[:whole].reshape(-1, step, w.shape[1]))
    np.matmul(rows[whole:], w, out=out[whole:])
    return out.reshape(*block.shape[:2], w.shape[1])


def _primes(net: ReluNetwork) -> Iterator[int]:
    """Yield primes that divide no denominator, from the largest for which no sum reaches 2**52, downwards."""
    terms = 1 + max(sum(w.shape[1] for w in layer.blocks.values()) for layer in net.layers)
    dens = math.lcm(*(m.den for layer in net.layers for m in (layer.bias, *layer.blocks.values())))
    p = 2 * (math.isqrt(2**52 // terms) - 2)
    while True:
        p -= 1
        if p % 2 and all(p % q for q in range(3, math.isqrt(p) + 1, 2)) and dens % p:
            yield p


def _height(net: ReluNetwork) -> int:
    """Return a bound on the difference of two patterns' outputs at 0 and e_1 .. e_d, times a common denominator.

    ``scale[k]`` is a common denominator of block k, and ``size[k]`` bounds its entries times that for all bits.
    """
    scale, size = [1], [1]
    for layer in net.layers:
        den = math.lcm(layer.bias.den, *(w.den for w in layer.blocks.values()))
        total = [abs(v) * (den // layer.bias.den) * scale[-1] for (v,) in layer.bias.integers()]
        for k, w in layer.blocks.items():
            factor = den // w.den * (scale[-1] // scale[k]) * size[k]
            total = [t + factor * row for t, row in zip(total, w.row_sums(), strict=True)]
        scale.append(scale[-1] * den)
        size.append(max(total))
    return 2 * size[-1]
