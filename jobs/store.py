"""The arrows: one thin function for each statement in jobs/sql/ that moves a job.

`conn` comes first and is never committed here: the caller owns the transaction, or hands an AUTOCOMMIT connection.
Nothing back (None, or an id that is missing) means that the guard did not hold: somebody else was first.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row

from jobs.errors import Conflict
from jobs.job import Claim, Job, Key
from jobs.limits import UNLIMITED, Limits, limited
from jobs.rows import Claimed, claimed_of, job_of, key_of
from jobs.sql import statement
from jobs.states import FINAL, State
from jobs.telemetry import JobChanged

CAP_LOCK = 0x63617073  # the advisory lock under which the fleet's cap is counted
WALK = 250  # entries of a rank that one look may pass under a user cap: about half a millisecond
NOBODY: Mapping[str, Key] = MappingProxyType({})
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """`created` is False for a replay of an Idempotency-Key; `due_s` is None for a job that is ready."""

    id: str
    key: Key
    created: bool
    due_s: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """`next_s` until the next lease ends (None: nothing runs); `server_started` as Unix time; `now` by its clock."""

    next_s: float | None
    server_started: float
    now: datetime


def enqueue(
    conn: Connection,
    *,
    user_id: str,
    job_type: str,
    request_data: Mapping[str, Any],
    priority: int = 0,
    max_retries: int = 3,
    canvas_id: str | None = None,
    delay_s: float | None = None,
    deadline_s: float | None = None,
    idempotency_key: str | None = None,
    limits: Limits = UNLIMITED,
) -> Enqueued:
    """Add a job, or find the one that this user's Idempotency-Key has made.

    Raises Conflict when the key was used for another request, TooMany when the user has reached one of the `limits`.
    """
    body = json.dumps(request_data, sort_keys=True)
    asked = f"{job_type}\n{priority}\n{delay_s}\n{deadline_s}\n{body}"
    digest = hashlib.sha256(asked.encode()).hexdigest() if idempotency_key else None
    columns = {
        "user_id": user_id,
        "job_type": job_type,
        "canvas_id": canvas_id,
        "priority": priority,
        "request_data": body,
        "max_retries": max_retries,
        "delay_s": delay_s or None,
        "deadline_s": deadline_s,
        "idempotency_key": idempotency_key,
        "request_hash": digest,
    }
    while True:  # again only when the key's job was purged between the two statements
        if row := limited(conn, "enqueue", columns, user_id=user_id, asked=1, limits=limits).one_or_none():
            return Enqueued(str(row.id), key_of(row), created=True, due_s=delay_s or None)
        if made := _replayed(conn, user_id, idempotency_key, digest):
            return made


def _replayed(conn: Connection, user_id: str, idempotency_key: str | None, digest: str | None) -> Enqueued | None:
    # A new statement: the one that lost could not see the row that it lost against.
    row = conn.execute(statement("keyed"), {"user_id": user_id, "idempotency_key": idempotency_key}).one_or_none()
    if row is None:
        return None
    if row.request_hash != digest:
        raise Conflict
    return Enqueued(str(row.id), key_of(row), created=False, due_s=None)


def claim(
    conn: Connection,
    *,
    worker_id: str,
    job_types: Collection[str],
    seats: int,
    lows: Sequence[Key],
    lease_s: float,
    fleet_cap: int | None,
    user_cap: int | None = None,
    freed: Mapping[str, Key] = NOBODY,
    oldest_start: datetime | None = None,
) -> Claimed:
    """Take at most `seats` ready jobs of types that this process has handlers for, the next in order first.

    `lows` says where the look begins in each rank, in ascending order; a rank without one is not looked at.
    `fleet_cap`, `user_cap` None: no cap.  `oldest_start`: see Claimed; None counts every run.
    Under a user cap at most WALK jobs of a rank are looked at, and those of `freed`, {user: the first key}, from there.
    """
    capped = {
        "user_cap": user_cap,
        "walk": max(WALK, 2 * seats),
        "freed": list(freed),
        "freed_ranks": [low.rank for low in freed.values()],
        "freed_turns": [low.turn for low in freed.values()],
        "freed_seqs": [low.seq for low in freed.values()],
    }
    rows = conn.execute(
        statement("claim_capped" if user_cap else "claim"),
        {
            **(capped if user_cap else {}),
            "worker_id": worker_id,
            "job_types": list(job_types),
            "seats": seats,
            "ranks": [low.rank for low in lows],
            "turns": [low.turn for low in lows],
            "seqs": [low.seq for low in lows],
            "lease_s": lease_s,
            "fleet_cap": fleet_cap,
            "cap_lock": CAP_LOCK,
            "oldest_start": oldest_start or LONG_AGO,
        },
    ).all()
    return claimed_of(rows)


def complete(conn: Connection, entries: Sequence[str]) -> list[Row[Any]]:
    """`entries` are JSON objects {id, claim_seq, result, usage}.

    Returns (id, claim_seq, status, error_code) of those taken.
    """
    return _rows(conn, "complete", outcomes=_json_list(entries))


def give_up(conn: Connection, entries: Sequence[str], *, max_wait_s: float) -> list[Row[Any]]:
    """`entries` are JSON objects {id, claim_seq, retryable, counted, delay_s, error_code, error}.

    `max_wait_s` bounds how long, in all, a job may wait for its provider.
    Returns (id, claim_seq, status, error_code, rank, turn, seq, due_s) of those taken.
    """
    return _rows(conn, "give_up", outcomes=_json_list(entries), max_wait_s=max_wait_s)


def verdicts(conn: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """(id, claim_seq, status) as it stands, for writes whose answer was lost."""
    return _rows(conn, "verdicts", ids=list(ids))


def cancel(conn: Connection, *, job_id: str, user_id: str, by_operator: bool = False) -> Job | None:
    """The job, cancelled if it was queued, else asked to end; None: it is final, absent or another user's."""
    return _job(conn, "cancel", id=job_id, user_id=user_id, by_operator=by_operator)


def requeue(conn: Connection, *, job_id: str, user_id: str) -> Job | None:
    """The job, ready again with fresh counters; None: it is neither failed nor cancelled, absent or another user's."""
    return _job(conn, "requeue", id=job_id, user_id=user_id)


def remove(conn: Connection, *, job_id: str, user_id: str) -> bool:
    """Delete a final job with its request and result; False: it is not final, absent or another user's."""
    return bool(_rows(conn, "remove", id=job_id, user_id=user_id))


def release(conn: Connection, claims: Sequence[Claim]) -> list[Key]:
    """Hand runs back; returns the keys that are ready again."""
    runs = json.dumps([{"id": claim.id, "claim_seq": claim.claim_seq} for claim in claims])
    return [key_of(row) for row in _rows(conn, "release", runs=runs) if row.status == "queued"]


def reap(
    conn: Connection, *, not_after: datetime | None = None, batch: int = 1000
) -> tuple[list[JobChanged], list[Key]]:
    """End the runs whose lease is over; returns what became of them and the keys that are ready again.

    Nothing happens when the server's clock has passed `not_after` (None: no limit).
    """
    rows = _rows(conn, "reap", not_after=not_after, batch=batch)
    lost = [JobChanged(str(r.id), r.user_id, r.status in FINAL, change="lost", claim_seq=r.claim_seq) for r in rows]
    return lost, [key_of(row) for row in rows if row.status == State.QUEUED]


def reschedule(conn: Connection, *, batch: int = 1000) -> list[Key]:
    """Make ready what has waited long enough; returns the keys."""
    return [key_of(row) for row in _rows(conn, "reschedule", batch=batch)]


def expire(conn: Connection, *, batch: int = 1000) -> list[JobChanged]:
    """Fail queued jobs whose deadline has passed; returns them."""
    rows = _rows(conn, "expire", batch=batch)
    return [JobChanged(str(row.id), row.user_id, ended=True, change="expired") for row in rows]


def purge(conn: Connection, *, retention_s: float, batch: int = 1000) -> int:
    """Delete jobs that ended longer ago than `retention_s`; returns how many."""
    return len(_rows(conn, "purge", retention_s=retention_s, batch=batch))


def reap_outlook(conn: Connection) -> Outlook:
    row = conn.execute(statement("reap_outlook")).one()
    return Outlook(None if row.next_s is None else float(row.next_s), float(row.server_started), row.now)


def next_due_s(conn: Connection) -> float | None:
    """Seconds until the next waiting job is due or pause ends, below 0 when it is late; None when there is none."""
    due_s = conn.execute(statement("next_due")).scalar()
    return None if due_s is None else float(due_s)


def advance_clock(conn: Connection, turns: Mapping[int, int]) -> None:
    """Tell newcomers the largest turn that was claimed in each rank: {rank: turn}."""
    conn.execute(statement("advance_clock"), {"ranks": list(turns), "turns": list(turns.values())})


def _rows(conn: Connection, name: str, **params: Any) -> list[Row[Any]]:
    return list(conn.execute(statement(name), params))


def _job(conn: Connection, name: str, **params: Any) -> Job | None:
    row = conn.execute(statement(name), params).one_or_none()
    return None if row is None else job_of(row)


def _json_list(entries: Sequence[str]) -> str:
    return "[" + ",".join(entries) + "]"
