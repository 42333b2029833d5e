"""What is told to whoever follows a job: three events, named as clients know them."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from jobs.states import FINAL, State


@dataclass(frozen=True, slots=True)
class Event:
    """`text` is the message as it goes over a WebSocket: {"event": name, "data": {...}}."""

    job_id: str
    version: int
    ended: bool
    text: str
    name: str = ""
    data: Any = None


def event_of(row: Row[Any]) -> Event:
    """`row` is one of jobs.queries.changed() or live()."""
    name, data = _told(row)
    data = {"job_id": str(row.id), "status": row.status, "version": row.version, **data}
    text = json.dumps({"event": name, "data": data}, separators=(",", ":"))
    return Event(str(row.id), row.version, row.status in FINAL, text, name, data)


def _told(row: Row[Any]) -> tuple[str, dict[str, Any]]:
    if row.status == State.COMPLETED:
        return "ai_job_complete", {"result": row.result_data, "progress": 100}
    if row.status in FINAL:
        return "ai_job_error", {"error": row.error_message or "The job was cancelled"}
    message = row.progress_message or ("Running" if row.status == State.PROCESSING else "Waiting for its turn")
    return "ai_job_update", {"message": message, "progress": row.progress}
