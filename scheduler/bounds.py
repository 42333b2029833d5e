"""Where a claim begins to look: one lower bound per rank.

The ready index keeps dead entries of claimed jobs before its head until they are vacuumed, and an old snapshot
holds them there.  Beginning at the smallest key of the last claim walks past none of them.  What becomes ready
before a bound is found by its hint, or by a full look without bounds.

    full look: at each poll, and when a bounded one found nothing; at most every max(1 s, 20 x its own cost)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.job import Key

RANKS = range(-9, 10)
FULL = tuple(Key(rank, -(2**63), -(2**63)) for rank in RANKS)
FULL_EVERY_S = 1.0
COSTS = 20


@dataclass(frozen=True, slots=True)
class Look:
    lows: Sequence[Key]
    full: bool


class Bounds:
    def __init__(self) -> None:
        self._low: dict[int, Key] = {}
        self._wants_full = True
        self._full_not_before = 0.0
        self._more = True  # there may be ready jobs that nobody has told us of since the last look
        self._told: dict[int, Key] = {}  # lowered since the last look began, which may not have seen them
        self._asked = False  # the same of ask_for_full

    def full_in_s(self, now: float) -> float | None:
        """Seconds until the next full look may be taken; None: nobody wants one."""
        return max(0.0, self._full_not_before - now) if self._wants_full else None

    def look(self, now: float) -> Look | None:
        """None: nothing to look for.  `now` is monotonic."""
        self._told, self._asked = {}, False
        if self._wants_full and now >= self._full_not_before:
            return Look(FULL, full=True)
        if self._more and self._low:
            return Look(sorted(self._low.values()), full=False)
        return None

    def ask_for_full(self) -> None:
        self._wants_full = self._asked = True

    def lower(self, keys: Iterable[Key]) -> None:
        """These keys are ready, whatever the bounds say."""
        for key in keys:
            self._low[key.rank] = min(key, self._low.get(key.rank, key))
            self._told[key.rank] = min(key, self._told.get(key.rank, key))
        self._more = True

    def found(self, look: Look, keys: Sequence[Key], *, asked: int, room: int, now: float, cost_s: float) -> None:
        """What a look brought: `keys` in order, of `asked`; `room` is what the fleet's cap left of that."""
        for key in reversed(keys):
            self._low[key.rank] = min(key, self._told.get(key.rank, key))
        self._more = bool(self._told) or len(keys) == asked or room < asked
        if look.full:
            self._wants_full = self._asked
            self._full_not_before = now + max(FULL_EVERY_S, COSTS * cost_s)
        elif not keys and room:
            self._wants_full = True
