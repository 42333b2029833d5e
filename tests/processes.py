"""Starts the real processes as a platform does, and talks to them over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from api import auth

ROOT = Path(__file__).resolve().parents[1]
SECRET = "a secret for tests alone, 32 bytes or more"
QUICK = {  # the production timings, divided by about 15
    "YARD_SCHEDULER__HEARTBEAT_EVERY_S": "0.35",
    "YARD_SCHEDULER__LEASE_S": "2",
    "YARD_SCHEDULER__LEADER_TTL_S": "1",
    "YARD_SCHEDULER__POLL_EVERY_S": "0.35",
    "YARD_SCHEDULER__REAP_EVERY_S": "0.35",
    "YARD_SCHEDULER__RESCHEDULE_EVERY_S": "1",
    "YARD_SCHEDULER__EXPIRE_EVERY_S": "1",
}
START_S = 60


def environment(database_url: str, **more: str) -> dict[str, str]:
    """What a process needs, and nothing of the machine's that could steer it."""
    ours = ("YARD_", "OPENAI_", "JWT_", "METRICS_", "DATABASE_", "LISTEN_DATABASE_", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"DATABASE_URL": database_url, "JWT_SECRET": SECRET} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(true: Callable[[], Any], what: str, within_s: float = START_S) -> Any:
    """The first true value; fails with `what` when none comes."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if value := true():
            return value
        time.sleep(0.03)
    raise AssertionError(f"within {within_s} s there was no {what}")


class Process:
    """A running `main.py`; `stop` is SIGTERM, `kill` is kill -9 of it and of its children."""

    def __init__(self, command: str, env: dict[str, str], log: IO[bytes] | None = None) -> None:
        arguments = [sys.executable, str(ROOT / "main.py"), command]
        self.process = subprocess.Popen(arguments, env=env, cwd=ROOT, start_new_session=True, stderr=log)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()


class Web(Process):
    """A running `main.py serve`."""

    def __init__(self, env: dict[str, str], log: IO[bytes] | None = None, port: int | None = None) -> None:
        self.port = port or free_port()
        super().__init__("serve", env | {"YARD_API__PORT": str(self.port), "YARD_API__BIND": "127.0.0.1"}, log)

    def ready(self) -> bool:
        assert self.process.poll() is None, "the server ended at its start"
        try:
            return self.call("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def call(self, method: str, path: str, body: Any = None, user: str = "ann", **headers: str) -> tuple[int, Any]:
        """(status, body): JSON as an object, anything else as text."""
        status, text = self.text(method, path, body, user, **headers)
        return status, json.loads(text) if text.startswith(("{", "[")) else text

    def text(self, method: str, path: str, body: Any = None, user: str = "ann", **headers: str) -> tuple[int, str]:
        sent = {"Authorization": f"Bearer {auth.issue(SECRET, user)}", "Content-Type": "application/json", **headers}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/api/ai-agent{path}"
        request = urllib.request.Request(url, data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def draw(self, instructions: str, **more: Any) -> str:
        """Enqueue a canvas; returns the job's id."""
        status, answer = self.call("POST", "/create-canvas", {"instructions": instructions, **more})
        assert status == 202, answer
        return answer["job_id"]

    def job(self, job_id: str) -> dict[str, Any]:
        return self.call("GET", f"/job/{job_id}/status")[1]["job"]

    def finished(self, job_id: str, within_s: float = START_S) -> dict[str, Any]:
        """The job, once it is final."""
        final = ("completed", "failed", "cancelled")
        return wait_until(lambda: (job := self.job(job_id))["status"] in final and job, "end of the job", within_s)


@contextmanager
def fleet(
    database_url: str, *, webs: int = 1, workers: int = 0, **env: str
) -> Iterator[tuple[list[Web], list[Process]]]:
    """Web and worker processes on one database, all ready; whatever still runs is killed at the end."""
    settings = environment(database_url, **{**QUICK, **env})
    started: list[Process] = []
    try:
        started += (web_processes := [Web(settings) for _ in range(webs)])
        started += (work_processes := [Process("work", settings) for _ in range(workers)])
        for web in web_processes:
            wait_until(web.ready, "ready web process")
        yield web_processes, work_processes
    finally:
        for process in started:
            process.end()
