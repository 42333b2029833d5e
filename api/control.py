"""The routes by which operators steer the whole fleet."""

from typing import Any

from flask import request
from sqlalchemy import Connection

from api.auth import User
from api.body import read_json
from api.control_shapes import (
    Pauses,
    Redriven,
    Resumed,
    ToPause,
    ToRedrive,
    ToResume,
    fault_json,
    pause_json,
)
from api.schemas import checked
from api.yard import Yard
from jobs import operators
from jobs import pauses as told
from jobs.db.engine import autocommit
from jobs.db.patience import patient_for
from jobs.telemetry import emit

REDRIVE_S = 30.0  # for the answer to a redrive of 10,000


def pause(yard: Yard, user: User) -> Pauses:
    wanted = checked(ToPause, _body(yard))
    with autocommit(yard.engine) as conn:
        told.pause(conn, **wanted.model_dump(), by=user.id)
        return _in_force(conn)


def resume(yard: Yard, _user: User) -> Resumed:
    wanted = checked(ToResume, _body(yard))
    with autocommit(yard.engine) as conn:
        resumed = told.resume(conn, wanted.job_type)
        return {**_in_force(conn), "resumed": resumed}


def pauses(yard: Yard, _user: User) -> Pauses:
    with autocommit(yard.engine) as conn:
        return _in_force(conn)


def redrive(yard: Yard, _user: User) -> Redriven:
    wanted = checked(ToRedrive, _body(yard))
    failures = operators.Failures(**wanted.model_dump(exclude={"dry_run"}))
    with patient_for(REDRIVE_S), autocommit(yard.engine) as conn:
        if wanted.dry_run:
            return _redriven(operators.redrive_preview(conn, failures), dry_run=True)
        faults, keys, changes = operators.redrive(conn, failures)
    yard.hints.ready(keys)
    for change in changes:
        emit(change)
    return _redriven(faults, dry_run=False)


def _redriven(faults: list[operators.Fault], *, dry_run: bool) -> Redriven:
    count = sum(fault.count for fault in faults)
    return {"success": True, "dry_run": dry_run, "count": count, "by_error_code": [fault_json(one) for one in faults]}


def _in_force(conn: Connection) -> Pauses:
    return {"success": True, "pauses": [pause_json(one) for one in told.in_force(conn)]}


def _body(yard: Yard) -> Any:
    config = yard.settings()
    return read_json(request, max_bytes=config.api.body_bytes, max_depth=config.api.body_depth)
