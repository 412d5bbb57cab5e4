"""Regions along lines against brute force, theory and the paper: python benchmarks/lines.py [--full].

1. A thousand small integer networks: breakpoints against brute force in rational arithmetic (the same as in the tests).
2. Mean regions per neuron on whole lines through the origin, for the twelve architectures of Hanin and Rolnick 2019 at
   initialisation: He weights, biases N(0, 1e-6), sparse nonnegative inputs in place of images.
3. The co-area table: mean breakpoints of random networks, counted exactly and by the formula.
4. A line through a network of 3 000 neurons: seconds.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

import polyrelu as pr  # noqa: E402
from polyrelu.theory.expected import coarea_estimate, first_layer_breakpoints  # noqa: E402
from polyrelu.theory.lines import regions_on_line, regions_on_segment  # noqa: E402
from polyrelu.theory.random_networks import random_network  # noqa: E402

ARCHITECTURES = [
    *([n] * 4 for n in (16, 32, 64, 128)), *([n] * 3 for n in (20, 40, 60, 80)), *([n] * 5 for n in (25, 50, 75, 100)),
]  # fmt: skip
# widths, mean number of boundaries of activation regions and of jumps of the gradient, as measured elsewhere
COAREA = [((4,), 3.2749, 3.2749), ((6, 6), 8.989, 8.905), ((3, 3, 3), 5.388, 4.601), ((10, 10, 10), 21.590, 21.574)]


def mean(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))


def brute(count: int, failed: list[str]) -> None:
    from test_lines import brute_force

    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(count):
        d = int(rng.integers(1, 4))
        sizes = [d, *rng.integers(1, 4, size=rng.integers(1, 4)).tolist(), 1]
        net = pr.ReluNetwork(
            [rng.integers(-2, 3, size=(b, a)) for a, b in zip(sizes, sizes[1:], strict=False)],
            [rng.integers(-2, 3, size=b) for b in sizes[1:]],
        )
        x, y = rng.integers(-3, 4, size=(2, d)).tolist()
        if x == y:
            continue
        line = regions_on_segment(net, x, y, workers=1)
        at, patterns = brute_force(net, x, y)
        wrong += line.breakpoints != at or [tuple(row) for row in line.patterns.tolist()] != patterns
    print(f"{count} integer networks, {wrong} differ from brute force", flush=True)
    if wrong:
        failed.append("brute force")


def at_initialisation(runs: int, lines: int, failed: list[str]) -> None:
    print("\n| hidden layers | neurons | regions per neuron | standard error |\n|---|---|---|---|")
    rng = np.random.default_rng(1)
    for widths in ARCHITECTURES:
        neurons, found = sum(widths), []
        for run in range(runs):
            net = random_network((784, *widths, 10), biases=1e-3, seed=run)
            values = []
            for _ in range(lines):
                image = rng.random(784) * (rng.random(784) < 0.2)
                values.append(len(regions_on_line(net, [0] * 784, image.tolist())) / neurons)
            found.append(float(np.mean(values)))
        value, error = mean(found)
        print(f"| [{widths[0]}] x {len(widths)} | {neurons} | {value:.3f} | {error:.3f} |", flush=True)
        if not 0.95 < value < 1.05:
            failed.append(f"[{widths[0]}] x {len(widths)}: {value:.3f}")


def coarea(networks: int, failed: list[str]) -> None:
    print("\n| widths | exact counts | co-area | closed form | gradient, exact | co-area, good |")
    print("|---|---|---|---|---|---|")
    box = pr.Box([-1], [1.5])
    for widths, regions, jumps in COAREA:
        counts: tuple[list[float], list[float]] = ([], [])
        for seed in range(networks):
            line = regions_on_segment(random_network((1, *widths, 1), biases=0.5, seed=seed), [-1], [1.5], workers=1)
            counts[0].append(len(line) - 1)
            counts[1].append(line.gradient_regions - 1)
        row = []
        for good, known in ((False, regions), (True, jumps)):
            value, error = mean(counts[good])
            formula = coarea_estimate((1, *widths, 1), box, good=good, bias_sd=0.5, samples=4 * networks)
            row.append(f"{value:.3f} ± {error:.3f} | {formula.mean:.3f} ± {formula.standard_error:.3f}")
            for a, b in ((value, error), (formula.mean, formula.standard_error)):
                if abs(a - known) > 3 * math.hypot(b, 0.02):
                    failed.append(f"{widths}, {'gradient' if good else 'all'}: {a:.3f} and not {known}")
        closed = widths[0] * first_layer_breakpoints(-1, 1.5, math.sqrt(2), 0.5)
        shown = f"{closed:.4f}" if len(widths) == 1 else ""
        print(f"| {widths} | {row[0]} | {shown} | {row[1]} |", flush=True)


def wide() -> None:
    print()
    rng = np.random.default_rng(2)
    for widths in ((256,) * 3, (1024,) * 3):
        net = random_network((784, *widths, 10), seed=1)
        x, y = rng.random((2, 784)).tolist()
        for turn in ("first", "second"):
            began = time.perf_counter()
            line = regions_on_segment(net, x, y)
            seconds = time.perf_counter() - began
            print(f"784-{'-'.join(map(str, widths))}-10, {turn} line: {len(line)} regions in {seconds:.1f} s, "
                  f"of which {line.complex.seconds:.1f} s search", flush=True)  # fmt: skip
            x, y = y, [0.0] * 784


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="more runs, for smaller standard errors")
    options = parser.parse_args()
    failed: list[str] = []
    wide()
    brute(1000, failed)
    at_initialisation(*((30, 20) if options.full else (8, 5)), failed)
    coarea(20_000 if options.full else 2_000, failed)
    print("\n" + ("; ".join(failed) if failed else "all as expected"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
