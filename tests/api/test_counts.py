"""What happens in a process is counted, with labels that stay few, and the docs name every metric."""

import time

from prometheus_client.parser import text_string_to_metric_families

from api import counts
from jobs import telemetry
from jobs.telemetry import (
    HintAnswered,
    LeaderChanged,
    ListenerChanged,
    ProviderCalled,
    RunEnded,
    RunLost,
    RunStarted,
    StaleWrite,
    TaskRan,
)
from tests.api import kit
from tests.api.kit import PREFIX
from tests.api.test_health import WELL
from tests.api.test_metrics import scraped
from tests.deploy.kit import documented

RUN = {"job_id": "1", "claim_seq": 1, "job_type": "create_canvas", "user_id": "ann"}


def test_what_happens_in_this_process_is_counted(yard):
    telemetry.emit(RunStarted(**RUN, wait_s=0.2))
    telemetry.emit(RunEnded(**RUN, outcome="completed", error_code=None, run_s=7.0))
    telemetry.emit(RunEnded(**RUN, outcome="retried", error_code="timed_out", run_s=200.0))
    telemetry.emit(StaleWrite(job_id="1", claim_seq=1, user_id="ann"))
    telemetry.emit(TaskRan(task="reap", duration_s=0.5, rows=4, failed=False))
    telemetry.emit(TaskRan(task="reap", duration_s=0.25, rows=0, failed=True))
    telemetry.emit(LeaderChanged(leading=True, term=2))
    found = scraped(yard)
    canvas, reap = ("job_type", "create_canvas"), (("task", "reap"),)
    assert found["yardmaster_runs_total"] == {
        (("error_code", ""), canvas, ("outcome", "completed")): 1,
        (("error_code", "timed_out"), canvas, ("outcome", "retried")): 1,
    }
    assert found["yardmaster_job_wait_seconds_sum"] == {(canvas,): 0.2}
    assert found["yardmaster_job_run_seconds_count"] == {(canvas,): 2}
    run_s, wait_s = (
        {dict(labels)["le"]: value for labels, value in found[f"yardmaster_job_{what}_seconds_bucket"].items()}
        for what in ("run", "wait")
    )
    assert (wait_s["0.1"], wait_s["0.25"], wait_s["600.0"]) == (0, 1, 1)
    assert (run_s["0.1"], run_s["10.0"], run_s["180.0"], run_s["600.0"], run_s["+Inf"]) == (0, 1, 1, 2, 2)
    assert found["yardmaster_stale_writes_total"] == {(): 1}
    assert found["yardmaster_task_runs_total"] == {reap: 2}
    assert found["yardmaster_task_failures_total"] == {reap: 1}
    assert found["yardmaster_task_jobs_total"] == {reap: 4}
    assert found["yardmaster_task_seconds_sum"] == {reap: 0.75}
    assert found["yardmaster_leader_changes_total"] == {(): 1}


def test_lost_runs_and_answered_hints_are_counted(yard):
    telemetry.emit(RunLost(job_id="1", claim_seq=1, user_id="ann"))
    telemetry.emit(HintAnswered(wait_s=0.002))
    found = scraped(yard)
    assert found["yardmaster_runs_lost_total"] == {(): 1}
    assert found["yardmaster_hint_to_claim_seconds_count"] == {(): 1}
    buckets = {dict(labels)["le"]: n for labels, n in found["yardmaster_hint_to_claim_seconds_bucket"].items()}
    assert (buckets["0.001"], buckets["0.0025"]) == (0, 1)


def test_a_task_says_when_it_last_succeeded(yard):
    before = time.time()
    telemetry.emit(TaskRan(task="reap", duration_s=0.5, rows=0, failed=True))
    assert "yardmaster_task_last_success_timestamp_seconds" not in scraped(yard)
    telemetry.emit(TaskRan(task="reap", duration_s=0.5, rows=0, failed=False))
    assert before <= scraped(yard)["yardmaster_task_last_success_timestamp_seconds"][(("task", "reap"),)] <= time.time()


def test_the_listener_is_shown_once_there_is_one(yard):
    def shown():
        found = scraped(yard)
        return found["yardmaster_listener_connected"][()], found["yardmaster_listener_reconnects_total"][()]

    assert "yardmaster_listener_connected" not in scraped(yard)
    steps = [(False, 0), (True, 1), (False, 1), (True, 2)]
    seen = []
    for connected, connections in steps:
        telemetry.emit(ListenerChanged(connected=connected, connections=connections))
        seen.append(shown())
    assert seen == [(0, 0), (1, 0), (0, 0), (1, 1)]


def test_calls_of_the_model_are_counted_with_their_tokens(yard):
    telemetry.emit(ProviderCalled("m", "answered", 3.0, 100, 20))
    telemetry.emit(ProviderCalled("m", "rate_limited", 0.2, 0, 0))
    found = scraped(yard)
    calls = {dict(labels)["outcome"]: n for labels, n in found["yardmaster_provider_calls_total"].items()}
    assert calls == {"answered": 1, "rate_limited": 1}
    assert found["yardmaster_provider_call_seconds_sum"] == {(("model", "m"),): 3.2}
    tokens = {dict(labels)["direction"]: n for labels, n in found["yardmaster_provider_tokens_total"].items()}
    assert tokens == {"in": 100, "out": 20}


def test_error_codes_that_handlers_make_up_are_bounded(yard):
    for number in range(counts.ERROR_CODES + 7):
        telemetry.emit(RunEnded(**RUN, outcome="failed", error_code=f"code_{number}", run_s=1.0))
    runs = {dict(labels)["error_code"]: n for labels, n in scraped(yard)["yardmaster_runs_total"].items()}
    assert len(runs) == counts.ERROR_CODES + 1
    assert runs["other"] == 7


def test_requests_are_counted_by_rule_and_status_and_never_by_path(yard):
    for path in (f"/job/{kit.HOSTILE}/status", "/job/7/status", "/nothing/at/all"):
        assert yard.get(path).status_code == 404
    assert yard.canvas().status_code == 202
    assert yard.client.open(f"{PREFIX}/livez", method="BREW").status_code == 405
    found = scraped(yard)
    requests = found["yardmaster_http_requests_total"]
    rules = {
        (said["method"], said["route"], said["status"]): n for said, n in ((dict(k), n) for k, n in requests.items())
    }
    assert rules["GET", f"{PREFIX}/job/<job_id>/status", "404"] == 1
    assert rules["GET", "unmatched", "404"] == 2
    assert rules["POST", f"{PREFIX}/create-canvas", "202"] == 1
    assert rules["other", "unmatched", "405"] == 1
    assert "script" not in str(requests)
    times = found["yardmaster_http_request_seconds_count"]
    assert times[(("method", "POST"), ("route", f"{PREFIX}/create-canvas"))] == 1


def test_requests_that_wait_for_their_job_are_shown(yard):
    assert scraped(yard)["yardmaster_requests_waiting"] == {(): 0}
    with yard.waiting.place("some job"):
        assert scraped(yard)["yardmaster_requests_waiting"] == {(): 1}


def test_the_docs_name_every_metric_with_its_type_and_no_other(yard):
    yard.scheduler = WELL
    telemetry.emit(ListenerChanged(connected=True, connections=1))
    families = text_string_to_metric_families(yard.client.get("/metrics").text)
    shown = {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    ours = {name: kind for name, kind in shown.items() if name.startswith("yardmaster_")}
    assert ours == dict(documented())
    assert set(shown) - set(ours) == {name for name in shown if name.startswith("process_")}
