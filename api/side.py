"""The small HTTP server of a process that has no other: metrics and health of `./run work`, on a port of their own."""

import threading
from collections.abc import Callable, Iterable

from flask import Flask
from sqlalchemy import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from api import health, metrics
from api.app import make_bare
from api.server import listen
from config import Config, Taken
from jobs import telemetry
from jobs.telemetry import SchedulerStatus

SILENT_CLIENT_S = 10  # who says nothing for so long is let go: each holds a thread


class _Handler(WSGIRequestHandler):
    timeout = SILENT_CLIENT_S


def create_side_app(
    settings: Callable[[], Config],
    engine: Engine,
    status: Callable[[], SchedulerStatus | None],
    job_types: Iterable[str],
    taken: Callable[[], Taken],
) -> Flask:
    """Metrics and health, as create_app() has them, and nothing else."""
    app = make_bare(settings())
    counted = metrics.Metrics(settings, engine, status, job_types, taken)
    counted.requests.register(app)
    telemetry.subscribe(counted.heard)
    app.register_blueprint(health.blueprint(settings, engine, status, taken, lambda: None))
    app.register_blueprint(metrics.blueprint(settings, counted))
    return app


def serve(app: Flask, bind: str, port: int) -> None:
    """Answers from now on, in threads that end with the process.  Raises SetupError for a port that is taken."""
    listener = listen(bind, port, "scheduler.metrics_port")
    server = make_server(bind, port, app, threaded=True, request_handler=_Handler, fd=listener.detach())
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
