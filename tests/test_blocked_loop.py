"""Health of a real process whose scheduler is stopped from inside, in each place where it can be."""

from collections.abc import Iterator

import pytest

from tests.processes import QUICK, Web, fleet, wait_until


@pytest.fixture(scope="module")
def web(database_url: str) -> Iterator[Web]:
    with fleet(database_url, YARD_HANDLERS="[tests.blockers]", YARD_SCHEDULER__SEATS="3") as ([web], _):
        yield web


def health(web: Web) -> tuple[int, str]:
    status, body = web.call("GET", "/health")
    return status, body.get("error", "")


def enqueue(web: Web, job_type: str) -> str:
    return web.call("POST", "/jobs", {"job_type": job_type, "request_data": {}})[1]["job_id"]


def causes(web: Web, job_id: str) -> list[str]:
    return [cause["cause"] for cause in web.call("GET", f"/job/{job_id}/why")[1]["causes"]]


def harm(web: Web, place: str) -> str:
    wait_until(lambda: health(web)[0] == 200, "well process")
    return enqueue(web, place)


def test_a_pass_is_late_after_two_intervals_and_a_second(web: Web):
    late = "yardmaster_scheduler_late_after_seconds"
    [said] = [line for line in web.text("GET", "/metrics")[1].splitlines() if line.startswith(late)]
    assert float(said.split()[1]) == 2 * float(QUICK["YARD_SCHEDULER__POLL_EVERY_S"]) + 1


@pytest.mark.parametrize("place", ["timetable", "tasks", "pump"])
def test_a_loop_that_is_blocked_turns_health_red_and_nothing_else(web: Web, place: str):
    job_id = harm(web, place)
    wait_until(lambda: enqueue(web, "nothing") and health(web)[0] == 503, "red health")  # jobs come meanwhile, and run
    assert "last pass is too long ago" in health(web)[1]
    assert [web.call("GET", path)[0] for path in ("/livez", "/readyz")] == [200, 200]
    web.call("POST", f"/job/{job_id}/cancel")
    wait_until(lambda: health(web)[0] == 200, "well process")


def test_a_dead_thread_is_named(web: Web):
    harm(web, "death")
    wait_until(lambda: health(web)[0] == 503, "red health")
    wait_until(lambda: "its thread pump has died" in health(web)[1], "the reason")
    waits = enqueue(web, "nothing")
    wait_until(lambda: "scheduler_stuck" in causes(web, waits), "the reason that its user is told")
    assert web.call("GET", "/livez")[0] == 200
