"""A claim in a worker's hands: what the handler reports, what it hears, and who may end it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import Claim, Key
from jobs.progress import MESSAGE_CHARS
from jobs.storable import printable
from tests.jobs import kit
from tests.scheduler.kit import until

CLAIM = Claim("01920000-0000-7000-8000-000000000001", 1, "ann", "t", {"a": 1}, 0, 3, Key(0, 0, 1), 0.0)


@pytest.fixture
def held():
    return kit.held(CLAIM)


def test_nothing_is_wrong_at_the_start(held):
    assert (held.progress.percent, held.progress.message, held.stop_reason, held.ended) == (0, None, None, False)
    assert not held.cancelled()
    assert not held.overdue()


@pytest.mark.parametrize(("percent", "shown"), [(0, 0), (42, 42), (99.9, 99), (100, 100), (101, 100), (-1, 0)])
def test_progress_stays_between_0_and_100(held, percent, shown):
    held.run().report(percent, "drawing")
    assert (held.progress.percent, held.progress.message) == (shown, "drawing")


def test_a_message_is_cut_and_cleaned(held):
    held.run().report(1, "a\0b\ud800" + "x" * 1000)
    assert held.progress.message == "ab?" + "x" * (MESSAGE_CHARS - 4)


@given(st.text(st.characters()), st.integers(0, 20))
def test_what_is_printable_can_be_stored_and_is_no_longer_than_asked(words, chars):
    shown = printable(words, chars)
    assert len(shown) <= chars
    assert "\0" not in shown
    assert shown.encode("utf-8").decode("utf-8") == shown


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_what_was_printable_stays_as_it_was(words):
    assert printable(words, len(words)) == words


@pytest.mark.parametrize("reason", ["cancelled", "lost", "stopping"])
def test_the_handler_hears_that_it_shall_stop_and_the_first_reason_stays(held, reason):
    run = held.run()
    assert held.stop(reason) is True
    assert held.stop("another") is False
    assert run.cancelled()
    assert held.stop_reason == reason


def test_the_handler_shall_stop_when_its_time_is_over():
    held = kit.held(CLAIM, limit_s=0)
    assert held.run().cancelled()
    assert held.run().time_left_s() == 0
    assert held.overdue()
    assert not held.overdue(grace_s=1000)


@pytest.fixture
def asking():
    """A run whose lease could have ended, and what its handler will hear to its question whether to stop."""
    held = kit.held(CLAIM, trusted_s=0)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(held.run().cancelled)
        until(lambda: held._news._waiters)  # the handler waits
        assert not asked.done()
        yield held, asked
        held.stop("over")


def test_a_handler_whose_lease_could_have_ended_goes_on_once_it_is_known_to_be_its_own(asking):
    held, asked = asking
    held.trust(time.monotonic() + 60)
    assert asked.result(10) is False


def test_a_handler_whose_lease_could_have_ended_stops_once_it_is_known_to_be_anothers(asking):
    held, asked = asking
    held.stop("lost")
    assert asked.result(10) is True


def test_a_handler_whose_lease_could_have_ended_waits_no_longer_than_its_time():
    held = kit.held(CLAIM, trusted_s=0, limit_s=0.05)
    assert held.run().cancelled()
    assert held.overdue()


def test_an_answer_that_comes_too_late_to_be_believed_changes_nothing(asking):
    held, asked = asking
    held.trust(time.monotonic())
    until(lambda: held._news._waiters)
    assert not asked.done()


def test_the_time_left_counts_down_from_the_limit(held):
    left_s = held.run().time_left_s()
    assert left_s is not None
    assert 0 < left_s <= 60
    assert 0 <= held.run_s() < 60


def test_of_all_who_end_a_run_one_was_first():
    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            held = kit.held(CLAIM)
            assert sum(pool.map(lambda _, one=held: one.end(), range(8))) == 1
            assert held.ended
