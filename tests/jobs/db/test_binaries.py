"""Which PostgreSQL runs, and as whom."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs.db import binaries, embedded
from jobs.errors import SetupError
from tests.jobs.db import private

pytestmark = private.needs_proc
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")


def test_a_cluster_of_another_major_version_needs_its_own_programs(made: Path):
    version = made / "postgres" / "data" / "PG_VERSION"
    with (
        private.changed(version, "9\n"),
        pytest.raises(SetupError, match=r"made by PostgreSQL 9, but this machine has only \d+"),
    ):
        embedded.start(made)


def test_a_cluster_finds_the_programs_of_its_own_major_version(data_dir: Path):
    installs = list(binaries._places())
    versions = [binaries.major(place) for place in installs]
    if len(set(versions)) < 2:
        pytest.skip(f"needs two PostgreSQL versions, here is only {versions}")
    embedded.start(data_dir, bin_dir=installs[-1]).lock.close()
    database = embedded.start(data_dir)
    with database.lock:
        assert str(private.ask(database.url, "show server_version")).split(".")[0] == versions[-1]


def test_a_machine_without_postgresql_is_told_the_cure(data_dir: Path, tmp_path: Path):
    with pytest.raises(SetupError, match="DATABASE_URL"):
        embedded.start(data_dir, bin_dir=tmp_path)


@needs_root
def test_root_hands_it_to_another_user_and_leaves_closed_parents_alone(made: Path, monkeypatch: pytest.MonkeyPatch):
    """As in a container, where the checkout with its .venv and .data lies below /root."""
    closed = made.parent / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(binaries, "SHARED_ROOM", made.parent / "shared")
    programs = binaries.find(None, None, binaries.Account())
    shutil.copytree(programs.parent, closed / "site" / "package" / "pginstall", symlinks=True)
    libraries = programs.parents[1].with_name(f"{programs.parents[1].name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / "site" / f"{libraries.name}")
        (closed / "site" / "package").rename(closed / "site" / programs.parents[1].name)
    bin_dir = next((closed / "site").glob("*/pginstall/bin"))
    subprocess.run(["chmod", "-R", "go-rwx", closed / "site"], check=True)
    database = embedded.start(closed / "data", bin_dir=bin_dir)
    with database.lock:
        assert private.ask(database.url, "select 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
        assert (closed / "data" / "postgres").is_symlink()
        with embedded.start(closed / "data", bin_dir=bin_dir).lock:
            assert len(list((made.parent / "shared").glob("programs-*"))) == 1


@needs_root
def test_root_serves_a_cluster_as_its_owner(made: Path):
    """As when somebody uses sudo once in a checkout of their own."""
    home = made / "postgres"
    before = (home / "data").stat().st_uid
    owner = 1 + before
    try:
        subprocess.run(["chown", "-R", str(owner), home / "data", home / "socket"], check=True)
        database = embedded.start(made)
        with database.lock:
            assert Path(f"/proc/{private.postmaster_of(made)}").stat().st_uid == owner
    finally:
        private.wait_until(lambda: not private.processes_in(made))
        subprocess.run(["chown", "-R", str(before), home / "data", home / "socket"], check=True)
