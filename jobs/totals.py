"""Numbers of jobs that nobody has to count when they are asked for.

A trigger writes down what has ended (ai_job_deltas); the leader's task folds that into totals by user and for the
fleet, and counts the live jobs.  When there is no leader, whoever reads counts for itself.
"""

from sqlalchemy import Connection

from jobs import queries
from jobs.queries import Fleet
from jobs.sql import statement

BATCH = 1000
LATE_S = 15.0  # a count that is overdue for so long comes from nobody
FOLDS = 20  # batches that one who reads folds: nobody waits for all that has ended while there was no leader


def fold(conn: Connection, *, batch: int = BATCH) -> int:
    """Move what has ended since into the totals; returns how many changes that were, `batch` at most."""
    return int(conn.execute(statement("tally_ended"), {"batch": batch}).scalar_one())


def count_live(conn: Connection, *, every_s: float) -> float:
    """Count the live jobs; returns the seconds until they are to be counted again, `every_s` at least."""
    return float(conn.execute(statement("tally_live"), {"every_s": every_s}).scalar_one())


def forget(conn: Connection) -> None:
    """Drop the totals of users who have no ended jobs any more."""
    conn.execute(statement("forget_totals"))


def fleet(conn: Connection, *, silent_s: float, every_s: float) -> Fleet:
    """As queries.fleet(), counted anew when the one who should have done it is late.

    Of very many jobs that have ended since, some are then missing in `finals` until the next ones ask.
    """
    found = queries.fleet(conn, silent_s=silent_s)
    if found.late_s is not None and found.late_s < LATE_S:
        return found
    for _ in range(FOLDS):
        if fold(conn, batch=BATCH) < BATCH:
            break
    count_live(conn, every_s=every_s)
    return queries.fleet(conn, silent_s=silent_s)
