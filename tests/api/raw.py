"""A client that sends bytes as they are, and as slowly as it likes."""

import json
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from api.app import SECURITY

TIMEOUT_S = 10.0  # of a test that is about to fail


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Raw:
    def __init__(self, port: int, first: bytes = b"", *, reads_little: bool = False) -> None:
        self.sock = socket.socket()
        if reads_little:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def rest(self) -> bytes:
        """All that comes until the server ends the connection."""
        got = bytearray()
        with suppress(ConnectionResetError):
            while piece := self.sock.recv(65536):
                got += piece
        return bytes(got)

    def drips_until_it_is_answered(self) -> "Answer":
        """A byte every twentieth of a second."""
        self.sock.settimeout(0.05)
        for _ in range(round(TIMEOUT_S / 0.05)):
            try:
                self.sock.send(b"x")
                first = self.sock.recv(65536)
            except TimeoutError:
                continue
            self.sock.settimeout(TIMEOUT_S)
            return parsed(first + self.rest())
        raise AssertionError("it was never answered")


def answers(raw: bytes) -> list[Answer]:
    """All of them, one behind the other."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        assert length, raw[:200]
        size = int(length[1])
        found.append(parsed(head + b"\r\n\r\n" + rest[:size]))
        raw = rest[size:]
    return found


def parsed(raw: bytes) -> Answer:
    """One whole answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    found = re.fullmatch(r"HTTP/1\.1 (\d{3}) .+", status)
    assert found, raw[:200]
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return Answer(int(found[1]), headers, body)


def assert_refused(answer: Answer, status: int, code: str) -> str:
    """In the shape of every error, with its headers, on a connection that ends; returns the request id."""
    body = answer.json()
    assert (answer.status, body["code"], body["details"]) == (status, code, []), answer
    assert body.keys() == {"error", "code", "request_id", "details"}
    assert body["error"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Connection"] == "close"
    assert answer.headers.items() >= SECURITY.items()
    return str(body["request_id"])
