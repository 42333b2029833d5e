"""What one connection has been told of a drawing that is under way, and what it is still to be told."""

from typing import Any

from api.live.events import Event


class Sketch:
    """`told` is (claim_seq, n): the newest part of the drawing that was taken in; (0, 0): none."""

    def __init__(self) -> None:
        self.told = (0, 0)
        self._anew = False
        self._objects: dict[str, dict[str, Any]] = {}  # by id, not yet sent

    def add(self, event: Event) -> bool:
        """False, and nothing is taken in: parts are missing between what was told and these."""
        claim_seq, n = self.told
        if event.claim_seq != claim_seq:
            n = 0
        if event.claim_seq < claim_seq:
            return True
        if event.after > n:
            return False
        for part in event.parts:
            if part.n > n:
                self._add(part.anew, part.objects)
            n = max(n, part.n)
        self.told = event.claim_seq, n
        return True

    def take(self) -> dict[str, Any]:
        """What a message has to say of the drawing; empty: nothing new."""
        objects, anew = list(self._objects.values()), self._anew
        self._objects, self._anew = {}, False
        if not objects and not anew:
            return {}
        told = {"claim_seq": self.told[0], "objects": objects}
        return {**told, "anew": True} if anew else told

    def _add(self, anew: bool, objects: list[dict[str, Any]]) -> None:  # noqa: FBT001 - a column
        if anew:
            self._anew, self._objects = True, {}
        self._objects.update({obj["id"]: obj for obj in objects})
