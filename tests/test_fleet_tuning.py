"""A running fleet of three obeys a new config.yaml, and no job is cut by it."""

from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, text

from jobs import store
from tests.hot.kit import replace
from tests.processes import QUICK, fleet, wait_until

WITHIN_S = 5
FIXED = ("HEARTBEAT_EVERY_S", "LEASE_S", "LEADER_TTL_S")  # what waits for a restart is given by the environment


def write(file: Path, **sections: Any) -> None:
    replace(file, yaml.safe_dump(sections).encode())


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
    with fleet(database_url, workers=2, **env) as ([web], _):
        wait_until(lambda: seats(conn) == [2] * 3, "three workers with two seats")
        for _ in range(24):
            store.enqueue(conn, user_id="ann", job_type="sleep", request_data={"seconds": 9})
        write(file, scheduler={"poll_every_s": 1, "seats": 4}, jobs={"max_concurrent_jobs": 12})
        wait_until(lambda: running(conn) == 12 and seats(conn) == [4] * 3, "twelve runs on three workers", WITHIN_S)
        status, health = web.call("GET", "/health")
        assert (status, health["job_processor"]["processing_interval"]) == (200, 1)
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
