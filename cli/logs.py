"""Log lines for people, or one JSON object a line for log collectors."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from config import Config
from jobs.telemetry import (
    Event,
    JobChanged,
    LeaderChanged,
    PauseChanged,
    RunEnded,
    RunLost,
    RunStarted,
    StaleWrite,
    TaskRan,
)

log = logging.getLogger("yardmaster")

JobEvent = RunStarted | RunEnded | JobChanged | RunLost | StaleWrite
TOLD_ONE_BY_ONE = ("reap", "expire")  # their jobs are lost, or expired
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
    """One line per event of a job, with job_id, claim_seq, user and ms; of the rest, only what is rare.

    A report of progress is no line, and neither is a task of the timetable that found nothing to do, or whose jobs are
    told one by one.
    """
    match event:
        case RunStarted():
            ms = _ms(event.wait_s)
            words = f"run {event.claim_seq} begins, ready for {ms} ms"
            _job(logging.DEBUG, words, event, event="started", ms=ms, job_type=event.job_type)
        case RunEnded():
            level = logging.WARNING if event.outcome in ("retried", "failed") else logging.INFO
            because, ms = f" ({event.error_code})" if event.error_code else "", _ms(event.run_s)
            also = {"job_type": event.job_type, "error_code": event.error_code}
            _job(level, f"{event.outcome}{because} after {ms} ms", event, event=event.outcome, ms=ms, **also)
        case JobChanged() if event.change != "progress":
            level = logging.WARNING if event.change in ("lost", "expired") else logging.INFO
            by = f" by {event.by}" if event.by else ""
            _job(level, f"{event.change}{by}", event, event=event.change, ended=event.ended, by=event.by)
        case PauseChanged():
            _pause(event)
        case RunLost():
            _job(logging.WARNING, f"this worker has lost run {event.claim_seq} of it", event, event="run lost")
        case StaleWrite():
            _job(logging.WARNING, f"run {event.claim_seq} was no longer the owner; refused", event, event="stale")
        case TaskRan() if event.rows and event.task not in TOLD_ONE_BY_ONE:
            fields = {"task": event.task, "rows": event.rows, "ms": _ms(event.duration_s)}
            _log(logging.INFO, f"task {event.task} moved {event.rows} jobs", fields)
        case LeaderChanged():
            _log(logging.INFO, f"this process {'leads' if event.leading else 'no longer leads'}", {"term": event.term})


def _pause(event: PauseChanged) -> None:
    what = "paused" if event.paused else "resumed"
    of = "all jobs" if event.job_type is None else f"jobs of type {event.job_type}"
    until = None if event.until is None else event.until.astimezone(UTC).isoformat(timespec="seconds")
    end = f" until {until}" if until else ""
    fields: dict[str, object] = {"event": what, "job_type": event.job_type, "by": event.by, "until": until}
    _log(logging.INFO, f"{event.by} has {what} {of}{end}", fields)


def _job(level: int, words: str, about: JobEvent, *, ms: int | None = None, **also: object) -> None:
    """`ms`: how long the job waited, or its run took; None where nothing was measured."""
    fields = {"job_id": about.job_id, "claim_seq": about.claim_seq, "user": about.user_id, "ms": ms}
    _log(level, f"job {about.job_id} {words}", fields | also)


def _log(level: int, message: str, fields: dict[str, object]) -> None:
    log.log(level, message, extra={"fields": fields})


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
