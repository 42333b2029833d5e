"""Requests by route and status, and how long they took."""

import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # a request may wait 30 s for its job
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # a client may make up others


class RequestCounts:
    """A route is shown as its rule, never as the path that was asked for; what has no rule is "unmatched"."""

    def __init__(self, here: CollectorRegistry) -> None:
        self._here, of_route = here, ["method", "route"]
        self._requests = Counter(
            "yardmaster_http_requests", "Requests that were answered", [*of_route, "status"], registry=here
        )
        self._time = Histogram(
            "yardmaster_http_request_seconds", "Time to the answer", of_route, registry=here, buckets=BUCKETS_S
        )

    def register(self, app: Flask) -> None:
        """After access_log.register(), which notes when a request began."""
        app.after_request(self._answered)

    def show_audience(self, waiting: Callable[[], int], sockets: Callable[[], int]) -> None:
        """How many requests wait for the end of their job, and how many connections follow their user's jobs."""
        help_text = "Requests that wait for the end of their job"
        Gauge("yardmaster_requests_waiting", help_text, registry=self._here).set_function(waiting)
        Gauge(
            "yardmaster_sockets", "Connections that follow jobs, WebSocket and Socket.IO", registry=self._here
        ).set_function(sockets)

    def _answered(self, response: Response) -> Response:
        method = request.method if request.method in METHODS else "other"
        route = str(request.url_rule or "unmatched")
        self._requests.labels(method, route, response.status_code).inc()
        # A WebSocket, and a request that only waits for news (Socket.IO's), last as long as they are wanted.
        has_time = response.status_code != HTTPStatus.SWITCHING_PROTOCOLS and "waits_for_news" not in g
        if "began" in g and has_time:
            self._time.labels(method, route).observe(time.monotonic() - g.began)
        return response
