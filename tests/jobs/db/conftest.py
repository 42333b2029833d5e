"""Data directories for an embedded PostgreSQL that the tests may hurt."""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.db import embedded
from tests.jobs.db import private


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A directory that any user may enter, unlike pytest's own; what runs in it is gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="yard-test-"))
    root.chmod(0o755)
    yield root / "data"
    private.wait_until(lambda: not private.processes_in(root))
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    """A data directory with a database in it, for one test after the other."""
    root = Path(tempfile.mkdtemp(prefix="yard-test-"))
    root.chmod(0o755)
    embedded.start(root / "data").lock.close()
    yield root / "data"
    shutil.rmtree(root)


@pytest.fixture
def made(used: Path) -> Iterator[Path]:
    """A data directory with a database in it, in which nothing runs before and after the test."""
    private.wait_until(lambda: not private.processes_in(used))
    yield used
    private.wait_until(lambda: not private.processes_in(used))


@pytest.fixture
def client(made: Path) -> Iterator[Callable[..., private.Client]]:
    """Starts clients of one data directory; those that a test leaves running end with it."""
    clients: list[private.Client] = []

    def begin(**options: str) -> private.Client:
        clients.append(private.Client(made, **options))
        return clients[-1]

    yield begin
    for one in clients:
        with suppress(ProcessLookupError):
            one.end(signal.SIGKILL)
