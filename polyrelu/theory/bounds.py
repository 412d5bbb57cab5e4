"""Formulas: upper and lower bounds on the number of linear regions of an architecture.

Legend: ``n0`` inputs, widths ``n_1 .. n_L`` of the hidden layers, N their sum. An *upper* bound holds for the
activation regions of every network of these widths, and so for its linear regions; a *lower* bound is
reached by some network of these widths.

References
----------
T. Zaslavsky, Facing up to Arrangements, 1975.
G. Montufar et al., On the Number of Linear Regions of Deep Neural Networks, 2014.
M. Raghu et al., On the Expressive Power of Deep Neural Networks, 2017.
G. Montufar, Notes on the number of linear regions of deep neural networks, 2017.
T. Serra et al., Bounding and Counting Linear Regions of Deep Neural Networks, 2018.
R. Arora et al., Understanding Deep Neural Networks with Rectified Linear Units, 2018.
P. Hinz and S. van de Geer, A Framework for the Construction of Upper Bounds on the Number of Affine Linear Regions of
ReLU Feed-Forward Neural Networks, 2019.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import comb, prod
from typing import Any, NamedTuple

from ..errors import InputError

Widths = Sequence[int]
Histogram = Sequence[int]


class Bound(NamedTuple):
    """A formula, its value, and how a true number relates to it: ``<=`` or ``>=``."""

    statement: str
    value: int
    relation: str


def whole(value: Any, what: str, least: int) -> int:
    """Return a parameter that must be a whole number from ``least`` up.

    Examples
    --------
    >>> whole(3, "w", 2)
    3
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{what} is {value}; give a whole number from {least} up")
    return value


def _check(n0: int, widths: Widths) -> None:
    whole(n0, "n0", 1)
    if not isinstance(widths, Sequence) or isinstance(widths, str):
        raise InputError(f"widths are {widths!r}; give a list of whole numbers, one per hidden layer")
    for w in widths:
        whole(w, "a width", 1)
    if not widths:
        raise InputError("there is no hidden layer; give at least one width")


def binomial_sum(n: int, d: int) -> int:
    """Return ``sum_{j<=d} C(n, j)``: the regions of n generic hyperplanes in R^d.

    Examples
    --------
    >>> [binomial_sum(m, 2) for m in range(1, 6)]
    [2, 4, 7, 11, 16]
    """
    return sum(comb(n, j) for j in range(min(n, d) + 1))


# -- upper bounds -----------------------------------------------------------------------
def zaslavsky(n0: int, n1: int, rank: int | None = None) -> int:
    """Return the largest number of regions of one hidden layer, ``sum_{j<=n0} C(n1, j)``; j <= rank W if that is known.

    Exact: attained by generic weights of that rank.

    References
    ----------
    Zaslavsky 1975; Serra et al. 2018, lemma 2 (rank).

    Examples
    --------
    >>> zaslavsky(2, 4), zaslavsky(2, 4, rank=1)
    (11, 5)
    """
    _check(n0, [n1])
    return binomial_sum(n1, n0 if rank is None else min(whole(rank, "rank", 0), n0))


def all_patterns(n0: int, widths: Widths) -> int:
    """Return 2^N, one region per pattern (Montufar et al. 2014).

    Examples
    --------
    >>> all_patterns(2, [3, 2])
    32
    """
    _check(n0, widths)
    return int(2 ** sum(widths))


def raghu(n0: int, widths: Widths) -> int:
    """Return ``prod_l (n_l + 1)^n0``, an explicit form of the order ``O(n^(L n0))`` of Raghu et al. 2017.

    A bound since ``sum_{j<=d} C(n, j) <= (n + 1)^d``: choose d times a neuron or none.

    Examples
    --------
    >>> raghu(2, [4, 4])
    625
    """
    _check(n0, widths)
    return int(prod((n + 1) ** n0 for n in widths))


def montufar_2017(n0: int, widths: Widths) -> int:
    """Return ``prod_l sum_{j<=d_l} C(n_l, j)`` with ``d_l = min(n0, n_1, .., n_(l-1))``.

    References
    ----------
    Montufar 2017, proposition 3.

    Examples
    --------
    >>> montufar_2017(2, [4, 4]), montufar_2017(3, [5, 4, 3])
    (121, 3120)
    """
    _check(n0, widths)
    d, out = n0, 1
    for n in widths:
        out *= binomial_sum(n, d)
        d = min(d, n)
    return out


def serra_2018(n0: int, widths: Widths, ranks: Sequence[int] | None = None) -> int:
    """Return ``sum prod_l C(n_l, j_l)`` over ``0 <= j_l <= min(n0, n_1 - j_1, .., n_(l-1) - j_(l-1), n_l)``.

    Where j_l of n_l neurons are inactive, at most n_l - j_l dimensions are left.

    Parameters
    ----------
    n0 : int
    widths : sequence of int
    ranks : sequence of int, optional
        Ranks of the weight matrices, which bound j_l as well.

    References
    ----------
    Serra et al. 2018, theorem 1 and corollary 3.

    Examples
    --------
    >>> serra_2018(2, [4, 4]), serra_2018(3, [5, 4, 3]), serra_2018(10, [4, 4])
    (121, 2338, 163)
    """
    _check(n0, widths)
    if ranks is not None and len(ranks) != len(widths):
        raise InputError(f"{len(ranks)} ranks for {len(widths)} layers; give one per hidden layer")
    for rank in ranks or ():
        whole(rank, "a rank", 0)

    @functools.cache
    def count(layer: int, d: int) -> int:
        if layer == len(widths):
            return 1
        n = widths[layer]
        top = min(d, n, n if ranks is None else ranks[layer])
        return sum(comb(n, j) * count(layer + 1, min(d, n - j)) for j in range(top + 1))

    return count(0, n0)


def plane_histogram(d: int, n: int) -> list[int]:
    """Return ``sum_{j<=d} C(n, j) e_(n-j)``, which dominates the regions of n hyperplanes in R^d by active neurons.

    Entry i counts regions with i active neurons. With it the bound of Hinz and van de Geer is that of Serra et al.

    Examples
    --------
    >>> plane_histogram(1, 3)
    [0, 0, 3, 1]
    """
    return [comb(n, n - i) if n - i <= d else 0 for i in range(n + 1)]


def line_histogram(d: int, n: int) -> list[int]:
    """Return the same as :func:`plane_histogram`, but the best one for points on a line (d = 1).

    At most ``n + 1 - max(0, 2j - n)`` of the n + 1 intervals have j or more active neurons: of l neurons that are
    active on the far left, n - l are active on the far right, so that at least 2j - n intervals at the ends have fewer.

    References
    ----------
    Hinz and van de Geer 2019 (the framework); the formula was worked out for this project.

    Examples
    --------
    >>> line_histogram(1, 3)
    [0, 1, 2, 1]
    """
    if d != 1:
        return plane_histogram(d, n)
    tail = [n + 1 - max(0, 2 * j - n) for j in range(n + 1)] + [0]
    return [a - b for a, b in zip(tail[:-1], tail[1:], strict=True)]


def hinz_van_de_geer(n0: int, widths: Widths, gamma: Callable[[int, int], Histogram] = plane_histogram) -> int:
    """Return ``|B_(n_L) M .. B_(n_1) M e_(n0+1)|_1``, the bound of a family of histograms gamma.

    A vector counts regions by dimension of the image, 0 .. n_l. A layer of n neurons takes a region of dimension d to
    regions of dimensions ``min(d, active neurons)``, as ``gamma(d, n)`` says.

    Parameters
    ----------
    n0 : int
    widths : sequence of int
    gamma : callable
        ``gamma(d, n)`` of length n + 1 dominates, in all sums of its last entries, the regions of any n hyperplanes
        in R^d by number of active neurons, and grows with d in that order.

    References
    ----------
    Hinz and van de Geer 2019, theorem 9 (as quoted by later papers).

    Examples
    --------
    >>> hinz_van_de_geer(3, [5, 4, 3]) == serra_2018(3, [5, 4, 3])
    True
    """
    _check(n0, widths)
    vector = {n0: 1}
    for n in widths:
        after: dict[int, int] = {}
        for d, regions in vector.items():
            for active, count in enumerate(gamma(min(d, n), n)):
                if count:
                    rest = min(d, active)
                    after[rest] = after.get(rest, 0) + regions * count
        vector = after
    return sum(vector.values())


def maxout(n0: int, widths: Widths, rank: int) -> int:
    """Return ``prod_l sum_{j<=d_l} C(rank (rank - 1) n_l / 2, j)``, for maxout units of the given rank, at least 1.

    A ReLU is a maxout unit of rank 2.

    References
    ----------
    Serra et al. 2018, theorem 8.

    Examples
    --------
    >>> maxout(2, [4, 4], 2) == montufar_2017(2, [4, 4])
    True
    """
    _check(n0, widths)
    whole(rank, "rank", 1)
    d, out = n0, 1
    for n in widths:
        out *= binomial_sum(rank * (rank - 1) * n // 2, d)
        d = min(d, n)
    return out


def arora_line(widths: Widths) -> int:
    """Return ``2^(k-1) (n_1 + 1) n_2 .. n_k``, a bound on the pieces of a function of one variable.

    References
    ----------
    Arora et al. 2018, lemma D.5.

    Examples
    --------
    >>> arora_line([3, 3])
    24
    """
    _check(1, widths)
    return int(2 ** (len(widths) - 1) * (widths[0] + 1) * prod(widths[1:]))


def arora_size_line(widths: Widths) -> int:
    """Return the whole part of ``(2s / k)^k``, s the sum of the k widths: a bound on the pieces of a function on R.

    References
    ----------
    Arora et al. 2018, lemma D.6.

    Examples
    --------
    >>> arora_size_line([3, 3]), arora_size_line([1, 4])
    (36, 25)
    """
    _check(1, widths)
    k = len(widths)
    return int((2 * sum(widths)) ** k // k**k)


def line_maximum(widths: Widths) -> int:
    """Return ``prod (n_l + 1)``, a bound on the pieces of a function of one variable; attained if all n_l >= 3.

    References
    ----------
    Serra et al. 2018, theorem 5; :func:`polyrelu.theory.constructions.serra` attains it.

    Examples
    --------
    >>> line_maximum([3, 3, 3])
    64
    """
    _check(1, widths)
    return prod(n + 1 for n in widths)


# -- lower bounds -------------------------------------------------------------------------
def montufar_2014(n0: int, widths: Widths) -> int:
    """Return ``prod_{l<L} floor(n_l / n0)^n0 sum_{j<=n0} C(n_L, j)``, 0 if some n_l < n0 (the theorem needs n_l >= n0).

    References
    ----------
    Montufar et al. 2014, theorem 4.

    Examples
    --------
    >>> montufar_2014(2, [4, 3]), montufar_2014(2, [4, 4, 3]), montufar_2014(8, [12] * 4)
    (28, 112, 3797)
    """
    _check(n0, widths)
    return int(prod((n // n0) ** n0 for n in widths[:-1])) * (binomial_sum(widths[-1], n0) if widths[-1] >= n0 else 0)


def pascanu_2014(n0: int, widths: Widths) -> int:
    """Return ``prod_{l<L} floor(n_l / n0) sum_{j<=n0} C(n_L, j)``.

    References
    ----------
    Pascanu, Montufar and Bengio 2014.

    Examples
    --------
    >>> pascanu_2014(2, [4, 4, 3])
    28
    """
    _check(n0, widths)
    return prod(n // n0 for n in widths[:-1]) * (binomial_sum(widths[-1], n0) if widths[-1] >= n0 else 0)


def serra_lower(n0: int, widths: Widths) -> int:
    """Return the bound of Montufar et al. 2014 with ``floor(n_l / n0) + 1`` where n_l >= 3 n0.

    References
    ----------
    Serra et al. 2018, theorem 6.

    Examples
    --------
    >>> serra_lower(2, [6, 3]), serra_lower(1, [3, 3, 3])
    (112, 64)
    """
    _check(n0, widths)
    factors = ((n // n0 + (n >= 3 * n0)) ** n0 for n in widths[:-1])
    return int(prod(factors)) * (binomial_sum(widths[-1], n0) if widths[-1] >= n0 else 0)


def arora_zonotope(n0: int, widths: Widths) -> int:
    """Return ``2 sum_{j<n0} C(m-1, j) prod_{l>1} n_l`` with m = floor(n_1 / 2): the zonotope family.

    This count is corrected: the paper has half of it. 0 if n_1 < 2 or a later width is below 2, as w >= 2 there.

    References
    ----------
    Arora et al. 2018, theorem 3.9.

    Examples
    --------
    >>> arora_zonotope(8, [12] * 4), arora_zonotope(4, [6] * 8)
    (110592, 2239488)
    """
    _check(n0, widths)
    m = widths[0] // 2
    if m < 1 or any(n < 2 for n in widths[1:]):
        return 0
    return 2 * sum(comb(m - 1, j) for j in range(n0)) * prod(widths[1:])


def serra_zonotope(n0: int, widths: Widths) -> int:
    """Return ``2 sum_{j<n0} C(m-1, j) prod_{l>1} (n_l + 1)`` with m = floor(n_1 / 2), if all later n_l >= 3, else 0.

    References
    ----------
    Serra et al. 2018, theorem 7 (printed for w >= 2; the zigzag unit needs three nodes).

    Examples
    --------
    >>> serra_zonotope(2, [6, 3])
    24
    """
    _check(n0, widths)
    m = widths[0] // 2
    if m < 1 or any(n < 3 for n in widths[1:]):
        return 0
    return 2 * sum(comb(m - 1, j) for j in range(n0)) * prod(n + 1 for n in widths[1:])


def tent_line(widths: Widths) -> int:
    """Return ``prod n_l``: hard functions, of which Telgarsky's tents of two nodes are one, along one input.

    References
    ----------
    Telgarsky 2016; Arora et al. 2018, theorem 3.2.

    Examples
    --------
    >>> tent_line([2, 2, 2])
    8
    """
    _check(1, widths)
    return prod(widths)


def upper_bounds(n0: int, widths: Widths) -> list[Bound]:
    """Return every upper bound for an architecture.

    Examples
    --------
    >>> [b.value for b in upper_bounds(2, [4, 4])]
    [256, 625, 121, 121, 121, 121]
    """
    out = [
        Bound("Montufar 2014: 2^N", all_patterns(n0, widths), "<="),
        Bound("Raghu 2017: prod (n_l + 1)^n0", raghu(n0, widths), "<="),
        Bound("Montufar 2017: prod sum_{j<=d_l} C(n_l, j)", montufar_2017(n0, widths), "<="),
        Bound("Serra 2018, Thm 1", serra_2018(n0, widths), "<="),
        Bound("Serra 2018, Thm 8: maxout, of rank 2 like ReLU", maxout(n0, widths, 2), "<="),
        Bound("Hinz & van de Geer 2019, line histogram", hinz_van_de_geer(n0, widths, line_histogram), "<="),
    ]
    if len(widths) == 1:
        out.append(Bound("Zaslavsky: sum_{j<=n0} C(n_1, j), attained", zaslavsky(n0, widths[0]), "<="))
    if n0 == 1:
        out.append(Bound("Arora 2018, Lemma D.5: 2^(k-1) (n_1 + 1) n_2 .. n_k", arora_line(widths), "<="))
        out.append(Bound("Arora 2018, Lemma D.6: (2s / k)^k, s = sum n_l", arora_size_line(widths), "<="))
        out.append(Bound("Serra 2018, Thm 5: prod (n_l + 1)", line_maximum(widths), "<="))
    return out


def lower_bounds(n0: int, widths: Widths) -> list[Bound]:
    """Return every lower bound on the maximum for an architecture.

    Examples
    --------
    >>> [b.value for b in lower_bounds(2, [6, 3])]
    [63, 21, 112, 18, 24, 18]
    """
    return [
        Bound("Montufar 2014, Thm 4", montufar_2014(n0, widths), ">="),
        Bound("Pascanu 2014", pascanu_2014(n0, widths), ">="),
        Bound("Serra 2018, Thm 6", serra_lower(n0, widths), ">="),
        Bound("Arora 2018, Thm 3.9, corrected", arora_zonotope(n0, widths), ">="),
        Bound("Serra 2018, Thm 7", serra_zonotope(n0, widths), ">="),
        Bound("Telgarsky: prod n_l", tent_line(widths), ">="),
    ]
