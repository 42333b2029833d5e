"""Limits of the API that change while it serves."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from api.live.hub import Full, Hub
from tests.api import kit
from tests.api.kit import SECRET, Scene
from tests.factory import row_of
from tests.hot.kit import Tuned, shows

ORIGIN = "https://app.example.org"
JOB = {"job_type": "t", "request_data": {}}


@pytest.fixture
def tuned(tmp_path: Path) -> Tuned:
    return Tuned(tmp_path, {"JWT_SECRET": SECRET})


@pytest.fixture
def served(tuned: Tuned, engine: Engine, conn: Connection) -> Scene:
    return kit.scene(engine, conn, tuned.settings, tuned.current)


def add(served: Scene, **body: Any) -> int:
    return served.post("/jobs", json=JOB | body).status_code


@shows("api.body_bytes")
def test_body_bytes(tuned: Tuned, served: Scene):
    large = {"request_data": {"text": "x" * 2000}}
    assert add(served, **large) == 202
    tuned.set(api={"body_bytes": 1024})
    assert add(served, **large) == 413


@shows("api.bulk_bytes")
def test_bulk_bytes(tuned: Tuned, served: Scene):
    many = {"jobs": [JOB] * 50}
    assert served.post("/jobs/bulk", json=many).status_code == 202
    tuned.set(api={"bulk_bytes": 1024})
    assert served.post("/jobs/bulk", json=many).status_code == 413


@shows("api.body_depth")
def test_body_depth(tuned: Tuned, served: Scene):
    deep = {"request_data": {"a": {"b": {}}}}
    assert add(served, **deep) == 202
    tuned.set(api={"body_depth": 3})
    assert add(served, **deep) == 400


@shows("api.origins")
def test_origins(tuned: Tuned, served: Scene):
    def allowed() -> str | None:
        return served.get("/jobs", headers={"Origin": ORIGIN}).headers.get("Access-Control-Allow-Origin")

    assert allowed() is None
    tuned.set(api={"origins": [ORIGIN]})
    assert allowed() == ORIGIN


@shows("api.waiting_requests")
def test_waiting_requests(tuned: Tuned, served: Scene):
    with served.waiting.place("1") as place:
        assert isinstance(place, threading.Event)
        tuned.set(api={"waiting_requests": 1})
        with served.waiting.place("2") as second:
            assert second is None
        assert not place.is_set()  # who waits already goes on waiting


@shows("api.limits.jobs_per_minute", "api.limits.burst")
def test_jobs_per_minute(tuned: Tuned, served: Scene):
    assert [add(served) for _ in range(3)] == [202] * 3
    tuned.set(api={"limits": {"jobs_per_minute": 1, "burst": 2}})
    assert [add(served) for _ in range(3)] == [202, 202, 429]
    tuned.set(api={"limits": {"jobs_per_minute": 1, "burst": 4}})
    assert [add(served) for _ in range(3)] == [202, 202, 429]
    tuned.set(api={"limits": {"jobs_per_minute": None}})
    assert add(served) == 202


@shows("api.limits.queued_jobs")
def test_queued_jobs(tuned: Tuned, served: Scene):
    assert add(served) == 202
    tuned.set(api={"limits": {"queued_jobs": 1}})
    assert add(served) == 429


@shows("api.limits.reads_per_s")
def test_reads_per_s(tuned: Tuned, served: Scene):
    tuned.set(api={"limits": {"reads_per_s": 0.01}})
    assert served.get("/jobs").status_code == 429
    tuned.set(api={"limits": {"reads_per_s": None}})
    assert served.get("/jobs").status_code == 200


@shows("jobs.max_retries", "jobs.deadline_s")
def test_what_new_jobs_are_given(tuned: Tuned, served: Scene):
    tuned.set(jobs={"max_retries": 7, "deadline_s": 3600})
    job = row_of(served.conn, served.post("/jobs", json=JOB).get_json()["job_id"])
    assert (job.max_retries, round((job.deadline_at - job.created_at).total_seconds())) == (7, 3600)


def test_health_and_metrics_tell_what_is_in_force_and_what_was_refused(tuned: Tuned, served: Scene):
    def health() -> tuple[int, dict[str, Any]]:
        answer = served.get("/health", None)
        return answer.status_code, answer.get_json()

    def config_metrics() -> list[str]:
        lines = served.client.get("/metrics").text.splitlines()
        return [line.removeprefix("yardmaster_config_") for line in lines if line.startswith("yardmaster_config_")]

    tuned.set(scheduler={"poll_every_s": 2}, jobs={"max_concurrent_jobs": 9})
    status, body = health()
    processor = body["job_processor"]
    assert (status, processor["processing_interval"], processor["max_concurrent_jobs"]) == (200, 2, 9)
    began = body["config"].pop("taken_at")
    assert body["config"] == {"generation": 2, "fault": None}
    assert config_metrics() == ["generation 2.0", "broken 0.0", "reload_errors_total 0.0"]

    tuned.put("scheduler: {poll_every_s: sk-hush}")
    status, body = health()
    assert (status, body["status"]) == (200, "healthy")  # it works on by the last good one
    fault = "config.yaml: scheduler.poll_every_s: must be a number"
    assert body["config"] == {"generation": 2, "taken_at": began, "fault": fault}
    assert config_metrics() == ["generation 2.0", "broken 1.0", "reload_errors_total 1.0"]

    tuned.set(scheduler={"poll_every_s": 3})
    assert health()[1]["config"]["fault"] is None
    assert config_metrics() == ["generation 3.0", "broken 0.0", "reload_errors_total 1.0"]


@shows("api.sockets.per_user")
def test_sockets_per_user(tuned: Tuned, engine: Engine):
    hub = Hub(engine, tuned.current.read)
    hub.enter("ann")
    tuned.set(api={"sockets": {"per_user": 1}})
    with pytest.raises(Full):
        hub.enter("ann")
    hub.close(0)
