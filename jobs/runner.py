"""Run one claim: call its handler, and turn what it said into the entry that the recorder writes.

Runs in a thread of the pool, with no connection and no lock.
"""

import json
import logging
import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.held import Held
from jobs.job import Claim, Handler
from jobs.outcomes import Done, Fail, Outcome, Retry
from jobs.storable import printable, storable

log = logging.getLogger(__name__)

ERROR_CHARS = 2000
TRACE_CHARS = 20_000
LONGEST_WAIT_S = 366 * 86400.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over.  `entry` is its JSON for complete.sql (`done`) or give_up.sql.

    `drew`: parts of its drawing are kept, and have to go.
    """

    claim: Claim
    done: bool
    entry: str
    run_s: float
    drew: bool = False


def run(handlers: Mapping[str, Handler], held: Held, *, retry_delay_s: float, result_bytes: int) -> Ended:
    """`retry_delay_s`: the wait if this run fails and its handler names none."""
    return settle(held, ask(handlers, held), retry_delay_s=retry_delay_s, result_bytes=result_bytes)


def ask(handlers: Mapping[str, Handler], held: Held) -> Outcome:
    """The handler's outcome; an exception of any kind is a Retry."""
    handler = handlers.get(held.claim.job_type)
    if handler is None:
        return Fail(f"no handler for job type {held.claim.job_type!r} in this worker", code="unknown_job_type")
    try:
        said: object = handler(held.run())
    except BaseException as error:  # noqa: BLE001 - a handler's bug, even SystemExit, is a failed run, not the end of a seat
        trace = "".join(traceback.format_exception(error))
        words = "job %s: its handler raised\n%s"
        log.warning(words, held.claim.id, printable(trace, TRACE_CHARS), extra=held.claim.named)
        said = Retry(_described(error))
    return said if isinstance(said, Done) else _as_stopped(held, _understood(said))


def _understood(said: object) -> Outcome:
    if isinstance(said, Retry | Fail):
        return said
    return Fail(f"the handler returned {type(said).__name__}, not Done, Retry or Fail")


def _as_stopped(held: Held, outcome: Outcome) -> Outcome:
    """What a handler says (or raises, or fails to say) after it was told to stop is not the job's fault.

    A cancel stays as it is: the database knows of it, and decides.
    """
    if held.stop_reason == "cancelled" or not held.must_end():
        return outcome
    if held.stop_reason is None and held.overdue():
        return timed_out(held)
    return Retry("its worker stopped before the end", code="worker_stopped", delay_s=0, counted=False)


def timed_out(held: Held) -> Retry:
    """The outcome of a run whose time is over, whether or not its handler has noticed."""
    return Retry(f"the run took longer than {held.limit_s:g} s", code="timed_out")


def settle(held: Held, outcome: Outcome, *, retry_delay_s: float, result_bytes: int) -> Ended:
    """The entry for the recorder; a result that cannot be stored becomes a Fail."""
    if isinstance(outcome, Done):
        return _completed(held, outcome, result_bytes)
    retry = outcome if isinstance(outcome, Retry) else None
    entry = {
        "id": held.claim.id,
        "claim_seq": held.claim.claim_seq,
        "retryable": retry is not None,
        "counted": retry is None or bool(retry.counted),
        "delay_s": _delay_s(retry and retry.delay_s, retry_delay_s),
        "error_code": printable(_text(outcome.code), 50),
        "error": printable(_text(outcome.reason), ERROR_CHARS),
    }
    return Ended(held.claim, done=False, entry=json.dumps(entry), run_s=held.run_s(), drew=held.progress.drew)


def _delay_s(asked: object, otherwise: float) -> float:
    """What a handler asked for, if it is a number."""
    if not isinstance(asked, int | float) or not -math.inf < asked < math.inf:
        return otherwise
    return min(max(0.0, asked), LONGEST_WAIT_S)


def _completed(held: Held, outcome: Done, result_bytes: int) -> Ended:
    entry = {"id": held.claim.id, "claim_seq": held.claim.claim_seq, "result": outcome.result, "usage": outcome.usage}
    try:
        text = storable(entry)
    except (TypeError, ValueError, RecursionError) as error:
        return _unusable(held, f"the result is not JSON: {_described(error)}")
    if len(text) > result_bytes:
        return _unusable(held, f"the result has {len(text)} bytes, more than jobs.result_bytes ({result_bytes})")
    return Ended(held.claim, done=True, entry=text, run_s=held.run_s(), drew=held.progress.drew)


def _unusable(held: Held, reason: str) -> Ended:
    return settle(held, Fail(reason, code="invalid_output"), retry_delay_s=0, result_bytes=0)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {_text(error)}"[:ERROR_CHARS]


def _text(value: object) -> str:
    """`value` in words: an outcome may hold anything where its type says str, and some errors have no words."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the class is anybody's code
        return "(its message could not be made)"
