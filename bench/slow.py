"""Clients that take for ever, and what others see of them: how long a request takes beside 500 of them."""

import http.client
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from api.auth import issue
from jobs.db.engine import autocommit, open_engine

ROOT = Path(__file__).resolve().parents[1]
SECRET = "a secret for the bench alone, 32 bytes"
PREFIX = "/api/ai-agent"
SLOW_CLIENTS = 500
SETTLE_S = 6.0  # until the slow ones hold whatever they can hold
REQUESTS, AT_ONCE = 1500, 8
LONGEST_S = 40.0  # then the rest is not asked any more
GIVE_UP_S = 5.0  # counted as what the request took
BIG_JOBS, BIG_BYTES = 20, 50_000  # a page of them is a megabyte, more than the system's own buffers take
START_S = 30.0
DRIP_S = 1.0

Answers = list[tuple[float, int]]  # seconds, status (0: none)


def beside(url: str, slow_clients: int) -> Answers:
    """What other clients get beside so many slow ones."""
    _big_page(url)
    with _served(url) as port, _crowd(port, slow_clients):
        time.sleep(SETTLE_S if slow_clients else 0)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            end = time.monotonic() + LONGEST_S
            asked = pool.map(lambda n: _asked(port, n) if time.monotonic() < end else None, range(REQUESTS))
            return list(filter(None, asked))


def _big_page(url: str) -> None:
    engine = open_engine(url, alone=True)
    with autocommit(engine) as conn:
        conn.execute(
            text(
                "insert into ai_jobs (user_id, job_type, request_data) select 'slow', 'nothing',"
                " jsonb_build_object('text', repeat('x', :length)) from generate_series(1, :jobs)"
            ),
            {"length": BIG_BYTES, "jobs": BIG_JOBS},
        )
    engine.dispose()


@contextmanager
def _served(url: str) -> Iterator[int]:
    """The port of a web process without a scheduler."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {
        "DATABASE_URL": url,
        "JWT_SECRET": SECRET,
        "YARD_API__PORT": str(port),
        "YARD_SCHEDULER__EMBEDDED": "false",
        "YARD_API__LIMITS__READS_PER_S": "null",
        "YARD_LOG__LEVEL": "error",
    }
    process = subprocess.Popen([sys.executable, "main.py", "serve"], cwd=ROOT, env={**os.environ, **environ})
    try:
        _wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_S
    while _answer(port, "GET", "/readyz", {}) != 200:
        if time.monotonic() > end:
            raise TimeoutError("the server did not start")
        time.sleep(0.1)


def _asked(port: int, number: int) -> tuple[float, int]:
    """Reads and enqueues in turn, each on a connection of its own."""
    headers = {"Authorization": f"Bearer {issue(SECRET, f'user-{number}')}", "Content-Type": "application/json"}
    began = time.monotonic()
    if number % 2:
        status = _answer(port, "GET", "/jobs/stats", headers)
    else:
        status = _answer(port, "POST", "/create-canvas", headers, '{"instructions": "a login"}')
    return time.monotonic() - began, status


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


@dataclass(frozen=True, slots=True)
class Slow:
    """A slow client: what it sends at once, and again and again (nothing: it reads a byte at a time instead)."""

    first: bytes
    drips: bytes = b""
    reads: bool = False


def _kinds() -> Sequence[Slow]:
    signed = f"Host: bench\r\nAuthorization: Bearer {issue(SECRET, 'slow')}\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    return (
        Slow(f"GET {PREFIX}/jobs HTTP/1.1\r\nHost: bench\r\n".encode()),  # and nothing more
        Slow(f"GET {PREFIX}/jobs HTTP/1.1\r\nX-Slow: ".encode(), b"x"),
        Slow(f"POST {PREFIX}/create-canvas HTTP/1.1\r\n{signed}{body}".encode(), b" "),
        Slow(f"GET {PREFIX}/jobs HTTP/1.1\r\n{signed}\r\n".encode(), reads=True),
    )


@contextmanager
def _crowd(port: int, clients: int) -> Iterator[None]:
    """So many slow clients, of each kind in turn."""
    over = threading.Event()
    slow = list(itertools.islice(itertools.cycle(_kinds()), clients))
    thread = threading.Thread(target=_keep, args=(port, slow, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep(port: int, crowd: Sequence[Slow], over: threading.Event) -> None:
    """A step of each every second; who was sent away comes again."""
    lines: list[socket.socket | None] = [None] * len(crowd)
    while not over.is_set():
        began = time.monotonic()
        lines = [_step(port, line, slow) for line, slow in zip(lines, crowd, strict=True)]
        over.wait(max(0.0, began + DRIP_S - time.monotonic()))
    for line in filter(None, lines):
        line.close()


def _step(port: int, line: socket.socket | None, slow: Slow) -> socket.socket | None:
    """The line as it is afterwards; None: it has ended."""
    try:
        if line is None:
            return _begun(port, slow)
        line.send(slow.drips)
        if line.recv(1 if slow.reads else 65536) and slow.reads:
            return line  # whoever else gets an answer has been sent away
    except BlockingIOError:
        return line
    except OSError:
        pass
    if line:
        line.close()
    return None


def _begun(port: int, slow: Slow) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.settimeout(GIVE_UP_S)
    line.connect(("127.0.0.1", port))
    line.setblocking(False)  # noqa: FBT003 - the standard library's
    line.send(slow.first)
    return line
