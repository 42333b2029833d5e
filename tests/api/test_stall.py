"""Whether health sees a queue that stands still, and takes no load for it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from api import stall
from jobs import pauses
from jobs.db.engine import open_engine
from tests.api import kit
from tests.api.kit import assert_error
from tests.factory import make_job

LIMIT_S = 30 + 2 * 5  # lease_s + 2 * poll_every_s


class Clock:
    """The monotonic clock of api/stall.py, in the hands of a test; the database's is left alone."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(stall, "time", clock)
    return clock


def job(scene, ready_s: float = 1000, state: str = "ready", **columns) -> str:
    job_id = make_job(scene.conn, state, **columns)
    aged = text("update ai_jobs set ready_at = clock_timestamp() - make_interval(secs => :s) where id = :id")
    scene.conn.execute(aged, {"s": ready_s, "id": job_id})
    return job_id


def worker(scene, name: str = "w", *, seats: int = 3, busy: int = 0, job_type: str = "t") -> None:
    columns = {"name": name, "seats": seats, "busy": busy, "type": job_type}
    scene.conn.execute(text("delete from ai_workers where id = :name"), columns)
    insert = "insert into ai_workers (id, host, pid, version, job_types, seats, busy)"
    scene.conn.execute(text(f"{insert} values (:name, 'h', 1, '1', array[:type], :seats, :busy)"), columns)


def health(scene, clock: Clock, after_s: float = LIMIT_S + 1) -> str | None:
    """What is wrong, `after_s` after the look before; None when all is well."""
    clock.now += after_s
    answer = scene.get("/health", None)
    return None if answer.status_code == 200 else assert_error(answer, 503, "unhealthy")["error"]


def test_a_job_that_nobody_takes_although_seats_are_free_is_told(yard, clock):
    job(yard)
    worker(yard)
    assert health(yard, clock) is None
    assert "although seats are free" in str(health(yard, clock))


def test_nothing_is_told_before_it_has_stood_still_for_long(yard, clock):
    job(yard)
    worker(yard)
    assert [health(yard, clock, after_s) for after_s in (0, LIMIT_S / 2, LIMIT_S / 2)] == [None, None, None]
    assert health(yard, clock, stall.KEPT_S)


def test_a_young_job_is_not_told(yard, clock):
    worker(yard)
    job(yard, ready_s=LIMIT_S - 10)
    assert [health(yard, clock), health(yard, clock)] == [None, None]


def test_a_queue_that_moves_is_not_told_however_long_it_is(yard, clock):
    worker(yard)
    jobs = [job(yard, turn=turn) for turn in range(4)]
    for head in jobs:
        assert health(yard, clock) is None
        yard.conn.execute(text("delete from ai_jobs where id = :id"), {"id": head})


def test_a_retry_that_is_next_again_has_moved(yard, clock):
    worker(yard)
    job(yard)
    for _ in range(3):
        assert health(yard, clock) is None
        yard.conn.execute(text("update ai_jobs set claim_seq = claim_seq + 1"))


def test_an_old_job_behind_the_next_one_is_not_told(yard, clock):
    """Low priority may wait as long as others come before it."""
    worker(yard)
    job(yard, ready_s=100_000, priority=-9)
    for turn in range(3):
        newcomer = job(yard, ready_s=0, turn=turn)
        assert health(yard, clock) is None
        yard.conn.execute(text("delete from ai_jobs where id = :id"), {"id": newcomer})


def test_busy_seats_explain_a_wait(yard, clock):
    """A slow provider fills every seat, for hours: no reason to call anything broken."""
    job(yard)
    worker(yard, busy=3)
    assert [health(yard, clock), health(yard, clock)] == [None, None]


def test_a_moment_without_a_free_seat_begins_the_wait_anew(yard, clock):
    job(yard)
    for busy in (0, 3, 0):
        worker(yard, busy=busy)
        assert health(yard, clock) is None
    assert health(yard, clock)


def test_a_full_fleet_explains_a_wait(yard, clock):
    job(yard)
    worker(yard, seats=10, busy=2)
    for _ in range(3):  # jobs.max_concurrent_jobs
        make_job(yard.conn, "processing")
    assert [health(yard, clock), health(yard, clock)] == [None, None]


def test_a_users_own_cap_explains_a_wait(engine, yard, clock):
    scene = kit.scene(engine, yard.conn, kit.settings(YARD_JOBS__MAX_CONCURRENT_PER_USER="1"))
    job(scene, user_id="ann")
    worker(scene)
    make_job(scene.conn, "processing", user_id="ann")
    assert [health(scene, clock), health(scene, clock)] == [None, None]
    scene.conn.execute(text("update ai_jobs set user_id = 'bob' where status = 'processing'"))
    assert health(scene, clock) is None
    assert health(scene, clock)


def test_a_job_that_no_live_worker_knows_is_told_at_once(yard, clock):
    worker(yard, job_type="another")
    worker(yard, "silent")
    yard.conn.execute(text("update ai_workers set seen_at = seen_at - interval '31 s' where id = 'silent'"))
    job(yard, ready_s=LIMIT_S - 10)
    assert health(yard, clock) is None
    job(yard, ready_s=LIMIT_S + 10, priority=1)
    assert "no live worker" in str(health(yard, clock))
    worker(yard)
    assert health(yard, clock) is None


def test_an_empty_queue_is_well(yard, clock):
    assert [health(yard, clock), health(yard, clock)] == [None, None]


def test_callers_that_follow_at_once_share_one_look(yard, clock):
    job(yard)
    assert health(yard, clock)
    yard.conn.execute(text("delete from ai_jobs"))
    assert health(yard, clock, stall.KEPT_S / 2)
    assert health(yard, clock, stall.KEPT_S) is None


def test_while_the_database_is_away_nothing_is_said_of_the_queue(yard):
    engine = open_engine("postgresql://postgres@127.0.0.1:1/nothing", connect_timeout_s=1)
    assert stall.Stall(engine, kit.settings).fault() is None
    engine.dispose()


def test_what_stands_still_behind_what_is_paused_is_told(yard, clock):
    job(yard, job_type="paused", priority=9)
    job(yard)
    worker(yard, job_type="paused")
    pauses.pause(yard.conn, "paused", by="root")
    pauses.pause(yard.conn, "t", by="root", resume_at=datetime(2000, 1, 1, tzinfo=UTC))  # which is over
    assert "no live worker" in str(health(yard, clock))


@pytest.mark.parametrize("what", ["t", None], ids=["its type", "everything"])
@pytest.mark.parametrize("able", [True, False], ids=["a worker is free", "no worker has a handler"])
def test_what_is_paused_is_no_fault_and_is_judged_anew_when_it_is_resumed(yard, clock, what, able):
    job(yard)
    worker(yard, job_type="t" if able else "other")
    pauses.pause(yard.conn, what, by="root")
    assert [health(yard, clock) for _ in range(3)] == [None, None, None]
    pauses.resume(yard.conn, what)
    told = [health(yard, clock), health(yard, clock)]
    assert (told[0] is None, told[1] is None) == (able, False)
