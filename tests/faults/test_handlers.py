"""Handlers that misbehave take nobody with them, and lose no job."""

import math
from pathlib import Path

import pytest

from tests.faults.faults import Injection
from tests.faults.table import judge
from tests.faults.world import world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

NOT_TIMED = Injection(math.inf, math.inf)
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


def test_a_handler_that_ignores_its_time_out_is_written_down_without_it(tmp_path: Path):
    with world(tmp_path, YARD_JOBS__RUN_TIMEOUT_S__DEFAULT="1") as made:
        made.ask(2, "deaf", max_retries=1, seconds=20)
        made.ask(40, seconds=0.1)
        made.settle()
        judge("a handler ignores its time-out", made, [NOT_TIMED] * 2)
        assert made.count("status = 'failed' and error_code = 'timed_out'") == 2
