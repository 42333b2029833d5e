"""Claims at the same moment, rows that a stranger holds, statements that meet over the same rows."""

import time
from pathlib import Path

import pytest

from tests.faults.records import Hold
from tests.faults.scenario import (
    claims_held_up,
    held_row,
    ids,
    ids_of,
    let_end,
    verdict,
    wait_for_blocked,
    waited_for,
)
from tests.faults.world import LEASE_S, World, world

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

PATIENT = {"YARD_DATABASE__STATEMENT_TIMEOUT_S": "5"}  # longer than the server takes to look for a deadlock
CAPS = {"fleet_cap": "YARD_JOBS__MAX_CONCURRENT_JOBS", "user_cap": "YARD_JOBS__MAX_CONCURRENT_PER_USER"}
FIRST_DUE = "next_processing_at = (select min(next_processing_at) from ai_jobs)"
MEETINGS = 6  # two claims need not want the same place each time
MUTE = {"how": "raises an error without words"}


@pytest.mark.parametrize("rule", CAPS)
def test_the_cap_is_exact_however_claims_meet(rule: str, tmp_path: Path):
    with world(tmp_path, **{CAPS[rule]: "3"}) as made:
        for _ in range(MEETINGS):
            with claims_held_up(made):
                made.ask(12, seconds=0.1)
                wait_for_blocked(made, 3, at_most_s=0.8)
            let_end(made)
        verdict(made, **{rule: 3})


@pytest.mark.parametrize("env", [{}, {CAPS["user_cap"]: "50"}], ids=["no cap", "user cap"])
def test_claims_pass_a_row_that_a_stranger_holds(env: dict[str, str], tmp_path: Path):
    holds: list[Hold] = []
    with world(tmp_path, workers=0, YARD_SCHEDULER__SEATS="2", **env) as made:
        made.ask(2, seconds=1)
        made.wait_busy(2)
        made.ask(1, seconds=0.1)
        (first,) = ids(made, "status = 'queued'")
        with held_row(made, first, holds):
            made.ask(4, seconds=0.1)
            waited_for(lambda: made.count("status = 'completed'") >= 4, 4)
        let_end(made)
        verdict(made, holds=holds)


def test_lost_runs_come_back_past_a_row_that_a_stranger_holds(tmp_path: Path):
    holds: list[Hold] = []
    with world(tmp_path, workers=1) as made:
        made.ask(12, seconds=2)
        made.wait_busy(12)
        lost = ids_of(made, made.places[1].pids())
        with held_row(made, lost[0], holds):
            made.places[1].end()
            waited_for(lambda: made.count("claim_seq = 2") >= 1, 2 * LEASE_S)
        let_end(made)
        verdict(made, holds=holds)


def test_retries_come_due_past_a_row_that_a_stranger_holds(tmp_path: Path):
    holds: list[Hold] = []
    with world(tmp_path, workers=0, YARD_JOBS__BACKOFF__BASE_S="1") as made:
        made.ask(4, "breaking", **MUTE, times=1)
        waited_for(lambda: made.count("next_processing_at is not null") == 4, 3)
        with held_row(made, ids(made, FIRST_DUE)[0], holds):
            waited_for(lambda: made.count("claim_seq = 2") >= 1, 4)
        let_end(made)
        verdict(made, holds=holds)


def test_leases_are_prolonged_past_a_row_that_a_stranger_holds(tmp_path: Path):
    """Those of the other runs and the leader's: somebody brings back what another worker loses meanwhile."""
    holds: list[Hold] = []
    with world(tmp_path) as made:
        made.ask(24, "deaf", seconds=LEASE_S + 1.5)
        made.wait_busy(24)
        victims = frozenset(made.places[2].pids())
        with held_row(made, ids_of(made, made.places[1].pids())[0], holds):
            made.places[2].end()
            waited_for(lambda: made.count("claim_seq = 2") >= 1, 2.5 * LEASE_S)
        let_end(made)
        verdict(made, holds=holds, victims=victims)


def begin_at_once(made: World, job_type: str, *, jobs: int, seconds: float) -> None:
    """All in one claim for each process: so they end at the same moment, and are written down together."""
    with claims_held_up(made):
        made.ask(jobs, job_type, seconds=seconds)
    made.wait_busy(jobs)


def test_heartbeats_and_the_recorder_never_deadlock(tmp_path: Path):
    with world(tmp_path, workers=0, YARD_SCHEDULER__SEATS="40", **PATIENT) as made:
        begin_at_once(made, "deaf", jobs=40, seconds=1)
        with held_row(made, ids_of(made, made.places[0].pids())[20], []):
            wait_for_blocked(made, 1, begins="-- complete")
            time.sleep(0.1)
        let_end(made)
        verdict(made)


@pytest.mark.parametrize(("job_type", "seconds"), [("deaf", 2.5), ("attentive", 4)], ids=["results", "failures"])
def test_runs_that_are_handed_back_and_ended_at_once_never_deadlock(job_type: str, seconds: float, tmp_path: Path):
    env = {"YARD_SCHEDULER__SEATS": "30", "YARD_SCHEDULER__STOP_BUDGET_S": "4", **PATIENT}
    with world(tmp_path, workers=1, **env) as made:
        begin_at_once(made, job_type, jobs=60, seconds=seconds)
        victims = frozenset(made.places[1].pids())
        jobs = ids_of(made, victims)
        with held_row(made, jobs[3], []):
            with held_row(made, jobs[-4], []):
                made.places[1].process.terminate()
                wait_for_blocked(made, 1, begins="-- release")
                wait_for_blocked(made, 1, begins="-- complete" if job_type == "deaf" else "-- give_up")
                time.sleep(0.1)
            time.sleep(0.2)
        let_end(made)
        verdict(made, victims=victims)
