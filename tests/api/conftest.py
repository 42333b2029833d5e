"""The application as the tests of this folder call it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from jobs.db.engine import autocommit
from tests.api import kit
from tests.conftest import empty


@pytest.fixture
def yard(engine: Engine) -> Iterator[kit.Scene]:
    """An application on an empty queue, without a scheduler inside."""
    with autocommit(engine) as conn:
        empty(conn)
        yield kit.scene(engine, conn, kit.settings())
