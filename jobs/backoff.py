"""How long a job waits before its next run."""

import random


def delay_s(
    failures: int,
    *,
    base_s: float,
    factor: float,
    cap_s: float,
    jitter: float,
    chance: float | None = None,
) -> float:
    """Seconds to wait after the nth failure: base_s * factor^n, at most cap_s, varied by +- jitter (0.1: ten per cent).

    `chance` between 0 and 1 decides within the jitter; None draws it.
    """
    spread = 1 + jitter * (2 * (random.random() if chance is None else chance) - 1)  # noqa: S311 - not a secret
    try:
        plain_s = base_s * factor**failures
    except OverflowError:
        plain_s = cap_s
    return float(min(plain_s, cap_s) * spread)
