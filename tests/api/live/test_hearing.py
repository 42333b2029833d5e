"""The thread of a WebSocket knows who is gone, who is silent and who says too much."""

import math
import time
from types import SimpleNamespace
from typing import Any

import pytest
from simple_websocket import ConnectionClosed

from api.live.hearing import MESSAGES, PING_S, READS, Hearing


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


def test_it_is_left_alone_until_the_next_ping_or_the_end_of_its_token():
    hearing = Hearing(ws_that_hears([]))
    assert 0 < hearing.rest_s(math.inf) <= PING_S
    assert 0 < hearing.rest_s(time.time() + 5) <= 5
    assert hearing.rest_s(time.time() - 5) == 0
    hearing._ping_s = 0
    assert hearing.rest_s(math.inf) == 0


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
