"""Followers over real WebSockets: two web processes, a worker on its own, and strangers who hear nothing."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import jwt
import pytest
from websockets import Origin, Subprotocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api import auth
from tests.processes import SECRET, Web, fleet, wait_until

PATIENCE_S = 30.0
SPLIT = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_API__SOCKETS__PER_USER": "3"}


@pytest.fixture(scope="module")
def webs(database_url: str) -> Iterator[list[Web]]:
    with fleet(database_url, webs=2, workers=1, **SPLIT) as (found, _):
        yield found


def address(web: Web) -> str:
    return f"ws://127.0.0.1:{web.port}/api/ai-agent/ws"


def socket(web: Web, user: str = "ann", token: str | None = None, **options: Any) -> ClientConnection:
    offered = [Subprotocol("bearer"), Subprotocol(token or auth.issue(SECRET, user))]
    return connect(address(web), subprotocols=offered, open_timeout=PATIENCE_S, **options)


def told(client: ClientConnection, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Messages up to the one that is waited for."""
    messages: list[dict[str, Any]] = []
    while not messages or not until(messages[-1]):
        messages.append(json.loads(client.recv(timeout=PATIENCE_S)))
    return messages


def ended(job_id: str) -> Callable[[dict[str, Any]], bool]:
    return lambda heard: heard["data"]["job_id"] == job_id and heard["event"] != "ai_job_update"


def closing(client: ClientConnection) -> tuple[int, str]:
    """How the server closed it."""
    with suppress(ConnectionClosed):
        while True:
            client.recv(timeout=PATIENCE_S)
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


def test_what_a_worker_draws_reaches_the_browser_on_every_web_process_and_no_stranger(webs: list[Web]):
    with socket(webs[0]) as near, socket(webs[1]) as far, socket(webs[1], "bob") as stranger:
        job_id = webs[0].draw("login flowchart: enter password, check")
        heard = told(near, ended(job_id)), told(far, ended(job_id))
        bobs = webs[0].call("POST", "/create-canvas", {"instructions": "a mind map"}, user="bob")[1]["job_id"]
        assert {one["data"]["job_id"] for one in told(stranger, ended(bobs))} == {bobs}
    result = webs[1].call("GET", f"/job/{job_id}/result")[1]["result"]
    for messages in heard:
        last = messages[-1]
        assert (last["event"], last["data"]["result"]) == ("ai_job_complete", result)
        versions = [one["data"]["version"] for one in messages]
        assert versions == sorted(set(versions)), "a version was told twice, or out of order"


def test_whoever_only_asks_what_may_be_asked_is_told_so(webs: list[Web]):
    assert webs[0].text("OPTIONS", "/ws")[0] == 200


def test_the_answer_of_enqueue_names_the_socket(webs: list[Web]):
    answer = webs[0].call("POST", "/create-canvas", {"instructions": "a mind map"})[1]
    assert address(webs[0]).endswith(answer["links"]["events"])


def later(web: Web, user: str) -> str:
    """A job of this user's that waits."""
    made = {"job_type": "create_canvas", "request_data": {"instructions": "x"}, "delay_s": 600}
    return str(web.call("POST", "/jobs", made, user=user)[1]["job_id"])


def test_a_cancel_over_one_web_process_is_told_on_the_other(webs: list[Web]):
    with socket(webs[1]) as far:
        job_id = later(webs[0], "ann")
        webs[0].call("POST", f"/job/{job_id}/cancel")
        assert told(far, ended(job_id))[-1]["data"]["status"] == "cancelled"


def test_a_live_job_that_is_deleted_over_one_web_process_has_ended_on_the_other(webs: list[Web]):
    with socket(webs[1]) as far:
        job_id = later(webs[0], "ann")
        told(far, lambda message: message["data"]["job_id"] == job_id)
        assert webs[0].call("DELETE", f"/job/{job_id}")[0] == 200
        assert told(far, ended(job_id))[-1]["data"]["status"] == "cancelled"


def test_who_connects_is_told_the_live_jobs_first(webs: list[Web]):
    job_id = later(webs[0], "cora")
    with socket(webs[0], "cora") as client:
        [snapshot] = told(client, lambda _: True)
    assert (snapshot["event"], snapshot["data"]["job_id"]) == ("ai_job_update", job_id)
    assert snapshot["data"]["status"] == "queued"


REFUSED: dict[str, dict[str, Any]] = {
    "nobody": {},
    "a forged token": {"subprotocols": ["bearer", auth.issue("another secret of 32 bytes or more!!", "ann")]},
    "another subprotocol": {"subprotocols": ["chat"]},
    "a page of another origin": {
        "subprotocols": ["bearer", auth.issue(SECRET, "ann")],
        "origin": "https://evil.example",
    },
}


@pytest.mark.parametrize("how", REFUSED)
def test_these_are_refused_before_the_handshake(webs: list[Web], how: str):
    with pytest.raises(InvalidStatus) as refused:
        connect(address(webs[0]), **REFUSED[how])
    assert refused.value.response.status_code == (403 if "origin" in how else 401)


def test_a_page_of_the_own_origin_may_connect(webs: list[Web]):
    with socket(webs[0], origin=Origin(f"http://127.0.0.1:{webs[0].port}")) as client:
        assert client.subprotocol == "bearer"


def ending_in(within_s: float, user: str = "ann") -> str:
    """A token that is good for so long, with the leeway that it is given."""
    end = time.time() + within_s - auth.USUAL.leeway_s
    return jwt.encode({"sub": user, "iat": time.time(), "exp": end}, SECRET, algorithm="HS256")


@contextmanager
def with_ending_token(web: Web, user: str = "ann", **options: Any) -> Iterator[ClientConnection]:
    """Connected, with a token that ends soon; on a machine so slow that it ended before, with a longer one."""
    for good_for_s in (2, 8, 32):
        with suppress(InvalidStatus):
            client = socket(web, user, ending_in(good_for_s, user), **options)
            break
    else:
        pytest.fail("no token lasted until the connection stood")
    with client:
        yield client


def test_a_token_that_ends_ends_the_connection(webs: list[Web]):
    with with_ending_token(webs[0]) as client:
        assert closing(client) == (1008, "the token has expired")


def test_one_user_has_so_many_connections_and_the_api_goes_on(webs: list[Web]):
    later(webs[0], "dora")
    with ExitStack() as stack:
        for _ in range(3):
            told(stack.enter_context(socket(webs[0], "dora")), lambda _: True)  # so it is in
        with socket(webs[0], "dora") as fourth:
            assert closing(fourth)[0] == 1013
        assert webs[0].call("GET", "/jobs", user="dora")[0] == 200


def test_a_client_that_talks_too_much_has_to_go(webs: list[Web]):
    with socket(webs[0]) as client:
        with suppress(ConnectionClosed):
            for _ in range(200):
                client.send("x")
        assert closing(client) == (1008, "too many messages")


def test_a_message_that_is_too_large_ends_the_connection(webs: list[Web]):
    with socket(webs[0]) as client:
        client.send("x" * 5000)
        assert closing(client)[0] == 1009


def test_a_server_that_stops_says_so(database_url: str):
    with fleet(database_url, webs=1) as ([web], _), socket(web) as client:
        web.process.terminate()
        assert closing(client)[0] == 1001
        assert web.process.wait(30) == 0


def test_nothing_is_compressed_for_that_would_cost_each_connection_120_kb(webs: list[Web]):
    with socket(webs[0]) as client:  # which offers it
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers


def by_cookie(web: Web, user: str, origin: str) -> ClientConnection:
    headers = {"Cookie": f"yardmaster={auth.issue(SECRET, user)}"}
    return connect(address(web), origin=Origin(origin), additional_headers=headers, open_timeout=PATIENCE_S)


def test_our_own_page_follows_by_its_cookie(webs: list[Web]):
    with by_cookie(webs[0], "dora", f"http://127.0.0.1:{webs[0].port}") as client:
        job_id = webs[0].call("POST", "/create-canvas", {"instructions": "a mind map"}, user="dora")[1]["job_id"]
        assert told(client, ended(job_id))[-1]["event"] == "ai_job_complete"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_does_not_follow_by_the_cookie(webs: list[Web], origin: str):
    with pytest.raises(InvalidStatus) as refused:
        by_cookie(webs[0], "ann", origin)
    assert refused.value.response.status_code == 403


def test_connections_are_counted_while_they_last_and_their_time_is_no_answers_time(webs: list[Web]):
    def shown(name: str) -> list[str]:
        return [line for line in webs[0].text("GET", "/metrics")[1].splitlines() if line.startswith(name)]

    timed = 'yardmaster_http_request_seconds_count{method="GET",route="/api/ai-agent/ws"}'
    later(webs[0], "finn")
    upgraded = 'yardmaster_http_requests_total{method="GET",route="/api/ai-agent/ws",status="101"}'
    before, ended = shown(timed), shown(upgraded)
    with socket(webs[0], "finn") as client:
        told(client, lambda _: True)
        assert float(shown("yardmaster_sockets ")[0].split()[1]) >= 1
    wait_until(lambda: shown(upgraded) != ended, "the end of the connection in the metrics")
    assert shown(timed) == before
