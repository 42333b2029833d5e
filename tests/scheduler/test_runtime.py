"""The whole scheduler in one process: real handlers, real wake-ups."""

import itertools
import time
from collections import Counter

import pytest
from sqlalchemy import Connection, Engine, text

from jobs import store
from jobs.events import Hints
from jobs.job import Run
from jobs.outcomes import Done, Fail, Outcome, Retry
from jobs.telemetry import RunStarted, StaleWrite, TaskRan
from scheduler import runtime as runtime_module
from scheduler import stopping
from scheduler.runtime import Runtime
from tests.factory import make_job, row_of
from tests.scheduler.kit import NEVER_S, Gate, count, ready_key, running, status_of, told, until
from tests.scheduler.proxy import Proxy

HINTS = {"database__notify": True}
ONLY_HINTS = HINTS | {  # the heartbeat and the poll come too late for any test
    "scheduler__heartbeat_every_s": NEVER_S,
    "scheduler__lease_s": 4 * NEVER_S,
    "scheduler__leader_ttl_s": 4 * NEVER_S,
}


def enqueue(conn: Connection, hints: Hints, **columns: str) -> str:
    added = store.enqueue(conn, user_id="ann", job_type="t", request_data={"n": 1}, **columns)
    hints.ready([added.key])
    return added.id


def listening(conn: Connection) -> int:
    """How many processes listen for hints."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'"
    return int(conn.execute(text(query)).scalar_one())


def echo(run: Run) -> Outcome:
    return Done({"echo": run.request["n"]})


def done(_run: Run) -> Outcome:
    return Done({})


def test_a_job_enqueued_in_this_process_completes(database_url: str, conn: Connection):
    with running(database_url, {"t": echo}) as runtime:
        job = enqueue(conn, runtime.hints)
        until(lambda: status_of(conn, job) == "completed")
    assert row_of(conn, job).result_data == {"echo": 1}


def test_a_job_enqueued_by_another_process_completes(database_url: str, engine: Engine, conn: Connection):
    with running(database_url, {"t": echo}, **ONLY_HINTS) as runtime:
        until(lambda: listening(conn))
        until(lambda: runtime.pump._nap_s() is None)  # its first looks are over
        job = enqueue(conn, Hints(engine))
        until(lambda: status_of(conn, job) == "completed")


def test_a_listener_that_lost_its_connection_looks_for_what_it_missed(database_url: str, conn: Connection):
    with running(database_url, {"t": echo}, **ONLY_HINTS) as runtime:
        until(lambda: listening(conn) and runtime.pump._nap_s() is None)
        query = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where query ilike 'listen%'"
        conn.execute(text(query + " and datname = current_database()"))
        job = make_job(conn, request_data={"n": 2})  # and nobody is told
        until(lambda: status_of(conn, job) == "completed")


def test_a_retry_waits_for_its_backoff_and_completes(database_url: str, conn: Connection):
    answers = itertools.chain([Retry("busy"), Retry("busy")], itertools.repeat(Done({})))
    with running(database_url, {"t": lambda _: next(answers)}) as runtime:
        job = enqueue(conn, runtime.hints)
        until(lambda: status_of(conn, job) == "completed")
    row = row_of(conn, job)
    assert (row.retry_count, row.claim_seq, len(row.attempt_errors)) == (2, 3, 2)


def test_a_handler_that_raises_fails_its_job_in_the_end_and_nothing_else(database_url: str, conn: Connection):
    with running(database_url, {"t": lambda _: 1 / 0, "good": done}) as runtime:
        job, good = enqueue(conn, runtime.hints), make_job(conn, job_type="good")
        runtime.hints.ready([ready_key(conn, good)])
        until(lambda: status_of(conn, job) == "failed")
        until(lambda: status_of(conn, good) == "completed")
    assert row_of(conn, job).retry_count == 3


def test_a_cancel_is_heard_by_notify(database_url: str, conn: Connection):
    def until_cancelled(run: Run) -> Outcome:
        until(run.cancelled, within_s=60)  # longer than the test waits
        return Fail("cancelled")

    with running(database_url, {"t": until_cancelled}, **ONLY_HINTS) as runtime:
        until(lambda: listening(conn))
        job = enqueue(conn, runtime.hints)
        until(lambda: job in runtime.pool.held)
        store.cancel(conn, job_id=job, user_id="ann")
        until(lambda: status_of(conn, job) == "cancelled")


def test_a_handler_that_ignores_its_time_out_loses_its_job_and_keeps_its_seat(
    database_url: str, conn: Connection, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runtime_module, "OVERDUE_GRACE_S", 0.1)
    limits = {"jobs__run_timeout_s__stuck": 0.05, "jobs__backoff__base_s": NEVER_S, "jobs__backoff__cap_s": NEVER_S}
    other = Gate()
    handlers = {"stuck": gate, "other": other, "t": done}
    with running(database_url, handlers, scheduler__seats=2, **limits) as runtime:
        make_job(conn, job_type="other")
        stuck = make_job(conn, job_type="stuck")
        runtime.pump.ready([ready_key(conn, stuck)])
        until(lambda: row_of(conn, stuck).error_code == "timed_out")
        until(lambda: stuck not in runtime.pool.held)
        until(lambda: other.runs)
        next_job = enqueue(conn, runtime.hints)
        runtime.pump.poll()
        assert runtime.pool.free() == 0
        assert status_of(conn, next_job) == "queued"
        gate.opened.set()
        until(lambda: status_of(conn, next_job) == "completed")
        other.opened.set()
    row = row_of(conn, stuck)
    assert (row.status, row.retry_count, row.claim_seq) == ("queued", 1, 1)


def test_a_process_whose_seats_are_held_by_handlers_that_do_not_end_says_so_and_leaves_once(
    database_url: str, conn: Connection, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runtime_module, "OVERDUE_GRACE_S", 0.1)
    left: list[str] = []
    limits = {"jobs__run_timeout_s__stuck": 0.05, "scheduler__seats": 2}
    with running(database_url, {"stuck": gate}, leave=lambda: left.append("left"), **limits) as runtime:
        first = make_job(conn, job_type="stuck", max_retries=1)
        runtime.pump.ready([ready_key(conn, first)])
        until(lambda: status_of(conn, first) == "failed")
        assert (runtime.status().problem, left) == (None, [])  # one of two: the other still works
        second = make_job(conn, job_type="stuck", max_retries=1)
        runtime.pump.ready([ready_key(conn, second)])
        until(lambda: left)
        assert "do not end" in str(runtime.status().problem)
        runtime._watch()
        assert left == ["left"]
        gate.opened.set()
        until(lambda: runtime.status().problem is None)


def holds_the_timetable(runtime: Runtime) -> bool:
    return runtime.leader.leading() and runtime.clock._attached


def test_another_process_takes_over_after_a_resignation(database_url: str, conn: Connection):
    with running(database_url, {}, scheduler__leader_ttl_s=1000) as first:
        until(lambda: holds_the_timetable(first))
        with running(database_url, {}, scheduler__leader_ttl_s=1000) as second:
            until(lambda: second.status().running and count_workers(conn) == 2)
            assert not second.leader.leading()
            stopping.stop(first, 1)
            until(lambda: holds_the_timetable(second))
            assert second.status().term == 2


def test_a_new_leader_takes_the_timetable_at_once(database_url: str, conn: Connection):
    with running(database_url, {}, **ONLY_HINTS) as runtime:
        until(lambda: holds_the_timetable(runtime))


def count_workers(conn: Connection) -> int:
    return int(conn.execute(text("select count(*) from ai_workers")).scalar_one())


def test_another_process_takes_over_after_a_lapse(database_url: str, proxy: Proxy, conn: Connection):
    with running(proxy.url, {}) as first:
        until(lambda: holds_the_timetable(first))
        with running(database_url, {}) as second:
            proxy.cut()
            until(lambda: holds_the_timetable(second))
            until(lambda: not first.clock._attached)
            proxy.mend()
            until(lambda: first.heartbeat.stands and count_workers(conn) == 2)
            assert not first.leader.leading()
            assert second.leader.term > 1


def test_two_processes_run_each_job_once(database_url: str, conn: Connection):
    wide = HINTS | {"jobs__max_concurrent_jobs": 20, "scheduler__seats": 5}
    ran: Counter[str] = Counter()
    handlers = {"t": lambda run: ran.update([run.job_id]) or Done({})}
    with running(database_url, handlers, **wide) as first, running(database_url, handlers, **wide) as second:
        until(lambda: listening(conn) == 2)
        with told(RunStarted) as started:
            for _ in range(200):
                enqueue(conn, first.hints)
            until(lambda: count(conn, "status = 'completed'") == 200)
        assert second.status().active_jobs == first.status().active_jobs == 0
    assert set(ran.values()) == {1}
    assert len({(one.job_id, one.claim_seq) for one in started}) == len(started) == 200


def test_one_of_two_processes_leads_and_its_tasks_run_once_per_tick(database_url: str, conn: Connection):
    every_s = 0.25
    often = {"scheduler__expire_every_s": every_s, "scheduler__leader_ttl_s": 1000}
    with running(database_url, {}, **often) as first, running(database_url, {}, **often) as second:
        until(lambda: holds_the_timetable(first) or holds_the_timetable(second))
        until(lambda: count_workers(conn) == 2)
        began = time.monotonic()
        with told(TaskRan) as ran:
            until(lambda: sum(one.task == "expire" for one in ran) == 8)
        assert (time.monotonic() - began) / every_s + 2 >= 8  # twice as many, if both ran them
        assert [holds_the_timetable(first), holds_the_timetable(second)].count(True) == 1


def test_a_worker_that_lost_its_database_loses_its_run_and_another_runs_it_once(
    database_url: str, proxy: Proxy, conn: Connection, gate: Gate
):
    lease = {"scheduler__lease_s": 1.5}
    job = make_job(conn)
    with running(proxy.url, {"t": gate}, **lease) as lost:
        until(lambda: gate.runs)
        proxy.cut()
        with running(database_url, {"t": done}, **lease) as other:
            until(lambda: row_of(conn, job).losses == 1)
            other.pump.poll()
            until(lambda: status_of(conn, job) == "completed")
        with told(StaleWrite) as stale:
            proxy.mend()
            until(gate.runs[0].cancelled)
            gate.opened.set()
            until(lambda: stale)
        assert not lost.pool.held
    row = row_of(conn, job)
    assert (row.claim_seq, row.retry_count, stale[0].claim_seq) == (2, 1, 1)


def test_a_frozen_database_is_given_up_by_the_heartbeat_while_the_lease_still_holds(
    proxy: Proxy, conn: Connection, gate: Gate, caplog: pytest.LogCaptureFixture
):
    times = {"scheduler__heartbeat_every_s": 0.3, "database__statement_timeout_s": 3600}
    make_job(conn)
    with running(proxy.url, {"t": gate}, **times) as runtime:
        until(lambda: gate.runs)
        proxy.freeze()
        until(lambda: "a heartbeat failed" in caplog.text)
        proxy.mend()
        assert runtime.pool.held
        gate.opened.set()
        until(lambda: not runtime.pool.held)


def test_its_status_tells_how_it_is(database_url: str, conn: Connection, gate: Gate):
    make_job(conn)
    with running(database_url, {"t": gate}, scheduler__seats=2) as runtime:
        until(lambda: holds_the_timetable(runtime) and gate.runs)
        status = runtime.status()
        assert (status.running, status.leading, status.term, status.problem) == (True, True, 1, None)
        assert (status.active_jobs, status.seats) == (1, 2)
        assert status.last_pass_age_s < status.late_after_s
        gate.opened.set()
        stopping.stop(runtime, 1)
        assert not runtime.status().running
        assert runtime.status().problem


def test_a_timetable_that_stands_still_shows_although_all_else_goes_on(database_url: str, conn: Connection):
    with running(database_url, {}) as runtime:
        until(lambda: holds_the_timetable(runtime))

        def age_s() -> float:
            runtime._poll()
            until(lambda: not runtime.pump._awake.is_set())
            return runtime.status().last_pass_age_s

        with runtime.clock._scheduler._jobstores_lock:
            until(lambda: age_s() > 1)
        until(lambda: age_s() < 1)


def test_its_status_tells_whether_it_hears(database_url: str, conn: Connection):
    with running(database_url, {}) as deaf:
        assert deaf.status().listener_gone_s is None
    with running(database_url, {}, **HINTS) as runtime:
        until(lambda: runtime.status().listener_gone_s == 0)
