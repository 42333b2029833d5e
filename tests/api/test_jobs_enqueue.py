"""What a posted canvas becomes, and when it is the same job again."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from api.yard import EVENTS
from jobs.job import Key
from tests.api import kit
from tests.api.kit import HOSTILE, PREFIX, assert_error
from tests.factory import row_of


def everything(conn):
    return conn.execute(text("select * from ai_jobs order by seq")).all()


def test_a_posted_canvas_is_a_ready_job_of_its_user(yard):
    answer = yard.canvas(style="corporate", colorScheme="pastel", canvas_id="wall-7")
    assert answer.status_code == 202
    body = answer.get_json()
    row = row_of(yard.conn, body["job_id"])
    assert (row.user_id, row.job_type, row.status, row.priority) == ("ann", "create_canvas", "queued", 0)
    assert (row.canvas_id, row.max_retries, row.next_processing_at) == ("wall-7", 3, None)
    assert row.request_data == {
        "instructions": "a login",
        "style": "corporate",
        "colorScheme": "pastel",
        "canvas_id": "wall-7",
    }
    here = f"{PREFIX}/job/{body['job_id']}"
    assert body == {
        "success": True,
        "job_id": str(row.id),
        "message": body["message"],
        "status": "queued",
        "links": {"status": f"{here}/status", "result": f"{here}/result", "cancel": f"{here}/cancel", "events": EVENTS},
    }


def test_the_pump_hears_at_once_of_a_ready_job(yard):
    row = row_of(yard.conn, yard.canvas(priority=2).get_json()["job_id"])
    assert yard.pump.keys == [Key(-2, row.turn, row.seq)]
    assert yard.pump.dues_s == []


def test_a_delayed_job_waits_and_only_its_due_time_is_told(yard):
    row = row_of(yard.conn, yard.canvas(delay_s=90).get_json()["job_id"])
    assert 80 < (row.next_processing_at - datetime.now(UTC)).total_seconds() <= 90
    assert (yard.pump.keys, yard.pump.dues_s) == ([], [90.0])


def test_a_deadline_counts_from_now(yard):
    row = row_of(yard.conn, yard.canvas(deadline_s=120).get_json()["job_id"])
    assert 100 < (row.deadline_at - datetime.now(UTC)).total_seconds() <= 120
    assert row_of(yard.conn, yard.canvas().get_json()["job_id"]).deadline_at is None


def test_what_a_job_does_not_say_the_configuration_says(engine, conn):
    scene = kit.scene(engine, conn, kit.settings(YARD_JOBS__DEADLINE_S="600", YARD_JOBS__MAX_RETRIES="5"))
    row = row_of(conn, scene.canvas().get_json()["job_id"])
    assert 500 < (row.deadline_at - datetime.now(UTC)).total_seconds() <= 600
    assert row.max_retries == 5
    row = row_of(conn, scene.canvas(deadline_s=10).get_json()["job_id"])
    assert (row.deadline_at - datetime.now(UTC)).total_seconds() <= 10


def test_instructions_reach_the_handler_unmangled(yard):
    said = 'R&D <pipeline> "x" [CEO, CTO] \\ \u00e9 \U0001f600\nsecond line'
    row = row_of(yard.conn, yard.canvas(instructions=f"  {said} ").get_json()["job_id"])
    assert row.request_data["instructions"] == said


@pytest.mark.parametrize(("user", "highest"), [("ann", 3), ("op-eve", 9)])
def test_priority_is_bounded_by_role(yard, user, highest):
    assert yard.canvas(user, priority=highest).status_code == 202
    assert yard.canvas(user, priority=-9).status_code == 202
    refused = assert_error(yard.canvas(user, priority=highest + 1), 422, "invalid")
    assert [fault["field"] for fault in refused["details"]] == ["priority"]


def test_a_repeated_key_gives_the_same_job(yard):
    first = yard.post("/create-canvas", json={"instructions": "x"}, headers={"Idempotency-Key": "k1"})
    again = yard.post("/create-canvas", json={"instructions": "x"}, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json() == again.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(everything(yard.conn)) == len(yard.pump.keys) == 1


def test_a_key_belongs_to_one_user_and_one_request(yard):
    key = {"headers": {"Idempotency-Key": "k2"}}
    assert yard.post("/create-canvas", json={"instructions": "x"}, **key).status_code == 202
    other_body = yard.post("/create-canvas", json={"instructions": "y"}, **key)
    assert_error(other_body, 409, "idempotency_conflict")
    other_user = yard.post("/create-canvas", "bob", json={"instructions": "y"}, **key)
    assert other_user.status_code == 202
    assert "Idempotent-Replayed" not in other_user.headers


def test_twenty_parallel_posts_of_one_key_make_one_job(yard):
    def post(_n):
        client = yard.client.application.test_client()
        own = dataclasses.replace(yard, client=client)
        return own.post("/create-canvas", json={"instructions": "x"}, headers={"Idempotency-Key": "k3"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.get_json()["job_id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len(everything(yard.conn)) == len(yard.pump.keys) == 1


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "k\u00e9", HOSTILE])
def test_an_unusable_key_is_refused(yard, key):
    answer = yard.post("/create-canvas", json={"instructions": "x"}, headers={"Idempotency-Key": key})
    refused = assert_error(answer, 422)
    assert refused["details"][0]["field"] == "Idempotency-Key"
    assert everything(yard.conn) == []
