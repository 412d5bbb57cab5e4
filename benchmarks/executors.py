"""One count on one thread, on threads, in a process pool and on a Dask cluster of worker processes on this machine.

python benchmarks/executors.py [--workers 2] prints seconds and what each gains over one thread; the counts must agree.
Without ../shared/data a random network takes the place of the ACAS Xu slice of three inputs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from cases import ACASXU, acasxu_slice, cube, he_case, he_network  # noqa: E402
from speed import Table, processor  # noqa: E402

import polyrelu as pr  # noqa: E402


@contextmanager
def dask(workers: int) -> Iterator[Executor]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    net, box = acasxu_slice("1_1", [0, 1, 2]) if ACASXU.is_dir() else he_case("4-32-32-1").make()
    small = he_network((2, 8, 1)), cube(2)
    print(processor())
    table = Table("where", "regions", "seconds", "gain", first=28)
    first = 0.0
    counts = set()

    def measure(name: str, workers: int, executor: Executor | None = None, checkpoint: str | None = None) -> None:
        nonlocal first
        # workers load their kernels first
        pr.count_regions(*small, "subdivision", workers=workers, executor=executor, progress=False)
        began = time.perf_counter()
        count = pr.count_regions(
            net, box, "subdivision", workers=workers, executor=executor, checkpoint=checkpoint, progress=False
        )
        seconds = time.perf_counter() - began
        first = first or seconds
        counts.add(count)
        table.row(name, int(count), seconds, first / seconds)

    n = options.workers
    measure("1 thread", 1)
    measure(f"{n} threads", n)
    with tempfile.TemporaryDirectory() as directory:
        measure(f"{n} threads, checkpoint", n, None, directory)
    with ProcessPoolExecutor(n) as pool:
        measure(f"process pool of {n}", n, pool)
    if importlib.util.find_spec("distributed") is not None:
        with dask(n) as executor:
            measure(f"Dask, {n} worker processes", n, executor)
    else:
        print("distributed is not installed: no Dask cluster")
    return 0 if len(counts) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
