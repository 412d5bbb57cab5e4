"""The float side of global training: a small interior point method, its certified bound, and the search loop.

Every inner problem is ``minimise sum_j loss_j(p_j) subject to p = sum_i m_i v_i, m >= 0``, a fit of the labels by a
cone with few generators, where ``loss_j(p) = max {q (p - y_j) - kappa q^2 / 2 : lo_j <= q <= hi_j}``. Weak duality:
any q inside its box with ``q . v_i >= 0`` for all generators proves

    sum_j loss_j(p_j) >= -sum_j (q_j y_j + kappa q_j^2 / 2)    for every p of the cone.

The interior point method only proposes q. :func:`certify` proves the inequalities with rounding bounds
(``u = 2**-53``; a sum of n products has error at most ``gamma_n`` times the sum of their sizes, Higham 2002, section
3.1) and returns a number that is certainly not above the minimum, or -1 if it cannot. Generators that occur with both
signs ask for ``q . v = 0`` exactly: there is an exact q near the computed one, and its distance is bounded.

Data are correctly rounded floats between -1 and 1. Numbers that steer the iteration decide nothing.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..kernels import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

U = 2.0**-53
SMALL = 2.0**-900  # covers underflow of any product here, after division by the number of terms
DONE, INWARD = 2.0**-34, 2.0**-31
ROUNDS = 60
NONE = -1.0

# How a branch ends: divided further, cut off by its bound, or a single choice of cells left open.
DIVIDED, CUT, OPEN = 0, 1, 2


class Problem(NamedTuple):
    """The search as flat arrays; level k has decided the first points, cells are numbered through all levels.

    ``values[ray, row]`` is the relu of a ray at the point of a label row, scaled to at most 1; ``kinds[level, ray]``
    numbers its prefixes up to positive factors, -1 for zero; ``rows[level]`` is how many label rows are decided.
    ``rest[level, q]`` bounds the loss of the undecided rows from below if q neurons may still bend among them, and
    ``floor[level, c]`` if all neurons are negative (c = 0), mixed (1), positive (2). ``leaves`` counts a cell's cells
    on the last level. For data on a line ``bend[cell]`` is the first point behind the bend of a neuron, 0 if it has not
    bent yet; ``piece[i, j]`` bounds the loss of points i to j - 1 under one affine function, and ``tail[level, i, q]``
    that of all points from i on if q more bends come behind the decided points. Elsewhere ``piece`` is empty.
    """

    values: Floats
    kinds: npt.NDArray[np.int32]
    y: Floats
    lo: Floats
    hi: Floats
    kappa: float
    point: Ints
    rows: Ints
    ray_ptr: Ints
    ray: Ints
    child: Ints
    leaves: Ints
    bend: Ints
    piece: Floats
    tail: Floats
    rest: Floats
    floor: Floats
    rank: int


@njit
def objective(A: Floats, m: int, k: int, y: Floats, lo: Floats, hi: Floats, kappa: float, weight: Floats) -> float:
    """Return an upper bound on the exact loss of the fit ``sum weight_i v_i`` (weights >= 0, taken exactly)."""
    total = 0.0
    for j in range(k):
        p, size = 0.0, abs(y[j])
        for i in range(m):
            p += weight[i] * A[i, j]
            size += weight[i] * abs(A[i, j])
        off = p - y[j]
        wrong = (m + 4) * U * size
        if kappa > 0:
            q = min(max(off / kappa, lo[j]), hi[j])
            total += q * off - 0.5 * kappa * q * q
            if wrong > 0:
                # the slope grows by wrong / kappa at most, and not beyond its box
                total += min(abs(q) * wrong + wrong * wrong / kappa, max(-lo[j], hi[j]) * wrong)
        else:
            total += max(lo[j] * off, hi[j] * off) + max(-lo[j], hi[j]) * wrong
    return total * (1 + 2.0**-40) + SMALL


@njit
def certify(
    A: Floats, m: int, k: int, y: Floats, lo: Floats, hi: Floats, kappa: float, both: Ints, cap: int, q: Floats
) -> float:
    """Return a proved lower bound on the minimum over the cone, or -1; may move q a little.

    ``both[i]`` is 1 where a negative multiple of generator i is a generator too, and 2 for that one; ``cap`` bounds the
    rank of those.
    """
    lines, spare = 0, 0
    for i in range(m):
        if both[i] == 1:
            lines += 1
    off = 0.0
    if lines:
        if lines > 24:
            return NONE
        # an orthogonal basis of the lines, by Gram-Schmidt; what depends on it in floats must do so exactly
        chosen = np.empty(lines, dtype=np.int64)
        basis = np.empty((lines, k))
        n = 0
        for i in range(m):
            if both[i] != 1:
                continue
            size = 0.0
            for j in range(k):
                basis[n, j] = A[i, j]
                size += A[i, j] * A[i, j]
            for _ in range(2):
                for h in range(n):
                    along = 0.0
                    for j in range(k):
                        along += basis[n, j] * basis[h, j]
                    for j in range(k):
                        basis[n, j] -= along * basis[h, j]
            left = 0.0
            for j in range(k):
                left += basis[n, j] * basis[n, j]
            if left > 2.0**-24 * size:
                left = math.sqrt(left)
                for j in range(k):
                    basis[n, j] /= left
                chosen[n] = i
                n += 1
            else:
                spare += 1
        if spare and n != cap:
            return NONE
        for _ in range(2):
            for h in range(n):
                along = 0.0
                for j in range(k):
                    along += q[j] * basis[h, j]
                for j in range(k):
                    q[j] -= along * basis[h, j]
        # V^T V of the chosen columns, an approximate inverse, and how good it is
        gram = np.empty((n, n))
        work = np.zeros((n, 2 * n))
        for a in range(n):
            for b in range(n):
                t = 0.0
                for j in range(k):
                    t += A[chosen[a], j] * A[chosen[b], j]
                gram[a, b] = t
                work[a, b] = t
            work[a, n + a] = 1.0
        for a in range(n):
            pivot = work[a, a]
            if not pivot > 0.0:
                return NONE
            for c in range(2 * n):
                work[a, c] /= pivot
            for b in range(n):
                if b != a:
                    t = work[b, a]
                    for c in range(2 * n):
                        work[b, c] -= t * work[a, c]
        size, wrong = 0.0, 0.0
        for a in range(n):
            row, residual = 0.0, 0.0
            for b in range(n):
                row += abs(work[a, n + b])
                t, top = 0.0, 0.0
                for c in range(n):
                    t += work[a, n + c] * gram[c, b]
                    top += abs(work[a, n + c] * gram[c, b])
                residual += abs(t - (1.0 if a == b else 0.0)) + (n + 3) * U * (top + 1.0)
            size = max(size, row)
            wrong = max(wrong, residual)
        # every entry of the Gram matrix is off by at most (k + 6) u k
        wrong = (wrong + size * n * (k + 6.0) * U * k) * (1 + 2.0**-40)
        if not wrong < 0.5:
            return NONE
        square = 0.0
        for a in range(n):
            t, top = 0.0, 0.0
            for j in range(k):
                t += A[chosen[a], j] * q[j]
                top += abs(A[chosen[a], j] * q[j])
            t = abs(t) + (k + 6) * U * top + SMALL
            square += t * t
        off = math.sqrt(square * size / (1.0 - wrong)) * (1 + 2.0**-40) + SMALL
    width = math.sqrt(k * 1.0) * (1 + 2.0**-40)
    for i in range(m):
        if both[i]:
            continue
        t, top = 0.0, 0.0
        for j in range(k):
            t += A[i, j] * q[j]
            top += abs(A[i, j] * q[j])
        if not t > (k + 6) * U * top + off * width * (1 + 2.0**-40) + SMALL:
            return NONE
    value, top, labels, size = 0.0, 0.0, 0.0, 0.0
    for j in range(k):
        if not (q[j] - off > lo[j] and q[j] + off < hi[j]):  # rounding is monotone
            return NONE
        value -= q[j] * (y[j] + 0.5 * kappa * q[j])
        top += abs(q[j]) * (abs(y[j]) + 0.5 * kappa * abs(q[j]))
        labels += y[j] * y[j]
        size += q[j] * q[j]
    moved = off * (math.sqrt(labels) + kappa * math.sqrt(size) + kappa * off) * (1 + 2.0**-40)
    bound = value - (k + 8) * U * top - moved
    return bound - abs(bound) * 2.0**-50 - SMALL


@njit
def fit_cone(
    A: Floats, m: int, k: int, y: Floats, lo: Floats, hi: Floats, kappa: float, both: Ints, cap: int, cutoff: float,
    leaf: bool, weight: Floats, q: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Fit k labels by the cone of m generators; return a proved lower bound (-1: none) and an upper bound.

    Stops as soon as the lower bound reaches the cutoff or, unless ``leaf``, the fit is below it. ``weight`` and ``q``
    get the fit and the dual point.
    """
    boxed = k > 0 and hi[0] < math.inf
    theta, b, dq, zl, zh = np.empty(k), np.empty(k), np.empty(k), np.ones(k), np.ones(k)
    dl, dh, fit = np.empty(k), np.empty(k), np.empty(k)
    s, ds, dm, t, right = np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    H = np.empty((m, m))
    trial = np.empty(k)
    upper = math.inf
    lower = NONE
    for j in range(k):
        q[j] = 0.5 * (lo[j] + hi[j]) if boxed else -y[j] / kappa
    for i in range(m):
        d = 0.0
        for j in range(k):
            d += A[i, j] * q[j]
        s[i] = max(d, 0.25)
        weight[i] = 0.25
    for _ in range(ROUNDS):
        for j in range(k):
            p = 0.0
            for i in range(m):
                p += weight[i] * A[i, j]
            fit[j] = p
        gap, slack, value = 0.0, math.inf, 0.0
        for i in range(m):
            d = 0.0
            for j in range(k):
                d += A[i, j] * q[j]
            t[i] = d
            gap += s[i] * weight[i]
            if not both[i]:
                slack = min(slack, d)
        for j in range(k):
            value -= q[j] * (y[j] + 0.5 * kappa * q[j])
            if boxed:
                gap += (q[j] - lo[j]) * zl[j] + (hi[j] - q[j]) * zh[j]
        primal = 0.0
        for j in range(k):
            d = fit[j] - y[j]
            if kappa > 0:
                p = min(max(d / kappa, lo[j]), hi[j])
                primal += p * d - 0.5 * kappa * p * p
            else:
                primal += max(lo[j] * d, hi[j] * d)
        done = gap <= DONE * (DONE + abs(primal)) or not gap < math.inf
        if not leaf and primal < cutoff:
            return NONE, primal
        if (value >= cutoff and slack > 0.0) or done:
            for j in range(k):
                trial[j] = q[j]
            lower = max(lower, certify(A, m, k, y, lo, hi, kappa, both, cap, trial))
            if lower >= cutoff:
                return lower, upper
        if done:
            break
        for j in range(k):
            theta[j] = kappa
            if boxed:
                theta[j] += zl[j] / (q[j] - lo[j]) + zh[j] / (hi[j] - q[j])
        for a in range(m):
            for c in range(a + 1):
                d = 0.0
                for j in range(k):
                    d += A[a, j] * A[c, j] / theta[j]
                H[a, c] = d
            H[a, a] = H[a, a] * (1 + 2.0**-44) + s[a] / weight[a]
        for a in range(m):
            for c in range(a + 1):
                d = H[a, c]
                for h in range(c):
                    d -= H[a, h] * H[c, h]
                H[a, c] = math.sqrt(max(d, 2.0**-200)) if a == c else d / H[c, c]
        terms = m + (2 * k if boxed else 0)
        target = 0.0
        alpha = 1.0
        for phase in range(2):
            # first the affine step, then the one that heads for the centre and mends the curvature
            for j in range(k):
                d = -(kappa * q[j] + y[j] - fit[j])
                if boxed:
                    d += zl[j] - zh[j]
                    low, high = target - (q[j] - lo[j]) * zl[j], target - (hi[j] - q[j]) * zh[j]
                    if phase == 1:
                        low -= dq[j] * dl[j]
                        high += dq[j] * dh[j]
                    dl[j], dh[j] = low, high  # the right-hand sides for now
                    d += low / (q[j] - lo[j]) - high / (hi[j] - q[j])
                b[j] = d / theta[j]
            for i in range(m):
                d = target - s[i] * weight[i]
                if phase == 1:
                    d -= ds[i] * dm[i]
                right[i] = d / weight[i]
                # heads for q . v = INWARD + s, so that rounding does not end on the wrong side of 0
                d = right[i] - (t[i] - s[i] - (0.0 if both[i] else INWARD))
                for j in range(k):
                    d -= A[i, j] * b[j]
                dm[i] = d
            for a in range(m):
                d = dm[a]
                for h in range(a):
                    d -= H[a, h] * dm[h]
                dm[a] = d / H[a, a]
            for a in range(m - 1, -1, -1):
                d = dm[a]
                for h in range(a + 1, m):
                    d -= H[h, a] * dm[h]
                dm[a] = d / H[a, a]
            alpha = 1.0 / (1.0 - 2.0**-8)
            for i in range(m):
                ds[i] = right[i] - s[i] / weight[i] * dm[i]
                if dm[i] < 0.0:
                    alpha = min(alpha, -weight[i] / dm[i])
                if ds[i] < 0.0:
                    alpha = min(alpha, -s[i] / ds[i])
            for j in range(k):
                d = 0.0
                for i in range(m):
                    d += A[i, j] * dm[i]
                dq[j] = b[j] + d / theta[j]
                if boxed:
                    dl[j] = (dl[j] - zl[j] * dq[j]) / (q[j] - lo[j])
                    dh[j] = (dh[j] + zh[j] * dq[j]) / (hi[j] - q[j])
                    if dl[j] < 0.0:
                        alpha = min(alpha, -zl[j] / dl[j])
                    if dh[j] < 0.0:
                        alpha = min(alpha, -zh[j] / dh[j])
                    if dq[j] < 0.0:
                        alpha = min(alpha, (lo[j] - q[j]) / dq[j])
                    if dq[j] > 0.0:
                        alpha = min(alpha, (hi[j] - q[j]) / dq[j])
            if phase == 0:
                step = min(1.0, alpha)
                after = 0.0
                for i in range(m):
                    after += (s[i] + step * ds[i]) * (weight[i] + step * dm[i])
                if boxed:
                    for j in range(k):
                        after += (q[j] + step * dq[j] - lo[j]) * (zl[j] + step * dl[j])
                        after += (hi[j] - q[j] - step * dq[j]) * (zh[j] + step * dh[j])
                share = max(after, 0.0) / gap
                target = share * share * share * gap / terms
        alpha *= 1.0 - 2.0**-8
        for i in range(m):
            weight[i] += alpha * dm[i]
            s[i] += alpha * ds[i]
        for j in range(k):
            q[j] += alpha * dq[j]
            if boxed:
                zl[j] += alpha * dl[j]
                zh[j] += alpha * dh[j]
    return lower, objective(A, m, k, y, lo, hi, kappa, weight) if leaf else upper


@njit
def generators(problem: Any, node: Ints, A: Floats, both: Ints, names: Ints) -> tuple[int, int]:
    """Write the generators of a branch, each direction once; return their number and a cap on the rank of lines.

    ``node`` is (level, positive neurons, cells); ``names`` gets ``neuron * number of rays + ray``.
    """
    level, plus = node[0], node[1]
    k = problem.rows[level]
    rays = problem.values.shape[0]
    m = 0
    for neuron in range(len(node) - 2):
        sign = 1 if neuron < plus else -1
        cell = node[2 + neuron]
        for e in range(problem.ray_ptr[cell], problem.ray_ptr[cell + 1]):
            ray = problem.ray[e]
            kind = problem.kinds[level, ray]
            if kind < 0:
                continue
            new = True
            line = 0
            for i in range(m):
                if problem.kinds[level, names[i] % rays] == kind:
                    if (names[i] // rays < plus) == (sign > 0):
                        new = False
                        break
                    line = 2
                    both[i] = 1
            if new:
                names[m] = neuron * rays + ray
                both[m] = line
                for j in range(k):
                    A[m, j] = sign * problem.values[ray, j]
                m += 1
    # the lines lie in the span of the positive neurons alone, and of the negative ones alone; on a line of data a cell
    # stands for two cones until the last level
    cones = 2 if problem.piece.shape[0] and level < len(problem.rows) - 1 else 1
    cap = cones * problem.rank * min(plus, len(node) - 2 - plus)
    last, touched = -1, 0
    for j in range(k):
        if problem.point[j] != last:
            for i in range(m):
                if both[i] and A[i, j] != 0.0:
                    touched += 1
                    last = problem.point[j]
                    break
    return m, min(cap, touched)


@njit
def fit_branch(
    problem: Any, node: Ints, cutoff: float, leaf: bool, A: Floats, both: Ints, names: Ints, weight: Floats, q: Floats
) -> tuple[float, float]:
    """Fit the decided labels of a branch; as :func:`fit_cone`, which it calls in one place: compiling it takes time.

    A generator that helps a hinge loss wherever it is not zero may grow without end: its labels cost nothing, and their
    slopes are zero, on the edge of their boxes. They are taken out first, until no such generator is left.
    """
    m, cap = generators(problem, node, A, both, names)
    k = problem.rows[node[0]]
    y, lo, hi, kappa = problem.y, problem.lo, problem.hi, problem.kappa
    hinge = kappa == 0.0 and lo[0] * hi[0] == 0.0
    out, gone = np.zeros(k, dtype=np.uint8), np.zeros(m, dtype=np.uint8)
    order, removed = np.empty(m, dtype=np.int64), 0
    again = hinge
    while again:
        again = False
        for i in range(m):
            helps = not gone[i]
            for j in range(k):
                if not out[j] and A[i, j] * y[j] < 0.0:
                    helps = False
            if helps:
                gone[i] = 1
                order[removed] = i
                removed += 1
                for j in range(k):
                    if A[i, j] != 0.0:
                        out[j] = 1
                again = True
    rows, left = np.flatnonzero(out == 0), np.flatnonzero(gone == 0)
    B = np.empty((len(left), len(rows)))
    w, r, pair = np.empty(len(left)), np.empty(len(rows)), np.zeros(len(left), dtype=np.int64)
    for a in range(len(left)):
        for b in range(len(rows)):
            B[a, b] = A[left[a], rows[b]]
        pair[a] = both[left[a]]
    low, high = fit_cone(
        B, len(left), len(rows), y[rows], lo[rows], hi[rows], kappa, pair, min(cap, len(rows)), cutoff, leaf, w, r
    )
    for j in range(k):
        q[j] = 0.0
    for b in range(len(rows)):
        q[rows[b]] = r[b]
    for i in range(m):
        weight[i] = 0.0
    for a in range(len(left)):
        weight[left[a]] = w[a]
    if leaf and removed:
        # the last one first: those before it may still mend its labels
        for e in range(removed - 1, -1, -1):
            i = order[e]
            for j in range(k):
                if A[i, j] * y[j] > 0.0:
                    p = 0.0
                    for h in range(m):
                        p += weight[h] * A[h, j]
                    if p * y[j] < 1.0:
                        weight[i] += (1.0 - p * y[j]) / abs(A[i, j])
        high = objective(A, m, k, y, lo, hi, kappa, weight)
    return low, high


@njit
def undecided(problem: Any, node: Ints) -> float:
    """Return a proved lower bound on the loss of the rows that a branch has not decided."""
    free = 0
    width = len(node) - 2
    for neuron in range(width):
        free += problem.bend[node[2 + neuron]] == 0
    side = 2 if node[1] == width else (0 if node[1] == 0 else 1)
    bound: float = max(problem.rest[node[0], free], problem.floor[node[0], side])
    return bound


@njit
def in_pieces(problem: Any, node: Ints) -> float:
    """Return a proved lower bound on the whole loss below a branch if data on a line are fitted piece by piece.

    Neither continuity nor the signs are asked for: a sum of pieces whose ends the decided bends give.
    """
    if problem.piece.shape[0] == 0:
        return 0.0
    width = len(node) - 2
    bends = np.empty(width, dtype=np.int64)
    n = 0
    for neuron in range(width):
        at = problem.bend[node[2 + neuron]]
        if at:
            place = n
            while place and bends[place - 1] > at:
                bends[place] = bends[place - 1]
                place -= 1
            bends[place] = at
            n += 1
    total, first = 0.0, 0
    for e in range(n):
        if bends[e] > first:
            total += problem.piece[first, bends[e]]
            first = bends[e]
    total += problem.tail[node[0], first, width - n]
    bound: float = total * (1 - 2.0**-48)
    return bound


@njit
def choices(problem: Any, node: Ints) -> int:
    """Return the number of choices of final cells below a branch, modulo 2**64: multisets of equal cells."""
    total = 1
    width = len(node) - 2
    start = 0
    while start < width:
        end = start + 1
        while end < width and node[2 + end] == node[2 + start] and (end < node[1]) == (start < node[1]):
            end += 1
        # C(leaves + copies - 1, copies) grows by exact divisions
        ways = 1
        for c in range(end - start):
            ways = ways * (problem.leaves[node[2 + start]] + c) // (c + 1)
        total *= ways
        start = end
    return total


@njit
def most_generators(problem: Any, width: int) -> int:
    """Return the largest number of generators that a branch can have."""
    most = 0
    for cell in range(len(problem.ray_ptr) - 1):
        most = max(most, problem.ray_ptr[cell + 1] - problem.ray_ptr[cell])
    return most * width


@njit
def search(problem: Any, stack: Ints, best: float, keep: float, budget: int) -> Any:
    """Divide and cut off branches, depth first, until the stack is empty, the budget spent, or a better fit found.

    A branch is cut off when its proved bound is at least ``keep * best``; an infinite ``keep`` solves all branches to
    the end. Returns the stack that is left, the branches that are finished, how each of them ended, its bounds from
    below and above, its number of choices, the best upper bound, its branch, and the number of branches looked at.
    """
    width = stack.shape[1] - 2
    levels, total = len(problem.rows), len(problem.y)
    most = most_generators(problem, width)
    A, both, names = np.empty((most, total)), np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    weight, q = np.empty(most), np.empty(total)
    room = np.empty((len(stack) + 64, width + 2), dtype=np.int64)
    room[: len(stack)] = stack
    top = len(stack)
    closed = np.empty((budget, width + 2), dtype=np.int64)
    ended, bound, above = np.empty(budget, dtype=np.uint8), np.empty(budget), np.empty(budget)
    covers = np.empty(budget, dtype=np.int64)
    done, seen = 0, 0
    found = np.zeros(width + 2, dtype=np.int64)
    better = False
    node = np.empty(width + 2, dtype=np.int64)
    child = np.empty(width + 2, dtype=np.int64)
    while top and seen < budget and not better:
        top -= 1
        node[:] = room[top]
        seen += 1
        level = node[0]
        leaf = level == levels - 1
        cutoff = keep * best
        low, high = in_pieces(problem, node), math.inf
        if low < cutoff:
            low = undecided(problem, node)
        if low < cutoff:
            aim = cutoff - low + cutoff * 2.0**-48
            got, high = fit_branch(problem, node, aim, leaf, A, both, names, weight, q)
            low = (max(got, 0.0) + low) * (1 - 2.0**-50)
            if leaf and high < best and keep <= 1.0:
                best = high
                found[:] = node
                better = True
        cutoff = keep * best
        if low >= cutoff or leaf:
            closed[done] = node
            bound[done], above[done] = low, high
            ended[done] = CUT if low >= cutoff else OPEN
            covers[done] = choices(problem, node)
            done += 1
            continue
        child[0], child[1] = level + 1, node[1]
        for pick in range(1 << width):
            good = True
            for neuron in range(width):
                side = pick >> neuron & 1
                child[2 + neuron] = problem.child[node[2 + neuron], side]
                # an undivided cell has one child; equal neurons take their cells in order
                if child[2 + neuron] < 0:
                    good = False
                elif neuron and neuron != node[1] and child[2 + neuron] < child[1 + neuron]:
                    good = False
            if good:
                if top == len(room):
                    larger = np.empty((2 * top, width + 2), dtype=np.int64)
                    larger[:top] = room
                    room = larger
                room[top] = child
                top += 1
    closed, ended, covers = closed[:done], ended[:done], covers[:done]
    return room[:top].copy(), closed, ended, bound[:done], above[:done], covers, best, found, better, seen


def solve_all(problem: Problem, nodes: Ints) -> tuple[Floats, Floats]:
    """Return proved lower and upper bounds on the minimum of every given branch of the last level."""
    # the stack is emptied from its end
    results = search(problem, nodes[::-1].copy(), 1.0, math.inf, len(nodes))
    return results[3], results[4]
