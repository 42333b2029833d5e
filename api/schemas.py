"""What clients may send, and how a job looks to them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, overload

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from api import answers
from api.answers import Detail
from api.errors import Invalid, shown
from jobs.job import Job
from jobs.states import State

LOWEST, HIGHEST = -9, 9
USERS_HIGHEST = 3  # what is above is the operators'
MAX_AHEAD_S = 30 * 86400
MAX_PAGE = 100
MAX_OFFSET = 100_000  # a page that far down is better asked for with a cursor
MAX_DETAILS = 20
MAX_BULK = 10_000
POSITIONS = 1000  # a queue is counted this far
BIGINT = 2**63 - 1
IDEMPOTENCY_KEY = r"^[!-~]{1,255}$"


def whole(given: Any) -> Any:
    """5.0 is a whole number, as JSON Schema says."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


# For readers of the OpenAPI document: no U+0000, and not blank.  What pydantic strips is not what \\s means in
# ECMAScript, and so it is spelt out.
BLANKS = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
TEXT = rf"^[^\u0000]*[^\u0000{BLANKS}][^\u0000]*$"


def _digits(given: Any) -> Any:
    """A whole number as JSON writes it; pydantic would take 1_0, " 10" and 10.0, too."""
    if isinstance(given, str) and not re.fullmatch("-?(0|[1-9][0-9]{0,18})", given, re.ASCII):
        raise PydanticCustomError("digits", "must be a whole number")
    return given


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    Field(description="What to draw", json_schema_extra={"pattern": TEXT}),
]
CanvasId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
JobType = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Priority = Annotated[
    int,
    Field(ge=LOWEST, le=HIGHEST, description=f"Higher ones go first; above {USERS_HIGHEST} is for operators alone"),
    BeforeValidator(whole),
]
Number = Annotated[int, BeforeValidator(_digits)]
Cursor = Annotated[int, Field(ge=0, le=BIGINT), BeforeValidator(_digits)]
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """What a body holds: nothing is taken for something else, and nothing unknown is let in."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Canvas(Strict):
    """The request of job type create_canvas."""

    instructions: Text
    style: Literal["modern", "corporate", "creative", "minimal"] = "modern"
    color_scheme: Literal["default", "pastel", "vibrant", "monochrome"] = Field("default", alias="colorScheme")
    canvas_id: CanvasId | None = Field(None, description="Your own name for the canvas; null: we make one")


class Queueing(Strict):
    """When a job may run: `delay_s` and `deadline_s` count from now, None: at once, and the configured deadline."""

    priority: Priority = 0
    delay_s: float | None = Field(None, ge=0, le=MAX_AHEAD_S, description="Seconds until it may start; null: none")
    deadline_s: float | None = Field(
        None, gt=0, le=MAX_AHEAD_S, description="Seconds until it fails if it is not done; null: as configured"
    )

    @field_validator("priority")
    @classmethod
    def _within_role(cls, priority: int, info: ValidationInfo) -> int:
        highest = (info.context or {}).get("highest", HIGHEST)
        if priority > highest:
            raise PydanticCustomError("priority", "must be at most {highest}", {"highest": highest})
        return priority


class CreateCanvas(Canvas, Queueing):
    """A canvas to draw."""

    def request_data(self) -> dict[str, Any]:
        """What the handler gets."""
        return self.model_dump(by_alias=True, include=set(Canvas.model_fields))


class AnyJob(Queueing):
    """A job of any type; what its request may hold is the type's own matter."""

    job_type: JobType
    request_data: Annotated[dict[str, Any], Field(description="What the job type's handler gets")]


class BulkJob(AnyJob):
    idempotency_key: Annotated[str, StringConstraints(pattern=IDEMPOTENCY_KEY)] | None = None


class ManyJobs(Strict):
    jobs: Annotated[list[BulkJob], Field(min_length=1, max_length=MAX_BULK)]


class Page(BaseModel):
    """Which of the caller's jobs to list; `cursor` is the `next_cursor` of the page before."""

    limit: Number = Field(50, ge=1, le=MAX_PAGE, description="Jobs in a page")
    cursor: Cursor | None = Field(None, description="The next_cursor of the page before")
    offset: Number = Field(0, ge=0, le=MAX_OFFSET, description="Jobs to leave out from the newest on")
    status: State | None = Field(None, description="Only jobs that stand so")


def checked(model: type[Model], given: Any, *, most: int = MAX_DETAILS, **context: Any) -> Model:
    """Raises Invalid, which lists every fault, at most `most`."""
    try:
        return model.model_validate(given, context=context)
    except ValidationError as error:
        raise Invalid(details=[_detail(fault) for fault in error.errors()[:most]]) from None


def _detail(fault: ErrorDetails) -> Detail:
    field = ".".join(shown(name) for name in fault["loc"]) or "body"
    message = "must be an object" if fault["type"] == "model_type" else fault["msg"]
    return {"field": field, "message": message}


def job_json(job: Job, position: int | None) -> answers.Job:
    """The job as its user sees it.

    `position` is how many ready jobs come before it (0: it is next), None for a job that is not ready; beyond
    1,000 the answer has null and `more: true`.
    """
    more = position is not None and position > POSITIONS
    whole: answers.Job = {
        **listed_json(job),
        "result_data": job.result_data,
        "queue_position": None if more else position,
        "more": True,
    }
    if not more:
        del whole["more"]
    return whole


def listed_json(job: Job) -> answers.ListedJob:
    """A job in a list: without its result, which may be a megabyte, and without its position."""
    return {
        "id": job.id,
        "user_id": job.user_id,
        "canvas_id": job.canvas_id,
        "job_type": job.job_type,
        "status": job.status,
        "priority": job.priority,
        "request_data": job.request_data,
        "error_message": job.error_message,
        "error_code": job.error_code,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "progress": job.progress,
        "progress_message": job.progress_message,
        "version": job.version,
        "created_at": iso(job.created_at),
        "started_at": iso(job.started_at),
        "completed_at": iso(job.completed_at),
        "next_processing_at": iso(job.next_processing_at),
        "usage": job.usage,
    }


def failed_run_json(run: Mapping[str, Any]) -> answers.FailedRun:
    """`run` is one of jobs.queries.runs()."""
    started, ended = (run[name] and datetime.fromisoformat(run[name]) for name in ("started", "ended"))
    return {
        "run": run["claim_seq"],
        "started_at": iso(started),
        "ended_at": iso(ended),
        "error_code": run["error_code"],
        "error": run["error"],
    }


def stats_json(counts: Mapping[State, int]) -> answers.Counts:
    """`success_rate` is completed / (completed + failed), from 0 to 1; 0.0 when nothing has ended so."""
    ended = counts[State.COMPLETED] + counts[State.FAILED]
    return {
        "total_jobs": sum(counts.values()),
        "queued_jobs": counts[State.QUEUED],
        "processing_jobs": counts[State.PROCESSING],
        "completed_jobs": counts[State.COMPLETED],
        "failed_jobs": counts[State.FAILED],
        "cancelled_jobs": counts[State.CANCELLED],
        "success_rate": round(counts[State.COMPLETED] / ended, 4) if ended else 0.0,
    }


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
def iso(moment: datetime | None) -> str | None:
    """2026-01-31T12:00:00.000Z"""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
