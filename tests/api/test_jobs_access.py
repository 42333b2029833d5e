"""Who may see and steer a job: its user alone, by its id in one form."""

import uuid

import pytest

from jobs import queries
from tests.api.kit import HOSTILE, assert_error
from tests.factory import make_job, row_of

OF_A_JOB = [
    ("get", "/job/{}/status"),
    ("get", "/job/{}/result"),
    ("get", "/job/{}/result.svg"),
    ("post", "/job/{}/cancel"),
    ("post", "/job/{}/retry"),
    ("delete", "/job/{}"),
]

OF_A_USER = [
    ("post", "/create-canvas"),
    ("post", "/jobs"),
    ("post", "/jobs/bulk"),
    ("get", "/jobs"),
    ("get", "/jobs/stats"),
]


@pytest.mark.parametrize(("method", "path"), OF_A_JOB + OF_A_USER)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x.y.z", "Basic YTpi", f"Bearer {HOSTILE}"])
def test_nobody_gets_in_without_a_token(yard, method, path, header):
    path = path.format(make_job(yard.conn, "completed"))
    headers = {} if header is None else {"Authorization": header}
    answer = getattr(yard, method)(path, None, headers=headers, json={"instructions": "x"})
    assert_error(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert sum(queries.stats(yard.conn, user_id="ann").values()) == 1


@pytest.mark.parametrize("state", ["ready", "processing", "completed", "failed"])
@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
def test_a_foreign_job_looks_as_if_it_were_not_there(yard, method, path, state):
    foreign = make_job(yard.conn, state, user_id="bob")
    before = row_of(yard.conn, foreign)
    answers = [getattr(yard, method)(path.format(name)) for name in (foreign, uuid.uuid4())]
    bodies = [assert_error(answer, 404, "not_found") | {"request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert row_of(yard.conn, foreign) == before


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
def test_only_the_canonical_form_of_an_id_is_one(yard, method, path):
    job_id = make_job(yard.conn)
    odd = [job_id.replace("-", ""), f"{{{job_id}}}", f"urn:uuid:{job_id}", job_id + "%0A", job_id[:-1], "1", HOSTILE]
    for name in [*odd, "%00", "%ED%A0%80", "..", job_id + "%20", job_id.replace(job_id[0], "\u0661", 1)]:
        assert_error(getattr(yard, method)(path.format(name)), 404)


def test_an_id_may_be_written_in_capitals(yard):
    job_id = make_job(yard.conn)
    assert yard.get(f"/job/{job_id.upper()}/status").get_json()["job"]["id"] == job_id
