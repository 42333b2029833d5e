"""The embedded PostgreSQL as a caller sees it: with real processes in real directories."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from psycopg2.extensions import parse_dsn

from jobs.db import embedded, keeper
from jobs.errors import SetupError
from tests.jobs.db import private

pytestmark = private.needs_proc


def test_an_empty_directory_becomes_a_database_without_tcp(data_dir: Path):
    database = embedded.start(data_dir)
    with database.lock:
        assert private.ask(database.url, "show listen_addresses") == ""
        assert private.ask(database.url, "show fsync") == "on"
        assert private.ask(database.url, "show max_connections") == "200"


def test_two_clients_share_one_database_and_it_ends_with_the_second(made: Path, client: Callable[..., private.Client]):
    first, second = client(), client()
    private.remember(first.url(), "shared")
    assert private.remembered(second.url()) == "shared"
    server = private.postmaster_of(made)
    first.end()
    private.let_the_keeper_look(made)
    assert private.remembered(private.embedded_url(made)) == "shared"
    assert private.postmaster_of(made) == server
    second.end()
    private.wait_until(lambda: not private.processes_in(made))


def test_half_an_initdb_never_counts(data_dir: Path):
    killed = private.Client(data_dir)
    private.wait_until(lambda: list(data_dir.glob("postgres/*/PG_VERSION")))
    killed.end(signal.SIGKILL)
    for pid in private.processes_in(data_dir):  # initdb and what it runs, as when the machine goes down
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    database = embedded.start(data_dir)
    with database.lock:
        assert private.ask(database.url, "select 1") == 1
        assert not list(data_dir.glob("postgres/draft-*"))


def test_ten_processes_that_start_at_once_on_nothing_get_one_database(data_dir: Path):
    clients = [private.Client(data_dir) for _ in range(10)]
    try:
        urls = {one.url() for one in clients}
        assert len(urls) == 1
        assert private.ask(urls.pop(), "select 1") == 1
        assert sum("keeper.py " in keeper.command_line(pid) for pid in private.processes_in(data_dir)) == 1
    finally:
        for one in clients:
            one.end(signal.SIGKILL)


@pytest.mark.parametrize("name", ["x" * 100, "of two hosts, by its comma"])
def test_a_path_that_no_socket_can_have_works(made: Path, name: str):
    strange = made.parent / name
    strange.mkdir()
    (made / "postgres").rename(strange / "postgres")
    database = embedded.start(strange)
    with database.lock:
        assert private.ask(database.url, "select 1") == 1
    private.wait_until(lambda: not private.processes_in(strange))
    (strange / "postgres").rename(made / "postgres")
    shutil.rmtree(parse_dsn(database.url)["host"])


def test_postgresql_variables_in_the_environment_change_nothing(client: Callable[..., private.Client]):
    url = client(PGPORT="5999", PGDATABASE="elsewhere", PGDATA="/nowhere").url()
    assert client().url() == url
    assert private.ask(url, "select current_database()") == "postgres"


def test_a_broken_cluster_says_what_postgresql_said(made: Path):
    settings = made / "postgres" / "data" / "postgresql.conf"
    with private.changed(settings, "nonsense = 1\n"), pytest.raises(SetupError, match="nonsense"):
        embedded.start(made)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="YARD_DATA_DIR"):
        embedded.start(tmp_path / "file")


def test_the_lock_can_outlive_an_exec(made: Path):
    script = private.CLIENT.replace("sys.stdin.read()", "database.inheritable()\nimport os\nos.execlp('cat', 'cat')")
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(private.CHECKOUT), str(made)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    url = process.stdout.readline().strip()
    private.wait_until(lambda: "cat" in keeper.command_line(process.pid)[:4])
    server = private.postmaster_of(made)
    private.let_the_keeper_look(made)
    assert private.ask(url, "select 1") == 1
    assert private.postmaster_of(made) == server
    process.communicate()
    private.wait_until(lambda: not private.processes_in(made))
