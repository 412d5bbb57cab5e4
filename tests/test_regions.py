"""Regions, facets and adjacency against the oracle, closed forms, and the other paths through the code."""

from __future__ import annotations

import oracle
import polyrelu as pr


def domain_of(spec):
    """Turn the oracle's way to write a domain (None, a box (lo, hi), a list of walls) into polyrelu's."""
    if spec is None:
        return None
    if isinstance(spec, list):
        return pr.HPolytope([list(a) for a, _ in spec], [b for _, b in spec])
    return pr.Box(*spec)


def bits(pattern):
    return tuple(int(b) for b in pattern)


def assert_agrees(net, spec):
    """Compare patterns, interior points, facets and labelled adjacency with the oracle; return the complex."""
    walls = oracle.domain_walls(spec)
    truth = oracle.all_regions(net, walls)
    cx = pr.enumerate_regions(net, domain_of(spec), progress=False)

    assert cx.complete and cx.exact
    assert [bits(s) for s in cx.patterns] == sorted(truth)
    exact = oracle.ExactNetwork(net)
    for region in cx:
        s = bits(region.pattern)
        rows = exact.region_rows(s)
        inside = [row for row in rows + oracle.wall_rows(walls) if any(row)]
        assert all(oracle.value(row, region.interior_point) > 0 for row in inside)
        zero = [j for j, row in enumerate(rows) if not any(row)]
        facets = zip(region.polytope.rows, region.facets, strict=True)
        found = {row: (tuple(sorted((*f.neurons, *zero))), f.wall is not None) for row, f in facets}
        assert found == oracle.facets(net, walls, s)
        for row, facet in zip(region.polytope.rows, region.facets, strict=True):
            assert facet.wall is None or cx.domain.rows[facet.wall] == row
    assert edges_of(cx) == oracle.adjacency(net, walls, truth)
    return cx


def edges_of(cx):
    return {frozenset((bits(cx.patterns[i]), bits(cx.patterns[j]))): cx.flipped(i, j) for i, j in cx.edges.tolist()}
