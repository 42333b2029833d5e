"""`jobs cancel`, `retry`, `pause`, `resume`, `pauses`: one job, or one pause."""

import getpass
from dataclasses import asdict
from datetime import datetime

import click
from sqlalchemy import Connection

from cli.operating import Duration, Moment, Refused, as_json, database, moved
from cli.output import picked, show_json, table
from jobs import pauses, store
from jobs.events import tell_at_once
from jobs.job import Job
from jobs.news import Word, tag_of
from jobs.states import FINAL, State

SHOWN = ("job_type", "paused_at", "resume_at", "paused_by", "reason")
what = click.argument("job_type", metavar="[TYPE]", required=False)
everything = click.option("--all", "everything", is_flag=True, help="All jobs, instead of one type.")


@click.command()
@click.argument("job_id", metavar="ID")
@as_json
def cancel(job_id: str, *, as_json: bool) -> None:
    """Cancel a job: a queued one at once, one that runs is asked to end.

    Example: ./run jobs cancel 5b1f9a52-3c0e-4f6b-9a57-0d6b7d3a9c11
    """
    with database() as (settings, conn):
        job = moved(
            conn,
            job_id,
            "cancelled",
            lambda user: store.cancel(conn, job_id=job_id, user_id=user, by_operator=True),
        )
        if settings.database.notify:
            tell_at_once(conn, [], [_news(job)])
    if as_json:
        show_json({"id": job.id, "status": job.status})
    else:
        click.echo("cancelled" if job.status is State.CANCELLED else "asked to end; its run goes on until it has heard")


@click.command()
@click.argument("job_id", metavar="ID")
@as_json
def retry(job_id: str, *, as_json: bool) -> None:
    """Queue a failed or cancelled job again.

    Example: ./run jobs retry 5b1f9a52-3c0e-4f6b-9a57-0d6b7d3a9c11
    """
    with database() as (settings, conn):
        job = moved(conn, job_id, "retried", lambda user: store.requeue(conn, job_id=job_id, user_id=user))
        if settings.database.notify:
            tell_at_once(conn, [job.key], [_news(job)])
    if as_json:
        show_json({"id": job.id, "status": job.status})
    else:
        click.echo("queued again")


@click.command()
@what
@everything
@click.option("--for", "for_s", type=Duration(), help="End by itself after 30s, 15m, 2h or 7d.")
@click.option(
    "--until", "resume_at", type=Moment(ago=False), help="End by itself at a time such as 2026-01-31T12:00:00Z."
)
@click.option("--reason", help="For other operators.")
@as_json
def pause(
    job_type: str | None,
    *,
    everything: bool,
    for_s: float | None,
    resume_at: datetime | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Let no more jobs of TYPE (or --all) begin, in the whole fleet; what runs goes on.

    Example: ./run jobs pause create_canvas --for 30m --reason "the provider is away"
    """
    wanted = _wanted(job_type, everything=everything)
    if len(reason or "") > pauses.REASON_CHARS or len(wanted or "") > pauses.TYPE_CHARS:
        raise Refused(f"a reason has at most {pauses.REASON_CHARS} characters, a job type {pauses.TYPE_CHARS}")
    with database() as (settings, conn):
        pauses.pause(conn, wanted, by=_me(), for_s=for_s, resume_at=resume_at, reason=reason or None)
        if wanted and not pauses.runners(conn, wanted, silent_s=settings.scheduler.lease_s):
            click.echo(f"note: no live worker has a handler for {wanted}", err=True)
        _show(conn, as_json=as_json)


@click.command()
@what
@everything
@as_json
def resume(job_type: str | None, *, everything: bool, as_json: bool) -> None:
    """End the pause of TYPE, or with --all the one of all jobs; pauses of single types stay then.

    Example: ./run jobs resume create_canvas
    """
    wanted = _wanted(job_type, everything=everything)
    with database() as (_, conn):
        if not pauses.resume(conn, wanted):
            raise Refused("there is no such pause; ./run jobs pauses shows those in force")
        _show(conn, as_json=as_json)


@click.command("pauses")
@as_json
def list_pauses(*, as_json: bool) -> None:
    """List the pauses in force.

    Example: ./run jobs pauses
    """
    with database() as (_, conn):
        _show(conn, as_json=as_json)


def _news(job: Job) -> Word:
    return Word(job.id, tag_of(job.user_id), ended=job.status in FINAL)


def _wanted(job_type: str | None, *, everything: bool) -> str | None:
    if bool(job_type) is everything:
        raise click.UsageError("name one TYPE, or say --all")
    return None if job_type == pauses.EVERYTHING else job_type


def _show(conn: Connection, *, as_json: bool) -> None:
    found = pauses.in_force(conn)
    if as_json:
        show_json([asdict(one) for one in found])
    elif found:
        click.echo(table([row | {"job_type": row["job_type"] or "(all)"} for row in picked(found, SHOWN)], SHOWN))
    else:
        click.echo("nothing is paused")


def _me() -> str:
    try:
        return f"{getpass.getuser()} (command line)"[:200]
    except (OSError, KeyError):  # a container's user may have no name
        return "(command line)"


COMMANDS = (cancel, retry, pause, resume, list_pauses)
