"""Who is slow waits alone, and not for ever.  Each server here has four threads, and more slow clients than that."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psutil
import pytest

from tests.api.kit import PREFIX, with_token
from tests.api.raw import Raw, answers, assert_refused, parsed
from tests.api.served import BIG_BYTES
from tests.api.server_process import Served, asked, until

CROWD = 12
TOKEN = with_token("ann", {})["headers"]["Authorization"].encode()
HEAD = b"GET /api/ai-agent/livez HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/ai-agent/create-canvas HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
POST += b"Authorization: " + TOKEN + b"\r\n"
BODY = b'{"instructions": "x"}'
SENT = {
    "nothing": b"",
    "half a line": b"GET /api/ai-a",
    "half a head": HEAD,
    "no body": POST + b"Content-Length: 21\r\n\r\n",
    "half a body": POST + b"Content-Length: 21\r\n\r\n" + BODY[:10],
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n15\r\n" + BODY[:10],
    "half of the chunks": POST + b"Transfer-Encoding: chunked\r\n\r\na\r\n" + BODY[:10] + b"\r\n",
    "half of the trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n15\r\n" + BODY + b"\r\n0\r\nA: b\r\n",
}
BIG = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"
LONG, SHORT = 600, 0.3


def served(folder, database_url, patience_s, **more):
    names = ("HEADER_S", "BODY_S", "ANSWER_S")
    return Served(folder, database_url, environ={f"YARD_API__{name}": str(patience_s) for name in names} | more)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Served]:
    with closing_at_end(served(tmp_path_factory.mktemp("patient"), database_url, LONG)) as found:
        yield found


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Served]:
    with closing_at_end(served(tmp_path_factory.mktemp("strict"), database_url, SHORT)) as found:
        yield found


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Served]:
    """Room for sixteen connections, and for 4 MB of half-sent requests and half-read answers."""
    few = {"YARD_API__CONNECTIONS": "16", "YARD_API__SOCKETS__MOST": "0", "TEST_CROWD_BYTES": "4000000"}
    with closing_at_end(served(tmp_path_factory.mktemp("narrow"), database_url, LONG, **few)) as found:
        yield found


class closing_at_end:  # noqa: N801 - used as a context, like a function
    def __init__(self, found: Served) -> None:
        self.found = found

    def __enter__(self) -> Served:
        self.found.worker()
        return self.found

    def __exit__(self, *_: object) -> None:
        self.found.clean_up()


def test_others_are_answered_while_clients_of_all_kinds_hang(patient):
    with ExitStack() as stack:
        slow = [stack.enter_context(Raw(patient.port(), first)) for first in SENT.values() for _ in range(CROWD)]
        readers = [stack.enter_context(Raw(patient.port(), BIG, reads_little=True)) for _ in range(CROWD)]
        assert [patient.get(f"{PREFIX}/livez")[0] for _ in range(20)] == [200] * 20
        with closing(patient.connect()) as kept:
            assert {asked(kept, f"{PREFIX}/livez")[0] for _ in range(20)} == {200}
        for client in slow:
            client.sock.settimeout(0)
            with pytest.raises(BlockingIOError):  # it was not sent away either
                client.sock.recv(1)
        for reader in readers[:2]:
            reader.sock.shutdown(1)
            assert len(reader.rest().partition(b"\r\n\r\n")[2]) == BIG_BYTES


def test_who_does_not_go_on_is_shown_the_door(strict):
    with ExitStack() as stack:
        begun = {name: first for name, first in SENT.items() if first}
        clients = {name: stack.enter_context(Raw(strict.port(), first)) for name, first in begun.items()}
        refused = {name: assert_refused(parsed(client.rest()), 408, "too_slow") for name, client in clients.items()}
    until(lambda: all(request_id in strict.log() for request_id in refused.values()), "lines in the log")
    told = [line.partition(" in ")[0] for line in strict.log().splitlines() if line.endswith(tuple(refused.values()))]
    unread, read = ("INFO:yardmaster.requests:" + method + " unknown 408" for method in ("None", "POST"))
    assert sorted(told) == [unread] * 2 + [read] * (len(begun) - 2)


@pytest.mark.parametrize("sent", ["half a head", "half a body", "half a chunk"])
def test_who_drips_is_shown_the_door_too(strict, sent):
    first = SENT[sent] + b"X: " if "head" in sent else SENT[sent].replace(b": 21", b": 60000").replace(b"15", b"ffff")
    with Raw(strict.port(), first) as client:
        assert_refused(client.drips_until_it_is_answered(), 408, "too_slow")


def test_who_does_not_leave_is_left(strict):
    """Who has been refused may still read the answer, though not for ever."""
    with Raw(strict.port(), SENT["half a head"]) as client:
        assert_refused(parsed(client.rest()), 408, "too_slow")
        until(lambda: not connected(strict.worker(), client), "the end of the connection")


def test_who_does_not_read_is_cut_off(strict):
    with Raw(strict.port(), BIG, reads_little=True) as client:
        worker = strict.worker()
        until(lambda: not connected(worker, client), "the end of the connection")
        assert len(client.rest()) < BIG_BYTES


def connected(pid, client):
    ours = client.sock.getsockname()
    return any(line.raddr == ours for line in psutil.Process(pid).net_connections(kind="tcp"))


def test_a_request_may_come_byte_by_byte(patient):
    whole = (
        POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n15;a=b\r\n" + BODY + b"\r\n0\r\nA: b\r\n\r\n"
    )
    with Raw(patient.port()) as client:
        for byte in whole:
            client.sock.sendall(bytes([byte]))
        assert parsed(client.rest()).status == 202


def test_requests_that_come_together_are_answered_in_turn(patient):
    third = HEAD + b"Connection: close\r\n\r\n"
    with Raw(patient.port(), HEAD + b"\r\n" + POST + b"Content-Length: 21\r\n\r\n" + BODY + third) as client:
        assert [answer.status for answer in answers(client.rest())] == [200, 202, 200]


def test_what_is_behind_a_request_is_the_next_one_however_it_is_sent(patient):
    with Raw(patient.port(), SENT["half a body"]) as client:
        client.sock.sendall(BODY[10:] + b"GARBAGE\r\n\r\n")
        assert [answer.status for answer in answers(client.rest())] == [202, 400]


def test_who_waits_for_a_word_before_the_body_gets_it_once(patient):
    with Raw(
        patient.port(), POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 21\r\n\r\n"
    ) as client:
        word = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.sock.recv(len(word)) == word
        client.sock.sendall(BODY)
        assert parsed(client.rest()).status == 202


@pytest.mark.parametrize("announced", [b"Content-Length: 8000001", b"Transfer-Encoding: chunked\r\n\r\n7A1201"])
def test_a_body_that_is_too_large_is_refused_before_it_comes(patient, announced):
    with Raw(patient.port(), POST + b"Expect: 100-continue\r\n" + announced + b"\r\n\r\n") as client:
        assert_refused(parsed(client.rest()), 413, "too_large")


def test_who_is_refused_while_it_sends_still_hears_why(patient):
    """A connection that is closed with unread bytes is reset, and what was sent to the client is lost."""
    with Raw(patient.port(), POST + b"Content-Length: 9000000\r\n\r\n") as client:
        for _ in range(9):
            client.sock.sendall(b" " * 100_000)
        assert_refused(parsed(client.rest()), 413, "too_large")


def test_a_big_answer_is_whole_and_the_connection_serves_on(patient):
    with closing(patient.connect()) as kept:
        for _ in range(2):
            kept.request("GET", "/big")
            assert len(kept.getresponse().read()) == BIG_BYTES


def test_when_all_places_are_taken_the_slowest_make_room_and_nobody_who_is_being_answered(narrow):
    with ExitStack() as stack:
        held = stack.enter_context(Raw(narrow.port(), b"GET /hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        slow = [stack.enter_context(Raw(narrow.port(), SENT["half a head"])) for _ in range(40)]
        assert narrow.get(f"{PREFIX}/livez")[0] == 200
        assert_refused(parsed(slow[0].rest()), 408, "too_slow")
        slow[-1].sock.sendall(b"Connection: close\r\n\r\n")
        assert parsed(slow[-1].rest()).status == 200
        narrow.release()
        assert parsed(held.rest()).json() == {"held": True}


def test_large_requests_that_are_not_whole_are_turned_away_in_a_crowd_and_small_ones_are_not(narrow):
    with Raw(narrow.port(), POST + b"Content-Length: 8000000\r\n\r\n") as large:
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(large.sock.sendall, b" " * 4_200_000)
            answer = parsed(large.rest())
            sending.result()
        assert_refused(answer, 503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
    with Raw(narrow.port(), POST + b"Content-Length: 8000000\r\n\r\n") as large:
        large.sock.sendall(b" " * 3_900_000)
        with Raw(narrow.port(), POST + b"Content-Length: 21\r\nConnection: close\r\n\r\n") as small:
            small.sock.sendall(BODY)
            assert parsed(small.rest()).status == 202


def test_an_answer_that_nobody_reads_is_not_kept_in_a_crowd(narrow):
    with Raw(narrow.port(), BIG, reads_little=True) as client:
        worker = narrow.worker()
        until(lambda: not connected(worker, client), "the end of the connection")


def test_there_are_as_many_places_as_file_handles(tmp_path, database_url):
    patience = {"YARD_API__HEADER_S": str(LONG), "YARD_API__SOCKETS__MOST": "0"}
    server = Served(tmp_path, database_url, files=264, can_have_more_files=False, environ=patience)
    with closing_at_end(server), ExitStack() as stack:
        for _ in range(280):
            stack.enter_context(Raw(server.port(), SENT["half a head"]))
        assert server.get(f"{PREFIX}/livez")[0] == 200
        assert server.said("start") == [server.worker()]


def test_slow_clients_do_not_hold_up_the_stop(tmp_path, database_url):
    with closing_at_end(served(tmp_path, database_url, LONG)) as server, ExitStack() as stack:
        slow = [stack.enter_context(Raw(server.port(), SENT["half a head"])) for _ in range(CROWD)]
        server.release()
        os.kill(server.process.pid, signal.SIGTERM)
        assert_refused(parsed(slow[0].rest()), 408, "too_slow")
        assert server.ends() == 0
