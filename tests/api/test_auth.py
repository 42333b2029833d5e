"""Who gets in, and who does not."""

import base64
import json
import os
import stat
import threading
import time

import jwt
import pytest

from api import auth
from config.settings import Auth
from jobs.errors import SetupError

SECRET = "s" * 64
NOW = int(time.time())
OURS = Auth(issuer="us", audience="yard")
SOUND = {"sub": "ada", "iat": NOW, "exp": NOW + 86400}


def signed(secret=SECRET, algorithm="HS256", headers=None, **claims: object):
    """A token; a claim that is given as ... is left out."""
    payload = {name: value for name, value in {**SOUND, **claims}.items() if value is not ...}
    if algorithm == "none":
        secret = None
    return jwt.encode(payload, secret, algorithm=algorithm, headers=headers)


def raw(header, payload=SOUND):
    """A token whose parts the library would not make, with a signature that is right."""
    parts = [header if isinstance(header, str) else json.dumps(header), json.dumps(payload)]
    message = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    algorithm = jwt.get_algorithm_by_name("HS256")
    signature = algorithm.sign(message.encode(), algorithm.prepare_key(SECRET))
    return f"{message}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_a_sound_token_names_its_user():
    assert auth.Verifier(SECRET).user(signed()) == auth.User("ada", operator=False)
    assert auth.Verifier(SECRET).user(raw({"alg": "HS256"})) == auth.User("ada")


def test_an_issued_token_is_accepted_and_carries_the_role():
    verifier = auth.Verifier(SECRET, OURS)
    token = auth.issue(SECRET, "ada", operator=True, ttl_s=60, rules=OURS)
    assert verifier.user(token) == auth.User("ada", operator=True)
    assert auth.Verifier(SECRET).user(auth.issue(SECRET, "bob")) == auth.User("bob")


def test_only_the_role_operator_makes_an_operator():
    for role in ("admin", "Operator", "operators", ["operators"], [["operator"]], {"operator": True}, True, None):
        assert not auth.Verifier(SECRET).user(signed(role=role)).operator
    for role in ("operator", ["admin", "operator"]):
        assert auth.Verifier(SECRET).user(signed(role=role)).operator


def test_the_operators_claim_may_lie_within_another():
    rules = Auth(operator_claim=("app_metadata", "role"), operator_value="boss")
    verifier = auth.Verifier(SECRET, rules)
    assert verifier.user(signed(app_metadata={"role": "boss"})).operator
    assert verifier.user(auth.issue(SECRET, "ada", operator=True, rules=rules)).operator
    for claims in (
        {"role": "boss"},
        {"app_metadata": "boss"},
        {"app_metadata": {"role": "operator"}},
        {"app_metadata": []},
    ):
        assert not verifier.user(signed(**claims)).operator


def test_without_an_operators_claim_nobody_is_an_operator():
    rules = Auth(operator_claim=())
    verifier = auth.Verifier(SECRET, rules)
    assert not verifier.user(auth.issue(SECRET, "ada", operator=True, rules=rules)).operator
    assert not verifier.user(signed(role="operator")).operator


def test_the_user_may_be_named_by_another_claim():
    rules = Auth(user_claim="uid")
    verifier = auth.Verifier(SECRET, rules)
    assert verifier.user(signed(uid="grace")) == auth.User("grace")
    assert verifier.user(auth.issue(SECRET, "grace", rules=rules)) == auth.User("grace")
    for uid in (..., 5, "", None):
        with pytest.raises(auth.Unauthorized, match=r"no usable user id \(claim uid\)"):
            verifier.user(signed(uid=uid))
    with pytest.raises(auth.Unauthorized):
        verifier.user(signed(uid="grace", sub=...))


def test_clocks_may_differ_by_the_leeway():
    assert auth.Verifier(SECRET, Auth(leeway_s=300)).user(signed(exp=int(time.time()) - 20)).id == "ada"
    assert auth.Verifier(SECRET, Auth(leeway_s=300)).user(signed(iat=NOW + 20, nbf=NOW + 20)).id == "ada"


def test_an_audience_and_an_issuer_are_looked_at_only_when_configured():
    assert auth.Verifier(SECRET).user(signed(aud="anyone", iss="anybody")).id == "ada"


REFUSED = {
    "another secret": signed("t" * 32),
    "no signature": signed(algorithm="none"),
    "alg none, our signature": raw({"alg": "none", "typ": "JWT"}),
    "another algorithm": signed(algorithm="HS512"),
    "alg in another case": raw({"alg": "hs256"}),
    "no alg": raw({"typ": "JWT"}),
    "alg is no text": raw({"alg": ["HS256"]}),
    "unknown critical header": raw({"alg": "HS256", "crit": ["strange"], "strange": 1}),
    "expired": signed(exp=NOW - 86400),
    "without exp": signed(exp=...),
    "exp is text": signed(exp="soon"),
    "exp is a list": raw({"alg": "HS256"}, {**SOUND, "exp": [NOW + 86400]}),
    "exp is infinite": raw({"alg": "HS256"}, {**SOUND, "exp": float("inf")}),
    "exp is null": raw({"alg": "HS256"}, {**SOUND, "exp": None}),
    "without iat": signed(iat=...),
    "issued in the future": signed(iat=NOW + 86400),
    "not valid yet": signed(nbf=NOW + 86400),
    "without sub": signed(sub=...),
    "sub is a number": raw({"alg": "HS256"}, {**SOUND, "sub": 5}),
    "sub is null": raw({"alg": "HS256"}, {**SOUND, "sub": None}),
    "sub is empty": signed(sub=""),
    "sub is blank": signed(sub="  "),
    "sub is too long": signed(sub="a" * 201),
    "sub holds U+0000": signed(sub="a\0b"),
    "sub holds a line break": signed(sub="a\nb"),
    "sub holds a lone surrogate": raw({"alg": "HS256"}, {**SOUND, "sub": "\ud800"}),
    "wrong audience": signed(aud="others"),
    "without audience": signed(aud=...),
    "wrong issuer": signed(iss="others"),
    "without issuer": signed(iss=...),
    "payload is a list": raw({"alg": "HS256"}, [1]),
    "payload changed": ".".join([*signed(sub="eve").split(".")[:2], signed().split(".")[2]]),
    "signature cut off": signed().rpartition(".")[0] + ".",
    "huge": signed(padding="x" * 9000),
    "nested header": raw("[" * 6000),
    "two parts": "a.b",
    "not base64": "!.!.!",
    "not ASCII": "ä.ö.ü",
    "a lone surrogate": "\ud800.a.b",
    "empty": "",
}
NEEDS_AUDIENCE = {"wrong audience", "without audience"}
NEEDS_ISSUER = {"wrong issuer", "without issuer"}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_is_refused(case):
    audience, issuer = "yard" if case in NEEDS_AUDIENCE else None, "us" if case in NEEDS_ISSUER else None
    verifier = auth.Verifier(SECRET, Auth(audience=audience, issuer=issuer))
    with pytest.raises(auth.Unauthorized) as refusal:
        verifier.user(REFUSED[case])
    assert refusal.value.code == "unauthorized"
    assert str(refusal.value).startswith("The token ")
    assert SECRET not in f"{refusal.value}{verifier!r}"


def test_the_longest_user_id_is_accepted():
    assert auth.Verifier(SECRET).user(signed(sub="ä" * 200)).id == "ä" * 200


def test_a_refusal_tells_an_expired_token_from_a_bad_one():
    with pytest.raises(auth.Unauthorized, match="has expired"):
        auth.Verifier(SECRET).user(signed(exp=NOW - 86400))
    with pytest.raises(auth.Unauthorized, match="is not valid"):
        auth.Verifier(SECRET).user(signed("t" * 32, exp=NOW - 86400))


@pytest.mark.parametrize("user_id", ["", " ", "a" * 201, "a\0"])
def test_no_token_is_issued_that_would_be_refused(user_id):
    with pytest.raises(ValueError, match="1 to 200 printable"):
        auth.issue(SECRET, user_id)


@pytest.mark.parametrize("header", ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c "])
def test_the_bearer_token_is_found(header):
    assert auth.bearer(header) == "a.b.c"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "a.b.c", "Basic YTpi", "Bearera.b.c"])
def test_a_header_without_a_token_is_unauthorized(header):
    with pytest.raises(auth.Unauthorized, match=r"^Authentication is required"):
        auth.bearer(header)


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_secret(bind):
    auth.check_exposure(bind, None)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "10.0.0.1", "2001:db8::1", "example.org", "unix:/run/yard.sock", ""])
def test_a_reachable_address_needs_a_secret(bind):
    with pytest.raises(SetupError, match=r"set JWT_SECRET to at least 32 random bytes .* or set api.bind"):
        auth.check_exposure(bind, None)
    auth.check_exposure(bind, SECRET)


def test_a_short_secret_is_refused_everywhere():
    for bind in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(SetupError, match="at least 32 bytes") as refusal:
            auth.check_exposure(bind, "h" * 31)
        assert "hhh" not in str(refusal.value)
    auth.check_exposure("0.0.0.0", "ä" * 16)  # bytes count, not characters


def test_the_development_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    folder = tmp_path / "new" / "data"
    key = auth.development_secret(folder)
    assert auth.development_secret(folder) == key
    assert auth.development_secret(tmp_path) != key
    assert len(key) == 64
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_the_key(tmp_path, monkeypatch):
    """All of them have found no key before any of them keeps its own."""
    together = threading.Barrier(8)
    link, found = os.link, []

    def link_together(*paths: object):
        together.wait(timeout=30)
        link(*paths)

    monkeypatch.setattr(os, "link", link_together)
    threads = [threading.Thread(target=lambda: found.append(auth.development_secret(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_key_or_folder_is_told_with_the_cure(tmp_path):
    (tmp_path / auth.DEVELOPMENT_KEY).write_text("short")
    with pytest.raises(SetupError, match="damaged: remove the file"):
        auth.development_secret(tmp_path)
    (tmp_path / auth.DEVELOPMENT_KEY).write_bytes(b"\xff" * 64)
    with pytest.raises(SetupError, match="YARD_DATA_DIR"):
        auth.development_secret(tmp_path)
    with pytest.raises(SetupError, match="YARD_DATA_DIR"):
        auth.development_secret(tmp_path / auth.DEVELOPMENT_KEY)
