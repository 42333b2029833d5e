"""The reads: what a user or an operator may know.  `conn` comes first; nothing here writes."""

from dataclasses import dataclass

from sqlalchemy import Connection

from jobs.job import Job
from jobs.rows import job_of
from jobs.sql import statement
from jobs.states import State


@dataclass(frozen=True, slots=True)
class Fleet:
    """`oldest_ready_s` is None when no job is ready; `workers` counts processes heard of lately."""

    ready: int
    waiting: int
    processing: int
    oldest_ready_s: float | None
    workers: int


def job(conn: Connection, *, job_id: str, user_id: str) -> Job | None:
    """None: absent, or another user's; the two look the same."""
    row = conn.execute(statement("job"), {"id": job_id, "user_id": user_id}).one_or_none()
    return None if row is None else job_of(row)


def page(
    conn: Connection,
    *,
    user_id: str,
    limit: int,
    cursor: int | None = None,
    offset: int = 0,
    status: State | None = None,
) -> list[Job]:
    """At most `limit` of the user's jobs, newest first, older than `cursor` (a Job.seq; None: from the newest).

    Their `result_data` is left out (None).
    """
    params = {"user_id": user_id, "limit": limit, "cursor": cursor, "offset": offset, "status": status}
    return [job_of(row) for row in conn.execute(statement("page"), params)]


def stats(conn: Connection, *, user_id: str) -> dict[State, int]:
    """How many of the user's jobs are in each state; every state has its number."""
    counted = {row.status: row.n for row in conn.execute(statement("stats"), {"user_id": user_id})}
    return {state: counted.get(state.value, 0) for state in State}


def queue_position(conn: Connection, *, job_id: str, user_id: str) -> int | None:
    """How many ready jobs come before this one, counted to 1,001; None for a job that is not ready."""
    before: int | None = conn.execute(statement("queue_position"), {"id": job_id, "user_id": user_id}).scalar()
    return before


def fleet(conn: Connection, *, silent_s: float) -> Fleet:
    """The whole queue in numbers; a worker that was silent for `silent_s` does not count."""
    row = conn.execute(statement("fleet"), {"silent_s": silent_s}).one()
    oldest = None if row.oldest_ready_s is None else float(row.oldest_ready_s)
    return Fleet(row.ready, row.waiting, row.processing, oldest, row.workers)
