"""Who in this process waits for PostgreSQL, since when, and how long it may take.

A server that is frozen answers nothing, and no time-out of libpq's ends the wait: its kernel still answers.  So each
connection notes when it begins to wait, and the watchdog shuts the socket of one that waits for too long: whoever
waits gets an error at once, and opens another connection.
"""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg2
from psycopg2.extensions import connection, cursor

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
LONG_S, PAUSE_S = 0.5, 1.0
NONE = (math.nan, math.nan)

_waits: dict["Patient", tuple[float, float]] = {}  # connection -> when it began to wait, when that is too long
_asked_s: ContextVar[float | None] = ContextVar("asked_s", default=None)


class Patient(connection):  # type: ignore[misc]  # psycopg2 has no types
    """A connection of psycopg2's that waits for each answer as long as `patience_s` says, if a watchdog runs."""

    patience_s: Callable[[], float] = staticmethod(lambda: math.inf)
    told: Callable[[], None] = staticmethod(lambda: None)  # that it was cut

    def cursor(self, *args: Any, **options: Any) -> Any:
        return super().cursor(*args, **{"cursor_factory": PatientCursor} | options)

    def commit(self) -> None:
        self.wait_for(super().commit)

    def rollback(self) -> None:
        self.wait_for(super().rollback)

    def wait_for(self, answer: Callable[..., Any], *args: Any) -> Any:
        now = time.monotonic()
        asked_s = _asked_s.get()
        _waits[self] = now, now + (self.patience_s() if asked_s is None else asked_s)
        try:
            return answer(*args)
        finally:
            _waits.pop(self, None)

    def cut(self, began: float) -> None:
        """Shut the socket, if this is still the wait that began then: its number may be another file's by now."""
        try:
            with socket.socket(fileno=os.dup(self.fileno())) as line:
                if _waits.get(self, NONE)[0] == began:
                    self.told()
                    line.shutdown(socket.SHUT_RDWR)
        except (OSError, psycopg2.Error) as error:
            log.debug("a connection was already down (%s)", type(error).__name__)


class PatientCursor(cursor):  # type: ignore[misc]
    def execute(self, *args: Any) -> Any:
        return self.connection.wait_for(super().execute, *args)


@contextmanager
def patient_for(seconds: float) -> Iterator[None]:
    """Every answer that this thread waits for in here may take that long, whatever its connection says."""
    token = _asked_s.set(seconds)
    try:
        yield
    finally:
        _asked_s.reset(token)


class Reluctant:
    """Opens connections by `connect`; for PAUSE_S after one was waited for in vain, nobody else waits.

    Else a server that accepts connections and then says nothing would hold every thread of a web process in turn.
    """

    def __init__(self, connect: Callable[[], Patient]) -> None:
        self._connect = connect
        self._not_before = -math.inf

    def __call__(self) -> Patient:
        """Raises psycopg2.OperationalError."""
        began = time.monotonic()
        if began < self._not_before:
            raise psycopg2.OperationalError("the database did not answer a moment ago")
        try:
            return self._connect()
        except psycopg2.OperationalError:
            if time.monotonic() > began + LONG_S:  # who is refused at once may try again at once
                self._not_before = time.monotonic() + PAUSE_S
            raise

    def cut(self) -> None:
        """A connection of ours was cut: do not wait for another one now."""
        self._not_before = time.monotonic() + PAUSE_S


class Watchdog:
    """One thread for all connections of the process."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def loop(self) -> None:
        """Look until stop()."""
        while not self._stop.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> int:
        """Cut what waits for too long; returns how many connections that were."""
        now = time.monotonic()
        late = [(conn, began) for conn, (began, end) in list(_waits.items()) if now > end]
        for conn, began in late:
            log.warning("the database has not answered for %.1f s; cutting the connection", now - began)
            conn.cut(began)
        return len(late)

    def stop(self) -> None:
        self._stop.set()
