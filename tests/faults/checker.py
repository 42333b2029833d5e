"""Judges the records: each function names what must not be, one line for each case, and needs nothing but its argument."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from jobs.states import FINAL, TRANSITIONS
from tests.faults.records import Change, Mark, Records

MOVES = {(old, new) for sources, targets in TRANSITIONS.values() for old in sources for new in targets}
NO_FAILURE = {"worker_stopped"}  # written down like one, but its job is not to blame
Run = tuple[str, int]


def lost(records: Records) -> list[str]:
    """The client was told that it has the job, and it is not there or has no end."""
    last = {change.name: change.after for change in records.changes}
    told = [name for name, answer in records.asked.items() if answer == "ok"]
    return [f"{name}: {last.get(name, 'not there')}" for name in told if last.get(name) not in FINAL]


def ghosts(records: Records) -> list[str]:
    """A job that nobody asked for or whose client was told no, and a run that the database did not give out."""
    new = [change for change in records.changes if change.before is None]
    jobs = [change.name for change in new if records.asked.get(change.name or "", "fail") == "fail"]
    given = {(change.job_id, change.claim_after) for change in records.changes if change.after == "processing"}
    runs = sorted(_runs(records) - given)
    return [f"job {name}" for name in jobs] + [f"run {run}" for run in runs]


def doubled(records: Records) -> list[str]:
    """Two handlers began the same run, one run brought a job to its end twice, or one name made two jobs."""
    begun = Counter(_run(mark) for mark in records.marks if mark.kind == "start")
    ended = Counter((c.job_id, c.claim_after) for c in records.changes if c.after in FINAL)
    made = Counter(c.name for c in records.changes if c.before is None and c.name is not None)
    return [f"{what} {n} times" for count in (begun, ended, made) for what, n in count.items() if n > 1]


def stale_accepted(records: Records) -> list[str]:
    """The result that was recorded came from another run than the job's last."""
    done = [change for change in records.changes if change.after == "completed"]
    return [f"{c.job_id}: {c.result_claim} for {c.claim_after}" for c in done if c.result_claim != c.claim_after]


def lease_violations(records: Records) -> list[str]:
    """A run still trusted itself after a later run of its job had begun."""
    trusting: dict[Run, float] = {}
    began: dict[str, list[Mark]] = defaultdict(list)
    for mark in records.marks:
        if mark.trusting:
            trusting[_run(mark)] = max(mark.at, trusting.get(_run(mark), 0.0))
        if mark.kind == "start":
            began[mark.job_id].append(mark)
    return [
        f"{job_id}: run {claim_seq} trusted itself {until - later.at:.3f} s into run {later.claim_seq}"
        for (job_id, claim_seq), until in trusting.items()
        for later in began[job_id]
        if later.claim_seq > claim_seq and until > later.at
    ]


def illegal_transitions(records: Records) -> list[str]:
    """No arrow leads there, a job did not go on from where it was, or the fence did not move as it must."""
    found, last = [], dict[str, tuple[str | None, int]]()
    for change in records.changes:
        before = (change.before, change.claim_before)
        if before != last.get(change.job_id, (None, 0)) or not _legal(change):
            found.append(
                f"{change.job_id}: {change.before} {change.claim_before} -> {change.after} {change.claim_after}"
            )
        last[change.job_id] = (change.after, change.claim_after)
    return found


def _legal(change: Change) -> bool:
    grown = change.claim_after - change.claim_before
    if change.before is None:
        return (change.after, grown) == ("queued", 0)
    fresh = change.after == "processing" or (change.before in FINAL and change.after == "queued")
    return (change.before, change.after) in MOVES and grown == int(fresh)


def beyond_attempts(records: Records) -> list[str]:
    """A job was given out again although its retries were spent."""
    given = [change for change in records.changes if change.after == "processing"]
    return [f"{c.job_id}: run {c.claim_after} after {c.retries} failures" for c in given if c.retries >= c.max_retries]


def miscounted(records: Records) -> list[str]:
    """A failed run spent no retry, or more than one; or a run spent one that did not fail."""
    found, last = [], Counter[str]()
    for change in records.changes:
        spent = int(change.failure is not None and change.failure not in NO_FAILURE)
        if change.before not in FINAL and change.retries != last[change.job_id] + spent:
            found.append(f"{change.job_id}: {last[change.job_id]} -> {change.retries} after {change.failure}")
        last[change.job_id] = change.retries
    return found


def beyond_caps(records: Records) -> list[str]:
    """More runs at a time than the fleet or one user may have, counted in the order of the changes' numbers.

    That order accuses nobody falsely.  Claims under a cap come one after another: each commits before it lets go of
    the cap's lock, and only then does the next look, and draw its numbers.  A run that a claim saw ended had drawn its
    number before it committed, so before that look.  So what counts as running here, when a claim draws its number, is
    at most what the claim itself saw.  It may be less: a run that has its number and has not yet committed counts as
    ended, so a breach of that short time is missed.  Numbers never go backwards, not even over a restart, since
    whoever has committed has its own in the log.
    """
    found, running = [], dict[str, str]()
    for change in records.changes:
        running.pop(change.job_id, None)
        if change.after != "processing":
            continue
        running[change.job_id] = change.user_id
        of_user = Counter(running.values())[change.user_id]
        if records.fleet_cap is not None and len(running) > records.fleet_cap:
            found.append(f"{change.job_id}: {len(running)} of the fleet's {records.fleet_cap}")
        if records.user_cap is not None and of_user > records.user_cap:
            found.append(f"{change.job_id}: {of_user} of its user's {records.user_cap}")
    return found


def live_reruns(records: Records) -> list[str]:
    """A run in a process that no fault had touched was taken for lost, or went on when the next run of it had begun.

    A row that a stranger holds is left out: nobody can prolong its lease.  So is a run that never began: the answer to
    its claim was lost.
    """
    if records.victims is None:
        return []
    held = {hold.job_id for hold in records.holds}
    own = [mark for mark in records.marks if mark.pid not in records.victims and mark.job_id not in held]
    last = {_run(mark): mark.at for mark in own}
    later = [mark for mark in records.marks if mark.kind == "start" and mark.claim_seq > 1]
    lost = {(c.job_id, c.claim_after) for c in records.changes if c.failure == "worker_lost"}
    return [f"{job_id}: run {claim_seq} was taken for lost" for job_id, claim_seq in sorted(lost & last.keys())] + [
        f"{job_id}: run {claim_seq} lived when run {mark.claim_seq} began"
        for (job_id, claim_seq), at in last.items()
        for mark in later
        if mark.job_id == job_id and mark.claim_seq > claim_seq and mark.at < at
    ]


def stalled(records: Records) -> list[str]:
    """A stranger held one row, and as long as that no run of another job began."""
    starts = [mark for mark in records.marks if mark.kind == "start"]
    return [
        f"{hold.over - hold.at:.1f} s behind {hold.job_id}"
        for hold in records.holds
        if not any(hold.at < mark.at < hold.over and mark.job_id != hold.job_id for mark in starts)
    ]


def deadlocks(records: Records) -> list[str]:
    """Two statements waited for each other until the server ended one of them."""
    return ["one, told by the server"] * records.deadlocks


RULES: dict[str, Callable[[Records], list[str]]] = {
    "lost": lost,
    "ghosts": ghosts,
    "doubled": doubled,
    "stale accepted": stale_accepted,
    "lease violations": lease_violations,
    "illegal transitions": illegal_transitions,
    "beyond attempts": beyond_attempts,
    "miscounted": miscounted,
    "beyond caps": beyond_caps,
    "live runs again": live_reruns,
    "stalled": stalled,
    "deadlocks": deadlocks,
}


def broken(records: Records) -> dict[str, list[str]]:
    """Every rule that is broken, with its cases; empty when all is well."""
    return {name: cases for name, rule in RULES.items() if (cases := rule(records))}


def reruns(records: Records) -> int:
    """Runs beyond the first of their job."""
    return len(_runs(records)) - len({job_id for job_id, _ in _runs(records)})


def refused(records: Records) -> int:
    """Runs that came to their end although their job's result is another run's, or a failure."""
    kept = {(c.job_id, c.result_claim) for c in records.changes if c.after == "completed"}
    return len({_run(mark) for mark in records.marks if mark.kind == "end"} - kept)


def interrupted(marks: Iterable[Mark], pids: Iterable[int], at: float) -> set[str]:
    """The jobs that one of these processes was running at that time."""
    of, began, over = set(pids), set[Run](), set[Run]()
    for mark in marks:
        if mark.pid in of and mark.at <= at:
            (over if mark.kind == "end" else began).add(_run(mark))
    return {job_id for job_id, _ in began - over}


def _runs(records: Records) -> set[Run]:
    return {_run(mark) for mark in records.marks if mark.kind == "start"}


def _run(mark: Mark) -> Run:
    return mark.job_id, mark.claim_seq
