"""Mixes faults at random: at each step one of a worker, one of the database, or both at the same time."""

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.faults.injection import Fault, Injection
from tests.faults.world import World


@dataclass(frozen=True, slots=True)
class Plan:
    """At least `faults` of these kinds, with `jobs` jobs asked for along the way, in lots of one length of `runs_s`.

    The same seed makes the same choices.
    """

    faults: int
    jobs: int
    seed: int
    on_workers: Mapping[str, Fault]
    on_the_database: Mapping[str, Fault]
    runs_s: Sequence[float]


def torment(world: World, plan: Plan) -> list[Injection]:
    rng, injections = random.Random(plan.seed), list[Injection]()
    with ThreadPoolExecutor(2) as both:
        while len(injections) < plan.faults:
            world.tend()
            due = plan.jobs * len(injections) // plan.faults - len(world.asked)
            world.ask(due, rng.choice(["attentive", "deaf"]), seconds=rng.choice(plan.runs_s))
            injections += _happen(both, world, plan, rng)
    world.ask_again()
    world.ask(plan.jobs - len(world.asked), "attentive", seconds=0.1)
    return injections


def _happen(both: ThreadPoolExecutor, world: World, plan: Plan, rng: random.Random) -> Iterator[Injection]:
    workers, database = plan.on_workers, plan.on_the_database
    kinds = rng.choice([[workers], [database], [workers, database]])
    chosen = [rng.choice(list(kind.values())) for kind in kinds]
    under_way = [both.submit(fault, world, random.Random(rng.random())) for fault in chosen]
    return (one.result() for one in under_way)
