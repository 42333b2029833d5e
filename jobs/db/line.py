"""A connection that is kept open between uses, and opened anew after it broke."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)


class Line:
    """One AUTOCOMMIT connection for one thread: no check-out, no ping, no BEGIN and COMMIT around each statement.

    `busy_since` (monotonic) is when the present use began; None: nobody waits for an answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conn: Connection | None = None
        self._raw: Any = None
        self.busy_since: float | None = None

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Raises what the database raises; the next use then opens a new connection.

        Any error may be the connection's: after a failover an old one leads to a server that only reads.
        """
        if self._conn is None:  # libpq bounds the wait for a connection by itself
            self._conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._raw = self._conn.connection.driver_connection
        self.busy_since = time.monotonic()
        try:
            yield self._conn
        except DBAPIError:
            self.close()
            raise
        finally:
            self.busy_since = None

    def cut(self) -> None:
        """Shut the socket, from another thread: whoever waits for an answer gets an error at once.

        A server that is frozen answers nothing, and no time-out of libpq's ends the wait: its kernel still answers.
        """
        try:
            with socket.socket(fileno=os.dup(self._raw.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError, psycopg2.Error) as error:
            log.debug("a line was already down (%s)", type(error).__name__)

    def close(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.invalidate()
            conn.close()
