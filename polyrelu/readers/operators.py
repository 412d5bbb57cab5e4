"""Every operator that is lowered exactly, under the name that architecture files use; see docs/models.md.

The readers translate the names and attributes of their frameworks to these functions: one rule instead of many cases.

==============================================  ======================================================================
:mod:`~polyrelu.readers.arithmetic`             sums, products with constants, batch normalization, shapes
:mod:`~polyrelu.readers.activations`            piecewise-linear functions of one variable, maxima, refusals by name
:mod:`~polyrelu.readers.windows`                convolutions and pooling
==============================================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import activations, arithmetic, windows
from .lowering import Lowering, Value


def identity(net: Lowering, x: Value) -> Value:
    """Return the value itself: dropout at evaluation, and whatever else does nothing."""
    return x


def global_average_pool(net: Lowering, x: Value) -> Value:
    """Average all spatial places, which stay as axes of size 1."""
    return arithmetic.reduce_mean(net, x, range(2, len(x.shape)))


def global_max_pool(net: Lowering, x: Value) -> Value:
    """Take the largest entry of every channel; the spatial axes stay with size 1."""
    return activations.reduce_max(net, x, range(2, len(x.shape)))


# of one value
OPERATORS: dict[str, Callable[..., Any]] = {
    "abs": activations.absolute,
    "adaptive_average_pool": windows.adaptive_average_pool,
    "adaptive_max_pool": windows.adaptive_max_pool,
    "average_pool": windows.average_pool,
    "batch_norm": arithmetic.batch_norm,
    "bounded_relu": activations.bounded_relu,
    "clip": activations.clip,
    "conv": windows.conv,
    "conv_transpose": windows.conv_transpose,
    "flatten": arithmetic.flatten,
    "gather": arithmetic.gather,
    "global_average_pool": global_average_pool,
    "global_max_pool": global_max_pool,
    "hard_sigmoid": activations.hard_sigmoid,
    "identity": identity,
    "leaky_relu": activations.leaky_relu,
    "linear": arithmetic.linear,
    "log_softmax": activations.drop,
    "max_pool": windows.max_pool,
    "negate": arithmetic.negate,
    "pad": arithmetic.pad,
    "prelu": activations.prelu,
    "reduce_max": activations.reduce_max,
    "reduce_mean": arithmetic.reduce_mean,
    "reduce_min": activations.reduce_min,
    "reduce_sum": arithmetic.reduce_sum,
    "relu": activations.relu,
    "reshape": arithmetic.reshape,
    "sigmoid": activations.drop,
    "soft_shrink": activations.soft_shrink,
    "softmax": activations.drop,
    "squeeze": arithmetic.squeeze,
    "transpose": arithmetic.transpose,
    "unsqueeze": arithmetic.unsqueeze,
}
# of two values
BINARY: dict[str, Callable[..., Any]] = {
    "add": arithmetic.add,
    "divide": arithmetic.divide,
    "matmul": arithmetic.matmul,
    "multiply": arithmetic.multiply,
    "subtract": arithmetic.subtract,
}
# of a list of values
VARIADIC: dict[str, Callable[..., Any]] = {
    "concat": arithmetic.concat,
    "maximum": activations.maximum,
    "mean": arithmetic.average,
    "minimum": activations.minimum,
    "sum": arithmetic.total,
}
