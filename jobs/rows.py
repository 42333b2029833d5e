"""From rows of ai_jobs to jobs, claims and keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from jobs.job import Claim, Job, Key
from jobs.states import State

_PLAIN = [name for name in Job.__slots__ if name not in ("id", "status")]


class Left(NamedTuple):
    """A user's first job that a claim saw and did not take; `capped`: its user already runs as many as may be."""

    user_id: str
    key: Key
    capped: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """`room` is how many the fleet's cap and the free seats allowed.

    No run that is going now, or will, started before `oldest_start`: the next claim may begin its count there.
    Under a cap on each user, `left` is what was seen and not taken, and `reached` the last key of each rank whose
    look ended before the queue did.
    """

    claims: list[Claim]
    room: int
    oldest_start: datetime
    left: list[Left] = field(default_factory=list)
    reached: list[Key] = field(default_factory=list)

    @property
    def keys(self) -> list[Key]:
        return [claim.key for claim in self.claims]


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


def claimed_of(rows: Sequence[Row[Any]]) -> Claimed:
    """The answer of claim or claim_capped; the first row is there whatever was claimed."""
    head, claims = rows[0]._mapping, [claim_of(row) for row in rows if row.id is not None]  # noqa: SLF001 - see job_of
    left = [Left(user, Key(*key), capped) for user, *key, capped in head.get("left_over") or ()]
    return Claimed(claims, head["room"], head["oldest"], left, [Key(*key) for key in head.get("reached") or ()])
