"""Who may do what: every route of the application, with everybody who could come."""

from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from api.auth import issue
from tests.api import kit
from tests.factory import make_job

CANVAS = {"instructions": "a login"}
JOB = {"job_type": "create_canvas", "request_data": CANVAS}
EXPIRED = jwt.encode({"sub": "ann", "iat": 1, "exp": 2}, kit.SECRET, algorithm="HS256")
TOKENS = {
    "owner": issue(kit.SECRET, "ann"),
    "other user": issue(kit.SECRET, "bob"),
    "operator": issue(kit.SECRET, "root", operator=True),
    "anonymous": None,
    "expired": EXPIRED,
}


@dataclass(frozen=True)
class Row:
    """What the owner, another user, an operator, and whoever is not signed in are told; `state` is the job's before."""

    owner: int
    other: int
    operator: int
    stranger: int = 401
    state: str = "completed"
    body: Any = None

    def expected(self, who: str) -> int:
        known = {"owner": self.owner, "other user": self.other, "operator": self.operator}
        return known.get(who, self.stranger)


def open_to_all(status: int = 200) -> Row:
    return Row(status, status, status, status)


MATRIX = {
    ("POST", "/create-canvas"): Row(202, 202, 202, body=CANVAS),
    ("POST", "/jobs"): Row(202, 202, 202, body=JOB),
    ("POST", "/jobs/bulk"): Row(202, 202, 202, body={"jobs": [JOB]}),
    ("GET", "/jobs"): Row(200, 200, 200),
    ("GET", "/jobs/stats"): Row(200, 200, 200),
    ("GET", "/job/<job_id>/status"): Row(200, 404, 404),
    ("GET", "/job/<job_id>/why"): Row(200, 404, 404),
    ("POST", "/operations/pause"): Row(403, 403, 200, body={"job_type": "t"}),
    ("POST", "/operations/resume"): Row(403, 403, 200, body={"job_type": "t"}),
    ("GET", "/operations/pauses"): Row(403, 403, 200),
    ("POST", "/operations/redrive"): Row(403, 403, 200, state="failed", body={}),
    ("GET", "/operations/jobs"): Row(403, 403, 200),
    ("GET", "/operations/job/<job_id>"): Row(403, 403, 200),
    ("GET", "/operations/job/<job_id>/result"): Row(403, 403, 200),
    ("GET", "/operations/job/<job_id>/result.svg"): Row(403, 403, 200),
    ("GET", "/operations/job/<job_id>/drawing.svg"): Row(403, 403, 200),
    ("GET", "/operations/job/<job_id>/runs"): Row(403, 403, 200),
    ("GET", "/operations/job/<job_id>/why"): Row(403, 403, 200),
    ("POST", "/operations/job/<job_id>/cancel"): Row(403, 403, 200, state="ready"),
    ("POST", "/operations/job/<job_id>/retry"): Row(403, 403, 200, state="failed"),
    ("GET", "/job/<job_id>/result"): Row(200, 404, 404),
    ("GET", "/job/<job_id>/result.svg"): Row(200, 404, 404),
    ("GET", "/job/<job_id>/drawing.svg"): Row(200, 404, 404),
    ("GET", "/job/<job_id>/runs"): Row(200, 404, 404),
    ("POST", "/job/<job_id>/cancel"): Row(200, 404, 404, state="ready"),
    ("POST", "/job/<job_id>/retry"): Row(200, 404, 404, state="failed"),
    ("DELETE", "/job/<job_id>"): Row(200, 404, 404),
    ("GET", "/fleet"): Row(403, 403, 200),
    ("GET", "/config"): Row(403, 403, 200),
    ("POST", "/session"): Row(200, 200, 200),
    ("GET", "/session"): Row(200, 200, 200),
    ("DELETE", "/session"): open_to_all(),  # takes a cookie away: tests/api/test_session.py has those who hold one
    ("GET", "/ws"): Row(426, 426, 426),  # tests/test_live.py has those who connect
    ("GET", "//socket.io/"): open_to_all(400),  # tests/test_socketio.py has those who connect, and prove who they are
    ("POST", "//socket.io/"): open_to_all(400),
    ("GET", "/livez"): open_to_all(),
    ("GET", "/readyz"): open_to_all(),
    ("GET", "/health"): open_to_all(),
    ("GET", "/metrics"): open_to_all(),  # on this host alone; tests/api/test_metrics.py has the others
    ("GET", "//metrics"): open_to_all(),
    ("GET", "/openapi.json"): open_to_all(),
    ("GET", "//openapi.json"): open_to_all(),
    ("GET", "/docs"): open_to_all(),
    ("GET", "//docs"): open_to_all(),
    ("GET", "//"): open_to_all(),
    ("GET", "//dashboard/<path:name>"): open_to_all(),
}
FOREIGN = [place for place, row in MATRIX.items() if row.other == 404]


def routes(yard):
    """(method, rule without the prefix) of everything that the application answers; // begins what is not under it."""
    for rule in yard.client.application.url_map.iter_rules():
        place = rule.rule.removeprefix(kit.PREFIX) if rule.rule.startswith(kit.PREFIX) else f"/{rule.rule}"
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield method, place


def ask(yard, place, who, job_id):
    method, path = place
    url = path.removeprefix("/") if path.startswith("//") else kit.PREFIX + path.replace("<job_id>", job_id)
    url = url.replace("<path:name>", "app.js")
    token = TOKENS[who]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return yard.client.open(url, method=method, headers=headers, json=MATRIX[place].body)


def content(yard):
    return yard.conn.execute(text("select * from ai_jobs order by seq")).all()


def test_every_route_has_a_row_and_every_row_a_route(yard):
    assert set(routes(yard)) == MATRIX.keys()


@pytest.mark.parametrize("who", TOKENS)
@pytest.mark.parametrize("place", MATRIX, ids=" ".join)
def test_everybody_is_told_what_the_matrix_says(yard, place, who):
    row = MATRIX[place]
    job_id = make_job(yard.conn, row.state, job_type="create_canvas", result_data={"objects": []})
    before = content(yard)
    assert ask(yard, place, who, job_id).status_code == row.expected(who)
    if row.expected(who) in (401, 403, 404):
        assert content(yard) == before


@pytest.mark.parametrize("who", ["other user", "operator"])
@pytest.mark.parametrize("place", FOREIGN, ids=" ".join)
def test_a_foreign_job_cannot_be_told_from_one_that_is_not_there(yard, place, who):
    foreign = make_job(yard.conn, MATRIX[place].state)
    answers = [ask(yard, place, who, job_id) for job_id in (foreign, "00000000-0000-7000-8000-000000000000")]
    first, second = (answer.get_json() | {"request_id": ""} for answer in answers)
    assert first == second
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("path", ["/jobs", "/jobs/stats"])
def test_a_list_holds_nobody_elses_jobs(yard, path):
    make_job(yard.conn, user_id="ann")
    empty = yard.get(path, "bob").get_json()
    yard.conn.execute(text("delete from ai_jobs"))
    assert yard.get(path, "bob").get_json() == empty
