"""A web process to measure: started, asked, and looked at from outside."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.auth import issue

ROOT = Path(__file__).resolve().parents[1]
SECRET = "a secret for the bench alone, 32 bytes"
PREFIX = "/api/ai-agent"
START_S = 30.0
GIVE_UP_S = 5.0  # counted as what the request took


@dataclass(frozen=True, slots=True)
class Served:
    port: int
    pid: int  # of the process that answers

    def rss_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> int:
        """The status of one request on a connection of its own; 0: none within GIVE_UP_S."""
        return _answer(self.port, method, path, headers, body)


def signed(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(SECRET, user)}", "Content-Type": "application/json"}


@contextmanager
def served(url: str, **settings: str) -> Iterator[Served]:
    """A web process without a scheduler; `settings` are YARD_ variables without that beginning."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    fixed = {
        "API__PORT": str(port),
        "SCHEDULER__EMBEDDED": "false",
        "API__LIMITS__READS_PER_S": "null",
        "LOG__LEVEL": "error",
    }
    environ = {f"YARD_{name}": value for name, value in (fixed | settings).items()}
    environ |= {"DATABASE_URL": url, "JWT_SECRET": SECRET}
    process = subprocess.Popen([sys.executable, "main.py", "serve"], cwd=ROOT, env={**os.environ, **environ})
    try:
        _wait_for(port)
        yield Served(port, _worker_of(process.pid))
    finally:
        process.terminate()
        process.wait()


def _worker_of(pid: int) -> int:
    """Gunicorn's one child."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_S
    while _answer(port, "GET", "/readyz", {}) != 200:
        if time.monotonic() > end:
            raise TimeoutError("the server did not start")
        time.sleep(0.1)


def _answer(port: int, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
    try:
        connection.request(method, PREFIX + path, body, dict(headers))
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()
