from datetime import UTC, datetime

from jobs.job import Claim, Key
from jobs.rows import Claimed
from scheduler.bounds import Bounds, Look

NOW = datetime.now(UTC)


def look(bounds: Bounds, now: float) -> Look:
    found = bounds.look(now)
    assert found is not None
    return found


def found(bounds: Bounds, looked: Look, keys: list[Key], *, asked: int, room: int, now: float, cost_s: float) -> None:
    claims = [Claim(str(key), 1, "ann", "t", {}, 0, 3, key, 0.0) for key in keys]
    bounds.found(looked, Claimed(claims, room, NOW), asked=asked, now=now, cost_s=cost_s)


def test_the_first_look_is_full():
    assert look(Bounds(), 0).full


def test_an_exhausted_queue_is_not_looked_at_again_until_something_is_told():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 0, 1)], asked=3, room=3, now=0, cost_s=0)
    assert bounds.look(1) is None
    bounds.lower([Key(0, 5, 9)])
    assert look(bounds, 1).lows == [Key(0, 5, 9)]


def test_a_hint_below_the_bound_lowers_it():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 7, 70)], asked=1, room=1, now=0, cost_s=0)
    bounds.lower([Key(0, 3, 30), Key(-2, 1, 1)])
    assert look(bounds, 0.5).lows == [Key(-2, 1, 1), Key(0, 3, 30)]


def test_the_bound_is_the_smallest_key_of_the_last_claim():
    bounds = Bounds()
    keys = [Key(-1, 0, 5), Key(0, 2, 3), Key(0, 2, 4)]
    found(bounds, look(bounds, 0), keys, asked=3, room=3, now=0, cost_s=0)
    assert look(bounds, 0.1).lows == [Key(-1, 0, 5), Key(0, 2, 3)]


def test_an_empty_bounded_look_asks_for_a_full_one_but_not_too_soon():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 0, 1)], asked=1, room=1, now=0, cost_s=0.1)
    found(bounds, look(bounds, 1), [], asked=1, room=1, now=1, cost_s=0)
    assert bounds.look(1.5) is None  # the full look cost 0.1 s: none before 20 times that
    assert look(bounds, 2).full


def test_a_full_cap_asks_for_nothing_and_forgets_nothing():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 0, 1)], asked=3, room=1, now=0, cost_s=0)
    found(bounds, look(bounds, 0.1), [], asked=3, room=0, now=0.1, cost_s=0)
    assert not look(bounds, 5).full


def test_a_full_look_that_met_a_frozen_database_does_not_put_off_the_next_for_long():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 0, 1)], asked=3, room=3, now=0, cost_s=60)
    bounds.ask_for_full()
    assert not look(bounds, 4).full
    assert look(bounds, 5).full


def test_a_poll_that_may_not_look_at_everything_looks_from_the_bounds_on():
    bounds = Bounds()
    found(bounds, look(bounds, 0), [Key(0, 0, 1)], asked=3, room=3, now=0, cost_s=0.4)
    bounds.ask_for_full()
    assert look(bounds, 4).lows == [Key(0, 0, 1)]
