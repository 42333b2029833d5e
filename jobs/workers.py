"""What the processes of a fleet tell one another: who is there, which runs they hold, who leads.

`conn` comes first and is never committed here, as in jobs/store.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row

from jobs.sql import statement


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that runs jobs, as it shows itself to the others."""

    worker_id: str
    host: str
    pid: int
    version: str
    job_types: list[str]
    seats: int
    busy: int
    lease_s: float
    leader_ttl_s: float


@dataclass(frozen=True, slots=True)
class Beat:
    """`held`: {job id: whether its user asked for a cancel}.

    A run that is missing is no longer this worker's, or its row was locked: look it up before it counts as lost.
    `term` is None when another process leads, or this one does not stand.
    """

    term: int | None
    held: dict[str, bool]


def heartbeat(conn: Connection, runs: Sequence[Mapping[str, Any]], worker: Worker, *, stands: bool) -> Beat:
    """Prolong the leases of `runs` ({id, claim_seq} each), show the worker, stand for leader."""
    row = conn.execute(statement("heartbeat"), {**asdict(worker), "runs": json.dumps(runs), "stands": stands}).one()
    return Beat(term=row.term, held=row.held)


def resign(conn: Connection, *, worker_id: str) -> None:
    """Let another process lead at once."""
    conn.execute(statement("resign"), {"worker_id": worker_id})


def leave(conn: Connection, *, worker_id: str) -> None:
    """Take the worker's row away."""
    conn.execute(statement("leave"), {"worker_id": worker_id})


def forget(conn: Connection) -> None:
    """Drop the rows of workers that nobody has seen for a day, and of users who have enqueued nothing for as long."""
    conn.execute(statement("forget_workers"))
    conn.execute(statement("forget_users"))


def present(conn: Connection, *, silent_s: float, most: int) -> list[Row[Any]]:
    """At most `most` workers, the one heard last first; columns as in the file."""
    return list(conn.execute(statement("workers"), {"silent_s": silent_s, "most": most}))


def leader(conn: Connection) -> Row[Any] | None:
    """Who leads, or led last; None: nobody ever has.  Columns as in the file."""
    return conn.execute(statement("leader")).one_or_none()
