"""What is written down while faults happen, three times over and apart from one another.

asked    the client's ledger: what it asked for, and whether it was told that it has it
marks    what handlers saw: a file for each process, appended to by write(2), so it survives kill -9
changes  what the database did: a trigger notes each change of a job's status or claim
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, text

WATCH = """
create table seen_changes (
  n bigint generated always as identity, at timestamptz default clock_timestamp(), job_id uuid, name text,
  before text, after text, claim_before bigint, claim_after bigint, retries int, max_retries int, result_claim bigint,
  user_id text, job_type text, failure text
);
create function see_change() returns trigger language plpgsql as $$
begin
  insert into seen_changes (job_id, name, before, after, claim_before, claim_after, retries, max_retries, result_claim,
                            user_id, job_type, failure)
  values (new.id, new.idempotency_key, old.status, new.status, coalesce(old.claim_seq, 0), new.claim_seq,
          new.retry_count, new.max_retries, (new.result_data ->> 'claim_seq')::bigint, new.user_id, new.job_type,
          case when new.attempt_errors <> old.attempt_errors then new.attempt_errors -> -1 ->> 'error_code' end);
  return null;
end $$;
create trigger see_new after insert on ai_jobs for each row execute function see_change();
create trigger see_change after update on ai_jobs for each row
  when (old.status <> new.status or old.claim_seq <> new.claim_seq) execute function see_change();
"""


Answer = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A run says that it is there.  `at` is monotonic, the same clock in all processes of the machine.

    `kind` is start, alive or end; `trusting`: at that time the run believed that the job was its own.
    """

    job_id: str
    claim_seq: int
    kind: str
    at: float
    trusting: bool
    pid: int


@dataclass(frozen=True, slots=True)
class Change:
    """A job's status or claim changed; `before` None: the job is new.  `retries` is the count after the change.

    `result_claim` is the claim whose handler made the result; None without a result.  `failure` is the error_code of
    the failed run that this change wrote down; None when it wrote none.
    """

    job_id: str
    name: str | None
    before: str | None
    after: str
    claim_before: int
    claim_after: int
    retries: int = 0
    max_retries: int = 3
    result_claim: int | None = None
    user_id: str = ""
    job_type: str = ""
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A stranger held a lock on one row of the queue from `at` to `over` (monotonic), with other jobs ready behind it."""

    at: float
    over: float
    job_id: str


@dataclass(slots=True)
class Records:
    """`asked` holds what the client was told, by the name (Idempotency-Key) that it gave the job.

    The rest is what the test knows of its fleet.  `fleet_cap`, `user_cap` None: no cap.  `victims` are the processes
    that were themselves stopped, ended or cut off; None: not known, so nothing is said of live runs.
    """

    asked: dict[str, Answer] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    fleet_cap: int | None = None
    user_cap: int | None = None
    victims: frozenset[int] | None = None
    holds: list[Hold] = field(default_factory=list)
    deadlocks: int = 0


def watch(conn: Connection) -> None:
    """From now on the database notes every change."""
    conn.execute(text(WATCH))


def changes(conn: Connection) -> list[Change]:
    """Oldest first."""
    rows = conn.execute(text("select * from seen_changes order by n")).mappings()
    return [Change(str(row["job_id"]), **{name: row[name] for name in Change.__slots__[1:]}) for row in rows]


def deadlocks(conn: Connection) -> int:
    """How many the server has counted in this database since it was made.

    An immediate restart loses the count, and a backend reports its own within a second or when it ends: ask at the
    end of a run whose server was not killed.
    """
    counted = "select deadlocks from pg_stat_database where datname = current_database()"
    return int(conn.execute(text(counted)).scalar_one())


def marks(directory: Path) -> list[Mark]:
    """Of all processes, oldest first; a line that was cut off by kill -9 is left out."""
    return sorted(_marks(directory), key=lambda mark: mark.at)


def _marks(directory: Path) -> Iterator[Mark]:
    for file in directory.glob("*.marks"):
        for line in file.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                job_id, claim_seq, kind, at, trusting = line.split()
                yield Mark(job_id, int(claim_seq), kind, float(at), trusting == "1", int(file.stem))
