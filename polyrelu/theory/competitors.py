"""Other networks with many linear regions: those of Telgarsky, Montufar et al., Pascanu et al. and Serra et al.

Every function returns a :class:`~polyrelu.theory.blocks.Construction`: an exact network and what is claimed of it.

References
----------
G. Montufar, R. Pascanu, K. Cho and Y. Bengio, On the Number of Linear Regions of Deep Neural Networks, 2014.
R. Pascanu, G. Montufar and Y. Bengio, On the number of response regions of deep feed forward networks, 2014.
M. Telgarsky, Benefits of depth in neural networks, 2016.
T. Serra, C. Tjandraatmadja and S. Ramalingam, Bounding and Counting Linear Regions of Deep Neural Networks, 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any

from ..errors import InputError
from ..polytope import Box
from ..zonotope import generic_generators
from .blocks import Claim, Construction, Part, build, compose, crossing_planes, hinges, stack
from .bounds import whole
from .constructions import random_generators

TENT: Part = [([[1], [1]], [0, Fraction(-1, 2)]), ([[2, -4]], [0])]


def tent(k: int, d: int = 1) -> Construction:
    """Compose the tent ``2 relu(x) - 4 relu(x - 1/2)`` k times in each of d coordinates: 2^(k d) regions on [0, 1]^d.

    Outside the cube there are more: ``(2^k + 1 + [k >= 2])^d`` on R^d.

    References
    ----------
    Telgarsky 2016.

    Examples
    --------
    >>> tent(3).network.widths
    (2, 2, 2)
    """
    whole(k, "k", 1), whole(d, "d", 1)
    net = build(stack(*[compose(*[TENT] * k)] * d))
    cube, window = Box([0] * d, [1] * d), Box([-1] * d, [2] * d)
    claims = [
        Claim("Telgarsky: 2^(kd) regions on [0, 1]^d", count, "=", 2 ** (k * d), cube)
        for count in ("activation", "open", "affine")
    ]
    outside = (2**k + 1 + (k > 1)) ** d
    claims.append(Claim("the same on R^d: (2^k + 1 + [k >= 2])^d", "activation", "=", outside, None, window))
    return Construction("tent", {"k": k, "d": d}, net, tuple(claims))


def telgarsky(k: int) -> Construction:
    """Compose ``relu(2 relu(x) - 4 relu(x - 1/2))`` k times: 2^k pieces on [0, 1], 2^k + 2 on R, two of them zero.

    Examples
    --------
    >>> telgarsky(2).network.widths
    (2, 1, 2, 1)
    """
    whole(k, "k", 1)
    passing: Part = [([[1]], [0]), ([[1]], [0])]
    net, window = build(compose(*[TENT, passing] * k)), Box([-1], [2])
    counts = (("activation", 2), ("open", 2), ("affine", 1))
    claims = [Claim("Telgarsky, ReLU outside, on R", c, "=", 2**k + more, None, window) for c, more in counts]
    return Construction("telgarsky", {"k": k}, net, tuple(claims))


def zigzag(n: int) -> Part:
    """Return a unit of n nodes, n + 1 pieces of which each maps its interval onto [0, 1], none of them flat.

    Intervals of lengths 1, 1, 2, 2, 1, .., 1 over n + 3; nodes ``relu(x - t_i)``, but the third is ``relu(t_3 - x)``:
    its slope on the left is that of the first piece since 1/l_2 + 1/l_3 = 1/l_0.

    References
    ----------
    Serra et al. 2018, theorem 6; the lengths were worked out for this project.

    Examples
    --------
    >>> zigzag(3)[1]
    ([[Fraction(-12, 1), Fraction(9, 1), Fraction(-6, 1)]], [Fraction(4, 1)])
    """
    lengths = [Fraction(v, n + 3) for v in [1, 1, 2, 2, *[1] * (n - 3)]]
    slopes = [(-1) ** i / v for i, v in enumerate(lengths)]
    kinks = [sum(lengths[: i + 1]) for i in range(n)]
    jumps = [t - s for s, t in zip(slopes[:-1], slopes[1:], strict=True)]
    signs = [-1 if i == 2 else 1 for i in range(n)]
    rows = [([[s] for s in signs], [-s * t for s, t in zip(signs, kinks, strict=True)])]
    # 0 at 0, where the third node alone is active
    return [*rows, ([jumps], [-jumps[2] * kinks[2]])]


def serra(n: int = 3, k: int = 1, n0: int = 1, last: int = 0, output: Sequence[Any] | None = None) -> Construction:
    """Return k zigzags of n nodes in each of n0 coordinates, then ``last`` planes that cross in the unit cube.

    ``(n + 1)^(n0 k) sum_{j<=n0} C(last, j)`` activation regions on R^n0, and on the unit cube; in one dimension
    as many linear regions, with as many different maps.

    Parameters
    ----------
    n : int
        At least 3.
    k, n0 : int
    last : int
        0 for none; the network then has n0 outputs.
    output : sequence of rationals, optional
        Weights of the planes in the output, ones by default: the number of linear regions depends on them.

    References
    ----------
    Serra et al. 2018, theorems 5 and 6.

    Examples
    --------
    >>> serra(3, 2).claims[0].value, serra(3, 1, 2, 3).claims[0].value
    (16, 112)
    """
    whole(n, "n", 3), whole(k, "k", 1), whole(n0, "n0", 1), whole(last, "last", 0)
    if output is not None and not last:
        raise InputError("output weighs the planes of the last layer and there are none; give last=3, say")
    parts = [stack(*[zigzag(n)] * n0)] * k
    if last:
        parts = [*parts, hinges(*crossing_planes(n0, last), output)]
    count = (n + 1) ** (n0 * k) * (sum(comb(last, j) for j in range(n0 + 1)))
    name = "Serra 2018, Thm 6: (n+1)^(n0 k) sum C(last, j)"
    # every region of R^n0 meets the unit cube
    claims = [Claim(name, "activation", "=", count, Box([0] * n0, [1] * n0))]
    claims.append(Claim(name, "activation", "=", count, None, Box([-1] * n0, [2] * n0)))
    if n0 == 1 and not last:
        kinds = ("open", "affine")
        claims += [Claim("Serra 2018, Thm 5: (n+1)^k pieces", c, "=", count, None, Box([-1], [2])) for c in kinds]
    given = {"n": n, "k": k, "n0": n0, "last": last} | ({"output": list(output)} if output else {})
    return Construction("serra", given, build(compose(*parts)), tuple(claims))


def serra_zonotope(n: int, m: int, w: int, k: int, seed: int | None = None) -> Construction:
    """Return k zigzags of w >= 3 nodes after the support function of m generators: ``2 sum C(m-1, i) (w+1)^k`` regions.

    References
    ----------
    Serra et al. 2018, theorem 7.

    Examples
    --------
    >>> serra_zonotope(2, 3, 3, 1).claims[0].value
    24
    """
    whole(n, "n", 1), whole(m, "m", 1), whole(w, "w", 3), whole(k, "k", 1)
    rows = generic_generators(n, m) if seed is None else random_generators(n, m, seed)
    pairs = [[s * v for v in b] for b in rows for s in (1, -1)]
    net = build(compose(hinges(pairs, [0] * len(pairs)), *[zigzag(w)] * k))
    count = 2 * sum(comb(m - 1, i) for i in range(n)) * (w + 1) ** k
    claim = Claim("Serra 2018, Thm 7: 2 sum_{j<n} C(m-1,j) (w+1)^k", "activation", "=", count)
    return Construction("serra-zonotope", {"n": n, "m": m, "w": w, "k": k, "b": rows}, net, (claim,))


def sawtooth(p: int, scale: Any) -> Part:
    """Return ``scale (relu(x) - relu(2x - 1) + relu(2x - 2) - ..)``: p pieces, each onto at least (0, scale / 2).

    References
    ----------
    Montufar et al. 2014, section 3.
    """
    rows = [[1]] + [[2]] * (p - 1)
    return [(rows, [-i for i in range(p)]), ([[scale * (-1) ** i for i in range(p)]], [0])]


def montufar(n0: int, p: Sequence[int], last: int | None = None, output: Sequence[Any] | None = None) -> Construction:
    """Return sawtooths of p_1, p_2, .. pieces in each of n0 coordinates, then planes that cross in the unit cube.

    At least ``prod p_l^n0 sum_{j<=n0} C(last, j)`` activation regions, the theorem's bound for the widths n0 p_l, and
    exactly so many on the box [0, p_1/2]^n0.

    Parameters
    ----------
    n0 : int
    p : sequence of int
        Pieces of each sawtooth, at least 1.
    last : int, optional
        Number of planes, n0 + 1 by default.
    output : sequence of rationals, optional
        Their weights in the output, ones by default. With ones the linear regions can be fewer than the bound.

    References
    ----------
    Montufar et al. 2014, theorem 4.

    Examples
    --------
    >>> M = montufar(2, [3, 2])
    >>> M.network.widths, M.claims[0].value
    ((6, 4, 3), 252)
    """
    whole(n0, "n0", 1)
    if not isinstance(p, Sequence) or isinstance(p, str):
        raise InputError(f"p is {p!r}; give the pieces of every layer, like p=2,2")
    pieces = [whole(v, "p", 1) for v in p]
    if not pieces:
        raise InputError("p is empty; give the pieces of at least one layer, like p=2,2")
    planes = n0 + 1 if last is None else whole(last, "last", n0)
    # p pieces take (0, p/2) onto (0, 1/2): stretch by the p of the next layer, and by 2 before the planes
    parts = [stack(*[sawtooth(v, scale)] * n0) for v, scale in zip(pieces, [*pieces[1:], 2], strict=True)]
    net = build(compose(*parts, hinges(*crossing_planes(n0, planes), output)))
    bound = sum(comb(planes, j) for j in range(n0 + 1))
    for v in pieces:
        bound *= v**n0
    name, box = "Montufar 2014, Thm 4: prod p_l^n0 sum C(last, j)", Box([0] * n0, [Fraction(pieces[0], 2)] * n0)
    # each sawtooth piece of each layer is onto there, so that the bound is the number
    claims = (Claim(name, "activation", ">=", bound), Claim(f"{name}, in [0, p_1/2]^n0", "activation", "=", bound, box))
    given = {"n0": n0, "p": pieces, "last": planes} | ({"output": list(output)} if output else {})
    return Construction("montufar", given, net, claims)


def pascanu(n0: int, k: int, last: int | None = None) -> Construction:
    """Return k - 1 foldings ``|x| - s`` of every coordinate and a last layer of planes that cross near 0.

    Widths 2 n0, .., 2 n0, last. Each folding doubles every coordinate, so that there are exactly
    ``2^((k-1) n0) sum_{j<=n0} C(last, j)`` activation regions on R^n0. Shifts s = 2^(k-2), .., 2, 1.

    Parameters
    ----------
    n0, k : int
        Inputs and hidden layers.
    last : int, optional
        Number of planes, 2 n0 by default.

    References
    ----------
    Pascanu et al. 2014; Montufar et al. 2014, section 2.4 (folding by absolute values).

    Examples
    --------
    >>> pascanu(2, 3).network.widths, pascanu(2, 3).claims[0].value
    ((4, 4, 4), 176)
    """
    whole(n0, "n0", 1), whole(k, "k", 1)
    planes = 2 * n0 if last is None else whole(last, "last", n0)
    folds: list[Part] = [
        stack(*[[([[1], [-1]], [0, 0]), ([[1, 1]], [-(2 ** (k - 2 - i))])]] * n0) for i in range(k - 1)
    ]
    normals, offsets = crossing_planes(n0, planes)
    # around 0 instead of the middle of the unit cube
    centered = [c - Fraction(sum(a)) / 2 for a, c in zip(normals, offsets, strict=True)]
    net = build(compose(*folds, hinges(normals, centered)))
    count = 2 ** ((k - 1) * n0) * sum(comb(planes, j) for j in range(n0 + 1))
    reach = 2 ** (k - 1)
    window = Box([-reach] * n0, [reach] * n0)
    claim = Claim("Pascanu 2014: 2^((k-1) n0) sum C(last, j)", "activation", "=", count, None, window)
    return Construction("pascanu", {"n0": n0, "k": k, "last": planes}, net, (claim,))
