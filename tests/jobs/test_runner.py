"""The runner turns whatever a handler says, raises or returns into an entry that the recorder can write."""

import json
import logging
import math
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import runner, store
from jobs.job import Claim, Key
from jobs.outcomes import Done, Fail, Retry
from tests.factory import make_job
from tests.jobs import kit

CLAIM = Claim("01920000-0000-7000-8000-000000000001", 7, "ann", "t", {"a": 1}, 2, 3, Key(0, 1, 2), 0.5)
DELAY_S = 60


def run(handler, *, held=None, result_bytes=100_000):
    held = held or kit.held(CLAIM)
    return runner.run({"t": handler}, held, retry_delay_s=DELAY_S, result_bytes=result_bytes)


def said(handler, **options: Any):
    """(done, the entry) of one run."""
    ended = run(handler, **options)
    return ended.done, json.loads(ended.entry)


def failure(handler, **options: Any):
    done, entry = said(handler, **options)
    assert not done
    return entry


def raising(error):
    def handler(given):
        raise error

    return handler


def test_the_handler_sees_its_job():
    seen = []
    run(lambda given: seen.append(given) or Done({}))
    assert (seen[0].job_id, seen[0].user_id, seen[0].request, seen[0].attempt) == (CLAIM.id, "ann", {"a": 1}, 3)


def test_done_is_its_result_and_usage():
    done, entry = said(lambda _: Done({"n": [1, "ü"]}, usage={"tokens": 3}))
    assert done
    assert entry == {"id": CLAIM.id, "claim_seq": 7, "result": {"n": [1, "ü"]}, "usage": {"tokens": 3}}


def test_an_ended_run_says_which_claim_it_was_and_how_long_it_took():
    ended = run(lambda _: Done({}))
    assert ended.claim is CLAIM
    assert ended.run_s >= 0


def test_retry_waits_as_long_as_it_asks_for_or_as_the_backoff_says():
    assert failure(lambda _: Retry("busy", code="provider_busy", delay_s=5, counted=False)) == {
        "id": CLAIM.id,
        "claim_seq": 7,
        "retryable": True,
        "counted": False,
        "delay_s": 5,
        "error_code": "provider_busy",
        "error": "busy",
    }
    assert failure(lambda _: Retry("x"))["delay_s"] == DELAY_S
    assert failure(lambda _: Retry("x", delay_s=0))["delay_s"] == 0
    assert failure(lambda _: Retry("x", delay_s=-5))["delay_s"] == 0


def test_fail_is_not_retried():
    entry = failure(lambda _: Fail("no", code="provider_rejected"))
    assert (entry["retryable"], entry["counted"], entry["error_code"]) == (False, True, "provider_rejected")


def test_a_job_type_without_a_handler_fails_for_good():
    ended = runner.run({}, kit.held(CLAIM), retry_delay_s=1, result_bytes=1)
    entry = json.loads(ended.entry)
    assert (entry["retryable"], entry["error_code"]) == (False, "unknown_job_type")
    assert "'t'" in entry["error"]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no"), "ValueError: no"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (GeneratorExit("x"), "GeneratorExit: x"),
        (MemoryError(), "MemoryError: "),
        (Unspeakable(), "Unspeakable: (its message could not be made)"),
        (ValueError("a\0b\ud800c"), "ValueError: ab?c"),
    ],
)
def test_whatever_a_handler_raises_is_a_counted_retry(error, words):
    entry = failure(raising(error))
    assert (entry["retryable"], entry["counted"], entry["error_code"]) == (True, True, "handler_error")
    assert entry["error"] == words


def test_the_log_can_be_written_in_utf8_whatever_a_handler_raises(caplog):
    failure(raising(ValueError("a\0b\ud800c")))
    assert "ab?c" in caplog.text.encode().decode()


def test_a_message_of_50_mb_is_cut_in_the_row_and_in_the_log(caplog):
    with caplog.at_level(logging.DEBUG):
        entry = failure(raising(ValueError("x" * 50_000_000)))
    assert len(entry["error"]) == runner.ERROR_CHARS
    assert len(caplog.text) < 100_000


@pytest.mark.parametrize("returned", [None, {"result": 1}, "done", Done], ids=repr)
def test_what_is_no_outcome_fails_and_is_named(returned):
    entry = failure(lambda _: returned)
    assert (entry["retryable"], entry["error_code"]) == (False, "handler_error")
    assert f"returned {type(returned).__name__}" in entry["error"]


SENT_AWAY = {
    "Retry": lambda _: Retry("cut off"),
    "Fail": lambda _: Fail("cut off"),
    "an exception": raising(ConnectionAbortedError("cut off")),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("handler", SENT_AWAY.values(), ids=SENT_AWAY)
@pytest.mark.parametrize("reason", ["lost", "stopping"])
@pytest.mark.parametrize("limit_s", [60, 0], ids=["in time", "late"])
def test_what_a_run_says_after_its_worker_stopped_it_is_not_held_against_the_job(handler, reason, limit_s):
    held = kit.held(CLAIM, limit_s=limit_s)
    held.stop(reason)
    entry = failure(handler, held=held)
    assert (entry["retryable"], entry["counted"], entry["delay_s"]) == (True, False, 0)
    assert entry["error_code"] == "worker_stopped"


@pytest.mark.parametrize("handler", SENT_AWAY.values(), ids=SENT_AWAY)
def test_a_run_that_took_too_long_is_timed_out_and_may_be_tried_again(handler):
    entry = failure(handler, held=kit.held(CLAIM, limit_s=0))
    assert (entry["retryable"], entry["counted"], entry["error_code"]) == (True, True, "timed_out")
    assert entry["delay_s"] == DELAY_S


@pytest.mark.parametrize("handler", SENT_AWAY.values(), ids=SENT_AWAY)
def test_after_a_cancel_the_database_decides(handler):
    """Whatever the entry says, give_up.sql ends the job as cancelled; but it must be a failure, not a result."""
    held = kit.held(CLAIM, limit_s=0)
    held.stop("cancelled")
    assert failure(handler, held=held)["error_code"] == "handler_error"


@pytest.mark.parametrize("reason", ["lost", "stopping", "cancelled", None])
def test_a_result_is_kept_however_late_it_comes(reason):
    held = kit.held(CLAIM, limit_s=0, trusted_s=0)
    if reason:
        held.stop(reason)
    assert said(lambda _: Done({"n": 1}), held=held)[1]["result"] == {"n": 1}


ODD = SimpleNamespace(words="anything")
ODD_OUTCOMES = {
    "an exception as the reason": Retry(ValueError("no")),
    "no reason": Fail(None),
    "an object as the code": Fail("x", code=ODD),
    "an endless delay": Retry("x", delay_s=math.inf),
    "a delay that is no number": Retry("x", delay_s="soon"),
    "a delay of NaN": Retry("x", delay_s=math.nan),
    "an absurd delay": Retry("x", delay_s=1e300),
    "a delay beyond all floats": Retry("x", delay_s=10**400),
    "counted by no boolean": Retry("x", counted=None),
}


@pytest.mark.parametrize("outcome", ODD_OUTCOMES.values(), ids=ODD_OUTCOMES)
def test_an_outcome_that_was_filled_in_wrongly_is_still_written(conn, outcome):
    """Else its thread would end without an outcome, and the job would stay with a worker that has forgotten it."""
    make_job(conn)
    claim = kit.claim_one(conn)
    ended = runner.settle(kit.held(claim), outcome, retry_delay_s=DELAY_S, result_bytes=1000)
    (row,) = store.give_up(conn, [ended.entry], max_wait_s=240)
    assert row.status in ("queued", "failed")
