"""The result of an enumeration: regions, facets, adjacency, and what can be asked of them."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Iterator, Sequence
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

    from .boundary import Boundary
    from .cells import Cell
    from .faces import Faces
    from .linear import LinearRegions
    from .measures import ClassShares, Enclosure, Extremum, Histogram, Lipschitz, StableNeurons

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
        self._cells: list[Cell] | None = None
        self._volumes: list[Fraction] | None = None

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

    # -- linear regions ---------------------------------------------------------------
    def linear_regions(self, definition: str = "open", outputs: Any = None) -> LinearRegions:
        """Merge the activation regions into linear regions, by exact equality of affine maps.

        Parameters
        ----------
        definition : {"open", "closed", "affine", "convex", "activation"}
            What a linear region is. ``"open"``: a maximal open connected set on which the network is one affine map.
            ``"closed"``: the same with closed sets, which may hang together in a point. ``"affine"``: all of
            {f = g}, connected or not. ``"convex"``: a cell of the smallest polyhedral complex on whose cells the
            network is affine; only bounds are found. ``"activation"``: the activation regions.
        outputs : int, sequence of int, or array_like of shape (k, m), optional
            Compare the maps of one output, of several, or of k linear combinations of the m outputs; all by default.

        Returns
        -------
        LinearRegions
            Labels, members, maps, graph, and bounds on the number, which meet except by ``"convex"`` and where
            regions are missing; see :class:`polyrelu.linear.LinearRegions`.

        Raises
        ------
        InputError
            Another definition, or an output that does not exist.

        Notes
        -----
        Exactness: *exact*; see :func:`polyrelu.residues.equal_maps`. Cost of ``"open"`` and ``"affine"``: two or three
        float passes of the network per region where all maps differ. ``"closed"`` and ``"convex"`` look at
        single regions, a few milliseconds each, but only where several open regions have the same map, or several
        regions are one open region.

        References
        ----------
        M. Stargalla, C. Hertrich and D. Reichman, *The Computational Complexity of Counting Linear Regions in ReLU
        Neural Networks*, 2025.

        Examples
        --------
        relu(x) + relu(-x) + relu(y) - relu(y) is |x|, whatever y is:

        >>> from polyrelu import Box, ReluNetwork, enumerate_regions
        >>> net = ReluNetwork([[[1, 0], [-1, 0], [0, 1], [0, 1]], [[1, 1, 1, -1]]], [[0] * 4, [0]])
        >>> regions = enumerate_regions(net, Box([-1, -1], [1, 1])).linear_regions()
        >>> regions.count, [members.tolist() for members in regions], regions.maps[0].A.tolist()
        (2, [[0, 1], [2, 3]], [[-1.0, 0.0]])
        """
        from .linear import linear_regions

        return linear_regions(self, definition, outputs)

    # -- measures ---------------------------------------------------------------------
    def volumes(self) -> list[Fraction]:
        """Return the exact volume (length, area) of every region, in the order of the regions.

        Raises
        ------
        DomainError
            A region is unbounded.
        CertificationError
            The regions of a complete complex do not fill the domain: asserted exactly.

        Examples
        --------
        >>> from polyrelu import Box, enumerate_regions
        >>> cx = enumerate_regions(ReluNetwork([[[1, 1]], [[1]]], [[0], [0]]), Box([-1, -1], [1, "1/2"]))
        >>> cx.volumes()
        [Fraction(15, 8), Fraction(9, 8)]
        """
        from .measures import volumes

        return volumes(self)

    def volume_histogram(self, bins: Any = None) -> Histogram:
        """Count regions by volume.

        Parameters
        ----------
        bins : int or increasing sequence of rationals, optional
            Number of bins of equal width from 0 to the largest volume, or the edges themselves. Default: one bin
            between any two successive powers of two.

        Returns
        -------
        Histogram
            ``counts`` and ``edges``. Every comparison is exact; a bin holds its lower edge, the last one both.
        """
        from .measures import volume_histogram

        return volume_histogram(self, bins)

    def maximum(self, output: Any = 0) -> Extremum:
        """Return the exact maximum of an output over the domain, with a point where it is attained.

        Parameters
        ----------
        output : int or sequence of m rationals
            The number of an output, or coefficients of a linear combination of all of them.

        Returns
        -------
        Extremum
            ``value``, ``point``, ``ray``, ``region``. Unbounded outputs have the value inf and a ray along which it is
            approached. Of several maximizers a vertex of the first region is taken.

        Notes
        -----
        Exactness: *exact*: every vertex of every region is compared. Of an incomplete complex: over what was explored.

        Examples
        --------
        The tent over [0, 1]:

        >>> from polyrelu import Box, enumerate_regions
        >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
        >>> cx = enumerate_regions(tent, Box([0], [1]))
        >>> cx.maximum().value, cx.maximum().point
        (Fraction(1, 1), (Fraction(1, 2),))
        """
        from .measures import maximum

        return maximum(self, output)

    def minimum(self, output: Any = 0) -> Extremum:
        """Return the exact minimum of an output over the domain; see :meth:`maximum`."""
        from .measures import maximum

        return maximum(self, output, -1)

    def range(self, output: Any = 0) -> tuple[Fraction | float, Fraction | float]:
        """Return the exact minimum and maximum of an output: all values between them are taken.

        Of an incomplete complex: over what was explored, which is connected.
        """
        return self.minimum(output).value, self.maximum(output).value

    def integral(self, output: Any = 0, bits: int | None = None) -> Fraction | Enclosure:
        """Return the integral of an output over the domain (of an incomplete complex: over what was explored).

        Parameters
        ----------
        output : int or sequence of m rationals
            The number of an output, or coefficients of a linear combination.
        bits : int, optional
            Round every region's share down to a multiple of ``2**-bits`` and return two bounds instead. The exact
            integral may have as many digits as all vertices together: millions for a trained network of many
            regions.

        Returns
        -------
        Fraction or Enclosure
            Exactness: *exact*, or *certified* with ``bits``: at least ``lower``, at most ``upper``.

        Notes
        -----
        Every region is triangulated; over a simplex an affine function integrates to volume times mean vertex value.

        Examples
        --------
        The tent over [0, 1] is a triangle of height 1:

        >>> from polyrelu import Box, enumerate_regions
        >>> tent = ReluNetwork([[[1], [1]], [[2, -4]]], [[0, -0.5], [0]])
        >>> enumerate_regions(tent, Box([0], [1])).integral()
        Fraction(1, 2)
        """
        from .measures import integral

        return integral(self, output, bits)

    def mean(self, output: Any = 0, bits: int | None = None) -> Fraction | Enclosure:
        """Return the mean of an output over the domain, or over what was explored: :meth:`integral` by volume."""
        from .measures import mean

        return mean(self, output, bits)

    def lipschitz(self, norm: Any = 2) -> Lipschitz:
        """Return the Lipschitz constant of the network on the domain, in one norm for inputs and outputs.

        It is the largest operator norm of a Jacobian.

        Parameters
        ----------
        norm : {1, 2, math.inf}

        Returns
        -------
        Lipschitz
            Exactness: norms 1 and inf *exact* (``value``). Norm 2: the square is an eigenvalue, *exact* with one output
            or one input and *certified* otherwise, between bounds that differ by a factor of 1 + 2**-40 or less.

        Raises
        ------
        InputError
            Another norm, or the complex is incomplete.

        Examples
        --------
        >>> from polyrelu import Box, enumerate_regions
        >>> cx = enumerate_regions(ReluNetwork([[[3, 4]], [[1]]], [[0], [0]]), Box([-1, -1], [1, 1]))
        >>> cx.lipschitz(2).squared.lower, cx.lipschitz(1).value, cx.lipschitz(float("inf")).value
        (Fraction(25, 1), Fraction(4, 1), Fraction(7, 1))
        """
        from .measures import lipschitz

        return lipschitz(self, norm)

    def class_shares(self, classes: str = "argmax") -> ClassShares:
        """Return the share of the domain where each output is the largest, or the smallest.

        Parameters
        ----------
        classes : {"argmax", "argmin"}

        Returns
        -------
        dict
            Output number -> exact share; and tuples of outputs that win together on a set of positive volume -> its
            share. They sum to 1 exactly.

        Raises
        ------
        InputError
            The complex is incomplete, or ``classes`` is unknown.
        DomainError
            The domain is unbounded.

        Examples
        --------
        Which of x and y is larger on [0, 2] x [0, 1]:

        >>> from polyrelu import Box, enumerate_regions
        >>> net = ReluNetwork([[[1, 0], [0, 1]], [[1, 0], [0, 1]]], [[0, 0], [0, 0]])
        >>> enumerate_regions(net, Box([0, 0], [2, 1])).class_shares()
        {0: 3/4, 1: 1/4}
        """
        from .measures import class_shares

        return class_shares(self, classes)

    def stable_neurons(self) -> StableNeurons:
        """Return the hidden neurons that never switch on the domain: always active, or always inactive.

        Raises
        ------
        InputError
            The complex is incomplete.

        Examples
        --------
        >>> from polyrelu import Box, enumerate_regions
        >>> net = ReluNetwork([[[1], [1], [1]], [[1, 1, 1]]], [[0, 2, -2], [0]])
        >>> enumerate_regions(net, Box([-1], [1])).stable_neurons()
        StableNeurons(active=[1], inactive=[2])
        """
        from .measures import stable_neurons

        return stable_neurons(self)

    # -- boundaries and faces ---------------------------------------------------------
    def level_set(self, output: Any = 0, value: Any = 0) -> Boundary:
        """Return ``{x : output(x) = value}`` as polytopes of dimension d - 1.

        Parameters
        ----------
        output : int or sequence of m rationals
            The number of an output, or coefficients of a linear combination.
        value : number

        Returns
        -------
        Boundary
            ``pieces``, each one once, and ``full``: regions on which the output is identically the value. Polylines in
            two dimensions, a triangle mesh in three, ``save`` for .obj and .ply, exact lengths and areas.

        Raises
        ------
        InputError
            The complex is incomplete.
        DomainError
            The domain is unbounded.

        Notes
        -----
        Exactness: *exact*. Parts of dimension below d - 1 (the output touches the value in a point) have no piece;
        :meth:`betti_numbers` sees them. The regions are enumerated once more, with one more neuron.

        Examples
        --------
        |x| + |y| = 1 has length 4 sqrt 2:

        >>> from polyrelu import Box, enumerate_regions
        >>> net = ReluNetwork([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]], [[0, 0, 0, 0], [0]])
        >>> diamond = enumerate_regions(net, Box([-2, -2], [2, 2])).level_set(0, 1)
        >>> len(diamond), diamond.length.squares[0], diamond.polylines()[0].closed
        (4, Fraction(2, 1), True)
        """
        from .boundary import level_set

        return level_set(self, output, value)

    def decision_boundary(self, i: int, j: int) -> Boundary:
        """Return where outputs i and j are equal, whatever the others are; see :meth:`level_set`."""
        from .boundary import decision_boundary

        return decision_boundary(self, i, j)

    def class_boundary(self, classes: str = "argmax") -> Boundary:
        """Return where the winning output changes; ``full`` are regions with ties of positive volume.

        Every piece names the ``classes`` on its two sides.
        """
        from .boundary import class_boundary

        return class_boundary(self, classes)

    def faces(self) -> Faces:
        """Return all vertices, edges, .. of the complex with the signs of all neurons, in up to three dimensions.

        Raises
        ------
        InputError
            More than three inputs.
        DomainError
            The domain is unbounded.
        CertificationError
            Euler's relation fails on a complete complex.

        Examples
        --------
        Two lines that cross in a square:

        >>> from polyrelu import Box, enumerate_regions
        >>> net = ReluNetwork([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
        >>> faces = enumerate_regions(net, Box([-1, -1], [1, 1])).faces()
        >>> faces.f_vector, faces.signs[0][4].tolist()
        ((9, 12, 4), [0, 0])
        """
        from .faces import Faces

        return Faces(self)

    def betti_numbers(self, output: Any = 0, value: Any = 0, part: str = "sublevel") -> tuple[int, ...]:
        """Return the Betti numbers b_0 .. b_{d-1} of ``{output <= value}``, in up to three dimensions.

        Parameters
        ----------
        output : int or sequence of m rationals
            The number of an output, or coefficients of a linear combination: (1, -1) for a decision boundary.
        value : number
        part : {"sublevel", "level", "superlevel"}
            ``<=``, ``=`` or ``>=``.

        Returns
        -------
        tuple of d ints
            b_0 components, b_1 holes (independent loops), b_2 cavities; zeros for the empty set.

        Examples
        --------
        |x| + |y| is 1 on a circle:

        >>> from polyrelu import Box, enumerate_regions
        >>> net = ReluNetwork([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]], [[0, 0, 0, 0], [0]])
        >>> cx = enumerate_regions(net, Box([-2, -2], [2, 2]))
        >>> cx.betti_numbers(0, 1, "level"), cx.betti_numbers(0, 1)
        ((1, 1), (1, 0))
        """
        from .faces import betti_numbers

        return betti_numbers(self, output, value, part)

    # -- pictures and files -----------------------------------------------------------
    def plot(self, ax: Axes | None = None, *, kind: str | None = None, **options: Any) -> Axes:
        """Draw a network with 1, 2 or 3 inputs with matplotlib; see :func:`polyrelu.plotting.plot`.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default on a new pyplot figure.
        kind : str, optional
            One input: ``"function"``. Two: ``"regions"`` (default), ``"bent_hyperplanes"``, ``"graph"``, ``"surface"``,
            ``"classes"``, ``"boundary"``. Three: ``"regions_3d"`` (default), ``"boundary"``.
        **options
            Of the function that draws this kind, ``polyrelu.plotting.plot_<kind>``.
        """
        from .plotting import plot

        return plot(self, ax, kind=kind, **options)

    def plot_classes(
        self, ax: Axes | None = None, *, classes: str = "argmax", labels: Sequence[str] | None = None
    ) -> Axes:
        """Fill the plane by the winning output.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default on a new pyplot figure.
        classes : {"argmax", "argmin"}
        labels : sequence of m strings, optional
            Names of the outputs in the legend.
        """
        from .boundary_plots import plot_classes

        return plot_classes(self, ax, classes=classes, labels=labels)

    def save_page(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write one interactive page, ``.html``, of 1, 2 or 3 inputs; see :func:`polyrelu.page.save_page`."""
        from .page import save_page

        save_page(self, path, **options)

    def save(self, path: str | os.PathLike[str], proof: bool | None = None) -> None:
        """Write everything to a ``.npz`` file in one step, exactly, with its proof for :func:`polyrelu.verify`.

        Parameters
        ----------
        path : path-like
            A name that ends in ``.npz``.
        proof : bool, optional
            True makes the proof, False leaves it out. By default it is made if it should take minutes at most:
            regions x neurons x inputs^2 up to 10^8 (10^6 if the enumeration is incomplete).

        Raises
        ------
        ModelError
            Another suffix, or a directory that cannot be written.
        CertificationError
            If the proof fails: then the complex is wrong, and nothing is written.
        """
        from .storage import save_complex

        save_complex(self, path, proof)

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
