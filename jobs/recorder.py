"""Write down how runs ended, many at a time.

One statement for all results, one for all the rest.  What the data itself makes impossible is found by halving the
batch, and fails alone.  A batch whose answer was lost is simply sent again: what was taken the first time is
recognised by its claim_seq.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from jobs import progress, store
from jobs.job import Key
from jobs.rows import key_of
from jobs.runner import Ended
from jobs.states import State
from jobs.telemetry import RunEnded, StaleWrite, emit

log = logging.getLogger(__name__)

Write = Callable[[Sequence[str]], list[Row[Any]]]

UNFINISHED = (State.PROCESSING,)  # where give_up.sql would have taken the outcome, had nobody locked the row
COMPLETABLE = (State.PROCESSING, State.QUEUED)  # the same of complete.sql
IN_THE_DATA = ("22", "23", "54")  # classes of SQLSTATE: a value, a constraint, a limit (too large, nested too deeply)


@dataclass(slots=True)
class Recorded:
    """`ready`: keys that can be claimed again; `due_s`: the waits that began; `locked`: to be sent again soon."""

    ready: list[Key] = field(default_factory=list)
    due_s: list[float] = field(default_factory=list)
    locked: list[Ended] = field(default_factory=list)


def record(conn: Connection, ended: Sequence[Ended], *, max_wait_s: float) -> Recorded:
    """Record every run in `ended` on an AUTOCOMMIT connection; a stale one changes nothing.

    Raises what is not the data's fault: a broken connection, a server that is read-only.  Then send the same batch
    again.
    """
    told = Recorded()
    done = [one for one in ended if one.done]
    rest = [one for one in ended if not one.done]
    rest += _write(conn, done, lambda entries: store.complete(conn, entries), told)
    spoiled = _write(conn, rest, lambda entries: store.give_up(conn, entries, max_wait_s=max_wait_s), told)
    for one in spoiled:
        words = "job %s: PostgreSQL takes neither its outcome nor its failure; its lease will end"
        log.error(words, one.claim.id, extra=one.claim.named)
    _drop_drawn(conn, ended, told)
    return told


def _drop_drawn(conn: Connection, ended: Sequence[Ended], told: Recorded) -> None:
    """A statement of its own, for the few that have drawn: in those above it would cost every job a look."""
    still_locked = {one.claim.id for one in told.locked}
    drew = [(one.claim.id, one.claim.claim_seq) for one in ended if one.drew and one.claim.id not in still_locked]
    if drew:
        progress.drop(conn, drew)


def _write(conn: Connection, batch: Sequence[Ended], write: Write, told: Recorded) -> list[Ended]:
    """Returns, as failures, what the data refused."""
    if not batch:
        return []
    try:
        rows = write([one.entry for one in batch])
    except DBAPIError as error:
        if not _in_the_data(error):
            raise
        if len(batch) == 1:
            return [_refused(batch[0], error)]
        middle = len(batch) // 2
        return _write(conn, batch[:middle], write, told) + _write(conn, batch[middle:], write, told)
    _tell(conn, batch, rows, told)
    return []


def _in_the_data(error: DBAPIError) -> bool:
    return (getattr(error.orig, "pgcode", None) or "").startswith(IN_THE_DATA)


def _refused(one: Ended, error: DBAPIError) -> Ended:
    entry = {
        "id": one.claim.id,
        "claim_seq": one.claim.claim_seq,
        "retryable": False,
        "counted": True,
        "delay_s": 0,
        "error_code": "invalid_output",
        "error": f"PostgreSQL refused the result ({type(error.orig).__name__})",
    }
    return replace(one, done=False, entry=json.dumps(entry))


def _tell(conn: Connection, batch: Sequence[Ended], rows: Sequence[Row[Any]], told: Recorded) -> None:
    taken = {(str(row.id), row.claim_seq): row for row in rows}
    for one in batch:
        if row := taken.get((one.claim.id, one.claim.claim_seq)):
            _tell_taken(one, row, told)
    _tell_missing(conn, [one for one in batch if (one.claim.id, one.claim.claim_seq) not in taken], told)


def _tell_taken(one: Ended, row: Row[Any], told: Recorded) -> None:
    outcome = "retried" if row.status == "queued" else row.status
    claim = one.claim
    emit(RunEnded(claim.id, claim.claim_seq, claim.job_type, claim.user_id, outcome, row.error_code, one.run_s))
    if row.status != "queued":
        return
    if row.due_s is None:
        told.ready.append(key_of(row))
    else:
        told.due_s.append(float(row.due_s))


def _tell_missing(conn: Connection, missing: Sequence[Ended], told: Recorded) -> None:
    if not missing:
        return
    now = {str(row.id): row for row in store.verdicts(conn, [one.claim.id for one in missing])}
    for one in missing:
        row = now.get(one.claim.id)
        if row is None or row.claim_seq != one.claim.claim_seq:
            emit(StaleWrite(one.claim.id, one.claim.claim_seq, one.claim.user_id))
        elif row.status in (COMPLETABLE if one.done else UNFINISHED):
            told.locked.append(one)
        elif one.done and row.status != State.COMPLETED:
            emit(StaleWrite(one.claim.id, one.claim.claim_seq, one.claim.user_id))
        # else an earlier try, whose answer was lost, has written it
