"""Faults mixed at random; afterwards nothing is lost, and the fleet is as it was."""

from pathlib import Path

import pytest

from tests.faults.faults import ON_THE_DATABASE, ON_WORKERS
from tests.faults.nemesis import Plan, torment
from tests.faults.table import judge
from tests.faults.world import LEASE_S, Place, World, world
from tests.processes import wait_until

ROOM = 4  # connections of a process that come and go: a health check, a task of the timetable
THREADS_ROOM = 12  # the same, and threads that are started when they are first needed: eight for the timetable's tasks
MIXED = Plan(100, 2000, 1, ON_WORKERS, ON_THE_DATABASE, runs_s=(0.1, 0.3, 1.5 * LEASE_S))
FEW = Plan(
    6,
    300,
    5,
    {name: ON_WORKERS[name] for name in ("kill -9 of a worker", "kill -9 of the leader", "SIGTERM of a worker")},
    {name: ON_THE_DATABASE[name] for name in ("PostgreSQL restarted, immediate", "NOTIFY lost", "no connection left")},
    runs_s=(0.1, 0.1, 0.1, 0.3, 1),
)


def go_through(directory: Path, name: str, plan: Plan) -> None:
    with world(directory) as made:
        base = at_base(made)
        injections = torment(made, plan)
        made.settle()
        records = judge(name, made, injections)
        assert len(records.asked) >= plan.jobs
        assert "unknown" not in records.asked.values()
        made.wait_well()
        wait_until(lambda: all(map(is_back, made.places, base)), f"way back to {base} (threads, connections)")


def at_base(made: World) -> list[tuple[int, int]]:
    """Threads and connections of each process, once every seat has had a run."""
    made.ask(100, seconds=0.05)
    made.settle()
    return [(place.threads(), place.connections()) for place in made.places]


def is_back(place: Place, base: tuple[int, int]) -> bool:
    threads, connections = base
    return 0 < place.threads() <= threads + THREADS_ROOM and 0 < place.connections() <= connections + ROOM


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_done_twice_whatever_happens(tmp_path: Path):
    go_through(tmp_path, "all mixed", MIXED)


def test_a_few_faults_mixed(tmp_path: Path):
    go_through(tmp_path, "some mixed", FEW)
