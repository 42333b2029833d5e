"""`jobs`: what operators see of the jobs of all users, straight from the database."""

from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import Connection

from api.why import rules, why_json
from cli import jobs_many, jobs_steering
from cli.operating import as_json, database, job_of
from cli.output import cell, facts, picked, show_json, table
from jobs import operators, pauses
from jobs.job import Job
from jobs.states import State
from jobs.why import Why
from jobs.why import why as ask

LISTED = ("id", "status", "job_type", "user_id", "priority", "retry_count", "error_code", "created_at")
TOLD = tuple(name for name in Job.__slots__ if name != "result_data")  # which a list has not looked up
SHOWN = (
    *("id", "user_id", "job_type", "status", "priority", "progress", "progress_message", "retry_count", "max_retries"),
    *("losses", "error_code", "error_message", "worker_id", "claim_seq", "created_at", "started_at", "completed_at"),
    *("next_processing_at", "deadline_at", "lease_expires_at", "cancel_requested_at", "usage", "request_data"),
)
RUNS = ("claim_seq", "worker", "started", "ended", "error_code", "error")


@click.group()
def jobs() -> None:
    """See and steer the jobs of all users; reads DATABASE_URL and config.yaml as ./run serve does."""


@jobs.command("list")
@click.option("--user", "user_id", help="Only this user's.")
@click.option("--status", type=click.Choice([str(state) for state in State]), help="Only those that stand so.")
@click.option("--type", "job_type", help="Only of this type.")
@click.option("--before", metavar="ID", help="Only older ones than this job, for the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@as_json
def list_(*, limit: int, before: str | None, as_json: bool, **filters: Any) -> None:
    """List jobs, newest first.

    Example: ./run jobs list --status failed --type create_canvas
    """
    with database() as (_, conn):
        before = None if before is None else str(job_of(conn, before).id)
        found = operators.page(conn, limit=limit, before=before, **filters)
    if as_json:
        show_json([{name: getattr(job, name) for name in TOLD} for job in found])
    elif found:
        click.echo(table(picked(found, LISTED), LISTED))
    else:
        click.echo("no such jobs")


@jobs.command()
@click.argument("job_id", metavar="ID")
@as_json
def show(job_id: str, *, as_json: bool) -> None:
    """Show one job and its failed runs; with --json its request and result, too, whole.

    Example: ./run jobs show 5b1f9a52-3c0e-4f6b-9a57-0d6b7d3a9c11
    """
    with database() as (_, conn):
        job = job_of(conn, job_id)
    if as_json:
        show_json(dict(job._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
        return
    (about,) = picked([job], SHOWN)
    click.echo(facts({name: value for name, value in about.items() if value is not None}))
    if job.attempt_errors:
        runs = [{name: run.get(name) for name in RUNS} for run in job.attempt_errors]
        click.echo("\nfailed runs\n" + table(runs, RUNS))


@jobs.command()
@click.argument("job_id", metavar="ID")
@as_json
def why(job_id: str, *, as_json: bool) -> None:
    """Say why a job does not run, and when it may.

    Example: ./run jobs why 5b1f9a52-3c0e-4f6b-9a57-0d6b7d3a9c11
    """
    with database() as (settings, conn):
        job = job_of(conn, job_id)
        found = ask(conn, job_id=job_id, user_id=job.user_id, rules=rules(settings))
        held = _pauses_on(conn, job.job_type)
    if found is None:  # it was deleted in between
        raise click.ClickException("the job has just been deleted")
    if as_json:
        show_json({**why_json(found), "pauses": held})
        return
    click.echo(f"{found.status}")
    for cause in found.causes:
        until = f", until {cell(cause.until)}" if cause.until else ""
        click.echo(f"  {cause.cause}: {cell(cause.message, widest=400)}{until}")
    for pause in held:
        click.echo(f"  paused by {cell(pause['paused_by'])}: {cell(pause['reason'], widest=500)}")
    _tell_start(found)


def _pauses_on(conn: Connection, job_type: str) -> list[dict[str, Any]]:
    return [asdict(one) for one in pauses.in_force(conn) if one.job_type in (None, job_type)]


def _tell_start(found: Why) -> None:
    start = found.start
    if start is None:
        return
    if start.likely is None or start.high is None:
        click.echo(f"starts not before {cell(start.low)}")
    else:
        click.echo(f"starts about {cell(start.likely)} ({cell(start.low)} to {cell(start.high)})")


for command in (*jobs_steering.COMMANDS, *jobs_many.COMMANDS):
    jobs.add_command(command)
