"""One self-contained interactive page: the regions of a network with one, two or three inputs, in any browser.

Exactness: the picture is *float*; what the page says of a chosen region is *exact*, computed there with integers
from the network, which it carries along.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..complex import RegionComplex
from ..errors import InputError, ModelError
from ..exact import RationalMatrix
from ..network import ReluNetwork
from ..polytope import Box, HPolytope
from ..readers.files import atomic_write, located, writable_file

__all__ = ["check_page", "save_page"]

# Networks with more weights are not carried along: their regions are described in floats.
MANY_WEIGHTS = 2**17

# in the order in which they need each other
SCRIPTS = (
    "exact.js", "data.js", "text.js", "shaders.js", "scene.js", "paint.js", "panel.js", "overlay.js", "page.js"
)  # fmt: skip


def check_page(path: str | os.PathLike[str], input_dim: int | None = None, bounded: bool = True) -> Path:
    """Return the path of a page, refused before any work if it cannot be made or written.

    Parameters
    ----------
    path : path-like
        With suffix ``.html``, in a directory that exists.
    input_dim : int, optional
        The number of inputs of the network.
    bounded : bool
        Whether the domain is bounded.

    Raises
    ------
    InputError
        Another suffix, no such directory, four or more inputs.
    DomainError
        Three inputs and an unbounded domain.
    """
    try:
        with located(path):
            file = writable_file(path, (".html",), "a page")
    except ModelError as error:
        raise InputError(str(error)) from None
    if input_dim is not None and input_dim > 3:
        raise InputError(
            f"the network has {input_dim} inputs and a page shows 1, 2 or 3; take a slice: --at X.. --free I J on the "
            "command line, net.restrict(origin, directions) with two or three directions in Python"
        )
    if input_dim == 3:
        from .shapes import need_bounded

        need_bounded(bounded)
    return file


def save_page(
    cx: RegionComplex,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    inputs: Sequence[str] | None = None,
    window: Sequence[float] | None = None,
) -> None:
    """Write one page that shows the regions, explores them, and needs no server and no network.

    Parameters
    ----------
    cx : RegionComplex
        Of a network with one, two or three inputs.
    path : path-like
        With suffix ``.html``.
    title : str, optional
        The heading; by default the shape of the network.
    inputs : sequence of str, optional
        Names of the inputs, ``x0`` or ``$x_{0}$`` alike; by default x0, x1, ..
    window : (xmin, xmax) or (xmin, xmax, ymin, ymax), optional
        What to draw of one or two inputs. Default: the domain; where it is unbounded, all its kinks (one input) or a
        box around its vertices without far outliers.

    Raises
    ------
    InputError
        Four or more inputs (take a slice), another suffix, a directory that cannot be written, a wrong number of
        names, or a window that is not increasing.
    DomainError
        Three inputs and an unbounded domain.

    Notes
    -----
    Exactness: the picture and the numbers shown under the pointer are *float*. A chosen region is described *exactly*:
    the page repeats the affine maps and, with one or two inputs, the volume in integers. It carries the network for
    that, unless it has more than 131 072 weights. The same regions give the same bytes.

    Examples
    --------
    >>> import tempfile
    >>> from polyrelu import Box, enumerate_regions
    >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([-1, -1], [1, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_page(cx, f"{folder}/regions.html")
    ...     Path(f"{folder}/regions.html").read_text()[:15]
    '<!doctype html>'
    """
    net = cx.network
    file = check_page(path, net.input_dim, net.input_dim < 3 or cx.domain.is_bounded())
    names = [f"x{k}" for k in range(net.input_dim)] if inputs is None else [_plain(name) for name in inputs]
    if len(names) != net.input_dim:
        raise InputError(f"{len(names)} names for {net.input_dim} inputs; give one per input")
    if window is not None and net.input_dim == 3:
        raise InputError("a window is for one or two inputs; with three the whole domain is drawn")
    text = _page(cx, _shape(net) if title is None else title, names, window)
    try:
        with atomic_write(file) as stream:
            stream.write(text.encode())
    except ModelError as error:
        raise InputError(f"{file}: {error}") from None


def _plain(name: str) -> str:
    """Return a name without the marks of mathematical text."""
    return name[1:-1].translate(dict.fromkeys(map(ord, "_{}"))) if name[:1] == "$" == name[-1:] else str(name)


def _shape(net: ReluNetwork) -> str:
    return "-".join(str(n) for n in (net.input_dim, *(layer.size for layer in net.layers)))


def _page(cx: RegionComplex, title: str, inputs: list[str], window: Sequence[float] | None) -> str:
    head, blob = _content(cx, title, inputs, window)
    folder = resources.files(__package__)
    parts = {
        "title": escape(title),
        "style": (folder / "page.css").read_text(encoding="utf-8"),
        "head": json.dumps(head, separators=(",", ":")).replace("<", "\\u003c"),
        "data": base64.b64encode(blob).decode(),
        "script": "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    page = (folder / "page.html").read_text(encoding="utf-8")
    pieces = page.split("@@")
    return "".join(parts[piece] if k % 2 else piece for k, piece in enumerate(pieces))


def _content(
    cx: RegionComplex, title: str, inputs: list[str], window: Sequence[float] | None
) -> tuple[dict[str, Any], bytes]:
    """Return what the page knows: a small object, and the arrays in one compressed piece."""
    from .. import __version__
    from .shapes import shapes

    net, shape = cx.network, shapes(cx, window)
    starts, levels, colors = _levels(cx)
    # half the digits of a float do for colors and six decimals; one power of two per output keeps them in range
    _, exponent = np.frexp(np.abs(shape.maps).max(axis=(0, 1), initial=0.0))
    arrays: dict[str, npt.NDArray[Any]] = {
        "corners": shape.corners,
        "points": cx.interior_points,
        "volumes": shape.volumes,
        "maps": np.ldexp(shape.maps, -exponent).astype(np.float32),
        "cycle": shape.cycle.astype(np.uint32),
        "pointer": shape.pointer.astype(np.uint32),
        "side": shape.side.astype(np.int32),
        "facetPolygon": shape.facet_polygon.astype(np.int32),
        "facetPtr": cx.facet_ptr.astype(np.uint32),
        "facetNeighbor": cx.facet_neighbor.astype(np.int32),
        "rowPtr": cx.row_ptr.astype(np.uint32),
        "facetRow": cx.facet_row.astype(np.uint32),
        # the first neuron in which a region differs from the one before: where the regions of the first layers start
        "starts": starts.astype(np.uint32),
        "mapColors": np.minimum(colors, 255).astype(np.uint8),
        # a pattern differs little from the one before it, so the differences are short when compressed
        "packed": np.vstack([cx.packed[:1], cx.packed[1:] ^ cx.packed[:-1]]),
        "network": np.frombuffer(_network_text(net).encode(), dtype=np.uint8),
    }
    directory, pieces, offset = {}, [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        directory[name] = [array.dtype.str[1:], offset, int(array.size)]
        pieces.append(raw + bytes(-len(raw) % 8))
        offset += len(pieces[-1])
    head = {
        "title": title,
        "version": __version__,
        "inputs": inputs,
        "outputs": net.output_dim,
        "shape": _shape(net),
        "widths": list(net.widths),
        "regions": len(cx),
        "adjacencies": len(cx.edges),
        "levels": levels,
        "complete": cx.complete,
        "exact": cx.exact,
        "method": cx.method,
        "domain": _domain(cx.domain, inputs),
        "walls": [[str(v) for v in row] for row in cx.domain.rows],
        "wallNames": [_with_names(name, inputs) for name in cx.domain.names],
        "thin": {str(i): [str(v) for v in p] for i, p in cx.exact_points.items()},
        "exponents": exponent.tolist(),
        "arrays": directory,
    }
    return head, zlib.compress(b"".join(pieces), 6)


def _domain(domain: HPolytope, inputs: list[str]) -> str:
    if isinstance(domain, Box):
        sides = zip(inputs, domain.lower, domain.upper, strict=True)
        return ", ".join(f"{name} in [{lo}, {hi}]" for name, lo, hi in sides)
    if not len(domain):
        return f"all of R^{domain.d}"
    if len(domain) > 6:
        return f"a domain with {len(domain)} walls"
    return ", ".join(_with_names(name, inputs) for name in domain.names)


def _with_names(wall: str, inputs: list[str]) -> str:
    """Name a box's wall ``x0 <= 1`` by its input."""
    variable, space, rest = wall.partition(" ")
    if variable[:1] == "x" and variable[1:].isdecimal() and int(variable[1:]) < len(inputs) and space:
        return f"{inputs[int(variable[1:])]} {rest}"
    return wall


def _levels(cx: RegionComplex) -> tuple[npt.NDArray[Any], list[int], npt.NDArray[Any]]:
    """Return where patterns first differ, the number of regions of the first layers, and colors of a map for each.

    Patterns are sorted, so the regions of the first layers are runs of regions with equal first bits.
    """
    from ..colors import map_numbers

    differ = cx.patterns[1:] != cx.patterns[:-1]
    starts = np.concatenate([[0], differ.argmax(axis=1) if len(differ) else np.zeros(0, dtype=np.int64)])
    ends = np.cumsum(cx.network.widths)
    runs = [np.cumsum(starts < end) - 1 for end in ends]
    colors = np.array([map_numbers(cx, run) for run in runs]).reshape(len(runs), len(cx))
    return starts, [1, *(int(run[-1]) + 1 for run in runs)], colors


def _network_text(net: ReluNetwork) -> str:
    """Return the layers as JSON with hexadecimal integers over one denominator per matrix; empty for large ones."""
    weights = sum(w.shape[0] * w.shape[1] for layer in net.layers for w in layer.blocks.values())
    if weights > MANY_WEIGHTS:
        return ""

    def matrix(values: RationalMatrix) -> dict[str, Any]:
        return {"den": f"{values.den:x}", "num": [" ".join(f"{v:x}" for v in row) for row in values.integers()]}

    layers = [
        {"blocks": {str(k): matrix(w) for k, w in layer.blocks.items()}, "bias": matrix(layer.bias)}
        for layer in net.layers
    ]
    return json.dumps({"layers": layers, "outputRelu": net.output_relu}, separators=(",", ":"))
