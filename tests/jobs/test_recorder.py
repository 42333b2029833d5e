"""The recorder writes down how runs ended: many at once, each for itself, and again when the answer was lost."""

import dataclasses

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs import progress, recorder, runner, store, telemetry
from jobs.db.engine import autocommit
from jobs.outcomes import Done, Fail, Retry
from jobs.recorder import Recorded
from jobs.runner import Ended
from jobs.telemetry import RunEnded, StaleWrite
from tests.factory import make_job
from tests.jobs import kit


@pytest.fixture
def told():
    events = []
    forget = telemetry.subscribe(events.append)
    yield events
    forget()


def claims(conn, count):
    for _ in range(count):
        make_job(conn)
    return kit.claim(conn, seats=count).claims


def ended(claim, outcome):
    return runner.settle(kit.held(claim), outcome, retry_delay_s=60, result_bytes=1_000_000)


def raw(claim, result):
    """A result that reached the recorder as JSON text although PostgreSQL cannot store it."""
    entry = f'{{"id": "{claim.id}", "claim_seq": {claim.claim_seq}, "result": {result}, "usage": null}}'
    return Ended(claim, done=True, entry=entry, run_s=0.5)


def record(conn, *batch: Ended):
    return recorder.record(conn, batch, max_wait_s=240)


def statuses(conn):
    return {str(row.id): (row.status, row.error_code) for row in kit.all_rows(conn)}


REFUSED = {
    "U+0000": '{"a": "\\u0000"}',
    "a lone surrogate": '{"a": "\\ud800"}',
    "not JSON": '{"a": NaN}',
    "a number too large": '{"a": 1e200000}',
    "nested too deeply": "[" * 50_000 + "]" * 50_000,
}


def drawing(conn, claim):
    """A run that has drawn one part."""
    held = kit.held(claim)
    held.run().draw([{"id": "x"}])
    progress.write(conn, {(claim.id, claim.claim_seq): held.progress.pending()})
    held.progress.written()
    return held


def test_what_an_ended_run_has_drawn_is_dropped_and_nothing_else(conn):
    done, failed, going, lost = (drawing(conn, claim) for claim in claims(conn, 4))
    kit.make_stale(conn, lost.claim, by="another")
    newer = "insert into ai_job_parts values (:id, :claim_seq, 1, true, '[]')"
    conn.execute(text(newer), {"id": lost.claim.id, "claim_seq": lost.claim.claim_seq + 1})
    outcomes = [(done, Done({})), (failed, Fail("no")), (lost, Done({}))]
    record(conn, *(runner.settle(held, said, retry_delay_s=0, result_bytes=100) for held, said in outcomes))
    kept = {(str(part.job_id), part.claim_seq) for part in kit.parts(conn)}
    assert kept == {(going.claim.id, 1), (lost.claim.id, lost.claim.claim_seq + 1)}


def test_a_run_whose_row_is_locked_keeps_what_it_has_drawn_until_it_is_recorded(conn, engine):
    held = drawing(conn, *claims(conn, 1))
    one = runner.settle(held, Done({}), retry_delay_s=0, result_bytes=100)
    with engine.connect() as user:
        user.begin()
        store.cancel(user, job_id=held.claim.id, user_id="ann")
        assert record(conn, one).locked == [one]
        assert len(kit.parts(conn)) == 1
        user.commit()
    record(conn, one)
    assert kit.parts(conn) == []


def test_for_runs_that_have_drawn_nothing_no_statement_more_is_sent(conn, engine):
    seen = []
    event.listen(engine, "before_cursor_execute", lambda *asked: seen.append(asked[2]))
    record(conn, *(ended(claim, Done({})) for claim in claims(conn, 3)))
    assert not [sql for sql in seen if "ai_job_parts" in sql]


def test_results_and_failures_of_one_batch_are_all_written(conn, told):
    done, again, over = claims(conn, 3)
    record(
        conn,
        ended(done, Done({"n": 1}, usage={"tokens": 5})),
        ended(again, Retry("busy", code="provider_busy", delay_s=9, counted=False)),
        ended(over, Fail("no", code="provider_rejected")),
    )
    row = kit.whole(conn, done.id)
    assert (row["status"], row["result_data"], row["usage"], row["progress"]) == (
        "completed",
        {"n": 1},
        {"tokens": 5},
        100,
    )
    assert statuses(conn)[again.id] == ("queued", "provider_busy")
    assert statuses(conn)[over.id] == ("failed", "provider_rejected")
    assert {(event.job_id, event.outcome, event.error_code) for event in told} == {
        (done.id, "completed", None),
        (again.id, "retried", "provider_busy"),
        (over.id, "failed", "provider_rejected"),
    }


def test_a_run_that_cost_nothing_has_no_usage(conn):
    (claim,) = claims(conn, 1)
    record(conn, ended(claim, Done({})))
    assert kit.whole(conn, claim.id)["usage"] is None


def test_the_event_says_whose_run_it_was_and_how_long_it_took(conn, told):
    (claim,) = claims(conn, 1)
    record(conn, raw(claim, "{}"))
    assert told == [RunEnded(claim.id, 1, "t", "ann", "completed", None, 0.5)]


def test_what_is_ready_again_and_what_waits_is_handed_on(conn):
    at_once, later, over = claims(conn, 3)
    outcomes = Retry("x", delay_s=0), Retry("x", delay_s=30), Fail("x")
    what = record(conn, *map(ended, (at_once, later, over), outcomes))
    assert what.ready == [at_once.key]
    assert len(what.due_s) == 1
    assert 25 < what.due_s[0] <= 30


def test_an_empty_batch_needs_no_database(engine):
    with autocommit(engine) as conn:
        conn.close()
        assert record(conn) == Recorded()


@pytest.mark.parametrize("result", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("place", [0, 13, 19])
def test_one_result_that_the_database_refuses_fails_alone_among_twenty(conn, told, result, place):
    runs = claims(conn, 20)
    batch = [ended(claim, Done({"n": claim.claim_seq})) for claim in runs]
    batch[place] = raw(runs[place], result)
    record(conn, *batch)
    assert statuses(conn) == {
        claim.id: ("failed", "invalid_output") if number == place else ("completed", None)
        for number, claim in enumerate(runs)
    }
    assert sorted(event.outcome for event in told) == ["completed"] * 19 + ["failed"]


def test_a_failure_that_the_database_refuses_keeps_no_other_from_being_written(conn, caplog):
    spoiled, other, done = claims(conn, 3)
    entry = kit.failure_entry(spoiled.id, 1, delay_s=1e300)
    record(conn, Ended(spoiled, done=False, entry=entry, run_s=1), ended(other, Fail("no")), ended(done, Done({})))
    assert {job_id: status for job_id, (status, _) in statuses(conn).items()} == {
        spoiled.id: "processing",
        other.id: "failed",
        done.id: "completed",
    }
    assert spoiled.id in caplog.text


def test_a_stale_run_is_told_and_changes_nothing(conn, told):
    (stale,) = claims(conn, 1)
    kit.make_stale(conn, stale, by="another")
    before = kit.whole(conn, stale.id)
    for outcome in (Done({}), Retry("x")):
        assert record(conn, ended(stale, outcome)) == Recorded()
    assert kit.whole(conn, stale.id) == before
    assert told == [StaleWrite(stale.id, stale.claim_seq, stale.user_id)] * 2


@pytest.mark.parametrize("outcome", [Done({"a": 1}), Retry("later")], ids=["done", "retry"])
def test_a_row_that_somebody_has_locked_holds_up_nothing(conn, engine, outcome):
    conn.execute(text("set statement_timeout = '5s'"))
    locked, free = claims(conn, 2)
    both = ended(locked, outcome), ended(free, outcome)
    with engine.connect() as other:
        other.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": locked.id})
        assert [one.claim.id for one in record(conn, *both).locked] == [locked.id]
        assert kit.whole(conn, free.id)["status"] != "processing"
    assert record(conn, both[0]).locked == []
    assert kit.whole(conn, locked.id)["status"] == kit.whole(conn, free.id)["status"]


def test_a_result_that_waits_for_a_lock_is_taken_although_its_run_was_reaped_meanwhile(conn, engine, told):
    (claim,) = claims(conn, 1)
    conn.execute(text("update ai_jobs set lease_expires_at = now() - interval '1 s'"))
    store.reap(conn)
    with engine.connect() as other:
        other.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": claim.id})
        assert len(record(conn, ended(claim, Done({}))).locked) == 1
    record(conn, ended(claim, Done({})))
    assert kit.whole(conn, claim.id)["status"] == "completed"


def test_a_failure_of_a_run_that_was_reaped_meanwhile_is_dropped(conn, told):
    (claim,) = claims(conn, 1)
    conn.execute(text("update ai_jobs set lease_expires_at = now() - interval '1 s'"))
    store.reap(conn)
    assert record(conn, ended(claim, Retry("later"))) == Recorded()
    assert kit.whole(conn, claim.id)["losses"] == 1


def test_a_run_whose_job_is_gone_is_stale(conn, told):
    (claim,) = claims(conn, 1)
    conn.execute(text("delete from ai_jobs"))
    record(conn, ended(claim, Done({})))
    assert told == [StaleWrite(claim.id, 1, claim.user_id)]


def test_a_result_that_came_after_the_reaper_had_failed_the_job_is_stale(conn, told):
    (claim,) = claims(conn, 1)
    kit.put(conn, claim.id, losses="2", lease_expires_at="clock_timestamp() - interval '1 s'")
    store.reap(conn)
    record(conn, ended(claim, Done({})))
    assert statuses(conn)[claim.id] == ("failed", "worker_lost")
    assert told == [StaleWrite(claim.id, 1, claim.user_id)]


def test_two_runs_of_one_job_in_one_batch_are_told_apart(conn, told):
    (stale,) = claims(conn, 1)
    kit.make_stale(conn, stale, by="w")
    second = dataclasses.replace(stale, claim_seq=2)
    record(conn, raw(stale, '{"of": "the first"}'), raw(second, '{"of": "the second"}'))
    assert kit.whole(conn, stale.id)["result_data"] == {"of": "the second"}
    assert [(type(event), event.claim_seq) for event in told] == [(RunEnded, 2), (StaleWrite, 1)]


def test_a_batch_whose_answer_was_lost_can_be_sent_again(conn, told):
    first, second = claims(conn, 2)
    batch = ended(first, Done({"n": 1})), ended(second, Retry("x"))
    record(conn, *batch)
    before, seen = kit.all_rows(conn), list(told)
    assert record(conn, *batch) == Recorded()
    assert kit.all_rows(conn) == before
    assert told == seen


def test_half_a_batch_that_was_taken_does_not_keep_the_other_half_from_being_taken(conn, told):
    first, second = claims(conn, 2)
    kit.complete(conn, first.id, first.claim_seq)
    record(conn, ended(first, Done({})), ended(second, Done({})))
    assert {event.job_id for event in told} == {second.id}
    assert {status for status, _ in statuses(conn).values()} == {"completed"}


def test_a_broken_connection_is_raised_and_the_batch_sent_again_is_taken(conn, engine):
    (claim,) = claims(conn, 1)
    batch = [ended(claim, Done({"n": 1}))]
    with autocommit(engine) as broken:
        pid = broken.execute(text("select pg_backend_pid()")).scalar_one()
        conn.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(OperationalError):
            record(broken, *batch)
    assert statuses(conn)[claim.id] == ("processing", None)
    record(conn, *batch)
    assert statuses(conn)[claim.id] == ("completed", None)


def test_a_fault_of_the_server_is_not_taken_for_a_fault_of_the_results(conn, told):
    """A standby, or a server that was set read-only because its disk is full: the results are good, and wait."""
    done, failed = claims(conn, 2)
    batch = ended(done, Done({"n": 1})), ended(failed, Fail("no"))
    conn.execute(text("set default_transaction_read_only = on"))
    try:
        with pytest.raises(DBAPIError, match="read-only"):
            record(conn, *batch)
    finally:
        conn.execute(text("set default_transaction_read_only = off"))
    assert told == []
    record(conn, *batch)
    assert statuses(conn) == {done.id: ("completed", None), failed.id: ("failed", "handler_error")}


def test_the_refusal_names_the_fault_and_not_the_data(conn):
    (claim,) = claims(conn, 1)
    record(conn, raw(claim, '{"secret": "\\u0000"}'))
    message = kit.whole(conn, claim.id)["error_message"]
    assert "UntranslatableCharacter" in message
    assert "secret" not in message
