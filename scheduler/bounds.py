"""Where a claim begins to look: one lower bound per rank.

The ready index keeps dead entries of claimed jobs before its head until they are vacuumed, and an old snapshot
holds them there.  Beginning at the smallest key of the last claim walks past none of them.  What becomes ready
before a bound is found by its hint, or by a full look without bounds.  A hint to a process that had seen everything
begins a look at the place that it tells: what was passed on the way there cannot run here (its type is paused, or
has no handler), and a backlog of it is not walked again for each hint.

    full look: at each poll, and when a bounded one found nothing; at most every max(1 s, 20 x its own cost)
    What it costs beyond a quarter of a second is not counted: it has met a lock, or a database that stood still.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.job import Key
from jobs.rows import Claimed

RANKS = range(-9, 10)
FULL = tuple(Key(rank, -(2**63), -(2**63)) for rank in RANKS)
FULL_EVERY_S = 1.0
COST_AT_MOST_S = 0.25
COSTS = 20


@dataclass(frozen=True, slots=True)
class Look:
    """`freed`: users whose own jobs are looked for as well, each from a key on."""

    lows: Sequence[Key]
    full: bool
    freed: Mapping[str, Key] = field(default_factory=dict)


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

    def freed(self, _users: Iterable[str]) -> list[Key]:
        """Runs of these users have ended; returns the places of jobs that may have waited for it."""
        return []

    def look(self, now: float) -> Look | None:
        """None: nothing to look for.  `now` is monotonic."""
        told, self._told, self._asked = self._told, {}, False
        if self._wants_full and now >= self._full_not_before:
            return Look(FULL, full=True)
        if self._more and self._low:
            return Look(sorted(self._low.values()), full=False)
        if told:
            self._more = True  # until it is answered: what was told must survive a look that fails
            return Look(sorted(told.values()), full=False)
        return None

    def ask_for_full(self) -> None:
        """Until it may be taken a bounded look must do: it finds what has come to the end of the queue."""
        self._wants_full = self._asked = self._more = True

    def lower(self, keys: Iterable[Key]) -> None:
        """These keys are ready, whatever the bounds say."""
        for key in keys:
            self._low[key.rank] = min(key, self._low.get(key.rank, key))
            self._told[key.rank] = min(key, self._told.get(key.rank, key))

    def look_anew(self) -> None:
        """Jobs may have become ready anywhere, as at the end of a pause: look from the beginning, and look now."""
        self.lower(FULL)

    def found(self, look: Look, claimed: Claimed, *, asked: int, now: float, cost_s: float) -> None:
        """What a look for `asked` jobs brought."""
        self._advance(look, claimed)
        self._more = len(claimed.claims) == asked or claimed.room < asked
        if look.full:
            self._wants_full = self._asked
            self._full_not_before = now + max(FULL_EVERY_S, COSTS * min(cost_s, COST_AT_MOST_S))
        elif self._unexplained(claimed):
            self._wants_full = True

    def _advance(self, _look: Look, claimed: Claimed) -> None:
        self._rise(claimed.keys)
        if len(claimed.claims) < claimed.room:  # all was seen: where nothing was found, there is nothing to go back to
            self._low = {rank: low for rank, low in self._low.items() if low not in FULL or rank in self._told}

    def _rise(self, keys: Iterable[Key]) -> None:
        """The smallest key of each rank is its new bound, unless something smaller was told meanwhile."""
        for key in sorted(keys, reverse=True):
            self._low[key.rank] = min(key, self._told.get(key.rank, key))

    def _unexplained(self, claimed: Claimed) -> bool:
        """There was room, and we had been told of work, but none was found."""
        return not claimed.claims and claimed.room > 0
