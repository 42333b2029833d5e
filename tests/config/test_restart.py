"""Which settings take effect at once, and which wait for a restart: one table, and everything agrees with it."""

import re
from pathlib import Path

import pytest

from config.changes import applied, changes, flat, shown
from config.checking import broken_rules, places
from config.settings import AT_LEAST, RESTART, Config, restart_reason
from tests.hot.kit import Tuned

SHIPPED = Path(__file__).parents[2] / "config.yaml"
NAMES = [".".join(map(str, place)) for place in places()]


def comments() -> dict[str, str]:
    """What the shipped file says above each setting."""
    found, path, comment = {}, list[str](), ""
    for line in SHIPPED.read_text().splitlines():
        name = re.match(r"( *)([a-z_0-9]+):", line)
        comment = comment + line.strip("# ") + " " if line.lstrip().startswith("#") else comment
        if name:
            path[len(name[1]) // 2 :] = [name[2]]
            found[".".join(path)], comment = comment, ""
        comment = comment if line else ""
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_file_says_which_settings_need_a_restart(name: str):
    waits = restart_reason(tuple(name.split("."))) is not None
    assert comments()[name].endswith("(restart) ") == waits


def test_every_line_of_the_table_is_about_a_setting():
    for place in RESTART:
        assert any(tuple(name.split("."))[: len(place)] == place for name in NAMES), place


def test_settings_that_a_rule_ties_together_change_together():
    """Or one could take effect without the other, and break the rule for a process that runs."""
    for where, _, other, _ in AT_LEAST:
        assert (restart_reason(where) is None) == (restart_reason(other) is None)


def test_what_waits_for_a_restart_stays_and_the_rest_is_applied():
    before = Config()
    after = Config.model_validate(
        {
            "scheduler": {"lease_s": 60, "embedded": False, "seats": 2},
            "api": {"auth": {"operator_claim": ["a", "b"]}, "origins": ["https://a.example"]},
            "handlers": ["our.jobs"],
            "jobs": {"run_timeout_s": {"draw": 7}},
        }
    )
    now = applied(before, after)
    assert {change.name for change in changes(before, now)} == {
        "scheduler.seats",
        "api.origins",
        "jobs.run_timeout_s.draw",
        "jobs.run_timeout_s.create_canvas",
    }
    assert {change.name: change.restart is None for change in changes(now, after)} == {
        "scheduler.lease_s": False,
        "scheduler.embedded": False,
        "api.auth.operator_claim": False,
        "handlers": False,
    }
    assert list(broken_rules(now.model_dump(exclude={"environment"}), [], {})) == []


def test_a_change_is_shown_as_the_file_would_say_it():
    words = [shown(value) for value in (None, True, 5.0, 0.1, ("a", "b"), "gpt", 1_000_000, 604800.0)]
    assert words == ["null", "true", "5", "0.1", "[a, b]", "gpt", "1000000", "604800"]


def test_an_environment_that_differs_is_not_taken_over(tmp_path: Path):
    """The secrets of a process are those of its start."""
    tuned = Tuned(tmp_path, {"JWT_SECRET": "x" * 40})
    tuned.set(jobs={"max_retries": 9})
    assert tuned.settings.environment == Tuned(tmp_path, {"JWT_SECRET": "x" * 40}).settings.environment
    assert len(flat(tuned.settings)) == len(NAMES) + 1  # two time-outs for one setting
