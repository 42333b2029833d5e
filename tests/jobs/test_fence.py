"""claim_seq is the fence: an ending write is taken only from the run that the job was given to last."""

import pytest

from jobs import store, workers
from tests.factory import make_job
from tests.jobs import kit

STALE_WRITES = {
    "complete": lambda conn, stale: kit.complete(conn, stale.id, stale.claim_seq),
    "give_up": lambda conn, stale: kit.give_up(conn, stale.id, stale.claim_seq),
    "release": lambda conn, stale: store.release(conn, [stale]),
    "heartbeat": lambda conn, stale: (
        workers.heartbeat(conn, [kit.beat_of(stale.id, stale.claim_seq)], kit.worker(), stands=False).held
    ),
    "progress": lambda conn, stale: kit.report(conn, stale.id, stale.claim_seq, 99, "mine!"),
}


@pytest.mark.parametrize("write", STALE_WRITES)
def test_a_stale_worker_changes_nothing(conn, write):
    make_job(conn)
    stale = kit.claim_one(conn)
    kit.make_stale(conn, stale, by="another")
    before = kit.whole(conn, stale.id)
    assert not STALE_WRITES[write](conn, stale)
    assert kit.whole(conn, stale.id) == before


@pytest.mark.parametrize("write", STALE_WRITES)
def test_a_stale_worker_changes_nothing_after_the_next_run_was_given_up(conn, write):
    make_job(conn)
    stale = kit.claim_one(conn)
    kit.make_stale(conn, stale, by="another")
    kit.give_up(conn, stale.id, stale.claim_seq + 1, counted=False)
    before = kit.whole(conn, stale.id)
    assert before["status"] == "queued"
    assert not STALE_WRITES[write](conn, stale)
    assert kit.whole(conn, stale.id) == before


def test_each_claim_gets_a_claim_seq_of_its_own(conn):
    make_job(conn)
    seen = []
    for _ in range(4):
        claim = kit.claim_one(conn)
        seen.append(claim.claim_seq)
        store.release(conn, [claim])
    assert seen == [1, 2, 3, 4]


def test_a_result_that_comes_after_the_lease_is_kept_if_nobody_has_claimed_the_job_since(conn):
    make_job(conn)
    late = kit.claim_one(conn)
    kit.put(conn, late.id, lease_expires_at="clock_timestamp() - interval '1 second'")
    store.reap(conn)
    assert kit.complete(conn, late.id, late.claim_seq, {"paid": "for"})
    after = kit.whole(conn, late.id)
    assert (after["status"], after["result_data"], after["error_code"]) == ("completed", {"paid": "for"}, None)


def test_a_result_that_comes_after_the_run_was_handed_back_is_kept(conn):
    make_job(conn)
    late = kit.claim_one(conn)
    store.release(conn, [late])
    assert kit.complete(conn, late.id, late.claim_seq)
    assert kit.whole(conn, late.id)["status"] == "completed"


def test_a_job_whose_late_result_was_kept_is_not_run_again(conn):
    make_job(conn)
    late = kit.claim_one(conn)
    store.release(conn, [late])
    kit.complete(conn, late.id, late.claim_seq)
    assert kit.claim(conn).claims == []


def test_a_result_from_before_a_requeue_is_refused(conn):
    job_id = make_job(conn)
    late = kit.claim_one(conn)
    kit.give_up(conn, job_id, late.claim_seq, retryable=False)
    store.requeue(conn, job_id=job_id, user_id="ann")
    before = kit.whole(conn, job_id)
    assert not kit.complete(conn, job_id, late.claim_seq)
    assert kit.whole(conn, job_id) == before


def test_an_outcome_is_taken_once(conn):
    make_job(conn)
    claim = kit.claim_one(conn)
    assert kit.complete(conn, claim.id, claim.claim_seq, {"n": 1})
    before = kit.whole(conn, claim.id)
    assert not kit.complete(conn, claim.id, claim.claim_seq, {"n": 2})
    assert not kit.give_up(conn, claim.id, claim.claim_seq)
    assert kit.whole(conn, claim.id) == before


def test_the_stale_one_of_a_batch_does_not_keep_the_others_from_being_taken(conn):
    for _ in range(3):
        make_job(conn)
    claims = kit.claim(conn, seats=3).claims
    kit.put(conn, claims[1].id, claim_seq="claim_seq + 1")
    taken = store.complete(conn, [kit.done_entry(claim.id, claim.claim_seq) for claim in claims])
    assert {str(row.id) for row in taken} == {claims[0].id, claims[2].id}
    assert kit.whole(conn, claims[1].id)["status"] == "processing"
