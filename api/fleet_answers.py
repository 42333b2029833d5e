"""What operators get of the fleet: the shape of GET /fleet and GET /config."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs it below Python 3.12

from api.answers import Count, Moment, Success

Seconds = Annotated[float, Field(ge=0)]


class Worker(TypedDict):
    """A process that runs jobs; `silent` when it has not been heard of for a whole lease."""

    worker_id: str
    host: str
    pid: int
    version: str
    job_types: Sequence[str]
    seats: Count
    busy: Count
    started_at: Moment
    seen_at: Moment
    silent: bool


class Leader(TypedDict):
    """Who does the fleet's tasks; `expired` when its term is over and nobody has followed."""

    holder: Annotated[str, Field(description="A worker_id")]
    term: Count
    expires_at: Moment
    expired: bool


class Queue(TypedDict):
    """Jobs of one type, of all users."""

    job_type: str
    ready: Count
    waiting: Count
    processing: Count
    completed: Count
    failed: Count
    cancelled: Count
    oldest_ready_s: Annotated[Seconds | None, Field(description="How long the oldest ready job waits; null: none")]


class Spread(TypedDict):
    p50: Seconds
    p95: Seconds


class Recent(TypedDict):
    """Jobs that have ended within the last minute, the newest 1,000 at most; null where none completed."""

    ended: Count
    failed: Count
    reach_s: Annotated[Seconds, Field(description="How long ago the oldest of them ended")]
    wait_s: Annotated[Spread | None, Field(description="From ready to started")]
    run_s: Annotated[Spread | None, Field(description="From started to ended")]


class Fleet(TypedDict):
    success: Success
    workers: Sequence[Worker]
    leader: Leader | None
    queues: Sequence[Queue]
    counted_age_s: Annotated[Seconds | None, Field(description="How old the numbers of live jobs are")]
    lately: Recent


class ConfigInForce(TypedDict):
    success: Success
    config: Annotated[dict[str, Any], Field(description="What config.yaml and the environment say, without secrets")]
