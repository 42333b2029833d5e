"""Migrations run once, whoever starts, and beside whatever else the database holds; or nothing changes."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from psycopg2 import sql
from sqlalchemy import text

from jobs import queries
from jobs.db import migrate as module
from jobs.db.engine import autocommit, open_engine
from jobs.db.migrate import TABLES as OURS
from jobs.db.migrate import VERSION_TABLE, migrate
from jobs.errors import SetupError
from jobs.states import State
from tests.conftest import admin, create_database, with_database
from tests.factory import make_job
from tests.jobs import kit

ROOT = Path(__file__).parents[3]
HEAD = "0006"
TEN_AT_ONCE = """
import os, sys
from jobs.db.engine import open_engine
from jobs.db.migrate import migrate
gate, opens = os.pipe()
started = []
for _ in range(10):
    started.append(os.fork())
    if not started[-1]:
        os.close(opens)
        os.read(gate, 1)  # until the parent opens it
        code = 1
        try:
            code = migrate(open_engine(sys.argv[1])) != sys.argv[2]
        finally:
            os._exit(code)
os.close(opens)
print([os.waitpid(pid, 0)[1] for pid in started])
"""
EVERYTHING = """
select 'table' as kind, relname::text as name from pg_class where relnamespace = 'public'::regnamespace
 union all select 'function', proname from pg_proc where pronamespace = 'public'::regnamespace order by 1, 2
"""
TABLES = {*OURS, VERSION_TABLE}


@pytest.fixture
def empty(server_url):
    """An engine on a database without any table."""
    name = f"yard_{uuid.uuid4().hex}"
    engine = open_engine(create_database(server_url, name))
    yield engine
    engine.dispose()
    admin(server_url, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def everything(engine):
    with autocommit(engine) as conn:
        return [tuple(row) for row in conn.execute(text(EVERYTHING))]


def tables(engine):
    return {name for kind, name in everything(engine) if kind == "table" and name in TABLES}


def run(engine, *statements: str):
    with autocommit(engine) as conn:
        return [conn.execute(text(statement)) for statement in statements][-1]


def test_an_empty_database_gets_all_tables(empty):
    assert migrate(empty) == HEAD
    assert tables(empty) == TABLES


def test_a_second_start_changes_nothing(empty):
    migrate(empty)
    with autocommit(empty) as conn:
        job_id = make_job(conn)
        before = everything(empty)
        assert migrate(empty) == HEAD
        assert everything(empty) == before
        assert kit.whole(conn, job_id)


def test_ten_processes_may_start_at_once_on_an_empty_database(empty):
    url = empty.raw_connection().dbapi_connection.dsn
    command = [sys.executable, "-c", TEN_AT_ONCE, url, HEAD]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == (f"{[0] * 10}\n", "")
    assert tables(empty) == TABLES


def test_a_database_with_other_tables_keeps_them_and_its_own_alembic_too(empty):
    theirs = (
        "create table alembic_version (version_num varchar(32) primary key)",
        "insert into alembic_version values ('feed')",
    )
    run(empty, *theirs, "create table users (id int)", "create table jobs (id int)")
    assert migrate(empty) == HEAD
    assert run(empty, "select version_num from alembic_version").scalars().all() == ["feed"]
    assert {"users", "jobs"} <= {name for _, name in everything(empty)}
    assert tables(empty) == TABLES


@pytest.mark.parametrize("foreign", ["ai_jobs", "ai_leader", "apscheduler_tasks"])
def test_a_foreign_table_of_one_of_our_names_stops_the_start_and_nothing_is_changed(empty, foreign):
    run(empty, f"create table {foreign} (theirs int)", f"insert into {foreign} values (1)")
    before = everything(empty)
    with pytest.raises(SetupError, match=f"migration: .*{foreign}.*nothing was changed"):
        migrate(empty)
    assert everything(empty) == before
    assert run(empty, f"select theirs from {foreign}").scalars().all() == [1]


def test_a_schema_ahead_of_this_release_is_left_as_it_is_with_a_warning(empty, caplog):
    migrate(empty)
    run(empty, f"update {VERSION_TABLE} set version_num = '9999'")
    before = everything(empty)
    assert migrate(empty) == "9999"
    assert everything(empty) == before
    assert "ahead of this release" in caplog.text


def test_an_unreachable_server_stops_the_start_and_says_where_to_look():
    with pytest.raises(SetupError, match=r"cannot be reached: .*DATABASE_URL"):
        migrate(open_engine("postgresql://nobody@127.0.0.1:1/none"))


def test_an_unknown_database_stops_the_start_and_is_named(server_url):
    with pytest.raises(SetupError, match='"yard_no_such" does not exist'):
        migrate(open_engine(with_database(server_url, "yard_no_such")))


def test_a_server_that_is_too_old_stops_the_start(empty, monkeypatch):
    monkeypatch.setattr(module, "OLDEST_SERVER", 10**9)
    with pytest.raises(SetupError, match="PostgreSQL 13 or newer"):
        migrate(empty)
    assert tables(empty) == set()


def test_a_migration_may_take_longer_than_a_statement_may(empty, monkeypatch):
    seen = []
    monkeypatch.setattr(module.command, "upgrade", lambda config, _: seen.append(show_timeout(config)))
    migrate(empty)
    assert seen == ["0"]
    assert run(empty, "show statement_timeout").scalar_one() == "10s"


def show_timeout(config):
    return config.attributes["connection"].execute(text("show statement_timeout")).scalar_one()


def test_the_ids_of_jobs_are_version_7_and_follow_the_clock(conn):
    ids = []
    for _ in range(5):
        ids.append(make_job(conn))
        conn.execute(text("select pg_sleep(0.002)"))
    assert ids == sorted(ids)
    assert {(one[14], one[19] in "89ab") for one in ids} == {("7", True)}


def test_what_has_ended_before_the_totals_came_is_in_them(empty):
    migrate(empty)
    run(
        empty,
        "drop table ai_job_deltas, ai_user_totals, ai_fleet_totals, ai_fleet_depth",
        "drop function ai_tell_end, ai_forget_ends cascade",
        "drop table ai_pauses, ai_job_parts",
        "drop index ai_jobs_failed",
        f"update {VERSION_TABLE} set version_num = '0003'",
    )
    with autocommit(empty) as conn:
        for state in ("completed", "completed", "failed", "ready"):
            make_job(conn, state)
        migrate(empty)
        assert queries.stats(conn, user_id="ann") == {
            State.COMPLETED: 2, State.FAILED: 1, State.QUEUED: 1, State.PROCESSING: 0, State.CANCELLED: 0
        }  # fmt: skip
        assert sum(queries.fleet(conn, silent_s=60).finals.values()) == 3
