"""What operators may see and do, over the jobs of all users.  `conn` comes first and is never committed here.

To cancel or requeue one job for its user, look it up with job() and call the arrow in jobs/store.py with its user's id.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from jobs.job import Key
from jobs.rows import key_of
from jobs.sql import statement
from jobs.states import State

MOST = 10_000  # jobs in one redrive
PURGES = 1_000_000  # a preview of a purge counts this far


@dataclass(frozen=True, slots=True)
class Failures:
    """Which failed jobs, the oldest first; None: any.  `since` is when they ended."""

    job_type: str | None = None
    error_code: str | None = None
    since: datetime | None = None
    limit: int = 1000

    def params(self) -> dict[str, Any]:
        limit = max(0, min(self.limit, MOST))
        return {"job_type": self.job_type, "error_code": self.error_code, "since": self.since, "limit": limit}


@dataclass(frozen=True, slots=True)
class Fault:
    """So many jobs failed with this code; `sample` are ids of three, the oldest, where they were looked up."""

    error_code: str | None
    count: int
    sample: Sequence[str] = field(default=())


def job(conn: Connection, *, job_id: str) -> Row[Any] | None:
    """The whole row, with `attempt_errors`; None: there is none."""
    return conn.execute(statement("operator_job"), {"id": job_id}).one_or_none()


def page(
    conn: Connection,
    *,
    limit: int,
    user_id: str | None = None,
    status: State | None = None,
    job_type: str | None = None,
    before: str | None = None,
) -> list[Row[Any]]:
    """At most `limit` jobs, newest first, older than the job `before`; None: no such filter."""
    params = {"limit": limit, "user_id": user_id, "status": status, "job_type": job_type, "before": before}
    return list(conn.execute(statement("operator_page"), params))


def redrive_preview(conn: Connection, failures: Failures) -> list[Fault]:
    """What redrive would queue again now, the most frequent fault first."""
    rows = conn.execute(statement("redrive_preview"), failures.params())
    return [Fault(row.error_code, row.n, tuple(map(str, row.sample))) for row in rows]


def redrive(conn: Connection, failures: Failures) -> tuple[list[Fault], list[Key]]:
    """Queue failed jobs again with fresh counters; returns what they had failed of, and the keys that are ready."""
    rows = conn.execute(statement("redrive"), failures.params()).all()
    counts = Counter(row.error_code for row in rows)
    return [Fault(code, n) for code, n in counts.most_common()], [key_of(row) for row in rows]


def purge_preview(conn: Connection, *, retention_s: float) -> int:
    """How many jobs purge would delete, counted to a little more than PURGES."""
    return int(conn.execute(statement("purge_preview"), {"retention_s": retention_s}).scalar_one())
