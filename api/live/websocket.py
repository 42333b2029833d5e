"""The WebSocket under which a user follows the own jobs: GET /ws, token in the subprotocol, events as JSON.

    new WebSocket("wss://host/api/ai-agent/ws", ["bearer", token])      {"event": "ai_job_update", "data": {...}}

Each connection holds one thread of the server, which hears, and tells what the client does not take at once; the server
has as many threads more as there may be connections, so that they take nothing from the requests.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import NoReturn

from flask import Blueprint, Flask, Response, g, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

from api.auth import User, Verifier
from api.errors import UpgradeRequired
from api.live.follower import Follower
from api.live.hearing import Hearing, NoThread
from api.live.hub import Full, Hub
from api.live.messages import Messages
from api.live.offering import Offering
from api.live.origin import check_origin
from api.live.telling import Telling
from api.session import presented
from api.yard import PREFIX
from config import Config

log = logging.getLogger(__name__)

SUBPROTOCOL = "bearer"
MESSAGE_BYTES = 4096  # of a client; none is needed
GOING_AWAY, POLICY, INTERNAL, TRY_AGAIN = 1001, 1008, 1011, 1013  # RFC 6455, section 7.4.1; 1013 is in its registry


def register(app: Flask, hub: Hub, verifier: Verifier, settings: Callable[[], Config]) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = {
        "subprotocols": [SUBPROTOCOL],
        "thread_class": NoThread,
        "max_message_size": MESSAGE_BYTES,
    }
    found = Blueprint("live", __name__, url_prefix=PREFIX)
    found.before_request(lambda: _enter(hub, verifier, settings().api.origins))
    found.add_url_rule("/ws", "upgrade", _upgrade)  # for whoever asks without the handshake
    found.after_request(_told)
    found.teardown_request(lambda _: _leave(hub))
    Sock().route("/ws", bp=found)(lambda ws: _serve(ws, hub))
    app.register_blueprint(found)


def _enter(hub: Hub, verifier: Verifier, origins: tuple[str, ...]) -> None:
    """Before the handshake: a page of another origin, or nobody, is refused as every request is.

    Whoever is connected follows already: what it asks for over HTTP then cannot end unheard.
    """
    check_origin(origins)
    g.user = verifier.user(_token())
    g.user_id = g.user.id
    g.follower, g.telling = None, Telling()
    with suppress(Full):  # which a browser can be told after the handshake only
        g.follower = hub.enter(g.user.id, g.telling.wake)
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # compression: 120 KB for each connection
    for name in ("gunicorn.socket", "werkzeug.socket"):
        if name in request.environ:
            request.environ[name] = Offering(request.environ[name])


def _token() -> str:
    """From the subprotocols, which is all that a browser can set, or as in any request.  Raises Unauthorized."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    match [part.strip() for part in offered]:
        case [name, token] if name == SUBPROTOCOL:
            return token
    return presented(request)  # the cookie counts for our own page alone, not for those that api.origins names


def _told(response: Response) -> Response:
    """What log and metrics are to call a connection that has ended in order: flask-sock's own answer says 200."""
    if request.method == "GET" and response.status_code == HTTPStatus.OK:
        response.status_code = HTTPStatus.SWITCHING_PROTOCOLS
    return response


def _upgrade() -> NoReturn:
    raise UpgradeRequired


def _leave(hub: Hub) -> None:
    if follower := g.get("follower"):
        hub.leave(follower)
    if "telling" in g:
        g.telling.close()


def _serve(ws: Server, hub: Hub) -> None:
    try:
        _follow(ws, hub, g.follower, g.telling, g.user)
    except (ConnectionClosed, OSError):  # the client is gone, or too slow to be told that it has to go
        pass
    except Exception:  # an answer of HTTP would go into the WebSocket
        log.exception("a WebSocket broke off")
        with suppress(ConnectionClosed, OSError):
            ws.close(INTERNAL, "something went wrong; connect again")


def _follow(ws: Server, hub: Hub, follower: Follower | None, telling: Telling, user: User) -> None:
    if follower is None:
        ws.close(TRY_AGAIN, "too many connections; try again later")
        return
    hub.show(follower)
    messages = Messages(follower, user.expires_at)
    ws.sock.is_over = messages.is_over
    telling.begin(ws, messages)
    ws.close(*_tell(ws, follower, telling, user))


def _tell(ws: Server, follower: Follower, telling: Telling, user: User) -> tuple[int, str]:
    """Sends what there is until the connection has to go; returns why.  Raises ConnectionClosed, OSError."""
    hearing = Hearing(ws)
    while not follower.closed:
        telling.send()
        if follower.overrun:
            return TRY_AGAIN, "too slow; connect again"
        if time.time() >= user.expires_at:
            return POLICY, "the token has expired"
        if telling.wait(hearing.rest_s(user.expires_at)) and not hearing.hear():
            return POLICY, "too many messages"
        if not hearing.ping():
            return POLICY, "no answer to a ping"
    return GOING_AWAY, "the server is stopping"
