"""Every claim about constructions and bounds beside its enumerated count: python benchmarks/theory_tables.py [--quick].

Arora et al. 2018 and its competitors (theory.md A, C.2, C.3), formulas (C.1), classical arrangements (D), the zonotope
family at 51 parameters (the largest has more than 10^5 linear pieces in R^2, more than 10^4 in R^3), the comparison
of section 3, sizes of shallower networks and the L1 gap. ``--picture FILE`` draws a member of the family in R^2.
"""

from __future__ import annotations

import argparse
import sys
import time
from fractions import Fraction
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from networks import KNOWN, KNOWN_LARGE, KNOWN_LINEAR  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu.theory import bounds, constructions, report, table, theorems  # noqa: E402
from polyrelu.theory.table import Row, compare  # noqa: E402
from polyrelu.theory.training import fit_globally  # noqa: E402

# (n, m, w, k)
ZONOTOPES = [
    *((2, m, w, k) for m in (2, 3, 5, 8) for w, k in ((2, 1), (2, 2), (3, 1), (3, 2), (4, 2))),
    *((3, m, w, k) for m in (2, 3, 4, 6) for w, k in ((2, 1), (2, 2), (3, 1), (3, 2))),
    *((4, m, w, k) for m in (2, 4, 5) for w, k in ((2, 1), (2, 2), (3, 1))),
]
LARGE = [(2, 25, 3, 7), (3, 8, 3, 5), (4, 7, 3, 3)]
FORMULAS = [
    (2, [4, 4], 121, 121), (3, [5, 4, 3], 3120, 2338), (10, [4, 4], 256, 163), (2, [2, 5, 5], 1024, 329),
    (1, [3, 3, 3], 64, 64), (784, [11, 11], 4194304, 2449868),
]  # fmt: skip


def row(statement, parameters, claimed, enumerated):
    return Row(statement, parameters, "=", claimed, enumerated, compare(claimed, "=", enumerated))


def formula_rows():
    for n0, widths, montufar, serra in FORMULAS:
        given = {"n0": n0, "widths": widths}
        yield row("C.1 Montufar 2017, formula", given, montufar, bounds.montufar_2017(n0, widths))
        yield row("C.1 Serra 2018, formula", given, serra, bounds.serra_2018(n0, widths))
        yield row("C.1 Hinz & van de Geer 2019", given, serra, bounds.hinz_van_de_geer(n0, widths))


def known_rows(quick):
    for known in KNOWN + ([] if quick else KNOWN_LARGE):
        space = None if known.domain is None else pr.Box(*known.domain)
        # those that take breadth-first search and minutes are in ground_truth.py
        if known.count > (100 if quick else 400) and (quick or space is None or len(known.domain[0]) > 6):
            continue
        yield row(f"D, C.3 {known.name}", {}, known.count, int(pr.count_regions(known.make(), space, progress=False)))
    for known in KNOWN_LINEAR:
        space = None if known.domain is None else pr.Box(*known.domain)
        cx = pr.enumerate_regions(known.make(), space, progress=False)
        for definition in ("open", "closed", "affine"):
            claimed = getattr(known, definition)
            if claimed is not None:
                yield row(f"C.3 {known.name}, {definition}", {}, claimed, len(cx.linear_regions(definition)))


def zonotope_rows(quick):
    for key in ZONOTOPES + ([] if quick else LARGE):
        began = time.perf_counter()
        rows = table.check(constructions.zonotope(*key), None)
        seconds = time.perf_counter() - began
        if seconds > 2:
            print(f"    zonotope {key}: {rows[1].enumerated} linear, {rows[2].enumerated} activation regions, "
                  f"{seconds:.1f} s", flush=True)  # fmt: skip
        yield from rows


def size_rows():
    """Depth gaps: the deep network's size, and what fewer hidden layers need."""
    print("\nSize of shallower networks (hard family): bound of theorem 3.1, sharper bound")
    for w, k in ((2, 4), (3, 4), (4, 4), (2, 8)):
        gap = theorems.theorem_3_1(k, w)
        words = [f"k'={j}: {gap.size_bound(j).least_size}, {gap.least_size(j)}" for j in range(1, k + 1)]
        print(f"  w={w} k={k}, {gap.pieces} pieces, size {gap.construction.size};  {';  '.join(words)}")
    print("\nL1 gap (theorem 3.5): size s, bound on the distance, distance of a network of that size")
    for w, k in ((2, 3), (4, 2), (4, 3)):
        gap = theorems.theorem_3_5(k, w)
        for layers in range(1, k + 1):
            for width in range(2, w + 1):
                rival, distance = gap.follower(layers, width)
                found = pr.distance(gap.network, rival, pr.Box([0], [1]), "L1")
                given = {"w": w, "k": k, "layers": layers, "s": rival.neurons}
                bound = gap.distance_bound(layers, rival.neurons)
                print(f"  w={w} k={k} k'={layers} s={rival.neurons}: > {bound}, {found}")
                claimed, scale = int(8 * gap.teeth * distance), 8 * gap.teeth
                yield Row("Thm 3.5: L1 distance of the follower, times 8 w^k", given, "=", claimed, int(scale * found),
                          distance == found > bound)  # fmt: skip


def trained_rows():
    """Theorem 3.5 against the best that training can find: least absolute error, globally optimal on 33 points."""
    gap = theorems.theorem_3_5(3, 2)
    X = [[Fraction(i, 32)] for i in range(33)]
    y = [gap.network(x)[0] for x in X]
    for nodes in (1, 2, 3):
        rival = fit_globally(X, y, nodes, "absolute", progress=False).network
        found, bound = pr.distance(gap.network, rival, pr.Box([0], [1]), "L1"), gap.distance_bound(1, nodes)
        print(f"  w=2 k=3 k'=1 s={nodes}, trained: > {bound}, {float(found):.6f}")
        claimed, enumerated = (int(2**20 * v) for v in (bound, found))
        given = {"w": 2, "k": 3, "layers": 1, "s": nodes}
        yield Row("Thm 3.5: L1 distance of the best fit, times 2^20", given, ">=", claimed, enumerated, found > bound)


def comparison_text():
    cases = [(8, 12, 4), (4, 6, 8), (4, 6, 4), (10, 15, 6), (10, 18, 20), (2, 4, 4), (2, 12, 4), (3, 9, 3)]
    print("\nSection 3: lower bounds for n inputs, k hidden layers of w nodes")
    print(f"{'n':>4}{'w':>4}{'k':>4} {'Arora':>26} {'Montufar':>26} {'Telgarsky':>26} {'Serra':>26}")
    for c in table.comparison(cases):
        print(f"{c.n:>4}{c.w:>4}{c.k:>4} {c.arora:>26} {c.montufar:>26} {c.telgarsky:>26} {c.serra:>26}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--picture", metavar="FILE", help="draw a zonotope function of the plane, m=5 w=3 k=2")
    options = parser.parse_args()
    began = time.perf_counter()
    rows = [*table.all_rows(), *formula_rows(), *known_rows(options.quick)]
    print(f"    {len(rows)} rows after {time.perf_counter() - began:.0f} s", flush=True)
    rows += zonotope_rows(options.quick)
    for n0, widths in ((1, [4, 4]), (2, [6, 6]), (2, [8, 8]), (3, [6, 6]), (2, [6, 6, 6])):
        rows += table.architecture(n0, widths)
    rows += [*size_rows(), *trained_rows()]
    comparison_text()
    print()
    print(report.as_text(report.as_json(rows)))
    if options.picture:
        from polyrelu.plotting import save_picture

        # nearly a regular decagon: the generators of the large cases make thin ones
        decagon = [[10, 0], [8, 6], [3, 10], [-3, 10], [-8, 6]]
        made = constructions.zonotope_function(decagon, constructions.even_kinks(3, 2, 30), 30)
        save_picture(pr.enumerate_regions(made.network, pr.Box([-1, -1], [1, 1]), progress=False), options.picture)
    wrong = sum(r.holds is False for r in rows)
    open_rows = sum(r.holds is None for r in rows)
    seconds = time.perf_counter() - began
    print(f"{len(rows)} rows: {wrong} fail, {open_rows} not enumerated, {seconds:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
