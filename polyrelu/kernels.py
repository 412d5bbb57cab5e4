"""The float side: numba kernels that propose, and that prove what their error bounds allow.

Legend: a *row* ``g`` is an affine form ``(g_1 .. g_d, g_0)`` and the region is ``{x : g(x) >= 0 for all
rows}``. ``G`` holds the computed rows and ``E`` rigorous bounds: ``|G - exact| <= E`` entry by entry.
``u = 2**-53``. Every bound below is order-independent, so fused multiply-adds and vectorised sums do no
harm: a sum of n products has error at most ``gamma_n * sum |products| + n * 2**-1022`` with
``gamma_n = n u / (1 - n u)`` (Higham 2002, section 3.1). A rounding bound is written ``kappa |w g|`` and never
``|w| (kappa |g|)``: a subnormal ``kappa |g|`` may vanish before a huge ``|w|`` multiplies it. NaN fails every
comparison that certifies, and a value that overflowed gets an infinite bound (a sum may overflow although its bound
does not), so that both are left to exact arithmetic.

Numbers named ``PIVOT`` or ``RATIO`` steer the walk. They propose; no answer depends on them.

All kernels stand in this one file because numba's cache does not notice a change in another one.
"""

from __future__ import annotations

import logging
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]

U = 2.0**-53
TINY = 2.0**-1022
PIVOT = 2.0**-40
RATIO = 2.0**-36

# Row states that classify() gives. Only FACET, REDUNDANT and ZERO are proved.
UNKNOWN, FACET, REDUNDANT, ZERO, UNDECIDED = 0, 1, 2, 3, 4
# What classify() says of the whole region.
DECIDED, PARTIAL = 0, 1
# How a walk ends.
OPTIMAL, UNBOUNDED, STOPPED = 0, 1, 2



def _compiler() -> Any:
    """Return numba's decorator, without its cache where no directory for one can be written."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        numba.njit(cache=True, **options)(_compiler)
    except RuntimeError:
        logging.getLogger(__name__).warning("numba finds no writable cache; kernels are compiled in every process")
        return numba.njit(**options)
    return numba.njit(cache=True, **options)


njit = _compiler()


@njit
def affine_forms(packed: Any, d: int, pattern: Bits, G: Floats, E: Floats, begin: int) -> None:
    """Write the affine forms of the neurons from layer ``begin`` on, and their error bounds, into G and E (N, d + 1).

    A term ``w a`` with stored ``W``, ``A`` and ``|W - w| <= kind u |W| + 2**-1074``, ``|A - a| <= e``
    differs from ``W A`` by at most ``|W| e (1 + u) + u |W| |A|`` + underflow; summing n of them adds
    ``gamma_n |W| |A|``. ``kappa`` bounds ``gamma_n + kind u`` and the final factor covers the rounding of the
    bound itself. A sum without a single nonzero term is exactly zero with error zero: dead neurons
    behind dead layers are recognised without exact arithmetic.
    """
    layers = packed.inexact.shape[0]
    for layer in range(begin, layers):
        first, last = packed.layer_neuron[layer], packed.layer_neuron[layer + 1]
        terms = 1
        for q in range(packed.layer_block[layer], packed.layer_block[layer + 1]):
            terms += 1 if packed.block[q, 1] < 0 else packed.block[q, 5]
        inexact = packed.inexact[layer]
        alone = terms == 1 or (terms == 2 and packed.block[packed.layer_block[layer], 1] < 0)
        # one product or one stored number per entry: nothing is summed, only storing may have rounded
        kappa = inexact * 2.0 * U if alone else (terms + 3) * U * (1.0 + 2.0**-20)
        for j in range(first, last):
            for c in range(d + 1):
                G[j, c] = 0.0
                E[j, c] = 0.0
            G[j, d] = packed.bias[j]
            E[j, d] = kappa * abs(packed.bias[j])
            if inexact > 0.0:
                E[j, d] += TINY
        for q in range(packed.layer_block[layer], packed.layer_block[layer + 1]):
            source, width, offset = packed.block[q, 1], packed.block[q, 2], packed.block[q, 3]
            if packed.block[q, 4] >= 0:
                _add_sparse_block(packed, d, pattern, G, E, q, first, last, kappa)
                continue
            for j in range(first, last):
                row = offset + (j - first) * width
                if source < 0:
                    for c in range(d):
                        w = packed.weights[row + c]
                        G[j, c] += w
                        E[j, c] += kappa * abs(w)
                        if inexact > 0.0:
                            E[j, c] += TINY
                else:
                    for k in range(width):
                        if pattern[source + k] == 1:
                            w = packed.weights[row + k]
                            size = abs(w)
                            if size > 0.0:
                                for c in range(d + 1):
                                    product = w * G[source + k, c]
                                    G[j, c] += product
                                    E[j, c] += size * E[source + k, c] + kappa * abs(product)
                            if inexact > 0.0:
                                # a weight that rounds to zero may stand for 2**-1075
                                for c in range(d + 1):
                                    E[j, c] += TINY * (abs(G[source + k, c]) + E[source + k, c])
        if alone:
            continue
        grow = 1.0 + (terms + 8) * 2.0**-52
        for j in range(first, last):
            for c in range(d + 1):
                if not abs(G[j, c]) < np.inf:
                    E[j, c] = np.inf
                elif E[j, c] > 0.0 or G[j, c] != 0.0:
                    E[j, c] = E[j, c] * grow + (terms + 2) * TINY
                elif not _sums_nothing(packed, layer, j - first, c, d, pattern, G, E):
                    E[j, c] = (terms + 2) * TINY


@njit
def _add_sparse_block(
    packed: Any, d: int, pattern: Bits, G: Floats, E: Floats, q: int, first: int, last: int, kappa: float
) -> None:
    """Add what a sparse block contributes to the neurons of its layer; a missing entry is exactly zero."""
    source, place = packed.block[q, 1], packed.block[q, 4]
    shift = packed.block[q, 3] - packed.sparse_ptr[place]
    tiny = TINY if packed.inexact[packed.block[q, 0]] > 0.0 else 0.0
    for j in range(first, last):
        for t in range(packed.sparse_ptr[place + j - first], packed.sparse_ptr[place + j - first + 1]):
            k, w = packed.sparse_index[t], packed.weights[shift + t]
            size = abs(w)
            if source < 0:
                G[j, k] += w
                E[j, k] += kappa * size + tiny
            elif pattern[source + k] == 1:
                for c in range(d + 1):
                    product = w * G[source + k, c]
                    G[j, c] += product
                    E[j, c] += size * E[source + k, c] + kappa * abs(product)
                    E[j, c] += tiny * (abs(G[source + k, c]) + E[source + k, c])


@njit
def _sums_nothing(
    packed: Any, layer: int, i: int, c: int, d: int, pattern: Bits, G: Floats, E: Floats
) -> bool:
    """Tell whether entry c of neuron i of a layer is a sum without a single nonzero term.

    In a layer that had to be rounded, a stored zero may stand for a tiny weight: it counts as nonzero.
    """
    exact = packed.inexact[layer] == 0.0
    for q in range(packed.layer_block[layer], packed.layer_block[layer + 1]):
        source, width, offset = packed.block[q, 1], packed.block[q, 2], packed.block[q, 3]
        place = packed.block[q, 4]
        start, row, entries = 0, offset + i * width, width
        if place >= 0:
            start = packed.sparse_ptr[place + i]
            row = offset + start - packed.sparse_ptr[place]
            entries = packed.sparse_ptr[place + i + 1] - start
        for t in range(entries):
            k = packed.sparse_index[start + t] if place >= 0 else t
            if exact and packed.weights[row + t] == 0.0:
                continue
            if source < 0:
                if k == c:
                    return False
            elif pattern[source + k] == 1:
                if G[source + k, c] != 0.0 or E[source + k, c] != 0.0:
                    return False
    return True


@njit
def certified_value(G: Floats, E: Floats, i: int, x: Floats) -> tuple[float, float]:
    """Return the float value of row i at the float point x and a bound on its error."""
    d = x.shape[0]
    kappa = (d + 3) * U * (1.0 + 2.0**-20)
    value = G[i, d]
    bound = E[i, d] + kappa * abs(G[i, d])
    for c in range(d):
        product = G[i, c] * x[c]
        value += product
        bound += E[i, c] * abs(x[c]) + kappa * abs(product)
    if not abs(value) < np.inf:
        return value, np.inf
    return value, bound * (1.0 + (d + 8) * 2.0**-52) + (2 * d + 4) * TINY


@njit
def minimum_over_box(G: Floats, E: Floats, i: int, lo: Floats, hi: Floats) -> float:
    """Return a lower bound on the exact minimum of row i over the box [lo, hi] (-inf or NaN if unbounded)."""
    d = lo.shape[0]
    kappa = (d + 3) * U * (1.0 + 2.0**-20)
    value = G[i, d]
    bound = E[i, d] + kappa * abs(G[i, d])
    for c in range(d):
        g, e = G[i, c], E[i, c]
        if g == 0.0 and e == 0.0:
            continue
        corner = lo[c] if g > 0.0 else hi[c]
        value += g * corner
        bound += kappa * abs(g * corner) + e * max(abs(lo[c]), abs(hi[c]))
    if not abs(value) < np.inf:
        return -np.inf
    return value - (bound * (1.0 + (d + 8) * 2.0**-52) + abs(value) * 2.0 * U + (2 * d + 4) * TINY)


@njit
def walk(
    N: Floats, count: int, slack: Floats, c: Floats, y: Floats, basis: Ints, inv: Floats, mult: Floats,
    ray: Floats, step: Floats,
) -> int:
    """Walk along edges of {y : N y <= s} to a vertex that maximises c @ y: the proposal of every LP.

    ``basis[k]`` is the constraint at place k or -1 for a place still free; ``inv`` is the inverse of the
    matrix of basis rows (unit rows at free places), kept by pivots; ``slack = s - N y >= 0``. All are
    updated in place, so that the next objective starts from the last vertex. On return ``mult`` holds
    the multipliers ``c @ inv``; on UNBOUNDED, ``ray`` is a direction of increase.
    """
    d = y.shape[0]
    patience = 20 * (d + count) + 50
    for turn in range(2 * patience):
        careful = turn > patience  # Bland's rule from here on: it cannot cycle in exact arithmetic
        place = -1
        best = 0.0
        free = False
        for k in range(d):
            v = 0.0
            for r in range(d):
                v += c[r] * inv[r, k]
            mult[k] = v
            if basis[k] < 0:
                if abs(v) > PIVOT and (not free or abs(v) > best):
                    place, best, free = k, abs(v), True
            elif not free and v < -PIVOT:
                if careful:
                    if place < 0 or basis[k] < basis[place]:
                        place = k
                elif -v > best:
                    place, best = k, -v
        if place < 0:
            return OPTIMAL
        sign = 1.0 if (basis[place] < 0 and mult[place] > 0.0) else -1.0
        size = 0.0
        for r in range(d):
            ray[r] = sign * inv[r, place]
            size = max(size, abs(ray[r]))
        enter = -1
        length = np.inf
        for i in range(count):
            a = 0.0
            for r in range(d):
                a += N[i, r] * ray[r]
            step[i] = a
            if a > RATIO * size:
                t = max(slack[i], 0.0) / a
                if t < length or (t == length and enter >= 0 and a > step[enter] and not careful):
                    length, enter = t, i
        if enter < 0:
            return UNBOUNDED
        for r in range(d):
            y[r] += length * ray[r]
        for i in range(count):
            slack[i] -= length * step[i]
        slack[enter] = 0.0
        basis[place] = enter
        pivot = sign * step[enter]
        for r in range(d):
            inv[r, place] /= pivot
        for k in range(d):
            if k != place:
                v = 0.0
                for r in range(d):
                    v += N[enter, r] * inv[r, k]
                if v != 0.0:
                    for r in range(d):
                        inv[r, k] -= v * inv[r, place]
    return STOPPED


@njit
def restart(s: Floats, count: int, slack: Floats, y: Floats, basis: Ints, inv: Floats) -> None:
    """Put a walk back to the interior point y = 0 with every place free."""
    d = y.shape[0]
    for r in range(d):
        y[r] = 0.0
        basis[r] = -1
        for k in range(d):
            inv[r, k] = 1.0 if r == k else 0.0
    for i in range(count):
        slack[i] = s[i]


@njit
def find_center(
    G: Floats, norm: Floats, alive: Bits, start: Floats, cap: float, center: Floats
) -> float:
    """Propose a point far from every live row: maximise r with g(x) >= r |g|, from any start.

    Returns the radius (at most ``cap`` > 0) and writes the point. The start need not be feasible: its r is just
    negative, which makes the first phase of the simplex method unnecessary.
    """
    m, d = G.shape[0], start.shape[0]
    N = np.empty((m + 1, d + 1))
    s = np.empty(m + 1)
    count = 0
    radius = np.inf
    for i in range(m):
        if alive[i] == 1:
            value = G[i, d]
            for c in range(d):
                value += G[i, c] * start[c]
                N[count, c] = -G[i, c] / norm[i]
            N[count, d] = 1.0
            s[count] = value / norm[i]
            radius = min(radius, s[count])
            count += 1
    if cap < np.inf or count == 0:
        for c in range(d):
            N[count, c] = 0.0
        N[count, d] = 1.0
        s[count] = min(cap, 2.0**60)
        radius = min(radius, s[count])
        count += 1
    y = np.zeros(d + 1)
    slack = np.empty(count)
    basis = np.empty(d + 1, dtype=np.int64)
    inv = np.empty((d + 1, d + 1))
    mult, ray, step = np.empty(d + 1), np.empty(d + 1), np.empty(count)
    objective = np.zeros(d + 1)
    objective[d] = 1.0
    restart(s, count, slack, y, basis, inv)
    y[d] = radius
    for i in range(count):
        slack[i] = s[i] - radius
    walk(N, count, slack, objective, y, basis, inv, mult, ray, step)
    for c in range(d):
        center[c] = start[c] + y[c]
    return y[d]


@njit
def implied_over_box(
    G: Floats, E: Floats, i: int, rows: Ints, weight: Floats, lo: Floats, hi: Floats
) -> bool:
    """Prove g_i > 0 on the region from multipliers: g_i - sum_k weight_k g_rows[k] > 0 on the whole box.

    Any nonnegative float multipliers prove it (Neumaier & Shcherbina 2004): the residual form is computed with
    an error bound and minimised over the box that holds the domain.
    """
    d = lo.shape[0]
    used = 0
    for k in range(rows.shape[0]):
        if rows[k] >= 0 and weight[k] > 0.0:
            used += 1
    kappa = (used + 3) * U * (1.0 + 2.0**-20)
    R = np.empty((1, d + 1))
    Q = np.empty((1, d + 1))
    for c in range(d + 1):
        value = G[i, c]
        bound = E[i, c] + kappa * abs(G[i, c])
        for k in range(rows.shape[0]):
            if rows[k] >= 0 and weight[k] > 0.0:
                product = weight[k] * G[rows[k], c]
                value -= product
                bound += weight[k] * E[rows[k], c] + kappa * abs(product)
        R[0, c] = value
        Q[0, c] = bound * (1.0 + (used + 8) * 2.0**-52) + (2 * used + 4) * TINY
    return minimum_over_box(R, Q, 0, lo, hi) > 0.0


@njit
def implied_by_basis(G: Floats, E: Floats, i: int, rows: Ints, inv: Floats) -> bool:
    """Prove g_i > 0 on the region, bounded or not, from a verified solution of a linear system.

    With M the d x d matrix of the linear parts of the basis rows and B its computed inverse, the exact
    multipliers are ``lam = l + t B (I - R)^-1`` with ``t = g_i - l M`` and ``R = I - M B``. If the largest
    column sum rho of a bound on |R| is below 1/2 they lie within ``|t| |B| + rho / (1 - rho) max(|t| |B|)``
    of l. When all are provably nonnegative, g_i - lam @ g is a constant, and its sign is the answer.
    """
    d = rows.shape[0]
    kappa = (d + 4) * U * (1.0 + 2.0**-20)
    grow = 1.0 + (2 * d + 16) * 2.0**-52
    for k in range(d):
        if rows[k] < 0:
            return False
    rho = 0.0
    for k in range(d):
        column = 0.0
        for r in range(d):
            value = 1.0 if r == k else 0.0
            bound = kappa * value
            for c in range(d):
                product = G[rows[r], c] * inv[c, k]
                value -= product
                bound += E[rows[r], c] * abs(inv[c, k]) + kappa * abs(product)
            column += abs(value) + bound * grow + (2 * d + 4) * TINY
        column *= grow
        if not column < 0.5:  # NaN as well: max() would swallow it
            return False
        rho = max(rho, column)
    lam = np.empty(d)
    for k in range(d):
        value = 0.0
        for c in range(d):
            value += G[i, c] * inv[c, k]
        lam[k] = value
    residual = np.empty(d)
    for c in range(d):
        value = G[i, c]
        bound = E[i, c] + kappa * abs(value)
        for k in range(d):
            product = lam[k] * G[rows[k], c]
            value -= product
            bound += abs(lam[k]) * E[rows[k], c] + kappa * abs(product)
        residual[c] = abs(value) + bound * grow + (2 * d + 4) * TINY
    worst = 0.0
    radius = np.empty(d)
    for k in range(d):
        value = 0.0
        for c in range(d):
            value += residual[c] * abs(inv[c, k])
        radius[k] = value * grow + (2 * d + 4) * TINY
        worst = max(worst, radius[k])
    value = G[i, d]
    bound = E[i, d] + kappa * abs(value)
    for k in range(d):
        total = (radius[k] + rho / (1.0 - rho) * worst) * grow
        if not lam[k] - total * (1.0 + 4.0 * U) > 0.0:
            return False
        g, e = G[rows[k], d], E[rows[k], d]
        product = lam[k] * g
        value -= product
        bound += lam[k] * e + kappa * abs(product) + total * (abs(g) + e)
    return value < np.inf and value - (bound * grow + abs(value) * 2.0 * U + (2 * d + 4) * TINY) > 0.0


@njit
def classify(
    G: Floats, E: Floats, lo: Floats, hi: Floats, start: Floats, status: Bits, center: Floats
) -> int:
    """Sort the rows of one full-dimensional region into facets and redundant rows, with proof or not at all.

    * FACET: a float point was found that violates this row and satisfies every other row that is not
      REDUNDANT strictly, all beyond error bounds, and the center satisfies all of them. Where the segment
      between the two meets the row's hyperplane, no other row vanishes.
    * REDUNDANT: certified multipliers show that the row is positive on the whole region.
    * ZERO: the form is exactly zero. UNDECIDED: left to exact arithmetic.

    Clarkson's method: an LP only over the facets found so far proposes multipliers or a point beyond
    the row, and the ray from the center to that point finds a new facet.

    Returns DECIDED, or PARTIAL if a row is UNDECIDED or the center could not be proved interior.
    """
    m, d = G.shape[0], lo.shape[0]
    norm = np.empty(m)
    alive = np.zeros(m, dtype=np.uint8)
    murky = False
    bounded = True
    for c in range(d):
        if not (lo[c] > -np.inf and hi[c] < np.inf):
            bounded = False
    for i in range(m):
        zero, flat = True, True
        square = 0.0
        for c in range(d):
            square += G[i, c] * G[i, c]
            if G[i, c] != 0.0 or E[i, c] != 0.0:
                zero = False
            if not abs(G[i, c]) <= E[i, c]:
                flat = False
        norm[i] = np.sqrt(square)
        if zero and G[i, d] == 0.0 and E[i, d] == 0.0:
            status[i] = ZERO
        elif (zero and G[i, d] > E[i, d]) or (bounded and minimum_over_box(G, E, i, lo, hi) > 0.0):
            status[i] = REDUNDANT
        elif flat or not (norm[i] > TINY and norm[i] < np.inf):
            status[i] = UNDECIDED
            murky = True
        else:
            status[i] = UNKNOWN
            alive[i] = 1
    radius = find_center(G, norm, alive, start, np.inf if bounded else 1.0, center)
    if not (radius > 0.0 and radius < np.inf):
        _undecide(status, UNKNOWN)
        return PARTIAL
    _shorten(radius, center)
    s = np.empty(m)
    for i in range(m):
        if alive[i] == 1:
            value, bound = certified_value(G, E, i, center)
            if not value > bound:
                _undecide(status, UNKNOWN)
                return PARTIAL
            s[i] = value / norm[i]
    _find_facets(G, E, lo, hi, bounded, norm, alive, s, murky, status, center)
    if murky:
        return PARTIAL
    for i in range(m):
        if status[i] == UNDECIDED:
            return PARTIAL
    return DECIDED


@njit
def _shorten(radius: float, center: Floats) -> None:
    """Round the center of a ball to a grid well inside it: few bits make every later exact check cheap."""
    grid = 2.0 ** np.floor(np.log2(radius / (4.0 * np.sqrt(float(center.shape[0])))))
    for c in range(center.shape[0]):
        rounded = np.rint(center[c] / grid) * grid
        if abs(rounded) < np.inf:
            center[c] = rounded


@njit
def _undecide(status: Bits, what: int) -> None:
    for i in range(status.shape[0]):
        if status[i] == what:
            status[i] = UNDECIDED


@njit
def _find_facets(
    G: Floats, E: Floats, lo: Floats, hi: Floats, bounded: bool, norm: Floats, alive: Bits, s: Floats,
    murky: bool, status: Bits, center: Floats,
) -> None:
    m, d = G.shape[0], lo.shape[0]
    live = 0
    rows = np.empty(m, dtype=np.int64)
    distance = np.empty(m)
    for i in range(m):
        if alive[i] == 1:
            rows[live] = i
            distance[live] = s[i]
            live += 1
    order = np.argsort(distance[:live])
    listed = np.empty(live, dtype=np.int64)
    isin = np.zeros(m, dtype=np.uint8)
    N, bound, slack, step = np.empty((live, d)), np.empty(live), np.empty(live), np.empty(live)
    count = 0
    y, mult, ray, c = np.zeros(d), np.empty(d), np.empty(d), np.empty(d)
    inv, basis = np.empty((d, d)), np.empty(d, dtype=np.int64)
    target, x = np.empty(d), np.empty(d)
    used, weight, scaled = np.empty(d, dtype=np.int64), np.empty(d), np.empty((d, d))
    restart(bound, 0, slack, y, basis, inv)
    for q in range(live):
        i = rows[order[q]]
        for r in range(d):
            c[r] = -G[i, r] / norm[i]
        while status[i] == UNKNOWN:
            end = walk(N, count, slack, c, y, basis, inv, mult, ray, step)
            if end == STOPPED:
                status[i] = UNDECIDED
                break
            reach = 0.0
            for r in range(d):
                target[r] = y[r] if end == OPTIMAL else ray[r]
                reach += c[r] * target[r]
            if end == OPTIMAL and not reach > s[i]:
                for k in range(d):
                    used[k] = listed[basis[k]] if basis[k] >= 0 else -1
                    weight[k] = mult[k] * norm[i] / norm[used[k]] if used[k] >= 0 else 0.0
                    for r in range(d):
                        scaled[r, k] = -inv[r, k] / norm[used[k]] if used[k] >= 0 else 0.0
                if bounded:
                    proved = implied_over_box(G, E, i, used, weight, lo, hi)
                else:
                    proved = implied_by_basis(G, E, i, used, scaled)
                status[i] = REDUNDANT if proved else UNDECIDED
                break
            # shoot from the center (the origin of y) towards the target
            first, t1, t2 = -1, np.inf, np.inf
            for p in range(live):
                k = rows[p]
                if status[k] == REDUNDANT:
                    continue
                a = 0.0
                for r in range(d):
                    a -= G[k, r] * target[r]
                a /= norm[k]
                if a > 0.0:
                    t = s[k] / a
                    if t < t1:
                        first, t1, t2 = k, t, t1
                    elif t < t2:
                        t2 = t
            if first < 0 or isin[first] == 1 or not t1 > 0.0:
                status[i] = UNDECIDED
                break
            t = 0.5 * (t1 + min(t2, 2.0 * t1))
            for r in range(d):
                x[r] = center[r] + t * target[r]
            found = not murky
            p = 0
            while found and p < live:
                k = rows[p]
                if status[k] != REDUNDANT:
                    value, error = certified_value(G, E, k, x)
                    found = -value > error if k == first else value > error
                p += 1
            status[first] = FACET if found else UNDECIDED
            isin[first] = 1
            listed[count] = first
            away = s[first]
            for r in range(d):
                N[count, r] = -G[first, r] / norm[first]
                away -= N[count, r] * y[r]
            bound[count] = s[first]
            slack[count] = away
            count += 1
            if not away >= 0.0:
                restart(bound, count, slack, y, basis, inv)


@njit
def explore_batch(
    packed: Any, walls: Floats, wall_error: Floats, lo: Floats, hi: Floats, start: Floats, patterns: Bits,
    status: Bits, centers: Floats, codes: Bits,
) -> None:
    """Classify the rows of a batch of regions; rows are the N neurons, then the walls of the domain.

    ``patterns`` (k, N) are unpacked bits; results go to ``status`` (k, N + walls), ``centers`` (k, d) and
    ``codes`` (k,). Each region depends on its pattern alone, so that results do not depend on the order.
    """
    neurons, d = patterns.shape[1], lo.shape[0]
    m = neurons + walls.shape[0]
    G, E = np.empty((m, d + 1)), np.empty((m, d + 1))
    for k in range(patterns.shape[0]):
        affine_forms(packed, d, patterns[k], G, E, 0)
        for j in range(neurons):
            if patterns[k, j] == 0:
                for c in range(d + 1):
                    G[j, c] = -G[j, c]
        for j in range(walls.shape[0]):
            for c in range(d + 1):
                G[neurons + j, c] = walls[j, c]
                E[neurons + j, c] = wall_error[j, c]
        codes[k] = classify(G, E, lo, hi, start, status[k], centers[k])


@njit
def find_centers(
    packed: Any, walls: Floats, wall_error: Floats, start: Floats, bounded: bool, patterns: Bits, facet_ptr: Ints,
    rows: Ints, centers: Floats, proved: Bits,
) -> None:
    """Find a point inside each of a batch of regions; ``proved`` is 1 where error bounds show that it is inside.

    Region k has the facet rows ``rows[facet_ptr[k] : facet_ptr[k + 1]]`` (a neuron, or N + wall), which alone decide.
    """
    neurons, d = patterns.shape[1], start.shape[0]
    forms, errors = np.empty((neurons, d + 1)), np.empty((neurons, d + 1))
    for k in range(patterns.shape[0]):
        # neighbors in the list share their first layers
        begin = 0
        if k > 0:
            while begin < packed.inexact.shape[0]:
                changed = False
                for i in range(packed.layer_neuron[begin], packed.layer_neuron[begin + 1]):
                    changed = changed or patterns[k, i] != patterns[k - 1, i]
                begin += 1
                if changed:
                    break
        affine_forms(packed, d, patterns[k], forms, errors, begin)
        m = facet_ptr[k + 1] - facet_ptr[k]
        G, E = np.empty((m, d + 1)), np.empty((m, d + 1))
        norm, alive = np.empty(m), np.ones(m, dtype=np.uint8)
        for i in range(m):
            row = rows[facet_ptr[k] + i]
            square = 0.0
            for c in range(d + 1):
                if row < neurons:
                    G[i, c] = forms[row, c] if patterns[k, row] == 1 else -forms[row, c]
                    E[i, c] = errors[row, c]
                else:
                    G[i, c] = walls[row - neurons, c]
                    E[i, c] = wall_error[row - neurons, c]
                if c < d:
                    square += G[i, c] * G[i, c]
            norm[i] = np.sqrt(square)
            if not (norm[i] > TINY and norm[i] < np.inf):
                alive[i] = 0
        radius = find_center(G, norm, alive, start, np.inf if bounded else 1.0, centers[k])
        proved[k] = 0
        if radius > 0.0 and radius < np.inf:
            _shorten(radius, centers[k])
            proved[k] = 1
            for i in range(m):
                value, bound = certified_value(G, E, i, centers[k])
                if not value > bound:
                    proved[k] = 0


def load() -> None:
    """Compile the kernels, or load them from the cache, before anybody looks at the clock."""
    from .network import ReluNetwork

    packed = ReluNetwork([[[1]], [[1]]], [[0], [0]]).packed
    one, none, flat = np.zeros(1), np.zeros((0, 2)), np.zeros((0, 1), dtype=np.uint8)
    explore_batch(packed, none, none, one, one, one, flat, flat, np.zeros((0, 1)), np.zeros(0, dtype=np.uint8))
