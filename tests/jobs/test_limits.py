"""How much one user may enqueue, exactly, however many requests come at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from jobs import store, workers
from jobs.bulk import NewJob, enqueue_many
from jobs.db.engine import autocommit
from jobs.limits import Limits, TooMany
from tests.factory import make_job

RATE = Limits(per_minute=1.0, burst=3, most_queued=None)
QUEUED = Limits(per_minute=None, burst=1, most_queued=3)


def enqueue(conn: Connection, limits: Limits, user: str = "ann", **columns: object) -> store.Enqueued:
    return store.enqueue(conn, user_id=user, job_type="t", request_data={}, limits=limits, **columns)


def bulk(conn: Connection, limits: Limits, count: int, **columns: object) -> list[store.Enqueued]:
    jobs = [NewJob(user_id="ann", job_type="t", request_data={}, **columns) for _ in range(count)]
    return enqueue_many(conn, jobs, limits=limits)


def count(conn: Connection) -> int:
    return conn.execute(text("select count(*) from ai_jobs")).scalar_one()


def pass_time(conn: Connection, seconds: int) -> None:
    conn.execute(text("update ai_user_limits set paid_until = paid_until - make_interval(secs => :s)"), {"s": seconds})


def test_a_burst_is_taken_and_what_comes_after_it_is_told_when_to_come_again(conn):
    for _ in range(3):
        enqueue(conn, RATE)
    with pytest.raises(TooMany, match="1 jobs a minute") as refused:
        enqueue(conn, RATE)
    assert 55 < refused.value.retry_after_s <= 60
    assert count(conn) == 3


def test_what_drips_in_can_be_used_and_no_more_gathers_than_a_burst(conn):
    for _ in range(3):
        enqueue(conn, RATE)
    pass_time(conn, 61)
    enqueue(conn, RATE)
    with pytest.raises(TooMany):
        enqueue(conn, RATE)
    pass_time(conn, 86400)
    for _ in range(3):
        enqueue(conn, RATE)
    with pytest.raises(TooMany):
        enqueue(conn, RATE)


def test_the_time_that_is_told_is_enough(conn):
    for _ in range(3):
        enqueue(conn, RATE)
    with pytest.raises(TooMany) as refused:
        enqueue(conn, RATE)
    pass_time(conn, refused.value.retry_after_s)
    enqueue(conn, RATE)


def test_a_refused_request_costs_nothing(conn):
    for _ in range(3):
        enqueue(conn, RATE)
    for _ in range(5):
        with pytest.raises(TooMany):
            enqueue(conn, RATE)
    pass_time(conn, 61)
    enqueue(conn, RATE)


def test_each_user_has_a_bucket_of_their_own(conn):
    for _ in range(3):
        enqueue(conn, RATE)
    enqueue(conn, RATE, "bob")


@pytest.mark.parametrize("columns", [{}, {"delay_s": 60}])
def test_no_more_jobs_are_queued_than_may_be(conn, columns):
    make_job(conn, "processing")
    make_job(conn, "completed")
    make_job(conn, user_id="bob")
    for _ in range(3):
        enqueue(conn, QUEUED, **columns)
    with pytest.raises(TooMany, match="at most 3") as refused:
        enqueue(conn, QUEUED)
    assert refused.value.retry_after_s is None
    conn.execute(text("delete from ai_jobs where status = 'queued' and user_id = 'ann'"))
    enqueue(conn, QUEUED)


def test_a_batch_counts_as_its_jobs(conn):
    bulk(conn, RATE, 2)
    with pytest.raises(TooMany) as refused:
        bulk(conn, RATE, 2)
    assert refused.value.retry_after_s > 50
    bulk(conn, RATE, 1)
    with pytest.raises(TooMany, match="at most 3 jobs at a time, these are 4") as refused:
        bulk(conn, RATE, 4)
    assert refused.value.retry_after_s is None
    with pytest.raises(TooMany):
        bulk(conn, QUEUED, 1)
    assert count(conn) == 3


def test_of_a_batch_with_keys_that_is_too_large_nothing_is_added(engine, conn):
    with pytest.raises(TooMany), engine.begin() as own:
        bulk(own, QUEUED, 4, idempotency_key="k")
    assert count(conn) == 0


@pytest.mark.parametrize("limits", [Limits(0.001, 7, None), Limits(None, 1, 7)], ids=["rate", "queued"])
def test_however_many_come_at_the_same_time_no_more_than_the_limit_get_in(engine: Engine, conn, limits):
    def attempt(_: int) -> bool:
        with autocommit(engine) as own:
            try:
                enqueue(own, limits)
            except TooMany:
                return False
        return True

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(attempt, range(60))) == 7
    assert count(conn) == 7


def test_an_error_that_is_no_refusal_stays_what_it_is(conn):
    with pytest.raises(DBAPIError, match="user_id"):
        enqueue(conn, RATE, "x" * 201)


def test_what_nobody_counts_any_more_is_forgotten(conn):
    enqueue(conn, RATE)
    enqueue(conn, RATE, "bob")
    conn.execute(text("update ai_user_limits set paid_until = now() - interval '25 hours' where user_id = 'ann'"))
    workers.forget(conn)
    assert conn.execute(text("select user_id from ai_user_limits")).scalars().all() == ["bob"]
