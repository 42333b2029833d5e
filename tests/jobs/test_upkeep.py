"""reschedule, expire, purge and the queue's clock: bounded steps that are harmless when two leaders take them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from jobs import store, workers
from jobs.telemetry import JobChanged
from tests.factory import make_job
from tests.jobs import kit

PAST, FUTURE = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
WEEK_S = 7 * 86400
OLD, RECENT = (datetime.now(UTC) - timedelta(seconds=seconds) for seconds in (WEEK_S + 60, WEEK_S - 3600))


def test_reschedule_makes_ready_what_is_due_and_lets_the_rest_wait(conn):
    due, waiting = make_job(conn, "due"), make_job(conn, "waiting")
    (key,) = store.reschedule(conn)
    assert key.seq == kit.whole(conn, due)["seq"]
    assert kit.ids(kit.claim(conn, seats=9).claims) == [due]
    assert kit.whole(conn, waiting)["next_processing_at"] is not None


def test_next_due_s_is_the_time_until_the_first_wait_ends(conn):
    assert store.next_due_s(conn) is None
    make_job(conn, "ready")
    assert store.next_due_s(conn) is None
    make_job(conn, "waiting")
    later = store.next_due_s(conn)
    make_job(conn, "due")
    late = store.next_due_s(conn)
    assert later is not None
    assert late is not None
    assert late < 0
    assert 3500 < later <= 3600


def test_expire_fails_only_queued_jobs_whose_deadline_has_passed(conn):
    late = [make_job(conn, state, deadline_at=PAST) for state in ("ready", "waiting", "due")]
    spared = [make_job(conn, state, deadline_at=PAST) for state in ("processing", "completed", "failed", "cancelled")]
    spared += [make_job(conn, "ready", deadline_at=FUTURE), make_job(conn, "ready")]
    before = [kit.whole(conn, job_id) for job_id in spared]
    assert store.expire(conn) == [JobChanged(job_id, "ann", ended=True, change="expired") for job_id in late]
    rows = [kit.whole(conn, job_id) for job_id in late]
    assert {(row["status"], row["error_code"], row["next_processing_at"]) for row in rows} == {
        ("failed", "expired", None)
    }
    assert [kit.whole(conn, job_id) for job_id in spared] == before


def test_purge_deletes_final_jobs_beyond_the_retention_and_never_a_live_one(conn):
    for state in ("completed", "failed", "cancelled"):
        make_job(conn, state, completed_at=OLD)
    kept = [make_job(conn, state, completed_at=RECENT) for state in ("completed", "failed", "cancelled")]
    kept += [
        make_job(conn, state, created_at=OLD, ready_at=OLD)
        for state in ("ready", "waiting", "due", "processing", "lost")
    ]
    assert store.purge(conn, retention_s=WEEK_S) == 3
    assert {str(row.id) for row in kit.all_rows(conn)} == set(kept)


CONTRADICTIONS = {  # step: (what it does, the CHECK that forbids such rows, their states, what stands in them)
    "purge": (
        lambda conn: store.purge(conn, retention_s=WEEK_S),
        "final_is_dated",
        ["ready", "processing"],
        {"completed_at": OLD},
    ),
    "reap": (
        lambda conn: len(store.reap(conn)[0]),
        "processing_is_leased",
        ["ready", "failed"],
        {"lease_expires_at": OLD, "worker_id": "w"},
    ),
    "reschedule": (
        lambda conn: len(store.reschedule(conn)),
        "only_queued_waits",
        ["processing", "failed"],
        {"next_processing_at": OLD},
    ),
}


@pytest.mark.parametrize("step", CONTRADICTIONS)
def test_a_step_looks_at_the_status_itself_and_does_not_rely_on_a_check(engine, step):
    take, check, states, columns = CONTRADICTIONS[step]
    with engine.connect() as conn:
        conn.execute(text(f"delete from ai_jobs; alter table ai_jobs drop constraint ai_jobs_{check}"))
        for state in states:
            make_job(conn, state, **columns)
        assert take(conn) == 0
        conn.rollback()


MAKERS = {
    "reschedule": (lambda conn: make_job(conn, "due"), lambda conn, **by: len(store.reschedule(conn, **by))),
    "expire": (
        lambda conn: make_job(conn, "ready", deadline_at=PAST),
        lambda conn, **by: len(store.expire(conn, **by)),
    ),
    "purge": (
        lambda conn: make_job(conn, "failed", completed_at=OLD),
        lambda conn, **by: store.purge(conn, retention_s=WEEK_S, **by),
    ),
}


@pytest.mark.parametrize("task", MAKERS)
def test_one_call_moves_one_batch(conn, task):
    make, move = MAKERS[task]
    for _ in range(5):
        make(conn)
    assert [move(conn, batch=2) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("task", MAKERS)
def test_two_leaders_at_once_move_each_job_once(conn, engine, task):
    make, move = MAKERS[task]
    for _ in range(60):
        make(conn)
    assert sum(kit.at_once(engine, 4, lambda own, _: move(own))) == 60


@pytest.mark.parametrize("task", MAKERS)
def test_a_row_that_somebody_else_works_on_does_not_hold_up_the_others(conn, engine, task):
    make, move = MAKERS[task]
    busy, _ = make(conn), make(conn)
    with engine.connect() as other:
        other.begin()
        other.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": busy})
        with kit.impatient(conn):
            assert move(conn) == 1
    assert move(conn) == 1


def clock(conn):
    return {row.rank: row.turn for row in conn.execute(text("select rank, turn from ai_queue_clock"))}


def test_the_clock_only_moves_forward(conn):
    store.advance_clock(conn, {0: 5, -9: 7})
    store.advance_clock(conn, {0: 4, -9: 8, 9: 1})
    assert clock(conn) == {0: 5, -9: 8, 9: 1}


def test_clocks_that_are_advanced_at_once_in_any_order_do_not_deadlock(conn, engine):
    def advance(own, number):
        for turn in range(30):
            ranks = range(-9, 10) if number % 2 else range(9, -10, -1)
            store.advance_clock(own, dict.fromkeys(ranks, turn * 4 + number))

    kit.at_once(engine, 4, advance)
    assert clock(conn) == dict.fromkeys(range(-9, 10), 29 * 4 + 3)


def test_workers_that_nobody_has_seen_for_a_day_are_forgotten(conn):
    for worker_id in ("alive", "gone"):
        workers.heartbeat(conn, [], kit.worker(worker_id), stands=False)
    conn.execute(text("update ai_workers set seen_at = seen_at - interval '25 hours' where id = 'gone'"))
    workers.forget(conn)
    assert conn.execute(text("select id from ai_workers")).scalars().all() == ["alive"]
