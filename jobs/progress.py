"""How far a run is and what it has drawn, from its handler's word until it is written down."""

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from jobs.sql import statement
from jobs.storable import printable, storable

log = logging.getLogger(__name__)

MESSAGE_CHARS = 200
ID_CHARS = 100
MOST_BYTES = 1_000_000  # that a run may show before its end; the result brings all of it


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be written.  `objects`: a JSON list of those that are new or have changed; None: nothing was drawn.

    `n` counts a run's reports that have objects; `anew`: what was drawn before does not count any more.
    """

    percent: int
    message: str | None
    n: int
    anew: bool
    objects: str | None


class Progress:
    """Shared by the handler's thread and the one that writes; a report stays the same until it is known to be taken."""

    def __init__(self) -> None:
        self.percent = 0
        self.message: str | None = None
        self.heard: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._objects: dict[str, str] = {}  # by id
        self._anew = True
        self._news = False
        self._n = 0
        self._bytes = 0
        self._sent: Report | None = None

    def say(self, percent: int, message: str) -> None:
        """See jobs.job.Run."""
        try:
            said = min(100, max(0, int(percent))), printable(str(message), MESSAGE_CHARS)
        except (TypeError, ValueError, OverflowError):
            log.warning("a handler reported %s, which is no percentage", type(percent).__name__)
            return
        with self._lock:
            self._news |= said != (self.percent, self.message)
            self.percent, self.message = said
        self.heard()

    def draw(self, objects: Iterable[Mapping[str, Any]], *, anew: bool = False) -> None:
        """See jobs.job.Run."""
        given = objects if isinstance(objects, Iterable) else ()
        texts = {obj["id"]: text for obj in given if (text := _text(obj))}
        with self._lock:
            if anew:
                self._anew, self._objects = True, {}
            self._objects |= texts if self._has_room(texts) else {}
            self._news = True
        self.heard()

    @property
    def drew(self) -> bool:
        """Whether some of it may be in the database, or on its way there."""
        with self._lock:
            return self._n > 0 or bool(self._objects)

    def pending(self) -> Report | None:
        """What is still to be written; None: nothing."""
        with self._lock:
            if self._sent is None and self._news:
                self._sent = self._report()
            return self._sent

    def written(self) -> None:
        """What pending() gave last is in the database."""
        with self._lock:
            self._sent = None

    def _has_room(self, texts: Mapping[str, str]) -> bool:
        before, self._bytes = self._bytes, self._bytes + sum(map(len, texts.values()))
        if before <= MOST_BYTES < self._bytes:
            log.warning("a run has drawn more than %d bytes; nothing more of it is shown before its end", MOST_BYTES)
        return self._bytes <= MOST_BYTES

    def _report(self) -> Report:
        texts, self._objects, self._news = list(self._objects.values()), {}, False
        if not texts and not (self._anew and self._n):
            return Report(self.percent, self.message, self._n, anew=False, objects=None)
        anew, self._anew = self._anew, False
        self._n += 1
        return Report(self.percent, self.message, self._n, anew, f"[{','.join(texts)}]")


def _text(obj: object) -> str | None:
    """None: it cannot be shown; the handler need not know, for its result is what counts."""
    try:
        if isinstance(obj, Mapping) and _is_id(obj["id"]):
            others = {name: obj[name] for name in obj if name != "id"}
            return storable({**others, "id": obj["id"]})  # last: another name may become "id" once it is clean
    except (KeyError, TypeError, ValueError, RecursionError):
        pass
    log.debug("an object that a handler has drawn cannot be shown: it must be JSON, with an id")
    return None


def _is_id(given: object) -> bool:
    return isinstance(given, str) and 1 <= len(given) <= ID_CHARS and printable(given, ID_CHARS) == given


def write(conn: Connection, reports: Mapping[tuple[str, int], Report]) -> set[str]:
    """Write reports, {(job id, claim_seq): report}, on an AUTOCOMMIT connection; returns the jobs that took theirs.

    A job that is missing is no longer this worker's, or its row was locked: then send the same report again.
    """
    rows = [_row(job_id, claim_seq, report) for (job_id, claim_seq), report in reports.items()]
    found = conn.execute(statement("progress"), {"reports": f"[{','.join(rows)}]"})
    return {str(row.id) for row in found}


def drop(conn: Connection, runs: Collection[tuple[str, int]]) -> None:
    """Delete what these runs, (job id, claim_seq) each, have drawn; a newer run of the same job keeps its own."""
    ids, seqs = [job_id for job_id, _ in runs], [claim_seq for _, claim_seq in runs]
    conn.execute(statement("drop_parts"), {"ids": ids, "claim_seqs": seqs})


def forget(conn: Connection) -> None:
    """Drop what was drawn of jobs that do not run any more, if their endings have left it."""
    conn.execute(statement("forget_parts"))


def _row(job_id: str, claim_seq: int, report: Report) -> str:
    row = {"id": job_id, "claim_seq": claim_seq, "percent": report.percent, "message": report.message}
    text = json.dumps({**row, "n": report.n, "anew": report.anew})
    return f'{text[:-1]},"objects":{report.objects}}}' if report.objects else text
