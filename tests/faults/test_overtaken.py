"""Runs that were overtaken, that lived through a freeze, or whose worker has a wrong clock: the shortest of each."""

import random
import signal
import time
from pathlib import Path

import pytest

from jobs import store
from jobs.db.engine import autocommit
from tests.faults.faults import pause_a_worker_past_its_lease
from tests.faults.scenario import ids, let_end, verdict
from tests.faults.test_clocks import COMPILER, HOUR_S, wrong
from tests.faults.world import LEASE_S, World, world
from tests.processes import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


def keep_busy(made: World, *, jobs: int, seconds: float) -> None:
    """Every kind of run: one that heeds and one that does not, with many tries and with a single one."""
    for n in range(jobs):
        made.ask(1, ("attentive", "deaf")[n % 2], max_retries=(10, 10, 1, 1)[n % 4], seconds=seconds)
    made.wait_busy(jobs)


def test_a_run_that_was_overtaken_changes_nothing(tmp_path: Path):
    with world(tmp_path, workers=1) as made:
        keep_busy(made, jobs=16, seconds=1.5 * LEASE_S)
        injection = pause_a_worker_past_its_lease(made, random.Random(1))
        let_end(made)
        verdict(made, victims=injection.victims)


def test_a_result_from_before_a_requeue_is_refused(tmp_path: Path):
    """A loss is such a job's end; its user wants it again while the worker that ran it is still away."""
    with world(tmp_path, workers=1) as made:
        made.ask(16, "deaf", max_retries=1, seconds=1.5 * LEASE_S)
        made.wait_busy(16)
        place = made.places[1]
        victims = frozenset(place.pids())
        place.signal(signal.SIGSTOP)
        wait_until(lambda: made.count("status = 'failed'") > 0, "lost runs")
        with autocommit(made.engine) as conn:
            for job_id in ids(made, "status = 'failed'"):
                store.requeue(conn, job_id=job_id, user_id="ann")
        place.signal(signal.SIGCONT)
        let_end(made)
        verdict(made, victims=victims)


def test_a_worker_that_was_overtaken_hands_back_nobody_elses_run(tmp_path: Path):
    with world(tmp_path, workers=1, YARD_SCHEDULER__STOP_BUDGET_S="1") as made:
        made.ask(8, "deaf", seconds=6)
        made.wait_busy(8)
        place = made.places[1]
        victims = frozenset(place.pids())
        place.signal(signal.SIGSTOP)
        time.sleep(LEASE_S + 1.5)
        place.signal(signal.SIGCONT)
        time.sleep(0.05)  # a signal to a process whose threads have not woken up goes to any of them
        place.signal(signal.SIGTERM)
        place.process.wait(timeout=30)
        let_end(made)
        verdict(made, victims=victims)


def test_no_run_that_lives_is_run_again_after_a_freeze(tmp_path: Path):
    """All leases are over by then, and the leader is back before the others, whose lines come back later."""
    freeze_s = LEASE_S + 1
    with world(tmp_path, workers=1) as made:
        for n in range(16):
            made.ask(1, ("attentive", "deaf")[n % 2], seconds=freeze_s + 2)
        made.wait_busy(16)
        leader = made.leader()
        others = [place for place in made.places if place is not leader]
        for place in others:
            place.proxy.freeze()
        made.server.freeze(freeze_s)
        time.sleep(0.8)
        for place in others:
            place.proxy.mend()
        let_end(made)
        verdict(made, victims=frozenset())


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler to make a wrong clock with")
def test_a_worker_whose_clock_is_an_hour_slow_is_a_worker_like_any_other(tmp_path: Path):
    with world(tmp_path, workers=0) as made, wrong(made, -HOUR_S):
        made.ask(16, "deaf", seconds=1.5)
        let_end(made)
        verdict(made, victims=frozenset())
