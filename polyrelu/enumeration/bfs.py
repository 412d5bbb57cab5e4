"""Breadth-first search over the adjacency graph: a pattern, its facets, cross each one, until nothing is new.

Each region is explored from its pattern alone: affine forms with error bounds, an interior point, facets
by linear programs (:func:`polyrelu.kernels.explore_batch`). What floats cannot prove, the same region's exact
rows decide (:func:`polyrelu.lp.settle`). Every facet that is found must be found again from its other side,
or :class:`CertificationError` is raised.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import lp
from ..complex import Found
from ..errors import CertificationError, DomainError, InputError
from ..exact import IntRow, Point, RationalMatrix, dot, floats, integer_point, point
from ..network import Pattern, ReluNetwork
from ..polytope import HPolytope
from .progress import Progress, Wanted

# A batch grows while it takes less than this many seconds, so that Ctrl-C is answered at once in any dimension;
# no result depends on it.
PATIENCE, BATCH = 0.1, 1024


@dataclass
class Explored:
    """Regions in the order of discovery, with their facets, as flat lists.

    ``facet_rows`` names per facet all rows that vanish on it (neurons, then neurons + wall number);
    ``facet_key`` is the packed pattern beyond it, or None on a wall.
    """

    keys: list[bytes] = field(default_factory=list)
    facet_count: list[int] = field(default_factory=list)
    facet_rows: list[tuple[int, ...]] = field(default_factory=list)
    facet_key: list[bytes | None] = field(default_factory=list)
    settled_exactly: int = 0

    def found(self, neurons: int) -> Found:
        """Return everything as arrays."""
        width = (neurons + 7) // 8
        nowhere = bytes(width)

        def table(keys: list[bytes]) -> npt.NDArray[np.uint8]:
            return np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), width)

        return Found(
            table(self.keys),
            np.array(self.facet_count, dtype=np.int64),
            np.array([len(rows) for rows in self.facet_rows], dtype=np.int64),
            np.array([row for rows in self.facet_rows for row in rows], dtype=np.int64),
            np.array([key is None for key in self.facet_key], dtype=bool),
            table([nowhere if key is None else key for key in self.facet_key]),
            self.settled_exactly,
        )


class Explorer:
    """Explores single regions of one network over one domain."""

    def __init__(self, net: ReluNetwork, domain: HPolytope):
        self.net, self.domain = net, domain
        # one row per facet of the domain: coincident walls would hide each other in every region
        self.wall_numbers = [group[0] for group in domain.facets()]
        self.wall_rows: list[IntRow] = [domain.rows[i] for i in self.wall_numbers]
        self.walls, self.wall_error = lp.float_rows(self.wall_rows)
        if not self.wall_rows:
            self.walls = self.wall_error = np.zeros((0, net.input_dim + 1))
        self.lo, self.hi = domain.outer_floats()
        inner = floats(domain.interior_point())
        bounded = np.isfinite(self.lo).all() and np.isfinite(self.hi).all()
        self.origin = 0.5 * self.lo + 0.5 * self.hi if bounded else inner
        self.bits = np.packbits(np.eye(net.neurons, dtype=np.uint8), axis=1) if net.neurons else None

    def explore(self, keys: Sequence[bytes], out: Explored) -> None:
        """Append the regions with the given packed patterns and their facets to ``out``."""
        from .. import kernels

        N = self.net.neurons
        packed = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
        patterns = unpack(packed, N)
        status, centers, codes = self._classify(patterns)
        is_facet = status == kernels.FACET
        easy = (codes == kernels.DECIDED) & ~(status == kernels.ZERO).any(axis=1)
        is_facet[~easy] = False
        region, row = np.nonzero(is_facet)
        first = np.searchsorted(region, np.arange(len(keys) + 1))
        beyond: list[bytes] = []
        if self.bits is not None and len(region):
            flipped = packed[region] ^ self.bits[np.minimum(row, N - 1)]
            beyond = flipped.view(f"V{packed.shape[1]}").ravel().tolist()
        rows = row.tolist()
        for k, key in enumerate(keys):
            if easy[k]:
                for f in range(first[k], first[k + 1]):
                    r = rows[f]
                    if r < N:
                        out.facet_rows.append((r,))
                        out.facet_key.append(beyond[f])
                    else:
                        out.facet_rows.append((N + self.wall_numbers[r - N],))
                        out.facet_key.append(None)
                out.facet_count.append(int(first[k + 1] - first[k]))
            else:
                self._settle(patterns[k], status[k], centers[k], out)
            out.keys.append(key)

    def _classify(self, patterns: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[Any], ...]:
        from .. import kernels

        net, d = self.net, self.net.input_dim
        count, m = len(patterns), net.neurons + len(self.walls)
        status = np.zeros((count, m), dtype=np.uint8)
        centers, codes = np.zeros((count, d)), np.zeros(count, dtype=np.uint8)
        if d <= lp.SMALL_DIMENSION:
            kernels.explore_batch(
                net.packed, self.walls, self.wall_error, self.lo, self.hi, self.origin, patterns, status, centers, codes
            )
            return status, centers, codes
        G, E = np.empty((net.neurons, d + 1)), np.empty((net.neurons, d + 1))
        for k, pattern in enumerate(patterns):
            kernels.affine_forms(net.packed, d, pattern, G, E, 0)
            signed = np.where(pattern[:, None] == 1, G, -G)
            status[k], centers[k], codes[k] = lp.classify(
                np.vstack([signed, self.walls]), np.vstack([E, self.wall_error]), self.lo, self.hi, self.origin
            )
        return status, centers, codes

    def _settle(
        self,
        pattern: Pattern,
        status: npt.NDArray[np.uint8],
        center: npt.NDArray[np.float64],
        out: Explored,
    ) -> None:
        """Explore one region exactly, using what floats have proved of it."""
        N = self.net.neurons
        rows = self.net.region_rows(pattern) + self.wall_rows
        guess = [Fraction(v) for v in center] if np.isfinite(center).all() else None
        facets = lp.settle(rows, self.net.input_dim, status, guess)
        if facets is None:
            raise CertificationError(f"a region that was reached across a facet is empty: pattern {pattern.tolist()}")
        for group in facets.groups:
            names = tuple(i if i < N else N + self.wall_numbers[i - N] for i in group)
            out.facet_rows.append(names)
            if group[-1] >= N:
                out.facet_key.append(None)
            else:
                outward = [-v for v in rows[group[0]][:-1]]
                out.facet_key.append(pack(self.net.cross(pattern, (*group, *facets.zero), outward)))
        out.facet_count.append(len(facets.groups))
        out.settled_exactly += 1


def search(
    net: ReluNetwork, domain: HPolytope, start: Any = None, limit: int | None = None, progress: Wanted = True
) -> tuple[Explored, bool]:
    """Explore from a start point until nothing is new, a limit is reached, or Ctrl-C.

    Returns
    -------
    explored : Explored
        The regions, breadth first.
    complete : bool
        True if every facet of every region leads to an explored region or is on a wall.
    """
    out, done, batch_size = Explored(), 0, 1
    queue: list[bytes] = []
    stop = "Ctrl-C keeps what was found"
    bar = Progress(progress, stop if limit is not None else f"{stop}, a limit bounds the search")
    try:
        explorer = Explorer(net, domain)
        queue.append(pack(start_pattern(net, domain, start)))
        known = set(queue)
        while done < len(queue) and (limit is None or done < limit):
            end = min(len(queue), done + batch_size, limit if limit is not None else len(queue))
            began = time.perf_counter()
            batch = Explored()
            explorer.explore(queue[done:end], batch)
            _extend(out, batch)
            done = end
            for key in batch.facet_key:
                if key is not None and key not in known:
                    known.add(key)
                    queue.append(key)
            bar.update(done, None, len(queue) - done)
            if time.perf_counter() - began < PATIENCE:
                batch_size = min(2 * batch_size, BATCH)
    except KeyboardInterrupt:
        _truncate(out, done)
        return out, False
    finally:
        bar.close()
    return out, done == len(queue)


def _extend(out: Explored, batch: Explored) -> None:
    """Append a finished batch; a batch that Ctrl-C cut short is never seen."""
    out.keys += batch.keys
    out.facet_count += batch.facet_count
    out.facet_rows += batch.facet_rows
    out.facet_key += batch.facet_key
    out.settled_exactly += batch.settled_exactly


def _truncate(out: Explored, regions: int) -> None:
    """Keep the first regions: Ctrl-C may have come in the middle of :func:`_extend`."""
    del out.keys[regions:], out.facet_count[regions:]
    facets = sum(out.facet_count)
    del out.facet_rows[facets:], out.facet_key[facets:]


def pack(pattern: Pattern) -> bytes:
    """Pack bits into bytes, first neuron in the highest bit."""
    return np.packbits(pattern).tobytes()


def unpack(packed: npt.NDArray[np.uint8], neurons: int) -> npt.NDArray[np.uint8]:
    """Unpack rows of bytes into rows of ``neurons`` bits."""
    if not neurons:
        return np.zeros((len(packed), 0), dtype=np.uint8)
    return np.unpackbits(packed, axis=1, count=neurons)


def start_pattern(net: ReluNetwork, domain: HPolytope, start: Any = None) -> Pattern:
    """Return the pattern of a full-dimensional region whose closure holds the start point.

    At the start (by default an interior point of the domain) the germ ``start + eps * v`` towards a random
    interior point is followed with eps infinitely small: values first, derivatives where a value is zero.
    A neuron whose germ is zero must vanish on the whole region, or another v is tried; almost every v will do.
    """
    inner = domain.interior_point()
    origin = inner if start is None else point(start, "start")
    if len(origin) != net.input_dim:
        raise InputError(f"start has {len(origin)} coordinates; this network has {net.input_dim} inputs")
    if not domain.contains(origin):
        raise DomainError("the start point lies outside the domain; choose one inside or a larger domain")
    numerators, den = integer_point(inner)
    slack = min(
        (Fraction(dot(row, numerators, den), den * sum(map(abs, row[:-1]))) for row in domain.rows if any(row[:-1])),
        default=Fraction(1),
    )
    rng = random.Random(0)
    bits = 10
    while True:
        scale = 1 << bits
        shake = [slack * Fraction(2 * rng.randrange(scale) - scale + 1, 2 * scale) for _ in inner]
        v = [p + s - o for p, s, o in zip(inner, shake, origin, strict=True)]
        pattern, vanishing = _germ_pattern(net, origin, v)
        if not vanishing:
            return pattern
        rows = net.neuron_rows(pattern)
        if not any(any(rows[j]) for j in vanishing):
            return pattern
        bits += 6


def _germ_pattern(net: ReluNetwork, x: Point, v: Sequence[Fraction]) -> tuple[Pattern, list[int]]:
    """Return the pattern at x + eps v for all small eps > 0, and the neurons that are zero there."""
    blocks = [RationalMatrix.of(np.array([[a, b] for a, b in zip(x, v, strict=True)], dtype=object))]
    bits: list[int] = []
    vanishing = []
    for layer in net.relu_layers:
        z = layer.bias.hstack(RationalMatrix.zeros(layer.size, 1))
        for k, weight in layer.blocks.items():
            z = z + weight @ blocks[k]
        layer_bits: list[int] = []
        for value, slope in z.integers():
            if value == 0 and slope == 0:
                vanishing.append(len(bits) + len(layer_bits))
            layer_bits.append(int(value > 0 or (value == 0 and slope > 0)))
        blocks.append(z.masked(layer_bits))
        bits += layer_bits
    return np.array(bits, dtype=np.uint8), vanishing
