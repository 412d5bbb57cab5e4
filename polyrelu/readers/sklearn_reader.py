"""scikit-learn's multilayer perceptrons."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..network import ReluNetwork
from .files import located, require
from .lowering import Lowering, exact_matrix


def from_sklearn(model: Any) -> ReluNetwork:
    """Read a fitted scikit-learn perceptron.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted, with activation ``"relu"`` or ``"identity"`` (hidden layers without activation are
        composed into one affine layer, exactly).

    Returns
    -------
    ReluNetwork
        Its outputs are those before ``model.out_activation_``: a regressor's predictions (unless its
        loss gives it an exponential), a classifier's logits before softmax or the logistic function.

    Raises
    ------
    ModelError
        The model is no perceptron, or not fitted.
    UnsupportedOperator
        The activation is ``"tanh"`` or ``"logistic"``.
    MissingDependency
        scikit-learn is not installed.

    Notes
    -----
    Exactness: *exact*. ``model.coefs_`` are the dyadic rationals that they are; a preprocessing step, a
    scaler in a pipeline, is not part of the model.
    """
    neural_network = require("sklearn.neural_network", "sklearn")
    name = type(model).__name__
    if not isinstance(model, neural_network.MLPClassifier | neural_network.MLPRegressor):
        raise ModelError(f"{name} has no reader; give a fitted MLPClassifier or MLPRegressor itself, not a pipeline")
    if model.activation not in ("relu", "identity"):
        raise UnsupportedOperator(f"{name} has activation {model.activation!r}; train with 'relu' or 'identity'")
    weights, biases = getattr(model, "coefs_", None), getattr(model, "intercepts_", None)
    if weights is None or biases is None:
        raise ModelError(f"{name} is not fitted; call fit(X, y) first")
    with located(name):
        builder = Lowering(weights[0].shape[0])
        x = builder.input((builder.input_dim,))
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            matrix = exact_matrix(np.ascontiguousarray(weight.T), f"coefs_[{index}].T")
            x = x.affine(matrix, exact_matrix(bias, f"intercepts_[{index}]"))
            if model.activation == "relu" and index < len(weights) - 1:
                x = builder.relu(x)
        return builder.finish(x)
