"""What a test of faults has shown, as one line of a table that is printed at the end."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from tests.faults import checker
from tests.faults.faults import Injection
from tests.faults.records import Mark, Records
from tests.faults.world import World

HEAD = (
    "| fault | injections | jobs | lost | doubled | stale refused | runs again | recovery p50 / max, s |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Line:
    """`recovery_s`: from a fault to the next start of each run that it broke off, or else, from a fault's end to
    the next start of any run; empty when nothing had to recover."""

    fault: str
    injections: int
    jobs: int
    lost: int
    doubled: int
    refused: int
    reruns: int
    recovery_s: list[float]

    def __str__(self) -> str:
        took = f"{statistics.median(self.recovery_s):.1f} / {max(self.recovery_s):.1f}" if self.recovery_s else "-"
        counts = (self.injections, self.jobs, self.lost, self.doubled, self.refused, self.reruns)
        return f"| {self.fault} | {' | '.join(map(str, counts))} | {took} |"


LINES: list[Line] = []


def judge(fault: str, world: World, injections: Sequence[Injection]) -> Records:
    """Adds the line, then fails if the records break a rule."""
    records = world.records()
    LINES.append(
        Line(
            fault,
            len(injections),
            len(records.asked),
            len(checker.lost(records)),
            len(checker.doubled(records)),
            world.refused(),
            checker.reruns(records),
            [took for injection in injections for took in _recovery_s(injection, records.marks)],
        )
    )
    if broken := checker.broken(records):
        pytest.fail("\n".join(f"{rule}: {len(cases)}, as {cases[:3]}" for rule, cases in broken.items()))
    return records


def _recovery_s(injection: Injection, marks: Sequence[Mark]) -> Iterator[float]:
    starts = [mark for mark in marks if mark.kind == "start" and mark.at > injection.at]
    if injection.victims:
        for job_id in checker.interrupted(marks, injection.victims, injection.at):
            yield from [mark.at - injection.at for mark in starts if mark.job_id == job_id][:1]
    else:
        yield from [mark.at - injection.over for mark in starts if mark.at > injection.over][:1]
