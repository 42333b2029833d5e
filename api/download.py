"""Fetches a small document over HTTP(S) within bounds of time and size, whatever the other side does."""

import http.client
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any, cast


class DownloadError(Exception):
    """str() tells in words for the log what went wrong, and nothing of what was sent."""


def download(url: str, *, timeout_s: float, max_bytes: int) -> bytes:
    """The body that a GET of `url` is answered with.

    Redirects are refused: one could lead from https to a place that anybody can write to.  A proxy that the
    environment names (HTTPS_PROXY) is used.  The time bounds the whole, but for the look-up of the name and the TLS
    handshake, whose every step it bounds.  Raises DownloadError.
    """
    deadline = _Deadline(timeout_s)
    try:
        with deadline, _opener(deadline).open(url, timeout=timeout_s) as answer:
            body = cast("bytes", answer.read(max_bytes + 1))
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"it answers {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(f"it cannot be fetched within {timeout_s:g} s ({_kind(error)})") from None
    if deadline.is_past():
        raise DownloadError(f"it did not come whole within {timeout_s:g} s")
    if len(body) > max_bytes:
        raise DownloadError(f"it is larger than {max_bytes:,} bytes")
    return body


class _Deadline:
    """Shuts connections when the time is up: a socket's own time-out begins anew at each byte."""

    def __init__(self, timeout_s: float) -> None:
        self._end_s = time.monotonic() + timeout_s
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(timeout_s, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def is_past(self) -> bool:
        return time.monotonic() >= self._end_s

    def bind(self, opened: socket.socket) -> None:
        self._sockets.append(opened)
        if self.is_past():
            self._shut()

    def _shut(self) -> None:
        """Ends a read that waits in another thread, which close() would not."""
        for each in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # TLS sockets' own takes away what the reader works with


def _opener(deadline: _Deadline) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Plain(deadline), _Secure(deadline), _NoRedirect)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None makes an error of it."""


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_bound(http.client.HTTPConnection, self._deadline), request)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        self._trusted = ssl.create_default_context()
        super().__init__(context=self._trusted)
        self._deadline = deadline

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_bound(http.client.HTTPSConnection, self._deadline), request, context=self._trusted)


def _bound(kind: type[http.client.HTTPConnection], deadline: _Deadline) -> Any:
    """Connections of this kind, each of which the deadline ends."""

    class Bound(kind):  # type: ignore[misc, valid-type]  # mypy knows no class that is given as an argument
        def connect(self) -> None:
            super().connect()
            deadline.bind(self.sock)

    return Bound


def _kind(error: Exception) -> str:
    """What happened, which urllib may have wrapped."""
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__
