"""Random networks: the usual laws for weights and biases, and any piecewise-linear activation.

An activation with T breakpoints is a sum of T ReLUs and a linear function, so its network is lowered exactly to one of
T ReLUs per neuron with skip connections (:mod:`polyrelu.readers.lowering`).

References
----------
K. He, X. Zhang, S. Ren and J. Sun, Delving deep into rectifiers, 2015 (law "he").
X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010 ("glorot").
Y. LeCun, L. Bottou, G. Orr and K.-R. Mueller, Efficient BackProp, 1998 ("lecun").
A. Saxe, J. McClelland and S. Ganguli, Exact solutions to the nonlinear dynamics of learning, 2014 ("orthogonal").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, suggestion
from ..exact import RationalMatrix, as_array, fraction
from ..network import ReluNetwork
from ..readers.activations import piecewise
from ..readers.lowering import Lowering

Floats = npt.NDArray[np.float64]
Law = Callable[[np.random.Generator, tuple[int, ...]], Any]


@dataclass(frozen=True)
class Activation:
    """The continuous function ``slope x + constant + sum_i jumps[i] relu(x - breakpoints[i])``.

    Attributes
    ----------
    slope, constant : Fraction
    breakpoints : tuple of T Fractions
        Ascending.
    jumps : tuple of T Fractions
        Changes of the slope, none of them zero.

    Examples
    --------
    >>> [float(ACTIVATIONS["hard_tanh"](v)) for v in (-3, Fraction(1, 2), 2)]
    [-1.0, 0.5, 1.0]
    """

    slope: Fraction
    constant: Fraction
    breakpoints: tuple[Fraction, ...]
    jumps: tuple[Fraction, ...]

    @classmethod
    def of(cls, slope: Any, constant: Any, breakpoints: Sequence[Any], jumps: Sequence[Any]) -> Activation:
        """Check and convert the numbers.

        Raises
        ------
        InputError
            Breakpoints that do not ascend, another number of jumps, a jump of zero, or none at all.
        """
        at = tuple(fraction(v, "a breakpoint") for v in breakpoints)
        change = tuple(fraction(v, "a jump") for v in jumps)
        if len(at) != len(change) or not at:
            raise InputError(f"{len(at)} breakpoints and {len(change)} jumps; give as many of both, at least one")
        if any(a >= b for a, b in zip(at, at[1:], strict=False)) or not all(change):
            raise InputError("breakpoints must ascend and every jump of the slope must not be zero")
        return cls(fraction(slope, "slope"), fraction(constant, "constant"), at, change)

    def __call__(self, x: Any) -> Fraction:
        """Evaluate exactly."""
        v = fraction(x, "x")
        kinks = (c * max(v - t, Fraction(0)) for t, c in zip(self.breakpoints, self.jumps, strict=True))
        return sum(kinks, self.slope * v + self.constant)


ACTIVATIONS = {
    "relu": Activation.of(0, 0, [0], [1]),
    "leaky_relu": Activation.of("1/100", 0, [0], ["99/100"]),
    "absolute": Activation.of(-1, 0, [0], [2]),
    "hard_tanh": Activation.of(0, -1, [-1, 1], [1, -1]),
}


def random_activation(breakpoints: int, seed: int = 0) -> Activation:
    """Draw an activation with T breakpoints: standard normal places, slope and jumps, and value 0 at 0.

    Examples
    --------
    >>> sigma = random_activation(3)
    >>> len(sigma.breakpoints), sigma(0)
    (3, Fraction(0, 1))
    """
    if not isinstance(breakpoints, int) or breakpoints < 1:
        raise InputError(f"breakpoints is {breakpoints!r}; give a whole number from 1 up")
    rng = np.random.default_rng(seed)
    at, jumps, slope = np.sort(rng.normal(size=breakpoints)), rng.normal(size=breakpoints), rng.normal()
    there = Activation.of(slope, 0, at.tolist(), jumps.tolist())
    return Activation.of(slope, -there(0), at.tolist(), jumps.tolist())


def _normal(variance: Callable[[int, int], float]) -> Law:
    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        return rng.normal(0, np.sqrt(variance(shape[1], shape[0])), shape)

    return draw


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Draw a matrix with orthonormal rows or columns (Haar), times sqrt(2) as for ReLUs."""
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q = q * np.sign(np.diag(r))
    return np.asarray(np.sqrt(2) * (q if shape[0] >= shape[1] else q.T), dtype=np.float64)


LAWS: dict[str, Law] = {
    "he": _normal(lambda fan_in, fan_out: 2 / fan_in),
    "lecun": _normal(lambda fan_in, fan_out: 1 / fan_in),
    "glorot": _normal(lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "orthogonal": _orthogonal,
}


def random_network(
    sizes: Sequence[int], weights: str | Law = "he", biases: float | Law = 0.1, seed: int = 0,
    activation: str | Activation = "relu",
) -> ReluNetwork:
    """Draw a fully connected network.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers, outputs: (2, 16, 16, 1).
    weights : {"he", "lecun", "glorot", "orthogonal"} or callable
        The law of a weight matrix: variance 2 / fan-in, 1 / fan-in, 2 / (fan-in + fan-out), or sqrt(2) times a random
        matrix with orthonormal rows or columns. A callable gets the generator and the shape (fan-out, fan-in).
    biases : float or callable
        Standard deviation of normal biases, the output's too, or a law that gets the generator and the shape (n,).
    seed : int
        Of ``numpy.random.default_rng``. Drawn layer by layer, weights before biases.
    activation : str or Activation
        A name in :data:`ACTIVATIONS`, or any piecewise-linear function; with T breakpoints the network has T ReLUs for
        each of its neurons.

    Returns
    -------
    ReluNetwork

    Raises
    ------
    InputError
        Sizes that are not positive, an unknown law or activation, arrays of another shape from a callable.

    Notes
    -----
    Exactness: the floats drawn are taken *exactly*.

    Examples
    --------
    >>> random_network((2, 3, 3, 1)).neurons, random_network((2, 3, 3, 1), activation="hard_tanh").neurons
    (6, 12)
    """
    if len(sizes) < 2 or any(not isinstance(n, int | np.integer) or n < 1 for n in sizes):
        raise InputError(f"sizes are {tuple(sizes)}; give at least two whole numbers from 1 up: inputs, .., outputs")
    if isinstance(weights, str) and weights not in LAWS:
        hint = suggestion(weights, LAWS)
        raise InputError(f"weights is {weights!r}; choose one of {', '.join(LAWS)}, or give a function{hint}")
    if isinstance(activation, str) and activation not in ACTIVATIONS:
        known, hint = ", ".join(ACTIVATIONS), suggestion(activation, ACTIVATIONS)
        raise InputError(f"activation is {activation!r}; choose one of {known}, or an Activation{hint}")
    law = LAWS[weights] if isinstance(weights, str) else weights
    sigma = ACTIVATIONS[activation] if isinstance(activation, str) else activation
    rng = np.random.default_rng(seed)
    pairs = []
    for fan_in, size in zip(sizes[:-1], sizes[1:], strict=True):
        w = np.asarray(law(rng, (size, fan_in)))
        b = np.asarray(biases(rng, (size,)) if callable(biases) else rng.normal(0, biases, size))
        for name, array, shape in (("weights", w, (size, fan_in)), ("biases", b, (size,))):
            if array.shape != shape:
                raise InputError(f"the law of {name} returned shape {array.shape}; expected {shape}")
        pairs.append((w, b))
    if sigma == ACTIVATIONS["relu"]:
        return ReluNetwork([w for w, _ in pairs], [b for _, b in pairs])
    return with_activation([w for w, _ in pairs], [b for _, b in pairs], sigma)


def with_activation(weights: Sequence[Any], biases: Sequence[Any], activation: Activation) -> ReluNetwork:
    """Return a fully connected network with any piecewise-linear activation, lowered exactly to ReLUs.

    The ReLUs of one layer are ordered by breakpoint, then by neuron.

    Examples
    --------
    | |x| - 1 | with the absolute value as activation:

    >>> net = with_activation([[[1]], [[1]], [[1]]], [[0], [-1], [0]], ACTIVATIONS["absolute"])
    >>> net.neurons, [int(net([Fraction(v)])[0]) for v in (-2, 0, 1)]
    (2, [1, 1, 0])
    """
    shapes = [np.shape(w) for w in weights]
    lowering = Lowering(shapes[0][1])
    h = lowering.input((shapes[0][1],))
    for index, (w, b) in enumerate(zip(weights, biases, strict=True)):
        column = RationalMatrix.of(as_array(b).reshape(-1, 1), f"biases[{index}]")
        z = h.affine(RationalMatrix.of(w, f"weights[{index}]"), column)
        if index == len(weights) - 1:
            return lowering.finish(z)
        kinks = list(zip(activation.breakpoints, activation.jumps, strict=True))
        h = piecewise(lowering, z, activation.slope, activation.constant, kinks)
    raise InputError("weights is empty; give one matrix per layer")
