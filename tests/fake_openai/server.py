"""The app on a socket of this machine, one thread a call."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from tests.fake_openai.app import create_app
from tests.fake_openai.ledger import Call, Ledger


class _Server(ThreadedWSGIServer):
    request_queue_size = 1024  # a bench connects hundreds of clients at once


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # chunked bodies, so that an aborted one can be told from a finished one

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  the name is werkzeug's
        """The ledger is the log."""


@dataclass(frozen=True, slots=True)
class FakeOpenAI:
    base_url: str
    ledger: Ledger

    @property
    def calls(self) -> list[Call]:
        return self.ledger.calls

    def script(self, *scenarios: str) -> None:
        self.ledger.script(*scenarios)


@contextmanager
def running(port: int = 0) -> Iterator[FakeOpenAI]:
    """A server of its own on 127.0.0.1; port 0 takes a free one."""
    ledger = Ledger()
    server = _Server("127.0.0.1", port, create_app(ledger), _Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield FakeOpenAI(f"http://127.0.0.1:{server.port}/v1", ledger)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
