"""What operators are told of the settings before they change them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from main import main


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.yaml").write_text("scheduler: {poll_every_s: 2}\n")
    monkeypatch.setenv("YARD_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("YARD_JOBS__MAX_RETRIES", "4")
    return tmp_path


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_plan_shows_what_changes_what_waits_and_what_the_environment_overrules(files: Path):
    new = files / "new.yaml"
    new.write_text("scheduler: {poll_every_s: 9, lease_s: 60}\njobs: {max_retries: 7}\n")
    done = run("config", "plan", new)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "at once  scheduler.poll_every_s  2 -> 9",
        "restart  scheduler.lease_s  30 -> 60  (runs that are going hold leases by it)",
        "without effect  jobs.max_retries  YARD_JOBS__MAX_RETRIES overrules it",
    ]
    told = json.loads(run("config", "plan", new, "--json").output)
    assert [(one["setting"], one["before"], one["after"]) for one in told["changes"]] == [
        ("scheduler.poll_every_s", 2, 9),
        ("scheduler.lease_s", 30, 60),
    ]
    assert told["overruled"] == {"jobs.max_retries": "YARD_JOBS__MAX_RETRIES"}
    assert run("config", "plan", files / "config.yaml").output == "Nothing would change.\n"


@pytest.mark.parametrize("text", ["jobs: {max_retries: many}\nlog: {level: loud}", ""])
def test_a_plan_of_what_would_be_refused_tells_every_fault(files: Path, text: str):
    new = files / "new.yaml"
    new.write_text(text.replace("max_retries: many", "retention_days: many"))
    done, as_json = run("config", "plan", new), run("config", "plan", new, "--json")
    faults = json.loads(as_json.output)["faults"]
    assert (done.exit_code, as_json.exit_code) == (2, 2)
    assert len(faults) == (2 if text else 1)
    assert done.output.splitlines() == faults


def test_show_tells_where_each_setting_comes_from(files: Path):
    rows = {row["setting"]: row for row in json.loads(run("config", "show", "--json").output)["settings"]}
    found = {name: (rows[name]["value"], rows[name]["source"], rows[name]["restart"]) for name in rows}
    assert found["scheduler.poll_every_s"] == (2, "file", False)
    assert found["jobs.max_retries"] == (4, "YARD_JOBS__MAX_RETRIES", False)
    assert found["scheduler.lease_s"] == (30, "default", True)
    assert "scheduler.lease_s" in run("config", "show").output


def test_check_config_says_by_its_exit_status_whether_a_file_can_be_used(files: Path):
    sound = run("check-config")
    assert (sound.exit_code, "sound; it sets 1 setting." in sound.output) == (0, True)
    (files / "bad.yaml").write_text("jobs: {retention_days: -1}")
    bad = run("check-config", files / "bad.yaml")
    assert (bad.exit_code, "retention_days: must be > 0" in bad.output) == (2, True)
