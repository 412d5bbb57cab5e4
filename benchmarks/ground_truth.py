"""Known counts that take too long for the test suite: python benchmarks/ground_truth.py.

Classical arrangements and deep constructions with a closed form or an independent exact count, over R^d
or a box; among them the 11 292 chambers of the resonance arrangement in R^5 (all 31 nonzero 0/1 normals).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from networks import KNOWN_LARGE  # noqa: E402

import polyrelu as pr  # noqa: E402


def main() -> int:
    wrong = 0
    for name, make, domain, expected in KNOWN_LARGE:
        began = time.perf_counter()
        cx = pr.enumerate_regions(make(), None if domain is None else pr.Box(*domain))
        seconds = time.perf_counter() - began
        wrong += len(cx) != expected
        verdict = "as expected" if len(cx) == expected else f"EXPECTED {expected}"
        print(f"{name:>42} {len(cx):>7} {verdict}, {seconds:.1f} s", flush=True)
    print(f"{len(KNOWN_LARGE)} counts, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
