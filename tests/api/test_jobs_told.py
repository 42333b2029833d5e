"""What a user does to a job is told once, by its name."""

from collections.abc import Iterator

import pytest

from jobs import telemetry
from jobs.telemetry import Event, JobChanged
from tests.factory import make_job


@pytest.fixture
def told() -> Iterator[list[Event]]:
    heard: list[Event] = []
    end = telemetry.subscribe(heard.append)
    yield heard
    end()


CHANGES = {
    ("ready", "POST", "/cancel"): "cancelled",
    ("processing", "POST", "/cancel"): "cancel asked",
    ("failed", "POST", "/retry"): "requeued",
    ("ready", "DELETE", ""): "cancelled",
    ("processing", "DELETE", ""): "cancel asked",
}


@pytest.mark.parametrize("does", CHANGES, ids=str)
def test_what_a_user_does_to_a_job_is_told_once(yard, told, does):
    state, method, route = does
    job_id, change = make_job(yard.conn, state), CHANGES[does]
    call = yard.post if method == "POST" else yard.delete
    assert call(f"/job/{job_id}{route}").status_code in (200, 202)
    changes = [event for event in told if isinstance(event, JobChanged)]
    assert changes == [JobChanged(job_id, "ann", ended=change == "cancelled", change=change)]
