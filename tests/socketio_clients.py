"""Socket.IO clients as browsers have them: socket.io-client in a Node process, which tests/live_js/clients.mjs is."""

import fcntl
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from api import auth
from tests.processes import SECRET

FOLDER = Path(__file__).parent / "live_js"
PATIENCE_S = 30.0
WAYS: dict[str, dict[str, Any]] = {
    "polling, then WebSocket": {},
    "WebSocket alone": {"transports": ["websocket"]},
    "polling alone": {"transports": ["polling"]},
}
needs_node = pytest.mark.skipif(
    not (shutil.which("node") and (shutil.which("npm") or (FOLDER / "node_modules").exists())),
    reason="node and npm are not installed",
)


class Client:
    """One socket; `heard` is what has been told of it so far."""

    def __init__(self, node: "Node", name: str) -> None:
        self._node, self._name = node, name
        self.inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def next(self, within_s: float = PATIENCE_S) -> tuple[str, Any]:
        """What happened, and its data."""
        told = self.inbox.get(timeout=within_s)
        return told["what"], told.get("data")

    def until(self, found: Callable[[str, Any], bool]) -> list[tuple[str, Any]]:
        """What happened, up to what is waited for."""
        heard: list[tuple[str, Any]] = []
        while not heard or not found(*heard[-1]):
            heard.append(self.next())
        return heard

    def hears(self, what: str) -> Any:
        """The data of the next one of these."""
        return self.until(lambda name, _: name == what)[-1][1]

    def ended(self, job_id: str) -> list[tuple[str, Any]]:
        """What is told up to the end of a job."""
        return self.until(lambda what, data: what in ("ai_job_complete", "ai_job_error") and data["job_id"] == job_id)

    def waiting(self) -> list[tuple[str, Any]]:
        """What is here and has not been looked at."""
        return [self.next() for _ in range(self.inbox.qsize())]

    def do(self, op: str, **more: Any) -> None:
        self._node.send({"op": op, "id": self._name, **more})


class Node:
    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}
        self._names = count()
        command = [str(shutil.which("node")), str(FOLDER / "clients.mjs")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    @contextmanager
    def client(self, port: int, user: str = "ann", token: str | None = None, **options: Any) -> Iterator[Client]:
        """`token` None: a good one of this user's."""
        auth_given = {"token": auth.issue(SECRET, user) if token is None else token}
        name = str(next(self._names))
        client = self._clients[name] = Client(self, name)
        client.do("open", url=f"http://127.0.0.1:{port}", options={"auth": auth_given, **options})
        try:
            yield client
        finally:
            client.do("close")

    def send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            self._clients[told["id"]].inbox.put(told)


def install() -> None:
    """Once, also when several processes of pytest come here: the others wait."""
    done = FOLDER / "node_modules" / ".complete"
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        made = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=FOLDER, capture_output=True, check=False)
        if made.returncode:
            pytest.skip("npm could not install socket.io-client")
        done.touch()


@contextmanager
def node() -> Iterator[Node]:
    """Skips where the client cannot be installed, and says so."""
    install()
    running = Node()
    try:
        yield running
    finally:
        running.close()
