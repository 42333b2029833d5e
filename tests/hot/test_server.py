"""What the web server grants to slow clients, changed while it serves."""

from pathlib import Path

from tests.api.raw import Raw, assert_refused, parsed
from tests.api.server_process import Served, until
from tests.api.test_slow_clients import BIG, HEAD, SENT, closing_at_end, connected
from tests.hot.kit import replace, shows

LONG = b"api: {header_s: 600, body_s: 600, answer_s: 600}"
SHORT = b"api: {header_s: 0.2, body_s: 0.2, answer_s: 0.2, header_bytes: 4096}"
LARGE_HEAD = HEAD + b"X-Large: " + b"x" * 5000 + b"\r\nConnection: close\r\n\r\n"


def asked(server: Served, request: bytes) -> int:
    with Raw(server.port(), request) as client:
        return parsed(client.rest()).status


@shows("api.header_s", "api.body_s", "api.answer_s", "api.header_bytes")
def test_what_slow_clients_may_take(tmp_path: Path, database_url: str):
    file = tmp_path / "config.yaml"
    file.write_bytes(LONG)
    with closing_at_end(Served(tmp_path, database_url, environ={"YARD_CONFIG": str(file)})) as server:
        assert asked(server, LARGE_HEAD) == 200
        replace(file, SHORT)
        until(lambda: asked(server, LARGE_HEAD) == 431, "the new limit of a head")
        for kind in ("half a head", "half a body"):
            with Raw(server.port(), SENT[kind]) as client:
                assert_refused(parsed(client.rest()), 408, "too_slow")
        with Raw(server.port(), BIG, reads_little=True) as client:
            until(lambda: not connected(server.worker(), client), "the end of who does not read")
