"""A fleet of real processes on a PostgreSQL of its own, each behind a proxy, and a client that keeps a ledger."""

import contextlib
import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import store
from jobs.db.engine import autocommit, open_engine
from jobs.db.migrate import migrate
from tests.faults import records
from tests.faults.place import Place
from tests.faults.progress import Progress, describe
from tests.faults.records import Answer, Mark, Records
from tests.faults.server import Server
from tests.processes import QUICK, environment, wait_until

USER = "ann"
LEASE_S = float(QUICK["YARD_SCHEDULER__LEASE_S"])
FLEET_CAP = 60
FLEET = {
    "YARD_HANDLERS": "[tests.faults.handlers]",
    "YARD_JOBS__MAX_CONCURRENT_JOBS": str(FLEET_CAP),
    "YARD_SCHEDULER__SEATS": "8",
    "YARD_JOBS__BACKOFF__BASE_S": "0.1",
    "YARD_DATABASE__CONNECT_TIMEOUT_S": "1",
    "YARD_DATABASE__STATEMENT_TIMEOUT_S": "1",
}


class World:
    """`places[0]` is the web process, with a scheduler inside; the others are workers."""

    def __init__(self, server: Server, engine: Engine, settings: dict[str, str], directory: Path) -> None:
        self.server = server
        self.engine = engine
        self.places: list[Place] = []
        self.directory = directory
        self._settings = settings
        self._numbers = itertools.count()  # two faults at a time may both ask
        self.asked: dict[str, tuple[Answer, str, dict[str, Any], int]] = {}  # by name: the answer, what to ask again

    def place(self, command: str, **env: str) -> Place:
        """A new process, which the caller puts into the fleet or ends."""
        number = len(list(self.directory.glob("*.log")))
        return Place(command, self._settings | env, self.directory / f"{number}.log", self.server.url)

    def ask(self, count: int, job_type: str = "attentive", max_retries: int = 10, **request: Any) -> None:
        """Enqueue, and note what was heard.  Whoever hears nothing asks again: see `ask_again`."""
        for _ in range(count):
            self._ask(f"n{next(self._numbers)}", job_type, request, max_retries)

    def ask_again(self) -> None:
        for name, (answer, job_type, request, max_retries) in list(self.asked.items()):
            if answer == "unknown":
                self._ask(name, job_type, request, max_retries)

    def _ask(self, name: str, job_type: str, request: dict[str, Any], max_retries: int) -> None:
        answer: Answer = "unknown"
        with contextlib.suppress(SQLAlchemyError), autocommit(self.engine) as conn:
            store.enqueue(
                conn,
                user_id=USER,
                job_type=job_type,
                request_data=request,
                max_retries=max_retries,
                idempotency_key=name,
            )
            answer = "ok"
        self.asked[name] = (answer, job_type, request, max_retries)

    def rows(self, statement: str, **values: Any) -> list[Any] | None:
        """None while the database does not answer."""
        try:
            with autocommit(self.engine) as conn:
                return list(conn.execute(text(statement), values))
        except SQLAlchemyError:
            return None

    def count(self, where: str, **values: Any) -> int:
        """Jobs of which that is true; -1 while the database does not answer."""
        rows = self.rows(f"select count(*) from ai_jobs where {where}", **values)
        return rows[0][0] if rows else -1

    def leader(self) -> Place | None:
        """None while there is none that lives."""
        rows = self.rows("select holder from ai_leader where expires_at > clock_timestamp()")
        pid = int(rows[0][0].rsplit("-", 2)[1]) if rows else 0
        return next((place for place in self.places if pid in place.pids()), None)

    def tend(self) -> None:
        """Start what has ended."""
        for place in self.places:
            if place.process.poll() is not None:
                place.fill()

    def orphans(self) -> int:
        """Runs of processes that are not there."""
        there = [str(pid) for place in self.places for pid in place.pids()]
        return self.count("status = 'processing' and not split_part(worker_id, '-', -2) = any(:there)", there=there)

    def cancel(self, where: str) -> int:
        """Ask for the end of jobs of which that is true, as their user does; returns how many could be asked."""
        with autocommit(self.engine) as conn:
            ids = [str(row.id) for row in conn.execute(text(f"select id from ai_jobs where {where}"))]
            return sum(store.cancel(conn, job_id=job_id, user_id=USER) is not None for job_id in ids)

    def wait_busy(self, runs: int = 1) -> None:
        """Returns when that many jobs are running."""
        wait_until(lambda: self._running() >= runs, f"{runs} runs")

    def _running(self) -> int:
        self.tend()
        return self.count("status = 'processing'")

    def settle(self, within_s: float = math.inf) -> None:
        """Returns when every job has ended; raises AssertionError when nothing has moved for a while."""
        progress, end = Progress(self), time.monotonic() + within_s
        while not self._settled():
            progress.look()
            assert time.monotonic() < end, f"within {within_s} s not all jobs have ended\n{describe(self)}"
            time.sleep(0.05)

    def _settled(self) -> bool:
        self.tend()
        self.ask_again()
        return self.count("status in ('queued', 'processing')") == 0

    def marks(self) -> list[Mark]:
        return records.marks(self.directory)

    def records(self) -> Records:
        with autocommit(self.engine) as conn:
            changes = records.changes(conn)
        return Records({name: told[0] for name, told in self.asked.items()}, self.marks(), changes)

    def refused(self) -> int:
        """Outcomes of which a worker said that the fence had refused them."""
        logs = self.directory.glob("*.log")
        return sum(log.read_text(errors="replace").count("no longer the owner; refused") for log in logs)

    def is_well(self) -> bool:
        """Every process is heard, somebody leads, the web process is healthy."""
        self.tend()
        all_heard = len(self.heard()) == len(self.places)
        return all_heard and self.leader() is not None and self.places[0].healthy()

    def wait_well(self) -> None:
        """Returns when it is so."""
        try:
            wait_until(self.is_well, "well fleet")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{describe(self)}") from error

    def heard(self) -> set[str]:
        """The workers that were heard of within the last second."""
        rows = self.rows("select id from ai_workers where seen_at > clock_timestamp() - interval '1 second'")
        return {row.id for row in rows or ()}


@contextmanager
def world(directory: Path, *, workers: int = 2, **env: str) -> Iterator[World]:
    """A web process and workers, all well; everything is gone at the end."""
    server = Server()
    engine = open_engine(server.url, pool_size=3, connect_timeout_s=2)
    settings = environment(server.url, **{**QUICK, **FLEET, "TEST_MARKS": str(directory), **env})
    made = World(server, engine, settings, directory)
    try:
        migrate(engine)
        with autocommit(engine) as conn:
            records.watch(conn)
        for command in ("serve", *["work"] * workers):
            made.places += [made.place(command)]
        made.wait_well()
        yield made
    finally:
        for place in made.places:
            place.end()
            place.proxy.close()
        engine.dispose()
        server.close()
