"""Bring the database's schema up to this release; safe when many processes start at once."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs.errors import SetupError

log = logging.getLogger(__name__)

VERSION_TABLE = "yardmaster_version"
TABLES = (  # the first of them writes into the second
    "ai_jobs", "ai_job_deltas", "ai_user_totals", "ai_fleet_totals", "ai_fleet_depth", "ai_job_parts", "ai_workers",
    "ai_leader", "ai_queue_clock", "ai_user_limits", "ai_pauses", "apscheduler_tasks"
)  # fmt: skip
FOLDER = Path(__file__).resolve().parents[2] / "migrations"
OLDEST_SERVER = 130000  # gen_random_uuid() in core
_LOCK = 0x79617264  # any number, the same in every release


def migrate(engine: Engine) -> str:
    """Run what is missing, in one transaction, and return the schema's revision.

    A schema that is ahead of this code (after a roll-back of a release) is left as it is, with a warning.
    Raises SetupError when the database cannot be reached or a migration cannot run.
    """
    try:
        with engine.begin() as conn:
            return _upgrade(conn)
    except OperationalError as error:
        raise SetupError(f"database: cannot be reached: {_first_line(error)}; check DATABASE_URL") from error
    except DBAPIError as error:
        raise SetupError(
            f"migration: the database refused it: {_first_line(error)}; nothing was changed. If a table of that "
            "name is not Yardmaster's, give Yardmaster a database or a schema (search_path) of its own"
        ) from error


def _upgrade(conn: Connection) -> str:
    _require_server(conn)
    conn.execute(text("set local statement_timeout = 0"))
    conn.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    here, known = revision(conn), revisions()
    head = known[0]
    if here and here not in known:
        log.warning("the schema (revision %s) is ahead of this release (%s); starting all the same", here, head)
        return here
    if here != head:
        command.upgrade(config, "head")
    return head


def revision(conn: Connection) -> str | None:
    """The revision of the schema; None: there is none yet."""
    return MigrationContext.configure(conn, opts={"version_table": VERSION_TABLE}).get_current_revision()


def revisions() -> list[str]:
    """Those that this release knows, the newest first."""
    return [script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()]


def _require_server(conn: Connection) -> None:
    version = conn.execute(text("select current_setting('server_version_num')::int")).scalar_one()
    if version < OLDEST_SERVER:
        raise SetupError(f"database: PostgreSQL 13 or newer is needed, this is {version // 10000}")


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
