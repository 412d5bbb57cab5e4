"""Convolutional networks of image size: python benchmarks/convolutions.py [--full].

Untrained torch models are read without a dense matrix anywhere. A line through two random images crosses a net of
100 352 neurons (28 x 28, four convolutions of 32 channels), and a plane through three random images a residual net of
73 728 neurons (3 x 32 x 32, ResNet-8). Checked on the way: the exact patterns at random points are among those that
were found, the line ends with those of its images, and counting agrees with listing. Expected: minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch
from torch import nn

import polyrelu as pr


class Block(nn.Module):
    """Two convolutions, and the input (or every other entry of it) added to what they give."""

    def __init__(self, inside: int, outside: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1)
        self.skip = nn.Conv2d(inside, outside, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):  # noqa: D102
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + self.skip(x))


def residual_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def plain_net() -> nn.Module:
    layers: list[nn.Module] = []
    for inside in (1, 32, 32, 32):
        layers += [nn.Conv2d(inside, 32, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 28 * 28, 10))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the whole line, and a plane four times as wide")
    full = parser.parse_args().full
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    failed = 0

    def clock(what: str, since: float) -> None:
        print(f"{what}: {time.perf_counter() - since:.1f} s", flush=True)

    began = time.perf_counter()
    net = pr.from_torch(plain_net(), input_shape=(1, 28, 28))
    print(net)
    clock("  read", began)
    x, y = rng.random(784), rng.random(784)
    y = y if full else x + (y - x) / 8
    began = time.perf_counter()
    line = pr.regions_on_segment(net, x, y)
    clock(f"  {len(line)} regions on a line", began)
    began = time.perf_counter()
    print(f"  {line.gradient_regions} regions by jumps of the gradient")
    clock("  jumps", began)
    began = time.perf_counter()
    middle = len(line) // 2
    print(f"  breakpoint {middle} is p/q with q of {line.breakpoint(middle).denominator.bit_length()} bits")
    clock("  that breakpoint", began)
    on_line = line.complex.network
    known = {row.tobytes() for row in line.complex.packed}
    missing = sum(np.packbits(on_line.pattern([t])).tobytes() not in known for t in np.random.default_rng(1).random(20))
    ends = [on_line.pattern([t]) for t in (0.0, 1.0)]
    failed += missing > 0 or not (line.patterns[0] == ends[0]).all() or not (line.patterns[-1] == ends[1]).all()

    began = time.perf_counter()
    net = pr.from_torch(residual_net(), input_shape=(3, 32, 32))
    print(net)
    clock("  read", began)
    images = rng.random((3, 3072))
    part = 128 if full else 512
    plane = net.restrict(images[0], [(images[1] - images[0]) / part, (images[2] - images[0]) / part])
    box = pr.Box([-1, -1], [1, 1])
    began = time.perf_counter()
    count = pr.count_regions(plane, box, progress=False)
    clock(f"  {int(count)} regions counted in a plane", began)
    began = time.perf_counter()
    cx = pr.enumerate_regions(plane, box, progress=False)
    print(f"  {len(cx)} regions listed, {cx.graph.number_of_edges()} adjacencies")
    clock("  listed", began)
    points = rng.uniform(-1, 1, (20, 2))
    known = {row.tobytes() for row in cx.packed}
    missing = sum(np.packbits(plane.pattern(point)).tobytes() not in known for point in points)
    failed += len(cx) != int(count) or missing > 0
    print("all as expected" if not failed else f"{failed} checks failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
