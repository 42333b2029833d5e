"""Everybody at once at a few jobs: users that cancel and requeue, workers with late and stale writes, a reaper."""

import random
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, text

from jobs.db.engine import autocommit
from tests.jobs import kit, races
from tests.jobs.races import Told

JOBS = 40
LOSE_SOME = """
update ai_jobs set lease_expires_at = clock_timestamp() - interval '1 second'
 where id in (select id from ai_jobs where status = 'processing' and random() < 0.3 for no key update skip locked)
"""
ENDS = [races.complete, races.give_up, races.give_up, races.fail, races.fail, races.release, races.release]
Actor = Callable[[Connection, random.Random, Sequence[str], int], list[Told]]


def crowd(engine: Engine, *, cancels: int, seed: int) -> list[Told]:
    """Every user cancels so often, and all others take about as many steps."""
    with autocommit(engine) as conn:
        ids = races.make_jobs(conn, JOBS)

    def act(own: Connection, number: int) -> list[Told]:
        return ACTORS[number](own, random.Random(f"{seed} {number}"), ids, cancels)

    return [one for told in kit.at_once(engine, len(ACTORS), act) for one in told]


def user(conn: Connection, chance: random.Random, ids: Sequence[str], steps: int) -> list[Told]:
    told = []
    for _ in range(steps):
        told += races.cancel(conn, [chance.choice(ids)])
        told += races.requeue(conn, [chance.choice(ids)])
    return told


def worker(conn: Connection, chance: random.Random, ids: Sequence[str], steps: int) -> list[Told]:
    """Ends its runs in all ways, or not at all; and some of them again, much later."""
    told, ever = list[Told](), list[Told]()
    for _ in range(steps):
        mine = races.claim(conn, ids[:3])
        told += mine
        ever += mine
        for run in [*mine, *chance.sample(ever, min(2, len(ever)))]:
            told += _end(conn, chance, run)
    return told


def _end(conn: Connection, chance: random.Random, run: Told) -> list[Told]:
    end = chance.choice([*ENDS, None])
    return end(conn, [run.job_id], run.claim_seq or 0) if end else []


def reaper(conn: Connection, _chance: random.Random, ids: Sequence[str], steps: int) -> list[Told]:
    told = []
    for _ in range(steps):
        conn.execute(text(LOSE_SOME))
        told += races.reap(conn, ids)
    return told


ACTORS: list[Actor] = [user, user, worker, worker, reaper]
