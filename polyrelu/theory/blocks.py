"""Networks put together from parts: composition, parallel coordinates, and the claims that come with a construction.

Legend: a *part* is a list of layers ``(weights, biases)`` of plain rationals, with a ReLU after each but the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import InputError
from ..exact import point
from ..network import ReluNetwork
from ..polytope import Box

Part = list[tuple[list[list[Any]], list[Any]]]


@dataclass(frozen=True)
class Claim:
    """What a theorem says about the number of regions of one network.

    Attributes
    ----------
    statement : str
        Where the claim comes from.
    count : {"activation", "open", "closed", "affine"}
        Which regions are counted; see :meth:`polyrelu.RegionComplex.linear_regions`.
    relation : {"=", ">=", "<="}
        Of the enumerated number to the claimed one.
    value : int
        The claimed number.
    domain : Box or None
        Where the regions are counted; None is all of R^n.
    window : Box or None
        A box that meets the same regions (and for linear regions, the same facets between them) if the domain is R^n:
        it counts alike, and faster.
    """

    statement: str
    count: str
    relation: str
    value: int
    domain: Box | None = None
    window: Box | None = None


@dataclass(frozen=True)
class Construction:
    """A network with what is claimed of it.

    Attributes
    ----------
    name : str
        As the command line knows it.
    parameters : dict
        Ints, Fractions, and lists of them.
    network : ReluNetwork
        Exact.
    claims : tuple of Claim
        Every one can be checked by :func:`polyrelu.theory.table.check`.
    """

    name: str
    parameters: Mapping[str, Any]
    network: ReluNetwork
    claims: tuple[Claim, ...]

    @property
    def depth(self) -> int:
        """Number of layers, the output layer included (Arora et al. 2018, definition 1)."""
        return len(self.network.layers)

    @property
    def width(self) -> int:
        """Largest number of neurons in a hidden layer."""
        return max(self.network.widths)

    @property
    def size(self) -> int:
        """Number of hidden neurons."""
        return self.network.neurons


def build(part: Part) -> ReluNetwork:
    """Return the network of a part."""
    return ReluNetwork([w for w, _ in part], [b for _, b in part])


def compose(*parts: Part) -> Part:
    """Apply parts one after another; the affine end of one is multiplied into the start of the next.

    Depths add up to ``k_1 + k_2 + 1`` and sizes to ``s_1 + s_2``, as in Arora et al. 2018, lemma D.1.

    Examples
    --------
    >>> compose([([[1]], [0]), ([[2]], [1])], [([[3]], [0]), ([[1]], [0])])
    [([[1]], [0]), ([[6]], [3]), ([[1]], [0])]
    """
    whole = parts[0]
    for part in parts[1:]:
        (v, c), (w, b) = whole[-1], part[0]
        merged = [[sum(row[k] * v[k][j] for k in range(len(v))) for j in range(len(v[0]))] for row in w]
        bias = [b[i] + sum(row[k] * c[k] for k in range(len(v))) for i, row in enumerate(w)]
        whole = [*whole[:-1], (merged, bias), *part[1:]]
    return whole


def stack(*parts: Part) -> Part:
    """Let parts of equal depth act on separate coordinates (block diagonal weights).

    Examples
    --------
    >>> stack([([[1]], [2])], [([[3]], [4])])
    [([[1, 0], [0, 3]], [2, 4])]
    """
    out: Part = []
    for layers in zip(*parts, strict=True):
        width = sum(len(w[0]) for w, _ in layers)
        rows: list[list[Any]] = []
        bias: list[Any] = []
        start = 0
        for w, b in layers:
            rows += [[0] * start + list(row) + [0] * (width - start - len(row)) for row in w]
            bias += b
            start += len(w[0])
        out.append((rows, bias))
    return out


def hinges(normals: Iterable[Sequence[Any]], offsets: Iterable[Any], output: Sequence[Any] | None = None) -> Part:
    """Return ``sum_i output_i relu(normal_i . x - offset_i)``; output weights are ones by default."""
    rows = [list(a) for a in normals]
    weights = point([1] * len(rows) if output is None else output, "output")
    if len(weights) != len(rows):
        raise InputError(f"output has {len(weights)} weights for {len(rows)} nodes; give one per node")
    return [(rows, [-c for c in offsets]), ([list(weights)], [0])]


def crossing_planes(n: int, count: int) -> tuple[list[list[Any]], list[Any]]:
    """Return normals and offsets of generic hyperplanes whose vertices all lie in the open unit cube of R^n.

    ``sum_j t^j (x_j - 1/2) = t^n / (2 (count + 1)^n)`` for t = 0 .. count - 1: any n normals are independent
    (Vandermonde), no n + 1 planes meet, and a vertex is off the middle by less than ``count^n`` times that.
    Every region of the arrangement has a vertex in its closure, so that it meets the cube. For (n, count) = (1, 2) and
    (2, 3) the points .3 and .7, and the lines x + y = 1, x - y = 1/20, 3x + y = 17/10 do the same.

    Examples
    --------
    >>> crossing_planes(1, 3)
    ([[1], [1], [1]], [Fraction(1, 2), Fraction(5, 8), Fraction(3, 4)])
    """
    if count < n:
        raise InputError(f"{count} planes have no vertex in R^{n}; the last layer needs at least {n}")
    if (n, count) == (1, 2):
        return [[1], [1]], [Fraction(3, 10), Fraction(7, 10)]
    if (n, count) == (2, 3):
        return [[1, 1], [1, -1], [3, 1]], [Fraction(1), Fraction(1, 20), Fraction(17, 10)]
    step = Fraction(1, 2 * (count + 1) ** n)
    normals = [[t**j for j in range(n)] for t in range(count)]
    return normals, [Fraction(sum(a), 2) + step * t**n for t, a in enumerate(normals)]
