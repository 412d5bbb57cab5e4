"""Searches with a goal: cells are dropped only where every group of the goal's rows has one that is positive."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction as F

import networks
import numpy as np
import pytest
from test_subdivision import in_slices

import polyrelu as pr
from polyrelu.enumeration import cutting
from polyrelu.enumeration.subdivision import Search


def survivors(net, box, groups, **options):
    """Return the patterns of the cells that are left, without the rows of the goal."""
    found = []
    search = Search(
        net, box, listing=True, workers=1, progress=False, goal=groups, examine=lambda part: found.append(part[0]), **options
    )
    totals = search.run()
    packed = np.concatenate([np.zeros((0, (net.neurons + 7) // 8), np.uint8), *found])
    hidden = net.neurons - net.widths[-1]
    rows = np.unpackbits(packed, axis=1, count=net.neurons)[:, :hidden] if net.neurons else packed
    assert totals.tally[-1] == len(rows)
    return sorted(map(tuple, rows.tolist()))


def truth(net, box, groups):
    """Return all patterns, and those that must be left: no group is refuted at the vertices, in Fractions."""
    plain = pr.ReluNetwork.from_layers(net.layers, net.input_dim)
    cx = pr.enumerate_regions(plain, box, progress=False)
    everything, wanted = set(), set()
    for region in cx:
        pattern = tuple(region.pattern.tolist())
        values = [plain(np.array([v], dtype=object))[0].tolist() for v in region.polytope.vertices()]
        everything.add(pattern)
        low = [min(column) for column in zip(*values, strict=True)]
        if not all(any(low[k] > 0 for k in range(a, b)) for a, b in itertools.pairwise(groups)):
            wanted.add(pattern)
    return everything, wanted


def random_case(rng, integer):
    """Return a small network whose last layer is the goal, its box and groups of one or two rows."""
    d, depth = rng.choice([1, 2, 2, 3]), rng.choice([0, 1, 2, 3])
    groups = [0]
    for _ in range(rng.choice([1, 1, 2, 3])):
        groups.append(groups[-1] + rng.choice([1, 1, 2]))
    sizes = [d, *(rng.randint(1, 5) for _ in range(depth)), groups[-1]]

    def number():
        return rng.randint(-2, 2) if integer else rng.gauss(0, 1) * 10.0 ** rng.choice([0, 0, -3, 3])

    weights = [[[number() for _ in range(n)] for _ in range(m)] for n, m in itertools.pairwise(sizes)]
    biases = [[number() * rng.choice([1, 3]) for _ in range(m)] for m in sizes[1:]]
    return pr.ReluNetwork(weights, biases, output_relu=True), pr.Box([-1] * d, [1] * d), groups


@pytest.mark.parametrize("integer", [True, False], ids=["integers", "floats"])
@pytest.mark.parametrize("seed", range(3))
def test_no_cell_of_interest_is_dropped(seed, integer):
    rng = random.Random(seed)
    dropped = 0
    for _ in range(20):
        net, box, groups = random_case(rng, integer)
        everything, wanted = truth(net, box, groups)
        found = survivors(net, box, groups)
        assert len(set(found)) == len(found) and wanted <= set(found) <= everything
        assert wanted <= set(in_slices(survivors, net, box, groups, budget=60)) <= everything
        dropped += len(everything) - len(found)
    assert dropped > 0


def test_what_is_left_of_a_square():
    """|x| + |y| - 3/2 <= 0 can hold in every quadrant, |x| + |y| + x <= -1/8 nowhere, x - y + 2 <= 0 at one corner."""
    first = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    box = pr.Box([-1, -1], [1, 1])

    def left(row, bias):
        return survivors(pr.ReluNetwork([first, [row]], [[0] * 4, [bias]], output_relu=True), box, [0, 1])

    quadrants = [(0, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0)]
    assert left([1, 1, 1, 1], F(-3, 2)) == quadrants
    assert left([2, 0, 1, 1], F(1, 8)) == []
    assert left([1, -1, -1, 1], 2) == [(0, 1, 1, 0)]


def test_cells_are_dropped_before_they_are_cut():
    """Where a large constant decides, strips see it at the first layer."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=shape) for shape in ((8, 3), (8, 8), (8, 8), (1, 8))]
    box = pr.Box([-1] * 3, [1] * 3)
    count = pr.count_regions(pr.ReluNetwork(weights, [[0.1] * 8] * 3 + [[0]]), box, progress=False)

    def by_layer(shift):
        net = pr.ReluNetwork(weights, [[0.1] * 8] * 3 + [[shift]], output_relu=True)
        search = Search(net, box, listing=True, workers=1, progress=False, goal=[0, 1], examine=lambda part: False)
        return search.run().by_layer

    assert by_layer(-(10**6)) == (*count.by_layer, count)
    assert by_layer(10**6) == (0, 0, 0, 0)


def test_a_search_ends_when_told_to():
    net = pr.ReluNetwork.from_layers(networks.he_network((2, 20, 20, 1), seed=0).layers, 2, output_relu=True)
    box = pr.Box([-1, -1], [1, 1])
    calls = []

    def enough(part):
        calls.append(len(part[0]))
        return True

    search = Search(net, box, listing=True, workers=1, progress=False, goal=[0, 1], examine=enough)
    totals = in_slices(search.run, budget=200)
    assert len(calls) == 1 and not totals.complete
    late = Search(net, box, listing=True, workers=1, progress=False, goal=[0, 1], examine=enough, seconds=0.0)
    assert not late.run().complete and len(calls) == 1


def test_kernels_are_compiled_once():
    """A stack that comes back has the types that it went with."""
    net, box = networks.he_network((2, 8, 8, 1)), pr.Box([-1, -1], [1, 1])
    in_slices(pr.count_regions, net, box, "subdivision", progress=False, budget=60)
    in_slices(pr.enumerate_regions, net, box, "subdivision", progress=False, budget=60)

    assert len(cutting.subdivide.signatures) == 1
