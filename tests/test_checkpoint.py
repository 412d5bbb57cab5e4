"""Runs that are killed go on where they were, and end as if nothing had happened."""

from __future__ import annotations

import json
import math
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import networks
import numpy as np
import pytest
from networks import cube
from test_regions import arrays

import polyrelu as pr
from polyrelu.enumeration import checkpoint, subdivision

NAMES = ["packed", "facet_ptr", "facet_neighbor", "row_ptr", "facet_row"]
HERE = Path(__file__).resolve().parent
NETS = {
    "generic": (lambda: networks.he_network((3, 20, 20, 1), seed=1), cube(3, -1, 1)),
    "degenerate": (lambda: networks.tents(3, 2), cube(2, -1, 2)),
}


def enumerate_all(net, spec, **options):
    return pr.enumerate_regions(net, pr.Box(*spec), "subdivision", **{"progress": False, **options})


def count_all(net, spec, **options):
    return pr.count_regions(net, pr.Box(*spec), "subdivision", **{"progress": False, **options})


TASKS = {"enumerate": enumerate_all, "count": count_all}


def summary(result):
    """Return what must not depend on interruptions."""
    if isinstance(result, pr.RegionComplex):
        return arrays(result, interior=False), result.complete
    return int(result), result.by_layer, result.complete


@pytest.fixture(scope="module")
def expected():
    """Return what every task gives in one go without a checkpoint."""
    return {
        (name, task): summary(run(make(), spec)) for name, (make, spec) in NETS.items() for task, run in TASKS.items()
    }


@pytest.fixture
def busy(monkeypatch):
    """Save after every step, and let a task end after little work."""
    monkeypatch.setattr(checkpoint.Checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr(subdivision, "FIRST_BUDGET", 3000)
    monkeypatch.setattr(subdivision, "THREAD_SECONDS", 0.0)


def interrupted_after(reports, run, net, spec, directory):
    """Run with a checkpoint and press Ctrl-C at the given report of progress."""
    seen = []

    def press(status):
        seen.append(status)
        if len(seen) == reports:
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subdivision.Progress, "INTERVAL", 0.0)
        return run(net, spec, checkpoint=directory, progress=press, workers=2)


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def state(directory):
    with np.load(directory / "state.npz") as archive:
        return {name: archive[name] for name in archive.files}


def rewrite(directory, **changes):
    """Change entries of the header of a state."""
    content = state(directory)
    header = json.loads(content["meta"].tobytes()) | changes
    np.savez(directory / "state.npz", **content | {"meta": np.frombuffer(json.dumps(header).encode(), np.uint8)})


# -- SIGKILL --------------------------------------------------------------------------
SCRIPT = textwrap.dedent(
    """
    import os, signal, sys, time
    sys.path.insert(0, sys.argv[1])
    import numpy as np, networks, polyrelu as pr
    import test_checkpoint as here
    from polyrelu.enumeration import checkpoint, subdivision

    checkpoint.Checkpoint.INTERVAL = 0.02
    run_task = subdivision.run_task

    def slow(*arguments):
        time.sleep(0.02)
        return run_task(*arguments)

    def run(directory, name, task):
        make, spec = here.NETS[name]
        subdivision.FIRST_BUDGET, subdivision.THREAD_SECONDS = {"generic": 3000, "degenerate": 300}[name], 0.0
        result = here.TASKS[task](make(), spec, checkpoint=directory, workers=2)
        out = {n: getattr(result, n) for n in here.NAMES} if task == "enumerate" else {"by_layer": result.by_layer}
        np.savez(directory + ".result.npz", complete=result.complete, **out)

    subdivision.run_task = slow
    for task in here.TASKS.values():
        task(networks.coordinate(2), here.cube(2, -1, 1), workers=1)  # the kernels are loaded, no thread is started
    for line in sys.stdin:
        seconds, *words = line.rstrip("\\n").split("\\t")
        process = os.fork()
        if not process:
            signal.alarm(120)
            try:
                run(*words)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        if float(seconds) < 120:
            time.sleep(float(seconds))
            os.kill(process, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
    """
)


@pytest.fixture(scope="module")
def forks():
    """Return a function that runs a task in a process of its own and kills it after some seconds.

    The processes are forks of one that has loaded everything, which takes far longer than the runs.
    """
    words = [sys.executable, "-c", SCRIPT, str(HERE)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:

        def run(directory, name, task, seconds=math.inf):
            print(seconds, directory, name, task, sep="\t", file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        yield run
        parent.stdin.close()


@pytest.mark.parametrize(
    ("name", "task"), [("generic", "enumerate"), ("generic", "count"), ("degenerate", "enumerate")]
)
def test_runs_that_are_killed_end_as_if_nothing_had_happened(name, task, tmp_path, expected, forks):
    """Kill a process at moments of its run, whatever it does just then, and start it again on what it left."""
    directory, result = tmp_path / "run", tmp_path / "run.result.npz"
    moments = random.Random(f"{name} {task}")
    kills = 0
    for _ in range(2):
        kills += forks(directory, name, task, moments.uniform(0.03, 0.25)) == -signal.SIGKILL
        if result.exists():
            break
    code = forks(directory, name, task)
    make, spec = NETS[name]
    with np.load(result) as archive:
        found = {key: archive[key] for key in archive.files}

    assert code == 0 and kills > 0
    if task == "enumerate":
        assert ({key: found[key].tobytes() for key in NAMES}, bool(found["complete"])) == expected[name, task]
    else:
        by_layer = tuple(found["by_layer"].tolist())
        assert (by_layer[-1], by_layer, bool(found["complete"])) == expected[name, task]
    # what it left serves this process too, and is finished
    assert summary(TASKS[task](make(), spec, checkpoint=directory)) == expected[name, task]
    assert state(directory)["starts"].size == 0


def test_a_temporary_file_of_a_killed_run_goes_away(tmp_path):
    """Killed while it wrote: the half of a file is of no use to anybody."""
    directory = tmp_path / "run"
    directory.mkdir()
    left = directory / f".state.npz.{'0' * 32}.tmp"
    left.write_bytes(b"half of a file")
    count_all(networks.coordinate(2), cube(2, -1, 1), checkpoint=directory)

    assert files(directory) == ["state.npz"]


# -- Ctrl-C ---------------------------------------------------------------------------
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NETS)
def test_runs_that_are_interrupted_go_on(name, task, tmp_path, expected, busy):
    """Ctrl-C again and again; what is found grows, and nothing is found twice."""
    make, spec = NETS[name]
    run, sizes = TASKS[task], [0]
    for _ in range(50):
        result = interrupted_after(4, run, make(), spec, tmp_path)
        sizes.append(len(result) if task == "enumerate" else int(result))
        if result.complete:
            break
        assert sizes[-1] > sizes[-2]
        if len(sizes) == 6:
            break
    assert len(sizes) > 2
    assert summary(run(make(), spec, checkpoint=tmp_path)) == expected[name, task]


def test_an_interrupted_enumeration_returns_all_that_was_ever_found(tmp_path, busy):
    """Regions of earlier runs come from the directory; facets to regions that are still unknown are open."""
    net, spec = NETS["generic"][0](), NETS["generic"][1]
    whole = enumerate_all(net, spec)
    first = interrupted_after(3, enumerate_all, net, spec, tmp_path)
    second = interrupted_after(3, enumerate_all, net, spec, tmp_path)
    patterns = [{row.tobytes() for row in cx.packed} for cx in (first, second, whole)]

    assert not first.complete and not second.complete
    assert patterns[0] < patterns[1] < patterns[2]
    assert -2 in second.facet_neighbor.tolist() and -2 not in whole.facet_neighbor.tolist()


def test_limits_of_one_run_do_not_bind_the_next(tmp_path, busy):
    net, spec = NETS["generic"][0](), NETS["generic"][1]
    whole = count_all(net, spec)
    for limit in (10, 200, 1000):
        n = count_all(net, spec, limit=limit, checkpoint=tmp_path)
        assert (n, n.complete) == (limit, False)

    assert summary(count_all(net, spec, checkpoint=tmp_path)) == summary(whole)


# -- finished checkpoints -------------------------------------------------------------
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NETS)
def test_a_finished_checkpoint_is_the_result(name, task, tmp_path, expected, busy, monkeypatch):
    """The same at once, from any process and with any number of workers: no task is run."""
    make, spec = NETS[name]
    first = TASKS[task](make(), spec, checkpoint=tmp_path / "a" / "b")
    before = files(tmp_path / "a" / "b")
    submitted = []
    monkeypatch.setattr(subdivision.Search, "_submit", lambda *arguments: submitted.append(arguments))
    again = TASKS[task](make(), spec, checkpoint=str(tmp_path / "a" / "b"), workers=1)

    assert summary(first) == summary(again) == expected[name, task]
    assert submitted == [] and files(tmp_path / "a" / "b") == before
    if task == "count":
        assert (again.signs, again.exact_signs) == (first.signs, first.exact_signs)
    else:
        assert again.settled_exactly == first.settled_exactly


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_small_searches_leave_a_state_and_nothing_else(task, hidden, tmp_path):
    net = networks.he_network((2, *[3] * hidden, 1))
    for _ in range(2):
        result = TASKS[task](net, cube(2, -1, 1), checkpoint=tmp_path)
        assert summary(result) == summary(TASKS[task](net, cube(2, -1, 1)))

    assert files(tmp_path) == ["regions-000000.npz"] * (task == "enumerate") + ["state.npz"]


def test_files_are_numbered_in_the_order_in_which_they_are_written(tmp_path, busy):
    make, spec = NETS["generic"]
    enumerate_all(make(), spec, checkpoint=tmp_path)
    header = json.loads(state(tmp_path)["meta"].tobytes())

    assert header["segments"] > 3 and header["complete"] is True
    assert files(tmp_path) == [f"regions-{k:06d}.npz" for k in range(header["segments"])] + ["state.npz"]


def test_regions_written_after_the_last_state_are_found_again(tmp_path, busy, expected):
    """Killed between a segment and the state that counts it: the segment is overwritten, not read."""
    make, spec = NETS["generic"]
    interrupted_after(3, enumerate_all, make(), spec, tmp_path)
    number = json.loads(state(tmp_path)["meta"].tobytes())["segments"]
    shutil.copy(tmp_path / "regions-000000.npz", tmp_path / f"regions-{number:06d}.npz")

    assert summary(enumerate_all(make(), spec, checkpoint=tmp_path)) == expected["generic", "enumerate"]


def test_stacks_survive_being_written_and_read(tmp_path, busy):
    """Cells of several tasks with different numbers of words."""
    crowd = networks.lines(*[(k, 0, 0) for k in range(1, 50)], *[(0, k, 0) for k in range(1, 50)], (1, 1, 0))
    deep = networks.read([([row[:2] for row in ((1, 0), (0, 1), (1, 1))] * 30, [0] * 90), ([[1] * 90], [-1])])
    for k, net in enumerate((crowd, deep, NETS["generic"][0]())):
        d = net.input_dim
        truth = enumerate_all(net, cube(d, -1, 1))
        interrupted_after(1, enumerate_all, net, cube(d, -1, 1), tmp_path / str(k))
        stacks = checkpoint._unpack_stacks(state(tmp_path / str(k)))
        again = checkpoint._unpack_stacks(checkpoint._pack_stacks(stacks))

        assert [[np.asarray(part).tobytes() for part in s] for s in stacks] == [
            [np.asarray(part).tobytes() for part in s] for s in again
        ]
        assert summary(enumerate_all(net, cube(d, -1, 1), checkpoint=tmp_path / str(k))) == summary(truth)


# -- refused --------------------------------------------------------------------------
@pytest.fixture
def half_done(tmp_path, busy):
    net, spec = NETS["generic"][0](), NETS["generic"][1]
    assert not interrupted_after(2, count_all, net, spec, tmp_path).complete
    return tmp_path


def test_checkpoints_of_other_problems_are_refused_by_name(half_done):
    """Each message says what differs; nothing is touched."""
    net, spec = NETS["generic"][0](), NETS["generic"][1]
    before = (half_done / "state.npz").read_bytes()
    other = networks.he_network((3, 20, 20, 1), seed=2)
    skewed = pr.HPolytope(np.vstack([np.eye(3), -np.eye(3)]), [1, 1, 1, 1, 1, 2])
    for what, run in {
        "network": lambda: count_all(other, spec, checkpoint=half_done),
        "domain": lambda: count_all(net, cube(3, -1, 2), checkpoint=half_done),
        r"task \(count, not enumerate\)": lambda: enumerate_all(net, spec, checkpoint=half_done),
    }.items():
        with pytest.raises(
            pr.InputError, match=f"this is the checkpoint of another {what}; give the same one, or another directory"
        ):
            run()
    with pytest.raises(pr.InputError, match="the checkpoint of another domain"):
        pr.count_regions(net, skewed, "subdivision", checkpoint=half_done, progress=False)

    assert (half_done / "state.npz").read_bytes() == before


def test_a_network_that_differs_in_one_unit_in_the_last_place_is_another(tmp_path):
    half, more = networks.lines((1, 0.5)), networks.lines((1, np.nextafter(0.5, 1)))
    count_all(half, cube(1, -1, 1), checkpoint=tmp_path)

    assert count_all(networks.lines((1, Fraction(1, 2))), cube(1, -1, 1), checkpoint=tmp_path) == 2  # the same number
    with pytest.raises(pr.InputError, match="another network"):
        count_all(more, cube(1, -1, 1), checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, r"another version of the format \(99, not \d+\)"),
        ({"format": "somebody's checkpoint"}, r"another format \(somebody's checkpoint, not polyrelu checkpoint\)"),
        ({"task": "enumerate"}, r"another task \(enumerate, not count\)"),
    ],
)
def test_other_formats_are_refused_by_name(half_done, changes, message):
    rewrite(half_done, **changes)
    with pytest.raises(pr.InputError, match=message):
        count_all(NETS["generic"][0](), NETS["generic"][1], checkpoint=half_done)


# numpy leaves a file open that it cannot read
LEAK = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@LEAK
@pytest.mark.parametrize("damage", ["empty", "half", "text", "flipped", "no meta", "no stacks", "shorter", "directory"])
def test_damaged_states_are_refused(half_done, damage):
    """In one line that names the directory, and says how to start anew."""
    file = half_done / "state.npz"
    content, data = state(half_done), file.read_bytes()
    if damage == "directory":
        file.unlink()
        file.mkdir()
    elif damage == "no meta":
        np.savez(file, **{key: content[key] for key in content if key != "meta"})
    elif damage == "no stacks":
        np.savez(file, **{key: content[key] for key in content if key != "starts"})
    elif damage == "shorter":
        np.savez(file, **{**content, "floats": content["floats"][:-1]})
    else:
        middle = len(data) // 2
        file.write_bytes(
            {
                "empty": b"",
                "half": data[:middle],
                "text": b"not an archive",
                "flipped": data[:middle] + bytes(255 - v for v in data[middle : middle + 64]) + data[middle + 64 :],
            }[damage]
        )
    with pytest.raises(pr.ModelError, match="damaged|cannot be") as caught:
        count_all(NETS["generic"][0](), NETS["generic"][1], checkpoint=half_done)

    assert str(half_done) in str(caught.value) and "\n" not in str(caught.value)


@LEAK
@pytest.mark.parametrize("damage", ["missing", "half"])
def test_damaged_regions_are_refused(tmp_path, damage, busy):
    make, spec = NETS["generic"]
    enumerate_all(make(), spec, checkpoint=tmp_path)
    file = tmp_path / "regions-000001.npz"
    data = file.read_bytes()
    file.unlink()
    if damage == "half":
        file.write_bytes(data[: len(data) // 2])
    with pytest.raises(pr.ModelError, match=r"regions-000001.npz (cannot be read|is damaged)"):
        enumerate_all(make(), spec, checkpoint=tmp_path)


@LEAK
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists open files as Linux does")
def test_damaged_files_are_closed(half_done):
    file = half_done / "state.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(pr.ModelError) as caught:
        count_all(NETS["generic"][0](), NETS["generic"][1], checkpoint=half_done)

    assert caught.value is not None  # whose traceback holds what was open
    assert [link for link in Path("/proc/self/fd").iterdir() if link.exists() and link.resolve() == file] == []


def test_a_file_is_no_directory(tmp_path):
    file = tmp_path / "state"
    file.write_text("mine")
    with pytest.raises(pr.ModelError, match="this cannot be a checkpoint directory: .*; choose another"):
        count_all(networks.coordinate(2), cube(2, -1, 1), checkpoint=file)

    assert file.read_text() == "mine"


def test_a_search_that_fails_leaves_the_last_state(half_done, monkeypatch, expected):
    """An error in a task ends this run, and costs the next one nothing."""
    make, spec = NETS["generic"]

    def fail(*arguments):
        raise pr.CertificationError("in a task")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subdivision.Search, "_collect", fail)
        with pytest.raises(pr.CertificationError, match="in a task"):
            count_all(make(), spec, checkpoint=half_done)

    assert summary(count_all(make(), spec, checkpoint=half_done)) == expected["generic", "count"]
