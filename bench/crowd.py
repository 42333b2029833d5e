"""Clients that follow their jobs, many at once, over a WebSocket or over Socket.IO."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from api.auth import issue
from bench.news import change
from bench.served import PREFIX, SECRET
from bench.sizes import Sizes

AT_ONCE = 50  # that connect at the same time
HEARD_S = 30.0
PING, PONG, TOKEN, READY = "2", "3", "40", "40"  # of Engine.IO, and of Socket.IO over it
Join = Callable[[int, str], Awaitable[ClientConnection]]  # the port, the user


async def by_websocket(port: int, user: str) -> ClientConnection:
    offered = [Subprotocol("bearer"), Subprotocol(issue(SECRET, user))]
    return await _connected(f"ws://127.0.0.1:{port}{PREFIX}/ws", offered)


async def by_socketio(port: int, user: str) -> ClientConnection:
    line = await _connected(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket")
    await line.recv()
    await line.send(TOKEN + json.dumps({"token": issue(SECRET, user)}))
    if not str(await line.recv()).startswith(READY):
        raise ConnectionRefusedError
    return line


async def _connected(address: str, offered: list[Subprotocol] | None = None) -> ClientConnection:
    return await connect(address, subprotocols=offered, open_timeout=HEARD_S, ping_interval=None)


class Client:
    """Reads all the time, as a browser does."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._news: asyncio.Queue[float] = asyncio.Queue()
        self._reading = asyncio.ensure_future(self._read())

    async def heard(self) -> float:
        """When the next event came.  Raises TimeoutError."""
        return await asyncio.wait_for(self._news.get(), HEARD_S)

    async def close(self) -> None:
        await self._line.close()
        await self._reading

    async def _read(self) -> None:
        async for text in self._line:
            if text == PING:
                await self._line.send(PONG)
            else:
                self._news.put_nowait(time.monotonic())


class Crowd:
    """All clients, on one event loop in a thread of its own."""

    def __init__(self, port: int, join: Join, sizes: Sizes) -> None:
        self._port, self._join, self._sizes = port, join, sizes
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, Client] = {}
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
            self._open |= dict(zip(users, await asyncio.gather(*map(self._joined, users)), strict=True))

    async def close_all(self) -> None:
        await asyncio.gather(*(one.close() for one in self._open.values()))
        self._open = {}

    async def hear(self, conn: Connection, jobs: dict[str, str]) -> list[float]:
        """Let these jobs change; how long after the commit each follower hears of it."""
        heard = [asyncio.ensure_future(self._open[user].heard()) for user in jobs]
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
                one = await self._joined(f"user-{number % self._sizes.sockets}")
                await one.close()
            except (OSError, WebSocketException):  # a TimeoutError is an OSError
                return False
            return True

    async def _joined(self, user: str) -> Client:
        client = Client(await self._join(self._port, user))
        await client.heard()
        return client


@contextmanager
def crowd(port: int, join: Join, sizes: Sizes) -> Iterator[Crowd]:
    clients = Crowd(port, join, sizes)
    try:
        yield clients
    finally:
        clients.stop()
