"""A web process whose database is gone or frozen says so on every route, and works again without a restart."""

import pytest
from sqlalchemy import Connection, text

from api import auth
from tests.api.test_matrix import MATRIX
from tests.factory import make_job
from tests.processes import SECRET, Web, fleet, wait_until
from tests.scheduler.proxy import Proxy

NOTHING_ASKED = {("GET", "/ws"), ("GET", "/session"), ("POST", "/session"), ("GET", "/config")}  # of the database
SIGNED_IN = [place for place, row in MATRIX.items() if row.stranger == 401 and place not in NOTHING_ASKED]
WITHOUT_SCHEDULER = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_DATABASE__STATEMENT_TIMEOUT_S": "3600"}


def answers(web: Web, job_id: str) -> dict[str, int]:
    """The status of each route."""
    asked, token = {}, auth.issue(SECRET, "ann", operator=True)  # who may use every route
    for method, path in SIGNED_IN:
        status, body = web.call(
            method, path.replace("<job_id>", job_id), MATRIX[method, path].body, Authorization=f"Bearer {token}"
        )
        asked[f"{method} {path}"] = status
        if status == 503:
            assert body["code"] == "database_unavailable"
            assert "Traceback" not in str(body)
    return asked


def is_up(web: Web) -> float:
    status, text = web.text("GET", "/metrics")
    assert status == 200
    [line] = [line for line in text.splitlines() if line.startswith("yardmaster_database_up ")]
    return float(line.split()[1])


@pytest.mark.parametrize("fault", [Proxy.cut, Proxy.freeze], ids=["gone", "frozen"])
def test_every_route_says_that_the_database_is_away_until_it_is_back(database_url: str, conn: Connection, fault):
    proxy, job_id = Proxy(database_url), make_job(conn, "failed")
    with fleet(proxy.url, **WITHOUT_SCHEDULER) as ([web], _):
        fault(proxy)
        assert {route for route, status in answers(web, job_id).items() if status != 503} == set()
        assert web.call("GET", "/livez")[0] == 200
        assert web.call("GET", "/readyz")[0] == web.call("GET", "/health")[0] == 503
        assert is_up(web) == 0  # a scrape answers all the same
        proxy.mend()
        wait_until(web.ready, "ready web process")
        assert 503 not in answers(web, job_id).values()
        wait_until(lambda: is_up(web) == 1, "scrape with the database")
    proxy.close()


@pytest.mark.parametrize("fault", [Proxy.cut, Proxy.freeze], ids=["gone", "frozen"])
def test_a_wrong_token_is_told_so_whether_the_database_is_there_or_not(database_url: str, fault):
    proxy = Proxy(database_url)
    with fleet(proxy.url, **WITHOUT_SCHEDULER) as ([web], _):
        fault(proxy)
        assert web.call("GET", "/jobs", Authorization="Bearer x.y.z")[0] == 401
        assert web.call("GET", "/jobs")[0] == 503
    proxy.close()


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after the commit"])
def test_a_request_whose_answer_was_lost_is_repeated_and_makes_one_job(
    database_url: str, conn: Connection, *, before: bool
):
    proxy = Proxy(database_url)
    with fleet(proxy.url, **WITHOUT_SCHEDULER) as ([web], _):
        keyed = {"Idempotency-Key": "once"}
        proxy.cut_at(b"-- enqueue", before=before)
        assert web.call("POST", "/create-canvas", {"instructions": "x"}, **keyed)[0] == 503
        made = conn.execute(text("select id from ai_jobs")).scalars().all()
        assert len(made) == (0 if before else 1)
        proxy.mend()
        wait_until(web.ready, "ready web process")
        status, body = web.call("POST", "/create-canvas", {"instructions": "x"}, **keyed)
        assert status == 202
        assert [str(one) for one in conn.execute(text("select id from ai_jobs")).scalars()] == [body["job_id"]]
    proxy.close()
