"""What clients get: the shape of every answer.  The routes build these, and the OpenAPI document shows them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs it below Python 3.12

from jobs.states import State

ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"  # of what uuid.UUID() takes, all that PostgreSQL does
SOME_ID = "5b1f9a52-3c0e-4f6b-9a57-0d6b7d3a9c11"

JobId = Annotated[str, Field(pattern=ID, examples=[SOME_ID])]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T12:00:00.000Z"])]
Count = Annotated[int, Field(ge=0)]
Percent = Annotated[int, Field(ge=0, le=100)]
Success = Literal[True]
Database = Literal["connected", "busy", "disconnected"]  # busy: no connection is free


class Detail(TypedDict):
    """One fault of the input."""

    field: Annotated[str, Field(description="Where it is: a field, or a header", examples=["instructions"])]
    message: Annotated[str, Field(examples=["Field required"])]


class Error(TypedDict):
    """What every refusal and every failure looks like."""

    error: Annotated[str, Field(description="For people", min_length=1, examples=["Some fields are not valid"])]
    code: Annotated[str, Field(description="For programs: it does not change", examples=["invalid"])]
    request_id: Annotated[str, Field(description="Under it the server's log tells more", examples=["Web-7"])]
    details: Annotated[Sequence[Detail], Field(description="The faults of the input, if they are its own")]


class Links(TypedDict):
    """Paths of the job's other routes; `events` is the WebSocket of all its user's jobs."""

    status: str
    result: str
    cancel: str
    events: str


class Accepted(TypedDict):
    """The job is in the queue."""

    success: Success
    job_id: JobId
    message: str
    status: Literal[State.QUEUED]
    links: Links


class BulkItem(TypedDict):
    job_id: JobId
    replayed: Annotated[bool, Field(description="Whether its idempotency_key had made the job before")]


class BulkAccepted(TypedDict):
    """All jobs are in the queue, in the order in which they were sent."""

    success: Success
    message: str
    jobs: Sequence[BulkItem]


class ListedJob(TypedDict):
    """A job as a list shows it: without its result and its place in the queue."""

    id: JobId
    user_id: str
    canvas_id: str | None
    job_type: str
    status: State
    priority: int
    request_data: dict[str, Any]
    error_message: Annotated[str | None, Field(description="Why the newest run failed")]
    error_code: str | None
    retry_count: Annotated[Count, Field(description="Runs that failed")]
    max_retries: Annotated[Count, Field(description="Failed runs after which the job has failed for good")]
    progress: Percent
    progress_message: str | None
    version: Annotated[Count, Field(description="Grows with every change of the job")]
    created_at: Moment
    started_at: Moment | None
    completed_at: Annotated[Moment | None, Field(description="When the job ended, however it ended")]
    next_processing_at: Annotated[Moment | None, Field(description="Until when a queued job waits; null: it is ready")]
    usage: Annotated[dict[str, Any] | None, Field(description="What the model was used for")]


class Job(ListedJob):
    """A job as a whole."""

    result_data: dict[str, Any] | None
    queue_position: Annotated[Count | None, Field(description="Ready jobs before this one; null: more, or not ready")]
    more: NotRequired[Annotated[Literal[True], Field(description="More than 1,000 ready jobs are before this one")]]


class JobStatus(TypedDict):
    success: Success
    job: Job


class Result(TypedDict):
    success: Success
    result: Annotated[dict[str, Any] | None, Field(description="What the job's handler returned")]


class Steered(TypedDict):
    """What became of the wish."""

    success: Success
    message: str
    status: State


class Removed(TypedDict):
    success: Success
    message: str


class Ended(TypedDict):
    """The job has ended while its maker waited."""

    success: Success
    job_id: JobId
    message: str
    status: Annotated[State, Field(description="completed, failed or cancelled")]
    links: Links
    job: Job


class Jobs(TypedDict):
    """One page, newest first."""

    success: Success
    jobs: Sequence[ListedJob]
    next_cursor: Annotated[int | None, Field(description="The next page's cursor; null: this page is the last one")]


class Counts(TypedDict):
    total_jobs: Count
    queued_jobs: Count
    processing_jobs: Count
    completed_jobs: Count
    failed_jobs: Count
    cancelled_jobs: Count
    success_rate: Annotated[float, Field(ge=0, le=1, description="completed / (completed + failed)")]


class Stats(TypedDict):
    success: Success
    stats: Counts


class Alive(TypedDict):
    status: Literal["alive"]


class Ready(TypedDict):
    status: Literal["ready"]
    database: Database


class NotReady(Error):
    status: Literal["unavailable"]
    database: Database


class Processor(TypedDict):
    """The scheduler of this process; `embedded` is false when it has none, and others run the jobs."""

    embedded: bool
    running: bool
    active_jobs: Count
    max_concurrent_jobs: int | None
    processing_interval: Annotated[float, Field(description="Seconds between two looks for jobs")]
    problem: str | None


class Configured(TypedDict):
    """The configuration in force."""

    generation: Annotated[int, Field(ge=1, description="1 at the start, and one more with each change that was taken")]
    taken_at: Moment
    fault: Annotated[str | None, Field(description="Why a newer config.yaml was refused; null: it was not")]


class Health(TypedDict):
    status: Literal["healthy", "unhealthy"]
    database: Database
    job_processor: Processor
    config: Configured
    timestamp: Moment
    version: str


class Unhealthy(Health, Error):
    """What is wrong stands in `error`."""
