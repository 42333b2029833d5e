"""The routes that show the fleet; for operators alone."""

from typing import Any

from sqlalchemy import Row

from api.auth import User
from api.fleet_answers import ConfigInForce, Fleet, Leader, Queue, Recent, Spread, Worker
from api.schemas import iso
from api.yard import Yard
from config.settings import Settings
from jobs import queries, totals, workers
from jobs.db.engine import autocommit
from jobs.queries import Lately
from jobs.states import State

WORKERS = 200  # that are shown
LATELY_S = 60.0


def fleet(yard: Yard, _user: User) -> Fleet:
    times = yard.settings().scheduler
    with autocommit(yard.engine) as conn:
        counted = totals.fleet(conn, silent_s=times.lease_s, every_s=times.tally_every_s)
        crew = workers.present(conn, silent_s=times.lease_s, most=WORKERS)
        leader = workers.leader(conn)
        lately = queries.lately(conn, window_s=LATELY_S)
    return {
        "success": True,
        "workers": [_worker(row) for row in crew],
        "leader": None if leader is None else _leader(leader),
        "queues": [_queue(counted, job_type) for job_type in counted.job_types()],
        "counted_age_s": counted.counted_age_s,
        "lately": _recent(lately),
    }


def config(yard: Yard, _user: User) -> ConfigInForce:
    """What config.yaml may hold; the environment's secrets are no part of it."""
    return {"success": True, "config": yard.settings().model_dump(mode="json", include=set(Settings.model_fields))}


def _worker(row: Row[Any]) -> Worker:
    return {
        "worker_id": row.worker_id,
        "host": row.host,
        "pid": row.pid,
        "version": row.version,
        "job_types": row.job_types,
        "seats": row.seats,
        "busy": row.busy,
        "started_at": iso(row.started_at),
        "seen_at": iso(row.seen_at),
        "silent": row.silent,
    }


def _leader(row: Row[Any]) -> Leader:
    return {"holder": row.holder, "term": row.term, "expires_at": iso(row.expires_at), "expired": row.expired}


def _queue(counted: queries.Fleet, job_type: str) -> Queue:
    depth, ended = counted.depth, counted.finals
    return {
        "job_type": job_type,
        "ready": depth.get((job_type, "ready"), 0),
        "waiting": depth.get((job_type, "waiting"), 0),
        "processing": depth.get((job_type, "processing"), 0),
        "completed": ended.get((job_type, State.COMPLETED), 0),
        "failed": ended.get((job_type, State.FAILED), 0),
        "cancelled": ended.get((job_type, State.CANCELLED), 0),
        "oldest_ready_s": counted.oldest_ready_s.get(job_type),
    }


def _recent(lately: Lately) -> Recent:
    return {
        "ended": lately.ended,
        "failed": lately.failed,
        "reach_s": lately.reach_s,
        "wait_s": _spread(lately.wait_s),
        "run_s": _spread(lately.run_s),
    }


def _spread(pair: tuple[float, float] | None) -> Spread | None:
    return None if pair is None else {"p50": pair[0], "p95": pair[1]}
