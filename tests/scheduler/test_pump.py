import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, event, text

from jobs import runner
from jobs.job import Key
from jobs.outcomes import Done, Retry
from scheduler import pump as pump_module
from scheduler.later import FIRST_S, LONGEST_S, Later
from scheduler.pump import Step
from tests.factory import make_job, row_of
from tests.scheduler.kit import Gate, MakeRig, Rig, count, during, make_held, ready_key, statements, status_of, until


def test_a_step_records_what_ended_and_claims_what_is_next(make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({"n": 1})}, scheduler__seats=1)
    first, second = make_job(conn), make_job(conn)
    assert rig.pump.step() == Step(recorded=0, claimed=1)
    until(rig.pool.free)
    assert rig.pump.step() == Step(recorded=1, claimed=1)
    assert row_of(conn, first).result_data == {"n": 1}
    until(rig.pool.free)
    assert rig.pump.step() == Step(recorded=1, claimed=0)
    assert status_of(conn, second) == "completed"
    assert rig.pool.held == {}


def test_what_is_given_up_is_claimed_again_in_the_same_step(make_rig: MakeRig, conn: Connection):
    answers = itertools.chain([Retry("busy", counted=False, delay_s=0)], itertools.repeat(Done({})))
    rig = make_rig({"t": lambda _: next(answers)}, scheduler__seats=1)
    job = make_job(conn)
    rig.pump.step()
    until(rig.pool.free)
    assert rig.pump.step() == Step(recorded=1, claimed=1)
    assert row_of(conn, job).claim_seq == 2


def test_steps_do_not_overlap(engine: Engine, make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=3)
    for _ in range(40):
        make_job(conn)
    active, most = itertools.count(), list[int]()
    under_way: set[int] = set()

    def begin(*_: object) -> None:
        under_way.add(next(active))
        most.append(len(under_way))

    def end(*_: object) -> None:
        under_way.pop()

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    with ThreadPoolExecutor(4) as threads:
        steps = list(threads.map(lambda _: rig.pump.step(), range(100)))
    event.remove(engine, "before_cursor_execute", begin)
    event.remove(engine, "after_cursor_execute", end)
    assert max(most) == 1
    assert sum(step.claimed for step in steps) > 3


def test_full_seats_claim_nothing(engine: Engine, make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=1)
    for _ in range(2):
        make_job(conn)
    rig.pump.step()
    rig.pump.poll()
    with statements(engine) as sent:
        assert rig.pump.step() == Step()
    assert sent == []
    gate.opened.set()


def test_a_pump_that_stops_claims_nothing_but_still_records(make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=1)
    job = make_job(conn)
    rig.pump.step()
    until(rig.pool.free)
    rig.pump.stop_claiming(1)
    assert rig.pump.ready([ready_key(conn, make_job(conn))]) is False
    assert rig.pump.step() == Step(recorded=1, claimed=0)
    assert status_of(conn, job) == "completed"


def test_a_hint_below_the_bound_is_found(make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=2)
    make_job(conn, turn=5)
    rig.pump.step()
    until(lambda: rig.pool.free() == 2)
    early = make_job(conn, turn=3)
    rig.pump.ready([Key(0, 9, 9)])  # another job, behind the bound
    assert rig.pump.step().claimed == 0
    rig.pump.ready([ready_key(conn, early)])
    assert rig.pump.step().claimed == 1


@pytest.mark.parametrize("state", ["processing", "ready"])
def test_a_hint_that_comes_while_a_claim_is_under_way_is_not_lost(
    engine: Engine, make_rig: MakeRig, conn: Connection, state: str
):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=2, jobs__max_concurrent_jobs=None)
    make_job(conn, state, turn=5)  # claimed or not: the bound must not rise above what was hinted

    def enqueue_behind_its_snapshot() -> None:
        rig.pump.ready([ready_key(conn, make_job(conn, turn=3))])

    with during(engine, "-- claim", enqueue_behind_its_snapshot):
        assert rig.pump.step().claimed == (state == "ready")
    assert rig.pump.step().claimed == 1


def test_as_many_hints_as_there_are_free_seats_are_kept_from_the_others(make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=2)
    keys = [Key(0, 0, seq) for seq in range(4)]
    assert rig.pump.ready(keys[:1])
    assert rig.pump.ready(keys[1:2])
    assert not rig.pump.ready(keys[2:3])
    rig.pump.step()
    assert rig.pump.ready(keys[:2])
    assert not rig.pump.ready(keys[:3])


def told_others(rig: Rig) -> list[Key]:
    return list(rig.hints._lowest.values())


@pytest.mark.parametrize("seats", [1, 2])
def test_what_was_kept_from_the_others_and_cannot_be_run_here_is_passed_on(
    make_rig: MakeRig, conn: Connection, gate: Gate, seats: int
):
    rig = make_rig({"t": gate}, scheduler__seats=seats, jobs__max_concurrent_jobs=None)
    foreign = ready_key(conn, make_job(conn, job_type="of another release", turn=1))
    assert rig.pump.ready([foreign])
    assert rig.pump.step() == Step()
    assert told_others(rig) == [foreign]


def test_what_is_taken_here_is_told_to_nobody(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=2)
    assert rig.pump.ready([ready_key(conn, make_job(conn)) for _ in range(2)])
    assert rig.pump.step().claimed == 2
    assert told_others(rig) == []


def test_what_lost_its_seat_to_a_job_before_it_is_passed_on(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=1, jobs__max_concurrent_jobs=None)
    before, mine = make_job(conn, turn=1), ready_key(conn, make_job(conn, turn=2))
    assert rig.pump.ready([mine])
    assert rig.pump.step().claimed == 1
    assert status_of(conn, before) == "processing"
    assert told_others(rig) == [mine]


def test_at_the_cap_nobody_is_told_of_what_nobody_may_run(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=2, jobs__max_concurrent_jobs=1)
    make_job(conn)
    rig.pump.step()
    assert rig.pump.ready([ready_key(conn, make_job(conn))])
    assert rig.pump.step() == Step()
    assert told_others(rig) == []


def test_an_outcome_whose_row_is_locked_holds_up_neither_the_others_nor_the_next_claim(
    make_rig: MakeRig, engine: Engine, conn: Connection
):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=2, jobs__max_concurrent_jobs=None)
    locked, other, following = (make_job(conn, turn=turn) for turn in range(3))
    rig.pump.step()
    until(lambda: rig.pool.free() == 2)
    with engine.connect() as stranger:
        stranger.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": locked})
        assert rig.pump.step() == Step(recorded=2, claimed=1)
        assert (status_of(conn, locked), status_of(conn, other)) == ("processing", "completed")
        assert list(rig.pool.held) == [locked, following]  # its lease is prolonged all the while
        assert rig.pump._nap_s() is not None
    until(lambda: rig.pump.step() and status_of(conn, locked) == "completed")
    until(lambda: rig.pump.step() and not rig.pool.held)


def test_the_status_of_a_row_that_stays_locked_is_asked_for_ever_more_rarely():
    later, waits = Later(), []
    for _ in range(9):
        later.put_off([later])
        waits.append(round(later.due_in_s(), 3))
        later._at = 0.0
        assert later.due() == [later]
    later.put_off([])
    assert later.due_in_s() is None
    assert waits == sorted(waits)
    assert 0 < waits[0] <= FIRST_S < LONGEST_S / 2 < waits[-1] <= LONGEST_S


def test_a_batch_that_failed_is_tried_again_with_half_as_many(make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=4, jobs__max_concurrent_jobs=None)
    for _ in range(4):
        make_job(conn)
    rig.pump.step()
    until(lambda: rig.pool.free() == 4)
    rig.pump._most = 4
    conn.execute(text("alter table ai_jobs rename to elsewhere"))
    assert not rig.pump._stepped()
    conn.execute(text("alter table elsewhere rename to ai_jobs"))
    assert rig.pump.step().recorded == 2
    assert rig.pump._most == 2
    assert rig.pump._stepped()
    assert rig.pump._most == 4


def test_the_fleets_cap_is_exact_over_two_pumps(make_rig: MakeRig, conn: Connection, gate: Gate):
    rigs = [make_rig({"t": gate}, name=name, jobs__max_concurrent_jobs=3) for name in ("a", "b")]
    for _ in range(12):
        make_job(conn)
    for done in range(0, 12, 3):
        both = threading.Barrier(2)

        def step(rig: Rig, both: threading.Barrier = both) -> int:
            both.wait(20)
            rig.pump.poll()
            return rig.pump.step().claimed

        with ThreadPoolExecutor(2) as threads:
            assert sum(threads.map(step, rigs)) == 3
        assert count(conn, "status = 'processing'") == 3
        until(lambda done=done: len(gate.runs) == done + 3)
        gate.opened.set()
        until(lambda: sum(rig.pool.busy for rig in rigs) == 0)
        gate.opened.clear()
        for rig in rigs:
            rig.pump.stop_claiming(1)
            rig.pump.step()
            rig.pump._claiming = True


def test_a_full_cap_does_not_wake_the_pump_again(make_rig: MakeRig, conn: Connection):
    make_job(conn, "processing")
    rig = make_rig({"t": lambda _: Done({})}, jobs__max_concurrent_jobs=1)
    rig.pump.step()
    rig.pump.ready([ready_key(conn, make_job(conn))])
    rig.pump._awake.clear()
    assert rig.pump.step().claimed == 0
    assert not rig.pump._awake.is_set()


def test_the_queues_clock_advances_at_most_once_a_second(engine: Engine, make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})}, scheduler__seats=2)
    make_job(conn, turn=4)
    make_job(conn, turn=7)
    with statements(engine, "ai_queue_clock") as sent:
        rig.pump.step()
        until(lambda: rig.pool.free() == 2)
        rig.pump.ready([ready_key(conn, make_job(conn, turn=5, priority=-1))])
        assert rig.pump.step().claimed == 1
    assert len(sent) == 1
    assert conn.execute(text("select rank, turn from ai_queue_clock")).all() == [(0, 7)]
    rig.pump._claims._clock_not_before = 0
    rig.pump.step()
    assert conn.execute(text("select rank, turn from ai_queue_clock order by 1")).all() == [(0, 7), (1, 5)]


def test_a_new_run_is_trusted_from_before_its_claim_was_sent(engine: Engine, make_rig: MakeRig, conn: Connection):
    rig = make_rig({"t": lambda _: Done({})})
    job, sent = make_job(conn), list[float]()

    def slow(*_: object) -> None:
        sent.append(time.monotonic())
        until(lambda: time.monotonic() > sent[0] + 0.05)

    event.listen(engine, "before_cursor_execute", slow)
    rig.pump.step()
    event.remove(engine, "before_cursor_execute", slow)
    assert rig.pool.held[job].trusted_until <= sent[0] + rig.rules.lease_s - rig.rules.heartbeat_every_s


def test_a_flush_is_bounded_in_bytes(make_rig: MakeRig, conn: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pump_module, "BATCH_BYTES", 5000)
    rig = make_rig({"t": lambda _: Done({})})
    for size in (4000, 2000, 2000, 9000, 1):
        held = make_held(make_job(conn, "processing"))
        outcome = Done({"text": "x" * size})
        rig.pump.ended(runner.settle(held, outcome, retry_delay_s=0, result_bytes=10_000))
    assert [rig.pump.step().recorded for _ in range(5)] == [1, 2, 1, 1, 0]
    assert count(conn, "status = 'completed'") == 5
