"""What waits for a slow reader is bounded, in order, and never loses an ending."""

import threading

from api.live import follower
from api.live.events import Event
from api.live.follower import MOST, Follower


def event(job: str, version: int, *, ended: bool = False) -> Event:
    return Event(job, version, ended, f"{job} {version}")


def texts(events: list[Event]) -> list[str]:
    return [one.text for one in events]


def test_of_each_job_only_the_newest_event_waits():
    one = Follower("ann")
    for told in (event("a", 1), event("b", 1), event("a", 3), event("a", 2)):
        one.put(told)
    assert texts(one.take(0)) == ["b 1", "a 3"]
    assert one.take(0) == []


def test_what_was_told_is_not_told_again_and_nothing_older_either():
    one = Follower("ann")
    for version, ended in ((2, False), (2, False), (1, False), (3, True), (3, True), (2, False)):
        one.put(event("a", version, ended=ended))
        one.take(0)
    one.put(event("a", 3, ended=True))
    assert one.take(0) == []
    one.put(event("a", 4))  # it was opened again
    assert texts(one.take(0)) == ["a 4"]


def test_only_jobs_whose_end_was_not_told_are_live():
    one = Follower("ann")
    one.put(event("a", 1))
    one.put(event("b", 1, ended=True))
    assert one.live_jobs() == ["a"]
    one.put(event("a", 2, ended=True))
    assert one.live_jobs() == []


def test_a_slow_reader_loses_updates_and_no_ending():
    one = Follower("ann")
    for number in range(MOST):
        one.put(event(f"job {number}", 1, ended=number % 2 == 0))
    one.put(event("last", 1, ended=True))
    assert not one.overrun
    told = texts(one.take(0))
    assert len(told) == MOST
    assert "job 1 1" not in told
    assert len([text for text in told if text.startswith("job") and int(text.split()[1]) % 2 == 0]) == MOST // 2
    one.put(event("job 1", 1))
    assert texts(one.take(0)) == ["job 1 1"]  # it may be told later


def test_a_reader_that_is_too_slow_even_for_the_endings_has_to_go():
    one = Follower("ann")
    for number in range(MOST):
        one.put(event(str(number), 1, ended=True))
    assert not one.overrun
    one.put(event("last", 1, ended=True))
    assert one.overrun


def test_what_is_remembered_of_ended_jobs_is_bounded(monkeypatch):
    monkeypatch.setattr(follower, "MOST", 3)
    one = Follower("ann")
    for number in range(10):
        one.put(event(str(number), 1, ended=True))
        one.take(0)
    assert list(one._ended) == ["7", "8", "9"]


def test_a_waiting_reader_is_woken_by_news_and_by_the_end():
    one = Follower("ann")
    for act, told in ((lambda: one.put(event("a", 1)), ["a 1"]), (one.close, [])):
        timer = threading.Timer(0.05, act)
        timer.start()
        assert texts(one.take(30)) == told
        timer.join()
    assert one.closed
