"""Weak secrets and other faults that need no database."""

import secrets

import pytest
from pydantic import SecretStr

import config
from cli.checkup import configuration
from config.settings import Environment
from tests.cli.checkup.conftest import GOOD, only

WEAK = [
    (GOOD[:31], "is short"),
    ("ab" * 16, "different characters"),
    ("0f5d1c9b7e" * 4, "one piece, repeated"),
    ("please-CHANGEME-before-production!", "placeholder"),
    ("your-256-bit-and-very-long-key-here", "placeholder"),
]


def looked(check, **environ: str):
    return list(check(config.load(environ={"JWT_SECRET": GOOD, **environ})))


@pytest.mark.parametrize(("secret", "why"), WEAK, ids=range(len(WEAK)))
def test_a_weak_secret_is_found_and_not_shown(secret: str, why: str):
    found = only(looked(configuration.jwt_secret, JWT_SECRET=secret))
    assert why in found.what
    assert secret not in str(found)
    assert "openssl rand -hex 32" in found.cure


def test_random_secrets_are_not_found_weak():
    settings = config.load(environ={})
    for make, size in ((secrets.token_hex, 32), (secrets.token_hex, 16), (secrets.token_urlsafe, 32)):
        for _ in range(100):
            environment = Environment(jwt_secret=SecretStr(make(size)))
            assert list(configuration.jwt_secret(settings.model_copy(update={"environment": environment}))) == []


def test_no_secret_is_a_note_on_loopback_and_a_fault_beyond_it():
    assert "development key" in only(looked(configuration.jwt_secret, JWT_SECRET=""), "note").what
    beyond = only(looked(configuration.jwt_secret, JWT_SECRET="", YARD_API__BIND="0.0.0.0"))
    assert "other hosts can reach the API" in beyond.what


def test_a_key_set_needs_no_secret():
    key_set = {"ALGORITHM": "RS256", "JWKS_URL": "https://id.example/keys", "ISSUER": "i", "AUDIENCE": "a"}
    environ = {f"YARD_API__AUTH__{name}": value for name, value in key_set.items()}
    assert looked(configuration.jwt_secret, JWT_SECRET="short", **environ) == []


def test_a_weak_metrics_token_is_found():
    assert "METRICS_TOKEN is short" in only(looked(configuration.metrics_token, METRICS_TOKEN="f00-ba5-7e")).what
    assert looked(configuration.metrics_token) == looked(configuration.metrics_token, METRICS_TOKEN=GOOD) == []


def test_the_built_in_drawer_is_a_note():
    assert "built-in drawer" in only(looked(configuration.provider), "note").what
    assert looked(configuration.provider, OPENAI_API_KEY="sk-x") == []
    assert looked(configuration.provider, OPENAI_BASE_URL="http://127.0.0.1:1/v1") == []


def test_a_module_that_cannot_be_imported_is_found():
    assert "no_such_module" in only(looked(configuration.own_handlers, YARD_HANDLERS="[no_such_module]")).what
    assert looked(configuration.own_handlers, YARD_HANDLERS="[tests.sleepers]") == []
