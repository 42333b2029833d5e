"""The self-test of LISTEN and NOTIFY: is what is sent over DATABASE_URL heard where processes listen?"""

import secrets
import select
import time
from collections.abc import Iterator
from typing import Any

from cli.checkup.ground import Case, Finding, fault, note
from cli.checkup.reach import unreachable
from jobs.db.engine import autocommit, connect_patiently
from jobs.sql import statement

CHANNEL = "yardmaster_doctor"  # nobody else listens there


def heard(case: Case) -> Iterator[Finding]:
    if case.listen_url is None:
        poll_s = case.settings.scheduler.poll_every_s
        what = f"NOTIFY is switched off: a new job waits for the next poll, {poll_s:g} s at most"
        cure = "set it to true, with LISTEN_DATABASE_URL where DATABASE_URL leads through a transaction pooler"
        yield note(what, where="config.yaml: database.notify", cure=cure)
        return
    own, timeout_s = case.settings.environment.listen_database_url, case.settings.database.connect_timeout_s
    variable = "LISTEN_DATABASE_URL" if own else "DATABASE_URL"
    if problem := unreachable(case.listen_url, variable=variable, connect_timeout_s=timeout_s):
        yield problem
    elif not _is_heard(case, case.listen_url, timeout_s):
        yield _unheard(case.bounds.hear_s, own=own is not None)


def _unheard(within_s: float, *, own: bool) -> Finding:
    what = (
        f"what NOTIFY sends over DATABASE_URL was not heard within {within_s:g} s: new jobs and cancels wait for a poll"
    )
    if own:
        cure = "let LISTEN_DATABASE_URL lead to the same database, not through a pooler in transaction mode"
        return fault(what, where="LISTEN_DATABASE_URL", cure=cure)
    cure = (
        "set LISTEN_DATABASE_URL to a direct line: DATABASE_URL leads through a pooler in transaction mode (PgBouncer)"
    )
    return fault(what, where="DATABASE_URL", cure=cure)


def _is_heard(case: Case, listen_url: str, connect_timeout_s: int) -> bool:
    line = connect_patiently(listen_url, connect_timeout_s, "yardmaster doctor")
    try:
        line.autocommit = True
        with line.cursor() as cursor:
            cursor.execute(f"listen {CHANNEL}")
        word = secrets.token_hex(8)
        with autocommit(case.engine) as conn:
            conn.execute(statement("notify"), {"channel": CHANNEL, "payload": word})
        return _hears(line, word, time.monotonic() + case.bounds.hear_s)
    finally:
        line.close()


def _hears(line: Any, word: str, end: float) -> bool:
    while word not in [notify.payload for notify in line.notifies]:
        if not select.select([line], [], [], max(0.0, end - time.monotonic()))[0]:
            return False
        line.poll()
    return True
