"""Engines that find every activation region of a network over a domain, and the choice between them."""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor
from typing import Any

import numpy as np

from ..complex import RegionComplex
from ..errors import DomainError, InputError, suggestion
from ..network import ReluNetwork
from ..polytope import HPolytope, as_domain
from .progress import Status, Wanted

__all__ = ["METHODS", "RegionCount", "Status", "count_regions", "enumerate_regions"]

METHODS = ("auto", "bfs", "subdivision")
# Cutting cells is faster than linear programs up to this many inputs (see docs/scaling.md for the measurements).
AUTO_DIMENSION, COUNT_DIMENSION = 7, 9


class RegionCount(int):
    """The number of activation regions: an ``int`` that knows how it came about.

    Attributes
    ----------
    by_layer : tuple of int or None
        Regions of the network cut off after each hidden layer; the last entry is the count. None if the search stopped
        early, and from ``"bfs"``.
    complete : bool
        True if no region is missing.
    exact : bool
        True: every decision was certified.
    method : str
        The engine.
    seconds : float
        Time of the search.
    signs, exact_signs : int
        Signs that were decided, and those among them that float bounds could not prove and integers decided
        (``"bfs"``: regions).
    """

    by_layer: tuple[int, ...] | None
    complete: bool
    exact: bool
    method: str
    seconds: float
    signs: int
    exact_signs: int


def enumerate_regions(
    net: ReluNetwork,
    domain: HPolytope | None = None,
    method: str = "auto",
    *,
    start: Any = None,
    limit: int | None = None,
    progress: Wanted = True,
    workers: int | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> RegionComplex:
    """Find every activation region of a network inside a domain.

    An activation region is the closure of ``{x in domain : pattern(x) = s}`` where that set has nonempty
    interior. Only hidden neurons cut; output neurons do so only if the last layer carries a ReLU.

    Parameters
    ----------
    net : ReluNetwork
    domain : HPolytope or Box, optional
        Full-dimensional, bounded or not; None is all of R^d.
    method : {"auto", "bfs", "subdivision"}
        ``"bfs"``: breadth-first search over the adjacency graph, one facet at a time; any domain, any number of inputs.
        ``"subdivision"``: cuts cells layer by layer; bounded domains of few inputs, and many times faster there.
        ``"auto"``: subdivision where it applies, up to 7 inputs, bfs elsewhere. Both return the same, byte for byte.
    start : sequence of d numbers, optional
        Point where a breadth-first search begins; on a kink, one of the regions around it is taken.
    limit : int, optional
        Explore at most this many regions, nearest to the start in the graph first (breadth-first search).
    progress : bool or callable
        True shows a progress line if stderr is a terminal; a function is called with a :class:`Status` twice a second.
    workers : int, optional
        Threads (subdivision); all processors if None. With an executor: how many tasks it runs at once.
    executor : concurrent.futures.Executor, optional
        Where tasks run instead (subdivision): a process pool, or a Dask cluster through ``client.get_executor()``.
    checkpoint : path, optional
        A directory that keeps finished work (subdivision): a run that was killed goes on from there.

    Returns
    -------
    RegionComplex
        Sorted by pattern. ``complete`` is False if a limit or Ctrl-C ended the search early; the regions, their
        facets and adjacencies are exact all the same.

    Raises
    ------
    DomainError
        The domain is empty, flat or of another dimension, unbounded for ``"subdivision"``, or the start lies outside
        it.
    InputError
        Unknown method, a limit below 1, an option that the method does not have, a checkpoint of another problem.
    CertificationError
        Two exact results contradict each other; nothing is returned.

    Notes
    -----
    Exactness: *exact*. Float arithmetic proposes and proves what rigorous error bounds clear; integer
    arithmetic decides the rest. Cost of a region: about one small LP per neuron for bfs; for subdivision one cut,
    and one interval test for every neuron that may still cut.

    References
    ----------
    Serra, Tjandraatmadja & Ramalingam 2018, definition 1 (activation patterns); Arora, Basu, Mianjy & Mukherjee
    2018, theorem 2.1 (ReLU networks are piecewise linear).

    Examples
    --------
    Two neurons whose kinks cross in the square make four regions:

    >>> from polyrelu.polytope import Box
    >>> net = ReluNetwork([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
    >>> cx = enumerate_regions(net, Box([-1, -1], [1, 1]))
    >>> len(cx), [cx[i].pattern.tolist() for i in range(4)]
    (4, [[0, 0], [0, 1], [1, 0], [1, 1]])
    """
    space = _check(net, domain, method, limit, workers, executor)
    local = start is not None or limit is not None
    engine = _choose(space, AUTO_DIMENSION, method, local, executor, checkpoint)
    began = time.perf_counter()
    if engine == "bfs":
        from .. import kernels
        from . import bfs

        kernels.load()
        began = time.perf_counter()
        explored, complete = bfs.search(net, space, start, limit, progress)
        found = explored.found(net.neurons)
    else:
        from .subdivision import Search, load

        load()
        search = Search(
            net, space, listing=True, workers=workers, executor=executor, checkpoint=checkpoint, progress=progress
        )
        began = time.perf_counter()
        complete = search.run().complete
        found = search.found()
    return RegionComplex.from_search(
        net, space, found, complete=complete, method=engine, seconds=time.perf_counter() - began
    )


def count_regions(
    net: ReluNetwork,
    domain: HPolytope | None = None,
    method: str = "auto",
    *,
    limit: int | None = None,
    progress: Wanted = True,
    workers: int | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> RegionCount:
    """Count the activation regions of a network inside a domain.

    With subdivision the search goes depth first and keeps no region, so that memory does not grow with the count, and
    the counts after every layer come for nothing. The regions of the last layer are not even made: they are counted by
    deletion and restriction (Zaslavsky 1975), far faster than they are listed. Breadth-first search has to remember
    every pattern.

    Parameters
    ----------
    net, domain, method, progress, workers, executor, checkpoint
        As for :func:`enumerate_regions`, but ``"auto"`` takes the subdivision in up to 9 inputs.
    limit : int, optional
        Stop once this many regions are found; if there are more, the result is the limit and ``complete`` is False.

    Returns
    -------
    RegionCount
        An ``int``, with the counts by layer and how it came about.

    Raises
    ------
    DomainError, InputError, CertificationError
        As for :func:`enumerate_regions`.

    Notes
    -----
    Exactness: *exact*, as for :func:`enumerate_regions`.

    Examples
    --------
    The axes cut the square into four; relu(x) - relu(y) then changes its sign inside one of them and nowhere else:

    >>> from polyrelu.polytope import Box
    >>> net = ReluNetwork([[[1, 0], [0, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]])
    >>> n = count_regions(net, Box([-1, -1], [1, 1]))
    >>> n, n.by_layer
    (5, (4, 5))
    """
    space = _check(net, domain, method, limit, workers, executor)
    engine = _choose(space, COUNT_DIMENSION, method, False, executor, checkpoint)
    if engine == "bfs":
        cx = enumerate_regions(net, space, "bfs", limit=limit, progress=progress)
        count = RegionCount(len(cx))
        count.by_layer, count.complete, count.seconds = None, cx.complete, cx.seconds or 0.0
        count.signs, count.exact_signs = len(cx), cx.settled_exactly
    else:
        from .subdivision import Search, load

        load()
        search = Search(
            net, space, listing=False, workers=workers, executor=executor, limit=limit, checkpoint=checkpoint,
            progress=progress,
        )  # fmt: skip
        began = time.perf_counter()
        totals = search.run()
        found = search.regions
        count = RegionCount(found if limit is None else min(found, limit))
        count.complete = totals.complete and count == found
        count.by_layer = totals.by_layer if count.complete else None
        count.seconds = time.perf_counter() - began
        count.signs, count.exact_signs = totals.signs, totals.exact_signs
    count.exact, count.method = True, engine
    return count


def _check(
    net: ReluNetwork, domain: HPolytope | None, method: str, limit: Any, workers: Any, executor: Any
) -> HPolytope:
    if method not in METHODS:
        raise InputError(f"method is {method!r}; choose one of {', '.join(METHODS)}{suggestion(method, METHODS)}")
    if not isinstance(net, ReluNetwork):
        raise InputError(f"net is of type {type(net).__name__}; give a ReluNetwork (polyrelu.load reads model files)")
    for name, value in (("limit", limit), ("workers", workers)):
        if value is not None and (not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1):
            raise InputError(f"{name} is {value}; give a whole number from 1 up, or None")
    if executor is not None and not hasattr(executor, "submit"):
        raise InputError(f"executor is of type {type(executor).__name__}; give a concurrent.futures.Executor")
    if executor is not None and not isinstance(executor, Executor):
        raise InputError(
            f"executor is of type {type(executor).__name__}; give a concurrent.futures.Executor "
            "(for a Dask client: client.get_executor())"
        )
    return as_domain(domain, net.input_dim)


def _choose(domain: HPolytope, most: int, method: str, local: bool, executor: Any, checkpoint: Any) -> str:
    """Return the engine, subdivision up to so many inputs; refuse options that it does not have."""
    bounded = bool(np.isfinite(domain.outer_floats()).all())
    if method == "subdivision":
        if local:
            raise InputError("start and limit belong to the breadth-first search; drop them, or method=\"bfs\"")
        if not bounded:
            raise DomainError("subdivision needs a bounded domain (within 1.8e308); give a Box, or method=\"bfs\"")
        return method
    few = domain.d <= most and not local and bounded
    if method == "auto" and few:
        return "subdivision"
    for name, value in (("executor", executor), ("checkpoint", checkpoint)):
        if value is not None:
            why = "this is a breadth-first search" if method == "bfs" else (
                f"it needs a bounded domain of at most {most} inputs and neither start nor limit"
            )  # fmt: skip
            raise InputError(f"{name} belongs to the subdivision ({why}); drop it")
    return "bfs"
