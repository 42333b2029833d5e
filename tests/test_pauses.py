"""A pause in a fleet of real processes: how soon nothing begins any more, by the database's own times."""

import pytest
from sqlalchemy import Connection, Engine, text

from jobs import pauses, store
from jobs.db.engine import autocommit
from tests.processes import fleet, wait_until

HANDLERS = {"YARD_HANDLERS": "[tests.sleepers]", "YARD_JOBS__MAX_CONCURRENT_JOBS": "4", "YARD_SCHEDULER__SEATS": "2"}
BUSY = [{"user_id": f"u{n % 5}", "job_type": "sleep", "request_data": {"seconds": 0.02}} for n in range(2000)]


def running_of(conn: Connection) -> int:
    """How many workers have begun a job in the last half second."""
    begun = "select count(distinct worker_id) from ai_jobs where started_at > clock_timestamp() - interval '0.5 s'"
    return int(conn.execute(text(begun)).scalar_one())


def begun_after(conn: Connection, moment: object) -> int:
    query = "select count(*) from ai_jobs where started_at > :moment + interval '0.1 s'"
    return int(conn.execute(text(query), {"moment": moment}).scalar_one())


@pytest.mark.parametrize("notify", ["true", "false"])
def test_two_workers_begin_nothing_after_a_pause_and_go_on_after_it(database_url: str, engine: Engine, notify: str):
    with fleet(database_url, webs=0, workers=2, **HANDLERS, YARD_DATABASE__NOTIFY=notify), autocommit(engine) as conn:
        for job in BUSY:
            store.enqueue(conn, **job)
        wait_until(lambda: running_of(conn) == 2, "fleet at work")
        pauses.pause(conn, "sleep", by="root", for_s=2.5)
        paused_at = conn.execute(text("select clock_timestamp()")).scalar_one()  # after the commit
        conn.execute(text("select pg_sleep(2)"))
        assert pauses.in_force(conn)
        assert begun_after(conn, paused_at) == 0
        assert store.next_due_s(conn) is not None
        wait_until(lambda: running_of(conn) == 2, "fleet at work after the pause")
        conn.execute(text("delete from ai_jobs where status = 'queued'"))
        wait_until(lambda: not running_of(conn), "end of the work")
