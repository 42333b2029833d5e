"""What is before a job in the queue, and what of it keeps the job waiting."""

from datetime import UTC, datetime

from sqlalchemy import text

from jobs import pauses
from tests.factory import make_job
from tests.jobs.asking_why import asked, causes


def gathered(conn, job_type, count):
    many = text(
        "insert into ai_jobs (user_id, job_type, request_data) select 'u', :t, '{}' from generate_series(1, :n)"
    )
    conn.execute(many, {"t": job_type, "n": count})


def test_the_jobs_before_it_are_counted(alive):
    make_job(alive, priority=1)
    make_job(alive, turn=1)
    make_job(alive, "waiting")
    job = make_job(alive, turn=2)
    make_job(alive, turn=3)
    told = asked(alive, job)
    assert [(one.cause, one.number) for one in told.causes] == [("turn", 2)]
    assert told.position == 2


def test_what_is_paused_before_it_keeps_it_not_waiting(alive):
    gathered(alive, "another", 5000)
    behind, last = make_job(alive, turn=1), make_job(alive, turn=1)
    assert causes(alive, behind) == causes(alive, last) == ["turn"]
    pauses.pause(alive, "another", by="root")
    told = asked(alive, behind)
    assert ([one.cause for one in told.causes], told.position) == (["next"], 1001)
    assert told.start.likely == told.start.low
    assert [(one.cause, one.number) for one in asked(alive, last).causes] == [("turn", 1)]


def test_after_the_pause_that_holds_it_too_all_before_it_come_first(alive):
    make_job(alive)
    make_job(alive, job_type="another")
    job = make_job(alive)
    for paused in ("t", None):
        pauses.pause(alive, paused, by="root")
        assert [(one.cause, one.number) for one in asked(alive, job).causes] == [("paused", None), ("turn", 2)]
    pauses.pause(alive, "another", by="root", resume_at=datetime(2000, 1, 1, tzinfo=UTC))
    assert asked(alive, job).causes[1].number == 2


def test_more_than_a_thousand_before_it_are_not_counted_on(alive):
    gathered(alive, "t", 1200)
    told = asked(alive, make_job(alive, turn=1))
    assert (told.position, told.causes[0].number, told.start) == (1001, 1000, None)
