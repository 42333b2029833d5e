"""What the server can play, by name: the model's words, an error status, or no answer at all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.fake_openai.drawing import canvas_json

Options = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Says:
    """The model's words.

    `breaks` is what happens half way: "cut" and "abort" close the connection (with and without a tidy end
    of the HTTP body), "hang" sends no more, "drip" sends empty comments for ever, "garble" sends an event
    that is no JSON, "error" an error event.
    """

    content: str
    finish_reason: str = "stop"
    refusal: str | None = None
    has_choices: bool = True
    breaks: str | None = None


@dataclass(frozen=True, slots=True)
class Refuses:
    """An error status with OpenAI's error body; the option retry_after is sent as the header, cut=1 cuts the body."""

    status: int
    code: str


@dataclass(frozen=True, slots=True)
class Sends:
    """Status 200 with a body that is no answer; with `hangs` nothing is ever sent."""

    body: bytes = b""
    content_type: str = "application/json"
    hangs: bool = False


Scenario = Says | Refuses | Sends


def _good(options: Options) -> str:
    return canvas_json(options.get("title", "A canvas").replace("_", " "), int(options.get("objects", "9")))


def _with_text(escaped: str) -> str:
    """A good canvas whose first label holds a JSON escape that PostgreSQL would refuse."""
    return _good({"title": "A_\\_canvas"}).replace("\\\\", escaped).replace("Step 1", f"Step{escaped} 1")


def _off_schema(_: Options) -> str:
    cube = {"object_type": "cube", "properties": {"x": "left"}}
    return json.dumps({"title": 7, "objects": [cube, "circle", None]})


_SAYS: dict[str, Callable[[Options], Says]] = {
    "good": lambda o: Says(_good(o)),
    "fenced": lambda o: Says(f"Here it is:\n```json\n{_good(o)}\n```\n"),
    "many": lambda o: Says(_good({"objects": "2000", **o})),
    "endless": lambda o: Says(_good({"objects": "9000", **o})),
    "invalid_json": lambda o: Says(_good(o)[:-40]),
    "prose": lambda _: Says("I drew a lovely flowchart for you."),
    "off_schema": lambda o: Says(_off_schema(o)),
    "no_objects": lambda _: Says('{"title": "Nothing", "objects": []}'),
    "nul": lambda _: Says(_with_text("\\u0000")),
    "surrogate": lambda _: Says(_with_text("\\ud800")),
    "refusal": lambda _: Says("", refusal="I cannot help with that."),
    "content_filter": lambda o: Says(_good(o)[:60], finish_reason="content_filter"),
    "length": lambda o: Says(_good(o)[:-40], finish_reason="length"),
    "empty_choices": lambda _: Says("", has_choices=False),
    "silent": lambda _: Says(""),
    "cut": lambda o: Says(_good(o), breaks="cut"),
    "abort": lambda o: Says(_good(o), breaks="abort"),
    "hang_midway": lambda o: Says(_good(o), breaks="hang"),
    "drip": lambda o: Says(_good(o), breaks="drip"),
    "garbled_event": lambda o: Says(_good(o), breaks="garble"),
    "error_event": lambda o: Says(_good(o), breaks="error"),
}

_OTHERS: dict[str, Scenario] = {
    "400": Refuses(400, "invalid_json_schema"),
    "401": Refuses(401, "invalid_api_key"),
    "403": Refuses(403, "unsupported_country_region_territory"),
    "404": Refuses(404, "model_not_found"),
    "409": Refuses(409, "conflict"),
    "422": Refuses(422, "unprocessable"),
    "429": Refuses(429, "rate_limit_exceeded"),
    "insufficient_quota": Refuses(429, "insufficient_quota"),
    "500": Refuses(500, "server_error"),
    "503": Refuses(503, "overloaded"),
    "html": Sends(b"<!doctype html><title>Maintenance</title><h1>Back soon</h1>", "text/html"),
    "broken_body": Sends(b'{"id": "chatcmpl-1", "choices": [{"index": 0, "mess'),
    "hang": Sends(hangs=True),
}

SCENARIOS = frozenset(_SAYS) | frozenset(_OTHERS)


def parse(scenario: str) -> tuple[Scenario, Options]:
    """ "good objects=5" as what is played and its options.  Raises ValueError for an unknown name."""
    name, *pairs = scenario.split()
    options = dict(pair.split("=", 1) for pair in pairs)
    if name not in SCENARIOS:
        raise ValueError(f"no scenario {name!r}; there are {', '.join(sorted(SCENARIOS))}")
    return (_SAYS[name](options) if name in _SAYS else _OTHERS[name]), options
