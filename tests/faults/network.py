"""Faults on the way between one worker and the database, or between all of them and it."""

import contextlib
import random
import time
from collections.abc import Callable

from tests.faults.injection import Fault, Injection
from tests.faults.world import LEASE_S, Place, World
from tests.processes import wait_until
from tests.scheduler.proxy import Proxy

SHORT_S = LEASE_S / 2
COMPLETE, CLAIM = b"-- complete: ", b"-- claim: "  # how these statements begin; each is a transaction of its own


def one_worker(how: Callable[[Proxy], None], for_s: float) -> Fault:
    """A fault of one worker's way that lasts for a time."""

    def happen(world: World, rng: random.Random) -> Injection:
        place = rng.choice(world.places[1:])
        victims, at = frozenset(place.pids()), time.monotonic()
        how(place.proxy)
        time.sleep(for_s)
        place.proxy.mend()
        return Injection(at, time.monotonic(), victims)

    return happen


def reset_a_worker(world: World, rng: random.Random) -> Injection:
    """RST on every connection, time and again."""
    place = rng.choice(world.places[1:])
    victims, at = frozenset(place.pids()), time.monotonic()
    while time.monotonic() < at + 3:
        place.proxy.reset()
        time.sleep(rng.uniform(0.02, 0.3))
    return Injection(at, time.monotonic(), victims)


def slow_the_database(world: World, _: random.Random) -> Injection:
    at = time.monotonic()
    for place in world.places:
        place.proxy.delay(0.2)
    time.sleep(3)
    for place in world.places:
        place.proxy.mend()
    return Injection(at, time.monotonic())


def cut_before_complete(world: World, rng: random.Random) -> Injection:
    return _cut(rng.choice(world.places[1:]), COMPLETE, before=True)


def cut_after_complete(world: World, rng: random.Random) -> Injection:
    return _cut(rng.choice(world.places[1:]), COMPLETE, before=False)


def cut_before_claim(world: World, rng: random.Random) -> Injection:
    return _cut(rng.choice(world.places[1:]), CLAIM, before=True)


def cut_after_claim(world: World, rng: random.Random) -> Injection:
    """What was claimed is in no handler's hands, and its worker lives: the lease alone brings it back."""
    place, at, jobs = rng.choice(world.places[1:]), time.monotonic(), set[str]()
    while not jobs and time.monotonic() < at + 5 * LEASE_S:  # again when what was cut had found no job
        world.ask(6, seconds=0.3)
        over = _cut(place, CLAIM, before=False).over
        jobs = _unheard(world, place)
    return Injection(over, over, jobs=frozenset(jobs))


def _cut(place: Place, words: bytes, *, before: bool) -> Injection:
    """Returns when it has happened, or does not happen because the process has nothing to say."""
    at, cuts = time.monotonic(), place.proxy.cuts
    place.proxy.cut_at(words, before=before)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: place.proxy.cuts > cuts, "cut", LEASE_S)
    place.proxy.mend()
    return Injection(at, time.monotonic())


def _unheard(world: World, place: Place) -> set[str]:
    """Jobs that the process runs, to believe the database, and that no handler begins."""
    mine = "status = 'processing' and split_part(worker_id, '-', -2) = :pid"
    rows = world.rows(f"select id, claim_seq from ai_jobs where {mine}", pid=str(place.process.pid))
    time.sleep(LEASE_S / 6)  # what has just been claimed for a handler is begun by then
    begun = {(mark.job_id, mark.claim_seq) for mark in world.marks()}
    return {str(row.id) for row in rows or () if (str(row.id), row.claim_seq) not in begun}
