"""Faults of the processes, seeded in their tables: each is found, and without it nothing is."""

import threading

import pytest
from sqlalchemy import Connection, text

from cli.checkup import capacity, fleet
from main import SCHEDULER_CONNECTIONS
from tests.cli.checkup.conftest import Setup, only, run, worker
from tests.factory import make_job

QUICK = {"YARD_SCHEDULER__HEARTBEAT_EVERY_S": "0.1"}


def lead(conn: Connection, until: str) -> None:
    conn.execute(text(f"insert into ai_leader values ('scheduler', 'w', 1, {until})"))


@pytest.mark.parametrize(
    "check", [fleet.leader, fleet.workers, fleet.job_types, fleet.tasks, capacity.connections, capacity.seats]
)
def test_nothing_is_found_in_a_healthy_fleet(setup: Setup, conn: Connection, check):
    worker(conn)
    lead(conn, "clock_timestamp() + interval '1 minute'")
    make_job(conn, job_type="create_canvas")
    conn.execute(text("""insert into apscheduler_tasks values ('purge', 1, '{"task": "purge", "every_s": 60.0}')"""))
    assert setup.look(check) == []


@pytest.mark.parametrize("until", [None, "'-infinity'", "clock_timestamp() - interval '1 minute'"])
def test_a_fleet_without_a_leader_is_found(setup: Setup, conn: Connection, until: str | None):
    worker(conn)
    if until:
        lead(conn, until)
    assert "no process leads" in only(setup.look(fleet.leader, environ=QUICK)).what


def test_a_moment_between_two_leaders_is_not_found(setup: Setup, conn: Connection):
    worker(conn)
    successor = threading.Timer(0.2, lead, (conn, "clock_timestamp() + interval '1 minute'"))
    successor.start()
    assert setup.look(fleet.leader) == []
    successor.join()


def test_without_workers_no_leader_is_needed(setup: Setup, conn: Connection):
    worker(conn, seen_s_ago=3600)
    assert setup.look(fleet.leader, environ=QUICK) == []


def test_a_worker_that_is_silent_beside_others_is_a_note(setup: Setup, conn: Connection):
    worker(conn, "alive")
    worker(conn, "silent", seen_s_ago=100)
    found = only(setup.look(fleet.workers), "note")
    assert "'silent'" in found.what
    assert "silent for 100 s" in found.what


def test_a_fleet_of_which_nobody_is_heard_is_found(setup: Setup, conn: Connection):
    worker(conn, seen_s_ago=100)
    only(setup.look(fleet.workers))


def test_an_installation_before_its_first_process_is_a_note(setup: Setup):
    assert "./run work" in only(setup.look(fleet.workers), "note").cure


def test_ready_jobs_that_nobody_can_run_are_found(setup: Setup, conn: Connection):
    worker(conn, "old", job_types=["new_type"], seen_s_ago=100)
    worker(conn, "alive")
    for job_type in ("new_type", "new_type", "create_canvas"):
        make_job(conn, job_type=job_type)
    found = only(setup.look(fleet.job_types))
    assert "'new_type'" in found.what
    assert found.what.endswith(": 2")


@pytest.mark.parametrize("state", ['{"task": "reap_all", "every_s": 5.0}', '{"task": "reap"}', '"pickle"', "{}"])
def test_tasks_of_others_in_the_timetable_are_found(setup: Setup, conn: Connection, state: str):
    conn.execute(text("insert into apscheduler_tasks values ('x', 1, cast(:state as jsonb))"), {"state": state})
    assert "'x'" in only(setup.look(fleet.tasks)).what


def test_more_processes_than_connections_are_found(setup: Setup, conn: Connection):
    for number in range(20):
        worker(conn, f"w{number}", seats=0)
    found = only(setup.look(capacity.connections))
    assert "20 processes may need 145 connections" in found.what
    assert "max_connections 100 - " in found.where


def test_a_database_that_allows_few_connections_is_found(setup: Setup, conn: Connection):
    name = setup.url.rpartition("/")[2]
    run(setup.url, f'alter database "{name}" connection limit 11')
    try:
        assert "connection limit of the database" in only(setup.look(capacity.connections)).where
        run(setup.url, f'alter database "{name}" connection limit 12')
        assert setup.look(capacity.connections) == []
        assert only(setup.look(capacity.connections, environ={"YARD_SCHEDULER__METRICS_PORT": "9000"}))
    finally:
        run(setup.url, f'alter database "{name}" connection limit -1')


def test_connections_behind_a_pooler_are_not_judged(setup: Setup):
    direct = {"LISTEN_DATABASE_URL": setup.url}
    assert "not judged" in only(setup.look(capacity.connections, environ=direct), "note").what


def test_the_ceiling_of_a_process_is_that_of_its_wiring():
    assert capacity.PROCESS_CONNECTIONS == SCHEDULER_CONNECTIONS + 3


def test_seats_that_the_cap_leaves_free_are_a_note(setup: Setup, conn: Connection):
    worker(conn, "a")
    worker(conn, "b")
    assert "6 seats, and only 3 jobs" in only(setup.look(capacity.seats), "note").what
    assert setup.look(capacity.seats, environ={"YARD_JOBS__MAX_CONCURRENT_JOBS": "6"}) == []
