"""From a hint to the claim that it led to: only what a free seat waited for is measured, and from its first hint on."""

import time

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from jobs.db.engine import open_engine
from jobs.telemetry import HintAnswered
from scheduler.hinted import Hinted
from tests.factory import make_job
from tests.scheduler.kit import Gate, MakeRig, Rig, during, ready_key, told, until
from tests.scheduler.proxy import Proxy


def hint(rig: Rig, conn: Connection, job_id: str) -> float:
    """Returns when the pump had heard it."""
    rig.pump.ready([ready_key(conn, job_id)])
    return time.monotonic()


def test_the_first_unanswered_hint_counts():
    hinted = Hinted()
    hinted.came(1.0)
    hinted.came(2.0)
    hinted.look_begins()
    assert hinted.looked() == 1.0
    hinted.look_begins()
    assert hinted.looked() is None


def test_a_hint_that_comes_during_a_look_is_answered_by_the_next():
    hinted = Hinted()
    hinted.came(1.0)
    hinted.look_begins()
    hinted.came(2.0)
    assert hinted.looked() == 1.0
    hinted.look_begins()
    assert hinted.looked() == 2.0


def test_a_look_that_failed_has_answered_nothing():
    hinted = Hinted()
    hinted.came(1.0)
    hinted.look_begins()
    hinted.came(2.0)
    hinted.look_begins()
    assert hinted.looked() == 1.0


def test_the_claim_that_follows_a_hint_tells_how_long_it_took(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate})
    rig.pump.step()
    job = make_job(conn)
    began = time.monotonic()
    heard = hint(rig, conn, job)
    sent = time.monotonic()
    with told(HintAnswered) as answered:
        rig.pump.step()
        over = time.monotonic()
    [one] = answered
    assert sent - heard <= one.wait_s <= over - began


def test_a_claim_without_a_hint_tells_nothing(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate})
    make_job(conn)
    with told(HintAnswered) as answered:
        assert rig.pump.step().claimed == 1
    assert answered == []


def test_a_hint_to_a_job_that_another_process_took_tells_nothing(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig, other = make_rig({"t": gate}), make_rig({"t": gate}, name="other")
    rig.pump.step()
    job = make_job(conn)
    hint(rig, conn, job)
    assert other.pump.step().claimed == 1
    with told(HintAnswered) as answered:
        rig.pump.step()
        make_job(conn)
        rig.pump.poll()
        rig.pump.step()
    assert answered == []


def test_a_hint_that_meets_no_free_seat_is_not_counted(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=1)
    make_job(conn)
    rig.pump.step()
    job = make_job(conn)
    with told(HintAnswered) as answered:
        hint(rig, conn, job)
        gate.opened.set()
        until(lambda: not rig.pool.busy)
        rig.pump.poll()
        assert rig.pump.step().recorded == 1
        rig.pump.step()
        until(lambda: len(gate.runs) == 2)
    assert answered == []


def test_a_hint_whose_seat_was_taken_meanwhile_is_not_counted(engine, make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=1)
    make_job(conn)
    late = make_job(conn)
    with during(engine, "claim", lambda: hint(rig, conn, late)):  # the claim under way fills the seat
        rig.pump.step()
    with told(HintAnswered) as answered:
        rig.pump.step()  # no seat is free
        gate.opened.set()
        until(lambda: not rig.pool.busy)
        rig.pump.poll()
        until(lambda: rig.pump.step() and len(gate.runs) == 2)
    assert answered == []


def test_a_claim_that_fails_does_not_stop_the_watch(proxy: Proxy, conn: Connection, gate: Gate):
    engine = open_engine(proxy.url)
    rig = Rig(engine, {"t": gate})
    rig.pump.step()
    job = make_job(conn)
    heard = hint(rig, conn, job)
    proxy.cut()
    with pytest.raises(OperationalError):
        rig.pump.step()
    proxy.mend()
    again = time.monotonic()
    with told(HintAnswered) as answered:
        rig.pump.step()
    rig.close()
    engine.dispose()
    assert [one.wait_s > again - heard for one in answered] == [True]
