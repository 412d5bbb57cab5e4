"""Numba kernels that cut cells: the inside of :mod:`polyrelu.enumeration.subdivision`.

Legend: a *cell* is a polytope given by its vertices; vertex ``v`` has float coordinates ``V[v, :d]``, a radius
``V[v, d]`` (the true vertex is within it, in every coordinate) and incidence bits ``Z[v]``: bit s is set iff the
constraint in slot s vanishes there, exactly. ``ids[s]`` is the constraint: a neuron, or N + wall. Column j of ``G``
holds the affine form of row j on the current pattern (d coefficients and the constant). With its bounds K and L, the
exact value of row j at any point of the domain is within ``K + L r`` of the float value at any point closer to it than
r. ``u = 2**-53``.

A sign is taken from floats only beyond that bound. Otherwise the vertex is solved afresh from d of its rows, and if
that does not help either, the sign of a determinant of integer rows decides: computed modulo so many primes of 30
bits that their product exceeds four times Hadamard's bound (a residue number system). Its outcome lives on as
incidence.

The radius of a new vertex x on the edge from u to v: some point y of the true edge is within ``q = max(r_u, r_v)`` plus
rounding of the computed x, and x lies at ``y + tau (v - u)`` with ``|tau| = |h(y)| / |h(v) - h(u)|``. Such radii grow
with every generation; an end with a radius beyond ``STALE`` is solved afresh first, and a new vertex beyond ``POOR``
too: with B the computed inverse of its d rows A, rho >= |I - B A| and t the residual with all errors, the radius is
``|B| t + rho / (1 - rho) max(|B| t)`` if rho < 1/4, and infinite if not.

With a *goal* the last layer is never cut: its rows come in groups, and only cells on which every group has no row that
is positive throughout are of interest. All others are dropped, as early as bounds can tell: where a cell enters a
layer, each neuron that may take both signs on it, lo <= z <= hi, is replaced by the strip
``lambda z <= relu(z) <= lambda z + mu`` with ``lambda = hi / (hi - lo)``, whose width counts as an error, and the sums
of the layers behind, with these errors, bound the rows of the goal at the vertices.

Where regions are only counted, those of the last layer are not made: the rows that cut a cell are counted out by
deletion and restriction, on slices of ever lower dimension (``_count_parts``).

All bounds are order-independent, rounded up, and inflated by 2**-40 (``UP``) for the rounding of the bounds themselves;
NaN fails every comparison that certifies. Everything stands in one file because numba's cache does not notice a change
in another one.

References
----------
T. Zaslavsky, Facing up to arrangements, 1975 (deletion and restriction).
K. Fukuda and A. Prodon, Double description method revisited, 1996 (Proposition 7: adjacency).
S. M. Rump, Verification methods: rigorous results using floating-point arithmetic, 2010 (section 10: linear systems).
H. L. Garner, The residue number system, 1959.
G. Singh, T. Gehr, M. Mirman, M. Pueschel and M. Vechev, Fast and effective robustness certification, 2018 (strips).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numba.extending
import numpy as np
import numpy.typing as npt

from ..kernels import TINY, U, njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]
Signs = npt.NDArray[np.int8]

UP = 1.0 + 2.0**-40
# The least positive float; values outside LOW .. HIGH are left to integers: the bounds say nothing about them.
LEAST, LOW, HIGH = 2.0**-1074, 2.0**-900, 2.0**1000
# Radii, as shares of the domain's size, beyond which vertices are solved afresh. They steer and decide nothing.
STALE = 2.0**-24
POOR = 2.0**-12

# In the last layer, where regions are only counted, a cell that no more rows than this cut is not cut any further.
FEW = 24

# Terms that are added to the sums of a layer with sparse blocks before they are computed afresh.
SPARSE_ROOM = 8192

# How a call of subdivide() ends.
DONE, LEFT, CROWDED, STUCK = 0, 1, 2, 3
# Rows of G behind the d + 2 rows of the forms (add d), of the state of layers, and of what is known of residues.
ERR, SIZE, VALUE, SPREAD, ROWS = 2, 3, 4, 5, 6
USABLE, FLIPS, VERSION, SEEN = 0, 1, 2, 3
HAVE, STAMP, HOME, CONTENT = 0, 1, 2, 3
# Fields of a frame's header in the integer stack.
LAYER, VERTICES, LISTED, NEURON, BIT, HEADER = 0, 1, 2, 3, 4, 5
# Entries of the tally: signs taken, vertices solved afresh, signs that needed integers, cuts, products of the forms;
# then the number of cells after each layer.
SIGNS, SOLVED, EXACT, CUTS, PRODUCTS, TALLIES = 0, 1, 2, 3, 4, 5


class Problem(NamedTuple):
    """One network over one bounded domain, as arrays; see :func:`polyrelu.enumeration.subdivision.Problem`.

    ``block`` is as in :class:`~polyrelu.network.PackedNetwork`, with a column more: where ``Work.made`` keeps the
    activations that a layer with sparse blocks was made from, or -1; ``copies`` is their number. ``columns`` holds each
    block transposed: one column of the matrix after another. Column k of a sparse block at the place p has the entries
    ``t = sparse_ptr[p + k] .. sparse_ptr[p + k + 1] - 1``: row ``sparse_row[t]``, weight ``columns[offset + t -
    sparse_ptr[p]]``.

    The entries of the integer network are numbers in limbs of 30 bits, lowest first: ``limbs[limb_ptr[e] :
    limb_ptr[e + 1]]`` with sign ``negative[e]``; entry e is a weight (of a sparse block: one of its distinct values),
    from ``first_bias`` on a bias, then one of the wall rows. Neuron j reads the entries ``read_entry[read_ptr[j] :
    read_ptr[j + 1]]``, all its weights that are not zero, of the neurons ``read_source`` (-1 - c: of input c).
    ``size_bits[j]`` bounds log2 of the entries of integer row j on any pattern.
    """

    layer_neuron: Ints
    layer_block: Ints
    block: Ints
    columns: Floats
    sparse_ptr: Ints
    sparse_row: Ints
    copies: int
    bias: Floats
    inexact: Floats
    walls: Floats
    wall_error: Floats
    box: Floats
    limb_ptr: Ints
    limbs: Ints
    negative: Bits
    first_bias: int
    size_bits: Floats
    read_ptr: Ints
    read_entry: Ints
    read_source: Ints
    primes: Ints


class Work(NamedTuple):
    """What one running task knows of the current pattern; everything is overwritten as the search goes.

    Rows 0 .. d of ``G`` are the affine forms of all rows, column by column, then: the sum of the errors of the
    terms, ERR, SIZE (a bound on |value| over the domain), and two rows for scratch. ``F`` has for every row that may
    still cut (row by row, close in memory) the d + 1 coefficients, K, L and ERR. ``bits`` holds the pattern, the
    bits in the last sum, marks, and 1 where a form is identically zero; ``made`` what the sums of layers with sparse
    blocks were made from (d + 1 coefficients, the error, the error with rounding); ``state`` says by layer whether a
    sum is usable, the terms added since, a version, and those of earlier layers then.
    """

    G: Floats
    F: Floats
    made: Floats
    bits: Bits
    state: Ints
    residue: Ints
    known: Ints
    read: Ints
    marks: Words
    order: Ints
    scratch: Floats
    modular: Ints
    tally: Ints


@numba.extending.intrinsic
def _popcount(context: Any, x: Any) -> Any:
    """Count the bits of a word, in one instruction."""
    return numba.int64(numba.uint64), lambda _, builder, __, args: builder.ctpop(args[0])


@numba.extending.intrinsic
def _leading_zeros(context: Any, x: Any) -> Any:
    """Count the zeros above the highest bit of a word that is not zero."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.ctlz(args[0], numba.core.cgutils.true_bit)

    return numba.int64(numba.uint64), generate


@numba.extending.intrinsic
def _position(context: Any, x: Any) -> Any:
    """Return the number of the lowest bit of a word that is not zero."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.cttz(args[0], numba.core.cgutils.true_bit)

    return numba.int64(numba.uint64), generate


# -- affine forms ---------------------------------------------------------------------
@njit
def _add_sources(
    columns: Floats, G: Floats, bits: Bits, chosen: Ints, start: int, stop: int, source: int, offset: int, first: int,
    n: int, kappa: float,
) -> None:
    """Add the forms of up to four neurons (or take them away, where the bit is 0) to the n rows from ``first``."""
    d = G.shape[0] - ROWS
    k0, k1, k2, k3 = chosen[start], 0, 0, 0
    at0 = offset + (k0 - source) * n - first
    if stop == start + 4:
        k1, k2, k3 = chosen[start + 1], chosen[start + 2], chosen[start + 3]
        at1, at2 = offset + (k1 - source) * n - first, offset + (k2 - source) * n - first
        at3 = offset + (k3 - source) * n - first
        s0, s1 = 2.0 * bits[0, k0] - 1.0, 2.0 * bits[0, k1] - 1.0
        s2, s3 = 2.0 * bits[0, k2] - 1.0, 2.0 * bits[0, k3] - 1.0
        for c in range(d + 1):
            g0, g1, g2, g3 = s0 * G[c, k0], s1 * G[c, k1], s2 * G[c, k2], s3 * G[c, k3]
            for i in range(first, first + n):
                G[c, i] += (columns[at0 + i] * g0 + columns[at1 + i] * g1) + (
                    columns[at2 + i] * g2 + columns[at3 + i] * g3
                )
        # LEAST, because kappa * SIZE may vanish before a huge weight multiplies it
        e0 = G[d + ERR, k0] + kappa * G[d + SIZE, k0] + LEAST
        e1 = G[d + ERR, k1] + kappa * G[d + SIZE, k1] + LEAST
        e2 = G[d + ERR, k2] + kappa * G[d + SIZE, k2] + LEAST
        e3 = G[d + ERR, k3] + kappa * G[d + SIZE, k3] + LEAST
        for i in range(first, first + n):
            G[d + 1, i] += (abs(columns[at0 + i]) * e0 + abs(columns[at1 + i]) * e1) + (
                abs(columns[at2 + i]) * e2 + abs(columns[at3 + i]) * e3
            )
        return
    for q in range(start, stop):
        k = chosen[q]
        at = offset + (k - source) * n - first
        turn = 2.0 * bits[0, k] - 1.0
        for c in range(d + 1):
            g = turn * G[c, k]
            for i in range(first, first + n):
                G[c, i] += columns[at + i] * g
        error = G[d + ERR, k] + kappa * G[d + SIZE, k] + LEAST
        for i in range(first, first + n):
            G[d + 1, i] += abs(columns[at + i]) * error


@njit
def _restart_layer(
    layer_block: Ints, block: Ints, columns: Floats, sparse_ptr: Ints, sparse_row: Ints, bias: Floats, box: Floats,
    G: Floats, made: Floats, layer: int, first: int, last: int, kappa: float,
) -> None:
    """Set the sums of a layer to its biases and what it reads of the inputs; nothing of other neurons is in them."""
    d, n = box.shape[1], last - first
    for c in range(d + 2):
        for i in range(first, last):
            G[c, i] = 0.0
    for i in range(first, last):
        G[d, i] = bias[i]
        G[d + 1, i] = kappa * abs(bias[i])
    for q in range(layer_block[layer], layer_block[layer + 1]):
        width, offset, place, copy = block[q, 2], block[q, 3], block[q, 4], block[q, 6]
        if block[q, 1] >= 0:
            if copy >= 0:
                made[:, copy : copy + width] = 0.0
            continue
        for c in range(d):
            reach = kappa * max(abs(box[0, c]), abs(box[1, c])) + (LEAST if kappa > 0.0 else 0.0)
            if place >= 0:
                at = offset - sparse_ptr[place]
                for t in range(sparse_ptr[place + c], sparse_ptr[place + c + 1]):
                    G[c, first + sparse_row[t]] += columns[at + t]
                    G[d + 1, first + sparse_row[t]] += abs(columns[at + t]) * reach
            else:
                at = offset + c * n - first
                for i in range(first, last):
                    G[c, i] += columns[at + i]
                    G[d + 1, i] += abs(columns[at + i]) * reach


@njit
def _changed_sources(block: Ints, G: Floats, made: Floats, bits: Bits, q: int, chosen: Ints) -> int:
    """List the neurons whose activations are not what the sums of block q were made from."""
    d = G.shape[0] - ROWS
    source, width, copy = block[q, 1], block[q, 2], block[q, 6] - block[q, 1]
    count = 0
    for k in range(source, source + width):
        if bits[0, k] == 0 and made[d + 1, k + copy] == 0.0:
            continue
        same = bits[0, k] == 1 and G[d + ERR, k] <= made[d + 1, k + copy]
        c = 0
        while same and c <= d:
            same = G[c, k] == made[c, k + copy]
            c += 1
        if not same:
            chosen[count] = k
            count += 1
    return count


@njit
def _update_block(
    block: Ints, columns: Floats, sparse_ptr: Ints, sparse_row: Ints, G: Floats, made: Floats, bits: Bits, q: int,
    chosen: Ints, count: int, first: int, n: int, kappa: float,
) -> None:
    """Replace the old activations of some neurons by the present ones in the sums of a layer."""
    d = G.shape[0] - ROWS
    source, offset, place, copy = block[q, 1], block[q, 3], block[q, 4], block[q, 6] - block[q, 1]
    for at in range(count):
        k = chosen[at]
        if place >= 0:
            start, stop = sparse_ptr[place + k - source], sparse_ptr[place + k - source + 1]
            entry = offset - sparse_ptr[place]
        else:
            start, stop, entry = 0, n, offset + (k - source) * n
        on = bits[0, k] == 1
        for c in range(d + 1):
            old, new = made[c, k + copy], G[c, k] if on else 0.0
            if old == 0.0:
                for t in range(start, stop):
                    G[c, first + (sparse_row[t] if place >= 0 else t)] += columns[entry + t] * new
            else:
                for t in range(start, stop):
                    i = first + (sparse_row[t] if place >= 0 else t)
                    G[c, i] = (G[c, i] + columns[entry + t] * new) - columns[entry + t] * old
            made[c, k + copy] = new
        # LEAST, because kappa * SIZE may vanish before a huge weight multiplies it
        new = G[d + ERR, k] + kappa * G[d + SIZE, k] + LEAST if on else 0.0
        error = new + made[d + 2, k + copy]
        for t in range(start, stop):
            G[d + 1, first + (sparse_row[t] if place >= 0 else t)] += abs(columns[entry + t]) * error
        made[d + 1, k + copy] = max(G[d + ERR, k], LEAST) if on else 0.0
        made[d + 2, k + copy] = new


@njit
def _sum_layer(
    layer_neuron: Ints, layer_block: Ints, block: Ints, columns: Floats, sparse_ptr: Ints, sparse_row: Ints,
    bias: Floats, inexact: Floats, box: Floats, G: Floats, made: Floats, bits: Bits, state: Ints, tally: Ints,
    layer: int,
) -> None:
    """Bring the affine forms of a layer up to date with the bits of the layers before it.

    Where only bits of the layer before have changed since the last full sum, the difference is added: one longer
    sum, whose rounding ``kappa`` bounds, because at most ``room`` terms are added. A layer with sparse blocks keeps
    in ``made`` the activations that its sums are made from, and replaces those that have changed, whatever the
    reason: a neuron of an image reaches few others.
    """
    d = box.shape[1]
    first, last = layer_neuron[layer], layer_neuron[layer + 1]
    before = layer_neuron[layer - 1] if layer > 0 else 0
    begin, stop = layer_block[layer], layer_block[layer + 1]
    n = last - first
    terms = reads = 1
    for q in range(begin, stop):
        terms += 1 if block[q, 1] < 0 else block[q, 5]
        reads += 1 if block[q, 1] < 0 else block[q, 2]
    sparse = begin < stop and block[begin, 6] >= 0
    dense_next = 1
    if layer + 2 < state.shape[1]:
        dense_next = 0 if layer_block[layer + 2] > stop and block[stop, 6] >= 0 else 1
    room = max(terms, SPARSE_ROOM) if sparse else terms
    alone = begin == stop or (stop - begin == 1 and block[begin, 1] < 0)
    # one stored number per entry: nothing is summed, only storing may have rounded
    # sums of more than 2**12 terms need more than UP
    up = UP + (terms + room + 8) * 2.0 * U
    kappa = (2.0 * U * inexact[layer]) if alone else (terms + room + 8) * U * up
    changed = 0
    chosen = np.empty(first, dtype=np.int64)
    whole = state[USABLE, layer] == 0
    if sparse:
        if not whole:
            seen = 0
            for m in range(layer):
                seen += state[VERSION, m]
            stale = seen != state[SEEN, layer]
            state[SEEN, layer] = seen
            for k in range(before, first):
                stale = stale or bits[0, k] != bits[1, k]
                bits[1, k] = bits[0, k]
            for q in range(begin, stop):
                changed += _changed_sources(block, G, made, bits, q, chosen) if block[q, 1] >= 0 else 0
            if changed == 0:
                # the floats hold, but rows of integers may have changed below them, and a later layer may read more
                if stale:
                    state[VERSION, layer] += 1
                    if layer + 2 < state.shape[1]:
                        state[USABLE, layer + 1] *= 1 - dense_next
                return
            whole = state[FLIPS, layer] + 2 * changed > room or 3 * changed > reads
        if whole:
            _restart_layer(
                layer_block, block, columns, sparse_ptr, sparse_row, bias, box, G, made, layer, first, last, kappa
            )
        for q in range(begin, stop):
            if block[q, 1] >= 0:
                count = _changed_sources(block, G, made, bits, q, chosen)
                _update_block(
                    block, columns, sparse_ptr, sparse_row, G, made, bits, q, chosen, count, first, n, kappa
                )
        changed *= 2
    elif not whole:
        for k in range(before, first):
            changed += bits[0, k] != bits[1, k]
        if changed == 0:
            return
        whole = state[FLIPS, layer] + changed > terms or 3 * changed > terms
    if whole and not sparse:
        _restart_layer(
            layer_block, block, columns, sparse_ptr, sparse_row, bias, box, G, made, layer, first, last, kappa
        )
    for q in range(begin, stop):
        source, width, offset = block[q, 1], block[q, 2], block[q, 3]
        if sparse or source < 0 or (not whole and source != before):
            continue
        count = 0
        for k in range(source, source + width):
            if bits[0, k] == 1 if whole else bits[0, k] != bits[1, k]:
                chosen[count] = k
                count += 1
        for start in range(0, count, 4):
            _add_sources(columns, G, bits, chosen, start, min(count, start + 4), source, offset, first, n, kappa)
    for k in range(before, first):
        bits[1, k] = bits[0, k]
    state[FLIPS, layer] = 0 if whole else state[FLIPS, layer] + changed
    state[USABLE, layer] = 1
    if layer + 2 < state.shape[1] and dense_next == 1:
        state[USABLE, layer + 1] = 0
    state[VERSION, layer] += 1
    tally[PRODUCTS] += n * (terms if whole else min(changed, terms))
    tiny = 0.0
    if not alone or inexact[layer] > 0.0:
        # a product or a coefficient may underflow, and a coefficient counts as often as its input is long
        tiny = (terms + room + 4) * TINY
        for c in range(d):
            tiny += (terms + room + 4) * (LEAST * max(abs(box[0, c]), abs(box[1, c])))
    if inexact[layer] > 0.0:
        # a weight that rounds to zero may stand for 2**-1075
        for c in range(d):
            tiny += TINY * max(abs(box[0, c]), abs(box[1, c]))
        for k in range(first):
            tiny += TINY * (G[d + SIZE, k] + G[d + ERR, k])
    for i in range(first, last):
        G[d + SIZE, i] = abs(G[d, i])
    for c in range(d):
        reach = max(abs(box[0, c]), abs(box[1, c]))
        for i in range(first, last):
            G[d + SIZE, i] += abs(G[c, i]) * reach
    for i in range(first, last):
        G[d + SIZE, i] *= UP
        G[d + ERR, i] = G[d + 1, i] * up + tiny


@njit
def _list_row(G: Floats, F: Floats, d: int, i: int) -> None:
    """Copy row i to F, with its bounds K and L."""
    length = 0.0
    for c in range(d + 1):
        F[i, c] = G[c, i]
    for c in range(d):
        length += abs(G[c, i])
    F[i, d + 1] = (G[d + ERR, i] + (d + 3) * U * UP * G[d + SIZE, i]) * UP + (2 * d + 4) * TINY
    if not (LOW < G[d + SIZE, i] < HIGH or G[d + SIZE, i] == 0.0):
        F[i, d + 1] = np.inf
    F[i, d + 2] = length * UP + LEAST if length != 0.0 else 0.0
    F[i, d + 3] = G[d + ERR, i]


# -- exact signs: residues ------------------------------------------------------------
@njit
def _entry(limb_ptr: Ints, limbs: Ints, negative: Bits, e: int, prime: int) -> int:
    """Return entry e of the integer network modulo a prime."""
    start, stop = limb_ptr[e], limb_ptr[e + 1]
    if stop == start:
        return 0
    r = int(limbs[stop - 1])
    if r >= prime:  # a limb is below 2**30, a prime above 2**29
        r -= prime
    for i in range(stop - 2, start - 1, -1):
        r = ((r << 30) + limbs[i]) % prime
    return prime - r if r != 0 and negative[e] == 1 else r


@njit
def _need_rows(p: Any, w: Any, j: int, count: int) -> None:
    """Compute row j of the integer network on the current pattern modulo the first ``count`` primes.

    Only the rows that it reads are computed before it. A row is looked at again when the forms of its layer change, and
    computed again if one of the rows that it reads has other content (numbered by a counter) or another bit.
    """
    known, neurons = w.known, p.layer_neuron[-1]
    limb_ptr, limbs, negative, primes = p.limb_ptr, p.limbs, p.negative, p.primes
    read_ptr, read_entry, read_source = p.read_ptr, p.read_entry, p.read_source
    residue, bits, read, version = w.residue, w.bits, w.read, w.state[VERSION]
    d, weights = p.box.shape[1], p.first_bias
    if j >= neurons:  # a wall
        base = weights + neurons + (j - neurons) * (d + 1)
        for m in range(known[HAVE, j], count):
            for c in range(d + 1):
                residue[m, j, c] = _entry(limb_ptr, limbs, negative, base + c, primes[m])
        known[HAVE, j] = count
        return
    marks, order = w.marks, w.order
    marks[j // 64] |= np.uint64(1) << np.uint64(j % 64)
    found = 0
    for t in range(j // 64, -1, -1):
        while marks[t] != 0:
            i = 64 * t + 63 - _leading_zeros(marks[t])
            marks[t] &= ~(np.uint64(1) << np.uint64(i % 64))
            if known[STAMP, i] == version[known[HOME, i]] and known[HAVE, i] >= count:
                continue
            order[found] = i
            found += 1
            for q in range(read_ptr[i], read_ptr[i + 1]):
                k = read_source[q]
                if k >= 0 and bits[0, k] == 1:
                    marks[k // 64] |= np.uint64(1) << np.uint64(k % 64)
    for at in range(found - 1, -1, -1):
        i = order[at]
        if known[STAMP, i] != version[known[HOME, i]]:
            changed = known[STAMP, i] == 0
            for q in range(read_ptr[i], read_ptr[i + 1]):
                k = read_source[q]
                if k >= 0:
                    content = known[CONTENT, k] if bits[0, k] == 1 else 0
                    if content != read[q]:
                        read[q] = content
                        changed = True
            known[STAMP, i] = version[known[HOME, i]]
            if changed:
                known[HAVE, i] = 0
                read[-1] += 1
                known[CONTENT, i] = read[-1]
        have = known[HAVE, i]
        known[HAVE, i] = max(have, count)
        for m in range(have, count):
            prime = primes[m]
            for c in range(d):
                residue[m, i, c] = 0
            residue[m, i, d] = _entry(limb_ptr, limbs, negative, weights + i, prime)
            terms = 0
            for q in range(read_ptr[i], read_ptr[i + 1]):
                k = read_source[q]
                if k >= 0 and bits[0, k] == 0:
                    continue
                weight = _entry(limb_ptr, limbs, negative, read_entry[q], prime)
                if k < 0:
                    residue[m, i, -1 - k] += weight
                else:
                    for c in range(d + 1):
                        residue[m, i, c] += weight * residue[m, k, c]
                terms += 1
                if terms % 7 == 0:  # seven products of 60 bits fit
                    for c in range(d + 1):
                        residue[m, i, c] %= prime
            for c in range(d + 1):
                residue[m, i, c] %= prime


@njit
def _power(base: int, exponent: int, prime: int) -> int:
    result = 1
    while exponent > 0:
        if exponent & 1:
            result = result * base % prime
        base = base * base % prime
        exponent >>= 1
    return result


@njit
def _determinant(A: Ints, n: int, prime: int, zero_test: bool) -> int:
    """Return the determinant of the n x n matrix A modulo a prime; A is overwritten.

    With ``zero_test`` the result is only zero or not: no inverse is computed.
    """
    factor = 1
    result = 1
    for c in range(n):
        pivot = -1
        for r in range(c, n):
            if A[r, c] != 0:
                pivot = r
                break
        if pivot < 0:
            return 0
        if pivot != c:
            result = prime - result
            for k in range(c, n):
                A[c, k], A[pivot, k] = A[pivot, k], A[c, k]
        lead = A[c, c]
        if not zero_test:
            result = result * lead % prime
        for r in range(c + 1, n):
            below = A[r, c]
            if below != 0:
                if not zero_test:
                    factor = factor * lead % prime
                for k in range(c + 1, n):
                    A[r, k] = (lead * A[r, k] + (prime - below) * A[c, k]) % prime
    if not zero_test:
        result = result * _power(factor, prime - 2, prime) % prime
    return int(result)


@njit
def _residue_sign(digits: Ints, count: int, primes: Ints) -> int:
    """Return the sign of the integer D with these residues, |D| < (product of the primes) / 4.

    Garner's mixed-radix digits; the last one is below half its prime iff D >= 0. ``digits`` is overwritten.
    """
    nonzero = False
    for i in range(count):
        prime = primes[i]
        total = 0
        scale = 1
        for j in range(i):
            total = (total + digits[j] * scale) % prime
            scale = scale * (primes[j] % prime) % prime
        digits[i] = (digits[i] + prime - total) % prime * _power(scale, prime - 2, prime) % prime
        if digits[i] != 0:
            nonzero = True
    if not nonzero:
        return 0
    half: bool = 2 * digits[count - 1] < primes[count - 1]
    return 1 if half else -1


@njit
def _primes_for(bits: float) -> int:
    """Return how many primes above 2**29 have a product beyond four times 2**bits."""
    return int(np.ceil((bits + 3.0) / 29.0))


@njit
def _independent_rows(p: Any, w: Any, rows: Ints, count: int, chosen: Ints) -> bool:
    """Choose d of the given rows that are linearly independent: modulo a prime, hence over the rationals too."""
    d = p.box.shape[1]
    A = np.empty((d + 1, d), dtype=np.int64)
    lead = np.empty(d, dtype=np.int64)
    for m in range(min(8, p.primes.shape[0])):
        prime = p.primes[m]
        rank = 0
        for q in range(count):
            _need_rows(p, w, rows[q], m + 1)
            for c in range(d):
                A[rank, c] = w.residue[m, rows[q], c]
            for k in range(rank):
                if A[rank, lead[k]] != 0:
                    top, low = A[k, lead[k]], prime - A[rank, lead[k]]
                    for c in range(d):
                        A[rank, c] = (top * A[rank, c] + low * A[k, c]) % prime
            for c in range(d):
                if A[rank, c] != 0:
                    lead[rank] = c
                    chosen[rank] = rows[q]
                    rank += 1
                    break
            if rank == d:
                return True
    return False


@njit
def _exact_sign(p: Any, w: Any, rows: Ints, count: int, j: int) -> int:
    """Return the exact sign of row j at the vertex where ``count`` >= d rows vanish (2 if no basis was found).

    With A, b the d basis rows, det [[A, b], [g, g_0]] = det(A) g(v).
    """
    d = p.box.shape[1]
    size_bits, primes, known, version, residue = p.size_bits, p.primes, w.known, w.state[VERSION], w.residue
    w.tally[EXACT] += 1
    chosen, A = w.modular[d + 1], w.modular
    if count == d:
        for k in range(d):
            chosen[k] = rows[k]
    elif not _independent_rows(p, w, rows, count, chosen):
        return 2
    chosen[d] = j
    bits = (d + 1) * np.log2(d + 1.0)
    for k in range(d + 1):
        bits += size_bits[chosen[k]]
    need = _primes_for(bits)
    for k in range(d + 1):
        i = chosen[k]
        if known[HAVE, i] < need or known[STAMP, i] != version[known[HOME, i]]:
            _need_rows(p, w, i, need)
    zero = True
    for m in range(need):
        for c in range(d + 1):
            for k in range(d + 1):
                A[k, c] = residue[m, chosen[k], c]
        if _determinant(A, d + 1, primes[m], True) != 0:
            zero = False
            break
    if zero:
        return 0
    digits = np.empty(need, dtype=np.int64)
    sign = 1
    for size in (d + 1, d):
        for m in range(need):
            for c in range(d + 1):
                for k in range(d + 1):
                    A[k, c] = residue[m, chosen[k], c]
            digits[m] = _determinant(A, size, primes[m], False)
        sign *= _residue_sign(digits, need, primes)
    return sign


@njit
def _is_zero_row(p: Any, w: Any, j: int) -> bool:
    """Tell whether row j is identically zero on the current pattern, exactly."""
    w.tally[EXACT] += 1
    need = _primes_for(p.size_bits[j])
    for m in range(need):
        _need_rows(p, w, j, m + 1)
        for c in range(p.box.shape[1] + 1):
            if w.residue[m, j, c] != 0:
                return False
    return True


# -- vertices -------------------------------------------------------------------------
@njit
def _rows_at(Z: Words, v: int, ids: Ints, rows: Ints) -> int:
    """Write the rows that vanish at vertex v and return their number."""
    count = 0
    for k in range(Z.shape[1]):
        word = Z[v, k]
        while word != 0:
            rows[count] = ids[64 * k + _position(word)]
            count += 1
            word &= word - np.uint64(1)
    return count


@njit
def _spread_rows(F: Floats, rows: Ints, count: int, d: int) -> None:
    """Move d rows that are far from linearly dependent to the front, proposed by full pivoting."""
    left = np.empty((count, d))
    free = np.ones(d, dtype=np.uint8)
    for q in range(count):
        for c in range(d):
            left[q, c] = F[rows[q], c] / F[rows[q], d + 2]
    for k in range(d):
        best, place, at = -1.0, k, 0
        for q in range(k, count):
            for c in range(d):
                if free[c] == 1 and abs(left[q, c]) > best:
                    best, place, at = abs(left[q, c]), q, c
        free[at] = 0
        rows[k], rows[place] = rows[place], rows[k]
        for c in range(d):
            left[k, c], left[place, c] = left[place, c], left[k, c]
        for q in range(k + 1, count):
            f = left[q, at] / left[k, at]
            for c in range(d):
                left[q, c] -= f * left[k, c]


@njit
def _solve(
    F: Floats, V: Floats, v: int, rows: Ints, count: int, scratch: Floats, swapped: Ints, tally: Ints
) -> None:
    """Solve vertex v from d of the rows that vanish there and write its coordinates and verified radius."""
    d = V.shape[1] - 2
    tally[SOLVED] += 1
    V[v, d + 1] = 1.0
    if count > d:
        _spread_rows(F, rows, count, d)
    for k in range(d):
        for c in range(d):
            scratch[k, c] = F[rows[k], c]
    # A becomes B = A^-1 in place: Gauss-Jordan with partial pivoting
    for c in range(d):
        place = c
        for k in range(c + 1, d):
            if abs(scratch[k, c]) > abs(scratch[place, c]):
                place = k
        swapped[c] = place
        if place != c:
            for k in range(d):
                scratch[c, k], scratch[place, k] = scratch[place, k], scratch[c, k]
        f = 1.0 / scratch[c, c]
        scratch[c, c] = 1.0
        for k in range(d):
            scratch[c, k] *= f
        for r in range(d):
            if r != c:
                f = scratch[r, c]
                scratch[r, c] = 0.0
                for k in range(d):
                    scratch[r, k] -= f * scratch[c, k]
    for c in range(d - 1, -1, -1):
        if swapped[c] != c:
            for k in range(d):
                scratch[k, c], scratch[k, swapped[c]] = scratch[k, swapped[c]], scratch[k, c]
    x, t = d, d + 1  # columns
    for c in range(d):
        value = 0.0
        for k in range(d):
            value -= scratch[c, k] * F[rows[k], d]
        scratch[c, x] = value
    for k in range(d):
        value = F[rows[k], d]
        for c in range(d):
            value += F[rows[k], c] * scratch[c, x]
        scratch[k, t] = value
    kappa = (d + 4) * U * UP
    for k in range(d):
        size = abs(F[rows[k], d])
        for c in range(d):
            size += abs(F[rows[k], c] * scratch[c, x])
        scratch[k, t] = (abs(scratch[k, t]) + kappa * size + F[rows[k], d + 3]) * UP + (2 * d + 4) * TINY
    rho = 0.0
    worst = 0.0
    for c in range(d):
        total = 0.0
        radius = 0.0
        for e in range(d):
            value = 1.0 if c == e else 0.0
            size = value
            for k in range(d):
                product = scratch[c, k] * F[rows[k], e]
                value -= product
                size += abs(product)
            total += abs(value) + kappa * size + (2 * d + 4) * TINY
        for k in range(d):
            radius += abs(scratch[c, k]) * scratch[k, t]
        if not (total < 0.25 and radius < np.inf):  # NaN as well: max() would swallow it
            V[v, d] = np.inf
            return
        rho = max(rho, total * UP)
        worst = max(worst, radius)
    V[v, d] = (worst * UP + (2 * d + 4) * TINY) * (1.0 + rho / (1.0 - rho)) * UP
    for c in range(d):
        V[v, c] = scratch[c, x]


@njit
def _resolve(
    p: Any, w: Any, V: Floats, Z: Words, ids: Ints, nv: int, j: int, careful: bool, sign: Signs, value: Floats,
    bound: Floats,
) -> bool:
    """Decide the signs of row j that are still 2 (open): with the vertex solved afresh, else by integers.

    Stops once both signs are seen, if the row is only asked whether it cuts (``value`` is empty). Returns False
    if no basis was found.
    """
    d = V.shape[1] - 2
    brief = value.shape[0] == 0
    up = down = False
    for v in range(nv):
        up = up or sign[v] == 1
        down = down or sign[v] == -1
    rows = np.empty(64 * Z.shape[1], dtype=np.int64)
    for v in range(nv):
        if brief and up and down:
            return True
        if sign[v] != 2:
            continue
        count = _rows_at(Z, v, ids, rows)
        if V[v, d + 1] == 0.0:
            _solve(w.F, V, v, rows, count, w.scratch, w.modular[0], w.tally)
        s = w.F[j, d]
        for c in range(d):
            s += w.F[j, c] * V[v, c]
        e = w.F[j, d + 1] + w.F[j, d + 2] * V[v, d]
        if not brief:
            value[v], bound[v] = s, e
        if s > e:
            sign[v] = 1
        elif s < -e:
            sign[v] = -1
        elif careful:
            sign[v] = _exact_sign(p, w, rows, count, j)
            if sign[v] == 2:
                return False
        else:
            w.tally[EXACT] += 1
            sign[v] = 0
        up = up or sign[v] == 1
        down = down or sign[v] == -1
    return True


# -- cells ----------------------------------------------------------------------------
@njit
def _bounding_box(box: Floats, V: Floats, nv: int, around: Floats) -> None:
    """Write center and half sides of a box that holds the true cell."""
    d = box.shape[1]
    for c in range(d):
        lo, hi = np.inf, -np.inf
        for v in range(nv):
            low, high = V[v, c] - V[v, d], V[v, c] + V[v, d]
            # a vertex of unknown radius is in the domain all the same; so is NaN, which min() and max() would swallow
            lo = min(lo, low if low > box[0, c] else box[0, c])
            hi = max(hi, high if high < box[1, c] else box[1, c])
        x = 0.5 * (lo + hi)
        around[0, c] = x
        around[1, c] = max(hi - x, x - lo) * UP + 4.0 * U * max(abs(lo), abs(hi)) + TINY


@njit
def _signs(F: Floats, V: Floats, nv: int, j: int, sign: Signs, tally: Ints) -> int:
    """Take the signs of row j at the vertices that floats prove; 2 stands for an open one.

    Returns 2 as soon as both signs are seen, else 3 if some are open, else 1 (positive) or 0.
    """
    d = V.shape[1] - 2
    up = down = False
    open_ends = False
    for v in range(nv):
        value = F[j, d]
        for c in range(d):
            value += F[j, c] * V[v, c]
        bound = F[j, d + 1] + F[j, d + 2] * V[v, d]
        if value > bound:
            sign[v] = 1
            up = True
        elif value < -bound:
            sign[v] = -1
            down = True
        else:
            sign[v] = 2
            open_ends = True
        if up and down:
            tally[SIGNS] += v + 1
            return 2
    tally[SIGNS] += nv
    return 3 if open_ends else (1 if up else 0)


@njit
def _sides(F: Floats, V: Floats, nv: int, j: int, sign: Signs, value: Floats, bound: Floats, tally: Ints) -> bool:
    """Take the sign, the float value and its bound of row j at every vertex; True if all are proved."""
    d = V.shape[1] - 2
    proved = True
    for v in range(nv):
        s = F[j, d]
        for c in range(d):
            s += F[j, c] * V[v, c]
        e = F[j, d + 1] + F[j, d + 2] * V[v, d]
        value[v], bound[v] = s, e
        if s > e:
            sign[v] = 1
        elif s < -e:
            sign[v] = -1
        else:
            sign[v] = 2
            proved = False
    tally[SIGNS] += nv
    return proved


@njit
def _decide_layer(
    G: Floats, F: Floats, around: Floats, first: int, last: int, bits: Bits, listed: Ints, tally: Ints
) -> int:
    """Set the bits of a layer that a box around the cell decides; list the other neurons."""
    d = around.shape[1]
    for i in range(first, last):
        G[d + VALUE, i] = G[d, i]
        G[d + SPREAD, i] = 0.0
    for c in range(d):
        x, h = around[0, c], around[1, c]
        for i in range(first, last):
            G[d + VALUE, i] += G[c, i] * x
            G[d + SPREAD, i] += abs(G[c, i]) * h
    kappa = (d + 3) * U * UP
    count = 0
    tally[SIGNS] += last - first
    bits[2, first:last] = 0
    for i in range(first, last):
        value = G[d + VALUE, i]
        bound = (G[d + SPREAD, i] + G[d + ERR, i] + kappa * G[d + SIZE, i]) * UP + (2 * d + 4) * TINY
        known = LOW < G[d + SIZE, i] < HIGH
        if known and value > bound:
            bits[0, i] = 1
        elif known and value < -bound:
            bits[0, i] = 0
        else:
            listed[count] = i
            count += 1
            _list_row(G, F, d, i)
            F[i, d + 4] = value
    return count


@njit
def _filter(F: Floats, around: Floats, bits: Bits, listed: Ints, count: int, tally: Ints) -> int:
    """Set the bits of listed neurons that a box around the cell decides; keep the other ones."""
    d = around.shape[1]
    left = 0
    tally[SIGNS] += count
    for q in range(count):
        i = listed[q]
        value, spread = F[i, d], 0.0
        for c in range(d):
            value += F[i, c] * around[0, c]
            spread += abs(F[i, c]) * around[1, c]
        bound = spread * UP + F[i, d + 1]
        if value > bound:
            bits[0, i] = 1
        elif value < -bound:
            bits[0, i] = 0
        else:
            F[i, d + 4] = value
            listed[left] = i
            left += 1
    return left


@njit
def _range(F: Floats, V: Floats, nv: int, j: int, ends: Floats) -> None:
    """Write bounds of row j over the cell; NaN if there are none."""
    d = V.shape[1] - 2
    low, high = np.inf, -np.inf
    for v in range(nv):
        s = F[j, d]
        for c in range(d):
            s += F[j, c] * V[v, c]
        e = F[j, d + 1] + F[j, d + 2] * V[v, d]
        if not e < np.inf:
            low, high = np.nan, np.nan
            break
        low, high = min(low, s - e), max(high, s + e)
    ends[0], ends[1] = low - 4.0 * U * abs(low) - TINY, high + 4.0 * U * abs(high) + TINY


@njit
def _relax(R: Floats, d: int, box: Floats, j: int, low: float, high: float) -> None:
    """Turn the form of row j, between low < 0 < high on the cell, into one of its ReLU, with an error."""
    slope = high / (high - low)
    strip = max(-slope * low, (1.0 - slope) * high) * UP + TINY
    R[d + ERR, j] = (slope * R[d + ERR, j] + 0.5 * strip + 4.0 * U * (R[d + SIZE, j] + strip)) * UP + (d + 4) * TINY
    size = 0.0
    for c in range(d):
        R[c, j] *= slope
        reach = max(abs(box[0, c]), abs(box[1, c]))
        R[d + ERR, j] += LEAST * reach
        size += abs(R[c, j]) * reach
    R[d, j] = slope * R[d, j] + 0.5 * strip
    R[d + SIZE, j] = (size + abs(R[d, j])) * UP
    R[d + ERR, j] *= UP


@njit
def _strip(
    R: Floats, d: int, box: Floats, F: Floats, V: Floats, nv: int, j: int, active: Bits, ends: Floats
) -> bool:
    """Set the bit of neuron j by its range on the cell, and widen its form if it takes both signs; False: no range."""
    _range(F, V, nv, j, ends)
    if not ends[1] < np.inf:
        return False
    active[0, j] = ends[1] > 0.0
    if ends[0] < 0.0 and ends[1] > 0.0:
        _relax(R, d, box, j, ends[0], ends[1])
    return True


@njit
def _refuted(layer_neuron: Ints, groups: Ints, F: Floats, V: Floats, nv: int) -> bool:
    """Tell whether every group of rows of the last layer has one that is positive on the whole cell."""
    ends = np.empty(2)
    base = layer_neuron[-2]
    for g in range(groups.shape[0] - 1):
        found = False
        for j in range(base + groups[g], base + groups[g + 1]):
            _range(F, V, nv, j, ends)
            if ends[0] > 0.0:
                found = True
                break
        if not found:
            return False
    return True


@njit
def _refuted_by_strips(
    layer_neuron: Ints, layer_block: Ints, block: Ints, columns: Floats, sparse_ptr: Ints, sparse_row: Ints,
    bias: Floats, inexact: Floats, box: Floats, G: Floats, F: Floats, made: Floats, bits: Bits, listed: Ints,
    count: int, V: Floats, nv: int, layer: int, groups: Ints,
    R: Floats, relaxed: Floats, active: Bits, state: Ints, tally: Ints,
) -> bool:
    """Tell the same of a cell that enters a layer: ``listed`` are its neurons that may take both signs."""
    d = box.shape[1]
    layers = layer_neuron.shape[0] - 1
    ends = np.empty(2)
    last = layer_neuron[layer + 1]
    for c in range(d + SIZE + 1):
        R[c, :last] = G[c, :last]
    active[0, :last] = bits[0, :last]
    for q in range(count):
        if not _strip(R, d, box, F, V, nv, listed[q], active, ends):
            return False
    for m in range(layer + 1, layers):
        state[USABLE, m] = 0
        _sum_layer(
            layer_neuron, layer_block, block, columns, sparse_ptr, sparse_row, bias, inexact, box, R, made, active,
            state, tally, m,
        )  # fmt: skip
        first, last = layer_neuron[m], layer_neuron[m + 1]
        for j in range(first, last):
            _list_row(R, relaxed, d, j)
            if m < layers - 1 and not _strip(R, d, box, relaxed, V, nv, j, active, ends):
                return False
    result: bool = _refuted(layer_neuron, groups, relaxed, V, nv)
    return result


@njit
def _free_slot(Z: Words, nv: int, used: Words, d: int) -> int:
    """Return a free slot, after dropping constraints that hold no facet any more if needed; -1 if there is none."""
    for turn in range(2):
        for k in range(used.shape[0]):
            free = ~used[k]
            if free != 0:
                slot: int = 64 * k + _position(free)
                return slot
        if turn == 0:
            for k in range(used.shape[0]):
                for b in range(64):
                    bit = np.uint64(1) << np.uint64(b)
                    seen = 0
                    for v in range(nv):
                        if Z[v, k] & bit:
                            seen += 1
                    if seen < d:
                        used[k] &= ~bit
                        for v in range(nv):
                            Z[v, k] &= ~bit
    return -1


@njit
def _find_edges(Z: Words, nv: int, sign: npt.NDArray[np.int8], d: int, pairs: Ints) -> int:
    """List the edges of the cell from a positive to a negative vertex.

    Two vertices are joined iff the rows that vanish on both vanish at no third one; where one of the two lies on
    exactly d rows, d - 1 common ones suffice.
    """
    words = Z.shape[1]
    found = 0
    for u in range(nv):
        if sign[u] != 1:
            continue
        own = 0
        for k in range(words):
            own += _popcount(Z[u, k])
        only = Z[u, 0]
        for v in range(nv):
            if sign[v] != -1:
                continue
            common = _popcount(only & Z[v, 0])
            for k in range(1, words):
                common += _popcount(Z[u, k] & Z[v, k])
            if common < d - 1:
                continue
            joined = own == d
            if not joined:
                other = 0
                for k in range(words):
                    other += _popcount(Z[v, k])
                joined = other == d
            if not joined:
                joined = True
                for z in range(nv):
                    if z != u and z != v:
                        inside = True
                        for k in range(words):
                            both = Z[u, k] & Z[v, k]
                            if (Z[z, k] & both) != both:
                                inside = False
                                break
                        if inside:
                            joined = False
                            break
            if joined:
                pairs[found, 0] = u
                pairs[found, 1] = v
                found += 1
    return found


@njit
def _new_vertices(
    F: Floats, V: Floats, Z: Words, ids: Ints, pairs: Ints, found: int, nv: int, j: int, slot: int, value: Floats,
    bound: Floats, scale: float, rows: Ints, scratch: Floats, swapped: Ints,
    tally: Ints,
) -> None:
    """Append the vertices where row j vanishes on edges from positive to negative vertices."""
    d, words = V.shape[1] - 2, Z.shape[1]
    bit = np.uint64(1) << np.uint64(slot % 64)
    for q in range(found):
        u, v, at = pairs[q, 0], pairs[q, 1], nv + q
        for end in (u, v):
            if V[end, d] > scale * STALE and V[end, d + 1] == 0.0:
                _solve(F, V, end, rows, _rows_at(Z, end, ids, rows), scratch, swapped, tally)
                value[end] = F[j, d]
                for c in range(d):
                    value[end] += F[j, c] * V[end, c]
                bound[end] = F[j, d + 1] + F[j, d + 2] * V[end, d]
        for k in range(words):
            Z[at, k] = Z[u, k] & Z[v, k]
        Z[at, slot // 64] |= bit
        part = value[u] / (value[u] - value[v])
        if not (part >= 0.0 and part <= 1.0):
            part = 0.5
        h = F[j, d]
        length = 0.0
        for c in range(d):
            side = V[v, c] - V[u, c]
            length = max(length, abs(side))
            V[at, c] = V[u, c] + part * side
            h += F[j, c] * V[at, c]
        length = (length + V[u, d] + V[v, d]) * UP + TINY
        near = max(V[u, d], V[v, d]) + scale * 2.0**-50 + TINY
        drop = max(value[u] - bound[u], 0.0) + max(-value[v] - bound[v], 0.0)
        radius = (near + (abs(h) + F[j, d + 1] + F[j, d + 2] * near) * UP / drop * length) * UP + TINY
        V[at, d + 1] = 0.0
        if radius < scale * POOR:
            V[at, d] = radius
        else:
            _solve(F, V, at, rows, _rows_at(Z, at, ids, rows), scratch, swapped, tally)


class Slices(NamedTuple):
    """Room for a chain of slices, one in another: vertices, incidence, rows that cut, their number, vertices."""

    V: Floats
    Z: Words
    rows: Ints
    left: Ints
    vertices: Ints


@njit
def _count_parts(
    p: Any, w: Any, slices: Any, ids: Ints, slots: Ints, careful: bool, scale: float, sign: Signs, value: Floats,
    bound: Floats, pairs: Ints, near_rows: Ints, swapped: Ints,
) -> int:
    """Count the parts into which the rows of the outermost slice, a cell, cut it; all of them take both signs there.

    Deletion and restriction: a row adds as many parts as the rows before it cut its slice into, and none if one of
    them vanishes on the whole slice. A slice is a polytope of one dimension less, with vertices like any other.
    Returns -1 if no basis was found, and -2 - v if there must be room for v vertices.
    """
    F, tally, nothing = w.F, w.tally, np.empty(0)
    d = slices.V.shape[2] - 2
    parts, level, most = 1, 0, sign.shape[0]
    while level >= 0:
        if slices.left[level] == 0:
            level -= 1
            continue
        slices.left[level] -= 1
        before, j = slices.left[level], slices.rows[level, slices.left[level]]
        if before == 0:
            parts += 1
            continue
        V, Z, nv = slices.V[level], slices.Z[level], slices.vertices[level]
        if not _sides(F, V, nv, j, sign, value, bound, tally):
            if not _resolve(p, w, V, Z, ids, nv, j, careful, sign, value, bound):
                return -1
        above = below = 0
        for v in range(nv):
            above += sign[v] == 1
            below += sign[v] == -1
        if nv + above * below > most:
            return -2 - int(nv) - above * below
        found = _find_edges(Z, nv, sign, d, pairs)
        slot = slots[level]
        bit = np.uint64(1) << np.uint64(slot % 64)
        ids[slot] = j
        _new_vertices(
            F, V, Z, ids, pairs, found, nv, j, slot, value, bound, scale, near_rows, w.scratch, swapped, tally
        )
        inner, masks, size = slices.V[level + 1], slices.Z[level + 1], 0
        for v in range(nv + found):
            if v >= nv or sign[v] == 0:
                for c in range(d + 2):
                    inner[size, c] = V[v, c]
                for k in range(Z.shape[1]):
                    masks[size, k] = Z[v, k]
                masks[size, slot // 64] |= bit
                size += 1
        cutting, twice = 0, False
        for q in range(before):
            i = slices.rows[level, q]
            verdict = _signs(F, inner, size, i, sign, tally)
            if verdict == 3:
                if not _resolve(p, w, inner, masks, ids, size, i, careful, sign, nothing, nothing):
                    return -1
                up = down = False
                for v in range(size):
                    up = up or sign[v] == 1
                    down = down or sign[v] == -1
                if not (up or down):
                    twice = True
                    break
                verdict = 2 if up and down else 0
            if verdict == 2:
                slices.rows[level + 1, cutting] = i
                cutting += 1
        if not twice:
            parts += 1
            level += 1
            slices.left[level], slices.vertices[level] = cutting, size
    return parts


@njit
def _facets(
    Z: Words, nv: int, ids: Ints, used: Words, counts: Ints, facet_rows: Ints, group_size: Ints
) -> int:
    """List the facets of a finished cell: groups of rows with equal sets of vertices that no other set contains.

    Every facet stands in some slot, and every smaller face is properly contained in a facet. Groups are sorted, each by
    row and all by their first row.
    """
    words = Z.shape[1]
    for s in range(64 * words):
        counts[s] = 0
    for v in range(nv):
        for k in range(words):
            word = Z[v, k]
            while word != 0:
                counts[64 * k + _position(word)] += 1
                word &= word - np.uint64(1)
    groups = 0
    total = 0
    around, around_rows = np.empty(words, dtype=np.uint64), np.empty(64 * words, dtype=np.int64)
    for s in range(64 * words):
        if counts[s] == 0 or not (used[s // 64] >> np.uint64(s % 64)) & np.uint64(1):
            continue
        for k in range(words):
            around[k] = ~np.uint64(0)
        for v in range(nv):
            if (Z[v, s // 64] >> np.uint64(s % 64)) & np.uint64(1):
                for k in range(words):
                    around[k] &= Z[v, k]
        proper = True
        size = 0
        for k in range(words):
            word = around[k]
            while word != 0:
                t = 64 * k + _position(word)
                # a larger set, or an equal one that was listed before
                if counts[t] != counts[s] or t < s:
                    proper = False
                at = size
                while at > 0 and facet_rows[total + at - 1] > ids[t]:
                    facet_rows[total + at] = facet_rows[total + at - 1]
                    at -= 1
                facet_rows[total + at] = ids[t]
                size += 1
                word &= word - np.uint64(1)
        if not proper:
            continue
        # bring the group to its place among those before it
        group = groups
        start = total
        while group > 0 and facet_rows[start - group_size[group - 1]] > facet_rows[total]:
            group -= 1
            start -= group_size[group]
        if start < total:
            for q in range(size):
                around_rows[q] = facet_rows[total + q]
            for q in range(total - 1, start - 1, -1):
                facet_rows[q + size] = facet_rows[q]
            for q in range(size):
                facet_rows[start + q] = around_rows[q]
            for g in range(groups, group, -1):
                group_size[g] = group_size[g - 1]
        group_size[group] = size
        total += size
        groups += 1
    return groups


@njit
def _workspace(p: Any, bits: Bits) -> Any:
    neurons, d = p.layer_neuron[-1], p.box.shape[1]
    rows, layers = neurons + p.walls.shape[0], p.inexact.shape[0]
    w = Work(
        np.zeros((d + ROWS, rows)),
        np.zeros((rows, d + 5)),
        np.zeros((d + 3, p.copies)),
        np.zeros((3, neurons), dtype=np.uint8),
        np.zeros((4, layers + 1), dtype=np.int64),
        np.empty((p.primes.shape[0], rows, d + 1), dtype=np.int64),
        np.zeros((4, rows), dtype=np.int64),
        np.empty(p.read_source.shape[0] + 1, dtype=np.int64),
        np.zeros(neurons // 64 + 1, dtype=np.uint64),
        np.zeros(neurons, dtype=np.int64),
        np.zeros((d, d + 2)),
        np.zeros((d + 2, d + 1), dtype=np.int64),
        np.zeros(TALLIES + layers, dtype=np.int64),
    )
    w.read[-1] = 0
    for i in range(neurons):
        w.bits[0, i], w.bits[2, i] = bits[i] & 1, bits[i] >> 1
    w.known[HOME, neurons:] = layers
    for layer in range(layers):
        w.known[HOME, p.layer_neuron[layer] : p.layer_neuron[layer + 1]] = layer
    for i in range(neurons, rows):
        for c in range(d + 1):
            w.G[c, i] = p.walls[i - neurons, c]
        size = abs(w.G[d, i])
        for c in range(d):
            size += abs(w.G[c, i]) * max(abs(p.box[0, c]), abs(p.box[1, c]))
        w.G[d + ERR, i] = p.wall_error[i - neurons]
        w.G[d + SIZE, i] = size * UP
        _list_row(w.G, w.F, d, i)
    return w


@njit
def _longer(array: Any, size: int) -> Any:
    """Return a copy with room for at least ``size`` entries along the first axis."""
    if array.ndim == 1:
        longer = np.empty(max(size, 2 * array.shape[0]), dtype=array.dtype)
    else:
        longer = np.empty((max(size, 2 * array.shape[0]), array.shape[1]), dtype=array.dtype)
    longer[: array.shape[0]] = array
    return longer


@njit
def _save_frame(
    V: Floats, Z: Words, ids: Ints, used: Words, kept: Ints, nv: int, listed: Ints, count: int, at: Ints, ints: Ints,
    floats: Floats, masks: Words,
) -> None:
    """Write a cell's kept vertices, its constraints and its list at the given places of the stack."""
    words, slots = Z.shape[1], ids.shape[0]
    for k in range(words):
        for s in range(64 * k, 64 * (k + 1)):
            if used[k] >> np.uint64(s - 64 * k) == 0:
                break
            ints[at[0] + HEADER + s] = ids[s]
    for q in range(count):
        ints[at[0] + HEADER + slots + q] = listed[q]
    for k in range(words):
        masks[at[2] + k] = used[k]
    for i in range(nv):
        v = kept[i]
        for c in range(V.shape[1]):
            floats[at[1] + i * V.shape[1] + c] = V[v, c]
        for k in range(words):
            masks[at[2] + (i + 1) * words + k] = Z[v, k]


@njit
def subdivide(
    p: Any, start_bits: Bits, words: int, starts: Ints, ints: Ints, floats: Floats, masks: Words, budget: int,
    listing: bool, careful: bool, groups: Ints,
) -> Any:
    """Work off a stack of cells, depth first, until it is empty or the budget is spent.

    A frame is a cell with the neurons of its layer that may still cut it: ``ints`` holds (layer, vertices, length of
    the list or -1 before the layer has begun, neuron whose bit to set or -1, that bit), the slots, the list; ``masks``
    holds the used slots and the incidence of every vertex; ``starts`` (frames, 3) says where each begins.

    With ``listing`` every region's packed pattern and facets are returned. Without ``careful`` a sign that floats
    cannot prove is guessed: for measuring what exactness costs, and nothing else. With a goal, rows ``groups[g] ..
    groups[g + 1] - 1`` of the last layer are a group; the regions are those of the layers before it that may be of
    interest.

    Returns
    -------
    code : DONE, LEFT (the budget is spent), CROWDED (more words are needed: start again), STUCK (no basis found)
    tally, bits, starts, ints, floats, masks
        The counts, and the stack that is left; a bit is 2 where the form is identically zero.
    packed, facet_count, group_size, facet_rows, zero_count, zero_rows
        The regions in the order in which they were found, with the rows that vanish on each facet and on the whole
        region.
    """
    d, layers, neurons = p.box.shape[1], p.inexact.shape[0], p.layer_neuron[-1]
    slots, size = 64 * words, d + 2
    w = _workspace(p, start_bits)
    frames = starts.shape[0]
    deepest = -1
    for f in range(frames):
        layer = ints[starts[f, 0] + LAYER]
        deepest = max(deepest, layer if ints[starts[f, 0] + LISTED] >= 0 else layer - 1)
    layer_neuron, layer_block, block, columns = p.layer_neuron, p.layer_block, p.block, p.columns
    sparse_ptr, sparse_row, bias, inexact, box = p.sparse_ptr, p.sparse_row, p.bias, p.inexact, p.box
    G, F, made, bits, state, scratch, tally = w.G, w.F, w.made, w.bits, w.state, w.scratch, w.tally
    for layer in range(deepest + 1):
        _sum_layer(
            layer_neuron, layer_block, block, columns, sparse_ptr, sparse_row, bias, inexact, box, G, made, bits, state,
            tally, layer,
        )  # fmt: skip
        for i in range(layer_neuron[layer], layer_neuron[layer + 1]):
            _list_row(G, F, d, i)
    scale = 0.0
    for c in range(d):
        scale = max(scale, max(abs(box[0, c]), abs(box[1, c])))
    starts, ints, floats, masks = starts.copy(), ints.copy(), floats.copy(), masks.copy()
    end = np.array([ints.shape[0], floats.shape[0], masks.shape[0]])
    room = 64
    V, Z = np.empty((room, size)), np.empty((room, words), dtype=np.uint64)
    value, bound, sign = np.empty(room), np.empty(room), np.empty(room, dtype=np.int8)
    few = Slices(
        np.empty((d + 1, room, size)), np.empty((d + 1, room, words), dtype=np.uint64),
        np.empty((d + 1, FEW), dtype=np.int64), np.empty(d + 1, dtype=np.int64), np.empty(d + 1, dtype=np.int64),
    )  # fmt: skip
    few_sign, few_value, few_bound = np.empty(room, dtype=np.int8), np.empty(room), np.empty(room)
    few_pairs, slots_free = np.empty((room, 2), dtype=np.int64), np.empty(d, dtype=np.int64)
    kept = np.empty(room, dtype=np.int64)
    pairs = np.empty((64, 2), dtype=np.int64)
    ids, used = np.zeros(slots, dtype=np.int64), np.zeros(words, dtype=np.uint64)
    listed, near_rows = np.empty(neurons + 1, dtype=np.int64), np.empty(slots, dtype=np.int64)
    swapped = np.empty(d, dtype=np.int64)
    around, nothing = np.empty((2, d)), np.empty(0)
    counts, group_size = np.empty(slots, dtype=np.int64), np.empty(slots, dtype=np.int64)
    facet_rows = np.empty(slots * slots, dtype=np.int64) if listing else np.empty(0, dtype=np.int64)
    width = (neurons + 7) // 8
    all_packed, all_counts = np.zeros((1, width), dtype=np.uint8), np.empty(1, dtype=np.int64)
    all_sizes, all_rows = np.empty(1, dtype=np.int64), np.empty(1, dtype=np.int64)
    zero_counts, zero_rows = np.empty(1, dtype=np.int64), np.empty(1, dtype=np.int64)
    regions = facets = rows = zeros = 0
    nv = count = layer = 0
    code = DONE
    busy = worked = False
    goal = groups.shape[0] > 1
    cut_layers = layers - 1 if goal else layers
    R, relaxed = np.empty((d + ROWS, G.shape[1] if goal else 0)), np.empty((G.shape[1] if goal else 0, d + 5))
    strip_made = np.zeros_like(made) if goal else made[:, :0]
    active, strips = np.zeros((3, neurons if goal else 0), dtype=np.uint8), np.zeros_like(state)
    tried, dropped = np.zeros(layers, dtype=np.int64), np.zeros(layers, dtype=np.int64)
    while True:
        if not busy:
            if frames == 0:
                break
            if worked and tally[SIGNS] + tally[PRODUCTS] // 4 + 100 * tally[EXACT] > budget:
                code = LEFT
                break
            worked = True
            frames -= 1
            a, b, m = starts[frames]
            end[0], end[1], end[2] = a, b, m
            layer, nv, count = ints[a + LAYER], ints[a + VERTICES], ints[a + LISTED]
            if ints[a + NEURON] >= 0:
                bits[0, ints[a + NEURON]] = ints[a + BIT]
            if nv > room:
                room = 2 * nv
                V, Z = np.empty((room, size)), np.empty((room, words), dtype=np.uint64)
                value, bound, sign = np.empty(room), np.empty(room), np.empty(room, dtype=np.int8)
                kept = np.empty(room, dtype=np.int64)
            for q in range(count):
                listed[q] = ints[a + HEADER + slots + q]
            for k in range(words):
                used[k] = masks[m + k]
                for s in range(64 * k, 64 * (k + 1)):
                    if used[k] >> np.uint64(s - 64 * k) == 0:
                        break
                    ids[s] = ints[a + HEADER + s]
            for v in range(nv):
                for c in range(size):
                    V[v, c] = floats[b + v * size + c]
                for k in range(words):
                    Z[v, k] = masks[m + (v + 1) * words + k]
            busy = True
        if layer == cut_layers:
            if goal:
                _sum_layer(
                    layer_neuron, layer_block, block, columns, sparse_ptr, sparse_row, bias, inexact, box, G, made,
                    bits, state, tally, layer,
                )  # fmt: skip
                for i in range(layer_neuron[layer], neurons):
                    _list_row(G, F, d, i)
                if _refuted(layer_neuron, groups, F, V, nv):
                    busy = False
                    continue
                tally[TALLIES + layer] += 1
            if listing:
                if regions == all_packed.shape[0]:
                    all_packed, all_counts = _longer(all_packed, 0), _longer(all_counts, 0)
                    zero_counts = _longer(zero_counts, 0)
                for k in range(width):
                    all_packed[regions, k] = 0
                for i in range(neurons):
                    all_packed[regions, i // 8] |= bits[0, i] << (7 - i % 8)
                found = _facets(Z, nv, ids, used, counts, facet_rows, group_size)
                total = 0
                for g in range(found):
                    total += group_size[g]
                if facets + found > all_sizes.shape[0]:
                    all_sizes = _longer(all_sizes, facets + found)
                if rows + total > all_rows.shape[0]:
                    all_rows = _longer(all_rows, rows + total)
                all_sizes[facets : facets + found] = group_size[:found]
                all_rows[rows : rows + total] = facet_rows[:total]
                all_counts[regions] = found
                before = zeros
                for i in range(neurons):
                    if bits[2, i] == 1:
                        if zeros == zero_rows.shape[0]:
                            zero_rows = _longer(zero_rows, 0)
                        zero_rows[zeros] = i
                        zeros += 1
                zero_counts[regions] = zeros - before
                facets += found
                rows += total
            regions += 1
            busy = False
            continue
        _bounding_box(box, V, nv, around)
        if count < 0:
            if layer > 0 or state[USABLE, 0] == 0:
                _sum_layer(
                    layer_neuron, layer_block, block, columns, sparse_ptr, sparse_row, bias, inexact, box, G, made,
                    bits, state, tally, layer,
                )  # fmt: skip
            first, last = layer_neuron[layer], layer_neuron[layer + 1]
            count = _decide_layer(G, F, around, first, last, bits, listed, tally)
            # where strips hardly ever help they are tried on one cell in sixteen
            if goal and (50 * dropped[layer] >= tried[layer] - 64 or tally[SIGNS] % 16 == 0):
                tried[layer] += 1
                if _refuted_by_strips(
                    layer_neuron, layer_block, block, columns, sparse_ptr, sparse_row, bias, inexact, box, G, F,
                    strip_made, bits, listed, count, V, nv, layer, groups, R, relaxed, active, strips, tally,
                ):  # fmt: skip
                    dropped[layer] += 1
                    busy = False
                    continue
        else:
            count = _filter(F, around, bits, listed, count, tally)
        left, chosen, closest = 0, -1, np.inf
        for q in range(count):
            j = listed[q]
            verdict = _signs(F, V, nv, j, sign, tally)
            if verdict == 3:
                if G[d + SIZE, j] <= F[j, d + 1]:
                    # no float can tell this row from zero
                    if _is_zero_row(p, w, j) if careful else G[d + SIZE, j] == 0.0:
                        bits[0, j], bits[2, j] = 0, 1
                        continue
                if not _resolve(p, w, V, Z, ids, nv, j, careful, sign, nothing, nothing):
                    code = STUCK
                    break
                verdict = 0
                down = False
                for v in range(nv):
                    if sign[v] == 1:
                        verdict = 1
                    elif sign[v] == -1:
                        down = True
                if verdict == 1 and down:
                    verdict = 2
            if verdict == 2:
                listed[left] = j
                near = abs(F[j, d + 4]) / F[j, d + 2]
                if chosen < 0 or near < closest:
                    chosen, closest = left, near
                left += 1
                continue
            bits[0, j] = verdict
            if listing:
                touched = 0
                for v in range(nv):
                    touched += sign[v] == 0
                bits[2, j] = touched == nv
                if d <= touched < nv:
                    # it touches and may hold a facet together with another row
                    slot = _free_slot(Z, nv, used, d)
                    if slot < 0:
                        code = CROWDED
                        break
                    ids[slot] = j
                    bit = np.uint64(1) << np.uint64(slot % 64)
                    used[slot // 64] |= bit
                    for v in range(nv):
                        if sign[v] == 0:
                            Z[v, slot // 64] |= bit
        if code != DONE:
            break
        if left == 0:
            tally[TALLIES + layer] += 1
            layer += 1
            count = -1
            continue
        if layer == layers - 1 and not listing and not goal and left <= FEW:
            # the parts of the last layer are regions: they are counted, not made
            for k in range(d):
                slots_free[k] = _free_slot(Z, nv, used, d)
                if slots_free[k] < 0:
                    code = CROWDED
                    break
                used[slots_free[k] // 64] |= np.uint64(1) << np.uint64(slots_free[k] % 64)
            if code != DONE:
                break
            parts = -2 - 2 * nv
            while parts < -1:
                if -parts > few.V.shape[1]:
                    most = 2 * (-2 - parts)
                    few = Slices(
                        np.empty((d + 1, most, size)), np.empty((d + 1, most, words), dtype=np.uint64),
                        few.rows, few.left, few.vertices,
                    )  # fmt: skip
                    few_sign, few_value, few_bound = np.empty(most, dtype=np.int8), np.empty(most), np.empty(most)
                    few_pairs = np.empty((most, 2), dtype=np.int64)
                few.V[0, :nv], few.Z[0, :nv], few.rows[0, :left] = V[:nv], Z[:nv], listed[:left]
                few.left[0], few.vertices[0] = left, nv
                parts = _count_parts(
                    p, w, few, ids, slots_free, careful, scale, few_sign, few_value, few_bound, few_pairs, near_rows,
                    swapped,
                )  # fmt: skip
            if parts < 0:
                code = STUCK
                break
            tally[CUTS] += parts - 1
            tally[TALLIES + layer] += parts
            regions += parts
            busy = False
            continue
        j = listed[chosen]
        listed[chosen] = listed[left - 1]
        count = left - 1
        tally[CUTS] += 1
        if not _sides(F, V, nv, j, sign, value, bound, tally):
            if not _resolve(p, w, V, Z, ids, nv, j, careful, sign, value, bound):
                code = STUCK
                break
        above = below = 0
        for v in range(nv):
            above += sign[v] == 1
            below += sign[v] == -1
        slot = _free_slot(Z, nv, used, d)
        if slot < 0:
            code = CROWDED
            break
        if above * below > pairs.shape[0]:
            pairs = np.empty((2 * above * below, 2), dtype=np.int64)
        found = _find_edges(Z, nv, sign, d, pairs)
        if nv + found > room:
            room = 2 * (nv + found)
            V, Z, value, bound, sign, kept = (
                _longer(V, room), _longer(Z, room), _longer(value, room), _longer(bound, room), _longer(sign, room),
                _longer(kept, room),
            )  # fmt: skip
            room = kept.shape[0]
        bit = np.uint64(1) << np.uint64(slot % 64)
        ids[slot] = j
        used[slot // 64] |= bit
        for v in range(nv):
            if sign[v] == 0:
                Z[v, slot // 64] |= bit
        _new_vertices(F, V, Z, ids, pairs, found, nv, j, slot, value, bound, scale, near_rows, scratch, swapped, tally)
        for q in range(found):
            sign[nv + q] = 0
        nv += found
        # the positive part waits on the stack
        size_up = 0
        for v in range(nv):
            if sign[v] >= 0:
                kept[size_up] = v
                size_up += 1
        if frames == starts.shape[0]:
            starts = _longer(starts, 16)
        starts[frames, 0], starts[frames, 1], starts[frames, 2] = end[0], end[1], end[2]
        a = end[0]
        last = end + np.array([HEADER + slots + count, size_up * size, (size_up + 1) * words])
        if last[0] > ints.shape[0]:
            ints = _longer(ints, last[0])
        if last[1] > floats.shape[0]:
            floats = _longer(floats, last[1])
        if last[2] > masks.shape[0]:
            masks = _longer(masks, last[2])
        ints[a + LAYER], ints[a + VERTICES], ints[a + LISTED] = layer, size_up, count
        ints[a + NEURON], ints[a + BIT] = j, 1
        _save_frame(V, Z, ids, used, kept, size_up, listed, count, end, ints, floats, masks)
        end = last
        frames += 1
        # and the negative part goes on
        bits[0, j] = 0
        size_down = 0
        for v in range(nv):
            if sign[v] <= 0:
                if size_down != v:
                    for c in range(size):
                        V[size_down, c] = V[v, c]
                    for k in range(words):
                        Z[size_down, k] = Z[v, k]
                size_down += 1
        nv = size_down
    return (
        code, tally, bits[0] | (bits[2] << np.uint8(1)), starts[:frames].copy(), ints[: end[0]].copy(),
        floats[: end[1]].copy(), masks[: end[2]].copy(), all_packed[:regions].copy(), all_counts[:regions].copy(),
        all_sizes[:facets].copy(), all_rows[:rows].copy(), zero_counts[:regions].copy(), zero_rows[:zeros].copy(),
    )  # fmt: skip


@njit
def cross_facets(
    p: Any, packed: Bits, region: Ints, start: Ints, vanishing: Ints, out: Bits
) -> None:
    """Write the packed pattern across each of some facets (the germ rule of :meth:`polyrelu.ReluNetwork.cross`).

    Facet m of ``region[m]`` leads across the neurons ``vanishing[start[m] : start[m + 1]]``, ascending: all that
    vanish on the facet or on the whole region; the first one with a form that is not zero on the region is given by
    the last entry. With v the outward normal, each takes the sign of its derivative along v on the pattern that is
    already updated: the sign of an inner product of integer rows, from residues.
    """
    d, neurons, layers = p.box.shape[1], p.layer_neuron[-1], p.inexact.shape[0]
    w = _workspace(p, np.zeros(neurons, dtype=np.uint8))
    normal = np.empty((p.primes.shape[0], d), dtype=np.int64)
    digits = np.empty(p.primes.shape[0], dtype=np.int64)
    for m in range(region.shape[0]):
        for i in range(neurons):
            w.bits[0, i] = (packed[region[m], i // 8] >> (7 - i % 8)) & 1
        for layer in range(layers):
            w.state[VERSION, layer] += 1
        lead = vanishing[start[m + 1] - 1]
        most = 0.0
        for q in range(start[m], start[m + 1] - 1):
            most = max(most, p.size_bits[vanishing[q]])
        need = _primes_for(most + p.size_bits[lead] + np.log2(d + 1.0))
        _need_rows(p, w, lead, need)
        inside = w.bits[0, lead] == 1
        for i in range(need):
            for c in range(d):
                r = w.residue[i, lead, c]
                normal[i, c] = p.primes[i] - r if inside and r != 0 else r
        for q in range(start[m], start[m + 1] - 1):
            k = vanishing[q]
            _need_rows(p, w, k, need)
            for i in range(need):
                total = 0
                for c in range(d):
                    total = (total + normal[i, c] * w.residue[i, k, c]) % p.primes[i]
                digits[i] = total
            new = 1 if _residue_sign(digits, need, p.primes) > 0 else 0
            if w.bits[0, k] != new:
                w.bits[0, k] = new
                for layer in range(w.known[HOME, k] + 1, layers):
                    w.state[VERSION, layer] += 1
        for i in range(neurons):
            out[m, i // 8] |= w.bits[0, i] << (7 - i % 8)
