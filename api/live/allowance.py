"""How much one client may send: so much at once, and so much a second in the long run."""

import time


class Allowance:
    def __init__(self, burst: int, per_s: float) -> None:
        self._burst_s, self._cost_s = burst / per_s, 1 / per_s
        self._paid_s = time.monotonic() - self._burst_s  # up to when what was taken is paid for

    def take(self) -> bool:
        """Counts one; False: it is one too many."""
        now_s = time.monotonic()
        self._paid_s = max(self._paid_s, now_s - self._burst_s) + self._cost_s
        return self._paid_s <= now_s
