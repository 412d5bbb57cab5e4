"""From a graph of affine nodes and ReLUs to the layers of a network, exactly.

Legend: *block* 0 is the network's input and block ``k`` the activations of its k-th ReLU layer, as in
:mod:`polyrelu.network`. A :class:`Tensor` of ``size`` entries is an exact affine expression
``sum_k M_k @ block_k + bias`` with a shape, its entries in C order. Affine nodes act on that expression
with rational matrices, so a chain of them is composed without rounding, and a skip connection is an
expression that mentions an early block. A ReLU turns the expression into a layer and starts a block.

What depends on no block may also be a numpy array: a *constant*. :mod:`~polyrelu.readers.operators` takes both.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, ModelError, UnsupportedOperator
from ..exact import RationalMatrix
from ..network import Layer, NeuronGroup, ReluNetwork
from ..sparse import SparseMatrix
from .files import located, one_line

Shape = tuple[int, ...]
Array = npt.NDArray[Any]
Matrix = RationalMatrix | SparseMatrix
# A damaged file may announce any shape, and FLINT ends the process when memory runs out.
MAX_INPUTS = 10**8
# None stands for the identity: the product of a weight matrix with it is the weight matrix.
Blocks = Mapping[int, Matrix | None]

_LOG = logging.getLogger("polyrelu")


@dataclass(frozen=True)
class Tensor:
    """An exact affine expression over blocks, with a shape; see the module's legend.

    Attributes
    ----------
    shape : tuple of int
        The batch dimension, if the model has one, is a 1 like any other.
    blocks : mapping of int to a dense or sparse matrix of shape (size, width of the block), or None
        Absent blocks are zero; None is the identity.
    bias : RationalMatrix of shape (size, 1)
    name : str
        The node of the model that computes it, if a reader said so.
    dropped : str
        The node, a softmax say, that was left out because it can only stand at the end; see :meth:`Lowering.step`.

    Examples
    --------
    >>> x = Lowering(2).input((1, 2))
    >>> y = x.affine(RationalMatrix.of([[1, 1]])).affine(RationalMatrix.of([[0.5], [2]]))
    >>> y.shape, y.blocks[0].fractions().tolist()
    ((2,), [[Fraction(1, 2), Fraction(1, 2)], [Fraction(2, 1), Fraction(2, 1)]])
    """

    shape: Shape
    blocks: Blocks
    bias: RationalMatrix
    name: str = ""
    dropped: str = ""

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The numbers of the entries, in the tensor's shape: rearranged, they are what :meth:`take` wants."""
        return np.arange(self.size, dtype=np.int64).reshape(self.shape)

    def reshape(self, shape: Sequence[int]) -> Tensor:
        """Return the same entries, in the same order, under another shape of the same size."""
        if math.prod(shape) != self.size:
            raise ModelError(f"a tensor of shape {self.shape} cannot be reshaped to {tuple(shape)}")
        return replace(self, shape=tuple(shape))

    def affine(self, matrix: Matrix, bias: RationalMatrix | None = None) -> Tensor:
        """Return ``matrix @ entries + bias``, a vector.

        Parameters
        ----------
        matrix : RationalMatrix or SparseMatrix of shape (m, size)
        bias : RationalMatrix of shape (m, 1), optional
        """
        m, n = matrix.shape
        if n != self.size or (bias is not None and bias.shape != (m, 1)):
            raise ModelError(f"a matrix of shape {matrix.shape} meets a tensor of {self.size} entries")
        blocks = {k: matrix if block is None else matrix @ block for k, block in self.blocks.items()}
        constant = RationalMatrix.zeros(m, 1) if self.bias.is_zero else matrix @ self.bias
        return Tensor((m,), _nonzero(blocks), constant if bias is None else _sum(constant, bias))

    def shift(self, constant: RationalMatrix) -> Tensor:
        """Add a column of constants, shape (size, 1)."""
        return Tensor(self.shape, self.blocks, _sum(self.bias, constant))

    def scale(self, factor: Fraction) -> Tensor:
        """Multiply every entry by one rational number."""
        if factor == 1:
            return self
        blocks = {k: self._block(k).scale(factor) for k in self.blocks}
        return Tensor(self.shape, _nonzero(blocks), self.bias.scale(factor))

    def add(self, other: Tensor) -> Tensor:
        """Add a tensor of the same shape."""
        if self.shape != other.shape:
            raise ModelError(f"tensors of shapes {self.shape} and {other.shape} cannot be added")
        blocks = dict(self.blocks)
        for k, block in other.blocks.items():
            blocks[k] = self._block(k) + other._block(k) if k in blocks else block
        return Tensor(self.shape, _nonzero(blocks), _sum(self.bias, other.bias))

    def take(self, index: npt.NDArray[np.int64]) -> Tensor:
        """Return the entries with the given flat numbers, in the shape of ``index``; -1 gives a zero.

        Examples
        --------
        >>> Lowering(2).input((2,)).take(np.array([[1, -1, 0]])).blocks[0].dense().fractions().astype(int).tolist()
        [[0, 1], [0, 0], [1, 0]]
        """
        flat = index.ravel()
        if len(flat) == self.size and np.array_equal(flat, np.arange(self.size)):
            return self.reshape(index.shape)
        return Tensor(
            index.shape,
            _nonzero({k: _rows(block, flat, self.size) for k, block in self.blocks.items()}),
            RationalMatrix.zeros(len(flat), 1) if self.bias.is_zero else _rows(self.bias, flat, self.size),
        )

    def broadcast(self, shape: Shape) -> Tensor:
        """Repeat entries along dimensions of size 1 as numpy does."""
        return self.take(np.broadcast_to(self.numbers, shape))

    def _block(self, k: int) -> Matrix:
        block = self.blocks[k]
        return SparseMatrix.selection(np.arange(self.size), self.size) if block is None else block


Value = Tensor | Array


class Lowering:
    """Collect the layers of a network while a reader walks through a model.

    Parameters
    ----------
    input_dim : int
        Number of network inputs, at least 1.

    Notes
    -----
    Exactness: *exact*.

    Examples
    --------
    The network ``relu(x) - x`` needs a skip connection:

    >>> net = Lowering(1)
    >>> x = net.input((1,))
    >>> net.finish(net.relu(x).add(x.scale(Fraction(-1))))([[Fraction(-3)], [Fraction(2)]]).tolist()
    [[Fraction(3, 1)], [Fraction(0, 1)]]
    """

    def __init__(self, input_dim: int):
        if input_dim < 1:
            raise ModelError("the input has no entries; a network needs at least one")
        if input_dim > MAX_INPUTS:
            raise ModelError(f"the input has {input_dim} entries; at most {MAX_INPUTS} can be read")
        self.input_dim = input_dim
        self.layers: list[Layer] = []
        self.names: list[list[NeuronGroup]] = []
        self.notes: list[str] = []
        self.label = self.name = ""
        self._uses: dict[str, int] = {}

    def input(self, shape: Sequence[int]) -> Tensor:
        """Return the network's input as a tensor of the given shape."""
        identity: Blocks = {0: None}
        return Tensor((self.input_dim,), identity, RationalMatrix.zeros(self.input_dim, 1)).reshape(shape)

    def relu(self, tensor: Tensor, groups: Sequence[NeuronGroup] | None = None) -> Tensor:
        """Append a ReLU layer whose pre-activations are the tensor; return its activations.

        Parameters
        ----------
        tensor : Tensor
            One that depends on no block needs no neuron: its ReLU is a constant.
        groups : sequence of NeuronGroup, optional
            Names, completed with the name of the current node (``max1`` to ``pool.max1``); without a node they do not
            matter. By default the neurons are the entries of the tensor, under the name of the node that computes it.
        """
        if not tensor.blocks:
            return replace(tensor, bias=tensor.bias.masked([row[0] > 0 for row in tensor.bias.integers()]), name="")
        if groups is None:
            shape = tensor.shape[1:] if len(tensor.shape) > 1 and tensor.shape[0] == 1 else tensor.shape
            groups = [NeuronGroup(tensor.name or self.name, shape or (1,))]
        elif self.name:
            groups = [group._replace(name=f"{self.name}.{group.name}") for group in groups]
        else:
            groups = [NeuronGroup("", (tensor.size,))]
        self.layers.append(self._layer(tensor))
        self.names.append([self._unique(group) for group in groups])
        return Tensor(tensor.shape, {len(self.layers): None}, RationalMatrix.zeros(tensor.size, 1))

    def step(self, label: str, name: str, operator: Callable[..., Any], *inputs: Any, **attributes: Any) -> Any:
        """Apply an operator as one node of the model.

        Parameters
        ----------
        label : str
            What the node is, for errors.
        name : str
            Its name, for the neurons and the tensors that it makes.
        operator : callable
            Called with this object, the inputs and the attributes.

        Raises
        ------
        ModelError
            Inputs or attributes that do not fit.
        UnsupportedOperator
            The node computes with what a softmax or the like gave, which was left out.
        """
        self.label, self.name = label, name
        with located(label):
            try:
                result = operator(self, *inputs, **attributes)
            except InputError:
                raise
            except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
                # attributes of kinds or sizes that the operator does not expect
                raise ModelError(f"inputs or attributes do not fit ({one_line(error)}); export it again") from error
        kept = {tensor.dropped for tensor in _tensors(result)}
        for tensor in _tensors([inputs, attributes]):
            if tensor.dropped and kept - {tensor.dropped}:
                raise UnsupportedOperator(
                    f"{tensor.dropped}: not piecewise linear, and {label} computes with it; "
                    "at the very end of a model it would be left out"
                )
        return _map(result, lambda tensor: tensor if tensor.name else replace(tensor, name=name))

    def note(self, text: str) -> None:
        """Keep a remark for :attr:`ReluNetwork.notes`, once."""
        if text not in self.notes:
            self.notes.append(text)
            _LOG.info(text)

    def finish(self, value: Value) -> ReluNetwork:
        """Return the network whose output is the tensor, flattened.

        A tensor that is the activations of the last ReLU layer, unchanged, gives ``output_relu=True``;
        any other one becomes a last affine layer.
        """
        tensor = lift(value)
        if tensor.dropped:
            self.note(f"{tensor.dropped} at the end is left out: the outputs are those before it")
        last = len(self.layers)
        output_relu = last > 0 and dict(tensor.blocks) == {last: None} and tensor.bias.is_zero
        layers = self.layers if output_relu else [*self.layers, self._layer(tensor)]
        names = [
            [group if group.name else NeuronGroup(f"layer{number}", (layer.size,)) for group in groups]
            for number, (layer, groups) in enumerate(zip(self.layers, self.names, strict=True), 1)
        ]
        return ReluNetwork.from_layers(layers, self.input_dim, output_relu=output_relu, names=names, notes=self.notes)

    def _unique(self, group: NeuronGroup) -> NeuronGroup:
        """Return the group under a name that no other has: ``fc``, then ``fc:2``, if one module is used twice."""
        uses = self._uses[group.name] = self._uses.get(group.name, 0) + 1
        return group if uses == 1 or not group.name else group._replace(name=f"{group.name}:{uses}")

    @staticmethod
    def _layer(tensor: Tensor) -> Layer:
        if not tensor.size:
            raise ModelError(f"a tensor of shape {tensor.shape} has no entries")
        blocks: dict[int, Any] = {k: stored(tensor._block(k)) for k in sorted(tensor.blocks)}
        return Layer(blocks, tensor.bias)


def stored(matrix: Matrix) -> Matrix:
    """Return a matrix as a layer keeps it: dense if it is small or has few zeros.

    Examples
    --------
    >>> type(stored(SparseMatrix.selection([0, 1], 2))).__name__
    'RationalMatrix'
    >>> type(stored(SparseMatrix.selection(range(1000), 1000))).__name__
    'SparseMatrix'
    """
    if isinstance(matrix, RationalMatrix):
        return matrix
    cells = matrix.shape[0] * matrix.shape[1]
    return matrix.dense() if cells <= 2**18 or 8 * matrix.nnz > cells else matrix


def lift(value: Value) -> Tensor:
    """Return a constant as a tensor that depends on nothing."""
    if isinstance(value, Tensor):
        return value
    return Tensor(value.shape, {}, exact_matrix(value.reshape(-1), "constant"))


def exact_matrix(values: Array, what: str) -> RationalMatrix:
    """Take a matrix of numbers exactly; a vector becomes a column, more dimensions are flattened to one."""
    return RationalMatrix.of(values if values.ndim == 2 else values.reshape(-1, 1), what)


def _rows(matrix: Matrix | None, index: npt.NDArray[np.int64], size: int) -> Any:
    """Return rows of a matrix (None: the identity of that size); -1 gives a row of zeros."""
    if matrix is None:
        return SparseMatrix.selection(index, size)
    if isinstance(matrix, RationalMatrix) and index.min(initial=0) >= 0:
        return matrix.rows(index.tolist())
    return SparseMatrix.selection(index, size) @ matrix


def _tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested sequences and mappings."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple | dict):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _tensors(value)


def _map(values: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(values, list | tuple):
        return type(values)(_map(value, function) for value in values)
    return function(values) if isinstance(values, Tensor) else values


def _sum(left: RationalMatrix, right: RationalMatrix) -> RationalMatrix:
    """Add without the common denominator of a zero."""
    if left.is_zero:
        return right
    return left if right.is_zero else left + right


def _nonzero(blocks: Blocks) -> Blocks:
    return {k: block for k, block in blocks.items() if block is None or not block.is_zero}
