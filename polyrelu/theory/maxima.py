"""The maximum of n numbers in few hidden layers.

A binary tree takes ceil(log2 n) hidden layers. The maximum of 5 numbers needs only two, and so does that of 6: both are
combinations of maxima of *sums of maxima*. Composed, they give 12 numbers in three layers and 36 in four.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..compare import equal
from ..errors import InputError
from ..network import ReluNetwork
from ..polytope import Box
from .bounds import whole
from .circuits import Circuit, Value

# The 7! = 5040 cones of seven numbers take seconds.
LARGEST_ORDER = 7


def tree_layers(n: int) -> int:
    """Return ceil(log2 n), the hidden layers of a binary tree.

    Examples
    --------
    >>> [tree_layers(n) for n in (1, 2, 3, 4, 5, 8, 9)]
    [0, 1, 2, 2, 3, 3, 4]
    """
    return (n - 1).bit_length()


def largest_maximum(layers: int) -> int:
    """Return the largest n such that the maximum of n numbers is built here with so many hidden layers.

    Examples
    --------
    >>> [largest_maximum(k) for k in range(5)]
    [1, 2, 6, 12, 36]
    """
    return int(6 ** (layers // 2) * 2 ** (layers % 2))


def maximum_layers(n: int) -> int:
    """Return the smallest number of hidden layers known here for the maximum of n numbers.

    Examples
    --------
    >>> [maximum_layers(n) for n in (1, 2, 3, 6, 7, 12, 13, 36)]
    [0, 1, 2, 2, 3, 3, 4, 4]
    """
    return next(k for k in itertools.count() if largest_maximum(k) >= n)


def maximum(circuit: Circuit, values: Iterable[Value], layers: int | None = None) -> Value:
    """Return the maximum of values, at most ``layers`` levels above the highest of them.

    Parameters
    ----------
    circuit : Circuit
        Gets the neurons.
    values : iterable of Value
        At least one.
    layers : int, optional
        The fewest known if None. The tree is taken where it is low enough: it has the fewest neurons.

    Raises
    ------
    InputError
        No construction with so few layers is known here.
    """
    terms = list({value.key(): value for value in values}.values())
    n = len(terms)
    if layers is None:
        layers = maximum_layers(n)
    if layers < 0:
        raise InputError(f"layers is {layers}; give a number from 0 on, or None for the fewest known here")
    if tree_layers(n) <= layers:
        return circuit.maximum(terms)
    if largest_maximum(layers) < n:
        raise InputError(
            f"the maximum of {n} numbers in {layers} hidden layers is not known here; "
            f"allow {maximum_layers(n)} (layers=None does)"
        )
    if layers == 2:
        return _maximum_of_five(circuit, terms) if n == 5 else _maximum_of_six(circuit, terms)
    # one layer of pairs if their number is odd, else two layers of groups of up to six
    first = 2 - layers % 2
    groups = largest_maximum(layers - first)
    parts = [terms[i::groups] for i in range(groups)]
    return maximum(circuit, [maximum(circuit, part, first) for part in parts if part], layers - first)


def _maximum_of_five(c: Circuit, x: Sequence[Value]) -> Value:
    """Return max(x1, .., x5) = (P1 + P2 + P3 + P4 + Q - R13 - R14 - R23 - R24) / 2, maxima of two levels."""
    x1, x2, x3, x4, x5 = x
    bound = {ij: pair + c.relu(x5 * 2 - pair) for ij, pair in ((12, x1 + x2), (34, x3 + x4))}
    m = {(i, j): c.maximum([x[i], x[j]]) for i in (0, 1) for j in (2, 3)}
    P = [m[0, 2] + m[0, 3], m[1, 2] + m[1, 3], m[0, 2] + m[1, 2], m[0, 3] + m[1, 3]]
    total = c.maximum(bound.values())
    for value, side in zip(P, (12, 12, 34, 34), strict=True):
        total = total + c.maximum([value, bound[side]])
    # R_ij = max(x_i + x_j, x1 + x2, x3 + x4, 2 x5); with partner i' of i, the first two are x_i + max(x_j, x_i')
    for i in (0, 1):
        for j in (2, 3):
            total = total - c.maximum([x[i] + c.maximum([x[j], x[1 - i]]), bound[34]])
    return total * Fraction(1, 2)


# The maxima max(sum over pairs of A of max(x_i, x_j), the same for B), summed over all orders of the numbers.
SIX = (
    (Fraction(1, 360), ((1, 2), (1, 3)), ((1, 4), (5, 6))),
    (Fraction(-1, 1440), ((1, 2), (1, 3)), ((4, 5), (4, 6))),
    (Fraction(-1, 360), ((1, 2), (3, 4)), ((1, 3), (5, 6))),
)


def _maximum_of_six(c: Circuit, x: Sequence[Value]) -> Value:
    """Return the maximum of six values by 15 maxima of four values and 450 of sums of maxima."""
    m = {pair: c.maximum([x[i] for i in pair]) for pair in itertools.combinations(range(6), 2)}
    total = Value({})
    for four in itertools.combinations(range(6), 4):
        total = total + c.maximum([m[four[:2]], m[four[2:]]]) * Fraction(2, 15)
    for coefficient, *sides in SIX:
        copies: Counter[frozenset[tuple[tuple[int, ...], ...]]] = Counter()
        for order in itertools.permutations(range(6)):
            moved = [[tuple(sorted(order[i - 1] for i in pair)) for pair in side] for side in sides]
            copies[frozenset(tuple(sorted(side)) for side in moved)] += 1
        for pairs in sorted(copies, key=sorted):
            a, b = ([m[p] for p in side] for side in sorted(pairs))  # type: ignore[index]
            total = total + c.maximum([a[0] + a[1], b[0] + b[1]]) * (coefficient * copies[pairs])
    return total


def maximum_network(n: int, layers: int | None = None, zero: bool = False) -> ReluNetwork:
    """Return a network that computes the maximum of its n inputs.

    Parameters
    ----------
    n : int
        Number of inputs, at least 1.
    layers : int, optional
        Hidden layers allowed; the fewest known here if None: ceil(log2 n) up to four numbers, two up to 6,
        three up to 12, four up to 36. Where a tree fits, it is taken.
    zero : bool
        Compute ``max(0, x_1, .., x_n)`` instead.

    Returns
    -------
    ReluNetwork
        With dyadic weights up to 5 numbers, rational ones else; no biases. :func:`computes_maximum` proves it.

    Raises
    ------
    InputError
        No construction with so few layers is known here.

    Notes
    -----
    Exactness: *exact*. Two layers are necessary from three numbers on (Mukherjee and Basu 2017). Up to ten numbers
    are possible in two layers by work of 2026 (arXiv:2607.21651) whose networks are not among those here.

    References
    ----------
    G. Bakaev, F. Brunck, C. Hertrich, J. Stade, A. Yehudayoff, Better neural network expressivity: subdividing the
    simplex, 2025 (the maximum of 5 numbers). The maximum of 6: Sun, 2026; its formula here was derived anew.

    Examples
    --------
    >>> maximum_network(5).widths, maximum_network(4, layers=2, zero=True).widths, maximum_network(5, layers=3).widths
    ((12, 11), (10, 11), (8, 5, 3))
    >>> maximum_network(5)([[3, 1, -4, 1, 5]]).tolist()
    [[Fraction(5, 1)]]
    """
    whole(n, "n", 1)
    if layers is not None:
        whole(layers, "layers", 0)
    circuit = Circuit(n)
    values = [circuit.input(k) for k in range(n)] + [Value({})] * zero
    return circuit.network([maximum(circuit, values, layers)])


def computes_maximum(net: ReluNetwork, zero: bool = False) -> bool:
    """Decide whether a network computes the maximum of its inputs (and of 0, if ``zero``) on all of R^n.

    Parameters
    ----------
    net : ReluNetwork
        With one output.
    zero : bool
        Compare with ``max(0, x_1, .., x_n)``.

    Returns
    -------
    bool

    Notes
    -----
    Exactness: *exact*, in integers. All n! cones ``x_s(1) >= .. >= x_s(n)`` are gone through. There a linear form
    ``d @ x`` has one sign iff its partial sums ``d_s(1) + .. + d_s(k)`` have one sign and the last is 0. A neuron with
    such a pre-activation is linear or zero on the cone; any other is a hinge ``relu(d @ x)``, and relu(-d @ x) is the
    same hinge minus d @ x. If the coefficients of every hinge add up to zero, the network is linear on the cone, and
    the maximum iff what remains is x_s(1). Where a hinge survives into a pre-activation the question stays open, and
    as for a network with biases, skips or more than 7 numbers :func:`polyrelu.equal` answers it against a tree (on a
    box around 0 if there are no biases).

    Examples
    --------
    >>> computes_maximum(maximum_network(3)), computes_maximum(ReluNetwork([[[1, 0]]], [[0]]))
    (True, False)
    """
    n = net.input_dim
    if net.output_dim != 1:
        raise InputError(f"this network has {net.output_dim} outputs; a maximum is one number")
    homogeneous = all(layer.bias.is_zero for layer in net.layers)
    if homogeneous and _cones_prove(net, zero):
        return True
    tree = maximum_network(n, tree_layers(n + zero), zero)
    # without biases both are positively homogeneous: a box around 0 decides for all of space
    return bool(equal(net, tree, Box([-1] * n, [1] * n) if homogeneous else None))


def _cones_prove(net: ReluNetwork, zero: bool) -> bool:
    """Tell whether the network is proved to be the maximum on every cone of an order of the inputs."""
    n = net.input_dim
    if net.output_relu or n + zero > LARGEST_ORDER or any(set(v.blocks) != {k} for k, v in enumerate(net.layers)):
        return False
    matrices, size = [], 1
    for k, layer in enumerate(net.layers):
        rows = layer.blocks[k].integers()
        size *= 2 * max(sum(abs(v) for v in row) for row in rows)  # a hinge has its form and its atom
        matrices.append(rows)
    if size * (n + 1) >= 2**62:  # all that follows is exact in 64 bits
        return False
    scale = math.prod(layer.blocks[k].den for k, layer in enumerate(net.layers))
    weights = [np.array(rows, dtype=np.int64) for rows in matrices]
    return all(
        _linear_part(weights, order) == [scale * (k == order[0]) for k in range(n)]
        for order in itertools.permutations(range(n + zero))  # n stands for the zero
    )


def _linear_part(weights: Sequence[npt.NDArray[np.int64]], order: Sequence[int]) -> list[int] | None:
    """Return the linear form of a network without biases on the cone of an order; None if none is proved."""
    n = weights[0].shape[1]
    forms = np.eye(n, dtype=np.int64)  # one row per neuron: n coefficients, then those of the hinges
    for w in weights[:-1]:
        z = w @ forms
        if z[:, n:].any():
            return None
        z = z[:, :n]
        full = np.hstack([z, -z.sum(axis=1, keepdims=True)]) if len(order) > n else z
        sums = full[:, order].cumsum(axis=1)
        flat = sums[:, -1] == 0
        positive = flat & (sums >= 0).all(axis=1)
        mixed = ~positive & ~(flat & (sums <= 0).all(axis=1))
        rows = z[mixed]
        gcd = np.gcd.reduce(rows, axis=1)
        sign = np.sign(rows[np.arange(len(rows)), (rows != 0).argmax(axis=1)])
        hinges, which = np.unique(rows // (gcd * sign)[:, None], axis=0, return_inverse=True)
        forms = np.zeros((len(z), n + len(hinges)), dtype=np.int64)
        forms[positive, :n] = z[positive]
        forms[mixed, :n] = rows * (sign < 0)[:, None]
        forms[np.flatnonzero(mixed), n + which.ravel()] = gcd
    (form,) = weights[-1] @ forms
    return None if form[n:].any() else form[:n].tolist()
