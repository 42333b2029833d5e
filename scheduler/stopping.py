"""The order of stopping: no new claims, let others lead, finish what can be finished, hand back the rest.

budget >= 5 s   drain with heartbeats going until 3 s are left; then hand back
budget <  5 s   hand back at once; what still finishes in time is taken all the same
in a hurry      (a second SIGTERM) hand back at once, and go
"""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from jobs import store, workers
from jobs.db.engine import autocommit
from scheduler.runtime import Runtime

log = logging.getLogger(__name__)

DRAIN_FROM_S = 5.0
HAND_BACK_S = 3.0
LOOK_EVERY_S = 0.02
ANSWER_S = 1.0  # for one answer of the database, or a quarter of a short budget


def stop(runtime: Runtime, budget_s: float, hurried: Callable[[], bool] = lambda: False) -> None:
    """Finish or hand back what runs, within `budget_s`; afterwards this process holds no run and leads nothing.

    As soon as `hurried()` is true nothing is waited for any more: what runs is handed back at once.
    """
    end, answer_s = time.monotonic() + budget_s, min(ANSWER_S, budget_s / 4)
    runtime.pump.stop_claiming(answer_s)
    runtime.heartbeat.stands = False
    _tell(lambda: _resign(runtime), answer_s, "it still counts as leader until its lease ends")
    if budget_s >= DRAIN_FROM_S:
        _wait_until(lambda: hurried() or not runtime.pool.held, end - HAND_BACK_S)
    _tell(lambda: _hand_back(runtime), answer_s, "its runs come back when their leases end")
    for held in list(runtime.pool.held.values()):
        held.stop("stopping")  # only now: what a stopped handler says must find the job handed back
    _wait_until(lambda: hurried() or not runtime.pool.held, end - 0.3)
    runtime.stop_threads()
    _tell(lambda: _leave(runtime), answer_s, "its row in ai_workers stays for a day")


def _resign(runtime: Runtime) -> None:
    runtime.leader.heard(None, sent=time.monotonic(), ttl_s=0)
    with autocommit(runtime.engine) as conn:
        workers.resign(conn, worker_id=runtime.worker_id)


def _hand_back(runtime: Runtime) -> None:
    claims = [held.claim for held in list(runtime.pool.held.values()) if not held.ended]
    if not claims:
        return
    with autocommit(runtime.engine) as conn:
        keys = store.release(conn, claims)
    log.info("%d runs were handed back to the queue", len(keys))
    runtime.hints.ready(keys)


def _leave(runtime: Runtime) -> None:
    """After the last heartbeat, which would write it all anew: one under way at the start still stood for leader."""
    with autocommit(runtime.engine) as conn:
        workers.resign(conn, worker_id=runtime.worker_id)
        workers.leave(conn, worker_id=runtime.worker_id)


def _tell(step: Callable[[], None], within_s: float, otherwise: str) -> None:
    """The stop goes on without a database, and without one that never answers."""
    answered = threading.Event()

    def attempt() -> None:
        try:
            step()
        except SQLAlchemyError as error:
            log.warning("the database did not answer while stopping (%s): %s", type(error).__name__, otherwise)
        answered.set()

    threading.Thread(target=attempt, name="stopping", daemon=True).start()
    if not answered.wait(within_s):
        log.warning("the database did not answer in time while stopping: %s", otherwise)


def _wait_until(done: Callable[[], bool], end: float) -> None:
    while not done() and time.monotonic() < end:
        time.sleep(LOOK_EVERY_S)
