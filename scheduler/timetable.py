"""The timetable: what happens, how often, and where.  Plain data; scheduler/clock.py puts it into APScheduler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Intervals(Protocol):
    """The settings of section `scheduler` that the timetable reads."""

    @property
    def poll_every_s(self) -> float: ...
    @property
    def reschedule_every_s(self) -> float: ...
    @property
    def reap_every_s(self) -> float: ...
    @property
    def expire_every_s(self) -> float: ...
    @property
    def purge_every_s(self) -> float: ...
    @property
    def tally_every_s(self) -> float: ...
    @property
    def heartbeat_every_s(self) -> float: ...
    @property
    def lease_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """`at_most_s`: what the task itself may put it off to, where that may be longer; see scheduler/tasks.py."""

    name: str
    every_s: Callable[[Intervals], float]
    at_most_s: Callable[[Intervals], float] = lambda _: 0.0

    def rests_s(self, every: Intervals) -> float:
        """How long it may rest between two turns while all is well."""
        return max(self.every_s(every), self.at_most_s(every))


CLUSTER = (  # once for the whole fleet, by the leader; kept in PostgreSQL
    Entry("reschedule", lambda every: every.reschedule_every_s),
    Entry("reap", lambda every: every.reap_every_s, at_most_s=lambda every: every.lease_s),
    Entry("expire", lambda every: every.expire_every_s),
    Entry("purge", lambda every: every.purge_every_s),
    Entry("tally", lambda every: every.tally_every_s),
)
LOCAL = (  # in every process; kept in memory
    Entry("poll", lambda every: every.poll_every_s),
    Entry("watch", lambda every: min(1.0, every.heartbeat_every_s)),
    Entry("lead", lambda every: every.heartbeat_every_s),
)
# Two at a time: a task that asks to come again at once is still counted as running when its time comes, and APScheduler
# would skip it for a whole interval.  Every task is harmless when two do it.
EVERY_TASK = {"coalesce": True, "max_instances": 2, "misfire_grace_time": None}
