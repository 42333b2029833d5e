"""Many jobs in one statement.

`conn` comes first and is never committed here, as in jobs/store.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from jobs.errors import Conflict
from jobs.limits import UNLIMITED, Limits, limited
from jobs.rows import key_of
from jobs.sql import statement
from jobs.store import Enqueued

NAMED = 20  # positions that a Conflict's message names


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What store.enqueue takes; times are seconds from now, None: at once, and without a deadline."""

    user_id: str
    job_type: str
    request_data: Mapping[str, Any]
    priority: int = 0
    max_retries: int = 3
    canvas_id: str | None = None
    delay_s: float | None = None
    deadline_s: float | None = None
    idempotency_key: str | None = None


def enqueue_many(conn: Connection, jobs: Sequence[NewJob], *, limits: Limits = UNLIMITED) -> list[Enqueued]:
    """Add all these jobs or none of them; the answers stand in the order of `jobs`.

    A job whose Idempotency-Key has made one before, even earlier in the batch, is answered with that one.
    Raises Conflict, which names the positions (from 0), when a key was used for another request; nothing is added
    then, whatever becomes of the caller's transaction.  Keys need such a transaction: ValueError on AUTOCOMMIT.
    `limits` hold for the user of the first job, for a batch of one user's.  Raises TooMany.
    """
    if not any(job.idempotency_key for job in jobs):
        made = _insert(conn, jobs, limits)
        return [made[position] for position in range(len(jobs))]
    if conn.connection.driver_connection.autocommit:  # type: ignore[union-attr]  # psycopg2's; None once it is closed
        raise ValueError("jobs with Idempotency-Keys are added within a transaction, not on an AUTOCOMMIT connection")
    while True:  # again only when a key's job was purged between the two statements
        with conn.begin_nested() as savepoint:
            made = _insert(conn, jobs, limits)
            made |= _replayed(conn, jobs, [position for position in range(len(jobs)) if position not in made])
            if len(made) == len(jobs):
                return [made[position] for position in range(len(jobs))]
            savepoint.rollback()


def _insert(conn: Connection, jobs: Sequence[NewJob], limits: Limits) -> dict[int, Enqueued]:
    """What was made, by position."""
    batch = json.dumps([_columns(job) for job in jobs])
    user_id = jobs[0].user_id if jobs else ""
    rows = limited(conn, "enqueue_many", {"jobs": batch}, user_id=user_id, asked=len(jobs), limits=limits)
    return {
        row.position - 1: Enqueued(str(row.id), key_of(row), created=True, due_s=jobs[row.position - 1].delay_s or None)
        for row in rows
    }


def _columns(job: NewJob) -> dict[str, Any]:
    return {
        "user_id": job.user_id,
        "job_type": job.job_type,
        "canvas_id": job.canvas_id,
        "priority": job.priority,
        "request_data": job.request_data,
        "max_retries": job.max_retries,
        "delay_s": job.delay_s or None,
        "deadline_s": job.deadline_s,
        "idempotency_key": job.idempotency_key,
        "request_hash": _request_hash(job),
    }


def _request_hash(job: NewJob) -> str | None:
    """The one that store.enqueue stores: whichever of the two a caller repeats, the job is found."""
    if not job.idempotency_key:
        return None
    body = json.dumps(job.request_data, sort_keys=True)
    asked = f"{job.job_type}\n{job.priority}\n{job.delay_s}\n{job.deadline_s}\n{body}"
    return hashlib.sha256(asked.encode()).hexdigest()


def _replayed(conn: Connection, jobs: Sequence[NewJob], positions: Sequence[int]) -> dict[int, Enqueued]:
    # A new statement: the one that lost could not see the rows that it lost against.
    keys = {(jobs[position].user_id, jobs[position].idempotency_key) for position in positions}
    asked = json.dumps([{"user_id": user_id, "idempotency_key": key} for user_id, key in keys])
    rows = {(row.user_id, row.idempotency_key): row for row in conn.execute(statement("keyed_many"), {"keys": asked})}
    found = {p: row for p in positions if (row := rows.get((jobs[p].user_id, jobs[p].idempotency_key)))}
    refused = [p for p, row in found.items() if row.request_hash != _request_hash(jobs[p])]
    if refused:
        more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        named = ", ".join(map(str, refused[:NAMED]))
        raise Conflict(f"The Idempotency-Keys at positions {named}{more} were used for other requests")
    return {p: Enqueued(str(row.id), key_of(row), created=False, due_s=None) for p, row in found.items()}
