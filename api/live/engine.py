"""engine.io as this server runs it: sessions that hold no thread while they are silent, and cannot grow.

The library's own server starts a thread for each ping, waits without end for a client that is gone, and queues without
bound.  Here one thread (api.live.teller) pings and looks at every session, and its queue is kept short.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any

from engineio import Server
from engineio.exceptions import EngineIOError, UnknownPacketError
from engineio.packet import MESSAGE, OPEN, PING, Packet
from engineio.socket import Socket

from api.auth import User
from api.live.allowance import Allowance
from api.live.follower import Follower
from api.live.frames import MESSAGE_BYTES, Frames
from api.live.telling import Telling

PING_S, PONG_S = 25, 20
CONNECT_S = 5.0  # for a client to prove who it is; also for one that wants to change to a WebSocket
CUT_S = 2.0  # for a client to hear that the connection ends
HALF_OPEN = 48  # sessions that have not proved who they are, at a time
QUEUED = 4  # messages on their way to a client; the others wait in its Follower, where they merge
PACKETS, PACKETS_PER_S = 60, 1.0  # of a client, at once and in the long run; it needs one each PING_S
LEAVE = "1"  # Socket.IO's DISCONNECT: its client does not come back by itself


log = logging.getLogger(__name__)


class Session(Socket):  # type: ignore[misc]  # engine.io has no types
    """`follower` and `user` are None until the client has said who it is; `is_ready`: it has been told so."""

    last_ping: float | None  # when one went out that is not answered yet

    def __init__(self, server: "Engine", sid: str) -> None:
        super().__init__(server, sid)
        self.follower: Follower | None = None
        self.user: User | None = None
        self.is_ready = False
        self.is_held_back = False  # the queue is full, and something waits for room in it
        self.polling, self.framing = threading.Lock(), threading.Lock()  # held by the one request of each kind
        self.filling = threading.Lock()  # held by who takes from the Follower and queues it, or the order would be lost
        self.frames: Frames | None = None
        self.telling: Telling | None = None  # who sends what is queued, over a WebSocket
        self.line: socket.socket | None = None  # of the request that waits
        self.since_s = time.monotonic()  # without a user
        self._ending = threading.Lock()
        self.closed_s: float | None = None
        self._ping_s: float | None = None
        self._allowance = Allowance(PACKETS, PACKETS_PER_S)

    @property
    def is_done(self) -> bool:
        """Whether its client has been told everything, the end too."""
        return bool(self.closed) and self.queue.empty()

    def is_over(self, now_s: float) -> bool:
        """Whether its token has ended, or it has had the time to send one."""
        if self.follower is None or self.user is None:
            return now_s >= self.since_s + CONNECT_S
        return time.time() >= self.user.expires_at

    def forget(self) -> Follower | None:
        """Its client has left, and may say again who it is; returns whom it followed with."""
        follower, self.follower, self.is_ready = self.follower, None, False
        self.since_s = time.monotonic() if follower else self.since_s
        return follower

    def tell(self, text: str) -> None:
        """Queues a packet of socket.io's.  Raises EngineIOError when the session is over."""
        self.send(Packet(MESSAGE, data=text))

    def send(self, pkt: Packet) -> None:
        super().send(pkt)
        self._wake()

    @property
    def is_ending(self) -> bool:
        return bool(self.closed)

    def take(self, most: int) -> list[str]:
        """What is queued, for a WebSocket."""
        taken: list[Packet | None] = []
        with suppress(Empty):
            while len(taken) < most:
                taken.append(self.queue.get_nowait())
        if self.is_held_back:
            self.server.wake(self)
        return [packet.encode() for packet in taken if packet]

    def poll(self) -> list[Packet]:
        packets: list[Packet] = super().poll()
        if self.is_held_back:
            self.server.wake(self)
        return packets

    def receive(self, pkt: Packet) -> None:
        """Raises EngineIOError for what cannot be used, or when the session is over."""
        if not self._allowance.take():
            self.tell(LEAVE)
            self.close()
        elif pkt.binary:
            raise UnknownPacketError
        else:
            super().receive(pkt)

    def schedule_ping(self) -> None:
        """The first call, and each answer to a ping."""
        if self.last_ping:
            self.last_ping, self._ping_s = None, time.monotonic() + PING_S

    def ping(self, now_s: float) -> None:
        if self._ping_s is not None and now_s >= self._ping_s:
            self._ping_s, self.last_ping = None, time.time()
            self.send(Packet(PING))

    def close(self, wait: bool = False, abort: bool = False, reason: str | None = None) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's signature
        """Never waits; what is queued still goes out if the client takes it within CUT_S."""
        if self._ending.acquire(blocking=False):  # for ever: two at the same moment would end it twice
            self.closed_s = time.monotonic()
            self.last_ping = None  # or one who has not answered would not be told
            super().close(wait=False, abort=abort, reason=reason)
            self._wake()

    def _wake(self) -> None:
        if telling := self.telling:  # which its own thread takes away when it is done
            telling.wake()

    def cut(self) -> None:
        if frames := self.frames:  # which its own thread takes away when it is done
            frames.cut()


class Engine(Server):  # type: ignore[misc]  # engine.io has no types
    """`wake` is called with a session that has room for more, and with one that has just begun."""

    def __init__(self, wake: Callable[[Session], None], **options: Any) -> None:
        super().__init__(
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            max_http_buffer_size=MESSAGE_BYTES,
            monitor_clients=False,
            cors_allowed_origins=[],  # api.cors sees to it
            **options,
        )
        self.wake = wake
        self._opening = threading.Lock()

    def open(self, transport: str, environ: dict[str, Any]) -> Session | None:
        """A new session, with its first packet in the queue; None: too many have not said who they are."""
        with self._opening:
            if sum(1 for one in self.all() if one.follower is None and not one.closing) >= HALF_OPEN:
                return None
            session = Session(self, self.generate_id())
            self.sockets[session.sid] = session
        upgrades = [] if transport == "websocket" else ["websocket"]
        times = {"pingInterval": PING_S * 1000, "pingTimeout": PONG_S * 1000}
        session.send(Packet(OPEN, {"sid": session.sid, "upgrades": upgrades, **times, "maxPayload": MESSAGE_BYTES}))
        self._trigger_event("connect", session.sid, environ)
        session.schedule_ping()
        session.connected = transport == "polling"
        self.wake(session)
        return session

    def _get_socket(self, sid: str) -> Session:
        """Raises KeyError for one that is over, which look() alone forgets: its client may still be listening."""
        session: Session = self.sockets[sid]
        if session.closed:
            raise KeyError
        return session

    def _trigger_event(self, event: str, *given: Any, **_named: Any) -> Any:
        """In the calling thread, and told in our log: the library's own shows what clients have sent."""
        try:
            return self.handlers[event](*given)
        except Exception:  # a session's fault must not end the thread that looks at all of them
            log.exception("Socket.IO: the end or the begin of a connection failed")
            return None

    def all(self) -> list[Session]:
        return list(self.sockets.copy().values())

    def look(self, now_s: float) -> None:
        """At every session: pings it, or ends it when its time is over."""
        for session in self.all():
            try:
                self._look_at(session, now_s)
            except EngineIOError:  # it has just ended
                pass
            except Exception:  # one session's fault must not keep all others from being looked at
                log.exception("a Socket.IO connection could not be looked at")

    def _look_at(self, session: Session, now_s: float) -> None:
        if session.closed_s is not None:
            if now_s >= session.closed_s + CUT_S:
                session.cut()
                self.sockets.pop(session.sid, None)
        elif session.is_over(now_s) or has_hung_up(session.line):
            session.close()
        elif session.check_ping_timeout():
            session.ping(now_s)


def has_hung_up(line: socket.socket | None) -> bool:
    """Whether the client has closed it; None: there is none that it could have."""
    try:
        return line is not None and line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:  # it says nothing, and listens
        return False
    except OSError:
        return True
