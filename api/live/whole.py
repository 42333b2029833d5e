"""A connection's socket, as simple-websocket uses it: frames of two threads never mix, and none is cut."""

import socket
import threading
from contextlib import suppress
from typing import Any

UNSENT_S = 30  # a reader that has taken nothing for so long is gone


class Whole:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        with suppress(OSError):  # not every socket is one of TCP
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_S * 1000)

    def send(self, data: bytes) -> int:
        with self._sending:
            socket.socket.sendall(self._sock, data)  # which waits: api.line.Line's own would keep all that is not read
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
