"""Piecewise-linear functions as networks of few hidden layers (Arora et al. 2018, Theorem 2.1).

The route, all exact: a function f is made convex by adding ``c |alpha.x + beta|`` for every hyperplane across
which f bends down; the convex function is the maximum of its affine pieces; that maximum is a signed sum of maxima of
at most d + 1 pieces each (a triangulation of the pieces' coefficients); every such maximum is a small network, and
all of them stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..compare import Comparison, difference, equal
from ..errors import CertificationError, InputError
from ..exact import IntRow, Point, RationalMatrix, dot, integer_point
from ..linear import choose_outputs
from ..network import ReluNetwork
from ..polytope import HPolytope
from .circuits import Circuit, Value
from .maxima import largest_maximum, maximum, maximum_layers, maximum_network, tree_layers
from .piecewise import DifferenceOfMaxima, Form, Kink, MaxMin, Triangulation
from .signed import SignedMaximum, signed_maxima
from .univariate import Interval, Univariate, minimal_network

if TYPE_CHECKING:
    from ..complex import RegionComplex

__all__ = ["Representation", "SignedMaximum", "maximum_network", "represent", "signed_maxima", "univariate"]

PiecewiseLinear = ReluNetwork | Triangulation | MaxMin | DifferenceOfMaxima


@dataclass(frozen=True)
class Representation:
    """A network of few hidden layers that computes a given piecewise-linear function.

    Attributes
    ----------
    network : ReluNetwork
        Without skip connections; its last layer has a bias.
    hidden_layers, size : int
        The paper's depth is ``hidden_layers + 1``; size is the number of hidden neurons.
    pieces : int
        Affine pieces of the convex functions whose difference the function is (summed over the outputs); for a
        function of one variable its own.
    hyperplanes : int
        Hyperplanes along which ``|alpha.x + beta|`` was added.
    terms : int
        Maxima of at most d + 1 affine functions in the signed sum; the nodes of a function of one variable.
    proof : tuple of Comparison or None
        The answers of :func:`polyrelu.equal`, one for the whole domain or one for every simplex; all are true.
        None if no proof was asked for.
    """

    network: ReluNetwork
    hidden_layers: int
    size: int
    pieces: int
    hyperplanes: int
    terms: int
    proof: tuple[Comparison, ...] | None


def represent(
    f: PiecewiseLinear, domain: HPolytope | None = None, layers: int | None = None, prove: bool = True
) -> Representation:
    """Return a network with at most ceil(log2(d + 1)) hidden layers that computes a piecewise-linear function.

    Parameters
    ----------
    f : ReluNetwork, Triangulation, MaxMin or DifferenceOfMaxima
        A network may have several outputs, skip connections and any depth.
    domain : HPolytope or Box, optional
        Where the new network has to agree with f; all of R^d if None. A triangulation brings its own.
    layers : int, optional
        Hidden layers allowed. None takes the fewest known here: one for d = 1, two for d = 2 to 5, three up to 11. With
        ceil(log2(d + 1)) the construction is that of the paper.
    prove : bool
        Prove by enumeration that the new network equals f.

    Returns
    -------
    Representation

    Raises
    ------
    InputError
        No construction with so few layers is known here; f is of another type.
    CertificationError
        The networks differ: a bug.

    Notes
    -----
    Exactness: *exact*. The number of terms grows with the pieces of f refined by the hyperplanes across which it
    bends down; if f bends up across fewer, -f is taken. A network and a max-min are enumerated twice, before and
    after. One function of one variable becomes the smallest network with one hidden layer that agrees with it on the
    domain, :func:`polyrelu.theory.univariate.minimal_network` (smallest up to one node if it has so many different
    jumps that their sums are not looked at).

    References
    ----------
    Arora et al. 2018, Theorem 2.1. S. Wang, X. Sun, Generalization of hinging hyperplanes, 2005, Theorem 1.

    Examples
    --------
    min(|x|, |y|), a network with two hidden layers, as a combination of maxima of three affine functions:

    >>> first, second = [[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 0, 0], [1, 1, -1, -1]]
    >>> f = ReluNetwork([first, second, [[1, -1]]], [[0] * 4, [0] * 2, [0]])
    >>> r = represent(f)
    >>> r.hidden_layers, r.hyperplanes, r.pieces, bool(r.proof[0])
    (2, 2, 4, True)
    """
    if isinstance(f, Triangulation):
        if domain is not None:
            raise InputError("a triangulation brings its own domain; leave out domain")
        d, outputs = f.d, 1
    elif isinstance(f, MaxMin | DifferenceOfMaxima):
        d, outputs = f.d, 1
    elif isinstance(f, ReluNetwork):
        d, outputs = f.input_dim, f.output_dim
    else:
        raise InputError(
            f"f is of type {type(f).__name__}; give a ReluNetwork, Triangulation, MaxMin or DifferenceOfMaxima"
        )
    if layers is not None and (not isinstance(layers, int) or isinstance(layers, bool)):
        raise InputError(f"layers is {layers!r}; give a whole number of hidden layers, or None for the fewest known")
    allowed = maximum_layers(d + 1) if layers is None else layers
    if allowed < 0 or max(largest_maximum(allowed), 1 << allowed) < d + 1:
        raise InputError(
            f"{allowed} hidden layers for functions of {d} variables are not known to suffice here; "
            f"allow {maximum_layers(d + 1)} (the paper allows {tree_layers(d + 1)})"
        )
    if d == outputs == 1:
        line = univariate(f, domain)
        net = minimal_network(line, _interval(f, domain)).network
        proof = _prove(f, net, domain) if prove else None
        return Representation(net, len(net.relu_layers), net.neurons, line.pieces, 0, net.neurons, proof)
    circuit = Circuit(d)
    parts = []
    for k in range(outputs):
        if isinstance(f, Triangulation):
            parts.append(_triangulation(f))
        elif isinstance(f, DifferenceOfMaxima):
            parts.append(_Parts([*f.plus], [*f.minus], {}, 1))
        else:
            parts.append(_network(f.network() if isinstance(f, MaxMin) else choose_outputs(f, k), domain))
    terms = 0
    values = []
    for part in parts:
        total = Value({})
        for sign, forms in ((1, part.plus), (-1, part.minus)):
            for term in signed_maxima(forms) if forms else []:
                terms += 1
                total = total + maximum(circuit, map(circuit.affine, term.forms), allowed) * (sign * term.sign)
        for row, c in part.bent.items():
            total = total - _absolute(circuit, row) * c
        values.append(total * part.sign)
    net = circuit.network(values)
    proof = _prove(f, net, domain) if prove else None
    return Representation(
        net,
        len(net.relu_layers),
        net.neurons,
        sum(len(part.plus) + len(part.minus) for part in parts),
        sum(len(part.bent) for part in parts),
        terms,
        proof,
    )


@dataclass(frozen=True)
class _Parts:
    """``f = sign * (max(plus) - max(minus) - sum of bent[row] * |row|)``."""

    plus: list[Form]
    minus: list[Form]
    bent: dict[IntRow, Fraction]
    sign: int


def _straighten(kinks: Sequence[Kink]) -> tuple[int, dict[IntRow, Fraction]]:
    """Choose f or -f, and how much of every |row| makes it convex."""
    down = {kink.row for kink in kinks if kink.jump < 0}
    up = {kink.row for kink in kinks if kink.jump > 0}
    sign = -1 if len(up) < len(down) else 1
    bent: dict[IntRow, Fraction] = {}
    for kink in kinks:
        if kink.jump * sign < 0:
            bent[kink.row] = max(bent.get(kink.row, Fraction(0)), abs(kink.jump) / 2)
    return sign, dict(sorted(bent.items()))


def _pieces(net: ReluNetwork, domain: HPolytope | None) -> tuple[RegionComplex, list[Form], list[int]]:
    """Return the activation regions of a network, its distinct affine maps, and the map of every region."""
    from ..enumeration import enumerate_regions

    cx = enumerate_regions(net, domain)
    linear = cx.linear_regions("affine")
    return cx, [_form(linear.maps[k].forms) for k in range(len(linear))], linear.labels.tolist()


def _kinks(net: ReluNetwork, domain: HPolytope | None) -> tuple[list[Form], list[Kink], list[Point]]:
    """Return the distinct affine maps of a network with one output, its kinks, and a point of every map."""
    cx, forms, labels = _pieces(net, domain)
    points: dict[int, Point] = {}
    kinks: set[Kink] = set()
    for i, label in enumerate(labels):
        points.setdefault(label, tuple(cx[i].interior_point))
    for i, j in cx.edges.tolist():
        a, b = labels[i], labels[j]
        if a != b:
            kink = Kink.between(forms[a], forms[b], tuple(cx[i].interior_point))
            kinks |= {kink} if kink is not None else set()
    return forms, sorted(kinks), [points[k] for k in range(len(forms))]


def _network(net: ReluNetwork, domain: HPolytope | None) -> _Parts:
    """Take a network with one output apart: its kinks, then the pieces of what has been made convex."""
    forms, kinks, _ = _kinks(net, domain)
    sign, bent = _straighten(kinks)
    if not bent:
        return _Parts(sorted(tuple(sign * v for v in form) for form in forms), [], {}, sign)
    # sign * f + sum c |row|, written as a difference of networks so that both stand side by side
    circuit = Circuit(net.input_dim)
    total = Value({})
    for row, c in bent.items():
        total = total - _absolute(circuit, row) * c
    joined, _ = difference(choose_outputs(net, [[sign]]), circuit.network([total]))
    return _Parts(sorted(_pieces(joined, domain)[1]), [], bent, sign)


def _absolute(circuit: Circuit, row: IntRow) -> Value:
    z = circuit.affine(row)
    return circuit.relu(z) * 2 - z


def univariate(f: PiecewiseLinear, domain: HPolytope | None = None) -> Univariate:
    """Return a piecewise-linear function of one variable by its breakpoints; outside the domain its outer pieces go on.

    Examples
    --------
    >>> [int(x) for x in univariate(MaxMin([[[0, 0]], [[1, 0], [-1, 2]]])).breakpoints]
    [0, 1, 2]
    """
    if isinstance(f, Triangulation):
        first = min(range(len(f)), key=lambda k: min(f.vertices[i] for i in f.simplices[k]))
        left = f.forms[first]
        kinks = f.kinks()
    else:
        forms, kinks, points = _kinks(f if isinstance(f, ReluNetwork) else f.network(), domain)
        _, left = min(zip(points, forms, strict=True))
    # a kink's row (r_1, r_0) has r_1 > 0
    bends = sorted((Fraction(-kink.row[1], kink.row[0]), kink.jump * kink.row[0]) for kink in kinks)
    return Univariate((left[0], left[1]), tuple(x for x, _ in bends), tuple(d for _, d in bends))


def _interval(f: PiecewiseLinear, domain: HPolytope | None) -> Interval:
    if isinstance(f, Triangulation):
        places = [v[0] for v in f.vertices]
        return min(places), max(places)
    if domain is None:
        return None, None
    (low,), (high,) = domain.bounding_box()
    return (low if isinstance(low, Fraction) else None), (high if isinstance(high, Fraction) else None)


def _form(matrix: RationalMatrix) -> Form:
    return tuple(Fraction(v, matrix.den) for v in matrix.integer_row(0))


def _triangulation(f: Triangulation) -> _Parts:
    """Take values on a triangulation apart: every simplex is cut by the hyperplanes that cross it."""
    from ..enumeration import enumerate_regions

    sign, bent = _straighten(f.kinks())
    corners = [integer_point(v) for v in f.vertices]
    pieces: set[Form] = set()
    for k, simplex in enumerate(f.simplices):
        form = tuple(sign * v for v in f.forms[k])
        crossing = []
        for row, c in bent.items():
            values = [dot(row, *corners[i]) for i in simplex]
            if min(values) < 0 < max(values):
                crossing.append(row)
            else:
                side = 1 if max(values) > 0 else -1
                form = tuple(g + side * c * r for g, r in zip(form, row, strict=True))
        patterns: list[list[int]] = [[]]
        if crossing:
            cut = ReluNetwork([[row[:-1] for row in crossing], [[0] * len(crossing)]], [[r[-1] for r in crossing], [0]])
            patterns = enumerate_regions(cut, HPolytope.from_rows(f.rows(k), f.d)).patterns.tolist()
        for bits in patterns:
            piece = form
            for row, bit in zip(crossing, bits, strict=True):
                piece = tuple(g + (1 if bit else -1) * bent[row] * r for g, r in zip(piece, row, strict=True))
            pieces.add(piece)
    return _Parts(sorted(pieces), [], bent, sign)


def _prove(f: PiecewiseLinear, net: ReluNetwork, domain: HPolytope | None) -> tuple[Comparison, ...]:
    if isinstance(f, Triangulation):
        proof = []
        for k, form in enumerate(f.forms):
            line = ReluNetwork([[form[:-1]]], [form[-1:]])
            proof.append(equal(net, line, HPolytope.from_rows(f.rows(k), f.d)))
    else:
        proof = [equal(f if isinstance(f, ReluNetwork) else f.network(), net, domain)]
    for answer in proof:
        if not answer:
            raise CertificationError(f"the representation differs from the function at {answer.witness}")
    return tuple(proof)
