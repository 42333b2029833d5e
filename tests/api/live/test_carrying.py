"""A Socket.IO session over its WebSocket: the last word is said, whoever says it."""

import socket
from collections.abc import Iterator

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from api.live.carrying import _exchange
from api.live.engine import Session
from api.live.frames import Frames
from api.live.telling import Telling
from tests.api.live.kit import made, opened

PATIENCE_S = 30.0


class Line:
    """The server's end of a WebSocket, and the client's."""

    def __init__(self) -> None:
        self.near, self._far = socket.socketpair()
        self._far.settimeout(PATIENCE_S)
        self._client = WSConnection(ConnectionType.CLIENT)
        head = self._client.send(Request(host="yard", target="/")).decode().split("\r\n")[1:-2]
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (one.split(": ") for one in head)}
        self.frames = Frames({**headers, "werkzeug.socket": self.near, "PATH_INFO": "/", "QUERY_STRING": ""})

    def heard(self) -> list[str]:
        """All that the client hears until the end."""
        texts: list[str] = []
        while data := self._far.recv(65536):
            self._client.receive_data(data)
            for event in self._client.events():
                if isinstance(event, CloseConnection):
                    return texts
                assert isinstance(event, AcceptConnection | TextMessage)
                texts += [event.data] if isinstance(event, TextMessage) else []
        return texts

    def close(self) -> None:
        self.near.close()
        self._far.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made_ = Line()
    yield made_
    made_.close()


class Interrupted(Telling):
    """Another thread has something to say, and ends the session, right after what was queued has been sent."""

    session: Session

    def send(self) -> None:
        super().send()
        if not self.session.closed:
            self.session.tell("the last word")
            self.session.close()


def test_what_is_said_as_the_session_ends_is_sent(line: Line):
    session, telling = opened(made([])), Interrupted()
    telling.session = session
    telling.begin(line.frames, session)
    session.telling = telling
    _exchange(session, line.frames, telling)
    line.frames.close()
    telling.close()
    assert line.heard() == ["4the last word", "1"]
