"""enqueue: places in the queue, keys that make it repeatable, and what the table refuses."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs import store
from jobs.db.engine import autocommit
from jobs.errors import Conflict
from tests.factory import make_job
from tests.jobs import kit


def enqueue(conn, user_id="ann", **given: Any):
    return store.enqueue(conn, **{"user_id": user_id, "job_type": "t", "request_data": {"a": 1}, **given})


def claimed_users(conn, seats):
    return [claim.user_id for claim in kit.claim(conn, seats=seats).claims]


def test_a_new_job_is_ready_with_what_was_asked_for(conn):
    made = enqueue(conn, canvas_id="c", priority=4, max_retries=5, request_data={"text": "Grüße 🎨", "n": [1, None]})
    row = kit.whole(conn, made.id)
    assert (made.created, made.due_s, made.key) == (True, None, (-4, row["turn"], row["seq"]))
    assert row["request_data"] == {"text": "Grüße 🎨", "n": [1, None]}
    assert (row["status"], row["rank"], row["canvas_id"], row["max_retries"]) == ("queued", -4, "c", 5)
    assert kit.claim_one(conn).key == made.key


def test_a_job_that_somebody_who_waits_behind_another_users_hundred_has_the_next_turn(conn):
    for _ in range(100):
        enqueue(conn, "ann")
    enqueue(conn, "bob")
    assert claimed_users(conn, 3) == ["ann", "bob", "ann"]


def test_the_users_take_turns_however_many_each_has_queued(conn):
    for user_id, count in (("ann", 6), ("bob", 3), ("cem", 1)):
        for _ in range(count):
            enqueue(conn, user_id)
    assert claimed_users(conn, 10) == ["ann", "bob", "cem", "ann", "bob", "ann", "bob", "ann", "ann", "ann"]


def test_a_newcomer_starts_where_the_queue_has_come_to(conn):
    assert [enqueue(conn, "ann").key.turn for _ in range(3)] == [0, 1, 2]
    store.advance_clock(conn, {0: 2, -5: 9})
    assert enqueue(conn, "bob").key.turn == 2
    assert enqueue(conn, "ann").key.turn == 3
    assert enqueue(conn, "bob", priority=5).key.turn == 9


NOT_IN_LINE: dict[str, dict[str, Any]] = {
    "another user's": {"state": "ready", "turn": 70, "user_id": "bob"},
    "another rank": {"state": "ready", "turn": 70, "priority": 1},
    "waiting": {"state": "waiting", "turn": 70},
    "processing": {"state": "processing", "turn": 70},
    "completed": {"state": "completed", "turn": 70},
    "behind the clock": {"state": "ready", "turn": 39},
}


@pytest.mark.parametrize("own", NOT_IN_LINE.values(), ids=NOT_IN_LINE)
def test_only_ones_own_ready_jobs_of_the_rank_at_or_after_the_clock_put_off_a_turn(conn, own):
    make_job(conn, **own)
    store.advance_clock(conn, {0: 40})
    assert enqueue(conn, "ann").key.turn == 40
    assert enqueue(conn, "ann").key.turn == 41


def test_a_higher_priority_is_claimed_first(conn):
    made = {priority: enqueue(conn, priority=priority).id for priority in (0, -9, 9, 1)}
    claimed = kit.ids(kit.claim(conn, seats=4).claims)
    assert claimed == [made[priority] for priority in (9, 1, 0, -9)]


def test_a_delayed_job_waits(conn):
    made = enqueue(conn, delay_s=60)
    assert made.due_s == 60
    assert kit.claim(conn).claims == []
    due_s = store.next_due_s(conn)
    assert due_s is not None
    assert 50 < due_s <= 60


def test_a_delay_of_nothing_is_no_delay(conn):
    assert enqueue(conn, delay_s=0).due_s is None
    assert kit.claim(conn).claims != []


def test_the_wait_of_a_delayed_job_counts_from_when_it_is_due(conn):
    enqueue(conn, delay_s=3600)
    conn.execute(text("update ai_jobs set next_processing_at = null"))
    assert kit.claim_one(conn).wait_s == 0


def test_a_deadline_counts_from_now(conn):
    row = kit.whole(conn, enqueue(conn, deadline_s=60).id)
    assert 59 < (row["deadline_at"] - row["created_at"]).total_seconds() < 61
    assert kit.whole(conn, enqueue(conn).id)["deadline_at"] is None


def test_a_key_that_is_used_again_finds_its_job(conn):
    first, again = (enqueue(conn, idempotency_key="k") for _ in range(2))
    assert (first.created, again.created) == (True, False)
    assert (again.id, again.key) == (first.id, first.key)
    assert len(kit.all_rows(conn)) == 1


def test_the_order_of_the_fields_makes_no_other_request(conn):
    first = enqueue(conn, idempotency_key="k", request_data={"a": 1, "b": {"c": 2, "d": 3}})
    assert enqueue(conn, idempotency_key="k", request_data={"b": {"d": 3, "c": 2}, "a": 1}).id == first.id


@pytest.mark.parametrize("other", [{"request_data": {"a": 2}}, {"job_type": "u"}, {"priority": 1}])
def test_a_key_that_is_used_for_another_request_is_a_conflict(conn, other):
    enqueue(conn, idempotency_key="k")
    with pytest.raises(Conflict):
        enqueue(conn, idempotency_key="k", **other)
    assert len(kit.all_rows(conn)) == 1


def test_a_key_that_two_users_have_finds_each_ones_own_job(conn):
    anns, bobs = (enqueue(conn, user_id, idempotency_key="k").id for user_id in ("ann", "bob"))
    assert anns != bobs
    assert [enqueue(conn, user_id, idempotency_key="k").id for user_id in ("bob", "ann")] == [bobs, anns]


def test_jobs_without_a_key_are_never_taken_for_one_another(conn):
    assert enqueue(conn).id != enqueue(conn).id


def in_parallel(conn, engine, end, **second: Any):
    """One transaction has made the job; another wants the same key while the first has not ended.  Both answers."""
    with engine.connect() as one, autocommit(engine) as two, ThreadPoolExecutor(1) as thread:
        one.begin()
        first = enqueue(one, idempotency_key="k")
        waiting = thread.submit(lambda: enqueue(two, idempotency_key="k", **second))
        kit.wait_until_blocked(conn)
        getattr(one, end)()
        return first, waiting.result(kit.PATIENCE_S)


def test_the_loser_of_two_parallel_transactions_finds_the_winners_job(conn, engine):
    first, second = in_parallel(conn, engine, "commit")
    assert (second.id, second.created) == (first.id, False)


def test_the_loser_with_another_request_gets_a_conflict(conn, engine):
    with pytest.raises(Conflict):
        in_parallel(conn, engine, "commit", request_data={"a": 2})


def test_a_rolled_back_job_leaves_its_key_free(conn, engine):
    first, second = in_parallel(conn, engine, "rollback")
    assert second.created
    assert [str(row.id) for row in kit.all_rows(conn)] == [second.id] != [first.id]


def test_many_at_once_with_one_key_make_one_job(conn, engine):
    made = kit.at_once(engine, 8, lambda own, _: enqueue(own, idempotency_key="k"))
    assert sum(one.created for one in made) == 1
    assert len({one.id for one in made}) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 10},
        {"priority": -10},
        {"user_id": ""},
        {"user_id": "u" * 201},
        {"job_type": ""},
        {"job_type": "t" * 101},
        {"max_retries": -1},
        {"max_retries": 101},
        {"idempotency_key": "k" * 256},
    ],
    ids=str,
)
def test_the_table_refuses_what_is_out_of_bounds(conn, wrong):
    with pytest.raises(DBAPIError, match="violates check constraint"):
        enqueue(conn, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "status = 'processing'",
        "status = 'processing', worker_id = 'w'",
        "status = 'processing', lease_expires_at = now()",
        "lease_expires_at = now(), worker_id = 'w'",
        "status = 'failed'",
        "completed_at = now()",
        "status = 'completed', completed_at = now(), next_processing_at = now()",
        "status = 'paused'",
        "progress = 101",
        "retry_count = -1",
    ],
)
def test_no_write_can_make_a_row_that_contradicts_itself(conn, wrong):
    make_job(conn)
    with pytest.raises(DBAPIError, match="violates check constraint"):
        conn.execute(text(f"update ai_jobs set {wrong}"))
