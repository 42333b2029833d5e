"""The life of a job, in one place.

                      reschedule (waiting -> ready)
                          +--+
                          v  |      claim
    enqueue(_many) -----> queued ---------> processing ----> completed   (complete)
                          ^ |  ^               | | |
   requeue, redrive       | |  +---------------+ | +-------> failed      (give_up, reap)
      (failed, cancelled) | |  give_up, release, |
                          | |  reap              +---------> cancelled   (give_up, release, reap)
                          | +--> failed (expire)
                          | +--> cancelled (cancel; a processing job is asked, and its run ends)
                          | +--> completed (complete: the run was reaped or released, but nobody has run it again)

Each name in TRANSITIONS is one statement in jobs/sql/; nothing else writes `status`.
A queued job waits while next_processing_at is set, and is ready when it is null.
"""

from enum import StrEnum


class State(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


Q, P, C, F, X = State.QUEUED, State.PROCESSING, State.COMPLETED, State.FAILED, State.CANCELLED

LIVE = frozenset({Q, P})
FINAL = frozenset({C, F, X})

TRANSITIONS: dict[str, tuple[tuple[State, ...], tuple[State, ...]]] = {  # statement: (from, to)
    "enqueue": ((), (Q,)),
    "enqueue_many": ((), (Q,)),
    "claim": ((Q,), (P,)),
    "claim_capped": ((Q,), (P,)),
    "complete": ((P, Q), (C,)),
    "give_up": ((P,), (Q, F, X)),
    "cancel": ((Q, P), (X, P)),
    "release": ((P,), (Q, X)),
    "reap": ((P,), (Q, F, X)),
    "reschedule": ((Q,), (Q,)),
    "expire": ((Q,), (F,)),
    "requeue": ((F, X), (Q,)),
    "redrive": ((F,), (Q,)),
    "remove": ((C, F, X), ()),
    "purge": ((C, F, X), ()),
}
