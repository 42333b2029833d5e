"""Makes rows of ai_jobs in any state, directly: tests age rows instead of faking clocks."""

import json
from typing import Any

from sqlalchemy import Connection, text

from jobs.job import Key
from scheduler.bounds import FULL

EVERYWHERE: list[Key] = list(FULL)

STATES = {
    "ready": {},
    "waiting": {"next_processing_at": "clock_timestamp() + interval '1 hour'"},
    "due": {"next_processing_at": "clock_timestamp() - interval '1 second'"},
    "processing": {
        "status": "'processing'",
        "claim_seq": "1",
        "worker_id": "'w'",
        "started_at": "clock_timestamp()",
        "lease_expires_at": "clock_timestamp() + interval '30 s'",
    },
    "lost": {
        "status": "'processing'",
        "claim_seq": "1",
        "worker_id": "'w'",
        "started_at": "clock_timestamp() - interval '2 minutes'",
        "lease_expires_at": "clock_timestamp() - interval '1 minute'",
    },
    "completed": {
        "status": "'completed'",
        "claim_seq": "1",
        "completed_at": "clock_timestamp()",
        "result_data": "'{}'",
    },
    "failed": {"status": "'failed'", "claim_seq": "1", "completed_at": "clock_timestamp()", "error_code": "'x'"},
    "cancelled": {"status": "'cancelled'", "completed_at": "clock_timestamp()", "error_code": "'cancelled'"},
}


def make_job(conn: Connection, state: str = "ready", **columns: Any) -> str:
    """Insert one job in `state` (a key of STATES); `columns` override with values, dicts as JSON.  Returns its id."""
    raw = {"user_id": "'ann'", "job_type": "'t'", "request_data": "'{}'", **STATES[state]}
    given = {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in columns.items()}
    names = list(raw | given)
    values = [f":{name}" if name in given else raw[name] for name in names]
    statement = f"insert into ai_jobs ({', '.join(names)}) values ({', '.join(values)}) returning id"
    return str(conn.execute(text(statement), given).scalar_one())


def row_of(conn: Connection, job_id: str) -> Any:
    """The whole row, to look at."""
    return conn.execute(text("select * from ai_jobs where id = :id"), {"id": job_id}).one()
