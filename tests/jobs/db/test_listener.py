"""The listener hears NOTIFY, outlives its connection, and says when it is (again) all ears."""

import threading
import time

import pytest
from sqlalchemy import text

from jobs.db import listener
from jobs.db.listener import Listener
from jobs.sql import statement
from jobs.telemetry import ListenerChanged
from tests.jobs import kit
from tests.scheduler.kit import told

KILL = """
select pg_terminate_backend(pid) from pg_stat_activity
 where application_name = 'yardmaster listener' and datname = current_database()
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(listener, "QUIET_S", 0.05)
    monkeypatch.setattr(listener, "PAUSE_S", 0.05)


class Ears:
    def __init__(self, url: str) -> None:
        self.payloads: list[str] = []
        self.connections = 0
        self.listener = Listener(url, {"ai_jobs": self.payloads.append}, self._connected)
        self.listener.start()

    def _connected(self) -> None:
        self.connections += 1


@pytest.fixture
def ears(database_url):
    ears = Ears(database_url)
    kit.wait_until(lambda: ears.connections == 1, "the connection")
    yield ears
    ears.listener.stop()


def notify(conn, payload):
    conn.execute(statement("notify"), {"channel": "ai_jobs", "payload": payload})


def test_what_is_notified_is_heard_in_its_order(conn, ears):
    for number in range(20):
        notify(conn, f"hint {number}")
    kit.wait_until(lambda: len(ears.payloads) == 20, "the last hint")
    assert ears.payloads == [f"hint {number}" for number in range(20)]


def test_other_channels_are_not_heard(conn, ears):
    conn.execute(text("select pg_notify('another', 'not for us')"))
    notify(conn, "for us")
    kit.wait_until(lambda: ears.payloads, "the hint")
    assert ears.payloads == ["for us"]


def test_it_tells_when_its_connection_comes_and_goes(conn, database_url):
    with told(ListenerChanged) as changes:
        ears = Ears(database_url)
        kit.wait_until(lambda: ears.connections == 1, "the connection")
        assert ears.listener.gone_s() == 0
        conn.execute(text(KILL))
        kit.wait_until(lambda: ears.connections == 2, "the next connection")
        assert ears.listener.gone_s() == 0
        ears.listener.stop()
        kit.wait_until(lambda: len(changes) == 5, "the end")
    assert [(change.connected, change.connections) for change in changes] == [
        (False, 0),
        (True, 1),
        (False, 1),
        (True, 2),
        (False, 2),
    ]


def test_it_knows_how_long_it_has_had_no_connection():
    began = time.monotonic()
    with told(ListenerChanged) as changes:
        ears = Ears("postgresql://nobody@127.0.0.1:1/none")
        kit.wait_until(lambda: ears.listener.gone_s() > 0.2, "a while")
        assert ears.listener.gone_s() <= time.monotonic() - began
        ears.listener.stop()
    assert [change.connected for change in changes] == [False]


def test_a_broken_connection_is_replaced_and_said_to_be(conn, ears):
    for times in (2, 3):
        conn.execute(text(KILL))
        kit.wait_until(lambda times=times: ears.connections == times, "the next connection")
    notify(conn, "after the break")
    kit.wait_until(lambda: ears.payloads, "the hint")
    assert ears.payloads == ["after the break"]


def test_a_hint_of_the_moment_of_connecting_is_not_missed(conn, database_url):
    """connected() is called once LISTEN stands: what is sent from then on is heard."""
    payloads = []
    ears = Listener(database_url, {"ai_jobs": payloads.append}, lambda: notify(conn, "at once"))
    ears.start()
    kit.wait_until(lambda: payloads, "the hint")
    ears.stop()


def test_without_a_server_it_goes_on_trying(caplog):
    ears = Ears("postgresql://nobody@127.0.0.1:1/none")
    kit.wait_until(lambda: caplog.text.count("lost its connection") >= 2, "the second try")
    ears.listener.stop()
    assert ears.connections == 0


def test_whatever_a_hearer_makes_of_it_the_listener_goes_on(conn, database_url, caplog):
    heard = []
    listener = Listener(database_url, {"ai_jobs": lambda payload: heard.append(1 / len(payload))}, lambda: None)
    listener.start()
    kit.wait_until(lambda: listener.gone_s() == 0, "the connection")
    notify(conn, "")
    kit.wait_until(lambda: "broke its loop" in caplog.text, "the fault")

    def heard_again():
        notify(conn, "four")
        return heard

    kit.wait_until(heard_again, "the next hint")
    listener.stop()
    assert set(heard) == {0.25}


def test_a_stopped_listener_leaves_no_thread_and_no_connection(conn, ears):
    ears.listener.stop()
    kit.wait_until(lambda: "listener" not in {thread.name for thread in threading.enumerate()}, "the thread's end")
    kit.wait_until(
        lambda: conn.execute(text(KILL.replace("pg_terminate_backend(pid)", "pid"))).all() == [], "the close"
    )
