"""How much one user may enqueue: counted in PostgreSQL, in the enqueue's own round trip, for all processes together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, TextClause, text
from sqlalchemy.exc import DBAPIError

from jobs.errors import YardError
from jobs.sql import statement

REFUSED = "YM429"  # the SQLSTATE of ai_admit()


class TooMany(YardError):
    """You have enqueued too many jobs; try again later

    `limit`: how many may come at a time.  `retry_after_s`: when they fit; None: not by waiting alone.
    """

    code = "too_many_jobs"

    def __init__(self, message: str | None = None, *, limit: int, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one user.  `per_minute` drip in, `burst` at most gather; `most_queued` may wait for a run.  None: no limit."""

    per_minute: float | None
    burst: int
    most_queued: int | None

    def any(self) -> bool:
        return self.per_minute is not None or self.most_queued is not None

    def params(self, asked: int) -> dict[str, Any]:
        return {
            "asked": asked,
            "per_minute": self.per_minute,
            "burst": self.burst,
            "most_queued": self.most_queued,
        }


UNLIMITED = Limits(None, 0, None)


def limited(
    conn: Connection, name: str, params: Mapping[str, Any], *, user_id: str, asked: int, limits: Limits
) -> CursorResult[Any]:
    """Run the statement of that name, which adds `asked` jobs of the user's.  Raises TooMany."""
    if not limits.any():
        return conn.execute(statement(name), params)
    try:
        return conn.execute(_admitting(name), {**params, **limits.params(asked), "user_id": user_id})
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != REFUSED:
            raise
        raise _told(error.orig.diag, limits, asked) from None  # type: ignore[union-attr]  # psycopg2's


@cache
def _admitting(name: str) -> TextClause:
    """The statement behind the look at the user's limits: one string, one transaction."""
    return text(f"{statement('admit').text};\n{statement(name).text}")


def _told(diag: Any, limits: Limits, asked: int) -> TooMany:
    if diag.message_primary == "queued":
        most = limits.most_queued or 0
        return TooMany(f"You may have at most {most} jobs in the queue; wait until some have run", limit=most)
    if not diag.message_detail:
        return TooMany(f"You may enqueue at most {limits.burst} jobs at a time, these are {asked}", limit=limits.burst)
    message = f"You may enqueue {limits.per_minute:g} jobs a minute; try again later"
    return TooMany(message, limit=limits.burst, retry_after_s=int(diag.message_detail))
