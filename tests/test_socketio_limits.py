"""What strangers and slow readers cannot do over Socket.IO: one web process, few places, and bytes made by hand."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from api import auth
from api.live.engine import HALF_OPEN
from tests.engineio import (
    PATIENCE_S,
    STRANGE_FRAMES,
    WRONG_BODIES,
    WRONG_QUERIES,
    ask,
    begin,
    end_of,
    frames,
    of,
    signed_in,
)
from tests.processes import QUICK, SECRET, Web, environment, wait_until
from tests.socketio_clients import WAYS, needs_node, node
from tests.test_live import later

PAGE = "https://app.example.org"
FEW = {
    "YARD_API__THREADS": "4",
    "YARD_API__CONNECTIONS": "300",
    "YARD_API__SOCKETS__MOST": "3",
    "YARD_API__ORIGINS": f"[{PAGE}]",
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "web.log"


@pytest.fixture(scope="module")
def web(database_url: str, log: Path) -> Iterator[Web]:
    with log.open("wb") as file:
        running = Web(environment(database_url, **QUICK, **FEW), log=file)
        try:
            wait_until(running.ready, "ready web process")
            yield running
        finally:
            running.end()


@pytest.mark.parametrize("wrong", WRONG_QUERIES)
def test_a_strange_query_is_refused_like_every_other_request(web: Web, wrong: str):
    for body in (None, "40"):
        answer = ask(web, WRONG_QUERIES[wrong], body)
        assert (answer.status, answer.error["code"]) == (400, "malformed")
        assert "script" not in answer.text


def test_a_websocket_that_does_not_shake_hands_is_refused(web: Web):
    for headers in ({}, {"Upgrade": "websocket", "Connection": "Upgrade"}):
        answer = ask(web, "EIO=4&transport=websocket", **headers)
        assert (answer.status, answer.error["code"]) == (426, "upgrade_required")
    assert ask(web, "EIO=4&transport=polling", method="PUT").error["code"] == "method_not_allowed"
    answer = ask(web, "EIO=4&transport=polling", method="HEAD")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST, OPTIONS")


@pytest.mark.parametrize("wrong", WRONG_BODIES)
def test_a_strange_packet_ends_its_own_session_at_the_most(web: Web, wrong: str):
    sid = begin(web)
    answer = ask(web, of(sid), WRONG_BODIES[wrong])
    assert answer.status in (200, 400)
    assert answer.status == 200 or answer.error["code"] == "malformed"
    assert ask(web, of(sid), "1").status in (200, 400)
    assert web.ready()


def test_a_large_packet_is_refused(web: Web):
    sid = begin(web)
    assert ask(web, of(sid), b"4" * 10_000).error["code"] == "too_large"
    with frames(web, max_size=None) as client:
        client.send("4" * 10_000)
        assert end_of(client) == 1009


@pytest.mark.parametrize("strange", STRANGE_FRAMES)
def test_a_strange_frame_ends_its_own_connection(web: Web, strange: str):
    with frames(web) as client:
        client.send(STRANGE_FRAMES[strange])
        assert end_of(client) in (1000, 1003)
    assert web.ready()


@pytest.mark.parametrize("kind", ["packets", "pings"])
def test_a_client_that_sends_too_much_has_to_go(web: Web, kind: str):
    with frames(web) as client:
        try:
            for number in range(4000):
                client.ping(f"{number:0125}") if kind == "pings" else client.send("3")
        except ConnectionClosed:
            pass
        assert end_of(client) == (1008 if kind == "pings" else 1000)


def test_nothing_is_compressed_for_that_would_hold_more_than_all_the_rest(web: Web):
    with connect(f"ws://127.0.0.1:{web.port}/socket.io/?EIO=4&transport=websocket") as client:
        assert client.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in client.response.headers


def test_two_requests_of_a_session_do_not_wait_at_the_same_time(web: Web):
    sid = signed_in(web)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(ask, web, of(sid)) for _ in range(2)]
        refused = wait_until(lambda: next((one for one in answers if one.done()), None), "refusal").result()
        assert refused.error["code"] == "malformed"
        assert ask(web, of(sid), "1").status == 200  # the client leaves, and the other one ends
        assert sorted(one.result().status for one in answers) == [200, 400]
        assert "1" in [one.result().text for one in answers]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_page_of_another_origin_is_refused(web: Web, origin: str):
    assert ask(web, "EIO=4&transport=polling", Origin=origin).error["code"] == "forbidden"
    assert ask(web, of(begin(web)), "40", Origin=origin).error["code"] == "forbidden"
    with pytest.raises(InvalidStatus) as refused:
        frames(web, origin=origin)
    assert refused.value.response.status_code == 403


def test_a_page_of_a_named_origin_and_our_own_may_connect(web: Web):
    for origin in (PAGE, f"http://127.0.0.1:{web.port}"):
        assert ask(web, "EIO=4&transport=polling", Origin=origin).status == 200
        with frames(web, origin=origin) as client:
            assert client.recv(timeout=PATIENCE_S).startswith("0{")
    assert ask(web, "EIO=4&transport=polling", Origin=PAGE).headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(("origin", "told"), [(None, "40{"), (PAGE, "44{")], ids=["our own page", "a named one"])
def test_the_cookie_counts_for_our_own_page_alone(web: Web, origin: str | None, told: str):
    """A page that api.origins names may connect, but with a token of its own."""
    cookie = {"Cookie": f"yardmaster={auth.issue(SECRET, 'ann')}", "Origin": origin or f"http://127.0.0.1:{web.port}"}
    sid = json.loads(ask(web, "EIO=4&transport=polling", **cookie).text[1:])["sid"]
    assert ask(web, of(sid), "40", **cookie).status == 200
    assert ask(web, of(sid), **cookie).text.startswith(told)
    ask(web, of(sid), "1")


@pytest.mark.parametrize("given", ["auth", "header"])
def test_a_token_in_a_header_counts_when_none_is_given_otherwise(web: Web, given: str):
    """One in `auth` counts before it, also when it is wrong."""
    header = {"Authorization": f"Bearer {auth.issue(SECRET, 'ann')}"}
    sid = json.loads(ask(web, "EIO=4&transport=polling", **header).text[1:])["sid"]
    ask(web, of(sid), '40{"token":"wrong"}' if given == "auth" else "40", **header)
    assert ask(web, of(sid), **header).text.startswith("44{" if given == "auth" else "40{")
    ask(web, of(sid), "1")


def test_a_preflight_allows_the_odd_headers_that_some_clients_send(web: Web):
    odd = ("access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers")
    asked = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": ", ".join(odd)}
    answer = ask(web, "EIO=4&transport=polling", method="OPTIONS", Origin=PAGE, **asked)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert set(odd) <= {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_who_says_not_who_it_is_holds_no_place_for_long_and_nobody_up(web: Web):
    wait_until(lambda: ask(web, "EIO=4&transport=polling").status == 200, "place for a session")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(HALF_OPEN + 20))
        opened = list(pool.map(lambda _: ask(web, "EIO=4&transport=polling"), range(60)))
        good = [json.loads(one.text[1:])["sid"] for one in opened if one.status == 200]
        refused = [one for one in opened if one.status != 200]
        assert HALF_OPEN - 10 <= len(good) <= HALF_OPEN
        assert {(one.status, one.error["code"], one.headers["Retry-After"]) for one in refused} == {(503, "busy", "5")}
        waiting = [pool.submit(ask, web, of(sid)) for sid in good[1:]]
        silent = stack.enter_context(frames(web, good[0]))  # it never says that it wants to change
        assert web.call("GET", "/jobs")[0] == 200
        assert {one.result().text for one in waiting} <= {"1", "6\x1e1"}  # the server's word that it is over
        assert end_of(silent) in (1000, 1003)
    assert begin(web)


def test_there_are_so_many_connections_in_all_and_the_next_is_asked_to_come_again(web: Web):
    sids = [signed_in(web, f"user {number}") for number in range(3)]
    late = begin(web)
    ask(web, of(late), f'40{{"token":"{auth.issue(SECRET, "late")}"}}')
    assert ask(web, of(late)).text.startswith('44{"message":"too many connections; try again later"')
    for sid in sids:
        ask(web, of(sid), "1")
    ask(web, of(signed_in(web, "late")), "1")


def test_a_client_that_hangs_up_while_it_waits_gives_its_place_back(web: Web):
    def connected() -> bool:
        return "yardmaster_sockets 0.0" not in web.text("GET", "/metrics")[1]

    sid = signed_in(web)
    line = HTTPConnection("127.0.0.1", web.port)
    line.request("GET", f"/socket.io/?{of(sid)}")
    assert connected()
    line.close()
    wait_until(lambda: not connected(), "end of the session", within_s=15)  # its ping would need 45 s


@pytest.mark.parametrize("words", [["2"], ["3probe"], ["2probe", "2"], ["2probe", '42["x"]']])
def test_who_does_not_change_to_a_websocket_as_agreed_goes_on_by_polling(web: Web, words: list[str]):
    sid = signed_in(web, "otto")
    with frames(web, sid) as client:
        for word in words:
            client.send(word)
        told = list(client)
    assert told == (["3probe"] if words[0] == "2probe" else [])
    later(web, "otto")
    assert "ai_job_update" in news_of(web, sid)
    ask(web, of(sid), "1")


def news_of(web: Web, sid: str) -> str:
    """The first answer that has an event in it."""
    while not (told := ask(web, of(sid)).text).startswith("42"):
        pass
    return told


def test_a_request_that_waits_is_answered_when_its_client_changes_to_a_websocket(web: Web):
    sid, line = signed_in(web, "uma"), HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE_S)
    line.request("GET", f"/socket.io/?{of(sid)}")
    with frames(web, sid) as client:
        client.send("2probe")
        assert client.recv(timeout=PATIENCE_S) == "3probe"
        assert line.getresponse().read() == b"6"
        client.send("5")
        later(web, "uma")
        assert "ai_job_update" in str(client.recv(timeout=PATIENCE_S))
    line.close()


def test_a_session_that_has_become_a_websocket_is_not_asked_for_over_http(web: Web):
    with frames(web) as client:
        sid = json.loads(str(client.recv(timeout=PATIENCE_S))[1:])["sid"]
        assert ask(web, of(sid), "3").error["code"] == "malformed"
        assert ask(web, of(sid)).error["code"] == "malformed"
        with pytest.raises(InvalidStatus) as refused:
            frames(web, sid)
        assert refused.value.response.status_code == 400


def test_the_time_that_a_client_waits_for_news_is_no_answers_time(web: Web):
    def timed(method: str) -> str:
        name = f'yardmaster_http_request_seconds_count{{method="{method}",route="/socket.io/"}}'
        return next(line for line in web.text("GET", "/metrics")[1].splitlines() if line.startswith(name))

    sid = signed_in(web)
    before = timed("GET"), timed("POST")
    ask(web, of(sid), "1")
    ask(web, of(sid))
    assert timed("GET") == before[0]
    assert timed("POST") != before[1]


def test_nothing_of_all_this_is_a_fault_of_ours_or_shows_a_token(web: Web, log: Path):
    text = log.read_text()
    assert "Traceback" not in text
    assert " 500 in " not in text
    assert auth.issue(SECRET, "ann")[:20] not in text
    assert "<script>" not in text


@needs_node
def test_a_server_that_comes_back_is_found_by_itself_and_tells_what_is_live(web: Web, database_url: str):
    """Last in this file: it ends the server that the others ask."""
    with node() as browser, ExitStack() as stack:
        clients = [stack.enter_context(browser.client(web.port, "hugo", **way)) for way in WAYS.values()]
        for client in clients:
            client.hears("connect")
        job_id = later(web, "hugo")
        assert web.stop() == 0
        for client in clients:
            assert client.hears("disconnect") in ("transport close", "transport error")
        again = Web(environment(database_url, **QUICK, **FEW), port=web.port)
        stack.callback(again.end)
        wait_until(again.ready, "web process that is ready again")
        for client in clients:
            client.hears("connect")
            assert client.hears("ai_job_update")["job_id"] == job_id
