"""The rules of give_up.sql once more, for plays without PostgreSQL; a test holds the two together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.states import State


@dataclass(frozen=True, slots=True)
class Standing:
    """What give_up.sql looks at in a job; times are seconds on the clock, None: no deadline, no wait for a provider."""

    retry_count: int
    max_retries: int
    deadline_at: float | None = None
    provider_wait_since: float | None = None
    cancel_requested: bool = False


def judge(job: Standing, said: Mapping[str, Any], *, now: float, max_wait_s: float) -> tuple[State, Standing]:
    """What becomes of a job whose run brought no result: `said` is the entry that jobs.runner makes of its outcome."""
    counted = bool(said["counted"])
    stopped = said["error_code"] == "worker_stopped"
    ready_at = now + said["delay_s"]
    since = now if job.provider_wait_since is None else job.provider_wait_since
    kept_since = job.provider_wait_since if stopped else since
    after = replace(job, retry_count=job.retry_count + counted, provider_wait_since=None if counted else kept_since)
    over = (
        not said["retryable"]
        or (counted and after.retry_count >= job.max_retries)
        or (job.deadline_at is not None and job.deadline_at <= ready_at)
        or (not counted and not stopped and ready_at > since + max_wait_s)
    )
    if job.cancel_requested:
        return State.CANCELLED, after
    return (State.FAILED if over else State.QUEUED), after
