"""A proxy that ends TLS, as a platform's does: one request a connection, and it says what it ended."""

import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from contextlib import closing, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
HEAD_BYTES = 65536


def certificate(folder: Path) -> Path:
    """One file with a new key and its self-signed certificate for HOST; whoever trusts it names it as its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    about = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    about = about.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    about = about.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
    )
    plain, pem = serialization.NoEncryption(), serialization.Encoding.PEM
    file = folder / "proxy.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        + about.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return file


class TlsProxy:
    """Listens on `port` and hands each request on to `to_port`, with X-Forwarded-Proto and X-Forwarded-For behind what
    the client says of itself, as proxies do that only add."""

    def __init__(self, to_port: int, file: Path) -> None:
        self._to_port = to_port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(file)
        self._server = socket.create_server((HOST, 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, name="tls", daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), closing(self._context.wrap_socket(client, server_side=True)) as near:
            head, rest = _head(near)
            with socket.create_connection((HOST, self._to_port)) as far:
                far.sendall(_forwarded(head) + rest)
                _hand_on(near, far)


def _head(near: ssl.SSLSocket) -> tuple[bytes, bytes]:
    """Raises OSError when the client leaves, as a browser does with a connection that it opened in advance."""
    got = b""
    while b"\r\n\r\n" not in got:
        if not (more := near.recv(HEAD_BYTES)) or len(got) > HEAD_BYTES:
            raise OSError
        got += more
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def _forwarded(head: bytes) -> bytes:
    request, *headers = head.split(b"\r\n")
    upgrades = any(header.lower().startswith(b"upgrade:") for header in headers)
    kept = [header for header in headers if upgrades or not header.lower().startswith(b"connection:")]
    added = [
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-For: 203.0.113.7",
        *([] if upgrades else [b"Connection: close"]),
    ]
    return b"\r\n".join([request, *kept, *added]) + b"\r\n\r\n"


def _hand_on(near: ssl.SSLSocket, far: socket.socket) -> None:
    """Both ways until one of them ends, in one thread: two must not use one TLS connection."""
    while True:
        readable = [near] if near.pending() else select.select([near, far], [], [])[0]
        for source in readable:
            part = source.recv(HEAD_BYTES)
            if not part:
                return
            (far if source is near else near).sendall(part)
