"""The database that this process uses: the one in DATABASE_URL, or a private one under the data directory."""

from dataclasses import dataclass
from typing import IO

from cli.checkup.reach import unreachable
from config import Config
from jobs.db import embedded
from jobs.db.engine import open_engine
from jobs.db.migrate import migrate
from jobs.errors import SetupError


@dataclass(frozen=True, slots=True)
class Database:
    """`listen_url` is None where LISTEN is switched off.  `lock` keeps a private database up as long as it is open."""

    url: str
    listen_url: str | None
    lock: IO[str] | None = None


def reach(config: Config) -> Database:
    """Raises jobs.errors.SetupError, which says the cure."""
    given = config.environment.database_url
    if given is None:
        private = embedded.start(config.environment.data_dir)
        return Database(private.url, private.url if config.database.notify else None, private.lock)
    direct = config.environment.listen_database_url or given
    return Database(given.get_secret_value(), direct.get_secret_value() if config.database.notify else None)


def answering(config: Config) -> Database:
    """Reach it, and see that it answers.  Raises jobs.errors.SetupError, which quotes nothing of the address."""
    database, timeout_s = reach(config), config.database.connect_timeout_s
    if problem := unreachable(database.url, variable="DATABASE_URL", connect_timeout_s=timeout_s):
        raise SetupError(f"database: cannot be reached: {problem.what} [{problem.where}]; {problem.cure}")
    return database


def prepare(config: Config) -> Database:
    """Reach it, and bring its schema up to date.  Raises jobs.errors.SetupError."""
    database = answering(config)
    engine = open_engine(database.url, connect_timeout_s=config.database.connect_timeout_s, pool_size=1)
    migrate(engine)
    engine.dispose()
    return database
