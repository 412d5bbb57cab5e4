"""Formulas against brute force, published values and enumeration; the table and the commands that print it."""

from __future__ import annotations

import json
import time
from fractions import Fraction as F
from itertools import product
from math import comb, prod

import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu.__main__ import main
from polyrelu.theory import bounds, catalog, constructions, report, sizes, table

SHAPES = st.tuples(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=1, max_size=4))


# -- formulas ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("n0", "widths", "montufar", "serra"),
    [
        (2, [4, 4], 121, 121),
        (3, [5, 4, 3], 3120, 2338),
        (10, [4, 4], 256, 163),
        (2, [2, 5, 5], 1024, 329),
        (1, [3, 3, 3], 64, 64),
        (784, [11, 11], 4194304, 2449868),
    ],
)
def test_published_values(n0, widths, montufar, serra):
    assert bounds.montufar_2017(n0, widths) == montufar
    assert bounds.serra_2018(n0, widths) == serra == bounds.hinz_van_de_geer(n0, widths)


def serra_by_definition(n0, widths):
    return sum(
        prod(comb(n, j) for n, j in zip(widths, js, strict=True))
        for js in product(*(range(n + 1) for n in widths))
        if all(j <= min([n0, *(widths[i] - js[i] for i in range(level))]) for level, j in enumerate(js))
    )


def hinz_by_matrices(n0, widths, gamma):
    """|B_{n_L} M .. B_{n_1} M e_{n0+1}|_1 with the matrices written out."""
    vector = [0] * n0 + [1]
    for n in widths:
        before = len(vector) - 1
        clipped = [0] * (n + 1)
        for j, v in enumerate(vector):
            clipped[min(j, n)] += v
        assert before >= 0
        after = [0] * (n + 1)
        for j, v in enumerate(clipped):
            histogram = list(gamma(j, n))
            if j < n:
                histogram = [*histogram[:j], sum(histogram[j:]), *[0] * (n - j)]
            after = [a + v * h for a, h in zip(after, histogram, strict=True)]
        vector = after
    return sum(vector)


@given(SHAPES)
@settings(max_examples=60)
def test_upper_bounds_are_ordered(shape):
    n0, widths = shape
    serra, line = bounds.serra_2018(n0, widths), bounds.hinz_van_de_geer(n0, widths, bounds.line_histogram)

    assert serra == serra_by_definition(n0, widths)
    assert serra == bounds.hinz_van_de_geer(n0, widths) == hinz_by_matrices(n0, widths, bounds.plane_histogram)
    assert line == hinz_by_matrices(n0, widths, bounds.line_histogram)
    assert line <= serra <= bounds.montufar_2017(n0, widths) <= min(
        bounds.all_patterns(n0, widths), bounds.raghu(n0, widths)
    )
    assert bounds.serra_2018(n0, widths, [min(n0, n) for n in widths]) == serra
    if len(widths) == 1:
        assert serra == bounds.zaslavsky(n0, widths[0])
    if n0 == 1:
        assert bounds.montufar_2017(1, widths) == bounds.line_maximum(widths) <= bounds.arora_line(widths)
        assert bounds.arora_line(widths) <= bounds.arora_size_line(widths)  # as the largest product of widths shows
    for lower in bounds.lower_bounds(n0, widths):
        assert lower.value <= serra, lower


@given(strategies.networks(max_neurons=7))
@settings(max_examples=35)
def test_no_network_exceeds_an_upper_bound(net):
    count = pr.count_regions(net, pr.Box([-3] * net.input_dim, [3] * net.input_dim), progress=False)
    skips = any(set(layer.blocks) - {i} for i, layer in enumerate(net.layers))
    shown = bounds.upper_bounds(net.input_dim, net.widths)

    for b in shown[: 1 if skips else None]:  # with skip connections an inactive layer loses no dimension
        assert count <= b.value, b


@pytest.mark.parametrize("n", range(6))
def test_line_histograms_dominate_all_sequences_of_flips(n):
    """All ways to order n kinks on a line, each node active on its left or on its right."""
    best = [0] * (n + 2)
    for sides in product((0, 1), repeat=n):  # the order matters only through the sequence of sides
        active = [sides.count(0)]
        for side in sides:
            active.append(active[-1] + (1 if side else -1))
        best = [max(b, sum(a >= j for a in active)) for j, b in enumerate(best)]
    histogram = bounds.line_histogram(1, n)

    assert [sum(histogram[j:]) for j in range(n + 2)] == best


def test_maxout_of_rank_two_is_a_relu_bound():
    assert bounds.maxout(3, [5, 4, 3], 2) == bounds.montufar_2017(3, [5, 4, 3])
    assert bounds.maxout(2, [2], 3) == 1 + 6 + 15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.serra_2018(0, [3]), "n0 is 0; give a whole number from 1 up"),
        (lambda: bounds.serra_2018(2, [3, 0]), "a width is 0"),
        (lambda: bounds.serra_2018(2, []), "there is no hidden layer"),
        (lambda: bounds.serra_2018(2, [3, 3], [1]), "1 ranks for 2 layers"),
        (lambda: bounds.serra_2018(2, [3, 3], [-1, 2]), "a rank is -1; give a whole number from 0 up"),
        (lambda: bounds.serra_2018(2, 3), "widths are 3; give a list of whole numbers"),
        (lambda: bounds.zaslavsky(2, 4, rank=-1), "rank is -1; give a whole number from 0 up"),
        (lambda: bounds.zaslavsky(2, 4, rank="a"), "rank is a; give a whole number from 0 up"),
        (lambda: bounds.maxout(2, [4], 0), "rank is 0; give a whole number from 1 up"),
        (lambda: sizes.arora_size(0, 1), "pieces is 0; give a whole number from 1 up"),
        (lambda: sizes.least_size(4, 0), "depth is 0; give a whole number from 1 up"),
        (lambda: table.compare(1, "<", 2), "a relation is =, <= or >=; got '<'"),
    ],
)
def test_bounds_that_cannot_be(call, message):
    with pytest.raises(pr.InputError, match=message):
        call()


# -- sizes ------------------------------------------------------------------------------
@given(st.integers(1, 200), st.integers(1, 4))
@settings(max_examples=60)
def test_size_bounds(pieces, depth):
    bound = sizes.arora_size(pieces, depth)
    s = bound.least_size

    # s >= k p^(1/k) / 2 - 1  iff  (2 (s + 1))^k >= k^k p
    assert s == next(v for v in range(1000) if (2 * (v + 1)) ** depth >= depth**depth * pieces)
    # the float is below the bound, its successor by 2^-40 is not
    assert not bound.reached(F(float(bound)) - F(1, 2**40)) or bound.exact is None and float(bound) == 0
    assert bound.reached(F(float(bound)) + F(1, 2**40))
    if bound.exact is not None:
        assert (2 * (bound.exact + 1)) ** depth == depth**depth * pieces
    least = sizes.least_size(pieces, depth)
    assert least >= s
    fewer = [w for w in product(range(1, least), repeat=depth) if sum(w) < least] if least**depth < 3000 else []
    assert all(prod(n + 1 for n in w) < pieces for w in fewer)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_least_size_for_four_pieces_a_layer_is_attained(depth):
    made = catalog.construct("serra", n=3, k=depth)

    assert sizes.least_size(4**depth, depth) == made.size == 3 * depth


# -- tables -----------------------------------------------------------------------------
def test_the_comparison_of_section_3():
    """Arora against Montufar: n <= w < 2n; the illustration of theory.md, A.5."""
    found = table.comparison([(8, 12, 4), (4, 6, 8), (2, 4, 3)])

    assert [(row.arora, row.montufar) for row in found] == [(110592, 3797), (2239488, 57), (64, 176)]
    # w^k of Telgarsky is less than the zonotope's, if 2 sum_{i<n} C(m-1, i) > w with m = w / 2
    assert [row.telgarsky for row in found] == [12**4, 6**8, 4**3]
    # for n <= w < 2n folding multiplies nothing: the number does not grow with depth
    assert {row.montufar for row in table.comparison([(4, 6, k) for k in range(1, 9)])} == {57}


def test_every_bound_of_small_architectures_holds():
    for n0, widths in ((1, [3, 3]), (2, [4, 4]), (2, [6, 6, 3]), (3, [3]), (2, [3, 1, 2])):
        rows = table.architecture(n0, widths, seed=1)
        assert [row.statement for row in rows if row.holds is False] == []
        assert [row for row in rows if row.relation == "<=" and row.enumerated is None] == []
    generic = table.architecture(2, [5])
    assert [row.enumerated for row in generic if row.statement.startswith("Zaslavsky")] == [16]


def test_a_limit_leaves_rows_open():
    rows = table.check(constructions.hard(2, 4), limit=10)
    assert {(row.enumerated, row.holds) for row in rows} == {(None, None)}
    rows = table.architecture(2, [8, 8], limit=20)
    assert {row.holds for row in rows if row.relation == "<="} == {None}
    assert "not reached" in report.as_text(report.as_json(rows))


def test_a_search_stops_at_the_limit_whatever_is_claimed():
    """The maximum of six numbers claims 6 linear regions, but its network has far more activation regions."""
    began = time.perf_counter()
    rows = table.check(catalog.construct("max", n=6, layers=2), limit=10)
    assert [(row.claimed, row.enumerated, row.holds) for row in rows] == [(6, None, None)]
    assert time.perf_counter() - began < 5
    # 28 activation regions are claimed at least, and there are 38
    made = catalog.construct("montufar", n0=2, p=[2])
    assert [row.enumerated for row in table.check(made, limit=37)] == [None, 28]
    assert [row.enumerated for row in table.check(made, limit=38)] == [38, 28]
    assert {row.enumerated for row in table.upper_rows(made, limit=37)} == {None}


def test_every_formula_is_a_row():
    """Lemma D.6 and the bound for maxout networks were in no table."""
    shown = {row.statement: row.claimed for row in table.architecture(1, [3, 4])}
    assert shown["Arora 2018, Lemma D.6: (2s / k)^k, s = sum n_l"] == bounds.arora_size_line([3, 4]) == 49
    assert shown["Serra 2018, Thm 8: maxout, of rank 2 like ReLU"] == 20
    assert bounds.arora_size_line([1, 2, 2]) == 37  # (10/3)^3 = 37.03..


def test_a_false_claim_is_found():
    from dataclasses import replace

    made = constructions.hard(2, 2)
    wrong = replace(made, claims=(replace(made.claims[0], value=5),))
    (row,) = table.check(wrong)

    assert (row.enumerated, row.holds) == (4, False)
    assert report.as_text(report.as_json([row])).endswith("NO")


def test_a_star_import_brings_every_name():
    """The names are imported when they are first used; without ``__all__`` a star brought none of them."""
    import polyrelu.theory

    names: dict[str, object] = {}
    exec("from polyrelu.theory import *", names)
    assert set(polyrelu.theory.__all__) <= set(names)
    assert names["hard"] is constructions.hard and names["bounds"] is bounds


# -- commands ---------------------------------------------------------------------------
def run(capsys, *words):
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


@pytest.mark.parametrize(
    ("words", "widths", "count"),
    [
        (["hard", "--param", "w=3", "k=2"], [3, 3], 10),
        (["hard", "--param", "w=2", "--param", "k=2", "M=1/2", "seed=3"], [2, 2], 6),
        (["zonotope", "--param", "n=2", "m=3", "w=2", "k=2"], [6, 2, 2], 30),
        (["zonotope", "--param", "n=2", "m=3", "w=2", "k=1", "seed=1"], [6, 2], 12),
        (["tent", "--param", "k=2"], [2, 2], 6),
        (["tent", "--param", "k=1", "d=2"], [4], 9),
        (["montufar", "--param", "n0=2", "p=2,2"], [4, 4, 3], 148),
        (["montufar", "--param", "n0=1", "p=3"], [3, 2], 10),
        (["pascanu", "--param", "n0=2", "k=2"], [4, 4], 44),
        (["serra", "--param", "n=3", "k=2"], [3, 3], 16),
    ],
)
def test_constructed_files_can_be_counted(tmp_path, capsys, words, widths, count):
    out = str(tmp_path / "net.json")
    code, made, err = run(capsys, "construct", *words, "--out", out)

    assert (code, made["widths"], made["size"], made["out"], err) == (0, widths, sum(widths), out, "")
    assert run(capsys, "count", out)[1]["activation_regions"] == count


def test_constructions_are_described(capsys):
    assert main(["construct", "tent", "--param", "k=2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tent: 1 inputs, hidden layers [2, 2], 4 neurons",
        "activation regions = 4 on (0) to (1): Telgarsky: 2^(kd) regions on [0, 1]^d",
        "open regions = 4 on (0) to (1): Telgarsky: 2^(kd) regions on [0, 1]^d",
        "affine regions = 4 on (0) to (1): Telgarsky: 2^(kd) regions on [0, 1]^d",
        "activation regions = 6 on R^n: the same on R^d: (2^k + 1 + [k >= 2])^d",
        "not saved; give --out net.json",
    ]


def test_bounds_of_an_architecture(capsys):
    code, found, _ = run(capsys, "bounds", "--widths", "2,4,3,1")

    assert (code, found["holds"], found["exact"], found["plot"]) == (0, True, True, None)
    assert set(found["rows"][0]) == {"statement", "parameters", "relation", "claimed", "enumerated", "holds"}
    rows = {row["statement"]: (row["claimed"], row["relation"]) for row in found["rows"]}
    assert rows["Serra 2018, Thm 1"] == (77, "<=") and rows["Montufar 2014, Thm 4"] == (28, ">=")


def test_bounds_of_a_construction(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "bounds.png"
    words = ["bounds", "--construction", "serra", "--param", "n=3", "k=2", "--plot", str(picture)]
    code, found, _ = run(capsys, *words)

    assert (code, found["holds"], found["complete"]) == (0, True, True)
    assert {row["enumerated"] for row in found["rows"]} == {16}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(words[:-2]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["statement", "parameters", "claimed", "enumerated", "holds"]
    assert lines[-1].startswith(f"{len(found['rows'])} rows: {len(found['rows'])} hold, 0 fail, 0 not enumerated")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["construct", "tents"], "there is no construction 'tents'"),
        (["construct", "tent", "--param", "k"], "--param 'k': write each parameter once, as k=3"),
        (["construct", "tent", "--param", "k=1", "k=2"], "--param 'k=2': write each parameter once"),
        (["construct", "tent", "--param", "k=1/2"], "k is 1/2; give a whole number from 1 up"),
        (["construct", "tent", "--param", "k=x"], "--param k is 'x'; write a decimal"),
        (["construct", "hard", "--param", "w=3", "k=2", "seed=1/2"], "seed is 1/2; give a whole number from 0 up"),
        (["construct", "hard", "--param", "w=3", "k=2", "seed=1,2"], "seed is [1, 2]; give a whole number"),
        (["construct", "zonotope", "--param", "n=2", "m=3", "w=2", "k=1", "seed=-1"], "seed is -1; give a whole"),
        (["construct", "serra-zonotope", "--param", "n=2", "m=3", "w=3", "k=1", "seed=1/2"], "seed is 1/2; give"),
        (["bounds", "--construction", "hard", "--param", "w=3", "k=2", "seed=1/2"], "seed is 1/2; give a whole"),
        (["construct", "max", "--param", "n=4", "layers=5/2"], "layers is 5/2; give a whole number from 0 up"),
        (["construct", "max", "--param", "n=5/2"], "n is 5/2; give a whole number from 1 up"),
        (["construct", "hard", "--param", "w=3", "k=2", "M=1,2"], "M is "),
        (["construct", "montufar", "--param", "n0=2", "p=2,2", "output=1"], "output has 1 weights for 3 nodes"),
        (["construct", "serra", "--param", "n=3", "k=1", "output=1"], "output weighs the planes"),
        (["construct", "tent", "--param", "k=1,2"], "k is [1, 2]; give a whole number"),
        (["construct", "montufar", "--param", "n0=1", "p=1/2"], "p is 1/2; give a whole number"),
        (["construct", "tent", "--param", "k=1", "--out", "net.txt"], "json"),
        (["bounds", "--widths", "2,3"], "give inputs, hidden layers and outputs, like 2,16,16,1"),
        (["bounds", "--widths", "2,3,1", "--construction", "tent"], "--widths excludes --construction"),
        (["bounds", "--param", "k=1"], "--param belongs to --construction"),
        (["bounds", "--plot", "x.png"], "--plot draws one architecture"),
        (["bounds", "--limit", "0"], "--limit is 0; give a whole number from 1 up"),
    ],
)
def test_commands_that_cannot_be(capsys, words, message):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1
