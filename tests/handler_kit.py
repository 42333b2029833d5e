"""What a test needs to call a handler as the queue does."""

import dataclasses
import itertools
from typing import Any

from jobs.job import Run

_numbers = itertools.count(1)


class Reports(list[tuple[int, str]]):
    """Every (percent, message) that a handler reported."""

    def __call__(self, percent: int, message: str) -> None:
        self.append((percent, message))


def make_run(**overrides: Any) -> Run:
    """A first run without a deadline that nobody cancels; `run.report` is the list of what was reported."""
    run = Run(
        job_id=f"00000000-0000-7000-8000-{next(_numbers):012d}",
        user_id="user-1",
        request={"instructions": "Login: enter password, check it", "style": "modern", "colorScheme": "default"},
        attempt=1,
        deadline=None,
        report=Reports(),
        cancelled=lambda: False,
    )
    return dataclasses.replace(run, **overrides)
