"""Starts a real PostgreSQL for people who have none, shared by all processes that name the same directory.

<data_dir>/postgres/       or scratch/, for one that need not last
                           (a link to a directory elsewhere, where PostgreSQL's user cannot enter data_dir)
    clients.lock           held, shared, by every client: the database runs as long as anybody holds it
    start.lock             held by the one client that is starting it
    keeper.lock            held by the keeper, which owns the server (keeper.py)
    keeper.log             what the keeper and PostgreSQL had to say since the last start
    data/                  the cluster
    socket/                the only way in: there is no TCP
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg2

from jobs.db import binaries, keeper
from jobs.db.binaries import Account
from jobs.errors import SetupError

SOCKET_DIR_BYTES = 89  # "/.s.PGSQL.5432" fits behind it in a socket's path: 103 bytes on macOS, 107 on Linux
LOOK_EVERY_S = 0.03
LOG_TAIL_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running database: `url` in libpq's form, and the open file that keeps it running."""

    url: str
    lock: IO[str]

    def inheritable(self) -> None:
        """Lets the lock survive an exec, so that the program that replaces this one keeps the database."""
        os.set_inheritable(self.lock.fileno(), True)  # noqa: FBT003 - the parameter has no name


def start(data_dir: Path, *, durable: bool = True, timeout_s: float = 60, bin_dir: Path | None = None) -> Embedded:
    """Returns the database of `data_dir`, started and made if need be; close its `lock` to let go of it.

    `durable` False is for tests: another database, without fsync, that is deleted when its last client is gone.
    `bin_dir` None finds the programs by itself.
    Raises SetupError, which says the cure, where this cannot work here or takes longer than `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with ExitStack() as until_running:
            home = _home(data_dir.absolute() / ("postgres" if durable else "scratch"))
            lock = until_running.enter_context(_open(home / "clients.lock"))
            _wait_for(lock, fcntl.LOCK_SH, deadline)  # in vain while a keeper stops the database
            url = _started(home, durable=durable, deadline=deadline, bin_dir=bin_dir)
            until_running.pop_all()
            return Embedded(url, lock)
    except OSError as error:
        raise SetupError(
            f"The embedded PostgreSQL cannot start in {data_dir}: {error}. "
            "Set YARD_DATA_DIR to a directory of your own, or DATABASE_URL to a database."
        ) from error


def _started(home: Path, *, durable: bool, deadline: float, bin_dir: Path | None) -> str:
    """The address of the database, once it answers."""
    with _open(home / "start.lock") as starting:
        _wait_for(starting, fcntl.LOCK_EX, deadline)
        cluster = home / "data"
        runner = binaries.account(cluster)
        socket_dir = _socket_dir(home, runner)
        url = f"postgresql://postgres@/postgres?host={quote(str(socket_dir))}&port={keeper.PORT}"
        if not (_has_keeper(home) and _answers(url)):
            programs = binaries.find(bin_dir, _made_by(cluster), runner)
            if not cluster.exists():
                _make_cluster(cluster, programs, runner, durable=durable)
            _launch_keeper(home, socket_dir, programs, durable=durable)
            _wait_until_it_answers(url, home, deadline)
    return url


def _home(name: Path) -> Path:
    """The directory called `name`, or the one to which that links, made if it does not exist."""
    name.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(name):
        if binaries.account(name / "data").may_enter(name.parent):
            name.mkdir(exist_ok=True)
            name.chmod(0o711)  # for PostgreSQL's user to pass through, whatever the umask says
        else:
            _link_elsewhere(name)
    return name.resolve()


def _link_elsewhere(name: Path) -> None:
    """Keeps the database where PostgreSQL's user can enter; the parents of `name` stay as they are."""
    directory = binaries.shared_directory("data-")
    try:
        name.symlink_to(directory)
    except FileExistsError:  # another process was first
        directory.rmdir()


def _socket_dir(home: Path, runner: Account) -> Path:
    """Beside the cluster, or in /tmp where that path is too long or too strange for a socket's address."""
    directory = home / "socket"
    if len(os.fsencode(directory)) > SOCKET_DIR_BYTES or not re.fullmatch(r"[\w/.-]+", str(directory)):
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        directory = Path(f"/tmp/yardmaster-{digest}")  # noqa: S108 - all processes must name the same one
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.lstat().st_uid == os.geteuid():
        _give(directory, runner)
    owner = directory.lstat().st_uid  # in /tmp anybody could have made it, to listen in our place
    if owner != _uid(runner):
        raise SetupError(f"{directory} belongs to another user (uid {owner}): remove it.")
    return directory


def _give(directory: Path, runner: Account) -> None:
    if runner.uid is not None and runner.gid is not None:
        os.chown(directory, runner.uid, runner.gid)


def _uid(runner: Account) -> int:
    return os.geteuid() if runner.uid is None else runner.uid


def _made_by(cluster: Path) -> str | None:
    """The major version of PostgreSQL that made the cluster; None when there is none."""
    return (cluster / "PG_VERSION").read_text().strip() if cluster.exists() else None


def _make_cluster(cluster: Path, programs: Path, runner: Account, *, durable: bool) -> None:
    """Makes it under another name first: half a cluster never counts, nor one that an orphan still fills."""
    for abandoned in cluster.parent.glob("draft-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cluster.parent))
    _give(draft, runner)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions"]
    if not durable:
        options.append("--no-sync")
    made = runner.run(programs / "initdb", "-D", draft, *options)
    if made.returncode != 0:
        raise SetupError(f"PostgreSQL could not make its data directory:\n{made.stderr[-LOG_TAIL_CHARS:]}")
    draft.rename(cluster)


def _launch_keeper(home: Path, socket_dir: Path, programs: Path, *, durable: bool) -> None:
    """Returns when a keeper is in charge."""
    words = [home, socket_dir, programs, "durable" if durable else "scratch"]
    with _open(home / "keeper.log") as log:
        log.truncate(0)
        subprocess.run(  # noqa: S603 - no shell, and the words are ours
            [sys.executable, "-I", "-S", keeper.__file__, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C is meant for the client
            check=False,
        )


def _wait_until_it_answers(url: str, home: Path, deadline: float) -> None:
    while not _answers(url):
        if time.monotonic() > deadline or not _has_keeper(home):
            tail = (home / "keeper.log").read_text(errors="replace")[-LOG_TAIL_CHARS:]
            raise SetupError(f"The embedded PostgreSQL did not start; {home / 'keeper.log'} ends with:\n{tail}")
        time.sleep(LOOK_EVERY_S)


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=3).close()
    except psycopg2.OperationalError:
        return False
    return True


def _has_keeper(home: Path) -> bool:
    with _open(home / "keeper.lock") as lock:
        return not _try(lock, fcntl.LOCK_SH)


def _open(path: Path) -> IO[str]:
    """Opens a lock or a log to append: nobody else may read what queries say, or sit on a lock."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a")


def _wait_for(lock: IO[str], kind: int, deadline: float) -> None:
    while not _try(lock, kind):
        if time.monotonic() > deadline:
            raise SetupError(f"Another process holds {lock.name} for too long: try again, or end it.")
        time.sleep(LOOK_EVERY_S)


def _try(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
