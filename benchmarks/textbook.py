"""The yardstick: breadth-first search over activation regions as a textbook would write it, in floats.

For every region, the rows of its H-polytope follow from its pattern; one linear program per row finds the
facets (relax the row by one, maximise it, and see whether it passes its bound by more than a tolerance);
crossing a facet flips one bit; until nothing is new. scipy.optimize.linprog with HiGHS solves the programs.

Nothing is slow on purpose: rows are computed for all neurons at once, the box is passed as bounds and not
as rows, a row that the box alone satisfies strictly is dropped without a program, and rows are scaled to
norm one. Nothing is repaired either: coincident kinks, neurons that vanish identically and
slivers thinner than the tolerance give wrong answers here, which is the point of comparing.

Run ``python benchmarks/textbook.py 2 16 16 1 --seconds 10``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

TOLERANCE = 1e-9

Floats = npt.NDArray[np.float64]
Pattern = bytes  # one byte, 0 or 1, per hidden neuron


@dataclass
class Search:
    """What a search found; ``complete`` is False if a limit stopped it.

    ``patterns`` maps every pattern to its facets' neurons, None while it is unexplored; ``edges`` holds
    pairs of patterns (smaller first).
    """

    patterns: dict[Pattern, list[int] | None] = field(default_factory=dict)
    edges: set[tuple[Pattern, Pattern]] = field(default_factory=set)
    programs: int = 0
    seconds: float = 0.0
    complete: bool = True

    @property
    def explored(self) -> int:
        """Number of regions whose facets are known: the rate is this per second."""
        return sum(facets is not None for facets in self.patterns.values())


def float_layers(net: Any) -> list[tuple[Floats, Floats]]:
    """Read the ReLU layers of a network without skip connections, rounded to floats."""
    layers = []
    for index, layer in enumerate(net.relu_layers):
        if set(layer.blocks) - {index}:
            raise ValueError(f"layer {index} has skip connections; the textbook search does not take them")
        size = net.input_dim if index == 0 else net.relu_layers[index - 1].size
        weight = layer.blocks[index].to_float()[0] if index in layer.blocks else np.zeros((layer.size, size))
        layers.append((weight, layer.bias.to_float()[0].ravel()))
    return layers


def pattern_at(layers: Sequence[tuple[Floats, Floats]], x: Floats) -> Pattern:
    """Return the pattern of a point."""
    bits = []
    for weight, bias in layers:
        z = weight @ x + bias
        bits.append(z > 0)
        x = np.maximum(z, 0)
    return np.concatenate(bits).astype(np.uint8).tobytes()


def region_rows(layers: Sequence[tuple[Floats, Floats]], pattern: Pattern, d: int) -> tuple[Floats, Floats]:
    """Return A, b with {x : A x <= b} the region of a pattern, one row per neuron, scaled to norm one."""
    bits = np.frombuffer(pattern, dtype=np.uint8).astype(np.float64)
    slope, offset = np.eye(d), np.zeros(d)
    slopes, offsets, start = [], [], 0
    for weight, bias in layers:
        slope, offset = weight @ slope, weight @ offset + bias
        slopes.append(slope)
        offsets.append(offset)
        on = bits[start : start + len(bias)]
        slope, offset = slope * on[:, None], offset * on
        start += len(bias)
    sign = 1 - 2 * bits  # an active neuron has z >= 0, that is -z <= 0
    A = np.concatenate(slopes) * sign[:, None]
    b = -np.concatenate(offsets) * sign
    norm = np.linalg.norm(A, axis=1)
    norm[norm == 0] = 1
    return A / norm[:, None], b / norm


def textbook_search(
    net: Any,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    *,
    start: npt.ArrayLike | None = None,
    limit: int | None = None,
    seconds: float | None = None,
) -> Search:
    """Search the activation regions of a network in a box, breadth first.

    Parameters
    ----------
    net : ReluNetwork
        Without skip connections.
    lo, hi : array_like of shape (d,)
        The box.
    start : array_like of shape (d,), optional
        Where to begin; a random point of the box if None.
    limit : int, optional
        Explore at most so many regions.
    seconds : float, optional
        Stop after so many seconds.

    Returns
    -------
    Search
    """
    layers = float_layers(net)
    lo, hi = np.asarray(lo, dtype=np.float64), np.asarray(hi, dtype=np.float64)
    bounds = np.column_stack([lo, hi])
    d = len(lo)
    x = np.random.default_rng(0).uniform(lo, hi) if start is None else np.asarray(start, dtype=np.float64)
    began = time.perf_counter()
    first = pattern_at(layers, x)
    found = Search({first: None})
    queue = deque([first])
    explored = 0
    while queue:
        found.seconds = time.perf_counter() - began
        if (limit is not None and explored >= limit) or (seconds is not None and found.seconds >= seconds):
            found.complete = False
            break
        pattern = queue.popleft()
        A, b = region_rows(layers, pattern, d)
        # the largest value of a row on the box: below the bound, the row cannot be a facet
        reach = np.maximum(A * lo, A * hi).sum(axis=1)
        candidates = np.flatnonzero(reach > b + TOLERANCE)
        A, b = A[candidates], b[candidates]
        facets = []
        for i, neuron in enumerate(candidates):
            b[i] += 1
            result = linprog(-A[i], A_ub=A, b_ub=b, bounds=bounds, method="highs")
            b[i] -= 1
            found.programs += 1
            if result.status == 0 and -result.fun > b[i] + TOLERANCE:
                facets.append(int(neuron))
        for neuron in facets:
            bits = bytearray(pattern)
            bits[neuron] ^= 1
            neighbour = bytes(bits)
            found.edges.add((min(pattern, neighbour), max(pattern, neighbour)))
            if neighbour not in found.patterns:
                found.patterns[neighbour] = None
                queue.append(neighbour)
        found.patterns[pattern] = facets
        explored += 1
    found.seconds = time.perf_counter() - began
    return found


def he_weights(sizes: Sequence[int], seed: int) -> tuple[list[Floats], list[Floats]]:
    """Return He-normal weights and biases N(0, 0.1^2), as ``tests/networks.py`` draws them."""
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for fan_in, size in zip(sizes[:-1], sizes[1:], strict=True):
        weights.append(rng.normal(0, np.sqrt(2 / fan_in), (size, fan_in)))
        biases.append(rng.normal(0, 0.1, size))
    return weights, biases


def main() -> None:
    from polyrelu.network import ReluNetwork

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="+", help="inputs, widths, outputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--radius", type=float, default=1.0, help="the box is [-radius, radius]^d")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    net = ReluNetwork(*he_weights(options.sizes, options.seed))
    corner = np.full(options.sizes[0], options.radius)
    found = textbook_search(net, -corner, corner, limit=options.limit, seconds=options.seconds)
    report = {
        "sizes": options.sizes,
        "regions": len(found.patterns),
        "explored": found.explored,
        "adjacencies": len(found.edges),
        "linear_programs": found.programs,
        "complete": found.complete,
        "seconds": round(found.seconds, 3),
        "regions_per_second": round(found.explored / found.seconds, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
