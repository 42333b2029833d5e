"""What becomes of a Socket.IO session when something else happens at the same moment."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from api import auth
from api.app import make_bare
from api.errors import Busy
from api.key_set import followed
from api.live import engine, socketio
from api.live.clients import Clients
from api.live.hub import SPARE, Full, Hub
from api.live.sessions import Sessions
from jobs.db.engine import open_engine
from tests.api import kit
from tests.api.provider import Provider, rsa_key, token
from tests.factory import make_job
from tests.jobs.kit import wait_until

START = "/socket.io/?EIO=4&transport=polling"
PROVEN = f'40{{"token":"{auth.issue(kit.SECRET, "ann")}"}}'


@pytest.fixture
def hub(database_url: str, conn: Connection) -> Iterator[Hub]:
    config = kit.settings(YARD_SCHEDULER__POLL_EVERY_S="1000")  # so that nothing is told by chance
    database = open_engine(database_url)
    made = Hub(database, lambda: config)
    yield made
    made.close(0)
    if made._thread:
        made._thread.join(10)
    database.dispose()


def client_of(hub: Hub, keys: auth.Verifier | None = None) -> FlaskClient:
    config = kit.settings()
    app = make_bare(config)
    socketio.register(app, hub, keys or auth.Verifier(kit.SECRET), lambda: config)
    return app.test_client()


def begun(client: FlaskClient) -> str:
    """Where the session is."""
    return f"{START}&sid={json.loads(client.get(START).text[1:])['sid']}"


def said(client: FlaskClient, place: str, packets: str) -> list[str]:
    """What the server answers to these packets."""
    assert client.post(place, data=packets).status_code == 200
    return client.get(place).text.split("\x1e")


def test_a_client_hears_that_it_is_in_and_then_of_its_jobs(hub: Hub, conn: Connection):
    make_job(conn, user_id="bob")
    job_id = make_job(conn, user_id="ann")
    client = client_of(hub)
    place = begun(client)
    heard = said(client, place, PROVEN)
    while len(heard) < 2:
        heard += client.get(place).text.split("\x1e")
    assert heard[0].startswith("40")
    name, data = json.loads(heard[1].removeprefix("42"))
    assert (name, data["job_id"]) == ("ai_job_update", job_id)


def test_a_client_that_leaves_while_it_comes_in_keeps_no_place(hub: Hub, monkeypatch):
    client = client_of(hub)
    place, show = begun(client), hub.show

    def leave_meanwhile(follower) -> None:
        client.post(place, data="1")
        show(follower)

    monkeypatch.setattr(hub, "show", leave_meanwhile)
    client.post(place, data=PROVEN)
    assert hub.count() == 0


def test_a_session_that_ended_before_it_was_known_keeps_no_place(hub: Hub, monkeypatch):
    client = client_of(hub)
    place, enter = begun(client), hub.enter

    def leave_meanwhile(*given):
        client.post(place, data="1")
        return enter(*given)

    monkeypatch.setattr(hub, "enter", leave_meanwhile)
    client.post(place, data=PROVEN)
    assert hub.count() == 0


def test_jobs_that_cannot_be_read_now_are_told_when_they_can(hub: Hub, conn: Connection):
    job_id = make_job(conn, user_id="ann")
    client = client_of(hub)
    place = begun(client)
    conn.execute(text("alter table ai_jobs rename to gone"))
    try:
        heard = said(client, place, PROVEN)
    finally:
        conn.execute(text("alter table gone rename to ai_jobs"))
    while len(heard) < 2:
        heard += client.get(place).text.split("\x1e")
    assert job_id in heard[1]


def test_keys_that_cannot_be_had_are_no_fault_of_the_client(hub: Hub):
    provider = Provider()
    rules = provider.rules()
    provider.close()
    client = client_of(hub, auth.Verifier(followed(rules), rules))
    [answer] = said(client, begun(client), f'40{{"token":"{token(rsa_key())}"}}')
    told = json.loads(answer.removeprefix("44"))
    assert told["message"] == "authentication is not possible now; try again soon"
    assert told["data"] == {"code": "auth_unavailable"}


def test_who_leaves_its_room_gives_its_place_back_and_may_come_again(hub: Hub):
    client = client_of(hub)
    place = begun(client)
    said(client, place, PROVEN)
    assert hub.count() == 1
    client.post(place, data="41")
    assert hub.count() == 0
    assert said(client, place, PROVEN)[0].startswith("40{")
    assert hub.count() == 1


def test_a_second_handshake_changes_nothing(hub: Hub):
    client = client_of(hub)
    place = begun(client)
    said(client, place, PROVEN)
    other = f'40{{"token":"{auth.issue(kit.SECRET, "bob")}"}}'
    assert said(client, place, other) == ['44"Unable to connect"']
    assert list(hub._followers) == ["ann"]


def test_a_session_that_ends_just_before_the_library_knows_it_is_known_to_nobody(hub: Hub, monkeypatch):
    made: list[Sessions] = []
    monkeypatch.setattr(socketio, "Sessions", lambda *given: made.append(Sessions(*given)) or made[0])
    client, connect = client_of(hub), Clients.connect
    place = begun(client)

    def leave_meanwhile(*given):
        client.post(place, data="1")
        return connect(*given)

    monkeypatch.setattr(Clients, "connect", leave_meanwhile)
    client.post(place, data=PROVEN)
    assert hub.count() == 0
    assert (made[0]._io.server.manager.rooms, made[0]._io.server.environ) == ({}, {})


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_an_event_of_a_client_is_no_word_of_the_librarys_whatever_its_name(hub: Hub, name: str):
    client = client_of(hub)
    place = begun(client)
    said(client, place, PROVEN)
    before = set(hub._followers["ann"])
    for user in ("ann", "ann", "bob"):
        client.post(place, data=f'42["{name}",{{"token":"{auth.issue(kit.SECRET, user)}"}}]')
    assert hub._followers == {"ann": before}
    client.post(place, data="1")
    assert hub.count() == 0


def test_packets_that_wait_for_attachments_are_not_taken(hub: Hub):
    client = client_of(hub)
    place = begun(client)
    said(client, place, PROVEN)
    assert said(client, place, '451-["x",{"_placeholder":true,"num":0}]') == ["1"]
    assert hub.count() == 0
    assert client.get(place).text == "1"
    assert [client.get(place).status_code for _ in range(2)] == [400, 400]  # and they do not wait


def test_a_process_that_stops_ends_its_sessions_and_begins_none(hub: Hub, monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_S", 1000)  # or the silent one would go by itself
    client = client_of(hub)
    places = [begun(client), begun(client)]
    said(client, places[0], PROVEN)
    hub.close(10)
    assert hub.count() == 0
    assert [client.get(place).text for place in places] == ["1", "1"]
    answer = client.get(START)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "busy")


def test_requests_that_wait_are_bounded_with_the_websockets_among_them(hub: Hub):
    sessions = Sessions(hub, auth.Verifier(kit.SECRET))
    hub.enter("ann")
    with ExitStack() as stack:
        for _ in range(SPARE + 1):
            stack.enter_context(sessions.place(2))
        with pytest.raises(Busy), sessions.place(2):
            pass
    with sessions.place(2):
        pass


def test_requests_that_wait_and_websockets_together_leave_the_threads_of_the_api_alone(hub: Hub):
    """Whoever comes first: sessions of those who are in may hold two threads for a while, a request and a WebSocket."""
    sessions, most = Sessions(hub, auth.Verifier(kit.SECRET)), kit.settings().api.sockets.most
    with ExitStack() as stack:
        for _ in range(most + SPARE - 1):
            stack.enter_context(sessions.place(most))
        hub.enter("ann")
        with pytest.raises(Full):
            hub.enter("bob")
    hub.enter("bob")


def test_the_thread_that_tells_ends_with_the_last_session_and_comes_back(hub: Hub):
    sessions = Sessions(hub, auth.Verifier(kit.SECRET))
    for _ in range(2):
        session = sessions.open("polling", {}, None)
        session.close()
        session.closed_s = time.monotonic() - 60
        thread = sessions._teller._thread
        thread.join(30)
        assert not thread.is_alive()
        assert sessions.engine.all() == []


def test_a_token_in_the_log_is_a_token_lost(hub: Hub, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    client = client_of(hub)
    place = begun(client)
    said(client, place, PROVEN)
    client.post(place, data='42["<script>"]')
    wait_until(lambda: hub.count() == 1)
    assert PROVEN[12:40] not in caplog.text
    assert "<script>" not in caplog.text
    first = next(line for line in caplog.text.splitlines() if "POST" in line)
    assert "user ann" in first, "the one that brought the token"


class Slow:
    """A verifier whose keys have to be fetched, for as long as the test wants."""

    def __init__(self) -> None:
        self.asked, self.answers = threading.Event(), threading.Event()

    def user(self, token: str) -> auth.User:
        self.asked.set()
        assert self.answers.wait(30)
        return auth.Verifier(kit.SECRET).user(token)


def test_a_session_that_is_forgotten_while_its_token_is_looked_at_keeps_no_place(hub: Hub, monkeypatch):
    made: list[Sessions] = []
    monkeypatch.setattr(socketio, "Sessions", lambda *given: made.append(Sessions(*given)) or made[0])
    monkeypatch.setattr(engine, "CUT_S", 0.0)
    verifier = Slow()
    client = client_of(hub, verifier)
    place = begun(client)
    connecting = threading.Thread(target=lambda: client.application.test_client().post(place, data=PROVEN))
    connecting.start()
    assert verifier.asked.wait(30)
    client.post(place, data="1")
    wait_until(lambda: made[0].engine.all() == [], "the end of the session")
    verifier.answers.set()
    connecting.join(30)
    assert hub.count() == 0
