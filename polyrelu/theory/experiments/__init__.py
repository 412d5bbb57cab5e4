"""The experiments of Hanin and Rolnick 2019, each a command that measures, draws and writes a page.

Each trains networks on images, looks at them at chosen epochs and counts their regions exactly. Rows go to a table on
the disk as they are finished, so that a run that was stopped goes on; at the end a page shows figures in the paper's
form and numbers with standard errors.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019.
B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, 2019.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError, suggestion
from ...readers.files import as_path, require
from ..image_data import ImageData, image_data
from . import depth, distances, lines, planes, training, volumes
from .plan import Plan
from .store import Store, written
from .summary import Finding
from .work import Announce, Bar, Task, all_parts, missing_steps

__all__ = ["EXPERIMENTS", "Report", "experiment_named", "run_experiment"]

EXPERIMENTS = {e.name: e for e in (
    lines.EXPERIMENT, distances.EXPERIMENT, planes.EXPERIMENT, volumes.EXPERIMENT, training.EXPERIMENT,
    depth.EXPERIMENT,
)}  # fmt: skip


class Report(NamedTuple):
    """What a run of an experiment has done.

    Attributes
    ----------
    name : str
    directory : Path
    complete : bool
        False if Ctrl-C ended it early; the same call goes on from there.
    looks, total : int
        Looks at networks that are finished, of how many.
    computed : int
        Those that this run has computed.
    rows : list of dict
        As in the table.
    findings : list of Finding
        The main numbers; none before it is complete.
    page : Path or None
    figures : list of Path
    csv : Path
    seconds : float
    """

    name: str
    directory: Path
    complete: bool
    looks: int
    total: int
    computed: int
    rows: list[dict[str, Any]]
    findings: list[Finding]
    page: Path | None
    figures: list[Path]
    csv: Path
    seconds: float


def experiment_named(name: str) -> Any:
    """Return an experiment.

    Raises
    ------
    InputError
        There is none of this name.

    Examples
    --------
    >>> experiment_named("plains")
    Traceback (most recent call last):
    polyrelu.errors.InputError: there is no experiment 'plains'; choose one of lines, ...; did you mean 'planes'?
    """
    if name not in EXPERIMENTS:
        choice = f"choose one of {', '.join(EXPERIMENTS)}"
        raise InputError(f"there is no experiment {str(name)[:40]!r}; {choice}{suggestion(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]


def run_experiment(
    name: str,
    out: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | ImageData = "digits",
    full: bool = False,
    seed: int = 0,
    workers: int | None = None,
    progress: bool | Announce = True,
    plan: Plan | None = None,
) -> Report:
    """Run an experiment, or go on with it, and write its table, its figures and its page.

    Parameters
    ----------
    name : {"lines", "distances", "planes", "volumes", "training", "depth"}
    out : path
        A directory, made if it does not exist: ``NAME.csv`` gets the rows, ``NAME.json`` the settings, ``NAME.html``
        the page, beside it the figures.
    data : str, path or ImageData
        "digits", a folder with MNIST (:mod:`polyrelu.theory.image_data`), or images.
    full : bool
        The paper's architectures and repetitions in place of a run of minutes.
    seed : int
        Of all networks and samples.
    workers : int, optional
        Processes; all processors by default. 0 computes in this process.
    progress : bool or callable
        True shows a line if stderr is a terminal; a function is called with (finished, total).
    plan : Plan, optional
        Other sizes.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        An unknown name, a directory with results of other settings, data that cannot be read.
    MissingDependency
        matplotlib is not installed, or scikit-learn for the digits.

    Notes
    -----
    Exactness: counts are *exact*, each row says how exact it is; figures and means are *float*. The same settings give
    the same rows, in the same order, whatever the number of workers and the interruptions, as far as the linear
    algebra of the training rounds alike. Worker processes are started afresh: a script calls this under
    ``if __name__ == "__main__":``.

    References
    ----------
    B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 5.

    Examples
    --------
    Networks of six neurons on random images, at initialisation and after one epoch:

    >>> import numpy as np, tempfile
    >>> x = np.random.default_rng(0).random((60, 4))
    >>> data = ImageData(x, np.arange(60) % 3, x, np.arange(60) % 3, (2, 2), "noise", 3)
    >>> small = Plan(("lines",), ((3, 3),), 2, ((3, 3),), 1, (0, 1), {"lines": 2})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = run_experiment("lines", folder, data=data, plan=small, workers=0)
    ...     report.complete, report.looks, report.page.name, len(report.rows)
    (True, 3, 'lines.html', 3)
    """
    began = time.perf_counter()
    experiment = experiment_named(name)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 up")
    if workers is not None and (not isinstance(workers, int) or isinstance(workers, bool) or workers < 0):
        raise InputError(f"workers is {workers!r}; give a whole number from 1 up, 0 for this process, or None")
    require("matplotlib.figure", "plot")
    source = data if isinstance(data, ImageData) else str(data)
    images = image_data(source) if isinstance(source, str) else source
    chosen = experiment.plan(full, images) if plan is None else plan
    settings = {"full": bool(full), "seed": seed, "data": _described(images), "plan": chosen.as_json()}
    store = Store(as_path(out), name, settings)
    task = Task(chosen, source, seed, store.directory, name)

    units, count = list(chosen.units()), len(images.train_x)
    keys = [unit.key(step) for unit in units for step in unit.steps(count)]
    jobs = [(unit, steps) for unit in units if (steps := missing_steps(task, unit, count, store.parts))]
    todo = sum(len(steps) for _, steps in jobs)
    # the largest networks first: nobody waits for one of them at the end
    jobs.sort(key=lambda job: -sum(job[0].widths) * len(job[1]))
    bar = Bar(progress, name, len(keys) - todo, len(keys))
    computed, complete = 0, True
    try:
        for key, rows in all_parts(task, jobs, images, (os.cpu_count() or 1) if workers is None else workers):
            if key not in store.parts:
                store.add(key, rows)
            computed += 1
            bar.step()
    except KeyboardInterrupt:
        complete = False
    finally:
        bar.close()
    if complete:
        store.sort(keys)
    found: list[Finding] = []
    page: Path | None = None
    files: list[Path] = []
    if complete:
        found = experiment.findings(store.rows())
        again = _again(name, store.directory, data, full, seed, plan)
        page, files = _write(experiment, store, task, images, found, settings, again)
    seconds = time.perf_counter() - began
    return Report(
        name, store.directory, complete, len(keys) - todo + computed, len(keys), computed, store.rows(), found, page,
        files, store.csv, seconds,
    )  # fmt: skip


def _write(
    experiment: Any, store: Store, task: Task, images: ImageData, found: list[Finding], settings: dict[str, Any],
    again: str,
) -> tuple[Path, list[Path]]:
    """Draw the figures, and write them and the page."""
    from ... import __version__
    from . import figures
    from .page import make_page

    content: dict[str, dict[str, bytes]] = {}
    with figures.style():
        for name, figure in experiment.draw(store.rows(), task, images).items():
            content[name] = {kind: figures.encode(figure, kind) for kind in ("svg", "png")}
    files = [
        written(store.directory, f"{name}.{kind}", data)
        for name, kinds in content.items() for kind, data in kinds.items()
    ]  # fmt: skip
    page = make_page(experiment, found, content, settings, again, __version__)
    return written(store.directory, f"{experiment.name}.html", page), files


def _described(images: ImageData) -> dict[str, Any]:
    """Return what tells these images from others."""
    digest = hashlib.sha256()
    for array in (images.train_x, images.train_y, images.test_x, images.test_y):
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(array.tobytes())
    text = f"{images.name}: {len(images.train_x)} images to train and {len(images.test_x)} to test, "
    text += f"{images.shape[0]} x {images.shape[1]} pixels, {images.classes} classes"
    return {"text": text, "sha256": digest.hexdigest()}


def _again(name: str, directory: Path, data: Any, full: bool, seed: int, plan: Plan | None) -> str:
    from .page import command

    if plan is not None or isinstance(data, ImageData):
        return f"polyrelu.theory.run_experiment({name!r}, {str(directory)!r}, ..) with the plan and the data above"
    return command(name, str(directory), str(data), full, seed)
