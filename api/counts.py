"""What jobs.telemetry tells, as counters and histograms of this process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from api.bounded import Bounded
from jobs.telemetry import (
    Event,
    HintAnswered,
    LeaderChanged,
    ListenerChanged,
    ProviderCalled,
    RunEnded,
    RunLost,
    RunStarted,
    StaleWrite,
    TaskRan,
)

RUN_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600)  # from a drawn job to a slow model
HINT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # to the next poll
ERROR_CODES = 100  # shown by name; a handler may make up any


class Runs:
    """What becomes of jobs in this process."""

    def __init__(self, here: CollectorRegistry) -> None:
        of_type, buckets = ["job_type"], RUN_BUCKETS_S
        self._wait = Histogram(
            "yardmaster_job_wait_seconds", "From ready to claimed", of_type, registry=here, buckets=buckets
        )
        self._run = Histogram(
            "yardmaster_job_run_seconds", "From claimed to recorded", of_type, registry=here, buckets=buckets
        )
        self._runs = Counter("yardmaster_runs", "Runs that ended", ["job_type", "outcome", "error_code"], registry=here)
        self._lost = Counter("yardmaster_runs_lost", "Runs that were taken from this process", registry=here)
        self._stale = Counter("yardmaster_stale_writes", "Outcomes that the fence refused", registry=here)
        self._hint = Histogram(
            "yardmaster_hint_to_claim_seconds",
            "From a hint that met a free seat to the claim that it led to",
            registry=here,
            buckets=HINT_BUCKETS_S,
        )
        self._error_code = Bounded(ERROR_CODES)

    def heard(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._wait.labels(event.job_type).observe(event.wait_s)
            case RunEnded():
                code = self._error_code(event.error_code or "")
                self._runs.labels(event.job_type, event.outcome, code).inc()
                self._run.labels(event.job_type).observe(event.run_s)
            case RunLost():
                self._lost.inc()
            case StaleWrite():
                self._stale.inc()
            case HintAnswered():
                self._hint.observe(event.wait_s)


class Upkeep:
    """The leader's tasks, and the line to the other processes."""

    def __init__(self, here: CollectorRegistry) -> None:
        of_task = ["task"]
        self._tasks = Counter("yardmaster_task_runs", "Runs of the leader's tasks", of_task, registry=here)
        self._faults = Counter("yardmaster_task_failures", "Of these, failed ones", of_task, registry=here)
        self._moved = Counter("yardmaster_task_jobs", "Jobs that the tasks moved", of_task, registry=here)
        self._time = Summary("yardmaster_task_seconds", "Time that the tasks took", of_task, registry=here)
        self._last = Gauge(
            "yardmaster_task_last_success_timestamp_seconds", "When the task last succeeded", of_task, registry=here
        )
        self._leader = Counter("yardmaster_leader_changes", "Terms that began or ended here", registry=here)
        self._reconnects = Counter("yardmaster_listener_reconnects", "LISTEN connections after a loss", registry=here)
        self._here = here
        self._connected: Gauge | None = None

    def heard(self, event: Event) -> None:
        match event:
            case TaskRan():
                self._count_task(event)
            case LeaderChanged():
                self._leader.inc()
            case ListenerChanged():
                self._count_listener(event)

    def _count_task(self, ran: TaskRan) -> None:
        self._tasks.labels(ran.task).inc()
        self._faults.labels(ran.task).inc(int(ran.failed))
        self._moved.labels(ran.task).inc(ran.rows)
        self._time.labels(ran.task).observe(ran.duration_s)
        if not ran.failed:
            self._last.labels(ran.task).set_to_current_time()

    def _count_listener(self, changed: ListenerChanged) -> None:
        self._reconnects.inc(int(changed.connected and changed.connections > 1))
        if self._connected is None:  # a process that does not listen shows nothing: 0 would be an alarm
            help_text = "Whether the LISTEN connection is there"
            self._connected = Gauge("yardmaster_listener_connected", help_text, registry=self._here)
        self._connected.set(changed.connected)


class Provider:
    """Calls of the model."""

    def __init__(self, here: CollectorRegistry) -> None:
        self._calls = Counter(
            "yardmaster_provider_calls", "Calls of the model that are over", ["model", "outcome"], registry=here
        )
        self._time = Histogram(
            "yardmaster_provider_call_seconds", "Time that they took", ["model"], registry=here, buckets=RUN_BUCKETS_S
        )
        self._tokens = Counter(
            "yardmaster_provider_tokens", "Tokens as the provider counts them", ["model", "direction"], registry=here
        )

    def heard(self, event: Event) -> None:
        if not isinstance(event, ProviderCalled):
            return
        self._calls.labels(event.model, event.outcome).inc()
        self._time.labels(event.model).observe(event.duration_s)
        self._tokens.labels(event.model, "in").inc(event.input_tokens)
        self._tokens.labels(event.model, "out").inc(event.output_tokens)
