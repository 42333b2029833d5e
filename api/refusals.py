"""What a client is told whose request never gets as far as the application: it is no HTTP, too large or too slow.

Same shape, security headers and log line as every other error; nothing of the request is repeated.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors

from api import access_log
from api.app import REQUEST_ID, SECURITY

RETRY_S = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    status: HTTPStatus
    code: str
    message: str


class Refused(Exception):
    """A request is refused before the application sees it; says what to answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _bad(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_request", message)


LATE_HEAD = Refusal(HTTPStatus.REQUEST_TIMEOUT, "too_slow", "The request's headers took too long; send them at once")
LATE_BODY = Refusal(HTTPStatus.REQUEST_TIMEOUT, "too_slow", "The request's body took too long; send it faster")
LONG_BODY = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is too large")
LONG_HEAD = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", "The headers are too many or too large"
)
LONG_LINE = Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long", "The address is too long; send a shorter query")
CROWDED = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many large requests come at once; try again soon")
INTERNAL = Refusal(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal",
    "Something went wrong on our side; the log tells more under this request_id",
)
BROKEN = _bad("The request is not valid HTTP")
BY_KIND: Mapping[type[Exception], Refusal] = {  # the nearest ancestor counts; none of them is the server's fault
    errors.ParseException: BROKEN,
    errors.NoMoreData: _bad("The body ends too early"),
    errors.InvalidRequestLine: _bad("The request line is not valid HTTP"),
    errors.InvalidRequestMethod: _bad("The method is not one of HTTP: it is written in capitals"),
    errors.InvalidHTTPVersion: _bad("The HTTP version is not known: use HTTP/1.1"),
    errors.InvalidHeader: _bad("A header is not valid, comes twice, or contradicts another one"),
    errors.InvalidHeaderName: _bad("A header's name is not valid"),
    errors.ObsoleteFolding: _bad("A header must stand on one line"),
    errors.UnsupportedTransferCoding: _bad("The only Transfer-Encoding that is known is chunked"),
    errors.InvalidChunkSize: _bad("The chunks of the body are not valid"),
    errors.InvalidChunkExtension: _bad("The chunks of the body are not valid"),
    errors.ChunkMissingTerminator: _bad("The chunks of the body are not valid"),
    errors.LimitRequestLine: LONG_LINE,
    errors.LimitRequestHeaders: LONG_HEAD,
    errors.ExpectationFailed: Refusal(
        HTTPStatus.EXPECTATION_FAILED, "expectation_failed", "The only Expect that is known is 100-continue"
    ),
}


def refusal(fault: Exception) -> Refusal:
    """What gunicorn's parser found, as an answer."""
    return next(BY_KIND[kind] for kind in (*type(fault).__mro__, errors.ParseException) if kind in BY_KIND)


def answered(told: Refusal, request: Any, took_s: float) -> bytes:
    """The whole answer, which is also written to the log.  `request` is gunicorn's; None: it could not be read."""
    request_id = _request_id(request)
    method = getattr(request, "method", None)
    access_log.tell(request_id, method=method, status=told.status, took_s=took_s)
    body = json.dumps({"error": told.message, "code": told.code, "request_id": request_id, "details": []}).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "Connection": "close",  # where the next request would begin is not known
        "X-Request-ID": request_id,
        **({"Retry-After": RETRY_S} if told.status is HTTPStatus.SERVICE_UNAVAILABLE else {}),
        **SECURITY,
    }
    lines = [f"HTTP/1.1 {told.status.value} {told.status.phrase}", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if method == "HEAD" else body)


def _request_id(request: Any) -> str:
    """The client's own X-Request-ID, as in api.app, when the headers could be read."""
    given = [value for name, value in getattr(request, "headers", ()) if name == "X-REQUEST-ID"]
    return given[0] if len(given) == 1 and REQUEST_ID.fullmatch(given[0]) else uuid.uuid4().hex
