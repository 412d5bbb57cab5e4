"""Where HiGHS overtakes the dense walk: time of one region's facets against the dimension.

python benchmarks/lp_dimension.py prints milliseconds per region for both proposers over [0, 1]^d; the constant
polyrelu.lp.SMALL_DIMENSION is read off this table.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from networks import he_network  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu import lp  # noqa: E402


def main() -> None:
    print(f"{'network':>12} {'regions':>8} {'walk ms':>9} {'HiGHS ms':>9}")
    for d in (4, 8, 12, 16, 24, 32, 48, 64):
        net = he_network((d, 32, 32, 1))
        box = pr.Box([0] * d, [1] * d)
        times = []
        counts = set()
        for small in (1000, 0):
            lp.SMALL_DIMENSION = small
            pr.enumerate_regions(net, box, limit=1)
            began = time.perf_counter()
            cx = pr.enumerate_regions(net, box, limit=8)
            times.append(1000 * (time.perf_counter() - began) / len(cx))
            counts.add(tuple(np.diff(cx.facet_ptr).tolist()))
        assert len(counts) == 1, "both must find the same facets"
        print(f"{f'{d}-32-32-1':>12} {len(cx):>8} {times[0]:>9.2f} {times[1]:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
