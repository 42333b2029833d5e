"""What a WebSocket's client says, heard by the very thread that tells it: one thread a connection, not two."""

import time

from simple_websocket import ConnectionClosed, Server
from wsproto.events import Ping

from api.live.allowance import Allowance

MESSAGES = 60  # of a client in all, which need send none
READS, READS_PER_S = 120, 2.0  # at once and in the long run: pings are heard, too
READ_BYTES = 4096
PING_S = 25
MS = 1000


class NoThread:
    """In the place of the thread that simple-websocket would read in."""

    name = ""

    def __init__(self, target: object) -> None: ...

    def start(self) -> None: ...


class Hearing:
    def __init__(self, ws: Server) -> None:
        self._ws = ws
        self._allowance = Allowance(READS, READS_PER_S)
        self._messages = 0
        self._ping_s = time.monotonic() + PING_S

    def hear(self) -> bool:
        """Reads what is there; False: it says too much.  Raises ConnectionClosed or OSError when it has left."""
        data = self._ws.sock.recv(READ_BYTES)
        if not data:
            raise OSError
        self._ws.ws.receive_data(data)
        self._ws.connected = self._ws._handle_events() and self._ws.connected  # noqa: SLF001 - as its thread does
        if not self._ws.connected:
            raise ConnectionClosed(self._ws.close_reason, self._ws.close_message)
        self._messages += len(self._ws.input_buffer)
        self._ws.input_buffer.clear()
        return self._allowance.take() and self._messages <= MESSAGES

    def rest_s(self, end: float) -> float:
        """How long it may be left alone: until it is time for a ping, or `end` (Unix time)."""
        return max(0.0, min(self._ping_s - time.monotonic(), end - time.time()))

    def ping(self) -> bool:
        """When it is time for one; False: the last one was not answered."""
        if time.monotonic() < self._ping_s:
            return True
        if not self._ws.pong_received:
            return False
        self._ping_s, self._ws.pong_received = time.monotonic() + PING_S, False
        self._ws.sock.send(self._ws.ws.send(Ping()))
        return True
