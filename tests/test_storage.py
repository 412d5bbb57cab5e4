"""Saved regions come back exactly, and damaged files are refused by name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import networks
import numpy as np
import pytest

import polyrelu as pr
from polyrelu.proof_file import REGIONS


def same(a: pr.RegionComplex, b: pr.RegionComplex) -> bool:
    """Compare everything that a file holds."""
    return (
        all(np.array_equal(getattr(a, key), getattr(b, key)) for key in REGIONS)
        and a.network == b.network
        and a.domain == b.domain
        and a.domain.names == b.domain.names
        and type(a.domain) is type(b.domain)
        and a.exact_points == b.exact_points
        and (a.complete, a.exact, a.method, a.settled_exactly) == (b.complete, b.exact, b.method, b.settled_exactly)
    )


THIN = pr.ReluNetwork([[[1], [1]], [[1, 1]]], [[0, "-1/" + "9" * 400], [0]])  # kinks closer than any float


@pytest.mark.parametrize(
    ("net", "domain"),
    [
        (networks.he_network([2, 6, 6, 1]), pr.Box([-1, -1], [1, 1])),
        (networks.zigzags(2), None),  # thirds and sixths are no floats
        (networks.tents(2, 2), pr.HPolytope([[-1, 0], [0, -1], [3, 1]], [0, 0, "5/3"], ["left", "low", "slope"])),
        (THIN, pr.Box([-1], [1])),
        (pr.ReluNetwork([[[1, 2]]], [[0]]), pr.Box([0, 0], [1, 1])),  # no hidden neuron: one region, empty pattern
    ],
    ids=["floats", "fractions", "polytope", "thin", "affine"],
)
def test_round_trip(tmp_path, net, domain):
    cx = pr.enumerate_regions(net, domain)
    cx.save(tmp_path / "a.npz")
    back = pr.RegionComplex.load(tmp_path / "a.npz")

    assert same(cx, back)
    assert back.seconds is None
    back.save(tmp_path / "b.npz")
    assert same(cx, pr.RegionComplex.load(tmp_path / "b.npz"))


def test_a_region_without_a_float_point_keeps_its_exact_one(tmp_path):
    cx = pr.enumerate_regions(THIN, pr.Box([-1], [1]))
    cx.save(tmp_path / "a.npz")

    (middle,) = pr.RegionComplex.load(tmp_path / "a.npz").exact_points.values()
    assert 0 < middle[0] < Fraction(1, 10**400 - 1)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    cx = pr.enumerate_regions(networks.tents(1), pr.Box([0], [1]))
    target = tmp_path / "a.npz"
    cx.save(target)
    before = target.read_bytes()
    monkeypatch.setattr(np, "savez_compressed", lambda stream, **_: stream.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cx.save(target)

    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_refusals(tmp_path: Path):
    cx = pr.enumerate_regions(networks.tents(1), pr.Box([0], [1]))
    with pytest.raises(pr.ModelError, match="saved as .npz; choose"):
        cx.save(tmp_path / "a.txt")
    with pytest.raises(pr.ModelError, match="existing directory"):
        cx.save(tmp_path / "absent" / "a.npz")
    with pytest.raises(pr.ModelError, match="no such file"):
        pr.RegionComplex.load(tmp_path / "a.npz")
    pr.save(networks.tents(1), tmp_path / "model.json")
    (tmp_path / "model.json").rename(tmp_path / "text.npz")
    with pytest.raises(pr.ModelError, match="not a readable file of regions"):
        pr.RegionComplex.load(tmp_path / "text.npz")
    np.savez(tmp_path / "net.npz", W0=np.eye(1), b0=np.zeros(1))
    with pytest.raises(pr.ModelError, match="holds no regions; read a model with polyrelu.load"):
        pr.RegionComplex.load(tmp_path / "net.npz")
    cx.save(tmp_path / "a.npz")
    with pytest.raises(pr.ModelError, match="not a model; read it with RegionComplex.load"):
        pr.load(tmp_path / "a.npz")
    cx.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        content = dict(archive)
    np.savez(tmp_path / "b.npz", **(content | {"packed": content["packed"].astype(float)}))
    with pytest.raises(pr.ModelError, match="the array packed"):
        pr.RegionComplex.load(tmp_path / "b.npz")
    meta = content["meta"].tobytes().replace(b'"version": 2', b'"version": 7')
    np.savez(tmp_path / "c.npz", **(content | {"meta": np.frombuffer(meta, np.uint8)}))
    with pytest.raises(pr.ModelError, match="made by format version 7, this polyrelu reads 2; enumerate again"):
        pr.RegionComplex.load(tmp_path / "c.npz")
    meta = content["meta"].tobytes().replace(b"polyrelu regions", b"something else!!")
    np.savez(tmp_path / "d.npz", **(content | {"meta": np.frombuffer(meta, np.uint8)}))
    with pytest.raises(pr.ModelError, match="holds no regions"):
        pr.RegionComplex.load(tmp_path / "d.npz")


def test_every_damaged_byte_is_refused_or_harmless(tmp_path):
    cx = pr.enumerate_regions(networks.tents(1), pr.Box([0], [1]))
    cx.save(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    for length in range(0, len(whole) - 1, 97):
        (tmp_path / "b.npz").write_bytes(whole[:length])
        with pytest.raises(pr.ModelError, match="b.npz"):
            pr.RegionComplex.load(tmp_path / "b.npz")
