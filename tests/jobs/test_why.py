"""Why a job does not run: each cause on its own, all together, and what is foretold of its start."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from jobs import pauses, workers
from tests.factory import make_job
from tests.jobs import kit
from tests.jobs.asking_why import asked, causes

LATER = datetime.now(UTC) + timedelta(hours=1)


def test_a_job_that_nothing_holds_is_next_and_starts_by_the_next_poll(alive):
    told = asked(alive, make_job(alive))
    assert [(one.cause, one.until) for one in told.causes] == [("next", None)]
    assert told.position == 0
    assert (told.start.high - told.start.low).seconds == 5
    assert told.start.likely == told.start.low


def test_a_foreign_job_is_not_explained(conn):
    assert asked(conn, make_job(conn), user_id="bob") is None
    assert asked(conn, "00000000-0000-7000-8000-000000000000") is None


@pytest.mark.parametrize("job_type", ["t", None])
def test_a_pause_is_named_with_its_end(alive, job_type):
    job = make_job(alive)
    pauses.pause(alive, "another", by="root")
    assert causes(alive, job) == ["next"]
    pauses.pause(alive, job_type, by="root", resume_at=LATER)
    told = asked(alive, job)
    assert [(one.cause, one.until) for one in told.causes] == [("paused", LATER)]
    assert ("type t" in told.causes[0].message) is (job_type == "t")
    assert "root" not in told.causes[0].message
    assert (told.start.low, told.start.likely, told.start.high) == (LATER, None, None)


def test_of_two_pauses_the_longer_one_counts(alive):
    job = make_job(alive)
    pauses.pause(alive, "t", by="root", resume_at=LATER)
    pauses.pause(alive, None, by="root", for_s=1)
    assert asked(alive, job).causes[0].until == LATER
    pauses.pause(alive, None, by="root")
    told = asked(alive, job)
    assert (told.causes[0].until, told.start) == (None, None)
    pauses.resume(alive, None)
    pauses.pause(alive, "t", by="root", resume_at=datetime(2000, 1, 1, tzinfo=UTC))
    assert causes(alive, job) == ["next"]


def test_a_full_fleet_is_named_with_its_cap(alive):
    job = make_job(alive)
    for _ in range(3):
        make_job(alive, "processing", user_id="bob")
    (cause,) = asked(alive, job).causes
    assert (cause.cause, cause.number, cause.limit) == ("fleet_cap", 3, 3)
    assert causes(alive, job, fleet_cap=4) == causes(alive, job, fleet_cap=None) == ["next"]


def test_a_user_at_the_cap_is_named_and_no_start_foretold(alive):
    job = make_job(alive)
    make_job(alive, "processing", user_id="bob")
    assert causes(alive, job, user_cap=1) == ["next"]
    make_job(alive, "processing")
    told = asked(alive, job, user_cap=1)
    assert [(one.cause, one.number, one.limit) for one in told.causes] == [("user_cap", 1, 1)]
    assert told.start is None


def test_busy_seats_are_named(conn):
    workers.heartbeat(conn, [], kit.worker("w", busy=3), stands=True)
    workers.heartbeat(conn, [], kit.worker("v", job_types=["another"], busy=0), stands=False)
    (cause,) = asked(conn, make_job(conn)).causes
    assert (cause.cause, cause.number, cause.limit) == ("seats_busy", 3, 3)


WAITS = {
    "delayed": {},
    "waiting_to_retry": {"retry_count": 1, "error_code": "timed_out"},
    "waiting_for_provider": {"provider_wait_since": LATER},
}


@pytest.mark.parametrize("cause", WAITS)
def test_a_wait_is_named_with_its_reason_and_its_end(alive, cause):
    job = make_job(alive, "waiting", next_processing_at=LATER, **WAITS[cause])
    told = asked(alive, job)
    assert [(one.cause, one.until) for one in told.causes] == [(cause, LATER)]
    assert (told.position, told.start.low, told.start.high) == (None, LATER, None)


def test_a_wait_that_nobody_will_end_says_so(conn):
    workers.heartbeat(conn, [], kit.worker("w"), stands=False)
    assert causes(conn, make_job(conn, "waiting")) == ["delayed", "no_leader"]
    assert causes(conn, make_job(conn)) == ["next"]


def test_a_deadline_is_told_beside_what_holds(alive):
    told = asked(alive, make_job(alive, deadline_at=LATER))
    assert [(one.cause, one.until) for one in told.causes] == [("next", None), ("deadline", LATER)]


def test_a_scheduler_that_takes_nothing_is_said_to_be_stuck(alive):
    """After a lease and two polls: 40 s."""
    before = {seconds: datetime.now(UTC) - timedelta(seconds=seconds) for seconds in (10, 45)}
    job, late_comer = (make_job(alive, ready_at=before[seconds]) for seconds in (45, 10))
    assert causes(alive, late_comer) == ["turn"]
    told = asked(alive, job)
    assert ([one.cause for one in told.causes], told.start) == (["scheduler_stuck"], None)
    assert 45 <= told.causes[0].number < 60
    pauses.pause(alive, "t", by="root")
    assert causes(alive, job) == ["paused"]
    pauses.resume(alive, "t")
    assert causes(alive, make_job(alive, "waiting", ready_at=before[45])) == ["delayed"]
    assert causes(alive, job, fleet_cap=0) == ["fleet_cap"]
    assert causes(alive, job, user_cap=0) == ["user_cap"]
    begun = make_job(alive, "processing", started_at=before[45])
    assert causes(alive, job) == ["scheduler_stuck"]
    alive.execute(text("update ai_jobs set started_at = :at where id = :id"), {"at": before[10], "id": begun})
    assert causes(alive, job) == ["next"]
    kit.complete(alive, begun, 1)
    assert causes(alive, job) == ["next"]


def test_a_type_that_no_live_worker_runs(alive):
    told = asked(alive, make_job(alive, job_type="another"))
    assert ([one.cause for one in told.causes], told.start) == (["no_worker"], None)
    assert told.causes[0].message == "The only worker has no handler for jobs of type another"


def test_a_scheduler_that_is_silent(conn):
    job = make_job(conn)
    assert asked(conn, job).causes[0].number is None
    workers.heartbeat(conn, [], kit.worker("w", busy=0), stands=True)
    conn.execute(text("update ai_workers set seen_at = clock_timestamp() - interval '40 s'"))
    told = asked(conn, job)
    assert ([one.cause for one in told.causes], told.causes[0].number, told.start) == (["scheduler_silent"], 40, None)
    assert causes(conn, job, silent_s=50) == ["next"]


@pytest.mark.parametrize(
    ("state", "columns", "expected"),
    [
        ("completed", {}, ["ended"]),
        ("failed", {}, ["ended"]),
        ("cancelled", {}, ["ended"]),
        ("processing", {}, ["processing"]),
        ("processing", {"cancel_requested_at": LATER}, ["processing", "cancel_requested"]),
    ],
)
def test_what_runs_or_has_ended_is_told_as_that(alive, state, columns, expected):
    pauses.pause(alive, None, by="root")
    told = asked(alive, make_job(alive, state, **columns))
    assert ([one.cause for one in told.causes], told.position, told.start) == (expected, None, None)


def test_all_causes_that_hold_are_told(conn):
    workers.heartbeat(conn, [], kit.worker("w", busy=3), stands=True)
    for _ in range(3):
        make_job(conn, "processing")
    make_job(conn)
    job = make_job(conn, turn=1, deadline_at=LATER)
    pauses.pause(conn, "t", by="root")
    expected = ["paused", "fleet_cap", "user_cap", "seats_busy", "turn", "deadline"]
    assert causes(conn, job, user_cap=2) == expected


def ended(conn, count, over_s, **columns):
    for n in range(count):
        at = datetime.now(UTC) - timedelta(seconds=over_s * (n + 1) / count)
        make_job(conn, "completed", completed_at=at, **{"started_at": at, **columns})


def test_the_start_is_foretold_from_what_ended_lately(alive):
    ended(alive, 60, over_s=120)
    ended(alive, 9, over_s=9, started_at=None)  # cancelled before they ran
    for _ in range(3):
        make_job(alive, "processing")
    make_job(alive)
    told = asked(alive, make_job(alive, turn=1))
    likely_s = (told.start.likely - datetime.now(UTC)).total_seconds()
    assert math.isclose(likely_s, 4, abs_tol=0.5)  # two more must end, of which there is one each two seconds
    assert told.start.low < told.start.likely < told.start.high


@pytest.mark.parametrize(("count", "over_s"), [(4, 60), (9, 7200)])
def test_nothing_is_foretold_from_few_ends_or_from_those_of_long_ago(alive, count, over_s):
    ended(alive, count, over_s=over_s)
    for _ in range(3):
        make_job(alive, "processing")
    assert asked(alive, make_job(alive)).start is None
