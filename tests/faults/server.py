"""A PostgreSQL that a test may restart, freeze and kill."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

from jobs.db import binaries
from tests.processes import free_port, wait_until

SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "100", "log_min_messages": "fatal", "timezone": "UTC"}


class Server:
    """A cluster of its own with fsync on, reached over TCP at `url`; `close` deletes it."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))  # where PostgreSQL's user can enter
        self._runner = binaries.account(self._home / "none yet")
        if self._runner.uid is not None:
            shutil.chown(self._home, self._runner.uid, self._runner.gid)
        self._programs = binaries.find(None, None, self._runner)
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        made = self._runner.run(self._programs / "initdb", "-D", self._home / "data", *options)
        assert made.returncode == 0, made.stderr
        self._port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        words = ["-D", str(self._home / "data"), "-k", str(self._home), "-p", str(self._port), *settings]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *words],
                user=self._runner.uid,
                group=self._runner.gid,
                extra_groups=self._runner.groups,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, "answer of PostgreSQL")

    def stop(self, how: signal.Signals) -> None:
        """SIGINT is a fast shutdown; SIGQUIT an immediate one, with recovery at the start."""
        self._process.send_signal(how)
        self._process.wait(timeout=30)

    def restart(self, how: signal.Signals) -> None:
        self.stop(how)
        self.start()

    def freeze(self, for_s: float) -> None:
        """No process of it runs; connections stay open and nobody answers."""
        pids = [self._process.pid, *_children(self._process.pid)]
        _signal(pids, signal.SIGSTOP)
        time.sleep(for_s)
        _signal(pids, signal.SIGCONT)

    def close(self) -> None:
        _signal([self._process.pid], signal.SIGQUIT)
        self._process.wait(timeout=30)
        shutil.rmtree(self._home)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
