"""Two networks on one domain: are they the same function, and if not, how far apart.

Both networks are put side by side into one, whose regions are the common refinement: on each of them both are affine,
and so is their difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from . import lp
from .double_description import Generators, generators, simplex_volume, triangulate
from .errors import CertificationError, DomainError, InputError, suggestion
from .exact import Point, RationalMatrix, dot, floats, integer_point, nearest_floats, rational_sum
from .network import Layer, ReluNetwork
from .polytope import HPolytope, as_domain
from .stream import exact_output, exact_rows, region_batches, with_outputs

NORMS = ("L1", "L2", "sup")


@dataclass(frozen=True)
class Comparison:
    """The answer of :func:`equal`; true iff the networks are equal.

    Attributes
    ----------
    equal : bool
    witness : tuple of d Fractions or None
        A point of the domain where the networks differ.
    first, second : tuple of m Fractions or None
        The exact outputs of both networks there.
    regions : int
        Regions of the common refinement that were looked at; all of them if the networks are equal.
    """

    equal: bool
    witness: Point | None
    first: Point | None
    second: Point | None
    regions: int

    def __bool__(self) -> bool:
        return self.equal


@dataclass(frozen=True)
class SquareRoot:
    """The square root of a rational number, which need not be rational itself.

    Attributes
    ----------
    square : Fraction
        Exact.
    value : float
        Certified: within ``error`` of the root.
    error : float
        0.0 if the root is ``value`` exactly.

    Examples
    --------
    >>> SquareRoot.of(Fraction(9, 4))
    SquareRoot(square=Fraction(9, 4), value=1.5, error=0.0)
    >>> root = SquareRoot.of(Fraction(2))
    >>> float(root), root.error < 2**-50
    (1.4142135623730951, True)
    """

    square: Fraction
    value: float
    error: float

    @classmethod
    def of(cls, square: Fraction) -> SquareRoot:
        """Return the root of a nonnegative number."""
        if not square:
            return cls(square, 0.0, 0.0)
        # 2**(2k) square has at least 128 bits, so that its integer root has the 53 of a float and more
        k = max(0, 64 + (square.denominator.bit_length() - square.numerator.bit_length()) // 2)
        below = math.isqrt((square.numerator << 2 * k) // square.denominator)
        low, high = Fraction(below, 1 << k), Fraction(below + 1, 1 << k)
        value = float(floats([low])[0])
        if math.isinf(value):
            return cls(square, value, math.inf)
        if Fraction(value) ** 2 == square:
            return cls(square, value, 0.0)
        error = max(high - Fraction(value), Fraction(value) - low)
        return cls(square, value, float(nearest_floats([error], +1)[0]))

    def __float__(self) -> float:
        return self.value


def equal(f: ReluNetwork, g: ReluNetwork, domain: HPolytope | None = None) -> Comparison:
    """Decide whether two networks compute the same function on a domain, with a witness if they do not.

    Parameters
    ----------
    f, g : ReluNetwork
        With the same number of inputs and of outputs; anything else may differ.
    domain : HPolytope or Box, optional
        Full-dimensional, bounded or not; None is all of R^d.

    Returns
    -------
    Comparison
        True or false; if false, a rational point of the domain where the outputs differ, and both outputs there.

    Raises
    ------
    InputError
        Networks with different numbers of inputs or outputs.
    DomainError
        The domain is empty, flat or of another dimension.

    Notes
    -----
    Exactness: *exact*. The search stops at the first region with a difference. Each difference ``f_k - g_k`` and its
    negative are neurons that cut: the networks are equal iff none of them is active on any region, for a form that
    is identically zero is inactive. Cost: the regions of both networks together, in subdivision one determinant of
    integers or a few for each (the test for a zero form).

    Examples
    --------
    The maximum of two numbers, two ways; then with one weight changed by one unit in the last place:

    >>> f = ReluNetwork([[[1, -1], [0, 1], [0, -1]], [[1, 1, -1]]], [[0, 0, 0], [0]])
    >>> g = ReluNetwork([[[-1, 1], [1, 0], [-1, 0]], [[1, 1, -1]]], [[0, 0, 0], [0]])
    >>> bool(equal(f, g))
    True
    >>> h = ReluNetwork([[[-1, 1], [1, 0], [-1, 0]], [[1, 1 + 2**-52, -1]]], [[0, 0, 0], [0]])
    >>> answer = equal(f, h)
    >>> answer.equal, answer.first != answer.second
    (False, True)
    """
    space = _check(f, g, domain)
    joined, gap = difference(f, g)
    twice = Layer(
        {k: RationalMatrix.vstack(w, -w) for k, w in gap.blocks.items()}, RationalMatrix.vstack(gap.bias, -gap.bias)
    )
    net = with_outputs(joined, twice)
    seen = 0
    for batch in region_batches(net, space):
        differing = np.flatnonzero(batch.patterns[:, joined.neurons :].any(axis=1)).tolist()
        if differing:
            i = differing[0]
            rows, _ = exact_rows(net, space, batch.patterns[i], batch.rows(i))
            x = lp.interior_point(rows, net.input_dim)
            values = [exact_output(h, x) if x is not None else () for h in (f, g)]
            if values[0] == values[1]:
                raise CertificationError("two networks differ on a region but not at a point inside it")
            return Comparison(False, x, values[0], values[1], seen + i + 1)
        seen += len(batch.patterns)
    return Comparison(True, None, None, None, seen)


def distance(
    f: ReluNetwork, g: ReluNetwork, domain: HPolytope | None = None, norm: str = "sup"
) -> Fraction | float | SquareRoot:
    """Return the distance of two networks on a domain, exactly.

    ``"L1"``: the integral of ``sum_k |f_k - g_k|``. ``"L2"``: the root of the integral of ``sum_k (f_k - g_k)^2``.
    ``"sup"``: the supremum of ``max_k |f_k - g_k|``.

    Parameters
    ----------
    f, g : ReluNetwork
        With the same number of inputs and of outputs.
    domain : HPolytope or Box, optional
        Full-dimensional. For ``"sup"`` it may be unbounded; None is all of R^d.
    norm : {"sup", "L1", "L2"}

    Returns
    -------
    Fraction
        For ``"L1"`` and ``"sup"``; ``math.inf`` if the supremum is infinite.
    SquareRoot
        For ``"L2"``: the exact square, and its root as a float with a certified error.

    Raises
    ------
    InputError
        Unknown norm; networks with different numbers of inputs or outputs.
    DomainError
        The domain is empty, flat or of another dimension; unbounded for ``"L1"`` and ``"L2"``.

    Notes
    -----
    Exactness: *exact*; the float of the L2 norm *certified*. Sums over the regions of the common refinement, for
    ``"L1"`` cut along ``f_k = g_k`` as well. A region is triangulated; the mean of an affine form over a simplex is
    that of its values v_0 .. v_d at the corners, and the mean of its square
    ``((sum v_i)^2 + sum v_i^2) / ((d + 1)(d + 2))``.

    References
    ----------
    J. B. Lasserre and K. E. Avrachenkov, The multi-dimensional version of int x^p dx, 2001 (Theorem 2.1).

    Examples
    --------
    |x| and 0 on [-1, 1]; int |x| = 1, int x^2 = 2/3:

    >>> from polyrelu.polytope import Box
    >>> f = ReluNetwork([[[1], [-1]], [[1, 1]]], [[0, 0], [0]])
    >>> zero = ReluNetwork([[[0]]], [[0]])
    >>> I = Box([-1], [1])
    >>> distance(f, zero, I, "sup"), distance(f, zero, I, "L1"), distance(f, zero, I, "L2").square
    (Fraction(1, 1), Fraction(1, 1), Fraction(2, 3))
    >>> distance(f, zero)
    inf
    """
    space = _check(f, g, domain)
    if norm not in NORMS:
        raise InputError(f"norm is {norm!r}; choose one of {', '.join(NORMS)}{suggestion(norm, NORMS)}")
    if norm != "sup" and not space.is_bounded():
        raise DomainError(f"the domain is unbounded; {norm} needs a bounded one, give a Box (or norm='sup')")
    joined, gap = difference(f, g)
    cut = norm == "L1"
    net = with_outputs(joined, gap) if cut else ReluNetwork.from_layers([*joined.relu_layers, gap], f.input_dim)
    largest, parts = Fraction(0), []
    for batch in region_batches(net, space):
        for i, bits in enumerate(batch.patterns):
            rows, forms = exact_rows(net, space, bits, batch.rows(i))
            if forms.is_zero:
                continue
            shape = generators(rows, f.input_dim)
            if norm == "sup":
                value = _supremum(forms, shape)
                if value is None:
                    return math.inf
                largest = max(largest, value)
            else:
                parts.append(_integral(forms, shape, squared=not cut))
    if norm == "sup":
        return largest
    total = rational_sum(parts)
    return total if cut else SquareRoot.of(total)


def difference(f: ReluNetwork, g: ReluNetwork) -> tuple[ReluNetwork, Layer]:
    """Return the hidden neurons of two networks in one, layer by layer, and the affine layer ``f - g`` behind them.

    The layer belongs behind all hidden layers of the network, whose own outputs are these differences.

    Examples
    --------
    >>> f = ReluNetwork([[[1]], [[1]]], [[0], [0]])
    >>> net, gap = difference(f, ReluNetwork([[[1]], [[1]], [[1]]], [[0], [-1], [0]]))
    >>> net.widths, net([[3]]).tolist()
    ((2, 1), [[Fraction(1, 1)]])
    """
    nets = (f, g)
    depth = max(len(net.relu_layers) for net in nets)
    # block k of the whole: the neurons of f's hidden layer k, then those of g's
    width = [[net.relu_layers[k].size if k < len(net.relu_layers) else 0 for k in range(depth)] for net in nets]
    layers = []
    for k in range(depth):
        parts = [net.relu_layers[k] if k < len(net.relu_layers) else None for net in nets]
        layers.append(_beside(parts, width, f.input_dim))
    ends = [net.output_layer() for net in nets]
    both = _beside(list(ends), width, f.input_dim)
    m = f.output_dim
    minus = RationalMatrix.identity(m).hstack(-RationalMatrix.identity(m))
    gap = Layer({k: minus @ w for k, w in both.blocks.items()}, minus @ both.bias)
    return ReluNetwork.from_layers([*layers, gap], f.input_dim), gap


def _beside(parts: list[Layer | None], width: list[list[int]], d: int) -> Layer:
    """Put two layers on top of each other, each reading its own half of every block; block 0 is shared."""
    zero = RationalMatrix.zeros
    blocks: dict[int, RationalMatrix] = {}
    for k in sorted({k for part in parts if part is not None for k in part.blocks}):
        stacked = zero(0, d if k == 0 else width[0][k - 1] + width[1][k - 1])
        for own, part in enumerate(parts):
            if part is None:
                continue
            if k == 0:
                matrix = part.blocks.get(0, zero(part.size, d))
            else:
                matrix = part.blocks.get(k, zero(part.size, width[own][k - 1]))
                other = zero(part.size, width[1 - own][k - 1])
                matrix = other.hstack(matrix) if own else matrix.hstack(other)
            stacked = RationalMatrix.vstack(stacked, matrix)
        blocks[k] = stacked
    bias = zero(0, 1)
    for part in parts:
        bias = RationalMatrix.vstack(bias, part.bias) if part is not None else bias
    return Layer(blocks, bias)


def _check(f: ReluNetwork, g: ReluNetwork, domain: HPolytope | None) -> HPolytope:
    for name, net in (("f", f), ("g", g)):
        if not isinstance(net, ReluNetwork):
            raise InputError(f"{name} is of type {type(net).__name__}; give a ReluNetwork")
    for what, a, b in (("inputs", f.input_dim, g.input_dim), ("outputs", f.output_dim, g.output_dim)):
        if a != b:
            raise InputError(f"f has {a} {what} and g has {b}; only networks with as many {what} can be compared")
    return as_domain(domain, f.input_dim)


def _values(forms: RationalMatrix, x: Point) -> list[Fraction]:
    numerators, den = integer_point(x)
    return [Fraction(dot(row, numerators, den), den * forms.den) for row in forms.integers()]


def _supremum(forms: RationalMatrix, shape: Generators) -> Fraction | None:
    """Return the largest |form| on a polyhedron, or None if it is infinite."""
    for ray in (*shape.rays, *shape.lines):
        if any(sum(a * v for a, v in zip(row, ray, strict=False)) for row in forms.integers()):
            return None
    return max(abs(v) for x in shape.vertices for v in _values(forms, x))


def _integral(forms: RationalMatrix, shape: Generators, squared: bool) -> Fraction:
    """Return the integral of sum |form|, for forms of one sign on the polytope, or of sum form^2."""
    values = [_values(forms, x) for x in shape.vertices]
    parts = []
    for simplex in triangulate(shape.incidence):
        n = len(simplex)
        mean = Fraction(0)
        for corner in zip(*(values[v] for v in simplex), strict=True):
            mean += (sum(corner) ** 2 + sum(v * v for v in corner)) / (n * (n + 1)) if squared else abs(sum(corner)) / n
        parts.append(mean * simplex_volume([shape.vertices[v] for v in simplex]))
    return rational_sum(parts)
