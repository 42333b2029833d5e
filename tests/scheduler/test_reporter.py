"""What runs report reaches the database soon, all of it, and tells whoever follows."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from jobs.held import Held
from jobs.telemetry import JobChanged, subscribe
from scheduler import reporter
from scheduler.pool import Pool
from scheduler.reporter import EVERY_S, Reporter
from tests.factory import make_job, row_of
from tests.jobs import kit
from tests.scheduler.kit import make_held, told, until

Hold = Callable[[str], Held]


@pytest.fixture
def pool() -> Pool:
    return Pool(lambda: 3, lambda _: None, lambda: None)


@pytest.fixture
def writer(engine: Engine, pool: Pool) -> Reporter:
    return Reporter(engine, pool)


@pytest.fixture
def looping(writer: Reporter) -> Iterator[Reporter]:
    thread = threading.Thread(target=writer.loop)
    thread.start()
    yield writer
    writer.stop()
    thread.join(10)
    assert not thread.is_alive()


def hold(pool: Pool, job_id: str, writer: Reporter) -> Held:
    held = pool.held[job_id] = make_held(job_id)
    held.progress.heard = writer.wake
    return held


def test_all_runs_are_written_and_their_followers_told(writer: Reporter, pool: Pool, conn: Connection):
    ids = [make_job(conn, "processing") for _ in range(3)]
    runs = [hold(pool, job_id, writer).run() for job_id in ids]
    for number, run in enumerate(runs[:2]):
        run.report(40 + number, "half way")
        run.draw([{"id": "x"}])
    with told(JobChanged) as heard:
        writer.write()
        writer.write()
    assert [row_of(conn, job_id).progress for job_id in ids] == [40, 41, 0]
    assert [str(part.job_id) for part in kit.parts(conn)] == sorted(ids[:2])
    assert {event.job_id for event in heard} == set(ids[:2])
    assert len(heard) == 2


def test_what_is_not_taken_is_sent_again(looping: Reporter, pool: Pool, conn: Connection, engine: Engine):
    job_id = make_job(conn, "processing")
    with engine.connect() as other:
        other.begin()
        other.execute(text("select from ai_jobs for update"))
        run = hold(pool, job_id, looping).run()
        run.draw([{"id": "x"}])
        run.draw([{"id": "y"}])
        until(lambda: not looping._news.is_set())
        assert kit.parts(conn) == []
        other.commit()
    until(lambda: [obj for part in kit.parts(conn) for obj in part.objects] == [{"id": "x"}, {"id": "y"}])


def test_nothing_is_written_of_a_run_that_is_over_or_told_to_stop(writer: Reporter, pool: Pool, conn: Connection):
    for end in (Held.end, lambda held: held.stop("lost")):
        held = hold(pool, make_job(conn, "processing"), writer)
        held.run().draw([{"id": "x"}])
        end(held)
    writer.write()
    assert kit.parts(conn) == []


def test_an_outage_is_survived_and_nothing_lost(
    looping: Reporter, pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(reporter, "PAUSE_S", 0.05)
    job_id = make_job(conn, "processing")
    conn.execute(text("alter table ai_job_parts rename to gone"))
    hold(pool, job_id, looping).run().draw([{"id": "x"}])
    until(lambda: "progress could not be written" in caplog.text)
    conn.execute(text("alter table gone rename to ai_job_parts"))
    until(lambda: len(kit.parts(conn)) == 1)


def test_a_fault_of_whoever_is_told_ends_nothing(
    looping: Reporter, pool: Pool, conn: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(reporter, "PAUSE_S", 0.05)
    job_id = make_job(conn, "processing")
    run = hold(pool, job_id, looping).run()
    end = subscribe(lambda _: 1 / 0)
    run.draw([{"id": "x"}])
    until(lambda: "ZeroDivisionError" in caplog.text)
    end()
    run.draw([{"id": "y"}])
    until(lambda: len(kit.parts(conn)) == 2)


def test_many_words_are_few_writes(looping: Reporter, pool: Pool, conn: Connection):
    """However often a handler reports, what is written is bounded, and the last word is among it."""
    job_id = make_job(conn, "processing")
    run = hold(pool, job_id, looping).run()
    for number in range(1000):
        run.report(number // 10, f"{number}")
    until(lambda: row_of(conn, job_id).progress_message == "999")
    assert row_of(conn, job_id).version < 100


def test_there_are_at_most_ten_writes_a_second(looping: Reporter, pool: Pool, conn: Connection):
    job_id, began, number = make_job(conn, "processing"), time.monotonic(), itertools.count()
    run = hold(pool, job_id, looping).run()
    while row_of(conn, job_id).version < 6:
        run.report(1, f"{next(number)}")
    assert time.monotonic() - began > 4 * EVERY_S
