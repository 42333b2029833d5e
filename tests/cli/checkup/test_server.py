"""Faults of the server, seeded in a real one: each is found, and without it nothing is."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from cli.checkup import capacity, notify, reach, schema, vacuum
from cli.checkup import server as check_server
from cli.checkup.ground import Bounds, looking
from tests.cli.checkup.conftest import Setup, only, run
from tests.cli.checkup.pooler import PROGRAM, pooler
from tests.conftest import create_database, drop_database, with_database
from tests.faults.server import Server
from tests.processes import wait_until
from tests.scheduler.proxy import Proxy

SOON = Bounds(held_s=0.05, held_xids=1)
HEALTHY = [
    check_server.version, check_server.writable, check_server.durable, check_server.clock, check_server.autovacuum, vacuum.tables, vacuum.held_back,
    schema.migrated, notify.heard, capacity.pool, capacity.connections,
]  # fmt: skip


@pytest.mark.parametrize("check", HEALTHY, ids=lambda check: f"{check.__module__.rpartition('.')[2]}.{check.__name__}")
def test_nothing_is_found_in_a_healthy_server(setup: Setup, check):
    assert setup.look(check) == []


# --- its address


@pytest.fixture(scope="module")
def guarded(server: Server) -> Iterator[str]:
    """The address of a user from whom the server wants a password, with the right one."""
    hba = Path(server._home / "data" / "pg_hba.conf")
    before = hba.read_text()
    run(server.url, "create role guarded login password 'right'")
    hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + before)
    run(server.url, "select pg_reload_conf()")
    yield server.url.replace("postgres@", "guarded:right@")
    hba.write_text(before)
    run(server.url, "select pg_reload_conf()", "drop role guarded")


def unreachable(url: str):
    found = reach.unreachable(url, variable="DATABASE_URL", connect_timeout_s=2)
    return found and only([found])


def test_a_wrong_password_is_found_and_not_shown(guarded: str):
    assert unreachable(guarded) is None
    found = unreachable(guarded.replace("right", "wrong-one"))
    assert "refuses the user or the password" in found.what
    assert "DATABASE_URL" in found.cure
    assert "wrong-one" not in str(found)
    assert "127.0.0.1" in found.where


def test_other_faults_of_an_address_are_told_apart(server: Server):
    assert "no database of that name" in unreachable(with_database(server.url, "no_such_database")).what
    assert "no such user" in unreachable(server.url.replace("postgres@", "nobody_here@")).what
    assert "does not run there" in unreachable("postgresql://me@127.0.0.1:1/x").what
    assert "has no address" in unreachable("postgresql://me@no-such-host.invalid/x").what
    assert "the address is not one" in unreachable("postgresql://me@127.0.0.1:port/x").what


def test_a_server_that_says_nothing_is_found(server: Server):
    proxy = Proxy(server.url)
    proxy.freeze()
    assert "does not answer" in unreachable(proxy.url).what
    proxy.close()


@pytest.mark.parametrize(
    "password", ["one/canary", "one@canary", "one%canary", "one:canary", "4711/canary", "one canary", "#canary"]
)
def test_half_of_a_password_with_special_characters_is_not_shown(password: str):
    found = unreachable(f"postgresql://me:{password}@127.0.0.1:1/x")
    assert "canary" not in str(found)
    assert "4711" not in str(found)


# --- its version, and whether it takes and keeps what is written


def test_an_old_server_is_found(setup: Setup):
    found = only(setup.look(check_server.version, bounds=Bounds(oldest_server=990000)))
    assert "99 or newer is needed" in found.what


def test_read_only_sessions_are_found(setup: Setup):
    with setup.with_database("default_transaction_read_only = on"):
        assert "begin read-only" in only(setup.look(check_server.writable)).what


def test_a_standby_is_found(setup: Setup, server: Server):
    signal_file = server._home / "data" / "standby.signal"
    signal_file.touch()
    server.restart(signal.SIGINT)
    try:
        assert "standby" in only(setup.look(check_server.writable)).what
    finally:
        signal_file.unlink()
        server.restart(signal.SIGINT)


def test_commits_that_nobody_waits_for_are_found(setup: Setup):
    with setup.with_database("synchronous_commit = off"):
        assert "synchronous_commit is off" in only(setup.look(check_server.durable)).what


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("fsync", check_server.durable),
        ("autovacuum", check_server.autovacuum),
        ("track_counts", check_server.autovacuum),
    ],
)
def test_settings_of_the_server_that_are_off_are_found(setup: Setup, server: Server, name: str, check):
    run(server.url, f"alter system set {name} = off", "select pg_reload_conf()")
    try:
        wait_until_set(setup, name, "off")
        assert f"{name} is off" in only(setup.look(check)).what
    finally:
        run(server.url, f"alter system reset {name}", "select pg_reload_conf()")
        wait_until_set(setup, name, "on")


def wait_until_set(setup: Setup, name: str, value: str) -> None:
    """A reload reaches new sessions when the postmaster has heard of it."""

    def is_set() -> bool:
        conn = psycopg2.connect(setup.url)
        with conn.cursor() as cursor:
            cursor.execute(f"show {name}")
            found = cursor.fetchone()[0]
        conn.close()
        return found == value

    wait_until(is_set, f"{name} = {value}")


# --- its clock


@pytest.mark.parametrize(("off_s", "told"), [(5, "5.0 s ahead of"), (-5, "5.0 s behind")])
def test_a_clock_that_is_off_is_found(setup: Setup, off_s: float, told: str):
    assert told in only(setup.look(check_server.clock, clock=lambda: time.time() + off_s)).what


def test_a_slow_answer_is_no_wrong_clock(setup: Setup):
    proxy = Proxy(setup.url)
    proxy.delay(0.05)
    assert Setup(proxy.url).look(check_server.clock, bounds=Bounds(skew_s=0.01)) == []
    proxy.close()


# --- its schema


def test_a_schema_that_is_missing_behind_or_ahead_is_found(setup: Setup, server: Server):
    empty_url = create_database(server.url, "empty_one")
    assert "schema is missing" in only(Setup(empty_url).look(schema.migrated)).what
    drop_database(server.url, "empty_one")
    with at_revision(setup, "0001"):
        behind = only(setup.look(schema.migrated))
    assert "the schema is at 0001" in behind.what
    assert "./run migrate" in behind.cure
    with at_revision(setup, "9999"):
        assert "ahead of this release" in only(setup.look(schema.migrated), "note").what


class at_revision:  # noqa: N801 - reads as what it is used for
    def __init__(self, setup: Setup, revision: str) -> None:
        self._url, self._revision = setup.url, revision

    def __enter__(self) -> None:
        run(
            self._url,
            "create table before as table yardmaster_version",
            f"update yardmaster_version set version_num = '{self._revision}'",
        )

    def __exit__(self, *_: object) -> None:
        run(
            self._url,
            "update yardmaster_version set version_num = (select version_num from before)",
            "drop table before",
        )


# --- what it keeps vacuum from


def test_tables_without_autovacuum_are_found(setup: Setup):
    run(
        setup.url,
        "alter table ai_jobs set (autovacuum_enabled = off)",
        "create table others () with (autovacuum_enabled = off)",
    )
    try:
        found = only(setup.look(vacuum.tables))
        assert "switched off for ai_jobs" in found.what
        run(setup.url, found.cure)
        assert setup.look(vacuum.tables) == []
        run(setup.url, "alter table ai_jobs set (toast.autovacuum_enabled = 0)")
        assert "ai_jobs" in only(setup.look(vacuum.tables)).what
    finally:
        run(setup.url, "alter table ai_jobs reset (autovacuum_enabled, toast.autovacuum_enabled)", "drop table others")


def test_an_open_transaction_is_found_and_its_cure_ends_it(setup: Setup):
    conn = psycopg2.connect(setup.url, application_name="a report")
    conn.set_session("REPEATABLE READ")
    conn.cursor().execute("select count(*) from ai_jobs")
    time.sleep(SOON.held_s)
    assert setup.look(vacuum.held_back) == []  # not after so short a time
    found = only(setup.look(vacuum.held_back, bounds=SOON))
    assert "an open transaction" in found.what
    assert "a report" in found.what
    run(setup.url, found.cure.partition(": ")[2].partition(";")[0])
    conn.close()
    assert setup.look(vacuum.held_back, bounds=SOON) == []


def test_a_prepared_transaction_is_found_and_its_cure_ends_it(setup: Setup):
    run(setup.url, "begin", "select txid_current()", "prepare transaction 'it''s left over'")
    time.sleep(SOON.held_s)
    assert setup.look(vacuum.held_back) == []
    found = only(setup.look(vacuum.held_back, bounds=SOON))
    assert "a prepared transaction" in found.what
    run(setup.url, found.cure.partition(": ")[2].partition(" (")[0])
    assert setup.look(vacuum.held_back, bounds=SOON) == []


def test_a_replication_slot_that_nobody_reads_is_found_and_its_cure_ends_it(setup: Setup):
    run(setup.url, "select pg_create_logical_replication_slot('forgotten', 'pgoutput')", "select txid_current()")
    assert setup.look(vacuum.held_back) == []
    found = only(setup.look(vacuum.held_back, bounds=SOON))
    assert "a replication slot ('forgotten')" in found.what
    run(setup.url, found.cure.partition(": ")[2])
    assert setup.look(vacuum.held_back, bounds=SOON) == []


# --- the ways to it


@pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
def test_a_transaction_pooler_without_a_direct_line_is_found(setup: Setup):
    with pooler(setup.url) as through:
        found = only(Setup(through).look(notify.heard, bounds=Bounds(hear_s=0.5)))
        assert "set LISTEN_DATABASE_URL to a direct line" in found.cure
        assert Setup(through).look(notify.heard, environ={"LISTEN_DATABASE_URL": setup.url}) == []
        also = Setup(through).look(notify.heard, environ={"LISTEN_DATABASE_URL": through}, bounds=Bounds(hear_s=0.5))
        assert "not through a pooler" in only(also).cure
        off = Setup(through).look(notify.heard, environ={"YARD_DATABASE__NOTIFY": "false"})
        assert "switched off" in only(off, "note").what


def test_a_direct_line_that_leads_elsewhere_is_found(setup: Setup, server: Server):
    elsewhere = {"LISTEN_DATABASE_URL": server.url}
    found = only(setup.look(notify.heard, environ=elsewhere, bounds=Bounds(hear_s=0.3)))
    assert found.where == "LISTEN_DATABASE_URL"
    nowhere = {"LISTEN_DATABASE_URL": "postgresql://me@127.0.0.1:1/x"}
    assert "LISTEN_DATABASE_URL" in only(setup.look(notify.heard, environ=nowhere)).cure


def test_a_pool_that_is_too_small_for_its_threads_is_found(setup: Setup):
    one = {"YARD_DATABASE__POOL_SIZE": "1", "YARD_API__THREADS": "200"}
    found = only(setup.look(capacity.pool, environ=one))
    assert "200 requests at once" in found.what
    assert "raise database.pool_size to" in found.cure


def test_a_database_that_is_far_away_needs_a_larger_pool(setup: Setup):
    proxy = Proxy(setup.url)
    proxy.delay(0.02)
    far = Setup(proxy.url)
    assert "raise database.pool_size" in only(far.look(capacity.pool)).cure
    assert far.look(capacity.pool, environ={"YARD_DATABASE__POOL_SIZE": "100"}) == []
    proxy.close()


def test_the_doctor_cannot_change_anything(setup: Setup):
    def write(case):
        with looking(case) as conn, pytest.raises(Exception, match="read-only transaction"):
            conn.exec_driver_sql("create table made_by_the_doctor ()")
        return []

    assert setup.look(write) == []
