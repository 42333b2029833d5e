"""The URL goes to libpq as it is, and every connection of the pool is set up alike."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from jobs.db.engine import autocommit, open_engine
from tests.factory import make_job
from tests.jobs import kit


def show(engine, setting):
    with autocommit(engine) as conn:
        return conn.execute(text(f"show {setting}")).scalar_one()


@pytest.mark.parametrize("scheme", ["postgresql://", "postgres://"])
def test_a_url_with_either_scheme_is_taken(database_url, scheme):
    engine = open_engine(scheme + database_url.partition("://")[2])
    assert show(engine, "application_name") == "yardmaster"
    engine.dispose()


def test_a_url_with_several_hosts_is_taken(database_url):
    """libpq asks one after the other; the first one here does not answer."""
    before, _, after = database_url.partition("host=")
    if not after:
        pytest.skip("the test's own URL names its host in another form")
    host, *rest = after.split("&")
    ports = "".join(f"&{one}" if not one.startswith("port=") else f"&port=1,{one[5:]}" for one in rest)
    several = f"{before}host={host},{host}{ports}&target_session_attrs=read-write"
    engine = open_engine(several)
    assert show(engine, "transaction_read_only") == "off"
    engine.dispose()


def test_no_statement_runs_longer_than_it_may(database_url):
    engine = open_engine(database_url, statement_timeout_s=0.05, patience_s=lambda: 60)
    with autocommit(engine) as conn, pytest.raises(OperationalError, match="statement timeout"):
        conn.execute(text("select pg_sleep(30)"))
    engine.dispose()


def test_the_settings_of_a_session_outlive_a_rolled_back_transaction(database_url):
    engine = open_engine(database_url, pool_size=1, statement_timeout_s=7)
    with engine.connect() as conn:
        conn.execute(text("select 1"))
        conn.rollback()
    assert (show(engine, "statement_timeout"), show(engine, "jit")) == ("7s", "off")
    engine.dispose()


def test_a_pool_never_holds_more_connections_than_it_was_given(database_url):
    engine = open_engine(database_url, pool_size=2, connect_timeout_s=1)
    with engine.connect(), engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()
    engine.dispose()


def test_a_connection_that_died_in_the_pool_is_replaced_unnoticed(conn, database_url):
    engine = open_engine(database_url, pool_size=1)
    with autocommit(engine) as own:
        pid = own.execute(text("select pg_backend_pid()")).scalar_one()
    conn.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    assert show(engine, "application_name") == "yardmaster"
    engine.dispose()


def test_an_autocommit_connection_commits_each_statement_and_an_ordinary_one_does_not(conn, engine):
    with autocommit(engine) as own:
        job_id = make_job(own)
        assert kit.whole(conn, job_id)
    with engine.connect() as own:
        make_job(own)
    assert len(kit.all_rows(conn)) == 1


def test_a_connection_that_was_autocommit_is_an_ordinary_one_again_in_the_pool(conn, database_url):
    engine = open_engine(database_url, pool_size=1)
    with autocommit(engine) as own:
        make_job(own)
    with engine.connect() as own:
        make_job(own)
        own.rollback()
    assert len(kit.all_rows(conn)) == 1
    engine.dispose()


def test_where_each_statement_stands_alone_a_use_of_the_pool_costs_nothing_but_a_ping(conn, database_url):
    """The last statement that the server saw is the one that was asked for, not one that puts something back."""
    engine = open_engine(database_url, pool_size=1, alone=True)
    for _ in range(2):
        with autocommit(engine) as own:
            pid = own.execute(text("select pg_backend_pid()")).scalar_one()
    last = conn.execute(text("select query from pg_stat_activity where pid = :pid"), {"pid": pid}).scalar_one()
    assert last == "select pg_backend_pid()"
    engine.dispose()


def test_an_unreachable_server_is_an_operational_error():
    with pytest.raises(OperationalError), open_engine("postgresql://nobody@127.0.0.1:1/none").connect():
        pass
