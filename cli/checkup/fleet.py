"""Checks of the processes that run jobs, as they show themselves in the database."""

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from cli.checkup.ground import Case, Finding, ask, fault, note
from scheduler.timetable import CLUSTER

LOOK_EVERY_S = 0.1
COUNTED = 10_000
WORK = "start ./run work, or ./run serve with scheduler.embedded"


def leader(case: Case) -> Iterator[Finding]:
    """Between two leaders there may be none for a heartbeat, so it looks for as long as that."""
    every_s = case.settings.scheduler.heartbeat_every_s
    end = time.monotonic() + 1.5 * every_s
    while not ask(case, "leader"):
        if not any(row.alive for row in _workers(case)):
            return
        if time.monotonic() > end:
            what = "no process leads although some are there: no retry, reap, expiry or purge happens"
            cure = "look into their logs for heartbeats that fail, and start them anew"
            yield fault(what, where="table ai_leader", cure=cure)
            return
        time.sleep(LOOK_EVERY_S)


def workers(case: Case) -> Iterator[Finding]:
    """A process that ended in order has taken its row away; what is left of others goes after a day."""
    there = _workers(case)
    silent = [row for row in there if not row.alive]
    if not there:
        yield note("no process runs jobs now", where="table ai_workers", cure=WORK)
    for row in silent:
        what = f"worker {row.id!r} (host {row.host!r}, pid {row.pid}) has been silent for {row.silent_s:.0f} s"
        say = fault if len(silent) == len(there) else note
        cure = f"see on that host whether it crashed, hangs or has lost the database; {WORK}"
        yield say(what, where="table ai_workers", cure=cure)


def job_types(case: Case) -> Iterator[Finding]:
    silent_s = case.settings.scheduler.lease_s
    for row in ask(case, "unhandled", silent_s=silent_s, most=COUNTED):
        count = f"{row.jobs:,}" if row.jobs < COUNTED else f"{COUNTED:,} or more"
        what = f"ready jobs of type {row.job_type!r} that no live worker has a handler for: {count}"
        cure = f"name their module under `handlers` of the workers' config.yaml, or {WORK}"
        yield fault(what, where="table ai_jobs", cure=cure)


def tasks(case: Case) -> Iterator[Finding]:
    for row in ask(case, "foreign_tasks", known=[entry.name for entry in CLUSTER]):
        what = f"the timetable holds a task that this release does not know: {row.id[:100]!r}; nobody runs it"
        cure = "run the release that made it, or, if there is none, delete the row from apscheduler_tasks"
        yield fault(what, where="table apscheduler_tasks", cure=cure)


def _workers(case: Case) -> list[Row[Any]]:
    return ask(case, "workers", silent_s=case.settings.scheduler.lease_s)
