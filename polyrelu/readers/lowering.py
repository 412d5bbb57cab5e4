"""From a graph of affine nodes and ReLUs to the layers of a network, exactly.

Legend: *block* 0 is the network's input and block ``k`` the activations of its k-th ReLU layer, as in
:mod:`polyrelu.network`. A :class:`Tensor` of ``size`` entries is an exact affine expression
``sum_k M_k @ block_k + bias`` with a shape, its entries in C order. Affine nodes act on that expression
with rational matrices, so a chain of them is composed without rounding, and a skip connection is an
expression that mentions an early block. A ReLU turns the expression into a layer and starts a block.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..exact import RationalMatrix
from ..network import Layer, ReluNetwork

Shape = tuple[int, ...]
# A damaged file may announce any shape, and FLINT ends the process when memory runs out.
MAX_INPUTS = 10**8
# None stands for the identity: the product of a weight matrix with it is the weight matrix.
Blocks = Mapping[int, RationalMatrix | None]


@dataclass(frozen=True)
class Tensor:
    """An exact affine expression over blocks, with a shape; see the module's legend.

    Attributes
    ----------
    shape : tuple of int
        The batch dimension, if the model has one, is a 1 like any other.
    blocks : mapping of int to RationalMatrix of shape (size, width of the block), or None
        Absent blocks are zero; None is the identity.
    bias : RationalMatrix of shape (size, 1)

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

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    def reshape(self, shape: Sequence[int]) -> Tensor:
        """Return the same entries, in the same order, under another shape of the same size."""
        if math.prod(shape) != self.size:
            raise ModelError(f"a tensor of shape {self.shape} cannot be reshaped to {tuple(shape)}")
        return replace(self, shape=tuple(shape))

    def affine(self, matrix: RationalMatrix, bias: RationalMatrix | None = None) -> Tensor:
        """Return ``matrix @ entries + bias``, a vector.

        Parameters
        ----------
        matrix : RationalMatrix of shape (m, size)
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
        return replace(self, bias=_sum(self.bias, constant))

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
        """Return the entries with the given flat numbers, in the shape of ``index``."""
        keep = index.ravel().tolist()
        if keep == list(range(self.size)):
            return self.reshape(index.shape)
        blocks = {k: self._block(k).rows(keep) for k in self.blocks}
        return Tensor(index.shape, _nonzero(blocks), self.bias.rows(keep))

    def transpose(self) -> Tensor:
        """Return the transpose of a tensor of two dimensions."""
        return self.take(self._numbers().T)

    def broadcast(self, shape: Shape) -> Tensor:
        """Repeat entries along dimensions of size 1 as numpy does."""
        return self.take(np.broadcast_to(self._numbers(), shape))

    def _numbers(self) -> npt.NDArray[np.int64]:
        return np.arange(self.size, dtype=np.int64).reshape(self.shape)

    def _block(self, k: int) -> RationalMatrix:
        block = self.blocks[k]
        return RationalMatrix.identity(self.size) if block is None else block


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

    def input(self, shape: Sequence[int]) -> Tensor:
        """Return the network's input as a tensor of the given shape."""
        identity: Blocks = {0: None}
        return Tensor((self.input_dim,), identity, RationalMatrix.zeros(self.input_dim, 1)).reshape(shape)

    def relu(self, tensor: Tensor) -> Tensor:
        """Append a ReLU layer whose pre-activations are the tensor; return its activations."""
        self.layers.append(self._layer(tensor))
        return Tensor(tensor.shape, {len(self.layers): None}, RationalMatrix.zeros(tensor.size, 1))

    def finish(self, tensor: Tensor) -> ReluNetwork:
        """Return the network whose output is the tensor, flattened.

        A tensor that is the activations of the last ReLU layer, unchanged, gives ``output_relu=True``;
        any other one becomes a last affine layer.
        """
        last = len(self.layers)
        output_relu = last > 0 and dict(tensor.blocks) == {last: None} and tensor.bias.is_zero
        layers = self.layers if output_relu else [*self.layers, self._layer(tensor)]
        return ReluNetwork.from_layers(layers, self.input_dim, output_relu=output_relu)

    @staticmethod
    def _layer(tensor: Tensor) -> Layer:
        if not tensor.size:
            raise ModelError(f"a tensor of shape {tensor.shape} has no entries")
        return Layer({k: tensor._block(k) for k in sorted(tensor.blocks)}, tensor.bias)


def exact_matrix(values: npt.NDArray[Any], what: str) -> RationalMatrix:
    """Take a matrix of numbers exactly; a vector becomes a column, more dimensions are flattened to one."""
    return RationalMatrix.of(values if values.ndim == 2 else values.reshape(-1, 1), what)


def _sum(left: RationalMatrix, right: RationalMatrix) -> RationalMatrix:
    """Add without the common denominator of a zero."""
    if left.is_zero:
        return right
    return left if right.is_zero else left + right


def _nonzero(blocks: Blocks) -> Blocks:
    return {k: block for k, block in blocks.items() if block is None or not block.is_zero}
