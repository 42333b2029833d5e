"""A connection that is kept open between uses, and opened anew after it broke."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError


class Line:
    """One AUTOCOMMIT connection for one thread: no check-out, no ping, no BEGIN and COMMIT around each statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conn: Connection | None = None

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Raises what the database raises; the next use then opens a new connection.

        Any error may be the connection's: after a failover an old one leads to a server that only reads.
        """
        if self._conn is None:
            self._conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield self._conn
        except DBAPIError:
            self.close()
            raise

    def close(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.invalidate()
            conn.close()
