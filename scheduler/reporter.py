"""Write down how far this process's runs are: all of them in one statement, at most so many times a second."""

import logging
import threading

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs import progress
from jobs.db.engine import autocommit
from jobs.held import Held
from jobs.progress import Report
from jobs.telemetry import JobChanged, emit
from scheduler.pool import Pool

log = logging.getLogger(__name__)

EVERY_S = 0.1  # what comes in meanwhile goes with the next one
PAUSE_S = 1.0  # after the database did not answer


class Reporter:
    def __init__(self, engine: Engine, pool: Pool) -> None:
        self._engine = engine
        self._pool = pool
        self._news = threading.Event()
        self._stop = threading.Event()

    def wake(self) -> None:
        """A run has something to tell.  Never blocks."""
        self._news.set()

    def loop(self) -> None:
        """Write whenever there is something, until stop(); at once when nothing was written lately."""
        while not self._stop.is_set():
            self._news.wait()
            self._news.clear()
            self._stop.wait(self._written())

    def stop(self) -> None:
        self._stop.set()
        self._news.set()

    def write(self) -> None:
        """What is not taken stays for the next time: its row is locked at this moment, or the run is lost."""
        pending = self._pending()
        if not pending:
            return
        with autocommit(self._engine) as conn:
            taken = progress.write(conn, {(h.claim.id, h.claim.claim_seq): report for h, report in pending})
        for held, _ in pending:
            if held.claim.id in taken:
                held.progress.written()
                emit(JobChanged(held.claim.id, held.claim.user_id, ended=False))
        if self._pending():
            self.wake()

    def _written(self) -> float:
        try:
            self.write()
        except SQLAlchemyError as error:
            log.warning("progress could not be written (%s); trying again", type(error).__name__)
        except Exception:  # the loop guard: one report that meets a fault must not end the news of all others
            log.exception("progress could not be written; trying again")
        else:
            return EVERY_S
        self.wake()
        return PAUSE_S

    def _pending(self) -> list[tuple[Held, Report]]:
        """Of runs that may go on; of all others nobody is told."""
        going = [held for held in list(self._pool.held.values()) if not held.ended and held.stop_reason is None]
        return [(held, report) for held in going if (report := held.progress.pending())]
