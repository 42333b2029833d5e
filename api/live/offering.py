"""A connection's socket as simple-websocket uses it: no frame is cut, and nobody need wait for the client."""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from api.live.hearing import MS

UNSENT_S = 30  # a reader that has taken nothing for so long is gone
LOOK_S = 0.5  # how often who waits for a client looks whether it still may


class Offering:
    """`rest` is the end of what was offered and did not fit: it goes before all that is sent from then on.

    `is_over` is asked while the client takes nothing: whether it has had its time.  It serves one thread at a time.
    """

    rest = b""
    is_over: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        with suppress(OSError):  # not every socket is one of TCP
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_S * 1000)

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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _push(self) -> None:
        with suppress(BlockingIOError):  # api.line.Line's own send would keep all that is not read
            self.rest = self.rest[socket.socket.send(self._sock, self.rest, socket.MSG_DONTWAIT) :]

    def _wait(self) -> None:
        if self.is_over():
            raise TimeoutError
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLOUT)
        poll.poll(LOOK_S * MS)
