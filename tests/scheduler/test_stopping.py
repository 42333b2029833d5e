import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text

from jobs.job import Run
from jobs.outcomes import Done, Fail, Outcome
from jobs.store import CAP_LOCK
from scheduler import stopping
from scheduler.runtime import Runtime
from tests.factory import make_job, row_of
from tests.scheduler.kit import Gate, count, hooked, running, status_of, until
from tests.scheduler.proxy import Proxy


def waits_until_told(run: Run) -> Outcome:
    until(run.cancelled)
    return Fail("I was interrupted")


def leads(runtime: Runtime, conn: Connection) -> bool:
    return bool(conn.execute(text("select 1 from ai_leader where holder = :id"), {"id": runtime.worker_id}).scalar())


def assert_nothing_is_left(conn: Connection) -> None:
    assert count(conn, "status = 'processing'") == 0
    # the stop gives these two a second, and goes on without the answer where the machine is slower than that
    until(lambda: conn.execute(text("select count(*) from ai_workers")).scalar_one() == 0)
    until(lambda: conn.execute(text("select expires_at = '-infinity' from ai_leader")).scalar_one())


def test_with_a_short_budget_running_jobs_are_handed_back_at_no_charge(database_url: str, conn: Connection, gate: Gate):
    jobs = [make_job(conn) for _ in range(3)]
    with running(database_url, {"t": gate}) as runtime:
        until(lambda: len(gate.runs) == 3)
        until(lambda: leads(runtime, conn))
        stopping.stop(runtime, 0.5)
        assert all(run.cancelled() for run in gate.runs)
    assert_nothing_is_left(conn)
    for job in jobs:
        row = row_of(conn, job)
        assert (row.status, row.retry_count, row.losses, row.claim_seq) == ("queued", 0, 0, 1)
        assert (row.next_processing_at, row.error_code, row.attempt_errors) == (None, None, [])


def test_with_a_long_budget_a_short_job_finishes_and_a_long_one_is_handed_back(
    database_url: str, conn: Connection, gate: Gate
):
    short, long = make_job(conn, job_type="short"), make_job(conn, job_type="long")
    with running(database_url, {"short": gate, "long": waits_until_told}) as runtime, ThreadPoolExecutor(1) as threads:
        until(lambda: runtime.pool.busy == 2)
        until(lambda: leads(runtime, conn))
        stopped = threads.submit(stopping.stop, runtime, 5.0)
        until(lambda: not runtime.heartbeat.stands)
        assert not threading.Event().wait(0.3)  # time enough for a stop that does not drain to go wrong
        gate.opened.set()
        stopped.result(20)
    assert_nothing_is_left(conn)
    assert [status_of(conn, job) for job in (short, long)] == ["completed", "queued"]
    assert row_of(conn, short).version == 3  # enqueued, claimed, completed: it never was handed back


def test_draining_ends_as_soon_as_nothing_runs(database_url: str, conn: Connection):
    with running(database_url, {"t": waits_until_told}) as runtime, ThreadPoolExecutor(1) as threads:
        until(lambda: leads(runtime, conn))
        threads.submit(stopping.stop, runtime, 3600).result(20)
    assert_nothing_is_left(conn)


def test_another_process_leads_while_this_one_drains(database_url: str, conn: Connection, gate: Gate):
    make_job(conn)
    slow = {"scheduler__leader_ttl_s": 1000}  # no lapse: it must resign
    with running(database_url, {"t": gate}, **slow) as first, ThreadPoolExecutor(1) as threads:
        until(lambda: gate.runs and first.clock._attached)
        stopped = threads.submit(stopping.stop, first, 3600)
        with running(database_url, {}, **slow) as second:
            until(lambda: second.clock._attached)
            assert not first.leader.leading()
            until(lambda: not first.clock._attached)
            gate.opened.set()
            stopped.result(20)


def test_a_result_that_comes_after_the_hand_back_is_taken(
    database_url: str, conn: Connection, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stopping, "DRAIN_FROM_S", 3600)
    monkeypatch.setattr(stopping, "HAND_BACK_S", 0)  # a drain would outlast the test
    job = make_job(conn)
    with running(database_url, {"t": gate}) as runtime, ThreadPoolExecutor(1) as threads:
        until(lambda: gate.runs)
        stopped = threads.submit(stopping.stop, runtime, 60)
        until(lambda: status_of(conn, job) == "queued")
        gate.opened.set()
        stopped.result(20)
    assert status_of(conn, job) == "completed"


def test_a_handler_that_fails_because_it_was_told_to_stop_does_not_fail_its_job(database_url: str, conn: Connection):
    job = make_job(conn)
    with running(database_url, {"t": waits_until_told}) as runtime:
        until(lambda: runtime.pool.busy)
        stopping.stop(runtime, 2)
    row = row_of(conn, job)
    assert (row.status, row.retry_count, row.error_code, row.attempt_errors) == ("queued", 0, None, [])


@pytest.mark.parametrize("trouble", ["cut", "freeze"])
def test_the_stop_needs_no_database(database_url: str, proxy: Proxy, conn: Connection, gate: Gate, trouble: str):
    make_job(conn)
    with running(proxy.url, {"t": gate}) as runtime:
        until(lambda: gate.runs and leads(runtime, conn))
        getattr(proxy, trouble)()
        stop = threading.Thread(target=stopping.stop, args=(runtime, 1.0))
        end = time.monotonic() + 2
        stop.start()
        stop.join(end - time.monotonic())
        assert not stop.is_alive()
        assert gate.runs[0].cancelled()
        proxy.close()


def test_a_claim_under_way_when_the_stop_begins_is_handed_back_too(database_url: str, conn: Connection):
    runs: list[Run] = []
    other = conn.engine.connect()
    other.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": CAP_LOCK})  # claims wait for it
    handlers = {"t": lambda run: runs.append(run) or waits_until_told(run)}
    with running(database_url, handlers) as runtime, ThreadPoolExecutor(1) as threads:
        until(lambda: leads(runtime, conn))
        job = make_job(conn)
        until(lambda: conn.execute(text("select count(*) from pg_locks where not granted")).scalar_one())
        stopped = threads.submit(stopping.stop, runtime, 4)
        until(lambda: not runtime.pump._claiming)
        assert not threading.Event().wait(0.1)  # time enough for a stop that does not wait to go wrong
        other.close()
        until(lambda: runs)
        stopped.result(20)
    assert_nothing_is_left(conn)
    assert (row_of(conn, job).status, row_of(conn, job).claim_seq) == ("queued", 1)


def test_no_heartbeat_comes_after_the_workers_row_is_taken_away(database_url: str, conn: Connection):
    with running(database_url, {}, scheduler__heartbeat_every_s=0.2) as runtime:
        until(lambda: leads(runtime, conn))
        beats: list[int] = []
        thread = next(one for one in runtime._threads if one.name == "heartbeat")
        hooked(runtime.heartbeat._line._engine, "after_cursor_execute", "-- heartbeat", lambda: beats.append(1))

        def wait_for_a_beat() -> None:
            seen = len(beats)
            until(lambda: len(beats) > seen or not thread.is_alive())

        hooked(runtime.engine, "after_cursor_execute", "-- leave", wait_for_a_beat)
        stopping.stop(runtime, 2)
    assert_nothing_is_left(conn)


def test_a_heartbeat_under_way_does_not_take_the_lead_back_for_good(database_url: str, conn: Connection):
    with running(database_url, {}) as runtime:
        until(lambda: leads(runtime, conn))
        sent, resigned = threading.Event(), threading.Event()

        def hold_back() -> None:
            sent.set()
            assert resigned.wait(20)

        hooked(runtime.engine, "after_cursor_execute", "-- resign", resigned.set)
        hooked(runtime.heartbeat._line._engine, "before_cursor_execute", "-- heartbeat", hold_back)
        assert sent.wait(20)
        stopping.stop(runtime, 2)
    assert_nothing_is_left(conn)


def test_a_stopped_process_keeps_no_thread_and_no_connection(database_url: str, conn: Connection):
    before = set(threading.enumerate())
    for _ in range(3):
        make_job(conn)
    with running(database_url, {"t": lambda _: Done({})}) as runtime:
        until(lambda: count(conn, "status = 'completed'") == 3)
        stopping.stop(runtime, 2)
        until(lambda: runtime.engine.pool.checkedout() == 0)  # a task under way may have one still
        assert not runtime.status().running
    until(lambda: not {one for one in threading.enumerate() if one.name != "hints"} - before)


def test_in_a_hurry_what_runs_is_handed_back_at_once(database_url: str, conn: Connection, gate: Gate):
    job, hurried = make_job(conn), threading.Event()
    with running(database_url, {"t": gate}) as runtime, ThreadPoolExecutor(1) as threads:
        until(lambda: gate.runs)
        stopped = threads.submit(stopping.stop, runtime, 3600, hurried.is_set)
        until(lambda: not runtime.heartbeat.stands)
        assert not stopped.done()
        hurried.set()
        stopped.result(20)
        assert (status_of(conn, job), row_of(conn, job).retry_count) == ("queued", 0)
        gate.opened.set()
