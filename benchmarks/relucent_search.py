"""The neighbour: relucent from the package index, called as its documentation says, with a time limit.

relucent searches all of R^d and keeps the cells that meet a cube around 0; any other box is brought to that form by an
affine change of the inputs. Its solver's free licence takes 2000 rows; it refuses networks that are not generic.
Both end here with the reason in a few words.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
import warnings
from dataclasses import dataclass, field
from fractions import Fraction
from textwrap import shorten
from typing import Any

import numpy as np

INSTALLED = importlib.util.find_spec("relucent") is not None and importlib.util.find_spec("gurobipy") is not None
REASONS = (
    ("size-limited license", "licence"),
    ("NonGenericArrangementError", "not generic"),
    ("AmbiguousGeometryError", "undecided"),
    ("on a hyperplane", "start on a kink"),
)


@dataclass
class Outcome:
    """What a search found; ``edges`` only if it ended, ``refused`` and ``message`` say why it did not run."""

    patterns: set[bytes] = field(default_factory=set)
    edges: set[frozenset[bytes]] | None = None
    seconds: float = 0.0
    refused: str = ""
    message: str = ""

    @property
    def complete(self) -> bool:
        """Tell whether the search ended."""
        return self.edges is not None


def version() -> str:
    return importlib.metadata.version("relucent")


def _pattern(cell: Any) -> bytes:
    return (np.asarray(cell.ss_np).ravel() > 0).astype(np.uint8).tobytes()


def _in_a_cube(net: Any, box: Any) -> tuple[Any, float]:
    """Return the network in coordinates in which the box is [-r, r]^d, and r."""
    lower, upper = box.bounding_box()
    if all(-a == b == upper[0] for a, b in zip(lower, upper, strict=True)):
        return net, float(upper[0])
    center = [(a + b) / 2 for a, b in zip(lower, upper, strict=True)]
    half = [(b - a) / 2 for a, b in zip(lower, upper, strict=True)]
    axes = [[h if i == k else Fraction(0) for i in range(len(half))] for k, h in enumerate(half)]
    return net.restrict(center, axes), 1.0


def relucent_search(net: Any, box: Any, seconds: float | None = None, workers: int | None = None) -> Outcome:
    """Search a network in a box for about so many seconds (None: to the end), by the tool's own choice of processes.

    Its own certification afterwards is left out. A limit on its time does not exist; one on cells does, and is
    set from the rate of a shorter search.
    """
    import relucent

    relucent.config.VERBOSE = 0
    net, radius = _in_a_cube(net, box)
    layers = []
    for index, layer in enumerate(net.layers):
        size = net.input_dim if index == 0 else net.layers[index - 1].size
        weight = layer.blocks[index].to_float()[0] if index in layer.blocks else np.zeros((layer.size, size))
        layers.append((weight, layer.bias.to_float()[0].ravel()))
    start = np.random.default_rng(0).uniform(-radius, radius, net.input_dim)
    cells = 8.0
    while True:
        if seconds is None:
            cells = np.inf
        began = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cx = relucent.Complex(layers)
                result = cx.bfs(
                    start, max_polys=cells, nworkers=workers, cube_radius=radius, cube_mode="intersect", verify=False,
                    verbose=0,
                )  # fmt: skip
                elapsed = time.perf_counter() - began
                edges = None
                if result.complete:
                    edges = {frozenset(map(_pattern, edge)) for edge in cx.dual_graph().edges}
        except Exception as error:
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            reason = next((short for key, short in REASONS if key in text), type(error).__name__)
            return Outcome(refused=reason, message=shorten(text, 100), seconds=time.perf_counter() - began)
        if result.complete or (seconds is not None and elapsed > seconds / 2):
            return Outcome({_pattern(cell) for cell in cx}, edges, elapsed)
        if len(cx) < cells:
            return Outcome(refused="gave up", message=f"its search ended with {len(cx)} cells, incomplete")
        assert seconds is not None
        cells = min(8 * cells, max(2 * cells, 0.9 * cells * seconds / elapsed)) // 1
