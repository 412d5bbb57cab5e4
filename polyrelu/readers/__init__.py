"""Read networks from model files and frameworks, exactly.

One module per format; each turns its model into a :class:`~polyrelu.network.ReluNetwork` through
:mod:`~polyrelu.readers.lowering`, which composes consecutive affine nodes in rationals. A framework is
imported when one of its models is read, never before.

====================  ==============================================================
``.npz``, ``.json``   our own formats, :mod:`~polyrelu.readers.native`
``.onnx``             :mod:`~polyrelu.readers.onnx_reader`
``.nnet``             :mod:`~polyrelu.readers.nnet`
``.safetensors``      :mod:`~polyrelu.readers.safetensors_reader`
Keras, ``.keras``     :mod:`~polyrelu.readers.keras_reader`
torch modules         :mod:`~polyrelu.readers.torch_reader`
scikit-learn models   :mod:`~polyrelu.readers.sklearn_reader`
====================  ==============================================================

What an operator becomes is said once for all of them, in :mod:`~polyrelu.readers.operators` and docs/models.md.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, ModelError, suggestion
from ..network import ReluNetwork
from .files import as_path, located

__all__ = ["from_keras", "from_sklearn", "from_torch", "load", "save"]

# suffix: (module, function, options)
_READERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    ".json": ("native", "load_json", ()),
    ".keras": ("keras_reader", "load_keras", ()),
    ".nnet": ("nnet", "load_nnet", ("normalize",)),
    ".npz": ("native", "load_npz", ()),
    ".onnx": ("onnx_reader", "load_onnx", ()),
    ".safetensors": ("safetensors_reader", "load_safetensors", ("architecture",)),
}


def load(path: str | os.PathLike[str], **options: Any) -> ReluNetwork:
    """Read a network from a model file; the suffix says which format it is.

    Parameters
    ----------
    path : path-like
        A file with suffix ``.onnx``, ``.keras``, ``.safetensors``, ``.nnet``, ``.npz`` or ``.json``, in
        any case.
    **options
        ``normalize`` (bool, ``.nnet`` alone): see :func:`polyrelu.readers.nnet.load_nnet`.
        ``architecture`` (``.safetensors`` alone): see
        :func:`polyrelu.readers.safetensors_reader.load_safetensors`.

    Returns
    -------
    ReluNetwork
        With the exact weights that the file holds.

    Raises
    ------
    ModelError
        A missing, empty or corrupt file, an unknown suffix; the message names the file and the remedy.
    UnsupportedOperator
        An operator that has no exact lowering; the message names the node.
    MissingDependency
        The format needs a package that is not installed; the message gives the command.
    InputError
        An option that the format does not have.

    Notes
    -----
    Exactness: *exact*. A float weight is the dyadic rational that it is, and consecutive affine nodes are
    multiplied in rationals. Only the scale of a batch normalization, an irrational number, is rounded: to
    the nearest binary64 number.

    Examples
    --------
    >>> load("no-such-model.onnx")
    Traceback (most recent call last):
    polyrelu.errors.ModelError: no-such-model.onnx: there is no such file; check the path
    """
    with located(path):
        suffix = as_path(path).suffix.lower()
    if suffix not in _READERS:
        known = ", ".join(sorted(_READERS))
        found = f"suffix {suffix!r} is unknown" if suffix else "the name has no suffix"
        with located(path):
            raise ModelError(f"{found}; known are {known}{suggestion(suffix, _READERS)}")
    module, function, known_options = _READERS[suffix]
    for option in options:
        if option not in known_options:
            hint = f"it takes {', '.join(known_options)}" if known_options else "it takes none"
            raise InputError(f"a {suffix} file has no option {option!r}; {hint}{suggestion(option, known_options)}")
    reader = getattr(importlib.import_module(f".{module}", __name__), function)
    network: ReluNetwork = reader(path, **options)
    return network


def save(network: ReluNetwork, path: str | os.PathLike[str]) -> None:
    """Write a network to a ``.npz`` or ``.json`` file; see :func:`polyrelu.readers.native.save`."""
    from . import native

    native.save(network, path)


def from_torch(module: Any, input_shape: Sequence[int] | None = None) -> ReluNetwork:
    """Read a torch module; see :func:`polyrelu.readers.torch_reader.from_torch`."""
    from . import torch_reader

    return torch_reader.from_torch(module, input_shape)


def from_keras(model: Any) -> ReluNetwork:
    """Read a Keras 3 model; see :func:`polyrelu.readers.keras_reader.from_keras`."""
    from . import keras_reader

    return keras_reader.from_keras(model)


def from_sklearn(model: Any) -> ReluNetwork:
    """Read a fitted scikit-learn perceptron or pipeline; see :func:`polyrelu.readers.sklearn_reader.from_sklearn`."""
    from . import sklearn_reader

    return sklearn_reader.from_sklearn(model)
