"""Every route that needs a signed-in user, on one screen."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint

from api import any_jobs, control, enqueue, fleet, jobs, why
from api.auth import Verifier
from api.guard import operators_only, signed_in
from api.yard import PREFIX, Yard

ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", "/create-canvas", enqueue.create_canvas),
    ("POST", "/jobs", enqueue.create_job),
    ("POST", "/jobs/bulk", enqueue.create_jobs),
    ("GET", "/job/<job_id>/status", jobs.status),
    ("GET", "/job/<job_id>/why", why.why),
    ("GET", "/job/<job_id>/result", jobs.result),
    ("GET", "/job/<job_id>/result.svg", jobs.picture),
    ("GET", "/job/<job_id>/drawing.svg", jobs.drawing),
    ("GET", "/job/<job_id>/runs", jobs.runs),
    ("POST", "/job/<job_id>/cancel", jobs.cancel),
    ("POST", "/job/<job_id>/retry", jobs.retry),
    ("DELETE", "/job/<job_id>", jobs.remove),
    ("GET", "/jobs", jobs.jobs),
    ("GET", "/jobs/stats", jobs.stats),
]
FOR_OPERATORS: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", "/operations/pause", control.pause),
    ("POST", "/operations/resume", control.resume),
    ("GET", "/operations/pauses", control.pauses),
    ("POST", "/operations/redrive", control.redrive),
    ("GET", "/operations/jobs", any_jobs.all_jobs),
    ("GET", "/operations/job/<job_id>", any_jobs.any_job),
    ("GET", "/operations/job/<job_id>/result", any_jobs.any_result),
    ("GET", "/operations/job/<job_id>/result.svg", any_jobs.any_picture),
    ("GET", "/operations/job/<job_id>/drawing.svg", any_jobs.any_drawing),
    ("GET", "/operations/job/<job_id>/runs", any_jobs.any_runs),
    ("GET", "/operations/job/<job_id>/why", any_jobs.any_why),
    ("POST", "/operations/job/<job_id>/cancel", any_jobs.cancel_any),
    ("POST", "/operations/job/<job_id>/retry", any_jobs.retry_any),
    ("GET", "/fleet", fleet.fleet),
    ("GET", "/config", fleet.config),
]


def blueprint(yard: Yard, verifier: Verifier) -> Blueprint:
    found = Blueprint("jobs", __name__, url_prefix=PREFIX)
    guard = signed_in(verifier, lambda: yard.settings().api.limits.reads_per_s)
    for method, rule, view in ROUTES:
        found.add_url_rule(rule, view.__name__, guard(partial(view, yard)), methods=[method])
    for method, rule, view in FOR_OPERATORS:
        guarded = guard(operators_only(partial(view, yard)))
        found.add_url_rule(rule, view.__name__, guarded, methods=[method])
    return found
