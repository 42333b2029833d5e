"""Operators see and steer the jobs of all users over HTTP, in their users' names; nobody else does."""

import pytest

from jobs import telemetry
from jobs.telemetry import JobChanged
from tests.api.kit import HOSTILE, PREFIX, assert_error
from tests.factory import make_job, row_of

RUN = {
    "claim_seq": 1,
    "worker": "w-1",
    "started": None,
    "ended": "2026-01-31T12:00:05+00:00",
    "error_code": "x",
    "error": "e",
}
VIEWS = ["", "/result", "/result.svg", "/drawing.svg", "/runs", "/why"]
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def changes():
    """What followers are told."""
    heard: list[JobChanged] = []
    end = telemetry.subscribe(lambda event: heard.append(event) if isinstance(event, JobChanged) else None)
    yield heard
    end()


def listed(yard, query=""):
    answer = yard.get(f"/operations/jobs{query}", "op-root")
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.get_json()["jobs"]]


def steer(yard, job_id, what, user="op-root"):
    return yard.post(f"/operations/job/{job_id}/{what}", user)


def test_the_jobs_of_all_users_are_listed_newest_first_and_by_filter(yard):
    jobs = [
        make_job(yard.conn, "failed"),
        make_job(yard.conn, user_id="bob"),
        make_job(yard.conn, job_type="other", user_id="a\nb"),
    ]
    assert listed(yard) == jobs[::-1]
    assert listed(yard, "?user=bob") == [jobs[1]]
    assert listed(yard, "?user=a%0Ab") == [jobs[2]]
    assert listed(yard, "?status=failed") == [jobs[0]]
    assert listed(yard, "?job_type=other") == [jobs[2]]
    assert listed(yard, "?user=bob&status=failed") == listed(yard, "?user=eve") == []


def test_a_list_is_read_page_by_page(yard):
    jobs = [make_job(yard.conn, user_id=user) for user in ("ann", "bob", "eve")]
    first = yard.get("/operations/jobs?limit=2", "op-root").get_json()
    assert ([job["id"] for job in first["jobs"]], first["next_cursor"]) == ([jobs[2], jobs[1]], jobs[1])
    last = yard.get(f"/operations/jobs?limit=2&cursor={first['next_cursor']}", "op-root").get_json()
    assert ([job["id"] for job in last["jobs"]], last["next_cursor"]) == ([jobs[0]], None)


def test_a_listed_job_looks_as_in_its_users_own_list(yard):
    make_job(yard.conn, "completed", result_data={"secret": 1}, request_data={"instructions": "x"})
    assert yard.get("/operations/jobs", "op-root").get_json()["jobs"] == yard.get("/jobs").get_json()["jobs"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "cursor=1", "cursor=x", "user=", "user=a%00b", f"user={'x' * 201}"]
    + ["type=t", "offset=1", "job_type=a%00b", "status=odd", f"status={HOSTILE}", f"cursor={HOSTILE}"],
)
def test_a_filter_that_is_not_valid_is_refused(yard, query):
    assert_error(yard.get(f"/operations/jobs?{query}", "op-root"), 422, "invalid")


def test_a_job_is_shown_as_its_user_sees_it(yard):
    drawn = make_job(yard.conn, "completed", job_type="create_canvas", result_data={"objects": []})
    failed = make_job(yard.conn, "failed", attempt_errors=[RUN])
    behind = make_job(yard.conn), make_job(yard.conn, user_id="bob", turn=1)
    for job_id, user in ((drawn, "ann"), (failed, "ann"), (behind[1], "bob")):
        own = yard.get(f"/job/{job_id}/status", user)
        seen = yard.get(f"/operations/job/{job_id}", "op-root")
        assert (seen.get_json(), seen.headers["ETag"]) == (own.get_json(), own.headers["ETag"])
    assert seen.get_json()["job"]["queue_position"] == 1
    for what in ("/result", "/result.svg", "/drawing.svg"):
        own = yard.get(f"/job/{drawn}{what}")
        seen = yard.get(f"/operations/job/{drawn}{what}", "op-root")
        assert (seen.data, seen.mimetype) == (own.data, own.mimetype)
    assert yard.get(f"/operations/job/{behind[1]}/why", "op-root").get_json()["queue_position"] == 1


def test_what_is_known_already_is_not_sent_again(yard):
    path = f"/operations/job/{make_job(yard.conn, 'failed')}"
    known = {"If-None-Match": yard.get(path, "op-root").headers["ETag"]}
    assert yard.get(path, "op-root", headers=known).status_code == 304


def test_operators_alone_see_where_a_run_was(yard):
    job_id = make_job(yard.conn, "failed", attempt_errors=[RUN])
    (own,) = yard.get(f"/job/{job_id}/runs").get_json()["runs"]
    (seen,) = yard.get(f"/operations/job/{job_id}/runs", "op-root").get_json()["runs"]
    assert seen == {**own, "worker": "w-1"}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("job_id", [NOBODY, "1", "x" * 300, "' or true --"])
def test_a_job_that_is_not_there_is_not_found(yard, view, job_id):
    assert_error(yard.get(f"/operations/job/{job_id}{view}", "op-root"), 404, "not_found")


@pytest.mark.parametrize("user", ["ann", "bob"])
@pytest.mark.parametrize("job_id", ["own", NOBODY, "x"])
def test_who_is_no_operator_is_told_nothing_of_any_job(yard, user, job_id):
    job_id = make_job(yard.conn) if job_id == "own" else job_id
    before = row_of(yard.conn, job_id) if job_id not in (NOBODY, "x") else None
    for view in VIEWS:
        assert_error(yard.get(f"/operations/job/{job_id}{view}", user), 403, "forbidden")
    for what in ("cancel", "retry"):
        assert_error(steer(yard, job_id, what, user), 403, "forbidden")
    assert_error(yard.get(f"/operations/jobs?user={user}", user), 403, "forbidden")
    assert before is None or row_of(yard.conn, job_id) == before


def test_a_cancel_tells_the_user_that_an_operator_did_it_and_all_who_follow(yard, changes):
    queued, running = make_job(yard.conn), make_job(yard.conn, "processing", user_id="bob")
    assert steer(yard, queued, "cancel").get_json()["status"] == "cancelled"
    assert steer(yard, running, "cancel").get_json()["status"] == "processing"
    seen = yard.get(f"/job/{queued}/status").get_json()["job"]
    assert (seen["error_code"], seen["error_message"]) == ("cancelled", "Cancelled by an operator")
    assert changes == [
        JobChanged(queued, "ann", ended=True, change="cancelled", by="op-root"),
        JobChanged(running, "bob", ended=False, change="cancel asked", by="op-root"),
    ]
    assert_error(steer(yard, queued, "cancel"), 400, "not_possible")


def test_an_operator_who_cancels_an_own_job_is_its_user(yard, changes):
    job_id = make_job(yard.conn, user_id="op-root")
    steer(yard, job_id, "cancel")
    assert row_of(yard.conn, job_id).error_message == "Cancelled by its user"
    assert [one.by for one in changes] == [None]


def test_a_retry_queues_again_and_tells_the_pump_and_all_who_follow(yard, changes):
    job_id = make_job(yard.conn, "failed", user_id="bob")
    assert steer(yard, job_id, "retry").get_json()["status"] == "queued"
    row = row_of(yard.conn, job_id)
    assert yard.pump.keys == [(row.rank, row.turn, row.seq)]
    assert changes == [JobChanged(job_id, "bob", ended=False, change="requeued", by="op-root")]
    assert_error(steer(yard, job_id, "retry"), 400, "not_possible")


def test_a_redrive_tells_all_who_follow_and_a_dry_run_nobody(yard, changes):
    failed = [make_job(yard.conn, "failed", user_id=user) for user in ("ann", "bob")]
    yard.post("/operations/redrive", "op-root", json={"dry_run": True})
    assert changes == []
    yard.post("/operations/redrive", "op-root", json={})
    assert {(one.job_id, one.user_id, one.change, one.by) for one in changes} == {
        (failed[0], "ann", "requeued", "op-root"),
        (failed[1], "bob", "requeued", "op-root"),
    }


@pytest.mark.parametrize("what", ["cancel", "retry"])
def test_a_page_must_say_that_it_is_one_of_ours(yard, what):
    job_id = make_job(yard.conn, "ready" if what == "cancel" else "failed")
    before = row_of(yard.conn, job_id)
    yard.post("/session", "op-root")
    answer = yard.client.post(f"{PREFIX}/operations/job/{job_id}/{what}")
    assert_error(answer, 403, "csrf")
    assert row_of(yard.conn, job_id) == before
