"""What the tests of deploy/ share: the files, the metrics that the docs name, and promtool."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES = DEPLOY / "rules.yml"

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")),
    reason="prometheus and promtool are not installed (Debian: apt install prometheus)",
)


def promtool(*arguments: Any, stdin: str | None = None) -> None:
    """Fails with what promtool has said."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "linting" not in done.stdout + done.stderr


def documented() -> dict[str, str]:
    """{metric: its type} of the table in docs/operations.md, without what another chapter may add to the type."""
    rows = re.findall(r"^\| `(yardmaster_\w+)` \| (\w+)", OPERATIONS, re.MULTILINE)
    assert len(rows) == len(dict(rows)) > 30
    return dict(rows)


def alerts() -> list[dict[str, Any]]:
    return yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]


def dashboard() -> dict[str, Any]:
    return json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))


def dashboard_expressions() -> list[str]:
    """What the panels ask for, with values where Grafana puts in its variables."""
    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    return [expr.replace("$__rate_interval", "1m").replace("$job_type", ".*") for expr in asked]


def metrics_in(expression: str) -> set[str]:
    """The metrics of ours in an expression, by the names of the docs."""
    found = set(re.findall(r"yardmaster_\w+", expression))
    histograms = tuple(name for name, kind in documented().items() if kind in ("histogram", "summary"))
    return {re.sub(r"_(bucket|sum|count)$", "", name) if name.startswith(histograms) else name for name in found}
