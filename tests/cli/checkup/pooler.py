"""A real PgBouncer in transaction mode, where it is installed."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import parse_dsn

from jobs.db import binaries
from tests.processes import free_port, wait_until

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/bin")
SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pooler(url: str) -> Iterator[str]:
    """The address of the same database through PgBouncer."""
    target, own_port = parse_dsn(url), free_port()
    home = Path(tempfile.mkdtemp(prefix="pooler-", dir="/tmp"))
    home.chmod(0o755)
    settings = {"host": target.get("host", "127.0.0.1"), "port": target.get("port", "5432"), "user": target["user"]}
    (home / "pooler.ini").write_text(SETTINGS.format(own_port=own_port, **settings))
    account = binaries.account(home / "none yet")  # like PostgreSQL it does not run as root
    process = subprocess.Popen(
        [PROGRAM, "-q", home / "pooler.ini"],
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        stderr=subprocess.DEVNULL,
    )
    through = f"postgresql://{target['user']}@127.0.0.1:{own_port}/{target['dbname']}"
    try:
        wait_until(lambda: _answers(through), "answer of PgBouncer")
        yield through
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        shutil.rmtree(home)


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True
