import pytest

from jobs import workers
from tests.jobs import kit


@pytest.fixture
def alive(conn):
    """A leading worker with three free seats for type t."""
    workers.heartbeat(conn, [], kit.worker("w", busy=0), stands=True)
    return conn
