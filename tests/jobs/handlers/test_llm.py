import subprocess
import sys
import threading
import time

import pytest

from jobs.handlers.asking import Answer
from jobs.handlers.llm import openai_llm
from jobs.handlers.openai_calls import PAUSE_S, RATE_LIMIT_PAUSE_S
from jobs.outcomes import Fail, Retry
from jobs.telemetry import ProviderCalled
from tests import fake_openai
from tests.fake_openai.drawing import canvas_json
from tests.scheduler.kit import told

API_KEY = "sk-top-secret-0123456789"
MESSAGES = [{"role": "system", "content": "rules"}, {"role": "user", "content": "draw"}]


@pytest.fixture(scope="module")
def server():
    with fake_openai.running() as fake:
        yield fake


@pytest.fixture(scope="module")
def llm(server):
    return connected(server.base_url)


def connected(base_url, **overrides: object):
    limits = {"connect_timeout_s": 2, "read_timeout_s": 0.5, "total_timeout_s": 10, **overrides}
    return openai_llm(api_key=API_KEY, base_url=base_url, model="fake-1", **limits)


def ask(llm, *, timeout_s=None, on_text=lambda _: None, cancelled=lambda: False, words="draw"):
    messages = [*MESSAGES[:1], {"role": "user", "content": words}]
    return llm.ask(messages, {"type": "object"}, timeout_s=timeout_s, on_text=on_text, cancelled=cancelled)


def eventually(claim):
    end = time.monotonic() + 5
    while not claim():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.01)


REJECTED, UNAVAILABLE = "provider_rejected", "provider_unavailable"
OUTCOMES = {  # scenario: kind, code, counted (None for a Fail), delay_s
    "429 retry_after=7": (Retry, "rate_limited", False, 7),
    "429": (Retry, "rate_limited", False, RATE_LIMIT_PAUSE_S),
    "429 retry_after=0": (Retry, "rate_limited", False, 1),
    "429 retry_after=1e9": (Retry, "rate_limited", False, 3600),
    "429 retry_after=nan": (Retry, "rate_limited", False, RATE_LIMIT_PAUSE_S),
    "429 retry_after=soon": (Retry, "rate_limited", False, RATE_LIMIT_PAUSE_S),
    "429 retry_after=Thu,_01_Jan_1970_00:00:00_GMT": (Retry, "rate_limited", False, 1),
    "insufficient_quota": (Fail, REJECTED, None, None),
    "insufficient_quota retry_after=5": (Fail, REJECTED, None, None),
    "400": (Fail, REJECTED, None, None),
    "401": (Fail, REJECTED, None, None),
    "403": (Fail, REJECTED, None, None),
    "404": (Fail, REJECTED, None, None),
    "422": (Fail, REJECTED, None, None),
    "409": (Retry, UNAVAILABLE, False, PAUSE_S),
    "500": (Retry, UNAVAILABLE, False, PAUSE_S),
    "500 cut=1": (Retry, UNAVAILABLE, False, PAUSE_S),
    "503": (Retry, UNAVAILABLE, False, PAUSE_S),
    "503 retry_after=30": (Retry, UNAVAILABLE, False, 30),
    "hang": (Retry, "timed_out", True, None),
    "hang_midway": (Retry, "timed_out", True, None),
    "cut": (Retry, UNAVAILABLE, True, PAUSE_S),
    "abort": (Retry, UNAVAILABLE, True, PAUSE_S),
    "garbled_event": (Retry, UNAVAILABLE, True, PAUSE_S),
    "error_event": (Retry, UNAVAILABLE, True, PAUSE_S),
    "error_event code=rate_limit_exceeded": (Retry, "rate_limited", True, RATE_LIMIT_PAUSE_S),
    "error_event code=insufficient_quota": (Fail, REJECTED, None, None),
    "html": (Retry, UNAVAILABLE, False, PAUSE_S),
    "broken_body": (Retry, UNAVAILABLE, False, PAUSE_S),
    "empty_choices": (Retry, UNAVAILABLE, False, PAUSE_S),
    "refusal": (Fail, REJECTED, None, None),
    "content_filter": (Fail, REJECTED, None, None),
    "length": (Fail, "invalid_output", None, None),
    "endless chunk_chars=50000": (Fail, "invalid_output", None, None),
}


@pytest.mark.parametrize(("scenario", "expected"), OUTCOMES.items(), ids=OUTCOMES.keys())
def test_each_fault_of_the_provider_has_its_outcome_and_a_reason_without_secrets(server, llm, scenario, expected):
    server.script(scenario)
    with told(ProviderCalled) as calls:
        outcome = ask(llm)
    counted, delay_s = getattr(outcome, "counted", None), getattr(outcome, "delay_s", None)
    assert (type(outcome), outcome.code, counted, delay_s) == expected
    assert [(call.model, call.outcome) for call in calls] == [("fake-1", outcome.code)]
    assert_fit_to_be_shown(outcome.reason)


def assert_fit_to_be_shown(reason):
    assert 10 < len(reason) < 120
    assert "\n" not in reason
    for secret in (API_KEY, "Secret details", "Bearer", "127.0.0.1", "<"):
        assert secret not in reason


def test_a_reason_names_the_providers_own_code(server, llm):
    server.script("404")
    assert ask(llm).reason == "The provider does not know the model or the address (HTTP 404, model_not_found)"


def test_a_good_answer_comes_whole_with_its_cost(server, llm):
    server.script("good objects=4")
    expected = canvas_json("A canvas", 4)
    with told(ProviderCalled) as calls:
        assert ask(llm) == Answer(expected, "fake-1", input_tokens=2, output_tokens=len(expected) // 4)
    [call] = calls
    assert (call.model, call.outcome) == ("fake-1", "answered")
    assert (call.input_tokens, call.output_tokens) == (2, len(expected) // 4)
    assert call.duration_s > 0


def test_tokens_of_an_answer_that_cannot_be_used_are_told(server, llm):
    server.script("length")
    with told(ProviderCalled) as calls:
        ask(llm)
    assert calls[0].outcome == "invalid_output"
    assert calls[0].output_tokens > 0


def test_the_model_that_is_told_is_the_one_that_was_asked_for(server):
    """A server may name any model in its answer: a label of the metrics must not come from there."""
    llm = openai_llm(
        api_key=API_KEY,
        base_url=server.base_url,
        model="fake-of-the-settings",
        connect_timeout_s=2,
        read_timeout_s=1,
        total_timeout_s=10,
    )
    server.script("good model=another")
    with told(ProviderCalled) as calls:
        assert ask(llm).model == "another"
    assert [call.model for call in calls] == ["fake-of-the-settings"]


def test_the_pieces_add_up_to_the_answer_and_come_in_the_callers_thread(server, llm):
    server.script("good objects=4 chunk_chars=50")
    heard, threads = [], set()

    def listen(text):
        heard.append(text)
        threads.add(threading.get_ident())

    answer = ask(llm, on_text=listen)
    assert "".join(heard) == answer.text
    assert len(heard) > 3
    assert threads == {threading.get_ident()}


def test_the_request_is_streamed_strict_and_authorized(server, llm):
    server.script("good")
    ask(llm)
    call = server.calls[-1]
    assert (call.stream, call.authorized, call.strict, call.model) == (True, True, True, "fake-1")


def test_the_sdk_repeats_nothing_by_itself(server, llm):
    server.script("500")
    before = len(server.calls)
    ask(llm)
    assert len(server.calls) == before + 1


def test_a_server_that_nobody_runs_costs_no_retry():
    outcome = ask(connected("http://127.0.0.1:9/v1"))
    assert (outcome.code, outcome.counted, outcome.delay_s) == (UNAVAILABLE, False, PAUSE_S)


@pytest.mark.parametrize("scenario", ["hang", "hang_midway", "drip", "good chunk_delay_s=0.05 objects=50"])
def test_a_cancel_closes_the_connection_whatever_the_provider_does(server, scenario):
    llm = connected(server.base_url, read_timeout_s=600, total_timeout_s=600)
    server.script(scenario)
    before = len(server.calls)
    with told(ProviderCalled) as calls:
        outcome = ask(llm, cancelled=lambda: len(server.calls) > before)
        assert isinstance(outcome, Fail)
        assert outcome.code == "cancelled"
        eventually(lambda: server.calls[-1].ended == "cut by client")
        eventually(lambda: calls)
    assert [call.outcome for call in calls] == ["cancelled"]


@pytest.mark.parametrize("scenario", ["hang", "hang_midway", "drip"])
def test_the_time_limit_holds_whatever_the_provider_does(server, scenario):
    llm = connected(server.base_url, read_timeout_s=600, total_timeout_s=600)
    server.script(scenario)
    outcome = ask(llm, timeout_s=0.3)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.counted) == ("timed_out", True)
    eventually(lambda: server.calls[-1].ended == "cut by client")


def test_the_endpoints_own_limit_holds_without_a_deadline(server):
    server.script("drip")
    assert ask(connected(server.base_url, total_timeout_s=0.3)).code == "timed_out"


def test_a_raising_listener_closes_the_connection_too(server):
    server.script("good chunk_delay_s=0.05 objects=50")

    def listen(_):
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        ask(connected(server.base_url), on_text=listen)
    eventually(lambda: server.calls[-1].ended == "cut by client")


def test_many_threads_share_one_client(server, llm):
    server.script("good objects=6 chunk_delay_s=0.005")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(llm))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.text for answer in answers] == [canvas_json("A canvas", 6)] * 20


def test_a_marker_in_the_users_words_chooses_the_scenario(server, llm):
    server.script("good")
    assert ask(llm, words="draw a cat [fake:401]").code == REJECTED


def test_the_key_is_in_no_repr(llm):
    assert API_KEY not in repr(llm._endpoint)


def test_the_sdk_is_not_imported_before_the_first_call():
    code = (
        "import sys; from jobs import handlers; from jobs.handlers.llm import openai_llm\n"
        "handlers.build(openai_llm(api_key='k', base_url='http://127.0.0.1:9/v1', model='m',"
        " connect_timeout_s=1, read_timeout_s=1, total_timeout_s=1))\n"
        "assert 'openai' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
