import time

from scheduler.amnesty import Amnesty
from tests.scheduler.kit import until

HEARTBEAT_S = 0.02


def look(amnesty: Amnesty, *, term: int = 1, server_started: float = 1.0) -> None:
    amnesty.look(term=term, server_started=server_started, heartbeat_s=HEARTBEAT_S)


def settled() -> Amnesty:
    """One that has seen term 1 of server 1.0 begin, and whose first amnesty is over."""
    amnesty = Amnesty()
    look(amnesty)
    assert amnesty.holds()
    until(lambda: not amnesty.holds())
    return amnesty


def test_an_amnesty_lasts_for_three_heartbeats_and_a_little():
    amnesty = Amnesty()
    assert not amnesty.holds()
    amnesty.begin(100)
    assert amnesty.holds()
    assert 300 < amnesty.left_s() <= 360


def test_an_amnesty_that_is_over_has_nothing_left():
    assert settled().left_s() == 0


def test_a_look_without_a_gap_begins_none():
    amnesty = settled()
    look(amnesty)
    assert not amnesty.holds()


def test_a_new_term_begins_one():
    amnesty = settled()
    look(amnesty, term=2)
    assert amnesty.holds()


def test_a_server_that_started_anew_begins_one():
    amnesty = settled()
    look(amnesty, server_started=2.0)
    assert amnesty.holds()


def test_a_look_that_comes_late_begins_one():
    amnesty = settled()
    due = time.monotonic()
    amnesty.expect(0)
    until(lambda: time.monotonic() > due + 2 * HEARTBEAT_S)
    look(amnesty)
    assert amnesty.holds()


def test_a_look_that_comes_in_time_begins_none():
    amnesty = settled()
    amnesty.expect(100)
    look(amnesty)
    assert not amnesty.holds()
