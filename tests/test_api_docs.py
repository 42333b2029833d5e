"""What docs/api.md shows works as it stands, line by line, against a running server."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.auth import issue
from tests.api.test_matrix import MATRIX
from tests.processes import ROOT, SECRET, fleet

PAGE = (ROOT / "docs" / "api.md").read_text()
FIRST, *BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CURL = 'curl() { command curl --fail-with-body --no-progress-meter "$@"; }'  # one that fails ends the script


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_each_line_works_as_it_stands(database_url: str, tmp_path: Path):
    assert "./run token ann" in FIRST
    with fleet(database_url) as ([web], _):
        where = {"YARD": f"http://127.0.0.1:{web.port}/api/ai-agent", "TOKEN": issue(SECRET, "ann")}
        where["OPERATOR"] = issue(SECRET, "root", operator=True)
        script = "\n".join(["set -euo pipefail", CURL, *BLOCKS])
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | where,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "login.svg").read_text().startswith("<svg")


def test_every_route_is_named():
    for _, rule in MATRIX:
        last = rule.rpartition("/")[2].replace("<path:name>", "app.js")
        assert f"/{last}`" in PAGE or f"`/job/{last.replace('job_id', 'id')}`" in PAGE
