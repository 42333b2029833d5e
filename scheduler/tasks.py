"""The cluster's tasks: each does one bounded step, is harmless when two leaders do it, and says when to come again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import pauses, progress, store, totals, workers
from jobs.db.engine import autocommit
from jobs.events import Hints
from jobs.telemetry import JobChanged, emit
from scheduler.amnesty import Amnesty

BATCH = 1000
BATCHES = 50  # in one go, so that a long backlog keeps no other task from its turn


class Times(Protocol):
    """The settings that tasks read."""

    @property
    def reap_every_s(self) -> float: ...
    @property
    def reschedule_every_s(self) -> float: ...
    @property
    def tally_every_s(self) -> float: ...
    @property
    def heartbeat_every_s(self) -> float: ...
    @property
    def lease_s(self) -> float: ...
    @property
    def retention_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Did:
    """`rows` jobs moved.  `again_s`: come again in that time; None: at the usual interval."""

    rows: int
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What the tasks stand on."""

    engine: Engine
    hints: Hints
    times: Times
    amnesty: Amnesty
    term: Callable[[], int]  # of this process's leadership; 0: another process leads


Task = Callable[[Ground], Did]


def reschedule(ground: Ground) -> Did:
    """Make ready what has waited, end the pauses whose time is over; then sleep until the next of those times."""
    with autocommit(ground.engine) as conn:
        pauses.end_over(conn)
        moved = _in_batches(lambda: _reschedule_batch(ground, conn))
        due_s = store.next_due_s(conn)
    usual_s = ground.times.reschedule_every_s
    return Did(moved, usual_s if due_s is None else min(usual_s, max(0.0, due_s)))


def _reschedule_batch(ground: Ground, conn: Connection) -> int:
    keys = store.reschedule(conn, batch=BATCH)
    ground.hints.ready(keys)
    return len(keys)


def reap(ground: Ground) -> Did:
    """Take back what lost workers hold; then sleep until the next lease can end."""
    times, amnesty = ground.times, ground.amnesty
    try:
        with autocommit(ground.engine) as conn:
            outlook = store.reap_outlook(conn)
            not_after = outlook.now + timedelta(seconds=times.heartbeat_every_s)
            amnesty.look(term=ground.term(), server_started=outlook.server_started, heartbeat_s=times.heartbeat_every_s)
            moved = 0 if amnesty.holds() else _in_batches(lambda: _reap_batch(ground, conn, not_after))
    except SQLAlchemyError:
        amnesty.begin(times.heartbeat_every_s)  # whoever is silent now may have met the same fault
        raise
    nothing_runs = outlook.next_s is None  # then no lease ends before a whole one has gone by
    again_s = times.lease_s if nothing_runs else times.reap_every_s
    if amnesty.holds():
        again_s = min(again_s, amnesty.left_s())
    amnesty.expect(again_s)
    return Did(moved, again_s)


def _reap_batch(ground: Ground, conn: Connection, not_after: datetime) -> int:
    lost, ready = store.reap(conn, not_after=not_after, batch=BATCH)
    ground.hints.ready(ready)
    return _told(lost)


def expire(ground: Ground) -> Did:
    """End queued jobs that nobody waits for any more."""
    with autocommit(ground.engine) as conn:
        return _did(_in_batches(lambda: _told(store.expire(conn, batch=BATCH))))


def _told(changes: Sequence[JobChanged]) -> int:
    for change in changes:
        emit(change)
    return len(changes)


def purge(ground: Ground) -> Did:
    """Delete what ended long ago, and what is known of workers and users that are long gone."""
    with autocommit(ground.engine) as conn:
        progress.forget(conn)
        workers.forget(conn)
        totals.forget(conn)
        return _did(_in_batches(lambda: store.purge(conn, retention_s=ground.times.retention_s, batch=BATCH)))


def tally(ground: Ground) -> Did:
    """Bring the numbers up to date that operators and users are shown."""
    with autocommit(ground.engine) as conn:
        folded = _in_batches(lambda: totals.fold(conn, batch=BATCH))
        again_s = totals.count_live(conn, every_s=ground.times.tally_every_s)
    return Did(0, 0.0 if _leaves_some(folded) else again_s)


def _in_batches(step: Callable[[], int]) -> int:
    """Repeat `step` while it fills its batch, at most BATCHES times; returns the sum."""
    moved = 0
    for _ in range(BATCHES):
        rows = step()
        moved += rows
        if rows < BATCH:
            break
    return moved


def _did(moved: int) -> Did:
    """Come again at once for what the bound left over."""
    return Did(moved, 0.0 if _leaves_some(moved) else None)


def _leaves_some(moved: int) -> bool:
    return moved == BATCH * BATCHES


TASKS: Mapping[str, Task] = {"reschedule": reschedule, "reap": reap, "expire": expire, "purge": purge, "tally": tally}
