"""Hear NOTIFY on a connection of its own; a hint is never relied upon."""

import logging
import select
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg2

from jobs.db.engine import connect_patiently
from jobs.telemetry import ListenerChanged, emit

log = logging.getLogger(__name__)

QUIET_S = 1.0  # how often the loop looks whether it shall end
PAUSE_S = 1.0  # between two tries to connect
CONNECT_TIMEOUT_S = 5
ANSWER_S = 5.0


class Listener:
    """Calls `heard[channel](payload)` for each NOTIFY on these channels, and `connected()` after every (re)connection.

    What was sent while there was no connection is lost: `connected` is the moment to look for oneself.
    """

    def __init__(self, url: str, heard: Mapping[str, Callable[[str], None]], connected: Callable[[], None]) -> None:
        self._url = url
        self._heard = heard
        self._connected = connected
        self._connections = 0
        self._gone_at: float | None = time.monotonic()  # None: the connection is there
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._tell(connected=False)
        self._thread.start()

    def stop(self) -> None:
        """The thread ends within QUIET_S."""
        self._stop.set()

    def gone_s(self) -> float:
        """How long there has been no connection; 0 while there is one."""
        gone_at = self._gone_at
        return 0.0 if gone_at is None else time.monotonic() - gone_at

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (psycopg2.Error, OSError) as error:
                log.warning("the listener lost its connection (%s); polling goes on", type(error).__name__)
            except Exception:  # of those who hear: the loop guard, without which this process hears nothing any more
                log.exception("what the listener heard broke its loop; connecting again")
            else:
                continue
            self._stop.wait(PAUSE_S)

    def _listen(self) -> None:
        conn = connect_patiently(self._url, CONNECT_TIMEOUT_S, "yardmaster listener")
        conn.patience_s = lambda: ANSWER_S
        try:
            conn.autocommit = True
            with conn.cursor() as cursor:
                cursor.execute("; ".join(f"listen {channel}" for channel in self._heard))
            self._connections += 1
            self._tell(connected=True)
            self._connected()
            while not self._stop.is_set():
                self._wait(conn)
        finally:
            conn.close()
            if self._gone_at is None:
                self._tell(connected=False)

    def _tell(self, *, connected: bool) -> None:
        self._gone_at = None if connected else time.monotonic()
        emit(ListenerChanged(connected, self._connections))

    def _wait(self, conn: Any) -> None:
        if select.select([conn], [], [], QUIET_S)[0]:
            conn.poll()
        while conn.notifies:
            notify = conn.notifies.pop(0)
            self._heard[notify.channel](notify.payload)
