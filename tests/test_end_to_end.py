"""The real processes on a real PostgreSQL, used over HTTP."""

import signal
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from jobs import store
from tests import fake_openai
from tests.factory import row_of
from tests.processes import fleet, wait_until
from tests.scheduler.proxy import Proxy

LOGIN = "login flowchart: enter password, check, locked after 3 tries"


def test_a_canvas_is_enqueued_drawn_and_shown(database_url: str):
    with fleet(database_url) as ([web], _):
        job_id = web.draw(LOGIN)
        job = web.finished(job_id)
        assert (job["status"], job["progress"], job["retry_count"]) == ("completed", 100, 0)
        status, result = web.call("GET", f"/job/{job_id}/result")
        assert status == 200
        kinds = Counter(drawn["object_type"] for drawn in result["result"]["objects"])
        assert kinds["diamond"] >= 1
        assert kinds["arrow"] >= 3
        status, svg = web.text("GET", f"/job/{job_id}/result.svg")
        assert status == 200
        assert ET.fromstring(svg).tag.endswith("svg")
        assert web.process.poll() is None
        assert web.stop() == 0


def test_a_stranger_sees_nothing_of_it(database_url: str):
    with fleet(database_url) as ([web], _):
        job_id = web.draw(LOGIN)
        web.finished(job_id)
        for path in ("status", "result", "result.svg"):
            assert web.call("GET", f"/job/{job_id}/{path}", user="eve")[0] == 404
        assert web.call("POST", f"/job/{job_id}/cancel", user="eve")[0] == 404
        assert web.call("GET", "/jobs", user="eve")[1]["jobs"] == []


def test_the_model_draws_when_there_is_a_key(database_url: str):
    with fake_openai.running() as provider:
        env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.base_url, "OPENAI_MODEL": "test-model"}
        with fleet(database_url, **env) as ([web], _):
            job = web.finished(web.draw(LOGIN))
        assert job["status"] == "completed"
        assert job["result_data"]["provider"] == "openai"
        assert job["usage"]["calls"] == len(provider.calls) == 1


def test_a_provider_that_is_away_is_waited_for_without_spending_a_retry(database_url: str):
    with fake_openai.running() as provider:
        provider.script("503", "good")
        env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.base_url}
        with fleet(database_url, **env) as ([web], _):
            job = web.finished(web.draw(LOGIN))
        assert (job["status"], job["retry_count"]) == ("completed", 0)
        assert len(provider.calls) == 2


def test_a_web_process_without_a_scheduler_says_so_when_its_database_freezes(database_url: str, conn: Connection):
    proxy = Proxy(database_url)
    patient = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_DATABASE__STATEMENT_TIMEOUT_S": "3600"}
    with fleet(proxy.url, **patient) as ([web], _):
        proxy.freeze()
        assert web.call("GET", "/readyz")[0] == 503
        assert web.call("GET", "/livez")[0] == 200
        proxy.mend()
        wait_until(web.ready, "ready web process")
    proxy.close()


def test_a_job_survives_kill_9_of_the_only_process(database_url: str, conn: Connection, tmp_path: Path):
    ledger = tmp_path / "ledger"
    env = {"YARD_HANDLERS": "[tests.ledger_jobs]", "TEST_LEDGER": str(ledger)}
    with fleet(database_url, **env) as ([web], _):
        job_id = store.enqueue(conn, user_id="ann", job_type="slow", request_data={"seconds": 600}).id
        wait_until(ledger.exists, "first run")
        web.kill()
    assert row_of(conn, job_id).status == "processing"
    conn.execute(text("update ai_jobs set request_data = '{\"seconds\": 0}' where id = :id"), {"id": job_id})
    with fleet(database_url, **env) as ([web], _):
        job = web.finished(job_id)
    assert job["status"] == "completed"
    assert [line.split()[0] for line in ledger.read_text().splitlines()] == [job_id] * 2


def test_sigterm_hands_a_running_job_back_at_no_cost(database_url: str, conn: Connection, tmp_path: Path):
    ledger = tmp_path / "ledger"
    env = {"YARD_HANDLERS": "[tests.ledger_jobs]", "TEST_LEDGER": str(ledger)}
    with fleet(database_url, YARD_SCHEDULER__STOP_BUDGET_S="2", **env) as ([web], _):
        job_id = store.enqueue(conn, user_id="ann", job_type="slow", request_data={"seconds": 600}).id
        wait_until(ledger.exists, "first run")
        assert web.stop() == 0
    row = row_of(conn, job_id)
    assert (row.status, row.retry_count, row.losses, row.claim_seq) == ("queued", 0, 0, 1)
    assert conn.execute(text("select count(*) from ai_workers")).scalar() == 0


def test_a_sigterm_that_meets_a_process_as_it_wakes_up_is_heard(database_url: str, conn: Connection):
    """The system gives such a signal to any thread, and Python's main thread sleeps on."""
    with fleet(database_url, webs=0, workers=5) as (_, workers):
        wait_until(lambda: conn.execute(text("select count(*) from ai_workers")).scalar_one() == 5, "five workers")
        for worker in workers:
            for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM):
                worker.process.send_signal(number)
        assert [worker.process.wait(30) for worker in workers] == [0] * 5


def test_a_fleet_runs_each_job_exactly_once(database_url: str, conn: Connection, tmp_path: Path):
    ledger, jobs = tmp_path / "ledger", 2000
    env = {
        "YARD_HANDLERS": "[tests.ledger_jobs]",
        "TEST_LEDGER": str(ledger),
        "YARD_JOBS__MAX_CONCURRENT_JOBS": "40",
        "YARD_SCHEDULER__SEATS": "8",
    }
    with fleet(database_url, webs=2, workers=3, **env) as (webs, _):
        ids = [store.enqueue(conn, user_id=f"u{n % 7}", job_type="noted", request_data={}).id for n in range(jobs)]
        left = text("select count(*) from ai_jobs where status in ('queued', 'processing')")
        wait_until(lambda: conn.execute(left).scalar() == 0, "end of all jobs", 90)
        done = text("select count(*) from ai_jobs where status = 'completed' and claim_seq = 1")
        assert conn.execute(done).scalar() == jobs
        assert all(web.call("GET", "/health")[0] == 200 for web in webs)
    runs = Counter(line.split()[0] for line in ledger.read_text().splitlines())
    assert runs == Counter(ids)
    assert len({line.split()[2] for line in ledger.read_text().splitlines()}) > 1, "one process did it all"


@pytest.mark.parametrize("embedded", ["true", "false"])
def test_who_prefers_to_wait_gets_the_result_although_another_process_has_drawn_it(database_url: str, embedded: str):
    """Woken by the word of the worker: the wait is over long before its time."""
    one_seat = {"YARD_SCHEDULER__SEATS": "1", "YARD_SCHEDULER__EMBEDDED": embedded}
    with fleet(database_url, workers=1, **one_seat) as ([web], _):
        for _ in range(4):
            status, body = web.call("POST", "/create-canvas", {"instructions": LOGIN}, Prefer="wait=30")
            assert (status, body["status"]) == (200, "completed")
            assert body["job"]["result_data"]["objects"]
