"""A client that exists already: it polls, looks at `status` and `error_message` alone, and gives up after 295 s."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from config import load
from jobs.handlers import openai_calls
from tests import fake_openai
from tests.processes import QUICK, Web, fleet

GIVES_UP_S = 295
DEFAULTS = load(environ={})
MAX_WAIT_S = 8  # instead of the 240 s by default, and more than the pause between two tries


@dataclass
class Client:
    seen: list[str] = field(default_factory=list)  # each status, once in a row
    error: str | None = None

    def follow(self, web: Web, instructions: str) -> "Client":
        job_id = web.draw(instructions)
        end = time.monotonic() + GIVES_UP_S
        while time.monotonic() < end:
            job = web.job(job_id)
            if job["status"] != (self.seen or [""])[-1]:
                self.seen.append(job["status"])
            if job["status"] not in ("queued", "processing"):
                assert job["retry_count"] == 0
                self.error = job["error_message"]
                return self
            time.sleep(0.05)
        raise AssertionError(f"the client gave up: {self.seen}")


def test_it_comes_to_its_end_when_the_provider_is_away_for_a_moment_and_when_it_stays_away(database_url: str):
    """All timings of the scheduler are the defaults: a tick of 15 s must not be what ends the wait."""
    usual = {name: str(getattr(DEFAULTS.scheduler, name.rpartition("__")[2].lower())) for name in QUICK}
    with fake_openai.running() as provider:
        provider.script("503", "503 retry_after=2", "good")  # the first two tries, of two jobs
        env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.base_url}
        with fleet(database_url, **usual, **env, YARD_PROVIDER__MAX_WAIT_S=str(MAX_WAIT_S)) as ([web], _):
            asked = ["a login", "a logout", "a mind map [fake:503]"]
            with ThreadPoolExecutor(3) as pool:
                *lucky, unlucky = pool.map(lambda instructions: Client().follow(web, instructions), asked)
    for client in lucky:
        assert client.seen[-1] == "completed"
        assert "queued" in client.seen[client.seen.index("processing") :]
    assert unlucky.seen[-1] == "failed"
    assert "queued" in unlucky.seen[unlucky.seen.index("processing") :]
    assert unlucky.error
    assert len(provider.calls) >= 2 * len(lucky) + 2


@pytest.mark.parametrize("a_try_s", [0.0, DEFAULTS.provider.connect_timeout_s])
def test_by_default_a_job_ends_before_the_client_gives_up(a_try_s):
    """The first try, what is waited in all, the try that begins at the end of it; and what the scheduler is late by."""
    late_s = DEFAULTS.scheduler.poll_every_s + DEFAULTS.scheduler.reschedule_every_s
    assert a_try_s + DEFAULTS.provider.max_wait_s + a_try_s + late_s < GIVES_UP_S
    assert openai_calls.PAUSE_S < openai_calls.RATE_LIMIT_PAUSE_S < DEFAULTS.provider.max_wait_s / 2
