from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.scheduler.kit import Gate, MakeRig, Rig
from tests.scheduler.proxy import Proxy


@pytest.fixture
def make_rig(engine: Engine) -> Iterator[MakeRig]:
    rigs: list[Rig] = []

    def make(*given: Any, **changed: Any) -> Rig:
        rigs.append(Rig(engine, *given, **changed))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Opened at the end, so that no run outlives its test."""
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    proxy = Proxy(database_url)
    yield proxy
    proxy.close()
