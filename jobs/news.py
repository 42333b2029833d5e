"""News of jobs, told by NOTIFY to the processes in which somebody may follow them: which job changed, no more.

Who hears it reads the job, if somebody follows it there; so news may be lost, repeated or overtaken without harm.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jobs.states import FINAL
from jobs.telemetry import Event, JobChanged, RunEnded, RunStarted

log = logging.getLogger(__name__)

NEWS = "ai_jobs_news"  # the channel
WORDS = 140  # in one payload: PostgreSQL takes less than 8,000 bytes


@dataclass(frozen=True, slots=True)
class Word:
    """`tag` tells whose job it is without naming the user (see tag_of); None: not known.  `ended`: it is final now."""

    job_id: str
    tag: str | None
    ended: bool


def tag_of(user_id: str) -> str:
    """Eight hexadecimal digits; two users may share them."""
    return hashlib.blake2s(user_id.encode("utf-8", "replace"), digest_size=4).hexdigest()


def word_of(event: Event) -> Word | None:
    """What followers of a job are told when this has happened; None: nothing."""
    match event:
        case RunStarted():
            return Word(event.job_id, tag_of(event.user_id), ended=False)
        case RunEnded():
            return Word(event.job_id, tag_of(event.user_id), ended=event.outcome in FINAL)
        case JobChanged():
            return Word(event.job_id, tag_of(event.user_id), ended=event.ended)
        case _:
            return None


def payloads(words: Collection[Word]) -> Iterator[str]:
    listed = [[word.job_id, word.tag, int(word.ended)] for word in words]
    for start in range(0, len(listed), WORDS):
        yield json.dumps(listed[start : start + WORDS], separators=(",", ":"))


def read(payload: str) -> list[Word]:
    """None where it cannot be read; an older release sends ids of jobs that have ended."""
    try:
        return [_word(entry) for entry in json.loads(payload)]
    except (ValueError, TypeError, RecursionError):
        log.warning("a word on channel %s could not be read", NEWS)
        return []


def _word(entry: object) -> Word:
    if isinstance(entry, str):
        return Word(_uuid(entry), None, ended=True)
    if not isinstance(entry, list):
        raise TypeError
    job_id, tag, ended = entry
    return Word(_uuid(job_id), None if tag is None else str(tag), bool(ended))


def _uuid(job_id: object) -> str:
    """Raises ValueError: whoever may connect to the database may send anything."""
    return str(uuid.UUID(str(job_id)))
