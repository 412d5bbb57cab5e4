"""Breadth-first search against the textbook search, side by side: python benchmarks/speed.py [--full].

Both enumerate He networks (weights N(0, 2 / fan-in), biases N(0, 0.1^2), seed 0) over [-1, 1]^d. The textbook
search asks scipy.optimize.linprog for every row of every region. Without --full it stops after --seconds
per network; its patterns must then be among ours, and with --full the two sets and their adjacencies must be equal.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

from networks import he_network  # noqa: E402
from textbook import textbook_search  # noqa: E402

import polyrelu as pr  # noqa: E402

NETWORKS = [(2, 32, 32, 1), (3, 16, 16, 1), (4, 12, 12, 1), (5, 10, 10, 1)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="time for the textbook search, per network")
    parser.add_argument("--full", action="store_true", help="let the textbook search finish (half an hour or more)")
    options = parser.parse_args()
    pr.enumerate_regions(he_network((2, 2, 1)), pr.Box([-1, -1], [1, 1]))  # compile and load the kernels
    print(f"{'network':>12} {'regions':>8} {'ours/s':>8} {'textbook/s':>11} {'ratio':>7}  agreement")
    agree = True
    for sizes in NETWORKS:
        net, d = he_network(sizes), sizes[0]
        began = time.perf_counter()
        cx = pr.enumerate_regions(net, pr.Box([-1] * d, [1] * d), "bfs", progress=False)
        ours = len(cx) / (time.perf_counter() - began)
        limit = None if options.full else options.seconds
        other = textbook_search(net, [-1.0] * d, [1.0] * d, seconds=limit)
        rate = other.explored / other.seconds
        mine = {tuple(p) for p in cx.patterns.tolist()}
        theirs = {tuple(int(v) for v in p) for p in other.patterns}
        if other.complete:
            edges = {frozenset((tuple(cx.patterns[i].tolist()), tuple(cx.patterns[j].tolist()))) for i, j in cx.edges}
            same = mine == theirs and edges == {frozenset(tuple(int(v) for v in p) for p in e) for e in other.edges}
            text = f"{len(theirs)} regions and {len(edges)} adjacencies, equal: {same}"
        else:
            same = theirs <= mine
            text = f"its {len(theirs)} regions are among ours: {same}"
        agree = agree and same
        name = "-".join(map(str, sizes))
        print(f"{name:>12} {len(cx):>8} {ours:>8.0f} {rate:>11.1f} {ours / rate:>7.0f}  {text}", flush=True)
    print(f"numpy {np.__version__}; textbook: scipy.optimize.linprog (HiGHS)")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
