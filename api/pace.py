"""How fast one user may read: counted in this process's memory, generously, by the same rule as jobs/limits.py."""

import math
import threading
import time

from jobs.limits import TooMany

BURST_S = 2.0  # what drips in during that time may be used at once
USERS = 10_000  # when more are counted, those who have nothing against them are forgotten


class TooFast(TooMany):
    """You ask too often; wait a little between two requests"""

    code = "too_many_requests"


class Pace:
    def __init__(self, burst_s: float = BURST_S) -> None:
        self._burst_s = burst_s
        self._paid_until: dict[str, float] = {}  # by user, monotonic
        self._lock = threading.Lock()

    def keep(self, user_id: str, per_s: float | None) -> None:
        """Count one request.  Raises TooFast; `per_s` None: no limit."""
        if per_s is None:
            return
        now = time.monotonic()
        with self._lock:
            self._paid_until[user_id] = self._paid(user_id, per_s, now)
            if len(self._paid_until) > USERS:
                self._paid_until = {user: until for user, until in self._paid_until.items() if until > now}

    def look(self, user_id: str, per_s: float) -> None:
        """Raises TooFast when one request more would be too many; counts none."""
        with self._lock:
            self._paid(user_id, per_s, time.monotonic())

    def _paid(self, user_id: str, per_s: float, now: float) -> float:
        """Until when one more would be paid.  Raises TooFast."""
        paid = max(self._paid_until.get(user_id, now), now) + 1 / per_s
        if paid > now + self._burst_s:
            raise TooFast(limit=int(self._burst_s * per_s), retry_after_s=math.ceil(paid - now - self._burst_s))
        return paid
