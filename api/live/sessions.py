"""What Socket.IO's clients say, and who they are: the token first, then nothing that we need.

    engine.io's session --> CONNECT {token} --> the user's Follower, as for a WebSocket --> api.live.teller

The library knows one room for each connection, and no room of a user: what is new for a connection is what its own
Follower has not told yet.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request
from flask_socketio import ConnectionRefusedError as Refused
from flask_socketio import SocketIO

from api.auth import Unauthorized, User, Verifier
from api.errors import Busy
from api.key_set import AuthUnavailable
from api.live.clients import Clients
from api.live.engine import Engine, Session
from api.live.hub import SPARE, Full, Hub
from api.live.teller import Teller

log = logging.getLogger(__name__)
silent = logging.getLogger("yardmaster.socket.io")  # what the libraries would say repeats what clients have sent
silent.disabled = True

STEPS = ("0", "1")  # CONNECT, DISCONNECT
IGNORED = ("2", "3")  # EVENT, ACK: the library would take an event that is named "connect" for the handshake
SESSION, TOKEN = "yardmaster.session", "yardmaster.token"  # in the environment of the library's requests


def is_step(data: Any) -> bool:
    """Whether it is for the library.

    Raises ValueError for what is no packet of Socket.IO, or one that would be kept until its attachments come.
    """
    if not isinstance(data, str) or data[:1] not in (*STEPS, *IGNORED):
        raise ValueError
    return data[:1] in STEPS


class Sessions:
    def __init__(self, hub: Hub, verifier: Verifier) -> None:
        self._hub, self._verifier = hub, verifier
        self._teller = Teller(self._look)
        self._lock = threading.Lock()
        self._held = 0
        hub.beside = self._beside
        self._io = SocketIO(manage_session=False)
        options = {"async_mode": "threading", "logger": silent, "async_handlers": False, "always_connect": False}
        self._io.init_app(None, client_manager=Clients(), engineio_logger=silent, **options)
        self._io.on("connect")(self._connect)
        self._io.on("disconnect")(self._leave_room)
        self.engine = self._io.server.eio = Engine(self._teller.wake, async_mode="threading", logger=silent)
        self.engine.on("connect", self._opened)
        self.engine.on("message", self._heard)
        self.engine.on("disconnect", self._gone)

    def open(self, transport: str, environ: dict[str, Any], token: str | None) -> Session:
        """`token` counts for a client that gives none of its own.  Raises Busy."""
        session = None if self._hub.is_closed else self.engine.open(transport, {**environ, TOKEN: token})
        if session is None:
            raise Busy("Too many connections begin at once; try again soon")
        return session

    def find(self, sid: str) -> Session | None:
        session: Session | None = self.engine.sockets.get(sid)
        return session

    @contextmanager
    def place(self, most: int) -> Iterator[None]:
        """For a request that waits: there are so many, those of `most` WebSockets among them.  Raises Busy."""
        with self._lock:
            if self._hub.count() + self._beside() >= most + SPARE:
                raise Busy("Too many connections wait for news; try again soon")
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1

    def _beside(self) -> int:
        """Without the lock: the hub asks, too, and holds its own."""
        return self._held - sum(1 for session in self.engine.all() if session.follower)

    # --- what the library calls

    def _opened(self, sid: str, environ: dict[str, Any]) -> None:
        environ[SESSION] = self.find(sid)
        self._io.server._handle_eio_connect(sid, environ)  # noqa: SLF001 - what its own engine would call

    def _heard(self, sid: str, data: Any) -> None:
        session = self.find(sid)
        if session is None:
            return
        try:
            if is_step(data):
                self._io.server._handle_eio_message(sid, data)  # noqa: SLF001 - what its own engine would call
        except Exception as fault:  # noqa: BLE001 - whatever a client's packet brings the library to ends that client
            log.info("a Socket.IO client sent a packet that cannot be used (%s)", type(fault).__name__)
            session.close()
        self._begin(session)

    def _connect(self, auth: Any = None) -> None:
        session: Session = request.environ[SESSION]
        session.user = self._proven(auth or {"token": request.environ[TOKEN]})
        try:
            session.follower = self._hub.enter(session.user.id, lambda: self._teller.news(session))
        except Full:
            raise Refused("too many connections; try again later", {"code": "too_many_connections"}) from None

    def _proven(self, auth: Any) -> User:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not isinstance(token, str) or not token:
            raise Refused("authentication required: connect with auth: {token}", {"code": Unauthorized.code})
        try:
            return self._verifier.user(token)
        except Unauthorized as fault:
            raise Refused(f"authentication failed: {fault}", {"code": fault.code}) from None
        except AuthUnavailable as fault:
            raise Refused("authentication is not possible now; try again soon", {"code": fault.code}) from None

    def _begin(self, session: Session) -> None:
        """Once the client has been told that it is in: its live jobs first."""
        follower = session.follower
        if follower and not session.is_ready:
            session.is_ready = True
            self._hub.show(follower)
            self._teller.wake(session)
        if session.closing:  # while it came in; it may be forgotten already, but not by the library
            self._leave(session)
            self._gone(session.sid, "")

    def _leave_room(self, _reason: str = "") -> None:
        self._leave(request.environ[SESSION])

    def _gone(self, sid: str, reason: str) -> None:
        if session := self.find(sid):
            self._leave(session)
        self._io.server._handle_eio_disconnect(sid, reason)  # noqa: SLF001 - what its own engine would call

    def _leave(self, session: Session) -> None:
        if follower := session.forget():
            self._hub.leave(follower)

    def _look(self, now_s: float) -> bool:
        if self._hub.is_closed:
            for session in self.engine.all():
                session.close()
        self.engine.look(now_s)
        return bool(self.engine.sockets)
