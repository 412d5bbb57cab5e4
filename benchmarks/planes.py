"""Regions in planes at initialisation: python benchmarks/planes.py [--data digits|FOLDER] [--full].

Planes through the origin and two images, as in Hanin and Rolnick 2019: the unit of the coordinates is 5/4 of the norm
of the larger image, and the regions in [-20, 20]^2 are counted, exactly. He weights, biases N(0, 1e-6). Half the square
of the number of neurons is what theorem 5 of their second paper gives for two inputs and T = 1; every pair of N lines
meets at most once, which makes 1 + N + N(N-1)/2 regions.

1. The digits of scikit-learn (64 inputs), or MNIST from a folder (784).
2. Sparse nonnegative inputs in place of images (784).
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import numpy as np

import polyrelu as pr
from polyrelu.theory.image_data import image_data
from polyrelu.theory.random_networks import random_network
from polyrelu.theory.tracking import plane_through_origin

# hidden layers, and the mean count in planes through surrogates of images as measured elsewhere
ARCHITECTURES = [([32] * 3, 4779), ([16] * 4, 1788), ([20] * 3, 1644), ([32] * 4, 7781), ([40] * 3, 7010)]
LARGER = [([64] * 4, None), ([60] * 3, None), ([80] * 3, None)]


def table(name: str, images: np.ndarray, nets: int, planes: int, full: bool, failed: list[str]) -> None:
    print(f"\n{name}, {images.shape[1]} inputs, {planes} planes in each network\n")
    print("| hidden layers | networks | regions | standard error | N^2 / 2 | ratio | known | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for widths, known in [*ARCHITECTURES, *(LARGER if full else [])]:
        neurons, means = sum(widths), []
        count = nets if full or widths == [32] * 3 else max(2, nets // 2)
        began = time.perf_counter()
        for seed in range(count):
            net = random_network((images.shape[1], *widths, 10), biases=1e-3, seed=seed)
            found = []
            for _ in range(planes):
                plane = plane_through_origin(*images[rng.choice(len(images), 2, replace=False)].tolist())
                found.append(int(pr.count_regions(plane.restrict(net), plane.box, progress=False)))
            means.append(float(np.mean(found)))
        value, error = float(np.mean(means)), float(np.std(means, ddof=1)) / math.sqrt(count)
        half = neurons**2 / 2
        seconds = (time.perf_counter() - began) / count / planes
        print(f"| [{widths[0]}] x {len(widths)} | {count} | {value:.0f} | {error:.0f} | {half:.0f} | "
              f"{value / half:.3f} ± {error / half:.3f} | {known or ''} | {seconds:.2f} |", flush=True)
        if not 0.8 < value / half < 1.15:
            failed.append(f"{name}, [{widths[0]}] x {len(widths)}: {value:.0f} and not near {half:.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits", help="digits, or a folder with the four files of MNIST")
    parser.add_argument("--full", action="store_true", help="more planes, and the larger networks")
    options = parser.parse_args()
    data = image_data(options.data)
    failed: list[str] = []
    nets, planes = (30, 10) if options.full else (20, 5)
    table(data.name, data.train_x, nets, planes, options.full, failed)
    rng = np.random.default_rng(1)
    sparse = rng.random((200, 784)) * (rng.random((200, 784)) < 0.2)
    table("sparse inputs", sparse, nets, planes, options.full, failed)
    print("\n" + ("; ".join(failed) if failed else "all as expected"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
