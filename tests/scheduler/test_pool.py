import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from jobs.held import Held
from scheduler.pool import Pool
from tests.factory import make_job
from tests.scheduler.kit import Gate, MakeRig, make_held, status_of, until


def nothing() -> None:
    pass


def gated(seats: Callable[[], int], freed: Callable[[], None] = nothing):
    """A pool whose work waits for the semaphore, the semaphore, and the list of what has begun."""
    leave, begun = threading.Semaphore(0), list[Held]()

    def work(held: Held) -> None:
        begun.append(held)
        assert leave.acquire(timeout=30)

    return Pool(seats, work, freed), leave, begun


def test_three_seats_run_three_jobs_at_the_same_time():
    together, passed = threading.Barrier(3), []
    pool = Pool(lambda: 3, lambda _: passed.append(together.wait(20)), nothing)
    for _ in range(3):
        pool.start(make_held())
    until(lambda: len(passed) == 3)
    assert sorted(passed) == [0, 1, 2]


def test_a_fourth_job_waits_for_a_free_seat(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, scheduler__seats=3, jobs__max_concurrent_jobs=None)
    ids = [make_job(conn) for _ in range(4)]
    rig.pump.step()
    until(lambda: len(gate.runs) == 3)
    assert status_of(conn, ids[3]) == "queued"
    gate.opened.set()
    until(lambda: rig.pool.free() == 3)
    assert rig.pump.step().claimed == 1
    until(lambda: len(gate.runs) == 4)


def test_a_seat_stays_busy_until_its_handler_returns_whatever_was_recorded():
    pool, leave, begun = gated(lambda: 1)
    held = make_held()
    pool.start(held)
    until(lambda: begun)
    held.end()
    pool.forget(held)
    assert (pool.busy, pool.free(), pool.held) == (1, 0, {})
    leave.release()
    until(lambda: pool.free() == 1)


def test_fewer_seats_take_effect_as_runs_end():
    seats = [3]
    pool, leave, begun = gated(lambda: seats[0])
    for _ in range(3):
        pool.start(make_held())
    until(lambda: len(begun) == 3)
    seats[0] = 1
    assert pool.free() == 0
    leave.release(2)
    until(lambda: pool.busy == 1)
    assert pool.free() == 0
    leave.release()
    until(lambda: pool.free() == 1)


def test_a_free_seat_is_told_only_when_it_can_be_taken():
    free: list[int] = []
    pool, leave, _ = gated(lambda: 1, lambda: free.append(pool.free()))
    pool.start(make_held())
    leave.release()
    until(lambda: free)
    assert free == [1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_seat_whose_work_failed_is_replaced():
    ran: list[str] = []

    def work(held: Held) -> None:
        ran.append(held.claim.job_type)
        if held.claim.job_type == "bad":
            raise ValueError

    pool, before = Pool(lambda: 1, work, nothing), set(threading.enumerate())
    pool.start(make_held(job_type="bad"))
    until(lambda: pool.free() == 1)
    until(lambda: set(threading.enumerate()) <= before)  # or its exception would be laid at another test's door
    pool.start(make_held(job_type="good"))
    until(lambda: ran == ["bad", "good"])


def test_forgetting_an_old_run_leaves_the_new_run_of_the_same_job():
    pool, leave, _ = gated(lambda: 2)
    old = make_held()
    new = make_held(old.claim.id, claim_seq=2)
    pool.start(old)
    pool.start(new)
    pool.forget(old)
    assert pool.held == {old.claim.id: new}
    leave.release(2)


def test_overdue_are_those_whose_handler_has_not_ended_in_time():
    pool, leave, _ = gated(lambda: 3)
    late, ended, quick = make_held(limit_s=0), make_held(limit_s=0), make_held()
    for held in (late, ended, quick):
        pool.start(held)
    ended.end()
    assert pool.overdue(0) == [late]
    assert pool.overdue(grace_s=100) == []
    leave.release(3)


def test_a_closed_pool_leaves_no_thread():
    before = set(threading.enumerate())
    pool, leave, begun = gated(lambda: 2)
    pool.start(make_held())
    pool.start(make_held())
    until(lambda: len(begun) == 2)
    seats = set(threading.enumerate()) - before
    assert len(seats) == 2
    pool.close()
    leave.release(2)
    for thread in seats:
        thread.join(20)
    assert not any(thread.is_alive() for thread in seats)


def test_a_run_without_a_thread_of_its_own_waits_for_the_next_seat():
    pool, leave, begun = gated(lambda: 2)
    pool.start(make_held())
    before = threading.stack_size(2**47)  # more than there is: the system refuses the thread
    try:
        pool.start(make_held())
    finally:
        threading.stack_size(before)
    leave.release(2)
    until(lambda: pool.free() == 2)
    assert len(begun) == 2


def test_threads_without_a_seat_end():
    seats, before = [4], set(threading.enumerate())

    def alive() -> int:
        return sum(one.name.startswith("seat-") for one in set(threading.enumerate()) - before)

    pool, leave, begun = gated(lambda: seats[0])
    for _ in range(4):
        pool.start(make_held())
    until(lambda: len(begun) == 4)
    leave.release(2)
    until(lambda: pool.busy == 2)
    seats[0] = 1
    pool.shrink()
    until(lambda: alive() == 2)  # the idle ones at once
    leave.release(2)
    until(lambda: alive() == 1)
    pool.start(make_held())
    until(lambda: len(begun) == 5)
    leave.release()
    pool.close()
    until(lambda: alive() == 0)
