"""give_up decides what becomes of a job whose run brought no result."""

from typing import Any

import pytest

from jobs import store
from tests.factory import make_job
from tests.jobs import kit

AGO = "clock_timestamp() - make_interval(secs => {})"


def processing(conn, **columns: Any):
    return make_job(conn, "processing", **columns)


def status_after(conn, job_id, **said: Any):
    kit.give_up(conn, job_id, 1, **said)
    return kit.whole(conn, job_id)["status"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, "queued"),
        ({"delay_s": 60}, "queued"),
        ({"retryable": False}, "failed"),
        ({"counted": False}, "queued"),
        ({"counted": False, "retryable": False}, "failed"),
    ],
)
@pytest.mark.parametrize("asked", [False, True], ids=["wanted", "cancel requested"])
def test_a_cancel_that_was_asked_for_decides_before_all_else(conn, said, status, asked):
    job_id = processing(conn)
    if asked:
        store.cancel(conn, job_id=job_id, user_id="ann")
    assert status_after(conn, job_id, **said) == ("cancelled" if asked else status)
    if asked:
        row = kit.whole(conn, job_id)
        assert (row["error_code"], row["error_message"]) == ("cancelled", "Cancelled by its user")


def test_a_cancel_that_is_about_to_commit_is_waited_for(conn, engine):
    job_id = processing(conn)
    with engine.connect() as user:
        user.begin()
        store.cancel(user, job_id=job_id, user_id="ann")
        assert kit.give_up(conn, job_id, 1) == []
        user.commit()
    kit.give_up(conn, job_id, 1)
    assert kit.whole(conn, job_id)["status"] == "cancelled"


@pytest.mark.parametrize("max_retries", [0, 1, 2, 3])
def test_the_last_counted_failure_is_final(conn, max_retries):
    job_id = make_job(conn, max_retries=max_retries)
    ends = []
    while claims := kit.claim(conn).claims:
        kit.give_up(conn, job_id, claims[0].claim_seq)
        ends.append(kit.whole(conn, job_id)["status"])
    assert ends == ["queued"] * (max_retries - 1) + ["failed"]
    assert kit.whole(conn, job_id)["retry_count"] == max(1, max_retries)


def test_waiting_for_the_provider_spends_no_retry(conn):
    job_id = make_job(conn, max_retries=1)
    for _ in range(5):
        claim = kit.claim_one(conn)
        kit.give_up(conn, job_id, claim.claim_seq, counted=False)
    row = kit.whole(conn, job_id)
    assert (row["status"], row["retry_count"]) == ("queued", 0)


def test_a_failure_after_the_deadline_is_final(conn):
    job_id = processing(conn)
    kit.put(conn, job_id, deadline_at=AGO.format(1))
    assert status_after(conn, job_id) == "failed"


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize(("delay_s", "status"), [(50, "queued"), (70, "failed")])
def test_a_wait_that_would_end_after_the_deadline_is_not_begun(conn, counted, delay_s, status):
    job_id = processing(conn)
    kit.put(conn, job_id, deadline_at=AGO.format(-60))
    assert status_after(conn, job_id, counted=counted, delay_s=delay_s) == status


@pytest.mark.parametrize(
    ("waited_s", "delay_s", "status"), [(0, 99, "queued"), (0, 101, "failed"), (60, 30, "queued"), (60, 50, "failed")]
)
def test_the_provider_is_waited_for_no_longer_than_max_wait_s_in_all(conn, waited_s, delay_s, status):
    job_id = processing(conn)
    if waited_s:
        kit.put(conn, job_id, provider_wait_since=AGO.format(waited_s))
    assert status_after(conn, job_id, counted=False, delay_s=delay_s, max_wait_s=100) == status


def test_the_first_wait_for_the_provider_begins_the_count_and_the_next_one_continues_it(conn):
    job_id = processing(conn)
    kit.give_up(conn, job_id, 1, counted=False)
    began = kit.whole(conn, job_id)["provider_wait_since"]
    assert began is not None
    kit.give_up(conn, job_id, kit.claim_one(conn).claim_seq, counted=False)
    assert kit.whole(conn, job_id)["provider_wait_since"] == began


def test_a_counted_failure_ends_the_wait_for_the_provider(conn):
    job_id = processing(conn)
    kit.put(conn, job_id, provider_wait_since=AGO.format(1000))
    assert status_after(conn, job_id) == "queued"
    assert kit.whole(conn, job_id)["provider_wait_since"] is None


def test_the_stop_of_its_worker_is_no_wait_for_the_provider(conn):
    waited, fresh = processing(conn), processing(conn)
    kit.put(conn, waited, provider_wait_since=AGO.format(1000))
    for job_id in (waited, fresh):
        assert status_after(conn, job_id, counted=False, error_code="worker_stopped") == "queued"
    assert kit.whole(conn, fresh)["provider_wait_since"] is None


def test_without_a_delay_the_job_is_ready_at_once(conn):
    job_id = processing(conn)
    (row,) = kit.give_up(conn, job_id, 1, delay_s=0)
    assert row.due_s is None
    assert kit.claim_one(conn).id == job_id


def test_with_a_delay_the_job_waits_for_it(conn):
    job_id = processing(conn)
    (row,) = kit.give_up(conn, job_id, 1, delay_s=60)
    assert 50 < row.due_s <= 60
    assert kit.claim(conn).claims == []
    assert store.reschedule(conn) == []
    kit.put(conn, job_id, next_processing_at=AGO.format(0))
    assert store.reschedule(conn)
    assert kit.claim_one(conn).id == job_id


def test_a_final_failure_is_dated_and_waits_for_nothing(conn):
    job_id = processing(conn)
    (told,) = kit.give_up(conn, job_id, 1, delay_s=60, retryable=False, error_code="provider_rejected", error="No.")
    row = kit.whole(conn, job_id)
    assert (told.status, told.due_s, row["next_processing_at"]) == ("failed", None, None)
    assert (row["error_code"], row["error_message"]) == ("provider_rejected", "No.")
    assert row["completed_at"] is not None


def test_the_newest_twenty_failed_runs_are_kept(conn):
    job_id = make_job(conn, max_retries=100)
    for _ in range(23):
        claim = kit.claim_one(conn)
        kit.give_up(conn, job_id, claim.claim_seq, error=f"failure {claim.claim_seq}")
    told = kit.whole(conn, job_id)["attempt_errors"]
    assert [(run["claim_seq"], run["error"]) for run in told] == [(n, f"failure {n}") for n in range(4, 24)]
    assert set(told[0]) == {"claim_seq", "worker", "started", "ended", "error_code", "error"}
    assert told[0]["worker"] == "w"


def test_each_run_of_a_batch_gets_its_own_verdict(conn):
    again, over = processing(conn), processing(conn)
    entries = [kit.failure_entry(again, 1), kit.failure_entry(over, 1, retryable=False)]
    told = {str(row.id): row.status for row in store.give_up(conn, entries, max_wait_s=240)}
    assert told == {again: "queued", over: "failed"}
