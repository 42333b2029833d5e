"""A fleet of real processes on a PostgreSQL of its own, each behind a proxy, and a client that keeps a ledger."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
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
from tests.faults.records import Answer, Records
from tests.faults.server import Server
from tests.processes import QUICK, ROOT, Process, environment, free_port, wait_until
from tests.scheduler.proxy import Proxy

LEASE_S = float(QUICK["YARD_SCHEDULER__LEASE_S"])
FLEET = {
    "YARD_HANDLERS": "[tests.faults.handlers]",
    "YARD_JOBS__MAX_CONCURRENT_JOBS": "60",
    "YARD_SCHEDULER__SEATS": "8",
    "YARD_JOBS__BACKOFF__BASE_S": "0.1",
    "YARD_DATABASE__CONNECT_TIMEOUT_S": "1",
    "YARD_DATABASE__STATEMENT_TIMEOUT_S": "1",
}


class Place(Process):
    """A process of the fleet that is started anew after it has ended, as a platform does; it logs into a file."""

    def __init__(self, command: str, env: dict[str, str], log: Path, url: str) -> None:
        self.proxy = Proxy(url)
        self.port = free_port()
        self._words = [sys.executable, str(ROOT / "main.py"), command]
        network = {"YARD_API__PORT": str(self.port), "YARD_API__BIND": "127.0.0.1"}
        self._env = env | network | {"DATABASE_URL": self.proxy.url}
        self._log = log
        self.fill()

    def fill(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._words, env=self._env, cwd=ROOT, start_new_session=True, stdout=log, stderr=log
            )

    def pids(self) -> set[int]:
        """Of the process and of those that it has started."""
        return {
            int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _group(int(entry.name)) == self.process.pid
        }

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def blackhole(self) -> None:
        self.proxy.freeze()

    def cut(self) -> None:
        self.proxy.cut()

    def lose_answers(self) -> None:
        self.proxy.cut_at_answer()

    def healthy(self) -> bool:
        """Of a web process alone."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/ai-agent/health", timeout=5) as answer:
                return int(answer.status) == 200
        except (OSError, urllib.error.HTTPError):
            return False


class World:
    """`places[0]` is the web process, with a scheduler inside; the others are workers."""

    def __init__(self, server: Server, engine: Engine, places: list[Place], directory: Path) -> None:
        self.server = server
        self.engine = engine
        self.places = places
        self.directory = directory
        self.asked: dict[str, tuple[Answer, str, dict[str, Any], int]] = {}  # by name: the answer, what to ask again

    def ask(self, count: int, job_type: str = "attentive", max_retries: int = 10, **request: Any) -> None:
        """Enqueue, and note what was heard.  Whoever hears nothing asks again: see `ask_again`."""
        for _ in range(count):
            self._ask(f"n{len(self.asked)}", job_type, request, max_retries)

    def ask_again(self) -> None:
        for name, (answer, job_type, request, max_retries) in list(self.asked.items()):
            if answer == "unknown":
                self._ask(name, job_type, request, max_retries)

    def _ask(self, name: str, job_type: str, request: dict[str, Any], max_retries: int) -> None:
        answer: Answer = "unknown"
        with contextlib.suppress(SQLAlchemyError), autocommit(self.engine) as conn:
            store.enqueue(
                conn,
                user_id="ann",
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

    def wait_busy(self, runs: int = 1) -> None:
        """Returns when that many jobs are running."""
        wait_until(lambda: self._running() >= runs, f"{runs} runs")

    def _running(self) -> int:
        self.tend()
        return self.count("status = 'processing'")

    def settle(self, within_s: float = 60) -> None:
        """Returns when every job has ended."""
        wait_until(self._settled, "end of all jobs", within_s)

    def _settled(self) -> bool:
        self.tend()
        self.ask_again()
        return self.count("status in ('queued', 'processing')") == 0

    def records(self) -> Records:
        with autocommit(self.engine) as conn:
            changes = records.changes(conn)
        return Records({name: told[0] for name, told in self.asked.items()}, records.marks(self.directory), changes)

    def refused(self) -> int:
        """Outcomes of which a worker said that the fence had refused them."""
        logs = self.directory.glob("*.log")
        return sum(log.read_text(errors="replace").count("no longer the owner; refused") for log in logs)

    def is_well(self) -> bool:
        """Every process is heard, somebody leads, the web process is healthy."""
        self.tend()
        seen = self.rows("select count(*) from ai_workers where seen_at > clock_timestamp() - interval '1 second'")
        heard = seen is not None and seen[0][0] == len(self.places)
        return heard and self.leader() is not None and self.places[0].healthy()

    def connections(self) -> int:
        """Of the whole fleet, seen by the server."""
        rows = self.rows("select count(*) from pg_stat_activity where application_name = 'yardmaster'")
        return rows[0][0] if rows else -1


@contextmanager
def world(directory: Path, *, workers: int = 2, **env: str) -> Iterator[World]:
    """A web process and workers, all well; everything is gone at the end."""
    server = Server()
    engine = open_engine(server.url, pool_size=3, connect_timeout_s=2)
    places: list[Place] = []
    try:
        migrate(engine)
        with autocommit(engine) as conn:
            records.watch(conn)
        settings = environment(server.url, **{**QUICK, **FLEET, "TEST_MARKS": str(directory), **env})
        for n in range(1 + workers):
            places.append(Place("work" if n else "serve", settings, directory / f"{n}.log", server.url))  # noqa: PERF401 - what was started must be ended, even when the next cannot start
        made = World(server, engine, places, directory)
        wait_until(made.is_well, "well fleet")
        yield made
    finally:
        for place in places:
            place.end()
            place.proxy.close()
        engine.dispose()
        server.close()


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
