"""APScheduler: the local timetable of this process, and the cluster's while it leads.

    memory store      poll, watch, lead                    every process
    cluster store     reschedule, reap, expire, purge      the leader, for its term

Tasks only dispatch one bounded step; handlers run in our own pool.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from jobs.telemetry import TaskRan, emit
from scheduler.jobstore import JsonJobStore
from scheduler.tasks import Did
from scheduler.timetable import CLUSTER, EVERY_TASK, LOCAL, Entry, Intervals

log = logging.getLogger(__name__)

CLUSTER_STORE = "cluster"
STEP = timedelta(seconds=1)  # of the system's clock; what is smaller is its usual regulation
THREADS = 8  # more than there are tasks: none waits for another


class GuardedScheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Its thread outlives a job store that raises: the stock one dies for good and still says that it runs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.last_pass = time.monotonic()
        self._ahead_s = _ahead_s()

    def _process_jobs(self) -> float | None:
        try:
            with self._jobstores_lock:
                self._follow_clock()
                # the stock one may make a last pass when the executors are gone already
                wait_s: float | None = super()._process_jobs() if self.running else None
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the clock must go on
            log.warning("the timetable could not be read or written (%s); trying again", type(error).__name__)
            return float(self.jobstore_retry_interval)
        self.last_pass = time.monotonic()
        return wait_s

    def _follow_clock(self) -> None:
        """When the system's clock was set back, so is the timetable, or it would stand still for that long."""
        ahead_s = _ahead_s()
        back = timedelta(seconds=self._ahead_s - ahead_s)
        for store in self._jobstores.values() if back > STEP else ():
            for entry in store.get_all_jobs():
                entry._modify(next_run_time=entry.next_run_time - back)  # noqa: SLF001 - modify_job() would wake us again
                store.update_job(entry)
        self._ahead_s = ahead_s

    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()


def _ahead_s() -> float:
    """What the clock on the wall shows beyond the one that nobody can set."""
    return time.time() - time.monotonic()


def _every(entry: Entry, intervals: Intervals) -> timedelta:
    return timedelta(seconds=entry.every_s(intervals))


def _trigger(every: timedelta) -> IntervalTrigger:
    return IntervalTrigger(seconds=every.total_seconds(), timezone=UTC)


class Clock:
    """`local`: {task: function} for this process; `cluster(task)` does a leader's task and says what it did."""

    def __init__(
        self,
        intervals: Callable[[], Intervals],
        local: Mapping[str, Callable[[], None]],
        cluster: Callable[[str], Did],
        store: Callable[[Callable[[str], object]], JsonJobStore],
    ) -> None:
        executors = {"default": ThreadPoolExecutor(THREADS)}
        self._scheduler = GuardedScheduler(timezone=UTC, executors=executors, jobstore_retry_interval=1)
        self._intervals = intervals
        self._local = local
        self._cluster = cluster
        self._store = store
        self._attached = False
        self._holding = threading.Lock()  # who leads is asked for by the interval, by a new term and by new settings
        self._moving = threading.Lock()
        self._wanted: dict[str, datetime] = {}  # the earliest time asked for since the task's last run began

    def start(self) -> None:
        """Never before a fork."""
        self._scheduler.start()
        for entry in LOCAL:
            trigger = _trigger(_every(entry, self._intervals()))
            self._scheduler.add_job(self._local[entry.name], trigger, id=entry.name, **EVERY_TASK)

    def stop(self) -> None:
        """Returns once the clock's thread has ended; tasks under way are left to themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def alive(self) -> bool:
        return self._scheduler.alive()

    def last_pass_age_s(self) -> float:
        return time.monotonic() - float(self._scheduler.last_pass)

    def retune(self) -> None:
        """The intervals may have changed: follow them now.  What is planned may come earlier by it, never later."""
        for entry in LOCAL:
            self._retrigger(entry)
        self.run_now("lead")  # syncs the cluster's timetable, in another thread: its store may have to wait

    def _retrigger(self, entry: Entry) -> None:
        every, planned = _every(entry, self._intervals()), self._scheduler.get_job(entry.name)
        if planned and planned.trigger.interval != every:
            run_at = min(planned.next_run_time, datetime.now(UTC) + every)
            self._scheduler.modify_job(entry.name, trigger=_trigger(every), next_run_time=run_at)

    def attach(self) -> None:
        """Take the cluster's timetable, at the start of a term, and bring it up to date."""
        with self._holding:
            if not self._attached:
                self._add_store()
            self._sync()

    def _add_store(self) -> None:
        try:
            self._scheduler.add_jobstore(self._store(self.dispatch), CLUSTER_STORE)
            self._attached = True
        finally:
            if not self._attached:  # APScheduler keeps a store that it could not start, and takes no other of its name
                self._scheduler.remove_jobstore(CLUSTER_STORE)

    def detach(self) -> None:
        """Let go of the cluster's timetable; its rows stay for the next leader."""
        with self._holding:
            if self._attached:
                self._attached = False
                self._scheduler.remove_jobstore(CLUSTER_STORE)

    def advance(self, task: str, in_s: float) -> bool:
        """Run a cluster task in `in_s` seconds, if that is earlier than planned; False: this process does not lead."""
        run_at = datetime.now(UTC) + timedelta(seconds=max(0.0, in_s))
        with self._moving:
            entry = self._scheduler.get_job(task, CLUSTER_STORE) if self._attached else None
            if entry is None:
                return False
            self._wanted[task] = min(run_at, self._wanted.get(task, run_at))
            if entry.next_run_time is None or run_at < entry.next_run_time:
                self._move(task, run_at)
        return True

    def run_now(self, task: str) -> None:
        """Run a local task at once, from any thread; nothing happens when the clock has stopped."""
        with suppress(JobLookupError):
            self._scheduler.modify_job(task, next_run_time=datetime.now(UTC))

    def dispatch(self, task: str) -> None:
        """One run of a cluster task, with its time told; the entry in the timetable calls this."""
        began, did = time.monotonic(), None
        with self._moving:
            self._wanted.pop(task, None)
        try:
            did = self._cluster(task)
            if did.again_s is not None:
                self._plan(task, datetime.now(UTC) + timedelta(seconds=did.again_s))
        except SQLAlchemyError as error:
            log.warning("task %s failed (%s); it runs again at its time", task, type(error).__name__)
        finally:
            emit(TaskRan(task, time.monotonic() - began, did.rows if did else 0, failed=did is None))

    def _plan(self, task: str, run_at: datetime) -> None:
        """As the task has said, unless somebody wants it earlier because of what it may not have seen."""
        with self._moving:
            self._move(task, min(run_at, self._wanted.get(task, run_at)))

    def _move(self, task: str, run_at: datetime) -> None:
        try:
            self._scheduler.modify_job(task, CLUSTER_STORE, next_run_time=run_at)
        except (JobLookupError, KeyError):
            log.debug("task %s has gone with the term", task)
        except SQLAlchemyError as error:
            log.warning("the next run of task %s could not be written down (%s)", task, type(error).__name__)

    def _sync(self) -> None:
        """Add what is missing, reschedule what changed; the rest keeps its next run over restarts."""
        stored = {entry.id: entry for entry in self._scheduler.get_jobs(CLUSTER_STORE)}
        for entry in CLUSTER:
            every, now = _every(entry, self._intervals()), datetime.now(UTC)
            if entry.name not in stored:
                options = {"args": (entry.name,), "id": entry.name, "jobstore": CLUSTER_STORE, **EVERY_TASK}
                self._scheduler.add_job(self.dispatch, _trigger(every), next_run_time=now, **options)
            elif stored[entry.name].trigger.interval != every:
                # Not by reschedule_job(), which counts the new interval from now on: a purge would never come while
                # somebody edits the file, and what a task has asked for would be put off.
                self.advance(entry.name, every.total_seconds())
                self._scheduler.modify_job(entry.name, CLUSTER_STORE, trigger=_trigger(every))
        for name in stored.keys() - {entry.name for entry in CLUSTER}:
            self._scheduler.remove_job(name, CLUSTER_STORE)
