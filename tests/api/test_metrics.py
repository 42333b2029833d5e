"""What Prometheus reads, and who may read it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from api import gauges
from jobs import pauses
from jobs.db.engine import open_engine
from tests.api import kit
from tests.api.kit import PREFIX, TOKEN, assert_error
from tests.api.test_health import WELL
from tests.factory import make_job


def scraped(scene, **options: Any):
    """{name: {labels: value}} of what a scrape answers."""
    answer = scene.client.get("/metrics", **options)
    assert answer.status_code == 200, answer.text
    samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return samples


def nonzero(samples):
    return {labels: value for labels, value in samples.items() if value}


def of(job_type: str, status: str):
    return (("job_type", job_type), ("status", status))


@pytest.fixture
def fresh(yard, monkeypatch):
    """Looks at the queue at every scrape."""
    monkeypatch.setattr(gauges, "KEPT_S", 0.0)
    return yard


def test_the_queue_is_counted_by_status(fresh):
    make_job(fresh.conn)
    old = make_job(fresh.conn)
    fresh.conn.execute(
        text("update ai_jobs set ready_at = clock_timestamp() - interval '90 s' where id = :id"), {"id": old}
    )
    make_job(fresh.conn, "waiting")
    for state in ("processing", "completed", "failed", "cancelled"):
        make_job(fresh.conn, state)
    found = scraped(fresh)
    assert nonzero(found["yardmaster_queue_jobs"]) == {
        of("t", "ready"): 2,
        of("t", "waiting"): 1,
        of("t", "processing"): 1,
    }
    assert nonzero(found["yardmaster_finished_jobs"]) == {
        of("t", "completed"): 1,
        of("t", "failed"): 1,
        of("t", "cancelled"): 1,
    }
    assert found["yardmaster_database_up"] == {(): 1}
    assert found["yardmaster_workers"] == {(): 0}
    ages_s = found["yardmaster_queue_oldest_ready_age_seconds"]
    assert 90 <= ages_s[(("job_type", "t"),)] < 200
    assert ages_s[(("job_type", "create_canvas"),)] == 0


def test_the_leader_of_the_fleet_is_shown(fresh):
    assert scraped(fresh)["yardmaster_leader_present"] == {(): 0}
    term = "('scheduler', 'w', 7, clock_timestamp() + interval '1 hour')"
    fresh.conn.execute(text(f"insert into ai_leader (name, holder, term, expires_at) values {term}"))
    found = scraped(fresh)
    fresh.conn.execute(text("delete from ai_leader"))
    assert (found["yardmaster_leader_present"], found["yardmaster_leader_term"]) == ({(): 1}, {(): 7})


def test_pauses_are_shown_while_they_hold(fresh):
    def paused():
        found = scraped(fresh)
        types = {dict(labels)["job_type"]: value for labels, value in found["yardmaster_paused"].items()}
        return types, found["yardmaster_everything_paused"][()]

    assert paused() == ({"t": 0, "create_canvas": 0}, 0)
    pauses.pause(fresh.conn, "t", by="root")
    pauses.pause(fresh.conn, "by_sql", by="root", for_s=600)
    assert paused() == ({"t": 1, "create_canvas": 0, "by_sql": 1}, 0)
    pauses.pause(fresh.conn, None, by="root", resume_at=datetime(2000, 1, 1, tzinfo=UTC))
    pauses.pause(fresh.conn, "by_sql", by="root", resume_at=datetime(2000, 1, 1, tzinfo=UTC))
    assert paused() == ({"t": 1, "create_canvas": 0, "by_sql": 0}, 0)
    pauses.pause(fresh.conn, None, by="root")
    pauses.resume(fresh.conn, "t")
    assert paused() == ({"t": 1, "create_canvas": 1, "by_sql": 1}, 1)


def test_paused_types_beyond_a_number_are_shown_together(engine, fresh, monkeypatch):
    monkeypatch.setattr(gauges, "JOB_TYPES", 3)
    scene = kit.scene(engine, fresh.conn, kit.settings())
    for number in range(4):
        pauses.pause(fresh.conn, f"type_{number}", by="root")
    found = {dict(labels)["job_type"]: value for labels, value in scraped(scene)["yardmaster_paused"].items()}
    assert (len(found), found["other"], found["t"], sum(found.values())) == (4, 1, 0, 2)


def test_every_job_type_of_this_release_is_shown_although_it_has_no_jobs(fresh):
    found = scraped(fresh)
    assert {dict(labels)["job_type"] for labels in found["yardmaster_queue_jobs"]} == {"t", "create_canvas"}
    assert len(found["yardmaster_queue_jobs"]) == len(found["yardmaster_finished_jobs"]) == 6
    assert set(found["yardmaster_queue_oldest_ready_age_seconds"].values()) == {0}


def test_job_types_beyond_a_number_are_counted_together(engine, fresh, monkeypatch):
    monkeypatch.setattr(gauges, "JOB_TYPES", 4)
    scene = kit.scene(engine, fresh.conn, kit.settings())
    for number in range(6):
        old = make_job(fresh.conn, job_type=f"by_sql_{number}")
        age = text("update ai_jobs set ready_at = clock_timestamp() - make_interval(secs => :s) where id = :id")
        fresh.conn.execute(age, {"s": 100 * number, "id": old})
    found = scraped(scene)
    jobs = nonzero(found["yardmaster_queue_jobs"])
    assert len(jobs) == 3
    assert jobs[of("other", "ready")] == 4
    assert len(found["yardmaster_queue_oldest_ready_age_seconds"]) == 5
    assert max(found["yardmaster_queue_oldest_ready_age_seconds"].values()) >= 500


def test_scrapes_that_follow_at_once_share_one_look(yard):
    before = scraped(yard)["yardmaster_queue_jobs"]
    make_job(yard.conn)
    assert scraped(yard)["yardmaster_queue_jobs"] == before


def test_the_scheduler_of_this_process_is_shown(yard):
    assert "yardmaster_scheduler_running" not in scraped(yard)
    yard.scheduler = WELL
    found = scraped(yard)
    shown = {
        name: found[f"yardmaster_{name}"][()]
        for name in (
            "scheduler_running",
            "scheduler_leading",
            "scheduler_last_pass_age_seconds",
            "scheduler_late_after_seconds",
            "seats",
            "seats_busy",
        )
    }
    assert list(shown.values()) == [1, 1, 1.0, 20.0, 3, 2]
    assert found["yardmaster_task_interval_seconds"] == {(("task", "purge"),): 3600}


def test_the_release_and_the_process_are_shown(yard):
    found = scraped(yard)
    ((labels, value),) = found["yardmaster_build_info"].items()
    assert (dict(labels).keys(), value) == ({"version"}, 1)
    assert found["process_resident_memory_bytes"][()] > 0


def test_without_the_database_the_scrape_still_answers(conn):
    engine = open_engine("postgresql://postgres@127.0.0.1:1/nothing", connect_timeout_s=1)
    scene = kit.scene(engine, conn, kit.settings())
    scene.scheduler = WELL
    found = scraped(scene)
    assert found["yardmaster_database_up"] == {(): 0}
    assert found["yardmaster_scheduler_running"] == {(): 1}
    assert "yardmaster_queue_jobs" not in found
    engine.dispose()


def test_openmetrics_is_given_to_who_asks_for_it(yard):
    accept = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5"
    answer = yard.client.get("/metrics", headers={"Accept": accept})
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_metrics_are_also_under_the_prefix(yard):
    assert yard.client.get(f"{PREFIX}/metrics").status_code == 200


BEARER = {"Authorization": f"Bearer {TOKEN}"}
FROM_ELSEWHERE = {"REMOTE_ADDR": "10.0.0.7"}
PUBLIC = {"YARD_API__BIND": "0.0.0.0"}
WITH_TOKEN = {"METRICS_TOKEN": TOKEN}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_a_caller_on_this_host_needs_no_token(engine, conn, address):
    scene = kit.scene(engine, conn, kit.settings(**WITH_TOKEN))
    assert scraped(scene, environ_overrides={"REMOTE_ADDR": address})


@pytest.mark.parametrize(
    ("environ", "request_"),
    [
        ({}, {"environ_overrides": FROM_ELSEWHERE}),
        ({}, {"environ_overrides": {"REMOTE_ADDR": ""}}),
        ({}, {"environ_overrides": {"REMOTE_ADDR": "localhost.evil.example"}}),
        ({}, {"headers": {"X-Forwarded-For": "203.0.113.9"}}),
        ({}, {"headers": {"Forwarded": "for=203.0.113.9"}}),
        ({}, {"headers": {"X-Real-IP": "203.0.113.9"}}),
        (PUBLIC, {}),
        ({"PORT": "8000"}, {}),
        ({"YARD_API__BIND": "'::'"}, {}),
        ({"YARD_API__BIND": "yard.internal"}, {}),
    ],
)
def test_everybody_else_needs_the_token(engine, conn, environ, request_):
    def ask(environ, **more: str):
        headers = {**request_.get("headers", {}), **more}
        scene = kit.scene(engine, conn, kit.settings(**environ))
        return scene.client.get("/metrics", **{**request_, "headers": headers})

    without = assert_error(ask(environ, **BEARER), 403, "forbidden")
    assert "METRICS_TOKEN" in without["error"]
    guarded = {**environ, **WITH_TOKEN}
    assert_error(ask(guarded), 401, "unauthorized")
    assert_error(ask(guarded, Authorization=f"Bearer {TOKEN}x"), 401)
    assert_error(ask(guarded, Authorization="Bearer \u00e9\udcff".encode("latin-1", "replace").decode("latin-1")), 401)
    assert ask(guarded, **BEARER).status_code == 200


def test_a_users_token_opens_no_metrics(engine, conn):
    scene = kit.scene(engine, conn, kit.settings(**PUBLIC, **WITH_TOKEN))
    assert_error(scene.get("/metrics", "op-eve"), 401)
