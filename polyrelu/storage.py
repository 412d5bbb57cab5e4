"""A region complex in a file: one ``.npz`` of plain arrays, nothing pickled.

The arrays are those of :class:`~polyrelu.complex.RegionComplex`; ``network`` and ``domain`` are JSON texts as bytes,
with every number exact, and ``meta`` says format, version and how the result came about.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .complex import RegionComplex
from .errors import InputError, ModelError
from .exact import fraction, text
from .polytope import Box, HPolytope
from .readers.files import atomic_write, existing_file, located, one_line, writable_file
from .readers.native import from_json, to_json

FORMAT, VERSION = "polyrelu regions", 1

# name: (dtype, number of dimensions)
ARRAYS = {
    "packed": ("uint8", 2),
    "interior_points": ("float64", 2),
    "facet_ptr": ("int64", 1),
    "facet_neighbor": ("int64", 1),
    "row_ptr": ("int64", 1),
    "facet_row": ("int64", 1),
}


def save_complex(cx: RegionComplex, path: str | os.PathLike[str]) -> None:
    """Write a complex to a ``.npz`` file in one step: a failed write leaves the old file as it was.

    Raises
    ------
    ModelError
        Another suffix, or a directory that cannot be written.
    """
    with located(path):
        file = check_target(path)
        meta = {
            "format": FORMAT,
            "version": VERSION,
            "complete": cx.complete,
            "method": cx.method,
            "settled_exactly": cx.settled_exactly,
            "exact_points": {str(i): [text(v) for v in p] for i, p in cx.exact_points.items()},
        }
        texts = {"network": to_json(cx.network), "domain": domain_text(cx.domain), "meta": json.dumps(meta)}
        arrays: dict[str, npt.NDArray[Any]] = {key: np.frombuffer(t.encode(), np.uint8) for key, t in texts.items()}
        arrays |= {key: getattr(cx, key) for key in ARRAYS}
        with atomic_write(file) as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the path of a result file, refused before any work if it cannot be written."""
    return writable_file(path, (".npz",), "a file of regions")


def load_complex(path: str | os.PathLike[str]) -> RegionComplex:
    """Read a complex that :func:`save_complex` wrote.

    The file's shape is checked, its claims are not: that is what a proof checker is for.

    Raises
    ------
    ModelError
        A missing or corrupt file, another format or a newer version.
    """
    with located(path):
        file = existing_file(path)
        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                content = {key: archive[key] for key in archive.files}
            if "meta" not in content:
                raise ModelError("this file holds no regions; read a model with polyrelu.load")
            meta = json.loads(content["meta"].tobytes())
            if meta.get("format") != FORMAT:
                raise ModelError("this file holds no regions; write one with RegionComplex.save")
            if meta.get("version") != VERSION:
                raise ModelError(f"format version {meta.get('version')} is unknown; this polyrelu reads {VERSION}")
            network = from_json(content["network"].tobytes().decode())
            domain = _read_domain(content["domain"].tobytes().decode())
            arrays = {}
            for key, (dtype, ndim) in ARRAYS.items():
                if content[key].dtype != dtype or content[key].ndim != ndim:
                    raise ModelError(f"the array {key} is not {ndim}-dimensional of {dtype}; save the regions again")
                arrays[key] = content[key]
            points = {int(i): tuple(fraction(v) for v in p) for i, p in meta["exact_points"].items()}
            complete, method = bool(meta["complete"]), str(meta["method"])
            settled = int(meta["settled_exactly"])
        except InputError:
            raise
        except Exception as error:  # damaged archives fail in many ways
            raise ModelError(f"this is not a readable file of regions ({one_line(error)}); save it again") from None
    return RegionComplex(
        network, domain, arrays, (arrays.pop("interior_points"), points),
        complete=complete, method=method, seconds=None, settled_exactly=settled,
    )  # fmt: skip


def domain_text(domain: HPolytope) -> str:
    """Return a domain as JSON, every number exact."""
    if isinstance(domain, Box):
        return json.dumps({"lower": [text(v) for v in domain.lower], "upper": [text(v) for v in domain.upper]})
    table = [[text(v) for v in row] for row in domain.exact.fractions()]
    return json.dumps({"dimension": domain.d, "rows": table, "names": domain.names})


def _read_domain(text: str) -> HPolytope:
    content = json.loads(text)
    if "lower" in content:
        return Box(content["lower"], content["upper"])
    table = np.array(content["rows"], dtype=object).reshape(-1, content["dimension"] + 1)
    return HPolytope(table[:, :-1], table[:, -1], content["names"])
