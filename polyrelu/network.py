"""ReLU networks with exact weights.

Legend: ``x`` is an input, ``z`` a pre-activation, ``a = relu(z)`` an activation, ``s`` an activation
pattern (bits over all hidden neurons in layer order: 1 where z > 0, 0 where z <= 0), ``d`` the input
dimension, ``N`` the number of hidden neurons. An *affine form* is a row ``(g_1 .. g_d, g_0)`` that
stands for ``g_1 x_1 + .. + g_d x_d + g_0``.

Block 0 is the input and block ``k`` the activations of hidden layer ``k``; every layer may read any
earlier block (skip connections), and the last layer may carry a ReLU of its own, in which case its
neurons count as hidden neurons. The engines know nothing else.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import InputError, ModelError
from .exact import UNDERFLOW, UNIT_ROUNDOFF, IntRow, RationalMatrix, as_array, integer_point, point, primitive
from .sparse import SparseMatrix

Pattern = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Layer:
    """One affine layer: ``z = sum_k blocks[k] @ block_k + bias``.

    ``blocks`` maps a block number to its exact weights, shape (size, width of that block), dense or
    sparse; absent blocks are zero. ``bias`` has shape (size, 1).
    """

    blocks: Mapping[int, Any]
    bias: RationalMatrix

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.bias.shape[0]


class NeuronGroup(NamedTuple):
    """Consecutive neurons of a layer that share a name, as the entries of one array of the model.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Of the array.
    kept : tuple of int, or None
        The entries, numbered in C order, that have a neuron; None for all of them.

    Examples
    --------
    >>> NeuronGroup("conv1", (2, 3, 3)).neuron(10)
    'conv1[1,0,1]'
    """

    name: str
    shape: tuple[int, ...]
    kept: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape) if self.kept is None else len(self.kept)

    def neuron(self, i: int) -> str:
        """Return the name of neuron i of the group (from 0)."""
        place = np.unravel_index(i if self.kept is None else self.kept[i], self.shape)
        return f"{self.name}[{','.join(str(v) for v in place)}]"


class PackedNetwork(NamedTuple):
    """The ReLU layers as flat float arrays, for the numba kernels.

    Entries are rounded to nearest; ``inexact[l]`` is 1.0 if any entry of layer l was rounded, else 0.0.
    Rows of ``block`` are (layer, first neuron of the source or -1 for the input, source width, offset into
    ``weights``, place in ``sparse_ptr`` or -1, terms), sorted by layer; ``layer_block`` and ``layer_neuron`` are index
    pointers. A dense block stands row by row in ``weights``. Row i of a sparse one has the entries ``t = sparse_ptr[p +
    i] .. sparse_ptr[p + i + 1] - 1`` from its place p on: column ``sparse_index[t]``, weight ``weights[offset + t -
    sparse_ptr[p]]``. No row of a block has more than ``terms`` entries.
    """

    layer_neuron: npt.NDArray[np.int64]
    layer_block: npt.NDArray[np.int64]
    block: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    sparse_ptr: npt.NDArray[np.int64]
    sparse_index: npt.NDArray[np.int64]
    bias: npt.NDArray[np.float64]
    inexact: npt.NDArray[np.float64]


@dataclass(frozen=True)
class AffineMap:
    """An exact affine map ``x -> A x + b``; equality is exact equality of maps.

    Attributes
    ----------
    forms : RationalMatrix of shape (m, d + 1)
        The matrix ``[A | b]``.

    Examples
    --------
    >>> f = AffineMap(RationalMatrix.of([[2, Fraction(1, 3)]]))
    >>> f([Fraction(1, 2)])
    (Fraction(4, 3),)
    >>> f.A, f.b
    (array([[2.]]), array([0.33333333]))
    """

    forms: RationalMatrix

    @property
    def A(self) -> npt.NDArray[np.float64]:
        """Linear part, rounded to nearest, shape (m, d)."""
        return self.forms.to_float()[0][:, :-1]

    @property
    def b(self) -> npt.NDArray[np.float64]:
        """Constant part, rounded to nearest, shape (m,)."""
        return self.forms.to_float()[0][:, -1]

    def __call__(self, x: Iterable[Any]) -> tuple[Fraction, ...]:
        """Evaluate exactly at one point of d coordinates."""
        numerators, den = integer_point(point(x, "x"))
        if len(numerators) + 1 != self.forms.shape[1]:
            raise InputError(f"x has {len(numerators)} coordinates; this map takes {self.forms.shape[1] - 1}")
        values = self.forms @ RationalMatrix.of([[v] for v in (*numerators, den)])
        return tuple(Fraction(row[0], values.den * den) for row in values.integers())


class ReluNetwork:
    """A fully connected ReLU network, taken exactly.

    ``z_l = W_l a_{l-1} + b_l``, ``a_l = max(z_l, 0)``, ``a_0 = x``; the last layer is affine.

    Parameters
    ----------
    weights : sequence of array_like
        One matrix per layer, shape (n_l, n_{l-1}), or (n_l, n_0 + n_1 + .. + n_{l-1}) for a layer that
        reads the input and all earlier layers, ``[x, a_1, .., a_{l-1}]`` (skip connections). Floats are
        taken as the dyadic rationals that they are; ints, Fractions and strings ``"p/q"`` are exact. A
        :class:`~polyrelu.sparse.SparseMatrix` stays sparse.
    biases : sequence of array_like
        One vector per layer, shape (n_l,).
    output_relu : bool
        True if the last layer is followed by a ReLU; its neurons then belong to the pattern.

    Attributes
    ----------
    names : tuple of tuples of NeuronGroup
        For every layer with a ReLU the names of its neurons; see :meth:`neuron_name`.
    notes : tuple of str
        What a reader left out of a model, a softmax at its end for example.

    Raises
    ------
    ModelError
        Shapes that do not chain, NaN or infinity, no layer at all; the message names layer and entry.

    Notes
    -----
    Exactness: *exact*. Only :meth:`__call__` and :meth:`preactivations` on float input return floats.

    Examples
    --------
    The tent map on [0, 1], ``2 relu(x) - 4 relu(x - 1/2)``:

    >>> net = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
    >>> net.pattern([0.75]).tolist()
    [1, 1]
    >>> net.affine_map("11")([Fraction(3, 4)])
    (Fraction(1, 2),)
    """

    def __init__(self, weights: Sequence[Any], biases: Sequence[Any], *, output_relu: bool = False):
        if len(weights) != len(biases):
            raise ModelError(f"{len(weights)} weight matrices but {len(biases)} biases; give one of each per layer")
        if not len(weights):
            raise ModelError("a network needs at least one layer; give weights and biases")
        layers: list[Layer] = []
        sizes: list[int] = []
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            layers.append(_read_layer(index, weight, bias, sizes))
            if index == 0:
                sizes.append(layers[0].blocks[0].shape[1])
            sizes.append(layers[-1].size)
        self._setup(layers, sizes[0], output_relu)

    @classmethod
    def from_layers(
        cls,
        layers: Sequence[Layer],
        input_dim: int,
        *,
        output_relu: bool = False,
        names: Sequence[Sequence[NeuronGroup]] | None = None,
        notes: Sequence[str] = (),
    ) -> ReluNetwork:
        """Build a network from exact :class:`Layer` objects (used by readers and restrictions).

        ``names`` has for every layer with a ReLU the groups of its neurons, in order; without it the groups are
        ``layer1``, ``layer2``, and so on. ``notes`` says what a reader left out.
        """
        self = cls.__new__(cls)
        self._setup(list(layers), input_dim, output_relu, names, notes)
        return self

    def _setup(
        self,
        layers: list[Layer],
        input_dim: int,
        output_relu: bool,
        names: Sequence[Sequence[NeuronGroup]] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        if input_dim < 1:
            raise ModelError("the first weight matrix has no columns; a network needs at least one input")
        self.layers = tuple(layers)
        self.input_dim = input_dim
        self.output_relu = bool(output_relu)
        sizes = [input_dim, *(layer.size for layer in layers)]
        for index, layer in enumerate(layers):
            if layer.size < 1:
                raise ModelError(f"layer {index} has no neurons; remove it or give it rows")
            for k, block in layer.blocks.items():
                if not 0 <= k <= index or block.shape != (layer.size, sizes[k]):
                    raise ModelError(
                        f"layer {index} reads block {k} with a matrix of shape {block.shape}; "
                        f"expected ({layer.size}, width of an earlier block)"
                    )
        self.notes = tuple(notes)
        if names is None:
            names = [(NeuronGroup(f"layer{number}", (n,)),) for number, n in enumerate(self.widths, 1)]
        self.names = tuple(tuple(groups) for groups in names)
        named = tuple(sum(group.size for group in groups) for groups in self.names)
        if named != self.widths:
            raise ModelError(f"there are names for layers of {named} neurons; this network has {self.widths}")

    # -- shape ------------------------------------------------------------------------
    @property
    def output_dim(self) -> int:
        """Number of outputs."""
        return self.layers[-1].size

    @property
    def relu_layers(self) -> tuple[Layer, ...]:
        """The layers followed by a ReLU."""
        return self.layers if self.output_relu else self.layers[:-1]

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of neurons of every layer followed by a ReLU."""
        return tuple(layer.size for layer in self.relu_layers)

    @property
    def neurons(self) -> int:
        """Number N of hidden neurons (with the outputs if the last layer has a ReLU)."""
        return sum(self.widths)

    def neuron_name(self, neuron: int) -> str:
        """Return a neuron's name in the model, or ``layerL[i]``: hidden layer L (from 1), neuron i of it (from 0).

        Readers take names from the model, as in ``conv1[3,4,5]``; see :attr:`names` and docs/models.md.

        Examples
        --------
        >>> ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]]).neuron_name(1)
        'layer1[1]'
        """
        rest = neuron if neuron >= 0 else self.neurons
        for group in (group for groups in self.names for group in groups):
            if rest < group.size:
                return group.neuron(rest)
            rest -= group.size
        raise InputError(f"neuron {neuron} does not exist; this network has {self.neurons}")

    def output_layer(self, rows: RationalMatrix | None = None) -> Layer:
        """Return the outputs, or linear combinations of them, as an affine layer behind all neurons.

        A ReLU at the output makes the last layer a hidden one. Give the layer to :meth:`from_layers` behind
        :attr:`relu_layers`.

        Examples
        --------
        >>> sorted(ReluNetwork([[[2]]], [[1]], output_relu=True).output_layer().blocks)
        [1]
        >>> minus = ReluNetwork([[[2], [5]]], [[1, 0]]).output_layer(RationalMatrix.of([[1, -1]]))
        >>> minus.blocks[0].fractions().tolist()
        [[Fraction(-3, 1)]]
        """
        m = self.output_dim
        if rows is None:
            rows = RationalMatrix.identity(m)
        if self.output_relu:
            return Layer({len(self.layers): rows}, RationalMatrix.zeros(rows.shape[0], 1))
        last = self.layers[-1]
        return Layer({k: rows @ w for k, w in last.blocks.items()}, rows @ last.bias)

    def __repr__(self) -> str:
        shape = "-".join(str(n) for n in (self.input_dim, *(layer.size for layer in self.layers)))
        return f"<ReluNetwork {shape}, {self.neurons} neurons{', ReLU output' if self.output_relu else ''}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReluNetwork):
            return NotImplemented
        return (
            self.input_dim == other.input_dim
            and self.output_relu == other.output_relu
            and len(self.layers) == len(other.layers)
            and all(
                a.bias == b.bias and _nonzero(a.blocks) == _nonzero(b.blocks)
                for a, b in zip(self.layers, other.layers, strict=True)
            )
        )

    def __hash__(self) -> int:
        return hash((self.input_dim, self.output_relu, tuple(layer.bias for layer in self.layers)))

    # -- evaluation at points ---------------------------------------------------------
    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """Evaluate the network.

        Parameters
        ----------
        x : array_like of shape (d,) or (k, d)
            Points. Float arrays are evaluated in floats; arrays of Fractions or ints exactly.

        Returns
        -------
        ndarray of shape (m,) or (k, m)
            Outputs, float64 or object (Fractions).
        """
        points, single, exact = self._points(x)
        if exact:
            out = np.array([self._exact_pass(row)[1] for row in points], dtype=object)
            out = out.reshape(len(points), self.output_dim)
        else:
            out = self._float_pass(points, len(self.layers))[0][-1]
        if self.output_relu:
            out = np.maximum(out, 0)
        return out[0] if single else out

    def preactivations(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the pre-activations z of all hidden neurons, shape (N,) or (k, N).

        Floats for float input, exact Fractions for Fractions or ints.
        """
        points, single, exact = self._points(x)
        if exact:
            out = np.array([self._exact_pass(row)[0] for row in points], dtype=object)
            out = out.reshape(len(points), self.neurons)
        else:
            out = np.hstack(self._float_pass(points, len(self.widths))[0])
        return out[0] if single else out

    def pattern(self, x: npt.ArrayLike) -> Pattern:
        """Return the activation pattern at points, decided exactly.

        A bit is 1 where z > 0. Signs are read from floats where |z| clears its error bound, and from
        exact arithmetic otherwise.

        Parameters
        ----------
        x : array_like of shape (d,) or (k, d)
            Points; floats are taken as the rationals that they are.

        Returns
        -------
        ndarray of uint8, shape (N,) or (k, N)

        Examples
        --------
        >>> net = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
        >>> net.pattern([[0.5], [0.75]]).tolist()
        [[1, 0], [1, 1]]
        """
        points, single, exact = self._points(x)
        if exact:
            bits = np.zeros((len(points), self.neurons), dtype=np.uint8)
            undecided: Iterable[int] = range(len(points))
        else:
            z, bound = (np.hstack(part) for part in self._float_pass(points, len(self.widths)))
            bits = (z > 0).astype(np.uint8)
            # NaN compares false, so an overflow is undecided too
            undecided = np.flatnonzero(~np.all(np.abs(z) > bound, axis=1))
        for i in undecided:
            bits[i] = [v > 0 for v in self._exact_pass(points[i])[0]]
        return bits[0] if single else bits

    def _points(self, x: npt.ArrayLike) -> tuple[npt.NDArray[Any], bool, bool]:
        try:
            array = as_array(x)
        except ValueError:
            raise InputError("points have different lengths; give a rectangular array of numbers") from None
        single = array.ndim == 1
        if array.ndim not in (1, 2) or array.shape[-1] != self.input_dim:
            raise InputError(
                f"points have shape {array.shape}; this network takes ({self.input_dim},) or (k, {self.input_dim})"
            )
        array = np.atleast_2d(array)
        exact = array.dtype.kind != "f" or array.dtype.itemsize > 8
        if not exact and not np.isfinite(array).all():
            i, j = np.argwhere(~np.isfinite(array))[0]
            raise InputError(f"point {i} has {array[i, j]} at coordinate {j}; every coordinate must be finite")
        return (array if exact else array.astype(np.float64)), single, exact

    def _float_pass(self, points: npt.NDArray[np.float64], depth: int) -> tuple[list[Any], list[Any]]:
        """Return the values z of the first ``depth`` layers in floats, and rigorous bounds on their errors.

        With stored weights |W - W^| <= u |W^| + eta and activations |a - a^| <= e, a product sum of n
        terms in any order satisfies |z^ - z| <= |W^| ((1 + u) e + (gamma_n + u) |a^|) + n eta (Higham
        3.1); ``kappa`` bounds gamma_n + u, eta |a^| covers weights that underflow, and the last factor the
        rounding of the bound itself.
        """
        blocks = [points]
        errors = [np.zeros_like(points)]
        zs, bounds = [np.zeros((len(points), 0))], [np.zeros((len(points), 0))]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for index in range(depth):
                weights, bias = self._float_layer(index)
                terms = 1 + sum(w.shape[1] for _, w in weights)
                kappa = (terms + 3) * UNIT_ROUNDOFF * (1 + 2.0**-20)
                z = np.broadcast_to(bias, (len(points), len(bias))).copy()
                bound = kappa * np.abs(z)
                for k, w in weights:
                    size, weight = np.abs(blocks[k]), np.abs(w).T
                    z += blocks[k] @ w.T
                    # not (kappa * size) @ weight, which loses a subnormal size before a huge weight
                    bound += errors[k] @ weight * (1 + 2.0**-52) + kappa * (size @ weight)
                    # a weight that rounds to zero may stand for 2**-1075
                    bound += UNDERFLOW * (size + errors[k]).sum(axis=1, keepdims=True)
                bound = bound * (1 + (terms + 8) * 2.0**-52) + (terms + 2) * UNDERFLOW
                # a sum may overflow although its bound does not
                bound[~np.isfinite(z)] = np.inf
                zs.append(z)
                bounds.append(bound)
                blocks.append(np.maximum(z, 0))
                errors.append(bound)
        return zs, bounds

    def _exact_pass(self, x: Sequence[Any]) -> tuple[list[Fraction], list[Fraction]]:
        """Return all z and the last layer's values at one point, as Fractions."""
        blocks = [RationalMatrix.of([[v] for v in point(x, "x")])]
        zs: list[Fraction] = []
        values: list[Fraction] = []
        for index, layer in enumerate(self.layers):
            z = _combine(layer, blocks)
            values = [Fraction(v, z.den) for (v,) in z.integers()]
            if index < len(self.relu_layers):
                zs += values
            blocks.append(z.masked([v > 0 for v in values]))
        return zs, values

    # -- affine forms of a pattern ----------------------------------------------------
    def as_pattern(self, pattern: Any) -> Pattern:
        """Return a pattern given as bits, booleans or a string of 0 and 1, checked, as uint8 of shape (N,)."""
        if isinstance(pattern, np.ndarray) and pattern.dtype == np.uint8 and pattern.shape == (self.neurons,):
            if pattern.max(initial=0) <= 1:
                return pattern
        given = np.array([int(c) if c in "01" else 2 for c in pattern] if isinstance(pattern, str) else pattern).ravel()
        if given.shape != (self.neurons,) or not np.isin(given, (0, 1)).all():
            raise InputError(f"a pattern of this network is {self.neurons} bits of 0 or 1; got {pattern!r}")
        bits: npt.NDArray[Any] = given
        return bits.astype(np.uint8)

    def layer_forms(self, pattern: Any) -> Iterator[RationalMatrix]:
        """Yield the exact affine forms of every layer on a pattern, shape (n_l, d + 1), input to output.

        The pre-activations of layer l as affine functions of the input, on the set where the earlier
        layers have the given pattern.
        """
        bits = self.as_pattern(pattern)
        blocks: list[RationalMatrix | None] = [None]  # block 0 is the identity: its products are the weights
        offset = 0
        zero = RationalMatrix.zeros
        for layer in self.layers:
            forms = layer.blocks.get(0, zero(layer.size, self.input_dim)).dense().hstack(layer.bias)
            for k, weight in layer.blocks.items():
                block = blocks[k]
                if block is not None:
                    forms = forms + weight @ block
            yield forms
            blocks.append(forms.masked(bits[offset : offset + layer.size]) if offset < len(bits) else forms)
            offset += layer.size

    def neuron_rows(self, pattern: Any) -> list[IntRow]:
        """Return every hidden neuron's affine form on a pattern as a primitive integer row.

        Returns
        -------
        list of N tuples of d + 1 ints
            A positive multiple of ``(g_1, .., g_d, g_0)``; all zero iff the form is zero.

        Examples
        --------
        >>> ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]]).neuron_rows("10")
        [(1, 0), (2, -1)]
        """
        # relu_layers comes first, so that an affine last layer is never composed
        pairs = zip(self.relu_layers, self.layer_forms(pattern), strict=False)
        return [primitive(row) for _, forms in pairs for row in forms.integers()]

    def region_rows(self, pattern: Any) -> list[IntRow]:
        """Return the rows whose nonnegativity describes the region of a pattern, one per hidden neuron.

        Returns
        -------
        list of N tuples of d + 1 ints
            :meth:`neuron_rows` where the bit is 1, their negatives where it is 0: the closed region is
            ``{x : g(x) >= 0 for every row g}``, see :meth:`polyrelu.HPolytope.from_rows`.

        Examples
        --------
        >>> ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]]).region_rows("10")
        [(1, 0), (-2, 1)]
        """
        bits = self.as_pattern(pattern)
        rows = self.neuron_rows(bits)
        return [row if bit else tuple(-v for v in row) for row, bit in zip(rows, bits, strict=True)]

    def affine_map(self, pattern: Any) -> AffineMap:
        """Return the exact affine map of the network on a pattern.

        Examples
        --------
        >>> net = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
        >>> net.affine_map("11").A.tolist(), net.affine_map("11").b.tolist()
        ([[-2.0]], [2.0])
        """
        bits = self.as_pattern(pattern)
        *_, forms = self.layer_forms(bits)
        if self.output_relu:
            forms = forms.masked(bits[len(bits) - self.output_dim :])
        return AffineMap(forms)

    def cross(self, pattern: Any, vanishing: Iterable[int], direction: Sequence[int | Fraction]) -> Pattern:
        """Return the pattern on the other side of a facet (the germ rule).

        At a point q of the facet's relative interior, only neurons that vanish on the whole facet can
        change. Each of them takes the sign of its derivative along ``direction`` in the pass that is
        already updated, layer by layer; a derivative of zero means that the neuron vanishes identically
        on the other side, which is inactive.

        Parameters
        ----------
        pattern : bits
            Pattern of the region being left.
        vanishing : iterable of int
            All neurons whose affine form on that region is zero on the facet, those that are zero on
            the whole region included.
        direction : sequence of d rationals
            Any vector that points across the facet (its outward normal).

        Returns
        -------
        ndarray of uint8, shape (N,)

        Examples
        --------
        Two copies of one neuron and a third that sees their difference, which is zero on both sides:

        >>> net = ReluNetwork([[[1], [1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]])
        >>> net.cross("000", [0, 1, 2], [1]).tolist()
        [1, 1, 0]
        """
        bits = self.as_pattern(pattern).copy()
        zero = set(vanishing)
        numerators, _ = integer_point([Fraction(v) for v in direction])
        blocks = [RationalMatrix.of([[v] for v in numerators])]
        offset = 0
        for layer in self.relu_layers:
            slope = _combine(layer, blocks, derivative=True)
            for i, (value,) in enumerate(slope.integers()):
                if offset + i in zero:
                    bits[offset + i] = value > 0
            blocks.append(slope.masked(bits[offset : offset + layer.size]))
            offset += layer.size
        return bits

    # -- other networks ---------------------------------------------------------------
    def restrict(self, origin: Iterable[Any], directions: Any) -> ReluNetwork:
        """Return the network on an affine subspace: ``t -> net(origin + t @ directions)``.

        Parameters
        ----------
        origin : sequence of d numbers
            A point of the subspace.
        directions : array_like of shape (k, d)
            Spanning directions, one per row; they should be linearly independent.

        Returns
        -------
        ReluNetwork
            With k inputs and the same neurons, composed exactly.

        Examples
        --------
        >>> net = ReluNetwork([[[1, 1], [1, -1]], [[1, 1]]], [[0, 0], [0]])
        >>> net.restrict([0, 1], [[2, 0]]).neuron_rows("11")
        [(2, 1), (2, -1)]
        """
        start = point(origin, "origin")
        if len(start) != self.input_dim:
            raise InputError(f"origin has {len(start)} coordinates; this network has {self.input_dim} inputs")
        frame = RationalMatrix.of(directions, "directions").transpose()
        if frame.shape[0] != self.input_dim or frame.shape[1] < 1:
            raise InputError(
                f"directions have shape {frame.shape[::-1]}; expected (k, {self.input_dim}) with k at least 1"
            )
        shift = RationalMatrix.of([[v] for v in start])
        layers = []
        for layer in self.layers:
            blocks, bias = dict(layer.blocks), layer.bias
            if 0 in blocks:
                bias = bias + blocks[0] @ shift
                blocks[0] = blocks[0] @ frame
            layers.append(Layer(blocks, bias))
        return ReluNetwork.from_layers(
            layers, frame.shape[1], output_relu=self.output_relu, names=self.names, notes=self.notes
        )

    # -- floats for the kernels -------------------------------------------------------
    @functools.cached_property
    def _float_cache(self) -> dict[int, tuple[list[tuple[int, Any]], npt.NDArray[np.float64]]]:
        return {}

    def _float_layer(self, index: int) -> tuple[list[tuple[int, Any]], npt.NDArray[np.float64]]:
        """Return the rounded blocks and bias of one layer; a layer that nobody asks for may be beyond floats."""
        if index not in self._float_cache:
            layer = self.layers[index]
            weights = [(k, w.operator()[0]) for k, w in sorted(layer.blocks.items())]
            self._float_cache[index] = weights, layer.bias.to_float()[0].ravel()
        return self._float_cache[index]

    @functools.cached_property
    def packed(self) -> PackedNetwork:
        """The ReLU layers as flat float arrays (see :class:`PackedNetwork`)."""
        neuron = np.concatenate([[0], np.cumsum(self.widths, dtype=np.int64)]).astype(np.int64)
        block, layer_block, weights, biases, inexact = [], [0], [np.zeros(0)], [np.zeros(0)], []
        pointers, indices = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        offset = entries = place = 0
        for index, layer in enumerate(self.relu_layers):
            bias, exact = layer.bias.to_float()
            biases.append(bias.ravel())
            for k, matrix in sorted(layer.blocks.items()):
                w, w_exact = matrix.operator()
                exact = exact and w_exact
                source, width = -1 if k == 0 else int(neuron[k - 1]), w.shape[1]
                if isinstance(matrix, SparseMatrix):
                    block.append((index, source, width, offset, place, matrix.longest))
                    pointers.append(entries + matrix.indptr)
                    indices.append(matrix.indices)
                    entries, place = entries + matrix.nnz, place + len(matrix.indptr)
                    weights.append(w.data)
                else:
                    block.append((index, source, width, offset, -1, width))
                    weights.append(w.ravel())
                offset += len(weights[-1])
            layer_block.append(len(block))
            inexact.append(0.0 if exact else 1.0)
        return PackedNetwork(
            neuron,
            np.array(layer_block, dtype=np.int64),
            np.array(block, dtype=np.int64).reshape(-1, 6),
            np.concatenate(weights),
            np.concatenate(pointers).astype(np.int64),
            np.concatenate(indices).astype(np.int64),
            np.concatenate(biases),
            np.array(inexact, dtype=np.float64),
        )


def _read_layer(index: int, weight: Any, bias: Any, sizes: list[int]) -> Layer:
    """Check one layer's arrays against the widths so far and split a wide matrix into blocks."""
    try:
        matrix: Any = weight if isinstance(weight, SparseMatrix) else RationalMatrix.of(weight, f"weights[{index}]")
        vector = as_array(bias)
        if vector.ndim != 1:
            raise ModelError(f"biases[{index}] has shape {vector.shape}; a vector of shape (n,) is needed")
        column = RationalMatrix.of(vector.reshape(-1, 1), f"biases[{index}]")
    except InputError as error:
        raise ModelError(str(error)) from None
    except ValueError:
        raise ModelError(f"layer {index}: weights and biases must be rectangular arrays of numbers") from None
    rows, columns = matrix.shape
    if column.shape[0] != rows:
        raise ModelError(f"weights[{index}] has {rows} rows but biases[{index}] has {column.shape[0]} entries")
    if not sizes or columns == sizes[-1]:
        return Layer({index: matrix}, column)
    if columns != sum(sizes):
        wide = f"or {sum(sizes)} to read the input and every earlier layer"
        raise ModelError(f"weights[{index}] has {columns} columns; expected {sizes[-1]}, the width before it, {wide}")
    blocks, start = {}, 0
    for k, size in enumerate(sizes):
        part = matrix.columns(range(start, start + size))
        if not part.is_zero:
            blocks[k] = part
        start += size
    return Layer(blocks, column)


def _combine(layer: Layer, blocks: Sequence[RationalMatrix], derivative: bool = False) -> RationalMatrix:
    """Return the layer's values on exact blocks; without the bias for a derivative."""
    z = RationalMatrix.zeros(layer.size, 1) if derivative else layer.bias
    for k, weight in layer.blocks.items():
        z = z + weight @ blocks[k]
    return z


def _nonzero(blocks: Mapping[int, RationalMatrix]) -> dict[int, RationalMatrix]:
    return {k: block for k, block in blocks.items() if not block.is_zero}
