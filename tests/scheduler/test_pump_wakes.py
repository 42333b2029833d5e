"""The pump in its own thread: who wakes it, and that nobody's call is lost."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from jobs import runner, store
from jobs.job import Run
from jobs.outcomes import Done, Outcome, Retry
from jobs.telemetry import RunEnded
from scheduler import pump as pump_module
from tests.factory import make_job
from tests.scheduler.kit import (
    Gate,
    MakeRig,
    Rig,
    count,
    during,
    make_held,
    ready_key,
    statements,
    status_of,
    told,
    until,
)


def done(_run: Run) -> Outcome:
    return Done({})


@pytest.fixture
def idle(make_rig: MakeRig, conn: Connection) -> Iterator[Rig]:
    """A pump that has looked at the empty queue, and sleeps."""
    rig = make_rig({"t": done}, scheduler__seats=1)
    rig.pump.step()
    rig.pump._awake.clear()
    with rig.looping():
        yield rig


def test_a_poll_wakes_it(idle: Rig, conn: Connection):
    job = make_job(conn)
    idle.pump.poll()
    until(lambda: status_of(conn, job) == "completed")


def test_a_hint_wakes_it(idle: Rig, conn: Connection):
    job = make_job(conn)
    idle.pump.ready([ready_key(conn, job)])
    until(lambda: status_of(conn, job) == "completed")


def test_an_enqueue_in_the_same_process_wakes_it_without_a_notify(idle: Rig, engine: Engine, conn: Connection):
    with statements(engine, "pg_notify") as sent:
        added = store.enqueue(conn, user_id="ann", job_type="t", request_data={})
        idle.hints.ready([added.key])
        until(lambda: status_of(conn, added.id) == "completed")
    assert sent == []


def test_a_finished_run_wakes_it_for_the_next_job(idle: Rig, conn: Connection):
    for _ in range(20):
        make_job(conn)
    idle.pump.poll()
    until(lambda: count(conn, "status = 'completed'") == 20)


def test_an_outcome_wakes_it_that_no_seat_brings(idle: Rig, conn: Connection):
    job = make_job(conn, "processing")  # as when the watchdog ends a run whose handler goes on
    idle.pump.ended(runner.settle(make_held(job), Done({}), retry_delay_s=0, result_bytes=1000))
    until(lambda: status_of(conn, job) == "completed")


def test_a_seat_that_frees_after_its_run_was_recorded_wakes_it(engine: Engine, conn: Connection):
    leave, ended = threading.Event(), threading.Event()

    class Slow(Rig):
        def _work(self, held):  # type: ignore[no-untyped-def]
            super()._work(held)
            ended.set()
            assert leave.wait(30)  # as if the system gave this thread no time

    rig = Slow(engine, {"t": done}, scheduler__seats=1)
    first, second = make_job(conn), make_job(conn)
    rig.pump.step()
    assert ended.wait(30)
    assert rig.pump.step().recorded == 1
    assert status_of(conn, first) == "completed"
    rig.pump._awake.clear()
    with rig.looping():
        leave.set()
        until(lambda: status_of(conn, second) == "completed")


def test_a_backlog_in_every_rank_drains_without_a_poll(make_rig: MakeRig, conn: Connection):
    for priority in (0, -1):
        for _ in range(3):
            make_job(conn, priority=priority)
    rig = make_rig({"t": done}, scheduler__seats=1)
    rig.pump.poll()
    with rig.looping():
        until(lambda: count(conn, "status = 'completed'") == 6)


def test_idleness_costs_no_statement(idle: Rig, engine: Engine, conn: Connection):
    for _ in range(3):
        make_job(conn)
    idle.pump.poll()
    until(lambda: count(conn, "status = 'completed'") == 3)
    bounds = idle.pump._claims._bounds
    until(lambda: not (bounds._more or bounds._wants_full))  # its last look, without bounds, is over
    with statements(engine, "-- claim") as sent:
        assert not threading.Event().wait(0.5)
    assert sent == []


def test_a_wanted_look_costs_no_statement_while_the_seats_are_full(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=1)
    make_job(conn)
    rig.pump.step()
    rig.pump._claims._bounds._full_not_before = 0
    rig.pump.poll()
    assert rig.pump._nap_s() is None
    gate.opened.set()
    until(rig.pool.free)
    assert rig.pump._nap_s() == 0


def test_a_row_that_cannot_be_read_does_not_end_the_loop(idle: Rig, conn: Connection):
    conn.execute(
        text("insert into ai_jobs (user_id, job_type, request_data) values ('ann', 't', cast(:deep as jsonb))"),
        {"deep": '{"n": ' + "1" * 5000 + "}"},
    )
    idle.pump.poll()
    until(lambda: count(conn, "status = 'processing'") == 1)
    job = make_job(conn)
    idle.pump.ready([ready_key(conn, job)])
    until(lambda: status_of(conn, job) == "completed")


def test_no_outcome_is_lost_when_many_threads_report_while_steps_run(
    make_rig: MakeRig, conn: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pump_module, "BATCH", 50)  # so that a flush leaves some over
    rig = make_rig({"t": done})
    ids = [make_job(conn, "processing") for _ in range(800)]
    taken = itertools.cycle([Done({}), Retry("later", counted=False, delay_s=100)])
    work = iter([(make_held(job_id), next(taken)) for job_id in ids])
    lock = threading.Lock()

    def report() -> None:
        while True:
            with lock:
                one = next(work, None)
            if one is None:
                return
            held, outcome = one
            rig.pump.ended(runner.settle(held, outcome, retry_delay_s=0, result_bytes=1000))

    threads = [threading.Thread(target=report) for _ in range(8)]
    with rig.looping(), told(RunEnded) as ends:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        until(lambda: len(ends) == 800)
    assert count(conn, "status = 'completed'") == 400
    assert count(conn, "status = 'queued' and next_processing_at is not null") == 400
    assert not rig.pump._done


def test_a_poll_that_comes_while_a_look_is_under_way_is_not_lost(engine: Engine, make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": done})
    with during(engine, "-- claim", rig.pump.poll):
        rig.pump.step()
    assert rig.pump._nap_s() is not None


def test_a_stopped_loop_gives_its_connection_back(engine: Engine, make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": done})
    before = engine.pool.checkedout()
    with rig.looping():
        rig.pump.poll()
        until(lambda: engine.pool.checkedout() == before + 1)
    assert engine.pool.checkedout() == before
