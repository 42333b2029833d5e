"""Numbers of jobs that are exact without counting: whatever ends, reopens or deletes a job, in whichever way."""

import threading

import pytest
from sqlalchemy import Connection, text

from jobs import queries, totals, workers
from jobs.db.engine import autocommit, open_engine
from jobs.states import State
from tests.factory import make_job
from tests.jobs import kit

STATES = ["ready", "waiting", "processing", "completed", "failed", "cancelled"]
REOPEN = "update ai_jobs set status = 'queued', completed_at = null where id = :id"


def fleet(conn: Connection) -> queries.Fleet:
    """As it is now."""
    totals.fold(conn)
    totals.count_live(conn, every_s=15)
    return queries.fleet(conn, silent_s=60)


def ended(conn: Connection, user_id: str = "ann") -> dict[str, int]:
    counted = queries.stats(conn, user_id=user_id)
    return {state.value: counted[state] for state in (State.COMPLETED, State.FAILED, State.CANCELLED)}


def deltas(conn: Connection) -> int:
    return int(conn.execute(text("select count(*) from ai_job_deltas")).scalar_one())


def test_the_fleet_is_counted_over_all_users(conn):
    for state in (*STATES, "due", "lost"):
        make_job(conn, state)
        make_job(conn, state, user_id="bob", job_type="other")
    found = fleet(conn)
    live = {"ready": 1, "waiting": 2, "processing": 2}
    assert found.depth == {(job_type, state): jobs for job_type in ("t", "other") for state, jobs in live.items()}
    assert found.finals == {
        (job_type, state): 1
        for job_type in ("t", "other")
        for state in (State.COMPLETED, State.FAILED, State.CANCELLED)
    }
    assert found.by_state() == {
        State.QUEUED: 6, State.PROCESSING: 4, State.COMPLETED: 2, State.FAILED: 2, State.CANCELLED: 2
    }  # fmt: skip


def test_workers_that_are_silent_do_not_count(conn):
    for name in ("alive", "silent"):
        workers.heartbeat(conn, [], kit.worker(name), stands=False)
    conn.execute(text("update ai_workers set seen_at = seen_at - interval '61 s' where id = 'silent'"))
    assert fleet(conn).workers == 1


def test_the_oldest_ready_job_is_told_by_type(conn):
    assert fleet(conn).oldest_ready_s == {}
    make_job(conn, priority=9)
    make_job(conn, "processing", job_type="busy", ready_at="2020-01-01")
    old = make_job(conn, priority=-9)
    kit.put(conn, old, ready_at="clock_timestamp() - interval '100 s'")
    [(job_type, oldest_s)] = fleet(conn).oldest_ready_s.items()
    assert job_type == "t"
    assert 100 <= oldest_s < 110


@pytest.mark.parametrize("folded", [False, True])
def test_a_users_numbers_are_exact_at_any_moment(conn, folded):
    """A job that ended twice, one that was reopened, one that was deleted, and one whose ending was rolled back."""
    twice, reopened, deleted, undone = (make_job(conn, "failed") for _ in range(4))
    make_job(conn, "failed", user_id="bob")
    if folded:
        totals.fold(conn)
    conn.execute(text("update ai_jobs set status = 'cancelled' where id = :id"), {"id": twice})
    conn.execute(text(REOPEN), {"id": reopened})
    conn.execute(text("delete from ai_jobs where id = :id"), {"id": deleted})
    conn.execute(text("begin"))
    conn.execute(text(REOPEN), {"id": undone})
    conn.execute(text("rollback"))
    assert ended(conn) == {"completed": 0, "failed": 1, "cancelled": 1}
    totals.fold(conn)
    assert ended(conn) == {"completed": 0, "failed": 1, "cancelled": 1}
    assert deltas(conn) == 0
    assert fleet(conn).finals == {("t", State.FAILED): 2, ("t", State.CANCELLED): 1}


def test_a_write_that_ends_nothing_leaves_no_delta(conn):
    job_id = make_job(conn, "completed")
    totals.fold(conn)
    conn.execute(
        text("update ai_jobs set progress_message = 'x', version = version + 1 where id = :id"), {"id": job_id}
    )
    kit.claim(conn, seats=1)
    make_job(conn)
    assert deltas(conn) == 0


def test_folding_is_bounded(conn):
    for _ in range(5):
        make_job(conn, "completed")
    assert [totals.fold(conn, batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert ended(conn)["completed"] == 5


def test_two_that_fold_at_once_count_nothing_twice(conn, database_url):
    for n in range(300):
        make_job(conn, "completed", user_id=f"user-{n % 7}")
    engine = open_engine(database_url)

    def fold() -> None:
        with autocommit(engine) as own:
            while totals.fold(own, batch=5):
                pass

    threads = [threading.Thread(target=fold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert fleet(conn).finals == {("t", State.COMPLETED): 300}
    assert sum(ended(conn, f"user-{n}")["completed"] for n in range(7)) == 300


def test_users_and_types_without_ended_jobs_are_forgotten(conn):
    kept, gone = make_job(conn, "completed"), make_job(conn, "completed", user_id="bob", job_type="other")
    totals.fold(conn)
    conn.execute(text("delete from ai_jobs where id = :id"), {"id": gone})
    totals.fold(conn)
    assert fleet(conn).finals == {("t", State.COMPLETED): 1}
    totals.forget(conn)
    assert [row.user_id for row in conn.execute(text("select user_id from ai_user_totals"))] == ["ann"]
    assert queries.job(conn, job_id=kept, user_id="ann")


def test_a_table_that_is_emptied_at_a_stroke_leaves_no_numbers(conn):
    make_job(conn, "completed")
    totals.fold(conn)
    make_job(conn, "completed")
    conn.execute(text("truncate ai_jobs cascade"))
    assert ended(conn) == {"completed": 0, "failed": 0, "cancelled": 0}
    assert fleet(conn).finals == {}


def asked(conn: Connection) -> queries.Fleet:
    return totals.fleet(conn, silent_s=60, every_s=15)


def test_who_asks_counts_only_when_nobody_else_does(conn):
    make_job(conn, "ready")
    make_job(conn, "completed")
    assert asked(conn).by_state() == dict.fromkeys(State, 0) | {State.QUEUED: 1, State.COMPLETED: 1}
    make_job(conn, "ready")
    make_job(conn, "completed")
    found = asked(conn)
    assert (found.live("ready"), found.by_state()[State.COMPLETED]) == (1, 1)
    assert found.late_s is not None
    assert -15 <= found.late_s < 0
    conn.execute(text("update ai_fleet_depth set due_at = now() - interval '5 s'"))
    assert asked(conn).live("ready") == 1  # whose turn it is may be about to
    conn.execute(text("update ai_fleet_depth set due_at = now() - interval '16 s'"))
    found = asked(conn)
    assert (found.live("ready"), found.by_state()[State.COMPLETED]) == (2, 2)


def test_who_asks_does_not_wait_for_all_that_has_ended_while_there_was_no_leader(conn, monkeypatch):
    monkeypatch.setattr(totals, "BATCH", 1)
    monkeypatch.setattr(totals, "FOLDS", 2)
    for _ in range(3):
        make_job(conn, "completed")
    assert asked(conn).by_state()[State.COMPLETED] == 2
    conn.execute(text("update ai_fleet_depth set due_at = now() - interval '16 s'"))
    assert asked(conn).by_state()[State.COMPLETED] == 3


def test_the_longer_a_count_takes_the_rarer_it_is(conn):
    assert totals.count_live(conn, every_s=0) > 0
    assert 99 < totals.count_live(conn, every_s=100) <= 100
