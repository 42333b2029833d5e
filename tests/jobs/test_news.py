"""News of jobs that change: which ones, to every process, and no more than that."""

import json
import threading
import uuid
from collections.abc import Iterator

import pytest

from jobs.db.listener import Listener
from jobs.events import Hints
from jobs.news import NEWS, WORDS, Word, payloads, read, tag_of
from tests.jobs import kit

LONGEST = "user-" + "\U0001f600" * 195


@pytest.fixture
def told(database_url: str) -> Iterator[list[str]]:
    """What comes in on the channel."""
    payloads: list[str] = []
    connected = threading.Event()
    ears = Listener(database_url, {NEWS: payloads.append}, connected.set)
    ears.start()
    assert connected.wait(kit.PATIENCE_S)
    yield payloads
    ears.stop()


def id_of(number: int) -> str:
    return str(uuid.UUID(int=number))


def words(payloads: list[str]) -> list[Word]:
    return [word for payload in payloads for word in read(payload)]


def test_every_change_is_told_in_payloads_that_postgresql_takes(engine, told):
    sent = [Word(id_of(number), tag_of(LONGEST), ended=number % 2 == 0) for number in range(2 * WORDS + 1)]
    hints = Hints(engine)
    for word in sent:
        hints.changed(word)
    kit.wait_until(lambda: len(words(told)) == len(sent), "all words")
    last = Word(id_of(10**6), None, ended=False)
    hints.changed(last)
    kit.wait_until(lambda: len(words(told)) == len(sent) + 1, "the last word")
    assert words(told) == [*sent, last]
    assert max(len(payload.encode()) for payload in payloads(sent)) < 8000


def test_changes_of_one_job_that_gather_are_told_once_and_its_end_is_not_forgotten(engine, told):
    hints = Hints(engine)
    hints._thread = threading.current_thread()  # so that nothing is sent yet
    for ended in (False, True, False):
        hints.changed(Word("one", "tag", ended=ended))
    assert list(hints._take()) == [(NEWS, next(payloads([Word("one", "tag", ended=True)])))]


def test_a_tag_tells_users_apart_without_naming_them():
    assert len({tag_of(f"user-{number}") for number in range(1000)}) > 990
    assert "ann" not in tag_of("ann")


def test_the_word_of_an_older_release_is_an_ending():
    ids = [id_of(1), id_of(2)]
    assert read(json.dumps(ids)) == [Word(one, None, ended=True) for one in ids]


@pytest.mark.parametrize("junk", ["", "{", "7", "null", "[" * 100_000, "[[1]]", "[{}]", "[7]"])
def test_junk_on_the_channel_harms_nobody(junk):
    assert read(junk) == []


@pytest.mark.parametrize("payload", ['["nonsense"]', '[["x", null, 1]]', '["00000000-0000-7000-8000-00000000000g"]'])
def test_what_names_no_job_is_dropped(payload: str):
    """Whoever may connect to the database may send anything, and a look for it would fail."""
    assert read(payload) == []
