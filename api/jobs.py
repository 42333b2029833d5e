"""The routes under which users enqueue, follow and steer their jobs."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Engine

from api.auth import User, Verifier
from api.body import read_json
from api.errors import Invalid
from api.guard import signed_in
from api.schemas import HIGHEST, USERS_HIGHEST, CreateCanvas, Page, checked, job_json, listed_json, stats_json
from config import Config
from jobs import queries, store
from jobs.db.engine import autocommit
from jobs.errors import NotFound, NotPossible, YardError
from jobs.handlers import svg
from jobs.job import Job, Key
from jobs.states import State

CANVAS = "create_canvas"
PREFIX = "/api/ai-agent"
JOB_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # the form that PostgreSQL takes, too
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class Hints(Protocol):
    """Who is told that there is work; see jobs/events.py."""

    def ready(self, keys: Iterable[Key]) -> None: ...

    def due(self, due_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Yard:
    """What the routes work with."""

    settings: Callable[[], Config]
    engine: Engine
    hints: Hints


def blueprint(yard: Yard, verifier: Verifier) -> Blueprint:
    found = Blueprint("jobs", __name__, url_prefix=PREFIX)
    guard = signed_in(verifier)
    for method, rule, view in ROUTES:
        found.add_url_rule(rule, view.__name__, guard(partial(view, yard)), methods=[method])
    return found


def create_canvas(yard: Yard, user: User) -> Response:
    config = yard.settings()
    given = read_json(request, max_bytes=config.api.body_bytes, max_depth=config.api.body_depth)
    wanted = checked(CreateCanvas, given, highest=HIGHEST if user.operator else USERS_HIGHEST)
    columns = _columns(wanted, config)
    with autocommit(yard.engine) as conn:
        made = store.enqueue(conn, user_id=user.id, job_type=CANVAS, idempotency_key=_idempotency_key(), **columns)
    _tell(yard.hints, made)
    return _accepted(made)


def status(yard: Yard, user: User, job_id: str) -> dict[str, Any]:
    with autocommit(yard.engine) as conn:
        job = _job(conn, user, job_id)
        ready = job.status is State.QUEUED and job.next_processing_at is None
        position = queries.queue_position(conn, job_id=job.id, user_id=user.id) if ready else None
    return {"success": True, "job": job_json(job, position)}


def result(yard: Yard, user: User, job_id: str) -> dict[str, Any]:
    with autocommit(yard.engine) as conn:
        job = _completed(conn, user, job_id)
    return {"success": True, "result": job.result_data}


def picture(yard: Yard, user: User, job_id: str) -> Response:
    with autocommit(yard.engine) as conn:
        job = _completed(conn, user, job_id)
    if job.job_type != CANVAS:
        raise NotPossible("Only a canvas can be shown as a picture")
    drawn = svg.render(job.result_data or {})
    return Response(drawn, mimetype="image/svg+xml", headers={"Content-Security-Policy": PICTURE_POLICY})


def cancel(yard: Yard, user: User, job_id: str) -> dict[str, Any]:
    with autocommit(yard.engine) as conn:
        job = store.cancel(conn, job_id=_id(job_id), user_id=user.id)
        if job is None:
            raise _refusal(conn, user, job_id, "cancelled")
    message = "Job cancelled" if job.status is State.CANCELLED else "Cancellation requested"
    return {"success": True, "message": message, "status": job.status}


def retry(yard: Yard, user: User, job_id: str) -> dict[str, Any]:
    with autocommit(yard.engine) as conn:
        job = store.requeue(conn, job_id=_id(job_id), user_id=user.id)
        if job is None:
            raise _refusal(conn, user, job_id, "retried")
    yard.hints.ready([job.key])
    return {"success": True, "message": "Job queued again", "status": job.status}


def jobs(yard: Yard, user: User) -> dict[str, Any]:
    wanted = checked(Page, request.args.to_dict())
    page = wanted.model_dump() | {"limit": wanted.limit + 1}  # one more tells whether there are more
    with autocommit(yard.engine) as conn:
        found = queries.page(conn, user_id=user.id, **page)
    shown = found[: wanted.limit]
    next_cursor = shown[-1].seq if len(found) > wanted.limit else None
    return {"success": True, "jobs": [listed_json(job) for job in shown], "next_cursor": next_cursor}


def stats(yard: Yard, user: User) -> dict[str, Any]:
    with autocommit(yard.engine) as conn:
        return {"success": True, "stats": stats_json(queries.stats(conn, user_id=user.id))}


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", "/create-canvas", create_canvas),
    ("GET", "/job/<job_id>/status", status),
    ("GET", "/job/<job_id>/result", result),
    ("GET", "/job/<job_id>/result.svg", picture),
    ("POST", "/job/<job_id>/cancel", cancel),
    ("POST", "/job/<job_id>/retry", retry),
    ("GET", "/jobs", jobs),
    ("GET", "/jobs/stats", stats),
]


def _columns(wanted: CreateCanvas, config: Config) -> dict[str, Any]:
    return {
        "request_data": wanted.request_data(),
        "canvas_id": wanted.canvas_id,
        "priority": wanted.priority,
        "delay_s": wanted.delay_s,
        "deadline_s": config.jobs.deadline_s if wanted.deadline_s is None else wanted.deadline_s,
        "max_retries": config.jobs.max_retries,
    }


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        message = "must be 1 to 255 printable ASCII characters without spaces"
        raise Invalid("A header is not valid", [{"field": "Idempotency-Key", "message": message}])
    return key


def _tell(hints: Hints, made: store.Enqueued) -> None:
    if made.created and made.due_s is None:
        hints.ready([made.key])
    elif made.created and made.due_s is not None:
        hints.due(made.due_s)


def _accepted(made: store.Enqueued) -> Response:
    here = f"{PREFIX}/job/{made.id}"
    response = jsonify(
        success=True,
        job_id=made.id,
        message="Canvas creation job queued",
        status=State.QUEUED,
        links={name: f"{here}/{name}" for name in ("status", "result", "cancel")},
    )
    response.status_code = 202
    if not made.created:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _id(given: str) -> str:
    if not JOB_ID.fullmatch(given):
        raise NotFound
    return given


def _job(conn: Connection, user: User, job_id: str) -> Job:
    """Absent, foreign and no id at all look the same: NotFound."""
    job = queries.job(conn, job_id=_id(job_id), user_id=user.id)
    if job is None:
        raise NotFound
    return job


def _completed(conn: Connection, user: User, job_id: str) -> Job:
    job = _job(conn, user, job_id)
    if job.status is not State.COMPLETED:
        raise NotPossible("Job not completed")
    return job


def _refusal(conn: Connection, user: User, job_id: str, what: str) -> YardError:
    job = _job(conn, user, job_id)
    return NotPossible(f"A {job.status} job cannot be {what}")
