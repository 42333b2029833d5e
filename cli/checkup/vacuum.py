"""Checks of what keeps dead rows in the tables.  A queue makes several of them for each job."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from cli.checkup.ground import Case, Finding, ask, fault
from jobs.db.migrate import TABLES

CURES = {  # kind in held_back.sql: where, cure
    "session": ("pg_stat_activity", "end it: select pg_terminate_backend({handle}); then mend what leaves it open"),
    "prepared": ("pg_prepared_xacts", "end it: rollback prepared '{handle}' (or commit prepared), in this database"),
    "slot": (
        "pg_replication_slots",
        "let its reader catch up, or drop it: select pg_drop_replication_slot('{handle}')",
    ),
}


def tables(case: Case) -> Iterator[Finding]:
    for row in ask(case, "autovacuum_off", tables=list(TABLES)):
        what = f"autovacuum is switched off for {row.name}: its dead rows stay, and claims get slower and slower"
        yield fault(what, where=f"table {row.name}", cure=f"alter table {row.name} reset (autovacuum_enabled)")


def held_back(case: Case) -> Iterator[Finding]:
    """Sessions of other roles are seen only by superusers and members of pg_read_all_stats."""
    for row in ask(case, "held_back", held_s=case.bounds.held_s, held_xids=case.bounds.held_xids):
        where, cure = CURES[row.kind]
        yield fault(_held(row), where=where, cure=cure.format(handle=_plain(row.handle).replace("'", "''")))


def _held(row: Row[Any]) -> str:
    since = f"{row.xids:,} transactions" if row.age_s is None else f"{row.age_s / 60:.1f} minutes"
    thing = {"session": "an open transaction", "prepared": "a prepared transaction", "slot": "a replication slot"}
    return f"{thing[row.kind]} ({_plain(row.name)}) has held back vacuum for {since}"


def _plain(given: str) -> str:
    """Names that others chose, for a line of a terminal."""
    return "".join(c if c.isprintable() else "?" for c in given)[:200]
