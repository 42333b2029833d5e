"""A provider of identities: its private keys, and its key set on a real socket, which can fail in many ways."""

import json
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from config.settings import Auth

ISSUER, AUDIENCE = "https://id.example/", "yard"
Answer = Callable[[BaseHTTPRequestHandler], None]


@cache
def rsa_key(name: str = "a", bits: int = 2048) -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(name: str = "a", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> Any:
    return ec.generate_private_key(curve())


def jwk(key: Any, kid: object, **members: object) -> dict[str, Any]:
    """The public half; a member that is given as ... is left out."""
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    found = {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **members}
    found.pop("key_ops", None) if "key_ops" not in members else None
    return {name: value for name, value in found.items() if value is not ...}


def token(key: Any, kid: object = "a", headers: Any = None, **claims: object) -> str:
    """Signed as `key` does; a claim or a kid that is given as ... is left out."""
    now = int(time.time())
    sound = {"sub": "ada", "iat": now, "exp": now + 600, "iss": ISSUER, "aud": AUDIENCE}
    payload = {name: value for name, value in {**sound, **claims}.items() if value is not ...}
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return jwt.encode(payload, key, algorithm, headers={**({} if kid is ... else {"kid": kid}), **(headers or {})})


class Provider:
    """`answer` decides what a fetch gets; with a `certificate` (a PEM file with its key) it speaks TLS."""

    def __init__(self, *keys: Any, certificate: Path | None = None) -> None:
        self._certificate = certificate
        self.fetches = 0
        self.path = f"/{uuid.uuid4()}/jwks.json"  # another test's key set may still look for its own at our port
        self.port: int | None = None
        self.released = threading.Event()
        self.publish(*keys)
        self.start()

    def publish(self, *keys: Any) -> None:
        self.answer = plainly(json.dumps({"keys": list(keys)}).encode())

    def start(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != provider.path:
                    self.send_error(404)
                    return
                provider.fetches += 1
                with suppress(OSError):  # whoever asked has left
                    provider.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port or 0), Handler)
        self._server.daemon_threads = True
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()

    def close(self) -> None:
        self.released.set()
        self.stop()

    def hold(self, request: BaseHTTPRequestHandler) -> None:
        """An answer that comes only when the test says so."""
        self.released.wait(60)
        request.send_error(503)

    @property
    def url(self) -> str:
        return f"http{'s' if self._certificate else ''}://127.0.0.1:{self.port}{self.path}"

    def rules(self, **settings: Any) -> Auth:
        usual = {"algorithm": "RS256", "jwks_url": self.url, "issuer": ISSUER, "audience": AUDIENCE}
        return Auth(**{**usual, **settings})


def plainly(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def drips(start: bytes) -> Answer:
    """One byte after the other, for ever."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.wfile.write(start)
        while True:
            request.wfile.write(b" ")
            time.sleep(0.02)

    return answer


HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
BROKEN: dict[str, Answer] = {
    "500": plainly(b"{}", 500),
    "404": plainly(b"{}", 404),
    "a redirect": plainly(b"", 302, Location="/elsewhere"),
    "nothing": plainly(b""),
    "HTML": plainly(b"<html>Sign in</html>"),
    "not UTF-8": plainly(b"\xff\xfe\x00"),
    "a list": plainly(b"[]"),
    "no keys": plainly(b'{"keys": []}'),
    "keys is text": plainly(b'{"keys": "a"}'),
    "useless keys": plainly(b'{"keys": [null, 5, {}, {"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"}]}'),
    "deep": plainly(b"[" * 200_000),
    "huge": plainly(b" " * 300_000 + json.dumps({"keys": [jwk(rsa_key(), "b")]}).encode()),
    "cut off": plainly(b'{"keys": [', **{"Content-Length": "1000"}),
    "not HTTP": lambda request: request.wfile.write(b"\x16\x03\x01 hello\r\n\r\n"),
    "hangs up": lambda request: request.connection.shutdown(socket.SHUT_RDWR),
    "headers that never end": drips(HEAD + b"X-Slow: "),
    "a body that never ends": drips(HEAD + b"\r\n"),
}
