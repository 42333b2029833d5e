"""A database of the bench's own, and a scheduler on it."""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import sql

import config
from jobs.db import embedded
from jobs.db.engine import open_engine
from jobs.db.migrate import migrate
from jobs.job import Handler
from scheduler import stopping
from scheduler.runtime import Runtime

DATA_DIR = Path(os.environ.get("YARD_DATA_DIR", ".data")) / "bench"
CONFIG_FILE = Path(__file__).resolve().parents[1] / "config.yaml"


@contextmanager
def database() -> Iterator[str]:
    """The URL of a new, migrated database on DATABASE_URL's server, or on a private one; dropped at the end."""
    given = os.environ.get("DATABASE_URL")
    private = None if given else embedded.start(DATA_DIR)
    server = given or (private.url if private else "")
    name = f"yard_bench_{uuid.uuid4().hex[:12]}"
    _admin(server, sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    head, _, query = server.partition("?")
    url = head.rsplit("/", 1)[0] + "/" + name + ("?" + query if query else "")
    try:
        engine = open_engine(url, alone=True)
        migrate(engine)
        engine.dispose()
        yield url
    finally:
        _admin(server, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        if private:
            private.lock.close()


@contextmanager
def scheduler(
    url: str, handlers: Mapping[str, Handler], *, seats: int, cap: int | None, user_cap: int | None = None
) -> Iterator[Runtime]:
    """A running scheduler of `seats` seats; stopped at the end."""
    environ = {
        "YARD_SCHEDULER__SEATS": str(seats),
        "YARD_JOBS__MAX_CONCURRENT_JOBS": "null" if cap is None else str(cap),
        "YARD_JOBS__MAX_CONCURRENT_PER_USER": "null" if user_cap is None else str(user_cap),
    }
    settings = config.load(CONFIG_FILE, environ)
    runtime = Runtime(
        lambda: settings,
        open_engine(url, alone=True),
        handlers,
        listen_url=url,
        own_engine=lambda patience_s: open_engine(url, pool_size=1, patience_s=patience_s, alone=True),
        leave=lambda: None,
        version="bench",
    )
    runtime.start()
    try:
        yield runtime
    finally:
        stopping.stop(runtime, 2)


def _admin(url: str, statement: sql.Composable) -> None:
    conn = psycopg2.connect(url)
    try:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute(statement)
    finally:
        conn.close()
