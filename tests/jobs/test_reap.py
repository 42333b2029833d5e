"""reap takes back what lost workers hold, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from jobs import store
from jobs.telemetry import JobChanged
from tests.factory import make_job
from tests.jobs import kit


def test_a_live_lease_is_left_alone_and_a_lost_one_is_ready_again(conn):
    live, lost = make_job(conn, "processing"), make_job(conn, "lost")
    before = kit.whole(conn, live)
    reaped, (key,) = store.reap(conn)
    assert reaped == [JobChanged(lost, "ann", ended=False, change="lost", claim_seq=1)]
    assert key.seq == kit.whole(conn, lost)["seq"]
    assert kit.whole(conn, live) == before
    assert kit.claim_one(conn).id == lost


@pytest.mark.parametrize(
    ("losses", "retry_count", "max_retries", "status"),
    [
        (0, 0, 3, "queued"),
        (1, 1, 9, "queued"),
        (2, 2, 9, "failed"),  # the third loss
        (0, 2, 3, "failed"),  # the retries are spent
        (0, 0, 1, "failed"),
        (0, 0, 0, "failed"),
    ],
)
def test_a_loss_spends_a_retry_and_the_third_is_the_last(conn, losses, retry_count, max_retries, status):
    job_id = make_job(conn, "lost", losses=losses, retry_count=retry_count, max_retries=max_retries)
    reaped, ready = store.reap(conn)
    row = kit.whole(conn, job_id)
    assert reaped == [JobChanged(job_id, "ann", ended=status != "queued", change="lost", claim_seq=1)]
    assert (len(ready), row["status"]) == (int(status == "queued"), status)
    assert (row["losses"], row["retry_count"], row["error_code"]) == (losses + 1, retry_count + 1, "worker_lost")


def test_a_lost_run_whose_user_asked_for_a_cancel_ends_there(conn):
    job_id = make_job(conn, "lost")
    store.cancel(conn, job_id=job_id, user_id="ann")
    assert [change.ended for change in store.reap(conn)[0]] == [True]
    row = kit.whole(conn, job_id)
    assert (row["status"], row["error_code"]) == ("cancelled", "cancelled")


def test_a_lost_run_is_noted_among_the_failed_ones(conn):
    job_id = make_job(conn, "lost", attempt_errors=[{"n": n} for n in range(20)])
    store.reap(conn)
    told = kit.whole(conn, job_id)["attempt_errors"]
    assert [run.get("n") for run in told] == [*range(1, 20), None]
    assert (told[-1]["error_code"], told[-1]["worker"], told[-1]["claim_seq"]) == ("worker_lost", "w", 1)


def test_one_call_reaps_one_batch(conn):
    for _ in range(5):
        make_job(conn, "lost")
    assert [len(store.reap(conn, batch=2)[0]) for _ in range(4)] == [2, 2, 1, 0]


def test_two_reapers_at_once_reap_each_run_once(conn, engine):
    jobs = [make_job(conn, "lost") for _ in range(60)]
    counts = kit.at_once(engine, 4, lambda own, _: len(store.reap(own)[0]))
    assert sum(counts) == len(jobs)
    assert {row.losses for row in kit.all_rows(conn)} == {1}


def test_a_row_that_somebody_else_works_on_is_left_for_the_next_time(conn, engine):
    busy, free = make_job(conn, "lost"), make_job(conn, "lost")
    with engine.connect() as other:
        other.begin()
        other.execute(text("select 1 from ai_jobs where id = :id for no key update"), {"id": busy})
        with kit.impatient(conn):
            assert len(store.reap(conn)[0]) == 1
    assert kit.whole(conn, free)["status"] == "queued"
    assert len(store.reap(conn)[0]) == 1


def test_the_outlook_says_when_the_next_lease_ends(conn):
    assert store.reap_outlook(conn).next_s is None
    make_job(conn, "processing")
    outlook = store.reap_outlook(conn)
    assert outlook.next_s is not None
    assert 20 < outlook.next_s <= 30
    assert outlook.server_started == store.reap_outlook(conn).server_started > 1e9
    make_job(conn, "lost")
    late_s = store.reap_outlook(conn).next_s
    assert late_s is not None
    assert late_s < 0


def test_a_reap_that_comes_later_than_it_was_meant_to_takes_nothing(conn):
    """It was decided on before the server froze; now every lease is over, those of live workers too."""
    make_job(conn, "lost")
    now = store.reap_outlook(conn).now
    assert store.reap(conn, not_after=now) == ([], [])
    assert len(store.reap(conn, not_after=now + timedelta(minutes=1))[0]) == 1
