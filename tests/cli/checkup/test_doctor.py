"""The command itself: what it prints, how it ends, and that a healthy set-up passes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg2
from click.testing import CliRunner, Result

from cli.checkup import examination
from cli.checkup.ground import Check
from jobs.db import embedded
from main import main
from tests.cli.checkup.conftest import GOOD, Setup
from tests.conftest import create_database, drop_database
from tests.faults.server import Server
from tests.processes import QUICK, ROOT, Process, environment, wait_until
from tests.scheduler.proxy import Proxy

HEALTHY = {"JWT_SECRET": GOOD, "OPENAI_API_KEY": "sk-none"}
CHECKS = (*examination.OF_THE_SETTINGS, *examination.OF_THE_SERVER, *examination.OF_THE_FLEET)
CANARY = "canary-password"
NEXT_TRANSACTION = "select txid_snapshot_xmax(txid_current_snapshot())"  # of the whole server


def ask(*arguments: str, **environ: str) -> Result:
    ours = ("YARD_", "OPENAI_", "JWT_", "METRICS_", "DATABASE_", "LISTEN_DATABASE_", "PORT")
    none = dict.fromkeys((name for name in os.environ if name.startswith(ours)), None)
    return CliRunner().invoke(main, ["doctor", *arguments], env={**none, **HEALTHY, **QUICK, **environ})


@contextmanager
def idle_fleet(server: Server) -> Iterator[str]:
    """A database of its own on which a real worker works, idle."""
    url = create_database(server.url, "idle_fleet")
    process = Process("work", environment(url, **QUICK, **HEALTHY))
    try:
        wait_until(lambda: _leads(url), "leader")
        yield url
        assert process.stop() == 0
    finally:
        process.end()
        drop_database(server.url, "idle_fleet")


def _leads(url: str) -> bool:
    with suppress(psycopg2.Error):  # its migrations are under way
        return bool(_one(url, "select exists(select from ai_leader where expires_at > clock_timestamp())"))
    return False


def _one(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as conn, conn.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_healthy_set_up_has_neither_faults_nor_notes(server: Server):
    with idle_fleet(server) as url:
        ended = ask("--json", DATABASE_URL=url)
    told = json.loads(ended.stdout)
    assert [one for one in told["findings"] if one["level"] != "ok"] == []
    assert {one["check"] for one in told["findings"]} == {"database", *(check.name for check in CHECKS)}
    assert (ended.exit_code, told["faults"], told["notes"]) == (0, 0, 0)


def test_nothing_is_written_by_looking(setup: Setup):
    before = _one(setup.url, NEXT_TRANSACTION)
    assert ask(DATABASE_URL=setup.url).exit_code == 0
    assert _one(setup.url, NEXT_TRANSACTION) - before == 1  # that of the NOTIFY; what only reads needs none


def test_people_get_one_aligned_line_each_and_the_cure_below(server: Server):
    url = create_database(server.url, "without_schema")
    ended = ask(DATABASE_URL=url, YARD_JOBS__MAX_CONCURRENT_JOBS="2")
    drop_database(server.url, "without_schema")
    assert ended.exit_code == 1
    *lines, blank, summary = ended.stdout.splitlines()
    heads = [line for line in lines if line.startswith(("ok ", "note ", "fault "))]
    cures = [line for line in lines if line.startswith(" ")]
    assert len(heads) + len(cures) == len(lines)
    assert len({len(line) - len(line.lstrip()) for line in cures}) == 1
    wells = {check.name: check.well for check in CHECKS}
    names = {line: re.split("  +", line)[1] for line in heads if line.startswith("ok ")}
    starts = {line.rindex(wells[name]) for line, name in names.items() if name in wells}
    assert starts == {line.index("cure:") for line in cures}
    assert any("schema is missing" in line for line in heads)
    assert (blank, summary) == ("", f"1 fault, 1 note, {len(heads) - 2} ok")


def test_what_cannot_be_looked_at_is_named(server: Server):
    ended = ask("--json", DATABASE_URL=f"postgresql://me:{CANARY}@127.0.0.1:1/x")
    told = {one["check"]: one for one in json.loads(ended.stdout)["findings"]}
    assert ended.exit_code == 1
    assert told["database"]["level"] == "fault"
    assert "connections" in told["left out"]["what"]


def test_a_role_that_may_not_look_is_a_fault_of_that_check_alone(setup: Setup):
    name = setup.url.rpartition("/")[2]
    admin = psycopg2.connect(setup.url)
    admin.autocommit = True
    admin.cursor().execute(f'create role stranger login; grant connect on database "{name}" to stranger')
    try:
        told = json.loads(ask("--json", DATABASE_URL=setup.url.replace("postgres@", "stranger@")).stdout)
        found = {one["check"]: one for one in told["findings"]}
        assert "InsufficientPrivilege" in found["workers"]["what"]
        assert found["clock"]["level"] == "ok"
    finally:
        admin.cursor().execute(f'revoke all on database "{name}" from stranger; drop role stranger')
        admin.close()


def test_a_database_that_goes_away_meanwhile_is_told(setup: Setup, monkeypatch):
    proxy = Proxy(setup.url)
    cut = Check("cut", "", lambda _: proxy.cut() or iter(()))
    monkeypatch.setattr(
        examination, "OF_THE_SERVER", (examination.OF_THE_SERVER[0], cut, *examination.OF_THE_SERVER[1:])
    )
    ended = ask("--json", DATABASE_URL=proxy.url)
    proxy.close()
    found = {one["check"]: one["level"] for one in json.loads(ended.stdout)["findings"]}
    assert (found["version"], found["cut"], found["clock"], found["notify"]) == ("ok", "ok", "fault", "fault")
    assert "left out" in found


def test_no_secret_is_printed(setup: Setup):
    secrets = {"JWT_SECRET": "canary" * 3, "METRICS_TOKEN": "canary", "OPENAI_API_KEY": "canary-key"}
    for url in (setup.url.replace("postgres@", f"nobody:{CANARY}@"), f"postgresql://me:{CANARY}@127.0.0.1:1/x", CANARY):
        for arguments in ([], ["--json"]):
            ended = ask(*arguments, DATABASE_URL=url, LISTEN_DATABASE_URL=url, **secrets)
            assert ended.exit_code == 1
            assert "canary" not in ended.output


def test_every_check_is_documented():
    table = re.findall(r"^\| ([\w ]+) \| ", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert {"database", *(check.name for check in CHECKS)} <= set(table)


def test_settings_that_cannot_be_read_end_with_2():
    ended = ask(YARD_LOG__LEVEL="loud")
    assert ended.exit_code == 2
    assert "YARD_LOG__LEVEL" in ended.stderr
    assert ended.stdout == ""


def test_without_an_address_the_private_database_is_looked_at(tmp_path):
    started = embedded.start(tmp_path / "data")  # so that it goes on when the doctor lets go
    try:
        ended = ask("--json", DATABASE_URL="", YARD_DATA_DIR=str(tmp_path / "data"))
        told = {one["check"]: one for one in json.loads(ended.stdout)["findings"]}
        assert told["database"]["level"] == told["durable"]["level"] == "ok"
        assert "schema is missing" in told["schema"]["what"]
        assert _one(started.url, "select count(*) from pg_tables where schemaname = 'public'") == 0
    finally:
        started.lock.close()


def test_a_private_database_that_cannot_start_is_a_fault(tmp_path):
    (tmp_path / "data").write_text("in its way")
    ended = ask("--json", DATABASE_URL="", YARD_DATA_DIR=str(tmp_path / "data"))
    told = {one["check"]: one for one in json.loads(ended.stdout)["findings"]}
    assert ended.exit_code == 1
    assert "cannot start" in told["database"]["what"]


def test_the_command_runs_as_people_type_it(setup: Setup):
    command = [sys.executable, str(ROOT / "main.py"), "doctor"]
    env = environment(setup.url, **HEALTHY)
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "no process runs jobs now" in ended.stdout
