"""What happened is told once to every subscriber, in the order in which it happened."""

import pytest

from jobs import telemetry
from jobs.telemetry import LeaderChanged, StaleWrite

FIRST, SECOND = StaleWrite("a", 1, "ann"), LeaderChanged(leading=True, term=2)


@pytest.fixture
def ears():
    """Two subscribers: (what each was told, how each ends its subscription)."""
    told = [], []
    ends = [telemetry.subscribe(one.append) for one in told]
    yield told, ends
    for end, one in zip(ends, told, strict=True):
        if one.append in telemetry._subscribers:
            end()


def test_each_subscriber_is_told_everything_in_order(ears):
    told, _ = ears
    telemetry.emit(FIRST)
    telemetry.emit(SECOND)
    assert told == ([FIRST, SECOND], [FIRST, SECOND])


def test_who_has_ended_the_subscription_is_told_nothing_more(ears):
    told, ends = ears
    telemetry.emit(FIRST)
    ends[0]()
    telemetry.emit(SECOND)
    assert told == ([FIRST], [FIRST, SECOND])


def test_a_subscriber_may_end_its_subscription_while_it_is_told():
    told = []
    ends = []

    def once(event):
        told.append(event)
        ends.pop()()

    ends.append(telemetry.subscribe(once))
    telemetry.emit(FIRST)
    telemetry.emit(SECOND)
    assert told == [FIRST]


def test_an_event_without_subscribers_is_nobodys_trouble():
    telemetry.emit(FIRST)
