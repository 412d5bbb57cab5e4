"""The library's own model files: ``.npz`` for floats, ``.json`` for every exact number.

Both hold the keys ``W0, b0, W1, b1, ..`` and, if they like, ``output_relu``. ``Wl`` has shape
(n_l, n_{l-1}), or (n_l, n_0 + .. + n_{l-1}) for a layer that reads ``[x, a_1, .., a_{l-1}]`` (skip
connections); ``bl`` has shape (n_l,).

A layer with convolutions may be sparse: in ``.json``, ``Wl`` is then an object ``{"shape": [m, n], "rows": [..],
"columns": [..], "values": [..]}`` of its nonzero entries, in ``.npz`` there are four arrays ``Wl_shape`` and so on.
``names`` may hold the names of the neurons, for every layer with a ReLU a list of groups ``[name, shape]`` or
``[name, shape, kept]`` (see :class:`~polyrelu.network.NeuronGroup`), and ``notes`` a list of texts, what a reader left
out; in ``.npz`` both are JSON text.

* ``.npz`` holds arrays of floats or integers. It is never unpickled.
* ``.json`` holds JSON numbers, which are the binary64 numbers that they are (integers are exact at any
  size), and strings ``"p/q"`` or ``"0.1"``, which are exact rationals.
"""

from __future__ import annotations

import json
import math
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
from ..exact import RationalMatrix, fraction, text
from ..network import Layer, NeuronGroup, ReluNetwork
from ..sparse import SparseMatrix
from .files import atomic_write, existing_file, located, one_line, read_text, writable_file
from .lowering import stored

_KEY = re.compile(r"[Wb](0|[1-9]\d{0,8})", re.ASCII)
_SPARSE_KEY = re.compile(r"(W(?:0|[1-9]\d{0,8}))_(shape|rows|columns|values)", re.ASCII)
_PARTS = ("shape", "rows", "columns", "values")
_LABELS: tuple[str, ...] = ("names", "notes")


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
        texts = {key: arrays.pop(key) for key in _LABELS if key in arrays}
        for key, array in arrays.items():
            if array.dtype.kind not in "fiub":
                raise ModelError(f"{key} has dtype {array.dtype}; an .npz holds floats or integers, a .json also 'p/q'")
        output_relu = arrays.pop("output_relu", np.False_)
        if output_relu.size != 1 or output_relu.item() not in (0, 1):
            raise ModelError("output_relu must be one boolean")
        labels = {}
        for key, value in texts.items():
            try:
                labels[key] = json.loads(value.item())
            except (TypeError, ValueError, RecursionError):
                raise ModelError(f"{key} is not JSON text; remove it or save the file again") from None
        weights: dict[str, Any] = {key: array for key, array in arrays.items() if not _SPARSE_KEY.fullmatch(key)}
        for key in {match[1] for match in map(_SPARSE_KEY.fullmatch, arrays) if match}:
            weights[key] = _sparse(key, {part: arrays.get(f"{key}_{part}") for part in _PARTS})
        return _assemble(weights, bool(output_relu.item()), labels)


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
    labels = {key: content.pop(key) for key in _LABELS if key in content}
    return _assemble({key: _json_array(key, value) for key, value in content.items()}, output_relu, labels)


def to_json(network: ReluNetwork) -> str:
    """Return the text of a ``.json`` file that holds the network exactly."""
    fields = [f'"{key}": {_json_text(key, matrix)}' for key, matrix in _arrays(network)]
    fields.append(f'"output_relu": {"true" if network.output_relu else "false"}')
    fields += [f'"{key}": {value}' for key, value in _labels(network).items()]
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
            content: dict[str, Any] = {"output_relu": np.bool_(network.output_relu)}
            for key, matrix in _arrays(network):
                if isinstance(matrix, SparseMatrix):
                    values = _npz_array(key, matrix.pool).ravel()[matrix.code]
                    parts = (np.array(matrix.shape), matrix.entry_rows, matrix.indices, values)
                    content |= {f"{key}_{part}": array for part, array in zip(_PARTS, parts, strict=True)}
                else:
                    content[key] = _npz_array(key, matrix)
            content |= {key: np.array(value) for key, value in _labels(network).items()}
            with atomic_write(file) as stream:
                np.savez(stream, allow_pickle=False, **content)


def _assemble(arrays: Mapping[str, Any], output_relu: bool, labels: Mapping[str, Any]) -> ReluNetwork:
    """Check the keys and build the network; errors speak of keys, not of the constructor's arguments."""
    for key in arrays:
        if not _KEY.fullmatch(key):
            raise ModelError(f"the key {key!r} is unknown; keys are W0, b0, W1, b1, .., output_relu, names and notes")
    count = 1 + max((int(key[1:]) for key in arrays), default=0)
    for index in range(count):
        for key in (f"W{index}", f"b{index}"):
            if key not in arrays:
                raise ModelError(f"{key} is missing; every layer from 0 to {count - 1} needs a W and a b")
    weights = [arrays[f"W{index}"] for index in range(count)]
    biases = [arrays[f"b{index}"] for index in range(count)]
    try:
        net = ReluNetwork(weights, biases, output_relu=output_relu)
        kept: list[dict[int, Any]] = [{k: stored(w) for k, w in layer.blocks.items()} for layer in net.layers]
        layers = [Layer(blocks, layer.bias) for blocks, layer in zip(kept, net.layers, strict=True)]
        names, notes = _read_labels(labels)
        return ReluNetwork.from_layers(layers, net.input_dim, output_relu=output_relu, names=names, notes=notes)
    except InputError as error:
        message = re.sub(r"\bbiases\[(\d+)\]", r"b\1", re.sub(r"\bweights\[(\d+)\]", r"W\1", str(error)))
        raise ModelError(message) from None


def _arrays(network: ReluNetwork) -> Iterator[tuple[str, Any]]:
    """Yield W0, b0, W1, b1, ..; a layer is wide if it reads any block but the one before it, sparse if a block is."""
    sizes = [network.input_dim]
    for index, layer in enumerate(network.layers):
        read = {k for k, block in layer.blocks.items() if not block.is_zero}
        first = index if read <= {index} else 0
        if any(isinstance(layer.blocks[k], SparseMatrix) for k in read):
            matrix: Any = _wide_sparse(layer, first, sizes)
        else:
            matrix = _block(layer, first, sizes)
            for k in range(first + 1, index + 1):
                matrix = matrix.hstack(_block(layer, k, sizes))
        yield f"W{index}", matrix
        yield f"b{index}", layer.bias
        sizes.append(layer.size)


def _block(layer: Layer, k: int, sizes: list[int]) -> RationalMatrix:
    return layer.blocks[k] if k in layer.blocks else RationalMatrix.zeros(layer.size, sizes[k])


def _wide_sparse(layer: Layer, first: int, sizes: list[int]) -> SparseMatrix:
    """Return the blocks from ``first`` on side by side as one sparse matrix."""
    start, rows, columns, values = 0, [], [], []
    for k in range(first, len(sizes)):
        block: Any = layer.blocks.get(k)
        if isinstance(block, RationalMatrix):
            numbers = block.fractions()
            i, j = np.nonzero(numbers)
            block = SparseMatrix.of_entries(block.shape, i, j, numbers[i, j])
        if block is not None:
            rows.append(block.entry_rows)
            columns.append(block.indices + start)
            values.append(block.pool.fractions().ravel()[block.code])
        start += sizes[k]
    entries = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
    return SparseMatrix.of_entries((layer.size, start), entries[0], entries[1], entries[2])


def _sparse(key: str, parts: Mapping[str, Any]) -> SparseMatrix:
    """Return the sparse matrix that its entries make."""
    for part in _PARTS:
        if parts.get(part) is None:
            raise ModelError(f"{key} is sparse but has no {part}; give shape, rows, columns and values")
    whole = [np.asarray(parts[part]) for part in _PARTS[:3]]
    if any(array.ndim != 1 or (array.dtype.kind not in "iu" and array.size) for array in whole) or len(whole[0]) != 2:
        raise ModelError(f"the shape, rows and columns of {key} must be lists of whole numbers, the shape of two")
    m, n = (int(v) for v in whole[0])
    values = parts["values"]
    given = values if isinstance(values, np.ndarray) else np.array([fraction(v, key) for v in values], dtype=object)
    return SparseMatrix.of_entries((m, n), whole[1], whole[2], given, key)


# -- names and notes ------------------------------------------------------------------
def _labels(network: ReluNetwork) -> dict[str, str]:
    """Return names and notes as JSON text; names that every network has by default are not written."""
    plain = ReluNetwork.from_layers(network.layers, network.input_dim, output_relu=network.output_relu)
    found: dict[str, str] = {}
    if network.names != plain.names:
        groups = [[list(g[:2] if g.kept is None else g) for g in layer] for layer in network.names]
        found["names"] = json.dumps(groups)
    if network.notes:
        found["notes"] = json.dumps(network.notes)
    return found


def _read_labels(labels: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    notes = labels.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(text, str) for text in notes):
        raise ModelError("notes must be a list of texts")
    if "names" not in labels:
        return None, tuple(notes)
    try:
        names = [[_group(*group) for group in layer] for layer in labels["names"]]
    except TypeError:
        raise ModelError(
            "names must be a list of layers, each a list of groups [name, shape] or [name, shape, kept]"
        ) from None
    return names, tuple(notes)


def _group(name: Any, shape: Any, kept: Any = None) -> NeuronGroup:
    sizes = tuple(shape)
    places = None if kept is None else tuple(kept)
    if not isinstance(name, str) or not all(type(n) is int and n > 0 for n in (*sizes, 1)):
        raise TypeError
    if places is not None and not all(type(n) is int and 0 <= n < math.prod(sizes) for n in places):
        raise TypeError
    return NeuronGroup(name, sizes, places)


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
    if is_matrix and isinstance(value, dict):
        if not all(isinstance(value.get(part, []), list) for part in _PARTS):
            raise ModelError(f"the shape, rows, columns and values of {key} must be lists of numbers")
        return _sparse(key, value)
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


def _json_text(key: str, matrix: Any) -> str:
    if isinstance(matrix, SparseMatrix):
        pool = [_number_text(row[0], matrix.pool.den) for row in matrix.pool.integers()]
        whole = zip(_PARTS, (list(matrix.shape), matrix.entry_rows.tolist(), matrix.indices.tolist()), strict=False)
        fields = [f'"{part}": {json.dumps(values)}' for part, values in whole]
        return "{" + ", ".join(fields) + ', "values": [' + ", ".join(pool[c] for c in matrix.code.tolist()) + "]}"
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
