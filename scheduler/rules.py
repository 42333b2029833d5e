"""The settings as the scheduler's parts read them: a fresh look at each use, so that a reload needs no restart."""

from collections.abc import Callable

from config import Config
from jobs import backoff


class Rules:
    def __init__(self, settings: Callable[[], Config]) -> None:
        self._settings = settings

    @property
    def fleet_cap(self) -> int | None:
        return self._settings().jobs.max_concurrent_jobs

    @property
    def user_cap(self) -> int | None:
        return self._settings().jobs.max_concurrent_per_user

    @property
    def lease_s(self) -> float:
        return self._settings().scheduler.lease_s

    @property
    def trust_s(self) -> float:
        """How long a sent and answered heartbeat is believed: the owner must stop before the lease ends."""
        return self.lease_s - self.heartbeat_every_s

    @property
    def heartbeat_every_s(self) -> float:
        return self._settings().scheduler.heartbeat_every_s

    @property
    def answer_s(self) -> float:
        """How long a heartbeat's answer is waited for, so that a second one still fits into the lease."""
        return self.heartbeat_every_s * 0.6

    @property
    def leader_ttl_s(self) -> float:
        return self._settings().scheduler.leader_ttl_s

    @property
    def reap_every_s(self) -> float:
        return self._settings().scheduler.reap_every_s

    @property
    def reschedule_every_s(self) -> float:
        return self._settings().scheduler.reschedule_every_s

    @property
    def tally_every_s(self) -> float:
        return self._settings().scheduler.tally_every_s

    @property
    def retention_s(self) -> float:
        return self._settings().jobs.retention_days * 86400

    @property
    def max_wait_s(self) -> float:
        return self._settings().provider.max_wait_s

    @property
    def result_bytes(self) -> int:
        return self._settings().jobs.result_bytes

    def seats(self) -> int:
        return self._settings().seats

    def limit_s(self, job_type: str) -> float:
        return self._settings().run_timeout_s(job_type)

    def retry_delay_s(self, failures: int) -> float:
        """The wait after a job's nth failure."""
        rule = self._settings().jobs.backoff
        return backoff.delay_s(failures, base_s=rule.base_s, factor=rule.factor, cap_s=rule.cap_s, jitter=rule.jitter)
