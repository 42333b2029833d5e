"""Changes to the product that must not go unseen, each with the test of the fault suite that it turns red."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.jobs import test_cap as cap

Changes = Mapping[str, Mapping[str, str]]  # by file: the text that is taken out, and what stands there instead


@dataclass(frozen=True, slots=True)
class Mutant:
    """`seen` is what the test must have said: names of broken rules or words of an assertion, one of them at least."""

    name: str
    changes: Changes
    test: str
    seen: tuple[str, ...]


OVERTAKEN = "test_overtaken.py::test_a_run_that_was_overtaken_changes_nothing"
REQUEUED = "test_overtaken.py::test_a_result_from_before_a_requeue_is_refused"
TAKES_BACK = "test_overtaken.py::test_a_worker_that_was_overtaken_hands_back_nobody_elses_run"
FREEZE = "test_overtaken.py::test_no_run_that_lives_is_run_again_after_a_freeze"
CLOCK = "test_overtaken.py::test_a_worker_whose_clock_is_an_hour_slow_is_a_worker_like_any_other"
FLEET_CAP = "test_contention.py::test_the_cap_is_exact_however_claims_meet[fleet_cap]"
CLAIM_PASSES = "test_contention.py::test_claims_pass_a_row_that_a_stranger_holds[no cap]"
CAPPED_CLAIM_PASSES = "test_contention.py::test_claims_pass_a_row_that_a_stranger_holds[user cap]"
REAP_PASSES = "test_contention.py::test_lost_runs_come_back_past_a_row_that_a_stranger_holds"
RETRIES_PASS = "test_contention.py::test_retries_come_due_past_a_row_that_a_stranger_holds"
BEAT_PASSES = "test_contention.py::test_leases_are_prolonged_past_a_row_that_a_stranger_holds"
BEAT_AND_RECORD = "test_contention.py::test_heartbeats_and_the_recorder_never_deadlock"
STOP_AND_RECORD = "test_contention.py::test_runs_that_are_handed_back_and_ended_at_once_never_deadlock"
COUNTED = "test_outcomes.py::test_every_failure_spends_a_retry"
HANDED_BACK = "test_outcomes.py::test_a_stop_hands_back_what_cannot_finish"
LATE_RESULT = "test_outcomes.py::test_a_result_that_comes_after_its_run_was_handed_back_is_kept"
REPEATED = "test_outcomes.py::test_an_outcome_is_repeated_until_the_database_has_it"
ASKED_AGAIN = "test_outcomes.py::test_a_client_whose_answer_was_lost_asks_again_and_is_answered"

SQL = "jobs/sql/{}.sql"
STEPS_OVER = "for no key update of j skip locked"
ASCENDING = "order by j.id\n       for no key update of j"
DESCENDING = "order by j.id desc\n       for no key update of j"
FENCED_COMPLETE = {
    "o.id = j.id and o.claim_seq = j.claim_seq\n     where j.status in ('processing', 'queued')": "o.id = j.id\n     where j.status in ('processing', 'queued')",
    "j.id = held.id and j.claim_seq = o.claim_seq and": "j.id = held.id and",
}
STATUS_FENCED_COMPLETE = {
    "o.id = j.id and o.claim_seq = j.claim_seq\n     where j.status in ('processing', 'queued')": "o.id = j.id\n     where j.status = 'processing'",
    "j.claim_seq = o.claim_seq and j.status in ('processing', 'queued')": "j.status = 'processing'",
}
STATUS_FENCED_GIVE_UP = {
    "o.id = j.id and o.claim_seq = j.claim_seq": "o.id = j.id",
    "j.id = v.id and j.claim_seq = v.claim_seq and": "j.id = v.id and",
}
CLIENT_CLOCK: Changes = {
    "scheduler/claiming.py": {"lease_s=self._rules.lease_s,": "lease_s=time.time() + self._rules.lease_s,"},
    "jobs/sql/claim.sql": {"clock_timestamp() + make_interval(secs => :lease_s)": "to_timestamp(:lease_s)"},
    "jobs/workers.py": {
        "**asdict(worker), ": '**asdict(worker), "lease_s": __import__("time").time() + worker.lease_s, '
    },
    "jobs/sql/heartbeat.sql": {"clock_timestamp() + make_interval(secs => :lease_s)": "to_timestamp(:lease_s)"},
}
FORGETS_OUTCOMES = {
    "        told = recorder.record(": "        for _ in batch:\n            self._done.popleft()\n        told = recorder.record(",
    "        for one in batch:\n            self._done.popleft()\n": "        for one in batch:\n",
}


def sql(name: str, texts: Mapping[str, str]) -> Changes:
    return {SQL.format(name): texts}


LIVE = ("live runs again", "lease violations")
MUTANTS = [
    Mutant("complete without a fence", sql("complete", FENCED_COMPLETE), OVERTAKEN, ("stale accepted",)),
    Mutant("complete fenced by status", sql("complete", STATUS_FENCED_COMPLETE), OVERTAKEN, ("stale accepted",)),
    Mutant("give_up fenced by status", sql("give_up", STATUS_FENCED_GIVE_UP), OVERTAKEN, ("lease violations",)),
    Mutant(
        "complete of what has ended",
        sql("complete", {
            "     where j.status in ('processing', 'queued')\n": "",
            " and j.status in ('processing', 'queued')\nreturning": "\nreturning",
        }),
        OVERTAKEN,
        ("illegal transitions",),
    ),
    Mutant(
        "give_up of what has ended",
        sql("give_up", {
            "     where j.status = 'processing'\n": "",
            " and j.status = 'processing'\nreturning": "\nreturning",
        }),
        OVERTAKEN,
        ("illegal transitions",),
    ),
    Mutant(
        "complete of processing alone",
        sql("complete", {
            "o.claim_seq = j.claim_seq\n     where j.status in ('processing', 'queued')": "o.claim_seq = j.claim_seq\n     where j.status = 'processing'",
        }),
        LATE_RESULT,
        ("results were thrown away",),
    ),
    Mutant(
        "heartbeat without a fence",
        sql("heartbeat", {
            "g.id = j.id and g.claim_seq = j.claim_seq": "g.id = j.id",
            "j.claim_seq = g.claim_seq and ": "",
        }),
        OVERTAKEN,
        ("lease violations",),
    ),
    Mutant(
        "release without a fence",
        sql("release", {
            "g.id = j.id and g.claim_seq = j.claim_seq": "g.id = j.id",
            "j.claim_seq = g.claim_seq and ": "",
        }),
        TAKES_BACK,
        LIVE,
    ),
    Mutant("requeue that does not move the fence", sql("requeue", {"claim_seq + 1": "claim_seq"}), REQUEUED, ("illegal transitions",)),
    Mutant("a run that trusts itself for ever", {"scheduler/rules.py": {"return self.lease_s - self.heartbeat_every_s": "return 1e9"}, "scheduler/heartbeat.py": {"trusted_until = sent + worker.lease_s - self._every_s()": "trusted_until = sent + 1e9"}}, OVERTAKEN, ("lease violations",)),
    Mutant("claim waits for locked rows", sql("claim", {"for no key update skip locked": "for no key update"}), CLAIM_PASSES, ("stalled",)),
    Mutant("claim_capped waits for locked rows", sql("claim_capped", {"update of j skip locked": "update of j"}), CAPPED_CLAIM_PASSES, ("stalled",)),
    Mutant("reap waits for locked rows", sql("reap", {"for no key update skip locked": "for no key update"}), REAP_PASSES, ("stalled",)),
    Mutant("reschedule waits for locked rows", sql("reschedule", {"for no key update skip locked": "for no key update"}), RETRIES_PASS, ("stalled",)),
    Mutant("heartbeat waits for locked rows", sql("heartbeat", {"update of j skip locked": "update of j"}), BEAT_PASSES, ("stalled",)),
    Mutant("fleet cap's lock merged into the claim", sql("claim", dict(cap.MERGED)), FLEET_CAP, ("beyond caps",)),
    Mutant("fleet cap without a lock", sql("claim", dict(cap.UNLOCKED)), FLEET_CAP, ("beyond caps",)),
    Mutant("claim that does not move the fence", sql("claim", {"j.claim_seq + 1": "j.claim_seq"}), COUNTED, ("illegal transitions",)),
    Mutant(
        "claim of what is not queued",
        sql("claim", {
            "where j.status = 'queued' and j.next_processing_at": "where j.next_processing_at",
            "due.id and j.status = 'queued'": "due.id",
        }),
        COUNTED,
        ("lost",),
    ),
    Mutant(
        "reap without a look at the lease",
        sql("reap", {
            "status = 'processing' and lease_expires_at < clock_timestamp()\n": "status = 'processing'\n",
            "j.status = 'processing' and j.lease_expires_at < clock_timestamp()": "j.status = 'processing'",
        }),
        BEAT_PASSES,
        LIVE,
    ),
    Mutant("reap that spends no retry", sql("reap", {"j.retry_count + 1,": "j.retry_count,"}), OVERTAKEN, ("miscounted",)),
    Mutant("no amnesty", {"scheduler/amnesty.py": {"return time.monotonic() < self._until": "return False"}}, FREEZE, LIVE),
    Mutant(
        "heartbeat and complete wait, in opposite orders",
        {**sql("heartbeat", {f"{ASCENDING} skip locked": DESCENDING}), **sql("complete", {STEPS_OVER: ASCENDING})},
        BEAT_AND_RECORD,
        ("deadlocks",),
    ),
    Mutant("complete waits, against release's order", sql("complete", {STEPS_OVER: DESCENDING}), f"{STOP_AND_RECORD}[results]", ("deadlocks",)),
    Mutant("give_up waits, against release's order", sql("give_up", {STEPS_OVER: DESCENDING}), f"{STOP_AND_RECORD}[failures]", ("deadlocks",)),
    Mutant("leases by the worker's clock", CLIENT_CLOCK, CLOCK, LIVE),
    Mutant(
        "enqueue without its conflict clause",
        sql("enqueue", {"on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing": ""}),
        ASKED_AGAIN,
        ("who asks again is not answered",),
    ),
    Mutant("give_up that does not count", sql("give_up", {"h.retry_count + o.counted::int as": "h.retry_count as"}), COUNTED, ("miscounted",)),
    Mutant("give_up that knows no last failure", sql("give_up", {"h.retry_count + 1 >= h.max_retries": "false"}), COUNTED, ("beyond attempts",)),
    Mutant("a stopped run spends a retry", {"jobs/runner.py": {"counted=False)": "counted=True)"}}, f"{STOP_AND_RECORD}[failures]", ("miscounted",)),
    Mutant("release spends a retry", sql("release", {"   set status ": "   set retry_count = j.retry_count + 1, status "}), HANDED_BACK, ("miscounted",)),
    Mutant(
        "a stop that hands nothing back",
        {"scheduler/stopping.py": {"_tell(lambda: _hand_back(runtime), answer_s,": "_tell(lambda: None, answer_s,"}},
        HANDED_BACK,
        ("still in processing",),
    ),
    Mutant("an outcome is written once or never", {"scheduler/pump.py": FORGETS_OUTCOMES}, REPEATED, ("lost",)),
]  # fmt: skip
