"""What the operators' commands share: the database, words for times, and refusals."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy import Connection, Row
from sqlalchemy.exc import OperationalError, ProgrammingError

import config
from cli.database import reach
from config import Config
from jobs import operators
from jobs.db.engine import autocommit, open_engine
from jobs.errors import SetupError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
NO_SUCH = ("42P01", "42703")  # SQLSTATE: a table, a column is not there
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
        if self._ago and re.fullmatch(r"[\d.]+[smhd]", value):
            return datetime.now(UTC) - timedelta(seconds=Duration().convert(value, param, ctx))
        try:
            given = datetime.fromisoformat(value)
        except ValueError:
            words = ", or 2h for two hours ago" if self._ago else ""
            self.fail(f"write a time, such as 2026-01-31T12:00:00Z{words}", param, ctx)
        return given if given.tzinfo else given.replace(tzinfo=UTC)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
sure = click.option("--yes", is_flag=True, help="Do it; without, only what would be done is shown.")


@contextmanager
def database() -> Iterator[tuple[Config, Connection]]:
    """A connection on which each statement is its own transaction.  Raises SetupError, which says the cure."""
    settings = config.load()
    found = reach(settings)
    engine = open_engine(found.url, pool_size=1, connect_timeout_s=settings.database.connect_timeout_s)
    try:
        with autocommit(engine) as conn:
            yield settings, conn
    except OperationalError as error:
        raise SetupError("database: cannot be reached, or did not answer; check DATABASE_URL") from error
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) in NO_SUCH:
            raise SetupError("database: its schema is older than this program: ./run migrate brings it up") from error
        raise
    finally:
        engine.dispose()


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
