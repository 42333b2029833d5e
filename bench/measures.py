"""What is measured.  Each measure takes a database's URL and returns {what: (value, unit)}."""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, text

from bench.ground import scheduler
from bench.slow import SLOW_CLIENTS, beside
from bench.sockets import measured, quantile_ms
from jobs import store, telemetry
from jobs.db.engine import autocommit, open_engine
from jobs.job import Key, Run
from jobs.outcomes import Done
from jobs.rows import Claimed
from scheduler.bounds import FULL

Figures = Mapping[str, tuple[float, str]]

JOBS = 5000
PICKS = 300
USERS = 50
BACKLOG = 100_000
ROUNDS = 3
CAPPED_JOBS = 2000
PAUSE_S = 0.01  # between two single jobs, so that the worker is idle when each comes


def nothing(_run: Run) -> Done:
    return Done({})


def enqueue(url: str) -> Figures:
    """One job after the other on one connection."""
    _, took_s = _enqueued(url, JOBS)
    return {"enqueue, one by one": (JOBS / took_s, "jobs/s")}


def drain(url: str) -> Figures:
    """A backlog of jobs that do nothing, until the last outcome is recorded."""
    figures = {}
    for seats in (3, 100):
        _enqueued(url, JOBS)
        with _counted(JOBS) as all_done, scheduler(url, {"nothing": nothing}, seats=seats, cap=None):
            began = time.monotonic()
            all_done.wait()
            figures[f"drain, {seats} seats"] = (JOBS / (time.monotonic() - began), "jobs/s")
    return figures


def pickup(url: str) -> Figures:
    """From the commit of the enqueue to the claim, one process, idle worker."""
    waits: list[float] = []

    def note(event: telemetry.Event) -> None:
        if isinstance(event, telemetry.RunStarted):
            waits.append(event.wait_s * 1000)

    engine = open_engine(url, alone=True)
    with scheduler(url, {"nothing": nothing}, seats=3, cap=3) as runtime, autocommit(engine) as conn:
        time.sleep(1)  # a worker that has just started is not idle
        end = telemetry.subscribe(note)
        for _ in range(PICKS):
            made = store.enqueue(conn, user_id="bench", job_type="nothing", request_data={})
            runtime.hints.ready([made.key])
            time.sleep(PAUSE_S)
        end()
    engine.dispose()
    waits.sort()
    return {"pick-up p50": (waits[len(waits) // 2], "ms"), "pick-up p99": (waits[int(len(waits) * 0.99)], "ms")}


def caps(url: str) -> Figures:
    """The same backlog of fifty users under each kind of cap, none of which is ever reached; medians of the rounds."""
    kinds = {"no cap": (None, None), "a fleet cap": (100, None), "fleet and user caps": (100, 90)}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, (cap, user_cap) in kinds.items():
            rates[kind].append(_drained(url, 100, cap, user_cap))
    medians = {kind: statistics.median(each) for kind, each in rates.items()}
    figures = {f"drain, {kind}": (rate, "jobs/s") for kind, rate in medians.items()}
    return figures | {f"{kind} : no cap": (rate / medians["no cap"], "") for kind, rate in medians.items()}


def capped(url: str) -> Figures:
    """A claim past the 100,000 jobs of a user at the cap, against the same claim of an empty queue."""
    engine, figures = open_engine(url, alone=True), dict[str, tuple[float, str]]()
    with autocommit(engine) as conn:
        for what, jobs in (("nobody's jobs", 0), ("100,000 capped", BACKLOG)):
            if jobs:
                _fill(conn, "at the cap", jobs)
                _claimed(conn, FULL)
            first_ms = _claim_ms(conn, FULL)
            figures[f"ahead: {what}"] = (first_ms, "ms a claim")
        figures["... the whole walk"] = (_walk_ms(conn), "ms")
        figures["... freed, one claim"] = (_claim_ms(conn, (), {"at the cap": FULL[9]}), "ms a claim")
    engine.dispose()
    return figures


def slow(url: str) -> Figures:
    """Reads and enqueues over HTTP, alone and beside 500 clients that are slow on purpose; 5 s stand for no answer."""
    figures: dict[str, tuple[float, str]] = {}
    for clients in (0, SLOW_CLIENTS):
        answers = beside(url, clients)
        took_ms = sorted(took_s * 1000 for took_s, _ in answers)
        figures[f"{clients} slow, answers"] = (len(answers), "requests")
        figures[f"{clients} slow, p50"] = (statistics.median(took_ms), "ms")
        figures[f"{clients} slow, p99"] = (took_ms[int(len(took_ms) * 0.99)], "ms")
        figures[f"{clients} slow, failed"] = (sum(status not in (200, 202) for _, status in answers), "requests")
    return figures


def sockets(url: str) -> Figures:
    """1,000 WebSockets, idle and told all at once; the memory and threads of their server, and requests beside them."""
    seen = measured(url)
    idle, full, after = range(3)
    return {
        "sockets, memory": (seen.rss_mb[full], "MB"),
        "sockets, memory before": (seen.rss_mb[idle], "MB"),
        "sockets, threads": (seen.threads[full], "threads"),
        "broadcast, p50": (quantile_ms(seen.broadcast_s, 0.5), "ms"),
        "broadcast, p99": (quantile_ms(seen.broadcast_s, 0.99), "ms"),
        "one event, p95": (quantile_ms(seen.single_s, 0.95), "ms"),
        "http alone, p99": (quantile_ms(seen.alone_s, 0.99), "ms"),
        "http beside, p99": (quantile_ms(seen.beside_s, 0.99), "ms"),
        "churn, failed": (seen.failed, "connections"),
        "churn, memory after": (seen.rss_mb[after], "MB"),
        "churn, threads after": (seen.threads[after], "threads"),
    }


MEASURES: Mapping[str, Callable[[str], Figures]] = {
    "enqueue": enqueue,
    "drain": drain,
    "pickup": pickup,
    "caps": caps,
    "capped": capped,
    "slow": slow,
    "sockets": sockets,
}


def _drained(url: str, seats: int, cap: int | None, user_cap: int | None) -> float:
    """Jobs a second."""
    engine = open_engine(url, alone=True)
    with autocommit(engine) as conn:
        for number in range(USERS):
            _fill(conn, f"user {number}", CAPPED_JOBS // USERS)
    engine.dispose()
    with (
        _counted(CAPPED_JOBS) as all_done,
        scheduler(url, {"nothing": nothing}, seats=seats, cap=cap, user_cap=user_cap),
    ):
        began = time.monotonic()
        all_done.wait()
        return CAPPED_JOBS / (time.monotonic() - began)


def _fill(conn: Connection, user: str, jobs: int) -> None:
    """Ready jobs with the turns that enqueues one by one would have given."""
    conn.execute(
        text(
            "insert into ai_jobs (user_id, job_type, request_data, turn)"
            " select :user, 'nothing', '{}', n from generate_series(1, :jobs) n"
        ),
        {"user": user, "jobs": jobs},
    )


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


def _claim_ms(conn: Connection, lows: Sequence[Key], freed: Mapping[str, Key] | None = None) -> float:
    """Median."""
    times = []
    for _ in range(PICKS):
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


def _enqueued(url: str, jobs: int) -> tuple[list[str], float]:
    """The ids, and the seconds that it took."""
    engine = open_engine(url, alone=True)
    with autocommit(engine) as conn:
        began = time.monotonic()
        made = [store.enqueue(conn, user_id="bench", job_type="nothing", request_data={}).id for _ in range(jobs)]
        took_s = time.monotonic() - began
    engine.dispose()
    return made, took_s


class _counted:  # noqa: N801 - used as a context, like a function
    """Set once `runs` runs have been recorded."""

    def __init__(self, runs: int) -> None:
        self._left = runs
        self._all = threading.Event()

    def __enter__(self) -> threading.Event:
        self._end = telemetry.subscribe(self._note)
        return self._all

    def __exit__(self, *_: object) -> None:
        self._end()

    def _note(self, event: telemetry.Event) -> None:
        if isinstance(event, telemetry.RunEnded):
            self._left -= 1
            if self._left == 0:
                self._all.set()
