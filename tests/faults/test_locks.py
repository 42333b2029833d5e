"""Other people's transactions in the database, for as long as they like."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from tests.faults.injection import NOT_TIMED
from tests.faults.table import judge
from tests.faults.world import World, world
from tests.processes import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LIVE = "status in ('queued', 'processing')"


@contextmanager
def transaction(made: World, statement: str) -> Iterator[list[tuple[str, ...]]]:
    """Open for the whole block; gives the statement's rows."""
    with contextlib.closing(psycopg2.connect(made.server.url)) as conn, conn.cursor() as cursor:
        cursor.execute(statement)
        yield cursor.fetchall()


def test_a_locked_row_of_a_queued_job_holds_up_no_other_job(tmp_path: Path):
    first = "select id from ai_jobs where status = 'queued' order by rank, turn, seq limit 1 for update skip locked"
    with world(tmp_path) as made:
        made.ask(40, seconds=1)
        made.wait_busy(24)
        with transaction(made, first) as [(locked,)]:
            made.ask(30, seconds=0.1)
            wait_until(lambda: made.count(LIVE) == 1, "end of all other jobs")
            assert made.count("status = 'queued' and id = cast(:locked as uuid)", locked=locked) == 1
        made.settle()
        judge("a queued job's row locked throughout", made, [NOT_TIMED])


def test_a_transaction_that_stays_open_holds_up_nothing(tmp_path: Path):
    snapshot = "set transaction isolation level repeatable read; select count(*), txid_current() from ai_jobs"
    with world(tmp_path) as made:
        made.ask(100, seconds=0.1)
        with transaction(made, snapshot):
            made.ask(1000, seconds=0.05)
            made.settle()
        judge("a transaction left open throughout", made, [NOT_TIMED])
