"""Whether the queue stands still although somebody could take its next job.

Only the very next job is judged.  Jobs behind it may wait for hours under load, and so may one of low priority; but the
next one is taken as soon as a seat is free.  When it stays where it is for longer than a lost worker needs to be
noticed, although seats are free, or although it has been ready for so long and no live worker has a handler for it,
then no slow provider and no load explains it.

What may hold a ready job with good reason stands in _could_run(): whoever adds such a reason adds it there.
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from jobs import queries
from jobs.db.engine import autocommit
from jobs.forecast import still_after_s
from jobs.queries import NextUp

KEPT_S = 2.0  # callers that follow each other at once cost one look


class Stall:
    """Costs one look at the head of the queue, at most every KEPT_S, while somebody asks."""

    def __init__(self, engine: Engine, settings: Callable[[], Config]) -> None:
        self._engine = engine
        self._settings = settings
        self._lock = threading.Lock()
        self._old_at = 0.0  # time.monotonic()
        self._fault: str | None = None
        self._same: tuple[str, int] | None = None  # the next job, when a seat was free for it at the last look
        self._since = 0.0

    def fault(self) -> str | None:
        """What is wrong, for people; None: nothing, or nobody can tell because the database does not answer."""
        with self._lock:
            if time.monotonic() >= self._old_at:
                self._fault = self._look()
                self._old_at = time.monotonic() + KEPT_S
            return self._fault

    def _look(self) -> str | None:
        config = self._settings()
        try:
            with autocommit(self._engine) as conn:
                found = queries.next_up(conn, silent_s=config.scheduler.lease_s)
        except SQLAlchemyError:
            return None
        return self._judged(found, config, time.monotonic())

    def _judged(self, found: NextUp | None, config: Config, now: float) -> str | None:
        limit_s = still_after_s(lease_s=config.scheduler.lease_s, poll_s=config.scheduler.poll_every_s)
        same = (found.id, found.claim_seq) if found and _could_run(found, config) else None
        if same != self._same:
            self._same, self._since = same, now
        if found is None or found.ready_s <= limit_s:
            return None
        if found.workers == 0:
            return f"The next job has been ready for {found.ready_s:.0f} s, and no live worker has a handler for it"
        if same and now - self._since > limit_s:
            return f"The next job has been ready for {found.ready_s:.0f} s, and nobody takes it although seats are free"
        return None


def _could_run(found: NextUp, config: Config) -> bool:
    """Whether no cap and no want of seats explains that it is still there."""
    fleet_cap, user_cap = config.jobs.max_concurrent_jobs, config.jobs.max_concurrent_per_user
    return (
        found.free_seats > 0
        and (fleet_cap is None or found.running < fleet_cap)
        and (user_cap is None or found.of_user < user_cap)
    )
