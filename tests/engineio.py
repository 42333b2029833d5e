"""Engine.IO by hand: requests and frames as no honest client sends them, one at a time."""

import json
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api import auth
from tests.processes import SECRET, Web, wait_until

PATIENCE_S = 30


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
