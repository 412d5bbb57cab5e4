"""What every reader needs around a file: checks before reading, located errors, atomic writing."""

from __future__ import annotations

import contextlib
import importlib
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ..errors import InputError, MissingDependency, ModelError


@contextlib.contextmanager
def located(where: object) -> Iterator[None]:
    """Put the place, a file or a node, in front of every error about the model.

    Examples
    --------
    >>> with located("net.json"):
    ...     raise ModelError("W0 is missing")
    Traceback (most recent call last):
    polyrelu.errors.ModelError: net.json: W0 is missing
    """
    try:
        yield
    except InputError as error:
        kind = type(error) if isinstance(error, ModelError) else ModelError
        # names in a file may hold line ends; a message is one line
        raise kind(" ".join(f"{where}: {error}".splitlines())) from None


def as_path(path: object) -> Path:
    """Return a path, or refuse what is none."""
    if not isinstance(path, str | os.PathLike):
        raise ModelError(f"this is of type {type(path).__name__}; give a path")
    return Path(path)


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a regular file that exists and is not empty."""
    file = as_path(path)
    try:
        status = file.stat()
    except FileNotFoundError:
        raise ModelError("there is no such file; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise ModelError(f"cannot be read: {reason(error)}; check the path and its permissions") from None
    if stat.S_ISDIR(status.st_mode):
        raise ModelError("this is a directory; give a file")
    if not stat.S_ISREG(status.st_mode):
        raise ModelError("this is no regular file; copy its content to one")
    if not status.st_size:
        raise ModelError("the file is empty; write it again")
    if not os.access(file, os.R_OK):
        raise ModelError("cannot be read: permission denied; check its permissions")
    return file


def reason(error: BaseException) -> str:
    """Return why a file could not be used, in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or one_line(error)


def writable_file(path: str | os.PathLike[str], suffixes: tuple[str, ...], what: str) -> Path:
    """Return the path of a file that can be written, tried out by making and removing a temporary one beside it."""
    file = as_path(path)
    if file.suffix.lower() not in suffixes:
        raise ModelError(f"{what} is saved as {', '.join(suffixes)}; choose one of these suffixes")
    try:
        if file.is_dir():
            raise ModelError("this is a directory; give a file name")
        if not file.absolute().parent.is_dir():
            raise ModelError("its directory does not exist; make it first, or give an existing directory")
        with atomic_write(file, keep=False):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"cannot be written: {reason(error)}; choose another name") from None
    return file


def one_line(error: BaseException) -> str:
    """Return the first line of a foreign exception's message, or its type if it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(f"this is not a text file (byte {error.start} is not UTF-8); check the suffix") from None
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}; check its permissions") from None


def require(package: str, extra: str) -> Any:
    """Import an optional package, or say how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingDependency(
            f"{package} cannot be imported ({one_line(error)}); install it: pip install 'polyrelu[{extra}]'"
        ) from error


@contextlib.contextmanager
def atomic_write(path: Path, keep: bool = True) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces ``path`` when the block ends well, and else vanishes.

    Without ``keep`` it always vanishes: a trial.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
        if keep:
            os.replace(temporary, target)
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}; check the directory and its permissions") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
