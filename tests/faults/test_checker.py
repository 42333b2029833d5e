"""The checker sees each thing that must not be; the records are made by hand."""

from dataclasses import replace

import pytest

from tests.faults import checker
from tests.faults.records import Change, Mark, Records


def moved(before: str | None, after: str, *claims: int, **more: int) -> Change:
    return Change("j", "n", before, after, *claims, **more)


def mark(claim_seq: int, kind: str, at: float, *, trusting: bool = True) -> Mark:
    return Mark("j", claim_seq, kind, at, trusting, pid=claim_seq)


NEW, FIRST, TAKEN, SECOND = (
    moved(None, "queued", 0, 0),
    moved("queued", "processing", 0, 1),
    moved("processing", "queued", 1, 1, retries=1),
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
        records([NEW, FIRST, TAKEN, moved("queued", "processing", 1, 1), replace(DONE, claim_before=1)], MARKS[:2]),
        {"illegal transitions"},
    ),
    "a change that was not seen": (records([NEW, TAKEN, SECOND, DONE], MARKS[2:3]), {"illegal transitions"}),
    "a run after the last attempt": (
        records([*CHANGES[:3], replace(SECOND, retries=3), DONE]),
        {"beyond attempts"},
    ),
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
