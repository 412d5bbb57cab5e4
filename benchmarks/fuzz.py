"""Random small networks against the exhaustive exact search of tests/oracle.py: regions, facets and adjacency.

Every network is also enumerated by subdivision and by breadth-first search, which must agree on every array, and
counted, layer by layer (in a box, where its domain is unbounded). Every other subdivision is cut into many small tasks.
Integer weights from -2 to 2 make coincident kinks, neurons that vanish, kinks through vertices and on walls
frequent. ``--floats`` draws floats instead that differ in their last bits, and in half of the networks
some from 1e-200 to 1e200, so that float bounds are tried at their edge. Nothing is approximate: one mismatch
is one bug, and the exit code is 1.

Run ``python benchmarks/fuzz.py --networks 500 --seed 0``, or an hour of it, ``python benchmarks/fuzz.py --minutes 60``.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from test_regions import arrays, assert_agrees, domain_of  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu.enumeration import subdivision  # noqa: E402
from polyrelu.network import ReluNetwork  # noqa: E402

Domain = Any  # None, a box (lo, hi) or a list of walls (a, b), as in tests/oracle.py


def numbers(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sequence[int]) -> list[Any]:
    """Draw an array of small integers; with ``sizes`` some are moved by a few bits or scaled by 10 to one of these."""
    draw = rng.integers(-2, 3, shape)
    if not len(sizes):
        return draw.tolist()
    kind = rng.integers(5, size=shape)
    moved = draw + rng.choice([2.0**-30, 2.0**-48, 2.0**-52], size=shape) * rng.integers(-2, 3, shape)
    scaled = draw * 10.0 ** rng.choice(sizes, size=shape)
    values = np.select([kind == 0, kind == 1, kind == 2], [scaled, moved, rng.normal(size=shape)], draw)
    return values.tolist()


def random_network(rng: np.random.Generator, d: int, neurons: int, floats: bool) -> ReluNetwork:
    """Draw up to ``neurons`` hidden neurons in one to three layers, with copies, skips and ReLU outputs at times."""
    total = int(rng.integers(max(1, neurons // 2), neurons + 1))
    depth = int(rng.integers(1, min(3, total) + 1))
    cuts = sorted(rng.choice(np.arange(1, total), depth - 1, replace=False).tolist())
    widths = [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
    output_relu = depth > 1 and rng.random() < 0.3
    sizes = [d, *widths] if output_relu else [d, *widths, 1]
    skips = rng.random() < 0.3
    powers = [[0], [-3, 3], [-12, 12], [-200, -100, -30, 30, 100, 200]][int(rng.integers(4))] if floats else []
    weights, biases = [], []
    for layer, size in enumerate(sizes[1:]):
        columns = sum(sizes[: layer + 1]) if skips else sizes[layer]
        rows, bias = numbers(rng, (size, columns), powers), numbers(rng, (size,), powers)
        if size > 1 and rng.random() < 0.3:
            source, target = rng.choice(size, 2, replace=False).tolist()
            factor = int(rng.choice([1, -1, 2]))
            rows[target], bias[target] = [factor * v for v in rows[source]], factor * bias[source]
        weights.append(rows)
        biases.append(bias)
    return ReluNetwork(weights, biases, output_relu=output_relu)


def random_domain(rng: np.random.Generator, d: int) -> Domain:
    """Draw a box with integer corners (often), all of R^d, or a polytope around 0 with rows more than needed."""
    kind = rng.random()
    if kind < 0.15:
        return None
    if kind < 0.7:
        return tuple((-rng.integers(0, 3, d)).tolist()), tuple(rng.integers(1, 4, d).tolist())
    rows = [(a, int(rng.integers(1, 4))) for a in rng.integers(-2, 3, (int(rng.integers(1, 2 * d + 3)), d)).tolist()]
    return [*rows, rows[0], ([2 * v for v in rows[-1][0]], 2 * rows[-1][1] + 1)]


def assert_engines_agree(net: ReluNetwork, domain: Domain, small_tasks: bool, workers: int) -> None:
    """Compare subdivision with breadth-first search on everything that they return, and the counts of the layers."""
    where = domain_of(domain, net.input_dim)
    if where is None or not where.is_bounded():
        where = pr.Box([-3] * net.input_dim, [3] * net.input_dim)
    bfs = pr.enumerate_regions(net, where, "bfs", progress=False)
    usual = subdivision.FIRST_BUDGET, subdivision.THREAD_SECONDS
    if small_tasks:
        subdivision.FIRST_BUDGET, subdivision.THREAD_SECONDS = 40, 0.0
    try:
        cut = pr.enumerate_regions(net, where, "subdivision", workers=workers, progress=False)
        number = pr.count_regions(net, where, "subdivision", workers=workers, progress=False)
    finally:
        subdivision.FIRST_BUDGET, subdivision.THREAD_SECONDS = usual
    assert bfs.complete and cut.complete and number.complete
    # not the points inside: one routine makes them from the patterns for both, and the oracle has checked it
    mine, theirs = arrays(cut, interior=False), arrays(bfs, interior=False)
    assert mine == theirs, [name for name in mine if mine[name] != theirs[name]]
    ends = np.cumsum([layer.size for layer in net.relu_layers]).tolist()
    # a cell after some layers is what regions with equal bits up to there have in common
    by_layer = tuple(len({row[:end].tobytes() for row in bfs.patterns}) for end in ends)
    assert number == len(bfs) and number.by_layer == by_layer, (number, number.by_layer, by_layer)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, help="how many to try (default 500)")
    parser.add_argument("--minutes", type=float, help="try networks for so long instead")
    parser.add_argument("--neurons", type=int, help="at most so many hidden neurons (default 12; 8 for four inputs)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inputs", type=int, choices=(1, 2, 3, 4), help="input dimension (default: 1 to 4 in turn)")
    parser.add_argument("--floats", action="store_true", help="floats of very different sizes, not small integers")
    options = parser.parse_args(arguments)
    wanted = options.networks or (500 if options.minutes is None else sys.maxsize)
    tried = regions = mismatches = settled = 0
    began = shown = time.perf_counter()
    while tried < wanted and (options.minutes is None or time.perf_counter() - began < 60 * options.minutes):
        k = tried
        tried += 1
        rng = np.random.default_rng((options.seed, k))
        d = options.inputs or k % 4 + 1
        net = random_network(rng, d, options.neurons or (12 if d < 4 else 8), options.floats)
        domain = random_domain(rng, d)
        try:
            cx = assert_agrees(net, domain)
            assert_engines_agree(net, domain, small_tasks=k % 8 < 4, workers=1 + k % 16 // 8)
        except Exception:
            mismatches += 1
            print(f"network {k} of seed {options.seed}, domain {domain}:")
            for layer in net.layers:
                blocks = {b: w.fractions().tolist() for b, w in layer.blocks.items()}
                print(f"  {readable(blocks)}, bias {readable(layer.bias.fractions().tolist())}")
            traceback.print_exc()
            continue
        regions += len(cx)
        settled += cx.settled_exactly
        now = time.perf_counter()
        if sys.stderr.isatty():
            print(f"\r{tried} networks, {mismatches} mismatches", end="", file=sys.stderr)
        elif now - shown > 60:
            shown = now
            print(f"{tried} networks, {mismatches} mismatches, {now - began:.0f} s", flush=True)
    seconds = time.perf_counter() - began
    print(
        f"{tried} networks tried, {regions} regions ({settled} decisions by integers), {mismatches} mismatches, "
        f"{seconds:.0f} s"
    )
    return 1 if mismatches else 0


def readable(value: Any) -> Any:
    """Turn nested Fractions into short text."""
    if isinstance(value, dict):
        return {k: readable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [readable(v) for v in value]
    return str(value) if isinstance(value, Fraction) else value


if __name__ == "__main__":
    sys.exit(main())
