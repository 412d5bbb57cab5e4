"""Convex coarsenings of a region complex: bounds on the number of convex linear regions.

Legend: a *cell* is an activation region, a *part* a union of cells that is convex; a *row* is an integer affine form
``(g_1, .., g_d, g_0)``, nonnegative on its part; a *generator* is a vertex, a ray or a line in
homogeneous integers ``(y, t)`` with t >= 0, where a row takes the value ``g . y + g_0 t``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .complex import RegionComplex
from .double_description import cone_generators
from .exact import IntRow, integer_matrix
from .residues import first_come

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """One activation region: a row per facet, generators with the bitset of facets that hold each, and lines."""

    rows: list[IntRow]
    generators: list[tuple[IntRow, int]]
    lines: list[IntRow]


class Cells:
    """The cells of a complex by number, each computed when it is first asked for."""

    def __init__(self, cx: RegionComplex):
        self.cx = cx
        self._known: dict[int, Cell] = {}

    def __getitem__(self, i: int) -> Cell:
        if i not in self._known:
            d = self.cx.network.input_dim
            rows = self.cx[i].polytope.rows
            self._known[i] = Cell(rows, *cone_generators([*rows, (*([0] * d), 1)], d + 1))
        return self._known[i]


def _value(row: Sequence[int], y: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(row, y, strict=True))


def meets(cell: Cell, f: int, gaps: Sequence[IntRow]) -> bool:
    """Tell whether all of some affine forms vanish together somewhere on facet f of a cell.

    The forms are not zero, and no two of them are multiples of each other.

    Examples
    --------
    On the facet x = 0 of the square [0, 1]^2, y - 1 vanishes at a corner and y - 2 nowhere:

    >>> rows = [(1, 0, 0), (-1, 0, 1), (0, 1, 0), (0, -1, 1)]
    >>> square = Cell(rows, *cone_generators([*rows, (0, 0, 1)], 3))
    >>> meets(square, 0, [(0, 1, -1)]), meets(square, 0, [(0, 1, -2)])
    (True, False)
    """
    face = [y for y, zeros in cell.generators if zeros >> f & 1]
    for u in gaps:
        if any(_value(u, y) for y in cell.lines):
            continue
        values = [(_value(u, y), y[-1]) for y in face]
        sign = next((1 if v > 0 else -1 for v, t in values if t and v), 0)
        # a vertex where u vanishes, or two generators between which its sign changes
        if sign and not any(v * sign < 0 or (t and not v) for v, t in values):
            return False
    if len(gaps) < 2:
        return True
    zero = [row for u in (cell.rows[f], *gaps) for row in (u, tuple(-v for v in u))]
    at_infinity = (*([0] * (len(cell.rows[f]) - 1)), 1)
    return any(y[-1] for y, _ in cone_generators([*cell.rows, at_infinity, *zero], len(at_infinity))[0])


@dataclass(eq=False)
class _Part:
    """A union of cells of one open region, connected by facets, with the cells across every row of its boundary."""

    cells: list[int]
    across: dict[IntRow, set[int]]
    generators: set[IntRow]

    def violated(self) -> list[IntRow]:
        """Return the rows of the boundary that do not hold everywhere; the part is convex iff there is none.

        If they all hold, a segment from an interior point that leaves the part crosses one of them for good, so that
        the part is the polytope of its rows.
        """
        return [row for row in self.across if any(_value(row, y) < 0 for y in self.generators)]


def _union(parts: Sequence[_Part]) -> _Part:
    """Return the union of parts; facets between two of them are no boundary."""
    cells = sorted(i for part in parts for i in part.cells)
    inside = set(cells)
    across: dict[IntRow, set[int]] = {}
    for part in parts:
        for row, others in part.across.items():
            beyond = others - inside
            if beyond:
                across.setdefault(row, set()).update(beyond)
    return _Part(cells, across, set().union(*(part.generators for part in parts)))


def _prune(part: _Part, d: int) -> None:
    """Drop generators of a convex part where too few rows vanish for an extreme one."""
    lines = {y for y in part.generators if tuple(-v for v in y) in part.generators}
    rank = integer_matrix(sorted(lines), d + 1).rank() if lines else 0
    part.generators = lines | {
        y
        for y in part.generators - lines
        if sum(not _value(row, y) for row in part.across) + (not y[-1]) >= d - rank
    }


def _forced(parts: dict[int, _Part], labels: Ints, seed: Iterable[int]) -> list[_Part] | None:
    """Return the parts that change when the cells of a seed come into one part of a complex; None if they cannot.

    Two rules force further unions, and nothing else does. A row that does not hold everywhere on a part: the hull of
    the part has points across all of that facet, so that everything across belongs to the part. Several parts
    across one facet: in a complex there is one.
    """
    changed: dict[int, _Part] = {}

    def name(i: int) -> int:
        """Return the number of a cell's part: its first cell; walls and cells that are in no part stay themselves."""
        part = changed.get(i) or parts.get(i)
        return part.cells[0] if part else i

    pending = [set(seed)]
    while pending:
        wanted = pending.pop()
        if min(wanted) < 0 or len({int(labels[i]) for i in wanted}) > 1:
            return None
        group = sorted({name(i) for i in wanted})
        if len(group) < 2:
            continue
        part = _union([changed.get(i) or parts[i] for i in group])
        changed |= dict.fromkeys(part.cells, part)
        violated = part.violated()
        pending += [part.across[row] | {part.cells[0]} for row in violated]
        if not violated:
            pending += [others for others in part.across.values() if len({name(j) for j in others}) > 1]
    return list({id(part): part for part in changed.values()}.values())


def coarsen(cx: RegionComplex, labels: Ints) -> tuple[Ints, int]:
    """Merge cells to convex parts that form a polyhedral complex, each part inside one open linear region.

    Parameters
    ----------
    cx : RegionComplex
    labels : ndarray of int64, shape (R,)
        The open linear region of every cell.

    Returns
    -------
    parts : ndarray of int64, shape (R,)
        The part of every cell, numbered by first cell. Their number is an upper bound on the number of convex
        linear regions.
    lower : int
        A lower bound: the number of open linear regions, plus one for each that cannot be a single cell of a
        complex, because it is not convex or has several other open regions across one facet.

    Notes
    -----
    Exactness: *exact*. Neighbors are merged, with everything that this forces, one pair after the other: a greedy
    search that need not find the minimum. Parts that have one part across each facet form a complex: the smallest
    face of a part that holds a point x lies in all of its facets at x, so that it is a face of the parts across as
    well, and so on around x. Only open regions of several cells cost anything: a double description per cell, then
    integer products.

    References
    ----------
    P. M. Gruber and S. S. Ryshkov, Facet-to-facet implies face-to-face, 1989.
    """
    many = np.flatnonzero((np.bincount(labels, minlength=1) > 1)[labels]).tolist()
    cells = Cells(cx)
    parts = {i: _atom(cx, cells, i) for i in many}
    regions: dict[int, list[_Part]] = {}
    for i in many:
        regions.setdefault(int(labels[i]), []).append(parts[i])
    lower = len(np.unique(labels))
    for atoms in regions.values():
        whole = _union(atoms)
        split = any(len({int(labels[j]) for j in others if j >= 0}) > 1 for others in whole.across.values())
        lower += split or bool(whole.violated())
    # what is forced only grows with the parts, so that a pair of cells that once failed need not be tried again
    failed: set[tuple[int, int]] = set()
    for i, j in cx.edges[labels[cx.edges[:, 0]] == labels[cx.edges[:, 1]]].tolist():
        pair = parts[i].cells[0], parts[j].cells[0]
        if pair[0] == pair[1] or pair in failed:
            continue
        found = _forced(parts, labels, pair)
        if found is None:
            failed |= {pair, pair[::-1]}
        for part in found or []:
            _prune(part, cx.network.input_dim)
            parts |= dict.fromkeys(part.cells, part)
    out = np.arange(len(cx), dtype=np.int64)
    for i, part in parts.items():
        out[i] = part.cells[0]
    return first_come(out), lower


def _atom(cx: RegionComplex, cells: Cells, i: int) -> _Part:
    cell = cells[i]
    beyond = cx.facet_neighbor[cx.facet_ptr[i] : cx.facet_ptr[i + 1]].tolist()
    across = {row: {j} for row, j in zip(cell.rows, beyond, strict=True)}
    lines = {y for v in cell.lines for y in (v, tuple(-a for a in v))}
    return _Part([i], across, {y for y, _ in cell.generators} | lines)
