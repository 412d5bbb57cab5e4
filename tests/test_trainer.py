"""Images, training and tracking: against files written by hand, finite differences, torch, and direct counts."""

from __future__ import annotations

import gzip
import math
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu.exact import integer_point, nullspace, primitive
from polyrelu.theory.distances import boundary_distances
from polyrelu.theory.image_data import FILES, ImageData, digits, image_data, mnist
from polyrelu.theory.lines import regions_on_line
from polyrelu.theory.tracking import (
    EDGES,
    MEASURES,
    log_distances,
    plane_through_origin,
    plane_through_three,
    sample_points,
    track,
)
from polyrelu.theory.trainer import CHECKPOINTS, train


def small(n=40, d=4, classes=3, seed=0):
    """Images of noise; the class is the brightest of the first pixels."""
    x = np.random.default_rng(seed).random((n, d))
    y = x[:, :classes].argmax(axis=1)
    return ImageData(x[: n // 2], y[: n // 2], x[n // 2 :], y[n // 2 :], (1, d), "noise", classes)


# -- images ---------------------------------------------------------------------------
def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    data = image_data()
    assert (data.name, data.shape, data.classes) == ("digits", (8, 8), 10)
    assert (len(data.train_x), len(data.test_x)) == (1348, 449)

    def rows(x, y):
        return sorted((*row, label) for row, label in zip(x.tolist(), y.tolist(), strict=True))

    both = rows(np.concatenate([data.train_x, data.test_x]), np.concatenate([data.train_y, data.test_y]))
    assert both == rows(pixels / 16, labels)
    assert np.array_equal(digits(seed=0).train_x, data.train_x)
    assert not np.array_equal(digits(seed=1).train_x, data.train_x)


@pytest.mark.parametrize("fraction", [0, 1, -1, 1e-6, float("nan")])
def test_digits_need_both_parts(fraction):
    with pytest.raises(pr.InputError, match="give a number between 0 and 1"):
        digits(fraction)


@pytest.mark.parametrize("fraction", [0, 0.3, 1])
def test_label_noise(fraction):
    x = np.zeros((1000, 1))
    data = ImageData(x, np.full(1000, 7), x, np.full(1000, 7), (1, 1), "zeros", 10)
    noisy = data.with_label_noise(fraction, seed=5)
    changed = np.count_nonzero(noisy.train_y != 7)
    assert changed <= fraction * 1000
    assert abs(changed - 900 * fraction) <= 4 * math.sqrt(90 * fraction)  # a tenth of the random labels is right
    assert np.array_equal(noisy.test_y, data.test_y) and np.array_equal(noisy.train_x, data.train_x)
    assert np.array_equal(noisy.train_y, data.with_label_noise(fraction, seed=5).train_y)
    if fraction == 1:
        assert set(noisy.train_y.tolist()) == set(range(10))


def test_label_noise_is_a_fraction():
    with pytest.raises(pr.InputError, match="the fraction of random labels is 2; give a number from 0 to 1"):
        small().with_label_noise(2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_x": [[0.5, 2]]}, r"train_x has pixels from 0.5 to 2.0; scale them to \[0, 1\]"),
        ({"train_x": [[0.5, math.nan]]}, "train_x has pixels from nan to nan"),
        ({"test_x": [[0.5]]}, r"test_x has shape \(1, 1\); expected \(n, 2\), one image per row"),
        ({"test_x": np.zeros((0, 2))}, r"test_x has shape \(0, 2\); expected"),
        ({"test_x": "no"}, "test_x is not an array of numbers"),
        ({"train_y": [0, 1]}, r"train_y has shape \(2,\) of int64; expected 1 whole numbers"),
        ({"train_y": [0.5]}, r"train_y has shape \(1,\) of float64; expected 1 whole numbers"),
        ({"test_y": [3]}, "test_y has labels 3 to 3; expected 0 to 2"),
    ],
)
def test_images_are_checked(change, message):
    good = {"train_x": [[0, 1]], "train_y": [0], "test_x": [[1, 0]], "test_y": [2]}
    ImageData(**good, shape=(1, 2), name="good", classes=3)
    with pytest.raises(pr.InputError, match=message):
        ImageData(**(good | change), shape=(1, 2), name="bad", classes=3)


def idx(array):
    """An array of bytes in the idx format."""
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    """MNIST in small: 6 images to train and 4 to test, of 2 x 3 pixels."""
    rng = np.random.default_rng(0)
    for name, count in zip(FILES, (6, 6, 4, 4), strict=True):
        shape = (count, 2, 3) if "images" in name else (count,)
        array = rng.integers(256 if "images" in name else 10, size=shape)
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def test_mnist_in_all_its_forms(folder):
    data = image_data(folder)
    raw = (folder / FILES[0]).read_bytes()[16:]
    assert data.train_x.tolist() == [[v / 255 for v in raw[6 * i : 6 * i + 6]] for i in range(6)]
    assert data.test_y.tolist() == list((folder / FILES[3]).read_bytes()[8:])
    assert (data.shape, data.name, data.classes) == ((2, 3), folder.name, 10)
    for name in FILES[:2]:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    (folder / FILES[2]).rename(folder / "t10k-images.idx3-ubyte")
    again = mnist(folder)
    assert np.array_equal(again.train_x, data.train_x) and np.array_equal(again.test_x, data.test_x)


@pytest.mark.parametrize(
    ("number", "content", "message"),
    [
        (0, None, "train-images-idx3-ubyte is missing; copy it there, as it is or as train-images-idx3-ubyte.gz"),
        (0, b"", "train-images-idx3-ubyte: the file is empty"),
        (1, b"\0\0\10\3", "train-labels-idx1-ubyte: begins with 0x803 and not 0x801; this is no idx file of 1 axes"),
        (2, idx(np.zeros((4, 2, 3)))[:-1], "t10k-images-idx3-ubyte: has 23 bytes of data where its head says 4 x 2 x 3"),
        (2, idx(np.zeros((4, 2, 3))) + b"\0", "has 25 bytes of data where its head says 4 x 2 x 3; copy it again"),
        (2, b"\0\0\10\3\0\0", "has 0 bytes of data where its head says 0 x 0 x 0"),
        (3, idx(np.zeros(5)), r"test_y has shape \(5,\) of int64; expected 4 whole numbers"),
        (3, idx(np.full(4, 10)), "test_y has labels 10 to 10; expected 0 to 9"),
        (2, idx(np.zeros((4, 3, 3))), r"test_x has shape \(4, 9\); expected \(n, 6\)"),
    ],
)
def test_a_broken_file_of_mnist_is_named(folder, number, content, message):
    (folder / FILES[number]).unlink()
    if content is not None:
        (folder / FILES[number]).write_bytes(content)
    with pytest.raises(pr.InputError, match=message) as caught:
        mnist(folder)
    assert str(caught.value).startswith(str(folder))


def test_other_errors_of_mnist(folder):
    whole = gzip.compress((folder / FILES[0]).read_bytes())
    (folder / FILES[0]).unlink()
    for broken in (whole[:-9], b"no archive", whole[:12] + b"\xff\xff\xff" + whole[15:]):
        (folder / f"{FILES[0]}.gz").write_bytes(broken)
        with pytest.raises(pr.InputError, match=r"ubyte\.gz: does not unpack \(.+\); copy it again"):
            mnist(folder)
    with pytest.raises(pr.InputError, match="nowhere: there is no such folder; give one that holds train-images"):
        image_data(folder / "nowhere")
    with pytest.raises(pr.InputError, match="None is no folder; give the path of one, or the name digits"):
        image_data(None)


# -- training -------------------------------------------------------------------------
def test_checkpoints_and_what_they_say():
    data = small()
    seen = list(train([5, 4], data, epochs=2.5, batch=6, checkpoints=(0, 1 / 32, 1 / 4, 1, 2, 4), seed=3))
    # 20 images, so 4 steps per epoch; 1/32 and 1/4 fall on the first step; the end is always seen
    assert [(c.epoch, c.step) for c in seen] == [(0, 0), (0.25, 1), (1, 4), (2, 8), (2.5, 10)]
    for c in seen:
        assert isinstance(c.network, pr.ReluNetwork) and c.network.widths == (5, 4)
        outputs = c.network(data.train_x)
        assert c.train_accuracy == np.mean(outputs.argmax(axis=1) == data.train_y)
        assert c.test_accuracy == np.mean(c.network(data.test_x).argmax(axis=1) == data.test_y)
        loss = np.mean([math.log(sum(map(math.exp, row))) - row[y] for row, y in zip(outputs, data.train_y, strict=True)])
        assert c.loss == pytest.approx(loss, rel=1e-12)
    assert seen[-1].loss < seen[0].loss


def test_the_start_is_the_usual_random_network():
    from polyrelu.theory.random_networks import random_network

    data = small()
    first = next(train([5, 4], data, seed=3, bias_sd=0.25))
    assert first.network == random_network((4, 5, 4, 3), "he", 0.25, 3)
    assert first.network != next(train([5, 4], data, seed=4, bias_sd=0.25)).network


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_is_deterministic_and_goes_on_from_a_network(optimizer):
    data = small()
    options = {"epochs": 1, "batch": 20, "optimizer": optimizer, "learning_rate": 0.01}
    one, two = (list(train([5], data, seed=3, **options)) for _ in range(2))
    assert [c.network for c in one] == [c.network for c in two] and len(one) == 2
    # one full batch: plain descent does not depend on its order, nor on what came before
    on = list(train(one[0].network, data, seed=9, **options))[-1].network
    for a, b in zip(on.layers, one[-1].network.layers, strict=True):
        assert np.abs(a.bias.to_float()[0] - b.bias.to_float()[0]).max() < 1e-12


def loss_of(weights, biases, data):
    z = data.train_x
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = z @ w.T + b
        z = z if i == len(weights) - 1 else np.maximum(z, 0)
    return np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), data.train_y])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_one_step_against_finite_differences(optimizer):
    """A full batch: sgd moves by rate * slope, and the first step of Adam by rate * slope / (|slope| + floor)."""
    data = small()
    first, last = train([3, 3], data, epochs=1, batch=20, bias_sd=0.1, seed=1, learning_rate=0.5, optimizer=optimizer)
    w, b = ([np.array(v) for v in values] for values in arrays(first.network))
    w_after, b_after = arrays(last.network)
    for values, after in ((w, w_after), (b, b_after)):
        for k, array in enumerate(values):
            for at in np.ndindex(array.shape):
                kept, step = array[at], 1e-6
                sides = []
                for sign in (1, -1):
                    array[at] = kept + sign * step
                    sides.append(loss_of(w, b, data))
                array[at] = kept
                slope = (sides[0] - sides[1]) / (2 * step)
                if optimizer == "sgd":
                    assert after[k][at] - kept == pytest.approx(-0.5 * slope, abs=1e-7)
                elif abs(slope) > 1e-5:
                    assert after[k][at] - kept == pytest.approx(-0.5 * math.copysign(1, slope), rel=1e-2)
                elif slope == 0:
                    assert after[k][at] == kept


def arrays(net):
    layers = [(layer.blocks[k].to_float()[0], layer.bias.to_float()[0].ravel()) for k, layer in enumerate(net.layers)]
    return [w for w, _ in layers], [b for _, b in layers]


def test_adam_as_its_authors_wrote_it():
    """Full batches; the gradient at a network is what one step of plain descent with rate 1 takes from it."""
    data = small()
    seen = list(train([4], data, epochs=5, batch=20, learning_rate=0.03, checkpoints=range(5), seed=2))
    m = v = 0
    for t, (c, after) in enumerate(zip(seen, seen[1:], strict=False), 1):
        moved = list(train(c.network, data, epochs=1, batch=20, learning_rate=1, optimizer="sgd", checkpoints=()))[0]
        here, there, slid = (
            np.concatenate([np.ravel(a) for part in arrays(net) for a in part])
            for net in (c.network, after.network, moved.network)
        )
        gradient = here - slid
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        step = 0.03 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        big = np.abs(gradient) > 1e-9  # the others are lost in the difference
        assert big.sum() > len(big) / 2
        assert np.abs(there - here + step)[big].max() < 1e-8
    assert t == 5


def test_torch_agrees_to_rounding():
    pytest.importorskip("torch")
    data = small(100, 5)
    for optimizer in ("adam", "sgd"):
        options = {"epochs": 3, "batch": 16, "learning_rate": 0.02, "optimizer": optimizer, "seed": 2}
        runs = [list(train([8, 8], data, backend=backend, **options)) for backend in ("numpy", "torch")]
        assert [c.step for c in runs[0]] == [c.step for c in runs[1]] and runs[0][0].network == runs[1][0].network
        assert runs[0][-1].network != runs[0][0].network
        for one, other in zip(*runs, strict=True):
            assert one.loss == pytest.approx(other.loss, rel=1e-9)
            assert one.test_accuracy == other.test_accuracy
            for a, b in zip(arrays(one.network), arrays(other.network), strict=True):
                assert max(np.abs(x - y).max() for x, y in zip(a, b, strict=True)) < 1e-9


def test_a_missing_backend_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(pr.MissingDependency, match=r"torch cannot be imported .* pip install 'polyrelu\[torch\]'"):
        train([3], small(), backend="torch")


def test_training_learns_digits():
    last = list(train([32] * 2, digits(), epochs=10, batch=64, learning_rate=0.005, checkpoints=()))
    assert len(last) == 1 and last[0].epoch == 10
    assert last[0].train_accuracy > 0.97 and last[0].test_accuracy > 0.93


def test_the_epochs_of_the_paper():
    assert CHECKPOINTS == (0, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 6, 8, 10, 15, 20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "lion"}, "optimizer is 'lion'; choose one of adam, sgd"),
        ({"backend": "jax"}, "backend is 'jax'; choose one of numpy, torch"),
        ({"batch": 0}, "batch is 0; give a whole number of images from 1 up"),
        ({"learning_rate": 0}, "learning_rate is 0; give a positive number"),
        ({"bias_sd": -1}, "bias_sd is -1; give a number from 0 up"),
        ({"epochs": math.inf}, "epochs is inf; give a number from 0 up"),
        ({"epochs": "2"}, "epochs is '2'; give a number from 0 up"),
        ({"seed": -1}, "seed is -1; give a whole number from 0 up"),
        ({"checkpoints": [-1]}, r"checkpoints are \(-1,\); give epochs, numbers from 0 up"),
    ],
)
def test_arguments_are_checked_at_once(options, message):
    with pytest.raises(pr.InputError, match=message):
        train([3], small(), **options)


def test_networks_that_cannot_be_trained():
    data = small()
    with pytest.raises(pr.InputError, match=r"3 is no network; give one, or the widths of the hidden layers: \[32, 32\]"):
        train(3, data)
    with pytest.raises(pr.InputError, match="data is of type str; give an ImageData"):
        train([3], "digits")
    skip = pr.ReluNetwork([np.ones((2, 4)), np.ones((3, 6))], [[0, 0], [0, 0, 0]])
    with pytest.raises(pr.ModelError, match="the network has skip connections or a ReLU at its end; give one without"):
        train(skip, data)
    with pytest.raises(pr.ModelError, match="the network has 2 inputs and 1 outputs; noise needs 4 and 3"):
        train(pr.ReluNetwork([[[1, 2]], [[1]]], [[0], [0]]), data)
    with pytest.raises(pr.InputError, match=r"the loss is (nan|inf) after 40 steps; take a smaller learning_rate"):
        list(train([5], data, epochs=40, checkpoints=[0], batch=20, learning_rate=1e300, optimizer="sgd"))


# -- planes ---------------------------------------------------------------------------
POINTS = st.lists(st.integers(0, 16).map(lambda v: F(v, 16)), min_size=5, max_size=5)


def on_plane(plane, x):
    """Tell exactly whether a point lies on a plane: its difference from the origin is spanned by the directions."""
    u, v = plane.directions
    w = [a - b for a, b in zip(x, plane.origin, strict=True)]

    def rank(rows):
        integers = [primitive(integer_point(row)[0]) for row in rows if any(row)]
        return len(w) - len(nullspace(integers, len(w)))

    return rank([u, v, w]) == rank([u, v]) == 2


@settings(max_examples=25)
@given(POINTS, POINTS, POINTS)
def test_planes_hold_their_points_exactly(a, b, c):
    for offset, make, points in (([F(0)] * 5, plane_through_origin, (a, b)), (a, plane_through_three, (a, b, c))):
        u, v = ([x - y for x, y in zip(p, offset, strict=True)] for p in points[-2:])
        uu, uv, vv = (sum(x * y for x, y in zip(p, q, strict=True)) for p, q in ((u, u), (u, v), (v, v)))
        if uu * vv == uv * uv:
            with pytest.raises(pr.InputError, match="on one line"):
                make(*points)
            continue
        plane = make(*points)
        assert all(on_plane(plane, p) for p in points)
        first, second = (np.array(row, dtype=float) for row in plane.directions)
        assert first @ first == pytest.approx(second @ second, rel=1e-9)
        assert abs(first @ second) < 1e-7 * (first @ first)
        norms = np.linalg.norm(plane.coordinates([[float(x) for x in p] for p in points]), axis=1)
        assert norms.max() == pytest.approx(0.8, rel=1e-6)
        if make is plane_through_three:
            assert norms.min() == pytest.approx(0.8, rel=1e-6)


def test_floats_are_taken_exactly_by_planes():
    rng = np.random.default_rng(0)
    points = rng.random((3, 5))
    exact = [[F(v) for v in row] for row in points.tolist()]
    plane = plane_through_three(*points)
    assert all(on_plane(plane, x) for x in exact)
    net = pr.ReluNetwork([rng.normal(size=(3, 5)), rng.normal(size=(1, 3))], [[0.5] * 3, [0]])
    at = [F(1, 3), F(-1, 2)]
    x = [o + at[0] * u + at[1] * v for o, u, v in zip(plane.origin, *plane.directions, strict=True)]
    assert plane.restrict(net)(at) == net(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plane_through_origin([1, 2], [2, 4]), "a and b are on one line with the origin; take others"),
        (lambda: plane_through_origin([0, 0], [2, 4]), "a and b are on one line with the origin; take others"),
        (lambda: plane_through_origin([1, 2], [1]), "b has 1 coordinates and a has 2; give points of one space"),
        (lambda: plane_through_origin([1, 2], [1, 0], 0), "half_side is 0; give a positive number"),
        (lambda: plane_through_three([1, 2], [2, 4], [0, 0]), "a, b and c are on one line; take others"),
        (lambda: plane_through_three([1, 2], [2, 4], [0]), "c has 1 coordinates and a has 2"),
    ],
)
def test_planes_need_points_in_general_position(make, message):
    with pytest.raises(pr.InputError, match=message):
        make()


# -- tracking -------------------------------------------------------------------------
@pytest.fixture(scope="module")
def seen():
    return list(train([5, 4], small(), epochs=10, batch=6, checkpoints=[0], learning_rate=0.02))


def test_every_measure_gives_its_rows(seen):
    data = small()
    rows = list(track(seen, data, measures=list(MEASURES), lines=2, planes=2, points=10, chords=3))
    parts = {"accuracy": 2, "distances": 3, "distance_histogram": 3 * (len(EDGES) + 1), "volumes": 2}
    for measure in MEASURES:
        own = [row for row in rows if row["measure"] == measure]
        assert len(own) == 2 * parts.get(measure, 1)
        assert {row["epoch"] for row in own} == {0, 10} and all(row["neurons"] == 9 for row in own)
        assert {row["exactness"] for row in own} <= {"exact", "float"}
        assert all(math.isfinite(row["value"]) and row["standard_error"] >= 0 for row in own)
    assert len({tuple(row) for row in rows}) == 1  # the same columns everywhere
    accuracy = {(r["part"], r["step"]): r["value"] for r in rows if r["measure"] == "accuracy"}
    for c in seen:
        assert accuracy["train", c.step] == c.train_accuracy and accuracy["test", c.step] == c.test_accuracy
    for kind in ("train", "test", "random"):
        shares = [r for r in rows if r["measure"] == "distance_histogram" and r["part"].split()[0] == kind]
        assert sum(r["value"] for r in shares) == pytest.approx(2)


def test_counts_are_those_of_the_lines_and_planes(seen):
    """With as few images as there are, the lines and planes are known: recount them one by one."""
    x = small().train_x[:2]
    data = ImageData(x, [0, 1], x[:1], [0], (1, 4), "two", 3)
    rows = list(track(seen, data, measures=["lines", "planes"], lines=2, planes=2))
    for c, pair in zip(seen, (rows[:2], rows[2:]), strict=True):
        line = len(regions_on_line(c.network, [0] * 4, x[0].tolist()))
        assert pair[0]["value"] == line / 9 and pair[0]["standard_error"] == 0
        counts = {
            int(pr.count_regions(plane.restrict(c.network), pr.Box([-20, -20], [20, 20]), progress=False))
            for plane in (plane_through_origin(*x), plane_through_origin(*x[::-1]))
        }
        assert min(counts) / 81 <= pair[1]["value"] <= max(counts) / 81


def test_an_executor_changes_nothing(seen):
    options = {"measures": ["lines_through_two", "planes_through_three", "volumes"], "lines": 3, "planes": 2, "chords": 4}
    with ThreadPoolExecutor(2) as pool:
        assert list(track(seen, small(), executor=pool, **options)) == list(track(seen, small(), **options))


def test_the_same_samples_for_every_checkpoint_and_choice_of_measures(seen):
    alone = list(track(seen[:1], small(), measures=["distances"], points=6))
    again = list(track([seen[0], seen[0]], small(), measures=["lines", "distances"], lines=2, points=6))
    assert [r for r in again if r["measure"] == "distances"] == alone * 2
    assert list(track(seen[:1], small(), measures=["distances"], points=6, seed=1)) != alone


def test_points_and_their_distances():
    data = small(200)
    train_points = sample_points(data, "train", 50)
    assert len({tuple(p) for p in train_points.tolist()} & {tuple(p) for p in data.train_x.tolist()}) == 50
    assert len(sample_points(data, "test", 10**6)) == len(data.test_x)
    noise = sample_points(data, "random", 4000, 1)
    assert np.abs(noise.mean(axis=0) - data.train_x.mean(axis=0)).max() < 0.03
    assert np.abs(noise.std(axis=0) - data.train_x.std(axis=0)).max() < 0.03
    with pytest.raises(pr.InputError, match="there are no points of kind 'valid'; choose one of train, test, random"):
        sample_points(data, "valid", 3)
    net = pr.ReluNetwork([[[1, 0, 0, 0]] * 2, [[1, 1]]], [[0, 0], [0]])
    assert np.array_equal(log_distances(net, train_points), np.log(2 * boundary_distances(net, train_points).values))
    assert log_distances(net, np.zeros((1, 4)))[0] == -math.inf


def test_what_cannot_be_tracked(seen):
    with pytest.raises(pr.InputError, match="there is no measure 'area'; choose among accuracy, lines"):
        track(seen, small(), measures=["area"])
    with pytest.raises(pr.InputError, match="measures is 'lines'; give a sequence of names"):
        track(seen, small(), measures="lines")
    with pytest.raises(pr.InputError, match="the network has no hidden neurons, and so one region everywhere"):
        list(track(train([], small()), small(), lines=2, points=2))
    with pytest.raises(pr.InputError, match="planes is 1; a standard error needs at least 2"):
        track(seen, small(), planes=1)
    with pytest.raises(pr.InputError, match="the network has 4 inputs; noise has 5 pixels"):
        list(track(seen, small(d=5)))
    dark = ImageData(np.zeros((3, 4)), [0, 1, 2], np.zeros((3, 4)), [0, 1, 2], (2, 2), "dark", 3)
    with pytest.raises(pr.InputError, match="there are 0 images that are not zero; 1 are needed"):
        track(seen, dark)
