"""A client's connection: its socket, on which nobody waits, and where its request and answer stand."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum
from typing import Any

from api.intake import Intake
from api.refusals import LATE_BODY, LATE_HEAD, Refusal


class State(IntEnum):
    """In all but BUSY a connection costs its memory alone; those before it make room for others.

    PARTING  the last answer is read; whatever still comes is thrown away
    QUIET    no byte of a request is here
    HEAD     a request has begun; until header_s
    BODY     its head is here; until body_s
    ANSWER   the system's buffers are full of the answer, and the client reads; until answer_s
    BUSY     all of the request is here: a thread has the application answer it
    """

    PARTING = 0
    QUIET = 1
    HEAD = 2
    BODY = 3
    ANSWER = 4
    BUSY = 5


TOO_LATE: Mapping[State, Refusal] = {State.HEAD: LATE_HEAD, State.BODY: LATE_BODY}  # others end without a word


class Line(socket.socket):
    """A client's socket, on which sending never waits: what does not fit is kept in `unsent`."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self.settimeout(0)
        self.unsent = b""

    def sendall(self, data: Any, _flags: int = 0) -> None:
        self.unsent += bytes(data)
        self.push()

    def push(self) -> None:
        """Sends what it can.  Raises OSError when the client is gone."""
        with suppress(BlockingIOError):
            while self.unsent:
                self.unsent = self.unsent[self.send(self.unsent, socket.MSG_DONTWAIT) :]

    def twin(self) -> "Line":
        """The same socket by a number of its own, on which nothing is unsent.  Raises OSError when this is closed."""
        return Line(socket.socket(fileno=os.dup(self.fileno())))


class Connection:
    """What gunicorn calls a TConn: `sock`, `client` and `server` are read by its handle_request."""

    def __init__(self, sock: Line, client: Any, server: Any, intake: Intake) -> None:
        self.sock, self.client, self.server, self.intake = sock, client, server, intake
        self.state = State.QUIET
        self.since_s = self.until_s = self.began_s = time.monotonic()  # `began_s`: the request's first byte
        self.watched = 0  # what the loop waits for: selectors.EVENT_*, 0 for nothing
        self.thrown = 0  # bytes that came while parting
        self.keeps = False  # whether another request may follow the answer
        self.rest = b""  # what came behind the request

    def enter(self, state: State, lasting_s: float) -> None:
        self.state, self.since_s = state, time.monotonic()
        self.until_s = self.since_s + lasting_s
