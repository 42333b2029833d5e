"""store.enqueue inside its caller's own transaction: all or nothing, with the caller's rows."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs import store
from jobs.errors import Conflict
from tests.jobs import kit


@pytest.fixture
def orders(conn):
    """A table of the caller's own."""
    conn.execute(text("create table orders (id int primary key)"))
    yield lambda: conn.execute(text("select id from orders")).scalars().all()
    conn.execute(text("drop table orders"))


def order(own, number=1):
    own.execute(text("insert into orders values (:number)"), {"number": number})
    return store.enqueue(own, user_id="ann", job_type="t", request_data={"order": number}, idempotency_key="k")


def twice(own):
    order(own)
    order(own)


def test_a_job_is_committed_with_its_callers_rows(conn, engine, orders):
    with engine.begin() as own:
        made = order(own)
        assert (orders(), kit.all_rows(conn)) == ([], [])
    assert (orders(), kit.claim_one(conn).id) == ([1], made.id)


def test_a_roll_back_takes_both(conn, engine, orders):
    with pytest.raises(DBAPIError, match="orders_pkey"), engine.begin() as own:
        twice(own)
    assert (orders(), kit.all_rows(conn)) == ([], [])


def test_a_conflict_that_is_not_caught_takes_the_callers_rows_with_it(conn, engine, orders):
    with engine.begin() as own:
        order(own)
    with pytest.raises(Conflict), engine.begin() as own:
        order(own, 2)
    assert orders() == [1]
