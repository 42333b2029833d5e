"""Job types that write down when they run and whether they still believe in their run, and that misbehave when asked.

TEST_MARKS is a directory; each process appends to <pid>.marks there, a line is
"<job id> <claim_seq> <start|alive|end> <monotonic time> <1 while the run trusts itself, else 0>".
"""

import ctypes
import os
import time
from pathlib import Path
from typing import Any

from jobs.held import Held
from jobs.job import Run
from jobs.outcomes import Done, Fail, Outcome

TICK_S = 0.02


class Mute(Exception):
    """An error without words."""

    def __str__(self) -> str:
        raise ValueError("no words")


def attentive(run: Run) -> Outcome:
    """Take `seconds`, unless told to stop."""
    return _take(run, heeds=True)


def deaf(run: Run) -> Outcome:
    """Take `seconds` whatever happens, like a call to a model that cannot be broken off."""
    return _take(run, heeds=False)


def breaking(run: Run) -> Outcome:
    """Misbehave as the request's `how` says, in the first `times` runs; then behave."""
    held = _held(run)
    _mark(held, "start")
    if held.claim.claim_seq <= run.request["times"]:
        _break(run.request["how"], run.request.get("for_s", 0.0))
    _mark(held, "end")
    return _done(held)


def _break(how: str, for_s: float) -> None:
    match how:
        case "holds the interpreter":
            ctypes.PyDLL(None).usleep(int(for_s * 1_000_000))  # a PyDLL keeps the lock: no thread of the process runs
        case "ends its process":
            os._exit(3)
        case "raises SystemExit":
            raise SystemExit(1)
        case "raises an error without words":
            raise Mute
        case "raises an error of 50 MB":
            raise RuntimeError("x" * 50_000_000)


def _take(run: Run, *, heeds: bool) -> Outcome:
    held = _held(run)
    _mark(held, "start")
    end = time.monotonic() + run.request["seconds"]
    while time.monotonic() < end:
        time.sleep(TICK_S)
        _mark(held, "alive")
        if heeds and run.cancelled():
            return Fail("stopped before the end", code="cancelled")
    _mark(held, "end")
    return _done(held)


def _done(held: Held) -> Done:
    """The result names the claim that made it: nobody else's may be recorded for it."""
    return Done({"claim_seq": held.claim.claim_seq, "pid": os.getpid()})


def _held(run: Run) -> Held:
    """What the worker holds behind the handler's view: the claim, and how long it is trusted."""
    behind: Any = run.cancelled
    held = behind.__self__
    assert isinstance(held, Held)
    return held


def _mark(held: Held, kind: str) -> None:
    """The time is taken first, so a process frozen in between claims nothing."""
    at = time.monotonic()
    trusting = held.stop_reason is None and at < min(held.deadline, held.trusted_until)
    line = f"{held.claim.id} {held.claim.claim_seq} {kind} {at:.6f} {int(trusting)}\n".encode()
    path = Path(os.environ["TEST_MARKS"], f"{os.getpid()}.marks")
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


HANDLERS = {"attentive": attentive, "deaf": deaf, "breaking": breaking}
