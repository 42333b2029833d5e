"""Sessions of Socket.IO: what waits for a client is short, and nobody stays who does not answer."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from engineio.exceptions import EngineIOError
from engineio.packet import CLOSE, MESSAGE, OPEN, PING, PONG, Packet

from api.auth import User
from api.live.clients import Clients
from api.live.engine import CONNECT_S, CUT_S, HALF_OPEN, LEAVE, PACKETS, PING_S, PONG_S, QUEUED, Engine, Session
from api.live.events import Event, Message
from api.live.follower import Follower
from api.live.teller import Teller, tell
from tests.jobs.kit import wait_until


@pytest.fixture
def woken() -> list[Session]:
    return []


@pytest.fixture
def engine(woken) -> Engine:
    made = Engine(woken.append, async_mode="threading")
    for event in ("connect", "disconnect", "message"):
        made.on(event, lambda *_: None)
    return made


def opened(engine: Engine, expires_at: float = float("inf")) -> Session:
    """A session whose client has said who it is, and has taken what there was."""
    session = engine.open("polling", {})
    session.user, session.follower, session.is_ready = User("ann", expires_at=expires_at), Follower("ann"), True
    assert kinds(session) == [OPEN]
    return session


def kinds(session: Session) -> list[int]:
    return [packet.packet_type for packet in session.poll()] if session.queue.qsize() else []


def news(job: str, version: int = 1) -> Event:
    return Event(
        job,
        version,
        ended=False,
        message=Message("ai_job_update", {"version": version}),
        claim_seq=1,
        after=0,
        parts=(),
    )


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


def test_a_silent_client_is_pinged_and_one_that_does_not_answer_has_to_go(engine):
    session, began_s = opened(engine), time.monotonic()
    engine.look(began_s + PING_S - 1)
    assert kinds(session) == []
    engine.look(began_s + PING_S + 1)
    engine.look(began_s + PING_S + 2)
    assert kinds(session) == [PING]
    session.receive(Packet(PONG))
    due_s = session._ping_s
    session.receive(Packet(PONG))  # one that nobody has asked for
    assert session._ping_s == due_s
    engine.look(time.monotonic() + PING_S - 1)
    assert kinds(session) == []
    engine.look(time.monotonic() + PING_S + 1)
    assert kinds(session) == [PING]
    session.last_ping -= PONG_S + 1
    engine.look(time.monotonic())
    assert kinds(session) == [CLOSE]


def test_who_does_not_say_who_it_is_has_to_go_and_is_cut_and_forgotten(engine):
    session, began_s = engine.open("websocket", {}), time.monotonic()
    cut = []
    session.frames = SimpleNamespace(cut=lambda: cut.append(True))
    engine.look(began_s + CONNECT_S - 1)
    assert not session.closed
    engine.look(began_s + CONNECT_S + 1)
    assert session.closed
    engine.look(time.monotonic())
    assert (cut, engine.all()) == ([], [session])
    engine.look(time.monotonic() + CUT_S)
    assert (cut, engine.all()) == ([True], [])


def test_who_has_left_may_come_back_for_as_long(engine):
    session = opened(engine)
    session.since_s -= 60  # it came long ago
    assert session.forget() is not None
    engine.look(time.monotonic())
    assert not session.closed
    engine.look(time.monotonic() + CONNECT_S + 1)
    assert session.closed


def test_a_token_that_ends_ends_the_session(engine):
    session = opened(engine, expires_at=time.time() + 60)
    engine.look(time.monotonic())
    assert not session.closed
    session.user = User("ann", expires_at=time.time())
    engine.look(time.monotonic())
    assert kinds(session) == [CLOSE]


def test_so_many_may_not_have_said_who_they_are(engine):
    begun = [engine.open("polling", {}) for _ in range(HALF_OPEN)]
    assert engine.open("polling", {}) is None
    begun[0].follower = Follower("ann")
    assert engine.open("polling", {})
    assert engine.open("polling", {}) is None
    begun[1].close()
    assert engine.open("polling", {})


def test_a_client_that_sends_too_many_packets_is_sent_away(engine):
    session = opened(engine)
    for _ in range(PACKETS):
        session.receive(Packet(PONG))
    assert not session.closed
    session.receive(Packet(PONG))
    assert [packet.data for packet in session.poll()] == [LEAVE, None]
    with pytest.raises(EngineIOError):
        session.receive(Packet(PONG))


def test_a_close_by_two_is_one(engine):
    ended = []
    engine.on("disconnect", lambda *given: ended.append(given))
    session = opened(engine)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: session.close(), range(8)))
    assert len(ended) == 1
    assert kinds(session) == [CLOSE]


def test_binary_packets_are_not_taken(engine):
    with pytest.raises(EngineIOError):
        engine.open("polling", {}).receive(Packet(MESSAGE, data=b"x"))


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


def test_a_session_that_cannot_be_looked_at_keeps_nobody_else_from_it(engine):
    broken, sound = opened(engine), opened(engine, expires_at=time.time())
    broken.user = None
    broken.since_s = None  # with which nothing can be reckoned
    broken.follower = None
    engine.look(time.monotonic())
    assert kinds(sound) == [CLOSE]


def test_clients_that_come_and_go_at_the_same_time_are_all_known():
    """The library forgets the list of all when the last one goes, whoever is just coming."""
    clients, failed = Clients(), []
    clients.set_server(
        SimpleNamespace(packet_class=SimpleNamespace(json=None), eio=SimpleNamespace(generate_id=unique()))
    )

    def come_and_go(number: int) -> None:
        for turn in range(500):
            sid = clients.pre_connect(f"{number} {turn}", "/")
            clients.connect(sid, "/")
            if not clients.is_connected(sid, "/"):
                failed.append(sid)
            clients.pre_disconnect(sid, "/")
            clients.disconnect(sid, "/")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(come_and_go, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert failed == []


def unique():
    lock, numbers = threading.Lock(), iter(range(10**9))

    def next_one() -> str:
        with lock:
            return str(next(numbers))

    return next_one


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
