"""What a handler may say about its run.  A handler returns one of these, or raises (which is a Retry)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Done:
    """The job is finished: `result` is what its user asked for, `usage` what it cost (None: nothing to count)."""

    result: Mapping[str, Any]
    usage: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Another run may succeed.

    `delay_s` is the wait that the provider asked for; None leaves it to the backoff.
    `counted` False spends no retry: the provider was busy or away, the job itself is not to blame.
    """

    reason: str
    code: str = "handler_error"
    delay_s: float | None = None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Fail:
    """No other run can succeed: bad input, a refusal, an answer that cannot be used."""

    reason: str
    code: str = "handler_error"


Outcome = Done | Retry | Fail
