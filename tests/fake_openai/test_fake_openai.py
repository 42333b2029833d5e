import json
import os
import signal
import subprocess
import sys
import urllib.request

import openai
import pytest

from tests import fake_openai
from tests.fake_openai.drawing import canvas_json
from tests.fake_openai.scenarios import SCENARIOS


@pytest.fixture(scope="module")
def server():
    with fake_openai.running() as fake:
        yield fake


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0, timeout=5)


def ask(client, words="draw", **more: object):
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": words}], **more)


def call_json(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def test_a_request_without_streaming_gets_one_document(server, client):
    server.script("good objects=3")
    answer = ask(client)
    assert answer.choices[0].message.content == canvas_json("A canvas", 3)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == len(canvas_json("A canvas", 3)) // 4


def test_a_streamed_answer_ends_with_its_usage_only_when_asked(server, client):
    server.script("good objects=3")
    usages = [chunk.usage for chunk in ask(client, stream=True, stream_options={"include_usage": True})]
    assert [usage is not None for usage in usages] == [False] * (len(usages) - 1) + [True]
    assert all(chunk.usage is None for chunk in ask(client, stream=True))


def test_a_refusal_an_empty_answer_and_a_cut_off_one_work_without_streaming(server, client):
    server.script("refusal", "empty_choices", "length")
    assert ask(client).choices[0].message.refusal
    assert ask(client).choices == []
    assert ask(client).choices[0].finish_reason == "length"


def test_the_script_gives_one_scenario_a_call_and_repeats_the_last(server, client):
    server.script("good", "500", "429")
    ask(client)
    for error in (openai.InternalServerError, openai.RateLimitError, openai.RateLimitError):
        with pytest.raises(error):
            ask(client)


def test_a_marker_chooses_for_its_call_alone(server, client):
    server.script("good")
    with pytest.raises(openai.AuthenticationError):
        ask(client, "draw a cat [fake:401]")
    assert ask(client).choices


def test_the_ledger_tells_of_every_call_and_keeps_no_key(server, client):
    server.script("good")
    ask(client, "a cat")
    seen = call_json(server.base_url.removesuffix("/v1") + "/ledger")[-1]
    assert (seen["scenario"], seen["model"], seen["stream"], seen["authorized"]) == ("good", "m", False, True)
    assert (seen["id"], seen["ended"], len(seen["body_sha256"])) == (len(server.calls), "answered", 64)
    assert seen["messages"] == [{"role": "user", "content": "a cat"}]
    assert "Bearer" not in json.dumps(seen)


def test_equal_requests_have_equal_hashes(server, client):
    server.script("good")
    for words in ("a cat", "a cat", "a dog"):
        ask(client, words)
    one, same, other = (call.body_sha256 for call in server.calls[-3:])
    assert one == same != other


def test_an_unknown_scenario_is_refused_with_the_list(server, client):
    with pytest.raises(ValueError, match=r"no scenario 'godo'; there are .*good"):
        server.script("good", "godo")
    with pytest.raises(openai.BadRequestError, match="no scenario"):
        ask(client, "[fake:godo]")


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_can_be_played_without_a_fault_of_the_server_itself(server, name, caplog):
    client = openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0, timeout=0.2)
    server.script(f"{name} chunk_chars=100000")
    for stream in (False, True):
        try:
            answer = ask(client, stream=stream)
            if stream and name != "drip":
                list(answer)
        except (openai.APIError, ValueError):
            continue
        finally:
            assert server.calls[-1].scenario.startswith(name)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_it_runs_as_a_process_of_its_own_and_is_steered_over_http():
    command = [sys.executable, "-m", "tests.fake_openai", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        base_url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
        root = base_url.removesuffix("/v1")
        call_json(f"{root}/script", ["503", "good objects=2"])
        client = openai.OpenAI(api_key="k", base_url=base_url, max_retries=0)
        with pytest.raises(openai.InternalServerError):
            ask(client)
        assert ask(client).choices[0].message.content == canvas_json("A canvas", 2)
        assert [call["scenario"] for call in call_json(f"{root}/ledger")] == ["503", "good objects=2"]
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
