"""Faults of the database itself, and of other people's sessions in it."""

import contextlib
import random
import signal
import time

import psycopg2

from tests.faults.injection import Injection
from tests.faults.world import LEASE_S, World
from tests.processes import wait_until

SHORT_S = LEASE_S / 2
OTHERS = "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"


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
        world.rows(f"select pg_terminate_backend(pid) {OTHERS} and random() < 0.3")
        time.sleep(rng.uniform(0.02, 0.2))
    return Injection(at, time.monotonic())


def lose_notifications(world: World, _: random.Random) -> Injection:
    """The connections that listen end; what is said before they are back is heard by nobody."""
    at = time.monotonic()
    world.rows("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'")
    world.ask(3, seconds=0.1)
    return Injection(at, time.monotonic())


def leave_a_transaction_open(world: World, _: random.Random) -> Injection:
    return _hold(world, "set transaction isolation level repeatable read; select count(*), txid_current() from ai_jobs")


def lock_the_table(world: World, _: random.Random) -> Injection:
    return _hold(world, "lock table ai_jobs in access exclusive mode")


def lock_a_queued_job(world: World, _: random.Random) -> Injection:
    return _hold(world, f"{FIRST} where status = 'queued' order by rank, turn, seq limit 1 for update skip locked")


def lock_a_running_job(world: World, _: random.Random) -> Injection:
    return _hold(world, f"{FIRST} where status = 'processing' order by started_at desc limit 1 for update skip locked")


FIRST = "select id from ai_jobs"


def _hold(world: World, statement: str) -> Injection:
    """For a time that is shorter than a lease, as 20 s are; one that is not given the lock goes without it."""
    at = time.monotonic()
    with contextlib.suppress(psycopg2.Error), contextlib.closing(psycopg2.connect(world.server.url)) as conn:
        conn.cursor().execute(f"set lock_timeout = '5s'; {statement}")
        time.sleep(LEASE_S * 20 / 30)
    return Injection(at, time.monotonic())


def use_up_all_connections(world: World, _: random.Random) -> Injection:
    """The fleet's own are ended and taken, until it has none."""
    at, taken = time.monotonic(), list[psycopg2.extensions.connection]()
    with contextlib.suppress(psycopg2.Error):  # a database that is just being restarted has no connection left either
        taken.append(psycopg2.connect(world.server.url, connect_timeout=2))
        taken[0].autocommit = True
        wait_until(lambda: _take_all(world, taken), "fleet without a connection", 20)
        time.sleep(SHORT_S)
    for conn in taken:
        conn.close()
    return Injection(at, time.monotonic())


def _take_all(world: World, taken: list[psycopg2.extensions.connection]) -> bool:
    """Whether the fleet has no connection."""
    with taken[0].cursor() as cursor:
        cursor.execute(f"select pg_terminate_backend(pid) {OTHERS} and application_name = 'yardmaster'")
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                taken.append(psycopg2.connect(world.server.url, connect_timeout=2))
        cursor.execute(f"select count(*) {OTHERS} and application_name = 'yardmaster'")
        return cursor.fetchall() == [(0,)]


def only_read(world: World, _: random.Random) -> Injection:
    """Every transaction of every session, new or old, is refused its writes."""
    at = time.monotonic()
    with contextlib.suppress(psycopg2.Error), contextlib.closing(psycopg2.connect(world.server.url)) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            _reload(cursor, "alter system set default_transaction_read_only = on")
            wait_until(lambda: not _writes(cursor), "server that only reads")
            time.sleep(1.5 * LEASE_S)
            _reload(cursor, "alter system reset default_transaction_read_only")
            wait_until(lambda: _writes(cursor), "server that writes")
    return Injection(at, time.monotonic())


def _reload(cursor: psycopg2.extensions.cursor, statement: str) -> None:
    cursor.execute(statement)
    cursor.execute("select pg_reload_conf()")


def _writes(cursor: psycopg2.extensions.cursor) -> bool:
    """Of this session, which is older than the change."""
    try:
        cursor.execute("update ai_jobs set version = version where false")
    except psycopg2.errors.ReadOnlySqlTransaction:
        return False
    return True
