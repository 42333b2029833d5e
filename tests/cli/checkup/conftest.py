"""A server of the doctor's tests' own: its settings are spoilt and mended, which others would feel."""

import secrets
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text

import config
from cli.checkup.ground import Bounds, Case, Finding
from jobs.db.engine import autocommit, open_engine
from jobs.db.migrate import migrate
from tests.conftest import create_database, drop_database, empty, with_database
from tests.faults.server import Server

USUAL = Bounds()
GOOD = secrets.token_hex(32)
NEEDED = {"wal_level": "logical", "max_prepared_transactions": "5", "autovacuum_naptime": "1h"}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    for name, value in NEEDED.items():
        run(server.url, f"alter system set {name} = '{value}'")
    server.restart(signal.SIGINT)
    yield server
    server.close()


@pytest.fixture(scope="module")
def database_url(server: Server) -> Iterator[str]:
    """A migrated database of this module's own, on the server of these tests."""
    name = f"yard_{uuid.uuid4().hex}"
    url = create_database(server.url, name)
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    yield url
    drop_database(server.url, name)


def run(url: str, *statements: str) -> None:
    """Each as a transaction of its own, on a connection of its own."""
    conn = psycopg2.connect(url)
    conn.autocommit = True
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    conn.close()


@dataclass(frozen=True)
class Setup:
    """A database that a test may spoil, and the settings that lead there."""

    url: str

    def settings(self, **environ: str) -> config.Config:
        usual = {"DATABASE_URL": self.url, "JWT_SECRET": GOOD, "OPENAI_API_KEY": "sk-none"}
        return config.load(environ={**usual, **environ})

    def look(self, check: Callable[[Case], Iterator[Finding]], *, bounds: Bounds = USUAL, **more: Any) -> list[Finding]:
        """What a check finds; `environ` are more variables, the rest goes into the Case."""
        settings = self.settings(**more.pop("environ", {}))
        listen = settings.environment.listen_database_url
        listen_url = listen.get_secret_value() if isinstance(listen, SecretStr) else self.url
        engine = open_engine(self.url, pool_size=1)
        try:
            given = {"listen_url": listen_url if settings.database.notify else None, **more}
            return list(check(Case(settings, engine, bounds=bounds, **given)))
        finally:
            engine.dispose()

    @contextmanager
    def with_database(self, setting: str) -> Iterator[None]:
        """`alter database ... set <setting>` for a while; new sessions begin with it."""
        elsewhere, name = with_database(self.url, "postgres"), self.url.rpartition("/")[2]
        run(elsewhere, f'alter database "{name}" set {setting}')
        try:
            yield
        finally:
            run(elsewhere, f'alter database "{name}" reset {setting.partition(" ")[0]}')


@pytest.fixture
def setup(database_url: str) -> Setup:
    """The queue is empty, and nobody is there."""
    engine = open_engine(database_url)
    with autocommit(engine) as conn:
        empty(conn)
    engine.dispose()
    return Setup(database_url)


@pytest.fixture
def conn(setup: Setup) -> Iterator[Connection]:
    engine = open_engine(setup.url)
    with autocommit(engine) as conn:
        yield conn
    engine.dispose()


def worker(conn: Connection, name: str = "w", *, seen_s_ago: float = 0, **columns: Any) -> None:
    """A process as its heartbeat shows it."""
    row = {"job_types": ["create_canvas"], "seats": 3, **columns}
    conn.execute(
        text(
            "insert into ai_workers (id, host, pid, version, job_types, seats, seen_at)"
            " values (:id, 'h', 1, '1', :job_types, :seats, clock_timestamp() - make_interval(secs => :ago))"
        ),
        {"id": name, "ago": seen_s_ago, **row},
    )


def only(findings: list[Finding], level: str = "fault") -> Finding:
    """The one finding, which says what, where and the cure, in one line each."""
    (one,) = findings
    assert one.level == level
    assert one.what
    assert one.where
    assert one.cure
    assert "\n" not in one.what + one.where + one.cure
    return one
