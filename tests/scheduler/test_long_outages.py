"""An outcome is kept in memory and sent again until the database has answered, however long that takes."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from jobs import store
from jobs.db.engine import open_engine
from jobs.outcomes import Done
from jobs.telemetry import RunEnded, StaleWrite
from tests.factory import make_job, row_of
from tests.jobs import kit
from tests.scheduler.kit import Gate, Rig, status_of, told, until
from tests.scheduler.proxy import Proxy

TRIES = 4


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate(Done({"paid": "for"}))
    yield gate
    gate.opened.set()


@pytest.fixture
def rig(proxy: Proxy, gate: Gate) -> Iterator[Rig]:
    engine = open_engine(proxy.url)
    yield Rig(engine, {"t": gate})
    engine.dispose()


def end_while_the_database_is_away(rig: Rig, gate: Gate, proxy: Proxy, conn: Connection) -> str:
    """A job whose run has ended; its lease has long been over when the reaper sees it."""
    job = make_job(conn)
    rig.pump.poll()
    until(lambda: gate.runs)
    proxy.cut()
    gate.opened.set()
    until(lambda: rig.pool.busy == 0)
    kit.put(conn, job, lease_expires_at="clock_timestamp() - interval '1 hour'")
    assert len(store.reap(conn)[0]) == 1
    assert status_of(conn, job) == "queued"
    return job


def test_an_outcome_outlives_an_outage_of_many_leases_if_nobody_has_run_the_job_again(
    rig: Rig, gate: Gate, proxy: Proxy, conn: Connection, caplog: pytest.LogCaptureFixture
):
    with told(RunEnded, StaleWrite) as events, rig.looping():
        job = end_while_the_database_is_away(rig, gate, proxy, conn)
        until(lambda: caplog.text.count("did not answer the pump") >= TRIES)
        proxy.mend()
        until(lambda: status_of(conn, job) == "completed")
        until(lambda: not rig.pool.held)
    row = row_of(conn, job)
    assert (row.result_data, row.claim_seq, row.losses) == ({"paid": "for"}, 1, 1)
    assert len(gate.runs) == 1
    assert [type(one) for one in events] == [RunEnded]


def test_it_is_refused_if_somebody_has_run_the_job_again(
    rig: Rig, gate: Gate, proxy: Proxy, conn: Connection, caplog: pytest.LogCaptureFixture
):
    with told(RunEnded, StaleWrite) as events, rig.looping():
        job = end_while_the_database_is_away(rig, gate, proxy, conn)
        again = kit.claim_one(conn, worker_id="another")
        kit.complete(conn, job, again.claim_seq, {"from": "another"})
        until(lambda: caplog.text.count("did not answer the pump") >= TRIES)
        proxy.mend()
        until(lambda: events)
        until(lambda: not rig.pool.held)
    row = row_of(conn, job)
    assert (row.result_data, row.claim_seq) == ({"from": "another"}, 2)
    assert [(type(one), one.claim_seq) for one in events] == [(StaleWrite, 1)]
