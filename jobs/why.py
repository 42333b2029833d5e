"""Why a job does not run: each cause that holds now, its place in the queue, and when it may start.

FINDERS is the list to extend: each looks at the facts, and gives a cause or None.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from jobs.forecast import start_in_s, still_after_s
from jobs.sql import statement
from jobs.states import FINAL, State

COUNTED = 1000  # jobs before it; what is beyond is not counted


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that hold jobs back.  A worker that was silent for `silent_s` counts as gone; caps None: no cap."""

    fleet_cap: int | None
    user_cap: int | None
    silent_s: float
    poll_s: float


@dataclass(frozen=True, slots=True)
class Cause:
    """`cause` is for programs.  `number` of `limit`, and `until` when it holds; None: it has no such thing."""

    cause: str
    message: str
    number: int | None = None
    limit: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Between `low` and `high`, most likely at `likely`; None: it cannot be told."""

    low: datetime
    likely: datetime | None = None
    high: datetime | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """`position` is how many ready jobs come before it, counted to 1,001; None for a job that is not ready."""

    status: State
    causes: list[Cause]
    position: int | None
    start: Start | None


@dataclass(frozen=True, slots=True)
class Facts:
    job: Any  # the row of why.sql
    rules: Rules

    @property
    def waits(self) -> bool:
        return self.job.next_processing_at is not None

    @property
    def first(self) -> int:
        """Ready jobs before it that keep it waiting; those of another type that is paused do not."""
        found = self.job.ahead if self.job.first is None else self.job.first
        return int(found)

    @property
    def room(self) -> int:
        """Runs that could begin now, as far as the caps and the workers' last heartbeats tell."""
        cap, job = self.rules.fleet_cap, self.job
        seats = max(0, job.seats - job.busy)
        return int(seats if cap is None else max(0, min(seats, cap - job.running)))

    @property
    def still_s(self) -> int:
        """For how long it has been ready without anybody beginning any job."""
        return int((self.job.now - self.job.still_since).total_seconds())


Finder = Callable[[Facts], Cause | None]


def why(conn: Connection, *, job_id: str, user_id: str, rules: Rules) -> Why | None:
    """None: absent, or another user's; the two look the same."""
    params = {"id": job_id, "user_id": user_id, "silent_s": rules.silent_s}
    row: Row[Any] | None = conn.execute(statement("why"), params).one_or_none()
    return None if row is None else explained(Facts(row, rules))


def explained(facts: Facts) -> Why:
    status = State(facts.job.status)
    if status in FINAL:
        return Why(status, [_ended(facts)], None, None)
    if status is State.PROCESSING:
        return Why(status, _of_a_run(facts), None, None)
    causes = [cause for find in FINDERS if (cause := find(facts))]
    start = _start(facts, {cause.cause for cause in causes})
    held = [cause for cause in causes if cause.cause != "deadline"]
    ready = None if facts.waits else int(facts.job.ahead)
    return Why(status, causes if held else [_next(facts), *causes], ready, start)


def _ended(facts: Facts) -> Cause:
    job = facts.job
    because = f" ({job.error_code})" if job.error_code else ""
    return Cause("ended", f"It has ended: {job.status}{because}", until=job.completed_at)


def _of_a_run(facts: Facts) -> list[Cause]:
    job = facts.job
    causes = [Cause("processing", f"It runs, as run {job.retry_count + 1} of at most {max(1, job.max_retries)}")]
    if job.cancel_requested_at:
        causes.append(Cause("cancel_requested", "It was asked to end, and ends when its run has heard of it"))
    return causes


def _next(facts: Facts) -> Cause:
    return Cause("next", f"Nothing holds it back: a worker takes it within {facts.rules.poll_s:g} s")


def _paused(facts: Facts) -> Cause | None:
    job = facts.job
    if not job.pauses:
        return None
    what = "All jobs are" if job.all_paused else f"Jobs of type {job.job_type} are"
    return Cause("paused", f"{what} paused by an operator", until=job.resume_at)


def _waiting(facts: Facts) -> Cause | None:
    job = facts.job
    if not facts.waits:
        return None
    if job.provider_wait_since:
        code, message = "waiting_for_provider", "It waits for its provider, which was busy or away"
    elif job.retry_count:
        said = f" ({job.error_code})" if job.error_code else ""
        code, message = "waiting_to_retry", f"It waits for run {job.retry_count + 1}, after one that failed{said}"
    else:
        code, message = "delayed", "It was enqueued with a delay"
    return Cause(code, message, until=job.next_processing_at)


def _no_leader(facts: Facts) -> Cause | None:
    if not facts.waits or facts.job.led or not facts.job.live:
        return None
    return Cause("no_leader", "No process leads: what waits becomes ready only when one does")


def _silent(facts: Facts) -> Cause | None:
    job = facts.job
    if job.live:
        return None
    if job.seen_at is None:
        return Cause("scheduler_silent", "No worker has been heard of: start one with ./run serve or ./run work")
    silent_s = int((job.now - job.seen_at).total_seconds())
    return Cause("scheduler_silent", f"No worker has been heard of for {silent_s} s", number=silent_s)


def _no_worker(facts: Facts) -> Cause | None:
    job = facts.job
    if not job.live or job.able:
        return None
    nobody = "The only worker has no" if job.live == 1 else f"None of the {job.live} workers has a"
    return Cause("no_worker", f"{nobody} handler for jobs of type {job.job_type}", number=0)


def _fleet_cap(facts: Facts) -> Cause | None:
    running, cap = facts.job.running, facts.rules.fleet_cap
    if cap is None or running < cap:
        return None
    message = f"{running} jobs run, and no more than {cap} may (jobs.max_concurrent_jobs)"
    return Cause("fleet_cap", message, number=running, limit=cap)


def _user_cap(facts: Facts) -> Cause | None:
    own, cap = facts.job.running_own, facts.rules.user_cap
    if cap is None or own < cap:
        return None
    message = f"{own} jobs of its user run, and no more than {cap} may (jobs.max_concurrent_per_user)"
    return Cause("user_cap", message, number=own, limit=cap)


def _seats(facts: Facts) -> Cause | None:
    job = facts.job
    if not job.able or job.busy < job.seats:
        return None
    return Cause("seats_busy", f"All {job.seats} seats are busy", number=int(job.busy), limit=int(job.seats))


def _turn(facts: Facts) -> Cause | None:
    first = facts.first
    if facts.waits or not first:
        return None
    many = "More than 1,000 jobs are" if first > COUNTED else "1 job is" if first == 1 else f"{first} jobs are"
    return Cause("turn", f"{many} before it in the queue", number=min(first, COUNTED))


def _stuck(facts: Facts) -> Cause | None:
    """Its worker gives signs of life, and takes nothing for as long as /health allows; see api/stall.py."""
    held = facts.waits or facts.job.pauses or facts.first >= facts.room or _user_cap(facts)
    if held or facts.still_s <= still_after_s(lease_s=facts.rules.silent_s, poll_s=facts.rules.poll_s):
        return None
    message = f"Nobody has begun a job for {facts.still_s} s although seats are free: a scheduler has died or is stuck"
    return Cause("scheduler_stuck", message, number=facts.still_s)


def _deadline(facts: Facts) -> Cause | None:
    if facts.job.deadline_at is None:
        return None
    return Cause("deadline", "It fails as expired if it does not run by then", until=facts.job.deadline_at)


FINDERS: tuple[Finder, ...] = (
    _paused,
    _waiting,
    _silent,
    _no_worker,
    _no_leader,
    _fleet_cap,
    _user_cap,
    _seats,
    _turn,
    _stuck,
    _deadline,
)


def _start(facts: Facts, causes: set[str]) -> Start | None:
    """As honest as may be: with a wait or a pause only the earliest time is known, without workers nothing is."""
    job = facts.job
    if causes & {"scheduler_silent", "scheduler_stuck", "no_worker"} or (job.pauses and job.resume_at is None):
        return None
    not_before = [moment for moment in (job.next_processing_at, job.resume_at) if moment]
    if not_before:
        return Start(max(*not_before, job.now))
    if causes & {"user_cap"} or facts.first > COUNTED:
        return None
    if facts.first < facts.room:
        return Start(job.now, job.now, job.now + timedelta(seconds=facts.rules.poll_s))
    paced = start_in_s(facts.first, ended=job.ended, within_s=float(job.ended_within_s or 0))
    return Start(*(job.now + timedelta(seconds=each) for each in paced)) if paced else None
