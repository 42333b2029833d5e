"""A cancel of a run that does not hear of it."""

import os
import signal
from pathlib import Path

import pytest

from tests.faults.injection import NOT_TIMED
from tests.faults.table import judge
from tests.faults.world import World, world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

DEAF = "job_type = 'deaf'"


def cancel_deaf_runs(made: World, seconds: float) -> None:
    """Two runs of that length go on and are asked to end; other jobs wait behind them."""
    made.ask(2, "deaf", seconds=seconds)
    made.wait_busy(2)
    assert made.cancel(f"{DEAF} and status = 'processing'") == 2
    made.ask(40, seconds=0.1)


def test_a_handler_that_ignores_a_cancel_ends_as_cancelled_once_its_time_is_over(tmp_path: Path):
    with world(tmp_path, YARD_JOBS__RUN_TIMEOUT_S__DEFAULT="1") as made:
        cancel_deaf_runs(made, seconds=15)
        made.settle()
        judge("a handler ignores a cancel", made, [NOT_TIMED] * 2)
        assert made.count(f"{DEAF} and status = 'cancelled'") == made.count(DEAF) == 2


def test_what_a_handler_that_ignores_a_cancel_brings_in_time_is_taken(tmp_path: Path):
    with world(tmp_path) as made:
        cancel_deaf_runs(made, seconds=2)
        made.settle()
        judge("a handler ignores a cancel and ends", made, [NOT_TIMED] * 2)
        assert made.count(f"{DEAF} and status = 'completed'") == made.count(DEAF) == 2


def test_a_run_whose_worker_dies_after_a_cancel_ends_as_cancelled(tmp_path: Path):
    with world(tmp_path) as made:
        cancel_deaf_runs(made, seconds=15)
        for (pid,) in made.rows(f"select split_part(worker_id, '-', -2) from ai_jobs where {DEAF}") or ():
            os.kill(int(pid), signal.SIGKILL)
        made.settle()
        judge("a worker dies after a cancel", made, [NOT_TIMED] * 2)
        assert made.count(f"{DEAF} and status = 'cancelled'") == made.count(DEAF) == 2
