"""enqueue_many: the places that one by one would have given, all or nothing, keys that make it repeatable."""

import inspect
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from jobs import store
from jobs.bulk import NewJob, enqueue_many
from jobs.db.engine import autocommit
from jobs.errors import Conflict
from tests.factory import make_job
from tests.jobs import kit
from tests.jobs.test_enqueue import NOT_IN_LINE

MANY = 10_000


def job(user_id="ann", **given: Any):
    return NewJob(**{"user_id": user_id, "job_type": "t", "request_data": {"a": 1}, **given})


def one_by_one(conn, jobs):
    return [store.enqueue(conn, **{field.name: getattr(one, field.name) for field in fields(NewJob)}) for one in jobs]


def committed(engine, jobs):
    with engine.begin() as own:
        return enqueue_many(own, jobs)


def turns(made):
    return [one.key.turn for one in made]


def drawn_batch(chance, count):
    """Jobs of a few users in a few ranks, some of them delayed, in any order."""
    return [
        job(chance.choice("abc"), priority=chance.choice((0, 0, 2)), delay_s=chance.choice((None, None, 0, 60)))
        for _ in range(count)
    ]


BESIDE = ("conn", "limits")  # of a whole batch


def test_a_new_job_is_what_enqueue_takes():
    taken = inspect.signature(store.enqueue).parameters
    own = inspect.signature(NewJob).parameters
    assert {name: own[name].default for name in own} == {
        name: taken[name].default for name in taken if name not in BESIDE
    }


def test_every_column_is_as_enqueue_writes_it(conn, engine):
    asked = job(
        priority=4, max_retries=5, canvas_id="c", delay_s=30, deadline_s=60, idempotency_key="k",
        request_data={"text": "Grüße 🎨", "n": [1, None, 2.5]},
    )  # fmt: skip
    alone = kit.whole(conn, one_by_one(conn, [asked])[0].id)
    kit.put(conn, alone["id"], idempotency_key="'other'")
    (made,) = committed(engine, [asked])
    row = kit.whole(conn, made.id)
    own = {"id", "seq", "created_at", "ready_at", "next_processing_at", "deadline_at", "idempotency_key"}
    assert {name: row[name] for name in row if name not in own} == {
        name: alone[name] for name in alone if name not in own
    }
    assert row["idempotency_key"] == "k"
    for name, after_s in (("ready_at", 30), ("next_processing_at", 30), ("deadline_at", 60)):
        assert abs((row[name] - row["created_at"]).total_seconds() - after_s) < 1
    assert (made.created, made.due_s, made.key) == (True, 30, (-4, row["turn"], row["seq"]))


def test_no_jobs_are_no_trouble(conn):
    assert enqueue_many(conn, []) == []


def test_the_answers_stand_in_the_order_of_the_jobs(conn):
    made = enqueue_many(conn, [job(canvas_id=f"c{number}", user_id=f"u{number % 7}") for number in range(50)])
    assert [kit.whole(conn, one.id)["canvas_id"] for one in made] == [f"c{number}" for number in range(50)]
    assert [one.key.seq for one in made] == sorted(one.key.seq for one in made)


@pytest.mark.parametrize("seed", range(5))
def test_the_turns_are_those_that_the_jobs_would_have_got_one_by_one(conn, seed):
    batches = [drawn_batch(random.Random(f"{seed} {number}"), 30) for number in range(3)]
    store.advance_clock(conn, {0: 2})
    expected = [turns(one_by_one(conn, batch)) for batch in batches]
    for row in kit.all_rows(conn):
        kit.put(conn, row.id, status="'cancelled'", completed_at="clock_timestamp()", next_processing_at="null")
    assert [turns(enqueue_many(conn, batch)) for batch in batches] == expected


def test_a_newcomer_waits_behind_one_job_of_a_batch_not_behind_all(conn):
    enqueue_many(conn, [job("ann")] * 100)
    enqueue_many(conn, [job("bob")] * 2)
    assert [claim.user_id for claim in kit.claim(conn, seats=4).claims] == ["ann", "bob", "ann", "bob"]


@pytest.mark.parametrize("own", NOT_IN_LINE.values(), ids=NOT_IN_LINE)
def test_only_ones_own_ready_jobs_of_the_rank_at_or_after_the_clock_put_off_a_turn(conn, own):
    make_job(conn, **own)
    store.advance_clock(conn, {0: 40})
    assert turns(enqueue_many(conn, [job(), job()])) == [40, 41]


@pytest.mark.parametrize("wrong", [{"priority": 10}, {"user_id": ""}, {"user_id": None}, {"max_retries": 101}], ids=str)
def test_one_job_that_the_table_refuses_refuses_all(conn, wrong):
    with pytest.raises(DBAPIError, match="violates"):
        enqueue_many(conn, [job(), job(**wrong), job()])
    assert kit.all_rows(conn) == []


def test_a_batch_that_is_repeated_finds_its_jobs(conn, engine):
    batch = [job(user, idempotency_key=key) for user, key in (("ann", "z"), ("bob", "z"), ("ann", "a"), ("ann", None))]
    first, again = committed(engine, batch), committed(engine, batch)
    assert [one.created for one in first] == [True] * 4
    assert [one.created for one in again] == [False, False, False, True]
    assert [(one.id, one.key) for one in again[:3]] == [(one.id, one.key) for one in first[:3]]
    assert len(kit.all_rows(conn)) == 5


@pytest.mark.parametrize(
    "given", [{}, {"delay_s": 5.5}, {"deadline_s": 60, "priority": 3}, {"request_data": {"b": "ü", "a": 1e22}}]
)
def test_enqueue_and_enqueue_many_find_each_others_jobs(conn, engine, given):
    batch = [job(idempotency_key="one", **given), job(idempotency_key="two", **given)]
    first = one_by_one(conn, batch[:1]) + committed(engine, batch[1:])
    assert [one.id for one in committed(engine, batch)] == [one.id for one in first]
    assert [one.id for one in one_by_one(conn, batch)] == [one.id for one in first]


def test_a_key_twice_in_a_batch_makes_one_job(conn, engine):
    first, second = committed(engine, [job(idempotency_key="k")] * 2)
    assert (first.created, second.created, second.id) == (True, False, first.id)


def test_a_conflict_refuses_the_whole_batch_and_names_the_positions(conn, engine):
    one_by_one(conn, [job(idempotency_key="k"), job("bob", idempotency_key="k")])
    batch = [
        job(),
        job(idempotency_key="k", priority=1),
        job(idempotency_key="new"),
        job("bob", idempotency_key="k", request_data={}),
    ]
    with pytest.raises(Conflict, match=r"positions 1, 3 were"):
        committed(engine, batch)
    assert len(kit.all_rows(conn)) == 2


def test_a_conflict_within_the_batch_refuses_it_too(conn, engine):
    with pytest.raises(Conflict, match="positions 1 were"):
        committed(engine, [job(idempotency_key="k"), job(idempotency_key="k", priority=1)])
    assert kit.all_rows(conn) == []


def test_many_conflicts_are_counted(conn, engine):
    one_by_one(conn, [job(idempotency_key=f"{number}") for number in range(25)])
    with pytest.raises(Conflict, match="18, 19 and 5 more were"):
        committed(engine, [job(idempotency_key=f"{number}", priority=1) for number in range(25)])


def test_a_caller_that_goes_on_after_a_conflict_has_none_of_the_batch(conn, engine):
    one_by_one(conn, [job(idempotency_key="k")])
    with engine.begin() as own:
        before = make_job(own)
        with pytest.raises(Conflict):
            enqueue_many(own, [job(), job(idempotency_key="k", priority=1)])
        after = make_job(own)
    assert {str(row.id) for row in kit.all_rows(conn)} >= {before, after}
    assert len(kit.all_rows(conn)) == 3


def test_keys_need_a_transaction(conn):
    with pytest.raises(ValueError, match="AUTOCOMMIT"):
        enqueue_many(conn, [job(idempotency_key="k")])
    assert kit.all_rows(conn) == []


def while_another_holds(conn, engine, end, *batches):
    """Another transaction has made ann's job with the key "m"; the batches wait for it one after the other."""
    with engine.connect() as one, ThreadPoolExecutor(len(batches)) as threads:
        one.begin()
        first = store.enqueue(one, user_id="ann", job_type="t", request_data={"a": 1}, idempotency_key="m")
        waiting = []
        for batch in batches:
            waiting.append(threads.submit(committed, engine, batch))
            kit.wait_until_blocked(conn, len(waiting))
        getattr(one, end)()
        return first, [thread.result(kit.PATIENCE_S) for thread in waiting]


def test_the_loser_of_two_parallel_transactions_finds_the_winners_job(conn, engine):
    first, [(own, found)] = while_another_holds(conn, engine, "commit", [job(), job(idempotency_key="m")])
    assert (own.created, found.created, found.id) == (True, False, first.id)


def test_the_loser_with_another_request_adds_nothing(conn, engine):
    with pytest.raises(Conflict, match="positions 1 were"):
        while_another_holds(conn, engine, "commit", [job(), job(idempotency_key="m", priority=1)])
    assert len(kit.all_rows(conn)) == 1


def test_two_batches_with_the_same_keys_in_another_order_do_not_deadlock(conn, engine):
    batch = [job(idempotency_key=key) for key in "amz"]
    _, (first, second) = while_another_holds(conn, engine, "rollback", batch, batch[::-1])
    assert [one.id for one in first] == [one.id for one in second[::-1]]
    assert len(kit.all_rows(conn)) == 3


def test_a_job_that_is_purged_while_its_key_is_looked_up_is_made_anew(conn, engine):
    old = one_by_one(conn, [job(idempotency_key="k")])[0]
    purges = iter(["delete from ai_jobs"])

    def purge(_conn, _cursor, statement, *_rest):
        if "insert into ai_jobs" in statement:
            conn.execute(text(next(purges, "select 1")))

    event.listen(engine, "after_cursor_execute", purge)
    first, made = committed(engine, [job(), job(idempotency_key="k")])
    event.remove(engine, "after_cursor_execute", purge)
    assert (made.created, made.id != old.id) == (True, True)
    assert {str(row.id) for row in kit.all_rows(conn)} == {first.id, made.id}


def test_a_callers_roll_back_takes_the_batch_with_it(conn, engine):
    with engine.connect() as own:
        made = enqueue_many(own, [job(), job(idempotency_key="k")])
        assert len(made) == 2
        own.rollback()
    assert kit.all_rows(conn) == []


def test_ten_thousand_jobs_are_one_statement(conn, engine):
    batch = [
        job(f"user-{number % 100}", request_data={"instructions": "draw a login flowchart", "n": number})
        for number in range(MANY)
    ]
    began = time.perf_counter()
    with autocommit(engine) as own:
        enqueue_many(own, batch)
    bulk_s = time.perf_counter() - began
    began = time.perf_counter()
    one_by_one(conn, batch[:1000])
    print(f"\nbulk: {MANY / bulk_s:,.0f} jobs/s; one by one: {1000 / (time.perf_counter() - began):,.0f} jobs/s")
    assert len(kit.all_rows(conn)) == MANY + 1000
