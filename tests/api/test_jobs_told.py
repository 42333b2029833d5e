"""What a user does to a job is told once, by its name."""

from collections.abc import Iterator

import pytest

from jobs import telemetry
from jobs.telemetry import Event, JobChanged
from tests.api import kit
from tests.factory import make_job


@pytest.fixture
def told() -> Iterator[list[Event]]:
    heard: list[Event] = []
    end = telemetry.subscribe(heard.append)
    yield heard
    end()


@pytest.mark.parametrize(
    ("state", "method", "route", "change", "ended"),
    [
        ("ready", "POST", "/cancel", "cancelled", True),
        ("processing", "POST", "/cancel", "cancel asked", False),
        ("failed", "POST", "/retry", "requeued", False),
        ("ready", "DELETE", "", "cancelled", True),
        ("processing", "DELETE", "", "cancel asked", False),
    ],
)
def test_what_a_user_does_to_a_job_is_told_once(conn, engine, told, state, method, route, change, ended):
    job_id = make_job(conn, state)
    scene = kit.scene(engine, conn, kit.settings())
    call = scene.post if method == "POST" else scene.delete
    assert call(f"/job/{job_id}{route}").status_code in (200, 202)
    assert [event for event in told if isinstance(event, JobChanged)] == [JobChanged(job_id, "ann", ended, change)]
