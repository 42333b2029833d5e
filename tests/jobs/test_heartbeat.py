"""One statement prolongs the leases of a process, shows the process, and elects the leader."""

from typing import Any

import pytest
from sqlalchemy import text

from jobs import store, workers
from tests.factory import make_job
from tests.jobs import kit

LAPSE = "update ai_leader set expires_at = clock_timestamp() - interval '1 second'"


def beat(conn, *runs: dict[str, Any], by="w", stands=False, **worker: Any):
    return workers.heartbeat(conn, runs, kit.worker(by, **worker), stands=stands)


def term(conn, by, **worker: Any):
    return beat(conn, by=by, stands=True, **worker).term


def leader(conn):
    return conn.execute(text("select holder, term, expires_at = '-infinity' as resigned from ai_leader")).one()


@pytest.mark.parametrize("state", ["processing", "lost"])
def test_a_lease_is_prolonged_from_now(conn, state):
    job_id = make_job(conn, state)
    assert beat(conn, kit.beat_of(job_id, 1), lease_s=100).held == {job_id: False}
    left_s = "select extract(epoch from lease_expires_at - clock_timestamp()) from ai_jobs"
    assert 90 < conn.execute(text(left_s)).scalar_one() <= 100
    assert store.reap(conn) == ([], [])


def test_all_runs_go_in_one_statement_and_only_ones_own_come_back(conn):
    mine, lost, ended, absent = (
        make_job(conn, "processing"),
        make_job(conn, "ready"),
        make_job(conn, "completed"),
        "0" * 32,
    )
    stolen = make_job(conn, "processing", claim_seq=2)
    runs = [kit.beat_of(job_id, 1) for job_id in (mine, lost, ended, absent, stolen)]
    assert beat(conn, *runs).held == {mine: False}


def test_the_owner_hears_that_a_cancel_was_asked_for(conn):
    wanted, unwanted = make_job(conn, "processing"), make_job(conn, "processing")
    store.cancel(conn, job_id=unwanted, user_id="ann")
    assert beat(conn, kit.beat_of(wanted, 1), kit.beat_of(unwanted, 1)).held == {wanted: False, unwanted: True}


def test_a_row_that_somebody_else_holds_costs_no_other_run_its_lease_and_no_other_process_its_beat(conn, engine):
    """A caller may cancel inside a long transaction of its own; what is locked is told at the next beat."""
    locked, other = make_job(conn, "processing"), make_job(conn, "lost")
    with engine.connect() as user:
        user.begin()
        store.cancel(user, job_id=locked, user_id="ann")
        with kit.impatient(conn):
            assert beat(conn, kit.beat_of(locked, 1), kit.beat_of(other, 1), by="a").held == {other: False}
        user.commit()
    assert store.reap(conn) == ([], [])
    assert beat(conn, kit.beat_of(locked, 1), kit.beat_of(other, 1), by="a").held == {locked: True, other: False}


def test_a_worker_shows_itself_and_is_gone_when_it_leaves(conn):
    beat(conn, by="a", job_types=["t", "u"], seats=3, busy=1)
    first = conn.execute(text("select * from ai_workers")).one()
    beat(conn, by="a", job_types=["t"], seats=4, busy=2)
    second = conn.execute(text("select * from ai_workers")).one()
    assert (first.job_types, first.seats, first.busy) == (["t", "u"], 3, 1)
    assert (second.job_types, second.seats, second.busy) == (["t"], 4, 2)
    assert (second.started_at, second.seen_at > first.seen_at) == (first.started_at, True)
    beat(conn, by="b")
    workers.leave(conn, worker_id="a")
    assert conn.execute(text("select id from ai_workers")).scalars().all() == ["b"]


def test_the_first_who_stands_leads_and_keeps_its_term_while_it_beats(conn):
    assert [term(conn, "a") for _ in range(3)] == [1, 1, 1]
    assert leader(conn).holder == "a"


def test_a_renewal_prolongs_the_term(conn):
    term(conn, "a", leader_ttl_s=1)
    term(conn, "a", leader_ttl_s=1000)
    left_s = "select extract(epoch from expires_at - clock_timestamp()) from ai_leader"
    assert 900 < conn.execute(text(left_s)).scalar_one() <= 1000


def test_nobody_else_leads_meanwhile(conn):
    term(conn, "a")
    assert term(conn, "b") is None
    assert leader(conn)[:2] == ("a", 1)


def test_who_does_not_stand_never_leads(conn):
    assert beat(conn, by="a", stands=False).term is None
    assert conn.execute(text("select count(*) from ai_leader")).scalar_one() == 0
    term(conn, "b")
    conn.execute(text(LAPSE))
    assert beat(conn, by="a", stands=False).term is None
    assert leader(conn)[:2] == ("b", 1)


def test_a_lapsed_term_goes_to_whoever_asks_next_as_a_new_one(conn):
    term(conn, "a")
    conn.execute(text(LAPSE))
    assert term(conn, "b") == 2
    assert term(conn, "a") is None


def test_the_last_holder_does_not_continue_a_lapsed_term_either(conn):
    term(conn, "a")
    conn.execute(text(LAPSE))
    assert [term(conn, "a"), term(conn, "a")] == [2, 2]


def test_who_resigns_makes_room_at_once_and_the_terms_go_on_counting(conn):
    term(conn, "a")
    workers.resign(conn, worker_id="a")
    assert leader(conn) == ("a", 1, True)
    assert term(conn, "b") == 2
    workers.resign(conn, worker_id="b")
    assert term(conn, "b") == 3


def test_only_the_leader_can_resign(conn):
    term(conn, "a")
    workers.resign(conn, worker_id="b")
    assert term(conn, "a") == 1


@pytest.mark.parametrize("before", ["nobody", "lapsed"])
def test_of_many_who_stand_at_once_one_leads(conn, engine, before):
    if before == "lapsed":
        term(conn, "z")
        conn.execute(text(LAPSE))
    terms = kit.at_once(engine, 8, lambda own, number: term(own, f"w{number}"))
    won = [one for one in terms if one is not None]
    assert won == [1 if before == "nobody" else 2]
