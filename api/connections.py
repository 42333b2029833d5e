"""gunicorn's threaded worker, with threads for whole requests alone: slow clients wait in the main loop.

Without this a thread reads and writes, so that as many slow clients as there are threads stop everybody else, for ever.
api.line.State tells where a connection may stand.  See docs/adr/0014.
"""

import logging
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from api.intake import Intake
from api.line import TOO_LATE, Connection, Line, State
from api.refusals import BROKEN, CROWDED, INTERNAL, Refusal, Refused, answered
from config.settings import Api

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 75  # longer than a proxy keeps its side, or it would send a request into a closing connection
PARTING_S = 2.0
PARTING_BYTES = 1_000_000  # for a client that hears of its refusal only after it has sent its body
READ_BYTES = 65536
SWEEP_EVERY_S = 0.25
CROWD_BYTES = 128 * 1024 * 1024  # of half-sent requests, and of half-read answers, before large ones are turned away


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """All but `handle` runs in the main thread, and never waits for a client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open: set[Connection] = set()
        self._swept_s = 0.0
        self._closing_s = float("inf")  # until when a stopping worker hears who is quiet

    @property
    def _api(self) -> Api:
        api: Callable[[], Api] = self.app.api
        return api()

    def accept(self, listener: Any) -> None:
        try:
            accepted, client = listener.accept()
        except OSError:  # whoever it was has left
            return
        connection = Connection(Line(accepted), client, listener.getsockname(), self._intake(client))
        connection.enter(State.QUIET, KEEP_ALIVE_S)
        self._make_room()
        self._open.add(connection)
        self.nr_conns += 1
        self._read(connection)

    def handle(self, conn: Connection) -> bool | Refusal | None:
        """In a thread: has the application answer.

        Returns whether another request may follow, or what to answer; None: the socket is not ours any more.
        """
        try:
            conn.rest = conn.intake.unpack()
            return bool(self.handle_request(conn.intake.request, conn))
        except Refused as fault:
            return fault.refusal
        except (OSError, StopIteration):  # the client is gone, an answer broke off, or the socket was a WebSocket's
            return None
        except Exception:  # of gunicorn or a layer around the application, which answers its own faults by itself
            log.exception("a request could not be answered")
            return INTERNAL

    def finish_request(self, conn: Connection, fs: "Future[bool | Refusal | None]") -> None:
        """The thread is done: the rest of the answer is the loop's."""
        result = fs.result()
        if result is None:
            self._take_back(conn)
        elif isinstance(result, Refusal):
            self._refuse(conn, result)
        else:
            conn.keeps = result
            conn.enter(State.ANSWER, self._api.answer_s)
            self._write(conn)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Gunicorn calls it in every turn of its loop: shows the door to whoever is late."""
        now_s = time.monotonic()
        if force or now_s >= self._swept_s + SWEEP_EVERY_S:
            self._swept_s = now_s
            for connection in [one for one in self._open if one.state < State.BUSY]:
                closing_s = self._closing_s if connection.state < State.ANSWER else connection.until_s
                if force or now_s >= min(connection.until_s, closing_s):
                    self._late(connection)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, SWEEP_EVERY_S) if self._open else timeout)

    def murder_pending(self) -> None: ...

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker stops: whoever has not sent a request by then is not heard any more."""
        self._closing_s = deadline

    def _intake(self, client: Any) -> Intake:
        api = self._api
        return Intake(self.cfg, client, head_bytes=api.header_bytes, body_bytes=max(api.body_bytes, api.bulk_bytes))

    def _make_room(self) -> None:
        """For the last place whoever is idle or slow goes, the oldest first; nobody who is being answered.

        Gunicorn accepts nobody when all places are taken, so one is always kept free, as far as that can be.
        """
        is_full = self.nr_conns >= self.worker_connections - 1
        waiting = [one for one in self._open if one.state < State.BUSY]
        if is_full and waiting:
            oldest = min(waiting, key=lambda one: (one.state is not State.PARTING, one.since_s))
            self._late(oldest)
            self._drop(oldest)

    def _read(self, conn: Connection) -> None:
        try:
            data = conn.sock.recv(READ_BYTES)
        except BlockingIOError:
            self._watch(conn, selectors.EVENT_READ)
            return
        except OSError:
            data = b""
        conn.thrown += len(data) if conn.state is State.PARTING else 0
        if not data or conn.thrown > PARTING_BYTES:
            self._drop(conn)
        elif conn.state is not State.PARTING:
            self._take(conn, data)

    def _take(self, conn: Connection, data: bytes) -> None:
        if conn.state is State.QUIET:
            conn.began_s = time.monotonic()
            conn.enter(State.HEAD, self._api.header_s)
        try:
            conn.intake.feed(data)
        except Refused as fault:
            self._refuse(conn, fault.refusal)
            return
        except Exception:  # of the parser: out of this loop it would end the whole process
            log.exception("a request could not be read")
            self._refuse(conn, BROKEN)
            return
        if conn.intake.is_complete:
            self._serve(conn)
        elif conn.intake.size > READ_BYTES and self._crowd_bytes() > CROWD_BYTES:
            self._refuse(conn, CROWDED)
        else:
            self._await_more(conn)

    def _crowd_bytes(self) -> int:
        return sum(one.intake.size + len(one.sock.unsent) for one in self._open)

    def _await_more(self, conn: Connection) -> None:
        if conn.state is State.HEAD and conn.intake.request is not None:
            conn.enter(State.BODY, self._api.body_s)
            if conn.intake.wants_continue:
                conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._watch(conn, selectors.EVENT_READ)

    def _serve(self, conn: Connection) -> None:
        self._watch(conn, 0)
        conn.enter(State.BUSY, 0)
        conn.sock.settimeout(None)  # a WebSocket's library reads from it
        self.enqueue_req(conn)

    def _refuse(self, conn: Connection, told: Refusal) -> None:
        conn.keeps = False
        conn.enter(State.ANSWER, self._api.answer_s)
        took_s = time.monotonic() - conn.began_s
        with suppress(OSError):
            conn.sock.sendall(answered(told, conn.intake.request, took_s))
        self._write(conn)

    def _write(self, conn: Connection) -> None:
        try:
            conn.sock.settimeout(0)
            conn.sock.push()
        except OSError:
            self._drop(conn)
            return
        if not conn.sock.unsent:
            self._answered(conn)
        elif self._crowd_bytes() > CROWD_BYTES:
            self._drop(conn)
        else:
            self._watch(conn, selectors.EVENT_WRITE)

    def _answered(self, conn: Connection) -> None:
        if not conn.keeps:
            self._part(conn)
            return
        conn.intake = self._intake(conn.client)
        conn.enter(State.QUIET, KEEP_ALIVE_S)
        rest, conn.rest = conn.rest, b""
        if rest:
            self._take(conn, rest)
        else:
            self._watch(conn, selectors.EVENT_READ)

    def _take_back(self, conn: Connection) -> None:
        """Parts on a handle of our own: a WebSocket's thread may close the other, whose number is then another's."""
        try:
            own = conn.sock.twin()
        except OSError:  # it has
            self._drop(conn)
            return
        conn.sock.close()
        conn.sock = own
        self._part(conn)

    def _part(self, conn: Connection) -> None:
        """Ends our side and waits for the client's, as RFC 9112, section 9.6, wants it: a close may eat the answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.enter(State.PARTING, PARTING_S)
        self._watch(conn, selectors.EVENT_READ)

    def _late(self, conn: Connection) -> None:
        if told := TOO_LATE.get(conn.state):
            self._refuse(conn, told)
        else:
            self._drop(conn)

    def _watch(self, conn: Connection, events: int) -> None:
        if events == conn.watched:
            return
        if conn.watched:
            self.poller.unregister(conn.sock)
        if events:
            self.poller.register(conn.sock, events, lambda _sock: self._ready(conn))
        conn.watched = events

    def _ready(self, conn: Connection) -> None:
        if conn in self._open:  # an earlier event of the same turn may have closed it
            (self._write if conn.watched == selectors.EVENT_WRITE else self._read)(conn)

    def _drop(self, conn: Connection) -> None:
        if conn in self._open:
            self._watch(conn, 0)
            self._open.remove(conn)
            self.nr_conns -= 1
            conn.sock.close()
