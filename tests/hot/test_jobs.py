"""Caps, seats and the rules of a job's way change while jobs run: what runs is not cut, what comes next obeys."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from jobs.job import Run
from jobs.outcomes import Done, Outcome, Retry
from scheduler import runtime as runtime_module
from scheduler.runtime import Runtime
from tests.factory import make_job, row_of
from tests.hot.kit import Tuned, scheduling, shows
from tests.scheduler.kit import Gate, count, status_of, until

QUICK = {
    "YARD_DATABASE__NOTIFY": "false",
    "YARD_SCHEDULER__HEARTBEAT_EVERY_S": "0.2",
    "YARD_SCHEDULER__LEASE_S": "10",
    "YARD_SCHEDULER__LEADER_TTL_S": "1",
}
RUNNING = "status = 'processing'"


@pytest.fixture
def tuned(tmp_path: Path) -> Tuned:
    return Tuned(tmp_path, QUICK, scheduler={"poll_every_s": 3600})


class Gates:
    """A handler whose runs end one by one, as they are let go."""

    def __init__(self) -> None:
        self.begun: list[Run] = []
        self._events: list[threading.Event] = []

    def __call__(self, run: Run) -> Outcome:
        event = threading.Event()
        self._events.append(event)
        self.begun.append(run)
        until(lambda: event.is_set() or run.cancelled(), within_s=60)
        return Done({"cut": run.cancelled()})

    def end(self, runs: int) -> None:
        for _ in range(runs):
            self._events.pop(0).set()

    def close(self) -> None:
        while self._events:
            self.end(1)


@pytest.fixture
def gates() -> Iterator[Gates]:
    gates = Gates()
    yield gates
    gates.close()


def jobs(conn: Connection, number: int, **columns: Any) -> list[str]:
    return [make_job(conn, **columns) for _ in range(number)]


def settled(runtime: Runtime) -> None:
    """The pump has looked since now, and found all that it may take."""
    before = runtime.pump.last_step
    runtime.pump.poll()
    until(lambda: runtime.pump.last_step > before)


@shows("jobs.max_concurrent_jobs")
def test_a_higher_cap_is_filled_at_once_and_a_lower_one_cuts_nothing(
    database_url: str, conn: Connection, tuned: Tuned, gates: Gates
):
    made = jobs(conn, 20)
    with scheduling(database_url, {"t": gates}, tuned) as runtime:
        until(lambda: len(gates.begun) == 3)
        tuned.set(jobs={"max_concurrent_jobs": 8})  # nobody else wakes it: the poll comes in an hour
        until(lambda: len(gates.begun) == 8)
        tuned.set(jobs={"max_concurrent_jobs": 2})
        settled(runtime)
        assert count(conn, RUNNING) == 8
        gates.end(6)
        until(lambda: count(conn, RUNNING) == 2)
        settled(runtime)
        assert len(gates.begun) == 8
        gates.end(1)
        until(lambda: len(gates.begun) == 9)
        gates.close()
        tuned.set(jobs={"max_concurrent_jobs": 100})
        until(lambda: len(gates.begun) == 20)
        gates.close()
        until(lambda: count(conn, "status = 'completed'") == 20)
    assert {row_of(conn, job).claim_seq for job in made} == {1}
    assert {row_of(conn, job).result_data["cut"] for job in made} == {False}


@shows("scheduler.seats")
def test_seats_grow_at_once_and_shrink_as_runs_end(database_url: str, conn: Connection, tuned: Tuned, gates: Gates):
    made = jobs(conn, 12)

    def seats(number: int) -> None:
        tuned.set(scheduler={"poll_every_s": 3600, "seats": number}, jobs={"max_concurrent_jobs": None})

    seats(2)
    with scheduling(database_url, {"t": gates}, tuned) as runtime:
        until(lambda: len(gates.begun) == 2)
        seats(6)
        until(lambda: len(gates.begun) == 6)
        seats(1)
        settled(runtime)
        shown = text("select seats, busy from ai_workers")
        until(lambda: conn.execute(shown).all() == [(1, 6)])
        gates.end(5)
        until(lambda: runtime.pool.busy == 1)
        settled(runtime)
        assert (len(gates.begun), runtime.pool._threads) == (6, 1)
        gates.end(1)
        until(lambda: len(gates.begun) == 7)
        seats(12)
        until(lambda: len(gates.begun) == 12)
        gates.close()
        until(lambda: count(conn, "status = 'completed'") == 12)
    assert {(row.claim_seq, row.result_data["cut"]) for row in (row_of(conn, job) for job in made)} == {(1, False)}


@shows("jobs.max_concurrent_per_user")
def test_a_cap_per_user_comes_and_goes(database_url: str, conn: Connection, tuned: Tuned, gates: Gates):
    def cap(number: int | None) -> None:
        tuned.set(jobs={"max_concurrent_jobs": 4, "max_concurrent_per_user": number})

    cap(1)
    jobs(conn, 9, user_id="ann")
    with scheduling(database_url, {"t": gates}, tuned) as runtime:
        until(lambda: len(gates.begun) == 1)
        settled(runtime)
        assert len(gates.begun) == 1
        cap(None)
        until(lambda: len(gates.begun) == 4)
        cap(2)
        gates.end(2)
        until(lambda: runtime.pool.busy == 2)
        settled(runtime)
        assert len(gates.begun) == 4
        cap(3)
        until(lambda: len(gates.begun) == 5)


def wait_s(conn: Connection, job: str) -> float:
    until(lambda: row_of(conn, job).next_processing_at is not None)
    query = text("select extract(epoch from next_processing_at - clock_timestamp()) from ai_jobs where id = :id")
    return float(conn.execute(query, {"id": job}).scalar_one())


@shows("jobs.backoff.base_s", "jobs.backoff.factor", "jobs.backoff.cap_s", "jobs.backoff.jitter")
def test_the_next_failure_waits_by_the_new_rule(database_url: str, conn: Connection, tuned: Tuned):
    exact = {"base_s": 1000, "factor": 1, "cap_s": 9000, "jitter": 0}

    def waits(runtime: Runtime, **changed: float) -> float:
        tuned.set(jobs={"backoff": exact | changed})
        job = make_job(conn)
        runtime.pump.poll()
        return wait_s(conn, job)

    def near(seconds: float) -> Any:
        return pytest.approx(seconds, abs=30)  # what the look itself takes

    with scheduling(database_url, {"t": lambda _run: Retry("no")}, tuned) as runtime:
        assert waits(runtime) == near(1000)
        assert waits(runtime, base_s=2000) == near(2000)
        assert waits(runtime, factor=3) == near(3000)
        assert waits(runtime, factor=3, cap_s=1500) == near(1500)
        assert len({round(waits(runtime, jitter=1) / 100) for _ in range(12)}) > 1


@shows("jobs.run_timeout_s")
def test_a_run_keeps_the_time_that_it_began_with(
    database_url: str, conn: Connection, tuned: Tuned, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runtime_module, "OVERDUE_GRACE_S", 0.1)
    gate, given_s = Gate(), list[float]()

    def handler(run: Run) -> Outcome:
        given_s.append(run.time_left_s() or 0)
        return gate(run)

    with scheduling(database_url, {"t": handler}, tuned) as runtime:
        first = make_job(conn)
        runtime.pump.poll()
        until(lambda: given_s)
        tuned.set(jobs={"run_timeout_s": {"default": 0.3}, "max_concurrent_jobs": 4})
        second = make_job(conn)
        runtime.pump.poll()
        until(lambda: row_of(conn, second).error_code == "timed_out")
        assert status_of(conn, first) == "processing"
        gate.opened.set()
        until(lambda: status_of(conn, first) == "completed")
    assert given_s[0] > 100


@shows("jobs.result_bytes")
def test_a_smaller_result_is_asked_of_the_next_run(database_url: str, conn: Connection, tuned: Tuned):
    with scheduling(database_url, {"t": lambda _run: Done({"text": "x" * 2000})}, tuned) as runtime:

        def ends(**changed: Any) -> str:
            tuned.set(jobs=changed)
            job = make_job(conn)
            runtime.pump.poll()
            until(lambda: status_of(conn, job) in ("completed", "failed"))
            return status_of(conn, job)

        assert [ends(), ends(result_bytes=1000), ends(result_bytes=3000)] == ["completed", "failed", "completed"]


@shows("jobs.retention_days")
def test_what_is_too_old_by_the_new_rule_goes_at_the_next_purge(database_url: str, conn: Connection, tuned: Tuned):
    old = make_job(conn, "completed")
    conn.execute(text("update ai_jobs set completed_at = clock_timestamp() - interval '2 days'"))
    with scheduling(database_url, {}, tuned) as runtime:
        until(runtime.leader.leading)

        def purge() -> None:
            runtime.clock.dispatch("purge")

        purge()
        assert status_of(conn, old) == "completed"
        tuned.set(jobs={"retention_days": 1})
        purge()
        assert count(conn, "true") == 0


@shows("provider.max_wait_s")
def test_how_long_a_provider_is_waited_for(database_url: str, conn: Connection, tuned: Tuned):
    away = Retry("busy", code="provider_unavailable", counted=False, delay_s=100)
    with scheduling(database_url, {"t": lambda _run: away}, tuned) as runtime:

        def ends(**changed: Any) -> str:
            tuned.set(provider=changed)
            job = make_job(conn)
            runtime.pump.poll()
            until(lambda: row_of(conn, job).error_code)
            return status_of(conn, job)

        assert [ends(), ends(max_wait_s=50), ends(max_wait_s=150)] == ["queued", "failed", "queued"]


def test_a_shorter_poll_is_what_health_judges_by_from_its_first_turn_on(
    database_url: str, conn: Connection, tuned: Tuned
):
    """The last look may be nearly an hour old when the file changes, and nobody was late."""
    with scheduling(database_url, {}, tuned) as runtime:
        polled = runtime.pump.poll
        began: list[float] = []
        runtime.pump.poll = lambda: began.append(runtime.status().late_after_s) or polled()  # type: ignore[method-assign]
        tuned.set(scheduler={"poll_every_s": 0.2})
        assert began[0] == 2 * 3600 + 1
        until(lambda: runtime.status().late_after_s == pytest.approx(1.4))
        assert runtime.status().last_pass_age_s < 1.4


def test_handlers_that_do_not_end_are_weighed_against_the_seats_that_there_still_are(
    database_url: str, conn: Connection, tuned: Tuned, gates: Gates, monkeypatch: pytest.MonkeyPatch
):
    """Two of six hang: fewer seats must not make the process leave, with four sound runs in its hands."""
    monkeypatch.setattr(runtime_module, "OVERDUE_GRACE_S", 0.1)
    stuck = Gate()
    tuned.set(scheduler={"seats": 6}, jobs={"max_concurrent_jobs": 6, "run_timeout_s": {"stuck": 0.1}})
    with scheduling(database_url, {"t": gates, "stuck": stuck}, tuned) as runtime:
        hanging = [*jobs(conn, 2, job_type="stuck", max_retries=1)]
        sound = jobs(conn, 4)
        runtime.pump.poll()
        until(lambda: all(status_of(conn, job) == "failed" for job in hanging) and len(gates.begun) == 4)
        tuned.set(scheduler={"seats": 1}, jobs={"max_concurrent_jobs": 6})
        assert runtime.status().problem is None
        gates.close()
        until(lambda: all(status_of(conn, job) == "completed" for job in sound))
        until(lambda: runtime.status().problem)  # two of two hang now
        stuck.opened.set()
