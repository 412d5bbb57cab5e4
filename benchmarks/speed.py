"""Every engine on every network, side by side in one run: python benchmarks/speed.py [--quick] [--only NAME ..].

Four tables, in Markdown:

speed
    He networks (weights N(0, 2 / fan-in), biases N(0, 0.1^2), seed 0) over [-1, 1]^d and slices of ACAS Xu. Regions per
    second of the breadth-first search (bfs); of the subdivision that counts with 1 and 2 threads, and that lists all
    regions, facets and adjacencies (1 thread); of the textbook search with scipy.optimize.linprog; and of relucent, if
    that is installed (with as many processes as it likes, without its certification). Slow tools finish networks of few
    regions and stop after --seconds on others; their rate is what they had explored by then. The ratios are list
    over theirs, the same work. "sketch" is a float-only sketch on another machine, an order of magnitude and no more.
    "exactness" is the time of a count with the exact fallback on over the same with it off; "exact signs" the share of
    signs that floats could not prove.
threads
    The ACAS Xu slice of three inputs with 1 and 2 threads: time and memory, each in a process of its own.
degenerate
    Lower-bound constructions, lattices and ternary weights, against 20 000 regions/s.
law
    Work per region as width, depth and inputs grow.

The seconds of a count are those of its search; "setup" is what turns the network into exact integers before it. Short
runs are repeated and the best one counts. The exit code is 1 if two engines disagree where both finished, if a float
search finds a region that is missing here and exact arithmetic says that it exists, if exactness costs more than 1.5
times, if a degenerate network is slow, if two threads are less than 1.7 times one, or if they need 300 MB.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

sys.path[:0] = [str(Path(__file__).parent)]

import relucent_search  # noqa: E402
from cases import ACASXU, SLICE, Case, cube, degenerate_cases, he_network, law_cases, peak_megabytes, speed_cases  # noqa: E402
from textbook import textbook_search  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu.enumeration import cutting  # noqa: E402
from polyrelu.enumeration.problem import build_problem  # noqa: E402
from polyrelu.enumeration.subdivision import run_task  # noqa: E402

T = TypeVar("T")
HUGE = 1 << 60
# Regions that are listed without --full (beyond, a listing takes gigabytes), and up to which slow tools finish: always,
# and with --full.
LISTED, FINISHED, FINISHED_FULL = 1_000_000, 450, 20_000
THREADS_GAIN, PEAK_MB, DEGENERATE_RATE = 1.7, 300, 20_000
ARRAYS = ("packed", "facet_ptr", "facet_neighbor", "row_ptr", "facet_row")


class Verdict(NamedTuple):
    """One thing that was checked."""

    good: bool
    text: str


# -- measuring ------------------------------------------------------------------------
def best(call: Callable[[], tuple[float, T]]) -> tuple[float, T]:
    """Return the fastest run: of many that are short, of three that take up to two seconds, of one beyond."""
    seconds, result = call()
    runs = 1 if seconds > 2 else 3 if seconds > 0.3 else 9 if seconds > 0.01 else 30
    for _ in range(runs - 1):
        again, _ = call()
        seconds = min(seconds, again)
    return seconds, result


def timed(call: Callable[..., T], *arguments: Any, **options: Any) -> tuple[float, T]:
    began = time.perf_counter()
    result = call(*arguments, **options)
    return time.perf_counter() - began, result


def count(net: pr.ReluNetwork, box: pr.Box, workers: int) -> tuple[float, pr.RegionCount]:
    n = pr.count_regions(net, box, "subdivision", workers=workers, progress=False)
    return n.seconds, n


def bare(net: pr.ReluNetwork, box: pr.Box, careful: bool = True) -> tuple[float, np.ndarray]:
    """Count in one task, in this thread; return processor seconds and tally. Not careful: no exact fallback."""
    problem, root, _ = build_problem(net, box)
    began = time.thread_time()
    outcome = run_task(problem, root, HUGE, False, careful)
    assert outcome.rest is None
    return time.thread_time() - began, outcome.tally


def exactness(net: pr.ReluNetwork, box: pr.Box) -> tuple[float, float, np.ndarray]:
    """Return the time with the exact fallback over that without, the share of exact signs, and the tally."""
    on, tally = bare(net, box)
    off, _ = bare(net, box, careful=False)
    for _ in range(0 if on > 5 else 2 if on > 0.3 else 9 if on > 0.01 else 30):
        on = min(on, bare(net, box)[0])
        off = min(off, bare(net, box, careful=False)[0])
    return on / off, tally[cutting.EXACT] / max(1, tally[cutting.SIGNS]), tally


def searched(net: pr.ReluNetwork, box: pr.Box, expected: int, seconds: float, full: bool) -> tuple[float, Any]:
    """Run the breadth-first search, to the end if that takes about ``seconds`` or with ``full``."""
    pilot, cx = timed(pr.enumerate_regions, net, box, "bfs", limit=100, progress=False)
    if cx.complete or full or expected * pilot < 200 * seconds:
        return best(lambda: timed(pr.enumerate_regions, net, box, "bfs", progress=False))
    limit = max(100, int(100 * seconds / pilot))
    return timed(pr.enumerate_regions, net, box, "bfs", limit=limit, progress=False)


# -- who is right ---------------------------------------------------------------------
def polytope(net: pr.ReluNetwork, box: pr.Box | None, pattern: bytes) -> pr.HPolytope:
    rows = net.region_rows(np.frombuffer(pattern, np.uint8))
    return pr.HPolytope.from_rows([*rows, *(box.rows if box is not None else [])], net.input_dim)


def is_region(net: pr.ReluNetwork, box: pr.Box, pattern: bytes) -> bool:
    """Tell by exact linear programs, without any enumeration, whether a pattern has a region in the box."""
    bits = np.frombuffer(pattern, np.uint8)
    dead = any(bit and not any(row) for bit, row in zip(bits, net.neuron_rows(bits), strict=True))
    return not dead and polytope(net, box, pattern).dimension() == net.input_dim


def share_a_facet(net: pr.ReluNetwork, box: pr.Box | None, edge: frozenset[bytes]) -> bool:
    a, b = sorted(edge)
    differing = set(np.flatnonzero(np.frombuffer(a, np.uint8) != np.frombuffer(b, np.uint8)).tolist())
    return any(differing & set(group) for group in polytope(net, box, a).facets())


def patterns_agree(net: Any, box: Any, cx: Any, theirs: set[bytes], complete: bool, who: str) -> Iterator[Verdict]:
    """Compare a float search's patterns with ours (``cx`` may be None); exact arithmetic decides differences."""
    if cx is None:
        sample = sorted(theirs)[:: max(1, len(theirs) // 50)]
        wrong = sum(not is_region(net, box, p) for p in sample)
        yield Verdict(True, f"{who}: {len(theirs)} regions; of {len(sample)} looked at, {len(sample) - wrong} exist")
        return
    extra = [p for p in theirs if cx.index(np.frombuffer(p, np.uint8)) is None]
    missed = [p for p in extra[:200] if is_region(net, box, p)]
    if complete:
        mine = {p.tobytes() for p in cx.patterns}
        lost = [p for p in mine - theirs][:200]
        text = f"{who}: all {len(theirs)} regions" if mine == theirs else (
            f"{who}: {len(theirs)} regions, {len(mine - theirs)} of ours missing, of which "
            f"{sum(is_region(net, box, p) for p in lost)} of {len(lost)} looked at exist, {len(extra)} others"
        )  # fmt: skip
    else:
        text = f"{who}: its {len(theirs)} regions are among ours" if not extra else (
            f"{who}: {len(extra)} of its {len(theirs)} regions are not ours, of which {len(missed)} exist"
        )  # fmt: skip
    yield Verdict(not missed, text)


def same_search(cx: Any, other: Any) -> Iterator[Verdict]:
    """Compare a listing with a breadth-first search, which may have been limited."""
    if other.complete:
        equal = all(np.array_equal(getattr(cx, name), getattr(other, name)) for name in ARRAYS)
        yield Verdict(equal, "bfs and list: regions, facets, adjacencies the same, byte for byte")
    else:
        strange = sum(cx.index(pattern) is None for pattern in other.patterns)
        yield Verdict(not strange, f"bfs stopped at {len(other)} regions; {strange} of them are not in the list")


def edges_agree(net: Any, box: Any, cx: Any, theirs: set[frozenset[bytes]], who: str) -> Iterator[Verdict]:
    rows = cx.patterns
    mine = {frozenset((rows[i].tobytes(), rows[j].tobytes())) for i, j in cx.edges.tolist()}
    extra = theirs - mine
    outside = [edge for edge in extra if share_a_facet(net, None, edge)]
    wrong = len(extra) - len(outside)
    real = sum(share_a_facet(net, box, edge) for edge in outside)
    lost = mine - theirs
    text = f"{who}: {len(theirs)} adjacencies, ours {len(mine)}"
    if extra:
        text += f"; of {len(extra)} more {len(outside)} touch outside the box only, {wrong} do not touch at all"
    if lost:
        text += f"; it misses {len(lost)}, of which {sum(share_a_facet(net, box, e) for e in lost)} are facets"
    yield Verdict(not real and all(share_a_facet(net, box, edge) for edge in lost), text)


# -- tables ---------------------------------------------------------------------------
class Table:
    """A Markdown table that is printed row by row."""

    def __init__(self, *columns: str, first: int = 24, width: int = 9):
        self.widths = [first] + [max(width, len(name)) for name in columns[1:]]
        self.row(*columns)
        print("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(self.widths)) + "|", flush=True)

    def row(self, *cells: Any) -> None:
        """Print one row; numbers are rounded to four places, and None is a dash."""
        texts = [show(cell) for cell in cells]
        first, *rest = self.widths
        line = [texts[0].ljust(first)] + [text.rjust(w) for text, w in zip(texts[1:], rest, strict=True)]
        print("| " + " | ".join(line) + " |", flush=True)


def show(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace(",", " ")
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value else "0"


def chosen(cases: Iterable[Case], options: argparse.Namespace, table: str) -> list[Case]:
    wanted = options.only
    if wanted and table not in wanted:
        return [case for case in cases if any(name in case.name for name in wanted)]
    return [case for case in cases if case.quick or not options.quick]


def speed_table(options: argparse.Namespace) -> Iterator[Verdict]:
    cases = chosen(speed_cases(), options, "speed")
    if not cases:
        return
    columns = ["network", "regions", "sketch", "bfs", "count", "2 threads", "list", "textbook", "relucent"]
    columns += ["/textbook", "/relucent", "exactness", "exact signs", "setup ms"]
    print("\n### speed: regions per second\n")
    table = Table(*columns)
    for case in cases:
        net, box = case.make()
        setup, _ = best(lambda net=net, box=box: timed(build_problem, net, box))
        cost, share, tally = exactness(net, box)
        one, number = best(lambda net=net, box=box: count(net, box, 1))
        two, again = best(lambda net=net, box=box: count(net, box, 2))
        total = int(number)
        same = number == again == tally[-1] and number.by_layer == again.by_layer
        verdicts = [Verdict(same, f"count: {total} by 1 and 2 threads, {number.by_layer} by layer")]
        verdicts.append(Verdict(cost <= 1.5, f"exactness costs {cost:.2f} times a run without it (at most 1.5)"))
        listed, cx = None, None
        if total <= LISTED or options.full:
            listed, cx = best(
                lambda net=net, box=box: timed(pr.enumerate_regions, net, box, "subdivision", workers=1, progress=False)
            )
            verdicts.append(Verdict(len(cx) == total, f"list: {len(cx)}"))
        bfs, other = searched(net, box, total, options.seconds, options.full)
        if other.complete:
            verdicts.append(Verdict(len(other) == total, f"bfs: {len(other)}"))
        if cx is not None:
            verdicts += same_search(cx, other)
        book, rate = textbook(net, box, cx, options, verdicts)
        ours = total / (listed or one)
        cell, ratio = neighbour(net, box, cx, options, verdicts, ours)
        table.row(
            case.name, total, None if case.sketch is None else 1000 * case.sketch, len(other) / bfs, total / one,
            total / two, None if listed is None else total / listed, book, cell, None if rate is None else ours / rate,
            ratio, cost, f"{share:.1e}" if share else "0", 1000 * setup,
        )  # fmt: skip
        yield from (Verdict(v.good, f"{case.name}: {v.text}") for v in verdicts)


def time_for(cx: Any, options: argparse.Namespace) -> float | None:
    """Return the limit of a slow tool: none if it is to finish."""
    small = cx is not None and len(cx) <= (FINISHED_FULL if options.full else FINISHED)
    return None if small else options.seconds


def textbook(net: Any, box: Any, cx: Any, options: argparse.Namespace, verdicts: list[Verdict]) -> tuple[Any, Any]:
    lower, upper = ([float(v) for v in side] for side in box.bounding_box())
    found = textbook_search(net, lower, upper, seconds=time_for(cx, options))
    verdicts += patterns_agree(net, box, cx, {bytes(p) for p in found.patterns}, found.complete, "textbook")
    if found.complete and cx is not None:
        verdicts += edges_agree(net, box, cx, {frozenset(map(bytes, edge)) for edge in found.edges}, "textbook")
    rate = found.explored / found.seconds
    return rate, rate or None


def neighbour(
    net: Any, box: Any, cx: Any, options: argparse.Namespace, verdicts: list[Verdict], ours: float
) -> tuple[Any, Any]:
    if not relucent_search.INSTALLED:
        return "none", None
    found = relucent_search.relucent_search(net, box, time_for(cx, options))
    if found.refused:
        verdicts.append(Verdict(True, f"relucent refuses: {found.message}"))
        return found.refused, None
    verdicts += patterns_agree(net, box, cx, found.patterns, found.complete, "relucent")
    if found.edges is not None and cx is not None:
        verdicts += edges_agree(net, box, cx, found.edges, "relucent")
    rate = len(found.patterns) / found.seconds
    return rate, ours / rate


def degenerate_table(options: argparse.Namespace) -> Iterator[Verdict]:
    cases = chosen(degenerate_cases(), options, "degenerate")
    if not cases:
        return
    print(f"\n### degenerate: regions per second, {DEGENERATE_RATE} wanted\n")
    table = Table("network", "regions", "bfs", "count", "list", "relucent", "exact signs", "setup ms", "verdict")
    for case in cases:
        net, box = case.make()
        setup, _ = best(lambda net=net, box=box: timed(build_problem, net, box))
        one, number = best(lambda net=net, box=box: count(net, box, 1))
        listed, cx = best(
            lambda net=net, box=box: timed(pr.enumerate_regions, net, box, "subdivision", workers=1, progress=False)
        )
        bfs, other = searched(net, box, int(number), options.seconds, options.full)
        verdicts = [Verdict(number == len(cx), f"count and list: {len(cx)}"), *same_search(cx, other)]
        rate = number / one
        cell, _ = neighbour(net, box, cx, options, verdicts, rate)
        yield from (Verdict(v.good, f"{case.name}: {v.text}") for v in verdicts)
        yield Verdict(rate >= DEGENERATE_RATE, f"{case.name}: {rate:.0f} regions/s, at least {DEGENERATE_RATE} wanted")
        table.row(
            case.name, int(number), len(other) / bfs, rate, number / listed, cell,
            number.exact_signs / max(1, number.signs), 1000 * setup, "ok" if rate >= DEGENERATE_RATE else "slow",
        )  # fmt: skip


def law_table(options: argparse.Namespace) -> Iterator[Verdict]:
    cases = chosen(law_cases(), options, "law") if not options.only or "law" in options.only else []
    if not cases:
        return
    print("\n### law: work per region (one thread, counting)\n")
    table = Table("network", "regions", "signs", "products", "cuts", "solved", "exact signs", "microseconds")
    for case in cases:
        net, box = case.make()
        seconds, tally = best(lambda net=net, box=box: bare(net, box))
        regions = int(tally[-1])
        signs, products, cuts, solved = (
            tally[k] / regions for k in (cutting.SIGNS, cutting.PRODUCTS, cutting.CUTS, cutting.SOLVED)
        )
        share = tally[cutting.EXACT] / max(1, tally[cutting.SIGNS])
        table.row(case.name, regions, signs, products, cuts, solved, share, 1e6 * seconds / regions)
    yield Verdict(True, "law: measured")


# -- two threads and memory, each in a process of its own -----------------------------
def child(workers: int) -> None:
    """Count the slice and print seconds, processor seconds and the peak of memory."""
    case = next(case for case in speed_cases() if case.name == SLICE)
    net, box = case.make()
    count(he_network((2, 2, 1)), cube(2), 1)
    before = time.process_time()
    seconds, number = count(net, box, workers)
    busy = time.process_time() - before
    print(json.dumps({"count": int(number), "seconds": seconds, "busy": busy / seconds, "peak": peak_megabytes()}))


def in_a_process(workers: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", str(workers)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def threads(options: argparse.Namespace) -> Iterator[Verdict]:
    wanted = not options.only or "threads" in options.only or any(name in SLICE for name in options.only)
    if not ACASXU.is_dir() or options.quick or not wanted:
        return
    print(f"\n### threads: {SLICE}, each count in a process of its own\n")
    table = Table("threads", "regions", "seconds", "regions/s", "cores busy", "peak MB")
    runs: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    gain = 0.0
    for _ in range(2):
        for workers, found in runs.items():
            found.append(in_a_process(workers))
            run = found[-1]
            rate = run["count"] / run["seconds"]
            table.row(str(workers), run["count"], run["seconds"], rate, run["busy"], run["peak"])
        gain = min(r["seconds"] for r in runs[1]) / min(r["seconds"] for r in runs[2])
        if gain >= THREADS_GAIN:
            break
    every = [run for found in runs.values() for run in found]
    busy = max(run["busy"] for run in runs[2])
    shared = f" (only {busy:.2f} cores were free)" if busy < 1.8 else ""
    yield Verdict(len({run["count"] for run in every}) == 1, f"{SLICE}: {every[0]['count']} with 1 and 2 threads")
    yield Verdict(gain >= THREADS_GAIN, f"{SLICE}: 2 threads are {gain:.2f} times one, 1.7 wanted{shared}")
    peak = max(run["peak"] for run in every)
    yield Verdict(peak < PEAK_MB, f"{SLICE}: at most {peak:.0f} MB while counting, {PEAK_MB} allowed")


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small networks only (a few minutes)")
    parser.add_argument("--full", action="store_true", help="let slow tools finish up to 20 000 regions, bfs always")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each slow tool and network (default 10)")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="rows with this in their name; or speed, threads, degenerate, law"
    )
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(options.child)
        return 0
    count(he_network((2, 2, 1)), cube(2), 1)  # compile and load the kernels
    pr.enumerate_regions(he_network((2, 2, 1)), cube(2), "bfs", progress=False)
    if relucent_search.INSTALLED:
        relucent_search.relucent_search(he_network((2, 4, 1)), cube(2))  # imports, licence
    other = f"relucent {relucent_search.version()}" if relucent_search.INSTALLED else "relucent is not installed"
    print(
        f"{processor()}; Python {platform.python_version()}, numpy {np.__version__}; "
        f"textbook: scipy.optimize.linprog (HiGHS); {other}"
    )
    verdicts: list[Verdict] = []
    for table in (speed_table, threads, degenerate_table, law_table):
        verdicts += table(options)
    print("\n### checks\n")
    for verdict in verdicts:
        print(f"- {'' if verdict.good else 'FAILED: '}{verdict.text}")
    bad = sum(not verdict.good for verdict in verdicts)
    print(f"\n{len(verdicts)} checks, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
