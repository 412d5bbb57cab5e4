"""Piecewise-linear functions of one variable and maxima, as ReLUs; and what is no such function, by name."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import ModelError, UnsupportedOperator
from ..exact import RationalMatrix, fraction
from ..network import NeuronGroup
from ..sparse import SparseMatrix
from .arithmetic import (
    add,
    broadcast_shape,
    concat,
    constant,
    multiply,
    negate,
    rationals,
    reduced_axes,
    reduced_shape,
)
from .lowering import Lowering, Shape, Tensor, Value, lift

ADVICE = {
    "celu": "LeakyReLU",
    "elu": "LeakyReLU",
    "erf": "HardTanh",
    "exp": "",
    "gelu": "ReLU",
    "glu": "",
    "hardswish": "ReLU6 or ReLU",
    "log": "",
    "logsigmoid": "HardSigmoid",
    "logsoftmax": "a softmax at the very end is left out",
    "mish": "ReLU",
    "pow": "",
    "selu": "LeakyReLU",
    "sigmoid": "HardSigmoid",
    "silu": "ReLU",
    "softmax": "a softmax at the very end is left out",
    "softmin": "",
    "softplus": "ReLU",
    "softsign": "HardTanh",
    "sqrt": "",
    "swish": "ReLU",
    "tanh": "HardTanh",
    "tanhshrink": "Softshrink",
    "groupnorm": "batch normalization",
    "groupnormalization": "batch normalization",
    "instancenorm": "batch normalization",
    "instancenormalization": "batch normalization",
    "layernorm": "batch normalization",
    "layernormalization": "batch normalization",
    "localresponsenorm": "batch normalization",
    "lrn": "batch normalization",
    "rmsnorm": "batch normalization",
    "rmsnormalization": "batch normalization",
    "attention": "",
    "multiheadattention": "",
    "gru": "",
    "lstm": "",
    "rnn": "",
}

JUMPS = {"hardshrink", "sign", "heaviside", "floor", "ceil", "round", "argmax", "argmin", "onehot", "topk", "trunc"}
JUMPS |= {"thresholdedrelu", "greater", "less", "equal", "where", "mod", "nonzero"}


def refuse(operator: str, supported: str) -> NoReturn:
    """Raise the error for an operator without a reader, saying whether any could exist.

    Examples
    --------
    >>> refuse("Tanh", "")
    Traceback (most recent call last):
    polyrelu.errors.UnsupportedOperator: Tanh is not piecewise linear; the nearest that is: HardTanh
    """
    plain = re.sub(r"\d+d$|[^a-z]", "", operator.lower())
    if "quant" in plain or plain.startswith("qlinear"):
        raise UnsupportedOperator(f"{operator} rounds, which is not continuous; export the model before quantization")
    if plain in JUMPS:
        raise UnsupportedOperator(f"{operator} may jump; only continuous piecewise-linear operators have a reader")
    if plain in ADVICE:
        nearest = f"; the nearest that is: {ADVICE[plain]}" if ADVICE[plain] else ""
        raise UnsupportedOperator(f"{operator} is not piecewise linear{nearest}")
    raise UnsupportedOperator(f"{operator} has no exact reader; supported are {supported}")


def drop(net: Lowering, x: Value) -> Tensor:
    """Leave out a softmax, a sigmoid or their logarithms, which only the end of a model may have."""
    return replace(lift(x), dropped=net.label or net.name or "an operator")


# -- functions of one variable --------------------------------------------------------
def piecewise(
    net: Lowering, x: Value, slope: Any, offset: Any, kinks: Sequence[tuple[Any, Any]]
) -> Tensor:
    """Return ``slope x + offset + sum_i jump_i relu(x - place_i)``, entry by entry, in one ReLU layer.

    Parameters
    ----------
    net : Lowering
    x : Tensor
    slope, offset : number, or array that broadcasts to the shape of x
    kinks : sequence of (place, jump), each a number or an array likewise
        The neurons of the layer are ordered by kink, then by entry. A kink without any jump has none.

    Notes
    -----
    Exactness: *exact*.

    Examples
    --------
    The absolute value is ``-x + 2 relu(x)``:

    >>> net = Lowering(1)
    >>> y = net.finish(piecewise(net, net.input((1,)), -1, 0, [(0, 2)]))
    >>> y.widths, y([[-3], [2]]).tolist()
    ((1,), [[Fraction(3, 1)], [Fraction(2, 1)]])
    """
    tensor = lift(x)
    n, shape = tensor.size, tensor.shape

    def entries(values: Any) -> npt.NDArray[np.object_]:
        return np.broadcast_to(rationals(values, "a number of the activation"), shape).ravel()

    found = [(entries(place), entries(jump)) for place, jump in kinks]
    found = [(place, jump) for place, jump in found if any(jump)]
    result = multiply(net, tensor, constant(_array(slope), "slope"))
    if found:
        T = len(found)
        places, jumps = (np.concatenate(part) for part in zip(*found, strict=True))
        kinked = tensor if T == 1 else tensor.take(np.tile(np.arange(n), T))
        if any(places):
            kinked = replace(kinked.shift(RationalMatrix.of(-places.reshape(-1, 1))), name=kinked.name)
        bare = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
        groups = [NeuronGroup(f"kink{t}", bare or (1,)) for t in range(1, T + 1)]
        activations = net.relu(replace(kinked, name=tensor.name), groups if T > 1 else None)
        if not (T == 1 and all(jump == 1 for jump in jumps)):
            mix = SparseMatrix.of_entries((n, n * T), np.tile(np.arange(n), T), np.arange(n * T), jumps)
            activations = activations.affine(mix)
        result = activations.reshape(shape).add(lift(result))
    return lift(add(net, result, _array(offset))) if np.any(_array(offset)) else lift(result)


def _array(values: Any) -> Any:
    return values if isinstance(values, np.ndarray) else np.array(fraction(values), dtype=object)


def relu(net: Lowering, x: Value) -> Tensor:
    """Return max(x, 0)."""
    return net.relu(lift(x))


def leaky_relu(net: Lowering, x: Value, slope: Any) -> Tensor:
    """Return x where it is positive and ``slope x`` elsewhere."""
    a = fraction(slope, "slope")
    return piecewise(net, x, a, 0, [(0, 1 - a)])


def prelu(net: Lowering, x: Value, slope: Value) -> Tensor:
    """Return x where it is positive and ``slope x`` elsewhere, with slopes that broadcast to x."""
    a = rationals(slope, "slope")
    try:
        np.broadcast_to(a, x.shape)
    except ValueError:
        raise ModelError(f"slopes of shape {a.shape} do not fit shape {x.shape}") from None
    return piecewise(net, x, a, 0, [(0, 1 - a)])


def bounded_relu(net: Lowering, x: Value, slope: Any = 0, maximum: Any = None) -> Tensor:
    """Return x between 0 and the maximum, the maximum above, and ``slope x`` below 0."""
    a = fraction(slope, "slope")
    if maximum is None:
        return leaky_relu(net, x, a)
    top = fraction(maximum, "maximum")
    if top < 0:
        raise ModelError(f"the maximum is {top}, below 0: the activation would jump")
    kinks = [(0, 1 - a), (top, -1)]
    return piecewise(net, x, a, 0, kinks if top else [(0, -a)])


def clip(net: Lowering, x: Value, low: Any = None, high: Any = None) -> Tensor:
    """Return min(max(x, low), high); a bound may be left out, or be minus or plus infinity."""
    lower, upper = _bound(low, -1, "the lower bound"), _bound(high, 1, "the upper bound")
    if lower is None and upper is None:
        return lift(x)
    if lower is not None and upper is not None and lower >= upper:
        return lift(np.full(x.shape, upper, dtype=object))
    if lower is None:
        return piecewise(net, x, 1, 0, [(upper, -1)])
    return piecewise(net, x, 0, lower, [(lower, 1)] + [(upper, -1)] * (upper is not None))


def _bound(value: Any, sign: int, what: str) -> Fraction | None:
    """Return a bound as a number; None if it bounds nothing."""
    if value is None:
        return None
    array = constant(value, what)
    if array.size != 1:
        raise ModelError(f"{what} has shape {array.shape}; give one number")
    number = array.ravel()[0]
    if isinstance(number, float | np.floating) and number == sign * np.inf:
        return None
    return fraction(number, what)


def hard_sigmoid(net: Lowering, x: Value, alpha: Any = Fraction(1, 6), beta: Any = Fraction(1, 2)) -> Tensor:
    """Return ``alpha x + beta``, kept between 0 and 1."""
    line = add(net, multiply(net, x, _array(alpha)), _array(beta))
    return clip(net, line, 0, 1)


def soft_shrink(net: Lowering, x: Value, width: Any = Fraction(1, 2)) -> Tensor:
    """Return x moved by the width towards 0, and 0 within it."""
    w = fraction(width, "width")
    if w < 0:
        raise ModelError(f"the width is {w}; it must not be negative")
    return piecewise(net, x, 1, w, [(-w, -1), (w, 1)]) if w else lift(x)


def absolute(net: Lowering, x: Value) -> Tensor:
    """Return |x| = 2 relu(x) - x."""
    return piecewise(net, x, -1, 0, [(0, 2)])


# -- maxima ---------------------------------------------------------------------------
def tree_of_maxima(net: Lowering, x: Tensor, candidates: npt.NDArray[np.int64], shape: Shape) -> Tensor:
    """Return the largest of several entries for every output, by rounds of ``max(a, b) = b + relu(a - b)``.

    Parameters
    ----------
    net : Lowering
    x : Tensor
    candidates : ndarray of int64, shape (k, number of outputs)
        Flat numbers of entries of x; -1 for none, which takes part in no comparison.
    shape : tuple of int
        Of the outputs.

    Notes
    -----
    Exactness: *exact*. A round compares candidates 0 and 1, 2 and 3, .. in one ReLU layer. Comparison number c over the
    whole tree is named ``maxc``, and its neurons after the entries of the output: k candidates make k - 1 of them.

    Examples
    --------
    >>> net = Lowering(3)
    >>> y = net.finish(tree_of_maxima(net, net.input((3,)), np.array([[0], [1], [2]]), (1,)))
    >>> y.widths, y([[1, 5, 3], [7, 2, 8]]).tolist()
    ((1, 1), [[Fraction(5, 1)], [Fraction(8, 1)]])
    """
    values, columns, count = x.reshape((x.size,)), list(candidates), 0
    bare = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    while len(columns) > 1:
        left, right, groups, choices, places = [], [], [], [], []
        kinks = 0
        for a, b in itertools.zip_longest(columns[::2], columns[1::2]):
            if b is None:
                choices.append(a)
                places.append(np.full(len(a), -1))
                continue
            both = (a >= 0) & (b >= 0)
            number = int(both.sum())
            choices.append(np.where(b >= 0, b, a))
            places.append(np.where(both, kinks + np.cumsum(both) - 1, -1))
            left.append(a[both])
            right.append(b[both])
            count += 1
            if number:
                kept = None if number == len(a) else tuple(np.flatnonzero(both).tolist())
                groups.append(NeuronGroup(f"max{count}", bare or (1,), kept))
            kinks += number
        chosen = values.take(np.concatenate(choices))
        if kinks:
            first, second = np.concatenate(left), np.concatenate(right)
            difference = values.take(first).add(values.take(second).scale(Fraction(-1)))
            chosen = chosen.add(net.relu(difference, groups).take(np.concatenate(places)))
        ends = np.cumsum([len(c) for c in choices]).tolist()
        columns = [
            np.where(c >= 0, np.arange(end - len(c), end), -1) for c, end in zip(choices, ends, strict=True)
        ]
        values = chosen
    return values.take(columns[0]).reshape(shape)


def maximum(net: Lowering, values: Sequence[Value]) -> Value:
    """Return the largest of several values, entry by entry, with numpy's broadcasting."""
    if not values:
        raise ModelError("there is nothing to compare; give at least one value")
    if not any(isinstance(value, Tensor) for value in values):
        return np.asarray(np.maximum.reduce([rationals(value, "constant") for value in values]))
    shape = functools.reduce(broadcast_shape, (value.shape for value in values))
    tensors = [lift(value).broadcast(shape).reshape((math.prod(shape),)) for value in values]
    joined = lift(concat(net, tensors, 0))
    return tree_of_maxima(net, joined, joined.numbers.reshape(len(values), -1), shape)


def minimum(net: Lowering, values: Sequence[Value]) -> Value:
    """Return the smallest of several values: ``-max(-a, -b)``."""
    return negate(net, maximum(net, [negate(net, value) for value in values]))


def reduce_max(net: Lowering, x: Value, axes: Sequence[int] | None = None, keepdims: bool = True) -> Value:
    """Return the largest entries along axes; without ``axes``, along all."""
    along = reduced_axes(x.shape, axes)
    tensor = lift(x)
    order = [*along, *(i for i in range(len(x.shape)) if i not in along)]
    count = math.prod(x.shape[a] for a in along)
    candidates = tensor.numbers.transpose(order).reshape(count, -1)
    return tree_of_maxima(net, tensor, candidates, reduced_shape(x.shape, along, keepdims))


def reduce_min(net: Lowering, x: Value, axes: Sequence[int] | None = None, keepdims: bool = True) -> Value:
    """Return the smallest entries along axes; without ``axes``, along all."""
    return negate(net, reduce_max(net, negate(net, x), axes, keepdims))
