import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.jobstores.base import ConflictingIdError, JobLookupError
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from jobs.db.engine import open_engine
from scheduler.clock import GuardedScheduler
from scheduler.jobstore import JsonJobStore
from scheduler.tasks import TASKS, Did
from tests.scheduler.kit import statements, ticking, until
from tests.scheduler.proxy import Proxy

CLUSTER = {"reschedule", "reap", "expire", "purge", "tally"}


@pytest.fixture
def paused() -> Iterator[GuardedScheduler]:
    """A scheduler that keeps entries and runs nothing."""
    scheduler = GuardedScheduler(timezone=UTC)
    scheduler.start(paused=True)
    yield scheduler
    scheduler.shutdown(wait=False)


def make_store(url: str, tasks: Collection[str] = TASKS) -> JsonJobStore:
    return JsonJobStore(open_engine(url, pool_size=1), tasks, print)


def attached(paused: GuardedScheduler, store: JsonJobStore) -> JsonJobStore:
    """`store` as the only one that `paused` has."""
    if "cluster" in paused._jobstores:
        paused.remove_jobstore("cluster")
    paused.add_jobstore(store, "cluster")
    return store


def add(paused: GuardedScheduler, task: str, *, every_s: float, in_s: float) -> datetime:
    run_at = datetime.now(UTC) + timedelta(seconds=in_s)
    trigger = IntervalTrigger(seconds=every_s, timezone=UTC)
    paused.add_job(print, trigger, args=(task,), id=task, jobstore="cluster", next_run_time=run_at)
    return run_at


def rows(conn: Connection) -> dict[str, Any]:
    return {row.id: row for row in conn.execute(text("select id, next_run_time, state from apscheduler_tasks"))}


def insert(conn: Connection, name: str, state: object, next_run_time: float | None = 2e9) -> None:
    statement = text("insert into apscheduler_tasks values (:id, :next, cast(:state as jsonb))")
    conn.execute(statement, {"id": name, "next": next_run_time, "state": json.dumps(state)})


def test_rows_are_json_that_people_can_read(database_url: str, conn: Connection):
    with ticking(database_url, scheduler__reap_every_s=7.5) as clock:
        clock.attach()
        stored = rows(conn)
    assert stored.keys() == CLUSTER
    assert stored["reap"].state == {"task": "reap", "every_s": 7.5}
    assert abs(datetime.fromtimestamp(stored["reap"].next_run_time, UTC) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "state",
    [
        {"task": "of_another_release", "every_s": 5},
        {"task": "reap"},
        {"task": "reap", "every_s": "often"},
        {"task": "reap", "every_s": -5},
        {"task": "reap", "every_s": 0},
        {"task": "reap", "every_s": 1e18},
        {"task": ["reap"], "every_s": 5},
        ["reap", 5],
        None,
    ],
)
def test_a_row_that_is_not_understood_is_counted_and_stays(
    database_url: str, conn: Connection, paused: GuardedScheduler, state: object
):
    insert(conn, "x", state)
    store = attached(paused, make_store(database_url))
    assert store.unknown == 1
    assert store.get_all_jobs() == []
    paused.remove_all_jobs("cluster")
    with ticking(database_url) as clock:
        clock.attach()
    assert rows(conn).keys() == CLUSTER | {"x"}
    assert rows(conn)["x"].state == state


def test_two_releases_side_by_side_leave_each_others_rows(
    database_url: str, conn: Connection, paused: GuardedScheduler
):
    old, new = {"reap"}, {"reap", "lanes"}
    attached(paused, make_store(database_url, new))
    run_at = add(paused, "lanes", every_s=600, in_s=300)
    assert attached(paused, make_store(database_url, old)).unknown == 1
    add(paused, "reap", every_s=5, in_s=5)
    paused.remove_all_jobs("cluster")
    lanes = attached(paused, make_store(database_url, new)).lookup_job("lanes")
    assert lanes.next_run_time == run_at
    assert rows(conn).keys() == {"lanes"}


def test_a_restart_keeps_the_next_run_of_what_is_rare(database_url: str, conn: Connection):
    with ticking(database_url, scheduler__reap_every_s=50) as clock:
        clock.attach()
        later = datetime.now(UTC).timestamp() + 3000  # what is rare has run, and has been written down
        until(lambda: min(rows(conn)[name].next_run_time for name in ("purge", "tally")) > later)
        before = rows(conn)["purge"].next_run_time
    ran: list[str] = []
    with ticking(database_url, lambda task: ran.append(task) or Did(0), scheduler__reap_every_s=50) as clock:
        clock.attach()
        until(lambda: "reap" in ran)  # its next run was not kept: it is due at once
        assert rows(conn)["purge"].next_run_time == before
    assert "purge" not in ran


@pytest.mark.parametrize(("task", "other"), [("purge", "reap"), ("reap", "purge")])
def test_a_changed_interval_reschedules_its_task_alone(database_url: str, conn: Connection, task: str, other: str):
    with ticking(database_url, scheduler__reap_every_s=50) as clock:
        clock.attach()
        later = datetime.now(UTC).timestamp() + 3000  # what is rare has run, and has been written down
        until(lambda: min(rows(conn)[name].next_run_time for name in ("purge", "tally")) > later)
    before = rows(conn)
    with ticking(database_url, **({"scheduler__reap_every_s": 50} | {f"scheduler__{task}_every_s": 40})) as clock:
        clock.attach()
        after = rows(conn)
    assert after[task].state["every_s"] == 40
    assert after[task].next_run_time < datetime.now(UTC).timestamp() + 40
    assert after[other] == before[other]


def test_what_is_overdue_for_long_is_due_once(database_url: str, conn: Connection, paused: GuardedScheduler):
    insert(conn, "reap", {"task": "reap", "every_s": 0.01}, next_run_time=1.0)
    insert(conn, "expire", {"task": "expire", "every_s": 0.01}, next_run_time=None)
    began = datetime.now(UTC)
    store = attached(paused, make_store(database_url))
    assert all(entry.next_run_time >= began for entry in store.get_all_jobs())  # or APScheduler counts every miss
    assert len(store.get_due_jobs(datetime.now(UTC))) == 2


def test_what_a_process_planned_whose_clock_was_ahead_waits_no_longer_than_its_interval(
    database_url: str, conn: Connection, paused: GuardedScheduler
):
    hour = datetime.now(UTC) + timedelta(hours=1)
    insert(conn, "reap", {"task": "reap", "every_s": 5}, next_run_time=hour.timestamp())
    store = attached(paused, make_store(database_url))
    assert store.get_next_run_time() <= datetime.now(UTC) + timedelta(seconds=5)


def test_ticks_of_frequent_tasks_cost_no_statement(database_url: str, conn: Connection):
    ticks: list[str] = []
    stores: list[JsonJobStore] = []
    often = {f"scheduler__{name}_every_s": 0.02 for name in ("reap", "expire", "reschedule")}
    with ticking(database_url, lambda task: ticks.append(task) or Did(0), stores=stores, **often) as clock:
        clock.attach()
        later = datetime.now(UTC).timestamp() + 3000  # what is rare has run, and has been written down
        until(lambda: min(rows(conn)[name].next_run_time for name in ("purge", "tally")) > later)
        with statements(stores[0].engine) as sent:
            ticks.clear()
            until(lambda: min(ticks.count(name) for name in ("reap", "expire", "reschedule")) > 5)
    assert sent == []


def test_an_entry_that_exists_is_not_added_and_one_that_does_not_is_not_changed(
    database_url: str, conn: Connection, paused: GuardedScheduler
):
    store = attached(paused, make_store(database_url))
    add(paused, "reap", every_s=5, in_s=5)
    entry = store.lookup_job("reap")
    with statements(store.engine) as sent, pytest.raises(ConflictingIdError):
        store.add_job(entry)
    assert sent == []
    store.remove_job("reap")
    assert rows(conn) == {}
    for change in (lambda: store.update_job(entry), lambda: store.remove_job("reap")):
        with pytest.raises(JobLookupError):
            change()


def test_a_write_that_fails_leaves_the_timetable_in_order(
    database_url: str, conn: Connection, paused: GuardedScheduler
):
    proxy = Proxy(database_url)
    store = attached(paused, make_store(proxy.url))
    add(paused, "purge", every_s=3600, in_s=1)
    run_at = add(paused, "reap", every_s=5, in_s=5)
    proxy.cut()
    with pytest.raises(OperationalError):
        paused.modify_job("purge", "cluster", next_run_time=run_at + timedelta(hours=1))
    assert store.get_next_run_time() == run_at
    proxy.close()


def test_a_store_that_goes_disposes_of_its_own_engine_alone(
    database_url: str, engine: Engine, conn: Connection, paused: GuardedScheduler
):
    store = attached(paused, make_store(database_url))
    own, others = store.engine.pool, engine.pool
    paused.remove_jobstore("cluster")
    assert store.engine.pool is not own
    assert engine.pool is others
