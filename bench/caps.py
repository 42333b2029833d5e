"""What the caps cost."""

import statistics
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from bench.backlog import Counted, fill, nothing
from bench.figures import Figures
from bench.ground import scheduler
from bench.sizes import Sizes
from jobs import store
from jobs.db.engine import autocommit, open_engine
from jobs.job import Key
from jobs.rows import Claimed
from scheduler.bounds import FULL

USERS = 50
SEATS = 100


def caps(url: str, sizes: Sizes) -> Figures:
    """The same backlog of fifty users under each kind of cap, none of which is ever reached; medians of the rounds."""
    kinds = {"no cap": (None, None), "a fleet cap": (SEATS, None), "fleet and user caps": (SEATS, 90)}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(sizes.rounds):
        for kind, (cap, user_cap) in kinds.items():
            rates[kind].append(_drained(url, sizes.capped_jobs, cap, user_cap))
    medians = {kind: statistics.median(each) for kind, each in rates.items()}
    figures = {f"drain, {kind}": (rate, "jobs/s") for kind, rate in medians.items()}
    return figures | {f"{kind} : no cap": (rate / medians["no cap"], "") for kind, rate in medians.items()}


def capped(url: str, sizes: Sizes) -> Figures:
    """A claim past the backlog of a user at the cap, against the same claim of an empty queue."""
    engine, figures = open_engine(url, alone=True), dict[str, tuple[float, str]]()
    with autocommit(engine) as conn:
        for what, jobs in (("nobody's jobs", 0), (f"{sizes.backlog:,} capped", sizes.backlog)):
            if jobs:
                fill(conn, "at the cap", jobs)
                _claimed(conn, FULL)
            first_ms = _claim_ms(conn, sizes.picks, FULL)
            figures[f"ahead: {what}"] = (first_ms, "ms a claim")
        figures["... the whole walk"] = (_walk_ms(conn), "ms")
        figures["... freed, one claim"] = (_claim_ms(conn, sizes.picks, (), {"at the cap": FULL[9]}), "ms a claim")
    engine.dispose()
    return figures


def _drained(url: str, jobs: int, cap: int | None, user_cap: int | None) -> float:
    """Jobs a second."""
    engine = open_engine(url, alone=True)
    with autocommit(engine) as conn:
        for number in range(USERS):
            fill(conn, f"user {number}", jobs // USERS)
    engine.dispose()
    with Counted(jobs) as drained, scheduler(url, {"nothing": nothing}, seats=SEATS, cap=cap, user_cap=user_cap):
        drained.wait()
    return jobs / drained.took_s


def _claimed(conn: Connection, lows: Sequence[Key], freed: Mapping[str, Key] | None = None) -> Claimed:
    return store.claim(
        conn,
        worker_id="bench",
        job_types=["nothing"],
        seats=1,
        lows=lows,
        freed=freed or {},
        lease_s=3600,
        fleet_cap=3,
        user_cap=1,
    )


def _claim_ms(conn: Connection, claims: int, lows: Sequence[Key], freed: Mapping[str, Key] | None = None) -> float:
    """Median of so many claims."""
    times = []
    for _ in range(claims):
        began = time.monotonic()
        _claimed(conn, lows, freed)
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def _walk_ms(conn: Connection) -> float:
    """Look after look, from the head of the queue to its end."""
    began, lows = time.monotonic(), FULL
    while reached := _claimed(conn, lows).reached:
        lows = tuple(reached)
    return (time.monotonic() - began) * 1000
