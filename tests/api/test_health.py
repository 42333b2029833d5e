"""Whether health sees what is wrong, and only that."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import text

from jobs.db.engine import open_engine
from jobs.db.patience import Watchdog
from jobs.telemetry import SchedulerStatus
from tests.api import kit
from tests.api.kit import assert_error
from tests.api.provider import AUDIENCE, ISSUER, Provider, jwk, rsa_key
from tests.api.server_process import until
from tests.factory import make_job
from tests.scheduler.proxy import Proxy

WELL = SchedulerStatus(
    running=True,
    leading=True,
    term=3,
    active_jobs=2,
    seats=3,
    last_pass_age_s=1.0,
    late_after_s=20.0,
    problem=None,
    task_every_s={"purge": 3600.0},
)


@pytest.fixture
def away(conn):
    """An application whose database is not there."""
    engine = open_engine("postgresql://postgres@127.0.0.1:1/nothing", connect_timeout_s=1)
    yield kit.scene(engine, conn, kit.settings())
    engine.dispose()


def test_a_well_process_says_so_to_anybody(yard):
    yard.scheduler = WELL
    answer = yard.get("/health", None)
    body = answer.get_json()
    assert answer.status_code == 200
    assert datetime.fromisoformat(body.pop("timestamp")).utcoffset().total_seconds() == 0
    assert body.pop("version").count(".") == 2
    assert datetime.fromisoformat(body["config"].pop("taken_at")).utcoffset().total_seconds() == 0
    assert body.pop("config") == {"generation": 1, "fault": None}
    assert body == {
        "status": "healthy",
        "database": "connected",
        "job_processor": {
            "embedded": True,
            "running": True,
            "active_jobs": 2,
            "max_concurrent_jobs": 3,
            "processing_interval": 5.0,
            "problem": None,
        },
    }


@pytest.mark.parametrize(
    "wrong", [{"running": False}, {"last_pass_age_s": 20.1}, {"running": False, "problem": "the thread has died"}]
)
def test_a_dead_or_late_scheduler_is_unhealthy(yard, wrong):
    yard.scheduler = dataclasses.replace(WELL, **wrong)
    body = assert_error(yard.get("/health", None), 503, "unhealthy")
    assert (body["status"], body["database"]) == ("unhealthy", "connected")
    assert "scheduler" in body["error"]


@pytest.mark.parametrize(("gone_s", "status"), [(None, 200), (0.0, 200), (60.0, 200), (60.1, 503)])
def test_a_listen_connection_that_is_gone_for_two_leases_is_unhealthy(yard, gone_s, status):
    yard.scheduler = dataclasses.replace(WELL, listener_gone_s=gone_s)
    answer = yard.get("/health", None)
    assert answer.status_code == status
    assert status == 200 or "LISTEN" in answer.get_json()["error"]


def test_only_health_speaks_of_the_scheduler_and_the_queue(yard):
    """What a platform restarts or routes by must not turn red for what a restart does not mend."""
    yard.scheduler = dataclasses.replace(WELL, running=False)
    make_job(yard.conn)
    yard.conn.execute(text("update ai_jobs set ready_at = ready_at - interval '1 day'"))
    codes = [yard.get(path, None).status_code for path in ("/livez", "/readyz", "/health")]
    assert codes == [200, 200, 503]


def test_a_scheduler_with_a_problem_is_unhealthy_and_says_what_it_is(yard):
    yard.scheduler = dataclasses.replace(WELL, problem="most seats are held by handlers that do not end")
    answer = yard.get("/health", None)
    assert answer.status_code == 503
    assert answer.get_json()["job_processor"]["problem"] == "most seats are held by handlers that do not end"
    assert "do not end" in answer.get_json()["error"]


def test_a_process_without_a_scheduler_is_healthy_without_it(yard):
    answer = yard.get("/health", None)
    assert answer.status_code == 200
    processor = answer.get_json()["job_processor"]
    assert (processor["embedded"], processor["running"]) == (False, False)


def test_without_its_database_a_process_is_alive_but_neither_ready_nor_healthy(away):
    assert away.get("/livez", None).get_json() == {"status": "alive"}
    for path in ("/readyz", "/health"):
        answer = away.get(path, None)
        body = assert_error(answer, 503)
        assert body["database"] == "disconnected"
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in str(body)


def test_ready_means_that_the_database_answers(yard):
    yard.scheduler = dataclasses.replace(WELL, running=False)
    answer = yard.get("/readyz", None)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")


def test_a_connection_that_has_died_meanwhile_is_not_taken_for_a_dead_database(yard):
    assert yard.get("/readyz", None).status_code == 200
    yard.conn.execute(
        text(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    )
    assert yard.get("/readyz", None).status_code == 200


def test_a_frozen_database_is_said_to_be_away_instead_of_being_waited_for(database_url, conn):
    proxy, watchdog = Proxy(database_url), Watchdog()
    engine = open_engine(proxy.url, pool_size=1, connect_timeout_s=1, statement_timeout_s=3600)
    frozen = kit.scene(engine, conn, kit.settings())
    assert frozen.get("/readyz", None).status_code == 200
    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(watchdog.loop)
        proxy.freeze()
        assert_error(frozen.get("/readyz", None), 503, "not_ready")
        watchdog.stop()
        looking.result(10)
    proxy.mend()
    assert frozen.get("/readyz", None).status_code == 200
    proxy.close()
    engine.dispose()


def test_a_full_pool_is_called_busy(database_url, conn):
    engine = open_engine(database_url, pool_size=1, connect_timeout_s=1)
    with engine.connect():
        body = assert_error(kit.scene(engine, conn, kit.settings()).get("/health", None), 503)
    assert body["database"] == "busy"
    engine.dispose()


def test_who_cannot_check_tokens_says_so(yard, engine, monkeypatch):
    monkeypatch.setattr("api.key_set.RETRY_S", 0.05)
    provider = Provider()
    auth = {"ALGORITHM": "RS256", "JWKS_URL": provider.url, "ISSUER": ISSUER, "AUDIENCE": AUDIENCE}
    app = kit.scene(engine, yard.conn, kit.settings(**{f"YARD_API__AUTH__{name}": auth[name] for name in auth}))
    body = assert_error(app.get("/health", None), 503, "unhealthy")
    assert "key set" in body["error"]
    assert app.get("/readyz", None).status_code == 200
    provider.publish(jwk(rsa_key(), "a"))
    until(lambda: app.get("/health", None).status_code == 200, "health")
    provider.close()
