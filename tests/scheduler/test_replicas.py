"""Many schedulers on one database: each fire time has one run, and two that believe they lead do no harm.

docs/reliability.md tells the rule for runs that were missed; tests/test_releases.py has the same with real processes.
"""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from jobs.telemetry import TaskRan
from scheduler import stopping
from scheduler.runtime import Runtime
from tests.scheduler.kit import NEVER_S, count, running, told, until

REPLICAS = 5
OFTEN_S = 0.2
STEADY = {"scheduler__leader_ttl_s": 1000}  # who leads goes on leading until it resigns
OFTEN = STEADY | {f"scheduler__{task}_every_s": OFTEN_S for task in ("reap", "expire", "reschedule")}
TASKS = {"reschedule", "reap", "expire", "purge", "tally"}
DUE = {  # by the task whose work they are
    "reap": "status = 'processing', worker_id = 'w', started_at = now(), lease_expires_at = 'epoch'",
    "expire": "deadline_at = 'epoch'",
    "reschedule": "next_processing_at = 'epoch'",
    "purge": "status = 'failed', completed_at = 'epoch'",
}
ROUNDS, EACH = 10, 100  # jobs of each kind


@contextmanager
def replicas(url: str, number: int, **changed: Any) -> Iterator[list[Runtime]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running(url, {}, **changed)) for _ in range(number)]


def leaders(fleet: Sequence[Runtime]) -> list[Runtime]:
    """Those that believe that they lead, and hold the timetable."""
    return [one for one in fleet if one.leader.leading() and one.clock._attached]


def runs(events: Sequence[TaskRan]) -> Counter[str]:
    return Counter(one.task for one in events)


def moved(events: Sequence[TaskRan]) -> Counter[str]:
    """How many jobs each task has moved."""
    return Counter(task for one in events for task in [one.task] * one.rows)


def wait_until_moved(events: Sequence[TaskRan], jobs: int) -> None:
    until(lambda: moved(events).total() >= jobs)


def seconds_until(conn: Connection, task: str) -> float:
    run_at = conn.execute(text("select next_run_time from apscheduler_tasks where id = :id"), {"id": task}).scalar()
    return float(run_at or 0) - datetime.now(UTC).timestamp()


def lead_once(url: str, conn: Connection, number: int) -> None:
    """Replicas that come and go, and leave a timetable in which all has run; stopping leaves a task that runs to itself."""
    with told(TaskRan) as events, replicas(url, number, **STEADY):
        until(lambda: "purge" in runs(events) and seconds_until(conn, "purge") > NEVER_S - 100)


def make_due(conn: Connection) -> None:
    """EACH jobs for each task, which find them only when all are there."""
    conn.execute(
        text(
            f"insert into ai_jobs (user_id, job_type, canvas_id, request_data) select 'ann', 't', task, '{{}}' from unnest(array{list(DUE)}) task, generate_series(1, {EACH})"
        )
    )
    cases = [
        f"update ai_jobs set {columns} where canvas_id = '{task}' and version = 1" for task, columns in DUE.items()
    ]
    conn.execute(text("; ".join(cases)))


def test_each_fire_time_has_one_run_however_many_replicas_there_are_and_whoever_leads(
    database_url: str, conn: Connection
):
    terms = []
    with told(TaskRan) as events, replicas(database_url, REPLICAS, **OFTEN) as fleet:
        for _ in range(REPLICAS - 1):
            (leader,) = until(lambda: leaders(fleet))
            assert_one_run_each(events)
            assert leaders(fleet) == [leader]
            terms.append(leader.status().term)
            fleet.remove(leader)
            stopping.stop(leader, 1)
    assert terms == [1, 2, 3, 4]
    assert runs(events)["purge"] == 1  # it is due once an hour, whoever leads
    assert not [one for one in events if one.failed]


def assert_one_run_each(events: Sequence[TaskRan]) -> None:
    began, before = time.monotonic(), len(events)
    until(lambda: runs(events[before:])["expire"] >= 6)
    fire_times = (time.monotonic() - began) / OFTEN_S + 2
    assert all(runs(events[before:])[task] <= fire_times for task in TASKS), "two replicas ran the same one"


def test_two_leaders_at_once_do_each_piece_of_work_once(database_url: str, conn: Connection):
    with replicas(database_url, 2, **STEADY) as fleet:
        (first,) = until(lambda: leaders(fleet))
        first.heartbeat.stop()  # it hears nothing of the other, and believes in its term
        conn.execute(text("update ai_leader set expires_at = 'epoch'"))
        until(lambda: len(leaders(fleet)) == 2)
        until(lambda: not any(one._ground.amnesty.holds() for one in fleet))
        with told(TaskRan) as events:
            for n in range(1, ROUNDS + 1):
                make_due(conn)
                for one, task in itertools.product(fleet, DUE):
                    assert one.clock.advance(task, 0)
                wait_until_moved(events, n * EACH * len(DUE))
        assert len(leaders(fleet)) == 2
        stopping.stop(first, 1)
    assert moved(events) == dict.fromkeys(DUE, ROUNDS * EACH)
    once = "status = 'queued' and losses = 1 and retry_count = 1 and version = 2"
    assert count(conn, f"canvas_id = 'reap' and {once}") == ROUNDS * EACH
    assert count(conn, "canvas_id = 'expire' and error_code = 'expired' and version = 2") == ROUNDS * EACH
    assert count(conn, "canvas_id = 'reschedule' and next_processing_at is null and version = 2") == ROUNDS * EACH
    assert count(conn, "canvas_id = 'purge'") == 0


@pytest.mark.parametrize("missed", [1, 1000])
def test_runs_that_were_missed_while_nobody_was_there_are_made_up_for_by_one_at_once(
    database_url: str, conn: Connection, missed: int
):
    """The run after it comes a whole interval later."""
    lead_once(database_url, conn, 1)
    conn.execute(
        text("update apscheduler_tasks set next_run_time = extract(epoch from now()) - :s"), {"s": missed * NEVER_S}
    )
    with told(TaskRan) as events, replicas(database_url, 3, **OFTEN) as fleet:
        until(lambda: runs(events)["expire"] >= 5)
        assert runs(events).keys() == TASKS
        assert runs(events)["purge"] == 1
        assert NEVER_S - 100 < seconds_until(conn, "purge") <= NEVER_S
        assert len(leaders(fleet)) == 1


def test_a_run_that_is_not_due_yet_is_not_brought_forward_by_a_restart_of_all(database_url: str, conn: Connection):
    lead_once(database_url, conn, 2)
    conn.execute(text("update apscheduler_tasks set next_run_time = next_run_time - 1000 where id = 'purge'"))
    with told(TaskRan) as events, replicas(database_url, 2, **OFTEN):
        until(lambda: runs(events)["expire"] >= 5)
    assert "purge" not in runs(events)
    assert seconds_until(conn, "purge") < NEVER_S - 900
