"""Many who follow at once: while the database restarts, as they come and go, and beside one who does not read."""

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from socket import SHUT_RDWR

import psycopg2
import pytest
from psycopg2.extensions import connection
from websockets.sync.client import ClientConnection

from jobs.news import NEWS, Word, payloads, tag_of
from tests.faults.server import Server
from tests.processes import Web, fleet, wait_until
from tests.test_live import PATIENCE_S, closing, ended, socket, told, with_ending_token

CROWD = 100
VISITS, AT_ONCE = 300, 20
LARGE, LARGE_BYTES = 40, 500_000
WITHOUT_SCHEDULER = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_API__SOCKETS__MOST": str(2 * CROWD)}
LIVE = """
insert into ai_jobs (user_id, job_type, request_data, next_processing_at)
select unnest(%s), 't', '{}', now() + interval '1 day' returning user_id, id
"""
LAST = {"ann": "ai_job_complete", "bob": "ai_job_error", "eve": "ai_job_update"}
BROKEN = """
with job as (insert into ai_jobs (user_id, job_type, request_data, status, claim_seq, worker_id, started_at, lease_expires_at)
             values ('unlucky', 't', '{}', 'processing', 1, 'w', now(), now() + interval '1 day') returning id)
insert into ai_job_parts select id, 1, 1, true, '[{"id": ["no text"]}]' from job
"""
END = """
update ai_jobs set status = 'completed', completed_at = now(), next_processing_at = null, version = version + 1,
                   result_data = jsonb_build_object('text', repeat('x', %s))
 where id = any(%s::uuid[])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def web(server: Server) -> Iterator[Web]:
    with fleet(server.url, **WITHOUT_SCHEDULER) as ([web], _):
        yield web


def connected(server: Server) -> connection:
    conn = psycopg2.connect(server.url)
    conn.autocommit = True
    return conn


def live(server: Server, users: list[str]) -> dict[str, str]:
    """One live job for each: {job id: user}."""
    with connected(server).cursor() as cursor:
        cursor.execute(LIVE, [users])
        return {str(job_id): user for user, job_id in cursor}


def end(server: Server, jobs: dict[str, str], *, size: int = 1, tell: bool = True) -> None:
    """Let them be completed, as a worker elsewhere would; unless `tell`, no news of it is sent."""
    with connected(server).cursor() as cursor:
        cursor.execute(END, [size, list(jobs)])
        for payload in payloads([Word(job_id, tag_of(user), ended=True) for job_id, user in jobs.items()]):
            cursor.execute("select pg_notify(%s, %s)", [NEWS, payload if tell else "[]"])


def test_a_hundred_that_wait_while_the_database_restarts_hear_the_ends_of_their_jobs(server: Server, web: Web):
    jobs = live(server, [f"user-{number}" for number in range(CROWD)])
    with ExitStack() as stack:
        sockets = {user: stack.enter_context(socket(web, user)) for user in jobs.values()}
        for client in sockets.values():
            told(client, lambda _: True)
        server.restart(signal.SIGQUIT)
        half = dict(list(jobs.items())[: CROWD // 2])
        end(server, half, tell=False)  # what happens while nobody listens
        end(server, {job_id: user for job_id, user in jobs.items() if job_id not in half})
        for job_id, user in jobs.items():
            assert told(sockets[user], ended(job_id))[-1]["event"] == "ai_job_complete"
        wait_until(web.ready, "ready web process")


def test_who_connects_while_the_database_is_away_hears_when_it_is_back(server: Server, web: Web):
    jobs = live(server, ["early"])
    server.stop(signal.SIGQUIT)
    with socket(web, "early") as client:
        server.start()
        [(job_id, _)] = jobs.items()
        assert [one["data"]["job_id"] for one in told(client, lambda _: True)] == [job_id]
    wait_until(web.ready, "ready web process")


def open_files(web: Web) -> int:
    [worker] = Path(f"/proc/{web.process.pid}/task/{web.process.pid}/children").read_text().split()
    return len(list(Path(f"/proc/{worker}/fd").iterdir()))


def sockets_counted(web: Web) -> float:
    lines = web.text("GET", "/metrics")[1].splitlines()
    return float(next(line for line in lines if line.startswith("yardmaster_sockets ")).split()[1])


def test_those_who_come_and_go_leave_nothing_behind(server: Server, web: Web):
    def visit(number: int) -> None:
        user = f"guest-{number % 30}"
        with socket(web, user) as client:
            if number % 3:
                told(client, lambda _: True)
            if number % 5 == 0:
                client.socket.shutdown(SHUT_RDWR)  # as if it had been torn out

    live(server, [f"guest-{number}" for number in range(30)])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(visit, range(3 * AT_ONCE)))  # so that all connections to the database are there
        wait_until(lambda: sockets_counted(web) == 0, "the end of the first visits")
        before = open_files(web)
        list(pool.map(visit, range(VISITS)))
    wait_until(lambda: sockets_counted(web) == 0, "the end of all visits")
    wait_until(lambda: open_files(web) <= before + 2, "the close of their sockets")


def test_one_who_does_not_read_holds_nobody_up_and_misses_no_ending(server: Server, web: Web):
    slow_jobs, quick_jobs = live(server, ["slow"] * LARGE), live(server, ["quick"])
    with socket(web, "slow", max_queue=1) as slow, socket(web, "quick") as quick:
        told(quick, lambda _: True)
        end(server, slow_jobs, size=LARGE_BYTES)
        end(server, quick_jobs)
        assert told(quick, ended(next(iter(quick_jobs))))[-1]["event"] == "ai_job_complete"
        assert web.call("GET", "/jobs", user="quick")[0] == 200
        seen = _ends(slow)
    assert seen == set(slow_jobs)


def test_one_who_does_not_read_has_to_go_with_the_token_all_the_same(server: Server, web: Web):
    wait_until(lambda: sockets_counted(web) == 0, "the end of the connections before")
    with with_ending_token(web, "late", max_queue=1):
        end(server, live(server, ["late"] * LARGE), size=LARGE_BYTES)
        wait_until(lambda: sockets_counted(web) == 0, "its end", within_s=15)  # the system would need 30 s


def test_a_fault_of_ours_ends_a_connection_in_order_and_not_with_an_answer_of_http(server: Server, web: Web):
    with connected(server).cursor() as cursor:
        cursor.execute(BROKEN)
    with socket(web, "unlucky") as client:
        assert closing(client)[0] == 1011


def _ends(client: ClientConnection) -> set[str]:
    """The jobs whose ending comes."""
    seen: set[str] = set()
    while len(seen) < LARGE:
        message = json.loads(client.recv(timeout=PATIENCE_S))
        if message["event"] == "ai_job_complete":
            seen.add(message["data"]["job_id"])
    return seen


def test_events_of_others_reach_nobody(web: Web, server: Server):
    """Every kind of event, to every other user's sockets."""
    users = ["ann", "bob", "eve"]
    with ExitStack() as stack:
        sockets = {user: stack.enter_context(socket(web, user)) for user in users}
        heard: dict[str, list[dict]] = {user: [] for user in users}
        jobs = live(server, users)
        end(server, {job_id: user for job_id, user in jobs.items() if user == "ann"})
        with connected(server).cursor() as cursor:
            cursor.execute(
                "update ai_jobs set status = 'failed', completed_at = now(), next_processing_at = null, version = 9"
                " where id = any(%s::uuid[]) and user_id = 'bob'",
                [list(jobs)],
            )
            words = [Word(job_id, None, ended=True) for job_id in jobs]  # as if every tag were everybody's
            for payload in payloads(words):
                cursor.execute("select pg_notify(%s, %s)", [NEWS, payload])
        readers = [threading.Thread(target=_gather, args=(sockets[user], heard[user], LAST[user])) for user in users]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    own = {user: job_id for job_id, user in jobs.items()}
    assert {user: {one["data"]["job_id"] for one in told_} for user, told_ in heard.items()} == {
        user: {own[user]} for user in users
    }
    assert {one["event"] for told_ in heard.values() for one in told_} >= {
        "ai_job_complete",
        "ai_job_error",
        "ai_job_update",
    }


def _gather(client: ClientConnection, heard: list[dict], last: str) -> None:
    """All that comes up to what is waited for, and within some looks of the hub after it."""
    heard += told(client, lambda message: message["event"] == last)
    try:
        while True:
            heard.append(json.loads(client.recv(timeout=2)))
    except TimeoutError:
        return
