"""Hints: what became ready, and when the next wait ends, told to whoever polls.

In this process a direct call wakes the pump.  Other processes hear a NOTIFY, sent after commit on a connection of
its own and coalesced: while one is under way, what comes in gathers for the next.  A hint may be lost; polling is
the net, so nothing here is retried.
"""

import json
import logging
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs.db.line import Line
from jobs.job import Key
from jobs.news import NEWS, Word, payloads
from jobs.sql import statement

log = logging.getLogger(__name__)

CHANNEL = "ai_jobs"  # hints, for who runs jobs
HIGHEST_RANK = 9
LONGEST_WAIT_S = 10 * 366 * 86400.0  # what is longer, or is no number, would break the arithmetic of whoever hears it


class Hearer(Protocol):
    """The pump of this process, as hints see it; both return True when it can take the work itself."""

    def ready(self, keys: Iterable[Key]) -> bool: ...

    def due(self, due_s: float) -> bool: ...


class Listening(Protocol):
    """The scheduler of this process, as it hears of what others tell."""

    def heard(self, keys: Iterable[Key]) -> None: ...

    def due(self, due_s: float) -> bool: ...

    def look_anew(self) -> None:
        """A pause has ended."""

    def cancel(self, job_id: str, claim_seq: int) -> None: ...


class Hints:
    """`near` is told first; what it cannot take goes to the other processes (never, if `notify` is False)."""

    def __init__(self, engine: Engine, *, near: Hearer | None = None, notify: bool = True) -> None:
        self._line = Line(engine)
        self._near = near
        self._notify = notify
        self._lowest: dict[int, Key] = {}  # the smallest key per rank that is still to be told
        self._due_s: float | None = None
        self._news: dict[str, Word] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._thread: threading.Thread | None = None

    def ready(self, keys: Iterable[Key]) -> None:
        """These places in the queue can be claimed now."""
        keys = list(keys)
        if not (self._near and self._near.ready(keys)):
            self.tell(keys)

    def tell(self, keys: Collection[Key]) -> None:
        """The same for the other processes alone."""
        if not keys:
            return
        with self._lock:
            for key in keys:
                self._lowest[key.rank] = min(key, self._lowest.get(key.rank, key))
        self._tell_others()

    def due(self, due_s: float) -> None:
        """A job has begun to wait and will be due in `due_s` seconds."""
        if self._near and self._near.due(due_s):
            return
        with self._lock:
            self._due_s = due_s if self._due_s is None else min(due_s, self._due_s)
        self._tell_others()

    def changed(self, word: Word) -> None:
        """Somebody may follow this job; told to other processes alone."""
        if not self._notify:
            return
        with self._lock:
            before = self._news.get(word.job_id)
            self._news[word.job_id] = replace(word, ended=True) if before and before.ended else word
        self._tell_others()

    def _tell_others(self) -> None:
        if not self._notify:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
        self._work.set()

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            for channel, payload in self._take():
                self._send(channel, payload)

    def _take(self) -> Iterator[tuple[str, str]]:
        with self._lock:
            lowest, self._lowest = self._lowest, {}
            due_s, self._due_s = self._due_s, None
            words, self._news = self._news, {}
        if lowest or due_s is not None:
            yield CHANNEL, encode(lowest.values(), due_s)
        for payload in payloads(words.values()):
            yield NEWS, payload

    def _send(self, channel: str, payload: str) -> None:
        try:
            with self._line.use() as conn:
                conn.execute(statement("notify"), {"channel": channel, "payload": payload})
        except SQLAlchemyError as error:
            log.debug("a hint was not sent (%s); the poll will find the work", type(error).__name__)


def encode(keys: Iterable[Key], due_s: float | None) -> str:
    """One hint as text; at most one key per rank, so it stays far below NOTIFY's 8,000 bytes."""
    return json.dumps({"ready": [list(key) for key in keys], "due_s": due_s}, separators=(",", ":"))


def tell_at_once(conn: Connection, keys: Iterable[Key], words: Collection[Word]) -> None:
    """These keys can be claimed, these jobs have changed: for a process that ends before a thread of Hints tells it."""
    lowest: dict[int, Key] = {}
    for key in keys:
        lowest[key.rank] = min(key, lowest.get(key.rank, key))
    if lowest:
        conn.execute(statement("notify"), {"channel": CHANNEL, "payload": encode(lowest.values(), None)})
    for payload in payloads(words):
        conn.execute(statement("notify"), {"channel": NEWS, "payload": payload})


def dispatch(payload: str, listening: Listening) -> None:
    """Hand one NOTIFY to this process's scheduler; what cannot be read is dropped, since the poll is the net."""
    try:
        heard = json.loads(payload)
        keys = [_key(key) for key in heard.get("ready", ())]
        due_s = _due_s(heard.get("due_s"))
        anew = bool(heard.get("anew"))
        cancels = [(str(job_id), int(claim_seq)) for job_id, claim_seq in heard.get("cancel", ())]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        log.warning("a hint on channel %s could not be read", CHANNEL)
        return
    if keys:
        listening.heard(keys)
    if due_s is not None:
        listening.due(due_s)
    if anew:
        listening.look_anew()
    for job_id, claim_seq in cancels:
        listening.cancel(job_id, claim_seq)


def _key(told: Iterable[Any]) -> Key:
    """Raises ValueError for a place that no job can have: a claim that begins there would fail."""
    key = Key(*map(int, told))
    if abs(key.rank) > HIGHEST_RANK or max(abs(key.turn), abs(key.seq)) >= 2**63:
        raise ValueError
    return key


def _due_s(told: object) -> float | None:
    """Raises ValueError for a wait that no job can have."""
    if told is None:
        return None
    if not isinstance(told, int | float) or not abs(told) < LONGEST_WAIT_S:
        raise ValueError
    return float(told)
