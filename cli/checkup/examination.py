"""Every check of the doctor on one screen, and the order in which they are made."""

from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress

import psycopg2
from sqlalchemy.exc import SQLAlchemyError

from cli import database
from cli.checkup import capacity, configuration, fleet, notify, schema, server, vacuum
from cli.checkup.ground import Case, Check, Finding, Ground, fault, note
from cli.checkup.reach import unreachable
from config import Config
from jobs.db.engine import open_engine
from jobs.errors import SetupError

Told = Iterator[tuple[str, Finding]]  # the check's name, and what it has found

OF_THE_SETTINGS = (
    Check("JWT_SECRET", "tokens cannot be forged by guessing", configuration.jwt_secret),
    Check("METRICS_TOKEN", "not set, or hard to guess", configuration.metrics_token),
    Check("provider", "a model answers", configuration.provider),
    Check("handlers", "all modules can be imported", configuration.own_handlers),
)
OF_THE_SERVER = (
    Check("version", "the server is new enough", server.version),
    Check("writable", "the server takes writes", server.writable),
    Check("durable", "what is committed is kept", server.durable),
    Check("clock", "this host and the database agree about the time", server.clock),
    Check("notify", "what NOTIFY sends is heard", notify.heard),
    Check("pool", "requests need not wait long for a connection", capacity.pool),
    Check("autovacuum", "on", server.autovacuum),
    Check("vacuum", "nothing holds it back", vacuum.held_back),
    Check("schema", "that of this release", schema.migrated),
)
OF_THE_FLEET = (  # these need the tables
    Check("tables", "autovacuum is on for all of them", vacuum.tables),
    Check("connections", "enough for the processes that are there", capacity.connections),
    Check("seats", "all can be used", capacity.seats),
    Check("workers", "all have been heard of lately", fleet.workers),
    Check("leader", "there, or not needed", fleet.leader),
    Check("job types", "each ready job has a worker that can run it", fleet.job_types),
    Check("timetable", "every task is known", fleet.tasks),
)


def examine(settings: Config) -> Told:
    """Look at everything; changes nothing, but starts the private PostgreSQL where there is no DATABASE_URL."""
    yield from looked_at(OF_THE_SETTINGS, settings)
    try:
        here = database.reach(settings)
    except SetupError as error:
        yield (
            "database",
            fault(str(error), where="the private PostgreSQL", cure="set DATABASE_URL, or mend what it says"),
        )
        yield _left_out(*OF_THE_SERVER, *OF_THE_FLEET)
        return
    with closing(here.lock) if here.lock else nullcontext():
        yield from _database(settings, here)


def _database(settings: Config, here: database.Database) -> Told:
    about = settings.database
    variable = "DATABASE_URL" if here.lock is None else "YARD_DATA_DIR"
    if problem := unreachable(here.url, variable=variable, connect_timeout_s=about.connect_timeout_s):
        yield "database", problem
        yield _left_out(*OF_THE_SERVER, *OF_THE_FLEET)
        return
    yield "database", Finding("ok", "it answers")
    engine = open_engine(
        here.url,
        pool_size=1,
        connect_timeout_s=about.connect_timeout_s,
        statement_timeout_s=about.statement_timeout_s,
    )
    try:
        yield from _case(Case(settings, engine, here.listen_url))
    finally:
        engine.dispose()


def _case(case: Case) -> Told:
    yield from looked_at(OF_THE_SERVER, case)
    if _has_tables(case):
        yield from looked_at(OF_THE_FLEET, case)
    else:
        yield _left_out(*OF_THE_FLEET)


def _has_tables(case: Case) -> bool:
    with suppress(SQLAlchemyError):  # another check has told it
        return schema.has_tables(case)
    return False


def looked_at(checks: tuple[Check[Ground], ...], ground: Ground) -> Told:
    for check in checks:
        findings = list(_findings(check, ground)) or [Finding("ok", check.well)]
        yield from ((check.name, finding) for finding in findings)


def _findings(check: Check[Ground], ground: Ground) -> Iterator[Finding]:
    """A check that the database does not let look is a fault, and the others are made all the same."""
    try:
        yield from check.look(ground)
    except (SQLAlchemyError, psycopg2.Error) as error:
        why = type(getattr(error, "orig", None) or error).__name__
        cure = "give the role the right to read it, or mend what the other lines tell"
        yield fault(f"the database did not let it look ({why})", where=f"check {check.name!r}", cure=cure)


def _left_out(*checks: Check[Case]) -> tuple[str, Finding]:
    names = ", ".join(check.name for check in checks)
    return "left out", note(f"{len(checks)} checks: {names}", where="above", cure="mend that first, and ask again")
