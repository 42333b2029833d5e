"""The client's own tools, installed once; what the machine lacks for them is skipped by name."""

import fcntl
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.dashboard.conftest import browser
from tests.processes import ROOT

__all__ = ["browser"]  # a fixture

CLIENT = ROOT / "client"
INSTALLED = CLIENT / "node_modules" / ".installed"  # written last, with the lock file that it was made from
OLDEST = (20, 19)  # of Node.js; package.json says it, too
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")
PATIENCE_S = 600

Npm = Callable[..., str]


@pytest.fixture(scope="session")
def npm() -> Npm:
    """Runs npm in client/, with further variables of the environment; returns what it said, fails when it fails."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        pytest.skip(f"Node.js {version.strip()} is installed, and 20.19 or newer is needed")
    with alone():
        install()
    return run


@pytest.fixture(scope="module")
def site(npm: Npm) -> Iterator[str]:
    """The origin of a page that has the built client, and is not the server's own."""
    npm("run", "build")
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(CLIENT / "dist")))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def alone() -> Iterator[None]:
    """pytest's other processes wait: they share client/node_modules."""
    with (CLIENT / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install() -> None:
    wanted = (CLIENT / "package-lock.json").read_text()
    if INSTALLED.exists() and INSTALLED.read_text() == wanted:
        return
    done = started("ci", "--ignore-scripts")
    if done.returncode and any(reason in done.stderr for reason in UNREACHABLE):
        pytest.skip("npm's registry cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr
    INSTALLED.write_text(wanted)


def run(*arguments: str, **environment: str | Path) -> str:
    done = started(*arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def started(*arguments: str, **environment: str | Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {name: str(value) for name, value in environment.items()}
    command = ["npm", *arguments]
    return subprocess.run(command, cwd=CLIENT, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
