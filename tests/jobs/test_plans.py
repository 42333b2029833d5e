"""Every statement is planned on 200,000 rows: the intended index serves it, and nothing reads the whole table."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobs import totals
from jobs.db.engine import autocommit, open_engine
from jobs.db.migrate import migrate
from scheduler.bounds import FULL

ROWS = 200_000
SEED = f"""
insert into ai_jobs (id, user_id, job_type, status, priority, turn, request_data, claim_seq, worker_id, started_at,
                     lease_expires_at, completed_at, next_processing_at, deadline_at, idempotency_key)
select lpad(to_hex(n), 32, '0')::uuid, 'user-' || n % 1999, case n % 3 when 0 then 'create_canvas' else 'noop' end,
       status, n % 3 - 1, n / 2000, '{{}}', 1, 'w',
       now() - make_interval(secs => case when status = 'processing' then n % 600 else ({ROWS} - n) * 6 end),
       case when status = 'processing' then now() + make_interval(secs => n % 30 + 1) end,
       case when status not in ('queued', 'processing') then now() - make_interval(secs => ({ROWS} - n) * 6) end,
       case when n % 100 = 10 then now() + make_interval(secs => n % 7000) end,
       case when n % 90 = 0 then now() + make_interval(secs => n) end,
       case when n % 50 = 1 then 'key-' || n end
  from (select n, case when n % 100 <= 10 then 'queued' when n % 580 = 99 then 'processing'
                       when n % 100 <= 15 then 'failed' when n % 100 <= 20 then 'cancelled'
                       else 'completed' end as status
          from generate_series(1, {ROWS}) n) numbered
"""  # 20,000 are ready, 2,000 wait, about 300 run; of 1,999 users
IDS = [f"{number:032x}" for number in range(1000, 100_000, 2001)]
RUNS = json.dumps([{"id": job_id, "claim_seq": 1} for job_id in IDS])
REPORTS = json.dumps(
    [{"id": i, "claim_seq": 1, "percent": 9, "message": None, "n": 1, "anew": True, "objects": []} for i in IDS]
)
DRAWN = "insert into ai_job_parts select id, 1, n, false, '[]' from ai_jobs, generate_series(1, 30) n where status = 'processing'"
DONE = json.dumps([{"id": job_id, "claim_seq": 1, "result": {}, "usage": None} for job_id in IDS])
FAILED = json.dumps(
    [
        {"id": i, "claim_seq": 1, "retryable": True, "counted": True, "delay_s": 9, "error_code": "x", "error": "y"}
        for i in IDS
    ]
)
WORKER = {"worker_id": "w", "host": "h", "pid": 1, "version": "1", "job_types": ["noop"], "seats": 10, "busy": 3}
MINE = {"id": IDS[0], "user_id": "user-7"}
WHOLE = [
    "ai_jobs_pkey",
    "ai_jobs_lists",
]  # indexes of all rows: reading one from end to end is no better than a Seq Scan
CLAIM = {
    "worker_id": "w", "job_types": ["create_canvas", "noop"], "seats": 10, "lease_s": 30, "cap_lock": 1,
    "ranks": [low.rank for low in FULL], "turns": [low.turn for low in FULL], "seqs": [low.seq for low in FULL],
}  # fmt: skip
CAPPED = CLAIM | {
    "user_cap": 2, "walk": 250, "freed": ["user-7", "user-8"], "freed_ranks": [-1, 0], "freed_turns": [0, 0],
    "freed_seqs": [0, 0],
}  # fmt: skip
ENQUEUE = {
    "user_id": "user-7", "job_type": "noop", "canvas_id": None, "priority": 0, "request_data": "{}", "max_retries": 3,
    "delay_s": None, "deadline_s": None, "idempotency_key": None, "request_hash": None,
}  # fmt: skip
BATCH = json.dumps([{**ENQUEUE, "user_id": f"user-{number}", "request_data": {}} for number in range(1000)])
KEYS = json.dumps([{"user_id": f"user-{n % 1999}", "idempotency_key": f"key-{n}"} for n in range(1, 50_000, 50)])
FAILURES = {"job_type": None, "error_code": None, "since": None}
PARTS = {"forget_parts", "drop_parts"}  # may read the whole of ai_job_parts: it holds running jobs alone
ANY: set[str] = {"any"}  # whichever: it depends on how rare the filter makes a row
HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)

# (statement, parameters, the indexes of ai_jobs that must serve it); any may find again by id, or among those that run,
# what it has found already
CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("advance_clock", {"ranks": [-1, 0], "turns": [5, 6]}, set()),
    ("cancel", {**MINE, "by_operator": False}, {"pkey"}),
    (
        "changed",
        {"ids": IDS, "claim_seqs": [1] * len(IDS), "ns": [9] * len(IDS), "users": ["user-7", "user-8"]},
        {"pkey"},
    ),
    ("claim", {**CLAIM, "fleet_cap": 3, "oldest_start": HOUR_AGO}, {"ready", "running"}),
    ("claim", {**CLAIM, "fleet_cap": None, "oldest_start": HOUR_AGO}, {"ready"}),
    ("claim", {**CLAIM, "seats": 1000, "fleet_cap": 1000, "oldest_start": HOUR_AGO}, {"ready", "running"}),
    ("claim_capped", {**CAPPED, "fleet_cap": 3, "oldest_start": HOUR_AGO}, {"ready", "ready_by_user", "running"}),
    ("claim_capped", {**CAPPED, "fleet_cap": None, "oldest_start": HOUR_AGO}, {"ready", "ready_by_user", "running"}),
    ("complete", {"outcomes": DONE}, {"pkey"}),
    ("drawn", MINE, {"pkey"}),
    ("drop_parts", {"ids": IDS, "claim_seqs": [1] * len(IDS)}, set()),
    ("end_pauses", {}, set()),
    ("enqueue", ENQUEUE, {"ready_by_user"}),
    ("enqueue", {**ENQUEUE, "idempotency_key": "k", "request_hash": "h"}, {"ready_by_user"}),
    ("enqueue_many", {"jobs": BATCH}, {"ready_by_user"}),
    ("expire", {"batch": 1000}, {"expiring"}),
    ("fleet", {"silent_s": 60}, set()),
    ("forget_parts", {}, {"running"}),
    ("forget_totals", {}, set()),
    ("admit", {"user_id": "user-7", "asked": 1, "per_minute": 1, "burst": 1, "most_queued": 1}, set()),
    ("forget_users", {}, set()),
    ("forget_workers", {}, set()),
    ("give_up", {"outcomes": FAILED, "max_wait_s": 240}, {"pkey"}),
    ("heartbeat", {**WORKER, "runs": RUNS, "lease_s": 30, "leader_ttl_s": 15, "stands": True}, {"pkey"}),
    ("job", MINE, {"pkey"}),
    ("keyed", {"user_id": "user-7", "idempotency_key": "key-51"}, {"idempotency"}),
    ("keyed_many", {"keys": KEYS}, {"idempotency"}),
    ("lately", {"window_s": 60, "most": 1000}, {"purge"}),
    ("leader", {}, set()),
    ("leave", {"worker_id": "w"}, set()),
    (
        "live",
        {"users": ["user-7", "user-8"], "most": 100, "ids": IDS, "claim_seqs": [1] * len(IDS), "ns": [9] * len(IDS)},
        {"ready_by_user", "waiting_by_user", "running"},
    ),
    ("next_due", {}, {"waiting"}),
    ("next_up", {"silent_s": 60}, {"ready", "running"}),
    ("notify", {"channel": "any", "payload": "{}"}, set()),
    ("page", {"user_id": "user-7", "cursor": None, "status": None, "limit": 51, "offset": 0}, {"lists"}),
    (
        "page",
        {"user_id": "user-7", "cursor": 100_000, "status": "failed", "limit": 51, "offset": 0},
        {"lists", "failed"},
    ),
    ("operator_job", {"id": IDS[0]}, {"pkey"}),
    ("operator_owner", {"id": IDS[0]}, {"pkey"}),
    ("operator_page", {"before": None, "user_id": None, "status": None, "job_type": None, "limit": 50}, {"pkey"}),
    ("operator_page", {"before": IDS[9], "user_id": None, "status": "failed", "job_type": "noop", "limit": 50}, ANY),
    ("operator_page", {"before": None, "user_id": "user-7", "status": None, "job_type": None, "limit": 50}, ANY),
    ("pause", {"job_type": "t", "resume_at": None, "for_s": 9, "paused_by": "x", "reason": None}, set()),
    ("pauses", {}, set()),
    ("progress", {"reports": REPORTS}, {"pkey"}),
    ("purge_preview", {"retention_s": 13.9 * 86400}, {"purge"}),
    ("purge", {"retention_s": 7 * 86400, "batch": 1000}, {"purge"}),
    ("queue_position", MINE, {"pkey", "ready"}),
    ("reap", {"batch": 1000, "not_after": None}, {"running"}),
    ("reap_outlook", {}, {"running"}),
    ("redrive", {**FAILURES, "limit": 1000}, {"failed", "ready_by_user", "pkey"}),
    (
        "redrive",
        {**FAILURES, "job_type": "noop", "error_code": "x", "since": HOUR_AGO, "limit": 10},
        {"failed", "ready_by_user", "pkey"},
    ),
    ("redrive_preview", {**FAILURES, "limit": 1000}, {"failed"}),
    ("redrive_preview", {**FAILURES, "error_code": "x", "since": HOUR_AGO, "limit": 10_000}, {"failed"}),
    ("release", {"runs": RUNS}, {"pkey"}),
    ("requeue", MINE, {"pkey"}),
    ("remove", MINE, {"pkey"}),
    ("reschedule", {"batch": 1000}, {"waiting"}),
    ("resign", {"worker_id": "w"}, set()),
    ("resume", {"job_type": "t"}, set()),
    ("runners", {"job_type": "t", "silent_s": 30}, set()),
    ("runs", MINE, {"pkey"}),
    ("stats", {"user_id": "user-7"}, {"ready_by_user", "waiting_by_user", "running"}),
    ("tally_ended", {"batch": 1000}, set()),
    ("tally_live", {"every_s": 15}, {"ready", "waiting", "running"}),
    ("verdicts", {"ids": IDS}, {"pkey"}),
    ("why", {**MINE, "silent_s": 30}, {"pkey", "ready", "running", "purge"}),
    ("workers", {"silent_s": 30, "most": 200}, set()),
]


@pytest.fixture(scope="module")
def full(engine: Engine) -> Iterator[Engine]:
    with autocommit(engine) as conn:
        conn.execute(text("set statement_timeout = '60s'"))
        conn.execute(text(SEED))
        conn.execute(text(DRAWN))
        conn.execute(text("vacuum analyze ai_jobs, ai_job_parts"))
    return engine


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def covers_jobs(node: dict[str, Any]) -> bool:
    return str(node["Index Name"]).startswith("ai_jobs_")


def reads_much(name: str, scan: dict[str, Any]) -> bool:
    return scan["Relation Name"] == "ai_jobs" or (scan["Relation Name"] == "ai_job_parts" and name not in PARTS)


def planned(engine: Engine, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of the statement's plan; of the last one, where a file holds two."""
    sql = re.sub(r"--.*", "", (files("jobs.sql") / f"{name}.sql").read_text()).split(";")[-1]
    with autocommit(engine) as conn:
        explained = conn.execute(text(f"explain (format json) {sql}"), params).scalar_one()
    return list(nodes(explained[0]["Plan"]))


@pytest.mark.parametrize("name", ["claim", "claim_capped"])
def test_a_claim_writes_by_key_although_nothing_is_known_of_the_table_yet(empty_database_url: str, name: str):
    """As in the minute after a first bulk enqueue: no statistics, and the planner thinks of few rows."""
    engine = open_engine(empty_database_url)
    migrate(engine)
    with autocommit(engine) as conn:
        conn.execute(text("alter table ai_jobs set (autovacuum_enabled = false)"))
        many = "select 'user', 't', '{}', n from generate_series(1, 30000) n"
        conn.execute(text(f"insert into ai_jobs (user_id, job_type, request_data, turn) {many}"))
    params = next(params for of, params, _ in CASES if of == name)
    [update] = [node for node in planned(engine, name, params) if node["Node Type"] == "ModifyTable"]
    assert {node["Index Name"] for node in nodes(update) if "Index Name" in node} == {"ai_jobs_pkey"}
    engine.dispose()


def test_every_statement_has_a_case():
    names = {path.name[:-4] for path in files("jobs.sql").iterdir() if path.name.endswith(".sql")}
    assert {name for name, _, _ in CASES} == names


def test_the_queue_is_as_it_is_described(full):
    with autocommit(full) as conn:
        while totals.fold(conn):
            pass
        found = totals.fleet(conn, silent_s=60, every_s=15)
        rows = conn.execute(text("select count(*) from ai_jobs")).scalar_one()
    assert (rows, found.live("ready"), found.live("waiting")) == (ROWS, 20_000, 2_000)
    assert 300 <= found.live("processing") <= 350
    assert sum(found.by_state().values()) == ROWS


@pytest.mark.parametrize(
    ("name", "params", "indexes"),
    CASES,
    ids=[f"{n}-{name}" for n, (name, _, _) in enumerate(CASES)],
)
def test_the_intended_index_serves_the_statement(full, name, params, indexes):
    plan = planned(full, name, params)
    assert [node for node in plan if node["Node Type"] == "Seq Scan" and reads_much(name, node)] == []
    used = {node["Index Name"].removeprefix("ai_jobs_") for node in plan if "Index Name" in node and covers_jobs(node)}
    assert indexes is ANY or indexes <= used <= indexes | {"pkey", "running"}
    assert [node for node in plan if node.get("Index Name") in WHOLE and "Index Cond" not in node] == []
