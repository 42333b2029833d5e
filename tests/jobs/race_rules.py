"""Judges what callers were told against what the database did; each rule gives one line for each case."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text

from jobs.states import FINAL
from tests.faults import checker, records
from tests.faults.records import Change, Records
from tests.jobs import races
from tests.jobs.races import Told

RUNNING = "select id, claim_seq from ai_jobs where status = 'processing' order by id"
WITH_RESULT = "select id from ai_jobs where status = 'cancelled' and result_data is not null"


def winners(told: Sequence[Told], changes: Sequence[Change]) -> list[str]:
    """A job went where nobody was told of, or somebody was told of a move that was not, or two of the same one."""
    heard = Counter((one.job_id, one.status) for one in told if one.status and not _only_asked(one))
    happened = Counter((change.job_id, change.after) for change in changes if change.before)
    moves = heard | happened
    return [
        f"{move}: told {heard[move]} times, came {happened[move]} times"
        for move in moves
        if heard[move] != happened[move]
    ]


def _only_asked(one: Told) -> bool:
    return (one.by, one.status) in (("cancel", "processing"), ("reschedule", "queued"))


def untruthful(told: Sequence[Told], changes: Sequence[Change]) -> list[str]:
    """A caller of cancel heard what did not come true."""
    story: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        story[change.job_id].append(change)
    asked = [one for one in told if one.by == "cancel"]
    return [f"{one}: {_moves(story[one.job_id])}" for one in asked if not _came_true(one, story[one.job_id])]


def _came_true(one: Told, story: Sequence[Change]) -> bool:
    """cancelled: it was, from queued; processing: that run was the last; None: the job had ended already."""
    if one.status == "cancelled":
        return ("queued", one.claim_seq, "cancelled") in _moves(story)
    if one.status == "processing":
        run = ("processing", one.claim_seq)
        return [move[2] for move in _moves(story) if move[:2] == run] in (["completed"], ["cancelled"])
    return any(change.after in FINAL for change in story)


def _moves(story: Sequence[Change]) -> list[tuple[str | None, int, str]]:
    return [(change.before, change.claim_before, change.after) for change in story]


def results_of_cancelled(changes: Sequence[Change]) -> list[str]:
    """A cancelled job has the result of a run."""
    return [change.job_id for change in changes if change.after == "cancelled" and change.result_claim is not None]


RULES: dict[str, Callable[[Sequence[Told], Sequence[Change]], list[str]]] = {
    "illegal transitions": lambda _, changes: checker.illegal_transitions(Records(changes=list(changes))),
    "ended twice": lambda _, changes: checker.doubled(Records(changes=list(changes))),
    "winners": winners,
    "untruthful": untruthful,
    "results of cancelled jobs": lambda _, changes: results_of_cancelled(changes),
}


def broken(conn: Connection, told: Sequence[Told]) -> dict[str, list[str]]:
    """Every rule that is broken, with its cases, once every run has been brought to its end."""
    running = conn.execute(text(RUNNING)).all()
    home = [one for row in running for one in races.give_up(conn, [str(row.id)], row.claim_seq)]
    changes = records.changes(conn)
    found = {name: cases for name, rule in RULES.items() if (cases := rule([*told, *home], changes))}
    if kept := conn.execute(text(WITH_RESULT)).all():
        found["results kept"] = [str(row.id) for row in kept]
    return found
