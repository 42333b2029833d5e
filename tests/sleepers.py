"""A team's job type whose runs do nothing but take their time; 200 of them cost no CPU."""

import time

from jobs.job import Run
from jobs.outcomes import Done


def sleep(run: Run) -> Done:
    """Take `seconds`."""
    time.sleep(float(run.request["seconds"]))
    return Done({"slept": True})


HANDLERS = {"sleep": sleep}
