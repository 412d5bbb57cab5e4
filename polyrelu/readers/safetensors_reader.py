"""Weights in ``.safetensors`` with a described architecture.

A file of weights says nothing about the network, so a small JSON text does, either a file beside it or the entry
``architecture`` in the metadata of the weights::

    {"input": [1, 28, 28],
     "operators": [
       {"op": "conv", "name": "conv1", "weight": "conv1.weight", "bias": "conv1.bias", "stride": 2, "padding": 1},
       {"op": "relu"},
       {"op": "flatten"},
       {"op": "linear", "name": "fc", "weight": "fc.weight", "bias": "fc.bias"}]}

``input`` is the shape without the batch dimension. Every operator of :mod:`~polyrelu.readers.operators` takes the
result of the one before it, or of those that ``"inputs"`` names (``"input"`` is the network's input); the last result
is the output. Attributes have the names of the functions' parameters (``epsilon`` for the stabilizer); text names a
tensor of the file where a number or an array is wanted.

References
----------
The format: https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import inspect
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..network import ReluNetwork
from .activations import refuse
from .arithmetic import FOREIGN, sized
from .files import existing_file, located, one_line, read_text
from .lowering import Array, Lowering, Value
from .operators import BINARY, OPERATORS, VARIADIC

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2"}
_KINDS |= {"I8": "|i1", "U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "|b1"}
# parameters that are words, not tensors
_WORDS = {"mode", "padding"}


def load_safetensors(
    path: str | os.PathLike[str], *, architecture: str | os.PathLike[str] | dict[str, Any] | None = None
) -> ReluNetwork:
    """Read a network from a ``.safetensors`` file and the description of its architecture.

    Parameters
    ----------
    path : path-like
        Tensors of 16, 32 or 64 bit floats, bfloat16 or integers.
    architecture : path-like or dict, optional
        A JSON file, or its content; see the module. By default the entry ``architecture`` of the metadata.

    Returns
    -------
    ReluNetwork

    Raises
    ------
    ModelError
        A missing or corrupt file, no architecture, an operator or a tensor that does not exist, shapes that do not
        chain; the message names the operator.
    UnsupportedOperator
        An operator that is not piecewise linear.

    Notes
    -----
    Exactness: *exact*, but for the scales of ``batch_norm``, which are rounded to the nearest binary64 numbers.
    """
    with located(path):
        tensors, metadata = read_tensors(existing_file(path))
        if architecture is None:
            if "architecture" not in metadata:
                raise ModelError(
                    "the file holds weights alone; describe the network: load(path, architecture='architecture.json')"
                )
            architecture = _parsed(metadata["architecture"])
    if isinstance(architecture, dict):
        with located(path):
            return build(architecture, tensors)
    with located(architecture):
        content = _parsed(read_text(existing_file(architecture)))
        return build(content, tensors)


def read_tensors(file: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the tensors of a ``.safetensors`` file, exactly, and its metadata."""
    data = file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    try:
        if len(data) < 8 or size > len(data) - 8:
            raise ValueError("its header is cut off")
        header = json.loads(data[8 : 8 + size])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            kind, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
            if kind not in _KINDS:
                raise ModelError(f"{name} has element type {kind}; known are {', '.join(_KINDS)}")
            raw = data[8 + size + start : 8 + size + end]
            array = np.frombuffer(raw, dtype=_KINDS[kind])
            if len(raw) != end - start or start < 0 or len(array) != math.prod(shape):
                raise ValueError(f"the data of {name} are cut off")
            if kind == "BF16":  # the upper half of a binary32 number
                array = (array.astype(np.uint32) << 16).view(np.float32)
            tensors[name] = array.reshape(shape)
    except ModelError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"this is not a readable .safetensors file ({one_line(error)}); save it again") from None
    return tensors, metadata


def build(architecture: dict[str, Any], tensors: dict[str, Array]) -> ReluNetwork:
    """Return the network that an architecture describes."""
    unknown = set(architecture) - {"input", "operators"}
    if unknown or len(architecture) != 2:
        raise ModelError(f"an architecture has the keys input and operators; this one has {sorted(architecture)}")
    shape, nodes = architecture["input"], architecture["operators"]
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape) or not isinstance(nodes, list):
        raise ModelError("input must be a list of positive whole numbers, operators a list of objects")
    builder = Lowering(math.prod(sized(shape)))
    values: dict[str, Value] = {"input": builder.input((1, *shape))}
    last = values["input"]
    for index, node in enumerate(nodes):
        if not isinstance(node, dict) or not isinstance(node.get("op"), str):
            raise ModelError(f"operator {index} must be an object with the key op")
        rest = {key: value for key, value in node.items() if key not in ("op", "name", "inputs")}
        name = node.get("name", f"{node['op']}{index}")
        label = f"operator {index} {name!r} ({node['op']})"
        with located(label):
            if name in values:
                raise ModelError("the name is taken; choose another")
            names = node.get("inputs")
            for wanted in names or ():
                if wanted not in values:
                    raise ModelError(f"there is no earlier result {wanted!r}; known are {', '.join(values)}")
            inputs = [last] if names is None else [values[n] for n in names]
            function, arguments, given = _call(node["op"], inputs, rest, tensors)
        last = values[name] = builder.step(label, name, function, *arguments, **given)
    return builder.finish(last)


def _call(op: str, inputs: list[Value], rest: dict[str, Any], tensors: dict[str, Array]) -> tuple[Any, list[Any], Any]:
    """Return the function of an operator with its arguments, checked against its signature."""
    known = {**OPERATORS, **BINARY, **VARIADIC}
    if op not in known:
        refuse(op, ", ".join(sorted(known)))
    given = {FOREIGN.get(key, key): _argument(key, value, tensors) for key, value in rest.items()}
    arguments: list[Any] = [inputs] if op in VARIADIC else list(inputs)
    try:
        inspect.signature(known[op]).bind(None, *arguments, **given)
    except TypeError as error:
        names = ", ".join(list(inspect.signature(known[op]).parameters)[2:]) or "none"
        raise ModelError(f"{error}; {op} takes the attributes {names}") from None
    return known[op], arguments, given


def _argument(key: str, value: Any, tensors: dict[str, Array]) -> Any:
    if not isinstance(value, str) or key in _WORDS:
        return value
    if value not in tensors:
        raise ModelError(f"{key} names the tensor {value!r}, which the file does not have")
    return tensors[value]


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"the architecture is not JSON: {one_line(error)}") from None
    if not isinstance(content, dict):
        raise ModelError("the architecture must be one JSON object with the keys input and operators")
    return content
