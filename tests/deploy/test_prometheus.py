"""A real Prometheus, with the configuration of deploy/, scrapes a real fleet and finds what the docs promise."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import fake_openai
from tests.deploy import kit
from tests.deploy.kit import DEPLOY, needs_prometheus, promtool
from tests.processes import Web, fleet, free_port, wait_until

pytestmark = needs_prometheus

TOKEN = "metrics-" + "t" * 32


class Prometheus:
    def __init__(self, folder: Path, targets: list[str]) -> None:
        """deploy/prometheus.yml as it stands, with these targets, a token, and more haste."""
        (folder / "rules.yml").write_bytes((DEPLOY / "rules.yml").read_bytes())
        (folder / "metrics_token").write_text(TOKEN + "\n")
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": "300ms", "evaluation_interval": "1s"}
        config["scrape_configs"][0]["static_configs"][0]["targets"] = targets
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.port = free_port()
        options = [f"--web.listen-address=127.0.0.1:{self.port}", f"--storage.tsdb.path={folder / 'data'}"]
        command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", "--log.level=warn", *options]
        self.process = subprocess.Popen(command, cwd=folder)

    def ask(self, path: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            said = json.load(answer)
        assert said["status"] == "success"
        return said["data"]

    def answers(self) -> bool:
        assert self.process.poll() is None, "Prometheus ended at its start"
        try:
            return bool(self.ask("status/buildinfo"))
        except OSError:
            return False

    def value(self, expression: str) -> float | None:
        """The only sample of an expression; None: there is none."""
        found = self.ask("query", query=expression)["result"]
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)


class Scraped:
    """A fleet of one `serve` and one `work` that has run a few jobs, and the Prometheus that watches it."""

    def __init__(self, web: Web, work: str, prometheus: Prometheus) -> None:
        self.web = web
        self.work = work
        self.prometheus = prometheus


@pytest.fixture(scope="module")
def scraped(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    work_port = free_port()
    with fake_openai.running() as provider:
        provider.script("429 retry_after=1", "good")
        env = {
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": provider.base_url,
            "OPENAI_MODEL": "test-model",
            "METRICS_TOKEN": TOKEN,
            "YARD_API__BIND": "0.0.0.0",  # of `work`; tests.processes.Web has its own
            "YARD_SCHEDULER__METRICS_PORT": str(work_port),
        }
        with fleet(database_url, workers=1, **env) as ([web], _):
            work = f"127.0.0.1:{work_port}"
            prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), [f"127.0.0.1:{web.port}", work])
            try:
                wait_until(prometheus.answers, "Prometheus")
                for job_id in [web.draw(f"a login, {number}") for number in range(3)]:
                    assert web.finished(job_id)["status"] == "completed"
                yield Scraped(web, work, prometheus)
            finally:
                prometheus.stop()


def series(name: str, kind: str) -> set[str]:
    parts = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}.get(kind, ("",))
    return {name + part for part in parts}


def test_prometheus_holds_every_metric_that_the_docs_name(scraped: Scraped):
    named = [series(name, kind) for name, kind in kit.documented().items()]
    wanted = set().union(*named)
    held = lambda: set(scraped.prometheus.ask("label/__name__/values"))  # noqa: E731
    wait_until(lambda: wanted <= held(), f"series {sorted(wanted - held())}")
    ours = {name for name in held() if name.startswith("yardmaster_")}
    assert ours <= wanted


def test_both_processes_are_scraped_with_the_token(scraped: Scraped):
    def up() -> list[str]:
        return [target["health"] for target in scraped.prometheus.ask("targets")["activeTargets"]]

    wait_until(lambda: up() == ["up", "up"], "scrapes of both")


def test_what_prometheus_holds_is_what_has_happened(scraped: Scraped):
    completed = 'sum(yardmaster_runs_total{job_type="create_canvas", outcome="completed"})'
    wait_until(lambda: scraped.prometheus.value(completed) == 3, "three completed runs")
    expected = {
        'sum(yardmaster_runs_total{outcome="retried", error_code="rate_limited"})': 1,
        'max(yardmaster_finished_jobs{job_type="create_canvas", status="completed"})': 3,
        'max(yardmaster_queue_jobs{job_type="create_canvas", status="processing"})': 0,
        'sum(yardmaster_provider_calls_total{model="test-model", outcome="answered"})': 3,
        'sum(yardmaster_provider_calls_total{model="test-model", outcome="rate_limited"})': 1,
        "sum(yardmaster_scheduler_leading)": 1,
        "max(yardmaster_leader_present)": 1,
        "max(yardmaster_workers)": 2,
        "sum(yardmaster_scheduler_running)": 2,
        "min(yardmaster_listener_connected)": 1,
        "sum(yardmaster_seats)": 6,
        'max(yardmaster_task_interval_seconds{task="purge"})': 3600,
        'max(yardmaster_task_interval_seconds{task="reap"})': 2,  # a whole lease, while nothing runs
        'max(yardmaster_paused{job_type="create_canvas"})': 0,
        "min(yardmaster_database_up)": 1,
        'sum(yardmaster_http_requests_total{route="/api/ai-agent/create-canvas", status="202"})': 3,
    }
    for expression, value in expected.items():
        wait_until(lambda e=expression, v=value: scraped.prometheus.value(e) == v, f"{expression} == {value}")
    assert scraped.prometheus.value('sum(yardmaster_provider_tokens_total{direction="out"})') > 0


def test_no_alert_is_on_in_a_well_fleet(scraped: Scraped):
    groups = lambda: scraped.prometheus.ask("rules")["groups"]  # noqa: E731
    wait_until(lambda: all(rule["health"] == "ok" for group in groups() for rule in group["rules"]), "a look at all")
    states = {rule["name"]: rule["state"] for group in groups() for rule in group["rules"]}
    assert len(states) == len(kit.alerts())
    assert [name for name, state in states.items() if state == "firing"] == []


def test_the_dashboard_shows_something_in_every_panel(scraped: Scraped):
    for expression in kit.dashboard_expressions():
        ask = lambda e=expression: scraped.prometheus.ask("query", query=e)["result"]  # noqa: E731
        wait_until(ask, f"data for {expression}")


def test_promtool_finds_no_fault_in_the_names_and_texts(scraped: Scraped):
    promtool("check", "metrics", stdin=scraped.web.text("GET", "/metrics")[1])
    promtool("check", "metrics", stdin=get(scraped.work, "/metrics", TOKEN)[1])


def get(address: str, path: str, token: str | None = None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", headers=headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_work_process_shows_its_metrics_to_nobody_without_the_token(scraped: Scraped):
    for token in (None, TOKEN + "x"):
        status, body = get(scraped.work, "/metrics", token)
        assert (status, json.loads(body)["code"]) == (401, "unauthorized")


def test_a_work_process_tells_of_its_health(scraped: Scraped):
    told = {path: get(scraped.work, f"/api/ai-agent{path}") for path in ("/livez", "/readyz", "/health")}
    assert [status for status, _ in told.values()] == [200, 200, 200]
    health = json.loads(told["/health"][1])
    assert (health["status"], health["job_processor"]["running"]) == ("healthy", True)


def test_a_work_process_serves_nothing_else(scraped: Scraped):
    status, body = get(scraped.work, "/api/ai-agent/jobs")
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    assert json.loads(body)["request_id"]
