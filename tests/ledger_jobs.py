"""A team's own job types, as config.yaml's `handlers` names them: they write each run into a file that survives kill -9.

TEST_LEDGER is the file; a line is "<job id> <attempt> <pid>".
"""

import os
import time

from jobs.job import Run
from jobs.outcomes import Done, Fail, Outcome


def noted(run: Run) -> Done:
    """Write the run down and end."""
    _note(run)
    return Done({"ok": True})


def slow(run: Run) -> Outcome:
    """Write the run down, then take `seconds`, unless it is told to stop."""
    _note(run)
    end = time.monotonic() + float(run.request["seconds"])
    while time.monotonic() < end:
        if run.cancelled():
            return Fail("stopped before the end", code="cancelled")
        time.sleep(0.01)
    return Done({"ok": True})


def _note(run: Run) -> None:
    line = f"{run.job_id} {run.attempt} {os.getpid()}\n".encode()
    file = os.open(os.environ["TEST_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


HANDLERS = {"noted": noted, "slow": slow}
