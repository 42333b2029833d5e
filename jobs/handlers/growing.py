"""A canvas while it is drawn: what is finished is shown at once, as it will stand in the result."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jobs.handlers.canvas import MOST_OBJECTS, accept
from jobs.handlers.repair import repair
from jobs.handlers.shapes import Object
from jobs.handlers.stream import ObjectStream
from jobs.job import Draw


class Growing:
    """Each place of the drawing has its id and its date from the moment on in which its object is finished."""

    def __init__(self, canvas_id: str, user_id: str, draw: Draw) -> None:
        self._named = {"canvas_id": canvas_id, "created_by": user_id}
        self._draw = draw
        self.begin()

    def begin(self) -> None:
        """An answer is to come; what came before it does not count."""
        self._stream = ObjectStream()
        self._accepted: list[Object] = []
        self._shown: list[Mapping[str, Any]] = []
        self._places: list[Mapping[str, Any]] = []

    def feed(self, text: str) -> int:
        """Shows the objects that this piece of the answer finishes; returns how many there were, also unfit ones."""
        raws = self._stream.feed(text)
        self._accepted += [obj for raw in raws if (obj := accept(raw))][: MOST_OBJECTS - len(self._accepted)]
        if raws:
            self._show(self.whole(repair(self._accepted)))
        return len(raws)

    def whole(self, objects: Sequence[Object]) -> list[Mapping[str, Any]]:
        """The objects of the result, with what the contract wants beside what was drawn."""
        self._places += [self._place() for _ in objects[len(self._places) :]]
        return [{"id": place["id"], **obj, **place} for place, obj in zip(self._places, objects, strict=False)]

    def _show(self, objects: list[Mapping[str, Any]]) -> None:
        """A shape that comes later may move a text that was there: it is shown again."""
        known = len(self._shown)
        news = [obj for n, obj in enumerate(objects) if n >= known or obj != self._shown[n]]
        if news:
            self._draw(news, anew=not self._shown)
        self._shown = objects

    def _place(self) -> Mapping[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"id": str(uuid.uuid4()), **self._named, "created_at": now, "updated_at": now}
