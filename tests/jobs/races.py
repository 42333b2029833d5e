"""Cancels and other steps that meet at the same jobs: who was told what, and whether the database says the same.

meet     two threads, each with a connection of its own, step at the same jobs as nearly at once as threads can
step_by  the same, one move at a time: the second caller comes while the first one's transaction is still open

What they were told is judged in tests/jobs/race_rules.py.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text

from jobs import store
from jobs.db.engine import autocommit
from jobs.sql import statement
from tests.jobs import kit

SPREAD_S = 0.0008  # by how much one of the two starts later, at most: about as long as a step takes
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller heard about one job; `status` None: there was nothing to do."""

    job_id: str
    by: str
    status: str | None
    claim_seq: int | None = None


Step = Callable[[Connection, Sequence[str]], list[Told]]


def cancel(conn: Connection, ids: Sequence[str]) -> list[Told]:
    """One statement for each job, as users do it."""
    return [
        told
        for one in ids
        for told in _told("cancel", _rows(conn, "cancel", id=one, user_id="ann", by_operator=True), [one])
    ]


def requeue(conn: Connection, ids: Sequence[str]) -> list[Told]:
    return [told for one in ids for told in _told("requeue", _rows(conn, "requeue", id=one, user_id="ann"))]


def claim(conn: Connection, ids: Sequence[str], **options: Any) -> list[Told]:
    claims = kit.claim(conn, seats=len(ids), **options).claims
    return [Told(one.id, "claim", "processing", one.claim_seq) for one in claims]


def claim_capped(conn: Connection, ids: Sequence[str]) -> list[Told]:
    return claim(conn, ids, user_cap=10_000, fleet_cap=10_000)


def complete(conn: Connection, ids: Sequence[str], claim_seq: int = 1) -> list[Told]:
    entries = [kit.done_entry(one, claim_seq, {"claim_seq": claim_seq}) for one in ids]
    return _told("complete", store.complete(conn, entries))


def give_up(conn: Connection, ids: Sequence[str], claim_seq: int = 1, **said: Any) -> list[Told]:
    entries = [kit.failure_entry(one, claim_seq, **said) for one in ids]
    return _told("give_up", store.give_up(conn, entries, max_wait_s=240))


def fail(conn: Connection, ids: Sequence[str], claim_seq: int = 1) -> list[Told]:
    return give_up(conn, ids, claim_seq, retryable=False)


def release(conn: Connection, ids: Sequence[str], claim_seq: int = 1) -> list[Told]:
    runs = json.dumps([{"id": one, "claim_seq": claim_seq} for one in ids])
    return _told("release", _rows(conn, "release", runs=runs))


def reap(conn: Connection, _ids: Sequence[str]) -> list[Told]:
    return _told("reap", _rows(conn, "reap", not_after=None, batch=1000))


def reschedule(conn: Connection, _ids: Sequence[str]) -> list[Told]:
    return [Told(str(row.id), "reschedule", "queued") for row in _rows(conn, "reschedule", batch=1000)]


def expire(conn: Connection, _ids: Sequence[str]) -> list[Told]:
    return [Told(str(row.id), "expire", "failed") for row in _rows(conn, "expire", batch=1000)]


def _rows(conn: Connection, name: str, **params: Any) -> list[Any]:
    return list(conn.execute(statement(name), params))


def _told(by: str, rows: Sequence[Any], missed: Iterable[str] = ()) -> list[Told]:
    """`missed` are told None when there are no rows."""
    found = [Told(str(row.id), by, row.status, getattr(row, "claim_seq", None)) for row in rows]
    return found or [Told(one, by, None) for one in missed]


@dataclass(frozen=True, slots=True)
class Race:
    """A step that meets a cancel, on jobs that have gone through `before`; `held` and then `armed` are SET clauses.

    What looks for its jobs by itself finds them only once they are armed.
    """

    step: Step
    before: Sequence[Step] = ()
    held: str = ""
    armed: str = ""

    def jobs(self, conn: Connection, count: int) -> tuple[list[str], list[Told]]:
        """New jobs, and what was told on the way to where the race begins."""
        ids = make_jobs(conn, count)
        told = [one for step in self.before for one in step(conn, ids)]
        _put(conn, ids, self.held)
        return ids, told

    def arm(self, conn: Connection, ids: Sequence[str]) -> None:
        _put(conn, ids, self.armed)


def make_jobs(conn: Connection, count: int) -> list[str]:
    """That many ready jobs of one user."""
    made = "insert into ai_jobs (user_id, job_type, request_data) select 'ann', 't', '{}'"
    rows = conn.execute(text(f"{made} from generate_series(1, :count) returning id"), {"count": count})
    return [str(row.id) for row in rows]


def _put(conn: Connection, ids: Sequence[str], clauses: str) -> None:
    if clauses:
        conn.execute(text(f"update ai_jobs set {clauses} where id = any(cast(:ids as uuid[]))"), {"ids": list(ids)})


RACES = {
    "claim": Race(claim, held="job_type = 'later'", armed="job_type = 't'"),
    "claim_capped": Race(claim_capped, held="job_type = 'later'", armed="job_type = 't'"),
    "complete": Race(complete, [claim]),
    "complete, handed back": Race(complete, [claim, release]),
    "give_up": Race(give_up, [claim]),
    "give_up, for good": Race(fail, [claim]),
    "release": Race(release, [claim]),
    "reap": Race(reap, [claim], armed="lease_expires_at = clock_timestamp() - interval '1 second'"),
    "requeue": Race(requeue, [claim, fail]),
    "requeue, cancelled": Race(requeue, [cancel]),
    "reschedule": Race(reschedule, held="next_processing_at = 'infinity'", armed="next_processing_at = now()"),
    "expire": Race(expire, held="deadline_at = 'infinity'", armed="deadline_at = now()"),
}


def meet(engine: Engine, race: Race, *, count: int, seed: int, together: int = 1) -> list[Told]:
    """`count` jobs, each cancelled while `race.step` takes it, `together` of them in one statement."""
    with autocommit(engine) as conn:
        ids, before = race.jobs(conn, count)
    lots = [ids[n : n + together] for n in range(0, count, together)]
    gate = threading.Barrier(2)

    def one(own: Connection, number: int) -> list[Told]:
        chance, told = random.Random(f"{seed} {number}"), list[Told]()
        try:
            for lot in lots:
                if number:
                    race.arm(own, lot)
                gate.wait(kit.PATIENCE_S)
                time.sleep(chance.uniform(0, SPREAD_S))
                told += race.step(own, lot) if number else cancel(own, chance.sample(lot, len(lot)))
        except BaseException:
            gate.abort()
            raise
        return told

    return before + [one for told in kit.at_once(engine, 2, one) for one in told]


End = Literal["commit", "rollback", "queue"]


def step_by(engine: Engine, race: Race, *, cancel_first: bool, end: End) -> list[Told]:
    """The first caller's transaction ends, as `end` says, once the second waits for it or has gone by.

    queue: both wait for a third one, which holds the row, in this order.
    """
    with autocommit(engine) as conn, engine.connect() as holder, ThreadPoolExecutor(2) as pool:
        ids, before = race.jobs(conn, 1)
        race.arm(conn, ids)
        order: list[Step] = [cancel, race.step] if cancel_first else [race.step, cancel]
        told: list[Told] = []
        if end == "queue":
            holder.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": ids[0]})
        else:
            told = order.pop(0)(holder, ids)
        callers: list[Future[list[Told]]] = []
        for step in order:
            callers.append(pool.submit(_apart, engine, step, ids))
            kit.wait_until(lambda: _waiting(conn) + sum(one.done() for one in callers) == len(callers))
        getattr(holder, "commit" if end == "commit" else "rollback")()
        return before + (told if end == "commit" else []) + [one for caller in callers for one in caller.result()]


def _apart(engine: Engine, step: Step, ids: Sequence[str]) -> list[Told]:
    with autocommit(engine) as own:
        return step(own, ids)


def _waiting(conn: Connection) -> int:
    return int(conn.execute(text(WAITING)).scalar_one())
