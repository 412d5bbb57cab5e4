"""Files prove themselves, and no false claim gets past the checker."""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from fractions import Fraction
from fractions import Fraction as F
from pathlib import Path

import networks
import numpy as np
import oracle
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu import proof, proof_file
from polyrelu.__main__ import main
from polyrelu.certificates import Prover, make_proof
from polyrelu.readers.native import to_json
from polyrelu.storage import domain_text, seal

SQUARE = pr.Box([-1, -1], [1, 1])
# Lines that meet in the center and one through it, a neuron of layer 2 that bends, one that is zero on some regions
NET = pr.ReluNetwork([[[1, 0], [0, 1], [1, 1]], [[1, -1, 1], [1, 1, -1]], [[1, 1]]], [[0, 0, -0.5], [-0.25, 0], [0]])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a file of 10 regions with its proof, and its arrays."""
    file = tmp_path_factory.mktemp("proof") / "a.npz"
    pr.enumerate_regions(NET, SQUARE).save(file)
    with np.load(file) as archive:
        return file, dict(archive)


def write(file: Path, arrays: dict, reseal: bool = True) -> Path:
    np.savez(file, **(seal(arrays) if reseal else arrays))
    return file


def meta(arrays: dict, **changes) -> dict:
    text = json.dumps(json.loads(arrays["meta"].tobytes()) | changes)
    return arrays | {"meta": np.frombuffer(text.encode(), np.uint8)}


def check(file: Path, arrays: dict) -> proof_file.Verdict:
    """Verify arrays with the digest made right."""
    return pr.verify(write(file, arrays))


def forged_domain() -> dict:
    """Return a file with the false wall 0 x <= -1, which "proves" that the cells lie in a box beside the domain."""
    net = pr.ReluNetwork([[[1], [1]], [[1, 1]]], [[F(-3, 4), F(-1, 4)], [0]])
    texts = {
        "network": to_json(net),
        "domain": json.dumps({"dimension": 1, "rows": [["-1", "0"], ["1", "1"], ["0", "-1"]], "names": None}),
        "meta": json.dumps({
            "format": "polyrelu regions", "version": 2, "complete": True, "method": "bfs", "settled_exactly": 0,
            "exact_points": {}, "exact_facet_points": {}, "map_denominator": "4",
        }),
    }  # fmt: skip
    claims = [[(0, 1), (1, 1), (3, 6)], [(0, 1), (2, 1), (3, 1)], [], [(0, 1), (2, 1)], [(0, 4), (2, 1)], [(0, 1), (2, 1)], []]
    terms = [term for claim in claims for term in claim]
    arrays = {
        "packed": np.array([[0b01000000], [0b11000000]], np.uint8),
        "interior_points": np.array([[0.5], [0.9]]),
        "facet_ptr": np.array([0, 2, 4]),
        "facet_neighbor": np.array([1, -1, 0, -1]),
        "row_ptr": np.arange(5),
        "facet_row": np.array([0, 2, 0, 3]),
        "claim_size": np.array([len(c) for c in claims], np.uint16),
        "term_row": np.array([row for row, _ in terms], np.uint16),
        "term_value": np.array([v for _, v in terms], np.uint64),
        "term_shift": np.zeros(len(terms), np.uint16),
        "cell_box": np.array([[5.0, 6.0]]),
        "drop_count": np.array([0, 2, 2], np.uint16),
        "drop_row": np.array([2, 1, 2, 0], np.uint16),
        "facet_point": np.array([[0.9], [-1.0], [2.0]]),
        "map_index": np.array([0, 1]),
        "map_entry": np.array([[4], [255], [8], [252]], np.uint8),
    }
    return arrays | {key: np.frombuffer(text.encode(), np.uint8) for key, text in texts.items()}


# -- what is true is proved -----------------------------------------------------------
@pytest.mark.parametrize("case", networks.degenerate_table(), ids=lambda case: case[0])
def test_degenerate_networks(tmp_path, case):
    _, net, domain, count = case[:4]
    cx = pr.enumerate_regions(net, pr.Box(*domain) if isinstance(domain, tuple) else domain)
    cx.save(tmp_path / "a.npz", proof=True)
    verdict = pr.verify(tmp_path / "a.npz", model=net)

    assert verdict.ok, verdict.failure
    assert (verdict.regions, verdict.adjacencies, verdict.complete) == (count, len(cx.edges), True)


TRIANGLE = pr.HPolytope([[-1, 0], [0, -1], [3, 1], [6, 2], [0, 0], [1, 1]], [0, 0, "5/3", "10/3", 1, 9])


@pytest.mark.parametrize(
    ("net", "domain", "where"),
    [
        (networks.he_network([2, 8, 8, 1]), None, "all of R^2"),
        (networks.he_network([2, 8, 8, 1]), pr.HPolytope([[-1, 0]], [0]), "a polyhedron of 1 row"),
        (networks.tents(2, 2), TRIANGLE, "a polyhedron of 6 rows"),  # a double wall, a redundant one, a zero row
        (networks.zigzags(3), pr.Box([0], [1]), "the box [0, 1]"),
        (networks.he_network([3, 6, 5, 2]), pr.Box([-1] * 3, ["1/3"] * 3), "the box [-1, 1/3] x"),
        (networks.he_network([4, 5, 4, 1]), pr.Box([-1] * 4, [1] * 4), "the box"),
        (networks.braid(4), None, "all of R^4"),
    ],
)
def test_domains(tmp_path, net, domain, where):
    cx = pr.enumerate_regions(net, domain)
    cx.save(tmp_path / "a.npz")
    verdict = pr.verify(tmp_path / "a.npz")

    assert verdict.ok, verdict.failure
    assert (verdict.regions, verdict.adjacencies, verdict.method) == (len(cx), len(cx.edges), "tree of cuts")
    start = f"Proved: {len(cx)} activation regions of a network with {net.input_dim} inputs and {net.neurons} neurons"
    assert verdict.text.startswith(f"{start} over {where}")
    assert "no region is missing" in verdict.text
    assert "The SHA-256 of the file is right." in verdict.text


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_enumeration_finds_is_proved_and_is_the_truth(tmp_path, data):
    net, box = data.draw(strategies.networks_in_boxes())
    limit = data.draw(st.sampled_from([None, None, 2, 5]))
    cx = pr.enumerate_regions(net, pr.Box(*box), limit=limit)
    cx.save(tmp_path / "a.npz", proof=True)
    verdict = pr.verify(tmp_path / "a.npz", model=net)
    truth = oracle.all_regions(net, oracle.box_walls(*box))

    assert verdict.ok, verdict.failure
    assert verdict.complete == cx.complete
    assert {tuple(s) for s in cx.patterns.tolist()} <= set(truth)
    if verdict.complete:
        assert verdict.regions == len(truth)
        assert verdict.adjacencies == len(oracle.adjacency(net, oracle.box_walls(*box), truth))


def test_an_acas_xu_slice(tmp_path, shared_data):
    net = pr.load(shared_data / "acasxu" / "ACASXU_run2a_1_1_batch_2000.onnx")
    plane = net.restrict([0] * 5, np.eye(5, dtype=int)[:2])
    cx = pr.enumerate_regions(plane, pr.Box(["-1/32"] * 2, ["1/32"] * 2))
    cx.save(tmp_path / "a.npz")
    verdict = pr.verify(tmp_path / "a.npz", model=plane)

    assert verdict.ok, verdict.failure
    assert (verdict.regions, verdict.complete) == (len(cx), True)


# -- what is false is refuted by mathematics ------------------------------------------
def without_region(arrays: dict, i: int, hide: bool) -> dict:
    """Drop a region; the facets of its neighbors vanish with it (hide), or lead to no listed region."""
    source = np.repeat(np.arange(len(arrays["packed"])), np.diff(arrays["facet_ptr"]))
    neighbor, sizes = arrays["facet_neighbor"], np.diff(arrays["row_ptr"])
    keep = (source != i) & ~((neighbor == i) & hide)
    counts = np.bincount(source[keep], minlength=len(arrays["packed"]))
    neighbor = neighbor[keep]
    return arrays | {
        "packed": np.delete(arrays["packed"], i, axis=0),
        "interior_points": np.delete(arrays["interior_points"], i, axis=0),
        "map_index": np.delete(arrays["map_index"], i),
        "facet_ptr": np.concatenate([[0], np.cumsum(np.delete(counts, i))]),
        "row_ptr": np.concatenate([[0], np.cumsum(sizes[keep])]),
        "facet_neighbor": np.where(neighbor == i, -2, neighbor - (neighbor > i)),
        "facet_row": arrays["facet_row"][np.repeat(keep, sizes)],
    }


def test_a_flipped_bit(saved, tmp_path):
    _, arrays = saved
    for i in range(len(arrays["packed"])):
        for k in range(NET.neurons):
            packed = arrays["packed"].copy()
            packed[i, 0] ^= 128 >> k
            verdict = check(tmp_path / "b.npz", arrays | {"packed": packed})
            name, bit = NET.neuron_name(k), packed[i, 0] >> (7 - k) & 1
            assert verdict.failure.startswith(f"region {i}: neuron {name} is {bit} in the pattern but z = ")


def test_the_value_in_the_message_is_exact(saved, tmp_path):
    _, arrays = saved
    (i,) = (i for i, row in enumerate(arrays["packed"]) if row[0] >> 3 == 0b11111)
    points = arrays["interior_points"].copy()
    points[i] = [0.75, 0.125]  # z = 0.75 + 0.125 - 0.375 > 0 in layer 2 both: still inside
    assert check(tmp_path / "b.npz", arrays | {"interior_points": points}).ok
    points[i] = [0.125, 0.25]
    verdict = check(tmp_path / "b.npz", arrays | {"interior_points": points})

    assert verdict.failure == f"region {i}: neuron layer1[2] is 1 in the pattern but z = -1/8 at its interior point"


def test_a_point_outside_and_on_a_kink(saved, tmp_path):
    _, arrays = saved
    points = arrays["interior_points"].copy()
    points[3] = [2, 0]
    verdict = check(tmp_path / "b.npz", arrays | {"interior_points": points})
    assert verdict.failure == "region 3: its interior point is not strictly inside wall 2 of the domain"

    points[3] = [0, -0.5]
    verdict = check(tmp_path / "b.npz", arrays | {"interior_points": points})
    assert "region 3: neuron layer1[0] is 1 in the pattern but z = 0 at its interior point" in verdict.failure


@pytest.mark.parametrize("hide", [True, False])
def test_a_dropped_region(saved, tmp_path, hide):
    _, arrays = saved
    for i in range(len(arrays["packed"])):
        verdict = check(tmp_path / "b.npz", without_region(arrays, i, hide))
        assert not verdict.ok
        assert verdict.regions == 0


def test_a_forged_complex_whose_proof_is_made_for_it(saved, tmp_path):
    """Drop a region, have the rest proved as an incomplete enumeration, and then say that it is complete."""
    _, arrays = saved
    network = proof.Network(arrays["network"].tobytes().decode())
    walls, _ = proof_file.read_domain(json.loads(arrays["domain"].tobytes()), 2)
    for i in range(len(arrays["packed"])):
        rest = without_region(arrays, i, hide=False)
        cx = pr.RegionComplex(
            NET, SQUARE, rest, (rest["interior_points"], {}), complete=False, method="bfs", seconds=None
        )
        more, numbers = make_proof(cx, network, walls, proof_file.read_property({}, network))
        whole = meta(rest | more, **numbers, complete=False)
        assert check(tmp_path / "b.npz", whole).ok
        verdict = check(tmp_path / "c.npz", meta(whole, complete=True))
        assert not verdict.complete
        assert "nothing proves that no region with" in verdict.failure or "lies no listed region" in verdict.failure
        # the same with claims in the place of open cuts, which need no multipliers
        sizes = np.where(more["claim_size"] == proof.OPEN, 0, more["claim_size"])
        verdict = check(tmp_path / "d.npz", meta(whole | {"claim_size": sizes}, complete=True))
        assert "do not prove the sign of neuron" in verdict.failure or "lies no listed region" in verdict.failure


def test_open_cuts_are_no_proof_of_completeness(saved, tmp_path):
    """Turn every claim into an open cut in turn: a complete file may not have any."""
    _, arrays = saved
    for c in np.flatnonzero(arrays["claim_size"] == 0):
        size = arrays["claim_size"].copy()
        size[c] = proof.OPEN
        assert not check(tmp_path / "b.npz", arrays | {"claim_size": size}).complete


def test_a_doubled_region_and_a_wrong_order(saved, tmp_path):
    _, arrays = saved
    packed = arrays["packed"].copy()
    points = arrays["interior_points"].copy()
    packed[4], points[4] = packed[3], points[3]
    verdict = check(tmp_path / "b.npz", arrays | {"packed": packed, "interior_points": points})
    assert verdict.failure == "regions 3 and 4 have the same pattern"
    changed = {key: arrays[key][::-1] for key in ("packed", "interior_points")}
    assert "not in the order of their patterns" in check(tmp_path / "b.npz", arrays | changed).failure


def test_false_adjacencies(saved, tmp_path):
    _, arrays = saved
    count = len(arrays["packed"])
    for f, old in enumerate(arrays["facet_neighbor"].tolist()):
        for new in {-2, -1, 0, 1, 5, count - 1, count, 10**15} - {old}:
            neighbor = arrays["facet_neighbor"].copy()
            neighbor[f] = new
            verdict = check(tmp_path / "b.npz", arrays | {"facet_neighbor": neighbor})
            assert verdict.failure is not None and verdict.failure.startswith("region ")


def test_a_false_adjacency_on_both_sides(saved, tmp_path):
    """Two pairs of neighbors are exchanged: every list is symmetric, every region has as many as before."""
    _, arrays = saved
    source = np.repeat(np.arange(len(arrays["packed"])), np.diff(arrays["facet_ptr"]))
    old = arrays["facet_neighbor"]
    pairs = [(i, j) for i, j in zip(source.tolist(), old.tolist(), strict=True) if 0 <= i < j]
    (a, b), (c, d) = next((p, q) for p in pairs for q in pairs if len({*p, *q}) == 4)
    new = old.copy()
    for i, j, k in ((a, b, d), (b, a, c), (c, d, b), (d, c, a)):
        new[(source == i) & (old == j)] = k
    verdict = check(tmp_path / "b.npz", arrays | {"facet_neighbor": new})

    assert "is not proved" in verdict.failure


def test_a_missing_facet_and_a_false_row(saved, tmp_path):
    _, arrays = saved
    for f in range(len(arrays["facet_neighbor"])):
        sizes = np.diff(arrays["row_ptr"])
        ptr = arrays["facet_ptr"] - (arrays["facet_ptr"] > f)
        changed = {
            "facet_ptr": ptr,
            "facet_neighbor": np.delete(arrays["facet_neighbor"], f),
            "row_ptr": np.concatenate([[0], np.cumsum(np.delete(sizes, f))]),
            "facet_row": arrays["facet_row"][np.repeat(np.arange(len(sizes)) != f, sizes)],
        }
        verdict = check(tmp_path / "b.npz", arrays | changed)
        assert "that is not listed so" in verdict.failure
    for r in range(len(arrays["facet_row"])):
        row = arrays["facet_row"].copy()
        row[r] = (row[r] + 1) % (NET.neurons + 4)
        assert "facet" in check(tmp_path / "b.npz", arrays | {"facet_row": row}).failure


def test_a_neuron_that_is_not_named_on_its_facet(tmp_path):
    net = networks.duplicate_neurons(networks.tents(1))
    pr.enumerate_regions(net, pr.Box([0], [1])).save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        arrays = dict(archive)
    several = int(np.flatnonzero(np.diff(arrays["row_ptr"]) > 1)[0])
    place = int(arrays["row_ptr"][several])
    changed = {"facet_row": np.delete(arrays["facet_row"], place), "row_ptr": arrays["row_ptr"].copy()}
    changed["row_ptr"][several + 1 :] -= 1

    assert "has a facet on" in check(tmp_path / "b.npz", arrays | changed).failure


def test_a_wrong_affine_map(saved, tmp_path):
    _, arrays = saved
    for e in range(len(arrays["map_entry"])):
        entry = arrays["map_entry"].copy()
        entry[e, 0] ^= 1
        assert "its affine map is not the listed one" in check(tmp_path / "b.npz", arrays | {"map_entry": entry}).failure
    for i in range(len(arrays["map_index"])):
        index = arrays["map_index"].copy()
        index[i] = (index[i] + 1) % (index.max() + 1)
        failure = check(tmp_path / "b.npz", arrays | {"map_index": index}).failure
        assert f"region {i}: its affine map" in failure or failure == "the affine maps do not fit the regions"
    assert "affine map" in check(tmp_path / "b.npz", meta(arrays, map_denominator="7")).failure


def test_another_network_and_another_domain(saved, tmp_path):
    """What still holds, holds for the file's network and domain; the model and the digest tell them from ours."""
    file, arrays = saved
    for old, new in ((b"-0.5", b"-0.4"), (b"-0.25", b"-0.75")):
        text = arrays["network"].tobytes().replace(old, new)
        verdict = check(tmp_path / "b.npz", arrays | {"network": np.frombuffer(text, np.uint8)})
        assert verdict.failure is not None
    for old, new in ((b'"1"', b'"2"'), (b'"-1"', b'"-2"'), (b'"1"', b'"1/2"')):
        text = arrays["domain"].tobytes().replace(old, new, 1)
        assert not check(tmp_path / "b.npz", arrays | {"domain": np.frombuffer(text, np.uint8)}).ok
    # one unit in the last place: the shape may stay, the model is another one
    other = pr.ReluNetwork(
        [[[1, 0], [0, 1], [1, 1]], [[1, -1, 1], [1, 1, -1]], [[1, np.nextafter(1, 2)]]], [[0, 0, -0.5], [-0.25, 0], [0]]
    )
    verdict = pr.verify(file, model=other)
    assert verdict.failure.startswith("the network is not the model: W2[0, 1] is 1 and not 4503599627370497/45035")
    assert pr.verify(file, model=NET).text.startswith("The network is the given model, weight by weight. Proved: ")
    wider = pr.ReluNetwork([[[1, 0]]], [[0]])
    assert "differ in shape" in pr.verify(file, model=wider).failure


# -- any change is seen ---------------------------------------------------------------
def mutations(array: np.ndarray, data) -> np.ndarray:
    """Change one entry, or cut an array, or double its end."""
    out = array.copy()
    kind = data.draw(st.sampled_from(["entry", "entry", "entry", "cut", "longer"]))
    if kind == "cut" and len(out):
        return out[:-1]
    if kind == "longer" and len(out):
        return np.concatenate([out, out[-1:]])
    if out.size:
        flat, place = out.ravel(), data.draw(st.integers(0, out.size - 1))
        raw = flat[place : place + 1].view(np.uint8)
        raw[data.draw(st.integers(0, min(len(raw), 2 if out.dtype == np.uint16 else 8) - 1))] ^= data.draw(
            st.sampled_from([1, 2, 16, 128])
        )
    return out


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_changed_only_the_truth_passes(saved, tmp_path, data):
    """With the digest made right, a change is refuted or harmless; without, it is always seen."""
    _, arrays = saved
    name = data.draw(st.sampled_from(sorted(set(arrays) - {"sha256", "network", "domain", "meta"})))
    changed = arrays | {name: mutations(arrays[name], data)}
    same = np.array_equal(changed[name], arrays[name])
    unsealed = pr.verify(write(tmp_path / "b.npz", changed, reseal=False))
    sealed = pr.verify(write(tmp_path / "b.npz", changed))

    assert unsealed.ok == same
    claims = (*proof_file.REGIONS, "map_index")
    if not same and name in claims and name != "interior_points":
        assert not sealed.ok
        assert "SHA-256" not in sealed.failure
    if sealed.ok:
        assert sealed.complete and sealed.regions == len(arrays["packed"])


def test_the_digest_alone(saved, tmp_path):
    _, arrays = saved
    points = arrays["interior_points"].copy()
    points[0] *= 1.0078125
    verdict = pr.verify(write(tmp_path / "b.npz", arrays | {"interior_points": points}, reseal=False))

    assert verdict.failure.startswith("the SHA-256 of the file is wrong; what it says now is proved")
    assert (verdict.regions, bool(verdict)) == (len(arrays["packed"]), False)
    assert not pr.verify(write(tmp_path / "b.npz", {k: v for k, v in arrays.items() if k != "sha256"}, False)).ok
    assert not pr.verify(write(tmp_path / "b.npz", arrays | {"extra": np.zeros(1)}, False)).ok


@pytest.mark.parametrize("name", [*proof_file.REGIONS, *proof_file.PROOF, "network", "domain"])
def test_a_missing_array_or_another_type(saved, tmp_path, name):
    _, arrays = saved
    rest = {key: value for key, value in arrays.items() if key != name}
    verdict = check(tmp_path / "b.npz", rest)
    assert verdict.failure is not None
    if name not in ("network", "domain"):
        assert "holds no proof" in verdict.failure if name == "claim_size" else f"{name} is missing" in verdict.failure
        verdict = check(tmp_path / "b.npz", rest | {name: arrays[name].astype(np.float32)})
        assert f"the array {name} is not " in verdict.failure


@pytest.mark.parametrize(
    "changes",
    [
        {"exact_points": {"0": ["1"]}},
        {"exact_points": {"99": ["0", "0"]}},
        {"exact_facet_points": {"-1": ["x", "0"]}},
        {"exact_points": None},
        {"complete": False},
    ],
)
def test_meta(saved, tmp_path, changes):
    _, arrays = saved
    verdict = check(tmp_path / "b.npz", meta(arrays, **changes))

    assert verdict.complete is False
    assert verdict.ok == (changes == {"complete": False})  # which says less


# -- multipliers ----------------------------------------------------------------------
def triangle() -> tuple[proof.Checker, list[proof.Row], proof.Box]:
    """Return a checker without a file and the cell x, y >= 0, x + y <= 1 in the box [0, 1]^2."""
    empty = {key: () for key in proof_file.PROOF} | {"patterns": [0], "points": [((0, 0), 1)], "complete": True}
    checker = proof.Checker(proof.Network('{"W0": [[1, 1]], "b0": [0], "output_relu": true}'), [], empty)
    forms = [(1, 0, 0), (0, 1, 0), (-1, -1, 1)]
    return checker, [proof.Row(form, frozenset([k + 1])) for k, form in enumerate(forms)], proof.Box((0, 0), (1, 1), 0)


@pytest.mark.parametrize(
    ("q", "form", "slack"),
    [
        ([1], (1, 1, 0), 0),  # the box alone
        ([1], (-1, -1, 1), -1),
        ([1, 0, 0, 1], (-1, -1, 1), 0),
        ([2, 0, 0, 1], (-1, -1, 2), 1),  # 2 (2 - x - y) - (1 - x - y) = 3 - x - y >= 1
        ([0, 1, 1, 1], (-1, -1, -1), None),  # q_0 = 0 would prove anything
        ([1, 1, 0, 0], (1, -1, 0), -1),
    ],
)
def test_slack_by_hand(q, form, slack):
    checker, rows, box = triangle()

    assert checker.slack(form, rows, box, q) == slack


def test_without_a_side_nothing_is_taken_from_the_box():
    checker, rows, _ = triangle()
    open_box = proof.Box((0, None), (1, None), 0)

    assert checker.slack((1, 1, 0), rows, open_box, [1]) is None
    assert checker.slack((1, 1, 0), rows, open_box, [1, 0, 1, 0]) == 0


def test_names_go_to_the_row_that_a_form_is_a_multiple_of():
    checker, rows, box = triangle()
    checker.streams["claim_size"] = iter([2, 0])
    checker.terms = iter([(0, 1, 0), (3, 3, 0)])
    assert checker.claim(proof.Row((-3, -3, 3), frozenset([0])), rows, box, range(1))
    assert [0 in row.names for row in rows] == [False, False, True]
    assert checker.claim(proof.Row((1, 2, 0), frozenset([0])), rows, box, range(1))  # touches in a point alone
    assert [0 in row.names for row in rows] == [False, False, True]


# -- incomplete enumerations, files without proof ---------------------------------------
def test_an_incomplete_enumeration(tmp_path):
    cx = pr.enumerate_regions(networks.he_network([2, 8, 8, 1]), SQUARE, limit=9)
    cx.save(tmp_path / "a.npz")
    verdict = pr.verify(tmp_path / "a.npz")

    assert verdict.ok and not verdict.complete
    assert (verdict.regions, verdict.adjacencies) == (9, len(cx.edges))
    assert "nothing is said about other regions" in verdict.text
    with np.load(tmp_path / "a.npz") as archive:
        arrays = dict(archive)
    i, j = cx.edges[0].tolist()
    neighbor = arrays["facet_neighbor"].copy()
    for a, b in ((i, j), (j, i)):
        start, end = arrays["facet_ptr"][a : a + 2]
        neighbor[start:end][neighbor[start:end] == b] = -2
    # hidden on both sides; the second one needs a point of its own, in the order of the facets that have one
    source = np.repeat(np.arange(9), np.diff(arrays["facet_ptr"]))
    shown = np.flatnonzero((neighbor < 0) | (neighbor > source))
    (hidden,) = np.flatnonzero((source[shown] == j) & (arrays["facet_neighbor"][shown] == i))
    points = np.insert(arrays["facet_point"], hidden, arrays["interior_points"][i], axis=0)
    verdict = check(tmp_path / "b.npz", arrays | {"facet_neighbor": neighbor, "facet_point": points})
    assert f"regions {i} and {j} share the facet on" in verdict.failure


def test_without_proof(saved, tmp_path):
    cx = pr.enumerate_regions(NET, SQUARE)
    cx.save(tmp_path / "a.npz", proof=False)
    verdict = pr.verify(tmp_path / "a.npz")

    assert not verdict.ok and not verdict.complete
    assert "exist, each with its pattern at a rational point strictly inside" in verdict.text
    assert verdict.failure == (
        "the file holds no proof of its facets and adjacencies, nor that no region is missing; save it with proof=True"
    )
    with np.load(tmp_path / "a.npz") as archive:
        arrays = dict(archive)
    arrays["packed"] = arrays["packed"].copy()
    arrays["packed"][-1, 0] ^= 8
    assert "in the pattern but z = " in check(tmp_path / "b.npz", arrays).failure
    assert pr.RegionComplex.load(tmp_path / "a.npz") == cx


def test_a_wrong_complex_is_not_saved(tmp_path):
    cx = pr.enumerate_regions(NET, SQUARE)
    cx.packed = cx.packed.copy()
    cx.packed[2, 0] ^= 8
    with pytest.raises(pr.CertificationError, match="cannot be proved"):
        cx.save(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


# -- the house and the command line ---------------------------------------------------
def test_the_checker_imports_the_standard_library_alone():
    for module, ours in ((proof, set()), (proof_file, {"errors", "proof"})):
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.Import):
                assert all(alias.name in sys.stdlib_module_names for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level:
                assert node.module in ours
            elif isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] in sys.stdlib_module_names
    assert issubclass(Prover, proof.Checker)


def test_command_line(saved, tmp_path, capsys):
    file, arrays = saved
    pr.save(NET, tmp_path / "net.json")
    assert main(["verify", str(file), "--model", str(tmp_path / "net.json")]) == 0
    assert "The network is the given model" in capsys.readouterr().out
    assert main(["verify", str(file), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {key: result[key] for key in ("verified", "regions", "complete", "method", "failure")} == {
        "verified": True, "regions": len(arrays["packed"]), "complete": True, "method": "tree of cuts", "failure": None,
    }  # fmt: skip
    write(tmp_path / "b.npz", without_region(arrays, 0, hide=True))
    assert main(["verify", str(tmp_path / "b.npz"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verified"] is False
    assert main(["verify", str(tmp_path / "b.npz")]) == 1
    assert "NOT VERIFIED" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "absent.npz")]) == 2
    assert main(["verify", str(tmp_path / "net.json")]) == 2
    assert main(["verify", str(file), "--at", "0", "0", "--free", "0"]) == 2
    np.savez(tmp_path / "c.npz", W0=np.eye(2))
    assert main(["verify", str(tmp_path / "c.npz")]) == 2
    write(tmp_path / "d.npz", meta(arrays, version=1))
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "d.npz")]) == 2
    assert "made by format version 1, this polyrelu reads 2; enumerate again" in capsys.readouterr().err


def test_a_slice_of_a_model(tmp_path, capsys):
    pr.save(networks.he_network([3, 5, 4, 1]), tmp_path / "net.json")
    model, out = str(tmp_path / "net.json"), str(tmp_path / "a.npz")
    slice_ = ["--at", "0", "1/3", "0", "--free", "0", "2"]
    assert main(["enumerate", model, *slice_, "--box", "-1", "1", "--out", out]) == 0
    assert main(["verify", out, "--model", model, *slice_]) == 0
    assert main(["verify", out, "--model", model, "--at", "0", "2/3", "0", "--free", "0", "2"]) == 1
    assert "the network is not the model: b0[" in capsys.readouterr().out


def test_regions_saved_without_a_proof(tmp_path, capsys, monkeypatch):
    pr.save(NET, tmp_path / "net.json")
    model, out = str(tmp_path / "net.json"), str(tmp_path / "a.npz")
    assert main(["enumerate", model, "--box", "-1", "1", "--out", out, "--no-proof"]) == 0
    assert main(["verify", out]) == 1
    assert "holds no proof" in capsys.readouterr().out

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("polyrelu.certificates.make_proof", interrupted)
    assert main(["enumerate", model, "--box", "-1", "1", "--out", out]) == 0
    assert "interrupted while making the proof; the regions are saved without it" in capsys.readouterr().err
    assert len(pr.RegionComplex.load(out)) == 10


def test_numbers_are_read_exactly():
    assert proof.number(0.1) == Fraction(3602879701896397, 36028797018963968)
    assert proof.number("-1/3") == Fraction(-1, 3)
    assert proof.number("9" * 5000) == 10**5000 - 1
    assert proof.rational_point([0.5, "1/3"]) == ((3, 2), 6)


# -- forged files that once passed ----------------------------------------------------
def forge(net, domain, patterns, points, facets, maps, **proof_arrays) -> dict:
    """Return the arrays of a file with a proof made by hand; facets: per region (neighbor, rows) each."""
    neighbor, rows, ptr, row_ptr = [], [], [0], [0]
    for listed in facets:
        for j, names in listed:
            neighbor.append(j)
            rows += names
            row_ptr.append(len(rows))
        ptr.append(len(neighbor))
    terms = proof_arrays.pop("terms", [])
    entries = b"".join(v.to_bytes(8, "little", signed=True) for row in maps for v in row)
    content = {
        "packed": np.packbits(np.array(patterns, np.uint8), axis=1),
        "interior_points": np.array(points, "<f8"),
        "facet_ptr": np.array(ptr, "<i8"),
        "facet_neighbor": np.array(neighbor, "<i8"),
        "row_ptr": np.array(row_ptr, "<i8"),
        "facet_row": np.array(rows, "<i8"),
        "term_row": np.array([t[0] for t in terms], "<u2"),
        "term_value": np.array([t[1] for t in terms], "<u8"),
        "term_shift": np.zeros(len(terms), "<u2"),
        "map_index": np.arange(len(maps), dtype="<i8"),
        "map_entry": np.frombuffer(entries, np.uint8).reshape(-1, 8),
    }
    kinds = {"claim_size": "<u2", "cell_box": "<f8", "drop_count": "<u2", "drop_row": "<u2", "facet_point": "<f8"}
    content |= {key: np.array(proof_arrays[key], kind) for key, kind in kinds.items()}
    texts = {
        "network": to_json(net),
        "domain": domain_text(domain),
        "meta": json.dumps(
            {
                "format": proof_file.FORMAT, "version": proof_file.VERSION, "complete": True, "method": "bfs",
                "settled_exactly": 0, "exact_points": {}, "exact_facet_points": {}, "map_denominator": "1",
            }
        ),
    }  # fmt: skip
    return content | {key: np.frombuffer(text.encode(), np.uint8) for key, text in texts.items()}


WALLS = [(-1, [1]), (-1, [2])]
RAMP = [[[1]], [[1]]]


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        # a box without sides proves nothing: relu(x + 1) has two regions on [-2, 2]
        (forge(pr.ReluNetwork(RAMP, [[1], [0]]), pr.Box([-2], [2]), [[1]], [[0.0]], [WALLS], [[1, 1]], claim_size=[0],
               cell_box=np.zeros((1, 0)), drop_count=[0], drop_row=[], facet_point=[[-3.0], [3.0]]),
         "a box of 0 sides is none of R^1"),
        # rows that prove the box are dropped by the box: relu(x - 2) has one region on [0, 1]
        (forge(pr.ReluNetwork(RAMP, [[-2], [0]]), pr.Box([0], [1]), [[0], [1]], [[0.5], [3.0]],
               [[(1, [0]), (-1, [1])], [(0, [0])]], [[0, 0], [1, -2]], claim_size=[2, 2, 0, 0, 0],
               terms=[(0, 1), (1, 1), (0, 1), (2, 1)], cell_box=[[0.0, 1.0]], drop_count=[0, 1, 2],
               drop_row=[1, 0, 0], facet_point=[[3.0], [-3.0]]),
         "not strictly inside wall 1"),
        # the same with points inside: the walls are missing among the facets
        (forge(pr.ReluNetwork(RAMP, [[0], [0]]), pr.Box([-1], [1]), [[0], [1]], [[-0.5], [0.5]],
               [[(1, [0])], [(0, [0])]], [[0, 0], [1, 0]], claim_size=[2, 2, 0, 0, 0, 0],
               terms=[(0, 1), (1, 1), (0, 1), (2, 1)], cell_box=[[-1.0, 1.0]], drop_count=[0, 2, 2],
               drop_row=[0, 0, 0, 0], facet_point=[[3.0]]),
         "do not prove the sign of a side of their box"),
        # a cut along a form that is zero: both sides are the same region
        (forge(pr.ReluNetwork([[[0]], [[1]]], [[0], [0]]), pr.Box([0], [1]), [[0], [1]], [[0.5], [0.5]], [WALLS] * 2,
               [[0, 0], [0, 0]], claim_size=[0, 0], cell_box=[[-np.inf, np.inf]], drop_count=[0, 1, 1],
               drop_row=[2, 2], facet_point=[[-3.0], [3.0]] * 2),
         "is 1 in the pattern but z = 0"),
    ],
    ids=["narrow box", "circular rows", "missing walls", "zero cut"],
)  # fmt: skip
def test_forged_proofs(tmp_path, arrays, why):
    verdict = check(tmp_path / "a.npz", arrays)

    assert not verdict and why in verdict.failure


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("network", '{"W0": [[1]], "b0": ["0.9"], "W1": [[1]], "b1": [0], "output_relu": false}'),
        ("network", '{"W0": [[1]], "b0": [0], "b0": [0], "W1": [[1]], "b1": [0], "output_relu": false}'),
        ("network", '{"W0": [[1]], "b0": [0], "W1": [[1]], "b1": [0], "output_relu": "false"}'),
        ("network", '{"W0": [[true]], "b0": [0], "W1": [[1]], "b1": [0], "output_relu": false}'),
        ("network", '{"W0": [[NaN]], "b0": [0], "W1": [[1]], "b1": [0], "output_relu": false}'),
        ("network", '{"W0": [["1/0"]], "b0": [0], "W1": [[1]], "b1": [0], "output_relu": false}'),
        ("domain", '{"lower": ["-1.5"], "upper": ["1.5"]}'),
        ("meta", {"complete": "false"}),
        ("meta", {"map_denominator": "3/2"}),
        ("meta", {"exact_points": {"-1": ["1/2"]}}),
        ("meta", {"exact_points": {"2": ["1/2"]}}),
        ("meta", {"exact_facet_points": {"00": ["1/2"]}}),
    ],
)
def test_numbers_and_names_are_read_strictly(tmp_path, name, text):
    """What the checker reads is what :meth:`RegionComplex.load` reads."""
    pr.enumerate_regions(pr.ReluNetwork(RAMP, [[0], [0]]), pr.Box([-1], [1])).save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        arrays = dict(archive)
    changed = meta(arrays, **text) if name == "meta" else arrays | {name: np.frombuffer(text.encode(), np.uint8)}

    assert check(tmp_path / "b.npz", arrays) and not check(tmp_path / "b.npz", changed)


def test_an_array_that_stands_twice_is_refused(tmp_path):
    pr.enumerate_regions(NET, SQUARE).save(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("network", archive.read("network.npy"))
    with pytest.raises(pr.ModelError, match="network stands twice"):
        pr.verify(tmp_path / "a.npz")


def test_a_constant_wall_that_is_false_proves_nothing(tmp_path):
    """0 x <= -1 holds nowhere: a point was not held against walls without a normal, and all followed from -1 >= 0."""
    verdict = check(tmp_path / "forged.npz", forged_domain())
    assert not verdict and "not strictly inside wall 2 of the domain" in verdict.failure


def test_what_verifies_can_be_loaded(saved, tmp_path):
    """The checker reads texts as loading does: UTF-8 bytes, all keys there, one domain."""
    _, arrays = saved
    wide = np.frombuffer(arrays["domain"].tobytes().decode().encode("utf-32-le"), np.uint8)
    without = {k: v for k, v in json.loads(arrays["meta"].tobytes()).items() if k != "method"}
    both = json.loads(arrays["domain"].tobytes()) | {"rows": [], "dimension": 2}
    for key, array in (
        ("domain", wide),
        ("domain", arrays["domain"].astype(np.int32)),
        ("domain", arrays["domain"].reshape(1, -1)),
        ("meta", np.frombuffer(json.dumps(without).encode(), np.uint8)),
        ("domain", np.frombuffer(json.dumps(both).encode(), np.uint8)),
    ):
        verdict = check(tmp_path / "changed.npz", arrays | {key: array})
        assert not verdict and verdict.regions == 0
