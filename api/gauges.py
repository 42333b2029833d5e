"""What is looked up at each scrape: the queue in the database, the scheduler of this process, its configuration."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.bounded import Bounded
from config import Config, Taken
from jobs import totals
from jobs.db.engine import autocommit
from jobs.pauses import EVERYTHING
from jobs.queries import Fleet
from jobs.states import FINAL
from jobs.telemetry import SchedulerStatus

KEPT_S = 2.0  # several scrapers, or one that hurries, cost one look
JOB_TYPES = 50  # shown by name; plain SQL may enqueue anything
UNFINISHED = ("ready", "waiting", "processing")
ENDED = tuple(state.value for state in FINAL)


class FleetGauges(Collector):
    """The whole queue in numbers; while the database is away only `yardmaster_database_up 0`.

    `job_types` are shown also with 0 jobs.
    """

    def __init__(self, engine: Engine, settings: Callable[[], Config], job_types: Iterable[str]) -> None:
        self._engine = engine
        self._settings = settings
        self._job_type = Bounded(JOB_TYPES, job_types)
        self._lock = threading.Lock()
        self._seen: Fleet | None = None
        self._old_at = 0.0  # time.monotonic()

    def collect(self) -> Iterator[Metric]:
        fleet = self._look()
        yield _gauge("database_up", "Whether the database answered at this scrape", fleet is not None)
        if fleet is None:
            return
        yield self._jobs("queue_jobs", "Jobs that are not finished", fleet.depth, UNFINISHED)
        yield self._jobs("finished_jobs", "Jobs that have ended and are still kept", fleet.finals, ENDED)
        yield self._ages(fleet.oldest_ready_s)
        yield self._paused(fleet.paused)
        yield _gauge("everything_paused", "Whether jobs of all types are paused at once", EVERYTHING in fleet.paused)
        yield _gauge("workers", "Processes that run jobs and were heard of lately", fleet.workers)
        yield _gauge("leader_present", "Whether some process holds the leader's lease", fleet.led)
        yield _gauge("leader_term", "The newest term of a leader", fleet.term)

    def _jobs(
        self, name: str, help_text: str, counted: Mapping[tuple[str, str], int], states: Iterable[str]
    ) -> GaugeMetricFamily:
        jobs: Counter[tuple[str, str]] = Counter()
        for (job_type, state), n in counted.items():
            jobs[self._job_type(job_type), state] += n
        jobs.update({(job_type, state): 0 for job_type in self._job_type.shown for state in states})
        family = GaugeMetricFamily(f"yardmaster_{name}", help_text, labels=["job_type", "status"])
        for labels, n in jobs.items():
            family.add_metric(labels, n)
        return family

    def _ages(self, oldest_ready_s: Mapping[str, float]) -> GaugeMetricFamily:
        ages_s = dict.fromkeys(self._job_type.shown, 0.0)
        for job_type, age_s in oldest_ready_s.items():
            shown = self._job_type(job_type)
            ages_s[shown] = max(age_s, ages_s.get(shown, 0.0))
        help_text = "How long the oldest ready job has been ready"
        family = GaugeMetricFamily("yardmaster_queue_oldest_ready_age_seconds", help_text, labels=["job_type"])
        for job_type, age_s in ages_s.items():
            family.add_metric([job_type], age_s)
        return family

    def _paused(self, paused: Collection[str]) -> GaugeMetricFamily:
        """Whichever of the types without a name of their own is paused: "other" is."""
        of_type = {self._job_type(job_type) for job_type in paused if job_type != EVERYTHING}
        help_text = "Whether jobs of this type are paused, by a pause of their own or by that of everything"
        family = GaugeMetricFamily("yardmaster_paused", help_text, labels=["job_type"])
        for job_type in {*self._job_type.shown, *of_type}:
            family.add_metric([job_type], float(EVERYTHING in paused or job_type in of_type))
        return family

    def _look(self) -> Fleet | None:
        with self._lock:
            if time.monotonic() >= self._old_at:
                self._seen = self._ask()
                self._old_at = time.monotonic() + KEPT_S
            return self._seen

    def _ask(self) -> Fleet | None:
        times = self._settings().scheduler
        try:
            with autocommit(self._engine) as conn:
                return totals.fleet(conn, silent_s=times.lease_s, every_s=times.tally_every_s)
        except SQLAlchemyError:
            return None


class SchedulerGauges(Collector):
    """How the scheduler of this process is; nothing when there is none."""

    def __init__(self, status: Callable[[], SchedulerStatus | None]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        if status is None:
            return
        yield _gauge("scheduler_running", "Whether the scheduler's threads are alive", status.running)
        yield _gauge("scheduler_last_pass_age_seconds", "Time since its newest complete pass", status.last_pass_age_s)
        yield _gauge("scheduler_late_after_seconds", "A pass older than this is late", status.late_after_s)
        yield _gauge("scheduler_leading", "Whether this process leads the fleet", status.leading)
        every = GaugeMetricFamily(
            "yardmaster_task_interval_seconds", "How often a task is due at least", labels=["task"]
        )
        for task, every_s in status.task_every_s.items():
            every.add_metric([task], every_s)
        yield every
        yield _gauge("seats", "Jobs that this process may run at the same time", status.seats)
        yield _gauge("seats_busy", "Jobs that this process runs now", status.active_jobs)


class ConfigGauges(Collector):
    """Which configuration is in force, and whether a newer file was refused."""

    def __init__(self, taken: Callable[[], Taken]) -> None:
        self._taken = taken

    def collect(self) -> Iterator[Metric]:
        taken = self._taken()
        yield _gauge(
            "config_generation", "1 at the start, and one more with each change that was taken", taken.generation
        )
        yield _gauge("config_broken", "Whether the newest config.yaml was refused", taken.fault is not None)
        refused = "yardmaster_config_reload_errors"
        yield CounterMetricFamily(refused, "Contents of config.yaml that were refused", value=taken.refused)


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"yardmaster_{name}", help_text, value=float(value))
