"""How users follow and steer the jobs that they have."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, text

from jobs import queries
from jobs.job import Key
from tests.api.kit import STATUS_FIELDS, assert_error
from tests.factory import make_job, row_of
from tests.jobs import kit

CIRCLE = {"object_type": "circle", "properties": {"x": 500, "y": 500, "radius": 40}}
CANVAS = {
    "title": "<b>Login</b>",
    "objects": [
        {
            "object_type": "rectangle",
            "properties": {"x": 100, "y": 100, "width": 120, "height": 60, "fill": "#FFFFFF", "stroke": "#000000"},
            "z_index": 1,
        },
        {"object_type": "text", "properties": {"x": 110, "y": 120, "text": "<script>alert(1)</script>"}, "z_index": 2},
    ],
}


def test_status_shows_every_field_of_the_contract(yard):
    job_id = yard.canvas(canvas_id="wall").get_json()["job_id"]
    body = yard.get(f"/job/{job_id}/status").get_json()
    assert body["success"] is True
    assert set(body["job"]) == STATUS_FIELDS
    assert body["job"] | {"created_at": None} == {
        **dict.fromkeys(STATUS_FIELDS),
        "id": job_id,
        "user_id": "ann",
        "canvas_id": "wall",
        "job_type": "create_canvas",
        "status": "queued",
        "priority": 0,
        "request_data": {
            "instructions": "a login",
            "style": "modern",
            "colorScheme": "default",
            "canvas_id": "wall",
        },
        "retry_count": 0,
        "max_retries": 3,
        "progress": 0,
        "version": 1,
        "queue_position": 0,
    }


def test_times_are_iso_8601_in_utc(yard):
    moment = datetime(2026, 1, 31, 12, 0, 0, 5000, tzinfo=UTC)
    job_id = make_job(yard.conn, "completed", created_at=moment)
    job = yard.get(f"/job/{job_id}/status").get_json()["job"]
    assert job["created_at"] == "2026-01-31T12:00:00.005Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["completed_at"])


def test_the_queue_position_counts_the_ready_jobs_before(yard):
    make_job(yard.conn, priority=3)
    make_job(yard.conn, "waiting", priority=3)
    mine, behind = make_job(yard.conn), make_job(yard.conn)
    assert yard.get(f"/job/{mine}/status").get_json()["job"]["queue_position"] == 1
    assert yard.get(f"/job/{behind}/status").get_json()["job"]["queue_position"] == 2
    waiting = make_job(yard.conn, "waiting")
    assert yard.get(f"/job/{waiting}/status").get_json()["job"]["queue_position"] is None


@pytest.mark.parametrize(("state", "statements"), [("ready", 2), ("waiting", 1), ("processing", 1), ("completed", 1)])
def test_only_for_a_ready_job_a_poll_counts_the_queue(yard, engine, state, statements):
    job_id, seen = make_job(yard.conn, state), []
    listen = lambda _conn, _cursor, statement, *_: seen.append(statement)  # noqa: E731 - must be named to be removed
    event.listen(engine, "before_cursor_execute", listen)
    yard.get(f"/job/{job_id}/status")
    event.remove(engine, "before_cursor_execute", listen)
    assert len(seen) == statements


@pytest.mark.parametrize(("before", "position", "more"), [(1000, 1000, None), (1001, None, True)])
def test_the_queue_position_is_exact_to_a_thousand(yard, before, position, more):
    yard.conn.execute(
        text(
            "insert into ai_jobs (user_id, job_type, request_data, priority)"
            " select 'bob', 't', '{}', 3 from generate_series(1, :n)"
        ),
        {"n": before},
    )
    job = yard.get(f"/job/{make_job(yard.conn)}/status").get_json()["job"]
    assert (job["queue_position"], job.get("more")) == (position, more)


def test_a_result_is_there_when_the_job_is_completed(yard):
    job_id = make_job(yard.conn, "completed", result_data={"title": "t", "objects": []})
    assert yard.get(f"/job/{job_id}/result").get_json() == {"success": True, "result": {"title": "t", "objects": []}}


@pytest.mark.parametrize("state", ["ready", "waiting", "processing", "failed", "cancelled"])
@pytest.mark.parametrize("kind", ["result", "result.svg"])
def test_without_a_completed_job_there_is_no_result(yard, state, kind):
    job_id = make_job(yard.conn, state)
    refused = assert_error(yard.get(f"/job/{job_id}/{kind}"), 400, "not_possible")
    assert refused["error"] == "Job not completed"


def test_a_canvas_is_a_picture_that_can_do_nothing(yard):
    job_id = make_job(yard.conn, "completed", job_type="create_canvas", result_data=CANVAS)
    answer = yard.get(f"/job/{job_id}/result.svg")
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<svg" in answer.text
    assert "<script>" not in answer.text


def test_a_canvas_is_a_picture_while_it_is_drawn(yard):
    job_id, circle = make_job(yard.conn, "processing", job_type="create_canvas"), CIRCLE

    def shown() -> int:
        answer = yard.get(f"/job/{job_id}/drawing.svg")
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return answer.text.count("<circle")

    assert shown() == 0
    for n, (anew, ids, seen) in enumerate([(True, "ab", 2), (False, "bc", 3), (True, "d", 1)], start=1):
        kit.report(yard.conn, job_id, 1, n=n, anew=anew, objects=[{"id": one, **circle} for one in ids])
        assert shown() == seen
    kit.complete(yard.conn, job_id, 1, {"title": "t", "objects": [circle] * 5})
    assert shown() == 5


def test_nothing_is_shown_of_what_a_stranger_draws(yard):
    job_id = make_job(yard.conn, "processing", job_type="create_canvas", user_id="bob")
    kit.report(yard.conn, job_id, 1, objects=[{"id": "a", **CIRCLE}])
    assert_error(yard.get(f"/job/{job_id}/drawing.svg"), 404, "not_found")
    assert queries.drawn(yard.conn, job_id=job_id, user_id="ann") == []


def test_only_a_canvas_is_a_picture(yard):
    job_id = make_job(yard.conn, "completed", job_type="summary", result_data=CANVAS)
    for kind in ("result", "drawing"):
        assert_error(yard.get(f"/job/{job_id}/{kind}.svg"), 400, "not_possible")


@pytest.mark.parametrize("state", ["ready", "waiting"])
def test_cancel_ends_a_queued_job_at_once(yard, state):
    job_id = make_job(yard.conn, state)
    answer = yard.post(f"/job/{job_id}/cancel")
    assert (answer.status_code, answer.get_json()) == (
        200,
        {"success": True, "message": "Job cancelled", "status": "cancelled"},
    )
    assert row_of(yard.conn, job_id).status == "cancelled"


def test_cancel_of_a_running_job_is_a_request(yard):
    job_id = make_job(yard.conn, "processing")
    answer = yard.post(f"/job/{job_id}/cancel")
    assert answer.get_json() == {"success": True, "message": "Cancellation requested", "status": "processing"}
    assert row_of(yard.conn, job_id).cancel_requested_at is not None


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_final_job_cannot_be_cancelled(yard, state):
    job_id = make_job(yard.conn, state)
    refused = assert_error(yard.post(f"/job/{job_id}/cancel"), 400, "not_possible")
    assert refused["error"] == f"A {state} job cannot be cancelled"


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_retry_makes_a_job_ready_again_and_tells(yard, state):
    job_id = make_job(yard.conn, state)
    answer = yard.post(f"/job/{job_id}/retry")
    assert answer.get_json() == {"success": True, "message": "Job queued again", "status": "queued"}
    row = row_of(yard.conn, job_id)
    assert (row.status, row.completed_at) == ("queued", None)
    assert yard.pump.keys == [Key(row.rank, row.turn, row.seq)]


@pytest.mark.parametrize("state", ["ready", "waiting", "processing", "completed"])
def test_what_has_not_failed_cannot_be_retried(yard, state):
    job_id = make_job(yard.conn, state)
    assert_error(yard.post(f"/job/{job_id}/retry"), 400, "not_possible")
    assert yard.pump.keys == []


def test_a_client_that_knows_the_newest_version_is_told_so_without_it(yard):
    job_id = make_job(yard.conn, "processing")
    first = yard.get(f"/job/{job_id}/status")
    known = {"If-None-Match": first.headers["ETag"]}
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = yard.get(f"/job/{job_id}/status", headers=known)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    yard.post(f"/job/{job_id}/cancel")
    assert yard.get(f"/job/{job_id}/status", headers=known).status_code == 200


def test_a_job_that_moves_up_in_the_queue_is_news(yard):
    before, mine = make_job(yard.conn), make_job(yard.conn)
    known = {"If-None-Match": yard.get(f"/job/{mine}/status").headers["ETag"]}
    assert yard.get(f"/job/{mine}/status", headers=known).status_code == 304
    yard.post(f"/job/{before}/cancel")
    answer = yard.get(f"/job/{mine}/status", headers=known)
    assert (answer.status_code, answer.get_json()["job"]["queue_position"]) == (200, 0)


@pytest.mark.parametrize(
    ("path", "state", "meanwhile"),
    [("cancel", "failed", "queued"), ("retry", "completed", "failed")],
)
def test_a_job_that_somebody_moves_between_two_looks_is_not_refused_for_what_it_no_longer_is(
    yard, engine, path, state, meanwhile
):
    job_id = make_job(yard.conn, state)
    moved = []

    def move(_conn, _cursor, statement, *_rest):
        if "from ai_jobs" in statement and "update" not in statement and not moved:
            moved.append(statement)
            at = "now()" if meanwhile == "failed" else "null"
            move_it = text(f"update ai_jobs set status = :status, completed_at = {at} where id = :id")
            yard.conn.execute(move_it, {"status": meanwhile, "id": job_id})

    event.listen(engine, "before_cursor_execute", move)
    answer = yard.post(f"/job/{job_id}/{path}")
    event.remove(engine, "before_cursor_execute", move)
    assert moved
    assert answer.status_code == 200
