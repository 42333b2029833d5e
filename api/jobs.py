"""The routes under which users follow and steer their jobs."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from flask import Response, jsonify, request
from sqlalchemy import Connection

from api import answers
from api.auth import User
from api.schemas import Page, checked, failed_run_json, job_json, listed_json, stats_json
from api.yard import CANVAS, Yard, plain_id
from jobs import queries, store, totals
from jobs.db.engine import autocommit
from jobs.errors import NotFound, NotPossible
from jobs.handlers import svg
from jobs.job import Job
from jobs.states import LIVE, State
from jobs.telemetry import JobChanged, emit

PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def status(yard: Yard, user: User, job_id: str) -> Response:
    with autocommit(yard.engine) as conn:
        job = _job(conn, user, job_id)
        ready = job.status is State.QUEUED and job.next_processing_at is None
        position = queries.queue_position(conn, job_id=job.id, user_id=user.id) if ready else None
    told: answers.JobStatus = {"success": True, "job": job_json(job, position)}
    return _unless_known(jsonify(told), job, position)


def result(yard: Yard, user: User, job_id: str) -> answers.Result:
    with autocommit(yard.engine) as conn:
        job = _completed(conn, user, job_id)
    return {"success": True, "result": job.result_data}


def runs(yard: Yard, user: User, job_id: str) -> answers.Runs:
    """Without the workers' names: which hosts there are is the operators' business."""
    with autocommit(yard.engine) as conn:
        found = queries.runs(conn, job_id=plain_id(job_id), user_id=user.id)
    if found is None:
        raise NotFound
    return {"success": True, "runs": [failed_run_json(run) for run in found]}


def picture(yard: Yard, user: User, job_id: str) -> Response:
    with autocommit(yard.engine) as conn:
        job = _completed(conn, user, job_id)
    return _picture(job, job.result_data or {})


def drawing(yard: Yard, user: User, job_id: str) -> Response:
    """As far as it is drawn; of a job that has not begun an empty canvas, of one that has failed too."""
    with autocommit(yard.engine) as conn:
        objects = queries.drawn(conn, job_id=plain_id(job_id), user_id=user.id)  # first: the job's end takes them away
        job = _job(conn, user, job_id)
    return _picture(job, job.result_data or {"objects": objects})


def _picture(job: Job, canvas: Mapping[str, Any]) -> Response:
    if job.job_type != CANVAS:
        raise NotPossible("Only a canvas can be shown as a picture")
    drawn = svg.render(canvas)
    return Response(drawn, mimetype="image/svg+xml", headers={"Content-Security-Policy": PICTURE_POLICY})


def cancel(yard: Yard, user: User, job_id: str, *, by: str | None = None) -> answers.Steered:
    """`by`: the operator who does it in the user's name; so in retry()."""
    about = {"job_id": plain_id(job_id), "user_id": user.id}
    with autocommit(yard.engine) as conn:
        while (job := store.cancel(conn, **about, by_operator=by is not None)) is None:
            _refuse(conn, user, job_id, "cancelled", unless=LIVE)
    emit(replace(_cancelled(job), by=by))
    message = "Job cancelled" if job.status is State.CANCELLED else "Cancellation requested"
    return {"success": True, "message": message, "status": job.status}


def retry(yard: Yard, user: User, job_id: str, *, by: str | None = None) -> answers.Steered:
    with autocommit(yard.engine) as conn:
        while (job := store.requeue(conn, job_id=plain_id(job_id), user_id=user.id)) is None:
            _refuse(conn, user, job_id, "retried", unless=(State.FAILED, State.CANCELLED))
    yard.hints.ready([job.key])
    emit(JobChanged(job.id, user.id, ended=False, change="requeued", by=by))
    return {"success": True, "message": "Job queued again", "status": job.status}


def remove(yard: Yard, user: User, job_id: str) -> answers.Removed | tuple[answers.Steered, int]:
    """A live job is cancelled first; one that runs can be deleted only when its run has heard of it."""
    with autocommit(yard.engine) as conn:
        if cancelled := store.cancel(conn, job_id=plain_id(job_id), user_id=user.id):
            emit(_cancelled(cancelled))
        if store.remove(conn, job_id=job_id, user_id=user.id):
            return {"success": True, "message": "Job deleted"}
        job = _job(conn, user, job_id)
    message = "Cancellation requested; delete the job again when its run has ended"
    return {"success": True, "message": message, "status": job.status}, 202


def jobs(yard: Yard, user: User) -> answers.Jobs:
    wanted = checked(Page, request.args.to_dict())
    page = wanted.model_dump() | {"limit": wanted.limit + 1}  # one more tells whether there are more
    with autocommit(yard.engine) as conn:
        found = queries.page(conn, user_id=user.id, **page)
    shown = found[: wanted.limit]
    next_cursor = shown[-1].seq if len(found) > wanted.limit else None
    return {"success": True, "jobs": [listed_json(job) for job in shown], "next_cursor": next_cursor}


def stats(yard: Yard, user: User) -> answers.Stats:
    """An operator's are of all users, the live ones as the leader has counted them last."""
    every = yard.settings().scheduler
    with autocommit(yard.engine) as conn:
        if user.operator:
            counted = totals.fleet(conn, silent_s=every.lease_s, every_s=every.tally_every_s).by_state()
        else:
            counted = queries.stats(conn, user_id=user.id)
    return {"success": True, "stats": stats_json(counted)}


def _unless_known(response: Response, job: Job, position: int | None) -> Response:
    """304 for a client that has this version already; a place in the queue changes without the job."""
    response.set_etag(str(job.version) if position is None else f"{job.version}-{position}")
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


def _job(conn: Connection, user: User, job_id: str) -> Job:
    """Absent, foreign and no id at all look the same: NotFound."""
    job = queries.job(conn, job_id=plain_id(job_id), user_id=user.id)
    if job is None:
        raise NotFound
    return job


def _completed(conn: Connection, user: User, job_id: str) -> Job:
    job = _job(conn, user, job_id)
    if job.status is not State.COMPLETED:
        raise NotPossible("Job not completed")
    return job


def _cancelled(job: Job) -> JobChanged:
    ended = job.status is State.CANCELLED
    return JobChanged(job.id, job.user_id, ended=ended, change="cancelled" if ended else "cancel asked")


def _refuse(conn: Connection, user: User, job_id: str, what: str, *, unless: Collection[State]) -> None:
    """Says why it cannot be; returns when it can by now, for somebody has moved the job in between."""
    job = _job(conn, user, job_id)
    if job.status not in unless:
        raise NotPossible(f"A {job.status} job cannot be {what}")
