"""What operators send to steer the fleet, and what they get."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs it below Python 3.12

from api.answers import ID, Count, FailedRun, JobId, ListedJob, Moment, Success
from api.schemas import MAX_PAGE, Number, Strict, iso, whole
from jobs.operators import MOST, Fault
from jobs.pauses import REASON_CHARS, TYPE_CHARS, Pause
from jobs.states import State

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
LONGEST_S = 366 * 86400
STORABLE = {"pattern": "^[^\\u0000]*$"}
NO_NUL = r"^[^\x00]*$"  # what comes in a body has been looked through
USER_CHARS = 200


def _written(given: Any) -> Any:
    """A moment as RFC 3339 writes it; pydantic would take numbers and bare dates, too."""
    if isinstance(given, str) and len(given) < len("2026-01-31T12:00Z"):
        raise PydanticCustomError("moment", "must be a date and time with its zone, such as 2026-01-31T12:00:00Z")
    if not isinstance(given, str | datetime | None):
        raise PydanticCustomError("moment", "must be a string")
    return given


def _in_utc(given: datetime) -> datetime:
    """PostgreSQL takes no zone that is more than 16 hours away from Greenwich; Python, no year but 1 to 9999."""
    try:
        return given.astimezone(UTC)
    except OverflowError:
        return FIRST if given.year == 1 else LAST


When = Annotated[
    AwareDatetime,
    Field(strict=False, examples=["2026-01-31T12:00:00Z"]),
    BeforeValidator(_written),
    AfterValidator(_in_utc),
]
Type = Annotated[str, StringConstraints(min_length=1, max_length=TYPE_CHARS), Field(json_schema_extra=STORABLE)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=REASON_CHARS), Field(json_schema_extra=STORABLE)]


Limit = Annotated[int, Field(ge=1, le=MOST), BeforeValidator(whole)]


class ToPause(Strict):
    """Of `resume_at` and `for_s` the earlier one counts."""

    job_type: Type | None = Field(None, description="Jobs of which type; null: all jobs")
    resume_at: When | None = Field(None, description="When it ends by itself, in at most 10 years; null: never")
    for_s: float | None = Field(None, gt=0, le=LONGEST_S, description="In how many seconds it ends; null: never")
    reason: Reason | None = Field(None, description="For other operators; users do not see it")


class ToResume(Strict):
    job_type: Type | None = Field(None, description="Which pause ends; null: that of all jobs")


class ToRedrive(Strict):
    """Which failed jobs; null: any."""

    job_type: Type | None = None
    error_code: Type | None = None
    since: When | None = Field(None, description="Only those that failed at this time or later")
    limit: Limit = Field(1000, description="At most so many, those that failed first")
    dry_run: bool = Field(default=False, description="Only count them")


class AllPage(BaseModel):
    """Which jobs of all users to list; `cursor` is the `next_cursor` of the page before, null: any."""

    model_config = ConfigDict(extra="forbid")  # a filter with a slip in its name would show everybody's jobs

    limit: Number = Field(50, ge=1, le=MAX_PAGE, description="Jobs in a page")
    cursor: Annotated[str, StringConstraints(pattern=ID)] | None = Field(
        None, description="Only older ones than this job"
    )
    user: Annotated[str, StringConstraints(min_length=1, max_length=USER_CHARS, pattern=NO_NUL)] | None = Field(
        None, description="Only this user's"
    )
    job_type: Annotated[str, StringConstraints(min_length=1, max_length=TYPE_CHARS, pattern=NO_NUL)] | None = Field(
        None, description="Only of this type"
    )
    status: State | None = Field(None, description="Only jobs that stand so")


class AllJobs(TypedDict):
    """One page, newest first."""

    success: Success
    jobs: Sequence[ListedJob]
    next_cursor: Annotated[JobId | None, Field(description="The next page's cursor; null: this page is the last one")]


class RunByWorker(FailedRun):
    worker: Annotated[str | None, Field(description="A worker_id")]


class RunsByWorker(TypedDict):
    """The runs of a job that failed, or were given back, oldest first: the last 20."""

    success: Success
    runs: Sequence[RunByWorker]


class PauseInForce(TypedDict):
    job_type: Annotated[str | None, Field(description="null: all jobs")]
    paused_at: Moment
    resume_at: Annotated[Moment | None, Field(description="null: when somebody resumes it")]
    paused_by: str
    reason: str | None


class Pauses(TypedDict):
    """All pauses that are in force now."""

    success: Success
    pauses: Sequence[PauseInForce]


class Resumed(Pauses):
    resumed: Annotated[bool, Field(description="false: there was no such pause")]


class FaultCount(TypedDict):
    error_code: str | None
    count: Count
    sample: Annotated[Sequence[JobId], Field(description="Three of them, the oldest; in a dry run alone")]


class Redriven(TypedDict):
    success: Success
    dry_run: bool
    count: Annotated[Count, Field(description="Jobs that are queued again, or would be")]
    by_error_code: Sequence[FaultCount]


def pause_json(pause: Pause) -> PauseInForce:
    return {
        "job_type": pause.job_type,
        "paused_at": iso(pause.paused_at),
        "resume_at": iso(pause.resume_at),
        "paused_by": pause.paused_by,
        "reason": pause.reason,
    }


def fault_json(fault: Fault) -> FaultCount:
    return {"error_code": fault.error_code, "count": fault.count, "sample": fault.sample}
