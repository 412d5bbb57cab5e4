"""Every claim about constructions and bounds beside its enumerated count: python benchmarks/theory_tables.py [--quick].

One table: statement, parameters, claimed, enumerated, holds. Arora et al. 2018, theorems 2.1 to 4.1 with their
corollaries, and its competitors (theory.md A, C.2, C.3, C.5), formulas (C.1), zonotopes, classical arrangements (D),
the zonotope family at 48 parameters with n = 2, 3, 4 (the largest has more than 10^5 linear pieces in R^2, more than
10^4 in R^3), sizes of shallower networks, the L1 gap, and the comparison of section 3. ``--picture FILE`` draws a
member of the family in R^2.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from fractions import Fraction
from math import comb, factorial, prod
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from cases import ACASXU, acasxu_property  # noqa: E402
from networks import KNOWN, KNOWN_LARGE, KNOWN_LINEAR, difference  # noqa: E402

import polyrelu as pr  # noqa: E402
from polyrelu.theory import (  # noqa: E402
    approximate,
    bounds,
    constructions,
    cover_number,
    fit_globally,
    maxima,
    piecewise,
    plain_algorithm,
    report,
    represent,
    representation,
    table,
    theorems,
    univariate,
)
from polyrelu.theory.dichotomies import dichotomies  # noqa: E402
from polyrelu.theory.table import Row, compare  # noqa: E402
from polyrelu.zonotope import Zonotope, generic_generators, most_vertices  # noqa: E402

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
        if known.count > (100 if quick else 400) and (quick or space is None):
            continue
        net = known.make()
        if space is not None and net.input_dim > 9:
            # the graph's planes depend on differences alone: fix the last coordinate, and subdivision can count
            n = net.input_dim - 1
            net = net.restrict([0] * (n + 1), [[int(i == j) for j in range(n + 1)] for i in range(n)])
            space = pr.Box(known.domain[0][:n], known.domain[1][:n])
        yield row(f"D, C.3 {known.name}", {}, known.count, int(pr.count_regions(net, space, progress=False)))
    for known in KNOWN_LINEAR:
        space = None if known.domain is None else pr.Box(*known.domain)
        cx = pr.enumerate_regions(known.make(), space, progress=False)
        for definition in ("open", "closed", "affine"):
            claimed = getattr(known, definition)
            if claimed is not None:
                yield row(f"C.3 {known.name}, {definition}", {}, claimed, len(cx.linear_regions(definition)))


def real_rows():
    """D.2, if the networks are at hand."""
    if ACASXU.is_dir():
        for model, count in (("1_7", 502), ("1_1", 71930)):
            given = {"network": f"ACAS Xu {model}", "domain": "property 3"}
            found = pr.count_regions(*acasxu_property(model, 3), progress=False)
            yield row("D.2 activation regions", given, count, int(found))


def zonotope_rows(quick):
    for key in ZONOTOPES + ([] if quick else LARGE):
        began = time.perf_counter()
        rows = table.check(constructions.zonotope(*key), None)
        seconds = time.perf_counter() - began
        if seconds > 2:
            print(f"    zonotope {key}: {rows[1].enumerated} linear, {rows[2].enumerated} activation regions, "
                  f"{seconds:.1f} s", flush=True)  # fmt: skip
        yield from rows


def theorem_rows():
    """Theorems 2.1 to 4.1 of Arora et al., each by the library's own functions."""
    tent_sum = piecewise.grid_triangulation([0, 0], [2, 2], 2, lambda x: min(x) * (2 - max(x)))
    cases = [
        ("network, min(|x|, |y|)", MIN_ABS, 2, False),
        ("triangulation", tent_sum, 2, False),
        ("max-min", piecewise.MaxMin([[[1, 0, 0], [0, 1, 1]], [[-1, 2, 0], [0, -1, 2]]]), 2, False),
        ("difference of maxima", piecewise.DifferenceOfMaxima(corners(3), [[1, 1, 0, 0], [0, 1, 1, 1]]), 2, False),
        ("max(0, x_1, .., x_4)", piecewise.DifferenceOfMaxima(corners(4), [[0] * 5]), 3, True),
        ("max(0, x_1, .., x_5)", piecewise.DifferenceOfMaxima(corners(5), [[0] * 6]), 3, True),
    ]
    for name, f, paper, convex in cases:
        d = f.input_dim if isinstance(f, pr.ReluNetwork) else f.d
        # the cones of all orders prove a maximum far faster than a common refinement
        for layers in (paper, 2)[: 1 + convex]:
            found = represent(f, layers=layers, prove=not convex)
            proof = maxima.computes_maximum(found.network, zero=True) if convex else all(found.proof)
            given = {"n": d, "f": name, "size": found.size}
            statement = "beyond Thm 2.1: two hidden layers"
            if layers == paper:
                statement = "Thm 2.1: hidden layers, ceil(log2(n+1))"
            yield Row(statement, given, "<=", layers, found.hidden_layers,
                      proof and found.hidden_layers <= layers)  # fmt: skip
    for name, f in {
        "tent": univariate.Univariate.through([0, 1, 2], [0, 1, 0], 0, 0),
        "right slope a sum of jumps": univariate.Univariate.through([0, 1], [0, 1], -1, 2),
        "right slope no sum of jumps": univariate.Univariate.through([0, 1, 3], [0, 1, 0], -1, "1/2"),
        "sawtooth of 9 pieces": representation.univariate(constructions.hard(3, 2).network),
    }.items():
        found = univariate.minimal_network(f)
        proof = found.minimal and found.check() and bool(pr.equal(found.network, univariate.paper_network(f)))
        given = {"f": name, "p": f.pieces}
        for claimed, relation in ((f.pieces - 1, ">="), (f.pieces, "<=")):
            yield Row("Thm 2.2: nodes of the smallest network on R", given, relation, claimed, found.nodes,
                      proof and compare(claimed, relation, found.nodes))  # fmt: skip
    for name, f, d, said in (
        ("x^2", lambda x: x[0] ** 2, 1, {"convex": True}),
        ("x y", lambda x: x[0] * x[1], 2, {"curvature": 1}),
    ):
        found = approximate(f, pr.Box([0] * d, [1] * d), Fraction(1, 20), **said)
        layers, given = (d).bit_length(), {"f": name, "error": "1/20", "size": found.representation.size}
        yield Row("Thm 2.3: hidden layers, error proved in the supremum", given, "<=", layers,
                  found.representation.hidden_layers, found.certified)  # fmt: skip
    for n, size in ((5, 23), (6, 488)):
        net = maxima.maximum_network(n)
        yield Row("C.5: max of n numbers in two hidden layers, size", {"n": n, "widths": list(net.widths)}, "=", size,
                  net.neurons, maxima.computes_maximum(net) and len(net.widths) == 2)  # fmt: skip

    family = theorems.smooth_family(2, 3, 4)
    pairs = [theorems.theorem_3_2(a, b, M, N) for (a, M), (b, N) in itertools.combinations(family, 2)]
    given = {"w": 3, "k": 2, "members": len(family)}
    yield row("Thm 3.2: pairs of parameters with one function", given, 0, sum(map(bool, pairs)))
    made = [constructions.hard_function(a, M).network for a, M in family]
    read = [constructions.hard_parameters(net, 3, 2) for net in made]
    yield row("Thm 3.2: parameters read back from the function", given, len(family),
              sum(a == b for a, b in zip(read, family, strict=True)))  # fmt: skip
    for n, m, w, k in ((2, 3, 2, 2), (2, 4, 3, 1), (3, 3, 2, 1)):
        Z = constructions.zonotope(n, m, w, k, seed=1).network
        b, a, M = constructions.zonotope_parameters(Z, w, k)
        other = constructions.zonotope_function([[-v for v in g] for g in reversed(b)], a, M).network
        given = {"n": n, "m": m, "w": w, "k": k}
        same = int(bool(pr.equal(Z, other)))
        yield row("Thm 3.9 (iii), corrected: other signs and order, one function", given, 1, same)
    for n in (2, 3):
        D = 7 if n == 2 else 6
        X = [[t**j for j in range(1, n + 1)] for t in range(D)]
        given = {"D": D, "n": n}
        yield row("Cover: dichotomies of points in general position", given, cover_number(D, n), len(dichotomies(X)))
    for loss in ("squared", "absolute"):
        X, y = [-2, -1, 0, 1, 3], [1, 0, 2, 0, 1]
        fast, plain = fit_globally(X, y, 2, loss, gap=0, progress=False), plain_algorithm(X, y, 2, loss)
        T, given = fast.dichotomies, {"D": 5, "n": 1, "w": 2, "loss": loss}
        yield Row("Thm 4.1: programs of the paper's algorithm, 2^w T^w, same optimum", given, "=", (2 * T) ** 2,
                  plain.branches, fast.exact and fast.check() and fast.value == plain.value)  # fmt: skip
        choices = sum(comb(T + j - 1, j) * comb(T + 1 - j, 2 - j) for j in range(3))
        yield Row("Thm 4.1: choices covered by branch and bound", given, "=", choices, fast.covered,
                  fast.covered == choices)  # fmt: skip


MIN_ABS = pr.ReluNetwork(
    [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 0, 0], [1, 1, -1, -1]], [[1, -1]]], [[0] * 4, [0] * 2, [0]]
)


def corners(d):
    """Return the affine forms x_1, .., x_d and 0."""
    return [[int(i == j) for j in range(d + 1)] for i in range(d)] + [[0] * (d + 1)]


def closed_form_rows():
    """Zonotopes: vertices, facets and volumes that are known."""
    for n in (2, 3, 4, 5):
        Z = Zonotope([[Fraction(v, 2) for v in difference(n, i, j)] for i, j in itertools.combinations(range(n), 2)])
        yield row("permutohedron: vertices n!", {"n": n}, factorial(n), len(Z.vertices()))
        yield row("permutohedron: facets 2^n - 2", {"n": n}, 2**n - 2, len(Z.facets()))
        yield row("permutohedron: volume n^(n-2) of its projection", {"n": n}, n ** (n - 2),
                  int(Z.projection(range(n - 1)).volume()))  # fmt: skip
    for n in (1, 2, 3, 4):
        units = [[int(i == j) for j in range(n)] for i in range(n)]
        signed = [difference(n, i, j, s) for i, j in itertools.combinations(range(n), 2) for s in (1, -1)]
        B, cube = Zonotope(signed + units), Zonotope(units)
        yield row("type B: vertices 2^n n!", {"n": n}, 2**n * factorial(n), len(B.vertices()))
        yield row("cube: vertices 2^n", {"n": n}, 2**n, len(cube.vertices()))
        yield row("cube: facets 2n", {"n": n}, 2 * n, len(cube.facets()))
        yield row("cube: volume 2^n", {"n": n}, 2**n, int(cube.volume()))
    for n, m in ((1, 3), (2, 2), (2, 7), (3, 6), (3, 12), (4, 6)):
        Z = Zonotope(generic_generators(n, m))
        given = {"n": n, "m": m}
        yield row("Thm 3.6, corrected: vertices 2 sum C(m-1, i)", given, most_vertices(n, m), len(Z.vertices()))
        # Vandermonde determinants are products of differences
        chosen = itertools.combinations(range(1, m + 1), n)
        volume = 2**n * sum(prod(t - s for s, t in itertools.combinations(ts, 2)) for ts in chosen)
        yield row("generic zonotope: volume 2^n sum |det|", given, volume, int(Z.volume()))


def size_rows():
    """Depth gaps: what k' hidden layers need at least, beside networks that have as many nodes as are enough."""
    gaps = [("Thm 3.1", theorems.theorem_3_1(k, w)) for w, k in ((2, 4), (3, 4), (4, 4), (2, 8))]
    gaps += [("Cor 3.3", theorems.corollary_3_3(4, "1/2")), ("Cor 3.3", theorems.corollary_3_3(2, 2))]
    gaps += [("Cor 3.4", theorems.corollary_3_4(2)), ("Thm 3.9", theorems.theorem_3_9(2, 2, 3, 4))]
    for name, gap in gaps:
        made = gap.construction
        given = {key: made.parameters[key] for key in ("n", "m", "w", "k") if key in made.parameters}
        if name.startswith("Cor"):
            w, layers = made.parameters["w"], len(made.network.widths)
            exact = Fraction(w * w ** (layers // w), 2) - 1
            yield Row(f"{name}: size with {layers + 1} layers", given, "=", w * layers, made.size,
                      made.size == w * layers and gap.size_bound(w).exact == exact)  # fmt: skip
        if gap.line_pieces > 1000:
            continue
        line = made.network if made.network.input_dim == 1 else made.network.restrict([0, 0], [[1, 0]])
        f = representation.univariate(line)
        yield row(f"{name}: pieces on a line", given, gap.line_pieces, f.pieces)
        one = univariate.minimal_network(f)
        for layers in range(1, gap.depth + 1):
            bound, sharp = gap.size_bound(layers).least_size, gap.least_size(layers)
            told = given | {"layers": layers}
            yield Row(f"{name}: nodes needed, sharper bound beside the theorem's", told, ">=", bound, sharp,
                      sharp >= bound)  # fmt: skip
            if layers == 1:
                yield Row(f"{name}: nodes of the smallest network of one hidden layer", told, ">=", sharp, one.nodes,
                          one.nodes >= sharp and one.check())  # fmt: skip
            if layers == gap.depth:
                yield Row(f"{name}: nodes of the deep network", told, ">=", sharp, made.size, made.size >= sharp)


def mean_rows():
    """Theorem 3.5: L1 distances, exactly, as whole numbers."""
    for w, k in ((2, 3), (4, 2), (4, 3), (3, 3)):
        gap = theorems.theorem_3_5(k, w)
        for layers in range(1, k + 1):
            for width in range(2, w + 1):
                rival, distance = gap.follower(layers, width)
                found = pr.distance(gap.network, rival, pr.Box([0], [1]), "L1")
                given = {"w": w, "k": k, "layers": layers, "s": rival.neurons}
                bound = gap.distance_bound(layers, rival.neurons)
                claimed, scale = int(8 * gap.teeth * distance), 8 * gap.teeth
                yield Row("Thm 3.5: L1 distance of the follower, times 8 w^k", given, "=", claimed, int(scale * found),
                          distance == found > bound)  # fmt: skip
    # printed for at most k' hidden layers; three nodes in one layer come nearer than it says for k' = 7
    gap = theorems.theorem_3_5(7, 2)
    rival, _ = gap.follower(1, 2)
    found = pr.distance(gap.network, rival, pr.Box([0], [1]), "L1")
    printed = (1 - Fraction(2 * 6**7, 7**7 * 128)) / 4
    claimed, enumerated = (int(2**20 * v) for v in (printed, found))
    given = {"w": 2, "k": 7, "layers": "1 <= 7", "s": rival.neurons}
    yield Row("Thm 3.5 as printed fails for fewer layers, times 2^20", given, "<=", claimed, enumerated,
              found < printed)  # fmt: skip


def trained_rows():
    """Theorem 3.5 against the best that training can find: least absolute error, globally optimal on 33 points."""
    gap = theorems.theorem_3_5(3, 2)
    X = [[Fraction(i, 32)] for i in range(33)]
    y = [gap.network(x)[0] for x in X]
    for nodes in (1, 2, 3):
        rival = fit_globally(X, y, nodes, "absolute", progress=False).network
        found, bound = pr.distance(gap.network, rival, pr.Box([0], [1]), "L1"), gap.distance_bound(1, nodes)
        claimed, enumerated = (int(2**20 * v) for v in (bound, found))
        given = {"w": 2, "k": 3, "layers": 1, "s": nodes}
        yield Row("Thm 3.5: L1 distance of the best fit, times 2^20", given, ">=", claimed, enumerated, found > bound)


def comparison_rows():
    """Section 3: formulas beside formulas, and for small cases Arora's function enumerated beside the others'."""
    cases = [(8, 12, 4), (4, 6, 8), (4, 6, 4), (10, 15, 6), (10, 18, 20), (2, 4, 4), (2, 12, 4), (3, 9, 3)]
    for c in table.comparison(cases):
        given = {"n": c.n, "w": c.w, "k": c.k}
        for name, other in (("Montufar", c.montufar), ("Telgarsky", c.telgarsky), ("Serra", c.serra)):
            # Serra's theorem 7 contains Arora's construction; Montufar's folds multiply from w = 2n on
            less = name == "Serra" or name == "Montufar" and c.w >= 2 * c.n
            relation = "<=" if less else ">="
            yield Row(f"Sec. 3, formulas: Arora's number beside {name}'s", given, relation, other, c.arora,
                      compare(other, relation, c.arora))  # fmt: skip
    for n, w, k in ((3, 4, 3), (3, 4, 4), (4, 6, 3)):
        c, made = table.comparison([(n, w, k)])[0], constructions.zonotope(n, w // 2, w, k - 1)
        cx = pr.enumerate_regions(made.network, made.claims[1].window, progress=False)
        found = len(cx.linear_regions())
        for name, other in (("Montufar", c.montufar), ("Telgarsky", c.telgarsky)):
            yield Row(f"Sec. 3: Arora's pieces beside {name}'s bound", {"n": n, "w": w, "k": k}, ">=", other, found,
                      found >= other)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what takes longest")
    parser.add_argument("--picture", metavar="FILE", help="draw a zonotope function of the plane, m=5 w=3 k=2")
    options = parser.parse_args()
    began = time.perf_counter()
    rows = [*table.all_rows(), *formula_rows(), *known_rows(options.quick)]
    print(f"    {len(rows)} rows after {time.perf_counter() - began:.0f} s", flush=True)
    rows += zonotope_rows(options.quick)
    for n0, widths in ((1, [4, 4]), (2, [6, 6]), (2, [8, 8]), (3, [6, 6]), (2, [6, 6, 6])):
        rows += table.architecture(n0, widths)
    print(f"    {len(rows)} rows after {time.perf_counter() - began:.0f} s", flush=True)
    for more in (real_rows, closed_form_rows, theorem_rows, size_rows, mean_rows, trained_rows, comparison_rows):
        rows += more()
        print(f"    {len(rows)} rows after {time.perf_counter() - began:.0f} s", flush=True)
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
