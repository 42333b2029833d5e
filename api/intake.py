"""Gathers one request until all of it is here, whatever the pace: no thread and no blocking read.

    bytes --> head (bounded) --> gunicorn's parser --> body (bounded) --> complete

What a request means is for gunicorn's parser alone to say; this finds only where it ends.
"""

import io
from collections import deque
from typing import Any

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from api.refusals import LONG_BODY, LONG_HEAD, LONG_LINE, Refused, refusal

LINE_BYTES = 8190  # of the request line, and of one header: gunicorn's parser knows no larger one
EXPECTED = "_expected_100_continue"  # gunicorn has no public name for it
PIECE_BYTES = 8192
HEX_DIGITS = 8  # of a chunk's size: gigabytes


class Intake:
    """One request as it comes in; `request` is gunicorn's, None until the head is here."""

    def __init__(self, cfg: Any, client: Any, *, head_bytes: int, body_bytes: int) -> None:
        self.request: Any = None
        self.is_complete = False
        self.size = 0  # bytes so far
        self._cfg, self._client = cfg, client
        self._head_bytes, self._body_bytes = head_bytes, body_bytes
        self._tape = _Tape()
        self._head = bytearray()
        self._end: _Length | _Chunks = _Length(0)

    @property
    def wants_continue(self) -> bool:
        """Whether the client waits for a word before it sends the body."""
        return self.request is not None and not self.is_complete and bool(getattr(self.request, EXPECTED))

    def feed(self, data: bytes) -> None:
        """Raises Refused for what is too large or no HTTP."""
        self.size += len(data)
        if self.request is None:
            self._feed_head(data)
        else:
            self._tape.feed(data)
            self._look(data)

    def unpack(self) -> bytes:
        """Reads the complete body and lays it before the application; returns what came behind it, of the next request.

        Raises Refused for chunks that are not valid.
        """
        try:
            body = self.request.body.read()
        except (ParseException, NoMoreData) as fault:
            raise Refused(refusal(fault)) from None
        self.request.body = io.BytesIO(body)
        setattr(self.request, EXPECTED, False)  # or gunicorn would ask for a body that is here
        return self._tape.rest()

    def _feed_head(self, data: bytes) -> None:
        self._head += data
        # A line's end in the new bytes is what may complete the head, or show that it never will (a bare LF).
        if b"\n" in data and (b"\r\n\r\n" in self._head or self._head.count(b"\n") > self._head.count(b"\r\n")):
            self._parse()
        elif len(self._head) > LINE_BYTES and b"\r\n" not in self._head[: LINE_BYTES + 4]:
            raise Refused(LONG_LINE)
        elif len(self._head) > self._head_bytes:
            raise Refused(LONG_HEAD)

    def _parse(self) -> None:
        head, _, rest = bytes(self._head).partition(b"\r\n\r\n")
        if len(head) > self._head_bytes:
            raise Refused(LONG_HEAD)
        self._tape.feed(bytes(self._head))
        self._head.clear()
        try:
            self.request = Request(self._cfg, self._tape, self._client)
        except (ParseException, NoMoreData) as fault:
            raise Refused(refusal(fault)) from None
        reader = self.request.body.reader
        self._end = _Length(reader.length) if isinstance(reader, LengthReader) else _Chunks()
        self._look(rest)

    def _look(self, data: bytes) -> None:
        self.is_complete = self._end.feed(data)
        if self._end.announced > self._body_bytes or self.size > 2 * self._body_bytes + self._head_bytes:
            raise Refused(LONG_BODY)  # the second: chunks of one byte, or with long extensions


class _Tape(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """Gives the parser what has come, and then an end.

    In pieces as small as a socket would give: for each chunk of a body the parser copies all that it has been given.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pieces: deque[bytes] = deque()

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        if not self._pieces:
            return b""
        piece, size = self._pieces.popleft(), max(PIECE_BYTES, size_hint or 0)
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
        return piece[:size]

    def rest(self) -> bytes:
        return bytes(self.take_buffered()) + b"".join(self._pieces)


class _Length:
    """Where a body of known length ends."""

    def __init__(self, length: int) -> None:
        self.announced = self._left = length

    def feed(self, data: bytes) -> bool:
        self._left -= len(data)
        return self._left <= 0


class _Chunks:
    """Where a body in chunks ends (RFC 9112, section 7.1); what is wrong with one ends it, for the parser to say."""

    def __init__(self) -> None:
        self.announced = 0
        self._line = b""  # begun, and not yet ended
        self._skip = 0  # bytes of the chunk, and of its line end, that are still to come
        self._is_last = False  # the empty chunk was there: trailers follow, and an empty line

    def feed(self, data: bytes) -> bool:
        seen, at = self._line + data, 0
        while True:
            skipped = min(self._skip, len(seen) - at)
            self._skip, at = self._skip - skipped, at + skipped
            end = seen.find(b"\r\n", at)
            if self._skip or end < 0:
                self._line = seen[at:]
                return len(self._line) > LINE_BYTES
            if self._ends(seen[at:end]):
                return True
            at = end + len(b"\r\n")

    def _ends(self, line: bytes) -> bool:
        if self._is_last:
            return not line
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > HEX_DIGITS or digits.strip(b"0123456789abcdefABCDEF"):
            return True
        size = int(digits, 16)
        self.announced += size
        self._is_last, self._skip = size == 0, size and size + 2
        return False
