"""Whether this process is well, for load balancers and people: no sign-in, and nothing that a stranger could use.

    /livez    the process answers (the database is not asked): what a platform may restart it on
    /readyz   it can serve: the database answers: what a load balancer sends requests by
    /health   all is well, here and in the queue: what people and alarms read

The last two answer 503 when it is not so, and say why.  A platform must not restart on /health: a database that is
away, or a job that no worker knows, is not mended by that.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint
from sqlalchemy import Engine, exc

from api.answers import Database, Health, NotReady, Processor, Ready, Unhealthy
from api.build import VERSION
from api.errors import HEADERS, error_body
from api.schemas import iso
from api.stall import Stall
from api.yard import PREFIX
from config import Config, Taken
from jobs.db.engine import autocommit
from jobs.db.patience import patient_for
from jobs.telemetry import SchedulerStatus

Answered = tuple[Health | Unhealthy, int, Mapping[str, str]]

ANSWER_S = 2.0
UNWELL = HEADERS[HTTPStatus.SERVICE_UNAVAILABLE]
GONE_LEASES = 2  # a LISTEN connection that is gone for so long does not come back by itself


def blueprint(
    settings: Callable[[], Config],
    engine: Engine,
    status: Callable[[], SchedulerStatus | None],
    taken: Callable[[], Taken],
    sign_in_problem: Callable[[], str | None],
) -> Blueprint:
    """`status` gives None when no scheduler runs in this process; `sign_in_problem` None when tokens can be checked."""
    found, stall = Blueprint("health", __name__, url_prefix=PREFIX), Stall(engine, settings)

    def well() -> Answered:
        return _health(settings(), database(engine), status(), taken(), lambda: sign_in_problem() or stall.fault())

    found.add_url_rule("/livez", "livez", lambda: {"status": "alive"})
    found.add_url_rule("/readyz", "readyz", lambda: _ready(database(engine)))
    found.add_url_rule("/health", "health", well)
    return found


def database(engine: Engine) -> Database:
    """Connected; busy: every connection is in use; disconnected: it does not answer."""
    try:
        with patient_for(ANSWER_S), autocommit(engine):  # taking a connection from the pool pings it
            return "connected"
    except exc.TimeoutError:
        return "busy"
    except exc.SQLAlchemyError:
        return "disconnected"


def _ready(found: Database) -> tuple[Ready | NotReady, int, Mapping[str, str]]:
    if found == "connected":
        return {"status": "ready", "database": found}, 200, {}
    fault = error_body("not_ready", f"The database is {found}")
    return {"status": "unavailable", "database": found, **fault}, 503, UNWELL


def _health(
    config: Config,
    found: Database,
    scheduler: SchedulerStatus | None,
    taken: Taken,
    elsewhere: Callable[[], str | None],
) -> Answered:
    # A broken config.yaml is shown but makes nothing unhealthy: the process works on by the last good one, and whoever
    # acts on a 503, by a restart or by taking it out of service, would turn a slip of the pen into an outage.
    fault = f"The database is {found}" if found != "connected" else _fault(config, scheduler) or elsewhere()
    body: Health = {
        "status": "unhealthy" if fault else "healthy",
        "database": found,
        "job_processor": _processor(config, scheduler),
        "config": {"generation": taken.generation, "taken_at": iso(taken.taken_at), "fault": taken.fault},
        "timestamp": iso(datetime.now(UTC)),
        "version": VERSION,
    }
    return ({**body, **error_body("unhealthy", fault)}, 503, UNWELL) if fault else (body, 200, {})


def _fault(config: Config, scheduler: SchedulerStatus | None) -> str | None:
    """What is wrong with the scheduler of this process; None: nothing, or it has none."""
    if scheduler is None:
        return None
    if scheduler.problem:
        return f"The scheduler has a problem: {scheduler.problem}"
    if not scheduler.running:
        return "The scheduler does not run"
    if scheduler.last_pass_age_s > scheduler.late_after_s:
        return f"The scheduler's last pass is too long ago: {scheduler.last_pass_age_s:.1f} s"
    if (gone_s := scheduler.listener_gone_s or 0) > GONE_LEASES * config.scheduler.lease_s:
        return f"The LISTEN connection has been gone for {gone_s:.0f} s; jobs wait for the next poll"
    return None


def _processor(config: Config, scheduler: SchedulerStatus | None) -> Processor:
    """`embedded` is False when no scheduler belongs to this process: then others run the jobs."""
    return {
        "embedded": scheduler is not None,
        "running": bool(scheduler and scheduler.running),
        "active_jobs": scheduler.active_jobs if scheduler else 0,
        "max_concurrent_jobs": config.jobs.max_concurrent_jobs,
        "processing_interval": config.scheduler.poll_every_s,
        "problem": scheduler.problem if scheduler else None,
    }
