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


def tell(
    request_id: str,
    *,
    user: str | None = None,
    method: str | None,
    route: str = "unknown",
    status: int,
    took_s: float | None,
) -> None:
    """`route` "unknown": there is no such route, or the request could not be read.

    `method` None: the request could not be read; `took_s` None: not known.
    """
    fields = {
        "request_id": request_id,
        "user": user,
        "method": method,
        "route": route,
        "status": int(status),
        "ms": None if took_s is None else round(took_s * MS, 1),
    }
    level = logging.DEBUG if route.endswith(PROBES) else logging.INFO
    words = "%(method)s %(route)s %(status)s in %(ms)s ms, user %(user)s, request %(request_id)s"
    log.log(level, words, fields, extra={"fields": fields})


def _begin() -> None:
    g.began = time.monotonic()


def _told(response: Response) -> Response:
    took_s = time.monotonic() - g.began if "began" in g else None
    tell(
        g.get("request_id", ""),
        user=g.get("user_id"),
        method=request.method,
        route=str(request.url_rule or "unknown"),
        status=response.status_code,
        took_s=took_s,
    )
    return response
