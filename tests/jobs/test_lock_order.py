"""Statements over many rows lock them in the order of their ids, or step over what is locked: so none deadlock."""

import json
import random
import re
import threading
import time

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs import store, workers
from tests.factory import make_job
from tests.jobs import kit
from tests.jobs.test_states import SQL, code

SECONDS = 1.5
ORDERED = "     order by j.id\n"
MANY_ROWS = ["release"]  # the one that waits for its rows: a stop has no second try
LOCKS = re.compile(r"\bfor (?:no key )?update\b(?: of j)?(?: skip locked)?")


def beat(own, runs):
    workers.heartbeat(own, [kit.beat_of(job_id, 1) for job_id in runs], kit.worker(f"w{id(own)}"), stands=False)


def record(own, runs, write):
    """As the recorder does, but taken back: the jobs are still there for the next round."""
    own.exec_driver_sql("begin")
    try:
        write(own, runs)
    finally:
        own.exec_driver_sql("rollback")


def complete(own, runs):
    store.complete(own, [kit.done_entry(job_id, 1) for job_id in runs])


def give_up(own, runs):
    store.give_up(own, [kit.failure_entry(job_id, 1) for job_id in runs], max_wait_s=1)


def release(own, runs):
    own.execute(store.statement("release"), {"runs": json.dumps([{"id": job_id, "claim_seq": 1} for job_id in runs])})


TURNS = [
    beat,
    lambda own, runs: record(own, runs, complete),
    beat,
    lambda own, runs: record(own, runs, give_up),
    lambda own, runs: record(own, runs, release),
    lambda own, runs: record(own, runs, release),
]


def deadlock(conn, engine, jobs):
    """Whether several threads that write to the same rows, named in any order, meet a deadlock."""
    end, met = time.monotonic() + SECONDS, threading.Event()

    def contend(own, number):
        own.exec_driver_sql("set deadlock_timeout = '20ms'")
        chance = random.Random(number)
        try:
            while time.monotonic() < end and not met.is_set():
                TURNS[number](own, chance.sample(jobs, 25))
        except OperationalError as error:
            if "deadlock detected" not in str(error):
                raise
            met.set()
        return met.is_set()

    return any(kit.at_once(engine, len(TURNS), contend))


@pytest.fixture
def jobs(conn):
    try:
        conn.exec_driver_sql("set deadlock_timeout = '20ms'")
    except DBAPIError:
        pytest.skip("the role of this database may not set deadlock_timeout")
    conn.exec_driver_sql("reset deadlock_timeout")
    return [make_job(conn, "processing") for _ in range(30)]


def test_heartbeats_and_recorders_over_the_same_jobs_never_deadlock(conn, engine, jobs):
    assert not deadlock(conn, engine, jobs)


@pytest.mark.parametrize("name", MANY_ROWS)
def test_they_do_when_one_of_them_has_no_order(conn, engine, jobs, name):
    with kit.mutated(name, (ORDERED, "")):
        assert deadlock(conn, engine, jobs)


@pytest.mark.parametrize("name", MANY_ROWS)
def test_a_statement_over_given_rows_locks_them_in_the_order_of_their_ids(name):
    (lock,) = LOCKS.finditer(code(SQL[name]))
    assert lock.group() == "for no key update of j"
    assert code(SQL[name])[: lock.start()].rstrip().endswith("order by j.id")


@pytest.mark.parametrize("name", ["claim", "complete", "give_up", "heartbeat", "reap", "reschedule", "expire", "purge"])
def test_the_others_step_over_what_is_locked(name):
    assert [lock.group()[-11:] for lock in LOCKS.finditer(code(SQL[name]))] == ["skip locked"]


def test_every_statement_that_writes_jobs_is_one_of_those_or_writes_one_row():
    writers = {
        name for name, sql in SQL.items() if re.search(r"\b(update|delete from|insert into) ai_jobs\b", code(sql))
    }
    looking = {name for name in writers if "skip locked" in code(SQL[name])}
    single = {"enqueue", "cancel", "requeue", "remove"}
    assert writers == {*MANY_ROWS, *single, "enqueue_many"} | looking
    assert all(re.search(r"\bid = :id\b", code(SQL[name])) for name in single - {"enqueue"})
    assert "order by idempotency_key" in code(SQL["enqueue_many"])  # it inserts in one order, and locks no row
