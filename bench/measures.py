"""What is measured.  Each measure takes a database's URL and returns {what: (value, unit)}."""

import threading
import time
from collections.abc import Callable, Mapping

from bench.ground import scheduler
from jobs import store, telemetry
from jobs.db.engine import autocommit, open_engine
from jobs.job import Run
from jobs.outcomes import Done

Figures = Mapping[str, tuple[float, str]]

JOBS = 5000
PICKS = 300
PAUSE_S = 0.01  # between two single jobs, so that the worker is idle when each comes


def nothing(_run: Run) -> Done:
    return Done({})


def enqueue(url: str) -> Figures:
    """One job after the other on one connection."""
    _, took_s = _enqueued(url, JOBS)
    return {"enqueue, one by one": (JOBS / took_s, "jobs/s")}


def drain(url: str) -> Figures:
    """A backlog of jobs that do nothing, until the last outcome is recorded."""
    figures = {}
    for seats in (3, 100):
        _enqueued(url, JOBS)
        with _counted(JOBS) as all_done, scheduler(url, {"nothing": nothing}, seats=seats, cap=None):
            began = time.monotonic()
            all_done.wait()
            figures[f"drain, {seats} seats"] = (JOBS / (time.monotonic() - began), "jobs/s")
    return figures


def pickup(url: str) -> Figures:
    """From the commit of the enqueue to the claim, one process, idle worker."""
    waits: list[float] = []

    def note(event: telemetry.Event) -> None:
        if isinstance(event, telemetry.RunStarted):
            waits.append(event.wait_s * 1000)

    engine = open_engine(url)
    with scheduler(url, {"nothing": nothing}, seats=3, cap=3) as runtime, autocommit(engine) as conn:
        time.sleep(1)  # a worker that has just started is not idle
        end = telemetry.subscribe(note)
        for _ in range(PICKS):
            made = store.enqueue(conn, user_id="bench", job_type="nothing", request_data={})
            runtime.hints.ready([made.key])
            time.sleep(PAUSE_S)
        end()
    engine.dispose()
    waits.sort()
    return {"pick-up p50": (waits[len(waits) // 2], "ms"), "pick-up p99": (waits[int(len(waits) * 0.99)], "ms")}


MEASURES: Mapping[str, Callable[[str], Figures]] = {"enqueue": enqueue, "drain": drain, "pickup": pickup}


def _enqueued(url: str, jobs: int) -> tuple[list[str], float]:
    """The ids, and the seconds that it took."""
    engine = open_engine(url)
    with autocommit(engine) as conn:
        began = time.monotonic()
        made = [store.enqueue(conn, user_id="bench", job_type="nothing", request_data={}).id for _ in range(jobs)]
        took_s = time.monotonic() - began
    engine.dispose()
    return made, took_s


class _counted:  # noqa: N801 - used as a context, like a function
    """Set once `runs` runs have been recorded."""

    def __init__(self, runs: int) -> None:
        self._left = runs
        self._all = threading.Event()

    def __enter__(self) -> threading.Event:
        self._end = telemetry.subscribe(self._note)
        return self._all

    def __exit__(self, *_: object) -> None:
        self._end()

    def _note(self, event: telemetry.Event) -> None:
        if isinstance(event, telemetry.RunEnded):
            self._left -= 1
            if self._left == 0:
                self._all.set()
