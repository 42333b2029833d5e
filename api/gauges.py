"""What is looked up at each scrape: the queue in the database, the scheduler of this process, its configuration."""

import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config import Taken
from jobs import queries
from jobs.db.engine import autocommit
from jobs.queries import Fleet
from jobs.telemetry import SchedulerStatus

KEPT_S = 2.0  # several scrapers, or one that hurries, cost one look


class FleetGauges(Collector):
    """The whole queue in numbers; while the database is away only `yardmaster_database_up 0`.

    `silent_s`: a worker that has been silent for so long does not count.
    """

    def __init__(self, engine: Engine, silent_s: Callable[[], float]) -> None:
        self._engine = engine
        self._silent_s = silent_s
        self._lock = threading.Lock()
        self._seen: Fleet | None = None
        self._old_at = 0.0  # time.monotonic()

    def collect(self) -> Iterator[Metric]:
        fleet = self._look()
        yield _gauge("database_up", "Whether the database answered at this scrape", fleet is not None)
        if fleet is None:
            return
        jobs = GaugeMetricFamily("yardmaster_queue_jobs", "Jobs that are not finished", labels=["status"])
        for status in ("ready", "waiting", "processing"):
            jobs.add_metric([status], getattr(fleet, status))
        yield jobs
        oldest_s = fleet.oldest_ready_s or 0.0
        yield _gauge("queue_oldest_ready_age_seconds", "How long the oldest ready job has been ready", oldest_s)
        yield _gauge("workers", "Processes that run jobs and were heard of lately", fleet.workers)

    def _look(self) -> Fleet | None:
        with self._lock:
            if time.monotonic() >= self._old_at:
                self._seen = self._ask()
                self._old_at = time.monotonic() + KEPT_S
            return self._seen

    def _ask(self) -> Fleet | None:
        try:
            with autocommit(self._engine) as conn:
                return queries.fleet(conn, silent_s=self._silent_s())
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
        yield _gauge("scheduler_running", "Whether the scheduler's thread is alive", status.running)
        yield _gauge("scheduler_last_pass_age_seconds", "Time since its newest complete pass", status.last_pass_age_s)
        yield _gauge("scheduler_late_after_seconds", "A pass older than this is late", status.late_after_s)
        yield _gauge("scheduler_leading", "Whether this process leads the fleet", status.leading)
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
