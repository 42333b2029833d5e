"""Checks of the server: its version, whether it takes and keeps what is written, its clock."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from cli.checkup.ground import Case, Finding, ask, fault

KEPT = (  # setting; what its being off means
    ("synchronous_commit", "what the API has accepted is lost when the server fails within the next moments"),
    ("fsync", "a crash of the machine can destroy the whole database"),
    ("full_page_writes", "a crash of the machine can destroy pages of the database"),
)


def version(case: Case) -> Iterator[Finding]:
    here, oldest = _server(case), case.bounds.oldest_server
    if here.version < oldest:
        what = f"this is PostgreSQL {here.version_text}, and {oldest // 10000} or newer is needed"
        yield fault(what, where="DATABASE_URL", cure="upgrade the server, or name another one in DATABASE_URL")


def writable(case: Case) -> Iterator[Finding]:
    here = _server(case)
    if here.standby:
        what = "this server is a standby, which takes no writes"
        cure = "name the primary in DATABASE_URL (with several hosts: &target_session_attrs=read-write)"
        yield fault(what, where="DATABASE_URL", cure=cure)
    if here.read_only == "on":
        what = "sessions of this user and database begin read-only"
        cure = "alter role ... reset default_transaction_read_only (or alter database, alter system), whichever set it"
        yield fault(what, where="default_transaction_read_only", cure=cure)


def durable(case: Case) -> Iterator[Finding]:
    """Whether a 2xx means that the job is kept."""
    here = _server(case)
    for name, means in KEPT:
        if getattr(here, name) == "off":
            cure = f"set {name} = on for this server, database and role"
            yield fault(f"{name} is off: {means}", where=f"PostgreSQL: {name}", cure=cure)


def clock(case: Case) -> Iterator[Finding]:
    """Leases and times go by the database's clock; a token's end goes by this host's."""
    before = case.clock()
    (row,) = ask(case, "clock")
    after = case.clock()
    ahead_s = (before + after) / 2 - row.now_s
    if abs(ahead_s) - (after - before) / 2 > case.bounds.skew_s:
        side = "ahead of" if ahead_s > 0 else "behind"
        what = f"this host's clock is {abs(ahead_s):.1f} s {side} the database's"
        cure = "keep both in time (chrony, systemd-timesyncd); tokens end and logs tell the time by this host's"
        yield fault(what, where="clock of this host or of the database's", cure=cure)


def autovacuum(case: Case) -> Iterator[Finding]:
    here = _server(case)
    for name in ("autovacuum", "track_counts"):
        if getattr(here, name) == "off":
            what = f"{name} is off: dead rows stay in the queue's table, and claims get slower and slower"
            yield fault(
                what, where=f"PostgreSQL: {name}", cure=f"alter system set {name} = on; select pg_reload_conf()"
            )


def _server(case: Case) -> Row[Any]:
    (row,) = ask(case, "server")
    return row
