"""claim takes the next ready jobs, each for one worker, and locks no more than it takes."""

import pytest
from sqlalchemy import text

from jobs import store
from jobs.job import Key
from scheduler.bounds import FULL
from tests.factory import make_job
from tests.jobs import kit

LEASE_LEFT_S = "select extract(epoch from lease_expires_at - clock_timestamp()) from ai_jobs"


def test_the_order_is_priority_then_turn_then_seq(conn):
    later, urgent, second, first = (
        make_job(conn, priority=priority, turn=turn) for priority, turn in ((0, 5), (9, 9), (0, 1), (0, 0))
    )
    tie = make_job(conn, priority=0, turn=1)
    assert kit.ids(kit.claim(conn, seats=9).claims) == [urgent, first, second, tie, later]


def test_no_more_than_the_free_seats_are_taken(conn):
    for _ in range(3):
        make_job(conn)
    claimed = kit.claim(conn, seats=2)
    assert (len(claimed.claims), claimed.room) == (2, 2)
    assert len(kit.claim(conn, seats=2).claims) == 1


def test_an_empty_queue_gives_an_empty_claim(conn):
    claimed = kit.claim(conn, seats=2, fleet_cap=3)
    assert (claimed.claims, claimed.room) == ([], 2)


def test_job_types_of_another_release_are_left_in_the_queue(conn):
    make_job(conn, job_type="from_the_next_release", priority=9)
    known = make_job(conn, job_type="t")
    assert kit.ids(kit.claim(conn, seats=9).claims) == [known]
    assert kit.claim(conn, seats=9, job_types=[]).claims == []


def test_a_job_whose_deadline_has_passed_is_not_claimed(conn):
    make_job(conn, deadline_at="2020-01-01T00:00:00Z")
    in_time = make_job(conn, deadline_at="2999-01-01T00:00:00Z")
    assert kit.ids(kit.claim(conn, seats=9).claims) == [in_time]


@pytest.mark.parametrize("state", ["waiting", "due", "processing", "lost", "completed", "failed", "cancelled"])
def test_only_a_ready_job_is_claimed(conn, state):
    make_job(conn, state)
    assert kit.claim(conn).claims == []


def test_a_claim_tells_what_its_worker_needs(conn):
    job_id = make_job(conn, request_data={"a": 1}, retry_count=1, max_retries=4, priority=2, turn=7)
    claim = kit.claim_one(conn, worker_id="me")
    assert (claim.id, claim.user_id, claim.job_type, claim.request_data) == (job_id, "ann", "t", {"a": 1})
    assert (claim.retry_count, claim.max_retries, claim.key[:2]) == (1, 4, (-2, 7))
    assert kit.whole(conn, job_id)["worker_id"] == "me"


def test_the_lease_counts_from_the_claim(conn):
    make_job(conn)
    kit.claim(conn, lease_s=100)
    assert 90 < conn.execute(text(LEASE_LEFT_S)).scalar_one() <= 100


def test_the_wait_counts_from_when_the_job_was_ready(conn):
    job_id = make_job(conn)
    kit.put(conn, job_id, ready_at="clock_timestamp() - interval '90 s'")
    assert 90 <= kit.claim_one(conn).wait_s < 100


def test_nothing_before_a_bound_is_looked_at_and_the_bound_itself_is(conn):
    below, at, after = (make_job(conn, turn=turn) for turn in (3, 4, 5))
    bound = Key(0, 4, kit.whole(conn, at)["seq"])
    assert kit.ids(kit.claim(conn, seats=9, lows=[bound]).claims) == [at, after]
    assert kit.ids(kit.claim(conn, seats=9).claims) == [below]


def test_a_rank_without_a_bound_is_not_looked_at(conn):
    make_job(conn, priority=1)
    ours = make_job(conn, priority=0)
    assert kit.ids(kit.claim(conn, seats=9, lows=[Key(0, 0, 0)]).claims) == [ours]


def test_each_rank_has_a_bound_of_its_own(conn):
    urgent, _, usual = (make_job(conn, priority=priority, turn=turn) for priority, turn in ((1, 2), (0, 2), (0, 8)))
    lows = [Key(-1, 0, 0), Key(0, 5, 0)]
    assert kit.ids(kit.claim(conn, seats=9, lows=lows).claims) == [urgent, usual]


def test_a_row_that_another_transaction_holds_is_stepped_over(conn, engine):
    head, second = make_job(conn), make_job(conn)
    with engine.connect() as other:
        other.begin()
        other.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": head})
        with kit.impatient(conn):
            assert kit.ids(kit.claim(conn).claims) == [second]
    assert kit.ids(kit.claim(conn).claims) == [head]


@pytest.mark.parametrize("fleet_cap", [None, 3])
def test_no_more_rows_are_locked_than_taken(conn, engine, fleet_cap):
    for number in range(12):
        make_job(conn, priority=number % 3)
    make_job(conn, "processing")
    with engine.connect() as other:
        other.begin()
        taken = len(kit.claim(other, seats=6, fleet_cap=fleet_cap).claims)
        free = conn.execute(text("select id from ai_jobs where status = 'queued' for update skip locked")).all()
        assert (taken, len(free)) == ((6, 6) if fleet_cap is None else (2, 10))


def test_workers_that_claim_at_once_never_share_a_job(conn, engine):
    for _ in range(60):
        make_job(conn)
    claimed = kit.at_once(engine, 6, lambda own, _: kit.ids(kit.claim(own, seats=10).claims))
    everything = [job_id for some in claimed for job_id in some]
    assert len(everything) == len(set(everything))
    assert len(everything) + len(kit.claim(conn, seats=60).claims) == 60


def test_a_released_job_can_be_claimed_at_its_old_place(conn):
    first, _ = make_job(conn), make_job(conn)
    (claim,) = kit.claim(conn).claims
    assert store.release(conn, [claim]) == [claim.key]
    assert kit.claim_one(conn).id == first


def test_a_released_run_has_spent_no_retry_and_is_ready_at_once(conn):
    job_id = make_job(conn)
    store.release(conn, kit.claim(conn).claims)
    again = kit.claim_one(conn)
    assert (again.id, again.retry_count) == (job_id, 0)
    assert kit.whole(conn, job_id)["attempt_errors"] == []


def test_a_released_run_whose_user_asked_for_a_cancel_can_not_be_claimed_again(conn):
    make_job(conn)
    (claim,) = kit.claim(conn).claims
    store.cancel(conn, job_id=claim.id, user_id="ann")
    assert store.release(conn, [claim]) == []
    assert kit.whole(conn, claim.id)["status"] == "cancelled"
    assert kit.claim(conn).claims == []


def test_the_full_look_goes_through_all_priorities_in_order():
    assert [low.rank for low in FULL] == list(range(-9, 10))
