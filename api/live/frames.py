"""A WebSocket as engine.io wants it: read by the thread that serves it, one text message after the other.

simple-websocket reads in a thread of its own; here there is none, and no compression, which would hold 300 KB for each
connection.
"""

import select
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from engineio.packet import Packet
from simple_websocket import ConnectionClosed, Server
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from api.auth import TOKEN_CHARS
from api.live.allowance import Allowance
from api.live.hearing import MS, READ_BYTES, READS, READS_PER_S, NoThread
from api.live.whole import Whole

MESSAGE_BYTES = TOKEN_CHARS + 1024  # of a client, over either transport: its token, and what is around it


class Frames(Server):  # type: ignore[misc]  # simple-websocket has no types
    """`wait`, `send` and `close` are what engine.io calls.

    `patience_s` says how long the next message may take, None: as long as it likes.  Raises what wsproto says of a
    faulty handshake, and RuntimeError where the server gives no socket.
    """

    connected: bool

    def __init__(self, environ: Mapping[str, Any], patience_s: Callable[[], float | None]) -> None:
        self._patience_s, self._allowance = patience_s, Allowance(READS, READS_PER_S)
        plain = {name: value for name, value in environ.items() if name != "HTTP_SEC_WEBSOCKET_EXTENSIONS"}
        for name in ("gunicorn.socket", "werkzeug.socket"):
            if name in plain:
                plain[name] = Whole(plain[name])
        super().__init__(plain, max_message_size=MESSAGE_BYTES, receive_bytes=READ_BYTES, thread_class=NoThread)

    def wait(self) -> str | None:
        """The next message, a packet that can be read; None: there will be none any more."""
        with suppress(ConnectionClosed, OSError, LocalProtocolError):
            message = self.receive()
            if isinstance(message, str) and is_packet(message):
                return message
        self.close(CloseReason.UNSUPPORTED_DATA)
        return None

    def receive(self, timeout: float | None = None) -> str | bytes | None:  # noqa: ARG002 - the library's signature
        """Raises ConnectionClosed, OSError."""
        while self.connected and not self.input_buffer:
            patience_s = self._patience_s()
            if patience_s is not None and not _readable(self.sock, patience_s):
                return None
            self._take(self.sock.recv(self.receive_bytes))
        if not self.input_buffer:
            raise ConnectionClosed(self.close_reason, self.close_message)
        message: str | bytes = self.input_buffer.pop(0)
        return message

    def send(self, message: str) -> None:
        """Raises OSError when the client is gone."""
        try:
            super().send(message)
        except (ConnectionClosed, LocalProtocolError):
            raise OSError from None

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """Says so to the client, whose own word then ends `wait`."""
        with suppress(ConnectionClosed, OSError, LocalProtocolError):
            super().close(reason, message)

    def cut(self) -> None:
        """Ends it at once, also for a thread that waits for a client who does not read."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _take(self, data: bytes) -> None:
        if not data:
            raise OSError
        if not self._allowance.take():  # pings, for packets are counted elsewhere
            self.close(CloseReason.POLICY_VIOLATION, "too many messages")
            raise OSError
        self.ws.receive_data(data)
        self.connected = self._handle_events() and self.connected


def is_packet(text: str) -> bool:
    """Whether it is one of engine.io that we take: text, and such that the library can read it."""
    try:
        return not Packet(encoded_packet=text).binary
    except (ValueError, RecursionError):  # the second: JSON of a thousand brackets
        return False


def _readable(sock: Any, within_s: float) -> bool:
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(within_s * MS))
