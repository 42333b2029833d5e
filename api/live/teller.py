"""Tells Socket.IO's connections, and looks at each of them every second.

a Follower has news                    --> news() --> what has room is queued, by whoever brings it
a client has taken what was on its way --> wake() --> the same, by the one thread of all connections
"""

import logging
import threading
import time
from collections.abc import Callable

from engineio.exceptions import EngineIOError
from socketio.packet import EVENT

from api.live.engine import QUEUED, Session

log = logging.getLogger(__name__)

LOOK_S = 1.0


class Teller:
    """`look` is called every second with the time (monotonic); False ends the thread until the next wake()."""

    def __init__(self, look: Callable[[float], bool]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._woken: dict[Session, None] = {}  # in the order in which they came
        self._awake = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self, session: Session) -> None:
        """Never blocks."""
        with self._lock:
            self._woken[session] = None
            if self._thread is None:
                thread = threading.Thread(target=self._loop, name="socket.io", daemon=True)
                thread.start()  # which the system may refuse: then the next to wake it tries again
                self._thread = thread
        self._awake.set()

    def news(self, session: Session) -> None:
        """Its Follower has some: told at once by whoever brings it, unless another tells it already.  Never blocks."""
        if not session.filling.acquire(blocking=False):
            self.wake(session)
            return
        try:
            self._tell(session)
        finally:
            session.filling.release()

    def _loop(self) -> None:
        look_at = time.monotonic() + LOOK_S
        while True:
            self._awake.wait(max(0.0, look_at - time.monotonic()))
            self._awake.clear()
            with self._lock:
                woken, self._woken = self._woken, {}
            for session in woken:
                with session.filling:
                    self._tell(session)
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_S
                if not self._looked() and self._is_over():
                    return

    def _looked(self) -> bool:
        try:
            return self._look(time.monotonic())
        except Exception:  # the loop guard: without this thread no Socket.IO client hears anything any more
            log.exception("a look at the Socket.IO connections failed; trying again")
            return True

    def _is_over(self) -> bool:
        with self._lock:
            if self._woken:
                return False
            self._thread = None
            return True

    def _tell(self, session: Session) -> None:
        try:
            tell(session)
        except EngineIOError:  # it has just ended
            session.close()
        except Exception:  # one connection's fault must not end the news of all others
            log.exception("a Socket.IO connection could not be told")
            session.close()


def tell(session: Session) -> None:
    """Queues what there is room for.  Raises EngineIOError when the session is over."""
    follower = session.follower
    if follower is None or not session.is_ready:
        return
    while messages := follower.take(most=_room(session)):
        for message in messages:
            session.tell(f'{EVENT}["{message.name}",{message.json()}]')
    if follower.closed or follower.overrun:
        session.close()


def _room(session: Session) -> int:
    """In its queue; 0: whoever takes something out of it from now on wakes us."""
    session.is_held_back = False
    if session.queue.qsize() >= QUEUED:
        session.is_held_back = True  # and then look again: it may have been taken meanwhile
    return max(0, QUEUED - int(session.queue.qsize()))
