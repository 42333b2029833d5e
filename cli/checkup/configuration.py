"""Checks that need no database: secrets, the model, the team's own handlers."""

from collections.abc import Iterator

from pydantic import SecretStr

from api.auth import SECRET_BYTES, is_loopback
from cli.checkup.ground import Finding, fault, note
from config import Config
from jobs import handlers
from jobs.errors import SetupError

METRICS_TOKEN_BYTES = 16
DISTINCT = 8  # 32 random hexadecimal digits have fewer different ones once in ten million times
PLACEHOLDERS = (
    "changeme", "change-me", "change_me", "your-", "your_", "yoursecret", "replace", "example", "placeholder", "secret",
    "password", "passw0rd", "default", "insert", "xxxxxx", "0123456789", "1234567890", "abcdefgh", "qwerty",
)  # fmt: skip
MAKE_ONE = "`openssl rand -hex 32` prints a good one"


def jwt_secret(settings: Config) -> Iterator[Finding]:
    """Whoever guesses it can be any user."""
    if settings.api.auth.has_key_set:
        return
    given = settings.environment.jwt_secret
    if given is not None:
        yield from _weak(given, "JWT_SECRET", SECRET_BYTES)
    elif not is_loopback(settings.bind):
        what = "is not set, and other hosts can reach the API: serve does not start like that"
        yield fault(f"JWT_SECRET {what}", where="environment: JWT_SECRET", cure=f"set it; {MAKE_ONE}")
    else:
        what = "JWT_SECRET is not set: a development key of this host signs tokens"
        yield note(
            what, where="environment: JWT_SECRET", cure=f"set it before other hosts shall reach the API; {MAKE_ONE}"
        )


def metrics_token(settings: Config) -> Iterator[Finding]:
    """None: only this host may read the metrics."""
    if given := settings.environment.metrics_token:
        yield from _weak(given, "METRICS_TOKEN", METRICS_TOKEN_BYTES)


def _weak(secret: SecretStr, name: str, least_bytes: int) -> Iterator[Finding]:
    if why := _weakness(secret.get_secret_value(), least_bytes):
        yield fault(f"{name} {why}", where=f"environment: {name}", cure=f"set another one; {MAKE_ONE}")


def _weakness(secret: str, least_bytes: int) -> str | None:
    """What makes it easy to guess, without a letter of it."""
    if len(secret.encode()) < least_bytes:
        return f"is short: it needs at least {least_bytes} bytes"
    if len(set(secret)) < DISTINCT:
        return f"has fewer than {DISTINCT} different characters"
    if secret in (secret + secret)[1:-1]:
        return "is one piece, repeated"
    if any(word in secret.lower() for word in PLACEHOLDERS):
        return "looks like a placeholder: it holds a word that stands in examples"
    return None


def provider(settings: Config) -> Iterator[Finding]:
    if settings.environment.openai_api_key is None and settings.provider.base_url is None:
        what = "there is no OPENAI_API_KEY: the built-in drawer answers instead of a model, and says so in its results"
        yield note(
            what, where="environment: OPENAI_API_KEY", cure="set it, or provider.base_url for a server of your own"
        )


def own_handlers(settings: Config) -> Iterator[Finding]:
    """As serve and work do at their start, with whatever the modules do when they are imported."""
    try:
        handlers.requests(settings.handlers)
    except SetupError as error:
        where, _, what = str(error).partition(": ")
        yield fault(what, where=where, cure="mend the module, or take it out of `handlers`")
