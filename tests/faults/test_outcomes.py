"""What becomes of outcomes, and of what the client asks: counted, handed back, written down in the end."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path

import pytest

from jobs.db.engine import open_engine
from tests.faults import checker
from tests.faults.faults import stop_a_worker
from tests.faults.scenario import ids_of, let_end, stranger, verdict, wait_for_blocked, waited_for
from tests.faults.world import World, world
from tests.processes import wait_until
from tests.scheduler.proxy import Proxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


def stop_the_worker(made: World, *, seconds: float) -> frozenset[int]:
    """SIGTERM with eight runs of that length in flight, and no seat free elsewhere; returns its processes."""
    made.places[1].end()
    made.ask(8, "deaf", seconds=6)
    made.wait_busy(8)  # by the web process alone, for the worker is only now started anew
    wait_until(made.is_well, "well fleet")
    made.ask(8, "deaf", seconds=seconds)
    made.wait_busy(16)
    return stop_a_worker(made, random.Random(1)).victims


def test_every_failure_spends_a_retry(tmp_path: Path):
    with world(tmp_path, workers=0) as made:
        made.ask(4, "breaking", max_retries=2, how="raises an error without words", times=100)
        waited_for(lambda: made.count("status = 'failed' or claim_seq > 2") == 4, 10)
        verdict(made)


def test_a_stop_hands_back_what_cannot_finish(tmp_path: Path):
    with world(tmp_path, workers=1, YARD_SCHEDULER__STOP_BUDGET_S="1") as made:
        victims = stop_the_worker(made, seconds=4)
        assert not ids_of(made, victims), "still in processing"
        let_end(made)
        verdict(made, victims=victims)
        assert made.count("retry_count > 0 or losses > 0") == 0


def test_a_result_that_comes_after_its_run_was_handed_back_is_kept(tmp_path: Path):
    with world(tmp_path, workers=1, YARD_SCHEDULER__STOP_BUDGET_S="4") as made:
        victims = stop_the_worker(made, seconds=2)
        let_end(made)
        assert checker.reruns(verdict(made, victims=victims)) == 0, "results were thrown away"


def test_an_outcome_is_repeated_until_the_database_has_it(tmp_path: Path):
    with world(tmp_path, workers=1) as made:
        made.ask(16, "deaf", seconds=1.2)
        made.wait_busy(16)
        assert ids_of(made, made.places[1].pids())
        made.places[1].proxy.cut()
        time.sleep(1.4)  # the runs end, and nothing can be written down
        made.places[1].proxy.mend()
        let_end(made, 8)
        verdict(made)


def test_a_client_whose_answer_was_lost_asks_again_and_is_answered(tmp_path: Path):
    with world(tmp_path, workers=0) as made, ThreadPoolExecutor(1) as pool:
        way, client = Proxy(made.server.url), copy(made)
        client.engine = open_engine(way.url, pool_size=1)
        with stranger(made, "lock table ai_jobs in share row exclusive mode"):
            asking = pool.submit(client.ask, 1, seconds=0.1)
            wait_for_blocked(made, 1)
            way.cut_at_answer()
        asking.result(timeout=30)
        client.engine.dispose()
        way.close()
        assert answers(made) == ["unknown"]
        let_end(made)
        verdict(made)
        assert answers(made) == ["ok"], "who asks again is not answered"


def answers(made: World) -> list[str]:
    return [told[0] for told in made.asked.values()]
