"""Activation regions one batch at a time: for questions that need every region once and none for long.

The engines are those of :func:`polyrelu.enumerate_regions`. Memory does not grow with the number of regions
(breadth-first search remembers patterns), and whoever has an answer stops asking. The order of the regions is fixed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .enumeration import AUTO_DIMENSION
from .errors import ModelError
from .exact import IntRow, Point, RationalMatrix, primitive
from .network import Layer, Pattern, ReluNetwork
from .polytope import HPolytope

# Seconds that one batch should take: a time limit is kept to about that.
SECONDS = 0.2


class OutOfTime(Exception):
    """The deadline has passed; for the caller, who knows what that means for the answer."""


class Batch(NamedTuple):
    """Some regions.

    Attributes
    ----------
    patterns : ndarray of uint8, shape (R, N)
        Activation patterns as bits.
    facet_ptr : ndarray of int64, shape (R + 1,)
        Facets ``facet_ptr[i] .. facet_ptr[i + 1] - 1`` belong to region i.
    facet_row : ndarray of int64, shape (F,)
        One row that vanishes on each facet: a neuron, or N + the number of a wall.
    """

    patterns: npt.NDArray[np.uint8]
    facet_ptr: npt.NDArray[np.int64]
    facet_row: npt.NDArray[np.int64]

    def rows(self, i: int) -> list[int]:
        """Return the rows that describe region i, one per facet."""
        found: list[int] = self.facet_row[self.facet_ptr[i] : self.facet_ptr[i + 1]].tolist()
        return found


def region_batches(net: ReluNetwork, domain: HPolytope, deadline: float | None = None) -> Iterator[Batch]:
    """Yield every activation region of a network inside a full-dimensional domain exactly once.

    Parameters
    ----------
    net : ReluNetwork
    domain : HPolytope
        As :func:`polyrelu.polytope.as_domain` returns it. Subdivision cuts it if it is bounded and has few dimensions;
        any other is searched breadth first.
    deadline : float, optional
        A time of ``time.perf_counter()``.

    Raises
    ------
    OutOfTime
        The deadline has passed before the last region.

    Notes
    -----
    Exactness: *exact*, as for :func:`polyrelu.enumerate_regions`.

    Examples
    --------
    >>> from polyrelu.polytope import Box
    >>> net = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, "-1/2"], [0]])
    >>> [batch.patterns.tolist() for batch in region_batches(net, Box([0], [1]))]
    [[[1, 0], [1, 1]]]
    """
    few = domain.d <= AUTO_DIMENSION and bool(np.isfinite(domain.outer_floats()).all())
    return (_cut if few else _walk)(net, domain, deadline)


def load_kernels() -> None:
    """Compile the kernels, or load them from the cache, before anybody looks at the clock."""
    from . import kernels
    from .enumeration.subdivision import load

    kernels.load()
    load()


def as_batch(N: int, walls: Sequence[int], regions: tuple[npt.NDArray[Any], ...]) -> Batch:
    """Return what a task of the subdivision found; ``walls`` are the domain's row numbers of its walls."""
    packed, facet_count, group_size, rows, *_ = regions
    named, number = rows.copy(), np.array(walls, dtype=np.int64)
    named[rows >= N] = N + number[rows[rows >= N] - N]
    return _batch(N, packed, facet_count, group_size, named)


def _batch(N: int, packed: Any, facet_count: Any, group_size: Any, rows: Any) -> Batch:
    bits = np.unpackbits(packed, axis=1, count=N) if N else packed[:, :0]
    facet_ptr = np.concatenate([[0], np.cumsum(facet_count)]).astype(np.int64)
    return Batch(bits, facet_ptr, rows[np.cumsum(group_size) - group_size])


def _cut(net: ReluNetwork, domain: HPolytope, deadline: float | None) -> Iterator[Batch]:
    from .enumeration.problem import Stack, build_problem
    from .enumeration.subdivision import FIRST_BUDGET, run_task

    problem, root, walls = build_problem(net, domain)
    stack: Stack | None = root
    budget = FIRST_BUDGET
    while stack is not None:
        _keep_time(deadline)
        outcome = run_task(problem, stack, budget, True)
        stack = outcome.rest
        if outcome.seconds < SECONDS:
            budget *= 2
        if len(outcome.regions[0]):
            yield as_batch(net.neurons, walls, outcome.regions)


def _walk(net: ReluNetwork, domain: HPolytope, deadline: float | None) -> Iterator[Batch]:
    from .enumeration.bfs import BATCH, PATIENCE, Explored, Explorer, pack, start_pattern

    explorer = Explorer(net, domain)
    queue = [pack(start_pattern(net, domain))]
    known, done, size = set(queue), 0, 1
    while done < len(queue):
        _keep_time(deadline)
        began = time.perf_counter()
        batch = Explored()
        explorer.explore(queue[done : done + size], batch)
        done = min(done + size, len(queue))
        new = dict.fromkeys(key for key in batch.facet_key if key is not None and key not in known)
        known.update(new)
        queue += new
        if time.perf_counter() - began < PATIENCE:
            size = min(2 * size, BATCH)
        found = batch.found(net.neurons)
        yield _batch(net.neurons, found.packed, found.facet_count, found.group_size, found.facet_row)


def _keep_time(deadline: float | None) -> None:
    if deadline is not None and time.perf_counter() > deadline:
        raise OutOfTime


def exact_rows(
    net: ReluNetwork, domain: HPolytope, pattern: Pattern, chosen: Sequence[int]
) -> tuple[list[IntRow], RationalMatrix]:
    """Return some rows of a region as integer forms ``g >= 0``, and the exact forms of the last layer.

    ``chosen`` names neurons, and N + wall. The last layer's forms, shape (m, d + 1), are those before its ReLU.
    """
    layers = list(net.layer_forms(pattern))
    starts = np.concatenate([[0], np.cumsum(net.widths, dtype=np.int64)]).astype(np.int64)
    rows: list[IntRow] = []
    for r in chosen:
        if r >= net.neurons:
            rows.append(domain.rows[r - net.neurons])
            continue
        layer = int(np.searchsorted(starts, r, side="right")) - 1
        (row,) = layers[layer].rows([r - int(starts[layer])]).integers()
        rows.append(primitive(row if pattern[r] else [-v for v in row]))
    return rows, layers[-1]


def exact_output(net: ReluNetwork, x: Point) -> Point:
    """Return the outputs at one rational point as Fractions.

    Examples
    --------
    >>> exact_output(ReluNetwork([[[2]]], [[1]]), (Fraction(1, 3),))
    (Fraction(5, 3),)
    """
    column = np.empty(len(x), dtype=object)
    column[:] = x
    return tuple(Fraction(v) for v in net(column))


def with_outputs(net: ReluNetwork, output: Layer) -> ReluNetwork:
    """Return a network with the neurons of ``net`` and then those of another last layer, which has a ReLU and cuts.

    Raises
    ------
    ModelError
        The layer reads a block that does not exist.
    """
    if max(output.blocks, default=0) > len(net.relu_layers):
        raise ModelError(f"the new layer reads block {max(output.blocks)}; there are 0 to {len(net.relu_layers)}")
    return ReluNetwork.from_layers([*net.relu_layers, output], net.input_dim, output_relu=True)
