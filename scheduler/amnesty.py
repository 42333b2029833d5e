"""No reaping right after a gap: those who seem silent may only have been unheard.

After a database that froze or restarted, a new leader, or a pause of this process, every lease can be over although
every worker lives.  They are given the time of three heartbeats and a little to say so.
"""

import time

MARGIN_S = 0.6  # of a heartbeat, on top of three


class Amnesty:
    """A gap is: the start of a term, an error, a look that came late, another start time of the server."""

    def __init__(self) -> None:
        self._until = 0.0
        self._term: int | None = None
        self._server_started: float | None = None
        self._expected = 0.0  # when the next look is due, monotonic; 0: none yet

    def begin(self, heartbeat_s: float) -> None:
        self._until = time.monotonic() + (3 + MARGIN_S) * heartbeat_s

    def holds(self) -> bool:
        return time.monotonic() < self._until

    def left_s(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def look(self, *, term: int, server_started: float, heartbeat_s: float) -> None:
        """Note what this look shows, and begin an amnesty if something has changed since the last."""
        late = self._expected > 0 and time.monotonic() > self._expected + heartbeat_s
        if late or term != self._term or server_started != self._server_started:
            self.begin(heartbeat_s)
        self._term, self._server_started = term, server_started

    def expect(self, in_s: float) -> None:
        """The next look is due in `in_s` seconds."""
        self._expected = time.monotonic() + in_s
