"""New intervals: followed at once, here and in the leader's timetable, and what is planned never comes later by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from jobs.db.engine import open_engine
from scheduler.clock import Clock
from scheduler.jobstore import JsonJobStore
from scheduler.tasks import TASKS
from scheduler.timetable import CLUSTER, LOCAL
from tests.hot.kit import Tuned, shows
from tests.scheduler.kit import nothing_done, until

RARE = {f"{task}_every_s": 3600 for task in ("poll", "reschedule", "reap", "expire", "purge", "tally")}
NAMES = [entry.name for entry in CLUSTER]


@contextmanager
def leading(url: str, tuned: Tuned) -> Iterator[Clock]:
    """A clock that holds both timetables; every task of the cluster has had its first run."""
    store = JsonJobStore(open_engine(url, pool_size=1), TASKS, lambda task: clock.dispatch(task))  # noqa: PLW0108 - made below
    local = {entry.name: lambda: None for entry in LOCAL} | {"lead": lambda: clock.attach()}  # noqa: PLW0108 - made below
    clock = Clock(lambda: tuned.settings.scheduler, local, nothing_done, lambda _dispatched: store)
    tuned.current.subscribe(lambda _settings: clock.retune())
    clock.start()
    clock.attach()
    soon = datetime.now(UTC) + timedelta(seconds=600)
    until(lambda: all(run_at(clock, name) > soon for name in NAMES))
    try:
        yield clock
    finally:
        clock.stop()
        store.engine.dispose()


@pytest.fixture
def tuned(tmp_path: Path) -> Tuned:
    return Tuned(tmp_path, scheduler=RARE)


def run_at(clock: Clock, task: str) -> datetime:
    return clock._scheduler.get_job(task, "cluster" if task in NAMES else None).next_run_time  # type: ignore[no-any-return]


def in_s(clock: Clock, task: str) -> float:
    return (run_at(clock, task) - datetime.now(UTC)).total_seconds()


def every_s(clock: Clock, task: str) -> float:
    found = clock._scheduler.get_job(task, "cluster" if task in NAMES else None)
    return found.trigger.interval.total_seconds()  # type: ignore[no-any-return]


@shows(*(f"scheduler.{task}_every_s" for task in ("poll", "reschedule", "reap", "expire", "purge", "tally")))
@pytest.mark.parametrize("task", ["poll", "reschedule", "reap", "expire", "purge", "tally"])
def test_a_shorter_interval_counts_from_now(database_url: str, conn: Connection, tuned: Tuned, task: str):
    with leading(database_url, tuned) as clock:
        tuned.set(scheduler=RARE | {f"{task}_every_s": 100})
        until(lambda: every_s(clock, task) == 100)
        assert in_s(clock, task) <= 100
        others = {entry.name for entry in CLUSTER} - {task}
        assert all(in_s(clock, other) > 3000 for other in others)
    if task in NAMES:
        stored = conn.execute(text("select state from apscheduler_tasks where id = :id"), {"id": task}).scalar_one()
        assert stored == {"task": task, "every_s": 100}


@pytest.mark.parametrize("task", ["poll", "purge"])
def test_a_longer_interval_puts_off_nothing_that_is_planned(
    database_url: str, conn: Connection, tuned: Tuned, task: str
):
    """Else a purge would never come as long as somebody edits its interval."""
    with leading(database_url, tuned) as clock:
        planned = run_at(clock, task)
        tuned.set(scheduler=RARE | {f"{task}_every_s": 9000})
        until(lambda: every_s(clock, task) == 9000)
        assert run_at(clock, task) == planned


def test_what_a_task_was_asked_for_is_not_put_off(database_url: str, conn: Connection, tuned: Tuned):
    with leading(database_url, tuned) as clock:
        assert clock.advance("reschedule", 50)
        planned = run_at(clock, "reschedule")
        tuned.set(scheduler=RARE | {"reschedule_every_s": 200})
        until(lambda: every_s(clock, "reschedule") == 200)
        assert run_at(clock, "reschedule") == planned


def test_an_interval_that_changes_while_its_task_runs_holds_afterwards(
    database_url: str, conn: Connection, tuned: Tuned
):
    """The task has read the old one and says by it when to come again."""
    with leading(database_url, tuned) as clock:
        clock._wanted.clear()
        tuned.set(scheduler=RARE | {"reap_every_s": 100})
        until(lambda: every_s(clock, "reap") == 100)
        clock._plan("reap", datetime.now(UTC) + timedelta(seconds=3600))
        assert in_s(clock, "reap") <= 100


def test_a_process_that_does_not_lead_follows_its_own_timetable(database_url: str, conn: Connection, tuned: Tuned):
    with leading(database_url, tuned) as clock:
        clock.detach()
        clock._local = {**clock._local, "lead": lambda: None}
        tuned.set(scheduler=RARE | {"poll_every_s": 100})
        until(lambda: every_s(clock, "poll") == 100)


def test_a_clock_that_has_stopped_is_left_alone(tmp_path: Path, tuned: Tuned):
    clock = Clock(
        lambda: tuned.settings.scheduler,
        dict.fromkeys((e.name for e in LOCAL), lambda: None),
        nothing_done,
        lambda _: None,
    )  # type: ignore[arg-type,return-value]
    clock.start()
    clock.stop()
    clock.retune()
    assert not clock.alive()
