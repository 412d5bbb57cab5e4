"""The traps that others fell into (design.md), each with a network on which falling in gives another answer."""

from __future__ import annotations

from fractions import Fraction as F

import networks
import numpy as np
import oracle
import pytest

import polyrelu as pr
from polyrelu import kernels, lp
from polyrelu.enumeration import bfs


def count(net: pr.ReluNetwork, domain: pr.HPolytope | None) -> int:
    return len(pr.enumerate_regions(net, domain))


def test_1_hamming_distance_one_is_not_adjacency():
    """Five intervals on R, four shared end points, but five pairs of patterns that differ in one bit."""
    cx = pr.enumerate_regions(pr.ReluNetwork([[[1], [1]], [[4, -2]], [[1]]], [[0, 10], [19], [0]]), None)
    patterns = cx.patterns.astype(int)
    close = sum(int(np.abs(p - q).sum() == 1) for i, p in enumerate(patterns) for q in patterns[:i])

    assert (len(cx), len(cx.edges), close) == (5, 4, 5)


def test_1_a_shared_facet_must_meet_the_domain():
    """Beyond x = 1/2 the neurons x and y - x / 2 meet; cut off there, two regions lose their common facet."""
    net = pr.ReluNetwork([[[1, 0], [-1, 2]], [[1, 1]]], [[0, 0], [0]])
    triangle = pr.HPolytope([[-1, 0], [0, -1], [1, 1]], [1, 0, 0])  # x >= -1, y >= 0, x + y <= 0: a wall through 0
    cx = pr.enumerate_regions(net, triangle)
    walls = [((-1, 0), 1), ((0, -1), 0), ((1, 1), 0)]
    regions = oracle.all_regions(net, walls)

    assert {tuple(p) for p in cx.patterns.tolist()} == set(regions)
    assert len(cx.edges) == len(oracle.adjacency(net, walls, regions))


def test_2_coincident_rows_do_not_hide_each_other():
    """Three multiples of one hyperplane are one facet that names all three; relaxing one alone moves nothing."""
    net = pr.ReluNetwork([[[1, 1], [3, 3], [-2, -2]], [[1, 1, 1]]], [[-1, -3, 2], [0]])
    cx = pr.enumerate_regions(net, pr.Box([0, 0], [1, 1]))

    assert [r.pattern.tolist() for r in cx] == [[0, 0, 1], [1, 1, 0]]
    assert [f.neurons for f in cx[0].facets if f.wall is None] == [(0, 1, 2)]
    assert cx.flipped(0, 1) == (0, 1, 2)


def test_3_an_identically_zero_row_is_inactive():
    """The difference of two copies is zero everywhere: bit 0, no facet, and nothing to scale."""
    net = pr.ReluNetwork([[[1], [1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]])
    cx = pr.enumerate_regions(net, pr.Box([-1], [1]))

    assert cx.patterns.tolist() == [[0, 0, 0], [1, 1, 0]]
    assert {n for region in cx for f in region.facets for n in f.neurons} == {0, 1}


def test_4_the_center_of_the_box_is_on_every_hyperplane():
    """A bias-free layer of x, -x and y: at the center all are zero, a pattern that no region has."""
    net = networks.arrangement([[1, 0], [-1, 0], [0, 1]])
    cx = pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]))

    assert cx.index(net.pattern([0, 0])) is None
    assert len(cx) == 4
    assert len(pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]), start=[0, 0])) == 4


def test_5_a_witness_with_value_zero_is_not_strict():
    """The corner of the square satisfies every row and violates none: x + y <= 2 touches it and is no facet."""
    square = pr.HPolytope([[-1, 0], [0, -1], [1, 0], [0, 1], [1, 1]], [0, 0, 1, 1, 2])

    assert square.facets() == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("gap", [1e-5, 1e-9, 1e-12, 2.0**-52])
def test_5_slivers_are_kept_and_none_is_invented(gap):
    """Two kinks a tiny gap apart make three regions; two equal ones make two. float32 would merge them."""
    apart = pr.ReluNetwork([[[1.0], [1.0]], [[1.0, 1.0]]], [[-1.0, -(1.0 + gap)], [0.0]])
    equal = pr.ReluNetwork([[[1.0], [1.0]], [[1.0, 1.0]]], [[-1.0, -1.0], [0.0]])

    assert count(apart, pr.Box([0], [2])) == 3
    assert count(equal, pr.Box([0], [2])) == 2
    # in the plane the sliver is long and thin
    assert count(apart.restrict([0], [[1]]), None) == 3
    wide = pr.ReluNetwork([[[1.0, 0.5], [1.0, 0.5]], [[1.0, 1.0]]], [[-1.0, -(1.0 + gap)], [0.0]])
    assert count(wide, pr.Box([0, 0], [2, 2])) == 3


def test_6_vertices_on_hyperplanes_and_edges_inside_them():
    """Both diagonals and both axes through the center of a square, one of them along its edge after a shift."""
    star = networks.arrangement([[1, 0], [0, 1], [1, 1], [1, -1]])

    assert count(star, pr.Box([-1, -1], [1, 1])) == 8
    assert count(star, pr.Box([0, 0], [1, 1])) == 2  # the axes are walls, only the diagonal x = y cuts
    assert count(star, pr.Box([0, -1], [1, 0])) == 2


def test_7_neuron_numbers_travel_with_their_rows():
    """Neuron 1 is constant and has no row; the facets still say 0, 2 and 3."""
    net = pr.ReluNetwork([[[1, 0], [0, 0], [0, 1], [1, 1]], [[1, 1, 1, 1]]], [[0, 5, 0, -1], [0]])
    cx = pr.enumerate_regions(net, pr.Box([-2, -2], [2, 2]))

    for region in cx:
        signed = net.region_rows(region.pattern)
        for facet, row in zip(region.facets, region.polytope.rows, strict=True):
            assert all(signed[n] == row for n in facet.neurons)
    assert {n for region in cx for f in region.facets for n in f.neurons} == {0, 2, 3}
    assert cx[0].polytope.names[:2] == tuple(
        cx.domain.names[f.wall] if f.wall is not None else net.neuron_name(f.neurons[0]) for f in cx[0].facets[:2]
    )


def test_8_a_solver_that_gives_up_is_not_believed(monkeypatch):
    """Walks that end nowhere, at once: every row goes to exact arithmetic and the answer stays."""
    net = networks.he_network([2, 4, 4, 1])
    expected = pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]))

    def gives_up(G, E, lo, hi, start, status, center):
        status[:] = kernels.UNDECIDED
        center[:] = np.nan
        return kernels.PARTIAL

    def batch(packed, walls, wall_error, lo, hi, start, patterns, status, centers, codes):
        status[:], centers[:], codes[:] = kernels.UNDECIDED, np.nan, kernels.PARTIAL

    monkeypatch.setattr(kernels, "classify", gives_up)
    monkeypatch.setattr(kernels, "explore_batch", batch)
    monkeypatch.setattr(kernels, "walk", lambda *_: kernels.STOPPED)
    found = pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]))

    assert found.settled_exactly == len(found)
    assert np.array_equal(found.packed, expected.packed)
    assert np.array_equal(found.facet_neighbor, expected.facet_neighbor)
    assert np.array_equal(found.facet_row, expected.facet_row)


def test_8_a_solver_that_lies_is_not_believed(monkeypatch):
    """A proposal of a wrong basis costs time and changes nothing."""
    rows = [(1, 0, 0), (0, 1, 0), (-1, -1, 1)]
    monkeypatch.setattr(lp._Walk, "_propose", lambda self: list(range(self.d)))
    solution = lp.maximize([1, 2], rows)

    assert solution.value == 2 and solution.check([1, 2], rows)


def test_8_an_exception_is_not_an_empty_result(monkeypatch):
    """An error while a region is explored ends the search; nothing that looks complete comes back."""
    calls = []

    def breaks(self, keys, out):
        calls.append(len(keys))
        raise MemoryError("worker died")

    monkeypatch.setattr(bfs.Explorer, "explore", breaks)
    with pytest.raises(MemoryError, match="worker died"):
        pr.enumerate_regions(networks.tents(2), pr.Box([0], [1]))
    assert calls == [1]


def test_9_affine_layers_are_folded_exactly(tmp_path):
    """Two affine nodes, 0.1 x and 3 x - 0.3: 0.1 * 3 rounds in binary64, which would move the kink off the wall."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def tensor(name, values):
        return numpy_helper.from_array(np.array(values, dtype=np.float64), name)

    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "A", "a"], ["y"]),
            helper.make_node("Gemm", ["y", "B", "b"], ["z"]),
            helper.make_node("Relu", ["z"], ["out"]),
        ],
        "folded",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1, 1])],
        [helper.make_tensor_value_info("out", TensorProto.DOUBLE, [1, 1])],
        [tensor("A", [[0.1]]), tensor("a", [0.0]), tensor("B", [[3.0]]), tensor("b", [-0.3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    onnx.save(model, tmp_path / "folded.onnx")
    net = pr.load(tmp_path / "folded.onnx")
    kink = F(0.3) / (F(0.1) * 3)

    assert net.neuron_rows("1") == [oracle.integer_row([F(0.1) * 3, -F(0.3)])]
    assert kink < 1  # folded in floats the weight would be 0.30000000000000004, still another kink
    assert count(net, pr.Box([0], [kink])) == 1
    assert count(net, pr.Box([0], [1])) == 2


def test_10_a_big_box_is_not_the_whole_space():
    """Two nearly parallel lines cross at x = 10^6: four regions in the plane, three in a box of 10^4."""
    net = networks.arrangement([[0, 1], [F(1, 10**6), 1]], [0, -1])

    assert count(net, None) == 4
    assert count(net, pr.Box([-(10**4)] * 2, [10**4] * 2)) == 3


def test_10_cells_that_touch_the_domain_in_a_face_do_not_count():
    """The kink is the wall x = 1; beyond it lies a region that meets the box in that wall only."""
    net = networks.arrangement([[1, 0]], [1])
    (region,) = pr.enumerate_regions(net, pr.Box([0, 0], [1, 1]))

    assert region.pattern.tolist() == [0]
    assert [(f.neurons, f.wall) for f in region.facets if f.neurons] == [((0,), 2)]  # wall 2 is x0 <= 1


def test_11_output_neurons_cut_only_with_a_relu():
    """|x| - 1 / 2 has its kink at 0; with a ReLU on the output, the zeros at -1/2 and 1/2 cut as well."""
    weights, biases = [[[1], [-1]], [[1, 1]]], [[0, 0], ["-1/2"]]

    assert count(pr.ReluNetwork(weights, biases), pr.Box([-1], [1])) == 2
    assert count(pr.ReluNetwork(weights, biases, output_relu=True), pr.Box([-1], [1])) == 4
