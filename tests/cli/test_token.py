"""`token` prints what the API accepts."""

import jwt
import pytest
from click.testing import CliRunner

from api import auth
from cli.token import token
from config.settings import Auth

SECRET = "s" * 32
KEY_SET = {
    "YARD_API__AUTH__ALGORITHM": "ES256",
    "YARD_API__AUTH__JWKS_URL": "https://id.example/keys",
    "YARD_API__AUTH__ISSUER": "https://id.example",
    "YARD_API__AUTH__AUDIENCE": "yard",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `token` with the given arguments and environment, in a folder of its own."""
    for name in ("JWT_SECRET", "PORT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.yaml").write_text("")

    def invoke(*arguments: str, **environ: str):
        places = {"YARD_CONFIG": str(tmp_path / "config.yaml"), "YARD_DATA_DIR": str(tmp_path / "data")}
        return CliRunner().invoke(token, arguments, env={**places, **environ})

    return invoke


def test_a_token_is_signed_with_the_given_secret(run):
    done = run("ada", JWT_SECRET=SECRET)
    assert done.exit_code == 0
    assert auth.Verifier(SECRET).user(done.stdout.strip()) == auth.User("ada")
    assert done.stderr == ""


def test_without_a_secret_the_development_key_signs(run, tmp_path):
    done = run("ada", "--operator")
    assert auth.Verifier(auth.development_secret(tmp_path / "data")).user(done.stdout.strip()) == auth.User(
        "ada", operator=True
    )
    assert "development key" in done.stderr


def test_a_token_names_the_configured_issuer_and_audience(run):
    done = run("ada", JWT_SECRET=SECRET, YARD_API__AUTH__ISSUER="us", YARD_API__AUTH__AUDIENCE="yard")
    assert auth.Verifier(SECRET, Auth(issuer="us", audience="yard")).user(done.stdout.strip()).id == "ada"


def test_a_token_ends_after_the_given_days(run):
    claims = jwt.decode(run("ada", "--days", "0.5", JWT_SECRET=SECRET).stdout.strip(), SECRET, ["HS256"])
    assert claims["exp"] - claims["iat"] == 12 * 3600


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (["ada"], {"JWT_SECRET": "short"}, "at least 32 bytes"),
        (["ada"], KEY_SET, "api.auth.algorithm is ES256: only your provider signs tokens"),
        (["ada"], {"YARD_LOG__LEVEL": "loud"}, "YARD_LOG__LEVEL: must be 'debug'"),
        ([""], {}, "1 to 200 printable characters"),
        (["ada", "--days", "0"], {}, "0.001<=x<=3650"),
        ([], {}, "Missing argument 'USER'"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_token(run, arguments, environ, told):
    done = run(*arguments, **environ)
    assert done.exit_code != 0
    assert told in done.stderr
    assert done.stdout == ""
