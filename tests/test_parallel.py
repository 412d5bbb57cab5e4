"""The same result whoever works: threads, processes, a Dask cluster, workers that die; progress; Ctrl-C."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import networks
import numpy as np
import pytest
from networks import cube
from test_regions import arrays

import polyrelu as pr
from polyrelu.enumeration import subdivision
from polyrelu.enumeration.progress import Progress

SPAWN = multiprocessing.get_context("spawn")
BOX = pr.Box(*cube(3, -1, 1))


@pytest.fixture
def small_tasks(monkeypatch):
    """Let tasks end after a few milliseconds, so that there are many."""
    monkeypatch.setattr(subdivision, "FIRST_BUDGET", 20_000)
    monkeypatch.setattr(subdivision, "THREAD_SECONDS", 0.0)
    monkeypatch.setattr(subdivision, "EXECUTOR_SECONDS", 0.0)


@pytest.fixture(scope="module")
def net():
    return networks.he_network((3, 20, 20, 1), seed=1)


@pytest.fixture(scope="module")
def expected(net):
    """Return the arrays of the complex as one thread finds it in one task, and the counts by layer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subdivision, "FIRST_BUDGET", 10**12)
        cx = enumerate_all(net, workers=1)
        n = count_all(net, workers=1)
    assert len(cx) == n > 3000
    return arrays(cx, interior=False), n.by_layer


def enumerate_all(net, box=BOX, **options):
    return pr.enumerate_regions(net, box, "subdivision", **{"progress": False, **options})


def count_all(net, box=BOX, **options):
    return pr.count_regions(net, box, "subdivision", **{"progress": False, **options})


def assert_whole(net, expected, **options):
    """Check that enumeration and count are complete and as expected."""
    cx = enumerate_all(net, **options)
    n = count_all(net, **options)
    table, by_layer = expected

    assert cx.complete and arrays(cx, interior=False) == table
    assert n.complete and n.by_layer == by_layer and n == by_layer[-1]


class Wrapper(Executor):
    """Run tasks in threads, and count them; subclasses interfere."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(2)
        self.calls = 0

    def submit(self, function, /, *arguments, **options):
        self.calls += 1
        return self.pool.submit(function, *arguments, **options)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.pool.shutdown(wait, cancel_futures=cancel_futures)


def failed(error):
    future = Future()
    future.set_exception(error)
    return future


# -- workers --------------------------------------------------------------------------
@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_threads_give_the_same_bytes(net, expected, workers, small_tasks):
    assert_whole(net, expected, workers=workers)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("known", [k for k in networks.KNOWN if k.name in (
    "tents(3, 2) in a box", "max_four() in a box", "montufar((2, 2), 2) in a box", "tent_and_absolute_value() in a box",
)], ids=lambda k: k.name)  # fmt: skip
def test_threads_give_the_same_bytes_for_degenerate_networks(known, workers, monkeypatch):
    monkeypatch.setattr(subdivision, "FIRST_BUDGET", 500)
    monkeypatch.setattr(subdivision, "THREAD_SECONDS", 0.0)
    net, box = known.make(), pr.Box(*known.domain)
    cx = enumerate_all(net, box, workers=workers)

    assert len(cx) == known.count
    assert arrays(cx) == arrays(pr.enumerate_regions(net, box, "bfs", progress=False))


def test_signs_are_counted_whoever_takes_them(net):
    """The tally of one task is that of one worker; nothing of it depends on time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subdivision, "FIRST_BUDGET", 10**12)
        one, two = count_all(net, workers=1), count_all(net, workers=2)

    assert (one.signs, one.exact_signs) == (two.signs, two.exact_signs)
    assert one.signs > one and one.exact_signs == 0


def test_an_executor_of_threads(net, expected, small_tasks):
    with ThreadPoolExecutor(2) as pool:
        assert_whole(net, expected, executor=pool)
        assert pool.submit(int, "7").result() == 7  # still open: it is not ours to close


def test_workers_say_how_many_tasks_an_executor_runs_at_once(net, expected, small_tasks):
    class Counting(Wrapper):
        most = 0

        def submit(self, function, /, *arguments, **options):
            self.running = [f for f in getattr(self, "running", []) if not f.done()]
            future = super().submit(function, *arguments, **options)
            self.running.append(future)
            self.most = max(self.most, len(self.running))
            return future

    executor = Counting()
    assert_whole(net, expected, executor=executor, workers=2)
    executor.shutdown()

    assert executor.calls > 10 and executor.most <= 4  # one waits for each that runs


# -- processes ------------------------------------------------------------------------
class Dying(ProcessPoolExecutor):
    """A pool in which the given calls end their process."""

    deadly: tuple[int, ...] = ()

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.calls = 0

    def submit(self, function, /, *arguments, **options):
        self.calls += 1
        if self.calls in self.deadly:
            return super().submit(os._exit, 1)
        return super().submit(function, *arguments, **options)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        yield pool


def test_processes_give_the_same_bytes(net, expected, processes, small_tasks):
    assert_whole(net, expected, executor=processes)


@pytest.mark.parametrize("call", [1, 3])
def test_a_task_that_kills_its_process_is_run_again(net, expected, call, small_tasks, monkeypatch, caplog):
    """The first task, alone, or one of several: those in flight with it are run again as well."""
    monkeypatch.setattr(Dying, "deadly", (call,))
    with Dying(1, mp_context=SPAWN) as pool, caplog.at_level(logging.WARNING):
        cx = enumerate_all(net, executor=pool, workers=2)

    assert cx.complete and arrays(cx, interior=False) == expected[0]
    assert [r.getMessage() for r in caplog.records] == ["a worker process died; its task is run again in a new pool"]


def test_a_process_that_is_killed_loses_only_its_task(net, expected, small_tasks):
    """Kill one of two processes from outside, at the first report of progress."""
    killed = []

    def kill(status):
        if not killed:
            killed.append(next(iter(pool._processes)))
            os.kill(killed[0], signal.SIGKILL)

    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        n = count_all(net, executor=pool, progress=kill)

    assert n.complete and n.by_layer == expected[1] and killed


def test_processes_that_die_for_ever_are_given_up(net, monkeypatch):
    monkeypatch.setattr(Dying, "deadly", range(1, 100))
    monkeypatch.setattr(subdivision, "ProcessPoolExecutor", Dying)
    with Dying(1, mp_context=SPAWN) as pool:
        with pytest.raises(pr.CertificationError, match="worker processes keep dying; is there enough memory"):
            count_all(net, executor=pool)


# -- executors that fail --------------------------------------------------------------
@pytest.mark.parametrize("bad", [(1,), (2, 3), (1, 5, 20, 21)])
def test_tasks_that_fail_now_and_then_are_run_again(net, expected, bad, small_tasks):
    """A future with an error that is not polyrelu's own: the network, the scheduler, a worker that went away."""

    class Unreliable(Wrapper):
        def submit(self, function, /, *arguments, **options):
            future = super().submit(function, *arguments, **options)
            return failed(OSError("connection reset")) if self.calls in bad else future

    executor = Unreliable()
    cx = enumerate_all(net, executor=executor)
    executor.shutdown()

    assert cx.complete and arrays(cx, interior=False) == expected[0]


@pytest.mark.parametrize("bad", [(1,), (1, 5, 20, 21)])
def test_an_executor_that_takes_no_task_now_and_then_is_asked_again(net, expected, bad, small_tasks):
    class Unreliable(Wrapper):
        def submit(self, function, /, *arguments, **options):
            future = super().submit(function, *arguments, **options)
            if self.calls in bad:
                future.cancel()
                raise OSError("connection reset")
            return future

    executor = Unreliable()
    cx = enumerate_all(net, executor=executor)
    executor.shutdown()

    assert cx.complete and arrays(cx, interior=False) == expected[0]


@pytest.mark.parametrize("where", ["submit", "future"])
def test_errors_that_stay_are_raised(net, where, small_tasks):
    class Broken(Wrapper):
        def submit(self, function, /, *arguments, **options):
            future = super().submit(function, *arguments, **options)
            if self.calls < 5:
                return future
            if where == "submit":
                raise OSError("no route to host")
            return failed(OSError("no route to host"))

    executor = Broken()
    with pytest.raises(OSError, match="no route to host"):
        count_all(net, executor=executor)
    executor.shutdown()

    assert executor.calls >= 5


@pytest.mark.parametrize("error", [pr.CertificationError("two facts"), MemoryError("too much")])
def test_errors_that_repeating_does_not_cure_are_raised_at_once(net, error):
    class Wrong(Wrapper):
        def submit(self, function, /, *arguments, **options):
            self.calls += 1
            return failed(error)

    executor = Wrong()
    with pytest.raises(type(error), match=str(error)):
        count_all(net, executor=executor)
    executor.shutdown()

    assert executor.calls == 1


def test_a_broken_executor_of_another_kind_is_named(net):
    class Broken(Wrapper):
        def submit(self, function, /, *arguments, **options):
            return failed(BrokenProcessPool("gone"))

    executor = Broken()
    with pytest.raises(pr.InputError, match="the executor is broken; give a new one"):
        count_all(net, executor=executor)
    executor.shutdown()


def test_an_error_inside_a_task_of_our_own_threads_is_raised(net, monkeypatch):
    """An exception in a worker is not an empty result."""
    calls, run_task = [], subdivision.run_task

    def fail(problem, *arguments):
        if problem.box.shape[1] == 1:  # a network of one input, which compiles the kernels
            return run_task(problem, *arguments)
        calls.append(arguments)
        raise ZeroDivisionError("somewhere deep")

    monkeypatch.setattr(subdivision, "run_task", fail)
    with pytest.raises(ZeroDivisionError, match="somewhere deep"):
        count_all(net)

    assert len(calls) == subdivision.TRIES


# -- Dask -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, protocol="tcp", dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_bytes(net, expected, client, small_tasks):
    assert_whole(net, expected, executor=client.get_executor())


@pytest.mark.filterwarnings("ignore")
def test_a_dask_client_itself_is_refused(net, client):
    with pytest.raises(pr.InputError, match=r"executor is of type Client; .*client.get_executor\(\)"):
        count_all(net, executor=client)


@pytest.mark.filterwarnings("ignore")
def test_a_dask_worker_that_is_killed_loses_nothing(net, expected, client, small_tasks):
    """The scheduler gives its tasks to the other worker, and the nanny starts a new one."""
    killed = []

    def kill(status):
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    n = count_all(net, executor=client.get_executor(), progress=kill)
    cx = enumerate_all(net, executor=client.get_executor())

    assert n.complete and n.by_layer == expected[1] and killed
    assert arrays(cx, interior=False) == expected[0]


# -- progress -------------------------------------------------------------------------
def test_progress_is_told_to_a_function(net, expected, small_tasks, monkeypatch):
    monkeypatch.setattr(Progress, "INTERVAL", 0.0)
    seen = []
    n = count_all(net, workers=2, progress=seen.append)

    assert len(seen) > 10
    assert all(type(status).__name__ == "Status" for status in seen)
    regions, fractions, seconds = zip(*seen, strict=True)
    assert list(regions) == sorted(regions) and 0 < regions[-1] <= n
    assert all(0.0 <= fraction <= 1.0 for fraction in fractions) and len(set(fractions)) > 3
    assert list(seconds) == sorted(seconds) and 0 < seconds[0] and seconds[-1] <= n.seconds
    # the last report comes with the last task: nothing is left
    assert (regions[-1], fractions[-1]) == (n, 1.0)


def test_progress_of_a_search_that_ends_at_once():
    seen = []
    n = count_all(networks.coordinate(2), pr.Box([-1, -1], [1, 1]), progress=seen.append)

    assert [(status.regions, status.fraction) for status in seen] == [(n, 1.0)]


def test_errors_of_a_progress_function_are_raised(net, small_tasks):
    def fail(status):
        raise LookupError("in the callback")

    with pytest.raises(LookupError, match="in the callback"):
        count_all(net, progress=fail)
    assert threading.active_count() < 20  # the pool was closed


def test_nothing_is_printed_where_stderr_is_no_terminal(net, small_tasks, capfd):
    assert not sys.stderr.isatty()
    count_all(net, progress=True)
    enumerate_all(net, progress=True)

    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("wanted", [True, False])
def test_a_line_of_progress_on_a_terminal(net, wanted, small_tasks, monkeypatch):
    class Slow(Wrapper):
        def submit(self, function, /, *arguments, **options):
            time.sleep(0.03)  # tqdm draws at most ten times a second
            return super().submit(function, *arguments, **options)

    terminal, executor = Terminal(), Slow()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(Progress, "INTERVAL", 0.0)
    count_all(net, progress=wanted, executor=executor)
    executor.shutdown()
    shown = terminal.getvalue()

    assert ("regions in" in shown and "% of the volume; Ctrl-C stops" in shown) == wanted == bool(shown)


# -- Ctrl-C ---------------------------------------------------------------------------
def interrupt(status):
    signal.raise_signal(signal.SIGINT)


def assert_part(net, part, expected):
    """Check that an incomplete complex holds some of the regions, each with the facets that it has in the whole."""
    table = np.frombuffer(expected[0]["packed"], dtype=np.uint8).reshape(-1, part.packed.shape[1])
    whole = {row.tobytes() for row in table}
    mine = [row.tobytes() for row in part.packed]

    assert mine == sorted(mine) and set(mine) < whole
    ptr = np.frombuffer(expected[0]["facet_ptr"], dtype=np.int64)
    count = dict(zip((row.tobytes() for row in table), np.diff(ptr).tolist(), strict=True))
    assert [count[key] for key in mine] == np.diff(part.facet_ptr).tolist()


def test_ctrl_c_returns_what_was_found(net, expected, small_tasks):
    before = signal.getsignal(signal.SIGINT)
    cx = enumerate_all(net, workers=2, progress=interrupt)
    n = count_all(net, workers=2, progress=interrupt)

    assert not cx.complete and not n.complete
    assert 0 < n < expected[1][-1] and n.by_layer is None  # layers are not finished one after another
    assert_part(net, cx, expected)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_at_any_moment(expected):
    """A signal that arrives between two lines of the search, or while it waits."""
    large = networks.he_network((4, 32, 32, 32, 1))
    for delay in (0.01, 0.1, 0.7):
        timer = threading.Timer(delay, signal.raise_signal, [signal.SIGINT])
        began = time.monotonic()
        n = count_all(large, pr.Box([-1] * 4, [1] * 4), workers=2, progress=lambda s, t=timer: t.ident or t.start())
        timer.join()

        assert not n.complete and n.exact and n.by_layer is None and n > 0
        assert time.monotonic() - began < 30


def test_a_second_ctrl_c_is_an_ordinary_one(net, small_tasks):
    def twice(status):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        count_all(net, progress=twice)

    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_reaches_processes_as_well(net, expected, small_tasks):
    """A terminal sends the signal to every process of the group: a task that dies of it is no reason to fail."""

    class Foreground(Wrapper):
        def submit(self, function, /, *arguments, **options):
            future = super().submit(function, *arguments, **options)
            if self.calls < 4:
                return future
            signal.raise_signal(signal.SIGINT)
            return failed(KeyboardInterrupt())

    executor = Foreground()
    try:
        cx = enumerate_all(net, executor=executor, workers=1)
    except KeyboardInterrupt:
        pytest.fail("KeyboardInterrupt")  # which would end the whole test session
    finally:
        executor.shutdown()

    assert not cx.complete
    assert_part(net, cx, expected)


def test_a_search_in_another_thread(net, expected, small_tasks):
    """Only the main thread may listen to signals; elsewhere there is nothing to listen to."""
    results = []
    thread = threading.Thread(target=lambda: results.append(count_all(net, workers=2)))
    thread.start()
    thread.join()

    assert results[0].complete and results[0].by_layer == expected[1]
