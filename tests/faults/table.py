"""What a test of faults has shown, as one line of a table that is printed at the end."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from tests.faults import checker
from tests.faults.injection import NOT_TIMED, Injection
from tests.faults.records import Mark, Records
from tests.faults.world import FLEET_CAP, World

HEAD = (
    "| fault | injections | jobs | lost | doubled | stale refused | runs again | recovery p50 / p99 / max, s |\n"
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
        took = sorted(self.recovery_s)
        figures = (statistics.median(took), took[math.ceil(0.99 * len(took)) - 1], took[-1]) if took else ()
        recovery = " / ".join(f"{figure:.1f}" for figure in figures) or "-"
        counts = (self.injections, self.jobs, self.lost, self.doubled, self.refused, self.reruns)
        return f"| {self.fault} | {' | '.join(map(str, counts))} | {recovery} |"


LINES: list[Line] = []


def judge(fault: str, world: World, injections: Sequence[Injection]) -> Records:
    """Adds the line, then fails if the records break a rule."""
    records = dataclasses.replace(world.records(), victims=_victims(injections), fleet_cap=FLEET_CAP)
    LINES.append(
        Line(
            fault,
            len(injections),
            len(records.asked),
            len(checker.lost(records)),
            len(checker.doubled(records)),
            world.refused(),
            checker.reruns(records),
            recovery_s(injections, records.marks),
        )
    )
    if broken := checker.broken(records):
        pytest.fail("\n".join(f"{rule}: {len(cases)}, as {cases[:3]}" for rule, cases in broken.items()))
    return records


def _victims(injections: Sequence[Injection]) -> frozenset[int] | None:
    """The processes that a fault has touched; None: nobody knows, for handlers ended some."""
    if NOT_TIMED in injections:
        return None
    return frozenset[int]().union(*(injection.victims for injection in injections))


def note(fault: str, recovery_s: list[float]) -> None:
    """Adds a line that tells more of the recovery in the one before."""
    LINES.append(dataclasses.replace(LINES[-1], fault=fault, recovery_s=recovery_s))


def recovery_s(injections: Iterable[Injection], marks: Sequence[Mark]) -> list[float]:
    return [took for injection in injections for took in _recovery_s(injection, marks)]


def _recovery_s(injection: Injection, marks: Sequence[Mark]) -> Iterator[float]:
    starts = [mark for mark in marks if mark.kind == "start" and mark.at > injection.at]
    if injection.victims or injection.jobs:
        for job_id in injection.jobs | checker.interrupted(marks, injection.victims, injection.at):
            yield from [mark.at - injection.at for mark in starts if mark.job_id == job_id][:1]
    else:
        yield from [mark.at - injection.over for mark in starts if mark.at > injection.over][:1]
