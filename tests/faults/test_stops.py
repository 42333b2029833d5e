"""SIGTERM: with many runs in flight, once more during a long drain, and before a process is well."""

import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults.faults import stop_a_worker
from tests.faults.injection import NOT_TIMED
from tests.faults.table import judge
from tests.faults.world import World, world
from tests.processes import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

IN_FLIGHT = 50
STARTS = 10


def long_drain(budget_s: float) -> dict[str, str]:
    return {"YARD_SCHEDULER__STOP_BUDGET_S": str(budget_s), "YARD_SCHEDULER__SEATS": str(IN_FLIGHT)}


def nothing_was_charged(made: World) -> bool:
    return made.count("status <> 'completed' or retry_count > 0 or losses > 0") == 0


@pytest.mark.parametrize("budget_s", [0.5, 3, 10, 30])
def test_a_stop_leaves_nothing_in_processing_and_charges_no_retry(budget_s: float, tmp_path: Path):
    with world(tmp_path, workers=1, **long_drain(budget_s)) as made:
        for n in range(2 * IN_FLIGHT):
            made.ask(1, ("attentive", "deaf")[n % 2], seconds=4)
        made.wait_busy(IN_FLIGHT + 5)
        injection = stop_a_worker(made, random.Random(1))
        assert made.orphans() == 0
        made.settle()
        judge(f"SIGTERM, {budget_s:g} s to stop", made, [injection])
        assert nothing_was_charged(made)


@pytest.mark.parametrize("which", [0, 1], ids=["serve", "work"])
def test_a_second_sigterm_during_a_long_drain_hands_back_at_once(which: int, tmp_path: Path):
    with world(tmp_path, workers=1, **long_drain(30)) as made:
        place = made.places[which]
        made.ask(2 * IN_FLIGHT, "deaf", seconds=12)
        made.wait_busy(IN_FLIGHT + 5)
        pids, sent = place.pids(), time.monotonic()
        place.process.send_signal(signal.SIGTERM)
        wait_until(lambda: any(m.pid in pids and m.at > sent + 1 for m in made.marks()), "run that goes on meanwhile")
        place.signal(signal.SIGTERM)
        place.process.wait(timeout=30)
        assert made.count("status = 'completed'") == made.orphans() == 0
        made.settle()
        judge(f"second SIGTERM, {('serve', 'work')[which]}", made, [NOT_TIMED])
        assert nothing_was_charged(made)


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_stop_while_a_process_starts_leaves_nothing_in_processing_and_charges_no_retry(command: str, tmp_path: Path):
    with world(tmp_path, workers=0, YARD_SCHEDULER__SEATS="3", YARD_SCHEDULER__STOP_BUDGET_S="1") as made:
        start_s = stopped_start(made, command, lambda: wait_until(lambda: len(made.heard()) == 2, "new process"))
        for n in range(STARTS):  # any moment will do, and each another one
            stopped_start(made, command, partial(time.sleep, start_s * 1.2 * n / STARTS))
        made.settle()
        records = judge(f"SIGTERM while starting, {command}", made, [NOT_TIMED] * STARTS)
        assert {mark.pid for mark in records.marks} - made.places[0].pids()  # some came as far as to run a job
        assert nothing_was_charged(made)


def stopped_start(made: World, command: str, wait: Callable[[], object]) -> float:
    """Start a process beside the fleet, stop it after `wait()`; returns how long that one took, in seconds."""
    made.ask(8, "deaf", seconds=1)
    place, began = made.place(command, YARD_SCHEDULER__SEATS="8"), time.monotonic()
    try:
        wait()
        took_s = time.monotonic() - began
        place.stop()
    finally:
        place.end()
        place.proxy.close()
    assert made.orphans() == 0
    return took_s
