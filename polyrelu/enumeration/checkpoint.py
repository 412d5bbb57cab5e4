"""A directory from which a killed subdivision goes on.

``state.npz`` holds the tally and the stacks that are left; ``regions-<k>.npz`` the regions found, if they are kept. A
segment is written before the state that counts it, and the state replaces the old one in one step, so that a process
killed at any moment leaves a state that is whole: what was found after it is found again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, ModelError
from ..network import ReluNetwork
from ..polytope import HPolytope
from ..readers.files import atomic_write, located, one_line
from ..readers.native import to_json
from ..storage import domain_text
from .cutting import Ints
from .problem import Stack

FORMAT, VERSION = "polyrelu checkpoint", 1
NAMES = ("packed", "facet_count", "group_size", "facet_row", "zero_count", "zero_row")


class Checkpoint:
    """The state of one search in a directory."""

    INTERVAL = 5.0

    def __init__(self, directory: str | os.PathLike[str], net: ReluNetwork, domain: HPolytope, listing: bool):
        self.directory = Path(directory)
        self.meta = {
            "format": FORMAT,
            "version": VERSION,
            "task": "enumerate" if listing else "count",
            "network": _digest(to_json(net)),
            "domain": _digest(domain_text(domain)),
        }
        self.listing = listing
        self.segment: list[tuple[npt.NDArray[Any], ...]] = []
        self.written = 0
        self._next = time.monotonic() + self.INTERVAL
        with located(directory):
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
                with atomic_write(self.directory / "state.npz", keep=False):
                    pass
                for half in self.directory.glob(".*.npz.*.tmp"):  # what a killed run was writing
                    half.unlink(missing_ok=True)
            except OSError as error:
                raise ModelError(f"this cannot be a checkpoint directory: {error.strerror}; choose another") from None

    @property
    def due(self) -> bool:
        """Tell whether it is time to save."""
        return time.monotonic() >= self._next

    def load(self) -> tuple[Ints, list[Stack]] | None:
        """Return the tally and the stacks that are left; None if the directory holds no state.

        Raises
        ------
        InputError
            A checkpoint of another network, domain, task or version, or one that is damaged.
        """
        file = self.directory / "state.npz"
        with located(self.directory):
            if not file.exists():
                return None
            try:
                with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                    content = {key: archive[key] for key in archive.files}
                meta = json.loads(content["meta"].tobytes())
                for key, what in (("format", "format"), ("version", "version of the format"), ("network", "network"),
                                  ("domain", "domain"), ("task", "task")):  # fmt: skip
                    if meta.get(key) != self.meta[key]:
                        short = key in ("task", "version", "format")
                        was = f" ({meta.get(key)}, not {self.meta[key]})" if short else ""
                        raise InputError(
                            f"this is the checkpoint of another {what}{was}; give the same one, or another directory"
                        )
                self.written = int(meta["segments"])
                return content["tally"], _unpack_stacks(content)
            except InputError:
                raise
            except Exception as error:  # damaged archives fail in many ways
                raise ModelError(f"this checkpoint is damaged ({one_line(error)}); remove it to start anew") from None

    def save(self, tally: Ints, stacks: list[Stack]) -> None:
        """Write the regions found since the last call, then the state."""
        with located(self.directory):
            if self.segment:
                arrays = [np.concatenate(part) for part in zip(*self.segment, strict=True)]
                with atomic_write(self._segment(self.written)) as stream:
                    np.savez_compressed(stream, allow_pickle=False, **dict(zip(NAMES, arrays, strict=True)))
                    _settle(stream)
                self.written += 1
                self.segment = []
            meta = json.dumps({**self.meta, "segments": self.written, "complete": not stacks})
            with atomic_write(self.directory / "state.npz") as stream:
                np.savez_compressed(
                    stream, allow_pickle=False, meta=np.frombuffer(meta.encode(), np.uint8), tally=tally,
                    **_pack_stacks(stacks),
                )  # fmt: skip
                _settle(stream)
        self._next = time.monotonic() + self.INTERVAL

    def segments(self) -> list[tuple[npt.NDArray[Any], ...]]:
        """Return all regions that were written."""
        out = []
        with located(self.directory):
            for k in range(self.written):
                try:
                    with self._segment(k).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                        out.append(tuple(archive[name] for name in NAMES))
                except Exception as error:
                    raise ModelError(f"{self._segment(k).name} cannot be read ({one_line(error)})") from None
        return out

    def _segment(self, k: int) -> Path:
        return self.directory / f"regions-{k:06d}.npz"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _settle(stream: Any) -> None:
    """Have the bytes on the disk before the file takes its name."""
    stream.flush()
    os.fsync(stream.fileno())


def _pack_stacks(stacks: list[Stack]) -> dict[str, npt.NDArray[Any]]:
    parts: dict[str, list[npt.NDArray[Any]]] = {"bits": [], "starts": [], "ints": [], "floats": [], "masks": []}
    for stack in stacks:
        for key, part in parts.items():
            part.append(getattr(stack, key).ravel())
    sizes = np.array([[s.words, *(getattr(s, key).size for key in parts)] for s in stacks], dtype=np.int64)
    types = {"bits": np.uint8, "starts": np.int64, "ints": np.int64, "floats": np.float64, "masks": np.uint64}
    return {"sizes": sizes.reshape(-1, 6)} | {
        key: np.concatenate([np.zeros(0, types[key]), *part]) for key, part in parts.items()
    }


def _unpack_stacks(content: dict[str, npt.NDArray[Any]]) -> list[Stack]:
    sizes = content["sizes"]
    at = np.zeros(5, dtype=np.int64)
    out = []
    for words, *lengths in sizes.tolist():
        bits, starts, ints, floats, masks = (
            content[key][at[k] : at[k] + lengths[k]]
            for k, key in enumerate(("bits", "starts", "ints", "floats", "masks"))
        )
        out.append(Stack(bits, words, starts.reshape(-1, 3), ints, floats, masks))
        at += lengths
    if at.tolist() != [content[key].size for key in ("bits", "starts", "ints", "floats", "masks")]:
        raise ValueError("its arrays do not fit together")
    return out
