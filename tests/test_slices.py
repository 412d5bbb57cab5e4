"""Slices: exact planes through points, frames that are orthonormal up to rounding, neighborhoods, and the shell."""

import json
import math
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu.__main__ import build_parser, main
from polyrelu.errors import InputError
from polyrelu.slices import (
    ball_around,
    box_around,
    coordinates,
    line_through,
    principal_plane,
    random_plane,
    through_points,
)


def integer_network(*widths, seed=0):
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    return pr.ReluNetwork([rng.integers(-3, 4, (n, k)) for k, n in pairs], [rng.integers(-2, 3, n) for _, n in pairs])


def gram(piece):
    """Return the exact products of the directions."""
    return [[sum(a * b for a, b in zip(u, v, strict=True)) for v in piece.directions] for u in piece.directions]


def assert_orthonormal(piece):
    for i, row in enumerate(gram(piece)):
        for j, product in enumerate(row):
            assert abs(product - (i == j)) < F(1, 2**48)


# -- planes through points ------------------------------------------------------------
coordinate = st.integers(-6, 6).map(lambda v: F(v, 2))
triples = st.integers(2, 5).flatmap(lambda d: st.tuples(*[st.lists(coordinate, min_size=d, max_size=d)] * 3))


@settings(max_examples=60, deadline=None)
@given(triples)
def test_a_plane_holds_its_points_exactly(points):
    a, b, c = points
    u, v = np.array(b) - np.array(a), np.array(c) - np.array(a)
    if (u @ u) * (v @ v) == (u @ v) ** 2:
        with pytest.raises(InputError, match="a, b and c lie on a line; take line_through"):
            through_points(a, b, c)
        return
    plane = through_points(a, b, c)

    assert [list(plane.lift(t)) for t in plane.points] == list(points)
    assert_orthonormal(plane)
    assert plane.points[0][1] == plane.points[1][1]  # the first direction is along b - a
    # all three on one circle around the origin, inside the square by the margin
    squares = [t0**2 + t1**2 for t0, t1 in plane.points]
    assert max(squares) - min(squares) <= F(1, 2**40) * max(squares)
    half = plane.domain.upper[0]
    assert plane.domain.lower == (-half, -half) and plane.domain.upper == (half, half)
    assert F(25, 16) * squares[0] * (1 - F(1, 2**40)) <= half**2 <= F(25, 16) * squares[0] * (1 + F(1, 2**20))
    # lengths in the slice are lengths in the input space
    (p, q), (r, s) = plane.points[0], plane.points[2]
    assert abs((p - r) ** 2 + (q - s) ** 2 - v @ v) <= F(1, 2**40) * (v @ v)


@pytest.mark.parametrize("tiny", [F(1, 2**40), F(1, 2**400), F(1, 2**1200)])
def test_thin_triangles_and_extreme_lengths(tiny):
    for points in (([0, 0, 0], [1, 0, 0], [F(1, 3), tiny, tiny]), ([0, 0], [tiny, 0], [0, tiny])):
        plane = through_points(*points)
        assert_orthonormal(plane)
        assert [list(plane.lift(t)) for t in plane.points] == [list(map(F, p)) for p in points]


def test_the_network_on_a_plane_is_the_network():
    net = integer_network(4, 5, 4, 2)
    plane = through_points([1, 0, 2, 0], [0, 3, 1, 1], [2, 2, 0, -1])
    part = plane.restrict(net)

    for t in (*plane.points, (F(1, 3), F(-2, 7))):
        assert part([list(t)]).tolist() == net([list(plane.lift(t))]).tolist()
    cx = pr.enumerate_regions(part, plane.domain, progress=False)
    assert sum(cx.volumes()) == plane.domain.volume()
    for region in cx:  # a region of the slice lies in the region of the whole with its pattern
        assert (net.pattern([list(plane.lift(region.interior_point))])[0] == region.pattern).all()


def test_images_are_flattened():
    images = np.random.default_rng(0).random((3, 1, 6, 6)).astype(np.float32)
    plane = through_points(*images)

    assert plane.lift(plane.points[2]) == tuple(F(float(v)) for v in images[2].ravel())
    # short numbers, so that exact arithmetic stays fast
    assert max(v.denominator.bit_length() for d in plane.directions for v in d) < 320


def test_a_line():
    line = line_through(["1/3", 0], [1, 2])
    net = integer_network(2, 6, 3, 1)
    walk = pr.regions_on_segment(net, ["1/3", 0], [1, 2])

    assert (line.lift([0]), line.lift([1]), line.lift(["1/2"])) == ((F(1, 3), 0), (1, 2), (F(2, 3), 1))
    assert line.points == ((0,), (1,)) and line.domain == pr.Box([0], [1])
    assert int(pr.count_regions(line.restrict(net), line.domain, progress=False)) == len(walk)


# -- directions made of floats --------------------------------------------------------
@pytest.mark.parametrize("k", [1, 2, 3])
def test_random_directions(k):
    one, again = (random_plane(50, 3, k=k) for _ in range(2))

    assert one == again != random_plane(50, 4, k=k)
    assert_orthonormal(one)
    assert all(F(float(v)) == v for d in one.directions for v in d)
    assert (one.lift([0] * k), one.domain) == ((0,) * 50, pr.Box([-1] * k, [1] * k))
    moved = random_plane(50, 3, center=[F(1, 3)] * 50, radius="1/2", k=k)
    assert (moved.origin, moved.directions, moved.domain.upper) == ((F(1, 3),) * 50, one.directions, (F(1, 2),) * k)


def test_random_planes_have_no_favored_direction():
    # the mean of the projection onto a plane is 2 / d times the identity
    frames = np.array([np.array(random_plane(4, seed).directions, dtype=float) for seed in range(200)])
    mean = np.einsum("nki,nkj->ij", frames, frames) / 200

    np.testing.assert_allclose(mean, np.eye(4) / 2, atol=0.08)


def test_principal_components():
    rng = np.random.default_rng(1)
    data = rng.normal(size=(60, 5)) * [1, 9, 2, 4, 0.5] + 7
    plane = principal_plane(data)
    values, vectors = np.linalg.eigh(np.cov(data.T))
    frame = np.array(plane.directions, dtype=float)

    assert_orthonormal(plane)
    np.testing.assert_allclose(np.abs(frame @ vectors[:, :-3:-1]), np.eye(2), atol=1e-12)
    assert (frame[[0, 1], np.abs(frame).argmax(axis=1)] > 0).all()
    np.testing.assert_allclose(np.array(plane.points, dtype=float), (data - data.mean(axis=0)) @ frame.T, atol=1e-12)
    assert all(plane.domain.contains(t, strict=True) for t in plane.points)
    at_zero = principal_plane(data.reshape(60, 5, 1), center=[0] * 5, k=1)
    assert at_zero.origin == (0,) * 5 and at_zero.labels == ("component 1",)
    np.testing.assert_allclose(float(at_zero.points[0][0]), data[0] @ frame[0], rtol=1e-12)


# -- coordinates and neighborhoods ----------------------------------------------------
def test_coordinates_are_the_inputs():
    net = integer_network(4, 5, 2)
    part = coordinates([3, 1], [1, 2, 3, "1/2"], pr.Box([-1, -1], [1, 1]))

    assert part.lift([5, 6]) == (1, 6, 3, 5) and part.labels == ("$x_{3}$", "$x_{1}$")
    assert part.restrict(net)([part.points[0]]).tolist() == net([[1, 2, 3, F(1, 2)]]).tolist()


def test_neighborhoods():
    x = np.array([[0.5, -1.0], [0.1, 2.0]])

    assert ball_around(x, "0.1") == box_around(x, [F(1, 10)] * 4) == ball_around(x, F(1, 10), norm="inf")
    box = box_around(x, F(1, 10))
    assert box.lower[0] == F(2, 5) and box.upper[2] == F(0.1) + F(1, 10)
    diamond = ball_around([1, 0, 0], 2, norm=1)
    assert {tuple(v) for v in diamond.vertices().tolist()} == {
        (3, 0, 0), (-1, 0, 0), (1, 2, 0), (1, -2, 0), (1, 0, 2), (1, 0, -2)
    }  # fmt: skip
    assert diamond.volume() == F(2**3 * 2**3, math.factorial(3))


def test_a_neighborhood_in_full_dimension_with_a_limit():
    net = integer_network(30, 12, 8, 1)
    x = [F(1, 7)] * 30
    cx = pr.enumerate_regions(net, box_around(x, 1), start=x, limit=4, progress=False)

    assert len(cx) == 4 and not cx.complete and cx.locate(x) is not None


# -- refusals -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: line_through([1, 2], [1, 2]), "x and y are the same point"),
        (lambda: line_through([1, 2], [1]), "x has 2 coordinates but y has 1"),
        (lambda: through_points([0, 0], [1, 0], "ab"), "c is of type str; give a point"),
        (lambda: through_points([0, 0], [1, 0], [0, 1], margin=0), "margin is 0; give a positive number"),
        (lambda: through_points([0, 0], [1, 0], [0, math.nan]), r"c\[1\]"),
        (lambda: random_plane(1), "k is 2; a slice of 1 inputs has at most 1 dimensions"),
        (lambda: random_plane(0), "dim is 0; give a whole number from 1 up"),
        (lambda: random_plane(3, center=[0]), "center has 1 coordinates; there are 3 inputs"),
        (lambda: random_plane(3, radius=-1), "radius is -1; give a positive number"),
        (lambda: principal_plane([[0, 0], [1, 1], [2, 2]]), "the data vary in 1 directions and k is 2"),
        (lambda: principal_plane([1, 2]), r"data has shape \(2,\); give at least two rows"),
        (lambda: principal_plane([["a"]]), "data is no array of numbers"),
        (lambda: principal_plane([[0, 0], [1, math.inf]]), "rows of finite numbers"),
        (lambda: coordinates([2], [0, 0]), "free names input 2; the point has inputs 0 to 1"),
        (lambda: coordinates([0, 0], [0, 0]), "an input twice, or none"),
        (lambda: coordinates([], [0, 0]), "an input twice, or none"),
        (lambda: coordinates([0], [0, 0], pr.Box([0, 0], [1, 1])), "the domain has 2 dimensions; there are 1 free"),
        (lambda: box_around([0, 0], [1]), "radius has 1 numbers; x has 2 coordinates"),
        (lambda: box_around([0, 0], [1, 0]), r"radius\[1\] is 0; give a positive number"),
        (lambda: ball_around([0, 0], 1, norm=2), "a ball of norm 2 is no polytope; take norm='inf'"),
        (lambda: ball_around([0, 0], 1, norm=3), "norm is 3; choose 'inf' or 1"),
        (lambda: ball_around([0] * 11, 1, norm=1), r"in 11 dimensions has 2\^11 facets"),
        (lambda: line_through([0], [1]).lift([1, 2]), "t has 2 coordinates; this slice has 1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


# -- the shell ------------------------------------------------------------------------
@pytest.fixture
def shell(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = integer_network(4, 6, 4, 2)
    pr.save(net, "net.json")
    np.save("three.npy", np.array([[1, 0, 2, 0], [0, 3, 1, 1], [2, 2, 0, -1]]))
    np.save("two.npy", np.array([[0.5, 0, 1, 0], [0, 1, 1, 1]]).reshape(2, 2, 2))
    np.save("data.npy", np.random.default_rng(0).normal(size=(20, 4)))
    np.save("point.npy", np.array([0.25, 0.5, 0.75, 1]))

    def run(*words):
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, (json.loads(out) if "--json" in words and not code else out), err

    return net, run


def test_slices_from_the_shell(shell):
    net, run = shell
    rows, two, data = (np.load(f"{name}.npy") for name in ("three", "two", "data"))
    cases = [
        (["--through", "three.npy"], through_points(*rows)),
        (["--through", "two.npy"], line_through(*two)),
        (["--random", "3"], random_plane(4, 3)),
        (["--random", "3", "--at", "1", "0", "1/3", "0"], random_plane(4, 3, [1, 0, "1/3", 0])),
        (["--components", "data.npy"], principal_plane(data)),
    ]
    for words, piece in cases:
        code, result, err = run("count", "net.json", *words, "--json")
        want = pr.count_regions(piece.restrict(net), piece.domain, progress=False)

        assert (code, err, result["activation_regions"]) == (0, "", int(want))
        assert result["domain"]["lower"] == [str(v) for v in piece.domain.lower]
        assert words[0][2:] in result["domain"] and result["input_dim"] == len(piece.directions)
    code, out, err = run("count", "net.json", "--through", "three.npy", "--box", "-1", "1")
    assert (code, err) == (0, "") and "domain [-1, 1]^2 of the slice --through three.npy" in out


def test_a_neighborhood_from_the_shell(shell):
    net, run = shell
    x = np.load("point.npy")
    code, result, err = run("enumerate", "net.json", "--around", "point.npy", "--radius", "1/2", "--limit", "3", "--json",
                            "--out", "near.npz")  # fmt: skip

    assert (code, err) == (0, "")
    assert (result["activation_regions"], result["complete"], result["method"]) == (3, False, "bfs")
    saved = pr.RegionComplex.load("near.npz")
    assert saved.locate([F(v) for v in x]) is not None  # the search began at the point
    assert result["domain"]["around"] == ["1/4", "1/2", "3/4", "1"] and result["domain"]["upper"][3] == "3/2"
    code, result, err = run("count", "net.json", "--around", "point.npy", "--radius", "1/2", "--json")
    assert result["activation_regions"] == int(pr.count_regions(net, box_around(x, "1/2"), progress=False))
    assert "the box of radius 1/2 around a point" in run("count", "net.json", "--around", *"0000", "--radius", "1/2")[1]


def test_a_saved_slice_is_proved_with_the_same_slice(shell):
    _, run = shell
    assert run("enumerate", "net.json", "--through", "three.npy", "--out", "r.npz")[0] == 0
    assert run("verify", "r.npz", "--model", "net.json", "--through", "three.npy")[0] == 0
    assert run("verify", "r.npz", "--model", "net.json", "--random", "0")[0] == 1
    code, _, err = run("verify", "r.npz", "--through", "three.npy")
    assert code == 2 and "say which slice of --model the regions are of" in err


def test_a_picture_of_a_slice(shell):
    _, run = shell
    words = ["enumerate", "net.json", "--through", "three.npy", "--plot"]
    assert run(*words, "a.svg", "--kind", "graph", "--color", "output", "--output", "1")[0] == 0
    assert run(*words, "a.svg", "--kind", "bent_hyperplanes")[0] == 0
    with open("a.svg") as file:
        assert "<svg" in file.read()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--through", "three.npy", "--random", "1"], "--through excludes --random; give one slice"),
        (["--through", "data.npy"], "data.npy has 20 rows; --through takes two points or three"),
        (["--through", "point.npy"], "point.npy has shape (4,); --through takes rows of 4 numbers, one per input"),
        (["--through", "none.npy"], "none.npy: there is no such file"),
        (["--through", "net.json"], "net.json: this is no .npy array"),
        (["--random", "x"], "--random is 'x'; give a whole number"),
        (["--random", "-1"], "--random is -1; give a seed from 0 up"),
        (["--components", "data.npy", "--free", "0", "--at", "point.npy"], "--free excludes --components"),
        (["--components", "point.npy"], "--components takes rows of 4 numbers"),
        (["--at", "point.npy", "--through", "three.npy"], "a slice needs both --at"),
        (["--around", "point.npy"], "a neighborhood needs both --around (a point) and --radius"),
        (["--radius", "1"], "a neighborhood needs both --around (a point) and --radius"),
        (["--around", "point.npy", "--radius", "0"], "radius is 0; give a positive number"),
        (["--around", "point.npy", "--radius", "1", "--box", "0", "1"], "--around excludes --box"),
        (["--around", "point.npy", "--radius", "1", "--random", "0"], "--around excludes --random"),
        (["--around", "0", "--radius", "1"], "--around has 1 numbers; this model has 4 inputs"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_bad_input_is_one_line(shell, words, message):
    _, run = shell
    code, out, err = run("count", "net.json", *words)

    assert (code, out, err.count("\n")) == (2, "", 1) and message in err


def test_pictures_are_refused_before_the_search(shell, monkeypatch):
    _, run = shell
    monkeypatch.setattr("polyrelu.enumeration.enumerate_regions", lambda *_, **__: pytest.fail("searched"))
    for words, message in (
        (["--kind", "graph"], "--kind, --color and --output say how to draw; give --plot FILE too"),
        (["--random", "1", "--plot", "a.png", "--kind", "solid"], "kind is 'solid'; choose 'function'"),
        (["--random", "1", "--plot", "a.png", "--kind", "function"], "2 inputs and kind 'function' draws 1; choose"),
        (["--random", "1", "--plot", "a.png", "--color", "pink"], "color is 'pink'; choose 'affine'"),
        (["--random", "1", "--plot", "a.png", "--output", "2"], "output is 2; this network has outputs 0 to 1"),
        (["--random", "1", "--plot", "a.png", "--kind", "classes", "--color", "affine"], "has no option 'color'"),
        (["--plot", "a.png"], "the network has 4 inputs and pictures need 1, 2 or 3; enumerate a slice"),
    ):
        code, out, err = run("enumerate", "net.json", *words)
        assert (code, out, err.count("\n")) == (2, "", 1) and message in err


def test_the_lines_of_the_page_parse():
    page = (Path(__file__).resolve().parents[1] / "docs" / "slices.md").read_text()
    lines = [line.partition("#")[0] for line in page.splitlines() if line.startswith("polyrelu ")]

    assert len(lines) == 5
    for line in lines:
        build_parser().parse_args(line.split()[1:])
