"""cancel, requeue and remove: what a user may do with a job of their own, and with nobody else's."""

import json
import select

import psycopg2
import pytest

from jobs import store, workers
from jobs.states import State
from tests.factory import make_job, row_of
from tests.jobs import kit

LIVE = ["ready", "waiting", "due", "processing", "lost"]
FINAL = ["completed", "failed", "cancelled"]
STEPS = {
    "cancel": (store.cancel, LIVE),
    "requeue": (store.requeue, ["failed", "cancelled"]),
    "remove": (store.remove, FINAL),
}


@pytest.fixture
def heard(database_url):
    """The payloads of NOTIFY on the queue's channel so far; each call waits a moment for one more."""
    listening = psycopg2.connect(database_url)
    listening.autocommit = True
    listening.cursor().execute("listen ai_jobs")

    def payloads(wait_s: float) -> list[object]:
        select.select([listening], [], [], wait_s)
        listening.poll()
        return [json.loads(notify.payload) for notify in listening.notifies]

    yield payloads
    listening.close()


@pytest.mark.parametrize("state", ["ready", "waiting", "due"])
def test_a_queued_job_is_cancelled_at_once(conn, state):
    job_id = make_job(conn, state)
    job = store.cancel(conn, job_id=job_id, user_id="ann")
    assert job is not None
    assert (job.status, job.error_code, job.next_processing_at) == (State.CANCELLED, "cancelled", None)
    assert job.completed_at is not None
    store.reschedule(conn)
    assert kit.claim(conn).claims == []


def test_a_processing_job_is_asked_and_its_owner_hears_of_it(conn, heard):
    job_id = make_job(conn, "processing")
    job = store.cancel(conn, job_id=job_id, user_id="ann")
    assert job is not None
    assert (job.status, job.completed_at) == (State.PROCESSING, None)
    assert job.cancel_requested_at is not None
    assert heard(kit.PATIENCE_S) == [{"cancel": [[job_id, 1]]}]


def test_cancelling_a_queued_job_notifies_nobody(conn, heard):
    store.cancel(conn, job_id=make_job(conn), user_id="ann")
    assert heard(0.05) == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", LIVE + FINAL)
def test_another_users_job_is_out_of_reach(conn, step, state):
    job_id = make_job(conn, state)
    before = kit.whole(conn, job_id)
    assert not STEPS[step][0](conn, job_id=job_id, user_id="bob")
    assert kit.whole(conn, job_id) == before


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", LIVE + FINAL)
def test_a_step_answers_only_for_states_that_allow_it(conn, step, state):
    take, allowed = STEPS[step]
    assert bool(take(conn, job_id=make_job(conn, state), user_id="ann")) == (state in allowed)


@pytest.mark.parametrize("step", STEPS)
def test_an_absent_job_looks_like_another_users(conn, step):
    assert not STEPS[step][0](conn, job_id="00000000-0000-7000-8000-000000000000", user_id="ann")


def test_a_requeued_job_begins_anew_behind_a_higher_fence(conn):
    job_id = make_job(conn, max_retries=1)
    claim = kit.claim_one(conn)
    kit.give_up(conn, job_id, claim.claim_seq)
    job = store.requeue(conn, job_id=job_id, user_id="ann")
    assert job is not None
    assert (job.status, job.retry_count, job.error_code, job.completed_at) == (State.QUEUED, 0, None, None)
    again = kit.claim_one(conn)
    assert (again.id, again.retry_count, again.claim_seq) == (job_id, 0, claim.claim_seq + 2)


def test_a_requeued_job_has_no_deadline_and_no_cancel_left_from_its_first_life(conn):
    job_id = make_job(conn)
    store.cancel(conn, job_id=job_id, user_id="ann")
    kit.put(conn, job_id, deadline_at="clock_timestamp() - interval '1 hour'")
    store.requeue(conn, job_id=job_id, user_id="ann")
    assert store.expire(conn) == []
    claim = kit.claim_one(conn)
    beat = workers.heartbeat(conn, [kit.beat_of(job_id, claim.claim_seq)], kit.worker(), stands=False)
    assert beat.held == {job_id: False}


def test_a_requeued_job_takes_its_turn_from_where_the_queue_has_come_to(conn):
    early, late = make_job(conn, "failed", turn=3), make_job(conn, "failed", turn=50)
    store.advance_clock(conn, {0: 40})
    turns = [store.requeue(conn, job_id=job_id, user_id="ann").turn for job_id in (early, late)]
    assert turns == [40, 50]


def test_a_requeued_job_keeps_the_story_of_its_failed_runs(conn):
    job_id = make_job(conn)
    kit.give_up(conn, job_id, kit.claim_one(conn).claim_seq, retryable=False)
    store.requeue(conn, job_id=job_id, user_id="ann")
    assert len(kit.whole(conn, job_id)["attempt_errors"]) == 1


USER, OPERATOR = "Cancelled by its user", "Cancelled by an operator"
ENDINGS = {
    "give_up": ("processing", lambda conn, job_id: kit.give_up(conn, job_id, 1, error="stopped")),
    "release": ("processing", lambda conn, job_id: kit.release(conn, job_id, 1)),
    "reap": ("lost", lambda conn, _: store.reap(conn)),
    "cancel": ("ready", lambda *_: None),
}


def told(conn, job_id) -> tuple[str, str, str]:
    row = row_of(conn, job_id)
    return row.status, row.error_code, row.error_message


@pytest.mark.parametrize(("by_operator", "words"), [(False, USER), (True, OPERATOR)])
@pytest.mark.parametrize("ending", ENDINGS)
def test_who_asked_for_a_cancel_is_told_however_the_run_ends(conn, ending, by_operator, words):
    state, end = ENDINGS[ending]
    job_id = make_job(conn, state, error_code="timed_out", error_message="an earlier run", retry_count=1)
    store.cancel(conn, job_id=job_id, user_id="ann", by_operator=by_operator)
    assert told(conn, job_id)[1:] == ("cancelled", words)
    end(conn, job_id)
    assert told(conn, job_id) == ("cancelled", "cancelled", words)


@pytest.mark.parametrize("ending", ["give_up", "release", "reap"])
def test_the_first_who_asked_is_told(conn, ending):
    state, end = ENDINGS[ending]
    job_id = make_job(conn, state)
    for by_operator in (True, False):
        store.cancel(conn, job_id=job_id, user_id="ann", by_operator=by_operator)
    end(conn, job_id)
    assert told(conn, job_id) == ("cancelled", "cancelled", OPERATOR)


@pytest.mark.parametrize("ending", ["give_up", "release", "reap"])
def test_an_older_release_that_was_asked_has_not_written_down_by_whom(conn, ending):
    state, end = ENDINGS[ending]
    asked = {"cancel_requested_at": "2026-01-31T12:00:00Z"}
    job_id = make_job(conn, state, **asked, error_code="timed_out", error_message="an earlier run")
    store.cancel(conn, job_id=job_id, user_id="ann", by_operator=True)
    end(conn, job_id)
    assert told(conn, job_id) == ("cancelled", "cancelled", USER)


def test_a_job_that_completes_although_it_was_asked_to_end_tells_of_no_cancel(conn):
    job_id = make_job(conn, "processing")
    store.cancel(conn, job_id=job_id, user_id="ann", by_operator=True)
    kit.complete(conn, job_id, 1, {})
    assert told(conn, job_id) == ("completed", None, None)
