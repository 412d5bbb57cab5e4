"""A point strictly inside every region: a function of the pattern and its facets alone, whichever engine found them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from . import lp
from .errors import CertificationError
from .exact import Point, floats
from .network import ReluNetwork
from .polytope import HPolytope

BATCH = 4096
# Neurons times regions from which on threads are worth their start.
MANY = 2**22


def interior_points(
    net: ReluNetwork,
    domain: HPolytope,
    packed: npt.NDArray[np.uint8],
    facet_ptr: npt.NDArray[np.int64],
    first_row: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], dict[int, Point]]:
    """Return interior points as floats, and the exact ones of regions too thin for a float point.

    ``first_row`` names one row per facet (a neuron, or N + wall): where these are positive, the region has its
    interior. A walk from the middle of the domain proposes the center of a large inscribed ball, rounded to few
    bits; error bounds prove it, or exact arithmetic finds another one.
    """
    from . import kernels

    d, N = net.input_dim, net.neurons
    lo, hi = domain.outer_floats()
    bounded = bool(np.isfinite(lo).all() and np.isfinite(hi).all())
    start = 0.5 * lo + 0.5 * hi if bounded else floats(domain.interior_point())
    walls, wall_error = lp.float_rows(domain.rows) if len(domain) else (np.zeros((0, d + 1)), np.zeros((0, d + 1)))
    points, proved = np.zeros((len(packed), d)), np.zeros(len(packed), dtype=np.uint8)
    thin: dict[int, Point] = {}
    for begin in range(0, len(packed), BATCH):
        end = min(begin + BATCH, len(packed))
        bits = np.unpackbits(packed[begin:end], axis=1, count=N) if N else np.zeros((end - begin, 0), np.uint8)
        if d <= lp.SMALL_DIMENSION:
            # threads, where a region's forms take long
            parts = min(end - begin, os.cpu_count() or 1) if (end - begin) * N > MANY else 1
            cuts = [begin + (end - begin) * i // parts for i in range(parts + 1)]

            def propose(first: int, last: int, bits: npt.NDArray[np.uint8] = bits, begin: int = begin) -> None:
                kernels.find_centers(
                    net.packed, walls, wall_error, start, bounded, bits[first - begin : last - begin],
                    facet_ptr[first : last + 1], first_row, points[first:last], proved[first:last],
                )  # fmt: skip

            with ThreadPoolExecutor(parts) as pool:
                list(pool.map(propose, cuts[:-1], cuts[1:]))
        else:
            for i in range(begin, end):
                rows = first_row[facet_ptr[i] : facet_ptr[i + 1]]
                G, E = np.empty((N, d + 1)), np.empty((N, d + 1))
                kernels.affine_forms(net.packed, d, bits[i - begin], G, E, 0)
                G = np.vstack([np.where(bits[i - begin][:, None] == 1, G, -G), walls])[rows]
                E = np.vstack([E, wall_error])[rows]
                _, points[i], code = lp.classify(G, E, lo, hi, start)
                proved[i] = code == kernels.DECIDED
        for i in (begin + np.flatnonzero(proved[begin:end] == 0)).tolist():
            exact = net.region_rows(bits[i - begin]) + list(domain.rows)
            guess = [Fraction(v) for v in points[i].tolist()] if np.isfinite(points[i]).all() else None
            inner = lp.interior_point([exact[r] for r in first_row[facet_ptr[i] : facet_ptr[i + 1]]], d, guess)
            if inner is None:
                raise CertificationError(f"region {i} has no interior: pattern {bits[i - begin].tolist()}")
            points[i] = floats(inner)
            if not np.isfinite(points[i]).all() or tuple(Fraction(v) for v in points[i].tolist()) != inner:
                thin[i] = inner
    return points, thin
