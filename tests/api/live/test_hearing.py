"""The one thread of a WebSocket is woken by news and by its client, and knows who is gone or says too much."""

import select
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from simple_websocket import ConnectionClosed

from api.live.hearing import MESSAGES, READS, Bell, Hearing

PATIENCE_S = 30.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def bell() -> Iterator[Bell]:
    made = Bell()
    yield made
    made.close()


def test_a_bell_wakes_whoever_waits_and_is_then_still(bell: Bell, pair: Any):
    for _ in range(2):
        waits = threading.Thread(target=bell.wait, args=(pair[0], 2 * PATIENCE_S), daemon=True)
        waits.start()
        bell.ring()
        waits.join(PATIENCE_S)
        assert not waits.is_alive()
        assert select.select([bell._near], [], [], 0)[0] == []


def test_a_client_that_says_something_wakes_it_too(bell: Bell, pair: Any):
    pair[1].send(b"x")
    assert bell.wait(pair[0], PATIENCE_S)


def test_ringing_never_blocks_and_harms_nothing_when_nobody_waits_any_more(bell: Bell):
    for _ in range(100_000):
        bell.ring()
    bell.close()
    bell.ring()


def test_a_ping_is_sent_when_it_is_time_and_must_be_answered_before_the_next():
    sent: list[bytes] = []
    protocol = SimpleNamespace(send=lambda _event: b"ping")
    ws: Any = SimpleNamespace(pong_received=True, ws=protocol, sock=SimpleNamespace(send=sent.append))
    hearing = Hearing(ws)
    assert hearing.ping()
    assert sent == []
    hearing._ping_s = 0
    assert hearing.ping()
    assert (sent, ws.pong_received) == ([b"ping"], False)
    hearing._ping_s = 0
    assert not hearing.ping()
    ws.pong_received = True
    assert hearing.ping()


def ws_that_hears(data: list[bytes], *, messages: int = 0, stays: bool = True) -> Any:
    """Each read brings so many messages."""
    ws: Any = SimpleNamespace(connected=True, input_buffer=[], close_reason=1000, close_message=None)
    ws.sock = SimpleNamespace(recv=lambda _size: data.pop())
    ws.ws = SimpleNamespace(receive_data=lambda _data: ws.input_buffer.extend(["x"] * messages))
    ws._handle_events = lambda: stays
    return ws


def test_who_has_left_is_found_at_once():
    with pytest.raises(OSError, match=r"^$"):
        Hearing(ws_that_hears([b""])).hear()
    with pytest.raises(ConnectionClosed):
        Hearing(ws_that_hears([b"x"], stays=False)).hear()


def test_a_client_may_say_so_much_and_no_more():
    hearing = Hearing(ws_that_hears([b"x"] * (MESSAGES + 1), messages=1))
    assert [hearing.hear() for _ in range(MESSAGES + 1)] == [True] * MESSAGES + [False]


def test_what_is_no_message_is_counted_too():
    """Pings, which each cost an answer."""
    hearing = Hearing(ws_that_hears([b"x"] * (READS + 1)))
    assert [hearing.hear() for _ in range(READS + 1)] == [True] * READS + [False]
