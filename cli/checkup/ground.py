"""What a check of the doctor looks at, and what it says."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import Connection, Engine, Row, text

from config import Config

Level = Literal["ok", "note", "fault"]
Ground = TypeVar("Ground")


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` there is to say, `where` to look, and the `cure`; both may be empty where nothing is wrong."""

    level: Level
    what: str
    where: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Check(Generic[Ground]):
    """`look` yields what it finds; when that is nothing, all is `well`."""

    name: str
    well: str
    look: Callable[[Ground], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where on something is a fault.  `held_xids`: transactions that were begun since."""

    oldest_server: int = 130000
    skew_s: float = 2.0
    hear_s: float = 2.0
    held_s: float = 600.0
    held_xids: int = 1_000_000
    queueing_s: float = 0.25


@dataclass(frozen=True, slots=True)
class Case:
    """A set-up whose database answers.  `listen_url` None: LISTEN is switched off; `clock`: this host's Unix time."""

    settings: Config
    engine: Engine
    listen_url: str | None
    clock: Callable[[], float] = time.time
    bounds: Bounds = Bounds()


def fault(what: str, *, where: str, cure: str) -> Finding:
    return Finding("fault", what, where, cure)


def note(what: str, *, where: str, cure: str) -> Finding:
    return Finding("note", what, where, cure)


@contextmanager
def looking(case: Case) -> Iterator[Connection]:
    """A connection on which PostgreSQL itself refuses every change."""
    with case.engine.connect() as conn:
        yield conn.execution_options(postgresql_readonly=True)


def ask(case: Case, name: str, **given: Any) -> list[Row[Any]]:
    """The rows of cli/checkup/sql/<name>.sql.  Raises what the database raises."""
    with looking(case) as conn:
        return list(conn.execute(text(_statement(name)), given))


@cache
def _statement(name: str) -> str:
    return (files(__name__.rpartition(".")[0]) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
