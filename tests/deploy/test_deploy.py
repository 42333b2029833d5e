"""The alerts, their runbook and the dashboard fit the metrics and each other."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy import kit
from tests.deploy.kit import DEPLOY, RULES, needs_prometheus, promtool

RUNBOOK = "docs/operations.md#"
CASES = yaml.safe_load((DEPLOY / "rules_test.yml").read_text(encoding="utf-8"))["tests"]


def checks() -> list[dict[str, Any]]:
    return [check for case in CASES for check in case["alert_rule_test"]]


@needs_prometheus
def test_the_configuration_of_prometheus_is_sound(tmp_path):
    for name in ("prometheus.yml", "rules.yml"):
        (tmp_path / name).write_bytes((DEPLOY / name).read_bytes())
    (tmp_path / "metrics_token").write_text("token")
    promtool("check", "config", tmp_path / "prometheus.yml")


@needs_prometheus
def test_the_rules_are_sound():
    promtool("check", "rules", RULES)


@needs_prometheus
def test_each_alert_fires_when_it_must_and_only_then():
    promtool("test", "rules", DEPLOY / "rules_test.yml")


@pytest.mark.parametrize("alert", [rule["alert"] for rule in kit.alerts()])
def test_each_alert_has_a_case_that_fires_it_and_one_that_does_not(alert: str):
    fired = [bool(check["exp_alerts"]) for check in checks() if check["alertname"] == alert]
    assert set(fired) == {True, False}


@pytest.mark.parametrize("rule", kit.alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_and_leads_to_its_line_of_the_runbook(rule: dict[str, Any]):
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == RUNBOOK + rule["alert"].lower()
    [chapter] = re.findall(rf"^### {rule['alert']}\n(.*?)(?=^#|\Z)", kit.OPERATIONS, re.MULTILINE | re.DOTALL)
    assert "**Means** " in chapter
    assert "**First** " in chapter


def test_the_runbook_knows_no_other_alerts():
    told = re.findall(r"^### (Yardmaster\w+)$", kit.OPERATIONS, re.MULTILINE)
    assert told == [rule["alert"] for rule in kit.alerts()]


def test_only_metrics_that_the_docs_name_are_asked_for():
    asked = [rule["expr"] for rule in kit.alerts()] + kit.dashboard_expressions()
    assert {name for expression in asked for name in kit.metrics_in(expression)} - set(kit.documented()) == set()


def test_every_metric_is_on_the_dashboard():
    shown = set().union(*(kit.metrics_in(expression) for expression in kit.dashboard_expressions()))
    assert shown == set(kit.documented())


@needs_prometheus
def test_every_expression_of_the_dashboard_is_sound(tmp_path):
    asked = kit.dashboard_expressions()
    assert len(asked) > 40
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "panels.yml")


def test_every_panel_reads_from_the_data_source_that_the_viewer_chooses():
    board = kit.dashboard()
    names = {variable["name"] for variable in board["templating"]["list"]}
    assert names == {"datasource", "job_type"}
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    sources = {source["datasource"]["uid"] for panel in panels for source in (panel, *panel["targets"])}
    assert sources == {"${datasource}"}
    assert [panel["title"] for panel in board["panels"] if panel["type"] == "row"] == [
        "Queue",
        "Runs",
        "Fleet",
        "Provider",
        "HTTP",
    ]


def test_panels_do_not_lie_on_each_other():
    taken = [
        (x, y)
        for panel in kit.dashboard()["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
