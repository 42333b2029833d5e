"""Clients of an embedded PostgreSQL, and a look at the processes and data that belong to it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest

from jobs.db import embedded, keeper

CHECKOUT = Path(embedded.__file__).parents[2]
DEADLINE_S = 40.0
CLIENT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from jobs.db import embedded
database = embedded.start(Path(sys.argv[2]))
print(database.url, flush=True)
sys.stdin.read()
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes by /proc, as on Linux")


class Client:
    """A process that uses the database of `data_dir` until it is told to end."""

    def __init__(self, data_dir: Path, **options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(CHECKOUT), str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | options,
            start_new_session=True,  # as in a terminal of its own
        )

    def url(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line, self.process.communicate()[1]
        return line

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.communicate()


def wait_until(claim: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def processes_in(directory: Path) -> list[int]:
    """Pids of the processes that were started for `directory`; not backends, whose titles name no path."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [pid for pid in pids if f"{directory}/" in keeper.command_line(pid)]


def pid_of(data_dir: Path, word: str) -> int:
    """The process of `data_dir` whose command line begins with a program or script called `word`."""
    for pid in processes_in(data_dir):
        if f"{word} " in keeper.command_line(pid):
            return pid
    pytest.fail(f"no {word} runs for {data_dir}")


def let_the_keeper_look(data_dir: Path) -> None:
    """Returns when the keeper has woken up often enough to have looked for clients once, from now on."""
    status = Path(f"/proc/{pid_of(data_dir, 'keeper.py')}/status")

    def times_woken() -> int:
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read_text(), re.MULTILINE)[1])

    before = times_woken()
    wait_until(lambda: times_woken() >= before + 2)


def postmaster_of(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def embedded_url(data_dir: Path) -> str:
    """Where the database of `data_dir` answers; asking for it does not keep it running."""
    return f"postgresql://postgres@/postgres?host={data_dir}/postgres/socket&port=5432"


def ask(url: str, *statements: str) -> object:
    """The first column of the last statement's first row; None when it has no rows."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def answers(url: str) -> bool:
    with suppress(psycopg2.OperationalError):
        return ask(url, "select true") is True
    return False


def remember(url: str, value: str) -> None:
    ask(url, "drop table if exists kept", "create table kept (value text)", f"insert into kept values ('{value}')")


def remembered(url: str) -> object:
    return ask(url, "select string_agg(value, ' ' order by value) from kept")


@contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    """The file with another text in it, for a while."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)
