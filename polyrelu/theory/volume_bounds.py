"""The bounds of Hanin and Rolnick on boundaries and patterns of random networks, with their constants computed.

The volume theorem says that the part of B_{N,k} in a set K has mean volume at most ``(2 C_grad C_bias)^k C(N, k)`` for
every unit of volume of K, where N counts neurons, C_bias bounds the density of a bias given everything else and
``E||grad z(x)||^m <= C_grad^m`` for every neuron z and point x. Behind it stands the co-area formula
(:mod:`polyrelu.theory.expected`): the mean is a sum over sets S of k neurons of
``E[|J_S(x)| prod rho(z_j(x)) 1{good}]``.

What is proved here. Let weights be normal and independent, their variance v_l in layer l, and biases independent with
densities that are even. Then at every point x the gradient of a neuron in layer l has the law

    ``||grad z(x)||^2 = v_1 X_d * v_2 S_(n_1) * .. * v_l S_(n_(l-1))``

with independent factors: X_d is chi-square with d degrees of freedom, S_n chi-square with a binomial number of them, n
trials of probability 1/2. For: changing the signs of the weights and the bias of one neuron opens it when it is closed
and closes it when it is open, and changes no law. So, given all rows up to their signs, which neurons are open is
decided by fair coins. An open row has the sign that opens it; but the column of the next layer that multiplies it has a
law that is even, and makes any sign of it. So the rows may be taken as normal and the coins as independent of them,
layer by layer from the last to the first; and a vector of norm r times n independent normal columns is r times a normal
vector.

Now ``|J_S| <= prod ||grad z_j||`` (Hadamard), its mean is at most ``prod (E||grad z_j||^k)^(1/k)`` (Hoelder), and the
density is at most C_bias^k. The neurons of S themselves are closed in the formula, which only leaves out terms of S_n.
So the mean volume is at most the k-th elementary symmetric polynomial of the numbers ``C_bias (E||grad z||^k)^(1/k)``
over all neurons, and this at most ``(C_grad C_bias)^k C(N, k)`` with the largest of them: the theorem without its 2^k.
Only the moment m = k is used, and this matters: the moments of a normal law outgrow every geometric sequence, so that
no constant serves all m. With He weights ``E||grad z||^2 = 2`` in every layer of every network, so C_grad = sqrt(2)
does for k = 1 and 2, and ``E||grad z||^4 = 4 (1 + 2/d) prod (1 + 5/n_i)``: a bounded sum of 1/n_i keeps C_grad bounded,
as the paper says.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, theorem 3.
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019, theorem 5.
B. Hanin, Which neural net architectures give rise to exploding and vanishing gradients?, 2018 (moments of gradients).
L. A. Santalo, Integral geometry and geometric probability, 1976 (Crofton's formula).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import DomainError, InputError
from ..network import ReluNetwork
from ..polytope import Box, as_domain
from .expected import Estimate
from .lines import regions_on_segment

# The variance of a weight, of a layer's numbers of inputs and outputs, by the name of a normal law of random_networks.
VARIANCES: dict[str, Callable[[int, int], float]] = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
}


@dataclass(frozen=True)
class VolumeBound:
    """A bound on the mean volume of B_{N,k} in a set, for every unit of that set's volume.

    Attributes
    ----------
    k : int
        Codimension.
    neurons : int
    c_bias : float
        The largest value of the density of a bias.
    c_grad : float
        The largest ``(E||grad z||^k)^(1/k)`` over all neurons.
    bound : float
        ``(2 c_grad c_bias)^k C(neurons, k)``: the theorem of the paper.
    sharper : float
        What is proved here (:mod:`polyrelu.theory.volume_bounds`), at most ``bound / 2^k``.
    exactness : str
        "float": closed forms, evaluated in floats.
    """

    k: int
    neurons: int
    c_bias: float
    c_grad: float
    bound: float
    sharper: float
    exactness: str = "float"


class BoundaryDensity(NamedTuple):
    """The (d - 1)-dimensional volume of the boundary between regions, for every unit of volume.

    Attributes
    ----------
    activation : Estimate
        Between activation regions.
    gradient : Estimate
        Where the gradient of some output jumps.
    """

    activation: Estimate
    gradient: Estimate


def bias_constant(law: str, scale: float) -> float:
    """Return C_bias, the largest value of the density of a bias; for k independent ones it is C_bias^k.

    Parameters
    ----------
    law : {"normal", "uniform"}
    scale : float
        The standard deviation of the normal law around 0, or the end of the interval [-scale, scale].

    Raises
    ------
    InputError
        Another law, a scale that is not positive.

    Notes
    -----
    Exactness: *float*.

    Examples
    --------
    >>> bias_constant("uniform", 0.25), bias_constant("normal", 1) == 1 / math.sqrt(2 * math.pi)
    (2.0, True)
    """
    if law not in ("normal", "uniform"):
        raise InputError(f"the law of biases is {law!r}; choose normal or uniform")
    if not 0 < scale < math.inf:
        raise InputError(f"the scale of biases is {scale!r}; give a positive number: without a density no bound")
    return 1 / (scale * (math.sqrt(2 * math.pi) if law == "normal" else 2))


def gradient_moment(sizes: Sequence[int], layer: int, power: float, weights: str = "he") -> float:
    """Return ``E||grad z(x)||^power`` for a neuron of a hidden layer of a random network, the same at every x.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers, outputs.
    layer : int
        From 1.
    power : float
        Positive.
    weights : {"he", "lecun", "glorot"}

    Returns
    -------
    float
        inf beyond the largest float.

    Raises
    ------
    InputError
        Sizes, layer, power out of range; a law of weights that is not normal.

    Notes
    -----
    Exactness: *float*, from the law in the head of :mod:`polyrelu.theory.volume_bounds`: proved for even densities of
    the biases.

    Examples
    --------
    With He weights the mean square is 2 whatever the depth; the mean fourth power is ``4 (1 + 2/d) prod (1 + 5/n_i)``:

    >>> round(gradient_moment((3, 8, 8, 8, 1), 3, 2), 12)
    2.0
    >>> round(gradient_moment((4, 10, 1), 1, 4), 12), round(gradient_moment((4, 10, 5, 1), 3 - 1, 4), 12)
    (6.0, 9.0)
    """
    _check(sizes, weights)
    if not 1 <= layer <= len(sizes) - 2:
        raise InputError(f"layer is {layer}; the hidden layers are 1 to {len(sizes) - 2}")
    if not 0 < power < math.inf:
        raise InputError(f"power is {power!r}; give a positive number")
    try:
        return math.exp(_log_moment(sizes, layer, power / 2, weights))
    except OverflowError:
        return math.inf


def _log_moment(sizes: Sequence[int], layer: int, q: float, weights: str) -> float:
    """Return the logarithm of the mean q-th power of the square of a gradient's norm."""
    variances = [VARIANCES[weights](a, b) for a, b in itertools.pairwise(sizes[: layer + 1])]
    chi_squares = _log_chi_square(sizes[0], q) + sum(_log_thinned(n, q) for n in sizes[1:layer])
    return q * sum(map(math.log, variances)) + chi_squares


def _log_chi_square(degrees: int, q: float) -> float:
    """Return the logarithm of the mean q-th power of a chi-square variable."""
    return q * math.log(2) + math.lgamma(degrees / 2 + q) - math.lgamma(degrees / 2)


@functools.lru_cache(maxsize=1024)
def _log_thinned(n: int, q: float) -> float:
    """Return the same with a binomial number of degrees of freedom, n trials of probability 1/2; none gives 0."""
    logs = [math.log(math.comb(n, m)) - n * math.log(2) + _log_chi_square(m, q) for m in range(1, n + 1)]
    return max(logs) + math.log(math.fsum(math.exp(v - max(logs)) for v in logs))


def volume_bound(
    sizes: Sequence[int], k: int = 1, *, weights: str = "he", biases: str = "normal", bias_scale: float = 0.1
) -> VolumeBound:
    """Bound the mean (d - k)-dimensional volume of B_{N,k} of random networks, for every unit of volume.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers, outputs.
    k : int
        Codimension, 1 up to the number of inputs.
    weights : {"he", "lecun", "glorot"}
        Normal laws.
    biases : {"normal", "uniform"}
        Laws around 0.
    bias_scale : float
        Standard deviation, or half the interval.

    Returns
    -------
    VolumeBound
        Of discontinuities of the gradient and of the boundaries of activation regions as well; inf beyond floats.

    Raises
    ------
    InputError
        Arguments out of range.

    Notes
    -----
    Exactness: *float*. ``bound`` has the paper's form with the constants computed, ``sharper`` is proved in the head of
    :mod:`polyrelu.theory.volume_bounds`. Both hold everywhere and so tell of the densest place, near the origin.

    Examples
    --------
    One neuron, one input, both laws standard normal: kinks have the Cauchy law, with density 1 / pi at 0, which is what
    the sharper bound says:

    >>> found = volume_bound((1, 1, 1), weights="lecun", bias_scale=1)
    >>> math.isclose(found.sharper, 1 / math.pi), math.isclose(found.bound, 2 / math.pi)
    (True, True)
    """
    _check(sizes, weights)
    if not isinstance(k, int | np.integer) or not 1 <= k <= sizes[0]:
        raise InputError(f"k is {k!r}; a boundary in {sizes[0]} inputs has codimension 1 to {sizes[0]}")
    c_bias = bias_constant(biases, bias_scale)
    widths = list(sizes[1:-1])
    grads = [math.exp(_log_moment(sizes, layer, k / 2, weights) / k) for layer in range(1, len(widths) + 1)]
    neurons, c_grad = sum(widths), max(grads)
    try:
        bound = math.comb(neurons, k) * (2 * c_grad * c_bias) ** k
        # the elementary symmetric polynomial: coefficients of the product of all (1 + c t), up to t^k
        series = [1.0] + [0.0] * k
        for width, grad in zip(widths, grads, strict=True):
            own = [math.comb(width, j) * (grad * c_bias) ** j for j in range(k + 1)]
            series = [sum(series[i] * own[j - i] for i in range(j + 1)) for j in range(k + 1)]
    except OverflowError:
        return VolumeBound(k, neurons, c_bias, c_grad, math.inf, math.inf)
    return VolumeBound(k, neurons, c_bias, c_grad, bound, series[k])


def pattern_density_bound(neurons: int, inputs: int, constant: float) -> float:
    """Bound the mean number of activation regions in a large cube, for every unit of volume.

    ``(constant * neurons)^inputs / inputs!`` if there are at least as many neurons as inputs, else ``2^neurons``.

    Parameters
    ----------
    neurons, inputs : int
    constant : float
        The paper's T.

    Returns
    -------
    float
        inf beyond the largest float.

    Raises
    ------
    InputError
        Numbers that are not positive.

    Notes
    -----
    Exactness: *float*. Theorem 5 of "Deep ReLU networks have surprisingly few activation patterns", from memory: there
    T is ``2^5 C_grad C_bias``, and the cube has to be larger than some side that depends on the law. Neither is proved
    here.

    Examples
    --------
    The paper's own number, for depth 3 and width 32 and T = 1; and two neurons in three inputs:

    >>> pattern_density_bound(96, 2, 1), pattern_density_bound(2, 3, 1)
    (4608.0, 4.0)
    """
    if neurons < 1 or inputs < 1 or not constant > 0:
        raise InputError(f"{neurons} neurons, {inputs} inputs, constant {constant}; give positive numbers")
    if neurons < inputs:
        return 2.0**neurons
    return math.prod(constant * neurons / i for i in range(1, inputs + 1))


def boundary_density(
    net: ReluNetwork, box: Box, *, samples: int = 1000, seed: int | Sequence[int] = 0, executor: Executor | None = None
) -> BoundaryDensity:
    """Estimate the volume of the boundary between regions over that of a box, by exact counts on random chords.

    A chord goes through a uniform point of the box in a uniform direction. If it has length L and meets the boundary M
    times, the mean of ``M / L`` is the density times the mean of ``|u . n|`` (Crofton). In many dimensions
    :func:`polyrelu.theory.boundary.crofton_estimate` hardly ever meets the box, a chord always.

    Parameters
    ----------
    net : ReluNetwork
        Of any number of inputs.
    box : Box
    samples : int
        Number of chords, at least 2.
    seed : int
    executor : Executor, optional
        Runs chords in parallel.

    Returns
    -------
    BoundaryDensity

    Raises
    ------
    InputError
        Fewer than two samples.
    DomainError
        A domain that is no Box, or of another dimension.

    Notes
    -----
    Exactness: *float*, with a standard error; each count is exact.

    Examples
    --------
    Three points on an interval of length 2:

    >>> net = ReluNetwork([[[1], [1], [1]], [[1, 1, 1]]], [[0, "-1/2", "1/3"], [0]])
    >>> found = boundary_density(net, Box([-1], [1]), samples=2).activation
    >>> round(found.mean, 12), found.standard_error
    (1.5, 0.0)
    """
    if not isinstance(box, Box):
        raise DomainError("the domain is no Box; give one")
    domain = as_domain(box, net.input_dim)
    if samples < 2:
        raise InputError(f"samples is {samples}; a standard error needs at least 2")
    d = net.input_dim
    low, high = (np.asarray(side, dtype=np.float64) for side in domain.outer_floats())
    rng = np.random.default_rng(seed)
    starts, ends, lengths = [], [], np.empty(samples)
    for n in range(samples):
        x = low + (high - low) * rng.random(d)
        u = rng.normal(size=d)
        u /= np.linalg.norm(u)
        # along u the walls are met at these distances, on both sides of x
        walls = np.sort(np.stack([(low - x) / u, (high - x) / u]), axis=0)
        first, last = walls[0].max(), walls[1].min()
        starts.append((x + first * u).tolist())
        ends.append((x + last * u).tolist())
        lengths[n] = last - first
    spread: Callable[..., Iterable[Any]] = map if executor is None else executor.map
    counts = np.array(list(spread(functools.partial(_crossings, net), starts, ends)))
    # E|u . n| for a random unit vector
    mean_cosine = math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.sqrt(math.pi)
    values = counts / lengths[:, None] / mean_cosine
    means, errors = values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(samples)
    return BoundaryDensity(*(Estimate(float(m), float(e), samples) for m, e in zip(means, errors, strict=True)))


def _crossings(net: ReluNetwork, start: Sequence[float], end: Sequence[float]) -> tuple[int, int]:
    line = regions_on_segment(net, start, end, workers=1)
    return len(line) - 1, int(line.gradient_jumps.sum())


def _check(sizes: Sequence[int], weights: str) -> None:
    if len(sizes) < 3 or any(not isinstance(n, int | np.integer) or n < 1 for n in sizes):
        raise InputError(f"sizes are {tuple(sizes)}; give whole numbers from 1 up: inputs, hidden layers, outputs")
    if weights not in VARIANCES:
        raise InputError(f"weights is {weights!r}; the constants are known for {', '.join(VARIANCES)}")
