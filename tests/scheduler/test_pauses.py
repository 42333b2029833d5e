"""Bounds and pauses: what was passed while it was paused runs at once when the pause has ended, wherever it stands."""

import pytest
from sqlalchemy import Connection, Engine

from jobs import pauses
from jobs.events import encode
from jobs.job import Key
from jobs.outcomes import Done
from jobs.rows import Claimed
from scheduler.bounds import FULL, Bounds
from scheduler.capped_bounds import CappedBounds
from tests.factory import make_job
from tests.scheduler.kit import NEVER_S, MakeRig, count, ready_key, running, statements, status_of, until
from tests.scheduler.test_bounds import NOW, found, look
from tests.scheduler.test_runtime import HINTS, listening

KINDS = pytest.mark.parametrize("kind", [Bounds, CappedBounds])
CAPS = pytest.mark.parametrize("user_cap", [None, 100])
NO_FULL_LOOK = float("inf")


def done(_run):
    return Done({})


def drained(rig, wanted):
    """Steps until so many jobs were claimed, at most one step for each; nothing but bounded looks."""
    for _ in range(wanted + 2):
        rig.pump._claims._bounds._full_not_before = NO_FULL_LOOK
        rig.pump.step()
        until(lambda: rig.pool.free() == rig.rules.seats())


@CAPS
def test_jobs_that_were_passed_run_after_the_pause_without_a_full_look(make_rig: MakeRig, conn: Connection, user_cap):
    """The paused ones have the lowest turns, in two ranks, and the others keep every look full."""
    options = {"jobs__max_concurrent_per_user": user_cap, "jobs__max_concurrent_jobs": None}
    rig = make_rig({"paused": done, "t": done}, scheduler__seats=2, **options)
    pauses.pause(conn, "paused", by="root")
    rig.pump.step()  # its one full look
    for priority in (0, 1):
        for turn in range(4):
            job = make_job(conn, job_type="paused", turn=turn, priority=priority, user_id=f"u{turn}")
            rig.pump.heard([ready_key(conn, job), ready_key(conn, make_job(conn, turn=10 + turn, priority=priority))])
    drained(rig, 8)
    assert (count(conn, "status = 'completed'"), count(conn, "job_type = 't' and status = 'completed'")) == (8, 8)
    for turn in range(20, 24):
        make_job(conn, turn=turn, priority=1)
    pauses.resume(conn, "paused")
    rig.pump.look_anew()
    drained(rig, 12)
    assert count(conn, "status = 'completed'") == 20


@CAPS
def test_they_are_lost_sight_of_when_nobody_is_told(make_rig: MakeRig, conn: Connection, user_cap):
    rig = make_rig({"paused": done, "t": done}, scheduler__seats=2, jobs__max_concurrent_per_user=user_cap)
    pauses.pause(conn, "paused", by="root")
    make_job(conn, job_type="paused", turn=1)
    make_job(conn, turn=2)
    rig.pump.step()
    drained(rig, 1)
    pauses.resume(conn, "paused")
    drained(rig, 1)
    assert count(conn, "job_type = 'paused' and status = 'queued'") == 1  # until the poll


@KINDS
def test_a_look_that_was_under_way_at_the_end_of_a_pause_moves_no_bound(kind):
    bounds = kind()
    under_way = look(bounds, 0)
    bounds.look_anew()
    found(bounds, under_way, [Key(0, 7, 7)], asked=1, room=1, now=0, cost_s=0)
    assert look(bounds, 0.1).lows == list(FULL)


@KINDS
def test_a_rank_that_the_first_look_did_not_come_to_is_looked_at_from_its_beginning(kind):
    bounds = kind()
    found(bounds, look(bounds, 0), [Key(0, 7, 7)], asked=2, room=2, now=0, cost_s=0)
    bounds.look_anew()
    found(bounds, look(bounds, 0.1), [Key(-1, 1, 1), Key(-1, 1, 2)], asked=2, room=2, now=0.1, cost_s=0)
    assert Key(0, -(2**63), -(2**63)) in look(bounds, 0.2).lows


def test_once_all_was_seen_no_look_begins_at_the_beginning_again():
    bounds = Bounds()
    bounds.look_anew()
    found(bounds, look(bounds, 0), [], asked=2, room=2, now=0, cost_s=0)
    bounds.look_anew()
    found(bounds, look(bounds, 0.1), [Key(0, 7, 7)], asked=2, room=2, now=0.1, cost_s=0)
    bounds.lower([Key(3, 9, 9)])
    bounds.ask_for_full()
    assert look(bounds, 0.2).lows == [Key(0, 7, 7), Key(3, 9, 9)]


def test_what_is_told_while_the_last_of_all_is_seen_is_kept():
    bounds = Bounds()
    bounds.look_anew()
    under_way = look(bounds, 0)
    bounds.look_anew()
    found(bounds, under_way, [], asked=2, room=2, now=0, cost_s=0)
    assert look(bounds, 0.1).lows == list(FULL)  # and is never answered
    assert look(bounds, 0.2).lows == list(FULL)


def test_under_a_user_cap_the_walk_after_a_pause_does_not_go_on_where_the_last_one_ended():
    bounds = CappedBounds()
    found(bounds, look(bounds, 0), [Key(0, 500, 500)], asked=2, room=2, now=0, cost_s=0)
    bounds.look_anew()
    walk = look(bounds, 0.1)
    reached = Claimed([], 2, NOW, reached=[Key(0, 3, 3)])
    bounds.found(walk, reached, asked=2, now=0.1, cost_s=0)
    assert look(bounds, 0.2).lows == [Key(0, 3, 4)]


@pytest.mark.parametrize("under_way", [False, True])
def test_under_a_user_cap_a_hint_is_looked_for_from_the_bound(under_way):
    """The detours that CappedBounds keeps begin there."""
    bounds = CappedBounds()
    found(bounds, look(bounds, 0), [Key(0, 1, 1)], asked=2, room=2, now=0, cost_s=0)
    bounds.lower([Key(0, 2, 2)])
    if under_way:
        looked = look(bounds, 0.1)
        bounds.lower([Key(0, 5, 5)])
        found(bounds, looked, [], asked=2, room=2, now=0.1, cost_s=0)
    assert look(bounds, 0.2).lows == [Key(0, 1, 1)]


def test_a_hint_to_who_has_seen_all_begins_at_its_own_place_and_survives_a_look_that_fails():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 1, 1)], asked=3, room=3, now=0, cost_s=0)
    bounds.lower([Key(0, 5, 5), Key(0, 6, 6)])
    assert look(bounds, 0.1).lows == [Key(0, 5, 5)]  # and is never answered
    assert look(bounds, 0.2).lows == [Key(0, 1, 1)]


def test_a_hint_that_was_heard_and_cannot_be_used_is_told_to_nobody(make_rig: MakeRig, conn: Connection):
    """Two workers without use for a job would else tell each other for ever."""
    rig = make_rig({"t": done}, scheduler__seats=2)
    pauses.pause(conn, "t", by="root")
    rig.pump.heard([ready_key(conn, make_job(conn))])
    rig.pump.step()
    pauses.pause(conn, "another", by="root")
    pauses.resume(conn, "t")
    rig.pump.heard([ready_key(conn, make_job(conn, job_type="another"))])
    rig.pump.step()
    assert rig.hints._lowest == {}


def test_while_everything_is_paused_nobody_is_told_and_no_queue_is_walked(make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": done}, scheduler__seats=2)
    pauses.pause(conn, None, by="root")
    key = ready_key(conn, make_job(conn))
    assert rig.pump.ready([key])
    rig.pump.step()
    assert rig.hints._lowest == {}
    pauses.resume(conn, None)
    rig.pump.look_anew()
    assert rig.pump.step().claimed == 1


ALONE = HINTS | {"scheduler__heartbeat_every_s": 0.2, "scheduler__lease_s": 10, "scheduler__poll_every_s": NEVER_S}


def look_in_vain(runtime, tell):
    """After `tell()`, until the look that it caused is over, and nothing more will come of it."""
    pump = runtime.pump
    tell()
    until(lambda: not pump._claims._bounds._told)  # a look has begun, in a step that holds the lock to its end
    until(lambda: not pump._single_flight.locked() and pump._nap_s() is None)


def test_what_was_heard_is_not_told_on(database_url: str, conn: Connection):
    with running(database_url, {"t": done}, **ALONE) as runtime:
        until(lambda: listening(conn) and runtime.pump._nap_s() is None)
        key, before = ready_key(conn, make_job(conn, job_type="another")), runtime.pump.last_step
        runtime._heard(encode([key], None))
        until(lambda: runtime.pump.last_step > before)
        assert runtime.hints._thread is None


def test_an_idle_worker_is_woken_by_a_resume_and_by_the_end_of_a_pause(database_url: str, conn: Connection):
    """Neither poll nor reschedule comes within an hour, and the one who ends the pause is another process."""
    pauses.pause(conn, "t", by="root")
    with running(database_url, {}, **ALONE) as leader:
        until(lambda: leader.leader.leading() and leader.clock._attached)
        with running(database_url, {"t": done}, **ALONE) as worker:
            until(lambda: listening(conn) == 2)
            first = make_job(conn)
            look_in_vain(worker, lambda: worker.pump.heard([ready_key(conn, first)]))
            assert status_of(conn, first) == "queued"
            pauses.resume(conn, "t")
            until(lambda: status_of(conn, first) == "completed")
            pauses.pause(conn, "t", by="root", for_s=0.5)
            second = make_job(conn)
            look_in_vain(worker, lambda: worker.pump.heard([ready_key(conn, second)]))
            until(lambda: status_of(conn, second) == "completed")
            until(lambda: not conn.exec_driver_sql("select 1 from ai_pauses").all())


def test_a_pause_costs_no_statement_of_its_own(engine: Engine, make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": done}, scheduler__seats=2)
    make_job(conn)
    with statements(engine) as sent:
        rig.pump.step()
    assert len([one for one in sent if "ai_pauses" in one]) == 1
    assert len([one for one in sent if "ai_queue_clock" not in one]) == 1
