"""The database goes away under the pump, and comes back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from jobs.db.engine import open_engine
from jobs.telemetry import RunEnded, StaleWrite
from tests.factory import make_job, row_of
from tests.scheduler.kit import Gate, Rig, status_of, told, until
from tests.scheduler.proxy import Proxy


@pytest.fixture
def rig(proxy: Proxy, gate: Gate) -> Iterator[Rig]:
    engine = open_engine(proxy.url)
    rig = Rig(engine, {"t": gate})
    yield rig
    rig.close()
    engine.dispose()


def test_what_could_not_be_recorded_is_recorded_once_the_database_is_back(
    rig: Rig, gate: Gate, proxy: Proxy, conn: Connection
):
    job = make_job(conn)
    rig.pump.step()
    proxy.cut()
    gate.opened.set()
    until(lambda: rig.pool.busy == 0)
    for _ in range(2):
        with pytest.raises(OperationalError):
            rig.pump.step()
    assert job in rig.pool.held  # its lease must be prolonged until it is written down
    proxy.mend()
    assert rig.pump.step().recorded == 1
    assert status_of(conn, job) == "completed"
    assert rig.pool.held == {}


def test_an_outcome_whose_answer_was_lost_is_sent_again_and_counts_once(
    rig: Rig, gate: Gate, proxy: Proxy, conn: Connection
):
    job = make_job(conn)
    rig.pump.step()
    gate.opened.set()
    until(lambda: rig.pool.busy == 0)
    proxy.cut_at_answer()
    with told(StaleWrite) as stale:
        with pytest.raises(OperationalError):
            rig.pump.step()
        until(lambda: status_of(conn, job) == "completed")
        proxy.mend()
        assert rig.pump.step().recorded == 1
    assert stale == []
    assert row_of(conn, job).version == 3  # enqueued, claimed, completed once


def test_the_loop_goes_on_by_itself_after_an_outage(
    rig: Rig, gate: Gate, proxy: Proxy, conn: Connection, caplog: pytest.LogCaptureFixture
):
    jobs = [make_job(conn) for _ in range(5)]
    rig.pump.poll()
    with told(RunEnded) as ended, rig.looping():
        until(lambda: len(gate.runs) == 3)
        proxy.cut()
        gate.opened.set()
        until(lambda: rig.pool.busy == 0)
        caplog.clear()
        until(lambda: caplog.text.count("did not answer the pump") == 3)  # long after the last run has told of its end
        proxy.mend()
        until(lambda: all(status_of(conn, job) == "completed" for job in jobs))
    assert len(ended) == 5
