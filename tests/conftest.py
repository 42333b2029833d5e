"""One real PostgreSQL for the run, one database for each test module."""

import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg2
import pytest
from psycopg2 import sql
from sqlalchemy import Connection, Engine, text

from jobs import telemetry
from jobs.db.embedded import start
from jobs.db.engine import autocommit, open_engine
from jobs.db.migrate import TABLES, migrate

hypothesis.settings.register_profile("yard", deadline=None)  # no test asserts how long anything took
hypothesis.settings.load_profile("yard")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="the whole fault suite, and nothing else: half an hour")
    parser.addoption("--mutants", action="store_true", help="that the fault suite sees broken code: about 10 minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: takes minutes, and runs with --faults alone")
    config.addinivalue_line("markers", "mutants: runs the fault suite on broken code, and runs with --mutants alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --faults the fault suite, with --mutants its mutants, with neither all but what is marked as either."""
    runs = [_runs(item, faults=config.getoption("--faults"), mutants=config.getoption("--mutants")) for item in items]
    config.hook.pytest_deselected(items=[item for item, kept in zip(items, runs, strict=True) if not kept])
    items[:] = [item for item, kept in zip(items, runs, strict=True) if kept]


def _runs(item: pytest.Item, *, faults: bool, mutants: bool) -> bool:
    if mutants or item.get_closest_marker("mutants"):
        return mutants and item.get_closest_marker("mutants") is not None
    return "faults" in item.path.parts if faults else item.get_closest_marker("faults") is None


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """TEST_DATABASE_URL (of a role that may create databases), or a server of our own for this run."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # the workers of one run share the server
    embedded = start(Path(shared) / "postgresql", durable=False)
    yield embedded.url
    embedded.lock.close()


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """An empty, migrated database to copy, of this session's own: others may test another schema on the same server."""
    name = f"yard_template_{uuid.uuid4().hex}"
    engine = open_engine(create_database(server_url, name))
    migrate(engine)
    engine.dispose()
    yield name
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated database of this module's own."""
    name = f"yard_{uuid.uuid4().hex}"
    yield create_database(server_url, name, template)
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database without any table."""
    name = f"yard_{uuid.uuid4().hex}"
    yield create_database(server_url, name)
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement commits; the queue is empty."""
    with autocommit(engine) as conn:
        empty(conn)
        yield conn


def empty(conn: Connection) -> None:
    """Truncate would take 30 ms, for each of hundreds of tests."""
    conn.execute(text("; ".join(f"delete from {table}" for table in TABLES)))


@pytest.fixture(autouse=True)
def no_thread_left_waiting() -> Iterator[None]:
    """A test that leaves a thread of the queue behind would disturb the next."""
    before = set(threading.enumerate())
    yield
    ours = {"pump", "heartbeat", "listener", "APScheduler"}
    left = [t for t in threading.enumerate() if t not in before and t.name in ours]
    for thread in left:
        thread.join(timeout=5)
    assert not [t.name for t in left if t.is_alive()]


@pytest.fixture(autouse=True)
def nobody_left_listening() -> Iterator[None]:
    """An application hears telemetry as long as its process lives: a thousand of them would make each word slow."""
    before = list(telemetry._subscribers)
    yield
    telemetry._subscribers[:] = before


def create_database(server_url: str, name: str, template: str = "template0") -> str:
    """Returns the new database's URL."""
    statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
    admin(server_url, statement)
    return with_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    admin(server_url, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def with_database(url: str, name: str) -> str:
    """`url` with another database in it."""
    head, _, query = url.partition("?")
    return head.rsplit("/", 1)[0] + "/" + name + ("?" + query if query else "")


def admin(server_url: str, statement: sql.Composable) -> None:
    conn = psycopg2.connect(server_url)
    try:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute(statement)
    finally:
        conn.close()
