"""Pauses: job types that nobody claims for a while, in the whole fleet.

`conn` comes first and is never committed here.  The claim itself reads the pauses, so nothing has to be told when one
begins.  When one ends, workers that sleep are told.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.sql import statement

EVERYTHING = "*"
TYPE_CHARS, REASON_CHARS = 100, 500


@dataclass(frozen=True, slots=True)
class Pause:
    """`job_type` None: everything.  `resume_at` None: until somebody resumes it."""

    job_type: str | None
    paused_at: datetime
    resume_at: datetime | None
    paused_by: str
    reason: str | None


def pause(
    conn: Connection,
    job_type: str | None,
    *,
    by: str,
    resume_at: datetime | None = None,
    for_s: float | None = None,
    reason: str | None = None,
) -> None:
    """Let no more jobs of this type begin (None: none at all), in place of an earlier pause of the same.

    It ends at `resume_at`, `for_s` seconds from now, whichever is first, and within 10 years; both None: by resume().
    """
    about = {"resume_at": resume_at, "for_s": for_s, "paused_by": by, "reason": reason}
    conn.execute(statement("pause"), {"job_type": job_type or EVERYTHING, **about})


def resume(conn: Connection, job_type: str | None) -> bool:
    """End the pause of this type (None: the one of everything; those of single types stay); False: there was none."""
    row = conn.execute(statement("resume"), {"job_type": job_type or EVERYTHING}).one_or_none()
    return row is not None and row.held


def end_over(conn: Connection) -> int:
    """Take away the pauses whose time is over; returns how many."""
    return len(conn.execute(statement("end_pauses")).all())


def in_force(conn: Connection) -> list[Pause]:
    """The pauses that hold now, that of everything first."""
    rows = conn.execute(statement("pauses")).all()
    return [Pause(None if row.job_type == EVERYTHING else row.job_type, *row[1:]) for row in rows]


def runners(conn: Connection, job_type: str, *, silent_s: float) -> int:
    """How many workers, heard of in the last `silent_s`, have a handler for this type."""
    return int(conn.execute(statement("runners"), {"job_type": job_type, "silent_s": silent_s}).scalar_one())
