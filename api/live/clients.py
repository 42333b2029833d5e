"""Who is connected, as python-socketio keeps it, with a lock: its lists of clients are changed by many threads."""

import threading
from typing import Any

from socketio import Manager


class Clients(Manager):  # type: ignore[misc]  # socket.io has no types
    """The library looks whether a list is empty and then removes it: a client that comes in between would be lost."""

    def __init__(self) -> None:
        super().__init__()
        self._changing = threading.RLock()

    def pre_connect(self, *given: Any, **named: Any) -> Any:
        with self._changing:
            return super().pre_connect(*given, **named)

    def connect(self, *given: Any, **named: Any) -> Any:
        with self._changing:
            return super().connect(*given, **named)

    def is_connected(self, *given: Any, **named: Any) -> Any:
        with self._changing:  # it looks whether there is a list, and then into it
            return super().is_connected(*given, **named)

    def pre_disconnect(self, *given: Any, **named: Any) -> Any:
        with self._changing:
            return super().pre_disconnect(*given, **named)

    def disconnect(self, *given: Any, **named: Any) -> Any:
        with self._changing:
            return super().disconnect(*given, **named)
