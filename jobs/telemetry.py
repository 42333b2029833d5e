"""What happened, told once to whoever wants to count, log or show it.

The domain emits; main subscribes metrics and logs at start.  A subscriber must be quick and must not raise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class RunStarted:
    job_id: str
    claim_seq: int
    job_type: str
    user_id: str
    wait_s: float  # from ready to claimed


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The database has taken a run's outcome.  `outcome`: completed, failed, cancelled, retried or released."""

    job_id: str
    claim_seq: int
    job_type: str
    user_id: str
    outcome: str
    error_code: str | None
    run_s: float


Change = Literal["progress", "cancelled", "cancel asked", "requeued", "lost", "expired"]


@dataclass(frozen=True, slots=True)
class JobChanged:
    """What its user sees of a job has changed, and no run began or ended with it; `ended`: it is final now.

    `claim_seq` is that of the run that was lost; None for all other changes.  `by` is the operator who did it to
    another user's job; None: its user did it, or the queue itself.
    """

    job_id: str
    user_id: str
    ended: bool
    change: Change = "progress"
    claim_seq: int | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class PauseChanged:
    """The operator `by` has paused a job type (None: everything) until a time (None: no end is set), or resumed it."""

    job_type: str | None
    by: str
    paused: bool
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunLost:
    """This process has heard that a run of its own is no longer its own: the lease had ended, or the job is gone."""

    job_id: str
    claim_seq: int
    user_id: str


@dataclass(frozen=True, slots=True)
class StaleWrite:
    """A run that had lost its claim tried to write; the fence refused it."""

    job_id: str
    claim_seq: int
    user_id: str


@dataclass(frozen=True, slots=True)
class TaskRan:
    """A task of the timetable ended; `rows` is how many jobs it moved."""

    task: str
    duration_s: float
    rows: int
    failed: bool


@dataclass(frozen=True, slots=True)
class LeaderChanged:
    leading: bool
    term: int


@dataclass(frozen=True, slots=True)
class HintAnswered:
    """A hint (a NOTIFY, or a word from this process) came to a free seat, and `wait_s` later led to a claim."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class ListenerChanged:
    """The LISTEN connection is there or is gone; `connections` counts those made since the start."""

    connected: bool
    connections: int


@dataclass(frozen=True, slots=True)
class ProviderCalled:
    """One call of a model is over.  `model` is what was asked for; `outcome`: answered, or the code of its failure.

    Tokens are as the provider counts them, also of an answer that could not be used; 0 when it did not say.
    """

    model: str
    outcome: str
    duration_s: float
    input_tokens: int
    output_tokens: int


Event = (
    RunStarted
    | RunEnded
    | JobChanged
    | PauseChanged
    | RunLost
    | StaleWrite
    | TaskRan
    | LeaderChanged
    | HintAnswered
    | ListenerChanged
    | ProviderCalled
)
Subscriber = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """How the scheduler inside this process is; `last_pass_age_s` counts from its newest complete pass.

    `late_after_s`: a pass older than this means a dead loop.  `listener_gone_s`: how long the LISTEN connection has
    been gone, 0 while it is there; None when this process does not listen.  `task_every_s`: how long each of the
    leader's tasks, by its name, may rest until it comes again.
    """

    running: bool
    leading: bool
    term: int
    active_jobs: int
    seats: int
    last_pass_age_s: float
    late_after_s: float
    problem: str | None  # what is wrong, for people; None: nothing
    listener_gone_s: float | None = None
    task_every_s: Mapping[str, float] = field(default_factory=dict)


_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> Callable[[], None]:
    """Returns the function that ends the subscription."""
    _subscribers.append(subscriber)
    return lambda: _subscribers.remove(subscriber)


def emit(event: Event) -> None:
    for subscriber in tuple(_subscribers):
        subscriber(event)
