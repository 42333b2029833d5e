"""The queue itself: how fast jobs come in, are picked up, and are done with."""

import threading
import time
from typing import Self

from sqlalchemy import Connection, text

from bench.figures import Figures, quantile_ms
from bench.ground import scheduler
from bench.sizes import Sizes
from jobs import store, telemetry
from jobs.db.engine import autocommit, open_engine
from jobs.job import Run
from jobs.outcomes import Done

PAUSE_S = 0.01  # between two single jobs, so that the worker is idle when each comes


def nothing(_run: Run) -> Done:
    return Done({})


def enqueue(url: str, sizes: Sizes) -> Figures:
    """One job after the other on one connection."""
    return {"enqueue, one by one": (sizes.jobs / _enqueued(url, sizes.jobs), "jobs/s")}


def drain(url: str, sizes: Sizes) -> Figures:
    """A backlog of jobs that do nothing, from the first claim until the last outcome is recorded."""
    engine, figures = open_engine(url, alone=True), {}
    for seats in (3, 100):
        with autocommit(engine) as conn:
            fill(conn, "bench", sizes.drained)
        with Counted(sizes.drained) as drained, scheduler(url, {"nothing": nothing}, seats=seats, cap=None):
            drained.wait()
        figures[f"drain, {seats} seats"] = (sizes.drained / drained.took_s, "jobs/s")
    engine.dispose()
    return figures


def pickup(url: str, sizes: Sizes) -> Figures:
    """From the commit of the enqueue to the claim, one process, idle worker."""
    waits_s: list[float] = []

    def note(event: telemetry.Event) -> None:
        if isinstance(event, telemetry.RunStarted):
            waits_s.append(event.wait_s)

    engine = open_engine(url, alone=True)
    with scheduler(url, {"nothing": nothing}, seats=3, cap=3) as runtime, autocommit(engine) as conn:
        time.sleep(1)  # a worker that has just started is not idle
        end = telemetry.subscribe(note)
        for _ in range(sizes.picks):
            made = store.enqueue(conn, user_id="bench", job_type="nothing", request_data={})
            runtime.hints.ready([made.key])
            time.sleep(PAUSE_S)
        end()
    engine.dispose()
    return {f"pick-up p{share:.0%}".rstrip("%"): (quantile_ms(waits_s, share), "ms") for share in (0.5, 0.99)}


def _enqueued(url: str, jobs: int) -> float:
    """The seconds that it took."""
    engine = open_engine(url, alone=True)
    with autocommit(engine) as conn:
        began = time.monotonic()
        for _ in range(jobs):
            store.enqueue(conn, user_id="bench", job_type="nothing", request_data={})
        took_s = time.monotonic() - began
    engine.dispose()
    return took_s


def fill(conn: Connection, user: str, jobs: int) -> None:
    """Ready jobs with the turns that enqueues one by one would have given."""
    conn.execute(
        text(
            "insert into ai_jobs (user_id, job_type, request_data, turn)"
            " select :user, 'nothing', '{}', n from generate_series(1, :jobs) n"
        ),
        {"user": user, "jobs": jobs},
    )


class Counted:
    """How long `runs` runs take, from the first that starts until all are recorded."""

    def __init__(self, runs: int) -> None:
        self._left = runs
        self._began_s: float | None = None
        self._ended_s = 0.0
        self._all = threading.Event()

    def __enter__(self) -> Self:
        self._end = telemetry.subscribe(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def wait(self) -> None:
        self._all.wait()

    @property
    def took_s(self) -> float:
        return self._ended_s - (self._began_s or self._ended_s)

    def _note(self, event: telemetry.Event) -> None:
        if isinstance(event, telemetry.RunStarted) and self._began_s is None:
            self._began_s = time.monotonic()
        elif isinstance(event, telemetry.RunEnded):
            self._left -= 1
            if self._left == 0:
                self._ended_s = time.monotonic()
                self._all.set()
