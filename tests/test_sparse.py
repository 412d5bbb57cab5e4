"""Sparse exact matrices against dense arrays of Fractions."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
import strategies
from hypothesis import given, settings

import polyrelu as pr
from polyrelu.errors import InputError
from polyrelu.exact import RationalMatrix
from polyrelu.network import Layer
from polyrelu.sparse import SparseMatrix


def random_matrix(rng, m, n, floats):
    """Return a sparse matrix whose entries repeat and cancel, and the array of Fractions that it stands for."""
    count = int(rng.integers(0, 9))
    rows, cols = rng.integers(0, m, count), rng.integers(0, n, count)
    values = rng.normal(size=count) * rng.integers(0, 2, count) if floats else rng.integers(-2, 3, count)
    full = np.full((m, n), Fraction(0), dtype=object)
    for r, c, v in zip(rows, cols, values, strict=True):
        full[r, c] += Fraction(v.item())
    return SparseMatrix.of_entries((m, n), rows, cols, values), full


@pytest.mark.parametrize("seed", range(40))
def test_arithmetic_is_that_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    m, n, k = (int(v) for v in rng.integers(1, 6, 3))
    (A, a), (B, b), (C, c) = (random_matrix(rng, *shape, seed % 2) for shape in ((m, n), (n, k), (m, n)))
    mask, some = rng.integers(0, 2, m), rng.integers(0, n, 3)

    for ours, expected in [
        (A, a), (A @ B, a.dot(b)), (A @ B.dense(), a.dot(b)), (A.dense() @ B, a.dot(b)),
        (A + C, a + c), (A.dense() + C, a + c), (A - C, a - c), (-A, -a),
        (A.transpose(), a.T), (A.columns(some), a[:, some]), (A.rows([0, m - 1]), a[[0, m - 1]]),
        (A.masked(mask), a * mask[:, None]), (A.scale(Fraction(2, 3)), a * Fraction(2, 3)),
        (pickle.loads(pickle.dumps(A)), a),
    ]:  # fmt: skip
        assert (ours.fractions() == expected).all()
    assert isinstance(A @ B, SparseMatrix) and isinstance(A @ B.dense(), RationalMatrix)
    assert [Fraction(v, A.den) for v in A.row_sums()] == [sum(map(abs, row)) for row in a.tolist()]
    assert A.operator()[0].toarray().tolist() == a.astype(float).tolist() == A.to_float()[0].tolist()
    assert A.nnz == (a != 0).sum() and A.is_zero == (A.nnz == 0)


def test_floats_say_whether_they_are_rounded():
    assert SparseMatrix.of_entries((1, 2), [0], [1], [Fraction(1, 3)]).operator()[1] is False
    assert SparseMatrix.of_entries((1, 2), [0], [1], [0.1]).operator()[1] is True


def test_bad_entries_are_refused():
    with pytest.raises(InputError, match="2 rows, 1 columns and 2 values"):
        SparseMatrix.of_entries((2, 2), [0, 1], [0], [1, 2])
    with pytest.raises(InputError, match="an entry in column 0 or 2 of 2"):
        SparseMatrix.of_entries((2, 2), [0, 1], [0, 2], [1, 2])
    with pytest.raises(InputError, match="every number must be finite"):
        SparseMatrix.of_entries((2, 2), [0], [0], np.array([np.inf]))


def test_a_huge_matrix_is_not_written_out():
    index = np.arange(2**14)
    with pytest.raises(InputError, match="16384 entries to 16384 is too large to be written out"):
        SparseMatrix.selection(index, 2**14).fractions()


def sparsely(net):
    """Return the same network with every block sparse."""
    layers = []
    for layer in net.layers:
        blocks = {}
        for k, block in layer.blocks.items():
            entries = block.fractions()
            rows, cols = np.nonzero(entries)
            blocks[k] = SparseMatrix.of_entries(block.shape, rows, cols, entries[rows, cols])
        layers.append(Layer(blocks, layer.bias))
    return pr.ReluNetwork.from_layers(layers, net.input_dim, output_relu=net.output_relu)


@settings(max_examples=30, deadline=None)
@given(strategies.networks_in_boxes(max_neurons=7))
def test_engines_find_the_same_regions_of_sparse_layers(case):
    net, (lo, hi) = case
    domain, sparse = pr.Box(lo, hi), sparsely(net)

    assert sparse == net
    for method in ("bfs", "subdivision"):
        regions = pr.enumerate_regions(sparse, domain, method=method)
        expected = pr.enumerate_regions(net, domain, method=method)
        assert regions == expected
        assert regions.interior_points.tobytes() == expected.interior_points.tobytes()
        assert [r.affine_map for r in regions] == [r.affine_map for r in expected]
        assert len(regions.linear_regions()) == len(expected.linear_regions())
    assert pr.count_regions(sparse, domain) == len(expected)
    point = [Fraction(2 * a + b, 3) for a, b in zip(lo, hi, strict=True)]
    assert sparse(point).tolist() == net(point).tolist()
    assert sparse(np.array(lo, dtype=float)).tolist() == net(np.array(lo, dtype=float)).tolist()


def test_random_sparse_networks_of_floats():
    rng = np.random.default_rng(0)
    sizes = [2, 24, 24, 24, 1]
    weights = [rng.normal(size=s) * (rng.random(s) < 0.3) for s in zip(sizes[1:], sizes, strict=False)]
    weights[0] = rng.normal(size=weights[0].shape)
    net = pr.ReluNetwork(weights, [rng.normal(size=n) / 4 for n in sizes[1:]])
    box = pr.Box([-1, -1], [1, 1])

    assert pr.enumerate_regions(sparsely(net), box) == pr.enumerate_regions(net, box)


@settings(max_examples=25, deadline=None)
@given(strategies.networks(max_neurons=8))
def test_lines_through_sparse_layers(net):
    x, y = [Fraction(-2)] * net.input_dim, [Fraction(7, 3)] * net.input_dim
    ours, expected = (pr.regions_on_segment(given, x, y) for given in (sparsely(net), net))

    assert ours.breakpoints == expected.breakpoints
    assert ours.neurons == expected.neurons
    assert ours.gradient_jumps.tolist() == expected.gradient_jumps.tolist()
    assert ours.slope_jumps.tolist() == expected.slope_jumps.tolist()
