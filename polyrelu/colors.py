"""Colors for pictures: gradients as a disc, maps of countries, layers, scales of numbers.

Exactness: *float*, but neighbors on a map differ by the construction.

All colors come from the OKLab space. A gradient is a point of a tilted disc: its first coordinate runs from blue to
yellow, its second from dark to light, so that both survive color blindness; constant functions are light grey.
Bent hyperplanes go from indigo (first layer) to orange (last). ``u`` is a gradient pressed into the unit disc.

References
----------
B. Ottosson, *A perceptual color space for image processing* (OKLab), 2020.
D. W. Matula and L. L. Beck, Smallest-last ordering and clustering and graph coloring algorithms, 1983.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .complex import RegionComplex

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# u = g / sqrt(scale**2 + |g|**2) puts a gradient of length ``scale`` at this radius of the color disc.
RING = 0.5**0.5

# Lines and text; what has no color of its own.
INK, PAPER = "#2b2b33", "#e8e6e0"
# Six light colors for maps, found by a search: any two of them differ clearly, however color-blind the reader.
MAP = ("#fef2bf", "#cbd0ff", "#d6b18b", "#c7f7ff", "#a6bccd", "#f3cda7")


def oklab(L: Any, a: Any, b: Any) -> Floats:
    """Return sRGB in [0, 1] of OKLab coordinates; the last axis is red, green, blue."""
    lms = np.stack(
        [
            L + 0.3963377774 * a + 0.2158037573 * b,
            L - 0.1055613458 * a - 0.0638541728 * b,
            L - 0.0894841775 * a - 1.2914855480 * b,
        ],
        axis=-1,
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(lms**3 @ to_rgb.T, 0.0, 1.0)
    rgb: Floats = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb


def disc(u: Floats) -> Floats:
    """Return the color of points of the unit disc, shape (.., 2): blue to yellow, dark to light."""
    return oklab(0.88 + 0.1 * u[..., 1], -0.035 * u[..., 1], 0.1 * u[..., 0])


def gradient_colors(gradients: Floats, areas: Floats) -> tuple[Floats, float]:
    """Return a color per gradient (R, 2), and the length that is drawn at radius ``RING`` of the disc."""
    length = np.sqrt((gradients**2).sum(axis=1))
    order = np.argsort(length)
    order = order[length[order] > 0]
    weight = np.cumsum(areas[order])
    # half of the area that is not flat has a shorter gradient than this
    scale = float(length[order[np.searchsorted(weight, weight[-1] / 2)]]) if len(order) else 1.0
    return disc(gradients / np.hypot(scale, length)[:, None]), scale


def map_numbers(cx: RegionComplex, labels: Ints | None = None) -> Ints:
    """Return a small number per region, or per linear region given by labels, different across every shared facet.

    A planar graph has a node with at most five neighbors; taking such nodes away one after the other and
    coloring them in the opposite order needs at most six colors. Linear regions that are not connected, and
    regions in three or more dimensions, may need more.
    """
    if labels is None:
        labels = np.arange(len(cx))
    count = int(labels.max()) + 1
    pairs = labels[cx.edges].reshape(-1, 2)
    pairs = np.unique(np.vstack([pairs, pairs[:, ::-1]])[np.tile(pairs[:, 0] != pairs[:, 1], 2)], axis=0)
    indptr, indices = np.searchsorted(pairs[:, 0], np.arange(count + 1)).tolist(), pairs[:, 1].tolist()
    degree = [indptr[i + 1] - indptr[i] for i in range(count)]
    buckets: list[list[int]] = [[] for _ in range(max(degree, default=0) + 1)]
    for i in reversed(range(count)):
        buckets[degree[i]].append(i)
    removed = [False] * count
    order: list[int] = []
    low = 0
    while len(order) < count:
        while not buckets[low]:
            low += 1
        i = buckets[low].pop()
        if removed[i] or degree[i] != low:
            continue
        removed[i] = True
        order.append(i)
        for j in indices[indptr[i] : indptr[i + 1]]:
            if not removed[j]:
                degree[j] -= 1
                buckets[degree[j]].append(j)
        low = max(low - 1, 0)
    color = [-1] * count
    used = [0] * len(MAP)
    for i in reversed(order):
        taken = {color[j] for j in indices[indptr[i] : indptr[i + 1]]}
        # the rarest of the free colors, so that all of them are seen
        color[i] = min((c for c in range(len(used)) if c not in taken), key=lambda c: used[c], default=len(used))
        used += [0] * (color[i] == len(used))
        used[color[i]] += 1
    numbers: Ints = np.array(color, dtype=np.int64)[labels]
    return numbers


def palette(count: int) -> Floats:
    """Return the light colors of a map, at least six and as many as asked for."""
    table = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in MAP])
    angle = np.arange(max(count - len(MAP), 0)) * np.pi * (3 - 5**0.5)
    return np.vstack([table, disc(0.9 * np.stack([np.cos(angle), np.sin(angle)], axis=-1))])


def map_colors(cx: RegionComplex, labels: Ints | None = None) -> Floats:
    """Return a color per region for :func:`map_numbers`."""
    numbers = map_numbers(cx, labels)
    colors: Floats = palette(int(numbers.max(initial=0)) + 1)[numbers]
    return colors


def layer_colors(layers: int) -> Floats:
    """Return one line color per layer, from indigo to orange, ever lighter."""
    t = np.linspace(0.0, 1.0, layers) if layers > 1 else np.zeros(layers)
    hue = np.radians(272.0 + 133.0 * t)  # blue, purple, red, orange
    chroma = 0.13 + 0.05 * np.sin(np.pi * t / 2)
    return oklab(0.30 + 0.38 * t, chroma * np.cos(hue), chroma * np.sin(hue))


def _ramp(stops: list[tuple[float, float, float]], count: int) -> Floats:
    """Interpolate colors given by lightness, chroma and hue (degrees), straight through OKLab."""
    L, chroma, hue = np.array(stops).T
    at, t = np.linspace(0.0, 1.0, len(stops)), np.linspace(0.0, 1.0, count)
    a, b = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    return oklab(np.interp(t, at, L), np.interp(t, at, a), np.interp(t, at, b))


def sequential(count: int = 256) -> Floats:
    """Return colors from cream over green to blue, ever darker in equal steps: they order numbers in grey as well."""
    return _ramp([(0.97, 0.035, 100.0), (0.84, 0.085, 155.0), (0.70, 0.09, 200.0), (0.56, 0.11, 245.0)], count)


def diverging(count: int = 257) -> Floats:
    """Return colors from blue over white to orange; the signs of numbers survive color blindness."""
    low, high = [(0.58, 0.125, 250.0), (0.78, 0.075, 245.0)], [(0.83, 0.09, 70.0), (0.66, 0.14, 52.0)]
    return _ramp([*low, (0.975, 0.0, 0.0), *high], count)
