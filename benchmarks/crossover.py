"""Where breadth-first search overtakes subdivision: microseconds per region of both against the number of inputs.

python benchmarks/crossover.py prints, for networks of one and of two hidden layers over [-1, 1]^d, the processor time
per region of bfs, of a subdivision that lists the same (regions, facets, adjacencies) and of one that counts; the
constant polyrelu.enumeration.AUTO_DIMENSION is read off this table. Long searches are stopped; where no number of
regions is given both were.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from cases import cube, he_case, he_network  # noqa: E402
from speed import Table  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu.enumeration.subdivision import Search  # noqa: E402

FAMILIES = ("{d}-16-1", "{d}-32-1", "{d}-8-8-1", "{d}-16-16-1")


def bfs(net: pr.ReluNetwork, box: pr.Box, seconds: float) -> tuple[float, int, bool]:
    """Return processor seconds per region, and how many were explored."""
    limit = 50
    while True:
        began = time.process_time()
        cx = pr.enumerate_regions(net, box, "bfs", limit=limit, progress=False)
        used = time.process_time() - began
        if cx.complete or used > seconds / 3:
            return used / len(cx), len(cx), cx.complete
        limit = int(limit * min(10.0, max(2.0, 0.9 * seconds / used)))


def subdivision(net: pr.ReluNetwork, box: pr.Box, seconds: float, listing: bool) -> tuple[float, int, bool]:
    """Return the same; a search that is stopped has paid for large cells that it had no use of."""
    search = Search(net, box, listing=listing, workers=1, progress=False)

    def stop() -> None:
        search.interrupted = True  # as Ctrl-C does

    timer = threading.Timer(2 * seconds, stop)
    timer.daemon = True
    timer.start()
    began = time.process_time()
    totals = search.run()
    timer.cancel()
    if listing and totals.complete:
        search.found()
    return (time.process_time() - began) / max(1, search.regions), search.regions, totals.complete


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each search")
    parser.add_argument("--family", nargs="+", default=FAMILIES, help="such as {d}-16-1, which is the first default")
    parser.add_argument("--least", type=int, default=1, help="inputs (default 1)")
    parser.add_argument("--most", type=int, default=9, help="inputs (default 9)")
    options = parser.parse_args()
    bfs(he_network((2, 2, 1)), cube(2), 1.0)
    subdivision(he_network((2, 2, 1)), cube(2), 1.0, True)
    table = Table("network", "regions", "bfs us", "list us", "count us", "bfs / list", "bfs / count")
    for family in options.family:
        for d in range(options.least, options.most + 1):
            case = he_case(family.format(d=d))
            net, box = case.make()
            number = None
            row = []
            for one, regions, complete in (
                bfs(net, box, options.seconds),
                subdivision(net, box, options.seconds, True),
                subdivision(net, box, options.seconds, False),
            ):
                row.append(1e6 * one)
                number = regions if complete else number
            table.row(case.name, number, *row, row[0] / row[1], row[0] / row[2])


if __name__ == "__main__":
    main()
