"""A WebSocket that carries packets of engine.io, read by the thread that serves it.

simple-websocket reads in a thread of its own; here there is none, and no compression, which would hold 300 KB for each
connection.
"""

import select
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from engineio.packet import Packet
from simple_websocket import ConnectionClosed, Server
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from api.auth import TOKEN_CHARS
from api.live.allowance import Allowance
from api.live.hearing import MS, READ_BYTES, READS, READS_PER_S, NoThread
from api.live.offering import Offering

MESSAGE_BYTES = TOKEN_CHARS + 1024  # of a client, over either transport: its token, and what is around it


class Frames(Server):  # type: ignore[misc]  # simple-websocket has no types
    """Its socket is an Offering.

    Raises what wsproto says of a faulty handshake, and RuntimeError where the server gives no socket.
    """

    connected: bool

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._allowance = Allowance(READS, READS_PER_S)
        plain = {name: value for name, value in environ.items() if name != "HTTP_SEC_WEBSOCKET_EXTENSIONS"}
        for name in ("gunicorn.socket", "werkzeug.socket"):
            if name in plain:
                plain[name] = Offering(plain[name])
        super().__init__(plain, max_message_size=MESSAGE_BYTES, receive_bytes=READ_BYTES, thread_class=NoThread)

    def next(self, within_s: float) -> str | None:
        """The next packet; None: none has come.  Raises OSError when there will be none any more."""
        end_s = time.monotonic() + within_s
        while not self.input_buffer:
            if not _readable(self.sock, max(0.0, end_s - time.monotonic())):
                return None
            self._read()
        return self._checked(self.input_buffer.pop(0))

    def hear(self) -> list[str]:
        """The packets that have come.  Raises OSError when there will be none any more."""
        self._read()
        messages = list(self.input_buffer)
        self.input_buffer.clear()
        return [self._checked(message) for message in messages]

    def send(self, message: str) -> None:
        """Raises OSError when the client is gone."""
        try:
            super().send(message)
        except (ConnectionClosed, LocalProtocolError):
            raise OSError from None

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """Says so to the client, if it is not gone."""
        with suppress(ConnectionClosed, OSError, LocalProtocolError):
            super().close(reason, message)

    def cut(self) -> None:
        """Ends it at once, also for a thread that waits for a client who does not read."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        data = self.sock.recv(self.receive_bytes) if self.connected else b""
        if not data:
            raise OSError
        if not self._allowance.take():  # pings, for packets are counted elsewhere
            self.close(CloseReason.POLICY_VIOLATION, "too many messages")
            raise OSError
        try:
            self.ws.receive_data(data)
        except LocalProtocolError:  # after its own end
            raise OSError from None
        self.connected = self._handle_events() and self.connected

    def _checked(self, message: str | bytes) -> str:
        if isinstance(message, str) and is_packet(message):
            return message
        self.close(CloseReason.UNSUPPORTED_DATA)
        raise OSError


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
