"""Hints: what became ready is told near by a call and far away by a coalesced NOTIFY; junk from there harms nobody."""

import json
import threading

import pytest

from jobs import store
from jobs.db import listener
from jobs.db.engine import autocommit, open_engine
from jobs.db.listener import Listener
from jobs.events import CHANNEL, Hints, dispatch, encode
from jobs.job import Key
from jobs.news import Word
from jobs.sql import statement
from tests.factory import make_job
from tests.jobs import kit


class Ear:
    """Notes what it is told; `takes` says whether it can do the work itself."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.keys: list[Key] = []
        self.dues: list[float] = []
        self.cancels: list[tuple[str, int]] = []
        self.anew = 0

    def heard(self, keys):
        self.keys += keys

    def look_anew(self):
        self.anew += 1

    def cancel(self, job_id: str, claim_seq: int) -> None:
        self.cancels.append((job_id, claim_seq))

    def ready(self, keys):
        self.keys += keys
        return self.takes

    def due(self, due_s):
        self.dues.append(due_s)
        return self.takes


class Line:
    """Every payload that a Listener on the queue's channel hears."""

    def __init__(self, url: str) -> None:
        self.payloads: list[str] = []
        connected = threading.Event()
        self.ears = Listener(url, {CHANNEL: self.payloads.append}, connected.set)
        self.ears.start()
        assert connected.wait(kit.PATIENCE_S)

    def heard(self) -> list[dict[str, object]]:
        return [json.loads(payload) for payload in self.payloads]


@pytest.fixture(autouse=True)
def _ends_soon(monkeypatch):
    monkeypatch.setattr(listener, "QUIET_S", 0.05)


@pytest.fixture
def line(database_url):
    line = Line(database_url)
    yield line
    line.ears.stop()


def told(payload):
    ear = Ear()
    dispatch(payload, ear)
    return ear


def test_a_hint_that_this_process_can_take_goes_no_further(engine, line):
    near = Ear()
    hints = Hints(engine, near=near)
    hints.ready([Key(0, 1, 2)])
    hints.due(5)
    Hints(engine).ready([Key(9, 9, 9)])
    kit.wait_until(lambda: line.payloads, "the second hint")
    assert (near.keys, near.dues) == ([Key(0, 1, 2)], [5])
    assert line.heard() == [{"ready": [[9, 9, 9]], "due_s": None}]


def test_a_hint_that_this_process_cannot_take_reaches_the_others(engine, line):
    Hints(engine, near=Ear(takes=False)).ready([Key(-3, 1, 2)])
    kit.wait_until(lambda: line.payloads, "the hint")
    ear = told(line.payloads[0])
    assert (ear.keys, ear.dues) == ([Key(-3, 1, 2)], [])


def test_a_wait_that_began_reaches_the_others(engine, line):
    Hints(engine, near=Ear(takes=False)).due(12.5)
    kit.wait_until(lambda: line.payloads, "the hint")
    assert told(line.payloads[0]).dues == [12.5]


def test_nothing_ready_is_no_hint(engine, line):
    near = Ear()
    hints = Hints(engine, near=near)
    hints.ready([])
    hints.ready(iter([]))
    Hints(engine).due(1)
    kit.wait_until(lambda: line.payloads, "the second hint")
    assert (near.keys, len(line.payloads)) == ([], 1)


def test_with_notify_off_nothing_is_sent(engine, line):
    silent = Hints(engine, near=Ear(takes=False), notify=False)
    silent.ready([Key(0, 0, 0)])
    silent.due(5)
    silent.changed(Word("x", None, ended=True))
    Hints(engine).due(1)
    kit.wait_until(lambda: line.payloads, "the other hint")
    assert (line.heard(), silent._thread) == ([{"ready": [], "due_s": 1}], None)
    assert silent._news == {}  # or it would grow for ever


def test_what_was_told_is_not_told_again(engine, line):
    hints = Hints(engine)
    hints.ready([Key(0, 1, 1)])
    hints.due(3)
    kit.wait_until(lambda: any(hint["due_s"] for hint in line.heard()), "the first hints")
    before = len(line.payloads)
    hints.ready([Key(5, 2, 2)])
    kit.wait_until(lambda: len(line.payloads) > before, "the last hint")
    assert line.heard()[before:] == [{"ready": [[5, 2, 2]], "due_s": None}]


def test_hints_that_come_while_one_is_under_way_go_together_in_the_next(database_url, line):
    engine = open_engine(database_url, pool_size=1, connect_timeout_s=10)
    hints = Hints(engine)
    with autocommit(engine):  # the sender must wait for the only connection
        for number in [*range(100, 0, -1), *range(2, 100)]:
            hints.ready([Key(0, number, number), Key(5, number, number)])
            hints.due(number)
    kit.wait_until(lambda: any(hint["due_s"] == 1 for hint in line.heard()), "the last hint")
    assert len(line.payloads) <= 2
    keys = [key for payload in line.payloads for key in told(payload).keys]
    assert {Key(0, 1, 1), Key(5, 1, 1)} <= set(keys)
    assert len(keys) <= 4
    engine.dispose()


def test_a_hint_that_cannot_be_sent_is_given_up_and_the_next_one_is_sent(database_url, line, caplog):
    engine = open_engine(database_url, pool_size=1, connect_timeout_s=1)
    hints = Hints(engine)
    with caplog.at_level("DEBUG", "jobs.events"), autocommit(engine):  # the sender gets no connection
        hints.due(7)
        kit.wait_until(lambda: "not sent" in caplog.text, "the failure")
    hints.due(8)
    kit.wait_until(lambda: line.payloads, "the second hint")
    assert [hint["due_s"] for hint in line.heard()] == [8]
    engine.dispose()


def test_the_largest_hint_fits_into_a_notify():
    largest = Key(-9, -(2**63), -(2**63))
    assert len(encode([largest._replace(rank=rank) for rank in range(-9, 10)], 1e-308)) < 8000


def test_a_cancel_is_heard_with_its_job(conn, line):
    job_id = make_job(conn, "processing")
    store.cancel(conn, job_id=job_id, user_id="ann")
    kit.wait_until(lambda: line.payloads, "the cancel")
    assert told(line.payloads[0]).cancels == [(job_id, 1)]


def test_one_hint_can_say_everything():
    ear = told(
        '{"ready": [[0, 1, 2], [-1, 3, 4]], "due_s": 0.5, "cancel": [["a", 1], ["b", 2]], "from the next release": {}}'
    )
    assert (ear.keys, ear.dues, ear.cancels) == ([Key(0, 1, 2), Key(-1, 3, 4)], [0.5], [("a", 1), ("b", 2)])


JUNK = [
    "", "hello", "{", "5", "null", "[]", '"ready"', "[" * 7900,
    '{"ready": 5}', '{"ready": [5]}', '{"ready": [[1, 2]]}', '{"ready": [[1, 2, "x"]]}', '{"ready": [[1, 2, 3, 4]]}',
    '{"ready": [[10, 0, 0]]}', '{"ready": [[99999, 0, 0]]}', '{"ready": [[0, 1e300, 0]]}', '{"ready": [[0, 0, -1e19]]}',
    '{"ready": [[1e999, 0, 0]]}', '{"ready": [[null, 0, 0]]}', '{"ready": {"a": 1}}',
    '{"due_s": "soon"}', '{"due_s": [1]}', '{"due_s": NaN}', '{"due_s": 1e999}', '{"due_s": 1e300}', '{"cancel": 5}',
]  # fmt: skip


@pytest.mark.parametrize("payload", JUNK, ids=range(len(JUNK)))
def test_junk_on_the_channel_is_dropped(payload, caplog):
    ear = told(payload)
    assert (ear.keys, ear.dues, ear.cancels) == ([], [], [])
    assert CHANNEL in caplog.text


def test_junk_on_the_channel_does_not_end_the_listener(conn, database_url):
    ear, connected = Ear(), threading.Event()
    ears = Listener(database_url, {CHANNEL: lambda payload: dispatch(payload, ear)}, connected.set)
    ears.start()
    assert connected.wait(kit.PATIENCE_S)
    for payload in [*JUNK, encode([Key(0, 0, 7)], None)]:
        conn.execute(statement("notify"), {"channel": CHANNEL, "payload": payload})
    kit.wait_until(lambda: ear.keys, "the hint behind the junk")
    ears.stop()
    assert ear.keys == [Key(0, 0, 7)]
