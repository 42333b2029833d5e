"""Secrets are put in everywhere, every path that fails is taken, and then they are looked for everywhere."""

import time
from collections.abc import Iterator

import jwt
import psycopg2
import pytest
from psycopg2.extensions import make_dsn
from sqlalchemy import Connection, text

from tests import fake_openai
from tests.processes import SECRET, Web, fleet, wait_until
from tests.scheduler.proxy import Proxy

KEY, METRICS, PASSWORD = "sk-canary-key", "canary-metrics-token-0123456789abcdef", "canary-password"
PROMPT, FIELD, HEADER = "canary-prompt", "canary-field", "canary-header"
CANARIES = [KEY, METRICS, PASSWORD, HEADER, FIELD, SECRET]
FAILING = ["401", "400", "403", "404", "500", "html", "broken_body", "error_event", "prose", "refusal", "garbled_event"]
TABLES = ("ai_jobs", "ai_workers", "ai_leader", "ai_user_limits", "apscheduler_tasks")
NEVER = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def with_password(server_url: str, database_url: str, conn: Connection) -> Iterator[str]:
    """A way to the database that names a password, whether it is asked for or not."""
    with psycopg2.connect(database_url) as here:
        yield make_dsn(database_url, password=PASSWORD, user=here.info.user)
    here.close()


def refused_requests(web: Web) -> Iterator[tuple[int, str]]:
    """Every way for a request to be wrong, each with something secret in it."""
    forged = jwt.encode({"sub": "ann", "iat": 1, "exp": 9e9, "note": HEADER}, HEADER * 4, algorithm="HS256")
    yield web.text("GET", "/jobs", Authorization=f"Bearer {HEADER}")
    yield web.text("GET", "/jobs", Authorization=f"Bearer {forged}")
    yield web.text("GET", "/jobs", Authorization=f"Basic {HEADER}")
    yield web.text("GET", f"/jobs?cursor={FIELD}&{FIELD}=1")
    yield web.text("GET", f"/job/{FIELD}/status")
    yield web.text("GET", f"/job/{NEVER}/result")
    yield web.text("GET", f"/{FIELD}")
    yield web.text("PUT", "/jobs")
    for path in ("/create-canvas", "/jobs", "/jobs/bulk"):
        yield web.text("POST", path, {"other": FIELD, "instructions": [FIELD], "jobs": [{"other": FIELD}]})
        yield web.text("POST", path, [FIELD])
        yield web.text("POST", path, {"instructions": FIELD * 1000})
        yield web.text("POST", path, {}, **{"Idempotency-Key": f"{HEADER} with spaces"})
        yield web.text("POST", path, {}, **{"Content-Type": f"text/{HEADER}"})
    web.text("POST", "/create-canvas", {"instructions": PROMPT}, **{"Idempotency-Key": "once"})
    yield web.text("POST", "/create-canvas", {"instructions": FIELD}, **{"Idempotency-Key": "once"})


def failed_jobs(web: Web, provider: fake_openai.FakeOpenAI) -> list[str]:
    """Canvases whose provider misbehaves in every way."""
    provider.script("good")  # for the job that refused_requests has made
    ids = [web.draw(f"{PROMPT} [fake:{scenario}]", priority=1) for scenario in FAILING]
    wait_until(lambda: all(web.job(one)["status"] != "processing" for one in ids), "end of the runs")
    wait_until(
        lambda: sum(web.job(one)["retry_count"] > 0 or web.job(one)["status"] == "failed" for one in ids) > 5,
        "failures",
    )
    return ids


def stored(conn: Connection) -> str:
    """All that the tables hold, but what users have asked for."""
    rows = [row for table in TABLES for row in conn.execute(text(f"select * from {table}")).mappings()]
    return str([{name: value for name, value in row.items() if name != "request_data"} for row in rows])


def test_no_secret_is_in_any_log_row_answer_or_metric(with_password: str, conn: Connection, capfd):
    proxy = Proxy(with_password)
    proxy.url += f" password='{PASSWORD}'"
    with fake_openai.running() as provider:
        env = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": provider.base_url,
            "METRICS_TOKEN": METRICS,
            "YARD_LOG__LEVEL": "debug",
            "YARD_LOG__FORMAT": "json",
            "YARD_JOBS__BACKOFF__BASE_S": "0.1",
        }
        with fleet(proxy.url, workers=1, **env) as ([web], [worker]):
            told = list(refused_requests(web))
            assert all(400 <= status < 500 for status, _ in told)
            statuses = [web.text("GET", f"/job/{one}/status")[1] for one in failed_jobs(web, provider)]
            proxy.cut()
            told += [
                web.text("GET", "/jobs"),
                web.text("GET", "/health"),
                web.text("POST", "/create-canvas", {"instructions": "x"}),
            ]
            time.sleep(1)  # the parts of both processes meet the cut, and say so
            proxy.mend()
            wait_until(web.ready, "ready web process")
            metrics = web.text("GET", "/metrics")[1]
            worker.stop()
            web.stop()
    proxy.close()
    logs = "".join(capfd.readouterr())
    assert "did not answer" in logs
    assert "retried" in logs or "failed" in logs
    for canary in CANARIES:
        assert [text_ for _, text_ in told if canary in text_] == []
        assert canary not in logs
        assert canary not in metrics
        assert canary not in stored(conn)
    assert PROMPT not in logs + metrics + stored(conn) + "".join(text_ for _, text_ in told)
    for canary in set(CANARIES):
        assert all(canary not in shown for shown in statuses)
