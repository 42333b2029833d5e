"""The cap on the whole fleet is exact, however many claim at once."""

import pytest

from jobs import store
from tests.factory import make_job
from tests.jobs import kit

CAP, CLAIMERS, ROUNDS = 3, 8, 12
ROUNDS_OF_A_MUTANT = 300  # it need not break each time; the first time ends the look
LOCK = (
    "select pg_advisory_xact_lock(:cap_lock) where cast(:fleet_cap as int) is not null;\nwith allowed as materialized ("
)
LOCK_INSIDE = """with locked as materialized (
    select pg_advisory_xact_lock(:cap_lock)
), allowed as materialized ("""
COUNTED = "from ai_jobs\n     where cast(:fleet_cap as int) is not null\n       and status"
COUNTED_BEHIND_LOCK = "from ai_jobs, locked\n     where cast(:fleet_cap as int) is not null\n       and status"
MERGED = (LOCK, LOCK_INSIDE), (COUNTED, COUNTED_BEHIND_LOCK)
UNLOCKED = ((LOCK, "with allowed as materialized ("),)


def most_running(conn, engine, rounds=ROUNDS):
    """The largest number of jobs that ran after eight workers had claimed at once; more than the cap ends the look."""
    most = 0
    for _ in range(rounds):
        claimed = kit.at_once(engine, CLAIMERS, lambda own, _: kit.claim(own, seats=CAP, fleet_cap=CAP).claims)
        running = [claim for some in claimed for claim in some]
        most = max(most, len(running))
        store.release(conn, running)
        if most > CAP:
            break
    return most


def make_jobs(conn, count):
    return [make_job(conn) for _ in range(count)]


def hold_the_cap_for_long(conn, engine):
    """A check for mutants, which break it sooner or later."""
    make_jobs(conn, 40)
    assert most_running(conn, engine, ROUNDS_OF_A_MUTANT) == CAP


def test_the_cap_is_exact_under_eight_claimers(conn, engine):
    make_jobs(conn, 40)
    assert most_running(conn, engine) == CAP


@pytest.mark.parametrize("mutant", [MERGED, UNLOCKED], ids=["lock inside the claim's own statement", "no lock"])
def test_the_cap_breaks_when_the_lock_is_not_a_statement_before_the_claim(conn, engine, mutant):
    make_jobs(conn, 40)
    with kit.mutated("claim", *mutant):
        assert most_running(conn, engine, ROUNDS_OF_A_MUTANT) > CAP


def test_a_claim_takes_what_the_cap_leaves(conn):
    make_jobs(conn, 9)
    assert len(kit.claim(conn, seats=2, fleet_cap=3).claims) == 2
    second = kit.claim(conn, seats=2, fleet_cap=3)
    assert (len(second.claims), second.room) == (1, 1)
    third = kit.claim(conn, seats=2, fleet_cap=3)
    assert (third.claims, third.room) == ([], 0)


def test_a_cap_below_what_runs_already_leaves_no_room(conn):
    make_jobs(conn, 9)
    kit.claim(conn, seats=5, fleet_cap=5)
    assert kit.claim(conn, seats=5, fleet_cap=3).room == 0


def test_a_run_that_ends_makes_room_at_once(conn):
    make_jobs(conn, 9)
    first = kit.claim(conn, seats=3, fleet_cap=3)
    kit.complete(conn, first.claims[1].id, first.claims[1].claim_seq)
    assert kit.claim(conn, seats=3, fleet_cap=3, oldest_start=first.oldest_start).room == 1


def test_the_bound_on_starts_leaves_out_no_run_that_is_going(conn):
    """A chain of claims, each with the bound of the one before, while runs end in any order."""
    make_jobs(conn, 40)
    running, oldest = [], None
    for number in range(12):
        claimed = kit.claim(conn, seats=2, fleet_cap=4, oldest_start=oldest)
        running, oldest = running + claimed.claims, claimed.oldest_start
        assert len(running) <= 4
        ended = running.pop((number * 7) % len(running))
        kit.complete(conn, ended.id, ended.claim_seq)


def test_the_bound_of_a_claim_without_a_cap_serves_one_with_a_cap(conn):
    """The cap can be configured while jobs run: they count, although nobody counted when they began."""
    make_jobs(conn, 9)
    kit.claim(conn, seats=3, fleet_cap=None)
    oldest = kit.claim(conn, seats=1, fleet_cap=None).oldest_start
    assert kit.claim(conn, seats=3, fleet_cap=3, oldest_start=oldest).room == 0


def test_without_a_cap_claims_do_not_wait_for_one_another(conn, engine):
    make_jobs(conn, 4)
    with engine.connect() as other:
        other.begin()
        kit.claim(other, fleet_cap=None)
        with kit.impatient(conn):
            assert len(kit.claim(conn, fleet_cap=None).claims) == 1
