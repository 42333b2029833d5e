"""What Prometheus reads, and who may read it.

    api/counts.py          what happened in this process: runs, tasks, calls of the model
    api/request_counts.py  what this process was asked for
    api/gauges.py          what is looked up at each scrape: the queue, the scheduler

docs/operations.md names every metric; a test compares.
"""

import hmac
from collections.abc import Callable, Iterable

from flask import Blueprint, Request, Response, request
from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from sqlalchemy import Engine

from api.auth import Unauthorized, bearer, is_loopback
from api.build import VERSION
from api.counts import Provider, Runs, Upkeep
from api.errors import Forbidden
from api.gauges import ConfigGauges, FleetGauges, SchedulerGauges
from api.request_counts import RequestCounts
from api.yard import PREFIX
from config import Config, Taken
from jobs.telemetry import Event, SchedulerStatus

PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nothing here reads


class Metrics:
    """`registry` holds all of it; `job_types` are shown also while there are no jobs of theirs."""

    def __init__(
        self,
        settings: Callable[[], Config],
        engine: Engine,
        status: Callable[[], SchedulerStatus | None],
        job_types: Iterable[str],
        taken: Callable[[], Taken],
    ) -> None:
        self.registry = here = CollectorRegistry()
        self.requests = RequestCounts(here)
        self._counts = Runs(here), Upkeep(here), Provider(here)
        Info("yardmaster_build", "The release that runs here", registry=here).info({"version": VERSION})
        ProcessCollector(registry=here)
        here.register(FleetGauges(engine, settings, job_types))
        here.register(SchedulerGauges(status))
        here.register(ConfigGauges(taken))

    def heard(self, event: Event) -> None:
        for counts in self._counts:
            counts.heard(event)


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
