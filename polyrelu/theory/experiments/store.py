"""The table of results on the disk: rows are added a part at a time, and a killed run goes on from them.

``NAME.json`` holds the settings, ``NAME.csv`` the rows. A part is all rows of one look at one network; each of its rows
says which one of how many it is (column ``row``: ``2/5``), so that a part that was cut off is noticed, wherever the
file ends.

References
----------
Y. Shafranovich, Common format and MIME type for comma-separated values files (RFC 4180), 2005.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...readers.files import as_path, atomic_write, reason
from .plan import Key

FORMAT, VERSION = "polyrelu experiment", 1
# column -> what reads it
COLUMNS = {
    "widths": str, "depth": int, "neurons": int, "bias_sd": float, "noise": float, "run": int, "epoch": float,
    "step": int, "loss": float, "train_accuracy": float, "test_accuracy": float, "measure": str, "part": str,
    "value": float, "standard_error": float, "samples": int, "exactness": str,
}  # fmt: skip
HEADER = (*COLUMNS, "row")
Row = dict[str, Any]


def key_of(row: Mapping[str, Any]) -> Key:
    """Return the name of the part that a row belongs to."""
    return row["widths"], row["bias_sd"], row["noise"], row["run"], row["step"]


class Store:
    """The results of one experiment in a directory.

    Parameters
    ----------
    directory : path
        Made if it does not exist.
    name : str
        Of the experiment.
    settings : mapping
        As JSON has them.

    Attributes
    ----------
    parts : dict
        From the key of a part to its rows, in the order in which they were finished.

    Raises
    ------
    InputError
        The directory cannot be written, holds results of other settings, or files that are damaged.
    """

    def __init__(self, directory: str | os.PathLike[str], name: str, settings: Mapping[str, Any]):
        self.directory = as_path(directory)
        self.csv, self.json = self.directory / f"{name}.csv", self.directory / f"{name}.json"
        self.parts: dict[Key, list[Row]] = {}
        self._settings = {"format": FORMAT, "version": VERSION, "experiment": name, **json.loads(json.dumps(settings))}
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for half in self.directory.glob(f".{name}*.tmp"):  # what a killed run was writing
                half.unlink(missing_ok=True)
            self._open()
        except OSError as error:
            raise InputError(
                f"{self.directory}: results cannot be written here: {reason(error)}; choose another directory"
            ) from None

    def _open(self) -> None:
        if self.json.exists():
            self._compare()
        elif self.csv.exists():
            raise InputError(
                f"{self.csv} is there without {self.json.name}, which says what it holds; "
                "remove it, or give another directory"
            )
        else:
            with atomic_write(self.json) as stream:
                stream.write((json.dumps(self._settings, indent=1) + "\n").encode())
        if self.csv.exists():
            content = self.csv.read_bytes()
            self._read(content)
        else:
            content = b""
        if content != _text(self.parts.values()).encode():
            self._write()

    def _compare(self) -> None:
        try:
            found = json.loads(self.json.read_bytes())
            if not isinstance(found, dict):
                raise ValueError
        except ValueError:
            raise InputError(
                f"{self.json} is damaged; remove it and {self.csv.name} to start anew, or give another directory"
            ) from None
        difference = _difference(found, self._settings)
        if difference is not None:
            name, there, here = difference
            raise InputError(
                f"{self.json} was written with {name} {there}, not {here}; "
                "give the same settings, or another directory"
            )

    def _read(self, content: bytes) -> None:
        """Take the whole parts; what is torn is left out and computed again."""
        whole = content[: content.rfind(b"\n") + 1]
        lines = list(csv.reader(io.StringIO(whole.decode(errors="replace"), newline="")))
        if lines and tuple(lines[0]) != HEADER:
            raise InputError(
                f"{self.csv} has other columns than {', '.join(HEADER)}; remove it, or give another directory"
            )
        found: dict[Key, dict[int, Row]] = {}
        sizes: dict[Key, int] = {}
        for number, line in enumerate(lines[1:], 2):
            try:
                values = dict(zip(HEADER, line, strict=True))
                row = {name: read(values[name]) for name, read in COLUMNS.items()}
                index, size = map(int, values["row"].split("/"))
            except ValueError:
                raise InputError(
                    f"{self.csv}: line {number} is damaged; remove the line to have it computed again"
                ) from None
            found.setdefault(key_of(row), {})[index] = row
            sizes[key_of(row)] = size
        for key, rows in found.items():
            if sorted(rows) == list(range(1, sizes[key] + 1)):
                self.parts[key] = [rows[i] for i in sorted(rows)]

    def add(self, key: Key, rows: Sequence[Row]) -> None:
        """Add a finished part; it is on the disk when this returns."""
        if not rows:
            raise InputError("a part has no rows; measure something")
        with self.csv.open("ab") as stream:
            stream.write(_lines(rows).encode())
            stream.flush()
            os.fsync(stream.fileno())
        self.parts[key] = [dict(row) for row in rows]

    def sort(self, keys: Iterable[Key]) -> None:
        """Put the parts in the order of their keys: the same file whoever finished first."""
        ordered = {key: self.parts[key] for key in keys}
        if list(ordered) != list(self.parts):
            self.parts = ordered
            self._write()

    def rows(self) -> list[Row]:
        """Return all rows."""
        return [row for part in self.parts.values() for row in part]

    def _write(self) -> None:
        with atomic_write(self.csv) as stream:
            stream.write(_text(self.parts.values()).encode())


def _text(parts: Iterable[Sequence[Row]]) -> str:
    return ",".join(HEADER) + "\n" + "".join(map(_lines, parts))


def _lines(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for i, row in enumerate(rows, 1):
        writer.writerow([*(row[name] for name in COLUMNS), f"{i}/{len(rows)}"])
    return out.getvalue()


def _difference(there: Any, here: Any, name: str = "") -> tuple[str, str, str] | None:
    """Return the first setting that differs: its name and both values, shortened."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*here, *there]):
            if (found := _difference(there.get(key), here.get(key), f"{name}.{key}" if name else key)) is not None:
                return found
        return None
    if there == here:
        return None
    shown = [v if len(v := json.dumps(value)) < 60 else v[:57] + "..." for value in (there, here)]
    return name, shown[0], shown[1]


def written(directory: Path, name: str, content: bytes) -> Path:
    """Write a file of a directory of results at once, and return its path."""
    file = directory / name
    with atomic_write(file) as stream:
        stream.write(content)
    return file
