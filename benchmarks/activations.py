"""Regions of networks with other activations: python benchmarks/activations.py [--full].

Hanin and Rolnick 2019: with an activation of T breakpoints there are about T regions for every neuron along a line.
Counted here on whole lines through the origin and a random input of 64 sparse nonnegative numbers: pieces between jumps
of the full gradient of the network itself, exactly, by way of its lowering to T ReLUs for every neuron.

Normal weights of variance gain / fan-in, biases N(0, 1e-6). The gain of an activation is one over the mean of the
squares of its outer slopes, so that slopes keep their size from layer to layer far from the breakpoints: 2 for a ReLU.
A hard tanh is flat there, and deep in a network it meets its breakpoints only if the gain is large enough: it has gains
1 and 4. Random activations have normal breakpoints, slopes and jumps. Expected: about T * neurons, fewer for a hard
tanh of gain 1. Random activations are measured and held against nothing: their inner slopes may be much steeper than
the outer ones, which set the gain.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import numpy as np

from polyrelu.theory.lines import regions_on_line
from polyrelu.theory.random_networks import ACTIVATIONS, Activation, random_activation, random_network

INPUTS = 64
ARCHITECTURES = ([20] * 3, [16] * 4)
LARGER = [32] * 3


def gain(sigma: Activation) -> float:
    slopes = float(sigma.slope), float(sigma.slope + sum(sigma.jumps))
    return 2 / (slopes[0] ** 2 + slopes[1] ** 2)


def measure(
    name: str, sigmas: list[Activation], size: float | None, architectures: list[list[int]], nets: int, lines: int,
    failed: list[str], expected: tuple[float, float] | None,
) -> None:
    """Print a row for each architecture; networks take the activations in turn."""
    T = len(sigmas[0].breakpoints)
    for widths in architectures:
        neurons, found, began = sum(widths), [], time.perf_counter()
        for seed in range(nets):
            sigma = sigmas[seed % len(sigmas)]
            scale = gain(sigma) if size is None else size

            def law(rng, shape, scale=scale):
                return rng.normal(0, math.sqrt(scale / shape[1]), shape)

            net = random_network((INPUTS, *widths, 10), law, 1e-3, seed, sigma)
            assert net.neurons == T * neurons
            rng = np.random.default_rng([seed, 1])
            counts = []
            for _ in range(lines):
                x = rng.random(INPUTS) * (rng.random(INPUTS) < 0.5)
                counts.append(regions_on_line(net, [0] * INPUTS, x.tolist()).gradient_regions)
            found.append(float(np.mean(counts)) / (T * neurons))
        value, error = float(np.mean(found)), float(np.std(found, ddof=1)) / math.sqrt(nets)
        if expected and not expected[0] < value < expected[1]:
            failed.append(f"{name}, [{widths[0]}] x {len(widths)}: {value:.3f}")
        seconds = time.perf_counter() - began
        print(f"| {name} | {T} | [{widths[0]}] x {len(widths)} | {neurons} | {T * neurons} | "
              f"{value * T * neurons:.1f} | {value:.3f} ± {error:.3f} | {seconds:.0f} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="more networks, for smaller standard errors")
    full = parser.parse_args().full
    nets, lines = (40, 10) if full else (10, 3)
    architectures = [*ARCHITECTURES, LARGER] if full else [*ARCHITECTURES]
    print(f"{nets} networks, {lines} lines each\n")
    print("| activation | T | hidden layers | neurons | ReLUs | regions | regions / (T neurons) | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    failed: list[str] = []
    for name in ("relu", "leaky_relu", "absolute"):
        measure(name, [ACTIVATIONS[name]], None, architectures, nets, lines, failed, (0.85, 1.2))
    tanh = ACTIVATIONS["hard_tanh"]
    for size, expected in ((1, (0.3, 0.8)), (4, (0.9, 1.4))):
        measure(f"hard_tanh, gain {size}", [tanh], size, architectures, nets, lines, failed, expected)
    for T in range(1, 6):
        sigmas = [random_activation(T, seed) for seed in range(nets)]
        measure(f"random, T = {T}", sigmas, None, architectures, nets, lines, failed, None)
    print("\n" + ("; ".join(failed) if failed else "all as expected"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
