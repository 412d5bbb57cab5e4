"""Linear regions: activation regions merged where the network is one affine map, by a named definition.

``definition`` says what "linear region" means; each has at least as many regions as the next one:

* ``"activation"``: the activation regions themselves;
* ``"convex"``: the cells of a polyhedral complex, affine on each cell, with as few cells as possible. That minimum
  is NP-hard, so bounds are given;
* ``"open"``: maximal open connected sets on which the network is affine;
* ``"closed"``: maximal closed connected sets with interior on which the network is affine;
* ``"affine"``: maximal sets, connected or not: the number of distinct affine maps.

Legend: a *cell* is an activation region, a *class* is a set of cells with equal maps, a *gap* is the integer
affine form of a difference of two maps; ``G`` is a map, ``u`` a gap, ``f`` a facet number of the complex.

References
----------
M. Stargalla, C. Hertrich and D. Reichman, *The Computational Complexity of Counting Linear Regions in ReLU Neural
Networks*, 2025 (the definitions).
"""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .complex import RegionComplex
from .convex import Cells, coarsen, meets
from .errors import InputError, suggestion
from .exact import RationalMatrix, as_array, primitive
from .network import AffineMap, ReluNetwork
from .residues import equal_maps, first_come

if TYPE_CHECKING:
    import networkx

Ints = npt.NDArray[np.int64]

DEFINITIONS = ("open", "closed", "affine", "convex", "activation")


class LinearRegions:
    """The linear regions of a network over a domain, by one definition.

    Build it with :meth:`polyrelu.RegionComplex.linear_regions`. ``len()`` is the number of regions found, and
    iteration gives their members. They are numbered by their first activation region.

    Attributes
    ----------
    definition : str
        ``"open"``, ``"closed"``, ``"affine"``, ``"convex"`` or ``"activation"``.
    complex : RegionComplex
        The activation regions.
    network : ReluNetwork
        The network whose maps were compared: that of the complex, with the chosen outputs.
    labels : ndarray of int64, shape (R,)
        The linear region of every activation region. By ``"closed"``, a linear region may also reach through
        other activation regions, in a set without interior; they are not its members.
    lower : int
        No more than the number of linear regions of the network over the whole domain.
    upper : int or None
        No less than that number; None if activation regions are missing.

    Notes
    -----
    Exactness: *exact*. On an incomplete complex the regions are those of the explored part: ``lower`` is then the
    number of distinct maps (of activation regions, by that definition), since a region that was not explored may
    join or separate others.
    """

    def __init__(
        self, definition: str, cx: RegionComplex, network: ReluNetwork, labels: Ints, lower: int, upper: int | None
    ):
        self.definition, self.complex, self.network = definition, cx, network
        self.labels, self.lower, self.upper = labels, lower, upper

    @property
    def exact(self) -> bool:
        """True if the number of linear regions over the domain is known: the bounds meet."""
        return self.lower == self.upper

    @property
    def count(self) -> int | None:
        """The number of linear regions over the domain, or None if only bounds are known."""
        return self.upper if self.exact else None

    @functools.cached_property
    def _grouped(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.labels, kind="stable")
        return order, np.concatenate([[0], np.cumsum(np.bincount(self.labels))]).astype(np.int64)

    def __len__(self) -> int:
        return len(self._grouped[1]) - 1

    def members(self, k: int) -> Ints:
        """Return the activation regions that linear region k is the union of, sorted."""
        if not -len(self) <= k < len(self):
            raise IndexError(f"linear region {k} does not exist; there are {len(self)}")
        order, start = self._grouped
        k %= len(self)
        return order[start[k] : start[k + 1]]

    def __iter__(self) -> Iterator[Ints]:
        return (self.members(k) for k in range(len(self)))

    def __repr__(self) -> str:
        upper = "" if self.upper is None else f" and at most {self.upper}"
        state = "" if self.exact else f", at least {self.lower}{upper} in the domain"
        return f"<{len(self)} linear regions ({self.definition}{state}) of {len(self.labels)} activation regions>"

    @property
    def maps(self) -> Maps:
        """The exact affine map of every linear region, a sequence; each is computed when it is asked for."""
        return Maps(self)

    @functools.cached_property
    def graph(self) -> networkx.Graph:
        """The graph of linear regions: an edge where two of them share a facet of activation regions.

        Nodes have ``size``, the number of activation regions; edges have ``facets``, the number of shared facets of
        activation regions.
        """
        import networkx

        graph = networkx.Graph()
        graph.add_nodes_from((k, {"size": size}) for k, size in enumerate(np.diff(self._grouped[1]).tolist()))
        pairs = np.sort(self.labels[self.complex.edges].reshape(-1, 2), axis=1)
        pairs, counts = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0, return_counts=True)
        for (i, j), facets in zip(pairs.tolist(), counts.tolist(), strict=True):
            graph.add_edge(i, j, facets=facets)
        return graph


class Maps(Sequence[AffineMap]):
    """The exact affine maps of linear regions, by number."""

    def __init__(self, regions: LinearRegions):
        self._regions = regions

    def __len__(self) -> int:
        return len(self._regions)

    def __getitem__(self, k: Any) -> Any:
        first = int(self._regions.members(operator.index(k))[0])
        return self._regions.network.affine_map(self._regions.complex.patterns[first])


def linear_regions(cx: RegionComplex, definition: str = "open", outputs: Any = None) -> LinearRegions:
    """Merge activation regions into linear regions; see :meth:`polyrelu.RegionComplex.linear_regions`."""
    if definition not in DEFINITIONS:
        named = ", ".join(repr(name) for name in DEFINITIONS)
        raise InputError(f"definition is {definition!r}; choose one of {named}{suggestion(definition, DEFINITIONS)}")
    net = choose_outputs(cx.network, outputs)
    if definition == "activation":
        return LinearRegions(
            definition, cx, net, np.arange(len(cx), dtype=np.int64), len(cx), len(cx) if cx.complete else None
        )
    classes = equal_maps(net, cx.packed)
    maps = int(classes.max(initial=-1)) + 1
    lower = None
    labels = classes
    if definition != "affine":
        labels = _components(cx, classes)
    if definition == "closed":
        labels = _join_closed(cx, net, classes, labels)
    if definition == "convex":
        labels, lower = coarsen(cx, labels)
    found = int(labels.max(initial=-1)) + 1
    if not cx.complete:
        return LinearRegions(definition, cx, net, labels, maps, None)
    return LinearRegions(definition, cx, net, labels, found if lower is None else lower, found)


def choose_outputs(net: ReluNetwork, outputs: Any) -> ReluNetwork:
    """Return the network with chosen outputs, or combinations of them; its hidden neurons are the same.

    Parameters
    ----------
    net : ReluNetwork
    outputs : None, int, sequence of int, or array_like of shape (k, m)
        All outputs, one, several, or k linear combinations of the m outputs, taken exactly.

    Raises
    ------
    InputError
        An output that does not exist, or rows of another length.

    Examples
    --------
    >>> net = ReluNetwork([[[1]], [[1], [2]]], [[0], [0, 5]])
    >>> choose_outputs(net, 1)([3]).tolist(), choose_outputs(net, [[2, -1]])([3]).tolist()
    ([Fraction(11, 1)], [Fraction(-5, 1)])
    """
    if outputs is None:
        return net
    m = net.output_dim
    try:
        array = np.atleast_1d(as_array(outputs))
    except ValueError:
        raise InputError("outputs has rows of different lengths; give one weight per output in every row") from None
    if array.ndim == 1:
        if not array.size or not all(isinstance(v, int) and 0 <= v < m for v in array.tolist()):
            raise InputError(
                f"outputs is {outputs!r}; this network has outputs 0 to {m - 1}: name some of them, or give rows "
                f"of {m} weights for linear combinations"
            )
        array = np.array([[int(i == k) for i in range(m)] for k in array.tolist()])
    rows = RationalMatrix.of(array, "outputs")
    if rows.shape[1] != m or not rows.shape[0]:
        raise InputError(f"outputs has shape {rows.shape}; expected (k, {m}), one weight per output, k at least 1")
    return ReluNetwork.from_layers([*net.relu_layers, net.output_layer(rows)], net.input_dim)


def _components(cx: RegionComplex, classes: Ints) -> Ints:
    """Return the components of the facet graph restricted to equal maps."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    source, target = cx.edges.T
    same = classes[source] == classes[target]
    links = csr_matrix((np.ones(int(same.sum()), dtype=np.int8), (source[same], target[same])), shape=(len(cx),) * 2)
    return first_come(connected_components(links, directed=False)[1])


def _join_closed(cx: RegionComplex, net: ReluNetwork, classes: Ints, labels: Ints) -> Ints:
    """Join open regions of one map G that are connected in the closed set {x : f(x) = G(x)}.

    In every cell that set is convex, so that its components are those of a graph of cells. Cells that share a point x
    of the set are joined by a path of cells around x, each of which shares with the next a facet that
    holds x (the domain is convex): it is enough to cross facets that meet the set.
    """
    cells = Cells(cx)
    joined = labels.copy()
    pairs = np.unique(np.stack([classes, labels], axis=1), axis=0)[:, 0]
    for number in np.flatnonzero(np.bincount(pairs, minlength=1) > 1):
        members = np.flatnonzero(classes == number)
        G = net.affine_map(cx.patterns[members[0]]).forms
        parent = {int(k): int(k) for k in labels[members]}

        def root(k: int, parent: dict[int, int] = parent) -> int:
            while parent[k] != k:
                parent[k] = parent[parent[k]]
                k = parent[k]
            return k

        apart = len(parent)
        owner = {int(i): int(labels[i]) for i in members}
        queue = deque(owner)
        while queue and apart > 1:
            i = queue.popleft()
            gaps = [] if classes[i] == number else _gaps(net.affine_map(cx.patterns[i]).forms, G)
            for f in range(cx.facet_ptr[i], cx.facet_ptr[i + 1]):
                j = int(cx.facet_neighbor[f])
                if j < 0 or (j in owner and root(owner[i]) == root(owner[j])):
                    continue
                if gaps and not meets(cells[i], f - int(cx.facet_ptr[i]), gaps):
                    continue
                if j in owner:
                    parent[root(owner[i])] = root(owner[j])
                    apart -= 1
                else:
                    owner[j] = owner[i]
                    queue.append(j)
        joined[members] = [root(int(k)) for k in labels[members]]
    return first_come(joined)


def _gaps(F: RationalMatrix, G: RationalMatrix) -> list[tuple[int, ...]]:
    """Return the nonzero rows of F - G as primitive integer forms, each once."""
    rows: Iterable[tuple[int, ...]] = (primitive(row) for row in (F - G).integers())
    return sorted({max(row, tuple(-v for v in row)) for row in rows if any(row)})
