"""One connection that follows its user's jobs: what is still to be sent to it, bounded."""

import threading
from collections.abc import Callable, Collection

from api.live.events import Event, Message, deleted
from api.live.sketch import Sketch

MOST = 1000  # messages that wait for a slow reader
MOST_CHARS = 32_000_000  # of results among them


class Follower:
    """Of each job only the newest event waits; a reader that is too slow loses updates, never an ending.

    What a drawing has gained is gathered meanwhile: nobody misses a part of it.
    `overrun`: even the endings are too many or too large; the connection has to go, and nothing more is kept for it.
    """

    def __init__(self, user_id: str, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called when there may be something to take, and when it is closed; it must not block."""
        self.user_id = user_id
        self._wake = wake
        self.overrun = False
        self.closed = False
        self._lock = threading.Lock()
        self._waiting: dict[str, Event] = {}
        self._chars = 0  # of the results among these
        self._told: dict[str, int] = {}  # the version that was told last, of live jobs
        self._ended: dict[str, int] = {}  # the same of jobs that have ended lately
        self._sketches: dict[str, Sketch] = {}  # of live jobs

    def put(self, event: Event) -> bool:
        """Never blocks; what is older than what was told is dropped.

        False: of the drawing parts before these are missing here; then the whole of it has to be put.
        """
        with self._lock:
            if self.overrun:
                return True
            if event.version <= max(known.get(event.job_id, -1) for known in (self._told, self._ended)):
                return True
            if (event.parts or event.after) and not self._sketches.setdefault(event.job_id, Sketch()).add(event):
                return False
            self._remember(event)
            self._pop(event.job_id)
            self._waiting[event.job_id] = event
            self._chars += len(event.message.result or "")
            if len(self._waiting) > MOST or self._chars > MOST_CHARS:
                self._drop()
        self._wake()
        return True

    def gone(self, job_ids: Collection[str]) -> None:
        """These were deleted: the client hears so of those that it takes for live."""
        with self._lock:
            live = {job_id: self._told[job_id] for job_id in job_ids if job_id in self._told}
        for job_id, version in live.items():
            self.put(deleted(job_id, version + 1))

    def take(self, most: int = MOST) -> list[Message]:
        """What is to be sent, in order, at most `most`."""
        with self._lock:
            events = [self._pop(job_id) for job_id in list(self._waiting)[:most]]
            return [self._message(event) for event in events if event]

    def close(self) -> None:
        self.closed = True
        self._wake()

    def live_jobs(self) -> list[str]:
        """Those whose end it has not been told."""
        with self._lock:
            return list(self._told)

    def _message(self, event: Event) -> Message:
        sketch = self._sketches.get(event.job_id)
        drawn = sketch.take() if sketch else {}
        return event.message._replace(data={**event.message.data, **drawn}) if drawn else event.message

    def _remember(self, event: Event) -> None:
        self._told.pop(event.job_id, None)
        self._ended.pop(event.job_id, None)
        (self._ended if event.ended else self._told)[event.job_id] = event.version
        if event.ended:
            self._sketches.pop(event.job_id, None)
        if len(self._ended) > MOST:
            del self._ended[next(iter(self._ended))]

    def _pop(self, job_id: str) -> Event | None:
        event = self._waiting.pop(job_id, None)
        self._chars -= len((event and event.message.result) or "")
        return event

    def _drop(self) -> None:
        oldest = next((job_id for job_id, event in self._waiting.items() if not event.ended), None)
        if oldest is None or self._chars > MOST_CHARS:
            self.overrun = True
            self._waiting, self._told, self._sketches = {}, {}, {}
        else:
            self._told[oldest] = self._waiting.pop(oldest).version - 1  # it is told anew when all are looked at
            self._sketches.pop(oldest, None)
