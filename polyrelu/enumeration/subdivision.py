"""Subdivision: the domain is cut neuron by neuron, layer by layer, into the activation regions.

The domain is one cell with its vertices. A neuron whose form takes both signs on the vertices of a cell cuts it in two;
neurons of one layer are affine on every cell that the layers before have left, so their order is free. The search
goes depth first (:func:`polyrelu.enumeration.cutting.subdivide`): memory does not grow with the number of regions.

A *task* is a stack of cells. It is worked on until a budget is spent; what is left comes back and is split when
workers would be idle, so that uneven subtrees balance themselves. Nothing depends on who works, or when: a result is a
set of regions, sorted by pattern. What is left after every task is a stack again, which is what a checkpoint holds.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..complex import Found
from ..errors import CertificationError, InputError, PolyreluError
from ..network import ReluNetwork
from ..polytope import Box, HPolytope
from .checkpoint import Checkpoint
from .cutting import CROWDED, EXACT, PRODUCTS, SIGNS, STUCK, TALLIES, Ints, Problem, cross_facets, subdivide
from .problem import Stack, build_problem
from .progress import Progress, Wanted

# Seconds that a task should take: threads answer Ctrl-C and balance sooner, other executors pay for every message.
THREAD_SECONDS, EXECUTOR_SECONDS = 0.2, 2.0
# And at least so many for every million weights: a task begins with sums over all of them.
SECONDS_PER_MILLION = 1.0
FIRST_BUDGET = 100_000
TRIES = 3


class Outcome(NamedTuple):
    """What one task found: its tally, the stack that is left (or None), and the regions if they were asked for."""

    tally: Ints
    rest: Stack | None
    regions: tuple[npt.NDArray[Any], ...]
    seconds: float


def run_task(
    problem: Problem,
    stack: Stack,
    budget: int,
    listing: bool,
    careful: bool = True,
    goal: Sequence[int] = (),
) -> Outcome:
    """Work off a stack until it is empty or the budget is spent: in a thread, a process, on a cluster."""
    began = time.perf_counter()
    groups = np.array(goal, dtype=np.int64)
    while True:
        code, tally, bits, starts, ints, floats, masks, *regions = subdivide(
            problem, stack.bits, stack.words, stack.starts, stack.ints, stack.floats, stack.masks, budget, listing,
            careful, groups,
        )  # fmt: skip
        if code == STUCK:
            raise CertificationError("a vertex of a cell lies on no d independent rows")
        if code != CROWDED:
            break
        stack = stack.rebuilt(stack.frames(), 2 * stack.words)
    rest = Stack(bits, stack.words, starts, ints, floats, masks) if len(starts) else None
    return Outcome(tally, rest, tuple(regions), time.perf_counter() - began)


@functools.cache
def load() -> None:
    """Compile the kernels, or load them from the cache, before anybody looks at the clock."""
    problem, root, _ = build_problem(ReluNetwork([[[1]], [[1]]], [[0], [0]]), Box([-1], [1]))
    run_task(problem, root, FIRST_BUDGET, False)


@dataclass
class _Task:
    stack: Stack
    tries: int = 0
    volume: float | None = None


@dataclass
class Totals:
    """The sum of all finished tasks. ``tally`` is as in :mod:`polyrelu.enumeration.cutting`."""

    tally: Ints
    segments: list[tuple[npt.NDArray[Any], ...]] = field(default_factory=list)
    complete: bool = True

    @property
    def by_layer(self) -> tuple[int, ...]:
        """Number of cells after each layer."""
        return tuple(self.tally[TALLIES:].tolist())

    @property
    def signs(self) -> int:
        """Number of signs that were taken."""
        return int(self.tally[SIGNS])

    @property
    def exact_signs(self) -> int:
        """Number of signs that needed integers."""
        return int(self.tally[EXACT])


class Search:
    """One run of the subdivision: hands out tasks, collects what they find, keeps the checkpoint.

    With a ``goal`` the last layer of the network is not cut: its rows ``goal[g] .. goal[g + 1] - 1`` are group g, and
    cells on which every group has a row that is positive throughout are dropped as early as bounds prove it. The
    others are handed to ``examine`` task by task (as in :class:`Outcome`), which ends the search by returning True.
    ``seconds`` bounds the time of a search.
    """

    def __init__(
        self,
        net: ReluNetwork,
        domain: HPolytope,
        *,
        listing: bool,
        workers: int | None = None,
        executor: Executor | None = None,
        limit: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: Wanted = True,
        goal: Sequence[int] = (),
        examine: Callable[[tuple[npt.NDArray[Any], ...]], bool] | None = None,
        seconds: float | None = None,
    ):
        self.net, self.listing, self.limit = net, listing, limit
        self.goal, self.examine = tuple(goal), examine
        self.deadline = None if seconds is None else time.perf_counter() + seconds
        self.problem, root, self.walls = build_problem(net, domain)
        self.totals = Totals(np.zeros(TALLIES + len(self.problem.inexact), dtype=np.int64))
        self.pending = [_Task(root)]
        self.whole = root
        self.executor = executor
        self.workers = workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        self.seconds = THREAD_SECONDS if executor is None else EXECUTOR_SECONDS
        self.seconds = max(self.seconds, SECONDS_PER_MILLION * len(self.problem.read_source) / 10**6)
        self.speed = 0.0
        self.progress = progress
        self.owned: list[Executor] = []
        self.interrupted = self.ended = False
        self.volume: float | None = None
        self.checkpoint = None
        if checkpoint is not None:
            self.checkpoint = Checkpoint(checkpoint, net, domain, listing)
            saved = self.checkpoint.load()
            if saved is not None:
                self.totals.tally, stacks = saved
                self.pending = [_Task(stack) for stack in stacks]

    def run(self) -> Totals:
        """Run until nothing is left, the limit is reached, or Ctrl-C."""
        if self.executor is None:
            self.executor = ThreadPoolExecutor(self.workers)
            self.owned.append(self.executor)
        bar = Progress(self.progress, "Ctrl-C stops" if self.checkpoint is None else "Ctrl-C stops; run again to go on")
        running: dict[Future[Outcome], _Task] = {}
        try:
            with self._listening():
                while (self.pending or running) and not self._enough() and not self.interrupted:
                    self._submit(running)
                    done, _ = wait(running, timeout=Progress.INTERVAL, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._collect(future, running.pop(future))
                    if bar.due:
                        bar.update(self.regions, self._fraction(running))
                    if self.checkpoint is not None and self.checkpoint.due:
                        self._save(running)
                self.totals.complete = not self.pending and not running
                if self.totals.complete:
                    bar.update(self.regions, 1.0, last=True)
                if self.checkpoint is not None:
                    self._save(running)
        finally:
            for future in running:
                future.cancel()
            for pool in self.owned:
                pool.shutdown(wait=True, cancel_futures=True)
            bar.close()
        if self.checkpoint is not None and self.listing:
            self.totals.segments = self.checkpoint.segments()
        return self.totals

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Let Ctrl-C end the search between two steps, never inside one; a second one is an ordinary interruption."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(*_: object) -> None:
            self.interrupted = True
            signal.signal(signal.SIGINT, before)

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def regions(self) -> int:
        """Regions found so far."""
        layers = len(self.problem.inexact)
        return int(self.totals.tally[-1]) if layers else int(not self.pending)

    def _enough(self) -> bool:
        if self.deadline is not None and time.perf_counter() >= self.deadline:
            return True
        return self.ended or (self.limit is not None and self.regions >= self.limit)

    def _submit(self, running: dict[Future[Outcome], _Task]) -> None:
        budget = FIRST_BUDGET if not self.speed else max(FIRST_BUDGET, int(self.speed * self.seconds))
        slots = self.workers if self._threads else 2 * self.workers
        while self.pending and len(running) < slots and not self.interrupted:
            idle = slots - len(running) - len(self.pending)
            task = self.pending.pop()
            if idle > 0 and len(task.stack.starts) > 1:
                self.pending += [_Task(stack, task.tries) for stack in reversed(task.stack.split(idle + 1))]
                task = self.pending.pop()
            assert self.executor is not None
            try:
                future = self.executor.submit(run_task, self.problem, task.stack, budget, self.listing, True, self.goal)
            except BrokenProcessPool:
                self.pending.append(task)
                self._replace_pool()
                continue
            except Exception:
                self._try_again(task)
                continue
            running[future] = task

    @property
    def _threads(self) -> bool:
        return isinstance(self.executor, ThreadPoolExecutor)

    def _collect(self, future: Future[Outcome], task: _Task) -> None:
        try:
            outcome = future.result()
        except (PolyreluError, MemoryError):
            raise
        except BrokenProcessPool:
            # somebody's worker died; whose, a broken pool does not tell
            self.pending.append(task)
            self._replace_pool()
            return
        except KeyboardInterrupt:
            # Ctrl-C reached the worker as well, as it does all processes of a terminal
            self.pending.append(task)
            self.interrupted = True
            return
        except Exception:
            self._try_again(task)
            return
        self.totals.tally += outcome.tally
        if self.examine is not None:
            self.ended = self.ended or (len(outcome.regions[0]) > 0 and self.examine(outcome.regions))
        elif self.listing and len(outcome.regions[0]):
            (self.checkpoint.segment if self.checkpoint is not None else self.totals.segments).append(outcome.regions)
        effort = float(outcome.tally[SIGNS] + outcome.tally[PRODUCTS] // 4 + 100 * outcome.tally[EXACT])
        if outcome.seconds > 0:
            self.speed = effort / outcome.seconds
        if outcome.rest is not None:
            self.pending.append(_Task(outcome.rest))

    def _try_again(self, task: _Task) -> None:
        """Put a task back whose executor failed it, for a reason of its own; a task that fails always is an error."""
        task.tries += 1
        if task.tries >= TRIES:
            raise
        self.pending.append(task)

    def _replace_pool(self) -> None:
        """Go on with a fresh pool of the same kind: a process pool that lost a worker takes no more work."""
        broken = self.executor
        if not isinstance(broken, ProcessPoolExecutor):
            raise InputError("the executor is broken; give a new one (with checkpoint= nothing is lost)")
        if not getattr(broken, "_broken", False):
            return
        if len(self.owned) >= TRIES:
            raise CertificationError("worker processes keep dying; is there enough memory for the workers?")
        logging.getLogger(__name__).warning("a worker process died; its task is run again in a new pool")
        old: Any = broken  # made like this one
        fresh = ProcessPoolExecutor(
            old._max_workers, old._mp_context, old._initializer, old._initargs,
            max_tasks_per_child=old._max_tasks_per_child,
        )  # fmt: skip
        self.executor = fresh
        self.owned.append(fresh)

    def _save(self, running: dict[Future[Outcome], _Task]) -> None:
        assert self.checkpoint is not None
        waiting = [task.stack for task in (*self.pending, *running.values())]
        self.checkpoint.save(self.totals.tally, waiting)

    def _fraction(self, running: dict[Future[Outcome], _Task]) -> float:
        if self.volume is None:
            self.volume = self.whole.volume()
        left = 0.0
        for task in (*self.pending, *running.values()):
            if task.volume is None:
                task.volume = task.stack.volume()
            left += task.volume
        return min(1.0, max(0.0, 1.0 - left / self.volume)) if self.volume > 0 else 0.0

    # -- regions with their facets ----------------------------------------------------
    def found(self) -> Found:
        """Return all regions with their facets, and the pattern beyond each facet."""
        width = (self.net.neurons + 7) // 8
        empty = (np.zeros((0, width), np.uint8), *(np.zeros(0, np.int64) for _ in range(5)))
        packed, facet_count, group_size, rows, zero_count, zeros = (
            np.concatenate(part) for part in zip(empty, *self.totals.segments, strict=True)
        )
        N = self.net.neurons
        stops = np.cumsum(group_size)
        lead, last = rows[stops - group_size], rows[stops - 1]
        wall = last >= N
        region = np.repeat(np.arange(len(packed)), facet_count)
        beyond = packed[region]
        plain = ~wall & (group_size == 1) & (zero_count[region] == 0)
        at = np.flatnonzero(plain)
        beyond[at, lead[at] // 8] ^= (128 >> (lead[at] % 8)).astype(np.uint8)
        hard = np.flatnonzero(~wall & ~plain)
        if len(hard):
            zero_stops = np.cumsum(zero_count)
            vanishing = [
                np.append(np.sort(np.append(rows[stops[f] - group_size[f] : stops[f]],
                                            zeros[zero_stops[r] - zero_count[r] : zero_stops[r]])), lead[f])
                for f, r in zip(hard.tolist(), region[hard].tolist(), strict=True)
            ]  # fmt: skip
            start = np.concatenate([[0], np.cumsum([len(part) for part in vanishing])]).astype(np.int64)
            across = np.zeros((len(hard), width), dtype=np.uint8)
            cross_facets(self.problem, packed, region[hard], start, np.concatenate(vanishing), across)
            beyond[hard] = across
        numbers = np.array(self.walls, dtype=np.int64)
        named = rows.copy()
        named[rows >= N] = N + numbers[rows[rows >= N] - N]
        return Found(packed, facet_count, group_size, named, wall, beyond, self.totals.exact_signs)

