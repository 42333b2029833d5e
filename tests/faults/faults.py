"""Each fault once: it happens, lasts for its time, and is over when the function returns."""

import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg2

from tests.faults.world import LEASE_S, Place, World

SHORT_S = LEASE_S / 2


@dataclass(frozen=True, slots=True)
class Injection:
    """`victims`: the processes whose runs it took; empty when it took all processes' database."""

    at: float
    over: float
    victims: frozenset[int] = frozenset()


Fault = Callable[[World, random.Random], Injection]


def kill_a_worker(world: World, rng: random.Random) -> Injection:
    return _kill(rng.choice(world.places[1:]))


def kill_the_leader(world: World, rng: random.Random) -> Injection:
    return _kill(world.leader() or rng.choice(world.places))


def kill_the_only_process(world: World, _: random.Random) -> Injection:
    return _kill(world.places[0])


def _kill(place: Place) -> Injection:
    victims, at = frozenset(place.pids()), time.monotonic()
    place.end()
    place.fill()
    return Injection(at, at, victims)


def stop_a_worker(world: World, rng: random.Random) -> Injection:
    """SIGTERM, and a new process once the old one is gone."""
    place = rng.choice(world.places[1:])
    victims, at = frozenset(place.pids()), time.monotonic()
    if place.process.poll() is None:
        place.stop()
    over = time.monotonic()
    place.fill()
    return Injection(at, over, victims)


def pause_a_worker_past_its_lease(world: World, rng: random.Random) -> Injection:
    place = rng.choice(world.places[1:])
    victims, at = frozenset(place.pids()), time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        place.signal(signal.SIGSTOP)
        time.sleep(LEASE_S + 1.5)
        place.signal(signal.SIGCONT)
    return Injection(at, time.monotonic(), victims)


def restart_fast(world: World, _: random.Random) -> Injection:
    at = time.monotonic()
    world.server.restart(signal.SIGINT)
    return Injection(at, time.monotonic())


def restart_immediately(world: World, _: random.Random) -> Injection:
    at = time.monotonic()
    world.server.restart(signal.SIGQUIT)
    return Injection(at, time.monotonic())


def freeze_the_database(world: World, _: random.Random) -> Injection:
    at = time.monotonic()
    world.server.freeze(3 * LEASE_S)
    return Injection(at, time.monotonic())


def end_connections_at_random(world: World, rng: random.Random) -> Injection:
    at = time.monotonic()
    while time.monotonic() < at + 3:
        world.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where backend_type = 'client backend' and pid <> pg_backend_pid() and random() < 0.3"
        )
        time.sleep(rng.uniform(0.02, 0.2))
    return Injection(at, time.monotonic())


def lose_notifications(world: World, _: random.Random) -> Injection:
    """The connections that listen end; what is said before they are back is heard by nobody."""
    at = time.monotonic()
    world.rows("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'")
    world.ask(3, seconds=0.1)
    return Injection(at, time.monotonic())


def blackhole_a_worker(world: World, rng: random.Random) -> Injection:
    return _partition(rng.choice(world.places[1:]), Place.blackhole, LEASE_S + 1)


def cut_a_worker_off(world: World, rng: random.Random) -> Injection:
    return _partition(rng.choice(world.places[1:]), Place.cut, LEASE_S + 1)


def lose_answers_of_a_worker(world: World, rng: random.Random) -> Injection:
    """What it asks reaches the database, and no answer comes back."""
    return _partition(rng.choice(world.places[1:]), Place.lose_answers, SHORT_S)


def _partition(place: Place, how: Callable[[Place], None], for_s: float) -> Injection:
    victims, at = frozenset(place.pids()), time.monotonic()
    how(place)
    time.sleep(for_s)
    place.proxy.mend()
    return Injection(at, time.monotonic(), victims)


def slow_the_database(world: World, _: random.Random) -> Injection:
    at = time.monotonic()
    for place in world.places:
        place.proxy.delay(0.2)
    time.sleep(3)
    for place in world.places:
        place.proxy.mend()
    return Injection(at, time.monotonic())


def leave_a_transaction_open(world: World, _: random.Random) -> Injection:
    return _hold(world, "set transaction isolation level repeatable read; select count(*), txid_current() from ai_jobs")


def lock_the_table(world: World, _: random.Random) -> Injection:
    return _hold(world, "lock table ai_jobs in access exclusive mode")


def _hold(world: World, statement: str) -> Injection:
    """For a time that is shorter than a lease, as 20 s are; one that is not given the lock goes without it."""
    at = time.monotonic()
    with contextlib.suppress(psycopg2.Error), contextlib.closing(psycopg2.connect(world.server.url)) as conn:
        conn.cursor().execute(f"set lock_timeout = '5s'; {statement}")
        time.sleep(LEASE_S * 20 / 30)
    return Injection(at, time.monotonic())


def use_up_all_connections(world: World, _: random.Random) -> Injection:
    """Those that the fleet has are ended first, so that it must open new ones."""
    at, taken = time.monotonic(), list[psycopg2.extensions.connection]()
    world.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where backend_type = 'client backend' and pid <> pg_backend_pid()"
    )
    with contextlib.suppress(psycopg2.OperationalError):
        while True:
            taken.append(psycopg2.connect(world.server.url, connect_timeout=2))
    time.sleep(SHORT_S)
    for conn in taken:
        conn.close()
    return Injection(at, time.monotonic())


ON_WORKERS: dict[str, Fault] = {
    "kill -9 of a worker": kill_a_worker,
    "kill -9 of the leader": kill_the_leader,
    "SIGTERM of a worker": stop_a_worker,
    "worker stopped past its lease": pause_a_worker_past_its_lease,
    "worker hears nothing for 1.5 leases": blackhole_a_worker,
    "worker cut off for 1.5 leases": cut_a_worker_off,
    "worker's answers are lost": lose_answers_of_a_worker,
}
ON_THE_DATABASE: dict[str, Fault] = {
    "PostgreSQL restarted, fast": restart_fast,
    "PostgreSQL restarted, immediate": restart_immediately,
    "PostgreSQL frozen for three leases": freeze_the_database,
    "connections ended at random for 3 s": end_connections_at_random,
    "NOTIFY lost": lose_notifications,
    "database slow by 200 ms": slow_the_database,
    "transaction left open": leave_a_transaction_open,
    "table locked for 2/3 of a lease": lock_the_table,
    "no connection left": use_up_all_connections,
}
OVERTAKEN = (  # faults after which a worker comes back with results of runs that it has lost
    "worker stopped past its lease",
    "worker hears nothing for 1.5 leases",
    "worker cut off for 1.5 leases",
)
