"""The networks and domains of the benchmarks; the real ones are read from ``../shared/data`` where that exists."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from networks import he_network, tents  # noqa: E402

import polyrelu as pr  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
ACASXU, TLL = DATA / "acasxu", DATA / "tll"


class Case(NamedTuple):
    """A network in a box. ``sketch``: thousand regions/s of a float-only sketch elsewhere, an order of magnitude."""

    name: str
    make: Callable[[], tuple[pr.ReluNetwork, pr.Box]]
    sketch: float | None = None
    quick: bool = False


def peak_megabytes() -> float:
    """Return the most memory that this process has had; what getrusage says may be the peak of its parent."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def cube(d: int, radius: int | Fraction = 1) -> pr.Box:
    return pr.Box([-radius] * d, [radius] * d)


def he_case(name: str, sketch: float | None = None, quick: bool = False) -> Case:
    """Return the He network of a name such as ``2-64-64-1`` over [-1, 1]^d."""
    sizes = tuple(map(int, name.split("-")))
    return Case(name, lambda: (he_network(sizes), cube(sizes[0])), sketch, quick)


# -- ACAS Xu --------------------------------------------------------------------------
def acasxu(model: str) -> pr.ReluNetwork:
    """Load the network of a name such as ``1_1``."""
    return pr.load(ACASXU / f"ACASXU_run2a_{model}_batch_2000.onnx")


def acasxu_slice(
    model: str, free: Sequence[int], half: Fraction = Fraction(1, 2), at: Sequence[Fraction | int] = (0,) * 5
) -> tuple[pr.ReluNetwork, pr.Box]:
    """Return a slice: the free inputs in [-half, half], the others as in ``at``."""
    rows = [[int(i == k) for i in range(5)] for k in free]
    origin = [0 if k in free else value for k, value in enumerate(at)]
    return acasxu(model).restrict(origin, rows), cube(len(free), half)


def property_box(path: Path) -> pr.Box:
    """Read the bounds of the inputs from a VNN-LIB file, as the decimals that they are."""
    bounds: dict[str, dict[int, str]] = {"<=": {}, ">=": {}}
    for relation, index, number in re.findall(r"\(assert\s+\((<=|>=)\s+X_(\d+)\s+(\S+?)\)\)", path.read_text()):
        bounds[relation][int(index)] = number
    indices = range(len(bounds["<="]))
    return pr.Box([bounds[">="][i] for i in indices], [bounds["<="][i] for i in indices])


def acasxu_property(model: str, number: int) -> tuple[pr.ReluNetwork, pr.Box]:
    return acasxu(model), property_box(ACASXU / f"prop_{number}.vnnlib")


SLICE = "ACAS 1_1, inputs 0 1 2"


def speed_cases() -> list[Case]:
    """Return the rows of the main table: two small ones that slow tools finish, then those that are of interest."""
    out = [he_case("2-8-8-1", quick=True), he_case("2-16-16-1", quick=True)]
    sketch = {
        "2-64-64-1": 460,
        "2-64-64-64-1": 250,
        "2-128-128-1": 160,
        "2-256-256-256-1": 22,
        "2-500-1": 300,
        "3-32-32-1": 1060,
        "3-64-64-1": 670,
        "4-32-32-1": 570,
        "5-20-20-1": 230,
        "6-16-1": 63,
    }
    small = {"2-64-64-1", "2-64-64-64-1", "2-128-128-1", "3-32-32-1", "6-16-1"}
    out += [he_case(name, rate, name in small) for name, rate in sketch.items()]
    out += [he_case("2-2100-1")]  # more rows than the free licence of relucent's solver takes
    if ACASXU.is_dir():
        out += [
            Case("ACAS 1_1, inputs 0 1", lambda: acasxu_slice("1_1", [0, 1]), 73, True),
            Case(SLICE, lambda: acasxu_slice("1_1", [0, 1, 2]), 390),
            Case("ACAS 1_1, property 3", lambda: acasxu_property("1_1", 3), 134),
            Case("ACAS 1_7, property 3", lambda: acasxu_property("1_7", 3), None, True),
        ]
    return out


# -- networks that are anything but generic -------------------------------------------
def ternary(name: str) -> tuple[pr.ReluNetwork, pr.Box]:
    """Return a network with weights and biases -1, 0 and 1 over [-1, 1]^d."""
    sizes = tuple(map(int, name.split("-")))
    rng = np.random.default_rng(0)
    weights, biases = [], []
    for fan_in, size in zip(sizes[:-1], sizes[1:], strict=True):
        weights.append(rng.integers(-1, 2, (size, fan_in)))
        biases.append(rng.integers(-1, 2, size))
    return pr.ReluNetwork(weights, biases), cube(sizes[0])


def degenerate_cases() -> list[Case]:
    out = [Case("tents(8, 2)", lambda: (tents(8, 2), pr.Box([0, 0], [1, 1])))]
    for k, path in enumerate(sorted(TLL.glob("*.onnx")) if TLL.is_dir() else []):
        out.append(Case(f"TLL N=M=8, {k}", lambda path=path: (pr.load(path), cube(2, 2)), None, True))
    for name in ("2-32-32-1", "3-16-16-1"):
        out.append(Case(f"ternary {name}", lambda name=name: ternary(name), None, True))
    return out


# -- families that grow in one direction ----------------------------------------------
def law_cases() -> list[Case]:
    """Return networks that grow in width, in depth, in the number of inputs."""
    out = [he_case(f"2-{w}-{w}-1", quick=w <= 64) for w in (16, 32, 64, 128, 256)]
    out += [he_case("-".join(["2", *["32"] * depth, "1"]), quick=depth <= 3) for depth in range(1, 7)]
    out += [he_case(f"{d}-16-1", quick=d <= 5) for d in range(1, 8)]
    return out
