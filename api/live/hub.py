"""Brings the news of jobs to the connections of this process that follow them.

    jobs.telemetry (this process), NOTIFY (the others) --> changed() --> one thread reads the jobs --> followers

News only names a job; what is told is read from the database, by its user's id, so it is committed, the user's own, and
never older than what was told before.  News may be lost: all live jobs of all who follow are looked at every
`scheduler.poll_every_s`, however much other news comes in meanwhile.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, Row
from sqlalchemy.exc import SQLAlchemyError

from api.live.events import Event, event_of
from api.live.follower import Follower
from config.settings import Config
from jobs import queries
from jobs.db.engine import autocommit
from jobs.news import Word, tag_of

log = logging.getLogger(__name__)

SPARE = 64  # threads beyond api.sockets.most: for who has not said who it is, or changes to a WebSocket
SHOWN = 100  # live jobs that a user is shown at once, of each kind
UNKNOWN = (0, 0)  # of a drawing of which nothing was read
SMALL, LARGE = 500, 100  # jobs that are read at once: without results, and with them, if these are not larger than
LARGE_BYTES = 100_000_000  # in all
CLOSE_S = 1.0  # for all connections to be told that the process stops
PAUSE_S = 1.0  # after the database did not answer


class Full(Exception):
    """There are as many connections as there may be, of all users or of this one."""


class Hub:
    def __init__(self, engine: Engine, settings: Callable[[], Config]) -> None:
        self._engine = engine
        self._settings = settings
        self.beside: Callable[[], int] = lambda: 0  # threads that wait for news, beyond one for each who follows
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._followers: dict[str, set[Follower]] = {}  # by user
        self._tags: Counter[str] = Counter()  # of these users
        self._changed: dict[str, bool] = {}  # whether it may be large: a result, or a drawing from its beginning
        self._drawn: dict[str, tuple[int, int]] = {}  # of jobs that draw: (claim_seq, n) of the part that was read last
        self._look = False
        self._looked = time.monotonic()
        self._awake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    # --- connections

    @property
    def is_closed(self) -> bool:
        return self._closed

    def enter(self, user_id: str, wake: Callable[[], None] = lambda: None) -> Follower:
        """Raises Full; who comes while the process stops is closed at once.  `wake`: see Follower."""
        sockets, follower = self._settings().api.sockets, Follower(user_id, wake)
        with self._lock:
            if self._closed:
                follower.close()
                return follower
            own = self._followers.get(user_id, set())
            held = max(self._count(), self._count() + self.beside() - SPARE)
            if len(own) >= sockets.per_user or held >= sockets.most:
                raise Full
            self._start()
            self._followers.setdefault(user_id, set()).add(follower)
            self._tags[tag_of(user_id)] += 1
        self._awake.set()  # the thread sleeps without end while nobody follows
        return follower

    def leave(self, follower: Follower) -> None:
        with self._lock, suppress(KeyError):
            self._followers[follower.user_id].remove(follower)
            self._tags -= Counter([tag_of(follower.user_id)])
            if not self._followers[follower.user_id]:
                del self._followers[follower.user_id]
            self._left.notify_all()

    def show(self, follower: Follower) -> None:
        """All its user's live jobs, for one who has just entered; what cannot be read now is told by the next look."""
        try:
            with autocommit(self._engine) as conn:
                rows = queries.live(conn, users=[follower.user_id], most=SHOWN)
        except SQLAlchemyError as error:
            log.warning("live jobs could not be read (%s); they are told later", type(error).__name__)
            self.look()
            return
        for row in rows:
            follower.put(event_of(row))

    def count(self) -> int:
        with self._lock:
            return self._count()

    def close(self, within_s: float = CLOSE_S) -> None:
        """The process stops: every connection is to be closed; returns when they are, or after `within_s`."""
        with self._lock:
            self._closed = True
            everybody = [one for own in self._followers.values() for one in own]
        for follower in everybody:
            follower.close()
        self._awake.set()
        with self._lock:
            self._left.wait_for(lambda: not self._followers, timeout=within_s)

    # --- news

    def changed(self, words: Collection[Word]) -> None:
        """Never blocks; called by the listener, and by whoever changes a job in this process."""
        with self._lock:
            for word in words:
                if word.tag is None or word.tag in self._tags:
                    self._changed[word.job_id] = word.ended or self._changed.get(word.job_id, False)
            found = bool(self._changed)
        if found:
            self._awake.set()

    def look(self) -> None:
        """News may have been lost: look at everything that is followed."""
        self._look = True
        self._awake.set()

    def _count(self) -> int:
        return sum(map(len, self._followers.values()))

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._loop, name="live", daemon=True)
            thread.start()  # which the system may refuse: then the next who enters tries again
            self._thread = thread

    def _loop(self) -> None:
        while not self._closed:
            look_at = self._looked + self._settings().scheduler.poll_every_s
            self._awake.wait(max(0.0, look_at - time.monotonic()) if self.count() else None)
            self._awake.clear()
            if time.monotonic() >= look_at:
                self._look = True  # never False here: look() may say so at this very moment
            try:
                self._tell_changed()
                self._tell_all()
            except SQLAlchemyError as error:
                log.warning("the news could not be read (%s); trying again", type(error).__name__)
            except Exception:  # the loop guard: without this thread nobody of this process hears anything any more
                log.exception("the news could not be told; trying again")
            else:
                continue
            time.sleep(PAUSE_S)
            self.look()

    def _tell_changed(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, {}
        try:
            self._tell(changed)
        except SQLAlchemyError:
            with self._lock:
                self._changed = dict.fromkeys((*changed, *self._changed), True)
            raise

    def _tell_all(self) -> None:
        """What is live, and what was live when it was told last."""
        if not self._look:
            return
        self._look, self._looked = False, time.monotonic()
        with self._lock:
            users = {user: tuple(own) for user, own in self._followers.items()}
        if not users:
            return
        followed = {job_id for own in users.values() for one in own for job_id in one.live_jobs()}
        with autocommit(self._engine) as conn:
            rows = queries.live(conn, users=list(users), most=SHOWN, drawn=self._drawn)
        live = {str(row.id) for row in rows}
        self._drawn = {job_id: told for job_id, told in self._drawn.items() if job_id in live}
        self._put(rows)
        self._tell(dict.fromkeys(followed - live, True))

    def _tell(self, job_ids: Mapping[str, bool]) -> None:
        """Of these jobs, each with whether it may be large."""
        with self._lock:
            users = list(self._followers)
        large = max(1, min(LARGE, LARGE_BYTES // self._settings().jobs.result_bytes))
        for is_large, most in ((False, SMALL), (True, large)):
            ids = [job_id for job_id, large in job_ids.items() if large is is_large and users]
            for start in range(0, len(ids), most):
                asked = ids[start : start + most]
                self._put(rows := self._read(asked, users))
                if len(rows) < len(asked):
                    self._put_gone({*asked} - {str(row.id) for row in rows}, users)

    def _read(self, ids: Iterable[str], users: Collection[str]) -> list[Row[Any]]:
        with autocommit(self._engine) as conn:
            return queries.changed(conn, drawn={id_: self._drawn.get(id_, UNKNOWN) for id_ in ids}, users=users)

    def _put(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            try:
                self._put_one(row)
            except Exception:  # what cannot be told of one job must not end the news of all others
                log.exception("job %s: its news could not be told", row.id)

    def _put_one(self, row: Row[Any]) -> None:
        event = event_of(row)
        with self._lock:
            own = tuple(self._followers.get(row.user_id, ()))
        lacking = [follower for follower in own if not follower.put(event)]
        self._note_drawn(event, is_whole=not lacking)

    def _put_gone(self, job_ids: Collection[str], users: Collection[str]) -> None:
        """None of these is a job of `users` any more: whom one was told of as live hears that it was deleted."""
        with self._lock:
            own = [one for user in users for one in self._followers.get(user, ())]
        for follower in own:
            follower.gone(job_ids)

    def _note_drawn(self, event: Event, *, is_whole: bool) -> None:
        """Where to read on; if not `is_whole` from the beginning, and now, for a follower that lacks it."""
        if event.ended or not is_whole:
            self._drawn.pop(event.job_id, None)
        elif event.parts:
            self._drawn[event.job_id] = event.claim_seq, event.parts[-1].n
        if not is_whole:
            with self._lock:
                self._changed[event.job_id] = True
            self._awake.set()
