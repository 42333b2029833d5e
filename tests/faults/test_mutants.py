"""The fault suite sees faults: each change that mutants.py lists turns the test that it names red."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.checker import RULES
from tests.faults.mutants import MUTANTS, Changes, Mutant
from tests.processes import ROOT

NOT_COPIED = (".git", ".venv", ".data", ".*_cache", "__pycache__", "docs", "bench", "pictures", "node_modules")
BROKEN_RULE = re.compile(rf"\b({'|'.join(RULES)}): (\d+), as \[")
LONGEST_S = 150
HEAD = "| mutant | test | | s |\n|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`colour` is green, red or skipped; `rules` are those that it named as broken, with the number of cases."""

    colour: str
    rules: dict[str, int]
    output: str
    took_s: float

    def says(self, words: str) -> bool:
        return words in self.rules if words in RULES else words in self.output


def copy_of_the_tree(into: Path, changes: Changes) -> Path:
    """Raises ValueError when a text is not there exactly once: the mutant is out of date."""
    tree = into / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for file, texts in changes.items():
        (tree / file).write_text(changed((tree / file).read_text(), texts))
    return tree


def changed(text: str, texts: Mapping[str, str]) -> str:
    for old, new in texts.items():
        if text.count(old) != 1:
            raise ValueError(f"{text.count(old)} times instead of once: {old!r}")
        text = text.replace(old, new)
    return text


def run(tree: Path, test: str) -> Outcome:
    """One test of the fault suite, as that tree has it."""
    words = [sys.executable, "-m", "pytest", f"tests/faults/{test}", "--faults", "-q", "-rs", "-p", "no:cacheprovider"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    began = time.monotonic()
    ran = subprocess.run(
        words,
        cwd=tree,
        env=kept,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        start_new_session=True,
        check=False,
    )
    rules = {rule: int(cases) for rule, cases in BROKEN_RULE.findall(ran.stdout)}
    return Outcome(_colour(ran), rules, ran.stdout + ran.stderr, time.monotonic() - began)


def _colour(ran: "subprocess.CompletedProcess[str]") -> str:
    """Raises what pytest said when it ran no test."""
    if ran.returncode not in (0, 1):
        raise RuntimeError(ran.stdout + ran.stderr)
    if ran.returncode == 1:
        return "red"
    return "skipped" if re.search(r"^SKIPPED", ran.stdout, re.MULTILINE) else "green"


@pytest.fixture(scope="module", autouse=True)
def head(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--mutants"):
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{HEAD}")


def tell(capfd: pytest.CaptureFixture[str], name: str, test: str, verdict: str, outcome: Outcome) -> None:
    with capfd.disabled():
        print(f"\r| {name} | {test.split('::')[1]} | {verdict} | {outcome.took_s:.0f} |", flush=True)


@pytest.mark.mutants
@pytest.mark.timeout(LONGEST_S + 30)
@pytest.mark.parametrize("test", dict.fromkeys(mutant.test for mutant in MUTANTS))
def test_the_code_as_it_stands_is_green(test: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    outcome = run(copy_of_the_tree(tmp_path, {}), test)
    tell(capfd, "(none)", test, outcome.colour, outcome)
    assert outcome.colour != "red", outcome.output


@pytest.mark.mutants
@pytest.mark.timeout(LONGEST_S + 30)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_turns_its_test_red(mutant: Mutant, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    outcome = run(copy_of_the_tree(tmp_path, mutant.changes), mutant.test)
    tell(capfd, mutant.name, mutant.test, verdict(mutant, outcome), outcome)
    if outcome.colour == "skipped":
        pytest.skip(f"{mutant.test} was skipped")
    assert verdict(mutant, outcome).startswith("red: "), outcome.output


def verdict(mutant: Mutant, outcome: Outcome) -> str:
    """In words: red only when the test said what it was to say."""
    if outcome.colour == "skipped":
        return "skipped"
    if outcome.colour == "green":
        return "NOT CAUGHT"
    if not any(outcome.says(words) for words in mutant.seen):
        return "NOT CAUGHT, red for another reason"
    said = [f"{rule} {cases}" for rule, cases in outcome.rules.items()]
    return "red: " + ", ".join(said or [words for words in mutant.seen if outcome.says(words)])


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_still_fits_the_code(mutant: Mutant):
    for file, texts in mutant.changes.items():
        before = (ROOT / file).read_text()
        assert changed(before, texts) != before


def test_a_text_that_is_not_there_exactly_once_is_refused():
    assert changed("one two", {"two": "three"}) == "one three"
    for text in ("one", "two two"):
        with pytest.raises(ValueError, match="instead of once"):
            changed(text, {"two": "three"})


def test_a_test_that_is_red_for_another_reason_catches_nothing():
    mutant = Mutant("m", {}, "t", ("stale accepted",))
    assert verdict(mutant, Outcome("green", {}, "", 1)) == "NOT CAUGHT"
    assert verdict(mutant, Outcome("red", {"lost": 3}, "", 1)) == "NOT CAUGHT, red for another reason"
    assert verdict(mutant, Outcome("red", {"lost": 3, "stale accepted": 2}, "", 1)) == "red: lost 3, stale accepted 2"
