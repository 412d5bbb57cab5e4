"""The experiments of Hanin and Rolnick: tables that survive a kill, pages that need nothing else, closed forms."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
import math
import queue
import re
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu.__main__ import main
from polyrelu.errors import InputError
from polyrelu.theory.experiments import EXPERIMENTS, experiment_named, figures, run_experiment, work
from polyrelu.theory.experiments.figures import neurons_of
from polyrelu.theory.experiments.page import command, number
from polyrelu.theory.experiments.plan import ARCHITECTURES, Plan
from polyrelu.theory.experiments.store import COLUMNS, HEADER, Store
from polyrelu.theory.experiments.summary import estimate, group, slope, trained_rows
from polyrelu.theory.image_data import ImageData
from polyrelu.theory.trainer import CHECKPOINTS, train

EPOCHS = (0.0, 1.0, 2.0)
TINY = {
    "lines": Plan(("lines",), ((3, 3), (4,)), 2, ((3, 3),), 2, EPOCHS, {"lines": 2}),
    "distances": Plan(("distances", "distance_histogram"), (), 0, ((3, 3), (4, 2), (5,)), 2, EPOCHS, {"points": 5}),
    "planes": Plan(("planes", "planes_through_three"), ((3, 3),), 2, ((3, 3),), 1, EPOCHS, {"planes": 2},
                   pictured=(3, 3)),
    "volumes": Plan(("volumes",), ((3, 3), (4,), (2,)), 2, ((4,),), 2, EPOCHS, {"chords": 4}, bias_sds=(0.5, 0.1)),
    "training": Plan(("lines",), (), 0, ((3, 3),), 2, EPOCHS, {"lines": 2}, noises=(0.0, 0.5, 1.0)),
    "depth": Plan(("lines", "planes"), ((4,), (2, 2)), 3, ((4,), (2, 2)), 2, (0.0, 1.0), {"lines": 2, "planes": 2}),
}  # fmt: skip


def images(count=60, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(1, 256, (2 * count, 4)) / 255, np.arange(2 * count) % classes
    return ImageData(x[:count], y[:count], x[count:], y[count:], (2, 2), "noise", classes)


DATA = images()


def assert_alike(rows, others):
    """The same rows in the same order; what training has rounded may differ in the last places."""
    assert [{k: v for k, v in row.items() if not isinstance(v, float)} for row in rows] == [
        {k: v for k, v in row.items() if not isinstance(v, float)} for row in others
    ]
    for row, other in zip(rows, others, strict=True):
        assert all(math.isclose(v, other[k], rel_tol=1e-9) for k, v in row.items() if isinstance(v, float))


@pytest.fixture(scope="module", autouse=True)
def small_pictures():
    """Pictures of few pixels take less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "DPI", 40)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Every experiment, run once."""
    return {
        name: run_experiment(name, tmp_path_factory.mktemp(name), data=DATA, plan=plan, workers=0)
        for name, plan in TINY.items()
    }


# -- what a run leaves ----------------------------------------------------------------
@pytest.mark.parametrize("name", TINY)
def test_a_run_leaves_a_table_figures_and_a_page(finished, name):
    report = finished[name]
    looks = sum(len(unit.steps(60)) for unit in TINY[name].units())

    assert (report.complete, report.looks, report.total, report.computed) == (True, looks, looks, looks)
    with report.csv.open(newline="") as stream:
        table = list(csv.reader(stream))
    assert table[0] == [*COLUMNS, "row"] == list(HEADER)
    assert len(table) - 1 == len(report.rows) and {len(line) for line in table} == {len(HEADER)}
    assert {row["measure"] for row in report.rows} == set(TINY[name].measures)
    assert {row["exactness"] for row in report.rows} <= {"exact", "certified", "float"}
    drawn = {file.stem for file in report.figures}
    assert drawn == set(EXPERIMENTS[name].captions)
    for file in report.figures:
        head = {".png": b"\x89PNG", ".svg": b"<?xml"}[file.suffix]
        assert file.read_bytes().startswith(head)
    page = report.page.read_text()
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == len(drawn) and all(source.startswith("data:image/") for source in sources)
    assert "://" not in page and "<script" not in page and "<link" not in page
    for found in report.findings:
        assert number(found.mean, found.standard_error) in page
    assert not [file for file in report.directory.iterdir() if file.name.startswith(".")]


def test_one_layer_has_one_region_more_than_neurons_on_every_line(finished):
    rows = [row for row in finished["lines"].rows if row["widths"] == "4"]

    assert [(row["value"], row["standard_error"], row["samples"]) for row in rows] == [(5 / 4, 0.0, 2)] * 2
    assert {row["value"] for row in finished["depth"].rows if row["widths"] == "4" and row["measure"] == "lines"} == {
        5 / 4
    }


def test_four_lines_in_a_plane_make_at_most_eleven_regions(finished):
    rows = [row for row in finished["depth"].rows if row["widths"] == "4" and row["measure"] == "planes"]

    # 1 + 4 + 6 in the whole plane, and each line or crossing that misses the square is one less
    assert all(5 / 16 <= row["value"] <= 11 / 16 for row in rows)
    assert all(float(row["value"] * 16 * row["samples"]).is_integer() for row in rows)


def test_a_histogram_holds_all_points(finished):
    shares = {}
    for row in finished["distances"].rows:
        if row["measure"] == "distance_histogram":
            key = row["widths"], row["run"], row["step"], row["part"].split()[0]
            shares[key] = shares.get(key, 0) + round(row["value"] * row["samples"])

    assert set(shares.values()) == {5}


def test_rows_tell_of_the_training(finished):
    row = next(r for r in finished["lines"].rows if r["widths"] == "3x3" and r["run"] == 1 and r["epoch"] == 2)
    unit = next(u for u in TINY["lines"].units() if u.widths == (3, 3) and u.run == 1)
    seen = list(train((3, 3), DATA, epochs=2, seed=unit.seed(0)))[-1]

    assert (row["step"], row["loss"], row["test_accuracy"]) == (seen.step, seen.loss, seen.test_accuracy)
    kept = work.Task(TINY["planes"], DATA, 0, finished["planes"].directory, "planes").network(2)
    other = next(u for u in TINY["planes"].units() if u.kept)
    again = list(train((3, 3), DATA, epochs=2, seed=other.seed(0)))[-1].network
    assert (kept(DATA.test_x) == again(DATA.test_x)).all()


def test_a_network_kept_for_pictures_is_made_again_and_nothing_else(finished):
    report = finished["planes"]
    file = report.directory / "planes-step-2.npz"
    before, table = file.read_bytes(), report.csv.read_bytes()

    file.unlink()
    told = []
    sizes = {"data": DATA, "plan": TINY["planes"], "workers": 0}
    again = run_experiment("planes", report.directory, progress=lambda *done: told.append(done), **sizes)

    # nothing else of a finished run is computed again
    assert (again.computed, again.complete, told) == (1, True, [(4, 4)])
    assert again.findings == report.findings
    assert file.exists() and len(file.read_bytes()) == len(before)
    assert report.csv.read_bytes() == table


def test_a_class_without_an_image_has_no_picture(tmp_path):
    data = dataclasses.replace(DATA, train_y=np.minimum(DATA.train_y, 1))

    with pytest.raises(InputError, match="noise has no training image of class 2; the pictures need one of 0, 1 and 2"):
        run_experiment("planes", tmp_path, data=data, plan=TINY["planes"], workers=0)


# -- going on -------------------------------------------------------------------------
@settings(max_examples=30)
@given(data=st.data())
def test_a_table_cut_off_anywhere_keeps_its_whole_parts(finished, data):
    report = finished["depth"]
    whole = report.csv.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    saved = json.loads((report.directory / "depth.json").read_text())
    for name in ("format", "version", "experiment"):
        del saved[name]
    parts = Store(report.directory, "depth", saved).parts
    folder = report.directory / "cut"
    folder.mkdir(exist_ok=True)
    (folder / "depth.json").write_bytes((report.directory / "depth.json").read_bytes())
    (folder / "depth.csv").write_bytes(whole[:cut])

    store = Store(folder, "depth", saved)

    # the parts whose last line ends before the cut
    size, kept = whole.index(b"\n") + 1, []
    for key, rows in parts.items():
        size += sum(len(line) + 1 for line in whole[size:].split(b"\n")[: len(rows)])
        kept += [key] * (size <= cut)
    assert list(store.parts) == kept and all(store.parts[key] == parts[key] for key in kept)
    for key in reversed(parts):
        if key not in store.parts:
            store.add(key, parts[key])
    store.sort(parts)
    assert store.csv.read_bytes() == whole
    assert Store(folder, "depth", saved).parts == parts


def test_a_run_that_was_stopped_and_killed_goes_on_to_the_same_table(finished, tmp_path):
    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    settings = {"data": DATA, "plan": TINY["training"], "workers": 0}
    first = run_experiment("training", tmp_path, progress=stop, **settings)
    assert (first.complete, first.looks, first.page, first.findings) == (False, 5, None, [])
    # what a kill leaves: a torn row, a file that was being written
    first.csv.write_bytes(first.csv.read_bytes()[:-7])
    (tmp_path / ".training.csv.0.tmp").write_bytes(b"half")

    second = run_experiment("training", tmp_path, **settings)

    assert (second.complete, second.computed) == (True, second.total - 4)
    assert_alike(second.rows, finished["training"].rows)
    assert [found.what for found in second.findings] == [found.what for found in finished["training"].findings]
    assert not list(tmp_path.glob(".*"))


def test_other_settings_are_refused(finished, tmp_path):
    folder = finished["lines"].directory
    settings = {"data": DATA, "plan": TINY["lines"], "workers": 0}
    for changed, message in (
        ({"seed": 1}, "was written with seed 0, not 1; give the same settings, or another directory"),
        ({"full": True}, "was written with full false, not true"),
        ({"data": images(seed=1)}, "was written with data.sha256 "),
        ({"data": images(40)}, 'was written with data.text "noise: 60 images'),
        ({"plan": dataclasses.replace(TINY["lines"], runs=3)}, "was written with plan.runs 2, not 3"),
    ):
        with pytest.raises(InputError, match=re.escape(message)) as error:
            run_experiment("lines", folder, **settings | changed)
        assert str(error.value).startswith(str(folder / "lines.json")) and "\n" not in str(error.value)


def test_damaged_files_are_refused(finished, tmp_path):
    report = finished["lines"]
    run = {"data": DATA, "plan": TINY["lines"], "workers": 0}
    table, settings = report.csv.read_text(), (report.directory / "lines.json").read_text()
    lines = table.split("\n")
    for content, head, message in (
        (table, None, "lines.csv is there without lines.json, which says what it holds; remove it, or give another"),
        (table, "{", "lines.json is damaged; remove it and lines.csv to start anew, or give another directory"),
        (table, "[]", "lines.json is damaged"),
        ("a,b\n1,2\n", settings, "lines.csv has other columns than widths, "),
        ("\n".join([*lines[:2], lines[2].replace("exact", "exact,")]) + "\n", settings, "lines.csv: line 3 is damaged"),
        ("\n".join([lines[0], lines[1].replace("3x3,2", "3x3,two")]) + "\n", settings, "lines.csv: line 2 is damaged"),
    ):  # fmt: skip
        (tmp_path / "lines.csv").write_text(content)
        (tmp_path / "lines.json").unlink(missing_ok=True)
        if head is not None:
            (tmp_path / "lines.json").write_text(head)
        with pytest.raises(InputError, match=re.escape(message)):
            run_experiment("lines", tmp_path, **run)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="results cannot be written here: File exists; choose another directory"):
        run_experiment("lines", file, **run)


# -- bad input ------------------------------------------------------------------------
def test_an_unknown_name_lists_the_names_and_suggests_the_nearest():
    names = "lines, distances, planes, volumes, training, depth"
    for wrong, message in (
        ("line", f"there is no experiment 'line'; choose one of {names}; did you mean 'lines'?"),
        ("Depths", f"there is no experiment 'Depths'; choose one of {names}; did you mean 'depth'?"),
        ("xyz", f"there is no experiment 'xyz'; choose one of {names}"),
    ):
        with pytest.raises(InputError) as error:
            experiment_named(wrong)
        assert str(error.value) == message


def test_bad_arguments_are_refused_before_any_work(tmp_path):
    for wrong, message in (
        ({"seed": -1}, "seed is -1; give a whole number from 0 up"),
        ({"seed": "0"}, "seed is '0'; give a whole number from 0 up"),
        ({"workers": -1}, "workers is -1; give a whole number from 1 up, 0 for this process, or None"),
        ({"data": tmp_path / "none"}, "there is no such folder"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            run_experiment("lines", tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
    plan = TINY["lines"]
    for changes, message in (
        ({"runs": -1}, "runs is -1; give a whole number from 0 up"),
        ({"epochs": ()}, "epochs are (); give at least one number from 0 up"),
        ({"runs": 0, "trained": ()}, "the plan has no network; give architectures, and runs from 1 up"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            dataclasses.replace(plan, **changes)


def test_what_a_worker_raises_arrives(tmp_path):
    dark = dataclasses.replace(DATA, test_x=np.zeros_like(DATA.test_x))

    with pytest.raises(InputError, match="there are 0 images that are not zero; 1 are needed"):
        run_experiment("lines", tmp_path, data=dark, plan=TINY["lines"], workers=0)


def test_a_worker_that_was_killed_is_noticed(monkeypatch):
    monkeypatch.setattr(work, "PATIENCE", 0.01)
    found = queue.Queue()
    found.put("part")
    crew = [SimpleNamespace(exitcode=0), SimpleNamespace(exitcode=-9)]

    assert work._next(found, crew) == "part"  # what it had finished is taken
    with pytest.raises(InputError, match=re.escape("a worker ended with code -9 (killed, or out of memory)")):
        work._next(found, crew)


# -- the command line -----------------------------------------------------------------
@pytest.fixture
def mnist(tmp_path):
    """The images as the four files of MNIST."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, x, y in (("train", DATA.train_x, DATA.train_y), ("t10k", DATA.test_x, DATA.test_y)):
        pixels = np.round(x * 255).astype(np.uint8).tobytes()
        head = struct.pack(">4I", 0x803, len(x), 2, 2)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + pixels))
        head = struct.pack(">2I", 0x801, len(y))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + y.astype(np.uint8).tobytes())
    return folder


def test_the_command_runs_in_processes_and_prints_one_object(monkeypatch, capsys, tmp_path, mnist):
    plan = TINY["distances"]
    monkeypatch.setitem(EXPERIMENTS, "distances", EXPERIMENTS["distances"]._replace(plan=lambda full, data: plan))
    words = ["experiment", "distances", "--out", str(tmp_path / "a"), "--data", str(mnist), "--workers", "2", "--json"]

    code = main(words)

    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert result.pop("seconds") > 0
    assert [found["what"] for found in result.pop("findings")][:1] == [
        "distance × neurons at initialisation, training images, mean over architectures"
    ]
    assert result == {
        "experiment": "distances",
        "complete": True,
        "looks": 18,
        "total": 18,
        "computed": 18,
        "rows": 18 * 3 * (1 + 28),
        "csv": str(tmp_path / "a" / "distances.csv"),
        "page": str(tmp_path / "a" / "distances.html"),
        "figures": [str(tmp_path / "a" / f"{stem}.{kind}") for stem in ("distances", "distances-histograms")
                    for kind in ("svg", "png")],
        "data": str(mnist),
        "full": False,
        "seed": 0,
    }  # fmt: skip
    # the same rows, in the order of the plan, as without processes
    data = dataclasses.replace(DATA, classes=10)
    task = work.Task(plan, data, 0, tmp_path, "distances")
    parts = work.all_parts(task, [(unit, unit.steps(60)) for unit in plan.units()], data, 0)
    with (tmp_path / "a" / "distances.csv").open(newline="") as stream:
        table = [{name: read(line[name]) for name, read in COLUMNS.items()} for line in csv.DictReader(stream)]
    assert_alike(table, [row for _, rows in parts for row in rows])
    page = (tmp_path / "a" / "distances.html").read_text()
    assert f"polyrelu experiment distances --out {tmp_path / 'a'} --data {mnist}" in page


def test_the_command_refuses_in_one_line(capsys, tmp_path):
    out = ["--out", str(tmp_path / "out")]
    for words, message in (
        (["plane", *out], "polyrelu: there is no experiment 'plane'; choose one of lines, distances, "),
        (["lines", *out, "--workers", "0"], "polyrelu: --workers is 0; give a whole number from 1 up"),
        (["lines", *out, "--seed", "x"], "polyrelu: --seed is 'x'; give a whole number"),
        (["lines", *out, "--data", str(tmp_path / "none")], "there is no such folder; give one that holds train-images"),
    ):
        assert main(["experiment", *words]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1 and message in captured.err
    assert not (tmp_path / "out").exists()


def test_the_command_shows_numbers_or_how_to_go_on(monkeypatch, capsys, tmp_path, finished):
    report = finished["lines"]._replace(complete=False, looks=3, page=None, findings=[], figures=[])
    monkeypatch.setattr("polyrelu.theory.experiments.run_experiment", lambda *args, **settings: report)

    assert main(["experiment", "lines", "--out", str(tmp_path)]) == 130
    stopped = capsys.readouterr().out
    monkeypatch.setattr("polyrelu.theory.experiments.run_experiment", lambda *args, **settings: finished["lines"])
    assert main(["experiment", "lines", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out.split("\n")

    assert stopped == "stopped after 3 of 8 looks at networks; all of them are kept: the same command goes on from there\n"
    assert shown[1] == "                1.25  regions per neuron at initialisation, [4]×1 (2 networks, each exact)"
    assert re.match(r"8 of 8 looks at networks, 8 of them now, in [0-9.]+ s", shown[-3])
    assert shown[-2] == f"wrote {finished['lines'].page}"


# -- plans and means ------------------------------------------------------------------
def test_the_full_plans_are_those_of_the_papers():
    many = ImageData(np.zeros((10_000, 1)), np.zeros(10_000, int), [[0]], [0], (1, 1), "many", 10)
    plans = {name: e.plan(True, many) for name, e in EXPERIMENTS.items()}

    assert len(ARCHITECTURES) == 12 and sorted(map(sum, ARCHITECTURES)) == sorted(
        [64, 128, 256, 512, 60, 120, 180, 240, 125, 250, 375, 500]
    )
    assert len(list(plans["distances"].units())) == 144 and plans["distances"].epochs == CHECKPOINTS
    assert plans["distances"].samples == {"points": 10_000}
    assert [sum(w) for w in plans["planes"].architectures] == [64, 128, 256, 60, 120, 180, 240]
    assert plans["training"].epochs == (0, 1, 2, 5, 10, 20, 50, 100, 200)
    assert len(list(plans["training"].units())) == 6 * 40 and plans["training"].samples == {"lines": 100}
    for name, e in EXPERIMENTS.items():
        short = e.plan(False, DATA)
        assert len(list(short.units())) < len(list(plans[name].units()))
        assert short.epochs[-1] == 5 * plans[name].epochs[-1]  # few images: five epochs for one


def test_networks_differ_and_their_names_too():
    for plan in TINY.values():
        units = list(plan.units())
        assert len({unit.key(0) for unit in units}) == len(units)
        # another noise or bias starts from the same draws: a comparison of pairs
        assert len({unit.seed(0) for unit in units}) == len({(unit.widths, unit.run) for unit in units})
        assert {unit.seed(0) for unit in units}.isdisjoint(unit.seed(1) for unit in units)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=9))
def test_the_slope_is_that_of_least_squares(points):
    x, y = map(list, zip(*points, strict=True))
    found = slope(x, y)

    if len(set(x)) == 1:
        assert math.isnan(found.mean)
    else:
        design = np.stack([x, np.ones(len(x))], axis=1)
        expected, rest = np.linalg.lstsq(design, np.array(y, float))[:2]
        assert math.isclose(found.mean, expected[0], abs_tol=1e-9)
        error = math.sqrt(rest[0] / (len(x) - 2) * np.linalg.inv(design.T @ design)[0, 0])
        assert math.isclose(found.standard_error, error, abs_tol=1e-6)


def test_means_are_over_networks():
    rows = [{"w": w, "value": v} for w, v in (("a", 1.0), ("a", 2.0), ("a", 6.0), ("b", 5.0))]
    found = group(rows, "w")

    assert found["a"][:1] == (3.0,) and found["a"].samples == 3
    assert math.isclose(found["a"].standard_error, math.sqrt(7 / 3))
    assert found["b"].mean == 5.0 and math.isnan(found["b"].standard_error)
    assert math.isnan(estimate([4]).standard_error)


def test_only_networks_trained_to_the_end_count_as_trained(finished):
    rows = trained_rows(finished["volumes"].rows)

    assert {row["widths"] for row in rows} == {"4"} and {row["bias_sd"] for row in rows} == {0.5}
    assert {row["step"] for row in rows} == {0, 1, 2}


def test_numbers_and_commands_are_written_plainly():
    assert number(math.nan, None) == "not defined"
    assert number(0.99871, 0.00042) == "0.99871 ± 0.00042"
    assert number(12.0, 0.0) == "12" and number(3.0, math.inf) == "3"
    assert command("planes", "out", "/a b", False, 0) == "polyrelu experiment planes --out out --data '/a b'"
    assert neurons_of("32x16") == 48
