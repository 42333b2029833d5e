"""The whole queue against a small model of it: any order of any steps, with late and stale writes among them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, text

from jobs import queries, store, totals, workers
from jobs.job import Claim, Key
from jobs.states import FINAL, State
from tests.jobs import kit

ANY = st.integers(0, 10**6)  # picks one of a list that grows
USERS = st.sampled_from(["ann", "bob"])
Q, P, C, F, X = State.QUEUED, State.PROCESSING, State.COMPLETED, State.FAILED, State.CANCELLED


@dataclass
class Model:
    """What a row must look like."""

    user_id: str
    key: Key
    max_retries: int
    waits: bool
    status: State = Q
    claim_seq: int = 0
    retry_count: int = 0
    losses: int = 0
    asked: bool = False  # to cancel
    version: int = field(default=1, compare=False)

    @property
    def ready(self) -> bool:
        return self.status == Q and not self.waits

    def ends(self, status: State) -> None:
        self.status, self.waits = status, False


class Queue(RuleBasedStateMachine):
    def __init__(self, conn: Connection) -> None:
        super().__init__()
        conn.execute(text("delete from ai_jobs; delete from ai_queue_clock"))
        self.conn = conn
        self.jobs: dict[str, Model] = {}
        self.claims: list[Claim] = []  # all that were ever given

    def job(self, number: int) -> str:
        return list(self.jobs)[number % len(self.jobs)]

    def claimed(self, number: int) -> tuple[Claim, Model]:
        claim = self.claims[number % len(self.claims)]
        return claim, self.jobs[claim.id]

    # --- the steps

    @rule(
        user_id=USERS, priority=st.integers(-1, 1), max_retries=st.integers(0, 4), delay_s=st.sampled_from([None, 3600])
    )
    def enqueue(self, user_id: str, priority: int, max_retries: int, delay_s: float | None) -> None:
        made = store.enqueue(
            self.conn,
            user_id=user_id,
            job_type="t",
            request_data={},
            priority=priority,
            max_retries=max_retries,
            delay_s=delay_s,
        )
        own = [
            job.key.turn
            for job in self.jobs.values()
            if job.ready and (job.user_id, job.key.rank) == (user_id, -priority)
        ]
        assert made.key.turn == max(own, default=-1) + 1
        self.jobs[made.id] = Model(user_id, made.key, max_retries, waits=delay_s is not None)

    @rule(seats=st.integers(1, 4))
    def claim(self, seats: int) -> None:
        claims = kit.claim(self.conn, seats=seats).claims
        ready = sorted((job.key, job_id) for job_id, job in self.jobs.items() if job.ready)
        assert kit.ids(claims) == [job_id for _, job_id in ready[:seats]]
        for claim in claims:
            job = self.jobs[claim.id]
            job.status, job.claim_seq = P, job.claim_seq + 1
            assert (claim.claim_seq, claim.retry_count, claim.key) == (job.claim_seq, job.retry_count, job.key)
        self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(number=ANY)
    def complete(self, number: int) -> None:
        claim, job = self.claimed(number)
        taken = kit.complete(self.conn, claim.id, claim.claim_seq)
        legal = claim.claim_seq == job.claim_seq and job.status in (P, Q)
        assert bool(taken) == legal
        if legal:
            job.ends(C)

    @precondition(lambda self: self.claims)
    @rule(number=ANY, retryable=st.booleans(), counted=st.booleans(), delay_s=st.sampled_from([0, 0, 60]))
    def give_up(self, number: int, *, retryable: bool, counted: bool, delay_s: float) -> None:
        claim, job = self.claimed(number)
        taken = kit.give_up(self.conn, claim.id, claim.claim_seq, retryable=retryable, counted=counted, delay_s=delay_s)
        legal = claim.claim_seq == job.claim_seq and job.status == P
        assert bool(taken) == legal
        if legal:
            job.retry_count += counted
            spent = counted and job.retry_count >= job.max_retries
            job.status = X if job.asked else F if spent or not retryable else Q
            job.waits = job.status == Q and delay_s > 0

    @precondition(lambda self: self.claims)
    @rule(number=ANY)
    def release(self, number: int) -> None:
        claim, job = self.claimed(number)
        legal = claim.claim_seq == job.claim_seq and job.status == P
        assert bool(kit.release(self.conn, claim.id, claim.claim_seq)) == legal
        if legal:
            job.status = X if job.asked else Q

    @precondition(lambda self: self.claims)
    @rule(numbers=st.lists(ANY, min_size=1, max_size=3))
    def lose(self, numbers: list[int]) -> None:
        """Some workers die, and the reaper comes."""
        lost = {claim.id: job for claim, job in map(self.claimed, numbers) if job.status == P}
        for job_id in lost:
            kit.put(self.conn, job_id, lease_expires_at="clock_timestamp() - interval '1 second'")
        assert len(store.reap(self.conn)[0]) == len(lost)
        for job in lost.values():
            job.losses, job.retry_count = job.losses + 1, job.retry_count + 1
            job.status = X if job.asked else F if job.losses >= 3 or job.retry_count >= job.max_retries else Q

    @precondition(lambda self: self.jobs)
    @rule(number=ANY, user_id=USERS)
    def cancel(self, number: int, user_id: str) -> None:
        job_id = self.job(number)
        job = self.jobs[job_id]
        legal = user_id == job.user_id and job.status in (Q, P)
        assert (store.cancel(self.conn, job_id=job_id, user_id=user_id) is not None) == legal
        if legal:
            job.asked = True
            job.ends(X if job.status == Q else P)

    @precondition(lambda self: self.jobs)
    @rule(number=ANY, user_id=USERS)
    def requeue(self, number: int, user_id: str) -> None:
        job_id = self.job(number)
        job = self.jobs[job_id]
        legal = user_id == job.user_id and job.status in (F, X)
        answer = store.requeue(self.conn, job_id=job_id, user_id=user_id)
        assert (answer is not None) == legal
        if legal:
            self.jobs[job_id] = Model(
                job.user_id, job.key, job.max_retries, waits=False, claim_seq=job.claim_seq + 1, version=job.version
            )

    @precondition(lambda self: any(job.waits for job in self.jobs.values()))
    @rule()
    def wake(self) -> None:
        """An hour passes for one job that waits."""
        job_id, job = next((job_id, job) for job_id, job in self.jobs.items() if job.waits)
        kit.put(self.conn, job_id, next_processing_at="clock_timestamp()")
        assert store.reschedule(self.conn) == [job.key]
        job.waits = False

    @precondition(lambda self: self.claims)
    @rule()
    def heartbeat(self) -> None:
        """All that ever had a claim say that they live."""
        beats = [kit.beat_of(claim.id, claim.claim_seq) for claim in self.claims]
        held = workers.heartbeat(self.conn, beats, kit.worker(), stands=False).held
        assert held == {job_id: job.asked for job_id, job in self.jobs.items() if job.status == P}

    @precondition(lambda self: any(job.status in FINAL for job in self.jobs.values()))
    @rule()
    def purge(self) -> None:
        """One job that has ended grows old; its claims are remembered by nobody."""
        job_id = next(job_id for job_id, job in self.jobs.items() if job.status in FINAL)
        kit.put(self.conn, job_id, completed_at="clock_timestamp() - interval '8 days'")
        assert store.purge(self.conn, retention_s=7 * 86400) == 1
        del self.jobs[job_id]
        self.claims = [claim for claim in self.claims if claim.id != job_id]

    # --- what always holds

    @invariant()
    def no_run_was_given_twice(self) -> None:
        runs = [(claim.id, claim.claim_seq) for claim in self.claims]
        assert len(runs) == len(set(runs))

    @invariant()
    def the_table_is_as_the_model_says(self) -> None:
        """So a stale write has changed nothing, and what is final stays final."""
        rows = {str(row.id): row for row in kit.all_rows(self.conn)}
        assert {job_id: self.seen(row) for job_id, row in rows.items()} == self.jobs
        for job_id, row in rows.items():
            assert row.version >= self.jobs[job_id].version
            self.jobs[job_id].version = row.version

    @rule()
    def fold(self) -> None:
        totals.fold(self.conn, batch=3)

    @invariant()
    def everybodys_numbers_are_as_the_table_has_them(self) -> None:
        rows = Counter((row.user_id, State(row.status)) for row in kit.all_rows(self.conn))
        for user in ("ann", "bob"):
            assert queries.stats(self.conn, user_id=user) == {state: rows[user, state] for state in State}

    def seen(self, row: Any) -> Model:
        return Model(
            user_id=row.user_id,
            key=Key(row.rank, row.turn, row.seq),
            max_retries=row.max_retries,
            waits=row.next_processing_at is not None,
            status=State(row.status),
            claim_seq=row.claim_seq,
            retry_count=row.retry_count,
            losses=row.losses,
            asked=row.cancel_requested_at is not None,
        )


def test_any_order_of_steps_leaves_the_queue_as_its_model_says(conn):
    steps = settings(max_examples=40, stateful_step_count=25, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: Queue(conn), settings=steps)
