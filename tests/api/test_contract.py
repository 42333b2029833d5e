"""schemathesis against a running server: whatever it sends, the answer is one that the document promises.

YARD_CONTRACT_EXAMPLES is how many cases it makes up for each operation in each of its phases: a few for every day,
200 (10,000 cases, a few minutes) before a release.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api import auth
from jobs.db.engine import autocommit, open_engine
from tests.factory import make_job
from tests.processes import SECRET, fleet

EXAMPLES = int(os.environ.get("YARD_CONTRACT_EXAMPLES", "4"))
EVERY_DAY = ["--generation-deterministic"]  # what fails today failed for the one who changed it
CONFIG = Path(__file__).with_name("schemathesis.toml")
ENVIRONMENT = {
    "YARD_HANDLERS": "[tests.api.contract_jobs]",
    "YARD_LOG__LEVEL": "warning",
    "YARD_API__LIMITS__READS_PER_S": "null",
    "YARD_SCHEDULER__LEASE_S": "3600",  # /health would tell that nobody runs the jobs
    # Nothing runs: a job that runs can be deleted only later (202), which schemathesis takes for deleted.
    "YARD_SCHEDULER__EMBEDDED": "false",
}


@pytest.mark.timeout(3600)
def test_nothing_that_schemathesis_sends_gets_an_answer_that_was_not_promised(database_url, tmp_path):
    seed(database_url)
    with fleet(database_url, **ENVIRONMENT) as ([web], _):
        ended = explore(web.port, tmp_path)
        assert web.process.poll() is None
        assert web.ready()
    told = json.loads((tmp_path / "report.json").read_text())
    assert (ended.returncode, told["failures"], told["errors"]) == (0, [], []), ended.stdout[-20_000:]
    assert told["operations"]["tested"] == told["operations"]["total"]
    assert {phase["status"] for phase in told["phases"].values()} == {"success"}
    print(f"{told['test_cases']['generated']} cases, seed {told['seed']}")
    assert told["test_cases"]["generated"] > 19 * EXAMPLES


def seed(database_url: str) -> None:
    """Jobs in every state that lasts, for schemathesis to come upon by way of the list."""
    engine = open_engine(database_url)
    with autocommit(engine) as conn:
        for state in ("completed", "failed", "cancelled", "waiting") * 50:
            make_job(conn, state, job_type="create_canvas", request_data={"instructions": "x"})
    engine.dispose()


def explore(port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    # An operator: the document promises every user the priorities that only operators get.
    token = auth.issue(SECRET, "ann", operator=True)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", "--checks", "all"]
    command += ["--max-examples", str(EXAMPLES), "--continue-on-failure", "--no-color"]
    command += [] if "YARD_CONTRACT_EXAMPLES" in os.environ else EVERY_DAY
    command += ["--report", "json", "--report-json-path", str(folder / "report.json")]
    command += ["--header", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}/openapi.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3500, check=False)
