"""A client's picture of a job that draws itself, put together by the rules of docs/api.md."""

import json
from typing import Any


class Picture:
    """Every message of a job goes to `see`; `objects` is what would be on the screen, in order."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.claim_seq = 0
        self.ended: str | None = None
        self.updates: list[dict[str, Any]] = []
        self._objects: dict[str, dict[str, Any]] = {}

    @property
    def objects(self) -> list[dict[str, Any]]:
        return list(self._objects.values())

    @property
    def text(self) -> str:
        return json.dumps(self.objects)

    def see(self, event: str, data: dict[str, Any]) -> None:
        if data["job_id"] != self.job_id or self.ended:
            return
        if event == "ai_job_update":
            self._update(data)
            return
        self.ended = event
        self._objects = {obj["id"]: obj for obj in data.get("result", {}).get("objects", ())}

    def _update(self, data: dict[str, Any]) -> None:
        if data.get("claim_seq", 0) < self.claim_seq:
            return
        self.claim_seq = data.get("claim_seq", self.claim_seq)
        if data.get("anew"):
            self._objects = {}
        if "objects" in data:
            self.updates.append(data)
        self._objects |= {obj["id"]: obj for obj in data.get("objects", ())}
