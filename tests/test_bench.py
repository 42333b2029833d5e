"""Every measure works; its figures mean something only from `./run bench`, on a machine that has nothing else to do."""

import re
import subprocess
import sys

import pytest

from bench.measures import MEASURES
from tests.dashboard.conftest import CHROMIUM
from tests.processes import ROOT, environment

FIGURE = re.compile(r"(?P<what>\S.*?) +(?P<value>[\d,]+\.\d\d) ?(?P<unit>\S.*)?")


def short(server_url: str, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench", "--short", name]
    ended = subprocess.run(
        command, env=environment(server_url), cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = [FIGURE.fullmatch(line) for line in ended.stdout.splitlines()]
    assert all(found), ended.stdout
    return {one["what"]: float(one["value"].replace(",", "")) for one in found if one}


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_says_its_figures(server_url: str, name: str):
    if name == "browser" and CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    figures = short(server_url, name)
    failed = {what: value for what, value in figures.items() if "failed" in what}
    assert not any(failed.values())
    assert all(value > 0 for what, value in figures.items() if what not in failed and name != "browser"), figures
    assert figures
