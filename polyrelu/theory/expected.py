"""Expected numbers of breakpoints and volumes of boundaries of random networks: closed forms, and the co-area formula.

Where the bias of each neuron has a density rho given everything else, the mean (d - k)-dimensional volume of the set
where k neurons switch at once is an integral over the domain (Hanin and Rolnick 2019, theorem 3): the sum over all
sets S of k neurons of ``E[|J_S(x)| prod rho(z_j(x)) 1{all of S good}]``, with z without its bias, J_S the k x d matrix
of their gradients and ``|J| = sqrt(det(J J^T))``. The expectation is over networks in which the neurons of S stand at
their thresholds, so their activations are zero. Without the indicator the formula counts boundaries of activation
regions; with it, discontinuities of the gradient.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019.
M. Kac, On the average number of real roots of a random algebraic equation, 1943.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..polytope import Box, as_domain
from .random_networks import LAWS

Floats = npt.NDArray[np.float64]
# A sum over all k-subsets of neurons is given up beyond this many terms.
MOST_SUBSETS = 100_000


class Estimate(NamedTuple):
    """A Monte Carlo mean.

    Attributes
    ----------
    mean, standard_error : float
    samples : int
    """

    mean: float
    standard_error: float
    samples: int


def first_layer_breakpoints(low: float, high: float, weight_sd: float, bias_sd: float) -> float:
    """Return the expected number of kinks of one neuron ``w x + b`` in an interval, for normal w and b.

    ``(atan(high s) - atan(low s)) / pi`` with ``s = weight_sd / bias_sd``: the kink -b / w has a Cauchy law.

    Notes
    -----
    Exactness: *float*.

    Examples
    --------
    All of R holds one kink, the middle half of a Cauchy law is [-1, 1]:

    >>> first_layer_breakpoints(-math.inf, math.inf, 1, 1), first_layer_breakpoints(-1, 1, 1, 1)
    (1.0, 0.5)
    """
    ratio = weight_sd / bias_sd
    return (math.atan(high * ratio) - math.atan(low * ratio)) / math.pi


def next_layer_density(
    activations: Sequence[float], slopes: Sequence[float], weight_sd: float, bias_sd: float
) -> float:
    """Return the expected number of kinks per unit length of one neuron behind given activations a(x), a'(x).

    ``sqrt(s^2 |a'|^2 (s^2 |a|^2 + b^2) - s^4 (a . a')^2) / (pi (s^2 |a|^2 + b^2))`` for weights N(0, s^2) and a bias
    N(0, b^2) (Kac-Rice).

    Notes
    -----
    Exactness: *float*.

    Examples
    --------
    Behind the single activation x it is the Cauchy density of :func:`first_layer_breakpoints`:

    >>> next_layer_density([1], [1], 1, 1) == 1 / (2 * math.pi)
    True
    """
    a, slope = np.asarray(activations, dtype=np.float64), np.asarray(slopes, dtype=np.float64)
    s, size = weight_sd**2, weight_sd**2 * float(a @ a) + bias_sd**2
    inside = s * float(slope @ slope) * size - s * s * float(a @ slope) ** 2
    return math.sqrt(max(0.0, inside)) / (math.pi * size)


def coarea_estimate(
    sizes: Sequence[int], domain: Box, k: int = 1, *, good: bool = False, weights: str = "he", bias_sd: float = 0.1,
    samples: int = 10_000, seed: int = 0,
) -> Estimate:
    """Estimate the mean volume of the boundaries of codimension k of random networks, by the co-area formula.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers, outputs.
    domain : Box
        Points are drawn in it uniformly.
    k : int
        1 for facets (breakpoints on an interval), 2 for what lies on two neurons at once, up to the number of inputs.
    good : bool
        Only where every one of the k neurons has a path of open neurons to the output: discontinuities of the
        gradient and not of the pattern alone.
    weights : str
        A law of :mod:`polyrelu.theory.random_networks`.
    bias_sd : float
        Standard deviation of the normal biases, positive.
    samples, seed : int
        Each sample is a network and a point.

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        k out of range, too many subsets of neurons, biases without a density.

    Notes
    -----
    Exactness: *float*, with a standard error.

    Examples
    --------
    One hidden layer on an interval has a closed form:

    >>> found = coarea_estimate((1, 4, 1), Box([-1], [1.5]), bias_sd=0.5, samples=4000)
    >>> exact = 4 * first_layer_breakpoints(-1, 1.5, math.sqrt(2), 0.5)
    >>> abs(found.mean - exact) < 4 * found.standard_error
    True
    """
    d, widths = sizes[0], list(sizes[1:-1])
    box = as_domain(domain, d)
    if weights not in LAWS or not bias_sd > 0:
        raise InputError(f"weights {weights!r}, bias_sd {bias_sd}: give one of {', '.join(LAWS)} and a positive number")
    if not 1 <= k <= d:
        raise InputError(f"k is {k}; a boundary in {d} inputs has codimension 1 to {d}")
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(int)
    if math.comb(int(starts[-1]), k) > MOST_SUBSETS:
        raise InputError(f"{math.comb(int(starts[-1]), k)} sets of {k} neurons are too many; take a smaller network")
    rng = np.random.default_rng(seed)
    low, high = (np.asarray(side, dtype=np.float64) for side in box.outer_floats())
    totals = np.empty(samples)
    for n in range(samples):
        layers = []
        for fan_in, size in itertools.pairwise(sizes):
            layers.append((LAWS[weights](rng, (size, fan_in)), rng.normal(0, bias_sd, size)))
        x = low + (high - low) * rng.random(d)
        totals[n] = sum(
            _share(layers, starts, x, chosen, good, bias_sd) for chosen in itertools.combinations(range(starts[-1]), k)
        )
    volume = float(np.prod(high - low))
    return Estimate(volume * float(totals.mean()), volume * float(totals.std(ddof=1)) / math.sqrt(samples), samples)


def _share(
    layers: Sequence[tuple[Any, Any]], starts: npt.NDArray[np.int_], x: Floats, chosen: Sequence[int], good: bool,
    bias_sd: float,
) -> float:
    """Return ``|J_S| prod rho(z_j)`` at x, with the neurons of S at their thresholds."""
    a, slope = x, np.eye(len(x))
    rows, density = [], 1.0
    paths: list[npt.NDArray[np.bool_]] = []
    for index, (w, b) in enumerate(layers[:-1]):
        z, gradient = w @ a, w @ slope
        active = z + b > 0
        own = [j - starts[index] for j in chosen if starts[index] <= j < starts[index + 1]]
        for i in own:
            rows.append(gradient[i])
            density *= math.exp(-0.5 * (float(z[i]) / bias_sd) ** 2) / (bias_sd * math.sqrt(2 * math.pi))
            active[i] = False
        paths = [(w[:, p] != 0).any(axis=1) & active for p in paths] + [np.arange(len(b)) == i for i in own]
        a, slope = np.where(active, z + b, 0.0), gradient * active[:, None]
    if good and not all((layers[-1][0][:, p] != 0).any() for p in paths):
        return 0.0
    J = np.array(rows)
    return math.sqrt(max(0.0, float(np.linalg.det(J @ J.T)))) * density
