"""The scheduler's parts, put together as a test needs them, and ways to wait without sleeping through a race."""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text

import config
from jobs import runner
from jobs.db.engine import open_engine
from jobs.events import Hints
from jobs.held import Held
from jobs.job import Claim, Handler, Key, Run
from jobs.outcomes import Done, Outcome
from jobs.telemetry import Event, subscribe
from scheduler import stopping
from scheduler.clock import Clock
from scheduler.jobstore import JsonJobStore
from scheduler.pool import Pool
from scheduler.pump import Pump
from scheduler.rules import Rules
from scheduler.runtime import Runtime
from scheduler.tasks import TASKS, Did
from scheduler.timetable import LOCAL

FILE = Path(__file__).resolve().parents[2] / "config.yaml"
NEVER_S = 3600  # an interval whose end no test sees

QUICK = {
    "database__notify": False,
    "scheduler__poll_every_s": NEVER_S,  # so that the wake-ups must do it
    "scheduler__reschedule_every_s": NEVER_S,
    "scheduler__reap_every_s": 0.3,
    "scheduler__expire_every_s": 0.3,
    "scheduler__heartbeat_every_s": 0.5,
    "scheduler__lease_s": 10,
    "scheduler__leader_ttl_s": 1.5,
    "jobs__backoff__base_s": 0.01,
    "jobs__backoff__jitter": 0,
}


def settings(**changed: Any) -> config.Config:
    """config.yaml made quick; a change is written section__name=value, None is "not set"."""
    values = {name: "null" if value is None else str(value) for name, value in (QUICK | changed).items()}
    return config.load(FILE, {f"YARD_{name.upper()}": value for name, value in values.items()})


def until(true: Callable[[], Any], within_s: float = 60) -> Any:
    """Wait for `true()` to be so, and return what it said."""
    end = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not come about"
        threading.Event().wait(0.005)
    return found


def make_held(job_id: str | None = None, *, claim_seq: int = 1, limit_s: float = 100, **columns: Any) -> Held:
    """A run as this worker would hold it, `columns` being a Claim's; without `job_id` there is no such row."""
    plain = {"user_id": "ann", "job_type": "t", "request_data": {}, "retry_count": 0, "max_retries": 3}
    fields = plain | {"key": Key(0, 0, 1), "wait_s": 0.0} | columns
    claim = Claim(id=job_id or str(uuid.uuid4()), claim_seq=claim_seq, **fields)
    return Held(claim, limit_s=limit_s, trusted_until=time.monotonic() + 100)


class Gate:
    """A handler whose runs go on until the gate is opened."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.opened = threading.Event()
        self.runs: list[Run] = []
        self._outcome = outcome or Done({})

    def __call__(self, run: Run) -> Outcome:
        self.runs.append(run)
        assert self.opened.wait(30)
        return self._outcome


class Rig:
    """A pump and a pool, wired as a runtime does it, to be stepped by hand or looped in a thread."""

    def __init__(self, engine: Engine, handlers: Mapping[str, Handler], *, name: str = "rig", **changed: Any) -> None:
        fixed = settings(**changed)
        self.rules = Rules(lambda: fixed)
        self.handlers = handlers
        self.pool = Pool(self.rules.seats, self._work, self._freed)
        self.hints = Hints(engine, near=self, notify=False)
        self.pump = Pump(engine, self.pool, self.hints, worker_id=name, job_types=list(handlers), rules=self.rules)

    def ready(self, keys: Collection[Key]) -> bool:
        return self.pump.ready(keys)

    def due(self, _due_s: float) -> bool:
        return True

    def _work(self, held: Held) -> None:
        ended = runner.run(self.handlers, held, retry_delay_s=0, result_bytes=self.rules.result_bytes)
        if held.end():
            self.pump.ended(ended)

    def _freed(self) -> None:
        self.pump.freed()

    @contextmanager
    def looping(self) -> Iterator[None]:
        thread = threading.Thread(target=self.pump.loop, name="pump", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.pump.stop()
            thread.join(10)
            self.pool.close()

    def close(self) -> None:
        """What a rig needs that was stepped by hand."""
        self.pool.close()
        self.pump._line.close()


MakeRig = Callable[..., Rig]  # the fixture make_rig(handlers, **settings)


@contextmanager
def running(
    url: str, handlers: Mapping[str, Handler], *, leave: Callable[[], None] = lambda: None, **changed: Any
) -> Iterator[Runtime]:
    """A whole scheduler, stopped at the end if the test has not done it."""
    fixed = settings(**changed)
    engine = open_engine(url, statement_timeout_s=fixed.database.statement_timeout_s)
    runtime = Runtime(
        lambda: fixed,
        engine,
        handlers,
        listen_url=url if fixed.database.notify else None,
        own_engine=lambda patience_s: open_engine(url, pool_size=1, statement_timeout_s=3600, patience_s=patience_s),
        leave=leave,
        version="test",
    )
    runtime.start()
    try:
        yield runtime
    finally:
        if runtime.status().running:
            stopping.stop(runtime, 1)
        engine.dispose()


@contextmanager
def told(*kinds: type[Event]) -> Iterator[list[Any]]:
    """The telemetry of these kinds, as it comes."""
    events: list[Any] = []
    end = subscribe(lambda one: events.append(one) if isinstance(one, kinds) else None)
    try:
        yield events
    finally:
        end()


@contextmanager
def statements(engine: Engine, word: str = "") -> Iterator[list[str]]:
    """What is sent to the database meanwhile, as far as it contains `word`."""
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if word in statement:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def during(engine: Engine, word: str, action: Callable[[], object]) -> Iterator[None]:
    """Call `action` once, after the first statement with `word` was answered and before its sender knows."""
    first = threading.Lock()

    def act(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if word in statement and first.acquire(blocking=False):
            action()

    event.listen(engine, "after_cursor_execute", act)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", act)


def status_of(conn: Connection, job_id: str) -> str:
    return str(conn.execute(text("select status from ai_jobs where id = :id"), {"id": job_id}).scalar_one())


def ready_key(conn: Connection, job_id: str) -> Key:
    """The job's place in the queue, as a hint tells it."""
    row = conn.execute(text("select rank, turn, seq from ai_jobs where id = :id"), {"id": job_id}).one()
    return Key(*row)


def hooked(engine: Engine, moment: str, word: str, action: Callable[[], object]) -> None:
    """Call `action()` at this moment of each statement that contains `word`, as long as the engine lives."""
    event.listen(engine, moment, lambda _conn, _cursor, statement, *_rest: action() if word in statement else None)


def count(conn: Connection, where: str) -> int:
    return int(conn.execute(text(f"select count(*) from ai_jobs where {where}")).scalar_one())


def nothing_done(_task: str) -> Did:
    return Did(0)


@contextmanager
def ticking(
    url: str, cluster: Callable[[str], Did] = nothing_done, *, stores: list[JsonJobStore] | None = None, **changed: Any
) -> Iterator[Clock]:
    """A clock that runs, not yet attached; its job stores are put into `stores`.  All it does by itself is rare."""
    rare = {f"scheduler__{name}_every_s": NEVER_S for name in ("reap", "expire", "poll", "tally")}
    fixed, made = settings(**(rare | changed)), [] if stores is None else stores

    def make_store(dispatch: Callable[[str], object]) -> JsonJobStore:
        made.append(JsonJobStore(open_engine(url, pool_size=1), TASKS, dispatch))
        return made[-1]

    local = {entry.name: lambda: None for entry in LOCAL}
    clock = Clock(lambda: fixed.scheduler, local, cluster, make_store)
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()
        for store in made:
            store.engine.dispose()
