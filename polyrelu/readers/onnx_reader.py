"""ONNX files: graphs of piecewise-linear operators.

A value of the graph is an exact :class:`~polyrelu.readers.lowering.Tensor` if it depends on the input,
and a numpy array if it is a constant. Shapes follow the graph, with a batch of one: a first dimension
that is symbolic or unknown is 1. Nodes that the output does not depend on are not read. The operators
are those of :mod:`~polyrelu.readers.onnx_operators`.
"""

from __future__ import annotations

import inspect
import math
import os
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedOperator
from ..network import ReluNetwork
from .activations import refuse
from .arithmetic import FOREIGN
from .files import existing_file, located, one_line, require
from .lowering import Array, Lowering, Shape, Value
from .onnx_operators import OPERATORS


def load_onnx(path: str | os.PathLike[str]) -> ReluNetwork:
    """Read a network from an ONNX file.

    Parameters
    ----------
    path : path-like
        One input, one output; the operators of docs/models.md. Weights may be floats of 16, 32 or 64
        bits or integers, in the file or beside it.

    Returns
    -------
    ReluNetwork
        From the flattened input to the flattened output, for a batch of one. ``output_relu`` is set
        if the last ReLU is the output. Neurons are named after nodes, or after a node's output if it has no
        name. A softmax or sigmoid at the very end is left out, as :attr:`ReluNetwork.notes` then says.

    Raises
    ------
    UnsupportedOperator
        Another operator, or a form of one that is not piecewise linear; the message names the node.
    ModelError
        A missing or corrupt file (or file of weights), several inputs or outputs, an unknown shape,
        shapes that do not fit.
    MissingDependency
        The package onnx is not installed.

    Notes
    -----
    Exactness: *exact*. An ONNX runtime rounds after every operation; this is the network that it
    rounds. Affine nodes that follow each other are composed in rationals.
    """
    with located(path):
        file = existing_file(path)
        onnx = require("onnx", "onnx")
        try:
            model = onnx.load(os.fspath(file))
        except Exception as error:  # protobuf, the checker of external data, the file system: all their own types
            raise ModelError(f"this is not a readable ONNX model ({one_line(error)}); export it again") from None
        return _Graph(onnx, model.graph).network()


class _Graph:
    """One pass over a graph's nodes."""

    def __init__(self, onnx: Any, graph: Any):
        self.onnx = onnx
        self.values: dict[str, Value] = {}
        self.unread: dict[str, str] = {}  # outputs that have no exact reader, and their nodes
        if not len(graph.output):
            raise ModelError("the file holds no graph with an output; it is not an ONNX model or is truncated")
        if len(graph.sparse_initializer):
            raise UnsupportedOperator("the graph has sparse initializers; export it with dense ones")
        for tensor in graph.initializer:
            self.values[tensor.name] = self.array(tensor, f"initializer {tensor.name!r}")
        inputs = [value for value in graph.input if value.name not in self.values]
        for kind, values in (("inputs", inputs), ("outputs", graph.output)):
            if len(values) != 1:
                names = ", ".join(repr(value.name) for value in values) or "none"
                raise ModelError(f"the graph has {len(values)} {kind} ({names}); export it with exactly one")
        self.graph = graph
        self.output = graph.output[0].name
        shape = self.input_shape(inputs[0])
        self.builder = Lowering(math.prod(shape))
        self.values[inputs[0].name] = self.builder.input(shape)

    def network(self) -> ReluNetwork:
        for index, node in self.needed():
            name = f" {node.name!r}" if node.name else ""
            label = f"node {index}{name} ({node.op_type})"
            with located(label):
                if node.domain not in ("", "ai.onnx"):
                    raise UnsupportedOperator(
                        f"operator {node.op_type} of domain {node.domain!r} has no exact reader; "
                        "export with operators of ONNX alone"
                    )
                if node.op_type not in OPERATORS:
                    refuse(str(node.op_type), ", ".join(OPERATORS))
                inputs, given = self.arguments(node)
                for output in node.output:
                    if output in self.values:
                        raise ModelError(f"gives {output!r} a second time; the graph is malformed")
            result = self.builder.step(label, node.name or node.output[0], OPERATORS[node.op_type], *inputs, **given)
            results = result if isinstance(result, list) else [result]
            self.values.update(zip(node.output, results, strict=False))
            for output in node.output[len(results) :]:
                self.unread[output] = label
        with located("the output"):
            return self.builder.finish(self.value(self.output))

    def needed(self) -> list[tuple[int, Any]]:
        """Return the nodes that the output depends on, with their positions."""
        wanted = {self.output}
        kept = []
        for index in reversed(range(len(self.graph.node))):
            node = self.graph.node[index]
            if not wanted.isdisjoint(node.output):
                kept.append((index, node))
                wanted.update(name for name in node.input if name)
        return kept[::-1]

    # -- reading protobuf -------------------------------------------------------------
    def input_shape(self, value: Any) -> Shape:
        kind = value.type.tensor_type
        types = self.onnx.TensorProto
        with located(f"input {value.name!r}"):
            if kind.elem_type not in (types.FLOAT, types.DOUBLE, types.FLOAT16, types.BFLOAT16):
                raise ModelError("its element type is no float; export the model with a float input")
            if not kind.HasField("shape"):
                raise ModelError("its shape is unknown; export the model with a fixed one")
            shape = []
            for axis, dim in enumerate(kind.shape.dim):
                size = dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
                if size is None and (axis > 0 or len(kind.shape.dim) == 1):
                    symbol = f" ({dim.dim_param})" if dim.dim_param else ""
                    raise ModelError(f"dimension {axis}{symbol} is unknown; export the model with a fixed size")
                shape.append(1 if size is None else size)
            return tuple(shape)

    def array(self, tensor: Any, what: str) -> Array:
        try:
            array = np.asarray(self.onnx.numpy_helper.to_array(tensor))
        except Exception as error:  # the helper's own types, for a tensor whose bytes do not fit its shape
            raise ModelError(f"{what} cannot be read ({one_line(error)}); export the model again") from None
        if array.dtype.name == "bfloat16":
            array = array.astype(np.float64)  # a type outside numpy; exact
        if array.dtype.kind not in "fiub":
            raise ModelError(f"{what} has element type {array.dtype}; weights must be floats or integers")
        return array

    def arguments(self, node: Any) -> tuple[list[Value | None], dict[str, Any]]:
        """Return inputs and attributes, checked against the signature of the operator's function."""
        parameters = list(inspect.signature(OPERATORS[node.op_type]).parameters.values())[1:]
        known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        fewest = 1 if many else sum(p.default is p.empty for p in positional)
        given = {}
        for attribute in node.attribute:
            name = FOREIGN.get(attribute.name, attribute.name)
            if name not in known:
                raise UnsupportedOperator(f"attribute {attribute.name!r} cannot be read; export with a newer opset")
            value = self.onnx.helper.get_attribute_value(attribute)
            if isinstance(value, self.onnx.TensorProto):
                value = self.array(value, attribute.name)
            given[name] = value.decode(errors="replace") if isinstance(value, bytes) else value
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
                if parameter.name not in given:
                    raise ModelError(f"attribute {parameter.name!r} is missing; the graph is malformed")
        if "outputs" in known:
            given["outputs"] = len(node.output)
        names = list(node.input)
        while names and not names[-1]:  # an optional input that is left out has an empty name
            names.pop()
        if not fewest <= len(names) <= (len(names) if many else len(positional)) or not len(node.output):
            raise ModelError(f"{len(names)} inputs and {len(node.output)} outputs; the graph is malformed")
        if not all(names[:fewest]):
            raise ModelError("an input is left out that the operator needs; the graph is malformed")
        return [self.value(name) if name else None for name in names], given

    def value(self, name: str) -> Value:
        if name in self.unread:
            raise UnsupportedOperator(f"reads {name!r}, a further output of {self.unread[name]} without exact reader")
        if name not in self.values:
            raise ModelError(f"reads {name!r}, which no earlier node gives; the graph is malformed")
        return self.values[name]
