"""What Prometheus reads: counts of what this process did, and the gauges of gauges.py."""

import hmac
from collections.abc import Callable

from flask import Blueprint, Request, Response, request
from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, Summary
from prometheus_client.exposition import choose_encoder
from sqlalchemy import Engine

from api.auth import Unauthorized, bearer, is_loopback
from api.build import VERSION
from api.errors import Forbidden
from api.gauges import ConfigGauges, FleetGauges, SchedulerGauges
from api.yard import PREFIX
from config import Config, Taken
from jobs.telemetry import Event, LeaderChanged, RunEnded, RunStarted, SchedulerStatus, StaleWrite, TaskRan

BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600)  # from a drawn job to a slow model
PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class Metrics:
    """Counts what jobs.telemetry tells; `registry` holds all of it."""

    def __init__(
        self,
        settings: Callable[[], Config],
        engine: Engine,
        status: Callable[[], SchedulerStatus | None],
        taken: Callable[[], Taken],
    ) -> None:
        self.registry = here = CollectorRegistry()
        of_type = ["job_type"]
        self._wait = Histogram(
            "yardmaster_job_wait_seconds", "From ready to claimed", of_type, registry=here, buckets=BUCKETS_S
        )
        self._run = Histogram(
            "yardmaster_job_run_seconds", "From claimed to recorded", of_type, registry=here, buckets=BUCKETS_S
        )
        self._runs = Counter("yardmaster_runs", "Runs that ended", ["job_type", "outcome", "error_code"], registry=here)
        self._stale = Counter("yardmaster_stale_writes", "Outcomes that the fence refused", registry=here)
        self._tasks = Counter("yardmaster_task_runs", "Runs of the scheduler's tasks", ["task"], registry=here)
        self._faults = Counter("yardmaster_task_failures", "Of these, failed ones", ["task"], registry=here)
        self._moved = Counter("yardmaster_task_jobs", "Jobs that the tasks moved", ["task"], registry=here)
        self._time = Summary("yardmaster_task_seconds", "Time that the tasks took", ["task"], registry=here)
        self._leader = Counter("yardmaster_leader_changes", "Terms that began or ended here", registry=here)
        Info("yardmaster_build", "The release that runs here", registry=here).info({"version": VERSION})
        ProcessCollector(registry=here)
        here.register(FleetGauges(engine, lambda: settings().scheduler.lease_s))
        here.register(SchedulerGauges(status))
        here.register(ConfigGauges(taken))

    def heard(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._wait.labels(event.job_type).observe(event.wait_s)
            case RunEnded():
                self._runs.labels(event.job_type, event.outcome, event.error_code or "").inc()
                self._run.labels(event.job_type).observe(event.run_s)
            case StaleWrite():
                self._stale.inc()
            case TaskRan():
                self._count_task(event)
            case LeaderChanged():
                self._leader.inc()

    def _count_task(self, ran: TaskRan) -> None:
        self._tasks.labels(ran.task).inc()
        self._faults.labels(ran.task).inc(int(ran.failed))
        self._moved.labels(ran.task).inc(ran.rows)
        self._time.labels(ran.task).observe(ran.duration_s)


def blueprint(settings: Callable[[], Config], metrics: Metrics) -> Blueprint:
    found = Blueprint("metrics", __name__)

    def scrape() -> Response:
        check(request, settings())
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(metrics.registry), content_type=content_type)

    for rule in ("/metrics", f"{PREFIX}/metrics"):
        found.add_url_rule(rule, rule.replace("/", "_"), scrape)
    return found


def check(asking: Request, config: Config) -> None:
    """Only this host, or who has METRICS_TOKEN, may read metrics.  Raises Unauthorized or Forbidden.

    Behind a proxy every client seems to be on this host: so a caller counts as local only when nobody else can
    reach our address, and no proxy has left its mark.
    """
    if is_loopback(config.bind) and is_loopback(asking.remote_addr) and not _proxied(asking):
        return
    token = config.environment.metrics_token
    if token is None:
        raise Forbidden("Metrics are closed to other hosts: set METRICS_TOKEN, and send it as a bearer token")
    given = bearer(asking.headers.get("Authorization"))
    if not hmac.compare_digest(given.encode("utf-8", "replace"), token.get_secret_value().encode()):
        raise Unauthorized("The metrics token is not valid")


def _proxied(asking: Request) -> bool:
    return any(header in asking.headers for header in PROXIED)
