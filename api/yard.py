"""What the routes work with."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel
from sqlalchemy import Engine

from api.answers import ID
from api.waiting import Waiting
from config import Config
from jobs.errors import NotFound
from jobs.job import Key

PREFIX = "/api/ai-agent"
EVENTS = f"{PREFIX}/ws"
SOCKET_IO = "/socket.io/"
CANVAS = "create_canvas"


class Hints(Protocol):
    """Who is told that there is work; see jobs/events.py."""

    def ready(self, keys: Iterable[Key]) -> None: ...

    def due(self, due_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Yard:
    """`job_types` may be asked for, each with the model of its request; None: any JSON object."""

    settings: Callable[[], Config]
    engine: Engine
    hints: Hints
    job_types: Mapping[str, type[BaseModel] | None]
    waiting: Waiting


def plain_id(given: str) -> str:
    """Raises NotFound for what cannot be a job's id."""
    if not re.fullmatch(ID, given):
        raise NotFound
    return given
