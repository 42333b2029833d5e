"""Pumps under a cap on each user: what waits for an own run is found when that run ends, and nobody starves."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Connection, Engine

import config
from jobs import store
from jobs.job import Run
from jobs.outcomes import Done
from tests.factory import make_job
from tests.scheduler.kit import Gate, MakeRig, Rig, count, ready_key, settings, statements, status_of, until

CAPPED = {"scheduler__seats": 3, "jobs__max_concurrent_jobs": 3, "jobs__max_concurrent_per_user": 1}


class Busy:
    """A handler that notes who ran how many jobs at the same time.

    Those of `pair` go on until two of them do, however slow the machine is.
    """

    def __init__(self, pair: str = "") -> None:
        self._pair = pair
        self.most: Counter[str] = Counter()
        self.most_of_all = 0
        self._now: Counter[str] = Counter()
        self._lock = threading.Condition()

    def __call__(self, run: Run) -> Done:
        with self._lock:
            self._now[run.user_id] += 1
            self.most[run.user_id] = max(self.most[run.user_id], self._now[run.user_id])
            self.most_of_all = max(self.most_of_all, self._now.total())
            self._lock.notify_all()
            if run.user_id == self._pair:
                self._lock.wait_for(lambda: self.most[self._pair] > 1, timeout=30)
        threading.Event().wait(0.002)
        with self._lock:
            self._now[run.user_id] -= 1
        return Done({})


@contextmanager
def looping(*rigs: Rig) -> Iterator[None]:
    with ExitStack() as stack:
        for rig in rigs:
            stack.enter_context(rig.looping())
            rig.pump.poll()
        yield


def enqueue(conn: Connection, user: str, jobs: int = 1, priority: int = 0) -> list[store.Enqueued]:
    add = {"job_type": "t", "request_data": {}, "priority": priority}
    return [store.enqueue(conn, user_id=user, **add) for _ in range(jobs)]


def test_a_capped_users_backlog_drains_without_a_poll(engine: Engine, conn: Connection, monkeypatch):
    monkeypatch.setattr(store, "WALK", 10)
    busy = Busy()
    enqueue(conn, "ann", 60)
    with looping(Rig(engine, {"t": busy}, **CAPPED)):
        until(lambda: count(conn, "status = 'completed'") == 60)
    assert busy.most == {"ann": 1}


def test_a_capped_users_backlog_ahead_of_all_others_holds_up_nobody(
    make_rig: MakeRig, conn: Connection, gate: Gate, monkeypatch
):
    monkeypatch.setattr(store, "WALK", 10)
    for turn in range(100):
        make_job(conn, user_id="ann", turn=turn)
    late = make_job(conn, user_id="bob", turn=500)
    rig = make_rig({"t": gate}, **CAPPED)
    rig.pump.poll()
    for _ in range(12):
        rig.pump.step()
    assert status_of(conn, late) == "processing"
    assert count(conn, "status = 'processing'") == 2
    assert rig.pump._nap_s() is None
    newcomer = enqueue(conn, "eve")[0]
    rig.pump.ready([newcomer.key])
    rig.pump.step()
    assert status_of(conn, newcomer.id) == "processing"


def test_a_hint_walks_no_backlog_again(make_rig: MakeRig, engine: Engine, conn: Connection, gate: Gate, monkeypatch):
    monkeypatch.setattr(store, "WALK", 10)
    for turn in range(300):
        make_job(conn, user_id="ann", turn=turn)
    rig = make_rig({"t": gate}, **CAPPED)
    while rig.pump.step().claimed or rig.pump._nap_s() == 0:
        pass
    with statements(engine, "-- claim") as sent:
        rig.pump.ready([enqueue(conn, "eve")[0].key])
        while rig.pump.step().claimed or rig.pump._nap_s() == 0:
            pass
    assert len(sent) <= 4


def test_a_user_whose_last_run_ended_in_a_process_that_stops_is_told_to_the_others(make_rig: MakeRig, conn: Connection):
    leave = Gate()
    rig, other = (make_rig({"t": leave}, name=name, **CAPPED) for name in ("a", "b"))
    jobs = enqueue(conn, "ann", 2)
    rig.pump.step()
    rig.hints._near = other
    other.pump.step()
    assert other.pump.step().claimed == 0
    rig.pump.stop_claiming(1)
    leave.opened.set()
    until(lambda: rig.pump._done)
    rig.pump.step()
    assert other.pump.step().claimed == 1
    assert status_of(conn, jobs[1].id) in ("processing", "completed")


def test_everything_drains_under_all_caps_with_two_pumps(engine: Engine, conn: Connection, monkeypatch):
    monkeypatch.setattr(store, "WALK", 10)
    busy = Busy(pair="ann")
    limits = {"scheduler__seats": 4, "jobs__max_concurrent_jobs": 5, "jobs__max_concurrent_per_user": 2}
    for number, user in enumerate(("ann", "bob", "eve", "kim")):
        enqueue(conn, user, (100, 40, 20, 3)[number])
        enqueue(conn, user, 10, priority=number % 2)
    rigs = [Rig(engine, {"t": busy}, name=name, **limits) for name in ("a", "b")]
    over = threading.Event()

    def poll() -> None:  # the net below what one pump ends and the other could claim
        while not over.wait(0.2):
            for rig in rigs:
                rig.pump.poll()

    poller = threading.Thread(target=poll)
    with looping(*rigs):
        poller.start()
        try:
            until(lambda: count(conn, "status = 'completed'") == 203)
        finally:
            over.set()
            poller.join()
    assert busy.most["ann"] == max(busy.most.values()) == 2  # the users with few jobs may never have two at a time
    assert 2 <= busy.most_of_all <= 5


@pytest.mark.parametrize("caps", [(1, 3), (1, None), (None, 1), (3, 1)])
def test_the_cap_can_change_while_jobs_run(make_rig: MakeRig, conn: Connection, gate: Gate, caps):
    fixed: list[config.Config] = [settings(**{**CAPPED, "jobs__max_concurrent_per_user": cap}) for cap in caps]
    rig = make_rig({"t": gate}, **CAPPED)
    rig.rules._settings = lambda: fixed[0]
    enqueue(conn, "ann", 9)
    rig.pump.step()
    assert count(conn, "status = 'processing'") == (caps[0] or 3)
    del fixed[0]
    rig.pump.step()
    assert count(conn, "status = 'processing'") == max(cap or 3 for cap in caps)


def test_a_retry_and_a_delayed_job_of_a_capped_user_run_in_the_end(make_rig: MakeRig, conn: Connection, gate: Gate):
    rig = make_rig({"t": gate}, **CAPPED)
    first = make_job(conn, user_id="ann", turn=5)
    rig.pump.step()
    due = make_job(conn, "due", user_id="ann", turn=3)
    rig.pump.ready(store.reschedule(conn))
    assert rig.pump.step().claimed == 0
    gate.opened.set()
    until(lambda: rig.pool.free() == 3)
    assert rig.pump.step().claimed == 1
    assert (status_of(conn, first), count(conn, f"id = '{due}' and claim_seq = 1")) == ("completed", 1)


def test_what_waits_for_an_own_run_is_not_looked_for_again_and_again(
    make_rig: MakeRig, engine: Engine, conn: Connection, gate: Gate
):
    rig = make_rig({"t": gate}, **CAPPED)
    enqueue(conn, "ann", 5)
    rig.pump.step()
    rig.pump.ready([ready_key(conn, make_job(conn, user_id="ann", turn=9))])
    assert rig.pump.step().claimed == 0
    with statements(engine, "-- claim") as sent:
        for _ in range(5):
            rig.pump.step()
    assert (sent, rig.pump._nap_s()) == ([], None)
