from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from jobs import queries
from jobs.db.engine import open_engine
from jobs.events import Hints
from jobs.job import Key
from jobs.states import State
from scheduler import tasks
from scheduler.amnesty import Amnesty
from scheduler.rules import Rules
from scheduler.tasks import Did, Ground
from tests.factory import make_job, row_of
from tests.scheduler.kit import count, ready_key, settings, status_of, until


class Ear:
    """Hears the hints, as the pump of this process would."""

    def __init__(self) -> None:
        self.keys: list[Key] = []

    def ready(self, keys: Iterable[Key]) -> bool:
        self.keys += keys
        return True

    def due(self, _due_s: float) -> bool:
        return True


def make_ground(engine: Engine, *, term: int = 1, **changed: Any) -> tuple[Ground, Ear]:
    fixed, ear = settings(scheduler__reap_every_s=7, scheduler__reschedule_every_s=15, **changed), Ear()
    return Ground(engine, Hints(engine, near=ear), Rules(lambda: fixed), Amnesty(), lambda: term), ear


def reaping_ground(engine: Engine) -> tuple[Ground, Ear]:
    """One whose first amnesty, at the start of the term, is over."""
    ground, ear = make_ground(engine, scheduler__heartbeat_every_s=0.01)
    tasks.reap(ground)
    end_amnesty(ground)
    return ground, ear


def end_amnesty(ground: Ground) -> None:
    until(lambda: not ground.amnesty.holds())
    ground.amnesty.expect(100)  # however slow this machine is: the next look does not come late


def age(conn: Connection, job_id: str, column: str, ago: str) -> str:
    statement = f"update ai_jobs set {column} = clock_timestamp() - interval '{ago}' where id = :id"
    conn.execute(text(statement), {"id": job_id})
    return job_id


def test_reschedule_makes_due_jobs_ready_and_hints_them(engine: Engine, conn: Connection):
    ground, ear = make_ground(engine)
    due, waiting = make_job(conn, "due"), make_job(conn, "waiting")
    assert tasks.reschedule(ground).rows == 1
    assert row_of(conn, due).next_processing_at is None
    assert row_of(conn, waiting).next_processing_at is not None
    assert ear.keys == [ready_key(conn, due)]


def test_reschedule_comes_again_when_the_next_wait_ends(engine: Engine, conn: Connection):
    ground, _ = make_ground(engine)
    assert tasks.reschedule(ground) == Did(0, 15)
    job = make_job(conn, "waiting")
    assert tasks.reschedule(ground) == Did(0, 15)
    age(conn, job, "next_processing_at", "-5 seconds")
    again_s = tasks.reschedule(ground).again_s
    assert again_s is not None
    assert 0 < again_s <= 5


def test_a_task_does_a_bounded_number_of_batches(engine: Engine, conn: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    monkeypatch.setattr(tasks, "BATCHES", 2)
    ground, ear = make_ground(engine)
    for _ in range(5):
        make_job(conn, "due")
    assert tasks.reschedule(ground) == Did(4, 0)  # what is left is late already
    assert tasks.reschedule(ground) == Did(1, 15)
    assert len(ear.keys) == 5


@pytest.mark.parametrize(("task", "state"), [("expire", "ready"), ("purge", "failed")])
def test_a_backlog_is_gone_on_with_at_once(
    engine: Engine, conn: Connection, monkeypatch: pytest.MonkeyPatch, task: str, state: str
):
    monkeypatch.setattr(tasks, "BATCH", 2)
    monkeypatch.setattr(tasks, "BATCHES", 2)
    ground, _ = make_ground(engine)
    for _ in range(5):
        age(conn, make_job(conn, state), "deadline_at" if state == "ready" else "completed_at", "9 days")
    assert tasks.TASKS[task](ground) == Did(4, 0)
    assert tasks.TASKS[task](ground) == Did(1, None)


def test_the_tally_folds_what_has_ended_and_counts_what_lives(
    engine: Engine, conn: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tasks, "BATCH", 2)
    monkeypatch.setattr(tasks, "BATCHES", 2)
    ground, _ = make_ground(engine, scheduler__tally_every_s=77)
    for state in ("failed",) * 5 + ("ready",):
        make_job(conn, state)
    assert tasks.tally(ground) == Did(0, 0)
    assert 70 < (tasks.tally(ground).again_s or 0) <= 77
    counted = queries.fleet(conn, silent_s=60).by_state()
    assert (counted[State.FAILED], counted[State.QUEUED]) == (5, 1)


def test_the_purge_forgets_users_of_whom_nothing_is_left(engine: Engine, conn: Connection):
    ground, _ = make_ground(engine)
    age(conn, make_job(conn, "failed"), "completed_at", "9 days")
    for task in (tasks.tally, tasks.purge, tasks.tally, tasks.purge):
        task(ground)
    assert conn.execute(text("select count(*) from ai_user_totals")).scalar_one() == 0


def test_two_leaders_at_once_move_each_job_once(engine: Engine, conn: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tasks, "BATCH", 10)
    grounds = [make_ground(engine)[0] for _ in range(2)]
    for _ in range(100):
        make_job(conn, "due")
    with ThreadPoolExecutor(2) as threads:
        did = list(threads.map(tasks.reschedule, grounds))
    assert sum(one.rows for one in did) == 100
    assert count(conn, "next_processing_at is null") == 100


def test_reap_takes_back_what_lost_workers_hold_and_hints_it(engine: Engine, conn: Connection):
    ground, ear = reaping_ground(engine)
    lost, held = make_job(conn, "lost"), make_job(conn, "processing")
    assert tasks.reap(ground) == Did(1, 7)
    row = row_of(conn, lost)
    assert (row.status, row.losses, row.error_code) == ("queued", 1, "worker_lost")
    assert status_of(conn, held) == "processing"
    assert ear.keys == [ready_key(conn, lost)]


def test_reap_at_the_start_of_a_term_reaps_nothing_and_comes_again_after_the_amnesty(engine: Engine, conn: Connection):
    ground, _ = make_ground(engine, scheduler__heartbeat_every_s=0.1)
    lost = make_job(conn, "lost")
    did = tasks.reap(ground)
    assert did.rows == 0
    assert did.again_s is not None
    assert 0 < did.again_s <= 0.36
    assert status_of(conn, lost) == "processing"
    end_amnesty(ground)
    assert tasks.reap(ground).rows == 1


def test_reap_sleeps_for_a_whole_lease_while_nothing_runs(engine: Engine, conn: Connection):
    ground, _ = reaping_ground(engine)
    assert tasks.reap(ground) == Did(0, ground.times.lease_s)


def test_after_an_error_reap_reaps_nothing_for_a_while(engine: Engine, conn: Connection):
    nowhere = open_engine("postgresql://nobody@127.0.0.1:1/none")
    ground, _ = make_ground(nowhere)
    with pytest.raises(OperationalError):
        tasks.reap(ground)
    assert ground.amnesty.holds()


def test_expire_ends_queued_jobs_that_nobody_waits_for(engine: Engine, conn: Connection):
    ground, _ = make_ground(engine)
    late = [age(conn, make_job(conn, state), "deadline_at", "1 second") for state in ("ready", "waiting")]
    running = age(conn, make_job(conn, "processing"), "deadline_at", "1 second")
    early = age(conn, make_job(conn), "deadline_at", "-1 hour")
    assert tasks.expire(ground) == Did(2, None)
    assert [row_of(conn, job).error_code for job in late] == ["expired", "expired"]
    assert [status_of(conn, job) for job in (running, early)] == ["processing", "queued"]


def test_purge_deletes_what_ended_long_ago_and_nothing_else(engine: Engine, conn: Connection):
    ground, _ = make_ground(engine)
    for state in ("completed", "failed", "cancelled"):
        age(conn, make_job(conn, state), "completed_at", "8 days")
        age(conn, make_job(conn, state), "completed_at", "6 days")
    for state in ("ready", "waiting", "processing"):
        age(conn, make_job(conn, state), "created_at", "100 days")
    assert tasks.purge(ground) == Did(3, None)
    assert count(conn, "true") == 6


def test_purge_forgets_workers_that_are_long_gone(engine: Engine, conn: Connection):
    ground, _ = make_ground(engine)
    for name, seen in (("old", "25 hours"), ("new", "23 hours")):
        conn.execute(
            text(
                "insert into ai_workers (id, host, pid, version, job_types, seats, seen_at)"
                f" values (:name, 'h', 1, '1', '{{}}', 1, clock_timestamp() - interval '{seen}')"
            ),
            {"name": name},
        )
    tasks.purge(ground)
    assert conn.execute(text("select id from ai_workers")).scalars().all() == ["new"]
