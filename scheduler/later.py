"""Outcomes whose row somebody has locked: tried again, at first soon, then every half second.

Mostly it is our own heartbeat, for a millisecond; it may be an operator's open transaction, for an hour.
"""

import time
from collections.abc import Sequence

from jobs.runner import Ended

FIRST_S, LONGEST_S = 0.01, 0.5


class Later:
    """Used by the pump's thread alone."""

    def __init__(self) -> None:
        self._ended: list[Ended] = []
        self._wait_s = 0.0
        self._at = 0.0  # monotonic

    def put_off(self, ended: Sequence[Ended]) -> None:
        """None of them: the wait begins anew with the next."""
        self._wait_s = min(LONGEST_S, max(FIRST_S, 2 * self._wait_s)) if ended else 0.0
        self._ended += ended
        self._at = time.monotonic() + self._wait_s

    def due(self) -> list[Ended]:
        """What is to be tried again now, which is then no longer here."""
        if self.due_in_s():
            return []
        due, self._ended = self._ended, []
        return due

    def due_in_s(self) -> float | None:
        return max(0.0, self._at - time.monotonic()) if self._ended else None
