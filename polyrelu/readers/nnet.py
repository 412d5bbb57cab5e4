"""The Stanford ``.nnet`` text format, as used for ACAS Xu.

The lines of a file, comments (``//``) aside, entries separated by commas with an optional one at the end:

1. number of layers, inputs, outputs, size of the largest layer;
2. layer sizes, the inputs' first;
3. a flag without meaning;
4. minimum of every input;
5. maximum of every input;
6. mean of every input, and of the outputs (one for all, or one each);
7. range of every input, and of the outputs (likewise);
8. for every layer its weights, one row per line, then its biases, one per line.

Numbers in text are exact decimals here: ``0.1`` is one tenth.

References
----------
K. Julian, *NNet*, https://github.com/sisl/NNet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..errors import ModelError
from ..exact import Point, RationalMatrix, fraction
from ..network import ReluNetwork
from .files import existing_file, located, read_text
from .lowering import Lowering


@dataclass(frozen=True)
class NnetFile:
    """The content of a ``.nnet`` file, exactly.

    Attributes
    ----------
    layers : tuple of (RationalMatrix of shape (n_l, n_{l-1}), RationalMatrix of shape (n_l, 1))
        Weights and biases.
    minimum, maximum : tuple of d Fractions
        Bounds of the raw inputs. No network applies them; they make a domain.
    input_mean, input_range : tuple of d Fractions
    output_mean, output_range : tuple of m Fractions
    """

    layers: tuple[tuple[RationalMatrix, RationalMatrix], ...]
    minimum: Point
    maximum: Point
    input_mean: Point
    input_range: Point
    output_mean: Point
    output_range: Point

    def network(self, normalize: bool = False) -> ReluNetwork:
        """Return the network; see :func:`load_nnet`."""
        builder = Lowering(len(self.minimum))
        x = builder.input((builder.input_dim,))
        if normalize:
            if not all(self.input_range):
                i = self.input_range.index(Fraction(0))
                raise ModelError(f"the range of input {i} is 0, so it cannot be divided by; read with normalize=False")
            inverse = [1 / r for r in self.input_range]
            shift = [-m * r for m, r in zip(self.input_mean, inverse, strict=True)]
            x = x.affine(_diagonal(inverse), _column(shift))
        for index, (weight, bias) in enumerate(self.layers):
            x = x.affine(weight, bias)
            if index < len(self.layers) - 1:
                x = builder.relu(x)
        if normalize:
            x = x.affine(_diagonal(self.output_range), _column(self.output_mean))
        return builder.finish(x)


def load_nnet(path: str | os.PathLike[str], *, normalize: bool = False) -> ReluNetwork:
    """Read a network from a Stanford ``.nnet`` file.

    Parameters
    ----------
    path : path-like
        Numbers in it are exact decimals.
    normalize : bool
        False: the bare network, whose inputs are ``(x - mean) / range`` of the raw ones. True: the
        network from raw inputs to raw outputs, ``y * output_range + output_mean``, folded in rationals.

    Returns
    -------
    ReluNetwork

    Raises
    ------
    ModelError
        A missing, truncated or malformed file; the message names the line.

    Notes
    -----
    Exactness: *exact*. The inputs are not clipped to the file's minima and maxima: that is the domain's
    business, and :func:`read_nnet` returns them.
    """
    content = read_nnet(path)
    with located(path):
        return content.network(normalize)


def read_nnet(path: str | os.PathLike[str]) -> NnetFile:
    """Read a ``.nnet`` file: weights, input bounds and normalization.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    NnetFile

    Raises
    ------
    ModelError
        As :func:`load_nnet`.
    """
    with located(path):
        return _parse(_Lines(read_text(existing_file(path))))


def _parse(lines: _Lines) -> NnetFile:
    count, inputs, outputs, _ = lines.integers("number of layers, inputs, outputs, largest layer", 4)
    if count < 1:
        raise ModelError(f"line {lines.number}: {count} layers; a network needs at least one")
    sizes = lines.integers("layer sizes", count + 1)
    if (sizes[0], sizes[-1]) != (inputs, outputs) or min(sizes) < 1:
        raise ModelError(
            f"line {lines.number}: layer sizes {sizes} do not fit the header, {inputs} inputs and {outputs} outputs"
        )
    lines.next("flag")
    minimum = lines.numbers("minima of the inputs", inputs)
    maximum = lines.numbers("maxima of the inputs", inputs)
    means = lines.numbers("means", inputs + 1, inputs + outputs)
    ranges = lines.numbers("ranges", inputs + 1, inputs + outputs)
    layers = []
    for index, (before, size) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        weight = [lines.numbers(f"row {i} of the weights of layer {index}", before) for i in range(size)]
        bias = [lines.numbers(f"bias {i} of layer {index}", 1) for i in range(size)]
        layers.append((_matrix(weight), _matrix(bias)))
    lines.end()
    return NnetFile(
        tuple(layers),
        minimum,
        maximum,
        means[:inputs],
        ranges[:inputs],
        means[inputs:] * (outputs if len(means) == inputs + 1 else 1),
        ranges[inputs:] * (outputs if len(ranges) == inputs + 1 else 1),
    )


class _Lines:
    """The lines that are neither empty nor comments, read one by one, each with its number from 1."""

    def __init__(self, text: str):
        self.number = 0
        self._rest = self._read(text)

    def _read(self, text: str) -> Iterator[list[str]]:
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.partition("//")[0].strip()
            if line:
                self.number = number
                entries = [entry.strip() for entry in line.split(",")]
                yield entries[:-1] if entries[-1] == "" else entries

    def next(self, what: str) -> list[str]:
        entries = next(self._rest, None)
        if entries is None:
            raise ModelError(f"the file ends after line {self.number}, before the {what}; it is truncated")
        return entries

    def numbers(self, what: str, *counts: int) -> Point:
        """Return the next line's numbers, as many as one of the counts."""
        entries = self.next(what)
        if len(entries) not in counts:
            expected = " or ".join(str(n) for n in sorted(set(counts)))
            raise ModelError(f"line {self.number} has {len(entries)} entries; expected {expected}, the {what}")
        return tuple(fraction(entry, f"line {self.number}, entry {i}") for i, entry in enumerate(entries, 1))

    def integers(self, what: str, count: int) -> list[int]:
        values = self.numbers(what, count)
        for i, value in enumerate(values, 1):
            if value.denominator != 1 or value < 0:
                raise ModelError(f"line {self.number}, entry {i} is {value}; expected whole numbers, the {what}")
        return [int(value) for value in values]

    def end(self) -> None:
        if next(self._rest, None) is not None:
            raise ModelError(f"line {self.number} comes after the last bias; the header announces fewer numbers")


def _matrix(rows: list[Point]) -> RationalMatrix:
    out = np.empty((len(rows), len(rows[0])), dtype=object)
    for i, row in enumerate(rows):
        out[i] = row
    return RationalMatrix.of(out)


def _column(values: Point | list[Fraction]) -> RationalMatrix:
    return _matrix([(v,) for v in values])


def _diagonal(values: Point | list[Fraction]) -> RationalMatrix:
    out = np.full((len(values), len(values)), Fraction(0), dtype=object)
    np.fill_diagonal(out, list(values))
    return RationalMatrix.of(out)
