"""A region complex in a file: one ``.npz`` of plain arrays, nothing pickled, with its proof.

The arrays are those of :class:`~polyrelu.complex.RegionComplex` and those of the proof (``docs/proofs.md``);
``network`` and ``domain`` are JSON texts as bytes, with every number exact, ``meta`` says format, version and how the
result came about, and ``sha256`` is the digest of all of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .complex import RegionComplex
from .errors import InputError, ModelError
from .exact import fraction, text
from .network import ReluNetwork
from .polytope import Box, HPolytope
from .proof import Network
from .proof_file import (
    FORMAT,
    REGIONS,
    VERSION,
    Member,
    Verdict,
    digest,
    member,
    read_domain,
    read_property,
    verify_file,
)
from .readers.files import atomic_write, existing_file, located, one_line, writable_file
from .readers.native import from_json, to_json

if TYPE_CHECKING:
    from .vnnlib import Property

# A proof is made without being asked for if regions x neurons x inputs^2 stay below this: a few minutes. An
# incomplete enumeration has many open cuts, which are dearer.
PROOF_BY_DEFAULT = {True: 100_000_000, False: 1_000_000}


def save_complex(
    cx: RegionComplex,
    path: str | os.PathLike[str],
    with_proof: bool | None = None,
    goal: Mapping[str, Any] | None = None,
) -> None:
    """Write a complex to a ``.npz`` file in one step: a failed write leaves the old file as it was.

    ``goal`` is a property that holds nowhere in the domain (``docs/proofs.md`` says how it is written); the proof
    shows it.

    Raises
    ------
    ModelError
        Another suffix, or a directory that cannot be written.
    CertificationError
        If the complex cannot be proved: then it is wrong, and please report it.
    """
    with located(path):
        file = check_target(path)
        arrays = _content(cx, with_proof, goal)
        with atomic_write(file) as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)


def _content(
    cx: RegionComplex, with_proof: bool | None, goal: Mapping[str, Any] | None
) -> dict[str, npt.NDArray[Any]]:
    texts = {"network": to_json(cx.network), "domain": domain_text(cx.domain)}
    if goal is not None:
        texts["goal"] = json.dumps(goal)
    meta: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "complete": cx.complete,
        "method": cx.method,
        "settled_exactly": cx.settled_exactly,
        "exact_points": {str(i): [text(v) for v in p] for i, p in cx.exact_points.items()},
    }
    arrays: dict[str, npt.NDArray[Any]] = {key: getattr(cx, key) for key in REGIONS}
    if with_proof is None:
        work = len(cx) * max(1, cx.network.neurons) * cx.network.input_dim**2
        with_proof = work <= PROOF_BY_DEFAULT[cx.complete]
    if with_proof:
        from .certificates import make_proof

        network = Network(texts["network"])
        walls, _ = read_domain(json.loads(texts["domain"]), network.d)
        members = {"goal": member(texts["goal"])} if goal is not None else {}
        more, numbers = make_proof(cx, network, walls, read_property(members, network))
        arrays |= more
        meta |= numbers
    texts["meta"] = json.dumps(meta)
    arrays |= {key: np.frombuffer(t.encode(), np.uint8) for key, t in texts.items()}
    return seal(arrays)


def seal(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays in C order with the digest of them all."""
    arrays = {key: np.ascontiguousarray(a) for key, a in arrays.items() if key != "sha256"}
    members = {key: Member(a.dtype.str, a.shape, a.tobytes()) for key, a in arrays.items()}
    return arrays | {"sha256": np.frombuffer(digest(members).encode(), np.uint8)}


def verify(
    path: str | os.PathLike[str], model: ReluNetwork | str | os.PathLike[str] | None = None,
    property: Property | str | os.PathLike[str] | None = None,
) -> Verdict:
    """Prove what a file of regions says, by :mod:`polyrelu.proof` alone: integers, no engine, no float decides.

    Parameters
    ----------
    path : path-like
        A file that :meth:`RegionComplex.save <polyrelu.RegionComplex.save>` wrote.
    model : ReluNetwork or path-like, optional
        The network that the file must be about: every weight is compared exactly.
    property : Property or path-like, optional
        The VNN-LIB property that the file must prove ``unsat`` (:func:`polyrelu.check` wrote it as ``proof``): its
        constraints and the box of its inputs are compared exactly. ``model``, which must be given too, is the whole
        network then; the inputs that the property fixes are put in.

    Returns
    -------
    Verdict
        True as a truth value only if everything is proved: ``text`` says what, ``failure`` what is not.

    Raises
    ------
    ModelError
        If a file cannot be read or holds no regions.
    InputError
        If the property cannot be read, has other inputs and outputs than the model, or comes without a model.

    Notes
    -----
    Exactness: *exact*. Proved are: every region exists (its point is strictly inside), none is listed twice, none is
    missing (the tree of cuts covers the domain; not for an incomplete enumeration), every facet and adjacency is real
    and none is missing, every affine map is right. The SHA-256 of all arrays tells of any other change.

    Examples
    --------
    >>> import os, tempfile
    >>> import polyrelu as pr
    >>> tent = pr.ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = os.path.join(folder, "tent.npz")
    ...     pr.enumerate_regions(tent, pr.Box([0], [1])).save(file)
    ...     verdict = pr.verify(file, model=tent)
    >>> bool(verdict), verdict.regions, verdict.adjacencies
    (True, 2, 1)
    """
    with located(path):
        existing_file(path)
    if model is not None and not isinstance(model, ReluNetwork):
        from .readers import load

        model = load(model)
    claim = None
    if property is not None:
        from .safety import state
        from .vnnlib import Property, read_vnnlib

        if model is None:
            raise InputError("a property is one of a network; give the model too, the file's network is compared to it")
        statement = state(property if isinstance(property, Property) else read_vnnlib(property))
        claim = domain_text(statement.domain), json.dumps(statement.goal)
        model = statement.restrict(model)
    return verify_file(path, None if model is None else to_json(model), claim)


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
                raise ModelError(
                    f"made by format version {meta.get('version')}, this polyrelu reads {VERSION}; enumerate again"
                )
            network = from_json(content["network"].tobytes().decode())
            domain = _read_domain(content["domain"].tobytes().decode())
            arrays = {}
            for key, (dtype, ndim) in REGIONS.items():
                if content[key].dtype.str != dtype or content[key].ndim != ndim:
                    kind = f"{ndim}-dimensional of {np.dtype(dtype)}"
                    raise ModelError(f"the array {key} is not {kind}; save the regions again")
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


def _read_domain(content_text: str) -> HPolytope:
    content = json.loads(content_text)
    if "lower" in content:
        return Box(content["lower"], content["upper"])
    table = np.array(content["rows"], dtype=object).reshape(-1, content["dimension"] + 1)
    return HPolytope(table[:, :-1], table[:, -1], content["names"])
