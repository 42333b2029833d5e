"""Whether this process is well, for load balancers and people: no sign-in, and nothing that a stranger could use.

    /livez    the process answers (the database is not asked)
    /readyz   it can serve: the database answers
    /health   it can serve and check tokens, and the scheduler inside it makes progress

The last two answer 503 when it is not so, and say why.
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
from api.yard import PREFIX
from config import Config
from jobs.db.engine import autocommit
from jobs.db.patience import patient_for
from jobs.telemetry import SchedulerStatus

ANSWER_S = 2.0
UNWELL = HEADERS[HTTPStatus.SERVICE_UNAVAILABLE]


def blueprint(
    settings: Callable[[], Config],
    engine: Engine,
    status: Callable[[], SchedulerStatus | None],
    sign_in_problem: Callable[[], str | None],
) -> Blueprint:
    """`status` gives None when no scheduler runs in this process; `sign_in_problem` None when tokens can be checked."""
    found = Blueprint("health", __name__, url_prefix=PREFIX)
    found.add_url_rule("/livez", "livez", lambda: {"status": "alive"})
    found.add_url_rule("/readyz", "readyz", lambda: _ready(database(engine)))
    found.add_url_rule("/health", "health", lambda: _health(settings(), database(engine), status(), sign_in_problem()))
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
    config: Config, found: Database, scheduler: SchedulerStatus | None, sign_in_problem: str | None
) -> tuple[Health | Unhealthy, int, Mapping[str, str]]:
    fault = _fault(found, scheduler) or sign_in_problem
    body: Health = {
        "status": "unhealthy" if fault else "healthy",
        "database": found,
        "job_processor": _processor(config, scheduler),
        "timestamp": iso(datetime.now(UTC)),
        "version": VERSION,
    }
    return ({**body, **error_body("unhealthy", fault)}, 503, UNWELL) if fault else (body, 200, {})


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
