"""Each fault once: it happens, lasts for its time, and is over when the function returns."""

import contextlib
import random
import signal
import time

from tests.faults.database import (
    end_connections_at_random,
    freeze_the_database,
    leave_a_transaction_open,
    lock_a_queued_job,
    lock_a_running_job,
    lock_the_table,
    lose_notifications,
    only_read,
    restart_fast,
    restart_immediately,
    use_up_all_connections,
)
from tests.faults.injection import Fault, Injection
from tests.faults.network import (
    cut_after_claim,
    cut_after_complete,
    cut_before_claim,
    cut_before_complete,
    one_worker,
    reset_a_worker,
    slow_the_database,
)
from tests.faults.world import LEASE_S, Place, World
from tests.processes import wait_until
from tests.scheduler.proxy import Proxy

SHORT_S = LEASE_S / 2


def kill_a_worker(world: World, rng: random.Random) -> Injection:
    return _kill(rng.choice(world.places[1:]))


def kill_the_leader(world: World, rng: random.Random) -> Injection:
    return _kill(world.leader() or rng.choice(world.places))


def kill_the_only_process(world: World, _: random.Random) -> Injection:
    """Over when the process that takes its place is heard of for the first time."""
    before = world.heard()
    injection = _kill(world.places[0])
    wait_until(lambda: world.heard() - before, "new process")
    return Injection(injection.at, time.monotonic(), injection.victims)


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


ON_WORKERS: dict[str, Fault] = {
    "kill -9 of a worker": kill_a_worker,
    "kill -9 of the leader": kill_the_leader,
    "SIGTERM of a worker": stop_a_worker,
    "worker stopped past its lease": pause_a_worker_past_its_lease,
    "worker and database hear nothing of one another for 1.5 leases": one_worker(Proxy.freeze, LEASE_S + 1),
    "worker's requests are held up for 1.5 leases": one_worker(Proxy.hold_requests, LEASE_S + 1),
    "answers to a worker are held up for 1.5 leases": one_worker(Proxy.hold_answers, LEASE_S + 1),
    "worker cut off for 1.5 leases": one_worker(Proxy.cut, LEASE_S + 1),
    "answers to a worker are lost": one_worker(Proxy.cut_at_answer, SHORT_S),
    "worker's connections reset for 3 s": reset_a_worker,
    "worker's line slow by 300 ms": one_worker(lambda proxy: proxy.delay(0.3), LEASE_S + 1),
    "connection cut before the server hears of results": cut_before_complete,
    "connection cut after the commit of results": cut_after_complete,
    "connection cut before the server hears of a claim": cut_before_claim,
    "connection cut after the commit of a claim": cut_after_claim,
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
    "a queued job's row locked": lock_a_queued_job,
    "a running job's row locked": lock_a_running_job,
    "no connection left": use_up_all_connections,
    "server only reads for 1.5 leases": only_read,
}
OVERTAKEN = (  # faults after which a worker comes back with results of runs that it has lost
    "worker stopped past its lease",
    "worker and database hear nothing of one another for 1.5 leases",
    "worker's requests are held up for 1.5 leases",
    "worker cut off for 1.5 leases",
)
