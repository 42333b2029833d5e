"""Another model, address or time-out is used from the next run on; a run that has begun keeps its own."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cli import provider
from jobs.job import Handler, Run
from jobs.outcomes import Done, Outcome, Retry
from tests import fake_openai
from tests.hot.kit import Tuned, shows
from tests.scheduler.kit import until

KEY = {"OPENAI_API_KEY": "sk-test"}


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Any]]:
    with fake_openai.running() as one, fake_openai.running() as another:
        yield [one, another]


def a_run(instructions: str = "a login") -> Run:
    request = {"instructions": instructions}
    return Run("1", "ann", request, 1, None, lambda _percent, _message: None, lambda: False)


def draw(handlers: dict[str, Handler], instructions: str = "a login") -> Outcome:
    return handlers["create_canvas"](a_run(instructions))


@pytest.fixture
def tuned(tmp_path: Path, servers: list[Any]) -> Tuned:
    return Tuned(tmp_path, KEY, provider={"base_url": servers[0].base_url, "model": "first"})


def model(outcome: Outcome) -> str:
    assert isinstance(outcome, Done), outcome
    return str(outcome.result["model"])


@shows("provider.model", "provider.base_url")
def test_the_next_run_asks_the_new_model_and_one_under_way_the_old(tuned: Tuned, servers: list[Any]):
    handlers = provider.followed(tuned.current)
    before = [len(server.calls) for server in servers]
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(draw, handlers, "[fake:good first_delay_s=0.5] a login")
        until(lambda: len(servers[0].calls) == before[0] + 1)
        tuned.set(provider={"base_url": servers[1].base_url, "model": "second"})
        assert model(draw(handlers)) == "second"
        assert model(under_way.result(30)) == "first"
    assert [len(server.calls) - was for server, was in zip(servers, before, strict=True)] == [1, 1]


def test_the_connections_of_a_provider_that_was_replaced_are_closed_after_its_last_call(
    tuned: Tuned, servers: list[Any]
):
    handlers = provider.followed(tuned.current)
    draw(handlers)
    old = handlers["create_canvas"]
    (llm,) = [cell.cell_contents for cell in old.__closure__ or ()]
    assert llm._client is not None
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(old, a_run("[fake:good first_delay_s=0.5] a login"))
        until(lambda: llm._calls == 1)
        tuned.set(provider={"base_url": servers[0].base_url, "model": "second"})
        assert model(under_way.result(30)) == "first"
    until(lambda: llm._client is None)
    assert model(old(a_run())) == "first"  # a run that has still to ask may do so
    until(lambda: llm._client is None)


def test_a_change_of_something_else_keeps_the_connections(tuned: Tuned, servers: list[Any]):
    handlers = provider.followed(tuned.current)
    before = handlers["create_canvas"]
    tuned.set(provider={"base_url": servers[0].base_url, "model": "first"}, jobs={"max_retries": 9})
    assert handlers["create_canvas"] is before


def test_a_provider_may_come_and_go(tmp_path: Path, servers: list[Any]):
    tuned = Tuned(tmp_path)
    handlers = provider.followed(tuned.current)
    drawn = [model(draw(handlers))]
    tuned.set(provider={"base_url": servers[0].base_url, "model": "second"})
    drawn.append(model(draw(handlers)))
    tuned.set(log={"level": "info"})
    drawn.append(model(draw(handlers)))
    assert drawn == ["built-in", "second", "built-in"]


@shows("provider.read_timeout_s")
def test_read_timeout_s(tuned: Tuned, servers: list[Any]):
    handlers = provider.followed(tuned.current)
    tuned.set(provider={"base_url": servers[0].base_url, "read_timeout_s": 0.2})
    outcome = draw(handlers, "[fake:hang] a login")
    assert isinstance(outcome, Retry)
    assert outcome.code == "timed_out"


@shows("provider.connect_timeout_s")
def test_connect_timeout_s(tuned: Tuned):
    """A host that takes no connection and refuses none: its backlog is full."""
    handlers = provider.followed(tuned.current)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        tuned.set(provider={"base_url": url, "connect_timeout_s": 0.2, "read_timeout_s": 100})
        outcome = draw(handlers)
        for filler in fillers:
            filler.close()
    assert isinstance(outcome, Retry)


def test_the_time_of_a_run_bounds_the_call(tuned: Tuned, servers: list[Any]):
    handlers = provider.followed(tuned.current)
    about = {"base_url": servers[0].base_url, "read_timeout_s": 100}
    tuned.set(provider=about, jobs={"run_timeout_s": {"create_canvas": 0.2}})
    outcome = draw(handlers, "[fake:hang] a login")
    assert isinstance(outcome, Retry)
    assert outcome.code == "timed_out"
