"""Sessions of Socket.IO: nobody stays who does not answer, or says too much."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from engineio.exceptions import EngineIOError
from engineio.packet import CLOSE, MESSAGE, PING, PONG, Packet

from api.auth import User
from api.live.engine import CONNECT_S, CUT_S, HALF_OPEN, LEAVE, PACKETS, PING_S, PONG_S, Engine
from api.live.follower import Follower
from tests.api.live.kit import kinds, made, opened


@pytest.fixture
def engine() -> Engine:
    return made([])


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


def test_a_session_that_cannot_be_looked_at_keeps_nobody_else_from_it(engine):
    broken, sound = opened(engine), opened(engine, expires_at=time.time())
    broken.user = None
    broken.since_s = None  # with which nothing can be reckoned
    broken.follower = None
    engine.look(time.monotonic())
    assert kinds(sound) == [CLOSE]
