"""Watching regions through training: counts along lines and in planes through images, distances, volumes.

The images, lines, planes and points are drawn once and stay the same for all checkpoints. Planes are frames of rational
vectors that contain the given images exactly; their axes are orthonormal to rounding, which decides nothing: a count in
a plane is the exact number of regions of the network on that plane.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 5.
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019, section 4.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..enumeration import count_regions
from ..errors import InputError, suggestion
from ..exact import Point, fraction, point
from ..network import ReluNetwork
from ..polytope import Box
from .distances import boundary_distances
from .expected import Estimate
from .image_data import ImageData
from .lines import regions_on_line
from .trainer import Checkpoint
from .volume_bounds import boundary_density

Floats = npt.NDArray[np.float64]
# A function of a network that yields means, each of a named part.
Work = Callable[[ReluNetwork], Iterator[tuple[str, Estimate]]]

# The half side of a square over the norm of the larger image or the circumradius, as in the paper.
MARGIN = 1.25
# Where points are taken for distances, and the edges of the histogram of log(distance * neurons).
KINDS = ("train", "test", "random")
EDGES = tuple(v / 2 for v in range(-20, 7))


class Plane(NamedTuple):
    """A square in a plane: ``origin + t @ directions`` for t in ``box``.

    Attributes
    ----------
    origin : tuple of d Fractions
    directions : tuple of two tuples of d Fractions
        Orthogonal and of equal length, to rounding.
    box : Box
        A square around 0.
    """

    origin: Point
    directions: tuple[Point, Point]
    box: Box

    def restrict(self, net: ReluNetwork) -> ReluNetwork:
        """Return the network on the plane, two inputs."""
        return net.restrict(self.origin, self.directions)

    def coordinates(self, points: npt.ArrayLike) -> Floats:
        """Return the coordinates of points in the plane (of their projections, if they are not), in floats."""
        frame = np.array(self.directions, dtype=np.float64).T
        shifted = np.asarray(points, dtype=np.float64) - np.array(self.origin, dtype=np.float64)
        return np.asarray(np.linalg.lstsq(frame, shifted.T)[0].T, dtype=np.float64)


def plane_through_origin(a: Iterable[Any], b: Iterable[Any], half_side: Any = 20) -> Plane:
    """Return a square around the origin in the plane through it and two points.

    Parameters
    ----------
    a, b : sequence of d numbers
        Taken exactly. The unit of the coordinates is 5/4 of the larger norm.
    half_side : number
        In that unit; 20 in the paper.

    Returns
    -------
    Plane
        It contains a and b exactly.

    Raises
    ------
    InputError
        Points of different length, or on one line with the origin.

    Examples
    --------
    >>> plane = plane_through_origin([0, 4, 0], [0, 0, 2])
    >>> [[int(v) for v in row] for row in plane.directions], plane.coordinates([[0, 4, 0]]).tolist()
    ([[0, 5, 0], [0, 0, 5]], [[0.8, 0.0]])
    """
    u = point(a, "a")
    v = _like(u, b, "b")
    uu, uv, vv = _products(u, v)
    _independent(uu * vv - uv * uv, "a and b are on one line with the origin; take others")
    half = fraction(half_side, "half_side")
    if half <= 0:
        raise InputError(f"half_side is {half}; give a positive number")
    directions = _frame(u, v, MARGIN * math.sqrt(max(uu, vv)))
    return Plane((Fraction(0),) * len(u), directions, Box([-half, -half], [half, half]))


def plane_through_three(a: Iterable[Any], b: Iterable[Any], c: Iterable[Any]) -> Plane:
    """Return the square around the circumcenter of three points, its half side 5/4 of their circumradius.

    Parameters
    ----------
    a, b, c : sequence of d numbers
        Taken exactly.

    Returns
    -------
    Plane
        It contains a, b and c exactly; the box is [-1, 1]^2, its center the circumcenter to rounding.

    Raises
    ------
    InputError
        Points of different length, or on one line.

    Examples
    --------
    >>> plane = plane_through_three([0, 0, 7], [6, 0, 7], [0, 8, 7])
    >>> plane.origin == (3, 4, 7), plane.coordinates([[3, 10.25, 7]]).tolist()
    (True, [[0.0, 1.0]])
    """
    start = point(a, "a")
    u, v = (
        tuple(x - y for x, y in zip(_like(start, p, name), start, strict=True)) for p, name in ((b, "b"), (c, "c"))
    )
    uu, uv, vv = _products(u, v)
    area = uu * vv - uv * uv
    _independent(area, "a, b and c are on one line; take others")
    # the circumcenter is a + p u + q v, whose products with u and v are uu / 2 and vv / 2; a float near it will do
    p, q = (Fraction(float(w / (2 * area))) for w in (vv * (uu - uv), uu * (vv - uv)))
    radius = math.sqrt(p * p * uu + 2 * p * q * uv + q * q * vv)
    origin = tuple(s + p * x + q * y for s, x, y in zip(start, u, v, strict=True))
    return Plane(origin, _frame(u, v, MARGIN * radius), Box([-1, -1], [1, 1]))


def _like(a: Point, given: Iterable[Any], name: str) -> Point:
    p = point(given, name)
    if len(p) != len(a):
        raise InputError(f"{name} has {len(p)} coordinates and a has {len(a)}; give points of one space")
    return p


def _products(u: Point, v: Point) -> tuple[Fraction, Fraction, Fraction]:
    pairs = ((u, u), (u, v), (v, v))
    uu, uv, vv = (sum((x * y for x, y in zip(p, q, strict=True)), Fraction(0)) for p, q in pairs)
    return uu, uv, vv


def _independent(area: Fraction, message: str) -> None:
    if area == 0:
        raise InputError(message)


def _frame(u: Point, v: Point, unit: float) -> tuple[Point, Point]:
    """Return rational vectors in the span of u and v, orthogonal and as long as the unit, to rounding."""
    uu, uv, vv = _products(u, v)
    along = Fraction(unit / math.sqrt(uu))
    lean = Fraction(float(uv / uu))
    across = Fraction(unit / math.sqrt(vv - uv * uv / uu))
    return tuple(along * x for x in u), tuple(across * (y - lean * x) for x, y in zip(u, v, strict=True))


# -- measures -------------------------------------------------------------------------
def track(
    checkpoints: Iterable[Checkpoint], data: ImageData, *, measures: Sequence[str] = ("lines", "distances"),
    lines: int = 20, planes: int = 5, points: int = 1000, chords: int = 200, seed: int = 0,
    executor: Executor | None = None,
) -> Iterator[dict[str, Any]]:
    """Measure networks through training, one row for every checkpoint and measure.

    Parameters
    ----------
    checkpoints : iterable of Checkpoint
        As :func:`polyrelu.theory.trainer.train` yields them.
    data : ImageData
    measures : sequence of str
        "accuracy" of the training and of the test images.
        "lines": activation regions over neurons along the whole line through the origin and a random test image.
        "lines_through_two": the same through two random test images.
        "planes": activation regions over the square of the neurons in the plane through the origin and two random
        training images (:func:`plane_through_origin`).
        "planes_through_three": the same through three (:func:`plane_through_three`).
        "distances": distance to the boundary of the activation region, times neurons, of random training images, test
        images and random points (each pixel normal, with its mean and standard deviation over the training images).
        "distance_histogram": the shares of the natural logarithms of these in bins 1/2 wide.
        "volumes": the (d - 1)-dimensional volume of the boundary in the cube [0, 1]^d, over neurons, between activation
        regions and of the gradient (:func:`polyrelu.theory.volume_bounds.boundary_density`).
    lines, planes, points, chords : int
        Number of lines of each kind, of planes of each kind, of points of each kind, and of chords of the cube.
    seed : int
        Of what is drawn; each measure has a stream of its own.
    executor : Executor, optional
        Runs lines and planes in parallel.

    Yields
    ------
    dict
        ``epoch``, ``step``, ``train_accuracy``, ``test_accuracy``, ``loss``, ``neurons``, ``measure``, ``part`` (of
        images, or of a histogram), ``value`` (a mean), ``standard_error`` (over the samples, for this one network),
        ``samples`` and ``exactness`` (of each sample).

    Raises
    ------
    InputError
        An unknown measure, a number of samples below two, a network for other images or without hidden neurons.

    Notes
    -----
    Exactness: counts are *exact*, distances, volumes and means *float*.

    Examples
    --------
    >>> from .trainer import train
    >>> x = np.random.default_rng(0).random((40, 4))
    >>> data = ImageData(x, np.arange(40) % 2, x, np.arange(40) % 2, (2, 2), "noise", 2)
    >>> rows = list(track(train([6, 6], data, epochs=1, batch=20), data, measures=["lines"], lines=3))
    >>> [(row["epoch"], row["measure"], row["samples"], row["exactness"]) for row in rows]
    [(0.0, 'lines', 3, 'exact'), (0.5, 'lines', 3, 'exact'), (1.0, 'lines', 3, 'exact')]
    """
    if isinstance(measures, str):
        raise InputError(f"measures is {measures!r}; give a sequence of names")
    unknown = [name for name in measures if name not in MEASURES]
    if unknown:
        raise InputError(f"there is no measure {unknown[0]!r}; choose among {', '.join(MEASURES)}")
    counts = {"lines": lines, "planes": planes, "points": points, "chords": chords}
    for name, value in counts.items():
        if not isinstance(value, int | np.integer) or value < 2:
            raise InputError(f"{name} is {value!r}; a standard error needs at least 2")
    work = []
    for name in measures:
        prepare, kind, exactness = MEASURES[name]
        work.append((name, prepare(data, counts.get(kind, 0), [seed, list(MEASURES).index(name)], executor), exactness))
    return _rows(checkpoints, work, data)


def _rows(
    checkpoints: Iterable[Checkpoint], work: Sequence[tuple[str, Work, str]], data: ImageData
) -> Iterator[dict[str, Any]]:
    for seen in checkpoints:
        net = seen.network
        if net.input_dim != data.train_x.shape[1]:
            raise InputError(f"the network has {net.input_dim} inputs; {data.name} has {data.train_x.shape[1]} pixels")
        if not net.neurons:
            raise InputError("the network has no hidden neurons, and so one region everywhere")
        head = {key: getattr(seen, key) for key in ("epoch", "step", "train_accuracy", "test_accuracy", "loss")}
        for measure, values, exactness in work:
            for part, found in values(net):
                yield head | {
                    "neurons": net.neurons, "measure": measure, "part": part, "value": found.mean,
                    "standard_error": found.standard_error, "samples": found.samples, "exactness": exactness,
                }  # fmt: skip


def sample_points(data: ImageData, kind: str, count: int, seed: int | Sequence[int] = 0) -> Floats:
    """Return random points: images or noise.

    Parameters
    ----------
    data : ImageData
    kind : {"train", "test", "random"}
        Different images, all of them if there are not as many, or points each of whose coordinates is normal with the
        mean and standard deviation of that pixel over the training images.
    count, seed : int

    Returns
    -------
    ndarray of shape (count, d)
    """
    if kind not in KINDS:
        known, hint = ", ".join(KINDS), suggestion(kind, KINDS)
        raise InputError(f"there are no points of kind {kind!r}; choose one of {known}{hint}")
    rng = np.random.default_rng(seed)
    if kind == "random":
        x = data.train_x
        return rng.normal(x.mean(axis=0), x.std(axis=0), (count, x.shape[1]))
    x = data.train_x if kind == "train" else data.test_x
    return x[rng.permutation(len(x))[:count]]


def log_distances(net: ReluNetwork, points: npt.ArrayLike) -> Floats:
    """Return log(distance * neurons) for each point, the natural logarithm; of the boundary of its activation region.

    Notes
    -----
    Exactness: *float*. -inf on a kink, inf where no neuron depends on the input.

    Examples
    --------
    >>> from math import log
    >>> net = ReluNetwork([[[3, 4], [0, 1]], [[1, 1]]], [[0, -1], [0]])
    >>> log_distances(net, [[1.0, 0.5]]).tolist() == [log(0.5 * 2)]
    True
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(boundary_distances(net, points).values * net.neurons), dtype=np.float64)


# -- one function for each measure: draw once, then look at one network after another --
def _estimate(values: Iterable[float] | Floats) -> Estimate:
    found = np.asarray(list(values), dtype=np.float64)
    if len(found) < 2:
        return Estimate(float(found.sum()) if len(found) else math.nan, math.nan, len(found))
    return Estimate(float(found.mean()), float(found.std(ddof=1)) / math.sqrt(len(found)), len(found))


def _share(part: Any, total: int) -> Estimate:
    p = int(part) / total
    return Estimate(p, math.sqrt(p * (1 - p) / total), total)


def _draw(rng: np.random.Generator, images: Floats, number: int, count: int) -> list[list[list[float]]]:
    """Return count times a number of different images that are not all zero."""
    rows = np.flatnonzero(images.any(axis=1))
    if len(rows) < number:
        raise InputError(f"there are {len(rows)} images that are not zero; {number} are needed")
    return [images[rng.choice(rows, number, replace=False)].tolist() for _ in range(count)]


def _accuracy(data: ImageData, count: int, seed: Sequence[int], executor: Executor | None) -> Work:
    def values(net: ReluNetwork) -> Iterator[tuple[str, Estimate]]:
        for part, x, y in (("train", data.train_x, data.train_y), ("test", data.test_x, data.test_y)):
            yield part, _share((net(x).argmax(axis=1) == y).sum(), len(y))

    return values


def _lines(data: ImageData, count: int, seed: Sequence[int], executor: Executor | None, two: bool = False) -> Work:
    images = _draw(np.random.default_rng(seed), data.test_x, 1 + two, count)
    origins = [pair[1] if two else [0] * len(pair[0]) for pair in images]
    ends = [pair[0] for pair in images]
    ways = [
        [fraction(v) - fraction(w) for v, w in zip(x, y, strict=True)] for x, y in zip(ends, origins, strict=True)
    ]

    def values(net: ReluNetwork) -> Iterator[tuple[str, Estimate]]:
        found = _map(executor)(functools.partial(_on_line, net), origins, ways)
        yield "test", _estimate(n / net.neurons for n in found)

    return values


def _planes(data: ImageData, count: int, seed: Sequence[int], executor: Executor | None, three: bool = False) -> Work:
    images = _draw(np.random.default_rng(seed), data.train_x, 2 + three, count)
    squares = [plane_through_three(*x) if three else plane_through_origin(*x) for x in images]

    def values(net: ReluNetwork) -> Iterator[tuple[str, Estimate]]:
        found = _map(executor)(functools.partial(_on_plane, net), squares)
        yield "train", _estimate(n / net.neurons**2 for n in found)

    return values


def _distances(
    data: ImageData, count: int, seed: Sequence[int], executor: Executor | None, histogram: bool = False
) -> Work:
    points = {kind: sample_points(data, kind, count, [*seed, i]) for i, kind in enumerate(KINDS)}

    def values(net: ReluNetwork) -> Iterator[tuple[str, Estimate]]:
        for kind, x in points.items():
            if histogram:
                shares = np.bincount(np.digitize(log_distances(net, x), EDGES), minlength=len(EDGES) + 1)
                for low, share in zip((-math.inf, *EDGES), shares.tolist(), strict=True):
                    yield f"{kind} {low:g}", _share(share, len(x))
            else:
                found = boundary_distances(net, x).values * net.neurons
                yield kind, _estimate(found[np.isfinite(found)])

    return values


def _volumes(data: ImageData, count: int, seed: Sequence[int], executor: Executor | None) -> Work:
    d = data.train_x.shape[1]

    def values(net: ReluNetwork) -> Iterator[tuple[str, Estimate]]:
        found = boundary_density(net, Box([0] * d, [1] * d), samples=count, seed=seed, executor=executor)
        for part, estimate in zip(found._fields, found, strict=True):
            yield part, Estimate(estimate.mean / net.neurons, estimate.standard_error / net.neurons, estimate.samples)

    return values


def _map(executor: Executor | None) -> Callable[..., Iterable[Any]]:
    return map if executor is None else executor.map


def _on_line(net: ReluNetwork, origin: Sequence[Any], direction: Sequence[Any]) -> int:
    return len(regions_on_line(net, origin, direction))


def _on_plane(net: ReluNetwork, plane: Plane) -> int:
    return int(count_regions(plane.restrict(net), plane.box, progress=False, workers=1))


# What can be measured: who prepares it, how many samples it takes, and how exact each sample is.
MEASURES: dict[str, tuple[Callable[..., Work], str, str]] = {
    "accuracy": (_accuracy, "images", "float"),
    "lines": (_lines, "lines", "exact"),
    "lines_through_two": (functools.partial(_lines, two=True), "lines", "exact"),
    "planes": (_planes, "planes", "exact"),
    "planes_through_three": (functools.partial(_planes, three=True), "planes", "exact"),
    "distances": (_distances, "points", "float"),
    "distance_histogram": (functools.partial(_distances, histogram=True), "points", "float"),
    "volumes": (_volumes, "chords", "float"),
}
