"""What every answer carries, and that no error tells more than it should."""

import logging
import re
from collections.abc import Iterator
from urllib.parse import quote

import psycopg2
import pytest
from flask import request
from sqlalchemy import Connection, Engine, exc, text

from jobs.db.engine import open_engine
from tests.api import kit
from tests.api.kit import HOSTILE, PREFIX, assert_error
from tests.factory import make_job

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    ("path", "status"), [("/jobs", 200), ("/livez", 200), ("/nothing", 404), ("/create-canvas", 405)]
)
def test_every_answer_is_hardened_and_has_an_id(yard, path, status):
    answer = yard.get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Request-ID"] != yard.get(path).headers["X-Request-ID"]


def test_a_plain_request_id_is_taken_over(yard):
    answer = yard.get("/nothing", headers={"X-Request-ID": "Web-7.a_1"})
    assert assert_error(answer, 404)["request_id"] == "Web-7.a_1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, HOSTILE, "\u00e9", "a,b"])
def test_an_odd_request_id_is_replaced(yard, given):
    answer = yard.get("/nothing", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", assert_error(answer, 404)["request_id"])


UNKNOWN = ["", "/", "/job", "/job//status/", "/jobs/", "/job/x/y", "/%00", "/%ff", "/..%2fetc/passwd", "/a" * 2000]


@pytest.mark.parametrize("path", [*UNKNOWN, "/" + quote(HOSTILE, safe="")])
def test_an_unknown_path_is_not_found_and_not_repeated(yard, path):
    assert_error(yard.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/create-canvas", {"POST", "OPTIONS"}),
        ("PUT", "/jobs", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/health", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_says_which_are_allowed(yard, method, path, allowed):
    answer = yard.client.open(PREFIX + path, method=method)
    assert_error(answer, 405, "method_not_allowed")
    assert set(answer.allow) == allowed


def broken_scene(engine: Engine, conn, error: Exception) -> kit.Scene:
    """An application whose wake-up of the pump raises."""
    scene = kit.scene(engine, conn, kit.settings())

    def ready(_keys):
        raise error

    scene.pump.ready = ready
    return scene


def test_an_unexpected_error_is_logged_whole_and_told_in_brief(engine, conn, caplog):
    scene = broken_scene(engine, conn, RuntimeError(f"password=hunter2 {HOSTILE}"))
    with caplog.at_level(logging.ERROR):
        answer = scene.canvas()
    body = assert_error(answer, 500, "internal")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = [record for record in caplog.records if record.exc_info]
    assert body["request_id"] in record.getMessage()
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    "lost",
    [
        exc.InterfaceError("select", {}, psycopg2.InterfaceError("connection already closed")),
        exc.DBAPIError("select", {}, psycopg2.DatabaseError("no message from libpq"), connection_invalidated=True),
    ],
)
def test_a_line_that_is_cut_in_mid_answer_is_no_fault_of_ours(engine, conn, lost):
    assert_error(broken_scene(engine, conn, lost).canvas(), 503, "database_unavailable")


def test_a_statement_that_is_refused_tells_no_sql(engine, conn):
    conn.execute(text("alter table ai_jobs rename to hidden"))
    try:
        scene = kit.scene(engine, conn, kit.settings())
        for answer in (scene.canvas(), scene.get("/jobs"), scene.get("/jobs/stats")):
            assert_error(answer, 500, "internal")
            assert "ai_jobs" not in answer.text
            assert "select" not in answer.text.lower()
    finally:
        conn.execute(text("alter table hidden rename to ai_jobs"))


class Switch:
    """Locks everybody out of a database but the one spared connection, and lets them in again."""

    def __init__(self, spared: Connection) -> None:
        info = spared.connection.dbapi_connection.info
        parameters = info.dsn_parameters
        self._name, self._spared = parameters["dbname"], info.backend_pid
        self._admin = psycopg2.connect(**{**parameters, "dbname": "postgres"})
        self._admin.autocommit = True

    def off(self) -> None:
        self._run(f'alter database "{self._name}" with allow_connections false')
        self._run(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            f" where datname = '{self._name}' and pid <> {self._spared}"
        )

    def on(self) -> None:
        self._run(f'alter database "{self._name}" with allow_connections true')

    def close(self) -> None:
        self.on()
        self._admin.close()

    def _run(self, statement: str) -> None:
        with self._admin.cursor() as cursor:
            cursor.execute(statement)


@pytest.fixture
def switch(yard: kit.Scene) -> Iterator[Switch]:
    switch = Switch(yard.conn)
    yield switch
    switch.close()


EVERY_ROUTE = [
    ("post", "/create-canvas"),
    ("get", "/jobs"),
    ("get", "/jobs/stats"),
    ("get", "/job/{}/status"),
    ("get", "/job/{}/result"),
    ("get", "/job/{}/result.svg"),
    ("post", "/job/{}/cancel"),
    ("post", "/job/{}/retry"),
]


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_while_the_database_is_away_every_route_says_so_and_then_recovers(yard, switch, method, path):
    job_id = make_job(yard.conn, "completed", job_type="create_canvas")
    ask = lambda: getattr(yard, method)(path.format(job_id), json={"instructions": "x"})  # noqa: E731 - asked twice
    before = ask().status_code
    switch.off()
    answer = ask()
    assert_error(answer, 503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    for hint in ("FATAL", "psycopg2", "connections", "yard_"):
        assert hint not in answer.text
    switch.on()
    assert ask().status_code == before


def test_a_stranger_is_refused_even_while_the_database_is_away(yard, switch):
    switch.off()
    assert_error(yard.get("/jobs", None), 401)


def test_when_every_connection_is_in_use_the_client_is_asked_to_come_back(database_url, conn):
    small = open_engine(database_url, pool_size=1, connect_timeout_s=1)
    with small.connect():
        answer = kit.scene(small, conn, kit.settings()).get("/jobs")
    assert_error(answer, 503, "database_unavailable")
    small.dispose()


def test_a_statement_that_takes_too_long_is_no_fault_of_the_client(database_url, engine, conn):
    hasty = open_engine(database_url, statement_timeout_s=0.05)
    with engine.begin() as other:
        other.execute(text("lock table ai_jobs in access exclusive mode"))
        answer = kit.scene(hasty, conn, kit.settings()).get("/jobs")
    assert_error(answer, 503, "database_unavailable")
    hasty.dispose()


@pytest.mark.parametrize(
    ("hops", "address", "scheme"), [(0, "127.0.0.1", "http"), (1, "198.51.100.7", "https"), (2, "203.0.113.9", "https")]
)
def test_only_the_stated_number_of_proxies_is_believed(engine, conn, hops, address, scheme):
    here = kit.scene(engine, conn, kit.settings(YARD_API__PROXY_HOPS=str(hops)))
    here.client.application.add_url_rule("/seen", view_func=lambda: [request.remote_addr, request.scheme])
    headers = {"X-Forwarded-For": "192.0.2.1, 203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https, https"}
    assert here.client.get("/seen", headers=headers).get_json() == [address, scheme]
