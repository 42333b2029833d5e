"""The route that says why a job does not run."""

from collections.abc import Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs it below Python 3.12

from api.answers import Count, Moment, Success
from api.auth import User
from api.schemas import iso
from api.yard import Yard, plain_id
from config import Config
from jobs.db.engine import autocommit
from jobs.errors import NotFound
from jobs.states import State
from jobs.why import COUNTED, Cause, Rules, Start, Why
from jobs.why import why as ask


class ToldCause(TypedDict):
    """`number` of `limit`, and `until` when it holds; null: it has no such thing."""

    cause: Annotated[str, Field(description="For programs: it does not change", examples=["fleet_cap"])]
    message: Annotated[str, Field(description="For people")]
    number: Count | None
    limit: Count | None
    until: Moment | None


class ToldStart(TypedDict):
    """An estimate from how many runs ended lately; null: it cannot be told."""

    low: Moment
    likely: Moment | None
    high: Moment | None


class Reasons(TypedDict):
    """Each cause that holds now."""

    success: Success
    status: State
    causes: Sequence[ToldCause]
    queue_position: Annotated[Count | None, Field(description="Ready jobs before this one; null: more, or not ready")]
    more: NotRequired[Annotated[bool, Field(description="More than 1,000 ready jobs are before this one")]]
    expected_start: ToldStart | None


def why(yard: Yard, user: User, job_id: str) -> Reasons:
    with autocommit(yard.engine) as conn:
        found = ask(conn, job_id=plain_id(job_id), user_id=user.id, rules=rules(yard.settings()))
    if found is None:
        raise NotFound
    return why_json(found)


def rules(config: Config) -> Rules:
    """A worker that has not been heard of for a whole lease counts as gone."""
    caps = config.jobs
    return Rules(
        fleet_cap=caps.max_concurrent_jobs,
        user_cap=caps.max_concurrent_per_user,
        silent_s=config.scheduler.lease_s,
        poll_s=config.scheduler.poll_every_s,
    )


def why_json(found: Why) -> Reasons:
    """As a job's status has it, `more` stands in for a position beyond 1,000."""
    more = found.position is not None and found.position > COUNTED
    told: Reasons = {
        "success": True,
        "status": found.status,
        "causes": [_cause_json(cause) for cause in found.causes],
        "queue_position": None if more else found.position,
        "expected_start": None if found.start is None else _start_json(found.start),
    }
    return {**told, "more": True} if more else told


def _cause_json(cause: Cause) -> ToldCause:
    return {
        "cause": cause.cause,
        "message": cause.message,
        "number": cause.number,
        "limit": cause.limit,
        "until": iso(cause.until),
    }


def _start_json(start: Start) -> ToldStart:
    return {"low": iso(start.low), "likely": iso(start.likely), "high": iso(start.high)}
