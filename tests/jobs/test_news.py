"""News of jobs that change: which ones, to every process, and no more than that."""

import threading
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


def words(payloads: list[str]) -> list[Word]:
    return [word for payload in payloads for word in read(payload)]


def test_every_change_is_told_in_payloads_that_postgresql_takes(engine, told):
    sent = [Word(f"{number:036}", tag_of(LONGEST), ended=number % 2 == 0) for number in range(2 * WORDS + 1)]
    hints = Hints(engine)
    for word in sent:
        hints.changed(word)
    kit.wait_until(lambda: len(words(told)) == len(sent), "all words")
    hints.changed(Word("last", None, ended=False))
    kit.wait_until(lambda: len(words(told)) == len(sent) + 1, "the last word")
    assert words(told) == [*sent, Word("last", None, ended=False)]
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
    assert read('["a", "b"]') == [Word("a", None, ended=True), Word("b", None, ended=True)]


@pytest.mark.parametrize("junk", ["", "{", "7", "null", "[" * 100_000, "[[1]]", "[{}]", "[7]"])
def test_junk_on_the_channel_harms_nobody(junk):
    assert read(junk) == []
