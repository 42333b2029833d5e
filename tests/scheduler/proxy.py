"""A way to the database that a test can cut, freeze and mend."""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass

from psycopg2.extensions import parse_dsn

READY = b"Z\0\0\0\5I"  # how an answer ends: what was asked has been carried out and committed
NO_LINGER = struct.pack("ii", 1, 0)  # a close then sends RST, and what was not yet sent is dropped


@dataclass(slots=True, eq=False)
class _Way:
    """One connection.  `doomed`: it breaks when its next answer is complete; `abrupt`: it ends without a FIN."""

    near: socket.socket
    far: socket.socket
    doomed: bool = False
    abrupt: bool = False

    def ends(self) -> tuple[socket.socket, socket.socket]:
        return self.near, self.far


class Proxy:
    """Listens on loopback and hands bytes on, each way in a thread of its own; `url` leads through it."""

    def __init__(self, url: str) -> None:
        target = parse_dsn(url)
        host, port = target.pop("host", "127.0.0.1"), int(target.pop("port", 5432))
        self._target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        target |= {"host": "127.0.0.1", "port": str(self.port), "sslmode": "disable"}
        self.url = " ".join(f"{name}='{value}'" for name, value in target.items())
        self._open, self._answers = True, True
        self._asking, self._answering = threading.Event(), threading.Event()
        self._delay_s = 0.0
        self._cut_at: tuple[bytes, bool] | None = None
        self.cuts = 0
        self._ways: list[_Way] = []
        self.mend()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks, and no new one comes about."""
        self._open = False
        self._break()

    def cut_at_answer(self) -> None:
        """What is asked reaches the database; the next answers are lost with their connections."""
        self._answers = False

    def cut_at(self, words: bytes, *, before: bool) -> None:
        """A connection breaks when a statement with these words is asked; `cuts` counts them.

        `before`: the server never hears of it; else it has carried it out and committed, and the answer is lost.
        """
        self._cut_at = words, before

    def freeze(self) -> None:
        """Connections stay open, and nothing comes through; new ones are accepted and hear nothing."""
        self.hold_requests()
        self.hold_answers()

    def hold_requests(self) -> None:
        """What is asked comes only after mend(), on connections that are still open then."""
        self._asking.clear()

    def hold_answers(self) -> None:
        """What is asked reaches the database; its answers come only after mend()."""
        self._answering.clear()

    def delay(self, by_s: float) -> None:
        """Each answer comes that much later."""
        self._delay_s = by_s

    def reset(self) -> None:
        """Every connection ends with RST; new ones come about."""
        for way in self._let_go():
            way.abrupt = True
            for end in way.ends():
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                    end.shutdown(socket.SHUT_RD)

    def mend(self) -> None:
        self._open = self._answers = True
        self._delay_s, self._cut_at = 0.0, None
        self._asking.set()
        self._answering.set()

    def close(self) -> None:
        """What was held back is dropped: it must not reach the database in the middle of the next test."""
        self._server.close()
        self._break()
        self.mend()

    def _break(self) -> None:
        for way in self._let_go():
            _shut(way)

    def _let_go(self) -> list[_Way]:
        """Every connection; one that comes about meanwhile belongs to the next time."""
        ways, self._ways = self._ways, []
        return ways

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                try:
                    self._connect(near)
                except OSError:
                    near.close()

    def _connect(self, near: socket.socket) -> None:
        """Raises OSError while the way is cut, and when there is no database at its end."""
        if not self._open:
            raise ConnectionRefusedError
        far = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
        far.connect(self._target)
        way = _Way(near, far)
        self._ways.append(way)
        for hand_on in (self._ask, self._answer):
            threading.Thread(target=hand_on, args=(way,), name="proxy", daemon=True).start()

    def _ask(self, way: _Way) -> None:
        with contextlib.suppress(OSError), way.near, way.far:
            while data := way.near.recv(65536):
                self._asking.wait()
                if self._cuts(way, data):
                    break
                way.far.sendall(data)
            _shut(way)

    def _cuts(self, way: _Way, data: bytes) -> bool:
        """Whether the connection breaks here and now."""
        words, before = self._cut_at or (None, False)
        if words is None or words not in data:
            return False
        self.cuts += 1
        way.doomed = not before
        return before

    def _answer(self, way: _Way) -> None:
        with contextlib.suppress(OSError), way.near, way.far:
            while data := way.far.recv(65536):
                self._answering.wait()
                if not self._answers or (way.doomed and data.endswith(READY)):
                    break
                if way.doomed:
                    continue
                if self._delay_s:
                    time.sleep(self._delay_s)
                way.near.sendall(data)
            _shut(way)


def _shut(way: _Way) -> None:
    for end in way.ends() if not way.abrupt else ():
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
