"""Prefer: wait=N: whoever enqueues may wait for the end, woken by it, and only so many at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from api.waiting import LONGEST_S, Waiting, preferred_s
from jobs.telemetry import RunEnded, emit
from tests.api import kit
from tests.scheduler.kit import until

WAIT = {"Prefer": "wait=20"}


def complete(yard, result='{"n": 1}'):
    """As a worker would, and nobody is told yet."""
    done = "status = 'completed', completed_at = now(), result_data = cast(:result as jsonb), version = version + 1"
    rows = yard.conn.execute(text(f"update ai_jobs set {done} returning id"), {"result": result})
    return [str(row.id) for row in rows]


def post(yard, **headers):
    return yard.post("/jobs", json={"job_type": "t", "request_data": {}}, headers=headers)


@pytest.fixture
def waits(yard):
    """A request that waits for its job."""
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(post, yard, **WAIT)
        until(lambda: yard.waiting._waiting)
        yield asked
        yard.waiting.close()


def test_a_job_that_ends_in_time_is_the_answer(yard, waits):
    yard.waiting.ended(complete(yard))
    answer = waits.result(10)
    body = answer.get_json()
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait")
    assert (body["status"], body["job"]["result_data"], body["job"]["id"]) == ("completed", {"n": 1}, body["job_id"])
    assert yard.waiting._waiting == {}


def test_the_end_of_a_run_in_this_process_wakes_who_waits(yard, waits):
    [job_id] = yard.waiting._waiting
    emit(RunEnded(job_id, 1, "t", "ann", "retried", None, 1))
    complete(yard)
    emit(RunEnded(job_id, 1, "t", "ann", "completed", None, 1))
    assert waits.result(10).status_code == 200


def test_the_end_of_another_job_wakes_nobody(yard, waits):
    yard.waiting.ended(["00000000-0000-7000-8000-000000000000"])
    assert not waits.done()
    assert [len(events) for events in yard.waiting._waiting.values()] == [1]


@pytest.mark.timeout(15)  # who does not look waits for longer
def test_a_job_that_has_ended_before_anybody_listened_is_seen(yard, engine):
    def end_it(_conn, _cursor, statement, *_rest):
        if "insert into ai_jobs" in statement.lower():
            ended.extend(complete(yard))

    ended: list[str] = []
    event.listen(engine, "after_cursor_execute", end_it)
    answer = post(yard, **WAIT)
    event.remove(engine, "after_cursor_execute", end_it)
    assert answer.get_json()["job_id"] in ended
    assert answer.status_code == 200


def test_a_job_that_does_not_end_in_time_is_queued_as_ever(yard):
    answer = post(yard, Prefer="wait=0")
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_no_more_wait_than_may(yard, engine):
    small = kit.scene(engine, yard.conn, kit.settings(YARD_API__WAITING_REQUESTS="1"))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(post, small, **WAIT)
        until(lambda: small.waiting._waiting)
        assert post(small, **WAIT).status_code == 202
        small.waiting.ended(complete(yard))
        assert first.result(10).status_code == 200
        assert small.waiting._count == 0


def test_nobody_waits_in_a_process_that_stops(yard, waits):
    yard.waiting.close()
    assert waits.result(10).status_code == 202
    with yard.waiting.place("another") as ended:
        assert ended is None


def test_two_who_wait_for_one_job_are_both_woken():
    waiting, told = Waiting(lambda: 9), []

    def wait() -> None:
        with waiting.place("a") as ended:
            assert ended is not None
            told.append(ended.wait(10))

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: len(waiting._waiting.get("a", ())) == 2)
    waiting.ended(["a"])
    for thread in threads:
        thread.join(10)
    assert told == [True, True]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait=5", 5),
        ("WAIT = 5", 5),
        ('wait="7"', 7),
        ("respond-async, wait=10, return=minimal", 10),
        ("return=minimal; wait=3", 3),
        ("wait=3600", LONGEST_S),
        ("wait=99999999999999999999", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("await=5", None),
        ("x" * 10_000, None),
    ],
)
def test_the_header_is_read_as_the_standard_says(header, seconds):
    assert preferred_s(header) == seconds


@pytest.mark.parametrize("header", ["wait=" * 20_000, "," * 100_000, "wait= " * 20_000 + "x"])
def test_a_hostile_header_is_read_like_any_other(header):
    """A pattern that runs wild would take hours."""
    assert preferred_s(header) is None
