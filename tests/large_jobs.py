"""A job type whose result is large: 300 KB."""

from jobs.job import Run
from jobs.outcomes import Done, Outcome


def large(run: Run) -> Outcome:
    return Done({"number": run.request["number"], "filling": "x" * 300_000})


HANDLERS = {"large": large}
