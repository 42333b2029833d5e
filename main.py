"""Yardmaster's only wiring: which parts a process has, and in which order they start and stop.

serve     web process: gunicorn -> one worker process: api, and the scheduler inside unless it is switched off
work      the scheduler alone
migrate   the schema, then nothing
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any

import click
from flask import Flask
from sqlalchemy import Engine

from api import server, side
from api.app import create_app
from api.auth import check_exposure
from api.build import VERSION
from api.live.audience import Audience
from api.live.hub import Hub
from api.server import Stop
from api.waiting import Waiting
from cli import config as cli_config
from cli import logs, provider
from cli.database import Database, prepare
from cli.demo import demo
from cli.doctor import doctor
from cli.jobs import jobs
from cli.token import token
from config import Config, ConfigError, Current
from jobs import handlers, telemetry
from jobs.db.engine import open_engine
from jobs.db.listener import Listener
from jobs.db.patience import Watchdog
from jobs.errors import SetupError
from jobs.events import Hints
from jobs.news import NEWS, word_of
from jobs.telemetry import Event
from scheduler import stopping
from scheduler.runtime import Patience, Runtime

Heard = Mapping[str, Callable[[str], None]]
NOTHING: Heard = MappingProxyType({})
LOOK_UP_S = 1.0
ANSWER_S, CONNECT_S = 1.5, 2  # of the database, to a request: whoever asks shall soon hear when it is away
SCHEDULER_CONNECTIONS = (
    4  # pump, hints, tasks and progress; the heartbeat, the timetable and the listener have their own
)


class Commands(click.Group):
    """Faults of the set-up are one clear line and exit status 2, not a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, SetupError) as error:
            click.echo(str(error), err=True)
            ctx.exit(2)


@click.group(cls=Commands)
@click.version_option(VERSION, prog_name="yardmaster")
def main() -> None:
    """AI jobs on the PostgreSQL that you already have."""


@main.command()
def serve() -> None:
    """Web process, with the scheduler inside (unless scheduler.embedded is false)."""
    current = _begin()
    settings = current.read()
    if not settings.api.auth.has_key_set:
        secret = settings.environment.jwt_secret
        check_exposure(settings.bind, secret.get_secret_value() if secret else None)
    database = prepare(settings)
    server.serve(lambda: _web(current, database), current.read)


@main.command()
def work() -> None:
    """The scheduler alone; start as many as you like, on as many hosts as you like."""
    current = _begin()
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # the one thing that a signal handler may safely touch
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _frame: signals.put(signum))
    database = prepare(current.read())
    runtime, hurried = _runtime(current, database), threading.Event()
    _show(current, database, runtime)
    runtime.start()
    current.follow()
    _wait_for_one(signals)
    threading.Thread(target=_hurry, args=(signals, hurried), name="hurry", daemon=True).start()
    stopping.stop(runtime, current.read().scheduler.stop_budget_s, hurried.is_set)
    _leave()


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date; serve and work do it by themselves."""
    prepare(_begin().read())
    click.echo("The schema is up to date.")


main.add_command(demo)
main.add_command(doctor)
main.add_command(token)
main.add_command(cli_config.config)
main.add_command(cli_config.check_config)
main.add_command(jobs)


def _web(current: Current, database: Database) -> tuple[Flask, Stop, Stop]:
    """Called in gunicorn's worker process, for all of this has threads."""
    settings = current.read()
    engine = _engine(settings, database, settings.database.pool_size, lambda: ANSWER_S, in_a_hurry=True)
    job_types = handlers.requests(settings.handlers)
    audience = Audience(Waiting(lambda: current.read().api.waiting_requests), Hub(engine, current.read))
    make_app = partial(create_app, current.read, engine, job_types=job_types, audience=audience, taken=current.taken)
    heard = {NEWS: audience.heard_afar}
    if not settings.scheduler.embedded:
        threading.Thread(target=Watchdog().loop, name="watchdog", daemon=True).start()
        hints = Hints(_engine(settings, database, 1), notify=settings.database.notify)
        telemetry.subscribe(partial(_spread, hints))
        app = make_app(hints, lambda: None)
        if database.listen_url:
            Listener(database.listen_url, heard, lambda: None).start()
        current.follow()
        return app, audience.close, lambda: None
    runtime, hurried = _runtime(current, database, heard), threading.Event()
    app = make_app(runtime.hints, runtime.status)
    runtime.start()
    current.follow()

    def stop() -> None:
        audience.close()
        stopping.stop(runtime, settings.scheduler.stop_budget_s, hurried.is_set)

    return app, stop, hurried.set


def _show(current: Current, database: Database, runtime: Runtime) -> None:
    """Metrics and health of a process that serves nothing else."""
    settings = current.read()
    port = settings.scheduler.metrics_port
    if port is None:
        return
    engine = _engine(settings, database, 1, lambda: ANSWER_S, in_a_hurry=True)
    job_types = handlers.requests(settings.handlers)
    side.serve(
        side.create_side_app(current.read, engine, runtime.status, job_types, current.taken), settings.bind, port
    )


def _wait_for_one(signals: "queue.SimpleQueue[int]") -> None:
    """Looks up now and then: one that another thread took, as a stopped process woke up, would not end the wait."""
    while True:
        with suppress(queue.Empty):
            signals.get(timeout=LOOK_UP_S)
            return


def _hurry(signals: "queue.SimpleQueue[int]", hurried: threading.Event) -> None:
    signals.get()
    hurried.set()


def _begin() -> Current:
    current = Current()
    current.subscribe(logs.set_up(current.read()))
    telemetry.subscribe(logs.tell)
    return current


def _runtime(current: Current, database: Database, heard: Heard = NOTHING) -> Runtime:
    settings = current.read()
    runtime = Runtime(
        current.read,
        _engine(settings, database, SCHEDULER_CONNECTIONS),
        provider.followed(current),
        listen_url=database.listen_url,
        own_engine=lambda patience_s: _engine(settings, database, 1, patience_s),
        leave=lambda: os.kill(os.getpid(), signal.SIGTERM),
        version=VERSION,
        also_heard=heard,
    )
    telemetry.subscribe(partial(_spread, runtime.hints))
    current.subscribe(lambda _settings: runtime.retune())
    return runtime


def _spread(hints: Hints, event: Event) -> None:
    """What happens to a job here is told to the processes in which somebody may follow it."""
    if word := word_of(event):
        hints.changed(word)


def _engine(
    settings: Config, database: Database, pool_size: int, patience_s: Patience = None, *, in_a_hurry: bool = False
) -> Engine:
    about = settings.database
    return open_engine(
        database.url,
        pool_size=pool_size,
        connect_timeout_s=min(about.connect_timeout_s, CONNECT_S) if in_a_hurry else about.connect_timeout_s,
        statement_timeout_s=about.statement_timeout_s,
        patience_s=patience_s,
        alone=True,
        reluctant=in_a_hurry,
    )


def _leave() -> None:
    """End at once: a handler that never returns must not hold the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
