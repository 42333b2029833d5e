"""What short scenarios share: strangers that hold locks, patience that ends, and the verdict on the records."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg2
import pytest

from jobs.db.engine import autocommit
from tests.faults import checker, records
from tests.faults.records import Hold, Records
from tests.faults.world import World

BLOCKED = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like :begins"
GATE = 4711
GATE_FOR_CLAIMS = f"""
create or replace function wait_at_gate() returns trigger language plpgsql as
$$ begin perform pg_advisory_xact_lock_shared({GATE}); return new; end $$;
create or replace trigger gate before update on ai_jobs for each row
  when (old.status = 'queued' and new.status = 'processing') execute function wait_at_gate();
"""


def let_end(made: World, within_s: float = 15) -> None:
    """Until every job has ended; what has not by then is the verdict's business."""
    with contextlib.suppress(AssertionError):
        made.settle(within_s)


def waited_for(true: Callable[[], Any], at_most_s: float) -> None:
    """Until it is true, and no longer than that: a fleet that is broken never gets there."""
    end = time.monotonic() + at_most_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


def wait_for_blocked(made: World, count: int, at_most_s: float = 3, begins: str = "") -> None:
    """Until so many statements that begin so wait for a lock."""
    waited_for(lambda: (made.rows(BLOCKED, begins=begins + "%") or [[0]])[0][0] >= count, at_most_s)


@contextmanager
def stranger(made: World, statement: str, *values: Any) -> Iterator[None]:
    """Somebody else's transaction, open for as long as this lasts."""
    with contextlib.closing(psycopg2.connect(made.server.url)) as conn:
        conn.cursor().execute(statement, values)
        yield


@contextmanager
def claims_held_up(made: World) -> Iterator[None]:
    """Claims have counted and chosen, and none can commit: as on a slow disk."""
    with autocommit(made.engine) as conn:
        conn.exec_driver_sql(GATE_FOR_CLAIMS)
    with stranger(made, "select pg_advisory_lock(%s)", GATE):
        yield


@contextmanager
def held_row(made: World, job_id: str, holds: list[Hold]) -> Iterator[None]:
    """A stranger holds that row; noted in `holds`."""
    with stranger(made, "select from ai_jobs where id = %s for update", job_id):
        at = time.monotonic()
        yield
        holds.append(Hold(at, time.monotonic(), job_id))


def ids(made: World, where: str, **values: Any) -> list[str]:
    """Jobs of which that is true, the oldest first."""
    return [str(row.id) for row in made.rows(f"select id from ai_jobs where {where} order by id", **values) or ()]


def ids_of(made: World, pids: Iterable[int]) -> list[str]:
    """The jobs that these processes are running, says the database."""
    mine = "status = 'processing' and split_part(worker_id, '-', -2) = any(:pids)"
    return ids(made, mine, pids=[str(pid) for pid in pids])


def verdict(made: World, *, holds: Sequence[Hold] = (), **known: Any) -> Records:
    """Fails with each broken rule; `known` is what Records says of the fleet."""
    with autocommit(made.engine) as conn:
        deadlocks = records.deadlocks(conn)
    judged = replace(made.records(), holds=list(holds), deadlocks=deadlocks, **known)
    if broken := checker.broken(judged):
        pytest.fail("\n".join(f"{rule}: {len(cases)}, as {cases[:3]}" for rule, cases in broken.items()))
    return judged
