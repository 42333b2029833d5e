"""One process whose wall clock is an hour ahead or behind; its monotonic clock is right, as it is in life."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.faults import kill_a_worker
from tests.faults.injection import Injection
from tests.faults.place import Place
from tests.faults.table import judge
from tests.faults.world import World, world
from tests.processes import wait_until

COMPILER = shutil.which("cc")
SOURCE = Path(__file__).with_name("wall_clock.c")
HOUR_S = 3600
pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(COMPILER is None, reason="there is no C compiler to make a wrong clock with"),
]
WRONG = pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])


@contextmanager
def wrong(made: World, by_s: int) -> Iterator[Place]:
    """A worker more, whose wall clock is wrong."""
    library = made.directory / "wall_clock.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    env = {"LD_PRELOAD": str(library), "WALL_CLOCK_OFF_BY_S": str(by_s)}
    clocks = [
        sys.executable,
        "-c",
        "import datetime, time; print(datetime.datetime.now().timestamp(), time.monotonic())",
    ]
    wall, monotonic = subprocess.run(clocks, env=os.environ | env, stdout=-1, check=True).stdout.split()
    assert abs(float(wall) - time.time() - by_s) < 60
    assert abs(float(monotonic) - time.monotonic()) < 60
    made.places.append(made.place("work", **env))
    made.wait_well()
    yield made.places[-1]


def lead(made: World, place: Place) -> None:
    """Returns when that process leads; the others have been started anew."""
    others = [other for other in made.places if other is not place]
    for other in others:
        other.stop()
    wait_until(lambda: made.leader() is place, "leader with a wrong clock")
    for other in others:
        other.fill()
    made.wait_well()


def work_and_die(made: World, rng: random.Random, times: int = 3) -> list[Injection]:
    """Jobs that wait for a retry, and jobs whose worker dies; each must be brought back by the leader."""
    injections = []
    for _ in range(times):
        made.wait_well()
        made.ask(5, "breaking", how="raises an error without words", times=2)
        made.ask(30, seconds=1)
        made.wait_busy(12)
        injections.append(kill_a_worker(made, rng))
        made.settle()
    return injections


def no_time_is_wrong(made: World) -> bool:
    wrong_times = "created_at > started_at or started_at > completed_at or completed_at > clock_timestamp()"
    return made.count(f"{wrong_times} or completed_at < clock_timestamp() - interval '50 min'") == 0


@WRONG
def test_a_worker_whose_clock_is_wrong_disturbs_nobody(by_s: int, tmp_path: Path):
    with world(tmp_path, workers=1) as made, wrong(made, by_s):
        judge(f"a worker's clock off by {by_s / HOUR_S:+g} h", made, work_and_die(made, random.Random(1)))
        assert no_time_is_wrong(made)
        assert made.count("status <> 'completed'") == 0


@WRONG
def test_a_leader_whose_clock_is_wrong_does_its_duties_and_hands_them_on(by_s: int, tmp_path: Path):
    with world(tmp_path, workers=1) as made, wrong(made, by_s) as place:
        if by_s > 0:  # it is the first leader ever, and others find what it has planned; else it finds what others have
            made.rows("delete from apscheduler_tasks")
        lead(made, place)
        injections = work_and_die(made, random.Random(1))
        place.end()
        made.places.remove(place)
        made.wait_well()
        injections += work_and_die(made, random.Random(2))
        judge(f"the leader's clock off by {by_s / HOUR_S:+g} h", made, injections)
        assert no_time_is_wrong(made)
        assert made.count("status <> 'completed'") == 0
