"""How an answer goes over the wire, in pieces or whole, and whether anyone still listens."""

import json
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fake_openai.ledger import ANSWERED, CUT_BY_CLIENT, CUT_BY_SERVER, Call
from tests.fake_openai.scenarios import Options, Says

DRIP_EVERY_S = 0.02
GARBLED = b"data: {this is no JSON\n\n"


@dataclass(frozen=True, slots=True)
class Line:
    """The client's end of a call."""

    sock: socket.socket

    def hung_up(self, *, within_s: float = 0.0) -> bool:
        """Wait at most so long for the client to close; it sends nothing more while it waits for us."""
        readable, _, _ = select.select([self.sock], [], [], within_s)
        try:
            return bool(readable) and self.sock.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:
            return True

    def wait_for_hang_up(self) -> None:
        while not self.hung_up(within_s=60.0):
            pass


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said on one call; chunk_chars, chunk_delay_s and first_delay_s are options of all scenarios."""

    call: Call
    says: Says
    options: Options
    line: Line
    with_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def events(self) -> Iterator[bytes]:
        """The answer as server-sent events, until it is said, breaks, or the client hangs up."""
        try:
            for event in self._events():
                if self.line.hung_up(within_s=0):
                    break
                yield event
            else:
                self.call.end(CUT_BY_SERVER if self.says.breaks else ANSWERED)
        finally:
            self.call.end(CUT_BY_CLIENT)

    def body(self) -> dict[str, Any]:
        """The answer as one JSON document."""
        message = {"role": "assistant", "content": self.says.content, "refusal": self.says.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.says.finish_reason}
        return self._envelope("chat.completion", [choice] if self.says.has_choices else [], usage=True)

    def _events(self) -> Iterator[bytes]:
        self.line.hung_up(within_s=float(self.options.get("first_delay_s", "0")))
        pieces = self._pieces()
        yield from self._said(pieces[: len(pieces) // 2 + 1] if self.says.breaks else pieces)
        if self.says.breaks:
            yield from self._break()
        else:
            yield from self._ending()

    def _pieces(self) -> list[str]:
        size = int(self.options.get("chunk_chars", "64"))
        return [self.says.content[n : n + size] for n in range(0, len(self.says.content), size)]

    def _said(self, pieces: list[str]) -> Iterator[bytes]:
        delay_s = float(self.options.get("chunk_delay_s", "0"))
        yield from self._choice({"role": "assistant", "content": ""})
        for piece in pieces:
            yield from self._choice({"content": piece})
            if delay_s:
                self.line.hung_up(within_s=delay_s)

    def _ending(self) -> Iterator[bytes]:
        if self.says.refusal:
            yield from self._choice({"refusal": self.says.refusal})
        yield from self._choice({}, finish_reason=self.says.finish_reason)
        if self.with_usage:
            yield _event(self._envelope("chat.completion.chunk", [], usage=True))
        yield b"data: [DONE]\n\n"

    def _break(self) -> Iterator[bytes]:
        match self.says.breaks:
            case "abort":
                self.call.end(CUT_BY_SERVER)
                raise ConnectionAbortedError
            case "hang":
                self.line.wait_for_hang_up()
                yield b": nobody reads this\n\n"
            case "drip":
                while True:  # until events() sees that nobody reads any more
                    self.line.hung_up(within_s=DRIP_EVERY_S)
                    yield b": still working\n\n"
            case "garble":
                yield GARBLED
            case "error":
                code = self.options.get("code", "server_error")
                yield _event({"error": {"message": "Secret details", "type": code, "code": code}})

    def _choice(self, delta: dict[str, str], finish_reason: str | None = None) -> Iterator[bytes]:
        if self.says.has_choices:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            yield _event(self._envelope("chat.completion.chunk", [choice]))

    def _envelope(self, kind: str, choices: list[dict[str, Any]], *, usage: bool = False) -> dict[str, Any]:
        head = {
            "id": f"chatcmpl-{self.call.id}",
            "object": kind,
            "created": self.created,
            "model": self.options.get("model", self.call.model),
        }
        return {**head, "choices": choices, "usage": self._usage() if usage else None}

    def _usage(self) -> dict[str, int]:
        """A token is four characters here, so that a test can foretell it."""
        prompt = sum(len(str(message.get("content"))) for message in self.call.messages) // 4
        completion = len(self.says.content) // 4
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"
