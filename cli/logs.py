"""Log lines for people, or one JSON object a line for log collectors."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from config import Config
from jobs.telemetry import Event, LeaderChanged, RunEnded, StaleWrite, TaskRan

log = logging.getLogger("yardmaster")

QUIET = ("apscheduler", "alembic", "openai", "httpx2", "httpcore2", "urllib3", "werkzeug")


class JsonLines(logging.Formatter):
    """{time, level, logger, message} and whatever the call gave as extra={"fields": {...}}."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class ConsoleLines(logging.Formatter):
    """Control characters are escaped: what a client sent cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        return "\n".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines)


def set_up(config: Config) -> Callable[[Config], None]:
    """Send every log to standard error in the configured form; libraries only when something is wrong.

    Returns what gives the lines another level and form: while others write, and without losing one.
    """
    handler = logging.StreamHandler(sys.stderr)
    adjust = partial(_adjust, handler)
    adjust(config)
    logging.basicConfig(level=logging.getLogger().level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    return adjust


def _adjust(handler: logging.Handler, config: Config) -> None:
    console = ConsoleLines("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
    handler.setFormatter(JsonLines() if config.log.format == "json" else console)
    for one in (handler, logging.getLogger()):  # the handler, too: some libraries and the web server keep their level
        one.setLevel(config.log.level.upper())


def tell(event: Event) -> None:
    """One line per event of a job; a task of the timetable is told only when it moved something."""
    match event:
        case RunEnded():
            fields = {"job_id": event.job_id, "claim_seq": event.claim_seq, "user": event.user_id}
            fields |= {"job_type": event.job_type, "outcome": event.outcome, "error_code": event.error_code}
            because = f" ({event.error_code})" if event.error_code else ""
            _info(f"job {event.job_id} {event.outcome}{because} after {event.run_s * 1000:.0f} ms", **fields)
        case StaleWrite():
            _info(f"job {event.job_id}: run {event.claim_seq} was no longer the owner; refused", job_id=event.job_id)
        case TaskRan() if event.rows:
            _info(f"task {event.task} moved {event.rows} jobs", task=event.task, rows=event.rows)
        case LeaderChanged():
            _info(f"this process {'leads' if event.leading else 'no longer leads'}", term=event.term)


def _info(message: str, **fields: object) -> None:
    log.info(message, extra={"fields": fields})
