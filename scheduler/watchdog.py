"""Ends the wait for a database that is frozen: a statement cannot time out on a server that does not move."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from jobs.db.line import Line

log = logging.getLogger(__name__)

LOOKS = 5  # in the shortest limit


class Watchdog:
    """`limits`: how many seconds an answer on each line may take; then the line is cut."""

    def __init__(self, limits: Mapping[Line, Callable[[], float]]) -> None:
        self._limits = limits
        self._stop = threading.Event()

    def loop(self) -> None:
        """Look until stop()."""
        while not self._stop.wait(min(limit_s() for limit_s in self._limits.values()) / LOOKS):
            self.look()

    def look(self) -> int:
        """Cut what waits for too long; returns how many lines that were."""
        late = [line for line, limit_s in self._limits.items() if _waits_s(line) > limit_s()]
        for line in late:
            log.warning("the database has not answered for %.1f s; cutting the line", _waits_s(line))
            line.cut()
        return len(late)

    def stop(self) -> None:
        self._stop.set()


def _waits_s(line: Line) -> float:
    since = line.busy_since
    return 0.0 if since is None else time.monotonic() - since
