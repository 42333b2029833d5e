"""Which pages of other origins may call the API from a browser."""

import pytest

from tests.api import kit

OURS = "https://app.example.org"
STRANGERS = [
    "https://evil.example.org",
    "https://app.example.org.evil.org",
    "https://app.example.org:8443",
    "http://app.example.org",
    "https://APP.example.org",
    "null",
    "",
]
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@pytest.fixture
def shared(yard, engine):
    return kit.scene(engine, yard.conn, kit.settings(YARD_API__ORIGINS=f"[{OURS}, http://localhost:3000]"))


def allowed(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


def ask(scene, origin, method="options", path="/create-canvas", **headers):
    return getattr(scene.client, method)(kit.PREFIX + path, headers={"Origin": origin, **headers})


@pytest.mark.parametrize("origin", [OURS, "http://localhost:3000"])
def test_a_page_of_ours_may_ask_with_its_token(shared, origin):
    answer = ask(shared, origin, **PREFLIGHT)
    told = allowed(answer)
    assert answer.status_code == 200
    assert told["Access-Control-Allow-Origin"] == origin
    assert told["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in told["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(told["Access-Control-Allow-Headers"].split(", "))
    assert "Origin" in answer.headers["Vary"]


def test_the_odd_headers_of_old_clients_pass_the_preflight(shared):
    told = allowed(ask(shared, OURS, **PREFLIGHT))["Access-Control-Allow-Headers"].split(", ")
    assert {f"Access-Control-Allow-{what}" for what in ("Origin", "Methods", "Headers")} <= set(told)


@pytest.mark.parametrize(("method", "path"), [("get", "/jobs"), ("get", "/nothing"), ("get", "/health")])
def test_answers_and_errors_can_be_read_by_a_page_of_ours(shared, method, path):
    told = allowed(ask(shared, OURS, method, path))
    assert told["Access-Control-Allow-Origin"] == OURS
    assert "Retry-After" in told["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Methods" not in told


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize(("method", "path"), [("options", "/create-canvas"), ("get", "/jobs")])
def test_a_strangers_page_is_allowed_nothing(shared, origin, method, path):
    answer = ask(shared, origin, method, path, **PREFLIGHT)
    assert allowed(answer) == {}
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", [OURS, *STRANGERS])
def test_without_origins_nothing_is_said(yard, origin):
    answer = ask(yard, origin, **PREFLIGHT)
    assert allowed(answer) == {}
    assert "Vary" not in answer.headers
