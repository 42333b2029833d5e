"""The seats of a process: threads that run handlers, started when first needed."""

import logging
import queue
import threading
from collections.abc import Callable

from jobs.held import Held

log = logging.getLogger(__name__)


class Pool:
    """`work(held)` runs in one of at most `seats()` threads; a seat is busy until its handler has really returned.

    `held` is every claim of this process whose outcome is not in the database yet, by job id.
    `freed()` is told after a seat has become free.
    """

    def __init__(self, seats: Callable[[], int], work: Callable[[Held], None], freed: Callable[[], None]) -> None:
        self.held: dict[str, Held] = {}
        self._seats = seats
        self._work = work
        self._freed = freed
        self._queue: queue.SimpleQueue[Held | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads = 0
        self._abandoned: set[Held] = set()

    @property
    def seats(self) -> int:
        return self._seats()

    @property
    def busy(self) -> int:
        return self._busy

    def free(self) -> int:
        return max(0, self._seats() - self._busy)

    def clogged(self) -> bool:
        """Most seats are held by handlers that do not end.  Seats that were taken away count as long as they run."""
        return self.abandoned * 2 > max(self._seats(), self._busy)

    @property
    def abandoned(self) -> int:
        """Seats whose handler goes on although its outcome has been written without it."""
        return len(self._abandoned)

    def start(self, held: Held) -> None:
        """Run it now; the caller has seen that a seat is free."""
        self.held[held.claim.id] = held
        with self._lock:
            self._busy += 1
            if self._busy > self._threads:
                self._add_thread()
        self._queue.put(held)

    def forget(self, held: Held) -> None:
        """Its outcome is in the database, or somebody else's business."""
        if self.held.get(held.claim.id) is held:
            del self.held[held.claim.id]

    def overdue(self, grace_s: float) -> list[Held]:
        """Runs whose handler goes on although its time ended `grace_s` ago."""
        return [held for held in list(self.held.values()) if held.overdue(grace_s) and not held.ended]

    def abandon(self, held: Held) -> None:
        """Nobody waits for this handler any more; its seat is busy until it returns all the same."""
        self._abandoned.add(held)

    def shrink(self) -> None:
        """Let threads go for which there is no seat any more: those that are idle at once, the others as runs end."""
        with self._lock:
            spare = self._threads - max(self._seats(), self._busy)
            self._threads -= max(0, spare)
        for _ in range(spare):
            self._queue.put(None)

    def close(self) -> None:
        """The threads end, a busy one when its handler returns; nothing is started afterwards."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _add_thread(self) -> None:
        try:
            threading.Thread(target=self._sit, name=f"seat-{self._threads + 1}", daemon=True).start()
            self._threads += 1
        except RuntimeError:  # the system's limit of threads: the run waits for a seat that has one
            log.error("no thread could be started for another seat; set scheduler.seats lower")  # noqa: TRY400 - its trace says nothing

    def _sit(self) -> None:
        while held := self._queue.get():
            fit = False
            try:
                self._work(held)
                fit = True
            finally:
                with self._lock:
                    self._abandoned.discard(held)
                    self._busy -= 1
                    spare = self._threads > max(self._seats(), self._busy)
                    self._threads -= not fit or spare  # an error ends this thread; the next start makes another
                self._freed()
            if spare:
                return
