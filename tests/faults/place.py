"""A real process of the fleet, behind a proxy of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.processes import ROOT, Process, free_port
from tests.scheduler.proxy import Proxy


class Place(Process):
    """A process of the fleet that is started anew after it has ended, as a platform does; it logs into a file."""

    def __init__(self, command: str, env: dict[str, str], log: Path, url: str) -> None:
        self.proxy = Proxy(url)
        self.port = free_port()
        self._words = [sys.executable, str(ROOT / "main.py"), command]
        network = {"YARD_API__PORT": str(self.port), "YARD_API__BIND": "127.0.0.1"}
        self._env = env | network | {"DATABASE_URL": self.proxy.url}
        self.log = log
        self.fill()

    def fill(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._words, env=self._env, cwd=ROOT, start_new_session=True, stdout=log, stderr=log
            )

    def pids(self) -> set[int]:
        """Of the process and of those that it has started."""
        return {
            int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _group(int(entry.name)) == self.process.pid
        }

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def threads(self) -> int:
        return sum(_threads(pid) for pid in self.pids())

    def connections(self) -> int:
        """Open connections on its way to the database."""
        near, established = f"0100007F:{self.proxy.port:04X}", "01"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        return sum(words[1] == near and words[3] == established for words in lines)

    def healthy(self) -> bool:
        """Of a web process alone: it serves, and the scheduler inside it runs."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/ai-agent/health", timeout=5) as answer:
                return bool(json.load(answer)["job_processor"]["running"]) and answer.status == 200
        except (OSError, ValueError):
            return False


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except FileNotFoundError:
        return 0
