"""Are there connections enough, and seats no more than can be used?"""

import math
import time
from collections.abc import Iterator

from sqlalchemy import text

from cli.checkup.ground import Case, Finding, ask, fault, looking, note

PROCESS_CONNECTIONS = 7  # of a process with a scheduler, at most (docs/reliability.md, Connections)
TRIPS = 3  # for a request: is the connection alive, the statement, its end
COMMIT_S = 0.005  # of an enqueue, on a common disk
TRIALS = 5


def connections(case: Case) -> Iterator[Finding]:
    """All processes at their ceiling, and one web process's pool."""
    if case.settings.environment.listen_database_url:
        what = "not judged: DATABASE_URL may lead through a pooler, which counts its clients itself"
        yield note(what, where="LISTEN_DATABASE_URL", cure="compare the pooler's own limits with docs/reliability.md")
        return
    processes, pool_size = max(1, len(_alive(case))), case.settings.database.pool_size
    each = PROCESS_CONNECTIONS + (case.settings.scheduler.metrics_port is not None)
    needed = processes * each + pool_size
    (limits,) = ask(case, "limits")
    allowed = {
        f"max_connections {limits.most} - {limits.reserved} reserved": limits.most - limits.reserved,
        "connection limit of the database": limits.for_database,
        "connection limit of the role": limits.for_role,
    }
    for where, most in allowed.items():
        if most is not None and needed > most:
            what = f"{processes} processes may need {needed} connections, and there are {most}"
            cure = "raise the limit, or run fewer processes (docs/reliability.md, Connections, shows the sum)"
            yield fault(what, where=f"PostgreSQL: {where}", cure=cure)


def pool(case: Case) -> Iterator[Finding]:
    """Jobs that run hold no connection, so this is about requests alone."""
    threads, pool_size = case.settings.api.threads, case.settings.database.pool_size
    request_s = TRIPS * _trip_s(case) + COMMIT_S
    waits_s, bound_s = threads * request_s / pool_size, case.bounds.queueing_s
    if waits_s > bound_s:
        enough = math.ceil(threads * request_s / bound_s)
        what = (
            f"{threads} requests at once (api.threads) share {pool_size} connections, each for about "
            f"{request_s * 1000:.0f} ms from here: the last waits {waits_s:.1f} s"
        )
        cure = f"raise database.pool_size to {enough} (100 at most), lower api.threads, or move nearer to the database"
        yield fault(what, where="config.yaml: database.pool_size", cure=cure)


def _trip_s(case: Case) -> float:
    """The quickest of some round trips; the others tell how busy the hosts are."""
    trials = []
    with looking(case) as conn:
        for _ in range(TRIALS):
            began = time.perf_counter()
            conn.execute(text("select 1"))
            trials.append(time.perf_counter() - began)
    return min(trials)


def seats(case: Case) -> Iterator[Finding]:
    cap, there = case.settings.jobs.max_concurrent_jobs, _alive(case)
    if cap is not None and sum(there) > cap:
        what = (
            f"{len(there)} processes have {sum(there)} seats, and only {cap} jobs may run at a time: the rest stay free"
        )
        cure = f"raise it to {sum(there)}, or run fewer processes or seats"
        yield note(what, where="config.yaml: jobs.max_concurrent_jobs", cure=cure)


def _alive(case: Case) -> list[int]:
    """The seats of each process that has been heard of lately."""
    rows = ask(case, "workers", silent_s=case.settings.scheduler.lease_s)
    return [row.seats for row in rows if row.alive]
