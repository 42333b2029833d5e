"""Followers over Socket.IO, with the real client: two web processes, a worker on its own, and strangers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import Web, fleet
from tests.socketio_clients import WAYS, Node, needs_node, node

pytestmark = needs_node
SPLIT = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_API__SOCKETS__PER_USER": "3"}


@pytest.fixture(scope="module")
def webs(database_url: str) -> Iterator[list[Web]]:
    with fleet(database_url, webs=2, workers=1, **SPLIT) as (found, _):
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Node]:
    with node() as running:
        yield running


@pytest.mark.parametrize("way", WAYS)
def test_what_a_worker_draws_reaches_its_user_however_connected(webs: list[Web], browser: Node, way: str):
    with browser.client(webs[1].port, **WAYS[way]) as client:
        client.hears("connect")
        job_id = webs[0].draw("login flowchart: enter password, check")
        heard = [data for what, data in client.ended(job_id) if what.startswith("ai_job")]
    result = webs[1].call("GET", f"/job/{job_id}/result")[1]["result"]
    assert heard[-1]["result"] == result
