"""What is told to whoever follows a job: three messages, named as clients know them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row

from jobs.states import FINAL, State


class Message(NamedTuple):
    """As it goes to a client, whatever the transport.  `data` is shared: nobody may change it.

    `result` is JSON, and goes on as the database has written it: it may be large.  None: it brings none.
    """

    name: str
    data: Mapping[str, Any]
    result: str | None = None

    def json(self) -> str:
        """The data, with the result in it."""
        told = json.dumps(self.data, separators=(",", ":"))
        return told if self.result is None else f'{told[:-1]},"result":{self.result}}}'


class Part(NamedTuple):
    """The `n`th part of a drawing: objects that are new or take the place of those with their ids.

    `anew`: what was drawn before does not count any more.
    """

    n: int
    anew: bool
    objects: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """What has become of a job.  `parts`: what its run `claim_seq` has drawn, in order, after the part `after`."""

    job_id: str
    version: int
    ended: bool
    message: Message
    claim_seq: int
    after: int
    parts: tuple[Part, ...]


def event_of(row: Row[Any]) -> Event:
    """`row` is one of jobs.queries.changed() or live()."""
    (name, told), job_id = _told(row), str(row.id)
    data = {"job_id": job_id, "status": row.status, "version": row.version, **told}
    parts = tuple(Part(*part) for part in row.parts or ())
    ended = row.status in FINAL
    return Event(job_id, row.version, ended, Message(name, data, row.result), row.claim_seq, row.after, parts)


def deleted(job_id: str, version: int) -> Event:
    """A job that was live when it was told last, and of which nothing is left."""
    data = {"error": "The job was deleted", "error_code": "cancelled"}
    message = Message("ai_job_error", {"job_id": job_id, "status": State.CANCELLED, "version": version, **data})
    return Event(job_id, version, ended=True, message=message, claim_seq=0, after=0, parts=())


def _told(row: Row[Any]) -> tuple[str, dict[str, Any]]:
    if row.status == State.COMPLETED:
        return "ai_job_complete", {"progress": 100}
    if row.status in FINAL:
        return "ai_job_error", {"error": row.error_message or "The job was cancelled", "error_code": row.error_code}
    message = row.progress_message or ("Running" if row.status == State.PROCESSING else "Waiting for its turn")
    return "ai_job_update", {"message": message, "progress": row.progress}
