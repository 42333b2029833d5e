"""Every route that needs a signed-in user, on one screen."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint

from api import enqueue, jobs, operators
from api.auth import Verifier
from api.guard import signed_in
from api.yard import PREFIX, Yard

ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", "/create-canvas", enqueue.create_canvas),
    ("POST", "/jobs", enqueue.create_job),
    ("POST", "/jobs/bulk", enqueue.create_jobs),
    ("GET", "/job/<job_id>/status", jobs.status),
    ("GET", "/job/<job_id>/result", jobs.result),
    ("GET", "/job/<job_id>/result.svg", jobs.picture),
    ("GET", "/job/<job_id>/runs", jobs.runs),
    ("POST", "/job/<job_id>/cancel", jobs.cancel),
    ("POST", "/job/<job_id>/retry", jobs.retry),
    ("DELETE", "/job/<job_id>", jobs.remove),
    ("GET", "/jobs", jobs.jobs),
    ("GET", "/jobs/stats", jobs.stats),
    ("GET", "/fleet", operators.fleet),
    ("GET", "/config", operators.config),
]


def blueprint(yard: Yard, verifier: Verifier) -> Blueprint:
    found = Blueprint("jobs", __name__, url_prefix=PREFIX)
    guard = signed_in(verifier, lambda: yard.settings().api.limits.reads_per_s)
    for method, rule, view in ROUTES:
        found.add_url_rule(rule, view.__name__, guard(partial(view, yard)), methods=[method])
    return found
