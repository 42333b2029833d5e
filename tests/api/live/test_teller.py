"""Who tells Socket.IO's clients: whoever brings the news, or one thread; never two at the same time."""

import threading
from collections.abc import Iterator

import pytest
from engineio.exceptions import EngineIOError
from engineio.packet import CLOSE, MESSAGE

from api.live.engine import QUEUED, Engine, Session
from api.live.teller import Teller, tell
from tests.api.live.kit import kinds, made, news, opened
from tests.jobs.kit import wait_until


@pytest.fixture
def woken() -> list[Session]:
    return []


@pytest.fixture
def engine(woken: list[Session]) -> Engine:
    return made(woken)


@pytest.fixture
def teller() -> Iterator[Teller]:
    made = Teller(lambda _now_s: True)
    yield made
    made._look = lambda _now_s: False
    if made._thread:
        made._thread.join(30)


def test_only_a_few_messages_are_on_their_way_and_the_others_merge_meanwhile(engine, woken):
    session = opened(engine)
    for number in range(20):
        session.follower.put(news(f"job {number}"))
    tell(session)
    assert session.queue.qsize() == QUEUED
    for version in (2, 3):
        session.follower.put(news("job 19", version))
    woken.clear()
    texts = []
    while packets := session.poll() if session.queue.qsize() else []:
        texts += [packet.data for packet in packets]
        assert woken.pop() is session, "who has taken something is to be told more"
        tell(session)
    assert len(texts) == 20
    assert texts[-1] == '2["ai_job_update",{"version":3}]'
    assert not session.is_held_back


def test_nothing_is_told_before_the_client_knows_that_it_is_in(engine):
    session = opened(engine)
    session.is_ready = False
    session.follower.put(news("a"))
    tell(session)
    assert session.queue.qsize() == 0


@pytest.mark.parametrize("why", ["closed", "overrun"])
def test_who_is_to_go_is_closed(engine, why):
    session = opened(engine)
    setattr(session.follower, why, True)
    tell(session)
    assert kinds(session) == [CLOSE]
    with pytest.raises(EngineIOError):
        session.tell("x")


def test_news_is_told_by_whoever_brings_it(engine: Engine, teller: Teller):
    session = opened(engine)
    session.follower.put(news("a"))
    teller.news(session)
    assert kinds(session) == [MESSAGE]
    assert teller._thread is None


def test_while_one_takes_from_a_follower_no_other_does_and_nobody_waits(engine: Engine, teller: Teller):
    """Or what one took first the other could queue before it."""
    session = opened(engine)
    with session.filling:
        session.follower.put(news("a"))
        teller.news(session)
        assert not threading.Event().wait(0.2)  # time enough for a thread that would not wait
        assert kinds(session) == []
    wait_until(lambda: not session.queue.empty(), "the news")


def test_a_fault_of_one_connection_does_not_end_the_news_of_the_others(engine):
    looks = threading.Event()
    teller = Teller(lambda _now_s: looks.set() or True)
    broken, sound = opened(engine), opened(engine)
    broken.follower.take = None
    sound.follower.put(news("a"))
    teller.wake(broken)
    teller.wake(sound)
    assert sound.queue.get(timeout=30).packet_type == MESSAGE
    assert looks.wait(30)
    assert broken.closed


def test_a_look_that_meets_a_fault_is_repeated_and_news_goes_on(engine):
    session, met = opened(engine), threading.Event()

    def look(_now_s: float) -> bool:
        if met.is_set():
            return True
        met.set()
        raise ZeroDivisionError

    teller = Teller(look)
    teller.wake(session)
    assert met.wait(30)
    session.follower.put(news("a"))
    teller.wake(session)
    assert session.queue.get(timeout=30).packet_type == MESSAGE
    teller._look = lambda _now_s: False
    teller._thread.join(30)


def test_a_thread_that_the_system_refuses_is_tried_again(engine, monkeypatch):
    teller, session = Teller(lambda _now_s: True), opened(engine)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        with pytest.raises(RuntimeError):
            teller.wake(session)
    session.follower.put(news("a"))
    teller.wake(session)
    wait_until(lambda: not session.queue.empty(), "the news")
    teller._look = lambda _now_s: False
    teller._thread.join(30)


def refused(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
