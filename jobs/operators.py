"""What operators may see and do, over the jobs of all users.  `conn` comes first and is never committed here.

What a user may do with a job of their own, an operator does in the user's name: owner() tells whose it is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from jobs.job import Job, Key
from jobs.rows import job_of, key_of
from jobs.sql import statement
from jobs.states import State
from jobs.telemetry import JobChanged

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


class Redriven(NamedTuple):
    """What the jobs had failed of, the keys that are ready now, and what their followers are to hear."""

    faults: list[Fault]
    keys: list[Key]
    changes: list[JobChanged]


def job(conn: Connection, *, job_id: str) -> Row[Any] | None:
    """The whole row, with `attempt_errors`; None: there is none."""
    return conn.execute(statement("operator_job"), {"id": job_id}).one_or_none()


def owner(conn: Connection, *, job_id: str) -> str | None:
    """The user whose job it is; None: there is none."""
    found: str | None = conn.execute(statement("operator_owner"), {"id": job_id}).scalar()
    return found


def page(
    conn: Connection,
    *,
    limit: int,
    user_id: str | None = None,
    status: State | None = None,
    job_type: str | None = None,
    before: str | None = None,
) -> list[Job]:
    """At most `limit` jobs, newest first, older than the job `before`; None: no such filter.

    Their `result_data` is left out (None).
    """
    params = {"limit": limit, "user_id": user_id, "status": status, "job_type": job_type, "before": before}
    return [job_of(row) for row in conn.execute(statement("operator_page"), params)]


def redrive_preview(conn: Connection, failures: Failures) -> list[Fault]:
    """What redrive would queue again now, the most frequent fault first."""
    rows = conn.execute(statement("redrive_preview"), failures.params())
    return [Fault(row.error_code, row.n, tuple(map(str, row.sample))) for row in rows]


def redrive(conn: Connection, failures: Failures) -> Redriven:
    """Queue failed jobs again with fresh counters."""
    rows = conn.execute(statement("redrive"), failures.params()).all()
    counts = Counter(row.error_code for row in rows)
    return Redriven(
        [Fault(code, n) for code, n in counts.most_common()],
        [key_of(row) for row in rows],
        [JobChanged(str(row.id), row.user_id, ended=False, change="requeued") for row in rows],
    )


def purge_preview(conn: Connection, *, retention_s: float) -> int:
    """How many jobs purge would delete, counted to a little more than PURGES."""
    return int(conn.execute(statement("purge_preview"), {"retention_s": retention_s}).scalar_one())
