"""SIGTERM with many runs in flight, and a database that freezes under them."""

import random
from pathlib import Path

import pytest

from tests.faults import checker
from tests.faults.faults import freeze_the_database, stop_a_worker
from tests.faults.table import judge
from tests.faults.world import world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

IN_FLIGHT = 50


@pytest.mark.parametrize("budget_s", [0.5, 3, 10])
def test_a_stop_leaves_nothing_in_processing_and_charges_no_retry(budget_s: float, tmp_path: Path):
    env = {"YARD_SCHEDULER__STOP_BUDGET_S": str(budget_s), "YARD_SCHEDULER__SEATS": str(IN_FLIGHT)}
    with world(tmp_path, workers=1, **env) as made:
        made.ask(2 * IN_FLIGHT, seconds=4)
        made.wait_busy(IN_FLIGHT + 5)
        pid = made.places[1].process.pid
        injection = stop_a_worker(made, random.Random(1))
        assert made.count("status = 'processing' and split_part(worker_id, '-', -2) = :pid", pid=str(pid)) == 0
        made.settle()
        judge(f"SIGTERM, {budget_s:g} s to stop", made, [injection])
        assert made.count("status <> 'completed' or retry_count > 0 or losses > 0") == 0


def test_runs_that_cannot_be_broken_off_are_not_run_again_after_a_freeze(tmp_path: Path):
    with world(tmp_path) as made:
        injections = []
        for _ in range(3):
            made.ask(20, "deaf", seconds=8)
            made.wait_busy(20)
            injections.append(freeze_the_database(made, random.Random(1)))
            made.settle()
        records = judge("frozen for three leases, runs of 8 s", made, injections)
        assert checker.reruns(records) == 0
