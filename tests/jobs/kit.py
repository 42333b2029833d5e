"""Short words for the tests of the queue: claim a job, end its run, see whole rows, age them, break a statement."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, TextClause, text

import jobs.sql
from jobs import progress, store
from jobs.db.engine import autocommit
from jobs.held import Held
from jobs.job import Claim
from jobs.progress import Report
from jobs.store import Claimed
from jobs.workers import Worker
from tests.factory import EVERYWHERE, row_of

PATIENCE_S = 30.0


def claim(conn: Connection, seats: int = 1, **options: Any) -> Claimed:
    given = {"worker_id": "w", "job_types": ["t"], "lows": EVERYWHERE, "lease_s": 30.0, "fleet_cap": None}
    return store.claim(conn, seats=seats, **{**given, **options})


def claim_one(conn: Connection, **options: Any) -> Claim:
    (one,) = claim(conn, **options).claims
    return one


def held(claim: Claim, *, limit_s: float = 60, trusted_s: float = 60) -> Held:
    return Held(claim, limit_s=limit_s, trusted_until=time.monotonic() + trusted_s)


def done_entry(job_id: str, claim_seq: int, result: Any = None, usage: Any = None) -> str:
    return json.dumps({"id": job_id, "claim_seq": claim_seq, "result": result or {}, "usage": usage})


def failure_entry(job_id: str, claim_seq: int, **said: Any) -> str:
    """A counted failure that may be retried at once, unless `said` says otherwise."""
    usual = {"retryable": True, "counted": True, "delay_s": 0, "error_code": "handler_error", "error": "it broke"}
    return json.dumps({"id": job_id, "claim_seq": claim_seq, **usual, **said})


def complete(conn: Connection, job_id: str, claim_seq: int, result: Any = None) -> list[Any]:
    return store.complete(conn, [done_entry(job_id, claim_seq, result)])


def give_up(conn: Connection, job_id: str, claim_seq: int, *, max_wait_s: float = 240, **said: Any) -> list[Any]:
    return store.give_up(conn, [failure_entry(job_id, claim_seq, **said)], max_wait_s=max_wait_s)


def release(conn: Connection, job_id: str, claim_seq: int) -> list[Any]:
    runs = json.dumps([{"id": job_id, "claim_seq": claim_seq}])
    return list(conn.execute(jobs.sql.statement("release"), {"runs": runs}))


def worker(worker_id: str = "w", **other: Any) -> Worker:
    usual = {"host": "h", "pid": 1, "version": "1", "job_types": ["t"], "seats": 3, "busy": 1}
    return Worker(worker_id=worker_id, **{**usual, "lease_s": 30.0, "leader_ttl_s": 15.0, **other})


def beat_of(job_id: str, claim_seq: int) -> dict[str, Any]:
    return {"id": job_id, "claim_seq": claim_seq}


def report(
    conn: Connection, job_id: str, claim_seq: int, percent: int = 60, message: str | None = "further", **drawn: Any
) -> set[str]:
    """`drawn`: n, anew and objects (a list) of a Report."""
    told = {"n": 1, "anew": True, **drawn}
    objects = json.dumps(told.pop("objects")) if "objects" in told else None
    return progress.write(conn, {(job_id, claim_seq): Report(percent, message, objects=objects, **told)})


def parts(conn: Connection) -> list[Any]:
    return list(conn.execute(text("select * from ai_job_parts order by job_id, claim_seq, n")))


def whole(conn: Connection, job_id: str) -> dict[str, Any]:
    return dict(row_of(conn, job_id)._mapping)


def all_rows(conn: Connection) -> list[Any]:
    return list(conn.execute(text("select * from ai_jobs order by id")))


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def put(conn: Connection, job_id: str, **columns: str) -> None:
    """Set columns to SQL expressions, past all arrows: tests age rows instead of waiting."""
    assignments = ", ".join(f"{name} = {expression}" for name, expression in columns.items())
    conn.execute(text(f"update ai_jobs set {assignments} where id = :id"), {"id": job_id})


def make_stale(conn: Connection, claim: Claim, *, by: str) -> None:
    """Let the run's lease end and the job go on without it; `by`: another claim of it."""
    put(conn, claim.id, lease_expires_at="clock_timestamp() - interval '1 second'")
    store.reap(conn)
    again = claim_one(conn, worker_id=by)
    assert (again.id, again.claim_seq) == (claim.id, claim.claim_seq + 1)


@contextmanager
def impatient(conn: Connection) -> Iterator[None]:
    """A statement that waits for a lock fails soon."""
    conn.execute(text("set lock_timeout = '100ms'"))
    try:
        yield
    finally:
        conn.execute(text("set lock_timeout = 0"))


def wait_until(holds: Callable[[], object], what: str = "the condition") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come true in {PATIENCE_S:g} s"
        time.sleep(0.005)


def wait_until_blocked(conn: Connection, count: int = 1) -> None:
    """Until so many backends of this database wait for a lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    wait_until(lambda: conn.execute(text(waiting)).scalar_one() >= count, "a blocked statement")


def at_once(engine: Engine, count: int, work: Callable[[Connection, int], Any]) -> list[Any]:
    """`work(conn, number)` in so many threads, each with a connection of its own, started together."""
    gate = threading.Barrier(count)

    def one(number: int) -> Any:
        with autocommit(engine) as conn:
            gate.wait(PATIENCE_S)
            return work(conn, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@contextmanager
def mutated(name: str, *changes: tuple[str, str]) -> Iterator[None]:
    """Break the statement `name` for a while: each (fragment, replacement) is made wherever the fragment stands."""

    original = (files(jobs.sql) / f"{name}.sql").read_text()

    def broken(sql: str) -> TextClause:
        for fragment, replacement in changes if sql == original else ():
            if fragment not in sql:  # no AssertionError, which would look like a mutant that was seen
                raise LookupError(f"{name}.sql holds no {fragment!r}: the mutant is out of date")
            sql = sql.replace(fragment, replacement)
        return text(sql)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.sql, "text", broken)
        jobs.sql.statement.cache_clear()
        try:
            yield
        finally:
            jobs.sql.statement.cache_clear()


def ids(claims: Sequence[Claim]) -> list[str]:
    return [one.id for one in claims]
