"""A way to the database that a test can cut, freeze and mend."""

import contextlib
import socket
import threading
import time

from psycopg2.extensions import parse_dsn


class Proxy:
    """Listens on loopback and hands bytes on, each way in a thread of its own; `url` leads through it."""

    def __init__(self, url: str) -> None:
        target = parse_dsn(url)
        host, port = target.pop("host", "127.0.0.1"), int(target.pop("port", 5432))
        self._target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        target |= {"host": "127.0.0.1", "port": str(self._server.getsockname()[1]), "sslmode": "disable"}
        self.url = " ".join(f"{name}='{value}'" for name, value in target.items())
        self._flow, self._open, self._answers = threading.Event(), True, True
        self._delay_s = 0.0
        self._flow.set()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks, and no new one comes about."""
        self._open = False
        self._break()

    def cut_at_answer(self) -> None:
        """What is asked reaches the database; the next answers are lost with their connections."""
        self._answers = False

    def freeze(self) -> None:
        """Connections stay open, and nothing comes through; new ones are accepted and hear nothing."""
        self._flow.clear()

    def delay(self, by_s: float) -> None:
        """Each answer comes that much later."""
        self._delay_s = by_s

    def mend(self) -> None:
        self._open = self._answers = True
        self._delay_s = 0.0
        self._flow.set()

    def close(self) -> None:
        """What was held back is dropped: it must not reach the database in the middle of the next test."""
        self._server.close()
        self._break()
        self._flow.set()

    def _break(self) -> None:
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

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
        self._sockets += [near, far]
        for source, sink, answers in ((near, far, False), (far, near, True)):
            threading.Thread(target=self._hand_on, args=(source, sink, answers), name="proxy", daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001 - one caller
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65536):
                self._flow.wait()
                if answers and not self._answers:
                    break
                if answers and self._delay_s:
                    time.sleep(self._delay_s)
                sink.sendall(data)
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)
