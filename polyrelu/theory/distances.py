"""How far a point is from the boundary of its activation region, and which neuron is responsible.

A region is an intersection of halfspaces, one for each neuron, so the nearest point of its boundary lies on the nearest
hyperplane: the distance is the least ``|z(x)| / ||grad z(x)||`` over all neurons, in the dual norm.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019 (distance(x, B_N)).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..exact import fraction, point
from ..network import ReluNetwork

Floats = npt.NDArray[np.float64]
# The norm of a gradient that goes with each norm of points.
DUAL = {1: math.inf, 2: 2, math.inf: 1}


class Distances(NamedTuple):
    """Distances of points to the boundaries of their regions.

    Attributes
    ----------
    values : ndarray, shape (k,)
        inf if no neuron depends on the input there.
    neurons : ndarray of int, shape (k,)
        A neuron whose kink is that near; -1 if there is none.
    """

    values: Floats
    neurons: npt.NDArray[np.int64]


class ExactDistance(NamedTuple):
    """The exact distance of one point to the boundary of its region.

    Attributes
    ----------
    power : Fraction or float
        The square of the distance for the norm 2, the distance itself for the norms 1 and inf; ``math.inf`` if no
        neuron depends on the input there.
    neuron : int
        The first neuron whose kink is that near; -1 if there is none.
    """

    power: Fraction | float
    neuron: int


def boundary_distances(net: ReluNetwork, points: npt.ArrayLike, norm: float = 2) -> Distances:
    """Return for each point its distance to the boundary of its activation region, and the neuron responsible.

    Parameters
    ----------
    net : ReluNetwork
    points : array_like of shape (k, d)
    norm : {1, 2, inf}
        In which distances are measured.

    Returns
    -------
    Distances

    Raises
    ------
    InputError
        Points of another shape, another norm.

    Notes
    -----
    Exactness: the patterns are *exact*, the distances *float*; :func:`exact_boundary_distance` gives one exactly.

    Examples
    --------
    >>> net = ReluNetwork([[[3, 4], [0, 1]], [[1, 1]]], [[0, -1], [0]])
    >>> boundary_distances(net, [[1.0, 0.5], [0.0, 0.25]]).values.tolist()
    [0.5, 0.2]
    """
    dual = _dual(norm)
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != net.input_dim:
        raise InputError(f"points have shape {x.shape}; expected (k, {net.input_dim})")
    patterns = net.pattern(x)
    z = net.preactivations(x)
    values, neurons = np.full(len(x), math.inf), np.full(len(x), -1, dtype=np.int64)
    for i, bits in enumerate(patterns):
        size = np.concatenate([np.linalg.norm(g, dual, axis=1) for g in _gradients(net, bits)])
        reach = np.divide(np.abs(z[i]), size, out=np.full(len(size), math.inf), where=size > 0)
        if len(reach) and reach.min() < math.inf:
            neurons[i] = np.argmin(reach)
            values[i] = reach[neurons[i]]
    return Distances(values, neurons)


def _gradients(net: ReluNetwork, bits: npt.NDArray[np.uint8]) -> Iterable[Floats]:
    """Yield the gradients of each layer's neurons on a pattern, in floats."""
    blocks: list[Floats] = [np.eye(net.input_dim)]
    offset = 0
    for layer in net.relu_layers:
        gradient = np.zeros((layer.size, net.input_dim))
        for k, weight in layer.blocks.items():
            w = weight.to_float()[0]
            gradient += w if k == 0 else w @ blocks[k]
        yield gradient
        blocks.append(gradient * bits[offset : offset + layer.size, None])
        offset += layer.size


def exact_boundary_distance(net: ReluNetwork, x: Iterable[Any], norm: float = 2) -> ExactDistance:
    """Return the exact distance of one point to the boundary of its activation region; its square for the norm 2.

    Parameters
    ----------
    net : ReluNetwork
    x : sequence of d numbers
        Taken exactly.
    norm : {1, 2, inf}

    Returns
    -------
    ExactDistance

    Raises
    ------
    InputError
        A point of another length, another norm.

    Notes
    -----
    Exactness: *exact*.

    Examples
    --------
    >>> net = ReluNetwork([[[1, 1], [0, 1]], [[1, 1]]], [[0, -1], [0]])
    >>> exact_boundary_distance(net, [1, 0]), exact_boundary_distance(net, [1, 0], 1)
    (ExactDistance(power=Fraction(1, 2), neuron=0), ExactDistance(power=Fraction(1, 1), neuron=0))
    """
    dual = _dual(norm)
    place = point(x, "x")
    if len(place) != net.input_dim:
        raise InputError(f"x has {len(place)} coordinates; this network has {net.input_dim} inputs")
    bits = net.pattern(np.array([fraction(v) for v in place], dtype=object))
    best = ExactDistance(math.inf, -1)
    for j, row in enumerate(net.neuron_rows(bits)):
        slopes = row[:-1]
        if any(slopes):
            z = abs(sum((a * v for a, v in zip(slopes, place, strict=True)), Fraction(row[-1])))
            if norm == 2:
                power = z * z / sum(a * a for a in slopes)
            else:
                power = z / (sum(map(abs, slopes)) if dual == 1 else max(map(abs, slopes)))
            if power < best.power:
                best = ExactDistance(power, j)
    return best


def _dual(norm: float) -> float:
    if not isinstance(norm, int | float) or isinstance(norm, bool) or norm not in DUAL:
        raise InputError(f"norm is {norm!r}; choose 1, 2 or math.inf")
    return DUAL[norm]
