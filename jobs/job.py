"""A job as the outside sees it, a claim as a worker gets it, and a run as a handler gets it."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from jobs.outcomes import Outcome
from jobs.states import State


class Key(NamedTuple):
    """A job's place in the queue; the smallest is next."""

    rank: int  # -priority
    turn: int
    seq: int


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ai_jobs, without the columns that only the queue itself needs.

    `next_processing_at` is None for a job that is ready (or not queued at all);
    `error_code` and `error_message` tell of the newest failed run.
    """

    id: str
    user_id: str
    canvas_id: str | None
    job_type: str
    status: State
    priority: int
    request_data: dict[str, Any]
    result_data: dict[str, Any] | None
    error_code: str | None
    error_message: str | None
    retry_count: int
    max_retries: int
    progress: int
    progress_message: str | None
    version: int
    usage: dict[str, Any] | None
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    next_processing_at: datetime | None
    deadline_at: datetime | None
    seq: int  # the cursor of lists

    turn: int

    @property
    def key(self) -> Key:
        return Key(-self.priority, self.turn, self.seq)


@dataclass(frozen=True, slots=True)
class Claim:
    """One run of a job, held by this worker; (id, claim_seq) is what proves it."""

    id: str
    claim_seq: int
    user_id: str
    job_type: str
    request_data: dict[str, Any]
    retry_count: int
    max_retries: int
    key: Key
    wait_s: float  # from ready to claimed

    @property
    def named(self) -> dict[str, dict[str, Any]]:
        """For `extra=` of a line in the log that is about this run."""
        return {"fields": {"job_id": self.id, "claim_seq": self.claim_seq, "user": self.user_id}}


class Draw(Protocol):
    def __call__(self, objects: Iterable[Mapping[str, Any]], *, anew: bool = False) -> None: ...


def _shown_to_nobody(objects: Iterable[Mapping[str, Any]], *, anew: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Run:
    """What a handler is given.

    `attempt` is 1 in a job's first run.  `deadline` is a value of `clock`, None without a limit.
    `report(percent, message)` tells the user how far it is; it never blocks and never fails.
    `draw(objects)` shows the user what is finished before the rest is: JSON objects that each have an `id`.  One whose
    id was drawn before takes its place, and `anew=True` begins again with nothing.  It never blocks and never fails
    either; in the end the result is what counts, and has to bring all of it.
    `clock` is what `deadline` is read on: tests bring their own.
    `cancelled()` turns True when nobody wants the answer any more: return soon, whatever you return.  While the
    database does not answer for so long that the run may be another worker's by now, it waits until that is known.
    """

    job_id: str
    user_id: str
    request: Mapping[str, Any]
    attempt: int
    deadline: float | None
    report: Callable[[int, str], None]
    cancelled: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    draw: Draw = _shown_to_nobody

    def time_left_s(self) -> float | None:
        """Seconds until the deadline, never below 0; None without a limit."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock())


Handler = Callable[[Run], Outcome]
