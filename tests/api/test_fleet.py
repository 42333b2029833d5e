"""What operators see of the fleet, and others do not."""

import json

import pytest
from sqlalchemy import text

from tests.api import kit
from tests.api.kit import assert_error
from tests.factory import make_job

WORKER = """insert into ai_workers (id, host, pid, version, job_types, seats, busy, seen_at)
            values (:id, 'h', 7, '1.0', '{t,u}', 3, 1, clock_timestamp() - make_interval(secs => :silent_s))"""


def fleet(yard):
    answer = yard.get("/fleet", "op-root")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.parametrize("path", ["/fleet", "/config"])
def test_others_are_told_that_they_may_not(yard, path):
    assert "Only operators" in assert_error(yard.get(path), 403, "forbidden")["error"]


def test_an_empty_fleet_has_nobody_and_nothing(yard):
    told = fleet(yard)
    assert (told["workers"], told["leader"], told["queues"]) == ([], None, [])
    assert told["lately"] == {"ended": 0, "failed": 0, "reach_s": 0, "wait_s": None, "run_s": None}


def test_workers_are_shown_the_newest_first_and_silent_ones_as_such(yard):
    for worker, silent_s in (("old", 31), ("new", 0)):
        yard.conn.execute(text(WORKER), {"id": worker, "silent_s": silent_s})
    told = fleet(yard)["workers"]
    assert [(one["worker_id"], one["silent"]) for one in told] == [("new", False), ("old", True)]
    assert (told[0]["job_types"], told[0]["seats"], told[0]["busy"], told[0]["pid"]) == (["t", "u"], 3, 1, 7)


@pytest.mark.parametrize(("left", "expired"), [("5 s", False), ("-5 s", True)])
def test_the_leader_is_shown_and_whether_its_term_is_over(yard, left, expired):
    yard.conn.execute(
        text("insert into ai_leader values ('cluster', 'w', 4, clock_timestamp() + cast(:left as interval))"),
        {"left": left},
    )
    told = fleet(yard)["leader"]
    assert (told["holder"], told["term"], told["expired"]) == ("w", 4, expired)


def test_jobs_of_all_users_are_counted_by_type(yard):
    for user in ("ann", "bob"):
        make_job(yard.conn, user_id=user)
    make_job(yard.conn, "waiting")
    make_job(yard.conn, "failed", job_type="u")
    told = {one["job_type"]: one for one in fleet(yard)["queues"]}
    assert (told["t"]["ready"], told["t"]["waiting"], told["t"]["failed"]) == (2, 1, 0)
    assert (told["u"]["ready"], told["u"]["failed"], told["u"]["oldest_ready_s"]) == (0, 1, None)
    assert told["t"]["oldest_ready_s"] > 0


def ended(yard, state, wait_s, run_s, ago_s=1):
    job_id = make_job(yard.conn, state)
    yard.conn.execute(
        text("""update ai_jobs set completed_at = now() - make_interval(secs => :ago),
                       started_at = now() - make_interval(secs => :ago + :run),
                       ready_at = now() - make_interval(secs => :ago + :run + :wait) where id = :id"""),
        {"id": job_id, "ago": ago_s, "run": run_s, "wait": wait_s},
    )


def test_how_jobs_went_is_that_of_the_last_minute(yard):
    for run_s in (1, 2, 3):
        ended(yard, "completed", 10, run_s)
    ended(yard, "failed", 500, 500, ago_s=20)
    ended(yard, "completed", 900, 900, ago_s=61)
    told = fleet(yard)["lately"]
    assert (told["ended"], told["failed"]) == (4, 1)
    assert 20 <= told["reach_s"] < 60
    assert told["run_s"] == pytest.approx({"p50": 2, "p95": 2.9}, abs=0.01)
    assert told["wait_s"] == pytest.approx({"p50": 10, "p95": 10}, abs=0.01)


def test_the_configuration_is_whole_and_without_the_environment_s_secrets(engine, conn):
    secrets = {
        "OPENAI_API_KEY": "sk-canary",
        "METRICS_TOKEN": "metrics-canary",
        "DATABASE_URL": "postgresql://u:canary@h/d",
    }
    yard = kit.scene(engine, conn, kit.settings(**secrets))
    answer = yard.get("/config", "op-root")
    told = answer.get_json()["config"]
    assert told["jobs"]["max_concurrent_jobs"] == 3
    assert set(told) == {"database", "scheduler", "jobs", "provider", "api", "log", "handlers"}
    assert "canary" not in answer.text
    assert kit.SECRET not in answer.text


RUN = {
    "claim_seq": 2,
    "worker": "host-7",
    "started": None,
    "ended": "2026-01-31T12:00:00+00:00",
    "error_code": "x",
    "error": "y",
}


def test_a_job_s_failed_runs_are_shown_to_its_user_without_the_worker(yard):
    job_id = make_job(yard.conn, "failed", attempt_errors=[RUN])
    answer = yard.get(f"/job/{job_id}/runs")
    assert answer.get_json()["runs"] == [
        {"run": 2, "started_at": None, "ended_at": "2026-01-31T12:00:00.000Z", "error_code": "x", "error": "y"}
    ]
    assert "host-7" not in json.dumps(answer.get_json())
