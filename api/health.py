"""Whether this process is well, for load balancers and people: no sign-in, and nothing that a stranger could use.

    /livez    the process answers (the database is not asked)
    /readyz   it can serve: the database answers
    /health   it can serve, and the scheduler inside it makes progress

The last two answer 503 when it is not so, and say why.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint
from sqlalchemy import Engine, exc

from api.answers import Database, Health, NotReady, Processor, Ready, Unhealthy
from api.build import VERSION
from api.errors import error_body
from api.schemas import iso
from api.yard import PREFIX
from config import Config, Taken
from jobs.db.engine import autocommit
from jobs.db.patience import patient_for
from jobs.telemetry import SchedulerStatus

ANSWER_S = 2.0


def blueprint(
    settings: Callable[[], Config],
    engine: Engine,
    status: Callable[[], SchedulerStatus | None],
    taken: Callable[[], Taken],
) -> Blueprint:
    """`status` gives None when no scheduler runs in this process."""
    found = Blueprint("health", __name__, url_prefix=PREFIX)
    found.add_url_rule("/livez", "livez", lambda: {"status": "alive"})
    found.add_url_rule("/readyz", "readyz", lambda: _ready(database(engine)))
    found.add_url_rule("/health", "health", lambda: _health(settings(), database(engine), status(), taken()))
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


def _ready(found: Database) -> tuple[Ready | NotReady, int]:
    if found == "connected":
        return {"status": "ready", "database": found}, 200
    return {"status": "unavailable", "database": found, **error_body("not_ready", f"The database is {found}")}, 503


def _health(
    config: Config, found: Database, scheduler: SchedulerStatus | None, taken: Taken
) -> tuple[Health | Unhealthy, int]:
    # A broken config.yaml is shown but makes nothing unhealthy: the process works on by the last good one, and whoever
    # acts on a 503, by a restart or by taking it out of service, would turn a slip of the pen into an outage.
    fault = _fault(found, scheduler)
    body: Health = {
        "status": "unhealthy" if fault else "healthy",
        "database": found,
        "job_processor": _processor(config, scheduler),
        "config": {"generation": taken.generation, "taken_at": iso(taken.taken_at), "fault": taken.fault},
        "timestamp": iso(datetime.now(UTC)),
        "version": VERSION,
    }
    return ({**body, **error_body("unhealthy", fault)}, 503) if fault else (body, 200)


def _fault(found: Database, scheduler: SchedulerStatus | None) -> str | None:
    if found != "connected":
        return f"The database is {found}"
    if scheduler and not scheduler.running:
        return "The scheduler does not run"
    if scheduler and scheduler.problem:
        return f"The scheduler has a problem: {scheduler.problem}"
    if scheduler and scheduler.last_pass_age_s > scheduler.late_after_s:
        return "The scheduler's last pass is too long ago"
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
