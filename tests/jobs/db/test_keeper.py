"""Who may die, and what is left then: with real processes and real signals."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.db import binaries, embedded, keeper
from tests.jobs.db import private

pytestmark = private.needs_proc


def test_a_database_that_need_not_last_is_deleted_after_its_last_client(data_dir: Path):
    database = embedded.start(data_dir, durable=False)
    with database.lock:
        assert private.ask(database.url, "show fsync") == "off"
    private.wait_until(lambda: not private.processes_in(data_dir))
    assert sorted(path.name for path in (data_dir / "scratch").iterdir() if path.is_dir()) == ["socket"]


def test_a_database_that_need_not_last_is_not_the_one_that_lasts(made: Path):
    with embedded.start(made).lock:
        private.remember(private.embedded_url(made), "kept")
        scratch = embedded.start(made, durable=False)
        with scratch.lock:
            assert private.ask(scratch.url, "select to_regclass('kept')") is None
    private.wait_until(lambda: not private.processes_in(made))
    database = embedded.start(made)
    with database.lock:
        assert private.remembered(database.url) == "kept"


def test_a_killed_client_leaves_the_database_to_the_others(made: Path, client: Callable[..., private.Client]):
    killed, other = client(), client()
    private.remember(killed.url(), "before")
    url = other.url()
    server = private.postmaster_of(made)
    killed.end(signal.SIGKILL)
    private.let_the_keeper_look(made)
    assert private.remembered(url) == "before"
    assert private.postmaster_of(made) == server


def test_ctrl_c_in_the_terminal_that_started_it_leaves_the_database_to_the_others(
    made: Path, client: Callable[..., private.Client]
):
    first = client()
    url = first.url()
    with embedded.start(made).lock:
        os.killpg(first.process.pid, signal.SIGINT)
        first.process.communicate()
        private.let_the_keeper_look(made)
        assert private.ask(url, "select 1") == 1


def test_nothing_is_left_when_the_last_client_is_killed(made: Path, client: Callable[..., private.Client]):
    only = client()
    only.url()
    server = private.postmaster_of(made)
    only.end(signal.SIGKILL)
    private.wait_until(lambda: not private.processes_in(made) and not keeper.command_line(server))


def test_a_killed_keeper_takes_the_server_along_and_the_next_start_has_the_data(
    made: Path, client: Callable[..., private.Client]
):
    holder = client()
    private.remember(holder.url(), "kept")
    server = private.postmaster_of(made)
    os.kill(private.pid_of(made, "keeper.py"), signal.SIGKILL)
    private.wait_until(lambda: not keeper.command_line(server))
    database = embedded.start(made)
    with database.lock:
        assert private.remembered(database.url) == "kept"


def test_a_killed_server_comes_back_for_the_clients_that_it_has(made: Path, client: Callable[..., private.Client]):
    url = client().url()
    private.remember(url, "kept")
    server = private.postmaster_of(made)
    os.kill(server, signal.SIGKILL)
    private.wait_until(lambda: private.answers(url))
    assert private.remembered(url) == "kept"
    assert private.postmaster_of(made) != server


def test_a_server_without_a_keeper_is_replaced(made: Path):
    """As where no kernel stops it when its keeper is killed."""
    home = made / "postgres"
    runner = binaries.account(home / "data")
    programs = binaries.find(None, None, runner)
    command = keeper.postgres_command(home / "data", home / "socket", programs, durable=True)
    orphan = subprocess.Popen(command, user=runner.uid, cwd="/")
    private.wait_until(lambda: private.answers(private.embedded_url(made)))
    database = embedded.start(made)
    with database.lock:
        assert orphan.wait() == 0
        assert private.ask(database.url, "select 1") == 1


def test_all_of_them_killed_at_once_still_leaves_the_data(made: Path, client: Callable[..., private.Client]):
    holder = client()
    private.remember(holder.url(), "kept")
    victims = [private.pid_of(made, "keeper.py"), private.postmaster_of(made)]
    holder.end(signal.SIGKILL)
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    database = embedded.start(made)
    with database.lock:
        assert private.remembered(database.url) == "kept"


@pytest.mark.parametrize("name", ["data/postmaster.pid", "socket/.s.PGSQL.5432.lock"])
def test_a_pid_file_that_names_another_process_is_not_believed(made: Path, name: str):
    """As after a reboot, which gives the old number to somebody else."""
    home = made / "postgres"
    owner = (home / "data").stat()
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
    try:
        (home / name).write_text(f"{stranger.pid}\n{home}/data\n{int(time.time())}\n5432\n{home}/socket\n\n\n")
        os.chown(home / name, owner.st_uid, owner.st_gid)
        database = embedded.start(made)
        with database.lock:
            assert private.ask(database.url, "select 1") == 1
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_server_is_not_believed(made: Path):
    """A container whose first process buries nobody keeps them: the number still exists."""
    home = made / "postgres"
    owner = (home / "data").stat()
    zombie = subprocess.Popen(["true"], user=owner.st_uid if os.geteuid() == 0 else None)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    (home / "data" / "postmaster.pid").write_text(f"{zombie.pid}\n{home}/data\n")
    os.chown(home / "data" / "postmaster.pid", owner.st_uid, owner.st_gid)
    database = embedded.start(made)
    with database.lock:
        assert private.ask(database.url, "select 1") == 1
    zombie.wait()


def test_the_server_does_not_learn_the_secrets_of_who_started_it(client: Callable[..., private.Client]):
    url = client(OPENAI_API_KEY="a secret").url()
    make, fill = "create temp table env (line text)", "copy env from program 'env'"
    told = str(private.ask(url, make, fill, "select string_agg(line, ' ') from env"))
    assert "PATH" in told
    assert "secret" not in told
