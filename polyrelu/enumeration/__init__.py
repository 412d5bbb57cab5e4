"""Engines that find every activation region of a network over a domain."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..complex import RegionComplex
from ..errors import InputError
from ..network import ReluNetwork
from ..polytope import HPolytope, as_domain

METHODS = ("auto", "bfs")


def enumerate_regions(
    net: ReluNetwork,
    domain: HPolytope | None = None,
    method: str = "auto",
    *,
    start: Any = None,
    limit: int | None = None,
    progress: bool = True,
) -> RegionComplex:
    """Find every activation region of a network inside a domain.

    An activation region is the closure of ``{x in domain : pattern(x) = s}`` where that set has nonempty
    interior. Only hidden neurons cut; output neurons do so only if the last layer carries a ReLU.

    Parameters
    ----------
    net : ReluNetwork
    domain : HPolytope or Box, optional
        Full-dimensional, bounded or not; None is all of R^d.
    method : {"auto", "bfs"}
        ``"bfs"``: breadth-first search over the adjacency graph, one facet at a time. ``"auto"`` picks an engine.
    start : sequence of d numbers, optional
        Point where the search begins; on a kink, one of the regions around it is taken.
    limit : int, optional
        Explore at most this many regions, nearest to the start in the graph first.
    progress : bool
        Show a progress line if stderr is a terminal.

    Returns
    -------
    RegionComplex
        Sorted by pattern. ``complete`` is False if a limit or Ctrl-C ended the search early; the regions, their
        facets and adjacencies are exact all the same.

    Raises
    ------
    DomainError
        The domain is empty, flat or of another dimension, or the start lies outside it.
    InputError
        Unknown method, a limit below 1.
    CertificationError
        Two exact results contradict each other; nothing is returned.

    Notes
    -----
    Exactness: *exact*. Float arithmetic proposes facets and proves them where rigorous error bounds clear; integer
    arithmetic decides the rest. Cost of a region: about one small LP per neuron.

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
    if method not in METHODS:
        raise InputError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    if not isinstance(net, ReluNetwork):
        raise InputError(f"net is of type {type(net).__name__}; give a ReluNetwork (polyrelu.load reads model files)")
    if limit is not None and (not isinstance(limit, int | np.integer) or limit < 1):
        raise InputError(f"limit is {limit}; give a whole number from 1 up, or None for no limit")
    space = as_domain(domain, net.input_dim)
    from .. import kernels
    from . import bfs

    kernels.load()
    began = time.perf_counter()
    explored, complete = bfs.search(net, space, start, limit, progress)
    return RegionComplex.from_search(
        net, space, explored.found(net.neurons), complete=complete, method="bfs", seconds=time.perf_counter() - began
    )
