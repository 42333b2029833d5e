"""Every arrow meets a job in every state: the legal ones change exactly what they must, the others nothing at all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs import operators, store, workers
from jobs.states import FINAL, State
from tests.factory import make_job
from tests.jobs import kit

LONG_AGO = datetime.now(UTC) - timedelta(days=30)
# a run's traces, so that it shows which columns an arrow clears
WORN: dict[str, Any] = {
    "progress": 40,
    "progress_message": "half way",
    "retry_count": 1,
    "max_retries": 9,
    "losses": 1,
    "provider_wait_since": LONG_AGO,
    "error_message": "an older run broke",
    "error_code": "old",
    "attempt_errors": [{"claim_seq": 0}],
    "result_data": {"old": True},
    "usage": {"tokens": 1},
    "worker_id": "w",
    "started_at": LONG_AGO,
}
STATES: dict[str, tuple[str, dict[str, Any]]] = {  # name: (state of the factory, columns)
    **{state: (state, {}) for state in ("ready", "waiting", "due", "processing", "lost", "failed", "cancelled")},
    "completed": ("completed", {}),
    "asked to end": ("processing", {"cancel_requested_at": LONG_AGO}),
    "ready, too late": ("ready", {"deadline_at": LONG_AGO}),
    "waiting, too late": ("waiting", {"deadline_at": LONG_AGO}),
    "processing, too late": ("processing", {"deadline_at": LONG_AGO}),
    "completed, too late": ("completed", {"deadline_at": LONG_AGO}),
    "completed, old": ("completed", {"completed_at": LONG_AGO}),
    "failed, old": ("failed", {"completed_at": LONG_AGO}),
    "cancelled, old": ("cancelled", {"completed_at": LONG_AGO}),
}
QUEUED = {"ready", "waiting", "due", "ready, too late", "waiting, too late"}
PROCESSING = {"processing", "lost", "asked to end", "processing, too late"}
ENDED_STATES = {name for name, (state, _) in STATES.items() if state in FINAL}
ENDS_A_RUN = {"progress", "progress_message"}

Do = Callable[[Connection, dict[str, Any]], Any]
ARROWS: dict[str, Do] = {
    "claim": lambda conn, _: kit.claim(conn, worker_id="another"),
    "claim_capped": lambda conn, _: kit.claim(conn, worker_id="another", user_cap=2),
    "complete": lambda conn, job: kit.complete(conn, str(job["id"]), job["claim_seq"], {"new": 1}),
    "give_up": lambda conn, job: kit.give_up(conn, str(job["id"]), job["claim_seq"], delay_s=60),
    "cancel": lambda conn, job: store.cancel(conn, job_id=str(job["id"]), user_id="ann"),
    "release": lambda conn, job: kit.release(conn, str(job["id"]), job["claim_seq"]),
    "reap": lambda conn, _: store.reap(conn),
    "reschedule": lambda conn, _: store.reschedule(conn),
    "expire": lambda conn, _: store.expire(conn),
    "requeue": lambda conn, job: store.requeue(conn, job_id=str(job["id"]), user_id="ann"),
    "redrive": lambda conn, _: operators.redrive(conn, operators.Failures()),
    "remove": lambda conn, job: store.remove(conn, job_id=str(job["id"]), user_id="ann"),
    "purge": lambda conn, _: store.purge(conn, retention_s=7 * 86400),
    "heartbeat": lambda conn, job: workers.heartbeat(conn, [beat_of(job)], kit.worker(), stands=False),
    "progress": lambda conn, job: kit.report(conn, str(job["id"]), job["claim_seq"]),
}
ENDED = {"status", "completed_at", "error_code", "error_message", "version"}
MUST = {  # what an arrow changes in a WORN row; a lease and a wait that it ends are added below
    "claim": {"status", "claim_seq", "worker_id", "started_at", "lease_expires_at", "version"} | ENDS_A_RUN,
    "claim_capped": {"status", "claim_seq", "worker_id", "started_at", "lease_expires_at", "version"} | ENDS_A_RUN,
    "complete": ENDED | ENDS_A_RUN | {"result_data", "usage", "provider_wait_since"},
    "give_up": ENDED - {"completed_at"}
    | ENDS_A_RUN
    | {"retry_count", "attempt_errors", "ready_at"}
    | {"next_processing_at", "provider_wait_since"},
    "cancel": ENDED | {"cancel_requested_at"},
    "release": {"status", "ready_at", "version"} | ENDS_A_RUN,
    "reap": ENDED - {"completed_at"} | ENDS_A_RUN | {"retry_count", "losses", "attempt_errors", "ready_at"},
    "reschedule": {"next_processing_at", "version"},
    "expire": ENDED,
    "requeue": ENDED
    | ENDS_A_RUN
    | {"claim_seq", "retry_count", "losses", "result_data", "usage", "ready_at"}
    | {"worker_id", "started_at", "provider_wait_since"},
    "redrive": ENDED
    | ENDS_A_RUN
    | {"claim_seq", "retry_count", "losses", "result_data", "usage", "ready_at"}
    | {"worker_id", "started_at", "provider_wait_since"},
    "heartbeat": {"lease_expires_at"},
    "progress": {"version"} | ENDS_A_RUN,
}
ASKED = {"cancel_requested_at", "error_code", "error_message", "version"}  # with who asked
LEGAL: dict[tuple[str, str], State | None] = {  # (arrow, state): where it leads; None: the row is gone
    ("claim", "ready"): State.PROCESSING,  # not what is too late: nobody would pay for an answer that nobody wants
    ("claim_capped", "ready"): State.PROCESSING,
    **{("complete", state): State.COMPLETED for state in QUEUED | PROCESSING},
    **{("give_up", state): State.QUEUED for state in PROCESSING},
    ("give_up", "asked to end"): State.CANCELLED,
    ("give_up", "processing, too late"): State.FAILED,
    **{("cancel", state): State.CANCELLED for state in QUEUED},
    **{("cancel", state): State.PROCESSING for state in PROCESSING},
    **{("release", state): State.QUEUED for state in PROCESSING},
    ("release", "asked to end"): State.CANCELLED,
    ("reap", "lost"): State.QUEUED,
    ("reschedule", "due"): State.QUEUED,
    ("expire", "ready, too late"): State.FAILED,
    ("expire", "waiting, too late"): State.FAILED,
    **{("requeue", state): State.QUEUED for state in ("failed", "cancelled", "failed, old", "cancelled, old")},
    **{("redrive", state): State.QUEUED for state in ("failed", "failed, old")},
    **{("remove", state): None for state in ENDED_STATES},
    **{("purge", state): None for state in ("completed, old", "failed, old", "cancelled, old")},
    **{("heartbeat", state): State.PROCESSING for state in PROCESSING},
    **{("progress", state): State.PROCESSING for state in PROCESSING},
}
ODD = {  # what differs from MUST
    ("cancel", "processing"): ASKED,
    ("cancel", "lost"): ASKED,
    ("cancel", "processing, too late"): ASKED,
    ("cancel", "asked to end"): {"version"},  # the first request stays
    ("release", "asked to end"): MUST["release"] | ENDED,
    **{("give_up", state): MUST["give_up"] - {"next_processing_at"} | {"completed_at"}
       for state in ("asked to end", "processing, too late")},
}  # fmt: skip


def beat_of(job: dict[str, Any]) -> dict[str, Any]:
    return kit.beat_of(str(job["id"]), job["claim_seq"])


def must_change(arrow: str, state: str, before: dict[str, Any]) -> set[str]:
    ended = {name for name in ("lease_expires_at", "next_processing_at") if before[name] is not None}
    cleared = set() if arrow in ("heartbeat", "progress", "cancel") and state in PROCESSING else ended
    return ODD.get((arrow, state), MUST[arrow]) | cleared


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("arrow", ARROWS)
def test_an_arrow_changes_what_it_must_from_its_states_and_nothing_from_the_others(conn, arrow, state):
    name, columns = STATES[state]
    job_id = make_job(conn, name, **{**WORN, **columns})
    before = kit.whole(conn, job_id)
    ARROWS[arrow](conn, before)
    if (arrow, state) not in LEGAL:
        assert kit.whole(conn, job_id) == before
    elif (target := LEGAL[arrow, state]) is None:
        assert kit.all_rows(conn) == []
    else:
        after = kit.whole(conn, job_id)
        assert after["status"] == target
        assert kit.changed(before, after) == must_change(arrow, state, before)


@pytest.mark.parametrize("arrow", ["complete", "give_up", "release", "heartbeat", "progress"])
@pytest.mark.parametrize("state", sorted(PROCESSING | QUEUED))
@pytest.mark.parametrize("off_by", [-1, 1])
def test_the_fence_refuses_every_other_claim_seq(conn, arrow, state, off_by):
    name, columns = STATES[state]
    job_id = make_job(conn, name, **{**WORN, "claim_seq": 5, **columns})
    before = kit.whole(conn, job_id)
    ARROWS[arrow](conn, before | {"claim_seq": 5 + off_by})
    assert kit.whole(conn, job_id) == before
