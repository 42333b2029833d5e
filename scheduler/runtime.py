"""The scheduler of one process, put together: `./run work` is this alone, `./run serve` carries it inside."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config import Config
from jobs import runner, workers
from jobs.db.listener import Listener
from jobs.db.patience import Watchdog
from jobs.events import CHANNEL, Hints, dispatch
from jobs.held import Held
from jobs.job import Handler, Key
from jobs.telemetry import SchedulerStatus
from scheduler import tasks
from scheduler.amnesty import Amnesty
from scheduler.clock import Clock
from scheduler.heartbeat import Heartbeat
from scheduler.jobstore import JsonJobStore
from scheduler.leader import Leader
from scheduler.pool import Pool
from scheduler.pump import Pump
from scheduler.reporter import Reporter
from scheduler.rules import Rules
from scheduler.timetable import CLUSTER

log = logging.getLogger(__name__)

JOIN_S = 0.5  # for all threads together, at the end
OVERDUE_GRACE_S = 5.0  # between a handler's time-out and the moment when the watchdog writes it down


Patience = Callable[[], float] | None  # see jobs.db.engine.open_engine


class Runtime:
    """`engine` serves the pump, the hints and the tasks; `own_engine(patience_s)` gives one for a single connection.

    `listen_url` None: no LISTEN, polling only; `also_heard` are other channels for the same connection, and who hears
    them.  `leave()` ends the process in order, for another to take its place.
    """

    def __init__(
        self,
        settings: Callable[[], Config],
        engine: Engine,
        handlers: Mapping[str, Handler],
        *,
        listen_url: str | None,
        own_engine: Callable[[Patience], Engine],
        leave: Callable[[], None],
        version: str,
        also_heard: Mapping[str, Callable[[str], None]] | None = None,
    ) -> None:
        self.worker_id = f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.engine = engine
        self._settings = settings
        self._handlers = handlers
        self._version = version
        self._poll_s = settings().scheduler.poll_every_s
        self._rules = rules = Rules(settings)
        self.hints = Hints(engine, near=self, notify=settings().database.notify)
        self.pool = Pool(rules.seats, self._work, self._freed)
        self.pump = Pump(engine, self.pool, self.hints, worker_id=self.worker_id, job_types=list(handlers), rules=rules)
        self.reporter = Reporter(engine, self.pool)
        self.leader = Leader(self._leadership_changed)
        self.heartbeat = Heartbeat(
            own_engine(lambda: rules.answer_s),
            self.pool,
            self.leader,
            worker=self._worker,
            every_s=lambda: rules.heartbeat_every_s,
        )
        self._ground = tasks.Ground(engine, self.hints, rules, Amnesty(), lambda: self.leader.term)
        self.clock = Clock(
            lambda: settings().scheduler,
            {"poll": self._poll, "watch": self._watch, "lead": self._lead},
            lambda task: tasks.TASKS[task](self._ground),
            lambda dispatched: JsonJobStore(own_engine(None), tasks.TASKS, dispatched),
        )
        channels = {CHANNEL: self._heard, **(also_heard or {})}
        self._listener = Listener(listen_url, channels, self.pump.poll) if listen_url else None
        self._polled = time.monotonic()  # by a task of the timetable: it shows that tasks are run at all
        self._watchdog = Watchdog()
        self._threads: list[threading.Thread] = []
        self._leave = leave
        self._leaving = False

    def start(self) -> None:
        """Never before a fork: everything here is threads."""
        self.clock.start()
        for name, loop in self._loops():
            thread = threading.Thread(target=loop, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        if self._listener:
            self._listener.start()
        self.pump.poll()
        log.info("worker %s has %d seats for %s", self.worker_id, self.pool.seats, ", ".join(self._handlers))

    def _loops(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (
            ("heartbeat", self.heartbeat.loop),
            ("pump", self.pump.loop),
            ("reporter", self.reporter.loop),
            ("watchdog", self._watchdog.loop),
        )

    def retune(self) -> None:
        """The settings have changed: what would read them at its next turn only does it now; runs go on as they are."""
        self.pool.shrink()
        self.clock.retune()
        self.pump.poll()  # for seats that there are now

    def stop_threads(self) -> None:
        """The last act of scheduler/stopping.py.

        Outcomes that are still to come are lost to this process; a thread that hangs is left behind.
        """
        if self._listener:
            self._listener.stop()
        self.heartbeat.stop()
        self.pump.stop()
        self.reporter.stop()
        self._watchdog.stop()
        self.pool.close()
        closing = threading.Thread(target=self.clock.stop, name="closing", daemon=True)  # waits for the job store
        closing.start()
        end = time.monotonic() + JOIN_S
        for thread in (*self._threads, closing):
            thread.join(max(0.0, end - time.monotonic()))

    def status(self) -> SchedulerStatus:
        """How this scheduler is, for health and metrics."""
        now = time.monotonic()
        return SchedulerStatus(
            running=bool(self._threads) and all(t.is_alive() for t in self._threads) and self.clock.alive(),
            leading=self.leader.leading(),
            term=self.leader.term,
            active_jobs=self.pool.busy,
            seats=self.pool.seats,
            last_pass_age_s=max(self.clock.last_pass_age_s(), now - self._polled, now - self.pump.last_step),
            late_after_s=2 * self._poll_s + 1,
            problem=self._problem(),
            listener_gone_s=self._listener.gone_s() if self._listener else None,
            task_every_s={entry.name: entry.rests_s(self._settings().scheduler) for entry in CLUSTER},
        )

    def _problem(self) -> str | None:
        if dead := [thread.name for thread in self._threads if not thread.is_alive()]:
            return f"its thread {dead[0]} has died"
        if self.pool.clogged():
            return "most seats are held by handlers that do not end"
        return None

    # --- hints of this process (jobs.events.Hearer) and of others (jobs.events.Listening)

    def ready(self, keys: Iterable[Key]) -> bool:
        return self.pump.ready(keys)

    def due(self, due_s: float) -> bool:
        return self.clock.advance("reschedule", due_s)

    def _heard(self, payload: str) -> None:
        dispatch(payload, self)

    def heard(self, keys: Iterable[Key]) -> None:
        self.pump.heard(keys)

    def look_anew(self) -> None:
        self.pump.look_anew()

    def cancel(self, job_id: str, claim_seq: int) -> None:
        held = self.pool.held.get(job_id)
        if held and held.claim.claim_seq == claim_seq:  # a late hint must not end a run that came after
            held.stop("cancelled")

    # --- what the parts call

    def _work(self, held: Held) -> None:
        """One run, in a thread of the pool."""
        held.progress.heard = self.reporter.wake
        ended = runner.run(
            self._handlers,
            held,
            retry_delay_s=self._rules.retry_delay_s(held.claim.retry_count + 1),
            result_bytes=self._rules.result_bytes,
        )
        if held.end():
            self.pump.ended(ended)

    def _freed(self) -> None:
        self.pump.freed()

    def _poll(self) -> None:
        """From its first turn on a new interval is what health judges by: nobody was late by it before."""
        self._polled, self._poll_s = time.monotonic(), self._settings().scheduler.poll_every_s
        self.pump.poll()

    def _watch(self) -> None:
        """Write down the time-out of handlers that ignore it; their seats stay busy until they really return."""
        for held in self.pool.overdue(OVERDUE_GRACE_S):
            if held.end():
                self.pool.abandon(held)
                words = "job %s: its handler ignores its time-out of %g s"
                log.warning(words, held.claim.id, held.limit_s, extra=held.claim.named)
                delay_s = self._rules.retry_delay_s(held.claim.retry_count + 1)
                self.pump.ended(runner.settle(held, runner.timed_out(held), retry_delay_s=delay_s, result_bytes=0))
        if self.pool.clogged() and not self._leaving:
            self._leaving = True
            log.error(
                "%d of %d seats are held by handlers that do not end; leaving", self.pool.abandoned, self.pool.seats
            )
            self._leave()

    def _worker(self) -> workers.Worker:
        return workers.Worker(
            worker_id=self.worker_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=self._version,
            job_types=list(self._handlers),
            seats=self.pool.seats,
            busy=self.pool.busy,
            lease_s=self._rules.lease_s,
            leader_ttl_s=self._rules.leader_ttl_s,
        )

    def _leadership_changed(self) -> None:
        self.clock.run_now("lead")

    def _lead(self) -> None:
        """Hold the cluster's timetable exactly while this process leads."""
        try:
            self.clock.attach() if self.leader.leading() else self.clock.detach()
        except SQLAlchemyError as error:
            log.warning("the cluster's timetable could not be read (%s); trying again", type(error).__name__)
