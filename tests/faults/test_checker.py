"""The checker sees each thing that must not be; the records are made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults import checker
from tests.faults.records import Answer, Change, Hold, Mark, Records


def moved(before: str | None, after: str, *claims: int, **more: Any) -> Change:
    return Change("j", "n", before, after, *claims, **more)


def mark(claim_seq: int, kind: str, at: float, *, trusting: bool = True) -> Mark:
    return Mark("j", claim_seq, kind, at, trusting, pid=claim_seq)


NEW, FIRST, TAKEN, SECOND = (
    moved(None, "queued", 0, 0),
    moved("queued", "processing", 0, 1),
    moved("processing", "queued", 1, 1, retries=1, failure="worker_lost"),
    moved("queued", "processing", 1, 2, retries=1),
)
DONE = moved("processing", "completed", 2, 2, result_claim=2, retries=1)
CHANGES = [NEW, FIRST, TAKEN, SECOND, DONE]
MARKS = [
    mark(1, "start", 1.0),
    mark(1, "alive", 2.0),
    mark(2, "start", 3.0),
    mark(1, "alive", 3.5, trusting=False),
    mark(1, "end", 4.0, trusting=False),
    mark(2, "end", 5.0),
]

HANDED_BACK = moved("processing", "queued", 1, 1)
FROM_THERE = [replace(SECOND, retries=0), replace(DONE, retries=0)]
OTHER = Mark("k", 1, "start", 2.0, trusting=True, pid=2)
HELD = Hold(1.5, 2.5, "j")


def records(changes: list[Change] = CHANGES, marks: list[Mark] = MARKS, told: str = "ok") -> Records:
    return Records({"n": told}, list(marks), list(changes))  # type: ignore[dict-item]


def test_a_job_that_was_taken_back_and_run_again_breaks_no_rule():
    assert checker.broken(records()) == {}


def test_a_result_that_came_late_but_before_the_next_claim_breaks_no_rule():
    late = [NEW, FIRST, TAKEN, moved("queued", "completed", 1, 1, result_claim=1, retries=1)]
    assert checker.broken(records(late, MARKS[:2])) == {}


def test_a_job_that_nobody_knows_to_exist_is_no_fault_either_way():
    assert checker.broken(records([], [], told="unknown")) == {}
    assert checker.broken(records(told="unknown")) == {}


def test_a_run_that_stopped_with_its_worker_or_was_handed_back_spends_no_retry():
    stopped = [NEW, FIRST, moved("processing", "queued", 1, 1, failure="worker_stopped")]
    handed_back = [moved("queued", "processing", 1, 2), moved("processing", "queued", 2, 2)]
    assert checker.miscounted(records([*stopped, *handed_back])) == []


def test_a_job_that_its_user_wants_again_has_all_its_retries_again():
    failed = moved("processing", "failed", 1, 1, retries=1, failure="handler_error")
    assert checker.miscounted(records([NEW, FIRST, failed, moved("failed", "queued", 1, 2, retries=0)])) == []


def fleet(*users: str) -> list[Change]:
    """As many jobs as users, each made and claimed, none ended."""
    return [
        replace(change, job_id=f"j{n}", name=f"n{n}", user_id=user)
        for n, user in enumerate(users)
        for change in (NEW, FIRST)
    ]


def test_as_many_runs_as_the_caps_allow_break_no_rule():
    caps = {"fleet_cap": 3, "user_cap": 2}
    ended = replace(moved("processing", "completed", 1, 1), job_id="j0", user_id="ann")
    again = [replace(change, job_id="j9", user_id="ann") for change in (NEW, FIRST)]
    given = records([*fleet("ann", "ann", "bob"), ended, *again], [])
    assert checker.beyond_caps(replace(given, **caps)) == []


def over(count: int, **more: Any) -> Records:
    """So many runs of one user at a time, of jobs that nobody has heard of yet."""
    unheard: dict[str, Answer] = dict.fromkeys([f"n{n}" for n in range(count)], "unknown")
    return Records(unheard, changes=fleet(*["ann"] * count), **more)


def test_a_run_that_is_lost_in_a_stopped_process_or_behind_a_held_row_breaks_no_rule():
    assert checker.broken(replace(records(), victims=frozenset({1}))) == {}
    assert checker.live_reruns(replace(records(), victims=frozenset(), holds=[HELD])) == []


def test_a_run_that_never_began_may_be_taken_for_lost():
    unheard = replace(records(marks=[MARKS[2], MARKS[5]]), victims=frozenset())
    assert checker.broken(unheard) == {}


def test_a_run_of_another_job_that_begins_behind_a_held_row_is_no_stall():
    assert checker.stalled(replace(records(marks=[*MARKS, OTHER]), holds=[HELD])) == []


BROKEN = {
    "a job without an end": (records(CHANGES[:4], MARKS[:3]), {"lost"}),
    "a job that is not there": (records([], []), {"lost"}),
    "a job that was refused": (records(told="fail"), {"ghosts"}),
    "a job that nobody asked for": (replace(records(), asked={}), {"ghosts"}),
    "a run that nobody gave out": (records(marks=[*MARKS, mark(3, "start", 6.0)]), {"ghosts"}),
    "a run that began twice": (records(marks=[*MARKS, mark(2, "start", 6.0)]), {"doubled"}),
    "two jobs of one name": (records([*CHANGES, *(replace(c, job_id="k") for c in CHANGES)]), {"doubled"}),
    "two ends of one run": (
        records([*CHANGES, moved("completed", "completed", 2, 2, result_claim=2)]),
        {"doubled", "illegal transitions"},
    ),
    "an older run's result": (records([*CHANGES[:4], replace(DONE, result_claim=1)]), {"stale accepted"}),
    "a run that believes in itself too long": (
        records(marks=[*MARKS[:3], mark(1, "alive", 3.001), *MARKS[4:]]),
        {"lease violations"},
    ),
    "a final job that moves": (
        records([*CHANGES, moved("completed", "failed", 2, 2)]),
        {"doubled", "illegal transitions"},
    ),
    "a claim without a new number": (
        records([NEW, FIRST, TAKEN, replace(SECOND, claim_after=1), replace(DONE, claim_before=1)], MARKS[:2]),
        {"illegal transitions"},
    ),
    "a change that was not seen": (records([NEW, TAKEN, SECOND, DONE], MARKS[2:3]), {"illegal transitions"}),
    "a run after the last attempt": (
        records([*CHANGES[:3], replace(SECOND, max_retries=1), DONE]),
        {"beyond attempts"},
    ),
    "a failure that spends no retry": (
        records([*CHANGES[:2], *(replace(change, retries=0) for change in CHANGES[2:])]),
        {"miscounted"},
    ),
    "a run handed back that spends a retry": (
        records([*CHANGES[:2], replace(TAKEN, failure=None), SECOND, DONE]),
        {"miscounted"},
    ),
    "a run too many of the fleet": (over(3, fleet_cap=2), {"beyond caps"}),
    "a run too many of a user": (over(3, user_cap=2), {"beyond caps"}),
    "a live run that is taken for lost": (
        replace(records(marks=[*MARKS[:3], MARKS[5]]), victims=frozenset({2})),
        {"live runs again"},
    ),
    "a live run beside the next one": (
        replace(records([*CHANGES[:2], HANDED_BACK, *FROM_THERE]), victims=frozenset({2})),
        {"live runs again"},
    ),
    "nobody passes a held row": (replace(records(), holds=[HELD]), {"stalled"}),
    "two that wait for each other": (replace(records(), deadlocks=1), {"deadlocks"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_must_not_be_is_seen_and_nothing_else(case: str):
    given, rules = BROKEN[case]
    assert set(checker.broken(given)) == rules


def test_each_rule_has_a_case():
    assert set().union(*(rules for _, rules in BROKEN.values())) == set(checker.RULES)


def test_runs_beyond_the_first_and_results_that_were_not_kept_are_counted():
    assert (checker.reruns(records()), checker.refused(records())) == (1, 1)


def test_what_a_process_had_begun_and_not_ended_was_interrupted():
    assert checker.interrupted(MARKS, [1], at=3.9) == {"j"}
    assert checker.interrupted(MARKS, [1], at=4.1) == set()
    assert checker.interrupted(MARKS, [2], at=2.9) == set()
