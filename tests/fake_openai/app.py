"""The Flask app: chat completions, and the two routes with which a test or a bench steers it."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from flask import Flask, Request, Response, jsonify, request

from tests.fake_openai.ledger import ANSWERED, CUT_BY_CLIENT, Call, Ledger
from tests.fake_openai.scenarios import Options, Refuses, Says, Sends, parse
from tests.fake_openai.wire import Line, Speech

MARKER = re.compile(r"\[fake:([^\]]+)\]")


def create_app(ledger: Ledger) -> Flask:
    app = Flask(__name__)

    @app.post("/v1/chat/completions")
    def chat_completions() -> Response:
        asked = request.get_json()
        call = _enter(ledger, request, asked)
        return _play(call, asked, Line(request.environ["werkzeug.socket"]))

    @app.get("/ledger")
    def read_ledger() -> Response:
        return jsonify([{name: getattr(call, name) for name in Call.__slots__} for call in ledger.calls])

    @app.post("/script")
    def write_script() -> Response:
        ledger.script(*request.get_json())
        return jsonify(success=True)

    @app.errorhandler(ValueError)
    def unknown_scenario(error: ValueError) -> tuple[Response, int]:
        return jsonify(error={"message": str(error)}), 400

    return app


def _enter(ledger: Ledger, seen: Request, asked: dict[str, Any]) -> Call:
    return ledger.open(
        marked=_marked(asked["messages"]),
        model=asked["model"],
        stream=bool(asked.get("stream")),
        authorized="Authorization" in seen.headers,
        body_sha256=hashlib.sha256(seen.get_data()).hexdigest(),
        messages=asked["messages"],
        strict=asked.get("response_format", {}).get("json_schema", {}).get("strict") is True,
    )


def _marked(messages: list[dict[str, Any]]) -> str | None:
    """The scenario that a user message asks for, if any."""
    words = " ".join(str(message["content"]) for message in messages if message["role"] == "user")
    found = MARKER.search(words)
    return found[1] if found else None


def _play(call: Call, asked: dict[str, Any], line: Line) -> Response:
    scenario, options = parse(call.scenario)
    match scenario:
        case Says():
            with_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            return _say(Speech(call, scenario, options, line, with_usage))
        case Refuses():
            return _refuse(call, scenario, options)
        case Sends():
            return _send(call, scenario, line)


def _say(speech: Speech) -> Response:
    if speech.call.stream:
        return Response(speech.events(), content_type="text/event-stream")
    if speech.says.breaks:
        return _send(speech.call, Sends(hangs=True), speech.line)
    speech.line.hung_up(within_s=float(speech.options.get("first_delay_s", "0")))
    speech.call.end(ANSWERED)
    return jsonify(speech.body())


def _refuse(call: Call, refuses: Refuses, options: Options) -> Response:
    call.end(ANSWERED)
    code = refuses.code
    error = {"message": f"Secret details of {code}", "type": code, "code": code, "param": None}
    body = json.dumps({"error": error})
    sent = _cut(body) if "cut" in options else body
    response = Response(sent, status=refuses.status, content_type="application/json")
    wait = options.get("retry_after")
    if wait is not None:
        response.headers["Retry-After"] = wait.replace("_", " ")
    return response


def _cut(body: str) -> Iterator[str]:
    yield body[:20]
    raise ConnectionAbortedError


def _send(call: Call, sends: Sends, line: Line) -> Response:
    if sends.hangs:
        line.wait_for_hang_up()
        call.end(CUT_BY_CLIENT)
    call.end(ANSWERED)
    return Response(sends.body, content_type=sends.content_type)
