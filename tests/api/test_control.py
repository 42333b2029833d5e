"""What operators do to the fleet over HTTP, and what nobody else can."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from jobs import pauses, telemetry, workers
from jobs.telemetry import PauseChanged
from tests.api.kit import HOSTILE, assert_error
from tests.factory import make_job, row_of
from tests.jobs import kit

OPERATIONS = ["pause", "resume", "redrive"]


def steer(yard, what, user="op-root", **body):
    return yard.post(f"/operations/{what}", user, json=body)


def in_force(answer):
    return [(one["job_type"], one["paused_by"], one["reason"]) for one in answer.get_json()["pauses"]]


def test_a_pause_is_in_force_when_it_is_answered_and_tells_who_and_why(yard):
    make_job(yard.conn)
    answer = steer(yard, "pause", job_type="t", for_s=3600, reason="the bill")
    assert in_force(answer) == in_force(yard.get("/operations/pauses", "op-eve")) == [("t", "op-root", "the bill")]
    assert kit.claim(yard.conn).claims == []
    (pause,) = answer.get_json()["pauses"]
    assert pause["resume_at"] > pause["paused_at"]


def test_everything_is_paused_without_a_type_and_resumed_the_same_way(yard):
    steer(yard, "pause", job_type="t")
    assert in_force(steer(yard, "pause")) == [(None, "op-root", None), ("t", "op-root", None)]
    told = steer(yard, "resume").get_json()
    assert (told["resumed"], [one["job_type"] for one in told["pauses"]]) == (True, ["t"])
    assert steer(yard, "resume").get_json()["resumed"] is False
    assert steer(yard, "resume", job_type="t").get_json() == {"success": True, "resumed": True, "pauses": []}


def test_an_end_may_be_given_as_a_time_and_one_that_is_over_ends_the_pause(yard):
    later = datetime.now(UTC) + timedelta(hours=2)
    (pause,) = steer(yard, "pause", resume_at=later.isoformat()).get_json()["pauses"]
    assert datetime.fromisoformat(pause["resume_at"]) - later < timedelta(milliseconds=2)
    assert steer(yard, "pause", resume_at="0001-01-01T00:00:00+14:00").get_json()["pauses"] == []
    assert len(steer(yard, "pause", resume_at="9999-12-31T23:59:59-12:00").get_json()["pauses"]) == 1


def test_who_paused_and_resumed_is_told_to_the_log(yard):
    heard: list[PauseChanged] = []
    end = telemetry.subscribe(lambda event: heard.append(event) if isinstance(event, PauseChanged) else None)
    steer(yard, "pause", job_type="t", for_s=60)
    until = pauses.in_force(yard.conn)[0].resume_at
    steer(yard, "pause", job_type="*")
    steer(yard, "resume", "op-eve")
    steer(yard, "resume", "op-eve")  # there is none any more
    steer(yard, "pause", job_type="t", resume_at="2000-01-01T00:00:00Z")
    end()
    assert heard == [
        PauseChanged("t", "op-root", paused=True, until=until),
        PauseChanged(None, "op-root", paused=True),
        PauseChanged(None, "op-eve", paused=False),
        PauseChanged("t", "op-root", paused=False),
    ]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("pause", {"resume_at": "2026-01-31"}),
        ("pause", {"resume_at": 1769860800}),
        ("pause", {"resume_at": "1769860800"}),
        ("pause", {"resume_at": "2026-01-31T12:00:00"}),
        ("pause", {"resume_at": HOSTILE}),
        ("pause", {"for_s": 0}),
        ("pause", {"for_s": 1e10}),
        ("pause", {"job_type": ""}),
        ("pause", {"job_type": "x" * 101}),
        ("pause", {"reason": "x" * 501}),
        ("pause", {"reason": "a\x00b"}),
        ("pause", {HOSTILE: 1}),
        ("resume", {"job_type": 7}),
        ("redrive", {"limit": 0}),
        ("redrive", {"limit": 10_001}),
        ("redrive", {"dry_run": "yes"}),
        ("redrive", {"since": "yesterday"}),
    ],
)
def test_what_is_not_valid_is_refused_and_changes_nothing(yard, what, body):
    job = make_job(yard.conn, "failed")
    assert_error(steer(yard, what, **body), 422, "invalid")
    assert pauses.in_force(yard.conn) == []
    assert row_of(yard.conn, job).status == "failed"


@pytest.mark.parametrize("what", OPERATIONS)
def test_who_is_no_operator_is_told_so_before_anything_is_read(yard, what):
    pauses.pause(yard.conn, "other", by="root")
    job = make_job(yard.conn, "failed")
    for user in ("ann", "bob"):
        for body in ({"job_type": "other"}, {HOSTILE: 1}):
            assert_error(yard.post(f"/operations/{what}", user, json=body), 403, "forbidden")
    assert_error(yard.get("/operations/pauses"), 403, "forbidden")
    assert [one.job_type for one in pauses.in_force(yard.conn)] == ["other"]
    assert row_of(yard.conn, job).status == "failed"


def test_a_dry_run_counts_and_a_redrive_queues_again_and_tells_the_pump(yard):
    failed = [make_job(yard.conn, "failed", user_id=user, error_code="timed_out") for user in ("ann", "bob")]
    make_job(yard.conn, "failed", error_code="other")
    told = steer(yard, "redrive", error_code="timed_out", dry_run=True).get_json()
    assert (told["count"], told["by_error_code"][0]["sample"]) == (2, failed)
    assert yard.pump.keys == []
    told = steer(yard, "redrive", error_code="timed_out", since="2020-01-01T00:00:00Z", limit=100.0).get_json()
    assert told["by_error_code"] == [{"error_code": "timed_out", "count": 2, "sample": []}]
    assert told["dry_run"] is False
    queued = yard.conn.execute(text("select rank, turn, seq from ai_jobs where status = 'queued'")).all()
    assert sorted(yard.pump.keys) == sorted(tuple(row) for row in queued)
    assert len(queued) == 2


def test_why_names_each_cause_with_its_number_and_its_time(yard):
    workers.heartbeat(yard.conn, [], kit.worker(busy=0), stands=True)
    steer(yard, "pause", job_type="t", for_s=3600, reason="SECRET")
    make_job(yard.conn, user_id="bob")
    job = make_job(yard.conn, turn=1)
    answer = yard.get(f"/job/{job}/why")
    told = answer.get_json()
    assert [(one["cause"], one["number"]) for one in told["causes"]] == [("paused", None), ("turn", 1)]
    assert told["expected_start"] == {"low": told["causes"][0]["until"], "likely": None, "high": None}
    assert (told["queue_position"], told["status"], "more" in told) == (1, "queued", False)
    assert "SECRET" not in answer.text
    assert "root" not in answer.text


def test_why_knows_the_caps_that_are_configured(yard):
    job = make_job(yard.conn)
    for _ in range(yard.config.jobs.max_concurrent_jobs):
        make_job(yard.conn, "processing", user_id="bob")
    causes = yard.get(f"/job/{job}/why").get_json()["causes"]
    assert [one["cause"] for one in causes] == ["scheduler_silent", "fleet_cap"]
    assert causes[1]["limit"] == yard.config.jobs.max_concurrent_jobs


def test_why_says_that_more_are_before_it_than_are_counted(yard):
    many = "select 'u', 't', '{}' from generate_series(1, 1001)"
    yard.conn.execute(text(f"insert into ai_jobs (user_id, job_type, request_data) {many}"))
    told = yard.get(f"/job/{make_job(yard.conn, turn=1)}/why").get_json()
    assert (told["queue_position"], told["more"]) == (None, True)


@pytest.mark.parametrize(
    "since", ["0203-04-18T18:01:15.170474-20:00", "2026-11-23T00:00:00+23:59", "0001-01-01T00:00:00+23:00"]
)
def test_a_moment_may_be_told_in_any_zone(yard, since):
    assert steer(yard, "redrive", since=since, dry_run=True).status_code == 200
