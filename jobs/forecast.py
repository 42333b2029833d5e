"""When a waiting job may start, from how many runs have ended lately, and when that is too late: arithmetic alone."""

import math

FEWEST = 5  # ends below which nothing is foretold
NINE_IN_TEN = 1.645  # standard deviations to each side


def start_in_s(ahead: int, *, ended: int, within_s: float) -> tuple[float, float, float] | None:
    """(low, likely, high) seconds until `ahead` + 1 more runs have ended; None: too few ended to tell.

    `ended` runs in the last `within_s` seconds.  The range holds nine times in ten if runs end independently of one
    another at an even pace (the ratio of two Erlang times, taken as log-normal); a pace that changes is not foreseen.
    """
    if ended < FEWEST or within_s <= 0:
        return None
    likely_s = (ahead + 1) * within_s / ended
    spread = math.exp(NINE_IN_TEN * math.sqrt(1 / (ahead + 1) + 1 / ended))
    return likely_s / spread, likely_s, likely_s * spread


def still_after_s(*, lease_s: float, poll_s: float) -> float:
    """How long the next job may be ready, with a seat free, until neither a lost worker nor a poll explains it."""
    return lease_s + 2 * poll_s
