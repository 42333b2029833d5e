"""Engine.IO by hand: requests and frames as no honest client sends them, one at a time."""

import json
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api import auth
from tests.processes import SECRET, Web, wait_until

PATIENCE_S = 30
WRONG_QUERIES = {
    "no version": "transport=polling",
    "an old version": "EIO=3&transport=polling",
    "another transport": "EIO=4&transport=webtransport",
    "markup": "EIO=4&transport=<script>",
    "a session that is not there": "EIO=4&transport=polling&sid=<script>alert(1)</script>",
    "no session": "EIO=4&transport=polling&sid=",
    "many sessions": "EIO=4&transport=polling&sid=a&sid=b",
    "half a character": "EIO=4&transport=polling&sid=%ff%00",
}
WRONG_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no packet": b"x",
    "a packet of no type": b"9",
    "text that is none": b"\xff\xfe",
    "binary": b"bAAECAw==",
    "binary that is none": b"b!",
    "an event with attachments": b'451-["x",{"_placeholder":true,"num":0}]',
    "an unknown packet of Socket.IO": b"49",
    "a refusal, from a client": b'44{"message":"no"}',
    "broken JSON": b"42{",
    "an event without a name": b"42[]",
    "an event that is none": b'42"x"',
    "brackets without end": b"42" + b"[" * 4000,
    "others": b"4" + b"[" * 4000,
    "a number without end": b"42[" + b"9" * 4000 + b"]",
    "an id without end": b"42" + b"9" * 200 + b"[]",
    "too many packets": b"\x1e".join([b"3"] * 17),
    "JSONP": b"d=%5B",
    "a namespace that is not there": b"40/admin,",
    "an event before the handshake": b'42["x"]',
    "a ping of the client": b"2",
}
STRANGE_FRAMES: dict[str, str | bytes] = {
    "binary": b"\x00\x01",
    "nothing": "",
    "no packet": "x",
    "brackets without end": "42" + "[" * 4000,
    "others": "4" + "[" * 4000,
}


class Answer:
    def __init__(self, response: HTTPResponse) -> None:
        self.status, self.headers, self.text = response.status, response.headers, response.read().decode()

    @property
    def error(self) -> dict[str, Any]:
        """It is one of ours."""
        told = json.loads(self.text)
        assert self.headers["Content-Type"] == "application/json"
        assert set(told) == {"error", "code", "request_id", "details"}
        return told


def ask(web: Web, query: str, body: bytes | str | None = None, method: str | None = None, **headers: str) -> Answer:
    line = HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE_S)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        line.request(method or ("GET" if body is None else "POST"), f"/socket.io/?{query}", body=body, headers=sent)
        return Answer(line.getresponse())
    finally:
        line.close()


def begin(web: Web) -> str:
    """A new session's id; the server may still be busy with those of the test before."""
    opened = wait_until(lambda: (it := ask(web, "EIO=4&transport=polling")).status == 200 and it, "place for a session")
    assert opened.text[0] == "0"
    return json.loads(opened.text[1:])["sid"]


def of(sid: str) -> str:
    return f"EIO=4&transport=polling&sid={sid}"


def signed_in(web: Web, user: str = "ann") -> str:
    """The id of a session whose client has said who it is."""
    sid = begin(web)
    assert ask(web, of(sid), f'40{{"token":"{auth.issue(SECRET, user)}"}}').status == 200
    assert ask(web, of(sid)).text.startswith('40{"sid":')
    return sid


def frames(web: Web, sid: str | None = None, **options: Any) -> ClientConnection:
    query = "EIO=4&transport=websocket" + (f"&sid={sid}" if sid else "")
    url = f"ws://127.0.0.1:{web.port}/socket.io/?{query}"
    return connect(url, open_timeout=PATIENCE_S, compression=None, **options)


def end_of(client: ClientConnection) -> int:
    """The code with which the server closes it."""
    try:
        while True:
            client.recv(timeout=PATIENCE_S)
    except ConnectionClosed:
        assert client.close_code is not None
        return client.close_code
