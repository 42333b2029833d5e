"""What no client should send, to every route that could take it: never a 5xx, and always an error in our shape."""

import json
import uuid

import pytest

from api.job_operations import JOBS
from api.service_operations import SERVICE
from tests.api.kit import HOSTILE, PREFIX, assert_error
from tests.api.test_body import GOOD, INVALID, JSON, MALFORMED, OTHER_TYPES
from tests.factory import make_job

OPERATIONS = {**JOBS, **SERVICE}
POSTS = [path for method, path in OPERATIONS if method == "POST"]
WITH_BODY = [path for path in POSTS if OPERATIONS["POST", path].body]
OF_A_JOB = [(method, path) for method, path in OPERATIONS if "{job_id}" in path]
SOME_ID = str(uuid.UUID(int=7))
HUGE = [10**18, 2**63, -(2**63) - 1, 10**400, 1e308, -1e308]
WORSE = {
    **MALFORMED,
    "10,000 levels": b"[" * 10_000 + b"]" * 10_000,
    "-1e400": b'{"instructions": "x", "priority": -1e400}',
    "1e400 far inside": b'{"job_type": "t", "request_data": {"a": [1e400]}}',
    "a name twice far inside": b'{"job_type": "t", "request_data": {"a": {"b": 1, "b": 2}}}',
    "only a mark": b"\xef\xbb\xbf",
    "random": bytes(range(256)),
}
ODD_IDS = [
    SOME_ID.replace("-", ""),
    f"{{{SOME_ID}}}",
    f"urn:uuid:{SOME_ID}",
    SOME_ID.upper().replace("0", "O"),
    SOME_ID + "%0A",
    "%20" + SOME_ID,
    SOME_ID + "%00",
    "%00",
    "%ff%fe",
    "%ED%A0%80",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2fjobs",
    "..",
    "-1",
    "1e400",
    "9" * 500,
    "null",
    "x" * 5000,
    "%F0%9F%98%80",
    HOSTILE.replace("/", "%2f"),
]


def ask(yard, method, path, **options):
    """A call by its whole path."""
    signed = yard.get("/livez").request.headers["Authorization"]
    headers = {"Authorization": signed, **options.pop("headers", {})}
    return yard.client.open(path, method=method, headers=headers, **options)


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize("body", WORSE.values(), ids=WORSE)
def test_what_is_not_plain_json_is_malformed_on_every_route(yard, path, body):
    assert_error(ask(yard, "POST", path, data=body, headers=JSON), 400, "malformed")


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize("body", [body for body, _ in INVALID.values()], ids=INVALID)
def test_json_that_cannot_be_used_is_invalid_on_every_route(yard, path, body):
    assert_error(ask(yard, "POST", path, data=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_only_json_is_read_on_every_route(yard, path, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert_error(ask(yard, "POST", path, data=GOOD, headers=headers), 415, "wrong_content_type")


@pytest.mark.parametrize("path", WITH_BODY)
def test_a_body_beyond_the_limit_is_refused_on_every_route(yard, path):
    config = yard.config.api
    limit = config.bulk_bytes if path.endswith("/bulk") else config.body_bytes
    for body in (b" " * (limit + 1), b'{"instructions": "' + b"x" * (limit + 1_000_000) + b'"}'):
        assert_error(ask(yard, "POST", path, data=body, headers=JSON), 413, "too_large")


def test_a_megabyte_within_the_limit_is_read(yard):
    body = b" " * 1_000_000 + b"[]"
    assert_error(ask(yard, "POST", f"{PREFIX}/jobs/bulk", data=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize("field", ["priority", "delay_s", "deadline_s"])
@pytest.mark.parametrize("number", HUGE)
def test_a_huge_number_is_out_of_range_on_every_route(yard, field, number):
    job = {"job_type": "t", "request_data": {}, field: number}
    bodies = {"create-canvas": {"instructions": "x", field: number}, "jobs": job, "bulk": {"jobs": [job]}}
    for path in WITH_BODY:
        assert_error(ask(yard, "POST", path, json=bodies[path.rpartition("/")[2]]), 422, "invalid")


def test_a_huge_number_inside_a_request_is_kept_as_it_was(yard):
    data = {"n": 10**400, "deep": [-(2**63), 1e-300]}
    answer = yard.post("/jobs", json={"job_type": "t", "request_data": data})
    text = yard.get(f"/job/{answer.get_json()['job_id']}/status").text
    assert json.loads(text)["job"]["request_data"] == data


@pytest.mark.parametrize("key", ["", " ", "a b", "\u00e9", "x" * 256, "a\tb", "\x7f"])
@pytest.mark.parametrize("path", ["/create-canvas", "/jobs"])
def test_an_odd_idempotency_key_is_refused_on_every_route_that_reads_it(yard, path, key):
    body = {"instructions": "x"} if path == "/create-canvas" else {"job_type": "t", "request_data": {}}
    refused = assert_error(yard.post(path, json=body, headers={"Idempotency-Key": key}), 422, "invalid")
    assert refused["details"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_odd_id_is_not_found_on_every_route(yard, method, path, odd):
    make_job(yard.conn, id=SOME_ID)
    assert_error(ask(yard, method, path.replace("{job_id}", odd)), 404, "not_found")


@pytest.mark.parametrize("path", ["//api/ai-agent/jobs", "/api//ai-agent/jobs", f"{PREFIX}//jobs", f"{PREFIX}/jobs/"])
def test_a_slash_too_many_is_another_address(yard, path):
    assert_error(yard.client.get(path, base_url="http://evil.example", headers=signed(yard)), 404, "not_found")


@pytest.mark.parametrize("path", sorted({path for _, path in OPERATIONS}))
@pytest.mark.parametrize("method", ["PATCH", "PUT", "TRACE", "CONNECT", "PROPFIND", "BREW", "get"])
def test_an_unknown_method_is_refused_and_the_known_ones_are_named(yard, method, path):
    answer = ask(yard, method, path.replace("{job_id}", SOME_ID))
    if method == "get" and ("GET", path) in OPERATIONS:
        assert answer.status_code < 500
        return
    assert_error(answer, 405, "method_not_allowed")
    assert {known for known, at in OPERATIONS if at == path} <= set(answer.allow)


QUERIES = [
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=",
    "limit=1.5",
    "limit=1e400",
    "limit=NaN",
    "limit=%00",
    "limit=-1",
]
QUERIES += ["cursor=-1", f"cursor={2**63}", f"cursor={10**400}", "cursor=null", "offset=-1", "offset=100001"]
QUERIES += ["status=", "status=QUEUED", "status=%00", "status=%ff", "status=queued%27%20or%201=1", "status=\ud83d"]
ODD_DIGITS = ["\u0665", "1_0", " 10", "10 ", "+10", "010", "10.0", "0x10"]


@pytest.mark.parametrize("query", [*QUERIES, *(f"limit={digits}" for digits in ODD_DIGITS)])
def test_an_odd_page_is_invalid(yard, query):
    encoded = query.encode("utf-8", "surrogatepass").decode("latin-1").replace(" ", "%20").replace("+", "%2B")
    assert_error(yard.client.get(f"{PREFIX}/jobs?{encoded}", headers=signed(yard)), 422, "invalid")


def signed(yard):
    return {"Authorization": yard.get("/livez").request.headers["Authorization"]}


@pytest.mark.parametrize("path", [path for path in POSTS if "{job_id}" in path])
@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff", b"[" * 10_000, b" " * 1_000_000])
def test_a_body_where_none_is_taken_changes_nothing(yard, path, body):
    job_id = make_job(yard.conn, "completed", job_type="t")
    answer = ask(yard, "POST", path.replace("{job_id}", job_id), data=body, headers=JSON)
    assert_error(answer, 400, "not_possible")
