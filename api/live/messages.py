"""What a Follower has to say, as a WebSocket's texts."""

import json
import time

from api.live.follower import Follower

CLOSE_S = 0.5  # for a client to take what is on its way when the process stops


class Messages:
    """`end`: of the token (Unix time)."""

    def __init__(self, follower: Follower, end: float) -> None:
        self._follower = follower
        self._end = end

    @property
    def is_ending(self) -> bool:
        return self._follower.closed or self._follower.overrun

    def take(self, most: int) -> list[str]:
        found = self._follower.take(most)
        return [json.dumps({"event": one.name, "data": one.data}, separators=(",", ":")) for one in found]

    def is_over(self) -> bool:
        """Asked by the own thread: nobody waits for a slow client beyond its token, or while the process stops."""
        if self._follower.closed:
            self._end = min(self._end, time.time() + CLOSE_S)
        return time.time() >= self._end
