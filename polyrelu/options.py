"""What the options of a command mean: the model, its slice, the domain."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .exact import fraction, text
from .network import ReluNetwork

if TYPE_CHECKING:
    from .slices import Slice

# Before the name of a network that ships with the package.
SHIPPED = "example:"
# What makes a slice: at most one of them.
SLICES = ("free", "through", "random", "components")


def load_model(options: argparse.Namespace) -> ReluNetwork:
    """Read the model file of a command."""
    from .readers import load

    settings: dict[str, Any] = {"normalize": True} if options.normalize else {}
    if options.architecture:
        settings["architecture"] = options.architecture
    if options.model.startswith(SHIPPED):
        from .examples import example_path

        return load(example_path(options.model.removeprefix(SHIPPED)), **settings)
    return load(options.model, **settings)


def read_slice(options: argparse.Namespace) -> tuple[ReluNetwork, Slice | None, dict[str, Any]]:
    """Return the network, restricted to the slice if there is one, the slice, and the slice as JSON."""
    from . import slices
    from .readers.files import located

    net = load_model(options)
    found = {name: value for name in SLICES if (value := getattr(options, name)) is not None}
    if len(found) > 1:
        first, second = list(found)[:2]
        raise InputError(f"--{first} excludes --{second}; give one slice")
    centered = options.at is not None and "random" in found
    if options.at is not None and not centered and options.free is None:
        raise InputError("a slice needs both --at (a point) and --free (the inputs that vary)")
    if options.free is not None and options.at is None:
        raise InputError("a slice needs both --at (a point) and --free (the inputs that vary)")
    base = None if options.at is None else read_point(options.at, net.input_dim, "--at")
    if not found:
        return net, None, {}
    described: dict[str, Any] = dict(found)
    (name,) = found
    if name == "free":
        assert base is not None
        free = [whole_number(v, "--free") for v in options.free]
        for i in free:
            if not 0 <= i < net.input_dim:
                raise InputError(f"--free names input {i}; this model has inputs 0 to {net.input_dim - 1}")
        if len(set(free)) != len(free):
            raise InputError("--free names an input twice; name each once")
        piece = slices.coordinates(free, base)
        described = {"at": [text(v) for v in base], "free": free}
    elif name == "through":
        rows = _read_rows(options.through, net.input_dim, "--through")
        if len(rows) not in (2, 3):
            raise InputError(f"{options.through} has {len(rows)} rows; --through takes two points or three")
        with located(options.through):
            piece = slices.through_points(*rows) if len(rows) == 3 else slices.line_through(*rows)
    elif name == "random":
        seed = whole_number(options.random, "--random")
        if seed < 0:
            raise InputError(f"--random is {seed}; give a seed from 0 up")
        piece = slices.random_plane(net.input_dim, seed, base, k=min(2, net.input_dim))
        described = {"random": seed, **({} if base is None else {"at": [text(v) for v in base]})}
    else:
        rows = _read_rows(options.components, net.input_dim, "--components")
        with located(options.components):
            piece = slices.principal_plane(rows, k=min(2, net.input_dim))
    return piece.restrict(net), piece, described


def read_problem(options: argparse.Namespace) -> tuple[ReluNetwork, Any, dict[str, Any], Slice | None]:
    """Return the network (restricted to the slice), the domain, the domain as JSON, and the slice."""
    from .polytope import Box
    from .slices import box_around

    net, piece, described = read_slice(options)
    d = net.input_dim
    if (options.around is None) != (options.radius is None):
        raise InputError("a neighborhood needs both --around (a point) and --radius")
    if options.around is not None:
        for name in ("box", "lower", "upper", *SLICES):
            if getattr(options, name) is not None:
                raise InputError(f"--around excludes --{name}; give one or the other")
        center = read_point(options.around, d, "--around")
        radius = fraction(options.radius, "--radius")
        box = box_around(center, radius)
        return net, box, {"around": [text(v) for v in center], "radius": text(radius), **_bounds(box)}, None
    if options.box is not None:
        if options.lower is not None or options.upper is not None:
            raise InputError("--box excludes --lower and --upper; give one or the other")
        lower, upper = [options.box[0]] * d, [options.box[1]] * d
    elif options.lower is not None or options.upper is not None:
        if options.lower is None or options.upper is None:
            raise InputError("--lower and --upper go together; give both, or --box LO HI")
        lower, upper = options.lower, options.upper
        for name, values in (("--lower", lower), ("--upper", upper)):
            if len(values) != d:
                raise InputError(f"{name} has {len(values)} numbers; there are {d} free inputs")
    elif piece is not None and piece.domain is not None:
        return net, piece.domain, described | _bounds(piece.domain), piece
    else:
        return net, None, described | {"lower": None, "upper": None}, piece
    box = Box([fraction(v, "a lower bound") for v in lower], [fraction(v, "an upper bound") for v in upper])
    return net, box, described | _bounds(box), piece


def _bounds(box: Any) -> dict[str, Any]:
    return {"lower": [text(v) for v in box.lower], "upper": [text(v) for v in box.upper]}


def _read_array(path: str) -> Any:
    import numpy as np

    from .readers.files import existing_file, located

    with located(path):
        file = existing_file(path)
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path}: this is no .npy array of numbers; write it with numpy.save") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: the array has dtype {array.dtype}; save one of floats or integers")
    return array


def _read_rows(path: str, d: int, option: str) -> Any:
    """Read points from a .npy file, one per row; further axes are flattened."""
    array = _read_array(path)
    if array.ndim < 2 or array[0].size != d:
        raise InputError(f"{path} has shape {array.shape}; {option} takes rows of {d} numbers, one per input")
    return array.reshape(len(array), d)


def read_point(words: Sequence[str], d: int, option: str) -> list[Any]:
    """Read the coordinates of a point, or the .npy file that holds them."""
    if len(words) == 1 and words[0].endswith(".npy"):
        values = [fraction(v, f"{words[0]}[{i}]") for i, v in enumerate(_read_array(words[0]).ravel())]
    else:
        values = [fraction(v, option) for v in words]
    if len(values) != d:
        raise InputError(f"{option} has {len(values)} numbers; this model has {d} inputs")
    return values


def whole_number(word: str, what: str) -> int:
    """Read a whole number of the command line."""
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise InputError(f"{what} is {word[:40]!r}; give a whole number")
    return int(word)


def complain(message: str) -> None:
    """Say something on stderr, in one line."""
    with contextlib.suppress(OSError, AttributeError):  # stderr may be closed
        print(f"polyrelu: {message}", file=sys.stderr)
