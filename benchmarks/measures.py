"""What people do with regions, on a real slice and in space: python benchmarks/measures.py [--pictures DIR].

The slice of ACAS Xu network 1_1 in its first two inputs (51 005 regions; the advisory is the least of five outputs),
and a level set of a network of three inputs. Every number is exact; what is known in two ways is compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).parent)]

from cases import acasxu_slice, cube, he_network  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu.exact import rational_sum  # noqa: E402

ADVISORIES = ("clear of conflict", "weak left", "weak right", "strong left", "strong right")


def timed(what: str, call: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = call()
    print(f"{time.perf_counter() - began:8.1f} s  {what}", flush=True)
    return result


def check(good: bool, what: str, failed: list[str]) -> None:
    print(f"            {'holds' if good else 'FAILS'}: {what}", flush=True)
    if not good:
        failed.append(what)


def plane(pictures: Path | None, failed: list[str]) -> None:
    net, box = acasxu_slice("1_1", (0, 1))
    cx = timed("regions", lambda: pr.enumerate_regions(net, box, progress=False))
    check(len(cx) == 51_005, "51 005 regions", failed)
    linear = timed("linear regions by affine map", lambda: cx.linear_regions("affine"))
    shares = timed("shares of the domain", lambda: cx.class_shares("argmin"))
    for k, name in enumerate(ADVISORIES):
        print(f"            {name}: {float(shares[k]):.4f}")
    check(rational_sum(shares.values()) == 1, "the shares sum to 1", failed)
    boundary = timed("boundary of the advisories", lambda: cx.class_boundary("argmin"))
    lines = timed("its polylines", boundary.polylines)
    print(f"            {len(boundary)} pieces, {len(lines)} polylines, length {float(boundary.length):.7f}")
    check(sum(len(line.points) - 1 for line in lines) == len(boundary), "every piece is in one polyline", failed)
    betti = timed("Betti numbers of the boundary", boundary.betti_numbers)
    print(f"            components and holes: {betti}")
    volumes = timed("volumes of all regions", cx.volumes)
    check(rational_sum(volumes) == 1, "the volumes sum to that of the domain", failed)
    low, high = timed("range of output 0", lambda: cx.range(0))
    integral = timed("integral of output 0", lambda: cx.integral(0))
    check(low < integral < high, "its mean is between its minimum and maximum", failed)
    faces = timed("all faces with the signs of 300 neurons", cx.faces)
    print(f"            f-vector {faces.f_vector}, Euler characteristic {faces.euler_characteristic}")
    check(faces.euler_characteristic == 1, "Euler's relation", failed)
    constant = timed("Lipschitz constants", lambda: [cx.lipschitz(p) for p in (1, 2, np.inf)])
    print(f"            {[c.upper for c in constant]}, {len(linear)} linear regions")
    check(bool(timed("equal to itself", lambda: pr.equal(net, net, box))), "a network equals itself", failed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "slice.npz"
        timed("saved with its proof", lambda: cx.save(file, proof=True))
        verdict = timed("proved again by the checker", lambda: pr.verify(file, model=net))
        check(bool(verdict) and verdict.complete, verdict.text, failed)
    if pictures is not None:
        axes = cx.plot_classes(classes="argmin", labels=ADVISORIES)
        axes.figure.savefig(pictures / "acas_advisories.png", dpi=110, bbox_inches="tight")


def space(pictures: Path | None, failed: list[str]) -> None:
    net = he_network((3, 16, 16, 1), 5)
    cx = timed("regions of 3-16-16-1", lambda: pr.enumerate_regions(net, cube(3), progress=False))
    middle = Fraction(*cx.range(0)[0].limit_denominator(8).as_integer_ratio())
    value = (middle + cx.range(0)[1]) / 2
    value = value.limit_denominator(8)
    level = timed(f"level set at {value}", lambda: cx.level_set(0, value))
    mesh = timed("its mesh", level.mesh)
    edges = len({tuple(sorted((t[k], t[k - 1]))) for t in mesh.triangles.tolist() for k in range(3)})
    rim = mesh.boundary_edges()
    size = f"{len(mesh.vertices)} vertices, {edges} edges, {len(mesh.triangles)} triangles"
    print(f"            {size}, area {float(level.area):.6f}")
    ends = mesh.vertices[rim]
    on_walls = bool(((ends[:, 0] == ends[:, 1]) & (abs(ends[:, 0]) == 1)).any(axis=1).all())
    check(on_walls, f"watertight: its {len(rim)} edges of one triangle lie on the walls", failed)
    betti = timed("Betti numbers", level.betti_numbers)
    check(len(mesh.vertices) - edges + len(mesh.triangles) == betti[0] - betti[1] + betti[2], f"Euler: {betti}", failed)
    if pictures is not None:
        import matplotlib.pyplot as plt

        axes = plt.figure(figsize=(5.5, 5)).add_subplot(projection="3d")
        level.plot(axes)
        axes.figure.savefig(pictures / "level_set.png", dpi=110, bbox_inches="tight")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw acas_advisories.png and level_set.png")
    options = parser.parse_args()
    failed: list[str] = []
    space(options.pictures, failed)
    try:
        plane(options.pictures, failed)
    except pr.InputError as error:
        print(f"skipped: {error}")
    print(f"{len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
