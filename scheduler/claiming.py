"""The claiming half of the pump: where to look, what to take, whom to tell how far the queue has come."""

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from jobs import store
from jobs.held import Held
from jobs.job import Claim, Key
from jobs.telemetry import HintAnswered, RunStarted, emit
from scheduler.bounds import Bounds, Look
from scheduler.capped_bounds import CappedBounds
from scheduler.hinted import Hinted
from scheduler.pool import Pool

CLOCK_EVERY_S = 1.0


class Rules(Protocol):
    """The settings that a step reads anew each time."""

    @property
    def fleet_cap(self) -> int | None: ...
    @property
    def user_cap(self) -> int | None: ...
    @property
    def lease_s(self) -> float: ...
    @property
    def trust_s(self) -> float: ...
    @property
    def max_wait_s(self) -> float: ...
    def limit_s(self, job_type: str) -> float: ...


class Claiming:
    """Everything but claim() and advance_clock() may be called from any thread."""

    def __init__(self, pool: Pool, *, worker_id: str, job_types: Sequence[str], rules: Rules) -> None:
        self.looked = False  # for free seats, since the step began
        self._pool = pool
        self._worker_id = worker_id
        self._job_types = list(job_types)
        self._rules = rules
        self._user_cap = rules.user_cap
        self._bounds: Bounds = CappedBounds() if self._user_cap else Bounds()
        self._lock = threading.Lock()
        self._promised: list[Key] = []  # kept from the others since the last look
        self._not_taken: list[Key] = []
        self._hinted = Hinted()
        self._oldest_start: datetime | None = None
        self._turns: dict[int, int] = {}
        self._clock_not_before = 0.0

    def ready(self, keys: Iterable[Key]) -> bool:
        """These keys can be claimed.  True: there are seats for them all."""
        keys = list(keys)
        with self._lock:
            self._bounds.lower(keys)
            enough = len(self._promised) + len(keys) <= self._pool.free()
            self._promised += keys if enough else ()
            if enough and keys:
                self._hinted.came(time.monotonic())
            return enough

    def heard(self, keys: Iterable[Key]) -> None:
        """The same from another process, which has told everybody: nothing is promised."""
        with self._lock:
            self._bounds.lower(keys)

    def not_taken(self) -> list[Key]:
        """What the last look was told of and did not take: for want of a handler or a seat, or it is gone already."""
        not_taken, self._not_taken = self._not_taken, []
        return not_taken

    def look_anew(self) -> None:
        with self._lock:
            self._bounds.look_anew()

    def ask_for_full(self) -> None:
        with self._lock:
            self._bounds.ask_for_full()

    def ended(self, users: Iterable[str]) -> list[Key]:
        """Runs of these users are over; returns the places of jobs that may have waited for that."""
        with self._lock:
            return self._bounds.freed(users)

    def due_in_s(self) -> float | None:
        """Seconds until there is a look to take that nobody will call for; None: there is none."""
        with self._lock:
            return self._bounds.full_in_s(time.monotonic())

    def claim(self, conn: Connection) -> int:
        """Fill the free seats; returns how many jobs were found."""
        self.looked = True  # before the look, or a seat that frees in between would wake nobody
        seats, user_cap = self._pool.free(), self._rules.user_cap
        look = self._look(seats, user_cap)
        if look is None:
            return 0
        sent = time.monotonic()
        claimed = store.claim(
            conn,
            worker_id=self._worker_id,
            job_types=self._job_types,
            seats=seats,
            lows=look.lows,
            lease_s=self._rules.lease_s,
            fleet_cap=self._rules.fleet_cap,
            user_cap=user_cap,
            freed=look.freed,
            oldest_start=None if look.full else self._oldest_start,
        )
        cap_is_reached, taken = len(claimed.claims) == claimed.room < seats, set(claimed.keys)
        self._not_taken = [] if cap_is_reached else [key for key in self._not_taken if key not in taken]
        self._start(claimed.claims, sent)
        self._oldest_start = claimed.oldest_start
        now = time.monotonic()
        with self._lock:
            self._bounds.found(look, claimed, asked=seats, now=now, cost_s=now - sent)
            hinted_at = self._hinted.looked()
        if hinted_at is not None and claimed.claims:  # else another process was first
            emit(HintAnswered(now - hinted_at))
        return len(claimed.claims)

    def _look(self, seats: int, user_cap: int | None) -> Look | None:
        with self._lock:
            if user_cap != self._user_cap:  # it was set anew: whom it held back is looked for from the beginning
                self._user_cap, self._bounds = user_cap, CappedBounds() if user_cap else Bounds()
            self._not_taken, self._promised = self._promised, []
            self._hinted.look_begins()
            look = self._bounds.look(time.monotonic()) if seats else None
            if look is None:
                self._hinted.looked()  # the seat that it came to is taken: what it waits for now is no claim of ours
            return look

    def _start(self, claims: Iterable[Claim], sent: float) -> None:
        """`sent` was before the claim: a lease is trusted from there, or the trust could outlive it."""
        for claim in claims:
            limit_s = self._rules.limit_s(claim.job_type)
            self._pool.start(Held(claim, limit_s=limit_s, trusted_until=sent + self._rules.trust_s))
            emit(RunStarted(claim.id, claim.claim_seq, claim.job_type, claim.user_id, claim.wait_s))
            self._turns[claim.key.rank] = max(claim.key.turn, self._turns.get(claim.key.rank, 0))

    def advance_clock(self, conn: Connection) -> None:
        """Tell where the queue has come to, at most once a second: newcomers take their turn from it."""
        if self._turns and time.monotonic() >= self._clock_not_before:
            store.advance_clock(conn, self._turns)
            self._turns = {}
            self._clock_not_before = time.monotonic() + CLOCK_EVERY_S
