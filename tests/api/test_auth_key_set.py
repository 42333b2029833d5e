"""Who gets in with a token that a provider has signed, and who does not."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from api import auth
from api.key_set import AuthUnavailable, followed
from config.settings import Auth
from tests.api import kit
from tests.api.kit import assert_error
from tests.api.provider import BROKEN, ISSUER, Provider, ec_key, jwk, rsa_key, token

NOW = int(time.time())
SMALL = rsa_key("small", 1024)


@pytest.fixture(scope="module")
def provider():
    """One key that is sound, and others under names of their own that must not be taken."""
    made = Provider(
        jwk(rsa_key(), "a"),
        jwk(SMALL, "small"),
        jwk(rsa_key("enc"), "enc", use="enc"),
        jwk(rsa_key("ps"), "ps", alg="PS256"),
        jwk(ec_key(), "ec"),
        {"kty": "oct", "k": base64.urlsafe_b64encode(kit.SECRET.encode()).decode(), "kid": "oct"},
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def verifier(provider):
    rules = provider.rules()
    return auth.Verifier(followed(rules), rules)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def by_public_key(form):
    """The oldest trick: the public key, which everybody has, as the secret of HS256."""
    pem = rsa_key().public_key().public_bytes(serialization.Encoding.PEM, form)
    message = f"{part({'alg': 'HS256', 'kid': 'a'})}.{token(rsa_key()).split('.')[1]}"
    signature = hmac.new(pem, message.encode(), hashlib.sha256).digest()  # the library would refuse to
    return f"{message}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def with_header(**header):
    """Signed right, under another header."""
    message = f"{part(header)}.{token(rsa_key()).split('.')[1]}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{message}.{base64.urlsafe_b64encode(algorithm.sign(message.encode(), rsa_key())).decode().rstrip('=')}"


def unsigned(**header):
    return f"{part({'alg': 'none', **header})}.{token(rsa_key()).split('.')[1]}."


def test_a_sound_token_names_its_user(verifier):
    assert verifier.user(token(rsa_key())) == auth.User("ada")
    assert verifier.user(token(rsa_key(), aud=["others", "yard"], role="operator")) == auth.User("ada", operator=True)
    assert verifier.user(with_header(alg="RS256", kid="a")) == auth.User("ada")


def test_elliptic_curves_serve_as_well(provider):
    rules = provider.rules(algorithm="ES256")
    verifier = auth.Verifier(followed(rules), rules)
    assert verifier.user(token(ec_key(), "ec")) == auth.User("ada")
    with pytest.raises(auth.Unauthorized):
        verifier.user(token(rsa_key()))
    with pytest.raises(auth.Unauthorized):
        verifier.user(token(ec_key("other"), "ec"))


REFUSED = {
    "another key under this name": token(rsa_key("other")),
    "alg none": unsigned(kid="a"),
    "alg none without a kid": unsigned(),
    "HS256 with the public key": by_public_key(serialization.PublicFormat.SubjectPublicKeyInfo),
    "HS256 with the public key in its other form": by_public_key(serialization.PublicFormat.PKCS1),
    "HS256 with a secret that is in the set": jwt.encode(
        {"sub": "ada", "iat": NOW, "exp": NOW + 86400, "iss": ISSUER, "aud": "yard"},
        kit.SECRET,
        "HS256",
        headers={"kid": "oct"},
    ),
    "HS256 with our own secret": auth.issue(kit.SECRET, "ada", rules=Auth(issuer=ISSUER, audience="yard")),
    "another algorithm of the family": jwt.encode({"sub": "ada"}, rsa_key(), "RS512", headers={"kid": "a"}),
    "elliptic curve": token(ec_key(), "ec"),
    "a small key": token(SMALL, "small"),
    "a key for encryption": token(rsa_key("enc"), "enc"),
    "a key for another algorithm": token(rsa_key("ps"), "ps"),
    "without a kid": token(rsa_key(), ...),
    "unknown kid": token(rsa_key(), "b"),
    "kid is a number": with_header(alg="RS256", kid=1),
    "kid is null": with_header(alg="RS256", kid=None),
    "kid is a list": with_header(alg="RS256", kid=["a"]),
    "kid is empty": with_header(alg="RS256", kid=""),
    "kid holds a line break": with_header(alg="RS256", kid="a\n"),
    "kid is a path": with_header(alg="RS256", kid="../../dev/null"),
    "kid is long": with_header(alg="RS256", kid="a" * 3000),
    "unknown critical header": with_header(alg="RS256", kid="a", crit=["strange"], strange=1),
    "a key of its own": token(rsa_key("own"), "own", {"jwk": jwk(rsa_key("own"), "own")}),
    "a key set of its own": token(rsa_key("own"), "own", {"jku": "https://id.example/own.json"}),
    "wrong audience": token(rsa_key(), aud="others"),
    "without audience": token(rsa_key(), aud=...),
    "no audience in the list": token(rsa_key(), aud=[]),
    "wrong issuer": token(rsa_key(), iss="https://other.example/"),
    "the issuer without its slash": token(rsa_key(), iss=ISSUER.rstrip("/")),
    "without issuer": token(rsa_key(), iss=...),
    "expired": token(rsa_key(), exp=NOW - 86400),
    "without exp": token(rsa_key(), exp=...),
    "not valid yet": token(rsa_key(), nbf=NOW + 86400),
    "issued in the future": token(rsa_key(), iat=NOW + 86400),
    "without iat": token(rsa_key(), iat=...),
    "without sub": token(rsa_key(), sub=...),
    "sub is empty": token(rsa_key(), sub=""),
    "sub is too long": token(rsa_key(), sub="a" * 201),
    "9,000 characters": token(rsa_key(), padding="x" * 6400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_is_refused(verifier, case):
    with pytest.raises(auth.Unauthorized) as refusal:
        verifier.user(REFUSED[case])
    assert str(refusal.value).startswith("The token ")


def test_the_long_token_is_as_long_as_it_says():
    assert 8900 < len(REFUSED["9,000 characters"]) < 9100


@pytest.mark.parametrize("sub", [5, True, None, ["ada"], {"id": "ada"}])
def test_a_user_id_that_is_no_text_is_refused(verifier, sub):
    claims = {"sub": sub, "iat": NOW, "exp": NOW + 86400, "iss": ISSUER, "aud": "yard"}
    message = f"{part({'alg': 'RS256', 'kid': 'a'})}.{part(claims)}"
    signature = jwt.get_algorithm_by_name("RS256").sign(message.encode(), rsa_key())
    with pytest.raises(auth.Unauthorized):
        verifier.user(f"{message}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


@pytest.mark.parametrize("odd", ["without a kid", "kid is a number", "kid is long", "alg none", "9,000 characters"])
def test_an_odd_token_is_refused_without_the_provider(odd):
    """Were it looked for, the answer would be that the provider is away."""
    rules = Auth(algorithm="RS256", jwks_url="http://127.0.0.1:1/", issuer=ISSUER, audience="yard")
    verifier = auth.Verifier(followed(rules), rules)
    with pytest.raises(auth.Unauthorized):
        verifier.user(REFUSED[odd])
    with pytest.raises(AuthUnavailable):
        verifier.user(token(rsa_key()))


def test_a_key_set_refuses_what_shared_secrets_sign_and_the_other_way_round(verifier):
    with pytest.raises(auth.Unauthorized):
        auth.Verifier(kit.SECRET).user(token(rsa_key()))
    with pytest.raises(auth.Unauthorized):
        verifier.user(auth.issue(kit.SECRET, "ada"))


@pytest.fixture
def scene(engine, yard):
    """An application whose users come from the provider that it is called with."""

    def made(provider):
        settings = {name: str(getattr(provider.rules(), name.lower())) for name in ("ALGORITHM", "JWKS_URL", "ISSUER")}
        environ = {f"YARD_API__AUTH__{name}": value for name, value in {**settings, "AUDIENCE": "yard"}.items()}
        return kit.scene(engine, yard.conn, kit.settings(**environ))

    return made


def signed(key=None, kid="a", **claims):
    return {"headers": {"Authorization": f"Bearer {token(key or rsa_key(), kid, **claims)}"}}


def test_the_api_serves_users_of_a_provider(scene, provider):
    api = scene(provider)
    job_id = api.post("/create-canvas", None, json={"instructions": "a login"}, **signed()).get_json()["job_id"]
    assert api.get(f"/job/{job_id}/status", None, **signed()).get_json()["job"]["user_id"] == "ada"
    assert_error(api.get(f"/job/{job_id}/status", None, **signed(sub="eve")), 404)
    assert_error(api.get("/jobs", None, **signed(exp=NOW - 86400)), 401, "unauthorized")
    assert_error(api.get("/jobs", "ann"), 401, "unauthorized")


@pytest.mark.parametrize("case", ["500", "HTML", "no keys", "hangs up"])
def test_a_provider_that_is_away_is_a_503_and_never_a_401(scene, case):
    away = Provider()
    away.answer = BROKEN[case]
    api = scene(away)
    for _ in range(3):
        answer = api.get("/jobs", None, **signed())
        assert_error(answer, 503, "auth_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "WWW-Authenticate" not in answer.headers
        assert "127.0.0.1" not in answer.text
    assert away.fetches == 1
    assert api.client.get(f"{kit.PREFIX}/livez").status_code == 200
    assert_error(api.get("/jobs", None), 401, "unauthorized")
    away.close()


def test_keys_are_rotated_without_a_restart(scene, monkeypatch):
    monkeypatch.setattr("api.key_set.PAUSE_S", 0.0)
    provider = Provider(jwk(rsa_key(), "a"))
    api = scene(provider)
    assert api.get("/jobs", None, **signed()).status_code == 200
    assert_error(api.get("/jobs", None, **signed(rsa_key("b"), "b")), 401)
    provider.publish(jwk(rsa_key("b"), "b"), jwk(rsa_key(), "a"))
    assert api.get("/jobs", None, **signed(rsa_key("b"), "b")).status_code == 200
    assert api.get("/jobs", None, **signed()).status_code == 200
    provider.publish(jwk(rsa_key("b"), "b"))
    assert_error(api.get("/jobs", None, **signed(rsa_key("c"), "c")), 401)
    assert_error(api.get("/jobs", None, **signed()), 401)
    provider.close()
