import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, event, text

from jobs import store, workers
from jobs.db.engine import open_engine
from jobs.held import Held
from jobs.telemetry import RunLost
from scheduler.heartbeat import Heartbeat
from scheduler.leader import Leader
from scheduler.pool import Pool
from tests.factory import make_job
from tests.scheduler.kit import make_held, told, until
from tests.scheduler.proxy import Proxy

LEASE_S, EVERY_S = 100, 0.05


Parts = tuple[Heartbeat, Pool, Leader]
Make = Callable[..., Parts]


def make_parts(engine: Engine, name: str = "w") -> Parts:
    pool = Pool(lambda: 3, lambda _: None, lambda: None)
    leader = Leader(lambda: None)
    shown = workers.Worker(name, "host", 7, "1.0", ["t"], seats=3, busy=0, lease_s=LEASE_S, leader_ttl_s=100)
    return Heartbeat(engine, pool, leader, worker=lambda: shown, every_s=lambda: EVERY_S), pool, leader


@pytest.fixture
def make(engine: Engine) -> Iterator[Make]:
    """make(name) -> what is to be beaten by hand"""
    made: list[Parts] = []

    def one_more(name: str = "w") -> Parts:
        made.append(make_parts(engine, name))
        return made[-1]

    yield one_more
    for heartbeat, _, _ in made:
        heartbeat._line.close()


def hold(pool: Pool, job_id: str, claim_seq: int = 1) -> Held:
    held = pool.held[job_id] = make_held(job_id, claim_seq=claim_seq)
    return held


def left_s(conn: Connection, job_id: str) -> float:
    """What is left of the job's lease."""
    query = "select extract(epoch from lease_expires_at - clock_timestamp()) from ai_jobs where id = :id"
    return float(conn.execute(text(query), {"id": job_id}).scalar_one())


def test_a_beat_prolongs_every_lease(make: Make, conn: Connection):
    heartbeat, pool, _ = make()
    first, second = make_job(conn, "processing"), make_job(conn, "lost")
    hold(pool, first)
    hold(pool, second)
    heartbeat.beat()
    assert left_s(conn, first) > 90
    assert left_s(conn, second) > 90  # it was over, but nobody had reaped it


def test_a_beat_shows_the_worker(make: Make, conn: Connection):
    make()[0].beat()
    row = conn.execute(text("select id, host, pid, version, job_types, seats, busy from ai_workers")).one()
    assert tuple(row) == ("w", "host", 7, "1.0", ["t"], 3, 0)


def test_a_cancel_is_heard(make: Make, conn: Connection):
    heartbeat, pool, _ = make()
    cancelled, other = make_job(conn, "processing"), make_job(conn, "processing")
    runs = [hold(pool, cancelled), hold(pool, other)]
    store.cancel(conn, job_id=cancelled, user_id="ann")
    heartbeat.beat()
    assert [held.stop_reason for held in runs] == ["cancelled", None]
    assert left_s(conn, cancelled) > 90


@pytest.mark.parametrize(
    ("state", "columns"),
    [
        ("processing", {"claim_seq": 2}),  # reaped, and claimed by another
        ("ready", {"claim_seq": 1}),  # reaped
        ("failed", {"claim_seq": 1}),  # reaped, for the last time
        ("completed", {"claim_seq": 2}),
    ],
)
def test_a_lost_run_is_stopped(make: Make, conn: Connection, state: str, columns: dict[str, int]):
    heartbeat, pool, _ = make()
    lost = hold(pool, make_job(conn, state, **columns))
    trusted_until = lost.trusted_until
    with told(RunLost) as heard:
        heartbeat.beat()
        heartbeat.beat()
    assert lost.stop_reason == "lost"
    assert heard == [RunLost(lost.claim.id, 1, lost.claim.user_id)]
    assert lost.trusted_until == trusted_until


def test_a_run_whose_job_is_gone_is_stopped(make: Make, conn: Connection):
    heartbeat, pool, _ = make()
    gone = hold(pool, "00000000-0000-7000-8000-000000000000")
    heartbeat.beat()
    assert gone.stop_reason == "lost"


@pytest.mark.parametrize("state", ["completed", "failed", "ready"])
def test_a_run_that_was_recorded_meanwhile_is_not_called_lost(
    make: Make, conn: Connection, state: str, caplog: pytest.LogCaptureFixture
):
    heartbeat, pool, _ = make()
    recorded = hold(pool, make_job(conn, state, claim_seq=1))
    recorded.end()
    heartbeat.beat()
    assert recorded.stop_reason is None
    assert "lost" not in caplog.text


def test_a_run_that_completes_between_two_looks_is_not_called_lost(make: Make, conn: Connection):
    heartbeat, pool, _ = make()
    held = hold(pool, make_job(conn, "completed", claim_seq=1))
    heartbeat.beat()
    assert held.stop_reason is None


def test_trust_counts_from_before_the_beat_was_sent_and_ends_a_beat_before_the_lease(
    engine: Engine, make: Make, conn: Connection
):
    heartbeat, pool, leader = make()
    held = hold(pool, make_job(conn, "processing"))
    sent: list[float] = []

    def slow(*_: object) -> None:
        sent.append(time.monotonic())
        until(lambda: time.monotonic() > sent[-1] + 0.05)

    event.listen(engine, "before_cursor_execute", slow)
    began = time.monotonic()
    heartbeat.beat()
    event.remove(engine, "before_cursor_execute", slow)
    assert began <= held.trusted_until - (LEASE_S - EVERY_S) <= sent[0]
    assert began <= leader._trusted_until - 80 <= sent[0]


def test_a_process_that_stops_does_not_stand_for_leader(make: Make, conn: Connection):
    heartbeat, _, leader = make()
    heartbeat.stands = False
    heartbeat.beat()
    assert conn.execute(text("select count(*) from ai_leader")).scalar_one() == 0
    assert not leader.leading()


def test_one_of_two_processes_leads(make: Make, conn: Connection):
    beats = [make(name) for name in ("a", "b")]
    for heartbeat, _, _ in beats:
        heartbeat.beat()
    assert [leader.leading() for _, _, leader in beats] == [True, False]
    assert beats[0][2].term == 1


def test_failing_beats_are_tried_again(proxy: Proxy, conn: Connection, caplog: pytest.LogCaptureFixture):
    engine = open_engine(proxy.url)
    heartbeat, pool, _ = make_parts(engine)
    job = make_job(conn, "lost")
    thread = threading.Thread(target=heartbeat.loop, name="heartbeat")
    thread.start()
    until(lambda: conn.execute(text("select count(*) from ai_workers")).scalar_one())
    proxy.cut()
    until(lambda: "a heartbeat failed" in caplog.text)
    held = hold(pool, job)
    assert left_s(conn, job) < 0
    proxy.mend()
    until(lambda: left_s(conn, job) > 90)
    assert held.stop_reason is None
    heartbeat.stop()
    thread.join(20)
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    engine.dispose()
