"""A database that is frozen answers nothing, and no time-out of the driver's ends the wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jobs.db.engine import open_engine
from jobs.db.line import Line
from scheduler.watchdog import Watchdog
from tests.scheduler.kit import until
from tests.scheduler.proxy import Proxy

LIMIT_S = 0.2


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    proxy = Proxy(database_url)
    yield proxy
    proxy.close()


@pytest.fixture
def line(proxy: Proxy) -> Iterator[Line]:
    engine = open_engine(proxy.url, pool_size=1, connect_timeout_s=2)
    line = Line(engine)
    yield line
    line.close()
    engine.dispose()


def ask(line: Line) -> int:
    with line.use() as conn:
        return conn.execute(text("select 1")).scalar_one()


def test_the_wait_for_a_frozen_database_is_ended_and_the_line_works_again_afterwards(proxy: Proxy, line: Line):
    watchdog = Watchdog({line: lambda: LIMIT_S})
    assert ask(line) == 1
    proxy.freeze()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask, line)
        until(watchdog.look)
        with pytest.raises(SQLAlchemyError):
            asked.result(10)
    proxy.mend()
    assert ask(line) == 1


def test_an_answer_in_time_is_left_alone(line: Line):
    watchdog = Watchdog({line: lambda: 3600})
    with line.use() as conn:
        assert watchdog.look() == 0
        assert conn.execute(text("select 2")).scalar_one() == 2


def test_a_line_that_nobody_uses_is_never_cut(line: Line):
    ask(line)
    assert Watchdog({line: lambda: 0.0}).look() == 0
    assert ask(line) == 1


def test_cutting_a_line_that_is_down_already_harms_nobody(line: Line):
    line.cut()
    ask(line)
    line.close()
    line.cut()
    assert ask(line) == 1


def test_its_loop_cuts_by_itself_until_it_is_stopped(proxy: Proxy, line: Line):
    watchdog = Watchdog({line: lambda: LIMIT_S})
    ask(line)
    proxy.freeze()
    with ThreadPoolExecutor(2) as threads:
        looking, asked = threads.submit(watchdog.loop), threads.submit(ask, line)
        with pytest.raises(SQLAlchemyError):
            asked.result(10)
        watchdog.stop()
        looking.result(10)
