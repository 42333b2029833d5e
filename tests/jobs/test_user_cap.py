"""The cap on each user is exact, alone and together with the fleet's, and a capped user's backlog is not walked."""

from collections import Counter

import pytest
from sqlalchemy import text

from jobs import store
from jobs.job import Key
from jobs.rows import Left
from tests.factory import make_job
from tests.jobs import kit
from tests.jobs.test_cap import CLAIMERS, ROUNDS, ROUNDS_OF_A_MUTANT

USER_CAP, FLEET_CAP, SEATS = 2, 5, 4
USERS = ("ann", "bob", "eve", "kim")
LOCK = "select pg_advisory_xact_lock(:cap_lock);\nwith allowed as materialized ("
LOCK_INSIDE = "with locked as materialized (\n    select pg_advisory_xact_lock(:cap_lock)\n), allowed as materialized ("
COUNTED = "from ai_jobs\n     where status = 'processing' and started_at"
COUNTED_BEHIND_LOCK = "from ai_jobs, locked\n     where status = 'processing' and started_at"
MERGED = (LOCK, LOCK_INSIDE), (COUNTED, COUNTED_BEHIND_LOCK)
UNLOCKED = ((LOCK, "with allowed as materialized ("),)


def make_jobs(conn, each, users=USERS, **columns):
    return {user: [make_job(conn, user_id=user, turn=turn, **columns) for turn in range(each)] for user in users}


def claim(conn, seats=SEATS, user_cap=USER_CAP, **options):
    return kit.claim(conn, seats=seats, user_cap=user_cap, **options)


def rounds_of_claims(conn, engine, fleet_cap, rounds):
    """Yields, after eight workers with bounds of their own have claimed at once, {user: runs}."""
    make_jobs(conn, 12)

    def work(own, number):
        return claim(own, fleet_cap=fleet_cap, lows=[Key(0, number, 0)]).claims

    for _ in range(rounds):
        claimed = kit.at_once(engine, CLAIMERS, work)
        running = [one for some in claimed for one in some]
        yield Counter(one.user_id for one in running)
        store.release(conn, running)


def hold_both_caps(conn, engine, rounds=ROUNDS):
    for running in rounds_of_claims(conn, engine, FLEET_CAP, rounds):
        assert max(running.values()) <= USER_CAP
        assert running.total() == FLEET_CAP


def hold_the_users_cap(conn, engine, rounds=ROUNDS):
    for running in rounds_of_claims(conn, engine, None, rounds):
        assert running == dict.fromkeys(USERS, USER_CAP)


def hold_the_users_cap_for_long(conn, engine):
    """A check for mutants, which break it sooner or later."""
    hold_the_users_cap(conn, engine, ROUNDS_OF_A_MUTANT)


def test_both_caps_are_exact_under_eight_claimers(conn, engine):
    hold_both_caps(conn, engine)


def test_the_users_cap_alone_is_exact_under_eight_claimers(conn, engine):
    hold_the_users_cap(conn, engine)


@pytest.mark.parametrize("mutant", [MERGED, UNLOCKED], ids=["lock inside the claim's own statement", "no lock"])
@pytest.mark.parametrize("check", [hold_both_caps, hold_the_users_cap])
def test_a_cap_breaks_when_the_lock_is_not_a_statement_before_the_claim(conn, engine, check, mutant):
    with kit.mutated("claim_capped", *mutant), pytest.raises(AssertionError):
        check(conn, engine, ROUNDS_OF_A_MUTANT)


def test_a_claim_takes_of_each_user_what_the_cap_leaves(conn):
    jobs = make_jobs(conn, 4, ("ann", "bob"))
    first = claim(conn, seats=9)
    assert sorted(kit.ids(first.claims)) == sorted(jobs["ann"][:2] + jobs["bob"][:2])
    assert (first.room, claim(conn, seats=9).claims) == (9, [])
    kit.complete(conn, jobs["bob"][0], 1)
    assert kit.ids(claim(conn, seats=9, oldest_start=first.oldest_start).claims) == [jobs["bob"][2]]


def test_what_is_not_taken_is_told_with_each_users_first_place(conn):
    jobs = make_jobs(conn, 4, ("ann", "bob"))
    place = {user: Key(0, 2, kit.whole(conn, ids[2])["seq"]) for user, ids in jobs.items()}
    assert sorted(claim(conn, seats=9).left) == [Left(user, place[user], capped=True) for user in ("ann", "bob")]
    store.release(conn, claim(conn, seats=0).claims)
    waiting = claim(conn, seats=9, fleet_cap=4, freed={"ann": place["ann"]})
    assert (waiting.room, waiting.left) == (0, [Left("ann", place["ann"], capped=True)])


def test_who_must_wait_for_the_fleet_is_told_apart_from_who_must_wait_for_an_own_run(conn):
    make_jobs(conn, 2, ("ann", "bob"))
    left = claim(conn, seats=1, user_cap=1).left
    assert [(one.user_id, one.key.turn, one.capped) for one in sorted(left)] == [("ann", 1, True), ("bob", 0, False)]


def test_the_order_is_priority_then_turn_within_the_caps(conn):
    make_jobs(conn, 3, ("ann",), priority=1)
    bob = make_jobs(conn, 3, ("bob",))["bob"]
    taken = claim(conn, seats=3).claims
    assert [(one.user_id, one.key[:2]) for one in taken] == [("ann", (-1, 0)), ("ann", (-1, 1)), ("bob", (0, 0))]
    assert taken[-1].id == bob[0]


def test_a_look_passes_no_more_than_its_window_and_says_where_it_ended(conn, monkeypatch):
    monkeypatch.setattr(store, "WALK", 5)
    make_jobs(conn, 9, ("ann",))
    behind = make_job(conn, user_id="bob", turn=20)
    first = claim(conn, seats=2, user_cap=1)
    assert [one.turn for one in first.reached] == [4]
    assert [one.user_id for one in first.claims] == ["ann"]
    (reached,) = first.reached
    second = claim(conn, seats=2, user_cap=1, lows=[reached])
    assert (second.claims, [one.turn for one in second.reached]) == ([], [8])
    third = claim(conn, seats=2, user_cap=1, lows=second.reached)
    assert (kit.ids(third.claims), third.reached) == ([behind], [])


def test_a_freed_users_next_job_is_found_before_all_bounds(conn):
    ann = make_jobs(conn, 3, ("ann",))["ann"]
    low, far = Key(0, 0, 0), [Key(0, 99, 0)]
    assert claim(conn, lows=far, user_cap=1).claims == []
    found = claim(conn, lows=far, user_cap=1, freed={"ann": low})
    assert (kit.ids(found.claims), [one.key.turn for one in found.left]) == (ann[:1], [1])
    still = claim(conn, lows=far, user_cap=1, freed={"ann": low})
    assert (still.claims, [(one.key.turn, one.capped) for one in still.left]) == ([], [(1, True)])


def test_a_freed_user_is_looked_for_from_the_given_place(conn):
    ann = make_jobs(conn, 3, ("ann",))["ann"]
    place = Key(0, 1, kit.whole(conn, ann[1])["seq"])
    assert kit.ids(claim(conn, seats=9, lows=[], user_cap=9, freed={"ann": place}).claims) == ann[1:]


def test_a_job_that_both_looks_find_is_claimed_once(conn):
    ann = make_jobs(conn, 2, ("ann",))["ann"]
    assert kit.ids(claim(conn, seats=2, freed={"ann": Key(0, 0, 0)}).claims) == ann


@pytest.mark.parametrize("given", [{}, {"lows": [], "freed": {"ann": Key(0, 0, 0)}}], ids=["walked", "freed"])
@pytest.mark.parametrize(
    "columns",
    [
        {"job_type": "from_the_next_release"},
        {"deadline_at": "2020-01-01T00:00:00Z"},
        {"next_processing_at": "2020-01-01T00:00:00Z"},
        {"status": "cancelled", "completed_at": "2020-01-01T00:00:00Z"},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_what_cannot_run_here_is_neither_claimed_nor_told(conn, given, columns):
    make_job(conn, **columns)
    claimed = claim(conn, **given)
    assert (claimed.claims, claimed.left) == ([], [])


def test_a_row_that_another_transaction_holds_is_stepped_over(conn, engine):
    head, second = (make_job(conn, user_id=user) for user in ("ann", "bob"))
    with engine.connect() as other:
        other.begin()
        other.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": head})
        with kit.impatient(conn):
            assert kit.ids(claim(conn, seats=1).claims) == [second]


def test_no_more_rows_are_locked_than_taken(conn, engine):
    make_jobs(conn, 3)
    with engine.connect() as other:
        other.begin()
        taken = len(claim(other, seats=3).claims)
        free = conn.execute(text("select id from ai_jobs where status = 'queued' for update skip locked")).all()
        assert (taken, len(free)) == (3, 9)


def test_each_rank_has_a_bound_of_its_own(conn):
    urgent, _, usual = (
        make_job(conn, user_id=f"u{turn}", priority=priority, turn=turn) for priority, turn in ((1, 2), (0, 3), (0, 8))
    )
    assert kit.ids(claim(conn, seats=9, lows=[Key(-1, 0, 0), Key(0, 5, 0)]).claims) == [urgent, usual]


def test_runs_end_in_any_order_and_the_caps_hold(conn):
    """A chain of claims, each with the bound on starts of the one before."""
    make_jobs(conn, 12)
    running, oldest = [], None
    for number in range(16):
        claimed = claim(conn, seats=3, fleet_cap=FLEET_CAP, oldest_start=oldest)
        running, oldest = running + claimed.claims, claimed.oldest_start
        assert len(running) <= FLEET_CAP
        assert max(Counter(one.user_id for one in running).values()) <= USER_CAP
        ended = running.pop((number * 7) % len(running))
        kit.complete(conn, ended.id, ended.claim_seq)
