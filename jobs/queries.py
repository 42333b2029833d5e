"""The reads: what a user or an operator may know.  `conn` comes first; nothing here writes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row

from jobs.job import Job
from jobs.rows import job_of
from jobs.sql import statement
from jobs.states import State


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole queue in numbers.

    `depth` is {(job_type, "ready" | "waiting" | "processing"): jobs}, `finals` {(job_type, State): ended jobs},
    `oldest_ready_s` {job_type: how long its oldest ready job has been ready}; what would be 0 may be missing.
    `counted_age_s` tells how old these are, `late_s` since when they should have been counted anew (below 0: not yet);
    both are None when nobody has counted yet.
    `workers` counts processes heard of lately; `term` is the newest term, and `led` whether its lease goes on.
    `paused` are the job types of the pauses that hold now, as they stand in ai_pauses: "*" is that of everything.
    """

    depth: Mapping[tuple[str, str], int]
    oldest_ready_s: Mapping[str, float]
    finals: Mapping[tuple[str, str], int]
    counted_age_s: float | None
    late_s: float | None
    workers: int
    term: int
    led: bool
    paused: Collection[str]

    def live(self, state: str) -> int:
        """Jobs of all types that are "ready", "waiting" or "processing"."""
        return sum(jobs for (_, its_state), jobs in self.depth.items() if its_state == state)

    def job_types(self) -> list[str]:
        return sorted({job_type for job_type, _ in (*self.depth, *self.finals)})

    def by_state(self) -> dict[State, int]:
        """Jobs of all types by state; every state has its number."""
        counted = dict.fromkeys(State, 0)
        counted[State.QUEUED] = self.live("ready") + self.live("waiting")
        counted[State.PROCESSING] = self.live("processing")
        for (_, state), jobs in self.finals.items():
            counted[State(state)] += jobs
        return counted


@dataclass(frozen=True, slots=True)
class Lately:
    """How jobs of all users went: `ended` of them, the oldest `reach_s` ago.

    `wait_s` and `run_s` are the median and the 95th percentile of those that completed, None when there is none.
    """

    ended: int
    failed: int
    reach_s: float
    wait_s: tuple[float, float] | None
    run_s: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class NextUp:
    """The very next job of the queue (`id`, and the `claim_seq` that it waits with), and who could take it.

    `workers` that have a handler for it were heard of lately, with `free_seats` between them.
    `running` counts the runs of the fleet, `of_user` those of the job's own user.
    """

    id: str
    claim_seq: int
    ready_s: float
    workers: int
    free_seats: int
    running: int
    of_user: int


def job(conn: Connection, *, job_id: str, user_id: str) -> Job | None:
    """None: absent, or another user's; the two look the same."""
    row = conn.execute(statement("job"), {"id": job_id, "user_id": user_id}).one_or_none()
    return None if row is None else job_of(row)


def page(
    conn: Connection,
    *,
    user_id: str,
    limit: int,
    cursor: int | None = None,
    offset: int = 0,
    status: State | None = None,
) -> list[Job]:
    """At most `limit` of the user's jobs, newest first, older than `cursor` (a Job.seq; None: from the newest).

    Their `result_data` is left out (None).
    """
    params = {"user_id": user_id, "limit": limit, "cursor": cursor, "offset": offset, "status": status}
    return [job_of(row) for row in conn.execute(statement("page"), params)]


def runs(conn: Connection, *, job_id: str, user_id: str) -> list[dict[str, Any]] | None:
    """The job's failed runs, oldest first; None: no such job of this user's.

    Each has claim_seq, worker, started, ended (ISO 8601), error_code, error.
    """
    found: list[dict[str, Any]] | None = conn.execute(statement("runs"), {"id": job_id, "user_id": user_id}).scalar()
    return found


def drawn(conn: Connection, *, job_id: str, user_id: str) -> list[dict[str, Any]]:
    """The objects that a running job has drawn so far; none when it has drawn nothing, or is not this user's."""
    objects: dict[str, dict[str, Any]] = {}
    for part in conn.execute(statement("drawn"), {"id": job_id, "user_id": user_id}):
        objects = ({} if part.anew else objects) | {obj["id"]: obj for obj in part.objects}
    return list(objects.values())


def stats(conn: Connection, *, user_id: str) -> dict[State, int]:
    """How many of the user's jobs are in each state; every state has its number."""
    counted = {row.status: row.n for row in conn.execute(statement("stats"), {"user_id": user_id})}
    return {state: counted.get(state.value, 0) for state in State}


Drawn = Mapping[str, tuple[int, int]]  # {job id: (claim_seq, n)}: of that run's drawing the nth part was read last
NOTHING_DRAWN: Drawn = MappingProxyType({})


def changed(conn: Connection, *, drawn: Drawn, users: Collection[str]) -> list[Row[Any]]:
    """Those of the jobs in `drawn` that are one of these users', with what their followers are shown.

    Columns as in the file; the parts that were read already are left out, all of another run come along.
    """
    return list(conn.execute(statement("changed"), {**_read(drawn), "users": list(users)}))


def live(conn: Connection, *, users: Collection[str], most: int, drawn: Drawn = NOTHING_DRAWN) -> list[Row[Any]]:
    """The same of all jobs that these users have live; of those that are ready, or wait, at most `most` each."""
    return list(conn.execute(statement("live"), {**_read(drawn), "users": list(users), "most": most}))


def _read(drawn: Drawn) -> dict[str, Any]:
    seqs, ns = [seq for seq, _ in drawn.values()], [n for _, n in drawn.values()]
    return {"ids": list(drawn), "claim_seqs": seqs, "ns": ns}


def queue_position(conn: Connection, *, job_id: str, user_id: str) -> int | None:
    """How many ready jobs come before this one, counted to 1,001; None for a job that is not ready."""
    before: int | None = conn.execute(statement("queue_position"), {"id": job_id, "user_id": user_id}).scalar()
    return before


def fleet(conn: Connection, *, silent_s: float) -> Fleet:
    """The whole queue in numbers, as counted last; a worker that was silent for `silent_s` does not count."""
    row = conn.execute(statement("fleet"), {"silent_s": silent_s}).one()
    depth = row.depth or []
    return Fleet(
        depth={(of["job_type"], of["state"]): of["jobs"] for of in depth},
        oldest_ready_s={of["job_type"]: _age_s(row.now, at) for of in depth if (at := of["oldest_ready_at"])},
        finals={(of["job_type"], of["status"]): of["jobs"] for of in row.finals or []},
        counted_age_s=_seconds(row.counted_age_s),
        late_s=_seconds(row.late_s),
        workers=row.workers,
        term=row.term,
        led=row.led,
        paused=row.paused or [],
    )


def lately(conn: Connection, *, window_s: float, most: int = 1000) -> Lately:
    """The newest `most` jobs that have ended within `window_s`."""
    row = conn.execute(statement("lately"), {"window_s": window_s, "most": most}).one()
    return Lately(row.ended, row.failed, float(row.reach_s), _pair(row.wait_s), _pair(row.run_s))


def _pair(found: list[float | None] | None) -> tuple[float, float] | None:
    match found:
        case [float(middle), float(high)]:
            return middle, high
    return None


def _age_s(now: datetime, at: str) -> float:
    return max(0.0, (now - datetime.fromisoformat(at)).total_seconds())


def _seconds(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def next_up(conn: Connection, *, silent_s: float) -> NextUp | None:
    """None: no job is ready, or all near the head are paused.

    A worker that was silent for `silent_s` does not count.
    """
    row = conn.execute(statement("next_up"), {"silent_s": silent_s}).one_or_none()
    if row is None:
        return None
    waits = {"id": str(row.id), "claim_seq": row.claim_seq, "ready_s": float(row.ready_s)}
    counts = {"workers": row.workers, "free_seats": row.free_seats, "running": row.running, "of_user": row.of_user}
    return NextUp(**waits, **counts)
