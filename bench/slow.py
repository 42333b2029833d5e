"""Clients that take for ever, and what others see of them: how long a request takes beside hundreds of them."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from api.auth import issue
from bench.figures import Figures, quantile_ms
from bench.served import GIVE_UP_S, PREFIX, SECRET, Served, served, signed
from bench.sizes import Sizes
from jobs.db.engine import autocommit, open_engine

AT_ONCE = 8  # requests
LONGEST_S = 40.0  # then the rest is not asked any more
BIG_JOBS, BIG_BYTES = 20, 50_000  # a page of them is a megabyte, more than the system's own buffers take
DRIP_S = 1.0

Answers = list[tuple[float, int]]  # seconds, status (0: none)


def slow(url: str, sizes: Sizes) -> Figures:
    """Reads and enqueues over HTTP, alone and beside clients that are slow on purpose; 5 s stand for no answer."""
    figures: dict[str, tuple[float, str]] = {}
    for clients in (0, sizes.slow_clients):
        answers = _beside(url, clients, sizes)
        took_s = [each_s for each_s, _ in answers]
        figures[f"{clients} slow, answers"] = (len(answers), "requests")
        figures[f"{clients} slow, p50"] = (quantile_ms(took_s, 0.5), "ms")
        figures[f"{clients} slow, p99"] = (quantile_ms(took_s, 0.99), "ms")
        figures[f"{clients} slow, failed"] = (sum(status not in (200, 202) for _, status in answers), "requests")
    return figures


def _beside(url: str, slow_clients: int, sizes: Sizes) -> Answers:
    """What other clients get beside so many slow ones."""
    _big_page(url)
    with served(url) as server, _crowd(server.port, slow_clients):
        time.sleep(sizes.settle_s if slow_clients else 0)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            end = time.monotonic() + LONGEST_S
            asked = pool.map(lambda n: _asked(server, n) if time.monotonic() < end else None, range(sizes.requests))
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


def _asked(server: Served, number: int) -> tuple[float, int]:
    """Reads and enqueues in turn, each on a connection of its own."""
    headers = signed(f"user-{number}")
    began = time.monotonic()
    if number % 2:
        status = server.answer("GET", "/jobs/stats", headers)
    else:
        status = server.answer("POST", "/create-canvas", headers, '{"instructions": "a login"}')
    return time.monotonic() - began, status


@dataclass(frozen=True, slots=True)
class Slow:
    """A slow client: what it sends at once, and again and again (nothing: it reads a byte at a time instead)."""

    first: bytes
    drips: bytes = b""
    reads: bool = False


def _kinds() -> Sequence[Slow]:
    known = f"Host: bench\r\nAuthorization: Bearer {issue(SECRET, 'slow')}\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    return (
        Slow(f"GET {PREFIX}/jobs HTTP/1.1\r\nHost: bench\r\n".encode()),  # and nothing more
        Slow(f"GET {PREFIX}/jobs HTTP/1.1\r\nX-Slow: ".encode(), b"x"),
        Slow(f"POST {PREFIX}/create-canvas HTTP/1.1\r\n{known}{body}".encode(), b" "),
        Slow(f"GET {PREFIX}/jobs HTTP/1.1\r\n{known}\r\n".encode(), reads=True),
    )


@contextmanager
def _crowd(port: int, clients: int) -> Iterator[None]:
    """So many slow clients, of each kind in turn."""
    over = threading.Event()
    crowd = list(itertools.islice(itertools.cycle(_kinds()), clients))
    thread = threading.Thread(target=_keep, args=(port, crowd, over))
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
