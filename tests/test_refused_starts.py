"""A server that strangers could talk into anything does not start, and says the cure."""

import subprocess
import sys

import pytest

from tests.processes import ROOT, environment

OPEN = {"YARD_API__BIND": "0.0.0.0"}
KEY_SET = {
    "YARD_API__AUTH__ALGORITHM": "RS256",
    "YARD_API__AUTH__JWKS_URL": "https://id.example/keys",
    "YARD_API__AUTH__ISSUER": "https://id.example/",
    "YARD_API__AUTH__AUDIENCE": "yard",
}
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def refusal(**environ: str) -> str:
    """What is told by a server that does not start; where only the database is missing, that is told."""
    env = environment(NOWHERE, **environ)
    command = [sys.executable, str(ROOT / "main.py"), "serve"]
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return ended.stderr


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in KEY_SET.items() if not key.endswith(name)}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"JWT_SECRET": "short"}, "JWT_SECRET is too short: it needs at least 32 bytes (`openssl rand -hex 32`"),
        ({**OPEN, "JWT_SECRET": ""}, "JWT_SECRET is not set, and 0.0.0.0 can be reached from other hosts"),
        ({"PORT": "0", "JWT_SECRET": ""}, "JWT_SECRET is not set, and 0.0.0.0 can be reached from other hosts"),
        (without("JWKS_URL"), "api.auth.jwks_url: must be set when YARD_API__AUTH__ALGORITHM is RS256"),
        (without("ISSUER"), "api.auth.issuer: must be set when YARD_API__AUTH__ALGORITHM is RS256"),
        (without("AUDIENCE"), "api.auth.audience: must be set when YARD_API__AUTH__ALGORITHM is RS256"),
        (without("ALGORITHM"), "YARD_API__AUTH__JWKS_URL: has no use while api.auth.algorithm is HS256"),
        (
            {**KEY_SET, "YARD_API__AUTH__JWKS_URL": "http://id.example/keys"},
            "YARD_API__AUTH__JWKS_URL: must be an https:// address",
        ),
    ],
)
def test_a_server_without_sound_authentication_does_not_start(environ: dict[str, str], told: str):
    assert told in refusal(**environ)


@pytest.mark.parametrize(
    "environ", [{}, OPEN, {**KEY_SET, **OPEN, "JWT_SECRET": ""}], ids=["secret", "open", "key set"]
)
def test_a_server_with_sound_authentication_gets_as_far_as_its_database(environ: dict[str, str]):
    assert refusal(**environ).startswith("database: cannot be reached")
