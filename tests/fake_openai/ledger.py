"""Every call that reached the server, in order."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.fake_openai.scenarios import parse

ANSWERED, CUT_BY_SERVER, CUT_BY_CLIENT, OPEN = "answered", "cut by server", "cut by client", "open"


@dataclass(slots=True)
class Call:
    """One request; `ended` says who ended it, `messages` is what the model was told."""

    id: int
    scenario: str
    model: str
    stream: bool
    authorized: bool  # an Authorization header came; its value is never kept
    body_sha256: str
    messages: list[dict[str, Any]]
    strict: bool  # the answer must obey a JSON schema strictly
    at: float = field(default_factory=time.time)
    ended_at: float | None = None
    ended: str = OPEN

    def end(self, how: str) -> None:
        """The first end counts."""
        if self.ended == OPEN:
            self.ended, self.ended_at = how, time.time()


class Ledger:
    """The calls and the script that chooses their scenarios, safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._script: list[str] = []

    @property
    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def script(self, *scenarios: str) -> None:
        """One scenario a call, and the last one again and again; none: every call is a "good" one.

        Raises ValueError for a scenario that is not known.
        """
        for scenario in scenarios:
            parse(scenario)
        with self._lock:
            self._script = list(scenarios)

    def open(self, *, marked: str | None, **seen: Any) -> Call:
        """Write down a new call; `marked` is the scenario that its own text asked for."""
        with self._lock:
            call = Call(id=len(self._calls) + 1, scenario=marked or self._next(), **seen)
            self._calls.append(call)
            return call

    def _next(self) -> str:
        if not self._script:
            return "good"
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]
