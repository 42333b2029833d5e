from datetime import UTC, datetime

from jobs.job import Claim, Key
from jobs.rows import Claimed, Left
from scheduler.bounds import FULL, Look
from scheduler.capped_bounds import CappedBounds

NOW = datetime.now(UTC)
END = Key(0, 40, 400)


def look(bounds: CappedBounds, now: float = 0.5) -> Look:
    found = bounds.look(now)
    assert found is not None
    return found


def found(bounds: CappedBounds, looked: Look, *keys: Key, asked: int = 3, room: int = 3, **told: object) -> None:
    claims = [Claim(str(key), 1, "ann", "t", {}, 0, 3, key, 0.0) for key in keys]
    bounds.found(looked, Claimed(claims, room, NOW, **told), asked=asked, now=0.0, cost_s=0.0)


def walked(end: Key = END, **left: Key) -> CappedBounds:
    """Bounds of somebody who has passed everything up to `end`, {user: first job} of it being left."""
    bounds = CappedBounds()
    kept = [Left(user, key, capped=True) for user, key in left.items()]
    found(bounds, look(bounds), reached=[end], left=kept)
    found(bounds, look(bounds))
    return bounds


def test_a_look_that_ended_before_the_queue_is_followed_by_another_at_once():
    bounds = CappedBounds()
    found(bounds, look(bounds), reached=[END])
    assert bounds.full_in_s(0) == 0
    assert look(bounds).lows == [Key(0, 40, 401)]
    found(bounds, look(bounds))
    assert bounds.full_in_s(0) is None
    assert bounds.look(0.5) is None


def test_what_was_seen_is_looked_at_again_when_it_may_hold_more_that_can_run():
    bounds = CappedBounds()
    first = Key(0, 3, 30)
    found(bounds, look(bounds), first, asked=1, room=1, reached=[END])
    lows = {low.rank: low for low in look(bounds).lows}
    assert lows == {low.rank: low for low in FULL} | {0: first}
    found(bounds, look(bounds), asked=3, room=3)
    assert [low.rank for low in bounds._low.values()] == [0]


def test_the_end_of_a_run_brings_the_look_back_to_the_jobs_of_its_user():
    bounds = walked(ann=Key(0, 1, 10), bob=Key(0, 2, 20))
    assert bounds.freed(["ann", "eve"]) == [Key(0, 1, 10)]
    looked = look(bounds)
    assert looked.freed == {"ann": Key(0, 1, 10)}
    found(bounds, looked, Key(0, 1, 10), left=[Left("ann", Key(0, 5, 50), capped=True)])
    assert bounds.look(0.5) is None
    assert bounds.freed(["ann"]) == [Key(0, 5, 50)]
    assert [low for low in look(bounds).lows if low.rank == 0] in ([], [Key(0, 40, 401)])


def test_the_first_place_of_a_user_is_kept_whatever_is_seen_later():
    bounds = walked(ann=Key(0, 1, 10))
    bounds.lower([Key(0, 50, 1)])
    found(bounds, look(bounds), left=[Left("ann", Key(0, 50, 1), capped=True)])
    assert bounds.freed(["ann"]) == [Key(0, 1, 10)]


def test_a_freed_user_whom_the_database_did_not_answer_is_not_forgotten():
    bounds = walked(ann=Key(0, 1, 10))
    bounds.freed(["ann"])
    look(bounds)  # and its statement failed
    assert look(bounds).freed == {"ann": Key(0, 1, 10)}


def test_a_freed_user_who_must_wait_for_a_seat_is_looked_for_with_the_next_one():
    bounds = walked(ann=Key(0, 1, 10))
    bounds.freed(["ann"])
    found(bounds, look(bounds), room=0, left=[Left("ann", Key(0, 1, 10), capped=False)])
    assert look(bounds).lows == [Key(0, 1, 10)]


def test_a_hint_before_the_bound_is_a_detour():
    bounds = walked()
    bounds.lower([Key(0, 3, 30)])
    assert look(bounds).lows == [Key(0, 3, 30)]
    found(bounds, look(bounds), Key(0, 3, 30), reached=[Key(0, 9, 90)])
    assert look(bounds).lows == [Key(0, 40, 401)]


def test_a_detour_goes_as_far_as_the_last_hint():
    bounds = walked()
    bounds.lower([Key(0, 20, 200), Key(0, 3, 30), Key(0, 15, 1)])
    found(bounds, look(bounds), Key(0, 3, 30), reached=[Key(0, 9, 90)])
    assert look(bounds).lows == [Key(0, 9, 91)]
    found(bounds, look(bounds), reached=[Key(0, 20, 200)])
    assert look(bounds).lows == [Key(0, 40, 401)]


def test_a_hint_that_comes_while_a_look_is_under_way_is_not_passed():
    bounds = walked()
    bounds.lower([Key(0, 30, 1)])
    looked = look(bounds)
    bounds.lower([Key(0, 31, 1)])
    found(bounds, looked, reached=[Key(0, 35, 1)])
    assert look(bounds).lows == [Key(0, 30, 1)]


def test_what_a_look_can_explain_asks_for_no_full_one():
    bounds = walked()
    bounds.lower([Key(0, 41, 0)])
    found(bounds, look(bounds), left=[Left("ann", Key(0, 41, 0), capped=True)])
    assert bounds.full_in_s(0) is None
    bounds.lower([Key(0, 41, 0)])
    found(bounds, look(bounds))
    assert bounds.full_in_s(0) is not None


def test_a_walk_puts_off_the_next_full_look_by_what_all_of_it_cost():
    bounds = CappedBounds()
    nothing = Claimed([], 3, NOW, reached=[END])
    for _ in range(10):
        bounds.found(look(bounds, 0), nothing, asked=3, now=0, cost_s=1)
    assert bounds._full_not_before == 10 * 5
