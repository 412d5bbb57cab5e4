"""scikit-learn's multilayer perceptrons, alone or behind scalers in a pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..network import ReluNetwork
from .activations import clip
from .arithmetic import add, divide, multiply, subtract
from .files import located, require
from .lowering import Lowering, Value, exact_matrix, lift


def from_sklearn(model: Any) -> ReluNetwork:
    """Read a fitted scikit-learn perceptron.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor or Pipeline
        Fitted, with activation ``"relu"`` or ``"identity"`` (hidden layers without activation are
        composed into one affine layer, exactly). The steps of a pipeline before it may be StandardScaler,
        MinMaxScaler, MaxAbsScaler, RobustScaler and ``"passthrough"``.

    Returns
    -------
    ReluNetwork
        Its outputs are those before ``model.out_activation_``: a regressor's predictions (unless its
        loss gives it an exponential), a classifier's logits before softmax or the logistic function.
        :attr:`ReluNetwork.notes` says which function was left out.

    Raises
    ------
    ModelError
        The model is no perceptron, or not fitted.
    UnsupportedOperator
        The activation is ``"tanh"`` or ``"logistic"``, or the pipeline has another step; the message names it.
    MissingDependency
        scikit-learn is not installed.

    Notes
    -----
    Exactness: *exact*. ``model.coefs_`` are the dyadic rationals that they are. Scalers are folded into the
    first layer with their fitted numbers, divided as rationals; one that clips (MinMaxScaler(clip=True))
    adds two ReLUs for each input.
    """
    name = type(model).__name__
    scalers: list[tuple[str, Any]] = []
    if isinstance(model, require("sklearn.pipeline", "sklearn").Pipeline):
        *scalers, (_, model) = model.steps
    neural_network = require("sklearn.neural_network", "sklearn")
    name = type(model).__name__
    if not isinstance(model, neural_network.MLPClassifier | neural_network.MLPRegressor):
        raise ModelError(
            f"{name} has no reader; give a fitted MLPClassifier or MLPRegressor, or a pipeline that ends with one"
        )
    if model.activation not in ("relu", "identity"):
        raise UnsupportedOperator(f"{name} has activation {model.activation!r}; train with 'relu' or 'identity'")
    weights, biases = getattr(model, "coefs_", None), getattr(model, "intercepts_", None)
    if weights is None or biases is None:
        raise ModelError(f"{name} is not fitted; call fit(X, y) first")
    builder: Lowering | None = None
    for step, scaler in scalers:
        if scaler is None or scaler == "passthrough":
            continue
        with located(f"{step} ({type(scaler).__name__})"):
            if type(scaler).__name__ not in SCALERS or not type(scaler).__module__.startswith("sklearn."):
                raise UnsupportedOperator(f"has no exact reader; supported are {', '.join(SCALERS)}")
            if not hasattr(scaler, "n_features_in_"):
                raise ModelError("is not fitted; call fit(X, y) on the pipeline first")
            if builder is None:
                builder = Lowering(scaler.n_features_in_)
                x: Any = builder.input((builder.input_dim,))
            x = SCALERS[type(scaler).__name__](builder, x, scaler)
    with located(name):
        if builder is None:
            builder = Lowering(weights[0].shape[0])
            x = builder.input((builder.input_dim,))
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            matrix = exact_matrix(np.ascontiguousarray(weight.T), f"coefs_[{index}].T")
            x = lift(x).affine(matrix, exact_matrix(bias, f"intercepts_[{index}]"))
            if model.activation == "relu" and index < len(weights) - 1:
                x = builder.relu(x)
        if model.out_activation_ != "identity":
            builder.note(f"{name}: {model.out_activation_} at the end is left out: the outputs are those before it")
        return builder.finish(x)


def _divided(net: Lowering, x: Value, center: Any, scale: Any) -> Value:
    """Return ``(x - center) / scale``; either may be None."""
    if center is not None:
        x = subtract(net, x, center)
    return x if scale is None else divide(net, x, scale)


def _standard(net: Lowering, x: Value, scaler: Any) -> Value:
    return _divided(net, x, scaler.mean_ if scaler.with_mean else None, scaler.scale_)


def _robust(net: Lowering, x: Value, scaler: Any) -> Value:
    return _divided(net, x, scaler.center_, scaler.scale_)


def _max_abs(net: Lowering, x: Value, scaler: Any) -> Value:
    y = divide(net, x, scaler.scale_)
    return clip(net, y, -1, 1) if getattr(scaler, "clip", False) else y


def _min_max(net: Lowering, x: Value, scaler: Any) -> Value:
    y = add(net, multiply(net, x, scaler.scale_), scaler.min_)
    return clip(net, y, *scaler.feature_range) if scaler.clip else y


SCALERS = {"MaxAbsScaler": _max_abs, "MinMaxScaler": _min_max, "RobustScaler": _robust, "StandardScaler": _standard}
