"""What is paused is claimed by nobody from the pause's commit on, and by everybody from its end on."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from jobs import pauses, store
from jobs.db.listener import Listener
from jobs.events import CHANNEL
from tests.factory import make_job
from tests.jobs import kit

TYPES = ["t", "other"]
CLAIMS = pytest.mark.parametrize("user_cap", [None, 9])


def taken(conn, user_cap=None, **options):
    return kit.ids(kit.claim(conn, seats=9, job_types=TYPES, user_cap=user_cap, **options).claims)


def expire_pauses(conn):
    conn.execute(text("update ai_pauses set resume_at = clock_timestamp() - interval '1 ms'"))


@CLAIMS
def test_a_paused_type_is_left_in_the_queue_and_the_others_are_not(conn, user_cap):
    paused, other = make_job(conn), make_job(conn, job_type="other")
    pauses.pause(conn, "t", by="root")
    assert taken(conn, user_cap) == [other]
    assert pauses.resume(conn, "t")
    assert taken(conn, user_cap) == [paused]


@CLAIMS
def test_when_everything_is_paused_nothing_is_claimed_and_there_is_no_room(conn, user_cap):
    both = {make_job(conn), make_job(conn, job_type="other")}
    pauses.pause(conn, None, by="root")
    claimed = kit.claim(conn, seats=9, job_types=TYPES, user_cap=user_cap)
    assert (claimed.claims, claimed.room) == ([], 0)
    assert pauses.resume(conn, None)
    assert set(taken(conn, user_cap)) == both


@CLAIMS
def test_when_all_types_of_a_worker_are_paused_it_walks_no_queue(conn, user_cap):
    make_job(conn)
    for job_type in TYPES:
        pauses.pause(conn, job_type, by="root")
    assert kit.claim(conn, seats=9, job_types=TYPES, user_cap=user_cap).room == 0


@CLAIMS
def test_a_pause_ends_by_the_databases_clock_without_anybodys_help(conn, user_cap):
    job = make_job(conn)
    pauses.pause(conn, "t", by="root", for_s=3600)
    assert taken(conn, user_cap) == []
    expire_pauses(conn)
    assert pauses.in_force(conn) == []
    assert taken(conn, user_cap) == [job]


def test_what_runs_goes_on(conn):
    make_job(conn)
    claim = kit.claim_one(conn)
    pauses.pause(conn, None, by="root")
    assert len(kit.complete(conn, claim.id, claim.claim_seq)) == 1


def test_the_pause_of_a_type_outlives_that_of_everything(conn):
    make_job(conn)
    pauses.pause(conn, "t", by="root", reason="the bill")
    pauses.pause(conn, None, by="eve")
    assert [(one.job_type, one.paused_by, one.reason) for one in pauses.in_force(conn)] == [
        (None, "eve", None),
        ("t", "root", "the bill"),
    ]
    assert pauses.resume(conn, None)
    assert not pauses.resume(conn, None)
    assert taken(conn) == []


def test_a_second_pause_of_the_same_takes_the_place_of_the_first(conn):
    pauses.pause(conn, "t", by="root", reason="a", for_s=60)
    (first,) = pauses.in_force(conn)
    pauses.pause(conn, "t", by="eve")
    (second,) = pauses.in_force(conn)
    assert (second.paused_by, second.reason, second.resume_at) == ("eve", None, None)
    assert second.paused_at == first.paused_at
    expire_pauses(conn)
    pauses.pause(conn, "t", by="root")
    assert pauses.in_force(conn)[0].paused_at > first.paused_at


def left_s(conn):
    return (pauses.in_force(conn)[0].resume_at - conn.execute(text("select clock_timestamp()")).scalar_one()).seconds


def test_the_earlier_of_two_ends_holds(conn):
    later = datetime.now(UTC) + timedelta(hours=3)
    pauses.pause(conn, "t", by="root", resume_at=later, for_s=60)
    assert left_s(conn) <= 60
    pauses.pause(conn, "t", by="root", resume_at=later, for_s=7 * 86400)
    assert 60 < left_s(conn) <= 3 * 3600


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)])
def test_an_end_that_has_passed_ends_the_pause(conn, moment):
    pauses.pause(conn, "t", by="root")
    pauses.pause(conn, "t", by="root", resume_at=moment)
    assert pauses.in_force(conn) == []
    assert not pauses.resume(conn, "t")


def test_an_end_that_no_calendar_of_pythons_has_is_drawn_nearer(conn):
    last = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))
    pauses.pause(conn, "t", by="root", resume_at=last)
    assert pauses.in_force(conn)[0].resume_at < datetime.now(UTC) + timedelta(days=3660)


def test_the_next_due_time_is_that_of_a_pause_when_it_is_the_first(conn):
    make_job(conn, "waiting")
    pauses.pause(conn, "t", by="root", for_s=60)
    due_s = store.next_due_s(conn)
    assert due_s is not None
    assert 0 < due_s <= 60
    pauses.pause(conn, "t", by="root", for_s=7200)
    assert 60 < store.next_due_s(conn) <= 3600
    conn.execute(text("delete from ai_jobs"))
    assert 3600 < store.next_due_s(conn) <= 7200


def test_only_pauses_whose_time_is_over_are_taken_away(conn):
    for job_type in ("over", "t", "later"):
        pauses.pause(conn, job_type, by="root", for_s=None if job_type == "t" else 60)
    conn.execute(text("update ai_pauses set resume_at = clock_timestamp() where job_type = 'over'"))
    assert pauses.end_over(conn) == 1
    assert {one.job_type for one in pauses.in_force(conn)} == {"t", "later"}


def test_the_leader_hears_when_a_pause_will_end_and_everybody_when_it_has(conn, database_url):
    payloads: list[str] = []
    ears = Listener(database_url, {CHANNEL: payloads.append}, lambda: payloads.append("{}"))
    ears.start()
    kit.wait_until(lambda: payloads)
    pauses.pause(conn, "t", by="root")  # nothing to tell: the claims read it
    pauses.pause(conn, "t", by="root", for_s=60)
    pauses.resume(conn, "t")
    pauses.pause(conn, "t", by="root", resume_at=datetime(2000, 1, 1, tzinfo=UTC))
    pauses.end_over(conn)
    pauses.end_over(conn)
    kit.wait_until(lambda: len(payloads) == 5)
    told = [json.loads(one) for one in payloads]
    ears.stop()
    assert 59 < told[1]["due_s"] <= 60
    assert (told[2], told[3]["due_s"] < 0, told[4]) == ({"anew": True}, True, {"anew": True})
