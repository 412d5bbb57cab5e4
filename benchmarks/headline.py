"""Count a slice of an ACAS Xu network exactly, with a checkpoint: for runs of hours that may be killed and begun again.

python benchmarks/headline.py --at 0 0 0 0 1/2 --free 0 1 2 3 --half 2 --checkpoint DIR prints a line every half
minute and, at the end, one JSON object: the count, the counts after each layer, seconds and memory over all runs.
Seconds are wall-clock time, also of work that a kill has lost; they are kept in run.json beside the state of the
search.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent)]

from cases import ACASXU, acasxu_slice, peak_megabytes  # noqa: E402
from speed import processor  # noqa: E402

import polyrelu as pr  # noqa: E402


class Record:
    """What earlier runs took: seconds, and the peak of memory, in ``run.json``."""

    def __init__(self, directory: Path):
        self.file = directory / "run.json"
        self.earlier: dict[str, Any] = {"runs": 0, "seconds": 0.0, "peak_mb": 0.0}
        with contextlib.suppress(FileNotFoundError):
            self.earlier = json.loads(self.file.read_text())
        self.began = time.perf_counter()

    @property
    def now(self) -> dict[str, Any]:
        """The same with this run."""
        return {
            "runs": self.earlier["runs"] + 1,
            "seconds": self.earlier["seconds"] + time.perf_counter() - self.began,
            "peak_mb": max(self.earlier["peak_mb"], peak_megabytes()),
        }

    def save(self) -> None:
        """Write it, whole or not at all."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(self.now))
        os.replace(draft, self.file)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="1_1", help="1_1, 1_7 or 2_3 (default 1_1)")
    parser.add_argument("--free", type=int, nargs="+", default=[0, 1, 2, 3], help="free inputs (default 0 1 2 3)")
    parser.add_argument("--at", type=Fraction, nargs=5, default=[Fraction(0)] * 5, help="the other inputs (default 0)")
    parser.add_argument("--half", type=Fraction, default=Fraction(1, 2), help="they range over [-HALF, HALF]")
    parser.add_argument("--checkpoint", type=Path, required=True, help="directory; run again with it to go on")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="threads (default: all processors)")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two lines of progress")
    options = parser.parse_args(arguments)
    if not ACASXU.is_dir():
        parser.error(f"{ACASXU} does not exist; the networks are not part of this repository")
    net, box = acasxu_slice(options.model, options.free, options.half, options.at)
    options.checkpoint.mkdir(parents=True, exist_ok=True)
    record = Record(options.checkpoint)
    last = {"line": 0.0, "save": 0.0, "regions": None}

    def progress(status: Any) -> None:
        now = status.seconds
        if last["regions"] is None:
            last["regions"] = status.regions
        if now - last["save"] >= 5:
            last["save"] = now
            record.save()
        if now - last["line"] >= options.every:
            last["line"] = now
            rate = (status.regions - last["regions"]) / now
            print(
                f"{record.now['seconds']:>9.0f} s  {status.regions:>15,} regions  {rate:>10,.0f}/s  "
                f"{status.fraction or 0.0:8.3%} of the volume",
                flush=True,
            )

    count = pr.count_regions(
        net, box, "subdivision", workers=options.workers, checkpoint=options.checkpoint / "state", progress=progress
    )
    record.save()
    total = record.now
    report = {
        "network": f"ACAS Xu {options.model}",
        "free": options.free,
        "at": [str(value) for value in options.at],
        "half": str(options.half),
        "activation_regions": int(count),
        "by_layer": count.by_layer,
        "complete": count.complete,
        "exact": count.exact,
        "seconds": round(total["seconds"], 1),
        "regions_per_second": round(int(count) / total["seconds"]),
        "runs": total["runs"],
        "workers": options.workers,
        "signs": count.signs,
        "exact_signs": count.exact_signs,
        "peak_mb": round(total["peak_mb"]),
        "processor": processor(),
        "python": platform.python_version(),
    }
    print(json.dumps(report))
    return 0 if count.complete else 1


if __name__ == "__main__":
    sys.exit(main())
