"""Training and measuring the networks of a plan, in processes of their own.

Each worker computes with one thread of linear algebra: the matrices are small, and threads that wait for each other
made training on two busy processors fifty times slower.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019, section 5.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError, PolyreluError
from ...network import ReluNetwork
from ...readers import load, save
from ..image_data import ImageData, image_data
from ..tracking import track
from ..trainer import train
from .plan import BATCH, Key, Plan, Unit
from .store import COLUMNS, Row

Part = tuple[Key, list[Row]]
# What OpenBLAS, MKL, OpenMP and Accelerate read when they are loaded.
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# Seconds between two looks whether all workers are alive.
PATIENCE = 1.0


class Task(NamedTuple):
    """What every worker is told.

    Attributes
    ----------
    plan : Plan
    data : str or ImageData
        A name or a folder, which each worker reads itself, or the images.
    seed : int
    directory : Path
        For the networks that are kept.
    name : str
        Of the experiment.
    """

    plan: Plan
    data: str | ImageData
    seed: int
    directory: Path
    name: str

    def network_file(self, step: int) -> Path:
        """Return where a network is kept for pictures."""
        return self.directory / f"{self.name}-step-{step}.npz"

    def network(self, step: int) -> ReluNetwork:
        """Return a network that was kept."""
        return load(self.network_file(step))


def missing_steps(task: Task, unit: Unit, images: int, done: Collection[Key]) -> list[int]:
    """Return the steps at which a network is still to be measured."""
    return [
        step for step in unit.steps(images)
        if unit.key(step) not in done or (unit.kept and not task.network_file(step).exists())
    ]  # fmt: skip


def measure(task: Task, unit: Unit, steps: Sequence[int], data: ImageData) -> Iterator[Part]:
    """Train a network and yield one part for each of the steps."""
    noisy = data.with_label_noise(unit.noise, task.seed + unit.run) if unit.noise else data
    seed = unit.seed(task.seed)
    wanted, per_epoch = set(steps), math.ceil(len(data.train_x) / BATCH)
    # each look is the first step from an epoch on: half a step earlier, so that rounding plays no part
    looks = [max(0.0, step - 0.5) / per_epoch for step in sorted(steps)]
    settings: dict[str, Any] = {"epochs": looks[-1], "checkpoints": looks, "batch": BATCH, "bias_sd": unit.bias_sd}
    samples: dict[str, Any] = dict(task.plan.samples)
    for seen in train(unit.widths, noisy, seed=seed, **settings):
        if seen.step not in wanted:
            continue
        rows = list(track([seen], data, measures=task.plan.measures, seed=seed, **samples))
        head: Row = {"widths": unit.key(0)[0], "depth": len(unit.widths), "bias_sd": unit.bias_sd,
                     "noise": unit.noise, "run": unit.run}  # fmt: skip
        if unit.kept:
            save(seen.network, task.network_file(seen.step))
        yield unit.key(seen.step), [{name: (head | row)[name] for name in COLUMNS} for row in rows]


def all_parts(task: Task, jobs: Sequence[tuple[Unit, list[int]]], data: ImageData, workers: int) -> Iterator[Part]:
    """Yield the parts of all jobs as they are finished; 0 workers compute them in this process.

    Raises
    ------
    PolyreluError
        What a worker raised.
    InputError
        A worker that was killed, from outside or for want of memory.
    """
    if workers == 0:
        for unit, steps in jobs:
            yield from measure(task, unit, steps, data)
        return
    # workers are started afresh: a copy of this process would take over the state of its threads
    context = multiprocessing.get_context("spawn")
    todo, found = context.Queue(), context.Queue()
    for job in jobs:
        todo.put(job)
    crew = []
    for _ in range(min(workers, len(jobs))):
        crew.append(context.Process(target=_serve, args=(task, todo, found), daemon=True))
        todo.put(None)
    try:
        with _settings_of_workers():
            for process in crew:
                process.start()
        idle = 0
        while idle < len(crew):
            answer = _next(found, crew)
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                idle += 1
            else:
                yield answer
    finally:
        for process in crew:
            if process.pid is not None:
                process.terminate()
                process.join()
        for line in (todo, found):
            line.cancel_join_thread()
            line.close()


def _next(found: Any, crew: Sequence[Any]) -> Any:
    while True:
        # asked before the queue is: what a worker put there before it ended is still taken
        ended = [process.exitcode for process in crew if process.exitcode not in (None, 0)]
        try:
            return found.get(timeout=PATIENCE)
        except queue.Empty:
            if ended:
                raise InputError(
                    f"a worker ended with code {ended[0]} (killed, or out of memory); "
                    "what was finished is kept: give the same command to go on, with fewer --workers"
                ) from None


@contextlib.contextmanager
def _settings_of_workers() -> Iterator[None]:
    """Let processes started meanwhile compute with one thread, unless the user has said otherwise, and miss Ctrl-C.

    Ctrl-C is for the process that started them, which ends them.
    """
    mine = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(mine, "1"))
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
        for name in mine:
            os.environ.pop(name, None)


def _serve(task: Task, todo: Any, found: Any) -> None:
    """Work off jobs until there are none: the body of a worker."""
    threading.Thread(target=_follow, args=(multiprocessing.parent_process(),), daemon=True).start()
    try:
        data = task.data if isinstance(task.data, ImageData) else image_data(task.data)
        for unit, steps in iter(todo.get, None):
            for part in measure(task, unit, steps, data):
                found.put(part)
        found.put(None)
    except PolyreluError as error:
        found.put(error)
    except Exception:
        found.put(RuntimeError(f"a worker failed:\n{traceback.format_exc()}"))


def _follow(parent: Any) -> None:
    """Leave when the process that started this one is gone, killed before it could end its workers."""
    parent.join()
    os._exit(1)


Announce = Callable[[int, int], object]


class Bar:
    """A progress line on a terminal, a callback for programs, silence elsewhere."""

    def __init__(self, wanted: bool | Announce, name: str, done: int, total: int):
        self._call = wanted if callable(wanted) else None
        self._bar = None
        self._done, self._total = done, total
        if wanted and self._call is None and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, initial=done, desc=name, unit="look", dynamic_ncols=True, leave=False,
                bar_format="{desc}: {n_fmt} of {total_fmt} looks in {elapsed}, about {remaining} left |{bar}|",
            )  # fmt: skip

    def step(self) -> None:
        """Count one more part."""
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        if self._call is not None:
            self._call(self._done, self._total)

    def close(self) -> None:
        """Remove the line."""
        if self._bar is not None:
            self._bar.close()
