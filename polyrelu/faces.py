"""All faces of a region complex in up to three dimensions, Euler's relation, and Betti numbers of level sets.

The regions are the cells of a polyhedral complex, so a face is known by its vertices, and every neuron has one sign on
the relative interior of a face. Betti numbers are those of compact polyhedra in R^d: the number of components is
counted, the last one is that of the bounded components of the complement (Alexander duality), and in three dimensions
the one in between follows from the Euler characteristic. There is no torsion, so they are the same over every field.

References
----------
J. E. Grigsby and K. Lindsey, On transversality of bent hyperplane arrangements and the topological expressiveness of
ReLU neural networks, 2022 (the canonical polyhedral complex).
A. Hatcher, Algebraic Topology, 2002, corollary 3.45 (Alexander duality).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .boundary import Boundary, Mask
from .cells import Cell, Corner, PrefixForms, as_point, cells
from .complex import RegionComplex
from .errors import CertificationError, DomainError, InputError
from .exact import UNDERFLOW, UNIT_ROUNDOFF, floats, fraction
from .refine import Neuron, functional, refine

PARTS = ("sublevel", "level", "superlevel")


class Faces:
    """The faces of a region complex, by dimension.

    Attributes
    ----------
    vertices : ndarray of Fractions, shape (f_0, d)
        Sorted.
    faces : list of lists of tuples
        ``faces[k]`` are the k-dimensional faces as ascending numbers of their vertices; sorted, except that
        ``faces[d]`` are the regions in their order.
    facets : list of lists of tuples
        ``facets[k][i]`` are the numbers of the (k - 1)-dimensional faces of face i; ``facets[0]`` is empty.
    signs : list of ndarrays of int8, shape (f_k, N)
        ``signs[k][i, j]`` is the sign -1, 0 or 1 of neuron j's pre-activation on the relative interior of face i.
    neurons : tuple of int
        The neurons that the columns of ``signs`` stand for.

    Notes
    -----
    Exactness: *exact*.
    """

    def __init__(self, cx: RegionComplex, neurons: Iterable[int] | None = None):
        d = cx.network.input_dim
        if d > 3:
            raise InputError(f"faces are listed for up to 3 inputs and the network has {d}; restrict it to a slice")
        if not cx.domain.is_bounded():
            raise DomainError("the domain is unbounded; faces are listed inside bounded domains: give a Box")
        self.complex = cx
        self.neurons = tuple(range(cx.network.neurons) if neurons is None else neurons)
        ids: dict[Corner, int] = {}
        corner_signs: list[npt.NDArray[np.int8]] = []
        # faces of dimension 0 < k < d by their vertices, and the facets of all cells
        middle: list[set[tuple[int, ...]]] = [set() for _ in range(d)]
        sides: list[list[tuple[int, ...]]] = []
        top: list[tuple[int, ...]] = []
        forms = PrefixForms(cx.network)
        for cell in cells(cx, forms=forms):
            new = [c for c in cell.corners if c not in ids]
            if new:
                corner_signs.append(_signs(forms, self.neurons, new))
                for c in new:
                    ids[c] = len(ids)
            here = [ids[c] for c in cell.corners]
            top.append(tuple(here))
            sides.append([tuple(here[k] for k in on) for on in _facet_corners(cell)])
            if d == 3:
                middle[1].update(tuple(sorted((here[a], here[b]))) for a, b in _edges(cell))
            if d > 1:
                middle[d - 1].update(tuple(sorted(side)) for side in sides[-1])
        order = sorted(ids, key=as_point)
        rank = np.empty(len(ids), dtype=np.int64)
        rank[[ids[c] for c in order]] = np.arange(len(ids))
        name = rank.tolist()

        def renamed(face: Iterable[int]) -> tuple[int, ...]:
            return tuple(sorted(name[v] for v in face))

        self.vertices = np.empty((len(order), d), dtype=object)
        for k, corner in enumerate(order):
            self.vertices[k] = as_point(corner)
        self.faces: list[list[tuple[int, ...]]] = [[(v,) for v in range(len(order))]]
        self.faces += [sorted(map(renamed, middle[k])) for k in range(1, d)]
        self.faces.append([renamed(face) for face in top])
        number = [{face: i for i, face in enumerate(part)} for part in self.faces]
        self.facets: list[list[tuple[int, ...]]] = [[() for _ in self.faces[0]]]
        for k in range(1, d):
            self.facets.append([tuple(self._edges_of(face, k, number)) for face in self.faces[k]])
        self.facets.append([tuple(sorted(number[d - 1][renamed(side)] for side in part)) for part in sides])
        at_vertex = np.empty((len(order), len(self.neurons)), dtype=np.int8)
        at_vertex[rank] = np.concatenate(corner_signs)
        self.signs = [at_vertex, *(_face_signs(at_vertex, part) for part in self.faces[1:])]
        if cx.complete and self.euler_characteristic != 1:
            raise CertificationError(f"the faces {self.f_vector} of a convex domain contradict Euler's relation")

    def _edges_of(self, face: tuple[int, ...], k: int, number: Sequence[dict[tuple[int, ...], int]]) -> list[int]:
        if k == 1:
            return list(face)
        # edges of the complex between vertices of a polygon are its sides: the complex is face to face
        pairs = itertools.combinations(face, 2)
        return [number[1][pair] for pair in pairs if pair in number[1]]

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Number of vertices, edges, .., regions."""
        return tuple(len(part) for part in self.faces)

    @property
    def euler_characteristic(self) -> int:
        """The alternating sum of the f-vector; 1 for a complete complex over a bounded domain, asserted."""
        return sum((-1) ** k * n for k, n in enumerate(self.f_vector))

    def __repr__(self) -> str:
        return f"<Faces of {self.complex!r}, f-vector {self.f_vector}>"

    def betti_numbers(self, members: Sequence[Mask]) -> tuple[int, ...]:
        """Return the Betti numbers b_0 .. b_{d-1} of a union of faces.

        Parameters
        ----------
        members : sequence of d + 1 boolean arrays
            ``members[k][i]`` tells whether face i of dimension k belongs to it; with a face all its faces must.

        Examples
        --------
        The boundary of a square is a circle:

        >>> from polyrelu import Box, ReluNetwork, enumerate_regions
        >>> square = Faces(enumerate_regions(ReluNetwork([[[1, 0]]], [[0]]), Box([0, 0], [1, 1])))
        >>> square.betti_numbers([np.ones(4, bool), np.ones(4, bool), np.zeros(1, bool)])
        (1, 1)
        """
        d = len(self.faces) - 1
        if not self.complex.complete:
            raise InputError("the enumeration is incomplete, so the complement is unknown; enumerate without a limit")
        members = [np.asarray(m) for m in members]
        if [m.shape for m in members] != [(n,) for n in self.f_vector] or any(m.dtype != bool for m in members):
            raise InputError(
                f"members have shapes {[m.shape for m in members]} and types {[str(m.dtype) for m in members]}; "
                f"expected bool arrays of lengths {list(self.f_vector)}"
            )
        for k in range(1, d + 1):
            for i in np.flatnonzero(members[k]).tolist():
                if not members[k - 1][list(self.facets[k][i])].all():
                    raise InputError(f"face {i} of dimension {k} is a member, but not all of its facets are")
        euler = sum((-1) ** k * int(m.sum()) for k, m in enumerate(members))
        edges = [self.facets[1][i] for i in np.flatnonzero(members[1]).tolist()]
        components = _components(len(members[0]), edges) - int((~members[0]).sum())
        if d == 1:
            return (components,)
        if d == 2:
            return components, components - euler
        # regions outside of the union, joined across facets outside of it; the last node is the rest of R^3
        outside: dict[int, list[int]] = {}
        for i in np.flatnonzero(~members[3]).tolist():
            for facet in self.facets[3][i]:
                if not members[2][facet]:
                    outside.setdefault(facet, []).append(i)
        rest = len(members[3])
        links = [(pair[0], pair[1] if len(pair) == 2 else rest) for pair in outside.values()]
        cavities = _components(rest + 1, links) - int(members[3].sum()) - 1
        return components, components + cavities - euler, cavities


def _facet_corners(cell: Cell) -> list[list[int]]:
    return [[k for k, zeros in enumerate(cell.incidence) if zeros >> f & 1] for f in range(len(cell.rows))]


def _edges(cell: Cell) -> list[tuple[int, int]]:
    """Return the edges of a polytope in three dimensions: pairs of corners that share two facets."""
    pairs = itertools.combinations(range(len(cell.corners)), 2)
    return [(a, b) for a, b in pairs if (cell.incidence[a] & cell.incidence[b]).bit_count() >= 2]


def _signs(forms: PrefixForms, neurons: Sequence[int], corners: Sequence[Corner]) -> npt.NDArray[np.int8]:
    """Return the exact signs of neurons at corners of the region that the forms are on."""
    out = np.zeros((len(corners), len(neurons)), dtype=np.int8)
    undecided: Iterable[Sequence[int]] = itertools.product(range(len(corners)), range(len(neurons)))
    if len(neurons) == forms.net.neurons:
        out, decided = _float_signs(forms, corners)
        undecided = np.argwhere(~decided).tolist()
    for k, j in undecided:
        value = sum(a * v for a, v in zip(forms.row(neurons[j]), corners[k], strict=True))
        out[k, j] = (value > 0) - (value < 0)
    return out


def _float_signs(forms: PrefixForms, corners: Sequence[Corner]) -> tuple[npt.NDArray[np.int8], Mask]:
    """Return the signs of all neurons at corners in floats, and which of them clear their error bounds.

    A form G with error E at the point x rounded to nearest is wrong by at most E |x|, the rounding of x (u |G x|) and
    that of d + 1 products and sums (gamma |G x|); underflow may cost a little more.
    """
    from .kernels import affine_forms

    d, N = forms.net.input_dim, forms.net.neurons
    G, E = np.empty((N, d + 1)), np.empty((N, d + 1))
    assert forms.bits is not None
    affine_forms(forms.net.packed, d, forms.bits, G, E, 0)
    x = np.array([[*floats(as_point(c)), 1.0] for c in corners])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        z, size = x @ G.T, np.abs(x)
        bound = (size @ E.T + (d + 6) * UNIT_ROUNDOFF * (size @ np.abs(G).T)) * (1 + 2.0**-20)
        bound += UNDERFLOW * (np.abs(G).sum(axis=1) + d + 4)
        # NaN compares false, so an overflow is undecided too; a form that is exactly zero has no error
        decided = (np.abs(z) > bound) | ~(G.any(axis=1) | E.any(axis=1))
        return np.where(decided, np.sign(np.nan_to_num(z)), 0).astype(np.int8), decided


def _face_signs(at_vertex: npt.NDArray[np.int8], faces: Sequence[tuple[int, ...]]) -> npt.NDArray[np.int8]:
    """Return the signs on relative interiors: zero if zero at all vertices, else the sign at the others."""
    start = np.concatenate([[0], np.cumsum([len(face) for face in faces])[:-1]])
    flat = np.fromiter(itertools.chain.from_iterable(faces), dtype=np.int64)
    out = np.empty((len(faces), at_vertex.shape[1]), dtype=np.int8)
    for j in range(at_vertex.shape[1]):
        column = at_vertex[flat, j]
        low, high = np.minimum.reduceat(column, start), np.maximum.reduceat(column, start)
        if ((low < 0) & (high > 0)).any():
            raise CertificationError(f"neuron {j} changes its sign inside a face")
        out[:, j] = np.where(low < 0, low, high)
    return out


def _components(nodes: int, links: Iterable[Sequence[int]]) -> int:
    """Count the components of a graph, isolated nodes included."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = np.array(list(links), dtype=np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(nodes, nodes))
    return int(connected_components(graph, directed=False)[0])


def betti_numbers(cx: RegionComplex, output: Any = 0, value: Any = 0, part: str = "sublevel") -> tuple[int, ...]:
    """Return the Betti numbers of a sublevel, level or superlevel set; see :meth:`RegionComplex.betti_numbers`."""
    if part not in PARTS:
        raise InputError(f"part is {part!r}; choose 'sublevel', 'level' or 'superlevel'")
    N = cx.network.neurons
    neuron = Neuron(functional(cx.network, output), -Fraction(fraction(value, "value")))
    faces = Faces(refine(cx, [neuron], "a level set"), [N])
    signs = [s[:, 0] for s in faces.signs]
    if part == "level":
        return faces.betti_numbers([s == 0 for s in signs])
    return faces.betti_numbers([(s <= 0) if part == "sublevel" else (s >= 0) for s in signs])


def boundary_betti_numbers(boundary: Boundary) -> tuple[int, ...]:
    """Return the Betti numbers of all pieces and solid regions of a boundary; see :meth:`Boundary.betti_numbers`."""
    faces = Faces(boundary.refined, ())
    d = len(faces.faces) - 1
    vertex = {tuple(row): k for k, row in enumerate(faces.vertices.tolist())}
    facet = {face: i for i, face in enumerate(faces.faces[d - 1])}
    members = [np.zeros(n, dtype=bool) for n in faces.f_vector]
    members[d] |= boundary.solid
    for piece in boundary.pieces:
        members[d - 1][facet[tuple(sorted(vertex[as_point(c)] for c in piece.corners))]] = True
    for k in range(d, 0, -1):
        for i in np.flatnonzero(members[k]).tolist():
            members[k - 1][list(faces.facets[k][i])] = True
    return faces.betti_numbers(members)
