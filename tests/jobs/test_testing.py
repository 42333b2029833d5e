"""The kit for handlers' tests plays a job's life as the queue would, without PostgreSQL and without waiting."""

import json
import time

import pytest

from jobs.handlers import create_canvas
from jobs.handlers.asking import Answer
from jobs.outcomes import Done, Fail, Retry
from jobs.states import State
from jobs.testing import MOST_RUNS, FakeClock, FakeLlm, play, run_inline

CANVAS = {
    "title": "Login",
    "objects": [{"object_type": "rectangle", "properties": {"x": 10, "y": 10, "width": 90, "height": 80}}],
}


def says(*outcomes):
    """A handler that returns (or raises) these, one in each run."""
    left = iter(outcomes)

    def handler(_run):
        outcome = next(left)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return {"t": handler}


# --- run_inline


def test_a_handler_gets_what_a_run_has_and_its_outcome_and_reports_come_back():
    seen = []

    def handler(run):
        seen.append((run.user_id, run.attempt, run.request, run.time_left_s(), run.cancelled()))
        run.report(10, "reading")
        run.report(90, "writing")
        return Done({"n": 1})

    ran = run_inline(handler, {"a": (1, 2)}, user_id="ann", attempt=2, time_limit_s=30)
    assert (ran.outcome, ran.reports) == (Done({"n": 1}), [(10, "reading"), (90, "writing")])
    assert seen == [("ann", 2, {"a": [1, 2]}, 30, False)]
    assert run_inline(lambda run: Done({"left": run.time_left_s()}), {}).outcome == Done({"left": None})


def test_time_passes_only_as_the_clock_is_told():
    clock = FakeClock()

    def handler(run):
        before = run.time_left_s(), run.cancelled()
        clock.sleep(20)
        middle = run.time_left_s(), run.cancelled()
        clock.sleep(20)
        return Done({"seen": [before, middle, (run.time_left_s(), run.cancelled())]})

    assert run_inline(handler, {}, time_limit_s=30, clock=clock).outcome == Done(
        {"seen": [(30, False), (10, False), (0, True)]}
    )


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_cancel_comes_after_so_many_reports(after):
    def handler(run):
        for percent in range(10):
            if run.cancelled():
                return Fail("stopped", code="cancelled")
            run.report(percent, "working")
        return Done({})

    ran = run_inline(handler, {}, cancelled_after_reports=after)
    assert (ran.outcome, len(ran.reports)) == (Fail("stopped", code="cancelled"), after)


def test_what_a_handler_raises_inline_comes_out():
    with pytest.raises(ZeroDivisionError):
        run_inline(lambda _: 1 / 0, {})


# --- play


def test_three_failed_runs_end_a_job_after_the_waits_of_the_backoff():
    began = time.perf_counter()
    played = play(says(ValueError("one"), Retry("two"), ValueError("three")), "t", {})
    print(f"three runs in {time.perf_counter() - began:.4f} s")
    assert (played.status, played.runs, played.waits_s) == (State.FAILED, 3, [120, 240])
    assert (played.error_code, played.error, played.result) == ("handler_error", "ValueError: three", None)


def test_a_job_that_fails_once_is_completed_by_its_second_run():
    played = play(says(Retry("busy"), Done({"n": (1,)}, {"calls": 1})), "t", {}, backoff=lambda failures: failures * 7)
    assert (played.status, played.runs, played.waits_s) == (State.COMPLETED, 2, [7])
    assert (played.result, played.usage, played.error_code, played.error) == ({"n": [1]}, {"calls": 1}, None, None)


def test_what_cannot_succeed_is_not_repeated():
    played = play(says(Fail("no text", code="bad_request")), "t", {})
    assert (played.status, played.runs, played.error_code) == (State.FAILED, 1, "bad_request")


def test_a_wait_for_the_provider_spends_no_retry_but_ends():
    busy = Retry("busy", code="rate_limited", delay_s=50, counted=False)
    played = play(says(*[busy] * 3, Done({})), "t", {}, max_retries=1)
    assert (played.status, played.runs, played.waits_s) == (State.COMPLETED, 4, [50, 50, 50])
    assert play(says(*[busy] * 9), "t", {}, max_wait_s=100).runs == 3


def test_a_wait_beyond_the_deadline_is_not_begun():
    assert play(says(Retry("x"), Done({})), "t", {}, deadline_s=119).status == State.FAILED
    assert play(says(Retry("x"), Done({})), "t", {}, deadline_s=121).status == State.COMPLETED


def test_a_cancelled_job_ends_with_its_run_unless_it_is_completed_first():
    def handler(run):
        run.report(10, "working")
        return Retry("stopped") if run.cancelled() else Done({})

    played = play({"t": handler}, "t", {}, cancelled_after_reports=1)
    assert (played.status, played.runs, played.error_code) == (State.CANCELLED, 1, "cancelled")
    assert (played.error, played.reports) == ("Cancelled by its user", [(10, "working")])
    assert play({"t": handler}, "t", {}, cancelled_after_reports=2).status == State.COMPLETED


def test_a_run_that_takes_too_long_is_a_failed_run():
    clock = FakeClock()

    def handler(run):
        clock.sleep(31)
        return Fail("late") if run.cancelled() else Done({})

    played = play({"t": handler}, "t", {}, time_limit_s=30, clock=clock)
    assert (played.status, played.runs, played.error_code) == (State.FAILED, 3, "timed_out")
    assert clock() == 3 * 31 + 120 + 240


def test_each_run_gets_the_request_as_it_was_stored():
    def handler(run):
        run.request["list"].append(run.attempt)
        return Retry("again") if run.attempt < 3 else Done(run.request)

    assert play({"t": handler}, "t", {"list": (0,)}).result == {"list": [0, 3]}


def test_what_the_queue_cannot_store_or_run_fails_in_a_play_too():
    assert play(says(Done({"x": object()})), "t", {}).error_code == "invalid_output"
    assert play(says(Done({"x": "y" * 100})), "t", {}, result_bytes=50).error_code == "invalid_output"
    assert play({}, "t", {}).error_code == "unknown_job_type"


def test_a_job_that_would_never_end_is_told_of():
    with pytest.raises(RuntimeError, match=f"after {MOST_RUNS} runs"):
        play({"t": lambda _: Retry("x", delay_s=0, counted=False)}, "t", {})


# --- FakeLlm


def test_the_shipped_handler_runs_on_a_fake_model():
    llm = FakeLlm([Retry("busy", code="rate_limited", counted=False, delay_s=5), "no JSON", CANVAS])
    played = play({"create_canvas": create_canvas.build(llm)}, "create_canvas", {"instructions": "Login"})
    assert (played.status, played.runs, played.waits_s) == (State.COMPLETED, 2, [5])
    assert (played.result["title"], played.usage["calls"], len(llm.asked)) == ("Login", 2, 3)
    assert "not valid JSON" in json.dumps(llm.asked[2])


def ask(llm, *, timeout_s=None, cancelled=lambda: False):
    pieces = []
    return llm.ask(
        [{"role": "user", "content": "?"}], {}, timeout_s=timeout_s, on_text=pieces.append, cancelled=cancelled
    ), pieces


def test_an_answer_comes_in_pieces_and_whole():
    answer, pieces = ask(FakeLlm([{"text": "x" * 50}]))
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == json.loads(answer.text) == {"text": "x" * 50}
    counted = Answer("text", "m", 3, 4)
    assert ask(FakeLlm([counted]))[0] == counted


def test_a_fake_model_can_refuse_raise_be_cancelled_and_run_out_of_answers():
    llm = FakeLlm([Fail("no"), ValueError("broken"), "text"])
    assert ask(llm)[0] == Fail("no")
    with pytest.raises(ValueError, match="broken"):
        ask(llm)
    assert ask(llm, cancelled=lambda: True)[0].code == "cancelled"
    with pytest.raises(AssertionError, match=r"more often than it has answers \(3\)"):
        ask(llm)


def test_a_fake_model_takes_its_time_on_the_clock():
    clock = FakeClock()
    llm = FakeLlm(["a", "b"], clock=clock, takes_s=20)
    assert (ask(llm, timeout_s=20)[0].text, clock()) == ("a", 20)
    assert (ask(llm, timeout_s=15)[0].code, clock()) == ("timed_out", 35)
