"""How it is told what a route takes and answers, for the OpenAPI document; a test holds what is told to the routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON, TEXT, HTML, SVG = "application/json", "text/plain", "text/html", "image/svg+xml"
OPENMETRICS = "application/openmetrics-text"


@dataclass(frozen=True, slots=True)
class Answer:
    """`shape` is a model or a TypedDict, None for what is not JSON; `media` is empty for an answer without a body.

    `headers` are those beside what every answer has.
    """

    means: str
    shape: Any = None
    media: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`refuses` are the statuses that bring an Error; `follow` says where a made job's id stands in the answer.

    `needs` is the security scheme, with a question mark when some may go without; None: anybody may ask.
    """

    id: str
    summary: str
    tells: Mapping[int, Answer]
    description: str = ""
    tag: str = "Jobs"
    body: Any = None
    query: Any = None
    headers: tuple[str, ...] = ()
    refuses: tuple[int, ...] = ()
    follow: str | None = None
    needs: str | None = "bearer"
    examples: Mapping[str, Any] = field(default_factory=dict)


SIGNED_IN = (401, 429, 500, 503)
WITH_BODY = (*SIGNED_IN, 400, 403, 413, 415, 422)
OF_A_JOB = (*SIGNED_IN, 404)
STEERING = (*OF_A_JOB, 403)  # 403: signed by a cookie, and without X-CSRF-Token
