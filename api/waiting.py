"""Requests that wait for the end of their job, each in a thread of the server: so only so many at a time."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

LONGEST_S = 30
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?\s*(?:$|[,;])", re.IGNORECASE)


def preferred_s(header: str | None) -> int | None:
    """The seconds in a Prefer header (RFC 7240), at most LONGEST_S; None: it asks for no wait."""
    found = WAIT.search(header or "")
    return min(LONGEST_S, int(found[1])) if found else None


class Waiting:
    """Woken by the end of a job: in this process, or in another one that has told it."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, list[threading.Event]] = {}
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        return self._count

    @contextmanager
    def place(self, job_id: str) -> Iterator[threading.Event | None]:
        """An event that is set when the job ends; None: too many wait already."""
        ended = self._enter(job_id)
        try:
            yield ended
        finally:
            if ended:
                self._leave(job_id, ended)

    def ended(self, job_ids: Iterable[str]) -> None:
        with self._lock:
            events = [event for job_id in job_ids for event in self._waiting.get(job_id, ())]
        for event in events:
            event.set()

    def close(self) -> None:
        """The process stops: nobody waits any longer."""
        with self._lock:
            self._closed = True
            job_ids = list(self._waiting)
        self.ended(job_ids)

    def _enter(self, job_id: str) -> threading.Event | None:
        with self._lock:
            if self._closed or self._count >= self._most():
                return None
            self._count += 1
            ended = threading.Event()
            self._waiting.setdefault(job_id, []).append(ended)
        return ended

    def _leave(self, job_id: str, ended: threading.Event) -> None:
        with self._lock:
            self._count -= 1
            self._waiting[job_id].remove(ended)
            if not self._waiting[job_id]:
                del self._waiting[job_id]
