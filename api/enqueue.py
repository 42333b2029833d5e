"""The routes that add jobs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Response, jsonify, request

from api import answers
from api.answers import Detail
from api.auth import User
from api.body import read_json
from api.errors import Invalid
from api.schemas import (
    HIGHEST,
    IDEMPOTENCY_KEY,
    MAX_BULK,
    USERS_HIGHEST,
    AnyJob,
    BulkJob,
    CreateCanvas,
    ManyJobs,
    Queueing,
    checked,
    job_json,
)
from api.waiting import preferred_s
from api.yard import CANVAS, EVENTS, PREFIX, Hints, Yard
from config import Config
from jobs import queries, store
from jobs.bulk import NewJob, enqueue_many
from jobs.db.engine import autocommit
from jobs.db.patience import patient_for
from jobs.job import Job
from jobs.limits import Limits
from jobs.states import FINAL, State

BULK_S = 30.0  # for the answer to a batch of 10,000; the other requests are answered in milliseconds


class Asked(NamedTuple):
    """What one job is to be, apart from when."""

    job_type: str
    request_data: Mapping[str, Any]
    canvas_id: str | None
    idempotency_key: str | None


def create_canvas(yard: Yard, user: User) -> Response:
    wanted, key = checked(CreateCanvas, _body(yard), highest=_highest(user)), _idempotency_key()
    asked = Asked(CANVAS, wanted.request_data(), wanted.canvas_id, key)
    job = _new(yard.settings(), user, wanted, asked)
    return _accepted(yard, job, "Canvas creation job queued")


def create_job(yard: Yard, user: User) -> Response:
    wanted = checked(AnyJob, _body(yard), highest=_highest(user))
    return _accepted(yard, _of_any_type(yard, user, wanted, _idempotency_key()), "Job queued")


def create_jobs(yard: Yard, user: User) -> tuple[answers.BulkAccepted, int]:
    """All of them or none; a refusal says of each job what is wrong with it."""
    config = yard.settings()
    given = read_json(request, max_bytes=config.api.bulk_bytes, max_depth=config.api.body_depth)
    wanted = checked(ManyJobs, given, most=MAX_BULK, highest=_highest(user)).jobs
    with patient_for(BULK_S), yard.engine.execution_options(isolation_level="READ COMMITTED").begin() as conn:
        made = enqueue_many(conn, _all(yard, user, wanted), limits=_limits(yard))
    yard.hints.ready([one.key for one in made if one.created and one.due_s is None])
    for due_s in {one.due_s for one in made if one.due_s is not None}:
        yard.hints.due(due_s)
    told: list[answers.BulkItem] = [{"job_id": one.id, "replayed": not one.created} for one in made]
    return {"success": True, "message": f"{len(made)} jobs queued", "jobs": told}, 202


def _all(yard: Yard, user: User, wanted: Sequence[BulkJob]) -> list[NewJob]:
    jobs, details = list[NewJob](), list[Detail]()
    for at, one in enumerate(wanted):
        try:
            jobs.append(_of_any_type(yard, user, one, one.idempotency_key))
        except Invalid as error:
            details += [{**detail, "field": f"jobs.{at}.{detail['field']}"} for detail in error.details]
    if details:
        raise Invalid(details=details)
    return jobs


def _of_any_type(yard: Yard, user: User, wanted: AnyJob, key: str | None) -> NewJob:
    data = _request(yard, wanted)
    canvas_id = data.get("canvas_id") if wanted.job_type == CANVAS else None
    return _new(yard.settings(), user, wanted, Asked(wanted.job_type, data, canvas_id, key))


def _request(yard: Yard, wanted: AnyJob) -> Mapping[str, Any]:
    """As the type's own model has it, if there is one.  Raises Invalid."""
    if wanted.job_type not in yard.job_types:
        known = ", ".join(sorted(yard.job_types))
        raise Invalid(details=[{"field": "job_type", "message": f"must be one of: {known}"}])
    model = yard.job_types[wanted.job_type]
    if model is None:
        return wanted.request_data
    try:
        return checked(model, wanted.request_data).model_dump(mode="json", by_alias=True)
    except Invalid as error:
        raise Invalid(details=[{**one, "field": f"request_data.{one['field']}"} for one in error.details]) from None


def _new(config: Config, user: User, wanted: Queueing, asked: Asked) -> NewJob:
    return NewJob(
        user_id=user.id,
        **asked._asdict(),
        priority=wanted.priority,
        delay_s=wanted.delay_s,
        deadline_s=config.jobs.deadline_s if wanted.deadline_s is None else wanted.deadline_s,
        max_retries=config.jobs.max_retries,
    )


def _accepted(yard: Yard, job: NewJob, message: str) -> Response:
    """Adds the job, or finds the one that its key has made."""
    with autocommit(yard.engine) as conn:
        columns = {name: getattr(job, name) for name in NewJob.__slots__}
        made = store.enqueue(conn, **columns, limits=_limits(yard))
    _tell(yard.hints, made)
    return _answer(made, message, _awaited(yard, job.user_id, made.id))


def _awaited(yard: Yard, user_id: str, job_id: str) -> Job | None:
    """The job, if the caller prefers to wait and it ends in time; None: it does not, or too many wait already."""
    wait_s = preferred_s(request.headers.get("Prefer"))
    if wait_s is None:
        return None
    with yard.waiting.place(job_id) as ended:
        if ended is None:
            return None
        job = _look(yard, user_id, job_id)  # it may have ended before we began to listen
        if job is not None and job.status not in FINAL:
            ended.wait(wait_s)
            job = _look(yard, user_id, job_id)
    return job if job is not None and job.status in FINAL else None


def _look(yard: Yard, user_id: str, job_id: str) -> Job | None:
    with autocommit(yard.engine) as conn:
        return queries.job(conn, job_id=job_id, user_id=user_id)


def _answer(made: store.Enqueued, message: str, job: Job | None) -> Response:
    """`job`: the finished one, for who has waited for it."""
    response = jsonify(_accepted_json(made, message) if job is None else _ended_json(job))
    response.status_code = 202 if job is None else 200
    if job is not None:
        response.headers["Preference-Applied"] = "wait"
    if not made.created:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _accepted_json(made: store.Enqueued, message: str) -> answers.Accepted:
    links = _links(f"{PREFIX}/job/{made.id}")
    return {"success": True, "job_id": made.id, "message": message, "status": State.QUEUED, "links": links}


def _ended_json(job: Job) -> answers.Ended:
    return {
        "success": True,
        "job_id": job.id,
        "message": "Job ended",
        "status": job.status,
        "links": _links(f"{PREFIX}/job/{job.id}"),
        "job": job_json(job, None),
    }


def _links(job: str) -> answers.Links:
    return {"status": f"{job}/status", "result": f"{job}/result", "cancel": f"{job}/cancel", "events": EVENTS}


def _tell(hints: Hints, made: store.Enqueued) -> None:
    if made.created and made.due_s is None:
        hints.ready([made.key])
    elif made.created and made.due_s is not None:
        hints.due(made.due_s)


def _body(yard: Yard) -> Any:
    config = yard.settings()
    return read_json(request, max_bytes=config.api.body_bytes, max_depth=config.api.body_depth)


def _limits(yard: Yard) -> Limits:
    limits = yard.settings().api.limits
    return Limits(limits.jobs_per_minute, limits.burst, limits.queued_jobs)


def _highest(user: User) -> int:
    return HIGHEST if user.operator else USERS_HIGHEST


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(IDEMPOTENCY_KEY, key):
        message = "must be 1 to 255 printable ASCII characters without spaces"
        raise Invalid("A header is not valid", [{"field": "Idempotency-Key", "message": message}])
    return key
