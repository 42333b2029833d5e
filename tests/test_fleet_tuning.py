"""A running fleet of three obeys a new config.yaml, and no job is cut by it."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, text

from jobs import store
from tests.hot.kit import replace
from tests.processes import QUICK, Process, Web, environment, fleet, free_port, wait_until

WITHIN_S = 5
FIXED = ("HEARTBEAT_EVERY_S", "LEASE_S", "LEADER_TTL_S")  # what waits for a restart is given by the environment


def write(file: Path, **sections: Any) -> None:
    replace(file, yaml.safe_dump(sections).encode())


@contextmanager
def fleet_of_three(database_url: str, **env: str) -> Iterator[tuple[Web, list[int]]]:
    """A web process and two workers; with the ports on which each of the three tells how it is."""
    ports = [free_port() for _ in range(2)]
    with fleet(database_url, **env) as ([web], _):
        common = environment(database_url, **{**QUICK, **env})
        workers = [Process("work", common | {"YARD_SCHEDULER__METRICS_PORT": str(port)}) for port in ports]
        try:
            yield web, [web.port, *ports]
        finally:
            for worker in workers:
                worker.end()


def told(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def interval_s(port: int) -> float:
    """At which a process polls; it judges itself by a new one from its first turn on that."""
    (late_s,) = re.findall(r"^yardmaster_scheduler_late_after_seconds (\S+)$", told(port, "/metrics"), re.MULTILINE)
    return (float(late_s) - 1) / 2


def running(conn: Connection) -> int:
    return int(conn.execute(text("select count(*) from ai_jobs where status = 'processing'")).scalar_one())


def seats(conn: Connection) -> list[int]:
    return list(conn.execute(text("select seats from ai_workers order by id")).scalars())


def test_a_fleet_of_three_obeys_new_intervals_caps_and_seats_without_cutting_a_job(
    database_url: str, conn: Connection, tmp_path: Path, monkeypatch: Any
):
    file = tmp_path / "config.yaml"
    for name in [name for name in QUICK if not name.endswith(FIXED)]:
        monkeypatch.delitem(QUICK, name)
    write(file, scheduler={"poll_every_s": 60, "seats": 2}, jobs={"max_concurrent_jobs": 4})
    env = {"YARD_CONFIG": str(file), "YARD_HANDLERS": "[tests.sleepers]"}
    with fleet_of_three(database_url, **env) as (web, ports):
        wait_until(lambda: seats(conn) == [2] * 3, "three workers with two seats")
        assert [interval_s(port) for port in ports] == [60] * 3
        for _ in range(24):
            store.enqueue(conn, user_id="ann", job_type="sleep", request_data={"seconds": 9})
        write(file, scheduler={"poll_every_s": 1, "seats": 4}, jobs={"max_concurrent_jobs": 12})
        end = time.monotonic() + WITHIN_S
        wait_until(lambda: running(conn) == 12 and seats(conn) == [4] * 3, "twelve runs on three workers", WITHIN_S)
        left_s = end - time.monotonic()
        wait_until(lambda: [interval_s(port) for port in ports] == [1] * 3, "three that poll each second", left_s)
        for port in ports:
            health = json.loads(told(port, "/api/ai-agent/health"))
            assert health["job_processor"]["processing_interval"] == 1
            assert (health["job_processor"]["max_concurrent_jobs"], health["config"]["generation"]) == (12, 2)

        write(file, scheduler={"poll_every_s": 1, "seats": 1}, jobs={"max_concurrent_jobs": 12})
        wait_until(lambda: seats(conn) == [1] * 3, "three workers with one seat", WITHIN_S)
        assert running(conn) > 3  # what runs is not cut
        wait_until(lambda: running(conn) < 12, "end of the first runs")
        wait_until(lambda: running(conn) == 3, "three runs, one a worker")

        file.write_bytes(b"jobs: [")
        wait_until(lambda: web.call("GET", "/health")[1]["config"]["fault"], "fault in health", WITHIN_S)
        assert web.call("GET", "/health")[0] == 200
        assert "yardmaster_config_broken 1.0" in web.text("GET", "/metrics")[1]
        assert max(seats(conn)) == 1
        cut = "select count(*) from ai_jobs where retry_count + losses > 0 or error_code is not null or claim_seq > 1"
        assert conn.execute(text(cut)).scalar_one() == 0


def test_a_web_process_without_a_scheduler_obeys_it_too(database_url: str, tmp_path: Path):
    file = tmp_path / "config.yaml"
    write(file, scheduler={"embedded": False})
    with fleet(database_url, YARD_CONFIG=str(file)) as ([web], _):
        assert web.call("GET", "/health")[1]["job_processor"]["embedded"] is False
        web.draw("x" * 1000)
        write(file, scheduler={"embedded": False}, api={"body_bytes": 1024})
        long = {"instructions": "x" * 1000, "style": "modern", "colorScheme": "default"}
        wait_until(lambda: web.call("POST", "/create-canvas", long)[0] == 413, "refusal of a long body", WITHIN_S)
        web.draw("x")
