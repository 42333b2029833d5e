"""A server as a process of its own, and how a test talks with it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from tests.api.kit import PREFIX, SECRET

ROOT = Path(__file__).resolve().parents[2]


def until(claim: Callable[[], Any], what: str, deadline_s: float = 30.0) -> Any:
    """Waits until `claim` holds; returns what it returned."""
    end = time.monotonic() + deadline_s
    while not (found := claim()):
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)
    return found


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


class Served:
    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        port: int = 0,
        threads: int = 4,
        budget_s: int = 60,
        files: int = 1024,
        can_have_more_files: bool = True,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._out, self._log = folder / "out", folder / "log"
        settings = {"DATABASE_URL": database_url, "JWT_SECRET": SECRET, "YARD_SCHEDULER__STOP_BUDGET_S": str(budget_s)}
        neutral = {name: value for name, value in os.environ.items() if not name.startswith(("YARD_", "PORT"))}
        command = [sys.executable, "-m", "tests.api.served", str(port), str(threads)]
        with self._out.open("wb") as out, self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", f'ulimit -{"S" if can_have_more_files else ""}n {files}; exec "$@"', "sh", *command],
                cwd=ROOT,
                env={**neutral, **settings, **environ},
                stdout=out,
                stderr=log,
                start_new_session=True,
            )

    def said(self, word: str) -> list[int]:
        """Which processes said it, in order."""
        return [int(line.split()[1]) for line in self.lines() if line.startswith(word + " ")]

    def lines(self) -> list[str]:
        return self._out.read_text().splitlines()

    def log(self) -> str:
        return self._log.read_text()

    def port(self) -> int:
        found = until(lambda: re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log()), "the address")
        return int(found[1])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port(), timeout=20)

    def get(self, path: str) -> tuple[int, Any]:
        with closing(self.connect()) as connection:
            return asked(connection, path)

    def worker(self) -> int:
        """The newest worker process, once it serves."""
        until(self.serves, "an answer")
        return self.said("start")[-1]

    def serves(self) -> bool:
        try:
            return self.get(f"{PREFIX}/livez")[0] == 200
        except OSError:
            return False

    def release(self) -> None:
        assert self.get("/release") == (200, {"released": True})

    def ends(self) -> int:
        return self.process.wait(30)

    def clean_up(self) -> None:
        with suppress(ProcessLookupError):  # all at once: a parent would replace its worker
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def asked(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())
