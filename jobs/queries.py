"""The reads: what a user or an operator may know.  `conn` comes first; nothing here writes."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from jobs.job import Job
from jobs.rows import job_of
from jobs.sql import statement
from jobs.states import State


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole queue in numbers.

    `depth` is {(job_type, "ready" | "waiting" | "processing"): jobs}, `finals` {(job_type, status): ended jobs},
    `oldest_ready_s` {job_type: how long its oldest ready job has been ready}; what would be 0 may be missing.
    `workers` counts processes heard of lately; `term` is the newest term, and `led` whether its lease goes on.
    """

    depth: Mapping[tuple[str, str], int]
    oldest_ready_s: Mapping[str, float]
    finals: Mapping[tuple[str, str], int]
    workers: int
    term: int
    led: bool


@dataclass(frozen=True, slots=True)
class NextUp:
    """The very next job of the queue (`id`, and the `claim_seq` that it waits with), and who could take it.

    `workers` that have a handler for it were heard of lately, with `free_seats` between them.
    `running` counts the runs of the fleet, `of_user` those of the job's own user.
    """

    id: str
    claim_seq: int
    ready_s: float
    workers: int
    free_seats: int
    running: int
    of_user: int


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
    return Fleet(
        depth={(job_type, state): n for job_type, state, n in row.depth},
        oldest_ready_s={job_type: max(0.0, float(age_s)) for job_type, age_s in row.oldest_ready_s},
        finals={(job_type, status): n for job_type, status, n in row.finals},
        workers=row.workers,
        term=row.term,
        led=row.led,
    )


def next_up(conn: Connection, *, silent_s: float) -> NextUp | None:
    """None: no job is ready.  A worker that was silent for `silent_s` does not count."""
    row = conn.execute(statement("next_up"), {"silent_s": silent_s}).one_or_none()
    if row is None:
        return None
    waits = {"id": str(row.id), "claim_seq": row.claim_seq, "ready_s": float(row.ready_s)}
    return NextUp(**waits, workers=row.workers, free_seats=row.free_seats, running=row.running, of_user=row.of_user)
