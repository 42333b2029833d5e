"""Browsers that follow their jobs over WebSockets: what a thousand of them cost, and how soon they hear."""

import asyncio
import random
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from api.auth import issue
from bench.figures import Figures, quantile_ms
from bench.served import PREFIX, SECRET, Served, served, signed
from bench.sizes import Sizes
from jobs.db.engine import autocommit, open_engine
from jobs.news import NEWS, Word, payloads, tag_of

AT_ONCE = 50  # that connect at the same time
HEARD_S = 30.0


@dataclass(slots=True)
class Seen:
    """What one run of the measure saw; times in seconds."""

    rss_mb: list[float] = field(default_factory=list)  # before, with all sockets, after the churn
    threads: list[int] = field(default_factory=list)  # the same
    broadcast_s: list[float] = field(default_factory=list)
    single_s: list[float] = field(default_factory=list)
    alone_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)
    failed: int = 0  # connections of the churn


def sockets(url: str, sizes: Sizes) -> Figures:
    """WebSockets, idle and told all at once; the memory and threads of their server, and requests beside them."""
    seen = _measured(url, sizes)
    idle, full, after = range(3)
    return {
        "sockets, memory": (seen.rss_mb[full], "MB"),
        "sockets, memory before": (seen.rss_mb[idle], "MB"),
        "sockets, threads": (seen.threads[full], "threads"),
        "broadcast, p50": (quantile_ms(seen.broadcast_s, 0.5), "ms"),
        "broadcast, p99": (quantile_ms(seen.broadcast_s, 0.99), "ms"),
        "one event, p95": (quantile_ms(seen.single_s, 0.95), "ms"),
        "http alone, p99": (quantile_ms(seen.alone_s, 0.99), "ms"),
        "http beside, p99": (quantile_ms(seen.beside_s, 0.99), "ms"),
        "churn, failed": (seen.failed, "connections"),
        "churn, memory after": (seen.rss_mb[after], "MB"),
        "churn, threads after": (seen.threads[after], "threads"),
    }


def _measured(url: str, sizes: Sizes) -> Seen:
    engine, seen, room = open_engine(url, alone=True), Seen(), _room(sizes.sockets)
    with autocommit(engine) as conn, served(url, **room) as server, _clients(server, sizes) as clients:
        jobs = live_jobs(conn, sizes.sockets)
        seen.alone_s = _asked(server, sizes)
        _look(seen, server)
        clients.run(clients.connect_all())
        _look(seen, server)
        for _ in range(sizes.broadcasts):
            seen.broadcast_s += clients.run(clients.hear(conn, jobs))
        seen.beside_s = _asked(server, sizes)
        for _ in range(sizes.events):
            seen.single_s += clients.run(clients.hear(conn, dict([random.choice(list(jobs.items()))])))
        clients.run(clients.close_all())
        seen.failed = clients.run(clients.churn())
        _look(seen, server)
    engine.dispose()
    return seen


def _room(sockets: int) -> dict[str, str]:
    return {"API__SOCKETS__MOST": str(sockets + AT_ONCE), "API__CONNECTIONS": str(3 * (sockets + AT_ONCE))}


def _look(seen: Seen, server: Served) -> None:
    seen.rss_mb.append(server.rss_mb())
    seen.threads.append(server.threads())


def live_jobs(conn: Connection, users: int) -> dict[str, str]:
    """One live job for each user: {user: job id}."""
    insert = """
    insert into ai_jobs (user_id, job_type, request_data, next_processing_at)
    select 'user-' || n, 'nothing', '{}', now() + interval '1 day' from generate_series(0, :most - 1) n
    returning user_id, id
    """
    return {row.user_id: str(row.id) for row in conn.execute(text(insert), {"most": users})}


def _asked(server: Served, sizes: Sizes) -> list[float]:
    def one(number: int) -> float:
        began = time.monotonic()
        server.answer("GET", "/jobs/stats", signed(f"user-{number % sizes.sockets}"))
        return time.monotonic() - began

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(sizes.requests)))


class Clients:
    """All clients, on one event loop in a thread of its own."""

    def __init__(self, server: Served, sizes: Sizes) -> None:
        self._sizes = sizes
        self._address = f"ws://127.0.0.1:{server.port}{PREFIX}/ws"
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, ClientConnection] = {}
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def connect_all(self) -> None:
        """Each has heard its snapshot when this returns."""
        everybody = [f"user-{number}" for number in range(self._sizes.sockets)]
        for start in range(0, len(everybody), AT_ONCE):
            users = everybody[start : start + AT_ONCE]
            self._open |= dict(zip(users, await asyncio.gather(*map(self._connected, users)), strict=True))

    async def close_all(self) -> None:
        await asyncio.gather(*(one.close() for one in self._open.values()))
        self._open = {}

    async def hear(self, conn: Connection, jobs: dict[str, str]) -> list[float]:
        """Let these jobs change; how long after the commit each follower hears of it."""
        heard = [asyncio.ensure_future(self._heard(user)) for user in jobs]
        await asyncio.sleep(0)
        committed = await asyncio.to_thread(change, conn, jobs)
        return [at - committed for at in await asyncio.gather(*heard)]

    async def churn(self) -> int:
        """Connections that come and go; returns how many were not told their snapshot."""
        gate = asyncio.Semaphore(AT_ONCE)
        told = await asyncio.gather(*(self._visit(number, gate) for number in range(self._sizes.churn)))
        return told.count(False)

    async def _visit(self, number: int, gate: asyncio.Semaphore) -> bool:
        async with gate:
            try:
                one = await self._connected(f"user-{number % self._sizes.sockets}")
                await one.close()
            except (OSError, WebSocketException):  # a TimeoutError is an OSError
                return False
            return True

    async def _connected(self, user: str) -> ClientConnection:
        offered = [Subprotocol("bearer"), Subprotocol(issue(SECRET, user))]
        one = await connect(self._address, subprotocols=offered, open_timeout=HEARD_S, ping_interval=None)
        await asyncio.wait_for(one.recv(), HEARD_S)
        return one

    async def _heard(self, user: str) -> float:
        await asyncio.wait_for(self._open[user].recv(), HEARD_S)
        return time.monotonic()


@contextmanager
def _clients(server: Served, sizes: Sizes) -> Iterator[Clients]:
    clients = Clients(server, sizes)
    try:
        yield clients
    finally:
        clients.stop()


def change(conn: Connection, jobs: dict[str, str]) -> float:
    """As a worker elsewhere does it: change the rows, then tell; returns when it was committed."""
    update = "update ai_jobs set version = version + 1 where id = any(cast(:ids as uuid[]))"
    conn.execute(text(update), {"ids": list(jobs.values())})
    committed = time.monotonic()
    for payload in payloads([Word(job_id, tag_of(user), ended=False) for user, job_id in jobs.items()]):
        conn.execute(text("select pg_notify(:channel, :payload)"), {"channel": NEWS, "payload": payload})
    return committed
