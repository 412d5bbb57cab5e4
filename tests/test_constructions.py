"""The hard and the zonotope family, their competitors, and what theorems say of them: enumeration is the judge."""

from __future__ import annotations

import doctest
from fractions import Fraction as F
from itertools import pairwise
from math import comb
from pathlib import Path

import networks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu.theory import catalog, competitors, constructions, table, theorems
from polyrelu.theory.blocks import build, compose, crossing_planes
from polyrelu.theory.maxima import maximum_network
from polyrelu.theory.piecewise import DifferenceOfMaxima, Triangulation


def counts(net, domain, *definitions):
    cx = pr.enumerate_regions(net, domain, progress=False)
    return [len(cx) if d == "activation" else len(cx.linear_regions(d)) for d in definitions]


def test_every_name_is_among_the_standard_constructions():
    """``max`` was missing."""
    assert {made.name for made in catalog.standard_constructions()} == set(catalog.NAMES)


@pytest.mark.parametrize("made", list(catalog.standard_constructions()), ids=lambda made: made.name)
def test_every_claim_holds(made):
    rows = table.check(made)

    assert [row.enumerated for row in rows if row.relation == "="] == [row.claimed for row in rows if row.relation == "="]
    assert all(row.holds for row in rows)


# -- windows count like all of space ----------------------------------------------------
@pytest.mark.parametrize(
    "made",
    [
        constructions.hard(2, 2),
        constructions.hard(3, 2, 5, seed=4),
        constructions.zonotope(1, 2, 2, 2),
        constructions.zonotope(2, 1, 2, 2),
        constructions.zonotope(2, 3, 2, 2),
        constructions.zonotope(3, 2, 2, 2),
        constructions.zonotope(2, 4, 3, 1, seed=3),
        competitors.tent(1, 2),
        competitors.telgarsky(2),
        competitors.serra(3, 1, 2, 3),
        competitors.pascanu(2, 2, 3),
        competitors.pascanu(1, 3),
    ],
    ids=lambda made: made.name,
)
def test_windows_count_like_all_of_space(made):
    claims = [c for c in made.claims if c.window is not None]
    definitions = sorted({c.count for c in claims})

    assert claims and counts(made.network, None, *definitions) == counts(made.network, claims[0].window, *definitions)


# -- the hard family --------------------------------------------------------------------
@st.composite
def kinks(draw):
    w, k, M = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    steps = st.lists(st.integers(1, 30), min_size=w - 1, max_size=w - 1, unique=True)
    return [sorted(F(v * M, 31) for v in draw(steps)) for _ in range(k)], F(M)


def tooth_value(a, M, x):
    """Evaluate h_a by its definition."""
    if x <= 0:
        return F(0)
    ends = [F(0), *a, M]
    i = next((i for i, e in enumerate(ends[1:-1]) if x <= e), len(a))
    u, v = ends[i], ends[i + 1]
    low, high = M * (i % 2), M * ((i + 1) % 2)
    return low + (high - low) * (x - u) / (v - u)


@given(kinks(), st.lists(st.fractions(-2, 5, max_denominator=50), min_size=3, max_size=3))
@settings(max_examples=40)
def test_hard_functions_are_compositions_of_their_teeth(case, points):
    a, M = case
    made = constructions.hard_function(a, M)

    assert made.network.widths == (len(a[0]) + 1,) * len(a)
    assert (made.depth, made.size) == (len(a) + 1, len(a) * (len(a[0]) + 1))
    for x in [*points, F(0), M, *a[0]]:
        y = x
        for part in a:
            y = tooth_value(part, M, y)
        assert made.network([x])[0] == y


@given(kinks())
@settings(max_examples=15)
def test_hard_functions_have_their_pieces_and_give_their_parameters_back(case):
    a, M = case
    made = constructions.hard_function(a, M)
    w, k = len(a[0]) + 1, len(a)
    if w**k <= 27:
        extra = 1 + (k >= 2 and w % 2 == 0)
        assert counts(made.network, pr.Box([0], [M]), "activation", "open") == [w**k, w**k]
        assert counts(made.network, None, "activation", "open") == [w**k + extra, w**k + extra]
        assert constructions.hard_parameters(made.network, w, k) == (a, M)


@pytest.mark.parametrize(("k", "w"), [(1, 2), (1, 3), (2, 2), (2, 3)])
def test_distinct_parameters_give_distinct_functions(k, w):
    family = theorems.smooth_family(k, w, 4)

    for i, (a, M) in enumerate(family):
        for j, (b, N) in enumerate(family):
            pair = theorems.theorem_3_2(a, b, M, N)
            assert bool(pair) == pair.same_parameters == (i == j)
            assert (pair.sizes, pair.depths) == ((w * k,) * 2, (k + 1,) * 2)
            f, g = pair.networks
            assert pair or f(list(pair.comparison.witness)).tolist() != g(list(pair.comparison.witness)).tolist()
    made = [constructions.hard_function(a, M).network for a, M in family]
    assert [constructions.hard_parameters(net, w, k) for net in made] == family


def test_every_piece_of_a_hard_function_maps_onto_all_of_0_to_M():
    """Lemma B.1: minimum 0, maximum M, all in turn."""
    made = constructions.hard(3, 2, 2, seed=5)
    cx = pr.enumerate_regions(made.network, pr.Box([0], [2]), progress=False)
    ends = sorted({x for region in cx for (x,) in region.vertices.tolist()})

    assert [made.network([x])[0] for x in ends] == [0, 2] * 5
    assert len(ends) == 10


# -- the zonotope family ----------------------------------------------------------------
def test_zonotope_functions_are_as_deep_and_large_as_they_say():
    for n, m, w, k in ((1, 2, 2, 1), (2, 3, 3, 2), (3, 4, 2, 3), (4, 2, 2, 2)):
        made = constructions.zonotope(n, m, w, k)
        assert made.network.widths == (2 * m, *[w] * k)
        assert (made.depth, made.size) == (k + 2, 2 * m + w * k)
        half = sum(comb(m - 1, i) for i in range(n))
        assert made.claims[0].value == half * w**k < made.claims[1].value


def test_zonotope_functions_are_hard_functions_of_the_support_function():
    from polyrelu.zonotope import Zonotope

    made = constructions.zonotope(2, 3, 3, 2, seed=7)
    Z = Zonotope(made.parameters["b"])
    H = constructions.hard_function(made.parameters["a"], made.parameters["M"]).network
    for x in ((F(1, 7), F(-1, 30)), (F(1, 50), 0), (3, -5)):
        assert made.network(list(x))[0] == H([Z.support_function(x)])[0]


@pytest.mark.parametrize(("n", "m", "w", "k"), [(1, 1, 3, 1), (2, 1, 2, 2), (2, 3, 2, 2), (2, 3, 3, 1), (3, 3, 2, 1)])
def test_zonotope_functions_give_their_parameters_back(n, m, w, k):
    made = constructions.zonotope(n, m, w, k, seed=n + m)
    b, a, M = constructions.zonotope_parameters(made.network, w, k)

    assert b == sorted(max(tuple(v), tuple(-x for x in v)) for v in made.parameters["b"])
    assert (a, M) == (made.parameters["a"], made.parameters["M"])


def test_zonotope_functions_determine_generators_up_to_sign_and_order():
    """Theorem 3.9 (iii) says one-to-one, but negated and permuted generators give the same function."""
    b, a = [[1, 0], [0, 1], [2, 1]], [["1/2"]]
    f = constructions.zonotope_function(b, a).network
    same = constructions.zonotope_function([[0, -1], [-2, -1], [1, 0]], a).network
    assert f != same and pr.equal(f, same)
    assert constructions.zonotope_parameters(f, 2, 1) == constructions.zonotope_parameters(same, 2, 1)
    # in one dimension only the sum of lengths is left
    line = constructions.zonotope_function([[1], [-2]], a).network
    assert pr.equal(line, constructions.zonotope_function([[3]], a).network)
    assert constructions.zonotope_parameters(line, 2, 1)[0] == [(3,)]
    # distinct canonical parameters, distinct functions
    family = [
        constructions.zonotope_function(generators, kinks, M).network
        for generators, kinks, M in (
            (b, a, 1), (b, [["1/3"]], 1), (b, a, 2), (b[:2], a, 1), ([[1, 0], [0, 1], [1, 2]], a, 1),
            ([[2, 0], [0, 2], [4, 2]], a, 1), ([[2, 0], [0, 2], [4, 2]], [[1]], 2), ([[1, 0], [0, 1], [2, -1]], a, 1),
        )
    ]  # fmt: skip
    assert len({repr(constructions.zonotope_parameters(net, 2, 1)) for net in family}) == len(family)
    assert not any(pr.equal(f, g) for i, f in enumerate(family) for g in family[:i])


def test_what_is_no_function_of_a_family_has_no_parameters():
    """Parameters were read from any kinks; now the function that they give is compared with the given one."""
    kinky = pr.ReluNetwork([[[1]] * 4, [[1, 2, -3, 1]]], [[0, -1, -2, -3], [0]])
    below = pr.ReluNetwork([[[1]] * 2, [[-1, 2]]], [[0, -1], [0]])
    for net, w, k in ((constructions.hard(4, 1).network, 2, 2), (kinky, 2, 2), (kinky, 4, 1), (below, 2, 1)):
        with pytest.raises(pr.InputError, match=f"computes no such function of w = {w}, k = {k}"):
            constructions.hard_parameters(net, w, k)
    plane = constructions.zonotope(2, 2, 2, 2).network
    line = constructions.hard(2, 2).network
    flat = pr.ReluNetwork([[[0, 0]], [[1]]], [[0], [0]])
    for net, w, k in ((plane, 2, 1), (plane, 4, 1), (line, 2, 2), (flat, 2, 1)):
        with pytest.raises(pr.InputError, match=f"computes no such function of w = {w}, k = {k}"):
            constructions.zonotope_parameters(net, w, k)


def test_generators_that_are_not_in_general_position_are_refused():
    with pytest.raises(pr.InputError, match="every 2 of the generators must be independent"):
        constructions.zonotope_function([[1, 0], [2, 0], [0, 1]], [["1/2"]])


def test_the_published_numbers():
    """theory.md, C.3: activation regions, open and affine linear regions."""
    for n, m, w, k, expected in (
        (2, 2, 2, 1, [8, 8]),
        (2, 3, 2, 1, [12, 12, 12]),
        (2, 3, 3, 1, [18, 18, 18]),
        (2, 3, 2, 2, [30, 25, 25]),
        (2, 3, 3, 2, [54, 54, 54]),
        (3, 3, 2, 1, [16, 16, 16]),
        (3, 4, 2, 1, [28, 28, 28]),
        (3, 4, 2, 2, [70, 57, 57]),
        (2, 4, 2, 2, [40, 33, 33]),
    ):
        made = constructions.zonotope(n, m, w, k)
        kinds = ["activation", "open", "affine"][: len(expected)]
        assert counts(made.network, made.claims[1].window, *kinds) == expected


# -- competitors ------------------------------------------------------------------------
@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_every_piece_of_a_zigzag_is_onto(n):
    made = competitors.serra(n, 1)
    cx = pr.enumerate_regions(made.network, pr.Box([0], [1]), progress=False)
    ends = sorted({x for region in cx for (x,) in region.vertices.tolist()})

    assert len(ends) == n + 2
    assert [made.network([x])[0] for x in ends] == [i % 2 for i in range(n + 2)]


@pytest.mark.parametrize(("k", "expected"), [(k, [4**k] * 3) for k in (1, 2, 3, 4)])
def test_zigzags_have_as_many_maps_as_pieces(k, expected):
    """Distinct maps are as many as pieces, not one fewer."""
    assert counts(competitors.serra(3, k).network, None, "activation", "open", "affine") == expected


@pytest.mark.parametrize(
    ("made", "domain", "expected"),
    [
        (competitors.serra(3, 1, 2, 3), None, [112, 97, 85]),
        (competitors.serra(3, 1, 2, 3), pr.Box([0, 0], [1, 1]), [112, 101, 85]),
        (competitors.serra(3, 1, 2, 3, [1, -1, 1]), None, [112, 101, 97]),
        (competitors.serra(3, 1, 2, 3, [1, -1, 1]), pr.Box([0, 0], [1, 1]), [112, 105, 97]),
        (competitors.montufar(2, [2]), None, [38, 29, 26]),
        (competitors.montufar(2, [3]), None, [79, 60, 53]),
        (competitors.montufar(1, [2]), None, [7, 6, 5]),
        (competitors.montufar(1, [2, 2]), None, [14, 11, 9]),
    ],
)
def test_linear_regions_depend_on_domain_and_output(made, domain, expected):
    assert counts(made.network, domain, "activation", "open", "affine") == expected


@pytest.mark.parametrize(
    ("p", "count"), [([2], 7), ([3], 10), ([2, 2], 14), ([3, 3], 28), ([2, 2, 2], 26), ([3, 3, 3], 82)]
)
def test_montufar_on_the_line(p, count):
    made = competitors.montufar(1, p)

    assert counts(made.network, None, "activation") == [count]
    assert made.network == networks.montufar(p, 1)


@pytest.mark.parametrize(("p", "count"), [([2], 38), ([3], 79), ([2, 2], 148), ([3, 2], 278), ([2, 3], 304)])
def test_montufar_in_the_plane(p, count):
    made = competitors.montufar(2, p)

    assert pr.count_regions(made.network, None, progress=False) == count > made.claims[0].value
    assert made.network == networks.montufar(p, 2)


def test_a_reversed_node_gives_montufar_as_many_linear_regions_as_the_bound():
    """Where both last nodes are off, copies merge across a fold: 11 open regions at most, and not 12."""
    made = competitors.montufar(1, [2, 2])
    assert made.claims[0].value == 12
    for output in ([1, 1], [1, -2], [3, 1]):
        assert counts(competitors.montufar(1, [2, 2], output=output).network, None, "open") == [11]
    # other weights lose more: those that cancel where both nodes are on, and zeros
    for output, count in (([1, -1], 9), ([0, 1], 7), ([1, 0], 7)):
        assert counts(competitors.montufar(1, [2, 2], output=output).network, None, "open") == [count]
    last = [([[-1], [1]], [F(3, 10), F(-7, 10)]), ([[1, 1]], [0])]
    net = build(compose(competitors.sawtooth(2, 2), competitors.sawtooth(2, 2), last))
    assert counts(net, None, "activation", "open") == [14, 14]


@pytest.mark.parametrize(("k", "count"), [(2, 28), (3, 112), (4, 448)])
def test_folds(k, count):
    made = competitors.pascanu(2, k, 3)

    assert pr.count_regions(made.network, made.claims[0].window, progress=False) == made.claims[0].value == count


@pytest.mark.parametrize(("n", "count"), [(1, 1), (1, 2), (1, 4), (2, 2), (2, 3), (2, 5), (3, 4)])
def test_planes_of_last_layers_cross_inside_the_cube(n, count):
    net = pr.ReluNetwork([crossing_planes(n, count)[0], [[1] * count]], [[-c for c in crossing_planes(n, count)[1]], [0]])
    expected = sum(comb(count, j) for j in range(n + 1))

    assert pr.count_regions(net, pr.Box([0] * n, [1] * n), progress=False) == expected
    assert pr.count_regions(net, None, progress=False) == expected


# -- small networks from the literature ---------------------------------------------------
def test_the_dual_sets_of_nazari():
    """Example 5.2.6: f = max_P - max_N, the upper hull of P + N has a vertex per piece, and f = 0 is two segments."""
    P, N = [(2, 16, 5), (3, 14, 4), (5, 19, 5), (12, 5, -2)], [(5, 19, 2), (3, 14, 2), (6, 17, -1), (0, 14, 7)]
    assert pr.equal(networks.nazari(), DifferenceOfMaxima(P, N).network())
    sums = sorted({tuple(a + b for a, b in zip(p, q, strict=True)) for p in P for q in N})
    assert counts(DifferenceOfMaxima(sums, [(0, 0, 0)]).network(), None, "affine") == [8]

    cx = pr.enumerate_regions(networks.nazari(), pr.Box([-9, -9], [9, 9]), progress=False)
    lines = [[(12 * x - 9 * y, 5 * x + 5 * y) for x, y in piece.vertices.tolist()] for piece in cx.level_set().pieces]
    on = [(all(u == 9 for u, _ in line), all(v == 2 for _, v in line)) for line in lines]
    assert sorted(on) == [(False, True), (True, False)]


def test_the_maximum_of_0_and_four_numbers_has_regions_of_its_network():
    """Activation regions depend on how the nine maxima share neurons: 90, or 119 here; linear regions do not."""
    for net, regions in ((networks.max_four(), 90), (maximum_network(4, layers=2, zero=True), 119)):
        assert net.widths == (10, 11)
        assert counts(net, pr.Box([-1] * 4, [1] * 4), "activation", "open", "affine") == [regions, 5, 5]


# -- theorems ---------------------------------------------------------------------------
@pytest.mark.parametrize(("k", "w"), [(1, 2), (2, 3), (3, 2), (2, 4)])
def test_theorem_3_1(k, w):
    gap = theorems.theorem_3_1(k, w, seed=k)
    made = gap.construction

    assert (made.depth, made.width, made.size) == (k + 1, w, w * k)
    for fewer in range(1, k + 1):
        s = gap.size_bound(fewer).least_size
        # s is the least whole number with (2 (s + 1) / k')^k' >= w^k
        assert F(2 * (s + 1), fewer) ** fewer >= w**k > F(2 * s, fewer) ** fewer or s == 0
        assert s <= gap.least_size(fewer) <= made.size * (fewer == k) or fewer < k
    # one hidden layer needs a node for every kink; theorem 2.2 builds it with at most one more
    assert gap.least_size(1) == gap.line_pieces - 1 == counts(gap.network, None, "open")[0] - 1


def test_bounds_for_more_hidden_layers_can_be_larger():
    """So "at most k' hidden layers" is not the bound for k' itself, but the sharper bound falls with k'."""
    gap = theorems.theorem_3_1(40, 2)
    assert [gap.size_bound(layers).least_size for layers in (28, 40)] == [37, 39]
    least = [gap.least_size(layers) for layers in range(5, 41)]
    assert least == sorted(least, reverse=True)


def test_corollaries():
    for gap, k in ((theorems.corollary_3_4(2), 2), (theorems.corollary_3_3(2, 2), 2), (theorems.corollary_3_4(3), 3)):
        layers = len(gap.network.widths)
        assert gap.network.widths == (k,) * layers
        assert gap.pieces == k**layers
        assert gap.size_bound(k).exact == F(k, 2) * k ** (layers // k) - 1
    assert theorems.corollary_3_4(3).size_bound(3).exact == F(3**4, 2) - 1
    made = theorems.corollary_3_4(2).construction
    assert (made.depth, made.size) == (2**2 + 1, 2**3)
    assert all(row.holds for row in table.check(made))
    with pytest.raises(pr.InputError, match=r"2\^\(3/2\) is no whole number of layers"):
        theorems.corollary_3_3(2, "1/2")


def test_theorem_3_9_on_a_line():
    gap = theorems.theorem_3_9(2, 2, 3, 2)
    line = gap.network.restrict([0, 0], [[3, -1]])

    assert counts(line, None, "open") == [gap.line_pieces] == [10]
    assert gap.size_bound(2).radicand == 8


@pytest.mark.parametrize(("k", "w"), [(1, 2), (2, 2), (2, 3), (3, 2), (2, 4)])
def test_theorem_3_5(k, w):
    gap = theorems.theorem_3_5(k, w)
    unit = pr.Box([0], [1])
    half = pr.ReluNetwork([[[0]], [[1]]], [[0], ["1/2"]])

    assert pr.distance(gap.network, half, unit, "L1") == F(1, 4)
    for layers in range(1, k + 1):
        for width in range(1, w + 1):
            rival, distance = gap.follower(layers, width)
            assert rival.neurons == layers * width + 1
            assert pr.distance(gap.network, rival, unit, "L1") == distance
            assert distance > gap.distance_bound(layers, rival.neurons)
        for delta in (F(1, 100), F(1, 8), F(1, 5)):
            s = gap.largest_size(layers, delta)
            if s:
                assert s >= layers and gap.distance_bound(layers, s) >= delta
            assert gap.distance_bound(layers, max(s + 1, layers)) < delta
    with pytest.raises(pr.InputError, match="the theorem needs 0 < delta < 1/4"):
        gap.largest_size(1, "1/4")


def test_theorem_3_5_does_not_speak_of_fewer_layers():
    """``(2s/k')^k'`` is not monotone in k': three nodes in one layer come nearer than the theorem says of depth 7."""
    gap = theorems.theorem_3_5(7, 2)
    rival, distance = gap.follower(1, 2)
    printed = (1 - F(2 * 6**7, 7**7 * 128)) / 4
    assert (rival.neurons, distance) == (3, (1 - F(3, 2) / 128) / 4)
    assert gap.distance_bound(1, 3) < distance < printed
    for layers, size, message in (
        (7, 3, "size is 3; 7 hidden layers have at least 7 nodes"),
        (8, 9, "layers is 8; the theorem speaks of rivals of at most 7 hidden layers"),
    ):
        with pytest.raises(pr.InputError, match=message):
            gap.distance_bound(layers, size)
    assert gap.largest_size(7, "1/100") == 0  # six nodes, less than a layer each
    # whatever a rival of one layer can do is allowed for: N pieces in [0, 1] break N - 1 of floor(w^k / 2) tents
    for k, w in ((2, 3), (3, 2)):
        teeth = w**k
        for pieces in range(1, 4):
            bound = F(teeth // 2 - (pieces - 1), 2 * teeth)
            assert bound >= (1 - F(2 * pieces - 1, teeth)) / 4
            found = best_on_a_grid(theorems.theorem_3_5(k, w).network, pieces, teeth, 2)
            assert found >= bound


def best_on_a_grid(net, pieces, cells, levels):
    """Return the least L1 distance on [0, 1] to piecewise linear functions with kinks and values on a grid, exactly."""
    f = [net([F(i, cells)])[0] for i in range(cells + 1)]  # f is linear in every cell

    def cost(i, u, j, v):
        total = F(0)
        for c in range(i, j):
            a, b = (u + (v - u) * F(t - i, j - i) - f[t] for t in (c, c + 1))
            total += (abs(a) + abs(b)) / 2 if a * b >= 0 else (a * a + b * b) / (2 * (abs(a) + abs(b)))
        return total / cells

    heights = [F(i, levels) for i in range(levels + 1)]
    best = {(0, u): F(0) for u in heights}
    answer = None
    for _ in range(pieces):
        after = {}
        for (i, u), so_far in best.items():
            for j in range(i + 1, cells + 1):
                for v in heights:
                    value = so_far + cost(i, u, j, v)
                    if value < after.get((j, v), value + 1):
                        after[j, v] = value
        best = after
        ended = [value for (j, _), value in best.items() if j == cells]
        answer = min(ended if answer is None else [*ended, answer])
    return answer


def test_no_shallow_network_on_a_grid_beats_the_theorem():
    """One hidden layer of s nodes has at most s + 1 pieces: the best of them on a grid stays beyond theorem 3.5."""
    gap = theorems.theorem_3_5(2, 2)
    found = [best_on_a_grid(gap.network, pieces, 8, 4) for pieces in (1, 2, 3, 4)]

    assert found[0] == F(1, 4) and found[3] == 0
    assert all(u >= v for u, v in pairwise(found))
    for s in (1, 2, 3):
        assert found[min(s, 3)] >= gap.distance_bound(1, s)
    # the follower of three nodes has three pieces in [0, 1], and the grid may do better
    assert found[2] <= gap.follower(1, 2)[1]


# -- what cannot be ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: constructions.hard(1, 2), "w is 1; give a whole number from 2 up"),
        (lambda: constructions.hard_function([["1/2"], ["1/3", "1/2"]]), "lists of equally many kinks"),
        (lambda: constructions.hard_function([["1/2", "1/3"]]), "a\\^1 is not increasing inside"),
        (lambda: constructions.hard_function([["1"]]), "not increasing inside \\(0, M = 1\\)"),
        (lambda: constructions.hard_parameters(competitors.tent(1).network, 3, 1), "has 2 kinks from 0 on"),
        (lambda: constructions.hard_parameters(competitors.tent(1).network, 0, 1), "w is 0; give a whole number"),
        (lambda: constructions.hard_parameters(competitors.tent(1, 2).network, 2, 1), "is no function from R to R"),
        (lambda: constructions.random_kinks(0, 1), "w is 0; give a whole number from 2 up"),
        (lambda: constructions.random_kinks(2, 1, seed="a"), "seed is a; give a whole number from 0 up"),
        (lambda: constructions.random_generators(2, 0, 1), "m is 0; give a whole number from 1 up"),
        (lambda: maximum_network(2.5), "n is 2.5; give a whole number from 1 up"),
        (lambda: maximum_network(4, 2.5), "layers is 2.5; give a whole number from 0 up"),
        (lambda: Triangulation([[0], [1]], [[0.9, 1.9]], [0, 1]), "simplices must be rows of vertex numbers"),
        (lambda: competitors.montufar(2, 2), "p is 2; give the pieces of every layer"),
        (lambda: competitors.serra(2, 1), "n is 2; give a whole number from 3 up"),
        (lambda: competitors.montufar(2, []), "p is empty"),
        (lambda: competitors.montufar(2, [2], 1), "last is 1; give a whole number from 2 up"),
        (lambda: crossing_planes(3, 2), "2 planes have no vertex in R\\^3"),
        (lambda: catalog.construct("tents", k=1), "there is no construction 'tents'; choose one of hard, zonotope"),
        (lambda: catalog.construct("tent"), "tent needs k"),
        (lambda: catalog.construct("tent", k=1, n=2), "tent has no parameter 'n'; it takes k, d"),
        (lambda: theorems.theorem_3_1(2, 2).size_bound(3), "at most 2 hidden layers"),
        (lambda: theorems.theorem_3_5(2, 2).follower(3, 1), "at most 2 hidden layers"),
        (lambda: theorems.theorem_3_5(2, 2).largest_size(3, "1/8"), "at most 2 hidden layers"),
        (lambda: theorems.theorem_3_5(1, 2).follower(1, 3), "more than the 2 of f"),
    ],
)
def test_parameters_that_cannot_be(call, message):
    with pytest.raises(pr.InputError, match=message):
        call()


@pytest.mark.parametrize("page", ["constructions.md", "bounds.md"])
def test_the_pages_say_what_holds(page):
    failed, tried = doctest.testfile(str(Path(__file__).resolve().parents[1] / "docs" / page), module_relative=False)

    assert failed == 0 and tried > 1
