"""How far a point is from the boundary of its activation region, from a jump of the gradient, from another decision.

A region is an intersection of halfspaces, one for each neuron, so the nearest point of its boundary lies on the nearest
hyperplane: the distance is the least ``|z(x)| / ||grad z(x)||`` over all neurons, in the dual norm. The gradient need
not jump there, if no open path leads from the neuron to an output, and decisions change inside of regions: these
distances are found by a best-first search over regions (:mod:`polyrelu.theory.nearest_search`).

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019 (B_N and distance(x, B_N)).
M. Jordan, J. Lewis and A. G. Dimakis, Provable certificates for adversarial examples: fitting a ball in the union of
polytopes, 2019 (best-first search over regions for decision boundaries).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, InputError
from ..exact import Point, RationalMatrix, as_array, fraction, point
from ..network import Layer, ReluNetwork
from ..polytope import HPolytope, as_domain
from .nearest_proposal import dual_norm
from .nearest_search import Nearest, Search, reach_goal

Floats = npt.NDArray[np.float64]


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
    dual = dual_norm(norm)
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
    dual = dual_norm(norm)
    place = _place(net, x)
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


def discontinuity_distance(
    net: ReluNetwork, x: Iterable[Any], norm: float = 2, *, domain: HPolytope | None = None, limit: int | None = None
) -> Nearest:
    """Return the exact distance of a point to the set B_N where the gradient of the network jumps.

    Parameters
    ----------
    net : ReluNetwork
        With several outputs, its gradient is the Jacobian of all of them.
    x : sequence of d numbers
        Taken exactly.
    norm : {1, 2, inf}
    domain : HPolytope, optional
        It holds x, and B_N is looked for in its interior; all of R^d by default.
    limit : int, optional
        Regions to be searched at most; without one the search ends by itself.

    Returns
    -------
    Nearest
        ``neurons`` are those that switch where the gradient jumps.

    Raises
    ------
    InputError
        A point of another length, another norm, a limit below 1.
    DomainError
        A point outside of the domain.

    Notes
    -----
    Exactness: ``power``, ``point``, ``neurons`` are *exact*, ``lower`` and ``upper`` *certified*. The search goes on
    through facets where the gradient is the same on both sides. In the norms 1 and inf in more than 32 dimensions
    ``power`` is None if floats propose no optimal basis; the bounds hold all the same.

    References
    ----------
    B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 3 (B_N).

    Examples
    --------
    ``relu(x) + relu(1 - x) - relu(-x)``: the first and the third kink lie at 0, where they add up to no kink at all:

    >>> net = ReluNetwork([[[1], [-1], [-1]], [[1, 1, -1]]], [[0, 1, 0], [0]])
    >>> exact_boundary_distance(net, ["1/4"], 1).power
    Fraction(1, 4)
    >>> found = discontinuity_distance(net, ["1/4"], 1)
    >>> found.power, found.point, found.neurons, found.regions
    (Fraction(3, 4), (Fraction(1, 1),), (1,), 2)
    """
    place, region = _start(net, x, norm, domain, limit)
    return Search(net, region, place, norm, limit=limit).run()


def decision_distance(
    net: ReluNetwork, x: Iterable[Any], norm: float = 2, *, level: Any = 0, domain: HPolytope | None = None,
    limit: int | None = None,
) -> Nearest:  # fmt: skip
    """Return the exact distance of a point to the decision boundary.

    For one output f it is the set ``{f = level}``; for several outputs the set where two or more of them are largest.

    Parameters
    ----------
    net : ReluNetwork
    x : sequence of d numbers
        Taken exactly.
    norm : {1, 2, inf}
    level : number
        For one output alone.
    domain : HPolytope, optional
        It holds x, and the boundary is looked for inside; all of R^d by default.
    limit : int, optional
        Regions to be searched at most; without one the search ends by itself.

    Returns
    -------
    Nearest
        ``classes`` are the outputs that are largest at the nearest point.

    Raises
    ------
    InputError
        A point of another length, another norm, a limit below 1, a level for several outputs.
    DomainError
        A point outside of the domain.

    Notes
    -----
    Exactness: ``power``, ``point``, ``classes`` are *exact*, ``lower`` and ``upper`` *certified*: the radius of a ball
    in which the decision is the same everywhere, and the distance of a point where it is not. Both hold if the limit
    ends the search; ``point`` may then lie beyond the boundary. As to the norms 1 and inf see
    :func:`discontinuity_distance`.

    References
    ----------
    M. Jordan, J. Lewis and A. G. Dimakis, Provable certificates for adversarial examples: fitting a ball in the union
    of polytopes, 2019.

    Examples
    --------
    The largest of |x| and 1, seen from (0, 0), and the level 3 of |x|:

    >>> net = ReluNetwork([[[1, 0], [-1, 0]], [[1, 1], [0, 0]]], [[0, 0], [0, 1]])
    >>> found = decision_distance(net, [0, 0])
    >>> found.power, found.classes
    (Fraction(1, 1), (0, 1))
    >>> decision_distance(ReluNetwork([[[1], [-1]], [[1, 1]]], [[0, 0], [0]]), [-1], level=3).point
    (Fraction(-3, 1),)
    """
    place, region = _start(net, x, norm, domain, limit)
    values = net(np.array(place, dtype=object)).tolist()
    if net.output_dim == 1:
        height = fraction(level, "level")
        if values[0] == height:
            return Nearest(0.0, 0.0, Fraction(0), place, (), (), 0)
        sign = 1 if values[0] < height else -1
        goals = net.output_layer(RationalMatrix.of([[sign]]))
        goals = Layer(goals.blocks, goals.bias + RationalMatrix.of([[-sign * height]]))
    else:
        if fraction(level, "level"):
            raise InputError(f"level is {level!r}; the boundary between {net.output_dim} outputs has no level")
        winners = _winners(values)
        if len(winners) > 1:
            return Nearest(0.0, 0.0, Fraction(0), place, (), winners, 0)
        others = [j for j in range(net.output_dim) if j != winners[0]]
        rows = [[(k == j) - (k == winners[0]) for k in range(net.output_dim)] for j in others]
        goals = net.output_layer(RationalMatrix.of(rows))
    search = Search(net, region, place, norm, goals, limit)
    reach_goal(search)
    found = search.run()
    if found.point is None or net.output_dim == 1:
        return found
    return replace(found, classes=_winners(net(np.array(found.point, dtype=object)).tolist()))


def discontinuity_distances(
    net: ReluNetwork, points: npt.ArrayLike, norm: float = 2, *, domain: HPolytope | None = None,
    limit: int | None = None, executor: Executor | None = None,
) -> list[Nearest]:  # fmt: skip
    """Return :func:`discontinuity_distance` for many points, in order; an executor runs them in parallel.

    Examples
    --------
    >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    >>> [found.upper for found in discontinuity_distances(tent, [[-1], [0.125], [2]])]
    [1.0, 0.125, 1.5]
    """
    region = as_domain(domain, net.input_dim)
    work = functools.partial(discontinuity_distance, net, norm=norm, domain=region, limit=limit)
    return _many(work, net, points, executor)


def decision_distances(
    net: ReluNetwork, points: npt.ArrayLike, norm: float = 2, *, level: Any = 0, domain: HPolytope | None = None,
    limit: int | None = None, executor: Executor | None = None,
) -> list[Nearest]:  # fmt: skip
    """Return :func:`decision_distance` for many points, in order; an executor runs them in parallel.

    Examples
    --------
    >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    >>> [found.point for found in decision_distances(tent, [[0.25], [2]], level="1/2")]
    [(Fraction(1, 4),), (Fraction(3, 4),)]
    """
    region = as_domain(domain, net.input_dim)
    work = functools.partial(decision_distance, net, norm=norm, level=level, domain=region, limit=limit)
    return _many(work, net, points, executor)


def _many(
    work: Callable[[Any], Nearest], net: ReluNetwork, points: npt.ArrayLike, executor: Executor | None
) -> list[Nearest]:
    try:
        rows = as_array(points)
    except ValueError:
        raise InputError("points have different lengths; give a rectangular array of numbers") from None
    if rows.ndim != 2 or rows.shape[1] != net.input_dim:
        raise InputError(f"points have shape {rows.shape}; expected (k, {net.input_dim})")
    return list(map(work, rows) if executor is None else executor.map(work, rows))


def _place(net: ReluNetwork, x: Iterable[Any]) -> Point:
    place = point(x, "x")
    if len(place) != net.input_dim:
        raise InputError(f"x has {len(place)} coordinates; this network has {net.input_dim} inputs")
    return place


def _start(
    net: ReluNetwork, x: Iterable[Any], norm: float, domain: HPolytope | None, limit: int | None
) -> tuple[Point, HPolytope]:
    dual_norm(norm)
    place, region = _place(net, x), as_domain(domain, net.input_dim)
    if not region.contains(place):
        raise DomainError("x lies outside of the domain; choose a point inside or a larger domain")
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; search one region at least, or give None")
    return place, region


def _winners(values: Sequence[Any]) -> tuple[int, ...]:
    best = max(values)
    return tuple(k for k, v in enumerate(values) if v == best)
