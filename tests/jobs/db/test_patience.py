"""A database that is frozen answers nothing, and no time-out of the driver's ends the wait."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from jobs.db import patience
from jobs.db.engine import autocommit, open_engine
from jobs.db.listener import Listener
from jobs.db.patience import Patient, Reluctant, Watchdog, patient_for
from tests.scheduler.kit import until
from tests.scheduler.proxy import Proxy

LIMIT_S = 0.2


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    proxy = Proxy(database_url)
    yield proxy
    proxy.close()


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog()
    thread = threading.Thread(target=watchdog.loop)
    thread.start()
    yield watchdog
    watchdog.stop()
    thread.join(10)
    assert not thread.is_alive()


def engine(proxy: Proxy, patience_s: float = LIMIT_S) -> Engine:
    return open_engine(
        proxy.url, pool_size=1, connect_timeout_s=2, statement_timeout_s=3600, patience_s=lambda: patience_s
    )


def ask(engine: Engine) -> int:
    with autocommit(engine) as conn:
        return conn.execute(text("select 1")).scalar_one()


def test_the_wait_for_a_frozen_database_is_ended_and_the_next_use_gets_another_connection(proxy: Proxy, watchdog):
    engine_ = engine(proxy)
    with autocommit(engine_) as conn:
        proxy.freeze()
        with pytest.raises(SQLAlchemyError):
            conn.execute(text("select 1"))
    proxy.mend()
    assert ask(engine_) == 1


def test_the_ping_of_a_pooled_connection_is_ended_as_well(proxy: Proxy, watchdog):
    engine_ = engine(proxy)
    ask(engine_)
    proxy.freeze()
    with pytest.raises(SQLAlchemyError):
        ask(engine_)
    proxy.mend()
    assert ask(engine_) == 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_wait_for_the_end_of_a_transaction_is_ended_as_well(proxy: Proxy, watchdog, end):
    with engine(proxy).connect() as conn:
        conn.execute(text("select 1"))
        proxy.freeze()
        with pytest.raises(SQLAlchemyError):
            getattr(conn, end)()


def test_the_listeners_first_word_is_ended_as_well(conn, database_url: str, watchdog, monkeypatch):
    monkeypatch.setattr("jobs.db.listener.ANSWER_S", LIMIT_S)
    monkeypatch.setattr("jobs.db.listener.PAUSE_S", 0.01)
    listener = Listener(database_url, {"slowly; select pg_sleep(600)": print}, print)
    listener.start()
    first = until(lambda: _listening(conn))
    until(lambda: _listening(conn) - first)
    listener.stop()
    listener._thread.join(10)


def _listening(conn) -> set[int]:
    pids = text(
        "select pid from pg_stat_activity where query like 'listen slowly%' and state = 'active' and datname = current_database()"
    )
    return set(conn.execute(pids).scalars())


def test_who_is_given_no_limit_waits_for_longer_than_a_statement_may_take(database_url: str):
    engine = open_engine(database_url, pool_size=1, statement_timeout_s=7)
    with engine.connect() as conn:
        assert conn.connection.driver_connection.patience_s() == 7 * 1.5
    engine.dispose()


def test_an_answer_in_time_is_left_alone(proxy: Proxy):
    with ThreadPoolExecutor(1) as threads, autocommit(engine(proxy, 3600)) as conn:
        slow = threads.submit(conn.execute, text("select pg_sleep(0.3)"))
        until(lambda: patience._waits)
        assert Watchdog().look() == 0
        slow.result(10)


def test_whoever_is_in_a_hurry_waits_no_longer_than_that(proxy: Proxy, watchdog):
    patient = engine(proxy, 3600)
    with autocommit(patient) as conn:
        proxy.freeze()
        with patient_for(LIMIT_S), pytest.raises(SQLAlchemyError):
            conn.execute(text("select 1"))


def test_a_hurry_is_over_with_its_block():
    with patient_for(1):
        pass
    assert patience._asked_s.get() is None


def test_a_connection_that_waits_for_nothing_is_never_cut(proxy: Proxy):
    with autocommit(engine(proxy, 0)) as conn:
        conn.execute(text("select 1"))
        assert Watchdog().look() == 0
        assert conn.execute(text("select 2")).scalar_one() == 2


def test_a_cut_that_comes_too_late_harms_nobody(proxy: Proxy):
    """The wait is over, another has begun, or the connection has gone."""
    engine_ = engine(proxy)
    with autocommit(engine_) as conn:
        raw = conn.connection.driver_connection
        raw.cut(0.0)
        assert conn.execute(text("select 1")).scalar_one() == 1
    engine_.dispose()
    raw.cut(0.0)


def test_after_a_cut_nobody_waits_for_a_connection_and_a_moment_later_one_is_there(proxy: Proxy, watchdog, monkeypatch):
    reluctant = open_engine(proxy.url, pool_size=1, connect_timeout_s=100, patience_s=lambda: LIMIT_S, reluctant=True)
    ask(reluctant)
    proxy.freeze()
    with pytest.raises(SQLAlchemyError, match="a moment ago"):  # the pool asks for another in place of the one cut
        ask(reluctant)
    proxy.mend()
    with pytest.raises(SQLAlchemyError, match="a moment ago"):
        ask(reluctant)
    monkeypatch.setattr(patience, "time", Clock(patience.PAUSE_S))
    assert ask(reluctant) == 1


class Clock:
    """Ahead of ours by so much."""

    def __init__(self, by_s: float) -> None:
        self._by_s = by_s

    def monotonic(self) -> float:
        return time.monotonic() + self._by_s


def test_after_a_connection_that_was_waited_for_in_vain_nobody_waits_for_a_while(monkeypatch):
    tried: list[float] = []
    opened = Reluctant(lambda: refuse(tried))
    clock = Clock(0)
    monkeypatch.setattr(patience, "time", clock)
    for took_s, tries in ((0, 1), (patience.LONG_S, 2), (0, 2)):
        clock.takes_s = took_s
        with pytest.raises(psycopg2.OperationalError):
            opened()
        assert len(tried) == tries


def refuse(tried: list[float]) -> Patient:
    tried.append(time.monotonic())
    patience.time._by_s += patience.time.takes_s
    raise psycopg2.OperationalError
