"""The command line: answers, JSON, slices, files, and one clear line for every bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import pytest

import polyrelu as pr
from polyrelu.__main__ import main

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def tent(tmp_path: Path) -> str:
    """The tent map on R, two neurons with kinks at 0 and 1/2."""
    path = tmp_path / "tent.json"
    pr.save(networks.tents(1), path)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command; argparse leaves by SystemExit."""
    try:
        code = main(words)
    except SystemExit as exit:
        code = int(exit.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    code, out, err = run(capsys, *words, "--json")

    assert (code, err) == (0, "")
    assert out.count("\n") == 1  # exactly one object and nothing else
    return json.loads(out)


def test_count_json_has_the_promised_keys(capsys, tent):
    result = as_json(capsys, "count", tent, "--box", "0", "1")

    assert result.pop("seconds") > 0
    assert result == {
        "activation_regions": 2,
        "input_dim": 1,
        "neurons": 2,
        "exact": True,
        "complete": True,
        "method": "subdivision",
        "domain": {"lower": ["0"], "upper": ["1"]},
        "by_layer": [2],
        "signs": result["signs"],
        "exact_signs": 1,
    }


def test_negative_quotients_and_exponents_are_numbers_not_options(capsys, tent):
    # the kink at 0 is inside both boxes, the one at 1/2 in neither
    assert as_json(capsys, "count", tent, "--box", "-1/3", "1/3")["activation_regions"] == 2
    assert as_json(capsys, "count", tent, "--box", "-1e-3", "1e-3")["activation_regions"] == 2
    assert as_json(capsys, "count", tent, "--lower", "-.5", "--upper", "-1/4")["activation_regions"] == 1


def test_no_box_means_the_whole_space(capsys, tent):
    result = as_json(capsys, "count", tent)

    assert result["activation_regions"] == 3
    assert result["domain"] == {"lower": None, "upper": None}


def test_decimals_are_taken_exactly(capsys, tmp_path):
    # the kink is at the rational 1/10; the binary64 number 0.1 is larger, so a float box would hold it
    path = tmp_path / "tenth.json"
    pr.save(pr.ReluNetwork([[["1"]], [[1]]], [["-1/10"], [0]]), path)

    assert as_json(capsys, "count", str(path), "--box", "0", "0.1")["activation_regions"] == 1


def test_slice_equals_restriction(capsys, tmp_path):
    net = networks.he_network([4, 6, 6, 1])
    path = tmp_path / "net.npz"
    pr.save(net, path)
    at = ["0.25", "-1/3", "0", "1e-1"]
    result = as_json(capsys, "count", str(path), "--at", *at, "--free", "2", "0", "--box", "-1", "1")
    plane = net.restrict([0, "-1/3", 0, "1e-1"], [[0, 0, 1, 0], [1, 0, 0, 0]])

    assert result["activation_regions"] == len(pr.enumerate_regions(plane, pr.Box([-1, -1], [1, 1])))
    assert (result["input_dim"], result["neurons"]) == (2, 12)
    assert result["domain"]["free"] == [2, 0]

    point = tmp_path / "point.npy"
    np.save(point, np.array([0.25, -1 / 3, 0, 0.1]))
    npy = as_json(capsys, "count", str(path), "--at", str(point), "--free", "2", "0", "--box", "-1", "1")
    assert npy["activation_regions"] == result["activation_regions"]


def test_limit_is_reported_as_incomplete(capsys, tmp_path):
    path = tmp_path / "net.npz"
    pr.save(networks.he_network([2, 8, 8, 1]), path)
    result = as_json(capsys, "count", str(path), "--box", "-1", "1", "--limit", "5")

    assert (result["activation_regions"], result["complete"], result["exact"]) == (5, False, True)
    assert "stopped early" in run(capsys, "count", str(path), "--box", "-1", "1", "--limit", "5")[1]


def test_info(capsys, tent):
    assert as_json(capsys, "info", tent) == {
        "model": tent, "input_dim": 1, "output_dim": 1, "widths": [2], "neurons": 2, "weights": 7,
        "output_relu": False, "skips": False, "layers": ["layer1"], "notes": [],
    }  # fmt: skip
    code, out, _ = run(capsys, "info", tent)
    assert code == 0 and "1 inputs, 1 outputs" in out


def test_enumerate_saves_and_draws(capsys, tmp_path):
    path, out, picture = tmp_path / "net.npz", tmp_path / "regions.npz", tmp_path / "regions.png"
    pr.save(networks.he_network([2, 5, 5, 1]), path)
    result = as_json(capsys, "enumerate", str(path), "--box", "-1", "1", "--out", str(out), "--plot", str(picture))
    cx = pr.RegionComplex.load(out)

    assert len(cx) == result["activation_regions"]
    assert len(cx.edges) == result["adjacencies"]
    assert picture.read_bytes()[:4] == b"\x89PNG"
    code, text, _ = run(capsys, "enumerate", str(path), "--box", "-1", "1")
    assert code == 0 and f"{len(cx)} activation regions (all, exactly)" in text


BAD = [
    (["count", "absent.onnx"], "no such file"),
    (["count", "{tent}x"], "suffix '.jsonx' is unknown"),
    (["count", "{tent}", "--box", "1", "0"], "swap them"),
    (["count", "{tent}", "--box", "0", "0"], "flat"),
    (["count", "{tent}", "--box", "0", "nan"], "write a decimal"),
    (["count", "{tent}", "--box", "0"], "expected 2 arguments"),
    (["count", "{tent}", "--lower", "0"], "go together"),
    (["count", "{tent}", "--lower", "0", "0", "--upper", "1", "1"], "2 numbers; there are 1 free inputs"),
    (["count", "{tent}", "--box", "0", "1", "--lower", "0"], "one or the other"),
    (["count", "{tent}", "--at", "0"], "both --at"),
    (["count", "{tent}", "--at", "0", "1", "--free", "0"], "--at has 2 numbers; this model has 1 inputs"),
    (["count", "{tent}", "--at", "0", "--free", "1"], "inputs 0 to 0"),
    (["count", "{tent}", "--at", "0", "--free", "0", "0"], "twice"),
    (["count", "{tent}", "--at", "absent.npy", "--free", "0"], "absent.npy: there is no such file"),
    (["count", "{tent}", "--limit", "0"], "whole number from 1 up"),
    (["count", "{tent}", "--limit", "few"], "whole number"),
    (["count", "{tent}", "--box", "-1e-99999", "-1e99999"], "swap them"),
    (["count", "{tent}", "--limit", "1/2"], "whole number"),
    (["count", "{tent}", "--method", "magic"], "invalid choice"),
    (["count", "{tent}", "--normalize"], "no option 'normalize'"),
    (["enumerate", "{tent}", "--box", "0", "1", "--out", "regions.txt"], "choose one of these suffixes"),
    (["enumerate", "{tent}", "--box", "0", "1", "--out", "absent/regions.npz"], "existing directory"),
    (["enumerate", "{tent}", "--box", "0", "1", "--plot", "regions.doc"], ".png"),
    (["fly"], "invalid choice"),
    ([], "required"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_bad_input_is_one_line_and_code_2(capsys, tent, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    code, out, err = run(capsys, *(word.format(tent=tent) for word in words))

    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and message in err
    assert sorted(tmp_path.iterdir()) == before  # no file half-written


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b'{"W0": [[1]]}', b'{"W0": [[NaN]], "b0": [0]}', b"[1"])
def test_corrupt_model_files(capsys, tmp_path, content):
    for suffix in (".json", ".npz", ".nnet"):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(content)
        code, out, err = run(capsys, "count", str(path), "--box", "0", "1", "--json")

        assert (code, out) == (2, "")
        assert err.count("\n") == 1 and path.name in err


def test_the_installed_command_runs_in_its_own_process(tent):
    words = [sys.executable, "-m", "polyrelu", "count", tent, "--box", "0", "1", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["activation_regions"] == 2
    assert done.stderr == ""  # silent where stderr is no terminal


def test_unwritable_targets_are_refused_before_the_search(capsys, tent, tmp_path, monkeypatch):
    monkeypatch.setattr("polyrelu.enumeration.enumerate_regions", lambda *_, **__: pytest.fail("searched"))
    for words in (["--out", "/proc/regions.npz"], ["--plot", "/proc/regions.png"], ["--out", f"{'a' * 300}.npz"]):
        code, out, err = run(capsys, "enumerate", tent, "--box", "0", "1", *words)

        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "cannot be written" in err or "cannot be read" in err


def test_interrupted_while_drawing_keeps_the_result(capsys, tent, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("polyrelu.plotting.save_picture", interrupted)
    code, out, err = run(capsys, "enumerate", tent, "--box", "0", "1", "--plot", str(tmp_path / "a.png"), "--json")

    assert (code, json.loads(out)["activation_regions"], json.loads(out)["plot"]) == (0, 2, None)
    assert "interrupted" in err
    monkeypatch.setattr("polyrelu.readers.load", interrupted)
    assert run(capsys, "info", tent) == (130, "", "polyrelu: interrupted before there was anything to show\n")


def test_a_reader_that_leaves_is_no_error(tent):
    command = f"{sys.executable} -m polyrelu info {tent} | head -c 0; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    full = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m polyrelu info {tent} > /dev/full"], capture_output=True, text=True
    )
    assert full.returncode == 2 and full.stderr.startswith("polyrelu: the output cannot be written: No space left")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which is not part of this repository")
def test_unscaled_property_box_from_the_shell(capsys):
    # property 3 of ACAS Xu, network 1_7; 502 is ground truth from an independent exact count
    pytest.importorskip("onnx")
    model = str(SHARED / "acasxu" / "ACASXU_run2a_1_7_batch_2000.onnx")
    lower = ["-0.303531156", "-0.009549297", "0.493380324", "0.3", "0.3"]
    upper = ["-0.298552812", "0.009549297", "0.5", "0.5", "0.5"]

    assert as_json(capsys, "count", model, "--lower", *lower, "--upper", *upper)["activation_regions"] == 502


# -- lines ----------------------------------------------------------------------------
def test_a_line_as_json(capsys, tent, tmp_path):
    result = as_json(capsys, "line", tent, "--start", "-1", "--end", "1")

    assert result.pop("seconds") >= 0
    assert result == {
        "activation_regions": 3,
        "gradient_regions": 3,
        "slope_regions": 3,
        "breakpoints": ["1/2", "3/4"],
        "switching": [[0], [1]],
        "start": ["-1"],
        "end": ["1"],
        "whole": False,
        "input_dim": 1,
        "neurons": 2,
        "exact": True,
        "complete": True,
        "method": "subdivision",
        "model": tent,
    }
    np.save(tmp_path / "x.npy", np.array([2.0]))
    whole = as_json(capsys, "line", tent, "--start", "1", "--end", str(tmp_path / "x.npy"), "--whole")
    assert (whole["breakpoints"], whole["end"], whole["method"]) == (["-1", "-1/2"], ["2"], "subdivision")


def test_a_line_for_people(capsys, tent):
    code, out, err = run(capsys, "line", tent, "--start", "0", "--end", "1/2")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "1 activation region on the segment (2 neurons), exact",
        "1 piece without a jump of the gradient, 1 of the slope",
    ]
    code, out, err = run(capsys, "line", tent, "--start", "0", "--end", "1")
    assert out.splitlines()[1:] == ["2 pieces between jumps of the gradient, 2 of the slope", "t = 1/2: neuron 1"]
    code, out, err = run(capsys, "line", tent, "--start", "0", "--end", "0")
    assert (code, out) == (2, "") and "the same point" in err
    code, out, err = run(capsys, "line", tent, "--start", "0", "1", "--end", "0")
    assert (code, out) == (2, "") and "--start has 2 numbers; this model has 1 inputs" in err
