"""How our own pages are signed in: the user's token in a cookie that no script can read.

    POST /session     takes the token from the Authorization header, checks it, sets the cookie
    GET /session      who is signed in, and what a page must send along to change anything
    DELETE /session   takes the cookie away

The server keeps nothing.  A cookie counts only in requests of our own origin (docs/adr/0016-session-cookie.md).
"""

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, Request, Response, jsonify, request

from api.answers import Session
from api.auth import Unauthorized, User, Verifier, bearer
from api.errors import Forbidden
from api.pace import Pace
from api.schemas import iso
from api.yard import PREFIX
from jobs.errors import NotPossible

CSRF_HEADER = "X-CSRF-Token"
COOKIE_CHARS = 3800  # browsers drop a cookie that has more than 4,096 with its name and attributes
FAILURES_PER_S, BURST_S = 1 / 6, 60.0  # of one address: ten at once, then one each six seconds
LATEST = 253402300799.0  # the year 9999: a token may name a later one, a date cannot
SAFE = ("GET", "HEAD")


class StrangePage(Forbidden):
    """Only a page of this server may do this; behind a proxy, set api.proxy_hops, and let it hand on the header Host"""


class NoCsrfToken(Forbidden):
    """Send the csrf_token of GET /session in the header X-CSRF-Token"""

    code = "csrf"


def presented(asking: Request) -> str:
    """The token of a request: from its Authorization header, else from the cookie if one of our pages asks.

    Raises Unauthorized, or NoCsrfToken when a page would change something without saying that it is one of ours.
    """
    token = asking.cookies.get(cookie_name(asking))
    if "Authorization" in asking.headers or not token or not is_own_page(asking):
        return bearer(asking.headers.get("Authorization"))
    if asking.method not in SAFE:
        _check_csrf(asking, token)
    return token


def is_own_page(asking: Request) -> bool:
    """What browsers say of where a request comes from; whoever is no browser has no cookie of anybody else's."""
    origin, site = asking.headers.get("Origin"), asking.headers.get("Sec-Fetch-Site")
    return origin in (None, own_origin(asking)) and site in (None, "same-origin", "none")


def own_origin(asking: Request) -> str:
    return asking.host_url.rstrip("/")


def cookie_name(asking: Request) -> str:
    """Under __Host- a browser takes a cookie from this very host and over https alone, from no neighbour."""
    return "__Host-yardmaster" if asking.is_secure else "yardmaster"


def csrf_token(token: str) -> str:
    """What only who holds the token, or is told by us, can know: pages of other origins cannot read our answers."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"yardmaster csrf " + token.encode()).digest()).decode().rstrip("=")


def blueprint(verifier: Verifier) -> Blueprint:
    found = Blueprint("session", __name__, url_prefix=PREFIX)
    found.add_url_rule("/session", "sign_in", partial(_sign_in, verifier, Pace(BURST_S)), methods=["POST"])
    found.add_url_rule("/session", "session", partial(_session, verifier), methods=["GET"])
    found.add_url_rule("/session", "sign_out", _sign_out, methods=["DELETE"])
    return found


def _sign_in(verifier: Verifier, pace: Pace) -> Response:
    if not is_own_page(request):
        raise StrangePage
    token, user = _proven(verifier, pace)
    if len(token) > COOKIE_CHARS:
        raise NotPossible(f"The token is too long for a cookie: at most {COOKIE_CHARS} characters")
    answer = jsonify(_told(user, token))
    _set_cookie(answer, token, max_age_s=int(_end(user) - time.time()))
    return answer


def _proven(verifier: Verifier, pace: Pace) -> tuple[str, User]:
    """Raises Unauthorized; TooFast for an address from which too many have failed, whatever it brings now."""
    address = request.remote_addr or ""
    pace.look(address, FAILURES_PER_S)
    try:
        token = bearer(request.headers.get("Authorization"))
        return token, verifier.user(token)
    except Unauthorized:
        pace.keep(address, FAILURES_PER_S)
        raise


def _session(verifier: Verifier) -> Session:
    token = presented(request)
    return _told(verifier.user(token), token)


def _sign_out() -> Response:
    """Also for a cookie that has expired, or whose key has: whoever has none, has nothing to lose."""
    if token := request.cookies.get(cookie_name(request)):
        if not is_own_page(request):
            raise StrangePage
        _check_csrf(request, token)
    answer = jsonify({"success": True, "message": "Signed out"})
    _set_cookie(answer, "", max_age_s=0)
    return answer


def _check_csrf(asking: Request, token: str) -> None:
    given = asking.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token(token).encode()):
        raise NoCsrfToken


def _set_cookie(answer: Response, token: str, *, max_age_s: int) -> None:
    name, secure = cookie_name(request), request.is_secure
    answer.set_cookie(name, token, max_age=max_age_s, path="/", secure=secure, httponly=True, samesite="Strict")


def _told(user: User, token: str) -> Session:
    return {
        "success": True,
        "user_id": user.id,
        "operator": user.operator,
        "expires_at": iso(datetime.fromtimestamp(_end(user), UTC)),
        "csrf_token": csrf_token(token),
    }


def _end(user: User) -> float:
    return min(user.expires_at, LATEST)
