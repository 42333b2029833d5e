"""Socket.IO, for clients that speak it: /socket.io/ (Engine.IO 4), the same events as over the WebSocket.

    io(url, {auth: {token}}).on("ai_job_update" | "ai_job_complete" | "ai_job_error", data => ...)

    GET without a sid   a new session          GET with one                  waits for packets, 25 s at most
    POST                the client's packets   GET with Upgrade: websocket   frames, from now on or from the start

A GET that waits holds a thread of the server, as a WebSocket does; the server has as many more for them.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from engineio.exceptions import EngineIOError
from engineio.packet import CLOSE, NOOP, Packet
from engineio.payload import Payload
from flask import Blueprint, Flask, Response, current_app, g, request
from werkzeug.exceptions import MethodNotAllowed
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from api.auth import Unauthorized, Verifier
from api.body import read_raw
from api.errors import Malformed, UpgradeRequired
from api.live.carrying import carry
from api.live.engine import Session
from api.live.frames import MESSAGE_BYTES, Frames
from api.live.hub import Hub
from api.live.origin import check_origin
from api.live.sessions import Sessions
from api.session import presented
from api.yard import SOCKET_IO
from config import Config

log = logging.getLogger(__name__)

GONE = "There is no such session; connect again"
TRANSPORTS = ("polling", "websocket")
KEPT = ("REQUEST_METHOD", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_HOST", "wsgi.url_scheme")


def register(app: Flask, hub: Hub, verifier: Verifier, settings: Callable[[], Config]) -> None:
    sessions, found = Sessions(hub, verifier), Blueprint("socketio", __name__)
    listen = partial(_listen, sessions, lambda: settings().api.sockets.most)
    found.before_request(lambda: check_origin(settings().api.origins))
    for websocket in (False, True):  # whether the request asks for one: Werkzeug keeps them apart
        found.add_url_rule(SOCKET_IO, "listen", listen, methods=["GET"], websocket=websocket, strict_slashes=False)
    found.add_url_rule(SOCKET_IO, "say", partial(_say, sessions), methods=["POST"], strict_slashes=False)
    app.register_blueprint(found)


def _listen(sessions: Sessions, most: Callable[[], int]) -> Response:
    if request.method != "GET":  # HEAD would take packets and not deliver them
        raise MethodNotAllowed(valid_methods=["GET", "POST", "OPTIONS"])
    transport = request.args.get("transport", TRANSPORTS[0])
    if transport not in TRANSPORTS:
        raise Malformed("The transport is polling or websocket")
    if transport == "websocket":
        with sessions.place(most()):
            return _follow(sessions)
    if "sid" not in request.args:
        return _packets(_opened(sessions, transport).poll())
    session = _known(sessions)
    g.waits_for_news = True
    with _alone(session.polling), sessions.place(most()):
        session.line = request.environ.get("gunicorn.socket")
        try:
            return _packets(_news(session))
        finally:
            session.line = None


def _say(sessions: Sessions) -> Response:
    session = _known(sessions)
    raw = read_raw(request, MESSAGE_BYTES)
    try:
        for packet in Payload(encoded_payload=raw.decode()).packets:
            session.receive(packet)
    except (EngineIOError, ValueError, LookupError, RecursionError):  # the last one: JSON of a thousand brackets
        session.close()
        raise Malformed("The body holds no packets of Engine.IO") from None
    _name(session)
    return Response("ok", content_type="text/plain; charset=UTF-8")


def _opened(sessions: Sessions, transport: str) -> Session:
    if request.args.get("EIO") != "4":
        raise Malformed("This server speaks Engine.IO 4: connect with a Socket.IO client of version 3 or 4")
    kept: dict[str, Any] = {name: request.environ[name] for name in KEPT if name in request.environ}
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - as Flask's docs do
    return sessions.open(transport, {**kept, "flask.app": app}, _offered())


def _offered() -> str | None:
    """The token in a header, or in the cookie of our own page, for a client that gives none in `auth`."""
    with suppress(Unauthorized):
        return presented(request)
    return None


def _known(sessions: Sessions) -> Session:
    """Not one that has become a WebSocket."""
    session = sessions.find(request.args.get("sid", ""))
    if session is None or session.upgraded:
        raise Malformed(GONE)
    _name(session)
    return session


def _name(session: Session) -> None:
    """For the log's line of the request."""
    g.user_id = session.user.id if session.user else None


def _news(session: Session) -> list[Packet]:
    if session.upgrading:
        return [Packet(NOOP)]  # the rest goes over the WebSocket
    if session.is_done:
        raise Malformed(GONE)
    try:
        return session.poll() or [Packet(CLOSE)]  # none: the client has ended it by another request
    except EngineIOError:  # nothing came, not even our own ping
        session.close()
        return [Packet(CLOSE)]


def _packets(packets: list[Packet]) -> Response:
    return Response(Payload(packets=packets).encode(), content_type="text/plain; charset=UTF-8")


def _follow(sessions: Sessions) -> Response:
    """The session over a WebSocket, from the handshake to the end."""
    session = _known(sessions) if "sid" in request.args else _opened(sessions, "websocket")
    with _alone(session.framing):
        try:
            session.frames = Frames(request.environ)
        except (LocalProtocolError, OSError, RemoteProtocolError, RuntimeError):
            if not session.connected:
                session.close()
            raise UpgradeRequired from None
        _carry(session, session.frames)
        session.frames = None  # each holds the other
    _name(session)
    return _Taken(status=HTTPStatus.SWITCHING_PROTOCOLS)


def _carry(session: Session, frames: Frames) -> None:
    try:
        carry(session, frames)
    except (EngineIOError, OSError):  # it has just ended, or the client is gone
        pass
    except Exception:  # an answer of HTTP would go into the WebSocket
        log.exception("a Socket.IO connection broke off")
        session.close()
    frames.close()


@contextmanager
def _alone(kind: threading.Lock) -> Iterator[None]:
    """For one request of its kind and session at a time."""
    if not kind.acquire(blocking=False):
        raise Malformed("Another request of this session is under way")
    try:
        yield
    finally:
        kind.release()


class _Taken(Response):
    """The socket is the WebSocket's, and nothing more is written to it; gunicorn knows this sign."""

    def __call__(self, *_given: Any, **_named: Any) -> Any:
        raise StopIteration
