"""The routes by which operators steer the whole fleet."""

from dataclasses import replace
from typing import Any

from flask import request

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
from jobs.telemetry import PauseChanged, emit

REDRIVE_S = 30.0  # for the answer to a redrive of 10,000


def pause(yard: Yard, user: User) -> Pauses:
    wanted = checked(ToPause, _body(yard))
    with autocommit(yard.engine) as conn:
        told.pause(conn, **wanted.model_dump(), by=user.id)
        found = told.in_force(conn)
    held = next((one for one in found if one.job_type == _type(wanted)), None)  # None: its end has passed
    emit(PauseChanged(_type(wanted), user.id, paused=held is not None, until=held.resume_at if held else None))
    return _shown(found)


def resume(yard: Yard, user: User) -> Resumed:
    wanted = checked(ToResume, _body(yard))
    with autocommit(yard.engine) as conn:
        resumed = told.resume(conn, wanted.job_type)
        found = told.in_force(conn)
    if resumed:
        emit(PauseChanged(_type(wanted), user.id, paused=False))
    return {**_shown(found), "resumed": resumed}


def pauses(yard: Yard, _user: User) -> Pauses:
    with autocommit(yard.engine) as conn:
        return _shown(told.in_force(conn))


def redrive(yard: Yard, user: User) -> Redriven:
    wanted = checked(ToRedrive, _body(yard))
    failures = operators.Failures(**wanted.model_dump(exclude={"dry_run"}))
    with patient_for(REDRIVE_S), autocommit(yard.engine) as conn:
        if wanted.dry_run:
            return _redriven(operators.redrive_preview(conn, failures), dry_run=True)
        faults, keys, changes = operators.redrive(conn, failures)
    yard.hints.ready(keys)
    for change in changes:
        emit(replace(change, by=user.id))
    return _redriven(faults, dry_run=False)


def _redriven(faults: list[operators.Fault], *, dry_run: bool) -> Redriven:
    count = sum(fault.count for fault in faults)
    return {"success": True, "dry_run": dry_run, "count": count, "by_error_code": [fault_json(one) for one in faults]}


def _type(wanted: ToPause | ToResume) -> str | None:
    """None: everything, however it was asked for."""
    return None if wanted.job_type == told.EVERYTHING else wanted.job_type


def _shown(found: list[told.Pause]) -> Pauses:
    return {"success": True, "pauses": [pause_json(one) for one in found]}


def _body(yard: Yard) -> Any:
    config = yard.settings()
    return read_json(request, max_bytes=config.api.body_bytes, max_depth=config.api.body_depth)
