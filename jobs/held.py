"""A claim in this worker's hands: what its handler has reported, and what it must hear."""

import threading
import time

from jobs.job import Claim, Run
from jobs.progress import Progress


class Held:
    """Shared by the thread that runs the handler, the heartbeat and the watchdog.

    `trusted_until` (monotonic) is when this worker must stop believing that the run is its own.  From then on its
    handler is held up where it asks whether to go on, until a heartbeat is answered: the run may be somebody else's
    by now, or it may still be ours, because the database stood still for everybody.
    """

    def __init__(self, claim: Claim, *, limit_s: float, trusted_until: float) -> None:
        self.claim = claim
        self.limit_s = limit_s
        self.started = time.monotonic()
        self.deadline = self.started + limit_s
        self.trusted_until = trusted_until
        self.progress = Progress()
        self.stop_reason: str | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._news = threading.Condition()

    def run(self) -> Run:
        """The handler's view."""
        return Run(
            job_id=self.claim.id,
            user_id=self.claim.user_id,
            request=self.claim.request_data,
            attempt=self.claim.retry_count + 1,
            deadline=self.deadline,
            report=self.progress.say,
            draw=self.progress.draw,
            cancelled=self.cancelled,
        )

    def stop(self, reason: str) -> bool:
        """Ask the handler to end; the first reason stays: cancelled, lost or stopping.  True for that one only."""
        with self._news:
            first, self.stop_reason = self.stop_reason is None, self.stop_reason or reason
            self._news.notify_all()
        return first

    def trust(self, until: float) -> None:
        """The run is still ours, at least until then (monotonic)."""
        with self._news:
            self.trusted_until = until
            self._news.notify_all()

    def must_end(self) -> bool:
        """The handler was told to stop, or its time is over."""
        return self.stop_reason is not None or self.overdue()

    def cancelled(self) -> bool:
        """The same for the handler, which waits here while nobody knows whose run it is."""
        while not self.must_end() and not self._trusted():
            with self._news:
                left_s = self.deadline - time.monotonic()
                self._news.wait_for(lambda: self.must_end() or self._trusted(), timeout=max(0.0, left_s))
        return self.must_end()

    def _trusted(self) -> bool:
        return time.monotonic() < self.trusted_until

    def overdue(self, grace_s: float = 0) -> bool:
        return time.monotonic() >= self.deadline + grace_s

    def end(self) -> bool:
        """True for the first caller only: one run has one outcome, be it the handler's or the watchdog's."""
        with self._lock:
            first, self._ended = not self._ended, True
        return first

    @property
    def ended(self) -> bool:
        return self._ended

    def run_s(self) -> float:
        return time.monotonic() - self.started
