"""Where a claim begins to look when each user may run only so many jobs at a time.

A user at the cap may have a hundred thousand jobs ahead of everybody else's.  One look passes at most a window of
them (jobs/sql/claim_capped.sql), and the bound moves behind it, so that the next look goes on there.  Where a user
has been passed is remembered, and the end of that user's run brings the next claim back to the place:

    passed:  user -> first job that was not taken      a run ends -> freed: looked for in that user's own jobs
    detour:  a hint before the bound -> look from there as far as the last hint, then go on at the bound

What another process ends while it cannot claim itself is found by its hint, or by the full look of the next poll.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from jobs.job import Key
from jobs.rows import Claimed, Left
from scheduler.bounds import COST_AT_MOST_S, COSTS, FULL, Bounds, Look


class Detour(NamedTuple):
    upto: Key  # the last key that was told of
    resume: Key


class CappedBounds(Bounds):
    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, Key] = {}
        self._freed: dict[str, Key] = {}
        self._detours: dict[int, Detour] = {}
        self._walking = False  # the last look ended before the queue did

    def full_in_s(self, now: float) -> float | None:
        return 0.0 if self._walking else super().full_in_s(now)

    def freed(self, users: Iterable[str]) -> list[Key]:
        for user in users:
            if key := self._passed.pop(user, None):
                self._freed[user] = key
        return list(self._freed.values())

    def look(self, now: float) -> Look | None:
        found = super().look(now)
        if found is None and not self._freed:
            return None
        return replace(found or Look((), full=False), freed=dict(self._freed))

    def lower(self, keys: Iterable[Key]) -> None:
        keys = list(keys)
        for key in keys:
            low = self._low.get(key.rank, key)
            upto, resume = self._detours.get(key.rank, Detour(key, low))
            if key < resume:
                self._detours[key.rank] = Detour(max(upto, key), resume)
            self._low[key.rank] = min(low, key)
        super().lower(keys)
        self._more = True

    def look_anew(self) -> None:
        self._low, self._detours, self._passed = {}, {}, {}
        super().look_anew()

    def found(self, look: Look, claimed: Claimed, *, asked: int, now: float, cost_s: float) -> None:
        walked, wanted = self._walking and not look.full, self._wants_full
        for user in look.freed:
            self._freed.pop(user, None)
        super().found(look, claimed, asked=asked, now=now, cost_s=cost_s)
        self._more = self._more or self._walking or bool(self._told)
        if walked:  # it costs as much as its looks together, and none of them asks for another
            self._full_not_before += COSTS * min(cost_s, COST_AT_MOST_S)
            self._wants_full = wanted

    def _advance(self, look: Look, claimed: Claimed) -> None:
        if claimed.room:
            lows = {low.rank: low for low in look.lows}
            if look.full:
                self._low, self._detours, self._passed = lows.copy(), {}, {}
            # the place of a freed user's job is no bound: it lies before it
            self._rise(key for key in claimed.keys if key.rank in lows and key >= lows[key.rank])
            filled = len(claimed.claims) == claimed.room  # what was seen may hold more that can run
            self._walking = bool(claimed.reached) and not filled
            if not filled:
                self._pass(lows, claimed.reached)
        for left in claimed.left:
            self._remember(left)

    def _unexplained(self, claimed: Claimed) -> bool:
        return super()._unexplained(claimed) and not (claimed.left or claimed.reached)

    def _pass(self, lows: Mapping[int, Key], reached: Iterable[Key]) -> None:
        """All that was seen in these ranks is taken or must wait for its user: what is told meanwhile is looked for."""
        ends = {end.rank: end for end in reached}
        for rank in lows.keys() - self._told.keys():
            if rank in ends:
                self._low[rank] = self._behind(ends[rank])
                continue
            self._detours.pop(rank, None)
            if self._low[rank] in FULL:
                del self._low[rank]

    def _behind(self, end: Key) -> Key:
        """Where to go on after a look that ended with this key."""
        following = end._replace(seq=end.seq + 1)
        detour = self._detours.get(end.rank)
        if detour is None or end < detour.upto:
            return following
        del self._detours[end.rank]
        return max(following, detour.resume)

    def _remember(self, left: Left) -> None:
        if left.capped:
            self._passed[left.user_id] = min(left.key, self._passed.get(left.user_id, left.key))
        elif left.key.rank not in self._low or left.key < self._low[left.key.rank]:
            self.lower([left.key])
