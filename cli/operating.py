"""What the operators' commands share: the database, words for times, and refusals."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

import config
from cli.database import answering
from config import Config
from jobs import operators
from jobs.db.engine import autocommit, open_engine
from jobs.errors import SetupError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
OLD = "its schema is older than this program: ./run migrate brings it up"
REFUSALS = {  # SQLSTATE: what it means, and the cure
    "42P01": OLD,  # a table is not there
    "42703": OLD,  # a column
    "42501": "the user of DATABASE_URL lacks a right on our tables: take the one that serve and work have",
    "25006": "it can only be read: name the primary in DATABASE_URL, not a standby",
    "57014": "it took longer than database.statement_timeout_s: narrow what you ask for, or raise that",
}
GONE = "it does not answer any more, or cannot, and its log says why: look what was done, and ask again"
ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Refused(click.ClickException):
    """It cannot be done, and the message says why."""

    exit_code = 2


class Duration(click.ParamType[float]):
    """30s, 15m, 2h or 7d; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smhd])", value)
        if not found:
            self.fail("write a number and s, m, h or d, such as 30m", param, ctx)
        return float(found[1]) * UNITS[found[2]]


class Moment(click.ParamType[datetime]):
    """2026-01-31T12:00:00Z; `ago`: or 2h, for two hours ago."""

    name = "time"

    def __init__(self, *, ago: bool) -> None:
        self._ago = ago

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if self._ago and re.fullmatch(r"[\d.]+[smhd]", value):
                return datetime.now(UTC) - timedelta(seconds=Duration().convert(value, param, ctx))
            given = datetime.fromisoformat(value)
            # PostgreSQL takes no zone that is more than 16 hours away from Greenwich.
            return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
        except ValueError:
            words = ", or 2h for two hours ago" if self._ago else ""
            self.fail(f"write a time, such as 2026-01-31T12:00:00Z{words}", param, ctx)
        except OverflowError:
            self.fail("write a time of the years 1 to 9999", param, ctx)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
sure = click.option("--yes", is_flag=True, help="Do it; without, only what would be done is shown.")


@contextmanager
def database() -> Iterator[tuple[Config, Connection]]:
    """A connection on which each statement is its own transaction.  Raises SetupError, which says the cure; Refused."""
    settings = config.load()
    times = settings.database
    engine = open_engine(
        answering(settings).url,
        pool_size=1,
        connect_timeout_s=times.connect_timeout_s,
        statement_timeout_s=times.statement_timeout_s,
    )
    try:
        with autocommit(engine) as conn:
            yield settings, conn
    except DBAPIError as error:
        if cure := _cure(error):
            raise SetupError(f"database: {cure}") from error
        raise
    except UnicodeEncodeError as error:  # bytes of the command line that Python could not read
        raise Refused("what you wrote is not text in UTF-8") from error
    finally:
        engine.dispose()


def _cure(error: DBAPIError) -> str | None:
    """None: it is none of what an operator could mend."""
    told = REFUSALS.get(str(getattr(error.orig, "pgcode", None)))
    return told or (GONE if isinstance(error, OperationalError | InterfaceError) else None)


def job_of(conn: Connection, job_id: str) -> Row[Any]:
    """Raises Refused."""
    job = operators.job(conn, job_id=job_id) if ID.fullmatch(job_id) else None
    if job is None:
        raise Refused("there is no such job; ./run jobs list shows their ids")
    return job


def moved(conn: Connection, job_id: str, what: str, move: Callable[[str], Any]) -> Any:
    """What `move(its user)` returned, if not None.  Raises Refused: the job's status does not allow it."""
    result = move(job_of(conn, job_id).user_id)
    if result is None:
        raise Refused(f"a {job_of(conn, job_id).status} job cannot be {what}")
    return result
