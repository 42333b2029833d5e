"""The application as the tests of this folder call it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from jobs.db.engine import autocommit
from tests.api import kit


@pytest.fixture
def yard(engine: Engine) -> Iterator[kit.Scene]:
    """An application on an empty queue, without a scheduler inside."""
    with autocommit(engine) as conn:
        for table in (
            "ai_jobs",
            "ai_workers",
            "ai_queue_clock",
            "ai_user_limits",
            "ai_pauses",
        ):  # a tenth of what truncate costs
            conn.execute(text(f"delete from {table}"))
        yield kit.scene(engine, conn, kit.settings())
