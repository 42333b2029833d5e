"""The one place where a database URL becomes connections."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event

from jobs.db.patience import Patient, Reluctant

# A host that has vanished from the network is noticed in seconds, not in libpq's two hours.
KEEP_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 10_000}

GRACE = 1.5  # PostgreSQL ends a statement by itself at its time-out; who has heard nothing by then never will


def open_engine(
    url: str,
    *,
    pool_size: int = 5,
    connect_timeout_s: int = 5,
    statement_timeout_s: float = 10,
    patience_s: Callable[[], float] | None = None,
    alone: bool = False,
    reluctant: bool = False,
) -> Engine:
    """An engine on `url` as libpq reads it (Railway's, several hosts, a socket directory).

    Never more than `pool_size` connections; a caller that finds none within `connect_timeout_s` gets
    sqlalchemy.exc.TimeoutError.  An answer is waited for as long as `patience_s` says (None: half as long again
    as a statement may take).  `alone`: each statement is a transaction of its own, which costs autocommit() two
    round trips otherwise; begin() begins nothing then.  `reluctant`: see jobs.db.patience.
    The URL goes to psycopg2 as it is, because SQLAlchemy would read postgresql:// as another driver and refuses
    several hosts.
    """

    def connect() -> Any:
        conn = connect_patiently(url, connect_timeout_s, "yardmaster")
        conn.patience_s = patience_s or (lambda: statement_timeout_s * GRACE)
        conn.told = opened.cut
        return conn

    opened = Reluctant(connect)

    engine = create_engine(
        "postgresql+psycopg2://",
        creator=opened if reluctant else connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=connect_timeout_s,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT" if alone else "READ COMMITTED",
        hide_parameters=True,  # an error's text goes to the log; prompts and results do not
    )
    _prepare_sessions(engine, statement_timeout_s)
    return engine


def connect_patiently(url: str, connect_timeout_s: int, application_name: str) -> Patient:
    """The wait for a connection is bounded by libpq itself; what comes after it, by patience and the watchdog."""
    options = {"connect_timeout": connect_timeout_s, "application_name": application_name} | KEEP_ALIVE
    conn: Patient = psycopg2.connect(url, connection_factory=Patient, **options)
    return conn


def _prepare_sessions(engine: Engine, statement_timeout_s: float) -> None:
    # A statement of its own, not libpq's options: those do not pass a connection pooler.
    @event.listens_for(engine, "connect")
    def _set_up(dbapi_connection: Any, _record: object) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute(f"set statement_timeout = {int(statement_timeout_s * 1000)}; set jit = off")
        dbapi_connection.commit()


@contextmanager
def autocommit(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement is its own transaction: BEGIN and COMMIT cost two round trips."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        yield conn
