"""How large a shallower network has to be: lower bounds on size, exact although they are roots.

References
----------
R. Arora et al., Understanding Deep Neural Networks with Rectified Linear Units, 2018 (appendix D).
T. Serra et al., Bounding and Counting Linear Regions of Deep Neural Networks, 2018 (theorem 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod

from ..exact import nearest_floats
from .bounds import whole


@dataclass(frozen=True)
class SizeBound:
    """The number ``factor * radicand^(1/root) - shift``, a lower bound on the size of networks.

    Compared exactly: a size s reaches it iff ``((s + shift) / factor)^root >= radicand``.

    Examples
    --------
    >>> b = SizeBound(Fraction(1, 2), Fraction(9), 2, 1)
    >>> b.least_size, b.exact, float(b)
    (1, Fraction(1, 2), 0.5)
    >>> SizeBound(Fraction(1), Fraction(2), 2, 0).exact is None
    True
    """

    factor: Fraction
    radicand: Fraction
    root: int
    shift: int

    def reached(self, size: Fraction | int) -> bool:
        """Tell whether a number is at least the bound."""
        base = (size + self.shift) / Fraction(self.factor)
        return base >= 0 and base**self.root >= self.radicand

    @property
    def least_size(self) -> int:
        """The smallest whole number that is at least the bound, and not negative."""
        return self._least(1)

    def _least(self, scale: int) -> int:
        low, high = -1, 1
        while not self.reached(Fraction(high, scale)):
            high *= 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.reached(Fraction(middle, scale)) else (middle, high)
        return high

    @property
    def exact(self) -> Fraction | None:
        """The bound itself if it is rational, else None."""
        parts = []
        for v in (self.radicand.numerator, self.radicand.denominator):
            base = SizeBound(Fraction(1), Fraction(v), self.root, 0).least_size
            if base**self.root != v:
                return None
            parts.append(base)
        return self.factor * Fraction(*parts) - self.shift

    def __float__(self) -> float:
        """Return a float that is at most the bound, and within 2^-60 and a rounding of it (0 if it is negative)."""
        exact = self.exact
        if exact is not None:
            return float(nearest_floats([exact], -1)[0])
        return float(nearest_floats([Fraction(max(0, self._least(2**60) - 1), 2**60)], -1)[0])


def arora_size(pieces: int, depth: int) -> SizeBound:
    """Return ``k p^(1/k) / 2 - 1``, a lower bound on the size of k hidden layers for p pieces on a line.

    References
    ----------
    Arora et al. 2018, lemma D.6.

    Examples
    --------
    >>> arora_size(64, 1).least_size, arora_size(64, 2).least_size, arora_size(64, 3).least_size
    (31, 7, 5)
    """
    whole(pieces, "pieces", 1), whole(depth, "depth", 1)
    return SizeBound(Fraction(depth, 2), Fraction(pieces), depth, 1)


def least_size(pieces: int, depth: int) -> int:
    """Return the least sum of ``depth`` widths with ``prod (n_l + 1) >= pieces``: sharper than lemma D.6.

    No smaller network of that many hidden layers has so many pieces on any line; from widths of 3 on, some
    network of this size has them (Serra et al. 2018, theorem 5).

    Examples
    --------
    >>> least_size(64, 1), least_size(64, 2), least_size(64, 3)
    (63, 14, 9)
    """
    whole(pieces, "pieces", 1), whole(depth, "depth", 1)
    # for a given sum the product is largest if the factors differ by one at most; every layer has a neuron
    size = depth
    while prod(size // depth + 1 + (i < size % depth) for i in range(depth)) < pieces:
        size += 1
    return size
