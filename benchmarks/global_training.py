"""Global optimum against gradient descent: python benchmarks/global_training.py [--quick] [--only NAME ..].

One row for each data set: D points of a random network of the same width plus noise (seeded), two decimals. Columns:
dichotomies T; convex programs of the paper's algorithm, 2^w T^w; branches that the search looked at; seconds; the
optimum (mean loss), the proved gap, what cvxpy says of the winner; the best and the median of gradient descent (Adam,
then halved steps) from many starts. The exit code is 1 if a descent
falls below the proved lower bound, if the branches do not cover every choice, or if a fit does not prove itself.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from polyrelu.theory.training import GAP, fit_globally

Floats = npt.NDArray[np.float64]


class Case(NamedTuple):
    """One data set."""

    name: str
    D: int
    n: int
    w: int
    loss: str
    noise: float
    quick: bool


CASES = [
    Case("plane-10", 10, 2, 2, "squared", 0.3, True),
    Case("plane-30", 30, 2, 2, "squared", 0.3, True),
    Case("plane-30", 30, 2, 2, "absolute", 0.3, True),
    Case("plane-30", 30, 2, 2, "hinge", 0.3, True),
    Case("plane-30", 30, 2, 2, "huber", 0.3, True),
    Case("space-15", 15, 3, 2, "squared", 0.3, True),
    Case("line-20", 20, 1, 3, "squared", 0.3, True),
    Case("line-40", 40, 1, 4, "squared", 0.3, False),
    Case("line-60", 60, 1, 3, "squared", 0.3, True),
    Case("line-60", 60, 1, 5, "squared", 0.1, False),
]


def make(case: Case, seed: int = 0) -> tuple[list[list[str]], list[str]]:
    """Return exact decimal data of a random network."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(case.D, case.n)).round(4)
    W, b, s = rng.normal(size=(case.w, case.n)), rng.normal(size=case.w), rng.choice([-1, 1], size=case.w)
    y = (np.maximum(X @ W.T + b, 0) @ s + case.noise * rng.normal(size=case.D)).round(2)
    if case.loss == "hinge":
        y = np.where(y > np.median(y), 1, -1)
    return [[str(v) for v in row] for row in X.tolist()], [str(v) for v in y.tolist()]


def descend(case: Case, X: Floats, y: Floats, starts: int, steps: int) -> Floats:
    """Return the final losses of Adam on all parameters, many starts at once; every network keeps its best."""
    rng = np.random.default_rng(1)
    A = rng.normal(size=(starts, case.w, case.n)) * np.sqrt(2 / case.n)
    b, s = rng.normal(size=(starts, case.w)), rng.normal(size=(starts, case.w))
    parameters: list[Any] = [A, b, s]
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    best = np.full(starts, np.inf)
    for step in range(1, steps + 1):
        A, b, s = parameters
        z = np.einsum("kin,dn->kdi", A, X) + b[:, None]
        a = np.maximum(z, 0)
        off = np.einsum("kdi,ki->kd", a, s) - y
        if case.loss == "squared":
            losses, slope = off**2, 2 * off
        elif case.loss == "absolute":
            losses, slope = np.abs(off), np.sign(off)
        elif case.loss == "huber":
            losses, slope = np.where(np.abs(off) < 1, off**2 / 2, np.abs(off) - 0.5), np.clip(off, -1, 1)
        else:
            margin = 1 - y * (off + y)
            losses, slope = np.maximum(margin, 0), np.where(margin > 0, -y, 0.0)
        best = np.minimum(best, losses.mean(axis=1))
        slope = slope / len(y)
        inner = slope[:, :, None] * s[:, None] * (z > 0)
        gradients = [np.einsum("kdi,dn->kin", inner, X), inner.sum(axis=1), np.einsum("kd,kdi->ki", slope, a)]
        rate = 0.03 * 0.5 ** (4 * step // steps)
        for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-12)
    return best


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="data sets by name")
    parser.add_argument("--starts", type=int, default=200, help="of gradient descent")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    good = True
    columns = "data D n w loss T programs branches s optimum gap cvxpy descent median s"
    print("| " + " | ".join(columns.split()) + " |")
    print("|" + "---|" * 15)
    for case in CASES:
        if (options.quick and not case.quick) or (options.only and case.name not in options.only):
            continue
        X, y = make(case)
        pool = ThreadPoolExecutor(options.threads) if options.threads > 1 else None
        fit = fit_globally(X, y, case.w, case.loss, executor=pool, workers=options.threads)
        began = time.perf_counter()
        found = descend(case, np.array(X, dtype=float), np.array(y, dtype=float), options.starts, options.steps)
        seconds = time.perf_counter() - began
        # floats of a descent may round below an optimum that it reaches
        beaten = Fraction(float(found.min())) < fit.lower * (1 - GAP)
        good &= fit.check() and fit.covered == fit.choices and not beaten
        gap = float((fit.value - fit.lower) / fit.value) if fit.value else 0.0
        print(
            f"| {case.name} | {case.D} | {case.n} | {case.w} | {case.loss} | {fit.dichotomies} "
            f"| {(2 * fit.dichotomies) ** case.w:.1e} | {fit.branches} | {fit.seconds:.1f} | {float(fit.value):.6f} "
            f"| {gap:.0e} | {fit.cross_check():.6f} | {found.min():.6f} | {np.median(found):.4f} | {seconds:.1f} |",
            flush=True,
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
