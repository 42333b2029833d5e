"""Sends to a WebSocket what its Follower has: at once, by the thread that brings the news, if the client takes it.

    news --> wake() --> it is nobody's turn, and the client's socket has room: sent
                    --> or else the bell rings, and the connection's own thread sends it, and waits for the client

So a broadcast to a thousand connections wakes none of their threads, and who does not read holds up only his own.
"""

import json
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from simple_websocket import Server
from wsproto.events import TextMessage

from api.live.events import Message
from api.live.follower import Follower
from api.live.hearing import MS, READ_BYTES
from api.live.whole import Whole

LOOK_S = 0.5  # how often who waits for a client looks whether it still may
CLOSE_S = 0.5  # for a client to take what is on its way when the process stops


class Bell:
    """Wakes the one thread that waits for it."""

    def __init__(self) -> None:
        self._ringing = threading.Lock()  # or the number that close() gives back may be another file's as it rings
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(False)  # noqa: FBT003 - the standard library's

    def ring(self) -> None:
        """From any thread; never blocks."""
        with self._ringing, suppress(OSError):  # it has rung so often that this is no news, or nobody waits any more
            self._far.send(b".")

    def wait(self, client: Any, within_s: float) -> bool:
        """Until it rings, `client` (a socket) can be read, or so long; returns whether it can."""
        poll = select.poll()
        for each in (self._near, client):
            poll.register(each.fileno(), select.POLLIN)
        found = {number for number, _ in poll.poll(within_s * MS)}
        if self._near.fileno() in found:
            self._near.recv(READ_BYTES)
        return client.fileno() in found

    def close(self) -> None:
        with self._ringing:
            self._near.close()
            self._far.close()


class Offering(Whole):
    """`rest` is the end of what was offered and did not fit: it goes before all that is sent from then on.

    `is_over` is asked while the client takes nothing: whether it has had its time.
    """

    rest = b""
    is_over: Callable[[], bool] = staticmethod(lambda: False)

    def send(self, data: bytes) -> int:
        """Waits for the client.  Raises OSError when it is gone, or its time is over."""
        self.rest += data
        while self.rest:
            self._push()
            if self.rest:
                self._wait()
        return len(data)

    def offer(self, data: bytes) -> None:
        """Never waits; that the client is gone is found by the next send()."""
        self.rest = data
        with suppress(OSError):
            self._push()

    def _push(self) -> None:
        with suppress(BlockingIOError):
            self.rest = self.rest[socket.socket.send(self._sock, self.rest, socket.MSG_DONTWAIT) :]

    def _wait(self) -> None:
        if self.is_over():
            raise TimeoutError
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLOUT)
        poll.poll(LOOK_S * MS)


class Telling:
    """It is the own thread's turn at all times but while that waits: whoever has the turn may use the connection."""

    _ws: Server
    _follower: Follower

    def __init__(self) -> None:
        self._bell = Bell()
        self._turn = threading.Lock()
        self._turn.acquire()

    def begin(self, ws: Server, follower: Follower, end: float) -> None:
        """Before this it is nobody else's turn.  The socket of `ws` is an Offering; `end`: of the token (Unix time)."""
        self._ws, self._follower, self._end = ws, follower, end
        ws.sock.is_over = self._is_over

    def wake(self) -> None:
        """There may be something to tell.  From any thread; never blocks."""
        if self._turn.acquire(blocking=False):
            try:
                if self._offer():
                    return
            finally:
                self._turn.release()
        self._bell.ring()

    def send(self) -> None:
        """All that there is.  Waits until the client has taken it, or has to go; raises ConnectionClosed, OSError."""
        self._ws.sock.send(b"")  # what was offered
        for message in self._follower.take():
            self._ws.send(_text(message))

    def wait(self, within_s: float) -> bool:
        """Until there is something to do for the own thread, or so long; returns whether the client can be read."""
        self._turn.release()
        try:
            return self._bell.wait(self._ws.sock, within_s)
        finally:
            self._turn.acquire()

    def close(self) -> None:
        self._bell.close()

    def _is_over(self) -> bool:
        """Asked by the own thread: nobody waits for a slow client beyond its token, or while the process stops."""
        if self._follower.closed:
            self._end = min(self._end, time.time() + CLOSE_S)
        return time.time() >= self._end

    def _offer(self) -> bool:
        """Whether that was all."""
        follower, ws = self._follower, self._ws
        while not ws.sock.rest and (messages := follower.take(most=1)):
            ws.sock.offer(ws.ws.send(TextMessage(data=_text(*messages))))
        return not (ws.sock.rest or follower.closed or follower.overrun)


def _text(message: Message) -> str:
    return json.dumps({"event": message.name, "data": message.data}, separators=(",", ":"))
