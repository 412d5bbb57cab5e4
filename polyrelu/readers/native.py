"""The library's own model files: ``.npz`` for floats, ``.json`` for every exact number.

Both hold the keys ``W0, b0, W1, b1, ..`` and, if they like, ``output_relu``. ``Wl`` has shape
(n_l, n_{l-1}), or (n_l, n_0 + .. + n_{l-1}) for a layer that reads ``[x, a_1, .., a_{l-1}]`` (skip
connections); ``bl`` has shape (n_l,).

* ``.npz`` holds arrays of floats or integers. It is never unpickled.
* ``.json`` holds JSON numbers, which are the binary64 numbers that they are (integers are exact at any
  size), and strings ``"p/q"`` or ``"0.1"``, which are exact rationals.
"""

from __future__ import annotations

import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from ..errors import InputError, ModelError
from ..exact import RationalMatrix, text
from ..network import Layer, ReluNetwork
from .files import atomic_write, existing_file, located, one_line, read_text, writable_file

_KEY = re.compile(r"[Wb](0|[1-9]\d{0,8})", re.ASCII)


def load_npz(path: str | os.PathLike[str]) -> ReluNetwork:
    """Read a network from a ``.npz`` file with arrays W0, b0, W1, b1, and so on.

    Parameters
    ----------
    path : path-like
        Arrays of floats or integers; see the module for their shapes.

    Returns
    -------
    ReluNetwork

    Raises
    ------
    ModelError
        A missing or corrupt file, a key that is missing or unknown, shapes that do not chain, NaN.

    Notes
    -----
    Exactness: *exact*. Pickled objects are refused.
    """
    with located(path):
        file = existing_file(path)
        if not zipfile.is_zipfile(file):
            raise ModelError("this is no .npz archive; save it again with polyrelu.save or numpy.savez(W0=.., b0=..)")
        try:
            # opened here, because numpy leaves a damaged archive open
            with file.open("rb") as stream, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of headers that Python 2 wrote
                archive = np.load(stream, allow_pickle=False)
                if not isinstance(archive, np.lib.npyio.NpzFile):
                    raise ModelError("this is a single array, not an archive; write it with numpy.savez(W0=.., b0=..)")
                with archive:
                    arrays = {key: archive[key] for key in archive.files}
        except ModelError:
            raise
        except Exception as error:  # zip, zlib and header parsers raise what they like on damaged bytes
            raise ModelError(f"this is not a readable .npz archive ({one_line(error)}); save it again") from None
        if "meta" in arrays and "packed" in arrays:
            raise ModelError("this file holds regions, not a model; read it with RegionComplex.load")
        for key, array in arrays.items():
            if array.dtype.kind not in "fiub":
                raise ModelError(f"{key} has dtype {array.dtype}; an .npz holds floats or integers, a .json also 'p/q'")
        output_relu = arrays.pop("output_relu", np.False_)
        if output_relu.size != 1 or output_relu.item() not in (0, 1):
            raise ModelError("output_relu must be one boolean")
        return _assemble(arrays, bool(output_relu.item()))


def load_json(path: str | os.PathLike[str]) -> ReluNetwork:
    """Read a network from a ``.json`` file, an object with W0, b0, W1, b1, and so on.

    Parameters
    ----------
    path : path-like
        Rows of JSON numbers (the binary64 numbers that they are; integers at any size) or strings
        ``"p/q"`` and ``"0.1"`` (exact); see the module for the shapes.

    Returns
    -------
    ReluNetwork

    Raises
    ------
    ModelError
        A missing file, text that is not JSON (NaN and Infinity are not), a key that is missing,
        repeated or unknown, an entry that is no number, shapes that do not chain.

    Notes
    -----
    Exactness: *exact*.
    """
    with located(path):
        return from_json(read_text(existing_file(path)))


def from_json(text: str) -> ReluNetwork:
    """Read a network from the text of a ``.json`` file; see :func:`load_json`."""
    try:
        content = json.loads(
            text,
            parse_int=lambda digits: int(Decimal(digits)),  # int() alone stops at 4300 digits
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise ModelError(f"line {error.lineno}, column {error.colno} is not JSON: {error.msg}") from None
    except RecursionError:
        raise ModelError("the brackets are nested too deeply; W is a list of rows, b a list of numbers") from None
    if not isinstance(content, dict):
        raise ModelError("the file must hold one object with the keys W0, b0, W1, b1, ..")
    output_relu = content.pop("output_relu", False)
    if not isinstance(output_relu, bool):
        raise ModelError(f"output_relu is {output_relu!r}; write true or false")
    return _assemble({key: _json_array(key, value) for key, value in content.items()}, output_relu)


def to_json(network: ReluNetwork) -> str:
    """Return the text of a ``.json`` file that holds the network exactly."""
    fields = [f'"{key}": {_json_text(key, matrix)}' for key, matrix in _arrays(network)]
    fields.append(f'"output_relu": {"true" if network.output_relu else "false"}')
    return "{\n" + ",\n".join(fields) + "\n}\n"


def save(network: ReluNetwork, path: str | os.PathLike[str]) -> None:
    """Write a network to a ``.npz`` or ``.json`` file, so that reading it gives an equal network.

    Parameters
    ----------
    network : ReluNetwork
    path : path-like
        The suffix chooses the format. An existing file is replaced in one step: a write that fails
        leaves it as it was.

    Raises
    ------
    ModelError
        Another suffix; a directory that cannot be written; an ``.npz`` for weights that are not
        binary64 numbers (write a ``.json``).

    Notes
    -----
    Exactness: *exact*. In ``.json`` a number is written as an integer or as the shortest decimal of a
    float if it is one, and as ``"p/q"`` otherwise.
    """
    with located(path):
        file = writable_file(path, (".json", ".npz"), "a network")
        if file.suffix.lower() == ".json":
            text = to_json(network)
            with atomic_write(file) as stream:
                stream.write(text.encode())
        else:
            floats = {key: _npz_array(key, matrix) for key, matrix in _arrays(network)}
            with atomic_write(file) as stream:
                np.savez(stream, allow_pickle=False, output_relu=np.bool_(network.output_relu), **floats)


def _assemble(arrays: Mapping[str, Any], output_relu: bool) -> ReluNetwork:
    """Check the keys and build the network; errors speak of keys, not of the constructor's arguments."""
    for key in arrays:
        if not _KEY.fullmatch(key):
            raise ModelError(f"the key {key!r} is unknown; keys are W0, b0, W1, b1, .. and output_relu")
    count = 1 + max((int(key[1:]) for key in arrays), default=0)
    for index in range(count):
        for key in (f"W{index}", f"b{index}"):
            if key not in arrays:
                raise ModelError(f"{key} is missing; every layer from 0 to {count - 1} needs a W and a b")
    weights = [arrays[f"W{index}"] for index in range(count)]
    biases = [arrays[f"b{index}"] for index in range(count)]
    try:
        return ReluNetwork(weights, biases, output_relu=output_relu)
    except InputError as error:
        message = re.sub(r"\bbiases\[(\d+)\]", r"b\1", re.sub(r"\bweights\[(\d+)\]", r"W\1", str(error)))
        raise ModelError(message) from None


def _arrays(network: ReluNetwork) -> Iterator[tuple[str, RationalMatrix]]:
    """Yield W0, b0, W1, b1, ..; a layer is wide if it reads any block but the one before it."""
    sizes = [network.input_dim]
    for index, layer in enumerate(network.layers):
        read = {k for k, block in layer.blocks.items() if not block.is_zero}
        matrix = _block(layer, index, sizes)
        if not read <= {index}:
            matrix = _block(layer, 0, sizes)
            for k in range(1, index + 1):
                matrix = matrix.hstack(_block(layer, k, sizes))
        yield f"W{index}", matrix
        yield f"b{index}", layer.bias
        sizes.append(layer.size)


def _block(layer: Layer, k: int, sizes: list[int]) -> RationalMatrix:
    return layer.blocks[k] if k in layer.blocks else RationalMatrix.zeros(layer.size, sizes[k])


# -- numpy ----------------------------------------------------------------------------
def _npz_array(key: str, matrix: RationalMatrix) -> Any:
    try:
        array, exact = matrix.to_float()
    except InputError:
        exact = False
    if not exact:
        raise ModelError(f"{key} holds a number that is not a binary64 float; save to a .json file, which is exact")
    return array.ravel() if key.startswith("b") else array


# -- JSON -----------------------------------------------------------------------------
def _refuse_constant(name: str) -> NoReturn:
    raise ModelError(f"{name} is not a number; every number must be finite")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        repeated = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ModelError(f"the key {repeated!r} appears twice; remove one")
    return content


def _json_array(key: str, value: Any) -> Any:
    """Return an object array, because numpy would round integers that share a list with floats."""
    if not _KEY.fullmatch(key):
        return value  # an unknown key, refused by name later
    is_matrix = key.startswith("W")
    rows = value if is_matrix else [value]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ModelError(f"{key} must be a list of {'rows, each a list of numbers' if is_matrix else 'numbers'}")
    width = len(rows[0]) if rows else 0
    out = np.empty((len(rows), width), dtype=object)
    for i, row in enumerate(rows):
        if len(row) != width:
            raise ModelError(f"{key} has {width} entries in row 0 but {len(row)} in row {i}; rows must be equally long")
        for j, entry in enumerate(row):
            if isinstance(entry, bool) or not isinstance(entry, int | float | str):
                where = f"{key}[{i}, {j}]" if is_matrix else f"{key}[{j}]"
                raise ModelError(f"{where} is {json.dumps(entry)}; write a number or a string like '1/3'")
            out[i, j] = entry
    return out if is_matrix else out[0]


def _json_text(key: str, matrix: RationalMatrix) -> str:
    rows = [[_number_text(v, matrix.den) for v in row] for row in matrix.integers()]
    if key.startswith("b"):
        return "[" + ", ".join(row[0] for row in rows) + "]"
    return "[" + ",\n       ".join("[" + ", ".join(row) + "]" for row in rows) + "]"


def _number_text(numerator: int, denominator: int) -> str:
    """Write an exact number as JSON: a small integer, a float that is equal, an integer, or a quotient."""
    try:
        value = numerator / denominator  # correctly rounded
        p, q = value.as_integer_ratio()
        if p * denominator == numerator * q:
            return str(p) if q == 1 and abs(p) < 2**53 else repr(value)
    except OverflowError:
        pass
    exact = Fraction(numerator, denominator)
    return text(exact) if exact.denominator == 1 else f'"{text(exact)}"'
