"""The result of an enumeration: regions, facets, adjacency, and what can be asked of them."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import CertificationError, InputError
from .exact import IntRow, Point, dot, integer_point, point
from .network import AffineMap, Pattern, ReluNetwork
from .polytope import HPolytope

if TYPE_CHECKING:
    import networkx
    from matplotlib.axes import Axes
    from scipy.sparse import csr_matrix

WALL, BEYOND = -1, -2


class Found(NamedTuple):
    """What an engine hands over: regions in any order, with their facets.

    Attributes
    ----------
    packed : ndarray of uint8, shape (R, B)
        Packed patterns.
    facet_count : ndarray of int64, shape (R,)
        Facets per region, sorted by first row.
    group_size : ndarray of int64, shape (F,)
        Rows that vanish on each facet.
    facet_row : ndarray of int64
        These rows, ascending: neurons, then N + wall number.
    wall : ndarray of bool, shape (F,)
        Facets on a wall of the domain.
    beyond : ndarray of uint8, shape (F, B)
        Packed pattern across each facet; anything on a wall.
    settled_exactly : int
        Decisions made by integers.
    """

    packed: npt.NDArray[np.uint8]
    facet_count: npt.NDArray[np.int64]
    group_size: npt.NDArray[np.int64]
    facet_row: npt.NDArray[np.int64]
    wall: npt.NDArray[np.bool_]
    beyond: npt.NDArray[np.uint8]
    settled_exactly: int


def _keys(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    """View packed patterns as keys that compare like their bits."""
    width = max(1, packed.shape[1])
    padded = packed if packed.shape[1] else np.zeros((len(packed), 1), dtype=np.uint8)
    return np.ascontiguousarray(padded).view(f"V{width}").ravel()


def _ranges(
    start: npt.NDArray[np.int64], count: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the entries of the ranges ``start[i] .. start[i] + count[i] - 1`` for i in the given order."""
    sizes = count[order]
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(start[order] - (ends - sizes), sizes) + np.arange(total)


@dataclass(frozen=True)
class Facet:
    """One facet of an activation region.

    Attributes
    ----------
    neurons : tuple of int
        All neurons whose affine form on the region vanishes on the facet (and not on the whole region).
    wall : int or None
        Number of the domain's row that holds the facet, or None inside the domain. A wall is never crossed.
    neighbor : int or None
        Index of the region on the other side; None on a wall or if that region was not explored.
    """

    neurons: tuple[int, ...]
    wall: int | None
    neighbor: int | None


class RegionComplex:
    """All activation regions that were found, sorted by pattern, with their facets and adjacency.

    Build it with :func:`polyrelu.enumerate_regions`. ``cx[i]`` is an :class:`ActivationRegion`.

    Attributes
    ----------
    network : ReluNetwork
    domain : HPolytope
    packed : ndarray of uint8, shape (R, ceil(N / 8))
        Patterns, first neuron in the highest bit of the first byte; rows in lexicographic order.
    facet_ptr : ndarray of int64, shape (R + 1,)
        Facets ``facet_ptr[i] .. facet_ptr[i + 1] - 1`` belong to region i, sorted by their first row.
    facet_neighbor : ndarray of int64, shape (F,)
        The region across, or -1 on a wall, -2 if it was not explored.
    row_ptr, facet_row : ndarrays of int64
        Rows ``facet_row[row_ptr[f] : row_ptr[f + 1]]`` vanish on facet f: neuron numbers, and N + w for wall w.
    complete : bool
        True if no region is missing.
    exact : bool
        True: every decision was certified.
    method : str
        The engine that found the regions.
    seconds : float or None
        Time of the enumeration; None for a complex that was loaded from a file.
    settled_exactly : int
        Decisions that float bounds could not prove and integers made: regions (bfs) or signs (subdivision).
    """

    network: ReluNetwork
    domain: HPolytope
    packed: npt.NDArray[np.uint8]
    facet_ptr: npt.NDArray[np.int64]
    facet_neighbor: npt.NDArray[np.int64]
    row_ptr: npt.NDArray[np.int64]
    facet_row: npt.NDArray[np.int64]

    def __init__(
        self,
        network: ReluNetwork,
        domain: HPolytope,
        arrays: dict[str, npt.NDArray[Any]],
        points: tuple[npt.NDArray[np.float64], dict[int, Point]] | None = None,
        *,
        complete: bool,
        method: str,
        seconds: float | None,
        settled_exactly: int = 0,
    ):
        self.network, self.domain = network, domain
        self.packed = arrays["packed"]
        self.facet_ptr, self.facet_neighbor = arrays["facet_ptr"], arrays["facet_neighbor"]
        self.row_ptr, self.facet_row = arrays["row_ptr"], arrays["facet_row"]
        self._given_points = points
        self.complete, self.method, self.seconds = complete, method, seconds
        self.settled_exactly = settled_exactly
        self.exact = True

    @classmethod
    def from_search(
        cls, network: ReluNetwork, domain: HPolytope, found: Found, *, complete: bool, method: str, seconds: float
    ) -> RegionComplex:
        """Sort the regions that an engine found by pattern and check that every adjacency is seen from both sides."""
        keys = _keys(found.packed)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        if (keys[1:] == keys[:-1]).any():
            raise CertificationError("a region was found twice")
        facet_ptr = np.concatenate([[0], np.cumsum(found.facet_count[order])]).astype(np.int64)
        take = _ranges(np.cumsum(found.facet_count) - found.facet_count, found.facet_count, order)
        beyond = _keys(found.beyond[take])
        place = np.minimum(np.searchsorted(keys, beyond), len(keys) - 1)
        neighbor = np.where(keys[place] == beyond, place, BEYOND)
        neighbor[found.wall[take]] = WALL
        row_ptr = np.concatenate([[0], np.cumsum(found.group_size[take])]).astype(np.int64)
        rows = _ranges(np.cumsum(found.group_size) - found.group_size, found.group_size, take)
        arrays: dict[str, npt.NDArray[Any]] = {
            "packed": found.packed[order],
            "facet_ptr": facet_ptr,
            "facet_neighbor": neighbor.astype(np.int64),
            "row_ptr": row_ptr,
            "facet_row": found.facet_row[rows].astype(np.int64),
        }
        cx = cls(
            network, domain, arrays,
            complete=complete, method=method, seconds=seconds, settled_exactly=found.settled_exactly,
        )  # fmt: skip
        cx._check_symmetry()
        return cx

    def _check_symmetry(self) -> None:
        source, target = self._directed_edges()
        there = np.sort(source * len(self) + target)
        back = np.sort(target * len(self) + source)
        if not np.array_equal(there, back) or len(np.unique(there)) != len(there):
            wrong = np.setxor1d(there, back)
            i, j = divmod(int(wrong[0]), len(self)) if len(wrong) else (-1, -1)
            raise CertificationError(f"the facet between regions {i} and {j} was found from one side only")

    def _directed_edges(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        source = np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.facet_ptr))
        inside = self.facet_neighbor >= 0
        return source[inside], self.facet_neighbor[inside]

    # -- as a sequence ----------------------------------------------------------------
    def __len__(self) -> int:
        return len(self.facet_ptr) - 1

    def __getitem__(self, index: int) -> ActivationRegion:
        if isinstance(index, slice):
            raise InputError("regions are taken one at a time; write [cx[i] for i in range(start, stop)]")
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"region {i} does not exist; there are {len(self)}")
        return ActivationRegion(self, i % len(self))

    def __iter__(self) -> Iterator[ActivationRegion]:
        return (ActivationRegion(self, i) for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Tell whether two complexes hold the same regions of the same network over the same domain."""
        if not isinstance(other, RegionComplex):
            return NotImplemented
        return (
            self.network == other.network
            and self.domain == other.domain
            and self.complete == other.complete
            and np.array_equal(self.packed, other.packed)
            and np.array_equal(self.facet_neighbor, other.facet_neighbor)
            and np.array_equal(self.facet_row, other.facet_row)
        )

    def __hash__(self) -> int:
        return hash((self.network, self.packed.tobytes()))

    def __repr__(self) -> str:
        state = "" if self.complete else ", incomplete"
        return f"<RegionComplex of {len(self)} activation regions in R^{self.network.input_dim}{state}>"

    @functools.cached_property
    def patterns(self) -> npt.NDArray[np.uint8]:
        """Activation patterns as bits, shape (R, N)."""
        N = self.network.neurons
        if not N:
            return np.zeros((len(self), 0), dtype=np.uint8)
        return np.unpackbits(self.packed, axis=1, count=N)

    @functools.cached_property
    def _index(self) -> dict[bytes, int]:
        return {row.tobytes(): i for i, row in enumerate(self.packed)}

    def index(self, pattern: Any) -> int | None:
        """Return the number of the region with this pattern, or None."""
        return self._index.get(np.packbits(self.network.as_pattern(pattern)).tobytes())

    def locate(self, x: Any) -> int | None:
        """Return a region whose closed polytope holds the point x (decided exactly), or None.

        Where several regions touch, the one of x's own pattern is taken if it is full-dimensional, else
        the first one that holds x.
        """
        p = point(x, "x")
        own = self.index(self.network.pattern(np.array([p], dtype=object))[0])
        if own is not None and self.domain.contains(p):
            return own
        return next((i for i, region in enumerate(self) if region.contains(p)), None)

    # -- adjacency --------------------------------------------------------------------
    @functools.cached_property
    def adjacency(self) -> csr_matrix:
        """Symmetric SciPy CSR matrix, shape (R, R): the number of neurons that change across the shared facet.

        Column indices are sorted. :meth:`flipped` names the neurons.
        """
        from scipy.sparse import csr_matrix

        source, target = self._directed_edges()
        order = np.lexsort((target, source))
        source, target = source[order], target[order]
        changed = np.bitwise_count(self.packed[source] ^ self.packed[target]).sum(axis=1, dtype=np.int64)
        indptr = np.searchsorted(source, np.arange(len(self) + 1))
        return csr_matrix((changed, target, indptr), shape=(len(self), len(self)))

    @property
    def edges(self) -> npt.NDArray[np.int64]:
        """Pairs (i, j), i < j, of regions that share a facet, sorted; shape (E, 2)."""
        source, target = self._directed_edges()
        pairs = np.stack([source, target], axis=1)[source < target]
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def flipped(self, i: int, j: int) -> tuple[int, ...]:
        """Return the neurons in which two regions' patterns differ."""
        return tuple(int(k) for k in np.flatnonzero(self.patterns[i] != self.patterns[j]))

    @functools.cached_property
    def graph(self) -> networkx.Graph:
        """The dual graph: a node per region (``pattern``, ``interior_point``), an edge per shared facet (``neurons``).

        ``pattern`` is a string of 0 and 1, ``interior_point`` a tuple of Fractions, ``neurons`` those that change.
        """
        import networkx

        graph = networkx.Graph()
        for i, bits in enumerate(self.patterns):
            graph.add_node(i, pattern="".join(map(str, bits.tolist())), interior_point=self.interior_point(i))
        for i, j in self.edges.tolist():
            graph.add_edge(i, j, neurons=self.flipped(i, j))
        return graph

    @functools.cached_property
    def _points(self) -> tuple[npt.NDArray[np.float64], dict[int, Point]]:
        if self._given_points is not None:
            return self._given_points
        from .interior import interior_points

        first = self.facet_row[self.row_ptr[:-1]]
        return interior_points(self.network, self.domain, self.packed, self.facet_ptr, first)

    @property
    def interior_points(self) -> npt.NDArray[np.float64]:
        """A point strictly inside each region, shape (R, d); found on demand from pattern and facets.

        Exact as the floats that they are, except where :attr:`exact_points` has an entry.
        """
        return self._points[0]

    @property
    def exact_points(self) -> dict[int, Point]:
        """Interior points of regions too thin for a float point: index -> tuple of Fractions."""
        return self._points[1]

    def interior_point(self, i: int) -> Point:
        """Return an exact rational point strictly inside region i."""
        return self.exact_points.get(i) or tuple(Fraction(v) for v in self.interior_points[i].tolist())

    # -- pictures and files -----------------------------------------------------------
    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the regions of a network with 1 or 2 inputs; see :func:`polyrelu.plotting.plot_regions`."""
        from .plotting import plot_regions

        return plot_regions(self, ax, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a ``.npz`` file in one step, exactly; see :mod:`polyrelu.storage`.

        Raises
        ------
        ModelError
            Another suffix, or a directory that cannot be written.
        """
        from .storage import save_complex

        save_complex(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RegionComplex:
        """Read a complex that :meth:`save` wrote.

        Raises
        ------
        ModelError
            A missing or corrupt file, another format or a newer version.
        """
        from .storage import load_complex

        return load_complex(path)


class ActivationRegion:
    """One activation region: a convex polytope on which the network is affine.

    Everything is computed on demand and exact; attributes of a region that was not asked for cost nothing.
    """

    def __init__(self, cx: RegionComplex, index: int):
        self.complex, self.index = cx, index

    def __eq__(self, other: object) -> bool:
        """Tell whether this is the same region: equal pattern, network and domain."""
        if not isinstance(other, ActivationRegion):
            return NotImplemented
        same = self.complex is other.complex or (
            self.complex.network == other.complex.network and self.complex.domain == other.complex.domain
        )
        return same and bool(np.array_equal(self.pattern, other.pattern))

    def __hash__(self) -> int:
        return hash(self.pattern.tobytes())

    def __repr__(self) -> str:
        bits = "".join(map(str, self.pattern.tolist()))
        shown = bits if len(bits) <= 32 else f"{bits[:29]}..."
        return f"<ActivationRegion {self.index}: {shown}, {len(self.facets)} facets>"

    @property
    def pattern(self) -> Pattern:
        """Activation pattern, uint8 of shape (N,)."""
        bits: Pattern = self.complex.patterns[self.index]
        return bits

    @property
    def interior_point(self) -> Point:
        """A rational point strictly inside."""
        return self.complex.interior_point(self.index)

    @property
    def affine_map(self) -> AffineMap:
        """The exact affine map of the network on this region."""
        return self.complex.network.affine_map(self.pattern)

    @property
    def facets(self) -> list[Facet]:
        """The facets, sorted by their first row."""
        cx, N = self.complex, self.complex.network.neurons
        out = []
        for f in range(cx.facet_ptr[self.index], cx.facet_ptr[self.index + 1]):
            rows = cx.facet_row[cx.row_ptr[f] : cx.row_ptr[f + 1]].tolist()
            wall = next((r - N for r in rows if r >= N), None)
            neighbor = int(cx.facet_neighbor[f])
            out.append(Facet(tuple(r for r in rows if r < N), wall, neighbor if neighbor >= 0 else None))
        return out

    @property
    def neighbors(self) -> list[int]:
        """Explored regions that share a facet with this one, sorted."""
        return sorted(facet.neighbor for facet in self.facets if facet.neighbor is not None)

    @functools.cached_property
    def _rows(self) -> list[IntRow]:
        return self.complex.network.region_rows(self.pattern) + self.complex.domain.rows

    def pattern_beyond(self, facet: Facet) -> Pattern | None:
        """Return the pattern on the other side of a facet, explored or not; None on a wall."""
        if facet.wall is not None:
            return None
        zero = [j for j, row in enumerate(self._rows[: len(self.pattern)]) if not any(row)]
        outward = [-v for v in self._rows[facet.neurons[0]][:-1]]
        return self.complex.network.cross(self.pattern, (*facet.neurons, *zero), outward)

    @functools.cached_property
    def polytope(self) -> HPolytope:
        """The region as an irredundant H-polytope, one row per facet in their order, named by neuron or wall."""
        net, domain = self.complex.network, self.complex.domain
        N, chosen, names = net.neurons, [], []
        for facet in self.facets:
            chosen.append(facet.neurons[0] if facet.wall is None else N + facet.wall)
            parts = [net.neuron_name(j) for j in facet.neurons]
            names.append(" = ".join(parts if facet.wall is None else [domain.names[facet.wall], *parts]))
        return HPolytope.from_rows([self._rows[r] for r in chosen], net.input_dim, names)

    def contains(self, x: Any) -> bool:
        """Tell whether a point lies in the closed region, exactly."""
        numerators, den = integer_point(point(x, "x"))
        if len(numerators) != self.complex.network.input_dim:
            raise InputError(f"x has {len(numerators)} coordinates; expected {self.complex.network.input_dim}")
        return all(dot(row, numerators, den) >= 0 for row in self._rows)

    @property
    def vertices(self) -> npt.NDArray[np.object_]:
        """The vertices as Fractions, shape (v, d), sorted."""
        return self.polytope.vertices()

    @property
    def volume(self) -> Fraction:
        """The exact volume; DomainError if the region is unbounded."""
        return self.polytope.volume()
