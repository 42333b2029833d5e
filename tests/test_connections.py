"""How many connections a process holds at most, whatever it does: seen by the server, and without a pause.

docs/reliability.md promises the numbers to whoever sets max_connections.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg2
import pytest
from sqlalchemy import Engine, create_engine, text

from jobs import bulk
from jobs.db.engine import autocommit
from jobs.db.migrate import migrate
from main import SCHEDULER_CONNECTIONS
from tests.faults.server import Server
from tests.processes import Web, fleet, wait_until

pytestmark = pytest.mark.timeout(170)

POOL_SIZE = 5  # database.pool_size of config.yaml
WORK = SCHEDULER_CONNECTIONS + 3  # and the heartbeat, the timetable, the listener
SERVE = WORK + POOL_SIZE
SERVE_WITHOUT_SCHEDULER = POOL_SIZE + 2  # which send hints, and hear what has ended
JOBS, REQUESTS = 200, 50
SEEN = 30  # looks at the connections: fewer would prove little
ENV = {
    "YARD_HANDLERS": "[tests.sleepers]",
    "YARD_JOBS__MAX_CONCURRENT_JOBS": str(JOBS),
    "YARD_SCHEDULER__SEATS": str(JOBS),
    "YARD_SCHEDULER__PURGE_EVERY_S": "0.3",  # so that all tasks of the timetable meet
    "YARD_DATABASE__CONNECT_TIMEOUT_S": "20",  # requests wait for a connection and do not give up
}
OURS = (
    "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'yardmaster%'"
)
RUNNING = "select count(*) from ai_jobs where status = 'processing'"
TOGETHER = """
select (select max(started_at) from ai_jobs) < (select min(completed_at) from ai_jobs)
   and (select count(distinct worker_id) from ai_jobs) = 1
"""


@contextmanager
def apart(url: str) -> Iterator[Engine]:
    """The tests' own connections, which the server can tell from the processes'."""
    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def watcher(database_url: str) -> Iterator[Engine]:
    with apart(database_url) as engine:
        yield engine


@contextmanager
def counted(url: str) -> Iterator[Counter[int]]:
    """How often each number of connections was seen meanwhile; those of a fleet before it are gone by then."""
    seen, over = Counter[int](), threading.Event()
    with apart(url) as engine:
        wait_until(lambda: number(engine, OURS) == 0, "end of the connections before")

    def look() -> None:
        while not over.is_set():
            try:
                _count(url, seen, over)
            except psycopg2.Error:
                time.sleep(0.01)  # the server restarts

    thread = threading.Thread(target=look, name="counter")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(20)


def _count(url: str, seen: Counter[int], over: threading.Event) -> None:
    conn = psycopg2.connect(url, connect_timeout=5)
    try:
        conn.autocommit = True
        with conn.cursor() as cursor:
            while not over.wait(0.002):
                cursor.execute(OURS)
                seen[cursor.fetchone()[0]] += 1
    finally:
        conn.close()


def enqueue(engine: Engine, count: int, seconds: float) -> None:
    jobs = [bulk.NewJob(user_id="ann", job_type="sleep", request_data={"seconds": seconds}) for _ in range(count)]
    with autocommit(engine) as conn:
        bulk.enqueue_many(conn, jobs)


def number(engine: Engine, statement: str) -> int:
    with autocommit(engine) as conn:
        return int(conn.execute(text(statement)).scalar_one())


def all_done(engine: Engine) -> None:
    left = "select count(*) from ai_jobs where job_type = 'sleep' and status <> 'completed'"
    wait_until(lambda: number(engine, left) == 0, "end of all jobs")


def empty(engine: Engine) -> None:
    with autocommit(engine) as conn:
        conn.execute(text("delete from ai_jobs"))


def besiege(web: Web, rounds: int = 6) -> None:
    """REQUESTS callers at once, each with several requests after one another."""

    def call(caller: int) -> list[int]:
        user = f"u{caller}"
        answers = [web.call("POST", "/create-canvas", {"instructions": "a flowchart", "delay_s": 3600}, user)[0]]
        return answers + [web.call("GET", "/jobs", user=user)[0] for _ in range(rounds)]

    with ThreadPoolExecutor(REQUESTS) as callers:
        assert {status for answers in callers.map(call, range(REQUESTS)) for status in answers} <= {200, 202}


def test_200_runs_at_once_need_no_more_connections_than_one_does(database_url: str, watcher: Engine):
    enqueue(watcher, JOBS, 4)
    with counted(database_url) as seen, fleet(database_url, webs=0, workers=1, **ENV):
        all_done(watcher)
        assert number(watcher, f"select ({TOGETHER})::int") == 1
        enqueue(watcher, 2000, 0)
        all_done(watcher)
    empty(watcher)
    assert 4 <= max(seen) <= WORK
    assert seen.total() > SEEN


@pytest.mark.parametrize(("embedded", "ceiling"), [("true", SERVE), ("false", SERVE_WITHOUT_SCHEDULER)])
def test_50_requests_at_once_share_the_connections_of_the_pool(
    database_url: str, watcher: Engine, embedded: str, ceiling: int
):
    with counted(database_url) as seen, fleet(database_url, YARD_SCHEDULER__EMBEDDED=embedded, **ENV) as ([web], _):
        besiege(web)
    empty(watcher)
    assert POOL_SIZE <= max(seen) <= ceiling
    assert seen.total() > SEEN


def test_a_fleet_at_work_keeps_within_its_ceilings_also_when_the_database_restarts():
    server = Server()
    try:
        with apart(server.url) as watcher:
            migrate(watcher)
            with counted(server.url) as seen, fleet(server.url, workers=1, **ENV) as ([web], _):
                enqueue(watcher, JOBS, 3)
                wait_until(lambda: number(watcher, RUNNING) == JOBS, f"{JOBS} runs")
                besiege(web)
                server.restart(signal.SIGINT)
                before = seen.total()
                wait_until(web.ready, "answer after the restart")
                besiege(web)
                all_done(watcher)
                assert seen.total() > before + SEEN
    finally:
        server.close()
    assert POOL_SIZE < max(seen) <= WORK + SERVE
