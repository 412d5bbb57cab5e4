"""The traps that design.md lists, in its order and under its numbers: every test fails when its trap is sprung."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import combinations

import networks
import networkx
import numpy as np
import oracle
import pytest
from networks import cube

import polyrelu as pr
from polyrelu import kernels, lp
from polyrelu.enumeration import bfs
from polyrelu.exact import RationalMatrix
from polyrelu.network import Layer


def count(net, spec=None, **options):
    return len(regions(net, spec, **options))


def regions(net, spec=None, **options):
    return pr.enumerate_regions(net, None if spec is None else pr.Box(*spec), "bfs", progress=False, **options)


def patterns(cx):
    return ["".join(map(str, s)) for s in cx.patterns.tolist()]


def test_1_patterns_that_differ_in_one_neuron_need_not_touch():
    """Trap 1: adjacency by Hamming distance one."""
    cx = regions(networks.hamming_trap())
    in_a_row = sorted(range(5), key=lambda i: cx[i].interior_point)
    by_hamming = [(i, j) for i, j in combinations(range(5), 2) if len(cx.flipped(i, j)) == 1]

    assert len(by_hamming) == 5
    assert len(cx.edges) == 4
    assert {frozenset(e) for e in cx.edges.tolist()} == {
        frozenset(p) for p in zip(in_a_row, in_a_row[1:], strict=False)
    }


def test_1_a_shared_facet_must_meet_the_domain():
    """Trap 1: regions that share a facet in R^d, though not within the domain."""
    # the lines x + y = 2 and x - y = 2 cross in (2, 0), on the wall: the corners they cut off share nothing
    net = networks.lines((1, 1, 2), (1, -1, 2))
    cx = regions(net, ((0, -2), (2, 2)))

    assert patterns(cx) == ["00", "01", "10"]
    assert cx.edges.tolist() == [[0, 1], [0, 2]]
    assert len(regions(net).edges) == 4


def test_1_a_wall_cuts_off_a_shared_facet():
    """Trap 1: the same where a domain that is no box goes through the crossing of two kinks."""
    net = networks.arrangement([[1, 0], [-1, 2]])
    walls = [((-1, 0), 1), ((0, -1), 0), ((1, 1), 0)]  # x >= -1, y >= 0, x + y <= 0: a wall through 0
    cx = pr.enumerate_regions(net, pr.HPolytope([a for a, _ in walls], [b for _, b in walls]), progress=False)
    truth = oracle.all_regions(net, walls)

    assert patterns(cx) == ["".join(map(str, s)) for s in sorted(truth)]
    assert len(cx.edges) == len(oracle.adjacency(net, walls, truth))


def test_2_coincident_rows_do_not_hide_each_other():
    """Trap 2: relaxing one of two equal rows finds neither to be a facet."""
    assert pr.HPolytope([[1, 0], [2, 0], [-1, 0], [0, 1], [0, -1], [0, -3]], [1, 2, 0, 1, 0, 0]).facets() == [
        (0, 1),
        (2,),
        (3,),
        (4, 5),
    ]
    # three copies of one kink, one of them mirrored, one scaled by a third
    assert count(networks.lines((3, 1), (-3, -1), (1, F(1, 3))), cube(1, -1, 1)) == 2
    cx = regions(networks.lines((1, 1, 0), (1, 1, 0), (2, 2, 0)), cube(2, -1, 1))
    assert patterns(cx) == ["000", "111"]
    assert [f.neurons for f in cx[0].facets if f.wall is None] == [(0, 1, 2)]


def test_3_identically_zero_rows_are_inactive():
    """Trap 3: z = 0 everywhere as a kink, as an active neuron, or as a division by its norm."""
    # neuron 1 is zero everywhere, neurons 2 and 3 are zero where neuron 0 is inactive
    net = networks.build([([[1], [0]], [0, 0]), ([[1, 5], [-1, 0]], [0, 0]), ([[1, 1]], [0])])
    cx = regions(net, cube(1, -1, 1))

    assert patterns(cx) == ["0000", "1010"]
    assert [f.neurons for region in cx for f in region.facets if f.wall is None] == [(0,), (0, 2, 3)]
    assert net.neuron_rows("0000") == [(1, 0), (0, 0), (0, 0), (0, 0)]
    assert lp.settle([(0, 0), (1, 1), (-1, 1)], 1).zero == [0]
    assert pr.HPolytope([[0], [1], [-1]], [0, 1, 1]).facets() == [(1,), (2,)]


def test_4_the_start_is_generic():
    """Trap 4: the center of the box lies on every first-layer kink of a network without biases."""
    net = networks.he_network((2, 6, 4, 1), bias_sd=0)
    walls = oracle.domain_walls(cube(2, -1, 1))
    truth = oracle.all_regions(net, walls)

    # its pattern is no region: all zeros
    assert not net.pattern([0, 0]).any() and (0,) * 10 not in truth
    for start in (None, [0, 0], [0, 1], [1, 1]):
        cx = regions(net, cube(2, -1, 1), start=start)
        assert [tuple(s) for s in cx.patterns.tolist()] == sorted(truth)
        assert networkx.is_connected(cx.graph)


def test_4_a_start_that_is_not_generic_is_noticed(monkeypatch):
    """Trap 4: a direction along the kink x = y, on which the neuron is zero without being zero nearby."""

    class Unlucky:
        def __init__(self, seed):
            self.drawn = iter([700, 700, 700, 700, 1, 900])

        def randrange(self, scale):
            return next(self.drawn)

    monkeypatch.setattr(bfs.random, "Random", Unlucky)
    # relu(x - y) and relu(y - x): the pattern on the kink itself, 00, is no region
    start = bfs.start_pattern(networks.lines((1, -1, 0), (-1, 1, 0)), pr.Box([-1, -1], [1, 1]))
    assert tuple(start) == (0, 1)


@pytest.mark.parametrize("gap", [1e-5, 1e-9, 1e-12, 1e-15, 1e-300, 5e-324])
def test_5_no_sliver_is_lost(gap):
    """Trap 5: an absolute tolerance takes two kinks for one; so does float32."""
    # around 0 floats are dense, so that the two kinks are distinct floats at every gap
    cx = regions(networks.lines((1.0, 0.0), (1.0, gap)), cube(1, -1, 1))

    assert patterns(cx) == ["00", "10", "11"]
    assert cx[1].volume == F(gap)


def test_5_no_cell_is_invented():
    """Trap 5: a tolerance, or a witness with value 0, takes one kink for two."""
    assert count(networks.lines((3, 1), (1, F(1, 3))), cube(1, -1, 1)) == 2
    assert count(networks.lines((1, 1, 2)), cube(2, -1, 1)) == 1  # touches the corner (1, 1)
    touched = pr.HPolytope([[-1, 0], [0, -1], [1, 0], [0, 1], [1, 1]], [0, 0, 1, 1, 2])
    assert touched.facets() == [(0,), (1,), (2,), (3,)]
    # 0.1 + 0.2 > 0.3 in floats by one unit in the last place; as decimals they are equal
    assert count(networks.lines((1, F("0.3")), (1, F("0.1") + F("0.2"))), cube(1, -1, 1)) == 2
    assert count(networks.lines((1, 0.3), (1, 0.1 + 0.2)), cube(1, -1, 1)) == 3


def test_5_float32_weights_are_not_evaluated_in_float32():
    """Trap 5: kinks at 1 and 1 + 2**-24 + 2**-47, where float32 has nothing between 1 and 1 + 2**-23."""
    w = np.array([[1.0], [1.0 - 2.0**-24]], dtype=np.float32)
    net = networks.ReluNetwork([w, [[1, 1]]], [np.array([-1, -1], dtype=np.float32), [0]])
    cx = regions(net, cube(1, 0, 2))

    assert patterns(cx) == ["00", "10", "11"]
    assert cx[1].volume == 1 / F(1 - 2.0**-24) - 1


def test_6_kinks_through_vertices_and_along_edges_are_ordinary():
    """Trap 6: a vertex exactly on a hyperplane, an edge or a facet inside one."""
    diagonal_and_edges = networks.lines((1, -1, 0), (1, 0, -1), (0, 1, 1), (1, 1, 2))
    star = networks.lines((1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0))
    assert count(star, cube(2, -1, 1)) == 8
    assert count(star, cube(2, 0, 1)) == 2  # the axes are walls, x + y = 0 touches, x = y cuts
    cx = regions(diagonal_and_edges, cube(2, -1, 1))
    assert len(cx) == 2
    # x = -1 and y = 1 are walls of the upper left triangle; x + y = 2 touches the corner (1, 1)
    assert [[(f.neurons, f.wall) for f in region.facets] for region in cx] == [
        [((0,), None), ((1,), 0), ((2,), 3)],
        [((0,), None), ((), 1), ((), 2)],
    ]

    # all kinks of the second layer pass through the crossing of the first
    net = networks.read([([[1, 0], [0, 1]], [0, 0]), ([[1, -1], [1, 1]], [0, 0])])
    walls = oracle.domain_walls(cube(2, -1, 1))
    truth = oracle.all_regions(net, walls)
    cx = regions(net, cube(2, -1, 1))
    assert patterns(cx) == ["".join(map(str, s)) for s in sorted(truth)]
    assert len(cx.edges) == len(oracle.adjacency(net, walls, truth))


def test_7_neurons_keep_their_numbers():
    """Trap 7: numbers of rows instead of neurons, after dead, duplicate and redundant rows were dropped."""
    # 0 is constant, 1 never zero in the box, 2 and 4 cut, 3 is dead
    net = networks.lines((0, 0, 1), (1, 0, -5), (1, 0, 0), (0, 0, 0), (0, 1, 0))
    domain = pr.HPolytope([[9, 9], [-1, 0], [1, 0], [2, 0], [0, -1], [0, 1]], [99, 1, 1, 2, 1, 1])
    cx = pr.enumerate_regions(net, domain, progress=False)

    assert patterns(cx) == ["01000", "01001", "01100", "01101"]
    assert [[f.neurons for f in r.facets if f.wall is None] for r in cx] == [[(2,), (4,)]] * 4
    # row 0 of the domain is redundant and row 3 repeats row 2
    assert sorted({f.wall for r in cx for f in r.facets if f.wall is not None}) == [1, 2, 4, 5]
    assert cx[0].polytope.names == ("layer1[2]", "layer1[4]", "row 1", "row 4")


def test_8_an_exception_in_the_exploration_is_not_an_empty_result(monkeypatch):
    """Trap 8: failing closed. An error anywhere leaves no complex behind, complete or not."""
    explore, calls = bfs.Explorer.explore, []

    def fail(self, keys, out):
        calls.append(keys)
        if len(calls) == 2:
            raise MemoryError("no memory left")
        explore(self, keys, out)

    monkeypatch.setattr(bfs, "BATCH", 1)
    monkeypatch.setattr(bfs.Explorer, "explore", fail)
    with pytest.raises(MemoryError, match="no memory left"):
        regions(networks.coordinate(2), cube(2, -1, 1))


def test_8_a_contradiction_is_an_error(monkeypatch):
    """Trap 8: a facet that is not found from its other side, a region without interior: never a result."""
    net, spec = networks.coordinate(2), cube(2, -1, 1)
    classify = bfs.Explorer._classify

    def lose_a_facet(self, patterns):
        status, centers, codes = classify(self, patterns)
        for k, pattern in enumerate(patterns):
            if pattern.tolist() == [1, 1]:
                status[k, 0] = 2  # "redundant"
        return status, centers, codes

    monkeypatch.setattr(bfs.Explorer, "_classify", lose_a_facet)
    with pytest.raises(pr.CertificationError, match="was found from one side only"):
        regions(net, spec)
    monkeypatch.undo()
    # (x1 > 0, x1 <= 0) is empty
    explorer = bfs.Explorer(networks.lines((1, 0), (1, 0)), pr.Box([-1], [1]))
    with pytest.raises(
        pr.CertificationError, match=r"a region that was reached across a facet is empty: pattern \[1, 0\]"
    ):
        explorer.explore([bfs.pack(np.array([1, 0], dtype=np.uint8))], bfs.Explored())


@pytest.mark.parametrize("end", ["stopped", "unbounded", "optimal"])
def test_8_what_a_walk_says_is_not_believed(end, monkeypatch):
    """Trap 8: the float walk may end anyhow, at once: integers decide every region, and nothing changes."""
    code = {"stopped": kernels.STOPPED, "unbounded": kernels.UNBOUNDED, "optimal": kernels.OPTIMAL}[end]
    net, spec = networks.he_network((2, 4, 4, 1)), cube(2, -1, 1)
    expected = regions(net, spec)

    def batch(packed, walls, wall_error, lo, hi, start, patterns, status, centers, codes):
        status[:], centers[:], codes[:] = kernels.UNDECIDED, np.nan, kernels.PARTIAL

    monkeypatch.setattr(kernels, "explore_batch", batch)
    monkeypatch.setattr(kernels, "walk", lambda *_: code)
    cx = regions(net, spec)
    assert cx.settled_exactly == len(cx)
    assert cx == expected


@pytest.mark.parametrize("answer", ["stopped", "wrong"])
def test_8_what_a_solver_says_is_not_believed(answer, monkeypatch):
    """Trap 8: HiGHS may give up or be wrong at every call; the regions stay the same."""
    from polyrelu import highdim

    net, spec = networks.he_network((3, 4, 3, 1)), cube(3, -1, 1)
    expected = patterns(regions(net, spec))
    rng = np.random.default_rng(0)

    def minimize(self, cost):
        return None if answer == "stopped" else rng.normal(size=self.n)

    monkeypatch.setattr(lp, "SMALL_DIMENSION", 0)
    monkeypatch.setattr(highdim._Model, "minimize", minimize)
    monkeypatch.setattr(highdim._Model, "multipliers", lambda self: rng.uniform(size=len(self.lower)))
    assert patterns(regions(net, spec)) == expected


def test_9_folding_is_exact():
    """Trap 9: composing affine layers, or a slice, in floats moves the kinks."""
    # 0.1 * 3 is not 0.3: in floats the kink of 0.1 (3 t) - 0.3 is at 1.0000000000000002 or 1, exactly it is below 1
    net = networks.ReluNetwork([[[0.1], [1.0]], [[1, 1]]], [[-0.3, -3.0], [0]])
    part = net.restrict([0], [[3]])
    cx = regions(part, cube(1, 0, 2))

    assert F(0.3) / (3 * F(0.1)) < 1  # so there are two kinks, 1e-16 apart
    assert patterns(cx) == ["00", "10", "11"]
    assert cx[1].volume == 1 - F(0.3) / (3 * F(0.1))


def test_9_consecutive_affine_nodes_are_folded_exactly(tmp_path):
    """Trap 9: two affine nodes, 0.1 x and 3 y - 0.3; folded in floats the weight would be 0.30000000000000004."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    constants = {"A": [[0.1]], "a": [0.0], "B": [[3.0]], "b": [-0.3]}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "A", "a"], ["y"]),
            helper.make_node("Gemm", ["y", "B", "b"], ["z"]),
            helper.make_node("Relu", ["z"], ["out"]),
        ],
        "folded",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1, 1])],
        [helper.make_tensor_value_info("out", TensorProto.DOUBLE, [1, 1])],
        [numpy_helper.from_array(np.array(v, dtype=np.float64), k) for k, v in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "folded.onnx")
    net = pr.load(tmp_path / "folded.onnx")
    kink = F(0.3) / (F(0.1) * 3)

    assert net.neuron_rows("1") == [oracle.integer_row([F(0.1) * 3, -F(0.3)])]
    assert [count(net, ((0,), (right,))) for right in (kink, 1)] == [1, 2]


def test_9_normalisation_is_folded_exactly(tmp_path):
    """Trap 9: .nnet files carry means and ranges; (x - 0.1) / 0.3 in floats is another network."""
    path = tmp_path / "tiny.nnet"
    path.write_text(
        "// one input, one hidden neuron\n2,1,1,1,\n1,1,1,\n0,\n-1000,\n1000,\n0.1,0,\n0.3,1,\n1,\n-1,\n1,\n0,\n"
    )
    net = pr.load(path, normalize=True)

    # relu((x - 0.1) / 0.3 - 1) bends at the decimal 0.4, not at the float
    assert net.pattern(["0.4"]).tolist() == [0]
    assert net.pattern([F("0.4") + F(1, 10**30)]).tolist() == [1]
    assert net.pattern([0.4]).tolist() == [int(F(0.4) > F("0.4"))]


def test_10_a_big_box_is_not_all_of_space():
    """Trap 10: lines that cross beyond every box."""
    net = networks.lines((1, F(1, 10**6), 0), (1, 0, 1))  # they cross at y = -10**6

    assert count(net, cube(2, -(10**4), 10**4)) == 3
    assert count(net, cube(2, -(10**7), 10**7)) == 4
    assert count(net) == 4
    assert count(networks.lines((1e-200, 1e200)), cube(1, -1e308, 1e308)) == 1  # the kink is at 1e400
    assert count(networks.lines((1e-200, 1e200))) == 2


def test_10_cells_that_only_touch_the_domain_do_not_count():
    """Trap 10: in a corner, an edge, or a whole wall."""
    net = networks.lines((1, 0, 1), (1, 1, 2), (0, 1, -1))
    cx = regions(net, cube(2, -1, 1))

    assert patterns(cx) == ["001"]
    assert [(f.neurons, f.wall) for f in cx[0].facets] == [((0,), 2), ((2,), 1), ((), 0), ((), 3)]
    assert cx[0].neighbors == [] and all(cx[0].pattern_beyond(f) is None for f in cx[0].facets)


def test_11_outputs_cut_only_behind_a_relu():
    """Trap 11: whether the outputs belong to the pattern."""
    weights, biases = [[[1], [-1]], [[1, 1]]], [[0, 0], [-1]]  # |x| - 1
    plain = networks.ReluNetwork(weights, biases)
    clipped = networks.ReluNetwork(weights, biases, output_relu=True)

    assert (plain.neurons, clipped.neurons) == (2, 3)
    assert count(plain, cube(1, -2, 2)) == 2
    assert patterns(regions(clipped, cube(1, -2, 2))) == ["010", "011", "100", "101"]
    one = RationalMatrix.of([[1]])
    assert count(networks.ReluNetwork.from_layers([Layer({0: one}, one)], 1, output_relu=True)) == 2
    assert count(networks.ReluNetwork.from_layers([Layer({0: one}, one)], 1)) == 1
