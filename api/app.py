"""Puts the web application together; everything that it needs comes in as an argument."""

import re
import uuid
from collections.abc import Callable, Mapping

from flask import Flask, Response, g, request
from pydantic import BaseModel
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from api import access_log, cors, description, errors, health, key_set, metrics, routes, session
from api.auth import Verifier, development_secret
from api.dashboard import site
from api.live import socketio, websocket
from api.live.audience import Audience
from api.schemas import Canvas
from api.yard import CANVAS, Hints, Yard
from config import Config, Taken
from jobs import telemetry
from jobs.telemetry import SchedulerStatus

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def create_app(
    settings: Callable[[], Config],
    engine: Engine,
    hints: Hints,
    status: Callable[[], SchedulerStatus | None],
    *,
    job_types: Mapping[str, type[BaseModel] | None],
    audience: Audience,
    taken: Callable[[], Taken] = Taken,
) -> Flask:
    """The application that gunicorn serves.

    `settings` gives the configuration as it is now; `status` how the scheduler in this process is, None without one;
    `job_types` what may be asked for (see api.yard.Yard); `audience` is to be told what happens in other processes.
    `taken` says which configuration that is, and whether its file is broken.
    Raises SetupError when there is no key to check tokens with.
    """
    app = make_bare(settings())
    cors.register(app, lambda: settings().api.origins)
    counted = metrics.Metrics(settings, engine, status, [*job_types, CANVAS], taken)
    counted.requests.register(app)
    counted.requests.show_audience(lambda: audience.waiting.count, audience.hub.count)
    telemetry.subscribe(counted.heard)
    yard = Yard(settings, engine, hints, {**job_types, CANVAS: Canvas}, audience.waiting)
    telemetry.subscribe(audience.heard)
    verifier = _verifier(settings())
    app.register_blueprint(routes.blueprint(yard, verifier))
    app.register_blueprint(session.blueprint(verifier))
    app.register_blueprint(site.blueprint())
    websocket.register(app, audience.hub, verifier, settings)
    socketio.register(app, audience.hub, verifier, settings)
    app.register_blueprint(health.blueprint(settings, engine, status, taken, verifier.problem))
    app.register_blueprint(metrics.blueprint(settings, counted))
    app.register_blueprint(description.blueprint(yard.job_types))
    return app


def make_bare(config: Config) -> Flask:
    """An application without routes: each request has its name and its log line, each error its shape."""
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # a result as it is told to those who follow, to the byte
    app.url_map.merge_slashes = False  # an address with // would be answered with HTML that repeats it
    if hops := config.api.proxy_hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]  # as Flask's docs do
    access_log.register(app)
    app.before_request(_name_request)
    app.after_request(_finish)
    errors.register(app)
    return app


def _verifier(config: Config) -> Verifier:
    auth, given = config.api.auth, config.environment.jwt_secret
    if auth.has_key_set:
        return Verifier(key_set.followed(auth), auth)
    return Verifier(given.get_secret_value() if given else development_secret(config.environment.data_dir), auth)


def _name_request() -> None:
    """Takes the caller's X-Request-ID when it is plain, so that logs on both sides can be laid side by side."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    return response
