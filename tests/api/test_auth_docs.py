"""What docs/auth.md shows works as it stands there."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

import config
from api import auth
from api.key_set import followed
from tests.api import kit
from tests.api.provider import Provider, ec_key, jwk, rsa_key, token

PAGE = (Path(__file__).parents[2] / "docs" / "auth.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SETTINGS = [body for kind, body in BLOCKS if kind == "yaml"]
NOW = int(time.time())


def program(language):
    (body,) = (body for kind, body in BLOCKS if kind == language)
    assert len(list(filter(None, body.splitlines()))) == 3
    return body


def printed(*command):
    done = subprocess.run(
        command, env={"JWT_SECRET": kit.SECRET}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.mark.parametrize("text", SETTINGS, ids=lambda text: text.split("issuer: ")[1].split()[0])
def test_the_settings_are_sound_and_let_the_right_tokens_in(tmp_path, text):
    """But for the address of the key set, which is the test's own."""
    (tmp_path / "config.yaml").write_text(text)
    rules = config.load(tmp_path / "config.yaml", {}).api.auth
    provider = Provider(jwk(rsa_key(), "rsa"), jwk(ec_key(), "ec"))
    role = {"role": "operator"}
    for name in reversed(rules.operator_claim[:-1]):
        role = {name: role}
    if len(rules.operator_claim) == 1:
        role = {rules.operator_claim[0]: ["user", "operator"]}
    claims = {"iss": rules.issuer, "aud": rules.audience, **role}
    if rules.has_key_set:
        verifier = auth.Verifier(followed(rules.model_copy(update={"jwks_url": provider.url})), rules)
        made = token(rsa_key(), "rsa", **claims) if rules.algorithm == "RS256" else token(ec_key(), "ec", **claims)
    else:
        verifier, made = auth.Verifier(kit.SECRET, rules), auth.issue(kit.SECRET, "ada", operator=True, rules=rules)
    assert verifier.user(made) == auth.User("ada", operator=True)
    provider.close()


def test_every_provider_of_the_page_is_tried():
    assert len(SETTINGS) == 6


def test_three_lines_of_python_are_an_issuer():
    assert auth.Verifier(kit.SECRET).user(printed(sys.executable, "-c", program("python"))) == auth.User("ann")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_three_lines_of_node_are_an_issuer():
    assert auth.Verifier(kit.SECRET).user(printed(shutil.which("node"), "-e", program("js"))) == auth.User("ann")


def test_the_table_of_answers_is_what_a_client_gets(engine, yard):
    provider = Provider()
    rules = provider.rules()
    environ = {"ALGORITHM": rules.algorithm, "JWKS_URL": rules.jwks_url, "ISSUER": rules.issuer, "AUDIENCE": "yard"}
    away = kit.scene(engine, yard.conn, kit.settings(**{f"YARD_API__AUTH__{name}": v for name, v in environ.items()}))
    expired = auth.issue(kit.SECRET, "ann", ttl_s=-60)
    nameless = jwt.encode({"sub": " ", "iat": NOW, "exp": NOW + 86400}, kit.SECRET)
    answers = [
        (yard, ""),
        (yard, expired),
        (yard, "a.b.c"),
        (yard, "a" * 9000),
        (yard, nameless),
        (away, token(rsa_key())),
    ]
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE)
    got = []
    for scene, given in answers:
        answer = scene.get("/jobs", None, headers={"Authorization": f"Bearer {given}"})
        got.append((str(answer.status_code), answer.get_json()["code"], answer.get_json()["error"]))
    assert got == rows
    provider.close()
