"""Mixes faults at random: at each step one of a worker, one of the database, or both at the same time."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.faults.faults import ON_THE_DATABASE, ON_WORKERS, Injection
from tests.faults.world import LEASE_S, World


def torment(world: World, *, faults: int, jobs: int, seed: int) -> list[Injection]:
    """At least `faults` faults, with `jobs` jobs asked for along the way; the same seed makes the same choices."""
    rng, injections = random.Random(seed), list[Injection]()
    with ThreadPoolExecutor(2) as both:
        while len(injections) < faults:
            world.tend()
            due = jobs * len(injections) // faults - len(world.asked)
            world.ask(due, rng.choice(["attentive", "deaf"]), seconds=rng.choice([0.1, 0.3, 1.5 * LEASE_S]))
            injections += _happen(both, world, rng)
    world.ask_again()
    world.ask(jobs - len(world.asked), "attentive", seconds=0.1)
    return injections


def _happen(both: ThreadPoolExecutor, world: World, rng: random.Random) -> Iterator[Injection]:
    kinds = rng.choice([[ON_WORKERS], [ON_THE_DATABASE], [ON_WORKERS, ON_THE_DATABASE]])
    chosen = [rng.choice(list(kind.values())) for kind in kinds]
    under_way = [both.submit(fault, world, random.Random(rng.random())) for fault in chosen]
    return (one.result() for one in under_way)
