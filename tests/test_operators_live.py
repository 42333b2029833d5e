"""What operators do to a job is heard by who follows it, at once and not at the next look."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine

import main
from api.live.audience import Audience
from api.live.follower import Follower
from api.live.hub import Hub
from api.waiting import Waiting
from config import load
from jobs import telemetry
from jobs.db.listener import Listener
from jobs.news import NEWS
from tests.api import kit
from tests.factory import make_job
from tests.following import heard
from tests.jobs.kit import PATIENCE_S, wait_until

NO_LOOK = load(environ={"YARD_SCHEDULER__POLL_EVERY_S": "60"})  # before a test would have given up


@pytest.fixture(scope="module")
def audience(engine: Engine, database_url: str) -> Iterator[Audience]:
    """Of a web process that hears what other processes tell."""
    hub, connected = Hub(engine, lambda: NO_LOOK), []
    found = Audience(Waiting(lambda: 1), hub)
    ears = Listener(database_url, {NEWS: found.heard_afar}, lambda: connected.append(True))
    ears.start()
    wait_until(lambda: connected)
    yield found
    ears.stop()
    found.close()


@pytest.fixture
def follower(audience: Audience) -> Iterator[Follower]:
    found = audience.hub.enter("ann")
    yield found
    audience.hub.leave(found)


@pytest.fixture
def yard(engine: Engine, conn: Connection, audience: Audience) -> Iterator[kit.Scene]:
    """The same process's routes."""
    end = telemetry.subscribe(audience.heard)
    yield kit.scene(engine, conn, kit.settings())
    end()


@pytest.mark.parametrize(
    ("state", "words"),
    [("ready", ["cancel"]), ("processing", ["cancel"]), ("failed", ["retry"]), ("failed", ["redrive", "--yes"])],
    ids=str,
)
def test_by_the_command_line(conn, follower, database_url, state, words):
    job_id = make_job(conn, state)
    given = ["jobs", *words, *([] if "redrive" in words else [job_id])]
    assert CliRunner(env={"DATABASE_URL": database_url}).invoke(main.main, given).exit_code == 0
    assert len(heard(follower, PATIENCE_S)) == 1


@pytest.mark.parametrize(
    ("state", "path"),
    [("ready", "job/{}/cancel"), ("processing", "job/{}/cancel"), ("failed", "job/{}/retry"), ("failed", "redrive")],
)
def test_over_http(yard, conn, follower, state, path):
    path = path.format(make_job(conn, state))
    assert yard.post(f"/operations/{path}", "op-root", json={}).status_code == 200
    assert len(heard(follower, PATIENCE_S)) == 1
