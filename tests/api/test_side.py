"""The small server of a process that has no other.  What it shows of a real one: tests/deploy/test_prometheus.py."""

import socket

import pytest
from flask import Flask

from api import side
from jobs.errors import SetupError
from tests.processes import free_port


def test_a_port_that_is_taken_is_told_with_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SetupError, match=rf"^scheduler: cannot listen .* {port}: .*another scheduler.metrics_port$"
        ):
            side.serve(Flask("side"), "127.0.0.1", port)


def test_a_client_that_says_nothing_is_let_go_and_keeps_nobody_waiting(monkeypatch):
    assert side._Handler.timeout == side.SILENT_CLIENT_S
    monkeypatch.setattr(side._Handler, "timeout", 0.2)
    app, port = Flask("side"), free_port()
    app.add_url_rule("/", view_func=lambda: "here")
    side.serve(app, "127.0.0.1", port)
    with (
        socket.create_connection(("127.0.0.1", port), 20) as silent,
        socket.create_connection(("127.0.0.1", port), 20) as one,
    ):
        one.sendall(b"GET / HTTP/1.0\r\n\r\n")
        said = b""
        while more := one.recv(4096):
            said += more
        assert said.endswith(b"here")
        assert silent.recv(1) == b""
