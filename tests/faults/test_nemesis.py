"""Faults mixed at random; afterwards nothing is lost, and the fleet is as it was."""

from pathlib import Path

import pytest

from tests.faults.nemesis import torment
from tests.faults.table import judge
from tests.faults.world import world
from tests.processes import wait_until

ROOM = 4  # connections that come and go: a health check, a task of the timetable


def go_through(directory: Path, name: str, *, faults: int, jobs: int, seed: int) -> None:
    with world(directory) as made:
        base = made.connections()
        injections = torment(made, faults=faults, jobs=jobs, seed=seed)
        made.settle()
        records = judge(name, made, injections)
        assert len(records.asked) >= jobs
        assert "unknown" not in records.asked.values()
        wait_until(made.is_well, "well fleet")
        wait_until(lambda: 0 < made.connections() <= base + ROOM, "connections at their base")


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_done_twice_whatever_happens(tmp_path: Path):
    go_through(tmp_path, "all mixed", faults=100, jobs=2000, seed=1)


@pytest.mark.faults
def test_a_few_faults_mixed(tmp_path: Path):
    go_through(tmp_path, "some mixed", faults=6, jobs=300, seed=5)
