"""Record what has ended, claim what is next: the one loop that moves jobs through this process.

    tick (poll) ---+                       +--> recorder --> PostgreSQL
    hint ----------+--> wake --> step() ---+
    enqueue here --+      ^                +--> claiming --> pool --> runner -----+
    run ended -----+      +-------------------------------------------------------+

A step waits for nothing: when nothing is going on the first outcome is written at once, and under load what ends
while a write is under way goes with the next one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import recorder
from jobs.db.line import Line
from jobs.events import Hints
from jobs.held import Held
from jobs.job import Claim, Key
from jobs.runner import Ended
from scheduler.claiming import Claiming, Rules
from scheduler.later import Later
from scheduler.pool import Pool

log = logging.getLogger(__name__)

PAUSE_S = 0.5  # after a step that the database did not let through
BATCH = 1000  # outcomes in one flush
BATCH_BYTES = 8_000_000  # PostgreSQL refuses JSON of more than 256 MB, and a slow disk must write it in time


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did."""

    recorded: int = 0
    claimed: int = 0


class Pump:
    """`hints` hears what this process made ready and cannot take itself."""

    def __init__(
        self, engine: Engine, pool: Pool, hints: Hints, *, worker_id: str, job_types: Sequence[str], rules: Rules
    ) -> None:
        self._line = Line(engine)
        self._pool = pool
        self._hints = hints
        self._rules = rules
        self._claims = Claiming(pool, worker_id=worker_id, job_types=job_types, rules=rules)
        self._done: deque[Ended] = deque()
        self._later = Later()
        self._claiming = True
        self._awake = threading.Event()
        self._single_flight = threading.Lock()
        self._stopped = False
        self._most = BATCH
        self.last_step = time.monotonic()

    # --- what wakes it: callable from any thread, never blocks

    def ready(self, keys: Iterable[Key]) -> bool:
        """These keys can be claimed.  True: this process has seats for them all, nobody else need be told."""
        enough = self._claims.ready(keys)
        self._awake.set()
        return self._claiming and enough

    def heard(self, keys: Iterable[Key]) -> None:
        """Another process has told everybody of these keys.

        What cannot be taken is not told on: two that have no use for a job would tell each other for ever.
        """
        self._claims.heard(keys)
        self._awake.set()

    def look_anew(self) -> None:
        """What was paused may run again."""
        self._claims.look_anew()
        self._awake.set()

    def poll(self) -> None:
        """Look at the whole queue, hints or no hints."""
        self._claims.ask_for_full()
        self._awake.set()

    def ended(self, ended: Ended) -> None:
        """A run is over; its outcome waits for the next flush."""
        self._done.append(ended)
        self._awake.set()

    def freed(self) -> None:
        """A seat is free again: no news for a step that has still to look, but for one that has looked."""
        if self._claims.looked:
            self._awake.set()

    def stop_claiming(self, within_s: float) -> None:
        """Returns when no claim is under way any more, or after `within_s`: what it brings would come too late."""
        self._claiming = False
        if self._single_flight.acquire(timeout=within_s):
            self._single_flight.release()

    # --- the loop

    def loop(self) -> None:
        """Step whenever woken, until stop()."""
        while not self._stopped:
            self._awake.wait(self._nap_s())
            self._awake.clear()
            if not self._stepped():
                time.sleep(PAUSE_S)
                self._awake.set()
        self._line.close()

    def _nap_s(self) -> float | None:
        """How long to sleep if nobody wakes it: until a full look may be taken, or a locked row is tried again."""
        looks_s = self._claims.due_in_s() if self._claiming and self._pool.free() else None
        return min((s for s in (looks_s, self._later.due_in_s()) if s is not None), default=None)

    def _stepped(self) -> bool:
        try:
            self.step()
            self._most = min(BATCH, 2 * self._most)
        except SQLAlchemyError as error:
            self._most = max(1, self._most // 2)  # it may have been too much for statement_timeout
            log.warning("the database did not answer the pump (%s); trying again", type(error).__name__)
        except Exception:  # the loop guard: a row that cannot be read must not end every pump that meets it
            log.exception("a step of the pump failed; trying again")
        else:
            return True
        return False

    def stop(self) -> None:
        self._stopped = True
        self._awake.set()

    def step(self) -> Step:
        """One flush and one claim; what could not be recorded stays for the next step."""
        with self._single_flight, self._line.use() as conn:
            self._claims.looked = False
            step = Step(self._record(conn), self._claim(conn) if self._claiming else 0)
            self._claims.advance_clock(conn)
        self.last_step = time.monotonic()
        return step

    def _claim(self, conn: Connection) -> int:
        claimed = self._claims.claim(conn)
        self._hints.tell(self._claims.not_taken())
        return claimed

    # --- recording

    def _record(self, conn: Connection) -> int:
        self._done.extendleft(self._later.due())
        batch = self._next_batch()
        if not batch:
            return 0
        told = recorder.record(conn, batch, max_wait_s=self._rules.max_wait_s)
        self._later.put_off(told.locked)
        open_ids = {one.claim.id for one in told.locked}
        for one in batch:
            self._done.popleft()
            if one.claim.id not in open_ids and (held := self._pool.held.get(one.claim.id)):
                self._forget(held, one.claim)
        behind = self._claims.ended(one.claim.user_id for one in batch)
        self._hints.ready(told.ready if self._claiming else [*told.ready, *behind])
        for due_s in told.due_s:
            self._hints.due(due_s)
        if self._done:
            self._awake.set()
        return len(batch)

    def _next_batch(self) -> list[Ended]:
        """The oldest outcomes, at least one if there is any."""
        batch: list[Ended] = []
        room_bytes = BATCH_BYTES
        for index in range(min(len(self._done), self._most)):  # by index: other threads append meanwhile
            room_bytes -= len(self._done[index].entry)
            if batch and room_bytes < 0:
                break
            batch.append(self._done[index])
        return batch

    def _forget(self, held: Held, claim: Claim) -> None:
        if held.claim.claim_seq == claim.claim_seq:
            self._pool.forget(held)
