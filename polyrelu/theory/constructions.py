"""Networks with many linear regions: the hard family and the zonotope family of Arora et al.

Every function returns a :class:`Construction`: an exact network and what is claimed of it. The claims are checked by
:func:`polyrelu.theory.table.check`, which enumerates.

Legend: ``w`` is the width and ``k`` the number of hidden layers of a hard function, ``a`` the positions of its
kinks in (0, M); ``b_1 .. b_m`` are generators in R^n.

References
----------
R. Arora, A. Basu, P. Mianjy and A. Mukherjee, Understanding Deep Neural Networks with Rectified Linear Units, 2018.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np

from ..compare import equal
from ..errors import InputError
from ..exact import Point, RationalMatrix, fraction
from ..network import ReluNetwork
from ..polytope import Box
from ..zonotope import Zonotope, generic_generators
from .blocks import Claim, Construction, Part, build, compose, hinges
from .bounds import whole

Kinks = Sequence[Sequence[Any]]


# -- the hard family of Arora et al. ----------------------------------------------------
def even_kinks(w: int, k: int, M: Any = 1) -> list[list[Fraction]]:
    """Return k times the evenly spaced kinks ``M/w, .., (w-1)M/w`` (theorem 3.5).

    Examples
    --------
    >>> even_kinks(3, 1)
    [[Fraction(1, 3), Fraction(2, 3)]]
    """
    whole(w, "w", 2), whole(k, "k", 1)
    size = fraction(M, "M")
    return [[size * i / w for i in range(1, w)] for _ in range(k)]


def random_kinks(w: int, k: int, M: Any = 1, seed: int = 0) -> list[list[Fraction]]:
    """Draw a^1 .. a^k from the open simplex ``0 < a_1 < .. < a_(w-1) < M``, as multiples of M / 16w.

    Examples
    --------
    >>> random_kinks(2, 2, seed=1) == random_kinks(2, 2, seed=1) != random_kinks(2, 2, seed=2)
    True
    """
    whole(w, "w", 2), whole(k, "k", 1)
    rng, size = random.Random(whole(seed, "seed", 0)), fraction(M, "M")
    return [[size * i / (16 * w) for i in sorted(rng.sample(range(1, 16 * w), w - 1))] for _ in range(k)]


def _check_kinks(kinks: Kinks, M: Any) -> tuple[list[list[Fraction]], Fraction]:
    size = fraction(M, "M")
    exact = [[fraction(v, f"a^{i}") for v in a] for i, a in enumerate(kinks, 1)]
    if not exact or len({len(a) for a in exact}) > 1 or not exact[0]:
        raise InputError("give k >= 1 lists of equally many kinks, w - 1 >= 1 each")
    for i, a in enumerate(exact, 1):
        if any(u >= v for u, v in zip([Fraction(0), *a], [*a, size], strict=True)):
            raise InputError(f"a^{i} is not increasing inside (0, M = {size}); sort its kinks and keep them apart")
    return exact, size


def tooth(a: Sequence[Fraction], M: Fraction) -> Part:
    """Return h_a: 0 up to 0, M times (i mod 2) at a_i, ``M - h_a(a_p)`` at M, and straight on; p + 1 nodes.

    References
    ----------
    Arora et al. 2018, definition 8.
    """
    ends = [Fraction(0), *a, M]
    slopes = [Fraction(0)]
    slopes += [M * (-1) ** i / (v - u) for i, (u, v) in enumerate(zip(ends[:-1], ends[1:], strict=True))]
    jumps = [t - s for s, t in zip(slopes[:-1], slopes[1:], strict=True)]
    return hinges([[1]] * len(jumps), ends[:-1], jumps)


def _extra(w: int, k: int) -> int:
    """Count the kink at M: beyond it, a function that ends in a descent is negative, and the next one zero."""
    return int(k >= 2 and w % 2 == 0)


def hard_function(kinks: Kinks, M: Any = 1) -> Construction:
    """Return ``H = h_{a^k} o .. o h_{a^1}``: k hidden layers of w nodes, w^k pieces on [0, M].

    Parameters
    ----------
    kinks : k sequences of w - 1 rationals
        a^1 .. a^k, each increasing inside (0, M).
    M : rational
        Positive; where the last piece of every h ends.

    Notes
    -----
    On all of R there are ``w^k + 1 + [k >= 2 and w even]`` pieces; the theorem counts those in [0, M].

    References
    ----------
    Arora et al. 2018, definition 8, lemma B.1, theorems 3.1 and 3.2.

    Examples
    --------
    >>> H = hard_function([["1/2"], ["1/4"]])
    >>> H.depth, H.size, [H.network([x])[0] for x in (Fraction(1, 8), Fraction(1, 4))]
    (3, 4, [Fraction(1, 1), Fraction(2, 3)])
    """
    exact, size = _check_kinks(kinks, M)
    w, k = len(exact[0]) + 1, len(exact)
    net = build(compose(*(tooth(a, size) for a in exact)))
    inside, window = Box([0], [size]), Box([-1], [size + 1])
    line = w**k + 1 + _extra(w, k)
    claims = (
        Claim("Arora 2018, Thm 3.2: w^k pieces in [0, M]", "open", "=", w**k, inside),
        Claim("activation regions in [0, M]", "activation", "=", w**k, inside),
        Claim("pieces on R: w^k + 1 + [k >= 2, w even]", "open", "=", line, None, window),
        Claim("Arora 2018, Lemma B.1: at most w^k + 2 pieces", "open", "<=", w**k + 2, None, window),
        Claim("activation regions on R", "activation", "=", line, None, window),
    )
    return Construction("hard", {"w": w, "k": k, "M": size, "a": exact}, net, claims)


def hard(w: int, k: int, M: Any = 1, seed: int | None = None) -> Construction:
    """Return a hard function of w nodes in each of k hidden layers, kinks evenly spaced or drawn.

    Examples
    --------
    >>> hard(2, 3).claims[0].value
    8
    """
    whole(w, "w", 2), whole(k, "k", 1)
    return hard_function(even_kinks(w, k, M) if seed is None else random_kinks(w, k, M, seed), M)


def hard_parameters(net: ReluNetwork, w: int, k: int) -> tuple[list[list[Fraction]], Fraction]:
    """Read the parameters (a^1 .. a^k) and M back from a hard function, given only its values.

    Distinct parameters give distinct functions, and this is the proof: M is the height of the first kink
    after 0, a^1 are the kinks whose numbers are multiples of w^(k-1), and ``[0, a^1_1]`` holds a copy of the rest,
    stretched by ``M / a^1_1``.

    Raises
    ------
    InputError
        No hard function of w and k: the function of the parameters that were read is compared with the given one.

    References
    ----------
    Arora et al. 2018, theorem 3.2.

    Examples
    --------
    >>> hard_parameters(hard_function([["1/2"], ["1/4"]], 1).network, 2, 2)
    ([[Fraction(1, 2)], [Fraction(1, 4)]], Fraction(1, 1))
    """
    whole(w, "w", 2), whole(k, "k", 1)
    if net.input_dim != 1 or net.output_dim != 1:
        raise InputError(f"{net!r} is no function from R to R; hard functions are")
    kinks, M, _ = _read_teeth(net, w, k)
    if not equal(net, _rebuilt(lambda: hard_function(kinks, M), w, k).network):
        raise _no_such_function(w, k)
    return kinks, M


def _no_such_function(w: int, k: int) -> InputError:
    return InputError(
        f"this network computes no such function of w = {w}, k = {k}; give the w and k that it was made with"
    )


def _rebuilt(make: Callable[[], Construction], w: int, k: int) -> Construction:
    try:
        return make()
    except InputError as error:  # what was read is no parameter
        raise _no_such_function(w, k) from error


def _read_teeth(net: ReluNetwork, w: int, k: int) -> tuple[list[list[Fraction]], Fraction, Fraction]:
    """Return (a^1 .. a^k), M and c of a function of one variable that is ``H(c t)`` for t >= 0."""
    from ..enumeration import enumerate_regions

    cx = enumerate_regions(net, None, progress=False)
    labels = cx.linear_regions().labels
    found = {
        x
        for i, j in cx.edges.tolist()
        if labels[i] != labels[j]
        for (x,) in {tuple(v) for v in cx[i].vertices.tolist()} & {tuple(v) for v in cx[j].vertices.tolist()}
    }
    kinks = sorted(x for x in found if x >= 0)
    if len(kinks) < w**k or kinks[0] != 0:
        raise InputError(
            f"this network has {len(kinks)} kinks from 0 on; a hard function of w = {w}, k = {k} has {w**k} or more, "
            "and one at 0"
        )
    M, last = Fraction(net([kinks[1]])[0]), kinks[w**k - 1]
    # the last piece goes from M to 0, or up, and ends where c t = M, with a kink or without
    height = M if w % 2 else -M
    slope = Fraction(net([last + 1])[0]) - Fraction(net([last])[0])
    end = kinks[w**k] if len(kinks) > w**k else last + (height / slope if slope else 1)
    if M <= 0 or end <= 0:
        raise _no_such_function(w, k)
    c = M / end
    out, scale = [], c
    for level in range(1, k + 1):
        step = w ** (k - level)
        out.append([scale * kinks[i * step] for i in range(1, w)])
        scale *= M / out[-1][0]
    return out, M, c


# -- the zonotope family ----------------------------------------------------------------
def random_generators(n: int, m: int, seed: int) -> list[list[int]]:
    """Draw m integer generators of R^n in general position, entries from -9 to 9 (more for many generators).

    Examples
    --------
    >>> Zonotope(random_generators(3, 5, seed=0)).in_general_position()
    True
    """
    whole(n, "n", 1), whole(m, "m", 1)
    rng = random.Random(whole(seed, "seed", 0))
    rows: list[list[int]] = []
    size = max(9, m)
    while len(rows) < m:
        row = [rng.randint(-size, size) for _ in range(n)]
        if Zonotope([*rows, row]).in_general_position():
            rows.append(row)
    return rows


def zonotope_function(generators: Any, kinks: Kinks, M: Any = 1) -> Construction:
    """Return ``ZONOTOPE = H_{a^1 .. a^k} o gamma_Z`` for generators in general position.

    k + 1 hidden layers of 2m, w, .., w nodes. gamma_Z is the support function of the zonotope of the generators.

    Notes
    -----
    The paper counts ``(sum_{i<n} C(m-1, i)) w^k`` pieces, which is half of the cones: a zonotope has
    ``2 sum_{i<n} C(m-1, i)`` vertices. The true number of pieces on R^n is
    ``2 sum_{i<n} C(m-1, i) w^k``, and if k >= 2 and w is even the zero function beyond gamma = M: one more piece, or
    two if the generators span a line. The window is a box that holds a point beyond gamma = M on every ray of
    the span of the generators, so that every region and every facet between two regions meets it.

    References
    ----------
    Arora et al. 2018, definitions 6 to 8, proposition 3.8 and theorem 3.9.

    Examples
    --------
    >>> Z = zonotope_function([[1, 0], [0, 1], [1, 1]], [["1/2"]])
    >>> Z.network.widths, [(claim.relation, claim.value) for claim in Z.claims]
    ((6, 2), [('>=', 6), ('=', 12), ('=', 12)])
    """
    Z = Zonotope(generators)
    exact, size = _check_kinks(kinks, M)
    if not Z.m or not Z.in_general_position():
        raise InputError(f"every {min(Z.n, Z.m)} of the generators must be independent; draw others (see Zonotope)")
    n, m, w, k = Z.n, Z.m, len(exact[0]) + 1, len(exact)
    rows = [[s * v for v in b] for b in Z.generators for s in (1, -1)]
    net = build(compose(hinges(rows, [0] * len(rows)), *(tooth(a, size) for a in exact)))
    # |B x|_1 <= gamma(x) for independent generators B; from B x = y with x in their span, |x| <= |B^+ y|
    B = RationalMatrix.of(np.array(Z.generators[: Z.dimension], dtype=object))
    gram = (B @ B.transpose()).solve(RationalMatrix.identity(Z.dimension))
    assert gram is not None
    reach = int(size * max(abs(v) for v in (B.transpose() @ gram).fractions().ravel())) + 1
    window = Box([-reach] * n, [reach] * n)
    half = sum(comb(m - 1, i) for i in range(n))
    extra = _extra(w, k)
    pieces = 2 * half * w**k + extra * (1 if Z.dimension >= 2 else 2)
    claims = (
        Claim("Arora 2018, Thm 3.9 (i) as printed, a lower bound", "open", ">=", half * w**k, None, window),
        Claim("2 sum_{i<n} C(m-1,i) w^k + outer pieces", "open", "=", pieces, None, window),
        Claim("activation regions: 2 sum (w^k + [k >= 2, w even])", "activation", "=", 2 * half * (w**k + extra),
              None, window),
    )  # fmt: skip
    given = {"n": n, "m": m, "w": w, "k": k, "M": size, "a": exact, "b": Z.generators}
    return Construction("zonotope", given, net, claims)


def zonotope(n: int, m: int, w: int, k: int, seed: int | None = None, M: Any = 1) -> Construction:
    """Return a member of ZONOTOPE^n_{k,w,m}: generators (1, t, .., t^(n-1)) and even kinks, or all drawn.

    Examples
    --------
    >>> zonotope(2, 3, 2, 1).network
    <ReluNetwork 2-6-2-1, 8 neurons>
    """
    whole(n, "n", 1), whole(m, "m", 1), whole(w, "w", 2), whole(k, "k", 1)
    if seed is None:
        return zonotope_function(generic_generators(n, m), even_kinks(w, k, M), M)
    return zonotope_function(random_generators(n, m, seed), random_kinks(w, k, M, seed), M)


def zonotope_parameters(net: ReluNetwork, w: int, k: int) -> tuple[list[Point], list[list[Fraction]], Fraction]:
    """Read generators, (a^1 .. a^k) and M back from a function of the zonotope family, given only its values.

    The function determines (a^1 .. a^k), M and the zonotope, and so, for n >= 2, the generators *up to sign and order*;
    for n = 1 the sum of their lengths alone. So the generators come in canonical form: sorted, their first nonzero
    coordinates positive, one per direction. Distinct canonical parameters give distinct functions.

    Raises
    ------
    InputError
        No such function: the function of the parameters that were read is compared with the given one.

    Notes
    -----
    On a ray the function is ``H(c t)``, which gives (a^1 .. a^k), M and the value c of the support function. Near 0
    it is a multiple of the support function, which bends across the plane of every generator, along it.

    References
    ----------
    Arora et al. 2018, theorem 3.9 (iii), which says that parameters and functions are in one-to-one correspondence; but
    negated or reordered generators give the same one.

    Examples
    --------
    >>> Z = zonotope_function([[0, -1], [1, 0]], [["1/2"]])
    >>> [[int(v) for v in b] for b in zonotope_parameters(Z.network, 2, 1)[0]]
    [[0, 1], [1, 0]]
    """
    from ..enumeration import enumerate_regions

    whole(w, "w", 2), whole(k, "k", 1)
    if net.output_dim != 1:
        raise InputError(f"{net!r} has {net.output_dim} outputs; functions of the zonotope family have one")
    n = net.input_dim
    axes = [net.restrict([0] * n, [[int(i == j) for i in range(n)]]) for j in range(n)]
    zero = build([([[0]], [0])])
    read = [_read_teeth(axis, w, k) for axis in axes if not equal(axis, zero)]
    if not read:
        raise _no_such_function(w, k)
    kinks, M, _ = read[0]
    # the sum of |x_j| times the value at e_j is no less than that at x: the box ends before the first kink
    first, steep = M, Fraction(1)
    for a in reversed(kinks):
        first, steep = first * a[0] / M, steep * M / a[0]
    reach = first / sum((c for *_, c in read), Fraction(0))
    cx = enumerate_regions(net, Box([-reach] * n, [reach] * n), progress=False)
    linear = cx.linear_regions()
    gradients = [[Fraction(v) for v in linear.maps[i].forms.fractions()[0][:-1]] for i in range(len(linear))]
    pairs = {(linear.labels[i], linear.labels[j]) for i, j in cx.edges.tolist()}
    bends = {tuple((u - v) / (2 * steep) for u, v in zip(gradients[i], gradients[j], strict=True)) for i, j in pairs}
    canonical = {max(b, tuple(-v for v in b)) for b in bends if any(b)}
    generators = sorted(canonical)
    made = _rebuilt(lambda: zonotope_function(generators, kinks, M), w, k)
    if not equal(net, made.network):
        raise _no_such_function(w, k)
    return generators, kinks, M
