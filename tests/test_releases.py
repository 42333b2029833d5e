"""Two releases side by side, as at every rolling deploy, and a fleet whose leaders die: with real processes.

The older release is a copy of this one without its newest task and job type.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from jobs import store
from tests.processes import QUICK, ROOT, Process, environment, wait_until

PARTS = ("api", "cli", "config", "jobs", "migrations", "scheduler")
HOUR_S = 3600
NEWEST_TASK = (
    ("scheduler/timetable.py", '    Entry("purge", lambda every: every.purge_every_s),\n', ""),
    ("scheduler/tasks.py", ', "purge": purge,', ","),
)
OLDER_JOBS, NEWER_JOBS = "[tests.ledger_jobs]", "[tests.ledger_jobs, tests.sleepers]"
FIRES = """
create table seen_fires (run_at double precision);
create function see_fire() returns trigger language plpgsql as $$
begin insert into seen_fires values (new.next_run_time); return null; end $$;
create trigger see_fire after update on apscheduler_tasks for each row
  when (new.id = 'purge' and old.next_run_time <> new.next_run_time) execute function see_fire();
"""


class Release(Process):
    """A worker of the release in `directory`."""

    def __init__(self, directory: Path, env: dict[str, str]) -> None:
        words = [sys.executable, str(directory / "main.py"), "work"]
        self.process = subprocess.Popen(words, env=env, cwd=directory, start_new_session=True)


@contextmanager
def ending(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.end()


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(database_url, **QUICK, YARD_HANDLERS=OLDER_JOBS, TEST_LEDGER=str(tmp_path / "ledger"))


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The directory of a release that lacks a task."""
    home = tmp_path / "older"
    for part in PARTS:
        shutil.copytree(ROOT / part, home / part, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "tests").mkdir()
    for file in ("main.py", "config.yaml", "pyproject.toml", "tests/ledger_jobs.py"):
        shutil.copy(ROOT / file, home / file)
    for file, newest, otherwise in NEWEST_TASK:
        source = (home / file).read_text()
        assert newest in source, f"{file} holds no {newest!r}: this older release is out of date"
        (home / file).write_text(source.replace(newest, otherwise))
    return home


def enqueue(conn: Connection, job_type: str, count: int) -> None:
    for _ in range(count):
        store.enqueue(conn, user_id="ann", job_type=job_type, request_data={"seconds": 0})


def number(conn: Connection, where: str) -> int:
    return int(conn.execute(text(f"select count(*) from ai_jobs where {where}")).scalar_one())


def wait_done(conn: Connection, job_type: str, count: int) -> None:
    done = f"status = 'completed' and job_type = '{job_type}'"
    wait_until(lambda: number(conn, done) == count, f"end of {count} jobs of type {job_type}")


def leads(conn: Connection, process: Process) -> bool:
    holder = conn.execute(text("select holder from ai_leader where expires_at > clock_timestamp()")).scalar()
    return holder is not None and holder.split("-")[-2] == str(process.process.pid)


def timetable(conn: Connection) -> dict[str, Any]:
    rows = conn.execute(text("select id, next_run_time, state from apscheduler_tasks"))
    return {row.id: (row.next_run_time, row.state) for row in rows}


def purge_is_planned(conn: Connection) -> bool:
    later = "select next_run_time > extract(epoch from now()) + :s from apscheduler_tasks where id = 'purge'"
    return bool(conn.execute(text(later), {"s": HOUR_S - 100}).scalar())


def test_job_types_of_the_newer_release_wait_for_it_untouched(conn: Connection, env: dict[str, str]):
    with ending(Process("work", env)):
        enqueue(conn, "sleep", 5)
        enqueue(conn, "noted", 5)
        wait_done(conn, "noted", 5)
        for n in (1, 2):  # rolled out, rolled back, rolled out again
            assert number(conn, "job_type = 'sleep' and status = 'queued' and version = 1 and claim_seq = 0") == 5
            with ending(Process("work", env | {"YARD_HANDLERS": NEWER_JOBS})) as newer:
                wait_done(conn, "sleep", 5 * n)
                assert newer.stop() == 0
            enqueue(conn, "sleep", 5)
            enqueue(conn, "noted", 5)
            wait_done(conn, "noted", 5 + 5 * n)
        assert number(conn, "retry_count > 0 or losses > 0 or error_code is not null") == 0


def test_the_timetables_of_two_releases_survive_each_other(conn: Connection, env: dict[str, str], older: Path):
    lanes = """insert into apscheduler_tasks values ('lanes', 2e9, '{"task"\\: "lanes", "every_s"\\: 600}')"""
    conn.execute(text(lanes))  # of a release that is newer than both
    with ending(Process("work", env)) as newer:
        wait_until(lambda: leads(conn, newer) and purge_is_planned(conn), "first purge")
        before = timetable(conn)
        with ending(Release(older, env | {"YARD_SCHEDULER__EXPIRE_EVERY_S": "2"})) as old:
            wait_until(lambda: number_of_workers(conn) == 2, "second worker")
            assert newer.stop() == 0
            wait_until(lambda: leads(conn, old) and timetable(conn)["expire"][1]["every_s"] == 2, "term of the older")
            assert timetable(conn).keys() == before.keys()
            with ending(Process("work", env)) as again:
                wait_until(lambda: number_of_workers(conn) == 2, "second worker")
                assert old.stop() == 0
                wait_until(lambda: leads(conn, again) and timetable(conn)["expire"][1]["every_s"] == 1, "newer's term")
                assert again.stop() == 0
    after = timetable(conn)
    assert {task: after[task] for task in ("purge", "lanes")} == {task: before[task] for task in ("purge", "lanes")}


def number_of_workers(conn: Connection) -> int:
    return int(conn.execute(text("select count(*) from ai_workers")).scalar_one())


def test_a_fire_time_has_one_run_although_one_leader_after_the_other_is_killed(conn: Connection, env: dict[str, str]):
    conn.exec_driver_sql(FIRES)
    with ExitStack() as stack:
        fleet = [stack.enter_context(ending(Process("work", env))) for _ in range(4)]
        wait_until(lambda: purge_is_planned(conn), "first purge")
        conn.exec_driver_sql("delete from seen_fires")
        kill_leader(conn, fleet)
        conn.execute(
            text("update apscheduler_tasks set next_run_time = 1 where id = 'purge'")
        )  # missed a thousand times
        kill_leader(conn, fleet)
        wait_until(lambda: purge_is_planned(conn), "purge that was missed")
        kill_leader(conn, fleet)
        wait_until(lambda: leads(conn, fleet[0]) and fired(conn) == [1, None], "last leader")
        assert fleet[0].stop() == 0
    assert fired(conn) == [1, None]


def kill_leader(conn: Connection, fleet: list[Process]) -> None:
    """Returns when another one leads."""
    wait_until(lambda: any(leads(conn, one) for one in fleet), "leader")
    victim = next(one for one in fleet if leads(conn, one))
    victim.kill()
    fleet.remove(victim)
    wait_until(lambda: any(leads(conn, one) for one in fleet), "next leader")


def fired(conn: Connection) -> list[float | None]:
    """What was written as the next run, one entry a fire; None: an hour from then, as it must be."""
    return [None if row.run_at > 1e9 else row.run_at for row in conn.execute(text("select run_at from seen_fires"))]
