"""Prolong this process's leases, hear of cancels and of lost runs, and stand for leader: one statement."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import store, workers
from jobs.db.line import Line
from jobs.held import Held
from jobs.states import State
from jobs.telemetry import RunLost, emit
from scheduler.leader import Leader
from scheduler.pool import Pool

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # after a beat that failed; shorter than the interval, for the lease runs on


class Heartbeat:
    """`worker()` describes this process as it is now; `trust_s` is how long an answered beat is believed."""

    def __init__(
        self,
        engine: Engine,
        pool: Pool,
        leader: Leader,
        *,
        worker: Callable[[], workers.Worker],
        every_s: Callable[[], float],
    ) -> None:
        self._line = Line(engine)
        self._pool = pool
        self._leader = leader
        self._worker = worker
        self._every_s = every_s
        self._stop = threading.Event()
        self.stands = True

    def loop(self) -> None:
        """Beat until stop(); a failed beat is tried again soon."""
        while not self._stop.is_set():
            try:
                self.beat()
                pause_s = self._every_s()
            except SQLAlchemyError as error:
                log.warning("a heartbeat failed (%s); trying again", type(error).__name__)
                pause_s = min(PAUSE_S, self._every_s())
            self._stop.wait(pause_s)
        self._line.close()

    def stop(self) -> None:
        self._stop.set()

    def beat(self) -> None:
        """One statement; a second one only when a run is missing from the answer."""
        runs, worker, sent = list(self._pool.held.values()), self._worker(), time.monotonic()
        with self._line.use() as conn:
            beat = workers.heartbeat(conn, [_row(held) for held in runs], worker, stands=self.stands)
            missing = [held for held in runs if held.claim.id not in beat.held]
            seen = {str(row.id): row for row in store.verdicts(conn, [m.claim.id for m in missing])} if missing else {}
        trusted_until = sent + worker.lease_s - self._every_s()
        for held in runs:
            if held.claim.id in beat.held:
                held.trust(trusted_until)
                if beat.held[held.claim.id]:
                    held.stop("cancelled")
            elif _lost(held, seen.get(held.claim.id)) and held.stop("lost"):
                emit(RunLost(held.claim.id, held.claim.claim_seq, held.claim.user_id))
        if self.stands:
            self._leader.heard(beat.term, sent=sent, ttl_s=worker.leader_ttl_s)


def _row(held: Held) -> Mapping[str, Any]:
    return {"id": held.claim.id, "claim_seq": held.claim.claim_seq}


def _lost(held: Held, row: Any) -> bool:
    """Not lost: it runs (the recorder was only quicker than we), or has ended under our own claim."""
    if held.ended:
        return False
    ours = row is not None and row.claim_seq == held.claim.claim_seq
    return not (ours and row.status in (State.PROCESSING, State.COMPLETED))
