import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.jobstores.memory import MemoryJobStore
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from jobs.telemetry import TaskRan
from scheduler.clock import Clock, GuardedScheduler
from scheduler.jobstore import JsonJobStore
from scheduler.tasks import Did
from scheduler.timetable import CLUSTER
from tests.scheduler.kit import ticking, told, until
from tests.scheduler.proxy import Proxy


class Faulty(MemoryJobStore):  # type: ignore[misc]  # APScheduler has no types
    """`method` raises while `broken` is set."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.broken, self.raised = False, 0
        real = getattr(self, method)

        def faulty(*given: Any) -> Any:
            if self.broken:
                self.raised += 1
                raise ConnectionError(method)
            return real(*given)

        setattr(self, method, faulty)


@pytest.mark.parametrize("method", ["get_due_jobs", "update_job", "remove_job", "get_next_run_time"])
def test_the_clock_goes_on_after_a_store_that_raised(method: str):
    scheduler, store, ticks = GuardedScheduler(timezone=UTC, jobstore_retry_interval=0.01), Faulty(method), list[int]()
    scheduler.add_jobstore(store, "faulty")
    scheduler.start()
    scheduler.add_job(lambda: ticks.append(1), "interval", seconds=0.01, jobstore="faulty")
    until(lambda: len(ticks) > 2)
    store.broken = True
    scheduler.add_job(lambda: None, "date", run_date=datetime.now(UTC), jobstore="faulty", misfire_grace_time=None)
    until(lambda: store.raised > 2)
    assert scheduler.alive()
    store.broken = False
    before = len(ticks)
    until(lambda: len(ticks) > before + 2)
    scheduler.shutdown(wait=False)
    assert not scheduler.alive()


def test_the_timetable_follows_a_system_clock_that_is_set_back():
    """As it looks from inside: what was planned is an hour off, and the clock is an hour behind where it was."""
    scheduler, ticks, hour = GuardedScheduler(timezone=UTC), list[int](), timedelta(hours=1)
    scheduler.start()
    entry = scheduler.add_job(lambda: ticks.append(1), "interval", seconds=600)
    entry.modify(next_run_time=datetime.now(UTC) + hour)
    scheduler._ahead_s += hour.total_seconds()
    scheduler.wakeup()
    until(lambda: ticks)
    assert entry.next_run_time < datetime.now(UTC) + timedelta(seconds=601)
    scheduler.shutdown(wait=False)


def test_a_small_regulation_of_the_system_clock_moves_nothing():
    scheduler = GuardedScheduler(timezone=UTC)
    scheduler.start()
    entry = scheduler.add_job(lambda: None, "interval", seconds=600)
    planned, passed = entry.next_run_time, scheduler.last_pass
    scheduler._ahead_s += 0.5
    scheduler.wakeup()
    until(lambda: scheduler.last_pass > passed)
    assert entry.next_run_time == planned
    scheduler.shutdown(wait=False)


def planned(clock: Any, task: str) -> datetime:
    """When the task runs next."""
    return clock._scheduler.get_job(task, "cluster").next_run_time  # type: ignore[no-any-return]


def test_the_clock_goes_on_after_its_connection_was_cut_at_a_write(database_url: str, engine: Engine, conn: Connection):
    ticks: list[str] = []
    stores: list[JsonJobStore] = []
    cut: list[int] = []

    def terminate(_conn: object, cursor: Any, statement: str, *_rest: object) -> None:
        if "apscheduler_tasks" in statement and len(cut) < 3:
            cut.append(cursor.connection.get_backend_pid())
            conn.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": cut[-1]})

    with ticking(database_url, lambda task: ticks.append(task) or Did(0), stores=stores) as clock:
        clock.attach()
        until(lambda: planned(clock, "purge") > datetime.now(UTC) + timedelta(seconds=3000))
        event.listen(stores[0].engine, "before_cursor_execute", terminate)
        for expected in (1, 2, 3):  # at its next run the clock writes down the one after
            clock._scheduler.get_job("purge", "cluster").next_run_time = datetime.now(UTC)
            stores[0]._memory.update_job(clock._scheduler.get_job("purge", "cluster"))
            clock._scheduler.wakeup()
            until(lambda expected=expected: len(cut) == expected)
        ticks.clear()
        assert clock.advance("reap", 0)
        until(lambda: "reap" in ticks)
        assert clock.alive()


def test_a_timetable_that_could_not_be_read_is_taken_at_the_next_try(proxy: Proxy, conn: Connection):
    ticks: list[str] = []
    with ticking(proxy.url, lambda task: ticks.append(task) or Did(0)) as clock:
        proxy.cut()
        for _ in range(2):
            with pytest.raises(OperationalError):
                clock.attach()
        assert not clock.advance("reap", 0)
        proxy.mend()
        clock.attach()
        until(lambda: "reap" in ticks)


def test_a_timetable_can_be_let_go_and_taken_again(database_url: str, conn: Connection):
    ticks: list[str] = []
    with ticking(database_url, lambda task: ticks.append(task) or Did(0), scheduler__reap_every_s=50) as clock:
        for _ in range(3):
            clock.attach()
            clock.attach()
            until(lambda: "reap" in ticks)
            clock.detach()
            clock.detach()
            assert not clock.advance("reap", 0)
            ticks.clear()
    assert conn.execute(text("select count(*) from apscheduler_tasks")).scalar_one() == len(CLUSTER)


def test_an_entry_of_ours_that_the_timetable_no_longer_has_is_dropped(database_url: str, conn: Connection):
    entry = """insert into apscheduler_tasks values ('nightly', 2e9, '{"task": "purge", "every_s": 9}')"""
    conn.execute(text(entry.replace(":", r"\:")))
    with ticking(database_url) as clock:
        clock.attach()
    assert conn.execute(text("select count(*) from apscheduler_tasks where id = 'nightly'")).scalar_one() == 0


def calm(clock: Any) -> None:
    """Attach, and wait until every task has run once and been planned anew."""
    clock.attach()
    later = datetime.now(UTC) + timedelta(seconds=3000)
    until(lambda: all(entry.next_run_time > later for entry in clock._scheduler.get_jobs("cluster")))


def test_advance_moves_a_task_only_to_earlier(database_url: str, conn: Connection):
    with ticking(database_url) as clock:
        calm(clock)
        began = datetime.now(UTC)
        assert clock.advance("reschedule", 1000)
        sooner = planned(clock, "reschedule")
        assert began + timedelta(seconds=1000) <= sooner <= datetime.now(UTC) + timedelta(seconds=1000)
        assert clock.advance("reschedule", 2000)
        assert planned(clock, "reschedule") == sooner


def test_advance_needs_no_database(proxy: Proxy, conn: Connection):
    with ticking(proxy.url) as clock:
        calm(clock)
        proxy.cut()
        assert clock.advance("reschedule", 1000)
        assert planned(clock, "reschedule") < datetime.now(UTC) + timedelta(seconds=1001)


def test_an_advance_that_comes_while_the_task_runs_is_not_lost(database_url: str, conn: Connection):
    inside, leave = threading.Event(), threading.Event()

    def cluster(task: str) -> Did:
        if task == "reschedule":
            inside.set()
            assert leave.wait(30)
        return Did(0, 2000)

    with ticking(database_url, cluster) as clock:
        clock.attach()
        assert inside.wait(30)
        clock.advance("reschedule", 1000)
        with told(TaskRan) as ran:
            leave.set()
            until(lambda: [one for one in ran if one.task == "reschedule"])
        assert planned(clock, "reschedule") < datetime.now(UTC) + timedelta(seconds=1001)


def test_a_task_says_when_it_comes_again(database_url: str, conn: Connection):
    with ticking(database_url, lambda _: Did(0, 50)) as clock, told(TaskRan) as ran:
        clock.attach()
        until(lambda: len(ran) == len(CLUSTER))
        assert planned(clock, "reap") < datetime.now(UTC) + timedelta(seconds=50)


def fail(_task: str) -> Did:
    raise OperationalError("select 1", {}, Exception("away"))


def end_strangely(_task: str) -> Did:
    raise ZeroDivisionError


@pytest.mark.parametrize("cluster", [fail, end_strangely])
def test_a_task_that_fails_comes_again_at_its_time(database_url: str, conn: Connection, cluster: Callable[[str], Did]):
    with ticking(database_url, cluster) as clock, told(TaskRan) as ran:
        calm(clock)
        until(lambda: len(ran) == len(CLUSTER))
    assert all(one.failed for one in ran)


def test_a_task_that_met_a_fault_of_the_database_says_so_in_one_line(
    database_url: str, conn: Connection, caplog: pytest.LogCaptureFixture
):
    with ticking(database_url, fail) as clock, told(TaskRan) as ran:
        calm(clock)
        until(lambda: len(ran) == len(CLUSTER))
    assert "task reap failed (OperationalError)" in caplog.text
    traces = [one.exc_info for one in caplog.records if one.exc_info]  # one may be late, of the test before
    assert not [kind for kind, _, _ in traces if kind is not ZeroDivisionError]


def test_what_a_task_did_is_told(database_url: str, conn: Connection):
    with ticking(database_url, lambda _: Did(7)) as clock, told(TaskRan) as ran:
        clock.attach()
        until(lambda: len(ran) == len(CLUSTER))
    assert {(one.task, one.rows, one.failed) for one in ran} == {(entry.name, 7, False) for entry in CLUSTER}


def test_a_task_that_ends_after_its_term_is_not_planned_again(
    database_url: str, conn: Connection, caplog: pytest.LogCaptureFixture
):
    inside, leave = threading.Event(), threading.Event()

    def cluster(_task: str) -> Did:
        inside.set()
        assert leave.wait(30)
        return Did(0, 1)

    with ticking(database_url, cluster) as clock, told(TaskRan) as ran:
        clock.attach()
        assert inside.wait(30)
        clock.detach()
        leave.set()
        until(lambda: ran)
    assert not any(one.failed for one in ran)
    assert "Traceback" not in caplog.text


def test_a_local_task_runs_at_once_when_told_from_another_thread(database_url: str, conn: Connection):
    with ticking(database_url) as clock:
        ran = threading.Event()
        clock._scheduler.modify_job("lead", func=ran.set)
        clock.run_now("lead")
        assert ran.wait(30)


def test_a_clock_that_stops_makes_no_last_pass(database_url: str, conn: Connection, caplog: pytest.LogCaptureFixture):
    for _ in range(20):
        with ticking(database_url, scheduler__reap_every_s=0.001) as clock:  # due at any moment
            clock.attach()
    assert "Error submitting job" not in caplog.text


def test_a_stopped_clock_takes_calls_and_does_nothing(database_url: str, conn: Connection):
    with ticking(database_url) as clock:
        calm(clock)
        clock.stop()
        clock.stop()
        clock.run_now("lead")
        assert not clock.advance("reap", 0)
        assert not clock.alive()


def test_a_task_comes_again_at_once_although_its_last_run_is_about_to_end(
    database_url: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
):
    reaps: list[str] = []
    plan = Clock._plan

    def slow_to_end(clock: Clock, task: str, run_at: datetime) -> None:
        plan(clock, task, run_at)
        until(lambda: len(reaps) > 1)

    def reap_twice(task: str) -> Did:
        reaps.extend([task] if task == "reap" else [])
        return Did(0, 0.0 if reaps == ["reap"] and task == "reap" else None)

    monkeypatch.setattr(Clock, "_plan", slow_to_end)
    with ticking(database_url, reap_twice, scheduler__reap_every_s=3600) as clock:
        clock.attach()
        until(lambda: len(reaps) > 1)
