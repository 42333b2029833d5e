"""A line keeps its connection, gives it up once it is broken, and opens another at the next use."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs.db.engine import open_engine
from jobs.db.line import Line
from tests.factory import make_job
from tests.jobs import kit

PID = text("select pg_backend_pid()")


@pytest.fixture
def line(engine):
    line = Line(engine)
    yield line
    line.close()


def pid(line):
    with line.use() as conn:
        return conn.execute(PID).scalar_one()


def test_the_connection_stays_the_same_between_uses(line):
    assert pid(line) == pid(line)


def test_each_statement_is_committed_at_once(conn, line):
    with line.use() as own:
        job_id = make_job(own)
        assert kit.whole(conn, job_id)


def test_a_broken_connection_raises_once_and_the_next_use_opens_another(conn, line):
    first = pid(line)
    conn.execute(text("select pg_terminate_backend(:pid)"), {"pid": first})
    with pytest.raises(OperationalError):
        pid(line)
    assert pid(line) != first


def test_a_server_that_refuses_to_write_is_asked_on_another_connection_next_time(conn, line):
    """After a failover the old connection may lead to a standby; a new one finds the right server."""
    with line.use() as own:
        own.execute(text("set default_transaction_read_only = on"))
    with pytest.raises(DBAPIError, match="read-only"), line.use() as own:
        make_job(own)
    with line.use() as own:
        make_job(own)


def test_an_error_that_is_handled_inside_costs_no_connection(line):
    first = pid(line)
    with line.use() as own, pytest.raises(DBAPIError):
        own.execute(text("select 1 / 0"))
    assert pid(line) == first


def test_an_unreachable_server_raises_at_each_use():
    line = Line(open_engine("postgresql://nobody@127.0.0.1:1/none"))
    for _ in range(2):
        with pytest.raises(OperationalError), line.use():
            pass
    line.close()


def test_a_closed_line_holds_no_connection_and_can_be_used_again(database_url):
    engine = open_engine(database_url, pool_size=1, connect_timeout_s=1)
    line = Line(engine)
    first = pid(line)
    line.close()
    with engine.connect() as conn:  # the only one: the line gave its own back
        assert conn.execute(PID).scalar_one() != first
    assert pid(line)
    line.close()
    engine.dispose()
