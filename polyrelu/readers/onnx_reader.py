"""ONNX files: chains and skip connections of affine operators and ReLUs.

A value of the graph is an exact :class:`~polyrelu.readers.lowering.Tensor` if it depends on the input,
and a numpy array if it is a constant. Shapes follow the graph, with a batch of one: a first dimension
that is symbolic or unknown is 1. Nodes that the output does not depend on are not read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError, UnsupportedOperator
from ..exact import fraction
from ..network import ReluNetwork
from .files import existing_file, located, one_line, require
from .lowering import Lowering, Shape, Tensor, exact_matrix

Array = npt.NDArray[Any]
Value = Tensor | Array


def load_onnx(path: str | os.PathLike[str]) -> ReluNetwork:
    """Read a network from an ONNX file.

    Parameters
    ----------
    path : path-like
        One input, one output; operators Add, Constant, Flatten, Gemm, Identity, MatMul, Relu, Reshape
        and Sub. Weights may be floats of 16, 32 or 64 bits or integers, in the file or beside it.

    Returns
    -------
    ReluNetwork
        From the flattened input to the flattened output, for a batch of one. ``output_relu`` is set
        if the last ReLU is the output.

    Raises
    ------
    UnsupportedOperator
        Another operator, or a form of one of these that is not affine; the message names the node.
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
            with located(f"node {index}{name} ({node.op_type})"):
                if node.domain not in ("", "ai.onnx") or node.op_type not in _OPERATORS:
                    domain = f" of domain {node.domain!r}" if node.domain not in ("", "ai.onnx") else ""
                    raise UnsupportedOperator(
                        f"operator {node.op_type}{domain} has no exact reader; supported are {', '.join(_OPERATORS)}"
                    )
                operator, fewest, most, attributes = _OPERATORS[node.op_type]
                given = self.attributes(node, attributes)
                names = list(node.input)
                while names and not names[-1]:  # an optional input that is left out has an empty name
                    names.pop()
                if not fewest <= len(names) <= most or len(node.output) != 1:
                    raise ModelError(f"{len(names)} inputs and {len(node.output)} outputs; the graph is malformed")
                if node.output[0] in self.values:
                    raise ModelError(f"gives {node.output[0]!r} a second time; the graph is malformed")
                self.values[node.output[0]] = operator(self, given, *(self.value(n) for n in names))
        with located("the output"):
            return self.builder.finish(self.lift(self.value(self.output)))

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

    def attributes(self, node: Any, known: tuple[str, ...]) -> dict[str, Any]:
        given = {}
        for attribute in node.attribute:
            if attribute.name not in known:
                raise UnsupportedOperator(f"attribute {attribute.name!r} cannot be read; export with a newer opset")
            given[attribute.name] = self.onnx.helper.get_attribute_value(attribute)
        return given

    def value(self, name: str) -> Value:
        if name not in self.values:
            raise ModelError(f"reads {name!r}, which no earlier node gives; the graph is malformed")
        return self.values[name]

    # -- operators --------------------------------------------------------------------
    def lift(self, value: Value) -> Tensor:
        """Return a constant as a tensor that depends on nothing."""
        if isinstance(value, Tensor):
            return value
        return Tensor(value.shape, {}, exact_matrix(value.reshape(-1), "constant"))

    def constant(self, given: dict[str, Any]) -> Value:
        if len(given) != 1:
            raise ModelError(f"{len(given)} values; a Constant has exactly one")
        ((name, value),) = given.items()
        return self.array(value, "value") if name == "value" else np.asarray(value)

    def identity(self, given: dict[str, Any], x: Value) -> Value:
        return x

    def relu(self, given: dict[str, Any], x: Value) -> Value:
        return self.builder.relu(self.lift(x))

    def flatten(self, given: dict[str, Any], x: Value) -> Value:
        rank = len(x.shape)
        axis = given.get("axis", 1)
        if not -rank <= axis <= rank:
            raise ModelError(f"axis {axis} does not exist in shape {x.shape}")
        axis += rank if axis < 0 else 0
        return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))

    def reshape(self, given: dict[str, Any], x: Value, target: Value | None = None) -> Value:
        if isinstance(target, Tensor):
            raise UnsupportedOperator("the new shape is computed from the input; export with a fixed one")
        if target is not None and target.dtype.kind not in "iu":
            raise ModelError(f"the new shape has element type {target.dtype}; the graph is malformed")
        sizes = [int(n) for n in (given.get("shape", ()) if target is None else target.ravel())]
        for axis, n in enumerate(sizes):
            if n == 0 and not given.get("allowzero", 0) and axis < len(x.shape):
                sizes[axis] = x.shape[axis]
        rest = math.prod(n for n in sizes if n != -1)
        total = math.prod(x.shape)
        if -1 in sizes and rest > 0 and sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = total // rest
        if min(sizes, default=1) < 1 or math.prod(sizes) != total:
            raise ModelError(f"shape {x.shape} cannot be reshaped to {sizes} (batch dimensions count as 1)")
        return x.reshape(tuple(sizes))

    def add(self, given: dict[str, Any], x: Value, y: Value) -> Tensor:
        shape = _broadcast(x.shape, y.shape)
        return self.lift(x).broadcast(shape).add(self.lift(y).broadcast(shape))

    def subtract(self, given: dict[str, Any], x: Value, y: Value) -> Tensor:
        return self.add(given, x, self.lift(y).scale(Fraction(-1)))

    def matmul(self, given: dict[str, Any], x: Value, y: Value) -> Tensor:
        # as numpy does: a vector on the left is a row, on the right a column
        left = (1, *x.shape) if len(x.shape) == 1 else x.shape
        right = (*y.shape, 1) if len(y.shape) == 1 else y.shape
        if not left or not right or left[-1] != right[-2]:
            raise ModelError(f"shapes {x.shape} and {y.shape} do not multiply")
        batch = _broadcast(left[:-2], right[:-2])
        rows, columns = left[-2:-1] if len(x.shape) > 1 else (), right[-1:] if len(y.shape) > 1 else ()
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            raise UnsupportedOperator(
                "the product of two computed values is not piecewise linear; one factor must be a constant"
            )
        vectors = math.prod(batch) * math.prod(rows if isinstance(x, Tensor) else columns)
        if vectors != 1:
            raise UnsupportedOperator(
                f"shapes {x.shape} and {y.shape} multiply {vectors} vectors at once; export with a batch of one"
            )
        if isinstance(x, Tensor) and not isinstance(y, Tensor):
            out = x.affine(exact_matrix(y.reshape(right[-2:]).T, "weight"))
        elif isinstance(y, Tensor) and not isinstance(x, Tensor):
            out = y.affine(exact_matrix(x.reshape(left[-2:]), "weight"))
        else:
            raise UnsupportedOperator("both factors are constants; fold constants before you export")
        return out.reshape((*batch, *rows, *columns))

    def gemm(self, given: dict[str, Any], a: Value, b: Value, c: Value | None = None) -> Tensor:
        if len(a.shape) != 2 or len(b.shape) != 2:
            raise ModelError(f"shapes {a.shape} and {b.shape}; Gemm multiplies two matrices")
        if given.get("transA", 0):
            a = a.transpose()
        if given.get("transB", 0):
            b = b.transpose()
        product = self.matmul({}, a, b).scale(fraction(given.get("alpha", 1), "alpha"))
        if c is None:
            return product
        if _broadcast(c.shape, product.shape) != product.shape:
            raise ModelError(f"C of shape {c.shape} does not broadcast to {product.shape}")
        return product.add(self.lift(c).broadcast(product.shape).scale(fraction(given.get("beta", 1), "beta")))


_Operator = Callable[..., Value]
# operator: (method, fewest inputs, most inputs, attributes)
_OPERATORS: dict[str, tuple[_Operator, int, int, tuple[str, ...]]] = {
    "Add": (_Graph.add, 2, 2, ("broadcast",)),
    "Constant": (_Graph.constant, 0, 0, ("value", "value_float", "value_floats", "value_int", "value_ints")),
    "Flatten": (_Graph.flatten, 1, 1, ("axis",)),
    "Gemm": (_Graph.gemm, 2, 3, ("alpha", "beta", "transA", "transB", "broadcast")),
    "Identity": (_Graph.identity, 1, 1, ()),
    "MatMul": (_Graph.matmul, 2, 2, ()),
    "Relu": (_Graph.relu, 1, 1, ()),
    "Reshape": (_Graph.reshape, 1, 2, ("allowzero", "shape")),
    "Sub": (_Graph.subtract, 2, 2, ("broadcast",)),
}


def _broadcast(left: Shape, right: Shape) -> Shape:
    try:
        return np.broadcast_shapes(left, right)
    except ValueError:
        raise ModelError(f"shapes {left} and {right} do not broadcast") from None
