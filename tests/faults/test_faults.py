"""Each fault alone, time and again, on a fleet at work."""

import random
from pathlib import Path

import pytest

from tests.faults import checker, table
from tests.faults.faults import ON_THE_DATABASE, ON_WORKERS, OVERTAKEN, kill_the_only_process
from tests.faults.injection import Fault, Injection
from tests.faults.table import judge
from tests.faults.world import LEASE_S, World, world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

JOBS = 30  # for each injection
RUN_S = dict.fromkeys(OVERTAKEN, 1.5 * LEASE_S)  # so that the next run of a job is under way when the first comes back
TIMES = {"kill -9 of a worker": 50, "kill -9 of the leader": 20, "SIGTERM of a worker": 5}
FAULTS = ON_WORKERS | ON_THE_DATABASE
UNHARMED = ON_THE_DATABASE.keys() - {"a running job's row locked"}  # every worker lives: no job may run again


def happen(made: World, fault: Fault, times: int, *, busy: int = 12, run_s: float = 1) -> list[Injection]:
    """The fault, `times` times, each while at least `busy` jobs run, and not again before all jobs have ended."""
    rng, injections = random.Random(1), list[Injection]()
    for _ in range(times):
        made.wait_well()
        for n in range(JOBS):
            made.ask(1, ("attentive", "deaf")[n % 2], seconds=run_s)
        made.wait_busy(busy)
        injections.append(fault(made, rng))
        made.settle()
    return injections


@pytest.mark.parametrize("name", [name for name in FAULTS if "connection cut" not in name])
def test_nothing_is_lost_or_done_twice(name: str, tmp_path: Path):
    with world(tmp_path) as made:
        injections = happen(made, FAULTS[name], TIMES.get(name, 3), run_s=RUN_S.get(name, 1))
        records = judge(name, made, injections)
        assert name not in UNHARMED or checker.reruns(records) == 0


@pytest.mark.parametrize("name", [name for name in FAULTS if "connection cut" in name])
def test_a_connection_that_breaks_at_a_commit_loses_nothing(name: str, tmp_path: Path):
    with world(tmp_path) as made:
        injections = happen(made, FAULTS[name], 5)
        records = judge(name, made, injections)
        assert sum(place.proxy.cuts for place in made.places) >= len(injections)
        assert made.count("status <> 'completed'") == 0
        assert checker.reruns(records) + made.refused() == 0
        assert (made.count("losses > 0") > 0) == ("commit of a claim" in name)


def test_the_only_process_dies(tmp_path: Path):
    with world(tmp_path, workers=0) as made:
        injections = happen(made, kill_the_only_process, 8, busy=6)
        judge("kill -9 of the only process", made, injections)
        table.note("of that: until its successor was heard of", [i.over - i.at for i in injections])
