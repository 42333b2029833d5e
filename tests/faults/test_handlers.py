"""Handlers that misbehave take nobody with them, and lose no job."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults import checker
from tests.faults.faults import freeze_the_database
from tests.faults.injection import NOT_TIMED
from tests.faults.records import Records
from tests.faults.table import judge
from tests.faults.world import LEASE_S, World, world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

WAYS = ["ends its process", "raises SystemExit", "raises an error without words", "raises an error of 50 MB"]


@pytest.mark.parametrize("how", WAYS)
def test_a_handler_that_misbehaves_at_first_ends_well(how: str, tmp_path: Path):
    with world(tmp_path) as made:
        for _ in range(3):
            made.ask(1, "breaking", how=how, times=1)
            made.ask(20, seconds=0.3)
            made.settle()
        judge(f"a handler {how}", made, [NOT_TIMED] * 3)
        assert made.count("status = 'completed' and job_type = 'breaking'") == 3


def test_a_handler_that_always_ends_its_process_is_parked(tmp_path: Path):
    with world(tmp_path) as made:
        made.ask(1, "breaking", how="ends its process", times=100)
        made.settle()
        judge("a handler always ends its process", made, [NOT_TIMED] * 3)
        assert made.count("status = 'failed' and error_code = 'worker_lost' and losses = 3") == 1


@pytest.mark.parametrize("for_s", [10 / 15, 15 / 15, 1.5 * LEASE_S])
def test_a_handler_that_holds_the_interpreter_stops_its_own_process_alone(for_s: float, tmp_path: Path):
    with world(tmp_path) as made:
        for _ in range(3):
            made.ask(20, "deaf", seconds=for_s)  # those that it holds up are overtaken, and come back with results
            made.ask(1, "breaking", how="holds the interpreter", times=1, for_s=for_s)
            made.ask(20, seconds=0.3)
            made.settle()
            made.wait_well()  # the job may be done elsewhere while its first run still holds its process
        records = judge(f"a handler holds the interpreter for {for_s:.1f} s", made, [NOT_TIMED] * 3)
        assert min(silences_s(made, records)) > 0.9 * for_s
        assert made.count("status <> 'completed'") == 0
        assert for_s > LEASE_S or made.count("losses > 0") == 0


def silences_s(made: World, records: Records) -> Iterator[float]:
    """The longest time without a sign of the process, for each first run of a job that holds the interpreter."""
    for (job_id,) in made.rows("select id::text from ai_jobs where job_type = 'breaking'") or ():
        start, end = [mark for mark in records.marks if (mark.job_id, mark.claim_seq) == (job_id, 1)]
        signs = [mark.at for mark in records.marks if mark.pid == start.pid and start.at <= mark.at <= end.at]
        yield max(after - before for before, after in pairwise(signs))


def test_a_handler_that_ignores_its_time_out_is_written_down_without_it(tmp_path: Path):
    with world(tmp_path, YARD_JOBS__RUN_TIMEOUT_S__DEFAULT="1") as made:
        made.ask(2, "deaf", max_retries=1, seconds=20)
        made.ask(40, seconds=0.1)
        made.settle()
        judge("a handler ignores its time-out", made, [NOT_TIMED] * 2)
        assert made.count("status = 'failed' and error_code = 'timed_out'") == 2


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
