"""Signing in a page: the cookie, whom it counts for, and what keeps other pages out."""

import time

import jwt
import pytest

from api.auth import issue
from api.session import COOKIE_CHARS, CSRF_HEADER
from tests.api import kit
from tests.api.kit import PREFIX, SECRET, assert_error
from tests.factory import make_job, row_of

OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
STRANGE = {
    "another origin": {"Origin": "https://evil.example"},
    "a neighbour": {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    "a neighbour's link": {"Sec-Fetch-Site": "same-site"},
    "a link from elsewhere": {"Sec-Fetch-Site": "cross-site"},
    "a sandbox": {"Origin": "null"},
}


def signed_in(yard, user="ann", **options):
    answer = yard.post("/session", user, headers=OWN, **options)
    assert answer.status_code == 200, answer.text
    return {**OWN, CSRF_HEADER: answer.get_json()["csrf_token"]}


def cookie_of(answer):
    [header] = answer.headers.getlist("Set-Cookie")
    value, *attributes = header.split("; ")
    return value.partition("=")[::2], set(attributes)


def test_the_cookie_holds_the_token_where_no_script_and_no_other_site_gets_it(yard):
    expires_at = int(time.time()) + 3600
    token = jwt.encode({"sub": "ann", "iat": 1, "exp": expires_at}, SECRET, algorithm="HS256")
    answer = yard.client.post(f"{PREFIX}/session", headers={**OWN, "Authorization": f"Bearer {token}"})
    (name, value), attributes = cookie_of(answer)
    assert (name, value) == ("yardmaster", token)
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= attributes
    assert not any(one.startswith("Domain") or one == "Secure" for one in attributes)
    [max_age] = [int(one.removeprefix("Max-Age=")) for one in attributes if one.startswith("Max-Age=")]
    assert 3500 < max_age <= 3605  # the token's own end, and the leeway


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(yard):
    answer = yard.client.post(
        f"{PREFIX}/session",
        base_url="https://localhost",
        headers={"Origin": "https://localhost", "Authorization": f"Bearer {issue(SECRET, 'ann')}"},
    )
    (name, _), attributes = cookie_of(answer)
    assert name == "__Host-yardmaster"
    assert {"Secure", "Path=/"} <= attributes


def test_who_is_signed_in_is_told(yard):
    signed_in(yard, "op-root")
    told = yard.client.get(f"{PREFIX}/session", headers=OWN).get_json()
    assert (told["user_id"], told["operator"]) == ("op-root", True)


def test_the_cookie_signs_reads_of_our_own_page(yard):
    job_id = make_job(yard.conn, user_id="ann")
    signed_in(yard)
    assert yard.get("/jobs", None, headers=OWN).get_json()["jobs"][0]["id"] == job_id
    assert yard.get("/jobs", None, headers={"Sec-Fetch-Site": "none"}).status_code == 200  # typed into the address bar
    assert yard.get(f"/job/{make_job(yard.conn, user_id='bob')}/status", None, headers=OWN).status_code == 404


@pytest.mark.parametrize("whose", STRANGE)
def test_in_requests_of_other_pages_the_cookie_does_not_count(yard, whose):
    job_id = make_job(yard.conn, user_id="ann")
    csrf = {CSRF_HEADER: signed_in(yard)[CSRF_HEADER]}
    assert_error(yard.get("/jobs", None, headers=STRANGE[whose]), 401)
    assert_error(yard.post(f"/job/{job_id}/cancel", None, headers=STRANGE[whose] | csrf), 401)
    assert row_of(yard.conn, job_id).status == "queued"


def test_not_even_of_pages_that_may_call_the_api(engine, conn):
    allowed = "http://app.localhost"
    yard = kit.scene(engine, conn, kit.settings(YARD_API__ORIGINS=f"[{allowed}]"))
    csrf = signed_in(yard)[CSRF_HEADER]
    theirs = {"Origin": allowed, CSRF_HEADER: csrf}
    assert_error(yard.get("/jobs", None, headers=theirs), 401)
    assert_error(yard.get("/ws", None, headers=theirs), 401)
    assert_error(yard.post("/session", "ann", headers=theirs), 403)
    assert yard.get("/jobs", "ann", headers=theirs).status_code == 200


@pytest.mark.parametrize("given", [{}, {CSRF_HEADER: ""}, {CSRF_HEADER: "guessed"}, {CSRF_HEADER: "\u00fc"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/job/{}/cancel"),
        ("POST", "/job/{}/retry"),
        ("DELETE", "/job/{}"),
        ("POST", "/create-canvas"),
        ("DELETE", "/session"),
    ],
)
def test_the_cookie_alone_changes_nothing(yard, method, path, given):
    job_id = make_job(yard.conn, user_id="ann")
    signed_in(yard)
    answer = yard.client.open(
        PREFIX + path.format(job_id), method=method, json={"instructions": "x"}, headers={**OWN, **given}
    )
    assert_error(answer, 403, "csrf")
    assert row_of(yard.conn, job_id).status == "queued"
    assert yard.get("/session", None, headers=OWN).status_code == 200


def test_another_session_s_csrf_token_is_none(yard):
    theirs = signed_in(yard, "bob")
    signed_in(yard, "ann")
    assert_error(yard.post("/create-canvas", None, headers=theirs, json={"instructions": "x"}), 403, "csrf")


def test_with_the_csrf_token_it_may_do_what_its_user_may(yard):
    headers = signed_in(yard)
    made = yard.post("/create-canvas", None, headers=headers, json={"instructions": "x"})
    assert made.status_code == 202
    assert row_of(yard.conn, made.get_json()["job_id"]).user_id == "ann"


def test_a_header_goes_before_the_cookie_and_needs_no_csrf_token(yard):
    signed_in(yard, "ann")
    assert yard.get("/session", "bob", headers=OWN).get_json()["user_id"] == "bob"
    assert yard.post("/create-canvas", "bob", json={"instructions": "x"}).status_code == 202
    assert_error(yard.get("/jobs", None, headers={**OWN, "Authorization": "Bearer nonsense"}), 401)


@pytest.mark.parametrize(
    "token", ["nonsense", issue("x" * 64, "ann"), jwt.encode({"sub": "ann", "iat": 1, "exp": 2}, SECRET)]
)
def test_a_cookie_is_checked_like_any_token(yard, token):
    yard.client.set_cookie("yardmaster", token)
    assert_error(yard.get("/jobs", None, headers=OWN), 401)


def test_over_https_a_cookie_that_anybody_could_have_set_does_not_count(yard):
    yard.client.set_cookie("yardmaster", issue(SECRET, "ann"))
    answer = yard.client.get(f"{PREFIX}/jobs", base_url="https://localhost", headers={"Sec-Fetch-Site": "same-origin"})
    assert_error(answer, 401)


@pytest.mark.parametrize("whose", STRANGE)
def test_no_other_page_signs_anybody_in_or_out(yard, whose):
    assert_error(yard.post("/session", "mallory", headers=STRANGE[whose]), 403)
    assert not yard.client.get_cookie("yardmaster")
    headers = signed_in(yard)
    assert_error(yard.delete("/session", None, headers=headers | {"Sec-Fetch-Site": ""} | STRANGE[whose]), 403)
    assert yard.client.get_cookie("yardmaster")


def test_signing_out_takes_the_cookie_away(yard):
    headers = signed_in(yard)
    assert yard.delete("/session", None, headers=headers).status_code == 200
    assert not yard.client.get_cookie("yardmaster")
    assert_error(yard.get("/jobs", None, headers=OWN), 401)


def test_the_cookie_itself_is_no_way_to_a_new_one(yard):
    headers = signed_in(yard)
    assert_error(yard.post("/session", None, headers=headers), 401)


def test_a_token_that_no_browser_would_keep_is_refused(yard):
    claims = {"sub": "ann", "iat": 1, "exp": int(time.time()) + 60, "more": "x" * COOKIE_CHARS}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    answer = yard.client.post(f"{PREFIX}/session", headers={**OWN, "Authorization": f"Bearer {token}"})
    assert_error(answer, 400, "not_possible")
    assert not yard.client.get_cookie("yardmaster")


def test_a_token_may_name_an_end_that_no_calendar_has(yard):
    token = jwt.encode({"sub": "ann", "iat": 1, "exp": 10**14}, SECRET, algorithm="HS256")
    answer = yard.client.post(f"{PREFIX}/session", headers={**OWN, "Authorization": f"Bearer {token}"})
    assert answer.get_json()["expires_at"].startswith("9999-")


def test_who_fails_too_often_has_to_wait_and_others_do_not(yard):
    bad = {**OWN, "Authorization": "Bearer nonsense"}
    answers = [yard.client.post(f"{PREFIX}/session", headers=bad) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    refused = yard.post("/session", "ann", headers=OWN)
    assert_error(refused, 429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) > 0
    elsewhere = yard.post("/session", "ann", headers=OWN, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert elsewhere.status_code == 200


def test_who_signs_in_rightly_may_do_so_often(yard):
    assert [yard.post("/session", "ann", headers=OWN).status_code for _ in range(20)] == [200] * 20
