"""The routes under which operators see and steer the jobs of all users, each in the name of the job's own user."""

from dataclasses import replace

from flask import Response, request

from api import answers, jobs
from api.auth import User
from api.control_shapes import AllJobs, AllPage, RunsByWorker
from api.schemas import checked, failed_run_json, listed_json
from api.why import Reasons
from api.why import why as reasons
from api.yard import Yard, plain_id
from jobs import operators, queries
from jobs.db.engine import autocommit
from jobs.db.patience import patient_for
from jobs.errors import NotFound

LIST_S = 10.0  # a filter that few jobs fit walks far


def all_jobs(yard: Yard, _user: User) -> AllJobs:
    wanted = checked(AllPage, request.args.to_dict())
    with patient_for(LIST_S), autocommit(yard.engine) as conn:
        found = operators.page(
            conn,
            limit=wanted.limit + 1,  # one more tells whether there are more
            user_id=wanted.user,
            status=wanted.status,
            job_type=wanted.job_type,
            before=wanted.cursor,
        )
    shown = found[: wanted.limit]
    next_cursor = shown[-1].id if len(found) > wanted.limit else None
    return {"success": True, "jobs": [listed_json(job) for job in shown], "next_cursor": next_cursor}


def any_job(yard: Yard, user: User, job_id: str) -> Response:
    return jobs.status(yard, _owner(yard, user, job_id), job_id)


def any_result(yard: Yard, user: User, job_id: str) -> answers.Result:
    return jobs.result(yard, _owner(yard, user, job_id), job_id)


def any_picture(yard: Yard, user: User, job_id: str) -> Response:
    return jobs.picture(yard, _owner(yard, user, job_id), job_id)


def any_drawing(yard: Yard, user: User, job_id: str) -> Response:
    return jobs.drawing(yard, _owner(yard, user, job_id), job_id)


def any_runs(yard: Yard, user: User, job_id: str) -> RunsByWorker:
    owner = _owner(yard, user, job_id)
    with autocommit(yard.engine) as conn:
        found = queries.runs(conn, job_id=job_id, user_id=owner.id)
    if found is None:  # deleted in between
        raise NotFound
    return {"success": True, "runs": [{**failed_run_json(run), "worker": run["worker"]} for run in found]}


def any_why(yard: Yard, user: User, job_id: str) -> Reasons:
    return reasons(yard, _owner(yard, user, job_id), job_id)


def cancel_any(yard: Yard, user: User, job_id: str) -> answers.Steered:
    owner = _owner(yard, user, job_id)
    return jobs.cancel(yard, owner, job_id, by=_by(user, owner))


def retry_any(yard: Yard, user: User, job_id: str) -> answers.Steered:
    owner = _owner(yard, user, job_id)
    return jobs.retry(yard, owner, job_id, by=_by(user, owner))


def _owner(yard: Yard, operator: User, job_id: str) -> User:
    """Who asks, as if the job were their own.  Raises NotFound."""
    with autocommit(yard.engine) as conn:
        found = operators.owner(conn, job_id=plain_id(job_id))
    if found is None:
        raise NotFound
    return replace(operator, id=found)


def _by(operator: User, owner: User) -> str | None:
    """None: the job is the operator's own."""
    return None if operator.id == owner.id else operator.id
