"""Sends to a WebSocket what there is: at once, by the thread that brings it, if the client takes it.

    news --> wake() --> it is nobody's turn, and the client's socket has room: sent
                    --> or else the bell rings, and the connection's own thread sends it, and waits for the client

So a broadcast to a thousand connections wakes none of their threads, and who does not read holds up only his own.
"""

import select
import socket
import threading
from contextlib import suppress
from typing import Any, Protocol

from simple_websocket import Server
from wsproto.events import TextMessage

from api.live.follower import MOST
from api.live.hearing import MS, READ_BYTES


class Source(Protocol):
    """What is to be sent to one connection, taken by one thread at a time."""

    @property
    def is_ending(self) -> bool:
        """Whether the own thread has to see to the end."""

    def take(self, most: int) -> list[str]:
        """The next texts, in order, at most `most`."""


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


class Telling:
    """It is the own thread's turn at all times but while that waits: whoever has the turn may use the connection."""

    _ws: Server
    _source: Source

    def __init__(self) -> None:
        self._bell = Bell()
        self._turn = threading.Lock()
        self._turn.acquire()

    def begin(self, ws: Server, source: Source) -> None:
        """Before this it is nobody else's turn.  The socket of `ws` is an Offering."""
        self._ws, self._source = ws, source

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
        for text in self._source.take(MOST):
            self._ws.send(text)

    def wait(self, within_s: float) -> bool:
        """Until there is something to do for the own thread, or so long; returns whether the client can be read."""
        self._turn.release()
        try:
            return self._bell.wait(self._ws.sock, within_s)
        finally:
            self._turn.acquire()

    def close(self) -> None:
        self._bell.close()

    def _offer(self) -> bool:
        """Whether that was all."""
        source, ws = self._source, self._ws
        while not ws.sock.rest and (texts := source.take(1)):
            ws.sock.offer(ws.ws.send(TextMessage(data=texts[0])))
        return not (ws.sock.rest or source.is_ending)
