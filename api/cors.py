"""Lets the pages of named origins call the API from a browser; exact names only, credentials only with them."""

from collections.abc import Callable, Collection

from flask import Flask, Response, request

METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
# The last three are names of answers, which some Socket.IO clients send as requests: their preflight asks for them.
REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Request-ID, "
    "Access-Control-Allow-Origin, Access-Control-Allow-Methods, Access-Control-Allow-Headers"
)
ANSWER_HEADERS = (
    "ETag, Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID"
)
PREFLIGHT_S = "600"  # as long as browsers keep the answer to a preflight; Chromium's own limit is 7200


def register(app: Flask, origins: Callable[[], Collection[str]]) -> None:
    """`origins` as browsers write them: https://app.example.org, without a path."""

    @app.after_request
    def _allow(response: Response) -> Response:
        if not (allowed := origins()):
            return response
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS
            if _is_preflight():
                response.headers["Access-Control-Allow-Methods"] = METHODS
                response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
                response.headers["Access-Control-Max-Age"] = PREFLIGHT_S
        return response


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
