"""Jobs of any type, one by one and many at a time."""

import json

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from jobs.handlers import requests
from jobs.job import Key
from tests.api.kit import HOSTILE, PREFIX, assert_error
from tests.factory import make_job, row_of

CANVAS = {"job_type": "create_canvas", "request_data": {"instructions": "a login"}}
PLAIN = {"job_type": "t", "request_data": {"any": ["thing", 1]}}


def rows(yard):
    return yard.conn.execute(text("select * from ai_jobs order by seq")).all()


def fields(answer):
    return [detail["field"] for detail in assert_error(answer, 422, "invalid")["details"]]


def test_a_job_of_a_type_without_a_model_takes_any_object(yard):
    answer = yard.post("/jobs", json={**PLAIN, "priority": 2})
    assert answer.status_code == 202
    row = row_of(yard.conn, answer.get_json()["job_id"])
    assert (row.user_id, row.job_type, row.request_data, row.priority) == ("ann", "t", {"any": ["thing", 1]}, 2)
    assert answer.get_json()["links"]["status"] == f"{PREFIX}/job/{row.id}/status"
    assert yard.pump.keys == [Key(-2, row.turn, row.seq)]


def test_a_canvas_is_the_same_job_by_either_door(yard):
    canvas = {"instructions": "a login", "canvas_id": "wall-7", "colorScheme": "pastel"}
    yard.post("/jobs", json={"job_type": "create_canvas", "request_data": canvas}, headers={"Idempotency-Key": "k"})
    answer = yard.post("/create-canvas", json=canvas, headers={"Idempotency-Key": "k"})
    assert answer.headers["Idempotent-Replayed"] == "true"
    [row] = rows(yard)
    assert row.canvas_id == "wall-7"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**PLAIN, "job_type": "unknown"}, "job_type"),
        ({**PLAIN, "job_type": HOSTILE}, "job_type"),
        ({**PLAIN, "request_data": [1]}, "request_data"),
        ({**PLAIN, "request_data": None}, "request_data"),
        ({**PLAIN, "priority": 4}, "priority"),
        ({**PLAIN, "more": 1}, "more"),
        ({**CANVAS, "request_data": {"instructions": ""}}, "request_data.instructions"),
        ({**CANVAS, "request_data": {"instructions": "x", HOSTILE: 1}}, "request_data.?"),
        ({"job_type": "t"}, "request_data"),
    ],
)
def test_what_a_job_may_not_hold_is_named(yard, body, field):
    assert fields(yard.post("/jobs", json=body)) == [field]
    assert rows(yard) == []


def test_many_jobs_are_answered_in_their_order(yard):
    jobs = [CANVAS, {**PLAIN, "delay_s": 60}, {**PLAIN, "priority": 1}]
    answer = yard.post("/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 202
    made = answer.get_json()["jobs"]
    assert [str(row.id) for row in rows(yard)] == [one["job_id"] for one in made]
    assert [row.job_type for row in rows(yard)] == ["create_canvas", "t", "t"]
    assert [one["replayed"] for one in made] == [False] * 3
    assert {key.rank for key in yard.pump.keys} == {0, -1}
    assert yard.pump.dues_s == [60.0]


def test_a_batch_that_is_sent_again_finds_its_jobs(yard):
    jobs = [{**PLAIN, "idempotency_key": f"k{n}"} for n in range(3)]
    first = yard.post("/jobs/bulk", json={"jobs": jobs}).get_json()["jobs"]
    again = yard.post("/jobs/bulk", json={"jobs": jobs}).get_json()["jobs"]
    assert [one["job_id"] for one in again] == [one["job_id"] for one in first]
    assert [one["replayed"] for one in again] == [True] * 3
    assert len(yard.pump.keys) == 3


def test_of_a_batch_with_a_fault_nothing_is_added_and_every_fault_is_told(yard):
    wrong = [PLAIN, {**PLAIN, "job_type": "unknown"}, CANVAS, {**CANVAS, "request_data": {"style": "odd"}}]
    found = fields(yard.post("/jobs/bulk", json={"jobs": wrong * 20}))
    assert len(found) == 60
    assert found[:3] == ["jobs.1.job_type", "jobs.3.request_data.instructions", "jobs.3.request_data.style"]
    assert rows(yard) == []


def test_of_a_batch_with_a_key_that_was_used_otherwise_nothing_is_added(yard):
    yard.post("/jobs", json=PLAIN, headers={"Idempotency-Key": "k"})
    jobs = [PLAIN, {**PLAIN, "request_data": {"another": 1}, "idempotency_key": "k"}]
    assert "1" in assert_error(yard.post("/jobs/bulk", json={"jobs": jobs}), 409, "idempotency_conflict")["error"]
    assert len(rows(yard)) == 1


@pytest.mark.parametrize("jobs", [[], [PLAIN] * 10_001, None, {}, [[]]], ids=["none", "many", "null", "object", "list"])
def test_a_batch_has_one_to_ten_thousand_jobs(yard, jobs):
    assert_error(yard.post("/jobs/bulk", json={"jobs": jobs}), 422, "invalid")
    assert rows(yard) == []


def test_ten_thousand_jobs_fit(yard):
    assert yard.post("/jobs/bulk", json={"jobs": [CANVAS] * 10_000}).status_code == 202
    assert len(rows(yard)) == 10_000


def test_a_batch_has_a_limit_of_its_own(yard):
    body = json.dumps({"jobs": [{**PLAIN, "request_data": {"x": "y" * 70_000}}]})
    headers = {"Content-Type": "application/json"}
    assert yard.post("/jobs/bulk", data=body, headers=headers).status_code == 202
    assert_error(yard.post("/jobs", data=body, headers=headers), 413)
    assert_error(yard.post("/jobs/bulk", data=b" " * 8_000_001, headers=headers), 413)


def test_a_teams_module_may_say_what_its_requests_hold(tmp_path, monkeypatch):
    class Wish(BaseModel):
        words: int

    module = type(json)("team_jobs")
    module.HANDLERS, module.REQUESTS = {"count": print, "free": print}, {"count": Wish}
    monkeypatch.setitem(__import__("sys").modules, "team_jobs", module)
    assert requests(["team_jobs"]) == {"create_canvas": None, "count": Wish, "free": None}


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_final_job_can_be_deleted(yard, state):
    job_id = make_job(yard.conn, state)
    assert yard.delete(f"/job/{job_id}").status_code == 200
    assert rows(yard) == []
    assert_error(yard.delete(f"/job/{job_id}"), 404)


def test_a_queued_job_is_cancelled_and_deleted_at_once(yard):
    assert yard.delete(f"/job/{make_job(yard.conn)}").status_code == 200
    assert rows(yard) == []


def test_a_running_job_is_asked_to_end_before_it_can_be_deleted(yard):
    job_id = make_job(yard.conn, "processing")
    answer = yard.delete(f"/job/{job_id}")
    assert (answer.status_code, answer.get_json()["status"]) == (202, "processing")
    assert row_of(yard.conn, job_id).cancel_requested_at is not None
