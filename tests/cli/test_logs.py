"""One line per event of a job, in the form that is configured; an idle process says nothing."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

import config
from cli import logs
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
from tests.factory import make_job, row_of
from tests.processes import QUICK, Process, environment, wait_until

STARTED = RunStarted("j1", 2, "draw", "ann", wait_s=0.0124)
ENDS = {outcome: RunEnded("j1", 2, "draw", "ann", outcome, None, 1.5) for outcome in ("completed", "retried", "failed")}
EVENTS = [  # event, level, what its line says
    (STARTED, "debug", {"event": "started", "claim_seq": 2, "ms": 12, "job_type": "draw"}),
    (ENDS["completed"], "info", {"event": "completed", "claim_seq": 2, "ms": 1500, "error_code": None}),
    (ENDS["retried"], "warning", {"event": "retried", "claim_seq": 2, "ms": 1500}),
    (ENDS["failed"], "warning", {"event": "failed", "claim_seq": 2, "ms": 1500}),
    (JobChanged("j1", "ann", ended=True, change="cancelled"), "info", {"event": "cancelled", "ended": True}),
    (JobChanged("j1", "ann", ended=False, change="cancel asked"), "info", {"event": "cancel asked", "ended": False}),
    (JobChanged("j1", "ann", ended=False, change="requeued"), "info", {"event": "requeued", "by": None}),
    (JobChanged("j1", "ann", ended=False, change="requeued", by="root"), "info", {"event": "requeued", "by": "root"}),
    (JobChanged("j1", "ann", ended=False, change="lost", claim_seq=2), "warning", {"event": "lost", "claim_seq": 2}),
    (JobChanged("j1", "ann", ended=True, change="expired"), "warning", {"event": "expired"}),
    (RunLost("j1", 2, "ann"), "warning", {"event": "run lost", "claim_seq": 2}),
    (StaleWrite("j1", 2, "ann"), "warning", {"event": "stale", "claim_seq": 2}),
]
SILENT = [
    JobChanged("j1", "ann", ended=False),  # progress
    TaskRan("purge", 0.1, rows=0, failed=False),
    TaskRan("reap", 0.1, rows=1, failed=False),  # told by its "lost"
    TaskRan("expire", 0.1, rows=1, failed=False),
]


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """What standard error shows of events."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def told(*events: Event, **log: str) -> str:
        logs.set_up(config.load(environ={f"YARD_LOG__{name.upper()}": value for name, value in log.items()}))
        for event in events:
            logs.tell(event)
        return capfd.readouterr().err

    yield told
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(("event", "level", "fields"), EVENTS, ids=lambda value: getattr(value, "outcome", None))
def test_each_event_of_a_job_is_one_line_with_its_fields(told, event: Event, level: str, fields: dict[str, Any]):
    line = json.loads(told(event, level="debug", format="json"))
    usual = {"level": level, "logger": "yardmaster", "job_id": "j1", "claim_seq": None, "user": "ann", "ms": None}
    assert line | usual | fields == line
    assert "j1" in line["message"]


def test_the_usual_level_leaves_out_what_begins(told):
    assert told(STARTED, format="json") == ""
    assert told(ENDS["completed"], format="json") != ""
    assert told(ENDS["completed"], level="warning", format="json") == ""
    assert told(ENDS["failed"], level="warning", format="json") != ""


@pytest.mark.parametrize("event", SILENT)
def test_what_is_told_elsewhere_or_is_nothing_is_no_line(told, event: Event):
    assert told(event, level="debug") == ""


def test_tasks_that_moved_something_and_leaders_are_told(told):
    moved, leads = told(
        TaskRan("purge", 0.1, 5, failed=False), LeaderChanged(leading=True, term=3), format="json"
    ).splitlines()
    assert json.loads(moved) | {"task": "purge", "rows": 5, "ms": 100} == json.loads(moved)
    assert json.loads(leads) | {"term": 3} == json.loads(leads)


def test_who_paused_and_resumed_what_is_told(told):
    end = datetime(2026, 1, 31, 12, tzinfo=UTC)
    paused, resumed = told(
        PauseChanged("draw", "root", paused=True, until=end), PauseChanged(None, "eve", paused=False), format="json"
    ).splitlines()
    until = {"until": "2026-01-31T12:00:00+00:00"}
    assert json.loads(paused) | {"event": "paused", "job_type": "draw", "by": "root"} | until == json.loads(paused)
    assert json.loads(resumed) | {"event": "resumed", "job_type": None, "by": "eve"} == json.loads(resumed)
    assert "root has paused jobs of type draw until 2026" in paused
    assert "eve has resumed all jobs" in resumed


def test_lines_for_people_are_short(told):
    line = told(ENDS["retried"])
    assert line.split(maxsplit=1)[1] == "WARNING job j1 retried after 1500 ms\n"


# --- a real process


@pytest.fixture(scope="module")
def worker(database_url: str, tmp_path_factory) -> Iterator[Path]:
    """The log of a worker at the usual level, in JSON."""
    file = tmp_path_factory.mktemp("worker") / "log"
    said = {"YARD_LOG__FORMAT": "json", "YARD_HANDLERS": "[tests.sleepers]", "YARD_JOBS__BACKOFF__BASE_S": "60"}
    with file.open("wb") as log:
        process = Process("work", environment(database_url, **QUICK, **said), log)
    yield file
    assert process.stop() == 0


def lines(file: Path, **fields: object) -> list[dict[str, Any]]:
    written = file.read_text().rpartition("\n")[0]  # the last line may still be under way
    found = [json.loads(line) for line in written.splitlines()]
    return [line for line in found if fields.items() <= line.items()]


@pytest.fixture(scope="module")
def leading(worker: Path, engine) -> Path:
    wait_until(lambda: worker.exists() and lines(worker, message="this process leads"), "leader")
    return worker


def test_an_idle_process_says_nothing(leading: Path, engine):
    """For six heartbeats, while all tasks of the timetable but the purge come several times."""
    age = "select extract(epoch from seen_at)::float8 from ai_workers"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        size, seen = leading.stat().st_size, conn.execute(text(age)).scalar_one()
        wait_until(lambda: conn.execute(text(age)).scalar_one() > seen + 6 * 0.35, "heartbeats")
    assert leading.read_text()[size:] == ""


def test_each_run_of_a_real_job_is_told_once(leading: Path, engine):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        lost = make_job(conn, "lost", job_type="sleep", request_data={"seconds": 0})
        done = make_job(conn, job_type="sleep", request_data={"seconds": 0})
        broken = make_job(conn, job_type="sleep", request_data={})
        _wait(conn, lost, "completed")
        _wait(conn, done, "completed")
        wait_until(lambda: lines(leading, job_id=broken, event="retried"), "line of the broken run")
    assert [(line["event"], line["claim_seq"]) for line in lines(leading, job_id=lost)] == [
        ("lost", 1),
        ("completed", 2),
    ]
    assert [(line["event"], line["user"]) for line in lines(leading, job_id=done)] == [("completed", "ann")]
    raised, retried = lines(leading, job_id=broken)
    assert "its handler raised" in raised["message"]
    assert (raised["claim_seq"], raised["user"]) == (1, "ann")
    assert (retried["event"], retried["level"], retried["error_code"]) == ("retried", "warning", "handler_error")
    assert all(line["ms"] >= 0 for line in lines(leading, event="completed"))


def _wait(conn: Connection, job_id: str, status: str) -> None:
    wait_until(lambda: row_of(conn, job_id).status == status, status)
