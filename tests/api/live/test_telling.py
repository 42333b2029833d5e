"""Who sends to a WebSocket: whoever brings the news, without waiting; what does not fit is the own thread's."""

import math
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from api.live.events import Event, Message
from api.live.follower import Follower
from api.live.messages import Messages
from api.live.offering import Offering
from api.live.telling import Bell, Telling
from tests.jobs.kit import wait_until

PATIENCE_S = 30.0
HUGE = "x" * 3_000_000  # more than the system's buffers take


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


def test_a_bell_is_not_taken_away_while_it_rings(bell: Bell):
    """Its number could be another file's by the time that the byte is written."""
    far, closed = bell._far, list[bool]()

    class Slow:
        def send(self, data: bytes) -> int:
            closing = threading.Thread(target=bell.close, daemon=True)
            closing.start()
            closing.join(0.2)
            closed.append(not closing.is_alive())
            return far.send(data)

        def close(self) -> None:
            far.close()

    bell._far = Slow()  # type: ignore[assignment]  # as slow as a busy system may be
    bell.ring()
    assert closed == [False]


class Line:
    """A connection: its Telling, whose own thread is the test's, and the client's end of the socket."""

    def __init__(self) -> None:
        self.near, self.client = socket.socketpair()
        self.client.settimeout(PATIENCE_S)
        self.telling = Telling()
        self.follower = Follower("ann", self.telling.wake)
        frames, sock = Connection(ConnectionType.SERVER), Offering(self.near)
        self.ws: Any = SimpleNamespace(ws=frames, sock=sock)
        self.ws.send = lambda text: sock.send(frames.send(TextMessage(data=text)))
        self.messages = Messages(self.follower, math.inf)
        sock.is_over = self.messages.is_over
        self.telling.begin(self.ws, self.messages)
        self._heard = Connection(ConnectionType.CLIENT)

    def put(self, *words: str) -> None:
        for number, word in enumerate(words):
            self.follower.put(
                Event(f"{word[:9]}{number}", 1, ended=False, message=Message(word, {}), claim_seq=1, after=0, parts=())
            )

    def waits(self, then: Callable[[], None] = lambda: None) -> threading.Thread:
        """The own thread, which waits for its bell, and then does this."""

        def own() -> None:
            self.telling.wait(2 * PATIENCE_S)
            then()

        thread = threading.Thread(target=own, daemon=True)
        thread.start()
        wait_until(lambda: not self.telling._turn.locked(), "the wait")
        return thread

    def heard(self, most: int) -> list[str]:
        """So many whole messages, by their first letters."""
        texts, part = list[str](), ""
        while len(texts) < most:
            self._heard.receive_data(self.client.recv(65536))
            for event in self._heard.events():
                assert isinstance(event, TextMessage)
                part += event.data
                if event.message_finished:
                    texts, part = [*texts, part[10:19]], ""
        return texts

    def is_silent(self, within_s: float = 0) -> bool:
        return select.select([self.client], [], [], within_s)[0] == []

    def close(self) -> None:
        self.telling.close()
        self.near.close()
        self.client.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE_S)
    return not thread.is_alive()


def test_news_is_sent_by_whoever_brings_it_and_does_not_wake_the_own_thread(line: Line):
    own = line.waits()
    line.put("one......", "two......")
    assert not line.is_silent()
    assert line.heard(2) == ["one......", "two......"]
    assert own.is_alive()
    line.follower.close()
    assert ended(own)


def test_while_it_is_its_own_threads_turn_nobody_else_sends(line: Line):
    line.put("one......")
    assert line.is_silent()
    own = threading.Thread(target=line.telling.wait, args=(2 * PATIENCE_S,), daemon=True)
    own.start()
    assert ended(own)
    line.telling.send()
    assert line.heard(1) == ["one......"]


def test_what_the_client_does_not_take_at_once_is_sent_by_the_own_thread_in_order_and_whole(line: Line):
    own = line.waits(line.telling.send)
    line.put("a" * 9 + HUGE, "bbbbbbbbb", "ccccccccc")  # must return, though nobody reads
    assert line.heard(3) == ["a" * 9, "b" * 9, "c" * 9]
    assert ended(own)


@pytest.mark.parametrize("end", ["closed", "overrun"])
def test_the_own_thread_is_woken_when_the_connection_has_to_go(line: Line, end: str):
    own = line.waits()
    setattr(line.follower, end, True)
    line.telling.wake()
    assert ended(own)


def fails(line: Line) -> None:
    with pytest.raises(TimeoutError):
        line.telling.send()


@pytest.mark.parametrize("why", ["the token ends", "the process stops"])
def test_a_client_that_does_not_read_is_not_waited_for_when_it_has_to_go(line: Line, why: str):
    line.put("a" * 9 + HUGE)
    sending = threading.Thread(target=fails, args=(line,), daemon=True)
    sending.start()
    assert not line.is_silent(PATIENCE_S)
    if why == "the token ends":
        line.messages._end = time.time()
    else:
        line.follower.close()
    assert ended(sending)
    assert line.ws.sock.rest, "what is sent after it must not begin in the midst of a frame"


def test_a_client_that_reads_slowly_is_not_waited_for_either(line: Line):
    line.put("a" * 9 + HUGE)
    line.messages._end = time.time()
    reading = threading.Thread(target=drip, args=(line.client,), daemon=True)
    reading.start()
    fails(line)
    line.close()
    assert ended(reading)


def drip(client: socket.socket) -> None:
    with suppress(OSError):
        while client.recv(1000):
            pass


def test_that_the_client_is_gone_is_the_own_threads_to_find(line: Line):
    own = line.waits()
    line.client.close()
    line.put("one......")
    assert ended(own)
    with pytest.raises(OSError, match="Broken pipe"):
        line.telling.send()


def test_after_each_wait_it_is_the_own_threads_turn(line: Line):
    own = line.waits()
    line.follower.close()
    assert ended(own)
    assert line.telling._turn.locked()


def test_waking_whoever_has_gone_harms_nothing(line: Line):
    line.telling.close()
    line.telling.wake()


def test_what_the_client_takes_nothing_of_is_kept(line: Line):
    sock = line.ws.sock
    while not sock.rest:
        sock.offer(b"x" * 1000)
    sock.rest = b""
    sock.offer(b"one")
    assert sock.rest == b"one"
    received = threading.Thread(target=sock.send, args=(b" two",), daemon=True)
    received.start()
    taken = b""
    while not taken.endswith(b"two"):
        taken += line.client.recv(65536)
    assert ended(received)
    assert taken.strip(b"x") == b"one two"
