"""A newcomer waits for no more than two turns of the seats, however long the others' backlogs are."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, text

from jobs import store
from jobs.job import Claim
from tests.jobs import kit

SEATS, BACKLOG = 3, 10_000
ADD = """
import sys
from jobs import store
from jobs.db.engine import autocommit, open_engine
url, user, jobs, priority = sys.argv[1:]
with autocommit(open_engine(url)) as conn:
    for _ in range(int(jobs)):
        store.enqueue(conn, user_id=user, job_type="t", request_data={}, priority=int(priority))
"""
FILL = """
insert into ai_jobs (user_id, job_type, request_data, turn) select :user, 't', '{}', n from generate_series(1, :jobs) n
"""


def add(conn: Connection, user: str, jobs: int = 1, **options: object) -> list[str]:
    given = {"job_type": "t", "request_data": {}} | options
    return [store.enqueue(conn, user_id=user, **given).id for _ in range(jobs)]


def fill(conn: Connection, user: str, jobs: int) -> None:
    """A backlog with the turns that one enqueue after the other would have given."""
    conn.execute(text(FILL), {"user": user, "jobs": jobs})


def turn_of_seats(conn: Connection, **options: object) -> list[Claim]:
    """The seats fill, the clock is told, and all runs end."""
    claims = kit.claim(conn, seats=SEATS, **options).claims
    ranks = {claim.key.rank for claim in claims}
    if claims:
        store.advance_clock(conn, {rank: max(c.key.turn for c in claims if c.key.rank == rank) for rank in ranks})
    for claim in claims:
        kit.complete(conn, claim.id, claim.claim_seq)
    return claims


def started_before(conn: Connection, job_id: str, patience: int = 20 * SEATS, **options: object) -> int:
    """How many runs start before this job's."""
    before = 0
    while before < patience:
        claims = kit.ids(turn_of_seats(conn, **options))
        if job_id in claims:
            return before + claims.index(job_id)
        before += len(claims)
    return before


@pytest.fixture(params=[None, 2], ids=["without a cap", "at most 2 of a user"])
def user_cap(request):
    return request.param


def deep(conn: Connection, users: Sequence[str] = ("ann",), jobs: int = BACKLOG) -> None:
    """Backlogs as so many enqueues would leave them, and a few turns of the seats spent on them."""
    for user in users:
        fill(conn, user, jobs)
    for _ in range(4):
        turn_of_seats(conn)


def test_a_newcomer_starts_within_two_turns_of_the_seats(conn, user_cap):
    deep(conn)
    (job,) = add(conn, "bob")
    assert started_before(conn, job, user_cap=user_cap) < 2 * SEATS


def test_each_of_two_backlogs_gets_its_share(conn):
    deep(conn, ("ann", "bob"), 200)
    taken = [claim.user_id for _ in range(10) for claim in turn_of_seats(conn)]
    assert abs(taken.count("ann") - taken.count("bob")) <= SEATS


def test_a_newcomer_among_ten_backlogs_waits_for_one_job_of_each_at_most(conn):
    users = [f"user {number}" for number in range(10)]
    deep(conn, users, 100)
    (job,) = add(conn, "bob")
    assert started_before(conn, job) <= len(users) + SEATS


@pytest.mark.parametrize("priority", [0, 3])
def test_priorities_do_not_change_what_is_fair_within_one(conn, user_cap, priority):
    deep(conn)
    add(conn, "ann", 60, priority=priority)
    urgent = [f"urgent {number}" for number in range(4)]
    for user in urgent:
        add(conn, user, priority=9)
    (job,) = add(conn, "bob", priority=priority)
    assert started_before(conn, job, user_cap=user_cap) < len(urgent) + 2 * SEATS


def test_enqueues_of_other_processes_are_fair_too(conn, database_url):
    for user, jobs in (("ann", 300), ("bob", 1)):
        if user == "bob":
            for _ in range(4):
                turn_of_seats(conn)
        command = [sys.executable, "-c", ADD, database_url, user, str(jobs), "0"]
        subprocess.run(command, check=True, timeout=60)
    job = str(conn.exec_driver_sql("select id from ai_jobs where user_id = 'bob'").scalar_one())
    assert started_before(conn, job) < 2 * SEATS


def test_who_cancels_a_backlog_is_a_newcomer_again(conn, user_cap):
    fill(conn, "ann", 200)
    for job in add(conn, "bob", 100):
        store.cancel(conn, job_id=job, user_id="bob")
    (job,) = add(conn, "bob")
    assert started_before(conn, job, user_cap=user_cap) < 2 * SEATS


def test_a_retry_and_a_delayed_job_keep_the_place_that_they_had(conn, user_cap):
    deep(conn)
    (delayed,) = add(conn, "bob", delay_s=3600)
    (retried,) = add(conn, "eve")
    runs = {claim.id: claim for _ in range(2) for claim in kit.claim(conn, seats=SEATS).claims}
    kit.give_up(conn, retried, runs[retried].claim_seq, delay_s=60)
    for job_id in runs.keys() - {retried}:
        kit.complete(conn, job_id, runs[job_id].claim_seq)
    for _ in range(20):
        turn_of_seats(conn)
    for job_id in (delayed, retried):
        kit.put(conn, job_id, next_processing_at="clock_timestamp()")
    assert len(store.reschedule(conn)) == 2
    started = [claim.id for _ in range(2) for claim in turn_of_seats(conn, user_cap=user_cap)]
    assert {delayed, retried} <= set(started)
