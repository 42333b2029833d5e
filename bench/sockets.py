"""Browsers that follow their jobs: what a thousand of them cost, and how soon they hear."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.crowd import AT_ONCE, Join, by_socketio, by_websocket, crowd
from bench.figures import Figures, quantile_ms
from bench.news import live_jobs
from bench.served import Served, served, signed
from bench.sizes import Sizes
from jobs.db.engine import autocommit, open_engine


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
    return _figures(_measured(url, by_websocket, sizes))


def socketio(url: str, sizes: Sizes) -> Figures:
    """The same for Socket.IO's clients, connected by WebSocket."""
    return _figures(_measured(url, by_socketio, sizes))


def _figures(seen: Seen) -> Figures:
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


def _measured(url: str, join: Join, sizes: Sizes) -> Seen:
    engine, seen, room = open_engine(url, alone=True), Seen(), _room(sizes.sockets)
    with autocommit(engine) as conn, served(url, **room) as server, crowd(server.port, join, sizes) as clients:
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


def _asked(server: Served, sizes: Sizes) -> list[float]:
    def one(number: int) -> float:
        began = time.monotonic()
        server.answer("GET", "/jobs/stats", signed(f"user-{number % sizes.sockets}"))
        return time.monotonic() - began

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(sizes.requests)))
