"""What a user who asks for too much is told."""

import pytest
from sqlalchemy import text

from api.pace import USERS, Pace, TooFast
from tests.api import kit
from tests.api.kit import assert_error


def limited(yard, engine, **limits):
    names = {f"YARD_API__LIMITS__{name.upper()}": str(value) for name, value in limits.items()}
    return kit.scene(engine, yard.conn, kit.settings(**names))


def jobs(yard):
    return yard.conn.execute(text("select count(*) from ai_jobs")).scalar_one()


@pytest.mark.parametrize("path", ["/create-canvas", "/jobs"])
def test_too_many_jobs_are_told_when_to_come_again(yard, engine, path):
    tight = limited(yard, engine, jobs_per_minute=1, burst=2)
    bodies = {"/create-canvas": {"instructions": "x"}, "/jobs": {"job_type": "t", "request_data": {}}}
    answers = [tight.post(path, json=bodies[path]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert_error(answers[2], 429, "too_many_jobs")
    told = answers[2].headers
    assert 50 < int(told["Retry-After"]) == int(told["RateLimit-Reset"]) <= 60
    assert (told["RateLimit-Limit"], told["RateLimit-Remaining"]) == ("2", "0")
    assert tight.post(path, "bob", json=bodies[path]).status_code == 202
    assert jobs(yard) == 3


def test_a_full_queue_is_said_without_a_time(yard, engine):
    tight = limited(yard, engine, queued_jobs=2)
    for _ in range(2):
        tight.canvas()
    answer = tight.canvas()
    assert "at most 2" in assert_error(answer, 429, "too_many_jobs")["error"]
    assert "Retry-After" not in answer.headers


def test_a_batch_that_is_more_than_a_burst_is_refused_as_a_whole(yard, engine):
    tight = limited(yard, engine, jobs_per_minute=100, burst=5)
    batch = {"jobs": [{"job_type": "t", "request_data": {}}] * 6}
    assert_error(tight.post("/jobs/bulk", json=batch), 429, "too_many_jobs")
    assert jobs(yard) == 0


def test_who_reads_too_often_is_told_to_wait_and_nobody_else_is(yard, engine):
    tight = limited(yard, engine, reads_per_s=2)
    answers = [tight.get("/jobs") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert_error(answers[4], 429, "too_many_requests")
    assert answers[4].headers["Retry-After"] == "1"
    assert tight.get("/jobs", "bob").status_code == 200
    assert tight.canvas().status_code == 202


def test_who_has_waited_may_read_again(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("api.pace.time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    pace = Pace()
    for _ in range(4):
        pace.keep("ann", 2)
    with pytest.raises(TooFast):
        pace.keep("ann", 2)
    now[0] += 0.5
    pace.keep("ann", 2)
    with pytest.raises(TooFast):
        pace.keep("ann", 2)


def test_without_a_limit_nothing_is_counted():
    pace = Pace()
    for _ in range(1000):
        pace.keep("ann", None)
    assert pace._paid_until == {}


def test_users_who_have_nothing_against_them_are_forgotten(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("api.pace.time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    pace = Pace()
    for n in range(USERS):
        pace.keep(f"u{n}", 2)
    now[0] += 60
    pace.keep("ann", 2)
    assert list(pace._paid_until) == ["ann"]
