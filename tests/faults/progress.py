"""Notices that a fleet stands still although there is work, and says what can be seen of the cause."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World

STALLED_S = 25  # longer than any run of a test
QUESTIONS = {
    "jobs": "select status, job_type, next_processing_at is null as ready, count(*), min(lease_expires_at) as lease "
    "from ai_jobs group by 1, 2, 3",
    "workers": "select id, seats, busy, clock_timestamp() - seen_at as unseen from ai_workers order by seen_at",
    "leader": "select holder, term, expires_at - clock_timestamp() as left from ai_leader",
    "timetable": "select id, to_timestamp(next_run_time) as next, state from apscheduler_tasks",
    "sessions": "select pid, client_port, state, wait_event_type || ' ' || wait_event as waits, pg_blocking_pids(pid), "
    "clock_timestamp() - state_change as since, left(query, 60) as query from pg_stat_activity "
    "where backend_type = 'client backend' order by state_change",
}
LOG_LINES = 15


class Progress:
    """`look()` fails when between two of its calls, STALLED_S apart, no job's status or claim has changed."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._last = -1
        self._since = time.monotonic()

    def look(self) -> None:
        rows = self._world.rows("select coalesce(max(n), 0) from seen_changes")
        if rows and rows[0][0] != self._last:
            self._last, self._since = rows[0][0], time.monotonic()
        if time.monotonic() > self._since + STALLED_S:
            raise AssertionError(f"nothing has moved for {STALLED_S} s\n{describe(self._world)}")


def describe(world: "World") -> str:
    """What the database and the processes say."""
    told = [f"{what}: " + "\n  ".join(map(str, world.rows(query) or ["none"])) for what, query in QUESTIONS.items()]
    for place in world.places:
        lines = place.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        told.append("\n  ".join([f"{place.log.name}, process {place.process.pid}, {place.process.poll()}:", *lines]))
    return "\n".join(told)
