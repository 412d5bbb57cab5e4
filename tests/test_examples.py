"""The committed example networks: their shapes and exact region counts."""

from fractions import Fraction as F

import numpy as np
import pytest

import polyrelu as pr
from polyrelu.errors import InputError
from polyrelu.examples import example_path

NETWORKS = {"moons": "2-16-16-1", "digits": "64-32-16-10", "swiss_roll": "3-16-16-1"}


@pytest.mark.parametrize(("name", "shape"), NETWORKS.items())
def test_shape_and_size(name, shape):
    net = pr.load(example_path(name))

    assert repr(net) == f"<ReluNetwork {shape}, {net.neurons} neurons>"
    assert example_path(name).stat().st_size < 60_000
    for layer in net.layers:  # every weight is a float32
        values = layer.blocks[max(layer.blocks)].to_float()[0]
        assert (values.astype(np.float32) == values).all()


@pytest.mark.parametrize(
    ("name", "domain", "count", "volume"),
    [
        ("moons", pr.Box([-2, "-3/2"], [3, 2]), 208, F(35, 2)),
        ("moons", None, 530, None),
        ("swiss_roll", pr.Box([-1, "-1/4", -1], [1, "3/2", 1]), 356, 7),
    ],
)
def test_counts(name, domain, count, volume):
    cx = pr.enumerate_regions(pr.load(example_path(name)), domain)

    assert (len(cx), cx.complete, cx.exact) == (count, True, True)
    if volume is not None:
        assert sum(region.volume for region in cx) == volume


def test_sample_of_digits():
    sample = np.load(example_path("digits_sample"))
    images, labels = sample["images"], sample["labels"]
    net = pr.load(example_path("digits"))

    assert images.shape == (20, 64) and images.dtype == np.uint8 and images.max() == 16
    assert labels.tolist() == [k for k in range(10) for _ in range(2)]
    assert int((net(images / 16).argmax(axis=1) == labels).sum()) == 19


def test_a_slice_of_the_digits():
    # three images span a plane: a 3, and the ways from it to an 8 and to a 1
    sample = np.load(example_path("digits_sample"))
    one, three, eight = (sample["images"][2 * k].astype(int) for k in (1, 3, 8))
    thirds = [F(int(v), 16) for v in three]
    plane = pr.load(example_path("digits")).restrict(
        thirds, [[F(int(v), 16) for v in eight - three], [F(int(v), 16) for v in one - three]]
    )

    assert len(pr.enumerate_regions(plane, pr.Box([-1, -1], [2, 2]))) == 241


def test_unknown_names_are_answered_with_the_known():
    message = r"there is no example 'mnist'; known are digits, digits_sample, moons, swiss_roll"
    with pytest.raises(InputError, match=message):
        example_path("mnist")
