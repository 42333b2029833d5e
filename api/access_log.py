"""One line for each request: who, what, how it ended, how long it took; never a query, a body or a token."""

import logging
import time

from flask import Flask, Response, g, request

log = logging.getLogger("yardmaster.requests")

PROBES = ("/livez", "/readyz", "/health", "/metrics")  # asked every few seconds, for ever
MS = 1000


def register(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_told)


def _begin() -> None:
    g.began = time.monotonic()


def _told(response: Response) -> Response:
    route = str(request.url_rule or "unknown")
    fields = {
        "request_id": g.get("request_id", ""),
        "user": g.get("user_id"),
        "method": request.method,
        "route": route,
        "status": response.status_code,
        "ms": round((time.monotonic() - g.began) * MS, 1) if "began" in g else None,
    }
    level = logging.DEBUG if route.endswith(PROBES) else logging.INFO
    words = "%(method)s %(route)s %(status)s in %(ms)s ms, user %(user)s, request %(request_id)s"
    log.log(level, words, fields, extra={"fields": fields})
    return response
