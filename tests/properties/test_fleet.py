"""A claim about the whole: several pumps on one database, and handlers of every temper."""

import threading
from collections import Counter
from contextlib import ExitStack

from sqlalchemy import Connection, text

from jobs import store
from jobs.db.engine import open_engine
from jobs.job import Run
from jobs.outcomes import Done, Fail, Outcome, Retry
from jobs.telemetry import RunEnded, RunStarted, StaleWrite
from tests.scheduler.kit import Rig, count, told, until

JOBS, PUMPS, SEATS, CAP = 500, 4, 4, 11
RUNS = {"is quick": 1, "is slow": 1, "retries": 2, "fails": 1, "raises": 3}  # until its job has ended
ENDS = {"is quick": "completed", "is slow": "completed", "retries": "completed", "fails": "failed", "raises": "failed"}


def by_temper(run: Run) -> Outcome:
    """Does what the request says."""
    match run.request["temper"]:
        case "retries" if run.attempt == 1:
            return Retry("once more", delay_s=0)
        case "fails":
            return Fail("never")
        case "raises":
            raise RuntimeError(run.job_id)
        case "is slow":
            threading.Event().wait(0.02)
    return Done({"attempt": run.attempt})


def enqueue_all(conn: Connection) -> dict[str, str]:
    """{job id: temper} of JOBS jobs of seven users, in three ranks."""
    jobs = {}
    for index in range(JOBS):
        temper = list(RUNS)[index % len(RUNS)]
        request = {"temper": temper}
        added = store.enqueue(conn, user_id=f"u{index % 7}", job_type="t", request_data=request, priority=index % 3)
        jobs[added.id] = temper
    return jobs


def keep_polling(rigs: list[Rig], over: threading.Event) -> None:
    while not over.wait(0.2):
        for rig in rigs:
            rig.pump.poll()


def test_every_claim_of_a_fleet_runs_exactly_once_and_every_job_ends(database_url: str, conn: Connection):
    threads_before = set(threading.enumerate())
    jobs, over = enqueue_all(conn), threading.Event()
    ledger: list[tuple[str, int]] = []  # every run counts as an attempt here, so this names a claim

    def handler(run: Run) -> Outcome:
        ledger.append((run.job_id, run.attempt))
        return by_temper(run)

    rigs: list[Rig] = []
    with ExitStack() as fleet, told(RunStarted, RunEnded, StaleWrite) as events:
        for number in range(PUMPS):
            engine = open_engine(database_url, pool_size=2)
            fleet.callback(engine.dispose)
            limits = {"scheduler__seats": SEATS, "jobs__max_concurrent_jobs": CAP}
            rigs.append(Rig(engine, {"t": handler}, name=f"w{number}", **limits))
            fleet.enter_context(rigs[-1].looping())
        fleet.callback(over.set)
        threading.Thread(target=keep_polling, args=(rigs, over), name="poller").start()
        until(lambda: count(conn, "completed_at is null") == 0, within_s=200)
        until(lambda: not any(rig.pool.held for rig in rigs))

    assert set(Counter(ledger).values()) == {1}
    rows = {str(row.id): row for row in conn.execute(text("select id, status, claim_seq, worker_id from ai_jobs"))}
    for job, temper in jobs.items():
        assert (rows[job].status, rows[job].claim_seq) == (ENDS[temper], RUNS[temper])
    assert len(ledger) == sum(RUNS[temper] for temper in jobs.values())
    kinds = Counter(type(event) for event in events)
    assert kinds == {RunStarted: len(ledger), RunEnded: len(ledger)}
    assert len({row.worker_id for row in rows.values()}) > 1  # no pump is promised a share
    until(lambda: set(threading.enumerate()) <= threads_before)
