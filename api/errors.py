"""What a client is told when something goes wrong: one table from class to HTTP status, one shape for every error.

    {"error": "Job not found", "code": "not_found", "request_id": "...", "details": []}

`details` holds {"field", "message"} for each fault of the input.  Texts are ours: an exception's own text, which may
hold SQL or what the client sent, goes to the log alone.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from flask import Flask, Response, g, jsonify
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from api.answers import Detail, Error
from api.auth import Unauthorized
from api.key_set import AuthUnavailable
from jobs.errors import Conflict, NotFound, NotPossible, YardError
from jobs.limits import TooMany

log = logging.getLogger(__name__)

PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Faulty(YardError):
    """The request cannot be used"""

    def __init__(self, message: str | None = None, details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.details = details


class Malformed(Faulty):
    """The body is not valid JSON"""

    code = "malformed"


class Forbidden(Faulty):
    """This is not allowed"""

    code = "forbidden"


class TooLarge(Faulty):
    """The body is too large"""

    code = "too_large"


class WrongType(Faulty):
    """The body must be JSON: send the header Content-Type: application/json"""

    code = "wrong_content_type"


class UpgradeRequired(Faulty):
    """This address is a WebSocket: connect to it as ws:// or wss://"""

    code = "upgrade_required"


class Busy(Faulty):
    """Too much is asked at once; try again soon"""

    code = "busy"


class Invalid(Faulty):
    """Some fields are not valid"""

    code = "invalid"


STATUS: Mapping[type[Exception], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    NotPossible: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    WrongType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    UpgradeRequired: HTTPStatus.UPGRADE_REQUIRED,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    AuthUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    exc.OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,
    exc.InterfaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    exc.TimeoutError: HTTPStatus.SERVICE_UNAVAILABLE,  # no connection was free
}
HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.UPGRADE_REQUIRED: {"Upgrade": "websocket", "Connection": "Upgrade"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}
OURS = "Something went wrong on our side; the log tells more under this request_id"
AWAY = "The database cannot be reached; try again soon"


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _raised)


def error_body(code: str, message: str, details: Sequence[Detail] = ()) -> Error:
    return {"error": message, "code": code, "request_id": g.get("request_id", ""), "details": list(details)}


def shown(name: object) -> str:
    """A field's name as a client may be told it: what is not plain is not repeated."""
    return str(name) if PLAIN_NAME.fullmatch(str(name)) else "?"


def _raised(error: Exception) -> Response:
    status = _status(error)
    if status is HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, YardError):
        log.warning("request %s: the database did not answer (%s)", g.get("request_id"), type(error).__name__)
        return _answer(status, error_body("database_unavailable", AWAY))
    if not isinstance(error, YardError) or status is HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request %s: unexpected %s", g.get("request_id"), type(error).__name__, exc_info=error)
        return _answer(status, error_body("internal", OURS))
    answer = _answer(status, error_body(error.code, str(error), getattr(error, "details", ())))
    if isinstance(error, TooMany):
        answer.headers.update(_pace(error))
    return answer


def _pace(error: TooMany) -> dict[str, str]:
    """The RateLimit fields are those of the IETF's draft-ietf-httpapi-ratelimit-headers, up to its version 07."""
    told = {"RateLimit-Limit": str(error.limit), "RateLimit-Remaining": "0"}
    if error.retry_after_s is None:
        return told
    return told | {"Retry-After": str(error.retry_after_s), "RateLimit-Reset": str(error.retry_after_s)}


def _status(error: Exception) -> HTTPStatus:
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return HTTPStatus.SERVICE_UNAVAILABLE  # a line cut in mid-answer may raise any class
    found = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(status: HTTPStatus, body: Error) -> Response:
    response = jsonify(body)
    response.status_code = status
    response.headers.update(HEADERS.get(status, {}))
    return response


def _http(error: HTTPException) -> Response:
    """Flask's own refusals, in our shape; their headers stay (Allow on a 405), their texts do not."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(status, error_body("internal", OURS))
    code = status.phrase.lower().replace(" ", "_")
    response = _answer(status, error_body(code, status.phrase))
    response.headers.update({name: value for name, value in error.get_headers() if name != "Content-Type"})
    return response
