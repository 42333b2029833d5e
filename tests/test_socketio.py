"""Followers over Socket.IO, with the real client: two web processes, a worker on its own, and strangers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jwt
import pytest

from api import auth
from tests.processes import SECRET, Web, fleet, wait_until
from tests.socketio_clients import WAYS, Client, Node, needs_node, node
from tests.test_live import ending_in, later, socket, told

pytestmark = needs_node
SPLIT = {
    "YARD_SCHEDULER__EMBEDDED": "false",
    "YARD_API__SOCKETS__PER_USER": "3",
    "YARD_HANDLERS": "[tests.large_jobs]",
    "YARD_API__LIMITS__READS_PER_S": "null",
}


@pytest.fixture(scope="module")
def webs(database_url: str) -> Iterator[list[Web]]:
    with fleet(database_url, webs=2, workers=1, **SPLIT) as (found, _):
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Node]:
    with node() as running:
        yield running


def of_jobs(heard: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(what, data) for what, data in heard if what.startswith("ai_job_")]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_worker_draws_reaches_its_user_however_connected(webs: list[Web], browser: Node, way: str):
    with browser.client(webs[1].port, **WAYS[way]) as client:
        client.hears("connect" if WAYS[way] else "upgrade")
        job_id = webs[0].draw("login flowchart: enter password, check")
        heard = of_jobs(client.ended(job_id))
    result = webs[0].call("GET", f"/job/{job_id}/result")[1]["result"]
    assert heard[-1][0] == "ai_job_complete"
    assert (heard[-1][1]["result"], heard[-1][1]["progress"]) == (result, 100)
    assert {data["job_id"] for _, data in heard} == {job_id}
    versions = [data["version"] for _, data in heard]
    assert versions == sorted(set(versions)), "a version was told twice, or out of order"


def test_a_stranger_hears_nothing_of_any_event(webs: list[Web], browser: Node):
    with ExitStack() as stack:
        bobs = [stack.enter_context(browser.client(webs[1].port, "bob", **way)) for way in WAYS.values()]
        ann = stack.enter_context(browser.client(webs[1].port))
        for client in (*bobs, ann):
            client.hears("connect")
        cancelled = later(webs[0], "ann")
        assert of_jobs(ann.until(lambda what, _: what == "ai_job_update"))[-1][1]["job_id"] == cancelled
        webs[0].call("POST", f"/job/{cancelled}/cancel")
        done = webs[0].draw("a mind map")
        heard = {what for job_id in (cancelled, done) for what, _ in of_jobs(ann.ended(job_id))}
        assert {"ai_job_complete", "ai_job_error"} <= heard
        own = webs[0].call("POST", "/create-canvas", {"instructions": "a mind map"}, user="bob")[1]["job_id"]
        for client in bobs:
            assert {data["job_id"] for _, data in of_jobs(client.ended(own))} == {own}


EXPIRED = jwt.encode({"sub": "ann", "iat": 1, "exp": 2}, SECRET, algorithm="HS256")
UNPROVEN: dict[str, Any] = {
    "nothing": None,
    "no token": {},
    "an empty one": {"token": ""},
    "a number": {"token": 7},
    "a list": ["token"],
    "a forged one": {"token": auth.issue("another secret of 32 bytes or more!!", "ann")},
    "an expired one": {"token": EXPIRED},
    "a huge one": {"token": "x" * 3000},
}


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_who_does_not_prove_who_it_is_is_told_so(webs: list[Web], browser: Node, transport: str):
    for given in UNPROVEN.values():
        with browser.client(webs[0].port, auth=given, transports=[transport]) as client:
            refused = client.hears("connect_error")
        assert refused["message"].startswith("authentication ")
        assert refused["data"] == {"code": "unauthorized"}
    assert "expired" in refused_with(webs[0], browser, EXPIRED)


def refused_with(web: Web, browser: Node, token: str) -> str:
    with browser.client(web.port, token=token) as client:
        return client.hears("connect_error")["message"]


@contextmanager
def with_ending_token(web: Web, browser: Node, way: dict[str, Any], user: str = "ann") -> Iterator[Client]:
    """Connected, with a token that ends soon; on a machine so slow that it ended before, with a longer one."""
    for good_for_s in (2, 8, 32):
        with browser.client(web.port, token=ending_in(good_for_s, user), **way) as client:
            if client.until(lambda what, _: what in ("connect", "connect_error"))[-1][0] == "connect":
                yield client
                return
    pytest.fail("no token lasted until the connection stood")


def test_a_token_that_ends_ends_the_connection_and_the_client_comes_back_with_it(webs: list[Web], browser: Node):
    with ExitStack() as stack:
        clients = [stack.enter_context(with_ending_token(webs[0], browser, way)) for way in WAYS.values()]
        for client in clients:
            assert client.hears("disconnect") == "transport close"
            assert client.hears("connect_error")["message"] == "authentication failed: The token has expired"


def test_one_user_has_so_many_connections_of_both_kinds_and_the_api_goes_on(webs: list[Web], browser: Node):
    later(webs[0], "dora")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(browser.client(webs[0].port, "dora")).hears("ai_job_update")
        told(stack.enter_context(socket(webs[0], "dora")), lambda _: True)
        refused = stack.enter_context(browser.client(webs[0].port, "dora")).hears("connect_error")
        assert refused == {
            "message": "too many connections; try again later",
            "data": {"code": "too_many_connections"},
        }
        stack.enter_context(browser.client(webs[0].port, "emil")).hears("connect")
        assert webs[0].call("GET", "/jobs", user="dora")[0] == 200


def test_who_left_makes_room(webs: list[Web], browser: Node):
    for _ in range(2):
        with ExitStack() as stack:
            for way in WAYS.values():
                stack.enter_context(browser.client(webs[0].port, "gina", **way)).hears("connect")
        wait_until(lambda: connected(webs[0]) == 0, "end of all connections")


def connected(web: Web) -> float:
    [line] = [line for line in web.text("GET", "/metrics")[1].splitlines() if line.startswith("yardmaster_sockets ")]
    return float(line.split()[1])


def test_a_client_that_does_not_read_holds_nobody_up_and_hears_every_ending_when_it_reads(
    webs: list[Web], browser: Node
):
    with browser.client(webs[0].port, "ivan", transports=["websocket"]) as slow, ExitStack() as stack:
        slow.hears("connect")
        slow.do("freeze")
        others = [
            stack.enter_context(browser.client(webs[0].port, "ivan", **way)) for way in (WAYS["polling alone"], {})
        ]
        for other in others:
            other.hears("connect")
        jobs = many_large(webs[0], "ivan")
        results = [endings(other, jobs) for other in others]
        assert of_jobs(slow.waiting()) == []
        assert webs[0].call("GET", "/jobs", user="ivan")[0] == 200
        slow.do("thaw")
        assert endings(slow, jobs) == results[0] == results[1]


def many_large(web: Web, user: str) -> set[str]:
    """Jobs whose results, 12 MB, are more than the system's buffers hold."""
    made = {"jobs": [{"job_type": "large", "request_data": {"number": number}} for number in range(40)]}
    return {job["job_id"] for job in web.call("POST", "/jobs/bulk", made, user=user)[1]["jobs"]}


def test_a_client_that_does_not_read_is_cut_when_its_token_ends(webs: list[Web], browser: Node):
    def over() -> str:
        name = 'yardmaster_http_requests_total{method="GET",route="/socket.io/",status="101"}'
        return next((line for line in webs[1].text("GET", "/metrics")[1].splitlines() if line.startswith(name)), "")

    with (
        with_ending_token(webs[1], browser, WAYS["WebSocket alone"], "jane") as slow,
        browser.client(webs[1].port, "jane", transports=["polling"]) as other,
    ):
        slow.do("freeze")
        other.hears("connect")
        endings(other, many_large(webs[0], "jane"))
        before = over()
        wait_until(lambda: over() != before, "end of its thread", within_s=15)  # the system would need 30 s


def endings(client: Client, jobs: set[str]) -> dict[str, Any]:
    """The results of all these jobs."""
    found: dict[str, Any] = {}
    while found.keys() != jobs:
        data = client.hears("ai_job_complete")
        found[data["job_id"]] = data["result"]
    return found


def test_unknown_events_are_ignored_and_too_many_end_the_connection_for_good(webs: list[Web], browser: Node):
    with browser.client(webs[0].port) as client:
        client.hears("upgrade")
        client.do("emit", times=10)
        job_id = webs[0].draw("a mind map")
        assert client.ended(job_id)[-1][0] == "ai_job_complete"
        client.do("emit", times=200)
        assert client.hears("disconnect") == "io server disconnect"  # of which the client does not come back by itself
