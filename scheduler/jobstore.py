"""APScheduler's SQLAlchemy job store, with rows that people can read and nothing can execute.

    id: reap    next_run_time: 1790000000.0    state: {"task": "reap", "every_s": 5.0}

The stock store pickles its entries, so that write access to the table is code execution, and it deletes what it
cannot restore, so that an old release eats a new release's timetable.  Here a row names a task of our allow-list;
what is unknown is skipped and counted, never deleted.

Only the leader has the store, so it reads the table once, at the start of its term, and answers from memory: an idle
fleet costs no statement.  It writes what must survive a restart: additions, changes, and the next run of everything
rarer than a minute.
"""

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from apscheduler.job import Job as Entry
from apscheduler.jobstores.base import ConflictingIdError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Column, Double, Engine, MetaData, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from scheduler.timetable import EVERY_TASK

log = logging.getLogger(__name__)

TABLE = "apscheduler_tasks"  # made by a migration
KEPT_FROM_S = 60.0  # the next run of anything more frequent is not worth a write


class JsonJobStore(SQLAlchemyJobStore):  # type: ignore[misc]  # APScheduler has no types
    """`tasks` is the allow-list; every entry calls `dispatch(task)`.  `unknown` counts rows of other releases.

    The engine is its own: APScheduler disposes of it when the store is removed.
    """

    def __init__(self, engine: Engine, tasks: Collection[str], dispatch: Callable[[str], object]) -> None:
        super().__init__(engine=engine)
        self.unknown = 0
        self._tasks = frozenset(tasks)
        self._dispatch = dispatch
        self._memory = MemoryJobStore()
        self._written: dict[str, Any] = {}  # the state of each row as the table has it
        columns = (Column("id", Text, primary_key=True), Column("next_run_time", Double), Column("state", JSONB))
        self.jobs_t = Table(TABLE, MetaData(), *columns)

    def start(self, scheduler: Any, alias: str) -> None:
        """Read the table once.  Raises what the database raises."""
        self._scheduler, self._alias = scheduler, alias
        self._memory.start(scheduler, alias)
        with self.engine.connect() as conn:
            rows = conn.execute(select(self.jobs_t)).all()
        for row in rows:
            if entry := self._restored(row.id, row.next_run_time, row.state):
                self._memory.add_job(entry)
            else:
                self.unknown += 1
                log.info("task %r of the stored timetable is not known to this release; left alone", row.id)

    def lookup_job(self, job_id: str) -> Entry | None:
        return self._memory.lookup_job(job_id)

    def get_due_jobs(self, now: datetime) -> list[Entry]:
        return list(self._memory.get_due_jobs(now))

    def get_next_run_time(self) -> datetime | None:
        run_at: datetime | None = self._memory.get_next_run_time()
        return run_at

    def get_all_jobs(self) -> list[Entry]:
        return list(self._memory.get_all_jobs())

    def add_job(self, job: Entry) -> None:
        if self._memory.lookup_job(job.id):
            raise ConflictingIdError(job.id)
        self._write(job)
        self._memory.add_job(job)

    def update_job(self, job: Entry) -> None:
        """Raises JobLookupError."""
        self._memory.update_job(job)  # first: a write that fails must not leave it out of order
        if _every_s(job) >= KEPT_FROM_S or _state(job) != self._written.get(job.id):
            self._write(job)

    def remove_job(self, job_id: str) -> None:
        self._memory.remove_job(job_id)  # raises JobLookupError
        self._written.pop(job_id, None)
        with self.engine.begin() as conn:
            conn.execute(self.jobs_t.delete().where(self.jobs_t.c.id == job_id))

    def remove_all_jobs(self) -> None:
        """Removes this release's tasks; another release's rows stay."""
        for entry in self.get_all_jobs():
            self.remove_job(entry.id)

    def _write(self, job: Entry) -> None:
        values = {"next_run_time": job.next_run_time.timestamp() if job.next_run_time else None, "state": _state(job)}
        statement = insert(self.jobs_t).values(id=job.id, **values)
        with self.engine.begin() as conn:
            conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
        self._written[job.id] = values["state"]

    def _restored(self, entry_id: str, next_run_time: float | None, state: Any) -> Entry | None:
        """None: the row is not of this release."""
        now = datetime.now(UTC)
        try:
            task, every_s = str(state["task"]), float(state["every_s"])
            trigger = IntervalTrigger(seconds=every_s, timezone=UTC)
            # What is overdue is due now: APScheduler counts the missed runs one by one, and half a year has millions.
            # What is further off than its interval was written by a process whose clock was ahead of ours.
            run_at = min(max(datetime.fromtimestamp(next_run_time or 0, UTC), now), now + trigger.interval)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        if every_s <= 0 or task not in self._tasks:
            return None
        self._written[entry_id] = state
        entry = Entry(
            self._scheduler,
            id=entry_id,
            name=task,
            func=self._dispatch,
            args=(task,),
            kwargs={},
            executor="default",
            trigger=trigger,
            next_run_time=run_at,
            **EVERY_TASK,
        )
        entry._jobstore_alias = self._alias  # noqa: SLF001 - as the stock store does for what it restores
        return entry


def _every_s(entry: Entry) -> float:
    return float(entry.trigger.interval.total_seconds())


def _state(entry: Entry) -> dict[str, Any]:
    return {"task": entry.args[0], "every_s": _every_s(entry)}
