"""Networks with further neurons behind the last layer, so that regions are cut where a function of the outputs bends.

The regions of a ReLU network are the cells of a polyhedral complex: two of them meet in a common face or not at all,
because every neuron is continuous and affine on the cells of the layers before it. An appended neuron
``z = c @ f(x) + c_0`` cuts them along ``{z = 0}``: no cell of the refined complex has z of both signs. Level sets,
sublevel sets and the sets where one output wins are then unions of faces, and no geometry is left to be decided.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .cells import PrefixForms
from .complex import RegionComplex
from .enumeration import enumerate_regions
from .errors import InputError
from .exact import Point, RationalMatrix, point
from .network import Layer, ReluNetwork

CLASSES = ("argmax", "argmin")


class Neuron(NamedTuple):
    """An appended neuron ``z = coefficients @ f(x) + constant + sum_j earlier_j relu(z_j)``."""

    coefficients: Sequence[Fraction]
    constant: Fraction
    earlier: Sequence[Fraction] = ()


def functional(net: ReluNetwork, output: Any) -> Point:
    """Return a linear combination of outputs, given as the number of one output or as one coefficient per output.

    Raises
    ------
    InputError
        An output that does not exist, or another number of coefficients.

    Examples
    --------
    >>> net = ReluNetwork([[[1], [2]]], [[0, 0]])
    >>> functional(net, 1), functional(net, [1, "-1/2"])
    ((Fraction(0, 1), Fraction(1, 1)), (Fraction(1, 1), Fraction(-1, 2)))
    """
    m = net.output_dim
    try:
        index = operator.index(output)
    except TypeError:
        if isinstance(output, str) or not isinstance(output, Iterable):
            raise InputError(
                f"output is {output!r}; give the number of an output or one coefficient per output"
            ) from None
        weights = point(output, "output")
        if len(weights) != m:
            raise InputError(f"output has {len(weights)} coefficients; this network has {m} outputs") from None
        return weights
    if not 0 <= index < m:
        raise InputError(f"output is {index}; this network has outputs 0 to {m - 1}")
    return tuple(Fraction(k == index) for k in range(m))


def append_neurons(net: ReluNetwork, neurons: Sequence[Neuron]) -> ReluNetwork:
    """Return the network whose hidden neurons are those of ``net`` and then the given ones, one layer each.

    Examples
    --------
    Both f and relu(f - 1) for f(x) = relu(x):

    >>> net = ReluNetwork([[[1]], [[1]]], [[0], [0]])
    >>> append_neurons(net, [Neuron([Fraction(1)], Fraction(-1))]).pattern([[0.5], [2]]).tolist()
    [[1, 0], [1, 1]]
    """
    layers = list(net.relu_layers)
    hidden, m = len(layers), net.output_dim
    for c, constant, earlier in neurons:
        row = RationalMatrix.of(np.array([list(c)], dtype=object).reshape(1, m))
        shift = RationalMatrix.of([[constant]])
        last = net.output_layer(row)
        before = {hidden + 1 + j: RationalMatrix.of([[v]]) for j, v in enumerate(earlier)}
        layers.append(Layer({**last.blocks, **before}, last.bias + shift))
    return ReluNetwork.from_layers(layers, net.input_dim, output_relu=True)


def refine(cx: RegionComplex, neurons: Sequence[Neuron], what: str) -> RegionComplex:
    """Enumerate the regions of a complete complex again, cut by further neurons; they are the last bits of a pattern.

    Raises
    ------
    InputError
        The complex is incomplete.
    """
    if not cx.complete:
        raise InputError(
            f"the enumeration is incomplete, so {what} would be as well; run enumerate_regions without a limit, "
            "over a smaller domain if that takes too long"
        )
    refined = enumerate_regions(append_neurons(cx.network, neurons), cx.domain, progress=False)
    if not refined.complete:
        raise KeyboardInterrupt  # Ctrl-C ends an enumeration early, and nothing else does
    return refined


def vanishing(cx: RegionComplex, neuron: int) -> npt.NDArray[np.bool_]:
    """Tell on which regions a neuron is identically zero, exactly.

    Where it is zero on one side of a facet and not on the other, it vanishes on the facet and is listed with it. So
    regions that are joined by facets without it have one answer, which one affine form gives for all of them.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(cx)
    region = np.repeat(np.arange(count), np.diff(cx.facet_ptr))
    listed = np.zeros(len(region), dtype=bool)
    listed[np.searchsorted(cx.row_ptr, np.flatnonzero(cx.facet_row == neuron), side="right") - 1] = True
    inside = cx.facet_neighbor >= 0
    pair = np.stack([region, cx.facet_neighbor])[:, inside]
    both, seen = np.unique(np.sort(pair, axis=0), axis=1, return_inverse=True)
    barred = np.zeros(both.shape[1], dtype=bool)
    np.logical_or.at(barred, seen.ravel(), listed[inside])
    i, j = both[:, ~barred]
    graph = coo_matrix((np.ones(len(i), dtype=np.int8), (i, j)), shape=(count, count))
    total, label = connected_components(graph, directed=False)
    nonzero = cx.patterns[:, neuron] == 1  # by convention a neuron that is zero is inactive
    nonzero[region[listed]] = True
    zero = np.ones(total, dtype=bool)
    zero[label[nonzero]] = False
    forms = PrefixForms(cx.network)
    for component in np.flatnonzero(zero).tolist():
        forms.on(cx.patterns[int(np.argmax(label == component))])
        zero[component] = not any(forms.row(neuron))
    out: npt.NDArray[np.bool_] = zero[label]
    return out


def tournament(cx: RegionComplex, classes: str) -> tuple[RegionComplex, list[tuple[int, ...]]]:
    """Cut the regions where the largest (smallest) output changes; name the winners of every refined region.

    With ``m_k`` the largest of the first k + 1 outputs, ``m_k = m_{k-1} + relu(f_k - m_{k-1})``: one neuron per
    further output. Several winners are outputs that agree on the whole region.
    """
    if classes not in CLASSES:
        raise InputError(f"classes is {classes!r}; choose 'argmax' or 'argmin'")
    net, m = cx.network, cx.network.output_dim
    sign = Fraction(1 if classes == "argmax" else -1)
    neurons = [
        Neuron([sign * ((j == k) - (j == 0)) for j in range(m)], Fraction(0), [Fraction(-1)] * (k - 1))
        for k in range(1, m)
    ]
    refined = refine(cx, neurons, "the classes")
    tied = np.array([vanishing(refined, net.neurons + k) for k in range(m - 1)]).reshape(m - 1, len(refined)).T
    winners: list[tuple[int, ...]] = []
    for bits, ties in zip(refined.patterns[:, net.neurons :].tolist(), tied.tolist(), strict=True):
        best: tuple[int, ...] = (0,)
        for k, (wins, tie) in enumerate(zip(bits, ties, strict=True), 1):
            best = (k,) if wins else (*best, k) if tie else best
        winners.append(best)
    return refined, winners
