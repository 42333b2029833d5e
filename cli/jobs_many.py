"""`jobs redrive` and `purge`: many jobs at a time, and only with --yes."""

from dataclasses import asdict
from typing import Any

import click

from cli.operating import Duration, Moment, as_json, database, sure
from cli.output import show_json, table
from jobs import operators, store
from jobs.events import tell_at_once
from jobs.news import word_of
from jobs.operators import MOST, PURGES, Fault

COLUMNS = ("error_code", "count", "sample")
BATCH = 1000


@click.command()
@click.option("--type", "job_type", help="Only of this type.")
@click.option("--code", "error_code", help="Only those that failed with this error_code.")
@click.option("--since", type=Moment(ago=True), help="Only those that failed since a time, or since 2h ago.")
@click.option("--limit", type=click.IntRange(1, MOST), default=1000, show_default=True, help="At most so many.")
@sure
@as_json
def redrive(*, yes: bool, as_json: bool, **filters: Any) -> None:
    """Queue failed jobs of all users again, those that failed first; without --yes they are only counted.

    Example: ./run jobs redrive --type create_canvas --code timed_out --since 2h --yes
    """
    failures = operators.Failures(**filters)
    with database() as (settings, conn):
        if yes:
            faults, keys, changes = operators.redrive(conn, failures)
            if settings.database.notify:
                tell_at_once(conn, keys, list(filter(None, map(word_of, changes))))
        else:
            faults = operators.redrive_preview(conn, failures)
    _tell(faults, done=yes, as_json=as_json)


def _tell(faults: list[Fault], *, done: bool, as_json: bool) -> None:
    count = sum(fault.count for fault in faults)
    if as_json:
        show_json({"dry_run": not done, "count": count, "by_error_code": [asdict(fault) for fault in faults]})
        return
    if faults:
        rows = [
            {"error_code": one.error_code, "count": one.count, "sample": " ".join(one.sample[:1])} for one in faults
        ]
        click.echo(table(rows, COLUMNS[:2] if done else COLUMNS))
    click.echo(f"{count} jobs queued again" if done else f"{count} jobs would be queued again; --yes does it")


@click.command()
@click.option("--older-than", "age_s", type=Duration(), help="Such as 30d; else as jobs.retention_days says.")
@sure
@as_json
def purge(*, age_s: float | None, yes: bool, as_json: bool) -> None:
    """Delete jobs that ended long ago, with their requests and results; without --yes they are only counted.

    Example: ./run jobs purge --older-than 30d --yes
    """
    with database() as (settings, conn):
        retention_s = settings.jobs.retention_days * 86400 if age_s is None else age_s
        count = operators.purge_preview(conn, retention_s=retention_s)
        if yes:
            count = 0
            while deleted := store.purge(conn, retention_s=retention_s, batch=BATCH):
                count += deleted
    if as_json:
        show_json({"dry_run": not yes, "count": count})
        return
    many = f"more than {PURGES}" if count > PURGES and not yes else count
    click.echo(f"{many} jobs deleted" if yes else f"{many} jobs would be deleted; --yes does it")


COMMANDS = (redrive, purge)
