"""Who is asking: reads signed tokens (JWT), and makes them for development."""

import ipaddress
import logging
import math
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import jwt

from api.jwks import Key, is_kid
from api.key_set import KeySet
from config.settings import Auth
from jobs.errors import SetupError, YardError

TOKEN_CHARS = 8192
USER_ID_CHARS = 200
SECRET_BYTES = 32
DEVELOPMENT_KEY = "jwt-secret"  # a file under the data folder
REQUIRED = ("exp", "iat", "sub")  # beside "iss" and "aud", where those are configured
USUAL = Auth()

log = logging.getLogger(__name__)


class Unauthorized(YardError):
    """Authentication is required: send the header Authorization: Bearer <token>"""

    code = "unauthorized"


@dataclass(frozen=True, slots=True)
class User:
    """`operator`: sees the numbers of all users' jobs, and may ask for higher priorities.

    `expires_at`: how long the token proves it (Unix time).
    """

    id: str
    operator: bool = False
    expires_at: float = field(default=math.inf, compare=False)


@dataclass(frozen=True, slots=True)
class Verifier:
    """`keys`: the secret that signs tokens (HS256), or where the public keys of their provider are (RS256, ES256)."""

    keys: str | KeySet = field(repr=False)
    rules: Auth = USUAL

    def problem(self) -> str | None:
        """Why no token can be checked; None: all is well."""
        return self.keys.problem() if isinstance(self.keys, KeySet) else None

    def user(self, token: str) -> User:
        """Who the token says is asking.

        Raises Unauthorized, with a message that tells nothing about the key or the token's content, or AuthUnavailable
        when the provider's keys cannot be had.
        """
        if len(token) > TOKEN_CHARS:
            raise Unauthorized("The token is too long")
        try:
            claims = self._claims(token)
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The token has expired") from None
        except (jwt.PyJWTError, UnicodeEncodeError) as reason:
            log.debug("a token is refused: %s", type(reason).__name__)  # the rest may hold what the client sent
            raise Unauthorized("The token is not valid") from None
        user_id = claims.get(self.rules.user_claim)
        if not is_user_id(user_id):
            raise Unauthorized(f"The token names no usable user id (claim {self.rules.user_claim})")
        return User(user_id, operator=self._is_operator(claims), expires_at=claims["exp"] + self.rules.leeway_s)

    def _claims(self, token: str) -> dict[str, Any]:
        rules = self.rules
        return jwt.decode(
            token,
            self._key(token),
            algorithms=[rules.algorithm],  # ours, never the one that the token names
            issuer=rules.issuer,
            audience=rules.audience,
            leeway=rules.leeway_s,
            options={"require": list(REQUIRED), "verify_aud": rules.audience is not None},
        )

    def _key(self, token: str) -> str | Key:
        """Looks at the cheap signs first: not every heap of letters is worth a question to the provider."""
        if isinstance(self.keys, str):
            return self.keys
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("alg") != self.rules.algorithm or not is_kid(kid):
            raise jwt.InvalidAlgorithmError
        key = self.keys.find(kid)
        if key is None:
            raise jwt.InvalidKeyError
        return key

    def _is_operator(self, claims: dict[str, Any]) -> bool:
        found: Any = claims
        for name in self.rules.operator_claim:
            found = found.get(name) if isinstance(found, dict) else None
        return self.rules.operator_value in (found if isinstance(found, list) else [found])


def is_user_id(given: object) -> TypeGuard[str]:
    """Printable text only: PostgreSQL refuses U+0000, and logs shall stay readable."""
    return isinstance(given, str) and 0 < len(given) <= USER_ID_CHARS and given.isprintable() and not given.isspace()


def bearer(header: str | None) -> str:
    """The token of an Authorization header; `header` is None when there is none.  Raises Unauthorized."""
    scheme, _, token = (header or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized
    return token.strip()


def issue(
    secret: str, user_id: str, *, operator: bool = False, ttl_s: float = 30 * 86400.0, rules: Auth = USUAL
) -> str:
    """A token that is valid for `ttl_s` from now.  Raises ValueError for a user id that no Verifier accepts."""
    if not is_user_id(user_id):
        raise ValueError(f"a user id is 1 to {USER_ID_CHARS} printable characters")
    now_s = int(time.time())
    times = {"iat": now_s, "exp": now_s + int(ttl_s)}
    places = {"iss": rules.issuer, "aud": rules.audience}
    given = {name: value for name, value in places.items() if value is not None}
    role = _nested(rules.operator_claim, rules.operator_value) if operator else {}
    return jwt.encode({**role, **times, **given, "sub": user_id, rules.user_claim: user_id}, secret, algorithm="HS256")


def _nested(path: tuple[str, ...], value: str) -> dict[str, Any]:
    """{"a": {"b": value}} for the path ("a", "b")."""
    found: Any = value
    for name in reversed(path):
        found = {name: found}
    return found if path else {}


def check_exposure(bind: str, secret: str | None) -> None:
    """Raises SetupError when strangers could reach the API with tokens of their own making.

    `bind` is the address to listen on, `secret` the JWT_SECRET; None: not set, so that the development key signs.
    """
    if secret is None and not is_loopback(bind):
        raise SetupError(
            f"JWT_SECRET is not set, and {bind} can be reached from other hosts: set JWT_SECRET to at least "
            f"{SECRET_BYTES} random bytes (`openssl rand -hex 32` prints some), or set api.bind to 127.0.0.1"
        )
    if secret is not None and len(secret.encode()) < SECRET_BYTES:
        raise SetupError(
            f"JWT_SECRET is too short: it needs at least {SECRET_BYTES} bytes (`openssl rand -hex 32` prints some)"
        )


def is_loopback(address: str | None) -> bool:
    """None, and a host name other than localhost, count as reachable: what a name resolves to may change."""
    try:
        return ipaddress.ip_address((address or "").strip("[]")).is_loopback
    except ValueError:
        return (address or "").lower() == "localhost"


def development_secret(data_dir: Path) -> str:
    """The key that signs tokens where no JWT_SECRET is set, made at the first call.  Raises SetupError."""
    file = data_dir / DEVELOPMENT_KEY
    try:
        if not file.exists():
            _make_key(file)
        key = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{file}: the development key cannot be kept there: {error}; set YARD_DATA_DIR") from error
    if len(key) < SECRET_BYTES:
        raise SetupError(f"{file}: the development key is damaged: remove the file and start again")
    return key


def _make_key(file: Path) -> None:
    """Of several processes that start at once, one makes the key; nobody ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(secrets.token_hex(SECRET_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, file)  # unlike a rename, it fails when the file is there already
    except FileExistsError:
        return
    finally:
        draft.unlink()
