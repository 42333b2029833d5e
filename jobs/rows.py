"""From rows of ai_jobs to jobs, claims and keys."""

from typing import Any

from sqlalchemy import Row

from jobs.job import Claim, Job, Key
from jobs.states import State

_PLAIN = [name for name in Job.__slots__ if name not in ("id", "status")]


def job_of(row: Row[Any]) -> Job:
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    rest = {name: columns[name] for name in _PLAIN}
    return Job(id=str(columns["id"]), status=State(columns["status"]), **rest)


def key_of(row: Row[Any]) -> Key:
    return Key(row.rank, row.turn, row.seq)


def claim_of(row: Row[Any]) -> Claim:
    return Claim(
        id=str(row.id),
        claim_seq=row.claim_seq,
        user_id=row.user_id,
        job_type=row.job_type,
        request_data=row.request_data,
        retry_count=row.retry_count,
        max_retries=row.max_retries,
        key=key_of(row),
        wait_s=max(0.0, float(row.wait_s)),
    )
