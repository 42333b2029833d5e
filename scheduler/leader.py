"""Is this process the leader, and until when may it believe so."""

import threading
import time
from collections.abc import Callable

from jobs.telemetry import LeaderChanged, emit

MARGIN = 0.2  # of the lease: trust ends that much before it


class Leader:
    """Leadership is economy, not safety: every duty of a leader is right with two of them."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._term: int | None = None
        self._trusted_until = 0.0

    @property
    def term(self) -> int:
        """The present term; 0 while another process leads."""
        return self._term if self.leading() and self._term else 0

    def leading(self) -> bool:
        return self._term is not None and time.monotonic() < self._trusted_until

    def heard(self, term: int | None, *, sent: float, ttl_s: float) -> None:
        """The database's answer to a heartbeat sent at `sent` (monotonic); None: another process leads."""
        with self._lock:
            before, self._term = self._term, term
            self._trusted_until = sent + ttl_s * (1 - MARGIN) if term is not None else 0.0
        if term != before:
            emit(LeaderChanged(leading=term is not None, term=term or 0))
            self._changed()
