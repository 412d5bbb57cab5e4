"""Theorems 3.1, 3.2, 3.5, 3.9 and corollaries 3.3, 3.4 of Arora et al. 2018: a network, and what shallower ones cost.

Legend: k hidden layers make k + 1 layers; ``w`` nodes in each; k' <= k is the number of hidden layers of a rival:
exactly so many, as in the paper's (k'+1)-layer networks. For "at most k'" take the worst of 1 .. k'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..compare import Comparison, equal
from ..errors import InputError
from ..exact import fraction
from ..network import ReluNetwork
from .blocks import Construction, Part, build, compose, hinges
from .bounds import whole
from .constructions import even_kinks, hard, hard_function, random_kinks, tooth, zonotope
from .sizes import SizeBound, arora_size, least_size


def _rival_layers(layers: int, depth: int) -> int:
    if whole(layers, "layers", 1) > depth:
        raise InputError(f"layers is {layers}; the theorem speaks of rivals of at most {depth} hidden layers")
    return layers


@dataclass(frozen=True)
class DepthGap:
    """A deep network, and how large every network of k' <= k hidden layers of the same function has to be.

    Attributes
    ----------
    construction : Construction
        Its ``network``, ``depth`` (number of layers) and ``size`` (hidden neurons) are those of the theorem.
    depth : int
        Hidden layers k; the rivals have k' of them, from 1 to k.
    pieces : int
        Pieces that the theorem counts on a line.
    line_pieces : int
        All pieces on that line.
    """

    construction: Construction
    depth: int
    pieces: int
    line_pieces: int

    @property
    def network(self) -> ReluNetwork:
        """The network."""
        return self.construction.network

    def size_bound(self, layers: int) -> SizeBound:
        """Return the theorem's lower bound on the size with exactly k' hidden layers, an exact root.

        It need not fall with k': for w = 2 and k = 40 it is lower with 28 hidden layers than with 40.

        Examples
        --------
        >>> theorem_3_1(3, 4).size_bound(1).exact
        Fraction(31, 1)
        """
        return arora_size(self.pieces, _rival_layers(layers, self.depth))

    def least_size(self, layers: int) -> int:
        """Return a sharper bound, from all pieces on the line and ``prod (n_l + 1)`` (see :func:`sizes.least_size`).

        True for at most k' hidden layers too: one layer of two nodes or more, split into two, has more pieces, and
        layers of one node have 2^k' <= w^k pieces.

        Examples
        --------
        >>> theorem_3_1(3, 4).least_size(1)
        65
        """
        return least_size(self.line_pieces, _rival_layers(layers, self.depth))


def theorem_3_1(k: int, w: int, M: Any = 1, seed: int | None = None) -> DepthGap:
    """Return a member of the hard family: k hidden layers of w nodes; k' need ``k' w^(k/k') / 2 - 1`` nodes or more.

    The pieces are those of theorem 3.2, w^k in [0, M]; on all of R there are one or two more.

    References
    ----------
    Arora et al. 2018, theorems 3.1 and 3.2.

    Examples
    --------
    >>> gap = theorem_3_1(2, 3)
    >>> gap.construction.depth, gap.construction.size, gap.size_bound(1).least_size
    (3, 6, 4)
    """
    made = hard(w, k, M, seed)
    line = next(c.value for c in made.claims if c.count == "open" and c.domain is None and c.relation == "=")
    return DepthGap(made, k, w**k, line)


@dataclass(frozen=True)
class HardPair:
    """Two members of the hard family and whether they are one function; true (``bool``) if they are.

    Attributes
    ----------
    first, second : Construction
        Each with its ``network``, ``depth`` and ``size``.
    comparison : Comparison
        The answer of :func:`polyrelu.equal`, with a point where the functions differ if they do.
    same_parameters : bool
        By the theorem this is the answer, too.
    """

    first: Construction
    second: Construction
    comparison: Comparison
    same_parameters: bool

    @property
    def networks(self) -> tuple[ReluNetwork, ReluNetwork]:
        """Both networks."""
        return self.first.network, self.second.network

    @property
    def depths(self) -> tuple[int, int]:
        """Numbers of layers, k + 1."""
        return self.first.depth, self.second.depth

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of hidden neurons, w k."""
        return self.first.size, self.second.size

    def __bool__(self) -> bool:
        return bool(self.comparison)


def theorem_3_2(
    kinks: Sequence[Sequence[Any]], others: Sequence[Sequence[Any]], M: Any = 1, N: Any = None
) -> HardPair:
    """Compare two members of the hard family: by the theorem they are one function only if their parameters agree.

    Parameters
    ----------
    kinks, others : k sequences of w - 1 rationals
        Parameters inside (0, M) and (0, N); N is M by default.

    Examples
    --------
    >>> bool(theorem_3_2([["1/2"]], [["1/2"]])), bool(theorem_3_2([["1/2"]], [["1/2"]], 1, 2))
    (True, False)
    >>> pair = theorem_3_2([["1/2"]], [["1/3"]])
    >>> bool(pair), pair.same_parameters, pair.sizes, pair.depths
    (False, False, (2, 2), (2, 2))
    """
    f, g = hard_function(kinks, M), hard_function(others, M if N is None else N)
    same = all(f.parameters[key] == g.parameters[key] for key in ("a", "M"))
    return HardPair(f, g, equal(f.network, g.network), same)


def corollary_3_3(k: int, power: Any, seed: int | None = None) -> DepthGap:
    """Return the family of depth k^(1 + e) + 1 and size k^(2 + e), of which depth k + 1 needs ``k k^(k^e) / 2 - 1``.

    Theorem 3.1 with w = k and k^(1 + e) hidden layers, where k' = k.

    Parameters
    ----------
    k : int
        At least 2.
    power : rational
        The positive exponent e; k^(1 + e) has to be a whole number.

    References
    ----------
    Arora et al. 2018, corollary 3.3.

    Examples
    --------
    >>> gap = corollary_3_3(4, "1/2")
    >>> gap.construction.depth, gap.construction.size, gap.size_bound(4).exact
    (9, 32, Fraction(31, 1))
    """
    exponent = 1 + fraction(power, "the power")
    whole(k, "k", 2)
    if exponent <= 1:
        raise InputError(f"the power is {exponent - 1}; give a positive rational")
    layers = SizeBound(Fraction(1), Fraction(k**exponent.numerator), exponent.denominator, 0).exact
    if layers is None or layers.denominator > 1:
        raise InputError(f"{k}^({exponent}) is no whole number of layers; choose another k or power")
    return theorem_3_1(int(layers), k, seed=seed)


def corollary_3_4(k: int, seed: int | None = None) -> DepthGap:
    """Return the family of k^2 + 1 layers and k^3 nodes, of which k + 1 layers need ``k^(k+1) / 2 - 1`` nodes.

    References
    ----------
    Arora et al. 2018, corollary 3.4.

    Examples
    --------
    >>> gap = corollary_3_4(2)
    >>> gap.construction.depth, gap.construction.size, gap.size_bound(2).exact
    (5, 8, Fraction(3, 1))
    """
    return corollary_3_3(k, 1, seed)


def theorem_3_9(n: int, k: int, m: int, w: int, seed: int | None = None) -> DepthGap:
    """Return a member of the zonotope family, depth k + 2 and size 2m + wk, with a safe bound for shallower networks.

    On a line through 0 the function is ``H(|t| gamma)`` with 2 w^k pieces and more. The display of part (ii) of
    the theorem could not be confirmed; this bound follows from lemma D.6 alone, and is valid.

    References
    ----------
    Arora et al. 2018, theorem 3.9 (i) and (iii), lemma D.6.

    Examples
    --------
    >>> gap = theorem_3_9(2, 2, 3, 4)
    >>> gap.construction.depth, gap.construction.size, gap.size_bound(1).exact, gap.least_size(1)
    (4, 14, Fraction(15, 1), 33)
    """
    made = zonotope(n, m, w, k, seed)
    extra = int(k >= 2 and w % 2 == 0)
    return DepthGap(made, k, 2 * w**k, 2 * (w**k + extra))


# -- Theorem 3.5: the gap in L1 -----------------------------------------------------------
@dataclass(frozen=True)
class MeanGap:
    """The sawtooth f of w^k pieces on [0, 1], and how far from it small networks of fewer hidden layers stay.

    Attributes
    ----------
    construction : Construction
        k hidden layers of w nodes; kinks at multiples of 1/w.
    depth : int
        Hidden layers k; the rivals have k' of them, from 1 to k.
    teeth : int
        w^k.

    Notes
    -----
    A rival g of N pieces on [0, 1] leaves all but N - 1 of the ``floor(w^k / 2)`` tents of f unbroken, and an affine
    function is at least ``1 / (2 w^k)`` away from each: the distance is at least ``(1 - (2N - 1) / w^k) / 4``, where
    for odd w^k half a tent is left over and counted as nothing. With exactly k' hidden layers of s nodes,
    ``N <= (2s / k')^k'``. That is not monotone in k'. So the theorem, which is printed for depth at most k' + 1, is
    false: for w = 2, k = k' = 7 it keeps three nodes .2486 away, but three nodes in one hidden layer come to .2471.
    """

    construction: Construction
    depth: int
    teeth: int

    @property
    def network(self) -> ReluNetwork:
        """The network."""
        return self.construction.network

    def largest_size(self, layers: int, delta: Any) -> int:
        """Return the largest size of exactly k' hidden layers that the theorem keeps farther than delta away.

        The whole part of ``k' w^(k/k') (1 - 4 delta)^(1/k') / 2^(1 + 1/k')``, for 0 < delta < 1/4; 0 if that is less
        than k', as no such network is so small.

        Examples
        --------
        >>> theorem_3_5(3, 4).largest_size(1, "1/8")
        8
        """
        gap = fraction(delta, "delta")
        if not 0 < gap < Fraction(1, 4):
            raise InputError(f"delta is {gap}; the theorem needs 0 < delta < 1/4 (1/2 is 1/4 away from any sawtooth)")
        above = _rival_layers(layers, self.depth) ** layers * self.teeth * (1 - 4 * gap)
        size = 0
        while (size + 1) ** layers * 2 ** (layers + 1) <= above:
            size += 1
        return size if size >= layers else 0

    def distance_bound(self, layers: int, size: int) -> Fraction:
        """Return the largest delta of the theorem for networks of exactly k' hidden layers and s nodes; 0 if none.

        ``(1 - 2^(k'+1) s^k' / (k'^k' w^k)) / 4``: their L1 distance from f is larger. s is at least k'.

        Examples
        --------
        >>> theorem_3_5(3, 4).distance_bound(1, 8)
        Fraction(1, 8)
        """
        if whole(size, "size", 1) < _rival_layers(layers, self.depth):
            raise InputError(f"size is {size}; {layers} hidden layers have at least {layers} nodes")
        share = Fraction(2 ** (layers + 1) * size**layers, layers**layers * self.teeth)
        return max(Fraction(0), (1 - share) / 4)

    def follower(self, layers: int, width: int) -> tuple[ReluNetwork, Fraction]:
        """Return a good rival of ``layers * width + 1`` nodes, and its L1 distance from f on [0, 1].

        It agrees with f on the first ``q = width^layers`` teeth but half of the last one, and then stays at
        1/2, the best constant. The distance is ``(1 - (q - 1/2) / w^k) / 4``.

        Examples
        --------
        >>> g, distance = theorem_3_5(2, 2).follower(1, 2)
        >>> g.neurons, distance
        (3, Fraction(5, 32))
        """
        _rival_layers(layers, self.depth), whole(width, "width", 1)
        followed = width**layers
        if followed > self.teeth:
            raise InputError(f"{width}^{layers} teeth are more than the {self.teeth} of f; give a smaller width")
        stretch = Fraction(self.teeth, followed)
        # the first layer stops where the last tooth has come to 1/2
        kinks = [Fraction(i, width) for i in range(width)]
        slopes = [Fraction(width * (-1) ** i) for i in range(width)]
        jumps = [b - a for a, b in zip([Fraction(0), *slopes], [*slopes, Fraction(0)], strict=True)]
        stop = 1 - Fraction(1, 2 * followed)
        first: Part = hinges([[stretch]] * (width + 1), [*kinks, stop], jumps)
        rest = [tooth(kinks[1:], Fraction(1))] * (layers - 1)
        return build(compose(first, *rest)), (1 - (followed - Fraction(1, 2)) / self.teeth) / 4


def theorem_3_5(k: int, w: int) -> MeanGap:
    """Return f_{k,w}, and the L1 distance that keeps smaller networks of k' <= k hidden layers away from it.

    References
    ----------
    Arora et al. 2018, theorem 3.5.

    Examples
    --------
    >>> gap = theorem_3_5(2, 2)
    >>> gap.construction.depth, gap.teeth, gap.distance_bound(1, 1)
    (3, 4, Fraction(0, 1))
    """
    return MeanGap(hard(w, k), k, w**k)


def smooth_family(k: int, w: int, count: int, seed: int = 0) -> list[tuple[list[list[Fraction]], Fraction]]:
    """Draw parameters (a^1 .. a^k, M) of the hard family, M among 1 .. 8, the even ones first; all different.

    Examples
    --------
    >>> len(smooth_family(2, 2, 3))
    3
    """
    out: list[tuple[list[list[Fraction]], Fraction]] = [(even_kinks(w, k), Fraction(1))]
    step = seed
    while len(out) < whole(count, "count", 1):
        M = Fraction(1 + step % 8)
        drawn = (random_kinks(w, k, M, step), M)
        if drawn not in out:
            out.append(drawn)
        step += 1
    return out
