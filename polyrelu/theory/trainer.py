"""Training by gradient descent, with a look at the network at chosen moments.

A network of ReLUs with softmax cross-entropy, by Adam or plain stochastic gradient descent, in float64: as Hanin and
Rolnick trained theirs to watch the regions move. Between two looks nothing is exact and nothing needs to be; each
network handed out is one whose weights are taken exactly.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 5.
D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, ModelError, suggestion
from ..network import ReluNetwork
from ..readers.files import require
from .image_data import ImageData
from .random_networks import random_network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Parameters = list[tuple[Floats, Floats]]
# Weights, images and labels to the gradients of the loss.
Slopes = Callable[[Parameters, Floats, Ints], Parameters]

# The epochs at which the paper looks.
CHECKPOINTS = (0, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 6, 8, 10, 15, 20)
OPTIMIZERS = ("adam", "sgd")
BACKENDS = ("numpy", "torch")
# Adam's decay rates of both moments and what is added to the denominator, as in the paper by its authors.
DECAY = (0.9, 0.999)
FLOOR = 10.0**-8


@dataclass(frozen=True)
class Checkpoint:
    """A network during training.

    Attributes
    ----------
    epoch : float
        Passes through the training images so far: steps over the steps of one epoch.
    step : int
        Updates of the weights so far.
    network : ReluNetwork
        Its float64 weights, taken exactly.
    train_accuracy, test_accuracy : float
        Share of the images whose largest output is that of their label.
    loss : float
        Mean cross-entropy over the training images.
    """

    epoch: float
    step: int
    network: ReluNetwork
    train_accuracy: float
    test_accuracy: float
    loss: float


def train(
    widths_or_network: Sequence[int] | ReluNetwork, data: ImageData, *, epochs: float = 20,
    checkpoints: Sequence[float] = CHECKPOINTS, batch: int = 128, learning_rate: float = 1 / 1000,
    optimizer: str = "adam", bias_sd: float = 1 / 1000, seed: int = 0, backend: str = "numpy",
) -> Iterator[Checkpoint]:
    """Train a classifier and yield it at chosen moments.

    Parameters
    ----------
    widths_or_network : sequence of int or ReluNetwork
        Widths of the hidden layers, for a random start (He weights, normal biases), or a network to go on from: each
        layer reads the one before, without a ReLU behind the last.
    data : ImageData
        One output for every class.
    epochs : float
        When to stop.
    checkpoints : sequence of float
        Epochs to look at; those beyond the end are left out, and the end is always among them. Each is the first whole
        step there, and two that fall on the same step are one.
    batch : int
        Images per step; the last step of an epoch takes what is left.
    learning_rate : float
    optimizer : {"adam", "sgd"}
    bias_sd : float
        Standard deviation of the random biases.
    seed : int
        Of the weights and, in a stream of their own, of the batches.
    backend : {"numpy", "torch"}
        Who computes the gradients; both start from the same weights and take the same batches, and agree to rounding.

    Yields
    ------
    Checkpoint

    Raises
    ------
    InputError
        Numbers out of range, an unknown optimizer or backend, a loss that is no longer finite.
    ModelError
        A network with skip connections, a ReLU at its end, or other numbers of inputs and outputs than the data.
    MissingDependency
        The backend is not installed.

    Notes
    -----
    Exactness: *float*; the same arguments give the same networks on the same machine. A network of rationals starts
    from their nearest floats.

    Examples
    --------
    Two pixels, and the class is the brighter one:

    >>> x = np.random.default_rng(0).random((256, 2))
    >>> data = ImageData(x, (x[:, 1] > x[:, 0]).astype(int), x, (x[:, 1] > x[:, 0]).astype(int), (1, 2), "two", 2)
    >>> seen = list(train([8], data, epochs=20, batch=16, learning_rate=1 / 64, checkpoints=(0, 1)))
    >>> [(c.epoch, c.step, c.test_accuracy > 0.9) for c in seen]
    [(0.0, 0, False), (1.0, 16, False), (20.0, 320, True)]
    """
    for name, choice, allowed in (("optimizer", optimizer, OPTIMIZERS), ("backend", backend, BACKENDS)):
        if choice not in allowed:
            raise InputError(f"{name} is {choice!r}; choose one of {', '.join(allowed)}{suggestion(choice, allowed)}")
    if not isinstance(data, ImageData):
        raise InputError(f"data is of type {type(data).__name__}; give an ImageData, as image_data() returns it")
    if not isinstance(batch, int | np.integer) or batch < 1:
        raise InputError(f"batch is {batch!r}; give a whole number of images from 1 up")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 up")
    for name, value, positive in (
        ("learning_rate", learning_rate, True), ("bias_sd", bias_sd, False), ("epochs", epochs, False),
    ):
        if not _finite(value) or value < 0 or (positive and not value):
            raise InputError(f"{name} is {value!r}; give a {'positive number' if positive else 'number from 0 up'}")
    if not all(_finite(e) and e >= 0 for e in checkpoints):
        raise InputError(f"checkpoints are {tuple(checkpoints)}; give epochs, numbers from 0 up")
    start = _start(widths_or_network, data, bias_sd, seed)
    per_epoch = math.ceil(len(data.train_x) / batch)
    stops = sorted({math.ceil(e * per_epoch) for e in (*checkpoints, epochs) if e <= epochs})
    slopes = _numpy_slopes if backend == "numpy" else _torch_slopes(require("torch", "torch"))
    return _run(_Model(start, optimizer == "adam", learning_rate), slopes, data, stops, per_epoch, int(batch), seed)


def _finite(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(value)


def _start(given: Sequence[int] | ReluNetwork, data: ImageData, bias_sd: float, seed: int) -> Parameters:
    """Return the weights and biases to begin with."""
    pixels = data.train_x.shape[1]
    if not isinstance(given, ReluNetwork | Sequence):
        raise InputError(f"{given!r} is no network; give one, or the widths of the hidden layers: [32, 32]")
    net = given if isinstance(given, ReluNetwork) else random_network(
        (pixels, *given, data.classes), "he", bias_sd, seed
    )  # fmt: skip
    if net.output_relu or any(set(layer.blocks) - {k} for k, layer in enumerate(net.layers)):
        raise ModelError("the network has skip connections or a ReLU at its end; give one without, or widths")
    if (net.input_dim, net.output_dim) != (pixels, data.classes):
        raise ModelError(
            f"the network has {net.input_dim} inputs and {net.output_dim} outputs; "
            f"{data.name} needs {pixels} and {data.classes}"
        )
    sizes = [net.input_dim, *(layer.size for layer in net.layers)]
    return [
        (layer.blocks[k].to_float()[0] if k in layer.blocks else np.zeros(shape), layer.bias.to_float()[0].ravel())
        for k, (layer, shape) in enumerate(zip(net.layers, [(b, a) for a, b in pairwise(sizes)], strict=True))
    ]


class _Model:
    """Weights and biases, and the optimizer that moves them."""

    def __init__(self, start: Parameters, adam: bool, rate: float):
        self.layers = [(w.copy(), b.copy()) for w, b in start]
        self.adam, self.rate, self.done = adam, rate, 0
        self.moments = [[(np.zeros_like(v), np.zeros_like(v)) for v in pair] for pair in self.layers]

    def step(self, slopes: Parameters) -> None:
        self.done += 1
        for layer, slope, moments in zip(self.layers, slopes, self.moments, strict=True):
            for value, gradient, pair in zip(layer, slope, moments, strict=True):
                value -= self.rate * (self._direction(gradient, pair) if self.adam else gradient)

    def _direction(self, gradient: Floats, moments: tuple[Floats, Floats]) -> Floats:
        for moment, decay, power in zip(moments, DECAY, (gradient, gradient * gradient), strict=True):
            moment *= decay
            moment += (1 - decay) * power
        first, second = (m / (1 - decay**self.done) for m, decay in zip(moments, DECAY, strict=True))
        return np.asarray(first / (np.sqrt(second) + FLOOR), dtype=np.float64)


def _run(
    model: _Model, slopes: Slopes, data: ImageData, stops: Sequence[int], per_epoch: int, batch: int, seed: int
) -> Iterator[Checkpoint]:
    rng = np.random.default_rng([seed, 1])  # not the stream of the weights
    order: Ints = np.zeros(0, dtype=np.int64)
    for stop in stops:
        while model.done < stop:
            first = model.done % per_epoch * batch
            if not first:
                order = rng.permutation(len(data.train_x))
            rows = order[first : first + batch]
            with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite is reported at the next look
                model.step(slopes(model.layers, data.train_x[rows], data.train_y[rows]))
        yield _look(model.layers, data, model.done, per_epoch)


def _look(layers: Parameters, data: ImageData, step: int, per_epoch: int) -> Checkpoint:
    logits = _forward(layers, data.train_x)[-1]
    loss = -float(_log_softmax(logits)[np.arange(len(logits)), data.train_y].mean())
    if not math.isfinite(loss):
        raise InputError(f"the loss is {loss} after {step} steps; take a smaller learning_rate")
    right = float((logits.argmax(axis=1) == data.train_y).mean())
    right_test = float((_forward(layers, data.test_x)[-1].argmax(axis=1) == data.test_y).mean())
    net = ReluNetwork([w for w, _ in layers], [b for _, b in layers])
    return Checkpoint(step / per_epoch, step, net, right, right_test, loss)


def _forward(layers: Parameters, x: Floats) -> list[Floats]:
    """Return the input, the activations of every layer and the outputs."""
    out = [x]
    for index, (w, b) in enumerate(layers):
        z = out[-1] @ w.T + b
        out.append(z if index == len(layers) - 1 else np.maximum(z, 0.0))
    return out


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float64)


def _numpy_slopes(layers: Parameters, x: Floats, y: Ints) -> Parameters:
    """Return the gradients of the mean cross-entropy, by backpropagation."""
    acts = _forward(layers, x)
    back = np.exp(_log_softmax(acts[-1]))
    back[np.arange(len(y)), y] -= 1.0
    back /= len(y)
    out = []
    for (w, _), a in zip(layers[::-1], acts[-2::-1], strict=True):
        out.append((back.T @ a, back.sum(axis=0)))
        back = back @ w * (a > 0)
    return out[::-1]


def _torch_slopes(torch: Any) -> Slopes:
    """Return what does the same by torch: its layers, its loss, its differentiation."""

    def slopes(layers: Parameters, x: Floats, y: Ints) -> Parameters:
        tensors = [tuple(torch.tensor(v, requires_grad=True) for v in pair) for pair in layers]
        out = torch.tensor(x)
        for index, (w, b) in enumerate(tensors):
            z = torch.nn.functional.linear(out, w, b)
            out = z if index == len(layers) - 1 else torch.relu(z)
        torch.nn.functional.cross_entropy(out, torch.tensor(y)).backward()
        return [(w.grad.numpy(), b.grad.numpy()) for w, b in tensors]

    return slopes
