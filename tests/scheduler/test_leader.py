import time

import pytest
from sqlalchemy import Connection, text

from jobs import workers
from jobs.telemetry import LeaderChanged
from scheduler.leader import Leader
from tests.scheduler.kit import told


def beat(conn: Connection, name: str) -> int | None:
    worker = workers.Worker(name, "host", 1, "1", [], seats=1, busy=0, lease_s=100, leader_ttl_s=100)
    return workers.heartbeat(conn, [], worker, stands=True).term


def lapse(conn: Connection) -> None:
    conn.execute(text("update ai_leader set expires_at = clock_timestamp() - interval '1 second'"))


def test_nobody_leads_before_the_database_has_said_so():
    leader = Leader(lambda: pytest.fail("nothing has changed"))
    assert not leader.leading()
    assert leader.term == 0


def test_a_change_is_told_once():
    changes: list[int] = []
    leader = Leader(lambda: changes.append(leader.term))
    with told(LeaderChanged) as events:
        for term in (4, 4, None, None, 6):
            leader.heard(term, sent=time.monotonic(), ttl_s=1000)
    assert changes == [4, 0, 6]
    assert [(one.leading, one.term) for one in events] == [(True, 4), (False, 0), (True, 6)]


def test_trust_ends_before_the_lease():
    leader = Leader(lambda: None)
    leader.heard(1, sent=time.monotonic() - 700, ttl_s=1000)
    assert leader.leading()
    leader.heard(1, sent=time.monotonic() - 801, ttl_s=1000)
    assert not leader.leading()
    assert leader.term == 0


def test_a_process_that_hears_of_another_leader_leads_no_more():
    leader = Leader(lambda: None)
    leader.heard(1, sent=time.monotonic(), ttl_s=1000)
    leader.heard(None, sent=time.monotonic(), ttl_s=1000)
    assert not leader.leading()


def test_one_process_leads_at_a_time(conn: Connection):
    assert [beat(conn, name) for name in ("a", "b", "a", "b")] == [1, None, 1, None]


def test_another_takes_over_after_a_resignation(conn: Connection):
    beat(conn, "a")
    workers.resign(conn, worker_id="b")  # who does not lead has nothing to resign
    assert beat(conn, "b") is None
    workers.resign(conn, worker_id="a")
    assert beat(conn, "b") == 2
    assert beat(conn, "a") is None


def test_another_takes_over_after_a_lapse(conn: Connection):
    beat(conn, "a")
    lapse(conn)
    assert beat(conn, "b") == 2
    assert beat(conn, "a") is None


def test_a_lapsed_term_is_not_continued_by_its_own_holder(conn: Connection):
    beat(conn, "a")
    lapse(conn)
    assert beat(conn, "a") == 2
